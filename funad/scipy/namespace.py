"""What every module of funad.scipy is made of: each public name of SciPy's, traced, passed on or refused."""

import functools
import types

import numpy as onp

from ..primitives import primitive_of_scipy

__all__ = ["complete", "counterpart", "public_names"]


def public_names(theirs):
    """Return the public names of a module of SciPy's, without its submodules."""
    names = getattr(theirs, "__all__", None) or [name for name in dir(theirs) if not name.startswith("_")]
    return [name for name in names if not isinstance(getattr(theirs, name), types.ModuleType)]


def complete(ours, theirs):
    """Give a module, by its globals, the public names of SciPy's module that it does not define itself.

    Functions become primitives: those without a rule are refused by name on traced values, and are
    SciPy's own on plain ones. Classes, constants and submodules are passed on.
    """
    for name in [name for name, x in ours.items() if x is None and not name.startswith("_")]:
        del ours[name]  # a later version of SciPy has it
    ours["__all__"] = public_names(theirs)
    for name in ours["__all__"]:
        if name not in ours:
            ours[name] = counterpart(getattr(theirs, name), f"{theirs.__name__}.{name}")
    ours["__getattr__"] = functools.partial(getattr, theirs)  # submodules
    ours["__dir__"] = functools.partial(sorted, ours["__all__"])


def counterpart(found, name):
    """Return what stands under SciPy's name in funad: the primitive of a function, else the value."""
    is_function = isinstance(found, onp.ufunc) or (callable(found) and not isinstance(found, type))
    return primitive_of_scipy(found, name) if is_function else found

"""What a user's function may not do while its arguments are traced: each is refused by its reason.

It is called with plain values then. A traced value that it meets all the same stands in its closure, and
its derivative would be lost; what it writes into an argument would change what the rules read; and of
containers among its results, no trace would know the parts.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as onp

from . import tree
from .boxes import Traced
from .cpython import other_holders
from .errors import ArgumentError, NotDifferentiableError
from .registry import Derived, Primitive
from .spaces import describe, is_inexact, laid_out_copy

ndarray = onp.ndarray
_NUMBERS = frozenset({float, onp.float64, int, complex, bool})
_COMPILED = (types.BuiltinFunctionType, onp.ufunc)


def guarded(prim: Primitive, f: Callable[..., Any]) -> Callable[..., Any]:
    """Return f as a trace calls it: with arrays that it cannot write into, and its result looked at."""
    if isinstance(f, _COMPILED):
        return f

    @functools.wraps(f, [name for name in functools.WRAPPER_ASSIGNMENTS if hasattr(f, name)], ())
    def run(*args: Any, **kwargs: Any) -> Any:
        given = args if _NUMBERS.issuperset(map(type, args)) else map(unwritable, args)
        named = {name: unwritable(x) for name, x in kwargs.items()} if kwargs else kwargs
        try:
            y = f(*given, **named)
        except (ValueError, TypeError, BufferError) as error:
            if not _is_of_writing(error):
                raise
            y = _run_on_copies(prim.name, f, args, kwargs, error)
        if type(y) is ndarray:
            return y if not other_holders(y) and y.base is None and y.flags.writeable else owned(y, 1)
        return y if type(y) in _NUMBERS else _checked(prim, y)

    return run


def guarded_rule(prim: Primitive, rule: Callable[..., Any]) -> Callable[..., Any]:
    """Return a user's rule as a trace calls it: y, ȳ and the arguments are also what others read."""
    if isinstance(rule, (Derived, *_COMPILED)) or not callable(rule):
        return rule

    def run(y: Any, ybar: Any, *args: Any, **kwargs: Any) -> Any:
        given = (y, ybar, *args)
        shielded = tuple(map(unwritable, given))
        named = {name: unwritable(x) for name, x in kwargs.items()} if kwargs else kwargs
        try:
            found = rule(*shielded, **named)
        except (ValueError, TypeError, BufferError) as error:
            if not _is_of_writing(error):
                raise
            found = _run_on_copies(f"the rule of {prim.name}", rule, given, kwargs, error)
        if type(found) is ndarray and not found.flags.writeable:
            return next((x for x, shield in zip(given, shielded, strict=True) if found is shield), found)
        return found

    run.unguarded = rule  # type: ignore[attr-defined]
    return run


def _run_on_copies(name: str, f: Any, args: Any, kwargs: Any, reason: Exception) -> Any:
    """Call f with copies of arrays, as compiled code may want them; refuse it if it writes into one."""
    leaves, structure = tree.flatten((args, kwargs))
    copies = [x.copy() if type(x) is ndarray else x for x in leaves]
    args, kwargs = tree.unflatten(structure, copies)
    y = f(*args, **kwargs)
    for x, copied in zip(leaves, copies, strict=True):
        if type(x) is ndarray and x.tobytes() != copied.tobytes():
            raise wrote(name, reason) from None
    return y


def unwritable(x: Any) -> Any:
    """Return arrays, those in containers too, so that f cannot write into them: the way back needs them."""
    if type(x) is ndarray:
        if x.flags.writeable:
            x = x.view()
            x.setflags(write=False)
        return x
    return x if type(x) in _NUMBERS or tree.is_leaf(x) else tree.map(unwritable, x)


def own(part: Any) -> Any:
    """Return a result of f as an array of its own, if f returned such an argument."""
    return laid_out_copy(part) if type(part) is ndarray and not part.flags.writeable else part


def owned(y: Any, holders: int = 0) -> Any:
    """Return a result of f as an array that f, or who has called it, cannot change any more.

    f may go on to use an array that it has returned, as a buffer. It is taken as it is only if nothing but
    the ``holders``, the variables and tuples of the callers of this function, refers to it. A copy of a
    part of an argument is read-only: written to, it would leave the argument as it is.
    """
    if type(y) is not ndarray:
        return y
    if not y.flags.writeable:
        y = laid_out_copy(y)
        y.flags.writeable = False
        return y
    base = y.base
    alone = base is None or (type(base) is ndarray and base.base is None and other_holders(base) <= 1)
    return y if alone and other_holders(y) <= holders else laid_out_copy(y)


def _is_of_writing(error: Exception) -> bool:
    return "read-only" in str(error) or "readonly" in str(error)


def wrote(name: str, error: Exception | None = None) -> Exception:
    """Return the error of a function that has tried to write into an argument; another as it is."""
    if error is not None and not _is_of_writing(error):
        return error
    return ArgumentError(
        f"{name} wrote into an argument, but the way back needs what was there before; start {name} with a "
        f"copy: x = np.copy(x)"
    )


def _checked(prim: Primitive, y: Any) -> Any:
    """Return a result of another kind than an array or a number; refuse traced values and containers."""
    refuse_traced(prim.name, y)
    if prim.kind != "zero" and prim.containers != (-1,):
        for part in y if isinstance(y, (tuple, list)) else (y,):
            if not tree.is_leaf(part) and any(map(is_inexact, tree.flatten(part)[0])):
                refuse_container(prim, "returned", type(y).__name__)
    return y if tree.is_leaf(y) else tree.map(owned, y)


def closure_error(name: str, x: Any = None) -> NotDifferentiableError:
    """Return the error of a function that has met a traced value, x, which is none of its arguments."""
    found = f", {describe(x)}," if isinstance(x, Traced) else ""
    return NotDifferentiableError(
        f"{name} closes over a traced value{found} (or has met one in an object, a default or a global), but "
        f"its derivatives are those of its arguments alone, so that this one would be lost; pass that value "
        f"to it as an argument"
    )


def refuse_traced(name: str, y: Any, level: float = 0) -> None:
    """Refuse a result in which there is a value of a trace of this level, or of one further inside."""
    for leaf in [y] if tree.is_leaf(y) else tree.flatten(y)[0]:
        if isinstance(leaf, Traced) and leaf.tape.level >= level:
            raise closure_error(name, leaf)


def refuse_container(prim: Primitive, what: str, kind: str) -> NoReturn:
    """Refuse a container with traced values in it, or with results, that a primitive has not declared."""
    raise ArgumentError(
        f"{prim.name} {what} numbers in a {kind}, of which a trace sees one value; wrap it with "
        f"funad.primitive(f, containers=True), and its rules take and return such containers"
    )

"""What is said of objects of other libraries that a traced value cannot go with."""

from __future__ import annotations

import datetime
import itertools
from numbers import Number
from typing import Any

import numpy as onp

from .advice import instead_of
from .cpython import above, frame_at, names_in, steps
from .errors import NotDifferentiableError
from .places import attribute, in_library, own_name

ndarray = onp.ndarray


def is_array_like(x: Any) -> bool:
    """Say whether an object is no array, but one that NumPy can ask for an array."""
    if issubclass(type(x), (ndarray, onp.generic, type)) or hasattr(type(x), "tape"):
        return False
    return hasattr(type(x), "__array__")


def refused_constant(x: Any) -> NotDifferentiableError | None:
    """Return the error of an object whose arithmetic is its own beside a traced value; None of others."""
    kind: Any = type(x)
    if issubclass(type(x), ndarray):
        own = kind.__mul__ is not ndarray.__mul__ or kind.__array_ufunc__ is not ndarray.__array_ufunc__
    else:
        own = hasattr(kind, "tocsr") and hasattr(kind, "toarray") and not hasattr(kind, "__array_ufunc__")
    if own:
        name = own_name(x, kind.__name__)
        return NotDifferentiableError(
            f"{name} has an arithmetic of its own, which is not that of the traced value beside it; "
            f"{instead_of(name) or 'write numpy.asarray(a)'}"
        )
    if is_duration(x):
        return refused_duration(x)
    return refused_bare(x) if hasattr(kind, "__pandas_priority__") else None


def is_duration(x: Any) -> bool:
    """Say whether x is a duration or a point in time, of NumPy or of Python, or an array of them."""
    dtype = attribute(x, "dtype", None)
    return isinstance(x, (datetime.timedelta, datetime.date)) or getattr(dtype, "kind", "") in ("m", "M")


def refused_duration(x: Any) -> NotDifferentiableError:
    """Return the error of a duration beside a traced value."""
    name = x.dtype.name if issubclass(type(x), ndarray) else public_name(x)
    return NotDifferentiableError(
        f"{name} beside a traced value: NumPy and Python round a multiple of a duration to whole units, so "
        f"that it has no derivative; make numbers of durations before they meet x, "
        f"duration / numpy.timedelta64(1, 'D') for days (of Python's, duration.total_seconds()), or give "
        f"them stop_gradient(x) where the derivative is not wanted"
    )


def refused_bare(x: Any) -> NotDifferentiableError:
    """Return the error of an object that means more than its values, which alone a trace could take."""
    kind = type(x)
    values = f"write {_values(x)} for the {kind.__name__} a"
    if not hasattr(kind, "__pandas_priority__"):
        return NotDifferentiableError(
            f"{public_name(x)} beside a traced value: it cannot hold one here, and its bare values are not "
            f"all that it is; {values} if they are what is meant"
        )
    return NotDifferentiableError(
        f"{public_name(x)} beside a traced value: its labels and missing values count, and it cannot hold "
        f"traced values; do what needs labels with plain data (a.reindex(b.index) to align, a[mask] to "
        f"select), then {values}. On arrays std and var have ddof=0, where pandas has np.std(y, ddof=1), and "
        f"nan is skipped by np.nansum, np.nanmean and their like only"
    )


def refused_declined(x: Any, name: str) -> NotDifferentiableError:
    """Return the error of an object whose operator has returned NotImplemented."""
    if is_array_like(x):
        return refused_bare(x)
    kind = type(x)
    instead = instead_of(own_name(x, kind.__name__))
    if not instead:
        instead = f"let it take whatever is no {kind.__name__}"
        instead += f", or write float(a) for the {kind.__name__} a" if isinstance(x, Number) else ""
    return NotDifferentiableError(
        f"{public_name(x)}.{name} does not take the traced value beside it (it returned NotImplemented, as "
        f"after isinstance(other, float)); {instead}, or give it stop_gradient(x) where the derivative is "
        f"not wanted"
    )


def refused_by_asker() -> NotDifferentiableError | None:
    """Return the error of an object of pandas or xarray that is asking for plain numbers; None if none is."""
    made = None
    for frame in itertools.takewhile(in_library, above(frame_at(2))):
        x = names_in(frame).get("self")
        if hasattr(type(x), "__pandas_priority__") and not hasattr(type(x), "tape"):
            if frame.f_code.co_name != "__init__":
                return refused_bare(x)
            made = made or refused_entry(x)
        elif hasattr(type(x), "dims") and frame.f_code.co_name == "__init__":  # it has no data yet
            return NotDifferentiableError(
                f"{public_name(x)} is being made of a list of traced values, of which a plain array was "
                f"asked; write np.stack([...]) after import funad.numpy as np for that list"
            )
        elif hasattr(type(x), "dims") and hasattr(getattr(x, "data", None), "tape"):
            return NotDifferentiableError(
                f"{public_name(x)} holds a traced value, of which a plain array was asked; write a.data for "
                f"the {type(x).__name__} a, which is still traced, or give it stop_gradient(a.data) where "
                f"the derivative is not wanted"
            )
    return made


def refused_by_dask() -> NotDifferentiableError:
    """Return the error of a function of dask's that was given a traced value, named as the user called it."""
    name = ""
    for frame in above(frame_at(2)):
        own = frame.f_globals.get("__name__", "").startswith("dask.")
        if not own and name:
            break
        called = frame.f_code.co_name
        if own and called == "__call__":  # a ufunc of dask's
            called = getattr(names_in(frame).get("self"), "__name__", called)
        if own and not called.startswith("_") and called != "wrapper":
            name = called
    if name in _BLOCKWISE:
        instead = (
            "write the computation with functions of funad.numpy on the whole arrays, which dask runs block "
            "by block; or differentiate inside of the function that gets the blocks, with "
            "value_and_grad(loss)(w, block), and add what it returns"
        )
    else:
        known = (prefix for prefix, of in (("np.", onp), ("np.linalg.", onp.linalg)) if hasattr(of, name))
        function = next((f"{prefix}{name}" for prefix in known), "the function of that name")
        instead = f"write {function} after import funad.numpy as np, which calls dask's on dask arrays"
    return NotDifferentiableError(
        f"dask's {name or 'tokenize'} was given a traced value, of which it would make a constant, without "
        f"its derivative; {instead}. stop_gradient(x) gives a constant, where that is meant"
    )


_BLOCKWISE = frozenset(
    {"map_blocks", "blockwise", "map_overlap", "apply_gufunc", "gufunc", "as_gufunc", "elemwise", "reduction",
     "apply_along_axis", "apply_over_axes", "from_array", "from_delayed", "delayed", "tokenize"}
)  # fmt: skip


def refused_in_place_of(error: BaseException) -> NotDifferentiableError | None:
    """Return the error of an attribute that a traced value has not, though what it stands for has it.

    Of series += x pandas complains in words of its own: it asks for series + x, which it leaves to the traced
    value, and takes NotImplemented for the sum. None of another error.
    """
    if not isinstance(error, AttributeError):
        return None
    if hasattr(type(error.obj), "tape"):
        return _refused_method(error.obj, error.name or "")
    if "NotImplementedType" not in str(error):
        return None
    for step in steps(error):
        x = names_in(step.tb_frame).get("self")
        if hasattr(type(x), "__pandas_priority__") and not hasattr(type(x), "tape"):
            return refused_bare(x)
    return None


def _refused_method(x: Any, name: str) -> NotDifferentiableError | None:
    """Return the error of a method of another library's arrays that NumPy's have not, such as compute()."""
    while hasattr(type(x), "tape"):
        x = x.inside
    if issubclass(type(x), (onp.ndarray, onp.generic)) or not hasattr(x, name):
        return None
    return NotDifferentiableError(
        f"{name} is an attribute of {public_name(x)}, which a traced value has not; use it before, on the "
        f"data, or afterwards, on what value_and_grad returns"
    )


def refused_entry(x: Any) -> NotDifferentiableError:
    """Return the error of an object that is being made of a traced value."""
    kind = public_name(x)
    return NotDifferentiableError(
        f"{kind} cannot hold traced values, whose derivatives would be lost; keep what is traced in arrays, "
        f"and make a {kind} of value(x), from funad, to look at it"
    )


def refused_gap() -> NotDifferentiableError:
    """Return the error of a Series or a DataFrame that is being made of a traced nan."""
    return NotDifferentiableError(
        "a pandas object is to hold a traced nan, which pandas would not take for a missing value, so that "
        "its sums, counts and extremes would be others; keep traced values in arrays, where nan is skipped "
        "by np.nansum, np.nanmean and their like (a[~np.isnan(a)] leaves it out), and align with plain data "
        "(a.reindex(b.index)) before it meets them"
    )


def refused_holder(x: Any) -> NotDifferentiableError:
    """Return the error of a class of another library's whose objects hold traced values."""
    kind = type(x).__name__
    data = f", a.data for the {kind} a" if hasattr(getattr(x, "data", None), "tape") else ""
    return NotDifferentiableError(
        f"{public_name(x)} holds a traced value and is no container to funad, so that its plain value "
        f"cannot be taken as a whole; take that of what it holds{data}, or register the class with "
        f"funad.tree.register({kind}, flatten, unflatten)"
    )


def refused_index(x: Any) -> NotDifferentiableError:
    """Return the error of an array of another library in the place of an index."""
    return NotDifferentiableError(
        f"{public_name(x)} as an index of a traced value x: it would be loaded whole; write np.take(x, a, "
        f"axis=0) for places a, and np.where(a, x, 0) for a mask a, after import funad.numpy as np"
    )


def refused_opaque(x: Any, name: str) -> NotDifferentiableError:
    """Return the error of an object, no number and no array, given to a ufunc beside a traced value."""
    return NotDifferentiableError(
        f"{name} was given a {public_name(x)} beside a traced value, of which NumPy makes an array of "
        f"objects; write an operator, which the {type(x).__name__} sees: x * a for numpy.multiply(x, a)"
    )


def refused_objects(x: Any) -> NotDifferentiableError:
    kind = type(x).__name__
    return NotDifferentiableError(
        f"{public_name(x)} beside a traced array x, of which NumPy makes an array of objects, one {kind} "
        f"for each number; write [t * a for t in x], or give the class {kind} the line "
        f"__array_ufunc__ = None, with which its own operator is given the whole array"
    )


def library_of(x: Any) -> str:
    """Return the name of the library that the class of an object is from."""
    return type(x).__module__.partition(".")[0]


def public_name(x: Any) -> str:
    """Return the name of the class of an object, behind that of its library."""
    return f"{library_of(x)}.{type(x).__name__}"


def _values(x: Any) -> str:
    """Return how to write the plain array of an object a: by the method or the attribute that it has."""
    for name in ("to_numpy", "toarray", "todense", "numpy"):
        if callable(getattr(type(x), name, None)):
            return f"a.{name}()"
    return "numpy.asarray(a)"

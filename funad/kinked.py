"""Calls of functions with kinks: whether they may be at one, and what they are there.

At a kink, and where a slope is infinite, what a derivative is depends on what is made of the result. So a
result that is differentiated twice there carries more than a number, as its primitive says (``kinks``).
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as onp

from .boxes import Traced
from .duck_arrays import DUCKS, under_traces, written
from .errors import NotDifferentiableError
from .registry import Primitive
from .trace import Looked
from .values import class_of
from .writing import content_of

ndarray = onp.ndarray


class AtKink(Exception):
    """Raised where forward mode meets a kink: what is to be known of it is found from a tape."""


def may_be_nested(args: tuple[Any, ...]) -> bool:
    """Say whether there may be traced values of two traces among the arguments."""
    trace = None
    for x in args:
        if isinstance(x, Traced):
            if isinstance(x.inside, Traced) or (trace is not None and x.tape is not trace):
                return True
            trace = x.tape
    return False


def with_kinks(prim: Primitive, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result of a primitive with kinks, with what they add if it is differentiated twice."""
    if not isinstance(y, Traced) or not _differentiates(y.tape):
        return y
    args = tuple(map(content_of, args))
    for x in args:
        if isinstance(x, Traced) and is_differentiated(x.inside if x.tape is y.tape else x):
            if DUCKS.used and under_traces(x) is not None:
                return y if prim.kind == "elementwise" else _refuse_kinks(prim, x)
            try:
                found = prim.kinks(y, *args, **kwargs)  # type: ignore[misc]
            except Looked as look:
                found = look.trace.after(look, prim.kinks, (y, *args), kwargs, f"the kinks of {prim.name}")
            except AtKink:
                y.tape.doubtful = True
                return y
            is_number = issubclass(class_of(y), onp.generic) and class_of(found) is ndarray
            return found[()] if is_number else found
    return y


def is_steep_at_zero(x: Any, b: Any = 0.5) -> bool:
    """Say whether a root of x, or the power b of it, may have an infinite slope where x is differentiated."""
    if type(b) is int or isinstance(b, Traced) or (type(b) is float and (b <= 0 or b.is_integer())):
        return False
    x = _differentiated(x)
    if type(x) is ndarray:
        # 0.4 µs for an array of ten, where min takes 2; of a large one, min takes a third of the time.
        if x.size > 100 and x.dtype.kind == "f" and onp.minimum.reduce(x, axis=None) > 0:
            return False
        return bool(onp.count_nonzero(x) != x.size) and x.dtype.kind == "f"
    return issubclass(type(x), (float, onp.floating)) and not x


def is_steep_at_end(x: Any) -> bool:
    """Say whether x is 1 or -1 somewhere, where arccos has an infinite slope, and is differentiated."""
    x = _differentiated(x)
    if type(x) is ndarray:
        return x.dtype.kind == "f" and bool(onp.count_nonzero(onp.abs(x) == 1))
    return issubclass(type(x), (float, onp.floating)) and abs(x) == 1


def _differentiated(x: Any) -> Any:
    """Return the number that is traced, if all who trace it differentiate it; otherwise None."""
    found = False
    while isinstance(x, Traced):
        found = found or _differentiates(x.tape)
        if x.opaque or not (_differentiates(x.tape) or getattr(x.tape, "nearby", False)):
            return None
        x = x.inside
    return x if found else None


def _refuse_kinks(prim: Primitive, x: Any) -> NoReturn:
    """Refuse the second derivative of a function of arrays with kinks: nobody has seen that x is at none."""
    raise NotDifferentiableError(
        f"the second derivative of {prim.name} of {written(under_traces(x).primal)} which is no array of "
        f"NumPy's: it depends on where the kinks of {prim.name} are; write what is smooth without it, "
        f"np.sum(x * x) for np.linalg.norm(x)**2, or take first derivatives"
    )


def _differentiates(trace: Any) -> bool:
    """Say whether a trace is one of a transformation that takes derivatives."""
    return bool(trace.differentiates)


def is_differentiated(x: Any) -> bool:
    """Say whether x is traced by a transformation that takes derivatives."""
    while isinstance(x, Traced):
        if _differentiates(x.tape):
            return True
        x = x.inside
    return False

"""Cotangents on the way back: each is fitted to its argument, and added to what has arrived there."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as onp

from ..boxes import Box
from ..errors import CotangentError
from ..floating import silence
from ..indices import Scatter, add_at, repeats
from ..opaque import Batched
from ..registry import Primitive
from ..spaces import broadcasts, describe, fit, is_complex, is_number, of_library
from ..values import constant, is_array, shape_of
from ..writing import fresh, write
from .strong_zeros import strong_product, strong_rule, strong_zero

ndarray, float64 = onp.ndarray, onp.float64
_FLOAT = onp.dtype(float)

# Numbers whose cotangents need no fitting. Those of NumPy raise where a nan arises, so that only
# those of Python are looked at.
SCALARS = frozenset({float, float64})


def fit_cotangent(prim: Primitive, xbar: Any, ybar: Any, x: Any, at: Any) -> Any:
    """Return x̄ as the sweep keeps it: finite where ȳ is zero, and in the space of x.

    ``at`` is (argnum, y, args, kwargs) of the call in a careful walk, and otherwise false.
    """
    kind = type(xbar)
    if kind is Scatter:
        return xbar
    if at:
        xbar = _without_nans_of_zeros(prim, xbar, ybar, at)
    if kind is float64 or kind is float:
        if xbar != xbar and type(ybar) is not ndarray:  # of an array, a number is a sum
            xbar = strong_zero(xbar, ybar)
        if type(x) in SCALARS:
            return xbar
    elif kind is not ndarray:
        if not at and lies_in_space_of(xbar, x):
            return xbar
        check_number(prim, xbar, x)
    elif type(x) is ndarray and xbar.dtype is x.dtype and xbar.shape == x.shape:
        return xbar
    return _checked(prim, xbar, ybar, x)


def lies_in_space_of(xbar: Any, x: Any) -> bool:
    """Say whether a traced x̄ and x are arrays of one shape and dtype, if that is quick to see."""
    if type(xbar) is not Box and type(xbar) is not Batched:
        return False
    inside = xbar.inside
    if type(inside) is not ndarray:
        return False
    shape = inside.shape[1:] if type(xbar) is Batched else inside.shape
    if type(x) is Box:
        x = x.primal
    if type(x) is float64 or type(x) is float:
        return not shape and inside.dtype is _FLOAT and type(xbar) is Batched
    return (type(x) is ndarray or type(x) is Batched) and x.dtype is inside.dtype and x.shape == shape


def _checked(prim: Primitive, xbar: Any, ybar: Any, x: Any) -> Any:
    """Return x̄ in the space of x; refuse what a rule of this kind may not return."""
    if prim.kind == "vjp" or prim.foreign:
        check_fit(prim, xbar, ybar, x)
    try:
        return fit(xbar, x)
    except FloatingPointError:  # infinities of both signs in one sum
        with silence():
            return fit(xbar, x)


def _without_nans_of_zeros(prim: Primitive, xbar: Any, ybar: Any, at: Any) -> Any:
    """Return x̄ without the nans that only zeros of ȳ have met."""
    if prim.kind == "elementwise" or (type(prim.f) is onp.ufunc and prim.f.nin == 1):
        return strong_zero(xbar, ybar)
    return (strong_product if prim.kind == "linear" else strong_rule)(prim, xbar, ybar, *at)


def check_number(prim: Primitive, xbar: Any, x: Any) -> None:
    """Refuse what is no cotangent at all: None of a rule without a return, a function, a list."""
    if not is_number(xbar) and not hasattr(xbar, "__array__"):  # as a Series among the arguments gives
        found = "None (does it end without a return statement?)" if xbar is None else describe(xbar)
        raise CotangentError(
            f"the VJP rule of {prim.name} returned {found}, where the cotangent of {describe(x)} "
            f"belongs; return x̄ as a number or an array, of the shape of x"
        )


def check_fit(prim: Primitive, xbar: Any, ybar: Any, x: Any) -> None:
    """Refuse x̄ of another shape than x, or complex for a real x and a real ȳ.

    Elementwise and linear rules leave the undoing of broadcasts to the sweep: x must broadcast to their x̄.
    To sum or to spread what any other rule returns would hide its fault.
    """
    shape, wanted = shape_of(xbar), shape_of(x)
    if prim.kind == "vjp":
        fits = shape == wanted
        advice = (
            "return x̄ of the shape of x (funad.elementwise in the place of funad.defvjp sums over "
            "broadcast axes)"
        )
    elif type(xbar) in (float, int) and xbar == 0:
        return
    elif prim.kind == "elementwise":
        bar = () if issubclass(type(ybar), (tuple, list)) else shape_of(ybar)
        fits = broadcasts(wanted, shape) and shape in (wanted, bar)
        advice = f"an elementwise rule returns ȳ·∂f/∂x in the shape of ȳ, {bar}"
    else:
        fits, advice = broadcasts(wanted, shape), "return x̄ of the shape of x"
    if not fits:
        raise CotangentError(
            f"the VJP rule of {prim.name} returned a cotangent of shape {shape} for an argument of shape "
            f"{wanted}; {advice}"
        )
    if is_complex(xbar) and not is_complex(x) and not _any_complex(ybar):
        raise CotangentError(
            f"the VJP rule of {prim.name} returned a complex cotangent for a real argument and a real "
            f"ȳ; return its real part, if that is what is meant"
        )


def _any_complex(ybar: Any) -> bool:
    parts = ybar if issubclass(type(ybar), (tuple, list)) else (ybar,)
    return any(
        is_complex(part) for part in parts if part is not None and not issubclass(type(part), (dict, list))
    )


def accumulate(before: Any, xbar: Any, slot: int, owned: set[int]) -> Any:
    """Return before + x̄, in place where the sweep itself made ``before``."""
    if type(before) is float64 and type(xbar) is float64:
        return _sum(before, xbar)
    if type(xbar) is Scatter:
        return _accumulate_scatter(before, xbar, slot, owned)
    if type(before) is Scatter:
        before = before.dense()
    if slot in owned and type(xbar) is ndarray and type(before) is ndarray:
        # ∞ - ∞ is nan, as it is said when all has been added.
        with contextlib.suppress(FloatingPointError):
            before += xbar
        return before
    if slot in owned and type(before) is Batched and before.tape.added(before, (), xbar):
        return before
    after = _sum(before, xbar)
    if type(after) is ndarray or type(after) is Batched:
        owned.add(slot)
    return after


def _accumulate_scatter(before: Any, xbar: Scatter, slot: int, owned: set[int]) -> Any:
    """Add the cotangent of some elements."""
    if type(before) is Scatter:
        if not xbar.plain or hasattr(before.pieces[0][1], "tape"):
            return before + xbar
        before = before.dense()
        owned.add(slot)
    if type(before) is ndarray and xbar.plain:
        if slot not in owned:
            before = before.copy()
            owned.add(slot)
        add_at(before, xbar.pieces)
        return before
    repeated = any(repeats(index) for index, _ in xbar.pieces[: xbar.count])
    if hasattr(before, "tape") and is_array(before) and not repeated and not of_library(constant(before)):
        return _accumulate_traced(before, xbar, slot, owned)
    return accumulate(before, xbar.dense(), slot, owned)


def _accumulate_traced(before: Any, xbar: Scatter, slot: int, owned: set[int]) -> Any:
    """Add a few elements to a traced cotangent, in place where the sweep made it."""
    if slot not in owned:
        before = fresh(before)
        owned.add(slot)
    for index, piece in xbar.pieces[: xbar.count]:
        if type(before) is Batched and before.tape.added(before, index, piece):
            continue
        before = write(before, (), index, before[index] + piece)
    return before


def _sum(a: Any, b: Any) -> Any:
    """Return a + b; of infinities of both signs, nan."""
    try:
        return a + b
    except FloatingPointError:
        with silence():
            return a + b

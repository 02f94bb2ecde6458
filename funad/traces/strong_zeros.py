"""Strong zeros: where a cotangent is zero, what it is multiplied by does not count, be it ∞ or nan.

Rules are written as on paper; what comes out of them is mended here where they have met such a thing.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as onp

from ..floating import silence
from ..indices import Scatter
from ..memory import is_placeholder
from ..refusals import is_duration, refused_duration
from ..registry import Primitive, loaded
from ..spaces import as_numpy, describe, is_number, of_library
from ..trace import Looked
from ..values import any_of, constant, members_of

ndarray, float64 = onp.ndarray, onp.float64


def strong_zero(xbar: Any, ybar: Any) -> Any:
    """Return x̄ with zero wherever ȳ is zero and x̄ is not a number."""
    several = several_of(xbar, ybar)
    if several is not None:
        return several.each(strong_zero, (xbar, ybar))
    with onp.errstate(invalid="ignore"):
        wrong = (ybar == 0) & onp.isnan(constant(xbar))
        return onp.where(wrong, 0, xbar)[()] if any_of(wrong) else xbar


def several_of(*xs: Any) -> Any:
    """Return the innermost trace of xs, if it is one of numbers that stand for several: see ``Several``."""
    traces = [x.tape for x in xs if hasattr(x, "tape")]
    trace = max(traces, key=lambda trace: trace.level, default=None)
    return trace if hasattr(trace, "points") else None


def run_quietly(prim: Primitive, rule: Any, kwargs: Any, *xs: Any) -> Any:
    """Run a rule of numbers that are infinite or nan perhaps, without a word, and without an exception."""
    with silence():
        try:
            return rule(*xs, **kwargs)
        except ArithmeticError:  # of Python's numbers, where NumPy has infinities
            return rule(*map(as_numpy, xs), **kwargs)


def run_strongly(prim: Primitive, rule: Any, kwargs: Any, y: Any, ybar: Any, *args: Any) -> Any:
    """Run the rule of an elementwise function so, and return its x̄ with strong zeros."""
    xbar = run_quietly(prim, rule, kwargs, y, ybar, *args)
    return strong_elementwise(xbar, ybar, prim, rule, y, args, kwargs) if has_nan(xbar) else xbar


# How the rule of an elementwise function runs on arrays of other libraries; ``lazy`` puts it here.
LATER: list[Any] = []


def at_zero(args: Any) -> Any:
    """Say where an argument is 0: there a slope of 0, as that of a square, has not underflowed."""
    at: Any = onp.False_
    for x in args:
        if is_number(x):
            at = at | onp.equal(constant(x), 0)
    return at


def output_of(prim: Primitive, y: Any, args: Any, kwargs: Any) -> Any:
    """Return the plain y: where the tape has let go of it, from the arguments, as its rule reads those."""
    y = constant(y)
    return prim.f(*map(constant, args), **kwargs) if y is None or is_placeholder(y) else y


def strong_elementwise(
    xbar: Any, ybar: Any, prim: Primitive, rule: Any, y: Any, args: Any, kwargs: Any
) -> Any:
    """Return ȳ·∂f with zero wherever one of the two is zero, and the other is not a number.

    So √(x²) at 0 has the derivative 0. But log x at ∞ is not flat: its slope is 0 there because ∞ has no
    digits, as is one that has underflowed. A zero that has a derivative of its own, in an outer trace,
    leaves it to the product: with ȳ = t, t·∞ is 0 at t = 0, and its derivative is ∞.
    """
    if of_library(constant(xbar)):  # all numbers are looked at when they are there
        loaded("libraries")
        with silence():
            return LATER[0](prim, rule, y, ybar, args, kwargs)
    several = several_of(y, ybar, *args)
    if several is not None and prim in (HERE, STEEP):  # which have seen all points
        return strong_zero(xbar, ybar)
    if several is not None:
        return several.each(functools.partial(run_strongly, prim, rule, kwargs), (y, ybar, *args))
    with silence():
        plain_ybar = onp.asarray(constant(ybar))
        unknown = onp.isnan(constant(xbar))
        zero, infinite = unknown & (plain_ybar == 0), unknown & onp.isinf(plain_ybar)
        ones = onp.ones_like(plain_ybar)[()]
        if any_of(zero):
            slope = rule(*(as_numpy(constant(x)) for x in (y, ones, *args)), **kwargs)
            xbar = where_here(zero, STEEP.traced(ybar, slope), xbar)
        if prim.underflows and any_of(lost := infinite & ~at_zero(args)):
            infinite = infinite & ~lost
            # Of the arguments, so that the second derivative is nan too.
            xbar = onp.where(lost, onp.nan * sum(x * x for x in args if is_number(x)), xbar)[()]
        if any_of(infinite) and any_of(infinite := infinite & ~onp.isinf(output_of(prim, y, args, kwargs))):
            slope = rule(*map(as_numpy, (y, ones, *args)), **kwargs)
            xbar = where_here(infinite & (constant(slope) == 0), STEEP.traced(slope, plain_ybar), xbar)
        return xbar


def _steep(a: Any, slope: Any) -> Any:
    return onp.zeros(onp.broadcast_shapes(onp.shape(a), onp.shape(slope)), onp.result_type(a, slope))[()]


def depends_on_root(x: Any) -> Any:
    """Say where x depends on a root that moves at a zero: it has other values at points nearby."""
    while hasattr(x, "tape"):
        if hasattr(x.tape, "nearby"):
            return onp.not_equal(constant(x.tape.at(x, 1)), constant(x))
        x = x.inside
    return onp.False_


def _steep_rule(y: Any, ybar: Any, a: Any, slope: Any) -> Any:
    """ȳ·slope; if a depends on such a root, as in (√x)⁴ = x², a·slope has no derivative that is known."""
    unknown = onp.isinf(constant(slope)) & depends_on_root(a)
    return onp.where(unknown, onp.nan * ybar, ybar * slope) if any_of(unknown) else ybar * slope


def _steep_forward(y: Any, xdot: Any, a: Any, slope: Any) -> Any:
    """The same of ẋ, where one of 0 may be so by convention alone."""
    ydot = run_strongly(STEEP, _steep_rule, {}, y, xdot, a, slope)
    return onp.where(onp.isinf(constant(slope)) & depends_on_root(a), onp.nan, ydot)[()]


# a·slope where a is 0: 0, also if the slope is infinite. ``infinitesimal`` makes it callable.
STEEP = Primitive(_steep, "0·∞", "elementwise", {0: _steep_rule})
STEEP.forward = {0: _steep_forward}


def where_here(mask: Any, mended: Any, xbar: Any) -> Any:
    """Return x̄, mended where the mask is true; at points nearby, if it has any, it is what it is."""
    x = xbar
    while hasattr(x, "tape") and not hasattr(x.tape, "points"):
        x = x.inside
    return HERE.traced(mask, mended, xbar) if hasattr(x, "tape") else onp.where(mask, mended, xbar)[()]


def _where(mask: Any, a: Any, b: Any) -> Any:
    return onp.where(mask, a, b)[()]


# ``nearby`` gives it its rules, and says what it is at points nearby.
HERE = Primitive(_where, "a strong zero")


def strong_product(prim: Primitive, xbar: Any, ybar: Any, argnum: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """Return x̄ of a product, as of matrices, without the nans that only zeros of ȳ have met."""
    rule = prim.rules[argnum]
    return strong_sum(lambda v, args: rule(y, v, *args, **kwargs), xbar, ybar, args, factors(args, argnum))


def factors(args: Any, argnum: Any) -> list[int]:
    """Return which of the arguments of a product are plain arrays that an argument is multiplied by."""
    return [n for n, x in enumerate(args) if n != argnum and type(x) is ndarray and x.dtype.kind in "fc"]


def strong_sum(product: Any, found: Any, v: Any, args: Any, others: list[int]) -> Any:
    """Return a sum of products of v and other factors without the nans that only zeros of v have met.

    Put ones for what is not zero and for what is not finite into it, and it counts the terms that
    have a right to be nan.
    """
    if not (type(v) is ndarray or hasattr(type(v), "stack")) or not has_nan(found):
        return found
    if all(onp.isfinite(args[n]).all() for n in others):
        return found
    if type(v) is not ndarray:
        v.tape.look(v, "a factor of an example is infinite or nan")
    finite, wrong = list(args), list(args)
    for n in others:
        finite[n] = onp.where(onp.isfinite(args[n]), args[n], 0)
        wrong[n] = onp.where(onp.isfinite(args[n]), 0.0, 1.0)
    with silence():  # v may have infinities of its own
        met = product((v != 0).astype(float), wrong)
        return onp.where(met > 0, found, product(v, finite))[()]


def strong_rule(prim: Primitive, xbar: Any, ybar: Any, argnum: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """Return x̄ of any rule without the nans that only zeros of ȳ have met, as of rows of which nan is one.

    Which parts of x̄ the others reach, the rule says where there are numbers in the places of nans.
    """
    x = args[argnum] if isinstance(argnum, int) else None
    wrong = onp.isnan(constant(xbar)) if type(constant(xbar)) is ndarray else None
    if type(constant(x)) is not ndarray or wrong is None or prim.foreign or not any_of(wrong):
        return xbar
    zero = _rests_at_zero(ybar)
    if not any_of(zero):
        return xbar
    if onp.all(zero):
        return onp.where(wrong, 0, xbar)
    count = onp.arange(constant(x).size).reshape(constant(x).shape)
    usual = onp.isfinite(constant(x)) & (constant(x) != 0)
    numbers = onp.where(usual, constant(x), 1 + onp.sin(2.3 * count) / 2)
    plain = [numbers if n == argnum else constant(part) for n, part in enumerate(args)]
    try:
        with silence():
            found = prim.rules[argnum](prim.f(*plain, **kwargs), onp.where(zero, 0.0, 1.0), *plain, **kwargs)
            return onp.where(wrong & (onp.asarray(found) == 0), 0, xbar)
    except Exception:  # nothing is known then
        return xbar


def _rests_at_zero(ybar: Any) -> Any:
    """Say where ȳ is zero with all its tangents; nowhere if a tape may know how it moves."""
    if type(ybar) in (ndarray, float64, float):
        return onp.equal(ybar, 0)
    if hasattr(ybar, "tangent") and not getattr(ybar, "opaque", True):
        return _rests_at_zero(ybar.primal) & _rests_at_zero(ybar.tangent)
    return onp.False_


def has_nan(xbar: Any) -> bool:
    """Say whether a cotangent has a nan in it."""
    if type(xbar) is not ndarray:
        if xbar is None or type(xbar) is float64 or type(xbar) is float:
            return bool(xbar != xbar)
        if type(xbar) is Scatter:
            if xbar.plain or not xbar.deferred:
                return any(has_nan(piece) for _, piece in xbar.pieces[: xbar.count])
            xbar = xbar.dense()
        if of_library(constant(xbar)):
            return True  # it may have: nobody has looked yet
        xbar = members_of(xbar)
        if hasattr(xbar, "tape"):
            return not xbar.tape.guard(xbar, "number", not has_nan(xbar.inside))
        if issubclass(type(xbar), float):
            return bool(xbar != xbar)
    if type(xbar) is ndarray and xbar.dtype.kind == "f":
        # The sum of squares is nan if an element is; it takes no temporary array and a third of the time.
        flat = xbar if xbar.ndim == 1 else xbar.reshape(-1)
        square = flat.dot(flat)
        return bool(square != square)
    return is_number(xbar) and bool(onp.any(onp.isnan(xbar)))


def retry_with_strong_zeros(
    error: BaseException, prim: Primitive, rule: Any, argnum: Any, y: Any, ybar: Any, args: Any, kwargs: Any
) -> Any:
    """Run a rule again that met 0·∞ or a Python division by zero; let other errors out, explained."""
    if isinstance(error, Looked):
        name = f"the rule of {prim.name}"
        if hasattr(error.trace, "rule_on_stacks"):
            xbar = error.trace.rule_on_stacks(prim, argnum, ybar, args, kwargs)
            if xbar is not None:
                return xbar
        return error.trace.after(error, rule, (y, ybar, *args), kwargs, name)
    assert isinstance(error, Exception)
    if isinstance(error, ArithmeticError):
        with silence():
            try:
                ybar = as_numpy(ybar)
                xbar = rule(as_numpy(y), ybar, *map(as_numpy, args), **kwargs)
                if prim.kind != "elementwise":
                    return xbar
                return strong_elementwise(xbar, ybar, prim, rule, y, args, kwargs)
            except Exception as second:
                error = second
    duration = next(filter(is_duration, args), None) if isinstance(error, TypeError) else None
    if duration is not None:
        error = refused_duration(duration)
    add_note(error, "VJP rule", prim, argnum, args)
    try:
        raise error
    finally:
        del error  # which refers to this frame


def add_note(error: Exception, kind: str, prim: Primitive, argnum: Any, args: Any) -> None:
    """Say in an error which rule has raised it."""
    which = f"argument {argnum}" if isinstance(argnum, int) else f"keyword {argnum!r}"
    called = ", ".join(describe(x) for x in args if not type(x).__name__.startswith("_"))  # no residuals
    error.add_note(f"raised by the {kind} of {prim.name} for {which}; called with {called}")

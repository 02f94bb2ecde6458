"""Whether squares overflow or underflow, and numbers rescaled by powers of two where they would.

These are decisions on values: they ask what is under every trace, and scale by constants. What is scaled
does not depend on its scale, so its derivatives are those without it.
"""

import functools
import math

import numpy as onp

from .. import numpy as np
from ..duck_arrays import is_open
from ..numpy.slopes import LITTLE
from ..spaces import of_library
from ..values import all_of, any_of, constant, is_deferred, is_mask, members_of, shape_of

ndarray = onp.ndarray


def largest(x):
    """The largest element of the real x as a plain number: nan if one is, -∞ if there is none."""
    if type(x) is not ndarray:
        x = members_of(x)
        if is_deferred(x) and x.shape:
            return np.max(x, initial=-math.inf)
        if type(x) is not ndarray:
            return math.nan if is_open(x) else x
    # Of a few elements it takes a quarter of the time of the method max.
    return x.item(x.argmax()) if x.size else -math.inf


def where_defined(x, low, high=math.inf):
    """x; nan, with derivatives of nan, where the real x is not between two numbers or is none itself."""
    values = constant(x)
    if not is_mask(values):
        return x if low <= values <= high else x * math.nan
    if is_deferred(values):
        if _are_recorded_within(members_of(values), low, high):
            return x
    elif type(values) is not ndarray and all_of((values >= low) & (values <= high)):
        return x
    if type(values) is ndarray and (
        not values.size
        or (
            values.item(values.argmin()) >= low and (high == math.inf or values.item(values.argmax()) <= high)
        )
    ):
        return x
    outside = ~((values >= low) & (values <= high))
    return x * onp.where(outside, math.nan, onp.ones((), values.dtype))


def _are_recorded_within(x, low, high):
    """Whether all of x is between two numbers, as a question that a program asks."""
    values = x.inside
    return x.tape.guard(x, "within", (low, high) if onp.all((values >= low) & (values <= high)) else None)


def keeps_digits(slope):
    """Whether no element of a slope is so small that the difference it was made by has cancelled.

    A program that is being recorded takes the careful way, a primitive that looks for itself.
    """
    if type(slope) is not ndarray:
        slope = members_of(slope)
        if is_deferred(slope):
            return False
        if type(slope) is not ndarray:
            return not is_open(slope) and abs(slope) > 0.05
    if slope.dtype.kind == "c":
        slope = abs(slope)
    return slope.size == 0 or slope.item(slope.argmin()) > LITTLE[slope.dtype]


def squares_are_safe(y, power=2):
    """Whether all roots y of sums of squares, or of other powers, are far from overflow and underflow."""
    y = members_of(y)
    if is_deferred(y):
        return _are_safe(y, power)
    if type(y) is not ndarray:
        if is_open(y):
            return False
        low, high = _safe("d" if type(y) is float else y.dtype.char, power)
        return low < abs(y) < high
    low, high = _safe(y.dtype.char, power)
    if y.dtype.kind == "c":  # std(x, dtype=complex)
        y = abs(y)
    return not y.size or (low < y.item(y.argmin()) and y.item(y.argmax()) < high)


def _are_safe(y, power):
    """The same as a question that a program asks."""
    low, high = _safe(y.dtype.char, power)
    if y.dtype.kind == "c":
        y = abs(y)
    return not y.size or (bool(np.min(y) > low) and bool(np.max(y) < high))


@functools.cache
def _safe(char, power):
    """Between which two numbers a sum of p-th powers neither overflows nor loses digits."""
    info = onp.finfo(char)
    # In the precision itself: the least of long doubles are 0 as Python's floats.
    low = (info.tiny / info.eps) ** (1 / info.dtype.type(max(abs(power), 1)))
    return (low, 1 / low) if info.dtype.char == "g" else (float(low), 1 / float(low))


def scale(size, axis=(), where=True):
    """A power of two per slice along these axes that makes the largest of its sizes nearly 1."""
    if axis != () and onp.ndim(size):
        size = onp.max(size, axis=axis, keepdims=True, initial=0, where=where)
    exponent = onp.frexp(onp.where(onp.isfinite(size), size, 1))[1]
    # For the least of numbers it would be 2¹⁰⁷⁴, which is infinite.
    return onp.ldexp(onp.ones_like(size), onp.minimum(-exponent, onp.finfo(size.dtype).maxexp - 1))


def rescaled(xs, axis=()):
    """The parts xs of norms, times a power of two; of infinite ones the signs, with 0 for what is finite."""
    size = functools.reduce(onp.maximum, [size_of(constant(x)) for x in xs])
    factor = scale(size, axis)
    infinite = (
        onp.isinf(onp.max(size, axis=axis, keepdims=True, initial=0)) if axis != () else onp.isinf(size)
    )
    if not any_of(infinite):
        return [x * factor for x in xs]
    return [np.where(infinite, _direction(constant(x)), x * factor) for x in xs]


def size_of(x):
    """|x|, or of complex numbers the larger of the two parts, which does not overflow."""
    x = x if of_library(x) else onp.asarray(x)
    return onp.maximum(abs(x.real), abs(x.imag)) if x.dtype.kind == "c" else abs(x)


def _direction(x):
    """The signs of the infinite parts of x, 0 for the others."""
    x = x if of_library(x) else onp.asarray(x)
    if x.dtype.kind == "c":
        return _direction(x.real) + 1j * _direction(x.imag)
    return onp.where(onp.isinf(x), onp.sign(x), onp.zeros((), x.dtype))

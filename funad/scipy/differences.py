"""Derivatives in arguments for which there is no formula: 8th-order differences of the function itself.

The shape of a gamma distribution and the order of a Bessel function are such arguments. Eight values
beside x give ∂f/∂x to some 13 digits, because these functions vary on the scale of x and not faster.
A distribution function is differenced as the logarithm of its smaller tail: of 1e-200, or of 1 - 1e-12,
differences of the function itself would have no digit.

The values are computed by traced functions, so that the derivatives have derivatives. Where differences of
higher order show that the function has a jump, an isolated value or noise, the derivative is nan.
"""

import functools

import numpy as onp

from .. import numpy as np
from ..boxes import innermost
from ..values import constant, dtype_of
from .deciding import every, only, some

__all__ = ["from_poles", "inverse", "log_slope", "near", "of_order", "of_shape", "slope", "tail_slope"]

# f′(x)·h = Σ cₖ (f(x + kh) - f(x - kh)), DLMF 3.4(i).
_SLOPE = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
# Of the same gaps, this sum is 2h⁷·f⁽⁷⁾: rounding, noise and jumps are in it, up to 17 times as large as in
# the slope, and for a smooth f and these steps it is below 1e-10 of f.
_SEVENTH = (-14.0, 14.0, -6.0, 1.0)


# --- steps, from plain values


def of_shape(x):
    """Return the step for a parameter x > 0: in proportion to x, for large x to √x."""
    x = onp.abs(_double(constant(x)))
    return 0.01 * onp.minimum(x, 3.0 * onp.sqrt(x))


def near(x):
    """Return the step for any real or complex x of a function that varies on the scale of 1 there."""
    return 0.02 * onp.maximum(1.0, onp.sqrt(onp.abs(_double(constant(x)))))


def of_order(v):
    """Return the step for the order of a Bessel function, which oscillates with a period of 2."""
    return 0.02 + 0.0 * onp.abs(_double(constant(v)))


def from_poles(b):
    """Return the step for a parameter b of a function with poles at 0, -1, -2, …, of which it keeps away."""
    b = _double(constant(b))
    return 0.01 * onp.minimum(1.0, onp.where(b > 0, b, onp.abs(b - onp.round(b))))


# --- slopes


def _double(x):
    """x in double precision: in single precision a difference has no digits."""
    return x * onp.float64(1.0) if type(x) is not float and dtype_of(x).itemsize < 8 else x


def _quietly(f):
    """Let f run without the floating-point warnings of values beside the domain, which come out as nan."""

    @functools.wraps(f)
    def quiet(*args, **options):
        with onp.errstate(all="ignore"):
            return f(*args, **options)

    return quiet


def _differences(of_pair, f, args, n, h, size=None):
    """Return ∂/∂xₙ from the differences of_pair(f(x + kh), f(x - kh)), and the largest of |f(x + kh)|.

    The slope is nan where it is not to be trusted. ``size`` is that of the terms, to which errors are
    relative; without it, each number has its own.
    """
    args = [_double(x) if dtype_of(x).kind in "fc" else x for x in args]

    def at(k):
        return f(*args[:n], args[n] + k * h, *args[n + 1 :])

    rise, seventh, largest = 0.0, 0.0, 0.0
    for k, (weight, of_seventh) in enumerate(zip(_SLOPE, _SEVENTH, strict=True), 1):
        high, low = at(k), at(-k)
        pair = of_pair(high, low)
        rise = rise + weight * pair
        seventh = seventh + of_seventh * constant(pair)
        largest = onp.maximum(largest, onp.maximum(onp.abs(constant(high)), onp.abs(constant(low))))
    floor = 1.0 if of_pair is _log_ratio else largest if size is None else size
    steady = onp.abs(seventh) / 17.0 <= 1e-5 * onp.abs(constant(rise)) + 1e-10 * floor
    return only(steady, rise) / h, largest


def _gap(high, low):
    return high - low


def _log_ratio(high, low):
    return np.log(high / low)


@_quietly
def slope(f, args, n, h, size=None):
    """∂f/∂xₙ at ``args``, for a step h of xₙ; ``size`` says how large f is, if not as large as its parts."""
    return _differences(_gap, f, args, n, h, size)[0]


@_quietly
def log_slope(f, y, args, n, h):
    """∂f/∂xₙ = y·∂log f/∂xₙ, for f > 0: right also where y is 1e-300, and 0 where all around is 0."""
    found, largest = _differences(_log_ratio, f, args, n, h)
    found, nothing = y * found, constant(y) == 0
    if not some(nothing):
        return found
    flat = (largest == 0) & (onp.abs(h) > 0)
    return only(flat | (constant(y) != 0), np.where(nothing, 0.0, found))


@_quietly
def tail_slope(f, rest, y, args, n, h):
    """∂F/∂xₙ of a distribution function f = F with rest = 1 - F: F·∂log F, or that of 1 - F if it is less."""
    lower = constant(y) < 0.5
    if every(lower):
        return log_slope(f, y, args, n, h)
    if not some(lower):
        return -log_slope(rest, rest(*args), args, n, h)
    smaller = _of_each(lower, f, rest)
    return np.where(lower, 1.0, -1.0) * log_slope(smaller, smaller(*args), args, n, h)


def _of_each(lower, f, rest):
    """Return the function that is f where ``lower`` and else ``rest``, and computed there alone."""

    def chosen(*args):
        if innermost((lower, *args)) is not None:
            return np.where(lower, f(*args), rest(*args))
        below, *xs = onp.broadcast_arrays(lower, *args)
        y = onp.empty(below.shape, onp.result_type(*xs))
        for where, g in ((below, f), (~below, rest)):
            y[where] = g(*(x[where] for x in xs))
        return y

    return chosen


def inverse(slopes, place, f=None):
    """Return the slopes of the inverse x = G(…, p, …) of p = F(…, x, …), from those of F.

    ``slopes`` are functions (p, *args) ↦ ∂F/∂xᵢ, and ``place`` is where x stands among the arguments of F
    and p among those of G: ∂G/∂p = 1/Fₓ and ∂G/∂θ = -F_θ/Fₓ. With ``f``, which is F, they are nan where x is
    no root: some of SciPy's searches end early, or at the least x that they know.
    """

    def of(n):
        def slope_of_inverse(x, *args):
            p, args = args[place], (*args[:place], x, *args[place + 1 :])
            steepness = slopes[place](p, *args)
            if f is not None:
                steepness = _of_roots(steepness, f(*map(constant, args)), constant(p), dtype_of(x))
            return 1.0 / steepness if n == place else -_or_zero(slopes[n](p, *args), steepness, x)

        return slope_of_inverse

    return tuple(None if part is None else of(n) for n, part in enumerate(slopes))


def _of_roots(steepness, found, p, dtype):
    """The steepness where F is p, to 1e-5 of the smaller tail; of x in single precision, to 1e-2."""
    tolerance = 1e-5 if dtype.itemsize >= 8 else 1e-2
    root = onp.abs(found - p) <= tolerance * onp.minimum(p, 1.0 - p)
    return only(root, steepness)


def _or_zero(a, steepness, x):
    """a/Fₓ; 0 at a finite end x of the domain, which does not move with the parameter."""
    fixed = (constant(a) == 0) & onp.isfinite(constant(x))
    return np.where(fixed, 0.0, a / np.where(fixed, 1.0, steepness)) if some(fixed) else a / steepness

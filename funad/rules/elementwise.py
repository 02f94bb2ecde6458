"""The VJP rules of funad.numpy.elementwise."""

import contextlib
import math

import numpy as onp

from .. import numpy as np
from ..boxes import Traced
from ..defining import define_forward, defvjp, defzero, elementwise
from ..numpy.elementwise import (
    complement,
    cosine_of,
    fermi,
    keep,
    modified_ratio,
    one_minus_square,
    one_plus,
    sinc_slope,
)
from ..registry import primitive_of
from ..spaces import unbroadcast, zeros_like
from ..values import all_of, any_of, constant, dtype_of, is_deferred, is_mask, shape_of
from .ranges import keeps_digits, largest, rescaled, squares_are_safe, where_defined

ndarray = onp.ndarray
LN2, LN10 = math.log(2), math.log(10)
DEGREE = math.pi / 180


# --- parts of several rules. Conditions are comparisons, so they are plain values.


def _any(condition):
    # The method any takes 1.2 µs for an array of ten.
    if type(condition) is ndarray:
        return np.count_nonzero(condition) > 0
    return any_of(condition) if is_mask(condition) else condition


def _keep(condition, ybar):
    """ȳ where the condition holds, 0 elsewhere; a product would make nan of 0·∞."""
    if type(condition) is bool or type(condition) is np.bool_:
        return ybar if condition else 0.0
    return keep(ybar, condition)


def _share(wins, loses, ybar, a, b):
    """ȳ where a is the one chosen of a and b, half of it where both are, nan where one is nan."""
    if not is_mask(wins):
        return ybar if wins else 0.0 if loses else 0.5 * ybar if a == b else ybar * (math.nan * (a + b))
    chosen = keep(ybar, wins)
    if type(wins) is ndarray and np.count_nonzero(wins) + np.count_nonzero(loses) == wins.size:
        return chosen
    ties = a == b
    chosen = chosen + keep(0.5 * ybar, ties)
    neither = ~(wins | loses | ties)
    # Of a and b, so that the second derivative is nan too.
    return np.where(neither, ybar * (math.nan * (a + b)), chosen) if _any(neither) else chosen


def _largest(y, ybar, a, b):
    return _share(a > b, a < b, ybar, a, b)


def _least(y, ybar, a, b):
    return _share(a < b, a > b, ybar, a, b)


def _largest_number(y, ybar, a, b):
    """As above; a nan loses against any number."""
    return _share((a > b) | ((b != b) & (a == a)), (a < b) | ((a != a) & (b == b)), ybar, a, b)


def _least_number(y, ybar, a, b):
    return _share((a < b) | ((b != b) & (a == a)), (a > b) | ((a != a) & (b == b)), ybar, a, b)


def _of_b(rule):
    """The rule of b, of a function in which a and b may change places."""
    return lambda y, ybar, a, b: rule(y, ybar, b, a)


def _or_inf(x):
    """x, with ∞ for 0: a divisor that makes the quotient 0 there, to every order."""
    zero = x == 0
    if is_mask(zero):
        return np.where(zero, math.inf, x) if _any(zero) else x
    return math.inf if zero else x


def _is_small(x):
    """Whether looking for extreme values in x would take longer than formulas that know none."""
    return type(x) is ndarray and x.size < 64


def _is_complex(x):
    return type(x) is not float and dtype_of(x).kind == "c"


def _of_number(y, ybar):
    """ȳ, and nan where y is nan: as y is traced, the second derivative is nan too."""
    wrong = y != y
    if not isinstance(ybar, Traced) or ybar.opaque:  # a strong zero; what is traced may be transposed
        wrong = wrong & (ybar != 0)
    return np.where(wrong, ybar * (math.nan * y), ybar) if _any(wrong) else ybar


# --- arithmetic


def _is_number(x, wanted):
    return (type(x) is float or type(x) is int) and x == wanted


def _quotient_wrt_b(y, ybar, a, b):
    """b̄ = -ȳ·a/b², which for 1/b is -ȳ·y²: so b is not kept."""
    return -ybar * y * y if _is_number(a, 1) else -ybar * y / b


elementwise(np.add, lambda y, ybar, a, b: ybar, lambda y, ybar, a, b: ybar)
elementwise(np.subtract, lambda y, ybar, a, b: ybar, lambda y, ybar, a, b: -ybar)
elementwise(np.multiply, lambda y, ybar, a, b: ybar * b, lambda y, ybar, a, b: ybar * a)
elementwise(np.divide, lambda y, ybar, a, b: ybar / b, _quotient_wrt_b)
primitive_of(np.divide).spares = lambda a, b: "b" if _is_number(a, 1) else ""
elementwise(np.negative, lambda y, ybar, x: -ybar)
elementwise(np.positive, lambda y, ybar, x: ybar)
elementwise(np.reciprocal, lambda y, ybar, x: -ybar * y * y)
elementwise(
    np.remainder,
    lambda y, ybar, a, b: _of_number(y, ybar),
    lambda y, ybar, a, b: -_of_number(y, ybar) * (a // b),
)
# a/b itself may round up to the next integer; (a - y)/b is one, but for rounding.
elementwise(
    np.fmod,
    lambda y, ybar, a, b: _of_number(y, ybar),
    lambda y, ybar, a, b: -_of_number(y, ybar) * np.rint((a - y) / b),
)
defvjp(
    np.divmod,
    lambda y, ybar, a, b: unbroadcast(_of_number(y[1], ybar[1]), shape_of(a)),
    lambda y, ybar, a, b: unbroadcast(-_of_number(y[1], ybar[1]) * y[0], shape_of(b)),
)
defvjp(np.modf, lambda y, ybar, x: _of_number(y[0], ybar[0]))


# --- powers


# NumPy has something faster than pow for these exponents; for others pow takes 20 times as long as
# a division in large arrays.
FAST = (0, 1, 2, 0.5, -1)


def _power_below(y, a, b):
    """aᵇ⁻¹ for a number b; y/a where that is faster and no digit is lost."""
    if getattr(y, "size", 1) > 1000 and y.dtype.kind == "f" and b - 1 not in FAST:
        normal = ((y > 1e-37) | (y < -1e-37)) & (y < 1e37) & (y > -1e37)
        if all_of(normal):
            return y / a
    return a ** (b - 1)


def _power_wrt_a(y, ybar, a, b):
    """ā = ȳ·b·aᵇ⁻¹, and 0 for b = 0, at a = 0 too."""
    if type(b) is int or type(b) is float:
        if b == 2:
            return ybar * (a + a)
        if type(a) is float:
            return ybar * (b * a ** (b - 1)) if b else 0.0
        return ybar * (b * _power_below(y, a, b)) if b else _keep(False, ybar)
    b = _as_wide(b, y)
    zero = b == 0
    if not _any(zero) or not _any(zero := zero & ((a == 0) | (a != a))):
        return ybar * (b * a ** (b - 1))
    return ybar * np.where(zero, 0, b * a ** np.where(zero, 1, b - 1))


def _as_wide(x, y):
    """Return x with as many digits as y has, to which what is computed of it is rounded."""
    dtype = getattr(x, "dtype", None)
    return np.astype(x, y.dtype) if dtype is not None and dtype.kind in "fc" and dtype != y.dtype else x


def _log(a):
    # A NumPy scalar would turn single precision into double; a Python float does not.
    return math.log(a) if (type(a) is float or type(a) is int) and a > 0 else np.log(a)


def _power_wrt_b(y, ybar, a, b):
    """b̄ = ȳ·aᵇ·ln a, and 0 for a ≤ 0: there y is 0, or real at integers b only; nan where it is nan."""
    a = _as_wide(a, y)
    if _is_complex(y):
        a = a if _is_complex(a) else a + 0j
        usable = (a != 0) & (y != 0)
    else:
        usable = (a > 0) & (y != 0) | ((a != a) & (b != 0)) | (y != y)
    if is_mask(usable):
        if all_of(usable):
            return ybar * (y * _log(a))
        return ybar * np.where(usable, y * np.log(np.where(usable, a, 1)), 0)
    if not usable:
        return 0.0
    return ybar * (y * _log(a))


elementwise(np.power, _power_wrt_a, _power_wrt_b)
primitive_of(np.power).spares = lambda a, b: "y" if _is_number(b, 2) else ""
elementwise(np.float_power, _power_wrt_a, _power_wrt_b)
elementwise(np.square, lambda y, ybar, x: ybar * (x + x))
elementwise(np.sqrt, lambda y, ybar, x: 0.5 * ybar / y)
elementwise(np.cbrt, lambda y, ybar, x: ybar / (3 * y * y))


# --- exponentials and logarithms


def _logaddexp_share(y, a, b, base=1.0):
    """∂y/∂a = 1/(1 + e^(b - a)), which is ½ for two equal infinities too; a - y would be a rounded one."""
    if (type(y) is ndarray or is_deferred(y)) and base == 1:
        with contextlib.suppress(FloatingPointError):  # ∞ - ∞ raises while rules run
            return fermi(b - a)
    infinite = onp.isinf(constant(y))
    if any_of(infinite):
        equal = infinite & (a == b)
        a, b = np.where(equal, 0, a), np.where(equal, 0, b)
    return fermi(b - a if base == 1 else base * (b - a))


def _expm1(y, ybar, x):
    """x̄ = ȳ(1 + y), which is eˣ."""
    if _is_small(x):
        return ybar * np.exp(x)
    slope = 1 + y
    return ybar * (slope if keeps_digits(slope) else one_plus(y, constant(x)))


def _of_log(x, low=0):
    """x, and nan below where the logarithm is real."""
    return x if _is_complex(x) else where_defined(x, low)


elementwise(np.exp, lambda y, ybar, x: ybar * y)
elementwise(np.exp2, lambda y, ybar, x: ybar * y * LN2)
elementwise(np.expm1, _expm1)
elementwise(one_plus, lambda y, ybar, y_, x: ybar)
elementwise(fermi, lambda y, ybar, x: -ybar * y * fermi(-x))
elementwise(np.log, lambda y, ybar, x: ybar / _of_log(x))
elementwise(np.log2, lambda y, ybar, x: ybar / (_of_log(x) * LN2))
elementwise(np.log10, lambda y, ybar, x: ybar / (_of_log(x) * LN10))
elementwise(np.log1p, lambda y, ybar, x: ybar / (1 + _of_log(x, -1)))
elementwise(
    np.logaddexp,
    lambda y, ybar, a, b: ybar * _logaddexp_share(y, a, b),
    lambda y, ybar, a, b: ybar * _logaddexp_share(y, b, a),
)
elementwise(
    np.logaddexp2,
    lambda y, ybar, a, b: ybar * _logaddexp_share(y, a, b, LN2),
    lambda y, ybar, a, b: ybar * _logaddexp_share(y, b, a, LN2),
)


# --- trigonometric and hyperbolic functions


def _arctan2_share(ybar, a, b):
    """ȳ·a/(a² + b²), and 0 at the origin; a² alone could overflow."""
    r = _or_inf(np.hypot(a, b))
    return ybar * (a / r) / r


def _root(x):
    """√(1 - x²). Of complex z, z² could overflow."""
    return np.sqrt(1 - x) * np.sqrt(1 + x) if _is_complex(x) else np.sqrt(complement(x))


def _arctanh(y, ybar, x):
    """x̄ = ȳ/(1 - x²)."""
    return ybar / (1 - x) / (1 + x) if _is_complex(x) else ybar / complement(where_defined(x, -1, 1))


def _tan(y, ybar, x):
    """x̄ = ȳ(1 + y²), which is 1 - tanh² ix: far from the real axis y is nearly ±i."""
    return ybar * (one_minus_square(1j * y, 1j * constant(x)) if _is_complex(x) else 1 + y * y)


def _arctan(y, ybar, x):
    """x̄ = ȳ/(1 + x²), of which x² could overflow."""
    if _is_complex(x):
        return ybar / (1 + 1j * x) / (1 - 1j * x)
    if not _is_small(x):
        q = 1 + x * x
        if largest(q) < 1e9:
            return ybar / q
    r = np.hypot(1, x)
    return ybar / r / r


def _arcsinh(y, ybar, x):
    """x̄ = ȳ/√(1 + x²), of which x² could overflow."""
    if _is_complex(x):
        return ybar / (np.sqrt(1 + 1j * x) * np.sqrt(1 - 1j * x))
    if not _is_small(x):
        q = 1 + x * x
        if largest(q) < 1e9:
            return ybar / np.sqrt(q)
    return ybar / np.hypot(1, x)


def _tanh(y, ybar, x):
    """x̄ = ȳ(1 - y²); of a large array in the memory of one, which stays in the cache."""
    if _is_small(x) and x.dtype.kind == "f":
        c = np.cosh(x)
        return ybar / c / c
    large = (
        type(y) is type(ybar) is ndarray and y.size > 1000
        and y.dtype is ybar.dtype and y.shape == ybar.shape
    )  # fmt: skip
    slope = y * y
    slope = onp.subtract(1, slope, out=slope) if large else 1 - slope
    if not keeps_digits(slope):
        slope = one_minus_square(y, constant(x))
    return onp.multiply(slope, ybar, out=slope) if large else ybar * slope


def _hypot_share(y, a, b):
    """∂y/∂a = a/y, and 0 at the origin."""
    if squares_are_safe(y) and not (isinstance(a, Traced) or isinstance(b, Traced)):
        return a / y
    if not squares_are_safe(y):
        a, b = rescaled((a, b))
    return cosine_of(a, b)


def _cosine_wrt_a(y, ybar, a, b):
    """∂(a/r)/∂a = (b/r)²/r, where 1 - (a/r)² would have lost its digits."""
    sine = cosine_of(b, a)
    return ybar * (sine * sine / _or_inf(np.hypot(a, b)))


def _cosine_wrt_b(y, ybar, a, b):
    """∂(a/r)/∂b = -(a/r)(b/r)/r."""
    return -ybar * (y * cosine_of(b, a) / _or_inf(np.hypot(a, b)))


elementwise(complement, lambda y, ybar, x: -ybar * (x + x))
elementwise(cosine_of, _cosine_wrt_a, _cosine_wrt_b)
elementwise(np.sin, lambda y, ybar, x: ybar * np.cos(x))
elementwise(np.cos, lambda y, ybar, x: -ybar * np.sin(x))
elementwise(np.tan, _tan)
elementwise(np.arcsin, lambda y, ybar, x: ybar / _root(x))
elementwise(np.arccos, lambda y, ybar, x: -ybar / _root(x))
elementwise(np.arctan, _arctan)
elementwise(
    np.arctan2,
    lambda y, ybar, a, b: _arctan2_share(ybar, b, a),
    lambda y, ybar, a, b: -_arctan2_share(ybar, a, b),
)
# At the origin, the tip of a cone, the derivative is 0.
elementwise(
    np.hypot,
    lambda y, ybar, a, b: ybar * _hypot_share(y, a, b),
    lambda y, ybar, a, b: ybar * _hypot_share(y, b, a),
)
elementwise(np.degrees, lambda y, ybar, x: ybar / DEGREE)
elementwise(np.rad2deg, lambda y, ybar, x: ybar / DEGREE)
elementwise(np.radians, lambda y, ybar, x: ybar * DEGREE)
elementwise(np.deg2rad, lambda y, ybar, x: ybar * DEGREE)
elementwise(np.sinh, lambda y, ybar, x: ybar * np.cosh(x))
elementwise(np.cosh, lambda y, ybar, x: ybar * np.sinh(x))
elementwise(np.tanh, _tanh)
elementwise(one_minus_square, lambda y, ybar, y_, x: -ybar * (y_ + y_))
elementwise(np.arcsinh, _arcsinh)
# Two roots, not one of the product: that is on the other branch for Re z < 0.
elementwise(np.arccosh, lambda y, ybar, x: ybar / (np.sqrt(x - 1) * np.sqrt(x + 1)))
elementwise(np.arctanh, _arctanh)
# (cos πx - y)/x would lose all digits near 0, and its derivatives more.
elementwise(np.sinc, lambda y, ybar, x: ybar * sinc_slope(x, 1))
elementwise(sinc_slope, lambda y, ybar, x, n: ybar * sinc_slope(x, n + 1))
elementwise(np.i0, lambda y, ybar, x: ybar * (x * modified_ratio(x, 1)))
elementwise(modified_ratio, lambda y, ybar, x, n: ybar * x * modified_ratio(x, n + 1))


# --- extremes, signs and choices


def _raised(a, a_min):
    return a if a_min is None else np.maximum(a, a_min)


def _clip_wrt_a(y, ybar, a, a_min=None, a_max=None):
    """Those of y = minimum(maximum(a, a_min), a_max), one after the other."""
    if a_max is not None:
        ybar = _least(None, ybar, _raised(a, a_min), a_max)
    return ybar if a_min is None else _largest(None, ybar, a, a_min)


def _clip_wrt_a_min(y, ybar, a, a_min=None, a_max=None):
    if a_max is not None:
        ybar = _least(None, ybar, _raised(a, a_min), a_max)
    return _largest(None, ybar, a_min, a)


def _clip_wrt_a_max(y, ybar, a, a_min=None, a_max=None):
    return _least(None, ybar, a_max, _raised(a, a_min))


def _absolute(y, ybar, x):
    """x̄ = ȳ·sign x; for complex z, z̄ = ȳ·z*/|z|; both are 0 at 0."""
    if type(x) is float:  # np.sign of a scalar costs 600 ns
        return ybar if x > 0 else -ybar if x < 0 else ybar * x
    if not _is_complex(x):
        return ybar * np.sign(x)
    if not squares_are_safe(y):
        (x,) = rescaled((x,))
        y = np.absolute(x)
    return ybar * (np.conjugate(x) / _or_inf(y))


def _of_steps(x, ybar):
    """0, and nan where x is nan and ȳ is not 0."""
    wrong = (x != x) & (constant(ybar) != 0)
    return np.where(wrong, ybar * (math.nan * x), 0.0) if _any(wrong) else zeros_like(x)


def _sign(y, ybar, x):
    """Constant on the reals; for complex z, y = z/|z| and z̄ = (ȳ - Re(ȳ·y)·y*)/|z|."""
    if not _is_complex(x):
        return _of_steps(x, ybar)
    return (ybar - np.real(ybar * y) * np.conjugate(y)) / _or_inf(np.absolute(x))


def _sign_forward(y, xdot, x):
    """ẏ = (ẋ - Re(ẋ·y*)·y)/|z|."""
    if not _is_complex(x):
        return _of_steps(x, xdot)
    return (xdot - np.real(xdot * np.conjugate(y)) * y) / _or_inf(np.absolute(x))


# In a tie, each argument has half: maximum(x, x) has the derivative 1. Where y is nan, so is the derivative:
# these need no masks=True, for none of them hides a nan from y, as fmax and where do.
elementwise(np.maximum, _largest, _of_b(_largest))
elementwise(np.minimum, _least, _of_b(_least))
elementwise(np.clip, _clip_wrt_a, _clip_wrt_a_min, _clip_wrt_a_max)
elementwise(np.fmax, _largest_number, _of_b(_largest_number), masks=True)
elementwise(np.fmin, _least_number, _of_b(_least_number), masks=True)
elementwise(
    np.where,
    lambda y, ybar, condition, x=None, y_=None: _keep(condition, ybar),
    lambda y, ybar, condition, x=None, y_=None: _keep(np.logical_not(condition), ybar),
    argnums=(1, 2),
    masks=True,
)
elementwise(keep, lambda y, ybar, x, condition: _keep(condition, ybar), masks=True)
elementwise(np.absolute, _absolute)
elementwise(np.fabs, lambda y, ybar, x: ybar * np.sign(x))
defvjp(np.sign, _sign)
define_forward(np.sign, {0: _sign_forward}, {})
elementwise(
    np.copysign,
    lambda y, ybar, a, b: ybar * (np.sign(a) * np.copysign(1.0, b)),
    lambda y, ybar, a, b: 0.0,
)
elementwise(
    np.heaviside,
    lambda y, ybar, a, b: _of_steps(a, ybar),
    lambda y, ybar, a, b: _keep(a == 0, ybar),
    masks=True,
)


def _nan_to_num(y, ybar, x, copy=True, nan=0.0, posinf=None, neginf=None):
    """x̄ = ȳ where x is finite; the real and the imaginary part are replaced apart."""
    if not _is_complex(x):
        return _keep(np.isfinite(x), ybar)
    real = _keep(np.isfinite(np.real(x)), np.real(ybar))
    return real + 1j * _keep(np.isfinite(np.imag(x)), np.imag(ybar))


elementwise(np.nan_to_num, _nan_to_num, masks=True)


# --- complex numbers: dL = Re(z̄·dz). Of a real x the sweep keeps the real part of x̄.


def _angle(y, ybar, z, deg=False):
    """z̄ = -i·ȳ/z, from dy = Im(dz/z); 0 at the origin and for a real z."""
    if not _is_complex(z):
        return _of_steps(z, ybar)
    return (-1j / DEGREE if deg else -1j) * ybar / _or_inf(z)


elementwise(np.real, lambda y, ybar, val: ybar)
elementwise(np.imag, lambda y, ybar, val: -1j * ybar)
elementwise(np.conjugate, lambda y, ybar, x: np.conjugate(ybar))
elementwise(np.angle, _angle)
elementwise(np.real_if_close, lambda y, ybar, a, tol=100: ybar)


# --- floats as they are stored

elementwise(np.ldexp, lambda y, ybar, a, b: np.ldexp(ybar, b))
defvjp(np.frexp, lambda y, ybar, x: np.ldexp(_of_number(y[0], ybar[0]), -y[1]))
elementwise(np.nextafter, lambda y, ybar, a, b: ybar, lambda y, ybar, a, b: 0.0)


# --- constant between their jumps

defzero(
    *(np.floor, np.ceil, np.trunc, np.rint, np.fix, np.round, np.around, np.floor_divide),
    *(np.spacing, np.signbit),
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.isclose, np.allclose, np.array_equal, np.array_equiv),
    *(np.isfinite, np.isinf, np.isnan, np.isnat, np.isneginf, np.isposinf),
    *(np.iscomplex, np.isreal, np.iscomplexobj, np.isrealobj, np.isscalar),
    *(np.logical_and, np.logical_or, np.logical_xor, np.logical_not),
    *(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.bitwise_count),
    *(np.left_shift, np.right_shift, np.gcd, np.lcm),
)

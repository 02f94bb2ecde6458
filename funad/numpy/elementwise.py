"""Functions that work element by element, with broadcasting: the ufuncs and their like."""

import numpy as _np

from ..boxes import innermost as _innermost
from ..calling import as_array as _as_array
from ..calling import call as _call
from ..errors import NotDifferentiableError
from ..primitives import implements as _implements
from ..primitives import primitive
from ..registry import enter as _enter
from ..values import constant as _constant
from .bessel import modified_ratio as _modified_ratio
from .slopes import complement as _complement
from .slopes import cosine_of as _cosine_of
from .slopes import fermi as _fermi
from .slopes import one_minus_square as _one_minus_square
from .slopes import one_plus as _one_plus
from .slopes import sinc_slope as _sinc_slope

__all__ = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "true_divide",
    "negative",
    "positive",
    "power",
    "pow",
    "float_power",
    "remainder",
    "mod",
    "fmod",
    "floor_divide",
    "divmod",
    "modf",
    "reciprocal",
    "square",
    "sqrt",
    "cbrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "logaddexp",
    "logaddexp2",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "asin",
    "arccos",
    "acos",
    "arctan",
    "atan",
    "arctan2",
    "atan2",
    "hypot",
    "degrees",
    "rad2deg",
    "radians",
    "deg2rad",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "asinh",
    "arccosh",
    "acosh",
    "arctanh",
    "atanh",
    "sinc",
    "i0",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "clip",
    "absolute",
    "abs",
    "fabs",
    "sign",
    "copysign",
    "heaviside",
    "where",
    "nan_to_num",
    "real",
    "imag",
    "conjugate",
    "conj",
    "angle",
    "real_if_close",
    "ldexp",
    "frexp",
    "nextafter",
    "spacing",
    "signbit",
    "floor",
    "ceil",
    "trunc",
    "rint",
    "fix",
    "round",
    "around",
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "isclose",
    "allclose",
    "array_equal",
    "array_equiv",
    "isfinite",
    "isinf",
    "isnan",
    "isnat",
    "isneginf",
    "isposinf",
    "iscomplex",
    "isreal",
    "iscomplexobj",
    "isrealobj",
    "isscalar",
    "logical_and",
    "logical_or",
    "logical_xor",
    "logical_not",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "invert",
    "bitwise_not",
    "bitwise_invert",
    "left_shift",
    "bitwise_left_shift",
    "right_shift",
    "bitwise_right_shift",
    "bitwise_count",
    "gcd",
    "lcm",
]

# --- arithmetic

add = primitive(_np.add)
subtract = primitive(_np.subtract)
multiply = primitive(_np.multiply)
divide = true_divide = primitive(_np.divide)
negative = primitive(_np.negative)
positive = primitive(_np.positive)
power = pow = primitive(_np.power)
float_power = primitive(_np.float_power)
remainder = mod = primitive(_np.remainder)
fmod = primitive(_np.fmod)
floor_divide = primitive(_np.floor_divide)
divmod = primitive(_np.divmod)
modf = primitive(_np.modf)
reciprocal = primitive(_np.reciprocal)

# --- powers, exponentials and logarithms

square = primitive(_np.square)
sqrt = primitive(_np.sqrt)
cbrt = primitive(_np.cbrt)
exp = primitive(_np.exp)
exp2 = primitive(_np.exp2)
expm1 = primitive(_np.expm1)
log = primitive(_np.log)
log2 = primitive(_np.log2)
log10 = primitive(_np.log10)
log1p = primitive(_np.log1p)
logaddexp = primitive(_np.logaddexp)
logaddexp2 = primitive(_np.logaddexp2)

# --- trigonometric and hyperbolic functions

sin = primitive(_np.sin)
cos = primitive(_np.cos)
tan = primitive(_np.tan)
arcsin = asin = primitive(_np.arcsin)
arccos = acos = primitive(_np.arccos)
arctan = atan = primitive(_np.arctan)
arctan2 = atan2 = primitive(_np.arctan2)
hypot = primitive(_np.hypot)
degrees = primitive(_np.degrees)
rad2deg = primitive(_np.rad2deg)
radians = primitive(_np.radians)
deg2rad = primitive(_np.deg2rad)
sinh = primitive(_np.sinh)
cosh = primitive(_np.cosh)
tanh = primitive(_np.tanh)
arcsinh = asinh = primitive(_np.arcsinh)
arccosh = acosh = primitive(_np.arccosh)
arctanh = atanh = primitive(_np.arctanh)
sinc = primitive(_np.sinc)
i0 = primitive(_np.i0)

# --- extremes, signs and choices

maximum = primitive(_np.maximum)
minimum = primitive(_np.minimum)
fmax = primitive(_np.fmax)
fmin = primitive(_np.fmin)

_clip = _enter(_np.clip)


@_implements(_np.clip)
def clip(a, a_min=None, a_max=None, out=None, *, min=None, max=None, **kwargs):
    """Return a, but not below the lower bound nor above the upper one. See :func:`numpy.clip`."""
    if min is not None or max is not None:
        if a_min is not None or a_max is not None:
            raise ValueError("clip takes its bounds as a_min and a_max or as min and max, not as both")
        a_min, a_max = min, max
    if out is not None:
        kwargs["out"] = out
    return _call(_clip, (a, a_min, a_max), kwargs)


absolute = abs = primitive(_np.absolute)
fabs = primitive(_np.fabs)
sign = primitive(_np.sign)
copysign = primitive(_np.copysign)
heaviside = primitive(_np.heaviside)
_where = _enter(_np.where)


@_implements(_np.where)
def where(condition, /, *branches):
    """Return elements of the first branch where the condition holds, else of the second.

    Without branches, return the indices at which it holds. See :func:`numpy.where`.
    """
    # The condition has no derivative: unwrapped here, it needs no rule, and indices stay plain.
    condition = _constant(condition if _innermost((condition,)) is None else _as_array(condition))
    return _call(_where, (condition, *branches), {}) if branches else _np.where(condition)


_nan_to_num = _enter(_np.nan_to_num)


@_implements(_np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """Return x with nan and the infinities replaced. See :func:`numpy.nan_to_num`."""
    if not copy and _innermost((x,)) is not None:
        raise NotDifferentiableError(
            "nan_to_num(x, copy=False) would write to a traced value; leave copy out and use the result"
        )
    return _call(_nan_to_num, (x,), {"copy": copy, "nan": nan, "posinf": posinf, "neginf": neginf})


# --- complex numbers

real = primitive(_np.real)
imag = primitive(_np.imag)
conjugate = conj = primitive(_np.conjugate)
angle = primitive(_np.angle)
real_if_close = primitive(_np.real_if_close)

# --- floats as they are stored

ldexp = primitive(_np.ldexp)
frexp = primitive(_np.frexp)
nextafter = primitive(_np.nextafter)
spacing = primitive(_np.spacing)
signbit = primitive(_np.signbit)

# --- rounding

floor = primitive(_np.floor)
ceil = primitive(_np.ceil)
trunc = primitive(_np.trunc)
rint = primitive(_np.rint)
fix = primitive(_np.fix)
round = primitive(_np.round)
around = primitive(_np.around)

# --- comparisons and questions, whose answers have no derivative

equal = primitive(_np.equal)
not_equal = primitive(_np.not_equal)
less = primitive(_np.less)
less_equal = primitive(_np.less_equal)
greater = primitive(_np.greater)
greater_equal = primitive(_np.greater_equal)
isclose = primitive(_np.isclose)
allclose = primitive(_np.allclose)
array_equal = primitive(_np.array_equal)
array_equiv = primitive(_np.array_equiv)
isfinite = primitive(_np.isfinite)
isinf = primitive(_np.isinf)
isnan = primitive(_np.isnan)
isnat = primitive(_np.isnat)
isneginf = primitive(_np.isneginf)
isposinf = primitive(_np.isposinf)
iscomplex = primitive(_np.iscomplex)
isreal = primitive(_np.isreal)
iscomplexobj = primitive(_np.iscomplexobj)
isrealobj = primitive(_np.isrealobj)
isscalar = primitive(_np.isscalar)
logical_and = primitive(_np.logical_and)
logical_or = primitive(_np.logical_or)
logical_xor = primitive(_np.logical_xor)
logical_not = primitive(_np.logical_not)

# --- integers and their bits

bitwise_and = primitive(_np.bitwise_and)
bitwise_or = primitive(_np.bitwise_or)
bitwise_xor = primitive(_np.bitwise_xor)
invert = bitwise_not = bitwise_invert = primitive(_np.invert)
left_shift = bitwise_left_shift = primitive(_np.left_shift)
right_shift = bitwise_right_shift = primitive(_np.right_shift)
bitwise_count = primitive(_np.bitwise_count)
gcd = primitive(_np.gcd)
lcm = primitive(_np.lcm)

# --- what the rules need beside these

complement = primitive(_complement)
cosine_of = primitive(_cosine_of)
modified_ratio = primitive(_modified_ratio)
one_minus_square = primitive(_one_minus_square)
one_plus = primitive(_one_plus)
fermi = primitive(_fermi)
sinc_slope = primitive(_sinc_slope)

_BITS = {"d": _np.int64, "f": _np.int32}


def _keep(x, condition):
    """Return x where the condition holds and 0 elsewhere, whatever x is there."""
    # Bits times 0 or 1: a condition like the flip of a coin makes np.where six times slower.
    if type(x) is type(condition) is _np.ndarray and x.dtype.char in _BITS and condition.dtype.char == "?":
        return (x.view(_BITS[x.dtype.char]) * condition).view(x.dtype)
    return _np.where(condition, x, 0)


keep = primitive(_keep)

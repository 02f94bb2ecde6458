"""Functions that reduce an array along axes: sums, means, extremes; and running sums."""

import builtins as _builtins
import math as _math

import numpy as _np

from ..boxes import model_of as _model_of
from ..calling import FORMS as _FORMS
from ..errors import UnsupportedKeywordError as _UnsupportedKeywordError
from ..primitives import composite as _composite
from ..primitives import primitive
from ..registry import primitive_of as _primitive_of
from ..spaces import of_library as _of_library
from ..values import constant as _constant
from ..values import dtype_of as _dtype_of
from ..values import shape_of as _shape_of
from ..writing import settled as _settled
from . import creation as _creation
from .manipulation import broadcast_to as _broadcast_to
from .manipulation import cast as _cast
from .manipulation import concatenate as _concatenate
from .manipulation import copy as _copy
from .manipulation import moveaxis as _moveaxis
from .manipulation import ravel as _ravel
from .manipulation import reshape as _reshape
from .manipulation import transpose as _transpose
from .quantiles import untouched as _untouched

__all__ = [
    "sum",
    "prod",
    "mean",
    "average",
    "var",
    "std",
    "median",
    "max",
    "amax",
    "min",
    "amin",
    "ptp",
    "argmax",
    "argmin",
    "any",
    "all",
    "count_nonzero",
    "cumsum",
    "cumprod",
    "diff",
    "ediff1d",
    "trapezoid",
    "nansum",
    "nanprod",
    "nanmean",
    "nanvar",
    "nanstd",
    "nanmedian",
    "nanmax",
    "nanmin",
    "nanargmax",
    "nanargmin",
    "nancumsum",
    "nancumprod",
]

sum = primitive(_np.sum)
prod = primitive(_np.prod)
mean = primitive(_np.mean)
var = primitive(_np.var)
std = primitive(_np.std)
median = _untouched(_np.median)

max = primitive(_np.max)
amax = primitive(_np.amax)
min = primitive(_np.min)
amin = primitive(_np.amin)
ptp = primitive(_np.ptp)
argmax = primitive(_np.argmax)
argmin = primitive(_np.argmin)
any = primitive(_np.any)
all = primitive(_np.all)
count_nonzero = primitive(_np.count_nonzero)

cumsum = primitive(_np.cumsum)
cumprod = primitive(_np.cumprod)

nansum = primitive(_np.nansum)
nanprod = primitive(_np.nanprod)
nanmean = primitive(_np.nanmean)
nanvar = primitive(_np.nanvar)
nanstd = primitive(_np.nanstd)
nanmedian = _untouched(_np.nanmedian)
nanmax = primitive(_np.nanmax)
nanmin = primitive(_np.nanmin)
nanargmax = primitive(_np.nanargmax)
nanargmin = primitive(_np.nanargmin)
nancumsum = primitive(_np.nancumsum)
nancumprod = primitive(_np.nancumprod)

if hasattr(_np, "cumulative_sum"):  # NumPy 2.1
    cumulative_sum = primitive(_np.cumulative_sum)
    cumulative_prod = primitive(_np.cumulative_prod)
    __all__ += ["cumulative_sum", "cumulative_prod"]


# --- what a trace calls in the place of NumPy's functions, which look at every keyword on their way


def _reduction(ufunc):
    reduce = ufunc.reduce
    return lambda a, axis=None, keepdims=False: reduce(a, axis, None, None, keepdims)


def _fast_mean(a, axis=None, keepdims=False):
    if a.dtype.char != "d" or not a.size or not a.ndim:
        return _np.mean(a, axis=axis, keepdims=keepdims)
    total = _np.add.reduce(a, axis, None, None, keepdims)
    return total / (a.size // total.size)


for _f, _ufunc in (
    (sum, _np.add), (prod, _np.multiply), (max, _np.maximum), (amax, _np.maximum),
    (min, _np.minimum), (amin, _np.minimum),
):  # fmt: skip
    _primitive_of(_f).fast_reduce = _reduction(_ufunc)
_primitive_of(mean).fast_reduce = _fast_mean


def _sum_of_iterator(prim, args, kwargs):
    """Return the sum of what a generator gives, as Python's sum does and NumPy's, with a warning."""
    parts = args[0] if args else kwargs.get("a")
    if len(args) > 1 or kwargs.keys() - {"a", "axis"} or kwargs.get("axis") not in (None, 0):
        return prim.traced(list(parts), *args[1:], **{n: x for n, x in kwargs.items() if n != "a"})
    return _builtins.sum(parts)


_primitive_of(sum).iterators = _sum_of_iterator


# --- a traced value to start from: one more element


def in_front(a, axis):
    """Return the array with these axes as one, the first."""
    shape = _shape_of(a)
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [n % len(shape) for n in axes] if shape else []
    kept = [size for n, size in enumerate(shape) if n not in axes]
    x = _moveaxis(a, axes, range(len(axes))) if axes else a
    return _reshape(x, (_math.prod(shape[n] for n in axes), *kept))


def _from_traced(f, join):
    """Let ``initial`` of the reduction f be traced: join takes what f takes, and f without initial."""

    def with_initial(a, axis=None, dtype=None, out=None, *, initial, where=True, **kwargs):
        if out is not None:
            raise _UnsupportedKeywordError(
                f"the derivative of numpy.{f.__name__} does not handle the keyword 'out' on a traced value; "
                f"leave it out, and use what the function returns"
            )
        a, initial, where = _settled(_as_array(a)), _settled(initial), _constant(where)
        kwargs |= {} if dtype is None else {"dtype": dtype}
        kwargs |= {} if where is True else {"where": where}
        plain = f(_constant(a), axis=axis, initial=_constant(initial), **kwargs)  # and NumPy's own errors
        if plain.dtype.kind not in "fc":
            return plain
        return join(f, a, axis, _cast(initial, plain.dtype), kwargs, plain)

    return with_initial


def _added(f, a, axis, initial, kwargs, plain):
    return _traced(f)(a, axis=axis, **kwargs) + initial


def _multiplied(f, a, axis, initial, kwargs, plain):
    return _traced(f)(a, axis=axis, **kwargs) * initial


def _one_more(f, a, axis, initial, kwargs, plain):
    """The extreme of one element more: ties share as they do among elements."""
    x = in_front(a, axis)
    x = _concatenate([x, _broadcast_to(initial, (1, *_shape_of(x)[1:]))], axis=0)
    chosen = {}
    if "where" in kwargs:
        where = in_front(_np.broadcast_to(kwargs["where"], _shape_of(a)), axis)
        where = _np.concatenate([where, _np.ones((1, *where.shape[1:]), bool)])
        largest = f in (_np.max, _np.amax, _np.nanmax)
        chosen = {"where": where, "initial": -_math.inf if largest else _math.inf}
    return _reshape(_traced(f)(x, axis=0, **chosen), _shape_of(plain))


def _traced(f):
    return _primitive_of(f).traced


for _f in (_np.sum, _np.nansum):
    _FORMS[_f, "initial"] = _from_traced(_f, _added)
for _f in (_np.prod, _np.nanprod):
    _FORMS[_f, "initial"] = _from_traced(_f, _multiplied)
for _f in (_np.max, _np.amax, _np.min, _np.amin, _np.nanmax, _np.nanmin):
    _FORMS[_f, "initial"] = _from_traced(_f, _one_more)


def _as_array(x):
    """Return lists as arrays: those of traced values too."""
    return _creation.array(x) if isinstance(x, (list, tuple)) else x


@_composite(_np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    """Σ w·a / Σ w."""
    a, weights = _as_array(a), _as_array(weights)
    axis = axis if axis is None or _np.ndim(axis) == 0 else tuple(axis)
    if weights is None:
        y = mean(a, axis=axis, keepdims=keepdims)
        total = y.dtype.type(_math.prod(_shape_of(a)) / _math.prod(_shape_of(y)))
    else:
        weights = _aligned(weights, _shape_of(a), axis)
        dtypes = _dtype_of(a), _dtype_of(weights)
        dtype = _np.result_type(*dtypes, *([] if dtypes[0].kind in "fc" else [float]))
        total = sum(weights, axis=axis, dtype=dtype, keepdims=keepdims)
        if not _of_library(_constant(total)) and _np.any(_constant(total) == 0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        y = sum(a * weights, axis=axis, keepdims=keepdims) / total
    if not returned:
        return y
    same = _shape_of(total) == _shape_of(y)
    return y, total if same else _copy(_broadcast_to(total, _shape_of(y)))


def _aligned(weights, shape, axis):
    """Return weights that were given for some axes alone in a shape that broadcasts to ``shape``."""
    if _shape_of(weights) == shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = [n % len(shape) for n in (axis if isinstance(axis, tuple) else (axis,))]
    if _shape_of(weights) != tuple(shape[n] for n in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    order = [int(n) for n in _np.argsort(axes)]
    return _reshape(_transpose(weights, order), [size if n in axes else 1 for n, size in enumerate(shape)])


def _difference(a, n=1, axis=-1):
    return _np.diff(a, n, axis)


difference = primitive(_difference, "numpy.diff")


@_composite(_np.diff)
def diff(a, n=1, axis=-1, prepend=None, append=None):
    """The n-th difference of a, joined with what stands before and after it."""
    a = _as_array(a)
    if n and (prepend is not None or append is not None):
        before, after = _as_end(prepend, a, axis), _as_end(append, a, axis)
        a = _concatenate([part for part in (before, a, after) if part is not None], axis=axis)
    return difference(a, n=n, axis=axis)


def _as_end(end, a, axis):
    """Return what ``diff`` puts at one end; a number is one element."""
    end = _as_array(end)
    if end is None or len(_shape_of(end)):
        return end
    shape = list(_shape_of(a))
    shape[axis] = 1
    return _broadcast_to(end, tuple(shape))


@_composite(_np.ediff1d)
def ediff1d(ary, to_end=None, to_begin=None):
    """The differences between neighbours among all elements, and what stands before and after them."""
    ary = _ravel(_as_array(ary))
    parts = [_as_own(to_begin, ary, "to_begin"), ary[1:] - ary[:-1], _as_own(to_end, ary, "to_end")]
    parts = [part for part in parts if part is not None]
    return parts[0] if len(parts) == 1 else _concatenate(parts)


def _as_own(end, ary, name):
    """Return what ``ediff1d`` puts at one end, as one axis of the dtype of the array."""
    if end is None:
        return None
    end, dtype = _ravel(_as_array(end)), _dtype_of(ary)
    if not _np.can_cast(_dtype_of(end), dtype, casting="same_kind"):
        raise TypeError(f"ediff1d of {dtype} takes {name} of the same kind, not of {_dtype_of(end)}")
    return end if _dtype_of(end) == dtype else _cast(end, dtype)


@_composite(_np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral of y by the trapezoidal rule: Σ dx·(yᵢ + yᵢ₊₁)/2."""
    y, x, dx = _as_array(y), _as_array(x), _as_array(dx)
    _np.trapezoid(*map(_model_of, (y, x, dx)), axis)  # what NumPy refuses, it refuses here
    if x is not None and len(_shape_of(x)) == 1:
        along = [1] * len(_shape_of(y))
        along[axis] = -1
        dx = _reshape(difference(x), along)
    elif x is not None:
        dx = difference(x, axis=axis)
    high, low = ([slice(None)] * len(_shape_of(y)) for _ in range(2))
    high[axis], low[axis] = slice(1, None), slice(None, -1)
    return sum(dx * (y[tuple(high)] + y[tuple(low)]) / 2.0, axis=axis)

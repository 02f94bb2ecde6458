"""The VJP rules of funad.numpy.reductions."""

import math
from functools import partial

import numpy as onp

from .. import numpy as np
from ..boxes import Traced
from ..calling import as_one_call
from ..defining import define_forward, defvjp, defzero, linear
from ..duck_arrays import is_open
from ..numpy.reductions import difference
from ..spaces import unbroadcast, zeros_like
from ..values import all_of, any_of, constant, dtype_of, is_unknown, members_of, shape_of
from .ranges import scale, size_of, squares_are_safe

ndarray = onp.ndarray
NUMBERS = {float: onp.float64, onp.float64: onp.float64, onp.float32: onp.float32}

# --- what reductions have in common


def axes_of(axis, ndim):
    """The axes that were reduced, as a tuple."""
    if axis is None:
        return tuple(range(ndim))
    return axis if type(axis) is tuple else (axis,) if onp.ndim(axis) == 0 else tuple(axis)


def _keep(x, a, axis, keepdims):
    """What has the shape of y, with the reduced axes of length 1: it broadcasts against a."""
    if axis is None or keepdims or not (shape := shape_of(a)):
        return x
    kept = list(shape)
    for n in axes_of(axis, len(shape)):
        kept[n] = 1
    # Of an array its method: 0.3 µs, as against 2 for the function.
    return x.reshape(kept) if type(x) is ndarray else np.reshape(x, kept)


def _spread(ybar, a, axis, keepdims):
    """What has the shape of y, repeated along the reduced axes."""
    shape = shape_of(a)
    if not shape:
        return ybar
    kind = type(ybar)
    if axis is None and kind in NUMBERS:
        # A view of one number: it takes 0.4 µs, and broadcast_to 4.
        ybar = NUMBERS[kind](ybar)
        return ndarray(shape, ybar.dtype, ybar, 0, (0,) * len(shape))
    if axis is not None and not keepdims:
        ybar = _keep(ybar, a, axis, keepdims)
    if kind is ndarray and type(a) is ndarray and a.size < 4096:
        xbar = onp.empty(shape, ybar.dtype)  # 0.6 µs
        xbar[...] = ybar
        return xbar
    return np.broadcast_to(ybar, shape)


def _count(a, axis, where=True):
    """How many elements each element of y was made of."""
    shape = shape_of(a)
    if where is True:
        return math.prod(shape) if axis is None else math.prod(shape[n] for n in axes_of(axis, len(shape)))
    return onp.sum(onp.broadcast_to(where, shape), axis=axis, keepdims=True, dtype=dtype_of(a))


def freedom_of(a, axis, where, ddof, correction):
    """By what the squares of each element of a variance were divided, or 0."""
    freedom = _count(a, axis, where) - (ddof if correction is None else correction)
    return max(freedom, 0) if where is True else onp.maximum(freedom, 0)


def _masked(xbar, where):
    """x̄ for those elements that took part."""
    return xbar if where is True else np.where(where, xbar, 0)


def whole(dtype):
    """Whether y was asked for in integers or booleans, and so is constant where it is smooth."""
    return dtype is not None and onp.dtype(dtype).kind not in "fc"


# --- sums and means


def _sum(y, ybar, a, axis=None, dtype=None, *, keepdims=False, initial=None, where=True):
    """x̄ = ȳ, repeated along the axes that were summed."""
    if axis is None and where is True and dtype is None and type(a) is ndarray and type(ybar) in NUMBERS:
        one = NUMBERS[type(ybar)](ybar)  # in all places; the commonest call, before any question
        return ndarray(a.shape, one.dtype, one, 0, (0,) * a.ndim)
    if whole(dtype):
        return zeros_like(a)
    return _masked(_spread(ybar, a, axis, keepdims), where)


def _mean(y, ybar, a, axis=None, dtype=None, *, keepdims=False, where=True):
    """x̄ = ȳ/n, repeated along the axes that were averaged."""
    if whole(dtype):
        return zeros_like(a)
    if where is True:
        return _spread(ybar / (_count(a, axis) or 1), a, axis, keepdims)
    count = onp.maximum(_count(a, axis, where), 1)
    return _masked(_keep(ybar, a, axis, keepdims) / count, where)


linear(np.sum, _sum)
linear(np.mean, _mean)


# --- variances


def _var(
    y, ybar, a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None, correction=None
):  # fmt: skip
    """x̄ = 2ȳ·conj(x - μ)/(n - ddof). What x does to its own mean μ cancels, as Σ(x - μ) = 0."""
    if whole(dtype) or 0 in shape_of(a):
        return zeros_like(a)
    if mean is not None:
        pass
    elif where is True:
        mean = (a.mean if type(a) is ndarray else partial(np.mean, a))(axis, dtype, keepdims=True)
    else:  # without a word of slices that have no elements
        count = onp.maximum(freedom_of(a, axis, where, 0, None), 1)
        mean = np.sum(a, axis, dtype, keepdims=True, where=where) / count
    deviation = a - mean
    if dtype_of(a).kind == "c":  # y = Σ|x - μ|², real; else NumPy has y = Σ(x - μ)² even if μ is complex
        ybar, deviation = np.real(ybar), np.conj(deviation)
    freedom = freedom_of(a, axis, where, ddof, correction)
    slope = _keep(ybar, a, axis, keepdims)
    if not all_of(freedom):  # y is no number there, and of no account where ȳ is 0
        slope = np.where((constant(slope) == 0) & (freedom == 0), 0, slope / freedom)
    else:
        slope = slope / freedom
    return _masked(2 * slope * deviation, where)


def _var_wrt_mean(
    y, ybar, a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None, correction=None
):  # fmt: skip
    """μ̄ = -Σ x̄, over the axes along which the mean is repeated."""
    abar = _var(
        y, ybar, a, axis, dtype,
        ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction,
    )  # fmt: skip
    return -unbroadcast(abar, shape_of(mean))


def _through_root(ybar, y, a, axis, keepdims, where, mean):
    """v̄ = ȳ/2y, for y = √v; 0 where y is 0: without spread, every direction leads to more of it."""
    zero = onp.equal(constant(y), 0)
    if not is_unknown(ybar):  # else its value says nothing of what it stands for
        zero |= (ybar == 0) & ~onp.isfinite(constant(y))
    if mean is None:
        zero |= all_equal(constant(y), constant(a), axis, keepdims, where)
    if not any_of(zero):
        return ybar / (2 * y)
    return np.where(zero, 0, ybar / (2 * np.where(zero, 1, y)))


def all_equal(y, a, axis, keepdims, where):
    """Whether all that y was made of is one number, and y no more than the rounding of its mean."""
    if not onp.ndim(a) or not a.size:
        return not onp.ndim(a)
    if where is not True:
        first = onp.max(a, axis=axis, keepdims=True, where=where, initial=-onp.inf)
    elif axis is None:
        first = a[(0,) * a.ndim]
    else:
        index = [slice(None)] * a.ndim
        for n in axes_of(axis, a.ndim):
            index[n] = slice(1)
        first = a[tuple(index)]
    little = abs(first) * (_count(a, axis) * onp.finfo(y.dtype).eps)
    within = y <= (little if onp.ndim(little) == 0 else little.reshape(onp.shape(y)))
    if not any_of(within):  # nearly always, and found from one number of many
        return within
    return within & onp.all(a == first, axis=axis, keepdims=keepdims, where=where)


def _scaled(a, mean, axis, where):
    """x and a mean that is given, times one power of two."""
    sizes = (
        size_of(constant(a)) if mean is None else onp.maximum(size_of(constant(a)), size_of(constant(mean)))
    )
    factor = scale(sizes, axis, where)
    return a * factor, None if mean is None else mean * factor


def _std(
    y, ybar, a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None, correction=None
):  # fmt: skip
    """x̄ = ȳ·conj(x - μ)/(n - ddof)y; 0 where y is 0. It is that of any scale of x."""
    safe = squares_are_safe(y) or whole(dtype) or not shape_of(a)
    if not safe and all_of(freedom_of(a, axis, where, ddof, correction)):
        a, mean = _scaled(a, mean, axis, where)
        given = {"where": where, "mean": mean, "correction": correction}
        given = {name: x for name, x in given.items() if x is not None and x is not True}
        y = np.std(a, axis, dtype, ddof=0 if correction is not None else ddof, keepdims=keepdims, **given)
    return _var(
        None, _through_root(ybar, y, a, axis, keepdims, where, mean), a, axis, dtype,
        ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction,
    )  # fmt: skip


def _std_wrt_mean(
    y, ybar, a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None, correction=None
):  # fmt: skip
    """μ̄ = -Σ x̄, over the axes along which the mean is repeated."""
    abar = _std(
        y, ybar, a, axis, dtype,
        ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction,
    )  # fmt: skip
    return -unbroadcast(abar, shape_of(mean))


defvjp(np.var, _var, _var_wrt_mean, argnums=(0, "mean"))
defvjp(np.std, _std, _std_wrt_mean, argnums=(0, "mean"), masks=True)


# --- products


def _divides(y, a):
    """Whether every product y can be divided by its factors: none is 0, subnormal or infinite.

    The derivatives of y/x are sums of large terms that cancel, where one factor is far below the others.
    """
    size = onp.abs(members_of(y))
    if not bool(((size >= onp.finfo(size.dtype).tiny) & (size < onp.inf)).all()):
        return False
    if not isinstance(a, Traced):
        return True
    factors = onp.abs(members_of(a))
    return bool(onp.min(factors, initial=onp.inf) >= 0.01 * onp.max(factors, initial=0))


def _as_dtype(a, dtype):
    """The factors as they were multiplied: a product asked for in reals drops imaginary parts."""
    complex_to_real = dtype is not None and dtype_of(a).kind == "c" != onp.dtype(dtype).kind
    return np.real(a) if complex_to_real else a


def _prod(y, ybar, a, axis=None, dtype=None, *, keepdims=False, initial=None, where=True):
    """x̄ᵢ = ȳ·Π_{k≠i} xₖ = ȳ·y/xᵢ; the second only where no product is zero."""
    if whole(dtype):
        return zeros_like(a)
    a = _as_dtype(a, dtype)
    if where is not True:
        a = np.where(where, a, 1)
    if _divides(y, a):
        return _masked(_keep(ybar * y, a, axis, keepdims) / a, where)
    if initial is not None:
        ybar = ybar * initial
    return _masked(_keep(ybar, a, axis, keepdims) * _others_of(a, axes_of(axis, np.ndim(a))), where)


def _others_of(a, axes):
    """As below; of numbers near 1, their powers of two apart, if products might leave the floats."""
    size = size_of(constant(a))
    exponents = onp.frexp(onp.where(onp.isfinite(size), size, 0))[1]
    if not is_open(members_of(size)) and onp.sum(onp.abs(exponents)) < onp.finfo(size.dtype).maxexp - 10:
        return _others(a, axes)
    # Half of the power at a time, as that of the least numbers is not finite itself.
    half = exponents // 2
    for part in (half, exponents - half):
        a = a * onp.ldexp(onp.ones_like(size), -part)
    power = onp.sum(exponents, axis=axes, keepdims=True) - exponents
    others = _others(a, axes)
    if dtype_of(a).kind == "c":
        return np.ldexp(np.real(others), power) + 1j * np.ldexp(np.imag(others), power)
    return np.ldexp(others, power)


def _others(a, axes):
    """For each element the product of all others along these axes, without division."""
    others = 1
    for axis in axes if np.ndim(a) else ():
        others = others * _before(a, axis) * _flip(_before(_flip(a, axis), axis), axis)
        a = np.prod(a, axis=axis, keepdims=True)
    return others


def _before(a, axis):
    """For each element the product of those before it."""
    products = np.cumprod(_part(a, axis, slice(None, -1)), axis=axis)
    return np.concatenate([onp.ones_like(constant(_part(a, axis, slice(1)))), products], axis=axis)


def _part(a, axis, along):
    """A slice along one axis."""
    return a[(slice(None),) * (axis % a.ndim) + (along,)]


def _flip(a, axis):
    """The elements in reverse order along one axis."""
    return _part(a, axis, slice(None, None, -1)) if type(a) is ndarray else np.flip(a, axis)


def _sum_behind(a, axis):
    """The sum of each element and those behind it."""
    return _flip(np.cumsum(_flip(a, axis), axis), axis)


def _cumsum(y, ybar, a, axis=None, dtype=None):
    """x̄ⱼ = Σ_{i≥j} ȳᵢ."""
    if whole(dtype):
        return zeros_like(a)
    return np.reshape(_sum_behind(ybar, axis or 0), shape_of(a))


def _cumprod(y, ybar, a, axis=None, dtype=None):
    """x̄ⱼ = Σ_{i≥j} ȳᵢyᵢ/xⱼ, where no product is zero; else x̄ⱼ = (Π_{k<j} xₖ)·Σ_{i≥j} ȳᵢ·Π_{j<k≤i} xₖ."""
    if whole(dtype):
        return zeros_like(a)
    shape, a = shape_of(a), _as_dtype(a, dtype)
    if axis is None or not shape:
        a, axis = np.ravel(a), 0
        y, ybar = np.ravel(y), np.ravel(ybar)
    if _divides(y, a):
        return np.reshape(_sum_behind(ybar * y, axis) / a, shape)
    return np.reshape(_before(a, axis) * _horner(ybar, a, axis), shape)


def _horner(ybar, a, axis):
    """rⱼ = ȳⱼ + xⱼ₊₁·rⱼ₊₁ for all j, by doubling how far each looks ahead."""
    factor, step = _ahead(a, 1, axis), 1
    while step < shape_of(a)[axis]:
        ybar = ybar + factor * _ahead(ybar, step, axis)
        factor = factor * _ahead(factor, step, axis)
        step *= 2
    return ybar


def _ahead(a, step, axis):
    """Elements moved ``step`` places to the front, zeros behind them."""
    gap = onp.zeros_like(constant(_part(a, axis, slice(step))))
    return np.concatenate([_part(a, axis, slice(step, None)), gap], axis=axis)


defvjp(np.prod, _prod)
linear(np.cumsum, _cumsum)
defvjp(np.cumprod, _cumprod)

if hasattr(np, "cumulative_sum"):

    def _cumulative_sum(y, ybar, x, *, axis=None, dtype=None, include_initial=False):
        """As cumsum; the initial 0 is a constant."""
        if include_initial:
            ybar = _part(ybar, axis or 0, slice(1, None))
        return _cumsum(None, ybar, x, axis, dtype)

    def _cumulative_prod(y, ybar, x, *, axis=None, dtype=None, include_initial=False):
        """As cumprod; the initial 1 is a constant."""
        if include_initial:
            y, ybar = _part(y, axis or 0, slice(1, None)), _part(ybar, axis or 0, slice(1, None))
        return _cumprod(y, ybar, x, axis, dtype)

    linear(np.cumulative_sum, _cumulative_sum)
    defvjp(np.cumulative_prod, _cumulative_prod)


# --- extremes: ties share ȳ equally


def _share(ybar, a, y, axis, where=True, initial=None):
    """ȳ at those elements of a that equal y, in equal parts; ``initial`` takes its part too."""
    a, y = constant(a), constant(y)
    ties = onp.equal(a, y)
    if where is not True:
        ties = ties & where
    if initial is None and _one_each(ties, y):
        part = ybar
    else:
        if isinstance(ties, Traced):
            count = np.sum(ties, axis=axis, keepdims=True, dtype=dtype_of(y))
        else:
            count = onp.add.reduce(ties, axis=axis, keepdims=True, dtype=dtype_of(y))
        if initial is not None:
            count = count + (y == initial)
        part = ybar / onp.maximum(count, 1)
    kind = type(part)
    if type(ties) is not ndarray or (kind is not ndarray and kind not in NUMBERS):
        return np.where(ties, part, 0)
    xbar = onp.zeros(ties.shape, part.dtype if kind is ndarray else NUMBERS[kind])  # half the time of where
    onp.copyto(xbar, part, where=ties)
    return xbar


def _one_each(ties, y):
    """Whether each y has just one element that equals it; a nan has none."""
    if isinstance(ties, Traced):
        return False  # each example counts its own
    if type(y) is not ndarray:
        return onp.count_nonzero(ties) == 1
    # One at least equals each y that is no nan.
    return onp.count_nonzero(ties) == onp.count_nonzero(y == y) == y.size


def or_nan(xbar, ybar, y, a, axis, where=True):
    """x̄, and nan where y is nan and ȳ is not 0; y and ȳ broadcast against x̄."""
    y = constant(y)
    wrong = y != y
    if not (wrong.any() if type(wrong) is ndarray else any_of(wrong)):
        return xbar
    axis = axes_of(axis, np.ndim(a))
    slope = math.nan * np.sum(a, axis=axis, keepdims=True)  # of a, so that the second derivative is nan too
    return np.where(wrong & where & (constant(ybar) != 0), ybar * slope, xbar)


def _extreme(y, ybar, a, axis=None, *, keepdims=False, initial=None, where=True):
    """x̄ = ȳ where x is extreme."""
    ybar, y = _keep(ybar, a, axis, keepdims), _keep(y, a, axis, keepdims)
    return or_nan(_share(ybar, a, y, axis, where, initial), ybar, y, a, axis, where)


def _extreme_forward(y, xdot, a, axis=None, *, keepdims=False, initial=None, where=True):
    """ẏ = ẋ where x is extreme: the same parts of it, summed."""
    y = _keep(y, a, axis, keepdims)
    parts = _extreme(y, xdot, a, axis, keepdims=True, initial=initial, where=where)
    return np.sum(parts, axis=axis, keepdims=keepdims)


def _forward(rule):
    """The rule of forward mode of a sum of elements of x: the same parts of ẋ as of ȳ, summed."""

    def forward(y, xdot, a, axis=None, *, keepdims=False):
        axis = axes_of(axis, np.ndim(a))  # median takes lists of axes
        parts = rule(_keep(y, a, axis, keepdims), xdot, a, axis, keepdims=True)
        return np.sum(parts, axis=axis, keepdims=keepdims)

    return forward


def _ptp(y, ybar, a, axis=None, *, keepdims=False):
    """x̄ = ȳ where x is largest, less ȳ where it is smallest."""
    ybar, y, plain = _keep(ybar, a, axis, keepdims), _keep(y, a, axis, keepdims), constant(a)
    high, low = onp.max(plain, axis=axis, keepdims=True), onp.min(plain, axis=axis, keepdims=True)
    return or_nan(_share(ybar, a, high, axis) - _share(ybar, a, low, axis), ybar, y, a, axis)


@as_one_call
def _median(y, ybar, a, axis=None, *, keepdims=False):
    """x̄ = ȳ at the middle element, or half of it at each of the two."""
    if not np.size(a):
        return zeros_like(a)
    ybar, y = _keep(ybar, a, axis, keepdims), _keep(y, a, axis, keepdims)
    low, high = _middle(constant(a), axis)
    return or_nan((_share(ybar, a, low, axis) + _share(ybar, a, high, axis)) / 2, ybar, y, a, axis)


def _middle(a, axis):
    """The middle two of the numbers along these axes; twice the same if their count is odd."""
    axes = axes_of(axis, onp.ndim(a))
    moved = onp.moveaxis(onp.asarray(a), axes, range(-len(axes), 0))
    kept = moved.shape[: moved.ndim - len(axes)]
    ascending = onp.sort(moved.reshape(*kept, -1), axis=-1)  # nans come last
    count = onp.sum(~onp.isnan(ascending), axis=-1, keepdims=True)
    middle = onp.take_along_axis(ascending, onp.concatenate([(count - 1) // 2, count // 2], axis=-1), axis=-1)
    return (onp.expand_dims(middle[..., n].reshape(kept), axes) for n in range(2))


# These pass every nan on, so that their zeros hide none; the others leave nans out.
for f in (np.max, np.amax, np.min, np.amin):
    defvjp(f, _extreme)
for f in (np.nanmax, np.nanmin):
    defvjp(f, _extreme, masks=True)
defvjp(np.ptp, _ptp)
defvjp(np.median, _median)
defvjp(np.nanmedian, _median, masks=True)
# By the transpose of the rule it would take five times as long.
for f in (np.max, np.amax, np.min, np.amin, np.nanmax, np.nanmin):
    define_forward(f, {0: _extreme_forward}, {})
for f, rule in ((np.ptp, _ptp), (np.median, _median), (np.nanmedian, _median)):
    define_forward(f, {0: _forward(rule)}, {})


# --- those that pass over nans: as the others, where there are none


def _without_nans(a, fill, where=True):
    """The numbers in a, ``fill`` for nans, and where they are."""
    where = onp.logical_and(where, ~onp.isnan(constant(a)))
    return np.where(where, a, fill), where


def _nansum(y, ybar, a, axis=None, dtype=None, *, keepdims=False, initial=None, where=True):
    """x̄ = ȳ at numbers."""
    a, where = _without_nans(a, 0, where)
    return _sum(y, ybar, a, axis, dtype, keepdims=keepdims, where=where)


def _nanprod(y, ybar, a, axis=None, dtype=None, *, keepdims=False, initial=None, where=True):
    """x̄ᵢ = ȳ·Π_{k≠i} xₖ at numbers."""
    a, where = _without_nans(a, 1, where)
    return _prod(y, ybar, a, axis, dtype, keepdims=keepdims, initial=initial, where=where)


def _nanmean(y, ybar, a, axis=None, dtype=None, *, keepdims=False, where=True):
    """x̄ = ȳ/n at the n numbers."""
    a, where = _without_nans(a, 0, where)
    return _mean(y, ybar, a, axis, dtype, keepdims=keepdims, where=where)


def _nanvar(
    y, ybar, a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None, correction=None
):  # fmt: skip
    """x̄ = 2ȳ·conj(x - μ)/(n - ddof) at the n numbers."""
    a, where = _without_nans(a, 0, where)
    return _var(
        y, ybar, a, axis, dtype,
        ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction,
    )  # fmt: skip


def _nanstd(
    y, ybar, a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None, correction=None
):  # fmt: skip
    """x̄ = ȳ·conj(x - μ)/(n - ddof)y at the n numbers; 0 where y is 0."""
    a, where = _without_nans(a, 0, where)
    return _std(
        y, ybar, a, axis, dtype,
        ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction,
    )  # fmt: skip


def _nanvar_wrt_mean(
    y, ybar, a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None, correction=None
):  # fmt: skip
    """As var, at the numbers."""
    a, where = _without_nans(a, 0, where)
    return _var_wrt_mean(
        y, ybar, a, axis, dtype,
        ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction,
    )  # fmt: skip


def _nanstd_wrt_mean(
    y, ybar, a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True, mean=None, correction=None
):  # fmt: skip
    """As std, at the numbers."""
    a, where = _without_nans(a, 0, where)
    return _std_wrt_mean(
        y, ybar, a, axis, dtype,
        ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction,
    )  # fmt: skip


def _nancumsum(y, ybar, a, axis=None, dtype=None):
    """x̄ⱼ = Σ_{i≥j} ȳᵢ at numbers."""
    a, where = _without_nans(a, 0)
    return _masked(_cumsum(y, ybar, a, axis, dtype), where)


def _nancumprod(y, ybar, a, axis=None, dtype=None):
    """As cumprod, at numbers."""
    a, where = _without_nans(a, 1)
    return _masked(_cumprod(y, ybar, a, axis, dtype), where)


defvjp(np.nansum, _nansum, masks=True)
defvjp(np.nanprod, _nanprod, masks=True)
defvjp(np.nanmean, _nanmean, masks=True)
defvjp(np.nanvar, _nanvar, _nanvar_wrt_mean, argnums=(0, "mean"), masks=True)
defvjp(np.nanstd, _nanstd, _nanstd_wrt_mean, argnums=(0, "mean"), masks=True)


def _spread_forward(rule, nans):
    """ẏ = Σ ∂y/∂xᵢ·ẋᵢ. A transpose could not tell a ȳ of 0 from the unknown.

    What is left out, nans if ``nans`` are, counts for nothing, whatever its tangent is.
    """

    def forward(
        y, xdot, a, axis=None, dtype=None,
        *, ddof=0, keepdims=False, where=True, mean=None, correction=None,
    ):  # fmt: skip
        counted = onp.logical_and(where, ~onp.isnan(constant(a))) if nans else where
        if counted is not True:
            xdot = np.where(counted, xdot, 0)
        slope = rule(
            y, onp.ones(shape_of(y), dtype_of(y)), a, axis, dtype,
            ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction,
        )  # fmt: skip
        parts = np.where((constant(xdot) == 0) & onp.isnan(constant(slope)), 0, slope * xdot)
        if dtype_of(a).kind == "c":  # y = Σ|x - μ|², which is real
            parts = np.real(parts)
        return np.sum(parts, axis=axis, keepdims=keepdims)

    return forward


for f, rule in ((np.var, _var), (np.std, _std)):
    define_forward(f, {0: _spread_forward(rule, False)}, {})
for f, rule in ((np.nanvar, _nanvar), (np.nanstd, _nanstd)):
    define_forward(f, {0: _spread_forward(rule, True)}, {})
defvjp(np.nancumsum, _nancumsum, masks=True)
defvjp(np.nancumprod, _nancumprod, masks=True)


# --- differences


def _difference(y, ybar, a, n=1, axis=-1):
    """x̄ = (-1)ⁿ times the n-th difference of ȳ between zeros."""
    if n == 0:
        return ybar
    width = list(shape_of(ybar))
    if width[axis] == 0:
        return zeros_like(a)
    width[axis] = n
    ends = onp.zeros(width, dtype_of(ybar))
    xbar = difference(np.concatenate([ends, ybar, ends], axis=axis), n=n, axis=axis)
    return xbar if n % 2 == 0 else -xbar


linear(difference, _difference)

# --- counts and positions

defzero(np.any, np.all, np.count_nonzero, np.argmax, np.argmin, np.nanargmax, np.nanargmin)

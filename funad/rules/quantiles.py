"""The VJP rules of funad.numpy.quantiles.

A quantile is y = (1 - γ)·x₍ₖ₎ + γ·x₍ₖ₊₁₎, between two of the elements in ascending order. Where it
stands among them, k + γ, is what NumPy's own function says of their ranks: so every method, all
weights and all missing elements are NumPy's.
"""

import math
from functools import cache

import numpy as onp

from .. import numpy as np
from ..boxes import Traced
from ..calling import as_one_call
from ..defining import define_forward, defvjp
from ..numpy.indexing import scatter
from ..spaces import zeros_like
from ..values import constant, dtype_of, shape_of
from .reductions import or_nan

# α and β of those methods in which the position goes with q, k + γ = (n + 1 - α - β)·q + α - 1
# (Hyndman and Fan, 1996, "Sample Quantiles in Statistical Packages"). In the others it goes by steps.
_CONTINUOUS = {
    "linear": (1, 1),
    "interpolated_inverted_cdf": (0, 1),
    "hazen": (0.5, 0.5),
    "weibull": (0, 0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}


class Place:
    """Where quantiles stand, for m of them in each of the ``kept`` slices of n elements."""

    def __init__(self, axes, order, count, low, part, known):
        self.axes = axes  # that were reduced
        self.order = order  # (*kept, n), positions of the elements in ascending order
        self.count = count  # (*kept, 1), how many of them take part
        self.low = low  # (*kept, m), k
        self.part = part  # (*kept, m), γ
        self.known = known  # (*kept, m), whether y is a number


def place_of(f, y, a, q, axis, method, weights):
    """Ask f, NumPy's own quantile, for quantiles of the ranks."""
    a, q = onp.asarray(constant(a)), constant(q)
    axes = tuple(range(a.ndim)) if axis is None else tuple(onp.atleast_1d(axis))
    axes = tuple(int(n) % a.ndim for n in axes) if a.ndim else ()
    rows = rows_of(a, axes)
    *kept, n = rows.shape
    order = onp.argsort(rows, axis=-1, kind="stable")  # nans come last
    # In the dtype of a, in which NumPy rounds the positions, unless it cannot count to n.
    counts = a.dtype.kind == "f" and n <= 2 ** onp.finfo(a.dtype).nmant
    ranks = onp.arange(n, dtype=a.dtype if counts else float)
    count, missing = onp.full((*kept, 1), n), None
    if f in (onp.nanquantile, onp.nanpercentile):
        missing = onp.isnan(rows)
        count = onp.sum(~missing, axis=-1, keepdims=True)
    if weights is None and (count == n).all():  # the same for all slices
        at = onp.broadcast_to(onp.ravel(f(ranks, q, method=method)), (*kept, onp.size(q)))
    else:
        ranks = ranks[onp.argsort(order, axis=-1)]
        if missing is not None:
            ranks = onp.where(missing & (count > 0), onp.nan, ranks)
        ranks = onp.moveaxis(ranks.reshape((*kept, *(a.shape[n] for n in axes))), _last(axes), axes)
        chosen = {} if weights is None else {"weights": constant(weights)}
        at = onp.asarray(f(ranks, q, axis=axis, method=method, **chosen))
        at = _by_slice(_q_first(f, at, q, axes, kept), q)
    low = onp.clip(onp.floor(at), 0, onp.maximum(count - 2, 0)).astype(onp.intp)
    known = ~onp.isnan(_by_slice(_q_first(f, constant(y), q, axes, kept), q))
    return Place(axes, order, count, low, at - low, known)


def _q_first(f, y, q, axes, kept):
    """What has the axes of a quantile, as NumPy returns it, in the shape (*q, *kept)."""
    shape = onp.shape(q)
    if len(shape) == 2 and len(axes) != 1 and kept and f in _MISPLACING and _misplaces():
        return np.moveaxis(np.reshape(y, (shape[1], *kept, shape[0])), (-1, 0), (0, 1))
    return np.reshape(y, (*shape, *kept))


def by_quantile(f, y, q, place):
    """What NumPy returns, or its cotangent, in the shape (*kept, m)."""
    return _by_slice(_q_first(f, y, q, place.axes, place.low.shape[:-1]), q)


def as_returned(f, y, q, axes, shape):
    """What has the shape (*kept, m) as NumPy returns it."""
    kept = shape_of(y)[:-1]
    y = np.reshape(np.moveaxis(y, -1, 0), (*onp.shape(q), *kept))
    if onp.ndim(q) == 2 and len(axes) != 1 and kept and f in _MISPLACING and _misplaces():
        y = np.moveaxis(y, (0, 1), (-1, 0))
    return np.reshape(y, shape)


_MISPLACING = (onp.nanquantile, onp.nanpercentile)


@cache
def _misplaces():
    """Say whether this NumPy puts the first axis of q last where several axes are reduced."""
    return onp.nanquantile(onp.zeros((1, 1, 3)), [[0.2], [0.7]], axis=(0, 1)).shape != (2, 1, 3)


def _last(axes):
    return tuple(range(-len(axes), 0))


def rows_of(a, axes):
    """The elements that are reduced as one axis, the last."""
    kept = [size for n, size in enumerate(shape_of(a)) if n not in axes]
    size = math.prod(shape_of(a)[n] for n in axes)
    return np.reshape(np.moveaxis(a, axes, _last(axes)), (*kept, size))


def _by_slice(y, q):
    """What has the shape (*q, *kept) as (*kept, m)."""
    kept = shape_of(y)[onp.ndim(q) :]
    return np.moveaxis(np.reshape(y, (onp.size(q), *kept)), 0, -1)


def _above(place):
    """k + 1; of a single element, k."""
    return onp.minimum(place.low + 1, onp.maximum(place.count - 1, 0))


def _put_back(ybar, rows, place, k):
    """x̄ = ȳ at the k-th of the elements in ascending order; equal elements share it."""
    ordered = onp.take_along_axis(constant(rows), place.order, axis=-1)
    value, at = (onp.take_along_axis(x, k, axis=-1) for x in (ordered, place.order))
    below, above = onp.maximum(k - 1, 0), onp.minimum(k + 1, place.count - 1)
    tied = ((below < k) & (onp.take_along_axis(ordered, below, axis=-1) == value)) | (
        (above > k) & (onp.take_along_axis(ordered, above, axis=-1) == value)
    )
    if not onp.any(tied):
        index = tuple(onp.indices(at.shape, sparse=True)[:-1])
        return scatter(rows.shape, dtype_of(ybar), [(*index, at)], [ybar])
    xbar = 0
    for m in range(value.shape[-1]):
        equal = rows == value[..., m : m + 1]
        share = ybar[..., m : m + 1] / onp.maximum(onp.sum(equal, axis=-1, keepdims=True), 1)
        xbar = xbar + np.where(equal, share, 0)
    return xbar


def _shares(ybar, rows, place, part):
    """x̄ of ȳ in rows: (1 - γ)·ȳ at x₍ₖ₎ and γ·ȳ at x₍ₖ₊₁₎."""
    if part is None:
        return _put_back(ybar, rows, place, place.low)
    part = np.astype(part, dtype_of(ybar))
    both = np.concatenate([ybar * (1 - part), ybar * part], -1)
    return _put_back(both, rows, place, onp.concatenate([place.low, _above(place)], -1))


def _moving(q, place, method, percent):
    """(∂(k + γ)/∂q, zero beyond the ends) of shape (*kept, m)."""
    if method not in _CONTINUOUS:
        return onp.zeros(place.low.shape)
    alpha, beta = _CONTINUOUS[method]
    slope = place.count + 1 - alpha - beta
    at = slope * onp.ravel(constant(q)) / percent + alpha - 1
    # At the very ends, as at 0 and 1 in "linear", the derivative is that towards the inside.
    inside = (at >= 0) & (at <= place.count - 1) & (place.count > 1)
    return onp.where(inside, slope / percent, 0)


def _part(q, place, method, percent):
    """γ, which goes with q; None where it is 0."""
    if isinstance(q, Traced):
        moved = np.reshape(q, (-1,)) - onp.ravel(constant(q))
        return place.part + _moving(q, place, method, percent) * moved
    return place.part if place.part.any() else None


def _shares_or_nan(ybar, rows, place, part):
    """What each element has of ȳ; nan in rows whose quantile is not known."""
    if place.known.all():
        return _shares(ybar, rows, place, part)
    xbar = _shares(np.where(place.known, ybar, 0), rows, place, part)
    wrong = np.sum(np.where(place.known, 0, ybar), axis=-1, keepdims=True)
    return or_nan(xbar, wrong, onp.where(place.known.all(axis=-1, keepdims=True), 0, onp.nan), rows, -1)


def _counting(f, moving, rows):
    """The tangents that count: where f leaves nans out, not those of nans, whatever they are."""
    if f not in (onp.nanquantile, onp.nanpercentile):
        return moving
    nans = onp.isnan(constant(rows))
    return np.where(nans & ~nans.all(axis=-1, keepdims=True), 0, moving)


def _sums_of_shares(moving, rows, place, part, dtype):
    """The tangents of all quantiles; nan where one is not known and its row moves."""
    found = []
    for m in range(place.low.shape[-1]):
        one = onp.zeros(place.low.shape, dtype)
        one[..., m] = 1
        found.append(np.sum(_shares(one, rows, place, part) * moving, axis=-1))
    ydot = np.stack(found, axis=-1)
    if place.known.all():
        return ydot
    moves = onp.any(constant(moving) != 0, axis=-1, keepdims=True)
    total = np.sum(moving, axis=-1, keepdims=True) * np.sum(rows, axis=-1, keepdims=True)
    return np.where(~place.known & moves, math.nan * total, ydot)


def _rules(f, percent=1):
    """Return the rules of a, of q and of the weights."""

    def wrt_a(y, ybar, a, q, axis=None, *, method="linear", keepdims=False, weights=None):
        """x̄ = (1 - γ)·ȳ at x₍ₖ₎ and γ·ȳ at x₍ₖ₊₁₎."""
        if not onp.size(a) or not onp.size(q):
            return zeros_like(a)
        place, rows, ybar = _prepared(y, ybar, a, q, axis, method, weights)
        kept = place.order.shape[:-1]
        xbar = _shares_or_nan(ybar, rows, place, _part(q, place, method, percent))
        xbar = np.reshape(xbar, (*kept, *(shape_of(a)[n] for n in place.axes)))
        return np.moveaxis(xbar, _last(place.axes), place.axes)

    def forward(y, xdot, a, q, axis=None, *, method="linear", keepdims=False, weights=None):
        """ẏ = (1 - γ)·ẋ₍ₖ₎ + γ·ẋ₍ₖ₊₁₎, the same parts of ẋ as of ȳ, summed: once per quantile."""
        if not onp.size(a) or not onp.size(q):
            return zeros_like(y)
        place, rows, _ = _prepared(y, y, a, q, axis, method, weights)
        part, moving = _part(q, place, method, percent), rows_of(xdot, place.axes)
        moving = _counting(f, moving, rows)
        ydot = _sums_of_shares(moving, rows, place, part, dtype_of(y))
        return as_returned(f, ydot, q, place.axes, shape_of(y))

    def wrt_q(y, ybar, a, q, axis=None, *, method="linear", keepdims=False, weights=None):
        """q̄ = Σ ȳ·(x₍ₖ₊₁₎ - x₍ₖ₎)·∂(k + γ)/∂q."""
        if method not in _CONTINUOUS or not onp.size(a) or not onp.size(q):
            return zeros_like(q)
        place, rows, ybar = _prepared(y, ybar, a, q, axis, method, weights)
        low, high = (
            np.take_along_axis(rows, onp.take_along_axis(place.order, k, axis=-1), axis=-1)
            for k in (place.low, _above(place))
        )
        gap = high - low if place.known.all() else np.where(place.known, high - low, 0)
        qbar = ybar * gap * _moving(q, place, method, percent)
        if not place.known.all():
            qbar = np.where(place.known | (constant(ybar) == 0), qbar, math.nan * ybar)
        return np.reshape(np.sum(qbar, axis=tuple(range(qbar.ndim - 1))), onp.shape(q))

    def wrt_weights(y, ybar, a, q, axis=None, *, method="linear", keepdims=False, weights=None):
        """0: the weights choose an element, and choose the same one nearby."""
        return zeros_like(weights)

    def _prepared(y, ybar, a, q, axis, method, weights):
        """Return the place, a in rows, and ȳ as (*kept, m)."""
        place = place_of(f, y, a, q, axis, method, weights)
        return place, rows_of(a, place.axes), by_quantile(f, ybar, q, place)

    return wrt_a, wrt_q, wrt_weights, forward


for f, percent, masks in (
    (np.quantile, 1, False),
    (np.percentile, 100, False),
    (np.nanquantile, 1, True),
    (np.nanpercentile, 100, True),
):
    *rules, of_tangent = _rules(getattr(onp, f.__name__), percent)
    defvjp(f, *map(as_one_call, rules), argnums=(0, 1, "weights"), masks=masks)
    define_forward(f, {0: of_tangent}, {})

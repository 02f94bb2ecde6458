"""The VJP rules of funad.numpy.quantiles.

A quantile is y = (1 - γ)·x₍ₖ₎ + γ·x₍ₖ₊₁₎, between two of the elements in ascending order. Where it
stands among them, k + γ, is what NumPy's own function says of their ranks: so every method, all
weights and all missing elements are NumPy's.
"""

import math
from functools import cache

import numpy as onp

from .. import numpy as np
from ..boxes import Traced, unbox
from ..numpy.indexing import scatter
from ..registry import defvjp
from ..spaces import dtype_of, shape_of, zeros_like

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


def _place(f, y, a, q, axis, method, weights):
    """Ask f, NumPy's own quantile, for quantiles of the ranks."""
    a, q = onp.asarray(unbox(a)), unbox(q)
    axes = tuple(range(a.ndim)) if axis is None else tuple(onp.atleast_1d(axis))
    axes = tuple(int(n) % a.ndim for n in axes) if a.ndim else ()
    rows = _rows(a, axes)
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
        chosen = {} if weights is None else {"weights": unbox(weights)}
        at = onp.asarray(f(ranks, q, axis=axis, method=method, **chosen))
        at = _by_slice(_q_first(f, at, q, axes, kept), q)
    low = onp.clip(onp.floor(at), 0, onp.maximum(count - 2, 0)).astype(onp.intp)
    known = ~onp.isnan(_by_slice(_q_first(f, unbox(y), q, axes, kept), q))
    return Place(axes, order, count, low, at - low, known)


def _q_first(f, y, q, axes, kept):
    """What has the axes of a quantile, as NumPy returns it, in the shape (*q, *kept)."""
    shape = onp.shape(q)
    if len(shape) == 2 and len(axes) != 1 and kept and f in _MISPLACING and _misplaces():
        return np.moveaxis(np.reshape(y, (shape[1], *kept, shape[0])), (-1, 0), (0, 1))
    return np.reshape(y, (*shape, *kept))


_MISPLACING = (onp.nanquantile, onp.nanpercentile)


@cache
def _misplaces():
    """Say whether this NumPy puts the first axis of q last where several axes are reduced."""
    return onp.nanquantile(onp.zeros((1, 1, 3)), [[0.2], [0.7]], axis=(0, 1)).shape != (2, 1, 3)


def _last(axes):
    return tuple(range(-len(axes), 0))


def _rows(a, axes):
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
    ordered = onp.take_along_axis(unbox(rows), place.order, axis=-1)
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


def _moving(q, place, method, percent):
    """(∂(k + γ)/∂q, zero beyond the ends) of shape (*kept, m)."""
    if method not in _CONTINUOUS:
        return onp.zeros(place.low.shape)
    alpha, beta = _CONTINUOUS[method]
    slope = place.count + 1 - alpha - beta
    at = slope * onp.ravel(unbox(q)) / percent + alpha - 1
    # At the very ends, as at 0 and 1 in "linear", the derivative is that towards the inside.
    inside = (at >= 0) & (at <= place.count - 1) & (place.count > 1)
    return onp.where(inside, slope / percent, 0)


def _rules(f, percent=1):
    """Return the rules of a, of q and of the weights."""

    def wrt_a(y, ybar, a, q, axis=None, *, method="linear", keepdims=False, weights=None):
        """x̄ = (1 - γ)·ȳ at x₍ₖ₎ and γ·ȳ at x₍ₖ₊₁₎."""
        if not onp.size(a) or not onp.size(q):
            return zeros_like(a)
        place, rows, ybar = _prepared(y, ybar, a, q, axis, method, weights)
        part = place.part
        if isinstance(q, Traced):  # γ goes with q
            moved = np.reshape(q, (-1,)) - onp.ravel(unbox(q))
            part = part + _moving(q, place, method, percent) * moved
        elif not part.any():
            part = None
        if part is None:
            xbar = _put_back(ybar, rows, place, place.low)
        else:
            part = np.astype(part, dtype_of(ybar))
            both = np.concatenate([ybar * (1 - part), ybar * part], -1)
            xbar = _put_back(both, rows, place, onp.concatenate([place.low, _above(place)], -1))
        kept = place.order.shape[:-1]
        xbar = np.reshape(xbar, (*kept, *(shape_of(a)[n] for n in place.axes)))
        return np.moveaxis(xbar, _last(place.axes), place.axes)

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
        return np.reshape(np.sum(qbar, axis=tuple(range(qbar.ndim - 1))), onp.shape(q))

    def wrt_weights(y, ybar, a, q, axis=None, *, method="linear", keepdims=False, weights=None):
        """0: the weights choose an element, and choose the same one nearby."""
        return zeros_like(weights)

    def _prepared(y, ybar, a, q, axis, method, weights):
        """Return the place, a in rows, and ȳ as (*kept, m), 0 where y is nan."""
        place = _place(f, y, a, q, axis, method, weights)
        ybar = _by_slice(_q_first(f, ybar, q, place.axes, place.low.shape[:-1]), q)
        if not place.known.all():
            ybar = np.where(place.known, ybar, 0)
        return place, _rows(a, place.axes), ybar

    return wrt_a, wrt_q, wrt_weights


for f, percent, masks in (
    (np.quantile, 1, False),
    (np.percentile, 100, False),
    (np.nanquantile, 1, True),
    (np.nanpercentile, 100, True),
):
    defvjp(f, *_rules(getattr(onp, f.__name__), percent), argnums=(0, 1, "weights"), masks=masks)

"""Points between two numbers, places among sorted ones, and convolutions."""

import numpy as onp

from .. import numpy as np
from ..numpy.polynomials import product
from ..numpy.windows import sum_windows
from ..registry import primitive_of
from ..traces.batch import ALWAYS_VIEWS, spread
from ..values import shape_of
from .tables import Unbatched, alone, batch_rule, positive, rank_of

ALWAYS_VIEWS.add(primitive_of(np.lib.stride_tricks.sliding_window_view).f)


@batch_rule(np.linspace, np.logspace, np.geomspace)
def _between(trace, prim, args, kwargs):
    """The ends broadcast against each other, and the points make an axis of their own."""
    start, stop, *rest = args
    kwargs = dict(kwargs)
    axis = kwargs.pop("axis", 0)
    if len(rest) > 2 or kwargs.get("retstep") or any(map(trace.has, (*rest, *kwargs.values()))):
        raise Unbatched("more than the ends is batched, or more than the points is returned")
    if onp.ndim(kwargs.get("base", 0)):
        raise Unbatched("there are several bases")
    rank = max(rank_of(start), rank_of(stop))
    ends = [spread(x.stack, rank_of(x), rank) if trace.has(x) else x for x in (start, stop)]
    if not -rank - 1 <= axis <= rank:
        raise Unbatched("the axis is out of range")
    return prim.traced(*ends, *rest, **kwargs, axis=axis % (rank + 1) + 1)


@batch_rule(np.vander)
def _vander(trace, prim, args, kwargs):
    """The powers, one after the other as NumPy multiplies them."""
    x, *rest = args
    stack = alone(trace, x, *rest, *kwargs.values())
    given = dict(zip(("N", "increasing"), rest, strict=False)) | kwargs
    count = given.get("N")
    count = x.size if count is None else count
    if rank_of(x) != 1 or not count:
        raise Unbatched("members are no vectors, or there is no column")
    columns = [np.ones_like(stack)]
    for _ in range(count - 1):
        columns.append(columns[-1] * stack)
    return np.stack(columns if given.get("increasing") else columns[::-1], axis=-1)


@batch_rule(np.searchsorted)
def _searchsorted(trace, prim, args, kwargs):
    """Of one sorted array for all examples, element by element."""
    a, v, *rest = args
    if trace.has(a) or not trace.has(v) or any(map(trace.has, (*rest, *kwargs.values()))):
        raise Unbatched("the sorted array is batched")
    return prim.traced(a, v.stack, *rest, **kwargs)


@batch_rule(np.lib.stride_tricks.sliding_window_view)
def _windows(trace, prim, args, kwargs):
    """Along the same axes."""
    x, shape, *axis = args
    rank = rank_of(x)
    axis = axis[0] if axis else kwargs.get("axis")
    axes = range(rank) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return prim.traced(alone(trace, x, shape), shape, tuple(positive(n, rank) for n in axes))


@batch_rule(sum_windows)
def _sum_of_windows(trace, prim, args, kwargs):
    windows, axes = args
    return prim.traced(alone(trace, windows), tuple(n + 1 for n in axes))


def _convolved(trace, a, v, mode):
    """Return a * v of vectors: windows of a, with zeros around it, times v turned round."""
    if rank_of(a) != 1 or rank_of(v) != 1 or 0 in (*shape_of(a), *shape_of(v)):
        raise Unbatched("members are no vectors")
    m, n = a.size, v.size
    if n > m:
        return _convolved(trace, v, a, mode)
    around = {"full": (n - 1, n - 1), "same": (n // 2, n - 1 - n // 2), "valid": (0, 0)}
    if mode not in around:
        raise Unbatched("the mode is none of three words")
    before, after = around[mode]
    stack = a.stack if trace.has(a) else a[None]
    zeros = [onp.zeros((shape_of(stack)[0], k), stack.dtype) for k in (before, after)]
    whole = np.concatenate([zeros[0], stack, zeros[1]], axis=1) if before + after else stack
    windows = np.lib.stride_tricks.sliding_window_view(whole, n, axis=1)
    turned = v.stack[:, ::-1, None] if trace.has(v) else v[None, ::-1, None]
    return np.matmul(windows, turned)[..., 0]


@batch_rule(np.convolve)
def _convolve(trace, prim, args, kwargs):
    a, v, *mode = args
    return _convolved(trace, a, v, mode[0] if mode else kwargs.get("mode", "full"))


@batch_rule(product)
def _polymul(trace, prim, args, kwargs):
    return _convolved(trace, *args, "full")


@batch_rule(np.correlate)
def _correlate(trace, prim, args, kwargs):
    """As a convolution with the other turned round."""
    a, v, *mode = args
    if rank_of(a) != 1 or rank_of(v) != 1 or v.size > a.size:
        raise Unbatched("the second vector is the longer one")
    mode = mode[0] if mode else kwargs.get("mode", "valid")
    return _convolved(trace, a, np.conj(v)[::-1], mode)

"""Points between two numbers, places among sorted ones, and convolutions."""

import itertools
import operator

import numpy as onp

from .. import numpy as np
from ..numpy.polynomials import product
from ..numpy.windows import sum_windows
from ..registry import primitive_of
from ..traces.batch import ALWAYS_VIEWS
from ..values import shape_of
from .tables import Unbatched, axes_of, batch_rule, positive, rank_of, rule_of_one

ALWAYS_VIEWS.add(primitive_of(np.lib.stride_tricks.sliding_window_view).f)


@batch_rule(np.linspace, np.logspace, np.geomspace)
def _between(trace, prim, start, stop, *rest, axis=0, **kwargs):
    """The ends broadcast against each other, and the points make an axis of their own."""
    if len(rest) > 2 or kwargs.get("retstep") or any(map(trace.has, (*rest, *kwargs.values()))):
        raise Unbatched("more than the ends is batched, or more than the points is returned")
    if onp.ndim(kwargs.get("base", 0)):
        raise Unbatched("there are several bases")
    axis = positive(axis, max(rank_of(start), rank_of(stop)) + 1)
    return prim.traced(*trace.aligned((start, stop)), *rest, **kwargs, axis=axis)


@rule_of_one(np.vander)
def _vander(prim, x, N=None, increasing=False):
    """The powers, one after the other as NumPy multiplies them."""
    count = x.size if N is None else N
    if x.ndim != 1 or not count:
        raise Unbatched("members are no vectors, or there is no column")
    stack = np.astype(x.stack, onp.promote_types(x.dtype, int), copy=False)
    powers = [np.ones_like(stack), *itertools.repeat(stack, count - 1)]
    columns = list(itertools.accumulate(powers, operator.mul))
    return np.stack(columns if increasing else columns[::-1], axis=-1)


@batch_rule(np.searchsorted)
def _searchsorted(trace, prim, a, v, *rest, **kwargs):
    """Of one sorted array for all examples, element by element."""
    if not trace.has(v) or any(map(trace.has, (a, *rest, *kwargs.values()))):
        raise Unbatched("the sorted array is batched")
    return prim.traced(a, v.stack, *rest, **kwargs)


@rule_of_one(np.lib.stride_tricks.sliding_window_view)
def _windows(prim, x, window_shape, axis=None):
    """Along the same axes."""
    return prim.traced(x.stack, window_shape, axes_of(axis, x.ndim))


@rule_of_one(sum_windows)
def _sum_of_windows(prim, windows, axes):
    return prim.traced(windows.stack, tuple(n + 1 for n in axes))


@batch_rule(np.convolve)
def _convolve(trace, prim, a, v, mode="full"):
    """Windows of a, with zeros around it, times v turned round."""
    if rank_of(a) != 1 or rank_of(v) != 1 or 0 in (*shape_of(a), *shape_of(v)):
        raise Unbatched("members are no vectors")
    m, n = a.size, v.size
    if n > m:
        return _convolve(trace, prim, v, a, mode)
    around = {"full": (n - 1, n - 1), "same": (n // 2, n - 1 - n // 2), "valid": (0, 0)}
    if mode not in around:
        raise Unbatched("the mode is none of three words")
    stack = a.stack if trace.has(a) else a[None]
    if mode != "valid":
        before, after = (onp.zeros((len(stack), k), stack.dtype) for k in around[mode])
        stack = np.concatenate([before, stack, after], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(stack, n, axis=1)
    turned = v.stack[:, ::-1, None] if trace.has(v) else v[None, ::-1, None]
    return np.matmul(windows, turned)[..., 0]


batch_rule(product)(_convolve)


@batch_rule(np.correlate)
def _correlate(trace, prim, a, v, mode="valid"):
    """As a convolution with the other turned round."""
    if rank_of(a) != 1 or rank_of(v) != 1 or v.size > a.size:
        raise Unbatched("the second vector is the longer one")
    return _convolve(trace, prim, a, np.conj(v)[::-1], mode)

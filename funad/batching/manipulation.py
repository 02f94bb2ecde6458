"""Shapes: reshaping, moving axes, joining, copying."""

import math

import numpy as onp

from .. import numpy as np
from ..numpy.creation import assemble, filled
from ..numpy.indexing import scatter
from ..numpy.manipulation import cast
from ..numpy.padding import pad_zeros
from ..registry import primitive_of
from ..trace import OF_SHAPES
from ..traces.batch import ALWAYS_VIEWS, VIEWS_OF_ROWS, spread
from ..values import dtype_of, shape_of
from .tables import Unbatched, axes_of, batch_rule, flat, positive, rule_of_one

OF_SHAPES.update(
    primitive_of(f).f
    for f in (
        np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.can_cast,
        np.common_type, np.zeros_like, np.ones_like, np.empty_like, np.isscalar, np.tril_indices_from,
        np.triu_indices_from, np.diag_indices_from, np.min_scalar_type, np.einsum_path,
    )
)  # fmt: skip
ALWAYS_VIEWS.update(
    primitive_of(f).f
    for f in (np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze, np.matrix_transpose,
              np.broadcast_to, np.diagonal)
)  # fmt: skip
VIEWS_OF_ROWS.update(primitive_of(f).f for f in (np.reshape, np.ravel))


_SEVERAL = (tuple, list, onp.ndarray)  # forms in which several sizes are given


def _refuse_order(order):
    if order not in ("C", None):
        raise Unbatched("the order is not that of rows")


@rule_of_one(np.reshape)
def _reshape(prim, a, shape, order="C", copy=None):
    _refuse_order(order)
    shape = tuple(shape) if isinstance(shape, _SEVERAL) else (shape,)
    if -1 in shape:
        known = math.prod(n for n in shape if n != -1)
        shape = tuple(a.size // max(known, 1) if n == -1 else n for n in shape)
    if math.prod(shape) != a.size or copy is not None:
        raise Unbatched("the shape does not fit, or a copy is asked for")
    return a.stack.reshape((len(a.stack), *shape))


@rule_of_one(np.ravel)
def _ravel(prim, a, order="C"):
    _refuse_order(order)
    y = flat(a.stack)
    if type(a.stack) is onp.ndarray and a.stack.size and not a.stack[0].flags.c_contiguous:
        return onp.array(y)  # as of a member, which is no row of memory
    return y


@rule_of_one(np.transpose)
def _transpose(prim, a, axes=None):
    axes = range(a.ndim)[::-1] if axes is None else axes
    if len(axes) != a.ndim:
        raise Unbatched("the axes do not fit")
    return np.transpose(a.stack, (0, *axes_of(axes, a.ndim)))


@rule_of_one(np.swapaxes)
def _swapaxes(prim, a, axis1, axis2):
    return np.swapaxes(a.stack, positive(axis1, a.ndim), positive(axis2, a.ndim))


@rule_of_one(np.moveaxis)
def _moveaxis(prim, a, source, destination):
    return np.moveaxis(a.stack, axes_of(source, a.ndim), axes_of(destination, a.ndim))


@rule_of_one(np.tril, np.triu, np.matrix_transpose)
def _of_matrices(prim, a, *rest, **kwargs):
    if a.ndim < 2:
        raise Unbatched("members are no matrices")
    return prim.traced(a.stack, *rest, **kwargs)


@rule_of_one(np.expand_dims)
def _expand_dims(prim, a, axis):
    return np.expand_dims(a.stack, axes_of(axis, a.ndim + max(1, onp.size(axis))))


@rule_of_one(np.squeeze)
def _squeeze(prim, a, axis=None):
    if axis is None:
        axis = tuple(n for n, size in enumerate(a.shape) if size == 1)
    return np.squeeze(a.stack, axes_of(axis, a.ndim))


@rule_of_one(np.broadcast_to)
def _broadcast_to(prim, array, shape, subok=False):
    shape = tuple(shape) if isinstance(shape, _SEVERAL) else (shape,)
    if len(shape) < array.ndim:
        raise Unbatched("the shape does not fit")
    return np.broadcast_to(spread(array.stack, array.ndim, len(shape)), (len(array.stack), *shape))


@rule_of_one(np.flipud, np.fliplr)
def _flip(prim, m):
    return np.flip(m.stack, positive(0 if prim.f is onp.flipud else 1, m.ndim))


@rule_of_one(np.rot90)
def _rot90(prim, m, k=1, axes=(0, 1)):
    return prim.traced(m.stack, k, axes_of(axes, m.ndim))


@rule_of_one(np.diagonal, np.trace)
def _diagonal(prim, a, offset=0, axis1=0, axis2=1, **kwargs):
    if kwargs.get("out") is not None:
        raise Unbatched("out is given")
    return prim.traced(a.stack, offset, positive(axis1, a.ndim), positive(axis2, a.ndim), **kwargs)


@rule_of_one(np.diag)
def _diag(prim, v, k=0):
    if v.ndim == 2:
        return np.diagonal(v.stack, k, 1, 2)
    if v.ndim != 1:
        raise Unbatched("members are no vectors or matrices")
    places = onp.arange(v.size)
    index = (slice(None), places + max(-k, 0), places + max(k, 0))
    return scatter((len(v.stack), v.size + abs(k), v.size + abs(k)), v.dtype, [index], [v.stack])


@rule_of_one(np.tile)
def _tile(prim, a, reps):
    """Members with axes of length 1 in front, as many as there are repetitions."""
    reps = tuple(reps) if onp.ndim(reps) else (reps,)
    rank = max(a.ndim, len(reps))
    return np.tile(spread(a.stack, a.ndim, rank), (1,) * (1 + rank - len(reps)) + reps)


@rule_of_one(pad_zeros)
def _pad(prim, a, width):
    return prim.traced(a.stack, ((0, 0), *onp.broadcast_to(width, (a.ndim, 2)).tolist()))


@batch_rule(np.concatenate, np.stack)
def _join(trace, prim, arrays, axis=0, out=None, **kwargs):
    if out is not None or not isinstance(arrays, (list, tuple)):
        raise Unbatched("the arrays are one array, or out is given")
    stacks = list(map(trace.stack, arrays))
    if axis is None:
        stacks, axis = list(map(flat, stacks)), 0
    rank = len(shape_of(stacks[0])) - (prim.f is onp.concatenate)
    return prim.traced(stacks, positive(axis, rank), **kwargs)


@batch_rule(assemble)
def _assemble(trace, prim, parts, shape):
    """An array of lists: its numbers one after the other."""
    if any(dtype_of(x).kind not in "fcbiu" for x in parts):
        raise Unbatched("it has other things than numbers in it")
    columns = [flat(trace.stack(x)) for x in parts]
    return np.reshape(np.concatenate(columns, axis=1), (trace.size, *shape))


@rule_of_one(np.copy, np.asarray, np.array, np.asanyarray, np.ascontiguousarray, np.asarray_chkfinite)
def _copy(prim, a, *rest, **kwargs):
    if not a.ndim:
        raise Unbatched("members are numbers")
    return prim.traced(a.stack, *rest, **kwargs)


@rule_of_one(cast)
def _cast(prim, a, *rest, **kwargs):
    return prim.traced(a.stack, *rest, **kwargs)


@batch_rule(filled)
def _filled(trace, prim, shape, value, dtype=None, order="C", **kwargs):
    """One value in all places, or a row of them."""
    _refuse_order(order)
    if not trace.has(value):
        raise Unbatched("another argument than the value is batched")
    shape = tuple(shape) if isinstance(shape, _SEVERAL) else (shape,)
    rank = min(value.ndim, len(shape))
    stack = value.stack.reshape((trace.size, *value.shape[value.ndim - rank :]))  # drops axes of length 1
    y = np.broadcast_to(spread(stack, rank, len(shape)), (trace.size, *shape))
    return np.astype(y, value.dtype if dtype is None else dtype)

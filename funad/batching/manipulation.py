"""Shapes: reshaping, moving axes, joining, copying."""

import math

import numpy as onp

from .. import numpy as np
from ..numpy.creation import assemble, filled
from ..numpy.indexing import scatter
from ..numpy.manipulation import cast
from ..numpy.padding import pad_zeros
from ..registry import primitive_of
from ..traces.batch import ALWAYS_VIEWS, VIEWS_OF_ROWS, by_element, spread
from ..values import dtype_of, shape_of
from .tables import Unbatched, alone, batch_rule, positive, rank_of, shapes_of

shapes_of(
    np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.can_cast, np.common_type,
    np.zeros_like, np.ones_like, np.empty_like, np.isscalar, np.tril_indices_from, np.triu_indices_from,
    np.diag_indices_from, np.min_scalar_type, np.einsum_path,
)  # fmt: skip

ALWAYS_VIEWS.update(
    primitive_of(f).f
    for f in (np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze, np.matrix_transpose,
              np.broadcast_to, np.diagonal)
)  # fmt: skip
VIEWS_OF_ROWS.update(primitive_of(f).f for f in (np.reshape, np.ravel))


@batch_rule(np.reshape)
def _reshape(trace, prim, args, kwargs):
    a, *rest = args
    stack = alone(trace, a, *rest, *kwargs.values())
    if len(args) == 2 and type(args[1]) is tuple and not kwargs and math.prod(args[1]) == a.size:
        return stack.reshape((trace.size, *args[1]))  # most calls
    given = dict(zip(("shape", "order"), rest, strict=False)) | kwargs
    if given.get("order", "C") not in ("C", None):
        raise Unbatched("the order is not that of rows")
    shape = given.pop("shape")
    shape = tuple(shape) if isinstance(shape, (tuple, list, onp.ndarray)) else (shape,)
    known = math.prod(n for n in shape if n != -1)
    if -1 in shape:
        if not known or a.size % known or shape.count(-1) > 1:
            raise Unbatched("the shape does not fit")
        shape = tuple(a.size // known if n == -1 else n for n in shape)
    given.pop("order", None)
    if math.prod(shape) != a.size:
        raise Unbatched("the shape does not fit")
    return np.reshape(stack, (trace.size, *map(int, shape)), **given)


@batch_rule(np.ravel)
def _ravel(trace, prim, args, kwargs):
    stack = alone(trace, *args)
    if kwargs.get("order", "C") != "C" or len(args) > 1:
        raise Unbatched("the order is not that of rows")
    y = stack.reshape((trace.size, args[0].size))
    if type(stack) is onp.ndarray and stack.size and not stack[0].flags.c_contiguous:
        return onp.array(y)  # as of a member, which is no row of memory
    return y


@batch_rule(np.transpose)
def _transpose(trace, prim, args, kwargs):
    a, axes = (*args, kwargs.get("axes"))[:2]
    stack, rank = alone(trace, a), rank_of(a)
    axes = range(rank)[::-1] if axes is None else axes
    if len(axes) != rank:
        raise Unbatched("the axes do not fit")
    return np.transpose(stack, (0, *(positive(n, rank) for n in axes)))


@batch_rule(np.swapaxes)
def _swapaxes(trace, prim, args, kwargs):
    if kwargs:
        raise Unbatched("axes by name")
    a, first, second = args
    return np.swapaxes(alone(trace, a), positive(first, rank_of(a)), positive(second, rank_of(a)))


@batch_rule(np.moveaxis)
def _moveaxis(trace, prim, args, kwargs):
    if kwargs:
        raise Unbatched("axes by name")
    a, source, destination = args
    stack, rank = alone(trace, a), rank_of(a)
    pairs = [
        [positive(n, rank) for n in ((axes,) if onp.ndim(axes) == 0 else axes)]
        for axes in (source, destination)
    ]
    return np.moveaxis(stack, *pairs)


@batch_rule(np.matrix_transpose)
def _matrix_transpose(trace, prim, args, kwargs):
    if rank_of(args[0]) < 2:
        raise Unbatched("members are no matrices")
    return prim.traced(alone(trace, *args))


@batch_rule(np.expand_dims)
def _expand_dims(trace, prim, args, kwargs):
    a, axis = (*args, kwargs.get("axis"))[:2]
    stack = alone(trace, a)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = rank_of(a) + len(axes)
    return np.expand_dims(stack, tuple(positive(n, rank) for n in axes))


@batch_rule(np.squeeze)
def _squeeze(trace, prim, args, kwargs):
    a, axis = (*args, kwargs.get("axis"))[:2]
    stack, shape = alone(trace, a), shape_of(a)
    if axis is None:
        return np.reshape(stack, (trace.size, *(n for n in shape if n != 1)))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return np.squeeze(stack, tuple(positive(n, len(shape)) for n in axes))


@batch_rule(np.broadcast_to)
def _broadcast_to(trace, prim, args, kwargs):
    if kwargs or len(args) != 2:
        raise Unbatched("keywords")
    a, shape = args
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    stack = alone(trace, a, *shape)
    if len(shape) < rank_of(a):
        raise Unbatched("the shape does not fit")
    return np.broadcast_to(spread(stack, rank_of(a), len(shape)), (trace.size, *shape))


@batch_rule(np.flipud, np.fliplr)
def _flip(trace, prim, args, kwargs):
    (a,) = args
    axis = 0 if prim.f is onp.flipud else 1
    return np.flip(alone(trace, a), positive(axis, rank_of(a)))


@batch_rule(np.rot90)
def _rot90(trace, prim, args, kwargs):
    m, *rest = args
    stack = alone(trace, m, *rest, *kwargs.values())
    given = dict(zip(("k", "axes"), rest, strict=False)) | kwargs
    axes = tuple(positive(n, rank_of(m)) for n in given.get("axes", (0, 1)))
    return prim.traced(stack, given.get("k", 1), axes)


@batch_rule(np.tril, np.triu)
def _triangle(trace, prim, args, kwargs):
    if rank_of(args[0]) < 2:
        raise Unbatched("members are no matrices")
    return prim.traced(alone(trace, *args, *kwargs.values()), *args[1:], **kwargs)


@batch_rule(np.diagonal, np.trace)
def _diagonal(trace, prim, args, kwargs):
    a, *rest = args
    stack, rank = alone(trace, a, *rest, *kwargs.values()), rank_of(a)
    given = dict(zip(("offset", "axis1", "axis2"), rest, strict=False)) | kwargs
    if given.get("out") is not None:
        raise Unbatched("out is given")
    given |= {name: positive(given.get(name, n), rank) for n, name in enumerate(("axis1", "axis2"))}
    return prim.traced(stack, **given)


@batch_rule(np.diag)
def _diag(trace, prim, args, kwargs):
    v, *rest = args
    stack = alone(trace, v, *rest, *kwargs.values())
    (k,) = rest or (kwargs.get("k", 0),)
    if rank_of(v) == 2:
        return np.diagonal(stack, k, 1, 2)
    if rank_of(v) != 1:
        raise Unbatched("members are no vectors or matrices")
    places = onp.arange(v.size)
    index = (slice(None), places + max(-k, 0), places + max(k, 0))
    return scatter((trace.size, v.size + abs(k), v.size + abs(k)), stack.dtype, [index], [stack])


@batch_rule(np.tile)
def _tile(trace, prim, args, kwargs):
    """Members with axes of length 1 in front, as many as there are repetitions."""
    a, *rest = args
    stack = alone(trace, a, *rest, *kwargs.values())
    (reps,) = rest or (kwargs["reps"],)
    reps = tuple(reps) if onp.ndim(reps) else (reps,)
    rank = max(rank_of(a), len(reps))
    return np.tile(spread(stack, rank_of(a), rank), (1,) * (1 + rank - len(reps)) + reps)


@batch_rule(pad_zeros)
def _pad(trace, prim, args, kwargs):
    a, width = args
    stack = alone(trace, a, width)
    return prim.traced(stack, ((0, 0), *onp.broadcast_to(width, (rank_of(a), 2)).tolist()))


def _list(trace, args, kwargs):
    """Return a list of arrays, the axis, the stacks of the arrays and the other keywords of a call."""
    if len(args) > 2 or kwargs.get("out") is not None or not isinstance(args[0], (list, tuple)):
        raise Unbatched("the arrays are one array, or out is given")
    arrays, axis = (*args, kwargs.get("axis", 0))[:2]
    given = {name: x for name, x in kwargs.items() if name not in ("axis", "out")}
    return axis, [trace.stack(x) for x in arrays], given


@batch_rule(np.concatenate)
def _concatenate(trace, prim, args, kwargs):
    axis, parts, given = _list(trace, args, kwargs)
    if axis is None:
        return np.concatenate(
            [np.reshape(x, (trace.size, math.prod(shape_of(x)[1:]))) for x in parts], axis=1, **given
        )
    return np.concatenate(parts, axis=positive(axis, len(shape_of(parts[0])) - 1), **given)


@batch_rule(np.stack)
def _stack(trace, prim, args, kwargs):
    axis, parts, given = _list(trace, args, kwargs)
    return np.stack(parts, axis=positive(axis, len(shape_of(parts[0]))), **given)


@batch_rule(assemble)
def _assemble(trace, prim, args, kwargs):
    """An array of lists: its numbers one after the other."""
    parts, shape = args
    if any(dtype_of(x).kind not in "fcbiu" for x in parts):
        raise Unbatched("it has other things than numbers in it")
    columns = [np.reshape(trace.stack(x), (trace.size, math.prod(shape_of(x)))) for x in parts]
    return np.reshape(np.concatenate(columns, axis=1), (trace.size, *shape))


@batch_rule(np.copy, np.asarray, np.array, np.asanyarray, np.ascontiguousarray, np.asarray_chkfinite)
def _copy(trace, prim, args, kwargs):
    a, *rest = args
    if not trace.has(a) or not rank_of(a):
        raise Unbatched("members are numbers")
    return prim.traced(alone(trace, a, *rest, *kwargs.values()), *rest, **kwargs)


batch_rule(np.isneginf, np.isposinf)(by_element)


@batch_rule(cast)
def _cast(trace, prim, args, kwargs):
    return prim.traced(alone(trace, *args, *kwargs.values()), *args[1:], **kwargs)


@batch_rule(filled)
def _filled(trace, prim, args, kwargs):
    """One value in all places, or a row of them."""
    shape, value, *rest = args
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    stack = alone(trace, value, shape, *rest, *kwargs.values())
    if any(x != "C" for x in (*rest[1:], kwargs.get("order", "C"))):
        raise Unbatched("the order is not that of rows")
    dtype, rank = rest[0] if rest else kwargs.get("dtype"), min(rank_of(value), len(shape))
    stack = stack.reshape((trace.size, *value.shape[rank_of(value) - rank :]))  # axes of length 1 are dropped
    y = np.broadcast_to(spread(stack, rank, len(shape)), (trace.size, *shape))
    return np.astype(y, value.dtype if dtype is None else dtype)

"""Elements and their places: reading, writing, gathering."""

import numpy as onp

from .. import numpy as np
from ..boxes import innermost, model_of
from ..numpy.indexing import assign, getitem, scatter
from ..numpy.ufuncs import masked
from ..registry import primitive_of
from ..spaces import room_for_stack
from ..trace import OF_INDICES
from ..traces.batch import (
    BY_ELEMENT,
    NOT_BY_ELEMENT,
    is_basic,
    moved_index,
    repeated,
    spread,
)
from ..values import dtype_of, shape_of
from .tables import Unbatched, batch_rule, positive, rank_of

OF_INDICES.update(primitive_of(f).f for f in (getitem, scatter, assign))
BY_ELEMENT.update(
    primitive_of(f).f
    for f in (np.isneginf, np.isposinf, np.iscomplex, np.isreal, np.isclose, np.fix, np.round, np.around)
)
NOT_BY_ELEMENT.update({primitive_of(masked).f, onp.unwrap})


def _names_places(trace, index):
    """Say whether an index is one array of integers, the same for all members."""
    is_array = type(index) is onp.ndarray or (hasattr(index, "tape") and not trace.has(index))
    return is_array and dtype_of(index).kind in "iu"


def _lies_in_order(x):
    return type(x) is not onp.ndarray or x.flags.c_contiguous


@batch_rule(getitem)
def _getitem(trace, prim, args, kwargs):
    x, index = args
    moved = moved_index(trace, index, x)
    if moved is None:
        raise Unbatched("the index is of no simple form")
    if not trace.has(x):  # of one array for all members
        if trace.has(index) and index.dtype.kind in "iu":
            return prim.traced(x, index.stack)
        x = trace.boxed(trace.stack(x))
    if _names_places(trace, index) and _lies_in_order(x.stack):
        return np.take(x.stack, index, axis=1)  # in a quarter of the time
    y = getitem(x.stack, moved) if innermost((index,)) else x.stack[moved]
    if is_basic(index) and type(y) is onp.ndarray:
        return y if y.ndim > 1 else y.copy()
    if type(y) is onp.ndarray and y.ndim > 1 and y.size and not onp.may_share_memory(y, x.stack):
        of_member = model_of(x)[trace.plain_index(index)]
        if of_member.strides != y.strides[1:]:  # as those chosen of a member lie in memory
            y, chosen = room_for_stack(len(y), of_member), y
            y[...] = chosen
    if len(shape_of(y)) == 1 and any(
        part is Ellipsis for part in (index if type(index) is tuple else (index,))
    ):
        trace.look(x, "an array without axes was made of it, which can be written to")
    # A number is a copy, as in NumPy: later writes into the array do not reach it.
    return y.copy() if len(shape_of(y)) == 1 and type(y) is onp.ndarray else y


@batch_rule(scatter)
def _scatter(trace, prim, args, kwargs):
    shape, dtype, indices, pieces = args
    moved = [moved_index(trace, index, None) for index in indices]
    if any(index is None for index in moved):
        raise Unbatched("an index is of no simple form")
    model = onp.empty(shape, np.int8)
    ranks = [onp.ndim(model[trace.plain_index(index)]) for index in indices]
    pieces = [
        spread(x.stack, rank_of(x), rank) if trace.has(x) else x
        for x, rank in zip(pieces, ranks, strict=True)
    ]
    whole = (trace.size, *shape)
    return (scatter if innermost(pieces) else prim.f)(whole, dtype, moved, pieces)


@batch_rule(assign)
def _assign(trace, prim, args, kwargs):
    (x, v), path, index = args
    if not path:
        moved = moved_index(trace, index, x)
        if moved is None:
            raise Unbatched("the index is of no simple form")
        model = onp.empty(shape_of(x), np.int8)
        rank = onp.ndim(model[trace.plain_index(index)])
        whole = repeated(x, trace.size) if type(x) is onp.ndarray else trace.stack(x)
        return assign([whole, trace.fitted(v, rank)], (), moved)
    raise Unbatched("a view is written to")


@batch_rule(np.take_along_axis)
def _take_along_axis(trace, prim, args, kwargs):
    a, indices, *axis = args
    axis = axis[0] if axis else kwargs.get("axis", -1)
    if axis is None or rank_of(a) != rank_of(indices):
        raise Unbatched("no axis is given")
    return prim.traced(trace.stack(a), _plain(trace.stack(indices)), positive(axis, rank_of(a)))


def _plain(x):
    if type(x) is not onp.ndarray:
        raise Unbatched("the indices are traced")
    return x


@batch_rule(masked)
def _masked(trace, prim, args, kwargs):
    """A ufunc with where=: all arrays behind the first two broadcast."""
    f, casting, where, out, *xs = args
    rank = max(rank_of(x) for x in (where, out, *xs) if x is not None)
    if out is not None:  # it takes the results of all examples
        out = spread(trace.stack(out), rank_of(out), rank)
        if shape_of(out)[1:] != onp.broadcast_shapes(shape_of(out)[1:], *map(shape_of, xs)):
            raise Unbatched("out does not fit")
    arrays = [spread(x.stack, rank_of(x), rank) if trace.has(x) else x for x in (where, *xs)]
    return prim.traced(f, casting, arrays[0], out, *arrays[1:], **kwargs)

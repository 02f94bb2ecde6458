"""Elements and their places: reading, writing, gathering."""

import numpy as onp

from .. import numpy as np
from ..boxes import innermost, model_of
from ..numpy.indexing import assign, getitem, scatter
from ..numpy.ufuncs import masked
from ..registry import primitive_of
from ..spaces import room_for_stack
from ..trace import OF_INDICES
from ..traces.batch import by_element, is_basic, moved_index, repeated, spread
from ..values import dtype_of, shape_of
from .tables import Unbatched, batch_rule, positive, rank_of

OF_INDICES.update(primitive_of(f).f for f in (getitem, scatter, assign))
batch_rule(np.isneginf, np.isposinf, np.iscomplex, np.isreal, np.isclose, np.fix, np.round, np.around)(
    by_element
)


def _names_places(trace, index):
    """Say whether an index is one array of integers, the same for all members."""
    is_array = type(index) is onp.ndarray or (hasattr(index, "tape") and not trace.has(index))
    return is_array and dtype_of(index).kind in "iu"


def _lies_in_order(x):
    return type(x) is not onp.ndarray or x.flags.c_contiguous


@batch_rule(getitem)
def _getitem(trace, prim, x, index):
    moved = moved_index(trace, index)
    if moved is None:
        raise Unbatched("the index is of no simple form")
    if not trace.has(x):  # of one array for all members
        if trace.has(index) and index.dtype.kind in "iu":
            return prim.traced(x, index.stack)
        x = trace.boxed(trace.stack(x))
    if _names_places(trace, index) and _lies_in_order(x.stack):
        return np.take(x.stack, index, axis=1)  # in a quarter of the time
    y = getitem(x.stack, moved) if innermost((index,)) else x.stack[moved]
    plain = type(y) is onp.ndarray
    if len(shape_of(y)) == 1:
        if any(part is Ellipsis for part in (index if type(index) is tuple else (index,))):
            trace.look(x, "an array without axes was made of it, which can be written to")
        return y.copy() if plain else y  # a number is no view, as in NumPy
    if plain and not is_basic(index) and y.size and not onp.may_share_memory(y, x.stack):
        of_member = model_of(x)[trace.plain_index(index)]
        if of_member.strides != y.strides[1:]:  # as those chosen of a member lie in memory
            y, chosen = room_for_stack(len(y), of_member), y
            y[...] = chosen
    return y


@batch_rule(scatter)
def _scatter(trace, prim, shape, dtype, indices, pieces):
    moved = [moved_index(trace, index) for index in indices]
    if any(index is None for index in moved):
        raise Unbatched("an index is of no simple form")
    ranks = [trace.rank_at(shape, index) for index in indices]
    pieces = [
        spread(x.stack, x.ndim, rank) if trace.has(x) else x for x, rank in zip(pieces, ranks, strict=True)
    ]
    return (scatter if innermost(pieces) else prim.f)((trace.size, *shape), dtype, moved, pieces)


@batch_rule(assign)
def _assign(trace, prim, pair, path, index):
    x, v = pair
    moved = moved_index(trace, index)
    if path or moved is None:
        raise Unbatched("a view is written to, or the index is of no simple form")
    whole = repeated(x, trace.size) if type(x) is onp.ndarray else trace.stack(x)
    return assign([whole, trace.fitted(v, trace.rank_at(shape_of(x), index))], (), moved)


@batch_rule(np.take_along_axis)
def _take_along_axis(trace, prim, a, indices, axis=-1):
    indices = trace.stack(indices)
    if axis is None or rank_of(a) != len(shape_of(indices)) - 1 or type(indices) is not onp.ndarray:
        raise Unbatched("no axis is given, or the indices are traced")
    return prim.traced(trace.stack(a), indices, positive(axis, rank_of(a)))


@batch_rule(masked)
def _masked(trace, prim, f, casting, where, out, *xs, **kwargs):
    """A ufunc with where=: all arrays behind the first two broadcast."""
    if out is None:
        where, *xs = trace.aligned((where, *xs))
    elif shape_of(out) != onp.broadcast_shapes(*map(shape_of, (out, *xs))):
        raise Unbatched("out does not fit")
    else:  # it takes the results of all examples
        out, where, *xs = trace.aligned((trace.boxed(trace.stack(out)), where, *xs))
    return prim.traced(f, casting, where, out, *xs, **kwargs)

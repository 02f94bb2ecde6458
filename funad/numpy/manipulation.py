"""Functions that move elements to other places: shapes, axes, joining, splitting.

Those that are made of other functions of the namespace need no rule: they are ``composite``.
"""

import numpy as _np
from numpy import broadcast_shapes

from ..boxes import Box as _Box
from ..boxes import Traced as _Traced
from ..boxes import model_of as _model_of
from ..calling import as_array as _as_array
from ..calling import call as _call
from ..errors import UnsupportedKeywordError as _UnsupportedKeywordError
from ..operands import of_lists as _of_lists
from ..primitives import composite as _composite
from ..primitives import implements as _implements
from ..primitives import of_any as _wrap
from ..primitives import primitive
from ..registry import enter as _enter
from ..registry import primitive_of as _primitive_of
from ..values import class_of as _class_of
from ..values import constant as _constant
from ..values import dtype_of as _dtype_of
from ..writing import fillable as _fillable
from .indexing import take as _take

__all__ = [
    "append",
    "array_split",
    "asanyarray",
    "asarray",
    "asarray_chkfinite",
    "ascontiguousarray",
    "asfortranarray",
    "astype",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "column_stack",
    "concat",
    "concatenate",
    "copy",
    "delete",
    "diag",
    "diagflat",
    "diagonal",
    "dsplit",
    "dstack",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "hsplit",
    "hstack",
    "insert",
    "matrix_transpose",
    "moveaxis",
    "ndim",
    "permute_dims",
    "ravel",
    "repeat",
    "require",
    "reshape",
    "resize",
    "roll",
    "rollaxis",
    "rot90",
    "row_stack",
    "shape",
    "size",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "transpose",
    "tril",
    "trim_zeros",
    "triu",
    "vsplit",
    "vstack",
]


def _laid_out(f, place):
    """Wrap f, which takes ``order`` at a place, such that rules meet "C" and "F" alone.

    What "A" and "K" mean depends on the memory of the array, and ȳ and ẋ have their own.
    """
    prim = _enter(f)
    traced = _wrap(prim, f)

    @_implements(f)
    def wrapped(*args, **kwargs):
        if len(args) > place:
            if args[place] not in ("C", "F") and isinstance(args[0], _Traced):
                args = (*args[:place], memory_order(args[0], args[place]), *args[place + 1 :])
        elif "order" in kwargs and args and isinstance(args[0], _Traced):
            kwargs["order"] = memory_order(args[0], kwargs["order"])
        return traced(*args, **kwargs)

    return wrapped


def _unseen(f):
    """Wrap f, of which NumPy does not ask its argument: a dual number inside of a box, say."""
    prim = _enter(f)
    traced = _wrap(prim, f)

    @_implements(f)
    def wrapped(*args, **kwargs):
        if args and type(args[0]) is _Box and isinstance(args[0].primal, _Traced):
            return _call(prim, args, kwargs)
        y = traced(*args, **kwargs)
        return _fillable(y) if kwargs and kwargs.get("copy") else y

    return wrapped


def memory_order(a, order):
    """Return which of "C" and "F" the orders "A" and "K" are for the array at hand."""
    if order not in ("A", "K"):
        return order
    flags = getattr(_constant(a), "flags", None)
    if flags is None or flags.c_contiguous:
        return "C"
    if order == "K" and not flags.f_contiguous:
        raise _UnsupportedKeywordError(
            "order='K' is supported on a traced value only where its elements follow each other in "
            "memory, by rows or by columns; use order='C' or 'F'"
        )
    return "F" if flags.f_contiguous else "C"


def laid_out_as(y, model):
    """Return y, just computed, with its axes in memory in the order of those of a plain array.

    Functions of the namespace that are made of others use it where NumPy's function chooses the memory order
    of its result: which views can be had of it (``ravel``, ``reshape``) depends on that order.
    """
    plain = _constant(y)
    if not issubclass(type(plain), _np.ndarray) or plain.ndim < 2 or not plain.size:
        return y
    axes = sorted(range(model.ndim), key=lambda n: -abs(model.strides[n]))
    if plain.transpose(axes).flags.c_contiguous:
        return y
    return transpose(copy(transpose(y, axes), "C"), _np.argsort(axes))


# Of arrays, but no arrays themselves
ndim = primitive(_np.ndim)
shape = primitive(_np.shape)
size = primitive(_np.size)

# The same elements, seen otherwise
broadcast_to = primitive(_np.broadcast_to)
diag = primitive(_np.diag)
diagonal = primitive(_np.diagonal)
expand_dims = primitive(_np.expand_dims)
flip = primitive(_np.flip)
fliplr = primitive(_np.fliplr)
flipud = primitive(_np.flipud)
matrix_transpose = primitive(_np.matrix_transpose)
moveaxis = primitive(_np.moveaxis)
permute_dims = transpose = primitive(_np.transpose)
ravel = _laid_out(_np.ravel, 1)
repeat = primitive(_np.repeat)
reshape = _laid_out(_np.reshape, 2)
roll = primitive(_np.roll)
rot90 = primitive(_np.rot90)
squeeze = primitive(_np.squeeze)
swapaxes = primitive(_np.swapaxes)
tile = primitive(_np.tile)
tril = primitive(_np.tril)
triu = primitive(_np.triu)

# Joined
concat = concatenate = primitive(_np.concatenate, containers=(0,))
stack = primitive(_np.stack, containers=(0,))

# In another type or memory
asanyarray = _unseen(_np.asanyarray)
asarray = _unseen(_np.asarray)
asarray_chkfinite = _unseen(_np.asarray_chkfinite)
ascontiguousarray = _unseen(_np.ascontiguousarray)
asfortranarray = _unseen(_np.asfortranarray)
_copy = _enter(_np.copy)
_of_copy = _wrap(_copy, _np.copy)


@_implements(_np.copy)
def copy(*args, **kwargs):
    return _fillable(_of_copy(*args, **kwargs))


_enter(_np.asarray).iterators = _enter(_np.asanyarray).iterators = _of_lists

require = _unseen(_np.require)


def _cast(x, dtype, casting="unsafe"):
    if issubclass(type(x), _np.ndarray):
        return x.astype(dtype, casting=casting)
    return _np.asarray(x).astype(dtype, casting=casting)[()]


cast = primitive(_cast, "numpy.astype")


def _astype_plain(x, /, *args, **kwargs):
    y = _np.astype(x, *args, **kwargs)
    return y if y is x else _fillable(y)


@_composite(_np.astype, _astype_plain)
def astype(x, dtype, /, order="K", casting="unsafe", subok=True, copy=True, *, device=None):
    """Return x as another type; numbers and the options of the method of that name are taken too."""
    same = not copy and isinstance(x, _Traced) and x.dtype == dtype
    y = x if same else cast(x, _np.dtype(dtype), casting)
    return y if order == "K" or not ndim(y) else asarray(y, order=memory_order(x, order))


# --- more axes


@_composite(_np.atleast_1d)
def atleast_1d(*arys):
    """Return each with one axis at least."""
    return _each(_one_axis, arys)


@_composite(_np.atleast_2d)
def atleast_2d(*arys):
    """Return each with two axes at least, new ones first."""
    return _each(_two_axes, arys)


@_composite(_np.atleast_3d)
def atleast_3d(*arys):
    """Return each with three axes at least."""
    return _each(_three_axes, arys)


def _as_it_is(a):
    """Return lists as arrays; what is traced stays, so that views of it are views of it."""
    return a if isinstance(a, _Traced) else _as_array(a)


def _each(f, arys):
    found = tuple(f(_as_it_is(a)) for a in arys)
    return found[0] if len(found) == 1 else found


def _one_axis(a):
    return reshape(a, (1,)) if ndim(a) == 0 else a


def _two_axes(a):
    return reshape(a, (1, size(a))) if ndim(a) < 2 else a


def _three_axes(a):
    if ndim(a) < 2:
        return reshape(a, (1, size(a), 1))
    return expand_dims(a, 2) if ndim(a) == 2 else a


@_composite(_np.broadcast_arrays)
def broadcast_arrays(*args, subok=False):
    """Return all of them in the one shape that broadcasting gives; of numbers, arrays without axes."""
    args = [
        _as_it_is(a)
        if ndim(a) or issubclass(_class_of(a), _np.ndarray)
        else _primitive_of(_np.array).traced(a)
        for a in args
    ]
    common = broadcast_shapes(*map(shape, args))
    return tuple(a if shape(a) == common else broadcast_to(a, common) for a in args)


@_composite(_np.rollaxis)
def rollaxis(a, axis, start=0):
    """Return a with one axis moved in front of another."""
    # An array whose shape is 0, 1, 2, ... tells by its shape where the axes go.
    return transpose(a, _np.rollaxis(_np.empty(range(ndim(a))), axis, start).shape)


# --- joined


@_composite(_np.hstack, iterators=True)
def hstack(tup, *, dtype=None, casting="same_kind"):
    """Return them joined along the second axis, or the only one."""
    parts = [_one_axis(_as_array(a)) for a in tup]
    return _concatenated(parts, 0 if parts and ndim(parts[0]) == 1 else 1, dtype, casting)


@_composite(_np.vstack, iterators=True)
def vstack(tup, *, dtype=None, casting="same_kind"):
    """Return them joined along the first axis, vectors as rows."""
    return _concatenated([_two_axes(_as_array(a)) for a in tup], 0, dtype, casting)


def _concatenated(parts, axis, dtype, casting):
    """Return concatenate of parts, without the keywords that say nothing: dask has them not."""
    if dtype is None and casting == "same_kind":
        return concatenate(parts, axis)
    return concatenate(parts, axis, dtype=dtype, casting=casting)


row_stack = vstack


@_composite(_np.dstack, iterators=True)
def dstack(tup):
    """Return them joined along the third axis."""
    return concatenate([_three_axes(_as_array(a)) for a in tup], 2)


@_composite(_np.column_stack, iterators=True)
def column_stack(tup):
    """Return them joined along the second axis, vectors as columns."""
    parts = [_as_array(a) for a in tup]
    return concatenate([reshape(a, (-1, 1)) if ndim(a) < 2 else a for a in parts], 1)


@_composite(_np.append)
def append(arr, values, axis=None):
    """Return arr with values after it."""
    return concatenate((ravel(arr), ravel(values)) if axis is None else (arr, values), axis or 0)


@_composite(_np.block, iterators=True)
def block(arrays):
    """Return one array of nested lists of blocks: the innermost lists are joined along the last axis."""
    depth = _depth(arrays)
    least = max(depth, _most_axes(arrays))
    return _joined(arrays, depth, least) if depth else copy(arrays, "C")


def _depth(blocks):
    """Return how deep lists are nested; all blocks stand equally deep."""
    if isinstance(blocks, tuple):
        raise TypeError("block takes its blocks in lists, not in tuples")
    if type(blocks) is not list:
        return 0
    depths = {_depth(part) for part in blocks}
    if len(depths) != 1:
        found = "lists of different depths" if depths else "an empty list"
        raise ValueError(f"block needs blocks that are nested equally deep, but found {found}")
    return 1 + depths.pop()


def _most_axes(blocks):
    return max(map(_most_axes, blocks)) if type(blocks) is list else ndim(blocks)


def _joined(blocks, depth, least):
    if type(blocks) is list:
        return concatenate([_joined(part, depth - 1, least) for part in blocks], -depth)
    return reshape(blocks, (1,) * (least - ndim(blocks)) + shape(blocks))


# --- cut into several


def _parts(ary, indices_or_sections, axis):
    """Return the slices of ary along an axis."""
    before = (slice(None),) * (axis % ndim(ary))
    positions = _np.array_split(_np.arange(shape(ary)[axis]), _constant(indices_or_sections))
    ends = [(int(part[0]), int(part[-1]) + 1) if part.size else (0, 0) for part in positions]
    return [ary[(*before, slice(start, end))] for start, end in ends]


@_composite(_np.array_split)
def array_split(ary, indices_or_sections, axis=0):
    """Return the parts of ary, equal or nearly so."""
    return _parts(_as_it_is(ary), indices_or_sections, axis)


def _split_along(f, axis_of):
    """Return the function ``f`` of traced values, which cuts along one axis."""

    @_composite(f)
    def split_along(ary, indices_or_sections):
        ary = _as_it_is(ary)
        f(_model_of(ary), _constant(indices_or_sections))  # its own checks
        return _parts(ary, indices_or_sections, axis_of(ary))

    return split_along


@_composite(_np.split)
def split(ary, indices_or_sections, axis=0):
    """Return the parts of ary."""
    ary = _as_it_is(ary)
    _np.split(_model_of(ary), _constant(indices_or_sections), axis)  # its own checks
    return _parts(ary, indices_or_sections, axis)


hsplit = _split_along(_np.hsplit, lambda ary: 1 if ndim(ary) > 1 else 0)
vsplit = _split_along(_np.vsplit, lambda ary: 0)
dsplit = _split_along(_np.dsplit, lambda ary: 2)

if hasattr(_np, "unstack"):  # since NumPy 2.1
    __all__ += ["unstack"]

    @_composite(_np.unstack)
    def unstack(x, /, *, axis=0):
        """Return the layers of x along an axis."""
        return tuple(moveaxis(x, axis, 0))


# --- moved by position


def positions(a, start=0):
    """Return an array of the shape of a that numbers its elements, in the memory order of a."""
    numbered = _np.empty_like(_constant(_as_array(a)), int)
    numbered[...] = _np.arange(start, start + size(a)).reshape(shape(a))
    return numbered


def _taken(a, places):
    """Return the elements of a at places, laid out in memory as those are."""
    return laid_out_as(_take(a, places), places)


@_composite(_np.delete)
def delete(arr, obj, axis=None):
    """Return arr without some of its parts."""
    return _taken(arr, _np.delete(positions(arr), _constant(obj), axis))


@_composite(_np.insert)
def insert(arr, obj, values, axis=None):
    """Return arr with values put in before some of its parts."""
    arr, values = _as_array(arr), _as_array(values)
    both = concatenate((arr, values), None)
    at = _np.insert(positions(arr), _constant(obj), positions(values, size(arr)), axis)
    return astype(_taken(both, at), _dtype_of(arr))


@_composite(_np.trim_zeros)
def trim_zeros(filt, trim="fb", axis=None):
    """Return filt without zeros at the front or at the back, along all axes or some."""
    plain = _constant(_as_array(filt))
    if not _np.ndim(plain):
        return filt
    size = _np.trim_zeros(
        plain, trim, **({} if axis is None else {"axis": axis})
    ).shape  # axis: since NumPy 2.2
    if not _np.ndim(plain):
        return filt
    trimmed = _axes(axis, plain.ndim)
    kept = []
    for n, index in enumerate(_np.nonzero(plain)):
        start = index.min() if n in trimmed and index.size and "f" in trim.lower() else 0
        kept.append(slice(start, start + size[n]))
    return filt[kept[0]] if len(kept) == 1 else filt[tuple(kept)]


def _axes(axis, ndim):
    """Return the axes that ``axis`` names, as a set."""
    axes = range(ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    return {n % ndim for n in axes}


@_composite(_np.resize)
def resize(a, new_shape):
    """Return the elements of a over and over, in a new shape."""
    if size(a) == 0:
        return _np.resize(_constant(a), new_shape)
    return asarray(_take(a, _np.resize(positions(a), new_shape)))


@_composite(_np.diagflat)
def diagflat(v, k=0):
    """Return a matrix with v on a diagonal."""
    return diag(ravel(v), k)

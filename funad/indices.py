"""Some elements of an array: a cotangent of x[i] is zero but at i, so it is kept as what stands there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as onp

from .memory import ELEMENTS_PER_PIECE
from .registry import Primitive, enter
from .values import is_deferred, shape_of

ndarray = onp.ndarray
BASIC = frozenset({int, slice})  # the types of indices that name no element twice, and hold nothing traced


class Scatter:
    """A cotangent that is zero but at some indices: pieces to be added into zeros like x.

    Indexing in a loop adds to one of these, not to as many dense arrays as the loop has steps.
    """

    __slots__ = ("count", "like", "pieces")

    def __init__(self, like: Any, pieces: list[tuple[Any, Any]]) -> None:
        self.like = like
        self.pieces = pieces
        self.count = len(pieces)

    def __add__(self, other: Scatter) -> Scatter:
        # The list is shared with what is added to, which still sees its own first pieces only.
        pieces = self.pieces if len(self.pieces) == self.count else self.pieces[: self.count]
        pieces += other.pieces
        return Scatter(self.like, pieces)

    @property
    def plain(self) -> bool:
        """Whether no piece is a traced value, nor a part of an index."""
        for index, piece in self.pieces[: self.count]:
            if type(index) not in BASIC and _is_traced(index):
                return False
            if type(piece) is not ndarray and hasattr(piece, "tape"):
                return False
        return True

    @property
    def deferred(self) -> bool:
        """Whether a piece or a part of an index is deferred, and so the whole: see ``values.is_deferred``."""
        return any(
            any(map(is_deferred, (piece, *index) if type(index) is tuple else (piece, index)))
            for index, piece in self.pieces[: self.count]
        )

    def dense(self) -> Any:
        """Return the cotangent as one array."""
        indices, pieces = zip(*self.pieces[: self.count], strict=True)
        add_up = scatter if self.plain else enter(scatter).traced
        # In types that hold nothing traced, for sure: a call of them is short.
        return add_up(self.like.shape, self.like.dtype.str, indices, list(pieces))


def _is_traced(index: Any) -> bool:
    """Say whether a part of an index is batched."""
    return any(map(_is_traced, index)) if type(index) is tuple else hasattr(index, "tape")


def scatter(shape: tuple[int, ...], dtype: Any, indices: Sequence[Any], pieces: list[Any]) -> Any:
    """Return zeros with each piece added at its index; ``funad.numpy.indexing`` makes it traced."""
    dense = onp.zeros(shape, dtype)
    add_at(dense, zip(indices, pieces, strict=True))
    return dense


def add_at(dense: Any, pieces: Iterable[tuple[Any, Any]]) -> None:
    """Add each piece to the array at its index, in place; the sum of infinities of both signs is nan."""
    for index, piece in pieces:
        if type(index) in BASIC or not repeats(index):
            try:
                dense[index] += piece
            except FloatingPointError:  # ∞ - ∞: a view has been added to; a copy has not been put back
                if not onp.may_share_memory(dense[index], dense):
                    with onp.errstate(invalid="ignore"):
                        dense[index] += piece
            continue
        with onp.errstate(invalid="ignore"):
            axis, places = _along(index)
            large = getattr(piece, "size", 1) > _SLOW_FROM
            if large and places is not None and dense.ndim > 1 and dense.flags.c_contiguous and dense.size:
                _add_along(dense, axis, places, piece)
            else:
                onp.add.at(dense, index, piece)


_SLOW_FROM = 300  # elements, up to which NumPy's own way is the fastest
_NARROW, _MANY = 4, 200  # columns up to which, and rows from which, adding up columns is faster


def _along(index: Any) -> tuple[int, Any]:
    """Return the axis and the array of an index that is one array, after slices of everything or none."""
    if type(index) is ndarray:
        return 0, index
    if type(index) is tuple and type(index[-1]) is ndarray:
        before = index[:-1]
        if all(type(part) is slice and part == slice(None) for part in before):
            return len(before), index[-1]
    return 0, None


def _add_along(dense: Any, axis: int, index: Any, piece: Any) -> None:
    """Add to the places that an index names along an axis: NumPy has fast ways for arrays of one axis."""
    shape, count = dense.shape, dense.shape[axis]
    piece = onp.broadcast_to(piece, shape[:axis] + index.shape + shape[axis + 1 :])
    before = math.prod(shape[:axis]) if axis else 1
    width = dense.size // (before * count)
    index = index.reshape(-1)
    if index.dtype != onp.intp:  # places of a large array may be beyond it
        index = index.astype(onp.intp)
    if index.size and index.min() < 0:
        index = index % count
    is_long = before == 1 and len(index) >= max(count, _MANY)
    if is_long and width <= _NARROW and dense.dtype == piece.dtype == float:
        flat, rows = dense.reshape(count, width), piece.reshape(-1, width)
        for k in range(width):
            flat[:, k] += onp.bincount(index, rows[:, k], count)
        return
    places = index if before == 1 else onp.arange(before)[:, None] * count + index
    if width > 1:  # NumPy takes long for many rows of one element
        places = places[..., None] * width + onp.arange(width)
    onp.add.at(dense.reshape(-1), places.reshape(-1), piece.reshape(-1))


def through_view(ybar: Scatter, prim: Primitive, x: Any, args: Any, kwargs: Any) -> Scatter | None:
    """Return the cotangent of x for one of a view of x: the same pieces, at their places in x.

    So a read x[1:][i] costs what x[1 + i] costs, and not what x does. None where there are many
    pieces, or pieces that are no slices of x.
    """
    size = max(math.prod(ybar.like.shape), math.prod(shape_of(x)))
    if any(map(_is_traced, args)) or any(_is_traced(index) for index, _ in ybar.pieces[: ybar.count]):
        return None
    words = [x for x in (*args, *kwargs.values()) if type(x) is str]
    if ybar.count * ELEMENTS_PER_PIECE > size or not {"A", "K"}.isdisjoint(words):
        return None
    whole = onp.empty(shape_of(x), onp.int8)  # a stand-in, which is neither read nor written
    view = prim.f(whole, *args, **kwargs)
    if not issubclass(type(view), ndarray) or not onp.may_share_memory(view, whole):
        return None
    pieces = []
    for index, piece in ybar.pieces[: ybar.count]:
        place, shape = _moved(index if type(index) is tuple else (index,), view, whole)
        if place is None:
            return None
        if shape is not None and shape != (found := whole[place].shape):
            piece = enter(onp.reshape).traced(piece, found)
        pieces.append((place, piece))
    return Scatter(x, pieces)


def _moved(index: tuple[Any, ...], view: Any, whole: Any) -> tuple[Any, Any]:
    """Return the index at which a part of a view stands in an array of bytes; of slices, its shape too.

    Some of all windows that slide over x are no slices of x; where they are few they cost what they hold.
    """
    if repeats(index):
        steps = [onp.asarray(n) for n in index]
        if len(index) != view.ndim or any(n.dtype.kind not in "iu" for n in steps):
            return None, None
        steps = [n.astype(onp.intp) % size for n, size in zip(steps, view.shape, strict=True)]
        return _places(view, steps, whole), None
    part = view[index if any(each is Ellipsis for each in index) else (*index, ...)]
    place = place_of(part, whole)
    if place is None and 0 < _WINDOWS * part.size <= view.size:
        place = _places(part, onp.indices(part.shape, onp.intp, sparse=True), whole)
    return place, part.shape


def _places(view: Any, steps: Any, whole: Any) -> tuple[Any, ...]:
    """Return the index of what is so many steps along each axis of a view of an array of bytes."""
    offset: Any = onp.intp(_offset(view, whole))
    for n, stride in zip(steps, view.strides, strict=True):
        offset = offset + n * stride
    return onp.unravel_index(offset, whole.shape)


def _offset(part: Any, whole: Any) -> int:
    """Return how many bytes into an array a view of it starts."""
    return int(part.__array_interface__["data"][0] - whole.__array_interface__["data"][0])


# How many times larger a view has to be: to add at places takes as much longer as to add whole arrays.
_WINDOWS = 8


def place_of(part: Any, whole: Any) -> tuple[Any, ...] | None:
    """Return the index, of integers and slices, at which a view stands in a C-contiguous array of bytes."""
    if not part.size or not onp.may_share_memory(part, whole):
        return None
    offset = _offset(part, whole)
    index: list[Any] = []
    for stride in whole.strides:
        first, offset = divmod(offset, stride)
        index.append(first)
    before = -1
    for size, stride in zip(part.shape, part.strides, strict=True):
        if size == 1:
            continue
        axes = [
            n for n in range(before + 1, whole.ndim) if whole.shape[n] > 1 and whole.strides[n] <= abs(stride)
        ]
        if not axes or stride % whole.strides[axes[0]]:
            return None
        before = axis = axes[0]
        first, step = index[axis], stride // whole.strides[axis]
        last = first + step * (size - 1)
        if not 0 <= last < whole.shape[axis]:
            return None
        stop = last + (1 if step > 0 else -1)
        index[axis] = slice(first, stop if stop >= 0 else None, step)
    return tuple(index)


def repeats(index: Any) -> bool:
    """Say whether an index may name one element twice: integer arrays and lists may."""
    if type(index) is tuple:
        return any(repeats(part) for part in index)
    if isinstance(index, list):
        index = onp.asarray(index)
    is_array = issubclass(type(index), ndarray) or hasattr(index, "opaque")
    return is_array and index.ndim > 0 and index.dtype.kind != "b"

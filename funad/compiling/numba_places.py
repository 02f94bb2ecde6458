"""Where the elements of an array stand: in a buffer, at an offset, with strides; and indices into them.

An index along one axis is a sum of a constant and of loop variables times factors: 2*i0 + 3. A view has no
memory of its own: it is another offset and other strides, or another index.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as onp

from .program import GETITEM, Node

__all__ = [
    "LIKE_RESHAPE", "Index", "Place", "combined", "fixed", "has_static_index", "index_of_base", "is_view",
    "parts_of", "root_of", "rows", "text_of", "variable", "view_of",
]  # fmt: skip

ndarray = onp.ndarray
# (constant, ((variable, factor), ...))
Index = tuple[int, tuple[tuple[str, int], ...]]
LIKE_RESHAPE: frozenset[Any] = frozenset({onp.reshape, onp.ravel, onp.squeeze, onp.expand_dims})
DIAGONALS: frozenset[Any] = frozenset({onp.diag, onp.diagonal})
LIKE_TRANSPOSE: frozenset[Any] = frozenset({onp.transpose, onp.swapaxes, onp.moveaxis, onp.matrix_transpose})


class Place(NamedTuple):
    """Where an array stands; offset and strides count elements."""

    buffer: str
    offset: Index
    strides: tuple[int, ...]

    def at(self, index: tuple[Index, ...]) -> Index:
        """Return the index into the buffer of an element."""
        found = self.offset
        for part, stride in zip(index, self.strides, strict=True):
            found = combined(found, part, stride)
        return found


def fixed(c: int) -> Index:
    """Return a constant index."""
    return c, ()


def variable(name: str) -> Index:
    """Return a loop variable as an index."""
    return 0, ((name, 1),)


def combined(i: Index, j: Index, factor: int = 1) -> Index:
    """Return i + factor·j."""
    terms = dict(i[1])
    for name, c in j[1]:
        terms[name] = terms.get(name, 0) + c * factor
    return i[0] + j[0] * factor, tuple((name, c) for name, c in terms.items() if c)


def text_of(i: Index) -> str:
    """Return an index as text."""
    terms = [name if c == 1 else f"{c} * {name}" for name, c in i[1]]
    return " + ".join([*terms, str(i[0])] if i[0] or not terms else terms)


def rows(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of an array that lies in memory row by row."""
    return tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))


def is_view(x: Any) -> bool:
    """Say whether a value is a look at the memory of its first argument."""
    if type(x) is not Node or not x.args or type(x.args[0]) is not Node or not x.args[0].is_array:
        return False
    if x.fn is GETITEM:
        return has_static_index(x.args[1])
    if x.fn is onp.reshape:
        return not x.kwargs and len(x.args) == 2
    if x.fn is onp.ravel:
        return not x.kwargs and len(x.args) == 1
    if x.fn in DIAGONALS:
        return x.args[0].ndim == 2
    return x.fn in LIKE_RESHAPE or x.fn in LIKE_TRANSPOSE or (x.fn is onp.broadcast_to and not x.kwargs)


def root_of(x: Node) -> Node:
    """Return what a view is a view of, at last."""
    while is_view(x):
        x = x.args[0]
    return x


def has_static_index(index: Any) -> bool:
    """Say whether an index is made of integers, slices of integers, None and Ellipsis."""
    for part in index if type(index) is tuple else (index,):
        if type(part) is slice:
            if not all(x is None or type(x) is int for x in (part.start, part.stop, part.step)):
                return False
        elif part is not None and part is not Ellipsis and type(part) is not int:
            return False
    return True


def parts_of(index: Any, rank: int) -> list[Any]:
    """Return an index with a part for every axis, and None for new ones."""
    parts = list(index) if type(index) is tuple else [index]
    missing = rank - sum(p is not None and p is not Ellipsis for p in parts)
    where = next((k for k, p in enumerate(parts) if p is Ellipsis), None)
    if where is None:
        return parts + [slice(None)] * missing
    return parts[:where] + [slice(None)] * missing + parts[where + 1 :]


def view_of(n: Node, base: Place) -> Place | None:
    """Return where a view stands of an array at a place; None if no strides say it."""
    x = n.args[0]
    if n.fn in LIKE_RESHAPE:
        strides = _reshaped(x.shape, base.strides, n.shape)
        return None if strides is None else Place(base.buffer, base.offset, strides)
    # NumPy itself says it, of bytes that are neither read nor written.
    whole = onp.lib.stride_tricks.as_strided(onp.empty(1, onp.int8), x.shape, base.strides)
    assert n.fn is not None
    part = n.fn(whole, *n.args[1:], **n.kwargs)
    if type(part) is not ndarray:  # a single element
        part = whole[(*(n.args[1] if type(n.args[1]) is tuple else (n.args[1],)), ...)]
    start = part.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return Place(base.buffer, combined(base.offset, fixed(start)), part.strides)


def _groups(shape: tuple[int, ...], other: tuple[int, ...]) -> Any:
    """Iterate over runs of axes of two shapes that hold as many elements; axes of one are left out."""
    old = [k for k, d in enumerate(shape) if d != 1]
    new = [k for k, d in enumerate(other) if d != 1]
    while old:
        mine, yours = [old.pop(0)], [new.pop(0)]
        while (a := math.prod(shape[k] for k in mine)) != (b := math.prod(other[k] for k in yours)):
            (mine if a < b else yours).append((old if a < b else new).pop(0))
        yield mine, yours


def _reshaped(
    shape: tuple[int, ...], strides: tuple[int, ...], new: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Return the strides after a reshape, or None if it has to copy."""
    found = [0] * len(new)
    for mine, yours in _groups(shape, new):
        if any(strides[a] != strides[b] * shape[b] for a, b in itertools.pairwise(mine)):
            return None
        step = strides[mine[-1]]
        for k in reversed(yours):
            found[k], step = step, step * new[k]
    return tuple(found)


def index_of_base(n: Node, index: tuple[Index, ...]) -> tuple[Index, ...] | None:
    """Return the index into what n is a view of, for one into n; None if no sum says it."""
    shape = n.args[0].shape
    if n.fn in LIKE_RESHAPE:
        return _through_reshape(shape, n.shape, index)
    if n.fn is onp.broadcast_to:
        return tuple(
            fixed(0) if d == 1 else i for d, i in zip(shape, index[len(index) - len(shape) :], strict=True)
        )
    if n.fn is GETITEM:
        return through_slices(n.args[1], shape, index)
    if n.fn in DIAGONALS:
        return None
    assert n.fn is not None
    marks = tuple(range(1, len(shape) + 1))  # as strides, they name the axes
    view = n.fn(
        onp.lib.stride_tricks.as_strided(onp.empty(1, onp.int8), shape, marks), *n.args[1:], **n.kwargs
    )
    found = [fixed(0)] * len(shape)
    for i, mark in zip(index, view.strides, strict=True):
        found[mark - 1] = i
    return tuple(found)


def through_slices(part: Any, shape: tuple[int, ...], index: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return the index into an array of one into a part of it."""
    left = list(index)
    found: list[Index] = []
    for p in parts_of(part, len(shape)):
        d = shape[len(found)] if len(found) < len(shape) else 1
        if p is None:
            left.pop(0)
        elif type(p) is slice:
            start, _, step = p.indices(d)
            found.append(combined(fixed(start), left.pop(0), step))
        else:
            found.append(fixed(p % d))
    return tuple(found)


def _through_reshape(
    shape: tuple[int, ...], new: tuple[int, ...], index: tuple[Index, ...]
) -> tuple[Index, ...] | None:
    found = [fixed(0)] * len(shape)
    for mine, yours in _groups(shape, new):
        flat = fixed(0)
        for k in yours:
            flat = combined(combined(fixed(0), flat, new[k]), index[k])
        if len(mine) == 1:
            found[mine[0]] = flat
        elif len(mine) == len(yours) and [shape[k] for k in mine] == [new[k] for k in yours]:
            for a, b in zip(mine, yours, strict=True):
                found[a] = index[b]
        elif not flat[1]:
            places = onp.unravel_index(flat[0], [shape[k] for k in mine])
            for k, c in zip(mine, places, strict=True):
                found[k] = fixed(int(c))
        else:
            return None
    return tuple(found)

"""Elements and their places."""

from __future__ import annotations

import math
from typing import Any

import numpy as onp

from ...indices import scatter
from ...writing import assign
from ..program import GETITEM, Builder, Node, key_of, nodes_in, spec_of
from .patterns import is_row, span_of

__all__ = ["RULES"]

_WHOLE = slice(None)
_FEWEST = 4  # rows that are taken together
_LISTS = (list, tuple)


def _only_axes(index: Any, shape: Any) -> bool:
    """Say whether an index takes every element: it adds axes, and leaves out some of length 1."""
    parts = index if type(index) is tuple else (index,)
    if not all(part is None or part is Ellipsis or _is_whole(part) or _is_end(part) for part in parts):
        return False
    if not any(type(part) is int for part in parts):
        return True
    taken = onp.broadcast_to(onp.zeros(()), shape)[index]
    return bool(taken.shape and taken.size == math.prod(shape))  # a number is no array without axes


def _is_end(part: Any) -> bool:
    return type(part) is int and part in (0, -1)


def _is_whole(part: Any) -> bool:
    return type(part) is slice and part == _WHOLE


def _getitem(b: Builder, a: Any, index: Any) -> Any:
    """All of an array, with further axes, is a reshape; a part of a tuple is there already."""
    if type(a) is Node and type(index) is slice and index == slice(0, (*a.shape, 0)[0], 1):
        return a
    if type(a) is not Node or not a.is_array or not _only_axes(index, a.shape):
        return None
    return b.call(onp.reshape, a, onp.broadcast_to(onp.zeros(()), a.shape)[index].shape)


def _scatter(b: Builder, shape: Any, dtype: Any, index: Any, pieces: Any) -> Any:
    """Pieces that lie side by side along one axis are a concatenation; one piece for all, a reshape."""
    if type(index) not in _LISTS or type(pieces) not in _LISTS:
        return None
    merged = _without_rows(b, dtype, index, pieces)
    if merged is not None:
        return b.call(scatter, shape, dtype, *merged)
    pieces = list(pieces)
    if any(type(p) is not Node or not p.is_array or p.dtype != dtype for p in pieces):
        return None
    if len(pieces) == 1 and _only_axes(index[0], shape) and pieces[0].size == math.prod(shape):
        return b.call(onp.reshape, pieces[0], tuple(shape))
    spans = _spans(shape, index)
    if spans is None:
        return None
    order = sorted(range(len(spans)), key=lambda k: spans[k][1])
    axis, at = spans[0][0], 0
    for k in order:
        if spans[k][1] != at or len(pieces[k].shape) != len(shape):
            return None
        at = spans[k][2]
        if pieces[k].shape[axis] != at - spans[k][1] or pieces[k].size != math.prod(shape) // shape[axis] * (
            at - spans[k][1]
        ):
            return None
    if at != shape[axis]:
        return None
    return b.call(onp.concatenate, [pieces[k] for k in order], axis=axis)


def _assign(b: Builder, pair: Any, path: Any, index: Any) -> Any:
    """A write of every element is a reshape of what is written."""
    x, v = pair
    if path or type(x) is not Node or spec_of(v).type is not onp.ndarray or not _only_axes(index, x.shape):
        return None
    return b.call(onp.reshape, v, x.shape) if (v.size, v.dtype) == (x.size, x.dtype) else None


def _without_rows(b: Builder, dtype: Any, indices: Any, pieces: Any) -> Any:
    """Return indices and pieces with rows of a stack that go to one place, or in order, taken together."""
    groups: dict[Any, list[int]] = {}
    for k, (index, piece) in enumerate(zip(indices, pieces, strict=True)):
        if is_row(piece) and piece.dtype == dtype and next(nodes_in(index), None) is None:
            kind = int if type(index) is int else key_of(index)
            groups.setdefault((piece.args[0], kind), []).append(k)
    for (stack, kind), members in groups.items():
        span = span_of([pieces[k].args[1] for k in members]) if len(members) >= _FEWEST else None
        if span is None:
            continue
        places = [indices[k] for k in members]
        rows = b.call(GETITEM, stack, span)
        at: Any = None
        if kind is not int or len(set(places)) == 1:
            at, rows = places[0], b.call(onp.sum, rows, axis=0)
        else:
            at = span_of(places) if min(places) >= 0 else None
        if at is not None:
            gone = set(members[1:])
            kept = [k for k in range(len(indices)) if k not in gone]
            return (
                [at if k == members[0] else indices[k] for k in kept],
                [rows if k == members[0] else pieces[k] for k in kept],
            )
    return None


def _spans(shape: Any, indices: Any) -> Any:
    """Return (axis, start, stop) of slices along one axis, the same of all; None of other indices."""
    spans = []
    for index in indices:
        parts = index if type(index) is tuple else (index,)
        if not all(type(part) is slice for part in parts):
            return None
        cut = [(n, part) for n, part in enumerate(parts) if part != _WHOLE]
        if len(cut) != 1 or not all(type(x) in (int, type(None)) for x in _ends(cut[0][1])):
            return None
        start, stop, step = cut[0][1].indices(shape[cut[0][0]])
        if step != 1 or stop <= start:
            return None
        spans.append((cut[0][0], start, stop))
    return spans if len({n for n, _, _ in spans}) == 1 else None


def _ends(part: slice) -> tuple[Any, Any, Any]:
    return part.start, part.stop, part.step


def _concatenate(b: Builder, xs: Any, axis: Any = 0, **kwargs: Any) -> Any:
    """One array alone is itself."""
    if kwargs or type(xs) not in (list, tuple):
        return None
    return xs[0] if len(xs) == 1 and type(xs[0]) is Node and xs[0].is_array and axis is not None else None


RULES: dict[Any, Any] = {GETITEM: _getitem, scatter: _scatter, assign: _assign, onp.concatenate: _concatenate}

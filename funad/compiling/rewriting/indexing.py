"""Elements and their places."""

from __future__ import annotations

import math
from typing import Any

import numpy as onp

from ...indices import scatter
from ..program import GETITEM, Builder, Node

__all__ = ["RULES"]

_WHOLE = slice(None)


def _only_axes(index: Any) -> bool:
    """Say whether an index adds axes and takes every element."""
    parts = index if type(index) is tuple else (index,)
    return all(part is None or part is Ellipsis or (type(part) is slice and part == _WHOLE) for part in parts)


def _getitem(b: Builder, a: Any, index: Any) -> Any:
    """All of an array, with further axes, is a reshape; a part of a tuple is there already."""
    if type(a) is not Node or not a.is_array or not _only_axes(index):
        return None
    return b.call(onp.reshape, a, onp.broadcast_to(onp.zeros(()), a.shape)[index].shape)


def _scatter(b: Builder, shape: Any, dtype: Any, index: Any, pieces: Any) -> Any:
    """Pieces that lie side by side along one axis are a concatenation; one piece for all, a reshape."""
    if type(index) is not list or type(pieces) is not list:
        return None
    pieces = list(pieces)
    if any(type(p) is not Node or not p.is_array or p.dtype != dtype for p in pieces):
        return None
    if len(pieces) == 1 and _only_axes(index[0]) and pieces[0].size == math.prod(shape):
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


RULES: dict[Any, Any] = {GETITEM: _getitem, scatter: _scatter, onp.concatenate: _concatenate}

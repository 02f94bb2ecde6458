"""One call for all steps of a loop: the same function on the stacks of its arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as onp

from ..indices import scatter
from .program import GETITEM, Builder, Node, dtype_of, nodes_in, shape_of
from .shapes import ELEMENTWISE, axes_of

__all__ = ["Stack", "at_once"]

ndarray = onp.ndarray
_BASIC = (int, slice, type(None), type(Ellipsis))


class Stack(NamedTuple):
    """An array of the values of one argument, a row for each step."""

    rows: Any

    @property
    def ndim(self) -> int:
        return len(shape_of(self.rows)) - 1


def at_once(b: Builder, count: int, n: Node, args: Any, kwargs: Any) -> Any:
    """Return the stack of the results of a call; None if there is no one call that has it.

    ``args`` are those of the call, with a ``Stack`` wherever an argument changes from step to step.
    """
    if n.fn in ELEMENTWISE:
        return _elementwise(b, count, n, *args) if not kwargs else None
    rule = RULES.get(n.fn)
    if rule is None or not kwargs.keys() <= {"axis", "keepdims", "dtype"}:
        return None
    return rule(b, count, n, *args, **kwargs)


def _elementwise(b: Builder, count: int, n: Node, *args: Any) -> Any:
    return b.call(n.fn, *(_aligned(b, a, n.ndim) for a in args))


def _aligned(b: Builder, a: Any, rank: int) -> Any:
    """Return rows with as many axes as the result has, so that they broadcast as one step's do."""
    if type(a) is not Stack:
        return a
    count, *shape = shape_of(a.rows)
    gap = rank - len(shape)
    return b.call(onp.reshape, a.rows, (count, *(1,) * gap, *shape)) if gap else a.rows


def _product(b: Builder, count: int, n: Node, x: Any, y: Any) -> Any:
    """Of a stack and a matrix it is one product; of two stacks, one for each step."""
    if type(x) is Stack and type(y) is Stack:
        return _of_stacks(b, count, n, x, y)
    if type(x) is Stack:
        return _by_matrix(b, count, n, x, y)
    rank, by = y.ndim, len(shape_of(x))
    if rank == 1 and by in (1, 2):
        return b.call(onp.dot, y.rows, x if by == 1 else b.call(onp.transpose, x))
    return b.call(onp.matmul, x, y.rows) if rank == 2 and by in (1, 2) else None


def _by_matrix(b: Builder, count: int, n: Node, x: Stack, y: Any) -> Any:
    if x.ndim not in (1, 2) or len(shape_of(y)) not in (1, 2):
        return None
    shape = shape_of(x.rows)
    flat = b.call(onp.reshape, x.rows, (math.prod(shape[:-1]), shape[-1]))
    return b.call(onp.reshape, b.call(onp.dot, flat, y), (count, *n.shape))


def _of_stacks(b: Builder, count: int, n: Node, x: Stack, y: Stack) -> Any:
    if not (1 <= x.ndim <= 2 and 1 <= y.ndim <= 2):
        return None
    if x.ndim == y.ndim == 1:
        return b.raw(onp.einsum, ("ta,ta->t", x.rows, y.rows))
    first, second = shape_of(x.rows), shape_of(y.rows)
    left = b.call(onp.reshape, x.rows, (count, 1, first[1])) if x.ndim == 1 else x.rows
    right = b.call(onp.reshape, y.rows, (*second, 1)) if y.ndim == 1 else y.rows
    return b.call(onp.reshape, b.call(onp.matmul, left, right), (count, *n.shape))


def _vdot(b: Builder, count: int, n: Node, x: Any, y: Any) -> Any:
    if n.dtype.kind != "f":
        return None
    flat = [
        Stack(b.call(onp.reshape, a.rows, (count, math.prod(shape_of(a.rows)[1:]))))
        if type(a) is Stack
        else b.call(onp.reshape, a, (math.prod(shape_of(a)),))
        for a in (x, y)
    ]
    return _product(b, count, n, *flat)


def _reshape(b: Builder, count: int, n: Node, x: Any, *shape: Any) -> Any:
    if type(x) is not Stack or len(shape) != 1:
        return None
    return b.call(onp.reshape, x.rows, (count, *n.shape))


def _transpose(b: Builder, count: int, n: Node, x: Any, axes: Any = None) -> Any:
    axes = tuple(range(n.ndim))[::-1] if axes is None else axes
    return b.call(onp.transpose, x.rows, (0, *(int(k) % n.ndim + 1 for k in axes)))


def _broadcast(b: Builder, count: int, n: Node, x: Any, shape: Any) -> Any:
    return b.call(onp.broadcast_to, _aligned(b, x, n.ndim), (count, *n.shape))


def _reduction(
    b: Builder, count: int, n: Node, x: Any, axis: Any = None, keepdims: Any = False, dtype: Any = None
) -> Any:
    axes = tuple(k + 1 for k in axes_of(axis, x.ndim))
    if not axes:
        return None
    named = {"keepdims": True} if keepdims else {}
    named |= {} if dtype is None else {"dtype": dtype}
    return b.call(n.fn, x.rows, axis=axes if len(axes) > 1 else axes[0], **named)


def _getitem(b: Builder, count: int, n: Node, x: Any, index: Any) -> Any:
    parts = index if type(index) is tuple else (index,)
    if type(x) is not Stack or not all(isinstance(part, _BASIC) for part in parts):
        return None
    return b.call(GETITEM, x.rows, (slice(None), *parts)) if next(nodes_in(index), None) is None else None


def _concatenate(b: Builder, count: int, n: Node, xs: Any, axis: Any = 0) -> Any:
    if type(axis) is not int or any(dtype_of(getattr(x, "rows", x)) != n.dtype for x in xs):
        return None
    parts = [x.rows if type(x) is Stack else b.call(onp.broadcast_to, x, (count, *shape_of(x))) for x in xs]
    return b.call(onp.concatenate, parts, axis=axis % n.ndim + 1)


def _einsum(b: Builder, count: int, n: Node, text: Any, *xs: Any) -> Any:
    if type(text) is not str or "->" not in text or "." in text:
        return None
    names, result = text.replace(" ", "").split("->")
    letter = next(c for c in "tuvwxyz" if c not in names)
    parts = [
        letter + part if type(x) is Stack else part for part, x in zip(names.split(","), xs, strict=True)
    ]
    rows = [x.rows if type(x) is Stack else x for x in xs]
    return b.raw(onp.einsum, (f"{','.join(parts)}->{letter}{result}", *rows))


def _scatter(b: Builder, count: int, n: Node, shape: Any, dtype: Any, indices: Any, pieces: Any) -> Any:
    if type(indices) is not list or type(pieces) is not list or next(nodes_in(indices), None) is not None:
        return None
    wide = []
    for index, piece in zip(indices, pieces, strict=True):
        parts = index if type(index) is tuple else (index,)
        if type(piece) is not Stack or not all(isinstance(part, _BASIC) for part in parts):
            return None
        wide.append((slice(None), *parts))
    return b.call(scatter, (count, *shape), dtype, wide, [piece.rows for piece in pieces])


# (builder, number of steps, call, *arguments of which some are stacks, **keywords) ↦ the stack, or None
RULES: dict[Any, Callable[..., Any]] = {
    onp.dot: _product, onp.matmul: _product, onp.vdot: _vdot, onp.reshape: _reshape,
    onp.transpose: _transpose, onp.broadcast_to: _broadcast, onp.sum: _reduction, onp.max: _reduction,
    onp.min: _reduction, onp.prod: _reduction, onp.mean: _reduction, GETITEM: _getitem,
    onp.concatenate: _concatenate, onp.einsum: _einsum, scatter: _scatter,
}  # fmt: skip

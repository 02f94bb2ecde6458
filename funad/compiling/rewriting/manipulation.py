"""Shapes: what a chain of reshapes, transpositions and broadcasts comes to."""

from __future__ import annotations

import math
from typing import Any

import numpy as onp

from ...indices import scatter
from ...numpy.padding import _pad_zeros
from ..loops import shifted
from ..program import GETITEM, Builder, Node, nodes_in, shape_of
from .patterns import factor_of, has_shape, is_call, is_float, root_of

__all__ = ["RULES"]


def _reshape(b: Builder, a: Any, shape: Any = None, order: Any = "C", **kwargs: Any) -> Any:
    """A reshape of a reshape is one; to the same shape, none."""
    if kwargs or order not in ("C", None) or type(a) is not Node or not a.is_array or _has_nodes(shape):
        return None
    shape = tuple(int(n) for n in shape) if isinstance(shape, (tuple, list)) else (int(shape),)
    if -1 in shape:
        rest = math.prod(n for n in shape if n != -1)
        shape = tuple(a.size // rest if n == -1 else n for n in shape) if rest else shape
    a = root_of(a)
    return a if shape == a.shape else b.raw(onp.reshape, (a, shape))


def _has_nodes(x: Any) -> bool:
    return next(nodes_in(x), None) is not None


def _transpose(b: Builder, a: Any, axes: Any = None) -> Any:
    """A transposition of a transposition is one; of an outer product, the other outer product."""
    if type(a) is not Node or _has_nodes(axes):
        return None
    rank = a.ndim
    if rank < 2:
        return a
    backwards = tuple(range(rank))[::-1]
    axes = backwards if axes is None else tuple(int(n) % rank for n in axes)
    if is_call(a, onp.transpose):
        inner = a.args[1] if len(a.args) > 1 else tuple(range(rank))[::-1]
        axes, a = tuple(inner[n] for n in axes), a.args[0]
    if axes == tuple(range(rank)):
        return a
    factor = factor_of(a)
    if factor and has_shape(factor[0], a.shape):
        return b.call(onp.multiply, b.call(onp.transpose, factor[0], axes), factor[1])
    if axes == (1, 0) and is_call(a, onp.multiply):
        for x, y in (a.args, a.args[::-1]):
            if shape_of(x) == (a.shape[0], 1) and shape_of(y) in (a.shape[1:], (1, a.shape[1])):
                column, row = (b.call(onp.reshape, q, n) for q, n in ((y, (a.shape[1], 1)), (x, a.shape[:1])))
                return b.call(onp.multiply, column, row)
    return b.raw(onp.transpose, (a,) if axes == backwards else (a, axes))


def _swapaxes(b: Builder, a: Any, i: Any, j: Any) -> Any:
    if type(a) is not Node or not a.is_array or type(i) is not int or type(j) is not int:
        return None
    axes = list(range(a.ndim))
    axes[i], axes[j] = axes[j], axes[i]
    return b.call(onp.transpose, a, tuple(axes))


def _moveaxis(b: Builder, a: Any, source: Any, to: Any) -> Any:
    if type(a) is not Node or not a.is_array or _has_nodes((source, to)):
        return None
    sources, places = ((n,) if isinstance(n, int) else tuple(n) for n in (source, to))
    pairs = sorted((place % a.ndim, n % a.ndim) for n, place in zip(sources, places, strict=True))
    axes = [n for n in range(a.ndim) if n not in {n for _, n in pairs}]
    for place, n in pairs:
        axes.insert(place, n)
    return b.call(onp.transpose, a, tuple(axes))


def _broadcast(b: Builder, a: Any, shape: Any, **kwargs: Any) -> Any:
    """A broadcast to the same shape is none; of a broadcast, one."""
    if kwargs or _has_nodes(shape) or type(a) is not Node:
        return None
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if a.is_array and a.shape == shape:
        return a
    if is_call(a, onp.broadcast_to):
        return b.call(onp.broadcast_to, a.args[0], shape)
    return None


def _ravel(b: Builder, a: Any, order: Any = "C") -> Any:
    return b.call(onp.reshape, a, (a.size,)) if order == "C" and type(a) is Node and a.is_array else None


def _expand(b: Builder, a: Any, axis: Any) -> Any:
    if type(a) is not Node or not a.is_array or type(axis) is not int:
        return None
    n = axis % (a.ndim + 1)
    return b.call(onp.reshape, a, (*a.shape[:n], 1, *a.shape[n:]))


def _squeeze(b: Builder, a: Any, axis: Any = None) -> Any:
    if type(a) is not Node or not a.is_array or (axis is not None and type(axis) is not int):
        return None
    gone = [n for n, size in enumerate(a.shape) if size == 1] if axis is None else [axis % a.ndim]
    return b.call(onp.reshape, a, tuple(size for n, size in enumerate(a.shape) if n not in gone))


def _asarray(b: Builder, a: Any, dtype: Any = None, **kwargs: Any) -> Any:
    return (
        a if type(a) is Node and a.is_array and (dtype is None or dtype == a.dtype) and not kwargs else None
    )


def _copy(b: Builder, a: Any, order: Any = "K", **kwargs: Any) -> Any:
    """Nobody writes into a value, so that it need not be copied."""
    return a if type(a) is Node and a.is_array and not kwargs else None


def _shifted(b: Builder, first: Any, rows: Any) -> Any:
    """A transposition of each row comes after."""
    if not is_call(rows, onp.transpose) or rows.args[1:] != ((0, 2, 1),):
        return None
    inner = b.call(shifted, b.call(onp.transpose, first), rows.args[0])
    return b.call(onp.transpose, inner, (0, 2, 1))


def _cut(n: int, *ends: Any) -> Any:
    """Return the index that takes a slice of axis n."""
    return (*(slice(None),) * n, slice(*ends)) if n else slice(*ends)


def _roll(b: Builder, a: Any, shift: Any, axis: Any = None) -> Any:
    """A roll is the end and then the beginning: NumPy's function takes five times as long to begin."""
    if type(a) is not Node or not a.is_array or type(shift) is not int or not a.size:
        return None
    if axis is None and a.ndim != 1:
        flat = b.call(onp.reshape, a, (a.size,))
        return b.call(onp.reshape, b.call(onp.roll, flat, shift), a.shape)
    if type(axis) not in (int, type(None)):
        return None
    n = (axis or 0) % a.ndim
    k = shift % a.shape[n]
    parts = [
        b.call(GETITEM, a, _cut(n, a.shape[n] - k, None)),
        b.call(GETITEM, a, _cut(n, 0, a.shape[n] - k)),
    ]
    return b.call(onp.concatenate, parts, axis=n) if k else a


def _flip(b: Builder, a: Any, axis: Any = None) -> Any:
    """A flip is a view."""
    if type(a) is not Node or not a.is_array or type(axis) not in (int, type(None)) or not a.ndim:
        return None
    backwards = slice(None, None, -1)
    if axis is None:
        return b.call(GETITEM, a, (backwards,) * a.ndim)
    return b.call(GETITEM, a, _cut(axis % a.ndim, None, None, -1))


def _diff(b: Builder, a: Any, n: Any = 1, axis: Any = -1, **kwargs: Any) -> Any:
    """First differences are a subtraction."""
    if kwargs or n != 1 or type(axis) is not int or not is_float(a) or not a.is_array or not a.ndim:
        return None
    later, sooner = _cut(axis % a.ndim, 1, None), _cut(axis % a.ndim, None, -1)
    return b.call(onp.subtract, b.call(GETITEM, a, later), b.call(GETITEM, a, sooner))


def _outer(b: Builder, x: Any, y: Any, **kwargs: Any) -> Any:
    """An outer product of vectors is a broadcast."""
    if kwargs or not (is_float(x) and is_float(y) and x.is_array and y.is_array and x.ndim == y.ndim == 1):
        return None
    return b.call(onp.multiply, b.call(onp.reshape, x, (x.size, 1)), y)


def _stack(b: Builder, xs: Any, axis: Any = 0, **kwargs: Any) -> Any:
    """A stack is a concatenation of arrays with one more axis, or one array of numbers."""
    if kwargs or type(axis) is not int or type(xs) not in (list, tuple) or len(xs) < 2:
        return None
    if not all(map(is_float, xs)) or len({x.dtype for x in xs}) > 1:
        return None
    if not any(x.shape for x in xs):
        return b.call(onp.array, list(xs)) if xs[0].dtype.char == "d" else None
    n = axis % (xs[0].ndim + 1)
    return b.call(onp.concatenate, [b.call(onp.expand_dims, x, n) for x in xs], axis=n)


def _pad(b: Builder, a: Any, width: Any) -> Any:
    """Zeros around an array are zeros with a piece."""
    if not is_float(a) or not a.is_array or not a.ndim or _has_nodes(width):
        return None
    width = onp.broadcast_to(width, (a.ndim, 2)).tolist()
    shape = tuple(n + before + after for n, (before, after) in zip(a.shape, width, strict=True))
    index = tuple(slice(before, before + n) for n, (before, _) in zip(a.shape, width, strict=True))
    return b.call(scatter, shape, a.dtype, [index], [a])


RULES: dict[Any, Any] = {
    onp.reshape: _reshape, onp.transpose: _transpose, onp.swapaxes: _swapaxes, onp.moveaxis: _moveaxis,
    onp.broadcast_to: _broadcast, onp.ravel: _ravel, onp.expand_dims: _expand, onp.squeeze: _squeeze,
    onp.asarray: _asarray, onp.copy: _copy, shifted: _shifted, onp.roll: _roll, onp.flip: _flip,
    onp.diff: _diff, onp.outer: _outer, onp.stack: _stack, _pad_zeros: _pad,
}  # fmt: skip

"""The class, shape and dtype of a result, from those of the arguments: nothing is computed for it."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as onp

from ..indices import scatter
from ..numpy import elementwise, padding, slopes
from ..writing import assign
from .program import GETITEM, Node, Spec, map_nodes, nodes_in, shape_of, spec_of

__all__ = ["ELEMENTWISE", "REDUCTIONS", "SPECS", "has_static_shape", "infer", "reduced_shape"]

ndarray = onp.ndarray
ELEMENTWISE: frozenset[Any] = frozenset(
    {f for f in vars(onp).values() if isinstance(f, onp.ufunc) and f.nout == 1 and f.signature is None}
    | {slopes.one_minus_square, slopes.one_plus, slopes.complement, slopes.cosine_of, slopes.fermi, onp.where}
)
REDUCTIONS: frozenset[Any] = frozenset(
    {onp.sum, onp.prod, onp.mean, onp.max, onp.min, onp.amax, onp.amin, onp.any, onp.all, onp.count_nonzero}
)
# Of numbers, these operators of Python's leave Python's numbers what they are.
_OPERATORS: frozenset[Any] = frozenset(
    {onp.add, onp.subtract, onp.multiply, onp.divide, onp.negative, onp.positive, onp.absolute, onp.power,
     onp.remainder, onp.floor_divide}
)  # fmt: skip
_COMPARISONS: frozenset[Any] = frozenset(
    {onp.less, onp.less_equal, onp.greater, onp.greater_equal, onp.equal, onp.not_equal}
)
_STATIC: frozenset[Any] = (
    ELEMENTWISE
    | REDUCTIONS
    | {onp.dot, onp.matmul, onp.reshape, onp.transpose, onp.broadcast_to, onp.einsum, onp.concatenate,
       onp.stack, onp.ravel, onp.swapaxes, onp.moveaxis, onp.expand_dims, onp.squeeze, onp.diag,
       onp.diagonal, onp.trace,
       onp.outer, onp.vdot, onp.inner, onp.tensordot, onp.cumsum, onp.cumprod, onp.flip, onp.roll, onp.tril,
       onp.triu, onp.real, onp.imag, onp.copy, onp.astype, onp.argmax, onp.argmin, onp.sort, onp.argsort,
       onp.linalg.inv, onp.linalg.cholesky, onp.linalg.det, onp.linalg.slogdet, onp.linalg.solve, onp.std,
       onp.var, onp.asarray, onp.array, onp.take, onp.atleast_1d, onp.atleast_2d, onp.pad, onp.tile, scatter,
       assign, elementwise._keep, padding._pad_zeros, onp.matrix_transpose,
       onp.linalg.matrix_transpose, onp.cross, onp.kron,
       onp.diff, onp.gradient, onp.convolve, onp.correlate, onp.interp, onp.clip, onp.rot90, onp.fliplr,
       onp.flipud, onp.median, onp.quantile, onp.percentile, onp.cov, onp.linalg.norm, onp.linalg.eigh,
       onp.linalg.eigvalsh, onp.linalg.svd, onp.linalg.qr, onp.linalg.pinv, onp.linalg.matrix_power,
       onp.fft.fft, onp.fft.ifft, onp.fft.rfft, onp.fft.irfft, onp.fft.fft2, onp.fft.ifft2, onp.fft.fftn,
       onp.fft.ifftn, onp.fft.rfft2, onp.fft.irfft2, onp.searchsorted, onp.ptp, onp.nan_to_num}
)  # fmt: skip


def has_static_shape(fn: Any, args: Any) -> bool:
    """Say whether class, shape and dtype of a result are known from those of the arguments."""
    if fn is GETITEM:
        parts = args[1] if type(args[1]) is tuple else (args[1],)
        if any(type(part) is slice and next(nodes_in(part), None) is not None for part in parts):
            return False
        return all(n.type is not ndarray or n.dtype.kind != "b" for n in nodes_in(args[1]))
    return fn in _STATIC


def infer(fn: Any, args: Any, kwargs: Any) -> Spec:
    """Return the spec of a call."""
    if fn in ELEMENTWISE and not kwargs and all(type(x) not in (tuple, list) for x in args):
        return _elementwise(fn, args)
    own = getattr(fn, "spec", None)  # a loop knows what it returns
    if isinstance(own, Spec):
        return own
    rule = SPECS.get(fn)
    found = rule(fn, *args, **kwargs) if rule is not None else None
    return found if found is not None else _by_trial(fn, args, kwargs)


def _kind(x: Any) -> Any:
    """Return what the dtype of a result may depend on: numbers of Python's adapt to arrays."""
    kind = type(x)
    if kind is Node:
        return (x.dtype, bool(x.shape)) if x.type not in (float, int, bool, complex) else x.type
    if kind in (float, int, bool, complex):
        return kind
    return x.dtype, bool(onp.shape(x))


@functools.cache
def _result_of(fn: Any, kinds: Any) -> Any:
    """Return a result of a function of single elements."""
    given = [
        kind(1) if type(kind) is type else onp.ones((1,) * kind[1], kind[0])[() if kind[1] else ...]
        for kind in kinds
    ]
    given = [x[()] if isinstance(x, ndarray) and not x.ndim else x for x in given]
    with onp.errstate(all="ignore"):
        if fn in _OPERATIONS and all(type(x) in (float, int, bool) for x in given):
            return _OPERATIONS[fn](*given)
        return fn(*given)


_OPERATIONS: dict[Any, Callable[..., Any]] = {
    onp.add: operator.add, onp.subtract: operator.sub, onp.multiply: operator.mul,
    onp.divide: operator.truediv, onp.negative: operator.neg, onp.positive: operator.pos,
    onp.absolute: abs, onp.power: operator.pow,
    onp.remainder: operator.mod, onp.floor_divide: operator.floordiv, onp.less: operator.lt,
    onp.less_equal: operator.le, onp.greater: operator.gt, onp.greater_equal: operator.ge,
    onp.equal: operator.eq, onp.not_equal: operator.ne,
}  # fmt: skip


def _elementwise(fn: Any, args: Any) -> Spec:
    one = _result_of(fn, tuple(map(_kind, args)))
    shape = onp.broadcast_shapes(*map(shape_of, args))
    dtype = one.dtype if hasattr(one, "dtype") else onp.dtype(type(one))
    kind = ndarray if shape else type(one)
    return Spec(kind, shape, dtype)


def axes_of(axis: Any, rank: int) -> tuple[int, ...]:
    """Return axes as positive ints, in order."""
    if axis is None:
        return tuple(range(rank))
    return tuple(sorted(int(n) % rank for n in (axis if type(axis) is tuple else (axis,))))


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """Return the shape that a reduction leaves."""
    if keepdims:
        return tuple(1 if n in axes else size for n, size in enumerate(shape))
    return tuple(size for n, size in enumerate(shape) if n not in axes)


def _reduction(
    fn: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    **kwargs: Any,
) -> Any:
    if kwargs or dtype is not None or type(a) is not Node or not a.is_array:
        return None
    shape = reduced_shape(a.shape, axes_of(axis, a.ndim), bool(keepdims))
    one = fn(onp.ones((1,) * a.ndim, a.dtype))
    dtype = onp.asarray(one).dtype
    return Spec(ndarray if shape else type(one), shape, dtype)


def _of_extreme(
    fn: Any, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any
) -> Any:
    return _reduction(fn, a, axis, None, None, keepdims, **kwargs)


def _product(fn: Any, a: Any, b: Any, **kwargs: Any) -> Any:
    x, y = shape_of(a), shape_of(b)
    if kwargs or not x or not y:
        return None
    dtype = onp.result_type(a.dtype, b.dtype)
    if len(y) == 1:
        shape = x[:-1]
    elif fn is onp.dot:
        shape = (*x[:-1], *y[:-2], y[-1])
    else:
        shape = (*onp.broadcast_shapes(x[:-2], y[:-2]), *x[-2:-1][: len(x) > 1], y[-1])
        if len(x) == 1:
            shape = (*y[:-2], y[-1])
    return Spec(ndarray if shape else dtype.type, shape, dtype)


def _reshape(fn: Any, a: Any, shape: Any = None, **kwargs: Any) -> Any:
    if kwargs or shape is None or not hasattr(a, "dtype") or next(nodes_in(shape), None):
        return None
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    size = math.prod(shape_of(a))
    if -1 in shape:
        rest = math.prod(n for n in shape if n != -1)
        shape = tuple(size // rest if n == -1 else n for n in shape)
    return Spec(ndarray, shape, a.dtype)


def _transpose(fn: Any, a: Any, axes: Any = None) -> Any:
    shape = shape_of(a)
    return Spec(ndarray, shape[::-1] if axes is None else tuple(shape[n] for n in axes), a.dtype)


def _broadcast(fn: Any, a: Any, shape: Any, **kwargs: Any) -> Any:
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    dtype = a.dtype if hasattr(a, "dtype") else onp.asarray(a).dtype
    return Spec(ndarray, shape, dtype) if not kwargs else None


def _getitem(fn: Any, a: Any, index: Any) -> Any:
    if type(a) is not Node or not a.is_array:
        return a.parts[index] if type(a) is Node and a.parts and type(index) is int else None
    part = onp.broadcast_to(onp.zeros((), a.dtype), a.shape)[map_nodes(_stand_in, index)]
    return spec_of(part) if isinstance(part, onp.generic) else Spec(ndarray, part.shape, a.dtype)


def _einsum(fn: Any, text: Any, *xs: Any, **kwargs: Any) -> Any:
    if kwargs or not isinstance(text, str) or "->" not in text or "." in text:
        return None
    names, result = text.replace(" ", "").split("->")
    sizes = {
        c: n
        for part, x in zip(names.split(","), xs, strict=True)
        for c, n in zip(part, shape_of(x), strict=True)
    }
    shape, dtype = tuple(sizes[c] for c in result), onp.result_type(*(x.dtype for x in xs))
    return Spec(ndarray if shape else dtype.type, shape, dtype)


def _concatenate(fn: Any, xs: Any, axis: Any = 0, **kwargs: Any) -> Any:
    if kwargs or type(xs) not in (list, tuple) or axis is None:
        return None
    first, dtype = shape_of(xs[0]), onp.result_type(*(x.dtype for x in xs))
    n = axis % len(first)
    length = sum(shape_of(x)[n] for x in xs)
    return Spec(ndarray, (*first[:n], length, *first[n + 1 :]), dtype)


def _scatter(fn: Any, shape: Any, dtype: Any, *_: Any) -> Any:
    shape = tuple(shape)
    return Spec(ndarray, shape, onp.dtype(dtype))


def _stand_in(n: Node) -> Any:
    """Return a value of the class, shape and dtype of a node, without memory for its elements."""
    if n.is_array:
        return onp.broadcast_to(onp.zeros((), n.dtype), n.shape)
    return n.type(0) if n.dtype is not None else None


def _by_trial(fn: Any, args: Any, kwargs: Any) -> Spec:
    """Return the spec of what a function makes of stand-ins."""

    def ones(n: Node) -> Any:
        if n.is_array:
            return _regular(n.shape, n.dtype)
        if n.parts:
            return n.type(tuple(map(_of_spec, n.parts)))
        return n.type(1)

    with onp.errstate(all="ignore"):
        return spec_of(fn(*map_nodes(ones, args), **map_nodes(ones, kwargs)))


def _regular(shape: Any, dtype: Any) -> Any:
    """Return ones; matrices have an inverse and a Cholesky factor."""
    x = onp.ones(shape, dtype)
    return (
        x + onp.eye(shape[-1], dtype=dtype)
        if len(shape) > 1 and shape[-1] == shape[-2] and dtype.kind in "fc"
        else x
    )


def _of_spec(spec: Spec) -> Any:
    if spec.type is ndarray:
        return _regular(spec.shape, spec.dtype)
    return spec.type(tuple(map(_of_spec, spec.parts))) if spec.parts else spec.type(1)


SPECS: dict[Any, Callable[..., Any]] = {
    onp.sum: _reduction, onp.mean: _reduction, onp.prod: _reduction, onp.max: _of_extreme,
    onp.min: _of_extreme, onp.amax: _of_extreme, onp.amin: _of_extreme, onp.dot: _product,
    onp.matmul: _product, onp.reshape: _reshape,
    onp.transpose: _transpose, onp.broadcast_to: _broadcast, GETITEM: _getitem, onp.einsum: _einsum,
    onp.concatenate: _concatenate, scatter: _scatter,
}  # fmt: skip

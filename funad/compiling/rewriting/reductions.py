"""Sums: of products they are products of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as onp

from ..program import Builder, Node
from ..shapes import axes_of, reduced_shape
from .patterns import ask_for_zeros, factor_of, is_call, is_float, is_same, nothing_of

__all__ = ["RULES"]

ADD, MUL, SUB, DIV = onp.add, onp.multiply, onp.subtract, onp.divide


def _sum(
    b: Builder,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    **kwargs: Any,
) -> Any:
    """Σ x·c = (Σ x)·c, Σ x·y is a product of vectors, what is constant along the axes comes out of it."""
    if dtype is not None or out is not None or kwargs or not is_float(a) or not a.is_array or not a.shape:
        return None
    axes, keepdims = axes_of(axis, a.ndim), bool(keepdims)
    if not a.size:
        return None
    shape = reduced_shape(a.shape, axes, keepdims)
    if all(a.shape[n] == 1 for n in axes) and shape:
        return b.call(onp.reshape, a, shape)
    factor = factor_of(a)
    if factor and type(factor[0]) is Node and factor[0].shape == a.shape:
        return b.call(MUL, b.call(onp.sum, factor[0], axis=axis, keepdims=keepdims), factor[1])
    if is_call(a, onp.broadcast_to) and type(a.args[0]) is Node and not a.args[0].shape and not shape:
        return b.call(MUL, a.args[0], float(math.prod(a.shape)))
    for rule in (_of_outer_products, _of_difference, _of_product, _of_quotient, _of_matmul):
        y = rule(b, a, axes, keepdims)
        if y is not None:
            return y
    known = b.find(onp.sum, a, **_keywords(axes, a.ndim, not keepdims))
    if known is not None and (shape or keepdims):
        return b.call(onp.reshape, known, shape)
    return b.raw(onp.sum, (a,), _keywords(axes, a.ndim, keepdims))


def _of_outer_products(b: Builder, a: Node, axes: Any, keepdims: bool) -> Any:
    """Σₜ xₜyₜᵀ = XᵀY, and Σₜ XₜᵀYₜ likewise: of the stacks of all steps, one product of matrices."""
    if axes != (0,) or keepdims or a.ndim != 3 or not (is_call(a, MUL) or is_call(a, onp.matmul)):
        return None
    if not all(is_float(x) and x.dtype == a.dtype for x in a.args):
        return None
    x, y = a.args
    if x.ndim != 3 or y.ndim != 3 or x.shape[0] != y.shape[0]:
        return None
    if is_call(a, MUL) and x.shape[1] == 1 and y.shape[2] == 1:
        x, y = y, x
    if is_call(a, MUL) and x.shape[2] == 1 and y.shape[1] == 1:
        x = b.call(onp.reshape, x, x.shape[:2])
        y = b.call(onp.reshape, y, (y.shape[0], y.shape[2]))
    elif is_call(a, onp.matmul):
        if is_call(x, onp.transpose) and x.args[1:] == ((0, 2, 1),):
            x = b.call(onp.reshape, x.args[0], (x.shape[0] * x.shape[2], x.shape[1]))
        else:
            x = b.call(onp.transpose, x, (0, 2, 1))
            x = b.call(onp.reshape, x, (x.shape[0] * x.shape[1], x.shape[2]))
        y = b.call(onp.reshape, y, (y.shape[0] * y.shape[1], y.shape[2]))
    else:
        return None
    return b.call(onp.dot, b.call(onp.transpose, x), y)


def _keywords(axes: Any, rank: int, keepdims: bool) -> dict[str, Any]:
    named: dict[str, Any] = {}
    if len(axes) < rank or keepdims:
        named["axis"] = axes[0] if len(axes) == 1 else axes
    return {**named, "keepdims": True} if keepdims else named


def _of_product(b: Builder, a: Node, axes: Any, keepdims: bool) -> Any:
    if not is_call(a, MUL) or not all(is_float(x) for x in a.args):
        return None
    x, y = a.args
    for q, e in ((x, y), (y, x)):
        if e.shape == a.shape and e.dtype == a.dtype == q.dtype:
            out = _constant_factor(b, a, q, e, axes, keepdims)
            if out is not None:
                return out
    if x.shape != y.shape or x.dtype != y.dtype or not x.is_array:
        return None
    if len(axes) == a.ndim and not keepdims:
        return b.call(onp.vdot, x, y) if a.ndim > 1 else b.call(onp.dot, x, y)
    letters = "abcdefgh"[: a.ndim]
    left = "".join(c for n, c in enumerate(letters) if n not in axes)
    found = b.raw(onp.einsum, (f"{letters},{letters}->{left}", x, y))
    return b.call(onp.reshape, found, reduced_shape(a.shape, axes, True)) if keepdims else found


def _of_quotient(b: Builder, a: Node, axes: Any, keepdims: bool) -> Any:
    """Σ x/q = (Σ x)/q for a q that is constant along the axes."""
    if not is_call(a, DIV) or not all(map(is_float, a.args)) or a.args[0].shape != a.shape:
        return None
    x, q = a.args
    if q.dtype != a.dtype or not _is_constant(q, a, axes):
        return None
    ask_for_zeros(b, q)
    total = b.call(onp.sum, x, axis=axes, keepdims=keepdims)
    return b.call(DIV, total, _reduced(b, a, q, axes, keepdims))


def _is_constant(q: Node, a: Node, axes: Any) -> bool:
    """Say whether an operand of a is the same all along these axes."""
    return all(n < a.ndim - q.ndim or q.shape[n - a.ndim + q.ndim] == 1 for n in axes)


def _reduced(b: Builder, a: Node, q: Node, axes: Any, keepdims: bool) -> Any:
    """Return an operand of a that is constant along these axes without them."""
    wide = (1,) * (a.ndim - q.ndim) + q.shape
    small = tuple(n for k, n in enumerate(wide) if keepdims or k not in axes)
    if not q.shape:
        return q
    return b.call(onp.reshape, q, small) if small else b.raw(onp.reshape, (q, ()))


def _constant_factor(b: Builder, a: Node, q: Node, e: Node, axes: Any, keepdims: bool) -> Any:
    """Σ q·e = q·Σ e for a q that is constant along the axes."""
    if not _is_constant(q, a, axes):
        return None
    total = b.call(onp.sum, e, axis=axes, keepdims=keepdims)
    return b.call(MUL, _reduced(b, a, q, axes, keepdims), total)


def _of_matmul(b: Builder, a: Node, axes: Any, keepdims: bool) -> Any:
    """The sum of the rows of A·B is the sum of the rows of A, times B."""
    if a.fn not in (onp.matmul, onp.dot) or a.ndim < 2 or axes != (a.ndim - 2,):
        return None
    if not all(type(x) is Node and x.ndim == a.ndim for x in a.args) or (a.fn is onp.dot and a.ndim > 2):
        return None
    x, y = a.args
    found = b.call(a.fn, b.call(onp.sum, x, axis=a.ndim - 2, keepdims=True), y)
    return found if keepdims else b.call(onp.reshape, found, reduced_shape(a.shape, axes, False))


def _of_difference(b: Builder, a: Node, axes: Any, keepdims: bool) -> Any:
    """Σ (x - y)·e of the same sums is 0: the cotangent of the shift of log-sum-exp, and of softmax."""
    difference, e = a, None
    if is_call(a, MUL):
        difference, e = next(((x, y) for x, y in (a.args, a.args[::-1]) if _is_difference(x, a)), (a, None))
    if not _is_difference(difference, a):
        return None

    def none() -> Any:
        terms = [x if e is None else b.call(MUL, x, e) for x in difference.args]
        if not all(is_float(x) and x.shape == a.shape for x in terms):
            return None
        first, second = (b.call(onp.sum, x, axis=axes, keepdims=keepdims) for x in terms)
        x, c = factor_of(first) or (first, 1.0)
        y, d = factor_of(second) or (second, 1.0)
        if c != (d if difference.fn is SUB else -d) or not is_same(x, y):
            return None
        return nothing_of(b, x, reduced_shape(a.shape, axes, keepdims))

    return b.attempt(none)


def _is_difference(x: Any, a: Node) -> bool:
    return (is_call(x, SUB) or is_call(x, ADD)) and is_float(x) and x.shape == a.shape


def _mean(
    b: Builder,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    **kwargs: Any,
) -> Any:
    """The mean is the sum times 1/n."""
    if dtype is not None or out is not None or kwargs or not is_float(a) or not a.is_array or not a.size:
        return None
    count = math.prod(a.shape[n] for n in axes_of(axis, a.ndim))
    return b.call(MUL, b.call(onp.sum, a, axis=axis, keepdims=keepdims), 1.0 / count)


RULES: dict[Any, Any] = {onp.sum: _sum, onp.mean: _mean}

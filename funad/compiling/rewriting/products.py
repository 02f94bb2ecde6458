"""Products of matrices and vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as onp

from ..program import Builder, Node, shape_of
from .patterns import factor_of, has_shape, is_call, is_float

__all__ = ["RULES"]

MUL = onp.multiply
_OUTER = 10_000  # elements up to which a product of a column and a row is a broadcast


def _dot(b: Builder, x: Any, y: Any, **kwargs: Any) -> Any:
    """Factors go to the smaller side; products with diagonals and of a column with a row are broadcasts."""
    if kwargs or not _are_matrices(x, y):
        return None
    first, second = shape_of(x), shape_of(y)
    if is_call(y, onp.diag) and len(first) == 2 and _is_vector(y.args[0]):
        return b.call(MUL, x, y.args[0])
    if is_call(x, MUL) and len(second) == 2:
        diagonal = _diagonal(x)
        if diagonal is not None:
            return b.call(MUL, b.call(onp.reshape, diagonal, (first[0], 1)), y)
    if len(first) == len(second) == 2 and first[1] == 1 and first[0] * second[1] < _OUTER:
        return b.call(MUL, x, y)
    size = math.prod(first[:-1]) * (second[-1] if len(second) == 2 else 1)
    factor = factor_of(x)
    if factor and type(factor[0]) is Node and factor[0].shape == first and size <= math.prod(first):
        return b.call(MUL, b.call(onp.dot, factor[0], y), factor[1])
    factor = factor_of(y)
    if factor and type(factor[0]) is Node and factor[0].shape == second and size <= math.prod(second):
        return b.call(MUL, b.call(onp.dot, x, factor[0]), factor[1])
    return b.raw(onp.dot, (x, y))


def _are_matrices(*xs: Any) -> bool:
    """Say whether all are arrays of floats with one or two axes, of one dtype."""
    if not all(is_float(x) or (type(x) is onp.ndarray and x.dtype.kind == "f") for x in xs):
        return False
    return all(1 <= len(shape_of(x)) <= 2 for x in xs) and len({x.dtype for x in xs}) == 1


def _is_vector(x: Any) -> bool:
    return type(x) is Node and x.is_array and x.ndim == 1


def _diagonal(x: Node) -> Any:
    """Return the diagonal v of the matrix I·v, written as a product of elements."""
    for eye, v in (x.args, x.args[::-1]):
        fits = type(v) is Node and v.shape in (x.shape[:1], (1, x.shape[0]))
        if fits and type(eye) is onp.ndarray and eye.shape == x.shape and _is_eye(eye):
            return v
    return None


def _is_eye(x: Any) -> bool:
    return x.ndim == 2 and x.shape[0] == x.shape[1] and bool((x == onp.eye(len(x))).all())


def _matmul(b: Builder, x: Any, y: Any, **kwargs: Any) -> Any:
    """Of matrices and vectors, matmul is dot; factors of stacks of matrices go to the smaller result."""
    if kwargs:
        return None
    if _are_matrices(x, y):
        return b.call(onp.dot, x, y)
    if not (is_float(x) and is_float(y) and x.dtype == y.dtype and x.ndim > 1 and y.ndim > 1):
        return None
    size = math.prod(onp.broadcast_shapes(x.shape[:-2], y.shape[:-2])) * x.shape[-2] * y.shape[-1]
    for part, other, first in ((x, y, True), (y, x, False)):
        factor = factor_of(part)
        if factor and has_shape(factor[0], part.shape) and size <= part.size:
            operands = (factor[0], other) if first else (other, factor[0])
            return b.call(MUL, b.call(onp.matmul, *operands), factor[1])
    return None


RULES: dict[Any, Any] = {onp.dot: _dot, onp.matmul: _matmul}

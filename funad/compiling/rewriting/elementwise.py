"""Signs, factors, sums and quotients of numbers and arrays of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as onp

from ...indices import scatter
from ...numpy.slopes import fermi
from ..program import Builder, Node, number_of, shape_of
from .patterns import (
    ask_for_zeros,
    broadcast,
    factor_of,
    has_shape,
    is_call,
    is_float,
    is_same,
    nothing_of,
    root_of,
    without_broadcast,
)  # fmt: skip

__all__ = ["RULES"]

ADD, SUB, MUL, DIV, NEG = onp.add, onp.subtract, onp.multiply, onp.divide, onp.negative


def _pair(a: Any, b: Any) -> tuple[Any, Any]:
    """Return operands without broadcasts that each other does."""
    a = without_broadcast(a, b)
    return a, without_broadcast(b, a)


def _are_floats(*xs: Any) -> bool:
    """Say whether operands are floats: nothing is known of integers and complex numbers here."""
    return all(type(x) is float or is_float(x) for x in xs)


def _multiply(b: Builder, x: Any, y: Any) -> Any:
    """x·1 = x, (x·c)·d = x·(cd), (-x)(-y) = xy; factors go outwards, to the smaller operand."""
    shape = broadcast(x, y)
    x, y = _pair(x, y)
    if not _are_floats(x, y):
        return None
    if type(x) is float and type(y) is not float:
        x, y = y, x
    if type(y) is float and has_shape(x, shape):
        found = _times_number(b, x, y)
        if found is not None:
            return found
    elif is_call(x, NEG) and is_call(y, NEG):
        return b.call(MUL, x.args[0], y.args[0])
    else:
        for rule in (_of_quotient, _of_pieces):
            found = rule(b, x, y, shape)
            if found is not None:
                return found
        for part, other in ((x, y), (y, x)):
            factor = factor_of(part)
            if factor and type(other) is Node and has_shape(factor[0], shape):
                return b.call(MUL, b.call(MUL, factor[0], other), factor[1])
    return b.raw(MUL, (x, y))


def _of_quotient(b: Builder, x: Any, y: Any, shape: Any) -> Any:
    """(c/s)·s = c where c/s is finite, and (x/s)·e = x·(e/s) where e/s is there."""
    for part, other in ((x, y), (y, x)):
        known = b.find(DIV, other, part.args[1]) if is_call(part, DIV) and has_shape(other, shape) else None
        if known is not None and has_shape(part, shape) and known.id < part.id:
            return b.call(MUL, part.args[0], known)
        q = root_of(part)
        if not is_call(q, DIV) or not has_shape(part, shape) or not is_same(q.args[1], other):
            continue
        c, s = q.args
        if not (type(s) is Node and s.size == q.size == other.size):
            continue
        if type(c) is float:
            b.guard(q, "finite", True)
            if not shape:
                return q.dtype.type(c)
            return onp.broadcast_to(onp.array(c, q.dtype), shape)
        if type(c) is Node and c.size == q.size and c.dtype == q.dtype:
            b.guard(q, "finite", True)
            return b.call(onp.reshape, c, shape)
    return None


def _of_pieces(b: Builder, x: Any, c: Any, shape: Any) -> Any:
    """Zeros with pieces, times a finite number, are zeros with the products of the pieces."""
    if is_call(c, scatter):
        x, c = c, x
    if not is_call(x, scatter) or shape_of(c) or not is_float(c) or c.dtype != x.dtype:
        return None
    _, dtype, indices, pieces = x.args
    if type(pieces) not in (list, tuple) or not all(is_float(p) and p.dtype == dtype for p in pieces):
        return None
    b.guard(c, "finite", True)
    return b.call(scatter, shape, dtype, indices, [b.call(MUL, p, c) for p in pieces])


def _times_number(b: Builder, x: Any, c: float) -> Any:
    if c == 1.0:
        return x
    if c == -1.0:
        return b.call(NEG, x)
    factor = factor_of(x)
    if factor and _is_safe(factor[1] * c):
        return b.call(MUL, factor[0], factor[1] * c)
    if is_call(x, DIV) and type(x.args[0]) is float and _is_safe(x.args[0] * c):
        return b.call(DIV, x.args[0] * c, x.args[1])
    return None


def _is_safe(c: float) -> bool:
    """Say whether a product of constants has neither over- nor underflowed."""
    return c == 0.0 or 1e-30 < abs(c) < 1e30


def _negative(b: Builder, x: Any) -> Any:
    """-(x·c) = x·(-c), -(x - y) = y - x, -(c/x) = (-c)/x."""
    if not is_float(x):
        return None
    factor = factor_of(x)
    if factor:
        return factor[0] if factor[1] == -1.0 else b.call(MUL, factor[0], -factor[1])
    if is_call(x, DIV) and type(x.args[0]) is float:
        return b.call(DIV, -x.args[0], x.args[1])
    return None


def _add(b: Builder, x: Any, y: Any) -> Any:
    """x + (-y) = x - y, x·c + y·c = (x + y)·c, x + x·c = x·(1 + c)."""
    shape = broadcast(x, y)
    x, y = _pair(x, y)
    if not _are_floats(x, y):
        return None
    if type(x) is float and type(y) is not float:
        x, y = y, x
    for part, other in ((y, x), (x, y)):
        opposite = _opposite(b, part)
        if opposite is not None:
            return b.call(SUB, other, opposite)
    common = _of_common_factor(b, ADD, x, y)
    if common is not None:
        return common
    return x if _is_zero(y) and has_shape(x, shape) else b.raw(ADD, (x, y))


def _opposite(b: Builder, x: Any) -> Any:
    """Return y if x = -y, or a reshape of that."""
    inner = root_of(x)
    return _reshaped(b, inner.args[0], x) if is_call(inner, NEG) else None


def _of_common_factor(b: Builder, fn: Any, x: Any, y: Any) -> Any:
    """x·c ± x·d = x·(c ± d), x·c ± y·c = (x ± y)·c, x/s ± y/s = (x ± y)/s; None if nothing is common."""
    (u, c), (v, d) = _multiple(b, x), _multiple(b, y)
    d = d if fn is ADD else -d
    if type(u) is Node and is_same(u, v) and u.spec == v.spec:
        if c + d == 0.0:
            return nothing_of(b, u, u.shape)
        return b.call(MUL, u, c + d) if abs(c + d) > 1e-3 * abs(c) else None
    size = math.prod(broadcast(x, y))
    if abs(c) == abs(d) != 1.0 and _size(u) + _size(v) > size:
        return b.call(MUL, b.call(ADD if c == d else SUB, u, v), c)
    found = _of_common_side(b, fn, x, y, size)
    return _of_common_divisor(b, fn, x, y, size) if found is None else found


def _of_common_side(b: Builder, fn: Any, x: Any, y: Any, size: int) -> Any:
    """p·q ± r·q = (p ± r)·q where all three are smaller: outer products with one vector."""
    if not (is_call(x, MUL) and is_call(y, MUL) and x.shape == y.shape and x.ndim == 2):
        return None
    for p, q in (x.args, x.args[::-1]):
        for r, s in (y.args, y.args[::-1]):
            small = all(_size(z) * 8 <= size for z in (p, q, r))
            if small and is_same(q, s) and (q.shape == (x.shape[0], 1)) == (s.shape == (x.shape[0], 1)):
                return b.call(MUL, b.call(fn, p, r), q)
    return None


def _multiple(b: Builder, x: Any) -> tuple[Any, float]:
    """Return (y, c) where x = y·c, or a reshape of that."""
    factor = factor_of(root_of(x))
    return (_reshaped(b, factor[0], x), factor[1]) if factor else (x, 1.0)


def _reshaped(b: Builder, y: Node, x: Node) -> Any:
    """Return y in the shape of x."""
    return b.call(onp.reshape, y, x.shape) if y.shape != x.shape else y


def _of_common_divisor(b: Builder, fn: Any, x: Any, y: Any, size: int) -> Any:
    p, q = root_of(x), root_of(y)
    if not (is_call(p, DIV) and is_call(q, DIV) and is_same(p.args[1], q.args[1])):
        return None
    whole = x if x.size == size else y
    if whole.fn is not DIV or not all(has_shape(z.args[0], z.shape) for z in (p, q)):
        return None
    divisor = whole.args[1]
    if divisor.size * 8 > size:
        return None
    ask_for_zeros(b, divisor)
    tops = [_reshaped(b, root_of(z).args[0], z) for z in (x, y)]
    return b.call(DIV, b.call(fn, *tops), divisor)


def _size(x: Any) -> int:
    return math.prod(shape_of(x))


def _is_zero(x: Any) -> bool:
    return type(x) is float and x == 0.0


def _subtract(b: Builder, x: Any, y: Any) -> Any:
    """x - (-y) = x + y, x·c - y·c = (x - y)·c, (-x) - y = -(x + y)."""
    shape = broadcast(x, y)
    x, y = _pair(x, y)
    if not _are_floats(x, y):
        return None
    if _is_zero(y) and has_shape(x, shape):
        return x
    opposite = _opposite(b, y)
    if opposite is not None:
        return b.call(ADD, x, opposite)
    common = _of_common_factor(b, SUB, x, y)
    if common is not None:
        return common
    if is_call(x, NEG) and type(y) is Node:
        return b.call(NEG, b.call(ADD, x.args[0], y))
    return b.raw(SUB, (x, y))


def _divide(b: Builder, x: Any, y: Any) -> Any:
    """x/c = x·(1/c), (x·c)/y = (x/y)·c, x/x = 1 where that is finite."""
    shape = broadcast(x, y)
    x, y = _pair(x, y)
    if not _are_floats(x, y):
        return None
    if type(y) is float and has_shape(x, shape):
        if y == 1.0:
            return x
        if y != 0.0 and _is_safe(1.0 / y):
            return b.call(MUL, x, 1.0 / y)
    if has_shape(x, shape) and has_shape(y, shape) and is_same(x, y):
        b.guard(b.raw(DIV, (x, y)), "finite", True)
        return onp.broadcast_to(onp.ones((), x.dtype), shape) if x.is_array else x.type(1.0)
    if number_of(x) == 0 and _is_positive_count(y):
        return onp.broadcast_to(onp.zeros((), y.dtype), shape)
    factor = factor_of(x)
    if factor and type(y) is Node and has_shape(factor[0], shape):
        return b.call(MUL, b.call(DIV, factor[0], y), factor[1])
    if is_call(y, NEG) and type(x) is Node:
        return b.call(NEG, b.call(DIV, x, y.args[0]))
    return b.raw(DIV, (x, y))


def _is_positive_count(x: Any) -> bool:
    """Say whether x is the number of ties, at least one."""
    if not is_call(x, onp.maximum):
        return False
    counts = [a for a in x.args if type(a) is Node and a.fn is onp.sum and a.args[0].dtype.kind == "b"]
    return bool(counts) and any((number_of(c) or 0) > 0 for c in x.args)


def _power(b: Builder, x: Any, y: Any) -> Any:
    """x² = x·x, x¹ = x."""
    c = number_of(y)
    if not is_float(x) or (type(y) is not int and type(y) is not float):
        return None
    return b.call(MUL, x, x) if c == 2 else x if c == 1 else None


def _square(b: Builder, x: Any) -> Any:
    return b.call(MUL, x, x) if is_float(x) else None


def _fermi(b: Builder, x: Any) -> Any:
    """1/(1 + eˣ), in calls that others may share."""
    if not is_float(x):
        return None
    return b.call(DIV, 1.0, b.call(ADD, b.call(onp.exp, x), 1.0))


def _same(b: Builder, x: Any) -> Any:
    """+x = x, of arrays that nobody writes into."""
    return x if is_float(x) else None


def _where(b: Builder, condition: Any, *branches: Any) -> Any:
    """Where both branches are one number, that number."""
    if len(branches) == 2 and all(number_of(x) is not None for x in branches):
        x, y = branches
        if number_of(x) == number_of(y) and math.copysign(1, number_of(x)) == math.copysign(1, number_of(y)):
            dtype = onp.result_type(*(getattr(x, "dtype", x) for x in branches))
            return onp.broadcast_to(onp.array(number_of(x), dtype), broadcast(condition, x, y))
    return None


RULES: dict[Any, Any] = {
    MUL: _multiply, NEG: _negative, ADD: _add, SUB: _subtract, DIV: _divide, onp.power: _power,
    onp.float_power: _power, onp.square: _square, onp.positive: _same, fermi: _fermi, onp.where: _where,
}  # fmt: skip

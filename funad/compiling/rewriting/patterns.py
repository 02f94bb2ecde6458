"""What the rewrites ask of arguments."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as onp

from ..program import GETITEM, Builder, Node, number_of, shape_of

__all__ = [
    "ask_for_zeros", "broadcast", "factor_of", "has_shape", "is_call", "is_float", "is_row", "is_same",
    "nothing_of", "root_of", "span_of", "without_broadcast",
]  # fmt: skip

MUL, NEG = onp.multiply, onp.negative


def is_call(x: Any, fn: Any) -> bool:
    """Say whether x is a call of this function, without keywords."""
    return type(x) is Node and x.fn is fn and not x.kwargs


def is_float(x: Any) -> bool:
    """Say whether x is a node of floats."""
    return type(x) is Node and x.dtype is not None and x.dtype.kind == "f"


def has_shape(x: Any, shape: Any) -> bool:
    """Say whether x is a node of this shape."""
    return type(x) is Node and x.shape == shape


def is_row(x: Any) -> bool:
    """Say whether x is a row of an array, by its number."""
    return is_call(x, GETITEM) and type(x.args[1]) is int and x.args[1] >= 0 and x.args[0].is_array


def span_of(places: list[int]) -> slice | None:
    """Return the slice that takes these places, in this order; None if there is none."""
    step = places[1] - places[0]
    if not step or any(b - a != step for a, b in itertools.pairwise(places)):
        return None
    stop = places[-1] + (1 if step > 0 else -1)
    return slice(places[0], stop if stop >= 0 else None, step)


def factor_of(x: Any) -> Any:
    """Return (y, c) if x = y·c for a number c, else None.

    None for a c so large or small that a product without it could overflow where one with it does not.
    """
    if is_call(x, MUL) and type(x.args[1]) is float and 1e-8 < abs(x.args[1]) < 1e8 and is_float(x):
        return x.args
    if is_call(x, NEG) and is_float(x):
        return x.args[0], -1.0
    return None


def nothing_of(b: Builder, x: Node, shape: Any) -> Any:
    """Return the zeros that x - x is where x is finite, of which the program is made sure."""
    b.guard(x, "finite", True)
    return onp.broadcast_to(onp.zeros((), x.dtype), shape) if shape or x.is_array else x.type(0.0)


def ask_for_zeros(b: Builder, s: Node) -> None:
    """Make sure that a divisor has no zeros, of which quotients are infinite or none."""
    b.guard(b.call(onp.divide, 1.0, s), "finite", True)


def root_of(x: Any) -> Any:
    """Return what a reshape was made of."""
    while is_call(x, onp.reshape):
        x = x.args[0]
    return x


def is_same(x: Any, y: Any) -> bool:
    """Say whether two values have the same elements: reshapes of one, or sums along the same axes."""
    x, y = root_of(x), root_of(y)
    if x is y:
        return type(x) is Node
    if not (type(x) is Node and type(y) is Node and x.fn is y.fn is onp.sum and x.args == y.args):
        return False
    axes = (x.kwargs.get("axis"), y.kwargs.get("axis"))
    return axes[0] == axes[1] and not (x.kwargs.keys() | y.kwargs.keys()) - {"axis", "keepdims"}


def broadcast(*xs: Any) -> tuple[int, ...]:
    """Return the shape to which arguments broadcast."""
    return onp.broadcast_shapes(*map(shape_of, xs))


def without_broadcast(x: Any, other: Any) -> Any:
    """Return x without a broadcast that the other operand does as well; a filled array as its number."""
    c = number_of(x)
    if c is not None:
        if (type(other) is Node and is_float(other) and broadcast(x, other) == other.shape
                and (type(x) in (float, int) or onp.result_type(x, other.dtype) == other.dtype)):  # fmt: skip
            return float(c)
        return x
    if is_call(x, onp.broadcast_to):
        inner = x.args[0]
        if broadcast(inner, other) == broadcast(x, other) and _same_dtype(inner, x):
            return inner
    return x


def _same_dtype(a: Any, b: Any) -> bool:
    """Say whether a node or constant has the dtype of b, and is not one of Python's numbers, which adapt."""
    return getattr(a, "dtype", None) == b.dtype and not (
        type(a) is Node and a.type is float and b.dtype.char != "d"
    )

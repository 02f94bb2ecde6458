"""The operators of traced values, as tables, and what they do beside values of other kinds."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as onp

from .boxes import CONSTANTS, Traced, refuse_concrete, tell_equal
from .cpython import frame_at
from .foreign import declines, gives_way, hand_over, is_answer, number_of
from .registry import Primitive, counterpart, enter
from .values import constant


def beside(self: Traced, other: Any, prim: Primitive, operate: Callable[[Any, Any], Any]) -> Any:
    """Return self · other, of which the other is of no common type; or give way to it, as NumPy does."""
    if not isinstance(other, Traced) and type(other) is not list and type(other) is not tuple:
        other = number_of(other)
        matrix = counterpart(other) if type(other) not in CONSTANTS else None
        if matrix is not None:
            return operate(self, matrix)
        if type(other) not in CONSTANTS and gives_way(constant(self), other, operate.__name__):
            return hand_over(self, other, operate.__name__)
    return prim.operator(self, other)


def beside_reflected(self: Traced, other: Any, prim: Primitive, operate: Callable[[Any, Any], Any]) -> Any:
    """Return other · self, where Python has asked the other in vain, if it has such an operator."""
    if not isinstance(other, Traced) and type(other) is not list and type(other) is not tuple:
        other = number_of(other)
        matrix = counterpart(other)
        if matrix is not None:
            return operate(matrix, self)
        if declines(other, operate.__name__):
            return NotImplemented
    return prim.operator(other, self)


def plainly(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return an operator whose result has no derivative: it works on the plain values.

    What a class of another library makes of them may keep them, and so it is given the traced value.
    """

    def operator_on_values(self: Any, other: Any) -> Any:
        y = operate(constant(self), constant(other))
        if isinstance(y, Traced):  # of batched values, batched too
            return y
        return y if type(y) in CONSTANTS or is_answer(y, other) else NotImplemented

    return operator_on_values


# Modules that search by comparisons alone: what they return has no trace of the values that they compare.
_SEARCHING = frozenset({"scipy.optimize._optimize", "scipy.optimize._linesearch", "scipy.optimize._dcsrch"})


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    """Return a comparison: of order, refused to a search, which would go on by the answer; or == or !=.

    Of those the code that writes them may ask to be told.
    """
    compare, is_of_order = plainly(getattr(operator, name)), name not in ("eq", "ne")

    def comparison(self: Any, other: Any) -> Any:
        if is_of_order and frame_at(1).f_globals.get("__name__") in _SEARCHING:
            refuse_concrete(self, "a comparison", "a plain bool", "search with value(x), from funad")
        y = compare(self, other)
        if not is_of_order:
            tell_equal(y, name == "ne", self, other)
        return y

    return comparison


UNARY: tuple[tuple[str, Any, Any], ...] = (
    ("neg", operator.neg, onp.negative),
    ("pos", operator.pos, onp.positive),
    ("abs", operator.abs, onp.absolute),
)
BINARY: tuple[tuple[str, Any, Any], ...] = (
    ("add", operator.add, onp.add),
    ("sub", operator.sub, onp.subtract),
    ("mul", operator.mul, onp.multiply),
    ("truediv", operator.truediv, onp.divide),
    ("mod", operator.mod, onp.remainder),
    ("pow", operator.pow, onp.power),
    ("matmul", operator.matmul, onp.matmul),
)


def _divmod(self: Any, other: Any) -> Any:
    if type(other) not in CONSTANTS and not isinstance(other, Traced):
        other = number_of(other)
        if gives_way(constant(self), other, "divmod"):
            return hand_over(self, other, "divmod")
    return self // other, self % other


# The operators whose results have no derivative.
PLAIN: tuple[tuple[str, Any], ...] = (
    ("eq", onp.equal),
    ("ne", onp.not_equal),
    ("lt", onp.less),
    ("le", onp.less_equal),
    ("gt", onp.greater),
    ("ge", onp.greater_equal),
    ("floordiv", onp.floor_divide),
    ("and", onp.bitwise_and),
    ("or", onp.bitwise_or),
    ("xor", onp.bitwise_xor),
    ("lshift", onp.left_shift),
    ("rshift", onp.right_shift),
)


def give(kind: type, name: str, method: Callable[..., Any]) -> None:
    """Make a function the method of that name, by which Python calls it when its arguments do not fit."""
    method.__name__, method.__qualname__ = name, f"{kind.__name__}.{name}"
    setattr(kind, name, method)


for _name, _, _f in UNARY:
    _prim = enter(_f)
    give(Traced, f"__{_name}__", lambda x, *, prim=_prim: prim.operator(x))
for _name, _operate, _f in BINARY:
    _prim = enter(_f)
    give(Traced, f"__{_name}__", lambda a, b, *, f=_prim, of=_operate: beside(a, b, f, of))
    give(Traced, f"__r{_name}__", lambda b, a, *, f=_prim, of=_operate: beside_reflected(b, a, f, of))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Traced, f"__{_name}__", _comparison(_name))
give(Traced, "__floordiv__", plainly(operator.floordiv))
give(Traced, "__rfloordiv__", plainly(lambda a, b: b // a))
give(Traced, "__divmod__", _divmod)
give(Traced, "__rdivmod__", lambda b, a: (a // b, a % b))

# The operator of each ufunc that has one: of Python's numbers it makes Python's.
OPERATORS: dict[Any, Callable[..., Any]] = {f: operate for _, operate, f in (*UNARY, *BINARY)}

"""Numbers and small arrays are combined with each other before they are with large arrays.

    (x + y·c)·d     is  x·d + y·(c·d)         where x is small, and y·(c·d) takes no more than y·c
    (x + y) + c     is  (x + c) + y           where x is small
    Σ xᵢyⱼAᵢⱼ       is  xᵀ (A y)
    (A B)ᵀ          is  Bᵀ Aᵀ

Each saves passes over a large array. What something else reads is not taken apart.
"""

from __future__ import annotations

from typing import Any

import numpy as onp

from .program import Builder, Node, Program, shape_of
from .rewriting import rewritten
from .rewriting.patterns import is_call, is_float

__all__ = ["regroup"]

ADD, SUB, MUL = onp.add, onp.subtract, onp.multiply
_LARGE = 1000  # elements from which a pass counts, beside the overhead of a call
_RATIO = 8  # so many times smaller is small


def regroup(program: Program) -> Program:
    """Return a program with fewer passes over large arrays."""
    uses = program.uses()

    def remake(b: Builder, n: Node, new: Any) -> Any:
        if not is_float(n) or n.kwargs:
            return None
        rule = _REGROUPED.get(n.fn)
        return rule(_Regrouping(b, new, uses, n), n) if rule is not None else None

    return rewritten(program, remake)


class _Regrouping:
    """One call of the old program, and what makes it again in the new one."""

    def __init__(self, b: Builder, new: Any, uses: dict[Node, int], n: Node) -> None:
        self.b, self.new, self.uses, self.n = b, new, uses, n

    def is_small(self, x: Any) -> bool:
        return type(x) is float or (type(x) is Node and x.size * _RATIO <= self.n.size)

    def is_open(self, x: Any, *fns: Any) -> bool:
        """Say whether x is such a call, as large as the result, and read by nothing else."""
        fits = type(x) is Node and x.fn in fns and not x.kwargs and self.uses[x] == 1
        fits = fits and is_float(x) and x.shape == self.n.shape and x.dtype == self.n.dtype
        return bool(fits and x.size >= _LARGE)

    def cost(self, x: Any, c: Any) -> int:
        """Return how many passes more than x itself x·c takes."""
        if self.is_small(x):
            return 0
        if self.is_open(x, ADD, SUB):
            return self.cost(x.args[0], c) + self.cost(x.args[1], c)
        if self.is_open(x, MUL):
            if any(type(d) is type(c) is float and abs(c * d) == 1.0 for d in x.args):
                return -1
            return int(not any(map(self.is_small, x.args)))
        return 1

    def times(self, x: Any, c: Any) -> Any:
        """Return x·c, at this cost; c is of the new program."""
        call, new = self.b.call, self.new
        if not self.is_small(x) and self.cost(x, c) < 1:
            y, z = x.args
            if x.fn is not MUL:
                return call(x.fn, self.times(y, c), self.times(z, c))
            y, z = (y, z) if self.is_small(z) else (z, y)
            return call(MUL, new(y), call(MUL, new(z), c) if type(z) is Node else _product(self.b, z, c))
        return call(MUL, new(x), c) if type(x) is Node else _product(self.b, x, c)

    def plus(self, x: Any, c: Any, fn: Any) -> Any:
        """Return x + c or x - c with c in a small term of x; None if it has none."""
        call, new = self.b.call, self.new
        if self.is_small(x):
            return call(fn, new(x), c)
        if not self.is_open(x, ADD, SUB):
            return None
        y, z = x.args
        inner = self.plus(y, c, fn)
        if inner is not None:
            return call(x.fn, inner, new(z))
        inner = self.plus(z, c, fn if x.fn is ADD else (SUB if fn is ADD else ADD))
        return call(x.fn, new(y), inner) if inner is not None else None


def _is_number(x: Any) -> bool:
    return type(x) is float or (is_float(x) and not x.shape)


def _multiply(r: _Regrouping, n: Node) -> Any:
    for x, c in (n.args, n.args[::-1]):
        if _is_number(c) and r.is_open(x, ADD, SUB, MUL) and r.cost(x, c) < 1:
            return r.times(x, r.new(c))
    return None


def _add(r: _Regrouping, n: Node) -> Any:
    for x, c in (n.args, n.args[::-1]):
        if _is_number(c) and r.is_open(x, ADD, SUB):
            return r.plus(x, r.new(c), ADD)
    return None


def _subtract(r: _Regrouping, n: Node) -> Any:
    x, c = n.args
    if _is_number(c) and r.is_open(x, ADD, SUB):
        return r.plus(x, r.new(c), SUB)
    if _is_number(x) and r.is_open(c, ADD, SUB):
        y = r.plus(c, r.new(x), SUB)
        return y and (r.b.call(SUB, *y.args[::-1]) if is_call(y, SUB) else r.b.call(onp.negative, y))
    return None


def _transpose(r: _Regrouping, n: Node) -> Any:
    x = n.args[0]
    if not (is_call(x, onp.dot) and r.uses[x] == 1 and n.ndim == 2 and n.size >= _LARGE):
        return None
    return r.b.call(onp.dot, *(r.b.call(onp.transpose, r.new(a)) for a in x.args[::-1]))


def _sum(r: _Regrouping, n: Node) -> Any:
    """Σ x·y, as vdot or einsum, by products of matrices and vectors for factors that are rows and columns."""
    xs, left = (n.args, "") if n.fn is onp.vdot else (n.args[1:], n.args[0].removeprefix("ab,ab->"))
    if left not in ("", "a", "b") or len(xs) != 2 or not all(is_float(x) and x.ndim == 2 for x in xs):
        return None
    shape = xs[0].shape
    if xs[0].size < _LARGE or xs[1].shape != shape:
        return None
    factors = [factor for x in xs for factor in _factors(x, r.uses)]
    sides = [_side(shape_of(x), shape) for x in factors]
    if {"whole", None}.isdisjoint(sides) or None in sides or set(sides) == {"whole"}:
        return None
    products: dict[Any, Any] = {}
    for x, side in zip(factors, sides, strict=True):
        products[side] = r.b.call(MUL, products[side], r.new(x)) if side in products else r.new(x)
    return _assembled(r.b, products, shape, left)


def _factors(x: Any, uses: dict[Node, int]) -> list[Any]:
    """Return what x is the product of."""
    if not (is_call(x, MUL) and uses[x] == 1 and is_float(x)):
        return [x]
    return [*_factors(x.args[0], uses), *_factors(x.args[1], uses)]


def _side(shape: Any, whole: Any) -> Any:
    """Return along which axes a factor of a matrix changes; None for a shape that is no factor's."""
    rows, columns = whole
    sides = {(): "number", (rows, 1): "column", (columns,): "row", (1, columns): "row", whole: "whole"}
    return sides.get(shape)


def _assembled(b: Builder, products: dict[str, Any], shape: Any, left: str) -> Any:
    """Return a sum of elements of a matrix times a column, a row and a number, over what is not left."""
    rows, columns = (
        b.call(onp.reshape, products[side], (shape[n],)) if side in products else None
        for n, side in enumerate(("column", "row"))
    )
    y = products["whole"]
    if left == "b":  # over the rows
        y = b.call(onp.dot, rows, y) if rows is not None else b.call(onp.sum, y, axis=0)
        y = b.call(MUL, y, columns) if columns is not None else y
    else:
        y = b.call(onp.dot, y, columns) if columns is not None else b.call(onp.sum, y, axis=1)
        if left:
            y = b.call(MUL, y, rows) if rows is not None else y
        else:
            y = b.call(onp.dot, y, rows) if rows is not None else b.call(onp.sum, y)
    return b.call(MUL, y, products["number"]) if "number" in products else y


def _product(b: Builder, c: float, d: Any) -> Any:
    return c * d if type(d) is float else b.call(MUL, d, c)


_REGROUPED: dict[Any, Any] = {
    MUL: _multiply, ADD: _add, SUB: _subtract, onp.transpose: _transpose, onp.vdot: _sum, onp.einsum: _sum,
}  # fmt: skip

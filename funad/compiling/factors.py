"""Products in a loop: what no step waits for is multiplied first.

(c·y)·z = c·(y·z): where c is carried from step to step and y and z are not, y·z is there for all steps before
the loop begins, and the loop has one product in the place of two.
"""

from __future__ import annotations

from typing import Any

import numpy as onp

from .program import Builder, Node, Program, parents, rebuild, shape_of
from .rewriting import RULES
from .rewriting.patterns import is_call, is_float
from .shapes import infer

__all__ = ["early_factors_first"]

MUL, DIV = onp.multiply, onp.divide


def early_factors_first(program: Program, late: set[Node]) -> Program:
    """Return a body with early factors multiplied first; ``late`` are the inputs that are carried."""
    late = set(late)
    for n in program.nodes:
        if any(p in late for p in parents(n)):
            late.add(n)

    def remake(b: Builder, n: Node, new: Any) -> Any:
        found = _split(n, late) if n in late else None
        return found and b.call(MUL, new(found[0]), _product(b, [(fn, new(x)) for fn, x in found[1]]))

    return rebuild(program, Builder(program.inputs, RULES, infer), remake)


def _split(n: Node, late: set[Node]) -> tuple[Node, list[tuple[Any, Any]]] | None:
    """Return a product as its only late factor and at least two early ones, with how these come in."""
    early: list[tuple[Any, Any]] = []
    x: Any = n
    while (is_call(x, MUL) or is_call(x, DIV)) and is_float(x) and x.shape == n.shape and x.dtype == n.dtype:
        places = [k for k, a in enumerate(x.args) if type(a) is Node and a in late]
        if len(places) != 1 or (x.fn is DIV and places[0] == 1):
            break
        other = x.args[1 - places[0]]
        if not _fits(other, n):
            break
        early.append((x.fn, other))
        x = x.args[places[0]]
    if len(early) < 2 or x.shape != n.shape:
        return None
    return x, early[::-1]


def _fits(x: Any, n: Node) -> bool:
    """Say whether a factor leaves the class of a product what it is."""
    return type(x) is float or (type(x) is Node and x.dtype == n.dtype and len(shape_of(x)) <= n.ndim)


def _product(b: Builder, factors: list[tuple[Any, Any]]) -> Any:
    above = [x for fn, x in factors if fn is MUL]
    below = [x for fn, x in factors if fn is DIV]
    y = above[0] if above else 1.0
    for x in above[1:]:
        y = b.call(MUL, y, x)
    for x in below:
        y = b.call(DIV, y, x)
    return y

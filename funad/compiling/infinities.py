"""Questions for infinite values, asked of what the values are computed from: the values need not be computed.

A product of matrices has no infinite element if the squares of both add up to finite numbers, by the
inequality of Cauchy and Schwarz, and neither has a sum.
"""

from __future__ import annotations

import numpy as onp

from .program import Builder, Guard, Node, Program, number_of, parents
from .rewriting.patterns import is_call, is_float
from .shapes import infer

__all__ = ["ask_where_infinities_arise"]

_PRODUCTS = frozenset({onp.dot, onp.matmul})
_VIEWS = frozenset({onp.transpose, onp.reshape})


def ask_where_infinities_arise(program: Program) -> Program:
    """Return a program that asks whether values are finite, not whether infinite ones have a tangent of 0.

    A derivative is left to eager where a value is infinite whose tangent is 0, so never where all is finite.
    """
    found = {id(s): y for s in program.steps if type(s) is Guard and (y := _of_lost(s)) is not None}
    if not found:
        return program
    b = Builder(program.inputs, None, infer)
    b.count = max((n.id for n in program.nodes), default=0) + 1
    read = _read_elsewhere(program)
    for step in program.steps:
        if isinstance(step, Node):
            b.steps.append(step)
        elif id(step) not in found:
            b.guard(step.node, step.how, step.expected, step.line)
        else:
            for x in _sources(found[id(step)], read):
                square = b.raw(onp.vdot, (x, x)) if x.shape else x
                b.guard(square, "finite", True, step.line)
    return b.program(program.outputs)


def _of_lost(g: Guard) -> Node | None:
    """Return the y of a guard that not any(~isfinite(y) & (ẏ == 0))."""
    if g.how != "bool" or g.expected or not is_call(g.node, onp.any):
        return None
    both = g.node.args[0]
    if not is_call(both, onp.bitwise_and):
        return None
    first, second = both.args
    if not (is_call(first, onp.invert) and is_call(second, onp.equal) and number_of(second.args[1]) == 0):
        return None
    inner = first.args[0]
    return inner.args[0] if is_call(inner, onp.isfinite) and is_float(inner.args[0]) else None


def _read_elsewhere(program: Program) -> set[Node]:
    """Return what is read by others than questions for infinities."""
    found = {x for x in program.outputs if type(x) is Node}
    for n in program.nodes:
        if n.fn is not onp.isfinite:
            found.update(parents(n))
    return found


def _sources(y: Node, read: set[Node]) -> list[Node]:
    """Return what has finite sums of squares only if y is finite."""
    if y in read:
        return [y]
    if y.fn in _PRODUCTS and not y.kwargs and all(is_float(x) for x in y.args):
        return [_base(x) for x in y.args]
    if y.fn is onp.sum and not y.kwargs.keys() - {"axis", "keepdims"} and is_float(y.args[0]):
        return [_base(y.args[0])]
    return [y]


def _base(x: Node) -> Node:
    while x.fn in _VIEWS and type(x.args[0]) is Node:
        x = x.args[0]
    return x

"""Guards that other guards make needless, and cheaper ones that say the same."""

from __future__ import annotations

from typing import Any

import numpy as onp

from ..indices import scatter
from ..numpy import slopes
from .program import GETITEM, Builder, Guard, Node, Program, ancestors, nodes_in, parents

__all__ = ["without_needless_guards"]

# Functions that make nan of nan, and read every element of their arguments.
_HANDS_ON: frozenset[Any] = frozenset(
    {onp.add, onp.subtract, onp.multiply, onp.divide, onp.negative, onp.positive, onp.absolute, onp.exp,
     onp.log, onp.sqrt, onp.sin, onp.cos, onp.tan, onp.tanh, onp.sinh, onp.cosh, onp.arctan, onp.log1p,
     onp.expm1, onp.square, onp.maximum, onp.minimum, onp.dot, onp.matmul, onp.vdot, onp.sum, onp.mean,
     onp.reshape, onp.transpose, onp.ravel, onp.swapaxes, onp.moveaxis, onp.broadcast_to, onp.concatenate,
     onp.logaddexp, onp.einsum, onp.max, onp.min, onp.copy, onp.asarray, onp.stack, onp.outer, onp.squeeze,
     onp.expand_dims, scatter, slopes.one_minus_square, slopes.fermi}
)  # fmt: skip
# Functions that grow without bound and whose slope vanishes there: of an infinite result of theirs, a
# derivative has nothing but a zero.
_FLAT_AT_INFINITY: frozenset[Any] = frozenset(
    {onp.log, onp.log2, onp.log10, onp.log1p, onp.sqrt, onp.cbrt, onp.arcsinh, onp.arccosh, onp.power,
     onp.float_power, onp.logaddexp2, onp.i0, onp.hypot, onp.absolute}
)  # fmt: skip
# Functions of which a finite result has finite arguments.
_FINITE_OF_FINITE: frozenset[Any] = frozenset(
    {onp.add, onp.subtract, onp.multiply, onp.negative, onp.positive, onp.absolute, onp.square, onp.reshape,
     onp.transpose, onp.broadcast_to, onp.dot, onp.matmul}
)  # fmt: skip
_SAFE: frozenset[Any] = _HANDS_ON - _FLAT_AT_INFINITY | {
    GETITEM, onp.less, onp.less_equal, onp.greater, onp.greater_equal, onp.equal, onp.not_equal,
    onp.where, onp.sign, onp.floor, onp.ceil, onp.logical_and, onp.logical_or, onp.logical_not,
    onp.bitwise_and, onp.logaddexp,
    onp.bitwise_or, onp.invert, onp.argmax, onp.argmin, onp.any, onp.all, onp.tanh, onp.exp2,
    onp.sinc, onp.diag, onp.diagonal, onp.trace, onp.tril, onp.triu, onp.take, onp.cumsum, onp.count_nonzero,
    onp.power, onp.absolute,
}  # fmt: skip


def without_needless_guards(program: Program) -> Program:
    """Return a program whose guards none of the others imply.

    A nan is found where it arrives: of values on the way there, only the last is tested. An infinite result
    matters only to functions whose slope vanishes at infinity: their arguments are tested in its place, and
    where there are none, nothing is.
    """
    covered = _covered(program)
    steps = [s for s in program.steps if not (type(s) is Guard and s.how == "number" and s.node in covered)]
    finite = _to_be_finite(program, steps)
    builder = Builder(program.inputs)
    for n in program.inputs:
        if n in finite:
            builder.guard(n, "finite", True, finite[n])
    for step in steps:
        if isinstance(step, Node) or step.how != "finite":
            builder.steps.append(step)
        if step in finite:
            builder.guard(step, "finite", True, finite[step])
    return _asked_of_pieces(builder.program(program.outputs))


def _asked_of_pieces(program: Program) -> Program:
    """Return a program that asks of the pieces of a result whether they are finite, not of it for nan.

    Of a result that nothing else reads: it need not be put together then.
    """
    read = {p for step in program.steps if type(step) is Node for p in parents(step)}
    read.update(x for x in program.outputs if type(x) is Node)
    asked = {s.node for s in program.steps if type(s) is Guard and s.how == "number"} - read
    asked = {n for n in asked if n.fn is scatter and type(n.args[3]) is list and not n.kwargs}
    if not asked:
        return program
    b = Builder(program.inputs)
    b.steps = [s for s in program.steps if not (type(s) is Guard and s.how == "number" and s.node in asked)]
    lines = {s.node: s.line for s in program.steps if type(s) is Guard and s.how == "number"}
    pieces = {p: lines[n] for n in asked for p in n.args[3] if type(p) is Node}
    implied = _finite_with(pieces)
    for p, line in sorted(pieces.items(), key=lambda item: item[0].id):
        if p not in implied:
            b.guard(p, "finite", True, line)
    return b.program(program.outputs)


def _finite_with(nodes: Any) -> set[Node]:
    """Return what is finite where these are: the terms of sums, the factors of products."""
    found: set[Node] = set()
    waiting = list(nodes)
    while waiting:
        n = waiting.pop()
        if n.fn in _FINITE_OF_FINITE and n.size and not n.kwargs:
            new = [p for p in parents(n) if p not in found]
            found.update(new)
            waiting += new
    return found


def _to_be_finite(program: Program, steps: list[Any]) -> dict[Node, str]:
    """Return the nodes to test for infinities in the place of results, with the lines that ask."""
    asked = [s for s in steps if type(s) is Guard and s.how == "finite"]
    if not asked:
        return {}
    others = [s.node for s in steps if type(s) is Guard and s.how != "finite"]
    live = ancestors([x for x in program.outputs if type(x) is Node] + others)
    found: dict[Node, str] = {}
    for guard in asked:
        flat = _arguments_of_flat(guard.node)
        if flat is None or _cost(flat, live) > _cost([guard.node], live):
            flat = [guard.node]
        live |= ancestors(flat, live)
        found.update(dict.fromkeys(flat, guard.line))
    return found


def _cost(nodes: list[Node], live: set[Node]) -> int:
    """Return how many numbers it takes to test nodes, with what has to be computed for it alone."""
    return sum(n.size + 200 for n in nodes) + sum(n.size + 200 for n in ancestors(nodes, live))


def _covered(program: Program) -> set[Node]:
    """Return the nodes of which a nan arrives at a later value that is tested for nan."""
    tested = {step.node for step in program.steps if type(step) is Guard and step.how == "number"}
    arrives: set[Node] = set()  # a nan in these is found, in themselves or later
    covered: set[Node] = set()  # or later, whatever is tested here
    for step in reversed(program.steps):
        if type(step) is not Node:
            continue
        if step in covered or step in tested:
            arrives.add(step)
            if _hands_on(step):
                covered.update(p for p in parents(step) if p.dtype is not None and p.dtype.kind in "fc")
    return covered


def _hands_on(n: Node) -> bool:
    if (
        n.fn not in _HANDS_ON
        or n.dtype is None
        or n.dtype.kind not in "fc"
        or set(n.kwargs) - {"axis", "keepdims"}
    ):
        return False
    return n.size > 0 and all(p.size > 0 for p in parents(n))


def _arguments_of_flat(y: Node) -> list[Node] | None:
    """Return what has to be finite so that the slope of y is not that of an infinite y; None if unknown."""
    found: list[Node] = []
    for n in ancestors([y]):
        if n.fn in _FLAT_AT_INFINITY and not _is_steep(n):
            found += [x for x in nodes_in(n.args) if x.dtype is not None and x.dtype.kind in "fc"]
        elif n.fn is not None and n.fn not in _SAFE:
            return None
    return sorted(set(found), key=lambda n: n.id)


def _is_steep(n: Node) -> bool:
    """Say whether a power grows at least as its base does, and |x|, of which the slope is ±1."""
    if n.fn is onp.absolute:
        return bool(n.dtype.kind == "f")
    exponent = n.args[1] if n.fn in (onp.power, onp.float_power) else None
    return isinstance(exponent, (int, float)) and exponent >= 1

"""Questions that are answered by how large the arguments are, which takes their place.

Of numbers that are no larger than 1e100, say, a polynomial of low degree is finite. Then nothing is asked of
its values, and what was computed for the questions alone is not computed. Larger numbers are left to eager.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as onp

from ..indices import scatter
from ..numpy.slopes import one_minus_square
from .diagonals import from_diagonals
from .program import GETITEM, SOFT, Builder, Guard, Node, Program, ancestors, number_of, parents, shape_of
from .shapes import axes_of
from .stacking import stack_of
from .writes import added_at

__all__ = ["ask_of_arguments"]

FLOAT = onp.dtype(float)
LARGEST = (1e150, 1e100, 1e75, 1e50, 1e30)  # bounds that are tried: one test is of the sum of their squares
LONGEST = 1000  # steps of a program from which questions take no time beside them
_TEST = 200  # elements that take as long as the overhead of a question
Range = tuple[float, float]
ALL: Range = (-math.inf, math.inf)


def ask_of_arguments(program: Program) -> Program:
    """Return a program that asks how large arguments are, where that saves other questions."""
    guards = program.guards
    if not guards or len(program.steps) > LONGEST or any(g.how not in SOFT for g in guards):
        return program
    known = _ranges(program, math.inf)
    asked = {(g.node, g.how) for g in guards}
    gone = {
        g for g in guards if g.how == "within" and (g.node, "finite") in asked and _lies(known[g.node], g)
    }
    largest, answered = _answered(program, [g for g in guards if g not in gone])
    arguments = _worth_it(program, answered)
    gone |= {g for g in answered if _arguments_of(g.node) <= arguments}
    if not gone:
        return program
    builder = Builder(program.inputs)
    for x in sorted(arguments, key=lambda n: n.id):
        builder.guard(x, "small", largest)
    builder.steps += [step for step in program.steps if step not in gone]
    return builder.program(program.outputs)


def _answered(program: Program, guards: list[Guard]) -> tuple[float, list[Guard]]:
    """Return the largest bound that answers as many questions as the smallest does, and these questions."""
    found: list[Guard] = []
    bound = LARGEST[-1]
    for largest in reversed(LARGEST):
        ranges = _ranges(program, largest)
        now = [g for g in guards if _is_finite(ranges[g.node]) and _lies(ranges[g.node], g)]
        if len(now) < len(found):
            break
        bound, found = largest, now
    return bound, found


def _is_finite(found: Range) -> bool:
    return found[0] > -math.inf and found[1] < math.inf


def _lies(found: Range, g: Guard) -> bool:
    """Say whether a range, of what is no nan, answers a question."""
    return g.how != "within" or (g.expected[0] <= found[0] and found[1] <= g.expected[1])


def _worth_it(program: Program, answered: list[Guard]) -> set[Node]:
    """Return the arguments of which to ask so that the most time is saved."""
    best, saved = set(), 0
    live = {x for x in program.outputs if type(x) is Node}
    for wanted in {frozenset(_arguments_of(g.node)) for g in answered}:
        gone = {g for g in answered if _arguments_of(g.node) <= wanted}
        others = live | {g.node for g in program.guards if g not in gone}
        tests = sum(g.node.size + _TEST for g in gone)
        unused = ancestors([g.node for g in gone]) - ancestors(others)
        gain = tests + sum(n.size + _TEST for n in unused) - sum(n.size + _TEST for n in wanted)
        if gain > saved:
            best, saved = set(wanted), gain
    return best


def _arguments_of(n: Node) -> set[Node]:
    return {p for p in ancestors([n]) if p.fn is None and p.dtype is not None and p.dtype.kind == "f"}


# --- ranges


def _ranges(program: Program, largest: float) -> dict[Node, Range]:
    """Return in which range the elements of each value lie that are no nan, if arguments are no larger."""
    found: dict[Node, Range] = {n: (-largest, largest) if _is_double(n) else ALL for n in program.inputs}

    def of(x: Any) -> Range:
        if type(x) is Node:
            return found[x]
        if type(x) is onp.ndarray and not x.flags.writeable and x.dtype == FLOAT and x.size:
            return float(x.min()), float(x.max())
        c = number_of(x)
        return ALL if c is None else (float(c), float(c))

    for n in program.nodes:
        rule = _RULES.get(n.fn)
        inner = None
        if rule is not None and _is_double(n) and all(map(_is_plain, parents(n))):
            inner = rule(n, of)
        found[n] = ALL if inner is None or any(map(math.isnan, inner)) else inner
    return found


def _is_double(n: Node) -> bool:
    return bool(n.dtype == FLOAT)


def _is_plain(n: Node) -> bool:
    return _is_double(n) or (n.dtype is not None and n.dtype.kind in "iub")


def _hull(*xs: float) -> Range:
    return ALL if any(map(math.isnan, xs)) else (min(xs), max(xs))


def _add(n: Node, of: Any) -> Range:
    (a, b), (c, d) = map(of, n.args)
    return a + c, b + d


def _subtract(n: Node, of: Any) -> Range:
    (a, b), (c, d) = map(of, n.args)
    return a - d, b - c


def _times(x: Range, y: Range) -> Range:
    return _hull(*(a * b for a in x for b in y))


def _multiply(n: Node, of: Any) -> Range:
    x, y = map(of, n.args)
    low, high = _times(x, y)
    return (max(low, 0.0), high) if n.args[0] is n.args[1] else (low, high)


def _divide(n: Node, of: Any) -> Range | None:
    x, (c, d) = map(of, n.args)
    return _times(x, (1 / d, 1 / c)) if c > 0 or d < 0 else None


def _negative(n: Node, of: Any) -> Range:
    a, b = of(n.args[0])
    return -b, -a


def _absolute(n: Node, of: Any) -> Range:
    a, b = of(n.args[0])
    return max(a, -b, 0.0), max(-a, b)


def _exp(n: Node, of: Any) -> Range:
    a, b = of(n.args[0])
    return math.exp(a) if a < 700 else 1e300, math.exp(b) if b < 700 else math.inf


def _rising(f: Callable[[float], float], least: float) -> Callable[[Node, Any], Range | None]:
    """Return the rule of a function that rises, and is defined from here on."""

    def rule(n: Node, of: Any) -> Range | None:
        a, b = of(n.args[0])
        return (f(a), f(b) if b < math.inf else b) if a >= least else None

    return rule


def _between(low: float, high: float) -> Callable[[Node, Any], Range | None]:
    return lambda n, of: (low, high) if _is_finite(of(n.args[0])) else None


def _same(n: Node, of: Any) -> Range:
    return of(n.args[0])  # type: ignore[no-any-return]


def _parts(n: Node, of: Any) -> Range:
    ranges = list(map(of, n.args[0] if type(n.args[0]) in (tuple, list) else n.args))
    return min(a for a, _ in ranges), max(b for _, b in ranges)


def _sum(n: Node, of: Any) -> Range | None:
    if len(n.args) > 1:
        return None
    count = 1
    for k in axes_of(n.kwargs.get("axis"), n.args[0].ndim):
        count *= n.args[0].shape[k]
    a, b = of(n.args[0])
    return (count * a if a else 0.0, count * b if b else 0.0) if count else (0.0, 0.0)


def _dot(n: Node, of: Any) -> Range:
    x, y = n.args
    shape = shape_of(x)
    count = math.prod(shape if n.fn is onp.vdot else shape[-1:])
    a, b = _times(of(x), of(y))
    return (count * (max(a, 0.0) if x is y and x.ndim == 1 else a), count * b) if count else (0.0, 0.0)


def _pieces(n: Node, of: Any) -> Range | None:
    """Return the range of zeros, or of an array, to whose elements those of pieces are added."""
    if n.fn is added_at:
        (low, high), pieces = of(n.args[0]), n.args[2]
    else:
        (low, high), pieces = (0.0, 0.0), n.args[3]
    if type(pieces) not in (list, tuple):
        return None
    for x in pieces:  # as often as it has elements, added or taken off
        size = (x.size if type(x) is Node else onp.size(x)) * max(map(abs, of(x)))
        low, high = low - size, high + size
    return low, high


def _diagonals(n: Node, of: Any) -> Range:
    ranges = list(map(of, n.args[3]))
    return min(0.0, *(a for a, _ in ranges)), max(0.0, *(b for _, b in ranges))


_RULES: dict[Any, Callable[[Node, Any], Range | None]] = {
    onp.add: _add, onp.subtract: _subtract, onp.multiply: _multiply, onp.divide: _divide,
    onp.negative: _negative, onp.absolute: _absolute, onp.exp: _exp, onp.sqrt: _rising(math.sqrt, 0.0),
    onp.log: _rising(math.log, 1e-300), onp.log1p: _rising(math.log1p, 0.0), onp.sin: _between(-1.0, 1.0),
    onp.cos: _between(-1.0, 1.0), onp.tanh: _between(-1.0, 1.0), onp.arctan: _between(-2.0, 2.0),
    one_minus_square: _between(0.0, 1.0), onp.reshape: _same, onp.transpose: _same, onp.broadcast_to: _same,
    onp.asarray: _same, onp.positive: _same, onp.max: _same, onp.min: _same, GETITEM: _same,
    onp.maximum: _parts, onp.minimum: _parts, onp.concatenate: _parts, onp.stack: _parts, stack_of: _parts,
    onp.sum: _sum, onp.dot: _dot, onp.matmul: _dot, onp.vdot: _dot, scatter: _pieces, added_at: _pieces,
    from_diagonals: _diagonals,
}  # fmt: skip

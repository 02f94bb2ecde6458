"""Matrices of a few diagonals, without their zeros.

A Jacobian or Hessian starts from the identity, and what is computed element by element keeps its zeros. Such
a matrix is carried as vectors, one per diagonal, through products with vectors, sums, slices and
transpositions, and put into zeros where something else asks for it. Its zeros are strong, as in eager.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp

from ..indices import scatter
from .program import GETITEM, Builder, Guard, Node, Program, Spec, map_nodes, nodes_in, shape_of
from .rewriting import RULES
from .rewriting.patterns import is_call
from .shapes import SPECS, infer

__all__ = ["compact_diagonals", "from_diagonals", "places_of"]

ndarray = onp.ndarray
LEAST = 256  # elements from which it pays
MOST = 4  # diagonals
ADD, SUB, MUL, DIV, NEG = onp.add, onp.subtract, onp.multiply, onp.divide, onp.negative
_WHOLE = slice(None)

# {offset: vector}: entry (i, i + offset) of the matrix for i = max(0, -offset), ...
Diagonals = dict[int, Any]


def from_diagonals(shape: Any, dtype: Any, offsets: Any, vectors: Any) -> Any:
    """Return a matrix of zeros with these vectors on its diagonals."""
    y = onp.zeros(shape, dtype)
    flat = y.reshape(-1)
    for k, v in zip(offsets, vectors, strict=True):
        flat[slice(*places_of(shape, k))] = v
    return y


def places_of(shape: Any, k: int) -> tuple[int, int, int]:
    """Return start, stop and step of a diagonal in the matrix as one vector."""
    first, count, width = (k if k >= 0 else -k * shape[1]), length(shape, k), shape[1]
    return first, first + (count - 1) * (width + 1) + 1, width + 1


def _spec(fn: Any, shape: Any, dtype: Any, offsets: Any, vectors: Any) -> Spec:
    return Spec(ndarray, tuple(shape), dtype)


SPECS[from_diagonals] = _spec


def length(shape: Any, k: int) -> int:
    """Return how many entries a diagonal has."""
    return int(min(shape[0], shape[1] - k) if k >= 0 else min(shape[0] + k, shape[1]))


def compact_diagonals(program: Program) -> Program:
    """Return a program in which matrices of a few diagonals are computed without their zeros."""
    if not any(_of_constant(x) for n in program.nodes for x in n.args):
        return program
    b = Builder(program.inputs, RULES, infer)
    new: dict[Any, Any] = {n: n for n in program.inputs}
    found: dict[Any, tuple[Node, Diagonals]] = {}

    def dense(n: Node) -> Any:
        if n not in new:
            node, diagonals = found[n]
            new[n] = _dense(b, node, diagonals)
        return new[n]

    def diagonals_of(x: Any) -> Diagonals | None:
        return found[x][1] if type(x) is Node and x in found else _of_constant(x)

    for step in program.steps:
        if isinstance(step, Guard):
            _ask(b, step, found, dense)
            continue
        b.name, b.hint = step.name, step
        rule = _RULES.get(step.fn)
        fits = (
            rule is not None
            and step.ndim == 2
            and step.size >= LEAST
            and step.dtype.char in "df"
            and not step.kwargs
        )
        diagonals = rule(b, step, diagonals_of, dense) if rule is not None and fits else None
        if diagonals is not None and len(diagonals) <= MOST:
            found[step] = step, diagonals
        else:
            new[step] = b.call(step.fn, *map_nodes(dense, step.args), **map_nodes(dense, step.kwargs))
    b.name = b.hint = None
    return b.program([dense(x) if type(x) is Node else x for x in program.outputs])


def _ask(b: Builder, guard: Guard, found: Any, dense: Callable[[Node], Any]) -> None:
    """Ask what a guard asks: of a matrix, whether there is a nan, of its diagonals."""
    if guard.node in found and guard.how in ("number", "finite"):
        for v in found[guard.node][1].values():
            if type(v) is Node:
                b.guard(v, guard.how, guard.expected, guard.line)
        return
    node = dense(guard.node)
    if type(node) is Node:
        b.guard(node, guard.how, guard.expected, guard.line)


def _dense(b: Builder, n: Node, diagonals: Diagonals) -> Any:
    b.name = n.name
    return b.raw(from_diagonals, (n.shape, n.dtype, tuple(diagonals), list(diagonals.values())))


def _of_constant(x: Any) -> Diagonals | None:
    """Return the diagonals of a constant matrix that has few of them."""
    if (
        type(x) is not ndarray
        or x.ndim != 2
        or x.size < LEAST
        or x.dtype.char not in "df"
        or not any(x.strides)
    ):
        return None
    rows, columns = onp.nonzero(x)
    offsets = onp.unique(columns - rows)
    if len(offsets) > 2 or not len(offsets) or not onp.isfinite(x).all():
        return None
    return {int(k): _repeated(x.diagonal(int(k))) for k in offsets}


def _repeated(v: Any) -> Any:
    """Return a vector of one number as a number in many places, which the rewrites take for one."""
    return onp.broadcast_to(v[0], v.shape) if len(v) and bool((v == v[0]).all()) else v.copy()


# --- what calls do to diagonals: (builder, call, diagonals of an argument or None, dense) ↦ diagonals or None


def _times(b: Builder, n: Node, of: Any, dense: Any) -> Diagonals | None:
    for x, other in (n.args, n.args[::-1]):
        diagonals = of(x)
        if diagonals is not None and of(other) is None and shape_of(x) == n.shape:
            return _scaled(b, n, MUL, diagonals, other, dense)
    return None


def _divided(b: Builder, n: Node, of: Any, dense: Any) -> Diagonals | None:
    x, other = n.args
    if of(x) is None or of(other) is not None or shape_of(x) != n.shape:
        return None
    return _scaled(b, n, DIV, of(x), other, dense)


def _scaled(b: Builder, n: Node, fn: Any, diagonals: Diagonals, other: Any, dense: Any) -> Diagonals | None:
    """Return diagonals times, or divided by, a number, a row or a column."""
    shape = shape_of(other)
    if not (shape == () or shape == n.shape[1:] or shape in ((1, n.shape[1]), (n.shape[0], 1))):
        return None
    other = dense(other) if type(other) is Node else other
    done = {}
    for k, v in diagonals.items():
        part, count = other, length(n.shape, k)
        if shape:
            start = max(0, -k) if shape == (n.shape[0], 1) and n.shape[0] > 1 else max(0, k)
            flat = b.call(onp.reshape, other, (max(shape),)) if len(shape) == 2 else other
            part = flat if count == max(shape) else b.call(GETITEM, flat, slice(start, start + count))
        done[k] = b.call(fn, v, part)
    return done


def _negative(b: Builder, n: Node, of: Any, dense: Any) -> Diagonals | None:
    diagonals = of(n.args[0])
    return None if diagonals is None else {k: b.call(NEG, v) for k, v in diagonals.items()}


def _sum(b: Builder, n: Node, of: Any, dense: Any) -> Diagonals | None:
    first, second = map(of, n.args)
    if first is None or second is None or any(shape_of(x) != n.shape for x in n.args):
        return None
    if n.fn is SUB:
        second = {k: b.call(NEG, v) for k, v in second.items()}
    return _added(b, first, second)


def _added(b: Builder, first: Diagonals, second: Diagonals) -> Diagonals:
    done = dict(first)
    for k, v in second.items():
        if k in done and type(v) is ndarray and type(done[k]) is ndarray:
            done[k] = _constant(done[k] + v)
        elif k in done and type(v) is ndarray and is_call(done[k], ADD) and type(done[k].args[0]) is ndarray:
            done[k] = b.call(ADD, _constant(done[k].args[0] + v), done[k].args[1])
        else:
            done[k] = b.call(ADD, done[k], v) if k in done else v
    return done


def _constant(x: Any) -> Any:
    """Return a new array as one that nobody can change."""
    x.flags.writeable = False
    return x


def _scattered(b: Builder, n: Node, of: Any, dense: Any) -> Diagonals | None:
    """Return the diagonals of zeros to which matrices of diagonals are added, each in a block."""
    shape, _, indices, pieces = n.args
    done: Diagonals = {}
    constants_first = sorted(zip(indices, pieces, strict=True), key=lambda pair: type(pair[1]) is Node)
    for index, piece in constants_first:
        diagonals, corner = of(piece), _corner(index, shape)
        if diagonals is None or corner is None:
            return None
        moved = {k + corner[1] - corner[0]: (k, v) for k, v in diagonals.items()}
        for k, (was, v) in moved.items():
            if length(shape, k) != length(shape_of(piece), was):
                v = _padded(b, n, shape, k, shape_of(piece), was, corner, v)
            done = _added(b, done, {k: v})
    return done


def _padded(b: Builder, n: Node, shape: Any, k: int, inner: Any, was: int, corner: Any, v: Any) -> Any:
    """Return the diagonal of a block as part of that of the whole, with zeros before and after."""
    start = corner[0] + max(0, -was) - max(0, -k)
    count = length(inner, was)
    v = v if type(v) is Node else onp.array(v)
    return b.raw(scatter, ((length(shape, k),), n.dtype, [slice(start, start + count)], [v]))


def _corner(index: Any, shape: Any) -> tuple[int, int] | None:
    """Return where a block begins that an index of two slices takes."""
    parts = index if type(index) is tuple else (index,)
    if (
        len(parts) > 2
        or not all(type(part) is slice for part in parts)
        or next(nodes_in(index), None) is not None
    ):
        return None
    starts = []
    for part, size in zip((*parts, _WHOLE)[:2], shape, strict=True):
        start, _, step = part.indices(size)
        if step != 1:
            return None
        starts.append(start)
    return starts[0], starts[1]


def _transposed(b: Builder, n: Node, of: Any, dense: Any) -> Diagonals | None:
    diagonals = of(n.args[0])
    return None if diagonals is None or len(n.args) > 1 else {-k: v for k, v in diagonals.items()}


_RULES: dict[Any, Callable[..., Diagonals | None]] = {
    MUL: _times, DIV: _divided, NEG: _negative, ADD: _sum, SUB: _sum, scatter: _scattered,
    onp.transpose: _transposed,
}  # fmt: skip

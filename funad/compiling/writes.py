"""Additions to some elements of an array, in the memory of an operand that is done with.

What a program adds to part of an array, as the backward pass does with the cotangents of slices, is a copy of
the whole and a sum of the part, or a sum with zeros that hold the part. Either is one addition in place.
"""

from __future__ import annotations

from typing import Any

import numpy as onp

from ..indices import add_at, repeats, scatter
from ..numpy.elementwise import _keep
from ..writing import assign
from .program import GETITEM, Builder, Node, Program, Spec, key_of, map_nodes, nodes_in
from .rewriting import rewritten
from .rewriting.patterns import factor_of, is_call, is_float
from .shapes import SPECS

__all__ = ["add_in_place", "added_at", "added_where"]

ADD, SUB, NEG = onp.add, onp.subtract, onp.negative
_MANY = 1000  # elements from which a sum takes longer than to count those that it is of
_BASIC = (int, slice, type(None), type(Ellipsis))


def added_at(x: Any, indices: Any, pieces: Any, signs: Any) -> Any:
    """Return a copy of an array with each piece added at its index, or taken off where its sign is -1."""
    y = onp.array(x)
    add_at(y, [(i, p if s > 0 else -p) for i, p, s in zip(indices, pieces, signs, strict=True)])
    return y


def added_where(x: Any, y: Any, c: float, condition: Any) -> Any:
    """Return x with y·c added where a condition holds: x itself, where it holds nowhere."""
    return x + _keep(y * c, condition) if onp.count_nonzero(condition) else x  # type: ignore[no-untyped-call]


SPECS[added_at] = SPECS[added_where] = lambda fn, x, *_: Spec(onp.ndarray, x.shape, x.dtype)


def add_in_place(program: Program) -> Program:
    """Return a program in which sums of parts are added to the whole."""
    uses = program.uses()
    found = {n: made for n in program.nodes if (made := _part_of_sum(n) or _sum_of_parts(n, uses))}
    repeated = {n for n in program.nodes if _goes_to_one_place(n)}
    ties = {n: made for n in program.nodes if (made := _sum_with_ties(n, uses))}
    if not found and not repeated and not ties:
        return program

    def remake(b: Builder, n: Node, new: Any) -> Any:
        if n in repeated:
            return _with_sums(b, n, new)
        if n in ties:
            x, y, c, condition = ties[n]
            return b.raw(added_where, (new(x), new(y), c, new(condition)), None, n.spec)
        if n not in found:
            return None
        x, indices, pieces = found[n]
        signed = [
            _signed(piece, sign, index, uses) for index, (piece, sign) in zip(indices, pieces, strict=True)
        ]
        parts = [new(piece) for piece, _ in signed]
        return b.raw(
            added_at, (new(x), map_nodes(new, indices), parts, [sign for _, sign in signed]), None, n.spec
        )

    return rewritten(program, remake, None)


def _goes_to_one_place(n: Node) -> bool:
    """Say whether several pieces of zeros have the same index."""
    if (
        not is_call(n, scatter)
        or type(n.args[2]) not in (list, tuple)
        or type(n.args[3]) not in (list, tuple)
    ):
        return False
    places = [key_of(index) for index in n.args[2]]
    return len(set(places)) < len(places) and all(is_float(x) and x.dtype == n.dtype for x in n.args[3])


def _with_sums(b: Builder, n: Node, new: Any) -> Any:
    """Return zeros to which the sum of all pieces with one index is added."""
    shape, dtype, indices, pieces = n.args
    sums: dict[Any, tuple[Any, Any]] = {}
    for index, piece in zip(indices, pieces, strict=True):
        key = key_of(index), piece.shape
        before = sums.get(key)
        x = new(piece)
        sums[key] = map_nodes(new, index), x if before is None else b.raw(ADD, (before[1], x))
    return b.raw(scatter, (shape, dtype, [i for i, _ in sums.values()], [x for _, x in sums.values()]))


def _signed(piece: Any, sign: int, index: Any, uses: dict[Node, int]) -> tuple[Any, int]:
    """Return a piece and its sign, of -p, which nothing else reads, those of p."""
    if is_call(piece, NEG) and uses[piece] == 1 and not repeats(index):
        return piece.args[0], -sign
    return piece, sign


def _part_of_sum(n: Node) -> Any:
    """Return (x, indices, pieces) where n is x with a piece added to some of its elements."""
    if not is_call(n, assign) or n.args[1] or not is_float(n):
        return None
    (x, total), _, index = n.args
    parts = index if type(index) is tuple else (index,)
    if not all(type(part) in _BASIC for part in parts) or next(nodes_in(index), None) is not None:
        return None
    if type(x) is not Node or x.dtype != n.dtype or not is_float(total) or not total.is_array:
        return None
    if total.fn not in (ADD, SUB) or total.kwargs or total.dtype != n.dtype:
        return None
    for k in range(2 if total.fn is ADD else 1):
        part, piece = total.args[k], total.args[1 - k]
        own = is_call(part, GETITEM) and part.args[0] is x and key_of(part.args[1]) == key_of(index)
        if own and part.shape == total.shape and is_float(piece) and piece.dtype == n.dtype:
            return x, [index], [(piece, -1 if total.fn is SUB else 1)]
    return None


def _sum_of_parts(n: Node, uses: dict[Node, int]) -> Any:
    """Return (x, indices, pieces) where n is the sum of x and of zeros with pieces, read by nothing else."""
    if not is_call(n, ADD) or not is_float(n) or not n.is_array:
        return None
    for zeros, x in (n.args, n.args[::-1]):
        if not is_call(zeros, scatter) or uses[zeros] != 1 or not _is_like(zeros, n) or not _is_like(x, n):
            continue
        indices, pieces = zeros.args[2:]
        if type(indices) in (list, tuple) and type(pieces) in (list, tuple):
            return x, list(indices), [(piece, 1) for piece in pieces]
    return None


def _sum_with_ties(n: Node, uses: dict[Node, int]) -> Any:
    """Return (x, y, c, condition) where n is x with y·c added in ties, which are rare."""
    if not is_call(n, ADD) or not is_float(n) or not n.is_array or n.size < _MANY:
        return None
    for x, ties in (n.args, n.args[::-1]):
        if not is_call(ties, _keep) or uses[ties] != 1 or not _is_like(ties, n) or not _is_like(x, n):
            continue
        y, condition = ties.args
        if is_call(condition, onp.equal) and _is_like(y, n) and condition.shape == n.shape:
            return (x, *(factor_of(y) or (y, 1.0)), condition)
    return None


def _is_like(x: Any, n: Node) -> bool:
    return type(x) in (Node, onp.ndarray) and (x.shape, x.dtype) == (n.shape, n.dtype)

"""Arrays of many short rows are kept as few long ones.

NumPy's loops run along the last axis. Of 50,000 rows of three elements most of the time goes where a row
begins, and where a row is combined with one number, or reduced to one. So such arrays are computed with their
last two axes exchanged, where little has to be copied for it. Products of matrices take either.
"""

from __future__ import annotations

from typing import Any

import numpy as onp

from .memory import ELEMENTS
from .program import GETITEM, Builder, Guard, Node, Program, Step, number_of, parents, shape_of
from .rewriting import rewritten
from .rewriting.patterns import is_call
from .shapes import axes_of

__all__ = ["exchange_short_axes"]

SHORT = 24  # elements of a row that is short
LEAST = 10_000  # elements of an array for which it pays
_PRODUCTS: frozenset[Any] = frozenset({onp.dot, onp.matmul})
_EXTREMES: frozenset[Any] = frozenset({onp.max, onp.min})
_REDUCTIONS: frozenset[Any] = _EXTREMES | {onp.sum, onp.mean, onp.prod, onp.any, onp.all}
# What is saved, in passes over an array: by a broadcast, by the extreme of each row, and by a copy less.
_BROADCAST, _EXTREME, _COPY = 1, 5, -2


def exchange_short_axes(program: Program) -> Program:
    """Return a program that computes with long rows in the place of short ones."""
    readers: dict[Node, list[Step]] = {}
    for step in program.steps:
        for p in parents(step):
            readers.setdefault(p, []).append(step)
    outputs = {x for x in program.outputs if type(x) is Node}
    chosen: set[Node] = set()
    for cluster in _clusters(program):
        if _saved(cluster, readers, outputs) > 0:
            chosen |= cluster
    if not chosen:
        return program

    def remake(b: Builder, n: Node, new: Any) -> Any:
        if n in chosen:
            args = [_exchanged(b, new(x), n.ndim) for x in n.args]
            args = args[::-1] if n.fn in _PRODUCTS else [_by_rows(b, x) for x in args]
            return _exchanged(b, b.call(n.fn, *args), n.ndim)
        if _is_reduction(n) and n.args[0] in chosen:
            return _reduction(b, n, _exchanged(b, new(n.args[0]), n.args[0].ndim))
        if _is_einsum(n, chosen):
            names, _, left = n.args[0].partition("->")
            names = ",".join(f"{part[:-2]}{part[-1]}{part[-2]}" for part in names.split(","))
            return b.call(n.fn, f"{names}->{left}", *(_exchanged(b, new(x), x.ndim) for x in n.args[1:]))
        return None

    return rewritten(program, remake)


def _exchanged(b: Builder, x: Any, rank: int) -> Any:
    """Return an operand of results of this rank for results with their last two axes exchanged."""
    shape = shape_of(x)
    if not shape or (len(shape) == 1 and rank < 2):
        return x
    if len(shape) == 1:
        return b.call(onp.reshape, x, (*shape, 1))
    if 1 in shape[-2:]:
        return b.call(onp.reshape, x, (*shape[:-2], shape[-1], shape[-2]))
    rank = len(shape)
    return b.call(onp.transpose, x, (*range(rank - 2), rank - 1, rank - 2))


def _by_rows(b: Builder, x: Any) -> Any:
    """Return an operand that lies row by row in memory, as the result is to."""
    return b.raw(onp.ascontiguousarray, (x,)) if is_call(x, onp.transpose) else x


def _reduction(b: Builder, n: Node, x: Any) -> Any:
    """Return a reduction, of its argument with exchanged axes."""
    last = x.ndim - 1
    axes = axes_of(n.kwargs.get("axis"), x.ndim)
    there = tuple(sorted({last: last - 1, last - 1: last}.get(k, k) for k in axes))
    y = b.call(n.fn, x, **{**n.kwargs, "axis": there[0] if len(there) == 1 else there})
    both_left = not set(axes) & {last, last - 1}
    return _exchanged(b, y, y.ndim) if both_left or n.kwargs.get("keepdims") else y


# --- what is chosen


def _is_candidate(n: Node) -> bool:
    """Say whether a call makes many short rows, and can make few long ones as well."""
    if n.kwargs or not n.is_array or n.ndim < 2 or n.size < LEAST or n.dtype.kind not in "fb":
        return False
    if not 1 < n.shape[-1] <= SHORT or n.shape[-2] < 8 * n.shape[-1]:
        return False
    if n.fn in _PRODUCTS:
        return all(type(x) is Node and x.ndim > 1 for x in n.args)
    return n.fn in ELEMENTS or (n.fn is onp.where and len(n.args) == 3)


def _clusters(program: Program) -> list[set[Node]]:
    """Return such calls, together with those of which they are computed element by element."""
    found: dict[Node, set[Node]] = {}
    for n in program.nodes:
        if _is_candidate(n):
            cluster = found[n] = {n}
            for p in parents(n) if n.fn not in _PRODUCTS else ():
                if p in found and p.shape == n.shape and found[p] is not cluster:
                    cluster |= found[p]
                    found.update(dict.fromkeys(found[p], cluster))
    return list({id(cluster): cluster for cluster in found.values()}.values())


def _saved(cluster: set[Node], readers: dict[Node, list[Step]], outputs: set[Node]) -> int:
    """Return how many passes over an array are saved where these calls have their axes exchanged."""
    saved, copied = 0, {n for n in cluster if n in outputs}
    for n in cluster:
        for x in n.args if n.fn not in _PRODUCTS else ():
            shape = shape_of(x)
            if shape not in ((), n.shape):
                saved += _BROADCAST
            elif shape and x not in cluster and number_of(x) is None:
                copied.add(x)
        for r in readers.get(n, ()):
            if type(r) is Guard or r in cluster or r.fn in _PRODUCTS or r.fn is GETITEM:  # type: ignore[union-attr]
                continue
            if _is_reduction(r):  # type: ignore[arg-type]
                saved += _EXTREME * (r.fn in _EXTREMES and r.kwargs.get("axis") in (-1, n.ndim - 1))  # type: ignore[union-attr]
            elif not _is_einsum(r, cluster):  # type: ignore[arg-type]
                copied.add(n)
    return saved + _COPY * len(copied)


def _is_reduction(n: Node) -> bool:
    return n.fn in _REDUCTIONS and len(n.args) == 1 and not n.kwargs.keys() - {"axis", "keepdims", "dtype"}


def _is_einsum(n: Node, chosen: set[Node]) -> bool:
    """Say whether a call is a sum of products of arrays that all have their axes exchanged."""
    return n.fn is onp.einsum and not n.kwargs and all(x in chosen for x in n.args[1:])

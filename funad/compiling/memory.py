"""Which results are written into memory that is there: that of an operand, or of an array that is done with.

A result of some thousand bytes takes longer to allocate than to compute. Small ones are left to NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as onp

from ..indices import scatter
from ..numpy.slopes import one_minus_square
from .diagonals import from_diagonals
from .loops import is_loop
from .program import GETITEM, Guard, Node, Program, parents
from .stacking import stack_of
from .writes import added_at, added_where

__all__ = ["ELEMENTS", "LARGE", "Memory", "owns"]

HUGE = 1 << 18  # bytes from which an array is given back as soon as it is done with
LARGE = 6000  # bytes from which it pays
VIEWS = frozenset(
    {onp.reshape, onp.transpose, onp.broadcast_to, onp.ravel, onp.swapaxes, onp.moveaxis, onp.real, onp.imag,
     onp.squeeze, onp.diagonal, onp.expand_dims, onp.asarray, added_where, GETITEM}
)  # fmt: skip
ELEMENTS: frozenset[Any] = frozenset(
    f for f in vars(onp).values() if isinstance(f, onp.ufunc) and f.nout == 1 and f.signature is None
)
# Functions whose results share memory with nothing.
OWNERS: frozenset[Any] = ELEMENTS | {
    onp.dot, onp.vdot, onp.sum, onp.einsum, onp.concatenate, onp.mean, onp.stack, onp.where, onp.matmul,
    onp.take, from_diagonals, scatter, added_at,
}  # fmt: skip


class Memory:
    """Who owns the memory of each node, how long it is needed, and what is written where.

    ``into[n]`` is the node in whose memory n is written; ``rows[n]``, the name of a row for it.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.owner: dict[Node, Node] = {n: n for n in program.inputs}
        for step in program.steps:
            if type(step) is Node:
                first = step.args[0] if step.args else None
                is_view = step.fn in VIEWS and type(first) is Node and not is_loop(first)
                self.owner[step] = self.owner[first] if is_view else step  # type: ignore[index]
        self.deferred = _read_where_tanh_is_steep(program)
        self.last: dict[Node, int] = {}
        for k, step in enumerate(program.steps):
            for p in parents(step):
                self.last[self.owner[p]] = k
                if p in self.deferred:
                    self.last.update({self.owner[q]: k for q in parents(p)})
        for x in program.outputs:
            if type(x) is Node:
                self.last[self.owner[x]] = len(program.steps)
        self.into: dict[Node, Node] = {}
        self.by_rows: set[Node] = set()  # what lies in memory row by row, for arguments of any layout
        self.rows: dict[Node, str] = {}
        self._place()

    def ends(self) -> dict[int, list[list[Node]]]:
        """Return after which steps large arrays are done with: all nodes whose values stand in each."""
        inside: dict[Node, list[Node]] = {}
        for step in self.program.steps:
            if type(step) is Node:
                owner = self.owner[step]
                inside.setdefault(self.into.get(owner, owner), []).append(step)
        found: dict[int, list[list[Node]]] = {}
        for owner, nodes in inside.items():
            last = max(self.last.get(self.owner[n], -1) for n in nodes)
            if owner.fn is not None and owner.nbytes >= HUGE and 0 <= last < len(self.program.steps):
                found.setdefault(last, []).append(nodes)
        return found

    def _place(self) -> None:
        """Find for each large result the memory of one that is done with."""
        holder: dict[Node, Node] = {}  # the node that made the memory in which an owner's value stands
        free: dict[Any, list[Node]] = {}
        ending: dict[int, list[Node]] = {}
        for owner, k in self.last.items():
            ending.setdefault(k, []).append(owner)
        for k, n in enumerate(self.program.steps):
            if type(n) is Guard:
                self._release(ending.get(k, ()), holder, free, None)
                continue
            if can_write(n):  # type: ignore[arg-type]
                kind = n.shape, n.dtype  # type: ignore[union-attr]
                found = self._operand(n, k, holder, kind) if n.fn in ELEMENTS else None  # type: ignore[union-attr, arg-type]
                if found is None:
                    found = self._free(n, free.get(kind, []))  # type: ignore[arg-type]
                if found is not None:
                    self.into[n] = found  # type: ignore[index]
                elif self._is_by_rows(n):  # type: ignore[arg-type]
                    self.by_rows.add(n)  # type: ignore[arg-type]
                holder[n] = n if found is None else found  # type: ignore[index, assignment]
            elif n.fn is added_at and self._is_done_with(n, k):  # type: ignore[union-attr, arg-type]
                x = n.args[0]  # type: ignore[union-attr]
                self.into[n] = holder.pop(x, self.into.get(x, x))  # type: ignore[index]
            self._release(ending.get(k, ()), holder, free, n)

    def _operand(self, n: Node, k: int, holder: dict[Node, Node], kind: Any) -> Node | None:
        """Return the memory of an operand that nobody needs any more."""
        for p in parents(n):
            if self.owner[p] is p and p in holder and self.last[p] == k and (p.shape, p.dtype) == kind:
                return holder.pop(p)
        return None

    def _free(self, n: Node, free: list[Node]) -> Node | None:
        """Take memory from what is free; ``dot`` writes only into rows."""
        for k in reversed(range(len(free))):
            if n.fn is not onp.dot or free[k] in self.by_rows:
                return free.pop(k)
        return None

    def _is_by_rows(self, n: Node) -> bool:
        """Say whether a new result lies row by row: those of elementwise calls lie as their operands do."""
        wide = [p for p in parents(n) if sum(length > 1 for length in p.shape) > 1]
        return n.fn not in ELEMENTS or all(self.into.get(p, p) in self.by_rows for p in wide)

    def _is_done_with(self, n: Node, k: int) -> bool:
        """Say whether an array may be added to in its place: nobody needs it any more, as no piece does."""
        x, _, pieces, _ = n.args
        if type(x) is not Node or not owns(x) or self.last[x] != k:
            return False
        return all(type(p) is not Node or self.owner[p] is not x for p in pieces)

    @staticmethod
    def _release(ended: Any, holder: dict[Node, Node], free: dict[Any, list[Node]], n: Any) -> None:
        for owner in ended:
            if owner is not n and owner in holder:
                free.setdefault((owner.shape, owner.dtype), []).append(holder.pop(owner))


def _read_where_tanh_is_steep(program: Program) -> set[Node]:
    """Return the stacks that 1 - tanh² alone reads, and only where it is small: they are made there."""
    read: dict[Node, bool] = {}
    for step in program.steps:
        for p in parents(step):
            seldom = (
                type(step) is Node and step.fn is one_minus_square and p is step.args[1] is not step.args[0]
            )
            read[p] = read.get(p, True) and seldom
    kept = {x for x in program.outputs if type(x) is Node}
    return {n for n, seldom in read.items() if seldom and n.fn is stack_of} - kept


def owns(n: Node) -> bool:
    """Say whether an array is nobody else's: no input, and no view."""
    return n.fn in OWNERS


def can_write(n: Node) -> bool:
    """Say whether a call can write its result into an array that is given."""
    if not n.is_array or n.nbytes < LARGE or n.dtype.kind not in "fc" or n.kwargs:
        return False
    if n.fn in ELEMENTS:
        return True
    if n.fn is onp.dot or n.fn is onp.matmul:
        return all(type(a) is Node and a.dtype == n.dtype for a in n.args) and (
            n.ndim == 2 or n.fn is onp.matmul
        )
    return False

"""Operations on many short rows and one row, as on fewer long rows.

NumPy's loops run along the last axis. Of 5,000 rows of three elements, most of the time goes where a row
begins. The one row is written down several times over, and as many rows are taken for one.
"""

from __future__ import annotations

from typing import Any

import numpy as onp

from .memory import owns
from .program import Builder, Node, Program
from .rewriting import rewritten
from .rewriting.patterns import is_float

__all__ = ["join_rows"]

_OPERATIONS: frozenset[Any] = frozenset({onp.add, onp.subtract, onp.multiply, onp.divide})
SHORT, LONG = 24, 1024  # elements of a row that is short, and of one that is long enough
LEAST = 10_000  # elements from which it pays


def join_rows(program: Program) -> Program:
    """Return a program in which operations with one short row are ones with a long row."""
    outputs = {x for x in program.outputs if type(x) is Node}
    found = {n: split for n in program.nodes if n not in outputs and (split := _split(n)) is not None}
    if not found:
        return program

    def remake(b: Builder, n: Node, new: Any) -> Any:
        if n not in found:
            return None
        row, times = found[n]
        operands = [
            _repeated(b, new(x), times) if k == row else _joined(b, new(x), times)
            for k, x in enumerate(n.args)
        ]
        b.name = None
        whole = b.raw(n.fn, tuple(operands))
        b.name = n.name
        return b.raw(onp.reshape, (whole, n.shape))

    return rewritten(program, remake, None)


def _split(n: Node) -> tuple[int, int] | None:
    """Return which operand is one row, and how many rows are to be one."""
    if n.fn not in _OPERATIONS or n.kwargs or not is_float(n) or n.ndim < 2 or n.size < LEAST:
        return None
    count, width = n.shape[-2:]
    if width > SHORT or not all(is_float(x) and x.dtype == n.dtype and x.is_array for x in n.args):
        return None
    for row in (0, 1):
        x, one = n.args[1 - row], n.args[row]
        most = min(LONG // width, n.size // (8 * one.size))  # what is written down is to be small
        times = max((k for k in range(4, most + 1) if count % k == 0), default=0)
        is_row = one.shape[-1:] == (width,) and one.shape[-2:-1] in ((), (1,))
        if times and is_row and x.shape[-2:] == (count, width) and _is_whole(x):
            return row, times
    return None


def _is_whole(x: Node) -> bool:
    """Say whether the rows of an array stand one after the other in memory."""
    while x.fn is onp.reshape and not x.kwargs:
        x = x.args[0]
    return x.fn is None or owns(x)


def _joined(b: Builder, x: Node, times: int) -> Any:
    *before, count, width = x.shape
    return b.raw(onp.reshape, (x, (*before, count // times, width * times)))


def _repeated(b: Builder, x: Node, times: int) -> Any:
    """Return a row, or a stack of single rows, written down several times over."""
    before, width = x.shape[:-2], x.shape[-1]
    one = b.raw(onp.reshape, (x, (*before, 1, 1, width)))
    many = b.raw(onp.broadcast_to, (one, (*before, 1, times, width)))
    return b.raw(onp.reshape, (many, (*before, 1, times * width)))

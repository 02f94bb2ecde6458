"""The same function of neighbouring slices is one call on the slice that holds them all.

So the gates of a cell, which are parts of one array, are computed together. And where the results of like
calls are put one after the other, their operands are, and there is one call.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as onp

from .program import (
    GETITEM,
    SOFT,
    Builder,
    Guard,
    Node,
    Program,
    key_of,
    map_nodes,
    nodes_in,
    shape_of,
)
from .rewriting import rewritten
from .rewriting.patterns import is_float
from .shapes import ELEMENTWISE

__all__ = ["join_concatenations", "join_slices"]

_WHOLE = slice(None)
_MOST = 1 << 13  # bytes of the joined result, from which the overhead of a call does not count


class _Sliced(NamedTuple):
    """A chain of calls of one array each on a slice of ``base``; ``calls`` are (node, place of the array)."""

    base: Node
    axis: int
    start: int
    stop: int
    calls: tuple[tuple[Node, int], ...] = ()

    @property
    def kind(self) -> Any:
        return self.base, self.axis, tuple([_kind_of_call(n, k) for n, k in self.calls])


def _kind_of_call(n: Node, place: int) -> Any:
    return n.fn, place, tuple([None if k == place else key_of(x) for k, x in enumerate(n.args)])


def _slice_of(n: Node) -> _Sliced | None:
    """Return what slice of which array a node is, along one axis."""
    if n.fn is not GETITEM or type(n.args[0]) is not Node or not n.args[0].is_array or not n.is_array:
        return None
    base, index = n.args
    parts = index if type(index) is tuple else (index,)
    if len(parts) > base.ndim or not all(type(part) is slice for part in parts):
        return None
    cut = [k for k, part in enumerate(parts) if part != _WHOLE]
    if len(cut) != 1 or next(nodes_in(parts[cut[0]]), None) is not None:
        return None
    start, stop, step = parts[cut[0]].indices(base.shape[cut[0]])
    return _Sliced(base, cut[0], start, stop) if step == 1 and stop > start else None


def join_slices(program: Program) -> Program:
    """Return a program with the same chain of calls on neighbouring slices done once."""
    joined = _joined(program)
    if not joined:
        return program

    def remake(b: Builder, n: Node, new: Any) -> Any:
        if n not in joined:
            return None
        sliced, start, stop = joined[n]
        whole = _on_slice(b, sliced, start, stop, new)
        b.name, b.hint = n.name, None
        return b.call(GETITEM, whole, _index(sliced.axis, sliced.start - start, sliced.stop - start))

    return rewritten(program, remake)


def _index(axis: int, start: int, stop: int) -> Any:
    part = slice(start, stop)
    return (*(_WHOLE,) * axis, part) if axis else part


def _on_slice(b: Builder, sliced: _Sliced, start: int, stop: int, new: Any) -> Any:
    """Return a chain of calls on another slice of the same array."""
    b.name = b.hint = None
    x = b.call(GETITEM, new(sliced.base), _index(sliced.axis, start, stop))
    for n, place in sliced.calls:
        args = [x if k == place else map_nodes(new, a) for k, a in enumerate(n.args)]
        x = b.call(n.fn, *args)
    return x


def _joined(program: Program) -> dict[Node, tuple[_Sliced, int, int]]:
    """Return the calls that are joined, with the slice that each is part of."""
    found: dict[Node, _Sliced] = {}
    groups: dict[Any, dict[tuple[int, int], list[Node]]] = {}
    asked = 0
    for step in program.steps:
        if type(step) is Guard:
            asked += step.how not in SOFT
            continue
        sliced = _slice_of(step) or _longer(step, found)  # type: ignore[arg-type]
        if sliced is not None:
            found[step] = sliced  # type: ignore[index]
            if sliced.calls:
                members = groups.setdefault((asked, sliced.kind), {})
                members.setdefault((sliced.start, sliced.stop), []).append(step)  # type: ignore[arg-type]
    joined: dict[Node, tuple[_Sliced, int, int]] = {}
    for members in groups.values():
        for spans in _chains(sorted(members)):
            nodes = [n for span in spans for n in members[span]]
            if len(spans) > 1 and sum(n.nbytes for n in nodes) <= _MOST:
                joined.update({n: (found[n], spans[0][0], spans[-1][1]) for n in nodes})
    return joined


def _chains(spans: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Return lists of spans of which each begins where the one before ends."""
    chains: list[list[tuple[int, int]]] = []
    for span in spans:
        if chains and chains[-1][-1][1] == span[0]:
            chains[-1].append(span)
        else:
            chains.append([span])
    return chains


def _longer(n: Node, found: dict[Node, _Sliced]) -> _Sliced | None:
    """Return the chain that a call makes longer: one of numbers and of one array, which keeps its shape."""
    if n.fn not in ELEMENTWISE or n.kwargs or not is_float(n) or not n.is_array:
        return None
    arrays = [k for k, x in enumerate(n.args) if shape_of(x) != ()]
    if len(arrays) != 1 or type(n.args[arrays[0]]) is not Node:
        return None
    before = found.get(n.args[arrays[0]])
    if before is None or n.args[arrays[0]].shape != n.shape:
        return None
    return before._replace(calls=(*before.calls, (n, arrays[0])))


# --- concatenations


def join_concatenations(program: Program) -> Program:
    """Return a program in which the operands of like calls are put one after the other, not the results."""
    uses = program.uses()
    if not any(n.fn is onp.concatenate for n in program.nodes):
        return program

    def remake(b: Builder, n: Node, new: Any) -> Any:
        columns = _like_parts(n, uses) if n.fn is onp.concatenate else None
        if columns is None:
            return None
        axis = n.kwargs.get("axis", 0)
        operands = [_put_together(b, list(map(new, column)), axis) for column in columns]
        return b.call(n.args[0][0].fn, *operands)

    return rewritten(program, remake)


def _put_together(b: Builder, column: list[Any], axis: int) -> Any:
    return column[0] if _is_number(column) else b.call(onp.concatenate, column, axis=axis)


def _is_number(column: list[Any]) -> bool:
    """Say whether a column is one number, the same in every call."""
    return shape_of(column[0]) == () and all(key_of(x) == key_of(column[0]) for x in column)


def _like_parts(n: Node, uses: dict[Any, int]) -> Any:
    """Return the columns of operands of calls that are put together; None if joining them does not pay."""
    if len(n.args) != 1 or n.kwargs.keys() - {"axis"} or type(n.args[0]) not in (list, tuple):
        return None
    if n.nbytes > _MOST or type(n.kwargs.get("axis", 0)) is not int or not is_float(n):
        return None
    parts = n.args[0]
    first = parts[0]
    if type(first) is not Node or first.fn not in ELEMENTWISE:
        return None
    for x in parts:
        alike = type(x) is Node and x.fn is first.fn and len(x.args) == len(first.args)
        if not alike or x.kwargs or x.dtype != n.dtype or uses[x] != 1:
            return None
    columns = [list(column) for column in zip(*(x.args for x in parts), strict=True)]
    wide = [column for column in columns if not _is_number(column)]
    if len(wide) >= len(parts) or not wide:
        return None
    fits = all(
        type(a) is Node and a.is_array and a.shape == x.shape and a.dtype == n.dtype
        for column in wide
        for a, x in zip(column, parts, strict=True)
    )
    return columns if fits else None

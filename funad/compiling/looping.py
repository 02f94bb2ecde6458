"""A loop as source: ``for`` over the rows of arrays, of which some are read and some are written."""

from __future__ import annotations

from typing import Any

import numpy as onp

from .loops import Loop
from .memory import ELEMENTS, Memory
from .program import Node

__all__ = ["write_loop"]

_ROWS = frozenset("fciub")


def write_loop(e: Any, n: Node) -> list[str]:
    """Write a loop and return the names of what it returns."""
    loop: Loop = n.fn  # type: ignore[assignment]
    body = loop.body
    first, scanned, invariants = n.args
    carried = body.inputs[: loop.carried]
    rows = body.inputs[loop.carried : loop.carried + loop.scanned]
    kept, names = dict(e.names), e.names
    scalars = e.scalars_of(body, is_body=True)
    python = scalars.inside
    for x, value in zip(body.inputs[loop.carried + loop.scanned :], invariants, strict=True):
        names[x] = e.text(value)
        if x in python and x.type is onp.float64:
            names[x] = e.fresh(x.name or "x")
            e.lines.append(f"{names[x]} = float({e.text(value)})")
    starts = [
        f"float({e.text(x)})" if c in python else e.text(x) for c, x in zip(carried, first, strict=True)
    ]
    for c, text in zip(carried, starts, strict=True):
        names[c] = e.fresh(c.name or "x")
        e.lines.append(f"{names[c]} = {text}")
    targets = [_iterable(e, x, value, python) for x, value in zip(rows, scanned, strict=True)]
    for x in rows:
        names[x] = e.fresh(x.name or "x")
    header = [(names[x], text) for x, text in zip(rows, targets, strict=True)]
    memory = Memory(body)
    stored = [_Stored(e, x, loop.count, memory, set(body.inputs)) for x in loop.stored]
    header += [(s.row, s.name) for s in stored if s.row]
    e.lines.append(_for(header, loop.count))
    outside, e.lines = e.lines, []
    e.write(body, memory, scalars)
    for s in stored:
        s.keep()
    _carry(e, carried, body.outputs, python)
    outside += [f"    {line}" for line in e.lines or ["pass"]]
    e.lines = outside
    for s in stored:
        s.finish()
    for c in carried:
        if c in python and c.type is onp.float64:
            e.lines.append(f"{names[c]} = {as_float64(e)}({names[c]})")
    found = [names[c] for c in carried] + [s.name for s in stored]
    names.clear()
    names.update(kept)
    return found


def _for(header: list[tuple[str, str]], count: int) -> str:
    if not header:
        return f"for _ in range({count}):"
    parts = [text for _, text in header]
    over = parts[0] if len(parts) == 1 else f"zip({', '.join(parts)})"
    return f"for {', '.join(name for name, _ in header)} in {over}:"


def as_float64(e: Any) -> str:
    """Return the name of NumPy's class of numbers."""
    return str(e.constant(onp.float64, "as_float64", ("class", onp.float64)))


def _iterable(e: Any, x: Node, value: Any, python: set[Node]) -> str:
    """Return what gives a value for each step: rows of an array, Python numbers, or parts of a tuple."""
    if type(value) is tuple:
        constants = not any(type(part) is Node for part in value)
        return str(e.constant(value, "each", ("each", id(value))) if constants else e.text(value))
    text = e.text(value)
    return f"{text}.tolist()" if x.type is float or x in python else text


def _carry(e: Any, carried: list[Node], outputs: list[Any], python: set[Node]) -> None:
    """Write what is handed on to the next step, all at once."""
    pairs = [
        (e.names[c], f"{as_float64(e)}({e.text(x)})" if _is_mixed(c, x, python) else e.text(x))
        for c, x in zip(carried, outputs, strict=False)
    ]
    pairs = [(name, text) for name, text in pairs if name != text]
    if pairs:
        e.lines.append(f"{', '.join(name for name, _ in pairs)} = {', '.join(text for _, text in pairs)}")


def _is_mixed(c: Node, x: Any, python: set[Node]) -> bool:
    """Say whether Python's number would be handed on as one of NumPy's."""
    return type(x) is Node and x in python and c not in python


class _Stored:
    """One value that is kept for all steps: in the row of an array that it is written into, or in a list."""

    def __init__(self, e: Any, x: Node, count: int, memory: Memory, inputs: set[Node]) -> None:
        self.e, self.x, self.row = e, x, ""
        self.name = e.fresh(f"{x.name or 't'}_all")
        if x.shape and x.dtype.kind in _ROWS:
            self.row = e.fresh(f"{x.name or 't'}_row")
            e.lines.append(
                f"{self.name} = {e.function(onp.empty)}({(count, *x.shape)!r}, {e.dtype(x.dtype)})"
            )
            if x not in inputs and writes_into_rows(x) and x not in memory.rows:
                memory.rows[x] = self.row
        else:
            e.lines.append(f"{self.name} = []")

    def keep(self) -> None:
        """Write what puts the value of this step into its place."""
        text = self.e.names[self.x]
        if not self.row:
            self.e.lines.append(f"{self.name}.append({text})")
        elif text != self.row:
            self.e.lines.append(f"{self.row}[...] = {text}")

    def finish(self) -> None:
        """Write what makes an array of a list."""
        if not self.row:
            self.e.lines.append(
                f"{self.name} = {self.e.function(onp.array)}({self.name}, {self.e.dtype(self.x.dtype)})"
            )


def writes_into_rows(x: Node) -> bool:
    """Say whether a call can write its result into a row that is given."""
    if x.dtype.kind != "f":
        return False
    if x.fn is onp.concatenate:
        return x.kwargs.keys() <= {"axis"} and type(x.kwargs.get("axis", 0)) is int
    if x.kwargs:
        return False
    if x.fn is onp.dot:
        return all(type(a) is Node and a.dtype == x.dtype for a in x.args)
    return x.fn in ELEMENTS

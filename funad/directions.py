"""Which way the values on a tape move when its inputs move along a line: what tells kinks apart.

Two kinks are told apart by how fast they open, as |t| and |2t| are, and one whose argument is flat, as
max(t², 0), by how that argument curves. Plain numbers, found when a kink is met, from the tape so far.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as onp

from .boxes import Traced, unbox
from .dual import Forward, dual, quietly, tangent_of
from .spaces import dtype_of, shape_of, zeros_like
from .tape import OUTPUT, WIDTH, Tape, as_call

__all__ = ["Directions"]


class Directions:
    """The first and second derivatives along a line of what stands on one tape."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.slots: dict[int, Any] = {}  # an index: (ẋ, ẍ), or a tuple of them for several outputs
        self.done = tape.inputs + 1
        self.line = Forward()
        self.run = quietly()

    def of(self, x: Any) -> tuple[Any, Any]:
        """Return ẋ and ẍ of a value on the tape; 0 for one that does not move."""
        entries = self.tape.entries
        for start in range(self.done, len(entries), WIDTH):
            if start + WIDTH - 1 not in self.slots:
                self.slots[start + WIDTH - 1] = self._step(*entries[start : start + WIDTH - 1])
        self.done = len(entries)
        if x.index <= self.tape.inputs:
            return self._of_input(x.index, x.value)
        return self.slots[x.index] or (0.0, 0.0)

    def put(self, x: Any, xdot: Any, xddot: Any) -> None:
        """Say what those of a value are."""
        self.slots[x.index] = xdot, xddot

    def _of_input(self, index: int, x: Any) -> tuple[Any, Any]:
        if index not in self.slots:
            count = onp.arange(math.prod(shape_of(x)), dtype=float).reshape(shape_of(x))
            xdot: Any = 1 + onp.sin(2.3 * count + index) / 2
            if dtype_of(x).kind == "c":
                xdot = xdot + 1j * onp.cos(3.1 * count + index)
            self.slots[index] = xdot.astype(dtype_of(x))[()], zeros_like(x)
        found: tuple[Any, Any] = self.slots[index]
        return found

    def _source(self, source: Any, x: Any) -> Any:
        if type(source) is tuple:
            found = [self._source(part, value) for part, value in zip(source, x, strict=True)]
            return found if any(part is not None for part in found) else None
        if not source:
            return None
        return self._of_input(source, x) if source <= self.tape.inputs else self.slots.get(source)

    def _step(self, record: Any, y: Any, a: Any, b: Any, source_a: Any, source_b: Any) -> Any:
        """Return (ẏ, ÿ) of one call, or None where nothing moves it that is known."""
        if record is OUTPUT:
            found = self.slots.get(source_b)
            return None if found is None else found[a]
        args, kwargs, sources = as_call(a, b, source_a, source_b)
        args, kwargs = [_plain(x) for x in args], {name: _plain(x) for name, x in kwargs.items()}
        y = _plain(y)
        known = []
        for n, source in sources:
            found = self._source(source, args[n] if type(n) is int else kwargs[n])
            if found is not None:
                known.append((n, found))
        if not known:
            return None
        try:
            with onp.errstate(all="ignore"):
                return self._along(record, y, args, kwargs, known)
        except Exception:  # nothing is known then
            return onp.nan, onp.nan

    def _along(self, record: Any, y: Any, args: Any, kwargs: Any, known: Any) -> Any:
        ydot = tangent_of(record, y, args, kwargs, [(n, _part(found, 0)) for n, found in known], self.run)
        args, kwargs = list(args), dict(kwargs)
        for n, found in known:
            if type(n) is int:
                args[n] = self._moving(args[n], found)
            else:
                kwargs[n] = self._moving(kwargs[n], found)
        velocities = [(n, self._velocity(found)) for n, found in known]
        both = tangent_of(record, self._output(y, ydot), args, kwargs, velocities, self.run)
        if isinstance(y, (tuple, list)):
            return tuple(
                None if part is None else (part, getattr(second, "tangent", 0.0))
                for part, second in zip(ydot, both, strict=True)
            )
        return ydot, getattr(both, "tangent", 0.0)

    def _moving(self, x: Any, found: Any) -> Any:
        """Return x + ẋt."""
        if type(found) is list:
            return [
                part if dot is None else self._moving(part, dot) for part, dot in zip(x, found, strict=True)
            ]
        return dual(self.line, x, found[0])

    def _velocity(self, found: Any) -> Any:
        """Return ẋ + ẍt."""
        if type(found) is list:
            return [None if dot is None else self._velocity(dot) for dot in found]
        return dual(self.line, *found)

    def _output(self, y: Any, ydot: Any) -> Any:
        if not isinstance(y, (tuple, list)):
            return y if y is None else dual(self.line, y, ydot)
        return tuple(
            part if dot is None else dual(self.line, part, dot) for part, dot in zip(y, ydot, strict=True)
        )


def _part(found: Any, n: int) -> Any:
    if type(found) is list:
        return [None if part is None else part[n] for part in found]
    return found[n]


def _plain(x: Any) -> Any:
    """Return an argument without the boxes of outer traces."""
    if type(x) in (list, tuple):
        return type(x)(map(_plain, x))
    return unbox(x) if isinstance(x, Traced) else x

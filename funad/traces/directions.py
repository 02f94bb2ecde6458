"""Which way the values on a tape move when its inputs move along a line: what tells kinks apart.

Two kinks are told apart by how fast they open, as |t| and |2t| are, and one whose argument is flat, as
max(t², 0), by how that argument curves. Roots of what is flatter are told apart by their values beside:
√x⁶ vanishes faster than t², √x⁴ does not. Plain numbers, found when a kink is met, from the tape so far.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as onp

from ..boxes import Dual, Traced
from ..spaces import shed_kinks_of_derivative, zeros_like
from ..values import constant, dtype_of, shape_of
from .forward import Forward, dual, quietly, tangent_of
from .reverse import OUTPUT, WIDTH, Tape, as_call

__all__ = ["Beside", "Directions", "vanish"]


class Directions:
    """The first two derivatives along a line of what stands on one tape."""

    def __init__(self, tape: Tape, turn: float = 0.0) -> None:
        self.tape = tape
        self.turn = turn  # another number is another line
        self.slots: dict[int, Any] = {}  # an index: (ẋ, ẍ), or a tuple of them for several outputs
        self.line = Forward()
        self.run = quietly()
        self.places: dict[float, Beside] = {}

    def of(self, x: Any) -> Any:
        """Return ẋ and ẍ of a value on the tape; 0 for one that does not move."""
        if x.index <= self.tape.inputs:
            return self._of_input(x.index, x.primal)
        entries, inputs, waiting = self.tape.entries, self.tape.inputs, [x.index]
        while waiting:  # for what x depends on, and for nothing else
            index = waiting[-1]
            start = index - WIDTH + 1
            prim, y, a, b, source_a, source_b = entries[start:index]
            missing = [n for n in _sources(source_a, source_b) if n > inputs and n not in self.slots]
            waiting += missing
            if not missing:
                waiting.pop()
                if index not in self.slots:
                    self.slots[index] = self._step(prim, y, a, b, source_a, source_b)
        found: Any = self.slots[x.index] or (0.0,) * _ORDER
        return found

    def beside(self, step: float) -> Beside:
        """Return how far the values move with a step along the line."""
        if step not in self.places:
            self.places[step] = Beside(self.tape, step)
        return self.places[step]

    def quotients(self, root: Any, x: Any, order: int) -> list[Any]:
        """Return what a root of x grows by, divided by a power of the step: two steps ahead, two behind."""
        far = _FAR[dtype_of(x).itemsize]
        with onp.errstate(all="ignore"):
            here = constant(x)
            return [
                (root(here + self.beside(step).of(x)[0]) - root(here)) / step**order
                for step in (far, far / 16, -far, -far / 16)
            ]

    def put(self, x: Any, xdot: Any, xddot: Any) -> None:
        """Say what those of a value are."""
        self.slots[x.index] = xdot, xddot

    def _of_input(self, index: int, x: Any) -> tuple[Any, ...]:
        if index not in self.slots:
            self.slots[index] = self._at_input(self._along_input(index, x), x)
        found: tuple[Any, ...] = self.slots[index]
        return found

    def _at_input(self, xdot: Any, x: Any) -> tuple[Any, ...]:
        """Return what stands in the slot of an input."""
        return xdot, zeros_like(x)

    def _along_input(self, index: int, x: Any) -> Any:
        """Return ẋ of an input."""
        count = onp.arange(math.prod(shape_of(x)), dtype=float).reshape(shape_of(x))
        xdot: Any = 1 + onp.sin(2.3 * count + index + self.turn * (1 + count)) / 2
        if dtype_of(x).kind == "c":
            xdot = xdot + 1j * onp.cos(3.1 * count + index)
        return xdot.astype(dtype_of(x))[()]

    def _source(self, source: Any, x: Any) -> Any:
        if type(source) is tuple:
            found = [self._source(part, value) for part, value in zip(source, x, strict=True)]
            return found if any(part is not None for part in found) else None
        if not source:
            return None
        return self._of_input(source, x) if source <= self.tape.inputs else self.slots.get(source)

    def _step(self, prim: Any, y: Any, a: Any, b: Any, source_a: Any, source_b: Any) -> Any:
        """Return (ẏ, ÿ) of one call, or None where nothing moves it that is known."""
        if prim is OUTPUT:
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
                return self._along(prim, y, args, kwargs, known)
        except Exception:  # nothing is known then
            unknown = (onp.nan,) * _ORDER
            return (unknown,) * len(y) if isinstance(y, (tuple, list)) else unknown

    def _along(self, prim: Any, y: Any, args: Any, kwargs: Any, known: Any) -> Any:
        several = isinstance(y, (tuple, list))
        jets: list[Any] = [[part] for part in y] if several else [[y]]
        for n in range(_ORDER):
            moving, named = list(args), dict(kwargs)
            for name, found in known:
                if type(name) is int:
                    moving[name] = self._moving(args[name], found, n)
                else:
                    named[name] = self._moving(kwargs[name], found, n)
            velocities = [(name, self._velocity(found, n)) for name, found in known]
            outputs = [None if jet is None or jet[0] is None else self._nested(jet, n) for jet in jets]
            ydot = tangent_of(
                prim, tuple(outputs) if several else outputs[0], moving, named, velocities, self.run
            )
            for k, part in enumerate(ydot if several else (ydot,)):
                jets[k] = None if part is None or jets[k] is None else [*jets[k], self._last(part, n)]
        found = tuple(None if jet is None else tuple(jet[1:]) for jet in jets)
        return found if several else found[0]

    def _nested(self, jet: Any, n: int) -> Any:
        """Return what moves so along the line: the value, or for n = 1 the dual number x + ẋt."""
        return jet[0] if n == 0 else dual(self.line, jet[0], jet[1])

    def _last(self, x: Any, n: int) -> Any:
        """Return the n-th derivative of what moves so."""
        if n == 0:
            return x
        x = shed_kinks_of_derivative(x)
        return x.index if type(x) is Dual and x.tape is self.line else 0.0

    def _moving(self, x: Any, found: Any, n: int) -> Any:
        """Return an argument that moves along the line."""
        if type(found) is list:
            pairs = zip(x, found, strict=True)
            return [part if dots is None else self._moving(part, dots, n) for part, dots in pairs]
        return self._nested([x, *found[:n]], n)

    def _velocity(self, found: Any, n: int) -> Any:
        """Return how fast it moves."""
        if type(found) is list:
            return [None if dots is None else self._velocity(dots, n) for dots in found]
        return self._nested(found[: n + 1], n)


class Beside(Directions):
    """How far the values on a tape move with a step of its inputs along the line, each in a tuple of one."""

    def __init__(self, tape: Tape, step: float, line: list[Any] | None = None) -> None:
        super().__init__(tape)
        self.step = step
        self.line_of_inputs = line

    def _along_input(self, index: int, x: Any) -> Any:
        line = self.line_of_inputs
        return super()._along_input(index, x) if line is None else constant(line[index - 1])

    def _at_input(self, xdot: Any, x: Any) -> tuple[Any, ...]:
        return (self.step * xdot,)

    def _along(self, prim: Any, y: Any, args: Any, kwargs: Any, known: Any) -> Any:
        moves = [(name, self._velocity(found, 0)) for name, found in known]
        if prim.kind == "linear" and len(moves) == 1:  # the tape may have let go of the rest
            found = tangent_of(prim, y, args, kwargs, moves)
        else:
            moved, named = list(args), dict(kwargs)
            for name, move in moves:
                into: Any = moved if type(name) is int else named
                into[name] = _plus(into[name], move)
            found = _minus(prim.traced(*moved, **named), prim.traced(*args, **kwargs))
        return tuple((part,) for part in found) if isinstance(found, (tuple, list)) else (found,)


def _plus(x: Any, move: Any) -> Any:
    if type(move) is not list:
        return x + move
    return [part if step is None else part + step for part, step in zip(x, move, strict=True)]


def _minus(a: Any, b: Any) -> Any:
    return [x - y for x, y in zip(a, b, strict=True)] if isinstance(a, (tuple, list)) else a - b


# How many derivatives there are; and how far away a root is looked at, by the digits there are.
_ORDER = 2
_FAR = {8: 2.0**-12, 4: 2.0**-6}


def vanish(far: Any, near: Any) -> Any:
    """Say where quotients tend to 0, or are none on this side. One that is 0 at once has lost its digits."""
    rests = onp.equal(far, 0) & onp.equal(near, 0)
    return rests | onp.isnan(near) | (onp.not_equal(near, 0) & (onp.abs(near) <= 0.7 * onp.abs(far)))


def _sources(source_a: Any, source_b: Any) -> Any:
    """Iterate over the places that an entry of any form reads; 0 stands for a constant."""
    if type(source_b) is not tuple:
        yield from (source_a or 0, source_b or 0)
        return
    for _, source in source_b:
        yield from source if type(source) is tuple else (source,)


def _plain(x: Any) -> Any:
    """Return an argument without the boxes of outer traces."""
    if type(x) in (list, tuple):
        return type(x)(map(_plain, x))
    return constant(x) if isinstance(x, Traced) else x

"""Which way the values on a tape move when its inputs move along a line: what tells kinks apart.

Two kinks are told apart by how fast they open, as |t| and |2t| are, and one whose argument is flat, as
max(t², 0), by how that argument curves. Plain numbers, found when a kink is met, from the tape so far.
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

__all__ = ["Directions"]


class Directions:
    """The derivatives along a line of what stands on one tape: the first two, or as many as are asked for."""

    def __init__(self, tape: Tape, order: int = 2, turn: float = 0.0) -> None:
        self.tape = tape
        self.turn = turn  # another number is another line
        self.order = order
        self.slots: dict[int, Any] = {}  # an index: (ẋ, ẍ), or a tuple of them for several outputs
        self.lines = [Forward() for _ in range(order - 1)]
        self.run = quietly()
        self.given: set[int] = set()
        self.longer: dict[int, Directions] = {}

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
        found: Any = self.slots[x.index] or (0.0,) * self.order
        return found

    def up_to(self, order: int, x: Any) -> Any:
        """Return the first derivatives, up to this order: they take 2ⁿ runs of each rule."""
        if order not in self.longer:
            self.longer[order] = Directions(self.tape, order)
        longer = self.longer[order]
        for index in self.given:
            longer.slots[index] = (*self.slots[index], *(0.0,) * (order - 2))
        return longer.of(x)

    def put(self, x: Any, xdot: Any, xddot: Any) -> None:
        """Say what those of a value are."""
        self.slots[x.index] = xdot, xddot
        self.given.add(x.index)

    def _of_input(self, index: int, x: Any) -> tuple[Any, Any]:
        if index not in self.slots:
            count = onp.arange(math.prod(shape_of(x)), dtype=float).reshape(shape_of(x))
            xdot: Any = 1 + onp.sin(2.3 * count + index + self.turn * (1 + count)) / 2
            if dtype_of(x).kind == "c":
                xdot = xdot + 1j * onp.cos(3.1 * count + index)
            self.slots[index] = xdot.astype(dtype_of(x))[()], *(zeros_like(x),) * (self.order - 1)
        found: tuple[Any, Any] = self.slots[index]
        return found

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
            unknown = (onp.nan,) * self.order
            return (unknown,) * len(y) if isinstance(y, (tuple, list)) else unknown

    def _along(self, prim: Any, y: Any, args: Any, kwargs: Any, known: Any) -> Any:
        several = isinstance(y, (tuple, list))
        jets: list[Any] = [[part] for part in y] if several else [[y]]
        for n in range(self.order):
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
        """Return what moves so along the line as n dual numbers, one in the other: x + ẋt for n = 1."""
        if n == 0:
            return jet[0]
        return dual(self.lines[n - 1], self._nested(jet[:-1], n - 1), self._nested(jet[1:], n - 1))

    def _last(self, x: Any, n: int) -> Any:
        """Return the n-th derivative of n dual numbers, one in the other."""
        while n:
            n -= 1
            x = shed_kinks_of_derivative(x)
            if type(x) is not Dual or x.tape is not self.lines[n]:
                return 0.0
            x = x.index
        return x

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

"""Which way the values on a tape move when its inputs move along a line: what tells kinks apart.

Two kinks are told apart by how fast they open, as |t| and |2t| are, and one whose argument is flat, as
max(t², 0), by how that argument curves. Roots of what is flatter are told apart by their values beside:
√x⁶ vanishes faster than t², √x⁴ does not. All are plain numbers, found from the tape when a kink is met.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as onp

from ..boxes import Dual, Traced
from ..spaces import shed_kinks_of_derivative, zeros_like
from ..values import constant, dtype_of, shape_of
from .forward import Forward, dual, quietly, tangent_of
from .reverse import OUTPUT, WIDTH, Apart, as_call, slots_of

__all__ = ["Beside", "Directions"]


class Line:
    """What is known of the values on a tape whose inputs move along a line: a tuple of numbers for each.

    Of a list of values, or of a call with several outputs, such a tuple has lists in the places of numbers.
    """

    unknown: tuple[Any, ...]
    _of_input: Callable[[int, Any], tuple[Any, ...]]
    _of_call: Callable[..., tuple[Any, ...]]  # of y, made of the arguments in pairs (argument, known)

    def __init__(self, entries: list[Any], inputs: int) -> None:
        self.entries, self.inputs = entries.before if type(entries) is Apart else entries, inputs
        self.slots: dict[int, Any] = {}  # by the index on the tape; None for what rests

    def of(self, x: Any) -> Any:
        """Return what is known of a value on the tape: zeros for one that rests."""
        entries, inputs, waiting = self.entries, self.inputs, [x.index]
        if x.index >= len(entries):  # recorded apart, as in a solver, or on a tape that is over
            return self.unknown
        if x.index <= inputs:
            return self._of_source(x.index, x.primal)
        while waiting:  # for what x depends on, and for nothing else
            index = waiting[-1]
            entry = entries[index - WIDTH + 1 : index]
            missing = [n for n in slots_of(*entry[-2:]) if n > inputs and n not in self.slots]
            waiting += missing
            if not missing:
                waiting.pop()
                if index not in self.slots:
                    self.slots[index] = self._of_entry(*entry)
        return self.slots[x.index] or (0.0,) * len(self.unknown)

    def _of_source(self, source: Any, x: Any) -> Any:
        """Return what is known of an argument, from its source; None if it rests."""
        if type(source) is tuple:
            parts = [self._of_source(part, value) for part, value in zip(source, x, strict=True)]
            if all(part is None for part in parts):
                return None
            return tuple([part and part[n] for part in parts] for n in range(len(self.unknown)))
        if 0 < source <= self.inputs and source not in self.slots:
            self.slots[source] = self._of_input(source, x)
        return self.slots.get(source)

    def _of_entry(self, prim: Any, y: Any, a: Any, b: Any, source_a: Any, source_b: Any) -> Any:
        """Return what is known of the result of one call, or None if it rests."""
        if prim is OUTPUT:
            parts = self.slots[source_b]
            return parts and tuple(part[a] for part in parts)
        args, kwargs, sources = as_call(a, b, source_a, source_b)
        y, args, kwargs = (
            _plain(y),
            [_plain(x) for x in args],
            {name: _plain(x) for name, x in kwargs.items()},
        )
        known = [
            (n, self._of_source(source, (args if type(n) is int else kwargs)[n])) for n, source in sources
        ]
        given = [(n, part) for n, part in known if part is not None]
        if not given:
            return None
        try:
            with onp.errstate(all="ignore"):
                found: Any = self._of_call(prim, y, args, kwargs, given)
        except Exception:  # nothing is known then
            several = isinstance(y, (tuple, list))
            found = tuple([x] * len(y) for x in self.unknown) if several else self.unknown
        return found


class Directions(Line):
    """The first two derivatives along a line, ẋ and ẍ, of what stands on one tape."""

    unknown = (onp.nan, onp.nan)

    def __init__(
        self, entries: list[Any], inputs: int, turn: float = 0.0, xdots: list[Any] | None = None
    ) -> None:
        super().__init__(entries, inputs)
        self.xdots = xdots
        self.turn = turn  # another number is another line
        self.trace = Forward()
        self.run = quietly()
        self.places: dict[float, Beside] = {}

    def put(self, x: Any, xdot: Any, xddot: Any) -> None:
        """Say what those of a value are."""
        self.slots[x.index] = xdot, xddot

    def beside(self, step: float) -> Beside:
        """Return how far the values move with a step along the line."""
        if step not in self.places:
            self.places[step] = Beside(self.entries, self.inputs, step, self.velocity)
        return self.places[step]

    def growth(self, root: Callable[[Any], Any], x: Any, order: int) -> tuple[Any, Any, Any]:
        """Return how fast a root of x grows ahead and behind, and where it does so slower than a power.

        It is compared with |t| to the power ``order``, at two distances t on each side. A root that is 0 at
        the nearer one has lost its digits there.
        """
        step = _FAR[dtype_of(x).itemsize]
        sides, vanishes = [], onp.True_
        with onp.errstate(all="ignore"):
            here = constant(x)
            for t in (step, -step):
                far, near = (
                    (root(here + self.beside(part).of(x)[0]) - root(here)) / part**order
                    for part in (t, t / 16)
                )
                rests = onp.equal(far, 0) & onp.equal(near, 0)
                falls = onp.not_equal(near, 0) & (onp.abs(near) <= 0.7 * onp.abs(far))
                vanishes = vanishes & (rests | falls | onp.isnan(near))
                sides.append(onp.where(onp.equal(near, 0), far, near))
        return sides[0], sides[1], vanishes

    def velocity(self, index: int, x: Any) -> Any:
        """Return ẋ of an input."""
        if self.xdots is not None:
            return constant(self.xdots[index - 1])
        count = onp.arange(math.prod(shape_of(x)), dtype=float).reshape(shape_of(x))
        xdot: Any = 1 + onp.sin(2.3 * count + index + self.turn * (1 + count)) / 2
        if dtype_of(x).kind == "c":
            xdot = xdot + 1j * onp.cos(3.1 * count + index)
        return xdot.astype(dtype_of(x))[()]

    def _of_input(self, index: int, x: Any) -> tuple[Any, ...]:
        return self.velocity(index, x), zeros_like(x)

    def _of_call(self, prim: Any, y: Any, args: Any, kwargs: Any, given: Any) -> tuple[Any, ...]:
        """ẏ by the rule, and ÿ as the tangent of ẏ where all that it is made of moves on."""
        ydot = tangent_of(prim, y, args, kwargs, [(n, xdot) for n, (xdot, _) in given], self.run)
        moved = _replaced(args, kwargs, [(n, xdot) for n, (xdot, _) in given], self._moving)
        speeds = [(n, _each(self._moving, *dots)) for n, dots in given]
        again = tangent_of(prim, _each(self._moving, y, ydot), *moved, speeds, self.run)
        return ydot, _each(self._tangent, again)

    def _moving(self, x: Any, xdot: Any) -> Any:
        return x if x is None or xdot is None else dual(self.trace, x, xdot)

    def _tangent(self, x: Any) -> Any:
        x = shed_kinks_of_derivative(x)
        return x.tangent if type(x) is Dual and x.tape is self.trace else 0.0


class Beside(Line):
    """How far the values on a tape move with a step of its inputs; ``velocity(index, x)`` is that of one."""

    unknown = (onp.nan,)

    def __init__(
        self, entries: list[Any], inputs: int, step: float, velocity: Callable[[int, Any], Any]
    ) -> None:
        super().__init__(entries, inputs)
        self.step, self.velocity = step, velocity

    def _of_input(self, index: int, x: Any) -> tuple[Any, ...]:
        return (self.step * self.velocity(index, x),)

    def _of_call(self, prim: Any, y: Any, args: Any, kwargs: Any, given: Any) -> tuple[Any, ...]:
        moves = [(n, move) for n, (move,) in given]
        if prim.kind == "linear" and len(moves) == 1:  # the tape may have let go of the rest
            return (tangent_of(prim, y, args, kwargs, moves),)
        args_beside, kwargs_beside = _replaced(args, kwargs, moves, _plus)
        return (
            _each(operator.sub, prim.traced(*args_beside, **kwargs_beside), prim.traced(*args, **kwargs)),
        )


def _plus(x: Any, move: Any) -> Any:
    return x if move is None else x + move


# How far away roots are looked at, by the digits there are.
_FAR = {8: 2.0**-12, 4: 2.0**-6}


def _replaced(args: Any, kwargs: Any, pairs: Any, f: Any) -> tuple[Any, Any]:
    """Return args and kwargs with f(x, part) in the places of the arguments x that pairs are given for."""
    args, kwargs = list(args), dict(kwargs)
    for n, part in pairs:
        into: Any = args if type(n) is int else kwargs
        into[n] = _each(f, into[n], part)
    return args, kwargs


def _each(f: Any, x: Any, *others: Any) -> Any:
    """Return f of numbers, or the list of f of their parts."""
    return list(map(f, x, *others)) if isinstance(x, (list, tuple)) else f(x, *others)


def _plain(x: Any) -> Any:
    """Return an argument without the boxes of outer traces."""
    if type(x) in (list, tuple):
        return type(x)(map(_plain, x))
    return constant(x) if isinstance(x, Traced) else x

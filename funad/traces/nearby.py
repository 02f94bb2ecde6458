"""What a first derivative tends to where a root of infinite slope has met a zero.

√x at 0 has an infinite slope. Times a cotangent of zero that is 0: a strong zero. So it is right if the zero
is one of a mask, of a constant, or of a value without roots, all of which vanish faster than the slope grows.
A zero that depends on such a root itself vanishes as fast: in (√x)² = x, 2√x·1/(2√x) is 1. So a root at a
zero that moves carries, beside its value, what it is at three points nearby, in the traces that are here;
what is computed from it carries them on. The derivative is the number that these tend to, and nan where they
tend to none.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as onp

from ..boxes import Dual, Traced, innermost
from ..calling import NEARBY, call
from ..registry import Primitive
from ..values import constant, dtype_of, shape_of
from .directions import Directions
from .forward import Forward, dual
from .infinitesimal import Product, infinitesimals_of
from .reverse import APART, OUTPUT, WIDTH, Tape, as_call
from .strong_zeros import HERE, run_quietly, run_strongly

__all__ = ["moved_aside", "tends_to"]


class Nearby(Product):
    """The trace of a point nearby: of a number it has the value at the zero, and the one there."""

    __slots__ = ("both_sides",)

    both_sides: bool

    def call(self, prim: Any, args: Any, kwargs: Any, run: Any) -> Any:
        """Call the function at both points."""
        if prim is HERE:
            mask, mended, xbar = args
            return self.of_both(HERE.traced(mask, self.here(mended), self.here(xbar)), self.there(xbar))
        y, there = (
            prim.traced(*map(at, args), **{name: at(x) for name, x in kwargs.items()})
            for at in (self.here, self.there)
        )
        return self.of_both(y, there)

    def leave(self, xbar: Any) -> Any:
        """Return what a derivative tends to, as this trace is the last of the three."""
        numbers = [constant(xbar.tangent)]
        while isinstance(xbar.primal, Traced) and type(xbar.primal.tape) is Nearby:
            xbar = xbar.primal
            numbers.append(constant(xbar.tangent))
        far, near, nearest = [*numbers[::-1], *numbers[:1] * 2][:3]
        return tends_to(constant(xbar.primal), far, near, nearest, xbar.tape.both_sides)


# How far away the points are, in units of what moves: the first two to see how fast a number grows or
# vanishes, the last for its digits.
_STEPS = {8: (2.0**-26, 2.0**-34, 2.0**-400), 4: (2.0**-20, 2.0**-26, 2.0**-90)}
# A number that vanishes as the tenth power of the distance, or grows so, is seen to.
_FASTER = 0.6


def tends_to(value: Any, far: Any, near: Any, nearest: Any, both_sides: bool = False) -> Any:
    """Return the limit of what three numbers, at points on their way to a zero, tend to.

    Two of the points are in one direction and the last is in another: where the numbers depend on it there
    is no derivative. ``value`` is what strong zeros make of it.
    """
    with onp.errstate(all="ignore"):
        a, b, c = (onp.abs(x - value) for x in (far, near, nearest))
        kept = ~onp.isfinite(value) | ((b <= _FASTER * a) & (c <= _FASTER * b))
        found = onp.abs(near - nearest) <= 0.02 * onp.abs(nearest)
        grows = (b * _FASTER >= a) & (c * _FASTER >= b)
        # Where both sides count, one may have -∞ and the other ∞.
        kept |= grows if both_sides else grows & (onp.sign(near) != onp.sign(nearest))
        limit = onp.where(found, nearest, onp.where(grows, onp.copysign(onp.inf, nearest), onp.nan))
        return onp.where(kept, value, limit).astype(dtype_of(value))[()]


class _Neighbours:
    """The traces of one transformation, and the second direction in which its inputs move."""

    def __init__(self, trace: Any) -> None:
        self.traces = [Nearby(trace.level - 0.3 - part / 16) for part in range(3)]
        for nearby in self.traces:
            nearby.both_sides = True  # until a root has met a zero that has but one
        self.across = Directions(trace, turn=1.7) if isinstance(trace, Tape) else None

    def speeds(self, x: Any) -> Any:
        """Return how fast x, of the transformation, moves in one direction and in the other."""
        along = infinitesimals_of(x.tape).direction(x, x.tape)[0]
        return along, along if self.across is None else self.across.of(x)[0]

    def pair(self, entries: list[Any], inputs: int) -> None:
        """Have the rules on a tape that is over look at each point by itself, if they read such numbers."""
        for start in range(inputs + 1, len(entries), WIDTH):
            prim, y, a, b, source_a, source_b = entries[start : start + WIDTH - 1]
            if prim is OUTPUT or prim.kind not in ("elementwise", "vjp"):
                continue
            args, kwargs, _ = as_call(a, b, source_a, source_b)
            if innermost_nearby((y, *args, *kwargs.values())) is not None:
                entries[start] = _paired(prim)


def _paired(prim: Primitive) -> Primitive:
    """Return the primitive with rules that are run at each point by itself."""

    def paired(argnum: Any) -> Any:
        base = prim.rules[argnum]

        def rule(y: Any, ybar: Any, *args: Any, **kwargs: Any) -> Any:
            trace = innermost_nearby((y, ybar, *args))
            if trace is not None:
                return trace.both(functools.partial(rule, **kwargs), (y, ybar, *args))
            if prim.kind == "elementwise":
                return run_strongly(prim, base, kwargs, y, ybar, *args)
            return run_quietly(base, kwargs, y, ybar, *args)

        return rule

    return prim.with_rules({argnum: paired(argnum) for argnum in prim.rules})


def innermost_nearby(xs: Any) -> Any:
    """Return the trace of a point nearby that numbers are of, if any is of one."""
    trace = innermost(xs)
    return trace if type(trace) is Nearby else None


def with_tangents_apart(prim: Primitive, args: Any, kwargs: Any) -> Any:
    """Return a call with kinks on dual numbers that have neighbours: at each point by itself. Or None."""
    duals = [x for x in args if type(x) is Dual and type(x.tape) is Forward]
    if not duals:
        return None
    nearby = innermost_nearby([part for x in duals for part in (x.primal, x.tangent)])
    if nearby is None:
        return None
    parts = []
    for at in (nearby.here, nearby.there):
        moved = [
            dual(x.tape, at(x.primal), at(x.tangent))
            if type(x) is Dual and type(x.tape) is Forward
            else at(x)
            for x in args
        ]
        y = call(prim.smooth, tuple(moved), kwargs)
        if type(y) is not Dual or y.tape is not duals[0].tape:
            return None
        parts.append(y)
    here, there = parts
    return dual(here.tape, *(nearby.of_both(getattr(here, name), getattr(there, name)) for name in _PARTS))


_PARTS = ("primal", "tangent")


def moved_aside(u: Any, at: Any, above: bool) -> Any:
    """Return u with what it is near those of its zeros ``at`` which the outermost transformation moves.

    ``above`` says that it is on the side above 0, on whatever side it goes to. Without such zeros, None.
    """
    x = u
    while isinstance(x.inside, Traced):
        x = x.inside
        if x.opaque or not x.tape.differentiates:
            return None
    if type(x.tape) is Tape and x.index >= APART:
        return None  # of a checkpoint, which is not on the tape before the way back
    small = infinitesimals_of(x.tape)
    if small.neighbours is None:
        small.neighbours = _Neighbours(x.tape)
    along, across = small.neighbours.speeds(x)
    moves = [onp.isfinite(speed) & onp.not_equal(speed, 0) for speed in (along, across)]
    at = at & moves[0] & moves[1]
    if not onp.any(at):
        return None
    kind = dtype_of(u)
    aside: Any = onp.zeros(shape_of(u), kind)[()]
    for trace, speed, size in zip(
        small.neighbours.traces[::-1], (along, along, across), _STEPS[kind.itemsize], strict=True
    ):
        trace.both_sides &= not above
        speed = onp.abs(speed) if above else speed
        place = onp.broadcast_to(onp.where(at, speed * size, 0), shape_of(u)).astype(kind)[()]
        aside = dual(trace, aside, place)
    return u + aside


NEARBY[:] = [with_tangents_apart]
HERE.traced = lambda mask, a, b: call(HERE, (mask, a, b), {})
HERE.add(
    "elementwise",
    {
        1: lambda y, ybar, mask, a, b: onp.where(mask, ybar, 0.0),
        2: lambda y, ybar, mask, a, b: HERE.traced(mask, 0.0, ybar),
    },
    False,
)

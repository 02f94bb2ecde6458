"""What a first derivative tends to where a root of infinite slope has met a zero.

√x at 0 has an infinite slope. Times a cotangent of zero that is 0: a strong zero. So it is right if the zero
is one of a mask, of a constant, or of a value without roots, all of which vanish faster than the slope grows.
A zero that depends on such a root itself vanishes as fast: in (√x)² = x, 2√x·1/(2√x) is 1. So a root at a
zero that moves carries, beside its value, what it is at four points nearby; what is computed from it carries
them on. The derivative is the number that these tend to, and nan where they tend to none.

A root of what is flat, as of x³ at 0, hands on 0 as well: its infinite slope meets one of 0. That is right
if the root is flat itself, as √x⁶ is, or has a corner, as √x² has. What it is on both sides of the point is
found from the tape: if it is steeper than that, its derivative is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp

from ..calling import call
from ..registry import Primitive
from ..values import constant, dtype_of, shape_of
from .directions import Directions
from .infinitesimal import Several, infinitesimals_of, outermost, unknown_at
from .reverse import APART, OUTPUT, WIDTH, Tape, as_call
from .strong_zeros import HERE, STEEP, run_quietly, run_strongly, several_of

__all__ = ["root_beside", "tends_to"]

# How far away the points are, in units of what moves: the first two to see how fast a number grows or
# vanishes, the third, in another direction, for its digits, and the last is on the other side.
_STEPS = {8: (2.0**-26, 2.0**-34, 2.0**-400, -(2.0**-34)), 4: (2.0**-20, 2.0**-26, 2.0**-90, -(2.0**-26))}
# Beside 1, where the digits of a float end.
_STEPS_AT_END = {
    8: (2.0**-26, 2.0**-34, 2.0**-44, -(2.0**-34)),
    4: (2.0**-14, 2.0**-18, 2.0**-22, -(2.0**-18)),
}
# A number that vanishes as the tenth power of the distance, or grows so, is seen to.
_FASTER = 0.6


class Nearby(Several):
    """The trace of a number at a zero and at the points nearby, on the tape of one transformation."""

    __slots__ = ("across", "along")

    nearby = True
    points = 5

    def __init__(self, tape: Tape, along: Directions) -> None:
        super().__init__(tape.level - 0.3)
        self.along = along
        self.across = along if tape.xdots else tape.infinitesimals.across

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Callable[..., Any]) -> Any:
        """Return the result of a call at each point; a strong zero is one here alone."""
        if prim is not HERE:
            return super().call(prim, args, kwargs, run)
        mask, mended, xbar = args
        here = HERE.traced(mask, self.at(mended, 0), self.at(xbar, 0))
        return self.joined((here, *(self.at(xbar, n) for n in range(1, self.points))))

    def leave(self, xbar: Any) -> Any:
        return tends_to(constant(xbar.primal), *map(constant, xbar.tangent))

    def pair(self, entries: list[Any], inputs: int) -> None:
        """Have the rules on a tape that is over look at each point by itself, if they read such numbers."""
        for start in range(inputs + 1, len(entries), WIDTH):
            prim, y, *sources = entries[start : start + WIDTH - 1]
            if prim not in (OUTPUT, HERE, STEEP) and prim.kind in ("elementwise", "vjp"):
                args, kwargs, _ = as_call(*sources)
                if several_of(y, *args, *kwargs.values()) is self:
                    entries[start] = prim.copied({n: self._paired(prim, n) for n in prim.rules})

    def _paired(self, prim: Primitive, argnum: Any) -> Any:
        base = prim.rules[argnum]
        run = run_strongly if prim.kind == "elementwise" else run_quietly

        def rule(*xs: Any, **kwargs: Any) -> Any:
            if several_of(*xs) is self:
                return self.each(rule, xs, kwargs)
            return run(prim, base, kwargs, *xs)

        return rule


def tends_to(value: Any, far: Any, near: Any, nearest: Any, opposite: Any = onp.nan) -> Any:
    """Return the limit of what numbers tend to, at points on their way to a zero.

    Two of the points are in one direction and the third is in another: where the numbers depend on it there
    is no derivative. ``opposite`` is the number on the other side, nan if there is none. ``value`` is what
    strong zeros make of it: it stays if it lies between those of both sides.
    """
    with onp.errstate(all="ignore"):
        finite = onp.isfinite(value)
        a, b, c = (onp.abs(x - onp.where(finite, value, 0)) for x in (far, near, nearest))
        kept = onp.isnan(value) | (near == value)
        kept |= (b <= _FASTER * a) & (c <= _FASTER * b) & onp.isfinite(a) & finite
        found = onp.abs(near - nearest) <= 0.02 * onp.abs(nearest)
        grows = (b * _FASTER >= a) & (c * _FASTER >= b) & onp.isfinite(c)
        kept |= (near - value) * onp.sign(opposite - value) <= 0
        kept |= grows & (onp.sign(near) != onp.sign(nearest))
        limit = onp.where(found, nearest, onp.where(grows, onp.copysign(onp.inf, nearest), onp.nan))
        return onp.where(kept, value, limit).astype(dtype_of(value))[()]


def root_beside(prim: Primitive, u: Any, rest: list[Any], at: Any, side: Any) -> Any:
    """Return a root of u, with what it is near those points ``at`` which the outermost transformation moves.

    ``side`` is the sign of the side that it is defined on, whichever u goes to; 0 if it is on both.
    """
    x = outermost(u)
    if type(x.tape) is not Tape:
        x.tape.doubtful = True
        return call(prim, (u, *rest), {})
    if x.index >= APART:  # of a checkpoint, which is not on the tape before the way back
        return call(prim, (u, *rest), {})
    small = infinitesimals_of(x.tape)
    if small.nearby is None:
        small.nearby = Nearby(x.tape, small.wanted)
    nearby: Nearby = small.nearby
    speeds = nearby.along.of(x)[0], nearby.across.of(x)[0]
    there = nearby.at(x.primal, 1)
    moved = constant(there) - constant(x)
    moves = at & onp.equal(moved, 0)
    for speed in speeds:
        moves = moves & onp.isfinite(speed) & onp.not_equal(speed, 0)
    if onp.any(moves):
        u = u + _places(nearby, speeds, moves, u, side)
    y = call(prim, (u, *rest), {})
    flat = at & ~moves & ~(onp.not_equal(moved, 0) & onp.not_equal(speeds[0], 0))
    if not onp.any(flat):
        return y
    # As far as the line goes: of x√x, where x is no root, it is not.
    wanted = nearby.along.beside(_STEPS[dtype_of(x).itemsize][0]).of(x)[0]
    flat = flat & ~(onp.not_equal(moved, 0) & onp.isclose(moved, wanted, 1e-3, 0))
    ahead, behind, vanishes = nearby.along.growth(lambda x: prim.f(x, *map(constant, rest)), x, 1)
    lost = flat & ~vanishes & ~(ahead * onp.sign(behind) <= 0)  # a corner has slopes of both signs
    return y + unknown_at(lost, y) if onp.any(lost) else y


def _places(nearby: Nearby, speeds: Any, moves: Any, u: Any, side: Any) -> Any:
    """Return 0 with how far u is from here at the points nearby: nan for those where no root is."""
    (along, across), kind = speeds, dtype_of(u)
    at_end = onp.any(moves & onp.not_equal(constant(u), 0))
    steps = (_STEPS_AT_END if at_end else _STEPS)[kind.itemsize]
    places = [onp.zeros(shape_of(u))]
    for speed, step in zip((along, along, across, along), steps, strict=True):
        defined = onp.abs(speed) * (side if step > 0 else onp.nan)
        place = onp.where(moves, onp.where(onp.equal(side, 0), speed, defined) * step, 0)
        places.append(onp.broadcast_to(place, shape_of(u)))
    return nearby.joined(place.astype(kind)[()] for place in places)


_OF_HERE: dict[int | str, Callable[..., Any]] = {
    1: lambda y, ybar, mask, a, b: HERE.traced(mask, ybar, onp.zeros_like(constant(ybar))),
    2: lambda y, ybar, mask, a, b: HERE.traced(mask, onp.zeros_like(constant(ybar)), ybar),
}
HERE.traced = lambda mask, a, b: call(HERE, (mask, a, b), {})
HERE.kind, HERE.forward = "elementwise", _OF_HERE
HERE.put_rules(_OF_HERE)

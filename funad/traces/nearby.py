"""What a first derivative tends to where a root of infinite slope has met a zero.

√x at 0 has an infinite slope. Times a cotangent of zero that is 0: a strong zero. So it is right if the zero
is one of a mask, of a constant, or of a value without roots, all of which vanish faster than the slope grows.
A zero that depends on such a root itself vanishes as fast: in (√x)² = x, 2√x·1/(2√x) is 1. So a root at a
zero that moves carries, beside its value, what it is at four points nearby, in the traces that are here;
what is computed from it carries them on. The derivative is the number that these tend to, and nan where they
tend to none.

A root of what is flat, as of x³ at 0, hands on 0 as well: its infinite slope meets one of 0. That is right
if the root is flat itself, as √x⁶ is, or has a corner, as √x² has. What it is on both sides of the point is
found from the tape: if it is steeper than that, its derivative is not known.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as onp

from ..boxes import BY_HAND, Dual, Traced, box_of, innermost
from ..calling import NEARBY, call
from ..registry import Primitive
from ..values import constant, dtype_of, shape_of
from .directions import Beside, Directions, vanish
from .forward import Forward, dual
from .infinitesimal import Product, infinitesimals_of
from .reverse import APART, OUTPUT, WIDTH, Tape, as_call
from .strong_zeros import HERE, run_quietly, run_strongly

__all__ = ["are_lost_along", "root_beside", "tends_to"]


class Nearby(Product):
    """The trace of a point nearby: of a number it has the value at the zero, and the one there."""

    __slots__ = ()

    nearby = True

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
        """Return what a derivative tends to, as this trace is the last of the four."""
        numbers = [constant(xbar.tangent)]
        while isinstance(xbar.primal, Traced) and type(xbar.primal.tape) is Nearby:
            xbar = xbar.primal
            numbers.append(constant(xbar.tangent))
        far, near, nearest, opposite = [*numbers[::-1], *numbers[:1] * 3][:4]
        return tends_to(constant(xbar.primal), far, near, nearest, opposite)


# How far away the points are, in units of what moves: the first two to see how fast a number grows or
# vanishes, the third for its digits, and the last is on the other side.
_STEPS = {8: (2.0**-26, 2.0**-34, 2.0**-400, -(2.0**-34)), 4: (2.0**-20, 2.0**-26, 2.0**-90, -(2.0**-26))}
# Beside 1, where the digits of a float end.
_STEPS_AT_END = {
    8: (2.0**-26, 2.0**-34, 2.0**-44, -(2.0**-34)),
    4: (2.0**-14, 2.0**-18, 2.0**-22, -(2.0**-18)),
}
# A number that vanishes as the tenth power of the distance, or grows so, is seen to.
_FASTER = 0.6


def tends_to(value: Any, far: Any, near: Any, nearest: Any, opposite: Any = onp.nan) -> Any:
    """Return the limit of what numbers tend to, at points on their way to a zero.

    Two of the points are in one direction and the third is in another: where the numbers depend on it there
    is no derivative. ``opposite`` is the number on the other side, nan if there is none. ``value`` is what
    strong zeros make of it: it stays if it lies between those of both sides.
    """
    with onp.errstate(all="ignore"):
        a, b, c = (onp.abs(x - value) for x in (far, near, nearest))
        kept = ~onp.isfinite(value) | ((b <= _FASTER * a) & (c <= _FASTER * b))
        found = onp.abs(near - nearest) <= 0.02 * onp.abs(nearest)
        grows = (b * _FASTER >= a) & (c * _FASTER >= b)
        kept |= (near - value) * onp.sign(opposite - value) <= 0
        kept |= grows & (onp.sign(near) != onp.sign(nearest))
        limit = onp.where(found, nearest, onp.where(grows, onp.copysign(onp.inf, nearest), onp.nan))
        return onp.where(kept, value, limit).astype(dtype_of(value))[()]


class _Neighbours:
    """The traces of one transformation, and the second direction in which its inputs move."""

    def __init__(self, trace: Any) -> None:
        self.traces = [Nearby(trace.level - 0.3 - part / 16) for part in range(4)]
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


def _moved(x: Any) -> Any:
    """Return how far the value of x has moved at the first of the points nearby: 0 if it has none."""
    number = x.inside
    if innermost_nearby((number,)) is None:
        return 0.0
    while isinstance(number.primal, Traced) and type(number.primal.tape) is Nearby:
        number = number.primal
    return constant(number.tangent) - constant(x)


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

    return prim.copied({argnum: paired(argnum) for argnum in prim.rules})


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


def root_beside(prim: Primitive, u: Any, rest: list[Any], at: Any, side: Any) -> Any:
    """Return a root of u, with what it is near those points ``at`` which the outermost transformation moves.

    ``side`` is the sign of the side that it is defined on, whichever u goes to; 0 if it is on both.
    """
    x = inside = u
    while isinstance(inside := inside.inside, Traced):
        x = inside if inside.tape.differentiates else x
    # Dual numbers made by hand leave no trace; of a checkpoint, x is not on the tape before the way back.
    if x.tape is BY_HAND or (type(x.tape) is Tape and x.index >= APART):
        return call(prim, (u, *rest), {})
    small = infinitesimals_of(x.tape)
    if small.neighbours is None:
        small.neighbours = _Neighbours(x.tape)
    speeds = small.neighbours.speeds(x)
    moved = _moved(x)
    moves = at & onp.equal(moved, 0)
    for speed in speeds:
        moves = moves & onp.isfinite(speed) & onp.not_equal(speed, 0)
    if onp.any(moves):
        u = u + _places(small.neighbours.traces, speeds, moves, u, side)
    y = call(prim, (u, *rest), {})
    flat = at & ~moves & ~(onp.not_equal(moved, 0) & onp.not_equal(speeds[0], 0))
    if not onp.any(flat):
        return y
    line = small.directions
    if line is None:
        x.tape.doubtful = True
        return y
    # As far as the line goes: of x√x, where x is no root, it is not.
    wanted = line.beside(_STEPS[dtype_of(x).itemsize][0]).of(x)[0]
    flat = flat & ~(onp.not_equal(moved, 0) & onp.isclose(moved, wanted, 1e-3, 0))
    lost = flat & _is_lost(*line.quotients(lambda x: prim.f(x, *map(constant, rest)), x, 1))
    return call(_LOST, (y, lost), {}) if onp.any(lost) else y


def _places(traces: list[Nearby], speeds: Any, moves: Any, u: Any, side: Any) -> Any:
    """Return 0 with how far u is from here at the points nearby: nan for those where no root is."""
    (along, across), kind = speeds, dtype_of(u)
    at_end = onp.any(moves & onp.not_equal(constant(u), 0))
    steps = (_STEPS_AT_END if at_end else _STEPS)[kind.itemsize]
    aside: Any = onp.zeros(shape_of(u), kind)[()]
    for trace, speed, step in zip(traces[::-1], (along, along, across, along), steps, strict=True):
        defined = onp.abs(speed) * (side if step > 0 else onp.nan)
        place = onp.where(moves, onp.where(onp.equal(side, 0), speed, defined) * step, 0)
        aside = dual(trace, aside, onp.broadcast_to(place, shape_of(u)).astype(kind)[()])
    return aside


def _is_lost(far: Any, near: Any, far_behind: Any, near_behind: Any) -> Any:
    """Say where the quotients of a root tend to slopes that are not 0, nor on both sides of it."""
    flat = vanish(far, near) & vanish(far_behind, near_behind)
    ahead, behind = (onp.where(onp.equal(b, 0), a, b) for a, b in ((far, near), (far_behind, near_behind)))
    return ~flat & ~(ahead * onp.sign(behind) <= 0)


def are_lost_along(tape: Tape, xdots: list[Any]) -> bool:
    """Say whether a root on the tape whose derivative is not known moves with the inputs along ẋ."""
    beside = Beside(tape, 2.0**-9, xdots)
    for start in range(tape.inputs + 1, len(tape.entries), WIDTH):
        prim, _, *call_and_sources = tape.entries[start : start + WIDTH - 1]
        if prim is _LOST:
            (y, lost), _, ((_, source),) = as_call(*call_and_sources)
            if onp.any(lost & onp.not_equal(beside.of(box_of(tape, y, source))[0], 0)):
                return True
    return False


# y, whose derivative is not known where the mask is true.
_LOST = Primitive(
    lambda y, lost: y,
    "a root of what is flat",
    "elementwise",
    {0: lambda y, ybar, x, lost: ybar * onp.where(lost & onp.not_equal(constant(ybar), 0), onp.nan, 1)},
)
_LOST.traced = lambda y, lost: call(_LOST, (y, lost), {})
_LOST.forward = {0: lambda y, xdot, x, lost: xdot * onp.where(lost, onp.nan, 1)}
NEARBY[:] = [with_tangents_apart]
HERE.traced = lambda mask, a, b: call(HERE, (mask, a, b), {})
HERE.kind = "elementwise"
HERE.put_rules(
    {
        1: lambda y, ybar, mask, a, b: onp.where(mask, ybar, 0.0),
        2: lambda y, ybar, mask, a, b: HERE.traced(mask, 0.0, ybar),
    }
)

"""Slopes that vanish because a step has overflowed or underflowed: nan where a zero is none."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as onp

from .floating import silence
from .memory import Rule
from .registry import NO_RULES, Primitive, once
from .spaces import fit, is_number, of_library
from .traces.reverse import WIDTH, as_call, slots_of
from .traces.strong_zeros import at_zero, has_nan, output_of, strong_elementwise
from .values import all_of, any_of, constant, is_deferred, is_opaque, members_of, value_of


def mark_overflows(entries: list[Any], inputs: int, outputs: Iterable[Any]) -> None:
    """On a tape with infinite outputs, let steps give nan where their slope is a zero that is none.

    log(eˣ) at 800 is log(∞), of slope 1/∞, a zero only because e⁸⁰⁰ is infinite in floats; a strong zero
    before the infinite slope of eˣ would make it the derivative. log(e⁻ˣ) is log(0), and its infinite slope
    meets that of e⁻ˣ, a zero because e⁻⁸⁰⁰ is 0 in floats. If the outputs are finite, a zero has
    stopped all that is infinite rightly: a branch that is not taken, or tanh ∞. An input that is infinite
    itself has not overflowed.
    """
    if all_finite(outputs):
        return
    steep: set[int] = set()  # the slots of finite values at which a later step is infinite
    for start in range(len(entries) - WIDTH, inputs, -WIDTH):
        prim, y, a, b, source_a, source_b = entries[start : start + WIDTH - 1]
        args, kwargs, sources = as_call(a, b, source_a, source_b)
        if prim.masks or prim.kind not in ("elementwise", "linear"):
            continue
        is_steep = start + WIDTH - 1 in steep
        if prim.kind == "elementwise":
            with silence():
                finite = _is_finite(output_of(prim, y, args, kwargs))
            if not finite and not kwargs and _is_of_one_step(args, sources, inputs):
                prim = _marking(prim)
            entries[start] = _steep(prim) if is_steep else prim
            is_steep = is_steep or (not finite and all_finite(args))
        if is_steep:
            steep.update(slots_of(None, sources))


def _is_of_one_step(args: Any, sources: Any, inputs: int) -> bool:
    """Say whether the first argument alone is traced, a result of another step, and the others are finite."""
    ((argnum, source), *others) = sources
    alone = argnum == 0 and not others and type(source) is int
    return alone and source > inputs and all_finite(args[1:])


def all_finite(ys: Iterable[Any]) -> bool:
    """Say whether nothing among these values is infinite or nan."""
    return all(map(_is_finite, ys))


def _is_finite(y: Any) -> bool:
    """Say whether y is no number, or all of it is finite."""
    y = constant(y)
    if of_library(y):
        return True  # nobody knows
    if is_deferred(y):
        y = members_of(y)
        return bool(y.tape.guard(y, "finite", bool(onp.isfinite(y.inside).all())))
    if is_opaque(y):
        if not all_of(onp.isfinite(members_of(y))):  # members may differ: which steps mark it is said of each
            value_of(y, "the result of an example is infinite or nan")
        return True
    if issubclass(type(y), float):
        return math.isfinite(y)
    return not is_number(y) or onp.count_nonzero(onp.isfinite(y)) == onp.size(y)


@once
def _marking(prim: Primitive) -> Primitive:
    """Return the primitive of an elementwise function with a rule that gives nan at vanishing slopes."""

    def marked(y: Any, ybar: Any, *args: Any) -> Any:
        xbar = rule(y, ybar, *args)
        lost = (constant(xbar) == 0) & (constant(ybar) != 0) & onp.isinf(output_of(prim, y, args, {}))
        return xbar * onp.where(lost, math.nan, 1) if any_of(lost) else xbar

    rule: Rule = prim.rules[0]
    return prim.copied({0: marked}, forward=NO_RULES)


@once
def _steep(prim: Primitive) -> Primitive:
    """Return the primitive of an elementwise function whose slope of zero is none before an infinite one."""
    made = prim.copied(underflows=True)
    made.forward = {argnum: _forward(made, rule) for argnum, rule in prim.rules.items()}
    return made


def _forward(prim: Primitive, rule: Rule) -> Rule:
    """Return the rule of a tangent, which is nan where the slope is zero and the tangent before is none."""

    def forward(y: Any, xdot: Any, *args: Any, **kwargs: Any) -> Any:
        with silence():
            ydot = rule(y, xdot, *args, **kwargs)
            lost = onp.equal(constant(ydot), 0) & ~onp.equal(constant(xdot), 0) & ~at_zero(args)
        if has_nan(ydot):
            ydot = strong_elementwise(ydot, xdot, prim, rule, y, args, kwargs)
        return fit(ydot * onp.where(lost, math.nan, 1) if any_of(lost) else ydot, y)

    return forward

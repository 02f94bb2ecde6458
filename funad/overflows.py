"""Slopes that vanish because a step has overflowed: nan in the place of a zero that is none."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any

import numpy as onp

from .registry import Record, Rule
from .spaces import any_of, is_number, numbers_of, plain
from .strong_zeros import value_of
from .tape import WIDTH

__all__ = ["mark_overflows"]


def mark_overflows(entries: list[Any], inputs: int, outputs: Iterable[Any]) -> None:
    """On a tape with infinite outputs, let steps that are infinite give nan where their slope vanishes.

    log(eˣ) at 800 is log(∞), of slope 1/∞, a zero only because e⁸⁰⁰ is infinite in floats; a strong zero
    before the infinite slope of eˣ would make it the derivative. If the outputs are finite, a zero has
    stopped all that is infinite rightly: a branch that is not taken, or tanh ∞. An input that is infinite
    itself has not overflowed.
    """
    if all(map(_is_finite, outputs)):
        return
    for start in range(inputs + 1, len(entries), WIDTH):
        record, y, a, b, source_a, source_b = entries[start : start + WIDTH - 1]
        if not source_a or source_b or source_a <= inputs or record.kind != "elementwise" or record.masks:
            continue
        args = (a,) if source_b is None else (a, b)
        with onp.errstate(all="ignore"):
            if all(map(_is_finite, args[1:])) and not _is_finite(value_of(record, y, args, {})):
                entries[start] = _marking(record)


def _is_finite(y: Any) -> bool:
    """Say whether y is no number, or all of it is finite."""
    y = plain(y)
    if hasattr(y, "tape"):  # members may differ: which steps mark overflows is said of each
        if not onp.isfinite(numbers_of(y)).all():
            y.tape.look(y, "the result of an example is infinite or nan")
        return True
    if issubclass(type(y), float):
        return math.isfinite(y)
    return not is_number(y) or onp.count_nonzero(onp.isfinite(y)) == onp.size(y)


@functools.cache
def _marking(record: Record) -> Record:
    """Return the record of an elementwise function with a rule that gives nan at vanishing slopes."""

    def marked(y: Any, ybar: Any, *args: Any) -> Any:
        xbar = rule(y, ybar, *args)
        lost = (plain(xbar) == 0) & (plain(ybar) != 0) & onp.isinf(value_of(record, y, args, {}))
        return xbar * onp.where(lost, math.nan, 1) if any_of(lost) else xbar

    rule: Rule = record.rules[0]
    made = Record(record.f, record.name)
    made.kind, made.wrapped = record.kind, record.wrapped
    made.rules, made.of_a = {0: marked}, marked
    return made

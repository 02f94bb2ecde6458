"""Learning rates that change: plain functions of the step, which is counted from 0.

Any function of the step is a schedule; these are the usual ones. Each is made of plain functions
and numbers, so it pickles, and it takes steps of any kind that arithmetic takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .checks import check

__all__ = ["Rate", "Schedule", "constant", "cosine_decay", "exponential_decay", "piecewise", "warmup"]

Schedule = Callable[[int], Any]
Rate = float | Schedule


def as_schedule(rate: Rate) -> Schedule:
    """Return a schedule as it is, and a number as a constant one."""
    return rate if callable(rate) else constant(rate)


def constant(rate: float) -> Schedule:
    """Return the schedule that stays at ``rate``.

    Examples
    --------
    >>> from funad.optimizers import constant
    >>> constant(0.1)(1000)
    0.1
    """
    check("a learning rate", rate, "a number from 0 on")
    return partial(_constant, rate)


def _constant(rate: float, step: int) -> float:
    return rate


def exponential_decay(rate: float, decay: float, every: int = 1, staircase: bool = False) -> Schedule:
    """Return the schedule rate · decay^(step / every).

    Parameters
    ----------
    rate : float
        At step 0.
    decay : float
        What the rate is multiplied by in ``every`` steps, above 0.
    every : int, default 1
    staircase : bool, default False
        Round step / every down: the rate falls once in ``every`` steps.

    Examples
    --------
    >>> from funad.optimizers import exponential_decay
    >>> [exponential_decay(8.0, 0.5, every=2)(step) for step in (0, 2, 4)]
    [8.0, 4.0, 2.0]
    """
    check("decay", decay, "a finite number above 0")
    check("every", every, "1 or more")
    return partial(_exponential, as_schedule(rate)(0), decay, every, staircase)


def _exponential(rate: float, decay: float, every: int, staircase: bool, step: int) -> float:
    return rate * decay ** (step // every if staircase else step / every)


def cosine_decay(rate: float, steps: int, end: float = 0.0) -> Schedule:
    """Return the schedule that falls along half a cosine, and then stays.

    At step t it is end + (rate − end)·(1 + cos(π·min(t/steps, 1)))/2.

    Parameters
    ----------
    rate : float
        At step 0.
    steps : int
        When ``end`` is reached.
    end : float, default 0.0

    References
    ----------
    Loshchilov, Hutter (2017): SGDR: Stochastic Gradient Descent with Warm Restarts.

    Examples
    --------
    >>> from funad.optimizers import cosine_decay
    >>> [round(cosine_decay(0.2, 100)(step), 3) for step in (0, 50, 100, 200)]
    [0.2, 0.1, 0.0, 0.0]
    """
    check("steps", steps, "1 or more")
    check("end", end, "a number from 0 on")
    return partial(_cosine, as_schedule(rate)(0), steps, end)


def _cosine(rate: float, steps: int, end: float, step: int) -> float:
    return end + (rate - end) * (1 + math.cos(math.pi * min(step / steps, 1))) / 2


def piecewise(rate: float, changes: Mapping[int, float]) -> Schedule:
    """Return the schedule that takes another value from each of some steps on.

    Parameters
    ----------
    rate : float
        From step 0 on.
    changes : dict of int to float
        The rates from later steps on, in any order.

    Examples
    --------
    >>> from funad.optimizers import piecewise
    >>> halved = piecewise(0.1, {100: 0.05, 200: 0.01})
    >>> [halved(step) for step in (0, 99, 100, 199, 200, 1000)]
    [0.1, 0.1, 0.05, 0.05, 0.01, 0.01]
    """
    pieces = [(0, rate), *sorted(changes.items())]
    for step, value in pieces:
        check("a learning rate", value, "a number from 0 on")
        check("a step at which the rate changes", step, "0 or more")
    return partial(_piecewise, tuple(reversed(pieces)))


def _piecewise(pieces: tuple[tuple[int, float], ...], step: int) -> float:
    return next((rate for start, rate in pieces if step >= start), pieces[-1][1])


def warmup(rate: Rate, steps: int) -> Schedule:
    """Return a schedule that rises to ``rate`` in equal parts: step t of n has (t + 1)/n of it.

    Parameters
    ----------
    rate : float or schedule
        A schedule goes on as if it had run from step 0: warming up takes nothing off its end.
    steps : int
        How many steps there are until the whole rate is used.

    References
    ----------
    Goyal et al. (2017): Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour.

    Examples
    --------
    >>> from funad.optimizers import warmup
    >>> [warmup(0.5, 4)(step) for step in range(6)]
    [0.125, 0.25, 0.375, 0.5, 0.5, 0.5]
    """
    check("steps", steps, "1 or more")
    return partial(_warmup, as_schedule(rate), steps)


def _warmup(rate: Schedule, steps: int, step: int) -> Any:
    return rate(step) * min((step + 1) / steps, 1.0)

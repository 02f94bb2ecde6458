"""Where a long program repeats itself: the calls of an unrolled loop, found by what they are called with.

A run is a stretch of steps of which each is like the one ``period`` steps later: the same function, the same
shapes and dtypes. What the steps read is looked at afterwards, by position (``Run.columns``).
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as onp

from ..indices import scatter
from .program import GETITEM, Guard, Node, Program, key_of

__all__ = ["Run", "runs_of"]

LEAST_COUNT = 6  # times that a loop goes round
LEAST_STEPS = 64  # steps of a run, all together
_INDEXED = (GETITEM, scatter)
ndarray = onp.ndarray


class Run(NamedTuple):
    """Steps ``start``, …, ``start + period·count - 1`` of a program."""

    start: int
    period: int
    times: int

    @property
    def stop(self) -> int:
        return self.start + self.period * self.times


def runs_of(program: Program) -> list[Run]:
    """Return the runs of a program, in order and without overlaps, the longest first served."""
    found = _repeats(_classes(program))
    found.sort(key=lambda run: (-run.period * run.times, run.period))
    taken = onp.zeros(len(program.steps), bool)
    chosen = []
    for run in found:
        free = _free_part(run, taken)
        if free is not None:
            taken[free.start : free.stop] = True
            chosen.append(free)
    return sorted(chosen)


def _free_part(run: Run, taken: Any) -> Run | None:
    """Return the longest part of a run that no other has taken; None if that is too short."""
    edges = onp.flatnonzero(onp.diff(onp.concatenate([[True], taken[run.start : run.stop], [True]])))
    spans = [(stop - start, start) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
    length, start = max(spans, default=(0, 0))
    count = int(length) // run.period
    fits = count >= LEAST_COUNT and count * run.period >= LEAST_STEPS
    return Run(run.start + int(start), run.period, count) if fits else None


def _classes(program: Program) -> Any:
    """Return a number for each step, the same of steps that are alike."""
    known: dict[Any, int] = {}
    return onp.array([known.setdefault(_class_of(step), len(known)) for step in program.steps], onp.int64)


def _class_of(step: Any) -> Any:
    if type(step) is Guard:
        return step.how, repr(step.expected), step.node.type, step.node.shape, step.node.dtype
    indexed = step.fn in _INDEXED
    args = tuple([_like(x, indexed) for x in step.args])
    return step.fn, step.type, step.shape, step.dtype, args, _like(step.kwargs, False)


def _like(x: Any, indexed: bool) -> Any:
    """Return what an argument has in common with those of like calls; in an index, ints are alike."""
    kind = type(x)
    if kind is Node or kind is ndarray:
        return ndarray if kind is ndarray else x.type, x.shape, x.dtype
    if kind is float:
        return float
    if kind is tuple or kind is list:
        return (kind, *[_like(part, indexed) for part in x])
    if kind is slice:
        return (slice, *[_like(part, indexed) for part in (x.start, x.stop, x.step)])
    if kind is dict:
        return tuple([(name, _like(part, indexed)) for name, part in x.items()])
    if kind is int and indexed:
        return int
    return key_of(x)


def _repeats(classes: Any) -> list[Run]:
    """Return all runs, by windows of doubled length: one of w steps that comes again after p ≤ w steps."""
    found = []
    ranks, width = classes, 1
    while len(ranks) > 1 and width <= len(classes) // 2:
        gap = _distances(ranks)
        near = onp.where((gap > width // 2) & (gap <= width), gap, 0)
        edges = onp.flatnonzero(onp.diff(onp.concatenate([[0], near, [0]])))
        for first, last in itertools.pairwise(edges):
            period = int(near[first])
            length = int(last - first) + width + period - 1
            if period and length // period >= LEAST_COUNT and length >= LEAST_STEPS:
                found.append(Run(int(first), period, length // period))
        if len(ranks) <= width:
            break
        pairs = ranks[:-width] * (int(ranks.max()) + 1) + ranks[width:]
        ranks = onp.unique(pairs, return_inverse=True)[1]
        width *= 2
    return found


def _distances(ranks: Any) -> Any:
    """Return how far it is from each element to the next that is equal; 0 if there is none."""
    order = onp.argsort(ranks, kind="stable")
    same = ranks[order[1:]] == ranks[order[:-1]]
    gap = onp.zeros(len(ranks), onp.int64)
    gap[order[:-1][same]] = (order[1:] - order[:-1])[same]
    return gap

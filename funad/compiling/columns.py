"""What the steps of a run read, from one time round the loop to the next.

Each operand of each step of a period is a column: one value for each time. A column is ``Earlier`` if it is
what the loop itself computed, this time or some times ago; ``Fixed`` if it is the same always; ``Rows`` if it
is what another loop computed, in order or backwards; else it is just a list, ``Each``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as onp

from ..indices import scatter
from .periods import LEAST_COUNT, Run
from .program import GETITEM, Guard, Node, Program, key_of

__all__ = ["Columns", "Each", "Earlier", "Fixed", "Rows", "columns_of", "leaves_of", "with_leaves"]

ndarray = onp.ndarray
_MOST_IN_TURN = (
    8  # values in turn, as the weights of the layers of a step, for which the period is multiplied
)


class Earlier(NamedTuple):
    """The value of a slot, ``ago`` times before; ``first`` are the values until there is one."""

    slot: int
    ago: int
    first: tuple[Any, ...]


class Fixed(NamedTuple):
    value: Any


class Rows(NamedTuple):
    """The values of a slot of another run: ``run`` counts runs, row ``start + t·step`` is read at time t."""

    run: int
    slot: int
    start: int
    step: int


class Each(NamedTuple):
    values: tuple[Any, ...]


class Columns(NamedTuple):
    """A run that holds, and the columns of each of its slots, in the order of ``leaves_of``."""

    run: Run
    slots: list[list[Any]]


def leaves_of(step: Any) -> list[Any]:
    """Return what a step reads: nodes and constants; an index without nodes is one constant."""
    if type(step) is Guard:
        return [step.node]
    found: list[Any] = []
    for n, x in enumerate(step.args):
        if _is_whole(step.fn, n, x):
            found.append(x)
        else:
            found += _leaves(x)
    for x in step.kwargs.values():
        found += _leaves(x)
    return found


def _is_whole(fn: Any, n: int, x: Any) -> bool:
    """Say whether an argument is an index without nodes."""
    return (fn, n) in ((GETITEM, 1), (scatter, 2)) and not any(type(leaf) is Node for leaf in _leaves(x))


def _leaves(x: Any) -> list[Any]:
    kind = type(x)
    if kind is tuple or kind is list:
        return [leaf for part in x for leaf in _leaves(part)]
    if kind is slice:
        return [leaf for part in (x.start, x.stop, x.step) for leaf in _leaves(part)]
    return [leaf for part in x.values() for leaf in _leaves(part)] if kind is dict else [x]


def with_leaves(step: Any, leaves: Iterator[Any]) -> tuple[Any, Any]:
    """Return the arguments of a step with others in the place of its leaves."""
    args = tuple(
        [next(leaves) if _is_whole(step.fn, n, x) else _put(x, leaves) for n, x in enumerate(step.args)]
    )
    return args, {name: _put(x, leaves) for name, x in step.kwargs.items()}


def _put(x: Any, leaves: Iterator[Any]) -> Any:
    kind = type(x)
    if kind is tuple or kind is list:
        return kind([_put(part, leaves) for part in x])
    if kind is slice:
        return slice(*(_put(part, leaves) for part in (x.start, x.stop, x.step)))
    if kind is dict:
        return {name: _put(part, leaves) for name, part in x.items()}
    return next(leaves)


class _Table:
    """Numbers for values: the positions of nodes among the steps, and numbers beyond them for constants."""

    def __init__(self, program: Program) -> None:
        self.values: dict[int, Any] = {}
        self.numbers: dict[Any, int] = {}
        for k, n in enumerate(program.inputs):
            self.numbers[n] = -1 - k
        for k, step in enumerate(program.steps):
            if type(step) is Node:
                self.numbers[step] = k
        self.values = {k: n for n, k in self.numbers.items()}
        self.next = len(program.steps)

    def number(self, x: Any) -> int:
        key = x if type(x) is Node else ("constant", _key_of_constant(x))
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = self.next
            self.values[found] = x
            self.next += 1
        return found


def _key_of_constant(x: Any) -> Any:
    """Return what tells constants apart; small arrays by what is in them."""
    if type(x) is ndarray and x.nbytes <= 1 << 12:
        return x.shape, x.dtype, x.tobytes(), not any(x.strides)
    return key_of(x)


def columns_of(program: Program, runs: list[Run]) -> list[Columns]:
    """Return those runs of which every step reads what the one a period later reads, in its place."""
    table = _Table(program)
    found: list[Columns] = []
    for run in runs:
        columns = _columns(program, run, table, found)
        if columns is not None:
            found.append(columns)
    return found


def _columns(program: Program, run: Run, table: _Table, before: list[Columns]) -> Columns | None:
    for _ in range(3):  # a period is multiplied twice at most
        steps = program.steps[run.start : run.stop]
        numbers = [[table.number(x) for x in leaves_of(step)] for step in steps]
        widths = [len(row) for row in numbers[: run.period]]
        table_of_run = onp.array([x for row in numbers for x in row], onp.int64).reshape(run.times, -1)
        turns = _turns(table_of_run, run)
        if turns == 1:
            break
        run = Run(run.start, run.period * turns, run.times // turns)
        if run.times < LEAST_COUNT:
            return None
    lines = [_line_of(table_of_run[:, k], run) for k in range(table_of_run.shape[1])]
    first, last = _longest(table_of_run, lines, run, before)
    if last - first < LEAST_COUNT:
        return None
    cut = Run(run.start + first * run.period, run.period, last - first)
    loose = [table_of_run[first:last, k] for k, line in enumerate(lines) if line is None]
    if any(((column >= cut.start) & (column < cut.stop)).any() for column in loose):
        return None
    kinds = [_kind_of(table_of_run[first:last, k], line, cut, table, before) for k, line in enumerate(lines)]
    return Columns(cut, _by_slot(kinds, widths))


def _by_slot(kinds: list[Any], widths: list[int]) -> list[list[Any]]:
    slots, k = [], 0
    for width in widths:
        slots.append(kinds[k : k + width])
        k += width
    return slots


def _turns(table: Any, run: Run) -> int:
    """Return in how many turns a column takes its values, where that is neither one nor no order at all."""
    most = 1
    for column in table.T:
        steps = onp.diff(column)
        if (steps == steps[len(steps) // 2]).mean() > 0.7:
            continue
        for turns in range(2, _MOST_IN_TURN + 1):
            gaps = column[turns:] - column[:-turns]
            middle = gaps[len(gaps) // 2] if len(gaps) else 1
            if len(gaps) > turns and (gaps == middle).mean() > 0.7 and turns % most == 0:
                most = turns
                break
    return most


def _line_of(column: Any, run: Run) -> Any:
    """Return (value at time 0, step) of the line on which most of a column lies; None if there is none."""
    middle = len(column) // 2
    step = int(column[middle] - column[middle - 1])
    line = int(column[middle]) - middle * step, step
    return line if (column == line[0] + step * onp.arange(len(column))).mean() > 0.7 else None


def _longest(table: Any, lines: list[Any], run: Run, before: list[Columns]) -> tuple[int, int]:
    """Return the longest stretch of times in which every column lies on its line, within one other run."""
    times = onp.arange(run.times)
    good = onp.ones(run.times, bool)
    for k, line in enumerate(lines):
        if line is not None:
            wanted = line[0] + line[1] * times
            own = line[1] == run.period and run.start <= wanted[-1] < run.stop
            outside = (table[:, k] < run.start) | (table[:, k] >= run.stop)
            good &= (table[:, k] == wanted) | (own & outside & (wanted < run.start))
            if not line[1] and run.start <= line[0] < run.stop:  # what was computed once, inside
                good &= times > (line[0] - run.start) // run.period
            middle = wanted[run.times // 2]
            for other in before if line[1] and not own else ():
                if other.run.start <= middle < other.run.stop:
                    good &= (wanted >= other.run.start) & (wanted < other.run.stop)
    edges = onp.flatnonzero(onp.diff(onp.concatenate([[False], good, [False]])))
    spans = [(int(b - a), int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    _, first, last = max(spans, default=(0, 0, 0))
    return first, last


def _kind_of(column: Any, line: Any, run: Run, table: _Table, before: list[Columns]) -> Any:
    values = [table.values[int(x)] for x in column]
    if line is None:
        return Each(tuple(values))
    if line[1] == 0:
        return Fixed(values[0])
    last = int(column[-1])
    if line[1] == run.period and run.start <= last < run.stop:
        times, slot = divmod(last - run.start, run.period)
        ago = run.times - 1 - times
        return Earlier(slot, ago, tuple(values[:ago]))
    return _rows(column, line[1], before) or Each(tuple(values))


def _rows(column: Any, step: int, before: list[Columns]) -> Rows | None:
    """Return what rows of another run a column is; None if it is none of one slot, at every time."""
    for k, other in enumerate(before):
        start, period = other.run.start, other.run.period
        if min(column[0], column[-1]) >= start and max(column[0], column[-1]) < other.run.stop:
            times, slots = (column - start) // period, (column - start) % period
            if step % period == 0 and (slots == slots[0]).all():
                return Rows(k, int(slots[0]), int(times[0]), step // period)
    return None

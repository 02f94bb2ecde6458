"""Rolling a long program again: what repeats itself is done once for all steps, or becomes a loop.

Of the body of a loop, what waits for the step before stays in the loop; all other calls run once, on the
stacks of their arguments, and a sum over the steps is a sum over a stack. Calls do not move over a question
that the user's function asks of a value: with one of those, the whole body is one loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .bodies import Body, Unfit
from .columns import Columns, Fixed, Rows, columns_of, leaves_of
from .distributing import distribute
from .periods import runs_of
from .program import Builder, Guard, Node, Program, map_nodes
from .rewriting import RULES
from .shapes import infer

__all__ = ["LONG", "roll"]

LONG = 2000  # steps from which a program is worth to be rolled


def roll(program: Program) -> Program:
    """Return a program in which what repeats itself is rolled."""
    if len(program.steps) < LONG:
        return program
    found = columns_of(program, runs_of(program))
    try:
        return _Rolling(program, found).rolled() if found else program
    except Unfit:
        return program


class _Rolling:
    """One pass over a program; ``new`` has the value of each node that is no step of a run."""

    def __init__(self, program: Program, found: list[Columns]) -> None:
        self.program, self.found = program, found
        self.b = Builder(program.inputs, RULES, infer)
        self.new: dict[Node, Any] = {n: n for n in program.inputs}
        self.place: dict[Node, tuple[int, int, int]] = {}  # (run, time, slot) of the nodes of runs
        for r, columns in enumerate(found):
            run = columns.run
            for k, step in enumerate(program.steps[run.start : run.stop]):
                if type(step) is Node:
                    self.place[step] = r, *divmod(k, run.period)
        self.wanted: list[dict[int, set[int]]] = [{} for _ in found]  # times at which a slot is read
        self.done: dict[int, Body] = {}

    def rolled(self) -> Program:
        """Return the rolled program."""
        self._find_wanted()
        starts = {columns.run.start: r for r, columns in enumerate(self.found)}
        k, steps = 0, self.program.steps
        while k < len(steps):
            if k in starts:
                r = starts[k]
                self.done[r] = Body(self, self.found[r], self.wanted[r])
                distribute(self.done[r])
                k = self.found[r].run.stop
                continue
            self._straight(steps[k])
            k += 1
        self.b.name = self.b.hint = None
        return self.b.program([self.value(x) for x in self.program.outputs])

    def _straight(self, step: Any) -> None:
        b = self.b
        if isinstance(step, Guard):
            node = self.value(step.node)
            if type(node) is Node:
                b.guard(node, step.how, step.expected, step.line)
            return
        args, kwargs = map_nodes(self.value, step.args), map_nodes(self.value, step.kwargs)
        b.name, b.hint = step.name, step
        self.new[step] = b.call(step.fn, *args, **kwargs)

    def value(self, x: Any) -> Any:
        """Return what the value of a node is in the new program."""
        if type(x) is not Node or x in self.new:
            return self.new[x] if type(x) is Node else x
        r, time, slot = self.place[x]
        self.b.name = self.b.hint = None
        found = self.new[x] = self.done[r].at(slot, time)
        return found

    def _find_wanted(self) -> None:
        """Find what is read of each run by others."""
        steps = self.program.steps
        k = 0
        starts = {columns.run.start: columns for columns in self.found}
        while k < len(steps):
            columns = starts.get(k)
            if columns is None:
                self._want(leaves_of(steps[k]))
                k += 1
                continue
            for column in (column for slot in columns.slots for column in slot):
                if type(column) is Rows:
                    self.wanted[column.run].setdefault(column.slot, set()).add(-1)
                else:
                    self._want(column[-1] if type(column) is not Fixed else (column.value,))
            k = columns.run.stop
        self._want(self.program.outputs)

    def _want(self, xs: Iterable[Any]) -> None:
        for x in xs:
            place = self.place.get(x) if type(x) is Node else None
            if place is not None:
                r, time, slot = place
                self.wanted[r].setdefault(slot, set()).add(time)

"""The body of a run: one period of an unrolled loop, with inputs for what it reads from outside."""

from __future__ import annotations

from typing import Any

import numpy as onp

from .batched import Stack
from .columns import Columns, Each, Earlier, Fixed, Rows, leaves_of, with_leaves
from .factors import early_factors_first
from .loops import shifted
from .neighbours import join_concatenations, join_slices
from .products import sum_products_in_use
from .program import GETITEM, Builder, Guard, Node, Program, key_of, spec_of
from .rewriting import RULES
from .rewriting.patterns import span_of
from .shapes import infer
from .stacking import stack_of

__all__ = ["Body", "Unfit"]

ndarray = onp.ndarray
_PLAIN = (int, slice, type(None), type(Ellipsis))


class Unfit(Exception):
    """Raised where a loop holds what cannot be kept for all steps."""


class Body:
    """A run in a new program.

    Attributes
    ----------
    b, inner : Builder
        The new program, and the body: one period, simplified.
    slots : list
        The value of each step of the period in the body.
    first, source : dict
        Of each carried input of the body: its first value, and what it is the value of, a step before.
    given : dict
        Of each other input: a ``Stack``, a tuple of one value per step, or the value that it always has.
    stacks, last : dict
        Of values of the body that are done: the rows of all steps, and the last one where no rows are kept.
    """

    def __init__(self, outer: Any, columns: Columns, wanted: dict[int, set[int]]) -> None:
        self.outer, self.b, self.columns = outer, outer.b, columns
        self.count = columns.run.times
        self.inner = Builder((), RULES, infer)
        self.slots: list[Any] = []
        self.inputs: dict[Any, Node] = {}
        self.first: dict[Node, Any] = {}
        self._origin: dict[Node, Any] = {}
        self.given: dict[Node, Any] = {}
        self.stacks: dict[Any, Any] = {}
        self.last: dict[Any, Any] = {}
        self._build()
        self._rewrite(wanted)
        self.whole = {self.slots[k] for k, times in wanted.items() if times - {self.count - 1}}
        self.wanted = {self.slots[k] for k in wanted}
        self.whole, self.wanted = ({x for x in xs if type(x) is Node} for xs in (self.whole, self.wanted))

    def _build(self) -> None:
        """Write one period into the body."""
        run, steps = self.columns.run, self.outer.program.steps
        for step, columns in zip(steps[run.start : run.start + run.period], self.columns.slots, strict=True):
            values = [
                self._operand(column, leaf) for column, leaf in zip(columns, leaves_of(step), strict=True)
            ]
            if isinstance(step, Guard):
                if type(values[0]) is Node:
                    self.inner.guard(values[0], step.how, step.expected, step.line)
                self.slots.append(values[0])
                continue
            rows = self._rows_of_fixed(step, columns)
            self.inner.name, self.inner.hint = self._name(len(self.slots)), step
            if rows is not None:
                made = self.inner.input(step.spec, self.inner.name or "row")
                self.given[made] = rows
            else:
                args, kwargs = with_leaves(step, iter(values))
                call = self.inner.call if not any(map(_is_index, columns)) else self._as_it_stands(step)
                made = call(step.fn, *args, **kwargs)
            self.slots.append(made)
        self.inner.name = self.inner.hint = None

    def _rewrite(self, wanted: Any) -> None:
        """Put the body through the passes that pay in a loop."""
        read = {*wanted, *(slot for slot in self._origin.values() if type(slot) is int)}
        outputs = [x if k in read else None for k, x in enumerate(self.slots)]
        body = Program(self.inner.inputs, self.inner.steps, outputs)
        body = early_factors_first(join_slices(body), set(self.first))
        body = sum_products_in_use(join_concatenations(body))
        self.steps, self.slots = body.steps, body.outputs
        for x in [x for x in self.first if self.previous(x) is x]:  # handed on as it is
            self.given[x] = self.first.pop(x)

    def _as_it_stands(self, step: Node) -> Any:
        """Return what adds a call like a step to the body, of which only the step tells the shape."""
        return lambda fn, *args, **kwargs: self.inner.raw(fn, args, kwargs, step.spec)

    def _name(self, slot: int) -> str | None:
        """Return the name that a slot has at any time."""
        run, steps = self.columns.run, self.outer.program.steps
        return next((n.name for n in steps[run.start + slot : run.stop : run.period] if n.name), None)

    def _operand(self, column: Any, leaf: Any) -> Any:
        if type(column) is Earlier:
            return self.slots[column.slot] if not column.ago else self._carried(column, column.ago)
        if type(column) is Fixed:
            value = self.outer.value(column.value)
            return self._input(("fixed", value), leaf, value) if type(value) is Node else value
        if type(column) is Rows:
            return self._input(column, leaf, self._rows(column))
        return self._input(("each", tuple(map(key_of, column.values))), leaf, self._each(column))

    def _input(self, key: Any, leaf: Any, value: Any) -> Any:
        """Return the input of the body that is given a value, of the class and the name of a leaf."""
        if type(value) not in (Stack, tuple, Node):
            return value
        if key not in self.inputs:
            made = self.inputs[key] = self.inner.input(spec_of(leaf), getattr(leaf, "name", None) or "x")
            self.given[made] = value
        return self.inputs[key]

    def _carried(self, column: Earlier, ago: int) -> Node:
        """Return the input that is a slot's value some steps ago."""
        first = column.first[column.ago - ago :]
        key = "carried", column.slot, ago, tuple(map(key_of, first))
        if key not in self.inputs:
            node = self.outer.program.steps[self.columns.run.start + column.slot]
            made = self.inputs[key] = self.inner.input(node.spec, self._name(column.slot) or "carried")
            self.first[made] = self.outer.value(first[0])
            self._origin[made] = self._carried(column, ago - 1) if ago > 1 else column.slot
        return self.inputs[key]

    def previous(self, x: Node) -> Any:
        """Return what a carried input is the value of, a step before."""
        origin = self._origin[x]
        return origin if type(origin) is Node else self.slots[origin]

    def _rows(self, column: Rows) -> Any:
        other = self.outer.done[column.run]
        rows = other.rows(other.slots[column.slot])
        stop = column.start + column.step * self.count
        part = slice(column.start, stop if stop >= 0 else None, column.step)
        if type(rows) is tuple:
            return rows[part]
        if type(rows) is not Stack or part == slice(0, rows.rows.shape[0], 1):
            return rows
        return Stack(self.b.call(GETITEM, rows.rows, part))

    def _each(self, column: Each) -> Any:
        return tuple(map(self.outer.value, column.values))

    def _rows_of_fixed(self, step: Any, columns: Any) -> Stack | None:
        """Return the rows that a loop takes from an array in order, as in x[t] and x[t, 1:]."""
        if step.fn is not GETITEM or step.kwargs or type(columns[0]) is not Fixed or len(columns) != 2:
            return None
        x, index = columns[0].value, columns[1]
        if type(index) is not Each or type(x) is not Node or not x.is_array:
            return None
        parts = [value if type(value) is tuple else (value,) for value in index.values]
        if any(type(part) is bool or not isinstance(part, _PLAIN) for row in parts for part in row):
            return None
        moving = [
            k for k, column in enumerate(zip(*parts, strict=True)) if any(c != column[0] for c in column)
        ]
        if len(moving) != 1 or not all(type(row[moving[0]]) is int for row in parts):
            return None
        place = moving[0]
        size = x.shape[place] if all(type(part) in (int, slice) for part in parts[0][:place]) else None
        span = size and span_of([row[place] % size for row in parts])
        if span is None:
            return None
        found = self.b.call(GETITEM, self.outer.value(x), (*parts[0][:place], span, *parts[0][place + 1 :]))
        place -= sum(type(part) is int for part in parts[0][:place])
        if place:
            axes = (place, *(k for k in range(step.ndim + 1) if k != place))
            found = self.b.call(onp.transpose, found, axes)
        return Stack(found)

    def at(self, slot: int, time: int) -> Any:
        """Return the value of a slot at a time."""
        x = self.slots[slot]
        if type(x) is not Node:
            return x
        if x in self.last and time == self.count - 1:
            return self.last[x]
        rows = self.rows(x)
        if type(rows) is Stack:
            return self.b.raw(GETITEM, (rows.rows, time), None, x.spec)
        return rows[time] if type(rows) is tuple else rows

    def rows(self, x: Any) -> Any:
        """Return what a value of the body is: a Stack, a tuple of values, or one value for all steps."""
        if type(x) is not Node:
            return x
        if x in self.given:
            return self.given[x]
        if x not in self.stacks and x in self.first:
            rows = self.as_stack(self.rows(self.previous(x)))
            self.stacks[x] = self.b.call(shifted, self.first[x], rows)
        if x not in self.stacks:
            raise Unfit
        return Stack(self.stacks[x])

    def as_stack(self, rows: Any) -> Any:
        """Return rows as one array."""
        if type(rows) is Stack:
            return rows.rows
        if type(rows) is tuple and all(type(x) in (Node, float, ndarray) for x in rows):
            return self.b.call(stack_of, list(rows))
        raise Unfit


def _is_index(column: Any) -> bool:
    """Say whether a column is of indices, of which no shape can be told."""
    return type(column) is Each and type(column.values[0]) not in (Node, float, ndarray)

"""A loop as one call of a program: what an unrolled loop is, once it has been rolled again."""

from __future__ import annotations

from typing import Any

import numpy as onp

from .program import Guard, Node, Program, Spec, map_nodes, spec_of
from .shapes import SPECS

__all__ = ["Loop", "guards_of", "is_loop", "shifted", "spec_of_rows"]

ndarray = onp.ndarray


class Loop:
    """A function of (first values, scanned, invariants): a body that runs ``count`` times.

    The inputs of the body are values that are carried from one time to the next, those that are scanned
    (rows of arrays, or parts of tuples), and those that stay. Its outputs are the next carried values and
    the values to be stored. The loop returns the last carried values and, for each stored value, their stack.
    """

    __name__ = "loop"
    __slots__ = ("body", "carried", "count", "scanned")

    def __init__(self, body: Program, count: int, carried: int, scanned: int) -> None:
        self.body, self.count, self.carried, self.scanned = body, count, carried, scanned

    @property
    def stored(self) -> list[Any]:
        """The outputs of the body that are stored."""
        return self.body.outputs[self.carried :]

    @property
    def spec(self) -> Spec:
        """What the loop returns."""
        last = [x.spec for x in self.body.inputs[: self.carried]]
        return Spec(tuple, (), None, (*last, *(spec_of_rows(spec_of(x), self.count) for x in self.stored)))

    def __call__(self, first: Any, scanned: Any, invariants: Any) -> Any:
        """Run the body as it stands, a call at a time: what the written loop means."""
        values, rows = list(first), []
        for parts in zip(*scanned, strict=True) if scanned else ((),) * self.count:
            given = (*values, *parts, *invariants)
            known = dict(zip(self.body.inputs, given, strict=True))
            for step in self.body.steps:
                if type(step) is Node:
                    args = map_nodes(known.__getitem__, step.args)
                    known[step] = step.fn(*args, **map_nodes(known.__getitem__, step.kwargs))  # type: ignore[misc]
            outputs = [map_nodes(known.__getitem__, x) for x in self.body.outputs]
            values = outputs[: self.carried]
            rows.append(outputs[self.carried :])
        return (*values, *(onp.stack(column) for column in zip(*rows, strict=True)))


def is_loop(x: Any) -> bool:
    """Say whether x is a node that is a loop."""
    return type(x) is Node and type(x.fn) is Loop


def guards_of(program: Program) -> list[Guard]:
    """Return the guards of a program and of its loops, in order."""
    found = []
    for step in program.steps:
        if isinstance(step, Guard):
            found.append(step)
        elif type(step.fn) is Loop:
            found += guards_of(step.fn.body)
    return found


def spec_of_rows(spec: Spec, count: int) -> Spec:
    """Return the spec of the stack of so many values of a kind."""
    return Spec(ndarray, (count, *spec.shape), spec.dtype)


def shifted(first: Any, stack: Any) -> Any:
    """Return the stack of values before each step: the first, and all of a stack but its last."""
    y = onp.empty_like(stack)
    y[0], y[1:] = first, stack[:-1]
    return y


def _spec_of_shifted(fn: Any, first: Any, stack: Any) -> Spec:
    return spec_of(stack)


SPECS[shifted] = _spec_of_shifted

"""One run of a function, from which products with its Jacobian are taken, one by one or in stacks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as onp

from .. import numpy as np
from .. import tree
from ..boxes import Box
from ..floating import silence
from ..opaque import Batched
from ..overflows import mark_overflows
from ..spaces import shed_kinks_of_derivative, zeros_like
from ..traces.pushforward import Steps, push_forward, steps_to
from ..traces.reverse import WIDTH, Tape
from ..traces.strong_zeros import has_nan
from ..tracing import sweep
from ..values import dtype_of, shape_of
from .calls import Call, check_output, finish, out_of, own_result
from .vmap import over_each, over_stack

ndarray = onp.ndarray

__all__ = ["Run"]


class Run:
    """One run of f, kept for products with its Jacobian from both sides.

    Attributes
    ----------
    leaves : list
        The leaves of y, boxed as f returned them; ``values`` are their values outside of this trace.
    value : container
        y, in memory that nobody else writes to.
    """

    def __init__(self, call: Call, ys: Any, tape: Tape) -> None:
        self.call, self.tape = call, tape
        self.leaves, self.structure = tree.flatten(ys)
        for leaf in self.leaves:
            check_output(call.f, leaf)
        self.entries = self.tape.end()
        self.one_by_one = self.tape.infinitesimals is not None  # a stack would lose them
        mark_overflows(self.entries, len(self.call.leaves), self.leaves)
        self.inside = [type(leaf) is Box and leaf.tape is self.tape for leaf in self.leaves]
        self.values = [out_of(self.tape, leaf) for leaf in self.leaves]

    @property
    def value(self) -> Any:
        return tree.unflatten(self.structure, [own_result(self.tape, leaf) for leaf in self.leaves])

    def pull(self, ybars: list[Any]) -> list[Any]:
        """Return the cotangent of each input, from those of the outputs; None is one of zeros."""
        seeded = list(self.entries)
        for n, ybar in enumerate(ybars):
            if ybar is not None and self.inside[n]:
                index = self.leaves[n].index
                seeded[index] = ybar if seeded[index] is None else seeded[index] + ybar
        xbars = sweep(seeded, self.call, self.call.leaves, masked=True)
        return [finish(xbar, x) for xbar, x in zip(xbars, self.call.leaves, strict=True)]

    def push(self, xdots: list[Any]) -> list[Any]:
        """Return the tangent of each output, from those of the inputs; None is one of zeros."""
        xs, known = self.call.leaves, [n for n, xdot in enumerate(xdots) if xdot is not None]
        stacked = type(xdots[known[0]]) is Batched
        slots = push_forward(self.entries, len(xs), xdots, self._steps, careful=not stacked)
        if stacked and self._has_nan(slots):
            slots = push_forward(self.entries, len(xs), xdots, self._steps)
        given = [xdots[n] for n in known], [xs[n] for n in known]
        return [
            finish(slots[leaf.index], value, *given) if inside else zeros_like(value)
            for leaf, value, inside in zip(self.leaves, self.values, self.inside, strict=True)
        ]

    @functools.cached_property
    def _steps(self) -> Steps:
        ends = [leaf.index for leaf, inside in zip(self.leaves, self.inside, strict=True) if inside]
        return steps_to(self.entries, len(self.call.leaves), ends)

    def _has_nan(self, slots: list[Any]) -> bool:
        """Say whether a tangent of an output is not a number."""
        ends = zip(self.leaves, self.inside, strict=True)
        with silence():
            return any(has_nan(slots[leaf.index]) for leaf, inside in ends if inside)

    def rows(self) -> list[list[Any]]:
        """Return, per output and input, ∂y/∂x: vmap of ȳ ↦ x̄ over the basis of the space of y."""
        self.tape.verify()
        xs = self.call.leaves
        blocks = []
        for n, (value, inside) in enumerate(zip(self.values, self.inside, strict=True)):
            if not inside:
                blocks.append([self._zeros(value, x) for x in xs])
                continue
            stacks = self._over_basis(self.pull, self.values, n, xs, _FEW_ROWS)
            blocks.append(
                [s.reshape(shape_of(value) + shape_of(x))[()] for s, x in zip(stacks, xs, strict=True)]
            )
        return blocks

    def columns(self) -> list[list[Any]]:
        """Return, per output and input, ∂y/∂x: vmap of ẋ ↦ ẏ over the basis of the space of x."""
        self.tape.verify()
        xs = self.call.leaves
        blocks: list[list[Any]] = [[] for _ in self.leaves]
        for n, x in enumerate(xs):
            stacks = self._over_basis(self.push, xs, n, self.values)
            for block, stack, value in zip(blocks, stacks, self.values, strict=True):
                block.append(_turned(stack, shape_of(value), shape_of(x)))
        return blocks

    def _over_basis(
        self, walk: Callable[[list[Any]], Any], ends: list[Any], n: int, to: list[Any], few: int = 1
    ) -> Any:
        """Return, per result of a walk, the stack of its values at the basis of the space of the n-th end.

        Up to ``few`` walks with small numbers, one by one, take less time than one with a stack.
        """
        x, before, behind = ends[n], [None] * n, [None] * (len(ends) - n - 1)
        count = math.prod(shape_of(x))
        if not count:
            return [onp.zeros((0, *shape_of(like)), dtype_of(like)) for like in to]

        def alone(part: Any) -> Any:
            return walk([*before, part, *behind])

        if self.one_by_one or (
            count <= few and max(map(_size, [*self.call.leaves, *self.values])) <= _FEW_NUMBERS
        ):
            return _apart(over_each(alone, [(basis[0] for basis in _bases(x, count, 1))], [x]))
        bases = _bases(x, count, min(count, self.at_once))
        stacks = [over_stack(alone, [basis], [x]) for basis in bases]
        return _apart(_concatenated([list(map(shed_kinks_of_derivative, found)) for found in stacks]))

    def products(self, seeds: Any, forward: bool) -> Any:
        """Return the products of the Jacobian, or of its transpose, with seeds: one per row, as vectors."""
        self.tape.verify()
        ends, walk = (self.call.leaves, self.push) if forward else (self.values, self.pull)
        stacks = parts_like(seeds, ends)
        found = []
        for n in range(0, len(seeds), self.at_once):
            some = [stack[n : n + self.at_once] for stack in stacks]
            found.append(over_stack(lambda *parts: walk(list(parts)), some, ends))
        rows = [np.reshape(part, (len(seeds), -1)) for part in _concatenated(found)]
        return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)

    @functools.cached_property
    def at_once(self) -> int:
        """How many cotangents or tangents to send along the tape at once."""
        if self.one_by_one:
            return 1
        return _stack_size(self.entries, len(self.call.leaves), [*self.call.leaves, *self.values])

    def _zeros(self, y: Any, x: Any) -> Any:
        return onp.zeros(shape_of(y) + shape_of(x), dtype_of(x))[()]

    def assembled(self, blocks: list[list[Any]]) -> Any:
        """Return the blocks in the containers of y, and inside of those in the containers of x."""
        filled = []
        for block in blocks:
            found = self.call.rebuilt(block)
            filled.append(found[0] if self.call.single else tuple(found))
        return tree.unflatten(self.structure, filled)


def parts_like(vectors: Any, leaves: list[Any]) -> list[Any]:
    """Return the parts of vectors, one per row, in the shapes and of the dtypes of leaves."""
    found, end = [], 0
    for x in leaves:
        start, end = end, end + math.prod(shape_of(x))
        part = np.reshape(vectors[:, start:end], (len(vectors), *shape_of(x)))
        found.append(part if dtype_of(part) == dtype_of(x) else np.astype(part, dtype_of(x)))
    return found


def _concatenated(found: list[list[Any]]) -> list[Any]:
    """Return lists of stacks as one list of them."""
    return [np.concatenate(parts) for parts in zip(*found, strict=True)] if len(found) > 1 else found[0]


# How many numbers a stack may have at any one step, so that it stays in the cache (measured: from
# 2**15 to 2**18 there is no difference), and in all steps together.
AT_ONCE = 1 << 17
IN_ALL = 1 << 24
_FEW_ROWS, _FEW_NUMBERS = 4, 1000  # walks back that are taken one by one, with at most so many numbers


def _stack_size(entries: list[Any], inputs: int, ends: list[Any]) -> int:
    """Return how many cotangents or tangents to send along a tape at once.

    ``ends`` are its inputs and outputs. In between, a y that is let go of is an argument further on.
    """
    sizes = list(map(_size, ends))
    for start in range(inputs + 1, len(entries), WIDTH):
        y, a, b, source_a, source_b = entries[start + 1 : start + WIDTH - 1]
        if y is not None:
            sizes.append(_size(y))
        elif source_a is not None:
            sizes += [_size(x) for x, n in ((a, source_a), (b, source_b)) if n]
        elif type(source_b) is tuple:
            sizes += [_size(a[n] if type(n) is int else b[n]) for n, _ in source_b]
    return max(1, min(AT_ONCE // max(1, *sizes), IN_ALL // max(1, sum(sizes))))


def _size(x: Any) -> int:
    """Return how many numbers an array has, traced or not; 1 of anything else."""
    return x.size if type(x) is ndarray else math.prod(getattr(x, "shape", ()))


def _bases(x: Any, count: int, at_once: int) -> Iterator[Any]:
    """Iterate over the standard basis of the space of x, in stacks of so many at once."""
    for first in range(0, count, at_once):
        many = min(at_once, count - first)
        stack = onp.zeros((many, *shape_of(x)), dtype_of(x))
        stack.reshape(-1)[first :: count + 1] = 1
        yield stack


def _apart(stacks: list[Any]) -> list[Any]:
    """Return stacks that can be written to, no two of which are one array: the members of a sum share ȳ."""
    seen: set[int] = set()
    for n, stack in enumerate(stacks):
        if type(stack) is ndarray:
            memory = id(stack) if stack.base is None else id(stack.base)
            if memory in seen or not stack.flags.writeable:
                stacks[n] = stack.copy()
            seen.add(memory)
    return stacks


def _turned(stack: Any, out: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """Return a stack of ẏ, one for each number in x, as an array of shape (*out, *in)."""
    if out:
        stack = np.transpose(stack, (*range(1, len(out) + 1), 0))  # moveaxis takes 4 µs
    return stack.reshape(out + shape)[()]

"""Which numbers of a program of arrays are Python's own: NumPy takes 60 ns to add two, Python 15.

Elements of arrays are taken out as Python's numbers, and so is what is computed of such numbers alone.
Where NumPy would raise for an invalid operation, Python makes a nan of ∞ - ∞ without a word: such numbers are
tested where something else reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp

from .loops import Loop
from .program import GETITEM, Guard, Node, Program, nodes_in, parents
from .stacking import stack_of

__all__ = ["Scalars"]

FLOAT = onp.dtype(float)
_FLOATS = frozenset({float, onp.float64})
_TAKERS: frozenset[Any] = frozenset({onp.array, stack_of, onp.where, onp.reshape, onp.broadcast_to})

_SWALLOW: frozenset[Any] = frozenset({onp.hypot, onp.power})  # of a nan, they may make a number


class Scalars:
    """``inside`` are the nodes that are Python's numbers, ``asked`` those of them to be tested for nan.

    ``has_word`` says whether a call of numbers is one of Python's operators or of math. Of the inputs of the
    body of a loop, NumPy's numbers are Python's too.
    """

    def __init__(self, program: Program, has_word: Callable[[Node], bool], is_body: bool = False) -> None:
        self.readers: dict[Node, list[Any]] = {}
        for step in program.steps:
            for p in parents(step):
                self.readers.setdefault(p, []).append(step)
        found: set[Any] = {n for n in program.inputs if n.type is float or (is_body and _is_number(n))}
        for n in program.nodes:
            if _is_element(n) or (has_word(n) and _is_computed_of(n, found)):
                found.add(n)
        while True:
            kept = {n for n in found if all(self._takes(r, found) for r in self.readers.get(n, ()))}
            kept = {n for n in kept if n.fn is None or _is_element(n) or _is_computed_of(n, kept)}
            if len(kept) == len(found):
                break
            found = kept
        if all(n.fn is None or _is_element(n) for n in found):
            found = set()  # there is nothing to be gained
        self.inside: set[Node] = found
        outputs = {x for x in program.outputs if type(x) is Node}
        new = self._may_be_new_nans(program)
        self.asked = self._last({n for n in new if n in outputs or self._is_read_outside(n)})

    def _last(self, asked: set[Node]) -> set[Node]:
        """Return these numbers without those of which a nan arrives at another of them."""
        found: set[Node] = set()  # a nan in these is found, in themselves or later
        kept: set[Node] = set()
        for n in sorted(self.inside, key=lambda n: -n.id):
            arrives = any(
                type(r) is Node and r in found and r.fn not in _SWALLOW for r in self.readers.get(n, ())
            )
            if n in asked and not arrives:
                kept.add(n)
            if n in asked or arrives:
                found.add(n)
        return kept

    def _may_be_new_nans(self, program: Program) -> set[Node]:
        """Return the numbers that may be nan though nothing is that they are computed of."""
        found: set[Node] = set()
        for n in program.nodes:
            is_computed = n in self.inside and n.type in _FLOATS and n.fn is not GETITEM
            if is_computed and (_makes_nan(n) or any(p in found for p in parents(n))):
                found.add(n)
        return found

    def _is_read_outside(self, n: Node) -> bool:
        """Say whether something else than a number reads a number, or a comparison, which no nan leaves."""
        return any(
            type(r) is Node and (r not in self.inside or r.type not in _FLOATS)
            for r in self.readers.get(n, ())
        )

    @staticmethod
    def _takes(reader: Any, found: set[Any]) -> bool:
        """Say whether a step takes a number of Python's as it does one of NumPy's."""
        if isinstance(reader, Guard):
            return reader.how != "kind"
        if reader in found:
            return True
        if type(reader.fn) is Loop or reader.dtype not in (FLOAT, bool):
            return False
        others = [p for p in nodes_in((reader.args, reader.kwargs)) if p.dtype not in (FLOAT, bool)]
        return not others and (isinstance(reader.fn, onp.ufunc) or reader.fn in _TAKERS)


def _makes_nan(n: Node) -> bool:
    """Say whether a call may make a nan of other numbers: ∞ - ∞, 0·∞; functions of math raise."""
    if n.fn in (onp.add, onp.subtract):
        return all(type(x) is Node for x in n.args) and n.args[0] is not n.args[1]
    if n.fn is onp.multiply:
        return n.args[0] is not n.args[1] and all(type(x) is Node or x == 0 for x in n.args)
    return n.fn is onp.divide and type(n.args[1]) is Node


def _is_number(n: Node) -> bool:
    return n.type is onp.float64


def _is_element(n: Node) -> bool:
    """Say whether a node is an element of an array, named by integers that do not change."""
    if n.fn is not GETITEM or n.type is not onp.float64 or type(n.args[0]) is not Node:
        return False
    x, index = n.args
    parts = index if type(index) is tuple else (index,)
    return bool(x.is_array and len(parts) == x.ndim and all(type(k) is int for k in parts))


def _is_computed_of(n: Node, known: set[Any]) -> bool:
    """Say whether the operands of a call are Python's numbers, at least one of them no constant."""
    if n.fn is GETITEM or n.kwargs or (n.type not in _FLOATS and n.type not in (bool, onp.bool_)):
        return False
    given = [x for x in n.args if type(x) is Node]
    return bool(given) and all(
        x in known and x.type in _FLOATS if type(x) is Node else type(x) in (int, float) for x in n.args
    )

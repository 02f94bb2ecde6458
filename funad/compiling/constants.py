"""Constants that are one number everywhere, as that number.

An array that a rule has made while the function ran, as the ȳ of a sum, is nobody's but the program's: it
cannot change. One that somebody else holds too may be written into between calls, and is left as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as onp

from ..cpython import other_holders
from .program import Builder, Guard, Node, Program

__all__ = ["numbers_for_arrays"]

ndarray = onp.ndarray


def numbers_for_arrays(program: Program) -> Program:
    """Return a program in which its own arrays of one number are broadcasts of that number."""
    own = _own_arrays(program)
    if not own:
        return program
    b = Builder(program.inputs)
    new: dict[Any, Any] = {n: n for n in program.inputs}

    def at(x: Any) -> Any:
        kind = type(x)
        if kind is Node:
            return new[x]
        if kind is ndarray:
            return own.get(id(x), x)
        if kind is tuple or kind is list:
            return kind([at(part) for part in x])
        return {name: at(part) for name, part in x.items()} if kind is dict else x

    for step in program.steps:
        if isinstance(step, Guard):
            b.guard(new[step.node], step.how, step.expected, step.line)
        else:
            b.name = step.name
            new[step] = b.raw(step.fn, at(step.args), at(step.kwargs), step.spec)
    b.name = None
    return b.program([at(x) for x in program.outputs])


def _own_arrays(program: Program) -> dict[int, Any]:
    """Return what the arrays of a program are as broadcasts, those that are one number and nobody else's."""
    arrays = _Arrays()
    for n in program.nodes:
        arrays.look(n.args)
        arrays.look(n.kwargs)
    arrays.look((onp.ones(2),))
    *keys, probe = arrays.found
    nobody = other_holders(arrays.found[probe])  # of an array that only this table holds
    own = [key for key in keys if other_holders(arrays.found[key]) <= nobody + arrays.uses[key]]
    return {
        key: onp.broadcast_to(x.reshape(-1)[:1].reshape((1,) * x.ndim).copy(), x.shape)
        for key, x in arrays.found.items()
        if key in own and _is_one_number(x)
    }


class _Arrays:
    """The arrays that arguments hold, by their ids, and how often."""

    def __init__(self) -> None:
        self.found: dict[int, Any] = {}
        self.uses: dict[int, int] = {}

    def look(self, x: Any) -> None:
        kind = type(x)
        if kind is ndarray:
            self.found[id(x)] = x
            self.uses[id(x)] = self.uses.get(id(x), 0) + 1
        elif kind is tuple or kind is list:
            for part in x:
                self.look(part)
        elif kind is dict:
            for part in x.values():
                self.look(part)


def _is_one_number(x: Any) -> bool:
    if x.base is not None or not x.ndim or not x.size or x.dtype.kind not in "fiu" or not any(x.strides):
        return False
    first = x.flat[0]
    return bool((x == first).all()) and (first != 0 or not onp.signbit(x).any())

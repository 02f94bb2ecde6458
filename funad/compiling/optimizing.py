"""The passes over a program, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .program import Builder, Program, rebuild
from .rewriting import RULES
from .shapes import infer

__all__ = ["PASSES", "optimized"]

_ROUNDS = 2  # what one rewrite makes, another may read


def simplify(program: Program) -> Program:
    """Return a program with every call put through the rewrites."""
    for _ in range(_ROUNDS):
        program = rebuild(program, Builder(program.inputs, RULES, infer))
    return program


# By name, so that each can be left out.
PASSES: dict[str, Callable[[Program], Program]] = {"simplify": simplify}


def optimized(program: Program, passes: Any = None) -> Program:
    """Return a program after the passes of these names, all of them by default."""
    for name, step in PASSES.items():
        if passes is None or name in passes:
            program = step(program)
    return program

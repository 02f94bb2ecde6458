"""The passes over a program, in order."""

from __future__ import annotations

from typing import Any

from .program import Program

__all__ = ["PASSES", "optimized"]

PASSES: dict[str, Any] = {}


def optimized(program: Program, passes: Any = None) -> Program:
    """Return a program after the named passes, all of them by default."""
    for name, step in PASSES.items():
        if passes is None or name in passes:
            program = step(program)
    return program

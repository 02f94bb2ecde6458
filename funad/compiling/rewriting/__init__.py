"""Rewrites: what a call may be instead, by field. Each returns an equal, cheaper call, or None.

They may change rounding, and nothing else: a value that is infinite or none where eager's is not, or the
reverse, is no equal. Not allowed: anything that makes 1 - y of e·y, which loses the tail of the logistic
function; x - x = 0 and 0·x = 0.
"""

from __future__ import annotations

from typing import Any

from ..program import Builder, Program, Remake, rebuild
from ..shapes import infer
from . import elementwise, indexing, manipulation, products, reductions

__all__ = ["RULES", "rewritten"]

RULES = {
    **elementwise.RULES,
    **indexing.RULES,
    **manipulation.RULES,
    **products.RULES,
    **reductions.RULES,
}


def rewritten(program: Program, remake: Remake | None = None, rules: Any = RULES) -> Program:
    """Return a program with every call made once more, by ``remake`` and put through the rewrites."""
    return rebuild(program, Builder(program.inputs, rules, infer), remake)

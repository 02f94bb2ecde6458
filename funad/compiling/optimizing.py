"""The passes over a program, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .blocks import views_first
from .bounds import ask_of_arguments
from .constants import numbers_for_arrays
from .diagonals import compact_diagonals
from .factors import early_factors_of_steps
from .guarding import without_needless_guards
from .infinities import ask_where_infinities_arise
from .layouts import exchange_short_axes
from .neighbours import join_concatenations, join_slices
from .products import sum_products_in_use
from .program import Program
from .regrouping import regroup
from .rewriting import rewritten
from .rolling import roll
from .rows import join_rows
from .stacking import stack_like_calls, sums_of_steps
from .triangles import solve_by_factors
from .writes import add_in_place

__all__ = ["OF_NUMPY", "PASSES", "SHARED", "optimized"]

_ROUNDS = 2  # what one rewrite makes, another may read
_LONG = 3000  # steps from which one round must do


def simplify(program: Program) -> Program:
    """Return a program with every call put through the rewrites."""
    for _ in range(_ROUNDS if len(program.steps) < _LONG else 1):
        program = rewritten(program)
    return program


def simplify_once(program: Program) -> Program:
    """Return a program with every call put through the rewrites once."""
    return rewritten(program)


# By name, so that each can be left out.
PASSES: dict[str, Callable[[Program], Program]] = {
    "constants": numbers_for_arrays,
    "guards": without_needless_guards,
    "infinities": ask_where_infinities_arise,
    "roll": roll,
    "simplify": simplify,
    "slices": join_slices,
    "concatenations": join_concatenations,
    "regroup": regroup,
    "factors": solve_by_factors,
    "diagonals": compact_diagonals,
    "early": early_factors_of_steps,
    "sums": sums_of_steps,
    "stacks": stack_like_calls,
    "again": simplify_once,
    "layouts": exchange_short_axes,
    "products": sum_products_in_use,
    "writes": add_in_place,
    "bounds": ask_of_arguments,
    "rows": join_rows,
    "views": views_first,
}
# Passes that save NumPy's calls and copies, which kernels do not make.
OF_NUMPY = frozenset({"bounds", "early", "layouts", "rows", "stacks", "views", "writes"})
# Passes that come before those, so that a program and its kernels share what they make.
SHARED = list(PASSES)[: min(map(list(PASSES).index, OF_NUMPY))]


def optimized(program: Program, passes: Any = None) -> Program:
    """Return a program after the passes of these names, all of them by default."""
    for name, step in PASSES.items():
        if passes is None or name in passes:
            program = step(program)
    return program

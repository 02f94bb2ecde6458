"""Systems of equations with a matrix that the program has factorised already, by SciPy where it is there."""

from __future__ import annotations

from typing import Any

import numpy as onp

from ..numpy.kernels import kernels
from .program import Builder, Node, Program, Spec, spec_of
from .rewriting import rewritten
from .shapes import SPECS

__all__ = ["is_symmetric", "solve_by_factors", "solve_with_factor"]

_LARGE = 128  # rows from which the look at the symmetry of a matrix is paid for by a solution
_TRANSPOSES = frozenset({onp.transpose, onp.matrix_transpose, onp.linalg.matrix_transpose})


def is_symmetric(a: Any) -> bool:
    """Say whether a matrix is symmetric: its lower triangle, which a Cholesky factor is of, is all of it."""
    return bool((a == a.T).all())


def solve_with_factor(a: Any, low: Any, b: Any, symmetric: bool) -> Any:
    """Return the solution of a x = b, by the Cholesky factor of a where that is the factor of all of a."""
    found: Any = kernels("get_lapack_funcs", ("potrs",), low, a) if symmetric else None  # type: ignore[no-untyped-call]
    if found is None:
        return onp.linalg.solve(a, b)
    x, wrong = found[0](low.T, b, lower=0)
    return onp.ascontiguousarray(x) if not wrong else onp.linalg.solve(a, b)


def _spec_of_solution(fn: Any, a: Any, low: Any, b: Any, symmetric: Any) -> Spec:
    return spec_of(b)


SPECS[solve_with_factor] = _spec_of_solution
SPECS[is_symmetric] = lambda fn, a: Spec(bool, (), onp.dtype(bool))


def solve_by_factors(program: Program) -> Program:
    """Return a program that solves systems by the Cholesky factors that it has."""
    factors = {
        n.args[0]: n
        for n in program.nodes
        if n.fn is onp.linalg.cholesky and not n.kwargs and len(n.args) == 1 and _fits(n)
    }
    if not factors:
        return program

    def remake(b: Builder, n: Node, new: Any) -> Any:
        if n.fn is not onp.linalg.solve or n.kwargs or any(type(x) is not Node for x in n.args):
            return None
        matrix, right = n.args
        whole = matrix.args[0] if matrix.fn in _TRANSPOSES and len(matrix.args) == 1 else matrix
        low = factors.get(whole)
        if low is None or low.id > n.id or right.ndim not in (1, 2) or right.dtype != matrix.dtype:
            return None
        b.name = b.hint = None
        symmetric = b.call(is_symmetric, new(whole))
        b.name = n.name
        return b.call(solve_with_factor, new(matrix), new(low), new(right), symmetric)

    return rewritten(program, remake)


def _fits(n: Node) -> bool:
    a = n.args[0]
    return type(a) is Node and a.is_array and a.ndim == 2 and a.shape[0] >= _LARGE and a.dtype.char in "df"

"""NumPy's own functions of LAPACK, without what numpy.linalg asks and converts before it calls them.

They say that a matrix is singular by an invalid operation, which sends the call to eager, and so to the error
of numpy.linalg. Of a small matrix, what numpy.linalg does beside takes three quarters of the time.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as onp

from .program import Node

__all__ = ["plain_function"]

_NAMES: dict[Any, str] = {
    onp.linalg.inv: "inv", onp.linalg.det: "det", onp.linalg.slogdet: "slogdet",
    onp.linalg.cholesky: "cholesky_lo", onp.linalg.eigh: "eigh_lo",
}  # fmt: skip


def _found() -> Any:
    """Return NumPy's module, which is private and may be another one day."""
    try:
        return importlib.import_module("numpy.linalg._umath_linalg")
    except ImportError:
        return None


_LAPACK = _found()


def plain_function(n: Node) -> Callable[..., Any] | None:
    """Return the ufunc that does a call of numpy.linalg; None if there is none."""
    fits = all(type(x) is Node and x.is_array and x.dtype.char in "df" and x.size for x in n.args)
    if n.kwargs or not fits or len({x.dtype for x in n.args}) != 1:
        return None
    if n.fn is onp.linalg.solve and len(n.args) == 2:
        name = "solve1" if n.args[1].ndim == 1 else "solve"
    else:
        name = _NAMES.get(n.fn, "") if len(n.args) == 1 else ""
    found: Callable[..., Any] | None = getattr(_LAPACK, name, None) if name else None
    return found

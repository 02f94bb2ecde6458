"""LAPACK and BLAS by SciPy, where it is installed: the one door to it outside of funad.scipy.

NumPy has no triangular systems, and keeps no factors. SciPy is loaded with the first large matrix.
"""

import functools
import importlib
import importlib.util

import numpy as _np

__all__ = ["kernels"]

# From which on SciPy's kernels are used: of a matrix of 300, the rule of cholesky takes 2.8 ms, not 3.5.
_LARGE = 128


@functools.cache
def _scipy():
    """Return SciPy's linear algebra, or None without SciPy."""
    found = importlib.util.find_spec("scipy") is not None
    return importlib.import_module("scipy.linalg") if found else None


def kernels(get, names, *matrices):
    """Return kernels for large plain matrices; None for others, or without SciPy."""
    if len(matrices[0]) < _LARGE or not all(type(x) is _np.ndarray and x.ndim == 2 for x in matrices):
        return None
    linalg = _scipy()
    return None if linalg is None else getattr(linalg, get)(names, matrices)

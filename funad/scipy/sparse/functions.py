"""Functions of a sparse matrix: the exponential and its products, the inverse, powers, norms."""

import math

import numpy as onp
from scipy import sparse as _sparse
from scipy.sparse import linalg as _linalg

from ... import numpy as np
from ...boxes import innermost
from ...errors import NotDifferentiableError
from ...transforms.closures import attached, plain_of
from .. import linalg as _dense
from .arrays import Sparse, is_sparse, sparse_of, traced_in
from .arrays import matrix_power as _power
from .layouts import coordinates, layout_of, matrix_of
from .solving import Factors, is_plain, solved

__all__ = ["expm", "expm_multiply", "inv", "matrix_power", "norm", "plain_matrix"]


def plain_matrix(A):
    """Return the plain matrix under every trace, as one of SciPy's."""
    if is_sparse(A):
        matrix = sparse_of(A)
        return matrix_of(plain_of(matrix.data), matrix.layout, matrix.form)
    return plain_of(A)


def _with_values(found, dense):
    """Return SciPy's sparse result with the derivatives of the array that it is."""
    rows, columns = coordinates(layout_of(found))
    return Sparse(attached(found.data, dense[rows, columns]), layout_of(found), "array")


def expm(A):
    """Return the exponential of a matrix; of traced ones by that of the array."""
    if is_plain(A):
        return _linalg.expm(A)
    if not is_sparse(A):
        return _dense.expm(A)
    matrix = sparse_of(A)
    found = _linalg.expm(plain_matrix(A).tocsc())
    return _with_values(found, _dense.expm(matrix.toarray()))


def inv(A):
    """Return the inverse of a sparse matrix."""
    if is_plain(A):
        return _linalg.inv(A)
    if not is_sparse(A):
        raise TypeError("Input must be a sparse arrays")
    matrix = sparse_of(A)
    found = _sparse.csc_array(_linalg.inv(plain_matrix(A).tocsc()))
    dense = solved(matrix.data, onp.eye(matrix.shape[0]), matrix.layout, Factors(), "N")
    return _with_values(found, dense)


def matrix_power(A, power):
    """Return a sparse matrix to a power that is a whole number."""
    return _linalg.matrix_power(A, power) if is_plain(A, power) else _power(sparse_of(A), power)


def norm(x, ord=None, axis=None):
    """Return a norm of a sparse matrix, or of its rows or columns."""
    if is_plain(x):
        return _linalg.norm(x, ord, axis)
    if not is_sparse(x):
        raise TypeError("input is not sparse. use numpy.linalg.norm")
    matrix = sparse_of(x).summed()
    if axis is None and ord in (None, "fro", "f"):
        return np.linalg.norm(matrix.data)
    if axis is None and ord in (1, -1, onp.inf, -onp.inf):
        sums = abs(matrix).sum(0 if abs(ord) == 1 else 1)
        return (np.max if ord > 0 else np.min)(np.ravel(sums))
    if ord in (0, "nuc"):
        raise NotDifferentiableError(
            f"norm of the order {ord!r} has no derivative in funad for sparse matrices"
        )
    return np.linalg.norm(matrix.toarray(), ord, axis)


_TERMS = 55  # of the series, for a norm of one
_NORM = 2.0  # up to which a step is one series


def expm_multiply(A, B, start=None, stop=None, num=None, endpoint=None, traceA=None):
    """Return exp(A) B, or exp(tA) B for steps t, without the exponential."""
    if is_plain(A, B, start, stop):
        return _linalg.expm_multiply(A, B, start, stop, num, endpoint, traceA)
    if not is_sparse(A) and innermost((A,)) is None and not isinstance(A, onp.ndarray):
        raise NotDifferentiableError(
            "expm_multiply of an operator beside traced values; give it a sparse matrix or an array"
        )
    if traced_in([start, stop]):
        raise NotDifferentiableError("expm_multiply has no derivative in start and stop; scale A instead")
    plain_a, plain_b = plain_matrix(A), plain_of(B)
    plain = _linalg.expm_multiply(plain_a, plain_b, start, stop, num, endpoint, traceA)
    B = np.asarray(B)
    if start is None:
        return attached(plain, _action(A, B, plain_a))
    count = 50 if num is None else num
    times = onp.linspace(start, stop, count, endpoint=True if endpoint is None else endpoint)
    parts = [_action(A, B, plain_a, times[0])]
    for step in onp.diff(times).tolist():
        parts.append(_action(A, parts[-1], plain_a, step))
    return attached(plain, np.stack(parts))


def _action(A, B, plain, t=1.0):
    """Return exp(tA) B by Taylor's series, in steps in which the norm of A is small (Al-Mohy, Higham, 2011).

    The diagonal's mean is taken out and put in again as a factor, as SciPy does.
    """
    n = plain.shape[0]
    size = float(abs(t) * onp.max(abs(plain).sum(axis=0), initial=0.0))
    if not math.isfinite(size):
        raise NotDifferentiableError("expm_multiply of a matrix whose norm is not finite")
    steps = max(1, math.ceil(size / _NORM))
    h, y = t / steps, B
    for _ in range(steps):
        term = y
        for k in range(1, _TERMS):
            term = (A @ term) * (h / k)
            y = y + term
            if (size / steps) ** k / math.factorial(k) < 2e-19 and k > 4:
                break
    return y if n else B

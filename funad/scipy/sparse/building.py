"""Matrices made of others: stacked, of diagonals, of blocks, of products of all entries."""

import functools

import numpy as onp
from scipy import sparse as _sparse

from ... import numpy as np
from .arrays import Sparse, arranged, is_sparse, sparse_of, traced_in
from .layouts import Layout, coordinates

__all__ = [
    "block_array", "block_diag", "bmat", "diags", "diags_array", "hstack", "issparse", "isspmatrix",
    "isspmatrix_bsr", "isspmatrix_coo", "isspmatrix_csc", "isspmatrix_csr", "isspmatrix_dia",
    "isspmatrix_dok", "isspmatrix_lil", "kron", "kronsum", "spdiags", "swapaxes", "tril", "triu", "vstack",
]  # fmt: skip


def _or_plain(theirs):
    """Make the decorated function what SciPy's is where something in its arguments is traced."""

    def decorate(g):
        @functools.wraps(theirs)
        def wrapped(*args, **kwargs):
            if any(type(x) is Sparse for x in _flat(args)) or traced_in([*args, *kwargs.values()]):
                return g(*args, **kwargs)
            return theirs(*args, **kwargs)

        wrapped.__module__ = "funad.scipy.sparse"
        del wrapped.__wrapped__
        return wrapped

    return decorate


def _flat(xs):
    for x in xs:
        if isinstance(x, (list, tuple)) or (type(x) is onp.ndarray and x.dtype == object):
            yield from _flat(x)
        else:
            yield x


def _converted(made, format=None, dtype=None):
    """Return a matrix in a format and a dtype; of the formats without traced entries, csr."""
    if format is not None and is_sparse(made):
        made = made.asformat(format if format in ("csr", "csc", "coo") else "csr")
    return made if dtype is None else made.astype(dtype)


@_or_plain(_sparse.vstack)
def vstack(blocks, format=None, dtype=None):
    return _converted(arranged(_sparse.vstack, list(blocks)), format, dtype)


@_or_plain(_sparse.hstack)
def hstack(blocks, format=None, dtype=None):
    return _converted(arranged(_sparse.hstack, list(blocks)), format, dtype)


@_or_plain(_sparse.bmat)
def bmat(blocks, format=None, dtype=None):
    return _converted(arranged(_sparse.bmat, [list(row) for row in blocks]), format, dtype)


@_or_plain(_sparse.block_array)
def block_array(blocks, *, format=None, dtype=None):
    return _converted(arranged(_sparse.block_array, [list(row) for row in blocks]), format, dtype)


@_or_plain(_sparse.block_diag)
def block_diag(mats, format=None, dtype=None):
    return _converted(arranged(_sparse.block_diag, [_block(x) for x in mats]), format, dtype)


def _block(x):
    return x if is_sparse(x) else np.atleast_2d(np.asarray(x))


@_or_plain(_sparse.tril)
def tril(A, k=0, format=None):
    return _converted(arranged(lambda m: _sparse.tril(m, k), _matrix(A)), format)


@_or_plain(_sparse.triu)
def triu(A, k=0, format=None):
    return _converted(arranged(lambda m: _sparse.triu(m, k), _matrix(A)), format)


def _matrix(x):
    return x if is_sparse(x) else sparse_of(x)


@_or_plain(_sparse.kron)
def kron(A, B, format=None):
    a, b = (sparse_of(x).summed() for x in (A, B))
    (i, j), (k, m) = coordinates(a.layout), coordinates(b.layout)
    rows = (i[:, None].astype(onp.int64) * b.shape[0] + k).ravel()
    columns = (j[:, None].astype(onp.int64) * b.shape[1] + m).ravel()
    shape = (a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])
    form = "array" if "array" in [x.form for x in map(sparse_of, (A, B)) if is_sparse(x)] else "matrix"
    made = Sparse(np.ravel(a.data[:, None] * b.data), Layout(rows, columns, "coo", shape), form)
    return _converted(made, format)


@_or_plain(_sparse.kronsum)
def kronsum(A, B, format=None):
    a, b = sparse_of(A), sparse_of(B)
    left = kron(_sparse.eye_array(b.shape[0]), a)
    right = kron(b, _sparse.eye_array(a.shape[0]))
    return _converted(sparse_of(left) + right, format)


def _of_diagonals(theirs):
    """Return diags or diags_array: dia stores more than the entries, so that the result is csr instead."""

    @_or_plain(theirs)
    def of_diagonals(diagonals, offsets=0, shape=None, format=None, dtype=None):
        one = not isinstance(offsets, (list, tuple)) and onp.ndim(offsets) == 0
        if one and (not isinstance(diagonals, (list, tuple)) or np.ndim(diagonals[0]) == 0):
            diagonals = [diagonals]
        parts = [np.atleast_1d(np.asarray(d)) for d in diagonals]
        places = [offsets] if one else offsets
        made = arranged(lambda labels: theirs(labels, offsets=places, shape=shape, dtype=int), parts)
        return _converted(made, format, dtype)

    return of_diagonals


diags = _of_diagonals(_sparse.diags)
diags_array = _of_diagonals(_sparse.diags_array)


@_or_plain(_sparse.spdiags)
def spdiags(data, diags, m=None, n=None, format=None):
    made = arranged(lambda labels: _sparse.spdiags(labels[0], diags, m, n), [np.atleast_2d(np.asarray(data))])
    return _converted(made, format)


def swapaxes(A, axis1, axis2):
    if type(A) is not Sparse:
        return _sparse.swapaxes(A, axis1, axis2)
    return A.T if (axis1 - axis2) % 2 else A


def issparse(x):
    """Say whether x is a sparse array or matrix, of SciPy's or with traced entries."""
    return is_sparse(x)


def isspmatrix(x):
    """Say whether x is one of the older sparse matrices, of SciPy's or with traced entries."""
    return x.form == "matrix" if type(x) is Sparse else _sparse.isspmatrix(x)


def _of_format(format):
    theirs = getattr(_sparse, f"isspmatrix_{format}")

    @functools.wraps(theirs)
    def is_of_format(x):
        return isspmatrix(x) and x.format == format if type(x) is Sparse else theirs(x)

    is_of_format.__module__ = "funad.scipy.sparse"
    del is_of_format.__wrapped__
    return is_of_format


isspmatrix_bsr, isspmatrix_coo, isspmatrix_csc, isspmatrix_csr = map(_of_format, ("bsr", "coo", "csc", "csr"))
isspmatrix_dia, isspmatrix_dok, isspmatrix_lil = map(_of_format, ("dia", "dok", "lil"))

"""Where the entries of a sparse matrix stand, apart from the entries: what is plain of a traced matrix.

A primitive of a sparse matrix is one of the vector of its stored entries. It takes the layout beside it, as
arrays, so that a tape keeps them as they were.
"""

from typing import NamedTuple

import numpy as onp
from scipy import sparse as _sparse

from ...primitives import primitive

try:  # without further arrays and without making a matrix: a third to two thirds of the time
    from scipy.sparse import _sparsetools as _tools
except ImportError:  # it is no public name
    _tools = None

__all__ = [
    "DENSE", "FORMATS", "Layout", "coordinates", "kind_of", "layout_of", "matrix_of", "product", "sampled",
    "transposed",
]  # fmt: skip

FORMATS = ("csr", "csc", "coo")
DENSE = "dense"


class Layout(NamedTuple):
    """The places of the stored entries of a matrix.

    Attributes
    ----------
    a, b : int arrays
        Of "csr" and "csc" the minor indices and the pointers, of "coo" the rows and the columns, with
        duplicates perhaps; None of "dense", whose entries are an array of two axes.
    format : str
    shape : tuple of two ints
    """

    a: onp.ndarray | None
    b: onp.ndarray | None
    format: str
    shape: tuple[int, int]

    def copied(self):
        """Return the same places in memory of their own."""
        return self if self.a is None else self._replace(a=self.a.copy(), b=self.b.copy())


def layout_of(matrix):
    """Return the layout of one of SciPy's sparse matrices in one of the three formats, or of an array."""
    if not _sparse.issparse(matrix):
        return Layout(None, None, DENSE, tuple(matrix.shape))
    if matrix.format == "coo":
        return Layout(matrix.coords[-2], matrix.coords[-1], "coo", tuple(matrix.shape))
    return Layout(matrix.indices, matrix.indptr, matrix.format, tuple(matrix.shape))


_KINDS = {
    (name, form): getattr(_sparse, f"{name}_{form}") for name in FORMATS for form in ("array", "matrix")
}


def kind_of(layout, form="array"):
    """Return SciPy's class of a layout: of sparse arrays, or of the older sparse matrices."""
    return _KINDS[layout.format, form]


def matrix_of(data, layout, form="array"):
    """Return the sparse matrix with these plain entries; of the format "dense" the entries themselves."""
    if layout.format == DENSE:
        return data
    kind = kind_of(layout, form)
    if layout.format == "coo":
        return kind((data, (layout.a, layout.b)), shape=layout.shape)
    return kind((data, layout.a, layout.b), shape=layout.shape)


def transposed(layout):
    """Return the layout of the transpose, whose entries are stored in the same order."""
    rows, columns = layout.shape
    if layout.format == DENSE:
        raise AssertionError("the entries of a dense transpose stand in another order")
    if layout.format == "coo":
        return Layout(layout.b, layout.a, "coo", (columns, rows))
    return Layout(layout.a, layout.b, "csc" if layout.format == "csr" else "csr", (columns, rows))


def coordinates(layout):
    """Return the rows and the columns of the stored entries, in order."""
    if layout.format == "coo":
        return layout.a, layout.b
    major = onp.repeat(onp.arange(len(layout.b) - 1, dtype=layout.a.dtype), onp.diff(layout.b))
    return (major, layout.a) if layout.format == "csr" else (layout.a, major)


_PRODUCTS = {"csr": "csr_matvec", "csc": "csc_matvec"}


@primitive(name="scipy.sparse.product")
def product(data, x, layout):
    """Return A x, of the entries of A, for a vector or a matrix x."""
    if (
        _tools is not None
        and layout.format in _PRODUCTS
        and x.shape == layout.shape[1:]
        and x.dtype == data.dtype
    ):
        y = onp.zeros(layout.shape[0], x.dtype)
        getattr(_tools, _PRODUCTS[layout.format])(*layout.shape, layout.b, layout.a, data, x, y)
        return y
    found = onp.asarray(matrix_of(data, layout) @ x)
    return found.reshape(layout.shape[0], *found.shape[1:])  # SciPy makes a number of one row in coo


@primitive(name="scipy.sparse.sampled")
def sampled(u, v, layout):
    """Return the entries of u vᵀ at the places of a layout; of matrices u and v, which are summed over k."""
    if layout.format == DENSE:
        return onp.outer(u, v) if onp.ndim(u) == 1 else u @ v.T
    dtype = onp.result_type(u, v)
    if layout.format == "csc":
        u, v = v, u  # the minor axis is that of rows
    if onp.ndim(u) == 1:
        return _entries(u, v, layout, dtype)
    total = onp.zeros(len(layout.a), dtype)
    for k in range(u.shape[1]):
        total += _entries(u[:, k], v[:, k], layout, dtype)
    return total


def _entries(major, minor, layout, dtype):
    """Return the products of elements of the major and of the minor axis, at the stored entries."""
    if layout.format == "coo":
        found = minor.take(layout.b).astype(dtype, copy=False)
        found *= major.take(layout.a)
        return found
    if _tools is None or layout.a.dtype != layout.b.dtype:
        return onp.repeat(major, onp.diff(layout.b)).astype(dtype, copy=False) * minor.take(layout.a)
    found, places = onp.ones(len(layout.a), dtype), (len(major), len(minor), layout.b, layout.a)
    _tools.csr_scale_rows(*places, found, onp.ascontiguousarray(major, dtype))
    _tools.csr_scale_columns(*places, found, onp.ascontiguousarray(minor, dtype))
    return found

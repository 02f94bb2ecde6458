"""Compiled functions of SciPy's with the derivatives of a formula for the same."""

import functools

import numpy as onp
from scipy import sparse

from .. import numpy as np
from ..boxes import innermost
from ..defining import linear
from ..errors import NotDifferentiableError
from ..primitives import primitive
from ..transforms.closures import attached, plain_of
from ..writing import settled
from .hosting import untraced

__all__ = [
    "FloatOrTraced",
    "Matrix",
    "agreeing",
    "gathered",
    "is_traced",
    "like",
    "on_plain",
    "product",
    "scattered",
]


def is_traced(*xs):
    """Say whether there is a traced value among these, or in lists and tuples of them."""
    return innermost(settled(list(xs))) is not None


def on_plain(f, *args, **kwargs):
    """Return a function of plain values, of what may be traced, as outside of any trace."""
    args, kwargs = [_writable(x) for x in args], {name: _writable(x) for name, x in kwargs.items()}
    with untraced():
        return f(*args, **kwargs)


def _writable(x):
    """Return the plain value of what may be traced; much compiled code takes no array that is read-only."""
    x = plain_of(x)
    return x.copy() if type(x) is onp.ndarray and not x.flags.writeable else x


def like(f, formula):
    """Return f, compiled code, with the derivatives of a formula for the same."""

    @functools.wraps(formula)
    def wrapped(*args):
        value = on_plain(f, *args)
        return attached(value, formula(*args)) if is_traced(*args) else value

    return wrapped


_OTHER = (
    "{} has no derivative here: SciPy's result is another one than that of the equation that it is to solve, "
    "which is what the derivative is taken of; {}"
)


def agreeing(name, value, traced, advice, rtol=1e-6):
    """Return a plain value with the derivatives of a traced one, which must be the same to some digits."""
    found = plain_of(traced)
    size = onp.max(onp.abs(value), initial=0.0, where=onp.isfinite(value))
    with onp.errstate(invalid="ignore"):
        if onp.shape(found) != onp.shape(value) or onp.any(onp.abs(found - value) > rtol * size):
            raise NotDifferentiableError(_OTHER.format(name, advice))
    return attached(value, traced)


class Matrix:
    """A plain sparse matrix, as an argument that no trace looks into, with its transpose."""

    def __init__(self, plain, transpose=None):
        self.plain = plain
        self._transpose = transpose

    @property
    def T(self):
        if self._transpose is None:
            self._transpose = Matrix(self.plain.T.tocsr(), self)
        return self._transpose


def _product(x, matrix):
    """A x for a plain sparse matrix A and rows x."""
    return matrix.plain @ x


product = primitive(_product, "scipy.sparse product")
linear(product, lambda y, ybar, x, matrix: product(ybar, matrix.T))


def gathered(x, places, weights):
    """Return Σₐ weights[:, a] x[places[:, a]], for plain weights and places of the shape (r, k)."""
    rows, width = places.shape
    starts = onp.arange(0, rows * width + 1, width)
    matrix = sparse.csr_array((weights.ravel(), places.ravel(), starts), shape=(rows, x.shape[0]))
    return product(x, Matrix(matrix))


def scattered(rows, places, n):
    """Return the sums of those rows, (r, m), whose places are 0 … n - 1: (n, m)."""
    starts = onp.arange(rows.shape[0] + 1)
    matrix = sparse.csr_array((onp.ones(places.size), places, starts), shape=(rows.shape[0], n))
    return product(rows, Matrix(matrix).T)


class _Float(type):
    """The type of the stand-in for float: one that leaves traced numbers as they are."""

    def __call__(cls, x=0.0):
        return np.reshape(x, ()) * 1.0 if is_traced(x) else float(x)

    def __instancecheck__(cls, x):
        return isinstance(x, float)


class FloatOrTraced(metaclass=_Float):
    """float, in hosted code that only makes sure that a number is a float."""

    dtype = onp.dtype(float)  # for NumPy, which is asked for arrays of floats

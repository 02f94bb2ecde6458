"""Linear operators whose products may be traced: of what is given to them, or of what they close over."""

import numpy as onp
from scipy.sparse import linalg as _linalg

from ... import numpy as np
from ...boxes import innermost
from ...values import dtype_of, shape_of
from .arrays import Sparse, is_sparse, sparse_of

__all__ = ["LinearOperator", "aslinearoperator"]


class _Meta(type):
    """Makes every operator of SciPy's an instance, too."""

    def __instancecheck__(cls, x):
        return isinstance(x, _linalg.LinearOperator)


class LinearOperator(_linalg.LinearOperator):
    """SciPy's LinearOperator, whose products take and return traced values.

    Parameters
    ----------
    shape : tuple
        (rows, columns)
    matvec : callable
        x ↦ A x
    rmatvec, matmat, rmatmat : callable, optional
        x ↦ Aᴴ x, X ↦ A X, X ↦ Aᴴ X
    dtype : dtype, optional
        Of the products; left out, that of a product.
    """

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, shape, matvec, rmatvec=None, matmat=None, dtype=None, rmatmat=None):
        self._products = {"matvec": matvec, "rmatvec": rmatvec, "matmat": matmat, "rmatmat": rmatmat}
        if dtype is None:
            dtype = dtype_of(matvec(onp.zeros(shape[1])))
        super().__init__(dtype, shape)

    def _own(self, name, columns_of=None):
        f = self._products[name]
        if f is not None:
            return f
        if columns_of is None:
            raise NotImplementedError(f"{name} is not defined")
        one = self._own(columns_of)
        return lambda X: np.stack([one(X[:, k]) for k in range(shape_of(X)[1])], axis=1)

    def matvec(self, x):
        return self._vector("matvec", x, self.shape[1])

    def rmatvec(self, x):
        return self._vector("rmatvec", x, self.shape[0])

    def _vector(self, name, x, size):
        x = np.asarray(x)
        if shape_of(x) not in ((size,), (size, 1)):
            raise ValueError("dimension mismatch")
        y = self._own(name)(x)
        return np.reshape(y, (-1, 1) if np.ndim(x) == 2 else (-1,))

    def matmat(self, X):
        return self._own("matmat", "matvec")(np.asarray(X))

    def rmatmat(self, X):
        return self._own("rmatmat", "rmatvec")(np.asarray(X))

    _matvec, _rmatvec, _matmat, _rmatmat = matvec, rmatvec, matmat, rmatmat

    def _adjoint(self):
        f = self._products
        return LinearOperator(
            self.shape[::-1], self._own("rmatvec"), f["matvec"], f["rmatmat"], self.dtype, f["matmat"]
        )

    def _transpose(self):
        def turned(name):
            f = self._products[name]
            return f and (lambda x: np.conj(f(np.conj(x))))

        return LinearOperator(
            self.shape[::-1],
            turned("rmatvec"),
            turned("matvec"),
            turned("rmatmat"),
            self.dtype,
            turned("matmat"),
        )

    def dot(self, x):
        if isinstance(x, _linalg.LinearOperator) or np.ndim(x) == 0:
            return super().dot(x)
        return self.matvec(x) if np.ndim(x) == 1 or shape_of(x)[1] == 1 else self.matmat(x)

    def __matmul__(self, x):
        if np.ndim(x) == 0 and not isinstance(x, _linalg.LinearOperator):
            raise ValueError("Scalar operands are not allowed, use '*' instead")
        return self.dot(x)

    def __mul__(self, x):
        return self.dot(x)

    def __call__(self, x):
        return self.dot(x)

    __array_ufunc__ = None


def aslinearoperator(A):
    """Return A as an operator whose products take traced values."""
    if isinstance(A, _linalg.LinearOperator):
        return A
    if not is_sparse(A) and innermost((A,)) is None:
        return _linalg.aslinearoperator(A)
    matrix = sparse_of(A)
    adjoint = matrix.T.conj()
    return LinearOperator(
        matrix.shape,
        matrix.__matmul__,
        adjoint.__matmul__,
        matrix.__matmul__,
        matrix.dtype,
        adjoint.__matmul__,
    )

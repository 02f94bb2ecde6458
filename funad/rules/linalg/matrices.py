"""What the rules of linear algebra share: transposes, triangles, and a quotient without nan."""

import numpy as onp

from ... import numpy as np
from ...values import all_of, constant, dtype_of


def t(x):
    """xᵀ, of each matrix."""
    return x.mT


def conj(x):
    return np.conj(x) if dtype_of(x).kind == "c" else x


def h(x):
    """xᴴ, of each matrix."""
    return conj(t(x))


def column(x):
    """Vectors as columns; or a number per row, in a shape to multiply matrices with."""
    # Indexing is several times faster, but on a traced value its way back is slower.
    return x[..., None] if type(x) is onp.ndarray else np.expand_dims(x, -1)


def row(x):
    """Vectors as rows; or a number per column, in a shape to multiply matrices with."""
    return x[..., None, :] if type(x) is onp.ndarray else np.expand_dims(x, -2)


def scalar(x):
    """A number per matrix, in a shape to multiply matrices with."""
    return np.expand_dims(x, (-2, -1)) if np.ndim(x) else x


def real_dtype(x):
    return np.finfo(x.dtype).dtype


def rounding(s):
    """What of values like these is no more than rounding, per matrix: a column."""
    top = np.max(np.abs(constant(s)), axis=-1, keepdims=True, initial=0)
    return 10 * s.shape[-1] * np.finfo(s.dtype).eps * top


def half(x, lower=True):
    """Φ(X): one triangle of each matrix, its diagonal halved."""
    n, dtype = x.shape[-1], real_dtype(x)
    if type(x) is onp.ndarray:
        found = onp.tril(x) if lower else onp.triu(x)
        onp.einsum("...ii->...i", found)[...] /= 2
        return found
    triangle = np.tri(n, dtype=dtype) - np.eye(n, dtype=dtype) / 2
    return x * (triangle if lower else triangle.T)


def fold(abar, lower=True):
    """Ā where one triangle is read and mirrored: Φ(Ā + Āᴴ)."""
    return half(abar + h(abar), lower)


def over(a, b):
    """a/b, and 0 where b is: without a nan, to any order."""
    if all_of(constant(b)):
        return a / b
    zero = constant(b) == 0
    return np.where(zero, 0, a / np.where(zero, 1, b))

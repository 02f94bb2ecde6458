"""Triangular systems, by SciPy's kernels where it is installed: NumPy has none."""

import numpy as onp

from ... import numpy as np
from ...numpy.kernels import kernels
from ...numpy.linalg import inv
from .matrices import h

__all__ = ["between", "gram"]

# The size at which the inverse of a triangle costs no more than the halves of it; two solutions of general
# systems took twice the time at 200, and 1.3 times at 20.
_SMALL = 32


def between(x, low):
    """L⁻ᴴ X L⁻¹ for a lower triangle L."""
    found = kernels("get_blas_funcs", ("trsm",), low, x)
    if found is None:
        return h(_over(h(_over(x, low)), low))
    (trsm,) = found
    right = trsm(1.0, low.T, x.T, lower=0)  # (X L⁻¹)ᵀ = L⁻ᵀ Xᵀ
    return trsm(1.0, low.T, right, side=1, lower=0, trans_a=2, overwrite_b=True).T


def gram(low, weights):
    """L⁻ᴴ diag(w) L⁻¹ for a lower triangle L and w ≥ 0: its lower triangle, zeros beside it; or None."""
    if onp.iscomplexobj(weights) or not onp.all(weights >= 0):
        return None
    found = kernels("get_lapack_funcs", ("trtri", "lauum"), low)
    if found is None:
        return None
    trtri, lauum = found
    inverse = onp.zeros(low.shape, low.dtype, order="F")
    _invert(low.T, inverse, trtri, *kernels("get_blas_funcs", ("trmm",), low))
    inverse *= onp.sqrt(weights)
    return lauum(inverse, lower=0, overwrite_c=True)[0].T


def _invert(upper, into, trtri, trmm):
    """Write the inverse of an upper triangle, by halves: up to 500 rows it takes LAPACK a fifth longer."""
    n = len(upper)
    if n <= 2 * _SMALL:
        into[:] = trtri(upper, lower=0)[0]
        return
    k = n // 2
    _invert(upper[:k, :k], into[:k, :k], trtri, trmm)
    _invert(upper[k:, k:], into[k:, k:], trtri, trmm)
    corner = trmm(-1.0, into[:k, :k], upper[:k, k:], lower=0)
    into[:k, k:] = trmm(1.0, into[k:, k:], corner, side=1, lower=0, overwrite_b=True)


def _over(x, low):
    """X L⁻¹, by halves, and so for the most part by products of matrices."""
    n = low.shape[-1]
    if n <= _SMALL:
        return x @ inv(low)
    k = n // 2
    right = _over(x[..., k:], low[..., k:, k:])
    left = _over(x[..., :k] - right @ low[..., k:, :k], low[..., :k, :k])
    return np.concatenate([left, right], -1)

"""Linear algebra: solving, decomposing, norms. It is also the namespace funad.numpy.linalg."""

import numpy as _np
from numpy.linalg import LinAlgError

from ..primitives import primitive
from .versions import lookup

__all__ = [
    "solve",
    "inv",
    "pinv",
    "lstsq",
    "tensorsolve",
    "tensorinv",
    "det",
    "slogdet",
    "matrix_rank",
    "cond",
    "norm",
    "vector_norm",
    "matrix_norm",
    "cholesky",
    "qr",
    "svd",
    "svdvals",
    "eig",
    "eigvals",
    "eigh",
    "eigvalsh",
    "matrix_power",
    "multi_dot",
    "matmul",
    "vecdot",
    "outer",
    "cross",
    "tensordot",
    "trace",
    "diagonal",
    "matrix_transpose",
    "LinAlgError",
]

# Equations
solve = primitive(_np.linalg.solve)
inv = primitive(_np.linalg.inv)
pinv = primitive(_np.linalg.pinv)
lstsq = primitive(_np.linalg.lstsq)
tensorsolve = primitive(_np.linalg.tensorsolve)
tensorinv = primitive(_np.linalg.tensorinv)

# Numbers that describe a matrix
det = primitive(_np.linalg.det)
slogdet = primitive(_np.linalg.slogdet)
matrix_rank = primitive(_np.linalg.matrix_rank)
cond = primitive(_np.linalg.cond)
norm = primitive(_np.linalg.norm)
vector_norm = primitive(_np.linalg.vector_norm)
matrix_norm = primitive(_np.linalg.matrix_norm)

# Decompositions
cholesky = primitive(_np.linalg.cholesky)
qr = primitive(_np.linalg.qr)
svd = primitive(_np.linalg.svd)
svdvals = primitive(_np.linalg.svdvals)
eig = primitive(_np.linalg.eig)
eigvals = primitive(_np.linalg.eigvals)
eigh = primitive(_np.linalg.eigh)
eigvalsh = primitive(_np.linalg.eigvalsh)

# Products and rearrangements: functions of their own in NumPy, not those of numpy itself
matrix_power = primitive(_np.linalg.matrix_power)
multi_dot = primitive(_np.linalg.multi_dot, containers=(0,))
matmul = primitive(_np.linalg.matmul)
vecdot = primitive(_np.linalg.vecdot)
outer = primitive(_np.linalg.outer)
cross = primitive(_np.linalg.cross)
tensordot = primitive(_np.linalg.tensordot)
trace = primitive(_np.linalg.trace)
diagonal = primitive(_np.linalg.diagonal)
matrix_transpose = primitive(_np.linalg.matrix_transpose)

# Passed through
test = _np.linalg.test

__getattr__, __dir__ = lookup(_np.linalg, globals())


def spectral_weights(s, ord):
    """Return which singular values the norm "nuc", 2 or -2 adds up: 1, shared equally by ties."""
    if s.shape[-1] == 0:
        return s
    top = s[..., :1]
    within = 10 * s.shape[-1] * _np.finfo(s.dtype).eps * top
    used = s > within
    if ord != "nuc":
        used &= _np.abs(s - (top if ord == 2 else s[..., -1:])) <= within
        return used / _np.maximum(used.sum(-1, keepdims=True), 1).astype(s.dtype)
    return used.astype(s.dtype)


def _spectral(a, ord):
    """Return U diag(w) Vᴴ, the gradient of the norm "nuc", 2 or -2 of a matrix."""
    u, s, vh = _np.linalg.svd(a, full_matrices=False)
    return (u * spectral_weights(s, ord)[..., None, :]) @ vh


# A step of the rules of norm and cond, and no name of NumPy: it has a derivative where the
# singular vectors alone have none, because singular values coincide.
spectral = primitive(_spectral, "the gradient of a spectral norm")

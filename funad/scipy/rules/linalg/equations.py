"""solve, inv, det, lstsq, pinv, norm, the triangular and the structured equations.

The pairing is dL = Re Σ x̄·dx, without a conjugate, as in funad.rules.linalg.
"""

from .... import numpy as np
from ....boxes import Traced, unbox
from ....registry import defvjp, defzero
from ....rules.kinks import kinked
from ....rules.linalg.decompositions import singular_values
from ....rules.linalg.determinants import of_det
from ....rules.linalg.equations import of_inverse, of_pinv
from ....rules.linalg.matrices import column, conj, fold, h, half, row, scalar, t
from ....rules.linalg.norms import norm_again, of_norm
from ....spaces import shape_of, unbroadcast
from ....transforms import vjp
from ... import linalg
from ...derived import as_written

_HERMITIAN = frozenset({"her", "hermitian", "pos", "positive definite"})
_SYMMETRIC = frozenset({"sym", "symmetric"})
_TRANSPOSED = {"upper triangular": "lower triangular", "lower triangular": "upper triangular"}


def _as_read(abar, assume_a, lower):
    """Ā in the entries that SciPy reads, where it is told what the matrix is like."""
    if assume_a in _HERMITIAN:
        return fold(abar, lower)
    if assume_a in _SYMMETRIC:
        return half(abar + t(abar), lower)
    if assume_a in _TRANSPOSED:
        return (np.tril if assume_a == "lower triangular" else np.triu)(abar)
    if assume_a == "tridiagonal":
        return np.triu(np.tril(abar, 1), -1)
    return np.where(np.eye(abar.shape[-1], dtype=bool), abar, 0) if assume_a == "diagonal" else abar


def columns(b, *xs):
    """Each x as columns, where b is one vector or stands for matrices."""
    return [column(x) for x in xs] if np.ndim(b) == 1 else xs


def like(b, x):
    """x, in columns, in the shape of b: summed over the matrices of a stack that share b."""
    return unbroadcast(np.squeeze(x, -1) if np.ndim(b) == 1 else x, shape_of(b))


# --- solve, inv and det


def _solve_by(a, b, ybar, options, transposed):
    """b̄ = A⁻ᵀ ȳ, or A⁻¹ ȳ for the transposed equation."""
    lower, check_finite, assume_a = options
    if transposed or assume_a in _SYMMETRIC:
        adjoint = a
    elif assume_a in _HERMITIAN:
        adjoint = conj(a)
    else:
        adjoint, assume_a = t(a), _TRANSPOSED.get(assume_a, assume_a)
    kind = {} if assume_a is None else {"assume_a": assume_a}
    (ybar,) = columns(b, ybar)
    return linalg.solve(adjoint, ybar, lower=lower, check_finite=check_finite, **kind)


def _solve_wrt_a(y, ybar, a, b, *, lower=False, check_finite=True, assume_a=None, transposed=False):
    """Ā = -(A⁻ᵀ ȳ) yᵀ, from dA y + A dy = 0."""
    if np.size(a) == 1:  # which SciPy divides b of any shape by
        return np.reshape(-np.sum(ybar * y), np.shape(a)) / a
    bbar = _solve_by(a, b, ybar, (lower, check_finite, assume_a), transposed)
    (y,) = columns(b, y)
    abar = -(y @ t(bbar) if transposed else bbar @ t(y))
    return _as_read(unbroadcast(abar, shape_of(a)), assume_a, lower)


def _solve_wrt_b(y, ybar, a, b, *, lower=False, check_finite=True, assume_a=None, transposed=False):
    """b̄ = A⁻ᵀ ȳ."""
    if np.size(a) == 1:
        return unbroadcast(ybar / np.ravel(a), shape_of(b))
    return like(b, _solve_by(a, b, ybar, (lower, check_finite, assume_a), transposed))


def _inv(y, ybar, a, *, check_finite=True, assume_a=None, lower=False):
    """Ā = -A⁻ᵀ ȳ A⁻ᵀ."""
    return _as_read(of_inverse(y, ybar, a), assume_a, lower)


defvjp(linalg.solve, _solve_wrt_a, _solve_wrt_b, masks=True)
defvjp(linalg.inv, _inv, masks=True)
defzero(linalg.issymmetric, linalg.ishermitian, linalg.bandwidth)
defvjp(linalg.det, lambda y, ybar, a, *, check_finite=True: of_det(y, ybar, a))


# --- triangles

_TRANS = {0: 0, "N": 0, 1: 1, "T": 1, 2: 2, "C": 2}


def _by_triangle(a, b, ybar, trans, lower, unit_diagonal):
    """b̄ = op(A)⁻ᵀ ȳ for op(A) = A, Aᵀ or Aᴴ."""
    (ybar,) = columns(b, ybar)
    if _TRANS[trans] == 2:
        return conj(linalg.solve_triangular(a, conj(ybar), 0, lower, unit_diagonal, check_finite=False))
    return linalg.solve_triangular(a, ybar, 1 - _TRANS[trans], lower, unit_diagonal, check_finite=False)


def _triangular_wrt_a(y, ybar, a, b, trans=0, lower=False, unit_diagonal=False, *, check_finite=True):
    """Ā = -b̄ yᵀ on the triangle, or its transpose. Giles (2008)."""
    bbar = _by_triangle(a, b, ybar, trans, lower, unit_diagonal)
    (y,) = columns(b, y)
    abar = bbar @ t(y) if _TRANS[trans] == 0 else y @ t(bbar)
    abar = conj(abar) if _TRANS[trans] == 2 else abar
    k = int(bool(unit_diagonal))
    abar = np.tril(abar, -k) if lower else np.triu(abar, k)
    return unbroadcast(-abar, shape_of(a))


def _triangular_wrt_b(y, ybar, a, b, trans=0, lower=False, unit_diagonal=False, *, check_finite=True):
    """b̄ = op(A)⁻ᵀ ȳ."""
    return like(b, _by_triangle(a, b, ybar, trans, lower, unit_diagonal))


defvjp(linalg.solve_triangular, _triangular_wrt_a, _triangular_wrt_b, masks=True)


# --- factors of Cholesky, and LU


def _cho_solve_wrt_c(y, ybar, c, b, lower=False, check_finite=True):
    """L̄ = -(b̄ (Lᴴ y)ᵀ + y* (Lᴴ b̄*)ᵀ) on the triangle, from A = L Lᴴ; Ū of Uᴴ U likewise."""
    y, ybar = columns(b, y, ybar)
    bbar = linalg.cho_solve((conj(c), lower), ybar, check_finite=False)
    if lower:
        low_h = h(np.tril(c))
        return unbroadcast(-np.tril(bbar @ t(low_h @ y) + conj(y) @ t(low_h @ conj(bbar))), shape_of(c))
    up = np.triu(c)
    cbar = (conj(up) @ bbar) @ t(y) + conj(up @ y) @ h(bbar)
    return unbroadcast(-np.triu(cbar), shape_of(c))


def _cho_solve_wrt_b(y, ybar, c, b, lower=False, check_finite=True):
    """b̄ = A⁻ᵀ ȳ."""
    (ybar,) = columns(b, ybar)
    return like(b, linalg.cho_solve((conj(c), lower), ybar, check_finite=False))


def _lu_solve_by(lu, piv, b, ybar, trans):
    (ybar,) = columns(b, ybar)
    if trans == 2:
        return conj(linalg.lu_solve((lu, piv), conj(ybar), 0, check_finite=False))
    return linalg.lu_solve((lu, piv), ybar, 1 - trans, check_finite=False)


def _lu_solve_wrt_lu(y, ybar, lu, piv, b, trans=0, check_finite=True):
    """L̄ = -(L⁻ᵀ p) (U q)ᵀ below the diagonal and Ū = -p qᵀ on and above it, for L U q = P b.

    With p = U⁻ᵀ ȳ and q = y; for the transposed equation Uᵀ Lᵀ P y = b the two change places.
    """
    bbar = _lu_solve_by(lu, piv, b, ybar, trans)
    (y,) = columns(b, y)
    bbar, y = (conj(bbar), conj(y)) if trans == 2 else (bbar, y)
    p, q = (bbar, y) if trans == 0 else (y, bbar)  # A⁻ᵀ of one side and A⁻¹ of the other
    p = linalg.rows_swapped(p, piv)
    low, up = np.tril(lu, -1), np.triu(lu)
    inner = p + t(low) @ p  # U⁻ᵀ of what p was made of
    return unbroadcast(-np.tril(p @ t(up @ q), -1) - np.triu(inner @ t(q)), shape_of(lu))


def _lu_solve_wrt_b(y, ybar, lu, piv, b, trans=0, check_finite=True):
    """b̄ = op(A)⁻ᵀ ȳ."""
    return like(b, _lu_solve_by(lu, piv, b, ybar, trans))


defvjp(linalg.cho_solve_of, _cho_solve_wrt_c, _cho_solve_wrt_b, masks=True)
defvjp(linalg.lu_solve_of, _lu_solve_wrt_lu, _lu_solve_wrt_b, argnums=(0, 2), masks=True)


# --- Toeplitz and circulant matrices


def _of_toeplitz(tbar, c, r):
    """c̄ and r̄ of the T̄ of a Toeplitz matrix: sums along its diagonals."""
    return vjp(linalg.toeplitz, c, r)[1](tbar)


def _transposed(c, r):
    return np.concatenate([c[..., :1], r[..., 1:]], -1), c


def _solve_toeplitz_tbar(y, ybar, c, r, b):
    y, ybar = columns(b, y, ybar)
    return -(linalg.solve_toeplitz(_transposed(c, r), ybar, check_finite=False) @ t(y))


def _solve_toeplitz_wrt_b(y, ybar, c, r, b, check_finite=True):
    (ybar,) = columns(b, ybar)
    return like(b, linalg.solve_toeplitz(_transposed(c, r), ybar, check_finite=False))


def _matmul_toeplitz_tbar(y, ybar, c, r, x):
    x, ybar = columns(x, x, ybar)
    return ybar @ t(x)


def _matmul_toeplitz_wrt_x(y, ybar, c, r, x, check_finite=False, workers=None):
    (ybar,) = columns(x, ybar)
    return like(x, linalg.matmul_toeplitz(_transposed(c, r), ybar, workers=workers))


defvjp(
    linalg.solve_toeplitz_of,
    lambda y, ybar, c, r, b, check_finite=True: _of_toeplitz(_solve_toeplitz_tbar(y, ybar, c, r, b), c, r)[0],
    lambda y, ybar, c, r, b, check_finite=True: _of_toeplitz(_solve_toeplitz_tbar(y, ybar, c, r, b), c, r)[1],
    _solve_toeplitz_wrt_b,
    masks=True,
)
defvjp(
    linalg.matmul_toeplitz_of,
    lambda y, ybar, c, r, x, check_finite=False, workers=None: _of_toeplitz(
        _matmul_toeplitz_tbar(y, ybar, c, r, x), c, r
    )[0],
    lambda y, ybar, c, r, x, check_finite=False, workers=None: _of_toeplitz(
        _matmul_toeplitz_tbar(y, ybar, c, r, x), c, r
    )[1],
    _matmul_toeplitz_wrt_x,
    masks=True,
)


_SINGULAR = (
    "solve_circulant has no derivative in c where a value of its transform is 0, or cut off by tol: the "
    "least-squares solution jumps there; move c away from it, or lower tol"
)


def _circulant(y, c, b, *, singular="raise", tol=None, caxis=-1, baxis=0, outaxis=0):
    """The quotient of the transforms, 0 where SciPy takes that of c for 0."""
    fc = np.fft.fft(np.moveaxis(c, caxis, -1))
    size = np.abs(unbox(fc))
    if tol is None:
        tol = np.max(size, axis=-1, keepdims=True) * size.shape[-1] * np.finfo(np.float64).eps
    zero = size <= tol
    if isinstance(c, Traced) and np.any(zero):
        raise np.linalg.LinAlgError(_SINGULAR)
    fb = np.fft.fft(np.moveaxis(b, baxis, -1))
    x = np.fft.ifft(np.where(zero, 0, fb / np.where(zero, 1, fc)))
    return np.moveaxis(x if y.dtype.kind == "c" else np.real(x), -1, outaxis)


as_written(linalg.solve_circulant, _circulant, (0, 1))


# --- least squares and norms


def _lstsq_parts(y, ybar, a, b, cond):
    """What both rules start from: A⁺, and x, x̄, b and the cotangent of b - Ax as matrices; cond."""
    eps = np.finfo(a.dtype).eps
    cond = eps if cond is None or cond < 0 else cond
    x, xbar, columns_of_b = columns(b, y[0], ybar[0], b)
    rbar = None
    if np.size(y[1]):  # at the least |r|² its change by x vanishes; without full rank SciPy returns none
        rbar = 2 * conj(columns_of_b - a @ x) * (scalar(ybar[1]) if np.ndim(b) == 1 else row(ybar[1]))
    return np.linalg.pinv(a, rcond=cond), x, xbar, columns_of_b, rbar, cond


def _lstsq_wrt_a(y, ybar, a, b, cond=None, *, check_finite=True, lapack_driver=None):
    """Ā of x = A⁺ b, of the sums of squares |b - Ax|² and of the singular values."""
    p, x, xbar, b, rbar, cond = _lstsq_parts(y, ybar, a, b, cond)
    abar = of_pinv(p, xbar @ t(b), a, cond)
    if rbar is not None:
        abar = abar - rbar @ t(x)
    if y[3] is not None and (isinstance(ybar[3], Traced) or np.any(ybar[3])):
        abar = abar + singular_values(ybar[3], a)
    return unbroadcast(abar, shape_of(a))


def _lstsq_wrt_b(y, ybar, a, b, cond=None, *, check_finite=True, lapack_driver=None):
    """b̄ = (A⁺)ᵀ x̄, and that of the sums of squares."""
    p, _, xbar, _, rbar, _ = _lstsq_parts(y, ybar, a, b, cond)
    return like(b, t(p) @ xbar if rbar is None else t(p) @ xbar + rbar)


def _cutoff(a, atol, rtol):
    """Which part of the largest singular value is the least that counts; None for SciPy's own."""
    if atol is None and rtol is None:
        return None
    top = np.max(np.linalg.svdvals(unbox(a)), axis=-1, initial=0)
    rtol = max(a.shape[-2:]) * np.finfo(a.dtype).eps if rtol is None else rtol
    return rtol + (0 if atol is None else atol) / np.where(top == 0, 1, top)


def _pinv(y, ybar, a, *, atol=None, rtol=None, return_rank=False, check_finite=True):
    """That of funad.numpy.linalg.pinv, with SciPy's tolerances."""
    y, ybar = (y[0], ybar[0]) if return_rank else (y, ybar)
    return of_pinv(y, ybar, a, _cutoff(a, atol, rtol))


def _pinvh(y, ybar, a, atol=None, rtol=None, lower=True, return_rank=False, *, check_finite=True):
    """As pinv, of the matrix of which one triangle is read."""
    y, ybar = (y[0], ybar[0]) if return_rank else (y, ybar)
    a = half(a, lower)
    a = a + h(a)
    return fold(of_pinv(y, ybar, a, _cutoff(a, atol, rtol)), lower)


defvjp(linalg.lstsq, _lstsq_wrt_a, _lstsq_wrt_b)
defvjp(linalg.pinv, _pinv)
defvjp(linalg.pinvh, _pinvh, masks=True)


def _norm(y, ybar, a, ord=None, axis=None, keepdims=False, check_finite=True):
    """That of funad.numpy.linalg.norm; BLAS returns some norms as a Python float."""
    return of_norm(np.asarray(y), np.asarray(ybar), a, ord, axis, keepdims)


@kinked(linalg.norm)
def _norm_again(y, a, ord=None, axis=None, keepdims=False, check_finite=True):
    return norm_again(np.asarray(y), a, ord, axis, keepdims)


defvjp(linalg.norm, _norm)

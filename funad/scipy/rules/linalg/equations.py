"""solve, inv, det, lstsq, pinv, norm, the triangular and the structured equations.

The pairing is dL = Re Σ x̄·dx, without a conjugate, as in funad.rules.linalg.
"""

from .... import numpy as np
from ....boxes import Traced
from ....defining import defvjp, defzero
from ....rules.kinks import kinked
from ....rules.linalg.decompositions import singular_values
from ....rules.linalg.determinants import of_det
from ....rules.linalg.equations import of_inverse, of_pinv
from ....rules.linalg.matrices import column, conj, fold, h, half, row, scalar, t
from ....rules.linalg.norms import norm_again, of_norm
from ....spaces import unbroadcast
from ....values import constant, dtype_of, shape_of
from ... import linalg
from ...derived import as_written, sharing
from .triangles import triangle

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


def _solve_part(
    y, ybar, a, b, *, lower=False, check_finite=True, assume_a=None, transposed=False
):  # fmt: skip
    """b̄ = A⁻ᵀ ȳ, or A⁻¹ ȳ for the transposed equation, in columns."""
    if np.size(a) == 1:  # which SciPy divides b of any shape by
        return ybar / np.ravel(a)
    if transposed or assume_a in _SYMMETRIC:
        adjoint = a
    elif assume_a in _HERMITIAN:
        adjoint = conj(a)
    else:
        adjoint, assume_a = t(a), _TRANSPOSED.get(assume_a, assume_a)
    kind = {} if assume_a is None else {"assume_a": assume_a}
    (ybar,) = columns(b, ybar)
    return linalg.solve_whole(adjoint, ybar, lower=lower, check_finite=check_finite, **kind)


def _solve_wrt_a(
    bbar, y, ybar, a, b, *, lower=False, check_finite=True, assume_a=None, transposed=False
):  # fmt: skip
    """Ā = -(A⁻ᵀ ȳ) yᵀ, from dA y + A dy = 0."""
    if np.size(a) == 1:
        return np.reshape(-np.sum(bbar * y), np.shape(a))
    (y,) = columns(b, y)
    left, right = (y, bbar) if transposed else (bbar, y)
    if assume_a in _TRANSPOSED:
        abar = triangle(-left, right, assume_a == "lower triangular", 0)
    else:
        abar = _as_read(-(left @ t(right)), assume_a, lower)
    return unbroadcast(abar, shape_of(a))


def _solve_wrt_b(bbar, y, ybar, a, b, **options):
    return unbroadcast(bbar, shape_of(b)) if np.size(a) == 1 else like(b, bbar)


def _factored_part(y, ybar, a, b, lu=None, piv=None, trans=0, check_finite=True):
    """b̄ = A⁻ᵀ ȳ, by the same factors, in columns; A⁻¹ ȳ where Aᵀ y = b."""
    (ybar,) = columns(b, ybar)
    return linalg.solve_by_factors(a, ybar, lu, piv, 1 - trans, check_finite=False)


def _factored_wrt_a(bbar, y, ybar, a, b, lu=None, piv=None, trans=0, check_finite=True):
    """Ā = -(A⁻ᵀ ȳ) yᵀ, from dA y + A dy = 0."""
    (y,) = columns(b, y)
    return -(y @ t(bbar)) if trans else -(bbar @ t(y))


def _inv(y, ybar, a, *, check_finite=True, assume_a=None, lower=False):
    """Ā = -A⁻ᵀ ȳ A⁻ᵀ."""
    return _as_read(of_inverse(y, ybar, a), assume_a, lower)


sharing(linalg.solve_whole, _solve_part, _solve_wrt_a, _solve_wrt_b, masks=True)
sharing(
    linalg.solve_by_factors, _factored_part, _factored_wrt_a, lambda bbar, y, ybar, a, b, **_: like(b, bbar)
)
defvjp(linalg.inv, _inv, masks=True)
defzero(linalg.issymmetric, linalg.ishermitian, linalg.bandwidth)
defvjp(linalg.det, lambda y, ybar, a, *, check_finite=True: of_det(y, ybar, a))


# --- triangles

_TRANS = {0: 0, "N": 0, 1: 1, "T": 1, 2: 2, "C": 2}


def _triangular_part(y, ybar, a, b, trans=0, lower=False, unit_diagonal=False, *, check_finite=True):
    """b̄ = op(A)⁻ᵀ ȳ for op(A) = A, Aᵀ or Aᴴ, in columns."""
    (ybar,) = columns(b, ybar)
    if _TRANS[trans] == 2:
        return conj(linalg.solve_triangular(a, conj(ybar), 0, lower, unit_diagonal, check_finite=False))
    return linalg.solve_triangular(a, ybar, 1 - _TRANS[trans], lower, unit_diagonal, check_finite=False)


def _triangular_wrt_a(
    bbar, y, ybar, a, b, trans=0, lower=False, unit_diagonal=False, *, check_finite=True
):  # fmt: skip
    """Ā = -b̄ yᵀ on the triangle, or its transpose. Giles (2008)."""
    (y,) = columns(b, y)
    left, right = (-bbar, y) if _TRANS[trans] == 0 else (-y, bbar)
    if _TRANS[trans] == 2:
        left, right = conj(left), conj(right)
    return unbroadcast(triangle(left, right, bool(lower), int(bool(unit_diagonal))), shape_of(a))


def _wrt_b(bbar, y, ybar, a, b, *others, **options):
    """b̄, in the shape of b."""
    return like(b, bbar)


sharing(linalg.solve_triangular, _triangular_part, _triangular_wrt_a, _wrt_b, masks=True)


# --- factors of Cholesky, and LU


def _cho_part(y, ybar, c, b, lower=False, check_finite=True):
    """w = L⁻¹ ȳ* and b̄ = (L⁻ᴴ w)* for A = L Lᴴ, and likewise for Uᴴ U, in columns."""
    (ybar,) = columns(b, ybar)
    first, second = (0, 2) if lower else (2, 0)
    w = linalg.solve_triangular(c, conj(ybar), first, lower, check_finite=False)
    return w, conj(linalg.solve_triangular(c, w, second, lower, check_finite=False))


def _cho_solve_wrt_c(part, y, ybar, c, b, lower=False, check_finite=True):
    """L̄ = -(b̄ zᵀ + y* wᵀ) on the triangle with z = L⁻¹ b; Ū = -(w* yᵀ + z* b̄ᴴ) with z = U⁻ᴴ b."""
    w, bbar = part
    y, right = columns(b, y, b)
    z = linalg.solve_triangular(c, right, 0 if lower else 2, lower, check_finite=False)
    pairs = ((bbar, conj(y)), (z, w)) if lower else ((conj(w), conj(z)), (y, conj(bbar)))
    left, right = (_beside(*pair) for pair in pairs)
    return unbroadcast(triangle(-left, right, bool(lower), 0), shape_of(c))


def _beside(a, b):
    """The columns of both, of as many matrices."""
    shape = np.broadcast_shapes(np.shape(a)[:-2], np.shape(b)[:-2])
    return np.concatenate([np.broadcast_to(x, (*shape, *np.shape(x)[-2:])) for x in (a, b)], -1)


def _lu_part(y, ybar, lu, b, piv=None, trans=0, check_finite=True):
    """b̄ = op(A)⁻ᵀ ȳ, in columns."""
    (ybar,) = columns(b, ybar)
    if trans == 2:
        return conj(linalg.lu_solve((lu, piv), conj(ybar), 0, check_finite=False))
    return linalg.lu_solve((lu, piv), ybar, 1 - trans, check_finite=False)


def _lu_solve_wrt_lu(bbar, y, ybar, lu, b, piv=None, trans=0, check_finite=True):
    """L̄ = -p (U q)ᵀ below the diagonal and Ū = -(Lᵀ p) qᵀ on and above it, with p = P A⁻ᵀ ȳ and q = y.

    U q is L⁻¹ P b and Lᵀ p is U⁻ᵀ ȳ. In the transposed equation y and ȳ change places with b̄ and b.
    """
    y, ybar, right = columns(b, y, ybar, b)
    if trans == 2:
        y, bbar, ybar, right = (conj(x) for x in (y, bbar, ybar, right))
    p, q, of_p, of_q = (bbar, y, ybar, right) if trans == 0 else (y, bbar, right, ybar)
    order = linalg.order_of(np.asarray(piv), lu.shape[-2])[..., None]
    p, of_q = _in_rows(p, order), _in_rows(of_q, order)
    u_q = linalg.solve_triangular(lu, of_q, 0, lower=True, unit_diagonal=True, check_finite=False)
    l_p = linalg.solve_triangular(lu, of_p, 1, check_finite=False)
    return unbroadcast(triangle(-p, u_q, True, 1) + triangle(-l_p, q, False, 0), shape_of(lu))


def _in_rows(x, order):
    """The rows of each matrix in this order."""
    shape = np.broadcast_shapes(np.shape(x)[:-2], order.shape[:-2])
    x = np.broadcast_to(x, (*shape, *np.shape(x)[-2:]))
    return np.take_along_axis(x, np.broadcast_to(order, (*shape, *order.shape[-2:])), -2)


sharing(
    linalg.cho_solve_of,
    _cho_part,
    _cho_solve_wrt_c,
    lambda part, y, ybar, c, b, **options: like(b, part[1]),
    masks=True,
)
sharing(linalg.lu_solve_of, _lu_part, _lu_solve_wrt_lu, _wrt_b, masks=True)


# --- Toeplitz and circulant matrices


def _transposed(c, r):
    return np.concatenate([c[..., :1], r[..., 1:]], -1), c


def _diagonals(left, right):
    """c̄ and r̄ of T̄ = left rightᵀ, in columns: Σⱼ left[j + k] right[j] and Σⱼ left[j] right[j + k].

    The first number of r̄ is 0: that of c stands in the corner.
    """
    m, n = np.shape(left)[-2], np.shape(right)[-2]
    size = max(m + n - 1, 1)
    transforms = np.fft.fft(left, size, -2) * np.conj(np.fft.fft(np.conj(right), size, -2))
    sums = np.fft.ifft(np.sum(transforms, -1))
    if dtype_of(left).kind != "c" and dtype_of(right).kind != "c":
        sums = np.real(sums)
    zero = np.zeros((*np.shape(sums)[:-1], min(n, 1)), dtype_of(sums))
    return sums[..., :m], np.concatenate([zero, sums[..., : m - 1 : -1]], -1)


def _solve_toeplitz_part(y, ybar, c, r, b, check_finite=True):
    """b̄ = T⁻ᵀ ȳ in columns, and c̄ and r̄ of T̄ = -b̄ yᵀ."""
    y, ybar = columns(b, y, ybar)
    bbar = linalg.solve_toeplitz(_transposed(c, r), ybar, check_finite=False)
    return (*_diagonals(-bbar, y), bbar)


def _matmul_toeplitz_part(y, ybar, c, r, x, check_finite=False, workers=None):
    """x̄ = Tᵀ ȳ in columns, and c̄ and r̄ of T̄ = ȳ xᵀ."""
    column_of_x, ybar = columns(x, x, ybar)
    return (*_diagonals(ybar, column_of_x), linalg.matmul_toeplitz(_transposed(c, r), ybar, workers=workers))


for _f, _part in (
    (linalg.solve_toeplitz_of, _solve_toeplitz_part),
    (linalg.matmul_toeplitz_of, _matmul_toeplitz_part),
):
    sharing(
        _f,
        _part,
        lambda part, y, ybar, c, r, b, **options: unbroadcast(part[0], shape_of(c)),
        lambda part, y, ybar, c, r, b, **options: unbroadcast(part[1], shape_of(r)),
        lambda part, y, ybar, c, r, b, **options: like(b, part[2]),
        masks=True,
    )


_SINGULAR = (
    "solve_circulant has no derivative in c where a value of its transform is 0, or cut off by tol: the "
    "least-squares solution jumps there; move c away from it, or lower tol"
)


def _circulant(y, c, b, *, singular="raise", tol=None, caxis=-1, baxis=0, outaxis=0):
    """The quotient of the transforms, 0 where SciPy takes that of c for 0."""
    fc = np.fft.fft(np.moveaxis(c, caxis, -1))
    size = np.abs(constant(fc))
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
        sums = np.real(ybar[1])  # which SciPy 1.18 returns as complex numbers, without an imaginary part
        rbar = 2 * conj(columns_of_b - a @ x) * (scalar(sums) if np.ndim(b) == 1 else row(sums))
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
    top = np.max(np.linalg.svdvals(constant(a)), axis=-1, initial=0)
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

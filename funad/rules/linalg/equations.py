"""solve, inv, pinv, lstsq and their kin on tensors."""

from ... import numpy as np
from ...boxes import Traced
from ...defining import defvjp
from ...numpy import linalg
from ...numpy.linalg import LinAlgError, solve
from ...spaces import unbroadcast
from ...values import constant, shape_of
from .decompositions import singular_values
from .matrices import column, conj, fold, h, half, row, t


def _solve_by(a, ybar, b):
    """A⁻ᵀ ȳ; b is one vector or stands for matrices, as in NumPy 2."""
    if np.ndim(b) == 1 and ybar.ndim > 1:
        return np.squeeze(solve(t(a), column(ybar)), -1)
    return solve(t(a), ybar)


def _solve_wrt_a(y, ybar, a, b):
    """Ā = -(A⁻ᵀ ȳ) yᵀ, from dA y + A dy = 0."""
    bbar = _solve_by(a, ybar, b)
    abar = -column(bbar) * row(y) if np.ndim(b) == 1 else -(bbar @ t(y))
    return unbroadcast(abar, shape_of(a))


def _solve_wrt_b(y, ybar, a, b):
    """b̄ = A⁻ᵀ ȳ."""
    return unbroadcast(_solve_by(a, ybar, b), shape_of(b))


def _by_factors(y, ybar, a, b, lu=None, piv=None, trans=0):
    """b̄ = A⁻ᵀ ȳ by the same factors; A⁻¹ ȳ where Aᵀ y = b."""
    return linalg.solve_by_factors(a, ybar, lu, piv, 1 - trans)


def _by_factors_wrt_a(y, ybar, a, b, lu=None, piv=None, trans=0):
    """Ā = -b̄ yᵀ, or its transpose."""
    bbar = _by_factors(y, ybar, a, b, lu, piv, trans)
    left, right = (y, bbar) if trans else (bbar, y)
    return -column(left) * row(right) if np.ndim(b) == 1 else -(left @ t(right))


def of_inverse(y, ybar, a):
    """Ā = -A⁻ᵀ ȳ A⁻ᵀ."""
    return -(t(y) @ ybar @ t(y))


def of_pinv(y, ybar, a, rcond=None, hermitian=False, *, rtol=None):
    """g_A = -Yᴴ g Yᴴ + (I - AY) gᴴ Y Yᴴ + Yᴴ Y gᴴ (I - YA), at constant rank.

    Golub and Pereyra (1973), The differentiation of pseudo-inverses and nonlinear least squares
    problems whose variables separate.
    """
    factor = linalg.rescaling(a)
    if factor is not None:
        return factor * of_pinv(y / factor, factor * ybar, factor * a, rcond, hermitian, rtol=rtol)
    if hermitian:
        a = half(a) + h(half(a))
    kept = _kept(a, rcond if rtol is None else rtol)
    if kept is not None:
        abar = _pinv_of_the_kept(ybar, a, kept)
        return fold(abar) if hermitian else abar
    g, y_h = conj(ybar), h(y)
    left, right = h(g) @ (y @ y_h), (y_h @ y) @ h(g)
    abar = conj(left - a @ (y @ left) + right - (right @ y) @ a - y_h @ g @ y_h)
    return fold(abar) if hermitian else abar


_CUT = (
    "pinv, lstsq and polyfit have no derivative where the least singular value that is kept equals the "
    "largest that rcond or rtol cuts off; choose an rcond that keeps both or cuts off both"
)


def _kept(a, cutoff):
    """Which singular values the cut-off keeps; None if it cuts off no more than rounding."""
    a = constant(a)
    rounding = 100 * max(a.shape[-2:], default=1) * np.finfo(a.dtype).eps
    if cutoff is None or not a.size or not np.any(np.asarray(constant(cutoff)) > rounding):
        return None
    s = np.linalg.svdvals(a)
    kept = s > column(constant(cutoff)) * s[..., :1]
    cut_off = np.where(kept, 0, s)
    if not np.any(cut_off > rounding * s[..., :1]):
        return None
    least = np.min(np.where(kept, s, np.inf), axis=-1)
    if np.any(least - np.max(cut_off, axis=-1) <= rounding * s[..., 0]):
        raise LinAlgError(_CUT)
    return kept


def _pinv_of_the_kept(ybar, a, kept):
    """g_A of Y = V diag(w) Uᴴ with w = 1/s for the values kept, and 0 for those cut off.

    With E = Uᴴ gᴴ V it is U (α∘(E + Eᴴ)/2 + β∘(E - Eᴴ)/2) Vᴴ where αᵢⱼ = (wᵢ - wⱼ)/(sᵢ - sⱼ),
    βᵢⱼ = (wᵢ + wⱼ)/(sᵢ + sⱼ); and w/s outside of the span of U and V.
    """
    u, s, vh = linalg.svd(a, full_matrices=False)
    w = np.where(kept, 1 / np.where(kept, s, 1), 0)
    both, mixed = column(kept) & row(kept), column(kept) ^ row(kept)
    product = np.where(both, column(w) * row(w), 0)
    alpha = np.where(mixed, (column(w) - row(w)) / np.where(mixed, column(s) - row(s), 1), -product)
    beta = np.where(mixed, (column(w) + row(w)) / np.where(mixed, column(s) + row(s), 1), product)
    g, u_h, v = t(ybar), h(u), h(vh)
    e = u_h @ g @ v
    inner = (alpha * (e + h(e)) + beta * (e - h(e))) / 2
    left = (g - u @ (u_h @ g)) @ (v * row(w * w))
    right = (column(w * w) * u_h) @ (g - (g @ v) @ vh)
    return conj((u @ inner + left) @ vh + u @ right)


def _lstsq_parts(y, ybar, a, b, rcond):
    """What both rules start from: A⁺, and x, x̄, b and the cotangent of b - Ax as matrices; rcond."""
    eps = np.finfo(a.dtype).eps
    rcond = max(a.shape) * eps if rcond is None else rcond if rcond > 0 else eps
    vector = np.ndim(b) == 1
    x, xbar, b = (column(z) if vector else z for z in (y[0], ybar[0], b))
    # At the least |r|² its change by x vanishes. Without full rank NumPy returns none.
    rbar = 2 * conj(b - a @ x) * ybar[1] if np.size(y[1]) else None
    return linalg.pinv(a, rcond=rcond), x, xbar, b, rbar, rcond


def _lstsq_wrt_a(y, ybar, a, b, rcond=None):
    """Ā of x = A⁺ b, of the sums of squares |b - Ax|² and of the singular values."""
    p, x, xbar, b, rbar, rcond = _lstsq_parts(y, ybar, a, b, rcond)
    abar = of_pinv(p, xbar @ t(b), a, rcond)
    if rbar is not None:
        abar = abar - rbar @ t(x)
    if isinstance(ybar[3], Traced) or np.any(ybar[3]):
        abar = abar + singular_values(ybar[3], a)
    return abar


def _lstsq_wrt_b(y, ybar, a, b, rcond=None):
    """b̄ = (A⁺)ᵀ x̄, and that of the sums of squares."""
    p, _, xbar, _, rbar, _ = _lstsq_parts(y, ybar, a, b, rcond)
    bbar = t(p) @ xbar if rbar is None else t(p) @ xbar + rbar
    return np.reshape(bbar, np.shape(b))


def _tensorsolve_parts(y, ybar, a, b, axes):
    """The axes of a in the order of the equations, its shape then, and b̄ = A⁻ᵀ ȳ flat."""
    axes = tuple(axes or ())
    order = tuple(n for n in range(a.ndim) if n not in axes) + axes
    moved = np.transpose(a, order)
    return order, moved.shape, solve(t(np.reshape(moved, (np.size(b), -1))), np.ravel(ybar))


def _tensorsolve_wrt_a(y, ybar, a, b, axes=None):
    """Ā = -b̄ ⊗ y."""
    order, shape, bbar = _tensorsolve_parts(y, ybar, a, b, axes)
    abar = np.reshape(-column(bbar) * np.ravel(y), shape)
    return np.transpose(abar, [order.index(n) for n in range(len(order))])


def _tensorsolve_wrt_b(y, ybar, a, b, axes=None):
    """b̄ = A⁻ᵀ ȳ, on the flat arrays."""
    return np.reshape(_tensorsolve_parts(y, ybar, a, b, axes)[2], np.shape(b))


def _tensorinv(y, ybar, a, ind=2):
    """Ā = -A⁻ᵀ ȳ A⁻ᵀ, on the flat arrays."""
    shape = (-1, int(np.prod(np.shape(a)[:ind])))
    abar = of_inverse(np.reshape(y, shape), np.reshape(ybar, shape), None)
    return np.reshape(abar, np.shape(a))


defvjp(linalg.solve, _solve_wrt_a, _solve_wrt_b)
defvjp(linalg.solve_by_factors, _by_factors_wrt_a, _by_factors)
defvjp(linalg.inv, of_inverse)
defvjp(linalg.pinv, of_pinv)
defvjp(linalg.lstsq, _lstsq_wrt_a, _lstsq_wrt_b)
defvjp(linalg.tensorsolve, _tensorsolve_wrt_a, _tensorsolve_wrt_b)
defvjp(linalg.tensorinv, _tensorinv)

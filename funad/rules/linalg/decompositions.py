"""cholesky, qr and svd; and what svd shares with the eigenvalues: ties and phases."""

from ... import numpy as np
from ...boxes import Box, Dual, Traced
from ...calling import as_one_call
from ...defining import defvjp, elementwise, linear
from ...numpy import linalg
from ...numpy.linalg import TIED, LinAlgError, inv, solve
from ...numpy.ties import Splitting, constants, pole, settle, splitting_of
from ...values import any_of, constant, is_unknown
from .matrices import column, conj, fold, h, half, real_dtype, rounding, row, scalar, t
from .triangles import between, gram

_PHASE = (
    "the derivative of complex {} vectors is defined only for what does not depend on their phase, "
    "as each may be multiplied by a number of size 1; use their absolute values or products v vᴴ"
)
_BEYOND = (
    "the singular vectors beyond the singular values have no derivative but for the space that they "
    "span, as any basis of it will do; use full_matrices=False, or their products v vᴴ"
)


def _cholesky(y, ybar, a, *, upper=False):
    """g_A = L⁻ᴴ Φ(Lᴴ g) L⁻¹, folded into the triangle that is read.

    NumPy reads the lower triangle of A alone, or with ``upper`` the upper one, and so do
    differences of it: Ā is zero in the other triangle, and off the diagonal of this one
    twice the symmetric Ā.

    Murray (2016), Differentiation of the Cholesky decomposition.
    """
    rule = _cholesky_with_kernels if y.shape[-1] > _SMALL else _cholesky_by_products
    return rule(y, ybar, upper)


_SMALL = 64  # up to which products with the inverse are as fast, and there is less to be differentiated again


@as_one_call
def _cholesky_with_kernels(y, ybar, upper):
    """Ā by triangular systems."""
    low, g = (h(y), t(ybar)) if upper else (y, conj(ybar))
    if _is_diagonal(g):  # as that of a determinant
        found = gram(low, np.diagonal(g) * np.diagonal(low))
        if found is not None:
            np.fill_diagonal(found, np.diagonal(found) / 2)
            return conj(h(found) if upper else found)
        inner = half(h(low) * np.diagonal(g))
    else:
        inner = half(h(low) @ g)
    return conj(fold(between(inner, low), not upper))


def _cholesky_by_products(y, ybar, upper):
    """Ā by the inverse of L."""
    low, g = (h(y), t(ybar)) if upper else (y, conj(ybar))
    inverse = inv(low)
    return conj(fold(h(inverse) @ half(h(low) @ g) @ inverse, not upper))


def _is_diagonal(g):
    """Whether a plain gradient is 0 beside its diagonal."""
    if type(g) is not np.ndarray or g.ndim != 2:
        return False
    count = np.count_nonzero(g != 0)  # of booleans NumPy counts three times as fast as of floats
    return count <= len(g) and count == np.count_nonzero(np.diagonal(g))


def of_qr(y, ybar, a, mode="reduced"):
    """g_A = (g_Q + Q (g_R Rᴴ + Φ(Z - Zᴴ) - Qᴴ g_Q)) R⁻ᴴ with Z = Qᴴ g_Q - g_R Rᴴ.

    Of a wide A = [A₁ A₂] that is the gradient of A₁, and the rest of R is Qᴴ A₂. LAPACK makes
    the diagonal of R real. Walter and Lehmann (2018), Algorithmic differentiation of linear
    algebra functions with application in optimum experimental design.
    """
    m, n = a.shape[-2:]
    if mode == "raw" or (mode == "complete" and m > n):  # funad.numpy.linalg composes them of reflections
        raise LinAlgError(f"this rule of qr is not that of mode={mode!r}; call funad.numpy.linalg.qr itself")
    if mode == "r":
        (q, r), g_r = linalg.qr(a), conj(ybar)
        g_q = np.zeros(q.shape, q.dtype)
    else:
        (q, r), (g_q, g_r) = y, (conj(ybar[0]), conj(ybar[1]))
    k = linalg.turning(a)
    if k < n:
        wide, g_wide = a[..., k:], g_r[..., k:]
        r, g_r, g_q = r[..., :k, :k], g_r[..., :k, :k], g_q + wide @ h(g_wide)
        q_wide = q
    if k < q.shape[-1]:  # one more column, at right angles to the others
        last = q[..., k:]
        q, g_q = q[..., :k], g_q[..., :k] - last @ (h(g_q[..., k:]) @ q[..., :k])
    r = _independent(r, g_q, g_r)
    p, w = h(q) @ g_q, g_r @ h(r)
    z = p - w
    g_a = h(solve(r, h(g_q + q @ (w + half(z - h(z)) - p))))
    return conj(np.concatenate([g_a, q_wide @ g_wide], -1) if k < n else g_a)


def _independent(r, *gs):
    """R, if no column of A depends on those before it; that is of no account where the gradients are 0."""
    wrong = linalg.dependent(constant(r))
    if not any_of(wrong):
        return r
    if any(is_unknown(g) or np.any(scalar(wrong) & (g != 0)) for g in gs):
        raise LinAlgError(linalg.DEPENDENT)
    return np.where(scalar(wrong), np.eye(r.shape[-1], dtype=r.dtype), r)


def tied(w):
    """Which pairs of values are equal but for rounding, a value and itself among them."""
    w = constant(w)
    return np.abs(column(w) - row(w)) <= column(rounding(w))


def _of_others(ties):
    """Ties without those of a value and itself."""
    return ties & ~np.eye(ties.shape[-1], dtype=bool)


def shared(wbar, w):
    """w̄, shared equally among values that coincide."""
    ties = tied(w)
    if not any_of(_of_others(ties)):
        return wbar
    weights = (ties / np.sum(ties, axis=-1, keepdims=True)).astype(real_dtype(w))
    return np.squeeze(weights @ column(wbar), -1)


def refuse_again(a, w, kind):
    """Raise where values coincide if this is to be differentiated again: that goes by the vectors."""
    if is_unknown(a) and any_of(_of_others(tied(w))):
        raise LinAlgError(TIED.format(*kind))


def gaps(w, kind, vbars, *products):
    """Fᵢⱼ = 1/(wⱼ - wᵢ), and 0 for ties, on which nothing may depend."""
    ties = tied(w)
    _refuse(_of_others(ties), vbars, products, TIED.format(*kind))
    return np.where(ties, 0, 1 / np.where(ties, 1, row(w) - column(w)))


def _refuse(where, vbars, products, message):
    """Raise if a product, which is linear in the cotangents v̄, is more than rounding somewhere.

    A traced cotangent says nothing: it may be the unknown of a transpose.
    """
    if any_of(where):
        sizes = [np.abs(constant(p)) for p in products]
        nonzero = any(np.any(where & (p > 1e3 * np.finfo(p.dtype).eps * np.max(p))) for p in sizes)
        if nonzero or any(map(is_unknown, vbars)):
            raise LinAlgError(message)


def check_phase(p, what, fixed=False):
    """Raise if a cotangent depends on the phase of complex vectors: on the diagonal of p is vᴴg.

    Some vectors may have none that is free, as the real ones of a real matrix.
    """
    p = constant(p)
    if p.dtype.kind == "c" and p.size:
        turns = np.where(fixed, 0, np.abs(np.imag(np.diagonal(p, axis1=-2, axis2=-1))))
        if np.any(turns > 1e4 * np.finfo(p.dtype).eps * max(1.0, float(np.max(np.abs(p))))):
            raise LinAlgError(_PHASE.format(what))


def freedom(message, values, *vbars):
    """In forward mode, an η for the choices that the vectors leave open; None on the way back.

    There the rule is run with cotangents that are unknown, of which it can ask nothing. So each vector is
    turned along its choice by η times something that depends on Ȧ: if that is seen, it will be refused.
    """
    if not all(is_unknown(vbar) and not any_of(constant(vbar)) for vbar in vbars):
        return None
    top = float(np.max(np.abs(constant(values)), initial=0)) or 1.0
    splitting = Splitting(1, None, None, None, None, message)
    return lambda rows, columns, dtype: splitting.pole(constants(rows, columns, dtype) / top)


def of_phases(p, what, values, *vbars, fixed=False):
    """What the phases add to the inner part of Ā: on the diagonal of p is vᴴg."""
    if p.dtype.kind != "c" or not p.size:
        return 0
    return _of_phases(p, what, values, *vbars, fixed=fixed)


@as_one_call
def _of_phases(p, what, values, *vbars, fixed):
    """What the phases of complex vectors add; 0 on the way back."""
    check_phase(p, what, fixed)
    eta = freedom(_PHASE.format(what), values, *vbars)
    if eta is None:
        return 0
    turns = np.imag(np.diagonal(p, axis1=-2, axis2=-1))
    return eta(p.shape[-1], p.shape[-1], p.dtype) * column(np.where(fixed, 0, turns))


def _inverse(sums, s, vbars, product):
    """1/sums, and 0 where that is no more than rounding, on which nothing may depend."""
    zero = constant(sums) <= column(rounding(s))
    _refuse(np.broadcast_to(zero, product.shape), vbars, (product,), TIED.format("svd", "singular"))
    return np.where(zero, 0, 1 / np.where(zero, 1, sums))


def _of_values(sbar, s):
    """s̄, shared equally among values that coincide, and 0 at 0, where s has a kink as abs has."""
    return np.where(constant(s) <= rounding(s), 0, shared(sbar, s))


def singular_values(ybar, a, hermitian=False):
    """g_A = U diag(s̄) Vᴴ."""
    u, s, vh = linalg.svd(a, full_matrices=False, hermitian=hermitian)
    refuse_again(a, s, ("svd", "singular"))
    abar = conj((u * row(_of_values(ybar, s))) @ vh)
    return fold(abar) if hermitian else abar


def _within(u, g_u, k):
    """The first k vectors, and their gradient with that of the others: U₂ᴴ dU₁ = -(U₁ᴴ dU₂)ᴴ.

    Of the others a loss may know the space that they span, and no more: U₂ᴴ g is hermitian then.
    """
    first, others, g, g_others = u[..., :k], u[..., k:], g_u[..., :k], g_u[..., k:]
    if not is_unknown(g_others) and not any_of(g_others):
        return first, g  # a traced gradient may be 0 and depend on what is differentiated next
    if not others.size:
        return first, g
    inner = constant(h(others) @ g_others)
    size = np.max(np.abs(constant(g_others)), initial=0)
    if np.any(np.abs(inner - h(inner)) > 1e4 * np.finfo(inner.dtype).eps * size):
        raise LinAlgError(_BEYOND)
    return first, g - others @ (h(g_others) @ first)


def _beyond(u, g_u, v, eta):
    """What the choice of the vectors beyond the values adds to g_A, if a loss sees it."""
    k = v.shape[-1]
    others, g = u[..., k:], g_u[..., k:]
    inner = h(others) @ g
    return others @ ((inner - h(inner)) @ eta(others.shape[-1], k, inner.dtype)) @ h(v)


def _svd(y, ybar, a, full_matrices=True, compute_uv=True, hermitian=False):
    """g_A = U (F∘anti(P + Q) + H∘anti(P - Q) + diag s̄) Vᴴ + what U and V do not span.

    P = Uᴴ g_U, Q = Vᴴ g_V, Fᵢⱼ = 1/(sⱼ - sᵢ), Hᵢⱼ = 1/(sᵢ + sⱼ), anti(X) = (X - Xᴴ)/2.
    Giles (2008), An extended collection of matrix derivative results.
    """
    if not compute_uv:
        return singular_values(ybar, a, hermitian)
    (u, s, vh), (ubar, sbar, vhbar) = y, ybar
    m, n, k = *a.shape[-2:], s.shape[-1]
    vbars = (ubar, vhbar)
    if not any(is_unknown(bar) or any_of(bar) for bar in vbars):
        abar = conj((u[..., :k] * row(_of_values(sbar, s))) @ vh[..., :k, :])
        return fold(abar) if hermitian else abar
    g_u, g_v, v = conj(ubar), t(vhbar), h(vh)
    free = _free_beyond(u, g_u, v, g_v, s, vbars)
    (u, g_u), (v, g_v) = _within(u, g_u, k), _within(v, g_v, k)
    vh = h(v)
    p, q = h(u) @ g_u, vh @ g_v
    phases = of_phases(p + q, "singular", s, *vbars)
    anti = (p - q - h(p - q)) / 2
    inner = gaps(s, ("svd", "singular"), vbars, p, q) * (p + q - h(p + q)) / 2
    inner = inner + _inverse(column(s) + row(s), s, vbars, anti) * anti + phases
    g_a = free + u @ (np.where(np.eye(k, dtype=bool), inner + column(_of_values(sbar, s)), inner) @ vh)
    if m > k:
        rest = g_u - u @ p
        g_a = g_a + (rest * _inverse(row(s), s, vbars, rest)) @ vh
    if n > k:
        rest = h(g_v - v @ q)
        g_a = g_a + u @ (rest * _inverse(column(s), s, vbars, rest))
    g_a = settle(conj(g_a))
    return fold(g_a) if hermitian else g_a


def _free_beyond(u, g_u, v, g_v, s, vbars):
    """What both sides of full matrices add to g_A: the only vector of a real matrix has no choice."""
    k = s.shape[-1]
    extra = max(u.shape[-1], v.shape[-1]) - k
    if extra == 0 or (extra == 1 and u.dtype.kind != "c"):
        return 0
    eta = freedom(_BEYOND, s, *vbars)
    if eta is None or k == 0:
        return 0
    if u.shape[-1] > k:
        return _beyond(u, g_u, v, eta)
    return h(_beyond(v, g_v, u, eta))


def inverse_where_apart(x, tie, step, splitting):
    """1/x, and where values coincide η/step: their difference, or sum, is ε times the step."""
    if not np.any(tie):
        return 1 / x
    step = np.where(tie, step, 0).astype(x.dtype)
    inverse = np.where(tie, 1 / np.where(tie, step, 1), 0)
    zero = x - splitting.apart(constant(x), step)  # but it has the tangents of x
    eta = pole(zero, splitting.pole(inverse))
    return np.where(tie, eta, 1 / np.where(tie, 1, x))


def values_apart(wbar, splitting):
    """w̄; what of it differs in a tie is marked as what counts only if the vectors are used too."""
    same = splitting.same
    weights = (same / np.sum(same, axis=-1, keepdims=True)).astype(real_dtype(splitting.delta))
    mean = np.squeeze(weights @ column(wbar), -1)
    if splitting.zero is not None:
        mean = np.where(splitting.zero, 0, mean)
    return mean + (wbar - mean) * splitting.shared()


def size_of_poles(splitting, *bars):
    """The size of the terms with a factor η in a cotangent made of these.

    In derivatives of a gradient, cotangents may be mere rounding: those of the gradient count too.
    """
    splitting.largest = max(splitting.largest, *map(largest, bars))
    return splitting.largest / float(np.min(splitting.delta, initial=np.inf))


def largest(x):
    """The largest number in x, and in its tangents."""
    while isinstance(x, Box):
        x = x.primal
    if isinstance(x, Dual):
        return max(largest(x.primal), largest(x.tangent))
    return float(np.max(np.abs(x), initial=0))


def of_svd_apart(y, ybar, a, order, full_matrices=True):
    """As svd; where values coincide or are 0, they differ by ε: see funad.numpy.ties."""
    splitting = splitting_of(y[1])
    if splitting is None:
        return _svd(y, ybar, a, full_matrices)
    (u, s, vh), (ubar, sbar, vhbar) = y, ybar
    m, n, k = *a.shape[-2:], s.shape[-1]
    g_u, g_v, v = conj(ubar), t(vhbar), h(vh)
    free = _free_beyond(u, g_u, v, g_v, s, (ubar, vhbar))
    (u, g_u), (v, g_v) = _within(u, g_u, k), _within(v, g_v, k)
    p, q, vh = h(u) @ g_u, h(v) @ g_v, h(v)
    phases = of_phases(p + q, "singular", s, ubar, vhbar)
    turn, anti = (p + q - h(p + q)) / 2, (p - q - h(p - q)) / 2
    eye, zero, delta = np.eye(k, dtype=bool), splitting.zero, splitting.delta
    ties, both = splitting.same & ~eye, column(zero) & row(zero)
    differences, sums = row(s) - column(s), row(s) + column(s)
    f = inverse_where_apart(np.where(eye, 1, differences), ties, row(delta) - column(delta), splitting)
    inner = np.where(eye, column(values_apart(sbar, splitting)), f * turn)
    inner = inner + inverse_where_apart(sums, both, row(delta) + column(delta), splitting) * anti
    g_a = free + u @ (inner + phases) @ vh
    over_s = inverse_where_apart(s, zero, delta, splitting)
    if m > k:
        g_a = g_a + ((g_u - u @ p) * row(over_s)) @ vh
    if n > k:
        g_a = g_a + u @ (column(over_s) * h(g_v - v @ q))
    return settle(conj(g_a), size_of_poles(splitting, p, q, sbar))


elementwise(pole, lambda y, ybar, x, eta: -ybar * y * y, lambda y, ybar, x, eta: ybar / (1 + x * eta) ** 2)
linear(settle, lambda y, ybar, x, floor: ybar)
defvjp(linalg.svd_apart, of_svd_apart)
defvjp(linalg.cholesky, _cholesky, masks=True)
defvjp(linalg.qr, of_qr)
defvjp(linalg.svd, _svd)
defvjp(linalg.svdvals, lambda y, ybar, x: singular_values(ybar, x))

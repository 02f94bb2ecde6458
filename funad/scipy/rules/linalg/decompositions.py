"""Cholesky, LU, LDL, QR, RQ, polar, Hessenberg and Schur decompositions, and balancing."""

from scipy import linalg as scipy_linalg

from .... import numpy as np
from ....defining import defvjp
from ....numpy import linalg as numpy_linalg
from ....numpy.linalg import LinAlgError, reflection
from ....numpy.ties import settle
from ....rules.linalg.decompositions import of_phases, of_qr, of_svd_apart, singular_values
from ....rules.linalg.matrices import conj, fold, h, half, t
from ....transforms import vjp
from ....values import constant, dtype_of
from ... import linalg
from ...derived import as_written

# --- Cholesky


def _of_cholesky(low, g, lower):
    """g_A = L⁻ᴴ Φ(Lᴴ g) L⁻¹, folded into the triangle that is read. Murray (2016)."""
    half_way = linalg.solve_triangular(low, half(h(low) @ g), 2, lower=True, check_finite=False)
    return conj(fold(h(linalg.solve_triangular(low, h(half_way), 2, lower=True, check_finite=False)), lower))


def _cholesky(y, ybar, a, *, lower=False, check_finite=True):
    return _of_cholesky(y, conj(ybar), True) if lower else _of_cholesky(h(y), t(ybar), False)


# Up to SciPy 1.17 the other triangle is left as it is in A, and then it is zero.
_LEFT = scipy_linalg.cho_factor(np.array([[2.0, 1.0], [1.0, 2.0]]))[0][1, 0] != 0


def _cho_factor(y, ybar, a, *, lower=False, check_finite=True):
    """As cholesky; what of A is left in the other triangle has the cotangents there."""
    y, ybar = y[0], ybar[0]
    if lower:
        abar, other = _of_cholesky(np.tril(y), conj(np.tril(ybar)), True), np.triu(ybar, 1)
    else:
        abar, other = _of_cholesky(h(np.triu(y)), t(np.triu(ybar)), False), np.tril(ybar, -1)
    return abar + other if _LEFT else abar


defvjp(linalg.cholesky, _cholesky, masks=True)
defvjp(linalg.cho_factor, _cho_factor, masks=True)


# --- LU and LDL


def _of_lu(low, up, lowbar, upbar):
    """Ā = L⁻ᵀ (tril₋₁(LᵀL̄) + triu(ŪUᵀ)) U⁻ᵀ for A = L U; where A is tall or wide, that of its square part.

    The rest is L₂ = A₂ U⁻¹ or U₂ = L⁻¹ A₂. de Hoog, Anderssen and Lukas (2011), Differentiation of
    matrix functionals using triangular factorization.
    """
    m, n = low.shape[-2], up.shape[-1]
    k = min(m, n)
    rest = None
    if m > k:
        rest = _over(lowbar[..., k:, :], up)
        upbar, low, lowbar = upbar - t(low[..., k:, :]) @ rest, low[..., :k, :], lowbar[..., :k, :]
    elif n > k:
        rest = _under(low, upbar[..., k:])
        lowbar, up, upbar = lowbar - rest @ t(up[..., k:]), up[..., :k], upbar[..., :k]
    abar = _over(_under(low, np.tril(t(low) @ lowbar, -1) + np.triu(upbar @ t(up))), up)
    return abar if rest is None else np.concatenate([abar, rest], -2 if m > k else -1)


def _over(x, up):
    """X U⁻ᵀ."""
    return t(linalg.solve_triangular(up, t(x), check_finite=False))


def _under(low, x):
    """L⁻ᵀ X."""
    return linalg.solve_triangular(low, x, 1, lower=True, unit_diagonal=True, check_finite=False)


def _lu(y, ybar, a, permute_l=False, *, check_finite=True, p_indices=False):
    """Ā of A = P L U with a constant P."""
    order = y[0] if p_indices and not permute_l else linalg.order_of_rows(constant(a))
    inverse = np.argsort(order, -1)[..., None]
    low, up = y[-2:]
    lowbar, upbar = ybar[-2:]
    if permute_l:
        low, lowbar = (np.take_along_axis(x, inverse, -2) for x in (low, lowbar))
    return np.take_along_axis(_of_lu(low, up, lowbar, upbar), order[..., None], -2)


def _lu_factor(y, ybar, a, *, check_finite=True):
    """As lu, with both factors in one matrix."""
    (lu, piv), (lubar, _) = y, ybar
    m, n = lu.shape[-2:]
    k = min(m, n)
    low = np.tril(lu, -1)[..., :k] + np.eye(m, k, dtype=lu.dtype)
    abar = _of_lu(low, np.triu(lu)[..., :k, :], np.tril(lubar, -1)[..., :k], np.triu(lubar)[..., :k, :])
    back = np.argsort(linalg.order_of(piv, m), -1)
    return np.take_along_axis(abar, back[..., None], -2)


def _ldl(y, ybar, A, lower=True, hermitian=True, *, check_finite=True):
    """Ā = L⁻ᵀ (D̄ on its blocks + (LᵀL̄ D⁻ᵀ) beside them) L⁻*, from L⁻¹ dA L⁻ᴴ = S D + dD + D Sᴴ, dL = L S."""
    (lu, d, order), (lubar, dbar, _) = y, ybar
    rows = order[..., None]
    low, lowbar = (np.take_along_axis(x, rows, -2) for x in (lu, lubar))
    n = d.shape[-1]
    off = constant(d) != 0
    block = off | t(off) | np.eye(n, dtype=bool)
    beside = np.tri(n, dtype=bool) if lower else np.tri(n, dtype=bool).T
    s = t(np.linalg.solve(d, t(lowbar) @ low))  # LᵀL̄ D⁻ᵀ
    inner = np.where(block, dbar, np.where(beside, s, 0))
    adjoint = linalg.solve_triangular(low, inner, 1, lower=lower, unit_diagonal=True, check_finite=False)
    other = conj(low) if hermitian else low
    adjoint = t(linalg.solve_triangular(other, t(adjoint), 1, lower, unit_diagonal=True, check_finite=False))
    back = np.argsort(order, -1)
    abar = np.take_along_axis(np.take_along_axis(adjoint, back[..., None], -2), back[..., None, :], -1)
    return fold(abar, lower) if hermitian else half(abar + t(abar), lower)


defvjp(linalg.lu, _lu, masks=True)
defvjp(linalg.lu_factor, _lu_factor, masks=True)
defvjp(linalg.ldl, _ldl, masks=True)


# --- QR and RQ


def _qr(y, ybar, a, mode="full", pivoting=False, check_finite=True):
    """That of funad.numpy.linalg.qr, of the columns in the order of their pivots."""
    order = y[-1][..., None, :] if pivoting else None
    moved = np.take_along_axis(a, order, -1) if pivoting else a
    m, n = a.shape[-2:]
    if mode == "economic" or (mode == "full" and m <= n):
        abar = of_qr(y[:2], ybar[:2], moved)
    else:
        bars = ybar if isinstance(y, (tuple, list)) else (ybar,)  # of a stack SciPy may return R alone
        bars = tuple(bars[:-1] if pivoting else bars)
        abar = vjp(lambda a: _qr_parts(a, mode), moved)[1](bars)
    return np.take_along_axis(abar, np.argsort(order, -1), -1) if pivoting else abar


def _qr_parts(a, mode):
    """What SciPy returns of a tall matrix beside the reduced Q, or of any in the modes r and raw."""
    if mode == "full":
        return tuple(numpy_linalg.qr(a, mode="complete"))
    if mode == "raw":
        lifted, taus = numpy_linalg.qr(a, mode="raw")
        return t(lifted), taus, np.triu(t(lifted)[..., : min(a.shape[-2:]), :])
    r = numpy_linalg.qr(a, mode="r")
    zeros = np.zeros((*r.shape[:-2], a.shape[-2] - r.shape[-2], r.shape[-1]), dtype_of(r))
    return (np.concatenate([r, zeros], -2),)


def _qr_multiply(y, a, c, mode="right", pivoting=False, conjugate=False):
    """Q c or c Q of the reduced Q, and R."""
    order = constant(y[-1])[..., None, :] if pivoting else None
    q, r, *_ = linalg.qr(np.take_along_axis(a, order, -1) if pivoting else a, mode="economic")
    q = conj(q) if conjugate else q
    return (q @ c if mode == "left" else c @ q), r


def _turned(x):
    """The conjugate transpose in reverse order: of A = R Q that of Q times that of R."""
    return h(x)[..., ::-1, ::-1]


def _rq(y, ybar, a, *, lwork=None, mode="full", check_finite=True):
    """As qr, of the turned matrix."""
    m, n = a.shape[-2:]
    turned = _turned(a)
    if mode == "r":
        return _turned(vjp(lambda a: _qr_parts(a, "r"), turned)[1]((_turned(ybar),)))
    if mode == "economic" or n <= m:
        return _turned(of_qr((_turned(y[1]), _turned(y[0])), (_turned(ybar[1]), _turned(ybar[0])), turned))
    bars = (_turned(ybar[1]), _turned(ybar[0]))
    return _turned(vjp(lambda a: _qr_parts(a, "full"), turned)[1](bars))


defvjp(linalg.qr_of, _qr)
as_written(linalg.qr_multiply, _qr_multiply, (0, 1))
defvjp(linalg.rq, _rq)


# --- svd and polar


def _svd_apart(y, ybar, a, order, full_matrices=True, check_finite=True, lapack_driver="gesdd"):
    return of_svd_apart(y, ybar, a, order, full_matrices)


def _polar(y, ybar, a, side="right"):
    """g_A = U (W - Wᴴ) + (1 - U Uᴴ) g_U P⁻¹ with W P + P W = Uᴴ g_U, and P = Uᴴ A or A Uᴴ."""
    (u, _), (g_u, g_p) = y, (conj(ybar[0]), conj(ybar[1]))
    if side == "right":
        g_a, g_u = u @ g_p, g_u + a @ h(g_p)
    else:
        g_a, g_u = g_p @ u, g_u + h(g_p) @ a
    if a.shape[-2] < a.shape[-1]:
        return conj(g_a + h(_of_unitary(h(u), h(a), h(g_u))))
    return conj(g_a + _of_unitary(u, a, g_u))


_RANK = (
    "polar and orthogonal_procrustes have no derivative where the matrix has not full rank: the unitary "
    "factor may then be any of many; move the matrix away from it"
)


def _of_unitary(u, a, g):
    """g_A of the unitary factor alone, of a matrix with no more columns than rows."""
    p = h(u) @ a
    s = np.linalg.svdvals(constant(p))
    if np.any(s <= 10 * s.shape[-1] * np.finfo(s.dtype).eps * np.max(s, axis=-1, keepdims=True, initial=0)):
        raise LinAlgError(_RANK)
    p = (p + h(p)) / 2
    inner = h(u) @ g
    w = linalg.solve_sylvester(p, p, inner)
    g_a = u @ (w - h(w))
    if u.shape[-2] > u.shape[-1]:
        g_a = g_a + h(np.linalg.solve(p, h(g - u @ inner)))
    return g_a


def _procrustes(y, A, B, *, check_finite=True):
    """The unitary factor of Aᴴ B, and the sum of its singular values."""
    product = h(A) @ B
    u, _ = linalg.polar(product)
    return u, np.real(np.sum(conj(u) * product, (-2, -1)))


def _angles(y, A, B):
    """The angles by their cosines or sines, whichever is the more accurate."""
    q_a, q_b = np.linalg.qr(A)[0], np.linalg.qr(B)[0]
    product = h(q_a) @ q_b
    rest = q_b - q_a @ product if A.shape[-1] >= B.shape[-1] else q_a - q_b @ h(product)
    large = constant(y) > np.pi / 4
    cosines, sines = linalg.svdvals(product)[..., ::-1], linalg.svdvals(rest)
    by_cosine = np.arccos(np.where(large, cosines, 0.5))
    return np.where(large, by_cosine, np.arcsin(np.where(large, 0.5, sines)))


defvjp(linalg.svd_apart, _svd_apart)
defvjp(linalg.svdvals, lambda y, ybar, a, *, check_finite=True: singular_values(ybar, a))
defvjp(linalg.polar, _polar)
as_written(linalg.orthogonal_procrustes, _procrustes, (0, 1))
as_written(linalg.subspace_angles, _angles, (0, 1))


# --- Hessenberg and Schur


_REFLECTED = (
    "hessenberg has no derivative where a column is 0 already below the diagonal's neighbour: LAPACK leaves "
    "it as it is, and turns it around if it is moved; for what does not depend on that, use schur or eigvals"
)


def _hessenberg(y, a, calc_q=False, *, check_finite=True):
    """LAPACK's reflections, one column after the other."""
    n = a.shape[-1]
    q = np.broadcast_to(np.eye(n, dtype=dtype_of(a)), a.shape)
    for k in range(n - 1 if n > 2 else 0):
        if k < n - 2 and not np.all(np.any(constant(a)[..., k + 2 :, k], -1)):
            raise LinAlgError(_REFLECTED)
        _, v, tau = reflection(a[..., k + 1 :, k])
        v = np.concatenate([np.zeros((*a.shape[:-2], k + 1), dtype_of(a)), v], -1)[..., None]
        tau = tau[..., None, None]
        a = a - conj(tau) * v @ (h(v) @ a)
        a = a - (a @ v) @ (tau * h(v))
        q = q - (q @ v) @ (tau * h(v))
    return (np.triu(a, -1), q) if calc_q else np.triu(a, -1)


_BLOCKS = (
    "schur has no derivative where the real form has a block of two equal rows but for the sign, as any "
    "rotation of it will do, nor in stacks of real forms with different blocks; use output='complex'"
)


def _blocks(upper):
    """Where the blocks on the diagonal of a Schur form begin and end: one row, or two of a complex pair."""
    below = np.diagonal(upper, -1, -2, -1) != 0
    below = np.reshape(below, (-1, below.shape[-1]))
    if np.any(below != below[:1]):
        raise LinAlgError(_BLOCKS)
    found, start, n = [], 0, upper.shape[-1]
    while start < n:
        stop = start + 1 + bool(start < n - 1 and below[0, start])
        found.append((start, stop))
        start = stop
    return found


def _lower_part(upper, m, blocks):
    """L, zero on the blocks and above, with L T - T L = M below them: a column of blocks after the other."""
    n, columns = upper.shape[-1], []
    for start, stop in blocks:
        zeros = np.zeros((*m.shape[:-2], min(stop, n), stop - start), dtype_of(m))
        if stop == n:
            columns.append(zeros)
            break
        right = m[..., stop:, start:stop]
        if start:
            right = right - np.concatenate(columns, -1)[..., stop:, :] @ upper[..., :start, start:stop]
        rest, corner = upper[..., stop:, stop:], upper[..., start:stop, start:stop]
        if len(blocks) == n:  # a triangle
            found = linalg.solve_triangular(corner * np.eye(n - stop) - rest, right, check_finite=False)
        else:
            found = linalg.solve_sylvester(-rest, corner, right)
        columns.append(np.concatenate([zeros, found], -2))
    return np.concatenate(columns, -1)


def _turns(upper, change, blocks):
    """How the vectors of each pair turn: the diagonal of its block stays equal, as LAPACK makes it."""
    turn = np.zeros(change.shape, dtype_of(change))
    for start, stop in blocks:
        if stop - start == 2:
            first, second = (change[..., k, k] for k in range(start, stop))
            others = upper[..., start, start + 1] + upper[..., start + 1, start]
            size = np.abs(constant(upper[..., start, start + 1]))
            if np.any(np.abs(constant(others)) <= 1e3 * np.finfo(size.dtype).eps * size):
                raise LinAlgError(_BLOCKS)
            place = np.zeros(turn.shape[-2:])
            place[start + 1, start], place[start, start + 1] = 1, -1
            turn = turn + ((second - first) / (2 * others))[..., None, None] * place
    return turn


def _of_schur(upper, z, adot, blocks):
    """dT = M - X T + T X and dZ = Z X, with M = Zᴴ dA Z and an X = -Xᴴ that keeps the form of T."""
    m = h(z) @ adot @ z
    low = _lower_part(upper, m, blocks)
    x = low - h(low)
    if len(blocks) < upper.shape[-1]:
        x = x + _turns(upper, m - x @ upper + upper @ x, blocks)
    inside = np.zeros(upper.shape[-2:], bool)
    for start, stop in blocks:
        inside[start:stop, start:] = True
    return np.where(inside, m - x @ upper + upper @ x, 0), z @ x


def _schur(y, ybar, a, output="real", *, sort=None, check_finite=True):
    """The transpose of the change above; of complex matrices it must not depend on the phases in Z."""
    (upper, z), (tbar, zbar) = y[:2], ybar[:2]
    blocks = _blocks(constant(upper))
    zeros = np.zeros(np.shape(a), dtype_of(upper))
    abar = vjp(lambda adot: _of_schur(upper, z, adot, blocks), zeros)[1]((tbar, zbar))
    p = t(z) @ zbar + t(upper) @ tbar - tbar @ t(upper)
    values = np.diagonal(constant(upper), axis1=-2, axis2=-1)
    phases = of_phases(p, "Schur", values, tbar, zbar)
    return settle(abar + conj(z) @ phases @ t(z) if np.ndim(phases) else abar)


def _complex_form(y, T, Z, check_finite=True):
    """Givens' rotations of each pair, as SciPy makes them of the first of the two eigenvalues."""
    if T.ndim > 2:
        parts = [_complex_form(y, *pair) for pair in zip(T, Z, strict=True)]
        return tuple(np.stack(part) for part in zip(*parts, strict=True))
    complex_dtype = np.result_type(dtype_of(T), dtype_of(Z), np.complex64)
    T, Z = np.astype(T, complex_dtype), np.astype(Z, complex_dtype)
    eps = np.finfo(complex_dtype).eps
    for m in range(T.shape[-1] - 1, 0, -1):
        pair, plain = slice(m - 1, m + 1), constant(T)
        if abs(plain[m, m - 1]) > eps * (abs(plain[m - 1, m - 1]) + abs(plain[m, m])):
            first = linalg.eigvals(T[pair, pair])[0] - T[m, m]
            size = np.sqrt(np.real(first * np.conj(first) + T[m, m - 1] * np.conj(T[m, m - 1])))
            c, s = first / size, T[m, m - 1] / size
            turn = np.stack([np.stack([np.conj(c), s]), np.stack([-s, c])])
            T = np.concatenate([T[: m - 1], _rows_turned(turn, T[pair], m - 1), T[m + 1 :]])
            T = np.concatenate([T[:, : m - 1], _columns_turned(T[:, pair], turn, m + 1), T[:, m + 1 :]], -1)
            Z = np.concatenate([Z[:, : m - 1], Z[:, pair] @ h(turn), Z[:, m + 1 :]], -1)
        keep = np.ones(T.shape, bool)
        keep[m, m - 1] = False
        T = np.where(keep, T, 0)
    return T, Z


def _rows_turned(turn, rows, start):
    """Two rows, turned from a column on."""
    return np.concatenate([rows[:, :start], turn @ rows[:, start:]], -1)


def _columns_turned(columns, turn, stop):
    """Two columns, turned up to a row."""
    return np.concatenate([columns[:stop] @ h(turn), columns[stop:]])


def _balance(y, ybar, A, permute=True, scale=True, separate=False):
    """Ā = T⁻ᵀ B̄ Tᵀ of B = T⁻¹ A T, where T permutes and multiplies by powers of two: locally constant."""
    turn = linalg.balancing(constant(A), permute, scale)
    inverse = np.where(turn == 0, 0, 1 / np.where(turn == 0, 1, turn))
    return inverse @ ybar[0] @ t(turn)


def _real_form(y, w, v):
    """The blocks of real and imaginary parts, and the real and imaginary parts of the vectors of a pair."""
    plain = constant(w)
    n, pairs = plain.shape[-1], np.imag(plain) != 0
    first = pairs & (np.cumsum(pairs, -1) % 2 == 1)
    nth = np.arange(n)
    second = np.roll(first, 1, -1)
    other = np.where(first, nth + 1, np.where(second, nth - 1, nth))
    eye = np.eye(n, dtype=bool)
    across = (nth[:, None] == other[..., None, :]) & ~eye
    blocks = np.where(eye, np.real(w)[..., None], np.where(across, np.imag(w)[..., None], 0))
    partner = np.take_along_axis(v, np.broadcast_to(other[..., None, :], v.shape), -1)
    first, second = first[..., None, :], second[..., None, :]
    # In columns j, k of a pair: (v_j - v_k) i/2 and (v_j + v_k)/2, in the order of scipy.linalg.cdf2rdf.
    of_pairs = np.where(first, np.real(0.5j * (v - partner)), np.real(0.5 * (v + partner)))
    return blocks, np.where(first | second, of_pairs, np.real(v))


as_written(linalg.hessenberg, _hessenberg)
defvjp(linalg.schur, _schur)
as_written(linalg.rsf2csf, _complex_form, (0, 1))
defvjp(linalg.matrix_balance, _balance)
as_written(linalg.cdf2rdf, _real_form, (0, 1))

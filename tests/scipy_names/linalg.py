"""Calls of scipy.linalg."""

import numpy as onp

import funad.numpy as np
from funad.scipy import linalg

from . import probe

_rng = onp.random.default_rng(3)


def _normal(*shape):
    return _rng.normal(size=shape)


A = _normal(3, 3) + 4 * onp.eye(3)
C = A + 0.5j * _normal(3, 3)
S = A @ A.T / 4
B, V = _normal(3, 2), _normal(3)
TALL, WIDE = _normal(4, 2), _normal(2, 4)
TWO = onp.array([[1.0, 0.4], [0.4, 2.0]])
TURNING = onp.array([[1.0, 2.0], [-0.5, 1.3]])
APART = onp.diag([1.0, 2.0, 4.0]) + 0.2 * _normal(3, 3)
SMALL = onp.array([[0.3, 0.5], [-0.2, 0.4]])
BAND = _normal(3, 5) + onp.array([[0.0], [5.0], [0.0]])
LOW_BAND = onp.array([[6.0, 7.0, 6.0, 8.0], [0.5, -1.0, 0.7, 0.3], [0.2, 0.4, 0.1, 0.9]])
SPECTRUM_BAND = onp.array([[1.0, 3.0, 5.0, 8.0], [0.4, -0.3, 0.2, 0.5]])
FIRST, ROW = onp.array([3.0, 0.5, -0.4]), onp.array([3.0, 0.2, 0.3])
D, E = onp.array([1.0, 3.0, 5.0, 8.0]), onp.array([0.4, -0.3, 0.2])
PIVOTS = onp.array([1, 2, 2], dtype=onp.int32)
STATES, INPUTS, CROSS = 0.5 * SMALL, onp.array([[1.0], [0.5]]), onp.array([[0.1], [0.2]])
Q, R = onp.diag([1.0, 1.5]), onp.array([[1.0]])


def _hermitian(x):
    """A matrix that is Hermitian wherever it is moved to."""
    return x + np.conj(x).T


def _squares(v):
    """What of vectors does not depend on their signs and phases."""
    return np.real(v * np.conj(v))


def _pair(a, b, c, v):
    """Eigenvalues of which two are a pair, and their vectors."""
    return np.stack([a + 1j * b, a - 1j * b, c + 0j]), v


PROBES = [
    # Equations
    probe("scipy.linalg.solve", lambda sp, a, b: sp.linalg.solve(a, b), A, V),
    probe("scipy.linalg.solve", lambda sp, a, b: sp.linalg.solve(a, b, overwrite_a=True), C, B),
    probe("scipy.linalg.solve", lambda sp, a, b: sp.linalg.solve(_hermitian(a), b, assume_a="pos"), S, V),
    probe("scipy.linalg.inv", lambda sp, a: sp.linalg.inv(a), A),
    probe("scipy.linalg.inv", lambda sp, a: sp.linalg.inv(a, overwrite_a=True), C),
    probe("scipy.linalg.det", lambda sp, a: sp.linalg.det(a), A),
    probe("scipy.linalg.lstsq", lambda sp, a, b: sp.linalg.lstsq(a, b)[:2], TALL, _normal(4)),
    probe(
        "scipy.linalg.lstsq", lambda sp, a, b: sp.linalg.lstsq(a, b, lapack_driver="gelsy")[0], TALL, TALL + 1
    ),
    probe("scipy.linalg.pinv", lambda sp, a: sp.linalg.pinv(a), TALL),
    probe("scipy.linalg.pinv", lambda sp, a: sp.linalg.pinv(a, return_rank=True), WIDE),
    probe("scipy.linalg.pinvh", lambda sp, a: sp.linalg.pinvh(a, lower=False), S),
    probe("scipy.linalg.norm", lambda sp, x: sp.linalg.norm(x), V),
    probe("scipy.linalg.norm", lambda sp, x: sp.linalg.norm(x, 2), A),
    probe("scipy.linalg.norm", lambda sp, x: sp.linalg.norm(x, axis=0), C),
    probe("scipy.linalg.solve_triangular", lambda sp, a, b: sp.linalg.solve_triangular(a, b), A, V),
    probe(
        "scipy.linalg.solve_triangular",
        lambda sp, a, b: sp.linalg.solve_triangular(a, b, "C", lower=True),
        C,
        B,
    ),
    probe("scipy.linalg.cho_solve", lambda sp, c, b: sp.linalg.cho_solve((c, True), b), A, V),
    probe(
        "scipy.linalg.cho_solve",
        lambda sp, a, b: sp.linalg.cho_solve(sp.linalg.cho_factor(_hermitian(a)), b, overwrite_b=True),
        S,
        B,
    ),
    probe("scipy.linalg.lu_solve", lambda sp, lu, b: sp.linalg.lu_solve((lu, PIVOTS), b, 1), A, V),
    probe(
        "scipy.linalg.lu_solve", lambda sp, a, b: sp.linalg.lu_solve(sp.linalg.lu_factor(a), b), C[::-1], B
    ),
    probe(
        "scipy.linalg.solve_banded", lambda sp, ab, b: sp.linalg.solve_banded((1, 1), ab, b), BAND, _normal(5)
    ),
    probe(
        "scipy.linalg.solveh_banded",
        lambda sp, ab, b: sp.linalg.solveh_banded(ab, b, lower=True),
        LOW_BAND,
        _normal(4),
    ),
    probe(
        "scipy.linalg.cho_solve_banded",
        lambda sp, ab, b: sp.linalg.cho_solve_banded((sp.linalg.cholesky_banded(ab, lower=True), True), b),
        LOW_BAND,
        _normal(4),
    ),
    probe("scipy.linalg.solve_toeplitz", lambda sp, c, b: sp.linalg.solve_toeplitz(c, b), FIRST, V),
    probe(
        "scipy.linalg.solve_toeplitz", lambda sp, c, r, b: sp.linalg.solve_toeplitz((c, r), b), FIRST, ROW, B
    ),
    probe(
        "scipy.linalg.matmul_toeplitz",
        lambda sp, c, r, x: sp.linalg.matmul_toeplitz((c, r), x),
        FIRST,
        ROW,
        V,
    ),
    probe("scipy.linalg.solve_circulant", lambda sp, c, b: sp.linalg.solve_circulant(c, b), FIRST, V),
    probe(
        "scipy.linalg.solve_circulant",
        lambda sp, b: sp.linalg.solve_circulant(onp.array([1.0, -1.0]), b, singular="lstsq"),
        V[:2],
    ),
    # Special matrices
    probe("scipy.linalg.toeplitz", lambda sp, c: sp.linalg.toeplitz(c), FIRST, how="traced"),
    probe("scipy.linalg.toeplitz", lambda sp, c, r: sp.linalg.toeplitz(c, r), C[0], ROW[:2], how="traced"),
    probe("scipy.linalg.circulant", lambda sp, c: sp.linalg.circulant(c), FIRST, how="traced"),
    probe("scipy.linalg.hankel", lambda sp, c: sp.linalg.hankel(c), FIRST, how="traced"),
    probe("scipy.linalg.hankel", lambda sp, c, r: sp.linalg.hankel(c, r), FIRST, ROW, how="traced"),
    probe(
        "scipy.linalg.block_diag", lambda sp, a, b, c: sp.linalg.block_diag(a, b, c), A, V, 2.0, how="traced"
    ),
    probe("scipy.linalg.companion", lambda sp, a: sp.linalg.companion(a), FIRST, how="traced"),
    probe(
        "scipy.linalg.convolution_matrix",
        lambda sp, a: sp.linalg.convolution_matrix(a, 4, "same"),
        FIRST,
        how="traced",
    ),
    probe("scipy.linalg.diagsvd", lambda sp, s: sp.linalg.diagsvd(s, 3, 5), FIRST, how="traced"),
    probe("scipy.linalg.fiedler", lambda sp, a: sp.linalg.fiedler(a), FIRST, how="traced"),
    probe("scipy.linalg.fiedler_companion", lambda sp, a: sp.linalg.fiedler_companion(a), D, how="traced"),
    probe("scipy.linalg.leslie", lambda sp, f, s: sp.linalg.leslie(f, s), FIRST, V[:2], how="traced"),
    probe(
        "scipy.linalg.khatri_rao", lambda sp, a, b: sp.linalg.khatri_rao(a, b), A, _normal(2, 3), how="traced"
    ),
    # Decompositions
    probe("scipy.linalg.cholesky", lambda sp, a: sp.linalg.cholesky(a), S),
    probe("scipy.linalg.cholesky", lambda sp, a: sp.linalg.cholesky(_hermitian(a), lower=True), C),
    probe("scipy.linalg.cho_factor", lambda sp, a: sp.linalg.cho_factor(a)[0], S),
    probe("scipy.linalg.cholesky_banded", lambda sp, ab: sp.linalg.cholesky_banded(ab, lower=True), LOW_BAND),
    probe("scipy.linalg.lu", lambda sp, a: sp.linalg.lu(a)[1:], A[::-1]),
    probe("scipy.linalg.lu", lambda sp, a: sp.linalg.lu(a, permute_l=True), C[::-1]),
    probe("scipy.linalg.lu_factor", lambda sp, a: sp.linalg.lu_factor(a)[0], A[::-1]),
    probe("scipy.linalg.ldl", lambda sp, a: sp.linalg.ldl(_hermitian(a))[:2], C),
    probe("scipy.linalg.ldl", lambda sp, a: sp.linalg.ldl(a, lower=False)[:2], A + A.T),
    probe("scipy.linalg.qr", lambda sp, a: sp.linalg.qr(a), TALL),
    probe("scipy.linalg.qr", lambda sp, a: sp.linalg.qr(a, mode="economic", pivoting=True)[:2], C),
    probe("scipy.linalg.qr", lambda sp, a: sp.linalg.qr(a, mode="raw"), TALL),
    probe("scipy.linalg.qr_multiply", lambda sp, a, c: sp.linalg.qr_multiply(a, c), TALL, _normal(4)),
    probe("scipy.linalg.rq", lambda sp, a: sp.linalg.rq(a), WIDE),
    probe("scipy.linalg.svd", lambda sp, a: sp.linalg.svd(a), APART),
    probe("scipy.linalg.svd", lambda sp, a: sp.linalg.svd(a, full_matrices=False), TALL),
    probe("scipy.linalg.svdvals", lambda sp, a: sp.linalg.svdvals(a), WIDE),
    probe("scipy.linalg.polar", lambda sp, a: sp.linalg.polar(a), TALL),
    probe("scipy.linalg.polar", lambda sp, a: sp.linalg.polar(a, side="left"), C),
    probe("scipy.linalg.hessenberg", lambda sp, a: sp.linalg.hessenberg(a, calc_q=True), A),
    probe("scipy.linalg.schur", lambda sp, a: sp.linalg.schur(a), onp.diag([1.0, 2.0, 4.0]) + 0.1),
    probe(
        "scipy.linalg.schur",
        lambda sp, a: [_squares(part) for part in sp.linalg.schur(a)],
        onp.array([[1.0, 2.0, 0.3], [-1.0, 1.0, 0.5], [0.1, 0.2, 3.0]]),
    ),
    probe(
        "scipy.linalg.schur",
        lambda sp, a: [_squares(part) for part in sp.linalg.schur(a, output="complex")],
        onp.array([[1.0, 2.0, 0.3], [-2.0, 1.0, 0.5], [0.1, 0.2, 3.0]]),
    ),
    probe(
        "scipy.linalg.rsf2csf",
        lambda sp, a: [_squares(part) for part in sp.linalg.rsf2csf(*sp.linalg.schur(a))],
        onp.array([[1.0, 2.0, 0.3], [-1.0, 1.0, 0.5], [0.1, 0.2, 3.0]]),
    ),
    probe("scipy.linalg.rsf2csf", lambda sp, t, z: sp.linalg.rsf2csf(t, z), TURNING, A[:2, :2]),
    probe("scipy.linalg.eig", lambda sp, a: sp.linalg.eig(a), TWO + onp.array([[0.0, 0.3], [0.0, 0.0]])),
    probe(
        "scipy.linalg.eig",
        lambda sp, a, b: [_squares(part) for part in sp.linalg.eig(a, b, left=True)[1:]],
        C,
        A.T,
    ),
    probe("scipy.linalg.eigvals", lambda sp, a: sp.linalg.eigvals(a), C),
    probe("scipy.linalg.eigvals", lambda sp, a, b: sp.linalg.eigvals(a, b), APART, A),
    probe("scipy.linalg.eigh", lambda sp, a: sp.linalg.eigh(a), TWO),
    probe("scipy.linalg.eigh", lambda sp, a, b: sp.linalg.eigh(a, b, lower=False), TWO, S[:2, :2]),
    probe("scipy.linalg.eigh", lambda sp, a: sp.linalg.eigh(a, subset_by_index=[1, 2])[0], APART),
    probe("scipy.linalg.eigvalsh", lambda sp, a: sp.linalg.eigvalsh(a), APART),
    probe("scipy.linalg.eigvalsh", lambda sp, a, b: sp.linalg.eigvalsh(a, b, type=2), APART, S),
    probe(
        "scipy.linalg.eig_banded",
        lambda sp, a: _squares(sp.linalg.eig_banded(a, lower=True, select="i", select_range=(1, 2))[1]),
        SPECTRUM_BAND,
    ),
    probe(
        "scipy.linalg.eigvals_banded", lambda sp, a: sp.linalg.eigvals_banded(a, lower=True), SPECTRUM_BAND
    ),
    probe("scipy.linalg.eigh_tridiagonal", lambda sp, d, e: sp.linalg.eigh_tridiagonal(d, e), D, E),
    probe("scipy.linalg.eigvalsh_tridiagonal", lambda sp, d, e: sp.linalg.eigvalsh_tridiagonal(d, e), D, E),
    probe("scipy.linalg.matrix_balance", lambda sp, a: sp.linalg.matrix_balance(a)[0], A),
    probe(
        "scipy.linalg.subspace_angles",
        lambda sp, a, b: sp.linalg.subspace_angles(a, b),
        TALL,
        TALL + 0.3 * _normal(4, 2),
    ),
    probe("scipy.linalg.orthogonal_procrustes", lambda sp, a, b: sp.linalg.orthogonal_procrustes(a, b), A, S),
    probe(
        "scipy.linalg.cdf2rdf", lambda sp, a, b, c, v: sp.linalg.cdf2rdf(*_pair(a, b, c, v)), 1.0, 2.0, 3.0, C
    ),
    # Functions of matrices
    probe("scipy.linalg.expm", lambda sp, a: sp.linalg.expm(a), SMALL),
    probe("scipy.linalg.expm", lambda sp, a: sp.linalg.expm(onp.array([[0.0, 1.0], [-1.0, 0.0]]) * a), 0.7),
    probe("scipy.linalg.expm_frechet", lambda sp, a, e: sp.linalg.expm_frechet(a, e), SMALL, TWO),
    probe("scipy.linalg.expm_cond", lambda sp, a: sp.linalg.expm_cond(a), SMALL),
    probe("scipy.linalg.logm", lambda sp, a: sp.linalg.logm(a), A),
    probe("scipy.linalg.sqrtm", lambda sp, a: sp.linalg.sqrtm(a), A),
    probe("scipy.linalg.sqrtm", lambda sp, a: sp.linalg.sqrtm(a), -TWO),
    probe(
        "scipy.linalg.fractional_matrix_power",
        lambda sp, a, t: sp.linalg.fractional_matrix_power(a, t),
        A,
        0.4,
    ),
    probe("scipy.linalg.funm", lambda sp, a: sp.linalg.funm(a, np.sin), SMALL),
    probe("scipy.linalg.signm", lambda sp, a: sp.linalg.signm(a), onp.diag([1.0, -2.0, 3.0]) + 0.3 * APART),
    probe("scipy.linalg.cosm", lambda sp, a: sp.linalg.cosm(a), SMALL),
    probe("scipy.linalg.sinm", lambda sp, a: sp.linalg.sinm(a), SMALL),
    probe("scipy.linalg.tanm", lambda sp, a: sp.linalg.tanm(a), SMALL),
    probe("scipy.linalg.coshm", lambda sp, a: sp.linalg.coshm(a), SMALL),
    probe("scipy.linalg.sinhm", lambda sp, a: sp.linalg.sinhm(a), SMALL),
    probe("scipy.linalg.tanhm", lambda sp, a: sp.linalg.tanhm(a), SMALL),
    # Matrix equations
    probe(
        "scipy.linalg.solve_sylvester", lambda sp, a, b, q: sp.linalg.solve_sylvester(a, b, q), A, SMALL, B
    ),
    probe("scipy.linalg.solve_lyapunov", lambda sp, a, q: sp.linalg.solve_lyapunov(a, q), A, S),
    probe(
        "scipy.linalg.solve_continuous_lyapunov",
        lambda sp, a, q: sp.linalg.solve_continuous_lyapunov(a, q),
        C,
        S + 0j,
    ),
    probe(
        "scipy.linalg.solve_discrete_lyapunov",
        lambda sp, a, q: sp.linalg.solve_discrete_lyapunov(a, q),
        0.1 * C,
        A + 0j,
    ),
    probe(
        "scipy.linalg.solve_continuous_are",
        lambda sp, a, b, q, r: sp.linalg.solve_continuous_are(a, b, _hermitian(q), _hermitian(r)),
        STATES - onp.eye(2),
        INPUTS,
        Q,
        R,
        how="implicit",
    ),
    probe(
        "scipy.linalg.solve_discrete_are",
        lambda sp, a, b, q, r, e, s: sp.linalg.solve_discrete_are(
            a, b, _hermitian(q), _hermitian(r), e, s, balanced=False
        ),
        STATES,
        INPUTS,
        Q,
        R,
        onp.eye(2) + 0.2 * SMALL,
        CROSS,
        how="implicit",
    ),
]

REFUSED = {f"scipy.linalg.{name}": why for name, why in linalg.REFUSED.items()}

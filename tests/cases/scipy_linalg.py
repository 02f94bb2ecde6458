"""Where to draw the arguments of funad.scipy.linalg from: calls by hand, one per way through a rule."""

import hypothesis.strategies as st
import numpy as onp
import scipy

import funad.numpy as np
from funad.registry import primitive_of
from funad.scipy import linalg
from funad.scipy.rules.linalg.triangles import triangle
from funad.testing import Call, Case, call

_rng = onp.random.default_rng(5)


def _normal(*shape):
    return _rng.normal(size=shape)


def _complex(*shape):
    return _normal(*shape) + 1j * _normal(*shape)


VERSION = tuple(map(int, scipy.__version__.split(".")[:2]))


def since(version, *of):
    """Return calls, or none of them with an older SciPy, which refuses them."""
    return of if version <= VERSION else ()


def calls(keywords, *of):
    """Return the case of a primitive that has these keywords, written with spaces between."""
    of = [at for at in of if VERSION >= (1, 16) or all(getattr(x, "ndim", 0) < 3 for x in at.args)]
    return Case(st.sampled_from(of), frozenset(keywords.split()))


A = _normal(3, 3) + 4 * onp.eye(3)
C = A + 0.5j * _normal(3, 3)
S = A @ A.T / 4
H = C @ onp.conj(C).T / 4 + onp.eye(3)
B, V, CB, CV = _normal(3, 2), _normal(3), _complex(3, 2), _complex(3)
TALL, WIDE, CTALL = _normal(4, 2), _normal(2, 4), _complex(4, 2)
SEVERAL = onp.stack([A, S])
APART = onp.diag([1.0, 2.0, 4.0]) + 0.2 * _normal(3, 3)
C_APART = APART + 0.1j * _normal(3, 3)
TWO = onp.array([[1.0, 0.4], [0.4, 2.0]])
PAIR = onp.array([[1.0, 2.0], [-0.5, 1.3]])
TURNS = onp.array([[1.0, 2.0, 0.3], [-2.0, 1.0, 0.5], [0.1, 0.2, 3.0]])
BAND = _normal(3, 5) + onp.array([[0.0], [5.0], [0.0]])
C_BAND = BAND[:2] + 0.3j * _normal(2, 5)
LOW_BAND = onp.array([[6.0, 7.0, 6.0, 8.0], [0.5, -1.0, 0.7, 0.3], [0.2, 0.4, 0.1, 0.9]])
C_LOW_BAND = LOW_BAND + 0.2j * _normal(3, 4)
SPECTRUM_BAND = onp.array([[1.0, 3.0, 5.0, 8.0], [0.4, -0.3, 0.2, 0.5]])
FIRST, ROW = onp.array([3.0, 0.5, -0.4]), onp.array([3.0, 0.2, 0.3])
D, E = onp.array([1.0, 3.0, 5.0, 8.0]), onp.array([0.4, -0.3, 0.2])
SMALL = onp.array([[0.3, 0.5], [-0.2, 0.4]])
C_SMALL = SMALL + 0.2j * _normal(2, 2)
Q, R = onp.diag([2, 3]), onp.array([[2]])  # SciPy takes no others than symmetric ones: see the probes
STATES, INPUTS, CROSS = 0.5 * SMALL, onp.array([[1.0], [0.5]]), onp.array([[0.1], [0.2]])
PIVOTS = onp.array([1, 2, 2], dtype=onp.int32)
TURNED = onp.diag([1.0, -2.0, 3.0]) + 0.3 * _normal(3, 3)

OF_SOLVE = "lower check_finite assume_a transposed"
OF_EIGH = "b lower eigvals_only type check_finite subset_by_index subset_by_value driver"
SELECTION = "lower eigvals_only select select_range max_ev check_finite"

CASES = {
    linalg.solve_by_factors: calls(
        "lu piv trans check_finite",
        *(call(C, b, trans=trans) for b in (CV, B) for trans in (0, 1)),
        call(A, V, check_finite=False),
        call(A, CB),
    ),
    linalg.solve_whole: calls(
        OF_SOLVE,
        call(A, V),
        call(C, CB),
        call(A, B, transposed=True),
        call(S, V, assume_a="pos", lower=True),
        call(H, CV, assume_a="her"),
        call(C + C.T, CV, assume_a="sym"),
        call(SEVERAL, B),
        call(A, onp.stack([B, B + 1])),
        call(onp.array([[2.0]]), V),
        call(A, V, assume_a="lower triangular"),
        call(C, CV, assume_a="tridiagonal"),
        call(A, B, assume_a="diagonal"),
    ),
    linalg.inv: calls(
        "check_finite assume_a lower",
        call(A),
        call(C),
        call(SEVERAL),
        *since((1, 17), call(H, assume_a="her", lower=True)),
    ),
    linalg.det: calls("check_finite", call(A), call(C), call(SEVERAL), call(onp.diag([1.0, 0.0, 2.0]))),
    linalg.lstsq: calls(
        "cond check_finite lapack_driver",
        call(TALL, _normal(4)),
        call(WIDE, _normal(2, 3)),
        call(CTALL, _complex(4, 2)),
        call(TALL, _normal(4, 2), lapack_driver="gelss"),
    ),
    linalg.pinv: calls(
        "atol rtol return_rank check_finite", call(TALL), call(WIDE + 0.5j), call(A, rtol=0.5), call(SEVERAL)
    ),
    linalg.pinvh: calls(
        "atol rtol lower return_rank check_finite", call(S), call(H, lower=False), call(S, return_rank=True)
    ),
    linalg.norm: calls(
        "ord axis keepdims check_finite",
        call(V),
        call(CV),
        call(A, 1),
        call(onp.asfortranarray(A), onp.inf),
        call(A, axis=0, keepdims=True),
        call(APART, "nuc"),
    ),
    linalg.solve_triangular: calls(
        "trans lower unit_diagonal check_finite",
        call(A, V),
        call(C, CB, trans=2, lower=True),
        call(C, CV, trans="T", unit_diagonal=True),
        call(SEVERAL, V),
        call(A, onp.stack([B, B + 1]), lower=True),
    ),
    linalg.solveh_banded: calls(
        "lower check_finite",
        call(LOW_BAND, _normal(4), lower=True),
        call(C_LOW_BAND[::-1], _complex(4, 2)),
        call(LOW_BAND[:2], _normal(4), lower=True),
    ),
    linalg.solve_circulant: calls(
        "singular tol caxis baxis outaxis",
        call(FIRST, V),
        call(FIRST + 0.1j * V, CB),
        call(FIRST, B.T, baxis=1),
    ),
    linalg.cho_solve_of: calls(
        "lower check_finite", call(A, V), call(C, CB, lower=True), call(C, CV), call(SEVERAL, V)
    ),
    linalg.lu_solve_of: calls(
        "piv trans check_finite",
        *(call(C, b, piv=PIVOTS, trans=trans) for b in (CV, B) for trans in (0, 1, 2)),
    ),
    linalg.solve_toeplitz_of: calls(
        "check_finite", call(FIRST, ROW, V), call(FIRST, ROW, B), call(FIRST + 0.1j * V, ROW, CV)
    ),
    linalg.matmul_toeplitz_of: calls(
        "check_finite workers", call(FIRST, ROW, V), call(FIRST, ROW[:2], B[:2]), call(FIRST + 1j, ROW, CB)
    ),
    linalg.solve_banded_of: calls(
        "l_and_u check_finite",
        call(BAND, _normal(5), l_and_u=(1, 1)),
        call(BAND, _normal(5, 2), l_and_u=(1, 1)),
        call(C_BAND[::-1], _complex(5), l_and_u=(1, 0)),
        call(onp.vstack([BAND, BAND[:1]]), _normal(5), l_and_u=(2, 1)),
    ),
    linalg.cho_solve_banded_of: calls(
        "lower check_finite",
        call(LOW_BAND, _normal(4), lower=True),
        call(C_LOW_BAND[::-1], _complex(4, 2)),
        call(C_LOW_BAND, _complex(4), lower=True),
    ),
    linalg.cholesky: calls(
        "lower check_finite", call(S), call(H, lower=True), call(onp.stack([S, S + onp.eye(3)]))
    ),
    linalg.cho_factor: calls("lower check_finite", call(S), call(H, lower=True)),
    linalg.cholesky_banded: calls(
        "lower check_finite",
        call(LOW_BAND, lower=True),
        call(C_LOW_BAND[::-1]),
        call(LOW_BAND[:2], lower=True),
    ),
    linalg.lu: calls(
        "permute_l check_finite p_indices",
        call(A[::-1]),
        call(C, permute_l=True),
        call(TALL, p_indices=True),
        call(WIDE),
        call(SEVERAL),
    ),
    linalg.lu_factor: calls("check_finite", call(A[::-1]), call(C), call(SEVERAL)),
    linalg.ldl: calls(
        "lower hermitian check_finite",
        call(S),
        call(A + A.T, lower=False),
        call(C + C.T, hermitian=False),
        call(onp.array([[0.1, 2.0, 0.3], [2.0, 0.2, 0.5], [0.3, 0.5, 1.0]])),
    ),
    linalg.svdvals: calls("check_finite", call(APART), call(CTALL)),
    linalg.svd_apart: calls(
        "full_matrices check_finite lapack_driver",
        call(APART, 1),
        call(TALL, 1, full_matrices=False),
        call(WIDE, 2, full_matrices=False, lapack_driver="gesvd"),
    ),
    linalg.qr_of: calls(
        "mode pivoting check_finite",
        call(A),
        call(TALL),
        call(CTALL, mode="economic"),
        call(WIDE, mode="r", pivoting=True),
        call(TALL, mode="raw"),
        call(SEVERAL, mode="economic", pivoting=True),
    ),
    linalg.qr_multiply: calls(
        "mode pivoting conjugate",
        call(A, V),
        call(TALL, _normal(2, 3), mode="left"),
        call(CTALL, _complex(1, 4)),
    ),
    linalg.rq: calls(
        "lwork mode check_finite", call(A), call(WIDE), call(C, mode="economic"), call(TALL, mode="r")
    ),
    linalg.polar: calls("side", call(A), call(CTALL, side="left"), call(WIDE), call(SEVERAL)),
    linalg.hessenberg: calls("calc_q check_finite", call(A), call(C, calc_q=True), call(A[:2, :2])),
    linalg.schur: calls("output sort check_finite", call(onp.diag([1.0, 2.0, 4.0]) + 0.1), call(PAIR)),
    linalg.rsf2csf: calls(
        "check_finite", call(PAIR, A[:2, :2]), call(onp.stack([PAIR, 2 * PAIR]), SEVERAL[:, :2, :2])
    ),
    linalg.matrix_balance: calls(
        "permute scale separate", call(onp.array([[1.0, 90.0], [0.03, 2.0]])), call(A, separate=True)
    ),
    linalg.subspace_angles: calls("", call(TALL, _normal(4, 2)), call(CTALL, _complex(4, 1))),
    linalg.orthogonal_procrustes: calls("check_finite", call(A, S), *since((1, 15), call(C, CB @ CB.T + C))),
    linalg.cdf2rdf: calls("", call(D[:3], C)),
    linalg.eigh_apart: calls(
        "lower check_finite driver", call(TWO, 1), call(TWO, 2, lower=False, driver="ev")
    ),
    linalg.eigh_of: calls(
        OF_EIGH,
        call(C_APART, eigvals_only=True),
        call(APART, S, eigvals_only=True, type=3),
        call(C_APART, H, lower=False, eigvals_only=True),
        call(TWO, S[:2, :2]),
        call(TWO, S[:2, :2], type=2, lower=False),
        call(TWO, subset_by_index=[1, 1]),
    ),
    linalg.eig_apart: calls("check_finite", call(APART + 0.5, 1)),
    linalg.eig_of: calls(
        "b left right check_finite homogeneous_eigvals",
        call(APART + 0.5, left=True),
        call(APART + 0.5, A, left=True),
        call(TURNS, A, right=False),
    ),
    linalg.eigvals: calls("b check_finite homogeneous_eigvals", call(TURNS), call(C_APART, A)),
    linalg.eig_banded: calls(
        SELECTION,
        call(SPECTRUM_BAND, lower=True, eigvals_only=True),
        call(SPECTRUM_BAND[::-1] + 0.1j, eigvals_only=True, select="i", select_range=(1, 2)),
    ),
    linalg.eigvals_banded: calls(
        "lower select select_range check_finite",
        call(SPECTRUM_BAND, lower=True),
        call(SPECTRUM_BAND[::-1], select="v", select_range=(2.0, 9.0)),
    ),
    linalg.eigh_tridiagonal: calls(
        "eigvals_only select select_range check_finite tol lapack_driver",
        call(D, E),
        call(D, E, eigvals_only=True),
        call(D, E, select="i", select_range=(1, 2)),
    ),
    linalg.eigvalsh_tridiagonal: calls(
        "select select_range check_finite tol lapack_driver",
        call(D, E),
        call(D, E, select="v", select_range=(2.0, 9.0)),
    ),
    linalg.expm: calls("", call(SMALL), call(C_SMALL), call(onp.stack([SMALL, 3 * SMALL]))),
    linalg.expm_frechet: calls(
        "method compute_expm check_finite", call(SMALL, A[:2, :2]), call(C_SMALL, SMALL, compute_expm=False)
    ),
    linalg.expm_cond: calls("check_finite", call(SMALL)),
    linalg.logm: calls("", call(A), call(C)),
    linalg.sqrtm: calls("", call(A), *since((1, 15), call(C)), call(SEVERAL)),
    linalg.fractional_matrix_power: calls("", call(A, 0.3), call(C, -0.4), call(S, 2.0)),
    linalg.funm: calls("func", call(SMALL, func=np.sin), call(C_SMALL, func=lambda x: np.exp(x) * x)),
    linalg.signm: calls("", call(TURNED)),
    **{
        f: calls("", call(SMALL), call(C_SMALL))
        for f in (linalg.cosm, linalg.sinm, linalg.tanm, linalg.coshm, linalg.sinhm, linalg.tanhm)
    },
    linalg.solve_sylvester: calls("", call(A, S[:2, :2], B), call(C, SMALL + 0j, CB), call(SEVERAL, S, A)),
    linalg.solve_continuous_lyapunov: calls("", call(A, S), call(C, C), call(SEVERAL, S)),
    linalg.solve_discrete_lyapunov: calls("method", call(0.1 * A, S), call(0.1 * C, C, method="bilinear")),
    **{
        f: calls(
            "e s balanced",
            call(states, INPUTS, Q, R),
            call(states, INPUTS, Q, R, onp.eye(2) + 0.2 * SMALL, CROSS, balanced=False),
            call(states + 0.1j, INPUTS + 0.2j, Q, R, None, 1j * CROSS),
        )
        for f, states in (
            (linalg.solve_continuous_are, STATES - onp.eye(2)),
            (linalg.solve_discrete_are, STATES),
        )
    },
}
CASES[triangle] = calls(
    "", call(B, B, True, 0), call(CB, B, False, 1), call(_normal(70, 1), _normal(70, 1), True, 1)
)


def _of_list(f, case):
    """Return the case of the primitive of the list of the arrays that f takes."""
    arrays = len(primitive_of(f).rules)
    return Case(case.draw.map(lambda at: Call((list(at.args[:arrays]),), at.kwargs)), case.keywords)


CASES |= {f.together: _of_list(f, case) for f, case in CASES.items() if getattr(f, "together", None)}

"""scipy.linalg on traced values: what its cases and probes do not say."""

import pickle
import warnings

import numpy as onp
import pytest
import scipy.fft
import scipy.linalg
import scipy.signal

import funad
import funad.numpy as np
import funad.scipy
from funad.errors import NotDifferentiableError
from funad.scipy import linalg, signal
from funad.testing import call, check_jvp, check_vjp

from .scipy_names import VERSION

rng = onp.random.default_rng(2)
A = rng.normal(size=(3, 3)) + 4 * onp.eye(3)
S = A @ A.T
B = rng.normal(size=(3, 2))
TIED = onp.diag([1.0, 2.0, 2.0])


@pytest.mark.parametrize("name", linalg.REFUSED)
def test_a_refused_name_says_why_and_is_scipys_own_on_plain_values(name):
    with pytest.raises(NotDifferentiableError, match=f"scipy.linalg.{name} has no derivative"):
        funad.vjp(lambda a: getattr(linalg, name)(a, a), A)
    if name in ("orth", "null_space"):
        onp.testing.assert_array_equal(getattr(linalg, name)(A), getattr(scipy.linalg, name)(A))


def test_arguments_that_may_be_overwritten_are_not_where_they_are_traced():
    a, b = onp.asfortranarray(A), onp.asfortranarray(B)
    before = a.copy(), b.copy()
    _, pull = funad.vjp(lambda a, b: linalg.solve(a, b, overwrite_a=True, overwrite_b=True), a, b)
    pull(B)
    onp.testing.assert_array_equal((a, b)[0], before[0])
    onp.testing.assert_array_equal((a, b)[1], before[1])


def test_arguments_may_be_given_by_name_or_by_position():
    wanted = funad.grad(lambda a: linalg.solve_triangular(a, B, lower=True).sum())(A)
    got = funad.grad(lambda a: linalg.solve_triangular(b=B, a=a, lower=True).sum())(A)
    onp.testing.assert_array_equal(got, wanted)
    got = funad.grad(lambda a: linalg.solve_triangular(a, B, 0, True).sum())(A)
    onp.testing.assert_array_equal(got, wanted)


def test_plain_values_go_to_scipy_with_every_argument():
    a = onp.asfortranarray(A)
    linalg.lu_factor(a, overwrite_a=True)
    assert not onp.array_equal(a, A)


@pytest.mark.parametrize("f", [
    lambda a: (lambda u, s, vh: u @ vh)(*linalg.svd(a)),
    lambda a: (lambda w, v: (v * np.exp(w)) @ v.T)(*linalg.eigh((a + a.T) / 2)),
    lambda a: (lambda w, v: v[:, 1:] @ v[:, 1:].T)(*linalg.eigh((a + a.T) / 2)),
    lambda a: np.sum(linalg.eigvalsh((a + a.T) / 2) ** 3),
    lambda a: np.real((lambda w, v: (v * np.exp(w)) @ np.linalg.inv(v))(*linalg.eig((a + a.T) / 2))),
])  # fmt: skip
def test_what_does_not_depend_on_the_choice_of_vectors_has_derivatives_at_ties(f):
    check_vjp(f, call(TIED))
    check_jvp(f, call(TIED))


def test_vectors_of_ties_are_refused():
    with pytest.raises(onp.linalg.LinAlgError, match="coincide"):
        funad.vjp(linalg.eigh, TIED)[1]((onp.zeros(3), A))
    with pytest.raises(onp.linalg.LinAlgError, match="coincide"):
        funad.vjp(lambda a: linalg.eigh(a, subset_by_index=[1, 2]), TIED)[1]((onp.zeros(2), B))


def test_phases_of_schur_vectors_are_refused():
    with pytest.raises(onp.linalg.LinAlgError, match="phase"):
        funad.vjp(lambda a: linalg.schur(a, output="complex")[1], A)[1](S + 1j * A)
    with pytest.raises(onp.linalg.LinAlgError, match="output='complex'"):
        funad.vjp(linalg.schur, onp.array([[1.0, 2.0], [-2.0, 1.0]]))[1]((B[:2], B[:2]))


@pytest.mark.parametrize("f", [
    lambda: linalg.solve_circulant,
    lambda: lambda c, b: linalg.solve_circulant(c, b, singular="lstsq"),
])  # fmt: skip
def test_a_singular_circulant_has_no_derivative_in_its_column(f):
    with pytest.raises(onp.linalg.LinAlgError, match="singular|transform"):
        funad.vjp(lambda c: f()(c, onp.ones(2)), onp.array([1.0, -1.0]))[1](onp.ones(2))


@pytest.mark.parametrize("x", [onp.outer([1.0, 2.0, 3.0], [1.0, 0.5, 1.0]), onp.zeros((3, 3))])
def test_the_polar_factor_of_a_matrix_without_full_rank_is_refused(x):
    with pytest.raises(onp.linalg.LinAlgError, match="full rank"):
        funad.vjp(lambda a: linalg.polar(a)[0], x)[1](A)


def test_what_solves_no_equation_is_refused():
    turns, right = onp.array([[1.0, 2.0], [-2.0, 1.0]]), B[:2] + 1j
    for f in (linalg.solve_continuous_lyapunov, lambda a, q: linalg.solve_sylvester(a, a, q)):
        with pytest.raises(NotDifferentiableError, match="make all of them complex"):
            funad.vjp(f, turns, right)[1](right)
        check_vjp(f, call(turns + 0j, right))


def test_matrices_in_single_precision_beside_doubles():
    a, q = onp.float32([[2.0, 0.3], [0.2, 1.5]]), onp.eye(2)  # SciPy decomposes a as it is
    for f in (
        lambda a: linalg.solve_sylvester(a, a.T, q),
        lambda a: linalg.solve_continuous_lyapunov(a, q),
        lambda a: linalg.solve_discrete_lyapunov(a / 5, q),
        lambda a: linalg.solve_continuous_are(a, q, q, q),
    ):
        single, double = (funad.grad(lambda a, f=f: funad.numpy.sum(f(a)))(x) for x in (a, a + 0.0 * q))
        assert single.dtype == onp.float32
        onp.testing.assert_allclose(single, double, rtol=1e-4)


def test_left_eigenvectors_alone_are_refused_where_scipy_does_not_normalize_them():
    f = lambda a, b: np.sum(abs(linalg.eig(a, b, left=True, right=False)[1]) ** 2 * A)
    if VERSION < (1, 18):
        with pytest.raises(NotDifferentiableError, match="right=True"):
            funad.vjp(f, A, S)[1](1.0)
    else:
        check_vjp(f, call(A, S), 0)
        check_vjp(f, call(A, S), 1)


def test_homogeneous_eigenvalues_are_refused():
    bar = onp.ones((2, 3)) + 0j
    for f in (lambda **kw: lambda a: linalg.eig(a, **kw)[0], lambda **kw: lambda a: linalg.eigvals(a, **kw)):
        with pytest.raises(NotDifferentiableError, match="homogeneous_eigvals"):
            funad.vjp(f(homogeneous_eigvals=True), S)[1](bar)


@pytest.mark.parametrize("x", [onp.ones((0, 0)), onp.ones((1, 1))])
@pytest.mark.parametrize("f", [
    linalg.inv, linalg.det, linalg.cholesky, linalg.lu, linalg.qr, linalg.svdvals, linalg.expm, linalg.sqrtm,
    lambda a: linalg.solve(a, a), lambda a: linalg.solve_triangular(a, a), lambda a: linalg.eigvalsh(a),
])  # fmt: skip
def test_empty_matrices_and_those_of_one_number(f, x):
    check_vjp(f, call(x))


@pytest.mark.parametrize("make", [
    lambda x: linalg.toeplitz(x), lambda x: linalg.circulant(x), lambda x: linalg.hankel(x),
    lambda x: linalg.block_diag(x, 2 * x), lambda x: linalg.companion(x), lambda x: linalg.leslie(x, x[1:]),
])  # fmt: skip
def test_rearrangements_keep_integers_single_precision_and_complex_numbers(make):
    for x in (onp.array([1, 2, 3]), onp.float32([1, 2, 3]), onp.array([1.0, 2j, 3])):
        plain = make(x)
        if x.dtype.kind != "i":
            traced, _ = funad.vjp(make, x)
            assert traced.dtype == plain.dtype
            onp.testing.assert_array_equal(traced, plain)


def test_the_norm_squared_has_its_second_derivative_at_0():
    onp.testing.assert_allclose(funad.hessian(lambda x: linalg.norm(x) ** 2)(onp.zeros(3)), 2 * onp.eye(3))


def test_a_gaussian_process_by_its_factor():
    def loss(scale):
        gram = np.exp(-((onp.arange(4.0)[:, None] - onp.arange(4.0)) ** 2) / scale**2) + 0.1 * onp.eye(4)
        factor, y = linalg.cho_factor(gram, lower=True), onp.array([0.3, -0.1, 0.8, 1.2])
        return y @ linalg.cho_solve(factor, y) / 2 + np.sum(np.log(np.diagonal(factor[0])))

    check_vjp(loss, call(1.3))


def test_closures_over_outer_variables_are_told_apart():
    def inner(x):
        return funad.grad(lambda t: np.sum(linalg.expm(t * x * onp.array([[0.0, 1.0], [0.5, 0.0]]))))(1.0)

    check_vjp(inner, call(0.7))


@pytest.mark.filterwarnings("error")
def test_derivatives_of_well_conditioned_matrices_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (linalg.logm, linalg.sqrtm, lambda a: linalg.fractional_matrix_power(a, 0.5), linalg.inv):
            funad.vjp(f, A)[1](A)


def test_plain_calls_are_served():
    with funad.scipy.serve():
        for f in (
            scipy.linalg.inv,
            scipy.linalg.expm,
            lambda a: scipy.linalg.cho_solve((a, True), B),
            scipy.fft.dct,
        ):
            check_vjp(f, call(A / 5))
        onp.testing.assert_array_equal(scipy.linalg.inv(A), scipy.linalg.inv(A.tolist()))
    with pytest.raises(NotDifferentiableError):
        funad.vjp(scipy.linalg.inv, A)


@pytest.mark.parametrize("f", [
    linalg.sqrtm, linalg.logm, linalg.signm, lambda a: linalg.fractional_matrix_power(a, 0.5),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*singular", "ignore:.*inaccurate")
def test_functions_that_grow_beyond_bounds_at_singular_matrices_are_refused_there(f):
    with pytest.raises(onp.linalg.LinAlgError, match="singular"):
        funad.vjp(f, onp.diag([1.0, 0.0]))[1](B[:2])


def test_whole_powers_of_singular_matrices_have_derivatives():
    check_vjp(lambda a: linalg.fractional_matrix_power(a, 3), call(onp.diag([1.0, 0.0])))


@pytest.mark.filterwarnings("ignore")
def test_singular_equations_are_refused():
    for f in (lambda a, q: linalg.solve_sylvester(a, -a, q), linalg.solve_continuous_lyapunov):
        _, pull = funad.vjp(lambda q, f=f: f(onp.diag([1.0, -1.0]), q), onp.eye(2))
        with pytest.raises(onp.linalg.LinAlgError, match="singular"):
            pull(B[:2])


def test_a_matrix_of_hessenbergs_form_is_refused():
    with pytest.raises(onp.linalg.LinAlgError, match="hessenberg"):
        funad.vjp(linalg.hessenberg, onp.triu(A, -1))[1](A)


def test_a_formula_that_does_not_give_scipys_value_is_refused():
    with pytest.raises(NotDifferentiableError, match="another one"):
        funad.vjp(lambda a: linalg.funm(a, np.sin), onp.array([[1.0, 1.0], [0.0, 1.0]]))[1](B[:2])


def test_submodules_are_scipys():
    assert linalg.lapack is scipy.linalg.lapack
    with pytest.raises(AttributeError):
        linalg.nothing  # noqa: B018


PAIR = onp.stack([A, S / 4])
SPREAD = onp.diag([1.0, 2.0, 4.0]) + 0.2 * rng.normal(size=(2, 3, 3))
TALL, ROWS = rng.normal(size=(2, 4, 2)), onp.array([[3.0, 0.5, -0.4], [4.0, 0.2, 0.3]])
BANDS = onp.array([[6.0, 7, 6, 8], [0.5, -1, 0.7, 0.3]]) * onp.array([1.0, 1.1])[:, None, None]
LU, PIVOTS = (onp.stack(parts) for parts in zip(*map(scipy.linalg.lu_factor, PAIR), strict=True))


@pytest.mark.skipif(not hasattr(scipy.signal, "envelope"), reason="SciPy has stacks from 1.16 on")
@pytest.mark.parametrize(("f", "args"), [
    (linalg.solve, (PAIR, B)),
    (linalg.solve, (A, onp.stack([B, 2 * B]))),
    (linalg.solve_triangular, (PAIR, B[:, 0])),
    (lambda c, b: linalg.cho_solve((c, True), b), (PAIR, B)),
    (lambda lu, b: linalg.lu_solve((lu, PIVOTS), b, 1), (LU, B)),
    (linalg.solve_toeplitz, (ROWS, B)),
    (lambda c, r, x: linalg.matmul_toeplitz((c, r), x), (ROWS, ROWS, B)),
    (lambda ab, b: linalg.solveh_banded(ab, b, lower=True), (BANDS, onp.ones(4))),
    (lambda ab, b: linalg.solve_banded((1, 0), ab, b), (BANDS, onp.ones((4, 1)))),
    (lambda ab, b: linalg.cho_solve_banded((ab, True), b), (BANDS, onp.ones(4))),
    (lambda a: linalg.cholesky_banded(a, lower=True), (BANDS,)),
    (lambda a, c: linalg.qr_multiply(a, c), (PAIR, B.T)),
    (lambda a: linalg.matrix_balance(a)[0], (PAIR,)),
    (linalg.subspace_angles, (TALL, TALL + 0.3 * TALL[::-1])),
    (linalg.orthogonal_procrustes, (TALL, TALL + 1)),
    (lambda a: linalg.funm(a, np.sin), (0.1 * PAIR,)),
    (linalg.khatri_rao, (TALL, TALL)),
    (lambda a, b: linalg.block_diag(a, b), (PAIR, TALL)),
    (linalg.expm_frechet, (0.1 * PAIR, PAIR)),
    (linalg.eigvals, (SPREAD, PAIR)),
    (linalg.eigvalsh, (SPREAD, S)),
    (lambda a: linalg.eig_banded(a, lower=True, eigvals_only=True), (BANDS + onp.arange(4.0),)),
    (linalg.solve_sylvester, (PAIR, S, A)),
    (linalg.solve_discrete_lyapunov, (0.1 * PAIR, S)),
])  # fmt: skip
@pytest.mark.skipif(VERSION < (1, 16), reason="SciPy has stacks of matrices from 1.16 on")
def test_stacks_of_matrices(f, args):
    if VERSION < (1, 17) and any(x is ROWS for x in args):
        pytest.skip("SciPy has stacks of them from 1.17 on")
    for argnum in range(len(args)):
        check_vjp(f, call(*args), argnum, order=1)


def test_primitives_can_be_pickled():
    for f in (linalg.solve, linalg.cho_solve, linalg.cho_solve_of, linalg.svd_apart, signal.lfilter_of):
        assert pickle.loads(pickle.dumps(f)) is f


def test_one_factorisation_serves_both_ways_and_all_orders(monkeypatch):
    counted, find = [], scipy.linalg.get_lapack_funcs

    def kernels(names, *args, **kwargs):
        counted.extend(name for name in names if name == "getrf")
        return find(names, *args, **kwargs)

    monkeypatch.setattr(scipy.linalg, "get_lapack_funcs", kernels)
    monkeypatch.setattr(scipy.linalg, "solve", None)  # nobody else solves
    monkeypatch.setattr(scipy.linalg, "lu_factor", None)
    a, b = rng.normal(size=(8, 8)), rng.normal(size=8)
    second = funad.hessian(lambda b: np.sum(linalg.solve(a, b) ** 3))(b)
    assert len(counted) == 1
    inverse = onp.linalg.inv(a)
    onp.testing.assert_allclose(second, 6 * inverse.T @ onp.diag(inverse @ b) @ inverse, rtol=1e-8, atol=1e-8)

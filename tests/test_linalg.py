"""Linear algebra beyond single rules: phases, ties, singular matrices, and what is refused."""

import subprocess
import sys

import numpy as onp
import pytest

from funad import grad, hessian, jvp, tree, value_and_grad, vjp, vmap
from funad import numpy as np
from funad.numpy import kernels, linalg
from funad.numpy.linalg import LinAlgError
from funad.testing import call, check_grads, check_vjp

RNG = onp.random.default_rng(0)
REAL = RNG.normal(size=(3, 3))
COMPLEX = REAL + 1j * RNG.normal(size=(3, 3))
SINGULAR = onp.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.5, -1.0, 1.0]])


def weighted(x):
    """A real number to which every entry of x contributes differently."""
    return np.real(np.sum(x * COMPLEX[: x.shape[0], : x.shape[1]]))


# --- functions of vectors that do not know their phases


def of_eigh(a):
    w, v = np.linalg.eigh(a + np.conj(a.T))
    return weighted((v * np.tanh(w)) @ np.conj(v.T))


def of_svd(a, **kwargs):
    u, s, vh = np.linalg.svd(a, **kwargs)
    k = s.shape[0]
    return weighted((u[:, :k] * np.tanh(s)) @ vh[:k])


def of_eig(a):
    w, v = np.linalg.eig(a)
    sizes = np.sum(np.abs(v) ** 2 * np.real(w), axis=1)
    return weighted((v * np.sin(w)) @ np.linalg.inv(v)) + np.sum(sizes * REAL[0])


def of_eigvals(a):
    return np.real(np.sum(np.sin(np.linalg.eigvals(a))))


@pytest.mark.parametrize(
    ("f", "a"),
    [
        (of_eigh, COMPLEX),
        (of_eigh, REAL),
        (of_svd, COMPLEX),
        (lambda a: of_svd(a, full_matrices=False), COMPLEX[:, :2]),
        (lambda a: of_svd(a, full_matrices=False), COMPLEX[:2]),
        (of_svd, COMPLEX[:2]),
        (of_eig, COMPLEX),
        (of_eig, REAL),
        (of_eigvals, COMPLEX),
        (of_eigvals, REAL),
    ],
)
def test_functions_of_vectors_that_do_not_know_their_phases(f, a):
    check_grads(f, (a,), order=2, modes=("rev",))


@pytest.mark.parametrize(
    "vectors",
    [
        lambda a: np.linalg.eigh(a + np.conj(a.T))[1],
        lambda a: np.linalg.eig(a).eigenvectors,
        lambda a: np.linalg.svd(a).U,
    ],
)
def test_what_depends_on_the_phase_of_a_vector_is_refused(vectors):
    with pytest.raises(LinAlgError, match="phase"):
        grad(lambda a: np.real(np.sum(vectors(a))))(COMPLEX)


# --- ties

TIED = onp.diag([2.0, 2.0, 1.0])


@pytest.mark.parametrize(
    "vectors",
    [
        lambda a: np.linalg.eigh(a)[1],
        lambda a: np.linalg.eig(a)[1],
        lambda a: np.linalg.svd(a)[0],
        lambda a: np.linalg.svd(a)[2],
    ],
)
def test_vectors_of_values_that_coincide_are_refused(vectors):
    with pytest.raises(LinAlgError, match="coincide"):
        grad(lambda a: weighted(vectors(a)))(TIED)
    with pytest.raises(LinAlgError, match="coincide"):
        jvp(vectors, (TIED,), (REAL,))


TURNED = onp.linalg.qr(REAL)[0]
WITH_TIES = {
    "all": onp.eye(3),
    "two": TIED,
    "two, turned": TURNED @ TIED @ TURNED.T,
    "all, turned": TURNED @ (2.0 * onp.eye(3)) @ TURNED.T,
    "complex": onp.eye(3) * (1 + 0j),
    "batch": onp.stack([onp.eye(3), TIED, REAL @ REAL.T]),
    "zero": onp.zeros((3, 3)),
}
# The logarithm is 0 at the eigenvalue 1, and there the cotangents of the vectors are too.
SPECTRAL = {
    "exp": np.exp,
    "log": lambda w: np.log(w + (w == 0)),
    "cube": lambda w: w**3,
    "odd": lambda w: w * np.cos(w) + 2.0,
}


def spectral(f):
    """A function of a hermitian matrix that does not depend on the choice of its vectors."""

    def of_matrix(a):
        w, v = np.linalg.eigh((a + np.conj(a.mT)) / 2)
        return np.real(np.sum(((v * f(w)[..., None, :]) @ np.conj(v.mT)) * COMPLEX))

    return of_matrix


@pytest.mark.parametrize("name", WITH_TIES)
@pytest.mark.parametrize("f", SPECTRAL)
def test_a_function_of_the_spectrum_has_a_gradient_where_eigenvalues_coincide(name, f):
    if (name, f) == ("zero", "log"):
        return
    of_matrix, a = spectral(SPECTRAL[f]), WITH_TIES[name]
    value, gradient = value_and_grad(of_matrix)(a)
    assert type(gradient) is onp.ndarray
    assert type(value) is type(of_matrix(a))
    assert value == pytest.approx(of_matrix(a), rel=1e-14)
    check_vjp(of_matrix, call(a), order=1)


OTHER = onp.linalg.qr(REAL.T)[0]
WITH_SINGULAR_TIES = {
    "all": onp.eye(3),
    "orthogonal": TURNED,
    "two": TURNED @ TIED @ OTHER,
    "zeros": TURNED @ onp.diag([2.0, 0.0, 0.0]) @ OTHER,
    "two and zero": TURNED @ onp.diag([2.0, 2.0, 0.0]) @ OTHER * onp.exp(0.4j),
    "tall": 2.0 * TURNED[:, :2],
    "wide": 2.0 * TURNED[:2],
    "tall, zero": (TURNED @ onp.diag([2.0, 0.0, 0.0]))[:, :2],
    "nothing": onp.zeros((3, 3)),
    "nothing, wide": onp.zeros((2, 3)),
    "batch": onp.stack([TURNED, onp.zeros((3, 3)), REAL]),
}
# Odd functions: those of a matrix that are smooth at singular values of 0 too.
ODD = {"itself": lambda s: s, "tanh": np.tanh, "soft": lambda s: s * np.log(s * s + 0.5)}


@pytest.mark.parametrize("full_matrices", [False, True])
@pytest.mark.parametrize("name", WITH_SINGULAR_TIES)
@pytest.mark.parametrize("f", ODD)
def test_a_function_of_the_singular_values_has_a_gradient_where_they_coincide_or_are_0(
    name, f, full_matrices
):
    def of_matrix(a):
        u, s, vh = np.linalg.svd(a, full_matrices=full_matrices)
        k = s.shape[-1]
        y = (u[..., :k] * ODD[f](s)[..., None, :]) @ vh[..., :k, :]
        return np.real(np.sum(y * COMPLEX[: a.shape[-2], : a.shape[-1]]))

    a = WITH_SINGULAR_TIES[name]
    value, gradient = value_and_grad(of_matrix)(a)
    assert type(gradient) is onp.ndarray
    assert type(value) is onp.float64
    check_vjp(of_matrix, call(a), order=1)


def test_two_functions_of_the_spectrum_at_once():
    def f(a):
        return spectral(np.exp)(a) ** 2 * spectral(np.sin)(2 * a) + np.sum(a * REAL)

    check_vjp(f, call(TIED), order=1)


def _square(a):
    w, v = np.linalg.eigh(a)
    return np.sum((v * w**2) @ v.T)


@pytest.mark.parametrize(
    ("f", "by_eigh"),
    [
        (np.trace, lambda a: np.sum(np.linalg.eigh(a)[0])),
        (lambda a: np.linalg.slogdet(a)[1], lambda a: np.sum(np.log(np.linalg.eigh(a)[0]))),
        (lambda a: np.sum(a @ a), _square),
    ],
)
@pytest.mark.parametrize("a", [TIED, onp.eye(3)])
def test_what_eigh_says_in_another_way_has_the_same_gradient(f, by_eigh, a):
    wanted, got = grad(f)(a), grad(by_eigh)(a)
    onp.testing.assert_allclose(got + got.T, wanted + wanted.T, atol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.sum(np.linalg.eigh(a)[1] * REAL),
        lambda a: np.sum(
            (np.linalg.eigh(a)[1] * np.exp(np.linalg.eigvalsh(a))) @ np.linalg.eigh(a)[1].T * REAL
        ),
    ],
)
def test_what_depends_on_the_choice_of_vectors_or_mixes_two_decompositions_is_refused(f):
    a = TURNED @ TIED @ TURNED.T
    with pytest.raises(LinAlgError, match="coincide"):
        grad(f)((a + a.T) / 2)


def test_a_loss_of_some_vectors_may_have_ties_among_the_others():
    a = onp.diag([1.0, 1.0, 2.0])
    xbar = grad(lambda a: np.sum(np.linalg.svd(a)[0][:, 0] * REAL[0]) ** 2)(a)
    assert onp.all(onp.isfinite(xbar))


# --- singular matrices


@pytest.mark.parametrize("a", [SINGULAR, onp.outer(REAL[0], REAL[1]), onp.zeros((3, 3)), SINGULAR * (1 + 1j)])
def test_det_has_every_derivative_at_a_singular_matrix(a):
    check_grads(np.linalg.det, (a,), order=3)


def test_the_gradient_of_det_at_a_large_singular_matrix_is_that_of_its_neighbours():
    a = RNG.normal(size=(30, 30))
    a[:, 0] = a[:, 1]
    near = a.copy()
    near[0, 0] += 1e-9
    wanted = onp.linalg.det(near) * onp.linalg.inv(near).T
    onp.testing.assert_allclose(grad(np.linalg.det)(a), wanted, atol=1e-8 * onp.max(onp.abs(wanted)))
    assert not onp.any(grad(np.linalg.det)(onp.zeros((30, 30))))


def test_one_singular_matrix_among_many_spoils_none():
    stack = onp.stack([REAL, SINGULAR, 2 * REAL, 0 * REAL])
    together = grad(lambda a: np.sum(np.linalg.det(a)))(stack)
    onp.testing.assert_allclose(together, [grad(np.linalg.det)(a) for a in stack], atol=1e-12)


def test_slogdet_of_a_singular_matrix_counts_only_where_it_is_used():
    stack = onp.stack([REAL, SINGULAR])

    def f(a):
        sign, log = np.linalg.slogdet(a)
        return np.sum(np.where(sign == 0, 0.0, log))

    xbar = grad(f)(stack)
    onp.testing.assert_allclose(xbar[0], onp.linalg.inv(REAL).T)
    assert not onp.any(xbar[1])


@pytest.mark.parametrize("f", [np.linalg.inv, np.linalg.cholesky, lambda a: np.linalg.solve(a, REAL)])
def test_errors_of_numpy_pass_through(f):
    with pytest.raises(LinAlgError):
        grad(lambda a: np.sum(f(a)))(onp.zeros((3, 3)))


# --- triangles: what is not read has no gradient


@pytest.mark.parametrize(
    ("f", "lower"),
    [
        (np.linalg.cholesky, True),
        (lambda a: np.linalg.cholesky(a, upper=True), False),
        (np.linalg.eigvalsh, True),
        (lambda a: np.linalg.eigvalsh(a, "U"), False),
    ],
)
def test_the_triangle_that_is_not_read_has_no_gradient(f, lower):
    xbar = grad(lambda a: np.sum(f(a)))(REAL @ REAL.T + onp.eye(3))
    other = onp.triu(xbar, 1) if lower else onp.tril(xbar, -1)
    assert onp.any(xbar)
    assert not onp.any(other)


# --- refused


def test_the_vectors_beyond_the_singular_values_are_refused():
    a = REAL[:, :1]
    with pytest.raises(LinAlgError, match="full_matrices=False"):
        grad(lambda a: np.sum(np.linalg.svd(a)[0] * REAL))(a)
    with pytest.raises(LinAlgError, match="full_matrices=False"):
        jvp(np.linalg.svd, (a,), (REAL[:, 1:2],))


@pytest.mark.parametrize("a", [REAL[:, :2], REAL[:2]])
def test_the_only_vector_beyond_the_singular_values_of_a_real_matrix_has_a_derivative(a):
    check_grads(lambda a: np.linalg.svd(a)[::2], (a,), order=2, modes=("rev",))


@pytest.mark.parametrize("f", [np.linalg.pinv, lambda a: np.linalg.lstsq(a, REAL[:, 0])[0]])
def test_without_full_rank_the_derivative_is_that_among_matrices_of_the_same_rank(f):
    of_rank_two = lambda left: f(left @ REAL[:2])
    check_grads(of_rank_two, (REAL[:, :2],), order=1)


DEPENDENT = onp.stack([[1.0, 0.3, -2.0, 0.7], [2.0, 0.6, -4.0, 1.4 + 1e-16], [0.5, 1.0, 0.2, -0.4]], -1)


@pytest.mark.parametrize("mode", ["reduced", "r", "complete", "raw"])
@pytest.mark.parametrize("a", [DEPENDENT, DEPENDENT[:3], DEPENDENT[:3] * (1 + 1j), onp.zeros((3, 2))])
def test_qr_of_dependent_columns_is_refused(a, mode):
    def pull_back(a):
        y, back = vjp(lambda a: np.linalg.qr(a, mode), a)
        return back(tree.map(onp.ones_like, y))

    with pytest.raises(LinAlgError, match="combination of those before it"):
        pull_back(a)


@pytest.mark.parametrize("mode", ["reduced", "r", "complete"])
def test_qr_of_a_square_matrix_asks_nothing_of_its_last_column(mode):
    a = onp.concatenate([REAL[:, :2], REAL[:, :2] @ [[1.0], [2.0]]], -1)
    check_grads(lambda a: np.linalg.qr(a, mode), (a,), order=2)


def test_one_matrix_with_dependent_columns_counts_only_where_it_is_used():
    stack = onp.stack([DEPENDENT, REAL[:1] - DEPENDENT**2])
    f = lambda a: np.sum(np.linalg.qr(a)[0][1] ** 3)
    xbar = grad(f)(stack)
    onp.testing.assert_allclose(xbar[1], grad(lambda a: np.sum(np.linalg.qr(a)[0] ** 3))(stack[1]))
    assert not onp.any(xbar[0])


def test_columns_of_several_sizes_are_not_taken_for_dependent_ones():
    a = REAL[:, :2] * [1.0, 1e-15]
    q = lambda a: np.sum(np.linalg.qr(a)[0] ** 3)
    onp.testing.assert_allclose(grad(q)(a), grad(q)(REAL[:, :2]) / [1.0, 1e-15], rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (3, 3), (2, 4, 1), (3, 0), (0, 2)])
@pytest.mark.parametrize("mode", ["raw", "complete"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_qr_by_reflections_is_that_of_lapack(shape, mode, dtype):
    a = onp.resize(COMPLEX if dtype == "c16" else REAL, shape).astype(dtype)
    plain, (y, _) = onp.linalg.qr(a, mode), vjp(lambda a: np.linalg.qr(a, mode), a)
    assert type(y) is type(plain)
    for got, wanted in zip(y, plain, strict=True):
        assert got.dtype == wanted.dtype
        onp.testing.assert_allclose(got, wanted, atol=1e-6 if dtype == "f4" else 1e-14)


def test_a_column_of_zeros_is_not_reflected():
    a = onp.array([[1.0, 2.0], [0.0, 3.0], [0.0, 0.0]])
    onp.testing.assert_array_equal(
        vjp(lambda a: np.linalg.qr(a, "complete")[1], a)[0], onp.linalg.qr(a, "complete")[1]
    )
    assert onp.all(onp.isfinite(grad(lambda a: np.sum(np.linalg.qr(a, "complete")[0]))(a)))


def test_real_vectors_have_no_phase_though_numpy_calls_them_complex():
    # It does from NumPy 2.5 on; whichever it is, the derivative of their imaginary parts is 0.
    a = onp.array([[1.0, 2.0, 0.3], [0.5, 3.0, 1.0], [0.2, 1.0, -1.0]])
    y, vjp_eig = vjp(lambda a: np.linalg.eig(a)[1], a)
    assert onp.all(onp.imag(y) == 0)
    if y.dtype.kind == "c":
        assert onp.array_equal(vjp_eig(1j * onp.ones_like(y)), onp.zeros((3, 3)))
        onp.testing.assert_allclose(vjp_eig(y * (1 + 2j)), onp.zeros((3, 3)), atol=1e-14)
    check_vjp(lambda a: np.real(np.linalg.eig(a)[1]), call(a))


@pytest.mark.parametrize("a", [REAL[:, :2], COMPLEX[:, :2], REAL[:2], COMPLEX[:2]])
def test_the_space_of_the_vectors_beyond_the_singular_values_has_a_derivative(a):
    def of_the_rest(a):
        u, s, vh = np.linalg.svd(a)
        first, last = u[:, 2:], vh[2:]
        return weighted(first @ np.conj(first.T)) + weighted(np.conj(last.T) @ last)

    check_grads(of_the_rest, (a,), order=2, modes=("rev",))


# --- results


@pytest.mark.parametrize("f", [np.linalg.eigh, np.linalg.eig, np.linalg.qr, np.linalg.svd, np.linalg.slogdet])
def test_named_results_keep_their_names(f):
    a = REAL @ REAL.T
    plain, seen = f(a), []

    def loss(a):
        seen.append(f(a))
        return np.real(np.sum(seen[0][1]))

    grad(loss)(a)
    assert type(seen[0]) is type(plain)
    assert type(vjp(f, a)[0]) is type(plain)
    assert seen[0]._fields == plain._fields


def test_a_rank_is_a_plain_number():
    rank = []

    def f(a):
        rank.extend([np.linalg.matrix_rank(a), np.linalg.lstsq(a, REAL)[2]])
        return np.sum(a)

    grad(f)(REAL)
    assert rank == [3, 3]


# --- forward mode uses the same rules

FORWARD = [
    np.linalg.det,
    np.linalg.inv,
    np.linalg.pinv,
    np.linalg.cond,
    np.linalg.cholesky,
    np.linalg.norm,
    np.linalg.qr,
    np.linalg.svd,
    np.linalg.eigh,
    np.linalg.eigvalsh,
    np.linalg.slogdet,
    lambda a: np.linalg.tensorinv(a, ind=1),
    lambda a: np.linalg.norm(a, "nuc"),
    lambda a: np.linalg.norm(a, 3, axis=0),
    lambda a: np.linalg.solve(a, a[0]),
    lambda a: np.linalg.lstsq(a[:, :2], a[:, 2])[:2],
    lambda a: np.linalg.lstsq(a[:, :2], a[:, 2])[3],
    lambda a: np.linalg.matrix_power(a, 3),
    lambda a: np.linalg.multi_dot([a, REAL, a[0]]),
    lambda a: np.linalg.cross(a, a[0]),
    lambda a: np.linalg.vecdot(a, a[0]),
    lambda a: np.fft.irfft(np.fft.rfft(a, 4) ** 2, 5),
]


@pytest.mark.parametrize("f", FORWARD)
def test_forward_mode_agrees_with_differences(f):
    a = REAL @ REAL.T + onp.diag([1.0, 2.0, 4.0])
    direction = REAL
    _, ydot = jvp(f, (a,), (direction,))
    h = 1e-6
    plus, minus = f(a + h * direction), f(a - h * direction)
    pairs = zip(ydot, plus, minus, strict=True) if isinstance(ydot, tuple) else [(ydot, plus, minus)]
    for dot, high, low in pairs:
        onp.testing.assert_allclose(dot, (high - low) / (2 * h), rtol=1e-6, atol=1e-7)


def test_the_hessian_of_the_logarithm_of_a_determinant():
    a = REAL @ REAL.T + onp.eye(3)
    inverse = onp.linalg.inv(a)
    wanted = -onp.einsum("jk,li->ijkl", inverse, inverse)
    onp.testing.assert_allclose(hessian(lambda a: np.linalg.slogdet(a)[1])(a), wanted, rtol=1e-9)


# --- a zero cotangent is a strong zero


@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.linalg.trace(np.sqrt(a)),
        lambda a: np.sum(np.linalg.diagonal(np.sqrt(a))),
        lambda a: np.sum(np.linalg.cholesky(np.sqrt(a))),
        lambda a: np.sum(np.linalg.eigvalsh(np.sqrt(a))),
        lambda a: np.sum(np.linalg.eigh(np.sqrt(a))[0]),
        lambda a: np.sum(np.abs(np.fft.fft(np.sqrt(a), n=1)) ** 2),
    ],
)
def test_a_nan_that_is_not_read_does_not_leak(f):
    a = onp.array([[2.0, -1.0], [0.1, 3.0]])
    with onp.errstate(invalid="ignore"):
        xbar = grad(f)(a)
    assert onp.all(onp.isfinite(xbar))


# --- triangles by SciPy's kernels


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("dtype", [onp.float64, onp.float32, onp.complex128])
def test_large_triangles_go_by_kernels_which_give_what_the_halves_give(monkeypatch, dtype, upper):
    rng = onp.random.default_rng(0)
    x = rng.normal(size=(150, 150)) + (1j * rng.normal(size=(150, 150)) if dtype == onp.complex128 else 0)
    a = (x @ x.conj().T / 150 + onp.eye(150)).astype(dtype)
    losses = (
        lambda a: np.sum(np.log(np.diagonal(np.linalg.cholesky(a, upper=upper)).real)),  # of a determinant
        lambda a: -np.sum(np.log(np.diagonal(np.linalg.cholesky(a, upper=upper)).real) * onp.arange(150)),
        lambda a: np.sum(np.abs(np.linalg.cholesky(a, upper=upper)) ** 2),
    )
    for loss in losses:
        by_kernels = grad(loss)(a)
        with monkeypatch.context() as patch:
            patch.setattr(kernels, "_scipy", lambda: None)
            by_halves = grad(loss)(a)
        assert by_kernels.dtype == dtype
        tolerance = 1e-4 if dtype == onp.float32 else 1e-11
        onp.testing.assert_allclose(by_kernels, by_halves, rtol=tolerance, atol=tolerance)


def test_without_scipy_triangles_go_by_halves():
    code = (
        "import sys, importlib.util; sys.modules['scipy'] = None\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'scipy' else find(name, *rest)\n"
        "import numpy, funad, funad.numpy as np\n"
        "print(funad.grad(lambda a: np.sum(np.linalg.cholesky(a)))(numpy.eye(130))[5, 5])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(run.stdout) == 0.5


@pytest.mark.parametrize("columns", [(), (3,)])
@pytest.mark.parametrize("dtype", [onp.float64, onp.float32, onp.complex128])
def test_a_large_system_is_factorised_once_for_all_of_its_derivatives(monkeypatch, dtype, columns):
    rng, n = onp.random.default_rng(0), 130
    x = rng.normal(size=(n, n)) + (1j * rng.normal(size=(n, n)) if dtype == onp.complex128 else 0)
    a, b = (2 * n**0.5 * onp.eye(n) + x).astype(dtype), rng.normal(size=(n, *columns)).astype(dtype)
    f = lambda a, b: np.sum(np.abs(np.linalg.solve(a, b)) ** 2)
    made, real = [], linalg._kernels

    def counted(get, names, *matrices):
        made.extend(names)
        return real(get, names, *matrices)

    def derivatives():
        return [
            *grad(f, (0, 1))(a, b),
            jvp(f, (a, b), (a.T, b))[1],
            *jvp(grad(f, (0, 1)), (a, b), (a.T, b))[1],
            grad(lambda b: np.sum(np.abs(grad(f)(a, b)) ** 2))(b),
        ]

    monkeypatch.setattr(linalg, "_kernels", counted)
    grad(f, (0, 1))(a, b)
    assert made.count("getrf") == 1
    found = derivatives()
    monkeypatch.setattr(kernels, "_scipy", lambda: None)
    tolerance = 1e-4 if dtype == onp.float32 else 1e-10
    for x, wanted in zip(found, derivatives(), strict=True):
        assert x.dtype == wanted.dtype
        onp.testing.assert_allclose(x, wanted, rtol=tolerance, atol=tolerance * onp.max(onp.abs(wanted)))


def test_systems_that_are_large_in_a_stack_or_singular():
    rng, n = onp.random.default_rng(1), 130
    a, b = rng.normal(size=(n, n)), rng.normal(size=(n, n))
    f = lambda b: np.linalg.solve(a, b)
    onp.testing.assert_allclose(vmap(f)(b), f(b.T).T, rtol=1e-9)  # as many vectors as unknowns
    onp.testing.assert_allclose(
        grad(lambda b: np.sum(vmap(f)(b)))(b), onp.tile(grad(lambda b: np.sum(f(b)))(b[0]), (n, 1)), rtol=1e-9
    )
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        grad(lambda a: np.sum(np.linalg.solve(a, b)))(onp.zeros((n, n)))

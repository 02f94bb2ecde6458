"""Linear algebra where matrices are degenerate: equal values, truncation, defective matrices, extreme scales.

What does not depend on the choice of the vectors of a tie is compared with the same function made without a
decomposition: products of matrices and iterations of Newton's kind, whose derivatives are plain.
"""

import numpy as onp
import pytest

from funad import grad, hessian, hvp, jacfwd, jacrev, jvp, linearize, vjp
from funad import numpy as np
from funad.errors import NotDifferentiableError
from funad.numpy import polynomial
from funad.numpy.linalg import LinAlgError

RNG = onp.random.default_rng(1)
W, E, D = RNG.normal(size=(3, 3, 3))
Q, Q2 = onp.linalg.qr(W)[0], onp.linalg.qr(E)[0]
PHASE = onp.exp(0.4j)


def inner(a, b):
    return onp.real(onp.sum(a * b))


def along(f, e):
    """The derivative of f along e, by reverse and by forward mode, as functions."""
    return (
        lambda a: np.real(np.sum(grad(f)(a) * e)),
        lambda a: jvp(f, (a,), (e,))[1],
    )


def directions(a):
    e, d = (onp.broadcast_to(x[: a.shape[-2], : a.shape[-1]], a.shape).astype(a.dtype) for x in (E, D))
    return (e + 0.3j * d, d - 0.2j * e) if a.dtype.kind == "c" else (e, d)


def derivatives(f, a, order=2):
    """All derivatives along fixed directions, up to an order, in every mix of the modes."""
    e, d = directions(a)
    first = along(f, e)
    found = [by_one(a) for by_one in first]
    return found + ([by_two(a) for by_one in first for by_two in along(by_one, d)] if order > 1 else [])


def assert_same(f, g, a, order=2, rtol=1e-9):
    e, d = directions(a)
    first, second = along(g, e)[1](a), along(along(g, e)[1], d)[1](a)  # in the quickest mode
    wanted = [first] * 2 + [second] * 4 * (order > 1)
    size = max(map(abs, wanted))
    onp.testing.assert_allclose(derivatives(f, a, order), wanted, rtol=rtol, atol=rtol * size)


def assert_refused(f, a, match, order=2):
    e, d = directions(a)
    first = along(f, e)
    second = [by_two for by_one in first for by_two in along(by_one, d)] if order > 1 else []
    for derivative in [*first, *second]:
        with pytest.raises((LinAlgError, NotDifferentiableError), match=match):
            derivative(a)


def weighted(y):
    return np.real(np.sum(y * (W + 0.3j * W.T)[: y.shape[-2], : y.shape[-1]]))


def t(a):
    return np.conj(a.mT)


# --- functions of the spectrum


def by_eigh(f):
    def of_matrix(a):
        w, v = np.linalg.eigh((a + t(a)) / 2)
        return weighted((v * f(w)[..., None, :]) @ t(v))

    return of_matrix


def by_eig(f):
    def of_matrix(a):
        w, v = np.linalg.eig(a)
        return weighted((v * f(w)[..., None, :]) @ np.linalg.inv(v))

    return of_matrix


def by_svd(f, **kwargs):
    def of_matrix(a):
        u, s, vh = np.linalg.svd(a, **kwargs)
        k = s.shape[-1]
        return weighted((u[..., :k] * f(s)[..., None, :]) @ vh[..., :k, :])

    return of_matrix


def fourth(a):
    return weighted(a @ a @ a @ a)


def fifth(a):
    b = a @ t(a)
    return weighted(b @ b @ a)


SYMMETRIC = {
    "identity": onp.eye(3),
    "two": onp.diag([2.0, 2.0, 1.0]),
    "turned": Q @ onp.diag([2.0, 2.0, 1.0]) @ Q.T,
    "all, turned": 2.0 * Q @ Q.T,
    "zero": onp.zeros((3, 3)),
    "complex": Q @ onp.diag([2.0, 2.0, 1.0]) @ Q.T * (1 + 0j),
    "stack": onp.stack([onp.eye(3), onp.diag([2.0, 2.0, 1.0]), W @ W.T]),
    "one": onp.ones((1, 1)),
    "empty": onp.zeros((0, 0)),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_a_function_of_a_symmetric_matrix_has_all_derivatives_at_equal_eigenvalues(name):
    a = SYMMETRIC[name]
    assert_same(by_eigh(lambda w: w**4), lambda a: fourth((a + t(a)) / 2), a)


@pytest.mark.parametrize(
    "a",
    [
        onp.eye(3),
        onp.diag([2.0, 2.0, 1.0]),
        Q @ onp.diag([2.0, 2.0, 1.0]) @ Q2,
        onp.kron(onp.eye(2), [[1.0, 2.0], [-2.0, 1.0]])[:3, :3] + 0j,
        onp.zeros((3, 3)),
    ],
)
def test_a_function_of_any_matrix_has_all_derivatives_at_equal_eigenvalues(a):
    similar = W @ a @ onp.linalg.inv(W)
    assert_same(by_eig(lambda w: w**4), fourth, similar, rtol=1e-7)
    assert_same(
        lambda a: np.real(np.sum(np.linalg.eigvals(a) ** 4)),
        lambda a: np.real(np.trace(a @ a @ a @ a)),
        similar,
        rtol=1e-7,
    )


RECTANGULAR = {
    "identity": onp.eye(3),
    "orthogonal": Q,
    "two": Q @ onp.diag([2.0, 2.0, 1.0]) @ Q2,
    "zeros": Q @ onp.diag([2.0, 0.0, 0.0]) @ Q2,
    "two and zero": Q @ onp.diag([2.0, 2.0, 0.0]) @ Q2 * PHASE,
    "tall": 2.0 * Q[:, :2],
    "wide": 2.0 * Q[:2],
    "tall, zero": (Q @ onp.diag([2.0, 0.0, 0.0]))[:, :2],
    "nothing": onp.zeros((2, 3)),
    "stack": onp.stack([Q, onp.zeros((3, 3)), W]),
}


@pytest.mark.parametrize("full_matrices", [False, True])
@pytest.mark.parametrize("name", RECTANGULAR)
def test_an_odd_function_of_the_singular_values_has_all_derivatives_where_they_coincide_or_are_0(
    name, full_matrices
):
    # The second derivatives take most of the time; those of the others are made of the same parts.
    order = 2 if name in ("identity", "tall, zero", "two and zero") and not full_matrices else 1
    assert_same(by_svd(lambda s: s**5, full_matrices=full_matrices), fifth, RECTANGULAR[name], order)


@pytest.mark.parametrize("a", [onp.diag([1.0, -1.0, 2.0]), Q @ onp.diag([2.0, 0.0, 0.0]) @ Q.T, onp.eye(3)])
def test_svd_of_a_hermitian_matrix_has_them_too(a):
    f = by_svd(lambda s: s**5, hermitian=True)
    low = lambda a: np.tril(a) + np.tril(a, -1).T
    assert_same(f, lambda a: fifth(low(a)), (a + a.T) / 2)


def third(f, a):
    return jvp(lambda b: jvp(lambda c: jvp(f, (c,), (E,))[1], (b,), (D,))[1], (a,), (W,))[1]


def test_third_derivatives_are_right_and_fourth_ones_are_refused():
    f, g = by_eigh(lambda w: w**4), lambda a: fourth((a + a.T) / 2)
    onp.testing.assert_allclose(third(f, onp.eye(3)), third(g, onp.eye(3)), rtol=1e-9)
    with pytest.raises(LinAlgError, match="up to order 3"):
        jvp(lambda a: third(f, a), (onp.eye(3),), (E,))


@pytest.mark.parametrize("gap", [1e-13, 1e-9, 1e-5])
def test_nearly_equal_values_lose_no_more_digits_than_need_be(gap):
    # By quotients alone, the second derivative at 1e-9 would be wrong altogether.
    a = Q @ onp.diag([1 + gap, 1.0, 2.5]) @ Q.T
    assert_same(by_eigh(lambda w: w**4), lambda a: fourth((a + a.T) / 2), a, rtol=1e-4)
    assert_same(by_eigh(lambda w: w**4), lambda a: fourth((a + a.T) / 2), a, order=1, rtol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        np.linalg.eigvalsh,
        np.linalg.svdvals,
        lambda a: np.linalg.eigh(a)[0],
        lambda a: np.linalg.svd(a)[1],
        lambda a: np.linalg.svd(a, compute_uv=False),
    ],
)
@pytest.mark.parametrize("a", [onp.eye(3), Q @ onp.diag([2.0, 2.0, 1.0]) @ Q.T])
def test_sums_over_equal_values_have_all_derivatives(values, a):
    symmetric = lambda a: (a + a.T) / 2
    f = lambda a: np.sum(values(symmetric(a)) ** 4)
    assert_same(f, lambda a: np.trace(np.linalg.matrix_power(symmetric(a), 4)), a)


@pytest.mark.parametrize("values", [np.linalg.eigvalsh, np.linalg.svdvals, np.linalg.eigvals])
def test_single_ones_of_equal_values_share_the_first_derivative_and_have_no_second(values):
    f = lambda a: np.real(values(a)[0])
    onp.testing.assert_allclose(grad(f)(onp.eye(3)), onp.eye(3) / 3, atol=1e-14)
    onp.testing.assert_allclose(jacfwd(f)(onp.eye(3)), onp.eye(3) / 3, atol=1e-14)
    for outer in (jacfwd, jacrev):
        for first in (jacfwd, jacrev):
            with pytest.raises(LinAlgError, match="coincide"):
                outer(first(f))(onp.eye(3))


# --- functions of the vectors alone


def polar(a):
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return u @ vh


def polar_by_newton(a):
    """Newton and Schulz: derivatives become exact with the value, as it converges quadratically."""
    for _ in range(30):
        a = 1.5 * a - 0.5 * a @ t(a) @ a
    return a


@pytest.mark.parametrize(
    "a", [onp.eye(3), Q, 0.8 * Q, Q[:, :2], Q[:2], Q * PHASE, Q @ onp.diag([1.0, 1.0, 0.5]) @ Q2]
)
def test_the_polar_factor_has_all_derivatives_where_singular_values_coincide(a):
    assert_same(lambda a: weighted(polar(a)), lambda a: weighted(polar_by_newton(a)), a)


def test_the_gradient_of_the_polar_factor_at_the_identity_is_the_antisymmetric_part():
    onp.testing.assert_allclose(grad(lambda a: np.sum(polar(a) * W))(onp.eye(3)), (W - W.T) / 2, atol=1e-14)


def test_values_that_are_rounding_and_vectors_beside_the_result_are_no_derivatives():
    f = lambda a: polar(a)[0, 1]
    onp.testing.assert_allclose(jacrev(f)(onp.eye(2)), [[0, 0.5], [-0.5, 0]], atol=1e-14)
    onp.testing.assert_allclose(jacfwd(f)(onp.eye(2)), [[0, 0.5], [-0.5, 0]], atol=1e-14)
    (w, v), _ = vjp(np.linalg.eigh, onp.eye(2))
    onp.testing.assert_allclose((v * w) @ v.T, onp.eye(2), atol=1e-14)
    _, vectors = grad(lambda a: (np.sum(np.linalg.eigh(a)[0]), np.linalg.eigh(a)[1]), has_aux=True)(
        onp.eye(2)
    )
    onp.testing.assert_allclose(vectors @ vectors.T, onp.eye(2), atol=1e-14)


def test_the_best_rotation_onto_points_has_a_derivative_where_it_is_exact():
    points = RNG.normal(size=(6, 3))

    def kabsch(a, polar):
        return np.sum((points @ polar(points.T @ (points @ a)) - points @ Q2) ** 2)

    rotation = Q * onp.linalg.det(Q)
    sizes = onp.linalg.norm(points.T @ points, 2)
    assert_same(
        lambda a: kabsch(a, polar), lambda a: kabsch(a, lambda m: polar_by_newton(m / sizes)), rotation
    )


@pytest.mark.parametrize("a", [onp.diag([-1.0, 1.0, 1.0]), Q @ onp.diag([-1.0, 1.0, 1.0]) @ Q.T])
def test_the_projector_on_the_vectors_of_a_tie_has_all_derivatives(a):
    def by_vectors(a):
        v = np.linalg.eigh((a + a.T) / 2)[1][:, 1:]
        return weighted(v @ v.T)

    def by_sign(a):
        return weighted((polar_by_newton((a + a.T) / 2) + onp.eye(3)) / 2)

    assert_same(by_vectors, by_sign, a)


@pytest.mark.parametrize(
    "vectors",
    [
        lambda a: np.linalg.eigh(a)[1] * W,
        lambda a: np.diag(np.linalg.eigh(a)[1]) ** 2,
        lambda a: np.linalg.eigh(a)[1] ** 4,
        lambda a: np.linalg.svd(a)[0] * W,
        lambda a: np.diag(np.linalg.svd(a)[2]) ** 2,
        lambda a: np.real(np.linalg.eig(a)[1]) ** 2 * W,
        lambda a: (np.linalg.eigh(a)[1] * np.exp(np.linalg.eigvalsh(a))) @ np.linalg.eigh(a)[1].T * (W + W.T),
    ],
)
@pytest.mark.parametrize("a", [onp.eye(3), Q @ onp.diag([2.0, 2.0, 1.0]) @ Q.T])
def test_what_depends_on_the_choice_of_the_vectors_of_a_tie_is_refused_in_all_modes(vectors, a):
    assert_refused(lambda a: np.sum(vectors(a)), (a + a.T) / 2, "coincide")


@pytest.mark.parametrize(
    "vectors",
    [
        lambda a: np.real(np.linalg.eigh(a + t(a))[1]) ** 2,
        lambda a: np.real(np.linalg.eig(a)[1]) ** 2,
        lambda a: np.real(np.linalg.svd(a)[0]) ** 2,
    ],
)
def test_what_depends_on_the_phase_of_a_vector_is_refused_in_forward_mode_too(vectors):
    a = W + 0.5j * E
    f = lambda a: np.sum(vectors(a) * D)
    assert_refused(f, a, "phase")
    of_real = lambda x: vectors(x + 0.5j * E)
    for derivative in (jacfwd(of_real), lambda x: linearize(of_real, x)[1](D)):
        with pytest.raises(LinAlgError, match="phase"):
            derivative(W)


# --- programs around a decomposition


def sqrtm(a):
    w, v = np.linalg.eigh((a + a.T) / 2)
    return (v * np.sqrt(w)) @ v.T


def sqrtm_by_newton(a):
    """Denman and Beavers."""
    y, z = (a + a.T) / 2, onp.eye(3)
    for _ in range(12):
        y, z = (y + np.linalg.inv(z)) / 2, (z + np.linalg.inv(y)) / 2
    return y


@pytest.mark.parametrize(
    "f",
    [
        lambda root, a: np.sum(root(root(a)) * W),
        lambda root, a: np.sum(root(root(root(root(a)))) * W),
        lambda root, a: np.sum(root(a) @ root(2.0 * a) * W),
        lambda root, a: np.sum(root(a) * a),
        lambda root, a: np.sin(np.sum(root(a) * W)) * np.sum(a * D),
        lambda root, a: np.sum(root(a) @ root(root(a) @ a @ root(a)) * W),
    ],
)
@pytest.mark.parametrize("a", [onp.eye(3), onp.diag([2.0, 2.0, 1.0])])
def test_programs_of_several_decompositions_have_derivatives_at_ties(f, a):
    assert_same(lambda a: f(sqrtm, a), lambda a: f(sqrtm_by_newton, a), a, order=1)


def test_a_root_of_a_root_has_a_second_derivative_at_a_tie():
    f = lambda root: lambda a: np.sum(root(root(a)) * W)
    e, d = directions(onp.eye(3))
    f_second, g_second = (along(along(f(root), e)[0], d)[1] for root in (sqrtm, sqrtm_by_newton))
    assert f_second(onp.eye(3)) == pytest.approx(g_second(onp.eye(3)), rel=1e-9)


def test_a_derivative_may_be_used_as_any_other_value():
    f, g = by_eigh(lambda w: w**4), lambda a: fourth((a + a.T) / 2)
    for inner_derivative in (lambda f, a: grad(f)(a), lambda f, a: jvp(f, (a,), (D,))[1]):
        assert_same(
            lambda a: np.sum(np.sin(inner_derivative(f, a))),
            lambda a: np.sum(np.sin(inner_derivative(g, a))),
            onp.eye(3),
            order=1,
        )


def test_all_transformations_give_plain_results_at_ties():
    f, g = by_eigh(lambda w: w**4), lambda a: fourth((a + a.T) / 2)
    a, e = 2.0 * onp.eye(2), E[:2, :2]
    for derivative in (
        hessian,
        lambda f: lambda a: hvp(f)(a, e),
        lambda f: lambda a: linearize(grad(f), a)[1](e),
        lambda f: jacfwd(jacfwd(f)),
        lambda f: jacrev(jacfwd(f)),
        lambda f: lambda a: vjp(grad(f), a)[1](e),
    ):
        found = derivative(f)(a)
        assert type(found) is onp.ndarray
        onp.testing.assert_allclose(found, derivative(g)(a), atol=1e-11)
    value, product = linearize(f, a)
    assert type(value) is onp.float64
    assert type(product(e)) in (onp.float64, onp.ndarray)


def test_single_precision_has_its_own_rounding():
    a = (Q @ onp.diag([2.0, 2.0, 1.0]) @ Q.T).astype("f4")
    f = lambda a: np.sum(sqrtm(a) * W.astype("f4"))
    g = lambda a: np.sum(sqrtm_by_newton(a) * W)
    assert grad(f)(a).dtype == onp.float32
    onp.testing.assert_allclose(grad(f)(a), grad(g)(a.astype(float)), atol=1e-5)
    onp.testing.assert_allclose(
        jvp(f, (a,), (E.astype("f4"),))[1], jvp(g, (a.astype(float),), (E,))[1], rtol=1e-4
    )


@pytest.mark.parametrize("scale", [1e-160, 1e-20, 1e20, 1e160])
def test_ties_are_found_at_every_scale(scale):
    f = lambda a: np.sum(by_eigh(lambda w: w)(a / scale) + by_svd(np.tanh)(a / scale))
    a = Q @ onp.diag([2.0, 2.0, 1.0]) @ Q.T
    once = lambda a: np.sum(by_eigh(lambda w: w)(a) + by_svd(np.tanh)(a))
    onp.testing.assert_allclose(grad(f)(a * scale) * scale, grad(once)(a), atol=1e-12)


# --- full matrices


@pytest.mark.parametrize("a", [W[:, :2], W[:2], W[:, :1], (W + 1j * E)[:, :2], (W + 1j * E)[:2]])
def test_the_space_beyond_the_singular_values_has_all_derivatives_in_all_modes(a):
    def by_svd(a):
        u, s, vh = np.linalg.svd(a)
        k = s.shape[-1]
        return weighted(u[:, k:] @ t(u[:, k:])) + weighted(t(vh[k:]) @ vh[k:])

    def by_inverse(a):
        if a.shape[0] < a.shape[1]:
            return weighted(onp.eye(3) - t(a) @ np.linalg.inv(a @ t(a)) @ a)
        return weighted(onp.eye(3) - a @ np.linalg.inv(t(a) @ a) @ t(a))

    assert_same(by_svd, by_inverse, a)


@pytest.mark.parametrize("a", [W[:, :1], W[:1]])
def test_a_basis_of_that_space_is_refused_in_all_modes(a):
    k = 0 if a.shape[0] > 1 else 2
    assert_refused(lambda a: np.sum(np.linalg.svd(a)[k] * D), a, "beyond")
    with pytest.raises(LinAlgError, match="beyond"):
        jacfwd(lambda a: np.linalg.svd(a)[k])(a)


# --- pseudo-inverses that cut off singular values

CUT = onp.array([[5.0, 0.1], [0.2, 1.0], [0.3, 0.7]])
B = onp.array([1.0, 2.0, 3.0])
X = onp.linspace(0.0, 1.0, 7)


@pytest.mark.parametrize(
    ("f", "a"),
    [
        (lambda a: weighted(np.linalg.pinv(a, rtol=0.5)), CUT),
        (lambda a: weighted(np.linalg.pinv(a, 0.5)), CUT.T),
        (lambda a: weighted(np.linalg.pinv(a, 0.5)), CUT + 0.1j * W[:, :2]),
        (lambda a: weighted(np.linalg.pinv(a, onp.array([0.5, 1e-3]))), onp.stack([CUT, CUT + 0.1])),
        (
            lambda a: weighted(np.linalg.pinv(a, 0.3, hermitian=True)),
            onp.array([[3.0, 1, 0.2], [1, 0.3, 0.1], [0.2, 0.1, -2]]),
        ),
        (lambda a: weighted(np.linalg.pinv(a, 0.3)), Q @ onp.diag([2.0, 2.0, 0.1]) @ Q2),
        (lambda a: np.sum(np.linalg.lstsq(a, B, rcond=0.5)[0] ** 2), CUT),
        (lambda a: np.sum(np.linalg.lstsq(a, B[:2], rcond=0.5)[0] ** 2), CUT.T),
        (lambda a: np.sum(np.polyfit(a[0], onp.sin(3 * X), 3, rcond=0.1) ** 2), X[None]),
        (lambda a: np.sum(polynomial.chebyshev.chebfit(a[0], onp.sin(3 * X), 3, rcond=0.1) ** 2), X[None]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*poorly conditioned")
def test_the_derivative_of_a_truncated_inverse_is_that_of_its_values(f, a):
    e = onp.cos(onp.arange(a.size)).reshape(a.shape).astype(a.dtype)
    d = onp.sin(onp.arange(a.size) + 1.0).reshape(a.shape).astype(a.dtype)
    h = 1e-5  # of central differences, whose error is h² + ε/h
    difference = lambda f, e: (f(a + h * e) - f(a - h * e)) / (2 * h)
    for g in along(f, e):
        assert g(a) == pytest.approx(difference(f, e), rel=1e-6, abs=1e-8)
        for second in along(g, d):
            assert second(a) == pytest.approx(difference(g, d), rel=1e-6, abs=1e-7)


def test_a_cut_between_equal_values_is_refused():
    # Rounding decides which of the two is kept.
    a = Q @ onp.diag([2.0, 1.0, 1.0]) @ Q2
    s = onp.linalg.svdvals(a)
    if s[1] > s[2]:
        assert_refused(lambda a: weighted(np.linalg.pinv(a, s[2] / s[0])), a, "rcond")


# --- defective matrices

JORDAN = {
    "two": onp.array([[1.0, 1.0], [0.0, 1.0]]),
    "two of three": onp.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]),
    "three": onp.eye(3) + onp.eye(3, k=1),
    "nilpotent": onp.array([[0.0, 1.0], [0.0, 0.0]]),
    "complex": onp.array([[1.0, 1.0], [0.0, 1.0]]) * (1 + 1j),
    "large": onp.array([[1.0, 1.0], [0.0, 1.0]]) * 1e70,
    "single": onp.array([[1.0, 1.0], [0.0, 1.0]], "f4"),
    "similar": W @ (onp.eye(3) + onp.eye(3, k=1)) @ onp.linalg.inv(W),
}


@pytest.mark.parametrize("name", JORDAN)
@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.real(np.sum(np.linalg.eigvals(a) ** 2)),
        lambda a: np.real(np.linalg.eig(a)[0][0]),
        lambda a: np.sum(np.abs(np.linalg.eig(a)[1]) ** 4),
    ],
)
def test_a_defective_matrix_is_refused_by_name(name, f):
    assert_refused(f, JORDAN[name], "defective")


def test_what_is_told_about_defective_matrices_is_right():
    a = JORDAN["two of three"]
    onp.testing.assert_allclose(grad(lambda a: np.trace(a @ a))(a), 2 * a.T)
    onp.testing.assert_allclose(
        hessian(np.linalg.det)(a), jacfwd(jacrev(lambda a: a[0] @ np.cross(a[1], a[2])))(a), atol=1e-12
    )


def test_a_defective_matrix_among_others_is_of_no_account_where_it_is_not_used():
    stack = onp.stack([JORDAN["two"], [[1.0, 2.0], [3.0, 4.0]]])
    xbar = grad(lambda a: np.real(np.sum(np.linalg.eigvals(a)[1] ** 2)))(stack)
    onp.testing.assert_allclose(xbar, onp.stack([0 * stack[0], 2 * stack[1].T]), atol=1e-13)


@pytest.mark.parametrize("small", [1e-4, 1e-8, 1e-12])
def test_a_matrix_near_a_defective_one_keeps_the_digits_that_there_are(small):
    a = onp.array([[1.0, 1.0], [small, 1.0]])
    xbar = grad(lambda a: np.real(np.sum(np.linalg.eigvals(a) ** 2)))(a)
    onp.testing.assert_allclose(xbar, 2 * a.T, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("roots", "c"),
    [
        (np.roots, [1.0, -2.0, 1.0]),
        (np.roots, [1.0, -3.0, 3.0, -1.0]),
        (np.roots, [1.0, 1.0, 0.0, 0.0]),
        (polynomial.polynomial.polyroots, [1.0, -2.0, 1.0]),
        (polynomial.chebyshev.chebroots, [1.5, -2.0, 0.5]),
    ],
)
def test_multiple_roots_are_refused_by_name(roots, c):
    f = lambda a: np.real(np.sum(roots(a[0]) ** 2))
    with pytest.raises(NotDifferentiableError, match="multiple"):
        grad(f)(onp.array([c]))
    with pytest.raises(NotDifferentiableError, match="multiple"):
        jvp(f, (onp.array([c]),), (onp.ones((1, len(c))),))


def test_what_is_told_about_sums_and_products_of_roots_is_right():
    p = onp.array([2.0, -3.0, 5.0, -1.0])
    roots = onp.roots(p)
    onp.testing.assert_allclose([-p[1] / p[0], (-1) ** 3 * p[3] / p[0]], [onp.sum(roots), onp.prod(roots)])
    for by_roots, told in ((np.sum, lambda p: -p[1] / p[0]), (np.prod, lambda p: -p[3] / p[0])):
        f = lambda p: np.real(by_roots(np.roots(p)))
        onp.testing.assert_allclose(grad(f)(p), grad(told)(p), atol=1e-12)
        onp.testing.assert_allclose(hessian(f)(p), hessian(told)(p), atol=1e-11)


# --- every scale

GENERAL = onp.array([[4.0, 1.0, 0.3], [1.0, 3.0, -0.2], [0.5, 0.1, 2.0]])
HOMOGENEOUS = {  # the degree of each function
    "qr": (lambda a: np.sum(np.linalg.qr(a)[0] * W), 0),
    "complete": (lambda a: np.sum(np.linalg.qr(a[:, :2], "complete")[0] * W), 0),
    "raw": (lambda a: np.sum(np.linalg.qr(a[:, :2], "raw")[1] * W[0, :2]), 0),
    "svd": (lambda a: np.sum(np.linalg.svd(a)[0] * W), 0),
    "svdvals": (lambda a: np.sum(np.linalg.svdvals(a) * W[0]), 1),
    "eigh": (lambda a: np.sum(np.linalg.eigh(a)[1] ** 2 * W), 0),
    "eig": (lambda a: np.sum(np.real(np.linalg.eig(a)[1]) ** 4), 0),  # in any order
    "eigvals": (lambda a: np.real(np.sum(np.linalg.eigvals(a))), 1),
    "inv": (lambda a: np.sum(np.linalg.inv(a) * W), -1),
    "pinv": (lambda a: np.sum(np.linalg.pinv(a) * W), -1),
    "truncated": (lambda a: np.sum(np.linalg.pinv(a, 0.6) * W), -1),
    "solve": (lambda a: np.sum(np.linalg.solve(a, B)), -1),
    "lstsq": (lambda a: np.sum(np.linalg.lstsq(a, B, rcond=None)[0]), -1),
    "slogdet": (lambda a: np.linalg.slogdet(a)[1] % 1.0, 0),
    "cond": (np.linalg.cond, 0),
    "nuclear": (lambda a: np.linalg.norm(a, "nuc"), 1),
    "spectral": (lambda a: np.linalg.norm(a, 2), 1),
}


@pytest.mark.parametrize("scale", [1e-160, 1e160, 1e-300, 1e300])
@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_homogeneous_functions_have_the_derivatives_of_another_scale(name, scale):
    f, degree = HOMOGENEOUS[name]
    factor = scale**-degree
    scaled = lambda a: f(a) * factor
    onp.testing.assert_allclose(
        grad(scaled)(GENERAL * scale) * scale, grad(f)(GENERAL), rtol=1e-9, atol=1e-12
    )
    _, ydot = jvp(scaled, (GENERAL * scale,), (W * scale,))
    assert ydot == pytest.approx(inner(grad(f)(GENERAL), W), rel=1e-9)


@pytest.mark.parametrize("scale", [1e-150, 1e-110, 1e110, 1e150])
@pytest.mark.parametrize(
    "a", [GENERAL, W - onp.outer(W[:, 0], [1.0, 0.0, 0.0]), GENERAL[:2, :2], GENERAL[:1, :1]]
)
def test_the_cofactors_are_right_where_the_determinant_leaves_the_range_of_numbers(a, scale):
    with onp.errstate(all="ignore"):
        found = grad(np.linalg.det)(a * scale)
    wanted = grad(np.linalg.det)(a) * scale ** (len(a) - 1)
    onp.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12 * onp.max(onp.abs(wanted)))


def test_single_precision_has_its_own_range():
    a = onp.array([[4.0, 1.0], [1.0, 3.0]], "f4")
    f = lambda a: np.sum(np.linalg.qr(a)[0] * W[:2, :2].astype("f4"))
    onp.testing.assert_allclose(grad(f)(a * onp.float32(1e20)) * 1e20, grad(f)(a), rtol=1e-4)

"""implicit and custom_root: the derivatives of solutions, whatever solver has found them."""

import mpmath
import numpy as onp
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.optimize import root as scipy_root
from scipy.sparse.linalg import LinearOperator, gmres

import funad
import funad.numpy as np
from funad import (
    checkpoint,
    custom_root,
    grad,
    hessian,
    implicit,
    jacfwd,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
    vmap,
)
from funad.errors import ArgumentError, NotDifferentiableError, SingularJacobianError
from funad.testing import check_grads

A = onp.eye(3) + 0.1 * onp.arange(9.0).reshape(3, 3)
B = onp.array([1.0, 2.0, 3.0])


def cubic(a):
    return implicit(lambda x: x**3 + a * x - 1, lambda f: brentq(f, 0.0, 2.0))


def coupled(p, **options):
    def solve(f):
        return scipy_root(f, onp.ones(3), tol=1e-13).x

    return implicit(lambda x: x**3 + p["a"] @ x - p["b"], solve, **options)


def by_gmres(product, b):
    return gmres(LinearOperator((b.size, b.size), product), b, rtol=1e-13)[0]


def _forward(f):
    return lambda x: jvp(f, (x,), (1.0,))[1]


@pytest.mark.parametrize("derivative", [grad, _forward])
def test_a_root_is_right_to_the_fourth_order(derivative):
    with mpmath.workdps(40):
        exact = [
            mpmath.diff(lambda q: mpmath.findroot(lambda x: x**3 + q * x - 1, 0.5), 1.3, n)
            for n in range(1, 5)
        ]
    f = cubic
    for wanted in exact:
        f = derivative(f)
        assert float(f(1.3)) == pytest.approx(float(wanted), rel=1e-14)


def test_the_value_is_that_of_the_solver_to_the_bit():
    found = brentq(lambda x: x**3 + 1.3 * x - 1, 0.0, 2.0)
    assert value_and_grad(cubic)(1.3)[0] == found == cubic(1.3)
    assert type(cubic(1.3)) is float


def test_closures_over_containers_are_found():
    check_grads(coupled, ({"a": A, "b": B},))


def test_products_alone_give_the_same_derivatives():
    p = {"a": A, "b": B}
    check_grads(lambda p: coupled(p, solve=by_gmres), (p,))
    ours = hessian(lambda b: np.sum(coupled({"a": A, "b": b}, solve=by_gmres) ** 2))(B)
    dense = hessian(lambda b: np.sum(coupled({"a": A, "b": b}) ** 2))(B)
    onp.testing.assert_allclose(ours, dense, atol=1e-11)


def test_a_large_system_is_never_formed():
    n = 3000
    b = onp.linspace(1.0, 2.0, n)

    def total(scale):
        def residual(x):
            return x + 0.1 * x**3 + 0.1 * np.roll(x, 1) - scale * b

        return np.sum(
            implicit(residual, lambda f: scipy_root(f, b, method="krylov", tol=1e-10).x, solve=by_gmres)
        )

    moved = (total(1.0 + 1e-4) - total(1.0 - 1e-4)) / 2e-4
    assert grad(total)(1.0) == pytest.approx(moved, rel=1e-6)


def test_fixed_points_and_minima():
    wanted = grad(lambda a: implicit(lambda x: np.cos(a * x) - x, 0.7390851332151607))(1.0)
    assert grad(lambda a: implicit(lambda x: np.cos(a * x), 0.7390851332151607, "fixed_point"))(1.0) == wanted

    def least(a):
        return implicit(lambda x: (x - a) ** 4 + x**2, lambda f: minimize_scalar(f).x, "minimum")

    def stationary(a):
        return implicit(lambda x: 4 * (x - a) ** 3 + 2 * x, lambda f: brentq(f, 0.0, 1.5, xtol=1e-15))

    for derivative in (grad, lambda f: grad(grad(f))):
        assert derivative(least)(1.5) == pytest.approx(derivative(stationary)(1.5), rel=1e-12)


def test_a_minimum_in_a_container():
    def least(a):
        x = {"u": onp.full(2, 0.6), "v": 0.25}
        return implicit(lambda x: np.sum((x["u"] - 0.3 * a) ** 2) + x["v"] ** 2 * a - x["v"], x, "minimum")

    found = jacobian(least)(2.0)
    onp.testing.assert_allclose(found["u"], 0.3)
    assert found["v"] == pytest.approx(-0.125)


def test_a_matrix_of_unknowns():
    def root(a):
        return implicit(lambda x: a * x @ x - onp.diag([4.0, 9.0]), onp.diag([2.0, 3.0]))

    onp.testing.assert_allclose(jacobian(root)(1.0), -0.5 * onp.diag([2.0, 3.0]), atol=1e-14)


def test_roots_inside_of_roots():
    def outer(a):
        def residual(x):
            y = implicit(lambda y: y**3 + y - x * a, lambda f: brentq(f, -9.0, 9.0, xtol=1e-15))
            return x + y - 2.0

        return implicit(residual, lambda f: brentq(f, -9.0, 9.0, xtol=1e-15))

    check_grads(outer, (1.3,))


@custom_root(lambda x, a: x**2 - a)
def heron(x, a):
    """Return the root of a."""
    for _ in range(30):
        x = (x + a / x) / 2
    return x


def test_a_decorated_solver():
    assert heron.__doc__ == "Return the root of a."
    assert heron(1.0, 4.0) == 2.0
    assert grad(heron, 1)(1.0, 4.0) == pytest.approx(0.25)
    assert grad(grad(heron, 1), 1)(1.0, 4.0) == pytest.approx(-1 / 32)
    assert grad(heron, 0)(1.0, 4.0) == 0.0

    @custom_root(lambda x, a, shift=0.0: x - a - shift, has_aux=True)
    def trivial(x, a, shift=0.0):
        assert type(a) is float
        return a + shift, "steps"

    assert trivial(0.0, 3.0, shift=3.0) == (6.0, "steps")
    assert grad(lambda a: trivial(0.0, a, shift=a)[0])(3.0) == 2.0


def test_the_solver_leaves_nothing_on_the_tape():
    sizes = []

    def loss(a):
        before = len(a.tape.entries)

        def f(x):
            return np.tanh(np.tanh(np.tanh(x * a))) - 0.3

        x = implicit(f, lambda f: brentq(f, 0.0, 2.0))
        sizes.append(len(a.tape.entries) - before)
        return x

    grad(loss)(1.0)
    assert sizes[0] <= 7 * 12  # f once, and the step


def test_the_tape_may_be_over_when_a_product_is_taken():
    _, pull = vjp(lambda b: coupled({"a": A, "b": b}, solve=by_gmres), B)
    onp.testing.assert_allclose(pull(B), grad(lambda b: np.sum(B * coupled({"a": A, "b": b})))(B), rtol=1e-10)
    onp.testing.assert_allclose(pull(B), pull(B))


def test_modes_and_transformations_agree():
    onp.testing.assert_allclose(jacfwd(cubic)(1.3), grad(cubic)(1.3))
    a = onp.array([1.0, 2.0])
    onp.testing.assert_allclose(vmap(grad(cubic))(a), [grad(cubic)(x) for x in a])
    assert grad(checkpoint(cubic))(1.3) == pytest.approx(float(grad(cubic)(1.3)))
    dual = cubic(funad.Dual(1.3, 1.0))
    assert float(dual.tangent) == pytest.approx(float(grad(cubic)(1.3)))


def test_float32_stays_float32():
    a = onp.float32(1.3)
    assert grad(cubic)(a).dtype == onp.float32
    b = B.astype(onp.float32)
    found = grad(lambda b: np.sum(coupled({"a": A, "b": b})))(b)
    assert found.dtype == onp.float32


def test_nothing_of_size_zero_goes_wrong():
    found = grad(lambda a: np.sum(implicit(lambda x: x * a, onp.zeros(0))) + a)(2.0)
    assert found == 1.0


SINGULAR = [
    lambda a: implicit(lambda x: x**2 * a, 0.0),
    lambda a: np.sum(implicit(lambda x: np.stack([x[0] - a, x[0] - a]), onp.array([2.0, 0.0]))),
]


@pytest.mark.parametrize("f", SINGULAR)
def test_a_singular_jacobian_is_refused(f):
    with pytest.raises(SingularJacobianError, match="singular, so the linear solve"):
        grad(f)(2.0)
    with pytest.raises(onp.linalg.LinAlgError):
        jvp(f, (2.0,), (1.0,))


def test_what_is_no_solution_is_refused_with_its_size():
    with pytest.raises(
        NotDifferentiableError, match=r"the residual there is 1.5, and Newton's steps lead 1.5"
    ):
        grad(lambda a: implicit(lambda x: x - a, 0.5))(2.0)


def test_a_minimum_that_is_not_isolated_is_refused():
    def flat(a):
        return np.sum(implicit(lambda x: (x[0] - a) ** 2, onp.zeros(2), "minimum"))

    with pytest.raises(NotDifferentiableError, match="no isolated minimum"):
        grad(flat)(0.0)
    with pytest.raises(NotDifferentiableError, match="no isolated minimum"):
        grad(lambda a: implicit(lambda x: a - (x - a) ** 2, 1.0, "minimum"))(1.0)


def test_wrong_arguments_are_refused():
    with pytest.raises(ArgumentError, match="kind is one of 'root', 'fixed_point', 'minimum', not 'roots'"):
        implicit(lambda x: x, 0.0, "roots")
    with pytest.raises(ArgumentError, match=r"implicit takes a function.*write implicit\(f, x\)"):
        implicit(3.0, 0.0)
    with pytest.raises(ArgumentError, match="has 3 residuals, but x is"):
        grad(lambda a: np.sum(implicit(lambda x: np.stack([x[0], x[1], a]), onp.zeros(2))))(1.0)
    with pytest.raises(ArgumentError, match="custom_root takes a function"):
        custom_root(3.0)


@pytest.mark.parametrize(
    "at_zero", [lambda u: np.abs(u - u), lambda u: np.linalg.norm(u - u), lambda u: np.ptp(u - u)]
)
@pytest.mark.parametrize("second", [hessian, lambda f: jacobian(grad(f)), lambda f: jacfwd(jacfwd(f))])
@pytest.mark.parametrize("solved", ["implicit", "checkpoint"])
def test_a_kink_that_is_only_looked_at_inside_leaves_second_derivatives(at_zero, second, solved):
    def total(looks):
        def cubic(u, k):
            return np.where(at_zero(k) < 1, u**3 + u, np.inf) if looks else u**3 + u

        def solve(f):
            return scipy_root(f, onp.ones(1), tol=1e-13).x

        if solved == "checkpoint":
            return lambda k: np.sum(checkpoint(lambda u: cubic(u, k))(k) ** 2)
        return lambda k: np.sum(implicit(lambda u: cubic(u, k) - k, solve) ** 2)

    k = onp.array([2.0])
    onp.testing.assert_allclose(second(total(True))(k), second(total(False))(k), rtol=1e-7)

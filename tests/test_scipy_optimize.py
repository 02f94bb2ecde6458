"""funad.scipy.optimize: derivatives against those of Newton's steps, or differences."""

import inspect

import mpmath
import numpy as onp
import pytest
import scipy.optimize

import funad
import funad.numpy as np
from funad import grad, hessian, jacobian, jvp, value
from funad.errors import FunadError, MissingRuleError, NotDifferentiableError
from funad.scipy import optimize
from funad.testing import check_grads

from .scipy_names.optimize import (
    MATRIX,
    TIGHT,
    A,
    T,
    bowl,
    bowl_slope,
    coupled,
    cubic,
    model,
    model_slopes,
    residual_slopes,
    well,
)

Y = 2.5 * onp.exp(-1.1 * T) + 0.05 * onp.sin(9 * T)  # no perfect fit: the second derivatives of it count


def newton(gradient, x, steps=30):
    """Return where the gradient vanishes, by steps of Newton's on traced values: what solvers are held to."""
    for _ in range(steps):
        x = x - np.linalg.solve(jacobian(gradient)(x), gradient(x))
    return x


def least(a):
    return newton(lambda x: grad(bowl)(x, a), onp.zeros(2))


def agree(f, g, x, rtol=1e-9):
    """Assert that two functions have the same derivatives, of both orders and in both modes."""
    onp.testing.assert_allclose(jacobian(f)(x), jacobian(g)(x), rtol=rtol, atol=1e-11)
    direction = onp.cos(onp.arange(1.0, 1.0 + onp.size(x))).reshape(onp.shape(x))
    onp.testing.assert_allclose(
        jvp(f, (x,), (direction,))[1], jvp(g, (x,), (direction,))[1], rtol=rtol, atol=1e-11
    )
    weights = onp.cos(1.0 + onp.arange(onp.size(plain := f(x)))).reshape(onp.shape(plain))
    second, wanted = (hessian(lambda x, h=h: np.sum(weights * h(x)))(x) for h in (f, g))
    onp.testing.assert_allclose(second, wanted, rtol=100 * rtol, atol=1e-9)


# --- roots


@pytest.mark.parametrize("name", ["bisect", "brenth", "brentq", "ridder", "toms748"])
def test_brackets_and_their_results(name):
    find = getattr(optimize, name)
    x, results = find(cubic, 0.0, 2.0, args=(2.0,), full_output=True)
    assert results.root == x
    exact = float(mpmath.diff(lambda q: mpmath.findroot(lambda x: cubic(x, q), 1.0), 2.0))
    assert grad(lambda a: find(cubic, 0.0, 2.0, args=a))(2.0) == pytest.approx(exact, rel=1e-13)
    assert grad(lambda a: find(cubic, 0.0, 2.0, (a,), full_output=True)[1].root)(2.0) == pytest.approx(exact)
    assert grad(lambda b: find(cubic, 0.0, b, args=(2.0,)))(2.0) == 0.0


def test_newton_and_root_scalar_with_derivatives_of_their_own():
    def both(x, a):
        return cubic(x, a), 3 * x**2 + a

    wanted = grad(lambda a: optimize.brentq(cubic, 0.0, 2.0, args=(a,)))(2.0)
    for f in (
        lambda a: optimize.newton(cubic, 1.0, args=(a,)),
        lambda a: optimize.newton(cubic, 1.0, args=(a,), full_output=True)[0],
        lambda a: optimize.newton(cubic, onp.ones(2), args=(a,), full_output=True).root[0],
        lambda a: optimize.root_scalar(both, x0=1.0, args=(a,), fprime=True).root,
        lambda a: optimize.root_scalar(cubic, x0=1.0, x1=1.1, args=(a,)).root,
    ):
        assert grad(f)(2.0) == pytest.approx(float(wanted), rel=1e-12)
    found = jacobian(lambda a: optimize.newton(lambda z: z**2 + a, 1j))(2.0)
    assert found == pytest.approx(0.5j / onp.sqrt(2.0))


@pytest.mark.parametrize("method", ["hybr", "lm", "broyden1", "krylov", "df-sane"])
def test_root_by_any_method(method):
    def ours(a):
        return optimize.root(coupled, [0.0, 0.0], args=(a,), method=method).x

    agree(ours, lambda a: newton(lambda x: np.stack(coupled(x, a)), onp.zeros(2)), A)


def test_what_a_solver_leaves_of_its_work_can_be_looked_at_only():
    def loss(a):
        found = optimize.root(coupled, [0.0, 0.0], args=(a,))
        assert value(found.fjac).shape == (2, 2)
        assert found.success
        return np.sum(found.fjac)

    with pytest.raises(NotDifferentiableError, match=r"fjac of the result of scipy\.optimize\.root has no"):
        grad(loss)(A)
    with pytest.raises(NotDifferentiableError, match="hess_inv"):
        grad(lambda a: np.sum(optimize.minimize(bowl, [0.0, 0.0], args=(a,)).hess_inv))(A)


def test_many_unknowns_by_products():
    n = 1200

    def total(a):
        def residual(x):
            return x + 0.1 * a * np.tanh(np.roll(x, 1)) - 1.0

        return np.sum(optimize.newton_krylov(residual, onp.ones(n), f_tol=1e-10))

    wanted = n * grad(lambda a: optimize.brentq(lambda x: x + 0.1 * a * np.tanh(x) - 1.0, 0.0, 2.0))(2.0)
    assert grad(total)(2.0) == pytest.approx(float(wanted), rel=1e-9)


def test_a_solver_that_has_failed_is_refused():
    with pytest.raises(NotDifferentiableError, match=r"scipy\.optimize\.root has no solution"):
        grad(lambda a: np.sum(optimize.root(coupled, [50.0, -50.0], args=(a,), options={"maxfev": 3}).x))(A)
    with pytest.raises(RuntimeError, match="Failed to converge"):
        grad(lambda a: optimize.newton(lambda x: x**2 + a, 1.0))(2.0)


# --- minima

METHODS = {
    "BFGS": {}, "CG": {}, "L-BFGS-B": {}, "TNC": {}, "SLSQP": {}, "Powell": {}, "Nelder-Mead": {},
    "COBYLA": {"rhobeg": 0.1}, "COBYQA": {}, "trust-constr": {},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:delta_grad == 0")
@pytest.mark.parametrize("method", METHODS)
def test_minimize_by_any_method(method):
    def ours(a, part="x"):
        found = optimize.minimize(bowl, [0.0, 0.0], args=(a,), method=method, options=METHODS[method])
        return getattr(found, part)

    onp.testing.assert_allclose(jacobian(ours)(A), jacobian(least)(A), rtol=1e-9)
    wanted = hessian(lambda a: bowl(least(a), a))(A)
    onp.testing.assert_allclose(hessian(lambda a: ours(a, "fun"))(A), wanted, rtol=1e-9)
    assert grad(lambda a: ours(a, "fun"))(A) == pytest.approx(grad(bowl, 1)(least(A), A), rel=1e-9)


def test_minimize_with_derivatives_of_the_users():
    for given in (
        {"jac": bowl_slope},
        {"jac": grad(bowl), "hess": hessian(bowl), "method": "trust-exact"},
        {"jac": bowl_slope, "hessp": lambda x, p, a: hessian(bowl)(x, a) @ p, "method": "Newton-CG"},
    ):
        agree(lambda a, given=given: optimize.minimize(bowl, [0.0, 0.0], args=(a,), **given).x, least, A)

    def both(x, a):
        return bowl(x, a), bowl_slope(x, a)

    agree(lambda a: optimize.minimize(both, [0.0, 0.0], args=(a,), jac=True).x, least, A)


def test_a_bound_that_holds_moves_the_minimum_with_it():
    def ours(a):
        bounds = [(None, 0.1 * a[1]), (None, None)]
        return optimize.minimize(bowl, [0.0, 0.0], args=(a,), jac=bowl_slope, bounds=bounds, tol=1e-12).x

    def ours_given(a):
        first = 0.1 * a[1]
        rest = newton(lambda v: grad(bowl)(np.concatenate([np.stack([first]), v]), a)[1:], onp.ones(1))
        return np.stack([first, rest[0]])

    agree(ours, ours_given, A)
    fixed = scipy.optimize.Bounds([-1, -1], [0.1, 10])
    found = jacobian(lambda a: optimize.minimize(bowl, [0.0, 0.0], args=(a,), bounds=fixed).x)(A)
    assert not found[0].any()
    assert found[1].all()


def test_a_bound_that_a_solver_comes_near_to():
    def ours(b):
        return optimize.minimize_scalar(well, bounds=(0.0, b), args=(1.5,)).x

    assert grad(ours)(0.6) == 1.0
    assert grad(lambda b: optimize.fminbound(well, 0.0, b, args=(1.5,)))(0.6) == 1.0
    slope = grad(lambda b: optimize.minimize_scalar(well, bounds=(0.0, b), args=(1.5,)).fun)(0.6)
    assert slope == pytest.approx(float(grad(well)(0.6, 1.5)), rel=1e-9)


CONSTRAINTS = {
    "eq": lambda a: {"type": "eq", "fun": lambda x, s: x[0] ** 2 + s * x[1] - 1.5 * a[1], "args": (1.0,)},
    "ineq": lambda a: [{"type": "ineq", "fun": lambda x: x[0] ** 2 + x[1] - 1.5 * a[1]}],
    "nonlinear": lambda a: scipy.optimize.NonlinearConstraint(
        lambda x: x[0] ** 2 + x[1] - 1.5 * a[1], 0.0, 9.0
    ),
}


@pytest.mark.parametrize("kind", CONSTRAINTS)
def test_constraints_that_hold(kind):
    def ours(a):
        constraints = CONSTRAINTS[kind](a)
        options = {"jac": bowl_slope, "method": "SLSQP", "tol": 1e-14}
        return optimize.minimize(bowl, [0.5, 0.5], args=(a,), constraints=constraints, **options).x

    def conditions(z, a):
        def lagrangian(x):
            return bowl(x, a) - z[2] * (x[0] ** 2 + x[1] - 1.5 * a[1])

        return np.concatenate([grad(lagrangian)(z[:2]), np.stack([z[0] ** 2 + z[1] - 1.5 * a[1]])])

    agree(ours, lambda a: newton(lambda z: conditions(z, a), onp.array([0.3, 1.5, 1.0]))[:2], A)


def test_constraints_that_do_not_hold_change_nothing():
    loose = {"type": "ineq", "fun": lambda x: x[0] + 10.0}
    linear = scipy.optimize.LinearConstraint([[1.0, 2.0]], -50.0, 50.0)
    for constraints in (loose, [linear]):
        agree(
            lambda a, c=constraints: (
                optimize.minimize(
                    bowl, [0.5, 0.5], args=(a,), jac=bowl_slope, constraints=c, method="SLSQP"
                ).x
            ),
            least,
            A,
        )


OLDER = {
    "fmin": {"disp": 0}, "fmin_powell": {"disp": 0}, "fmin_bfgs": {"disp": 0}, "fmin_cg": {"disp": 0},
    "fmin_ncg": {"disp": 0, "fprime": bowl_slope}, "fmin_slsqp": {"iprint": 0},
}  # fmt: skip


@pytest.mark.parametrize("name", OLDER)
def test_the_older_minimizers(name):
    find, start = getattr(optimize, name), onp.zeros(2)
    found = jacobian(lambda a: find(bowl, start, args=(a,), **OLDER[name]))(A)
    onp.testing.assert_allclose(found, jacobian(least)(A), rtol=1e-9)
    fun = grad(lambda a: find(bowl, start, args=(a,), full_output=1, **OLDER[name])[1])(A)
    onp.testing.assert_allclose(fun, grad(lambda a: bowl(least(a), a))(A), rtol=1e-9)


GLOBAL = {
    "basinhopping": {"x0": onp.zeros(2), "niter": 2, "rng": 0}, "differential_evolution": {"rng": 0},
    "dual_annealing": {"maxiter": 5, "rng": 1}, "shgo": {}, "direct": {},
}  # fmt: skip


@pytest.mark.parametrize("name", GLOBAL)
def test_the_global_minimizers(name):
    options = {"bounds": [(-3, 3)] * 2, **GLOBAL[name]}
    if name == "basinhopping":
        del options["bounds"]
    if "rng" in options and "rng" not in inspect.signature(getattr(scipy.optimize, name)).parameters:
        options["seed"] = options.pop("rng")
    found = jacobian(lambda a: getattr(optimize, name)(lambda x: bowl(x, a), **options).x)(A)
    onp.testing.assert_allclose(found, jacobian(least)(A), rtol=1e-9)


def test_minimizers_of_one_number():
    wanted = jacobian(lambda a: newton(lambda x: grad(lambda x: well(x[0], a))(x), onp.ones(1))[0])(1.5)
    for f in (
        lambda a: optimize.minimize_scalar(well, args=(a,)).x,
        lambda a: optimize.minimize_scalar(well, args=(a,), method="golden").x,
        lambda a: optimize.brent(well, args=(a,)),
        lambda a: optimize.golden(well, args=(a,), full_output=True)[0],
        lambda a: optimize.brute(lambda x: well(x[0], a), [(0.0, 2.0)])[0],
        lambda a: optimize.fmin_l_bfgs_b(lambda x: well(x[0], a), [1.0], approx_grad=True)[0][0],
        lambda a: optimize.fmin_tnc(lambda x: well(x[0], a), [1.0], approx_grad=True, messages=0)[0][0],
        lambda a: optimize.fmin_cobyla(lambda x: well(x[0], a), [1.0], [lambda x: x[0] + 9.0], rhoend=1e-7)[
            0
        ],
    ):
        assert grad(f)(1.5) == pytest.approx(float(wanted), rel=1e-9)


def test_functions_that_return_an_array_with_one_number_in_it():
    f = lambda a, part: getattr(optimize.minimize(lambda x: (x - a) ** 2 + a, 0.0), part)
    assert grad(lambda a: f(a, "x")[0])(1.0) == 1.0
    assert grad(lambda a: f(a, "fun"))(1.0) == pytest.approx(1.0)
    root = lambda a: optimize.fsolve(lambda x: x**2 - a, 1.0)[0]
    assert grad(root)(4.0) == pytest.approx(0.25)


def test_a_minimum_that_is_not_isolated_is_refused():
    with pytest.raises(NotDifferentiableError, match="no isolated minimum of scipy.optimize.minimize"):
        grad(lambda a: np.sum(optimize.minimize(lambda x: (x[0] - a) ** 2, [0.0, 0.0]).x))(1.0)


# --- fits


def _fit(loss, scale):
    losses = {
        "linear": lambda z: z,
        "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
        "cauchy": np.log1p,
        "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(np.where(z <= 1, 1.0, z)) - 1),
        "arctan": np.arctan,
    }

    def exact(y):
        def cost(p):
            return 0.5 * scale**2 * np.sum(losses[loss]((model(T, *(p[0], p[1])) - y) ** 2 / scale**2))

        return newton(grad(cost), onp.array([2.5, 1.1]))

    return exact


def misfit(p, y):
    return model(T, p[0], p[1]) - y


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "cauchy", "huber", "arctan"])
def test_least_squares_has_the_full_hessian(loss):
    def ours(y):
        return optimize.least_squares(misfit, [2.0, 1.0], args=(y,), loss=loss, f_scale=0.1).x

    agree(ours, _fit(loss, 0.1), Y)


def test_the_parts_of_a_fit():
    def ours(y):
        found = optimize.least_squares(misfit, [2.0, 1.0], args=(y,))
        return np.concatenate([np.stack([found.cost]), found.fun, np.ravel(found.jac)])

    def exact(y):
        p = _fit("linear", 1.0)(y)
        r = misfit(p, y)
        slopes = jacobian(lambda p: misfit(p, y))(p)
        return np.concatenate([np.stack([0.5 * np.sum(r**2)]), r, np.ravel(slopes)])

    agree(ours, exact, Y)


def test_a_fit_at_its_bounds():
    def ours(u):
        bounds = ([0.0, 0.0], [9.0, u])
        return optimize.least_squares(misfit, [2.0, 0.5], args=(Y,), bounds=bounds).x

    def exact(u):
        return np.stack([newton(grad(lambda q: np.sum(misfit([q[0], u], Y) ** 2)), onp.ones(1))[0], u])

    agree(ours, exact, 1.05)


def test_curve_fit_and_its_covariance():
    sigma = 1.0 + 0.1 * T

    def exact(y, sigma=1.0, absolute=False):
        def r(p):
            return (model(T, p[0], p[1]) - y) / sigma

        p = newton(grad(lambda p: np.sum(r(p) ** 2)), onp.array([2.5, 1.1]))
        slopes = jacobian(r)(p)
        covariance = np.linalg.inv(slopes.T @ slopes)
        return np.concatenate([p, np.ravel(covariance if absolute else covariance * np.sum(r(p) ** 2) / 7)])

    def flat(found):
        return np.concatenate([found[0], np.ravel(found[1])])

    agree(lambda y: flat(optimize.curve_fit(model, T, y, [2.0, 1.0])), exact, Y)
    agree(
        lambda s: flat(optimize.curve_fit(model, T, Y, [2.0, 1.0], sigma=s, absolute_sigma=True)),
        lambda s: exact(Y, s, True),
        sigma,
    )
    agree(
        lambda s: flat(optimize.curve_fit(model, T, Y, [2.0, 1.0], sigma=np.diag(s**2))),
        lambda s: exact(Y, s),
        sigma,
    )
    found, more = optimize.curve_fit(model, T, Y, full_output=True)[:2], scipy.optimize.curve_fit(model, T, Y)
    onp.testing.assert_array_equal(found[1], more[1])


def test_leastsq_with_all_of_its_output():
    def ours(y):
        x, covariance, more, _, status = optimize.leastsq(
            misfit, [2.0, 1.0], args=(y,), Dfun=residual_slopes, full_output=True, **TIGHT
        )
        assert status in (1, 2, 3, 4)
        return np.concatenate([x, np.ravel(covariance), more["fvec"]])

    def exact(y):
        p = _fit("linear", 1.0)(y)
        slopes = jacobian(lambda p: misfit(p, y))(p)
        return np.concatenate([p, np.ravel(np.linalg.inv(slopes.T @ slopes)), misfit(p, y)])

    agree(ours, exact, Y)


def test_linear_least_squares_at_bounds():
    lower, upper = onp.array([-1.0, -0.2, -1.0]), onp.array([0.1, 1.0, 1.0])
    b = onp.array([1.0, 0.2, -0.7, 0.3])
    assert scipy.optimize.lsq_linear(MATRIX, b, (lower, upper)).active_mask.any()

    def parts(m, b, low, high):
        found = optimize.lsq_linear(m, b, bounds=(low, high), tol=1e-15)
        return [found.x, found.fun, found.cost]

    check_grads(parts, (MATRIX, b, lower, upper), order=1)
    norm = grad(lambda b: optimize.nnls(MATRIX, b)[1])(b)
    assert norm.shape == (4,)
    assert norm.any()


def test_blocks_of_an_isotonic_regression():
    y = onp.array([1.0, 3.0, 2.0, 4.0, 3.5, 3.4])
    check_grads(lambda y: optimize.isotonic_regression(y, increasing=False).x, (y,))
    check_grads(lambda w: optimize.isotonic_regression(y, weights=w).weights, (y,))


# --- what is refused, and what is plain


def test_programs_with_plain_numbers_are_scipys():
    found = optimize.minimize(bowl, [0.0, 0.0], args=(A,))
    wanted = scipy.optimize.minimize(bowl, [0.0, 0.0], args=(A,))
    onp.testing.assert_array_equal(found.hess_inv, wanted.hess_inv)
    assert found.nfev == wanted.nfev
    inside = []
    grad(lambda a: inside.append(optimize.minimize(bowl, [0.0, 0.0], args=(A,))) or a)(1.0)
    onp.testing.assert_array_equal(inside[0].hess_inv, wanted.hess_inv)
    with pytest.raises(TypeError, match="missing"):
        optimize.minimize(bowl)


def test_a_corner_is_refused_by_name():
    for solve in (optimize.linprog, optimize.milp):
        assert solve(onp.ones(2)).fun == 0.0
        with pytest.raises(
            NotDifferentiableError, match=r"scipy\.optimize\.\w+ has no derivative in funad: its"
        ):
            grad(lambda c, solve=solve: solve(c).fun)(onp.ones(2))
    with pytest.raises(MissingRuleError, match=r"scipy\.optimize\.linear_sum_assignment"):
        grad(lambda c: optimize.linear_sum_assignment(c[None]))(onp.ones(2))


def test_every_public_name_is_there():
    assert set(optimize.__all__) <= set(dir(optimize))
    for name in optimize.__all__:
        ours, theirs = getattr(optimize, name), getattr(scipy.optimize, name)
        assert (ours is theirs) == isinstance(theirs, type) or callable(ours), name


def test_older_names_of_solvers_close_over_dual_numbers_made_by_hand():
    found = optimize.brentq(lambda x: x**2 - funad.Dual(2.0, 1.0), 0.0, 3.0)
    assert float(found.tangent) == pytest.approx(0.5 / onp.sqrt(2.0))
    with pytest.raises(FunadError):
        float(found)


def test_model_slopes_are_those_of_the_model():
    onp.testing.assert_allclose(
        model_slopes(T, 2.0, 1.0), jacobian(lambda p: model(T, p[0], p[1]))(onp.array([2.0, 1.0]))
    )

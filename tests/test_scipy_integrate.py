"""funad.scipy.integrate: integrals with closures and limits, and initial value problems by every method."""

import mpmath
import numpy as onp
import pytest
import scipy.integrate

import funad
import funad.numpy as np
import funad.scipy
from funad import grad, hessian, jacobian, jvp, value_and_grad
from funad.errors import ArgumentError, NotDifferentiableError
from funad.scipy import integrate
from funad.testing import check_grads

from .scipy_names.integrate import START, P, pendulum, wave

# --- integrals of functions


def test_quad_to_the_third_order():
    def exact(n):
        with mpmath.workdps(30):
            f = mpmath.diff(
                lambda a: mpmath.quad(lambda t: mpmath.exp(-a * t * t) * mpmath.cos(a * t), [0, a]), 0.8, n
            )
        return float(f)

    f = lambda a: integrate.quad(lambda t: wave(t, a, a), 0.0, a)[0]
    for n in (1, 2, 3):
        f = grad(f)
        assert float(f(0.8)) == pytest.approx(exact(n), rel=1e-10)


QUADS = {
    "points": lambda a: integrate.quad(lambda t: abs(t - 1) * a**2 * t, 0, 3, points=[1.0])[0],
    "cos": lambda a: integrate.quad(lambda t: np.exp(-a * t), 0.0, a, weight="cos", wvar=3.0)[0],
    "alg": lambda a: integrate.quad(lambda t: np.exp(-a * t), 0, 2.0, weight="alg", wvar=(-0.5, 0.2))[0],
    "cauchy": lambda a: integrate.quad(lambda t: np.exp(-a * t), 0, 2.0, weight="cauchy", wvar=0.7)[0],
    "complex": lambda a: (
        abs(integrate.quad(lambda t: np.exp(-1j * a * t), 0, 2.0, complex_func=True)[0]) ** 2
    ),
    "all": lambda a: integrate.quad(wave, -onp.inf, onp.inf, args=(a, a))[0],
    "power": lambda a: integrate.quad(lambda t: t**a, 0.0, 1.0)[0],
    "full": lambda a: integrate.quad(lambda t: t**a, 0.0, 1.0, full_output=True)[0],
    "rational": lambda a: integrate.quad_vec(lambda t: np.stack([t, a / (1 + t)]), 0, a, points=[0.1])[0],
    "closes": lambda a: integrate.tanhsinh(lambda t: np.exp(-a * t**2), -1.0, 2.0).integral,
    "limits": lambda a: (
        integrate.cubature(
            lambda x: np.sum(x**2, axis=-1), [0, 0], np.stack([a, 2 * a]), rule="gk15"
        ).estimate
    ),
}


NEW = pytest.mark.skipif(not hasattr(integrate, "cubature"), reason="SciPy has it from 1.15 on")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=NEW if name in ("closes", "limits") else ()) for name in QUADS]
)
def test_integrals(name):
    check_grads(QUADS[name], (0.8,), order=1 if name == "limits" else 2)


def test_an_integral_inside_of_an_integral_closes_over_what_the_outer_one_computes():
    def f(a):
        def outer(x):
            c = np.sin(a) * x
            return integrate.quad(lambda y: np.exp(-c * y) * a, 0.0, x * a)[0]

        return integrate.quad(outer, 0.0, 1.0)[0]

    check_grads(f, (0.8,), order=1)
    limits = grad(lambda a: integrate.dblquad(lambda y, x: x * y, 0, a, 0, lambda x: a * x)[0])
    assert limits(0.8) == pytest.approx(6 * 0.8**5 / 8)


@pytest.mark.parametrize("rule", [integrate.quad, integrate.quad_vec])
def test_a_traced_limit_that_is_infinite(rule):
    def f(a):
        return rule(lambda t: np.exp(-a * t * t), -a * onp.inf, a * onp.inf)[0]

    value, slope = value_and_grad(f)(1.3)
    onp.testing.assert_allclose(
        [value, slope], [(onp.pi / 1.3) ** 0.5, -0.5 * onp.pi**0.5 * 1.3**-1.5], rtol=1e-9
    )
    onp.testing.assert_allclose(jvp(f, (1.3,), (1.0,)), [value, slope], rtol=1e-9)
    onp.testing.assert_allclose(grad(grad(f))(1.3), 0.75 * onp.pi**0.5 * 1.3**-2.5, rtol=1e-8)


def test_expectations_in_loc_and_scale():
    f = funad.scipy.stats.norm.expect
    value, slopes = value_and_grad(lambda m, s: f(lambda x: x * x, loc=m, scale=s), (0, 1))(0.4, 1.2)
    onp.testing.assert_allclose([value, *slopes], [0.16 + 1.44, 0.8, 2.4], rtol=1e-8)


def test_an_infinite_plane():
    f = lambda a: integrate.dblquad(lambda y, x: np.exp(-a * (x + y)), 0.0, 1.0, 0.0, onp.inf)[0]
    exact = lambda a: (1 - np.exp(-a)) / a**2
    assert grad(f)(0.8) == pytest.approx(grad(exact)(0.8), rel=1e-7)


def test_what_an_integral_leaves_on_the_tape():
    sizes = []

    def loss(a):
        before = len(a.tape.entries)
        y = integrate.quad(lambda t: np.sin(np.sin(np.sin(a * t))), 0.0, 1.0)[0]
        sizes.append(len(a.tape.entries) - before)
        return y

    grad(loss)(1.0)
    assert sizes == [7]


def test_branches_inside_of_an_integrand():
    f = lambda a: integrate.quad(lambda t: a * t if t > 0.5 else 3.0 * t, 0.0, 1.0, points=[0.5])[0]
    assert grad(f)(2.0) == pytest.approx(0.375)


def test_integrals_that_are_refused():
    with pytest.raises(NotDifferentiableError, match="weight='alg' has no derivative in its limits"):
        grad(lambda a: integrate.quad(np.exp, 0.0, a, weight="alg", wvar=(-0.5, 0.2))[0])(1.0)
    with pytest.raises(NotDifferentiableError, match="has no derivative in wvar"):
        grad(lambda a: integrate.quad(np.exp, 0.0, 1.0, weight="cos", wvar=a)[0])(1.0)
    with pytest.raises(NotDifferentiableError, match="the integral of the derivative does not converge"):
        grad(lambda a: integrate.quad(lambda t: 2 * np.sqrt(abs(t - a)) ** 0.02, 0.0, 1.0, limit=500)[0])(0.3)


@NEW
def test_sums_and_logarithms_of_integrals_are_refused():
    with pytest.raises(
        NotDifferentiableError, match="nsum has no derivative in what its function closes over"
    ):
        grad(lambda a: integrate.nsum(lambda k: a / k**3, 1, onp.inf).sum)(1.0)
    with pytest.raises(NotDifferentiableError, match="tanhsinh with log=True"):
        grad(lambda a: integrate.tanhsinh(lambda t, a: -a * t, 0.0, 1.0, args=(a,), log=True).integral)(1.0)


# --- samples

Y = onp.sin(onp.arange(14.0)).reshape(2, 7)


@pytest.mark.parametrize("n", [2, 3, 6, 7])
@pytest.mark.parametrize("name", ["trapezoid", "simpson", "cumulative_trapezoid", "cumulative_simpson"])
def test_samples(name, n):
    f, y = getattr(integrate, name), Y[:, :n]
    x = onp.cumsum(1.0 + 0.3 * onp.cos(onp.arange(2.0 * n))).reshape(2, n)
    check_grads(lambda y, x: f(y, x=x), (y, x), order=1)
    value, _ = funad.vjp(lambda y: f(y, x=x[0]), y)
    onp.testing.assert_array_equal(value, getattr(scipy.integrate, name)(y, x=x[0]))


def test_where_the_sums_begin():
    check_grads(lambda y: integrate.cumulative_trapezoid(y, initial=0), (Y,))
    check_grads(lambda y, i: integrate.cumulative_simpson(y, initial=i), (Y, 0.3))
    check_grads(lambda y, h: integrate.romb(y.T, dx=h, axis=0), (Y[:, :5], 0.3))
    assert grad(lambda y: integrate.simpson(y))([1.0, 2.0, 4.0]) == pytest.approx([1 / 3, 4 / 3, 1 / 3])


# --- initial value problems

RATES, START_OF_PREY, END = onp.array([1.5, 1.0, 3.0, 1.0]), onp.array([10.0, 5.0]), 10.0


def prey(t, y, p):
    return [p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]]


@pytest.fixture(scope="module")
def exact():
    """The gradient of the sum of Lotka and Volterra's last states, by sensitivities at 1e-13."""

    def together(t, z):
        y, s, (a, b, c, d) = z[:2], z[2:].reshape(2, 4), RATES
        of_y = onp.array([[a - b * y[1], -b * y[0]], [d * y[1], -c + d * y[0]]])
        of_p = onp.array([[y[0], -y[0] * y[1], 0, 0], [0, 0, -y[1], y[0] * y[1]]])
        return onp.concatenate([prey(t, y, RATES), (of_y @ s + of_p).ravel()])

    start = onp.concatenate([START_OF_PREY, onp.zeros(8)])
    z = scipy.integrate.solve_ivp(together, (0, END), start, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
    return z[2:].reshape(2, 4).sum(0)


def _last(method, tol, **options):
    def f(p):
        found = integrate.solve_ivp(
            prey, (0.0, END), START_OF_PREY, method=method, args=(p,), rtol=tol, atol=tol, **options
        )
        return np.sum(found.y[:, -1])

    return f


ERRORS = [
    # of the gradient, relative to its largest entry; a little above what has been measured
    ("RK45", 1e-3, None, 0.3), ("RK45", 1e-6, None, 4e-5), ("RK45", 1e-9, None, 3e-8),
    ("DOP853", 1e-3, None, 3e-2), ("DOP853", 1e-6, None, 2e-5), ("DOP853", 1e-9, None, 2e-8),
    ("RK23", 1e-3, None, 0.6), ("RK45", 1e-6, "continuous", 3e-5), ("RK45", 1e-6, "forward", 3e-5),
    ("Radau", 1e-4, None, 1e-4), ("BDF", 1e-5, None, 1e-5), ("LSODA", 1e-6, None, 3e-6),
    ("LSODA", 1e-3, None, 3e-3), ("LSODA", 1e-9, None, 3e-9), ("BDF", 1e-3, None, 3e-3),
]  # fmt: skip


@pytest.mark.parametrize(("method", "tol", "adjoint", "error"), ERRORS)
def test_the_gradient_is_as_exact_as_the_solver(method, tol, adjoint, error, exact):
    f = _last(method, tol, adjoint=adjoint)
    y, found = value_and_grad(f)(RATES)
    plain = scipy.integrate.solve_ivp(
        prey, (0.0, END), START_OF_PREY, method=method, args=(RATES,), rtol=tol, atol=tol
    )
    assert y == onp.sum(plain.y[:, -1])
    assert onp.max(onp.abs(found - exact)) < error * onp.max(onp.abs(exact))


def test_both_modes_of_the_discrete_derivatives_are_the_same():
    for method in ("RK23", "RK45", "DOP853"):
        f = _last(method, 1e-4)
        found = jvp(f, (RATES,), (RATES,))[1]
        assert found == pytest.approx(float(RATES @ grad(f)(RATES)), rel=1e-11)


@pytest.mark.parametrize("method", ["RK45", "LSODA"])
def test_a_right_hand_side_that_takes_one_state_at_a_time(method):
    def one(t, y, p):
        if y[0] > 100:  # not of an array
            return y
        return np.stack([p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]])

    def last(f):
        return lambda p: np.sum(integrate.solve_ivp(f, (0.0, 2.0), START_OF_PREY, method, args=(p,)).y[:, -1])

    onp.testing.assert_allclose(grad(last(one))(RATES), grad(last(prey))(RATES), rtol=1e-11)
    onp.testing.assert_allclose(
        jvp(last(one), (RATES,), (RATES,))[1], jvp(last(prey), (RATES,), (RATES,))[1], rtol=1e-11
    )

    def mixing(t, y, p):  # of many states at once, it would be another function
        return prey(t, y, p * np.ones_like(y[0]).mean() + 0 * np.sum(y)) if np.ndim(y) else y

    onp.testing.assert_allclose(grad(last(mixing))(RATES), grad(last(prey))(RATES), rtol=1e-11)

    def summing(t, y, p):
        of_both = np.sum(y) if t > 1.0 else y[0] + y[1]  # a branch that depends on the time alone
        return np.stack([p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * (of_both - y[0])])

    onp.testing.assert_allclose(grad(last(summing))(RATES), grad(last(prey))(RATES), rtol=1e-11)


TIGHT = {"rtol": 1e-10, "atol": 1e-12}


def solved(p=P, y=START, span=(0.0, 1.0), **options):
    return integrate.solve_ivp(lambda t, y: pendulum(t, y, p), span, y, **{**TIGHT, **options})


def until(t, y):
    return y[0] - 0.3 * y[1] - 0.2


until.terminal = True

RUNS = {
    "closure": (lambda p, y: solved(p, y).y[:, -1], (P, START)),
    "t_eval": (lambda p, y: solved(p, y, t_eval=[0.0, 0.2, 0.7, 1.0]).y, (P, START)),
    "backwards": (lambda p: solved(p, span=(1.0, 0.0), t_eval=[1.0, 0.5, 0.1]).y, (P,)),
    "span": (lambda a, b: solved(span=(a, b), method="DOP853").y[:, -1], (0.1, 1.2)),
    "times": (lambda t: solved(t_eval=t).y, (onp.array([0.2, 0.7]),)),
    "sol": (lambda t, p: solved(p, dense_output=True, method="DOP853").sol(t), (0.4, P)),
    "sol of span": (lambda t, b: solved(span=(0, b), dense_output=True).sol(t), (0.4, 1.2)),
    "event": (lambda p: solved(p, events=until, method="DOP853", span=(0.0, 5.0)).t[-1], (P,)),
    "state there": (lambda p: solved(p, events=until, method="DOP853", span=(0.0, 5.0)).y[:, -1], (P,)),
    "states": (lambda p: solved(p, events=[until], method="DOP853", span=(0.0, 5.0)).y_events[0], (P,)),
    "list": (
        lambda a: integrate.solve_ivp(lambda t, y: [-a * y[0]], (0, 1.0), [a], **TIGHT).y[:, -1],
        (1.1,),
    ),
    "complex": (
        lambda a: abs(integrate.solve_ivp(lambda t, y: 1j * a * y, (0, 1.0), [1 + 0j], **TIGHT).y[0, -1] + a),
        (1.1,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_runs_of_explicit_methods(name):
    f, args = RUNS[name]
    check_grads(f, args, order=1 if "t" in name or "sol" in name else 2)


def test_a_terminal_event_is_where_the_equation_says():
    def falls(h):
        """The time of the fall from height h."""

        def ground(t, y):
            return y[0]

        ground.terminal = True
        fall = lambda t, y: np.stack([y[1], -9.81 + 0 * y[1]])
        start = np.stack([h, 0.0 * h])
        return integrate.solve_ivp(fall, (0.0, 10.0), start, events=ground, rtol=1e-8).t[-1]

    assert grad(falls)(3.0) == pytest.approx((2 * 9.81 * 3.0) ** -0.5, rel=1e-9)
    assert grad(grad(falls))(3.0) == pytest.approx(-9.81 * (2 * 9.81 * 3.0) ** -1.5, rel=1e-7)


def test_second_derivatives_of_implicit_methods():
    def loss(p, method, **options):
        return np.sum(solved(p, method=method, **{"rtol": 1e-5, "atol": 1e-7, **options}).y[:, -1] ** 2)

    wanted = hessian(lambda p: loss(p, "DOP853", **TIGHT))(P)
    onp.testing.assert_allclose(hessian(lambda p: loss(p, "LSODA"))(P), wanted, atol=1e-3)
    direct = jvp(grad(lambda p: loss(p, "Radau")), (P,), (onp.ones(2),))[1]
    onp.testing.assert_allclose(direct, wanted.sum(1), atol=1e-3)


def test_implicit_methods_in_all_they_depend_on():
    def parts(p, y, a, b, t):
        options = {"method": "LSODA", "rtol": 1e-9, "atol": 1e-11, "dense_output": True}
        found = solved(p, y, (a, b), **options)
        return [found.y[:, -1], found.sol(t)]

    check_grads(parts, (P, START, 0.1, 1.2, 0.6), order=1)
    event = grad(lambda p: solved(p, events=until, method="Radau", span=(0.0, 5.0), rtol=1e-8).t[-1])(P)
    onp.testing.assert_allclose(event, grad(lambda p: RUNS["event"][0](p))(P), rtol=1e-5)


@pytest.mark.parametrize("method", ["LSODA", "BDF", "Radau"])
def test_implicit_methods_to_second_order_in_times(method):
    """y' = -a y has y = exp(-a t), and is 0.4 at t = -log(0.4)/a."""

    def solve(a, span=(0.0, 3.0), **options):
        return integrate.solve_ivp(lambda t, y: -a * y, span, [1.0], method, rtol=1e-9, atol=1e-11, **options)

    def fallen(t, y):
        return y[0] - 0.4

    fallen.terminal = True
    z, y = onp.array([0.7, 1.3]), onp.exp(-0.7 * 1.3)
    wanted = [[1.3**2 * y, (0.7 * 1.3 - 1) * y], [(0.7 * 1.3 - 1) * y, 0.7**2 * y]]
    programs = [
        lambda z: solve(z[0], (0.0, z[1])).y[0, -1],
        lambda z: solve(z[0], t_eval=np.stack([0.5 * z[1], z[1]])).y[0, -1],
        lambda z: solve(z[0], dense_output=True).sol(z[1])[0],
        lambda z: integrate.odeint(lambda y, t: -z[0] * y, [1.0], np.stack([0.0, z[1]]))[-1, 0],
    ]
    for f in programs:
        onp.testing.assert_allclose(hessian(f)(z), wanted, rtol=1e-6)
        onp.testing.assert_allclose(jacobian(grad(f))(z), wanted, rtol=1e-6)
    stop = grad(grad(lambda a: solve(a, (0.0, 9.0), events=fallen).t[-1]))
    assert stop(0.7) == pytest.approx(-2 * onp.log(0.4) / 0.7**3, rel=1e-6)


def test_odeint():
    def f(p, y):
        return integrate.odeint(lambda y, t, p: pendulum(t, y, p), y, [0.0, 0.4, 1.0], args=(p,))

    onp.testing.assert_array_equal(
        funad.vjp(f, P, START)[0],
        scipy.integrate.odeint(lambda y, t, p: pendulum(t, y, p), START, [0.0, 0.4, 1.0], args=(P,)),
    )
    wanted = jacobian(lambda p: solved(p, t_eval=[0.0, 0.4, 1.0]).y.T)(P)
    onp.testing.assert_allclose(jacobian(lambda p: f(p, START))(P), wanted, atol=1e-6)

    def at(t):
        return np.sum(integrate.odeint(lambda y, t: pendulum(t, y, P), START, t, rtol=1e-10) ** 2)

    times = onp.array([0.1, 0.4, 1.0])  # the first is that of START
    found = grad(at)(times)
    steps = 1e-4 * onp.eye(3)
    wanted = [(at(times + step) - at(times - step)) / 2e-4 for step in steps]
    onp.testing.assert_allclose(found, wanted, rtol=1e-5)
    onp.testing.assert_allclose(jvp(at, (times,), (times,))[1], found @ times, rtol=1e-7)
    with pytest.raises(NotDifferentiableError, match="odeint has no derivative in rtol"):
        grad(lambda r: np.sum(integrate.odeint(lambda y, t: -y, [1.0], [0.0, 1.0], rtol=r)))(1e-8)


def test_odeint_is_solved_once_and_as_exact_as_the_solver(exact):
    calls = []

    def last(p):
        def slopes(y, t):
            calls.append(t)
            return prey(t, y, p)

        return np.sum(integrate.odeint(slopes, START_OF_PREY, times, rtol=1e-7, atol=1e-7)[-1])

    times = [0.0, 1.0, END]
    found = grad(last)(RATES)
    assert onp.max(onp.abs(found - exact)) < 1e-6 * onp.max(onp.abs(exact))
    of_gradient = len(calls)
    calls.clear()
    last(RATES)
    assert of_gradient < len(calls) + 100  # those of many states at once, and some to compare with


@pytest.mark.parametrize("times", [[0.0, 0.5, 2.0], [2.0, 1.0, 0.0], [0.0, 0.5, 0.5, 2.0]])
@pytest.mark.parametrize("options", [{}, {"full_output": True}, {"Dfun": lambda y, t: [[-0.7]]}])
def test_odeint_of_a_number(times, options):
    def last(a, y0):
        found = integrate.odeint(lambda y, t: -a * y, y0, times, **options)
        return (found[0] if "full_output" in options else found)[-1, 0]

    y = onp.exp(-0.7 * (times[-1] - times[0]))
    assert grad(last, (0, 1))(0.7, 3.0) == pytest.approx((-3 * y * (times[-1] - times[0]), y), rel=1e-6)
    assert grad(last)(0.7, onp.array([3.0])) == pytest.approx(-3 * y * (times[-1] - times[0]), rel=1e-6)


def test_a_system_of_many_components():
    """A heat equation with a source: its adjoint by a solver, with the Jacobian by one pull."""
    n = 40
    second = 20 * (onp.eye(n, k=1) - 2 * onp.eye(n) + onp.eye(n, k=-1))
    start = 1 + onp.sin(onp.arange(n))

    def last(p, method="BDF", sp=integrate, tol=1e-6):
        f = lambda t, y: p[0] * (second @ y) - p[1] * y**3
        return np.sum(sp.solve_ivp(f, (0.0, 1.0), start, method, rtol=tol, atol=tol).y[:, -1] ** 2)

    p, h = onp.array([1.0, 2.0]), 1e-3
    wanted = [
        (
            last(p + h * e, "DOP853", scipy.integrate, 1e-11)
            - last(p - h * e, "DOP853", scipy.integrate, 1e-11)
        )
        / (2 * h)
        for e in onp.eye(2)
    ]
    for method in ("BDF", "Radau", "LSODA", "RK45"):
        onp.testing.assert_allclose(grad(last)(p, method), wanted, rtol=1e-4)


def test_an_eigenvalue_of_a_boundary_value_problem():
    x = onp.linspace(0.0, 1.0, 7)
    guess = onp.array([onp.sin(onp.pi * x) / 3, onp.cos(onp.pi * x)])

    def solve(c):
        """y'' + p c y = 0 with y(0) = y(1) = 0: p c is π²."""

        def slopes(x, y, p):
            return [y[1], -p[0] * c * y[0]]

        def ends(start, end, p):
            return [start[0], end[0], start[1] - 1.0]

        return integrate.solve_bvp(slopes, ends, x, guess, p=[9.0], tol=1e-6)

    eigenvalue = lambda c: solve(c).p[0]
    assert grad(eigenvalue)(1.2) == pytest.approx(-(onp.pi**2) / 1.2**2, rel=1e-7)
    assert grad(grad(eigenvalue))(1.2) == pytest.approx(2 * onp.pi**2 / 1.2**3, rel=1e-7)
    assert grad(lambda c: solve(c).yp[1, 3])(1.2) == pytest.approx(0.0, abs=1e-6)
    # y is sin(π t)/π, whatever c is; at t = c/4 it has the slope cos(π c/4)/4.
    assert grad(lambda c: solve(c).sol(0.3)[0])(1.2) == pytest.approx(0.0, abs=1e-6)
    assert grad(lambda c: solve(c).sol(c / 4)[0])(1.2) == pytest.approx(onp.cos(0.3 * onp.pi) / 4, rel=1e-5)
    assert grad(lambda c: solve(c).sol(c / 4, 1)[0])(1.2) == pytest.approx(
        -onp.pi * onp.sin(0.3 * onp.pi) / 4, rel=1e-3
    )
    with pytest.raises(NotDifferentiableError, match="solve_bvp has no derivative in x"):
        grad(lambda b: integrate.solve_bvp(lambda x, y: -y, lambda a, b: a - 1, b * x, guess[:1]).y[0, -1])(
            1.0
        )


def test_a_boundary_value_problem_of_many_nodes():
    """Two functions and a parameter at hundreds of nodes: the Jacobian is sparse."""
    x = onp.linspace(0.0, 1.0, 601)
    guess = onp.array([onp.sin(onp.pi * x), onp.pi * onp.cos(onp.pi * x)])

    def solve(c, sp=integrate):
        def slopes(x, y, p):
            return np.stack([y[1], -(p[0] ** 2) * c[0] * y[0] - c[1] * y[0] ** 3])

        def ends(start, end, p):
            return np.array([start[0], end[0] * c[0], start[1] - c[0]])

        found = sp.solve_bvp(slopes, ends, x, guess, p=[3.0], tol=1e-7, max_nodes=5000)
        return found.p[0] + found.sol(0.4)[0] + found.y[1, 0]

    c, h = onp.array([1.3, 0.4]), 1e-4
    wanted = [
        (solve(c + h * e, scipy.integrate) - solve(c - h * e, scipy.integrate)) / (2 * h) for e in onp.eye(2)
    ]
    onp.testing.assert_allclose(grad(solve)(c), wanted, rtol=1e-6)
    onp.testing.assert_allclose([jvp(solve, (c,), (e,))[1] for e in onp.eye(2)], wanted, rtol=1e-6)
    slopes = [(grad(solve)(c + h * e) - grad(solve)(c - h * e)) / (2 * h) for e in onp.eye(2)]
    onp.testing.assert_allclose(hessian(solve)(c), slopes, rtol=1e-6, atol=1e-8)


def test_the_interpolation_of_a_boundary_value_problem_has_the_value_of_scipy():
    x, guess, t = onp.linspace(0.0, 1.0, 5), onp.ones((2, 5)), onp.array([-0.1, 0.3, 0.5, 1.2])
    run = lambda sp, c: sp.solve_bvp(
        lambda x, y: np.stack([y[1], -c * y[0]]), lambda a, b: np.array([a[0] - 1.0, b[0] - 0.5]), x, guess
    )
    value, _ = funad.vjp(lambda c: run(integrate, c).sol(t), 0.7)
    assert (value == run(scipy.integrate, 0.7).sol(t)).all()


def test_runs_over_no_time_and_of_nothing():
    for method in ("RK45", "Radau"):
        still = lambda a, method=method: integrate.solve_ivp(
            lambda t, y: -a * y, (1.0, 1.0), [2.0 * a], method
        )
        assert grad(lambda a: still(a).y[0, -1])(3.0) == 2.0
    assert (
        grad(lambda a: np.sum(integrate.solve_ivp(lambda t, y: -a * y, (0, 1), onp.zeros(0)).y) + a)(2.0) == 1
    )
    with pytest.raises(NotDifferentiableError, match="over no time at all"):
        grad(lambda b: solved(span=(1.0, b)).y[0, -1])(1.0)


def test_runs_that_are_refused():
    with pytest.raises(
        ArgumentError, match="adjoint is one of 'discrete', 'continuous', 'forward', not 'all'"
    ):
        grad(lambda p: np.sum(solved(p, adjoint="all").y))(P)
    with pytest.raises(ArgumentError, match="adjoint='discrete' is for RK23, RK45 and DOP853, not for .*BDF"):
        grad(lambda p: np.sum(solved(p, method="BDF", adjoint="discrete").y))(P)
    with (
        pytest.raises(NotDifferentiableError, match=r"solve_ivp has failed.*step size"),
        onp.errstate(all="ignore"),
    ):
        grad(lambda a: np.sum(integrate.solve_ivp(lambda t, y: a * y**2, (0.0, 5.0), [1.0]).y))(1.0)


@pytest.mark.filterwarnings("ignore:Excess work:scipy.integrate.ODEintWarning")
def test_odeint_that_has_failed_is_refused():
    with pytest.raises(NotDifferentiableError, match=r"odeint has failed.*Excess work"):
        grad(lambda p: integrate.odeint(lambda y, t: p * y**2, [1.0], [0.0, 2.0])[-1, 0])(1.3)


def test_plain_runs_are_scipys():
    found = integrate.solve_ivp(prey, (0.0, 1.0), START_OF_PREY, args=(RATES,), adjoint="discrete")
    wanted = scipy.integrate.solve_ivp(prey, (0.0, 1.0), START_OF_PREY, args=(RATES,))
    onp.testing.assert_array_equal(found.y, wanted.y)
    assert found.nfev == wanted.nfev
    assert found.t_events is wanted.t_events is None


def test_plain_calls_while_they_are_served():
    programs = [
        lambda a: scipy.integrate.quad(lambda t: np.exp(-a * t), 0, 1)[0],
        lambda a: scipy.integrate.dblquad(lambda y, x: a * x * y, 0, 1, 0, 1)[0],
        lambda a: scipy.integrate.solve_ivp(lambda t, y: -a * y, (0, 1.0), [1.0]).y[0, -1],
        lambda a: scipy.integrate.odeint(lambda y, t: -a * y, [1.0], [0.0, 1.0])[1, 0],
    ]
    with funad.scipy.serve():
        found = [float(grad(f)(2.0)) for f in programs]
    wanted = [(3 * onp.exp(-2.0) - 1) / 4, 0.25, -onp.exp(-2.0), -onp.exp(-2.0)]
    assert found == pytest.approx(wanted, rel=5e-3)


@pytest.mark.parametrize("method", ["RK45", "Radau", "LSODA"])
def test_a_gradient_asks_for_no_more_right_hand_sides_than_a_few_solves(method):
    asked = []

    def counted(t, y, p):
        asked.append(t)
        return prey(t, y, p)

    def f(p):
        found = integrate.solve_ivp(
            counted, (0.0, END), START_OF_PREY, method=method, args=(p,), rtol=1e-6, atol=1e-6
        )
        return np.sum(found.y[:, -1])

    f(RATES)
    plain = len(asked)
    grad(f)(RATES)
    assert len(asked) - plain < 4 * plain

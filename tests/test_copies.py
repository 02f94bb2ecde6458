"""Functions that run again: what they close over is what it was, plain values stand for traced ones."""

import functools

import numpy as onp
import pytest

import funad.numpy as np
from funad import grad, hessian, jvp
from funad.errors import ArgumentError
from funad.scipy import integrate, optimize
from funad.transforms.closures import Watched
from funad.transforms.copies import MISSED, PlainCopy, fixed

H = 1e-4


def ends(method):
    def end(k, p):
        return integrate.solve_ivp(
            lambda t, y: -k * p * y, (0.0, 1.0), [1.0], method=method, rtol=1e-10, atol=1e-12
        ).y[0, -1]

    return end


# f(k, p) where the function that SciPy is given closes over k and p.
CALLS = {
    "RK45": ends("RK45"),
    "LSODA": ends("LSODA"),
    "odeint": lambda k, p: integrate.odeint(lambda y, t: -k * p * y, [1.0], [0.0, 1.0])[-1, 0],
    "quad": lambda k, p: integrate.quad(lambda t: np.exp(-k * p * t), 0.0, 1.0)[0],
    "quad_vec": lambda k, p: integrate.quad_vec(lambda t: np.exp(-k * p * t), 0.0, 1.0)[0],
    "dblquad": lambda k, p: integrate.dblquad(lambda t, u: np.exp(-k * p * t * u), 0, 1, 0, 1)[0],
    "tanhsinh": lambda k, p: integrate.tanhsinh(lambda t: np.exp(-k * p * t), 0.0, 1.0).integral,
    "brentq": lambda k, p: optimize.brentq(lambda x: np.exp(x) - k * p - 1.0, 0.0, 5.0, xtol=1e-14),
    "minimize": lambda k, p: optimize.minimize(lambda x: np.sum((x - k * p) ** 2 + x**4), [0.5]).x[0],
}


NEW = pytest.mark.skipif(not hasattr(integrate, "tanhsinh"), reason="SciPy has it from 1.15 on")


@pytest.mark.parametrize("name", [pytest.param(k, marks=NEW) if k == "tanhsinh" else k for k in CALLS])
def test_a_variable_of_a_loop_is_what_it_was_in_each_round(name):
    one = CALLS[name]

    def total(p):
        found = 0.0
        for k in (1.0, 2.0, 3.0):
            q = k * p  # a traced variable of each round, which the function closes over as well
            found = found + one(k, p) + one(1.0, q)
        return found

    slope = (total(0.7 + H) - total(0.7 - H)) / (2 * H)
    assert grad(total)(0.7) == pytest.approx(slope, rel=1e-4)
    assert jvp(total, (0.7,), (1.0,))[1] == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("method", ["RK45", "LSODA"])
def test_a_variable_of_a_loop_in_another_function_that_is_called(method):
    def total(p):
        found = 0.0
        for k in (1.0, 2.0):
            rate = lambda p: k * p
            slope = functools.partial(lambda scale, t, y, rate=rate: -scale * rate(p) * y, 0.5 * k)
            found = found + integrate.solve_ivp(slope, (0, 1), [1.0], method=method, rtol=1e-9).y[0, -1]
        return found

    exact = sum(-0.5 * k * k * onp.exp(-0.5 * k * k * 0.7) for k in (1.0, 2.0))
    assert grad(total)(0.7) == pytest.approx(exact, rel=1e-5)


class Decay:
    def __init__(self, k):
        self.k = k

    def __call__(self, t, y):
        return -self.k * y


def with_an_array(run):
    def f(p):
        k = onp.ones(1)
        y = run(lambda t: k[0] * p * t)
        k[0] = 2.0
        return y

    return f


def with_an_attribute(method):
    def f(p):
        decay = Decay(p)
        y = integrate.solve_ivp(decay, (0.0, 1.0), [1.0], method=method).y[0, -1]
        decay.k = 2 * p
        return y

    return f


CHANGED = {
    "an array, in quad": with_an_array(lambda f: integrate.quad(f, 0.0, 1.0)[0]),
    "an array, in a cube": with_an_array(lambda f: integrate.dblquad(lambda t, u: f(t), 0, 1, 0, 1)[0]),
    "an array, in steps": with_an_array(
        lambda f: integrate.solve_ivp(lambda t, y: f(y), (0.0, 1.0), [1.0]).y[0, -1]
    ),
    "an attribute, in steps": with_an_attribute("RK45"),
    "an attribute, in an adjoint equation": with_an_attribute("BDF"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_has_changed_until_the_way_back_is_refused(name):
    with pytest.raises(ArgumentError, match="gave another result when it was run again on the way back"):
        grad(CHANGED[name])(0.7)


def test_functions_that_count_their_calls_and_keep_what_they_see():
    def run(p):
        count, seen = 0, []

        def slope(t, y):
            nonlocal count
            count += 1
            seen.append(t)
            return -p * y

        found = integrate.solve_ivp(slope, (0.0, 1.0), [1.0])
        calls.append((count, len(seen), found.nfev))
        return found.y[0, -1]

    calls = []
    run(0.7)
    grad(run)(0.7)
    assert calls[0] == calls[1]
    assert calls[0][0] == calls[0][1] == calls[0][2]


def test_a_variable_that_another_function_assigns_meanwhile():
    """An event changes the rate: SciPy's value, and the derivative is refused on the way back or right."""

    def run(p):
        rate = p

        def event(t, y):
            nonlocal rate
            if t > 0.5:
                rate = 2 * p
            return 1.0

        return integrate.solve_ivp(lambda t, y: -rate * y, (0.0, 1.0), [1.0], events=event, max_step=0.01).y[
            0, -1
        ]

    value, _ = jvp(run, (0.7,), (1.0,))
    assert value == run(0.7)


def copied(make, x=1.5):
    """What ``make`` of a traced number returns, while that is traced."""
    found = []
    grad(lambda x: (found.append(make(2.0 * x)), x)[1])(x)
    return found[0]


PLAIN = {
    "a number": lambda q: PlainCopy(lambda t: q * t),
    "a list": lambda q: (lambda p: PlainCopy(lambda t: p[0] * t))([q, 1.0]),
    "a dictionary of tuples": lambda q: (lambda p: PlainCopy(lambda t: p["a"][0] * t))({"a": (q, 1)}),
    "a default": lambda q: PlainCopy(lambda t, q=q: q * t),
    "a keyword": lambda q: PlainCopy(functools.partial(lambda t, q: q * t, q=q)),
    "another function": lambda q: (lambda g: PlainCopy(lambda t: g(t)))(lambda t: q * t),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_copy_gives_plain_numbers(name):
    def run(q):
        copy = PLAIN[name](q)
        assert len(copy.leaves) == 1
        return copy(2.0)

    assert type(found := copied(run)) is float
    assert found == 6.0


def power(q):
    def f(n):
        return 1.0 if n == 0 else q * f(n - 1)

    return PlainCopy(f)(3)


def test_a_function_that_calls_itself():
    assert copied(power) == 27.0


def assigned_by_itself(q):
    def f(t):
        nonlocal q
        q = q * 1.0
        return q * t

    return PlainCopy(f)(2.0)


def assigned_later(q):
    copy = PlainCopy(lambda t: q * t)
    q = q * 2.0
    return copy(2.0)


def writes_into_a_dictionary(q):
    kept = {"q": q}

    def f(t):
        kept["t"] = t
        return kept["q"] * t

    return PlainCopy(f)(2.0)


def appended(q):
    parts = [q]
    copy = PlainCopy(lambda t: sum(parts) * t)
    parts.append(q)
    return copy(2.0)


def written_to(q):
    array = np.zeros(2) + q
    copy = PlainCopy(lambda t: array[0] * t)
    array[0] = 7.0
    return copy(2.0)


def writes(q):
    array = np.zeros(2) + q

    def f(t):
        array[0] = t
        return array[0]

    return PlainCopy(f)(2.0)


MISSING = [assigned_by_itself, assigned_later, appended, written_to, writes, writes_into_a_dictionary]


@pytest.mark.parametrize("run", MISSING)
def test_a_plain_copy_tells_where_it_is_not_what_the_function_is(run):
    assert copied(run) is MISSED


def test_what_a_plain_copy_returns_may_be_written_to():
    def run(q):
        array = np.ones(2) * q
        copy = PlainCopy(lambda t: array)
        found = copy(0.0)
        found[0] = 5.0
        return copy(0.0)

    assert copied(run).tolist() == [3.0, 3.0]


def test_a_solver_runs_on_a_plain_copy_once_it_has_met_all_traces():
    kinds = []

    def run(q):
        def f(t):
            kinds.append(type(q * t))
            return q * t

        watched = Watched(f)
        return [watched(2.0), watched(3.0)]

    assert copied(run) == [6.0, 9.0]
    assert kinds[1] is float
    assert kinds[0] is not float


def test_second_derivatives_through_plain_copies():
    f = lambda p: optimize.brentq(
        lambda x: x - integrate.quad(lambda t: np.exp(-p[0] * t * x) * p[1], 0.0, 1.0)[0],
        0.0,
        5.0,
        xtol=1e-14,
    )
    p, h = onp.array([0.7, 1.3]), 1e-4
    slopes = [grad(f)(p + h * e) - grad(f)(p - h * e) for e in onp.eye(2)]
    assert hessian(f)(p) == pytest.approx(onp.array(slopes) / (2 * h), rel=1e-6)


def test_fixed_keeps_names_and_what_has_no_value_yet():
    def f(t):
        return later * t

    copy = fixed(f)
    assert copy.__name__ == "f"
    with pytest.raises(NameError):
        copy(1.0)
    later = 2.0
    assert f(1.0) == 2.0

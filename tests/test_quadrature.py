"""Derivatives of quad: by one run of the function for all nodes where it takes many, and else as before."""

import math

import numpy as onp
import pytest
import scipy.integrate

import funad.numpy as np
from funad import grad, hessian, jvp
from funad.scipy import integrate
from funad.scipy.integrating import functionals

H = 1e-4
# (t, a) ↦ f, the limits, and whether many t can be taken at once.
CASES = {
    "smooth": (lambda t, a: np.exp(-a * t * t) * np.sin(t), (0.0, 2.0), True),
    "backwards": (lambda t, a: np.exp(a * t), (1.0, 0.0), True),
    "over a half line": (lambda t, a: np.exp(-a * t * t) * np.sin(2 * t), (0.0, onp.inf), True),
    "up to a number": (lambda t, a: np.exp(a * t), (-onp.inf, 1.0), True),
    "over the line": (lambda t, a: np.exp(-a * t * t) * np.cos(t), (-onp.inf, onp.inf), True),
    "a jump": (lambda t, a: np.where(t < 0.5, a * t, a * a * t), (0.0, 2.0), True),
    "a peak": (lambda t, a: 1 / ((t - 0.3) ** 2 + (0.05 * a) ** 2), (0.0, 1.0), True),
    "a kink that moves": (lambda t, a: abs(t - a) ** 1.5 * np.cos(t), (0.0, 2.0), False),
    "a singular end": (lambda t, a: a / np.sqrt(t), (0.0, 2.0), False),
    "a branch": (lambda t, a: a * t if t < 0.5 else a * a * t, (0.0, 2.0), False),
    "a number alone": (lambda t, a: a * math.exp(t) * a, (0.0, 1.0), False),
    "a sum inside": (lambda t, a: np.sum(np.exp(a * t * onp.ones(3))), (0.0, 1.0), False),
    "other places, the same shape": (lambda t, a: a * np.sort(np.ravel(-t))[0] ** 2, (0.0, 1.0), False),
    "a product of vectors": (
        lambda t, a: np.dot(onp.arange(3.0), np.array([a, a * t, a])),
        (0.0, 1.0),
        False,
    ),
}


def _integral(f, limits, a):
    return scipy.integrate.quad(lambda t: float(f(t, a)), *limits, epsabs=1e-12, epsrel=1e-12, limit=400)[0]


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("name", CASES)
def test_the_integral_of_the_derivative_is_the_derivative_of_the_integral(name, monkeypatch):
    f, limits, many = CASES[name]
    at_once = []

    def noting(find):
        def run(*args):
            at_once.append(find(*args))
            return at_once[-1]

        return run

    for find in ("pulled_at_once", "tangent_at_once"):
        monkeypatch.setattr(functionals, find, noting(getattr(functionals, find)))
    value = lambda a: integrate.quad(lambda t: f(t, a), *limits)[0]
    steps = [_integral(f, limits, 0.7 + k * H) for k in (-2, -1, 1, 2)]
    slope = (steps[0] - 8 * steps[1] + 8 * steps[2] - steps[3]) / (12 * H)
    assert grad(value)(0.7) == pytest.approx(slope, rel=1e-7)
    assert jvp(value, (0.7,), (1.0,))[1] == pytest.approx(slope, rel=1e-7)
    assert [found is not None for found in at_once] == [many, many]


def test_a_second_derivative_and_limits_that_are_traced():
    f = lambda p: integrate.quad(lambda t: np.exp(-p[0] * t * t), p[1], p[2])[0]
    p = onp.array([0.7, 0.2, 1.5])
    slopes = [(grad(f)(p + e) - grad(f)(p - e)) / (2 * H) for e in H * onp.eye(3)]
    onp.testing.assert_allclose(hessian(f)(p), slopes, rtol=1e-6, atol=1e-8)


def test_points_of_jumps_are_ends_of_cells():
    f = lambda a: integrate.quad(lambda t: np.where(t < 0.3, a * t, np.exp(a * t)), 0.0, 1.0, points=[0.3])[0]
    exact = 0.3**2 / 2  # of a t
    exact += scipy.integrate.quad(lambda t: t * math.exp(0.9 * t), 0.3, 1.0)[0]
    assert grad(f)(0.9) == pytest.approx(exact, rel=1e-10)

"""The adjoint's linear equations by collocation, held to exponentials of matrices and to SciPy."""

import numpy as onp
import pytest
import scipy.integrate
import scipy.linalg

import funad.numpy as np
from funad import grad
from funad.scipy import integrate
from funad.scipy.integrating.sweeps import swept

rng = onp.random.default_rng(3)
MATRIX = onp.array([[-1.0, 2.0, 0.0], [0.5, -3.0, 1.0], [0.0, 0.3, -0.4]])
START = onp.array([1.0, -2.0, 0.5])


@pytest.mark.parametrize("stiff", [1.0, 1e3, 1e7])
@pytest.mark.parametrize("ends", [(2.0, 0.0), (0.0, 2.0)])
def test_an_equation_with_a_constant_matrix_has_the_exponential(stiff, ends):
    matrix = -onp.sign(ends[0] - ends[1]) * MATRIX  # decaying in the direction of the sweep
    matrix[0] *= stiff
    t, weights, values, last = swept(
        lambda times: onp.tile(-matrix.T, (len(times), 1, 1)), onp.array(ends), START, 1e-8, 1e-12
    )
    exact = scipy.linalg.expm(matrix * (ends[1] - ends[0])) @ START
    onp.testing.assert_allclose(last, exact, rtol=1e-6, atol=1e-9)
    assert onp.sum(weights) == pytest.approx(ends[1] - ends[0])
    integral = onp.linalg.solve(
        matrix, exact - START
    )  # of λ, also over a layer that is one step in 10 millions
    onp.testing.assert_allclose(weights @ values, integral, rtol=1e-6, atol=1e-9)
    assert min(ends) <= onp.min(t) <= onp.max(t) <= max(ends)


def test_an_equation_that_changes_in_time_is_that_of_scipy():
    def jacobian(t):
        return onp.stack([onp.stack([onp.sin(3 * t), 1 + 0 * t], -1), onp.stack([-t, 0.3 * t**2], -1)], -2)

    *_, last = swept(jacobian, onp.array([0.0, 3.0]), onp.array([1.0, 2.0]), 1e-9, 1e-12)
    slope = lambda t, y: -jacobian(onp.asarray(t)).T @ y
    exact = scipy.integrate.solve_ivp(slope, (0.0, 3.0), [1.0, 2.0], "DOP853", rtol=1e-12, atol=1e-13).y[
        :, -1
    ]
    onp.testing.assert_allclose(last, exact, rtol=1e-7)


def test_what_cannot_be_found_at_once_is_none():
    mesh = onp.array([0.0, 1.0])
    assert swept(lambda t: None, mesh, START, 1e-6, 1e-9) is None
    assert swept(lambda t: onp.full((len(t), 3, 3), onp.nan), mesh, START, 1e-6, 1e-9) is None
    singular = lambda t: -(1 / (t - 0.1234567) ** 2)[:, None, None] * onp.eye(3)
    assert swept(singular, mesh, START, 1e-10, 1e-13) is None


def robertson(t, y, k):
    a, b, c = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] ** 2
    return np.stack([-a + b, a - b - c, c])


@pytest.mark.parametrize("method", ["Radau", "BDF"])
def test_a_stiff_equation_has_the_gradient_of_its_sensitivities(method):
    rates, start = onp.array([0.04, 1e4, 3e7]), onp.array([1.0, 0.0, 0.0])

    def last(k, f=robertson):
        found = integrate.solve_ivp(f, (0.0, 40.0), start, method, args=(k,), rtol=1e-7, atol=1e-10)
        return found.y[0, -1] + found.y[2, -1] * 0.3

    def together(t, z):
        y, s = z[:3], z[3:].reshape(3, 3)
        k1, k2, k3 = rates
        j = [[-k1, k2 * y[2], k2 * y[1]], [k1, -k2 * y[2] - 2 * k3 * y[1], -k2 * y[1]], [0, 2 * k3 * y[1], 0]]
        d = [[-y[0], y[1] * y[2], 0], [y[0], -y[1] * y[2], -(y[1] ** 2)], [0, 0, y[1] ** 2]]
        return onp.append(robertson(t, y, rates), (onp.array(j) @ s + d).ravel())

    z = scipy.integrate.solve_ivp(together, (0.0, 40.0), onp.append(start, onp.zeros(9)), "Radau",
                                  rtol=1e-10, atol=1e-14).y[3:, -1].reshape(3, 3)  # fmt: skip
    exact = z[0] + 0.3 * z[2]
    onp.testing.assert_allclose(grad(last)(rates), exact, rtol=1e-4)

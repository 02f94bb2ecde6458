"""Sweeps by collocation, held to exponentials of matrices, to solutions in closed form and to SciPy."""

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


class Along:
    """The slopes and Jacobians of a right-hand side at many states."""

    def __init__(self, slopes, jacobians):
        self.slopes, self.jacobians = slopes, jacobians


def linear(matrix):
    return lambda t, y: Along(onp.einsum("mij,mj->mi", matrix(t), y), matrix(t))


def rough(exact, size=1e-3):
    """A solution that is nearly right."""
    return lambda times: exact(times) * (1 + size * onp.sin(40 * times)[:, None])


@pytest.mark.parametrize("stiff", [1.0, 1e3, 1e7])
@pytest.mark.parametrize("ends", [(2.0, 0.0), (0.0, 2.0)])
def test_an_equation_with_a_constant_matrix_has_the_exponential(stiff, ends):
    matrix = onp.sign(ends[1] - ends[0]) * MATRIX  # decaying in the direction of the sweep
    matrix[0] *= stiff
    after = lambda t, matrix: scipy.linalg.expm(matrix * (t - ends[0]))
    solution = lambda times: onp.stack([after(t, matrix) @ START for t in times])
    mesh, ybars = onp.linspace(*ends, 5), onp.zeros((5, 3))
    ybars[[2, 4]] = START, [3.0, 1.0, 2.0]
    ybar, _, kbars = swept(
        linear(lambda t: onp.tile(matrix, (len(t), 1, 1))), rough(solution), mesh, START, ybars, 1e-8, 1e-12
    )
    exact = after(mesh[2], matrix.T) @ ybars[2] + after(mesh[4], matrix.T) @ ybars[4]
    onp.testing.assert_allclose(ybar, exact, rtol=1e-6, atol=1e-9)
    # ∫ λ dt, also over a layer that is one step in 10 millions
    integral = onp.linalg.solve(matrix.T, exact - ybars[2] - ybars[4])
    onp.testing.assert_allclose(onp.sum(kbars, axis=0), integral, rtol=1e-6, atol=1e-9)


def test_an_equation_that_changes_in_time_is_that_of_scipy():
    def matrix(t):
        return onp.stack([onp.stack([onp.sin(3 * t), 1 + 0 * t], -1), onp.stack([-t, 0.3 * t**2], -1)], -2)

    def solution(y0):
        slope = lambda t, y: matrix(onp.asarray(t)) @ y
        return scipy.integrate.solve_ivp(
            slope, (0.0, 3.0), y0, "DOP853", rtol=1e-12, atol=1e-13, dense_output=True
        ).sol

    start, ybars = onp.array([1.0, 2.0]), onp.array([[0.0, 0.0], [1.0, -1.0]])
    guess = rough(lambda t: solution(start)(t).T)
    ybar, *_ = swept(linear(matrix), guess, onp.array([0.0, 3.0]), start, ybars, 1e-9, 1e-12)
    exact = [ybars[1] @ solution(unit)(3.0) for unit in onp.eye(2)]
    onp.testing.assert_allclose(ybar, exact, rtol=1e-7)


@pytest.mark.parametrize("size", [0.0, 1e-3, 0.1])
def test_an_equation_that_is_not_linear_is_solved_again(size):
    """y' = −y² has y = y₀/(1 + y₀t), and λ = ((1 + y₀t)/(1 + y₀T))² if it is 1 at T."""
    start, end = onp.array([3.0]), 2.0
    slopes = lambda t, y: Along(-(y**2), -2 * y[..., None])
    guess = rough(lambda t: (start / (1 + start * t))[:, None], size)
    mesh = onp.linspace(0.0, end, 4)
    ybar, _, kbars = swept(slopes, guess, mesh, start, onp.array([[0.0], [0], [0], [1]]), 1e-9, 1e-12)
    assert ybar == pytest.approx((1 + 3 * end) ** -2, rel=1e-8)
    assert onp.sum(kbars) == pytest.approx(((1 + 3 * end) - (1 + 3 * end) ** -2) / 9, rel=1e-8)


def test_what_cannot_be_found_at_once_is_none():
    def found(jacobian):
        mesh, ybars, guess = onp.array([0.0, 1.0]), onp.ones((2, 3)), lambda t: onp.ones((len(t), 3))
        along = lambda t, y: jacobian and Along(onp.einsum("mij,mj->mi", jacobian(t), y), jacobian(t))
        return swept(along, guess, mesh, START, ybars, 1e-10, 1e-13)

    assert found(None) is None
    assert found(lambda t: onp.full((len(t), 3, 3), onp.nan)) is None
    assert found(lambda t: (1 / (t - 0.1234567) ** 2)[:, None, None] * onp.eye(3)) is None


def robertson(t, y, k):
    a, b, c = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] ** 2
    return np.stack([-a + b, a - b - c, c])


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
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
    onp.testing.assert_allclose(grad(last)(rates), exact, rtol=1e-6)

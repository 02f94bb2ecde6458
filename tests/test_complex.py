"""The convention for complex numbers: x̄ = ∂L/∂a − i ∂L/∂b for real L, f′ for holomorphic f."""

import numpy as onp
import pytest

import funad.numpy as np
from funad import elementwise_grad, grad, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from funad.errors import ArgumentTypeError, NonScalarOutputError

z = onp.array([0.3 + 0.7j, -1.1 + 0.2j, 0.5 - 0.4j])
H = 1e-6

LOSSES = {
    "modulus": lambda z: np.sum(np.abs(z) ** 2),
    "phase": lambda z: np.sum(np.angle(z) * np.real(z)),
    "holomorphic inside": lambda z: np.real(np.sum(np.exp(z) * np.sin(z))),
    "conjugate": lambda z: np.imag(np.sum(np.conj(z) * z[::-1] ** 2)),
    "matrix": lambda z: np.abs(np.linalg.det(np.outer(z, z) + np.diag(z))),
    "inner": lambda z: np.abs(np.vdot(z, np.sqrt(z))),
    "fft": lambda z: np.sum(np.abs(np.fft.fft(z)[1:])),
    "division": lambda z: np.real(z[0] / z[1]) + np.imag(1 / z[2]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_of_a_real_loss(name):
    L = LOSSES[name]
    wanted = []
    for n in range(3):
        e = onp.zeros(3)
        e[n] = H
        wanted.append((L(z + e) - L(z - e)) / (2 * H) - 1j * (L(z + 1j * e) - L(z - 1j * e)) / (2 * H))
    gradient = grad(L)(z)
    assert gradient.dtype == complex
    onp.testing.assert_allclose(gradient, wanted, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_the_conjugate_of_the_gradient_is_the_direction_of_ascent(name):
    L = LOSSES[name]
    direction = onp.conj(grad(L)(z))
    ascent = jvp(L, (z,), (direction,))[1]
    assert ascent == pytest.approx(onp.sum(onp.abs(direction) ** 2))


def test_real_to_complex_to_real():
    f = lambda x: np.abs(np.sum(np.exp(1j * x) * onp.array([1.0, 2.0, -1.0j])))
    x = onp.array([0.1, 0.5, -0.3])
    gradient = grad(f)(x)
    numeric = [(f(x + H * e) - f(x - H * e)) / (2 * H) for e in onp.eye(3)]
    assert gradient.dtype == float
    onp.testing.assert_allclose(gradient, numeric, rtol=1e-7)


def test_holomorphic_functions_have_complex_derivatives():
    f = lambda z: z**3 + np.exp(1j * z)
    wanted = lambda z: 3 * z**2 + 1j * onp.exp(1j * z)
    assert grad(f, holomorphic=True)(0.3 + 0.7j) == pytest.approx(wanted(0.3 + 0.7j))
    value, slope = value_and_grad(f, holomorphic=True)(0.3 + 0.7j)
    assert value == pytest.approx(f(0.3 + 0.7j)) and slope == pytest.approx(wanted(0.3 + 0.7j))
    onp.testing.assert_allclose(elementwise_grad(f, holomorphic=True)(z), wanted(z))
    for transform in (jacrev, jacfwd, jacobian):
        onp.testing.assert_allclose(transform(f, holomorphic=True)(z), onp.diag(wanted(z)), atol=1e-15)
    twice = grad(grad(f, holomorphic=True), holomorphic=True)
    assert twice(0.3 + 0.7j) == pytest.approx(6 * (0.3 + 0.7j) - onp.exp(1j * (0.3 + 0.7j)))


def test_the_vjp_of_a_holomorphic_function_multiplies_by_its_derivative():
    _, vjp_f = vjp(np.sin, z)
    onp.testing.assert_allclose(vjp_f(onp.full(3, 1j)), 1j * onp.cos(z))


def test_holomorphic_is_refused_for_real_arguments():
    with pytest.raises(ArgumentTypeError, match=r"x \+ 0j"):
        grad(np.sin, holomorphic=True)(1.0)


def test_complex_outputs_without_a_gradient_are_refused():
    with pytest.raises(NonScalarOutputError, match="holomorphic=True"):
        grad(lambda z: z**2)(1.0 + 1j)
    with pytest.raises(NonScalarOutputError, match="holomorphic=True"):
        jacobian(np.sin)(z)


def test_jacobians_between_real_and_complex_take_the_mode_that_is_right():
    x = onp.array([0.1, 0.5, -0.3])
    J = jacobian(lambda x: np.exp(1j * x))(x)
    onp.testing.assert_allclose(J, onp.diag(1j * onp.exp(1j * x)), atol=1e-15)
    with pytest.raises(NonScalarOutputError, match="jacfwd"):
        jacrev(lambda x: np.exp(1j * x))(x)
    onp.testing.assert_allclose(jacobian(lambda z: np.real(z**2))(z), onp.diag(2 * z))
    with pytest.raises(NonScalarOutputError, match="jacrev"):
        jacfwd(np.abs)(z)

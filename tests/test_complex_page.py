"""The page on complex numbers tells the truth: its examples run, and its table holds."""

from pathlib import Path

import numpy as onp
import pytest

import funad
import funad.numpy as np
from funad import elementwise_grad, grad, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from funad.errors import NonScalarOutputError

from . import pages

PAGE = (Path(funad.__file__).parent / "docs" / "complex.md").read_text(encoding="utf-8")
H = 1e-6
z, ż = onp.array([0.4 + 0.9j, -1.2 + 0.3j]), onp.array([0.5 - 2.0j, 1.0 + 0.25j])


def test_its_examples_run_one_after_the_other():
    assert len(pages.blocks(PAGE)) > 10
    pages.run("complex.md", PAGE)


# The table of the page: w̄ comes back as z̄.
TABLE = {
    "exp": (np.exp, lambda wbar: wbar * onp.exp(z)),
    "square": (np.square, lambda wbar: wbar * 2 * z),
    "reciprocal": (np.reciprocal, lambda wbar: -wbar / z**2),
    "conj": (np.conj, onp.conj),
    "real": (np.real, lambda wbar: wbar + 0j),
    "imag": (np.imag, lambda wbar: -1j * wbar),
    "abs": (np.abs, lambda wbar: wbar * onp.conj(z) / onp.abs(z)),
    "angle": (np.angle, lambda wbar: -1j * wbar / z),
}


@pytest.mark.parametrize("name", TABLE)
def test_its_table_holds(name):
    f, zbar = TABLE[name]
    w, vjp_f = vjp(f, z)
    wbar = onp.array([1.0 - 2.0j, 0.5 + 1.5j]) if w.dtype.kind == "c" else onp.array([1.5, -2.0])
    onp.testing.assert_allclose(vjp_f(wbar), zbar(wbar), rtol=1e-13)
    along = (f(z + H * ż) - f(z - H * ż)) / (2 * H)
    onp.testing.assert_allclose(jvp(f, (z,), (ż,))[1], along, rtol=1e-8)
    assert onp.sum((wbar * along).real) == pytest.approx(onp.sum((vjp_f(wbar) * ż).real), rel=1e-8)


# --- real losses through complex intermediates

A = onp.array([[1.0 + 2.0j, 0.5], [0.3j, -1.0]])


def signal_distance(p):
    """Of a filter given by its real and imaginary parts, to a wanted response."""
    response = np.fft.fft(p["re"] + 1j * p["im"], 8)
    return np.sum((np.abs(response) - onp.linspace(0, 1, 8)) ** 2)


def interference(p):
    waves = p["re"][:, None] * np.exp(1j * (p["im"][:, None] * onp.arange(5.0)))
    return np.sum(np.abs(np.sum(waves, axis=0)) ** 2) / np.linalg.norm(waves)


def eigenvalue(p):
    M = A + np.diag(p["re"] + 1j * p["im"])
    return np.max(np.abs(np.linalg.eig(M)[0])) + np.real(np.trace(np.linalg.inv(M)))


def least_squares(p):
    v = np.linalg.solve(A, p["re"] * (1 + 2j) + 1j * p["im"])
    return np.real(np.vdot(v, v)) + np.imag(np.einsum("i,ij,j", np.conj(v), A, v)) + np.var(np.angle(v))


def phases(p):
    w = (p["re"] + 1j * p["im"]) ** (1.5 + 0.5j)
    return np.sum(np.where(np.real(w) > 0, np.log(np.abs(w)), np.imag(w) ** 2)) + np.real(np.prod(np.sqrt(w)))


@pytest.mark.parametrize("loss", [signal_distance, interference, eigenvalue, least_squares, phases])
def test_real_losses_through_complex_intermediates(loss):
    p = {"re": onp.array([0.7, -0.4]), "im": onp.array([0.3, 1.1])}
    found = grad(loss)(p)
    for name in p:
        assert found[name].dtype == float
        for n, e in enumerate(onp.eye(2)):
            moved = [loss({**p, name: p[name] + h * e}) for h in (H, -H)]
            assert found[name][n] == pytest.approx((moved[0] - moved[1]) / (2 * H), rel=1e-6, abs=1e-8)
    direction = {"re": onp.array([1.0, -2.0]), "im": onp.array([0.5, 0.25])}
    tangent = jvp(loss, (p,), (direction,))[1]
    assert tangent == pytest.approx(sum(onp.sum(found[name] * direction[name]) for name in p), rel=1e-10)


def test_single_precision_stays_single():
    gradient = grad(lambda z: np.sum(np.abs(np.exp(z)) ** 2))(z.astype(onp.complex64))
    assert gradient.dtype == onp.complex64
    real = grad(lambda x: np.abs(np.sum(np.exp(1j * x))))(onp.array([0.1, 0.2], onp.float32))
    assert real.dtype == onp.float32


def test_a_real_argument_beside_a_complex_one_has_a_real_gradient():
    zbar, xbar = grad(lambda z, x: np.real(np.sum(z * x * 1j)), (0, 1))(z, onp.array([1.0, 2.0]))
    onp.testing.assert_allclose(zbar, 1j * onp.array([1.0, 2.0]))
    onp.testing.assert_allclose(xbar, -z.imag)
    assert xbar.dtype == float


# --- holomorphic=True


def test_a_real_result_is_refused_where_a_holomorphic_function_was_promised():
    for transform in (grad, value_and_grad):
        with pytest.raises(NonScalarOutputError, match="complex results, but .* returned a real one"):
            transform(lambda z: np.abs(z) ** 2, holomorphic=True)(1 + 1j)
    for transform in (elementwise_grad, jacobian, jacrev, jacfwd):
        with pytest.raises(NonScalarOutputError, match="returned a real one"):
            transform(np.abs, holomorphic=True)(z)
    with pytest.raises(NonScalarOutputError, match="returned a real one"):
        grad(lambda z: 1.0, holomorphic=True)(1 + 1j)


def test_complex_results_are_refused_by_name():
    def amplitude(z):
        return np.sum(z) * 1j

    for transform in (grad, value_and_grad, elementwise_grad, jacobian):
        with pytest.raises(NonScalarOutputError, match="holomorphic=True"):
            transform(amplitude)(z)
    with pytest.raises(NonScalarOutputError, match="amplitude returned a complex one"):
        grad(amplitude)(onp.array([1.0]))

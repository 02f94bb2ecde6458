"""The examples of a scientist's problems, held against closed forms and published figures."""

import ast
import inspect

import numpy as np
import pytest
from scipy.integrate import quad
from sklearn.gaussian_process.kernels import RBF

from funad import grad, vmap
from funad.testing import check_grads

NAMES = ["burgers", "deblurring", "energy_and_forces", "groundwater", "influence", "nile", "topology"]


@pytest.mark.parametrize("name", NAMES)
def test_the_help_says_what_the_example_does(example, capsys, name):
    module = example(name)
    with pytest.raises(SystemExit) as caught:
        module.main(["--help"])
    assert caught.value.code == 0
    assert module.__doc__ in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", [*NAMES, "lotka_volterra"])
def test_the_example_has_less_than_80_lines_of_code(example, name):
    source = inspect.getsource(example(name))
    texts = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    texts = [node for node in texts if isinstance(node.value, ast.Constant)]  # docstrings
    spare = {n for node in texts for n in range(node.lineno, node.end_lineno + 1)}
    lines = enumerate(source.splitlines(), 1)
    assert sum(n not in spare and line.strip() != "" and line.lstrip()[0] != "#" for n, line in lines) < 80


# --- burgers


def test_cole_and_hopfs_solution_is_that_of_their_integrals(example):
    module = example("burgers")
    t, x, nu = 0.4, 0.1, module.VISCOSITY

    def weight(y):
        return np.exp(-np.cos(np.pi * y) / (2 * np.pi * nu) - (x - y) ** 2 / (4 * nu * t))

    above, below = (quad(f, -2, 2, limit=200)[0] for f in (lambda y: (x - y) / t * weight(y), weight))
    assert module.cole_hopf(np.array(t), np.array(x)) == pytest.approx(above / below, rel=1e-9)


def test_the_residual_is_that_of_differences(example):
    module = example("burgers")
    params, t, x, h = module.init(np.random.default_rng(0)), 0.3, 0.2, 1e-4
    u = lambda t, x: float(module.u(params, t, x))
    bend = (u(t, x + h) - 2 * u(t, x) + u(t, x - h)) / h**2
    slope, change = (u(t, x + h) - u(t, x - h)) / (2 * h), (u(t + h, x) - u(t - h, x)) / (2 * h)
    expected = change + u(t, x) * slope - module.VISCOSITY * bend
    assert module.residual(params, t, x) == pytest.approx(expected, abs=1e-6)


def test_the_network_finds_the_shock(run):
    assert run("burgers", "--steps", 80)["relative error of the speed"] <= 0.05


# --- groundwater


def test_the_levels_between_two_rivers_are_a_parabola(example):
    module = example("groundwater")
    side = module.SIDE
    place = (np.arange(side) + 0.5) / side
    exact = place * (1 - place) / 2 + 1 / (8 * side**2)  # of -h″ = 1; that in the middle of a cell
    levels = module.levels(np.zeros(side**2)).reshape(side, side)
    np.testing.assert_allclose(levels, np.broadcast_to(exact, (side, side)), rtol=1e-9)


def test_the_ground_is_found(run):
    figures = run("groundwater")
    assert figures["correlation of the ground found with the true one"] >= 0.8
    assert figures["relative error of the slope against differences"] <= 1e-5


# --- deblurring


def test_the_blur_keeps_the_brightness_and_is_its_own_transpose(example):
    module = example("deblurring")
    a, b = np.random.default_rng(0).random((2, module.SIDE, module.SIDE))
    assert module.blurred(a).sum() == pytest.approx(a.sum(), rel=1e-12)
    assert np.vdot(module.blurred(a), b) == pytest.approx(np.vdot(a, module.blurred(b)), rel=1e-12)


def test_the_cost_without_noise_is_least_at_the_image(example):
    module = example("deblurring")
    flat = np.full((module.SIDE, module.SIDE), 0.5)
    np.testing.assert_allclose(grad(module.roughness)(flat), 0, atol=1e-12)
    np.testing.assert_allclose(module.wiener(module.blurred(flat), 0.1), flat, rtol=1e-12)


def test_the_photograph_is_sharper(run):
    figures = run("deblurring", "--iterations", 80)
    assert figures["gain by the lengths of slopes (dB)"] >= 5
    assert figures["gain over squared slopes (dB)"] >= 1.5
    assert figures["distance of squared slopes from the closed form"] <= 1e-3  # of a few iterations


# --- topology


def test_the_stiffness_of_a_cell_is_that_of_the_books(example):
    module = example("topology")
    nu, cell = module.POISSON, module.CELL.reshape(8, 8)
    # Sigmund, A 99 line topology optimization code, 2001, as for the first node along x.
    book = np.array(
        [
            *(1 / 2 - nu / 6, 1 / 8 + nu / 8, -1 / 4 - nu / 12, -1 / 8 + 3 * nu / 8),
            *(-1 / 4 + nu / 12, -1 / 8 - nu / 8, nu / 6, 1 / 8 - 3 * nu / 8),
        ]
    ) / (1 - nu**2)
    np.testing.assert_allclose(np.sort(np.abs(cell[0])), np.sort(np.abs(book)), rtol=1e-12)
    np.testing.assert_allclose(np.linalg.eigvalsh(cell)[:3], 0, atol=1e-12)  # moved or turned as a whole


def test_the_beam_at_the_start_bends_as_published_and_at_the_end_too(example, run):
    module = example("topology")
    uniform = np.full(module.WIDE * module.HIGH, module.SHARE)
    assert module.compliance(uniform) == pytest.approx(1007.0221, abs=1e-3)  # as 88 lines of MATLAB say it
    figures = run("topology", "--steps", 40)
    assert figures["relative distance from the published compliance"] <= 0.02
    assert figures["volume"] <= 0.5 + 1e-6


# --- energy_and_forces


def test_the_block_of_a_kernel_holds_its_derivatives(example):
    module = example("energy_and_forces")
    logs, a, b = np.log([2.0, 0.5, 0.8]), np.array([0.1, 0.2]), np.array([0.4, -0.3])
    scales = np.exp(logs[1:])
    k, d = 4 * RBF(scales)([a], [b])[0, 0], (a - b) / scales**2
    expected = k * np.block(
        [[np.ones((1, 1)), d[None]], [-d[:, None], np.diag(1 / scales**2) - np.outer(d, d)]]
    )
    np.testing.assert_allclose(module.block(logs, a, b), expected, rtol=1e-12)
    points = np.random.default_rng(0).normal(size=(5, 2))
    assert np.linalg.eigvalsh(module.covariance(logs, points, points)).min() > 0


def test_slopes_find_the_minima(run):
    figures = run("energy_and_forces")
    assert figures["slopes make the error so many times smaller"] >= 2
    assert figures["distance of a minimum from the published one"] <= 0.05
    assert figures["error of its energy"] <= 5


# --- nile


def test_the_filter_is_a_normal_distribution_and_differentiates_twice(example):
    module = example("nile")
    logs, flow = np.log([3.0, 0.5]), np.random.default_rng(0).normal(size=8)
    value, level = module.closed_form(logs, flow)
    assert module.log_likelihood(logs, flow) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(module.smooth(logs, flow)[0], level, rtol=1e-10)
    check_grads(module.log_likelihood, (logs, flow), order=2)


def test_the_variances_are_the_published_ones(run):
    assert run("nile")["relative distance from the published variances"] <= 1e-3


# --- influence


def test_the_gradient_of_each_patient_is_that_of_the_formula(example):
    module = example("influence")
    rng = np.random.default_rng(0)
    w, x, y = rng.normal(size=5), rng.normal(size=(7, 4)), rng.integers(0, 2, 7).astype(float)
    design = np.column_stack([np.ones(7), x])
    expected = design * (1 / (1 + np.exp(-design @ w)) - y)[:, None]
    np.testing.assert_allclose(vmap(grad(module.loss), (None, 0, 0))(w, x, y), expected, rtol=1e-12)


def test_the_changes_are_foretold(run):
    figures = run("influence")
    assert figures["distance from scikit-learn's weights"] <= 1e-5
    assert figures["correlation of changes foretold and found"] >= 0.98

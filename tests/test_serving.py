"""funad.scipy.serve: every name, calls within calls, threads, and what fails inside of them."""

import importlib
import os
import threading

import numpy as onp
import pytest
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.sparse
import scipy.special
import scipy.stats

import funad
import funad.scipy
from funad import grad, hessian, jvp, tree
from funad.errors import NotDifferentiableError

from .scipy_names import PROBES, VERSION

MODULES = [getattr(scipy, name) for name in ("integrate", "interpolate", "linalg", "optimize", "stats")]
H = 1e-4


def everything():
    """What serve changes: the names of modules, the methods of distributions and of classes."""
    owners = [*MODULES, scipy.stats.norm, scipy.stats.gamma, scipy.stats.multivariate_normal]
    owners += [scipy.interpolate.RegularGridInterpolator, scipy.stats.rv_continuous]
    return [dict(vars(owner)) for owner in owners]


def root(a):
    """A root of what has a distribution, a special function and an integral in it."""

    def f(x):
        tail = scipy.integrate.quad(lambda u: scipy.stats.norm.pdf(u, scale=a), 0.0, x)[0]
        return scipy.stats.norm.cdf(x) - a * scipy.special.expit(x) + tail

    return scipy.optimize.brentq(f, -3.0, 3.0, xtol=1e-13)


def minimum(a):
    def f(p):
        r = scipy.linalg.solve(onp.array([[2.0, 0.3], [0.1, 1.0]]), p - a * onp.array([1.0, 2.0]))
        return (r**2).sum() + 0.1 * (p**2).sum() + 0.01 * scipy.stats.norm.logsf(p[0])

    return scipy.optimize.minimize(f, onp.zeros(2), method="Nelder-Mead", tol=1e-12).x[0]


def end(a):
    def slope(t, y):
        return -a * scipy.special.expit(y) * scipy.stats.norm.cdf(y)

    return scipy.integrate.solve_ivp(slope, (0.0, 1.0), [1.0], rtol=1e-10, atol=1e-12).y[0, -1]


def expectation(a):
    return scipy.stats.gamma.expect(lambda x: scipy.stats.norm.cdf(x * a), args=(2.0,))


def sum_of_counts(a):
    return scipy.stats.poisson(2.0).expect(lambda k: scipy.special.expit(k * a))


def interpolated(a):
    grid = (onp.arange(3.0),)
    return scipy.interpolate.RegularGridInterpolator(grid, onp.array([1.0, 4.0, 9.0]))([a])[0]


def between_points(a):
    corners = onp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    return a**2 * scipy.interpolate.griddata(corners, onp.arange(4.0), onp.array([[0.3, 0.4]]))[0]


@pytest.mark.parametrize("f", [root, minimum, end, expectation, sum_of_counts, interpolated, between_points])
def test_served_calls_stand_in_the_functions_that_served_calls_take(f):
    slope = (f(0.8 + H) - f(0.8 - H)) / (2 * H)
    with funad.scipy.serve():
        value, tangent = jvp(f, (0.8,), (1.0,))
        assert grad(f)(0.8) == pytest.approx(slope, rel=1e-4)
    assert tangent == pytest.approx(slope, rel=1e-4)
    assert value == pytest.approx(f(0.8), rel=1e-9)


def test_a_second_derivative_through_a_root_within_integrals():
    with funad.scipy.serve():
        second = hessian(root)(0.8)
        slopes = [grad(root)(0.8 + h) for h in (H, -H)]
    assert second == pytest.approx((slopes[0] - slopes[1]) / (2 * H), rel=1e-5)


FAILING = {
    "shapes, inside of hosted code": (
        lambda x: scipy.stats.pearsonr(x * onp.ones(4), onp.ones(3))[0],
        ValueError,
    ),
    "a keyword that hosted code has not": (lambda x: scipy.stats.skewnorm.logpdf(x, foo=1.0), TypeError),
    "a shape that is missing": (lambda x: scipy.stats.skewnorm.logpdf(x), TypeError),
    "the user's function": (lambda x: scipy.optimize.brentq(lambda u: [][0] + x, 0.0, 1.0), IndexError),
    "the user's function in an expectation": (
        lambda x: scipy.stats.gamma.expect(lambda u: [][0], args=(x,)),
        IndexError,
    ),
    "a bracket without a root": (lambda x: scipy.optimize.brentq(lambda u: u * u + x, 0.0, 1.0), ValueError),
    "a singular matrix": (
        lambda x: scipy.linalg.solve(x * onp.array([[1.0, 2.0], [4.0, 8.0]]), onp.ones(2)),
        onp.linalg.LinAlgError,
    ),
    "no positive matrix": (lambda x: scipy.linalg.cholesky(-x * onp.eye(2)), onp.linalg.LinAlgError),
    "an option": (
        lambda x: scipy.optimize.brentq(lambda u: u - 0.5, 0.0, 1.0, xtol=x),
        NotDifferentiableError,
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_what_fails_inside_of_a_served_call_leaves_scipy_as_it_was(name):
    f, error = FAILING[name]
    before = everything()
    with pytest.raises(error), funad.scipy.serve():
        grad(f)(0.7)
    assert all(now == then for now, then in zip(everything(), before, strict=True))
    with funad.scipy.serve():
        assert grad(lambda x: scipy.stats.norm.logpdf(x))(1.0) == -1.0
    assert all(now == then for now, then in zip(everything(), before, strict=True))


def test_a_failure_in_an_inner_block_leaves_the_outer_one_served():
    before = everything()
    with funad.scipy.serve():
        with pytest.raises(KeyboardInterrupt), funad.scipy.serve():
            raise KeyboardInterrupt
        assert grad(lambda x: scipy.stats.norm.logpdf(x))(1.0) == -1.0
    assert all(now == then for now, then in zip(everything(), before, strict=True))


def test_threads_are_served_while_others_are_not():
    before, wanted, found, plain = everything(), [], [], []
    with funad.scipy.serve():
        wanted.append(grad(root)(0.8))

    def served():
        for _ in range(3):
            with funad.scipy.serve():
                found.append(grad(root)(0.8))

    def untraced():
        for _ in range(30):
            plain.append(scipy.stats.norm.logpdf(0.3))
            plain.append(scipy.optimize.brentq(lambda x: x - 0.2, 0.0, 1.0))

    threads = [threading.Thread(target=run) for run in (served, served, untraced)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == set(wanted)
    assert len(found) == 6
    assert {type(x) for x in plain} == {float, onp.float64}
    assert len(set(plain)) == 2
    assert all(now == then for now, then in zip(everything(), before, strict=True))


# --- every name

# Calls that differ while SciPy is served, and raise: what a program has kept of SciPy's is not served.
KEPT = {
    "scipy.interpolate.RegularGridInterpolator": "takes a solver, which it compares with SciPy's own",
    "scipy.interpolate.BivariateSpline": "is made by a private method",
    "scipy.spatial.transform.Rotation.concatenate": "takes rotations of one class",
    "scipy.spatial.transform.RotationSpline": "takes rotations of SciPy's, and traced times",
}
SERVED = [
    pytest.param(probe, id=f"{probe.name}-{k}")
    for k, probe in enumerate(PROBES)
    if probe.since <= VERSION and probe.name.split(".")[1] not in ("signal", "sparse", "cluster")
]


def pulled(f, args):
    """The value, and the cotangents of the arguments for one of the result."""
    y, pull = funad.vjp(f, *args)
    return y, pull(
        tree.map(lambda x: onp.cos(1.0 + onp.arange(onp.size(x))).reshape(onp.shape(x)) + 0 * x, y)
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("probe", SERVED if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else SERVED[::12])
def test_a_served_name_of_scipy_has_the_derivatives_of_funads(probe):
    """Under the profile ``deep`` all of them, otherwise one in twelve."""
    importlib.import_module(".".join(probe.name.split(".")[:2]))
    wanted = tree.flatten(pulled(lambda *args: probe.f(funad.scipy, *args), probe.args))[0]
    try:
        with funad.scipy.serve():
            found = tree.flatten(pulled(lambda *args: probe.f(scipy, *args), probe.args))[0]
    except Exception:
        assert probe.name in KEPT
        return
    for a, b in zip(found, wanted, strict=True):
        onp.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_a_class_that_is_served_by_a_stand_in_is_still_a_class():
    plain = scipy.interpolate.interp1d
    with funad.scipy.serve():
        served = scipy.interpolate.interp1d

        class Mine(served):
            pass

        made = [served([0.0, 1.0], [1.0, 2.0]), Mine([0.0, 1.0], [1.0, 2.0])]
        assert all(isinstance(x, served) for x in made)
        assert issubclass(Mine, served)
        assert grad(lambda y: isinstance(served([0.0, 1.0], [y, 2.0 * y]), served) * y)(1.0) == 1.0
    assert type(made[0]) is plain
    assert scipy.interpolate.interp1d is plain
    assert all(isinstance(x, plain) for x in made)


@pytest.mark.parametrize("name", ["issparse", "isspmatrix"])
def test_questions_about_sparse_matrices_are_served(name):
    with funad.scipy.serve():
        assert grad(lambda x: x if getattr(scipy.sparse, name)(x) else x**2)(3.0) == 6.0


def test_class_methods_are_served_of_the_class_alone():
    class Mine(scipy.interpolate.BPoly):
        pass

    x, y = onp.array([0.0, 1.0]), onp.array([[0.0, 1.0], [1.0, 2.0]])
    f = lambda module, y: module.interpolate.BPoly.from_derivatives(x, y)(0.3)
    with funad.scipy.serve():
        found = grad(lambda y: f(scipy, y))(y)
        assert type(Mine.from_derivatives(x, y)) is Mine
    onp.testing.assert_array_equal(found, grad(lambda y: f(funad.scipy, y))(y))
    assert type(scipy.interpolate.BPoly.from_derivatives(x, y)) is scipy.interpolate.BPoly

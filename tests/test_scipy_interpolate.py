"""scipy.interpolate on traced values: what the probes of tests/scipy_names do not say."""

import importlib
import pickle
import types

import numpy as onp
import pytest
import scipy.interpolate

import funad
import funad.numpy as np
from funad.errors import FunadError, NotDifferentiableError
from funad.scipy import interpolate
from funad.scipy.interpolating import scattered
from funad.testing import call, check_vjp

from .scipy_names import PROBES, REFUSED

rng = onp.random.default_rng(15)
X = onp.array([0.0, 0.4, 1.1, 1.6, 2.5, 3.0])
Y = onp.sin(2 * X) + 0.3 * X


# --- names


def _names(module):
    theirs = importlib.import_module(f"scipy.{module}")
    ours = importlib.import_module(f"funad.scipy.{module}")
    listed = {*getattr(theirs, "__all__", dir(theirs)), *ours.__all__}
    return [
        n
        for n in sorted(listed)
        if not (n.startswith("_") or isinstance(getattr(theirs, n), types.ModuleType))
    ]


@pytest.mark.parametrize(
    "module",
    [
        "interpolate",
        "spatial",
        "spatial.distance",
        "spatial.transform",
        "cluster",
        "cluster.vq",
        "cluster.hierarchy",
    ],
)
def test_every_public_name_has_a_probe_or_a_reason(module):
    known = {probe.name for probe in PROBES} | REFUSED.keys()
    said = {
        name.removeprefix(f"scipy.{module}.").partition(".")[0]
        for name in known
        if f"scipy.{module}." in name
    }
    unsaid = {
        "test",
        "QhullError",
        "is_valid_dm",
        "is_valid_y",
        "num_obs_dm",
        "num_obs_y",
    }  # truths and counts
    assert [name for name in _names(module) if name not in said | unsaid] == []


# --- linear functions of the values, and their transposes


def _check_transpose(f, n):
    """Hold x̄ for each unit ȳ to the matrix of f, which is f of each unit vector."""
    matrix = onp.stack([onp.ravel(f(unit)) for unit in onp.eye(n)], -1)
    y, pull = funad.vjp(f, onp.linspace(0.5, 1.0, n) ** 2)
    rows = [pull(unit.reshape(y.shape)) for unit in onp.eye(y.size)]
    onp.testing.assert_allclose(rows, matrix, atol=1e-9)


AT = onp.array([0.05, 0.21, 0.33, 0.8, 0.99])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_transposes_of_one_variable(size):
    x = onp.linspace(0.0, 1.0, size + 1) ** 2
    _check_transpose(lambda y: interpolate.interp1d(x, np.append(y, 0.0))(AT), size)
    _check_transpose(lambda y: interpolate.CubicSpline(x, np.append(y, 0.0))(AT), size)
    _check_transpose(lambda y: interpolate.make_interp_spline(x, np.append(y, 0.0), k=1)(AT), size)
    _check_transpose(lambda c: interpolate.PPoly(np.reshape(c, (1, size)), x)(AT), size)
    _check_transpose(lambda c: interpolate.PPoly(np.reshape(c, (1, size)), x).antiderivative(2)(AT), size)
    for k in range(size):
        t = onp.concatenate([onp.zeros(k), onp.linspace(0, 1, size - k + 1), onp.ones(k)])
        _check_transpose(lambda c, t=t, k=k: interpolate.BSpline(t, c, k)(AT), size)
        _check_transpose(lambda c, t=t, k=k: interpolate.BSpline(t, c, k).integrate(0.1, 0.7), size)
        if k:
            _check_transpose(lambda c, t=t, k=k: interpolate.splev(AT, (t, c, k)), size)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_transposes_on_grids(size):
    x, places = onp.linspace(0.0, 1.0, size) ** 2, onp.stack([AT, AT[::-1]], -1)
    for method in ("linear", "nearest"):
        _check_transpose(
            lambda z, m=method: interpolate.interpn((x, x), np.reshape(z, (size, size)), places, m), size**2
        )
    k = size - 1
    _check_transpose(
        lambda z: interpolate.RectBivariateSpline(x, x, np.reshape(z, (size, size)), kx=k, ky=k).ev(AT, AT),
        size**2,
    )


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_transposes_of_scattered_points(size):
    points, places = rng.normal(size=(size, 2)), rng.normal(size=(4, 2))
    _check_transpose(lambda d: interpolate.RBFInterpolator(points, d, kernel="linear")(places), size)
    _check_transpose(lambda d: interpolate.NearestNDInterpolator(points, d)(places), size)
    if size > 2:
        inside = onp.mean(points[:3], axis=0, keepdims=True)
        _check_transpose(lambda d: interpolate.LinearNDInterpolator(points, d)(inside), size)
        _check_transpose(lambda d: interpolate.CloughTocher2DInterpolator(points, d, tol=1e-14)(inside), size)


# --- objects


def test_an_interpolator_of_plain_numbers_is_asked_at_traced_points():
    spline, curve = interpolate.CubicSpline(X, Y), interpolate.make_interp_spline(X, Y)
    assert spline(0.7) == scipy.interpolate.CubicSpline(X, Y)(0.7)
    for f, theirs in (
        (spline, scipy.interpolate.CubicSpline(X, Y)),
        (curve, scipy.interpolate.make_interp_spline(X, Y)),
    ):
        slope = funad.grad(lambda q, f=f: f(q))
        assert slope(0.7) == pytest.approx(theirs(0.7, 1), rel=1e-13)
        assert funad.grad(slope)(0.7) == pytest.approx(theirs(0.7, 2), rel=1e-12)


def test_one_made_inside_of_a_trace_is_asked_inside_of_another():
    def f(y):
        spline = interpolate.CubicSpline(X, y)
        return funad.grad(lambda q: spline(q))(0.7)

    units = [scipy.interpolate.CubicSpline(X, unit)(0.7, 1) for unit in onp.eye(6)]
    onp.testing.assert_allclose(funad.grad(f)(Y), units, atol=1e-13)


@pytest.mark.parametrize(
    ("made", "at"),
    [
        (interpolate.CubicSpline(X, Y), 0.3),
        (interpolate.make_interp_spline(X, Y), 0.3),
        (interpolate.interp1d(X, Y), 0.3),
        (interpolate.UnivariateSpline(X, Y, s=0), 0.3),
        (interpolate.RegularGridInterpolator((X, X), onp.outer(Y, Y)), [[0.3, 0.7]]),
        (interpolate.RBFInterpolator(X[:, None], Y), [[0.3]]),
        (interpolate.LinearNDInterpolator(rng.normal(size=(9, 2)), rng.normal(size=9)), [[0.1, 0.0]]),
        (interpolate.NearestNDInterpolator(rng.normal(size=(9, 2)), rng.normal(size=9)), [[0.1, 0.0]]),
    ],
)
def test_interpolators_of_plain_numbers_can_be_pickled(made, at):
    again = pickle.loads(pickle.dumps(made))
    assert type(again) is type(made)
    assert again(at) == made(at)
    assert onp.all(onp.isfinite(funad.grad(lambda q: np.sum(again(q)))(onp.asarray(at))))


@pytest.mark.parametrize(
    "f",
    [
        lambda y, q: interpolate.CubicSpline(X, y)(q),
        lambda y, q: interpolate.make_interp_spline(X, y)(q),
        lambda y, q: interpolate.interp1d(X, y)(q),
        lambda y, q: interpolate.splev(q, interpolate.splrep(X, y)),
        lambda y, q: interpolate.InterpolatedUnivariateSpline(X, y)(q),
    ],
)
def test_single_precision_numbers_and_read_only_arrays(f):
    y, q = Y.astype(onp.float32), onp.float32(0.7)
    found, pull = funad.vjp(f, y, q)
    ybar, qbar = pull(onp.ones(found.shape, found.dtype))
    assert (ybar.dtype, onp.asarray(qbar).dtype) == (onp.float32, onp.float32)
    assert onp.shape(qbar) == ()
    fixed, many = Y.copy(), onp.array([0.2, 2.7])
    fixed.flags.writeable = many.flags.writeable = False
    got = funad.vjp(f, fixed, many)[1](onp.ones(2))[0]
    onp.testing.assert_allclose(got, _numerical(lambda y: f(y, many).sum(), Y), rtol=1e-6, atol=1e-9)


def _numerical(f, x, h=1e-5):
    return onp.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in onp.eye(x.size)])


def test_no_points_and_arrays_in_another_order():
    empty = funad.vjp(lambda y: interpolate.CubicSpline(X, y)(onp.zeros(0)), Y)
    assert empty[0].shape == (0,)
    assert not onp.any(empty[1](onp.zeros(0)))
    table = onp.asfortranarray(rng.normal(size=(6, 3)))
    check_vjp(lambda y: interpolate.CubicSpline(X, y, axis=0)(onp.array([[0.2], [1.4]])), call(table), 0)


def test_beyond_the_ends():
    q = onp.array([-0.5, 0.7, 3.5])
    plain = interpolate.PPoly.from_spline(interpolate.splrep(X, Y), extrapolate=False)
    y, pull = funad.vjp(plain, q)
    onp.testing.assert_array_equal(onp.isnan(y), [True, False, True])
    onp.testing.assert_allclose(pull(onp.ones(3)), [0.0, plain(0.7, 1), 0.0], atol=1e-13)
    slope = funad.grad(lambda q: interpolate.RectBivariateSpline(X, X, onp.outer(Y, Y)).ev(q, 0.7))
    assert slope(3.5) == 0.0  # FITPACK's surfaces are constant there


def test_level_pieces_of_pchip_have_finite_derivatives():
    y = onp.array([0.0, 1.0, 1.0, 1.0, 2.0, 4.0])
    hessian = funad.hessian(lambda y: np.sum(interpolate.PchipInterpolator(X, y)(onp.array([0.7, 2.7])) ** 2))
    assert onp.all(onp.isfinite(hessian(y)))


def test_akimas_slopes_on_a_line_are_means_and_at_a_corner_are_refused():
    at = onp.array([0.2, 1.3, 2.7])
    line = lambda y: interpolate.Akima1DInterpolator(X, y)(at)
    onp.testing.assert_allclose(line(2 * X + 1), 2 * at + 1, rtol=1e-14)
    jacobian = funad.jacobian(line)(2 * X + 1)
    onp.testing.assert_allclose(jacobian @ onp.stack([onp.ones(6), X], -1), onp.stack([onp.ones(3), at], -1))
    with pytest.raises(
        NotDifferentiableError, match="Akima1DInterpolator has no derivative where two slopes"
    ):
        funad.jacobian(lambda y: interpolate.Akima1DInterpolator(onp.arange(6.0), y)(at))(
            onp.array([0.0, 0.0, 0.0, 1.0, 2.0, 3.0])
        )


@pytest.mark.parametrize("kernel", ["linear", "thin_plate_spline"])
def test_radial_functions_have_no_second_derivative_at_their_centres(kernel):
    points, values = rng.normal(size=(6, 2)), rng.normal(size=6)
    f = lambda q: interpolate.RBFInterpolator(points, values, kernel=kernel)(q[None])[0]
    assert onp.all(onp.isfinite(funad.grad(f)(points[2])))
    with pytest.raises(NotDifferentiableError, match="no second derivative at a point of its data"):
        funad.hessian(f)(points[2])
    assert onp.all(onp.isfinite(funad.hessian(f)(points[2] + 0.1)))


def test_roots_at_jumps_move_with_their_breakpoints():
    c, x = onp.array([[1.0, 2.0], [-2.0, 1.0]]), onp.array([0.0, 1.0, 2.0])
    assert scipy.interpolate.PPoly(c, x, extrapolate=False).solve(0.5) == [1.0]
    jacobian = funad.jacobian(lambda x: interpolate.PPoly(c, x, extrapolate=False).solve(0.5))(x)
    onp.testing.assert_array_equal(jacobian, [[0.0, 1.0, 0.0]])


def test_gradients_of_scattered_values_are_those_of_scipy():
    points, values = rng.uniform(size=(30, 2)), rng.normal(size=30)
    theirs = scipy.interpolate.CloughTocher2DInterpolator(points, values, tol=1e-13, maxiter=5000)
    found = scattered.gradients(points, values[:, None], theirs.tri.simplices)
    onp.testing.assert_allclose(found[:, 0], theirs.grad[:, 0], rtol=1e-9, atol=1e-9)


def test_the_smoothing_that_is_chosen_by_cross_validation_moves_with_the_data():
    x, direction = onp.linspace(0.0, 3.0, 25), rng.normal(size=25)
    y, at, h = onp.sin(2 * x) + 0.2 * rng.normal(size=25), onp.array([0.3, 1.2, 2.2]), 1e-3
    theirs = lambda y: scipy.interpolate.make_smoothing_spline(x, y)(at)
    _, slope = funad.jvp(lambda y: interpolate.make_smoothing_spline(x, y)(at), (y,), (direction,))
    # SciPy searches for the smoothing to 1e-5 of it.
    wanted = (theirs(y + h * direction) - theirs(y - h * direction)) / (2 * h)
    onp.testing.assert_allclose(slope, wanted, atol=2e-4)


# --- what is refused

MANY = onp.linspace(0.0, 3.0, 30)
NOISY = onp.sin(MANY) + 0.1 * rng.normal(size=30)
REPEATED = onp.array([0.0, 0.4, 0.4, 1.0])
PLANE = rng.uniform(size=(40, 2))


@pytest.mark.parametrize(
    ("f", "x", "message"),
    [
        (lambda y: interpolate.UnivariateSpline(MANY, y, s=0.2)(0.5), NOISY, "UnivariateSpline with s > 0"),
        (lambda y: interpolate.splrep(MANY, y, s=0.2), NOISY, "splrep with s > 0 .* make_smoothing_spline"),
        (lambda y: interpolate.splprep([MANY, y], s=0.2), NOISY, "splprep with s > 0"),
        *(
            [(lambda y: interpolate.make_splrep(MANY, y, s=0.2), NOISY, "has no derivative")]
            if hasattr(interpolate, "make_splrep")  # from SciPy 1.15 on
            else []
        ),
        (
            lambda x: interpolate.KroghInterpolator(x, Y[:4])(0.5),
            REPEATED,
            "KroghInterpolator has no derivative in points that are repeated",
        ),
        (lambda c: interpolate.PPoly(np.stack([c, -2 * c, c]), [0.0, 3.0]).roots(), onp.ones(1), "touches"),
        (
            lambda z: interpolate.SmoothBivariateSpline(*PLANE.T, z),
            rng.normal(size=40),
            "SmoothBivariateSpline",
        ),
        (lambda z: interpolate.bisplrep(*PLANE.T, z), rng.normal(size=40), "bisplrep"),
        (
            lambda z: interpolate.LSQBivariateSpline(*PLANE.T, z, [0.5], [0.5]),
            rng.normal(size=40),
            "LSQBivariateSpline",
        ),
    ],
)
def test_what_is_searched_for_is_refused_by_name(f, x, message):
    f(x)
    with pytest.raises(NotDifferentiableError, match=message):
        funad.vjp(f, x)


def test_plain_calls_of_scipy_say_what_to_write():
    for f, name in (
        (lambda y: scipy.interpolate.CubicSpline(X, y), "funad.scipy.interpolate.CubicSpline"),
        (lambda y: scipy.interpolate.splrep(X, y), "funad.scipy.interpolate.splrep"),
        (lambda y: scipy.spatial.distance.pdist(y[:, None]), "funad.scipy.spatial.distance.pdist"),
    ):
        with pytest.raises(FunadError, match=name):
            funad.grad(f)(Y)

"""What the modules of funad.scipy advise but sparse."""

import ctypes

import numpy
import scipy
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.sparse
import scipy.sparse.linalg
import scipy.spatial
import scipy.special
import scipy.stats

import funad.numpy as np
import funad.scipy as sp
from funad import grad, hessian, jacobian, stop_gradient, value

from . import Call, Program, X

T = numpy.linspace(0.0, 3.0, 9)
GRID = numpy.linspace(-1.0, 1.0, 5)
POINTS = numpy.random.default_rng(1).uniform(-1.0, 1.0, (40, 2))
PERIODIC = numpy.sin(T * 2 * numpy.pi / 3)
MANY = numpy.linspace(0.0, 3.0, 30)
NOISY = numpy.sin(MANY) + 0.1 * numpy.random.default_rng(0).normal(size=30)
A = numpy.array([[2.0, 0.3, 0.1], [0.3, 1.7, 0.2], [0.1, 0.2, 1.4]])
D = numpy.array([[0.1, 0.7, 0.3], [0.4, -0.2, 0.5], [0.6, 0.1, 0.2]])
JORDAN = numpy.array([[0.0, 1.0], [0.0, 0.0]])


def slope(f, t=0.0, step=1e-5):
    """What gives the derivative of the sum of f at t, by differences of the fourth order."""
    at = lambda k: numpy.sum(f(t + k * step))
    return lambda: (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


def along(f, t=0.0):
    return grad(lambda t: np.real(np.sum(f(t))))(t)


def of_changing_rates(x, copies):
    """Two integrals with the rate in one array."""
    rate, total = numpy.zeros(1), 0.0
    for k in (1.0, 2.0):
        rate[0] = k
        kept = rate.copy() if copies else rate
        total = total + sp.integrate.quad(lambda t: kept[0] * x[0] * t, 0.0, 1.0)[0]
    return total


def decay(t, y, k):
    return -k * y


def radial(kernel, module=sp):
    return lambda q: module.interpolate.RBFInterpolator(POINTS, POINTS[:, 0] ** 2, kernel=kernel)(q[None])[0]


def bvp(x, module=sp):
    return module.integrate.solve_bvp(
        lambda t, y: np.stack([y[1], -x[0] * y[0]]),
        lambda a, b: np.array([a[0], b[0] - x[1]]),
        numpy.linspace(0, 1, 21),
        numpy.ones((2, 21)),
        tol=1e-9,
    )


def spline_of_points(x):
    return sp.interpolate.RBFInterpolator(POINTS, np.sum(POINTS, 1) * x[0] ** 2)(POINTS[:3] * 0.9 + 0.01)


def plain_spline_of_points(x):
    return scipy.interpolate.RBFInterpolator(POINTS, numpy.sum(POINTS, 1) * x[0] ** 2)(
        POINTS[:3] * 0.9 + 0.01
    )


def on_grid(x, module=sp):
    return np.sum(
        module.interpolate.RectBivariateSpline(GRID, GRID, np.outer(GRID, GRID) ** 2 * x[0] ** 2)(0.3, 0.2)
    )


def kept(f):
    """f, which keeps what it has computed."""
    values = {}

    def g(t):
        if t not in values:
            values[t] = f(t)
        return values[t]

    return g


def grown(x, rate, module=sp):
    tight = {"rtol": 1e-11, "atol": 1e-11, "method": "DOP853"}
    return module.integrate.solve_ivp(lambda t, y: y * rate(t), (0.0, 1.0), [1.0], **tight).y[0, -1]


ODD = numpy.array([[0.0, 1.0], [0.7, 0.7]])


def riccati(x):
    a = numpy.array([[1.6, -1.2], [-0.6, -1.3]])
    return a * x[0], numpy.array([[10.0], [0.1]]) * x[1], numpy.eye(2) * 1e-2 * x[2], numpy.eye(1)


CORNERS = numpy.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.4, 0.5]])


def area(points, hull):
    a, b = points[hull.simplices[:, 0]], points[hull.simplices[:, 1]]
    return np.sum(np.sqrt(np.sum((a - b) ** 2, axis=1)))


def rotation(x, module=sp):
    return module.spatial.transform.Rotation.from_euler("xyz", [x[0], numpy.pi / 2, x[1]])


MASK = numpy.array([True, False, True])
LEAST = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}


def misfit(x):
    return lambda t: t - x[:2] ** 2


def my_loss(z):
    return numpy.stack([numpy.log1p(z), 1 / (1 + z), -1 / (1 + z) ** 2])


BOUNDED = {"integrality": [1, 0]}


def corner(x, module):
    return module.optimize.linprog(-x[:2], A_ub=[[1.0, 2.0], [3.0, 1.0]], b_ub=x[1:] + 2.0).x


def kmeans(x):
    return np.outer(numpy.array([1.0, 1.1, 4.0, 4.2]), x)


ROTATION = numpy.array([[0.3, 2.0], [-2.0, 0.3]])


LONG = numpy.array([0.7, 1.3, 2.1, 0.4, 3.3, 0.9, 1.7, 2.9, 1.1])


def exact_boxcox(x):
    slope_of = lambda lam: grad(lambda power: scipy_llf(power, x))(lam)
    return scipy.optimize.brentq(slope_of, -3.0, 5.0, xtol=1e-14)


def scipy_llf(lam, x):
    y = np.log(np.var((x**lam - 1) / lam))
    return (lam - 1) * np.sum(np.log(x)) - len(x) / 2 * y


def line(t, a, b):
    return a * t + b


def sphere(p):
    return numpy.stack(
        [
            numpy.cos(p[:, 0]) * numpy.cos(p[:, 1]),
            numpy.sin(p[:, 0]) * numpy.cos(p[:, 1]),
            numpy.sin(p[:, 1]),
        ],
        1,
    )


def evolution(x):
    return sp.optimize.differential_evolution(
        lambda t: (t[0] - x[0]) ** 2 + (t[1] - x[1]) ** 2,
        [(0, 3), (0, 3)],
        integrality=[1, 0],
        seed=1,
        maxiter=3,
    )


def clough_tocher(x, module=sp, **options):
    return np.sum(
        module.interpolate.CloughTocher2DInterpolator(POINTS, POINTS[:, 0] ** 2 * x[0], **options)(
            POINTS[:3] / 2
        )
    )


def linear_between(x, module=sp, **options):
    at = numpy.array([[0.1, 0.2], [-0.3, 0.1], [9.0, 9.0]])
    return module.interpolate.LinearNDInterpolator(POINTS, POINTS[:, 0] ** 2 * x[0], **options)(at)


def by_solver(x, rtol, module=sp):
    return np.sum(module.interpolate.RegularGridInterpolator(
        (GRID, GRID), np.outer(GRID, GRID) ** 2 * x[0], method="cubic", solver=scipy.sparse.linalg.gcrotmk,
        solver_args={"rtol": rtol, "atol": rtol},
    )([[0.1, 0.1]]))  # fmt: skip


ROWS = {
    "kmeans": Call(
        lambda: grad(lambda x: np.sum(sp.cluster.vq.kmeans(kmeans(x), 2)[0]))(X),
        lambda: grad(
            lambda x: np.sum(sp.cluster.vq.vq(kmeans(x), np.stack([kmeans(x)[0], kmeans(x)[2]]))[1])
        )(X),
        gives=grad(lambda x: (0.1 + 0.2) * np.sqrt(np.sum(x**2)))(X),
    ),
    # --- integrate
    "quad_vec": Program(
        lambda x: sp.integrate.tanhsinh(lambda t: np.log(x[0] * t), 1.0, 2.0, log=True).integral,
        lambda x: sp.integrate.quad_vec(lambda t: np.log(x[0] * t), 1.0, 2.0)[0],
        plain=lambda x: scipy.integrate.quad(lambda t: numpy.log(x[0] * t), 1.0, 2.0)[0],
    ),
    "another result": Program(
        lambda x: of_changing_rates(x, copies=False),
        lambda x: of_changing_rates(x, copies=True),
        plain=lambda x: x[0] / 2 + x[0],
    ),
    "closes over": Call(
        lambda: grad(lambda a: sp.integrate.nsum(lambda k: a / k**3, 1, numpy.inf).sum)(1.0),
        lambda: grad(lambda a: sp.integrate.nsum(lambda k, a: a / k**3, 1, numpy.inf, args=(a,)).sum)(1.0),
        gives=scipy.special.zeta(3.0),
    ),
    "nsum with log": Program(
        lambda x: sp.integrate.nsum(lambda k, a: -a * k, 1.0, 20.0, args=(x[0],), log=True).sum,
        lambda x: np.log(np.sum(np.exp(-x[0] * np.arange(1.0, 21.0)))),
        plain=lambda x: numpy.log(numpy.sum(numpy.exp(-x[0] * numpy.arange(1.0, 21.0)))),
    ),
    "args of solve_ivp": Call(
        lambda: grad(lambda k: sp.integrate.solve_ivp(decay, (0, 1), [1.0], args=k).y[0, -1])(0.5),
        lambda: grad(
            lambda c: sp.integrate.solve_ivp(decay, (0, 1), [1.0], args=(c,), rtol=1e-9, atol=1e-12).y[0, -1]
        )(0.5),
        gives=-numpy.exp(-0.5),
    ),
    "adjoint of BDF": Call(
        lambda: grad(
            lambda k: sp.integrate.solve_ivp(decay, (0, 1), [1.0], "BDF", args=(k,), adjoint="discrete").y[
                0, -1
            ]
        )(1.0),
        lambda: grad(
            lambda k: sp.integrate.solve_ivp(
                decay, (0, 1), [1.0], "BDF", args=(k,), rtol=1e-10, atol=1e-12
            ).y[0, -1]
        )(1.0),
        lambda: grad(
            lambda k: sp.integrate.solve_ivp(
                decay, (0, 1), [1.0], "BDF", args=(k,), rtol=1e-10, atol=1e-12, adjoint="continuous"
            ).y[0, -1]
        )(1.0),
        lambda: grad(
            lambda k: sp.integrate.solve_ivp(
                decay, (0, 1), [1.0], "BDF", args=(k,), rtol=1e-10, atol=1e-12, adjoint="forward"
            ).y[0, -1]
        )(1.0),
        gives=-numpy.exp(-1.0),
    ),
    "a derivative that is not integrable": Call(
        lambda: grad(
            lambda a: sp.integrate.quad(lambda t: 2 * np.sqrt(abs(t - a)) ** 0.02, 0.0, 1.0, limit=10)[0]
        )(0.3),
        lambda: grad(
            lambda a: sp.integrate.quad(lambda t: np.where(t > 0.3, a * t, t), 0.0, 1.0, points=[0.3])[0]
        )(1.0),
        lambda: grad(
            lambda a: (
                sp.integrate.quad(lambda t: t, 0.0, 0.3)[0] + sp.integrate.quad(lambda t: a * t, 0.3, 1.0)[0]
            )
        )(1.0),
        gives=(1 - 0.09) / 2,
    ),
    "a weight": Program(
        lambda x: sp.integrate.quad(lambda t: t, 0.0, x[0], weight="alg", wvar=(0.5, 0.0))[0],
        lambda x: sp.integrate.quad(lambda t: t * t**0.5, 0.0, x[0])[0],
        plain=lambda x: x[0] ** 2.5 / 2.5,
    ),
    # --- interpolate
    "bisplrep": Program(
        lambda x: sp.interpolate.bisplrep(*POINTS.T, np.sum(POINTS, 1) * x[0]),
        on_grid,
        plain=lambda x: on_grid(x, scipy),
    ),
    "LSQSphereBivariateSpline": Call(
        lambda: grad(
            lambda x: sp.interpolate.SmoothBivariateSpline(*POINTS.T, np.sum(POINTS, 1) * x[0])(0.1, 0.1)[
                0, 0
            ]
        )(X),
        lambda: grad(lambda x: on_grid(x))(X)[0],
        gives=slope(lambda t: on_grid(X + t * numpy.array([1.0, 0.0, 0.0]), scipy)),
    ),
    "SmoothBivariateSpline": Program(
        lambda x: sp.interpolate.SmoothBivariateSpline(*POINTS.T, np.sum(POINTS, 1) * x[0]),
        spline_of_points,
        plain=plain_spline_of_points,
    ),
    "a spline on a sphere": Program(
        lambda x: sp.interpolate.SmoothSphereBivariateSpline(*(POINTS.T + 1.5), np.sum(POINTS, 1) * x[0]),
        lambda x: sp.interpolate.RBFInterpolator(sphere(POINTS), np.sum(POINTS, 1) * x[0])(
            sphere(POINTS[:3] * 0.9)
        ),
        plain=lambda x: scipy.interpolate.RBFInterpolator(sphere(POINTS), numpy.sum(POINTS, 1) * x[0])(
            sphere(POINTS[:3] * 0.9)
        ),
    ),
    "repeated points": Program(
        lambda x: sp.interpolate.KroghInterpolator(np.stack([x[0], x[0], x[1]]), [1.0, 2.0, 3.0])(0.9),
        lambda x: sp.interpolate.KroghInterpolator(
            stop_gradient(np.stack([x[0], x[0], x[1]])), [1.0, 2.0, 3.0]
        )(x[2]),
        plain=lambda x: scipy.interpolate.KroghInterpolator(numpy.array([X[0], X[0], X[1]]), [1.0, 2.0, 3.0])(
            x[2]
        ),
    ),
    "AAA": Program(
        lambda x: sp.interpolate.AAA(T[1:], 1 / T[1:] * x[0])(0.4),
        lambda x: sp.interpolate.FloaterHormannInterpolator(T, T**2 * x[0])(0.4),
        plain=lambda x: 0.16 * x[0],
    )
    if hasattr(scipy.interpolate, "AAA")
    else Program(lambda x: float(x[0]), lambda x: x[0]),
    "what SciPy has removed": Program(
        lambda x: sp.interpolate.interp2d(GRID, GRID, np.outer(GRID, GRID) ** 2 * x[0] ** 2)(0.3, 0.2),
        lambda x: sp.interpolate.RegularGridInterpolator(
            (GRID, GRID), np.outer(GRID, GRID) ** 2 * x[0] ** 2, "cubic"
        )([[0.3, 0.2]])[0],
        on_grid,
        plain=lambda x: on_grid(x, scipy),
    ),
    "an integrand that keeps values": Program(
        lambda x: sp.integrate.quad(kept(lambda t: x[0] * np.sin(t * x[1])), 0.0, 1.0)[0],
        lambda x: sp.integrate.quad(lambda t: x[0] * np.sin(t * x[1]), 0.0, 1.0)[0],
        plain=lambda x: scipy.integrate.quad(lambda t: x[0] * np.sin(t * x[1]), 0.0, 1.0)[0],
    ),
    "a right-hand side that keeps values": Program(
        lambda x: grown(x, kept(lambda t: x[0] * np.sin(t * x[1]))),
        lambda x: grown(x, lambda t: x[0] * np.sin(t * x[1])),
        plain=lambda x: grown(x, lambda t: x[0] * np.sin(t * x[1]), scipy),
    ),
    "a Riccati equation that SciPy has balanced": Program(
        lambda x: sp.linalg.solve_discrete_are(*riccati(x), e=ODD),
        lambda x: sp.linalg.solve_discrete_are(*riccati(x), e=ODD, balanced=False),
        plain=lambda x: scipy.linalg.solve_discrete_are(*riccati(x), e=ODD, balanced=False),
    ),
    "a regular grid": Program(
        lambda x: sp.interpolate.bisplrep(*POINTS.T, np.sum(POINTS, 1) * x[0]),
        lambda x: sp.interpolate.RegularGridInterpolator(
            (GRID, GRID), np.outer(GRID, GRID) ** 2 * x[0] ** 2, "cubic"
        )([[0.3, 0.2]])[0],
        plain=lambda x: scipy.interpolate.RegularGridInterpolator(
            (GRID, GRID), numpy.outer(GRID, GRID) ** 2 * x[0] ** 2, "cubic"
        )([[0.3, 0.2]])[0],
    ),
    "s > 0": Program(
        lambda x: sp.interpolate.UnivariateSpline(MANY, NOISY * x[0], s=0.03)(0.4),
        lambda x: sp.interpolate.UnivariateSpline(MANY, NOISY * x[0], s=0)(0.4),
        plain=lambda x: scipy.interpolate.UnivariateSpline(MANY, NOISY * x[0], s=0)(0.4),
    ),
    "s > 0, with knots": Program(
        lambda x: sp.interpolate.splrep(MANY, NOISY * x[0], s=0.03)[1],
        lambda x: sp.interpolate.LSQUnivariateSpline(T, np.sin(T * x[0]), [1.0, 2.0])(0.4),
        lambda x: sp.interpolate.make_lsq_spline(T, np.sin(T * x[0]), [0, 0, 0, 0, 1.0, 2.0, 3, 3, 3, 3])(
            0.4
        ),
        plain=lambda x: scipy.interpolate.LSQUnivariateSpline(T, numpy.sin(T * x[0]), [1.0, 2.0])(0.4),
    ),
    "s > 0, smoothly": Program(
        lambda x: sp.interpolate.splrep(MANY, NOISY * x[0], s=0.03)[1],
        lambda x: sp.interpolate.make_smoothing_spline(T, np.sin(T * x[0]), lam=0.1)(0.4),
        plain=lambda x: scipy.interpolate.make_smoothing_spline(T, numpy.sin(T * x[0]), lam=0.1)(0.4),
    ),
    "scattered": Call(
        lambda: grad(
            lambda x: sp.interpolate.LSQBivariateSpline(*POINTS.T, np.sum(POINTS, 1) * x[0], [0.0], [0.0])(
                0.1, 0.1
            )[0, 0]
        )(X),
        lambda: grad(lambda x: np.sum(spline_of_points(x)))(X)[0],
        gives=slope(lambda t: plain_spline_of_points(X + t * numpy.array([1.0, 0, 0]))),
    ),
    "per=True": Call(
        lambda: grad(
            lambda x: sp.interpolate.insert(
                0.4, sp.interpolate.splrep(T, PERIODIC * x[0], per=True), per=True
            )[1][2]
        )(X),
        lambda: grad(lambda x: sp.interpolate.insert(0.4, sp.interpolate.splrep(T, PERIODIC * x[0]))[1][2])(
            X
        )[0],
        gives=lambda: scipy.interpolate.insert(0.4, scipy.interpolate.splrep(T, PERIODIC))[1][2],
    ),
    "akima at a corner": Program(
        lambda x: sp.interpolate.Akima1DInterpolator([0, 1, 2, 3, 4.0], np.array([0, 0, 0, 1.0, 2.0]) * x[0])(
            1.9
        ),
        lambda x: sp.interpolate.Akima1DInterpolator(
            [0, 1, 2, 3, 4.0], np.array([0, 0, 0, 1.0, 2.0]) * x[0], method="makima"
        )(1.9),
        plain=lambda x: scipy.interpolate.Akima1DInterpolator(
            [0, 1, 2, 3, 4.0], numpy.array([0, 0, 0, 1.0, 2.0]) * x[0], method="makima"
        )(1.9),
    ),
    "akima at a corner, moved": Program(
        lambda x: sp.interpolate.Akima1DInterpolator([0, 1, 2, 3, 4.0], np.array([0, 0, 0, 1.0, 2.0]) * x[0])(
            1.9
        ),
        lambda x: sp.interpolate.PchipInterpolator([0, 1, 2, 3, 4.0], np.array([0, 0, 0, 1.0, 2.0]) * x[0])(
            1.9
        ),
        plain=lambda x: scipy.interpolate.PchipInterpolator(
            [0, 1, 2, 3, 4.0], numpy.array([0, 0, 0, 1.0, 2.0]) * x[0]
        )(1.9),
    ),
    "rbf at its data": Call(
        lambda: hessian(radial("thin_plate_spline"))(POINTS[2]),
        lambda: hessian(radial("cubic"))(POINTS[2])[0, 0],
        lambda: hessian(radial("quintic"))(POINTS[2])[0, 0] * 0 + hessian(radial("cubic"))(POINTS[2])[0, 0],
        gives=lambda: jacobian(grad(radial("cubic")))(POINTS[2] + 1e-7)[0, 0],
    ),
    "fill_value": Call(
        lambda: grad(lambda x: np.sum(linear_between(x, fill_value=x[0])))(X),
        lambda: grad(lambda x: (lambda y: np.sum(np.where(np.isnan(y), x[0], y)))(linear_between(x)))(X)[0],
        gives=lambda: 1.0 + numpy.sum(linear_between(numpy.ones(1), scipy)[:2]),
    ),
    "a tolerance": Call(
        lambda: grad(lambda x: clough_tocher(x, tol=0.9, maxiter=1))(X),
        lambda: grad(lambda x: clough_tocher(x, tol=1e-9, maxiter=500))(X)[0],
        gives=lambda: clough_tocher(numpy.ones(1), scipy, tol=1e-9, maxiter=500),
    ),
    "the tolerance of a solver": Call(
        lambda: grad(lambda x: by_solver(x, 0.5))(X),
        lambda: grad(lambda x: by_solver(x, 1e-12))(X)[0],
        gives=lambda: by_solver(numpy.ones(1), 1e-12, scipy),
    ),
    # --- linalg
    "null_space": Call(
        lambda: along(lambda t: sp.linalg.null_space(A[:2] + t * D[:2]) ** 2),
        lambda: along(lambda t: (lambda a: np.linalg.pinv(a) @ a)(A[:2] + t * D[:2])),
        gives=slope(lambda t: (lambda a: numpy.linalg.pinv(a) @ a)(A[:2] + t * D[:2])),
    ),
    "qz": Call(
        lambda: along(lambda t: sp.linalg.qz(A + t * D, D)[0]),
        lambda: along(lambda t: sp.linalg.eig(A + t * D, A)[0]),
        gives=slope(lambda t: scipy.linalg.eig(A + t * D, A)[0].real),
    ),
    "qr_update": Call(
        lambda: along(lambda t: sp.linalg.qr_update(*scipy.linalg.qr(A), D[0] * t, D[1])[1]),
        lambda: along(lambda t: np.abs(sp.linalg.qr(A + np.outer(D[0] * t, D[1]))[1])),
        gives=slope(lambda t: numpy.abs(scipy.linalg.qr(A + numpy.outer(D[0] * t, D[1]))[1])),
    ),
    "cossin": Call(
        lambda: along(lambda t: sp.linalg.cossin(scipy.linalg.qr(A)[0] * (1 + t), 1, 1)[1]),
        lambda: along(lambda t: sp.linalg.svdvals(A[:2, :2] + t * D[:2, :2])),
        gives=slope(lambda t: scipy.linalg.svdvals(A[:2, :2] + t * D[:2, :2])),
    ),
    "polar": Call(
        lambda: along(lambda t: sp.linalg.polar(numpy.outer(X, X) + t * D)[0]),
        lambda: along(lambda t: sp.linalg.polar(numpy.outer(X, X) + A + t * D)[0]),
        gives=slope(lambda t: scipy.linalg.polar(numpy.outer(X, X) + A + t * D)[0]),
    ),
    "hessenberg": Call(
        lambda: along(lambda t: sp.linalg.hessenberg(numpy.triu(A) + t * D)),
        lambda: along(lambda t: sp.linalg.eigvals(numpy.triu(A) + t * D)),
        lambda: along(lambda t: np.trace(sp.linalg.schur(numpy.triu(A) + t * D)[0])),
        gives=numpy.trace(D),
    ),
    "schur": Call(
        lambda: along(lambda t: sp.linalg.schur(numpy.array([[1.0, 2.0], [-2.0, 1.0]]) * (1 + t))[0]),
        lambda: along(
            lambda t: np.trace(
                sp.linalg.schur(numpy.array([[1.0, 2.0], [-2.0, 1.0]]) * (1 + t), output="complex")[0]
            )
        ),
        gives=2.0,
    ),
    "homogeneous_eigvals": Call(
        lambda: along(lambda t: sp.linalg.eigvals(A + t * D, A, homogeneous_eigvals=True)),
        lambda: along(lambda t: sp.linalg.eigvals(A + t * D, A)),
        gives=slope(lambda t: scipy.linalg.eigvals(A + t * D, A).real),
    ),
    "solve_circulant": Call(
        lambda: along(lambda t: sp.linalg.solve_circulant(numpy.ones(3) + t * X, X, singular="lstsq")),
        lambda: along(
            lambda t: sp.linalg.solve_circulant(numpy.ones(3) + t * X + [0.5, 0, 0.1], X, singular="lstsq")
        ),
        gives=slope(lambda t: scipy.linalg.solve_circulant(numpy.ones(3) + t * X + [0.5, 0, 0.1], X)),
    ),
    "sqrtm of a singular matrix": Call(
        lambda: along(lambda t: sp.linalg.sqrtm(numpy.diag([1.0, 0.0, 2.0]) + t * A)),
        lambda: along(lambda t: sp.linalg.sqrtm(numpy.diag([1.0, 0.0, 2.0]) + (0.1 + t) * A)),
        gives=slope(lambda t: scipy.linalg.sqrtm(numpy.diag([1.0, 0.0, 2.0]) + (0.1 + t) * A).real),
    ),
    "sylvester, complex": Call(
        lambda: along(
            lambda t: sp.linalg.solve_sylvester(ROTATION + t * D[:2, :2], 1j * A[:2, :2], A[:2, :2])
        ),
        lambda: along(
            lambda t: sp.linalg.solve_sylvester(ROTATION + t * D[:2, :2] + 0j, 1j * A[:2, :2], A[:2, :2] + 0j)
        ),
        gives=slope(
            lambda t: (
                scipy.linalg.solve_sylvester(
                    ROTATION + t * D[:2, :2] + 0j, 1j * A[:2, :2], A[:2, :2] + 0j
                ).real
            )
        ),
    ),
    "a singular equation": Call(
        lambda: along(
            lambda t: sp.linalg.solve_continuous_lyapunov(numpy.diag([1.0, -1.0, 2.0]) + t * D, 0 * A)
        ),
        lambda: along(lambda t: sp.linalg.solve_continuous_lyapunov(numpy.diag([1.0, -1.3, 2.0]) + t * D, A)),
        gives=slope(
            lambda t: scipy.linalg.solve_continuous_lyapunov(numpy.diag([1.0, -1.3, 2.0]) + t * D, A)
        ),
    ),
    # --- signal, ndimage
    "upfirdn": Program(
        lambda x: sp.signal.upfirdn([1.0, 0.5], x**2, mode="symmetric"),
        lambda x: sp.signal.upfirdn([1.0, 0.5], np.pad(x**2, (1, 0), "symmetric"))[1:-1],
        plain=lambda x: scipy.signal.upfirdn([1.0, 0.5], numpy.pad(x**2, (1, 0), "symmetric"))[1:-1],
    ),
    "geometric_transform": Program(
        lambda x: sp.ndimage.geometric_transform(
            x**2, scipy.LowLevelCallable(ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1))
        ),
        lambda x: sp.ndimage.geometric_transform(x**2, lambda p: (p[0] - 0.4,), order=1),
        lambda x: sp.ndimage.map_coordinates(x**2, [numpy.arange(3) - 0.4], order=1),
        plain=lambda x: scipy.ndimage.geometric_transform(x**2, lambda p: (p[0] - 0.4,), order=1),
    ),
    # --- special
    "diff_n": Call(
        lambda: grad(lambda t: np.real(sp.special.sph_harm_y(2, 1, t, 0.3, diff_n=1)[1][0]))(0.4),
        lambda: grad(grad(lambda t: np.real(sp.special.sph_harm_y(2, 1, t, 0.3))))(0.4),
        gives=slope(lambda t: numpy.real(scipy.special.sph_harm_y(2, 1, t, 0.3, diff_n=1)[1][0]), 0.4),
    )
    if hasattr(scipy.special, "sph_harm_y")
    else Program(lambda x: float(x[0]), lambda x: x[0]),
    "out of zeta": Program(
        lambda x: sp.special.zeta(x + 1.0, out=numpy.zeros(3)),
        lambda x: sp.special.zeta(x + 1.0),
        plain=lambda x: scipy.special.zeta(x + 1.0),
    ),
    "polygamma": Program(
        lambda x: sp.special.polygamma(x[0] * 0 + 1, x),
        lambda x: sp.special.polygamma(stop_gradient(x[0] * 0 + 1), x),
        plain=lambda x: scipy.special.polygamma(1, x),
    ),
    "exact": Program(
        lambda x: sp.special.comb(x[2] + 3, 2, exact=True),
        lambda x: sp.special.comb(x[2] + 3, 2),
        plain=lambda x: scipy.special.comb(x[2] + 3, 2),
    ),
    "where of gammaln": Program(
        lambda x: sp.special.gammaln(x, where=MASK),
        lambda x: np.where(MASK, sp.special.gammaln(np.where(MASK, x, 1.0)), 0.0),
        plain=lambda x: numpy.where(MASK, scipy.special.gammaln(x), 0.0),
    ),
    # --- optimize
    "integers": Call(
        lambda: grad(lambda x: evolution(x).fun)(X),
        lambda: grad(lambda x: evolution(stop_gradient(x)).fun * 0 + x[0])(X),
        gives=[1, 0, 0],
    ),
    "what minimize returns beside x": Call(
        lambda: grad(
            lambda x: np.sum(sp.optimize.minimize(lambda t: np.sum((t - x[:2]) ** 2), [0.0, 0.0]).hess_inv)
        )(X),
        lambda: grad(
            lambda x: (
                sp.optimize.minimize(lambda t: np.sum((t - value(x)[:2]) ** 2), [0.0, 0.0]).hess_inv,
                x[0],
            )[1]
        )(X),
        gives=[1, 0, 0],
    ),
    "an argument without a derivative": Call(
        lambda: grad(lambda a: sp.integrate.quad(np.exp, 0.0, 1.0, weight="cos", wvar=a)[0])(1.0),
        lambda: grad(
            lambda a: a * sp.integrate.quad(np.exp, 0.0, 1.0, weight="cos", wvar=stop_gradient(a))[0]
        )(1.0),
        gives=lambda: scipy.integrate.quad(numpy.exp, 0.0, 1.0, weight="cos", wvar=1.0)[0],
    ),
    "a loss of one's own": Program(
        lambda x: sp.optimize.least_squares(misfit(x), [0.0, 0.0], loss=my_loss).x,
        lambda x: sp.optimize.least_squares(misfit(x), [0.0, 0.0], loss="soft_l1", **LEAST).x,
        lambda x: (
            sp.optimize.minimize(lambda t: np.sum(np.log1p(misfit(x)(t) ** 2)), [0.4, 1.5], tol=1e-10).x
        ),
        plain=lambda x: x[:2] ** 2,
    ),
    "nan_policy": Program(
        lambda x: sp.optimize.curve_fit(
            line, numpy.arange(3.0), np.where(MASK, x, np.nan), nan_policy="omit"
        )[0],
        lambda x: sp.optimize.curve_fit(line, numpy.arange(3.0)[MASK], np.where(MASK, x, np.nan)[MASK])[0],
        plain=lambda x: numpy.array([(x[2] - x[0]) / 2, x[0]]),
    ),
    "lsq_linear of a sparse matrix": Program(
        lambda x: sp.optimize.lsq_linear(scipy.sparse.csr_array(A), x**2).x,
        lambda x: sp.optimize.lsq_linear(scipy.sparse.csr_array(A).toarray(), x**2).x,
        plain=lambda x: numpy.linalg.solve(A, x**2),
    ),
    "linprog": Program(
        lambda x: corner(x, sp),
        lambda x: np.linalg.solve(numpy.array([[1.0, 2.0], [3.0, 1.0]]), x[1:] + 2.0),
        plain=lambda x: numpy.linalg.solve(numpy.array([[1.0, 2.0], [3.0, 1.0]]), x[1:] + 2.0),
    ),
    "linprog, as a constant": Program(
        lambda x: corner(x, sp) * x[0],
        lambda x: corner(stop_gradient(x), scipy) * x[0],
        plain=lambda x: corner(X, scipy) * x[0],
    ),
    # --- spatial
    "a tree": Program(
        lambda x: sp.spatial.Delaunay(CORNERS * x[0]),
        lambda x: np.sum((CORNERS * x[0])[scipy.spatial.Delaunay(CORNERS * value(x[0])).simplices] ** 2),
        plain=lambda x: numpy.sum((CORNERS * x[0])[scipy.spatial.Delaunay(CORNERS).simplices] ** 2),
    ),
    "a shortcut": Call(
        lambda: grad(lambda c: sp.stats.genpareto.logsf(0.3, c))(0.0),
        lambda: grad(lambda c: sp.stats.genpareto.logsf(0.3, c))(1e-3),
        lambda: (
            grad(lambda c: sp.stats.genpareto.logsf(0.3, stop_gradient(c)) * 0 + c)(0.0)
            * slope(lambda c: scipy.stats.genpareto.logsf(0.3, c), 1e-3)()
        ),
        gives=slope(lambda c: scipy.stats.genpareto.logsf(0.3, c), 1e-3),
    ),
    "out= of distances": Program(
        lambda x: sp.spatial.distance.pdist(x[:, None] * numpy.ones(2), out=numpy.zeros(3)),
        lambda x: sp.spatial.distance.pdist(x[:, None] * numpy.ones(2)),
        plain=lambda x: scipy.spatial.distance.pdist(x[:, None] * numpy.ones(2)),
    ),
    "tsearch": Program(
        lambda x: sp.spatial.tsearch(scipy.spatial.Delaunay(CORNERS), x[None, :2] / 4) * x[0],
        lambda x: np.sum(CORNERS[scipy.spatial.Delaunay(CORNERS).simplices[0]] * x[0]),
        plain=lambda x: numpy.sum(CORNERS[scipy.spatial.Delaunay(CORNERS).simplices[0]] * x[0]),
    ),
    "a gimbal lock": Program(
        lambda x: rotation(x).as_euler("xyz"),
        lambda x: rotation(x).as_matrix() ** 2,
        plain=lambda x: rotation(x, scipy).as_matrix() ** 2,
    ),
    "a gimbal lock, by vectors": Program(
        lambda x: rotation(x).as_euler("xyz"),
        lambda x: rotation(x).as_rotvec(),
        plain=lambda x: rotation(x, scipy).as_rotvec(),
    ),
    "a gimbal lock, by quaternions": Program(
        lambda x: rotation(x).as_euler("xyz"),
        lambda x: rotation(x).as_quat(),
        plain=lambda x: rotation(x, scipy).as_quat(),
    ),
    "equations of a hull": Program(
        lambda x: sp.spatial.ConvexHull(CORNERS * x[:2]).equations,
        lambda x: (lambda hull: area(hull.points, hull))(sp.spatial.ConvexHull(CORNERS * x[:2])),
        plain=lambda x: 2 * (x[0] + x[1]),
    ),
    # --- stats
    "pearson3": Program(
        lambda x: sp.stats.pearson3.logpdf(0.4, (x[0] - X[0]) * 1e-9 + 0.0),
        lambda x: sp.stats.pearson3.logpdf(0.4, x[0]),
        plain=lambda x: scipy.stats.pearson3.logpdf(0.4, x[0]),
    ),
    "lower_limit": Program(
        lambda x: sp.stats.multivariate_normal.cdf(x[:2], cov=A[:2, :2], lower_limit=-numpy.ones(2)),
        lambda x: (
            sp.stats.multivariate_normal.cdf(x[:2], cov=A[:2, :2])
            - sp.stats.multivariate_normal.cdf(np.stack([-1.0 + 0 * x[0], x[1]]), cov=A[:2, :2])
            - sp.stats.multivariate_normal.cdf(np.stack([x[0], -1.0 + 0 * x[1]]), cov=A[:2, :2])
            + scipy.stats.multivariate_normal.cdf(-numpy.ones(2), cov=A[:2, :2])
        ),
    ),
    "a singular covariance": Program(
        lambda x: sp.stats.multivariate_normal(None, np.outer(x, x), allow_singular=True).logpdf(X),
        lambda x: sp.stats.multivariate_normal(
            None, np.outer(x, x) + 1e-1 * np.eye(3), allow_singular=True
        ).logpdf(X),
        plain=lambda x: scipy.stats.multivariate_normal(None, numpy.outer(x, x) + 1e-1 * numpy.eye(3)).logpdf(
            X
        ),
    ),
    "a singular covariance, as a constant": Program(
        lambda x: sp.stats.multivariate_normal(None, np.outer(x, x), allow_singular=True).logpdf(x),
        lambda x: (
            sp.stats.multivariate_normal(None, stop_gradient(np.outer(x, x)), allow_singular=True).logpdf(X)
            * x[0]
        ),
        plain=lambda x: (
            scipy.stats.multivariate_normal(None, numpy.outer(X, X), allow_singular=True).logpdf(X) * x[0]
        ),
    ),
    "boxcox_normmax": Call(
        lambda: grad(lambda t: sp.stats.boxcox_normmax(LONG + t * T, method="pearsonr"))(0.0),
        lambda: grad(lambda t: sp.stats.boxcox_normmax(LONG + t * T, method="mle"))(0.0),
        gives=slope(lambda t: exact_boxcox(LONG + t * T)),
    ),
}

# From SciPy 1.18 on, these vectors are of length 1.
OF_OLDER = {
    "left of two matrices": Call(
        lambda: along(
            lambda t: np.abs(sp.linalg.eig(A + t * D, A + numpy.diag(X), left=True, right=False)[1])
        ),
        lambda: along(
            lambda t: np.abs(sp.linalg.eig(A + t * D, A + numpy.diag(X), left=True, right=True)[1])
        ),
        gives=slope(
            lambda t: numpy.abs(scipy.linalg.eig(A + t * D, A + numpy.diag(X), left=True, right=True)[1])
        ),
    ),
}
if tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 18):
    ROWS.update(OF_OLDER)

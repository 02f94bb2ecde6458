"""Calls of scipy.optimize."""

import numpy as onp

import funad.numpy as np

from . import probe

A = onp.array([0.7, 1.3])
T = onp.linspace(0.0, 3.0, 9)
# Near a perfect fit, SciPy's solvers converge to the last digits, so that differences of them are good ones.
Y = 2.5 * onp.exp(-1.1 * T) + 1e-6 * onp.sin(9 * T)
MATRIX = onp.array([[1.0, 0.4, 0.2], [0.3, 1.2, -0.5], [0.6, -0.1, 0.9], [-0.2, 0.5, 0.4]])
TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}


def cubic(x, a):
    return x**3 + a * x - 3.0


def slope(x, a):
    return 3 * x**2 + a


def coupled(x, a):
    return [x[0] + 0.5 * (x[0] - x[1]) ** 3 - a[0], 0.2 * (x[1] - x[0]) ** 3 + x[1] * a[1]]


def bowl(x, a):
    return np.sum((x - a) ** 2 * onp.array([1.0, 2.0])) + 0.3 * np.sum(x**4) + x[0] * x[1] * a[0]


def bowl_slope(x, a):
    return 2 * (x - a) * onp.array([1.0, 2.0]) + 1.2 * x**3 + a[0] * x[::-1]


def well(x, a):
    return (x - a) ** 2 + 0.1 * a * x**4


def model(t, a, b):
    return a * np.exp(-b * t)


def model_slopes(t, a, b):
    return onp.stack([onp.exp(-b * t), -a * t * onp.exp(-b * t)], axis=1)


def residuals(p, y):
    return p[0] * np.exp(-p[1] * T) - y


def residual_slopes(p, y):
    return model_slopes(T, p[0], p[1])


def _bracketed(name):
    return probe(
        f"scipy.optimize.{name}",
        lambda sp, a: getattr(sp.optimize, name)(cubic, 0.0, 2.0, args=(a,), xtol=1e-14),
        2.0,
        how="implicit",
    )


PROBES = [
    *map(_bracketed, ("bisect", "brenth", "brentq", "ridder", "toms748")),
    probe(
        "scipy.optimize.newton",
        lambda sp, a: sp.optimize.newton(cubic, 1.0, fprime=slope, args=(a,), tol=1e-14),
        2.0,
        how="implicit",
    ),
    probe(
        "scipy.optimize.newton",
        lambda sp, a: sp.optimize.newton(cubic, onp.ones(2), fprime=slope, args=(a,), tol=1e-14),
        A,
        how="implicit",
    ),
    probe(
        "scipy.optimize.root_scalar",
        lambda sp, a: sp.optimize.root_scalar(cubic, args=(a,), bracket=(0.0, 2.0), xtol=1e-14).root,
        2.0,
        how="implicit",
    ),
    probe(
        "scipy.optimize.root",
        lambda sp, a: sp.optimize.root(coupled, [0.0, 0.0], args=(a,), tol=1e-13).x,
        A,
        how="implicit",
    ),
    probe(
        "scipy.optimize.fsolve",
        lambda sp, a: sp.optimize.fsolve(lambda x: x**3 + a * x - 3.0, [1.0, 1.0], xtol=1e-14),
        A,
        how="implicit",
    ),
    probe(
        "scipy.optimize.fixed_point",
        lambda sp, a: sp.optimize.fixed_point(lambda x: np.sqrt(a / (x + 1)), [1.2, 1.3], xtol=1e-14),
        A,
        how="implicit",
    ),
    probe(
        "scipy.optimize.minimize",
        lambda sp, a: sp.optimize.minimize(bowl, [0.0, 0.0], args=(a,), jac=bowl_slope, tol=1e-12).fun,
        A,
        how="implicit",
    ),
    probe(
        "scipy.optimize.minimize_scalar",
        lambda sp, a: sp.optimize.minimize_scalar(well, args=(a,)).fun,
        1.5,
        how="implicit",
    ),
    probe(
        "scipy.optimize.least_squares",
        lambda sp, y: (
            sp.optimize.least_squares(
                residuals, [2.0, 1.0], jac=residual_slopes, args=(y,), method="lm", **TIGHT
            ).x
        ),
        Y,
        how="implicit",
    ),
    probe(
        "scipy.optimize.leastsq",
        lambda sp, y: sp.optimize.leastsq(residuals, [2.0, 1.0], Dfun=residual_slopes, args=(y,), **TIGHT)[0],
        Y,
        how="implicit",
    ),
    probe(
        "scipy.optimize.curve_fit",
        lambda sp, y: sp.optimize.curve_fit(model, T, y, [2.0, 1.0], jac=model_slopes, **TIGHT),
        Y,
        how="implicit",
    ),
    probe("scipy.optimize.nnls", lambda sp, a, b: sp.optimize.nnls(a, b), MATRIX, -Y[:4] + 2, how="implicit"),
    probe(
        "scipy.optimize.lsq_linear",
        lambda sp, a, b: sp.optimize.lsq_linear(a, b).x,
        MATRIX,
        Y[:4],
        how="implicit",
    ),
    probe(
        "scipy.optimize.isotonic_regression",
        lambda sp, y, w: sp.optimize.isotonic_regression(y, weights=w).x,
        onp.array([1.0, 3.0, 2.0, 4.0, 3.5, 3.4]),
        onp.array([1.0, 2.0, 1.0, 1.0, 2.0, 0.5]),
    ),
    probe("scipy.optimize.rosen", lambda sp, x: sp.optimize.rosen(x), MATRIX),
    probe("scipy.optimize.rosen_der", lambda sp, x: sp.optimize.rosen_der(x), Y[:5]),
    probe("scipy.optimize.rosen_hess", lambda sp, x: sp.optimize.rosen_hess(x), Y[:4]),
    probe(
        "scipy.optimize.rosen_hess_prod", lambda sp, x, p: sp.optimize.rosen_hess_prod(x, p), Y[:4], Y[4:8]
    ),
    probe(
        "scipy.optimize.approx_fprime",  # of a quadratic: its differences are exact, but for rounding
        lambda sp, x: sp.optimize.approx_fprime(x, lambda x: np.sum(x**2) * x[1] ** 0 + x[0] * x[1], 1e-3),
        A,
        how="traced",
    ),
]
REFUSED = {
    "scipy.optimize.linprog": "a solution in a corner jumps to another one",
}

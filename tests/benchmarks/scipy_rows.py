"""Rows of functions of SciPy: funad.scipy, autograd.scipy, jax.scipy, and the gradient by hand.

By hand means: with SciPy's functions and the formulas that one finds in a book. A library that has no such
function, or none with the derivative asked for, has no program.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as onp
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.special

Program = Callable[..., Any]
HOMES = {"funad": "funad.scipy", "autograd": "autograd.scipy", "jax": "jax.scipy"}


@dataclass
class ScipyRow:
    """A function of x by each library, and its gradient by hand."""

    name: str
    programs: dict[str, Program]
    x: Any
    by_hand: Callable[[], Any]


def scipy_rows() -> Iterator[ScipyRow]:
    """Make the rows one after the other, as each holds its data."""
    yield from _special()
    yield from _stats()
    yield from _linalg()
    yield from _solutions()
    yield _gaussian_process()
    yield _solver()
    yield _fit()
    yield _integral()
    yield _equation()


def _of(module: str, program: Callable[[Any, Any, Any], Any], *libraries: str) -> dict[str, Program]:
    """Return a program (its module of SciPy's, np, x) for each of the libraries that is installed."""
    found = [name for name in libraries if importlib.util.find_spec(name) is not None]
    return {name: partial(program, importlib.import_module(f"{HOMES[name]}.{module}")) for name in found}


def _special() -> Iterator[ScipyRow]:
    x = onp.linspace(0.5, 9.0, 1000)
    yield ScipyRow(
        "special.gammaln of 1,000",
        _of("special", lambda special, np, x: np.sum(special.gammaln(x)), "funad", "autograd", "jax"),
        x,
        lambda: scipy.special.digamma(x),
    )
    yield ScipyRow(
        "special.gammainc of 1,000, in the variable",
        _of("special", lambda special, np, x: np.sum(special.gammainc(2.5, x)), "funad", "autograd", "jax"),
        x,
        lambda: onp.exp(1.5 * onp.log(x) - x - scipy.special.gammaln(2.5)),
    )

    def by_differences(h: float = 1e-3) -> Any:
        steps = onp.array([-2.0, -1.0, 1.0, 2.0])[:, None]
        weights = onp.array([1.0, -8.0, 8.0, -1.0]) / (12 * h)
        return weights @ scipy.special.gammainc(x + steps * h, 3.0)

    yield ScipyRow(
        "special.gammainc of 1,000, in the shape",
        _of("special", lambda special, np, a: np.sum(special.gammainc(a, 3.0)), "funad", "jax"),
        x,
        by_differences,
    )


def _stats() -> Iterator[ScipyRow]:
    for n in (100, 100_000):
        x, loc, scale = onp.linspace(-3.0, 3.0, n), 0.3, 1.7

        def by_hand(x: Any = x) -> Any:
            z = (x - loc) / scale
            return -z / scale, onp.sum(-(z**2) / 2.0 - 0.5 * onp.log(2 * onp.pi) - onp.log(scale))

        yield ScipyRow(
            f"stats.norm.logpdf of {n:,}",
            _of(
                "stats",
                lambda stats, np, x: np.sum(stats.norm.logpdf(x, loc, scale)),
                "funad",
                "autograd",
                "jax",
            ),
            x,
            lambda by_hand=by_hand: by_hand()[0],
        )


def _solutions() -> Iterator[ScipyRow]:
    rng = onp.random.default_rng(1)
    for n in (3, 100, 300):
        a, b = rng.normal(size=(n, n)), rng.normal(size=n)

        def by_hand(a: Any = a, b: Any = b) -> Any:
            factors = scipy.linalg.lu_factor(a)
            y = scipy.linalg.lu_solve(factors, b)
            return -onp.outer(scipy.linalg.lu_solve(factors, 2 * y, trans=1), y)

        yield ScipyRow(
            f"linalg.solve, {n} x {n}",
            _of("linalg", lambda linalg, np, a, b=b: np.sum(linalg.solve(a, b) ** 2), "funad", "jax"),
            a,
            by_hand,
        )


def _linalg() -> Iterator[ScipyRow]:
    rng = onp.random.default_rng(0)
    for n in (3, 100):
        a, b = onp.tril(rng.normal(size=(n, n))) + 2 * n * onp.eye(n), rng.normal(size=n)

        def by_hand(a: Any = a, b: Any = b) -> Any:
            y = scipy.linalg.solve_triangular(a, b, lower=True)
            return -onp.tril(onp.outer(scipy.linalg.solve_triangular(a, 2 * y, lower=True, trans=1), y))

        yield ScipyRow(
            f"linalg.solve_triangular, {n} x {n}",
            _of(
                "linalg",
                lambda linalg, np, a, b=b: np.sum(linalg.solve_triangular(a, b, lower=True) ** 2),
                "funad",
                "autograd",
                "jax",
            ),
            a,
            by_hand,
        )
    c = rng.normal(size=(30, 30)) / 10
    yield ScipyRow(
        "linalg.expm, 30 x 30",
        _of("linalg", lambda linalg, np, a: np.sum(linalg.expm(a) ** 2), "funad", "jax"),
        c,
        lambda: scipy.linalg.expm_frechet(c.T, 2 * scipy.linalg.expm(c), compute_expm=False),
    )


def _gaussian_process() -> ScipyRow:
    """The likelihood of 100 values in the logarithms of length, height and noise."""
    x, theta = onp.linspace(0.0, 5.0, 100), onp.array([0.1, 0.3, -1.0])
    y, square = onp.sin(2 * x), (x[:, None] - x) ** 2

    def covariance(np: Any, p: Any) -> Any:
        return np.exp(p[1]) * np.exp(-0.5 * square * np.exp(-2 * p[0])) + np.exp(p[2]) * onp.eye(100)

    def program(linalg: Any, np: Any, p: Any) -> Any:
        factor = linalg.cho_factor(covariance(np, p), lower=True)
        return 0.5 * np.dot(y, linalg.cho_solve(factor, y)) + np.sum(np.log(np.diag(factor[0])))

    def of_autograd(linalg: Any, np: Any, p: Any) -> Any:  # which has no cho_factor
        factor = np.linalg.cholesky(covariance(np, p))
        z = linalg.solve_triangular(factor, y, lower=True)
        return 0.5 * np.dot(z, z) + np.sum(np.log(np.diag(factor)))

    def by_hand() -> Any:
        height, noise = onp.exp(theta[1:])
        kernel = height * onp.exp(-0.5 * square * onp.exp(-2 * theta[0]))
        factor = scipy.linalg.cho_factor(kernel + noise * onp.eye(100), lower=True)
        alpha, inverse = scipy.linalg.cho_solve(factor, y), scipy.linalg.cho_solve(factor, onp.eye(100))
        slope = 0.5 * (inverse - onp.outer(alpha, alpha))
        of_length = onp.sum(slope * kernel * square) * onp.exp(-2 * theta[0])
        return onp.array([of_length, onp.sum(slope * kernel), noise * onp.trace(slope)])

    programs = _of("linalg", program, "funad", "jax") | _of("linalg", of_autograd, "autograd")
    return ScipyRow("the likelihood of a Gaussian process, 100 x 100", programs, theta, by_hand)


def _fit() -> ScipyRow:
    """A fit of three parameters to 50 values: the gradient of their sum in the values."""
    x, start = onp.linspace(0.0, 4.0, 50), [2.0, 1.0, 0.3]
    y = 2.5 * onp.exp(-1.3 * x) + 0.5 + 0.2 * onp.random.default_rng(0).normal(size=50)

    def model(np: Any, x: Any, a: Any, b: Any, c: Any) -> Any:
        return a * np.exp(-b * x) + c

    def program(optimize: Any, np: Any, y: Any) -> Any:
        return np.sum(optimize.curve_fit(partial(model, np), x, y, p0=start)[0])

    def by_hand() -> Any:
        """With the full Hessian of half of the sum of squares, in a formula of one's own."""
        a, b, c = scipy.optimize.curve_fit(partial(model, onp), x, y, p0=start, xtol=1e-14, ftol=1e-14)[0]
        fall = onp.exp(-b * x)
        rows = onp.stack([fall, -a * x * fall, onp.ones(50)])
        r, hessian = a * fall + c - y, rows @ rows.T
        hessian[0, 1] += r @ (-x * fall)
        hessian[1, 0] = hessian[0, 1]
        hessian[1, 1] += r @ (a * x * x * fall)
        return onp.linalg.solve(hessian, onp.ones(3)) @ rows

    return ScipyRow(
        "optimize.curve_fit, three parameters to 50 values", _of("optimize", program, "funad"), y, by_hand
    )


def _cubic(x: Any, a: Any) -> Any:
    return x**3 + a * x - 3.0


def _solver() -> ScipyRow:
    def by_hand() -> Any:
        x = scipy.optimize.brentq(_cubic, 0.0, 2.0, args=(2.0,), xtol=1e-14)
        return -x / (3 * x**2 + 2.0)

    def program(optimize: Any, np: Any, a: Any) -> Any:
        return optimize.brentq(_cubic, 0.0, 2.0, args=(a,), xtol=1e-14)

    return ScipyRow("optimize.brentq", _of("optimize", program, "funad"), 2.0, by_hand)


def _integral() -> ScipyRow:
    def by_hand() -> Any:
        return scipy.integrate.quad(lambda t: -t * t * onp.exp(-1.5 * t * t), 0.0, 2.0)[0]

    def program(integrate: Any, np: Any, a: Any) -> Any:
        return integrate.quad(lambda t: np.exp(-a * t * t), 0.0, 2.0)[0]

    return ScipyRow("integrate.quad", _of("integrate", program, "funad"), 1.5, by_hand)


# --- hares and lynxes

TIGHT = {"rtol": 1e-10, "atol": 1e-10}
RATES, START, END = onp.array([1.0, 0.4, 0.8, 0.3]), onp.array([2.0, 1.0]), 5.0


def _slope(np: Any, y: Any, p: Any) -> Any:
    return np.stack([p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]])


def _equation() -> ScipyRow:
    """The gradient of the sum of the last state in four rates, with errors below 1e-7."""

    def of_funad(np: Any, p: Any) -> Any:
        integrate = importlib.import_module("funad.scipy.integrate")
        found = integrate.solve_ivp(lambda t, y: _slope(np, y, p), (0.0, END), START, **TIGHT)
        return np.sum(found.y[:, -1])

    def of_autograd(np: Any, p: Any) -> Any:
        integrate = importlib.import_module("autograd.scipy.integrate")
        pack = importlib.import_module("autograd.builtins").tuple

        def slope(y: Any, t: Any, p: Any) -> Any:
            return _slope(np, y, p)

        return np.sum(integrate.odeint(slope, START, onp.array([0.0, END]), pack((p,)), **TIGHT)[-1])

    def of_jax(np: Any, p: Any) -> Any:
        odeint = importlib.import_module("jax.experimental.ode").odeint
        times = np.asarray([0.0, END])
        return np.sum(odeint(lambda y, t, p: _slope(np, y, p), np.asarray(START), times, p, **TIGHT)[-1])

    def by_hand() -> Any:
        """Sensitivities: the equation of y and of ∂y/∂p together."""

        def slope(t: float, z: Any) -> Any:
            y, s = z[:2], z[2:].reshape(2, 4)
            p = RATES
            jacobian = onp.array([[p[0] - p[1] * y[1], -p[1] * y[0]], [p[3] * y[1], -p[2] + p[3] * y[0]]])
            direct = onp.array([[y[0], -y[0] * y[1], 0.0, 0.0], [0.0, 0.0, -y[1], y[0] * y[1]]])
            return onp.concatenate([_slope(onp, y, p), (jacobian @ s + direct).ravel()])

        z = scipy.integrate.solve_ivp(slope, (0.0, END), onp.append(START, onp.zeros(8)), **TIGHT).y[:, -1]
        return z[2:].reshape(2, 4).sum(axis=0)

    programs = {"funad": of_funad, "autograd": of_autograd, "jax": of_jax}
    found = {name: run for name, run in programs.items() if importlib.util.find_spec(name) is not None}
    return ScipyRow("an equation of two states, gradient in four rates", found, RATES, by_hand)

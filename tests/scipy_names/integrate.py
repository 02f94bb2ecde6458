"""Calls of scipy.integrate."""

import numpy as onp

import funad.numpy as np

from . import probe

P = onp.array([1.2, 0.7])
Y = onp.sin(onp.arange(14.0)).reshape(2, 7)
X = onp.cumsum(1.0 + 0.3 * onp.cos(onp.arange(7.0)))
START = onp.array([0.5, -0.2])


def wave(t, a, b):
    return np.exp(-a * t * t) * np.cos(b * t)


def pendulum(t, y, p):
    return np.stack([y[1], -p[0] * np.sin(y[0]) - p[1] * y[1] * t])


def _samples(name, *args):
    return [
        probe(f"scipy.integrate.{name}", lambda sp, y, x: getattr(sp.integrate, name)(y, x=x), Y, X, *args),
        probe(
            f"scipy.integrate.{name}",
            lambda sp, y, dx: getattr(sp.integrate, name)(y.T, dx=dx, axis=0),
            Y[:, :6],
            0.3,
        ),
    ]


PROBES = [
    *_samples("trapezoid"),
    *_samples("simpson"),
    *_samples("cumulative_trapezoid"),
    *_samples("cumulative_simpson"),
    probe("scipy.integrate.romb", lambda sp, y: sp.integrate.romb(y, dx=0.3), Y[:, :5]),
    probe(
        "scipy.integrate.quad",
        lambda sp, a, b, p: sp.integrate.quad(wave, a, b, args=(p[0], p[1]))[0],
        -0.3,
        1.1,
        P,
        how="traced",
    ),
    probe(
        "scipy.integrate.quad",
        lambda sp, a: sp.integrate.quad(lambda t: wave(t, a, a), 0.0, onp.inf, epsabs=1e-13)[0],
        0.8,
        how="traced",
    ),
    probe(
        "scipy.integrate.quad_vec",
        lambda sp, p: sp.integrate.quad_vec(lambda t: np.stack([np.sin(p * t), p**2 * t]), 0.0, 1.1)[0],
        P,
        how="traced",
    ),
    probe(
        "scipy.integrate.dblquad",
        lambda sp, a: sp.integrate.dblquad(lambda y, x: np.exp(-a * x * y), 0, 1, 0, lambda x: x)[0],
        0.8,
        how="traced",
    ),
    probe(
        "scipy.integrate.tplquad",
        lambda sp, a: sp.integrate.tplquad(
            lambda z, y, x: a * x * y + z**2 * a**2, 0, 1, 0, lambda x: x, 0, lambda x, y: x + y
        )[0],
        0.8,
        how="traced",
        order=1,  # each takes 10,000 evaluations
    ),
    probe(
        "scipy.integrate.nquad",
        lambda sp, a: sp.integrate.nquad(lambda x, y, a: np.exp(-a * x * y), [[0, 1], [0, 2]], args=(a,))[0],
        0.8,
        how="traced",
    ),
    probe(
        "scipy.integrate.fixed_quad",
        lambda sp, a, b, c: sp.integrate.fixed_quad(lambda t: np.sin(c * t), a, b, n=6)[0],
        0.1,
        1.2,
        0.8,
        how="traced",
    ),
    probe(
        "scipy.integrate.tanhsinh",
        lambda sp, a, c: sp.integrate.tanhsinh(lambda t, c: np.exp(-c * t * t), a, 2.0, args=(c,)).integral,
        0.1,
        P,
        how="traced",
    ),
    probe(
        "scipy.integrate.cubature",
        lambda sp, c: (
            sp.integrate.cubature(
                lambda x: np.exp(-np.sum(x**2 * c, axis=-1)), [0, 0], [1, 1], rule="gk15", rtol=1e-6
            ).estimate
        ),
        P,
        how="traced",
        order=1,  # of what takes a second
    ),
    probe(
        "scipy.integrate.nsum",
        lambda sp, c: sp.integrate.nsum(lambda k, c: 1 / (k**2 + c), 1, onp.inf, args=(c,)).sum,
        P,
        how="traced",
    ),
    probe(
        "scipy.integrate.solve_ivp",
        lambda sp, p, y: sp.integrate.solve_ivp(
            pendulum, (0.0, 1.0), y, method="DOP853", args=(p,), rtol=1e-10, atol=1e-12
        ).y[:, -1],
        P,
        START,
        how="traced",
    ),
    probe(
        "scipy.integrate.odeint",
        lambda sp, p, y: sp.integrate.odeint(
            pendulum, y, [0.0, 0.4, 1.0], args=(p,), tfirst=True, rtol=1e-10, atol=1e-12
        ),
        P,
        START,
        how="traced",
        order=1,  # the second is that of the sensitivities, held in test_scipy_integrate
    ),
    probe(
        "scipy.integrate.solve_bvp",
        lambda sp, a: sp.integrate.solve_bvp(
            lambda x, y: np.stack([y[1], -a * np.exp(y[0])]),
            lambda start, end: np.stack([start[0] - 0.1 * a, end[0]]),
            onp.linspace(0.0, 1.0, 7),
            onp.zeros((2, 7)),
            tol=1e-9,
        ).y[1, 0],
        1.0,
        how="implicit",
    ),
]
REFUSED = {}

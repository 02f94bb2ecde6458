"""Hypergeometric and Wright functions: the variable by raising parameters, parameters by differences."""

import math

import numpy as onp

from .... import numpy as np
from ....values import constant, dtype_of
from ... import special as s
from ...deciding import every, only
from ...differences import from_poles, log_slope, near, slope
from ..slopes import by_slopes


def _small(x):
    return 0.3 * near(x)


def parameter(f, argnum, step=_small):
    """The slope of a parameter of f, which may have zeros in it."""
    return lambda y, *args: slope(f, args, argnum, step(args[argnum]))


def _positive(f, argnum):
    """The slope of a parameter where f is positive, of its logarithm; else that above."""

    def of(y, *args):
        if dtype_of(y).kind != "c" and every(constant(y) > 0):
            return log_slope(f, y, args, argnum, near(args[argnum]))
        return slope(f, args, argnum, near(args[argnum]))

    return of


# DLMF 15.5.1, 13.3.15, 16.3.1 and 13.3.22
def _of_power(argnum):
    """The slope of a or b, on which F depends as zᵃ: for large |z| by shorter steps."""

    def of(y, *args):
        h = near(args[argnum]) / onp.maximum(1.0, onp.log1p(onp.abs(constant(args[3]))))
        return slope(s.hyp2f1, args, argnum, h)

    return of


by_slopes(
    "hyp2f1",
    *map(_of_power, range(2)),
    parameter(s.hyp2f1, 2, from_poles),
    lambda y, a, b, c, z: a * b / c * s.hyp2f1(a + 1.0, b + 1.0, c + 1.0, z),
)
by_slopes(
    "hyp1f1",
    parameter(s.hyp1f1, 0),
    parameter(s.hyp1f1, 1, from_poles),
    lambda y, a, b, z: a / b * s.hyp1f1(a + 1.0, b + 1.0, z),
)
by_slopes("hyp0f1", parameter(s.hyp0f1, 0, from_poles), lambda y, v, z: s.hyp0f1(v + 1.0, z) / v)
by_slopes(
    "hyperu",
    *(_positive(s.hyperu, n) for n in range(2)),
    lambda y, a, b, z: -a * s.hyperu(a + 1.0, b + 1.0, z),
)


# Φ(a, b; x) = Σ xᵏ/(k!·Γ(ak + b)): a and b are ≥ 0, and Φ at b = 0 is its limit.
def _wright_step(x):
    return 0.01 * onp.minimum(onp.abs(constant(x)), 1.0)


by_slopes(
    "wright_bessel",
    lambda y, a, b, x: log_slope(s.wright_bessel, y, (a, b, x), 0, _wright_step(a)),
    lambda y, a, b, x: log_slope(s.wright_bessel, y, (a, b, x), 1, _wright_step(b)),
    lambda y, a, b, x: s.wright_bessel(a, a + b, x),
)


def _or_lost(above, y):
    """exp(above - y), and nan where SciPy has lost the first: it returns -∞ for what is e.g. -600."""
    return only(~onp.isinf(constant(above)), np.exp(above - y))


by_slopes(
    "log_wright_bessel",
    lambda y, a, b, x: slope(s.log_wright_bessel, (a, b, x), 0, _wright_step(a)),
    lambda y, a, b, x: slope(s.log_wright_bessel, (a, b, x), 1, _wright_step(b)),
    lambda y, a, b, x: _or_lost(s.log_wright_bessel(a, a + b, x), y),
)

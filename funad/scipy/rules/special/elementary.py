"""Logistic, entropy, Box-Cox and trigonometric functions, and others with elementary derivatives."""

import math

import numpy as onp

from .... import numpy as np
from ....defining import defzero, elementwise
from ....values import constant
from ... import special as s
from ...deciding import every, only, some
from ..slopes import by_slopes, or_nan, quotient

DEGREE = math.pi / 180
LN2, LN10 = math.log(2), math.log(10)


def _power_slope(a, b):
    """b·aᵇ⁻¹, and 0 of 0⁰."""
    nothing = (a == 0) & (b == 0)
    if not some(nothing):
        return b * a ** (b - 1.0)
    return np.where(nothing, 0.0, b * np.where(nothing, 1.0, a) ** (b - 1.0))


# --- SciPy's own copies of NumPy's functions

elementwise(s.cbrt, lambda y, ybar, x: ybar / (3.0 * y * y))
elementwise(s.exp2, lambda y, ybar, x: ybar * (LN2 * y))
elementwise(s.exp10, lambda y, ybar, x: ybar * (LN10 * y))
elementwise(s.expm1, lambda y, ybar, x: ybar * np.exp(x))
elementwise(s.log1p, lambda y, ybar, x: ybar / (1.0 + x))
elementwise(s.cosm1, lambda y, ybar, x: ybar * -np.sin(x))
elementwise(s.sindg, lambda y, ybar, x: ybar * (DEGREE * s.cosdg(x)))
elementwise(s.cosdg, lambda y, ybar, x: ybar * (-DEGREE * s.sindg(x)))
elementwise(s.tandg, lambda y, ybar, x: ybar * (DEGREE * (1.0 + y * y)))
elementwise(s.cotdg, lambda y, ybar, x: ybar * (-DEGREE * (1.0 + y * y)))
elementwise(
    s.radian,
    lambda y, ybar, degrees, minutes, seconds: ybar * DEGREE,
    lambda y, ybar, degrees, minutes, seconds: ybar * (DEGREE / 60),
    lambda y, ybar, degrees, minutes, seconds: ybar * (DEGREE / 3600),
)
elementwise(
    s.powm1,
    lambda y, ybar, a, b: ybar * _power_slope(a, b),
    lambda y, ybar, a, b: ybar * np.where(a == 0, 0.0, a**b * np.log(np.where(a == 0, 1.0, a))),
)
by_slopes("_log1pmx", lambda y, x: -x / (1.0 + x))
by_slopes("_log1mexp", lambda y, x: np.exp(x) / s.expm1(x))
defzero(s.gammasgn, s.round)

# --- the logistic function: of both tails, from the side on which nothing cancels

elementwise(s.expit, lambda y, ybar, x: ybar * (y * s.expit(-x)))
elementwise(s.logit, lambda y, ybar, p: ybar * or_nan(y, 1.0 / (p * (1.0 - p))))
elementwise(s.log_expit, lambda y, ybar, x: ybar * s.expit(-x))

# --- x·log y and entropies: 0·log 0 is 0, and flat in y

elementwise(
    s.xlogy,
    lambda y, ybar, a, b: ybar * np.log(b),
    lambda y, ybar, a, b: ybar * or_nan(y, quotient(a, b)),
)
elementwise(
    s.xlog1py,
    lambda y, ybar, a, b: ybar * s.log1p(b),
    lambda y, ybar, a, b: ybar * or_nan(y, quotient(a, 1.0 + b)),
)
elementwise(s.entr, lambda y, ybar, x: ybar * (-1.0 - np.log(x)))
elementwise(
    s.rel_entr,
    lambda y, ybar, a, b: ybar * (np.log(a / b) + 1.0),
    lambda y, ybar, a, b: ybar * _in_quadrant(a, b, -quotient(a, b)),
)
elementwise(
    s.kl_div,
    lambda y, ybar, a, b: ybar * np.log(a / b),
    lambda y, ybar, a, b: ybar * _in_quadrant(a, b, 1.0 - quotient(a, b)),
)


def _in_quadrant(a, b, slope):
    """The slope where a ≥ 0 and b > 0, or both are 0; elsewhere y is ∞ and has none."""
    a, b = constant(a), constant(b)
    inside = (a >= 0) & ((b > 0) | ((a == 0) & (b == 0)))
    return only(inside, slope)


# --- losses


def _huber_wrt_delta(delta, r):
    size = np.abs(r)
    return np.where(size <= delta, 0.0 * size, size - delta)


def _pseudo_huber_wrt_delta(delta, r):
    """2δ(√ - 1) - r²/(δ√), with q = r/δ and √ = √(1 + q²): δq⁴/(√(√ + 1)²), in which nothing cancels."""
    q = r / delta
    root = np.hypot(1.0, q)
    return delta * (q / (1.0 + root) * q) ** 2 / root


by_slopes(
    "huber",
    lambda y, delta, r: _where(delta >= 0, _huber_wrt_delta(delta, r)),
    lambda y, delta, r: _where(delta >= 0, np.where(np.abs(r) <= delta, r, delta * np.sign(r))),
)
by_slopes(
    "pseudo_huber",
    lambda y, delta, r: _where(delta > 0, _pseudo_huber_wrt_delta(delta, r)),
    lambda y, delta, r: _where(delta > 0, r / np.hypot(1.0, r / delta)),
)


def _where(inside, slope):
    """The slope where δ is in the domain: elsewhere the loss is ∞, or not smooth."""
    return only(inside, slope)


# --- Box-Cox transformations (xᵏ - 1)/k


def _series(t, first):
    """Σₙ first·tⁿ/(n!·(n + first)), n ≥ 0, for |t| < 1."""
    total = 0.0 * t + first / (17 + first)
    for n in range(17, 0, -1):
        total = first / (n - 1.0 + first) + total * t / n
    return total


def _split(t, bound):
    """Return where |t| < bound, t there, and t elsewhere, with a number of the other side in the gaps."""
    close = np.abs(t) < bound
    return close, np.where(close, t, 0.0), np.where(close, bound, t)


def _exprel_slope(x):
    """(xeˣ - eˣ + 1)/x² = ½·Σ 2xⁿ/(n!·(n + 2))."""
    close, near, far = _split(x, 1.0)
    if every(close):
        return 0.5 * _series(x, 2.0)
    return np.where(close, 0.5 * _series(near, 2.0), (far * np.exp(far) - s.expm1(far)) / far**2)


def boxcox_wrt_power(log, k):
    """∂/∂k of (eᵗ - 1)/k, t = k·log: (teᵗ - eᵗ + 1)/k², and log² times the series near t = 0."""
    t = k * log
    close, near, far = _split(t, 1.0)
    if every(close):
        return 0.5 * log * log * _series(t, 2.0)
    far = np.maximum(far, -1000.0)  # of log 0, so that teᵗ is 0
    direct = (far * np.exp(far) - s.expm1(far)) / np.where(close, 1.0, k) ** 2
    if not some(close):
        return direct
    log = np.where(close, log, 0.0)
    return np.where(close, 0.5 * log * log * _series(near, 2.0), direct)


def log1p_excess(u):
    """2(u/(1 + u) - log(1 + u))/u², which is -1 at 0."""
    close, near, far = _split(u, 0.1)
    if every(close):
        return _log1p_series(u)
    return np.where(close, _log1p_series(near), 2.0 * (far / (1.0 + far) - s.log1p(far)) / far**2)


def _log1p_series(u):
    """Σₙ 2(-1)ⁿ⁺¹·(n + 1)/(n + 2)·uⁿ: of u/(1 + u) and log(1 + u), term by term."""
    total = 0.0 * u
    for n in range(18, -1, -1):
        total = -2.0 * (n + 1.0) / (n + 2.0) - total * u
    return total


def _invboxcox_wrt_power(power, x, k):
    """∂/∂k of exp(log(1 + kx)/k) = (1 + kx)^(1/k)·x²/2·2(u/(1 + u) - log(1 + u))/u², u = kx."""
    return power * 0.5 * x * x * log1p_excess(k * x)


def _power_over_base(power, base, k):
    """base^(1/k - 1), of base^(1/k): also where the base is 0."""
    zero = constant(base) == 0
    if not some(zero):
        return power / base
    end = np.where(zero, base, 0.0) ** np.where(zero, 1.0 / np.where(zero, k, 1.0) - 1.0, 1.0)
    return np.where(zero, end, power / np.where(zero, 1.0, base))


elementwise(
    s.boxcox,
    lambda y, ybar, x, k: ybar * or_nan(y, x ** (k - 1.0)),
    lambda y, ybar, x, k: ybar * boxcox_wrt_power(np.log(x), k),
)
elementwise(
    s.boxcox1p,
    lambda y, ybar, x, k: ybar * or_nan(y, np.exp((k - 1.0) * s.log1p(x))),
    lambda y, ybar, x, k: ybar * boxcox_wrt_power(s.log1p(x), k),
)
elementwise(
    s.inv_boxcox,
    lambda y, ybar, x, k: ybar * _power_over_base(y, 1.0 + k * x, k),
    lambda y, ybar, x, k: ybar * _invboxcox_wrt_power(y, x, k),
)
elementwise(
    s.inv_boxcox1p,
    lambda y, ybar, x, k: ybar * _power_over_base(1.0 + y, 1.0 + k * x, k),
    lambda y, ybar, x, k: ybar * _invboxcox_wrt_power(1.0 + y, x, k),
)

elementwise(s.exprel, lambda y, ybar, x: ybar * _exprel_slope(x))

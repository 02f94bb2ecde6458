"""Gamma, beta and zeta functions."""

import math

import numpy as onp

from .... import numpy as np
from ....defining import elementwise
from ....values import constant, dtype_of
from ... import special as s
from ...deciding import every, some
from ...differences import log_slope, near, of_shape, slope
from ..slopes import by_slopes, or_nan

# --- the gamma function


def _trigamma(x):
    """ψ′(x) = ζ(2, x); on the left by reflection, ψ′(x) + ψ′(1 - x) = π²/sin²(πx) (DLMF 5.15.6)."""
    if dtype_of(x).kind == "c":
        return _complex_trigamma(x)
    left = x <= 0
    if not some(left):
        return s._zeta(2.0, x)
    right = s._zeta(2.0, np.where(left, 1.0 - x, x))
    return np.where(left, (math.pi / s._sinpi(np.where(left, x, 0.5))) ** 2 - right, right)


def _complex_trigamma(z):
    """The same of complex numbers, where SciPy has no zeta function: differences of ψ right of its poles."""
    left = constant(z).real < 0.5
    reflected = np.where(left, 1.0 - z, z)
    right = slope(s.psi, (reflected,), 0, near(reflected))
    return np.where(left, (math.pi / np.sin(math.pi * np.where(left, z, 0.5))) ** 2 - right, right)


def _rgamma_slope(y, x):
    """-ψ(x)/Γ(x); on the left from 1/Γ(x) = Γ(1 - x)·sin(πx)/π (DLMF 5.5.3), which is finite at -n."""
    left = constant(x).real < 0.5
    if not some(left):
        return -y * s.psi(x)
    z = np.where(left, x, 0.25)
    reflected = s.gamma(1.0 - z) * (s._cospi(z) - s.psi(1.0 - z) * s._sinpi(z) / math.pi)
    return np.where(left, reflected, -y * s.psi(np.where(left, 1.0, x)))


elementwise(s.gamma, lambda y, ybar, x: ybar * (y * s.psi(x)))
elementwise(s.gammaln, lambda y, ybar, x: ybar * s.psi(x))
elementwise(s.loggamma, lambda y, ybar, x: ybar * or_nan(y, s.psi(x)))
elementwise(s.rgamma, lambda y, ybar, x: ybar * _rgamma_slope(y, x))
elementwise(s.psi, lambda y, ybar, x: ybar * _trigamma(x))
by_slopes("_factorial", lambda y, x: y * s.psi(x + 1.0))
by_slopes("_lgam1p", lambda y, x: s.psi(x + 1.0))
by_slopes("_sinpi", lambda y, x: math.pi * s._cospi(x))
by_slopes("_cospi", lambda y, x: -math.pi * s._sinpi(x))


# --- quotients of gamma functions

_NODES, _WEIGHTS = onp.polynomial.legendre.leggauss(6)


def _digamma_gap(a, b):
    """ψ(a + b) - ψ(a); for |b| < a/10, where the difference loses digits, ∫ψ′ by Gauss's rule."""
    near = (constant(a) > 0) & (onp.abs(constant(b)) < 0.1 * constant(a)) & (constant(a) < math.inf)
    if not some(near):
        return s.psi(a + b) - s.psi(a)
    start, length = np.where(near, a, 1.0), np.where(near, b, 0.0)
    nodes = zip(0.5 * (1.0 + _NODES), 0.5 * _WEIGHTS, strict=True)
    gap = length * sum(weight * s._zeta(2.0, start + node * length) for node, weight in nodes)
    return gap if every(near) else np.where(near, gap, s.psi(a + b) - s.psi(a))


def _of_logarithm(f, argnum, derivative):
    """The slope y·∂log f, and differences of f where a pole of ψ meets a zero of f."""

    def of(y, a, b):
        found = y * derivative(a, b)
        lost = ~onp.isfinite(constant(found)) & onp.isfinite(constant(y))
        if not some(lost):
            return found
        x = (a, b)[argnum]
        return np.where(lost, slope(f, (a, b), argnum, near(x)), found)

    return lambda y, ybar, a, b: ybar * of(y, a, b)


elementwise(
    s.poch,
    _of_logarithm(s.poch, 0, _digamma_gap),
    _of_logarithm(s.poch, 1, lambda z, m: s.psi(z + m)),
)
elementwise(
    s.beta,
    lambda y, ybar, a, b: ybar * (-y * _digamma_gap(a, b)),
    lambda y, ybar, a, b: ybar * (-y * _digamma_gap(b, a)),
)
elementwise(
    s.betaln,
    lambda y, ybar, a, b: ybar * -_digamma_gap(a, b),
    lambda y, ybar, a, b: ybar * -_digamma_gap(b, a),
)
elementwise(
    s.binom,
    _of_logarithm(s.binom, 0, lambda n, k: _digamma_gap(n - k + 1.0, k)),
    _of_logarithm(s.binom, 1, lambda n, k: s.psi(n - k + 1.0) - s.psi(k + 1.0)),
)


# --- zeta functions: ∂ζ(s, a)/∂a = -s·ζ(s + 1, a) (DLMF 25.11.17); s by differences


def _from_pole(x):
    """The step for s of ζ(s), which has a pole at 1."""
    return onp.minimum(of_shape(constant(x) - 1.0), 0.02)


def _hurwitz_slope(y, x, a):
    if dtype_of(x).kind == "c":
        return slope(s._zeta, (x, a), 0, _from_pole(x))
    return log_slope(s._zeta, y, (x, a), 0, _from_pole(x))


def _zeta_slope(y, x):
    """ζ′: of ζ - 1, the logarithm where it is positive."""
    if dtype_of(x).kind == "c":
        return slope(s._riemann_zeta, (x,), 0, _from_pole(x))
    above = x > 1
    beyond = log_slope(s.zetac, s.zetac(x), (x,), 0, _from_pole(x))
    return beyond if every(above) else np.where(above, beyond, slope(s.zetac, (x,), 0, _from_pole(x)))


by_slopes("_zeta", _hurwitz_slope, lambda y, x, a: -x * s._zeta(x + 1.0, a))
by_slopes("_riemann_zeta", _zeta_slope)
elementwise(s.zetac, lambda y, ybar, x: ybar * _zeta_slope(y, x))
by_slopes("_gen_harmonic", None, lambda y, n, a: log_slope(s._gen_harmonic, y, (n, a), 1, near(a)))

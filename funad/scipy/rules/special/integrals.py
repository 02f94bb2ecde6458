"""Exponential, trigonometric and Fresnel integrals, integrals of Bessel functions, Lambert's W."""

import math

import numpy as onp

from .... import numpy as np
from ....defining import defvjp, elementwise
from ....values import constant, dtype_of
from ... import special as s
from ...deciding import some
from ..slopes import by_slopes, or_nan, weighed

# --- exponential integrals

elementwise(s.exp1, lambda y, ybar, x: ybar * or_nan(y, -np.exp(-x) / x))
elementwise(s.expi, lambda y, ybar, x: ybar * (np.exp(x) / x))
elementwise(s.expn, None, lambda y, ybar, n, x: ybar * _expn_slope(n, x))
by_slopes("_scaled_exp1", lambda y, x: _scaled_exp1_slope(y, x))


def _scaled_exp1_slope(y, x):
    """y + y/x - 1; for large x, where it cancels, Σ (-1)ᵏ⁺¹k·k!/xᵏ⁺¹ (DLMF 6.12.1)."""
    far = x > 50.0
    if not some(far):
        return y + y / x - 1.0
    z, total = 1.0 / np.where(far, x, 50.0), 0.0
    for k in range(20, 0, -1):
        total = k * z * (k - total)
    series = z * total
    return np.where(far, series, y + y / x - 1.0)


def _expn_slope(n, x):
    """-Eₙ₋₁(x) (DLMF 8.19.13), E₋₁ = e⁻ˣ(1 + 1/x)/x of n = 0."""
    zero = constant(n) == 0
    if not some(zero):
        return -s.expn(n - 1, x)
    return np.where(zero, -np.exp(-x) * (1.0 + 1.0 / x) / x, -s.expn(np.where(zero, 1, n - 1), x))


def _spence_slope(z):
    """log z/(1 - z), by the series of log near 1."""
    u = z - 1.0
    close = np.abs(u) < 0.05
    if not some(close):
        return -np.log(z) / u
    v = np.where(close, u, 0.0)
    total = 0.0 * v
    for n in range(13, 0, -1):
        total = 1.0 / n - total * v
    return np.where(close, -total, -np.log(np.where(close, 2.0, z)) / np.where(close, 1.0, u))


elementwise(s.spence, lambda y, ybar, z: ybar * or_nan(y, _spence_slope(z)))
elementwise(s.wrightomega, lambda y, ybar, z: ybar * (y / (1.0 + y)))


def _lambertw_slope(w, z):
    """1/(z + exp w) = W/(z(1 + W)) (DLMF 4.13.4), in the form that is right at 0."""
    return 1.0 / (np.exp(w) * (1.0 + w))


# The ufunc of lambertw takes the branch and a tolerance.
by_slopes("_lambertw", lambda y, z, k, tol: _lambertw_slope(y, z))

# --- functions of several results, whose rules pair each with its cotangent


def several(f, *derivatives):
    """Give a ufunc of one argument and several results its rule, by functions (y, x) ↦ ∂y."""

    def rule(y, ybar, x):
        parts = [weighed(bar, of(y, x)) for bar, of in zip(ybar, derivatives, strict=True)]
        xbar = sum(parts[1:], parts[0])
        return xbar if dtype_of(x).kind == "c" or dtype_of(xbar).kind != "c" else np.real(xbar)

    defvjp(f, rule)


several(s.sici, lambda y, x: np.sinc(x / math.pi), lambda y, x: or_nan(y[1], np.cos(x) / x))
several(s.shichi, lambda y, x: _sinhc(x), lambda y, x: or_nan(y[1], np.cosh(x) / x))


def _sinhc(x):
    """sinh x/x = (exprel x + exprel(-x))/2."""
    if dtype_of(x).kind == "c":
        return np.sinc(1j * x / math.pi)
    return 0.5 * (s.exprel(x) + s.exprel(-x))


several(
    s.fresnel,
    lambda y, x: np.sin(math.pi / 2 * x * x),
    lambda y, x: np.cos(math.pi / 2 * x * x),
)


def _modified_fresnel(f, sign):
    """F± = ∫ₓ^∞ exp(±it²) dt and K± = exp(∓i(x² + π/4))·F±/√π."""
    phase = onp.exp(-1j * sign * math.pi / 4)
    several(
        f,
        lambda y, x: -np.exp(1j * sign * x * x),
        lambda y, x: -2j * sign * x * y[1] - phase / math.sqrt(math.pi),
    )


_modified_fresnel(s.modfresnelp, 1.0)
_modified_fresnel(s.modfresnelm, -1.0)

# --- integrals of Bessel, Airy and Struve functions (SciPy's documentation has their integrands)

several(s.itj0y0, lambda y, x: s.j0(x), lambda y, x: s.y0(x))
several(s.iti0k0, lambda y, x: s.i0(x), lambda y, x: s.k0(x))
several(s.it2j0y0, lambda y, x: _cosc(x), lambda y, x: -s.y0(x) / x)
several(s.it2i0k0, lambda y, x: _coshc(x), lambda y, x: -s.k0(x) / x)
several(
    s.itairy,
    lambda y, x: s.airy(x)[0],
    lambda y, x: s.airy(x)[2],
    lambda y, x: s.airy(-x)[0],
    lambda y, x: s.airy(-x)[2],
)
elementwise(s.itstruve0, lambda y, ybar, x: ybar * s.struve(0.0, x))
elementwise(s.itmodstruve0, lambda y, ybar, x: ybar * s.modstruve(0.0, x))
elementwise(s.it2struve0, lambda y, ybar, x: ybar * (-s.struve(0.0, x) / x))


def _bessel_series(x, sign):
    """Σ (±1)ᵏ⁺¹·(x/2)²ᵏ⁻¹/(2·k!²), k ≥ 1: (1 - J₀)/x or (I₀ - 1)/x for |x| < 1."""
    q, total = 0.25 * sign * x * x, 0.0
    for k in range(10, 1, -1):
        total = q / (k * k) * (1.0 + total)
    return 0.25 * x * (1.0 + total)


def _cosc(x):
    """(1 - J₀(x))/x."""
    near = np.abs(x) < 1
    far = np.where(near, 1.0, x)
    return np.where(near, _bessel_series(np.where(near, x, 0.0), -1.0), (1.0 - s.j0(far)) / far)


def _coshc(x):
    """(I₀(x) - 1)/x."""
    near = np.abs(x) < 1
    far = np.where(near, 1.0, x)
    return np.where(near, _bessel_series(np.where(near, x, 0.0), 1.0), (s.i0(far) - 1.0) / far)

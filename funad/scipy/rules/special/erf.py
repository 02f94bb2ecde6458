"""Error functions and the normal distribution."""

import math

import numpy as onp

from .... import numpy as np
from ....defining import elementwise
from ....values import constant, dtype_of
from ... import special as s
from ...deciding import every, some
from ..slopes import or_nan

SQRT_PI, SQRT_2PI = math.sqrt(math.pi), math.sqrt(2 * math.pi)
TWO_BY_SQRT_PI = 2 / SQRT_PI


def normal_density(x):
    """φ(x) = exp(-x²/2)/√(2π)."""
    return np.exp(-0.5 * x * x) / SQRT_2PI


elementwise(s.erf, lambda y, ybar, x: ybar * (TWO_BY_SQRT_PI * np.exp(-x * x)))
elementwise(s.erfc, lambda y, ybar, x: ybar * (-TWO_BY_SQRT_PI * np.exp(-x * x)))
elementwise(s.erfi, lambda y, ybar, x: ybar * (TWO_BY_SQRT_PI * np.exp(x * x)))
elementwise(s.erfinv, lambda y, ybar, x: ybar * np.exp(y * y) / TWO_BY_SQRT_PI)
elementwise(s.erfcinv, lambda y, ybar, x: ybar * -np.exp(y * y) / TWO_BY_SQRT_PI)


# --- scaled functions: where 1 - 2x·f cancels, far out, the asymptotic series of it


def _far_series(q, weight=False):
    """Σₖ (2k-1)!!·qᵏ, with a factor k if ``weight``: for q < 1/98 the last term is below 1e-16."""
    total = 0.0
    for k in range(24, 0, -1):
        total = q * (2 * k - 1) * (float(k if weight else 1) + total)
    return total


def _erfcx_slope(y, x):
    """2xy - 2/√π; for x > 4 it is -2·i¹erfc(x)·exp(x²), from a continued fraction."""
    if dtype_of(x).kind == "c":
        return 2.0 * x * y - TWO_BY_SQRT_PI
    far = x > 4.0
    if not some(far):
        return 2.0 * x * y - TWO_BY_SQRT_PI
    z = np.where(far, x, 4.0)
    # The ratios rₙ = iⁿ⁻¹erfc/iⁿerfc obey rₙ₋₁ = 2z + 2n/rₙ (DLMF 7.18.7).
    ratio = z + z
    for n in range(20, 1, -1):
        ratio = 2.0 * z + 2.0 * n / ratio
    return np.where(far, -2.0 * s.erfcx(z) / ratio, 2.0 * np.where(far, 0.0, x) * y - TWO_BY_SQRT_PI)


def _dawsn_slope(y, x):
    """1 - 2xy, for large x by DLMF 7.12.1."""
    far = np.abs(x) > 7.0
    if dtype_of(x).kind == "c" or not some(far):
        return 1.0 - 2.0 * x * y
    return np.where(far, -_far_series(0.5 / np.where(far, x, 7.0) ** 2), 1.0 - 2.0 * x * y)


def _beside(z):
    """Return c·exp(-z²), the part of w(z) for large |z| that its asymptotic series does not have.

    c is 0 above the real axis, 2 below, and 1 about it (DLMF 7.12(i)): at a distance of 1 from the axis, the
    series is larger by 20 digits.
    """
    height = constant(z).imag
    count = onp.where(height > 1.0, 0.0, onp.where(height < -1.0, 2.0, 1.0))
    z = np.where(height > 1.0, 7.0, z)  # above, it overflows
    return count * np.exp(-z * z)


def wofz_slope(w, z):
    """w′ = -2zw + 2i/√π (DLMF 7.10.2), for large |z| by DLMF 7.12.1."""
    far = onp.abs(constant(z)) > 7.0
    if not some(far):
        return -2.0 * z * w + 1j * TWO_BY_SQRT_PI
    near, z = np.where(far, 0.0, z), np.where(far, z, 7.0)
    series = -1j * TWO_BY_SQRT_PI * _far_series(0.5 / z**2)
    return np.where(far, series - 2.0 * z * _beside(z), -2.0 * near * w + 1j * TWO_BY_SQRT_PI)


def wofz_curvature(w, z):
    """w + zw′ = -w″/2."""
    far = onp.abs(constant(z)) > 7.0
    if not some(far):
        return w + z * wofz_slope(w, z)
    near, z = np.where(far, 0.0, z), np.where(far, z, 7.0)
    series = -1j * TWO_BY_SQRT_PI / z * _far_series(0.5 / z**2, weight=True)
    inside = w + near * (-2.0 * near * w + 1j * TWO_BY_SQRT_PI)
    return np.where(far, series + (1.0 - 2.0 * z * z) * _beside(z), inside)


elementwise(s.erfcx, lambda y, ybar, x: ybar * _erfcx_slope(y, x))
elementwise(s.wofz, lambda y, ybar, x: ybar * wofz_slope(y, x))
elementwise(s.dawsn, lambda y, ybar, x: ybar * _dawsn_slope(y, x))

# --- the normal distribution

elementwise(s.ndtr, lambda y, ybar, x: ybar * normal_density(x))
elementwise(s.ndtri, lambda y, ybar, p: ybar / normal_density(y))
elementwise(s.ndtri_exp, lambda y, ybar, x: ybar / _log_ndtr_slope(x, y))


def _log_ndtr_slope(y, x):
    """φ(x)/Φ(x) = √(2/π)/erfcx(-x/√2): on the left, where both are 1e-300, a number of size -x."""
    if dtype_of(x).kind == "c":
        return np.exp(-0.5 * x * x - y) / SQRT_2PI
    left = constant(x) < 0
    if every(left):
        return math.sqrt(2 / math.pi) / s.erfcx(x * -math.sqrt(0.5))
    right = np.exp(-0.5 * x * x - y) / SQRT_2PI
    if not some(left):
        return right
    return np.where(left, math.sqrt(2 / math.pi) / s.erfcx(np.where(left, x, -1.0) * -math.sqrt(0.5)), right)


elementwise(s.log_ndtr, lambda y, ybar, x: ybar * _log_ndtr_slope(y, x))

# Owen's T = ∫₀ᵃ exp(-h²(1 + t²)/2)/(2π(1 + t²)) dt (Owen, Tables for computing bivariate normal
# probabilities, 1956).
elementwise(
    s.owens_t,
    lambda y, ybar, h, a: ybar * (-0.5 * normal_density(h) * s.erf(a * h * math.sqrt(0.5))),
    lambda y, ybar, h, a: ybar * (np.exp(-0.5 * h * h * (1.0 + a * a)) / (2 * math.pi * (1.0 + a * a))),
)

# --- the Voigt profile V = Re w(z)/(σ√(2π)) of z = (x + iγ)/(σ√2)


def _voigt_slope(x, sigma, gamma):
    """∂V/∂x - i·∂V/∂γ = w′(z)/(2√π·σ²); at σ = 0, where V = Re i/(π(x + iγ)), -i/(π(x + iγ)²)."""
    none = constant(sigma) == 0
    if some(none):
        cauchy = -1j / (math.pi * (x + 1j * gamma) ** 2)
        return np.where(none, cauchy, _voigt_slope(x, np.where(none, 1.0, sigma), gamma))
    z = (x + 1j * gamma) / (sigma * math.sqrt(2))
    return wofz_slope(s.wofz(z), z) / (2 * SQRT_PI * sigma * sigma)


def _voigt_wrt_sigma(x, sigma, gamma):
    """∂V/∂σ = -Re(w + zw′)/(√(2π)·σ²); near σ = 0 it is σ·∂²V/∂x², V the Cauchy density."""
    none = constant(sigma) == 0
    if some(none):
        cauchy = sigma * np.real(2j / (math.pi * (x + 1j * gamma) ** 3))
        return np.where(none, cauchy, _voigt_wrt_sigma(x, np.where(none, 1.0, sigma), gamma))
    z = (x + 1j * gamma) / (sigma * math.sqrt(2))
    return -np.real(wofz_curvature(s.wofz(z), z)) / (SQRT_2PI * sigma * sigma)


elementwise(
    s.voigt_profile,
    lambda y, ybar, x, sigma, gamma: ybar * or_nan(y, np.real(_voigt_slope(x, sigma, gamma))),
    lambda y, ybar, x, sigma, gamma: ybar * or_nan(y, _voigt_wrt_sigma(x, sigma, gamma)),
    lambda y, ybar, x, sigma, gamma: ybar * or_nan(y, -np.imag(_voigt_slope(x, sigma, gamma))),
)

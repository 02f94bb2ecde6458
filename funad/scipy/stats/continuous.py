"""Methods of continuous distributions that search, are compiled, or have other forms at isolated values."""

import math

import numpy as onp

from ... import numpy as np
from ...boxes import innermost
from ...errors import NotDifferentiableError
from .. import special
from ..hosting import untraced
from .values import like, plain, with_value

__all__ = [
    "by_quadrature", "exponential_of", "gen_hyperbolic", "gen_inverse_gauss", "not_nearly_normal",
    "quantiles", "skewed",
]  # fmt: skip


def quantiles(self, q, *args):
    """Return SciPy's quantiles; their derivatives by two Newton steps on F(x, θ) - q, which do not move x.

    k steps give 2ᵏ - 1 orders: the first three.
    """
    with untraced():
        x = self._ppfvec(plain(q), *map(plain, args))
    if innermost((q, *args)) is None:
        return x
    start = x
    residual = plain(self._cdf(start, *args)) - plain(q)  # what the solver has left
    for _ in range(2):
        slope = self._pdf(x, *args)
        x = x - (self._cdf(x, *args) - q - residual) / slope
    return with_value(start, x)


def not_nearly_normal(f):
    """Refuse skews that SciPy takes for 0: there is no derivative then."""

    def process(self, x, skew):
        if innermost((skew,)) is not None and onp.any(onp.abs(plain(skew)) < 1.6e-5):
            raise NotDifferentiableError(
                "scipy.stats.pearson3 is the normal distribution where |skew| < 1.6e-5, and the derivative "
                "in skew is lost there; move the value by a little, or give it stop_gradient(skew) where the "
                "derivative is not wanted"
            )
        return f(self, x, skew)

    return process


def skewed(f):
    """log 2 φ(x) Φ(ax), of which SciPy has another form at a = 0."""

    def _logpdf(self, x, a):
        with untraced():
            y = f(self, plain(x), plain(a))
        return with_value(y, math.log(2) - x**2 / 2 - math.log(2 * math.pi) / 2 + special.log_ndtr(a * x))

    return _logpdf


def exponential_of(name):
    """Return the density as the exponential of its logarithm, with SciPy's value."""

    def how(f):
        def _pdf(self, x, *args):
            with untraced():
                y = f(self, plain(x), *map(plain, args))
            return with_value(y, np.exp(getattr(self, name)(x, *args)))

        return _pdf

    return how


def by_quadrature(f, upper=False):
    """Return a distribution function, or its complement, with the derivatives of the integrated density."""

    def _cdf(self, x, *args):
        with untraced():
            y = f(self, plain(x), *map(plain, args))
        if innermost((x, *args)) is None:
            return y
        below = self._cdfvec(x, *args)
        return with_value(y, 1.0 - below if upper else below)

    return _cdf


def gen_inverse_gauss(f):
    """log of xᵖ⁻¹ exp(-b(x + 1/x)/2) / 2Kₚ(b)."""

    def formula(x, p, b):
        return (p - 1) * np.log(x) - b * (x - 1) ** 2 / (2 * x) - np.log(2 * special.kve(p, b))

    return like(f, formula)


def gen_hyperbolic(f):
    """log of (a² - b²)^(p/2) exp(bx) K₍ₚ₋½₎(a√(1 + x²)) / √2π aᵖ⁻½ Kₚ(√(a² - b²)) (1 + x²)^((½ - p)/2)."""

    def formula(x, p, a, b):
        root, radius = np.sqrt(a**2 - b**2), np.sqrt(1 + x**2)
        outside = p * np.log(root) - np.log(2 * onp.pi) / 2 - (p - 0.5) * np.log(a)
        bessel = np.log(special.kve(p - 0.5, a * radius)) - np.log(special.kve(p, root))
        return outside + bessel + root - a * radius + b * x + (p - 0.5) * np.log(radius)

    return like(f, formula)

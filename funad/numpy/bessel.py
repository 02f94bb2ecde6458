"""Bessel functions over a power of their argument: what the derivatives of ``i0`` are made of.

Divided by xⁿ they are even, without a pole, and each is the derivative of the one before, to all
orders: with hₙ(x) = Iₙ(x)/xⁿ, hₙ′ = x·hₙ₊₁ (DLMF 10.29.4).
"""

import math

import numpy as _np


def modified_ratio(x, n):
    """Return Iₙ(x)/xⁿ, of the modified Bessel function Iₙ and a real x."""
    x = abs(_np.asarray(x))
    near = x < 30 + n * n
    return _np.where(near, _modified_series(_np.where(near, x, 0), n), _modified_far(x, n, near))[()]


def _modified_series(x, n):
    """Σ (x²/4)ᵏ / (2ⁿ k! (n+k)!), DLMF 10.25.2: all terms are positive, so no digits are lost."""
    q = 0.25 * x * x
    term = total = _np.ones_like(x) / (2**n * math.factorial(n))
    for k in range(1, 500):
        term = term * q / (k * (n + k))
        total = total + term
        if not _np.any(term > 1e-17 * total):
            break
    return total


def _modified_far(x, n, near):
    """eˣ/√(2πx) · Σ (-1)ᵏ aₖ(n)/xᵏ / xⁿ, DLMF 10.40.1: its smallest term is below e⁻²ˣ."""
    x = _np.where(near, 30 + n * n, x)
    term = total = _np.ones_like(x)
    for k in range(1, 24):
        term = term * ((2 * k - 1) ** 2 - 4 * n * n) / (8 * k * x)
        total = total + term
    with _np.errstate(over="ignore"):
        return _np.exp(x) / _np.sqrt(2 * math.pi * x) * total / x**n

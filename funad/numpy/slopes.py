"""Slopes that keep their digits in the tails, where those made of a rounded y lose them.

tanh 20 is 1 but for the last digit, so that of 1 - y² nothing is left; from x it is right. But y is
at hand, and functions of x take time: x is asked only in those places where y is not enough.
"""

import numpy as _np

_ndarray = _np.ndarray


def one_minus_square(y, x):
    """Return 1 - y² for y = tanh x, to the last digits; it is a function of y, and x says more of y."""
    return _restored(1 - y * y, x, _sech_squared)


def one_plus(y, x):
    """Return 1 + y for y = expm1 x, to the last digits; it is a function of y, and x says more of y."""
    return _restored(1 + y, x, _np.exp)


def _sech_squared(x):
    """4e/(1 + e)² with e = exp(-2|x|); for |x| of a complex x, that of ±x on the right."""
    e = _np.exp(-2 * _np.where(x.real < 0, -x, x))
    return 4 * e / ((1 + e) * (1 + e))


# Slopes below these have lost more than a fifth of their digits.
LITTLE = {kind: float(_np.finfo(kind).eps) ** 0.2 for kind in map(_np.dtype, "efdgFDG")}


def _restored(slope, x, exact):
    """Return a slope that is small where digits have cancelled, with the exact one in those places."""
    if type(slope) is not _ndarray:
        return slope if abs(slope) > 0.05 else type(slope)(exact(_np.asarray(x)))
    if slope.dtype.kind == "f" and slope.size and slope.item(slope.argmin()) > LITTLE[slope.dtype]:
        return slope
    lost = abs(slope) <= LITTLE[slope.dtype]
    slope[lost] = exact(_np.broadcast_to(x, slope.shape)[lost].astype(slope.dtype, copy=False))
    return slope


def complement(x):
    """Return 1 - x² for real x, to the last digits near ±1 too."""
    return (1 - x) * (1 + x)


def cosine_of(a, b):
    """Return a/r for r = √(a² + b²), and 0 at the origin, where r² neither overflows nor underflows."""
    r = _np.hypot(a, b)
    return _np.divide(a, _np.where(r == 0, _np.inf, r).astype(r.dtype))[()]


def fermi(x):
    """Return the Fermi function 1/(1 + eˣ), of which both tails keep their digits."""
    y = 1 + _np.exp(x)
    return _np.divide(1, y, out=y) if type(y) is _ndarray else 1 / y


def sinc_slope(x, n):
    """Return the n-th derivative uₙ of sinc x = sin(πx)/(πx), of a real or a complex x.

    From (x·u₀)⁽ⁿ⁾, x·uₙ + n·uₙ₋₁ = πⁿ⁻¹·sin⁽ⁿ⁾(πx): a recurrence that loses digits where πx < n.
    """
    x = _np.asarray(x)
    near = abs(x) * _np.pi < n + 2
    if near.all():
        return _sinc_series(x, n)[()]
    y = _np.empty_like(x)
    y[near] = _sinc_series(x[near], n)
    y[~near] = _sinc_upward(x[~near], n)
    return y[()]


def _sinc_series(x, n):
    """The n-th derivative of Σ (-1)ᵏ(πx)²ᵏ/(2k + 1)!, term by term."""
    first = (n + 1) // 2  # the terms before it have none
    term = total = x ** (n % 2) * ((-(_np.pi**2)) ** first / (2 * first + 1))
    q = -((_np.pi * x) ** 2)
    for k in range(first + 1, first + 14 + 2 * n):  # |πx| < n + 2
        power = 2 * k - n
        term = term * (q * ((2 * k - 1) / ((2 * k + 1) * power * (power - 1))))
        total = total + term
    return total


def _sinc_upward(x, n):
    """The recurrence, from u₀ on."""
    u = _sine_of_pi(x, 0) / _np.pi / x
    for k in range(1, n + 1):
        u = (_np.pi ** (k - 1) * _sine_of_pi(x, k) - k * u) / x
    return u


def _sine_of_pi(x, n):
    """Return the n-th derivative of sin at πx. The rounding of πx would be as large as π for a large x."""
    turns = _np.fmod(x.real, 2)  # exact
    size = abs(turns)
    half = _np.minimum(size, 2 - size)
    # Both zeros of sin(πt) are taken at t = 0, where it keeps its digits.
    cosine = _np.sin(_np.pi * (0.5 - half))
    sine = _np.copysign(_np.sin(_np.pi * _np.minimum(half, 1 - half)), _np.where(size > 1, -turns, turns))
    if x.dtype.kind == "c":
        high, low = _np.cosh(_np.pi * x.imag), _np.sinh(_np.pi * x.imag)
        sine, cosine = sine * high + 1j * cosine * low, cosine * high - 1j * sine * low
    return (sine, cosine, -sine, -cosine)[n % 4].astype(x.dtype, copy=False)

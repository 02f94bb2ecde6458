"""Polynomials as NumPy's older functions have them: coefficients from the highest degree down.

All but the products and the roots are made of other functions of the namespace.
"""

import importlib as _importlib

import numpy as _np

from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..floating import at_user as _at_user
from ..primitives import composite as _composite
from ..primitives import primitive
from ..values import constant as _constant
from .creation import array as _array
from .creation import vander as _vander
from .elementwise import real as _real
from .elementwise import sqrt as _sqrt
from .elementwise import square as _square
from .manipulation import asarray as _asarray
from .manipulation import astype as _astype
from .manipulation import atleast_1d as _atleast_1d
from .manipulation import concatenate as _concatenate
from .products import dot as _dot
from .products import outer as _outer
from .reductions import sum as _sum

__all__ = [
    "poly",
    "polyadd",
    "polyder",
    "polydiv",
    "polyfit",
    "polyint",
    "polymul",
    "polysub",
    "polyval",
    "roots",
]

roots = primitive(_np.roots)

_MULTIPLE = (
    "the roots of a polynomial have no derivative at a multiple root (to rounding): such roots move "
    "like a root of the change; the sum and the product of all roots are known from the coefficients, as "
    "-p[1]/p[0] and (-1)**n*p[n]/p[0] for those of np.roots, or move the polynomial away from it"
)


def check_simple(y, slopes, size):
    """Refuse roots that are as near to another as rounding moves them, or not far from it.

    ``slopes`` are p′(y), ``size`` the sums of the absolute values of the terms of p(y).
    """
    slopes = _np.abs(slopes)
    errors = _np.finfo(y.dtype).eps * size / _np.where(slopes == 0, _np.inf, slopes)
    gaps = _np.abs(y[:, None] - y) + _np.where(_np.eye(len(y), dtype=bool), _np.inf, 0)
    if _np.any((slopes == 0) | (_np.min(gaps, axis=-1, initial=_np.inf) <= 1e4 * errors)):
        raise _NotDifferentiableError(_MULTIPLE)


# The coefficients of the product of two polynomials, from the lowest degree up or the highest down.
product = primitive(lambda a, b: _np.convolve(a, b), "numpy.polymul")


def _linalg():
    """Return the functions of linear algebra, which are loaded late."""
    return _importlib.import_module("funad.numpy.linalg")


def plain(x):
    """Return x, or the lists in it, without traces."""
    return [plain(part) for part in x] if type(x) in (list, tuple) else _constant(x)


def like(y, wanted):
    """Return y in the shape and dtype of what NumPy returns, which has cut off zeros at the end."""
    y = y[tuple(slice(size) for size in wanted.shape)]
    return y if y.dtype == wanted.dtype else _astype(y, wanted.dtype)


def vector(c):
    """Return coefficients as an array of one axis at least."""
    return _array(c, ndmin=1)


@_composite(_np.poly)
def poly(seq_of_zeros):
    """Return the coefficients of the polynomial with these roots, or of that of a matrix."""
    wanted = _np.poly(plain(seq_of_zeros))
    zeros = _asarray(_atleast_1d(seq_of_zeros))
    if zeros.ndim == 2:
        zeros = _linalg().eigvals(zeros)
    if zeros.size == 0:
        return wanted
    y = _np.ones(1, wanted.dtype)
    for zero in zeros:
        nothing = _np.zeros(1, wanted.dtype)
        y = _concatenate([y, nothing]) - zero * _concatenate([nothing, y])
    return like(_real(y) if wanted.dtype.kind != "c" else y, wanted)


@_composite(_np.polyadd)
def polyadd(a1, a2):
    """Return the coefficients of the sum."""
    a, b = _aligned(a1, a2)
    return a + b


@_composite(_np.polysub)
def polysub(a1, a2):
    """Return the coefficients of the difference."""
    a, b = _aligned(a1, a2)
    return a - b


def _aligned(a1, a2):
    """Return both with zeros in front, to the length of the longer."""
    a, b = vector(a1), vector(a2)
    n = max(len(a), len(b))
    return tuple(x if len(x) == n else _concatenate([_np.zeros(n - len(x), x.dtype), x]) for x in (a, b))


@_composite(_np.polymul)
def polymul(a1, a2):
    """Return the coefficients of the product."""
    a, b = (c if len(c) else _np.zeros(1) for c in map(vector, (a1, a2)))
    y = product(a, b)
    return y[len(y) - len(_np.polymul(plain(a1), plain(a2))) :]


@_composite(_np.polydiv)
def polydiv(u, v):
    """Return the coefficients of the quotient and of the remainder."""
    wanted = _np.polydiv(plain(u), plain(v))
    u, v = vector(u) + 0.0, vector(v) + 0.0
    quotient = [_np.zeros((), wanted[0].dtype)] if len(u) < len(v) else []
    for _ in range(len(u) - len(v) + 1):
        factor = u[0] / v[0]
        quotient.append(factor)
        u = _concatenate([u[1 : len(v)] - factor * v[1:], u[len(v) :]])
    # Steps of division leave a remainder of one element at least, a zero if need be.
    rest = u if len(u) >= len(wanted[1]) else _concatenate([0 * factor * v[:1], u])
    return like(_array(quotient), wanted[0]), like(rest[len(rest) - len(wanted[1]) :], wanted[1])


@_composite(_np.polyder)
def polyder(p, m=1):
    """Return the coefficients of the m-th derivative."""
    wanted = _np.polyder(plain(p), m)
    p = _asarray(p)
    for _ in range(int(m)):
        p = p[:-1] * _np.arange(len(p) - 1, 0, -1)
    return like(p, wanted)


@_composite(_np.polyint)
def polyint(p, m=1, k=None):
    """Return the coefficients of the m-th antiderivative, with the constants k."""
    wanted = _np.polyint(plain(p), m, plain(k))
    p, m = _asarray(p), int(m)
    k = _np.zeros(m) if k is None else vector(k)
    for n in range(m):
        p = _concatenate([p / _np.arange(len(p), 0, -1), k[:1] if len(k) == 1 else k[n : n + 1]])
    return like(p, wanted)


@_composite(_np.polyval)
def polyval(p, x):
    """Return the polynomial with the coefficients p at x, by Horner's scheme."""
    p, x = _asarray(p), _asarray(x)
    y = _np.zeros_like(_constant(x))
    for coefficient in p:
        y = y * x + coefficient
    return y


def least_squares(lhs, rhs, rcond, conjugated):
    """Return what lstsq does for lhs with columns of length 1, and these lengths before."""
    absolute = conjugated and lhs.dtype.kind == "c"
    squares = _square(_real(lhs)) + _square(lhs.imag) if absolute else lhs * lhs
    scale = _sqrt(_sum(squares, axis=0))
    if conjugated:
        scale = scale + (_constant(scale) == 0)
    c, *others = _linalg().lstsq(lhs / scale, rhs, rcond)
    return (c.T / scale).T, *others, scale


@_composite(_np.polyfit)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """Return the coefficients of the polynomial of least squares, and what is known of them."""
    # Its own checks and warnings.
    _at_user(_np.polyfit, plain(x), plain(y), deg, _constant(rcond), full, plain(w), cov)
    x, y = _asarray(x) + 0.0, _asarray(y) + 0.0
    rcond = len(x) * _np.finfo(x.dtype).eps if rcond is None else rcond
    lhs, rhs = _vander(x, int(deg) + 1), y
    if w is not None:
        w = _asarray(w) + 0.0
        lhs = lhs * w[:, None]
        rhs = rhs * (w[:, None] if rhs.ndim == 2 else w)
    c, resids, rank, s, scale = least_squares(lhs, rhs, _constant(rcond), False)
    if full:
        return c, resids, rank, s, rcond
    if not cov:
        return c
    lhs = lhs / scale
    base = _linalg().inv(_dot(lhs.T, lhs)) / _outer(scale, scale)
    factor = 1 if cov == "unscaled" else resids / (len(x) - lhs.shape[1])
    return c, (base if y.ndim == 1 else base[:, :, None]) * factor

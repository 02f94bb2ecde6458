"""Elliptic integrals and functions.

Derivatives are written with Carlson's symmetric integrals, of positive terms: Legendre's own forms
(E - (1 - m)K)/(2m(1 - m)) are 0/0 at m = 0.
"""

import math

import numpy as onp

from .... import numpy as np
from ....defining import defvjp, elementwise
from ....spaces import unbroadcast
from ....values import constant, shape_of
from ... import special as s
from ...deciding import every, some
from ...differences import log_slope
from ..slopes import by_slopes

# --- complete integrals: K = R_F(0, 1 - m, 1) (DLMF 19.25.1), and 19.18.1; far from 0, where Legendre's
# forms keep their digits, those: they take a tenth of the time


def _near_zero(m, legendre, carlson):
    """legendre(m), and carlson(m) where |m| is below 0.1, or at 1."""
    near = (onp.abs(constant(m)) < 0.1) | (constant(m) == 1)
    if not some(near):
        return legendre(m)
    if every(near):
        return carlson(m)
    return np.where(near, carlson(np.where(near, m, 0.0)), legendre(np.where(near, 0.5, m)))


def _ellipk_slope(m):
    return _near_zero(
        m,
        lambda m: (s.ellipe(m) / (1.0 - m) - s.ellipk(m)) / (2.0 * m),
        lambda m: s.elliprd(0.0, 1.0, 1.0 - m) / 6.0,
    )


def _ellipe_slope(m):
    return _near_zero(
        m, lambda m: (s.ellipe(m) - s.ellipk(m)) / (2.0 * m), lambda m: s.elliprd(0.0, 1.0 - m, 1.0) / -6.0
    )


elementwise(s.ellipk, lambda y, ybar, m: ybar * _ellipk_slope(m))
elementwise(s.ellipkm1, lambda y, ybar, p: ybar * (s.elliprd(0.0, 1.0, p) / -6.0))
elementwise(s.ellipe, lambda y, ybar, m: ybar * _ellipe_slope(m))

# --- incomplete integrals: F = sin φ·R_F(cos²φ, 1 - m·sin²φ, 1) for |φ| ≤ π/2 (DLMF 19.25.5)


def _reduced(phi):
    """Return k and sin, cos² of φ - kπ, which is within π/2."""
    k = onp.round(constant(phi) / math.pi)
    rest = phi - k * math.pi
    return k, np.sin(rest), np.cos(rest) ** 2


def _ellipkinc_wrt_m(phi, m):
    """½∫ sin²θ/(1 - m·sin²θ)^{3/2} dθ = sin³φ/6·R_D(cos²φ, 1, 1 - m·sin²φ), and 2k times K′(m)."""
    k, sine, square = _reduced(phi)
    part = sine**3 / 6.0 * s.elliprd(square, 1.0, 1.0 - m * sine**2)
    return part + k / 3.0 * s.elliprd(0.0, 1.0, 1.0 - m) if some(k) else part


def _ellipeinc_wrt_m(phi, m):
    """-½∫ sin²θ/√(1 - m·sin²θ) dθ = -sin³φ/6·R_D(cos²φ, 1 - m·sin²φ, 1), and 2k times E′(m)."""
    k, sine, square = _reduced(phi)
    part = sine**3 / -6.0 * s.elliprd(square, 1.0 - m * sine**2, 1.0)
    return part - k / 3.0 * s.elliprd(0.0, 1.0 - m, 1.0) if some(k) else part


elementwise(
    s.ellipkinc,
    lambda y, ybar, phi, m: ybar / np.sqrt(1.0 - m * np.sin(phi) ** 2),
    lambda y, ybar, phi, m: ybar * _ellipkinc_wrt_m(phi, m),
)
elementwise(
    s.ellipeinc,
    lambda y, ybar, phi, m: ybar * np.sqrt(1.0 - m * np.sin(phi) ** 2),
    lambda y, ybar, phi, m: ybar * _ellipeinc_wrt_m(phi, m),
)

# --- Jacobi's functions sn, cn, dn and the amplitude φ (DLMF 22.13); ∂φ/∂m = -F_m/F_φ of u = F(φ, m)


def _ellipj_wrt_u(y, ybar, u, m):
    sn, cn, dn, _ = y
    ubar = ybar[0] * cn * dn - ybar[1] * sn * dn - ybar[2] * m * sn * cn + ybar[3] * dn
    return unbroadcast(ubar, shape_of(u))


def _ellipj_wrt_m(y, ybar, u, m):
    sn, cn, dn, phi = y
    turn = -dn * _ellipkinc_wrt_m(phi, m)
    of_dn = -(0.5 * sn * sn + m * sn * cn * turn) / dn
    return unbroadcast((ybar[0] * cn - ybar[1] * sn + ybar[3]) * turn + ybar[2] * of_dn, shape_of(m))


defvjp(s.ellipj, _ellipj_wrt_u, _ellipj_wrt_m)

# --- Carlson's integrals

by_slopes(
    "elliprf",
    lambda v, x, y, z: s.elliprd(y, z, x) / -6.0,
    lambda v, x, y, z: s.elliprd(x, z, y) / -6.0,
    lambda v, x, y, z: s.elliprd(x, y, z) / -6.0,
)


def _scale(x):
    """The step for x, the integrals of which are smooth in log x."""
    return 0.01 * constant(x)


def _far(a, b):
    """Where a partial fraction in 1/(a - b) loses no digits."""
    a, b = constant(a), constant(b)
    return onp.abs(a - b) > 0.2 * onp.maximum(onp.abs(a), onp.abs(b))


def _choose(far, direct, f, y, args, n):
    """The slope ``direct`` where ``far``, and differences elsewhere."""
    if every(far):
        return direct
    found = log_slope(f, y, args, n, _scale(args[n]))
    return np.where(far, direct, found) if some(far) else found


def _at_zero(x, of_x):
    """x·∂R/∂x, which is 0 at x = 0, where ∂R/∂x is infinite as 1/√x."""
    zero = constant(x) == 0
    return np.where(zero, 0.0, x * of_x) if some(zero) else x * of_x


def _rd_wrt_x(v, x, y, z):
    """-½·(R_D(y, z, x) - R_D(x, y, z))/(z - x), by partial fractions of the integrand."""
    far = _far(x, z)
    direct = -0.5 * (s.elliprd(y, z, x) - v) / np.where(far, z - x, 1.0)
    return _choose(far, direct, s.elliprd, v, (x, y, z), 0)


def _rd_wrt_z(v, x, y, z):
    """By Euler's theorem: R_D is homogeneous of degree -3/2."""
    of_x, of_y = _rd_wrt_x(v, x, y, z), _rd_wrt_x(v, y, x, z)
    return (-1.5 * v - _at_zero(x, of_x) - _at_zero(y, of_y)) / z


by_slopes(
    "elliprd",
    lambda v, x, y, z: _rd_wrt_x(v, x, y, z),
    lambda v, x, y, z: _rd_wrt_x(v, y, x, z),
    lambda v, x, y, z: _rd_wrt_z(v, x, y, z),
)


def _rc_wrt_x(v, x, y):
    """(R_C - 1/√x)/(2(y - x)), from R_C = arccos √(x/y)/√(y - x) (DLMF 19.2.18)."""
    far = _far(x, y)
    direct = (v - 1.0 / np.sqrt(x)) / (2.0 * np.where(far, y - x, 1.0))
    return direct if every(far) else np.where(far, direct, s.elliprd(y, y, np.where(far, y, x)) / -6.0)


def _rc_wrt_y(v, x, y):
    """(√x/y - R_C)/(2(y - x)): also for y < 0, a principal value."""
    far = _far(x, y)
    direct = (np.sqrt(x) / y - v) / (2.0 * np.where(far, y - x, 1.0))
    if every(far):
        return direct
    return np.where(far, direct, s.elliprd(np.where(far, 1.0, x), *2 * (np.where(far, 1.0, y),)) / -3.0)


by_slopes("elliprc", _rc_wrt_x, _rc_wrt_y)


def _rg_wrt_x(x, y, z):
    """R_F/4 - x·R_D(y, z, x)/12: t/(t + x) = 1 - x/(t + x) in its integral (DLMF 19.16.9, 19.18.4)."""
    return 0.25 * s.elliprf(x, y, z) - _at_zero(x, s.elliprd(y, z, x)) / 12.0


by_slopes(
    "elliprg",
    lambda v, x, y, z: _rg_wrt_x(x, y, z),
    lambda v, x, y, z: _rg_wrt_x(y, x, z),
    lambda v, x, y, z: _rg_wrt_x(z, y, x),
)


def _rj_wrt_x(v, x, y, z, p):
    """-½·(R_D(y, z, x) - R_J(x, y, z, p))/(p - x), by partial fractions of the integrand."""
    far = _far(x, p)
    direct = -0.5 * (s.elliprd(y, z, x) - v) / np.where(far, p - x, 1.0)
    return _choose(far, direct, s.elliprj, v, (x, y, z, p), 0)


def _rj_wrt_p(v, x, y, z, p):
    """By Euler's theorem: R_J is homogeneous of degree -3/2."""
    others = ((x, y, z), (y, x, z), (z, y, x))
    return (-1.5 * v - sum(_at_zero(xs[0], _rj_wrt_x(v, *xs, p)) for xs in others)) / p


by_slopes(
    "elliprj",
    lambda v, x, y, z, p: _rj_wrt_x(v, x, y, z, p),
    lambda v, x, y, z, p: _rj_wrt_x(v, y, x, z, p),
    lambda v, x, y, z, p: _rj_wrt_x(v, z, y, x, p),
    _rj_wrt_p,
)

# --- the arithmetic-geometric mean M = (π/2)/R_F(0, a², b²) (DLMF 19.22.9)


def _agm_wrt_a(y, a, b):
    """2M²/π·a·R_D(0, b², a²)/3, for a scaled to 1."""
    a, size = np.abs(a), np.abs(a)
    ratio = b / size
    return 2.0 / math.pi * (y / size) ** 2 * s.elliprd(0.0, ratio * ratio, 1.0) / 3.0


elementwise(
    s.agm,
    lambda y, ybar, a, b: ybar * _agm_wrt_a(y, a, b),
    lambda y, ybar, a, b: ybar * _agm_wrt_a(y, b, a),
)

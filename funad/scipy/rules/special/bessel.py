"""Bessel, Airy, Kelvin, Struve and parabolic cylinder functions."""

import math

import numpy as onp

from .... import numpy as np
from ....defining import define_forward, defvjp, elementwise
from ....spaces import unbroadcast
from ....values import constant, dtype_of, shape_of
from ... import special as s
from ...deciding import every, some
from ...differences import log_slope, near, of_order, slope
from ..slopes import by_slopes, known, weighed

# --- whole orders (DLMF 10.6.3, 10.29.3)

elementwise(s.j0, lambda y, ybar, x: ybar * -s.j1(x))
elementwise(s.j1, lambda y, ybar, x: ybar * (0.5 * (s.j0(x) - s.jv(2.0, x))))
elementwise(s.y0, lambda y, ybar, x: ybar * -s.y1(x))
elementwise(s.y1, lambda y, ybar, x: ybar * (s.y0(x) - y / x))
elementwise(s.i0, lambda y, ybar, x: ybar * s.i1(x))
elementwise(s.i1, lambda y, ybar, x: ybar * (0.5 * (s.i0(x) + s.iv(2.0, x))))
elementwise(s.k0, lambda y, ybar, x: ybar * -s.k1(x))
elementwise(s.k1, lambda y, ybar, x: ybar * (-s.k0(x) - y / x))


def _sign(x):
    """Of a real x, 1 at 0: exp(-|x|) has the slope -1 there from above, where arguments are sizes."""
    return np.where(constant(x) < 0, -1.0, 1.0)


elementwise(s.i0e, lambda y, ybar, x: ybar * (s.i1e(x) - _sign(x) * y))
elementwise(s.i1e, lambda y, ybar, x: ybar * (0.5 * (s.i0e(x) + s.ive(2.0, x)) - _sign(x) * y))
elementwise(s.k0e, lambda y, ybar, x: ybar * (y - s.k1e(x)))
elementwise(s.k1e, lambda y, ybar, x: ybar * (y - s.k0e(x) - y / x))
elementwise(s.yn, None, lambda y, ybar, n, x: ybar * (0.5 * (s.yn(n - 1, x) - s.yn(n + 1, x))))
elementwise(s.kn, None, lambda y, ybar, n, x: ybar * (-0.5 * (s.kn(n - 1, x) + s.kn(n + 1, x))))


def _real_for(x, xbar):
    return xbar if dtype_of(x).kind == "c" or dtype_of(xbar).kind != "c" else np.real(xbar)


# --- any order: x by DLMF 10.6.1 and 10.29.1, the order by differences


def _of_order(f):
    """The rule of the order v of f(v, x), which oscillates in it."""
    return lambda y, ybar, v, x: ybar * slope(f, (v, x), 0, of_order(v))


def _of_positive(f, above=-math.inf):
    """The rule of the order v of a real f(v, x), positive for v > ``above``; else that above."""

    def rule(y, ybar, v, x):
        h = of_order(v)
        positive = (constant(y) > 0) & (constant(v) - 4.0 * h > above) if dtype_of(y).kind != "c" else False
        if every(positive):
            return ybar * log_slope(f, y, (v, x), 0, h)
        found = slope(f, (v, x), 0, h)
        return ybar * (np.where(positive, log_slope(f, y, (v, x), 0, h), found) if some(positive) else found)

    return rule


def _oscillating(f):
    """The rule of x for f = J, Y, H: (f(v - 1) - f(v + 1))/2."""
    return lambda y, ybar, v, x: ybar * (0.5 * (f(v - 1.0, x) - f(v + 1.0, x)))


for _f in (s.jv, s.yv, s.hankel1, s.hankel2):
    elementwise(_f, _of_order(_f), _oscillating(_f))
elementwise(
    s.hankel1e,
    _of_order(s.hankel1e),
    lambda y, ybar, v, x: ybar * (0.5 * (s.hankel1e(v - 1.0, x) - s.hankel1e(v + 1.0, x)) - 1j * y),
)
elementwise(
    s.hankel2e,
    _of_order(s.hankel2e),
    lambda y, ybar, v, x: ybar * (0.5 * (s.hankel2e(v - 1.0, x) - s.hankel2e(v + 1.0, x)) + 1j * y),
)
elementwise(
    s.iv,
    _of_positive(s.iv, -0.1),  # log I has a pole at -1
    lambda y, ybar, v, x: ybar * (0.5 * (s.iv(v - 1.0, x) + s.iv(v + 1.0, x))),
)
elementwise(
    s.kv,
    _of_positive(s.kv),
    lambda y, ybar, v, x: ybar * (-0.5 * (s.kv(v - 1.0, x) + s.kv(v + 1.0, x))),
)


elementwise(
    s.kve,
    _of_positive(s.kve),
    lambda y, ybar, v, x: ybar * (y - 0.5 * (s.kve(v - 1.0, x) + s.kve(v + 1.0, x))),
)


# J and Y times exp(-|Im x|), and I times exp(-|Re x|): of a complex x they are not holomorphic.
def _scaled(f, slope_of_order, slope_of_f, part):
    """Give f = F(v, x)·exp(-|part(x)|) its rules; ``slope_of_f`` is F′ with the same factor."""

    def size_slope(x):
        """∂|part(x)|; of a real x right of 0, the slope of x."""
        return _sign(x) if dtype_of(x).kind != "c" else np.sign(part(x))

    def wrt_v(y, ybar, v, x):
        return unbroadcast(_real_for(v, slope_of_order(y, ybar, v, x)), shape_of(v))

    def wrt_x(y, ybar, v, x):
        holomorphic = ybar * slope_of_f(v, x)
        if dtype_of(x).kind != "c":
            xbar = holomorphic - ybar * y * size_slope(x) if part is np.real else holomorphic
        else:  # x̄ = ∂/∂a - i·∂/∂b of Re ȳy, x = a + ib
            unit = 1.0 if part is np.real else -1j
            xbar = holomorphic - unit * np.real(ybar * y) * size_slope(x)
        return unbroadcast(_real_for(x, xbar), shape_of(x))

    def forward_v(y, vdot, v, x):
        return slope_of_order(y, vdot, v, x)

    def forward_x(y, xdot, v, x):
        if dtype_of(x).kind != "c" and part is np.imag:
            return xdot * slope_of_f(v, x)
        return xdot * slope_of_f(v, x) - y * size_slope(x) * part(xdot)

    defvjp(f, wrt_v, wrt_x)
    define_forward(f, {0: forward_v, 1: forward_x}, {})


_scaled(s.jve, _of_order(s.jve), lambda v, x: 0.5 * (s.jve(v - 1.0, x) - s.jve(v + 1.0, x)), np.imag)
_scaled(s.yve, _of_order(s.yve), lambda v, x: 0.5 * (s.yve(v - 1.0, x) - s.yve(v + 1.0, x)), np.imag)
_scaled(s.ive, _of_positive(s.ive, -0.1), lambda v, x: 0.5 * (s.ive(v - 1.0, x) + s.ive(v + 1.0, x)), np.real)
# r = I_v/I_{v-1} has r′ = 1 - r² - (2v - 1)r/x, of 10.29.2.
by_slopes(
    "_iv_ratio",
    lambda y, v, x: log_slope(s._iv_ratio, y, (v, x), 0, _below(v)),
    lambda y, v, x: 1.0 - y * y - (2.0 * v - 1.0) * y / x,
)
by_slopes(
    "_iv_ratio_c",
    lambda y, v, x: log_slope(s._iv_ratio_c, y, (v, x), 0, _below(v)),
    lambda y, v, x: (2.0 * v - 1.0) * (1.0 - y) / x - y * (2.0 - y),
)


def _below(v):
    """The step of an order v ≥ ½, within its domain."""
    return onp.minimum(0.5 * near(v), 0.24 * onp.maximum(onp.abs(constant(v)) - 0.5, 1e-3))


# --- spherical functions: fₙ′ = ±(n·fₙ₋₁ ∓ (n + 1)·fₙ₊₁)/(2n + 1) (DLMF 10.51.1, 10.51.4), derived once more


def _spherical(name, of_lower, of_upper):
    f, derivative = known(f"_spherical_{name}"), known(f"_spherical_{name}_d")

    def curvature(y, ybar, n, x):
        n = onp.asarray(constant(n))
        lower, upper = derivative(onp.maximum(n - 1, 0), x), derivative(n + 1, x)
        return ybar * ((of_lower * n * lower + of_upper * (n + 1) * upper) / (2.0 * n + 1.0))

    elementwise(f, None, lambda y, ybar, n, x: ybar * derivative(n, x))
    elementwise(derivative, None, curvature)


_spherical("jn", 1.0, -1.0)
_spherical("yn", 1.0, -1.0)
_spherical("in", 1.0, 1.0)
_spherical("kn", -1.0, -1.0)

# --- Struve functions


def _struve(f, sign):
    def wrt_x(y, v, x):
        """½(f_{v-1} ∓ f_{v+1} + (x/2)ᵛ/(√π·Γ(v + 3/2))), DLMF 11.4.24: right at 0 too."""
        free = (0.5 * x) ** v * s.rgamma(v + 1.5) / math.sqrt(math.pi)
        return 0.5 * (f(v - 1.0, x) - sign * f(v + 1.0, x) + free)

    def wrt_v(y, v, x):
        return slope(f, (v, x), 0, of_order(v))

    by_slopes(f.__name__, wrt_v, wrt_x)


_struve(s.struve, 1.0)
_struve(s.modstruve, -1.0)

# --- Kelvin functions: w = ber + i·bei and ker + i·kei obey w″ = iw - w′/x (DLMF 10.61.3).
# That of ber and bei, w = J₀(z) with z = x·e^{3iπ/4}, is i(w - J₂(z))/2: right at 0 too, to every order.


def _bend(w, x):
    """w″ of w = ber + i·bei; of its real part, i·bei alone counts, and ber alone of the other."""
    return 0.5j * (w - s.jv(2.0, x * complex(-math.sqrt(0.5), math.sqrt(0.5))))


elementwise(s.ber, lambda y, ybar, x: ybar * s.berp(x))
elementwise(s.bei, lambda y, ybar, x: ybar * s.beip(x))
elementwise(s.berp, lambda y, ybar, x: ybar * np.real(_bend(1j * s.bei(x), x)))
elementwise(s.beip, lambda y, ybar, x: ybar * np.imag(_bend(s.ber(x), x)))
elementwise(s.ker, lambda y, ybar, x: ybar * s.kerp(x))
elementwise(s.kei, lambda y, ybar, x: ybar * s.keip(x))
elementwise(s.kerp, lambda y, ybar, x: ybar * (-s.kei(x) - y / x))
elementwise(s.keip, lambda y, ybar, x: ybar * (s.ker(x) - y / x))


def _kelvin_wrt_x(y, ybar, x):
    slopes = (y[2], y[3], _bend(y[0], x), 1j * y[1] - y[3] / x)
    return np.real(sum(map(weighed, ybar, slopes)))


defvjp(s.kelvin, _kelvin_wrt_x)

# --- Airy functions: w″ = xw (DLMF 9.2.1)


def _airy_wrt_x(y, ybar, x):
    return _real_for(x, sum(map(weighed, ybar, (y[1], x * y[0], y[3], x * y[2]))))


def _airye_wrt_x(y, ybar, x):
    """Ai and Ai′ are scaled by exp(ζ), ζ = ⅔x^{3/2}, and Bi and Bi′ by exp(-|Re ζ|)."""
    real = dtype_of(x).kind != "c"
    root = np.sqrt(x)
    first = weighed(ybar[0], y[1] + root * y[0]) + weighed(ybar[1], x * y[0] + root * y[1])
    second = ybar[2] * y[3] + ybar[3] * (x * y[2])
    size = ybar[2] * y[2] + ybar[3] * y[3]
    if real:  # left of 0, Re ζ is 0
        return first + second - size * np.sqrt(np.maximum(x, 0.0))
    return first + second - np.real(size) * (np.sign(np.real(root * x)) * root)


defvjp(s.airy, _airy_wrt_x)
defvjp(s.airye, _airye_wrt_x)

# --- parabolic cylinder functions: w″ = (x²/4 - v - ½)w for D and V, (a - x²/4)w for W (DLMF 12.2)


def _pairs(f, curvature, step=of_order):
    """Give (w, w′) = f(…, x) the rule of x, and of the argument before it by differences."""

    def wrt_x(y, ybar, a, x):
        return unbroadcast(ybar[0] * y[1] + ybar[1] * curvature(a, x) * y[0], shape_of(x))

    def wrt_a(y, ybar, a, x):
        h = step(a)
        parts = (bar * slope(lambda a, x, k=k: f(a, x)[k], (a, x), 0, h) for k, bar in enumerate(ybar))
        return unbroadcast(sum(parts), shape_of(a))

    defvjp(f, wrt_a, wrt_x)


_pairs(s.pbdv, lambda v, x: 0.25 * x * x - v - 0.5)
_pairs(s.pbvv, lambda v, x: 0.25 * x * x - v - 0.5)


def _from_half_i(a):
    """The step for a of W, which has |Γ(¼ + ½ia)| in it (DLMF 12.14.4), singular at ±½i."""
    return onp.minimum(0.02 * onp.hypot(constant(a), 0.5), 0.05)


_pairs(s.pbwa, lambda a, x: a - 0.25 * x * x, _from_half_i)

# --- ∫₀¹ x^λ·J_v(2ax) dx

by_slopes(
    "besselpoly",
    lambda y, a, lmb, nu: _besselpoly_wrt_a(y, a, lmb, nu),
    lambda y, a, lmb, nu: slope(s.besselpoly, (a, lmb, nu), 1, near(lmb)),
    lambda y, a, lmb, nu: slope(s.besselpoly, (a, lmb, nu), 2, near(nu)),
)


def _besselpoly_wrt_a(y, a, lmb, nu):
    """(J_v(2a) - (λ + 1)y)/a, by parts."""
    return (s.jv(nu, 2.0 * a) - (lmb + 1.0) * y) / a

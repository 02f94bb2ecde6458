"""Orthogonal polynomials and Legendre functions (DLMF 18.9): each derivative is a polynomial of its kin.

So no derivative is a quotient by 1 - x², which is 0/0 at the ends. The degree n has a rule where SciPy
takes real degrees.
"""

import math

import numpy as onp

from .... import numpy as np
from ....defining import elementwise
from ....values import constant
from ... import special as s
from ...deciding import every, only, some
from ...differences import near, slope
from ..slopes import by_slopes
from .hypergeometric import parameter


def _lower(f, n, *args):
    """The polynomial of degree n - 1, which of degree 0 is 0."""
    nothing = constant(n) == 0
    if not some(nothing):
        return f(n - 1, *args)
    return np.where(nothing, 0.0, f(np.where(nothing, 0, n - 1), *args))


def _ultraspherical(n, x):
    """U_n′(x)/2 = C⁽²⁾ₙ₋₁(x)."""
    return _lower(s.eval_gegenbauer, n, 2.0, x)


def _legendre(n, x):
    """P_n′(x) = ½(n + 1)·P⁽¹,¹⁾ₙ₋₁(x)."""
    return 0.5 * (n + 1.0) * _lower(s.eval_jacobi, n, 1.0, 1.0, x)


def _of_degree(name, wrt_x):
    by_slopes(name, parameter(getattr(s, name), 0), wrt_x)


def _chebyshev(name, scaled, of_angle, wrt_x):
    """The rules of a function of Chebyshev's: of scaled(x) = cos θ the degree has a closed form."""
    f = getattr(s, name)

    def wrt_n(y, n, x):
        inside = onp.abs(constant(scaled(x))) < 1
        if not some(inside):
            return by_differences(y, n, x)
        angle = np.arccos(scaled(np.where(inside, x, _middle(scaled))))
        found = of_angle(n, angle)
        return found if every(inside) else np.where(inside, found, by_differences(y, n, x))

    by_differences = parameter(f, 0)
    by_slopes(name, wrt_n, wrt_x)


def _middle(scaled):
    """x with scaled(x) = 0, of an increasing linear function."""
    return -scaled(0.0) / (scaled(1.0) - scaled(0.0))


def _first_kind(n, angle):
    """∂ cos(nθ)/∂n."""
    return -angle * np.sin(n * angle)


def _second_kind(n, angle):
    """∂/∂n of sin((n + 1)θ)/sin θ."""
    return angle * np.cos((n + 1.0) * angle) / np.sin(angle)


def _twice_first_kind(n, angle):
    """∂ 2cos(nθ)/∂n."""
    return 2.0 * _first_kind(n, angle)


def _same(x):
    return x


def _shifted(x):
    return 2.0 * x - 1.0


def _halved(x):
    return 0.5 * x


_of_degree("eval_legendre", lambda y, n, x: _legendre(n, x))
_of_degree("eval_sh_legendre", lambda y, n, x: 2.0 * _legendre(n, 2.0 * x - 1.0))
_chebyshev("eval_chebyt", _same, _first_kind, lambda y, n, x: n * _lower(s.eval_chebyu, n, x))
_chebyshev(
    "eval_sh_chebyt", _shifted, _first_kind, lambda y, n, x: 2.0 * n * _lower(s.eval_chebyu, n, 2.0 * x - 1.0)
)
_chebyshev("eval_chebyc", _halved, _twice_first_kind, lambda y, n, x: n * _lower(s.eval_chebyu, n, 0.5 * x))
_chebyshev("eval_chebyu", _same, _second_kind, lambda y, n, x: 2.0 * _ultraspherical(n, x))
_chebyshev("eval_sh_chebyu", _shifted, _second_kind, lambda y, n, x: 4.0 * _ultraspherical(n, 2.0 * x - 1.0))
_chebyshev("eval_chebys", _halved, _second_kind, lambda y, n, x: _ultraspherical(n, 0.5 * x))
_of_degree("eval_laguerre", lambda y, n, x: -_lower(s.eval_genlaguerre, n, 1.0, x))
elementwise(s.eval_hermite, None, lambda y, ybar, n, x: ybar * (2 * n * _lower(s.eval_hermite, n, x)))
elementwise(s.eval_hermitenorm, None, lambda y, ybar, n, x: ybar * (n * _lower(s.eval_hermitenorm, n, x)))
by_slopes(
    "eval_genlaguerre",
    parameter(s.eval_genlaguerre, 0),
    parameter(s.eval_genlaguerre, 1),
    lambda y, n, a, x: -_lower(s.eval_genlaguerre, n, a + 1.0, x),
)
by_slopes(
    "eval_gegenbauer",
    parameter(s.eval_gegenbauer, 0),
    parameter(s.eval_gegenbauer, 1),
    lambda y, n, a, x: 2.0 * a * _lower(s.eval_gegenbauer, n, a + 1.0, x),
)
by_slopes(
    "eval_jacobi",
    *(parameter(s.eval_jacobi, argnum) for argnum in range(3)),
    lambda y, n, a, b, x: 0.5 * (n + a + b + 1.0) * _lower(s.eval_jacobi, n, a + 1.0, b + 1.0, x),
)
by_slopes(
    "eval_sh_jacobi",
    *(parameter(s.eval_sh_jacobi, argnum) for argnum in range(3)),
    lambda y, n, p, q, x: (
        (n + p) * _lower(s.eval_jacobi, n, p - q + 1.0, q, 2.0 * x - 1.0) / s.binom(2.0 * n + p - 1.0, n)
    ),
)

# --- the associated Legendre function of a whole order m and a real degree v


def _lpmv_wrt_x(y, m, v, x):
    """(vxP - (v + m)P_{v-1})/(x² - 1) (DLMF 14.10.5), at ±1 from Jacobi's polynomials; none beyond."""
    size = onp.abs(constant(x))
    inside = size < 1
    z = x if every(inside) else np.where(inside, x, 0.0)
    found = (v * z * s.lpmv(m, v, z) - (v + m) * s.lpmv(m, v - 1.0, z)) / (z**2 - 1.0)
    if every(inside):
        return found
    return only(size <= 1, np.where(inside, found, _lpmv_at_ends(m, v, x)))


def _lpmv_at_ends(m, v, x):
    """Of m = 0, P′; of m = 2, ((1 - x²)P″)′ = -2xP″ + (1 - x²)P‴. Of others it is infinite, or not smooth."""
    z = np.where(onp.abs(constant(x)) == 1, x, 1.0)
    bend = 0.25 * (v + 1.0) * (v + 2.0) * _lower(lambda n, x: s.eval_jacobi(n - 1, 2.0, 2.0, x), v, z)
    third = (v + 1.0) * (v + 2.0) * (v + 3.0) / 8.0 * s.eval_jacobi(v - 3, 3.0, 3.0, z)
    of_two = -2.0 * z * bend + (1.0 - z * z) * third
    m = onp.asarray(constant(m))
    end = onp.abs(constant(x)) == 1
    return only((m == 0) | (m == 2) | ~end, np.where(m == 0, _legendre(v * 1.0, z), of_two))


by_slopes(
    "lpmv",
    None,
    lambda y, m, v, x: slope(s.lpmv, (m, v, x), 1, near(v)),
    _lpmv_wrt_x,
)

"""Mathieu and spheroidal wave functions: x by their differential equations, parameters by differences.

The orders m and n are whole numbers, and have no rule.
"""

import math

import numpy as onp
from scipy import special

from .... import numpy as np
from ....boxes import innermost
from ....defining import defvjp
from ....spaces import unbroadcast
from ....values import constant, shape_of
from ... import special as s
from ...deciding import every, only
from ...differences import near, slope
from ..slopes import by_slopes, known, or_nan
from .hypergeometric import parameter

for _name in ("mathieu_a", "mathieu_b"):
    by_slopes(_name, None, parameter(known(_name), 1))


def _pair(f, curvature, parameters, step, right=None, eigenvalue=None, room=None):
    """Give (w, w′) = f(m, …, x) its rules: w″ = curvature(w, w′, *args), ``parameters`` by differences.

    Where ``right``, of the same arguments, says that SciPy's values are wrong, the slopes are nan. With
    ``eigenvalue``, of (m, n, c), the equation holds for that one only: beside it, as for the derivatives of
    w″, there are differences in x, whose distance from the ends is ``room``.
    """
    last = f.nin - 1

    def bend(y, args):
        found = curvature(*y, *args)
        if eigenvalue is None:
            return found
        m, n, c, of_c, x = map(constant, args)
        solves = _is_eigenvalue(eigenvalue, m, n, c, of_c)
        if innermost((*y, *args)) is None and every(solves):
            return found
        h = 0.02 * onp.minimum(1.0, room(x))
        differences = slope(lambda *xs: f(*xs)[1], args, last, h)
        return differences + onp.where(solves, constant(found) - constant(differences), 0.0)

    def known(slope, y, args):
        return slope if right is None else only(right(*y, *args), slope)

    def wrt_x(y, ybar, *args):
        xbar = ybar[0] * y[1] * unit + ybar[1] * bend(y, args) * unit
        return unbroadcast(known(xbar, y, args), shape_of(args[last]))

    def wrt(argnum):
        def rule(y, ybar, *args):
            h = step(args[argnum])
            parts = (bar * slope(lambda *xs, k=k: f(*xs)[k], args, argnum, h) for k, bar in enumerate(ybar))
            return unbroadcast(known(sum(parts), y, args), shape_of(args[argnum]))

        return rule

    unit = math.pi / 180 if f in (s.mathieu_cem, s.mathieu_sem) else 1.0  # x is in degrees, w′ is not
    rules = {argnum: wrt(argnum) for argnum in parameters} | {last: wrt_x}
    defvjp(f, *(_named(rule, f.nin) for rule in rules.values()), argnums=tuple(rules))


def _is_eigenvalue(eigenvalue, m, n, c, x):
    return onp.isclose(x, eigenvalue(m, n, c), rtol=1e-9)


def _named(rule, count):
    """Name the arguments of a rule one by one, which the registry reads."""
    return {
        3: lambda y, ybar, a, b, c: rule(y, ybar, a, b, c),
        4: lambda y, ybar, a, b, c, d: rule(y, ybar, a, b, c, d),
        5: lambda y, ybar, a, b, c, d, e: rule(y, ybar, a, b, c, d, e),
    }[count]


def _of_angular(x):
    """The step for a parameter of functions of an angle, on one side of 0 if there is room."""
    return onp.clip(0.22 * onp.abs(constant(x)), 0.2 * near(x), near(x))


def _of_radial(x):
    """The step for a parameter by which x is multiplied."""
    return 0.2 * near(x)


# --- Mathieu functions: w″ = -(a - 2q·cos 2x)w, and with cosh for the modified ones (DLMF 28.2.1, 28.20.1)


def _mathieu(value, modified):
    def curvature(w, _, m, q, x):
        if modified:
            return (value(m, q) - 2.0 * q * np.cosh(2.0 * x)) * w
        return -(value(m, q) - 2.0 * q * np.cos(math.pi / 90 * x)) * w

    return curvature


_pair(s.mathieu_cem, _mathieu(s.mathieu_a, False), (1,), _of_angular)
_pair(s.mathieu_sem, _mathieu(s.mathieu_b, False), (1,), _of_angular)
for _f in (s.mathieu_modcem1, s.mathieu_modcem2):
    _pair(_f, _mathieu(s.mathieu_a, True), (1,), _of_radial)
for _f in (s.mathieu_modsem1, s.mathieu_modsem2):
    _pair(_f, _mathieu(s.mathieu_b, True), (1,), _of_radial)

# --- spheroidal functions: (1 - x²)w″ = 2xw′ - (λ - c²x² - m²/(1 - x²))w (DLMF 30.2.1), with c² < 0 and ix
# for the oblate and its radial ones

for _name in ("pro_cv", "obl_cv"):
    by_slopes(_name, None, None, parameter(known(_name), 2))


def _spheroidal(value, of_square, imaginary):
    """``of_square`` is the sign of c², and ``imaginary`` says whether x stands for ix.

    For c ≥ 0: of another, SciPy's values are no solutions.
    """

    def curvature(w, slope_of_w, m, n, c, *rest):
        x = rest[-1]
        eigenvalue = rest[0] if len(rest) == 2 else value(m, n, c)
        square = -x * x if imaginary else x * x
        room = 1.0 - square
        potential = eigenvalue - of_square * c * c * square - m * m / room
        bend = or_nan(w, only(constant(c) >= 0, 2.0 * x * slope_of_w - potential * w))
        return (-bend if imaginary else bend) / room

    return curvature


def _by_wronskian(name, sign, eigenvalue):
    """Say where SciPy's function of the second kind is right: R₁R₂′ - R₁′R₂ = 1/(c(x² ∓ 1)) (DLMF 30.11.6).

    Of small c and odd n - m it is not at all. Of another number than the eigenvalue nothing is known.
    """
    first = getattr(special, name)

    def right(w, slope_of_w, m, n, c, *rest):
        w, slope_of_w, m, n, c, *rest = map(constant, (w, slope_of_w, m, n, c, *rest))
        with onp.errstate(all="ignore"):
            r, slope_of_r = first(m, n, c, *rest)
            found = (r * slope_of_w - slope_of_r * w) * c * (rest[-1] ** 2 - sign)
            is_right = onp.abs(found - 1.0) < 1e-6
            return is_right if len(rest) < 2 else is_right | ~_is_eigenvalue(eigenvalue, m, n, c, rest[0])

    return right


def _of_angle(x):
    return 1.0 - onp.abs(x)


_ROOMS = {"pro": lambda x: x - 1.0, "obl": lambda x: x}  # of the radial ones

for _suffix, _parameters in (("", (2,)), ("_cv", (2, 3))):
    for _prefix, _sign in (("pro", 1.0), ("obl", -1.0)):
        for _kind in ("ang1", "rad1", "rad2"):
            _equation = _spheroidal(known(f"{_prefix}_cv"), _sign, _sign < 0 and _kind != "ang1")
            _value = getattr(special, f"{_prefix}_cv")
            _right = _by_wronskian(f"{_prefix}_rad1{_suffix}", _sign, _value) if _kind == "rad2" else None
            _step = _of_angular if (_kind, _suffix) == ("ang1", "") else _of_radial
            _more = _right, _value if _suffix else None
            _room = _of_angle if _kind == "ang1" else _ROOMS[_prefix]
            _pair(known(f"{_prefix}_{_kind}{_suffix}"), _equation, _parameters, _step, *_more, _room)

"""What the six families of polynomials share: one recurrence, of which everything else follows.

The polynomials of a family obey P₀ = 1 and Pₖ₊₁ = (aₖ x + bₖ) Pₖ - cₖ Pₖ₋₁. Series are arrays of
coefficients from degree 0 up. The rules stand here and not in funad.rules: like NumPy's own, these
modules are loaded when they are asked for.
"""

import functools as _functools
import operator as _operator

import numpy as _np

from ... import numpy as np
from ...boxes import innermost as _innermost
from ...defining import defvjp, linear
from ...errors import NotDifferentiableError as _NotDifferentiableError
from ...primitives import composite as _composite
from ...primitives import primitive
from ...spaces import unbroadcast as _unbroadcast
from ...values import constant as _constant
from ..polynomials import check_simple as _check_simple
from ..polynomials import least_squares as _least_squares
from ..polynomials import like as _like
from ..polynomials import plain as _plain
from ..polynomials import product as _product
from ..polynomials import vector as _vector


def _padded(*series):
    """Return them with zeros behind, to the length of the longest."""
    n = max(map(len, series))
    return [x if len(x) == n else np.concatenate([x, _np.zeros(n - len(x), x.dtype)]) for x in series]


def _sum(*series):
    return _functools.reduce(_operator.add, _padded(*series))


def _longer(f):
    """Return the function int of a family, which does not lengthen a series that is zero, as if it did."""

    @_functools.wraps(f)
    def integral(c, m, axis=0):
        rows = _np.moveaxis(c, axis, 0)
        y = f(_np.concatenate([rows, _np.zeros_like(rows[:1])]), m)[: len(rows) + m]
        return _np.moveaxis(y, 0, axis)

    return integral


class Family:
    """The functions of one module of numpy.polynomial, such as ``chebyshev``, on traced values."""

    def __init__(self, module, prefix, recurrence):
        self._module, self._prefix, self._recurrence = module, prefix, recurrence
        self.vander, self.roots = (primitive(self._plain(name)) for name in ("vander", "roots"))
        self._value = self._value_of(self._plain("val"))
        self._derivative, self._integral = (
            self._linear(self._plain("der")),
            self._linear(_longer(self._plain("int"))),
        )
        self._define()
        for name in (
            "val", "line", "add", "sub", "mulx", "mul", "div", "pow", "der", "int", "fromroots", "fit",
            "val2d", "val3d", "valnd", "grid2d", "grid3d", "vander2d", "vander3d", "companion",
        ):  # fmt: skip
            if not hasattr(module, prefix + name):  # valnd is of NumPy 2.5
                continue
            plain = self._plain(name)
            setattr(
                self, name, _composite(plain)(_functools.partial(getattr(Family, f"_{name}"), self, plain))
            )

    def _plain(self, name):
        """Return NumPy's own function."""
        return getattr(self._module, self._prefix + name)

    def __repr__(self):
        return self._prefix

    # --- rules

    def _define(self):
        """Give the primitives their rules."""
        val, vander, der = self._value, self.vander, self._derivative

        def val_wrt_x(y, ybar, x, c, tensor=True):
            """x̄ = ȳ p′(x)."""
            return _unbroadcast(ybar * val(x, der(_vector(c), 1, 0), tensor), np.shape(x))

        def val_wrt_c(y, ybar, x, c, tensor=True):
            """c̄ₖ = Σ ȳ Pₖ(x)."""
            shape = (1,) * (1 - np.ndim(c)) + np.shape(c)
            v = np.reshape(vander(x, shape[0] - 1), (*np.shape(x), shape[0]))
            if tensor and np.ndim(x):
                size = np.size(x)
                ybar = np.reshape(ybar, (*shape[1:], size)) @ np.reshape(v, (size, shape[0]))
                return np.reshape(np.moveaxis(ybar, -1, 0), np.shape(c))
            cbar = np.moveaxis(np.expand_dims(ybar, -1) * v, -1, 0)
            wide = (shape[0], *(1,) * (cbar.ndim - len(shape)), *shape[1:])
            return np.reshape(_unbroadcast(cbar, wide), np.shape(c))

        def vander_wrt_x(y, ybar, x, deg):
            """x̄ = Σ ȳₖ Pₖ′(x)."""
            slopes = self._plain("der")(_np.eye(deg + 1)).astype(_np.finfo(ybar.dtype).dtype)
            return np.reshape(np.sum(ybar * (vander(x, max(deg - 1, 0)) @ slopes), -1), np.shape(x))

        def roots_wrt_c(y, ybar, c):
            """c̄ₖ = -Σ r̄ᵢ Pₖ(rᵢ)/p′(rᵢ), from p(r) = 0; of a multiple root the derivative is infinite."""
            slopes = val(y, der(_vector(c), 1, 0))
            plain, size = _constant(y), _np.abs(_vector(_constant(c)))
            _check_simple(plain, _constant(slopes), _np.abs(vander(plain, len(size) - 1)) @ size)
            return np.reshape(-(ybar / slopes) @ vander(y, np.size(c) - 1), np.shape(c))

        defvjp(val, val_wrt_x, val_wrt_c)
        defvjp(vander, vander_wrt_x)
        defvjp(self.roots, roots_wrt_c)

    def _value_of(self, plain):
        """Return the primitive of the values of a series at points that are numbers."""

        def value(x, c, tensor=True):
            return plain(x, c, tensor)

        return primitive(value, f"{self._module.__name__}.{plain.__name__}")

    def _linear(self, plain):
        """Return the primitive of der or int of order m along an axis, which is linear in c."""

        def f(c, m, axis):
            return plain(c, m, axis=axis)

        def rule(y, ybar, c, m, axis):
            """The transpose of the matrix whose columns are what becomes of Pₖ."""
            matrix = plain(_np.eye(np.shape(c)[axis]), m).astype(_np.finfo(ybar.dtype).dtype)
            if not matrix.any():  # hermeder returns what it has differentiated away with its axes moved
                return _np.zeros(np.shape(c), ybar.dtype)
            return np.moveaxis(np.tensordot(matrix, ybar, (0, axis)), 0, axis)

        f = primitive(f, f"{self._module.__name__}.{plain.__name__}")
        linear(f, rule)
        return f

    # --- the recurrence

    def _coefficients(self, n, x):
        """Return a₀…aₙ₋₁, b and c, in the precision of x."""
        dtype = _np.finfo(x.dtype).dtype
        return (
            _np.array(part, dtype) * _np.ones(n, dtype) for part in self._recurrence(_np.arange(float(n)))
        )

    def times_x(self, series):
        """Return x·p, by x Pₖ = (Pₖ₊₁ - bₖ Pₖ + cₖ Pₖ₋₁)/aₖ."""
        a, b, c = self._coefficients(len(series), series)
        series = series / a
        y = np.concatenate([_np.zeros(1, series.dtype), series])
        if _np.any(b):
            y = _sum(y, -b * series)
        return _sum(y, (c * series)[1:]) if len(series) > 1 and _np.any(c) else y

    def product(self, p, q):
        """Return p·q, by Clenshaw's scheme with series in the place of numbers."""
        if self._prefix == "poly":
            return _product(p, q)
        p, q = (p, q) if len(p) <= len(q) else (q, p)
        a, b, c = self._coefficients(len(p) + 1, p)
        first = second = 0 * q
        for k in reversed(range(len(p))):
            next_ = _sum(p[k] * q, a[k] * self.times_x(first), b[k] * first, -c[k + 1] * second)
            first, second = next_, first
        return first[: len(p) + len(q) - 1]

    # --- NumPy's functions; the first argument is its own

    def _val(self, f, x, c, tensor=True):
        """Return the values of the series."""
        if hasattr(x, "coef"):
            raise _NotDifferentiableError(
                f"{f.__name__} of a traced value at a {type(x).__name__} would return one, which cannot hold "
                f"traced values; give it points, or compose the series with {self._prefix}mul and "
                f"{self._prefix}add"
            )
        return self._value(x, c, tensor)

    def _line(self, f, off, scl):
        """Return off + scl·x."""
        constant, slope = f(0.0, 1.0)
        return _like(np.array([off + constant * scl, slope * scl]), f(_constant(off), _constant(scl)))

    def _add(self, f, c1, c2):
        """Return the sum."""
        return _like(_sum(_vector(c1), _vector(c2)), f(_plain(c1), _plain(c2)))

    def _sub(self, f, c1, c2):
        """Return the difference."""
        return _like(_sum(_vector(c1), -_vector(c2)), f(_plain(c1), _plain(c2)))

    def _mulx(self, f, c):
        """Return the series times x."""
        return _like(self.times_x(_vector(c) + 0.0), f(_plain(c)))

    def _mul(self, f, c1, c2):
        """Return the product."""
        wanted = f(_plain(c1), _plain(c2))
        return _like(self.product(_vector(c1) + 0.0, _vector(c2) + 0.0), wanted)

    def _pow(self, f, c, pow, maxpower=16):
        """Return the power."""
        wanted = f(_plain(c), pow, maxpower)
        c = _vector(c)
        y = _np.ones(1, c.dtype)
        for _ in range(int(pow)):
            y = self.product(y, c)
        return _like(y, wanted)

    def _div(self, f, c1, c2):
        """Return the quotient and the remainder."""
        wanted = f(_plain(c1), _plain(c2))
        rest, by = _vector(c1) + 0.0, _vector(c2) + 0.0
        by = by[: len(_np.trim_zeros(_constant(by), "b"))]
        n = len(rest) - len(by) + 1
        if n < 1:
            return _like(0 * rest[:1], wanted[0]), _like(rest, wanted[1])
        multiples = [by]  # Pᵢ times the divisor
        a, b, c = self._coefficients(n, rest)
        for k in range(n - 1):
            lower = [-c[k] * multiples[k - 1]] if k else []
            multiples.append(_sum(a[k] * self.times_x(multiples[k]), b[k] * multiples[k], *lower))
        quotient = []
        for multiple in reversed(multiples):
            factor = rest[-1] / multiple[-1]
            rest = rest[:-1] - factor * multiple[:-1]
            quotient.insert(0, factor)
        rest = rest if len(rest) else 0 * by[:1]
        return _like(np.array(quotient), wanted[0]), _like(rest, wanted[1])

    def _der(self, f, c, m=1, scl=1, axis=0):
        """Return the m-th derivative, each time scaled."""
        wanted = f(_plain(c), m, _constant(scl), axis)
        y = self._derivative(_vector(c), _operator.index(m), axis)
        return _like(y if type(scl) is int and scl == 1 else y * scl**m, wanted)

    def _int(self, f, c, m=1, k=(), lbnd=0, scl=1, axis=0):
        """Return the m-th antiderivative, each time scaled, that has the values k at lbnd."""
        wanted = f(
            _plain(c), m, _plain(list(k) if np.iterable(k) else k), _constant(lbnd), _constant(scl), axis
        )
        y = np.moveaxis(_vector(c), axis, 0)
        k = list(k) if np.iterable(k) else [k]
        for n in range(m):
            y = self._integral(y * scl, 1, 0)
            constant = (k[n] if n < len(k) else 0) - self._value(lbnd, y)
            y = np.concatenate([y[:1] + constant, y[1:]])
        return _like(np.moveaxis(y, 0, axis), wanted)

    def _fromroots(self, f, roots):
        """Return the series with these roots."""
        wanted = f(_plain(roots))
        y = _np.ones(1, wanted.dtype)
        for root in _vector(roots):
            y = _sum(self.times_x(y), -root * y)
        return _like(y, wanted)

    def _fit(self, f, x, y, deg, rcond=None, full=False, w=None):
        """Return the series of least squares, and what is known of it."""
        f(_plain(x), _plain(y), deg, _constant(rcond), full, _plain(w))  # its own checks and warnings
        x, y, degrees = np.asarray(x) + 0.0, np.asarray(y) + 0.0, _np.sort(_np.atleast_1d(deg))
        lhs, rhs = self.vander(x, int(degrees[-1])), y
        if _np.ndim(deg):
            lhs = lhs[:, degrees]
        if w is not None:
            w = np.asarray(w) + 0.0
            lhs, rhs = lhs * w[:, None], (rhs.T * w).T
        rcond = len(x) * _np.finfo(x.dtype).eps if rcond is None else rcond
        c, resids, rank, s, _ = _least_squares(lhs, rhs, _constant(rcond), True)
        if _np.ndim(deg):
            every = _np.zeros(degrees[-1] + 1, int)
            every[degrees] = _np.arange(1, len(degrees) + 1)
            c = np.take(np.concatenate([0 * c[:1], c]), every, 0)
        return (c, [resids, rank, s, rcond]) if full else c

    def _val2d(self, f, x, y, c):
        """Return the values at points (x, y)."""
        f(_plain(x), _plain(y), _plain(c))  # its own checks
        return self._values(c, x, y)

    def _val3d(self, f, x, y, z, c):
        """Return the values at points (x, y, z)."""
        f(_plain(x), _plain(y), _plain(z), _plain(c))  # its own checks
        return self._values(c, x, y, z)

    def _valnd(self, f, pts, c):
        """Return the values at points of as many coordinates as there are in pts."""
        f(_plain(pts), _plain(c))  # its own checks
        return self._values(c, *pts)

    def _values(self, c, x, *others):
        c = self._value(np.asarray(x), c)
        for x in others:
            c = self._value(np.asarray(x), c, False)
        return c

    def _grid2d(self, f, x, y, c):
        """Return the values on a grid."""
        return self._value(y, self._value(x, c))

    def _grid3d(self, f, x, y, z, c):
        """Return the values on a grid."""
        return self._value(z, self._value(y, self._value(x, c)))

    def _vander2d(self, f, x, y, deg):
        """Return the products of the polynomials at points (x, y)."""
        return self._vanders(f, deg, x, y)

    def _vander3d(self, f, x, y, z, deg):
        """Return the products of the polynomials at points (x, y, z)."""
        return self._vanders(f, deg, x, y, z)

    def _vanders(self, f, deg, *points):
        wanted = f(*map(_plain, points), deg)
        points = np.array(list(points)) + 0.0
        shape = points.shape[1:]
        y = _np.ones((), points.dtype)
        for axis, (x, n) in enumerate(zip(points, deg, strict=True)):
            y = np.expand_dims(y, -1) * np.reshape(self.vander(x, n), (*shape, *(1,) * axis, n + 1))
        return np.reshape(y, wanted.shape)

    def _companion(self, f, c):
        """Return the matrix whose eigenvalues are the roots: its last column holds c/cₙ."""
        wanted = f(_plain(c))
        n = len(wanted)
        c = _vector(c)[: n + 1]
        bare, full = (f([*part, 1.0]) for part in (_np.zeros(n), _np.ones(n)))
        weights, last = (full - bare)[:, -1], _np.arange(n) == n - 1
        return _like(bare + (weights * c[:-1] / c[-1])[:, None] * last, wanted)

    # --- those that only some of the modules have

    def matrix_of(self, f):
        """Return the function f on traced values that changes the basis of a series."""

        @_composite(f)
        def converted(c):
            wanted = f(_plain(c))
            c = _vector(c)
            columns = _padded(*(f(row) for row in _np.eye(len(c))))
            return _like(np.dot(np.transpose(columns).astype(_np.finfo(c.dtype).dtype), c), wanted)

        return converted


def class_of(plain, instead):
    """Return a stand-in for a class of series that refuses traced values by name."""

    class Meta(type(plain)):
        def __call__(cls, coef, *args, **kwargs):
            refuse(cls, (coef, *args, *kwargs.values()))
            return plain(coef, *args, **kwargs)

        def __instancecheck__(cls, x):
            return isinstance(x, plain)

    def refuse(cls, args):
        if _innermost(args) is not None:
            raise _NotDifferentiableError(
                f"{plain.__name__} was given a traced value, but its objects hold plain arrays, which would "
                f"lose its derivative; use the functions of funad.{plain.__module__}, such as {instead}"
            )

    def of_class(name):
        def method(cls, *args, **kwargs):
            refuse(cls, (*args, *kwargs.values()))
            return getattr(plain, name)(*args, **kwargs)

        return classmethod(_functools.wraps(getattr(plain, name))(method))

    methods = {name: of_class(name) for name in ("fit", "fromroots", "cast", "identity", "basis")}
    return Meta(
        plain.__name__,
        (plain,),
        {"__doc__": plain.__doc__, "__module__": f"funad.{plain.__module__}", **methods},
    )

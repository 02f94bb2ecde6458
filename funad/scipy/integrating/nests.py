"""Integrals over several variables: one inside of the other, or as one over the unit cube."""

import functools

import numpy as onp
from scipy import integrate as _integrate

from ...transforms.closures import Watched, attached, plain_of
from ..solving.calls import as_args, solver
from .functionals import Integrand, derived
from .quadrature import by_vectors, quad

__all__ = ["dblquad", "nquad", "tplquad"]

# SciPy's own, also while funad.scipy.serve has others in their places.
_nquad = _integrate.nquad
_cubature = getattr(_integrate, "cubature", None)  # of SciPy 1.15


class _Infinite(Exception):
    """A limit of an integral in several variables is infinite."""


class _Nest:
    """An integral over several variables: the limits of each may depend on those that come behind it."""

    def __init__(self, f, ranges, options, args):
        self.f, self.ranges, self.options, self.args = f, ranges, options, args

    def limits(self, depth, ts):
        limits = self.ranges[depth]
        return tuple(limits(*ts, *self.args) if callable(limits) else limits)

    def points(self, depth, ts, ends):
        """Return the places of jumps between these ends, as a keyword."""
        option = self.options if isinstance(self.options, dict) else self.options[depth]
        option = option(*ts, *self.args) if callable(option) else option
        points = [x for x in plain_of(option.get("points", ())) if ends[0] <= x <= ends[1]]
        return {"points": points} if points else {}

    def by_vectors(self, g):
        """Return the integral of a vector g of functions of all variables, with plain limits.

        In the unit cube, if no limit is infinite and no jumps are known: so the rule is one of the cube.
        """
        plain = isinstance(self.options, dict) and "points" not in self.options
        if not plain:
            return self._one_by_one(g)

        def at(u):
            ts, volume = (), 1.0
            for depth in range(len(self.ranges) - 1, -1, -1):
                low, high = self.limits(depth, ts)
                if not onp.isfinite(high - low):
                    raise _Infinite
                ts, volume = (low + (high - low) * u[depth], *ts), volume * (high - low)
            return g(ts) * volume

        try:
            found = _in_cube(lambda us: onp.stack([onp.asarray(at(u)) for u in us]), len(self.ranges))
        except _Infinite:
            found = None
        return self._one_by_one(g) if found is None else found

    def _one_by_one(self, g, ts=()):
        """Return the same as integrals of integrals."""
        depth = len(self.ranges) - len(ts) - 1
        if depth < 0:
            return g(ts)
        ends = self.limits(depth, ts)
        return by_vectors(lambda t: self._one_by_one(g, (t, *ts)), ends, **self.points(depth, ts, ends))

    def traced(self, ts=()):
        """Return the integral as one of integrals, whose limits may all be traced."""
        depth = len(self.ranges) - len(ts) - 1
        if depth < 0:
            return self.f(*ts, *self.args)
        low, high = self.limits(depth, ts)
        return quad(
            lambda t: self.traced((t, *ts)), low, high, **self.points(depth, ts, plain_of((low, high)))
        )[0]


def _in_cube(f, n):
    """Return the integral of f, which takes many points, over the unit cube; None if its error is large."""
    if _cubature is not None:
        rule = "gk15" if n < 4 else "genz-malik"
        return _cubature(f, onp.zeros(n), onp.ones(n), rule=rule).estimate
    if n > 3:
        return None
    rough, fine = _by_gauss(f, n, 10), _by_gauss(f, n, 14)
    return fine if onp.all(onp.abs(fine - rough) <= 1e-9 * onp.max(onp.abs(fine), initial=0.0)) else None


def _by_gauss(f, n, count):
    """Return the integral of f over the unit cube by Gauss's rule of so many points in each variable."""
    x, weights = onp.polynomial.legendre.leggauss(count)
    grid = onp.stack(onp.meshgrid(*[(x + 1) / 2] * n, indexing="ij"), -1).reshape(-1, n)
    volumes = functools.reduce(onp.multiply.outer, [weights / 2] * n).ravel()
    return onp.tensordot(volumes, f(grid), 1)


def _of_several(call, f, ranges, options):
    """Return the result of SciPy's nquad with its derivatives, if it has any."""
    args = as_args(() if call["args"] is None else call["args"])
    integrand = Integrand(lambda *ts: f(*ts, *args))
    nest = _Nest(f, ranges, options, args)
    watched = [Watched(functools.partial(_limits, nest, depth)) for depth in range(len(ranges))]
    more = {"full_output": True} if call.get("full_output") else {}
    plain = [_of_options(option, args) for option in options] if isinstance(options, list) else options
    found = _nquad(integrand, watched, opts=plain, **more)
    if not integrand.traces and not any(limits.traces for limits in watched):
        return found
    if any(limits.traces for limits in watched):
        return attached(found[0], nest.traced()), *found[1:]
    together = Integrand(lambda ts: f(*ts, *args))
    together.met, together.tapes, together.sources = integrand.met, integrand.tapes, integrand.sources
    ts, y = integrand.first
    together.first = (ts,), y
    value = derived(together.f, (), lambda g, _: nest.by_vectors(g), found[0], together)
    return value, *found[1:]


def _limits(nest, depth, *ts):
    return nest.limits(depth, ts)


def _of_options(option, args):
    return (lambda *ts: option(*ts, *args)) if callable(option) else option


@solver(_integrate.nquad, "scipy.integrate.nquad")
def nquad(call):
    options = {} if call["opts"] is None else call["opts"]
    options = options if isinstance(options, dict) else list(options)
    return _of_several(call, call["func"], list(call["ranges"]), options)


def _value(f, *args):
    return f(*args) if callable(f) else f


@solver(_integrate.dblquad, "scipy.integrate.dblquad")
def dblquad(call):
    def of_y(*args):
        return _value(call["gfun"], args[0]), _value(call["hfun"], args[0])

    call.only_plain("epsabs", "epsrel")
    options = {name: call[name] for name in ("epsabs", "epsrel")}
    return _of_several(call, call["func"], [of_y, (call["a"], call["b"])], options)


@solver(_integrate.tplquad, "scipy.integrate.tplquad")
def tplquad(call):
    def of_z(*args):
        return _value(call["qfun"], args[1], args[0]), _value(call["rfun"], args[1], args[0])

    def of_y(*args):
        return _value(call["gfun"], args[0]), _value(call["hfun"], args[0])

    call.only_plain("epsabs", "epsrel")
    options = {name: call[name] for name in ("epsabs", "epsrel")}
    return _of_several(call, call["func"], [of_z, of_y, (call["a"], call["b"])], options)

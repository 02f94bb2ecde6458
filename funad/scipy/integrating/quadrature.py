"""Quadrature of functions: closures and limits may be traced."""

import functools

import numpy as onp
from scipy import integrate as _integrate
from scipy.special import roots_legendre as _roots_legendre

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...spaces import shape_of
from ...transforms import jvp
from ...transforms.closures import Watched, attached, plain_of
from ..solving.calls import as_args, closed, is_traced, solver
from .functionals import Integrand, derived, elementwise_of, integral

__all__ = ["cubature", "dblquad", "fixed_quad", "nquad", "nsum", "quad", "quad_vec", "tanhsinh", "tplquad"]


def _by_vectors(f, limits, **options):
    """The integral of a vector of functions, to nine digits of the largest (Gauss-Kronrod, adaptive)."""
    value, error, info = _integrate.quad_vec(
        f, *limits, epsrel=1e-10, norm="max", limit=500, full_output=True, **options
    )
    size = onp.max(onp.abs(value), initial=0.0)
    if not error <= 1e-5 * size + 1e-12 and not info.success:
        raise NotDifferentiableError(
            f"the integral of the derivative does not converge (it is {size:.2g}, with an error of "
            f"{error:.2g}): the integrand may have a derivative that is not integrable, or a jump; give the "
            f"places of jumps as points, or split the interval there"
        )
    return value


def _weighted(options):
    """Return the rule that integrates each of a vector of functions as quad does it, with its weight."""

    def rule(f, limits):
        known = {}

        def at(t, n):
            if t not in known:
                known[t] = onp.ravel(f(t))
            return known[t][n]

        inside = 0.5 * (limits[0] + limits[1])
        shape = onp.shape(f(inside if onp.isfinite(inside) else min(limits) + 1.0))
        parts = [_integrate.quad(at, *limits, args=(n,), **options)[0] for n in range(int(onp.prod(shape)))]
        return onp.reshape(parts, shape)

    wave = {"cos": np.cos, "sin": np.sin}.get(options["weight"])
    if wave is not None:
        rule.weight = lambda t: wave(options["wvar"] * t)
    return rule


@solver(_integrate.quad, "scipy.integrate.quad")
def quad(call):
    call.only_plain("wvar")
    if not callable(call["func"]):  # compiled code, a LowLevelCallable
        call.only_plain("a", "b", "args")
        return call.run()
    f = closed(call["func"], as_args(call["args"]))
    limits = call["a"], call["b"]
    integrand = Integrand(f)
    found = call.run(func=integrand, args=())
    integrand.note(*limits)
    if not integrand.traces:
        return found
    value, *rest = found
    weight = call["weight"]
    if weight is None:
        points = call["points"]
        rule = functools.partial(_by_vectors, **({} if points is None else {"points": plain_of(points)}))
        return derived(_real(f, value), limits, rule, value, integrand), *rest
    if is_traced(limits) and weight not in ("cos", "sin"):
        raise NotDifferentiableError(
            f"{call.name} with weight={weight!r} has no derivative in its limits, on which the weight "
            f"depends; write the weight into the function"
        )
    rule = _weighted({name: plain_of(call[name]) for name in ("weight", "wvar", "limit", "maxp1", "limlst")})
    return derived(_real(f, value), limits, rule, value, integrand), *rest


def _real(f, value):
    """Return f with numbers as its results, not arrays with one number in them."""

    def of_number(t):
        y = f(t)
        return np.reshape(y, ()) if onp.ndim(plain_of(y)) else y

    return of_number


@solver(_integrate.quad_vec, "scipy.integrate.quad_vec")
def quad_vec(call):
    f = closed(call["f"], as_args(call["args"]))
    limits = call["a"], call["b"]
    integrand = Integrand(f)
    found = call.run(f=integrand, args=())
    integrand.note(*limits)
    if not integrand.traces:
        return found
    value, *rest = found
    points = {} if call["points"] is None else {"points": plain_of(call["points"])}
    return derived(f, limits, functools.partial(_by_vectors, **points), value, integrand), *rest


# --- several integrals, one inside the other


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
        if not plain or not hasattr(_integrate, "cubature"):
            return self._one_by_one(g)

        def at(u):
            ts, volume = (), 1.0
            for depth in range(len(self.ranges) - 1, -1, -1):
                low, high = self.limits(depth, ts)
                if not onp.isfinite(high - low):
                    raise _Infinite
                ts, volume = (low + (high - low) * u[depth], *ts), volume * (high - low)
            return g(ts) * volume

        n = len(self.ranges)
        rule = "gk15" if n < 4 else "genz-malik"
        try:
            return _integrate.cubature(
                lambda us: onp.stack([onp.asarray(at(u)) for u in us]), onp.zeros(n), onp.ones(n), rule=rule
            ).estimate
        except _Infinite:
            return self._one_by_one(g)

    def _one_by_one(self, g, ts=()):
        """Return the same as integrals of integrals."""
        depth = len(self.ranges) - len(ts) - 1
        if depth < 0:
            return g(ts)
        ends = self.limits(depth, ts)
        return _by_vectors(lambda t: self._one_by_one(g, (t, *ts)), ends, **self.points(depth, ts, ends))

    def traced(self, ts=()):
        """Return the integral as one of integrals, whose limits may all be traced."""
        depth = len(self.ranges) - len(ts) - 1
        if depth < 0:
            return self.f(*ts, *self.args)
        low, high = self.limits(depth, ts)
        return quad(
            lambda t: self.traced((t, *ts)), low, high, **self.points(depth, ts, plain_of((low, high)))
        )[0]


def _of_several(call, f, ranges, options):
    """Return the result of SciPy's nquad with its derivatives, if it has any."""
    args = as_args(() if call["args"] is None else call["args"])
    integrand = Integrand(lambda *ts: f(*ts, *args))
    nest = _Nest(f, ranges, options, args)
    watched = [Watched(functools.partial(_limits, nest, depth)) for depth in range(len(ranges))]
    more = {"full_output": True} if call.get("full_output") else {}
    plain = [_of_options(option, args) for option in options] if isinstance(options, list) else options
    found = _integrate.nquad(integrand, watched, opts=plain, **more)
    if not integrand.traces and not any(limits.traces for limits in watched):
        return found
    if any(limits.traces for limits in watched):
        return attached(found[0], nest.traced()), *found[1:]
    together = Integrand(lambda ts: f(*ts, *args))
    together.met, together.tapes, together.sources = integrand.met, integrand.tapes, integrand.sources
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

    options = {name: call[name] for name in ("epsabs", "epsrel")}
    return _of_several(call, call["func"], [of_y, (call["a"], call["b"])], options)


@solver(_integrate.tplquad, "scipy.integrate.tplquad")
def tplquad(call):
    def of_z(*args):
        return _value(call["qfun"], args[1], args[0]), _value(call["rfun"], args[1], args[0])

    def of_y(*args):
        return _value(call["gfun"], args[0]), _value(call["hfun"], args[0])

    options = {name: call[name] for name in ("epsabs", "epsrel")}
    return _of_several(call, call["func"], [of_z, of_y, (call["a"], call["b"])], options)


# --- rules of fixed order, and those of arrays


@solver(_integrate.fixed_quad, "scipy.integrate.fixed_quad")
def fixed_quad(call):
    f = closed(call["func"], as_args(call["args"]))
    integrand = Integrand(f)
    found = call.run(func=integrand, args=())
    a, b = call["a"], call["b"]
    integrand.note(a, b)
    if not integrand.traces:
        return found
    nodes, weights = _roots_legendre(call["n"])
    t = (b - a) * (nodes + 1) / 2.0 + a
    return attached(found[0], (b - a) / 2.0 * np.sum(weights * f(t), axis=-1)), found[1]


@solver(getattr(_integrate, "tanhsinh", None), "scipy.integrate.tanhsinh")
def tanhsinh(call):
    f, args, limits = call["f"], as_args(call["args"]), (call["a"], call["b"])
    integrand = Integrand(f)
    found = call.run(f=integrand, args=plain_of(args))
    closes = bool(integrand.traces)
    if not closes and not is_traced((limits, args)):
        return found
    if call["log"] or call["preserve_shape"]:
        raise NotDifferentiableError(
            f"{call.name} with log=True or preserve_shape=True has no derivative; write "
            f"funad.scipy.integrate.quad_vec for a vector of functions"
        )
    if closes:
        found.integral = attached(found.integral, _one_by_one(f, (*limits, *args), onp.shape(found.integral)))
        return found
    options = {name: call[name] for name in ("maxlevel", "minlevel", "atol", "rtol")}

    def slope(n, a, b, *args):
        if n < 2:
            end = (a, b)[n]
            finite = onp.isfinite(plain_of(end))
            return (-1.0, 1.0)[n] * np.where(finite, f(np.where(finite, end, 0.0), *args), 0.0)
        return tanhsinh(_partial(f, n - 2), a, b, args=args, **options).integral

    found.integral = elementwise_of(call.name, found.integral, slope, (*limits, *args))
    return found


def _partial(f, n):
    """Return the derivative of an elementwise function of t and further arguments in the n-th of those."""

    def of_all(t, *args):
        def of_one(x):
            return f(t, *args[:n], x, *args[n + 1 :])

        return jvp(of_one, (args[n],), (onp.ones(shape_of(args[n]))[()],))[1]

    return of_all


def _one_by_one(f, xs, shape):
    """Return integrals of functions that close over traced values, each by itself."""
    parts = [np.ravel(np.broadcast_to(np.asarray(x), shape)) for x in xs]
    numbers = [_one(f, *(part[n] for part in parts)) for n in range(int(onp.prod(shape)))]
    return np.reshape(np.stack(numbers), shape) if numbers else onp.zeros(shape)


def _one(f, a, b, *args):
    return integral(lambda t: np.reshape(f(np.asarray(t), *args), ()), (a, b), _by_vectors)


@solver(getattr(_integrate, "cubature", None), "scipy.integrate.cubature")
def cubature(call):
    f, args = call["f"], as_args(call["args"])
    low, high = call["a"], call["b"]
    integrand = Integrand(lambda x, *more: f(x, *(more or args)))
    found = call.run(f=integrand, args=())
    integrand.note(low, high, args)
    if not integrand.traces:
        return found
    ends = low, high = [np.asarray(_listed_array(x)) for x in (low, high)]
    of_unit = is_traced(ends)
    if of_unit and not onp.all(onp.isfinite(plain_of(low)) & onp.isfinite(plain_of(high))):
        raise NotDifferentiableError(f"{call.name} has no derivative in its limits if one is infinite")

    def at(t):
        """f at one point, of the unit cube if the limits are traced."""
        x = low + (high - low) * t if of_unit else t
        y = f(np.reshape(x, (1, -1)), *args)[0]
        return y * np.prod(high - low) if of_unit else y

    n = onp.size(plain_of(low))
    limits = (onp.zeros(n), onp.ones(n)) if of_unit else plain_of((low, high))
    options = {name: call[name] for name in ("rule", "max_subdivisions")}

    def rule(g, _):
        points = lambda x: onp.stack([onp.asarray(g(row)) for row in x])
        return _integrate.cubature(points, *limits, rtol=1e-9, **options).estimate

    found.estimate = attached(found.estimate, integral(at, (), rule))
    return found


def _listed_array(x):
    return np.array(x) if isinstance(x, (list, tuple)) else x


@solver(getattr(_integrate, "nsum", None), "scipy.integrate.nsum")
def nsum(call):
    call.only_plain("a", "b", "step")
    f, args = call["f"], as_args(call["args"])
    integrand = Integrand(f)
    found = call.run(f=integrand, args=plain_of(args))
    if integrand.traces:
        raise NotDifferentiableError(
            f"{call.name} has no derivative in what its function closes over; pass it in args, elementwise"
        )
    if not is_traced(args):
        return found
    if call["log"]:
        raise NotDifferentiableError(f"{call.name} with log=True has no derivative; sum f itself")
    ends = call["a"], call["b"]
    options = {name: call[name] for name in ("step", "maxterms", "tolerances")}

    def slope(n, *args):
        return nsum(_partial(f, n), *ends, args=args, **options).sum

    found.sum = elementwise_of(call.name, found.sum, slope, args)
    return found

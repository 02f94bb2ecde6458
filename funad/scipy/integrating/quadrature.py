"""Quadrature of functions: closures and limits may be traced."""

import functools

import numpy as onp
from scipy import integrate as _integrate
from scipy.special import roots_legendre as _roots_legendre

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms.closures import attached, plain_of
from ..solving.calls import as_args, closed, is_traced, solver
from .functionals import Integrand, derived, integral

__all__ = ["cubature", "dblquad", "fixed_quad", "nquad", "nsum", "quad", "quad_vec", "tanhsinh", "tplquad"]


def _by_vectors(f, limits, **options):
    """The integral of a vector of functions, to nine digits of the largest (Gauss-Kronrod, adaptive)."""
    value, error, info = _integrate.quad_vec(
        f, *limits, epsrel=1e-10, norm="max", limit=2000, full_output=True, **options
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

        size = onp.size(
            f(0.5 * (limits[0] + limits[1]) if onp.all(onp.isfinite(limits)) else limits[0] + 1.0)
        )
        parts = [_integrate.quad(at, *limits, args=(n,), **options)[0] for n in range(size)]
        return onp.array(parts)

    return rule


@solver(_integrate.quad, "scipy.integrate.quad")
def quad(call):
    call.only_plain("wvar")
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
    y = derived(f, (), lambda g, _: rule(g, plain_of(limits)), value, integrand)
    return attached(value, _moved_ends(f, limits, y, weight, call["wvar"])), *rest


def _real(f, value):
    """Return f with numbers as its results, not arrays with one number in them."""

    def of_number(t):
        y = f(t)
        return np.reshape(y, ()) if onp.ndim(plain_of(y)) else y

    return of_number


def _moved_ends(f, limits, y, weight, frequency):
    """Return a weighted integral y with its derivatives in its limits, if those are traced."""
    if not is_traced(limits):
        return y
    wave = np.cos if weight == "cos" else np.sin
    none = Integrand(lambda t: 0.0 * t)
    none.note(*limits, y)
    zero = derived(lambda t: f(t) * wave(frequency * t), limits, lambda g, ends: 0.0, 0.0, none)
    return y + zero


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


def _nested(f, ranges, options, args):
    """Return the integral over the last range of that over those before; each may depend on those behind it."""
    low, high = _range(ranges[-1], args)
    option = options[-1](*args) if callable(options[-1]) else dict(options[-1])
    if "points" in option:
        ends = plain_of((low, high))
        option["points"] = [x for x in plain_of(option["points"]) if ends[0] <= x <= ends[1]]

    def inside(t):
        return _nested(f, ranges[:-1], options[:-1], (t, *args)) if len(ranges) > 1 else f(t, *args)

    return quad(inside, low, high, **option)[0]


def _range(limits, args):
    return limits(*args) if callable(limits) else limits


def _of_several(call, f, ranges, options):
    """Return the result of SciPy's function with derivatives, if it has any."""
    functions = [Integrand(x) if callable(x) else x for x in ranges]
    integrand = Integrand(f)
    args = as_args(() if call["args"] is None else call["args"])
    more = {"full_output": True} if call.get("full_output") else {}
    found = _integrate.nquad(
        _closed_plain(integrand, args), _plain_ranges(functions, args), opts=options, **more
    )
    integrand.note(*(x for x in ranges if not callable(x)), args)
    met = integrand.traces + [t for g in functions if isinstance(g, Integrand) for t in g.traces]
    if not met:
        return found
    value = _nested(f, ranges, _listed(options, len(ranges)), args)
    return attached(found[0], value), *found[1:]


def _listed(options, n):
    return [options] * n if isinstance(options, dict) or callable(options) else list(options)


def _closed_plain(f, args):
    return lambda *ts: f(*ts, *args)


def _plain_ranges(ranges, args):
    return [
        (lambda *ts, g=x: g(*ts, *args)) if isinstance(x, Integrand) else list(plain_of(tuple(x)))
        for x in ranges
    ]


@solver(_integrate.nquad, "scipy.integrate.nquad")
def nquad(call):
    args = as_args(() if call["args"] is None else call["args"])
    options = call["opts"]
    options = {} if options is None else options
    if not isinstance(options, dict):
        options = [_with_args(option, args) if callable(option) else option for option in options]
    return _of_several(call, call["func"], list(call["ranges"]), options)


def _with_args(option, args):
    return lambda *ts: option(*ts, *args) if len(ts) else option(*args)


def _value(f, *args):
    return f(*args) if callable(f) else f


@solver(_integrate.dblquad, "scipy.integrate.dblquad")
def dblquad(call):
    low, high = call["gfun"], call["hfun"]
    options = {name: call[name] for name in ("epsabs", "epsrel")}
    inner = (low, high)
    if callable(low) or callable(high):

        def inner(*args):
            return _value(low, args[0]), _value(high, args[0])

    return _of_several(call, call["func"], [inner, (call["a"], call["b"])], options)


@solver(_integrate.tplquad, "scipy.integrate.tplquad")
def tplquad(call):
    options = {name: call[name] for name in ("epsabs", "epsrel")}

    def of_z(*args):
        return _value(call["qfun"], args[1], args[0]), _value(call["rfun"], args[1], args[0])

    def of_y(*args):
        return _value(call["gfun"], args[0]), _value(call["hfun"], args[0])

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


@solver(_integrate.tanhsinh, "scipy.integrate.tanhsinh")
def tanhsinh(call):
    f, args, limits = call["f"], as_args(call["args"]), (call["a"], call["b"])
    integrand = Integrand(f)
    found = call.run(f=integrand, args=plain_of(args))
    integrand.note(*limits, args)
    if not integrand.traces:
        return found
    if call["log"] or call["preserve_shape"]:
        raise NotDifferentiableError(
            f"{call.name} with log=True or preserve_shape=True has no derivative; write funad.scipy.integrate."
            f"quad_vec for a vector of functions"
        )
    shape = onp.shape(found.integral)
    parts = [np.ravel(np.broadcast_to(np.asarray(x), shape)) for x in (*limits, *args)]
    numbers = [_one(f, *(part[n] for part in parts)) for n in range(int(onp.prod(shape)))]
    value = np.reshape(np.stack(numbers), shape) if numbers else found.integral
    found.integral = attached(found.integral, value)
    return found


def _one(f, a, b, *args):
    return integral(lambda t: np.reshape(f(onp.asarray(t), *args), ()), (a, b), _by_vectors)


@solver(_integrate.cubature, "scipy.integrate.cubature")
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


@solver(_integrate.nsum, "scipy.integrate.nsum")
def nsum(call):
    call.only_plain("a", "b", "step")
    f, args = call["f"], as_args(call["args"])
    integrand = Integrand(f)
    found = call.run(f=integrand, args=plain_of(args))
    integrand.note(args)
    if not integrand.traces:
        return found
    if call["log"]:
        raise NotDifferentiableError(f"{call.name} with log=True has no derivative; sum f itself")
    shape = onp.shape(found.sum)
    plain = [onp.ravel(onp.broadcast_to(call[name], shape)) for name in ("a", "b", "step")]
    parts = [np.ravel(np.broadcast_to(np.asarray(x), shape)) for x in args]
    numbers = [
        _sum(f, [part[n] for part in plain], [part[n] for part in parts]) for n in range(int(onp.prod(shape)))
    ]
    found.sum = attached(found.sum, np.reshape(np.stack(numbers), shape))
    return found


def _sum(f, ends, args):
    """The sum of f from a to b, by nsum for each number in f."""
    a, b, step = ends

    def rule(g, _):
        size = onp.size(g(a))

        def row(k, n):
            return onp.array([onp.ravel(g(x))[n] for x in onp.ravel(k)]).reshape(onp.shape(k))

        parts = [_integrate.nsum(row, a, b, step=step, args=(n,)).sum for n in range(size)]
        return onp.reshape(parts, onp.shape(g(a)))

    return integral(lambda k: np.reshape(f(onp.asarray(k), *args), ()), (), rule)

"""Quadrature of functions of one variable: closures and limits may be traced."""

import functools

import numpy as onp
from scipy import integrate as _integrate

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms.closures import plain_of
from ..solving.calls import as_args, closed, is_traced, solver
from .functionals import Integrand, derived

__all__ = ["by_vectors", "quad", "quad_vec"]

# SciPy's own, also while funad.scipy.serve has others in their places.
_quad = _integrate.quad
_quad_vec = _integrate.quad_vec


def by_vectors(f, limits, **options):
    """The integral of a vector of functions, to nine digits of the largest (Gauss-Kronrod, adaptive)."""
    value, error, info = _quad_vec(
        f, *limits, epsrel=1e-9, norm="max", limit=500, full_output=True, **options
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
        parts = [_quad(at, *limits, args=(n,), **options)[0] for n in range(int(onp.prod(shape)))]
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
        points = plain_of(call["points"])
        rule = functools.partial(by_vectors, **({} if points is None else {"points": points}))
        rule.points = points  # the function may take many numbers at once
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
        return np.reshape(y, ()) if onp.ndim(plain_of(y)) and not onp.ndim(t) else y

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
    return derived(f, limits, functools.partial(by_vectors, **points), value, integrand), *rest

"""Quadrature of fixed order, of arrays of functions, of cubes, and sums."""

import numpy as onp
from scipy import integrate as _integrate
from scipy.special import roots_legendre as _roots_legendre

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms import jvp
from ...transforms.closures import attached, plain_of
from ...transforms.copies import fixed
from ...values import shape_of
from ..solving.calls import as_args, closed, is_traced, refused_parts, solver
from .functionals import Integrand, elementwise_of, integral
from .quadrature import by_vectors

__all__ = ["cubature", "fixed_quad", "nsum", "tanhsinh"]

# SciPy's own, also while funad.scipy.serve has others in their places.
_cubature = getattr(_integrate, "cubature", None)


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
    f = fixed(f)

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
    return integral(lambda t: np.reshape(f(np.asarray(t), *args), ()), (a, b), by_vectors)


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
        return _cubature(points, *limits, rtol=1e-9, **options).estimate

    refused_parts(vars(found), ("estimate",), call.name)
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
    f = fixed(f)

    def slope(n, *args):
        return nsum(_partial(f, n), *ends, args=args, **options).sum

    found.sum = elementwise_of(call.name, found.sum, slope, args)
    return found

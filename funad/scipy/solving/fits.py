"""Fits by least squares: the gradient of the sum of squares vanishes, with its full Hessian.

The Hessian of Gauss and Newton, JᵀJ, is that of the sum of squares only if the residuals vanish: the
derivatives of the fit need the other part as well.
"""

import numpy as onp
from scipy import optimize as _optimize

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms import grad, jacobian
from ...transforms.closures import Watched, attached, plain_of
from .active_sets import minimum, sides_of
from .calls import as_args, is_traced, refused_parts, solver, watch

__all__ = ["curve_fit", "least_squares", "leastsq"]

# ρ(z) of z = r², by its name in scipy.optimize.least_squares.
LOSSES = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(np.where(z <= 1, 1.0, z)) - 1),
    "cauchy": np.log1p,
    "arctan": np.arctan,
}


def _vector(r):
    """Return residuals as a vector."""
    return np.ravel(np.array(r) if isinstance(r, (list, tuple)) else r)


@solver(_optimize.least_squares, "scipy.optimize.least_squares")
def least_squares(call):
    call.only_plain("f_scale")
    args, named = as_args(call["args"]), call["kwargs"] or {}
    loss, scale = call["loss"], call["f_scale"]

    def f(x, *more):
        return call["fun"](x, *more, *args, **named)

    watched = Watched(f)
    jac = call["jac"]
    if callable(jac):
        jac = Watched(lambda x: call["jac"](x, *args, **named))
    found = call.run(fun=watched, jac=jac, args=(), kwargs={})
    lower, upper = sides_of(call["bounds"], found.x.size)
    watched.note(lower, upper)
    if not watched.traces:
        return found
    if loss not in LOSSES:
        raise NotDifferentiableError(
            f"{call.name} with a loss of one's own: its derivatives are not known; write one of "
            f"{', '.join(LOSSES)}, or minimize the sum of the loss with funad.scipy.optimize.minimize"
        )

    def cost(x):
        return 0.5 * scale**2 * np.sum(LOSSES[loss]((_vector(f(x)) / scale) ** 2))

    found = refused_parts(found, ("x", "cost", "fun", "jac", "grad"), call.name)
    found.x, at = minimum(call.name, cost, found.x, watched.traces, (lower, upper))
    found.cost = attached(found.cost, cost(at))
    found.fun = attached(found.fun, _vector(f(at)))
    return _with_slopes(call.name, found, f, cost, at, loss)


def _with_slopes(name, found, f, cost, at, loss):
    """Give the Jacobian and the gradient of a result their derivatives, as far as they have any."""
    found.grad = attached(found.grad, grad(cost)(at))
    if loss == "linear" and isinstance(found.jac, onp.ndarray):
        found.jac = attached(found.jac, jacobian(lambda x: _vector(f(x)))(at))
        return found
    rest = found.pop("jac")
    found.update(refused_parts({"jac": rest}, (), name, "scaled by the loss"))
    return found


def _half_square(f):
    return lambda x: 0.5 * np.sum(_vector(f(x)) ** 2)


@solver(_optimize.leastsq, "scipy.optimize.leastsq")
def leastsq(call):
    args = as_args(call["args"])

    def f(x):
        return call["func"](x, *args)

    watched = Watched(f)
    found = call.run(func=watched, Dfun=watch(call["Dfun"], args), args=())
    if not watched.traces:
        return found
    x, at = minimum(call.name, _half_square(f), found[0], watched.traces)
    if not call["full_output"]:
        return x, found[1]
    _, covariance, more, *rest = found
    if covariance is not None:
        slopes = jacobian(lambda x: _vector(f(x)))(at)
        covariance = attached(covariance, np.linalg.inv(np.matmul(np.transpose(slopes), slopes)))
    more["fvec"] = attached(more["fvec"], _vector(f(at)))
    return x, covariance, refused_parts(more, ("fvec",), call.name), *rest


@solver(_optimize.curve_fit, "scipy.optimize.curve_fit")
def curve_fit(call):
    model, kwargs = call["f"], call.get("kwargs") or {}
    watched = Watched(model)
    jac = call["jac"]
    given = {"xdata": plain_of(call["xdata"]), "jac": Watched(jac) if callable(jac) else jac}
    found = call.run(f=watched, **given)
    watched.note(*(call[name] for name in ("xdata", "ydata", "sigma", "bounds")), kwargs)
    if not watched.traces:
        return found
    if call["nan_policy"] == "omit":
        raise NotDifferentiableError(
            f"{call.name} with nan_policy='omit' of traced values; leave the missing values out of xdata, "
            f"ydata and sigma first: ydata[mask]"
        )
    popt, pcov, *rest = found
    data, y = _as_data(call["xdata"]), _array(call["ydata"])
    weighed = _weighing(call["sigma"], onp.size(plain_of(y)))

    def residuals(p):
        return weighed(np.ravel(model(data, *(p[n] for n in range(popt.size))) - y))

    bounds = sides_of(call["bounds"], popt.size)
    p, at = minimum(call.name, _half_square(residuals), popt, watched.traces, bounds)
    pcov = attached(pcov, _covariance(call, residuals, at, popt.size))
    if rest:
        rest[0]["fvec"] = attached(rest[0]["fvec"], residuals(at))
        rest[0] = refused_parts(rest[0], ("fvec",), call.name)
    return p, pcov, *rest


def _as_data(x):
    """Return the data that the model is given, as an array if it is a sequence of numbers."""
    return _array(x) if isinstance(x, (list, tuple, onp.ndarray)) and not isinstance(x, onp.ndarray) else x


def _array(x):
    if isinstance(x, (list, tuple)):
        return np.array(x) if is_traced(x) else onp.asarray(x, float)
    return x if is_traced(x) else onp.asarray(x, float)


def _weighing(sigma, n):
    """Return the function that scales residuals: by 1/σ, or by L⁻¹ of a covariance matrix L Lᵀ."""
    if sigma is None:
        return lambda r: r
    sigma = _array(sigma)
    if onp.ndim(plain_of(sigma)) < 2:
        return lambda r: r / sigma
    factor = np.linalg.cholesky(sigma)
    return lambda r: np.linalg.solve(factor, r)


def _covariance(call, residuals, p, n):
    """(JᵀJ)⁻¹, times the mean of the squares of the residuals unless sigma is absolute."""
    slopes = jacobian(residuals)(p)
    covariance = np.linalg.inv(np.matmul(np.transpose(slopes), slopes))
    if call["absolute_sigma"]:
        return covariance
    r = residuals(p)
    return covariance * (np.sum(r**2) / (r.size - n))

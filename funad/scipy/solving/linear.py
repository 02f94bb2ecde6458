"""Least squares of linear models: minima at bounds, and means of blocks."""

import numpy as onp
from scipy import optimize as _optimize

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms.closures import Watched, attached, plain_of
from .active_sets import minimum, sides_of
from .calls import is_traced, refused_parts, solver

__all__ = ["isotonic_regression", "linprog", "lsq_linear", "milp", "nnls"]


def _array(x):
    return np.array(x) if isinstance(x, (list, tuple)) else x


def _half_square(matrix, b):
    return lambda x: 0.5 * np.sum((np.matmul(matrix, x) - b) ** 2)


def _least(name, matrix, b, x, bounds):
    """Return the solution with its derivatives, and the place where those of what depends on it are taken."""
    cost = _half_square(matrix, b)
    watched = Watched(cost)
    watched.note(matrix, b, *(bound for bound in bounds if bound is not None))
    return minimum(name, cost, x, watched.traces, bounds)


@solver(_optimize.nnls, "scipy.optimize.nnls")
def nnls(call):
    found = call.run()
    matrix, b = _array(call["A"]), _array(call["b"])
    if not is_traced((matrix, b)):
        return found
    x, norm = found
    x, at = _least(call.name, matrix, b, x, (onp.zeros(x.size), onp.full(x.size, onp.inf)))
    return x, attached(norm, np.linalg.norm(np.matmul(matrix, at) - b))


@solver(_optimize.lsq_linear, "scipy.optimize.lsq_linear")
def lsq_linear(call):
    found = call.run()
    matrix, b = _array(call["A"]), _array(call["b"])
    bounds = sides_of(call["bounds"], found.x.size)
    if not is_traced((matrix, b, *bounds)):
        return found
    if not isinstance(plain_of(matrix), onp.ndarray):
        raise NotDifferentiableError(
            f"{call.name} of a {type(matrix).__name__} with traced values beside it; give it the array, "
            f"A.toarray() of a sparse one"
        )
    found = refused_parts(found, ("x", "fun", "cost"), call.name)
    found.x, at = _least(call.name, matrix, b, found.x, bounds)
    residuals = np.matmul(matrix, at) - b
    found.fun = attached(found.fun, residuals)
    found.cost = attached(found.cost, 0.5 * np.sum(residuals**2))
    return found


@solver(_optimize.isotonic_regression, "scipy.optimize.isotonic_regression")
def isotonic_regression(call):
    call_y, weights = _array(call["y"]), _array(call["weights"])
    found = call.run()
    if not is_traced((call_y, weights)):
        return found
    y = call_y
    w = onp.ones(onp.shape(found.x)) if weights is None else weights
    blocks = found.blocks
    which = onp.repeat(onp.arange(len(blocks) - 1), onp.diff(blocks))
    belongs = (onp.arange(len(blocks) - 1)[:, None] == which).astype(float)
    sums = np.matmul(belongs, w)
    means = np.matmul(belongs, w * y) / sums
    found.x = attached(found.x, means[which])
    if is_traced(weights):
        found.weights = attached(found.weights, sums)
    return found


def _refusing(f, name):
    @solver(f, f"scipy.optimize.{name}")
    def traced(call):
        if is_traced([call.get(parameter) for parameter in call.parameters]):
            raise NotDifferentiableError(
                f"{call.name} has no derivative in funad: its solution is a corner, which jumps to another "
                f"one; give it stop_gradient(x), or find x with it, and differentiate np.linalg.solve of the "
                f"rows that hold there"
            )
        return call.run()

    traced.why_refused = (
        "its solution is a corner, which jumps to another one"  # so that nobody is advised to write it
    )
    return traced


linprog = _refusing(_optimize.linprog, "linprog")
milp = _refusing(_optimize.milp, "milp")

"""Least squares of linear models: equations of the elements that no bound holds, and means of blocks."""

import numpy as onp
from scipy import optimize as _optimize

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms.closures import attached, plain_of
from .active_sets import bounds_of
from .calls import is_traced, refused_parts, solver

__all__ = ["isotonic_regression", "linprog", "lsq_linear", "milp", "nnls"]


def _array(x):
    return np.array(x) if isinstance(x, (list, tuple)) else x


def _free_solution(matrix, b, free):
    """Return the least squares solution in the free unknowns, others zero, by the normal equations.

    The derivatives are those of the normal equations, to which a step of refinement is added: the value is
    SciPy's own.
    """
    columns = matrix[:, free]
    transposed = np.transpose(columns)
    x = np.linalg.solve(np.matmul(transposed, columns), np.matmul(transposed, b))
    return np.matmul(onp.eye(onp.shape(plain_of(matrix))[1])[:, free], x)


@solver(_optimize.nnls, "scipy.optimize.nnls")
def nnls(call):
    found = call.run()
    matrix, b = _array(call["A"]), _array(call["b"])
    if not is_traced((matrix, b)):
        return found
    x, norm = found
    at = _free_solution(matrix, b, onp.flatnonzero(x > 0))
    return attached(x, at), attached(norm, np.linalg.norm(np.matmul(matrix, at) - b))


@solver(_optimize.lsq_linear, "scipy.optimize.lsq_linear")
def lsq_linear(call):
    found = call.run()
    matrix, b = _array(call["A"]), _array(call["b"])
    lower, upper = _sides(call["bounds"], found.x.size)
    if not is_traced((matrix, b, lower, upper)):
        return found
    if not isinstance(plain_of(matrix), onp.ndarray):
        raise NotDifferentiableError(
            f"{call.name} of a {type(matrix).__name__} with traced values beside it; give it the array, "
            f"A.toarray() of a sparse one"
        )
    mask = found.active_mask
    bound = np.where(mask < 0, lower, np.where(mask > 0, upper, 0.0))
    rest = b - np.matmul(matrix, bound)
    at = bound + _free_solution(matrix, rest, onp.flatnonzero(mask == 0))
    residuals = np.matmul(matrix, at) - b
    found = refused_parts(found, ("x", "fun", "cost"), call.name)
    found.x, found.fun = attached(found.x, at), attached(found.fun, residuals)
    found.cost = attached(found.cost, 0.5 * np.sum(residuals**2))
    return found


def _sides(bounds, n):
    """Return the lower and the upper bounds; infinite ones hold nothing, so zeros take their place."""
    if hasattr(bounds, "lb"):
        return tuple(onp.nan_to_num(b, posinf=0.0, neginf=0.0) for b in bounds_of(bounds, n))
    sides = []
    for side in bounds:
        side = np.broadcast_to(_array(side), (n,))
        sides.append(np.where(onp.isinf(plain_of(side)), 0.0, side))
    return tuple(sides)


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

    return traced


linprog = _refusing(_optimize.linprog, "linprog")
milp = _refusing(_optimize.milp, "milp")

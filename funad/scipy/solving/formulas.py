"""Functions of scipy.optimize that solve nothing: Rosenbrock's, and differences."""

import numpy as onp
from scipy import optimize as _optimize

from ... import numpy as np
from ...transforms import jacobian
from ...transforms.closures import Watched, attached
from .calls import is_traced, solver

__all__ = ["approx_fprime", "rosen", "rosen_der", "rosen_hess", "rosen_hess_prod"]


def _of_arrays(f, name):
    """Make the decorated function what SciPy's function f of arrays is on traced ones."""

    def decorate(g):
        @solver(f, f"scipy.optimize.{name}")
        def traced(call):
            args = [call[parameter] for parameter in call.parameters]
            if not is_traced(args):
                return call.run()
            return g(*(np.array(x) if isinstance(x, (list, tuple)) else x for x in args))

        return traced

    return decorate


@_of_arrays(_optimize.rosen, "rosen")
def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0, axis=0)


@_of_arrays(_optimize.rosen_der, "rosen_der")
def rosen_der(x):
    middle, before, after = x[1:-1], x[:-2], x[2:]
    inside = 200 * (middle - before**2) - 400 * (after - middle**2) * middle - 2 * (1 - middle)
    first = -400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0])
    last = 200 * (x[-1] - x[-2] ** 2)
    return np.concatenate([np.stack([first]), inside, np.stack([last])])


@_of_arrays(_optimize.rosen_hess, "rosen_hess")
def rosen_hess(x):
    middle = 202 + 1200 * x[1:-1] ** 2 - 400 * x[2:]
    first = 1200 * x[0] ** 2 - 400 * x[1] + 2
    ends = np.stack([first]), middle, onp.array([200.0])
    return np.diag(-400 * x[:-1], 1) - np.diag(400 * x[:-1], -1) + np.diag(np.concatenate(ends))


@_of_arrays(_optimize.rosen_hess_prod, "rosen_hess_prod")
def rosen_hess_prod(x, p):
    first = (1200 * x[0] ** 2 - 400 * x[1] + 2) * p[0] - 400 * x[0] * p[1]
    inside = (
        -400 * x[:-2] * p[:-2] + (202 + 1200 * x[1:-1] ** 2 - 400 * x[2:]) * p[1:-1] - 400 * x[1:-1] * p[2:]
    )
    last = -400 * x[-2] * p[-2] + 200 * p[-1]
    return np.concatenate([np.stack([first]), inside, np.stack([last])])


@solver(_optimize.approx_fprime, "scipy.optimize.approx_fprime")
def approx_fprime(call):
    x, f, args = call["xk"], call["f"], call["args"]
    watched = Watched(lambda x: f(x, *args))
    found = call.run(f=watched, args=())
    watched.note(x)
    if not watched.traces:
        return found
    x = np.array(x) if isinstance(x, (list, tuple)) else x
    return attached(found, np.reshape(jacobian(lambda x: f(x, *args))(x), onp.shape(found)))

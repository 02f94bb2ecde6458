"""Roots and fixed points: the equation f(x) = 0 gives their derivatives."""

import copy
import functools

import numpy as onp
from scipy import optimize as _optimize
from scipy.sparse.linalg import LinearOperator as _LinearOperator
from scipy.sparse.linalg import gmres as _gmres

from ... import numpy as np
from ...transforms.closures import attached
from ...transforms.implicit import Equation
from .calls import refused_parts, solver

__all__ = [
    "anderson", "bisect", "brenth", "brentq", "broyden1", "broyden2", "diagbroyden", "excitingmixing",
    "fixed_point", "fsolve", "linearmixing", "newton", "newton_krylov", "ridder", "root",
    "root_scalar", "toms748",
]  # fmt: skip

LARGE = 1000  # unknowns, from which on the Jacobian is not formed


def solution(name, f, x, traces, kind="root", elementwise=False, solve=None):
    """Return x, which a solver of SciPy's has found, with its derivatives for these traces."""
    if not traces or not onp.size(x):
        return x
    shape = onp.shape(x)
    vector = onp.ravel(x) if len(shape) > 1 else x
    of_vector = (lambda v: np.ravel(f(np.reshape(v, shape)))) if len(shape) > 1 else f
    if solve is None and onp.size(x) > LARGE and not elementwise:
        solve = iterative
    found = Equation(name, of_vector, kind, solve, elementwise).derived(vector, traces)
    return attached(x, np.reshape(found, shape) if len(shape) > 1 else found)


def iterative(product, b, rtol=1e-12):
    """Solve A u = b, for a large A of which products are known, by GMRES (Saad and Schultz, 1986)."""
    matrix = _LinearOperator((b.size, b.size), product, dtype=b.dtype)
    return _gmres(matrix, b, rtol=rtol, restart=min(b.size, 200), maxiter=50)[0]


iterative.rough = functools.partial(iterative, rtol=1e-4)  # for steps of Newton's, whose errors vanish


def _of_bracket(f, name):
    """Return a solver of one equation in one unknown, within a bracket, of which the root does not depend."""

    @solver(f, f"scipy.optimize.{name}")
    def traced(call):
        f, watched, found = call.run_watched("f")
        if not watched.traces:
            return found
        if not call["full_output"]:
            return solution(call.name, f, found, watched.traces)
        x, results = found
        return _with_results(call.name, solution(call.name, f, x, watched.traces), results)

    return traced


def _with_results(name, x, results):
    results = copy.copy(results)
    results.root = x
    return x, results


bisect = _of_bracket(_optimize.bisect, "bisect")
brenth = _of_bracket(_optimize.brenth, "brenth")
brentq = _of_bracket(_optimize.brentq, "brentq")
ridder = _of_bracket(_optimize.ridder, "ridder")
toms748 = _of_bracket(_optimize.toms748, "toms748")


@solver(_optimize.newton, "scipy.optimize.newton")
def newton(call):
    f, watched, found = call.run_watched("func", "fprime", "fprime2")
    if not watched.traces:
        return found
    full = call["full_output"]
    x = found[0] if full else found
    x = solution(call.name, f, x, watched.traces, elementwise=onp.ndim(x) > 0)
    if not full:
        return x
    return found._replace(root=x) if hasattr(found, "_replace") else _with_results(call.name, x, found[1])


@solver(_optimize.root_scalar, "scipy.optimize.root_scalar")
def root_scalar(call):
    several = call["fprime"] is True or call["fprime2"] is True
    f, watched, found = call.run_watched("f", "fprime", "fprime2", several=several)
    if not watched.traces:
        return found
    return _with_results(call.name, solution(call.name, f, found.root, watched.traces), found)[1]


@solver(_optimize.root, "scipy.optimize.root")
def root(call):
    f, watched, found = call.run_watched("fun", "jac", several=call["jac"] is True)
    if not watched.traces:
        return found
    found = refused_parts(found, ("x", "fun"), call.name)
    found.x = solution(call.name, f, found.x, watched.traces)
    return found


@solver(_optimize.fsolve, "scipy.optimize.fsolve")
def fsolve(call):
    f, watched, found = call.run_watched("func", "fprime")
    if not watched.traces:
        return found
    if not call["full_output"]:
        return solution(call.name, f, found, watched.traces)
    x, more, *rest = found
    return solution(call.name, f, x, watched.traces), refused_parts(more, ("fvec",), call.name), *rest


@solver(_optimize.fixed_point, "scipy.optimize.fixed_point")
def fixed_point(call):
    f, watched, x = call.run_watched("func")
    return solution(call.name, f, x, watched.traces, "fixed_point")


def _of_many(f, name):
    """Return a solver of many equations that returns nothing but the root."""

    @solver(f, f"scipy.optimize.{name}")
    def traced(call):
        f, watched, x = call.run_watched("F")
        return solution(call.name, f, x, watched.traces)

    return traced


anderson = _of_many(_optimize.anderson, "anderson")
broyden1 = _of_many(_optimize.broyden1, "broyden1")
broyden2 = _of_many(_optimize.broyden2, "broyden2")
diagbroyden = _of_many(_optimize.diagbroyden, "diagbroyden")
excitingmixing = _of_many(_optimize.excitingmixing, "excitingmixing")
linearmixing = _of_many(_optimize.linearmixing, "linearmixing")
newton_krylov = _of_many(_optimize.newton_krylov, "newton_krylov")

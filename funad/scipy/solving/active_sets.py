"""Minima that bounds and constraints hold: the equations of the active ones give their derivatives.

At a minimum, the gradient of f vanishes in the elements of x that are free; the others are at a bound, and
move with it. With constraints c(x) that hold it, f − λ·c takes the place of f, and λ is unknown as well
(Karush, Kuhn and Tucker; Fiacco, Introduction to Sensitivity and Stability Analysis, 1983).
"""

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as onp
from scipy import optimize as _optimize

from ... import numpy as np
from ...errors import ArgumentError, NotDifferentiableError
from ...transforms import grad, hessian, jacobian
from ...transforms.closures import Watched, attached, plain_of, without
from ...transforms.implicit import Equation, check_minimum
from ...values import shape_of
from .calls import as_args, closed, is_traced, plain_limits
from .roots import LARGE, iterative

__all__ = [
    "Bounds",
    "Constraint",
    "LinearConstraint",
    "bounds_of",
    "constraints_of",
    "minimum",
    "sides_of",
    "watched_constraints",
]

_ON = 1e-8  # how near a bound x is at it, in units of 1 + |bound|
_NEAR = 1e-3  # the same for solvers that stay inside, if Newton's step leads out
_HOLDS = 1e-5  # how near its bound a constraint may hold


@dataclass
class Constraint:
    """lower ≤ f(x) ≤ upper, for a vector f(x); all may be traced."""

    f: Any
    lower: Any
    upper: Any
    watched: Watched = field(init=False)

    def __post_init__(self):
        self.watched = Watched(self.f)
        self.watched.note(self.lower, self.upper)


def minimum(name, f, x, traces, bounds=(None, None), constraints=()):
    """Return x, where f is least, with its derivatives, and the place to which Newton's steps lead from it.

    The second is where the derivatives of what depends on x are to be taken: it differs from x by the error
    of the solver. ``bounds`` are two vectors, perhaps traced, or None.
    """
    if not traces:
        return x, x
    f = _of_one_number(f)
    if not constraints and bounds[0] is None and bounds[1] is None:
        solve = iterative if x.size > LARGE else None
        found = Equation(name, f, "minimum", solve).derived(x, traces)
        return attached(x, found), found
    active = _Active(name, f, x, traces, bounds, constraints)
    found = Equation(name, active.residual).derived(active.start(), traces)
    found = found[: x.size]
    return attached(x, found), found


def _of_one_number(f):
    """Return f with a number as its result: SciPy takes an array with one number in it, too."""

    def number(x):
        y = f(x)
        return np.reshape(y, ()) if shape_of(y) == (1,) else y

    return number


class _Active:
    """The equations of a minimum at bounds and constraints: which of them hold it."""

    def __init__(self, name, f, x, traces, bounds, constraints):
        self.f, self.x, self.n = f, x, x.size
        self.lower = onp.full(x.size, -onp.inf) if bounds[0] is None else bounds[0]
        self.upper = onp.full(x.size, onp.inf) if bounds[1] is None else bounds[1]
        self.constraints = [_flat(c) for c in constraints]
        self.gradient = without(grad(f), traces)(x)
        self.rows = []  # (constraint, row, whether it is the upper bound that holds)
        candidates = list(self._candidates())
        self.slopes = self._slopes(candidates, traces)
        self.hessian = without(hessian(f), traces)(x)
        self.fixed = self._at_bounds()
        self.multipliers = self._hold(candidates)
        self._check(name, traces)

    def _candidates(self):
        """Iterate over the constraints that hold or nearly do."""
        for k, c in enumerate(self.constraints):
            value = onp.ravel(plain_of(c.watched(self.x)))
            lower, upper = (onp.broadcast_to(plain_of(b), value.shape) for b in (c.lower, c.upper))
            for row in range(value.size):
                for bound, is_upper in ((lower[row], False), (upper[row], True)):
                    if onp.isfinite(bound) and abs(value[row] - bound) <= _HOLDS * (1 + abs(bound)):
                        yield k, row, is_upper, lower[row] == upper[row]
                        break

    def _slopes(self, candidates, traces):
        """Return the gradients of the candidates, one per row."""
        found = [without(jacobian(c.f), traces)(self.x) for c in self.constraints]
        rows = [onp.reshape(found[k], (-1, self.n))[row] for k, row, _, _ in candidates]
        return onp.array(rows).reshape(-1, self.n)

    def _at_bounds(self):
        """Return −1, 0, 1 for elements at their lower bound, free, and at their upper bound.

        An element is free if Newton's step leads inwards. Solvers that stay inside do not reach the bounds.
        """
        lower, upper = plain_of(self.lower), plain_of(self.upper)
        curvature = onp.abs(onp.diagonal(self.hessian))
        slope = self.gradient
        if len(self.slopes):
            slope = slope - self.slopes.T @ onp.linalg.lstsq(self.slopes.T, slope, rcond=None)[0]
        with onp.errstate(all="ignore"):
            step = onp.where(curvature > 0, -slope / curvature, -onp.inf * onp.sign(slope))
        fixed = onp.zeros(self.n, int)
        for bound, sign in ((lower, -1), (upper, 1)):
            distance = onp.abs(self.x - bound)
            on = (distance <= _ON * (1 + onp.abs(bound))) & (sign * step >= 0)
            near = (distance <= _NEAR * (1 + onp.abs(bound))) & (sign * step > distance)
            fixed[(on | near) & onp.isfinite(bound)] = sign
        return fixed

    def _hold(self, candidates):
        """Note the constraints that hold the minimum, and return their multipliers."""
        free = self.fixed == 0
        kept = list(range(len(candidates)))
        while kept:
            slopes = self.slopes[kept][:, free]
            found = onp.linalg.lstsq(slopes.T, self.gradient[free], rcond=None)[0]
            scale = 1e-7 * onp.max(onp.abs(found), initial=0.0)
            wrong = [
                n for n, k in enumerate(kept)
                if not candidates[k][3] and (-found[n] if candidates[k][2] else found[n]) <= scale
            ]  # fmt: skip
            if not wrong:
                self.rows = [candidates[k][:3] for k in kept]
                return found
            del kept[min(wrong, key=lambda n: -found[n] if candidates[kept[n]][2] else found[n])]
        return onp.zeros(0)

    def _check(self, name, traces):
        """Refuse a minimum that is not isolated, where nothing but bounds holds it."""
        free = self.fixed == 0
        if not self.rows and onp.any(free):
            check_minimum(name, self.hessian[onp.ix_(free, free)])

    def start(self):
        return onp.concatenate([self.x, self.multipliers])

    def residual(self, z):
        """The gradient of f − λ·c where x is free, x − bound elsewhere, and the constraints that hold."""
        x, multipliers = z[: self.n], z[self.n :]
        held = [(k, row, is_upper, multipliers[m]) for m, (k, row, is_upper) in enumerate(self.rows)]

        def lagrangian(x):
            return self.f(x) - sum(multiplier * self._distance(x, *at) for *at, multiplier in held)

        slope = grad(lagrangian)(x)
        bound = np.where(self.fixed < 0, self.lower, np.where(self.fixed > 0, self.upper, 0.0))
        if is_traced(bound) or onp.any(self.fixed):
            slope = np.where(self.fixed == 0, slope, x - bound)
        distances = [self._distance(x, *at) for *at, _ in held]
        return np.concatenate([slope, np.stack(distances)]) if distances else slope

    def _distance(self, x, k, row, is_upper):
        c = self.constraints[k]
        bound = c.upper if is_upper else c.lower
        bound = bound[row] if onp.ndim(plain_of(bound)) else bound
        return c.f(x)[row] - bound


def _flat(c):
    def f(x):
        y = c.f(x)
        return np.atleast_1d(np.array(y) if isinstance(y, (list, tuple)) else y)

    return Constraint(f, c.lower, c.upper)


# --- bounds and constraints in the forms in which SciPy takes them


def _array(x):
    return np.array(x) if isinstance(x, (list, tuple)) and is_traced(x) else x


class Bounds(_optimize.Bounds):
    # Of numbers that may be traced.

    __doc__ = _optimize.Bounds.__doc__
    __module__ = "funad.scipy.optimize"

    def __init__(self, lb=-onp.inf, ub=onp.inf, keep_feasible=False):
        super().__init__(_array(lb), _array(ub), keep_feasible)


class LinearConstraint(_optimize.LinearConstraint):
    # Of numbers that may be traced.

    __doc__ = _optimize.LinearConstraint.__doc__
    __module__ = "funad.scipy.optimize"

    def __init__(self, A, lb=-onp.inf, ub=onp.inf, keep_feasible=False):
        super().__init__(_array(A), _array(lb), _array(ub), keep_feasible)


def bounds_of(bounds, n):
    """Return the lower and the upper bounds as two vectors, perhaps traced, or None without any."""
    if bounds is None or (isinstance(bounds, (tuple, list)) and not len(bounds)):
        return None, None
    if hasattr(bounds, "lb"):
        return tuple(np.broadcast_to(b, (n,)) for b in (bounds.lb, bounds.ub))
    pairs = [(_bound(low, -onp.inf), _bound(high, onp.inf)) for low, high in bounds]
    return tuple(_vector(side) for side in zip(*pairs, strict=True))


def sides_of(bounds, n):
    """Return lower and upper bounds as two vectors, perhaps traced."""
    sides = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    found = []
    for side in sides:
        side = np.array(list(side)) if isinstance(side, (list, tuple)) and is_traced(side) else side
        found.append(np.broadcast_to(side, (n,)) if is_traced(side) else onp.broadcast_to(side, (n,)))
    infinite = all(not is_traced(side) and onp.all(onp.isinf(side)) for side in found)
    return (None, None) if infinite else tuple(found)


def _bound(bound, missing):
    return missing if bound is None else bound


def _vector(parts):
    return np.array(list(parts)) if is_traced(parts) else onp.array(parts, float)


def constraints_of(constraints):
    """Return the constraints of ``minimize`` as a list of ``Constraint``."""
    if isinstance(constraints, dict) or hasattr(constraints, "lb"):
        constraints = [constraints]
    return [_constraint(c) for c in constraints]


def _constraint(c):
    if isinstance(c, dict):
        if c.get("type", "").lower() not in ("eq", "ineq"):
            raise ArgumentError(f"the type of a constraint is 'eq' or 'ineq', not {c.get('type')!r}")
        upper = 0.0 if c["type"].lower() == "eq" else onp.inf
        return Constraint(closed(c["fun"], as_args(c.get("args", ()))), 0.0, upper)
    if hasattr(c, "fun"):
        return Constraint(c.fun, c.lb, c.ub)
    matrix = c.A
    if not isinstance(matrix, onp.ndarray) and not is_traced(matrix):
        matrix = matrix.toarray() if hasattr(matrix, "toarray") else onp.asarray(matrix)
    found = Constraint(lambda x: np.matmul(matrix, x), c.lb, c.ub)
    found.watched.note(matrix)  # SciPy is given the matrix, and does not call the function
    return found


def watched_constraints(constraints, known):
    """Return constraints as SciPy may take them: those with functions, with plain ones."""
    if isinstance(constraints, dict) or hasattr(constraints, "lb"):
        return _watched_constraint(constraints, known[0])
    return [_watched_constraint(c, k) for c, k in zip(constraints, known, strict=True)]


def _watched_constraint(c, known):
    if isinstance(c, dict):
        jac = c.get("jac")
        jac = Watched(closed(jac, as_args(c.get("args", ())))) if callable(jac) else jac
        return {**c, "fun": known.watched, "args": (), **({"jac": jac} if "jac" in c else {})}
    if not hasattr(c, "fun"):
        return plain_limits(c)
    c = copy.copy(c)
    c.fun, c.lb, c.ub = known.watched, plain_of(c.lb), plain_of(c.ub)
    for name in ("jac", "hess"):
        if callable(getattr(c, name, None)) and not isinstance(
            getattr(c, name), _optimize.HessianUpdateStrategy
        ):
            setattr(c, name, Watched(getattr(c, name)))
    return c


def refuse_integers(call):
    """Refuse minima over integers, which jump."""
    if call.get("integrality") is not None and onp.any(call["integrality"]):
        raise NotDifferentiableError(
            f"{call.name} with integrality: its minimum jumps from one integer to the next, and has no "
            f"derivative; give the values that its function closes over stop_gradient"
        )

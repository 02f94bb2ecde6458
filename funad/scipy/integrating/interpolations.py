"""Solutions between the steps of a solver, at many times at once.

SciPy's interpolation: in each step y(t) = c₀ + Σⱼ cⱼ Πᵢ≤ⱼ (t − sᵢ)/dᵢ, with shifts sᵢ and scales dᵢ that
differ for BDF only. SciPy evaluates these polynomials step by step. odeint has none: what its right-hand side
is called with tells where its steps have been.
"""

import numpy as onp
from scipy.interpolate import CubicHermiteSpline

__all__ = ["at_many", "through"]

_MOST = 1 << 22  # numbers in the coefficients that are gathered at once


def at_many(sol, times):
    """Return the states at these times, one row each."""
    try:
        return _Polynomials.of(sol).at(times)
    except (AttributeError, KeyError):  # other methods, and other forms of other versions of SciPy
        return onp.reshape(sol(times).T, (len(times), -1))


class _Polynomials:
    """The polynomials of all steps, filled up with zeros to one degree."""

    def __init__(self, sol):
        parts = [_FORMS[type(step).__name__](step) for step in sol.interpolants]
        degree = max(c.shape[1] for _, _, c in parts)
        self.shifts = onp.zeros((len(parts), degree - 1))
        self.scales = onp.ones((len(parts), degree - 1))
        shape = len(parts), degree, len(parts[0][2])
        self.coefficients = onp.zeros(shape, onp.result_type(*(c for _, _, c in parts)))
        for k, (shift, scale, c) in enumerate(parts):
            m = c.shape[1]
            self.shifts[k, : m - 1], self.scales[k, : m - 1], self.coefficients[k, :m] = shift, scale, c.T
        self.edges, self.side, self.ascending = sol.ts_sorted, sol.side, sol.ascending

    @classmethod
    def of(cls, sol):
        """Return those of a solution, made once."""
        found = vars(sol).get("_polynomials")
        if found is None:
            found = sol._polynomials = cls(sol)
        return found

    def at(self, times):
        steps = onp.clip(onp.searchsorted(self.edges, times, side=self.side) - 1, 0, len(self.shifts) - 1)
        steps = steps if self.ascending else len(self.shifts) - 1 - steps
        size = max(1, _MOST // self.coefficients[0].size)
        parts = [slice(start, start + size) for start in range(0, len(times), size)]
        return onp.concatenate([self._at(steps[part], times[part]) for part in parts])

    def _at(self, steps, times):
        factors = (times[:, None] - self.shifts[steps]) / self.scales[steps]
        products = onp.cumprod(onp.insert(factors, 0, 1.0, axis=1), axis=1)
        return onp.einsum("mp,mpn->mn", products, self.coefficients[steps])


# By the name of the class of one step: its shifts, its scales, and its coefficients, (n, degree + 1).
_FORMS = {
    "BdfDenseOutput": lambda step: (step.t_shift, step.denom, step.D.T),
    "LsodaDenseOutput": lambda step: (step.t, step.h, step.yh),
    "RadauDenseOutput": lambda step: (step.t_old, step.h, onp.column_stack([step.y_old, step.Q])),
    "RkDenseOutput": lambda step: (step.t_old, step.h, onp.column_stack([step.y_old, step.h * step.Q])),
}


def through(calls):
    """Return the solution through what a solver has called its right-hand side with: (t, y, slope).

    Solvers call it at the ends of their steps, with states that are right but for the last correction.
    Returns None where the calls do not lead anywhere.
    """
    kept, sign = [], 1.0 if calls[-1][0] >= calls[0][0] else -1.0
    for call in calls:
        while kept and sign * call[0] <= sign * kept[-1][0]:  # a step that was taken back, or a correction
            kept.pop()
        kept.append(call)
    return _Through(kept) if len(kept) > 1 else None


class _Through:
    """A solution by cubic polynomials, in the form of SciPy's dense output."""

    def __init__(self, calls):
        t, y, slopes = (onp.array(x, float) for x in zip(*calls, strict=True))
        order = onp.argsort(t)
        self._spline = CubicHermiteSpline(t[order], y[order], slopes[order])
        self.ts, self.t_min, self.t_max = t, t[order[0]], t[order[-1]]

    def __call__(self, times):
        return self._spline(times).T

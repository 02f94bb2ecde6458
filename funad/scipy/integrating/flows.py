"""The solution of an initial value problem as a function of time, traced."""

import numpy as onp

from ... import numpy as np
from ...boxes import Traced
from ...transforms.closures import attached, plain_of
from ...writing import settled
from ..solving.calls import is_traced
from .continuous import Solution
from .discrete import trajectory

__all__ = ["ContinuousFlow", "Flow", "TracedSolution", "scaled"]


class Flow:
    """The solution as a function of time, by the interpolation of its steps."""

    def __init__(self, field, y0, steps, integrand, scale):
        self.steps, self.scale = steps, scale
        self.y, self.k = trajectory(field, y0, steps, integrand)

    def at(self, t, plain):
        """Return the states at times t, of which ``plain`` are the values, one row each."""
        if self.scale:
            start, length = self.scale
            a, b = plain_of(self.scale)
            plain = (plain - a) / b
            t = (t - start) / length
        if not is_traced(t) and len(plain) == len(self.steps.t) and onp.array_equal(plain, self.steps.t):
            return self.y
        if not self.steps.dense:
            n = onp.searchsorted(self.steps.t, plain)
            return self.y[n]
        return self.steps.interpolated(self.y, self.k, t, plain)


class ContinuousFlow:
    """The solution as a function of time, by SciPy's interpolation and the equations of its derivatives."""

    def __init__(self, field, y0, sol, integrand, method, options, adjoint, scale):
        self.scale, self.field = scale, field
        self.solution = Solution(field, y0, sol, integrand, method, options, adjoint)

    def at(self, t, plain):
        """Return the states at times t, of which ``plain`` are the values, one row each."""
        if self.scale:
            start, length = self.scale
            a, b = plain_of(self.scale)
            plain, t = (plain - a) / b, (t - start) / length
        return self._moved(settled(t), plain)

    def _moved(self, t, plain):
        """The states, each of which moves along its slope with t: trace by trace, the outermost first."""
        if not isinstance(t, Traced):
            return self.solution.at(plain)
        outside = t.primal
        y = self._moved(outside, plain)
        slopes = [self.field.at(time, y[n]) for n, time in enumerate(outside)]
        return y + np.stack(slopes) * np.reshape(t - outside, (-1, 1))


def scaled(sol, start, length):
    """Return an interpolation for the time (t − start) / length."""
    return _ScaledSolution((sol.ts - start) / length, sol, start, length)


class _ScaledSolution:
    def __init__(self, ts, sol, start, length):
        self.ts, self.sol, self.start, self.length = ts, sol, start, length
        self.t_min, self.t_max = min(ts[0], ts[-1]), max(ts[0], ts[-1])

    def __call__(self, s):
        return self.sol(self.start + onp.asarray(s) * self.length)


class TracedSolution:
    """``sol`` of a result: the solution at any time, traced."""

    def __init__(self, flow, sol):
        self._flow, self._sol = flow, sol
        self.ts, self.t_min, self.t_max = sol.ts, sol.t_min, sol.t_max

    def __call__(self, t):
        plain = onp.asarray(plain_of(t), float)
        value = self._sol(plain)
        t = np.asarray(t) if is_traced(t) else plain
        y = self._flow.at(np.reshape(t, (-1,)), onp.reshape(plain, (-1,)))
        return attached(value, np.transpose(y) if plain.ndim else y[0])

"""The derivatives of explicit Runge-Kutta steps: those of the numbers that SciPy has computed.

For a step, kᵢ = f(t + cᵢh, y + h Σ aᵢⱼ kⱼ) and y⁺ = y + h Σ bᵢ kᵢ. Backwards, k̄ᵢ = h(bᵢ ȳ⁺ + Σ aⱼᵢ v̄ⱼ) with
v̄ᵢ = (∂f/∂y)ᵀ k̄ᵢ at the i-th stage, and ȳ = ȳ⁺ + Σ v̄ᵢ (Hager 2000). The states at the stages follow from the
slopes that have been kept, so a step is pulled back at the price of one run of f on a tape per stage.
"""

import functools

import numpy as onp

from ... import numpy as np
from ...boxes import Traced
from ...registry import Primitive
from ...traces.forward import dual
from ...traces.reverse import Tape
from ...transforms.segments import locked, out_of_traces
from ...values import shape_of
from .fields import FEW, Pull, pulls_at, pushed, pushes_at

__all__ = ["trajectory"]


def trajectory(field, y0, steps, integrand):
    """Return the states (N + 1, n) and the slopes (N, S, n) of all steps with their derivatives."""
    y, k, traces = steps.y, steps.k, integrand.traces
    for n, trace in enumerate(traces):
        inner = traces[n + 1 :]
        of_trace, start = field.without(inner), out_of_traces(inner, y0)
        if type(trace) is Tape:
            y, k = _on_tape(trace, of_trace, start, steps, y, k, integrand)
        elif trace.differentiates:
            y, k = _forwards(trace, of_trace, start, steps, y, k)
    return y, k


def _on_tape(tape, field, y0, steps, y, k, integrand):
    tape.share()
    sources = integrand.sources.get(tape.level, {})
    slots = list(sources)
    values = [sources[slot] for slot in slots]
    starts = isinstance(y0, Traced) and y0.tape is tape
    if not starts and not slots:
        return y, k

    def backward(yk, bars, xs):
        integrand.check(field.at, [tape])
        pull = Pull(tape, field.at, slots, values)
        found, _ = locked([tape], functools.partial(_backwards, steps, *yk, *bars, field, pull))
        return found if starts else found[1:]

    prim = Primitive(backward, "solve_ivp", "vjp", {0: backward}, (0,))
    if starts:
        slots_of_call, xs = (y0.index, *slots), [y0.primal, *values]
    else:
        slots_of_call, xs = tuple(slots), values
    return tape.process(prim, (y, k), (xs,), {}, ((0, slots_of_call),))


def _in_rows(steps, x):
    return np.reshape(x, (len(steps.h) * len(steps.c), -1))


def _backwards(steps, y, k, ybars, kbars, field, pull):
    """Return the cotangents of the first state and of what f reads on the tape."""
    inputs = steps.inputs(y, k)
    if type(kbars) is onp.ndarray and not onp.any(kbars):
        kbars = None
    times = (steps.t[:-1, None] + steps.h[:, None] * steps.c).ravel()
    states, together = _in_rows(steps, inputs), None
    if shape_of(states)[1] <= FEW:
        together = pulls_at(pull, field, times, states, _in_rows(steps, k))
    if together is None:
        by_stage = _OneByOne(pull, times, inputs, len(steps.c))
    else:
        by_stage = _Together(together, len(steps.c))
    ybar = ybars[-1]
    for n in range(len(steps.h) - 1, -1, -1):
        of_slopes = None if kbars is None else kbars[n]
        ybar = ybar + _step_backwards(steps, n, ybar, of_slopes, by_stage) + ybars[n]
    return [ybar, *pull.totals(by_stage.totals())]


class _OneByOne:
    """v̄ᵢ = (∂f/∂y)ᵀ k̄ᵢ stage by stage, with the totals of the cotangents of what f reads."""

    def __init__(self, pull, times, inputs, stages):
        self.pull, self.times, self.inputs, self.stages = pull, times, inputs, stages
        self.found = [None] * len(pull.values)

    def __call__(self, n, i, kbar):
        v, *others = self.pull(self.times[n * self.stages + i], self.inputs[n, i], kbar)
        for m, xbar in enumerate(others):
            if xbar is not None:
                self.found[m] = xbar if self.found[m] is None else self.found[m] + xbar
        return v

    def totals(self):
        return self.found


class _Together:
    """The same with the Jacobians at all stages: the cotangents of what f reads are pulled back in one."""

    def __init__(self, together, stages):
        self.together, self.stages, self.jacobians = together, stages, together.jacobians
        self.kbars = [None] * together.shape[0]

    def __call__(self, n, i, kbar):
        place = n * self.stages + i
        self.kbars[place] = kbar
        return kbar @ self.jacobians[place]

    def totals(self):
        zero = onp.zeros(self.together.shape[1])
        kbars = np.stack([zero if kbar is None else kbar for kbar in self.kbars])
        return self.together.totals(kbars)[1:]


def _step_backwards(steps, n, ybar, kbars, by_stage):
    """Return Σ v̄ᵢ of one step."""
    h, a, b = steps.h[n], steps.a, steps.b
    found = {}
    for i in range(len(b) - 1, -1, -1):
        parts = [(h * a[j, i]) * v for j, v in found.items() if a[j, i]]
        if b[i]:
            parts.append((h * b[i]) * ybar)
        if kbars is not None:
            parts.append(kbars[i])
        if parts:
            found[i] = by_stage(n, i, parts[0] if len(parts) == 1 else functools.reduce(_plus, parts))
    return functools.reduce(_plus, found.values())


def _plus(a, b):
    return a + b


def _forwards(trace, field, y0, steps, y, k):
    """Return the states and slopes as dual numbers, whose tangents follow the same steps."""
    inputs = steps.inputs(y, k)
    times = (steps.t[:-1, None] + steps.h[:, None] * steps.c).ravel()
    together = pushes_at(trace, field, times, _in_rows(steps, inputs), _in_rows(steps, k))
    stages = len(steps.c)

    def slope(n, i, ydot):
        place = n * stages + i
        if together is None:
            return pushed(trace, field.at, times[place], inputs[n, i], ydot)[1]
        return together[0][place] @ ydot + together[1][place]

    starts = isinstance(y0, Traced) and y0.tape is trace
    ydot = y0.index if starts else onp.zeros(y.shape[1:])
    ydots, kdots = [ydot], []
    for n, h in enumerate(steps.h):
        of_step = []
        for i in range(stages):
            moved = [(h * steps.a[i, j]) * of_step[j] for j in range(i) if steps.a[i, j]]
            of_step.append(slope(n, i, functools.reduce(_plus, moved, ydot)))
        ydot = functools.reduce(
            _plus, [(h * b) * s for b, s in zip(steps.b, of_step, strict=True) if b], ydot
        )
        ydots.append(ydot)
        kdots.append(np.stack(of_step))
    return dual(trace, y, np.stack(ydots)), dual(trace, k, np.stack(kdots))

"""The derivatives of explicit Runge-Kutta steps: those of the numbers that SciPy has computed.

For a step, kᵢ = f(t + cᵢh, y + h Σ aᵢⱼ kⱼ) and y⁺ = y + h Σ bᵢ kᵢ. Backwards, k̄ᵢ = h(bᵢ ȳ⁺ + Σ aⱼᵢ v̄ⱼ) with
v̄ᵢ = (∂f/∂y)ᵀ k̄ᵢ at the i-th stage, and ȳ = ȳ⁺ + Σ v̄ᵢ (Hager 2000). The states at the stages follow from the
slopes that have been kept, so a step is pulled back at the price of one run of f on a tape per stage.
"""

import functools

import numpy as onp

from ... import numpy as np
from ...boxes import Traced
from ...calling import record_call
from ...dual import FORWARD, dual
from ...registry import Record
from ...tape import Tape
from ...transforms.closures import without
from ...transforms.segments import locked, out_of_traces
from .fields import Pull, pushed

__all__ = ["trajectory"]


def trajectory(f, y0, steps, integrand):
    """Return the states and the slopes of all steps with their derivatives: arrays (N + 1, n) and (N, S, n)."""
    y, k, traces = steps.y, steps.k, integrand.traces
    for n, trace in enumerate(traces):
        inner = traces[n + 1 :]
        of_trace, start = without(f, inner), out_of_traces(inner, y0)
        if type(trace) is Tape:
            sources = integrand.sources.get(trace.level, {})
            y, k = _on_tape(trace, of_trace, start, steps, y, k, sources)
        elif type(trace) in FORWARD:
            y, k = _forwards(trace, of_trace, start, steps, y, k)
    return y, k


def _on_tape(tape, f, y0, steps, y, k, sources):
    tape.share()
    slots = list(sources)
    values = [sources[slot] for slot in slots]
    starts = isinstance(y0, Traced) and y0.tape is tape
    if not starts and not slots:
        return y, k

    def backward(yk, bars, xs):
        pull = Pull(tape, f, slots, values)
        found, _ = locked([tape], functools.partial(_backwards, steps, *yk, *bars, pull))
        return found if starts else found[1:]

    record = Record(backward, "solve_ivp")
    record.kind, record.containers, record.rules = "vjp", (0,), {0: backward}
    if starts:
        slots_of_call, xs = (y0.index, *slots), [y0.value, *values]
    else:
        slots_of_call, xs = tuple(slots), values
    return record_call(record, tape, (y, k), (xs,), {}, ((0, slots_of_call),))


def _backwards(steps, y, k, ybars, kbars, pull):
    """Return the cotangents of the first state and of what f reads on the tape."""
    inputs = steps.inputs(y, k)
    through_slopes = not (type(kbars) is onp.ndarray and not onp.any(kbars))
    total = [None] * len(pull.values)
    ybar = ybars[-1]
    for n in range(len(steps.h) - 1, -1, -1):
        of_slopes = kbars[n] if through_slopes else None
        ybar = ybar + _step_backwards(steps, n, inputs[n], ybar, of_slopes, pull, total) + ybars[n]
    return [ybar, *pull.totals(total)]


def _step_backwards(steps, n, inputs, ybar, kbars, pull, total):
    """Return Σ v̄ᵢ of one step, and add the cotangents of what f reads to their totals."""
    t, h, a, b, c = steps.t[n], steps.h[n], steps.a, steps.b, steps.c
    found = {}
    for i in range(len(c) - 1, -1, -1):
        parts = [(h * a[j, i]) * v for j, v in found.items() if a[j, i]]
        if b[i]:
            parts.append((h * b[i]) * ybar)
        if kbars is not None:
            parts.append(kbars[i])
        if not parts:
            continue
        kbar = parts[0] if len(parts) == 1 else functools.reduce(_plus, parts)
        v, *others = pull(t + c[i] * h, inputs[i], kbar)
        found[i] = v
        for m, xbar in enumerate(others):
            if xbar is not None:
                total[m] = xbar if total[m] is None else total[m] + xbar
    return functools.reduce(_plus, found.values())


def _plus(a, b):
    return a + b


def _forwards(trace, f, y0, steps, y, k):
    """Return the states and slopes as dual numbers, whose tangents follow the same steps."""
    inputs = steps.inputs(y, k)
    starts = isinstance(y0, Traced) and y0.tape is trace
    ydot = y0.index if starts else onp.zeros(y.shape[1:])
    ydots, kdots = [ydot], []
    for n, h in enumerate(steps.h):
        of_step = []
        for i, c in enumerate(steps.c):
            moved = [(h * steps.a[i, j]) * of_step[j] for j in range(i) if steps.a[i, j]]
            at = functools.reduce(_plus, moved, ydot)
            of_step.append(pushed(trace, f, steps.t[n] + c * h, inputs[n, i], at)[1])
        ydot = functools.reduce(_plus, [(h * b) * s for b, s in zip(steps.b, of_step, strict=True) if b], ydot)
        ydots.append(ydot)
        kdots.append(np.stack(of_step))
    return dual(trace, y, np.stack(ydots)), dual(trace, k, np.stack(kdots))

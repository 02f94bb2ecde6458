"""Integrals of functions that close over traced values: linear functionals, whose derivatives are integrals.

The derivative of ∫ f(t; θ) dt is ∫ ∂f/∂θ dt, by a quadrature with an error control of its own. What f closes
over is found by running it: seen from a tape, θ are the slots that f reads there. In reverse mode, the
integrand is the vector θ̄(t) of the cotangents at t; in forward mode, the tangent at t. It may be traced by
the transformations around: then its integral is differentiated in the same way.
"""

import functools

import numpy as onp

from ... import numpy as np
from ... import tree
from ...boxes import Traced, innermost
from ...calling import call
from ...errors import ArgumentError
from ...registry import Primitive
from ...spaces import is_complex, name_of, zeros_like
from ...traces.forward import dual
from ...traces.reverse import Tape, pull_back
from ...transforms.closures import Watched, plain_of, without
from ...transforms.copies import fixed
from ...transforms.segments import (
    apart,
    is_on,
    locked,
    out_of_traces,
    place_of,
    read_from_before,
    renumbered,
)
from ...values import shape_of
from ...writing import settled
from .at_once import pulled_at_once, tangent_at_once

__all__ = ["Integrand", "derived", "elementwise_of", "integral", "layers"]


_NOT_MANY = object()  # of a rule of functions that are called with one number at a time


class Integrand(Watched):
    """A function as a quadrature may call it: with plain results, and what it closes over noted.

    ``sources`` are, for each tape by its level, the slots there that it reads, with their values.
    ``first`` are the arguments and the result of its first call.
    """

    def __init__(self, f):
        super().__init__(f)
        self.sources = {}
        self.first = None

    def check(self, f, traces):
        """Refuse a function, run again on the way back, that does not give what it has given at first."""
        if self.first is None:
            return
        args, y = self.first
        again = tree.flatten(without(f, traces)(*args))[0]
        for a, b in zip(tree.flatten(y)[0], again, strict=True):
            a, b = onp.ravel(a), onp.ravel(plain_of(b))
            if a.shape != b.shape or not onp.allclose(a, b, rtol=1e-7, atol=1e-300, equal_nan=True):
                raise ArgumentError(
                    f"{name_of(self.f)} gave another result when it was run again on the way back: what it "
                    f"reads has changed since, as an array, an attribute or a generator of random numbers "
                    f"does; make a copy of that for each call"
                )

    def use(self, leaves):
        """Note traced values as read by the function."""
        self.note(*leaves)
        for x in leaves:
            for layer in layers(x):
                if type(layer.tape) is Tape:
                    self.sources.setdefault(layer.tape.level, {})[layer.index] = layer.primal

    def quietly(self, *args, **kwargs):
        y, known = self._noted(args, kwargs), len(self.tapes)
        self.note(y)
        if self.first is None:
            self.first = tree.map(_own, (args, plain_of(y)))
        return self._noted(args, kwargs) if len(self.tapes) > known else y  # now with all of its tapes apart

    def _noted(self, args, kwargs):
        if not self.tapes:
            return self.f(*args, **kwargs)
        tapes = list(self.tapes)
        y, segments = apart(tapes, functools.partial(self.f, *args, **kwargs))
        for tape, segment in zip(tapes, segments, strict=True):
            parts = list(layers(settled(y)))
            self.sources.setdefault(tape.level, {}).update(read_from_before(segment, parts, tape))
        return y


def _own(x):
    """Return a value that nobody else writes to."""
    return x.copy() if isinstance(x, onp.ndarray) else x


def layers(x):
    """Iterate over the traced values under a value, from the innermost trace outwards."""
    while isinstance(x, Traced):
        yield x
        x = x.primal


def integral(f, limits, rule):
    """Return the integral of f by a rule, with its derivatives: ``rule(f, limits)`` has plain arguments."""
    integrand = Integrand(f)
    integrand.note(*limits)
    plain = tuple(out_of_traces(integrand.traces, x) for x in limits)
    return derived(f, limits, rule, rule(integrand, plain), integrand)


def derived(f, limits, rule, value, integrand):
    """Return the plain value of an integral with its derivatives, for the traces that the integrand has met.

    ``limits`` are none, or two numbers a and b, in which the derivatives are −f(a) and f(b) (Leibniz), and
    zero where they are infinite.
    """
    f, y, traces = fixed(f), value, integrand.traces
    for k, trace in enumerate(traces):
        inner = traces[k + 1 :]
        of_trace = without(f, inner)
        outside = without(f, [trace, *inner])
        ends = [out_of_traces([trace, *inner], x) for x in limits]
        y = _step(trace, of_trace, tuple(ends), rule, y, integrand)
        for x, end, sign in zip(limits, ends, (-1.0, 1.0), strict=False):
            x = out_of_traces(inner, x)
            if isinstance(x, Traced) and x.tape is trace and onp.isfinite(plain_of(end)):
                y = y + sign * _with_weight(rule, outside(end), end) * (x - end)
    return y


def _with_weight(rule, value, t):
    """Return what a rule integrates at t: rules with a weight multiply the function by it."""
    weight = getattr(rule, "weight", None)
    return value if weight is None else value * weight(t)


def _step(trace, f, limits, rule, y, integrand):
    """Return y, the integral as it is outside of a trace, as a value of it."""
    if type(trace) is Tape:
        return _on_tape(trace, f, limits, rule, y, integrand) if integrand.sources.get(trace.level) else y
    if trace.differentiates:
        points, found = getattr(rule, "points", _NOT_MANY), None
        if points is not _NOT_MANY and not isinstance(y, Traced):
            found = tangent_at_once(trace, f, limits, points, y)
        if found is None:
            found = integral(functools.partial(_tangent, trace, f, y), limits, rule)
        return dual(trace, y, found)
    return y  # a trace that takes no derivatives


def _tangent(trace, f, y, t):
    """Return the tangent of f(t)."""
    found = settled(f(t))
    return found.index if isinstance(found, Traced) and found.tape is trace else zeros_like(y)


def _on_tape(tape, f, limits, rule, y, integrand):
    """Record the integral as one call, of what f reads on the tape."""
    tape.share()
    sources = integrand.sources[tape.level]
    slots = list(sources)

    def backward(y, ybar, xs):
        integrand.check(f, [tape])
        sizes = [int(onp.prod(shape_of(x))) for x in xs]
        if not sum(sizes):
            return [zeros_like(x) for x in xs]
        points = getattr(rule, "points", _NOT_MANY)
        if points is not _NOT_MANY and not isinstance(y, Traced):
            found = pulled_at_once(tape, f, slots, xs, ybar, limits, points, y)
            if found is not None:
                return [_as_real(bar, x) for bar, x in zip(found, xs, strict=True)]
        total = integral(functools.partial(_pulled, tape, f, slots, xs, ybar), limits, rule)
        ends = onp.cumsum(sizes)
        return [
            np.reshape(_as_real(total[end - size : end], x), shape_of(x))
            for end, size, x in zip(ends, sizes, xs, strict=True)
        ]

    prim = Primitive(backward, "an integral", "vjp", {0: backward}, (0,))
    return tape.process(prim, y, ([sources[n] for n in slots],), {}, ((0, tuple(slots)),))


def _pulled(tape, f, slots, xs, ybar, t):
    """Return the cotangents of what f reads on a tape, at t, as one vector."""
    places = {slot: k for k, slot in enumerate(slots, 1)}
    y, (segment,) = locked([tape], functools.partial(f, t))
    y = settled(y)
    bars = [None] * len(slots)
    if is_on(y, tape):
        try:
            entries = renumbered(segment, places)
            entries[place_of(y.index, places, segment.start)] = ybar
        except KeyError:
            raise ArgumentError(
                "an integrand has met a traced value that it had not met when it was integrated; compute "
                "with the same values at every point, and keep none from call to call (a cache)"
            ) from None
        bars = pull_back(entries, len(slots), True)
    parts = [
        np.ravel(zeros_like(x) if bar is None else bar) if shape_of(x) else np.reshape(_number(bar), (1,))
        for bar, x in zip(bars, xs, strict=True)
    ]
    return np.concatenate(parts)


def _as_real(xbar, x):
    """Return a cotangent as a real one if x is real: others beside x may be complex."""
    return xbar if is_complex(x) or not is_complex(xbar) else np.real(xbar)


def _number(bar):
    return 0.0 if bar is None else bar


def elementwise_of(name, value, slope, xs):
    """Return a value as an elementwise function of xs with ∂y/∂xₙ = slope(n, *xs): one that SciPy has run."""

    def run(*xs):
        return call(prim, xs, {}) if innermost(xs) is not None else value

    def rule(n):
        return lambda y, ybar, *xs: ybar * slope(n, *xs)

    prim = Primitive(lambda *_: value, name, "elementwise", {n: rule(n) for n in range(len(xs))})
    prim.traced = run
    return run(*(np.asarray(x) if isinstance(x, (list, tuple)) else x for x in xs))

"""Integrals of functions that take many numbers at once: one run of the function for all nodes of a rule.

Whether it takes them is found out by trying: the values at some nodes must be those of single numbers, and
their sum the integral. The rules are those of Gauss with 15 and with 10 nodes in each of some cells, which
are halved until both agree to nine digits. Where that is not reached, the integral is found in another way.
"""

import numpy as onp

from ...boxes import Traced
from ...traces.reverse import pull_back
from ...transforms.closures import plain_of
from ...transforms.segments import is_on, locked, place_of, renumbered
from ...values import shape_of
from ...writing import settled
from ..solving.calls import is_traced

__all__ = ["pulled_at_once", "tangent_at_once"]

_ROUNDS = 7  # of halving: 128 cells in the end
_DIGITS = 1e-9
_RULES = [onp.polynomial.legendre.leggauss(n) for n in (15, 10)]
_ROUGH = 1e-5  # between the sum of the values and the integral that SciPy has found, whose error is its own


def _rounds(limits, points):
    """Iterate over nodes in finer and finer cells: times, and the weights of both rules, 0 at the other's."""
    low, high = limits
    sign = 1.0
    if low > high:
        low, high, sign = high, low, -1.0
    whole, to_times = _map(low, high)
    inside = [] if points is None or not onp.isfinite(high - low) else [x for x in points if low < x < high]
    edges = onp.unique(onp.array([*whole, *inside], float))
    for _ in range(_ROUNDS):
        half, middle = 0.5 * onp.diff(edges)[:, None], 0.5 * (edges[1:] + edges[:-1])[:, None]
        parts = [((middle + half * x).ravel(), (half * w).ravel()) for x, w in _RULES]
        t, slopes = to_times(onp.concatenate([u for u, _ in parts]))
        fine, rough = (w for _, w in parts)
        zeros = onp.zeros_like(fine), onp.zeros_like(rough)
        yield t, sign * slopes * onp.append(fine, zeros[1]), sign * slopes * onp.append(zeros[0], rough)
        edges = onp.sort(onp.append(edges, middle.ravel()))


def _map(low, high):
    """Return an interval of u, and u ↦ (t, dt/du), where t = low + u/(1 − u) or the like is infinite."""
    if onp.isfinite(high - low):
        return (low, high), lambda u: (u, 1.0)
    if onp.isfinite(low):
        return (0.0, 1.0), lambda u: (low + u / (1 - u), 1 / (1 - u) ** 2)
    if onp.isfinite(high):
        return (0.0, 1.0), lambda u: (high - u / (1 - u), 1 / (1 - u) ** 2)
    return (-1.0, 1.0), lambda u: (u / (1 - u * u), (1 + u * u) / (1 - u * u) ** 2)


def _values(y, t, f):
    """Return the plain values at many times, which must be those at single ones."""
    plain = plain_of(y)
    if onp.shape(plain) != onp.shape(t) or not onp.all(onp.isfinite(plain)):
        raise _Unlike
    some = onp.linspace(0, len(t) - 1, 5).astype(int)
    single = onp.array([plain_of(f(float(t[n]))) for n in some])
    largest = onp.max(onp.abs(plain))
    if single.shape != some.shape or not onp.all(onp.abs(single - plain[some]) <= 1e-12 * largest):
        raise _Unlike
    return plain


def _agreed(find, limits, points, value):
    """Return what is found of finer and finer cells once both rules agree; None if they never do.

    ``find`` takes times and the weights of both rules; it returns the values of the function, and for each
    rule a list of sums.
    """
    try:
        with onp.errstate(all="ignore"):
            for t, *rules in _rounds(limits, points):
                values, fine, rough = find(t, *rules)
                size = max((float(onp.max(onp.abs(x), initial=0.0)) for x in fine), default=0.0)
                pairs = zip(fine, rough, strict=True)
                if all(onp.all(onp.abs(a - b) <= _DIGITS * size) for a, b in pairs):
                    left = abs(rules[0] @ values - value)
                    return fine if left <= _ROUGH * (abs(rules[0]) @ abs(values)) + 1e-12 else None
    except Exception:  # whatever it does with an array: with a number, it has run
        return None
    return None


class _Unlike(Exception):
    """A function of many numbers is not what it is of each."""


def pulled_at_once(tape, f, slots, xs, ybar, limits, points, value):
    """Return ȳ ∫ (∂f/∂θ)ᵀ dt of what f reads on a tape, a list like xs; None if it is not found here."""
    if is_traced([*xs, ybar]):
        return None
    places = {slot: k for k, slot in enumerate(slots, 1)}

    def find(t, *rules):
        y, (segment,) = locked([tape], lambda: settled(f(t)))
        of_single = lambda t: locked([tape], lambda: settled(f(t)))[0]
        if not is_on(y, tape):
            raise _Unlike
        values = _values(y, t, of_single)
        entries = renumbered(segment, places)
        place = place_of(y.index, places, segment.start)
        return values, *(_totals(list(entries), place, ybar * weights, xs) for weights in rules)

    return _agreed(find, limits, points, value)


def _totals(entries, place, ybars, xs):
    entries[place] = ybars
    found = pull_back(entries, len(xs), True)
    return [onp.zeros(shape_of(x)) if bar is None else bar for bar, x in zip(found, xs, strict=True)]


def tangent_at_once(trace, f, limits, points, value):
    """Return ∫ ḟ dt for the tangents of a trace; None if it is not found here."""

    def find(t, *rules):
        y = settled(f(t))
        moves = isinstance(y, Traced) and y.tape is trace
        if not moves or is_traced(y.index):
            raise _Unlike
        return _values(y, t, f), *([weights @ y.index] for weights in rules)

    found = _agreed(find, limits, points, value)
    return None if found is None else found[0]

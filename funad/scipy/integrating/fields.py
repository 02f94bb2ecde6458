"""Right-hand sides of differential equations, f(t, y), and their derivatives at one point or at many.

All stages of all steps are differentiated at once. Most right-hand sides take a matrix of states, one per
column, as well as one state; ``vmap`` makes such of others. It is found out by trying: the values at all
stages are known, and must be the same; the derivatives at some of them must be those of one state.
"""

import functools

import numpy as onp

from ... import numpy as np
from ...boxes import Traced, box_of
from ...errors import ArgumentError
from ...spaces import is_complex, zeros_like
from ...traces.forward import dual
from ...traces.reverse import APART, Apart, pull_back
from ...transforms.closures import plain_of, plainly, without
from ...transforms.segments import is_on, place_of, renumbered
from ...transforms.vmap import vmap
from ...values import shape_of
from ...writing import settled

__all__ = ["FEW", "Field", "Pull", "as_vector", "pulls_at", "pushed", "pushes_at"]

_STATE = APART - 1  # the place of y among those of a tape, of which there is none


_NUMBERS = frozenset({float, onp.float64})


def as_vector(y):
    """Return what a right-hand side has returned as a vector."""
    if type(y) in (list, tuple):
        if _NUMBERS.issuperset(map(type, y)):
            return onp.array(y)
        y = np.array(y)
    return np.reshape(y, (-1,)) if len(shape_of(y)) != 1 else y


class Pull:
    """(t, y, k̄) ↦ the cotangents of y and of what f reads on a tape, for a cotangent k̄ of f(t, y).

    To be called while the tape records apart.
    """

    def __init__(self, tape, f, slots, values):
        self.tape, self.f, self.values = tape, f, values
        self.places = {_STATE: 1, **{slot: k for k, slot in enumerate(slots, 2)}}

    def __call__(self, t, y, kbar):
        tape, places = self.tape, self.places
        before = tape.entries
        segment = tape.entries = Apart(tape.entries)
        try:
            k = self.f(t, box_of(tape, y, _STATE))
            k = as_vector(settled(k) if isinstance(k, Traced) else k)
        finally:
            tape.entries = before
        if not is_on(k, tape):
            return [onp.zeros(shape_of(y)), *(None for _ in self.values)]
        try:
            entries = renumbered(segment, places)
        except KeyError:
            raise ArgumentError(
                "a right-hand side has met a traced value that it had not met when it was integrated; "
                "compute with the same values at every point, and keep none from call to call (a cache)"
            ) from None
        entries[place_of(k.index, places, segment.start)] = kbar
        found = pull_back(entries, len(places), True)
        if found[0] is None:
            found[0] = onp.zeros(shape_of(y))
        return found

    def totals(self, xbars):
        """Return sums of cotangents in the spaces of what they belong to."""
        return [
            zeros_like(x)
            if xbar is None
            else np.real(xbar)
            if is_complex(xbar) and not is_complex(x)
            else xbar
            for xbar, x in zip(xbars, self.values, strict=True)
        ]


def pushed(trace, f, t, y, ydot):
    """Return the value and the tangent of f(t, y) for a tangent ẏ of y."""
    k = f(t, dual(trace, y, ydot))
    k = as_vector(settled(k) if isinstance(k, Traced) else k)
    if isinstance(k, Traced) and k.tape is trace:
        return k.primal, k.index
    return k, onp.zeros(shape_of(k))


class Field:
    """A right-hand side, of one state or of many.

    Attributes
    ----------
    at : callable
        (t, y) ↦ f(t, y), a vector.
    ways : list of callables
        (t, y) ↦ the slopes at times t of the states in the columns of y, as columns: the ways to find them,
        of which the first may fail.
    """

    def __init__(self, f):
        self.at = lambda t, y: as_vector(f(t, y))
        self.ways = [
            lambda t, y: _as_matrix(f(t, y), shape_of(y)),
            lambda t, y: np.transpose(vmap(self.at)(t, np.transpose(y))),
        ]

    def without(self, traces):
        """Return the field as it is outside of these traces."""
        made = object.__new__(Field)
        made.at, made.ways = without(self.at, traces), [without(way, traces) for way in self.ways]
        return made


def _as_matrix(k, shape):
    if type(k) in (list, tuple):
        k = np.stack([np.broadcast_to(part, shape[1:]) for part in k])
    if shape_of(k) != shape:
        raise _NotOfMany
    return k


class _NotOfMany(Exception):
    """A right-hand side does not take many states at once."""


FEW = 32  # components, up to which all Jacobians are formed
_MANY = 1 << 21  # numbers in all states


def _fits(y):
    """Say whether there are enough states, and not too many numbers, to take them all at once."""
    m, n = shape_of(y)
    return m > 2 and n > 0 and m * n <= _MANY and m != n


def _tried(find, field, y):
    """Return ``find(way)`` for the first way of a field that can do that; None if there is none."""
    for way in field.ways if _fits(y) else ():
        try:
            with onp.errstate(all="ignore"):
                found = find(way)
        except Exception:  # whatever it does with a matrix: with a vector, it has run
            continue
        field.ways = [way]
        return found
    return None


class _PullAll:
    """The cotangents at many states: those of the states by Jacobians, those of what f reads all in one."""

    def __init__(self, pull, way, t, y, k, checked):
        tape = pull.tape
        before = tape.entries
        self.segment = tape.entries = Apart(tape.entries)
        try:
            slopes = way(t, box_of(tape, np.transpose(y), _STATE))
            slopes = settled(slopes) if isinstance(slopes, Traced) else slopes
        finally:
            tape.entries = before
        if not is_on(slopes, tape) or (checked and not _are_slopes(slopes, pull, t, y, k)):
            raise _NotOfMany
        self.places = pull.places
        self.slopes = np.transpose(plain_of(slopes))
        self.entries = renumbered(self.segment, self.places)
        self.place = place_of(slopes.index, self.places, self.segment.start)
        self.shape = shape_of(y)
        if checked:
            self._check(pull, t, y)

    def totals(self, kbars):
        """Return the cotangents of all states, as columns, and of what f reads, for those of all slopes."""
        entries = list(self.entries)
        entries[self.place] = np.transpose(kbars)
        return pull_back(entries, len(self.places), True)

    @functools.cached_property
    def jacobians(self):
        """∂f/∂y at all states: an array (m, n, n)."""
        rows = []
        for i in range(self.shape[1]):
            seed = onp.zeros(self.shape)
            seed[:, i] = 1.0
            row = self.totals(seed)[0]
            rows.append(onp.zeros(self.shape) if row is None else np.transpose(row))
        return np.stack(rows, axis=1)

    def _check(self, pull, t, y):
        """Compare with the derivatives at single states."""
        m, n = self.shape
        some = sorted({0, m // 3, m - 1})
        kbar, seed = onp.cos(1.0 + onp.arange(n)), onp.zeros(self.shape)
        seed[some] = kbar
        of_states, *many = self.totals(seed)
        of_states = onp.zeros((n, m)) if of_states is None else of_states
        single, totals = [], [None] * len(many)
        for k in some:
            of_state, *others = pull(t[k], y[k], kbar)
            single.append((of_state, of_states[:, k]))
            totals = [_plus(a, b) for a, b in zip(totals, others, strict=True)]
        pairs = [*single, *zip(totals, many, strict=True)]
        if not all(_alike(_zeros(a, b), _zeros(b, a)) for a, b in pairs):
            raise _NotOfMany


def _plus(a, b):
    return a if b is None else b if a is None else a + b


def _zeros(a, b):
    return onp.zeros(onp.shape(plain_of(b))) if a is None else plain_of(a)


def _are_slopes(slopes, pull, t, y, k):
    """Say whether slopes at many states are those that are known, or without any, at some of them."""
    if k is not None:
        return _alike(plain_of(slopes), plain_of(k).T)
    some = onp.unique(onp.linspace(0, len(t) - 1, 16).astype(int))
    f = plainly(pull.f, [pull.tape])
    known = onp.stack([plain_of(f(t[m], y[m])) for m in some])
    return _alike(plain_of(slopes)[:, some], known.T)


def _alike(a, b):
    """Say whether two arrays are the same but for rounding."""
    size = onp.max(onp.abs(b), initial=0.0)
    return onp.shape(a) == onp.shape(b) and bool(onp.all(onp.abs(a - b) <= 1e-9 * size + 1e-300))


def pulls_at(pull, field, t, y, k, checked=True):
    """Return the cotangents at all these states at once, if the right-hand side can do that; else None.

    ``checked`` says to compare with single states: not again where that has been done for others.
    """
    return _tried(lambda way: _PullAll(pull, way, t, y, k, checked), field, y)


def pushes_at(trace, field, t, y, k):
    """Return the Jacobians at all these states, and the tangents there of f for states that stay; or None."""
    if shape_of(y)[1] > FEW:
        return None
    return _tried(functools.partial(_pushes, trace, field, t, y, k), field, y)


def _pushes(trace, field, t, y, k, way):
    m, n = shape_of(y)

    def tangents(ydots):
        slopes = way(t, dual(trace, np.transpose(y), ydots))
        slopes = settled(slopes) if isinstance(slopes, Traced) else slopes
        moves = isinstance(slopes, Traced) and slopes.tape is trace
        value, dot = (slopes.primal, slopes.index) if moves else (slopes, onp.zeros((n, m)))
        if not _alike(plain_of(value), plain_of(k).T):
            raise _NotOfMany
        return np.transpose(dot)

    still = tangents(onp.zeros((n, m)))
    columns = []
    for i in range(n):
        seed = onp.zeros((n, m))
        seed[i] = 1.0
        columns.append(tangents(seed) - still)
    jacobians = np.stack(columns, axis=2)
    for j in sorted({0, m // 3, m - 1}):
        direction = onp.cos(1.0 + onp.arange(n))
        one = pushed(trace, field.at, t[j], y[j], direction)[1]
        if not _alike(plain_of(one), plain_of(np.matmul(jacobians[j], direction) + still[j])):
            raise _NotOfMany
    return jacobians, still

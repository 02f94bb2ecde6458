"""Right-hand sides of differential equations, f(t, y), and their derivatives at one point."""

import numpy as onp

from ... import numpy as np
from ...arrays import settled
from ...boxes import Traced, box_of
from ...dual import dual
from ...errors import ArgumentError
from ...spaces import is_complex, shape_of, zeros_like
from ...tape import APART, Apart, pull_back
from ...transforms.segments import is_on, place_of, renumbered

__all__ = ["Pull", "as_vector", "pushed"]

_STATE = APART - 1  # the place of y among those of a tape, of which there is none


def as_vector(y):
    """Return what a right-hand side has returned as a vector."""
    if type(y) in (list, tuple):
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
        segment = tape.entries = Apart()
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
                "a right-hand side has met a traced value that it had not met when it was integrated: what "
                "it closes over may not depend on where it is evaluated; compute with all of it everywhere"
            ) from None
        entries[place_of(k.index, places, segment.start)] = kbar
        found = pull_back(entries, len(places), True)
        if found[0] is None:
            found[0] = onp.zeros(shape_of(y))
        return found

    def totals(self, xbars):
        """Return sums of cotangents in the spaces of what they belong to."""
        return [
            zeros_like(x) if xbar is None else np.real(xbar) if is_complex(xbar) and not is_complex(x) else xbar
            for xbar, x in zip(xbars, self.values, strict=True)
        ]


def pushed(trace, f, t, y, ydot):
    """Return the value and the tangent of f(t, y) for a tangent ẏ of y."""
    k = f(t, dual(trace, y, ydot))
    k = as_vector(settled(k) if isinstance(k, Traced) else k)
    if isinstance(k, Traced) and k.tape is trace:
        return k.value, k.index
    return k, onp.zeros(shape_of(k))

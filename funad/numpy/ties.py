"""Eigenvalues and singular values that coincide, told apart by an infinitesimal.

A function of eigenvalues w and eigenvectors v that does not depend on the choice of v has a derivative
where values coincide too, but its cotangents alone do not say it: off the diagonal it is a quotient 0/0.
So ``eigh`` of a traced matrix with ties returns w + εδ, with another δ for each value; so does ``svd``,
and for values of 0, where the quotients are by sums. The rule finds the quotient in the ε-parts of the
cotangents, as l'Hôpital does. They are gone with the transformation.
"""

import itertools as _itertools

import numpy as _np

from ..boxes import Dual as _Dual
from ..dual import Forward as _Forward
from ..dual import dual as _dual

__all__ = []

_numbers = _itertools.count(2)


class Ties(_Forward):
    """The trace of one call: below every other trace, as it begins where the values are plain."""

    __slots__ = ()
    fleeting = True

    def __init__(self):
        super().__init__(1 / next(_numbers))


def tied_apart(w, v):
    """Return ascending values and their vectors as dual numbers if values coincide, or else as they are."""
    if w.shape[-1] < 2 or not _np.any(_np.diff(w) <= _rounding(w)):
        return w, v
    trace = Ties()
    return _dual(trace, w, _np.broadcast_to(steps(w), w.shape)), _constant(trace, v)


def tied_apart_or_zero(u, s, vh):
    """Return singular values and their vectors as dual numbers if values coincide or are 0."""
    if s.size == 0 or not (_np.any(-_np.diff(s) <= _rounding(s)) or _np.any(s <= _rounding(s))):
        return u, s, vh
    trace = Ties()
    return _constant(trace, u), _dual(trace, s, _np.broadcast_to(steps(s), s.shape)), _constant(trace, vh)


def _rounding(w):
    """Return what of such values is no more than rounding, per matrix."""
    top = _np.max(_np.abs(w), axis=-1, keepdims=True, initial=0)
    return 10 * w.shape[-1] * _np.finfo(w.dtype).eps * top


def _constant(trace, x):
    return _dual(trace, x, _np.zeros_like(x))


def steps(w):
    """Return δ: positive, for singular values of 0 grow."""
    return _np.arange(1, w.shape[-1] + 1, dtype=w.dtype)


def parts(x, trace):
    """Return the value and the ε-part of x in this trace, 0 if it has none; None for a value still traced."""
    tangent = 0.0
    while isinstance(x, _Dual) and getattr(x.tape, "fleeting", False):
        if x.tape is trace:
            tangent = x.tangent
        x = x.value
    while isinstance(tangent, _Dual) and getattr(tangent.tape, "fleeting", False):
        tangent = tangent.value
    return x, tangent

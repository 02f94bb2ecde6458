"""What the functions of series of polynomials share: series as arrays, domains."""

from numpy.polynomial import polyutils as _polyutils

from ... import numpy as np
from ...primitives import composite as _composite
from ..polynomials import like as _like
from ..polynomials import plain as _plain
from ..polynomials import vector as _vector
from ..versions import lookup

__all__ = list(_polyutils.__all__)


@_composite(_polyutils.as_series)
def as_series(alist, trim=True):
    """Return arrays of one type, without the zeros at their ends."""
    wanted = _polyutils.as_series(_plain(list(alist)), trim)
    return [_like(_vector(c), plain) for c, plain in zip(alist, wanted, strict=True)]


@_composite(_polyutils.trimseq)
def trimseq(seq):
    """Return a series without the zeros at its end."""
    return seq[: len(_polyutils.trimseq(_plain(seq)))]


@_composite(_polyutils.trimcoef)
def trimcoef(c, tol=0):
    """Return a series without small coefficients at its end."""
    wanted = _polyutils.trimcoef(_plain(c), tol)
    return _like(_vector(c) if np.any(wanted) else 0 * _vector(c), wanted)


@_composite(_polyutils.getdomain)
def getdomain(x):
    """Return the smallest interval, or rectangle of the complex plane, with all of x in it."""
    _polyutils.getdomain(_plain(x))  # its own checks
    x = _vector(x)
    if x.dtype.kind != "c":
        return np.array([np.min(x), np.max(x)])
    return np.array([np.min(x.real) + 1j * np.min(x.imag), np.max(x.real) + 1j * np.max(x.imag)])


@_composite(_polyutils.mapparms)
def mapparms(old, new):
    """Return the offset and the scale of the map of one interval onto another."""
    old, new = np.asarray(old), np.asarray(new)
    length = old[1] - old[0]
    return (old[1] * new[0] - old[0] * new[1]) / length, (new[1] - new[0]) / length


@_composite(_polyutils.mapdomain)
def mapdomain(x, old, new):
    """Return x as the map of one interval onto another moves it."""
    offset, scale = mapparms(old, new)
    return offset + scale * np.asarray(x)


__getattr__, __dir__ = lookup(_polyutils, globals())

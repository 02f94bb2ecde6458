"""Power series: Pₖ(x) = xᵏ."""

from numpy.polynomial import polynomial as _polynomial

from ... import numpy as np
from ...primitives import composite as _composite
from ..polynomials import plain as _plain
from ..polynomials import vector as _vector
from ..versions import lookup
from .families import Family as _Family
from .families import class_of as _class_of
from .polyutils import trimcoef as polytrim

__all__ = list(_polynomial.__all__)

_family = _Family(_polynomial, "poly", lambda k: (1.0, 0.0, 0.0))

polyline = _family.line
polyadd = _family.add
polysub = _family.sub
polymulx = _family.mulx
polymul = _family.mul
polydiv = _family.div
polypow = _family.pow
polyval = _family.val
polyder = _family.der
polyint = _family.int
polyfromroots = _family.fromroots
polyvander = _family.vander
polyfit = _family.fit
polyroots = _family.roots
polyval2d = _family.val2d
polyval3d = _family.val3d
if hasattr(_polynomial, "polyvalnd"):  # NumPy 2.5
    polyvalnd = _family.valnd
polygrid2d = _family.grid2d
polygrid3d = _family.grid3d
polyvander2d = _family.vander2d
polyvander3d = _family.vander3d
polycompanion = _family.companion

Polynomial = _class_of(_polynomial.Polynomial, "polyval(x, c) and polyfit(x, y, deg)")


@_composite(_polynomial.polyvalfromroots)
def polyvalfromroots(x, r, tensor=True):
    """Return the product of x - r over the roots r."""
    _polynomial.polyvalfromroots(_plain(x), _plain(r), tensor)  # its own checks
    x, r = np.asarray(x), _vector(r)
    if tensor:
        r = np.reshape(r, (*r.shape, *(1,) * x.ndim))
    return np.prod(x - r, axis=0)


__getattr__, __dir__ = lookup(_polynomial, globals())

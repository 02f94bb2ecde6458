"""Series of Chebyshev polynomials."""

import numpy as _np
from numpy.polynomial import chebyshev as _chebyshev

from ... import numpy as np
from ...primitives import composite as _composite
from ..calls import watched as _watched
from ..versions import lookup
from .families import Family as _Family
from .families import class_of as _class_of
from .polyutils import trimcoef as chebtrim

__all__ = list(_chebyshev.__all__)

_family = _Family(_chebyshev, "cheb", lambda k: (_np.where(k == 0, 1.0, 2.0), 0.0, 1.0))

chebline = _family.line
chebadd = _family.add
chebsub = _family.sub
chebmulx = _family.mulx
chebmul = _family.mul
chebdiv = _family.div
chebpow = _family.pow
chebval = _family.val
chebder = _family.der
chebint = _family.int
chebfromroots = _family.fromroots
chebvander = _family.vander
chebfit = _family.fit
chebroots = _family.roots
chebval2d = _family.val2d
chebval3d = _family.val3d
if hasattr(_chebyshev, "chebvalnd"):  # NumPy 2.5
    chebvalnd = _family.valnd
chebgrid2d = _family.grid2d
chebgrid3d = _family.grid3d
chebvander2d = _family.vander2d
chebvander3d = _family.vander3d
chebcompanion = _family.companion
cheb2poly = _family.matrix_of(_chebyshev.cheb2poly)
poly2cheb = _family.matrix_of(_chebyshev.poly2cheb)
chebweight = _composite(_chebyshev.chebweight)(lambda x: 1.0 / (np.sqrt(1.0 + x) * np.sqrt(1.0 - x)))

Chebyshev = _class_of(_chebyshev.Chebyshev, "chebval(x, c) and chebfit(x, y, deg)")


@_watched(_chebyshev.chebinterpolate)
def chebinterpolate(func, deg, args=()):
    """Return the series that agrees with a function at the Chebyshev points."""
    n = int(deg) + 1
    x = _chebyshev.chebpts1(n)
    v = _chebyshev.chebvander(x, n - 1) * _np.where(_np.arange(n) == 0, 1.0, 2.0) / n
    return np.dot(v.T, func(x, *args))


__getattr__, __dir__ = lookup(_chebyshev, globals())

"""Series of Laguerre polynomials."""

import numpy as _np
from numpy.polynomial import laguerre as _laguerre

from ... import numpy as np
from ...primitives import composite as _composite
from ..versions import lookup
from .families import Family as _Family
from .families import class_of as _class_of
from .polyutils import trimcoef as lagtrim

__all__ = list(_laguerre.__all__)

_family = _Family(_laguerre, "lag", lambda k: (-1 / (k + 1), (2 * k + 1) / (k + 1), k / (k + 1)))

lagline = _family.line
lagadd = _family.add
lagsub = _family.sub
lagmulx = _family.mulx
lagmul = _family.mul
lagdiv = _family.div
lagpow = _family.pow
lagval = _family.val
lagder = _family.der
lagint = _family.int
lagfromroots = _family.fromroots
lagvander = _family.vander
lagfit = _family.fit
lagroots = _family.roots
lagval2d = _family.val2d
lagval3d = _family.val3d
if hasattr(_laguerre, "lagvalnd"):  # NumPy 2.5
    lagvalnd = _family.valnd
laggrid2d = _family.grid2d
laggrid3d = _family.grid3d
lagvander2d = _family.vander2d
lagvander3d = _family.vander3d
lagcompanion = _family.companion
lag2poly = _family.matrix_of(_laguerre.lag2poly)
poly2lag = _family.matrix_of(_laguerre.poly2lag)
lagweight = _composite(_laguerre.lagweight)(lambda x: np.exp(-x))

Laguerre = _class_of(_laguerre.Laguerre, "lagval(x, c) and lagfit(x, y, deg)")

__getattr__, __dir__ = lookup(_laguerre, globals())

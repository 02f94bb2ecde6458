"""Series of Legendre polynomials."""

import numpy as _np
from numpy.polynomial import legendre as _legendre

from ... import numpy as np
from ...primitives import composite as _composite
from ..versions import lookup
from .families import Family as _Family
from .families import class_of as _class_of
from .polyutils import trimcoef as legtrim

__all__ = list(_legendre.__all__)

_family = _Family(_legendre, "leg", lambda k: ((2 * k + 1) / (k + 1), 0.0, k / (k + 1)))

legline = _family.line
legadd = _family.add
legsub = _family.sub
legmulx = _family.mulx
legmul = _family.mul
legdiv = _family.div
legpow = _family.pow
legval = _family.val
legder = _family.der
legint = _family.int
legfromroots = _family.fromroots
legvander = _family.vander
legfit = _family.fit
legroots = _family.roots
legval2d = _family.val2d
legval3d = _family.val3d
if hasattr(_legendre, "legvalnd"):  # NumPy 2.5
    legvalnd = _family.valnd
leggrid2d = _family.grid2d
leggrid3d = _family.grid3d
legvander2d = _family.vander2d
legvander3d = _family.vander3d
legcompanion = _family.companion
leg2poly = _family.matrix_of(_legendre.leg2poly)
poly2leg = _family.matrix_of(_legendre.poly2leg)
legweight = _composite(_legendre.legweight)(lambda x: x * 0.0 + 1.0)

Legendre = _class_of(_legendre.Legendre, "legval(x, c) and legfit(x, y, deg)")

__getattr__, __dir__ = lookup(_legendre, globals())

"""Series of Hermite polynomials, as physics has them."""

import numpy as _np
from numpy.polynomial import hermite as _hermite

from ... import numpy as np
from ...primitives import composite as _composite
from ..versions import lookup
from .families import Family as _Family
from .families import class_of as _class_of
from .polyutils import trimcoef as hermtrim

__all__ = list(_hermite.__all__)

_family = _Family(_hermite, "herm", lambda k: (2.0, 0.0, 2 * k))

hermline = _family.line
hermadd = _family.add
hermsub = _family.sub
hermmulx = _family.mulx
hermmul = _family.mul
hermdiv = _family.div
hermpow = _family.pow
hermval = _family.val
hermder = _family.der
hermint = _family.int
hermfromroots = _family.fromroots
hermvander = _family.vander
hermfit = _family.fit
hermroots = _family.roots
hermval2d = _family.val2d
hermval3d = _family.val3d
if hasattr(_hermite, "hermvalnd"):  # NumPy 2.5
    hermvalnd = _family.valnd
hermgrid2d = _family.grid2d
hermgrid3d = _family.grid3d
hermvander2d = _family.vander2d
hermvander3d = _family.vander3d
hermcompanion = _family.companion
herm2poly = _family.matrix_of(_hermite.herm2poly)
poly2herm = _family.matrix_of(_hermite.poly2herm)
hermweight = _composite(_hermite.hermweight)(lambda x: np.exp(-(x**2)))

Hermite = _class_of(_hermite.Hermite, "hermval(x, c) and hermfit(x, y, deg)")

__getattr__, __dir__ = lookup(_hermite, globals())

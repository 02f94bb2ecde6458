"""Series of Hermite polynomials, as probability theory has them."""

import numpy as _np
from numpy.polynomial import hermite_e as _hermite_e

from ... import numpy as np
from ...primitives import composite as _composite
from ..versions import lookup
from .families import Family as _Family
from .families import class_of as _class_of
from .polyutils import trimcoef as hermetrim

__all__ = list(_hermite_e.__all__)

_family = _Family(_hermite_e, "herme", lambda k: (1.0, 0.0, k))

hermeline = _family.line
hermeadd = _family.add
hermesub = _family.sub
hermemulx = _family.mulx
hermemul = _family.mul
hermediv = _family.div
hermepow = _family.pow
hermeval = _family.val
hermeder = _family.der
hermeint = _family.int
hermefromroots = _family.fromroots
hermevander = _family.vander
hermefit = _family.fit
hermeroots = _family.roots
hermeval2d = _family.val2d
hermeval3d = _family.val3d
if hasattr(_hermite_e, "hermevalnd"):  # NumPy 2.5
    hermevalnd = _family.valnd
hermegrid2d = _family.grid2d
hermegrid3d = _family.grid3d
hermevander2d = _family.vander2d
hermevander3d = _family.vander3d
hermecompanion = _family.companion
herme2poly = _family.matrix_of(_hermite_e.herme2poly)
poly2herme = _family.matrix_of(_hermite_e.poly2herme)
hermeweight = _composite(_hermite_e.hermeweight)(lambda x: np.exp(-0.5 * x**2))

HermiteE = _class_of(_hermite_e.HermiteE, "hermeval(x, c) and hermefit(x, y, deg)")

__getattr__, __dir__ = lookup(_hermite_e, globals())

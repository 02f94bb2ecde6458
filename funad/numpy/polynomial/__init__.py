"""Series of polynomials of six families: numpy.polynomial, its functions on traced values.

The functions have derivatives. The classes are NumPy's own, which hold plain arrays: they refuse
traced values by name.
"""

import numpy.polynomial as _polynomial

from ..versions import lookup
from . import chebyshev, hermite, hermite_e, laguerre, legendre, polynomial, polyutils
from .chebyshev import Chebyshev
from .hermite import Hermite
from .hermite_e import HermiteE
from .laguerre import Laguerre
from .legendre import Legendre
from .polynomial import Polynomial

# How series are printed, and NumPy's tests of them
from numpy.polynomial import set_default_printstyle, test  # isort: skip

__all__ = list(_polynomial.__all__)

__getattr__, __dir__ = lookup(_polynomial, globals())

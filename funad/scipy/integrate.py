"""``scipy.integrate`` on traced values: integrals of functions and of samples, and differential equations.

Integrands, right-hand sides, limits, initial values and what ``args`` holds may be traced, and functions may
close over traced values.
"""

from scipy import integrate as _integrate

from .integrating.boundary import *
from .integrating.families import *
from .integrating.nests import *
from .integrating.odes import *
from .integrating.quadrature import quad as quad
from .integrating.quadrature import quad_vec as quad_vec
from .integrating.samples import *
from .namespace import complete as _complete

_complete(globals(), _integrate)

"""``scipy.integrate`` on traced values: integrals of functions and of samples, and differential equations.

Integrands, right-hand sides, limits, initial values and what ``args`` holds may be traced, and functions may
close over traced values.

``solve_ivp`` takes ``adjoint=``, which says how reverse mode differentiates a run:

- ``"discrete"``, the default of RK23, RK45 and DOP853: the very steps that SciPy has taken, as functions of
  everything but their lengths. Right to rounding for the numbers that were computed, and the fastest.
- ``"continuous"``, the default of Radau, BDF and LSODA, and of ``odeint``: the adjoint equation, backwards
  along SciPy's interpolation of the solution. Right to the tolerances. Inside of another transformation
  ``"forward"`` takes its place.
- ``"forward"``: the sensitivities of the solution in all that it depends on, along with it. For few of those.

Forward mode takes the same steps for the first three methods, and sensitivities for the others.
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

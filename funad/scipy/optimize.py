"""``scipy.optimize`` on traced values: SciPy's solvers, and the derivatives of what they find.

A solver runs as it is, on plain numbers. What its function closes over, or is given in ``args``, may be
traced: the derivatives come from the equation that is solved (see :func:`funad.implicit`).
"""

from scipy import optimize as _optimize

from .namespace import complete as _complete
from .solving.active_sets import Bounds, LinearConstraint
from .solving.fits import *
from .solving.formulas import *
from .solving.linear import *
from .solving.minima import *
from .solving.roots import *

_complete(globals(), _optimize)

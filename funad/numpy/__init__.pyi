"""What editors and type checkers see: NumPy's own signatures, which the functions of ``funad.numpy`` have.

A generator or a ``map`` in the place of a list of arrays, which they take too, is not in these types.
"""

from numpy import *
from numpy import __array_api_version__ as __array_api_version__
from numpy import __version__ as __version__

from . import fft as fft
from . import lib as lib
from . import linalg as linalg
from . import polynomial as polynomial
from . import random as random

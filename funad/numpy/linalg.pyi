"""What editors and type checkers see: the signatures of ``numpy.linalg``."""

from numpy.linalg import *

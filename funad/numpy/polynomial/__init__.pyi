"""What editors and type checkers see: the signatures of ``numpy.polynomial``."""

from numpy.polynomial import *

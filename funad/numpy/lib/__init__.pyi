"""What editors and type checkers see: the signatures of ``numpy.lib``."""

from numpy.lib import *

"""What editors and type checkers see: the signatures of ``numpy.random``."""

from numpy.random import *

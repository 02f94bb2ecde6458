"""What editors and type checkers see: the signatures of ``numpy.fft``."""

from numpy.fft import *

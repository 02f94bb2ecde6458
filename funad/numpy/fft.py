"""Discrete Fourier transforms. It is also the namespace funad.numpy.fft."""

import numpy as _np

from ..primitives import primitive

__all__ = []

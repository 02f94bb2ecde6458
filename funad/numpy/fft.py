"""Discrete Fourier transforms. It is also the namespace funad.numpy.fft.

As in NumPy, this module is loaded when it is asked for (see ``registry.LATE``): it takes 2 ms.
"""

import importlib as _importlib

import numpy as _np

from ..primitives import primitive
from .versions import lookup

__all__ = [
    "fft",
    "ifft",
    "fft2",
    "ifft2",
    "fftn",
    "ifftn",
    "rfft",
    "irfft",
    "rfft2",
    "irfft2",
    "rfftn",
    "irfftn",
    "hfft",
    "ihfft",
    "fftfreq",
    "rfftfreq",
    "fftshift",
    "ifftshift",
]

# Complex transforms
fft = primitive(_np.fft.fft)
ifft = primitive(_np.fft.ifft)
fft2 = primitive(_np.fft.fft2)
ifft2 = primitive(_np.fft.ifft2)
fftn = primitive(_np.fft.fftn)
ifftn = primitive(_np.fft.ifftn)

# Transforms of real signals, and their inverses
rfft = primitive(_np.fft.rfft)
irfft = primitive(_np.fft.irfft)
rfft2 = primitive(_np.fft.rfft2)
irfft2 = primitive(_np.fft.irfft2)
rfftn = primitive(_np.fft.rfftn)
irfftn = primitive(_np.fft.irfftn)

# Transforms of signals with a real spectrum
hfft = primitive(_np.fft.hfft)
ihfft = primitive(_np.fft.ihfft)

# Frequencies
fftfreq = primitive(_np.fft.fftfreq)
rfftfreq = primitive(_np.fft.rfftfreq)
fftshift = primitive(_np.fft.fftshift)
ifftshift = primitive(_np.fft.ifftshift)

# Passed through
test = _np.fft.test

__getattr__, __dir__ = lookup(_np.fft, globals())

# Whoever loads this late module is to have its rules: they stand on a floor above, so by name.
_importlib.import_module("funad.rules.fft")

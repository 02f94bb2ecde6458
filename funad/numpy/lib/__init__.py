"""numpy.lib, of which windows of traced arrays are supported; the rest is NumPy's own."""

import numpy.lib as _lib

from . import stride_tricks

__all__ = list(_lib.__all__)


def __getattr__(name):
    return getattr(_lib, name)


def __dir__():
    return sorted({*globals(), *dir(_lib)})

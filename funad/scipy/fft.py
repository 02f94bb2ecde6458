"""``scipy.fft`` on traced values.

SciPy's functions hand each call to a backend, which is registered for the whole process: they are wrapped
as they are, and those that choose a backend or count workers are passed on.
"""

import importlib as _importlib

from scipy import fft as _fft

from .calls import of_arrays as _of_arrays
from .namespace import complete as _complete


def _of(name, arrays=1):
    """Return the primitive of a function of scipy.fft."""
    return _of_arrays(getattr(_fft, name), f"scipy.fft.{name}", arrays)


# Complex transforms
fft = _of("fft")
ifft = _of("ifft")
fft2 = _of("fft2")
ifft2 = _of("ifft2")
fftn = _of("fftn")
ifftn = _of("ifftn")

# Transforms of real signals, and their inverses
rfft = _of("rfft")
irfft = _of("irfft")
rfft2 = _of("rfft2")
irfft2 = _of("irfft2")
rfftn = _of("rfftn")
irfftn = _of("irfftn")

# Transforms of signals with a real spectrum
hfft = _of("hfft")
ihfft = _of("ihfft")
hfft2 = _of("hfft2")
ihfft2 = _of("ihfft2")
hfftn = _of("hfftn")
ihfftn = _of("ihfftn")

# Cosines and sines
dct = _of("dct")
idct = _of("idct")
dst = _of("dst")
idst = _of("idst")
dctn = _of("dctn")
idctn = _of("idctn")
dstn = _of("dstn")
idstn = _of("idstn")

# Hankel transforms
fht = _of("fht", 5)
ifht = _of("ifht", 5)

# Frequencies
fftfreq = _of("fftfreq", 2)
rfftfreq = _of("rfftfreq", 2)
fftshift = _of("fftshift")
ifftshift = _of("ifftshift")

# Passed through: they take no arrays
next_fast_len = _fft.next_fast_len
prev_fast_len = _fft.prev_fast_len
set_workers = _fft.set_workers
get_workers = _fft.get_workers
set_backend = _fft.set_backend
skip_backend = _fft.skip_backend
set_global_backend = _fft.set_global_backend
register_backend = _fft.register_backend

_complete(globals(), _fft)


# Whoever loads this module is to have its rules: they stand on a floor above, so by name.
_importlib.import_module("funad.scipy.rules.fft")

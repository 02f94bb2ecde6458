"""``scipy.signal`` on traced values.

The compiled filters and convolutions have rules; what SciPy computes in Python of them is hosted (see
``funad.scipy.hosting``).
"""

import functools as _functools
import importlib as _importlib
import types as _types

import numpy as _onp
from scipy import signal as _signal

from .. import numpy as _np
from ..boxes import innermost as _innermost
from ..values import constant as _constant
from ..writing import content_of as _content_of
from .calls import composite_of as _composite_of
from .calls import of_arrays as _of_arrays
from .compiled import FloatOrTraced as _FloatOrTraced
from .filtering import bilinear, medfilt2d, peak_prominences, peak_widths, sepfir2d
from .filtering import first_of_mirrored as _first_of_mirrored
from .hosting import call as _call
from .hosting import host as _host
from .hosting import substitute as _substitute
from .namespace import complete as _complete


def _of(name, arrays=2):
    """Return the primitive of a function of scipy.signal."""
    return _of_arrays(getattr(_signal, name), f"scipy.signal.{name}", arrays)


def _parts(name, arrays):
    """Make the decorated function a primitive of arrays that messages call by a name of scipy.signal."""
    return lambda f: _of_arrays(f, f"scipy.signal.{name}", arrays)


# Convolutions
convolve = _of("convolve")
correlate = _of("correlate")
fftconvolve = _of("fftconvolve")
oaconvolve = _of("oaconvolve")
convolve2d = _of("convolve2d")
correlate2d = _of("correlate2d")

# Filters
upfirdn = _of("upfirdn")


# These take the arrays before the options: they are no names of SciPy.
@_parts("lfilter", 4)
def lfilter_of(b, a, x, zi=None, axis=-1):
    return _signal.lfilter(b, a, x, axis, zi)


@_parts("sosfilt", 3)
def sosfilt_of(sos, x, zi=None, axis=-1):
    return _signal.sosfilt(_onp.array(sos), x, axis, zi)  # SciPy takes none that is read-only


@_composite_of(_signal.lfilter, "scipy.signal.lfilter")
def lfilter(b, a, x, axis=-1, zi=None):
    return lfilter_of(b, a, x, zi, axis=axis)


@_composite_of(_signal.sosfilt, "scipy.signal.sosfilt")
def sosfilt(sos, x, axis=-1, zi=None):
    return sosfilt_of(sos, x, zi, axis=axis)


_KERNELS = (
    "convolve",
    "correlate",
    "fftconvolve",
    "oaconvolve",
    "convolve2d",
    "correlate2d",
    "lfilter",
    "sosfilt",
)


@_substitute("scipy.signal._signaltools")
def _with_kernels(module):
    for name in (*_KERNELS, "upfirdn"):
        setattr(module, name, globals()[name])
    module.lfilter_zi = _with_leading_one(module.lfilter_zi)


def _with_leading_one(find):
    """Divide by a[0] first: where it is 1 already, SciPy does not, and its derivative would be lost."""

    @_functools.wraps(find)
    def lfilter_zi(b, a):
        a = _np.atleast_1d(a)
        n = int(_onp.argmax(_content_of(_constant(a)) != 0.0)) if a.ndim == 1 and a.size else 0
        return find(b, a) if not a.size else find(_np.asarray(b) / a[n], a / a[n])

    return lfilter_zi


@_substitute("scipy.signal._upfirdn")
def _with_upfirdn(module):
    module.upfirdn = upfirdn


@_substitute("scipy.signal._short_time_fft")
def _with_plain_windows(module):
    """Have windows be arrays that can be made read-only, as what is made while something is traced is not."""
    begin = module.ShortTimeFFT.__init__

    @_functools.wraps(begin)
    def __init__(self, win, *args, dual_win=None, **kwargs):
        begin(self, _content_of(win), *args, dual_win=_content_of(dual_win), **kwargs)

    module.ShortTimeFFT.__init__ = __init__


@_substitute("scipy.signal._spectral_py")
def _with_windows_to_read(module):
    """Have views of windows be read-only: SciPy asks for others and writes into none."""
    views = _types.ModuleType("numpy.lib")
    views.stride_tricks = _types.SimpleNamespace(
        sliding_window_view=lambda x, window_shape, axis, writeable: (
            _np.lib.stride_tricks.sliding_window_view(x, window_shape, axis)
        )
    )
    module.np = _types.ModuleType("numpy")
    module.np.__getattr__ = lambda name: getattr(_np, name)
    module.np.lib = views


@_substitute("scipy.signal._filter_design")
def _with_traced_frequencies(module):
    module.float = _FloatOrTraced


@_substitute("scipy.signal._spline_filters")
def _with_mirrored_signals(module):
    module.symiirorder1_ic = _first_of_mirrored(module.symiirorder1_ic)


@_substitute("scipy.signal._waveforms")
def _with_traced_sweeps(module):
    module.float = _FloatOrTraced


# Functions whose results are searched for, or of compiled code that has no rule here: refused.
_REFUSED = {
    "argrelextrema", "argrelmax", "argrelmin", "cspline2d", "find_peaks", "find_peaks_cwt",
    "firls", "iirdesign", "place_poles", "qspline2d",
    "remez", "spline_filter", "symiirorder2",
}  # fmt: skip


def _hosted(name):
    """Return SciPy's own function on plain values, and its hosted copy on traced ones."""

    @_composite_of(getattr(_signal, name), f"scipy.signal.{name}")
    def on_traced(*args, **kwargs):
        return _call(f"scipy.signal.{name}", getattr(_host("scipy.signal"), name), args, kwargs)

    return on_traced


for _name in dir(_signal):
    _f = getattr(_signal, _name)
    _is_new = not (_name.startswith("_") or _name in globals() or _name in _REFUSED)
    if _is_new and isinstance(_f, _types.FunctionType):
        globals()[_name] = _hosted(_name)

_complete(globals(), _signal)


# Whoever loads this module is to have its rules: they stand on a floor above, so by name.
_importlib.import_module("funad.scipy.rules.signal")

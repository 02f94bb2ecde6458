"""Windows that slide over an array; NumPy has them in numpy.lib.stride_tricks."""

import importlib as _importlib

import numpy as _np

from ..boxes import innermost as _innermost
from ..calling import call as _call
from ..errors import UnsupportedKeywordError as _UnsupportedKeywordError
from ..primitives import implements as _implements
from ..primitives import primitive
from ..registry import enter as _enter
from .views import may_share as _may_share

_plain = _np.lib.stride_tricks.sliding_window_view
_SLIDING = _enter(_plain)


@_implements(_plain)
def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    if _innermost((x,)) is None:
        return _plain(x, window_shape, axis, subok=subok, writeable=writeable)
    if writeable:  # one element stands in many windows
        raise _UnsupportedKeywordError(
            "the derivative of numpy.lib.stride_tricks.sliding_window_view does not handle writeable=True on "
            "a traced value; write into x itself, and the windows show it"
        )
    return _call(_SLIDING, (x, window_shape, axis), {"subok": subok} if subok else {})


def _sum_windows(windows, axes):
    """Return Σ of all windows, each added in its place: what sliding_window_view is the transpose of."""
    for axis in reversed(axes):
        windows = _np.moveaxis(windows, axis, -2)
        *others, count, size = windows.shape
        x = _np.zeros((*others, count + size - 1), windows.dtype)
        if size <= count:
            for n in range(size):
                x[..., n : n + count] += windows[..., n]
        else:
            for n in range(count):
                x[..., n : n + size] += windows[..., n, :]
        windows = _np.moveaxis(x, -1, axis)
    return windows


sum_windows = primitive(_sum_windows, "the sum of windows")

_may_share(_plain)

# Whoever loads this late module is to have its rules: they stand on a floor above, so by name.
_importlib.import_module("funad.rules.windows")

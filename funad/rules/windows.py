"""The VJP rules of funad.numpy.windows: two functions, and each is the transpose of the other."""

import numpy as onp

from .. import numpy as np
from ..defining import linear
from ..numpy.windows import sliding_window_view, sum_windows


def _sliding_window_view(y, ybar, x, window_shape, axis=None, *, subok=False):
    """x̄ = Σ ȳ over the windows in which an element stands."""
    axes = range(np.ndim(x)) if axis is None else [axis] if onp.ndim(axis) == 0 else axis
    return sum_windows(ybar, tuple(int(n) % np.ndim(x) for n in axes))


def _sum_windows(y, ybar, windows, axes):
    """Each window of ȳ."""
    return sliding_window_view(ybar, np.shape(windows)[np.ndim(ybar) :], axes)


linear(sliding_window_view, _sliding_window_view)
linear(sum_windows, _sum_windows)

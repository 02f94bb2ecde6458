"""The rules of scipy.ndimage's compiled filters: of an array that goes on beyond its ends."""

import numpy as onp

from ... import numpy as np
from ...boxes import unbox
from ...registry import linear
from ...spaces import dtype_of, shape_of
from .. import ndimage, signal
from ..derived import as_written

# What NumPy calls the modes, by SciPy's numbers.
_MODES = ("edge", "wrap", "symmetric", "reflect", "constant", "wrap", "constant")


def _extended(x, widths, mode, cval):
    """x beyond its ends."""
    options = {"constant_values": onp.asarray(cval, dtype_of(x))} if _MODES[mode] == "constant" else {}
    if _MODES[mode] == "reflect":  # of a single number, NumPy and SciPy have different ideas
        for axis, size in enumerate(shape_of(x)):
            if size == 1:
                one = [(0, 0)] * np.ndim(x)
                one[axis], widths[axis] = widths[axis], (0, 0)
                x = np.pad(x, one, "edge")
    return np.pad(x, widths, _MODES[mode], **options)


def _before_and_behind(size, origin):
    return size // 2 + origin, size - size // 2 - 1 - origin


def _line(x, size, axis, mode, cval, origin):
    """The entries of a window along an axis: one array for each place in the window."""
    widths = [(0, 0)] * np.ndim(x)
    widths[axis] = _before_and_behind(size, origin)
    wide, n = _extended(x, widths, mode, cval), shape_of(x)[axis]
    at = [slice(None)] * np.ndim(x)
    found = []
    for k in range(size):
        at[axis] = slice(k, k + n)
        found.append(wide[tuple(at)])
    return found


def _windows(x, footprint, mode, cval, origins):
    """The entries of a window that belong to a footprint, along a last axis."""
    origins = onp.broadcast_to(origins, np.ndim(x))
    widths = [_before_and_behind(*pair) for pair in zip(footprint.shape, origins.tolist(), strict=True)]
    wide = _extended(x, widths, mode, cval)
    places = onp.argwhere(footprint)
    parts = [
        wide[tuple(slice(k, k + n) for k, n in zip(at, shape_of(x), strict=True))] for at in places.tolist()
    ]
    return np.stack(parts, -1)


def _correlate_line(y, input, weights, axis, mode, cval, origin):
    size = shape_of(weights)[0]
    parts = _line(input, size, axis, mode, cval, origin)
    return sum(weights[k] * parts[k] for k in range(size))


def _correlate_window(y, input, weights, mode, cval, origins):
    origins = onp.broadcast_to(origins, np.ndim(input)).tolist()
    widths = [_before_and_behind(*pair) for pair in zip(shape_of(weights), origins, strict=True)]
    return signal.correlate(_extended(input, widths, mode, cval), weights, "valid")


def _mean_of_line(y, input, size, axis, mode, cval, origin):
    return sum(_line(input, size, axis, mode, cval, origin)) / size


def _extreme_of_line(y, input, size, axis, mode, cval, origin, minimum):
    parts = np.stack(_line(input, size, axis, mode, cval, origin), -1)
    return (np.min if minimum else np.max)(parts, -1)


def _extreme_of_window(y, input, structure, footprint, mode, cval, origins, minimum):
    parts = _windows(input, footprint, mode, cval, origins)
    if structure is not None:
        heights = structure[footprint]
        parts = parts - heights if minimum else parts + heights
    return (np.min if minimum else np.max)(parts, -1)


def _rank_of_window(y, input, rank, footprint, mode, cval, origins):
    return np.sort(_windows(input, footprint, mode, cval, origins), -1)[..., int(rank)]


def _rank_of_line(y, input, rank, size, mode, cval, origin):
    parts = np.stack(_line(input, int(size), 0, mode, cval, int(onp.ravel(unbox(origin))[0])), -1)
    return np.sort(parts, -1)[..., int(rank)]


as_written(ndimage.correlate_line, _correlate_line, (0, 1))
as_written(ndimage.correlate_window, _correlate_window, (0, 1))
as_written(ndimage.mean_of_line, _mean_of_line)
as_written(ndimage.extreme_of_line, _extreme_of_line)
as_written(ndimage.extreme_of_window, _extreme_of_window, (0, 1))
as_written(ndimage.rank_of_window, _rank_of_window)
as_written(ndimage.rank_of_line, _rank_of_line)
linear(
    ndimage.damped, lambda y, ybar, input, sizes, n, axis, kind: ndimage.damped(ybar, sizes, n, axis, kind)
)
linear(ndimage.shifted, lambda y, ybar, input, shifts, n, axis: ndimage.shifted(ybar, shifts, n, axis))

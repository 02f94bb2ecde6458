"""Formulas for functions of scipy.signal that are compiled whole, or made of NumPy's polynomials."""

import numpy as onp
from scipy import signal as _signal

from .. import numpy as np
from ..transforms.closures import attached, plain_of
from . import ndimage
from .calls import composite_of
from .compiled import like, on_plain

__all__ = ["bilinear", "first_of_mirrored", "medfilt2d", "peak_prominences", "peak_widths", "sepfir2d"]


def _written(name):
    """Make the decorated function what a function of scipy.signal is on traced values."""
    return composite_of(getattr(_signal, name), f"scipy.signal.{name}")


# --- peaks: SciPy finds where they start, end and are crossed


def _prominences(x, peaks, left, right):
    return x[peaks] - np.maximum(x[left], x[right])


@_written("peak_prominences")
def peak_prominences(x, peaks, wlen=None):
    found, left, right = on_plain(_signal.peak_prominences, x, peaks, wlen)
    return attached(found, _prominences(np.asarray(x), plain_of(peaks), left, right)), left, right


def _crossing(x, height, place, inside, found):
    """Where the line from one sample to the next one inside of the peak has the height."""
    share = (height - x[place]) / (x[inside] - x[place])
    crossed = plain_of(x)[place] <= plain_of(height)
    return np.where(crossed, place + (inside - place) * share, found)


@_written("peak_widths")
def peak_widths(x, peaks, rel_height=0.5, prominence_data=None, wlen=None):
    if prominence_data is None:
        prominence_data = peak_prominences(x, peaks, wlen)
    prominences, *_ = prominence_data
    found = on_plain(_signal.peak_widths, x, peaks, rel_height, prominence_data, wlen)
    widths, heights, left, right = found
    x = np.asarray(x) * 1.0
    heights = attached(heights, x[plain_of(peaks)] - np.asarray(prominences) * rel_height)
    at = onp.floor(left).astype(int)
    start = attached(left, _crossing(x, heights, at, at + 1, left))
    at = onp.ceil(right).astype(int)
    end = attached(right, _crossing(x, heights, at, at - 1, right))
    return attached(widths, end - start), heights, start, end


# --- planes


@_written("medfilt2d")
def medfilt2d(input, kernel_size=3):
    found = on_plain(_signal.medfilt2d, input, kernel_size)
    size = tuple(onp.broadcast_to(plain_of(kernel_size), 2).tolist())
    return attached(found, ndimage.median_filter(input, size=size, mode="constant"))


@_written("sepfir2d")
def sepfir2d(input, hrow, hcol):
    found = on_plain(_signal.sepfir2d, input, hrow, hcol)
    across = ndimage.convolve1d(input, hrow, axis=1, mode="reflect")
    return attached(found, ndimage.convolve1d(across, hcol, axis=0, mode="reflect"))


# --- filters


@_written("bilinear")
def bilinear(b, a, fs=1.0):
    """s = 2 fs (z - 1)/(z + 1) in both polynomials, times (z + 1)ⁿ."""
    value = on_plain(_signal.bilinear, b, a, fs)
    factor = np.sqrt(2 * np.asarray(fs))
    b, a = (np.atleast_1d(np.asarray(x)) for x in (b, a))
    b, a = (x[int(onp.flatnonzero(plain_of(x))[0]) :] for x in (b, a))
    n = max(b.shape[0], a.shape[0]) - 1

    def turned(c):
        rows = []
        for q in range(c.shape[0]):
            power = onp.poly([-1.0] * (n - q) + [1.0] * q)
            rows.append(c[c.shape[0] - 1 - q] * factor ** (2 * q - n) * power)
        return sum(rows)

    top, bottom = turned(b), turned(a)
    top = top[top.shape[0] - value[0].shape[0] :]  # SciPy leaves zeros at the front away
    return attached(value[0], top / bottom[0]), attached(value[1], bottom / bottom[0])


def _mirrored_start(signal, z1, precision):
    """The first value of a filter of the signal that is mirrored before its start: x₀ + Σ z₁ᵏ⁺¹ xₖ."""
    powers = z1 ** onp.arange(1.0, signal.shape[-1] + 1)
    return signal[..., :1] + np.sum(signal * powers, axis=-1, keepdims=True)


def first_of_mirrored(f):
    """Return SciPy's compiled start of ``symiirorder1``, with derivatives."""
    return like(f, _mirrored_start)

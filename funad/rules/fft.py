"""The VJP rules of funad.numpy.fft: all are linear, and nearly their own transposes.

The pairing is dL = Re Σ x̄·dx, without a conjugate, so that the transpose of the matrix of fft,
exp(-2πi jk/n), is that matrix itself.
"""

from .. import numpy as np
from ..defining import elementwise, linear
from ..numpy import fft

# A transform scaled by 1/n here is undone by one that is scaled by 1/n there.
SWAP = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def resize(x, axis, size):
    """x with an axis cut off, or filled up with zeros: the transpose of filling up, or cutting off."""
    missing = size - x.shape[axis]
    if missing == 0:
        return x
    if missing < 0:
        index = [slice(None)] * x.ndim
        index[axis] = slice(size)
        return x[tuple(index)]
    shape = list(x.shape)
    shape[axis] = missing
    return np.concatenate([x, np.zeros(shape, x.dtype)], axis)


def _twice(x, n, axis):
    """2 along the half spectrum x, where a frequency stands for its negative too; 1 elsewhere."""
    weights = np.full(n // 2 + 1, 2.0, np.finfo(x.dtype).dtype)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    shape = [1] * x.ndim
    shape[axis] = -1
    return np.reshape(weights, shape)


# --- transposes in one dimension; size is the length of x, n the length of the transform


def fft_t(ybar, size, n, axis, norm):
    return resize(fft.fft(ybar, None, axis, norm), axis, size)


def ifft_t(ybar, size, n, axis, norm):
    return resize(fft.ifft(ybar, None, axis, norm), axis, size)


def rfft_t(ybar, size, n, axis, norm):
    """x̄ⱼ = Re Σₖ ȳₖ exp(-2πi jk/n), over the half spectrum."""
    n = size if n is None else n
    half = np.conj(ybar) / _twice(ybar, n, axis)
    return resize(fft.irfft(half, n, axis, SWAP[norm]), axis, size)


def irfft_t(ybar, size, n, axis, norm):
    """x̄ₖ = Σⱼ ȳⱼ exp(2πi jk/n), twice where k stands for -k too."""
    half = np.conj(fft.rfft(ybar, None, axis, SWAP[norm]))
    return resize(half * _twice(half, ybar.shape[axis], axis), axis, size)


def hfft_t(ybar, size, n, axis, norm):
    """As irfft, of conj(x)."""
    half = fft.rfft(ybar, None, axis, norm)
    return resize(half * _twice(half, ybar.shape[axis], axis), axis, size)


def ihfft_t(ybar, size, n, axis, norm):
    """As rfft, of which it is the conjugate."""
    n = size if n is None else n
    return resize(fft.irfft(ybar / _twice(ybar, n, axis), n, axis, norm), axis, size)


def along_one(transpose):
    """The rule of a transform along one axis."""

    def rule(y, ybar, a, n=None, axis=-1, norm=None):
        return transpose(ybar, np.shape(a)[axis], n, axis, norm)

    return rule


# --- in several dimensions: one transform after the other, and so back


def _sizes(shape, s, axes):
    """The axes, and the lengths that are asked of each."""
    if axes is None:
        axes = tuple(range(-len(shape if s is None else s), 0))
    if s is None:
        s = [None] * len(axes)
    return axes, [shape[axis] if n == -1 else n for n, axis in zip(s, axes, strict=True)]


def _back(ybar, shape, steps, norm):
    """x̄ after (transpose, n, axis) for each step, last step first."""
    before = []
    sizes = list(shape)
    for transpose, n, axis in steps:
        before.append(sizes[axis])
        n = shape[axis] if n is None else n
        sizes[axis] = n // 2 + 1 if transpose is rfft_t else n
    for (transpose, n, axis), size in zip(reversed(steps), reversed(before), strict=True):
        ybar = transpose(ybar, size, n, axis, norm)
    return ybar


def of_fftn(y, ybar, a, s=None, axes=None, norm=None):
    axes, lengths = _sizes(np.shape(a), s, axes)
    steps = [(fft_t, n, axis) for n, axis in zip(lengths, axes, strict=True)]
    return _back(ybar, np.shape(a), steps[::-1], norm)


def of_ifftn(y, ybar, a, s=None, axes=None, norm=None):
    axes, lengths = _sizes(np.shape(a), s, axes)
    steps = [(ifft_t, n, axis) for n, axis in zip(lengths, axes, strict=True)]
    return _back(ybar, np.shape(a), steps[::-1], norm)


def of_rfftn(y, ybar, a, s=None, axes=None, norm=None):
    axes, lengths = _sizes(np.shape(a), s, axes)
    steps = [(fft_t, n, axis) for n, axis in zip(lengths, axes, strict=True)]
    steps[-1] = (rfft_t, *steps[-1][1:])
    return _back(ybar, np.shape(a), steps[::-1], norm)


def of_irfftn(y, ybar, a, s=None, axes=None, norm=None):
    axes, lengths = _sizes(np.shape(a), s, axes)
    steps = [(ifft_t, n, axis) for n, axis in zip(lengths, axes, strict=True)]
    steps[-1] = (irfft_t, *steps[-1][1:])
    return _back(ybar, np.shape(a), steps, norm)


def _two(rule):
    """The rule of a transform along two axes, from that along any."""
    return lambda y, ybar, a, s=None, axes=(-2, -1), norm=None: rule(y, ybar, a, s, axes, norm)


# masks: what a transform cuts off has the cotangent zero.
linear(fft.fft, along_one(fft_t), masks=True)
linear(fft.ifft, along_one(ifft_t), masks=True)
linear(fft.rfft, along_one(rfft_t), masks=True)
linear(fft.irfft, along_one(irfft_t), masks=True)
linear(fft.hfft, along_one(hfft_t), masks=True)
linear(fft.ihfft, along_one(ihfft_t), masks=True)
linear(fft.fftn, of_fftn, masks=True)
linear(fft.ifftn, of_ifftn, masks=True)
linear(fft.rfftn, of_rfftn, masks=True)
linear(fft.irfftn, of_irfftn, masks=True)
linear(fft.fft2, _two(of_fftn), masks=True)
linear(fft.ifft2, _two(of_ifftn), masks=True)
linear(fft.rfft2, _two(of_rfftn), masks=True)
linear(fft.irfft2, _two(of_irfftn), masks=True)
linear(fft.fftshift, lambda y, ybar, x, axes=None: fft.ifftshift(ybar, axes))
linear(fft.ifftshift, lambda y, ybar, x, axes=None: fft.fftshift(ybar, axes))
elementwise(fft.fftfreq, lambda y, ybar, n, d=1.0: -ybar * y / d, argnums=(1,))
elementwise(fft.rfftfreq, lambda y, ybar, n, d=1.0: -ybar * y / d, argnums=(1,))

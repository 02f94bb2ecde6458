"""The VJP rules of funad.scipy.fft: all are linear, and their transposes transforms of the same family.

The pairing is dL = Re Σ x̄·dx, without a conjugate, as in funad.rules.fft, which has the transposes of the
transforms that NumPy has too.
"""

from numbers import Number

from ... import numpy as np
from ...defining import elementwise, linear
from ...rules.fft import (
    SWAP,
    along_one,
    fft_t,
    hfft_t,
    ifft_t,
    ihfft_t,
    irfft_t,
    of_fftn,
    of_ifftn,
    of_irfftn,
    of_rfftn,
    resize,
    rfft_t,
)
from .. import fft

# --- Fourier


def _listed(x):
    """Lengths or axes as a tuple: SciPy takes a number for one of them."""
    return x if x is None else (int(x),) if isinstance(x, Number) else tuple(x)


def _one(transpose):
    """The rule of a transform along one axis."""
    of_numpy = along_one(transpose)

    def rule(y, ybar, x, n=None, axis=-1, norm=None, *, workers=None, plan=None):
        return of_numpy(y, ybar, x, n, axis, norm)

    return rule


def _several(of_numpy):
    """The rules of a transform along several axes: by default all of them, and by default the last two."""

    def rule(y, ybar, x, s=None, axes=None, norm=None, *, workers=None, plan=None):
        return of_numpy(y, ybar, x, _listed(s), _listed(axes), norm)

    def of_two(y, ybar, x, s=None, axes=(-2, -1), norm=None, *, workers=None, plan=None):
        return of_numpy(y, ybar, x, _listed(s), _listed(axes), norm)

    return rule, of_two


def _of_hfftn(y, ybar, x, s, axes, norm):
    """As irfftn, of conj(x)."""
    return np.conj(of_irfftn(y, ybar, np.conj(x), s, axes, SWAP[norm]))


def _of_ihfftn(y, ybar, x, s, axes, norm):
    """As rfftn, of which it is the conjugate."""
    return of_rfftn(y, np.conj(ybar), x, s, axes, SWAP[norm])


# masks: what a transform cuts off has the cotangent zero.
for _f, _transpose in (
    (fft.fft, fft_t), (fft.ifft, ifft_t), (fft.rfft, rfft_t), (fft.irfft, irfft_t), (fft.hfft, hfft_t),
    (fft.ihfft, ihfft_t),
):  # fmt: skip
    linear(_f, _one(_transpose), masks=True)
for _f, _of_two, _rule in (
    (fft.fftn, fft.fft2, of_fftn), (fft.ifftn, fft.ifft2, of_ifftn), (fft.rfftn, fft.rfft2, of_rfftn),
    (fft.irfftn, fft.irfft2, of_irfftn), (fft.hfftn, fft.hfft2, _of_hfftn),
    (fft.ihfftn, fft.ihfft2, _of_ihfftn),
):  # fmt: skip
    for _g, _r in zip((_f, _of_two), _several(_rule), strict=True):
        linear(_g, _r, masks=True)
linear(fft.fftshift, lambda y, ybar, x, axes=None: fft.ifftshift(ybar, axes))
linear(fft.ifftshift, lambda y, ybar, x, axes=None: fft.fftshift(ybar, axes))
elementwise(fft.fftfreq, lambda y, ybar, n, d=1.0, *, xp=None, device=None: -ybar * y / d, argnums=(1,))
elementwise(fft.rfftfreq, lambda y, ybar, n, d=1.0, *, xp=None, device=None: -ybar * y / d, argnums=(1,))


# --- cosines and sines

_INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


# SciPy up to 1.17 does not hand orthogonalize on where x is complex.
_ONES = np.ones(2)
_IGNORED = bool(fft.dct(_ONES + 0j, orthogonalize=True)[0] != fft.dct(_ONES, orthogonalize=True)[0])


def _ends(size, kind, of_sines, factor):
    """Ones, but for the numbers that an orthogonalized transform scales; None if it scales none."""
    if kind == 4 or (of_sines and kind == 1):
        return None
    weights = np.ones(size)
    weights[-1 if of_sines else 0] = factor
    if kind == 1:
        weights[-1] = factor
    return weights


def _transpose(f, of_sines, ybar, size, kind, n, axis, norm, orthogonalize):
    """x̄ of dct or dst.

    The orthogonalized transform of type 2 is the transpose of that of type 3, at any norm; those of types
    1 and 4 are symmetric. The others have √2 before it or behind it, at one end or at both.
    """
    if orthogonalize is None or (ybar.dtype.kind == "c" and _IGNORED):
        orthogonalize = norm == "ortho"
    length = ybar.shape[axis]
    before = None if orthogonalize or kind == 3 else _ends(length, kind, of_sines, 2**0.5)
    behind = None if orthogonalize or kind == 2 else _ends(length, kind, of_sines, 0.5**0.5)
    ybar = _scaled(ybar, before, axis)
    xbar = _of_parts(lambda part: f(part, _INVERSE[kind], None, axis, norm, orthogonalize=True), ybar)
    return resize(_scaled(xbar, behind, axis), axis, size)


def _of_parts(f, x):
    """A real linear function of the real and of the imaginary part."""
    return f(np.real(x)) + 1j * f(np.imag(x)) if x.dtype.kind == "c" else f(x)


def _scaled(x, weights, axis):
    if weights is None:
        return x
    shape = [1] * x.ndim
    shape[axis] = -1
    return x * np.reshape(weights, shape).astype(np.finfo(x.dtype).dtype)


def _cosines(f, of_sines, inverse):
    """The rules along one axis and along several: an inverse is a transform of the other type and norm."""

    def back(ybar, size, kind, n, axis, norm, orthogonalize):
        if inverse:
            kind, norm = _INVERSE[kind], SWAP[norm]
        return _transpose(f, of_sines, ybar, size, kind, n, axis, norm, orthogonalize)

    def one(y, ybar, x, type=2, n=None, axis=-1, norm=None, *, workers=None, orthogonalize=None):
        return back(ybar, np.shape(x)[axis], type, n, axis, norm, orthogonalize)

    def several(y, ybar, x, type=2, s=None, axes=None, norm=None, *, workers=None, orthogonalize=None):
        shape, s, axes = np.shape(x), _listed(s), _listed(axes)
        if axes is None:
            axes = range(-len(shape if s is None else s), 0)
        for axis in axes:
            ybar = back(ybar, shape[axis], type, None, axis, norm, orthogonalize)
        return ybar

    return one, several


for _f, _fn, _of_sines, _inverse in (
    (fft.dct, fft.dctn, False, False), (fft.idct, fft.idctn, False, True), (fft.dst, fft.dstn, True, False),
    (fft.idst, fft.idstn, True, True),
):  # fmt: skip
    for _g, _r in zip(
        (_f, _fn), _cosines(fft.dst if _of_sines else fft.dct, _of_sines, _inverse), strict=True
    ):
        linear(_g, _r, masks=True)


# --- Hankel: a product of circulant and flip, and of weights before and behind it that are the same but for
# a constant, so that the matrix is symmetric. Hamilton (2000), Uncorrelated modes of the non-linear power
# spectrum, appendix B.

linear(
    fft.fht,
    lambda y, ybar, a, dln, mu, offset=0.0, bias=0.0: fft.fht(ybar, dln, mu, offset, bias),
)
linear(
    fft.ifht,
    lambda y, ybar, A, dln, mu, offset=0.0, bias=0.0: fft.ifht(ybar, dln, mu, offset, bias),
)

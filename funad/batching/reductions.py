"""Functions along an axis: sums, extremes, sorting, Fourier transforms."""

import numpy as onp

from .. import numpy as np
from ..numpy.reductions import difference
from .tables import Unbatched, axes_of, flat, positive, rule_of_one


def _along(place, default, flattens, name="axis", numbers=True):
    """Make the batch rule of f(a, ..., axis), with the axis at a position or under its name.

    ``flattens`` says that no axis means that of the flattened array; else it means all axes. ``numbers``
    says that f takes a number as an array of one element.
    """

    def rule(prim, a, *rest, **kwargs):
        by_position = len(rest) >= place
        axis = rest[place - 1] if by_position else kwargs.pop(name, default)
        if kwargs.get("out") is not None:
            raise Unbatched("out is given")
        if a.ndim == 0:
            if not numbers or kwargs.get("keepdims") or axis not in (None, 0, -1, ()):
                raise Unbatched("members are numbers")
            stack, axis = a.stack[:, None], 1
        elif axis is None and flattens:
            if kwargs.get("keepdims"):
                raise Unbatched("keepdims without an axis")
            stack, axis = flat(a.stack), 1
        else:
            stack, axis = a.stack, axes_of(axis, a.ndim)
        f = prim.run if type(stack) is onp.ndarray else prim.traced
        if by_position:
            return f(stack, *rest[: place - 1], axis, *rest[place:], **kwargs)
        return f(stack, *rest, **kwargs, **{name: axis})

    return rule


rule_of_one(
    np.sum, np.mean, np.prod, np.max, np.min, np.any, np.all, np.std, np.var, np.ptp, np.nansum, np.nanmean,
    np.nanprod, np.nanmax, np.nanmin, np.nanstd, np.nanvar, np.median, np.nanmedian, np.count_nonzero,
    np.amax, np.amin,
)(_along(1, None, False))  # fmt: skip
rule_of_one(
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.cumsum, np.cumprod, np.nancumprod, np.nancumsum
)(_along(1, None, True))
rule_of_one(np.sort, np.argsort)(_along(1, -1, True, numbers=False))
rule_of_one(np.flip)(_along(1, None, False, numbers=False))
rule_of_one(np.repeat)(_along(2, None, True))
rule_of_one(np.take)(_along(2, None, True, numbers=False))
rule_of_one(
    np.partition, np.argpartition, difference,
    np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft,
)(_along(2, -1, True, numbers=False))  # fmt: skip
rule_of_one(np.fft.fft2, np.fft.ifft2, np.fft.rfft2)(_along(2, (-2, -1), False, "axes", numbers=False))
rule_of_one(np.fft.fftshift, np.fft.ifftshift)(_along(1, None, False, "axes", numbers=False))


@rule_of_one(np.fft.fftn, np.fft.ifftn, np.fft.rfftn)
def _of_all_axes(prim, a, s=None, axes=None, *rest, **kwargs):
    """Without axes, the last of as many as s has lengths, or all."""
    axes = range(-a.ndim if s is None else -len(s), 0) if axes is None else axes
    return prim.traced(a.stack, s, axes_of(axes, a.ndim), *rest, **kwargs)


@rule_of_one(np.quantile, np.percentile, np.nanquantile, np.nanpercentile)
def _quantile(prim, a, q, *rest, **kwargs):
    """Several q make axes in front of all others."""
    if kwargs.get("weights") is not None:
        raise Unbatched("there are weights")
    y = _along(2, None, False)(prim, a, q, *rest, **kwargs)
    return np.moveaxis(y, onp.ndim(q), 0) if onp.ndim(q) else y


@rule_of_one(np.unwrap)
def _unwrap(prim, p, discont=None, axis=-1, **kwargs):
    return prim.traced(p.stack, discont, positive(axis, p.ndim), **kwargs)


@rule_of_one(np.roll)
def _roll(prim, a, shift, axis=None):
    """Without an axis, the elements one after the other."""
    if axis is not None:
        return np.roll(a.stack, shift, axes_of(axis, a.ndim))
    return np.reshape(np.roll(flat(a.stack), shift, 1), np.shape(a.stack))

"""Functions along an axis: sums, extremes, sorting, Fourier transforms."""

import numpy as onp

from .. import numpy as np
from ..numpy.reductions import difference
from .tables import Unbatched, alone, batch_rule, positive, rank_of


def _axes(axis, rank):
    """Return one axis or several of members as those of the stack; None for all of them."""
    if axis is None:
        return tuple(range(1, rank + 1))
    if type(axis) in (tuple, list):
        return tuple(positive(n, rank) for n in axis)
    return positive(axis, rank)


def _along(place, default, flat, name="axis", numbers=True):
    """Make the batch rule of f(a, ..., axis), with the axis at a position or under its name.

    ``flat`` says that no axis means that of the flattened array; else it means all axes. ``numbers`` says
    that f takes a number as an array of one element.
    """

    def rule(trace, prim, args, kwargs):
        first = next(iter(kwargs)) if not args else None
        if first is not None:
            raise Unbatched("the array is given by name")
        a, *rest = args
        stack = alone(trace, a, *rest, *kwargs.values())
        kwargs = dict(kwargs)
        axis = rest[place - 1] if len(rest) >= place else kwargs.pop(name, default)
        if kwargs.get("out") is not None:
            raise Unbatched("out is given")
        rank = rank_of(a)
        if rank == 0:
            if not numbers or kwargs.get("keepdims") or axis not in (None, 0, -1, ()):
                raise Unbatched("members are numbers")
            stack, moved = stack[:, None], 1
        elif axis is None and flat:
            if kwargs.get("keepdims"):
                raise Unbatched("keepdims without an axis")
            stack, moved = np.reshape(stack, (trace.size, a.size)), 1
        else:
            moved = _axes(axis, rank)
        if len(rest) >= place:
            rest[place - 1] = moved
        else:
            kwargs[name] = moved
        return prim.traced(stack, *rest, **kwargs)

    return rule


_REDUCTIONS = _along(1, None, False)
batch_rule(
    np.sum, np.mean, np.prod, np.max, np.min, np.any, np.all, np.std, np.var, np.ptp, np.nansum, np.nanmean,
    np.nanprod, np.nanmax, np.nanmin, np.nanstd, np.nanvar, np.median, np.nanmedian, np.count_nonzero,
    np.amax, np.amin,
)(_REDUCTIONS)  # fmt: skip
batch_rule(
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.cumsum, np.cumprod, np.nancumprod, np.nancumsum
)(_along(1, None, True))
batch_rule(np.sort, np.argsort)(_along(1, -1, True, numbers=False))
batch_rule(np.flip)(_along(1, None, False, numbers=False))
batch_rule(np.repeat)(_along(2, None, True))
batch_rule(np.take)(_along(2, None, True, numbers=False))
batch_rule(np.partition, np.argpartition, difference)(_along(2, -1, True, numbers=False))
batch_rule(np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft)(
    _along(2, -1, True, numbers=False)
)
batch_rule(np.fft.fft2, np.fft.ifft2, np.fft.rfft2)(_along(2, (-2, -1), False, "axes", numbers=False))
batch_rule(np.fft.fftshift, np.fft.ifftshift)(_along(1, None, False, "axes", numbers=False))


@batch_rule(np.fft.fftn, np.fft.ifftn, np.fft.rfftn)
def _of_all_axes(trace, prim, args, kwargs):
    """Without axes, the last of as many as s has lengths, or all."""
    a, *rest = args
    stack = alone(trace, a, *rest, *kwargs.values())
    given = dict(zip(("s", "axes", "norm"), rest, strict=False)) | kwargs
    s, axes = given.get("s"), given.pop("axes", None)
    if axes is None:
        axes = range(-len(s) if s is not None else -rank_of(a), 0)
    return prim.traced(stack, axes=tuple(positive(n, rank_of(a)) for n in axes), **given)


@batch_rule(np.quantile, np.percentile)
def _quantile(trace, prim, args, kwargs):
    """Of one q; several make an axis in front of all others."""
    if len(args) < 2 or onp.ndim(args[1]):
        raise Unbatched("q has axes")
    return _QUANTILES(trace, prim, args, kwargs)


_QUANTILES = _along(2, None, False)


@batch_rule(np.unwrap)
def _unwrap(trace, prim, args, kwargs):
    stack = alone(trace, *args, *kwargs.values())
    if len(args) > 1:
        raise Unbatched("more arguments by position")
    axis = positive(kwargs.get("axis", -1), rank_of(args[0]))
    return prim.traced(stack, **{**kwargs, "axis": axis})


@batch_rule(np.roll)
def _roll(trace, prim, args, kwargs):
    """Without an axis, the elements one after the other."""
    a, *rest = args
    stack = alone(trace, a, *rest, *kwargs.values())
    given = dict(zip(("shift", "axis"), rest, strict=False)) | kwargs
    if given.get("axis") is not None:
        return np.roll(stack, given["shift"], _axes(given["axis"], rank_of(a)))
    flat = np.reshape(stack, (trace.size, a.size))
    return np.reshape(np.roll(flat, given["shift"], 1), np.shape(stack))

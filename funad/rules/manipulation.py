"""The VJP rules of funad.numpy.manipulation: elements go back to where they came from."""

import inspect

import numpy as onp
from numpy import ndarray

from .. import numpy as np
from ..defining import defzero, linear
from ..numpy.indexing import scatter
from ..numpy.manipulation import cast, memory_order
from ..numpy.padding import pad_zeros
from ..values import shape_of

defzero(np.ndim, np.shape, np.size)

# --- in another type or memory

linear(cast, lambda y, ybar, x, dtype, casting="unsafe": ybar)
linear(np.asanyarray, lambda y, ybar, a, dtype=None, order=None, *, device=None, copy=None: ybar)
linear(np.asarray, lambda y, ybar, a, dtype=None, order=None, *, device=None, copy=None: ybar)
linear(np.asarray_chkfinite, lambda y, ybar, a, dtype=None, order=None: ybar)
linear(np.ascontiguousarray, lambda y, ybar, a, dtype=None: ybar)
linear(np.asfortranarray, lambda y, ybar, a, dtype=None: ybar)
linear(np.copy, lambda y, ybar, a, order="K", subok=False: ybar)
linear(np.require, lambda y, ybar, a, dtype=None, requirements=None: ybar)

# --- in another shape


def _reshape(ybar, a, order="C"):
    """ȳ in the shape of a."""
    if type(ybar) is ndarray and order == "C":
        return ybar.reshape(shape_of(a))  # 0.2 µs, as against 1
    return np.reshape(ybar, shape_of(a), memory_order(a, order))


linear(np.broadcast_to, lambda y, ybar, array, shape, subok=False: ybar)  # summed by the sweep
linear(np.expand_dims, lambda y, ybar, a, axis: _reshape(ybar, a))
linear(np.ravel, lambda y, ybar, a, order="C": _reshape(ybar, a, order))
linear(np.squeeze, lambda y, ybar, a, axis=None: _reshape(ybar, a))

_PARAMETERS = inspect.signature(np.reshape).parameters
if "copy" not in _PARAMETERS:  # NumPy 2.0
    linear(np.reshape, lambda y, ybar, a, newshape, order="C": _reshape(ybar, a, order))
elif "newshape" in _PARAMETERS:  # NumPy 2.1 to 2.3
    linear(
        np.reshape,
        lambda y, ybar, a, shape=None, order="C", *, newshape=None, copy=None: _reshape(ybar, a, order),
    )
else:
    linear(np.reshape, lambda y, ybar, a, shape, order="C", *, copy=None: _reshape(ybar, a, order))

# --- with the axes in another order

linear(np.matrix_transpose, lambda y, ybar, x: np.matrix_transpose(ybar))
linear(np.moveaxis, lambda y, ybar, a, source, destination: np.moveaxis(ybar, destination, source))
linear(np.swapaxes, lambda y, ybar, a, axis1, axis2: np.swapaxes(ybar, axis1, axis2))


def _transpose(y, ybar, a, axes=None):
    """The axes in the inverse order."""
    if axes is None:
        return np.transpose(ybar)
    axes = onp.atleast_1d(axes)  # one axis may be a number
    inverse = [0] * len(axes)
    for n, axis in enumerate(axes):
        inverse[axis] = n
    return np.transpose(ybar, inverse)


linear(np.transpose, _transpose)

# --- turned round, moved on, repeated

linear(np.flip, lambda y, ybar, m, axis=None: np.flip(ybar, axis))
linear(np.fliplr, lambda y, ybar, m: np.fliplr(ybar))
linear(np.flipud, lambda y, ybar, m: np.flipud(ybar))
linear(np.rot90, lambda y, ybar, m, k=1, axes=(0, 1): np.rot90(ybar, -k, axes))
linear(np.roll, lambda y, ybar, a, shift, axis=None: np.roll(ybar, np.negative(shift), axis))


def _tile(y, ybar, A, reps):
    """Σ over the copies: in y each axis is one of copies and one of A."""
    reps = [reps] if np.ndim(reps) == 0 else list(reps)
    shape = (1,) * (len(reps) - np.ndim(A)) + np.shape(A)
    reps = [1] * (len(shape) - len(reps)) + reps
    pairs = [n for pair in zip(reps, shape, strict=True) for n in pair]
    copies = tuple(range(0, len(pairs), 2))
    return np.reshape(np.sum(np.reshape(ybar, pairs), copies), np.shape(A))


def _repeat(y, ybar, a, repeats, axis=None):
    """Σ over the copies of each element."""
    if axis is None or np.ndim(a) == 0:
        flat = _repeat(y, ybar, np.broadcast_to(0.0, np.size(a)), repeats, 0)
        return np.reshape(flat, np.shape(a))
    shape, axis = np.shape(a), axis % np.ndim(a)
    if np.size(repeats) == 1:
        split = (*shape[:axis], shape[axis], np.reshape(repeats, ()), *shape[axis + 1 :])
        return np.sum(np.reshape(ybar, split), axis + 1)
    index = np.repeat(np.arange(shape[axis]), repeats)
    return scatter(shape, ybar.dtype, [(slice(None),) * axis + (index,)], [ybar])


linear(np.tile, _tile)
linear(np.repeat, _repeat)

# --- diagonals and triangles

linear(np.tril, lambda y, ybar, m, k=0: np.tril(ybar, k), masks=True)
linear(np.triu, lambda y, ybar, m, k=0: np.triu(ybar, k), masks=True)


def _diagonal(y, ybar, a, offset=0, axis1=0, axis2=1):
    """Zeros, with ȳ on the diagonal."""
    shape = np.moveaxis(np.broadcast_to(0.0, np.shape(a)), (axis1, axis2), (-2, -1)).shape
    rows = np.arange(np.shape(ybar)[-1]) + max(-offset, 0)
    abar = scatter(shape, ybar.dtype, [(..., rows, rows + offset)], [ybar])
    return np.moveaxis(abar, (-2, -1), (axis1, axis2))


linear(np.diagonal, _diagonal, masks=True)


def _diag(y, ybar, v, k=0):
    """ȳ on the diagonal, or of it."""
    if np.ndim(v) == 1:
        return np.diagonal(ybar, k)
    n = np.size(ybar) + abs(k)
    return np.diag(ybar, k) if np.shape(v) == (n, n) else _diagonal(y, ybar, v, k)


linear(np.diag, _diag, masks=True)

# --- joined and padded


def _concatenate(y, ybar, arrays, axis=0, *, dtype=None, casting="same_kind"):
    """Each part of ȳ."""
    lengths = [np.size(a) if axis is None else np.shape(a)[axis] for a in arrays]
    before = (slice(None),) * (0 if axis is None else axis % np.ndim(ybar))
    parts, start = [], 0
    for a, length in zip(arrays, lengths, strict=True):
        part = ybar[(*before, slice(start, start + length))]
        parts.append(part if axis is not None else np.reshape(part, np.shape(a)))
        start += length
    return _like(arrays, parts)


def _stack(y, ybar, arrays, axis=0, *, dtype=None, casting="same_kind"):
    """Each layer of ȳ."""
    before = (slice(None),) * (axis % np.ndim(ybar))
    return _like(arrays, [ybar[(*before, n)] for n in range(len(arrays))])


def _like(arrays, parts):
    """Return a list for a list of arrays, and an array for an array of them."""
    return parts if type(arrays) is list else np.stack(parts)


linear(np.concatenate, _concatenate)
linear(np.stack, _stack)


def _pad_zeros(y, ybar, array, pad_width):
    """The part of ȳ that is x."""
    inner = zip(pad_width, np.shape(array), strict=True)
    return ybar[tuple(slice(before, before + size) for (before, _), size in inner)]


linear(pad_zeros, _pad_zeros)

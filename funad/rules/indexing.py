"""The VJP rules of funad.numpy.indexing: what was taken out of x is added back into zeros like x."""

from .. import numpy as np
from ..defining import defzero, linear
from ..indices import Scatter
from ..numpy.indexing import assign, getitem, scatter
from ..spaces import unbroadcast
from ..writing import assigned

defzero(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from)

linear(getitem, lambda y, ybar, a, b: Scatter(a, [(b, ybar)]), masks=True)
linear(
    scatter,
    lambda y, ybar, shape, dtype, indices, pieces: [ybar[index] for index in indices],
    argnums=(3,),
)


def _assign(y, ybar, pair, path, index):
    """ȳ with zeros where v was put; of the several elements put into one place, ȳ to the last."""
    return [assign([ybar, 0.0], path, index), assigned(ybar, pair[1], path, index)]


linear(assign, _assign, masks=True)


def _take(y, ybar, a, indices, axis=None, *, mode="raise"):
    """x̄[indices] += ȳ."""
    shape = np.shape(a)
    if shape == ():
        return np.sum(ybar)
    if axis is None and len(shape) > 1:
        flat = _counted(indices, np.size(a), "wrap" if mode == "raise" else mode)
        return Scatter(a, [(np.unravel_index(flat, shape), ybar)])
    axis = (axis or 0) % len(shape)
    return Scatter(a, [((slice(None),) * axis + (_counted(indices, shape[axis], mode),), ybar)])


def _counted(indices, size, mode):
    """Return the positions of which ``mode`` makes those that are out of bounds."""
    indices = np.asarray(indices, np.intp)
    if mode == "raise":
        return indices
    return np.clip(indices, 0, size - 1) if mode == "clip" else np.remainder(indices, max(size, 1))


linear(np.take, _take, masks=True)


def _take_along_axis(y, ybar, arr, indices, axis=-1):
    """x̄[indices] += ȳ, along one axis."""
    if axis is None:
        return np.reshape(scatter((np.size(arr),), arr.dtype, [indices], [ybar]), np.shape(arr))
    shape = np.shape(arr)
    index = [np.reshape(np.arange(size), (-1,) + (1,) * (len(shape) - n - 1)) for n, size in enumerate(shape)]
    index[axis] = indices
    return Scatter(arr, [(tuple(index), ybar)])


linear(np.take_along_axis, _take_along_axis, masks=True)


def _choose(y, ybar, a, choices, *, mode="raise"):
    """ȳ where a choice has been taken, zero elsewhere."""
    taken = _counted(a, len(choices), mode)
    parts = [np.where(taken == n, ybar, 0) for n in range(len(choices))]
    if type(choices) is list:
        return parts
    return np.stack([unbroadcast(part, np.shape(choices)[1:]) for part in parts])


linear(np.choose, _choose, argnums=(1,), masks=True)

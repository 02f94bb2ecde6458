"""Functions that write into their first argument, which may be a traced value."""

import numpy as _np

from ..boxes import Traced as _Traced
from ..boxes import innermost as _innermost
from ..calling import as_array as _as_array
from ..messages import refused_write as _refused_write
from ..primitives import composite as _composite
from ..values import constant as _constant
from ..writing import UNTRACED as _UNTRACED
from ..writing import on_plain as _on_plain
from .manipulation import broadcast_to as _broadcast_to
from .manipulation import resize as _resize

__all__ = ["copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"]


def _writes(f):
    """Make the decorated function what f does to a traced array; refuse to write to a plain one."""

    def decorate(write):
        @_composite(f)
        def checked(a, *args, **kwargs):
            if not isinstance(a, _Traced):
                if _innermost((*args, *kwargs.values())) is _UNTRACED:
                    return _on_plain(f, (a, *args), kwargs)
                raise _refused_write(f.__name__)
            return write(a, *args, **kwargs)

        return checked

    return decorate


def _cycled(values, size):
    """Return values as one axis of a size, repeated as often as it takes."""
    values = _as_array(values)
    if size == 0:
        return 0.0
    return values if _np.ndim(_constant(values)) == 0 else _resize(values, (size,))


@_writes(_np.copyto)
def copyto(dst, src, casting="same_kind", where=True):
    """Write src into dst, where a mask is true. See :func:`numpy.copyto`."""
    src = _as_array(src)
    given = _np.result_type(_constant(src))
    if not _np.can_cast(given, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {given!r} to {dst.dtype!r} by the rule {casting!r}")
    where = _np.broadcast_to(_constant(where), dst.shape)
    if where.all():
        dst[...] = src
    elif _np.ndim(_constant(src)) == 0:
        dst[where] = src
    else:
        more = max(_np.ndim(_constant(src)) - dst.ndim, 0)  # axes of length 1, which assignment leaves out
        dst[where] = _broadcast_to(src, (1,) * more + dst.shape)[(0,) * more][where]


@_writes(_np.fill_diagonal)
def fill_diagonal(a, val, wrap=False):
    """Write val along the diagonal of a. See :func:`numpy.fill_diagonal`."""
    positions = _np.arange(a.size).reshape(a.shape)
    marked = _np.zeros(a.shape, bool)
    _np.fill_diagonal(marked, True, wrap)
    index = _np.unravel_index(positions[marked], a.shape)
    if _np.size(_constant(_as_array(val))) == 0:
        return
    a[index] = _cycled(val, len(index[0]))


@_writes(_np.place)
def place(arr, mask, vals):
    """Write the first of vals, one after the other, where a mask is true. See :func:`numpy.place`."""
    mask = _np.asarray(_constant(mask), bool).reshape(arr.shape)
    arr[mask] = _cycled(vals, int(mask.sum()))


@_writes(_np.put)
def put(a, ind, v, mode="raise"):
    """Write v at positions counted along the flattened array. See :func:`numpy.put`."""
    if _np.size(_constant(_as_array(v))) == 0:
        return
    ind, size = _np.ravel(_constant(ind)), a.size
    if mode != "raise" or ind.dtype.kind not in "iu" or not ((-size <= ind) & (ind < size)).all():
        ind = _np.arange(size).take(ind, mode=mode)  # which NumPy may refuse
    positions = ind.astype(_np.intp) % max(size, 1)
    v = _cycled(v, ind.size)
    if a.ndim:
        a[_np.unravel_index(positions, a.shape)] = v
    elif ind.size:  # one number, again and again
        a[...] = v[-1] if _np.ndim(_constant(v)) else v


@_writes(_np.put_along_axis)
def put_along_axis(arr, indices, values, axis):
    """Write values at indices along an axis. See :func:`numpy.put_along_axis`."""
    indices = _np.asarray(_constant(indices))
    if axis is None:
        arr[_np.unravel_index(indices, arr.shape)] = _as_array(values)
        return
    grid = [_np.arange(size).reshape((-1,) + (1,) * (arr.ndim - n - 1)) for n, size in enumerate(arr.shape)]
    grid[axis] = indices
    arr[tuple(grid)] = values


@_writes(_np.putmask)
def putmask(a, mask, values):
    """Write values[i] into a[i] where a mask is true. See :func:`numpy.putmask`."""
    mask = _np.asarray(_constant(mask), bool).reshape(a.shape)
    if _np.size(_constant(_as_array(values))) == 0:
        return
    values = _cycled(values, a.size)
    a[mask] = values if _np.ndim(_constant(values)) == 0 else values[mask.reshape(-1)]

"""pad: most modes are made of other functions of the namespace, axis by axis as NumPy does it."""

import numpy as _np

from ..boxes import innermost as _innermost
from ..errors import UnsupportedKeywordError as _UnsupportedKeywordError
from ..primitives import composite as _composite
from ..primitives import primitive
from ..values import constant as _constant
from .creation import linspace as _linspace
from .indexing import take as _take
from .manipulation import asarray as _asarray
from .manipulation import astype as _astype
from .manipulation import broadcast_to as _broadcast_to
from .manipulation import concatenate as _concatenate
from .manipulation import copy as _copy
from .manipulation import flip as _flip
from .manipulation import laid_out_as as _laid_out_as
from .manipulation import moveaxis as _moveaxis
from .manipulation import positions as _positions
from .manipulation import ravel as _ravel
from .manipulation import repeat as _repeat
from .manipulation import squeeze as _squeeze
from .products import tensordot as _tensordot
from .reductions import max as _max
from .reductions import mean as _mean
from .reductions import median as _median
from .reductions import min as _min

__all__ = ["pad"]


def _pad_zeros(array, pad_width):
    return _np.pad(array, pad_width)


pad_zeros = primitive(_pad_zeros, "numpy.pad")


@_composite(_np.pad)
def pad(array, pad_width, mode="constant", **kwargs):
    """Return the array with more elements before and after it along its axes."""
    array = _asarray(array)
    if array.ndim == 0:
        return _copy(array)
    if mode == "constant" and kwargs.keys() <= {"constant_values"}:
        return _with_constants(array, pad_width, **kwargs)
    if mode in ("edge", "wrap", "reflect", "symmetric") and kwargs.get("reflect_type", "even") == "even":
        places = _np.pad(_positions(array), pad_width, mode, **kwargs)
        return _laid_out_as(_take(array, places), places)
    if mode == "empty" and not kwargs:  # whatever stands there depends on nothing: zeros do
        return pad_zeros(array, _pairs(pad_width, array.ndim))
    if callable(mode):
        raise _UnsupportedKeywordError(
            f"pad of a traced value has no derivative with mode={mode!r}, a function that writes into its "
            f"argument; join what it writes with np.concatenate, or take one of the modes 'constant', "
            f"'edge', 'wrap', 'empty', {', '.join(map(repr, _AT_ENDS))}"
        )
    # NumPy's own checks
    plain = {name: _constant(_asarray(x)) if _innermost((x,)) else x for name, x in kwargs.items()}
    model = _np.pad(_constant(array), pad_width, mode, **plain)
    ends = _AT_ENDS[mode](array.ndim, **kwargs)
    for axis, (before, after) in enumerate(_pairs(pad_width, array.ndim)):
        if _AT_ENDS[mode] is _odd and max(before, after) + (mode == "reflect") > array.shape[axis]:
            array = _reflected(array, axis, (before, after), mode)
            continue
        front = ends(mode, array, axis, before, 0)
        back = _flip(ends(mode, _flip(array, axis), axis, after, 1), axis)
        array = _concatenate([front, array, back], axis)
    return _laid_out_as(array, model)


def _pairs(x, ndim):
    """Return a pair (before, after) for every axis, of one, of a pair or of all of them."""
    if isinstance(x, dict):
        pairs = [(0, 0)] * ndim
        for axis, pair in x.items():
            pairs[axis] = tuple(_np.broadcast_to(pair, (2,)))
        return pairs
    return _broadcast_to(x, (ndim, 2))


def _with_constants(array, pad_width, constant_values=0):
    traced = _innermost((constant_values,))
    if traced is None and not _np.any(constant_values):
        return pad_zeros(array, _pairs(pad_width, array.ndim))
    constants = _asarray(constant_values)
    after = (array.size + _np.arange(constants.size)).reshape(constants.shape)
    both = _concatenate([_ravel(array), _astype(_ravel(constants), array.dtype)])
    places = _np.pad(_positions(array), pad_width, constant_values=after)
    return _laid_out_as(_take(both, places), places)


# Each of these returns what makes the n elements before an array along one axis; for those after
# it, the array is turned round.


def _odd(ndim, reflect_type):
    """Reflect in the value at the edge as well: 2·edge - x."""

    def front(mode, x, axis, n, side):
        first = 1 if mode == "reflect" else 0
        return 2 * _slice(x, axis, 0, 1) - _flip(_slice(x, axis, first, first + n), axis)

    return front


def _reflected(x, axis, widths, mode):
    """Return x with odd reflections of reflections at both ends: what becomes of the identity, times x."""
    matrix = _np.pad(_np.eye(x.shape[axis]), (widths, (0, 0)), mode, reflect_type="odd")
    matrix = matrix.astype(_np.finfo(x.dtype).dtype)
    return _moveaxis(_tensordot(matrix, x, (1, axis)), 0, axis)


def _ramp(ndim, end_values=0):
    """Go from the edge to ``end_values`` in equal steps."""
    ends = _pairs(_asarray(end_values), ndim)

    def front(mode, x, axis, n, side):
        edge = _squeeze(_slice(x, axis, 0, 1), axis)
        return _linspace(ends[axis, side], edge, n, endpoint=False, dtype=x.dtype, axis=axis)

    return front


def _statistic(ndim, stat_length=None):
    """Repeat the maximum, mean, … of the elements next to the edge."""
    lengths = _pairs(stat_length, ndim)

    def front(mode, x, axis, n, side):
        f = {"maximum": _max, "minimum": _min, "mean": _mean, "median": _median}[mode]
        value = f(_slice(x, axis, 0, lengths[axis][side]), axis=axis, keepdims=True)
        return _repeat(value, n, axis)

    return front


def _slice(x, axis, start, stop):
    return x[(slice(None),) * axis + (slice(start, stop),)]


_AT_ENDS = {
    "reflect": _odd,
    "symmetric": _odd,
    "linear_ramp": _ramp,
    "maximum": _statistic,
    "mean": _statistic,
    "median": _statistic,
    "minimum": _statistic,
}

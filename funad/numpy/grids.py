"""Objects that make arrays of slices and of what stands between brackets: r_, c_, mgrid, ogrid."""

import math as _math
import sys as _sys

import numpy as _np

from ..boxes import innermost as _innermost
from ..cpython import frame_at as _frame_at
from ..cpython import names_in as _names_in
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..values import class_of as _class_of
from ..values import constant as _constant
from .creation import arange as _arange
from .creation import array as _array
from .creation import linspace as _linspace
from .manipulation import astype as _astype
from .manipulation import broadcast_arrays as _broadcast_arrays
from .manipulation import concatenate as _concatenate
from .manipulation import ndim as _ndim
from .manipulation import reshape as _reshape
from .manipulation import stack as _stack
from .manipulation import swapaxes as _swapaxes
from .manipulation import transpose as _transpose

__all__ = ["c_", "mgrid", "ogrid", "r_"]


def _is_traced(key):
    """Say whether there are traced values in brackets, in slices too."""
    items = key if type(key) is tuple else (key,)
    parts = ((item.start, item.stop, item.step) if isinstance(item, slice) else item for item in items)
    return _innermost(tuple(parts)) is not None


def _ends(part):
    """Return the start, the stop and the step of a slice, 0 and 1 where they are left out."""
    start = 0 if part.start is None else part.start
    return start, part.stop, 1 if part.step is None else part.step


def _count(step):
    """Return how many points an imaginary step asks for; None if it is a step."""
    step = _constant(step)
    return int(abs(step)) if isinstance(step, (complex, _np.complexfloating)) else None


# --- joined in brackets


class _Joining:
    """What both of them do with traced values."""

    __slots__ = ()

    def __getitem__(self, key):
        if isinstance(key, str):  # a matrix of variables: of those where the brackets stand
            frame = _frame_at(1)
            return _np.bmat(key, frame.f_globals, _names_in(frame))
        return self._joined(key) if _is_traced(key) else super().__getitem__(key)

    def _joined(self, key):
        axis, ndmin, first = self.axis, self.ndmin, self.trans1d
        items = list(key) if type(key) is tuple else [key]
        if isinstance(items[0], str):
            axis, ndmin, first = _directive(items.pop(0), axis, ndmin, first)
        if any(isinstance(item, str) for item in items):
            raise ValueError("of r_ and c_, a directive such as '0,2' stands first")
        parts = [_part(item, ndmin, first) for item in items]
        dtype = _np.result_type(*(_constant(part) if _is_number(part) else part.dtype for part in parts))
        return _concatenate([_array(part, dtype, ndmin=ndmin) for part in parts], axis)


def _directive(text, axis, ndmin, first):
    """Return the axis, the number of axes and the place of the first one, as a string says them."""
    if text in ("r", "c"):
        raise _NotDifferentiableError(
            f"r_[{text!r}, ...] returns a matrix, which cannot hold traced values; write r_['0,2', ...] for "
            f"an array of two axes"
        )
    try:
        numbers = [int(number) for number in text.split(",")]
        return (*numbers, *(axis, ndmin, first)[len(numbers) :])[:3]
    except ValueError:
        raise ValueError(f"r_ and c_ know no directive {text!r}; '0,2' is one") from None


def _is_number(x):
    return _class_of(x) in _np.ScalarType


def _part(item, ndmin, first):
    """Return what stands between two commas as an array; a number as it is."""
    if isinstance(item, slice):
        start, stop, step = _ends(item)
        n = _count(step)
        line = _arange(start, stop, step) if n is None else _linspace(start, stop, n)
        line = _array(line, ndmin=ndmin)
        return _swapaxes(line, -1, first) if ndmin > 1 and first != -1 else line
    if _is_number(item):
        return item
    ndim, y = _ndim(item), _array(item, ndmin=ndmin)
    new = ndmin - ndim
    if first == -1 or new <= 0:
        return y
    place = first + new + 1 if first < 0 else first
    axes = list(range(ndmin))
    return _transpose(y, axes[:place] + axes[new:] + axes[place:new])


class RClass(_Joining, type(_np.r_)):
    __doc__ = type(_np.r_).__doc__
    __slots__ = ()


class CClass(_Joining, type(_np.c_)):
    __doc__ = type(_np.c_).__doc__
    __slots__ = ()


# --- grids


class _Grid:
    """What both of them do with traced values."""

    __slots__ = ()

    def __getitem__(self, key):
        if not _is_traced(key):
            return super().__getitem__(key)
        if isinstance(key, slice):
            ends = _ends(key)
            return _arange(*ends) if _count(ends[2]) is None else _line(*ends, _type(ends))
        every = [_ends(part) for part in key]
        dtype = _type([0, *(end for ends in every for end in ends)])
        lines = [
            _reshape(_line(*ends, dtype), (1,) * n + (-1,) + (1,) * (len(every) - n - 1))
            for n, ends in enumerate(every)
        ]
        if self.sparse:
            return tuple(lines)
        return _stack([_astype(line, dtype) for line in _broadcast_arrays(*lines)])


def _type(ends):
    """Return the dtype of a grid between these ends; a number of points counts as a float."""
    return _np.result_type(*(x if _count(x) is None else abs(x) for x in map(_constant, ends)))


def _line(start, stop, step, dtype):
    """Return start, start + step, ... as NumPy's grids compute them."""
    n = _count(step)
    if n is None:
        n = _math.ceil((_constant(stop) - _constant(start)) / _constant(step))
    else:
        step = (stop - start) / float(n - 1) if n != 1 else 1
    return _np.arange(n, dtype=dtype) * step + start


class MGridClass(_Grid, type(_np.mgrid)):
    __doc__ = type(_np.mgrid).__doc__
    __slots__ = ()


class OGridClass(_Grid, type(_np.ogrid)):
    __doc__ = type(_np.ogrid).__doc__
    __slots__ = ()


c_ = CClass()
mgrid = MGridClass()
ogrid = OGridClass()
r_ = RClass()

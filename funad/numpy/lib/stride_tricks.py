"""Other views of the memory of an array."""

import functools as _functools

import numpy.lib.stride_tricks as _stride_tricks

from ...boxes import innermost as _innermost
from ...errors import NotDifferentiableError as _NotDifferentiableError
from ...primitives import move as _move
from ..windows import sliding_window_view

__all__ = ["as_strided", "sliding_window_view"]


@_functools.wraps(_stride_tricks.as_strided)
def as_strided(x, shape=None, strides=None, subok=False, writeable=True):
    if _innermost((x,)) is not None:
        raise _NotDifferentiableError(
            "numpy.lib.stride_tricks.as_strided of a traced value reads memory, which may be laid out "
            "otherwise in another mode; write np.lib.stride_tricks.sliding_window_view(x, window_shape), or "
            "x[index] with an array of positions"
        )
    return _stride_tricks.as_strided(x, shape, strides, subok, writeable)


_move(as_strided, _stride_tricks.as_strided)

"""Taking elements out by position, and putting them back."""

import operator as _operator

import numpy as _np
from numpy import (
    diag_indices,
    index_exp,
    mask_indices,
    ravel_multi_index,
    s_,
    tril_indices,
    triu_indices,
    unravel_index,
)

from .. import indices as _indices
from .. import writing as _writing
from ..boxes import Traced as _Traced
from ..boxes import innermost as _innermost
from ..boxes import model_of as _model_of
from ..calling import as_array as _as_array
from ..primitives import composite as _composite
from ..primitives import primitive
from ..registry import primitive_of as _primitive_of
from ..values import constant as _constant
from .elementwise import where as _where

__all__ = [
    "choose",
    "compress",
    "diag_indices",
    "diag_indices_from",
    "extract",
    "index_exp",
    "ix_",
    "mask_indices",
    "ravel_multi_index",
    "s_",
    "select",
    "take",
    "take_along_axis",
    "tril_indices",
    "tril_indices_from",
    "triu_indices",
    "triu_indices_from",
    "unravel_index",
]

# x[index], which boxes record themselves, and its transpose
getitem = primitive(_operator.getitem, "indexing")
scatter = primitive(_indices.scatter, "scatter", containers=(3,))

# x[index] = v, which arrays record themselves
assign = primitive(_writing.assign, "assignment", containers=(0,))

choose = primitive(_np.choose, containers=(1,))
take = primitive(_np.take)
take_along_axis = primitive(_np.take_along_axis)

# What they return are positions
diag_indices_from = primitive(_np.diag_indices_from)
tril_indices_from = primitive(_np.tril_indices_from)
triu_indices_from = primitive(_np.triu_indices_from)


@_composite(_np.ix_)
def ix_(*args):
    """Return arrays of one axis each, the n-th along the n-th axis of all."""
    args = [_as_array(x) if isinstance(x, (list, tuple)) and _innermost(x) is not None else x for x in args]
    args = [_np.flatnonzero(_constant(x)) if isinstance(x, _Traced) and x.dtype == bool else x for x in args]
    plain = _np.ix_(*map(_constant, args))
    return tuple(
        x[(None,) * n + (slice(None),) + (None,) * (len(args) - n - 1)] if isinstance(x, _Traced) else y
        for n, (x, y) in enumerate(zip(args, plain, strict=True))
    )


@_composite(_np.compress)
def compress(condition, a, axis=None, out=None):
    """Return the elements of a along an axis where a mask is true."""
    return take(a, _np.flatnonzero(_constant(condition)), axis, out=out)


@_composite(_np.extract)
def extract(condition, arr):
    """Return the elements of arr, as one axis, where a mask is true."""
    return take(arr, _np.flatnonzero(_constant(condition)))


@_composite(_np.select, iterators=True)
def select(condlist, choicelist, default=0):
    """Return each element from the first choice whose condition is true."""
    condlist, choicelist = list(condlist), list(choicelist)
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError("select needs a list of conditions and one choice for each of them")
    *choicelist, default = map(_as_array, (*choicelist, default))
    y = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        condition = _constant(condition)
        condition = condition if hasattr(condition, "tape") else _np.asarray(condition)
        if condition.dtype != bool:
            raise TypeError(f"a condition of select is boolean, not {condition.dtype}")
        y = _where(condition, choice, y)
    # Two plain numbers make float64, even if they then stand beside float32.
    y = _primitive_of(_np.astype).traced(y, _np.result_type(*map(_weak, (*choicelist, default))))
    return _primitive_of(_np.asarray).traced(y, order="C")


def _weak(x):
    """Return what the dtype of x is found from: Python's numbers as they are."""
    x = _model_of(x)
    return x if type(x) in (int, float, complex) else _np.asarray(x)

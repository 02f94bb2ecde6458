"""Quantiles and percentiles: what a given part of the elements lies below."""

import functools as _functools

import numpy as _np

from ..boxes import innermost as _innermost
from ..primitives import move as _move
from ..primitives import of_any as _wrap
from ..registry import adopt as _adopt
from ..registry import enter as _enter

__all__ = ["quantile", "percentile", "nanquantile", "nanpercentile"]


def untouched(f):
    """Wrap f, which takes ``overwrite_input``, such that it is refused before it does so."""
    record = _enter(f)
    traced = _wrap(record, f)

    @_functools.wraps(f)
    def wrapped(*args, **kwargs):
        if kwargs.get("overwrite_input") and _innermost((*args, *kwargs.values())) is not None:
            record.check_keywords({"overwrite_input": True})
        return traced(*args, **kwargs)

    _move(wrapped, f)
    _adopt(record, wrapped)
    return wrapped


quantile = untouched(_np.quantile)
percentile = untouched(_np.percentile)
nanquantile = untouched(_np.nanquantile)
nanpercentile = untouched(_np.nanpercentile)

"""Quantiles and percentiles: what a given part of the elements lies below."""

import numpy as _np

from ..boxes import innermost as _innermost
from ..primitives import implements as _implements
from ..primitives import of_any as _wrap
from ..registry import enter as _enter

__all__ = ["quantile", "percentile", "nanquantile", "nanpercentile"]


def untouched(f):
    """Wrap f, which takes ``overwrite_input``, such that it is refused before it does so."""
    prim = _enter(f)
    traced = _wrap(prim, f)

    @_implements(f)
    def wrapped(*args, **kwargs):
        if kwargs.get("overwrite_input") and _innermost((*args, *kwargs.values())) is not None:
            prim.check_keywords({"overwrite_input": True})
        return traced(*args, **kwargs)

    return wrapped


quantile = untouched(_np.quantile)
percentile = untouched(_np.percentile)
nanquantile = untouched(_np.nanquantile)
nanpercentile = untouched(_np.nanpercentile)

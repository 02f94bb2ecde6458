"""Quantiles and percentiles: what a given part of the elements lies below."""

import numpy as _np

from ..primitives import primitive

__all__ = ["quantile", "percentile", "nanquantile", "nanpercentile"]

quantile = primitive(_np.quantile)
percentile = primitive(_np.percentile)
nanquantile = primitive(_np.nanquantile)
nanpercentile = primitive(_np.nanpercentile)

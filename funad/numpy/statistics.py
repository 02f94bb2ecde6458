"""Statistics of samples: covariances and histograms."""

import numpy as _np

from ..primitives import primitive

__all__ = [
    "cov",
    "corrcoef",
    "histogram",
    "histogram2d",
    "histogramdd",
    "histogram_bin_edges",
    "bincount",
    "digitize",
]

cov = primitive(_np.cov)
corrcoef = primitive(_np.corrcoef)
histogram = primitive(_np.histogram)
histogram2d = primitive(_np.histogram2d)
histogramdd = primitive(_np.histogramdd)
histogram_bin_edges = primitive(_np.histogram_bin_edges)
bincount = primitive(_np.bincount)
digitize = primitive(_np.digitize)

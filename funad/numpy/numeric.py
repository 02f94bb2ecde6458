"""Functions of several fields at once: curves, polynomials, statistics, windows; and questions of dtype.

The first ones have no rule yet: a traced value that reaches them is refused by name.
"""

import numpy as _np

from ..primitives import primitive

__all__ = [
    "interp",
    "gradient",
    "unwrap",
    "cov",
    "corrcoef",
    "histogram",
    "histogram2d",
    "histogramdd",
    "histogram_bin_edges",
    "bincount",
    "digitize",
    "bartlett",
    "blackman",
    "hamming",
    "hanning",
    "kaiser",
    "result_type",
    "common_type",
    "min_scalar_type",
    "can_cast",
    "may_share_memory",
    "shares_memory",
    "isfortran",
    "array2string",
    "array_repr",
    "array_str",
]

# Curves and signals
interp = primitive(_np.interp)
gradient = primitive(_np.gradient)
unwrap = primitive(_np.unwrap)

# Statistics
cov = primitive(_np.cov)
corrcoef = primitive(_np.corrcoef)
histogram = primitive(_np.histogram)
histogram2d = primitive(_np.histogram2d)
histogramdd = primitive(_np.histogramdd)
histogram_bin_edges = primitive(_np.histogram_bin_edges)
bincount = primitive(_np.bincount)
digitize = primitive(_np.digitize)

# Windows
bartlett = primitive(_np.bartlett)
blackman = primitive(_np.blackman)
hamming = primitive(_np.hamming)
hanning = primitive(_np.hanning)
kaiser = primitive(_np.kaiser)

# Questions of dtype and memory, and text: they are answered for the plain value
result_type = primitive(_np.result_type)
common_type = primitive(_np.common_type)
min_scalar_type = primitive(_np.min_scalar_type)
can_cast = primitive(_np.can_cast)
may_share_memory = primitive(_np.may_share_memory)
shares_memory = primitive(_np.shares_memory)
isfortran = primitive(_np.isfortran)
array2string = primitive(_np.array2string)
array_repr = primitive(_np.array_repr)
array_str = primitive(_np.array_str)

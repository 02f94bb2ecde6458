"""Functions that reduce an array along axes: sums, means, extremes; and running sums."""

import numpy as _np

from ..primitives import primitive

__all__ = [
    "sum",
    "mean",
]

sum = primitive(_np.sum)
mean = primitive(_np.mean)

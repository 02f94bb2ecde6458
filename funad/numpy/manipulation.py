"""Functions that move elements to other places: shapes, axes, joining, splitting, padding."""

import numpy as _np

from ..primitives import primitive

__all__ = [
    "ndim",
    "shape",
    "size",
    "reshape",
    "transpose",
    "swapaxes",
    "expand_dims",
    "broadcast_to",
    "squeeze",
]

reshape = primitive(_np.reshape)
transpose = primitive(_np.transpose)
swapaxes = primitive(_np.swapaxes)
expand_dims = primitive(_np.expand_dims)
broadcast_to = primitive(_np.broadcast_to)
squeeze = primitive(_np.squeeze)
shape = primitive(_np.shape)
ndim = primitive(_np.ndim)
size = primitive(_np.size)

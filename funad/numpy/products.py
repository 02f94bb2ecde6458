"""Products of vectors, matrices and tensors."""

import numpy as _np

from ..primitives import primitive

__all__ = [
    "matmul",
    "dot",
]

matmul = primitive(_np.matmul)
dot = primitive(_np.dot)

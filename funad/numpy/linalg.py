"""Linear algebra: solving, decomposing, norms. It is also the namespace funad.numpy.linalg."""

import numpy as _np

from ..primitives import primitive

__all__ = []

"""The methods and attributes of arrays, on boxes."""

from .. import numpy as np
from ..boxes import Box

Box.sum = np.sum
Box.T = property(np.transpose)


def _reshape(self, *shape, order="C"):
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)


Box.reshape = _reshape

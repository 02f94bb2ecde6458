"""The VJP rules of funad.numpy.products."""

from .. import numpy as np
from ..registry import defvjp, defzero, elementwise, linear

linear(np.matmul, lambda y, ybar, a, b: np.matmul(ybar, b.T), lambda y, ybar, a, b: np.matmul(a.T, ybar))

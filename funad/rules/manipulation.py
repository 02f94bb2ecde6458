"""The VJP rules of funad.numpy.manipulation."""

from .. import numpy as np
from ..registry import defvjp, defzero, elementwise, linear
from ..spaces import unbroadcast

linear(np.reshape, lambda y, ybar, a, shape, order="C": np.reshape(ybar, np.shape(a), order=order))
linear(np.expand_dims, lambda y, ybar, a, axis: np.reshape(ybar, np.shape(a)))
linear(np.squeeze, lambda y, ybar, a, axis=None: np.reshape(ybar, np.shape(a)))
linear(np.swapaxes, lambda y, ybar, a, axis1, axis2: np.swapaxes(ybar, axis1, axis2))
linear(np.broadcast_to, lambda y, ybar, array, shape: unbroadcast(ybar, np.shape(array)))
defzero(np.shape, np.ndim, np.size)

"""The methods and attributes of arrays, given to traced values: each is the function of the namespace."""

from .. import numpy as np
from ..boxes import Traced, unbox

# Methods that take what the function of the same name takes, the array first.
for _name in (
    "all", "any", "argmax", "argmin", "argsort", "astype", "choose", "clip", "conj",
    "conjugate", "copy", "cumprod", "cumsum", "diagonal", "dot", "max", "mean", "min", "nonzero",
    "prod", "ptp", "ravel", "repeat", "round", "searchsorted", "squeeze", "std", "sum", "swapaxes",
    "take", "trace", "var",
):  # fmt: skip
    setattr(Traced, _name, getattr(np, _name))


def _shape_of(shape):
    """Return a shape given as one tuple or as several ints."""
    return shape[0] if len(shape) == 1 else shape


def _reshape(self, *shape, order="C"):
    """Return the same elements in another shape."""
    if order == "C":  # without keywords it is faster
        return np.reshape(self, _shape_of(shape))
    return np.reshape(self, _shape_of(shape), order=order)


def _compress(self, condition, axis=None):
    """Return the parts along an axis for which the condition holds."""
    return np.compress(condition, self, axis)


def _transpose(self, *axes):
    """Return the array with its axes in another order."""
    return np.transpose(self, _shape_of(axes) if axes else None)


def _flatten(self, order="C"):
    """Return the elements as one axis."""
    return np.ravel(self, order)


def _item(self, *index):
    """Return one element, still traced."""
    if not index:
        return np.reshape(self, ())
    at = _shape_of(index)
    return self[at] if isinstance(at, tuple) else np.ravel(self)[at]


def _tolist(self):
    """Return the elements as nested lists, still traced."""
    return [part.tolist() for part in self] if self.ndim else self


Traced.reshape = _reshape
Traced.compress = _compress
Traced.transpose = _transpose
Traced.flatten = _flatten
Traced.item = _item
Traced.tolist = _tolist
Traced.__round__ = lambda self, digits=0: np.round(self, digits)
Traced.T = property(np.transpose, doc="The array with its axes reversed.")
Traced.mT = property(np.matrix_transpose, doc="The array with its last two axes swapped.")
Traced.real = property(np.real, doc="The real part.")
Traced.imag = property(np.imag, doc="The imaginary part.")
Traced.flat = property(lambda self: iter(np.ravel(self)))
Traced.nbytes = property(lambda self: unbox(self).nbytes)
Traced.itemsize = property(lambda self: self.dtype.itemsize)

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


def _fill(self, value):
    """Write one value into every element."""
    self[...] = value


def _sort(self, axis=-1, **keywords):
    """Sort along an axis, in place."""
    self[...] = np.sort(self, axis, **keywords)


def _partition(self, kth, axis=-1, **keywords):
    """Put the kth element in the place where sorting would put it, in place."""
    self[...] = np.partition(self, kth, axis, **keywords)


class _Flat:
    """The elements of an array one after the other, to read and to write."""

    __slots__ = ("base",)

    def __init__(self, base):
        self.base = base

    def __iter__(self):
        return iter(np.ravel(self.base))

    def __len__(self):
        return self.base.size

    def __getitem__(self, index):
        return np.ravel(np.copy(self.base))[index]

    def __setitem__(self, index, value):
        np.put(self.base, np.arange(self.base.size)[index], value)


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
Traced.real = property(np.real, lambda self, value: _fill(np.real(self), value), doc="The real part.")
Traced.imag = property(np.imag, lambda self, value: _fill(np.imag(self), value), doc="The imaginary part.")
Traced.flat = property(_Flat, lambda self, value: np.put(self, range(self.size), value), doc="The elements.")
Traced.fill = _fill
Traced.__copy__ = np.copy
Traced.__deepcopy__ = lambda self, memo: np.copy(self)
Traced.put = np.put
Traced.sort = _sort
Traced.partition = _partition
Traced.nbytes = property(lambda self: unbox(self).nbytes)
Traced.itemsize = property(lambda self: self.dtype.itemsize)

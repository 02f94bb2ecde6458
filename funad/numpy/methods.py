"""The methods and attributes of arrays, given to traced values: each is the function of the namespace."""

from .. import numpy as np
from ..boxes import Traced, unbox
from ..errors import NotDifferentiableError

# Methods that take what the function of the same name takes, the array first.
for _name in (
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "astype", "choose", "clip", "conj",
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
Traced.__copy__ = np.copy
Traced.__deepcopy__ = lambda self, memo: np.copy(self)
Traced.strides = property(lambda self: unbox(self).strides)
Traced.device = property(lambda self: "cpu")


class _NoAttributeError(NotDifferentiableError, AttributeError):
    """An attribute that a traced value has not; hasattr says so too."""


def _refused(name, why):
    """Return a method that says why a traced value has it not, and what to write instead."""

    def refuse(self, *args, **kwargs):
        raise NotDifferentiableError(f"ndarray.{name} of a traced value {why}")

    refuse.__name__, refuse.__doc__ = name, f"Refused: it {why}."
    return refuse


def _without(name, why):
    """Return an attribute that says why a traced value has it not."""

    def refuse(self):
        raise _NoAttributeError(f"ndarray.{name} of a traced value {why}")

    return property(refuse, doc=f"Refused: it {why}.")


_WRITES = "would write to it in place; {}"
_BYTES = "would read its bytes, which have no derivative; take stop_gradient(x) for the plain array"
_REFUSED_METHODS = {
    "fill": _WRITES.format("use np.full_like"),
    "partition": _WRITES.format("use np.partition, which returns a new array"),
    "put": _WRITES.format("build the array with np.where or np.concatenate"),
    "resize": _WRITES.format("use np.resize, which returns a new array"),
    "setfield": _WRITES.format("build the array with np.where or np.concatenate"),
    "setflags": _WRITES.format("set the flags of the plain array, before it is traced"),
    "sort": _WRITES.format("use np.sort, which returns a new array"),
    **dict.fromkeys(("byteswap", "dump", "dumps", "getfield", "tobytes", "tofile"), _BYTES),
    # Names that NumPy 2.0 still shows.
    **dict.fromkeys(("newbyteorder", "tostring"), _BYTES),
    "itemset": _WRITES.format("build the array with np.where or np.concatenate"),
    "to_device": "would move it; NumPy's arrays have one device, the CPU, so leave the call out",
    "view": "would read its bytes as another type; use astype, np.real or np.imag",
}
_REFUSED_ATTRIBUTES = {
    **dict.fromkeys(("ctypes", "data"), _BYTES),
    "base": "would be a plain array, without a derivative; take it of stop_gradient(x)",
    "flags": "would be those of the plain array; take them of stop_gradient(x)",
}
for _made, _reasons in ((_refused, _REFUSED_METHODS), (_without, _REFUSED_ATTRIBUTES)):
    for _name, _why in _reasons.items():
        if _name not in vars(Traced):
            setattr(Traced, _name, _made(_name, _why))

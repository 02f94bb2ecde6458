"""The methods and attributes of arrays, given to traced values: each is the function of the namespace."""

import builtins
import functools
import math
import operator

import numpy as _np

from .. import numpy as np
from ..boxes import Traced, model_of, short
from ..errors import NotDifferentiableError
from ..messages import refusal
from ..opaque import Batched
from ..operators import plainly
from ..registry import primitive_of as _primitive_of
from ..values import class_of, constant, dtype_of
from ..writing import reshaped

# Methods that take what the function of the same name takes, the array first.
for _name in (
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "choose", "clip",
    "cumprod", "cumsum", "diagonal", "dot", "max", "mean", "min", "nonzero", "prod", "ptp", "ravel",
    "repeat", "round", "searchsorted", "squeeze", "std", "sum", "swapaxes", "take", "trace", "var",
):  # fmt: skip
    setattr(Traced, _name, getattr(np, _name))


def _shape_of(shape):
    """Return a shape given as one tuple or as several ints."""
    return shape[0] if len(shape) == 1 else shape


def _reshape(self, *shape, order="C", copy=None):
    """Return the same elements in another shape."""
    if order == "C" and copy is None:  # without keywords it is faster
        return np.reshape(self, _shape_of(shape))
    return np.reshape(self, _shape_of(shape), order=order, copy=copy)


def _astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
    """Return the array in another dtype; its rules know nothing of the rest."""
    return np.astype(self, dtype, order, casting, subok, copy)


def _compress(self, condition, axis=None, out=None):
    """Return the parts along an axis for which the condition holds."""
    return np.compress(condition, self, axis, out)


def _transpose(self, *axes):
    """Return the array with its axes in another order."""
    return np.transpose(self, _shape_of(axes) if axes else None)


def _flatten(self, order="C"):
    """Return the elements as one axis."""
    return np.copy(np.ravel(self, order))


def _copy(self, order="C"):
    """Return an array of its own, by rows unless told otherwise; a number is a number."""
    return np.copy(self, order) if class_of(self) is _np.ndarray else self


def _conj(self):
    """Return the complex conjugate: of real numbers, the array itself."""
    return np.conjugate(self) if self.dtype.kind == "c" else self


def _fill(self, value):
    """Write one value into every element."""
    self[...] = value


def _sort(self, axis=-1, kind=None, order=None, **stable):
    """Sort along an axis, in place."""
    given = {name: x for name, x in (("kind", kind), ("order", order)) if x is not None}
    self[...] = np.sort(self, axis, **given, **stable)


def _partition(self, kth, axis=-1, kind="introselect", order=None):
    """Put the kth element in the place where sorting would put it, in place."""
    given = {} if order is None else {"order": order}
    self[...] = np.partition(self, kth, axis, kind=kind, **given)


def _put(self, indices, values, mode="raise"):
    """Write values at positions counted along the flattened array."""
    np.put(self, indices, values, mode)


def _positions(index, size):
    """Return where the elements at an index of a flattened array stand, without an array of all places."""
    if isinstance(index, slice):
        return _np.arange(*index.indices(size))
    if type(index) in (list, int, _np.ndarray) or isinstance(index, _np.integer):
        places = _np.asarray(index)
        if places.dtype.kind in "iu" and ((-size <= places) & (places < size)).all():
            return places.astype(_np.intp) % max(size, 1)
    return _np.arange(size)[index]


class _Flat:
    """The elements of an array one after the other, to read and to write."""

    __slots__ = ("base",)

    def __init__(self, base):
        self.base = base

    def __iter__(self):
        return (self.base[place] for place in _np.ndindex(self.base.shape))  # each read when its turn comes

    def __len__(self):
        return self.base.size

    def __getitem__(self, index):
        base = self.base
        if class_of(base) is not _np.ndarray:
            return np.ravel(base)[index]
        model_of(base).flat[index]  # which NumPy refuses out of bounds
        at = _positions(index, base.size)
        return base[_np.unravel_index(at, base.shape)] if base.ndim else np.ravel(base)[at]

    def copy(self):
        return np.copy(np.ravel(self.base))

    def __setitem__(self, index, value):
        np.put(self.base, _positions(index, self.base.size), value)


def _item(self, *index):
    """Return one element, still traced."""
    if not index:
        if self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return np.ravel(self)[0]
    at = _shape_of(index)
    _np.asarray(model_of(self)).item(at)  # what NumPy refuses, it refuses here
    if not self.ndim:
        return np.ravel(self)[0]
    if isinstance(at, tuple) and len(at) > 1:
        return self[at]
    return self.flat[at[0] if isinstance(at, tuple) else at]


def _tolist(self):
    """Return the elements as nested lists, still traced."""
    return [part.tolist() for part in self] if self.ndim else _item(self)


def _view(self, dtype=None, type=None):
    """Return another view of all elements: in another dtype, their bytes would have no derivative."""
    if dtype is None and type is None:
        return self[...] if isinstance(constant(self), _np.ndarray) else self
    if any(isinstance(kind, builtins.type) and issubclass(kind, _np.ndarray) for kind in (dtype, type)):
        return self.__array__()  # as a matrix, say: refused in the name of who asks
    if type is None and dtype_of(self) == _np.dtype(dtype):
        return _view(self)
    _refuse("view", "reads its memory as another dtype", "np.astype(x, dtype) to convert it")


def _set_shape(self, shape):
    """Give the array another shape, in place."""
    reshaped(self, _primitive_of(_np.reshape), shape)


def _to_device(self, device, /, *, stream=None):
    """Return the array on a device, of which NumPy has one."""
    constant(self).to_device(device, stream=stream)  # refuses what NumPy refuses
    return self


def _resize(self, *new_shape, refcheck=True):
    _refuse("resize", "changes its memory in place", "np.resize(x, shape), which returns a new array")


def _set_flags(self, write=None, align=None, uic=None):
    """Do nothing but refuse what is not so: a traced value can be written to."""
    if write is False or uic:
        _refuse("setflags", "protects its memory", "x.copy() for what must stay as it is")


def _namespace(self, /, *, api_version=None):
    """Return the functions that work on it, as the array API standard has it."""
    _np.empty(0).__array_namespace__(api_version=api_version)  # refuses versions that NumPy refuses
    return np


def _refuse(name, does, instead):
    raise NotDifferentiableError(
        f"ndarray.{name} of a traced value {does}, which has no derivative; use {instead}, or "
        f"stop_gradient(x).{name}(...) for the plain value"
    )


class _OfNumbers:
    """A method that floats have and arrays have not.

    It is that of the plain value, whose result is a constant: text, or whether it is an integer.
    """

    def __init__(self, name, f=None):
        self.name, self.f = name, f

    def __get__(self, x, owner=None):
        if x is None:
            return self
        plain = getattr(constant(x), self.name)  # arrays say that they have it not
        return plain if self.f is None else functools.partial(self.f, x)


def _refusing(name, loses):
    """Return a method that refuses: of its result x could be made again, without its derivative."""

    def method(self):
        raise refusal(short(self), f"{name}()", loses, "keep it as a float")

    return _OfNumbers(name, method)


for _name in ("is_integer", "fromhex"):
    setattr(Traced, _name, _OfNumbers(_name))
Traced.as_integer_ratio = _refusing("as_integer_ratio", "two plain integers")
Traced.hex = _refusing("hex", "text that is every digit of it")
for _f in (math.floor, math.ceil, math.trunc):  # locally constant, an int
    setattr(Traced, f"__{_f.__name__}__", lambda self, f=_f: f(constant(self)))

for _name in ("base", "flags", "strides", "device"):
    setattr(Traced, _name, property(lambda self, name=_name: getattr(_np.asarray(constant(self)), name)))
for _name in ("and", "or", "xor", "lshift", "rshift"):  # of floats NumPy refuses them, with its own words
    _operate = getattr(operator, f"__{_name}__")
    setattr(Traced, f"__{_name}__", plainly(_operate))
    setattr(Traced, f"__i{_name}__", getattr(Traced, f"__{_name}__"))
    setattr(Traced, f"__r{_name}__", plainly(lambda a, b, f=_operate: f(b, a)))
Traced.__invert__ = lambda self: ~constant(self)
Traced.__delitem__ = lambda self, index: constant(self).__delitem__(index)
Traced.__dlpack_device__ = lambda self: constant(self).__dlpack_device__()
Traced.__array_namespace__ = _namespace
Traced.view = _view
Traced.to_device = _to_device
Traced.resize = _resize
Traced.setflags = _set_flags
Traced.shape = Traced.shape.setter(_set_shape)
Batched.shape = Batched.shape.setter(_set_shape)
Traced.reshape = _reshape
Traced.astype = _astype
Traced.compress = _compress
Traced.transpose = _transpose
Traced.flatten = _flatten
Traced.item = _item
Traced.tolist = _tolist
# Locally constant, and without digits an int: what range and lists take.
Traced.__round__ = lambda self, *digits: round(constant(self), *digits)
Traced.T = property(np.transpose, doc="The array with its axes reversed.")
Traced.mT = property(np.matrix_transpose, doc="The array with its last two axes swapped.")
Traced.real = property(np.real, lambda self, value: _fill(np.real(self), value), doc="The real part.")
Traced.imag = property(np.imag, lambda self, value: _fill(np.imag(self), value), doc="The imaginary part.")
Traced.flat = property(
    _Flat, lambda self, value: np.put(self, _np.arange(self.size), value), doc="The elements."
)
Traced.copy = _copy
Traced.conj = Traced.conjugate = _conj
Traced.fill = _fill
Traced.__copy__ = np.copy
Traced.__deepcopy__ = lambda self, memo: np.copy(self)
Traced.put = _put
Traced.sort = _sort
Traced.partition = _partition
Traced.nbytes = property(lambda self: constant(self).nbytes)
Traced.itemsize = property(lambda self: self.dtype.itemsize)


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


_BYTES = "would read its bytes, which have no derivative; take stop_gradient(x) for the plain array"
_REFUSED_METHODS = dict.fromkeys(
    # The last three are names that NumPy 2.0 still shows.
    ("__dlpack__", "byteswap", "dump", "dumps", "getfield", "setfield", "tobytes", "tofile", "newbyteorder",
     "tostring", "itemset"), _BYTES,
)  # fmt: skip
_REFUSED_ATTRIBUTES = dict.fromkeys(("ctypes", "data"), _BYTES)
for _made, _reasons in ((_refused, _REFUSED_METHODS), (_without, _REFUSED_ATTRIBUTES)):
    for _name, _why in _reasons.items():
        setattr(Traced, _name, _made(_name, _why))

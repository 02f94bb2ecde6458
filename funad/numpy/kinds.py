"""The class of arrays, as isinstance and annotations ask for it."""

import numpy as _np

from ..boxes import unbox as _unbox

__all__ = ["ndarray"]


class _OfArrays(type):
    """Makes a class stand for numpy.ndarray, of which traced arrays are instances too."""

    def __new__(meta, name, bases, space, **kwargs):
        if any(isinstance(base, meta) for base in bases):  # a subclass is one of NumPy's class
            return type(
                name, tuple(_np.ndarray if isinstance(b, meta) else b for b in bases), space, **kwargs
            )
        return super().__new__(meta, name, bases, space, **kwargs)

    def __call__(cls, *args, **kwargs):
        return _np.ndarray(*args, **kwargs)

    def __instancecheck__(cls, x):
        return isinstance(_unbox(x), _np.ndarray)

    def __subclasscheck__(cls, sub):
        return sub is cls or issubclass(sub, _np.ndarray)

    def __getattr__(cls, name):
        return getattr(_np.ndarray, name)

    def __getitem__(cls, parameters):
        return _np.ndarray[parameters]

    def __dir__(cls):
        return dir(_np.ndarray)


class ndarray(metaclass=_OfArrays):
    __doc__ = _np.ndarray.__doc__


ndarray.__module__ = "funad.numpy"

"""Making arrays: array([...]) of traced values, full, linspace, and those that pass through."""

import numpy as _np
from numpy import fromfunction, fromiter, indices, tri

from ..boxes import TRACED as _TRACED
from ..boxes import Traced as _Traced
from ..boxes import innermost as _innermost
from ..boxes import model_of as _model_of
from ..calling import as_array as _as_array
from ..calling import call as _call
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..foreign import as_lists as _as_lists
from ..operands import COMMON as _COMMON
from ..primitives import composite as _composite
from ..primitives import implements as _implements
from ..primitives import primitive
from ..registry import adopt as _adopt
from ..registry import enter as _enter
from ..values import constant as _constant
from ..values import dtype_of as _dtype_of
from ..writing import array_of as _array_of
from ..writing import fillable as _fillable
from .manipulation import asarray as _asarray
from .manipulation import astype as _astype
from .manipulation import broadcast_arrays as _broadcast_arrays
from .manipulation import copy as _copied
from .manipulation import laid_out_as as _laid_out_as
from .manipulation import ndim as _ndim
from .manipulation import reshape as _reshape
from .manipulation import shape as _shape

__all__ = [
    "arange",
    "array",
    "asmatrix",
    "bmat",
    "empty",
    "empty_like",
    "eye",
    "fromfunction",
    "full",
    "full_like",
    "geomspace",
    "identity",
    "indices",
    "linspace",
    "logspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tri",
    "vander",
    "zeros",
    "zeros_like",
]


# --- array


def _assemble(parts, shape):
    """Return parts, numbers or arrays, one after the other in an array of a shape."""
    if any(getattr(part, "shape", ()) for part in parts):
        parts = _np.concatenate([_np.ravel(part) for part in parts])
    y = _np.array(parts).reshape(shape)
    if y.dtype.kind not in "fcbiu":
        raise _NotDifferentiableError(
            f"an array of traced values and of other things than numbers, of dtype {y.dtype}, would "
            f"lose their derivatives; keep them in a list"
        )
    return y


assemble = primitive(_assemble, "numpy.array", containers=(0,))


def _filling(f):
    """Return f, which makes an array, such that the array takes traced values while it may."""
    return lambda *args, **kwargs: _fillable(f(*args, **kwargs))


@_composite(_np.array, _filling(_np.array), iterators=True)
def array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0, ndmax=64):
    """Return an array of a traced value, or of lists with traced values in them."""
    if ndmax < 64:  # what lies deeper would be objects
        _enter(_np.array).check_keywords({"ndmax": ndmax})
    if type(object) in (list, tuple):
        parts = []
        shape = _flatten(object, parts)
        y = assemble(parts, shape)
        y = y if dtype is None else _astype(y, dtype)
    else:
        y = _of_array(object, dtype, copy, order)
    missing = ndmin - _ndim(y)
    if missing > 0:
        return _reshape(y, (1,) * missing + _shape(y))
    if _np.ndim(_constant(y)) or isinstance(_constant(y), _np.ndarray):
        return y
    point = _array_of(_np.zeros((), _dtype_of(y)))  # which can be written to, unlike a number
    point[...] = y
    return point


def _of_array(x, dtype, copy, order):
    """Return the array x, or a copy of it, in a dtype and a memory order."""
    if copy is not True:
        return _asarray(x, dtype) if order == "K" else _asarray(x, dtype, order=order)
    return _astype(x, x.dtype if dtype is None else dtype, order)


def _flatten(nested, parts):
    """Append what is in nested lists to ``parts``; return the shape of the whole."""
    shapes = set()
    for part in nested:
        if type(part) not in _COMMON and type(part) not in _TRACED:
            part = _as_lists(part)
        if type(part) in (list, tuple):
            shapes.add(_flatten(part, parts))
        else:
            parts.append(part)
            shapes.add(getattr(part, "shape", ()))
    if len(shapes) > 1:
        raise ValueError(
            f"array needs lists of one length and arrays of one shape side by side, but found the shapes "
            f"{', '.join(map(str, sorted(shapes)))}"
        )
    return (len(nested), *shapes.pop()) if shapes else (0,)


# --- filled with one value


def _filled(shape, fill_value, dtype=None, order="C", **kwargs):
    return _np.full(shape, fill_value, dtype, order, **kwargs)


# What traces know it as: its results are values, into which nothing is written
filled = primitive(_filled, "numpy.full")
_full = _enter(_np.full)


def full(shape, fill_value, dtype=None, order="C", *, device=None, like=None):
    """Return an array of a shape, filled with a value. See :func:`numpy.full`."""
    given = {"dtype": dtype, "order": order, "device": device, "like": like}
    kwargs = {name: x for name, x in given.items() if x is not None and x != "C"}
    return _fillable(filled(shape, fill_value, **kwargs))


_adopt(_full, full)
_full.kind = "composite"


@_composite(_np.full_like, _filling(_np.full_like))
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """Return an array of the shape and dtype of a, filled with a value."""
    model = _np.empty_like(_model_of(_as_array(a)), dtype, order, shape=shape)
    return _laid_out_as(full(model.shape, fill_value, model.dtype), model)


# --- to be filled: while a function is traced, they take traced values


def _to_fill(f):
    """Wrap a function that makes an array, such that traced values can be written into it."""

    @_implements(f, "passed")  # it takes no traced values, and makes what can
    def make(*args, **kwargs):
        return _fillable(f(*args, **kwargs))

    return make


empty = _to_fill(_np.empty)
eye = _to_fill(_np.eye)
identity = _to_fill(_np.identity)
ones = _to_fill(_np.ones)
zeros = _to_fill(_np.zeros)


def _to_fill_like(f):
    """Wrap a function that makes an array like another, of which it asks the shape and dtype alone."""

    @_implements(f)
    def make(a, *args, **kwargs):
        if isinstance(a, _Traced) or (type(a) in (list, tuple) and _innermost(a) is not None):
            return _array_of(f(_model_of(_as_array(a)), *args, **kwargs))
        return _fillable(f(a, *args, **kwargs))

    return make


empty_like = _to_fill_like(_np.empty_like)
ones_like = _to_fill_like(_np.ones_like)
zeros_like = _to_fill_like(_np.zeros_like)

# --- between two values, and grids

steps = primitive(lambda start, stop, step, dtype=None: _np.arange(start, stop, step, dtype), "numpy.arange")


@_composite(_np.arange)
def arange(*args, device=None, **named):
    """Return start, start + step, ... up to stop, which is the first argument if it is alone."""
    if len(args) > 4 or not named.keys() <= {"start", "stop", "step", "dtype"}:
        raise TypeError("arange of traced values takes start, stop, step, dtype and device")
    given = {**dict(zip(("start", "stop", "step", "dtype"), args, strict=False)), **named}
    start, stop = given.get("start"), given.get("stop")
    if stop is None:
        start, stop = None, start
    step, dtype = given.get("step"), given.get("dtype")
    return steps(0 if start is None else start, stop, 1 if step is None else step, dtype)


geomspace = primitive(_np.geomspace)
linspace = primitive(_np.linspace)
logspace = primitive(_np.logspace)
vander = primitive(_np.vander)


@_composite(_np.meshgrid)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """Return the coordinates of a grid, an array per axis."""
    xi = [_asarray(x) for x in xi]
    plain = _np.meshgrid(*map(_model_of, xi), copy=copy, sparse=sparse, indexing=indexing)
    places = list(range(len(xi)))
    if indexing == "xy":
        places[:2] = places[:2][::-1]
    along = [
        _reshape(x, (1,) * place + (-1,) + (1,) * (len(xi) - place - 1))
        for x, place in zip(xi, places, strict=True)
    ]
    grids = along if sparse else _broadcast_arrays(*along)
    return type(plain)(
        (_copied(grid, "C") if copy else grid) if isinstance(x, _Traced) else y
        for x, y, grid in zip(xi, plain, grids, strict=True)
    )


asmatrix = primitive(_np.asmatrix)
bmat = primitive(_np.bmat)

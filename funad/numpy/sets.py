"""Arrays as sets: what survives is taken from where it stood first, and its gradient goes back there.

Of equal elements, the first one is taken; of two arrays, that of the first.
"""

import inspect as _inspect

import numpy as _np

from ..calling import as_array as _as_array
from ..primitives import composite as _composite
from ..values import constant as _constant
from .indexing import take as _take
from .manipulation import astype as _astype
from .manipulation import concatenate as _concatenate
from .manipulation import ravel as _ravel

__all__ = [
    "intersect1d",
    "setdiff1d",
    "setxor1d",
    "union1d",
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]

_SORTED = "sorted" in _inspect.signature(_np.unique).parameters  # since NumPy 2.3


@_composite(_np.unique)
def unique(
    ar,
    return_index=False,
    return_inverse=False,
    return_counts=False,
    axis=None,
    *,
    equal_nan=True,
    sorted=True,
):
    """Return the elements, or the parts along an axis, that differ from each other."""
    ar = _as_array(ar)
    options = {"axis": axis, "equal_nan": equal_nan}
    found = _np.unique(
        _constant(ar),
        return_index,
        return_inverse,
        return_counts,
        **options,
        **({"sorted": sorted} if _SORTED else {}),
    )
    several = isinstance(found, tuple)
    values, *others = found if several else (found,)
    index = others[0] if return_index else _first(_constant(ar), values, options)
    values = _take(ar, index, axis)
    return (values, *others) if several else values


def _first(ar, values, options):
    """Return where the unique values, which need not be sorted, stand first."""
    index = _np.unique(ar, return_index=True, **options)[1]
    if options["axis"] is not None:
        return index
    back = _np.empty(len(index), int)
    back[_np.argsort(values, kind="stable")] = _np.arange(len(index))
    return index[back]


def _of_all(f):
    """Return one of the functions of the array API that return several things, on traced values."""

    @_composite(f)
    def of_all(x):
        x = _as_array(x)
        found = f(_constant(x))
        values = _take(x, _first(_constant(x), found.values, {"axis": None, "equal_nan": False}))
        return found._replace(values=values)

    return of_all


unique_all = _of_all(_np.unique_all)
unique_counts = _of_all(_np.unique_counts)
unique_inverse = _of_all(_np.unique_inverse)


@_composite(_np.unique_values)
def unique_values(x):
    """Return the elements that differ from each other, in the order in which NumPy has them."""
    x = _as_array(x)
    return _take(x, _first(_constant(x), _np.unique_values(_constant(x)), {"axis": None, "equal_nan": False}))


# --- of two arrays


@_composite(_np.union1d)
def union1d(ar1, ar2):
    """Return the elements that are in either."""
    return unique(_concatenate((ar1, ar2), None))


@_composite(_np.intersect1d)
def intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    """Return the elements that are in both, those of the first."""
    ar1, ar2 = _as_array(ar1), _as_array(ar2)
    values, *indices = _np.intersect1d(_constant(ar1), _constant(ar2), assume_unique, True)
    y = _of_dtype(_take(ar1, indices[0]), values)
    return (y, *indices) if return_indices else y


@_composite(_np.setdiff1d)
def setdiff1d(ar1, ar2, assume_unique=False):
    """Return the elements of the first that are not in the second."""
    ar1 = _as_array(ar1)
    values, index = _places(ar1, assume_unique)
    return _take(ar1, index[_np.isin(values, _constant(_as_array(ar2)), invert=True)])


@_composite(_np.setxor1d)
def setxor1d(ar1, ar2, assume_unique=False):
    """Return the elements that are in one of them only."""
    ar1, ar2 = _as_array(ar1), _as_array(ar2)
    (first, index), (second, more) = (_places(x, assume_unique) for x in (ar1, ar2))
    values, index = (
        _np.concatenate((first, second)),
        _np.concatenate((index, more + _np.size(_constant(ar1)))),
    )
    order = _np.argsort(values, kind="stable")
    differs = values[order][1:] != values[order][:-1]
    alone = _np.concatenate(([True], differs)) & _np.concatenate((differs, [True])) if len(order) else order
    return _take(_concatenate((_ravel(ar1), _ravel(ar2))), index[order[alone]])


def _places(ar, assume_unique):
    """Return the elements of a set, and where they stand first in the array."""
    ar = _np.asarray(_constant(ar))
    return (ar.ravel(), _np.arange(ar.size)) if assume_unique else _np.unique(ar, return_index=True)


def _of_dtype(y, wanted):
    return y if y.dtype == wanted.dtype else _astype(y, wanted.dtype)

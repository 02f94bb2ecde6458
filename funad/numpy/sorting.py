"""Sorting and searching."""

import numpy as _np

from ..primitives import composite as _composite
from ..primitives import primitive
from ..values import constant as _constant
from .manipulation import asarray as _asarray
from .manipulation import astype as _astype

__all__ = [
    "sort",
    "partition",
    "sort_complex",
    "argsort",
    "argpartition",
    "lexsort",
    "searchsorted",
    "nonzero",
    "flatnonzero",
    "argwhere",
    "isin",
]

sort = primitive(_np.sort)
partition = primitive(_np.partition)


@_composite(_np.sort_complex)
def sort_complex(a):
    """Return the elements in order, as complex numbers."""
    return _astype(sort(_asarray(a)), _np.sort_complex(_constant(_asarray(a))).dtype)


argsort = primitive(_np.argsort)
argpartition = primitive(_np.argpartition)
lexsort = primitive(_np.lexsort, containers=(0,))
searchsorted = primitive(_np.searchsorted)
nonzero = primitive(_np.nonzero)
flatnonzero = primitive(_np.flatnonzero)
argwhere = primitive(_np.argwhere)

isin = primitive(_np.isin)

if hasattr(_np, "in1d"):  # until NumPy 2.4
    in1d = primitive(_np.in1d)
    __all__ += ["in1d"]

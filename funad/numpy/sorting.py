"""Sorting, searching and sets."""

import numpy as _np

from ..primitives import primitive

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
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "intersect1d",
    "setdiff1d",
    "setxor1d",
    "union1d",
]

sort = primitive(_np.sort)
partition = primitive(_np.partition)
sort_complex = primitive(_np.sort_complex)

argsort = primitive(_np.argsort)
argpartition = primitive(_np.argpartition)
lexsort = primitive(_np.lexsort, containers=(0,))
searchsorted = primitive(_np.searchsorted)
nonzero = primitive(_np.nonzero)
flatnonzero = primitive(_np.flatnonzero)
argwhere = primitive(_np.argwhere)

isin = primitive(_np.isin)
unique = primitive(_np.unique)
unique_all = primitive(_np.unique_all)
unique_counts = primitive(_np.unique_counts)
unique_inverse = primitive(_np.unique_inverse)
unique_values = primitive(_np.unique_values)
intersect1d = primitive(_np.intersect1d)
setdiff1d = primitive(_np.setdiff1d)
setxor1d = primitive(_np.setxor1d)
union1d = primitive(_np.union1d)

if hasattr(_np, "in1d"):  # until NumPy 2.4
    in1d = primitive(_np.in1d)
    __all__ += ["in1d"]

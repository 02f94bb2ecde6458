"""Functions of several fields at once: polynomials, functions that call one; and questions of dtype.

The first ones have no rule yet: a traced value that reaches them is refused by name.
"""

import numpy as _np

from ..primitives import primitive

__all__ = [
    "poly",
    "roots",
    "polyadd",
    "polysub",
    "polymul",
    "polydiv",
    "polyder",
    "polyint",
    "polyval",
    "polyfit",
    "apply_along_axis",
    "apply_over_axes",
    "result_type",
    "common_type",
    "min_scalar_type",
    "can_cast",
    "may_share_memory",
    "shares_memory",
    "isfortran",
    "array2string",
    "array_repr",
    "array_str",
]

# Polynomials
poly = primitive(_np.poly)
roots = primitive(_np.roots)
polyadd = primitive(_np.polyadd)
polysub = primitive(_np.polysub)
polymul = primitive(_np.polymul)
polydiv = primitive(_np.polydiv)
polyder = primitive(_np.polyder)
polyint = primitive(_np.polyint)
polyval = primitive(_np.polyval)
polyfit = primitive(_np.polyfit)

# Functions that call a function
apply_along_axis = primitive(_np.apply_along_axis)
apply_over_axes = primitive(_np.apply_over_axes)

# Questions of dtype and memory, and text: they are answered for the plain value
result_type = primitive(_np.result_type)
common_type = primitive(_np.common_type)
min_scalar_type = primitive(_np.min_scalar_type)
can_cast = primitive(_np.can_cast)
may_share_memory = primitive(_np.may_share_memory)
shares_memory = primitive(_np.shares_memory)
isfortran = primitive(_np.isfortran)
array2string = primitive(_np.array2string)
array_repr = primitive(_np.array_repr)
array_str = primitive(_np.array_str)

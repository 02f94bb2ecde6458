"""Questions of dtype and memory, and text: they are answered for the plain value."""

import numpy as _np

from ..primitives import primitive

__all__ = [
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

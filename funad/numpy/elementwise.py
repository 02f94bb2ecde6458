"""Functions that work element by element, with broadcasting: the ufuncs and their like."""

import numpy as _np

from ..primitives import primitive

__all__ = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "negative",
    "power",
    "sin",
    "cos",
    "exp",
    "log",
    "tanh",
    "maximum",
    "where",
]

add = primitive(_np.add)
subtract = primitive(_np.subtract)
multiply = primitive(_np.multiply)
divide = primitive(_np.divide)
negative = primitive(_np.negative)
power = primitive(_np.power)
sin = primitive(_np.sin)
cos = primitive(_np.cos)
exp = primitive(_np.exp)
log = primitive(_np.log)
tanh = primitive(_np.tanh)
maximum = primitive(_np.maximum)
where = primitive(_np.where)

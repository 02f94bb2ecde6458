"""The VJP rules of funad.numpy.elementwise."""

from .. import numpy as np
from ..registry import defvjp, defzero, elementwise, linear

elementwise(np.add, lambda y, ybar, a, b: ybar, lambda y, ybar, a, b: ybar)
elementwise(np.subtract, lambda y, ybar, a, b: ybar, lambda y, ybar, a, b: -ybar)
elementwise(np.multiply, lambda y, ybar, a, b: ybar * b, lambda y, ybar, a, b: ybar * a)
elementwise(np.divide, lambda y, ybar, a, b: ybar / b, lambda y, ybar, a, b: -ybar * y / b)
elementwise(np.power, lambda y, ybar, a, b: ybar * b * a**(b-1), lambda y, ybar, a, b: ybar * y * np.log(a))
elementwise(np.negative, lambda y, ybar, x: -ybar)
elementwise(np.sin, lambda y, ybar, x: ybar * np.cos(x))
elementwise(np.cos, lambda y, ybar, x: -ybar * np.sin(x))
elementwise(np.exp, lambda y, ybar, x: ybar * y)
elementwise(np.log, lambda y, ybar, x: ybar / x)
elementwise(np.tanh, lambda y, ybar, x: ybar * (1 - y * y))
elementwise(
    np.where,
    lambda y, ybar, condition, x, y_: np.where(condition, ybar, 0),
    lambda y, ybar, condition, x, y_: np.where(condition, 0, ybar),
    argnums=(1, 2),
    masks=True,
)

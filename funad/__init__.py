"""funad: the gradient of NumPy code."""

from . import numpy, rules, tree
from .numpy import methods as _methods
from .primitives import primitive
from .registry import defvjp, defzero, elementwise, linear, rules  # noqa: F811
from .transforms import elementwise_grad, grad, j, stop_gradient, value_and_grad, vjp

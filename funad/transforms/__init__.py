"""The user's door: functions that take a function and return its derivative."""

from .custom import checkpoint, custom_vjp, numerical, tap, value
from .debugging import debug_nans
from .forward import jvp, linearize
from .matrices import (
    ggnvp,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    value_and_jacobian,
    value_grad_and_hvp,
    vhp,
)
from .reverse import elementwise_grad, grad, stop_gradient, value_and_grad, vjp
from .rule import j

__all__ = [
    "checkpoint",
    "custom_vjp",
    "debug_nans",
    "elementwise_grad",
    "ggnvp",
    "grad",
    "hessian",
    "hvp",
    "j",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "numerical",
    "stop_gradient",
    "tap",
    "value",
    "value_and_grad",
    "value_and_jacobian",
    "value_grad_and_hvp",
    "vhp",
    "vjp",
]

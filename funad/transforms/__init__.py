"""The user's door: functions that take a function and return its derivative."""

from .reverse import elementwise_grad, grad, stop_gradient, value_and_grad, vjp
from .rule import j

__all__ = ["elementwise_grad", "grad", "j", "stop_gradient", "value_and_grad", "vjp"]

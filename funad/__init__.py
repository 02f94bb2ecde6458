"""funad: derivatives of NumPy programs.

>>> import funad.numpy as np
>>> from funad import grad
>>> grad(lambda x: np.sum(np.sin(x) * x))(np.array([0.0, 1.0]))
array([0.        , 1.38177329])
"""

import importlib as _importlib
from typing import Any as _Any

from . import numpy, rules, tree
from .boxes import Dual
from .numpy import methods as _methods
from .primitives import primitive
from .registry import defvjp, defzero, elementwise, linear, rules  # type: ignore[no-redef] # noqa: F811
from .transforms import (
    checkpoint,
    custom_vjp,
    debug_nans,
    elementwise_grad,
    ggnvp,
    grad,
    hessian,
    hvp,
    j,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    numerical,
    stop_gradient,
    tap,
    value,
    value_and_grad,
    value_and_jacobian,
    value_grad_and_hvp,
    vhp,
    vjp,
)
from .transforms.jvp_rules import defjvp

__version__ = "0.1.0"

__all__ = [
    "Dual",
    "checkpoint",
    "curried",
    "custom_vjp",
    "debug_nans",
    "defjvp",
    "defvjp",
    "defzero",
    "elementwise",
    "elementwise_grad",
    "errors",
    "ggnvp",
    "grad",
    "graph",
    "hessian",
    "hvp",
    "j",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linear",
    "linearize",
    "numerical",
    "numpy",
    "optimizers",
    "primitive",
    "rules",
    "stop_gradient",
    "tap",
    "testing",
    "tree",
    "value",
    "value_and_grad",
    "value_and_jacobian",
    "value_grad_and_hvp",
    "vhp",
    "vjp",
]


def __getattr__(name: str) -> _Any:
    # Loaded when first asked for: toolz and hypothesis would double the time of "import funad".
    if name == "graph":
        return _importlib.import_module(".graphs", __name__).graph
    if name in ("curried", "errors", "optimizers", "testing"):
        return _importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

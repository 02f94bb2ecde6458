"""The user's door: functions that take a function and return its derivative."""

import importlib as _importlib
import sys as _sys
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING
from typing import Any as _Any

from .reverse import elementwise_grad, grad, stop_gradient, value_and_grad, vjp

if TYPE_CHECKING:
    from .checkpoints import checkpoint
    from .compiled import compile
    from .custom import custom_vjp, numerical, tap, value
    from .debugging import debug_nans
    from .forward import jvp, linearize
    from .implicit import custom_root, implicit
    from .j import j
    from .jvp_rules import defjvp as defjvp
    from .matrices import (
        ggnvp,
        hessian,
        hessp,
        hvp,
        jacfwd,
        jacobian,
        jacrev,
        value_and_jacobian,
        value_grad_and_hvp,
        vhp,
    )
    from .vmap import vmap

__all__ = [
    "checkpoint",
    "compile",
    "custom_root",
    "custom_vjp",
    "debug_nans",
    "elementwise_grad",
    "ggnvp",
    "grad",
    "hessian",
    "hessp",
    "hvp",
    "implicit",
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
    "vmap",
]

# Loaded when first asked for: together they take as long as a tenth of NumPy.
_LATE = {
    "checkpoints": ("checkpoint",),
    "compiled": ("compile",),
    "custom": ("custom_vjp", "numerical", "tap", "value"),
    "debugging": ("debug_nans",),
    "forward": ("jvp", "linearize"),
    "jvp_rules": ("defjvp",),
    "matrices": (
        "ggnvp", "hessian", "hessp", "hvp", "jacfwd", "jacobian", "jacrev", "value_and_jacobian",
        "value_grad_and_hvp", "vhp",
    ),
    "j": ("j",),
    "vmap": ("vmap",),
    "implicit": ("custom_root", "implicit"),
}  # fmt: skip
_HOME = {name: module for module, names in _LATE.items() for name in names}


def __getattr__(name: str) -> _Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(_importlib.import_module(f".{_HOME[name]}", __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Transforms(_ModuleType):
    """This package, of which ``vmap`` is the transformation, not the module that it stands in."""

    def __setattr__(self, name: str, value: _Any) -> None:
        # Python makes a module that it has loaded an attribute of its package.
        if not (name in _HOME and isinstance(value, _ModuleType)):
            super().__setattr__(name, value)


_sys.modules[__name__].__class__ = _Transforms

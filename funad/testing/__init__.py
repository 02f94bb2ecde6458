"""Checks of derivative rules, and hypothesis strategies to draw their arguments from.

For everyone who writes a rule: ``check_vjp(f, call(x), 0)`` holds it against differences of the
primitive itself. A test suite states a :class:`Case` per primitive and draws from it; that needs
hypothesis, and the checks do not.
"""

import importlib as _importlib
from typing import TYPE_CHECKING
from typing import Any as _Any

from .checks import Call, call, check_grads, check_jvp, check_vjp

if TYPE_CHECKING:
    from .strategies import Case, arrays, broadcasting, calls, case, dtypes, layouts, one, shapes

__all__ = [
    "Call",
    "Case",
    "arrays",
    "broadcasting",
    "call",
    "calls",
    "case",
    "check_grads",
    "check_jvp",
    "check_vjp",
    "dtypes",
    "layouts",
    "one",
    "shapes",
]


def __getattr__(name: str) -> _Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(_importlib.import_module(".strategies", __name__), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "hypothesis":
            raise
        raise ModuleNotFoundError(
            f"funad.testing.{name} draws with hypothesis, which is not installed; write pip install "
            f"'hypothesis[numpy]'",
            name="hypothesis",
        ) from None

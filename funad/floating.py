"""NumPy's floating-point warnings, at the line of the user's that they belong to; and none from rules.

NumPy warns at the Python frame that has called it, which for a traced value is one of funad's: all
warnings would come from one line, and of those Python shows the first alone. While a function is traced,
NumPy hands its words to ``_AtTheUsersLine`` instead, which warns where NumPy would without funad. That is
set once per trace, and costs nothing per operation. A call on plain values runs in a context of its own.
"""

from __future__ import annotations

import contextvars
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as onp

__all__ = [
    "PLAIN_STATE", "STATE_OF_RULES", "WHILE_RULES_RUN", "invalid_raises", "point_at_user", "pointing",
    "restore", "run_rules",
]  # fmt: skip

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class _AtTheUsersLine:
    """What NumPy writes its floating-point warnings to in its mode "log"."""

    def write(self, message: str) -> None:
        """Warn at the innermost frame that is not funad's."""
        frame: Any = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
            frame = frame.f_back
        names = frame.f_globals
        warnings.warn_explicit(
            message.removeprefix("Warning: ").rstrip("\n"), RuntimeWarning, frame.f_code.co_filename,
            frame.f_lineno, names.get("__name__", "<unknown>"), names.setdefault("__warningregistry__", {}),
        )  # fmt: skip


_WRITER = _AtTheUsersLine()

# What numpy.errstate sets, without what it takes to make and to enter one: 7 times the price. In a NumPy
# that has it elsewhere, warnings stay where that gives them.
_umath: Any = sys.modules.get("numpy._core.umath")
_STATE: Any = getattr(_umath, "_extobj_contextvar", None)
_state_of: Any = getattr(_umath, "_make_extobj", None)


def _logging(modes: Any) -> Any:
    """Return NumPy's state in which what would warn is written to the writer."""
    return _state_of(call=_WRITER, **{kind: "log" for kind, mode in modes.items() if mode == "warn"})


# What NumPy is told of errors: 0·∞ and 0/0 raise where they happen, and infinities are none.
WHILE_RULES_RUN: dict[str, Any] = {
    "invalid": "raise",
    "divide": "ignore",
    "over": "ignore",
    "under": "ignore",
}

if _STATE is not None:
    _OF_RULES = contextvars.Context().run(lambda: _state_of(**WHILE_RULES_RUN))
    _DEFAULT = contextvars.Context().run(_STATE.get)
    _OF_DEFAULT = contextvars.Context().run(lambda: _logging(onp.geterr()))
    _POINTING = contextvars.Context()
    _POINTING.run(_STATE.set, _OF_DEFAULT)


def point_at_user() -> Any:
    """Let NumPy's floating-point warnings point at the user's line; return what ends it."""
    if _STATE is None:
        return None
    if _STATE.get() is _DEFAULT:
        return _STATE.set(_OF_DEFAULT)
    if onp.geterrcall() is not None:  # the user's own, or in an inner trace the writer
        return None
    return _STATE.set(_logging(onp.geterr()))


def run_rules() -> Any:
    """Let NumPy raise at 0·∞ and be silent of infinities, as rules are run; return what ends it."""
    if _STATE is None:
        state = onp.errstate(**WHILE_RULES_RUN)
        state.__enter__()
        return state
    return _STATE.set(_OF_RULES)


invalid_raises = run_rules  # while a program runs, or is recorded, the same holds
# For those who set and reset the state without a call: (the variable or None, what to set it to).
STATE_OF_RULES: tuple[Any, Any] = (_STATE, None if _STATE is None else _OF_RULES)


def restore(token: Any) -> None:
    """End what ``point_at_user`` or ``run_rules`` has begun."""
    if token is not None:
        if _STATE is None:
            token.__exit__()
        else:
            _STATE.reset(token)


# For those who call a compiled function of NumPy's on plain values without ``pointing``: what tells the
# state of errors, the state that nobody has changed, and what calls the function where that is the state.
# Set and reset, the state costs 190 ns a call; entering a context that has it, 20.
PLAIN_STATE: tuple[Any, Any, Any] = (
    (int, None, None) if _STATE is None else (_STATE.get, _DEFAULT, _POINTING.run)
)


def pointing(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a compiled function of NumPy's for plain values, with its warnings at the user's line."""
    state, default, run = PLAIN_STATE

    def called(*args: Any, **kwargs: Any) -> Any:
        if state() is default:
            try:
                return run(f, *args, **kwargs) if kwargs else run(f, *args)
            except RuntimeError:  # another thread is in that context, or an element of an array calls f
                pass
        return f(*args, **kwargs)

    return called

"""NumPy's warnings, at the line of the user's that they belong to; and none from rules.

NumPy warns of infinities at the Python frame that has called it, which for a traced value is one of funad's:
all warnings would come from one line, and of those Python shows the first alone. While a function is traced,
NumPy hands its words to ``_AtTheUsersLine`` instead, which warns where NumPy would without funad. That is
set once per trace, and costs nothing per operation. A call on plain values runs in a context of its own, or,
if the program has changed what NumPy does of errors, from a frame that has the user's line (``at_user``):
so do the functions that warn of more, as nanmean does of slices without numbers.
"""

from __future__ import annotations

import contextvars
import functools
import sys
import warnings
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

import numpy as onp

from .cpython import frame_of_user

__all__ = [
    "PLAIN_STATE", "STATE_OF_RULES", "WHILE_RULES_RUN", "at_user", "invalid_raises",
    "point_at_user", "pointing", "restore", "run_rules", "say_nothing", "silence", "warning",
]  # fmt: skip


class _AtTheUsersLine:
    """What NumPy writes its floating-point warnings to in its mode "log"."""

    def write(self, message: str) -> None:
        """Warn at the innermost frame that is not funad's."""
        frame = frame_of_user(1)
        names = frame.f_globals
        warnings.warn_explicit(
            message.removeprefix("Warning: ").rstrip("\n"), RuntimeWarning, frame.f_code.co_filename,
            frame.f_lineno, names.get("__name__", "<unknown>"), names.setdefault("__warningregistry__", {}),
        )  # fmt: skip


class _BesideTheUsers(_AtTheUsersLine):
    """The same, where the program has a function or a log of its own for some kinds of error."""

    def __init__(self, users: Any, modes: dict[str, str]) -> None:
        self.users = users
        self.own = tuple(_WORDS[kind] for kind, mode in modes.items() if mode == "log")

    def __call__(self, kind: str, flag: int) -> None:
        self.users(kind, flag)

    def write(self, message: str) -> None:
        """Hand the user's words on, and warn of the others."""
        if message.startswith(self.own):
            self.users.write(message)
        else:
            super().write(message)


_WORDS = {
    "divide": "Warning: divide by zero", "over": "Warning: overflow", "under": "Warning: underflow",
    "invalid": "Warning: invalid value",
}  # fmt: skip
_WRITER = _AtTheUsersLine()

# What numpy.errstate sets, without what it takes to make and to enter one: 7 times the price. In a NumPy
# that has it elsewhere, warnings stay where that gives them.
_umath: Any = sys.modules.get("numpy._core.umath")
_STATE: Any = getattr(_umath, "_extobj_contextvar", None)
_state_of: Any = getattr(_umath, "_make_extobj", None)


def _logging(modes: Any, users: Any = None) -> Any:
    """Return NumPy's state in which what would warn is written to the writer."""
    writer = _WRITER if users is None else _BesideTheUsers(users, modes)
    return _state_of(call=writer, **{kind: "log" for kind, mode in modes.items() if mode == "warn"})


# What NumPy is told of errors: 0·∞ and 0/0 raise where they happen, and infinities are none.
WHILE_RULES_RUN: dict[str, Any] = {
    "invalid": "raise",
    "divide": "ignore",
    "over": "ignore",
    "under": "ignore",
}

if _STATE is not None:
    _SILENT = contextvars.Context().run(lambda: _state_of(all="ignore"))
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
    users = onp.geterrcall()
    if isinstance(users, _AtTheUsersLine):  # of an outer trace
        return None
    return _STATE.set(_logging(onp.geterr(), users))


def run_rules() -> Any:
    """Let NumPy raise at 0·∞ and be silent of infinities, as rules are run; return what ends it."""
    if _STATE is None:
        state = onp.errstate(**WHILE_RULES_RUN)
        state.__enter__()
        return state
    return _STATE.set(_OF_RULES)


def say_nothing() -> Any:
    """Let NumPy be silent, as rules of tangents are run; return what ends it."""
    if _STATE is None:
        state = onp.errstate(all="ignore")
        state.__enter__()
        return state
    return _STATE.set(_SILENT)


class silence:
    """``with silence():`` does what ``numpy.errstate(all="ignore")`` does, in a third of the time."""

    __slots__ = ("token",)

    def __enter__(self) -> None:
        self.token = say_nothing()

    def __exit__(self, *_: object) -> None:
        restore(self.token)


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
# state of errors, the state that nobody has changed, what calls the function where that is the state, and
# the states in which it is called as it is: they are set here, and warn at the user's line or not at all.
# Set and reset, the state costs 190 ns a call; entering a context that has it, 20.
PLAIN_STATE: tuple[Any, Any, Any, frozenset[Any]] = (
    (int, None, None, frozenset())
    if _STATE is None
    else (_STATE.get, _DEFAULT, _POINTING.run, frozenset({_OF_DEFAULT, _OF_RULES, _SILENT}))
)


def pointing(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a compiled function of NumPy's for plain values, with its warnings at the user's line."""
    state, default, run, ours = PLAIN_STATE

    def called(*args: Any, **kwargs: Any) -> Any:
        now = state()
        if now is default:
            try:
                return run(f, *args, **kwargs) if kwargs else run(f, *args)
            except RuntimeError:  # another thread is in that context, or an element of an array calls f
                pass
        return f(*args, **kwargs) if now in ours else at_user(f, *args, **kwargs)

    return called


def at_user(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of NumPy's from a frame that has the user's file and line, for its warnings."""
    frame = frame_of_user(1)
    step = _step_at(frame.f_code.co_filename, frame.f_lineno)
    return FunctionType(step, frame.f_globals)(f, args, kwargs)


@functools.lru_cache(maxsize=1024)
def _step_at(file: str, line: int) -> CodeType:
    """Return the code of a call that stands in this line."""
    code = (lambda f, args, kwargs: f(*args, **kwargs)).__code__
    return code.replace(co_filename=file, co_firstlineno=line, co_name="numpy")


def warning(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of NumPy's that warns at its caller so that it does at the user's line."""
    code = getattr(getattr(f, "__wrapped__", None), "__code__", None)
    warns = code is not None and ("warn" in code.co_names or code.co_name in _WARNING_FURTHER_DOWN)
    return functools.partial(at_user, f) if warns else f


_WARNING_FURTHER_DOWN = {"nanmedian", "nanpercentile", "nanquantile"}

"""What NumPy does of floating-point errors: the states that funad sets, and warnings at the user's line.

NumPy warns of infinities at the Python frame that has called it, which for a traced value is one of funad's:
all warnings would come from one line, and of those Python shows the first alone. So while a function is
traced, NumPy hands its words to ``_AtTheUsersLine``, which warns where NumPy would without funad. A call on
plain values runs in a context that has the same state, or, if the program has changed what NumPy does of
errors, from a frame that has the user's line (``at_user``): so do the functions that warn of more, as nanmean
does of slices without numbers.
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

from .cpython import AT_USER, frame_of_user


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


# --- states


class _Errstate:
    """The variable of NumPy's state, by way of ``numpy.errstate``."""

    get = object  # a state that is none of those known

    def set(self, modes: tuple[tuple[str, Any], ...]) -> Any:
        state = onp.errstate(**dict(modes))
        state.__enter__()
        return state

    def reset(self, state: Any) -> None:
        state.__exit__()


# NumPy's own variable, and what makes its states: numpy.errstate takes 7 times as long. A NumPy that has
# them elsewhere is asked by numpy.errstate.
_umath: Any = sys.modules.get("numpy._core.umath")
ERRORS: Any = getattr(_umath, "_extobj_contextvar", None) or _Errstate()
_state: Any = getattr(_umath, "_make_extobj", None) or (lambda **modes: tuple(modes.items()))


def _pointing(modes: Any, users: Any = None) -> Any:
    """Return the state in which NumPy hands what it would warn of to the writer."""
    writer = _WRITER if users is None else _BesideTheUsers(users, modes)
    return _state(call=writer, **{kind: "log" for kind, mode in modes.items() if mode == "warn"})


_as_at_first = contextvars.Context().run  # whatever the program has changed
_DEFAULT = _as_at_first(ERRORS.get)
SILENT = _as_at_first(lambda: _state(all="ignore"))
_POINTING = _as_at_first(lambda: _pointing(onp.geterr()))
# As rules and compiled programs run: 0·∞ and 0/0 raise where they happen, and infinities are none.
OF_RULES = _as_at_first(lambda: _state(invalid="raise", divide="ignore", over="ignore", under="ignore"))


def restore(token: Any) -> None:
    """End the state that ``ERRORS.set`` has begun, if there is one."""
    if token is not None:
        ERRORS.reset(token)


class silence:
    """``with silence():`` does what ``numpy.errstate(all="ignore")`` does, in a third of the time."""

    __slots__ = ("token",)

    def __enter__(self) -> None:
        self.token = ERRORS.set(SILENT)

    def __exit__(self, *_: object) -> None:
        ERRORS.reset(self.token)


def point_at_user() -> Any:
    """Let NumPy's floating-point warnings point at the user's line; return what ``restore`` takes."""
    if ERRORS.get() is _DEFAULT:
        return ERRORS.set(_POINTING)
    users = onp.geterrcall()
    if isinstance(users, _AtTheUsersLine):  # of an outer trace
        return None
    return ERRORS.set(_pointing(onp.geterr(), users))


# --- calls on plain values

_CONTEXT = contextvars.Context()
_CONTEXT.run(ERRORS.set, _POINTING)
# For those who call a compiled function of NumPy's on plain values without ``plainly``: what tells the
# state, the state that nobody has changed, what calls the function where that is the state, and the states
# in which it is called as it is, since funad has set them. To set and reset the state costs 190 ns a call; to
# enter a context that has it, 20.
PLAIN_STATE: tuple[Any, Any, Any, frozenset[Any]] = (
    ERRORS.get, _DEFAULT, _CONTEXT.run, frozenset({_POINTING, OF_RULES, SILENT}),
)  # fmt: skip


def plainly(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of NumPy's as it is called on plain values: with its warnings at the user's line."""
    if not is_compiled(f):
        return warning(f)
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


def is_compiled(f: Callable[..., Any]) -> bool:
    """Say whether floating-point warnings of this function of NumPy's have no frame in NumPy to point at."""
    if type(f) is onp.ufunc or f is onp.dot or f is onp.vdot or f is onp.inner:
        return True
    return getattr(f, "__objclass__", None) is onp.ufunc  # the owner of a method


def at_user(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of NumPy's from a frame that has the user's file and line, for its warnings."""
    frame = frame_of_user(1)
    step = _step_at(frame.f_code.co_filename, frame.f_lineno)
    return FunctionType(step, frame.f_globals)(f, args, kwargs)


@functools.lru_cache(maxsize=1024)
def _step_at(file: str, line: int) -> CodeType:
    """Return the code of a call that stands in this line."""
    code = (lambda f, args, kwargs: f(*args, **kwargs)).__code__
    return code.replace(co_filename=file, co_firstlineno=line, co_name="numpy", co_qualname=AT_USER)


def warning(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of NumPy's that warns at its caller so that it does at the user's line."""
    code = getattr(getattr(f, "__wrapped__", None), "__code__", None)
    warns = code is not None and ("warn" in code.co_names or code.co_name in _WARNING_FURTHER_DOWN)
    return functools.partial(at_user, f) if warns else f


_WARNING_FURTHER_DOWN = {"nanmedian", "nanpercentile", "nanquantile"}

"""compile: a function, or a derivative, as a program of NumPy calls that is recorded once and then run."""

from __future__ import annotations

import functools
import sys
import threading
import traceback
import types
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import batching as batching  # fills the tables of functions of shapes and of indices
from .. import tree
from ..boxes import Traced
from ..compiling.arguments import Unfit, kind_of_leaf
from ..errors import ArgumentError
from ..floating import invalid_raises, restore
from ..spaces import describe, name_of
from .calls import check_function
from .recordings import MISSED, CompiledProgram, Recording

__all__ = ["compile"]

ndarray = onp.ndarray
BACKENDS = ("numpy",)
RAISES = False  # whether an exception of the compiler itself is raised, as the tests want it


def compile(
    f: Any = None, static: Any = (), limit: int = 8, check: bool = True, backend: str = "numpy"
) -> Any:
    """Turn ``f`` into a function that records its NumPy calls once and then runs them as one program."""
    if f is None:
        return functools.partial(compile, static=static, limit=limit, check=check, backend=backend)
    check_function("compile", f)
    if backend not in BACKENDS:
        raise ArgumentError(f"backend is one of {', '.join(map(repr, BACKENDS))}, not {backend!r:.40}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ArgumentError(
            f"limit is how many programs there may be, an int of 1 or more, not {limit!r:.40}"
        )
    names = (static,) if isinstance(static, (int, str)) else tuple(static)
    if not all(isinstance(name, (int, str)) and not isinstance(name, bool) for name in names):
        raise ArgumentError(f"static is a name or a position, or a tuple of them, not {static!r:.60}")
    return Compiled(f, names, limit, check, backend)


class _Kind:
    """What is known of one kind of arguments: its programs, and why it runs in eager, if it does."""

    def __init__(self, said: str) -> None:
        self.said = said
        self.programs: list[CompiledProgram] = []
        self.failures = 0
        self.calls = 0  # in eager
        self.handed_over = 0
        self.why = ""
        self.eager = False

    def __str__(self) -> str:
        lines = [f"{self.said}:"]
        lines += [f"  {p!r} served {p.calls} calls" for p in self.programs]
        lines += [f"    {said}" for p in self.programs for said in p.guards]
        if self.handed_over:
            lines.append(f"  {self.handed_over} calls met an invalid operation and ran in eager")
        if self.calls:
            lines.append(f"  {self.calls} calls ran in eager")
        if self.why:
            lines.append(f"  {'eager' if self.eager else 'not compiled yet'}: {self.why}")
        return "\n".join(lines)


class Compiled:
    """A function that runs as recorded programs; see :func:`funad.compile`.

    Attributes
    ----------
    source : str
        The text of the program that ran last.
    programs : list
        All programs, each with its ``source``, its ``guards`` and how many ``calls`` it has served.
    """

    def __init__(self, f: Any, static: Any, limit: int, check: bool, backend: str) -> None:
        functools.update_wrapper(self, f)
        self._options = static, limit, check, backend
        self._static, self._limit, self._check, self._backend = static, limit, check, backend
        self._kinds: dict[Any, _Kind] = {}
        self._last: CompiledProgram | None = None
        self._run: Callable[..., Any] | None = None
        self._lock = threading.Lock()
        self._unfit = ""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        run = self._run
        if run is not None:
            token = invalid_raises()
            try:
                y = run(*args, **kwargs)
            except Exception:  # eager raises it, too, or mends it
                y = MISSED
            finally:
                restore(token)
            if y is not MISSED:
                self._last.calls += 1  # type: ignore[union-attr]
                return y
        return self._slowly(args, kwargs)

    def _slowly(self, args: Any, kwargs: Any) -> Any:
        """Find a program for the arguments, or make one, or run f in eager."""
        f = self.__wrapped__  # type: ignore[attr-defined]
        kind = self._kind(args, kwargs)
        if kind is None:
            return f(*args, **kwargs)
        if not kind.eager:
            for program in kind.programs:
                y = self._try(kind, program, args, kwargs)
                if y is not MISSED:
                    return y
            if len(kind.programs) >= self._limit:
                kind.why = f"there are {self._limit} programs, as many as limit allows"
            elif self._lock.acquire(blocking=False):
                try:
                    return self._record(kind, args, kwargs)
                finally:
                    self._lock.release()
        kind.calls += 1
        return f(*args, **kwargs)

    def _kind(self, args: Any, kwargs: Any) -> _Kind | None:
        """Return what is known of such arguments; None if no program can depend on them."""
        leaves, structure = tree.flatten((args, kwargs))
        if any(isinstance(x, Traced) for x in leaves):
            return None
        try:
            key = structure, tuple([kind_of_leaf(x) for x in leaves])
        except Unfit as unfit:
            self._unfit = str(unfit)
            return None
        kind = self._kinds.get(key)
        if kind is None:
            said = ", ".join(map(describe, (*args, *kwargs.values())))
            kind = self._kinds.setdefault(key, _Kind(f"{name_of(self.__wrapped__)}({said})"))
        return kind

    def _try(self, kind: _Kind, program: CompiledProgram, args: Any, kwargs: Any) -> Any:
        """Run a program that may be the right one; the first time, compare it with eager."""
        f = self.__wrapped__  # type: ignore[attr-defined]
        token = invalid_raises()
        try:
            y = program.run(*args, **kwargs)
        except Exception:
            y = None
            kind.handed_over += 1
        finally:
            restore(token)
        if y is MISSED:
            return y
        if y is None and not _returns_none(program):
            kind.calls += 1
            return f(*args, **kwargs)
        program.calls += 1
        if self._check and not program.checked:
            return self._compare(kind, program, y, f(*args, **kwargs))
        self._last, self._run = program, program.run
        return y

    def _compare(self, kind: _Kind, program: CompiledProgram, found: Any, y: Any) -> Any:
        """Compare a program's result with that of eager, which is returned."""
        difference = differences(found, y)
        if difference:
            kind.eager, kind.programs = True, []
            kind.why = (
                f"a second run of {name_of(self.__wrapped__)} gave another result than its program, "
                f"{difference}: it may depend on something that changes from call to call, such as random "
                f"numbers, a global array, the time or an iterator; give that as an argument"
            )
            if RAISES:
                raise AssertionError(kind.why)
        else:
            program.checked = True
            self._last, self._run = program, program.run
        return y

    def _record(self, kind: _Kind, args: Any, kwargs: Any) -> Any:
        """Record a program and return the result of this very run."""
        recording = Recording(self.__wrapped__, args, kwargs)  # type: ignore[attr-defined]
        if recording.why:
            kind.failures += 1
            kind.why = recording.why
            kind.eager = kind.failures > (self._limit if recording.trace.passing else 1)
            kind.calls += 1
            if recording.rerun:
                return self.__wrapped__(*args, **kwargs)  # type: ignore[attr-defined]
            return recording.result()
        try:
            program = recording.compiled()
        except Exception:
            if RAISES:
                raise
            kind.why, kind.eager = "the compiler failed:\n" + traceback.format_exc(), True
            return recording.result()
        kind.programs.insert(0, program)
        kind.why = ""
        self._last = program
        return recording.result()

    @property
    def source(self) -> str:
        """The text of the program that ran last."""
        return self._last.source if self._last is not None else ""

    @property
    def programs(self) -> list[CompiledProgram]:
        """All programs."""
        return [program for kind in self._kinds.values() for program in kind.programs]

    def explain(self) -> str:
        """Say what runs as a program and what in eager, and why."""
        lines = [str(kind) for kind in self._kinds.values()]
        if self._unfit:
            lines.append(f"eager: {self._unfit}")
        return "\n".join(lines) or f"{name_of(self.__wrapped__)} has not been called yet"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        # Where a decorator has put this under the name of f, that name is how pickle finds it.
        found: Any = sys.modules.get(self.__module__)
        for part in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, part, None)
        if found is self:
            return self.__qualname__
        return Compiled, (self.__wrapped__, *self._options)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"<compile of {self.__wrapped__!r}>"  # type: ignore[attr-defined]


def _returns_none(program: CompiledProgram) -> bool:
    return program.program.outputs == [None]


def differences(found: Any, y: Any) -> str:
    """Return where two results differ by more than rounding; "" if they do not."""
    xs, structure = tree.flatten(found)
    ys, wanted = tree.flatten(y)
    if structure != wanted:
        return f"which was {found!r:.60}, not {y!r:.60}"
    for path, a, b in zip(tree.paths(y, "the result"), xs, ys, strict=True):
        if not _agree(a, b):
            return f"at {path}: {a!r:.60} for {b!r:.60}"
    return ""


def _agree(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if not issubclass(type(b), (ndarray, onp.generic, float, complex)):
        return bool(a is b or a == b)
    a, b = onp.asarray(a), onp.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind not in "fc" or not a.size:
        return bool(onp.array_equal(a, b))
    with onp.errstate(all="ignore"):
        finite = onp.isfinite(b)
        size = onp.max(onp.abs(b), initial=0, where=finite)
        same = (
            (a == b)
            | (onp.isnan(a) & onp.isnan(b))
            | (onp.abs(a - b) <= onp.finfo(a.dtype).eps ** 0.5 * size)
        )
    return bool(same.all())

"""compile: a function, or a derivative, as a program of NumPy calls that is recorded once and then run."""

from __future__ import annotations

import builtins
import functools
import inspect
import math
import os
import sys
import threading
import traceback
import types
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import batching as batching  # fills the table of functions of shapes
from .. import tree
from ..boxes import Traced
from ..compiling.arguments import Prologue, Unfit, is_input, kind_of_leaf
from ..compiling.emitting import Emitter
from ..compiling.program import Node, Program, Step
from ..errors import ArgumentError
from ..floating import invalid_raises, restore
from ..registry import signature_of
from ..spaces import name_of
from ..traces.symbolic import NotCompilable, Symbol, SymbolicTrace
from ..tracing import run, user_line
from .calls import check_function, leaf_names, owned

__all__ = ["compile"]

ndarray = onp.ndarray
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class _Missed:
    """What a program returns for arguments that it was not made for."""

    def __repr__(self) -> str:
        return "MISSED"


MISSED = _Missed()
BACKENDS = ("numpy",)


def compile(
    f: Any = None, static: Any = (), limit: int = 8, check: bool = True, backend: str = "numpy"
) -> Any:
    """Turn ``f`` into a function that records its NumPy calls once and then runs them as one program."""
    if f is None:
        return functools.partial(compile, static=static, limit=limit, check=check, backend=backend)
    return Compiled(f, static, limit, check, backend)


class CompiledProgram:
    """One recorded program: its source, and how often it ran.

    Attributes
    ----------
    source : str
        The text of the function that runs.
    calls : int
        How many calls it has served.
    guards : list of str
        The questions that f asked of values, which have the same answer whenever this program runs.
    seconds : dict
        What it took to record, rewrite and write it.
    """

    def __init__(
        self, run: Callable[..., Any], source: str, program: Program, seconds: dict[str, float]
    ) -> None:
        self.run, self.source, self.program, self.seconds = run, source, program, seconds
        self.calls = 0
        self.checked = False

    @property
    def guards(self) -> list[str]:
        """What f asked of values, and where."""
        return [
            f"{g.how} of {g.node.name or 'a value'} is {g.expected!r}; {g.line}" for g in self.program.guards
        ]

    def __repr__(self) -> str:
        return f"<program of {len(self.program.nodes)} calls, {len(self.program.guards)} guards>"


class _Kind:
    """What is known of one kind of arguments: its programs, and why it runs in eager, if it does."""

    def __init__(self) -> None:
        self.programs: list[CompiledProgram] = []
        self.failures = 0
        self.why = ""
        self.eager = False


class Compiled:
    """A function that runs as recorded programs; see ``compile``."""

    def __init__(self, f: Any, static: Any, limit: int, check: bool, backend: str) -> None:
        check_function("compile", f)
        functools.update_wrapper(self, f)
        self._options = static, limit, check, backend
        self._static = (static,) if isinstance(static, (int, str)) else tuple(static)
        self._limit, self._check, self._backend = limit, check, backend
        self._kinds: dict[Any, _Kind] = {}
        self._last: CompiledProgram | None = None
        self._run: Callable[..., Any] | None = None
        self._lock = threading.Lock()
        self._handed_over = 0
        self._why = ""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        program = self._run
        if program is not None:
            token = invalid_raises()
            try:
                y = program(*args, **kwargs)
            except Exception:
                y = MISSED
            finally:
                restore(token)
            if y is not MISSED:
                return y
        return self._slowly(args, kwargs)

    def _slowly(self, args: Any, kwargs: Any) -> Any:
        """Find a program for the arguments, or make one, or run f in eager."""
        f = self.__wrapped__  # type: ignore[attr-defined]
        leaves, structure = tree.flatten((args, kwargs))
        if any(isinstance(x, Traced) for x in leaves):
            return f(*args, **kwargs)
        try:
            key = structure, tuple(map(kind_of_leaf, leaves))
        except Unfit as unfit:
            self._why = str(unfit)
            return f(*args, **kwargs)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds.setdefault(key, _Kind())
        if kind.eager:
            return f(*args, **kwargs)
        for program in kind.programs:
            y = self._try(program, args, kwargs)
            if y is not MISSED:
                return y
        if len(kind.programs) >= self._limit or not self._lock.acquire(blocking=False):
            return f(*args, **kwargs)
        try:
            return self._record(kind, args, kwargs)
        finally:
            self._lock.release()

    def _try(self, program: CompiledProgram, args: Any, kwargs: Any) -> Any:
        """Run a program that may be the right one."""
        token = invalid_raises()
        try:
            y = program.run(*args, **kwargs)
        except Exception:
            self._handed_over += 1
            restore(token)
            token = None
            return self.__wrapped__(*args, **kwargs)  # type: ignore[attr-defined]
        finally:
            restore(token)
        if y is MISSED:
            return y
        program.calls += 1
        self._last, self._run = program, program.run
        return y

    def _record(self, kind: _Kind, args: Any, kwargs: Any) -> Any:
        """Record a program and return the result of this very run."""
        f = self.__wrapped__  # type: ignore[attr-defined]
        recording = Recording(f, args, kwargs)
        if recording.trace.why:
            kind.failures += 1
            kind.why = self._why = recording.trace.why
            kind.eager = kind.failures > 1
            return f(*args, **kwargs) if recording.rerun else recording.result()
        try:
            program = recording.compiled()
        except Exception:
            if RAISES:
                raise
            kind.why = self._why = "the compiler failed:\n" + traceback.format_exc()
            kind.eager = True
            return recording.result()
        kind.programs.insert(0, program)
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
        return self._why

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        found: Any = sys.modules.get(self.__module__)
        for part in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, part, None)
        if found is self:
            return self.__qualname__
        return Compiled, (self.__wrapped__, *self._options)  # type: ignore[attr-defined]


RAISES = False  # whether an exception of the compiler itself is raised, as the tests want it


class Recording:
    """One run of f on symbols, and the program that came of it."""

    def __init__(self, f: Any, args: Any, kwargs: Any) -> None:
        self.f, self.args, self.kwargs = f, args, kwargs
        self.trace = SymbolicTrace(lambda: user_line(3))
        self.rerun = False
        self.leaves, structure = tree.flatten((args, kwargs))
        names = leaf_names(f, args, kwargs)
        self.nodes: dict[int, Node] = {}
        given = list(self.leaves)
        for n, (x, name) in enumerate(zip(self.leaves, names, strict=True)):
            if is_input(x):
                given[n] = self.trace.input(_unwritable(x), _identifier(name))
                self.nodes[n] = given[n].node
        self.symbols = [x for x in given if isinstance(x, Symbol)]

        def of_symbols(_: Any) -> Any:
            args, kwargs = tree.unflatten(structure, given)
            return f(*args, **kwargs)

        try:
            y = run(of_symbols, self.symbols)
            self.outputs, self.structure = tree.flatten(y)
        except Exception as error:
            self.trace.fail(str(error) if type(error) is NotCompilable else f"recording it raised {error!r}")
            self.rerun = True
        finally:
            self.trace.ended = True
        if any(type(x) is not Symbol for x in self.symbols):
            self.trace.fail(f"{name_of(f)} wrote into an argument")
            self.rerun = True

    def result(self) -> Any:
        """Return what f has returned in this run."""
        values = [x.concrete if type(x) is Symbol else x for x in self.outputs]
        return tree.unflatten(self.structure, owned(values))

    def compiled(self) -> CompiledProgram:
        """Return the program, rewritten, with its source."""
        outputs = [x.node if type(x) is Symbol else x for x in self.outputs]
        program = self.trace.builder.program(outputs)
        emitter = Emitter(program)
        parameters = self._parameters(emitter)
        for n in program.inputs:
            emitter.names[n] = emitter.fresh(n.name or "x")
        prologue = Prologue(emitter, self.nodes)
        for name, x in zip(parameters, (*self.args, *self.kwargs.values()), strict=True):
            prologue.argument(x, name)
        emitter.run()
        result = self._result(emitter, outputs)
        body = [*prologue.lines(), *emitter.lines, f"return {result}"]
        source = f"def program({', '.join(parameters)}):\n" + "".join(f"    {line}\n" for line in body)
        namespace = {**emitter.constants, "MISSED": MISSED}
        exec(builtins.compile(source, f"<program of {name_of(self.f)}>", "exec"), namespace)
        return CompiledProgram(namespace["program"], source, program, {})

    def _parameters(self, emitter: Emitter) -> list[str]:
        """Return the names of the arguments, as f has them."""
        return _parameter_names(self.f, self.args, self.kwargs)

    def _result(self, emitter: Emitter, outputs: list[Any]) -> str:
        seen: set[str] = set()
        texts = [self._output(emitter, x, seen) for x in outputs]
        return _container(emitter, self.structure, iter(texts))

    def _output(self, e: Emitter, x: Any, seen: set[str]) -> str:
        if type(x) is not Node:
            text = e.text(x)
            return f"{text}.copy()" if isinstance(x, ndarray) else text
        text = e.names[x]
        if x.is_array:
            if not x.shape:
                return f"{e.function(onp.array)}({text})"
            seen.add(text)
            return f"{text}.copy()"
        if x.type is onp.float64:
            return f"{e.function(onp.float64)}({text})"
        return f"float({text})" if x.type is float else text


def _unwritable(x: Any) -> Any:
    if type(x) is ndarray:
        x = x.view()
        x.flags.writeable = False
    return x


def _identifier(path: str) -> str:
    """Return a path such as ``params['w'][0]`` as a name."""
    name = "".join(c if c.isalnum() or c == "_" else "_" for c in path.replace("']", "").replace("]", ""))
    return name.replace("__", "_").strip("_") or "x"


def _parameter_names(f: Any, args: Any, kwargs: Any) -> list[str]:
    signature = signature_of(f)
    kinds = inspect.Parameter
    positional = [
        p.name for p in (signature.parameters.values() if signature is not None else ())
        if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]  # fmt: skip
    names = [name for name in positional if name not in kwargs][: len(args)]
    names += [f"argument{n}" for n in range(len(names), len(args))]
    return [*names, *kwargs]


def _container(e: Emitter, structure: Any, texts: Any) -> str:
    """Return the result as source: a leaf, or containers of some."""
    example = tree.unflatten(structure, list(range(structure.size)))
    return _written(e, structure, example, list(texts))


def _written(e: Emitter, structure: Any, x: Any, texts: list[str]) -> str:
    if tree.is_leaf(x):
        return texts[x]
    kind = type(x)
    if kind is list:
        return "[" + ", ".join(_written(e, structure, part, texts) for part in x) + "]"
    if kind is tuple:
        return (
            "("
            + ", ".join(_written(e, structure, part, texts) for part in x)
            + ("," if len(x) == 1 else "")
            + ")"
        )
    if kind is dict:
        return (
            "{"
            + ", ".join(f"{e.text(k)}: {_written(e, structure, part, texts)}" for k, part in x.items())
            + "}"
        )
    leaves, inner = tree.flatten(x)
    e.constants["unflatten"] = tree.unflatten
    return f"unflatten({e.constant(inner, 'structure')}, [{', '.join(texts[n] for n in leaves)}])"


_UNUSED = (math, ArgumentError, Step)

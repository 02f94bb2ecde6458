"""A recording: one run of a function on symbols, and the program and the source that come of it."""

from __future__ import annotations

import builtins
import copy
import inspect
import math
import os
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import tree
from ..boxes import Traced
from ..compiling.arguments import Prologue, is_input
from ..compiling.closures import Closure
from ..compiling.emitting import Emitter, is_of_python_numbers
from ..compiling.loops import guards_of
from ..compiling.numba_parts import Kernel, KernelEmitter, with_kernels
from ..compiling.optimizing import OF_NUMPY, PASSES, SHARED, optimized
from ..compiling.paths import tree_of
from ..compiling.program import SOFT, Node, Program
from ..compiling.sources import Source
from ..compiling.surroundings import put_back
from ..cpython import is_of_funad, names_in
from ..registry import signature_of
from ..spaces import name_of
from ..traces.symbolic import NotCompilable, Symbol, SymbolicTrace
from ..tracing import run, user_line
from .calls import leaf_names, owned

__all__ = ["MISSED", "CompiledProgram", "Plan", "Recording", "static_leaves"]

ndarray = onp.ndarray
_LOOKED_AT = 800  # calls of which the names are looked at: it takes some 80 µs for each
_NUMPY = os.path.dirname(os.path.abspath(onp.__file__)) + os.sep


class _Missed:
    """What a program returns for arguments that it was not made for."""

    def __repr__(self) -> str:
        return "MISSED"


MISSED = _Missed()


def left(code: int) -> Any:
    """Return what a program does whose kernel has given up: None if NumPy's source has to run."""
    if code & 4:
        return None
    if code & 2:
        return MISSED
    raise FloatingPointError("a kernel met an invalid operation, as 0/0 or 0·∞")


class CompiledProgram:
    """One recorded program: its source, and how often it ran.

    Attributes
    ----------
    run : callable
        What runs: it takes the arguments of f, and returns ``MISSED`` for others than it was made for.
    source : str
        Its text.
    program : Program
        The calls, after the passes.
    calls : int
        How many calls it has served.
    seconds : dict
        What it took to record, to rewrite and to write it.
    """

    def __init__(
        self,
        name: str,
        program: Program,
        emitter: Emitter,
        write: Callable[[Any], str],
        seconds: dict[str, float],
        unnamed: tuple[Emitter, Callable[[Any], str]] | None = None,
    ) -> None:
        self.program, self.seconds = program, seconds
        self.of_numbers = is_of_python_numbers(program)  # so that there are no calls of NumPy's to watch
        self._name, self._emitter, self._write = name, emitter, write
        self.calls = 0
        self.checked = False
        self.plan: Plan | None = None  # from which machine code can be made
        self.kernels: list[Kernel] = []
        self.why_no_kernel = ""
        self._kinds: Any = None
        self.unnamed = unnamed
        self.write()

    def write(self, kinds: Any = None) -> None:
        """Write the source and run it; ``kinds`` are the classes of the results, if others than recorded."""
        self._kinds = kinds or self._kinds
        text = self._write(self._kinds)
        self.source = Source("\n\n".join([text, *(k.text for k in self.kernels)]))
        namespace = {**self._emitter.constants, "MISSED": MISSED}
        exec(builtins.compile(text, f"<program of {self._name}>", "exec"), namespace)
        self.run: Callable[..., Any] = namespace["program"]

    def take(self, made: CompiledProgram, functions: list[Any]) -> None:
        """Run kernels, as ``made`` has them, in machine code; what they do not do, NumPy's source does."""
        codes = {id(k): f for k, f in zip(made.kernels, functions, strict=True)}
        self._emitter, self._write, self.kernels = made._emitter, made._write, made.kernels
        constants = {name: codes.get(id(x), x) for name, x in self._emitter.constants.items()}
        self._emitter.constants = {**constants, "left": left, "in_numpy": self.run}
        self.checked = False
        self.write()

    def without_names(self) -> tuple[list[str], dict[str, Any]]:
        """Return the lines of the source without the user's names, and what they use by name."""
        emitter, write = self.unnamed or (self._emitter, self._write)
        return write(self._kinds).splitlines(), emitter.constants

    @property
    def guards(self) -> list[str]:
        """What f asked of values, with the answers that this program is made for, and the user's lines."""
        return [_said(g) for g in guards_of(self.program)]

    def __repr__(self) -> str:
        kernels = f", {len(self.kernels)} kernels" if self.kernels else ""
        return f"<program of {len(self.program.nodes)} calls, {len(self.program.guards)} guards{kernels}>"


class Paths:
    """Checked programs of one kind of arguments as one, which goes on where they part.

    ``run`` is that program. ``calls`` and ``source`` are those of the program among them that ran last.
    """

    def __init__(self, programs: list[CompiledProgram]) -> None:
        self.programs = programs
        self.of_numbers = all(program.of_numbers for program in programs)
        self._ran = [0]
        self.run: Callable[..., Any] | None = None
        texts, constants = zip(*(program.without_names() for program in programs), strict=True)
        found = tree_of([[line[4:] for line in lines[1:]] for lines in texts], list(constants))
        if found is not None and len({lines[0] for lines in texts}) == 1:
            text = "\n    ".join([texts[0][0], *found[0]]) + "\n"
            namespace = {**found[1], "MISSED": MISSED, "ran": self._ran}
            exec(builtins.compile(text, "<paths of a program>", "exec"), namespace)
            self.run = namespace["program"]

    @property
    def calls(self) -> int:
        return self.programs[self._ran[0]].calls

    @calls.setter
    def calls(self, count: int) -> None:
        self.programs[self._ran[0]].calls = count

    @property
    def source(self) -> Source:
        return self.programs[self._ran[0]].source


def where_paths_part(programs: list[CompiledProgram]) -> str:
    """Return the user's line that asked where these programs part first; "" if it is not known."""
    asked = [[g for g in guards_of(p.program) if g.how not in SOFT] for p in programs]
    for questions in zip(*asked, strict=False):
        if len({(g.how, repr(g.expected)) for g in questions}) > 1:
            return str(questions[0].line)
    return ""


def _said(g: Any) -> str:
    what = g.node.name or "a value"
    asked = {"finite": f"{what} is finite", "number": f"{what} has no nan"}.get(g.how)
    if g.how == "within":
        asked = f"{what} is between {g.expected[0]} and {g.expected[1]}"
    if g.how == "small":
        asked = f"{what} is no larger than {g.expected:g}, or the call runs in eager"
    asked = asked or f"{g.how}({what}) is {g.expected!r}"
    return f"{asked}; {g.line}" if g.line else asked


class Recording:
    """One run of f on symbols.

    ``why`` says why there is no program. ``rerun`` says that f has not returned, or that it has not done what
    it does in eager.
    """

    def __init__(self, f: Any, args: Any, kwargs: Any, static: frozenset[int] = frozenset()) -> None:
        start = time.perf_counter()
        self.static = static
        self.f, self.args, self.kwargs = f, args, kwargs
        self.trace = SymbolicTrace(lambda: user_line(3))
        self.rerun = False
        self.symbols: list[Symbol] = []
        self.nodes: dict[int, Node] = {}  # of the leaves that are inputs, arguments first
        self.count = 0
        leaves, structure = tree.flatten((args, kwargs))
        given = [self._given(x, name) for x, name in zip(leaves, leaf_names(f, args, kwargs), strict=True)]
        self.closure = Closure(f, self._lift)
        given = [self.closure.once_more(x) if callable(x) and not isinstance(x, Traced) else x for x in given]
        if self.closure.why:
            self.trace.fail(self.closure.why)
        states, contents = self._states(), self.closure.contents()
        names = _Names(self.trace)
        try:
            y = names.watch(run, lambda _: _called(self.closure.function, structure, given), self.symbols)
            self.outputs, self.structure = tree.flatten(y)
        except Exception as error:
            said = (
                str(error) if type(error) is NotCompilable else f"it raised {type(error).__name__}: {error}"
            )
            self.trace.fail(said)
            self.rerun = True
        finally:
            self.trace.ended = True
        self.trace.verify()
        self._check_effects(states)
        if self.rerun:
            self._restore(states)
            put_back(contents)
        elif self.why:
            self.closure.replace(self._plain)
        self.seconds = {"record": time.perf_counter() - start}

    @property
    def why(self) -> str:
        return self.trace.why

    def _given(self, x: Any, name: str) -> Any:
        """Return a leaf as f is given it: a symbol, if it is an input."""
        place, self.count = self.count, self.count + 1
        if not is_input(x) or place in self.static:
            return x
        made = self.trace.input(x, identifier(name))
        self.nodes[place] = made.node
        self.symbols.append(made)
        return made

    def _lift(self, name: str, x: Any) -> Any:
        """Return a closed-over number, array or container with symbols in it."""
        if tree.is_leaf(x):
            return self._given(x, name)
        leaves, structure = tree.flatten(x)
        paths = tree.paths(x, name)
        return tree.unflatten(
            structure, [self._given(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        )

    def _states(self) -> list[Any]:
        """Return the states of all random generators that f may draw from."""
        generators = [getattr(g, "bit_generator", g) for g in self.closure.generators]
        states = [g.state if hasattr(g, "state") else g.get_state() for g in generators]
        return [onp.random.get_state(), random.getstate(), *states]

    def _check_effects(self, states: list[Any]) -> None:
        name = name_of(self.f)
        self.rerun = self.rerun or bool(self.trace.why)
        if any(map(_differ, states, self._states())):
            self.trace.fail(
                f"{name} draws random numbers, which would be the same in every call: draw outside of it and "
                f"give the array as an argument, or make the generator inside of it from a fixed seed"
            )
        changed = self.closure.changed_copies()
        if changed:
            self.trace.fail(f"{name} adds to {changed}, or takes from it, which it closes over")
            self.rerun = True
        changed = self.closure.changed()
        if changed:
            self.trace.fail(f"{name} changes {changed}, which is no result of it")
        for x in self.symbols:
            if type(x) is not Symbol:
                self.trace.fail(f"{name} writes into an argument, or into an array that it closes over")
                self.rerun = True

    def _plain(self, x: Any) -> Any:
        """Return what f has left somewhere as it would be in eager: a number for a symbol."""
        return x.concrete if type(x) is Symbol and x.tape is self.trace else x

    def _restore(self, states: list[Any]) -> None:
        """Put random generators back, as f is going to be run again."""
        onp.random.set_state(states[0])
        random.setstate(states[1])
        for generator, state in zip(self.closure.generators, states[2:], strict=True):
            if hasattr(generator, "bit_generator"):
                generator.bit_generator.state = state
            else:
                generator.set_state(state)

    def result(self) -> Any:
        """Return what f has returned in this run."""
        values = [
            _own(x.concrete, x.node.fn is None) if type(x) is Symbol else _own(x, True) for x in self.outputs
        ]
        return tree.unflatten(self.structure, owned(values))

    def compiled(self, passes: Any = None) -> CompiledProgram:
        """Return the program, rewritten, with its source."""
        start = time.perf_counter()
        outputs = [x.node if type(x) is Symbol else x for x in self.outputs]
        program = self.trace.builder.program(outputs)
        if passes is None:
            program = self.shared = optimized(program, SHARED)
            passes = [name for name in PASSES if name not in SHARED]
        program = optimized(program, passes)
        middle = time.perf_counter()
        emitter = Emitter(program)
        unnamed = None
        if any(g.how not in SOFT for g in program.guards):  # there may be other paths
            bare = Emitter(program, comments=False, named=False)
            unnamed = bare, self._source(bare)
        made = CompiledProgram(
            name_of(self.f), program, emitter, self._source(emitter), self.seconds, unnamed
        )
        self.seconds.update(rewrite=middle - start, write=time.perf_counter() - middle)
        return made

    def plan(self) -> Plan:
        """Return what it takes to make kernels of the program, which has been compiled, later.

        No values of this run are in it.
        """
        bare = copy.copy(self)
        bare.symbols = []
        leaves, structure = tree.flatten((self.args, self.kwargs))
        bare.args, bare.kwargs = tree.unflatten(
            structure, [_stand_in(x) if k in self.nodes else x for k, x in enumerate(leaves)]
        )
        bare.outputs, bare.trace = [], None  # type: ignore[assignment]
        return Plan(bare, self.shared)

    def _source(self, emitter: Emitter) -> Callable[[Any], str]:
        """Return what writes the text of the function, given the classes of its results."""
        program, structure = emitter.program, self.structure
        names = _parameter_names(self.f, self.args, self.kwargs)
        parameters = [emitter.reserve(name, name in self.kwargs) for name in names]
        emitter.in_numpy = f"in_numpy({', '.join(parameters)})"
        flat = dict(zip(parameters, (*self.args, *self.kwargs.values()), strict=True))
        for n in program.inputs:
            is_parameter = (
                n.name in flat and tree.is_leaf(flat[n.name]) and n.name not in emitter.names.values()
            )
            emitter.names[n] = n.name if is_parameter else emitter.fresh(n.name or "x")  # type: ignore[assignment]
        prologue = Prologue(emitter, self.nodes)
        for name, x in flat.items():
            prologue.argument(x, name)
        for v in self.closure.variables:
            where = f"{emitter.constant(v.holder, 'closure')}{v.place}"
            if v.how == "input":
                prologue.argument(v.value, where)
            else:
                prologue.variable(v.value, where, v.how, v.was)
        emitter.run()
        body = [f"def program({', '.join(parameters)}):", *prologue.lines(), *emitter.lines]

        def write(kinds: Any) -> str:
            result = f"return {emitter.result(program.outputs, structure, kinds)}"
            return "\n    ".join([*body, result]) + "\n"

        return write


def _stand_in(x: Any) -> Any:
    """Return an array of the kind of x that keeps no memory of it."""
    return onp.broadcast_to(onp.zeros((), x.dtype), x.shape) if type(x) is ndarray else x


class Plan:
    """A recorded program of which kernels can be made."""

    def __init__(self, recording: Recording, program: Program) -> None:
        self.recording, self.program = recording, program

    def with_kernels(self) -> CompiledProgram | None:
        """Return the program with kernels, in text; None if there is nothing in it for a kernel."""
        recording = self.recording
        passes = [name for name in PASSES if name not in SHARED and name not in OF_NUMPY]
        program = with_kernels(optimized(self.program, passes))
        if program is None:
            return None
        emitter = KernelEmitter(program)
        emitter.constants.update(left=left, in_numpy=None)
        write = recording._source(emitter)
        made = CompiledProgram(name_of(recording.f), program, emitter, write, {})
        made.kernels = emitter.kernels
        return made


def _own(x: Any, shared: bool) -> Any:
    return x.copy() if shared and type(x) is ndarray else x


def static_leaves(f: Any, static: tuple[int | str, ...], args: Any, kwargs: Any) -> frozenset[int]:
    """Return which leaves of (args, kwargs) are of arguments named in static, by name or position."""
    if not static:
        return frozenset()
    names = _parameter_names(f, args, kwargs)
    found: set[int] = set()
    place = 0
    for n, (name, x) in enumerate(zip(names, (*args, *kwargs.values()), strict=True)):
        count = len(tree.flatten(x)[0])
        if name in static or (n in static and n < len(args)) or (n - len(args) in static and n < len(args)):
            found.update(range(place, place + count))
        place += count
    return frozenset(found)


def _called(f: Any, structure: Any, given: list[Any]) -> Any:
    args, kwargs = tree.unflatten(structure, given)
    return f(*args, **kwargs)


def _differ(a: Any, b: Any) -> bool:
    """Say whether two states of generators differ."""
    if isinstance(a, (tuple, list)):
        return len(a) != len(b) or any(map(_differ, a, b))
    if isinstance(a, dict):
        return a.keys() != b.keys() or any(_differ(x, b[name]) for name, x in a.items())
    return bool(onp.any(a != b))


def identifier(path: str) -> str:
    """Return a path such as ``params['w'][0]`` as a name."""
    parts = "".join(c if c.isalnum() or c == "_" else " " for c in path).split()
    name = "_".join(parts[-2:] if len(parts) > 1 and not parts[-1].isidentifier() else parts[-1:])
    return name if name.isidentifier() else "x"


def _parameter_names(f: Any, args: Any, kwargs: Any) -> list[str]:
    """Return the names of the arguments of a call, as f has them."""
    signature = signature_of(f)
    kinds = inspect.Parameter
    positional = [
        p.name for p in (signature.parameters.values() if signature is not None else ())
        if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]  # fmt: skip
    names = positional[: len(args)] if set(positional[: len(args)]).isdisjoint(kwargs) else []
    return [*names, *(f"argument{n}" for n in range(len(names), len(args))), *kwargs]


class _Names:
    """Gives nodes the names of the user's variables: those that hold them when a function returns.

    The cotangent of a value is named by the rules that are called with both: ``x_bar``.
    """

    def __init__(self, trace: SymbolicTrace) -> None:
        self.trace = trace
        self.cotangents: list[tuple[Node, Node]] = []
        self.until = _LOOKED_AT  # calls, from which on it does not look

    def watch(self, f: Callable[..., Any], *args: Any) -> Any:
        """Call f and look at what it calls."""
        before = sys.getprofile()
        self.trace.resume = self._resume
        sys.setprofile(self._look)
        try:
            return f(*args)
        finally:
            sys.setprofile(before)
            for ybar, y in reversed(self.cotangents):
                if ybar.name is None and y.name is not None and ybar.fn is not None:
                    ybar.name = f"{y.name}_bar"

    def _resume(self) -> None:
        """Look again, at a few calls: a long program is a loop, of which one time round is enough."""
        self.trace.resume_at = math.inf
        self.until = self.trace.builder.count + _LOOKED_AT // 8
        sys.setprofile(self._look)

    def _look(self, frame: Any, event: str, arg: Any) -> None:
        if event != "return":
            return
        if self.trace.builder.count > self.until:
            sys.setprofile(None)
            self.trace.resume_at = self.trace.builder.count + 2 * _LOOKED_AT
            return
        path = frame.f_code.co_filename
        if is_of_funad(frame):
            if "ybar" in frame.f_code.co_varnames[:2]:
                names = names_in(frame)
                y, ybar = _inner(names.get("y")), _inner(names.get("ybar"))
                if y is not None and ybar is not None:
                    self.cotangents.append((ybar.node, y.node))
        elif not path.startswith(_NUMPY):
            for name, x in names_in(frame).items():
                found = _inner(x)
                if found is not None and found.node.name is None and found.node.fn is not None:
                    found.node.name = name


def _inner(x: Any) -> Any:
    """Return the symbol under the traces of x, or None."""
    while isinstance(x, Traced):
        if type(x) is Symbol:
            return x
        x = x.inside
    return None

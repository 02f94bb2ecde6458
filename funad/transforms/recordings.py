"""A recording: one run of a function on symbols, and the program and the source that come of it."""

from __future__ import annotations

import builtins
import inspect
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
from ..compiling.emitting import Emitter
from ..compiling.optimizing import optimized
from ..compiling.program import Node, Program
from ..registry import signature_of
from ..spaces import name_of
from ..traces.symbolic import NotCompilable, Symbol, SymbolicTrace
from ..tracing import run, user_line
from .calls import leaf_names, owned

__all__ = ["MISSED", "CompiledProgram", "Recording"]

ndarray = onp.ndarray
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_NUMPY = os.path.dirname(os.path.abspath(onp.__file__)) + os.sep


class _Missed:
    """What a program returns for arguments that it was not made for."""

    def __repr__(self) -> str:
        return "MISSED"


MISSED = _Missed()


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
        self, run: Callable[..., Any], source: str, program: Program, seconds: dict[str, float]
    ) -> None:
        self.run, self.source, self.program, self.seconds = run, source, program, seconds
        self.calls = 0
        self.checked = False

    @property
    def guards(self) -> list[str]:
        """What f asked of values, with the answers that this program is made for, and the user's lines."""
        return [_said(g) for g in self.program.guards]

    def __repr__(self) -> str:
        return f"<program of {len(self.program.nodes)} calls, {len(self.program.guards)} guards>"


def _said(g: Any) -> str:
    what = g.node.name or "a value"
    asked = {"finite": f"{what} is finite", "number": f"{what} has no nan"}.get(g.how)
    asked = asked or f"{g.how}({what}) is {g.expected!r}"
    return f"{asked}; {g.line}" if g.line else asked


class Recording:
    """One run of f on symbols.

    ``why`` says why there is no program. ``rerun`` says that f has not returned, or that it has not done what
    it does in eager.
    """

    def __init__(self, f: Any, args: Any, kwargs: Any) -> None:
        start = time.perf_counter()
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
        states = self._states()
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
        self._check_effects(states)
        self.seconds = {"record": time.perf_counter() - start}

    @property
    def why(self) -> str:
        return self.trace.why

    def _given(self, x: Any, name: str) -> Any:
        """Return a leaf as f is given it: a symbol, if it is an input."""
        place, self.count = self.count, self.count + 1
        if not is_input(x):
            return x
        made = self.trace.input(_unwritable(x), identifier(name))
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
        if any(map(_differ, states, self._states())):
            self.trace.fail(
                f"{name} draws random numbers, which would be the same in every call: draw outside of it and "
                f"give the array as an argument, or make the generator inside of it from a fixed seed"
            )
        changed = self.closure.changed_containers()
        if changed:
            self.trace.fail(f"{name} adds to {changed}, or takes from it, which it closes over")
            self.rerun = True
        for x in self.symbols:
            if type(x) is not Symbol:
                self.trace.fail(f"{name} writes into an argument, or into an array that it closes over")
                self.rerun = True

    def result(self) -> Any:
        """Return what f has returned in this run."""
        values = [x.concrete if type(x) is Symbol else x for x in self.outputs]
        return tree.unflatten(self.structure, owned(values))

    def compiled(self, passes: Any = None) -> CompiledProgram:
        """Return the program, rewritten, with its source."""
        start = time.perf_counter()
        outputs = [x.node if type(x) is Symbol else x for x in self.outputs]
        program = optimized(self.trace.builder.program(outputs), passes)
        middle = time.perf_counter()
        source, constants = self._source(program)
        namespace = {**constants, "MISSED": MISSED}
        exec(builtins.compile(source, f"<program of {name_of(self.f)}>", "exec"), namespace)
        self.seconds.update(rewrite=middle - start, write=time.perf_counter() - middle)
        return CompiledProgram(namespace["program"], source, program, self.seconds)

    def _source(self, program: Program) -> tuple[str, dict[str, Any]]:
        """Return the text of the function, and the constants that it uses."""
        emitter = Emitter(program)
        parameters = [emitter.reserve(name) for name in _parameter_names(self.f, self.args, self.kwargs)]
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
                prologue.variable(v.value, where, v.how)
        emitter.run()
        result = emitter.result(program.outputs, self.structure)
        body = [*prologue.lines(), *emitter.lines, f"return {result}"]
        given = ", ".join([*parameters[: len(self.args)], *parameters[len(self.args) :]])
        return f"def program({given}):\n" + "".join(f"    {line}\n" for line in body), emitter.constants


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


def _unwritable(x: Any) -> Any:
    if type(x) is ndarray:
        x = x.view()
        x.flags.writeable = False
    return x


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

    def watch(self, f: Callable[..., Any], *args: Any) -> Any:
        """Call f and look at what it calls."""
        before = sys.getprofile()
        sys.setprofile(self._look)
        try:
            return f(*args)
        finally:
            sys.setprofile(before)
            for ybar, y in reversed(self.cotangents):
                if ybar.name is None and y.name is not None and ybar.fn is not None:
                    ybar.name = f"{y.name}_bar"

    def _look(self, frame: Any, event: str, arg: Any) -> None:
        if event != "return":
            return
        path = frame.f_code.co_filename
        if path.startswith(_HERE):
            if "ybar" in frame.f_code.co_varnames[:2]:
                names = frame.f_locals
                y, ybar = _inner(names.get("y")), _inner(names.get("ybar"))
                if y is not None and ybar is not None:
                    self.cotangents.append((ybar.node, y.node))
        elif not path.startswith(_NUMPY):
            for name, x in frame.f_locals.items():
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

"""A program as the source of one Python function on plain arrays: one line per call."""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import tree
from ..indices import add_at, repeats, scatter
from ..traces.strong_zeros import has_nan
from .program import GETITEM, Guard, Node, Program, map_nodes, parents

__all__ = ["Emitter"]

ndarray = onp.ndarray
# Functions whose results share memory with nothing.
OWNERS = frozenset(
    {onp.dot, onp.sum, onp.einsum, onp.concatenate, onp.mean, onp.stack, onp.where, onp.matmul}
)
SIGNS: dict[Any, str] = {
    onp.add: "+", onp.subtract: "-", onp.multiply: "*", onp.divide: "/", onp.less: "<", onp.less_equal: "<=",
    onp.greater: ">", onp.greater_equal: ">=", onp.equal: "==", onp.not_equal: "!=", onp.bitwise_and: "&",
    onp.bitwise_or: "|", onp.bitwise_xor: "^", onp.power: "**", onp.matmul: "@", onp.remainder: "%",
    onp.floor_divide: "//",
}  # fmt: skip
BEFORE: dict[Any, str] = {onp.negative: "-", onp.invert: "~"}
# What ufuncs of numbers are in math, to the last digits and to the errors that end in eager.
MATH: dict[Any, Callable[..., Any]] = {
    onp.sin: math.sin, onp.cos: math.cos, onp.tan: math.tan, onp.tanh: math.tanh, onp.exp: math.exp,
    onp.log: math.log, onp.sqrt: math.sqrt, onp.arctan: math.atan, onp.sinh: math.sinh, onp.cosh: math.cosh,
    onp.arcsin: math.asin, onp.arccos: math.acos, onp.log1p: math.log1p, onp.expm1: math.expm1,
    onp.absolute: abs, onp.hypot: math.hypot, onp.arctan2: math.atan2,
}  # fmt: skip
_FLOATS = frozenset({float, onp.float64})


class Emitter:
    """Writes the body of the function; ``constants`` are the names that it uses, ``names`` those of nodes."""

    def __init__(self, program: Program, comments: bool = True) -> None:
        self.program, self.comments = program, comments
        self.names: dict[Node, str] = {}
        self.constants: dict[str, Any] = {}
        self._by_key: dict[Any, str] = {}
        self._used: set[str] = {"MISSED"}
        self._count: dict[str, int] = {}
        self.lines: list[str] = []
        self.in_math = all(map(_is_float_call, program.nodes)) and all(map(_is_number, program.inputs))
        self._reserve(program)

    def _reserve(self, program: Program) -> None:
        """Keep the names of functions from being taken by variables."""
        for node in program.nodes:
            self._used.add(getattr(node.fn, "__name__", "f"))

    # --- names

    def fresh(self, base: str) -> str:
        """Return a name that is not in use yet, and take it."""
        base = base if base.isidentifier() and not keyword.iskeyword(base) else "t"
        name, k = base, self._count.get(base, 1)
        while name in self._used or name in self.constants:
            k += 1
            name = f"{base}_{k}" if base[-1].isdigit() else f"{base}{k}"
        self._count[base] = k
        self._used.add(name)
        return name

    def reserve(self, name: str) -> str:
        """Take a name as it is."""
        self._used.add(name)
        return name

    def result(self, outputs: list[Any], structure: Any) -> str:
        """Return what the program returns as source."""
        seen: set[Node] = set()
        texts = [self._output(x, seen) for x in outputs]
        return self._container(tree.unflatten(structure, list(range(len(texts)))), texts)

    def _output(self, x: Any, seen: set[Node]) -> str:
        """Return an output, in memory of its own and of the class that it has in eager."""
        if type(x) is not Node:
            text = self.text(x)
            return f"{text}.copy()" if type(x) is ndarray else text
        text = self.names[x]
        if x.is_array:
            if not x.shape:
                return f"{self.function(onp.array)}({text})"
            owned = x not in seen and self.owns(x)
            seen.add(x)
            return text if owned else f"{text}.copy()"
        if x.type is onp.float64:
            return f"{self.function(onp.float64)}({text})"
        return f"float({text})" if x.type is float else text

    def owns(self, n: Node) -> bool:
        """Say whether an array is nobody else's: no input, and no view."""
        return n.fn in OWNERS or n.fn is scatter or (isinstance(n.fn, onp.ufunc) and n.fn.nout == 1)

    def _container(self, x: Any, texts: list[str]) -> str:
        """Return containers of texts as source; x has their positions."""
        if tree.is_leaf(x):
            return texts[x]
        kind = type(x)
        if kind is list or kind is tuple:
            inner = ", ".join(self._container(part, texts) for part in x)
            return f"[{inner}]" if kind is list else f"({inner},)" if len(x) == 1 else f"({inner})"
        if kind is dict:
            parts = (f"{self.text(k)}: {self._container(part, texts)}" for k, part in x.items())
            return "{" + ", ".join(parts) + "}"
        leaves, inner = tree.flatten(x)
        self.constants["unflatten"] = tree.unflatten
        return f"unflatten({self.constant(inner, 'structure')}, [{', '.join(texts[n] for n in leaves)}])"

    def constant(self, x: Any, base: str = "c", key: Any = None) -> str:
        """Return the name of a constant."""
        key = ("id", id(x)) if key is None else key
        if key not in self._by_key:
            name = base
            if name in self.constants or name in self._used:
                k = 0
                while (name := f"{base}{k}") in self.constants or name in self._used:
                    k += 1
            self.constants[name] = x
            self._by_key[key] = name
        return self._by_key[key]

    def function(self, f: Any) -> str:
        """Return the name of a function."""
        name = getattr(f, "__name__", "f")
        name = name if name.isidentifier() and not keyword.iskeyword(name) else "f"
        if self.constants.get(name, f) is f:
            self.constants[name] = f
            return str(name)
        return self.constant(f, name)

    # --- arguments

    def text(self, x: Any) -> str:
        """Return an argument as source."""
        kind = type(x)
        if kind is Node:
            return self.names[x]
        if x is None or kind in (bool, int, str):
            return repr(x)
        if x is Ellipsis:
            return "..."
        if kind is float and math.isfinite(x):
            return repr(x)
        if kind is slice:
            return f"slice({self.text(x.start)}, {self.text(x.stop)}, {self.text(x.step)})"
        if kind is tuple:
            return "(" + ", ".join(map(self.text, x)) + ("," if len(x) == 1 else "") + ")"
        if kind is list:
            return "[" + ", ".join(map(self.text, x)) + "]"
        if kind is dict:
            return "{" + ", ".join(f"{k!r}: {self.text(v)}" for k, v in x.items()) + "}"
        if isinstance(x, onp.generic):
            return self.constant(x, "c", (kind, repr(x)))
        return self.constant(x)

    def index(self, x: Any) -> str:
        """Return an index as source."""
        parts = x if type(x) is tuple else (x,)
        done = []
        for part in parts:
            if type(part) is slice:
                a, b, c = ("" if q is None else self.text(q) for q in (part.start, part.stop, part.step))
                done.append(f"{a}:{b}" + (f":{c}" if c else ""))
            else:
                done.append(self.text(part))
        return ", ".join(done) + ("," if type(x) is tuple and len(x) == 1 else "") or "()"

    def number(self, c: Any, dtype: Any) -> str:
        """Return a number beside an array: as an array of no axes NumPy takes it 100 ns faster."""
        if type(c) in (int, float) and dtype.kind == "f" and not isinstance(c, bool):
            return self.constant(onp.array(c, dtype), "c", ("number", repr(float(c)), dtype))
        return self.text(c)

    def operands(self, n: Node) -> list[str]:
        """Return the arguments of an elementwise call."""
        if n.is_array and n.shape and any(type(a) is Node and a.shape for a in n.args):
            return [self.number(a, n.dtype) if type(a) is not Node else self.text(a) for a in n.args]
        return [self.text(a) for a in n.args]

    # --- statements

    def run(self) -> None:
        """Write a line for each call and each guard."""
        self.uses = count_uses(self.program)
        for step in self.program.steps:
            if type(step) is Guard:
                self.guard(step)
            else:
                self.statement(step)  # type: ignore[arg-type]

    def statement(self, n: Node) -> None:
        """Write one call."""
        if n.fn is scatter:
            self.scatter(n)
            return
        text = self.expression(n)
        self.names[n] = self.fresh(n.name or "t")
        self.say(f"{self.names[n]} = {text}", n)

    def say(self, line: str, n: Node) -> None:
        """Write a line and what it is."""
        if self.comments:
            what = getattr(n.fn, "__name__", "f")
            kind = f"{n.dtype}{list(n.shape)}" if n.shape else str(n.dtype) if n.is_array else n.type.__name__
            line = f"{line}  # {what}: {kind}"
        self.lines.append(line)

    def guard(self, g: Guard) -> None:
        """Write the question that Python asked."""
        x = self.names[g.node]
        if g.how == "finite":
            line = f"if not {self.finite(g.node, x)}:"
        elif g.how == "number":
            line = f"if {self.has_nan(g.node, x)}:"
        elif g.how == "kind":
            line = f"if {self.is_other(g.node, x)}:"
        elif g.how == "bool":
            line = f"if not {x}:" if g.expected else f"if {x}:"
        else:
            line = f"if {'float' if g.how == 'float' else 'int'}({x}) != {g.expected!r}:"
        self.lines.append(f"{line}  # {g.line}" if self.comments and g.line else line)
        self.lines.append("    return MISSED")

    def finite(self, n: Node, x: str) -> str:
        """Return the test of a value for infinities and NaNs."""
        if n.dtype.kind == "f" and not n.is_array:
            self.constants["isfinite"] = math.isfinite
            return f"isfinite({x})"
        self.constants["all_finite"] = _all_finite
        return f"all_finite({x})"

    def is_other(self, n: Node, x: str) -> str:
        """Return the test of a result for another class, shape or dtype."""
        if not n.is_array:
            return f"type({x}) is not {self.constant(n.type, n.type.__name__)}"
        dtype = self.constant(n.dtype, n.dtype.name, ("dtype", n.dtype))
        self.constants["ndarray"] = ndarray
        return f"type({x}) is not ndarray or {x}.shape != {n.shape!r} or {x}.dtype != {dtype}"

    def has_nan(self, n: Node, x: str) -> str:
        """Return the test of a value for NaNs."""
        if not n.is_array:
            return f"{x} != {x}"
        self.constants["has_nan"] = has_nan
        return f"has_nan({x})"

    def expression(self, n: Node) -> str:
        """Return a call as source."""
        fn, args = n.fn, n.args
        if not n.kwargs and self.in_math and fn in MATH and len(args) == MATH_ARITY.get(fn, 1):
            return f"{self.function(MATH[fn])}({', '.join(map(self.text, args))})"
        if fn in SIGNS and not n.kwargs and len(args) == 2:
            a, b = self.operands(n)
            return f"{a} {SIGNS[fn]} {b}"
        if fn in BEFORE and not n.kwargs and len(args) == 1:
            return f"{BEFORE[fn]}{self.text(args[0])}"
        if fn is GETITEM:
            return f"{self.text(args[0])}[{self.index(args[1])}]"
        special = EXPRESSIONS.get(fn)
        if special is not None:
            text = special(self, n, *args, **n.kwargs)
            if text is not None:
                return str(text)
        named = "".join(f", {k}={self.text(v)}" for k, v in n.kwargs.items())
        operands = self.operands(n) if isinstance(fn, onp.ufunc) else list(map(self.text, args))
        return f"{self.function(fn)}({(', '.join(operands) + named).removeprefix(', ')})"

    def scatter(self, n: Node) -> None:
        """Write zeros into which pieces are added."""
        shape, dtype, index, pieces = n.args
        if type(index) is not list or type(pieces) is not list:
            self.names[n] = self.fresh(n.name or "t")
            self.say(f"{self.names[n]} = {self.function(scatter)}({', '.join(map(self.text, n.args))})", n)
            return
        texts = [
            (self.index(i), self.text(i), self.text(p), _repeats(i))
            for i, p in zip(index, pieces, strict=True)
        ]
        name = self.names[n] = self.fresh(n.name or "t")
        dtype = self.constant(onp.dtype(dtype), f"{onp.dtype(dtype).name}_")
        self.say(f"{name} = {self.function(onp.zeros)}({tuple(shape)!r}, {dtype})", n)
        for at, whole, piece, repeated in texts:
            if repeated:
                self.lines.append(f"{self.function(add_at)}({name}, [({whole}, {piece})])")
            else:
                self.lines.append(f"{name}[{at}] += {piece}")


def _all_finite(x: Any) -> bool:
    return bool(onp.isfinite(x).all())


MATH_ARITY = {onp.hypot: 2, onp.arctan2: 2}


def _repeats(index: Any) -> bool:
    """Say whether an index may name an element twice."""

    def stand_in(n: Node) -> Any:
        return onp.zeros(n.shape, n.dtype) if n.shape else onp.zeros((), n.dtype)[()]

    return repeats(map_nodes(stand_in, index))


def _is_float_call(n: Node) -> bool:
    """Say whether a call is one of numbers that math and Python's operators do as well."""
    if n.kwargs or not (n.fn in SIGNS or n.fn in BEFORE or n.fn in MATH):
        return False
    return n.type in _FLOATS or n.type in (bool, onp.bool_)


def _is_number(n: Node) -> bool:
    return n.type in _FLOATS


def count_uses(program: Program) -> dict[Node, int]:
    """Return how often each node is read; outputs count too."""
    uses: dict[Node, int] = {}
    for step in program.steps:
        for n in parents(step):
            uses[n] = uses.get(n, 0) + 1
    for x in program.outputs:
        if type(x) is Node:
            uses[x] = uses.get(x, 0) + 1
    return uses


def _dot(e: Emitter, n: Node, a: Any, b: Any) -> str | None:
    return f"{e.text(a)}.dot({e.text(b)})" if type(a) is Node and a.is_array else None


def _reshape(e: Emitter, n: Node, a: Any, shape: Any = None, **kwargs: Any) -> str | None:
    return f"{e.text(a)}.reshape({e.text(shape)})" if type(a) is Node and a.is_array and not kwargs else None


def _transpose(e: Emitter, n: Node, a: Any, axes: Any = None) -> str | None:
    if type(a) is not Node or not a.is_array:
        return None
    return f"{e.text(a)}.T" if axes is None else f"{e.text(a)}.transpose({e.text(axes)})"


# How a function is written where that is not its own call: (emitter, node, *args, **kwargs) ↦ source or None.
EXPRESSIONS: dict[Any, Callable[..., Any]] = {
    onp.dot: _dot, onp.reshape: _reshape, onp.transpose: _transpose,
}  # fmt: skip

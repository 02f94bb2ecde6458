"""A program as the source of one Python function on plain arrays: one line per call."""

from __future__ import annotations

import builtins
import keyword
import math
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import tree
from ..indices import add_at, repeats, scatter
from ..numpy import slopes
from ..traces.strong_zeros import has_nan
from .blocks import runs, write_block
from .diagonals import from_diagonals, places_of
from .lapack import plain_function
from .looping import write_loop
from .loops import Loop, is_loop
from .memory import Memory, owns
from .program import GETITEM, Guard, Node, Program, map_nodes
from .scalars import Scalars
from .writes import added_at

__all__ = ["Emitter", "is_of_python_numbers"]

ndarray = onp.ndarray
SIGNS: dict[Any, str] = {
    onp.add: "+", onp.subtract: "-", onp.multiply: "*", onp.divide: "/", onp.less: "<", onp.less_equal: "<=",
    onp.greater: ">", onp.greater_equal: ">=", onp.equal: "==", onp.not_equal: "!=", onp.bitwise_and: "&",
    onp.bitwise_or: "|", onp.bitwise_xor: "^", onp.matmul: "@", onp.remainder: "%",
    onp.floor_divide: "//",
}  # fmt: skip
ARITHMETIC = frozenset({onp.add, onp.subtract, onp.multiply, onp.divide, onp.maximum, onp.minimum})
BEFORE: dict[Any, str] = {onp.negative: "-", onp.invert: "~"}
# What ufuncs of numbers are in math, to the last digits and to the errors that end in eager.
MATH: dict[Any, Callable[..., Any]] = {
    onp.sin: math.sin, onp.cos: math.cos, onp.tan: math.tan, onp.tanh: math.tanh, onp.exp: math.exp,
    onp.log: math.log, onp.sqrt: math.sqrt, onp.arctan: math.atan, onp.sinh: math.sinh, onp.cosh: math.cosh,
    onp.arcsin: math.asin, onp.arccos: math.acos, onp.log1p: math.log1p, onp.expm1: math.expm1,
    onp.absolute: abs, onp.hypot: math.hypot, onp.arctan2: math.atan2,
}  # fmt: skip
# Names that a source has as Python's own.
_BUILT_IN = frozenset(
    {"bool", "complex", "float", "int", "min", "range", "slice", "str", "type", "FloatingPointError",
     "OverflowError"}
)  # fmt: skip
_FLOATS = frozenset({float, onp.float64})


class Emitter:
    """Writes the body of the function; ``constants`` are the names that it uses, ``names`` those of nodes."""

    def __init__(
        self, program: Program, comments: bool = True, blocks: bool = True, named: bool = True
    ) -> None:
        self.named = named  # whether variables have the user's names
        self.program, self.comments, self.blocks = program, comments, blocks
        self.in_numpy = ""  # the call of the source of NumPy calls, where there is another
        self.cut: set[Node] = set()  # what was computed part by part, and has no memory as a whole
        self.in_place_of: dict[Node, Node] = {}  # of such, what has memory that others may take
        self.names: dict[Node, str] = {}
        self.constants: dict[str, Any] = {}
        self._by_key: dict[Any, str] = {}
        self._used = {"MISSED", "flat", "square", *_BUILT_IN}
        self._count: dict[str, int] = {}
        self.lines: list[str] = []
        self.memory: Any = None
        self.in_math = _is_of_numbers(program)
        self.python: set[Node] = set()  # what is a number of Python's
        self.asked: set[Node] = set()  # of those, what is tested for nan
        self.loops: dict[Node, list[str]] = {}  # the names of what loops return
        self._reserve(program)

    def _reserve(self, program: Program) -> None:
        """Keep the names of functions from being taken by variables."""
        for node in program.nodes:
            self._used.add(getattr(node.fn, "__name__", "f"))
            if type(node.fn) is Loop:
                self._reserve(node.fn.body)

    # --- names

    def fresh(self, base: str) -> str:
        """Return a name that is not in use yet, and take it."""
        base = base if self.named and base.isidentifier() and not keyword.iskeyword(base) else "t"
        name, k = base, self._count.get(base, 1)
        while name in self._used or name in self.constants:
            k += 1
            name = f"{base}_{k}" if base[-1].isdigit() else f"{base}{k}"
        self._count[base] = k
        self._used.add(name)
        return name

    def reserve(self, name: str, is_keyword: bool = False) -> str:
        """Take the name of a parameter: another one where the source has something else of that name."""
        while name in self._used and not is_keyword:
            name += "_"
        self._used.add(name)
        return name

    def result(self, outputs: list[Any], structure: Any, kinds: Any = None) -> str:
        """Return what the program returns as source; ``kinds`` are the classes of its leaves."""
        seen: set[Node] = set()
        texts = [self._output(x, seen, kinds and kinds[n]) for n, x in enumerate(outputs)]
        return self._container(tree.unflatten(structure, list(range(len(texts)))), texts)

    def _output(self, x: Any, seen: set[Node], kind: Any) -> str:
        """Return an output, in memory of its own and of the class that it has in eager."""
        if type(x) is not Node:
            text = self.text(x)
            return f"{text}.copy()" if type(x) is ndarray else text
        text, kind = self.names[x], kind or x.type
        if not x.shape and kind is ndarray:
            return f"{self.function(onp.array)}({text})"
        if x.is_array and x.shape:
            owned = x not in seen and self.owns(x)
            seen.add(x)
            return text if owned else f"{text}.copy()"
        if kind is float or kind is complex:
            return f"{kind.__name__}({text})"
        if (
            isinstance(kind, type)
            and issubclass(kind, onp.generic)
            and (kind is not x.type or kind is onp.float64)
        ):
            return f"{self.constant(kind, f'as_{kind.__name__}', ('class', kind))}({text})"
        return text

    def owns(self, n: Node) -> bool:
        """Say whether an array is nobody else's."""
        return owns(n)

    def _container(self, x: Any, texts: list[str]) -> str:
        """Return containers of texts as source; x has their positions."""
        if tree.is_leaf(x):
            return str(texts[x])
        kind = type(x)
        if kind is list or kind is tuple:
            inner = ", ".join(self._container(part, texts) for part in x)
            return f"[{inner}]" if kind is list else f"({inner},)" if len(x) == 1 else f"({inner})"
        if kind is dict:
            parts = (f"{self.text(k)}: {self._container(part, texts)}" for k, part in x.items())
            return "{" + ", ".join(parts) + "}"
        leaves, structure = tree.flatten(x)
        unflatten, found = self.helper(tree.unflatten, "unflatten"), self.constant(structure, "structure")
        return f"{unflatten}({found}, [{', '.join(texts[n] for n in leaves)}])"

    def constant(self, x: Any, base: str = "c", key: Any = None) -> str:
        """Return the name of a constant."""
        if base in _BUILT_IN and getattr(builtins, base) is x:
            return base
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

    def helper(self, f: Any, name: str) -> str:
        """Return the name of a function that is none of the program's: this name, if it is free."""
        return self.constant(f, name, ("helper", name))

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
        if dtype.kind == "f":
            return self.constant(onp.array(c, dtype), "c", ("number", repr(float(c)), dtype))
        return self.text(c)

    def operands(self, n: Node) -> list[str]:
        """Return the arguments of an elementwise call."""
        if n.is_array and n.shape and any(type(a) is Node and a.shape for a in n.args):
            numbers = (int, float) if n.fn in ARITHMETIC else (float,)
            return [self.number(a, n.dtype) if type(a) in numbers else self.text(a) for a in n.args]
        return [self.text(a) for a in n.args]

    # --- statements

    def run(self) -> None:
        """Write a line for each call and each guard."""
        self.write(self.program, Memory(self.program))

    def scalars_of(self, program: Program, is_body: bool = False) -> Scalars:
        """Return which numbers of a program are Python's."""
        return Scalars(program, _has_word, is_body)

    def write(self, program: Program, memory: Memory, scalars: Scalars | None = None) -> None:
        """Write the steps of a program, or of the body of a loop."""
        before = self.memory, self.in_math, self.python, self.asked
        self.memory, self.in_math = memory, _is_of_numbers(program)
        scalars = scalars or self.scalars_of(program)
        self.python, self.asked = scalars.inside, scalars.asked
        if self.in_math:
            self.python = set(program.nodes)
            if all(n.type is float for n in program.inputs):
                self.asked = set()
        self._write_steps(program)
        self.memory, self.in_math, self.python, self.asked = before

    def _write_steps(self, program: Program) -> None:
        steps = program.steps
        found = runs(program) if self.blocks else {}
        ends = self.memory.ends() if program is self.program else {}
        k = 0
        while k < len(steps):
            if k in found:
                items: Any = steps[k : found[k]]
                last, owner = self.memory.last, self.memory.owner
                after = {n for n in items if type(n) is Node and last.get(owner[n], -1) >= found[k]}
                write_block(self, items, after)
                self.cut.update(n for n in items if n not in after)
                ended = [nodes for j in range(k, found[k]) for nodes in ends.get(j, ())]
                self.give_back(ended)
                k = found[k]
                continue
            step: Any = steps[k]
            if type(step) is Guard:
                self.guard(step)
            else:
                self.statement(step)
            self.give_back(ends.get(k, ()))
            k += 1

    def give_back(self, ended: Any) -> None:
        """Write that large arrays are done with."""
        for nodes in ended:
            names = dict.fromkeys(self.names[n] for n in nodes if n in self.names)
            if names:
                self.lines.append(f"del {', '.join(names)}")

    def statement(self, n: Node) -> None:
        """Write one call."""
        if type(n.fn) is Loop:
            self.loops[n] = write_loop(self, n)
            return
        if n.fn is GETITEM and is_loop(n.args[0]):
            self.names[n] = self.loops[n.args[0]][n.args[1]]
            return
        own: dict[Any, Any] = {scatter: self.scatter, added_at: self.added, from_diagonals: self.diagonals}
        if n.fn in own:
            own[n.fn](n)
            return
        if n.fn is slopes.one_minus_square and n.shape and n.size and n.dtype.char in "df":
            self.one_minus_square(n)
            return
        if n in self.memory.deferred:
            self.names[n] = self.expression(n)
            return
        row = self.memory.rows.get(n)
        if row is not None:
            self.names[n] = row
            self.say(self.written_into(n, row), n)
            return
        into = self.memory_of(n)
        if into in self.names:
            name = self.names[n] = self.names[into]
            self.say(self.written_into(n, name), n)
            return
        text = self.expression(n)
        self.names[n] = self.fresh(n.name or "t")
        self.say(f"{self.names[n]} = {text}", n)
        if n in self.asked:
            self.lines += [f"if {self.names[n]} != {self.names[n]}:", "    raise FloatingPointError"]

    def memory_of(self, n: Node) -> Node | None:
        """Return the node in whose memory a result is written; None if it has memory of its own."""
        into = self.memory.into.get(n)
        into = self.in_place_of.get(into, into)
        return None if into in self.cut else into

    def one_minus_square(self, n: Node) -> None:
        """Write 1 - y² for y = tanh x; where it is small, x knows more of its digits."""
        y, x = map(self.text, n.args)
        one, least = self.number(1.0, n.dtype), slopes.LITTLE[n.dtype]
        name = self.names[n] = self.fresh(n.name or "t")
        self.say(f"{name} = {y} * {y}", n)
        self.lines.append(f"{self.function(onp.subtract)}({one}, {name}, {name})")
        self.lines.append(f"if not {name}.item({name}.argmin()) > {least:.3g}:")
        self.lines.append(f"    {name} = {self.function(n.fn)}({y}, {x})")

    def written_into(self, n: Node, name: str) -> str:
        """Return a call that writes its result into an array that is there."""
        if n.fn is onp.dot:
            return f"{self.text(n.args[0])}.dot({self.text(n.args[1])}, {name})"
        if n.fn is onp.concatenate:
            axis = n.kwargs.get("axis", n.args[1] if len(n.args) > 1 else 0)
            return f"{self.function(n.fn)}({self.text(n.args[0])}, {axis}, {name})"
        return self.elements_into(n, name)

    def elements_into(self, n: Node, name: str) -> str:
        """Return an elementwise call that writes its result into an array that is there."""
        out = "out=" if n.fn in (onp.maximum, onp.minimum) else ""  # by position, NumPy warns of these
        return f"{self.function(n.fn)}({', '.join(self.operands(n))}, {out}{name})"

    def dtype(self, dtype: Any) -> str:
        """Return the name of a dtype."""
        return self.constant(dtype, dtype.name, ("dtype", dtype))

    def say(self, line: str, n: Node) -> None:
        """Write a line and what it is."""
        self.lines.append(self.with_comment(line, n))

    def with_comment(self, line: str, n: Node) -> str:
        """Return a line and what it is."""
        if self.comments:
            what = getattr(n.fn, "__name__", "f")
            kind = f"{n.dtype}{list(n.shape)}" if n.shape else str(n.dtype) if n.is_array else n.type.__name__
            line = f"{line}  # {what}: {kind}"
        return line

    def guard(self, g: Guard) -> None:
        """Write the question that Python asked."""
        x = self.names[g.node]
        if g.how == "small":
            size = g.expected
            test = (
                f"{self._square(g.node, x)} <= {size * size!r}"
                if g.node.is_array
                else f"{-size!r} <= {x} <= {size!r}"
            )
            self.lines += [f"if not {test}:", "    raise OverflowError"]
            return
        if g.how == "finite":
            line = f"if not {self.finite(g.node, x)}:"
        elif g.how == "number":
            line = f"if {self.has_nan(g.node, x)}:"
        elif g.how == "within":
            line = f"if not ({self.within(g.node, x, *g.expected)}):"
        elif g.how == "kind":
            line = f"if {self.is_other(g.node, x)}:"
        elif g.how == "bool":
            line = f"if not {x}:" if g.expected else f"if {x}:"
        else:
            line = f"if {'float' if g.how == 'float' else 'int'}({x}) != {self.text(g.expected)}:"
        self.lines.append(f"{line}  # {g.line}" if self.comments and g.line else line)
        self.lines.append("    return MISSED")

    def finite(self, n: Node, x: str) -> str:
        """Return the test of a value for infinities and NaNs."""
        if n.dtype.kind != "f" or (n.dtype.char not in "df" and n.is_array):
            return f"{self.helper(_all_finite, 'all_finite')}({x})"
        if n.is_array:  # a sum is finite if all elements are, unless it overflows: eager then
            x = self._square(n, x) if n.size < 64 else f"{self.helper(onp.add.reduce, 'sum_of')}({x}, None)"
        return f"{self.helper(math.isfinite, 'isfinite')}({x})"

    def is_other(self, n: Node, x: str) -> str:
        """Return the test of a result for another class, shape or dtype."""
        if not n.is_array:
            return f"type({x}) is not {self.constant(n.type, n.type.__name__)}"
        dtype = self.constant(n.dtype, n.dtype.name, ("dtype", n.dtype))
        array = self.helper(ndarray, "ndarray")
        return f"type({x}) is not {array} or {x}.shape != {n.shape!r} or {x}.dtype != {dtype}"

    def within(self, n: Node, x: str, low: float, high: float) -> str:
        """Return the test of a value for two bounds."""
        low_text, high_text = self.text(low), self.text(high)
        if not n.is_array:
            return f"{low_text} <= {x}" if high == math.inf else f"{low_text} <= {x} <= {high_text}"
        test = f"{self.helper(onp.minimum.reduce, 'min_of')}({x}, None) >= {low_text}"
        if high == math.inf:
            return test
        return f"({test} and {self.helper(onp.maximum.reduce, 'max_of')}({x}, None) <= {high_text})"

    def has_nan(self, n: Node, x: str) -> str:
        """Return the test of a value for NaNs."""
        if not n.is_array:
            return f"{x} != {x}"
        if n.dtype.char in "df" and n.size and n.size <= MANY:
            return f"{self.helper(math.isnan, 'isnan')}({self._square(n, x)})"
        return f"{self.helper(has_nan, 'has_nan')}({x})"

    def _square(self, n: Node, x: str) -> str:
        """Return the sum of squares, which is nan if an element is."""
        return f"{x}.dot({x})" if n.ndim == 1 else f"(flat := {x}.reshape(-1)).dot(flat)"

    def expression(self, n: Node) -> str:
        """Return a call as source."""
        fn, args = n.fn, n.args
        if not n.kwargs and n in self.python and fn in MATH and len(args) == MATH_ARITY.get(fn, 1):
            return f"{self.function(MATH[fn])}({', '.join(map(self.text, args))})"
        if n in self.python and fn is slopes.one_minus_square:
            y, x = map(self.text, args)
            return f"1.0 - square if (square := {y} * {y}) < 0.94 else {self.function(fn)}({y}, {x})"
        if fn in SIGNS and not n.kwargs and len(args) == 2:
            a, b = self.operands(n)
            return f"{a} {SIGNS[fn]} {b}"
        if fn in BEFORE and not n.kwargs and len(args) == 1:
            return f"{BEFORE[fn]}{self.text(args[0])}"
        if fn is GETITEM:
            x, at = self.text(args[0]), self.index(args[1])
            if n in self.python and not self.in_math:
                return f"{x}.item({at.rstrip(',')})"
            return f"{x}.take({at}, 0)" if _picks_rows(*args) else f"{x}[{at}]"
        plain = plain_function(n)
        if plain is not None:
            return f"{self.function(plain)}({', '.join(map(self.text, args))})"
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
        if type(index) is Node or type(pieces) is Node:
            self.names[n] = self.fresh(n.name or "t")
            self.say(f"{self.names[n]} = {self.function(scatter)}({', '.join(map(self.text, n.args))})", n)
            return
        name = self.names[n] = self.fresh(n.name or "t")
        dtype = self.constant(onp.dtype(dtype), f"{onp.dtype(dtype).name}_")
        self.say(f"{name} = {self.function(onp.zeros)}({tuple(shape)!r}, {dtype})", n)
        self._add_pieces(name, index, pieces, ["=", *["+="] * (len(pieces) - 1)])

    def added(self, n: Node) -> None:
        """Write a copy of an array, or the array itself if it is done with, to which pieces are added."""
        x, indices, pieces, signs = n.args
        if n in self.memory.into:
            name = self.names[n] = self.names[x]
        else:
            name = self.names[n] = self.fresh(n.name or "t")
            self.say(f"{name} = {self.text(x)}.copy()", n)
        self._add_pieces(name, indices, pieces, ["+=" if sign > 0 else "-=" for sign in signs])

    def _add_pieces(self, name: str, indices: Any, pieces: Any, signs: list[str]) -> None:
        """Write additions of pieces at indices."""
        for index, piece, sign in zip(indices, pieces, signs, strict=True):
            if _repeats(index):
                given = f"({self.text(index)}, {self.text(piece)})"
                self.lines.append(f"{self.function(add_at)}({name}, [{given}])")
            else:
                self.lines.append(f"{name}[{self.index(index)}] {sign} {self.text(piece)}")

    def _diagonal(self, v: Any) -> str:
        """Return a vector, or the number that it is everywhere."""
        is_number = type(v) is not Node and not any(v.strides) and v.size
        return repr(v.flat[0].item()) if is_number else self.text(v)

    def diagonals(self, n: Node) -> None:
        """Write zeros with vectors on the diagonals."""
        shape, dtype, offsets, vectors = n.args
        texts = [self._diagonal(v) for v in vectors]
        name = self.names[n] = self.fresh(n.name or "t")
        self.say(f"{name} = {self.function(onp.zeros)}({tuple(shape)!r}, {self.dtype(onp.dtype(dtype))})", n)
        flat = self.fresh(f"{name}_flat")
        self.lines.append(f"{flat} = {name}.reshape(-1)")
        for k, text in zip(offsets, texts, strict=True):
            start, stop, step = places_of(shape, k)
            self.lines.append(f"{flat}[{start}:{stop}:{step}] = {text}")


def _is_whole(x: Any) -> bool:
    return type(x) is int or (type(x) is float and x.is_integer())


def _all_finite(x: Any) -> bool:
    return bool(onp.isfinite(x).all())


_OTHERS: frozenset[Any] = frozenset({slopes.one_minus_square, onp.power})
MATH_ARITY: dict[Any, int] = {onp.hypot: 2, onp.arctan2: 2}


def _repeats(index: Any) -> bool:
    """Say whether an index may name an element twice."""

    def stand_in(n: Node) -> Any:
        return onp.zeros(n.shape, n.dtype) if n.shape else onp.zeros((), n.dtype)[()]

    return repeats(map_nodes(stand_in, index))


def _picks_rows(x: Any, index: Any) -> bool:
    """Say whether an index picks as many rows as there are: NumPy's ``take`` needs a quarter of the time.

    It copies an array that is not contiguous, which for a few rows of many would take longer.
    """
    if type(index) is not Node or type(x) is not Node or not (index.is_array and index.ndim and x.is_array):
        return False
    return index.dtype.kind in "iu" and (owns(x) or index.size >= x.shape[0])


def _is_of_numbers(program: Program) -> bool:
    """Say whether a program is of numbers alone, which math does faster than NumPy."""
    return all(map(_is_float_call, program.nodes)) and all(map(_is_number, program.inputs))


def is_of_python_numbers(program: Program) -> bool:
    """Say whether there is nothing in a program that NumPy computes, not even a number of its classes."""
    given = [x for n in program.nodes for x in n.args]
    return (
        _is_of_numbers(program)
        and all(n.type is float for n in program.inputs)
        and not any(isinstance(x, (ndarray, onp.generic)) for x in given)
    )


def _is_float_call(n: Node) -> bool:
    """Say whether a call is one of numbers that math and Python's operators do as well."""
    if n.kwargs or not (n.fn in SIGNS or n.fn in BEFORE or n.fn in MATH or n.fn in _OTHERS):
        return False
    return n.type in _FLOATS or n.type in (bool, onp.bool_)


def _has_word(n: Node) -> bool:
    """Say whether a call of numbers raises in Python or makes a nan where it is invalid in NumPy."""
    if n.fn is onp.power:  # Python makes a complex number of a root of a negative one
        return _is_whole(n.args[1])
    return _is_float_call(n)


def _is_number(n: Node) -> bool:
    return n.type in _FLOATS


def _vdot(e: Emitter, n: Node, a: Any, b: Any) -> str | None:
    if not all(type(x) is Node and x.is_array for x in (a, b)) or n.dtype.kind != "f":
        return None
    if any(x.fn is GETITEM and x.size >= MANY_TO_COPY for x in (a, b)):  # of which a reshape is a copy
        letters = "abcdefgh"[: a.ndim]
        return f"{e.function(onp.einsum)}('{letters},{letters}->', {e.text(a)}, {e.text(b)})"
    return f"{e.text(a)}.reshape(-1).dot({e.text(b)}.reshape(-1))"


MANY_TO_COPY = 5_000  # elements of a view from which einsum is faster than a copy and a product
MANY = 100_000  # elements up to which a sum is a product with ones


def _sum(
    e: Emitter,
    n: Node,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    **kwargs: Any,
) -> str | None:
    """Sums are products with ones, which take BLAS a third of NumPy's time, or the ufunc's own method."""
    if type(a) is not Node or not a.is_array or kwargs or out is not None:
        return None
    x, keepdims = e.text(a), bool(keepdims)
    sum_of = e.helper(onp.add.reduce, "sum_of")
    if dtype is not None:
        return f"{sum_of}({x}, {axis!r}, {e.dtype(onp.dtype(dtype))}, None, {keepdims})"
    if a.dtype.kind == "f" and a.dtype.char in "df" and a.size:
        text = _sum_by_ones(e, a, x, axis, keepdims)
        if text is not None:
            return text
    return f"{sum_of}({x}, {axis!r}, None, None, {keepdims})" if keepdims else f"{sum_of}({x}, {axis!r})"


def _sum_by_ones(e: Emitter, a: Node, x: str, axis: Any, keepdims: bool) -> str | None:
    ones, shape = ones_of(e, a.dtype), a.shape
    if axis is None and not keepdims and a.size <= MANY:
        return f"{x}.dot({ones(a.size)})" if a.ndim == 1 else f"{x}.reshape(-1).dot({ones(a.size)})"
    if a.ndim == 2 and axis == 0 and not keepdims:
        return f"{ones(shape[0])}.dot({x})"
    if a.ndim == 2 and axis in (1, -1):
        return f"{x}.dot({ones(shape[1], 1)})" if keepdims else f"{x}.dot({ones(shape[1])})"
    if a.ndim == 3 and axis in (1, -2) and shape[2] < 64:
        y = f"{e.function(onp.matmul)}({ones(1, shape[1])}, {x})"
        return y if keepdims else f"{y}.reshape({(shape[0], shape[2])!r})"
    if a.ndim == 3 and axis in (2, -1) and shape[2] < 64:
        y = f"{x}.reshape({(-1, shape[2])!r}).dot({ones(shape[2])})"
        return f"{y}.reshape({(*shape[:2], 1) if keepdims else shape[:2]!r})"
    return None


def _einsum(e: Emitter, n: Node, text: Any, *xs: Any, **kwargs: Any) -> str | None:
    """A sum of products along short rows, or along the first axis, is a product with ones."""
    if kwargs or type(text) is not str or len(xs) != 2 or n.dtype is None or n.dtype.char not in "df":
        return None
    names, _, left = text.partition("->")
    if "," not in names or any(type(x) is not Node or not x.is_array for x in xs):
        return None
    first, second = names.split(",")
    a, b = xs
    if first != second or len(set(first)) != a.ndim or (a.shape, a.dtype) != (b.shape, b.dtype):
        return None
    if not _multiplies_first(a, b, first, left):
        return None
    product, ones = f"({e.text(a)} * {e.text(b)})", ones_of(e, a.dtype)
    if left == first[1:]:
        return f"{ones(a.shape[0])}.dot({product})"
    if a.ndim == 2:
        return f"{product}.dot({ones(a.shape[1])})"
    return f"{product}.reshape({(-1, a.shape[-1])!r}).dot({ones(a.shape[-1])}).reshape({n.shape!r})"


IN_CACHE = 1 << 18  # bytes of a product up to which computing it and its sum apart is faster


def _multiplies_first(a: Node, b: Node, letters: str, left: str) -> bool:
    """Say whether it is faster to multiply all elements first, and then to add up."""
    if left == letters[1:] and a.ndim == 2:
        return a.nbytes <= IN_CACHE and (a.shape[0] > a.shape[1] or a.nbytes < IN_CACHE >> 4)
    if left != letters[:-1] or a.ndim < 2:
        return False
    return a.nbytes <= IN_CACHE or (a.nbytes <= 16 * IN_CACHE and (a is b or a.shape[-1] <= 8))


def ones_of(e: Emitter, dtype: Any) -> Callable[..., str]:
    """Return what names constants of ones, given their shape."""

    def ones(*shape: int) -> str:
        name = f"ones_{'x'.join(map(str, shape))}" + ("f" if dtype.char == "f" else "")
        return e.constant(onp.ones(shape, dtype), name, ("ones", shape, dtype))

    return ones


def _extreme(f: Any, name: str) -> Any:
    def written(
        e: Emitter, n: Node, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any
    ) -> str | None:
        if type(a) is not Node or not a.is_array or kwargs or out is not None:
            return None
        of = e.helper(f.reduce, name)
        return f"{of}({e.text(a)}, {axis!r}" + (", None, None, True)" if keepdims else ")")

    return written


def _power(e: Emitter, n: Node, a: Any, b: Any, **kwargs: Any) -> str | None:
    """Of negative numbers, Python makes complex ones: math raises, and eager takes the call."""
    if kwargs:
        return None
    x, y = e.operands(n)
    return f"{x} ** {y}" if n.type is not float or _is_whole(b) else f"{e.function(math.pow)}({x}, {y})"


def _dot(e: Emitter, n: Node, a: Any, b: Any) -> str | None:
    return f"{e.text(a)}.dot({e.text(b)})" if type(a) is Node and a.is_array else None


def _reshape(e: Emitter, n: Node, a: Any, shape: Any = None, *rest: Any, **kwargs: Any) -> str | None:
    if rest:
        return None
    return f"{e.text(a)}.reshape({e.text(shape)})" if type(a) is Node and a.is_array and not kwargs else None


def _method(name: str) -> Any:
    """Return how a function of an array and an axis is written that is a method too."""

    def written(e: Emitter, n: Node, a: Any, axis: Any = None, **kwargs: Any) -> str | None:
        if kwargs or type(a) is not Node or not a.is_array or type(axis) not in (int, type(None)):
            return None
        return f"{e.text(a)}.{name}({'' if axis is None else axis})"

    return written


def _transpose(e: Emitter, n: Node, a: Any, axes: Any = None) -> str | None:
    if type(a) is not Node or not a.is_array:
        return None
    return f"{e.text(a)}.T" if axes is None else f"{e.text(a)}.transpose({e.text(axes)})"


# How a function is written where that is not its own call: (emitter, node, *args, **kwargs) ↦ source or None.
EXPRESSIONS: dict[Any, Callable[..., Any]] = {
    onp.power: _power,
    onp.dot: _dot, onp.reshape: _reshape, onp.transpose: _transpose, onp.vdot: _vdot, onp.sum: _sum,
    onp.einsum: _einsum, onp.cumsum: _method("cumsum"), onp.cumprod: _method("cumprod"),
    onp.all: _method("all"), onp.any: _method("any"),
    onp.max: _extreme(onp.maximum, "max_of"), onp.min: _extreme(onp.minimum, "min_of"),
}  # fmt: skip

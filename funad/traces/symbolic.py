"""The symbolic trace: one run of a function that writes down every call as a node of a program.

It is the outermost trace, so that differentiating traces inside of it hand their calls on, those of the
backward pass too. What they take for constant is kept: comparisons, ``floor``, ``argmax``, integers and
booleans are nodes like all others. The concrete value of a ``Symbol`` cannot be had without a word:
``bool(x)``, ``int(x)`` and an index become guards of the program, and any other look makes it one that cannot
be compiled.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import numpy as onp

from ..boxes import Traced, innermost
from ..calling import as_array
from ..compiling.program import GETITEM, SOFT, Builder, Node, spec_of
from ..compiling.shapes import has_static_shape
from ..floating import ERRORS, OF_RULES, restore
from ..opaque import Opaque
from ..registry import Primitive, by_position, primitive_of, signature_of
from ..snapshots import sampled
from ..spaces import laid_out_copy, name_of
from ..trace import OF_INDICES, OF_SHAPES, Trace, next_level
from ..values import constant
from ..writing import settled
from .reverse import refuse_ended

__all__ = ["NotCompilable", "Symbol", "SymbolicTrace"]

ndarray, new = onp.ndarray, object.__new__
_INTEGERS = (bool, int, onp.bool_, onp.integer)
_VALUES = (ndarray, onp.generic, float, int, complex)  # what becomes a symbol


LONGEST = 50_000  # calls of a program; recording takes some 50 µs for each, and as much again to write it


class NotCompilable(Exception):
    """Raised where recording cannot go on: the function runs in eager then."""


class Symbol(Opaque):
    """A value of a program that is being recorded: its node, and what it was this time."""

    __slots__ = ()

    node: Any = Opaque.index  # type: ignore[misc]  # the same slot under its own name
    concrete: Any = Opaque.inside  # and under one that nobody asks for by chance

    @property
    def kind(self) -> Any:
        """The class of the value."""
        return self.node.type

    @property
    def shape(self) -> tuple[int, ...]:
        return self.node.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        return self.node.dtype

    def remade(self, f: Any) -> Symbol:
        """Return another symbol of the same node: a value is never written into."""
        return symbol(self.tape, self.node, self.concrete)

    def __repr__(self) -> str:
        return repr(self.concrete)

    def __str__(self) -> str:
        return str(self.concrete)

    def __format__(self, spec: str) -> str:
        return format(self.concrete, spec)

    def __eq__(self, other: Any) -> Any:
        return not self._is_no_number(other) and Opaque.__eq__(self, other)

    def __ne__(self, other: Any) -> Any:
        return self._is_no_number(other) or Opaque.__ne__(self, other)

    def __hash__(self) -> int:
        why = f"{describe(self)}: hash() was asked of it, as where it is a key"
        self.tape.fail(why)  # f runs as it is then: the cache of a function must not keep what is a symbol
        raise NotCompilable(why)

    def _is_no_number(self, other: Any) -> bool:
        """Say whether a number is compared with a word or None, as where a rule asks which norm it is."""
        return not self.shape and (other is None or type(other) is str)

    def __bool__(self) -> bool:
        return bool(self.tape.guard(self, "bool", bool(self.concrete)))

    def __index__(self) -> int:  # type: ignore[override]
        return int(self.tape.guard(self, "index", operator.index(self.concrete)))

    def __int__(self) -> int:
        return int(self.tape.guard(self, "int", int(self.concrete)))

    def __float__(self) -> float:
        if self.dtype.kind in "biu":
            return float(self.tape.guard(self, "float", float(self.concrete)))
        return float(self.tape.look(self, "float() was asked of it"))

    def option(self) -> Any:
        """Return the number that chooses a formula."""
        how, kind = ("float", float) if self.dtype.kind == "f" else ("int", int)
        if self.shape or self.dtype.kind not in "fiu":
            return self
        return kind(self.tape.guard(self, how, kind(self.concrete)))

    def __round__(self, *digits: Any) -> Any:
        return self.tape.opaque(round, (self, *digits), {})

    def __floor__(self) -> Any:
        return self.tape.opaque(math.floor, (self,), {})

    def __ceil__(self) -> Any:
        return self.tape.opaque(math.ceil, (self,), {})

    def __trunc__(self) -> Any:
        return self.tape.opaque(math.trunc, (self,), {})

    def __array_function__(self, f: Any, types: Any, args: Any, kwargs: Any) -> Any:
        prim, active = primitive_of(f), self.tape.active
        if prim is None or prim.traced is f or f in active:
            return self.tape.opaque(f, args, kwargs)
        active.add(f)
        try:
            return prim.traced(*args, **kwargs)
        finally:
            active.discard(f)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        prim = primitive_of(ufunc)
        if method == "__call__" and not kwargs and (prim is None or prim.traced is ufunc):
            return self.tape.opaque(ufunc, inputs, {})
        return Traced.__array_ufunc__(self, ufunc, method, *inputs, **kwargs)

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())


def symbol(trace: SymbolicTrace, node: Node, value: Any) -> Symbol:
    """Return a value of a program."""
    made = new(Symbol)
    made.concrete, made.tape, made.node = value, trace, node
    return made


class SymbolicTrace(Trace):
    """One recording: ``builder`` has the program so far, ``why`` the first reason not to compile it."""

    __slots__ = (
        "active", "builder", "constants", "ended", "level", "line", "passing", "resume", "resume_at", "why",
    )  # fmt: skip

    def __init__(self, line: Any = None) -> None:
        self.level = next_level()
        self.builder = Builder()
        self.ended = False
        self.constants: dict[int, tuple[onp.ndarray, bytes]] = {}  # with what they had in them at first
        self.active: set[Any] = set()  # the functions of NumPy's that are being asked, by themselves perhaps
        self.why = ""
        self.passing = False  # whether the reason is one of the arguments' values
        self.resume_at: float = math.inf  # calls, from which on resume is to be called, once
        self.resume: Any = None
        self.line = line or (lambda: "")  # finds the user's line that runs now

    def input(self, x: Any, name: str) -> Symbol:
        """Return an argument as a symbol."""
        return symbol(self, self.builder.input(spec_of(x), name), x)

    def fail(self, why: str, passing: bool = False) -> None:
        """Note that the program cannot be compiled, the first reason first."""
        if not self.why:
            self.passing = passing
            line = self.line()
            self.why = f"{why}; {line}" if line else why

    def look(self, x: Any, why: str) -> Any:
        """Return the concrete value; what is made of it is none of the program's, which fails."""
        if self.ended:
            refuse_ended()
        x = constant(x)
        if type(x) is not Symbol:
            self.fail(why)
            return x
        self.fail(f"{describe(x)}: {why}")
        return laid_out_copy(x.concrete) if type(x.concrete) is ndarray else x.concrete

    def leave(self, x: Any) -> Any:
        return x

    def guard(self, x: Symbol, how: str, answer: Any) -> Any:
        """Note that the program is the right one only if the answer is the same."""
        if self.ended:
            refuse_ended()
        if how in SOFT and not answer:
            self.fail(f"{describe(x)} is {_WRONG[how]}", True)
        node, asked = x.node, answer
        if (
            how == "bool"
            and not answer
            and node.fn is onp.any
            and not node.kwargs
            and _asks_for_nan(node.args[0])
        ):
            node, how, answer = node.args[0].args[0], "number", True
        self.builder.guard(node, how, answer, self.line())
        return asked

    def after(self, look: Any, f: Any, args: Any, kwargs: Any, name: str = "") -> Any:
        raise look

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Any = None) -> Any:
        """Run a call on the concrete values, and note it."""
        if self.ended:
            refuse_ended()
        f = prim.f
        if f in OF_SHAPES:
            return f(*map(_value, args), **{name: _value(x) for name, x in kwargs.items()})
        args, kwargs = _without_symbolic_shapes(prim, args, kwargs)
        args = tuple([self._as_one(prim, n, x) for n, x in enumerate(args)])
        kwargs = {name: settled(x) for name, x in kwargs.items()}
        if self.builder.count > self.resume_at:
            self.resume()
        if self.builder.count > LONGEST:
            raise NotCompilable(
                f"it makes more than {LONGEST:,} calls, of which the source would be too long"
            )
        if kwargs.get("out") is not None:
            raise NotCompilable(f"{prim.name} was given out, an array to write into")
        y = self._run(prim, [_value(x) for x in args], {name: _value(x) for name, x in kwargs.items()})
        self._note_constants((*args, *kwargs.values()))
        node_args = tuple([_node(x) for x in args])
        named = {name: _node(x) for name, x in kwargs.items()}
        return self._made(prim, y, self.builder.raw(f, node_args, named, spec_of(y)))

    def _note_constants(self, xs: Any) -> None:
        """Remember what plain arrays have in them: a program knows the arrays alone."""
        for x in xs:
            if type(x) is ndarray:
                if x.flags.writeable and id(x) not in self.constants:
                    self.constants[id(x)] = x, sampled(x)
            elif type(x) is list or type(x) is tuple:
                self._note_constants(x)

    def verify(self) -> None:
        """Fail if an array has been written into since the first call with it; forget them."""
        for x, before in self.constants.values():
            if sampled(x) != before:
                self.fail("a plain array is written into after a call with it")
        self.constants = {}

    def _as_one(self, prim: Primitive, n: int, x: Any) -> Any:
        """Return an argument with nested lists of symbols as one array, but where lists are wanted."""
        x = settled(x)
        if type(x) in (list, tuple) and n not in prim.containers and innermost((x,)) is self:
            try:
                return x if prim.f in OF_INDICES or prim.foreign else as_array(x)
            except ValueError:
                raise NotCompilable(f"{prim.name} was given values in a list that is no array") from None
        return x

    def _run(self, prim: Primitive, args: Any, kwargs: Any) -> Any:
        """Return the result, and note an invalid operation, which eager mends where a rule has met it."""
        f = prim.f if prim.foreign else prim.traced
        token = ERRORS.set(OF_RULES)
        try:
            return settled(f(*args, **kwargs))
        except FloatingPointError:
            pass
        except Exception as error:
            self.fail(f"{prim.name} raised {type(error).__name__}")
            raise
        finally:
            restore(token)
        self.fail(f"{prim.name} met an invalid operation, as 0/0 or 0·∞", True)
        return settled(f(*args, **kwargs))

    def opaque(self, f: Any, args: Any, kwargs: Any) -> Any:
        """Note a call of a plain function, which a function made of others asks for plain values."""
        made = Primitive(f, name_of(f))
        return self.call(made, args, kwargs)

    def _made(self, prim: Primitive, y: Any, node: Node) -> Any:
        """Return a result as a symbol, or its parts."""
        if isinstance(y, _VALUES):
            dtype = getattr(y, "dtype", None)
            if dtype is not None and dtype.kind not in "fciub":
                self.fail(f"{prim.name} returned an array of dtype {dtype}")
            if type(y) is not ndarray and issubclass(type(y), ndarray):
                self.fail(f"{prim.name} returned a {type(y).__name__}")
            of = node.args[0] if node.fn is GETITEM else None
            whole = of if type(of) is Node and of.parts else node
            if not has_static_shape(whole.fn, whole.args):  # which may be another for other arguments
                self.builder.guard(node, "kind", (type(y), onp.shape(y), node.dtype), self.line())
            return symbol(self, node, y)
        if isinstance(y, (tuple, list)):
            raw = self.builder.raw
            parts = [
                self._made(prim, part, raw(GETITEM, (node, k), None, spec_of(part)))
                for k, part in enumerate(y)
            ]
            return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
        if y is not None:
            self.fail(f"{prim.name} returned a {type(y).__name__}")
        return y


_WRONG = {
    "finite": "not finite",
    "number": "not a number somewhere",
    "within": "not where a function is defined",
}


def _asks_for_nan(x: Any) -> bool:
    """Say whether a node is x != x."""
    return type(x) is Node and x.fn is onp.not_equal and x.args[0] is x.args[1] and type(x.args[0]) is Node


def describe(x: Symbol) -> str:
    """Say what a symbol is."""
    name = x.node.name
    of = f"{x.dtype}{list(x.shape)}" if x.kind is ndarray else x.kind.__name__
    return f"{name} ({of})" if name else f"a value ({of})"


def _replaced(x: Any, of_symbol: Callable[[Symbol], Any]) -> Any:
    """Return an argument with something else in the place of each symbol."""
    kind = type(x)
    if kind is Symbol:
        return of_symbol(x)
    if kind is tuple or kind is list:
        return kind([_replaced(part, of_symbol) for part in x])
    if kind is slice:
        return slice(*(_replaced(part, of_symbol) for part in (x.start, x.stop, x.step)))
    return _replaced(settled(x), of_symbol) if isinstance(x, Traced) else x


def _without_symbolic_shapes(prim: Primitive, args: Any, kwargs: Any) -> Any:
    """Return arguments with ints, guarded, where symbols decide about the shape of a result."""
    if any(map(_has_integer, args[1:])):
        names = [p.name for p in by_position(signature_of(prim.f))]
        args = tuple(
            _asked(x) if name in _OF_SHAPE else x for x, name in zip_longest(args, names[: len(args)])
        )
    return args, {name: _asked(x) if name in _OF_SHAPE else x for name, x in kwargs.items()}


# Parameters that decide about the shape of a result, whatever the array is.
_OF_SHAPE = frozenset(
    {"axis", "axes", "axis1", "axis2", "source", "destination", "shape", "newshape", "s", "n", "k", "offset",
     "repeats", "reps", "num", "pad_width", "indices_or_sections"}
)  # fmt: skip


def _is_integer(x: Symbol) -> bool:
    return not x.shape and x.dtype.kind in "iu"


def _has_integer(x: Any) -> bool:
    found: list[bool] = []
    _replaced(x, lambda symbol: found.append(_is_integer(symbol)))
    return any(found)


def _asked(x: Any) -> Any:
    """Return an argument with an int, of which a guard is made, in the place of each symbolic integer."""
    return _replaced(x, lambda symbol: operator.index(symbol) if _is_integer(symbol) else symbol)


def _value(x: Any) -> Any:
    """Return an argument with concrete values in the place of symbols."""
    return _replaced(x, lambda symbol: symbol.concrete)


def _node(x: Any) -> Any:
    """Return an argument with nodes in the place of symbols."""
    return _replaced(x, lambda symbol: symbol.node)

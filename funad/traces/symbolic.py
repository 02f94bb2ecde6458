"""The symbolic trace: one run of a function that writes down every call as a node of a program.

It is the outermost trace, so that differentiating traces inside of it hand their calls on, those of the
backward pass too. What they take for constant is kept: comparisons, ``floor``, ``argmax``, integers and
booleans are nodes like all others. The concrete value of a ``Symbol`` cannot be had without a word:
``bool(x)``, ``int(x)`` and an index become guards of the program, and any other look makes it one that cannot
be compiled.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as onp

from ..boxes import Opaque, Traced, innermost
from ..calling import as_array
from ..compiling.program import GETITEM, Builder, Node, spec_of
from ..compiling.shapes import has_static_shape
from ..floating import invalid_raises, restore
from ..registry import Primitive
from ..spaces import laid_out_copy
from ..trace import OF_INDICES, OF_SHAPES, Trace, next_level
from ..values import constant
from ..writing import settled
from .reverse import refuse_ended

__all__ = ["NotCompilable", "Symbol", "SymbolicTrace"]

ndarray, new = onp.ndarray, object.__new__
_INTEGERS = (bool, int, onp.bool_, onp.integer)
_VALUES = (ndarray, onp.generic, float, int, complex)  # what becomes a symbol


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
        return f"Symbol({self.concrete!r})"

    def __str__(self) -> str:
        return str(self.concrete)

    def __format__(self, spec: str) -> str:
        return format(self.concrete, spec)

    def __bool__(self) -> bool:
        return bool(self.tape.guard(self, "bool", bool(self.concrete)))

    def __index__(self) -> int:
        return int(self.tape.guard(self, "index", operator.index(self.concrete)))

    def __int__(self) -> int:  # type: ignore[override]
        return int(self.tape.guard(self, "int", int(self.concrete)))

    def __float__(self) -> float:  # type: ignore[override]
        if self.dtype.kind in "biu":
            return float(self.tape.guard(self, "float", float(self.concrete)))
        return float(self.tape.look(self, "float() was asked of it"))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())


def symbol(trace: SymbolicTrace, node: Node, value: Any) -> Symbol:
    """Return a value of a program."""
    made = new(Symbol)
    made.concrete, made.tape, made.node = value, trace, node
    return made


class SymbolicTrace(Trace):
    """One recording: ``builder`` has the program so far, ``why`` the first reason not to compile it."""

    __slots__ = ("builder", "ended", "level", "line", "passing", "why")

    def __init__(self, line: Any = None) -> None:
        self.level = next_level()
        self.builder = Builder()
        self.ended = False
        self.why = ""
        self.passing = False  # whether the reason is one of the arguments' values
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
        if how in ("finite", "number") and not answer:
            self.fail(
                f"{describe(x)} is {'not finite' if how == 'finite' else 'not a number somewhere'}", True
            )
        self.builder.guard(x.node, how, answer, self.line())
        return answer

    def after(self, look: Any, f: Any, args: Any, kwargs: Any, name: str = "") -> Any:
        raise look

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Any = None) -> Any:
        """Run a call on the concrete values, and note it."""
        if self.ended:
            refuse_ended()
        f = prim.f
        if f in OF_SHAPES:
            return f(*map(_value, args), **{name: _value(x) for name, x in kwargs.items()})
        args = tuple([self._as_one(prim, n, x) for n, x in enumerate(args)])
        kwargs = {name: settled(x) for name, x in kwargs.items()}
        if kwargs.get("out") is not None:
            raise NotCompilable(f"{prim.name} was given out, an array to write into")
        y = self._run(prim, [_value(x) for x in args], {name: _value(x) for name, x in kwargs.items()})
        node_args = tuple([_node(x) for x in args])
        named = {name: _node(x) for name, x in kwargs.items()}
        return self._made(prim, y, self.builder.raw(f, node_args, named, spec_of(y)))

    def _as_one(self, prim: Primitive, n: int, x: Any) -> Any:
        """Return an argument with nested lists of symbols as one array, but where lists are wanted."""
        x = settled(x)
        if type(x) in (list, tuple) and n not in prim.containers and innermost((x,)) is self:
            return x if prim.f in OF_INDICES or prim.foreign else as_array(x)
        return x

    def _run(self, prim: Primitive, args: Any, kwargs: Any) -> Any:
        """Return the result, and note an invalid operation, which eager mends where a rule has met it."""
        f = prim.f if prim.foreign else prim.traced
        token = invalid_raises()
        try:
            return f(*args, **kwargs)
        except FloatingPointError:
            pass
        except Exception as error:
            self.fail(f"{prim.name} raised {type(error).__name__}")
            raise
        finally:
            restore(token)
        self.fail(f"{prim.name} met an invalid operation, as 0/0 or 0·∞", True)
        return f(*args, **kwargs)

    def _made(self, prim: Primitive, y: Any, node: Node) -> Any:
        """Return a result as a symbol, or its parts."""
        if isinstance(y, _VALUES):
            if getattr(y, "dtype", None) is not None and y.dtype.kind not in "fciub":
                self.fail(f"{prim.name} returned an array of dtype {y.dtype}")
            if type(y) is not ndarray and issubclass(type(y), ndarray):
                self.fail(f"{prim.name} returned a {type(y).__name__}")
            if not has_static_shape(node.fn, node.args):  # which may be another for other arguments
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


def describe(x: Symbol) -> str:
    """Say what a symbol is."""
    name = x.node.name
    of = f"{x.dtype}{list(x.shape)}" if x.kind is ndarray else x.kind.__name__
    return f"{name} ({of})" if name else f"a value ({of})"


def _value(x: Any) -> Any:
    """Return an argument with concrete values in the place of symbols."""
    kind = type(x)
    if kind is Symbol:
        return x.concrete
    if kind is tuple or kind is list:
        return kind([_value(part) for part in x])
    if kind is slice:
        return slice(_value(x.start), _value(x.stop), _value(x.step))
    return _value(settled(x)) if isinstance(x, Traced) else x


def _node(x: Any) -> Any:
    """Return an argument with nodes in the place of symbols."""
    kind = type(x)
    if kind is Symbol:
        return x.node
    if kind is tuple or kind is list:
        return kind([_node(part) for part in x])
    if kind is slice:
        return slice(_node(x.start), _node(x.stop), _node(x.step))
    return _node(settled(x)) if isinstance(x, Traced) else x

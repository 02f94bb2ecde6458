"""Operators of batched values, and calls with them, written out for speed.

They belong to ``fast``: without them all works, and gives the same numbers. The general way of a call asks a
dozen questions, which take 20 µs; here a call whose other arguments are plain, or batched along the same
axis, goes to the stacks at once. With FUNAD_FAST=0 in the environment ``install`` leaves them out.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import calling
from ..boxes import CONSTANTS, link
from ..opaque import Batched
from ..operands import PARTS, is_plain
from ..operators import BINARY, UNARY, give
from ..registry import Primitive
from ..writing import linked
from .batch import is_basic, spread

ndarray, new = onp.ndarray, object.__new__
_WITH_NDIM = CONSTANTS | {Batched}  # the types that tell their axes, or are numbers of Python's


def _operator_of_one(operate: Callable[[Any], Any], general: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the operator of one operand."""

    def operator_of_one(self: Any) -> Any:
        trace = self.tape
        if trace.ended or trace.apart:
            return general(self)
        made = new(Batched)
        made.stack, made.tape, made.index = operate(self.stack), trace, None
        return made

    return operator_of_one


def _operator_of_two(
    operate: Callable[[Any, Any], Any], general: Callable[[Any, Any], Any], reflected: bool
) -> Callable[[Any, Any], Any]:
    """Return the operator whose left operand is batched, or reflected the right one alone."""

    def operator_of_two(self: Any, other: Any) -> Any:
        trace, a, kind = self.tape, self.stack, type(other)
        if kind in CONSTANTS:
            b = other
            if kind is ndarray and b.ndim >= a.ndim:
                a = spread(a, a.ndim - 1, b.ndim)
        elif kind is Batched and other.tape is trace:
            b = other.stack
            if a.ndim != b.ndim:
                a, b = _of_one_rank(a, b)
        else:
            return general(self, other)
        if trace.ended or trace.apart:
            return general(self, other)
        try:
            y = operate(b, a) if reflected else operate(a, b)
        except ArithmeticError:
            raise
        except Exception:  # as members raise it, there it is explained
            return general(self, other)
        made = new(Batched)
        made.stack, made.tape, made.index = y, trace, None
        return made

    return operator_of_two


def _item(general: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return x[index]."""

    def getitem(self: Any, index: Any) -> Any:
        trace, stack = self.tape, self.stack
        if type(stack) is not ndarray or not is_basic(index) or trace.ended or trace.apart:
            return general(self, index)
        try:
            y = stack[(slice(None), *index) if type(index) is tuple else (slice(None), index)]
        except IndexError:  # as members raise it
            return general(self, index)
        made = new(Batched)
        made.tape, made.index = trace, None
        if y.ndim > 1:
            made.stack = y
            link(made, self, index)
        else:
            made.stack = y.copy()  # a number has no memory
        return made

    return getitem


def _of_one_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """Return two stacks with members of as many axes, by axes of length 1."""
    rank = max(a.ndim, b.ndim) - 1
    return spread(a, a.ndim - 1, rank), spread(b, b.ndim - 1, rank)


# The shortcut of fast.py, which looks at the types of one or two arguments, is asked first.
(_of_traced,) = calling.shortcuts or [lambda *_: NotImplemented]


def of_batched(outer: Any, prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive on batched values of one trace and plain ones, if the call is one."""
    y = _of_traced(outer, prim, args, kwargs)
    if y is not NotImplemented:
        return y
    trace = _trace_of(args, None)
    if trace is None or trace is NotImplemented or trace.ended or trace.apart:
        return NotImplemented
    if kwargs and ("out" in kwargs or not all(map(is_plain, kwargs.values()))):
        return NotImplemented
    f = prim.f
    if not kwargs and type(f) is onp.ufunc and f.signature is None and prim.kind == "elementwise":
        return _by_element(trace, prim, args) if _WITH_NDIM.issuperset(map(type, args)) else NotImplemented
    y = trace.call(prim, args, kwargs)
    return linked(y, prim, args, kwargs) if prim.views else y


def _trace_of(xs: Any, trace: Any) -> Any:
    """Return the one trace of batched values in lists; NotImplemented if there may be values of another."""
    for x in xs:
        kind = type(x)
        if kind is Batched:
            if trace is None:
                trace = x.tape
            elif x.tape is not trace:
                return NotImplemented
        elif kind is list:
            trace = _trace_of(x, trace)
        elif kind not in PARTS and not is_plain(x):
            return NotImplemented
    return trace


def _by_element(trace: Any, prim: Primitive, args: tuple[Any, ...]) -> Any:
    """Call a ufunc on stacks."""
    rank = max([x.stack.ndim - 1 if type(x) is Batched else getattr(x, "ndim", 0) for x in args])
    xs = [spread(x.stack, x.stack.ndim - 1, rank) if type(x) is Batched else x for x in args]
    try:
        y = prim.traced(*xs)
    except ArithmeticError:
        raise
    except Exception:  # as members raise it, there it is explained
        return NotImplemented
    made = new(Batched)
    made.stack, made.tape, made.index = y, trace, None
    return made


def install() -> None:
    """Take the short ways from now on."""
    for name, operate, _ in UNARY:
        if operate is operator.neg:
            give(Batched, f"__{name}__", _operator_of_one(operate, getattr(Batched, f"__{name}__")))
    for name, operate, _ in BINARY:
        if operate is not operator.matmul:
            for prefix in ("", "r"):
                general = getattr(Batched, f"__{prefix}{name}__")
                give(Batched, f"__{prefix}{name}__", _operator_of_two(operate, general, prefix == "r"))
    give(Batched, "__getitem__", _item(Batched.__getitem__))
    calling.shortcuts[:] = [of_batched]


if os.environ.get("FUNAD_FAST") != "0":
    install()

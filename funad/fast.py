"""Everything that is written out for speed. Without this file all works, and gives the same numbers.

The general way of a call, ``calling.call`` to ``Trace.call``, is the definition; each function here does the
same for the commonest calls of one and two arguments, and creates nothing but the box of the result and its
entry on the tape. ``install`` puts them in the places that are made for them, before the primitives of
``funad.numpy`` are made. With FUNAD_FAST=0 in the environment it leaves them out.

A call of a function of Python's takes 40 ns, a third of what noting a call on the tape takes. So what
operators, ufuncs and other functions have in common is text, of which each of them is compiled.
"""

from __future__ import annotations

import itertools
import operator
import os
import re
import textwrap
import types
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as onp

from . import boxes, calling, kinked, operands, primitives, writing
from .boxes import BY_HAND, CONSTANTS, TRACED, VIEWING, Box, Dual, Traced, link, own_index, tidy
from .calling import call, handled
from .floating import PLAIN_STATE, at_user, is_compiled
from .indices import BASIC
from .kinked import is_differentiated, is_steep_at_zero
from .memory import ELEMENTS_PER_PIECE, TINY, WORTH_DROPPING, keep_freed_memory, placeholder
from .operands import PLAIN, is_plain
from .operators import BINARY, UNARY, give
from .primitives import of_ufunc as of_other_ufunc
from .primitives import of_user as of_other_user
from .registry import Primitive, enter, primitive_of
from .snapshots import is_fixed
from .spaces import at_rest, fit, zeros_like
from .traces import cotangents, reverse
from .traces.forward import Forward, dual, slopes, tangent_of
from .traces.reverse import Tape
from .traces.strong_zeros import factors
from .values import NUMBERS, all_of, class_of, is_deferred, is_opaque
from .writing import ASSIGN, Cell, linked

__all__ = ["TANGENTS", "install"]

ndarray, float64, new = onp.ndarray, onp.float64, object.__new__
_FLOAT = onp.dtype(float)
_GETITEM = enter(operator.getitem)
QUICK = frozenset({"axis", "keepdims"})  # the keywords of Primitive.fast_reduce


def _has_zero(x: Any) -> bool:
    """Say whether an operator with kinks, abs(x) or x**0.5, may be at one that is differentiated again."""
    return is_differentiated(x) and (is_deferred(x) or not all_of(x))


def of_one_dual(prim: Primitive, x: Any) -> Any:
    """Call a ufunc on one argument that is neither a box nor plain: a dual number, mostly."""
    known = prim.kind == "elementwise" and not prim.forward and not prim.foreign and prim.is_steep is None
    y = push_one(prim, prim.traced, x) if known and type(x) is Dual else NotImplemented
    return call(prim, (x,), {}) if y is NotImplemented else y


def push_one(prim: Primitive, f: Any, x: Dual) -> Any:
    """Return f of one dual number, unless it may be at a kink."""
    if type(x.tape) not in FORWARD or (prim.kinks is not None and _has_zero(x.primal)):
        return NotImplemented
    return push(prim, f, x.tape, (x.primal,), ((0, x.tangent),))


# --- functions from text

_NAMES = {  # what the texts name
    **vars(boxes), **vars(operands), **vars(kinked), **vars(calling), **vars(cotangents), **vars(reverse),
    "TINY": TINY, "has_zero": _has_zero, "of_one_dual": of_one_dual, "repeat": itertools.repeat,
    "zeros": onp.zeros, "nan": onp.nan,
    "GETITEM": _GETITEM, "NUMBERS": NUMBERS, "BASIC": BASIC, "ELEMENTS_PER_PIECE": ELEMENTS_PER_PIECE,
    "with_keywords": primitives.with_keywords, "at_user": at_user,
    **dict(zip(("state", "default", "run", "ours"), PLAIN_STATE, strict=True)),
    # What two numbers or arrays may give; anything else is looked at more closely, and computed again.
    "RESULTS": frozenset({ndarray, float64, float, onp.float32, onp.complex128, complex}),
}  # fmt: skip


def _made_of(text: str, **blocks: str) -> Any:
    """Return the function in a text, with blocks of lines in the places of their names, also in blocks."""

    def filled(match: re.Match[str]) -> str:
        block = blocks.get(match[2])
        if block is None:
            return match[0]
        block = _PLACE.sub(filled, block)
        return textwrap.indent(block.strip(), match[1]) if match[1] is not None else block

    names: dict[str, Any] = {}
    exec(compile(_PLACE.sub(filled, text), __file__, "exec"), names)
    return _bound(names["function"], **_NAMES)


# The name of a block, which indents its lines where it stands alone in one.
_PLACE = re.compile(r"(?:(?<=\n)( *))?\{(\w+)\}(?(1)(?=\n))")


def _bound(template: Any, **names: Any) -> Callable[..., Any]:
    """Return a copy of a function with further globals, ``prim`` and ``f``: 10 ns less than a closure.

    It has code of its own, in which Python notes where each global is found.
    """
    code = template.__code__.replace()
    used = {name: names[name] for name in code.co_names if name in names}
    return types.FunctionType(code, {**template.__globals__, **used}, None, template.__defaults__)


# --- reverse mode: calls of one and of two arguments

_NOTE_ONE = """
def function({parameters}):
    {before}
    a = box.primal
    {value}
    tape = box.tape
    made = new(Box)
    made.primal = y
    made.tape = tape
    {check}
    entries = tape.entries
    entries += (prim, y, a, None, box.index, None, None)
    made.index = len(entries) - 1
    return made
"""
_NOTE_TWO = """
def function({parameters}):
    {before}
    {unpack}
    {value}
    made = new(Box)
    made.primal = y
    made.tape = tape
    {check}
    {keep}
    entries = tape.entries
    entries += (prim, y, a, b, source_a, source_b, None)
    made.index = len(entries) - 1
    return made
"""
# Two arguments of which the left one is a box, or the right one alone.
_LEFT = """
tape = left.tape
if type(right) is Box:
    if right.tape is not tape:
        return {otherwise}
    b = right.primal
    source_b = right.index
elif type(right) in CONSTANTS:
    b = right
    source_b = 0
else:
    return {otherwise}
a = left.primal
source_a = left.index
"""
_RIGHT = """
if type(left) not in CONSTANTS:
    return {otherwise}
tape = right.tape
a = left
b = right.primal
source_a = 0
source_b = right.index
"""
_EITHER = """
if type(left) is Box:
    {of_left}
else:
    {of_right}
"""
# An operator takes the values of outer traces as it takes numbers.
_CHECK_OPERATOR = """
if type(y) is ndarray:
    if y.nbytes > WORTH_DROPPING:
        {let_go}
elif prim.kinks is not None and isinstance(y, Traced) and {may_be_kink}:
    return {otherwise}
"""
# Of a power, whose slope at zero may be infinite.
_CHECK_POWER = """
if is_steep_at_zero(left, right):
    return {otherwise}
{check_operator}
"""
_OF_CALL = """
if {is_plain}:
    if prim.is_steep is not None and prim.is_steep({boxes}):
        return {otherwise}
    y = {f}({values})
elif prim.kinks is not None:
    return {otherwise}
else:
    y = prim.traced({values})
if {has_no_rule}:
    if prim.kind == "zero":
        return y
    {refuse}
"""
_CHECK_CALL = """
{several}
if {is_large}:
    {let_go}
"""
_LET_GO_OF_ONE = """
if prim.keep_only_read is not None:
    y, a, _ = prim.keep_only_read(y, a, None)
"""
_LET_GO_OF_TWO = """
of_one = prim.keep_only_read_1 if source_b else prim.keep_only_read_0
keep_only_read = prim.keep_only_read if source_a and source_b else of_one
if keep_only_read is not None:
    y, a, b = keep_only_read(y, a, b)
"""
_SEVERAL_OF_ONE = """
if type(y) is not ndarray and type(y) is not float64 and issubclass(type(y), (tuple, list)):
    return tape.process(prim, y, (a,), {}, ((0, box.index),))
"""
_SEVERAL_OF_TWO = """
if type(y) not in RESULTS and type(y) not in TRACED:
    if not issubclass(type(y), (tuple, list)):
        return {otherwise}
    sources = tuple((n, source) for n, source in enumerate((source_a, source_b)) if source)
    return tape.process(prim, y, (a, b), {}, sources)
"""
_KEEP_A = """
if type(a) is ndarray and {reads_a}:
    a = a.copy("K") if a.nbytes <= TINY else tape.keeping().of_array(a)
"""
_KEEP_B = """
if not source_b and type(b) is ndarray and {reads_b}:
    b = b.copy("K") if b.nbytes <= TINY else tape.keeping().of_array(b)
"""
_KEEP_EITHER = """
if not source_a:
    {keep_a}
else:
    {keep_b}
"""
_REFUSE_TWO = """
if source_a:
    prim.rule(0, a)
if source_b:
    prim.rule(1, b)
"""
_ONE = {"values": "a", "boxes": "box", "let_go": _LET_GO_OF_ONE}
_TWO = {"values": "a, b", "boxes": "left, right", "let_go": _LET_GO_OF_TWO}
_OPERATOR = {
    "before": "", "value": "y = f({values})", "check": _CHECK_OPERATOR, "may_be_kink": "has_zero(a)",
}  # fmt: skip
_POWER = {  # a square has no kink
    "check": _CHECK_POWER, "check_operator": _CHECK_OPERATOR,
    "may_be_kink": "type(b) is not int and has_zero(a)",
}  # fmt: skip
_CALL = {"value": _OF_CALL, "check": _CHECK_CALL, "otherwise": "call(prim, ({boxes},), {})"}
_CALL_ONE = {
    **_ONE, **_CALL, "has_no_rule": "prim.rule_0 is None", "refuse": "prim.rule(0, a)",
    # The commonest first: to look a type up in a set takes 20 ns.
    "is_plain": "type(a) is float64 or type(a) is ndarray or type(a) not in TRACED",
    "is_large": "type(a) is ndarray and a.nbytes > WORTH_DROPPING",
}  # fmt: skip
_CALL_TWO = {
    **_TWO, **_CALL, "has_no_rule": "prim.rule_0 is None or prim.rule_1 is None", "refuse": _REFUSE_TWO,
    "is_plain": "type(a) not in TRACED and type(b) not in TRACED", "unpack": _EITHER, "of_left": _LEFT,
    "of_right": _RIGHT, "keep": _KEEP_EITHER, "keep_a": _KEEP_A, "keep_b": _KEEP_B,
    "reads_a": "prim.reads[0]", "reads_b": "prim.reads[1]",
    "is_large": "(type(y) is ndarray and y.nbytes > WORTH_DROPPING) or "
    "(type(a) is ndarray and not source_b and a.nbytes > WORTH_DROPPING)",
}  # fmt: skip

# --- the operators of boxes

_LEFT_BOX = {
    **_TWO, **_OPERATOR, "parameters": "left, right", "unpack": _LEFT, "keep": _KEEP_B, "reads_b": "reads",
    "otherwise": "general(left, right)",
}  # fmt: skip
_RIGHT_BOX = {
    **_TWO, **_OPERATOR, "parameters": "right, left", "unpack": _RIGHT, "keep": _KEEP_A, "reads_a": "reads",
    "otherwise": "general(right, left)",
}  # fmt: skip
# Of an array, x += v changes what x is wherever it is known.
_IN_PLACE = """
if type(left.primal) is not float64 and type(left.primal) is not float:
    return general(left, right)
"""
box_operator_of_one = _made_of(_NOTE_ONE, **_ONE, **_OPERATOR, parameters="box", otherwise="general(box)")
_BOX_OPERATORS = {
    "": _made_of(_NOTE_TWO, **_LEFT_BOX),
    "r": _made_of(_NOTE_TWO, **_RIGHT_BOX),
    "i": _made_of(_NOTE_TWO, **{**_LEFT_BOX, "before": _IN_PLACE}),
}
_POWER_OPERATORS = {
    "": _made_of(_NOTE_TWO, **{**_LEFT_BOX, **_POWER}),
    "r": _BOX_OPERATORS["r"],
}

# Those of which no rule reads the other operand, which may change before the way back.
_ADDITIVE = (operator.add, operator.sub)
# What array * box and array * dual call: NumPy asks by ufunc.
_REFLECTED: dict[type, dict[Any, Callable[[Any, Any], Any]]] = {Box: {}, Dual: {}}


def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    if not kwargs and method == "__call__":
        reflected = _REFLECTED[type(self)]
        if ufunc in reflected and type(inputs[0]) is ndarray:
            return reflected[ufunc](inputs[1], inputs[0])
        prim = primitive_of(ufunc)
        if prim is not None and prim.traced is not ufunc and prim.kind != "zero":
            return prim.traced(*inputs)
    return Traced.__array_ufunc__(self, ufunc, method, *inputs, **kwargs)


# Those that give copies; any other gives a view of an array.
COPYING = (ndarray, list, bool, onp.bool_)


def getitem(self: Any, index: Any) -> Any:
    view = True
    if type(index) not in VIEWING:
        parts = index if type(index) is tuple else (index,)
        if not VIEWING.issuperset(map(type, parts)):
            if any(type(part) in TRACED and is_opaque(part) for part in parts):
                return _GETITEM.traced(self, index)  # each member of a batch chooses its own elements
            parts = tuple(map(own_index, parts))
            index = parts if type(index) is tuple else parts[0]
            view = not any(issubclass(type(part), COPYING) for part in parts)
    value = self.primal
    y = value[index]
    tape = self.tape
    box = new(Box)
    box.primal = y
    box.tape = tape
    entries = tape.entries
    if type(value) is ndarray and value.nbytes > WORTH_DROPPING and type(index) is not int:
        value = placeholder(value)
    entries += (_GETITEM, None, value, index, self.index, 0, None)
    box.index = len(entries) - 1
    if (
        view and type(y) is not float64
        and (type(y) is type(value) is ndarray or class_of(y) is class_of(value) is ndarray)
    ):  # fmt: skip
        # As link(box, self, ...) does, at half the price: slices are common.
        box.parent = self, index
        views = getattr(self, "views", None)
        if views is None:
            self.views = [ref(box)]
        else:
            views.append(ref(box))
            if not len(views) & 63:
                tidy(views)
    return box


def getitem_of_dual(self: Any, index: Any) -> Any:
    parts = index if type(index) is tuple else (index,)
    if type(self.tape) not in FORWARD or not VIEWING.issuperset(map(type, parts)):
        return Traced.__getitem__(self, index)
    made = dual(self.tape, self.primal[index], self.tangent[index])
    if class_of(made) is class_of(self) is ndarray:
        link(made, self, index)
    return made


# --- reverse mode: the wrappers of primitives

record_one = _made_of(
    _NOTE_ONE, parameters="prim, box", before="", several=_SEVERAL_OF_ONE, f="prim.run", **_CALL_ONE
)
record_two = _made_of(
    _NOTE_TWO, parameters="prim, left, right", before="", several=_SEVERAL_OF_TWO, f="prim.run", **_CALL_TWO
)


def of_reduction(prim: Primitive, box: Box, kwargs: dict[str, Any]) -> Any:
    """Call a reduction of one plain array by ``Primitive.fast_reduce``, and record it: np.sum(x, axis=0)."""
    a, tape = box.primal, box.tape
    y = prim.fast_reduce(a, **kwargs)  # type: ignore[misc]
    made = new(Box)
    made.primal, made.tape = y, tape
    if a.nbytes > WORTH_DROPPING and prim.keep_only_read is not None:
        y, a, _ = prim.keep_only_read(y, a, None)
    entries = tape.entries
    if kwargs:
        entries += (prim, y, (a,), kwargs, None, ((0, box.index),), None)
    else:
        entries += (prim, y, a, None, box.index, None, None)
    made.index = len(entries) - 1
    return made


def of_boxes(prim: Primitive, tape: Tape, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive on boxes of one tape, or on lists of them, and on what is plain to see; record it."""
    values, sources, traced = [], [], 0  # a bit for each argument
    run, simple = prim.run, True  # whether the entry is the call as it is: nothing to copy, nothing to drop
    for n, x in enumerate(args):
        if type(x) is Box:
            if x.tape is not tape:
                return NotImplemented
            sources.append((n, x.index))
            traced |= 1 << n
            x = x.primal
            if type(x) is ndarray:
                simple = simple and x.nbytes <= WORTH_DROPPING
            elif type(x) in TRACED:
                if prim.kinks is not None or type(x) is writing.Array:
                    return NotImplemented
                run, simple = prim.traced, False
        elif n in prim.containers and (type(x) is list or type(x) is tuple):
            if prim.kind != "linear" or not _is_of(tape, x, NUMBERS):  # then no rule reads a part
                return NotImplemented
            places = tuple([part.index if type(part) is Box else 0 for part in x])
            x = [part.primal if type(part) is Box else part for part in x]
            if not NUMBERS.issuperset(map(type, x)):
                return NotImplemented
            if any(places):
                sources.append((n, places))
                traced |= 1 << n
            large = any(type(part) is ndarray and part.nbytes > WORTH_DROPPING for part in x)
            simple = simple and not large
        elif type(x) is list and n not in prim.rules and all(map(is_fixed, x)):
            x = list(x)
        elif type(x) in (tuple, range) and n in prim.rules:  # an array to the rule
            return NotImplemented
        elif not is_fixed(x):
            if not is_plain(x):
                return NotImplemented
            simple = False
        values.append(x)
    if kwargs:
        if "out" in kwargs or not all(map(is_plain, kwargs.values())):
            return NotImplemented
        simple = simple and all(map(is_fixed, kwargs.values()))
    form = (len(args), traced, *kwargs)
    known = form in prim.forms
    if not known:
        if prim.foreign or prim.kind == "zero":
            return NotImplemented
        prim.check_positions(args)
    y = run(*values, **kwargs)
    if type(y) is writing.Array:
        y = writing.content(y)
    if type(y) is not float64 and getattr(y, "dtype", _FLOAT).kind in "biu":
        return y
    if not known:
        for n, _ in sources:
            prim.rule(n, values[n])
        if handled(prim, kwargs) is not kwargs:
            return NotImplemented
        prim.forms.add(form)
    if simple and (type(y) is float64 or (type(y) is ndarray and y.nbytes <= WORTH_DROPPING)):
        made = new(Box)
        made.primal, made.tape = y, tape
        entries = tape.entries
        entries += (prim, y, tuple(values), kwargs, None, tuple(sources), None)
        made.index = len(entries) - 1
    else:
        made = tape.process(prim, y, tuple(values), kwargs, tuple(sources))
    return linked(made, prim, args, kwargs) if prim.views else made


# The keywords of ufuncs one by one, None for "not given": Python calls a function without * and ** 60 ns
# faster, a third of all that the wrapper costs.
_KEYWORDS = ("out", "where", "dtype", "casting", "order", "subok", "signature", "axes")  # axes: of matmul
_UFUNC = """
if {any_given}:
    return with_keywords(prim, ({boxes},), {name: x for name, x in ({pairs}) if x is not None})
if {no_box}:
    if {any_other}:
        return {of_other}
    now = state()
    if now is default:  # as floating.plainly
        try:
            return run(f, {boxes})
        except RuntimeError:
            pass
    return f({boxes}) if now in ours else at_user(f, {boxes})
"""
_UFUNC_ONE = {
    "no_box": "type(box) is not Box", "any_other": "type(box) not in CONSTANTS",
    "of_other": "of_one_dual(prim, box)",
}  # fmt: skip
_UFUNC_TWO = {
    "of_other": "call(prim, (left, right), {})",
    "no_box": "type(left) is not Box and type(right) is not Box",
    "any_other": "type(left) not in CONSTANTS or type(right) not in CONSTANTS",
}


_UFUNC_OF_ANY = {
    "before": _UFUNC, "several": "", "f": "f", "none": ", ".join(f"{name}=None" for name in _KEYWORDS),
    "any_given": " or ".join(f"{name} is not None" for name in _KEYWORDS),
    "pairs": ", ".join(f"({name!r}, {name})" for name in _KEYWORDS), "parameters": "{boxes}, /, {none}",
}  # fmt: skip
_OF_ONE = _made_of(_NOTE_ONE, **_UFUNC_OF_ANY, **_CALL_ONE, **_UFUNC_ONE)
_OF_TWO = _made_of(_NOTE_TWO, **_UFUNC_OF_ANY, **_CALL_TWO, **_UFUNC_TWO)


def of_ufunc(prim: Primitive, f: Any) -> Callable[..., Any]:
    """Wrap a ufunc."""
    if f is onp.matmul or (f.nout == 1 and f.signature is None and f.nin in (1, 2)):
        return _bound(_OF_ONE if f.nin == 1 else _OF_TWO, prim=prim, f=f)
    return of_other_ufunc(prim, f)  # vecdot and the like take further keywords


def of_any(prim: Primitive, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function of any signature."""
    compiled = is_compiled(f)
    state, default, run, ours = PLAIN_STATE
    f = f if compiled else prim.plain

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        a = args[0] if args else None
        if type(a) is not Box:
            plain = len(args) == 1 or (len(args) == 2 and type(args[1]) in PLAIN)
            if type(a) is not ndarray or not plain or kwargs:
                return call(prim, args, kwargs)
            if not compiled:
                return f(*args)
            now = state()
            if now is default:  # as floating.plainly
                try:
                    return run(f, *args)
                except RuntimeError:
                    pass
            return f(*args) if now in ours else at_user(f, *args)
        if len(args) == 1 and prim.fast_reduce and type(a.primal) is ndarray and QUICK.issuperset(kwargs):
            return of_reduction(prim, a, kwargs)
        if not kwargs and len(args) == 1:
            y = record_one(prim, a)
        elif not kwargs and len(args) == 2 and (type(args[1]) is Box or type(args[1]) in PLAIN):
            y = record_two(prim, a, args[1])
        else:
            y = of_boxes(prim, a.tape, args, kwargs)
            return call(prim, args, kwargs) if y is NotImplemented else y
        return linked(y, prim, args, kwargs) if prim.views else y

    return wrapped


def of_user(prim: Primitive, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a user's function."""
    general = of_other_user(prim, f)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if len(args) != 1 or kwargs or type(args[0]) is not Box:
            return general(*args, **kwargs)
        y = record_one(prim, args[0])
        if type(y) is not Box or getattr(y.primal, "dtype", _FLOAT).kind not in "biu":
            return y
        del y.tape.entries[-reverse.WIDTH :]  # integers and booleans are locally constant
        return y.primal

    return wrapped


# --- forward mode: elementwise functions of one and two arguments, and linear ones


FORWARD = frozenset({Forward, type(BY_HAND)})  # the traces of which dual numbers are nothing more


def push(prim: Primitive, f: Any, trace: Any, args: Any, tangents: Any) -> Any:
    """Return f of values, elementwise or a product, for the pairs (argument, ẋ) in ``tangents``."""
    try:
        y = f(*args)
    except ArithmeticError:  # of Python's numbers, where NumPy has infinities
        y = prim.traced(*args)
    if type(y) is not float and getattr(y, "dtype", _FLOAT).kind in "biu":
        return y
    try:
        ydot = trace.run(slopes, prim, y, args, {}, tangents)
    except (ArithmeticError, RuntimeError):  # also where another thread is in that context
        ydot = tangent_of(prim, y, args, {}, tangents)
    return dual(trace, y, _fitted(ydot, y))


def of_linear(prim: Primitive, trace: Any, argnum: int, args: Any, kwargs: Any) -> Any:
    """Return a function that is linear in one argument, a dual number or a list of some; others are plain."""
    before, x, after = args[:argnum], args[argnum], args[argnum + 1 :]
    if type(x) is Dual:
        a, xdot, source = x.primal, x.tangent, x
    else:
        a = [part.primal if type(part) is Dual else part for part in x]
        xdot = [part.tangent if type(part) is Dual else zeros_like(part) for part in x]
        source = tuple(part if type(part) is Dual else 0 for part in x)  # type: ignore[assignment]
    f = prim.traced
    if prim.fast_reduce and type(a) is type(xdot) is ndarray and len(args) == 1 and QUICK.issuperset(kwargs):
        f = prim.fast_reduce
    y = at_rest(f(*before, a, *after, **kwargs))
    if getattr(y, "dtype", _FLOAT).kind in "biu":
        return y
    if "initial" in kwargs or issubclass(type(y), (tuple, list)) or factors(after, None):
        return trace.process(prim, y, (*before, a, *after), kwargs, ((argnum, source),))
    return dual(trace, y, _fitted(at_rest(f(*before, xdot, *after, **kwargs)), y))


def _fitted(ydot: Any, y: Any) -> Any:
    """Return ẏ in the space of y; what is one of NumPy's stays one."""
    if type(ydot) is ndarray:
        alike = type(y) is ndarray and ydot.dtype is y.dtype and ydot.shape == y.shape
        return ydot if alike else fit(ydot, y)
    if issubclass(type(ydot), float) and (type(y) is float or type(ydot) is type(y)):
        return ydot
    return fit(ydot, y)


def of_traced(trace: Any, prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive on boxes or on dual numbers, if the call has a common form."""
    if type(trace) is Tape:
        return of_boxes(prim, trace, args, kwargs)
    return of_duals(prim, trace, args, kwargs) if type(trace) in FORWARD else NotImplemented


def of_duals(prim: Primitive, trace: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive on dual numbers and on what is plain to see."""
    kind, argnum = prim.kind, 0
    if prim.forward or prim.foreign or not args or (kind != "linear" and kind != "elementwise"):
        return NotImplemented
    xs: Any = args[:1]
    if prim.containers:
        argnum = prim.containers[0]
        xs = args[argnum] if argnum < len(args) else None
        if len(prim.containers) > 1 or (type(xs) is not list and type(xs) is not tuple):
            return NotImplemented
    elif kind == "elementwise" or (len(args) == 2 and prim.rule_1 is not None):
        if kwargs or prim.views:
            return NotImplemented
        values, tangents = [], []
        for n, x in enumerate(args):
            if type(x) is Dual and x.tape is trace and n in prim.rules:
                values.append(x.primal)
                tangents.append((n, x.tangent))
            elif type(x) in CONSTANTS:
                values.append(x)
            else:
                return NotImplemented
        return push(prim, prim.traced, trace, values, tangents)
    others = args[:argnum] + args[argnum + 1 :]
    if (
        kind != "linear" or argnum not in prim.rules or prim.positions < len(args)
        or not prim.keywords.issuperset(kwargs) or not _is_of(trace, xs, NUMBERS)
        or not (all(map(is_plain, others)) and all(map(is_plain, kwargs.values())))
    ):  # fmt: skip
        return NotImplemented
    y = of_linear(prim, trace, argnum, args, kwargs)
    return linked(y, prim, args, kwargs) if prim.views else y


def _is_of(trace: Any, xs: Any, constants: frozenset[type]) -> bool:
    """Say whether there is nothing but values of this trace and constants."""
    for x in xs:
        if type(x) is Dual or type(x) is Box:
            if x.tape is not trace:
                return False
        elif type(x) not in constants:
            return False
    return True


def dual_operator_of_one(
    prim: Primitive, operate: Any, general: Callable[[Any], Any]
) -> Callable[[Dual], Any]:
    """Return the operator of one operand."""

    def operator_of_one(self: Dual) -> Any:
        y = push_one(prim, operate, self)
        return general(self) if y is NotImplemented else y

    return operator_of_one


def dual_operator_of_two(prim: Primitive, operate: Any, general: Any, reflected: bool) -> Callable[..., Any]:
    """Return the operator whose left operand is the dual number, or reflected the right one alone."""

    def operator_of_two(self: Dual, other: Any) -> Any:
        trace = self.tape
        if type(trace) not in FORWARD:
            return general(self, other)
        kinked = prim.kinks is not None and type(other) is not int  # a power: the square of 0 has no kink
        if kinked and (_has_zero(self.primal) or (not reflected and is_steep_at_zero(self, other))):
            return general(self, other)
        if type(other) in CONSTANTS:
            if reflected:
                return push(prim, operate, trace, (other, self.primal), ((1, self.tangent),))
            return push(prim, operate, trace, (self.primal, other), ((0, self.tangent),))
        if type(other) is Dual and other.tape is trace:
            tangents = ((0, self.tangent), (1, other.tangent))
            return push(prim, operate, trace, (self.primal, other.primal), tangents)
        return general(self, other)

    return operator_of_two


# --- the way back: ``reverse.backward_pass`` as text, in which the step for one argument stands once


_BACKWARD_PASS = """
def function(entries, inputs, start, careful):
    pop = entries.pop
    owned = set()  # slots with an array that nothing else refers to
    for _ in repeat(None, (len(entries) - inputs - 1) // WIDTH):
        ybar = pop()
        source_b = pop()
        source_a = pop()
        b = pop()
        a = pop()
        y = pop()
        prim = pop()
        if type(ybar) is not float:
            if ybar is None:
                continue
            if type(ybar) is Scatter:
                if prim.views and pull_back_view(entries, prim, ybar, a, b, source_a, source_b, owned):
                    continue
                ybar = ybar.dense()
            if prim.masks and start is None:
                start = [*entries, prim, y, a, b, source_a, source_b, ybar]
                owned.clear()  # what stands in start must not be added to in place
            if prim is GETITEM and type(b) in BASIC and type(a) is ndarray and type(ybar) in NUMBERS:
                before = entries[source_a]
                if before is None and a.size <= ELEMENTS_PER_PIECE:  # a larger one: see through_view
                    before = entries[source_a] = zeros(a.shape, a.dtype)
                    owned.add(source_a)
                if type(before) is ndarray and source_a in owned:
                    try:
                        before[b] += ybar
                    except FloatingPointError:  # ∞ - ∞, which in an array is nan already
                        if type(before[b]) is not ndarray:
                            before[b] = nan
                    continue
        if source_b is None:
            {step_of_a_alone}
        elif source_a is None:
            if prim is OUTPUT:
                put_output(entries, source_b, a, ybar, owned)
                continue
            if start is None and "where" in b:  # what is left out may be nan
                start = [*entries, prim, y, a, b, source_a, source_b, ybar]
                owned.clear()
            pull_back_call(entries, prim, y, ybar, a, b, source_b, careful, owned)
        else:
            if source_a:
                {step_of_a}
            if source_b:
                {step_of_b}
    return start
"""
# Pull back to x, the n-th of the arguments. Numbers, and arrays of the shape and dtype of x, need no fitting.
_STEP = """
try:
    xbar = prim.rule_{n}(y, ybar, {args})
except (Exception, Looked) as error:
    xbar = retry_with_strong_zeros(error, prim, prim.rule_{n}, {n}, y, ybar, ({args},), {{}})
kind = type(xbar)
if kind is not float or xbar != xbar or type({x}) is not float:
    if kind is ndarray:
        alike = type({x}) is ndarray and xbar.dtype is {x}.dtype and xbar.shape == {x}.shape
        if careful or not alike:
            xbar = fit_cotangent(prim, xbar, ybar, {x}, careful and ({n}, y, ({args},), {{}}))
    elif careful or kind is not float64 or (type({x}) is not float64 and type({x}) is not float):
        xbar = fit_cotangent(prim, xbar, ybar, {x}, careful and ({n}, y, ({args},), {{}}))
before = entries[source_{x}]
if before is None:
    entries[source_{x}] = xbar
elif type(before) is float and kind is float:
    entries[source_{x}] = before + xbar
elif type(before) is kind and (kind is float64 or kind is ndarray):
    try:
        if kind is ndarray and source_{x} in owned:
            before += xbar
        else:
            entries[source_{x}] = before + xbar
            if kind is ndarray:
                owned.add(source_{x})
    except FloatingPointError:  # ∞ - ∞ is nan, as it is said when all has been added
        if kind is float64 or source_{x} not in owned:
            entries[source_{x}] = accumulate(before, xbar, source_{x}, owned)
else:
    entries[source_{x}] = accumulate(before, xbar, source_{x}, owned)
"""


backward_pass = _made_of(
    _BACKWARD_PASS,
    step_of_a_alone=_STEP.format(n=0, x="a", args="a"),
    step_of_a=_STEP.format(n=0, x="a", args="a, b"),
    step_of_b=_STEP.format(n=1, x="b", args="a, b"),
)


# --- writing


def write_number(array: Any, index: Any, v: Any) -> bool:
    """Put a number at an index of an array on a tape, as _written does; return False if it is none."""
    cell: Cell = array.cell
    box = cell.value
    if type(box) is not Box or not cell.owned or array.path:
        return False
    a, tape = box.primal, box.tape
    if type(v) is Box and v.tape is tape:
        b, source = v.primal, v.index
    else:
        b, source = v, 0
    if (type(b) is not float64 and type(b) is not float) or type(a) is not ndarray:
        return False
    a[index] = b
    if cell.placeholder is None:
        cell.placeholder = placeholder(a)
    entries = tape.entries
    entries += (ASSIGN, None, ([cell.placeholder, b], (), index), {}, None, ((0, (box.index, source)),), None)
    box.index = len(entries) - 1  # nobody else has this box
    cell.version += 1
    return True


# --- putting it in its places

# What runs a rule of forward mode, for those who look which one is running.
TANGENTS = (tangent_of, of_linear, push)


def install() -> None:
    """Take the short ways from now on."""
    for name, operate, f in UNARY:
        prim, general = enter(f), getattr(Traced, f"__{name}__")
        give(Box, f"__{name}__", _bound(box_operator_of_one, prim=prim, f=operate, general=general))
        give(Dual, f"__{name}__", dual_operator_of_one(prim, operate, general))
    for name, operate, f in BINARY:
        prim, reads = enter(f), operate not in _ADDITIVE
        for prefix, template in (_POWER_OPERATORS if name == "pow" else _BOX_OPERATORS).items():
            general = getattr(Traced, f"__{prefix}{name}__")
            made = _bound(template, prim=prim, f=operate, general=general, reads=reads)
            give(Box, f"__{prefix}{name}__", made)
            if prefix != "i":
                made = dual_operator_of_two(prim, operate, general, prefix == "r")
                give(Dual, f"__{prefix}{name}__", made)
        for kind, reflected in _REFLECTED.items():
            reflected[f] = getattr(kind, f"__r{name}__")
    give(Box, "__getitem__", getitem)
    give(Dual, "__getitem__", getitem_of_dual)
    for kind in _REFLECTED:
        give(kind, "__array_ufunc__", array_ufunc)
    primitives.__dict__.update(of_any=of_any, of_ufunc=of_ufunc, of_user=of_user)
    calling.shortcuts[:] = [of_traced]
    writing.shortcuts[:] = [write_number]
    reverse.backward_pass = backward_pass
    keep_freed_memory()


if os.environ.get("FUNAD_FAST") != "0":
    install()

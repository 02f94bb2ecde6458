"""Everything that is written out for speed. Without this file all works, and gives the same numbers.

The general way of a call, ``calling.call`` to ``Trace.call``, is the definition; each function here does the
same for the commonest calls of one and two arguments, and creates nothing but the box of the result and its
entry on the tape. ``install`` puts them in the places that are made for them, before the primitives of
``funad.numpy`` are made. With FUNAD_FAST=0 in the environment it leaves them out.
"""

from __future__ import annotations

import itertools
import operator
import os
import textwrap
import types
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as onp

from . import calling, primitives, writing
from .boxes import (
    BINARY,
    BY_HAND,
    CONSTANTS,
    OPENED,
    TRACED,
    UNARY,
    Box,
    Dual,
    Traced,
    beside,
    beside_reflected,
    give,
    innermost,
    own_index,
    tidy,
)
from .calling import PLAIN, call, handled, is_differentiated, is_plain, is_steep, with_kinks
from .floating import PLAIN_STATE
from .indices import ASSIGN, Scatter
from .memory import TINY, WORTH_DROPPING, keep_freed_memory, placeholder
from .primitives import with_keywords
from .registry import Primitive, enter, primitive_of
from .spaces import at_rest, fit, zeros_like
from .trace import Looked
from .traces import reverse
from .traces.forward import Forward, dual, slope, sum_of_parts, tangent_of
from .traces.reverse import (
    OUTPUT,
    WIDTH,
    accumulate,
    fit_cotangent,
    pull_back_call,
    pull_back_view,
    put_output,
)
from .traces.strong_zeros import factors, has_nan, retry_with_strong_zeros
from .values import all_of, class_of, is_deferred, is_opaque
from .writing import Cell, in_place, linked

__all__ = ["TANGENTS", "install"]

ndarray, float64, new = onp.ndarray, onp.float64, object.__new__
_FLOAT = onp.dtype(float)
_GETITEM = enter(operator.getitem)
_NUMBERS = frozenset({ndarray, float64, float})


# --- reverse mode: operators, which make the box and the entry by themselves

# The types of indices, or of parts of them, that need no further look.
VIEWING = frozenset({int, slice, type(None), type(Ellipsis), onp.int64})
# Those that give copies; any other gives a view of an array.
COPYING = (ndarray, list, bool, onp.bool_)
# Those of which no rule reads the other operand, which may change before the way back.
_ADDITIVE = (operator.add, operator.sub)
# What array * box calls: NumPy asks by ufunc.
_REFLECTED: dict[Any, Callable[[Box, Any], Any]] = {}
# What two numbers or arrays may give; anything else is looked at more closely, and computed again.
RESULTS = frozenset({ndarray, float64, float, onp.float32, onp.complex128, complex})
QUICK = frozenset({"axis", "keepdims"})  # the keywords of Primitive.fast_reduce


def _has_zero(x: Any) -> bool:
    """Say whether an operator with kinks, abs(x) or x**0.5, may be at one."""
    return is_differentiated(x) and (is_deferred(x) or not all_of(x))


def box_operator_of_one(prim: Primitive, operate: Callable[[Any], Any]) -> Callable[[Box], Any]:
    """Return the operator of one operand."""

    def operator_of_one(self: Box) -> Any:
        a = self.primal
        y = operate(a)
        tape = self.tape
        box = new(Box)
        box.primal = y
        box.tape = tape
        if type(y) is ndarray:
            if y.nbytes > WORTH_DROPPING and prim.keep_only_read is not None:
                y, a, _ = prim.keep_only_read(y, a, None)
        elif prim.kinks is not None and isinstance(y, Traced) and _has_zero(a):
            return prim.traced(self)
        entries = tape.entries
        entries += (prim, y, a, None, self.index, None, None)
        box.index = len(entries) - 1
        return box

    return operator_of_one


def box_operator_of_two(prim: Primitive, operate: Callable[[Any, Any], Any]) -> Callable[[Box, Any], Any]:
    """Return the operator whose left operand is the box."""
    reads = operate not in _ADDITIVE

    def operator_of_two(self: Box, other: Any) -> Any:
        tape = self.tape
        if type(other) is Box:
            if other.tape is not tape:
                return prim.traced(self, other)
            b = other.primal
            source = other.index
        elif type(other) in CONSTANTS:
            b = other
            source = 0
        else:
            return beside(prim, operate, self, other)
        a = self.primal
        y = operate(a, b)
        box = new(Box)
        box.primal = y
        box.tape = tape
        if type(y) is ndarray:
            if y.nbytes > WORTH_DROPPING and prim.keep_only_read is not None:
                y, a, b = (prim.keep_only_read if source else prim.keep_only_read_0)(y, a, b)
            if prim.steep is not None and is_steep(self, other):
                return prim.traced(self, other)
        elif prim.kinks is not None and (_has_zero(a) if isinstance(y, Traced) else is_steep(self, other)):
            return prim.traced(self, other)
        if reads and not source and type(b) is ndarray:
            b = b.copy("K") if b.nbytes <= TINY else tape.keeping().of_array(b)
        entries = tape.entries
        entries += (prim, y, a, b, self.index, source, None)
        box.index = len(entries) - 1
        return box

    return operator_of_two


def box_operator_reflected(prim: Primitive, operate: Callable[[Any, Any], Any]) -> Callable[[Box, Any], Any]:
    """Return the operator whose right operand is the box, and whose left one is none."""
    reads = operate not in _ADDITIVE

    def operator_reflected(self: Box, other: Any) -> Any:
        if type(other) not in CONSTANTS:
            return beside_reflected(prim, operate, self, other)
        b = self.primal
        y = operate(other, b)
        tape = self.tape
        box = new(Box)
        box.primal = y
        box.tape = tape
        if type(y) is ndarray and y.nbytes > WORTH_DROPPING and prim.keep_only_read is not None:
            y, other, b = prim.keep_only_read_1(y, other, b)
        if reads and type(other) is ndarray:
            other = other.copy("K") if other.nbytes <= TINY else tape.keeping().of_array(other)
        entries = tape.entries
        entries += (prim, y, other, b, 0, self.index, None)
        box.index = len(entries) - 1
        return box

    return operator_reflected


def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    if not kwargs and method == "__call__":
        if ufunc in _REFLECTED and type(inputs[0]) is ndarray:  # array * box
            return _REFLECTED[ufunc](inputs[1], inputs[0])
        prim = primitive_of(ufunc)
        if prim is not None and prim.traced is not ufunc and prim.kind != "zero":
            return prim.traced(*inputs)
    return Traced.__array_ufunc__(self, ufunc, method, *inputs, **kwargs)


def _copies(part: Any) -> bool:
    """Say whether a part of an index gives a copy, as arrays of places do."""
    return issubclass(type(part), COPYING)


def _is_opaque(part: Any) -> bool:
    """Say whether a part of an index is opaque, as where each member of a batch chooses its own elements."""
    return type(part) in TRACED and is_opaque(part)


def getitem(self: Any, index: Any) -> Any:
    kind = type(index)
    view = True
    if kind is tuple:
        for part in index:
            if type(part) not in VIEWING:
                if any(map(_is_opaque, index)):
                    return _GETITEM.traced(self, index)
                index = tuple(map(own_index, index))
                view = not any(map(_copies, index))
                break
    elif kind is not int and kind not in VIEWING:
        if _is_opaque(index):
            return _GETITEM.traced(self, index)
        index = own_index(index)
        view = not _copies(index)
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


def box_operator_in_place(prim: Primitive, operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the operator of a box: as the operators of boxes, written out for the sums of loops."""
    general = in_place(operate)

    def operator_in_place(self: Any, other: Any) -> Any:
        a = self.primal
        tape = self.tape
        if (type(a) is float64 or type(a) is float) and type(other) is Box and other.tape is tape:
            b = other.primal
            y = operate(a, b)
            box = new(Box)
            box.primal = y
            box.tape = tape
            entries = tape.entries
            entries += (prim, y, a, b, self.index, other.index, None)
            box.index = len(entries) - 1
            return box
        return general(self, other)

    return operator_in_place


# --- reverse mode: calls of primitives


def record_one(prim: Primitive, box: Box) -> Any:
    """Call a primitive on one box and record it."""
    a = box.primal
    kind = type(a)
    # The commonest two first: looking a type up in a set takes 20 ns.
    if kind is float64 or kind is ndarray or kind not in TRACED:
        if prim.steep is not None and is_steep(box):
            return call(prim, (box,), {})
        y = prim.f(a)
    elif prim.kinks is not None:
        return with_kinks(prim, record_one(prim.smooth, box), (box,), {})
    else:
        y = prim.traced(a)
    if prim.rule_0 is None:
        if prim.kind == "zero":
            return y
        prim.rule(0, a)
    tape = box.tape
    kind = type(y)
    if kind is not ndarray and kind is not float64 and issubclass(type(y), (tuple, list)):
        return tape.process(prim, y, (a,), {}, ((0, box.index),))
    made = new(Box)
    made.primal = y
    made.tape = tape
    if type(a) is ndarray and a.nbytes > WORTH_DROPPING and prim.keep_only_read is not None:
        y, a, _ = prim.keep_only_read(y, a, None)
    entries = tape.entries
    entries += (prim, y, a, None, box.index, None, None)
    made.index = len(entries) - 1
    return made


def record_two(prim: Primitive, a: Any, b: Any) -> Any:
    """Call a primitive on two arguments, at least one of them a box, and record it."""
    first, second = a, b
    source_a = source_b = 0
    if type(a) is Box:
        tape = a.tape
        if type(b) is Box:
            if b.tape is not tape:
                return call(prim, (a, b), {})
            source_b = b.index
            b = b.primal
        elif type(b) not in CONSTANTS:
            return call(prim, (a, b), {})
        source_a = a.index
        a = a.primal
    else:
        if type(a) not in CONSTANTS:
            return call(prim, (a, b), {})
        tape = b.tape
        source_b = b.index
        b = b.primal
    if type(a) not in TRACED and type(b) not in TRACED:
        if prim.steep is not None and is_steep(first, second):
            return call(prim, (first, second), {})
        y = prim.f(a, b)
    elif prim.kinks is not None:
        return with_kinks(prim, record_two(prim.smooth, first, second), (first, second), {})
    else:
        y = prim.traced(a, b)
    if prim.rule_0 is None or prim.rule_1 is None:
        if prim.kind == "zero":
            return y
        if source_a:
            prim.rule(0, a)
        if source_b:
            prim.rule(1, b)
    kind = type(y)
    if kind not in RESULTS and kind not in TRACED:
        if not issubclass(type(y), (tuple, list)):
            return call(prim, (first, second), {})
        sources = tuple((n, source) for n, source in enumerate((source_a, source_b)) if source)
        return tape.process(prim, y, (a, b), {}, sources)
    made = new(Box)
    made.primal = y
    made.tape = tape
    if (kind is ndarray and y.nbytes > WORTH_DROPPING) or (
        type(a) is ndarray and source_b == 0 and a.nbytes > WORTH_DROPPING
    ):
        of_one = prim.keep_only_read_1 if source_b else prim.keep_only_read_0
        keep_only_read = prim.keep_only_read if source_a and source_b else of_one
        if keep_only_read is not None:
            y, a, b = keep_only_read(y, a, b)
    if not source_a:
        if type(a) is ndarray and prim.reads[0]:
            a = a.copy("K") if a.nbytes <= TINY else tape.keeping().of_array(a)
    elif not source_b and type(b) is ndarray and prim.reads[1]:
        b = b.copy("K") if b.nbytes <= TINY else tape.keeping().of_array(b)
    entries = tape.entries
    entries += (prim, y, a, b, source_a, source_b, None)
    made.index = len(entries) - 1
    return made


def record_with_keywords(prim: Primitive, box: Box, kwargs: dict[str, Any]) -> Any:
    """Call a primitive on one box and plain keywords, and record it: np.sum(x, axis=0)."""
    a = box.primal
    if prim.fast_reduce is not None and type(a) is ndarray and QUICK.issuperset(kwargs):
        y = prim.fast_reduce(a, **kwargs)
    elif prim.kinks is not None and isinstance(a, Traced):
        return with_kinks(prim, record_with_keywords(prim.smooth, box, kwargs), (box,), kwargs)
    else:
        if kwargs.get("out") is not None and prim.kind != "zero":  # before it is written to
            prim.check_keywords(kwargs)
        y = prim.traced(a, **kwargs) if isinstance(a, Traced) else prim.f(a, **kwargs)
        if getattr(y, "dtype", _FLOAT).kind in "biu":
            return y
        if prim.rule_0 is None:
            if prim.kind == "zero":
                return y
            prim.rule(0, a)
        kwargs = handled(prim, kwargs)
        if issubclass(type(y), (tuple, list)):
            return box.tape.process(prim, y, (a,), kwargs, ((0, box.index),))
        keeping = box.tape.keeping()
        kwargs = {name: keeping.of(x) for name, x in kwargs.items()}
    made = new(Box)
    made.primal = y
    tape = made.tape = box.tape
    if type(a) is ndarray and a.nbytes > WORTH_DROPPING and prim.keep_only_read is not None:
        y, a, _ = prim.keep_only_read(y, a, None)
    entries = tape.entries
    entries += (prim, y, (a,), kwargs, None, ((0, box.index),), None)
    made.index = len(entries) - 1
    return made


# --- the wrappers of primitives


def of_ufunc(prim: Primitive, f: Any) -> Callable[..., Any]:
    """Wrap a ufunc."""
    if f is onp.matmul:
        return _bound(_MATMUL, prim, f)
    if f.nout == 1 and f.signature is None and f.nin in (1, 2):
        return _bound(_ONE if f.nin == 1 else _TWO, prim, f)
    return primitives.of_ufunc(prim, f)  # vecdot and the like take further keywords


def _bound(template: Any, prim: Primitive, f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copy of a template with these globals ``prim`` and ``f``: 10 ns less than a closure."""
    names = {**template.__globals__, "prim": prim, "f": f}
    return types.FunctionType(template.__code__, names, template.__name__, template.__defaults__)


# The keywords of ufuncs one by one, None for "not given": Python calls a function without * and ** 60 ns
# faster, a third of all that the wrapper costs.
_UFUNC = """
def wrapped({args}, /, {none}):
    if {any_given}:
        given = {{name: x for name, x in ({pairs}) if x is not None}}
        return with_keywords(prim, ({args},), given)
    {body}
"""
# On plain values it does what ``floating.call_plainly`` does.
_BODY_OF_ONE = """
kind = type(a)
if kind is not ndarray:
    if kind is Box:
        return record_one(prim, a)
    if kind in OPENED:
        return call(prim, (a,), {})
if state() is default:
    try:
        return run(f, a)
    except RuntimeError:
        pass
return f(a)
"""
_BODY_OF_TWO = """
kind_a, kind_b = type(a), type(b)
if kind_a is Box or kind_b is Box:
    return record_two(prim, a, b)
if kind_a in OPENED or kind_b in OPENED:
    return call(prim, (a, b), {})
if state() is default:
    try:
        return run(f, a, b)
    except RuntimeError:
        pass
return f(a, b)
"""


def _made_of(text: str, names: dict[str, Any], **blocks: str) -> Callable[..., Any]:
    """Return the function that a text defines, with blocks of lines in the places of their names."""
    for name, block in blocks.items():
        line = next(line for line in text.splitlines() if line.strip() == f"{{{name}}}")
        text = text.replace(line, textwrap.indent(block.strip(), line[: line.index("{")]))
    exec(compile(text, __file__, "exec"), names)
    return names[text.split("(")[0].split()[-1]]  # type: ignore[no-any-return]


def _ufunc(args: str, body: str, *more: str) -> Callable[..., Any]:
    keywords = ("out", "where", "dtype", "casting", "order", "subok", "signature", *more)
    text = _UFUNC.format(
        args=args,
        none=", ".join(f"{name}=None" for name in keywords),
        any_given=" or ".join(f"{name} is not None" for name in keywords),
        pairs=", ".join(f"({name!r}, {name})" for name in keywords),
        body="{body}",
    )
    names = {
        "Box": Box, "OPENED": OPENED, "call": call, "ndarray": ndarray, "record_one": record_one,
        "record_two": record_two, "with_keywords": with_keywords,
        **dict(zip(("state", "default", "run"), PLAIN_STATE, strict=True)),
    }  # fmt: skip
    return _made_of(text, names, body=body)


_ONE, _TWO = _ufunc("a", _BODY_OF_ONE), _ufunc("a, b", _BODY_OF_TWO)
_MATMUL = _ufunc("a, b", _BODY_OF_TWO, "axes")


def _pointing(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return what ``call_plainly`` makes of f, without keywords."""
    state, default, run = PLAIN_STATE

    def pointing(*args: Any) -> Any:
        if state() is default:
            try:
                return run(f, *args)
            except RuntimeError:
                pass
        return f(*args)

    return pointing


def of_any(prim: Primitive, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function of any signature."""
    if calling.plainly(f) is not f:
        f = _pointing(f)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            if len(args) == 1:
                (a,) = args
                if type(a) is Box:
                    y = record_one(prim, a) if prim.fast_reduce is None else record_with_keywords(prim, a, {})
                    return linked(y, prim, args, kwargs) if prim.views else y
                if type(a) is ndarray:
                    return f(a)
            elif len(args) == 2:
                a, b = args
                if type(a) is Box:
                    if type(b) is Box or type(b) in PLAIN:
                        y = record_two(prim, a, b)
                        return linked(y, prim, args, kwargs) if prim.views else y
                elif type(a) is ndarray and type(b) in PLAIN:
                    return f(a, b)
        elif len(args) == 1 and type(args[0]) is Box:
            for name, x in kwargs.items():
                if type(x) not in PLAIN and name != "axis":
                    break
            else:
                y = record_with_keywords(prim, args[0], kwargs)
                return linked(y, prim, args, kwargs) if prim.views else y
        return call(prim, args, kwargs)

    return wrapped


def of_user(prim: Primitive, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a user's function."""
    general = primitives.of_user(prim, f)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and type(args[0]) is Box:
            return record_one(prim, args[0])
        return general(*args, **kwargs)

    return wrapped


# --- forward mode: elementwise functions of one and two arguments, and linear ones


FORWARD = frozenset({Forward, type(BY_HAND)})  # the traces of which dual numbers are nothing more


def of_one(prim: Primitive, operate: Any, x: Dual) -> Any:
    """Return an elementwise function of one dual number; ``operate`` computes its value."""
    a, xdot, trace = x.primal, x.tangent, x.tape
    y = operate(a)
    if type(y) is not float and getattr(y, "dtype", _FLOAT).kind in "biu":
        return y
    try:
        ydot = trace.run(slope, prim.rule_0, xdot, y, (a,), {})
    except (ArithmeticError, RuntimeError):  # also where another thread is in that context
        ydot = tangent_of(prim, y, (a,), {}, [(0, xdot)])
    return dual(trace, y, _fitted(ydot, y))


def of_two(prim: Primitive, operate: Any, trace: Any, a: Any, b: Any, a_dot: Any, b_dot: Any) -> Any:
    """Return an elementwise or linear function of two values, of which one tangent may be None."""
    try:
        y = operate(a, b)
        if type(y) is float:  # of numbers of Python's, which an operator leaves what they are
            ydot = 0.0 if a_dot is None else prim.rule_0(y, a_dot, a, b)  # type: ignore[misc]
            if b_dot is not None:
                ydot += prim.rule_1(y, b_dot, a, b)  # type: ignore[misc]
            if type(ydot) is float and ydot == ydot:
                return dual(trace, y, ydot)
    except ArithmeticError:  # of Python's numbers, where NumPy has infinities
        y = prim.traced(a, b)
    if type(y) is not ndarray and getattr(y, "dtype", _FLOAT).kind in "biu":
        return y
    try:
        ydot = trace.run(_slope_of_two, prim, y, a, b, a_dot, b_dot)
    except (ArithmeticError, RuntimeError):
        known = [(n, xdot) for n, xdot in enumerate((a_dot, b_dot)) if xdot is not None]
        ydot = tangent_of(prim, y, (a, b), {}, known)
    return dual(trace, y, _fitted(ydot, y))


def _slope_of_two(prim: Any, y: Any, a: Any, b: Any, a_dot: Any, b_dot: Any) -> Any:
    """ẏ = ȧ·∂f/∂a + ḃ·∂f/∂b where nothing needs mending: a nan raises."""
    if prim.kind == "linear":
        of_a = None if a_dot is None else at_rest(prim.traced(a_dot, b))
        of_b = None if b_dot is None else at_rest(prim.traced(a, b_dot))
    else:
        of_a = None if a_dot is None else prim.rule_0(y, a_dot, a, b)
        of_b = None if b_dot is None else prim.rule_1(y, b_dot, a, b)
    ydot = of_b if of_a is None else of_a if of_b is None else sum_of_parts(of_a, of_b, a_dot)
    if (of_a is not a_dot or of_b is not b_dot) and has_nan(ydot):
        raise FloatingPointError
    return ydot


def of_linear(prim: Primitive, x: Dual, rest: Any, kwargs: Any) -> Any:
    """Return a linear function of a dual number, whose other arguments are plain."""
    a, xdot, trace = x.primal, x.tangent, x.tape
    y = at_rest((prim.traced if isinstance(a, Traced) else prim.f)(a, *rest, **kwargs))
    if getattr(y, "dtype", _FLOAT).kind in "biu":
        return y
    if "initial" in kwargs or issubclass(type(y), (tuple, list)) or factors(rest, None):
        return trace.process(prim, y, (a, *rest), kwargs, ((0, x),))
    ydot = at_rest((prim.traced if isinstance(xdot, Traced) else prim.f)(xdot, *rest, **kwargs))
    return dual(trace, y, _fitted(ydot, y))


def of_list(prim: Primitive, trace: Any, argnum: int, args: Any, kwargs: Any) -> Any:
    """Return a linear function of a list, as of arrays to join, of dual numbers and plain values."""
    before, parts, after = args[:argnum], args[argnum], args[argnum + 1 :]
    xs = [x.primal if type(x) is Dual else x for x in parts]
    xdots = [x.tangent if type(x) is Dual else zeros_like(x) for x in parts]
    f = prim.f if innermost(xs) is None else prim.traced
    y = at_rest(f(*before, xs, *after, **kwargs))
    if getattr(y, "dtype", _FLOAT).kind in "biu":
        return y
    f = prim.f if innermost(xdots) is None else prim.traced
    return dual(trace, y, fit(at_rest(f(*before, xdots, *after, **kwargs)), y))


def _fitted(ydot: Any, y: Any) -> Any:
    """Return ẏ in the space of y; what is one of NumPy's stays one."""
    if type(ydot) is ndarray:
        alike = type(y) is ndarray and ydot.dtype is y.dtype and ydot.shape == y.shape
        return ydot if alike else fit(ydot, y)
    if issubclass(type(ydot), float) and (type(y) is float or type(ydot) is type(y)):
        return ydot
    return fit(ydot, y)


def of_duals(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive on dual numbers, if the call has one of the common forms."""
    if not args:
        return NotImplemented
    a, kind = args[0], prim.kind
    if prim.containers:
        return _of_list(prim, args, kwargs)
    if type(a) is not Dual and (len(args) != 2 or type(args[1]) is not Dual):
        return NotImplemented
    if prim.forward or prim.foreign or (kind != "elementwise" and kind != "linear"):
        return NotImplemented
    if not kwargs and not prim.views:
        if kind == "elementwise" and len(args) == 1:
            if type(a.tape) in FORWARD and prim.rule_0 is not None:
                return of_one(prim, prim.traced, a)
            return NotImplemented
        if len(args) == 2 and prim.rule_1 is not None:
            b = args[1]
            if type(a) is Dual:
                if prim.rule_0 is None or type(a.tape) not in FORWARD:
                    return NotImplemented
                if type(b) is Dual and b.tape is a.tape:
                    return of_two(prim, prim.traced, a.tape, a.primal, b.primal, a.tangent, b.tangent)
                if type(b) in CONSTANTS:
                    return of_two(prim, prim.traced, a.tape, a.primal, b, a.tangent, None)
            elif type(a) in CONSTANTS and type(b.tape) in FORWARD:
                return of_two(prim, prim.traced, b.tape, a, b.primal, None, b.tangent)
    if (
        kind == "linear" and type(a) is Dual and type(a.tape) in FORWARD and prim.rule_0 is not None
        and prim.positions >= len(args) and prim.keywords.issuperset(kwargs)
        and all(map(is_plain, args[1:])) and all(map(is_plain, kwargs.values()))
    ):  # fmt: skip
        y = of_linear(prim, a, args[1:], kwargs)
        return linked(y, prim, args, kwargs) if prim.views else y
    return NotImplemented


def _of_list(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a linear function of a list, as of arrays to join, if the call has one of the common forms."""
    argnum = prim.containers[0]
    if prim.kind != "linear" or len(args) <= argnum or type(args[argnum]) not in (list, tuple):
        return NotImplemented
    kinds = set(map(type, args[argnum]))
    if Dual not in kinds:
        return _of_list_of_boxes(prim, argnum, args, kwargs) if Box in kinds else NotImplemented
    trace = innermost((*args, *kwargs.values()))
    if type(trace) in FORWARD and _is_list_of_duals(prim, args, kwargs, trace):
        return of_list(prim, trace, prim.containers[0], args, kwargs)
    return NotImplemented


def _is_constant(x: Any) -> bool:
    """Say whether an argument is plain and stays as it is: what can be written into goes the general way."""
    return (is_plain(x) and type(x) is not ndarray) or isinstance(x, onp.dtype)


def _of_list_of_boxes(prim: Primitive, argnum: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a linear function of a list of boxes of one tape and of plain values, and record it."""
    trace, values, sources = None, [], []
    for x in args[argnum]:
        if type(x) is Box:
            if trace is None:
                trace = x.tape
            elif x.tape is not trace:
                return NotImplemented
            value = x.primal
            sources.append(x.index)
        else:
            value = x
            sources.append(0)
        if type(value) not in _NUMBERS:
            return NotImplemented
        values.append(value)
    if trace is None or len(args) > prim.positions or not prim.keywords.issuperset(kwargs):
        return NotImplemented
    before, after = args[:argnum], args[argnum + 1 :]
    if not all(map(_is_constant, before + after)) or not all(map(is_plain, kwargs.values())):
        return NotImplemented
    if argnum not in prim.rules:
        return NotImplemented
    y = prim.f(*before, values, *after, **kwargs)
    if type(y) is not ndarray or y.dtype.kind not in "fc":
        return NotImplemented
    made = new(Box)
    made.primal, made.tape = y, trace
    if y.nbytes > WORTH_DROPPING and prim.keep_only_read is not None and not argnum:
        y, values, _ = prim.keep_only_read(y, values, None)
    entries = trace.entries
    entries += (prim, y, (*before, values, *after), kwargs, None, ((argnum, tuple(sources)),), None)
    made.index = len(entries) - 1
    return made


def _is_list_of_duals(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any], tape: Any) -> bool:
    """Say whether a call is one of a linear function of a list of arrays, if that is plain to see."""
    if prim.kind != "linear" or prim.forward or len(prim.containers) > 1:
        return False
    (argnum,) = prim.containers
    if len(args) <= argnum or type(args[argnum]) not in (list, tuple) or argnum not in prim.rules:
        return False
    others = (*args[:argnum], *args[argnum + 1 :], *kwargs.values())
    return (
        prim.positions >= len(args) and prim.keywords.issuperset(kwargs)
        and all(type(x) in _NUMBERS or (type(x) is Dual and x.tape is tape) for x in args[argnum])
        and innermost(others) is None
    )  # fmt: skip


def _at_kinks(prim: Primitive, x: Dual, b: Any = 0.5) -> bool:
    """Say whether an operator with kinks, abs(x) or x**0.5, may be at one that is told apart."""
    if prim.steep is not None and is_steep(x, b):
        return True
    return is_differentiated(x.primal) and (is_deferred(x) or not all_of(x))


def dual_operator_of_one(prim: Primitive, operate: Callable[[Any], Any]) -> Callable[[Dual], Any]:
    """Return the operator of one operand."""

    def operator_of_one(self: Dual) -> Any:
        if type(self.tape) in FORWARD and (prim.kinks is None or not _at_kinks(prim, self)):
            return of_one(prim, operate, self)
        return prim.traced(self)

    return operator_of_one


def dual_operator_of_two(prim: Primitive, operate: Callable[[Any, Any], Any]) -> Callable[[Dual, Any], Any]:
    """Return the operator whose left operand is the dual number."""

    def operator_of_two(self: Dual, other: Any) -> Any:
        trace = self.tape
        if type(trace) in FORWARD and (prim.kinks is None or not _at_kinks(prim, self, other)):
            if type(other) is Dual:
                if other.tape is trace:
                    return of_two(
                        prim, operate, trace, self.primal, other.primal, self.tangent, other.tangent
                    )
            elif type(other) in CONSTANTS:
                return of_two(prim, operate, trace, self.primal, other, self.tangent, None)
        return beside(prim, operate, self, other)

    return operator_of_two


def dual_operator_reflected(
    prim: Primitive, operate: Callable[[Any, Any], Any]
) -> Callable[[Dual, Any], Any]:
    """Return the operator whose right operand is the dual number, and whose left one is none."""

    def operator_reflected(self: Dual, other: Any) -> Any:
        if type(self.tape) in FORWARD and type(other) in CONSTANTS:
            return of_two(prim, operate, self.tape, other, self.primal, None, self.tangent)
        return beside_reflected(prim, operate, self, other)

    return operator_reflected


# --- the way back: ``reverse.backward_pass`` as text, in which the step for one argument stands once


_BACKWARD_PASS = """
def backward_pass(entries, inputs, start, careful):
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
elif type(before) is ndarray and kind is ndarray and source_{x} in owned:
    try:
        before += xbar
    except FloatingPointError:  # ∞ - ∞ is nan, as it is said when all has been added
        pass
else:
    entries[source_{x}] = accumulate(before, xbar, source_{x}, owned)
"""


backward_pass = _made_of(
    _BACKWARD_PASS,
    {
        "OUTPUT": OUTPUT, "WIDTH": WIDTH, "Looked": Looked, "Scatter": Scatter, "ndarray": ndarray,
        "float64": float64, "repeat": itertools.repeat, "accumulate": accumulate,
        "fit_cotangent": fit_cotangent, "pull_back_call": pull_back_call, "pull_back_view": pull_back_view,
        "put_output": put_output, "retry_with_strong_zeros": retry_with_strong_zeros,
    },
    step_of_a_alone=_STEP.format(n=0, x="a", args="a"),
    step_of_a=_STEP.format(n=0, x="a", args="a, b"),
    step_of_b=_STEP.format(n=1, x="b", args="a, b"),
)  # fmt: skip


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
TANGENTS = (tangent_of, of_linear, of_one, of_two)


def install() -> None:
    """Take the short ways from now on."""
    for name, operate, f in UNARY:
        prim = enter(f)
        give(Box, f"__{name}__", box_operator_of_one(prim, operate))
        give(Dual, f"__{name}__", dual_operator_of_one(prim, operate))
    for name, operate, f in BINARY:
        prim = enter(f)
        give(Box, f"__{name}__", box_operator_of_two(prim, operate))
        reflected = _REFLECTED[f] = box_operator_reflected(prim, operate)
        give(Box, f"__r{name}__", reflected)
        give(Box, f"__i{name}__", box_operator_in_place(prim, operate))
        give(Dual, f"__{name}__", dual_operator_of_two(prim, operate))
        give(Dual, f"__r{name}__", dual_operator_reflected(prim, operate))
    give(Box, "__getitem__", getitem)
    give(Box, "__array_ufunc__", array_ufunc)
    primitives.TEMPLATES.update(any=of_any, ufunc=of_ufunc, user=of_user)
    calling.shortcuts[:] = [of_duals]
    writing.shortcuts[:] = [write_number]
    reverse.backward_pass = backward_pass
    keep_freed_memory()


if os.environ.get("FUNAD_FAST") != "0":
    install()

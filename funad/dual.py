"""Dual numbers: value and tangent side by side (forward mode).

One rule serves both modes. Of y = f(x), the tangent ẏ = J ẋ comes from the rule of x̄ = Jᵀ ȳ:
an elementwise rule is its own transpose, a linear function acts on the tangent as on the value,
and any other rule is linear in ȳ, so that its own vector-Jacobian product is the transpose.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable
from typing import Any

import numpy as onp

from .boxes import (
    BINARY,
    BY_HAND,
    CONSTANTS,
    UNARY,
    Box,
    Dual,
    Traced,
    beside,
    beside_reflected,
    box_of,
    give,
    innermost,
    unbox,
)
from .floating import WHILE_RULES_RUN
from .registry import Record, enter
from .spaces import as_numpy, at_rest, fit, is_inexact, zero_beside, zeros_like
from .strong_zeros import add_note, factors, has_nan, strong_elementwise, strong_sum
from .tape import CONSTANT, TRACING, Tape, check_fit, check_number, pull_back, refuse_ended

__all__ = [
    "Forward",
    "of_linear",
    "of_list",
    "of_one",
    "of_two",
    "tangent_of",
]

ndarray, float64, new = onp.ndarray, onp.float64, object.__new__
_INEXACT = onp.dtype(float)


class Forward:
    """One forward-mode trace: its level and how it runs rules. It keeps no record of what ran."""

    __slots__ = ("infinitesimals", "level", "run")

    def __init__(self, level: float | None = None) -> None:
        self.level = Tape.next_level() if level is None else level
        self.run = quietly()

    def process(self, record: Record, y: Any, args: Any, kwargs: Any, sources: Any) -> Any:
        """Return the result of a call as a dual number, or as several."""
        tangents = [(argnum, _tangents(source)) for argnum, source in sources]
        # A user's rule is to see the context variables that f has set since the trace began.
        ydot = tangent_of(record, y, args, kwargs, tangents, None if record.foreign else self.run)
        if not isinstance(y, (tuple, list)):
            return dual(self, y, ydot)
        parts = [
            part if part_dot is None else dual(self, part, part_dot)
            for part, part_dot in zip(y, ydot, strict=True)
        ]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)

    def end(self) -> None:
        """Refuse further calls."""
        self.__class__ = _Ended  # so that a call need not ask whether it is over


class _Ended(Forward):
    """A trace that is over."""

    __slots__ = ()
    ended = True

    def process(self, *_: Any) -> Any:
        refuse_ended()


def quietly() -> Callable[..., Any]:
    """Return a way to call a rule in which 0·∞ raises, and nothing is said of other infinities.

    A context in which NumPy is told so once takes 20 ns per call, where errstate takes 900.
    """
    with onp.errstate(**WHILE_RULES_RUN):
        return contextvars.copy_context().run


def _run_by_hand(rule: Any, *args: Any) -> Any:
    """Call a rule in the same way, for dual numbers that no transformation has made."""
    with onp.errstate(**WHILE_RULES_RUN):
        return rule(*args)


def dual(trace: Any, value: Any, tangent: Any) -> Dual:
    """Return a dual number of this trace."""
    made = new(Dual)
    made.value = value
    made.tangent = tangent
    made.tape = trace
    return made


# The common forms of call, in a fraction of the time that unwrapping arguments of any kind takes.


def of_one(record: Record, operate: Any, x: Dual) -> Any:
    """Return an elementwise function of one dual number; ``operate`` computes its value."""
    a, xdot, trace = x.value, x.tangent, x.tape
    y = operate(a)
    if type(y) is not float and getattr(y, "dtype", _INEXACT).kind in "biu":
        return y
    try:
        ydot = trace.run(_slope, record.of_a, xdot, y, (a,), {})
    except (ArithmeticError, RuntimeError):  # also where another thread is in that context
        ydot = tangent_of(record, y, (a,), {}, [(0, xdot)])
    return dual(trace, y, _fitted(ydot, y))


def of_two(record: Record, operate: Any, trace: Any, a: Any, b: Any, a_dot: Any, b_dot: Any) -> Any:
    """Return an elementwise or linear function of two values, of which one tangent may be None."""
    try:
        y = operate(a, b)
        if type(y) is float:  # of numbers of Python's, which an operator leaves what they are
            ydot = 0.0 if a_dot is None else record.of_a(y, a_dot, a, b)  # type: ignore[misc]
            if b_dot is not None:
                ydot += record.of_b(y, b_dot, a, b)  # type: ignore[misc]
            if type(ydot) is float and ydot == ydot:
                return dual(trace, y, ydot)
    except ArithmeticError:  # of Python's numbers, where NumPy has infinities
        y = record.wrapped(a, b)
    if type(y) is not ndarray and getattr(y, "dtype", _INEXACT).kind in "biu":
        return y
    try:
        ydot = trace.run(_slope_of_two, record, y, a, b, a_dot, b_dot)
    except (ArithmeticError, RuntimeError):
        known = [(n, xdot) for n, xdot in enumerate((a_dot, b_dot)) if xdot is not None]
        ydot = tangent_of(record, y, (a, b), {}, known)
    return dual(trace, y, _fitted(ydot, y))


def _slope_of_two(record: Any, y: Any, a: Any, b: Any, a_dot: Any, b_dot: Any) -> Any:
    """ẏ = ȧ·∂f/∂a + ḃ·∂f/∂b where nothing needs mending: a nan raises."""
    if record.kind == "linear":
        of_a = None if a_dot is None else at_rest(record.wrapped(a_dot, b))
        of_b = None if b_dot is None else at_rest(record.wrapped(a, b_dot))
    else:
        of_a = None if a_dot is None else record.of_a(y, a_dot, a, b)
        of_b = None if b_dot is None else record.of_b(y, b_dot, a, b)
    ydot = of_b if of_a is None else of_a if of_b is None else _sum(of_a, of_b, a_dot)
    if (of_a is not a_dot or of_b is not b_dot) and has_nan(ydot):
        raise FloatingPointError
    return ydot


def of_linear(record: Record, x: Dual, rest: Any, kwargs: Any) -> Any:
    """Return a linear function of a dual number, whose other arguments are plain."""
    a, xdot, trace = x.value, x.tangent, x.tape
    y = at_rest((record.wrapped if isinstance(a, Traced) else record.f)(a, *rest, **kwargs))
    if getattr(y, "dtype", _INEXACT).kind in "biu":
        return y
    if "initial" in kwargs or isinstance(y, (tuple, list)) or factors(rest, None):
        return trace.process(record, y, (a, *rest), kwargs, ((0, x),))
    ydot = at_rest((record.wrapped if isinstance(xdot, Traced) else record.f)(xdot, *rest, **kwargs))
    return dual(trace, y, _fitted(ydot, y))


def of_list(record: Record, trace: Any, argnum: int, args: Any, kwargs: Any) -> Any:
    """Return a linear function of a list, as of arrays to join, of dual numbers and plain values."""
    before, parts, after = args[:argnum], args[argnum], args[argnum + 1 :]
    xs = [x.value if type(x) is Dual else x for x in parts]
    xdots = [x.tangent if type(x) is Dual else zeros_like(x) for x in parts]
    f = record.f if innermost(xs) is None else record.wrapped
    y = at_rest(f(*before, xs, *after, **kwargs))
    if getattr(y, "dtype", _INEXACT).kind in "biu":
        return y
    f = record.f if innermost(xdots) is None else record.wrapped
    return dual(trace, y, fit(at_rest(f(*before, xdots, *after, **kwargs)), y))


def _fitted(ydot: Any, y: Any) -> Any:
    """Return ẏ in the space of y; what is one of NumPy's stays one."""
    if type(ydot) is ndarray:
        alike = type(y) is ndarray and ydot.dtype is y.dtype and ydot.shape == y.shape
        return ydot if alike else fit(ydot, y)
    if isinstance(ydot, float) and (type(y) is float or type(ydot) is type(y)):
        return ydot
    return fit(ydot, y)


def _tangents(source: Any) -> Any:
    """Return the tangent of a dual number, or those of several; None for a constant."""
    if type(source) is tuple:
        return [_tangents(part) for part in source]
    return None if source is CONSTANT else source.tangent


def tangent_of(record: Record, y: Any, args: Any, kwargs: Any, tangents: Any, run: Any = None) -> Any:
    """Return ẏ = Σ ∂f/∂xᵢ ẋᵢ of one call, for the pairs (argument, ẋ) in ``tangents``.

    Of a call with several outputs, a tuple, None for those without a derivative. ``run`` calls rules
    quietly; without it, all is looked at closely.
    """
    several = isinstance(y, (tuple, list))
    total: Any = None
    for argnum, xdot in tangents:
        try:
            if record.forward and argnum in record.forward:
                ydot = _by_rule(record, argnum, xdot, y, args, kwargs)
            elif record.kind == "elementwise":
                ydot = fit(_elementwise(record, record.rules[argnum], xdot, y, args, kwargs, run), y)
            elif record.kind == "linear":
                ydot = _linear(record, argnum, xdot, args, kwargs)
                if y is not None:  # a tape lets go of it: the rule does not need it, nor does f
                    ydot = tuple(ydot) if several else fit(ydot, y)
            else:
                ydot = _transposed(record, argnum, xdot, y, args, kwargs)
        except Exception as error:
            add_note(error, "rule", record, argnum, args)
            raise
        if total is None:
            total, first = ydot, xdot
        else:
            total = tuple(map(_plus, total, ydot)) if several else _quiet_sum(total, ydot, first, run)
    return total


def _quiet_sum(total: Any, ydot: Any, xdot: Any, run: Any) -> Any:
    """Return ``_sum``, of which nothing is said where infinities of both signs give nan."""
    if run is not None:
        with contextlib.suppress(ArithmeticError, RuntimeError):
            return run(_sum, total, ydot, xdot)
    with onp.errstate(invalid="ignore", over="ignore"):
        return _sum(total, ydot, xdot)


def _sum(total: Any, ydot: Any, xdot: Any) -> Any:
    """Return the sum of two parts of ẏ, the first of which was made of ẋ: in place if it is no ẋ itself.

    An array less to allocate: of the 100 kB of a small layer, that takes as long as the sum.
    """
    own = type(total) is ndarray and total is not xdot and total.base is None and type(xdot) is ndarray
    if own and type(ydot) is ndarray and (total.shape, total.dtype) == (ydot.shape, ydot.dtype):
        with contextlib.suppress(FloatingPointError):  # ∞ - ∞ is nan, as it is said when all has been added
            total += ydot
        return total
    return total + ydot


def _plus(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def _without_gaps(xs: Any, xdots: list[Any]) -> list[Any]:
    """Return the tangents of a list of arrays, with zeros for those that are constant."""
    return [zeros_like(x) if xdot is None else xdot for x, xdot in zip(xs, xdots, strict=True)]


def _by_rule(record: Record, argnum: Any, xdot: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """ẏ by the rule of defjvp, each part of it in the space of its part of y."""
    if type(xdot) is list:
        xdot = _without_gaps(args[argnum], xdot)
    ydot = record.forward[argnum](y, xdot, *args, **kwargs)
    if not isinstance(y, (tuple, list)):
        return fit(ydot, y)
    return tuple(
        (zeros_like(part) if dot is None else fit(dot, part)) if is_inexact(part) else None
        for dot, part in zip(ydot, y, strict=True)
    )


def _elementwise(
    record: Record, rule: Any, xdot: Any, y: Any, args: Any, kwargs: Any, run: Any = None
) -> Any:
    """ẏ = ẋ·∂f: the rule itself, with ẋ in the place of ȳ."""
    if run is not None:
        with contextlib.suppress(ArithmeticError, RuntimeError):
            return run(_slope, rule, xdot, y, args, kwargs)
    if type(xdot) is float and type(y) is float:  # no function of NumPy's is called
        try:
            ydot = rule(y, xdot, *args, **kwargs)
            if ydot == ydot and type(ydot) is float:
                return ydot
        except ArithmeticError:
            pass
    with onp.errstate(all="ignore"):
        try:
            ydot = rule(y, xdot, *args, **kwargs)
        except ArithmeticError:  # a Python float divided by zero, where NumPy's is infinite
            ydot = rule(as_numpy(y), as_numpy(xdot), *map(as_numpy, args), **kwargs)
        wrong = ydot != ydot if isinstance(ydot, float) else has_nan(ydot)  # float64 is a float too
    if not wrong:
        return ydot
    return strong_elementwise(ydot, xdot, record, rule, y, args, kwargs)


def _slope(rule: Any, xdot: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """ẏ = ẋ·∂f where nothing needs mending: a nan raises."""
    ydot = rule(y, xdot, *args, **kwargs)
    if ydot is not xdot and has_nan(ydot):
        raise FloatingPointError
    return ydot


def _linear(record: Record, argnum: Any, xdot: Any, args: Any, kwargs: Any) -> Any:
    """ẏ = f(ẋ): f is linear in this argument, but for a constant that a sum starts from."""
    if "initial" in kwargs:
        kwargs = {name: x for name, x in kwargs.items() if name != "initial"}
    if isinstance(argnum, str):
        return at_rest(record.wrapped(*args, **{**kwargs, argnum: xdot}))
    if type(xdot) is list:
        xdot = _without_gaps(args[argnum], xdot)

    def product(v: Any, args: Any) -> Any:
        return at_rest(record.wrapped(*args[:argnum], v, *args[argnum + 1 :], **kwargs))

    others = factors(args, argnum)
    if not others:
        return product(xdot, args)
    with onp.errstate(invalid="ignore"):
        return strong_sum(product, product(xdot, args), xdot, args, others)


def _transposed(record: Record, argnum: Any, xdot: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """ẏ = (ȳ ↦ x̄)ᵀ ẋ: pull ẋ back along a tape of the rule."""
    x = kwargs[argnum] if isinstance(argnum, str) else args[argnum]
    several = isinstance(y, (tuple, list))
    outputs = list(y) if several else [y]
    tape = Tape(len(outputs))
    ybars = [
        box_of(tape, zero_beside(part), n) if is_inexact(part) else None for n, part in enumerate(outputs, 1)
    ]
    before = TRACING.active
    try:
        TRACING.active = True  # the rule may fill an array with what depends on ȳ
        xbar = record.rules[argnum](y, tuple(ybars) if several else ybars[0], *args, **kwargs)
    except BaseException:
        tape.end()
        raise
    finally:
        TRACING.active = before
    xbars, xs, xdots = (xbar, x, xdot) if type(xdot) is list else ([xbar], [x], [xdot])
    seeds = []
    for part_bar, part, part_dot in zip(xbars, xs, xdots, strict=True):
        if part_dot is None:
            continue
        if hasattr(part_bar, "dense"):
            part_bar = part_bar.dense()
        check_number(record, part_bar, part)
        check_fit(record, part_bar, ybars, part)
        fitted = fit(part_bar, part)
        if type(fitted) is Box and fitted.tape is tape:
            seeds.append((fitted.index, part_dot))
    entries = tape.end()
    for index, part_dot in seeds:
        entries[index] = part_dot if entries[index] is None else entries[index] + part_dot
    found = pull_back(entries, len(outputs), True)
    if several:
        return tuple(
            fit(ydot, part) if ydot is not None else zeros_like(part) if is_inexact(part) else None
            for ydot, part in zip(found, outputs, strict=True)
        )
    return zeros_like(y) if found[0] is None else fit(found[0], y)


BY_HAND.process = Forward.process.__get__(BY_HAND)
BY_HAND.run = _run_by_hand
FORWARD = frozenset({Forward, type(BY_HAND)})  # the traces of which dual numbers are nothing more


def _at_kinks(x: Dual) -> bool:
    """Say whether an operator with kinks, abs(x) or x**0.5, may be at one that is differentiated again."""
    return isinstance(x.value, Traced) and not onp.all(unbox(x))


def _one(record: Record, operate: Callable[[Any], Any]) -> Callable[[Dual], Any]:
    """Return the operator of one operand."""

    def operator_of_one(self: Dual) -> Any:
        if type(self.tape) in FORWARD and (record.kinks is None or not _at_kinks(self)):
            return of_one(record, operate, self)
        return record.wrapped(self)

    return operator_of_one


def _two(record: Record, operate: Callable[[Any, Any], Any]) -> Callable[[Dual, Any], Any]:
    """Return the operator whose left operand is the dual number."""

    def operator_of_two(self: Dual, other: Any) -> Any:
        trace = self.tape
        if type(trace) in FORWARD and (record.kinks is None or not _at_kinks(self)):
            if type(other) is Dual:
                if other.tape is trace:
                    return of_two(
                        record, operate, trace, self.value, other.value, self.tangent, other.tangent
                    )
            elif type(other) in CONSTANTS:
                return of_two(record, operate, trace, self.value, other, self.tangent, None)
        return beside(record, operate, self, other)

    return operator_of_two


def _reflected(record: Record, operate: Callable[[Any, Any], Any]) -> Callable[[Dual, Any], Any]:
    """Return the operator whose right operand is the dual number, and whose left one is none."""

    def operator_reflected(self: Dual, other: Any) -> Any:
        if type(self.tape) in FORWARD and type(other) in CONSTANTS:
            return of_two(record, operate, self.tape, other, self.value, None, self.tangent)
        return beside_reflected(record, operate, self, other)

    return operator_reflected


def _install() -> None:
    """Give dual numbers operators that know them; those of Traced take any kind of value."""
    for name, operate, f in UNARY:
        give(Dual, f"__{name}__", _one(enter(f), operate))
    for name, operate, f in BINARY:
        give(Dual, f"__{name}__", _two(enter(f), operate))
        give(Dual, f"__r{name}__", _reflected(enter(f), operate))


_install()

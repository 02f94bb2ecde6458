"""Dual numbers: value and tangent side by side (forward mode).

One rule serves both modes. Of y = f(x), the tangent ẏ = J ẋ comes from the rule of x̄ = Jᵀ ȳ:
an elementwise rule is its own transpose, a linear function acts on the tangent as on the value,
and any other rule is linear in ȳ, so that its own vector-Jacobian product is the transpose.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as onp

from .boxes import BY_HAND, Box, Dual, box_of
from .registry import Record
from .spaces import as_numpy, at_rest, fit, is_inexact, zeros_like
from .tape import (
    CONSTANT,
    OUTPUT,
    TRACING,
    WIDTH,
    Tape,
    check_fit,
    check_number,
    has_nan,
    pull_back,
    refuse_ended,
    strong_slope,
    strong_zero,
)

__all__ = ["Forward", "of_one", "of_two", "push_forward", "tangent_of"]

ndarray, new = onp.ndarray, object.__new__
_INEXACT = onp.dtype(float)


class Forward:
    """One forward-mode trace: nothing but its level. It keeps no record of what ran."""

    __slots__ = ("level",)

    def __init__(self) -> None:
        self.level = Tape.next_level()

    def process(self, record: Record, y: Any, args: Any, kwargs: Any, sources: Any) -> Any:
        """Return the result of a call as a dual number, or as several."""
        tangents = [(argnum, _tangents(source)) for argnum, source in sources]
        ydot = tangent_of(record, y, args, kwargs, tangents)
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

    def process(self, *_: Any) -> Any:
        refuse_ended()


def dual(trace: Any, value: Any, tangent: Any) -> Dual:
    """Return a dual number of this trace."""
    made = new(Dual)
    made.value = value
    made.tangent = tangent
    made.tape = trace
    return made


# The two common forms of call, in a third of the time that unwrapping arguments of any kind takes.


def of_one(record: Record, x: Dual) -> Any:
    """Return an elementwise function of one dual number."""
    a = x.value
    y = record.wrapped(a)
    if getattr(y, "dtype", _INEXACT).kind in "biu":
        return y
    return dual(x.tape, y, _fitted(_elementwise(record, record.of_a, x.tangent, y, (a,), {}), y))


def of_two(record: Record, a: Any, b: Any) -> Any:
    """Return an elementwise function of two arguments, dual numbers of one trace or plain."""
    a_dot = b_dot = ydot = None
    if type(a) is Dual:
        trace, a, a_dot = a.tape, a.value, a.tangent
    if type(b) is Dual:
        trace, b, b_dot = b.tape, b.value, b.tangent
    y = record.wrapped(a, b)
    if getattr(y, "dtype", _INEXACT).kind in "biu":
        return y
    if a_dot is not None:
        ydot = _elementwise(record, record.of_a, a_dot, y, (a, b), {})
    if b_dot is not None:
        of_b = _elementwise(record, record.of_b, b_dot, y, (a, b), {})
        ydot = of_b if a_dot is None else _sum(ydot, of_b, a_dot)
    return dual(trace, y, _fitted(ydot, y))


def _fitted(ydot: Any, y: Any) -> Any:
    """Return ẏ in the space of y; what is one of NumPy's stays one."""
    if isinstance(ydot, float) and (type(y) is float or type(ydot) is type(y)):
        return ydot
    return fit(ydot, y)


def _tangents(source: Any) -> Any:
    """Return the tangent of a dual number, or those of several; None for a constant."""
    if type(source) is tuple:
        return [_tangents(part) for part in source]
    return None if source is CONSTANT else source.tangent


def tangent_of(record: Record, y: Any, args: Any, kwargs: Any, tangents: Any) -> Any:
    """Return ẏ = Σ ∂f/∂xᵢ ẋᵢ of one call, for the pairs (argument, ẋ) in ``tangents``.

    Of a call with several outputs, a tuple, None for those without a derivative.
    """
    several = isinstance(y, (tuple, list))
    total: Any = None
    for argnum, xdot in tangents:
        if record.forward and argnum in record.forward:
            ydot = _by_rule(record, argnum, xdot, y, args, kwargs)
        elif record.kind == "elementwise":
            ydot = fit(_elementwise(record, record.rules[argnum], xdot, y, args, kwargs), y)
        elif record.kind == "linear":
            ydot = _linear(record, argnum, xdot, args, kwargs)
            if y is not None:  # a tape lets go of it: the rule does not need it, nor does f
                ydot = tuple(ydot) if several else fit(ydot, y)
        else:
            ydot = _transposed(record, argnum, xdot, y, args, kwargs)
        if total is None:
            total, first = ydot, xdot
        else:
            total = tuple(map(_plus, total, ydot)) if several else _sum(total, ydot, first)
    return total


def _sum(total: Any, ydot: Any, xdot: Any) -> Any:
    """Return the sum of two parts of ẏ, the first of which was made of ẋ: in place if it is no ẋ itself.

    An array less to allocate: of the 100 kB of a small layer, that takes as long as the sum.
    """
    own = type(total) is ndarray and total is not xdot and total.base is None and type(xdot) is ndarray
    if own and type(ydot) is ndarray and (total.shape, total.dtype) == (ydot.shape, ydot.dtype):
        total += ydot
        return total
    return total + ydot


def _plus(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def _by_rule(record: Record, argnum: Any, xdot: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """ẏ by the rule of defjvp, each part of it in the space of its part of y."""
    if type(xdot) is list:
        xdot = [zeros_like(x) if dot is None else dot for x, dot in zip(args[argnum], xdot, strict=True)]
    ydot = record.forward[argnum](y, xdot, *args, **kwargs)
    if not isinstance(y, (tuple, list)):
        return fit(ydot, y)
    return tuple(
        (zeros_like(part) if dot is None else fit(dot, part)) if is_inexact(part) else None
        for dot, part in zip(ydot, y, strict=True)
    )


def _elementwise(record: Record, rule: Any, xdot: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """ẏ = ẋ·∂f: the rule itself, with ẋ in the place of ȳ."""
    if type(xdot) is float and type(y) is float:  # no function of NumPy's is called
        try:
            ydot = rule(y, xdot, *args, **kwargs)
            if ydot == ydot and type(ydot) is float:
                return ydot
        except ArithmeticError:
            pass
    with onp.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        try:
            ydot = rule(y, xdot, *args, **kwargs)
        except ArithmeticError:  # a Python float divided by zero, where NumPy's is infinite
            ydot = rule(as_numpy(y), xdot, *map(as_numpy, args), **kwargs)
        wrong = ydot != ydot if isinstance(ydot, float) else has_nan(ydot)  # float64 is a float too
    if not wrong:
        return ydot
    return strong_slope(strong_zero(ydot, xdot), xdot, rule, y, args, kwargs)


def _linear(record: Record, argnum: Any, xdot: Any, args: Any, kwargs: Any) -> Any:
    """ẏ = f(ẋ): f is linear in this argument, but for a constant that a sum starts from."""
    if "initial" in kwargs:
        kwargs = {name: x for name, x in kwargs.items() if name != "initial"}
    if isinstance(argnum, str):
        return at_rest(record.wrapped(*args, **{**kwargs, argnum: xdot}))
    if type(xdot) is list:
        parts = zip(args[argnum], xdot, strict=True)
        xdot = [zeros_like(x) if part is None else part for x, part in parts]
    return at_rest(record.wrapped(*args[:argnum], xdot, *args[argnum + 1 :], **kwargs))


def _transposed(record: Record, argnum: Any, xdot: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """ẏ = (ȳ ↦ x̄)ᵀ ẋ: pull ẋ back along a tape of the rule."""
    x = kwargs[argnum] if isinstance(argnum, str) else args[argnum]
    several = isinstance(y, (tuple, list))
    outputs = list(y) if several else [y]
    tape = Tape(len(outputs))
    ybars = [
        box_of(tape, zeros_like(part), n) if is_inexact(part) else None for n, part in enumerate(outputs, 1)
    ]
    before = TRACING.active
    try:
        TRACING.active = True  # the rule may fill an array with what depends on ȳ
        xbar = record.rules[argnum](y, tuple(ybars) if several else ybars[0], *args, **kwargs)
    finally:
        TRACING.active = before
    xbars, xs, xdots = (xbar, x, xdot) if type(xdot) is list else ([xbar], [x], [xdot])
    seeds = []
    for part_bar, part, part_dot in zip(xbars, xs, xdots, strict=True):
        if part_dot is None:
            continue
        if record.kind == "vjp":
            if not hasattr(part_bar, "dense"):
                check_number(record, part_bar, part)
            check_fit(record, part_bar, ybars, part)
        fitted = fit(part_bar.dense() if hasattr(part_bar, "dense") else part_bar, part)
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


def push_forward(entries: list[Any], inputs: int, tangents: list[Any]) -> list[Any]:
    """Walk forward along a tape; return its slots, with the tangent of every value in them."""
    slots: list[Any] = [None] * len(entries)
    slots[1 : inputs + 1] = tangents
    for start in range(inputs + 1, len(entries), WIDTH):
        record, y, a, b, source_a, source_b = entries[start : start + WIDTH - 1]
        if record is OUTPUT:
            ydots = slots[source_b]
            ydot = None if ydots is None else ydots[a]
        else:
            args, kwargs, sources = as_call(a, b, source_a, source_b)
            found = [(n, _slots(slots, source)) for n, source in sources]
            known = [(n, xdot) for n, xdot in found if _any(xdot)]
            ydot = tangent_of(record, y, args, kwargs, known) if known else None
        slots[start + WIDTH - 1] = ydot
    return slots


def as_call(a: Any, b: Any, source_a: Any, source_b: Any) -> tuple[Any, Any, Any]:
    """Return an entry of any form as (args, kwargs, sources)."""
    if source_b is None:
        return (a,), {}, ((0, source_a),)
    if source_a is None:
        return a, b, source_b
    pairs = zip(itertools.count(), (source_a, source_b))
    return (a, b), {}, tuple((n, source) for n, source in pairs if source)


def _slots(slots: list[Any], source: Any) -> Any:
    if type(source) is tuple:
        return [slots[part] if part else None for part in source]
    return slots[source]


def _any(xdot: Any) -> bool:
    return any(part is not None for part in xdot) if type(xdot) is list else xdot is not None


BY_HAND.process = Forward.process.__get__(BY_HAND)
FORWARD = frozenset({Forward, type(BY_HAND)})  # the traces of which dual numbers are nothing more

"""Dual numbers: value and tangent side by side (forward mode).

One rule serves both modes. Of y = f(x), the tangent ẏ = J ẋ comes from the rule of x̄ = Jᵀ ȳ:
an elementwise rule is its own transpose, a linear function acts on the tangent as on the value,
and any other rule is linear in ȳ, so that its own vector-Jacobian product is the transpose.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as onp

from ..boxes import (
    BY_HAND,
    Box,
    Dual,
    box_of,
)
from ..errors import NotDifferentiableError, TangentError
from ..floating import ERRORS, OF_RULES, SILENT, restore, silence
from ..registry import Primitive, primitive_of
from ..spaces import (
    at_rest,
    broadcasts,
    describe,
    fit,
    is_complex,
    is_inexact,
    is_number,
    zero_beside,
    zeros_like,
)
from ..trace import TRACING, Looked, Trace, next_level
from ..values import constant, dtype_of, members_of, shape_of
from ..writing import fresh, write
from .cotangents import check_fit, check_number
from .reverse import CONSTANT, Tape, pull_back, refuse_ended
from .strong_zeros import HERE, STEEP, add_note, factors, has_nan, run_strongly, several_of, strong_sum

__all__ = ["Forward", "dual", "slopes", "sum_of_parts", "tangent_of", "transpose"]

ndarray, float64, new = onp.ndarray, onp.float64, object.__new__
_INEXACT = onp.dtype(float)


class Forward(Trace):
    """One forward-mode trace: its level and how it runs rules. It keeps no record of what ran."""

    __slots__ = ("doubtful", "level", "lines", "run")

    differentiates = True

    def __init__(self, level: float | None = None) -> None:
        self.level = next_level() if level is None else level
        self.run = quietly()
        self.lines: Any = None  # as those of a tape
        self.doubtful = False  # whether a kink has been met, of which a tape knows more

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Callable[..., Any]) -> Any:
        """Return the result of a call as a dual number; where Python's numbers have no result, NumPy's."""
        try:
            return Trace.call(self, prim, args, kwargs, run)
        except ArithmeticError:
            ufunc = primitive_of(prim.f)
            if ufunc is None or ufunc.traced is prim.traced:
                raise
            return Trace.call(self, ufunc, args, kwargs, run)

    def process(self, prim: Primitive, y: Any, args: Any, kwargs: Any, sources: Any) -> Any:
        """Return the result of a call as a dual number, or as several."""
        tangents = [(argnum, _tangents(source)) for argnum, source in sources]
        # A user's rule is to see the context variables that f has set since the trace began.
        ydot = tangent_of(prim, y, args, kwargs, tangents, None if prim.foreign else self.run)
        if not issubclass(type(y), (tuple, list)):
            return dual(self, y, ydot)
        parts = [
            part if part_dot is None else dual(self, part, part_dot)
            for part, part_dot in zip(y, ydot, strict=True)
        ]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)

    def written(self, x: Any, path: Any, index: Any, v: Any) -> Any:
        """Write into the value of x, and the tangent of v into that of x."""
        (a, xdot), (b, vdot) = self._split(x), self._split(v)
        y = write(a, path, index, b)
        xdot = fresh(zeros_like(a)) if xdot is None else xdot
        if issubclass(type(xdot), (float, complex, onp.generic)):  # of an array without axes
            xdot = onp.array(xdot)
        vdot = zeros_like(b) if vdot is None else at_rest(vdot)
        return dual(self, y, write(xdot, path, index, vdot))

    def _split(self, x: Any) -> tuple[Any, Any]:
        """Return the value and the tangent of x; None for one that is constant."""
        return (x.primal, x.tangent) if type(x) is Dual and x.tape is self else (x, None)

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
    token = ERRORS.set(OF_RULES)
    try:
        return contextvars.copy_context().run
    finally:
        restore(token)


def dual(trace: Any, value: Any, tangent: Any) -> Dual:
    """Return a dual number of this trace."""
    made = new(Dual)
    made.primal = value
    made.tangent = tangent
    made.tape = trace
    return made


def _tangents(source: Any) -> Any:
    """Return the tangent of a dual number, or those of several; None for a constant."""
    if type(source) is tuple:
        return [_tangents(part) for part in source]
    return None if source is CONSTANT else source.tangent


def tangent_of(prim: Primitive, y: Any, args: Any, kwargs: Any, tangents: Any, run: Any = None) -> Any:
    """Return ẏ = Σ ∂f/∂xᵢ ẋᵢ of one call, for the pairs (argument, ẋ) in ``tangents``.

    Of a call with several outputs, a tuple, None for those without a derivative. ``run`` calls rules
    quietly; without it, all is looked at closely.
    """
    if run is not None and prim.kind == "elementwise" and not (prim.forward or prim.foreign):
        with contextlib.suppress(Exception, Looked):  # it comes again, where it is mended or explained
            return fit(run(slopes, prim, y, args, kwargs, tangents), y)
    return _sum_of_tangents(prim, y, args, kwargs, tangents, run)


def _sum_of_tangents(prim: Primitive, y: Any, args: Any, kwargs: Any, tangents: Any, run: Any) -> Any:
    """Return ẏ of one call, one argument after the other, each looked at closely."""
    several = issubclass(type(y), (tuple, list))
    total: Any = None
    for argnum, xdot in tangents:
        try:
            ydot = _part_of_tangent(prim, argnum, kwargs, y, xdot, *args)
        except Looked as look:
            ydot = _tangent_after(look, prim, argnum, xdot, y, args, kwargs)
        except Exception as error:
            add_note(error, "rule", prim, argnum, args)
            raise
        if total is None:
            total, first = ydot, xdot
        else:
            total = tuple(map(_plus, total, ydot)) if several else _quiet_sum(total, ydot, first, run)
    return total


def _part_of_tangent(prim: Primitive, argnum: Any, kwargs: Any, y: Any, xdot: Any, *args: Any) -> Any:
    """Return the part of ẏ that one argument gives."""
    apart = several_of(y, xdot, *args) if hasattr(y, "tape") else None
    if apart is not None and prim.kind != "linear" and prim not in (HERE, STEEP):
        return apart.each(functools.partial(_part_of_tangent, prim, argnum, kwargs), (y, xdot, *args))
    if prim.forward and argnum in prim.forward:
        return _by_rule(prim, argnum, xdot, y, args, kwargs)
    if prim.kind == "elementwise":
        ydot = _elementwise(prim, prim.rules[argnum], xdot, y, args, kwargs)
        if prim.foreign:
            check_tangent(prim.name, ydot, y, xdot)
        return fit(ydot, y)
    if prim.kind == "linear":
        ydot = _linear(prim, argnum, xdot, args, kwargs)
        if y is None:  # a tape lets go of it: the rule does not need it, nor does f
            return ydot
        return tuple(ydot) if issubclass(type(y), (tuple, list)) else fit(ydot, y)
    return _transposed(prim, argnum, xdot, y, args, kwargs)


def _tangent_after(
    look: Looked, prim: Primitive, argnum: Any, xdot: Any, y: Any, args: Any, kwargs: Any
) -> Any:
    """Return ẏ of a call whose rule has looked at a value in which the members of a batch may differ."""
    if hasattr(look.trace, "tangent_of_stacks"):
        ydot = look.trace.tangent_of_stacks(prim, argnum, xdot, args, kwargs)
        if ydot is not None:
            return ydot

    def of_member(y: Any, xdot: Any, args: Any, kwargs: Any) -> Any:
        return tangent_of(prim, y, args, kwargs, [(argnum, xdot)])

    return look.trace.after(look, of_member, (y, xdot, args, kwargs), {}, f"the rule of {prim.name}")


def _quiet_sum(total: Any, ydot: Any, xdot: Any, run: Any) -> Any:
    """Return ``sum_of_parts``, of which nothing is said where infinities of both signs give nan."""
    if run is not None:
        with contextlib.suppress(ArithmeticError, RuntimeError):
            return run(sum_of_parts, total, ydot, xdot)
    with onp.errstate(invalid="ignore", over="ignore"):
        return sum_of_parts(total, ydot, xdot)


def sum_of_parts(total: Any, ydot: Any, xdot: Any) -> Any:
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


def _by_rule(prim: Primitive, argnum: Any, xdot: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """ẏ by the rule of defjvp, each part of it in the space of its part of y."""
    if type(xdot) is list:
        xdot = _without_gaps(args[argnum], xdot)
    token = None if prim.foreign else ERRORS.set(SILENT)
    try:
        ydot = prim.forward[argnum](y, xdot, *args, **kwargs)
    finally:
        restore(token)
    if not issubclass(type(y), (tuple, list)):
        return fitted_tangent(prim.name, ydot, y)
    if not issubclass(type(ydot), (tuple, list)) or len(ydot) != len(y):
        raise TangentError(
            f"the forward rule of {prim.name} returned {describe(ydot)}, where the tangents of {len(y)} "
            f"results belong; return a tuple of {len(y)}, with None for a result without a derivative"
        )
    return tuple(
        (zeros_like(part) if dot is None else fitted_tangent(prim.name, dot, part))
        if is_inexact(part) else None
        for dot, part in zip(ydot, y, strict=True)
    )  # fmt: skip


def fitted_tangent(name: str, ydot: Any, y: Any) -> Any:
    """Return ẏ, which a user's rule made, in the space of y."""
    check_tangent(name, ydot, y)
    return fit(ydot, y)


def check_tangent(name: str, ydot: Any, y: Any, xdot: Any = None) -> None:
    """Refuse ẏ of another shape than y, or complex for a real y.

    An elementwise rule was given ẋ, and may leave it to the trace to broadcast its result to y.
    """
    if not is_number(ydot) and not hasattr(ydot, "__array__"):
        found = "None (does it end without a return statement?)" if ydot is None else describe(ydot)
        raise TangentError(
            f"the rule of {name} returned {found}, where the tangent of {describe(y)} belongs; return ẏ as a "
            f"number or an array, of the shape of y"
        )
    shape, wanted = shape_of(ydot), shape_of(y)
    if shape != wanted and not (_is_zero(ydot) or (xdot is not None and _lies_between(xdot, shape, wanted))):
        raise TangentError(
            f"the rule of {name} returned a tangent of shape {shape} for a result of shape {wanted}; return "
            f"ẏ of the shape of y"
        )
    if is_complex(ydot) and not is_complex(y):
        raise TangentError(
            f"the rule of {name} returned a complex tangent for a real result; return its real part, if that "
            f"is what is meant"
        )


def _is_zero(x: Any) -> bool:
    return type(x) in (float, int) and x == 0


def _lies_between(xdot: Any, shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Say whether ẋ broadcasts to a shape, and that to the shape that is wanted."""
    return broadcasts(shape_of(xdot), shape) and broadcasts(shape, wanted)


def slopes(prim: Primitive, y: Any, args: Any, kwargs: Any, tangents: Any) -> Any:
    """ẏ = Σ ẋᵢ·∂f/∂xᵢ of an elementwise function, or a product, where nothing needs mending: a nan raises."""
    total = None
    for argnum, xdot in tangents:
        if prim.kind == "linear":
            ydot = at_rest(prim.traced(*args[:argnum], xdot, *args[argnum + 1 :]))
        else:
            ydot = prim.rules[argnum](y, xdot, *args, **kwargs)
        total = ydot if total is None else sum_of_parts(total, ydot, tangents[0][1])
    if total is not tangents[0][1] and has_nan(total):
        raise FloatingPointError
    return total


def _elementwise(prim: Primitive, rule: Any, xdot: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """ẏ = ẋ·∂f: the rule itself, with ẋ in the place of ȳ, and what it has met that a zero hides."""
    if type(xdot) is float and type(y) is float:  # no function of NumPy's is called
        try:
            ydot = rule(y, xdot, *args, **kwargs)
            if ydot == ydot and type(ydot) is float:
                return ydot
        except ArithmeticError:
            pass
    return run_strongly(prim, rule, kwargs, y, xdot, *args)


def _linear(prim: Primitive, argnum: Any, xdot: Any, args: Any, kwargs: Any) -> Any:
    """ẏ = f(ẋ): f is linear in this argument, but for a constant that a sum starts from."""
    if "initial" in kwargs:
        kwargs = {name: x for name, x in kwargs.items() if name != "initial"}
    if isinstance(argnum, str):
        return at_rest(prim.traced(*args, **{**kwargs, argnum: xdot}))
    if type(xdot) is list:
        xdot = _without_gaps(args[argnum], xdot)

    def product(v: Any, args: Any) -> Any:
        return at_rest(prim.traced(*args[:argnum], v, *args[argnum + 1 :], **kwargs))

    others = factors(args, argnum)
    if not others:
        return product(xdot, args)
    with silence():
        return strong_sum(product, product(xdot, args), xdot, args, others)


def _transposed(prim: Primitive, argnum: Any, xdot: Any, y: Any, args: Any, kwargs: Any) -> Any:
    """ẏ = (ȳ ↦ x̄)ᵀ ẋ: pull ẋ back along a tape of the rule."""
    x = kwargs[argnum] if isinstance(argnum, str) else args[argnum]
    several = issubclass(type(y), (tuple, list))
    outputs = list(y) if several else [y]

    def pulled(ybars: list[Any]) -> list[Any]:
        xbar = prim.rules[argnum](y, tuple(ybars) if several else ybars[0], *args, **kwargs)
        parts = zip(*((xbar, x, xdot) if type(xdot) is list else ([xbar], [x], [xdot])), strict=True)
        return [
            None if part_dot is None else _fitted_bar(prim, part_bar, ybars, part)
            for part_bar, part, part_dot in parts
        ]

    found = transpose(pulled, outputs, xdot if type(xdot) is list else [xdot], prim.foreign)
    if found is None:
        refuse_nonlinear(prim.name, "VJP rule", "ȳ", "forward mode (jvp, jacfwd, hessian, hvp)", "defjvp")
    if several:
        return tuple(
            fit(ydot, part) if ydot is not None else zeros_like(part) if is_inexact(part) else None
            for ydot, part in zip(found, outputs, strict=True)
        )
    return zeros_like(y) if found[0] is None else fit(found[0], y)


def _fitted_bar(prim: Primitive, xbar: Any, ybars: list[Any], x: Any) -> Any:
    """Return x̄ in the space of x; refuse what is none."""
    if hasattr(xbar, "dense"):
        xbar = xbar.dense()
    check_number(prim, xbar, x)
    check_fit(prim, xbar, ybars, x)
    return fit(xbar, x)


def transpose(f: Callable[[list[Any]], list[Any]], xs: list[Any], bars: list[Any], check: bool) -> Any:
    """Return fᵀ of ``bars`` for a linear function f of values in the spaces of ``xs``.

    With ``check``, return None if ⟨bars, f(v)⟩ is not ⟨fᵀ bars, v⟩ for some v: f, which a user wrote, is
    not linear then, or a part of it has been hidden from the tape.
    """
    tape = Tape(len(xs))
    tape.transposing = True
    make = _some if check else zero_beside
    vs = [make(x) if is_inexact(x) else None for x in xs]
    before = TRACING.active
    try:
        TRACING.active = True  # f may fill an array with what depends on v
        ys = f([None if v is None else box_of(tape, v, n) for n, v in enumerate(vs, 1)])
    except Exception:
        if not check:
            raise
        return transpose(f, xs, bars, False)  # it may be no rule for such numbers: a solver to a tolerance
    finally:
        TRACING.active = before
    entries = tape.end()
    for y, bar in zip(ys, bars, strict=True):
        if type(y) is Box and y.tape is tape and bar is not None:
            entries[y.index] = bar if entries[y.index] is None else entries[y.index] + bar
    found = pull_back(entries, len(xs), True)
    return found if not check or _are_alike(zip(ys, bars, strict=True), zip(found, vs, strict=True)) else None


def _some(x: Any) -> Any:
    """Return a value in the space of x: numbers of both signs, none of which is like another.

    They are large, so that a rule which clips them is seen not to be linear.
    """
    return 809.0169943749475 if type(x) is float else _some_numbers(shape_of(x), dtype_of(x))


@functools.lru_cache(maxsize=64)
def _some_numbers(shape: tuple[int, ...], dtype: Any) -> Any:
    numbers = onp.arange(1, 1 + math.prod(shape)).reshape(shape)
    some = (500 + numbers * 618.0339887498949 % 1000) * onp.where(
        numbers * 0.7548776662466927 % 1 < 0.4, -1, 1
    )
    some = onp.asarray(some * (1 + 0.5j) if dtype.kind == "c" else some).astype(dtype)
    some.flags.writeable = False
    return some[()]


def _are_alike(pairs: Any, others: Any) -> bool:
    """Say whether two sums of products are the same number, to the digits that any rule keeps."""
    (a, of_a, digits), (b, of_b, more) = _product(pairs), _product(others)
    size = of_a + of_b
    return abs(a - b) <= max(digits, more) * size or not math.isfinite(size)


def _product(pairs: Any) -> tuple[float, float, float]:
    """Return the real part of a sum of products, a bound of its size, and how far rounding may take it."""
    total, size, digits = 0.0, 0.0, 1e-5
    for a, b in pairs:
        if a is None or b is None:
            continue
        a, b = constant(a), constant(b)
        if type(a) is ndarray and type(b) is ndarray and a.dtype.kind == b.dtype.kind == "f":
            a, b = a.reshape(-1), b.reshape(-1)
            part, bound = float(a.dot(b)), math.sqrt(float(a.dot(a)) * float(b.dot(b)))
        elif issubclass(type(a), float) and issubclass(type(b), float):
            part = a * b
            bound = abs(part)
        else:
            a, b = onp.ravel(a), onp.ravel(b)
            part = float(onp.mean(members_of((a * b).real.sum())))  # of a batch, the mean of its members
            bound = float(onp.mean(members_of(onp.linalg.norm(a) * onp.linalg.norm(b))))
        if (
            getattr(a, "itemsize", 8) < 8
            or getattr(b, "itemsize", 8) < 8
            or "F" in (dtype_of(a).char, dtype_of(b).char)
        ):
            digits = 3e-2
        total += part
        size += bound
    return total, size, digits


def refuse_nonlinear(name: str, rule: str, bar: str, mode: str, other: str) -> NoReturn:
    """Refuse a rule that has hidden its cotangent or its tangent from the tape that transposes it."""
    raise NotDifferentiableError(
        f"the {rule} of {name} is not linear in {bar}, or hides {bar} from its trace (by value({bar}), a "
        f"comparison or an array of its own), and {mode} transposes this rule; use {bar} itself in it, or "
        f"stop_gradient({bar}) to end the chain there, or give {name} a rule of the other mode with "
        f"funad.{other}"
    )


for _name in ("process", "written", "_split"):
    setattr(BY_HAND, _name, getattr(Forward, _name).__get__(BY_HAND))
BY_HAND.run = lambda *call: quietly()(*call)  # no transformation has made them

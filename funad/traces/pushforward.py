"""The walk forward along a tape, and the steps that it can leave out (forward mode after reverse mode)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as onp

from ..boxes import Dual
from ..errors import EndedTraceError
from ..memory import WORTH_DROPPING
from ..opaque import Batched, batched
from ..registry import Primitive, once
from ..spaces import fit, zeros_like
from ..trace import Looked
from ..writing import ASSIGN, fresh, put, write
from .cotangents import lies_in_space_of
from .forward import dual, quietly, sum_of_parts, tangent_of
from .reverse import APART, LEFT, OUTPUT, WIDTH, as_call, slots_of
from .strong_zeros import has_nan

__all__ = ["Steps", "disowned", "push_forward", "spare_values", "steps_to"]

ndarray = onp.ndarray


# The calls on a tape to take, in order: where each stands, and the slots that no later one reads.
Steps = list[tuple[int, Collection[int]]]


def steps_to(entries: list[Any], inputs: int, ends: Iterable[int]) -> Steps:
    """Return the calls on a tape that the slots ``ends`` depend on.

    On the tape of a gradient, the value of the function is computed and not returned.
    """
    wanted, steps = {None, 0, *ends}, []
    for start in range(len(entries) - WIDTH, inputs, -WIDTH):
        if start + WIDTH - 1 in wanted:
            source_a, source_b = entries[start + 4 : start + 6]
            read_last: Any
            if type(source_b) is tuple:
                read_last = set(slots_of(source_a, source_b)) - wanted
            elif source_b in wanted or source_b == source_a:
                read_last = () if source_a in wanted else (source_a,)
            else:
                read_last = (source_b,) if source_a in wanted else (source_a, source_b)
            wanted.update(read_last)
            steps.append((start, read_last))
    return steps[::-1]


def push_forward(
    entries: list[Any], inputs: int, tangents: list[Any], steps: Steps, careful: bool = True
) -> list[Any]:
    """Walk forward along a tape; return its slots, with the tangents of the ends of ``steps`` in them.

    A tangent is let go of after the last step that reads it. Without ``careful``, batched tangents are not
    searched for the nan of 0·∞ at each step, which takes as long as the step: the caller looks at the end.
    """
    slots: list[Any] = [None] * len(entries)
    slots[1 : inputs + 1] = tangents
    owned: set[int] = set()  # slots with an array that nothing else refers to
    run = quietly()
    for start, read_last in steps:
        prim, y, a, b, source_a, source_b = entries[start : start + WIDTH - 1]
        if prim is OUTPUT:
            ydots = slots[source_b]
            ydot = None if ydots is None else ydots[a]
        elif prim is ASSIGN and _write(slots, start, a, source_b, read_last, owned):
            ydot = slots[start + WIDTH - 1]
        else:
            ydot = NotImplemented
            quick = _QUICK.get(prim.kind)
            if quick and source_a is not None and not (prim.forward or prim.foreign):
                ydot = quick(prim, y, a, b, source_a, source_b, slots, run, careful)
            if ydot is NotImplemented:
                args, kwargs, sources = as_call(a, b, source_a, source_b)
                found = [(n, _tangent_of(slots, source)) for n, source in sources]
                known = [(n, xdot) for n, xdot in found if _is_known(xdot)]
                ydot = tangent_of(prim, y, args, kwargs, known, run) if known else None
            elif owned:
                sources = ((0, source_a), (1, source_b or 0))
            if owned:
                ydot = disowned(owned, slots, sources, ydot)
        slots[start + WIDTH - 1] = ydot
        for n in read_last:
            slots[n] = None
    return slots


def _quick_tangent(
    prim: Primitive, y: Any, a: Any, b: Any, source_a: Any, source_b: Any, slots: Any, run: Any, careful: bool
) -> Any:
    """Return ẏ of an elementwise function of one or two arguments; NotImplemented if that needs care."""
    try:
        of_a, of_b = slots[source_a], slots[source_b or 0]
        if of_a is None and of_b is None:
            return None
        ydot = run(_slope, prim, y, a, b, source_b is None, of_a, of_b)
        searched = (careful or type(ydot) is not Batched) and ydot is not of_a and ydot is not of_b
        if searched and has_nan(ydot):
            return NotImplemented
    except (Exception, Looked):  # there it is mended, or explained
        return NotImplemented
    if type(ydot) is Batched and lies_in_space_of(ydot, y):
        return ydot
    return fit(ydot, y)


def _quick_linear(
    prim: Primitive, y: Any, a: Any, b: Any, source_a: Any, source_b: Any, slots: Any, run: Any, careful: bool
) -> Any:
    """Return f of a batched tangent, of a function that is linear in one argument of one or two."""
    of_a, of_b = slots[source_a], slots[source_b or 0]
    xdot = of_b if of_a is None else of_a
    if xdot is None:
        return None
    if type(xdot) is not Batched or (of_a is not None and of_b is not None):
        return NotImplemented
    args = (a, of_b) if of_a is None else (of_a,) if source_b is None else (of_a, b)
    try:
        ydot = xdot.tape.call(prim, args, {})
    except (Exception, Looked):
        return NotImplemented
    if type(ydot) is not Batched or (careful and has_nan(ydot)):
        return NotImplemented
    return ydot if y is None or lies_in_space_of(ydot, y) else fit(ydot, y)


_QUICK = {"elementwise": _quick_tangent, "linear": _quick_linear}


def _slope(prim: Any, y: Any, a: Any, b: Any, of_one: bool, of_a: Any, of_b: Any) -> Any:
    """ẏ = ȧ·∂f/∂a + ḃ·∂f/∂b."""
    if of_one:
        return prim.rule_0(y, of_a, a)
    if of_b is None:
        return prim.rule_0(y, of_a, a, b)
    if of_a is None:
        return prim.rule_1(y, of_b, a, b)
    if prim.f is onp.subtract:  # without the array of -ḃ
        return of_a - of_b
    return sum_of_parts(prim.rule_0(y, of_a, a, b), prim.rule_1(y, of_b, a, b), of_a)


def _write(
    slots: list[Any], start: int, args: Any, sources: Any, read_last: Collection[int], owned: set[int]
) -> bool:
    """Put v̇ into ẋ for the assignment at ``start``, in the array of ẋ if nothing else needs it.

    So the way forward over n assignments into n elements is linear in n. Return False if there is none.
    """
    (x, v), path, index = args
    ((_, (source_x, source_v)),) = sources
    xdot, vdot = slots[source_x] if source_x else None, slots[source_v] if source_v else None
    own = source_x in read_last and source_x in owned
    if hasattr(xdot, "tape") or hasattr(vdot, "tape"):
        if xdot is None:
            xdot, own = zeros_like(x), True
        vdot = zeros_like(v) if vdot is None else vdot
        xdot = write(xdot if own else fresh(xdot), path, index, vdot)
    elif issubclass(type(xdot), (ndarray, type(None))):
        if xdot is None:
            xdot = zeros_like(x)
        elif not own:
            xdot = onp.array(xdot)
        put(xdot, path, index, 0 if vdot is None else vdot)
    else:
        return False
    slots[start + WIDTH - 1] = xdot
    owned.add(start + WIDTH - 1)
    return True


def disowned(owned: set[int], slots: list[Any], sources: Any, ydot: Any) -> Any:
    """Return ẏ; the arrays that it was computed from are owned no more if it shares their memory."""
    if issubclass(type(ydot), (float, onp.generic, type(None))):
        return ydot
    array = ydot.stack if type(ydot) is Batched else ydot
    if type(array) is ndarray and array.base is not None and 8 * array.size < getattr(array.base, "size", 0):
        array = array.copy()  # of a few numbers: all of ẋ stays to be written to
        return batched(ydot.tape, array) if type(ydot) is Batched else array
    fresh = type(array) is ndarray and array.base is None
    for _, source in sources:
        for n in source if type(source) is tuple else (source,):
            if not fresh or slots[n] is ydot:
                owned.discard(n)
    return ydot


def spare_values(entries: list[Any], inputs: int) -> None:
    """Have a tape of dual numbers compute no more than the tangents of the cotangents of large inputs.

    Nothing depends on those. Of y = A X with a constant A, say, X̄ = Aᵀ ȳ: its value would cost as much
    as its tangent, and as y.
    """
    for start in range(inputs + 1, len(entries), WIDTH):
        prim, _, a, b, source_a, source_b = entries[start : start + WIDTH - 1]
        if prim.kind != "linear":
            continue
        args, kwargs, sources = as_call(a, b, source_a, source_b)
        if kwargs or len(sources) > 1 or type(sources[0][1]) is not int:
            continue
        ((argnum, source),) = sources
        x = args[argnum]
        if source <= inputs and type(x) is Dual and sum(type(arg) is Dual for arg in args) == 1:
            value = x.primal
            if type(value) is ndarray and value.nbytes > WORTH_DROPPING:
                entries[start] = _of_tangents(prim)


@once
def _of_tangents(prim: Primitive) -> Primitive:
    """Return the primitive of a linear function whose rules give x̄ the tangent for its value too."""

    def spared(argnum: int, rule: Any) -> Any:
        def rule_of_tangents(y: Any, ybar: Any, *args: Any) -> Any:
            trace = args[argnum].tape
            if type(ybar) is Dual and ybar.tape is trace and type(ybar.tangent) is ndarray:
                xdot = rule(y, ybar.tangent, *args)
                if type(xdot) is ndarray:
                    return dual(trace, xdot, xdot)
            return rule(y, ybar, *args)

        return rule_of_tangents

    return prim.copied({n: spared(n, prim.rules[n]) for n in (0, 1) if n in prim.rules})


def _tangent_of(slots: list[Any], source: Any) -> Any:
    """Return what stands in a slot, or in those of a list of values."""
    if type(source) is tuple:
        return [_tangent_of(slots, part) if part else None for part in source]
    if source >= APART:
        raise EndedTraceError(LEFT)
    return slots[source]


def _is_known(xdot: Any) -> bool:
    """Say whether there is a tangent, or one at least in a list."""
    return any(part is not None for part in xdot) if type(xdot) is list else xdot is not None

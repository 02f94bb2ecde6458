"""One step of any function of containers: how rules with residuals are recorded.

A step takes all the traced leaves of its arguments as one list and has one rule, which returns
the list of their cotangents: so what the cotangents share is computed once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as onp

from . import tree
from .boxes import Box, Traced, innermost
from .calling import call
from .errors import NotDifferentiableError
from .guarding import own, owned, refuse_traced, unwritable
from .memory import WORTH_DROPPING, placeholder
from .registry import Primitive
from .spaces import describe, is_inexact
from .trace import lent
from .writing import settled

ndarray, float64 = onp.ndarray, onp.float64


class _Kept:
    """Residuals on their way from the forward to the backward function, opaque to traces."""

    __slots__ = ("backward", "residuals")

    def __init__(self, residuals: Any, backward: Any = None) -> None:
        self.residuals, self.backward = residuals, backward


def step(
    name: str,
    forward: Callable[..., tuple[Any, Any]],
    backward: Callable[[Any, Any, list[Any], list[int]], list[Any]],
    args: Any,
    kwargs: Any,
    opaque: bool,
) -> Any:
    """Call a function as one step of the trace that its arguments belong to.

    ``forward`` takes args and kwargs, and returns y and residuals. ``backward`` takes the residuals, ȳ of the
    structure of y, and the traced leaves of the arguments with their places among the leaves of (args,
    kwargs); it returns the cotangents of those leaves. ``opaque`` says that the traces around the innermost
    one see one step too. They must look inside where there are residuals, which depend on the arguments as y
    does.
    """
    leaves, structure = tree.flatten((args, kwargs))
    places = [n for n, leaf in enumerate(leaves) if isinstance(leaf, Traced)]
    if not places:
        return forward(*args, **kwargs)[0]
    trace = innermost(leaves)
    leaves = trace.keep(leaves)
    outputs: list[Any] = []  # the structure of y, once it is known
    levels = [trace.level]  # of the traces that the step is recorded on

    def run(xs: list[Any]) -> Any:
        if opaque and innermost(xs) is not None:
            levels.append(innermost(xs).level)
            return call(itself(), (xs,), {})
        args, kwargs = tree.unflatten(structure, tree.replaced(leaves, places, map(unwritable, xs)))
        y, residuals = lent(forward, *args, **kwargs)
        parts, output = tree.flatten(y)
        parts = list(map(settled, parts))
        refuse_traced(name, parts, levels[-1])
        inner = innermost(xs)
        if inner is not None:
            given = name, backward, args, kwargs
            parts, residuals = _traced_anew(inner, parts, output, residuals, given)
        outputs[:] = [output]
        return (*map(own if opaque else owned, parts), _Kept(_as_they_are(trace, residuals)))

    def rule(y: Any, ybar: Any, xs: list[Any]) -> Any:
        ybars = tree.unflatten(outputs[0], ybar[:-1])
        return lent(backward, y[-1].residuals, ybars, xs, places)

    prim = Primitive(run, name, "vjp", {0: rule}, (0,))
    prim.foreign = not opaque
    itself: Any = ref(prim)  # for run: neither holds the other in a cycle
    *parts, _ = call(prim, ([leaves[place] for place in places],), {})
    return tree.unflatten(outputs[0], parts)


def _traced_anew(trace: Any, parts: list[Any], output: Any, residuals: Any, call: Any) -> Any:
    """Return the results and the residuals of a forward function, traced where it has lost their trace.

    The results are one step with the backward function for this trace, too. A residual that is a result
    is that result; of any other number of unknown origin, a second derivative would be lost.
    """
    lost = [n for n, part in enumerate(parts) if is_inexact(part) and not _is_of(trace, part)]
    if not lost:
        return parts, residuals
    name, backward, args, kwargs = call
    kept, structure = tree.flatten(residuals)
    given = [*tree.flatten((args, kwargs))[0], *(parts[n] for n in range(len(parts)) if n not in lost)]
    for x in kept:
        known = any(x is parts[n] for n in lost) or any(x is y for y in given)
        if is_inexact(x) and not known and not _is_of(trace, x):
            found = describe(x)
            raise NotDifferentiableError(
                f"the forward function of {name} has lost the trace of its result, as comparisons, float() "
                f"and compiled code do, and keeps {found} among the residuals, whose part in the second "
                f"derivative would be lost; keep x, or call {name} itself in the forward function, and keep "
                f"its result or what traced functions make of that"
            )

    def outside(*_: Any, **__: Any) -> Any:
        found = tree.unflatten(output, parts), residuals
        return tree.map(lambda x: x.primal if _is_of(trace, x) else x, found)

    traced = tree.flatten(step(name, outside, backward, args, kwargs, False))[0]
    kept = [next((traced[n] for n in lost if x is parts[n]), x) for x in kept]
    parts = [traced[n] if n in lost else part for n, part in enumerate(parts)]
    return parts, tree.unflatten(structure, kept)


def _as_they_are(trace: Any, residuals: Any) -> Any:
    """Return residuals with the plain arrays in them as they are now, if the trace keeps them."""
    if residuals is None:
        return residuals
    leaves, structure = tree.flatten(residuals)
    return tree.unflatten(structure, trace.keep(leaves))


def _is_of(trace: Any, x: Any) -> bool:
    return isinstance(x, Traced) and x.tape is trace


def step_of_one(
    name: str,
    forward: Callable[..., tuple[Any, Any]],
    backward: Callable[[Any, Any, list[Any], list[int]], list[Any]],
    box: Box,
) -> Any:
    """Do what ``step`` does for one plain number or array in a box, in half of its time."""
    x = box.primal
    y, residuals = found = lent(forward, unwritable(x))
    y = owned(settled(y), 2)  # y, and found has it
    if type(y) not in (ndarray, float64, float) or not is_inexact(y):
        calls = iter([found])  # it has run
        return step(name, lambda x: next(calls, None) or forward(x), backward, (box,), {}, False)
    if type(x) is ndarray and x.nbytes > WORTH_DROPPING:
        x = placeholder(x)  # the backward function has what it needs among the residuals
    made = object.__new__(Box)
    made.primal, made.tape = y, box.tape
    entries = box.tape.entries
    kept = _Kept(_as_they_are(box.tape, residuals), backward)
    entries += (_primitive_of_one(name), y, (x, kept), {}, None, ((0, box.index),), None)
    made.index = len(entries) - 1
    return made


@functools.lru_cache(maxsize=1024)
def _primitive_of_one(name: str) -> Primitive:
    """Return the primitive of step_of_one under a name: a call has its backward function with it."""
    prim = Primitive(_kept_rule, name, "vjp", {0: _kept_rule})
    prim.foreign = True
    return prim


def _kept_rule(y: Any, ybar: Any, x: Any, kept: _Kept) -> Any:
    return lent(kept.backward, kept.residuals, ybar, [x], [0])[0]

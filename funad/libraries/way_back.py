"""Rules on arrays of other libraries: run now, as a formula of its functions, or later, as a task."""

from __future__ import annotations

import functools
from typing import Any

from .. import tree
from ..boxes import Traced
from ..duck_arrays import in_chunks_of, is_lazy, under_traces
from ..registry import Primitive, once, primitive_of
from ..spaces import of_library
from ..traces.reverse import OUTPUT, WIDTH, as_call
from ..traces.strong_zeros import strong_zero
from .tasks import Rule, Task, Value, run_later, works_by_element


def _rule_on_ducks(prim: Primitive, argnum: Any, y: Any, ybar: Any, *args: Any, **kwargs: Any) -> Any:
    """Return x̄ of a call with arrays of other libraries: now as a formula, or later as a task."""
    rule = prim.rules[argnum]
    if isinstance(prim.f, Task):
        return rule(y, ybar, *args)
    xs = (y, ybar, *args)
    lazy = lazy_parts(xs)
    if lazy and under_traces(tuple(kwargs.values())) is None:
        of_one = type(argnum) is int and type(args[argnum]) not in (list, tuple)
        if works_by_element(prim) or (of_one and _can_wait(xs, kwargs, lazy)):
            return run_later(Rule(prim, argnum, kwargs), xs)
    xbar = rule(y, ybar, *args, **kwargs)
    if lazy:
        return in_chunks_of(xbar, args[argnum]) if type(argnum) is int else xbar
    return strong_zero(xbar, ybar) if prim.kind == "elementwise" else xbar


def _can_wait(xs: Any, kwargs: Any, lazy: list[Any]) -> bool:
    """Say whether a call can run as one task: on arrays in one chunk each, which are no parts of lists."""
    if not lazy or any(x.npartitions != 1 for x in lazy) or under_traces(tuple(kwargs.values())) is not None:
        return False
    several = (x for x in xs if issubclass(type(x), (list, tuple)))
    parts = [part for x in several for part in tree.flatten(x)[0]]
    return not any(isinstance(part, Traced) and not of_library(part) for part in parts)


def again_later(look: Any, f: Any, args: Any, kwargs: Any) -> Any:
    """Call a function that has looked at a number as one task, if it can be; else refuse it."""
    prim = primitive_of(f)
    if prim is None or prim.kind != "composite" or not _can_wait(args, kwargs, lazy_parts(args)):
        raise look
    task = Value(prim, None, kwargs)
    task.by_element = False
    return run_later(task, tuple(args))


def lazy_parts(xs: Any) -> list[Any]:
    """Return the lazy arrays under the traces of values, those in lists and tuples too."""
    found = (under_traces(x) for x in tree.flatten(list(xs))[0])
    return [x.primal for x in found if x is not None and is_lazy(x.primal)]


@once
def _on_ducks(prim: Primitive) -> Primitive:
    """Return a primitive whose rules are for arrays of other libraries."""
    rules = {n: functools.partial(_rule_on_ducks, prim, n) for n in prim.rules}
    return prim.copied(rules, masks=False)  # tasks look at all numbers themselves


def prepare(entries: list[Any], inputs: int) -> None:
    """Let the calls on a tape with arrays of other libraries have the rules for those."""
    for start in range(inputs + 1, len(entries), WIDTH):
        prim, y, a, b, source_a, source_b = entries[start : start + WIDTH - 1]
        if prim is OUTPUT:
            continue
        args, kwargs, _ = as_call(a, b, source_a, source_b)
        if under_traces((y, *args)) is not None or under_traces(tuple(kwargs.values())) is not None:
            entries[start] = _on_ducks(prim)


def rule_later(prim: Primitive, rule: Any, y: Any, ybar: Any, args: Any, kwargs: Any) -> Any:
    """Return ȳ·∂f, or in forward mode ẋ·∂f, with all that strong zeros are."""
    argnum = next(n for n, known in prim.rules.items() if known is rule)
    return _rule_on_ducks(prim, argnum, y, ybar, *args, **kwargs)

"""How batch rules are written down."""

import numpy as onp

from ..registry import primitive_of
from ..trace import BATCH_RULES, Unbatched
from ..traces.batch import of_shapes
from ..values import shape_of

__all__ = ["Unbatched", "alone", "batch_rule", "on_stack", "positive", "rank_of", "shapes_of"]


def batch_rule(*fs):
    """Make the decorated function what these functions are on stacks: (trace, prim, args, kwargs) ↦ y."""

    def decorate(rule):
        BATCH_RULES.update({primitive_of(f).f: rule for f in fs})
        return rule

    return decorate


def shapes_of(*fs):
    """Declare functions that ask for shapes and dtypes alone."""
    of_shapes(*(primitive_of(f).f for f in fs))


def alone(trace, x, *others):
    """Return the stack of x; refuse calls in which something else is batched."""
    if not trace.has(x):
        raise Unbatched("another argument than the first is batched")
    if any(_has_batched(trace, other) for other in others):
        raise Unbatched("more arguments than the first are batched")
    return x.stack


def on_stack(prim, stack):
    """Return the function that takes this stack: NumPy's own of a plain one."""
    return prim.run if type(stack) is onp.ndarray else prim.traced


def _has_batched(trace, x):
    return trace.has(x) or (type(x) in (list, tuple) and any(_has_batched(trace, part) for part in x))


def rank_of(x):
    """Return the number of axes of a member."""
    return len(shape_of(x))


def positive(axis, rank):
    """Return an axis of members as one of the stack."""
    if not -rank <= axis < rank:
        raise Unbatched("the axis is out of range")  # NumPy's own message comes from a member
    return axis % rank + 1

"""How batch rules are written down: with the arguments of the function, as derivative rules are."""

import math

from ..boxes import innermost
from ..trace import Unbatched, batch_rule
from ..values import shape_of


def rule_of_one(*fs):
    """Make the decorated function what these functions are where their first argument alone is batched.

    It takes the primitive, the batched value a and the other arguments: (prim, a, ...) ↦ y.
    """

    def decorate(rule):
        def of_one(trace, prim, *args, **kwargs):
            if not args or not trace.has(args[0]):
                raise Unbatched("another argument than the first is batched")
            if innermost((*args[1:], *kwargs.values())) is trace:
                raise Unbatched("more arguments than the first are batched")
            return rule(prim, *args, **kwargs)

        return batch_rule(*fs)(of_one)

    return decorate


def rank_of(x):
    """Return the number of axes of a member."""
    return len(shape_of(x))


def flat(stack):
    """Return a stack with its members as one axis each."""
    return stack.reshape((len(stack), math.prod(shape_of(stack)[1:])))


def positive(axis, rank):
    """Return an axis of members as one of the stack."""
    if not -rank <= axis < rank:
        raise Unbatched("the axis is out of range")  # NumPy's own message comes from a member
    return axis % rank + 1


def axes_of(axis, rank):
    """Return one axis of members, several, or by None all of them, as those of the stack."""
    if axis is None:
        return tuple(range(1, rank + 1))
    return tuple(positive(n, rank) for n in axis) if hasattr(axis, "__len__") else positive(axis, rank)

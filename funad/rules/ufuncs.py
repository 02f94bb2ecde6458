"""The VJP rules of funad.numpy.ufuncs and folds."""

import numpy as onp

from .. import numpy as np
from ..defining import define_forward, defvjp, elementwise, linear
from ..numpy.elementwise import keep
from ..numpy.folds import recurrence, running, segment_sum
from ..numpy.ufuncs import masked
from ..registry import primitive_of
from ..values import any_of, constant, shape_of


def _masked_wrt(argnum):
    """Return the rule of an argument of f: that of f where the mask holds, 0 elsewhere."""

    def rule(y, ybar, f, casting, where, out, *args):
        # Once before, so that f's rule meets zeros, and once after: 0·∞ is nan.
        return keep(primitive_of(f).rules[argnum](y, keep(ybar, where), *args), where)

    return rule


elementwise(
    masked,
    lambda y, ybar, f, casting, where, out, *args: keep(ybar, onp.logical_not(where)),
    _masked_wrt(0),
    _masked_wrt(1),
    argnums=(3, 4, 5),
    masks=True,
)


def _segment_sum(y, ybar, a, starts):
    """x̄ = ȳ of the part, at each of its elements."""
    return np.repeat(ybar, onp.diff(onp.append(starts, shape_of(a)[0])), axis=0)


linear(segment_sum, _segment_sum)


# --- folds in order: yₙ = f(yₙ₋₁, xₙ), so that ẏₙ = ∂f/∂a·ẏₙ₋₁ + ∂f/∂b·ẋₙ


def _slopes(y, f, x, where):
    """∂f/∂a and ∂f/∂b at every step; 1 and 0 where there was none."""
    one, rules = onp.ones_like(constant(x)[1:]), primitive_of(f).rules
    with onp.errstate(all="ignore"):
        found = [rules[n](y[1:], one, y[:-1], x[1:]) + onp.zeros_like(one) for n in (0, 1)]
    if where is True:
        return found
    return [np.where(where[1:], slope, 1 - n) for n, slope in enumerate(found)]


def _product(slope, x):
    """A product in which zero times anything is zero."""
    hidden = (constant(x) == 0) & ~onp.isfinite(constant(slope))
    return (np.where(hidden, 0, slope) if any_of(hidden) else slope) * x


def _back(a, rbar):
    """The recurrence from the last element to the first."""
    return np.flip(recurrence(np.flip(a, 0), np.flip(rbar, 0)), 0)


def _running(y, ybar, f, x, where=True):
    """x̄ₙ = rₙ·∂f/∂b, with rₙ = ȳₙ + ∂f/∂a·rₙ₊₁."""
    a, b = _slopes(y, f, x, where)
    r = _back(a, ybar)
    return np.concatenate([r[:1], _product(b, r[1:])], axis=0)


def _running_forward(y, xdot, f, x, where=True):
    a, b = _slopes(y, f, x, where)
    return recurrence(a, np.concatenate([xdot[:1], _product(b, xdot[1:])], axis=0))


defvjp(running, _running, argnums=(1,), masks=True)
define_forward(running, {1: _running_forward}, {})


def _recurrence_wrt_a(y, ybar, a, b):
    return _product(y[:-1], _back(a, ybar)[1:])


def _recurrence_forward_a(y, adot, a, b):
    rdot = _product(y[:-1], adot)
    return recurrence(a, np.concatenate([onp.zeros_like(constant(rdot)[:1] if len(a) else b), rdot], axis=0))


defvjp(recurrence, _recurrence_wrt_a, lambda y, ybar, a, b: _back(a, ybar))
define_forward(recurrence, {0: _recurrence_forward_a, 1: lambda y, bdot, a, b: recurrence(a, bdot)}, {})

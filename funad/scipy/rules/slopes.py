"""Rules from slopes: j(f)(y, ȳ, *xs) = ȳ·∂f/∂xᵢ, where ∂f/∂xᵢ is wanted for more than one rule."""

import numpy as onp

from ... import numpy as np
from ...boxes import innermost
from ...defining import elementwise
from ...values import constant
from .. import special as s
from ..deciding import only, some

__all__ = ["by_slopes", "known", "or_nan", "quotient", "weighed"]

# The arguments are named one by one: the registry reads off a rule's names which of them it keeps.
_RULES = {
    1: lambda of: lambda y, ybar, a: ybar * of(y, a),
    2: lambda of: lambda y, ybar, a, b: ybar * of(y, a, b),
    3: lambda of: lambda y, ybar, a, b, c: ybar * of(y, a, b, c),
    4: lambda of: lambda y, ybar, a, b, c, d: ybar * of(y, a, b, c, d),
}


def known(name):
    """Return a primitive of ``scipy.special`` or of its private ufuncs; None if this SciPy has none."""
    return getattr(s, name, None)


def by_slopes(name, *slopes):
    """Give a ufunc its rules by functions (y, *xs) ↦ ∂f/∂xᵢ, if this version of SciPy has it."""
    f = known(name)
    if f is not None:
        elementwise(f, *(None if of is None else _RULES[f.nin](of) for of in slopes))


def or_nan(y, slope):
    """Return the slope, and nan where y is: a formula may be finite where the function is not defined."""
    return only(constant(y) == constant(y), slope)


def quotient(a, b):
    """a/b, and 0 for 0/0: the slope of a·log b."""
    nothing = (constant(a) == 0) & ((constant(b) == 0) | (constant(b) != constant(b)))
    return np.where(nothing, 0.0, a / np.where(nothing, 1.0, b)) if some(nothing) else a / b


def weighed(ybar, slope):
    """ȳ·∂f of one of several results; 0 where ȳ is 0, though this result is not defined there."""
    if innermost((ybar,)) is not None or not some(~onp.isfinite(constant(slope))):
        return ybar * slope
    nothing = ybar == 0
    return np.where(nothing, 0.0, ybar * np.where(nothing, 0.0, slope))

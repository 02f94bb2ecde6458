"""SciPy's values with other derivatives: what stands in the place of compiled code, and of what searches."""

import numpy as onp

from ... import numpy as np
from ...boxes import innermost
from ...values import constant
from ..hosting import untraced

__all__ = ["like", "plain", "with_value"]


def plain(x):
    """Return the plain value of what may be traced, as outside of any trace."""
    return onp.asarray(constant(x))[()]


def with_value(y, x):
    """Return x, traced, with the value y: the same number, rounded on another way."""
    from_here = plain(x)
    with onp.errstate(invalid="ignore"):
        return y + np.where(onp.isfinite(from_here), x - from_here, 0.0)


def like(f, formula):
    """Return f, compiled code, with the derivatives of a formula for the same."""

    def wrapped(*args):
        if innermost(args) is None:
            return f(*args)
        with untraced():
            y = f(*map(plain, args))
        return with_value(y, formula(*args))

    return wrapped


def change(owner, name, how):
    """Replace what stands under a name, if there is such a name, by what ``how`` makes of it."""
    if hasattr(owner, name):  # versions of SciPy differ
        setattr(owner, name, how(getattr(owner, name)))

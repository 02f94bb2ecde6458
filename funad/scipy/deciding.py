"""Questions to all numbers at once, which decide between a formula and a more careful one.

Of a batch (see ``vmap``) all members are asked: where one needs the careful way, all take it.
"""

import numpy as onp

from .. import numpy as np
from ..values import members_of

__all__ = ["every", "only", "some"]


def some(condition):
    """Say whether a condition holds anywhere."""
    return bool(onp.any(members_of(condition)))


def every(condition):
    """Say whether a condition holds everywhere."""
    return bool(onp.all(members_of(condition)))


def only(condition, slope):
    """Return the slope where the condition holds, and elsewhere nan, with nan for its own derivatives.

    np.where would make those 0.
    """
    return slope if every(condition) else slope * np.where(condition, 1.0, onp.nan)

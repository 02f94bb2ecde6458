"""Questions to all numbers at once, which decide between a formula and a more careful one.

Of a batch (see ``vmap``) all members are asked: where one needs the careful way, all take it.
"""

import numpy as onp

from ..values import members_of

__all__ = ["every", "some"]


def some(condition):
    """Say whether a condition holds anywhere."""
    return bool(onp.any(members_of(condition)))


def every(condition):
    """Say whether a condition holds everywhere."""
    return bool(onp.all(members_of(condition)))

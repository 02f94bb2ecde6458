"""Questions to all numbers at once, which decide between a formula and a more careful one.

Of a batch (see ``vmap``) all members are asked: where one needs the careful way, all take it.
"""

import numpy as onp

from ..spaces import numbers_of

__all__ = ["every", "some"]


def some(condition):
    """Say whether a condition holds anywhere."""
    return bool(onp.any(numbers_of(condition)))


def every(condition):
    """Say whether a condition holds everywhere."""
    return bool(onp.all(numbers_of(condition)))

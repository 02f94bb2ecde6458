"""The VJP rules of funad.numpy.sorting."""

import inspect

import numpy as onp

from .. import numpy as np
from ..defining import defvjp, defzero
from ..values import constant

DESCENDING = "descending" in inspect.signature(onp.sort).parameters  # from NumPy 2.5 on


def _put_back(y, ybar, a, axis):
    """x̄ = ȳ, each element where it came from. Of equal ones, any order is a derivative."""
    if axis is None:
        return np.reshape(_put_back(y, ybar, np.ravel(a), 0), np.shape(a))
    # Both in ascending order are the same; y itself is, unless it is a partition.
    of_a, of_y = (onp.argsort(constant(x), axis=axis, kind="stable") for x in (a, y))
    back = onp.take_along_axis(of_y, onp.argsort(of_a, axis=axis), axis=axis)
    return np.take_along_axis(ybar, back, axis=axis)


if DESCENDING:

    def _sort(y, ybar, a, axis=-1, kind=None, *, stable=None, descending=None):
        """The inverse permutation."""
        return _put_back(y, ybar, a, axis)

else:

    def _sort(y, ybar, a, axis=-1, kind=None, *, stable=None):
        """The inverse permutation."""
        return _put_back(y, ybar, a, axis)


def _partition(y, ybar, a, kth, axis=-1, kind="introselect"):
    """The inverse permutation."""
    return _put_back(y, ybar, a, axis)


defvjp(np.sort, _sort)
defvjp(np.partition, _partition)

defzero(np.argsort, np.argpartition, np.lexsort, np.searchsorted)
defzero(np.nonzero, np.flatnonzero, np.argwhere, np.isin)
if hasattr(np, "in1d"):  # until NumPy 2.4
    defzero(np.in1d)

"""The VJP rules of funad.numpy.sorting."""

import inspect

import numpy as onp

from .. import numpy as np
from ..defining import defvjp, defzero
from ..values import constant

DESCENDING = "descending" in inspect.signature(onp.sort).parameters  # from NumPy 2.5 on


def _put_back(y, ybar, a, axis, is_sorted=True):
    """x̄ = ȳ, each element where it came from. Of equal ones, any order is a derivative."""
    if axis is None:
        return np.reshape(_put_back(y, ybar, np.ravel(a), 0, is_sorted), np.shape(a))
    back = onp.argsort(onp.argsort(constant(a), axis=axis, kind="stable"), axis=axis)
    if not is_sorted:  # both in ascending order are the same
        back = onp.take_along_axis(onp.argsort(constant(y), axis=axis, kind="stable"), back, axis=axis)
    if type(back) is onp.ndarray and back.ndim == 1:
        return ybar[back]
    return np.take_along_axis(ybar, back, axis=axis)


if DESCENDING:

    def _sort(y, ybar, a, axis=-1, kind=None, *, stable=None, descending=None):
        """The inverse permutation."""
        return _put_back(y, ybar, a, axis, not descending)

else:

    def _sort(y, ybar, a, axis=-1, kind=None, *, stable=None):
        """The inverse permutation."""
        return _put_back(y, ybar, a, axis)


def _partition(y, ybar, a, kth, axis=-1, kind="introselect"):
    """The inverse permutation."""
    return _put_back(y, ybar, a, axis, False)


defvjp(np.sort, _sort)
defvjp(np.partition, _partition)

defzero(np.argsort, np.argpartition, np.lexsort, np.searchsorted)
defzero(np.nonzero, np.flatnonzero, np.argwhere, np.isin)
if hasattr(np, "in1d"):  # until NumPy 2.4
    defzero(np.in1d)

"""Functions that only move entries, such as toeplitz: one gather."""

import numpy as onp

from .. import numpy as np
from ..values import dtype_of, shape_of

__all__ = ["rearranged"]


def rearranged(f, *arrays):
    """Return f(*arrays) for an f that copies entries of its arguments to places in its result, 0 elsewhere.

    f is run on the numbers 1, 2, ... in the place of the entries; the result says where each one goes.
    """
    arrays = [np.asarray(x) for x in arrays]
    ends = onp.cumsum([0, *(x.size for x in arrays)])
    labels = [
        onp.arange(start + 1, end + 1).reshape(shape_of(x))
        for start, end, x in zip(ends[:-1], ends[1:], arrays, strict=True)
    ]
    places = onp.asarray(f(*labels)).astype(onp.intp)
    dtype = onp.result_type(*map(dtype_of, arrays))
    return np.concatenate([onp.zeros(1, dtype), *map(np.ravel, arrays)])[places]

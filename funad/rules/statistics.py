"""The VJP rules of funad.numpy.statistics."""

import numpy as onp

from .. import numpy as np
from ..calling import as_one_call
from ..defining import defzero, linear
from ..numpy.statistics import counts
from ..values import dtype_of

defzero(np.digitize)


def _bincount(y, ybar, x, weights=None, minlength=0):
    """w̄ = ȳ at the number that each weight was counted under."""
    return np.take(ybar, x)


linear(np.bincount, _bincount, _bincount, argnums=(1, "weights"))


@as_one_call
def _counts(y, ybar, a, bins, range, weights):
    """w̄ = ȳ of the bin that each weight fell into, 0 outside of them."""
    a, edges = onp.asarray(a), onp.histogram_bin_edges(a, bins, range)
    cell = onp.searchsorted(edges, a, side="right")
    cell = onp.where(a == edges[-1], len(edges) - 1, cell)  # the last edge belongs to the last bin
    nothing = onp.zeros(1, dtype_of(ybar))
    return np.take(np.concatenate([nothing, ybar, nothing]), cell)


linear(counts, _counts, argnums=(3,))

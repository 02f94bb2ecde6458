"""The VJP rules of funad.numpy.ufuncs and folds."""

import numpy as onp

from .. import numpy as np
from ..numpy.elementwise import keep
from ..numpy.folds import segment_sum
from ..numpy.ufuncs import masked
from ..registry import elementwise, linear, record_of
from ..spaces import shape_of


def _masked_wrt(argnum):
    """Return the rule of an argument of f: that of f where the mask holds, 0 elsewhere."""

    def rule(y, ybar, f, casting, where, out, *args):
        # Once before, so that f's rule meets zeros, and once after: 0·∞ is nan.
        return keep(record_of(f).rules[argnum](y, keep(ybar, where), *args), where)

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

"""The rules of funad.numpy.numeric."""

from .. import numpy as np
from ..defining import defzero

# Questions that are answered for the plain value
defzero(
    np.result_type,
    np.common_type,
    np.min_scalar_type,
    np.can_cast,
    np.may_share_memory,
    np.shares_memory,
    np.isfortran,
    np.array2string,
    np.array_repr,
    np.array_str,
)

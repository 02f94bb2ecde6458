"""The VJP rules of funad.numpy.statistics."""

from .. import numpy as np
from ..registry import defzero

defzero(np.digitize)

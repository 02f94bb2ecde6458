"""The VJP rules of funad.numpy.sorting."""

from .. import numpy as np
from ..registry import defvjp, defzero, elementwise, linear

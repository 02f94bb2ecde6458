"""The VJP rules of funad.numpy.creation."""

from .. import numpy as np
from ..registry import defvjp, defzero, elementwise, linear

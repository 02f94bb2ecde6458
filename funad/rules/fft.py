"""The VJP rules of funad.numpy.fft."""

from .. import numpy as np
from ..registry import defvjp, defzero, elementwise, linear

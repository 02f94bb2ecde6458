"""The VJP rules of funad.numpy.linalg."""

from .. import numpy as np
from ..registry import defvjp, defzero, elementwise, linear

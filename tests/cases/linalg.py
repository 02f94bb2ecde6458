"""Where to draw the arguments of funad.numpy.linalg from."""

import hypothesis.strategies as st

import funad.numpy as np
from funad.testing import arrays, broadcasting, call, case, one

CASES = {}

"""Where to draw the arguments of funad.numpy.reductions from."""

import hypothesis.strategies as st

import funad.numpy as np
from funad.testing import arrays, broadcasting, call, case, one

CASES = {
    np.sum: case(arrays((2, 3)), axis=st.sampled_from([None, 0, 1, -1, (0, 1)]), keepdims=st.booleans()),
}

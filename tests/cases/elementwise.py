"""Where to draw the arguments of funad.numpy.elementwise from."""

import hypothesis.strategies as st

import funad.numpy as np
from funad.testing import arrays, broadcasting, call, case, one

CASES = {
    np.add: broadcasting(),
    np.subtract: broadcasting(),
    np.multiply: broadcasting(),
    np.divide: broadcasting(0.5, 2.0),
    np.power: broadcasting(0.5, 2.0),
    np.negative: one(),
    np.sin: one(),
    np.cos: one(),
    np.exp: one(),
    np.log: one(0.1, 10.0),
    np.tanh: one(),
    np.where: case(arrays((3,)).map(lambda c: c > 0), arrays((2, 3)), arrays((3,))),
}

"""Where to draw the arguments of funad.numpy.calls from."""

import hypothesis.strategies as st
import numpy as onp
from hypothesis.extra import numpy as hnp

import funad.numpy as np
from funad.testing import Call, Case, arrays, call, shapes

from .manipulation import axis_of, maybe, some


def scaled(line, scale=1.0, *, power=2):
    return np.sum(line**power) * scale


ALONG = [np.sum, lambda line: line[::-1] * 2.0, lambda line: np.outer(line, line), lambda line: line[:1]]


@st.composite
def _along(draw):
    x = draw(some(shapes(3, 1, 1)))
    if draw(st.booleans()):
        rest = draw(st.sampled_from([(), (0.5,), (onp.array(2.0),)]))
        return Call((scaled, axis_of(draw, x), x, *rest), maybe(draw, power=3))
    return Call((draw(st.sampled_from(ALONG)), axis_of(draw, x), x))


def kept(x, axis):
    return np.mean(x, axis, keepdims=True)


def squared(x, axis):
    return x**2


@st.composite
def _over(draw):
    x = draw(some(shapes(3, 1, 1)))
    axes = draw(st.permutations(range(x.ndim)))[: draw(st.integers(0, x.ndim))]
    axes = [axis - x.ndim if draw(st.booleans()) else axis for axis in axes]
    f = draw(st.sampled_from([np.sum, kept, squared]))
    return Call((f, x, draw(st.sampled_from([tuple(axes), axes, axes[0] if axes else 0]))))


@st.composite
def _piecewise(draw):
    x = draw(arrays(st.sampled_from([(), (4,), (2, 3), (0,)])))
    masks = [draw(hnp.arrays(bool, x.shape)) for _ in range(draw(st.integers(1, 3)))]
    functions = [np.sin, lambda x, *args: 2 * x * x, 1.5, lambda x: np.mean(x)]
    n = len(masks) + draw(st.integers(0, 1))
    return Call((x, masks, draw(st.lists(st.sampled_from(functions), min_size=n, max_size=n))))


row = onp.arange(4.0) / 7

CASES = {}
COMPOSITES = {
    np.apply_along_axis: Case(
        _along(), frozenset({"power"}), (call(lambda line: 2.0 * line, 0, [1.0, 2.0]),)
    ),
    np.apply_over_axes: Case(_over()),
    np.piecewise: Case(
        _piecewise(),
        examples=(
            call(row, row > 0.2, [np.sin, np.cos]),
            call(row, [row > 0.2], [lambda x, k: k * x], 2.0),
            call(onp.array(0.3), True, [np.sin, 1.0]),
            call(0.3, [True, False], [np.sin, np.cos]),
            call([0.3, 1.5], [onp.array([True, False])], [np.sin, 2.5]),
        ),
    ),
}

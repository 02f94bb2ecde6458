"""Where to draw the arguments of funad.numpy.windows from."""

import hypothesis.strategies as st
import numpy as onp

from funad.numpy.windows import sliding_window_view, sum_windows
from funad.testing import Call, Case, call, shapes

from .manipulation import maybe, some


@st.composite
def _sliding(draw):
    x = draw(some(shapes(3)))
    subok = maybe(draw, subok=False)
    if draw(st.booleans()):  # one window size for every axis
        return Call((x, tuple(draw(st.integers(0, size)) for size in x.shape)), subok)
    axes, sizes, left = [], [], list(x.shape)
    for _ in range(draw(st.integers(0, 3)) if x.ndim else 0):  # an axis may come twice
        axis = draw(st.integers(0, x.ndim - 1))
        size = draw(st.integers(0, left[axis]))
        left[axis] -= size - 1
        axes.append(axis - x.ndim if draw(st.booleans()) else axis)
        sizes.append(size)
    if len(axes) == 1 and draw(st.booleans()):
        return Call((x, sizes[0]), {"axis": axes[0]} | subok)
    return Call((x, tuple(sizes)), {"axis": tuple(axes)} | subok)


@st.composite
def _sums(draw):
    axes = tuple(draw(st.lists(st.integers(0, 1), max_size=2)))
    left = draw(shapes(2, min_dims=2, min_side=1))
    sizes = tuple(draw(st.integers(1, 4)) for _ in axes)
    return Call((draw(some((*left, *sizes))), axes))


series = onp.arange(6.0) ** 2 / 7
CASES = {
    sliding_window_view: Case(
        _sliding(),
        frozenset({"axis", "subok"}),
        (
            call(series, 2),
            call(series, 5),
            call([1.0, 2.0, 3.0], 2),
            call(series.reshape(2, 3), 2, axis=-1),
            call(series, (2, 3), axis=(0, 0)),
            call(onp.asfortranarray(series.reshape(2, 3))[::-1], (1, 2)),
        ),
    ),
    sum_windows: Case(_sums()),
}

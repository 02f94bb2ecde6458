"""Where to draw the arguments of funad.numpy.sorting from."""

import hypothesis.strategies as st
import numpy as onp

import funad.numpy as np
from funad.rules.sorting import DESCENDING
from funad.testing import Call, Case, arrays, call, calls, shapes

from .manipulation import axis_of, maybe

kinds = st.sampled_from(["quicksort", "stable", "heapsort"])


@st.composite
def _sorted(draw):
    x = draw(
        arrays(shapes(3, min_dims=1), distinct=True)
        | arrays(shapes(3, min_dims=1), distinct=True, complex=True)
    )
    how = draw(st.sampled_from([{}, {"kind": draw(kinds)}, {"stable": draw(st.booleans())}]))
    if DESCENDING and "kind" not in how and draw(st.booleans()):
        how |= {"descending": draw(st.booleans())}
    return Call((x,), how | maybe(draw, axis=draw(st.none() | st.just(axis_of(draw, x)))))


@st.composite
def _partition(draw):
    x = draw(arrays(shapes(3, min_dims=1, min_side=1, max_side=6), distinct=True))
    axis = draw(st.none() | st.just(axis_of(draw, x)))
    n = x.size if axis is None else x.shape[axis]
    kth = st.integers(-n, n - 1)
    kth = draw(kth | st.lists(kth, min_size=1, max_size=3, unique_by=lambda k: k % n))
    return Call((x, kth), {"axis": axis} | maybe(draw, kind="introselect"))


tied = onp.array([[1.0, 0.0, 1.0], [0.0, 0.0, 2.0]])
steps = onp.arange(6.0)

CASES = {
    np.sort: Case(
        _sorted(),
        frozenset({"axis", "kind", "stable"} | ({"descending"} if DESCENDING else set())),
        (call([2.0, 1.0]), call(onp.zeros((2, 0)), axis=0)),
    ),
    np.partition: Case(
        _partition(),
        frozenset({"axis", "kind"}),
        # Fewer elements NumPy may sort altogether.
        (call(onp.arange(300) * 17 % 307 / 4, 150), call([3.0, 1.0, 2.0], 1)),
    ),
}

COMPOSITES = {
    np.sort_complex: Case(
        calls(arrays(shapes(2, 1), distinct=True) | arrays(shapes(2, 1), distinct=True, complex=True)),
        frozenset(),
        (call([2.0, 1.0]),),
    ),
}

# Of equal elements, the derivative is that of a stable sort.
KINKS = {
    "sort of ties": (lambda x: np.sort(x, axis=None) * steps, call(tied), 0, [[3, 0, 4], [1, 2, 5]]),
    "sort of a constant": (lambda x: np.sort(x) * steps, call(onp.ones(6)), 0, steps),
}

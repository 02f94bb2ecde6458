"""Where to draw the arguments of funad.numpy.ufuncs and folds from."""

import hypothesis.strategies as st
import numpy as onp
from hypothesis.extra import numpy as hnp

from funad.numpy.folds import recurrence, running, segment_sum
from funad.numpy.ufuncs import masked
from funad.testing import Call, Case, arrays, call

from .manipulation import some

NAN = float("nan")


@st.composite
def _masked(draw):
    """Draw a ufunc, a mask, an array of the shape of the result or of a larger one, and arguments."""
    f = draw(st.sampled_from([onp.exp, onp.sqrt, onp.multiply, onp.divide, onp.power, onp.arctan2]))
    group = draw(hnp.mutually_broadcastable_shapes(num_shapes=f.nin + 1, max_dims=3, max_side=3, min_side=0))
    *parts, mask = (draw(arrays(shape, 0.5, 2.0)) for shape in group.input_shapes)
    shape = draw(st.sampled_from([group.result_shape, (2, *group.result_shape)]))
    where = draw(st.sampled_from([mask > 1.2, mask > 0, True, False]))
    return call(f, "same_kind", where, draw(arrays(shape)), *parts)


@st.composite
def _segments(draw):
    """Draw an array and the starts of its parts."""
    a = draw(some(st.sampled_from([(1,), (3,), (6,), (5, 2), (4, 0), (3, 2, 2)])))
    starts = {0} | draw(st.sets(st.integers(0, len(a) - 1)))
    return Call((a, onp.array(sorted(starts))))


@st.composite
def _in_order(draw):
    """Draw a ufunc, an array and perhaps which of its elements to leave out."""
    f = draw(st.sampled_from([onp.subtract, onp.divide, onp.power, onp.arctan2, onp.copysign, onp.maximum]))
    x = draw(arrays(st.sampled_from([(1,), (4,), (3, 2), (2, 0), (3, 30)]), 0.5, 2.0, distinct=True))
    if draw(st.booleans()):
        return call(f, x)
    return call(f, x, draw(hnp.arrays(bool, x.shape)))


@st.composite
def _recurrences(draw):
    """Draw the factors and the terms of a recurrence."""
    shape = draw(st.sampled_from([(1,), (4,), (3, 2), (2, 0), (3, 30)]))
    return call(draw(arrays((shape[0] - 1, *shape[1:]))), draw(arrays(shape)))


_mask = onp.array([True, False, True])

CASES = {
    masked: Case(
        _masked(),
        examples=(
            call(onp.exp, "same_kind", _mask, onp.array([0.5, 1.0, 2.0]), onp.array([0.5, -1.0, 0.1])),
            call(onp.sqrt, "same_kind", _mask, onp.array(2.0) * onp.ones(3), 2.0),
            call(onp.multiply, "same_kind", _mask, onp.ones(3) * 1j, 0.5j, onp.array([1.0j, 2.0, 3.0])),
            call(onp.power, "unsafe", _mask, onp.ones((2, 3)), onp.array([0.5, 1.5, 2.0]), 3),
            call(onp.divide, "same_kind", onp.array(True), onp.array(0.0), 1.5, onp.array(0.5)),
        ),
    ),
    running: Case(
        _in_order(),
        frozenset({"where"}),
        examples=(
            call(onp.divide, onp.array([1.0 + 2.0j, 0.5, 1.0j])),
            call(onp.power, onp.array([1.5, 2.0, 0.5]), onp.array([False, True, True])),
        ),
    ),
    recurrence: Case(_recurrences(), examples=(call(onp.array([2.0j, 0.0]), onp.array([1.0j, 2.0, 3.0])),)),
    segment_sum: Case(_segments(), examples=(call(onp.arange(6.0), onp.array([0, 1, 4])),)),
}


# --- what the mask leaves out is left out, whatever it is

KINKS = {
    "masked infinities": (
        masked,
        call(onp.log, "same_kind", _mask, onp.zeros(3), onp.array([1.0, 0.0, 2.0])),
        4,
        [1.0, 0.0, 0.5],
    ),
    "masked nans": (
        masked,
        call(onp.multiply, "same_kind", _mask, onp.zeros(3), onp.ones(3), onp.array([2.0, NAN, 3.0])),
        4,
        [2.0, 0.0, 3.0],
    ),
    "a masked nan in a fold in order": (
        running,
        call(onp.divide, onp.array([1.0, NAN, 2.0]), onp.array([True, False, True])),
        1,
        [2.5, 0.0, -0.25],
    ),
    "the elements of out outside of the mask": (
        masked,
        call(onp.log, "same_kind", _mask, onp.full(3, NAN), onp.ones(3)),
        3,
        [0.0, 1.0, 0.0],
    ),
}

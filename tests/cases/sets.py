"""Where to draw the arguments of funad.numpy.sets from."""

import math

import hypothesis.strategies as st
import numpy as onp

import funad.numpy as np
from funad.testing import Call, Case, arrays, call, shapes

from .manipulation import axis_of, maybe


def apart(shape):
    """Draw real or complex arrays whose elements differ."""
    return arrays(shape, distinct=True) | arrays(shape, distinct=True, complex=True)


@st.composite
def _unique(draw):
    x = draw(apart(shapes(3, 0, 0)))
    more = {}
    if x.ndim and x.size and draw(st.booleans()):
        more["axis"] = axis_of(draw, x)
    flags = {f"return_{name}": draw(st.booleans()) for name in ("index", "inverse", "counts")}
    return Call((x,), maybe(draw, equal_nan=draw(st.booleans())) | maybe(draw, **flags) | more)


@st.composite
def _one(draw):
    return Call((draw(apart(shapes(2))),))


@st.composite
def _alone(draw):
    return Call((draw(apart(st.sampled_from([(), (1,), (1, 1), (0,)]))),))


@st.composite
def _two(draw, **keywords):
    """Draw two sets with nothing in common: differences would move what is equal apart."""
    kwargs = {k: draw(x) for k, x in keywords.items() if draw(st.booleans())}
    most = 1 if kwargs.get("assume_unique") else 2  # of more axes NumPy 2.0 makes no set
    first, second = draw(shapes(most, 1)), draw(shapes(most, 1))
    n = math.prod(first)
    both = draw(apart((n + math.prod(second),)))
    sets = (both[:n].reshape(first), both[n:].reshape(second))
    return Call(sets, kwargs)


CASES = {}
COMPOSITES = {
    np.intersect1d: Case(
        _two(assume_unique=st.booleans(), return_indices=st.booleans()),
        frozenset({"assume_unique", "return_indices"}),
    ),
    np.setdiff1d: Case(
        _two(assume_unique=st.booleans()), frozenset({"assume_unique"}), (call([2.0, 1.0], 3.5),)
    ),
    np.setxor1d: Case(
        _two(assume_unique=st.booleans()),
        frozenset({"assume_unique"}),
        (call([2.0, 1.0], [3.5]), call(onp.zeros(0), onp.zeros(0))),
    ),
    np.union1d: Case(_two(), frozenset(), (call([2.0, 1.0], 3.5),)),
    np.unique: Case(
        _unique(),
        frozenset({"return_index", "return_inverse", "return_counts", "axis", "equal_nan"}),
        (call([2.0, 1.0]), call(onp.array([[2.0, 1.0], [0.0, 1.0]]), axis=0)),
    ),
    np.unique_all: Case(_one()),
    np.unique_counts: Case(_one()),
    np.unique_inverse: Case(_one()),
    # What it finds stands in no order that differences keep: see tests/test_sets.py.
    np.unique_values: Case(_alone()),
}

# Where elements are equal: the gradient goes to the first, of two arrays to that of the first.
tied = onp.array([[2.0, 1.0, 2.0], [1.0, 0.0, 2.0]])
other = onp.array([1.0, 3.0, 2.0, 1.0])
KINKS = {
    "unique": (lambda x: np.unique(x) * [1, 2, 3], call(tied), 0, [[3, 2, 0], [0, 1, 0]]),
    "unique rows": (
        lambda x: np.unique(x, axis=0),
        call(onp.array([[1.0, 2.0]] * 3)),
        0,
        [[1, 1], [0, 0], [0, 0]],
    ),
    "union1d": (lambda x: np.union1d(x, other) * [1, 2, 3, 4], call(tied), 0, [[3, 2, 0], [0, 1, 0]]),
    "union1d of the second": (lambda x: np.union1d(tied, x) * [1, 2, 3, 4], call(other), 0, [0, 4, 0, 0]),
    "intersect1d": (lambda x: np.intersect1d(x, other) * [1, 2], call(tied), 0, [[2, 1, 0], [0, 0, 0]]),
    "intersect1d of the second": (lambda x: np.intersect1d(tied, x) * [1, 2], call(other), 0, [0, 0, 0, 0]),
    "intersect1d of sets": (
        lambda x: np.intersect1d(x, [3.0, 1.0], assume_unique=True, return_indices=True)[0] * [1, 2],
        call(onp.array([3.0, 2.0, 1.0])),
        0,
        [2, 0, 1],
    ),
    "setdiff1d": (lambda x: np.setdiff1d(x, other), call(tied), 0, [[0, 0, 0], [0, 1, 0]]),
    "setdiff1d of the second": (lambda x: np.setdiff1d(tied, x), call(other), 0, [0, 0, 0, 0]),
    "setxor1d": (lambda x: np.setxor1d(x, other) * [1, 2], call(tied), 0, [[0, 0, 0], [0, 1, 0]]),
    "setxor1d of the second": (lambda x: np.setxor1d(tied, x) * [1, 2], call(other), 0, [0, 2, 0, 0]),
    "unique of nans": (lambda x: np.unique(x), call(onp.array([onp.nan, 1.0, onp.nan])), 0, [1, 1, 0]),
    "unique_values of nans": (
        lambda x: np.unique_values(x),
        call(onp.array([onp.nan, 1.0, onp.nan, 1.0])),
        0,
        [1, 1, 1, 0],
    ),
}

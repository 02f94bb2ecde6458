"""Where to draw the arguments of the primitives of scipy.stats from."""

import hypothesis.strategies as st
import numpy as onp

from funad.scipy.rules.stats import (
    i0e_of_positive,
    normal_cdf,
    normal_log_density,
    normalized_gen_harmonic,
    student_log_density,
    von_mises_cdf,
)
from funad.testing import Case, arrays, call, one, shapes


@st.composite
def bounds(draw):
    """Draw b and a covariance of two dimensions: of more, SciPy's value is that of random points."""
    b = draw(arrays((2,), -1.0, 1.0))
    root = draw(arrays((2, 2), -0.4, 0.4)) + onp.eye(2)
    return call(b, root @ root.T)


@st.composite
def vectors(draw):
    shape = draw(shapes(max_dims=2, max_side=4, min_side=2))  # SciPy takes axes of length 1 away
    root = draw(arrays((3, 3), -0.4, 0.4)) + onp.eye(3)
    return call(draw(arrays((*shape, 3), -1.0, 1.0)), root @ root.T)


@st.composite
def circular(draw):
    shape = draw(shapes())
    return call(draw(arrays(shape, 0.2, 5.0)), draw(arrays(shape, -3.0, 3.0)))


@st.composite
def harmonic(draw):
    a = draw(arrays(shapes(), 0.1, 3.0))
    return call(2.0, onp.full(a.shape, 4.0), 5.0, a)


@st.composite
def student(draw):
    shape = draw(shapes())
    return call(draw(arrays(shape, -3.0, 3.0)), draw(arrays(shape, 0.4, 9.0)))


CASES = {
    i0e_of_positive: one(0.1, 10.0),
    von_mises_cdf: Case(circular(), frozenset()),
    normalized_gen_harmonic: Case(harmonic(), frozenset()),
    student_log_density: Case(student(), frozenset()),
    normal_cdf: Case(bounds(), frozenset()),
    normal_log_density: Case(vectors(), frozenset()),
}
CASES.pop(None, None)  # what this SciPy has not

"""Where to draw the arguments of funad.numpy.fft from."""

import hypothesis.strategies as st
import numpy as onp

from funad.numpy import fft
from funad.testing import Call, Case, arrays, calls, case

NORMS = st.sampled_from([None, "backward", "ortho", "forward"])
SHAPES = st.sampled_from([(1,), (4,), (5,), (2, 3), (0, 2), (3, 2, 4)])
REAL = arrays(SHAPES)
ANY = REAL | arrays(SHAPES, complex=True)


@st.composite
def of_one(draw, x):
    """A transform along one axis, with some of the keywords."""
    a = draw(x)
    kwargs = {"n": draw(st.sampled_from([None, 1, 2, 3, 4, 7]))} if draw(st.booleans()) else {}
    axes = [
        axis for axis in range(-a.ndim, a.ndim) if a.shape[axis] > 1 or (a.shape[axis] and kwargs.get("n"))
    ]
    axis = draw(st.sampled_from(axes)) if axes else -1
    if not axes:  # the inverse transform of one number takes a length
        kwargs["n"] = 3
    if axis not in (-1, a.ndim - 1) or draw(st.booleans()):
        kwargs["axis"] = axis
    if draw(st.booleans()):
        kwargs["norm"] = draw(NORMS)
    return Call((a,), kwargs)


@st.composite
def _several(draw, complex=True, two=False):
    """A transform along several axes, one of them twice at times."""
    shape = draw(st.sampled_from([(2, 3), (3, 2, 4), (2, 2, 3), (0, 2, 3)]))
    a = draw(arrays(shape, complex=complex and draw(st.booleans())))
    kwargs = {}
    if draw(st.booleans()) or shape[0] == 0:
        kwargs["axes"] = draw(st.sampled_from([(-2, -1), (-1, -2), (len(shape) - 1,), (-1, -2, -1)]))
    if two and draw(st.booleans()):
        kwargs["axes"] = kwargs.get("axes", (-2, -1))
    if draw(st.booleans()) and ("axes" in kwargs or two):
        lengths = st.sampled_from([2, 3, 5, -1])
        kwargs["s"] = tuple(draw(lengths) for _ in kwargs.get("axes", (-2, -1)))
    if draw(st.booleans()):
        kwargs["norm"] = draw(NORMS)
    return Call((a,), kwargs)


ONE, SEVERAL = frozenset({"n", "axis", "norm"}), frozenset({"s", "axes", "norm"})
SHIFT = st.sampled_from([None, 0, -1, (0,), (0, -1)])
PLANES = arrays(st.sampled_from([(3, 4), (2, 1, 5), (0, 3)])) | arrays((3, 2), complex=True)
STEPS = st.floats(0.1, 2.0) | arrays((), 0.1, 2.0)

CASES = {
    fft.fft: Case(of_one(ANY), ONE),
    fft.ifft: Case(of_one(ANY), ONE),
    fft.rfft: Case(of_one(REAL), ONE),
    fft.irfft: Case(of_one(ANY), ONE),
    fft.hfft: Case(of_one(ANY), ONE),
    fft.ihfft: Case(of_one(REAL), ONE),
    fft.fftn: Case(_several(), SEVERAL),
    fft.ifftn: Case(_several(), SEVERAL),
    fft.rfftn: Case(_several(complex=False), SEVERAL),
    fft.irfftn: Case(_several(), SEVERAL),
    fft.fft2: Case(_several(two=True), SEVERAL),
    fft.ifft2: Case(_several(two=True), SEVERAL),
    fft.rfft2: Case(_several(complex=False, two=True), SEVERAL),
    fft.irfft2: Case(_several(two=True), SEVERAL),
    fft.fftshift: case(PLANES, axes=SHIFT),
    fft.ifftshift: case(PLANES, axes=SHIFT),
    fft.fftfreq: Case(calls(st.integers(1, 5), STEPS), frozenset({"d"})),
    fft.rfftfreq: Case(calls(st.integers(1, 5), STEPS), frozenset({"d"})),
}

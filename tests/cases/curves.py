"""Where to draw the arguments of funad.numpy.curves from."""

import math

import hypothesis.strategies as st
import numpy as onp

import funad.numpy as np
from funad.testing import Call, Case, arrays, call, shapes

from .manipulation import axes_of, axis_of, maybe, numbers, some

INF = float("inf")


@st.composite
def _unwrap(draw):
    """Draw phases whose steps are within 0.4 of a whole number of periods: away from the jumps."""
    shape = draw(shapes(3, 1))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    kwargs = {"axis": axis} | maybe(draw, period=draw(st.sampled_from([1.5, 2 * math.pi])))
    period = kwargs.get("period", 2 * math.pi)
    steps = draw(arrays(shape, -0.4, 0.4)) + onp.round(draw(arrays(shape)))
    # A jump below discont stays: 0.5 is every jump, 0.75 too (there is none between), 1.5 large ones.
    kwargs |= maybe(draw, discont=period * draw(st.sampled_from([0.5, 0.75, 1.5])))
    by_position = [kwargs.pop("discont")] if "discont" in kwargs and draw(st.booleans()) else []
    return Call((period * onp.cumsum(steps, axis), *by_position), kwargs)


@st.composite
def _convolution(draw, more):
    a, v = (draw(some((draw(st.integers(1, 5)),)) | more) for _ in range(2))
    return Call((a, v), maybe(draw, mode=draw(st.sampled_from(["full", "same", "valid"]))))


_LENGTHS = [(onp.arange(1.0, m + 1), onp.arange(n) - 1.5) for m in range(1, 6) for n in range(1, 6)]
_MODES = [call(a, v, mode=mode) for a, v in _LENGTHS for mode in ("full", "same", "valid")]
_COMPLEX = [call(a * (1 + 2j), v, mode=mode) for a, v in _LENGTHS[3:21:4] for mode in ("same", "valid")]
_COMPLEX += [call(v, a * (1 - 0.5j), mode="full") for a, v in _LENGTHS[3:21:4]]

phases = onp.array([0.1, 6.5, 0.3, -6.1, 0.7])

CASES = {
    np.unwrap: Case(
        _unwrap(),
        frozenset({"discont", "axis", "period"}),
        (
            call(phases),
            call(phases, 4.0),
            call(onp.array([[0.1, 1.8, 6.0], [0.3, 4.1, 1.2]]), period=2.0),  # jumps of several periods
            call([0.1, 6.5]),
            call(onp.zeros(0)),
            call(onp.zeros((2, 0)), axis=0),
        ),
    ),
    np.convolve: Case(_convolution(numbers), frozenset({"mode"}), (*_MODES, *_COMPLEX)),
    np.correlate: Case(_convolution(st.nothing()), frozenset({"mode"}), (*_MODES, *_COMPLEX)),
}


# --- what is made of other functions


@st.composite
def _interp(draw):
    n = draw(st.integers(1, 5))
    xp = onp.sort(draw(arrays((n,), distinct=True, layout=False)))
    # Away from the points by 0.02 at least, as they and x move at once in differences.
    at = onp.concatenate([onp.linspace(-3, 3, 41), (xp[1:] + xp[:-1]) / 2, [xp[0] - 1, xp[-1] + 1]])
    at = at[onp.min(onp.abs(at[:, None] - xp), axis=1) > 0.02]
    shape = draw(shapes(2))
    x = onp.reshape([draw(st.sampled_from(list(at))) for _ in range(int(onp.prod(shape)))], shape)
    fp = draw(some((n,)))
    # Python's complex numbers: NumPy takes no complex64 here.
    ends = some(()).map(lambda x: x.item()) if fp.dtype.kind == "c" else numbers
    kwargs = maybe(draw, left=draw(ends), right=draw(ends))
    return Call((float(x) if shape == () and draw(st.booleans()) else x, xp, fp), kwargs)


xp, fp = onp.array([0.0, 1.0, 2.5, 4.0]), onp.array([1.0, -0.5, 2.0, 0.25])
inner = onp.array([-1.3, 0.3, 0.9, 3.1, 5.2])
_INTERPOLATED = [
    call(inner, xp, fp),
    call(1.5, xp, fp),
    call(inner.reshape(5, 1), xp, fp * (1 + 2j), left=0.5j, right=1.0),
    call([0.5, 1.5], [0.0, 1.0, 2.0], [1.0, 3.0, -1.0]),
    call(inner, xp, fp, period=4.6),
    call(inner, xp[::-1], fp, period=-3.6),
    call(onp.array([0.5, 7.1]), onp.array([1.0]), onp.array([2.0]), period=3.0),
    call(onp.array([0.5, 1.5]), onp.array([1.0]), onp.array([2.0])),
    call(onp.zeros(0), xp, fp),
    call(onp.array([0.5, 1.5]), onp.array([0.0, 1.0, 1.0, 2.0]), fp),  # a jump
]


@st.composite
def _gradient(draw):
    order = draw(st.sampled_from([1, 2]))
    f = draw(some(shapes(3, 1, order + 1, 5)))
    axis = draw(st.none() | st.just(axis_of(draw, f)) | st.just(axes_of(draw, f)))
    kwargs = maybe(draw, axis=axis) | maybe(draw, edge_order=order)
    axes = range(f.ndim) if kwargs.get("axis") is None else axis if isinstance(axis, tuple) else (axis,)
    kinds = [draw(st.sampled_from(["number", "places", "even"])) for _ in axes]
    spacings = [_spacing(draw, kind, f.shape[n]) for kind, n in zip(kinds, axes, strict=True)]
    several = draw(st.sampled_from([(), (draw(st.floats(0.5, 2.0)),), tuple(spacings)]))
    return Call((f, *several), kwargs)


def _spacing(draw, kind, n):
    if kind == "number":
        return draw(st.floats(0.5, 2.0))
    if kind == "even":
        return onp.arange(n)
    return onp.cumsum(draw(arrays((n,), 0.5, 2.0)))


cubic = onp.array([0.0, 1.0, 8.0, 27.0, 64.0])
places = onp.array([0.0, 1.0, 1.5, 3.5, 4.0])
_SLOPES = [
    call(cubic),
    call(cubic, 0.5, edge_order=2),
    call(cubic, places),
    call(cubic, places, edge_order=2),
    call(cubic * (1 + 1j), places[::-1] * 1j),
    call(onp.outer(cubic, places), places, 2.0),
    call(onp.outer(cubic, places), 2.0, axis=(1, 0)),
    call(onp.outer(cubic, places), axis=(0,)),
    call([1.0, 2.0, 4.0], [0.0, 0.5, 2.0]),
    call(onp.zeros((0, 3)), axis=1),
    call(onp.array([1, 2, 4]), 0.5),
]

COMPOSITES = {
    np.interp: Case(_interp(), frozenset({"left", "right", "period"}), tuple(_INTERPOLATED)),
    np.gradient: Case(_gradient(), frozenset({"axis", "edge_order"}), tuple(_SLOPES)),
    np.kaiser: Case(
        st.builds(call, st.integers(0, 6), st.floats(-5.0, 5.0)),
        frozenset(),
        (call(1, 2.0), call(5, 0.0), call(5, 14.0), call(0, 1.0)),
    ),
}

# --- conventions: at a point, the line to its right; at the last, the line to its left

KINKS = {
    "interp at its points": (np.interp, call(xp, xp, fp), 0, [-1.5, 5 / 3, -3.5 / 3, -3.5 / 3]),
    "interp at its points, in fp": (np.interp, call(xp, xp, fp), 2, onp.ones(4)),
    "interp at its points, in xp": (np.interp, call(xp, xp, fp), 1, [1.5, -5 / 3, 3.5 / 3, 3.5 / 3]),
    "interp beyond the ends": (np.interp, call(onp.array([-1.0, 5.0, INF, -INF]), xp, fp), 0, onp.zeros(4)),
    "interp at a jump": (
        np.interp,
        call(onp.array([1.0]), onp.array([0.0, 1.0, 1.0, 2.0]), fp),
        0,
        [fp[3] - fp[2]],
    ),
    "interp at a jump at the end": (np.interp, call(1.0, onp.array([0.0, 1.0, 1.0]), fp[:3]), 0, 0),
    "interp of infinities": (
        np.interp,
        call(onp.array([0.0, 0.5, 2.0]), xp, onp.array([1.0, INF, 2.0, 3.0])),
        0,
        onp.zeros(3),
    ),
    "interp at one point": (np.interp, call(1.0, onp.array([1.0]), onp.array([2.0])), 0, 0),
}

"""Where to draw the arguments of funad.numpy.creation from."""

import hypothesis.strategies as st
import numpy as onp
from hypothesis.extra import numpy as hnp

import funad.numpy as np
from funad.numpy.creation import assemble, steps
from funad.testing import Call, Case, arrays, call, calls, shapes

from .manipulation import given, lists, maybe, numbers, some, wide


@st.composite
def _assemble(draw):
    shape = draw(shapes(2))
    n = draw(st.integers(1, 4))
    alone = [draw(some(()) | numbers | st.just(2)) for _ in range(n)]
    alike = [draw(some(shape)) for _ in range(n)]
    mixed = [draw(numbers), draw(numbers), draw(arrays((2,)))]
    return Call(draw(st.sampled_from([(alone, (n,)), (alike, (n, *shape)), (mixed, (2, 2))])))


def between(low=-2.0, high=2.0, **keywords):
    """Return the case of a function of start and stop, which broadcast, and of keywords."""

    @st.composite
    def drawn(draw):
        group = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3, min_side=0))
        ends = [
            draw(arrays(shape, low, high) | numbers.map(lambda x: abs(x) + 0.5))
            for shape in group.input_shapes
        ]
        ndim = len(onp.broadcast_shapes(*map(onp.shape, ends)))
        named = {name: draw(x) for name, x in keywords.items() if draw(st.booleans())}
        named |= maybe(draw, axis=draw(st.integers(-ndim - 1, ndim)))
        num = draw(st.integers(2 if named.get("retstep") else 0, 4))  # the step between fewer is nan
        return Call(tuple(ends), {"num": num, "endpoint": draw(st.booleans()), **named})

    return Case(drawn(), frozenset({"num", "endpoint", "axis", *keywords}))


@st.composite
def _logspace(draw):
    at = draw(between(-1.0, 1.0, dtype=st.sampled_from([None, float])).draw)
    if draw(st.booleans()):
        return at
    base = draw(numbers.map(lambda x: abs(x) + 0.5) | arrays((), 0.5, 2.0))
    names = ("num", "endpoint", "dtype", "axis")
    num, endpoint, dtype, axis = (at.kwargs.get(k, d) for k, d in zip(names, (5, True, None, 0), strict=True))
    return Call((*at.args, num, endpoint, base), {"dtype": dtype, "axis": axis})


@st.composite
def _arange(draw):
    """Draw steps that do not end on the stop, where one more or less would change the shape."""
    start, step, n = draw(numbers), draw(st.sampled_from([0.5, 2.0, -1.5, 1])), draw(st.integers(0, 4))
    return Call(
        (start, start + (n - 0.5) * step, step), maybe(draw, dtype=draw(st.sampled_from([None, float])))
    )


CASES = {
    assemble: Case(_assemble()),
    steps: Case(_arange(), frozenset({"dtype"})),
    np.full: given(
        st.sampled_from([(), (3,), (2, 3), 3, (0,)]),
        some(st.sampled_from([(), (1,)])) | numbers,
        dtype=st.sampled_from([None, onp.complex128]),
        order=st.sampled_from("CF"),
    ),
    np.geomspace: between(0.5, 2.0, dtype=st.sampled_from([None, float])),
    np.linspace: between(dtype=wide, retstep=st.booleans(), device=st.just("cpu")),
    np.logspace: Case(_logspace(), frozenset({"num", "endpoint", "base", "dtype", "axis"})),
    np.vander: given(some(shapes(1, 1)), N=st.sampled_from([None, 0, 1, 2, 4]), increasing=st.booleans()),
}

# --- what is made of other functions


def _nested(draw, depth):
    """Draw lists of lists, with arrays in the place of lists at times."""
    if depth == 0:
        return draw(numbers | arrays(()) | st.just(2))
    if depth == 1 and draw(st.booleans()):
        return draw(some((2,)))
    return draw(st.sampled_from([list, tuple]))(_nested(draw, depth - 1) for _ in range(2))


@st.composite
def _array(draw):
    x = draw(some() | numbers) if draw(st.booleans()) else _nested(draw, draw(st.integers(1, 3)))
    return Call(
        (x,), maybe(draw, dtype=draw(st.sampled_from([None, complex])), ndmin=draw(st.integers(0, 4)))
    )


@st.composite
def _meshgrid(draw):
    xi = tuple(draw(some(shapes(1)) | numbers | st.just([1.5, 2.5])) for _ in range(draw(st.integers(1, 3))))
    return Call(
        xi,
        maybe(
            draw,
            indexing=draw(st.sampled_from(["xy", "ij"])),
            sparse=draw(st.booleans()),
            copy=draw(st.booleans()),
        ),
    )


@st.composite
def _any_arange(draw):
    start, stop, step = draw(_arange()).args
    return draw(
        st.sampled_from(
            [
                Call((start, stop, step)),
                Call((2.25,)),
                Call((start, start + 2.5)),
                Call((start,), {"stop": stop, "step": step, "dtype": float}),
                Call((start, stop, step, float)),
            ]
        )
    )


COMPOSITES = {
    np.arange: Case(
        _any_arange(), frozenset({"stop", "step", "dtype"}), (call(3.5), call(0, 3.5, dtype=complex))
    ),
    np.array: Case(_array(), frozenset({"dtype", "ndmin"})),
    np.full_like: Case(
        calls(some(), numbers | arrays(()), dtype=st.sampled_from([None, complex]), shape=st.just((2,))),
        frozenset({"dtype", "shape"}),
    ),
    np.meshgrid: Case(
        _meshgrid(), frozenset({"indexing", "sparse", "copy"}), (call([1.0, 2.0], onp.ones(3)),)
    ),
}

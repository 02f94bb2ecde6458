"""Where to draw the arguments of funad.numpy.indexing from."""

import hypothesis.strategies as st
import numpy as onp
from hypothesis.extra import numpy as hnp

import funad.numpy as np
from funad.numpy.indexing import assign, getitem, scatter
from funad.registry import primitive_of
from funad.testing import Call, Case, arrays, call, case, shapes
from funad.writing import Step, follow

from .manipulation import axis_of, maybe, numbers, of_array, some

modes = st.sampled_from(["raise", "wrap", "clip"])


# --- every form of an index


def _one(draw, size):
    """Draw what indexes one axis."""
    kinds = ["slice", "reversed", "mask", "list", "empty"]
    kind = draw(st.sampled_from(kinds + ["int", "numpy int", "ints", "table"] * (size > 0)))
    at = st.integers(-size, size - 1)
    if kind == "slice":
        return draw(st.slices(size))
    if kind == "reversed":
        return slice(None, None, draw(st.sampled_from([-1, -2, 2])))
    if kind == "mask":
        return onp.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), bool)
    if kind == "list":
        return draw(st.lists(at, min_size=1, max_size=4)) if size else []
    if kind == "empty":
        return onp.zeros(draw(st.sampled_from([(0,), (0, 2)])), int)
    if kind == "int":
        return draw(at)
    if kind == "numpy int":
        return onp.int64(draw(at))
    if kind == "ints":
        return onp.array(draw(st.lists(at, min_size=1, max_size=5)))
    return onp.array(draw(st.lists(at, min_size=4, max_size=4))).reshape(2, 2)


@st.composite
def indices_of(draw, shape):
    """Draw an index of an array: one thing, or a tuple of several, None and Ellipsis among them."""
    kind = draw(st.sampled_from(["mixed", "mixed", "basic", "mask", "alone", "whole"]))
    if kind == "basic":
        return draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    if kind == "mask":
        return draw(hnp.arrays(bool, shape))
    if kind == "whole":
        return draw(st.sampled_from([(), ..., None, (None, ...), (..., None), True]))
    if not shape:
        return ()
    if kind == "alone":
        return _one(draw, shape[0])
    index = [_one(draw, size) for size in shape[: draw(st.integers(1, len(shape)))]]
    lengths = [part for part in index if isinstance(part, (list, onp.ndarray))]
    if len(lengths) > 1:  # arrays that do not broadcast together become slices, but one
        index = [part if part is lengths[0] or not isinstance(part, (list, onp.ndarray)) else slice(1, None)
                 for part in index]  # fmt: skip
    for _ in range(draw(st.integers(0, 2))):
        index.insert(draw(st.integers(0, len(index))), None)
    if draw(st.booleans()):
        index.append(...)
    return tuple(index)


@st.composite
def _getitem(draw):
    x = draw(some(shapes(3)))
    return Call((x, draw(indices_of(x.shape))))


table = onp.arange(12.0).reshape(3, 4) / 7
_GETITEM = [
    [0, 0, 2],
    [],
    [True, False, True],
    ([0, 1, 0], [1, 1, 1]),
    (onp.array([[0], [2]]), onp.array([1, 3, 1])),
    (onp.array([True, False, True]), 1),
    (onp.array([True, False, True]), onp.array([0, 3])),
    (0, slice(None, None, -2)),
    (None, onp.array([1, 1]), ..., None),
    (onp.array(1), onp.array([2, 2])),
    (slice(None), onp.array([[0, 0], [3, 0]])),
    (onp.zeros((0,), int), 1),
    onp.uint8(2),
    (2, 3),
]


@st.composite
def _scatter(draw):
    shape = draw(shapes(2))
    indices = [draw(indices_of(shape)) for _ in range(draw(st.integers(1, 3)))]
    pieces = [draw(arrays(onp.zeros(shape)[index].shape)) for index in indices]
    return Call((shape, onp.dtype(float), indices, pieces))


_IMAG = Step(primitive_of(onp.imag), (), {}, None)
_RAVEL = Step(primitive_of(onp.ravel), (), {}, None)
_PATHS = (
    (),
    (Step(primitive_of(onp.transpose), (), {}, None),),
    (_RAVEL, Step(primitive_of(onp.flip), (), {}, None)),
    (slice(1, None),),
    (Step(primitive_of(onp.array_split), (2,), {}, 1),),
)


@st.composite
def _assign(draw):
    x = draw(some(shapes(3, 1)))
    path = draw(st.sampled_from(_PATHS))
    view = follow(x, path)
    index = draw(indices_of(view.shape))
    shape = view[index].shape
    v = draw(arrays(draw(st.sampled_from([shape, (), shape[1:]]))))
    return Call(([x, v], path, index))


def _take(draw, x):
    mode = draw(modes)
    axis = draw(st.none() | st.just(axis_of(draw, x))) if x.ndim else None
    n = x.size if axis is None else x.shape[axis]
    low, high = (-n, n - 1) if mode == "raise" else (-7, 7)
    if not n:
        return ([],), {"axis": axis, "mode": mode}
    at = st.integers(low, high)
    indices = at | st.lists(at, min_size=1, max_size=4) | hnp.arrays(int, shapes(2), elements=at)
    return (draw(indices),), maybe(draw, axis=axis, mode=mode) if axis is None and mode == "raise" else {
        "axis": axis, "mode": mode
    }  # fmt: skip


def _take_along_axis(draw, x):
    axis = draw(st.none() | st.just(axis_of(draw, x)))
    n = x.size if axis is None else x.shape[axis]
    shape = [x.size] if axis is None else [draw(st.sampled_from([size, 1])) for size in x.shape]
    shape[0 if axis is None else axis] = draw(st.integers(0, 3)) if n else 0
    shape = [max(size, x.shape[k] if axis is not None and x.shape[k] == 0 and k != axis % x.ndim else size)
             for k, size in enumerate(shape)]  # fmt: skip
    return (draw(hnp.arrays(int, tuple(shape), elements=st.integers(-max(n, 1), max(n, 1) - 1))),), {
        "axis": axis
    }


@st.composite
def _choose(draw):
    mode = draw(modes)
    n = draw(st.integers(1, 3))
    at = st.integers(0, n - 1) if mode == "raise" else st.integers(-4, 4)
    a = draw(hnp.arrays(int, st.sampled_from([(), (3,), (2, 3)]), elements=at))
    choices = [draw(some(draw(st.sampled_from([(), (3,), (2, 1), (1, 3)])))) for _ in range(n)]
    if draw(st.booleans()):
        choices = draw(arrays((n, *draw(st.sampled_from([(), (3,), (2, 1)])))))
    return Call((a, choices), {"mode": mode})


CASES = {
    getitem: Case(_getitem(), examples=tuple(call(table, index) for index in _GETITEM)),
    np.choose: Case(_choose(), frozenset({"mode"})),
    np.take: of_array(_take, "axis", "mode", examples=(call(1.5, [0, 0]), call(table, onp.array(-1)))),
    np.take_along_axis: of_array(_take_along_axis, "axis", min_dims=1),
    scatter: Case(_scatter()),
    assign: Case(
        _assign(),
        examples=(
            call([onp.ones(3), onp.array([1.0, 2.0, 3.0])], (), [1, 1, 0]),  # the last one stays
            call(
                [onp.ones(3) + 2j, onp.array([1.0, 2.0])],
                (_IMAG,),
                [0, 2],
            ),
            call([onp.asfortranarray(onp.ones((2, 3))), 2.0], (_RAVEL,), 4),
        ),
    ),
}


# --- what is made of other functions


def _compress(draw, x):
    axis = draw(st.none() | st.just(axis_of(draw, x)))
    n = x.size if axis is None else x.shape[axis]
    condition = draw(st.lists(st.booleans(), max_size=n))
    return Call((condition, x), {"axis": axis})


@st.composite
def compressed(draw):
    return _compress(draw, draw(some(shapes(3, 1))))


@st.composite
def _extract(draw):
    x = draw(some())
    return Call((draw(hnp.arrays(bool, x.shape)), x))


@st.composite
def _select(draw):
    n = draw(st.integers(1, 3))
    conditions = [draw(hnp.arrays(bool, st.sampled_from([(3,), (2, 3)]))) for _ in range(n)]
    choices = [draw(some(draw(st.sampled_from([(), (3,), (2, 1)]))) | numbers) for _ in range(n)]
    return Call((conditions, choices), maybe(draw, default=draw(numbers | arrays((3,)))))


@st.composite
def _ix(draw):
    parts = st.sampled_from([onp.array([1, 0]), [True, False, True], [0, 2], []])
    return Call(tuple(draw(some(shapes(1, 1)) | parts) for _ in range(draw(st.integers(1, 3)))))


COMPOSITES = {
    np.ix_: Case(_ix()),
    np.compress: Case(compressed(), frozenset({"axis"})),
    np.extract: Case(_extract()),
    np.select: Case(
        _select(), frozenset({"default"}), (call([onp.array([True, False])], [[1.5, 0.5]], [2.0, 3.0]),)
    ),
}

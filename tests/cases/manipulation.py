"""Where to draw the arguments of funad.numpy.manipulation from."""

import inspect

import hypothesis.strategies as st
import numpy as onp

import funad.numpy as np
from funad.numpy.manipulation import cast
from funad.numpy.padding import pad_zeros
from funad.testing import Call, Case, arrays, call, calls, case, shapes


def some(shape=None, **options):
    """Draw real or complex arrays."""
    return arrays(shape, **options) | arrays(shape, complex=True, **options)


TRIMS_AXES = "axis" in inspect.signature(onp.trim_zeros).parameters  # since NumPy 2.2
numbers = st.floats(-2, 2)
NUMPY_2_0 = onp.__version__.startswith("2.0.")  # its reshape and asanyarray know fewer keywords
orders = st.sampled_from("CF")  # "A" and "K" depend on the memory, which differences change
integers = st.integers(-3, 3)
lists = st.just([1.5, -0.5]) | st.just([[0.5], [2.0]])


def of_array(draw_rest, *keywords, min_dims=0, max_dims=3, min_side=0, examples=()):
    """Return the case of f(x, *rest): ``draw_rest(draw, x)`` returns (rest, kwargs)."""

    @st.composite
    def drawn(draw):
        x = draw(some(shapes(max_dims, min_dims, min_side)))
        rest, kwargs = draw_rest(draw, x)
        return Call((x, *rest), kwargs)

    return Case(drawn(), frozenset(keywords), tuple(examples))


def given(*args, **kwargs):
    """Return the case of f(*args), with keywords left out at times; ``order`` may be one of them."""
    return Case(calls(*args, **kwargs), frozenset(kwargs))


def maybe(draw, **kwargs):
    """Leave out keywords at times."""
    return {name: x for name, x in kwargs.items() if draw(st.booleans())}


def axis_of(draw, x, extra=0):
    """Draw one of the axes, counted from the front or the back."""
    return draw(st.integers(-x.ndim - extra, x.ndim + extra - 1))


def axes_of(draw, x, new=0):
    """Draw some of the axes, each once; or where as many as ``new`` shall be."""
    n = x.ndim + new
    axes = draw(st.permutations(range(n)))[: new or draw(st.integers(0, n))]
    return tuple(axis - n if draw(st.booleans()) else axis for axis in axes)


def _reshape(draw, x):
    factors = [n for size in x.shape for n in ((2, size // 2) if size and size % 2 == 0 else (size,))]
    target = list(draw(st.permutations(factors))) + [1] * draw(st.integers(0, 1))
    if x.size and draw(st.booleans()) and target:
        target[0] = -1
    shape = tuple(target)
    copy = {} if NUMPY_2_0 else {"copy": draw(st.sampled_from([None, True]))}
    return (shape,), maybe(draw, order=draw(orders), **copy)


def _broadcast_to(draw, x):
    more = draw(shapes(2))
    shape = (*more, *(draw(st.integers(0, 3)) if n == 1 else n for n in x.shape))
    return (shape,), maybe(draw, subok=draw(st.booleans()))


def _expand_dims(draw, x):
    return (draw(st.just(axis_of(draw, x, 1)) | st.just(axes_of(draw, x, draw(st.integers(1, 2))))),), {}


@st.composite
def _squeeze(draw):
    shape = tuple(draw(st.lists(st.sampled_from([1, 1, 2, 0]), max_size=3)))
    ones = [n for n, size in enumerate(shape) if size == 1]
    axis = st.none() | st.just(tuple(ones))
    if ones:
        axis = axis | st.sampled_from(ones)
    return Call((draw(some(shape)),), maybe(draw, axis=draw(axis)))


def _transpose(draw, x):
    axes = [n - x.ndim if draw(st.booleans()) else n for n in draw(st.permutations(range(x.ndim)))]
    return (), maybe(draw, axes=draw(st.none() | st.just(axes) | st.just(tuple(axes))))


def _moveaxis(draw, x):
    source = axes_of(draw, x)
    target = draw(st.permutations(range(x.ndim)))[: len(source)]
    if len(source) == 1 and draw(st.booleans()):
        return (source[0], target[0]), {}
    return (source, target), {}


def _flip(draw, x):
    axis = st.none() | st.just(axes_of(draw, x))
    return (), maybe(draw, axis=draw(axis | st.just(axis_of(draw, x)) if x.ndim else axis))


def _roll(draw, x):
    axes = axes_of(draw, x)
    if axes and draw(st.booleans()):
        return (tuple(draw(integers) for _ in axes),), {"axis": axes}
    if axes and draw(st.booleans()):
        return (draw(integers),), {"axis": draw(st.sampled_from([axes, axes[0]]))}
    return (draw(integers),), maybe(draw, axis=None)


def _rot90(draw, x):
    axes = draw(st.permutations(range(x.ndim)))[:2]
    return (), maybe(draw, k=draw(integers), axes=tuple(axes))


def _tile(draw, x):
    reps = st.integers(0, 3)
    return (draw(reps | st.lists(reps, max_size=3) | st.tuples(reps, reps)),), {}


def _repeat(draw, x):
    axis = axis_of(draw, x) if x.ndim and draw(st.booleans()) else None
    n = x.size if axis is None else x.shape[axis]
    several = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    repeats = draw(st.integers(0, 3) | several | several.map(lambda r: onp.array(r, int)) | st.just([2]))
    return (repeats,), {} if axis is None else {"axis": axis}


def _diagonal(draw, x):
    axis1, axis2 = draw(st.permutations(range(x.ndim)))[:2]
    axis2 = axis2 - x.ndim if draw(st.booleans()) else axis2
    return (), {**maybe(draw, offset=draw(integers)), "axis1": axis1, "axis2": axis2}


def _k(draw, x):
    return (), maybe(draw, k=draw(integers))


@st.composite
def _concatenate(draw):
    shape = draw(shapes(3, 1))
    axis = draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        part = list(shape) if axis is not None else draw(shapes(2))
        if axis is not None:
            part[axis] = draw(st.integers(0, 3))
        parts.append(draw(some(tuple(part))))
    parts = draw(st.sampled_from([list, tuple]))(parts)
    return Call((parts,), {**_joining(draw, parts), **({} if axis == 0 else {"axis": axis})})


def _joining(draw, parts):
    real = all(part.dtype.kind == "f" for part in parts)
    dtype = draw(st.sampled_from([None, complex, *([float] if real else [])]))
    return maybe(draw, dtype=dtype, casting=draw(st.sampled_from(["same_kind", "unsafe"])))


@st.composite
def _stack(draw):
    shape = draw(shapes(2))
    parts = [draw(some(shape)) for _ in range(draw(st.integers(1, 3)))]
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    return Call((parts,), {**_joining(draw, parts), **maybe(draw, axis=axis)})


@st.composite
def _pad_zeros(draw):
    x = draw(some(shapes(3, 1)))
    widths = st.tuples(st.integers(0, 2), st.integers(0, 2))
    return Call((x, onp.array([draw(widths) for _ in x.shape])))


wide = st.sampled_from([None, onp.float64, onp.complex128])


def _converted(newer):
    """Return the case of asarray or asanyarray."""
    old = {"dtype": wide, "order": st.sampled_from("CF")}
    new = {"device": st.just("cpu"), "copy": st.just(True)}
    return Case(calls(arrays() | numbers, **old, **(new if newer else {})), frozenset({*old, *new}))


CASES = {
    cast: case(
        arrays() | numbers,
        st.sampled_from([onp.float64, onp.complex128]),
        casting=st.sampled_from(["unsafe", "safe"]),
    ),
    np.asanyarray: _converted(not NUMPY_2_0),
    np.asarray: _converted(True),
    np.asarray_chkfinite: given(arrays(), dtype=wide, order=st.sampled_from("CF")),
    np.ascontiguousarray: case(arrays(), dtype=wide),
    np.asfortranarray: case(arrays(), dtype=wide),
    np.broadcast_to: of_array(_broadcast_to, "subok"),
    np.concatenate: Case(
        _concatenate(),
        frozenset({"axis", "dtype", "casting"}),
        (call([onp.ones(2), 2.0 * onp.ones((1, 2))], axis=None), call(onp.ones((2, 3)).cumsum(0))),
    ),
    np.copy: given(some() | numbers, order=st.sampled_from("KACF"), subok=st.booleans()),
    np.diag: of_array(_k, "k", min_dims=1, max_dims=2),
    np.diagonal: of_array(_diagonal, "offset", "axis1", "axis2", min_dims=2),
    np.expand_dims: of_array(_expand_dims),
    np.flip: of_array(_flip, "axis"),
    np.fliplr: case(some(shapes(3, 2))),
    np.flipud: case(some(shapes(3, 1))),
    np.matrix_transpose: case(some(shapes(3, 2))),
    np.moveaxis: of_array(_moveaxis),
    np.ravel: given(some() | numbers, order=orders),
    np.repeat: of_array(_repeat, "axis", examples=(call(1.5, 3), call(1.5, [2]))),
    np.require: case(arrays(), dtype=wide, requirements=st.sampled_from([None, "F", ["C", "O"]])),
    np.reshape: of_array(
        _reshape,
        "shape",
        "order",
        "copy",
        "newshape",
        examples=(call(1.5, (1, 1)), call(1.5, -1), call(onp.ones(4), (2, 2))),
    ),
    np.roll: of_array(_roll, "axis"),
    np.rot90: of_array(_rot90, "k", "axes", min_dims=2),
    np.squeeze: Case(_squeeze(), frozenset({"axis"})),
    np.stack: Case(
        _stack(),
        frozenset({"axis", "dtype", "casting"}),
        (call([1.5, 2.5]), call(onp.ones((2, 3)).cumsum(0), axis=1)),
    ),
    np.swapaxes: of_array(lambda draw, x: ((axis_of(draw, x), axis_of(draw, x)), {}), min_dims=1),
    np.tile: of_array(_tile, examples=(call(1.5, 3), call(1.5, (2, 2)))),
    np.transpose: of_array(_transpose, "axes"),
    np.tril: of_array(_k, "k", min_dims=1),
    np.triu: of_array(_k, "k", min_dims=1),
    pad_zeros: Case(_pad_zeros()),
}


# --- what is made of other functions


@st.composite
def _several(draw):
    return Call(tuple(draw(some() | numbers | lists) for _ in range(draw(st.integers(1, 3)))))


@st.composite
def _blocks(draw):
    heights, widths = ([draw(st.integers(0, 2)) for _ in range(draw(st.integers(1, 3)))] for _ in range(2))
    deep = [[draw(some((h, w))) for w in widths] for h in heights]
    flat = [draw(some((2,))), draw(numbers), draw(some(()))]
    return Call((draw(st.sampled_from([deep, deep[0], flat, [[part] for part in flat[1:]], flat[0]])),))


def joined(*shapes, **keywords):
    """Return the case of a function that joins arrays of any of these shapes."""

    @st.composite
    def drawn(draw):
        shape = draw(st.sampled_from(shapes))
        parts = [draw(some(shape)) for _ in range(draw(st.integers(1, 3)))]
        parts = draw(st.just(parts) | st.just(tuple(parts)))
        return Call((parts,), _joining(draw, parts) if keywords else {})

    return Case(drawn(), frozenset(keywords))


def cut(axis, min_dims, least=0):
    """Return the case of a function that cuts along an axis; None for one that is given."""

    @st.composite
    def drawn(draw):
        x = draw(some(shapes(3, min_dims, least)))
        along = axis_of(draw, x) if axis is None else axis(x)
        n = x.shape[along]
        divisors = [k for k in range(1, n + 1) if n % k == 0] or [1]
        sections = st.sampled_from(divisors) | st.lists(st.integers(-4, 4), max_size=3)
        return Call((x, draw(sections)), {"axis": along} if axis is None else {})

    return Case(drawn(), frozenset({"axis"} if axis is None else ()))


def _array_split(draw, x):
    axis = axis_of(draw, x)
    return (draw(st.integers(1, 4) | st.just([1, 2]) | st.just(onp.array([2, 1]))),), {"axis": axis}


def _delete(draw, x):
    axis = draw(st.none() | st.just(axis_of(draw, x)))
    n = x.size if axis is None else x.shape[axis]
    obj = st.slices(n) | st.lists(st.integers(-n, n - 1), max_size=3) if n else st.slices(n)
    return (draw(obj | st.integers(-n, n - 1) if n else obj),), {"axis": axis}


def _insert(draw, x):
    axis = draw(st.none() | st.just(axis_of(draw, x)))
    n = x.size if axis is None else x.shape[axis]
    at = draw(st.integers(-n, n) | st.just([0, n]) | st.just([n]) | st.slices(n))
    inserted = onp.insert(onp.zeros(n), at, 0).size - n
    shape = list(x.shape) if axis is not None else [inserted]
    if axis is not None:
        shape[axis] = 1 if isinstance(at, int) else inserted
    values = draw(numbers | arrays(tuple(shape)))
    if isinstance(at, int) and axis is not None and onp.ndim(values):
        values = values.take(0, axis)
    return (at, values), {"axis": axis}


def _append(draw, x):
    if x.ndim and draw(st.booleans()):
        axis = axis_of(draw, x)
        shape = list(x.shape)
        shape[axis] = draw(st.integers(0, 2))
        return (draw(some(tuple(shape))),), {"axis": axis}
    return (draw(some() | numbers | lists),), maybe(draw, axis=None)


PAD_MODES = ["constant", "edge", "wrap", "reflect", "symmetric", "linear_ramp"]
PAD_MODES += ["maximum", "minimum", "mean", "median"]


@st.composite
def _pad(draw):
    mode = draw(st.sampled_from(PAD_MODES))
    ndim = draw(st.integers(1, 2))
    sided = mode in ("maximum", "minimum", "median")
    x = draw(arrays(shapes(ndim, ndim, 1), distinct=True) if sided else some(shapes(ndim, ndim, 1)))
    widths = st.integers(0, 7)
    kwargs = {}
    if mode in ("reflect", "symmetric"):
        kwargs = maybe(draw, reflect_type=draw(st.sampled_from(["even", "odd"])))
    if sided or mode == "mean":
        kwargs = maybe(draw, stat_length=draw(st.sampled_from([None, 1, 2, (1, 3), ((2, 1),)])))
    ends = numbers | arrays((2,)) | arrays((ndim, 2)) | arrays((ndim, 1)) | st.just(0) | st.just(((1, 2),))
    if mode == "linear_ramp":
        kwargs = maybe(draw, end_values=draw(ends))
    if mode == "constant":
        kwargs = maybe(draw, constant_values=draw(ends))
    pairs = st.tuples(widths, widths)
    width = draw(widths | pairs | st.tuples(pairs) | st.tuples(*(pairs for _ in range(ndim))))
    return Call((x, width), {"mode": mode, **kwargs})


@st.composite
def _trim_zeros(draw):
    """Draw arrays without zeros: those that differences move away from zero would change the shape."""
    x = draw(some(shapes(3 if TRIMS_AXES else 1, 1)))
    axis = (
        {"axis": draw(st.none() | st.just(axis_of(draw, x)) | st.just(axes_of(draw, x)))}
        if TRIMS_AXES
        else {}
    )
    return Call((x + 5.0,), maybe(draw, trim=draw(st.sampled_from(["f", "B", "fb"])), **axis))


COMPOSITES = {
    np.append: of_array(_append, "axis"),
    np.array_split: of_array(_array_split, "axis", min_dims=1),
    np.astype: case(arrays(), st.sampled_from([onp.float64, onp.complex128]), copy=st.booleans()),
    np.atleast_1d: Case(_several()),
    np.atleast_2d: Case(_several()),
    np.atleast_3d: Case(_several()),
    np.block: Case(_blocks()),
    np.broadcast_arrays: case(some((2, 1)), some((3,)) | numbers | lists.map(lambda x: x[:1])),
    np.column_stack: joined((2,), (2, 3), (0, 1), ()),
    np.delete: of_array(_delete, "axis", min_dims=1),
    np.diagflat: of_array(_k, "k", max_dims=2),
    np.dsplit: cut(lambda x: 2, 3),
    np.dstack: joined((2,), (2, 3), (1, 2, 2), (), (0,)),
    np.hsplit: cut(lambda x: 1 if x.ndim > 1 else 0, 1),
    np.hstack: joined((2,), (2, 3), (1, 2, 2), (), (0,), dtype=..., casting=...),
    np.insert: of_array(_insert, "axis", min_dims=1),
    np.pad: Case(
        _pad(),
        frozenset({"mode", "constant_values", "end_values", "stat_length", "reflect_type"}),
        (
            call(onp.array([1.0, 2.5]), 1, "constant", constant_values=0.5),
            call(onp.array([1.0, 2.5]), 2, "linear_ramp", end_values=(-0.5, 0.75)),
        ),
    ),
    np.resize: of_array(lambda draw, x: ((draw(shapes(2) | st.integers(0, 7)),), {})),
    np.rollaxis: of_array(
        lambda draw, x: ((axis_of(draw, x),), maybe(draw, start=draw(st.integers(-x.ndim, x.ndim)))),
        "start",
        min_dims=1,
    ),
    np.split: cut(None, 1),
    np.trim_zeros: Case(_trim_zeros(), frozenset({"trim", "axis"}), (call([1.5]), call([2.0, 1.0], "f"))),
    np.vsplit: cut(lambda x: 0, 2),
    np.vstack: joined((2,), (2, 3), (1, 2, 2), (), (0,), dtype=..., casting=...),
}
if hasattr(onp, "unstack"):
    COMPOSITES[np.unstack] = of_array(
        lambda draw, x: ((), maybe(draw, axis=axis_of(draw, x))), "axis", min_dims=1, min_side=1
    )

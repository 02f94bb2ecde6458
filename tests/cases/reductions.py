"""Where to draw the arguments of funad.numpy.reductions from."""

import warnings

import hypothesis.strategies as st
import numpy as onp

import funad.numpy as np
from funad.numpy.reductions import difference
from funad.testing import Call, Case, arrays, call, shapes

from .manipulation import axes_of, axis_of, maybe, numbers, of_array, some

NAN = float("nan")


def _axis(draw, x):
    """Draw what a reduction takes as its axis: none, one or several."""
    axes = st.none() | st.just(axes_of(draw, x))
    return draw(axes | st.just(axis_of(draw, x)) if x.ndim else axes)


def _dtype(draw, x):
    return draw(st.sampled_from([None, onp.complex128] if x.dtype.kind == "c" else [None, float, complex]))


def _where(draw, x, axis, least=0):
    """Draw which elements take part: at least so many per result."""
    shape = x.shape[draw(st.integers(0, x.ndim)) :]
    where = draw(arrays(shape)) > draw(st.sampled_from([-1, 0]))
    enough = onp.sum(onp.broadcast_to(where, x.shape), axis=axis) >= least
    return where if onp.all(enough) else True


def reduction(x, *keywords, least=0, start=None, examples=()):
    """Return the case of a reduction with such keywords, of at least so many elements.

    ``start`` is the initial value that NumPy asks for when only some elements take part.
    """

    @st.composite
    def drawn(draw):
        a = draw(x)
        axis = _axis(draw, a)
        if least and onp.size(onp.sum(a, axis=axis)) * least > a.size:
            axis = None
        given = {
            "axis": axis,
            "dtype": _dtype(draw, a),
            "keepdims": draw(st.booleans()),
            "where": _where(draw, a, axis, least),
            "initial": draw(st.sampled_from([0.5, 1.25, 0.0])),
        }
        kwargs = {"axis": axis} | maybe(draw, **{name: given[name] for name in keywords})
        if start is not None and "where" in kwargs:
            kwargs.setdefault("initial", start)
        return Call((a,), kwargs)

    return Case(drawn(), frozenset(("axis", *keywords)), tuple(examples))


@st.composite
def _with_nans(draw, x):
    """Draw arrays with nans in them, but never only nans."""
    a = onp.array(draw(x))
    flat = a.reshape(-1)
    flat[draw(st.integers(2, 3)) :: draw(st.integers(3, 5))] = NAN
    return a


def spread(x, examples=()):
    """Return the case of a variance."""

    @st.composite
    def drawn(draw):
        a = draw(x)
        finite = ~onp.isnan(a)
        axis = _axis(draw, a)
        if onp.any(onp.sum(finite, axis=axis) < 2):
            axis = None
        kwargs = {"axis": axis} | maybe(
            draw,
            dtype=complex if a.dtype.kind == "c" else float,
            keepdims=draw(st.booleans()),
            where=_where(draw, a, axis, 2) & finite,
        )
        where = kwargs.get("where", finite)
        if onp.any(onp.sum(onp.broadcast_to(where, a.shape), axis=axis) < 2):
            del kwargs["where"]
        if draw(st.booleans()):
            kwargs["mean"] = onp.nanmean(a, axis=axis, keepdims=True) + draw(numbers)
        freedom = draw(st.sampled_from([0, 1, 0.5]))
        kwargs |= draw(st.sampled_from([{}, {"ddof": freedom}, {"correction": freedom}]))
        return Call((a,), kwargs)

    keywords = frozenset({"axis", "dtype", "keepdims", "where", "mean", "ddof", "correction"})
    return Case(drawn(), keywords, tuple(examples))


def running(*keywords, x=None, examples=()):
    """Return the case of a running sum or product."""

    def rest(draw, x):
        axis = st.none() | st.just(axis_of(draw, x)) if x.ndim else st.none()
        return (), maybe(draw, axis=draw(axis), dtype=_dtype(draw, x))

    if x is None:
        return of_array(rest, "axis", "dtype", examples=examples)
    return Case(x.flatmap(lambda a: _rest_of(rest, a)), frozenset({"axis", "dtype"}), tuple(examples))


@st.composite
def _rest_of(draw, rest, x):
    more, kwargs = rest(draw, x)
    return Call((x, *more), kwargs)


def _cumulative(draw, x):
    axis = axis_of(draw, x)
    if x.ndim == 1 and draw(st.booleans()):
        axis = None
    return (), {"axis": axis} | maybe(draw, dtype=_dtype(draw, x), include_initial=draw(st.booleans()))


cumulative = of_array(_cumulative, "axis", "dtype", "include_initial", min_dims=1)

x = onp.array([[1.5, -0.5, 2.0], [0.25, -1.0, 0.75]])
single_zero = onp.array([[1.5, 0.0, 2.0], [0.25, -1.0, 0.75]])
zeros = onp.array([[1.5, 0.0, 0.0], [0.0, -1.0, 0.75]])
tiny = onp.array([1e-200, 2e-200, 3.0])
nans = onp.array([[1.5, NAN, 2.0], [0.25, -1.0, NAN]])

several = shapes(3, min_dims=1, min_side=1)
wide = shapes(3, min_dims=1, min_side=2)
apart = arrays(several, distinct=True, avoid=(0.0, 0.5, 1.25))
apart_wide = arrays(wide, distinct=True)
distinct = apart | arrays(several, distinct=True, complex=True)

_PRODUCT_POINTS = [
    call(x, axis=(0, 1)),
    *(call(a, axis=axis) for a in (single_zero, zeros) for axis in (None, 0, 1, (0, -1))),
    call(onp.zeros((2, 2))),
    call(zeros * (1 + 0.5j), axis=1, keepdims=True),
    call(zeros, where=zeros != 0, axis=1),
    call(single_zero, initial=3.0),
    call(x, initial=0.0),
    call(onp.zeros((0, 3)), axis=0),
    call(1.5),
    call(onp.array(0.0)),
]
_RUNNING_POINTS = [
    *(call(a, axis=axis) for a in (x, single_zero, zeros) for axis in (None, 0, 1)),
    call(zeros * (1 + 0.5j), axis=1),
    call(onp.zeros(3)),
    call(onp.zeros((0, 3)), axis=0),
    call(1.5),
]
_SUM_POINTS = [
    call(1.5),
    call(onp.array(1.5), axis=()),
    call(onp.array(1.5), axis=0, keepdims=True),
    call(onp.zeros((2, 0, 3)), axis=1),
    call(x, axis=onp.int64(1)),
    call(x, 1, float),
    call(x, where=[True, False, True]),
    call(x, dtype=int),
    call(onp.arange(6000.0) / 1000),
    call(onp.arange(6000.0).reshape(2, 3000) / 1000, axis=0),
]
_SPREAD_POINTS = [
    call(x, axis=(0, 1), keepdims=True),
    call(x * (1 + 2j), axis=1),
    call(onp.zeros((0, 3)), axis=1),
    call(x, dtype=int),
    call(x, 1, float),
    call(x, dtype=complex),
    call(x, mean=onp.array([[0.5 + 1j]])),
]
_EXTREME_POINTS = [call(1.5), call(onp.zeros((0, 3)), axis=1), call(onp.zeros((0, 3)), axis=0, initial=1.0)]

CASES = {
    np.sum: reduction(some(), "dtype", "keepdims", "where", "initial", examples=_SUM_POINTS),
    np.mean: reduction(
        some(several),
        "dtype",
        "keepdims",
        "where",
        least=1,
        examples=[*_SUM_POINTS[:2], *_SUM_POINTS[4:], call(onp.zeros((0, 3)), axis=1)],
    ),
    np.prod: reduction(
        some(), "dtype", "keepdims", "where", "initial", examples=[*_PRODUCT_POINTS, call(x, dtype=int)]
    ),
    np.var: spread(some(wide), examples=[*_SPREAD_POINTS, call(onp.ones((2, 3)), axis=0)]),
    np.std: spread(apart_wide | arrays(wide, distinct=True, complex=True), examples=_SPREAD_POINTS),
    np.max: reduction(
        distinct, "keepdims", "where", "initial", least=1, start=-5.0, examples=_EXTREME_POINTS
    ),
    np.amax: reduction(distinct, "keepdims", "where", "initial", least=1, start=-5.0),
    np.min: reduction(distinct, "keepdims", "where", "initial", least=1, start=5.0, examples=_EXTREME_POINTS),
    np.amin: reduction(distinct, "keepdims", "where", "initial", least=1, start=5.0),
    np.ptp: reduction(distinct, "keepdims", examples=[call(1.5)]),
    np.median: reduction(apart, "keepdims", examples=[call(1.5), call(x, axis=(0, 1)), call(x[0])]),
    np.cumsum: running(examples=[*_RUNNING_POINTS, call(x, dtype=int)]),
    np.cumprod: running(examples=[*_RUNNING_POINTS, call(x, dtype=int)]),
    difference: of_array(
        lambda draw, x: ((), maybe(draw, n=draw(st.integers(0, 4)), axis=axis_of(draw, x))),
        "n",
        "axis",
        min_dims=1,
    ),
    np.nansum: reduction(
        _with_nans(some()), "dtype", "keepdims", "where", "initial", examples=[call(nans, axis=0), call(NAN)]
    ),
    np.nanprod: reduction(
        _with_nans(some()),
        "dtype",
        "keepdims",
        "where",
        "initial",
        examples=[call(nans, axis=0), call(nans * zeros), call(nans * single_zero, axis=1)],
    ),
    np.nanmean: reduction(
        some(several),
        "dtype",
        "keepdims",
        "where",
        least=1,
        examples=[call(nans, axis=0), call(nans, axis=1, where=x < 2, keepdims=True)],
    ),
    np.nanvar: spread(_with_nans(some(wide)), examples=[call(nans, axis=1), call(nans)]),
    np.nanstd: spread(_with_nans(apart_wide), examples=[call(nans, axis=1), call(nans)]),
    np.nanmedian: reduction(
        apart, "keepdims", examples=[call(nans, axis=1), call(nans), call(nans, axis=0, keepdims=True)]
    ),
    np.nanmax: reduction(
        distinct,
        "keepdims",
        "where",
        "initial",
        least=1,
        start=-5.0,
        examples=[call(nans, axis=1), call(nans, initial=3.0)],
    ),
    np.nanmin: reduction(
        distinct,
        "keepdims",
        "where",
        "initial",
        least=1,
        start=5.0,
        examples=[call(nans, axis=1), call(nans, initial=-3.0)],
    ),
    np.nancumsum: running(x=_with_nans(some()), examples=[call(nans, axis=1)]),
    np.nancumprod: running(x=_with_nans(some()), examples=[call(nans, axis=1), call(nans * zeros, axis=0)]),
}

if hasattr(np, "cumulative_sum"):
    CASES[np.cumulative_sum] = cumulative
    CASES[np.cumulative_prod] = cumulative


# --- what is made of other functions


@st.composite
def _average(draw):
    a = draw(some(shapes(3, min_dims=1, min_side=1)))
    axis = _axis(draw, a) or None
    kwargs = {"axis": axis} | maybe(draw, returned=True, keepdims=draw(st.booleans()))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if draw(st.booleans()):
        partly = axis is not None and draw(st.booleans())
        kwargs["weights"] = draw(arrays(tuple(a.shape[n] for n in axes) if partly else a.shape, 0.5, 2.0))
    return Call((a,), kwargs)


@st.composite
def _diff(draw):
    a = draw(some(shapes(3, min_dims=1)))
    axis = axis_of(draw, a)
    shape = list(a.shape)
    shape[axis] = draw(st.integers(1, 2))
    ends = numbers | arrays(tuple(shape))
    return Call(
        (a,), maybe(draw, n=draw(st.integers(0, 3)), prepend=draw(ends), append=draw(ends)) | {"axis": axis}
    )


@st.composite
def _trapezoid(draw):
    y = draw(some(shapes(3, min_dims=1, min_side=2)))
    axis = axis_of(draw, y)
    n = y.shape[axis]
    spacing = tuple(size - (k == axis % y.ndim) for k, size in enumerate(y.shape))
    kinds = {
        "none": {},
        "number": {"dx": 0.5},
        "array": {"dx": draw(arrays(spacing))},
        "points": {"x": draw(arrays((n,)))},
        "grid": {"x": draw(arrays(y.shape))},
    }
    return Call((y,), {"axis": axis} | kinds[draw(st.sampled_from(sorted(kinds)))])


@st.composite
def _ediff1d(draw):
    a = draw(some())
    ends = arrays(shapes(2)) | numbers
    return Call((a,), maybe(draw, to_begin=draw(ends), to_end=draw(ends)))


COMPOSITES = {
    np.average: Case(
        _average(),
        frozenset({"axis", "weights", "returned", "keepdims"}),
        (call(x, weights=[1.0, 2.0, 3.0], axis=1), call(2.0), call(x, weights=2.0 * x, returned=True)),
    ),
    np.diff: Case(_diff(), frozenset({"n", "axis", "prepend", "append"})),
    np.ediff1d: Case(
        _ediff1d(),
        frozenset({"to_begin", "to_end"}),
        (call([1.0, 4.0, 9.0], 0.5, [1.0, 2.0]), call(1.5), call(x * 1j, to_end=2j), call(onp.zeros(0))),
    ),
    np.trapezoid: Case(
        _trapezoid(),
        frozenset({"x", "dx", "axis"}),
        (
            call([1.0, 2.0, 4.0], [0.0, 0.5, 2.0]),
            call(x[0], x + onp.arange(3.0)),
            call(onp.stack([x, x**2]), x, axis=-2),
            call(x, x[0], dx=5.0),
            call(onp.arange(3), x[0]),
            call(x, None, [[1.0], [2.0]]),
            call(x[:, :1]),
        ),
    ),
}


# --- conventions: ties share equally, no spread leads nowhere

tied = onp.array([[1.0, 2.0, 2.0], [2.0, 0.0, 0.0]])
third = 1 / 3
missing, known = onp.array([NAN, 0.0, NAN]), onp.array([False, True, False])


def _known_alone(f):
    """Σ of what is known: in the second row is one element, too few for its variance."""
    known = onp.array([[True, True, True], [True, False, False]])

    def of_rows(x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, of too few degrees of freedom
            return np.where([True, False], f(x, axis=1, ddof=1, where=known), 0)

    return of_rows


wide_known = onp.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
_OF_ROW = onp.array([[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])

KINKS = {
    "max of ties": (np.max, call(tied), 0, [[0, third, third], [third, 0, 0]]),
    "amax of ties": (np.amax, call(tied), 0, [[0, third, third], [third, 0, 0]]),
    "max of ties along an axis": (np.max, call(tied, axis=1), 0, [[0, 0.5, 0.5], [1, 0, 0]]),
    "max of ties with initial": (
        np.max,
        call(tied, axis=1, initial=2.0),
        0,
        [[0, third, third], [0.5, 0, 0]],
    ),
    "max below initial": (np.max, call(tied, initial=3.0), 0, onp.zeros((2, 3))),
    "max of chosen ties": (
        np.max,
        call(tied, where=tied != 1, initial=-1.0),
        0,
        [[0, third, third], [third, 0, 0]],
    ),
    "min of ties": (np.min, call(tied), 0, [[0, 0, 0], [0, 0.5, 0.5]]),
    "amin of ties": (np.amin, call(tied), 0, [[0, 0, 0], [0, 0.5, 0.5]]),
    "nanmax of ties": (np.nanmax, call(onp.array([1.0, NAN, 1.0])), 0, [0.5, 0, 0.5]),
    "nanmin of ties": (np.nanmin, call(onp.array([1.0, NAN, 1.0])), 0, [0.5, 0, 0.5]),
    "max of zeros": (np.max, call(onp.array([0.0, -0.0])), 0, [0.5, 0.5]),
    "ptp of a constant": (np.ptp, call(onp.ones(3)), 0, onp.zeros(3)),
    "ptp of ties": (np.ptp, call(onp.array([1.0, 1.0, 0.0])), 0, [0.5, 0.5, -1]),
    "median of ties": (np.median, call(onp.array([0.0, 1.0, 1.0, 2.0])), 0, [0, 0.5, 0.5, 0]),
    "median of a constant": (np.median, call(onp.ones(3)), 0, onp.full(3, third)),
    "std of a constant": (np.std, call(onp.ones((2, 3)), axis=1), 0, onp.zeros((2, 3))),
    "std of one element": (np.std, call(onp.ones(1)), 0, [0]),
    "std of a number": (np.std, call(2.0), 0, 0),
    "std of partly constant": (
        np.std,
        call(onp.array([[1.0, 1.0], [0.0, 2.0]]), axis=1),
        0,
        [[0, 0], [-0.5, 0.5]],
    ),
    "std of a constant whose mean is rounded": (np.std, call(onp.full(7, 0.1)), 0, onp.zeros(7)),
    "std of a number that dtype rounds": (np.std, call(onp.array(0.1), dtype="f4"), 0, 0),
    "std of numbers that dtype rounds": (np.std, call(onp.full(2, 0.1), dtype="f4"), 0, [0, 0]),
    "std of such columns": (
        np.std,
        call(onp.array([[0.1, 1.0]] * 6 + [[0.1, 3.0]]), axis=(-2,), keepdims=True),
        0,
        onp.array([[0, -2.0]] * 6 + [[0, 12.0]]) / (7 * 24**0.5),
    ),
    "nanstd of such numbers": (np.nanstd, call(onp.array([0.1] * 7 + [NAN])), 0, onp.zeros(8)),
    "std of such complex numbers": (np.std, call(onp.full(7, 0.1 + 0.3j)), 0, onp.zeros(7)),
    "std of such numbers, in part": (
        np.std,
        call(onp.array([0.1] * 7 + [9.0]), where=onp.arange(8) < 7),
        0,
        onp.zeros(8),
    ),
    "var of too few, of no account": (_known_alone(np.var), call(wide_known), 0, _OF_ROW),
    "std of too few, of no account": (_known_alone(np.std), call(wide_known), 0, _OF_ROW / 2.0),
    "nanvar of too few, of no account": (_known_alone(np.nanvar), call(wide_known), 0, _OF_ROW),
    "nanstd of too few, of no account": (
        _known_alone(np.nanstd),
        call(wide_known),
        0,
        _OF_ROW / 2.0,
    ),
    "std from a given mean": (np.std, call(onp.ones(3), mean=onp.ones(1)), 0, onp.zeros(3)),
    "nanstd of a constant": (np.nanstd, call(onp.array([1.0, NAN, 1.0])), 0, onp.zeros(3)),
    "prod of tiny factors": (np.prod, call(tiny), 0, [6e-200, 3e-200, 0]),
    "sum without a nan": (lambda x: np.sum(np.exp(x), where=known), call(missing), 0, [0, 1, 0]),
    "mean without a nan": (lambda x: np.mean(np.exp(x), where=known), call(missing), 0, [0, 1, 0]),
    "var without a nan": (lambda x: np.var(np.exp(x), where=known), call(missing), 0, [0, 0, 0]),
    "prod without a nan": (lambda x: np.prod(np.exp(x), where=known), call(missing), 0, [0, 1, 0]),
    "nansum of nans": (lambda x: np.nansum(np.exp(x)), call(missing), 0, [0, 1, 0]),
    "nanstd of one number": (lambda x: np.nanstd(np.exp(x)), call(missing), 0, [0, 0, 0]),
}

"""Where to draw the arguments of funad.numpy.statistics from."""

import hypothesis.strategies as st
import numpy as onp

import funad.numpy as np
from funad.numpy.statistics import counts
from funad.testing import Call, Case, arrays, call, shapes

from .manipulation import axis_of, maybe, numbers, some


@st.composite
def _bincount(draw):
    shape = (draw(st.integers(0, 5)),)
    x = [draw(st.integers(0, 4)) for _ in range(shape[0])]
    x = onp.array(x, int) if not x or draw(st.booleans()) else x
    weights, more = draw(arrays(shape)), maybe(draw, minlength=draw(st.integers(0, 7)))
    return Call((x,), {"weights": weights, **more}) if draw(st.booleans()) else Call((x, weights), more)


def _bins(draw, number=True):
    """Draw the bins of data between -2 and 2: some of it may be outside."""
    edges = onp.sort(draw(arrays((draw(st.integers(2, 5)),), -1.9, 1.9, distinct=True, layout=False)))
    return draw(st.sampled_from([draw(st.integers(1, 4)), edges, list(edges)] if number else [edges]))


@st.composite
def _counts(draw):
    a = draw(arrays(shapes(2, 1)))
    bins = _bins(draw)
    return Call((a, bins, draw(st.sampled_from([None, (-1.0, 1.5)])), draw(some(a.shape))))


data = onp.array([0.1, 1.9, 0.7, 0.75, 2.4, 1.9])
w = onp.array([1.0, -0.5, 2.0, 0.25, 1.5, 3.0])

CASES = {
    np.bincount: Case(
        _bincount(), frozenset({"weights", "minlength"}), (call([0, 3, 3, 1], [1.0, 2.0, 0.5, -1.0], 6),)
    ),
    counts: Case(
        _counts(),
        examples=(
            call(data, [0.1, 0.7, 0.7, 1.9], None, w),
            call(data, 3, None, w),
            call(onp.array([0.5, onp.nan]), [0.0, 1.0], None, w[:2]),
        ),
    ),
}


# --- what is made of other functions


@st.composite
def _variables(draw, least):
    """Draw one or two groups of variables, of so many observations at least."""
    rows, n = draw(st.integers(1, 3)), draw(st.integers(least, 5))
    shape = draw(st.sampled_from([(rows, n), (n,)]))
    m = draw(some(shape, distinct=True))
    kwargs = {}
    if draw(st.booleans()):
        kwargs["y"] = draw(some(draw(st.sampled_from([(2, n), (n,)])), distinct=True))
    if len(shape) == 2 and draw(st.booleans()):
        kwargs = {name: x.T if x.ndim == 2 else x for name, x in kwargs.items()} | {"rowvar": False}
        m = m.T
    return Call((m,), kwargs), n


@st.composite
def _covariance(draw):
    at, n = draw(_variables(2))
    more = maybe(draw, bias=draw(st.booleans()), ddof=draw(st.sampled_from([0, 1])))
    if draw(st.booleans()):
        more["aweights"] = draw(arrays((n,), 0.5, 2.0))
    if draw(st.booleans()):
        more["fweights"] = onp.array([draw(st.integers(1, 3)) for _ in range(n)])
    return Call(at.args, at.kwargs | more)


samples = onp.array([[1.0, 0.5, -0.3, 2.0], [0.25, -1.0, 0.7, 1.5]])
_COVARIANCES = [
    call(samples),
    call(samples[0]),
    call(samples[:1], rowvar=False, ddof=0),
    call(samples, samples[::-1] ** 2, rowvar=False),
    call(samples * (1 + 1j), samples[0], aweights=[1.0, 0.5, 2.0, 0.1]),
    call(samples, aweights=w[:4] ** 2, fweights=[1, 2, 0, 3], ddof=0),
    call(samples, dtype=onp.float64),
    call(samples.tolist(), samples[0].tolist()),
    call(onp.zeros((0, 3))),
]


def _inside(draw, n):
    """Draw n numbers, and bins between which they stay when either moves a little."""
    a = draw(arrays((n,), distinct=True, layout=False))
    kind = draw(st.sampled_from(["data", "range", "edges"]))
    bins, ends = draw(st.integers(1, 4)), None
    if kind == "edges":
        bins = onp.sort(draw(arrays((draw(st.integers(2, 5)),), -1.9, 1.9, distinct=True, layout=False)))
    if kind == "range":
        ends = (draw(st.floats(-2.5, -1.0)), draw(st.floats(0.5, 2.5)))
    edges = onp.histogram_bin_edges(a, bins, ends)
    near = onp.min(onp.abs(a[:, None] - edges), axis=1) < 0.03
    if kind == "data":
        near[[onp.argmin(a), onp.argmax(a)]] = False  # they are the ends
    return onp.where(near, onp.mean(edges[:2]), a), bins, ends


@st.composite
def _histogram(draw):
    n = draw(st.integers(4, 7))
    a, bins, ends = _inside(draw, n)
    if n % 2 == 0 and draw(st.booleans()):
        a = a.reshape(2, -1)
    weights = draw(arrays(a.shape, 0.5, 2.0) | arrays(a.shape, 0.5, 2.0, complex=True))
    return Call((a, bins), maybe(draw, density=draw(st.booleans()), weights=weights) | {"range": ends})


@st.composite
def _bin_edges(draw):
    a, bins, ends = _inside(draw, draw(st.integers(5, 7)))
    if ends is None and not isinstance(bins, onp.ndarray) and draw(st.booleans()):
        bins = draw(st.sampled_from(["sqrt", "sturges"]))  # of 5 to 7 numbers, both are no whole number
    return Call((a, bins), {"range": ends} | maybe(draw, weights=None))


def _of_several(join):
    """Return the case of a histogram in several dimensions; ``join`` makes its first arguments."""

    @st.composite
    def drawn(draw):
        n, ndim = draw(st.integers(4, 6)), 2 if join is None else draw(st.integers(1, 3))
        columns, bins, ends = map(list, zip(*(_inside(draw, n) for _ in range(ndim)), strict=True))
        more = maybe(draw, density=draw(st.booleans()), weights=draw(arrays((n,), 0.5, 2.0)))
        more |= {"bins": bins} | ({} if ends == [None] * ndim else {"range": ends})
        if more.get("density") and not onp.any(onp.histogramdd(columns, bins, ends)[0]):
            del more["density"]
        return Call(tuple(columns) if join is None else (join(columns),), more)

    return drawn()


HISTOGRAM = frozenset({"bins", "range", "density", "weights"})

COMPOSITES = {
    np.cov: Case(
        _covariance(),
        frozenset({"y", "rowvar", "bias", "ddof", "fweights", "aweights", "dtype"}),
        tuple(_COVARIANCES),
    ),
    np.corrcoef: Case(
        _variables(3).map(lambda drawn: drawn[0]),
        frozenset({"y", "rowvar", "dtype"}),
        (
            call(samples),
            call(samples[0]),
            call(samples, -samples[0]),
            call(samples * (1 + 2j), dtype=complex),
            call(samples.tolist()),
        ),
    ),
    np.histogram: Case(
        _histogram(),
        HISTOGRAM,
        (
            call(data, 4, density=True, weights=w**2),
            call(data, [0.0, 1.0, 1.5, 3.0], density=True),
            call(onp.zeros(0), 3),
            call(onp.array([1.0]), 3, density=True),
            call(data.tolist(), (0.0, 1.0, 2.0), weights=w.tolist()),
        ),
    ),
    np.histogram_bin_edges: Case(
        _bin_edges(), HISTOGRAM, (call(data, "sqrt"), call(onp.array([1.0]), 2), call(data))
    ),
    np.histogramdd: Case(
        _of_several(lambda columns: onp.stack(columns, 1)) | _of_several(list),
        HISTOGRAM,
        (
            call(onp.stack([data, w], 1), 2, density=True),
            call([data, w], [2, [-1.0, 0.2, 4.0]], weights=w),
            call(onp.stack([data, w], 1), (2, 3), [(0.0, 1.0), None], weights=w),
            call(data.reshape(6, 1), [2]),
        ),
    ),
    np.histogram2d: Case(
        _of_several(None),
        HISTOGRAM,
        (
            call(data, w, 3, weights=w**2, density=True),
            call(data, w, [0.0, 0.5, 1.2, 3.3]),
            call(data.tolist(), w, [[0.0, 1.0, 2.5], 2], [None, [-1.0, 2.6]]),
            call(data, w, 2, [[-0.1, 3.2], [-1.1, 2.6]], weights=w**2),
        ),
    ),
}

# --- conventions: ties share the edge equally

KINKS = {
    "bin edges of ties": (np.histogram_bin_edges, call(onp.array([0.0, 2.0, 2.0]), 1), 0, [1, 0.5, 0.5]),
    "bin edges of a constant": (np.histogram_bin_edges, call(onp.ones(2), 2), 0, [1.5, 1.5]),
    "weights on the edges": (
        lambda w: np.histogram([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0], weights=w)[0] * onp.array([1.0, 5.0]),
        call(onp.ones(4)),
        0,
        [1, 5, 5, 0],
    ),
    "correlation with itself": (np.corrcoef, call(onp.array([[1.0, 2.0, 4.0]] * 2)), 0, onp.zeros((2, 3))),
}

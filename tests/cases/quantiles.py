"""Where to draw the arguments of funad.numpy.quantiles from."""

import hypothesis.strategies as st
import numpy as onp

import funad.numpy as np
from funad.testing import Call, Case, arrays, call, shapes

from .manipulation import axes_of, axis_of, maybe

NAN = float("nan")
METHODS = """
    inverted_cdf averaged_inverted_cdf closest_observation interpolated_inverted_cdf hazen weibull
    linear median_unbiased normal_unbiased lower higher midpoint nearest
"""
KEYWORDS = frozenset({"axis", "method", "keepdims", "weights"})


def _smooth(f, a, percent, kwargs):
    """The q between 0 and 1 around which no quantile of a comes from another pair of elements."""
    q = onp.linspace(0.04, 0.96, 47)
    ranks = onp.where(onp.isnan(a), onp.nan, onp.argsort(onp.argsort(a, axis=None)).reshape(a.shape))
    at = [f(ranks, percent * (q + 0.03 * side), **kwargs).reshape(q.size, -1) for side in (-1, 0, 1)]
    same = (onp.abs(at[0] - 2 * at[1] + at[2]) < 1e-9) & (onp.floor(at[0]) == onp.floor(at[2]))
    straight = onp.all(same, axis=1)
    return percent * q[straight] if onp.any(straight) else percent * q[23:24]


def quantile(f, percent=1, missing=False, examples=()):
    """Return the case of one of NumPy's quantiles."""

    @st.composite
    def drawn(draw):
        a = onp.array(draw(arrays(shapes(2, 1, 1), distinct=True)))
        if missing and a.size > 3:
            a.reshape(-1)[draw(st.integers(0, 2)) :: draw(st.integers(3, 5))] = NAN
        axis = draw(st.none() | st.just(axis_of(draw, a)) | st.just(axes_of(draw, a) or None))
        if missing and onp.any(onp.all(onp.isnan(a), axis=axis)):
            axis = None
        kwargs = {"axis": axis} | maybe(
            draw, method=draw(st.sampled_from(METHODS.split())), keepdims=draw(st.booleans())
        )
        if draw(st.integers(0, 3)) == 0:
            partly = isinstance(axis, int) and not missing and draw(st.booleans())  # NumPy fails where it is
            shape = a.shape[axis] if partly else a.shape
            kwargs |= {"method": "inverted_cdf", "weights": draw(arrays(shape, 0.5, 2.0))}
        smooth = _smooth(f, a, percent, kwargs | {"keepdims": False})
        shape = draw(st.sampled_from([(), (1,), (2,), (2, 2), (0,)]))
        several = [draw(st.sampled_from(list(smooth))) for _ in range(int(onp.prod(shape)))]
        q = onp.reshape(onp.array(several, float), shape)[()]
        return Call((a, draw(st.just(q) | st.just(float(q))) if shape == () else q), kwargs)

    return Case(drawn(), KEYWORDS, tuple(examples))


x = onp.array([[1.5, -0.5, 2.0, 0.3], [0.25, -1.0, 0.75, 4.0]])
nans = onp.array([[1.5, NAN, 2.0, NAN], [0.25, -1.0, NAN, 3.0], [0.5, NAN, NAN, NAN]])
deep = onp.sin(onp.arange(24.0)).reshape(2, 3, 4)

_POINTS = [
    *(call(x, [0.24, 0.45], axis=1, method=method) for method in METHODS.split()),
    call(deep, 0.6, axis=(2, 0), keepdims=True),
    call(deep, [0.3, 0.6], axis=(-1, 1), weights=1.1 + deep, method="inverted_cdf"),
    call(1.5, 0.3),
    call([1.5, 0.5, 3.0], 0.3),
    call(onp.array([2.0]), onp.array([0.2, 0.9])),
    call(onp.zeros((0, 3)), 0.5, axis=1),
]

CASES = {
    np.quantile: quantile(onp.quantile, examples=_POINTS),
    np.percentile: quantile(
        onp.percentile, 100, examples=[call(x, 43), call(x, [20.0, 71.0], axis=0), call(deep, 60.0, axis=-1)]
    ),
    np.nanquantile: quantile(
        onp.nanquantile,
        missing=True,
        examples=[
            *(call(nans, [0.24, 0.43], axis=1, method=method) for method in METHODS.split()),
            call(nans, 0.3, axis=1, weights=nans**2 + 0.5, method="inverted_cdf"),
        ],
    ),
    np.nanpercentile: quantile(
        onp.nanpercentile, 100, missing=True, examples=[call(nans, 43.0, axis=1, keepdims=True)]
    ),
}

tied = onp.array([0.0, 1.0, 1.0, 2.0])
third = 1 / 3

# Equal elements share what falls to one of them. A change of q is one within [0, 1]: the derivative at
# its ends is that towards the inside, and where two lines meet it is that towards larger q.
KINKS = {
    "quantile of ties": (np.quantile, call(tied, 0.5), 0, [0, 0.5, 0.5, 0]),
    "quantile between ties": (np.quantile, call(tied, 0.75), 0, [0, 0.375, 0.375, 0.25]),
    "quantile of a constant": (np.quantile, call(onp.ones(3), 0.5), 0, [third] * 3),
    "quantiles of ties": (np.quantile, call(tied, [0.5, 1.0]), 0, [0, 0.5, 0.5, 1]),
    "quantile at an element": (np.quantile, call(onp.array([2.0, 0.0, 3.0]), 0.5), 0, [1, 0, 0]),
    "quantile 0 in q": (np.quantile, call(onp.array([2.0, 0.0, 3.0]), 0.0), 1, 4.0),
    "quantile 1 in q": (np.quantile, call(onp.array([2.0, 0.0, 3.0]), 1.0), 1, 2.0),
    "quantile at an element in q": (np.quantile, call(onp.array([2.0, 0.0, 3.0]), 0.5), 1, 2.0),
    "quantile beyond the ends in q": (
        lambda a, q: np.quantile(a, q, method="weibull"),
        call(onp.array([2.0, 0.0, 3.0]), 0.9),
        1,
        0,
    ),
    "quantile of a nan": (
        np.quantile,
        call(onp.array([[1.0, NAN], [1.0, 2.0]]), 0.5, axis=1),
        0,
        [[NAN, NAN], [0.5, 0.5]],
    ),
    "percentile of ties": (np.percentile, call(tied, 50), 0, [0, 0.5, 0.5, 0]),
    "nanquantile of one number": (np.nanquantile, call(onp.array([NAN, 1.0]), 0.3), 0, [0, 1]),
    "nanpercentile of ties": (np.nanpercentile, call(onp.array([1.0, NAN, 1.0]), 30), 0, [0.5, 0, 0.5]),
}

"""The rules of the distances of all pairs of points.

They are sums of differences of coordinates, so that no digit is lost where points are near to each other; the
differences are made of some points at a time, so that no array is larger than the matrix of distances.
"""

import numpy as onp

from ... import numpy as np
from ...defining import defvjp
from ...values import shape_of
from ..spatial import distance, pairs


def _pull(y, ybar, a, b, metric):
    """ā of the distances of a[i] and b[j]."""
    if metric == "euclidean":
        return pairs.moments(ybar / y, a, b, False)
    if metric == "sqeuclidean":
        return pairs.moments(2 * ybar, a, b, False)
    if metric == "cityblock":
        return pairs.moments(ybar, a, b, True)
    differences = [a[:, k, None] - b[:, k] for k in range(shape_of(a)[1])]
    largest = [np.equal(np.abs(d), y) for d in differences]  # equal ones share, as those of max
    share = ybar / np.maximum(sum(largest), 1)
    columns = [
        np.where(found, share * np.sign(d), 0.0) for found, d in zip(largest, differences, strict=True)
    ]
    return np.sum(np.stack(columns, -1), 1)


def _wrt_a(y, ybar, a, b, metric):
    return _pull(y, ybar, a, b, metric)


def _wrt_b(y, ybar, a, b, metric):
    return _pull(y.T, ybar.T, b, a, metric)


def _within(y, ybar, x, metric):
    """As of all pairs, of which each is counted once: of i and j, and of j and i."""
    n = shape_of(x)[0]
    if n < 2:
        return np.zeros((n, shape_of(x)[1]))
    return _pull(distance.squareform(y) + onp.eye(n), distance.squareform(ybar), x, x, metric)


defvjp(pairs.distances, _wrt_a, _wrt_b)
defvjp(pairs.distances_within, _within)


# --- sums of differences: wᵢⱼ (aᵢ - bⱼ) over j, and vᵢ·(aᵢ - bⱼ), of which each is the other's transpose


defvjp(
    pairs.moments,
    lambda y, ybar, weights, a, b, signs: pairs.shadows(ybar, a, b, signs),
    lambda y, ybar, weights, a, b, signs: (
        np.zeros_like(a) if signs else ybar * np.sum(weights, 1, keepdims=True)
    ),
    lambda y, ybar, weights, a, b, signs: np.zeros_like(b) if signs else -np.matmul(weights.T, ybar),
)
defvjp(
    pairs.shadows,
    lambda y, ybar, v, a, b, signs: pairs.moments(ybar, a, b, signs),
    lambda y, ybar, v, a, b, signs: np.zeros_like(a) if signs else v * np.sum(ybar, 1, keepdims=True),
    lambda y, ybar, v, a, b, signs: np.zeros_like(b) if signs else -np.matmul(ybar.T, v),
)

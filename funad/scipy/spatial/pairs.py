"""Distances of all pairs of points, written with traced functions: one formula per metric.

A formula takes points u and v that broadcast, with the coordinates along the last axis, and the weights w,
which may be None, beside the parameters of its metric.
"""

import numpy as onp
from scipy.spatial import distance

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...primitives import primitive
from ...transforms.closures import plain_of
from .. import special
from ..compiled import is_traced

__all__ = [
    "DIRECT",
    "distances",
    "distances_within",
    "minkowski",
    "moments",
    "of_all",
    "of_one",
    "shadows",
]


def _sum(x, w):
    return np.sum(x if w is None else w * x, axis=-1)


def _euclidean(u, v, w=None):
    return np.linalg.norm(u - v if w is None else np.sqrt(w) * (u - v), axis=-1)


def minkowski(u, v, p=2.0, w=None):
    """The distance (Σ w |u - v|ᵖ)^(1/p), the largest difference for p = ∞."""
    if not is_traced(p) and p == onp.inf:
        return _chebyshev(u, v, w)
    if not is_traced(p) and p == 2:
        return _euclidean(u, v, w)
    d = np.abs(u - v)
    if is_traced(p) or onp.all(onp.any(plain_of(d) != 0, axis=-1)):
        return _sum(d**p, w) ** (1 / p)
    return np.linalg.norm((u - v if w is None else w ** (1 / p) * (u - v)), p, axis=-1)


def _chebyshev(u, v, w=None):
    d = np.abs(u - v)
    return np.max(d if w is None else d[..., plain_of(w) > 0], axis=-1)


def _seuclidean(u, v, V, w=None):
    return _euclidean(u, v, 1 / V if w is None else w / V)


def _mahalanobis(u, v, VI):
    """√(dᵀ V⁻¹ d); where points coincide, the norm of Lᵀ d with V⁻¹ = L Lᵀ, whose kink is known."""
    d = u - v
    if onp.all(onp.any(plain_of(d) != 0, axis=-1)):
        return np.sqrt(np.sum(np.matmul(d, VI) * d, axis=-1))
    return np.linalg.norm(np.matmul(d, np.linalg.cholesky((VI + VI.T) / 2)), axis=-1)


def _cosine(u, v, w=None):
    return 1.0 - _sum(u * v, w) / np.sqrt(_sum(u * u, w) * _sum(v * v, w))


def _correlation(u, v, w=None, centered=True):
    if not centered:
        return _cosine(u, v, w)
    total = u.shape[-1] if w is None else np.sum(w)
    return _cosine(u - (_sum(u, w) / total)[..., None], v - (_sum(v, w) / total)[..., None], w)


def _canberra(u, v, w=None):
    below = np.abs(u) + np.abs(v)
    empty = plain_of(below) == 0
    return _sum(np.where(empty, 0.0, np.abs(u - v) / np.where(empty, 1.0, below)), w)


def _braycurtis(u, v, w=None):
    return _sum(np.abs(u - v), w) / _sum(np.abs(u + v), w)


def _jensenshannon(u, v, base=None):
    """Where distributions coincide, Σ d²/8m to second order, so that the norm's kink is the right one."""
    p, q = (x / np.sum(x, axis=-1, keepdims=True) for x in (u, v))
    m = (p + q) / 2
    scale = 1.0 if base is None else 1 / onp.log(base)
    half = np.sum(special.rel_entr(p, m) + special.rel_entr(q, m), axis=-1) * scale / 2
    same = onp.all(plain_of(p) == plain_of(q), axis=-1)
    if not onp.any(same):
        return np.sqrt(half)
    near = np.linalg.norm((p - q) * np.sqrt(scale / (8 * np.where(plain_of(m) == 0, 1.0, m))), axis=-1)
    return np.where(same, near, np.sqrt(np.where(same, 1.0, half)))


_FORMULAS = {
    "braycurtis": _braycurtis,
    "canberra": _canberra,
    "chebyshev": _chebyshev,
    "cityblock": lambda u, v, w=None: _sum(np.abs(u - v), w),
    "correlation": _correlation,
    "cosine": _cosine,
    "euclidean": _euclidean,
    "jensenshannon": _jensenshannon,
    "mahalanobis": _mahalanobis,
    "minkowski": minkowski,
    "seuclidean": _seuclidean,
    "sqeuclidean": lambda u, v, w=None: _sum((u - v) ** 2, w),
}


def _with_defaults(metric, points, options):
    """Return the parameters of a metric, those that SciPy takes from the points included."""
    options = {name: x if name == "centered" or x is None else np.asarray(x) for name, x in options.items()}
    options = {name: x for name, x in options.items() if x is not None}
    if metric == "seuclidean" and "V" not in options:
        options["V"] = np.var(points, axis=0, ddof=1)
    if metric == "mahalanobis" and "VI" not in options:
        options["VI"] = np.linalg.inv(np.atleast_2d(np.cov(points.T))).T
    return options


def of_all(metric, a, b, options):
    """Return the distance of each point of a, (m, n), and each of b: (m, k)."""
    formula = _formula(metric)
    points = np.concatenate([a, b]) if metric in ("seuclidean", "mahalanobis") else None
    return formula(a[:, None], b[None], **_with_defaults(metric, points, options))


def of_one(metric, x, first, second, options):
    """Return the distance of each pair of points of x."""
    return _formula(metric)(x[first], x[second], **_with_defaults(metric, x, options))


def _formula(metric):
    try:
        return _FORMULAS[metric]
    except KeyError:
        raise NotDifferentiableError(
            f"the metric {metric} of scipy.spatial.distance has no derivative here"
        ) from None


# --- the plain metrics of many points: primitives, whose rules take one coordinate at a time

DIRECT = frozenset({"chebyshev", "cityblock", "euclidean", "sqeuclidean"})


def _part_of(name):
    """Make the decorated function a primitive that messages call by a name of scipy.spatial.distance."""
    return lambda f: primitive(f, f"scipy.spatial.distance.{name}")


@_part_of("cdist")
def distances(a, b, metric):
    return distance.cdist(a, b, metric)


@_part_of("pdist")
def distances_within(x, metric):
    return distance.pdist(x, metric)


_BLOCK = 1 << 15  # numbers at a time, which stay in the cache


def _blocks(a, b, signs):
    """Iterate over the differences of one coordinate, or their signs, of some points of a and all of b."""
    step = max(1, _BLOCK // max(1, len(b)))
    columns = onp.ascontiguousarray(b.T)
    for start in range(0, len(a), step):
        rows = slice(start, start + step)
        for k, column in enumerate(columns):
            d = a[rows, k, None] - column
            yield rows, k, onp.sign(d) if signs else d


@_part_of("cdist")
def moments(weights, a, b, signs):
    """Σⱼ weights[i, j] (a[i] - b[j]), or of the signs of the differences: (points of a, coordinates)."""
    found = onp.zeros((len(a), b.shape[1]), onp.result_type(weights, a, b))
    for rows, k, d in _blocks(a, b, signs):
        found[rows, k] = onp.einsum("ij,ij->i", weights[rows], d)
    return found


@_part_of("cdist")
def shadows(v, a, b, signs):
    """v[i] · (a[i] - b[j]), or of the signs of the differences: (points of a, points of b)."""
    found = onp.zeros((len(a), len(b)), onp.result_type(v, a, b))
    for rows, k, d in _blocks(a, b, signs):
        found[rows] += v[rows, k, None] * d
    return found

"""Interpolation between scattered points: SciPy's triangles and neighbours, and traced formulas.

In which triangle a point lies, and which points are neighbours, jumps; between the jumps they are constant.
"""

import numpy as onp
from scipy import interpolate as _interpolate
from scipy import spatial

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms.closures import attached, plain_of
from ..compiled import agreeing, gathered, is_traced, on_plain, scattered

__all__ = ["CloughTocher2DInterpolator", "LinearNDInterpolator", "NearestNDInterpolator"]


def points_of(points, ndim=None):
    """Return points with their coordinates along the last axis, of one array or of one per coordinate."""
    if isinstance(points, tuple) and len(points) == 1:
        points = points[0]
    if isinstance(points, tuple):
        return np.stack(np.broadcast_arrays(*map(np.asarray, points)), -1) * 1.0
    points = np.asarray(points)
    return np.reshape(points, (-1, 1 if ndim is None else ndim)) if points.ndim == 1 else points


class _Scattered:
    """What interpolators of scattered points have in common: SciPy's own, and the traced data."""

    name: str

    def __init__(self, points, values, *args, **kwargs):
        if is_traced(*args, *kwargs.values()):
            raise NotDifferentiableError(
                f"scipy.interpolate.{self.name} has no derivative in its options, fill_value say; leave that "
                f"out, and write np.where(np.isnan(y), fill_value, y)"
            )
        triangles = isinstance(points, spatial.Delaunay)
        given = points if triangles else points_of(points)
        kind = getattr(_interpolate, self.name)
        self._theirs = kind(
            given if triangles else plain_of(given), plain_of(np.asarray(values)), *args, **kwargs
        )
        self._points = points.points if triangles else given
        self._values = np.asarray(values)

    def __getattr__(self, name):
        if name.startswith("__") or name == "_theirs":
            raise AttributeError(name)
        return getattr(self._theirs, name)

    def __call__(self, *args, **kwargs):
        value = on_plain(self._theirs, *args, **kwargs)
        at = points_of(args if len(args) > 1 else args[0], self._points.shape[1])
        if not is_traced(self._points, self._values, at):
            return value
        found = self._found(
            np.reshape(at, (-1, at.shape[-1])) * 1.0, onp.reshape(value, (-1, *value.shape[at.ndim - 1 :]))
        )
        return attached(value, np.reshape(found, value.shape))

    def _triangles(self, at):
        """Return the triangle of each plain point, the first one where there is none, and which have one."""
        found = self._theirs.tri.find_simplex(at)
        return onp.maximum(found, 0), found >= 0

    def _scaled(self, at):
        """Return plain points as the triangles have them."""
        at, theirs = plain_of(at), self._theirs
        return at if theirs.scale is None else (at - theirs.offset) / theirs.scale


class NearestNDInterpolator(_Scattered):
    """``scipy.interpolate.NearestNDInterpolator``: constant around each point of the data."""

    name = "NearestNDInterpolator"

    def __call__(self, *args, **kwargs):
        value = on_plain(self._theirs, *args, **kwargs)
        if not is_traced(self._values):
            return value
        theirs = self._theirs
        marked = _interpolate.NearestNDInterpolator.__new__(_interpolate.NearestNDInterpolator)
        vars(marked).update(vars(theirs), values=onp.arange(len(theirs.values), dtype=float))
        places = on_plain(marked, *args, **kwargs)
        known = ~onp.isnan(places)
        found = np.reshape(self._values, theirs.values.shape)[onp.where(known, places, 0).astype(int)]
        known = known.reshape(*known.shape, *[1] * (found.ndim - known.ndim))
        return attached(value, np.where(known, found, onp.nan))


def _barycentric(corners, at):
    """Return the barycentric coordinates of points, (r, d), in triangles, (r, d + 1, d)."""
    last = corners[:, -1]
    edges = np.swapaxes(corners[:, :-1] - last[:, None], -1, -2)
    first = np.linalg.solve(edges, (at - last)[..., None])[..., 0]
    return np.concatenate([first, 1 - np.sum(first, axis=-1, keepdims=True)], axis=-1)


class LinearNDInterpolator(_Scattered):
    """``scipy.interpolate.LinearNDInterpolator``: linear in each triangle of the data."""

    name = "LinearNDInterpolator"

    def _found(self, at, value):
        triangle, inside = self._triangles(self._scaled(at))
        corners = self._theirs.tri.simplices[triangle]
        weights = _barycentric(self._points[corners], at)
        values = np.reshape(self._values, (self._values.shape[0], -1))
        if is_traced(weights):
            found = np.sum(weights[..., None] * values[corners], axis=1)
        else:
            found = gathered(values, corners, onp.asarray(weights))
        inside = inside[:, None] & ~onp.isnan(onp.reshape(value, found.shape))
        return np.where(inside, found, onp.reshape(value, found.shape))


class CloughTocher2DInterpolator(_Scattered):
    """``scipy.interpolate.CloughTocher2DInterpolator``: cubic in each third of a triangle."""

    name = "CloughTocher2DInterpolator"

    def _found(self, at, value):
        theirs = self._theirs
        points = self._points * 1.0
        if getattr(theirs, "scale", None) is not None:
            middle, spread = np.mean(points, axis=0), np.max(points, axis=0) - np.min(points, axis=0)
            points, at = (points - middle) / spread, (at - middle) / spread
        triangle, inside = self._triangles(plain_of(at))
        values = np.reshape(self._values, (self._values.shape[0], -1))
        slopes = gradients(points, values, theirs.tri.simplices)
        plain = onp.reshape(theirs.grad, (len(points), -1, 2))
        slopes = agreeing(f"scipy.interpolate.{self.name}", plain, slopes, "give it a smaller tol", 1e-3)
        found = _cubic(points, values, slopes, theirs.tri, triangle, at)
        whole = onp.reshape(value, found.shape)
        return np.where(inside[:, None] & ~onp.isnan(whole), found, whole)


def gradients(points, values, triangles):
    """Return the gradients at points that make the curves along all edges least bent: (points, columns, 2).

    Along an edge e of the length L, the cubic with slopes e·g and e·h at its ends has the energy
    4 (a² + ab + b² - 3 (a + b) Δ + 3 Δ²)/L³, a = e·g, b = e·h (Nielson 1983); the sum is the least where its
    derivatives in all gradients vanish: equations in as many unknowns.
    """
    n = len(points)
    pairs = onp.sort(
        onp.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1
    )
    i, j = onp.unique(pairs, axis=0).T
    edges = points[j] - points[i]
    weights = np.sum(edges**2, axis=1) ** -1.5
    blocks = np.reshape(weights[:, None, None] * edges[:, :, None] * edges[:, None, :], (-1, 4))
    rows = np.concatenate([2 * blocks, 2 * blocks, blocks, blocks])
    places = onp.concatenate([i * n + i, j * n + j, i * n + j, j * n + i])
    matrix = np.transpose(np.reshape(scattered(rows, places, n * n), (n, n, 2, 2)), (0, 2, 1, 3))
    rise = 3 * (weights[:, None] * (values[j] - values[i]))
    right = np.reshape(edges[:, :, None] * rise[:, None, :], (len(i), -1))
    right = scattered(np.concatenate([right, right]), onp.concatenate([i, j]), n)
    found = np.linalg.solve(np.reshape(matrix, (2 * n, 2 * n)), np.reshape(right, (2 * n, -1)))
    return np.transpose(np.reshape(found, (n, 2, -1)), (0, 2, 1))


def _crossings(points, tri, triangle, corners, opposite):
    """Return where lines between the centres of neighbours cross edges: 0 at the first end, 1 at the last.

    Where an edge has no neighbour, the middle of the edge.
    """
    beside = tri.neighbors[triangle, opposite]
    centre = np.mean(points[tri.simplices[onp.maximum(beside, 0)]], axis=1)
    of_centre = _barycentric(points[corners], centre)
    share = (1 / 3) / (1 / 3 - of_centre[:, 2])
    return np.where(beside < 0, 0.5, 1 / 3 + share * (of_centre[:, 1] - 1 / 3))


def _cubic(points, values, slopes, tri, triangle, at):
    """The cubic of Clough and Tocher (1965), in Bernstein's form on the third of a triangle with the point.

    Across an edge, the derivative towards the neighbour's centre is linear along the edge (Alfeld 1984).
    """
    simplices = tri.simplices[triangle]
    weights = _barycentric(points[simplices], at)
    nearest = onp.argmin(
        plain_of(weights), axis=1
    )  # the third lies opposite to the corner with the least weight
    order = (nearest[:, None] + onp.array([1, 2, 0])) % 3
    rows = onp.arange(len(triangle))[:, None]
    weights = weights[rows, order]
    turns = order, order[:, [1, 2, 0]], order[:, [2, 0, 1]]
    edge, second, third = (_third(points, values, slopes, tri, triangle, simplices, turn) for turn in turns)
    f1, b210, b120, f2, b201, b021, b111 = edge
    # Near the centre: means of the ordinates around, so that the thirds join smoothly.
    b102 = (b201 + b111 + third[6]) / 3
    b012 = (b021 + b111 + second[6]) / 3
    b_third = (second[5] + second[6] + third[6]) / 3
    b003 = (b102 + b012 + b_third) / 3
    c = 3 * weights[:, 2]
    a, b = (weights[:, 0] - weights[:, 2])[:, None], (weights[:, 1] - weights[:, 2])[:, None]
    c = c[:, None]
    outer = f1 * a**3 + 3 * a * b * (b210 * a + b120 * b) + f2 * b**3
    inner = 3 * c * (b201 * a**2 + 2 * b111 * a * b + b021 * b**2)
    return outer + inner + 3 * c**2 * (b102 * a + b012 * b) + b003 * c**3


def _third(points, values, slopes, tri, triangle, simplices, order):
    """Return the ordinates that one third of a triangle has along its edge, and next to it."""
    corners = simplices[onp.arange(len(simplices))[:, None], order]
    first, last, centre = points[corners[:, 0]], points[corners[:, 1]], np.mean(points[corners], axis=1)
    f1, f2, g1, g2 = (
        values[corners[:, 0]],
        values[corners[:, 1]],
        slopes[corners[:, 0]],
        slopes[corners[:, 1]],
    )

    def along(step, slope):
        return np.sum(step[:, None, :] * slope, axis=-1) / 3

    b210, b120 = f1 + along(last - first, g1), f2 + along(first - last, g2)
    b201, b021 = f1 + along(centre - first, g1), f2 + along(centre - last, g2)
    s = _crossings(points, tri, triangle, corners, order[:, 2])[:, None]
    ends = (1 - s) * (f1 + b120) + s * (b210 + f2) - b201 - b021
    b111 = (1 - s) * b210 + s * b120 - ends / 2
    return f1, b210, b120, f2, b201, b021, b111

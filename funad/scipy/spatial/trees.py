"""Neighbours and hulls: SciPy finds which points they are; distances and volumes are traced."""

import math

import numpy as onp
from scipy import spatial

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms.closures import attached, plain_of
from ..compiled import is_traced, on_plain
from .pairs import minkowski

__all__ = ["ConvexHull", "KDTree", "cKDTree"]


class _Neighbours:
    """What trees have in common: the nearest neighbours of traced points, among points that may be traced."""

    def __init__(self, data, *args, **kwargs):
        self._points = np.asarray(data) if is_traced(data) else None
        super().__init__(plain_of(data), *args, **kwargs)

    def query(self, x, k=1, eps=0.0, p=2.0, distance_upper_bound=onp.inf, workers=1):
        """Return the distances of the nearest neighbours, which may be traced, and their places."""
        points = getattr(self, "_points", None)
        find = super().query
        value, places = on_plain(
            find, x, k=k, eps=eps, p=p, distance_upper_bound=distance_upper_bound, workers=workers
        )
        if not is_traced(x, points):
            return value, places
        points = onp.asarray(self.data) if points is None else points
        x, known = np.asarray(x) * 1.0, onp.asarray(places) < self.n
        if onp.ndim(places) == x.ndim:  # several neighbours
            x = x[..., None, :]
        near = points[onp.where(known, places, 0)]
        found = attached(onp.where(known, value, 0.0)[()], np.where(known, minkowski(x, near, p), 0.0))
        return found if onp.all(known) else np.where(known, found, onp.inf), places


class KDTree(_Neighbours, spatial.KDTree):
    """``scipy.spatial.KDTree``, whose ``query`` takes traced points."""


class cKDTree(_Neighbours, spatial.cKDTree):
    """``scipy.spatial.cKDTree``, whose ``query`` takes traced points."""


_WHOLE = frozenset({"coplanar", "good", "ndim", "neighbors", "npoints", "nsimplex", "simplices", "vertices"})


class _Hull:
    """The hull of traced points: SciPy's own, with volume and area of the traced points."""

    def __init__(self, points, *args, **kwargs):
        self._theirs = on_plain(spatial.ConvexHull, points, *args, **kwargs)
        self.points = np.asarray(points) * 1.0

    def __getattr__(self, name):
        if name.startswith("__") or name == "_theirs":
            raise AttributeError(name)
        found = getattr(self._theirs, name)
        if name not in _WHOLE:
            raise NotDifferentiableError(
                f"scipy.spatial.ConvexHull.{name} has no derivative here; compute it with hull.points at "
                f"hull.simplices or hull.vertices"
            )
        return found

    @property
    def _facets(self):
        """The corners of each facet: (facets, d, d)."""
        return self.points[self._theirs.simplices]

    @property
    def volume(self):
        """The sum of the simplices between each facet and a point inside."""
        facets = self._facets
        middle = np.mean(self.points[self._theirs.vertices], axis=0)
        sizes = np.abs(np.linalg.det(facets - middle)) / math.factorial(facets.shape[-1])
        return attached(self._theirs.volume, np.sum(sizes))

    @property
    def area(self):
        """The sum of the facets' sizes, each from the determinant of the products of its edges."""
        facets = self._facets
        edges = facets[:, 1:] - facets[:, :1]
        products = np.matmul(edges, np.swapaxes(edges, -1, -2))
        sizes = np.sqrt(np.linalg.det(products)) / math.factorial(facets.shape[-1] - 1)
        return attached(self._theirs.area, np.sum(sizes))


class ConvexHull(spatial.ConvexHull):
    """``scipy.spatial.ConvexHull``; of traced points, with ``volume`` and ``area`` that have derivatives."""

    def __new__(cls, points, *args, **kwargs):
        return _Hull(points, *args, **kwargs) if is_traced(points) else super().__new__(cls)

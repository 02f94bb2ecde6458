"""Interpolation on grids: cells of linear functions, and tensor products of splines."""

import functools

import numpy as onp
from scipy import interpolate as _interpolate

from ... import numpy as np
from ...transforms.closures import attached, plain_of
from ..compiled import agreeing, is_traced, like, on_plain
from .splines import evaluated_in_several, interpolated, not_a_knot

__all__ = ["find_indices", "linear_in_plane", "making", "views_of"]


def find_indices(f):
    """Return SciPy's function that finds cells, and how far points are in them, from 0 to 1."""

    def wrapped(grid, xi):
        places, distances = on_plain(f, grid, onp.ascontiguousarray(plain_of(xi)))
        if is_traced(*grid, xi):
            distances = np.stack([
                attached(found, (x - g[at]) / (g[at + 1] - g[at]))
                for found, at, g, x in zip(distances, places, map(np.asarray, grid), xi, strict=True)
            ])  # fmt: skip
        return places, distances

    return wrapped


def _bilinear(values, places, distances, *grid):
    (i, j), (s, t) = places, distances
    low = values[i, j] * (1 - s) * (1 - t) + values[i, j + 1] * (1 - s) * t
    return low + values[i + 1, j] * s * (1 - t) + values[i + 1, j + 1] * s * t


def linear_in_plane(f):
    """Return SciPy's function of the four values around each point of a plane."""

    def filled(values, places, distances, *grid):
        out = onp.empty(places.shape[1], values.dtype)
        return f(onp.array(values), places, onp.ascontiguousarray(distances), grid, out)

    found = like(filled, _bilinear)
    return lambda values, places, distances, grid, out: found(values, places, distances, *grid)


def _knots_of(t, lengths):
    return [t[d, : int(n)] for d, n in enumerate(lengths)]


def views_of(theirs):
    """Return functions that take traced values, by the names of SciPy's compiled ones."""

    def evaluate_ndbspline(x, t, lengths, degrees, nu, extrapolate, c, columns, *strides):
        value = on_plain(
            theirs.evaluate_ndbspline, x, t, lengths, degrees, nu, extrapolate, c, columns, *strides
        )
        if not is_traced(x, t, c):
            return value
        knots, degrees = _knots_of(t, plain_of(lengths)), [int(k) for k in plain_of(degrees)]
        shape = [knot.shape[0] - k - 1 for knot, k in zip(knots, degrees, strict=True)]
        grid = np.reshape(c, (*shape, columns))
        found = evaluated_in_several(knots, grid, degrees, x, [int(n) for n in plain_of(nu)])
        return attached(value, np.where(onp.isnan(value), onp.nan, np.reshape(found, value.shape)))

    return {"evaluate_ndbspline": evaluate_ndbspline}


def making(module):
    """Return make_ndbspl: SciPy's coefficients, with the derivatives of the equations of each axis."""
    plain = _interpolate._ndbspline.make_ndbspl

    @functools.wraps(plain)
    def make_ndbspl(points, values, k=3, **options):
        if not is_traced(*points, values):
            found = on_plain(plain, points, values, k, **options)
            return module.NdBSpline(found.t, found.c, found.k)
        found = on_plain(plain, tuple(points), values, k, **options)
        values, knots = np.asarray(values) * 1.0, []
        for axis, (x, degree) in enumerate(zip(points, found.k, strict=True)):
            x = np.asarray(x) * 1.0
            knots.append(not_a_knot(x, int(degree)))
            rows = np.moveaxis(values, axis, 0)
            solved = interpolated(knots[-1], int(degree), x, np.reshape(rows, (rows.shape[0], -1)))
            values = np.moveaxis(np.reshape(solved, rows.shape), 0, axis)
        c = agreeing(
            "scipy.interpolate.make_ndbspl", found.c, values, "give the solver a smaller tolerance", 1e-3
        )
        return module.NdBSpline(tuple(knots), c, found.k)

    return make_ndbspl

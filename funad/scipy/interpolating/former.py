"""B-splines in SciPy before 1.15: what ``scipy.interpolate._bspl`` computes, which fills arrays."""

import numpy as onp

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...transforms.closures import attached, plain_of
from ..compiled import is_traced, like, on_plain
from .fitpack import inserted
from .splines import basis, collocated, evaluated, evaluated_in_several, normal_equations, spans, splines_at

__all__ = ["views_of"]


def _filled(f, shape, *args, **kwargs):
    """Return the array that a compiled function fills, given plain arguments before and behind it."""
    found = onp.zeros(shape)
    on_plain(f, *args, found, **kwargs)
    return found


def _evaluating(theirs):
    def evaluate_spline(t, c, k, x, nu, extrapolate, out):
        found = _filled(theirs.evaluate_spline, out.shape, t, c, k, x, nu, extrapolate)
        if is_traced(t, c, x):
            found = attached(found, evaluated(t, c, int(k), x, int(nu)))
        out[...] = np.where(onp.isnan(plain_of(found)), onp.nan, found)

    return evaluate_spline


def _collocating(theirs):
    def _colloc(x, t, k, ab, offset=0):
        found = onp.zeros(ab.shape, order="F")
        on_plain(theirs._colloc, x, t, k, found, offset)
        if is_traced(x, t):
            found = attached(found, collocated(x, t, int(k), ab.shape[1], int(offset)).T)
        ab[...] = found

    return _colloc


def _with_derivatives(t, k, x, ab, kl, ku, orders, offset=0):
    """Fill rows of a banded matrix with the derivatives of the B-splines at one point."""
    left = int(spans(t, k, np.reshape(x, (1,)))[0][0])
    for row, nu in enumerate(plain_of(orders)):
        values = basis(t, k, np.reshape(x, (1,)), onp.array([left]), int(nu))
        for a, value in enumerate(values):
            column = left - k + a
            ab[kl + ku + offset + row - column, column] = value[0]


def _normal(theirs):
    def _norm_eq_lsq(x, t, k, y, w, ab, rhs):
        band, right = onp.zeros(ab.shape, order="F"), onp.zeros(rhs.shape, order="F")
        on_plain(theirs._norm_eq_lsq, x, t, k, y, w, band, right)
        if is_traced(x, t, y, w):
            traced = normal_equations(t, int(k), x, y, w)
            band, right = attached(band, traced[0]), attached(right, traced[1])
        ab[...], rhs[...] = band, right

    return _norm_eq_lsq


def _in_several(theirs):
    def evaluate_ndbspline(x, t, lengths, degrees, nu, extrapolate, c, columns, strides, places, out):
        args = (x, t, lengths, degrees, nu, extrapolate, c, columns, strides, places)
        found = _filled(theirs.evaluate_ndbspline, out.shape, *args)
        if is_traced(x, t, c):
            knots = [t[d, : int(n)] for d, n in enumerate(plain_of(lengths))]
            orders = [int(k) for k in plain_of(degrees)]
            shape = [knot.shape[0] - k - 1 for knot, k in zip(knots, orders, strict=True)]
            grid = np.reshape(c, (*shape, columns))
            traced = evaluated_in_several(knots, grid, orders, x, [int(n) for n in plain_of(nu)])
            found = attached(found, np.where(onp.isnan(found), onp.nan, np.reshape(traced, found.shape)))
        out[...] = found

    return evaluate_ndbspline


def _inserting(theirs):
    def insert(x, t, c, k, periodic=False):
        knots, found = on_plain(theirs.insert, x, t, c, k, periodic)
        if is_traced(x, t, c) and periodic:
            raise NotDifferentiableError(
                "scipy.interpolate.BSpline.insert_knot has no derivative if periodic"
            )
        if is_traced(x, t, c):
            traced = inserted(t, c[: t.shape[0] - k - 1], int(k), x)
            knots, found = attached(onp.asarray(knots), traced[0]), attached(onp.asarray(found), traced[1])
        return knots, found

    return insert


def views_of(theirs):
    """Return functions that take traced values, by the names of SciPy's compiled ones."""
    at_one = like(
        lambda t, k, x, left, nu: theirs.evaluate_all_bspl(t, k, x, left, nu),
        lambda t, k, x, left, nu: splines_at(t, int(k), x, int(left), int(nu)),
    )
    return {
        "evaluate_spline": _evaluating(theirs),
        "evaluate_all_bspl": lambda t, k, x, left, nu=0: at_one(t, k, x, left, nu),
        "evaluate_ndbspline": _in_several(theirs),
        "insert": _inserting(theirs),
        "_colloc": _collocating(theirs),
        "_handle_lhs_derivatives": _with_derivatives,
        "_norm_eq_lsq": _normal(theirs),
    }

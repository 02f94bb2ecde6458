"""B-splines: what ``scipy.interpolate._dierckx`` computes, written with traced functions.

A spline of degree k has knots t and coefficients c, (n, columns), with n = len(t) - k - 1. In which span a
point lies is found of plain numbers, as SciPy finds it: spans are half open; the first and the last go on.
"""

import itertools

import numpy as onp

from ... import numpy as np
from ...transforms.closures import attached, plain_of
from .. import linalg
from ..compiled import gathered, is_traced, like, on_plain, scattered

__all__ = [
    "basis", "collocated", "dense", "differentiated", "evaluated", "evaluated_in_several", "integrated",
    "interpolated", "least_squares", "normal_equations", "not_a_knot", "rows_of", "spans", "splines_at",
    "views_of",
]  # fmt: skip


def spans(t, k, x):
    """Return for each point the place of the last knot before it, and whether it is outside of all spans."""
    t, x = plain_of(t), plain_of(x)
    n = t.size - k - 1
    return onp.clip(onp.searchsorted(t, x, side="right") - 1, k, n - 1), (x < t[k]) | (x > t[n])


def basis(t, k, x, left, nu=0):
    """Return the nu-th derivatives of the k + 1 B-splines that are not zero at x, one array for each.

    De Boor's recursion in the degree: B[j, d] = (x - t[j]) B[j, d-1] / (t[j+d] - t[j]) + … for values, and
    d (B[j, d-1] / (t[j+d] - t[j]) - …) for derivatives (de Boor 2001, chapters IX and X).
    """
    if nu > k:
        return [onp.zeros(onp.shape(plain_of(x)))] * (k + 1)
    knots = [t[left + j] for j in range(-k + 1, k + 1)]  # knots[j + k - 1] is t[left + j]
    found = [onp.ones(onp.shape(plain_of(x)))]
    for degree in range(1, k + 1):
        grown = [0.0] * (degree + 1)
        for j in range(degree):
            after, before = knots[j + k], knots[j + k - degree]
            weight = found[j] / _width(after - before)
            if degree <= k - nu:
                grown[j], grown[j + 1] = grown[j] + (after - x) * weight, (x - before) * weight
            else:
                grown[j], grown[j + 1] = grown[j] - degree * weight, degree * weight
        found = grown
    return found


def _width(width):
    """Return the widths of spans to divide by: of empty ones, which there are where all knots coincide, 1."""
    empty = plain_of(width) == 0
    return np.where(empty, 1.0, width) if onp.any(empty) else width


def _places(left, k):
    return left[:, None] + onp.arange(-k, 1)


def evaluated(t, c, k, x, nu=0):
    """Return the nu-th derivative of a spline at points x, which may lie outside."""
    left, _ = spans(t, k, x)
    weights = basis(t, k, x, left, nu)
    if not is_traced(t, x):
        return gathered(c, _places(left, k), onp.stack(on_plain(list, weights), -1))
    return sum(weights[j][:, None] * c[left - k + j] for j in range(k + 1))


def _evaluated(t, c, k, x, nu, extrapolate):
    y = evaluated(t, c, int(k), x, int(nu))
    _, outside = spans(t, int(k), x)
    beyond = onp.isnan(plain_of(x)) if extrapolate else outside | onp.isnan(plain_of(x))
    return np.where(beyond[:, None], onp.nan, y) if onp.any(beyond) else y


def evaluated_in_several(knots, c, degrees, x, nu):
    """Return a tensor product of splines at points x, (r, d); c has the shape (n₁, …, n_d, columns)."""
    lefts = [spans(t, k, x[:, d])[0] for d, (t, k) in enumerate(zip(knots, degrees, strict=True))]
    parts = [
        basis(t, k, x[:, d], left, n)
        for d, (t, k, left, n) in enumerate(zip(knots, degrees, lefts, nu, strict=True))
    ]
    shape, columns = c.shape[:-1], c.shape[-1]
    flat, places, weights = np.reshape(c, (-1, columns)), [], []
    for offsets in itertools.product(*(range(k + 1) for k in degrees)):
        at = [left - k + j for left, k, j in zip(lefts, degrees, offsets, strict=True)]
        places.append(onp.ravel_multi_index(at, shape))
        weight = 1.0
        for part, j in zip(parts, offsets, strict=True):
            weight = weight * part[j]
        weights.append(weight)
    if not is_traced(x, *knots):
        return gathered(flat, onp.stack(places, -1), onp.stack(on_plain(list, weights), -1))
    return sum(weight[:, None] * flat[at] for weight, at in zip(weights, places, strict=True))


def differentiated(t, c, k):
    """Return knots and coefficients of a derivative: k (c[j+1] - c[j]) / (t[j+k+1] - t[j+1])."""
    n = t.shape[0] - k - 1
    widths = np.reshape(t[k + 1 : n + k] - t[1:n], (n - 1, *[1] * (c.ndim - 1)))
    return t[1:-1], k * (c[1:n] - c[: n - 1]) / widths


def integrated(t, c, k, a, b):
    """Return the integral of a spline from a to b, where it is zero outside of t[k] … t[n].

    ∫ B[j] from the left to x is Σᵢ≥ⱼ B[i, k+1](x) (t[j+k+1] - t[j]) / (k + 1) (de Boor 2001, chapter X).
    """
    n = t.shape[0] - k - 1
    widths = np.reshape((t[k + 1 : k + 1 + n] - t[:n]) / (k + 1), (n, *[1] * (c.ndim - 1)))
    sums = np.cumsum(c[:n] * widths, axis=0)
    sums = np.concatenate([np.zeros((1, *c.shape[1:])), sums, *[sums[-1:]] * (k + 1)])
    longer = np.concatenate([t[:1], t, t[-1:]])
    ends = np.clip(np.stack([a * 1.0, b * 1.0]), t[k], t[n])
    found = evaluated(longer, np.reshape(sums, (sums.shape[0], -1)), k + 1, ends)
    return found[1] - found[0]


# --- equations: B(x) c = y


def rows_of(t, k, x, weights=None):
    """Return the rows of the matrix B(x), which is zero but for k + 1 entries of each: entries and places."""
    left, _ = spans(t, k, x)
    entries = np.stack(basis(t, k, x, left), -1)
    return entries if weights is None else entries * weights[:, None], _places(left, k)


def not_a_knot(x, k):
    """Return the knots of a spline through points at x, of which those next to the ends are left out."""
    middle = x if k % 2 else (x[1:] + x[:-1]) / 2
    inside = (k + 1) // 2 if k % 2 else k // 2
    inner = middle[inside : middle.shape[0] - inside]
    return np.concatenate([*[x[:1]] * (k + 1), inner, *[x[-1:]] * (k + 1)])


def dense(entries, places, n):
    """Return the whole matrix."""
    rows = onp.broadcast_to(onp.arange(places.shape[0])[:, None], places.shape)
    at = onp.zeros((places.shape[0], n), int)
    at[rows, places] = 1 + onp.arange(places.size).reshape(places.shape)
    return np.concatenate([onp.zeros(1), np.ravel(entries)])[at]


def banded(entries, places, n, lower, upper):
    """Return a matrix in the form of solve_banded."""
    rows = onp.broadcast_to(onp.arange(places.shape[0])[:, None], places.shape)
    at = onp.zeros((lower + upper + 1, n), int)
    band = upper + rows - places
    kept = (band >= 0) & (band < lower + upper + 1)  # all others are zero, if there are equations enough
    at[band[kept], places[kept]] = 1 + onp.arange(places.size).reshape(places.shape)[kept]
    return np.concatenate([onp.zeros(1), np.ravel(entries)])[at]


def interpolated(t, k, x, y):
    """Return the coefficients of the spline with knots t through points (x, y): as many as knots allow."""
    entries, places = rows_of(t, k, x)
    return linalg.solve_banded((k, k), banded(entries, places, places.shape[0], k, k), y, check_finite=False)


def normal_equations(t, k, x, y, weights):
    """Return Aᵀ A, in the lower form of solveh_banded, and Aᵀ W y, where A is B(x) with weighted rows."""
    n = t.shape[0] - k - 1
    entries, places = rows_of(t, k, x, weights)
    band, right = [0.0] * (k + 1), 0.0
    scaled = y * np.reshape(weights, (-1, 1))
    for j in range(k + 1):
        right = right + scattered(entries[:, j, None] * scaled, places[:, j], n)
        for d in range(k + 1 - j):
            products = entries[:, j] * entries[:, j + d]
            band[d] = band[d] + scattered(products[:, None], places[:, j], n)[:, 0]
    return np.stack(band), right


def least_squares(t, k, x, y, weights):
    """Return the coefficients of the spline with knots t for which Σ (weights · (y - s(x)))² is the least."""
    band, right = normal_equations(t, k, x, y, weights)
    return linalg.solveh_banded(band, right, lower=True, check_finite=False)


# --- functions of the compiled module


def splines_at(t, k, x, left, nu):
    """The B-splines at one point."""
    return np.stack([v[0] for v in basis(t, k, np.reshape(x, (1,)), onp.array([left]), nu)])


def collocated(x, t, k, count, offset):
    """Return the matrix of B(x) in the banded form, transposed, that LAPACK's gbsv is given."""
    entries, places = rows_of(t, k, x)
    rows = offset + onp.broadcast_to(onp.arange(places.shape[0])[:, None], places.shape)
    at, band = onp.zeros((3 * k + 1, count), int), 2 * k + rows - places
    inside = (band >= 0) & (band <= 3 * k)  # before 1.15, SciPy goes on beyond it, and leaves that away
    at[band[inside], places[inside]] = 1 + onp.arange(places.size).reshape(places.shape)[inside]
    return np.concatenate([onp.zeros(1), np.ravel(entries)])[at.T]


def views_of(theirs):
    """Return functions that take traced values, by the names of SciPy's compiled ones."""
    spline = like(theirs.evaluate_spline, _evaluated)

    def evaluate_spline(*args):
        if len(args) == 6:
            return spline(*args)
        *args, out = args  # before SciPy 1.16, the result is written there
        filled = onp.zeros(out.shape, out.dtype)
        on_plain(theirs.evaluate_spline, *args, filled)
        out[...] = attached(filled, _evaluated(*args)) if is_traced(*args) else filled

    at_one = like(
        lambda t, k, x, left, nu: theirs.evaluate_all_bspl(t, k, x, left, nu),
        lambda t, k, x, left, nu: splines_at(t, int(k), x, int(left), int(nu)),
    )

    def evaluate_all_bspl(t, k, x, left, nu=0):
        return at_one(t, k, x, left, nu)

    def coloc(x, t, k, ab, offset=0):
        if not is_traced(x, t):
            filled = onp.zeros(ab.shape)
            on_plain(theirs._coloc, x, t, k, filled, offset)
            ab[...] = filled
            return
        filled = onp.zeros(ab.shape)
        on_plain(theirs._coloc, x, t, k, filled, offset)
        ab[...] = attached(filled, collocated(x, t, int(k), ab.shape[0], int(offset)))

    def norm_eq_lsq(x, t, k, y, w, ab, rhs):
        band, right = onp.zeros(ab.shape), onp.zeros(rhs.shape)
        on_plain(theirs._norm_eq_lsq, x, t, k, y, w, band, right)
        if is_traced(x, t, y, w):
            traced = normal_equations(t, int(k), x, y, w)
            band, right = attached(band, traced[0].T), attached(right, traced[1])
        ab[...], rhs[...] = band, right

    return {
        "_norm_eq_lsq": norm_eq_lsq,
        "evaluate_spline": evaluate_spline,
        "evaluate_all_bspl": evaluate_all_bspl,
        "find_interval": lambda t, *args: on_plain(theirs.find_interval, t, *args),
        "_coloc": coloc,
    }

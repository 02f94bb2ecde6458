"""Banded matrices, kept by their diagonals: ab[u + i - j, j] = a[i, j], or for lower ones ab[i - j, j]."""

from .... import numpy as np
from ....rules.linalg.matrices import column, conj, t
from ....spaces import unbroadcast
from ....values import dtype_of, shape_of
from ... import linalg
from ...derived import as_written, sharing
from .equations import columns, like


def _at(x, axis, places):
    """The entries of x at these places along an axis, and 0 where a place is outside."""
    size = x.shape[axis]
    shape = list(x.shape)
    shape[axis] = 1
    padded = np.concatenate([x, np.zeros(shape, dtype_of(x))], axis)
    return np.take(padded, np.where((places < 0) | (places >= size), size, places), axis)


def _shifts(rows, upper, n):
    """For each row r and column j of a band, the place j + r - upper."""
    return np.arange(n) + np.arange(rows)[:, None] - upper


def _band(left, right, rows, upper):
    """The diagonals of the product of columns: Σₖ left[j + r - upper, k] right[j, k]."""
    moved = _at(left, left.ndim - 2, _shifts(rows, upper, right.shape[-2]))
    return np.sum(moved * right[..., None, :, :], -1)


def _turned(ab, lower, upper):
    """The band of the transpose: of which row r has ab[lower + upper - r, j + r - lower]."""
    rows, n = lower + upper + 1, ab.shape[-1]
    moved = _at(ab, ab.ndim - 1, _shifts(rows, lower, n))
    return moved[..., np.arange(rows)[::-1], np.arange(rows), :]


def _solve_part(y, ybar, ab, b, l_and_u=(0, 0), check_finite=True):
    """b̄ = A⁻ᵀ ȳ, in columns."""
    lower, upper = l_and_u
    (ybar,) = columns(b, ybar)
    return linalg.solve_banded((upper, lower), _turned(ab, lower, upper), ybar, check_finite=False)


def _solve_wrt_ab(bbar, y, ybar, ab, b, l_and_u=(0, 0), check_finite=True):
    """The diagonals of Ā = -b̄ yᵀ."""
    lower, upper = l_and_u
    (y,) = columns(b, y)
    return unbroadcast(-_band(bbar, y, lower + upper + 1, upper), shape_of(ab))


def _wrt_b(bbar, y, ybar, ab, b, *others, **options):
    """b̄, in the shape of b."""
    return like(b, bbar)


def _folded(left, right, rows, lower):
    """The diagonals of X + Xᴴ, on which one half of a Hermitian matrix is kept, for X = left rightᵀ."""
    upper = 0 if lower else rows - 1
    both = _band(left, right, rows, upper) + conj(_band(right, left, rows, upper))
    halved = np.where(np.arange(rows) == upper, 0.5, 1.0).astype(np.finfo(both.dtype).dtype)
    return both * column(halved)


def _solveh_part(y, ybar, ab, b, *, lower=False, check_finite=True):
    """b̄ = A⁻ᵀ ȳ, in columns."""
    (ybar,) = columns(b, ybar)
    return linalg.solveh_banded(conj(ab), ybar, lower=lower, check_finite=False)


def _solveh_wrt_ab(bbar, y, ybar, ab, b, *, lower=False, check_finite=True):
    """The diagonals of Ā = -b̄ yᵀ, folded into those that are kept."""
    (y,) = columns(b, y)
    return unbroadcast(-_folded(bbar, y, ab.shape[-2], lower), shape_of(ab))


def _as_lower(cb, lower):
    """The band of L, also where that of U = Lᴴ is kept."""
    return cb if lower else conj(_turned(cb, 0, cb.shape[-2] - 1))


def _product(band, x):
    """Lᴴ x for a band of L."""
    moved = _at(x, x.ndim - 2, _shifts(band.shape[-2], 0, x.shape[-2]))
    return np.sum(column(conj(band)) * moved, -3)


def _cho_solve_part(y, ybar, cb, b, lower=False, check_finite=True):
    """b̄ = A⁻ᵀ ȳ, in columns."""
    (ybar,) = columns(b, ybar)
    return linalg.cho_solve_banded((conj(cb), lower), ybar, check_finite=False)


def _cho_solve_wrt_cb(bbar, y, ybar, cb, b, lower=False, check_finite=True):
    """The diagonals of L̄ = -(b̄ (Lᴴ y)ᵀ + y* (Lᴴ b̄*)ᵀ)."""
    (y,) = columns(b, y)
    band, rows = _as_lower(cb, lower), cb.shape[-2]
    lbar = _band(bbar, _product(band, y), rows, 0)
    lbar = lbar + _band(conj(y), _product(band, conj(bbar)), rows, 0)
    cbar = lbar if lower else conj(_turned(lbar, rows - 1, 0))
    return unbroadcast(-cbar, shape_of(cb))


def dense(ab, lower):
    """The lower triangle of a Hermitian matrix whose diagonals are these."""
    ab = _as_lower(ab, lower)
    n, zero = ab.shape[-1], np.zeros((*ab.shape[:-2], 1, ab.shape[-1]), dtype_of(ab))
    places = np.arange(n)[:, None] - np.arange(n)
    inside = (places >= 0) & (places < ab.shape[-2])
    return np.concatenate([ab, zero], -2)[..., np.where(inside, places, ab.shape[-2]), np.arange(n)]


def _cholesky(y, ab, *, lower=False, check_finite=True):
    """The diagonals of the factor of the whole matrix; LAPACK leaves what is on none of them as it is."""
    rows, n = ab.shape[-2:]
    factor = linalg.cholesky(dense(ab, lower), lower=True, check_finite=False)
    at = _shifts(rows, 0, n)
    band = np.where(at < n, factor[..., np.where(at < n, at, 0), np.arange(n)], 0)
    band = band if lower else conj(_turned(band, rows - 1, 0))
    inside = _shifts(rows, 0 if lower else rows - 1, n)
    return np.where((inside >= 0) & (inside < n), band, ab)


sharing(linalg.solve_banded_of, _solve_part, _solve_wrt_ab, _wrt_b, masks=True)
sharing(linalg.solveh_banded, _solveh_part, _solveh_wrt_ab, _wrt_b, masks=True)
sharing(linalg.cho_solve_banded_of, _cho_solve_part, _cho_solve_wrt_cb, _wrt_b, masks=True)
as_written(linalg.cholesky_banded, _cholesky, masks=True)

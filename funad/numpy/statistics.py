"""Statistics of samples: covariances and histograms."""

import math as _math
import warnings as _warnings

import numpy as _np

from ..boxes import Traced as _Traced
from ..boxes import innermost as _innermost
from ..calling import as_array as _as_array
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..primitives import composite as _composite
from ..primitives import primitive
from ..spaces import of_library as _of_library
from ..values import constant as _constant
from ..values import dtype_of as _dtype_of
from ..values import shape_of as _shape_of
from .creation import linspace as _linspace
from .elementwise import conj as _conj
from .elementwise import real as _real
from .elementwise import sqrt as _sqrt
from .manipulation import atleast_2d as _atleast_2d
from .manipulation import cast as _cast
from .manipulation import concatenate as _concatenate
from .manipulation import diag as _diag
from .manipulation import reshape as _reshape
from .manipulation import squeeze as _squeeze
from .manipulation import transpose as _transpose
from .products import dot as _dot
from .reductions import average as _average
from .reductions import difference as _difference
from .reductions import max as _max
from .reductions import min as _min
from .reductions import sum as _sum

__all__ = [
    "cov",
    "corrcoef",
    "histogram",
    "histogram2d",
    "histogramdd",
    "histogram_bin_edges",
    "bincount",
    "digitize",
]

bincount = primitive(_np.bincount)
digitize = primitive(_np.digitize)


# --- covariances

# Since 2.2, NumPy transposes with rowvar=False what is a single row of two dimensions too.
_TURNS_SINGLE_ROWS = hasattr(_np, "matvec")


@_composite(_np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """Return Σ w·(x - μ)·conj(x - μ)ᵀ over Σ w - ddof, for the variables x in the rows."""
    if ddof is not None and ddof != int(ddof):
        raise ValueError(f"cov takes a whole number as ddof, not {ddof!r}")
    m, y = _as_array(m), _as_array(y)
    if dtype is None:
        dtype = _np.result_type(*(_dtype_of(part) for part in (m, y) if part is not None), _np.float64)
    x = _variables(m, dtype, turn=not rowvar and (_TURNS_SINGLE_ROWS or _several(m)))
    if _shape_of(x)[0] == 0:
        return _np.zeros((0, 0))
    if y is not None:
        x = _concatenate([x, _variables(y, dtype, turn=not rowvar and _several(y))])
    n = _shape_of(x)[1]
    if ddof is None:
        ddof = 1 if bias == 0 else 0
    w, importances = _frequencies(fweights, n), _importances(aweights, n)
    if importances is not None:
        w = importances if w is None else w * importances
    mean, total = _average(x, axis=1, weights=w, returned=True)
    if w is None:
        freedom = n - ddof
    elif ddof == 0 or importances is None:
        freedom = total[0] - ddof
    else:
        freedom = total[0] - ddof * _sum(w * importances) / total[0]
    if freedom <= 0:
        _warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=3)
        freedom = 0.0
    x = _in(dtype, x - mean[:, None])
    c = _dot(x, _conj(_transpose(x if w is None else x * w)))
    return _squeeze(_in(_dtype_of(c), c * _np.true_divide(1, freedom)))


def _several(m):
    """Say whether m has several rows."""
    return len(_shape_of(m)) == 2 and _shape_of(m)[0] != 1


def _variables(m, dtype, turn):
    """Return the variables as rows."""
    ndim = len(_shape_of(m))
    if ndim > 2:
        raise ValueError(f"cov takes variables in one or two dimensions, not in {ndim}")
    m = _in(dtype, m)
    if ndim < 2:
        return _reshape(m, (1, -1))
    return _transpose(m) if turn else m


def _in(dtype, x):
    return x if _dtype_of(x) == dtype else _cast(x, _np.dtype(dtype))


def _importances(aweights, n):
    """Return what each observation counts, as floats."""
    if aweights is None:
        return None
    aweights = _as_array(aweights)
    _check_weights("aweights", _np.asarray(_constant(aweights)), n)
    return _in(float, aweights)


def _frequencies(fweights, n):
    """Return how often each observation occurs."""
    if fweights is None:
        return None
    if _innermost((fweights,)) is not None:
        raise _NotDifferentiableError(
            "the fweights of cov are whole numbers, in which it has no derivative; give "
            "stop_gradient(fweights), or take aweights"
        )
    fweights = _np.asarray(fweights, dtype=float)
    if not _np.all(fweights == _np.around(fweights)):
        raise TypeError("cov takes whole numbers as fweights")
    _check_weights("fweights", fweights, n)
    return fweights


def _check_weights(name, weights, n):
    if weights.shape != (n,):
        raise RuntimeError(
            f"cov takes {name} of shape ({n},), one for each observation, but they have the shape "
            f"{weights.shape}"
        )
    if _np.any(weights < 0):
        raise ValueError(f"cov takes no negative {name}")


@_composite(_np.corrcoef)
def corrcoef(x, y=None, rowvar=True, *, dtype=None):
    """Return the covariances, each divided by both standard deviations."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not _shape_of(c):
        return c / c
    spread = _sqrt(_real(_diag(c)))
    c = c / spread[:, None] / spread[None, :]
    # What rounding has put beyond 1 is set to 1; its derivative stays.
    plain = _constant(c)
    clipped = _np.clip(plain.real, -1, 1)
    if plain.dtype.kind == "c":
        clipped = clipped + 1j * _np.clip(plain.imag, -1, 1)
    known = not _of_library(plain) and _np.array_equal(clipped, plain, equal_nan=True)
    return c if known else c + (clipped - plain)


# --- histograms: the counts depend on the weights alone; the edges move with the smallest and the
# largest of the data, or with the range or the bins that were given


def _counts(a, bins, range, weights):
    return _np.histogram(a, bins, range, weights=weights)[0]


counts = primitive(_counts, "numpy.histogram")


@_composite(_np.histogram)
def histogram(a, bins=10, range=None, density=None, weights=None):
    """Return the sum of the weights in each bin, and the edges of the bins."""
    a, bins, weights = _as_array(a), _as_array(bins), _as_array(weights)
    data, chosen = _constant(a), (_constant(bins), _plain(range))
    if isinstance(weights, _Traced):
        n, edges = counts(data, *chosen, weights), _np.histogram_bin_edges(data, *chosen)
    else:
        n, edges = _np.histogram(data, *chosen, weights=weights)
    edges = _edges(a, bins, range, edges)
    if density:
        n = n / _in(float, _difference(edges)) / _sum(n)
    return n, edges


@_composite(_np.histogram_bin_edges)
def histogram_bin_edges(a, bins=10, range=None, weights=None):
    """Return the edges of the bins: equally far apart, or those that were given."""
    a, bins = _as_array(a), _as_array(bins)
    edges = _np.histogram_bin_edges(_constant(a), _constant(bins), _plain(range), _plain(weights))
    return _edges(a, bins, range, edges)


def _edges(a, bins, range, edges):
    """Return as traced values the edges of the bins, of which NumPy has found the plain ones."""
    if _innermost((a if range is None else range, bins)) is None:
        return edges
    if isinstance(bins, _Traced):
        return bins
    if not isinstance(bins, str) and len(_shape_of(bins)):
        return edges
    if range is None and not _math.prod(_shape_of(a)):
        return edges
    first, last = (_min(a), _max(a)) if range is None else range
    if _constant(first) == _constant(last):
        first, last = first - 0.5, last + 0.5
    return _linspace(first, last, len(edges), dtype=edges.dtype)


def _plain(x):
    """Return what may be a list with traced values in it without them."""
    return type(x)(map(_plain, x)) if type(x) in (list, tuple) else _constant(x)


@_composite(_np.histogramdd)
def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    """Return the sum of the weights in each cell, and the edges of the cells along every axis."""
    if len(getattr(sample, "shape", ())) != 2:  # the coordinates, each as one array
        sample = _transpose(_atleast_2d(_as_array(sample)))
    data, ndim = _constant(sample), _shape_of(sample)[1]
    n, edges = _np.histogramdd(data, _plain(bins), _plain(range), weights=_plain(weights))
    if _innermost((weights,)) is not None:
        n = _in_cells(data, edges, _as_array(weights))
    range = [None] * ndim if range is None else range
    bins = bins if _np.iterable(bins) else [bins] * ndim
    edges = type(edges)(
        _edges(sample[:, axis], _as_array(bins[axis]), range[axis], along) for axis, along in enumerate(edges)
    )
    if density:
        total = _sum(n)
        for axis, along in enumerate(edges):
            n = n / _reshape(_difference(along), (-1,) + (1,) * (ndim - axis - 1))
        n = n / total
    return n, edges


def _in_cells(data, edges, weights):
    """Return the sum of the weights in each cell: bincount, with a cell more at both ends."""
    cells = [_np.searchsorted(along, at, side="right") for along, at in zip(edges, data.T, strict=True)]
    for cell, along, at in zip(cells, edges, data.T, strict=True):
        cell[at == along[-1]] -= 1  # the last edge belongs to the last bin
    shape = [len(along) + 1 for along in edges]
    n = bincount(_np.ravel_multi_index(cells, shape), weights, _math.prod(shape))
    return _reshape(n, shape)[(slice(1, -1),) * len(shape)]


@_composite(_np.histogram2d)
def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    """Return the sum of the weights in each cell, and the edges along both axes."""
    if len(_plain(x)) != len(_plain(y)):
        raise ValueError(f"histogram2d takes as many x as y, not {len(x)} and {len(y)}")
    if _np.iterable(bins) and len(bins) not in (1, 2):  # the edges of both axes
        bins = [_as_array(bins)] * 2
    n, edges = histogramdd([_as_array(x), _as_array(y)], bins, range, density, weights)
    return n, *edges

"""``scipy.spatial.distance`` on traced values.

Functions of two vectors are SciPy's own Python code, hosted. Those of all pairs, which are compiled, have the
derivatives of the same formulas, written for all pairs at once.
"""

import importlib as _importlib

import numpy as _onp
from scipy.spatial import distance as _distance

from ... import numpy as _np
from ...errors import NotDifferentiableError as _NotDifferentiableError
from ...transforms.closures import attached as _attached
from ..calls import composite_of as _composite_of
from ..calls import refused as _refused
from ..compiled import on_plain as _on_plain
from ..hosting import call as _call
from ..hosting import host as _host
from ..hosting import substitute as _substitute
from ..namespace import public_names as _public_names
from ..rearranging import rearranged as _rearranged
from . import pairs as _pairs

__all__ = _public_names(_distance)

_COUNTED = "it counts entries that are equal, or true, so that it is constant wherever it does not jump"
_REFUSED = {
    "dice", "hamming", "jaccard", "kulczynski1", "rogerstanimoto", "russellrao", "sokalmichener",
    "sokalsneath", "yule",
}  # fmt: skip


def _written(name):
    """Make the decorated function what a function of scipy.spatial.distance is on traced values."""
    return _composite_of(getattr(_distance, name), f"scipy.spatial.distance.{name}")


def _canonical(metric):
    """Return the name of a metric, given by a name or as SciPy's function; None of another function."""
    if callable(metric):
        ours = getattr(metric, "__module__", "").endswith("scipy.spatial.distance")
        return metric.__name__ if ours else None
    known = _distance._METRIC_ALIAS.get(metric.lower().removeprefix("test_"))
    return metric if known is None else known.canonical_name


def _checked(name, metric, out):
    if out is not None:
        raise _NotDifferentiableError(f"{name} has no derivative where it writes into out=; leave out= away")
    found = _canonical(metric)
    if found in _REFUSED:
        raise _NotDifferentiableError(f"{name} with the metric {found} has no derivative: {_COUNTED}")
    return found


def _theirs(metric, known):
    """Return a metric as SciPy takes it: its own function for ours."""
    return getattr(_distance, known) if callable(metric) else metric


def _is_direct(known, options, metric, f, *points):
    """Say whether a metric has a rule of its own, and no points are at a kink of it."""
    if known not in _pairs.DIRECT or options or callable(metric):
        return False
    return known != "euclidean" or bool(_onp.all(_on_plain(f, *points, known) > 0))


@_written("cdist")
def cdist(XA, XB, metric="euclidean", *, out=None, **kwargs):
    known = _checked("scipy.spatial.distance.cdist", metric, out)
    a, b = (_np.asarray(x) * 1.0 for x in (XA, XB))
    if known is None:
        rows = [_np.stack([metric(u, v, **kwargs) for v in b]) for u in a]
        return _np.stack(rows)
    if _is_direct(known, kwargs, metric, _distance.cdist, a, b):
        return _pairs.distances(a, b, known)
    value = _on_plain(_distance.cdist, XA, XB, _theirs(metric, known), **kwargs)
    return _attached(value, _pairs.of_all(known, a, b, kwargs))


@_written("pdist")
def pdist(X, metric="euclidean", *, out=None, **kwargs):
    known = _checked("scipy.spatial.distance.pdist", metric, out)
    x = _np.asarray(X) * 1.0
    first, second = _onp.triu_indices(x.shape[0], 1)
    if known is None:
        return _np.stack([metric(x[i], x[j], **kwargs) for i, j in zip(first, second, strict=True)])
    if _is_direct(known, kwargs, metric, _distance.pdist, x):
        return _pairs.distances_within(x, known)
    value = _on_plain(_distance.pdist, X, _theirs(metric, known), **kwargs)
    return _attached(value, _pairs.of_one(known, x, first, second, kwargs))


@_written("squareform")
def squareform(X, force="no", checks=True):
    X = _np.asarray(X)
    _on_plain(_distance.squareform, X, force, checks)  # raises what SciPy raises
    return _rearranged(lambda labels: _distance.squareform(labels, checks=False), X)


@_written("directed_hausdorff")
def directed_hausdorff(u, v, *args, **kwargs):
    value, i, j = _on_plain(_distance.directed_hausdorff, u, v, *args, **kwargs)
    return _attached(value, _np.linalg.norm(_np.asarray(u)[i] - _np.asarray(v)[j])), i, j


@_written("minkowski")
def minkowski(u, v, p=2, w=None):
    value = _on_plain(_distance.minkowski, u, v, p, w)
    u, v = (_np.asarray(x) * 1.0 for x in (u, v))
    return _attached(value, _pairs.minkowski(u, v, p, None if w is None else _np.asarray(w)))


def _hosted(name):
    """Return SciPy's own function on plain values, and its hosted copy on traced ones."""

    @_written(name)
    def on_traced(*args, **kwargs):
        module = _host("scipy.spatial.distance")
        return _call(f"scipy.spatial.distance.{name}", getattr(module, name), args, kwargs)

    return on_traced


for _name in __all__:
    if _name in _REFUSED:
        globals()[_name] = _refused(getattr(_distance, _name), f"scipy.spatial.distance.{_name}", _COUNTED)
    elif _name not in globals():
        globals()[_name] = _hosted(_name)


def __getattr__(name):
    return getattr(_distance, name)


@_substitute("scipy.spatial.distance")
def _with_pairs(module):
    for name in ("cdist", "pdist", "minkowski", "squareform", "directed_hausdorff"):
        setattr(module, name, globals()[name])


# Whoever loads this module is to have its rules: they stand on a floor above, so by name.
_importlib.import_module("funad.scipy.rules.spatial")

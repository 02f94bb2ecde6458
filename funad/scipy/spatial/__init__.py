"""``scipy.spatial`` on traced values: distances, rotations, and what SciPy computes in Python of them."""

from scipy import spatial as _spatial

from ..calls import composite_of as _composite_of
from ..calls import refused as _refused
from ..hosting import call as _call
from ..hosting import host as _host
from ..namespace import complete as _complete
from . import distance, transform
from .trees import ConvexHull, KDTree, cKDTree


def _hosted(name):
    """Return SciPy's own function on plain values, and its hosted copy on traced ones."""

    @_composite_of(getattr(_spatial, name), f"scipy.spatial.{name}")
    def on_traced(*args, **kwargs):
        return _call(f"scipy.spatial.{name}", getattr(_host("scipy.spatial"), name), args, kwargs)

    return on_traced


_WHY = "what it returns is found by searching among plain points; compute with the points that it names"
for _name in (
    "distance_matrix",
    "geometric_slerp",
    "minkowski_distance",
    "minkowski_distance_p",
    "procrustes",
):
    globals()[_name] = _hosted(_name)
tsearch = _refused(_spatial.tsearch, "scipy.spatial.tsearch", _WHY)

_complete(globals(), _spatial)

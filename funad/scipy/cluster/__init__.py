"""``scipy.cluster`` on traced values: distances to the centres of clusters, and what they are measured in."""

from scipy import cluster as _cluster

from ..namespace import complete as _complete
from . import hierarchy, vq

_complete(globals(), _cluster)

"""``scipy.cluster.vq`` on traced values."""

import numpy as _onp
from scipy.cluster import vq as _vq

from ... import numpy as _np
from ...transforms.closures import attached as _attached
from ..calls import composite_of as _composite_of
from ..calls import refused as _refused
from ..compiled import on_plain as _on_plain

__all__ = list(_vq.__all__)


def _distances(f, obs, code_book, check_finite):
    code, value = _on_plain(f, obs, code_book, check_finite)
    if _np.ndim(obs) == 1:
        obs, code_book = _np.reshape(obs, (-1, 1)), _np.reshape(code_book, (-1, 1))
    nearest = _np.asarray(code_book)[code]
    return code, _attached(value, _np.linalg.norm(_np.asarray(obs) - nearest, axis=-1))


@_composite_of(_vq.vq, "scipy.cluster.vq.vq")
def vq(obs, code_book, check_finite=True):
    return _distances(_vq.vq, obs, code_book, check_finite)


@_composite_of(_vq.whiten, "scipy.cluster.vq.whiten")
def whiten(obs, check_finite=None):
    value = _on_plain(_vq.whiten, obs, check_finite)
    spread = _np.std(obs, axis=0)
    return _attached(value, obs / _np.where(_on_plain(_onp.equal, spread, 0.0), 1.0, spread))


_WHY = "its centres are searched for from a start that is drawn; write vq with the centres that it finds"
kmeans = _refused(_vq.kmeans, "scipy.cluster.vq.kmeans", _WHY)
kmeans2 = _refused(_vq.kmeans2, "scipy.cluster.vq.kmeans2", _WHY)


def __getattr__(name):
    return getattr(_vq, name)

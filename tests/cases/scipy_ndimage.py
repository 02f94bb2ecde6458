"""Where to draw the arguments of funad.scipy.ndimage's compiled filters from: modes are numbers there."""

import numpy as onp

from funad.scipy import ndimage
from funad.testing import call

from .scipy_linalg import calls

_rng = onp.random.default_rng(10)
X, PLANE = _rng.permutation(5) / 3 + 0.1, _rng.permutation(12).reshape(3, 4) / 5 + 0.03
K, SMALL = _rng.normal(size=3), _rng.normal(size=(2, 3))
FOOT = onp.array([[True, False, True], [False, True, True]])

CASES = {
    ndimage.correlate_line: calls(
        "", *(call(X, K, 0, mode, 0.3, 1) for mode in range(5)), call(X[:1], K, 0, 3, 0.0, 0),
        call(PLANE, SMALL[:, 0], 1, 2, 0.0, 0),
    ),
    ndimage.correlate_window: calls("", *(call(PLANE, SMALL, mode, 0.3, (0, 1)) for mode in range(5))),
    ndimage.mean_of_line: calls("", call(X, 3, 0, 1, 0.0, 0), call(PLANE, 2, 0, 4, 0.5, -1)),
    ndimage.extreme_of_line: calls("", call(X, 3, 0, 2, 0.0, 0, 1), call(PLANE, 2, 1, 0, 0.0, 0, 0)),
    ndimage.extreme_of_window: calls(
        "", call(PLANE, None, FOOT, 2, 0.0, (0, 0), 1), call(PLANE, SMALL, FOOT, 1, 0.0, (0, 0), 0)
    ),
    ndimage.rank_of_window: calls("", call(PLANE, 1, FOOT, 2, 0.0, (0, 0))),
    ndimage.rank_of_line: calls("", call(X, 1, 3, 2, 0.0, 0)),
    ndimage.damped: calls("", *(call(PLANE + 1j, onp.array([0.5, 1.0]), -1, 0, kind) for kind in range(3))),
    ndimage.shifted: calls("", call(PLANE + 1j, onp.array([0.5, 1.0]), -1, 0)),
}  # fmt: skip

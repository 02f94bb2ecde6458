"""Where to draw the arguments of funad.scipy.ndimage's compiled filters from: modes are numbers there."""

import dataclasses

import numpy as onp
from scipy.ndimage import _filters

from funad.scipy import ndimage
from funad.testing import call

from .scipy_linalg import calls

_rng = onp.random.default_rng(10)
X, PLANE = _rng.permutation(5) / 3 + 0.1, _rng.permutation(12).reshape(3, 4) / 5 + 0.03
K, SMALL = _rng.normal(size=3), _rng.normal(size=(2, 3))
POINTS = onp.array([[0.3, 1.6, -0.7, 2.8, 1.2], [1.1, 2.3, 0.4, 3.6, -1.7]])
MATRIX = onp.array([[0.9, 0.1], [-0.2, 1.1]])
FOOT = onp.array([[True, False, True], [False, True, True]])

# What this version of SciPy computes in another way: there is nothing to call.
ABSENT = () if hasattr(_filters, "_rank_filter_1d") else (ndimage.rank_of_line,)
CASES = {
    ndimage.correlate_line: calls(
        "", *(call(X, K, 0, mode, 0.3, 1) for mode in range(5)), call(X[:1], K, 0, 3, 0.0, 0),
        call(PLANE, SMALL[:, 0], 1, 2, 0.0, 0),
    ),
    ndimage.correlate_window: calls("", *(call(PLANE, SMALL, mode, 0.3, (0, 1)) for mode in range(5))),
    ndimage.folded: calls("", *(call(PLANE, [(1, 0), (1, 1)], mode) for mode in range(7))),
    ndimage.mean_of_line: calls("", call(X, 3, 0, 1, 0.0, 0), call(PLANE, 2, 0, 4, 0.5, -1)),
    ndimage.extreme_of_line: calls("", call(X, 3, 0, 2, 0.0, 0, 1), call(PLANE, 2, 1, 0, 0.0, 0, 0)),
    ndimage.extreme_of_window: calls(
        "", call(PLANE, None, FOOT, 2, 0.0, (0, 0), 1), call(PLANE, SMALL, FOOT, 1, 0.0, (0, 0), 0)
    ),
    ndimage.rank_of_window: calls("", call(PLANE, 1, FOOT, 2, 0.0, (0, 0))),
    ndimage.rank_of_line: calls("", call(X, 1, 3, 2, 0.0, 0)),
    ndimage.spline_of_line: calls("", *(call(PLANE, 3, 1, mode) for mode in (2, 3, 5)), call(X, 4, 0, 3)),
    ndimage.interpolated: calls(
        "", *(call(PLANE, POINTS, order, mode, 0.3, 0) for order in range(2, 6) for mode in range(1, 7)),
        call(X, POINTS[:1], 1, 0, 0.0, 0), call(onp.pad(X, 12, "edge"), POINTS[:1], 3, 0, 0.0, 12),
    ),
    ndimage.transformed: calls(
        "", call(PLANE, MATRIX, onp.array([0.2, 0.4]), (3, 4), 3, 3, 0.0, 0),
        call(PLANE, MATRIX, onp.array([0.2, 0.4]), (2, 3), 1, 4, 0.5, 0),
    ),
    ndimage.zoomed: calls(
        "", call(PLANE, onp.array([0.7, 0.6]), None, (4, 6), 3, 3, 0.0, 0, False),
        call(PLANE, None, onp.array([0.3, -0.6]), (3, 4), 3, 2, 0.0, 0, False),
        call(PLANE, onp.array([0.7, 0.6]), onp.array([0.3, -0.6]), (4, 6), 2, 5, 0.0, 0, True),
    ),
    ndimage.damped: calls("", *(call(PLANE + 1j, onp.array([0.5, 1.0]), -1, 0, kind) for kind in range(3))),
    ndimage.shifted: calls("", call(PLANE + 1j, onp.array([0.5, 1.0]), -1, 0)),
}  # fmt: skip
# Where grid points lie on knots, the second derivatives of splines of order 2 jump, and the third of order 3.
for _f in (ndimage.transformed, ndimage.zoomed):
    CASES[_f] = dataclasses.replace(CASES[_f], order=1)

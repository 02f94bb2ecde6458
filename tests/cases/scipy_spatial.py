"""Where to draw points from, for the distances of all pairs."""

import numpy as onp

from funad.scipy.spatial.pairs import DIRECT, distances, distances_within, moments, shadows
from funad.testing import call

from .scipy_linalg import calls

_rng = onp.random.default_rng(14)
A, B = _rng.normal(size=(4, 3)), _rng.normal(size=(2, 3))

CASES = {
    distances: calls(
        "", *(call(A, B, metric) for metric in sorted(DIRECT)), call(A[:1, :1], B[:, :1], "euclidean")
    ),
    moments: calls("", *(call(_rng.normal(size=(4, 2)), A, B, signs) for signs in (False, True))),
    shadows: calls("", *(call(_rng.normal(size=(4, 3)), A, B, signs) for signs in (False, True))),
    distances_within: calls("", *(call(A, metric) for metric in sorted(DIRECT)), call(B, "euclidean")),
}

"""Where to draw the arguments of products with sparse matrices from, and of what marks a centre."""

import dataclasses

import numpy as onp
from scipy import sparse

from funad.scipy.compiled import Matrix, product
from funad.scipy.interpolating.radial import centre
from funad.testing import call

from .scipy_linalg import calls

_rng = onp.random.default_rng(13)
THIN = Matrix(
    sparse.csr_array(onp.array([[0.5, 0.0, -1.2, 0.0], [0.0, 0.7, 0.0, 0.0], [0.3, 0.0, 0.0, 2.0]]))
)
EMPTY = Matrix(sparse.csr_array((0, 4)))

CASES = {
    product: calls(
        "",
        call(_rng.normal(size=(4, 2)), THIN),
        call(_rng.normal(size=(3, 1)) * 1j, THIN.T),
        call(_rng.normal(size=(4, 3)), EMPTY),
        call(_rng.normal(size=(4, 0)), THIN),
    ),
    centre: dataclasses.replace(calls("", call(_rng.uniform(size=(2, 3)))), order=1),
}

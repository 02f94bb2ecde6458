"""Where to draw the arguments of the primitives of funad.scipy.sparse from: entries, and their layouts."""

import numpy as onp
from scipy import sparse

from funad.scipy.sparse.layouts import layout_of, product, sampled
from funad.scipy.sparse.solving import Factors, iterated, solved, substituted
from funad.scipy.sparse.spectra import eigen, eigen_of_pencil, singular
from funad.testing import call

from .scipy_linalg import calls

_rng = onp.random.default_rng(13)
ROWS, COLUMNS = onp.array([0, 0, 1, 2, 2, 3]), onp.array([0, 2, 1, 0, 2, 1])
D, X, Y = _rng.normal(size=6), _rng.normal(size=3), _rng.normal(size=4)
B, U = _rng.normal(size=(3, 2)), _rng.normal(size=(4, 2))
PLACES = sparse.coo_array((onp.arange(1, 7), (ROWS, COLUMNS)), shape=(4, 3))
COO, CSR, CSC = (layout_of(PLACES.asformat(name)) for name in ("coo", "csr", "csc"))
DOUBLED = layout_of(sparse.coo_array((D, (ROWS // 2, COLUMNS // 2)), shape=(2, 3)))
EMPTY = layout_of(sparse.csr_array((4, 0)))
FULL = layout_of(sparse.csr_array(onp.ones((3, 3))))
DENSE = layout_of(onp.ones((3, 3)))
IND, PTR = onp.array([0, 1, 0, 1, 2]), onp.array([0, 2, 4, 5])
S, SQUARE = onp.array([4.0, 0.3, -0.2, 5.0, 3.0]), layout_of(sparse.csr_array((onp.ones(5), IND, PTR)))
LOWER = layout_of(sparse.csr_array((onp.ones(4), [0, 0, 1, 2], [0, 1, 3, 4])))
A = _rng.normal(size=(3, 3)) + 4 * onp.eye(3)
# Three steps, after which the solution of three equations is right to rounding, in either precision.
STEPS = {"rtol": 1e-5}
SCALED = {**STEPS, "M": onp.array([[0.25, 0.1, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.3]])}
# Changes of its entries keep this matrix symmetric, as eigsh takes it to be.
DIAGONAL = sparse.csr_array(onp.diag([4.0, 6.0, 9.0, 2.0]))
MASS = sparse.csr_array(onp.diag([1.0, 1.2, 0.7, 1.1]))
GENERAL = sparse.csr_array(
    onp.array([[4.0, 0.5, 0, 0], [-0.3, 6.0, 0.3, 0], [0, 0.2, 9.0, -0.7], [0.4, 0, 0.7, 2.0]])
)
START = {"v0": onp.array([0.3, 0.5, -0.2, 0.7])}

CASES = {
    product: calls(
        "", *(call(D, x, layout) for layout in (COO, CSR, CSC) for x in (X, B)), call(D, X, DOUBLED),
        call(A, X, DENSE), call(A, B, DENSE), call(D[:0], X[:0], EMPTY), call(D + 1j, X, CSR),
        call(D, B - 1j, CSC),
    ),
    sampled: calls(
        "", *(call(u, v, layout) for layout in (COO, CSR, CSC) for u, v in ((Y, X), (U, B))),
        call(X, Y[:3], DENSE), call(B, U[:3], DENSE), call(Y, X[:0], EMPTY), call(Y + 1j, X, CSC),
    ),
    solved: calls(
        "", *(call(S, b, SQUARE, Factors(), trans) for b in (X, B) for trans in "NT"),
        call(S + 0.5j, B, SQUARE, Factors(), "N"), call(S, B + 1j, SQUARE, Factors(), "T"),
        call(onp.ravel(A), X, FULL, Factors(permc_spec="NATURAL"), "N"),
    ),
    substituted: calls(
        "", *(call(S[:4], b, LOWER, True, unit) for b in (X, B) for unit in (False, True)),
    ),
    iterated: calls(
        "", call(S, X, SQUARE, "gmres", STEPS), call(A, X, DENSE, "bicgstab", STEPS),
        call(S, X, SQUARE, "lgmres", SCALED),
        call(S + 0.2j, X, SQUARE, "gmres", STEPS),
    ),
    eigen: calls("", call(DIAGONAL.data, layout_of(DIAGONAL), "eigsh", 2, START)),
    eigen_of_pencil: calls(
        "", call(DIAGONAL.data, MASS.data, layout_of(DIAGONAL), layout_of(MASS), 2, START),
    ),
    singular: calls("", call(GENERAL.data, layout_of(GENERAL), 2, START)),
}  # fmt: skip

"""Least squares with a sparse matrix: lsqr and lsmr."""

import numpy as onp
from scipy import sparse as _sparse
from scipy.sparse import linalg as _linalg

from ... import numpy as np
from ...boxes import innermost
from ...errors import NotDifferentiableError
from ...transforms.closures import attached, plain_of
from .arrays import is_sparse, sparse_of, traced_in
from .building import block_array
from .functions import plain_matrix
from .solving import is_plain, spsolve

__all__ = ["lsmr", "lsqr"]


def _least(method):
    theirs = getattr(_linalg, method)

    def solver(A, b, damp=0.0, *args, **options):
        if is_plain(A, b, damp, *args, *options.values()):
            return theirs(A, b, damp, *args, **options)
        if traced_in([*args, *options.values()]):
            raise NotDifferentiableError(
                f"{method} has derivatives in A, b and damp; give the rest stop_gradient"
            )
        if not is_sparse(A) and innermost((A,)) is None and not isinstance(A, onp.ndarray):
            raise NotDifferentiableError(
                f"{method} of an operator beside traced values; give it a sparse matrix or an array"
            )
        found = theirs(plain_matrix(A), plain_of(b), plain_of(damp), *args, **options)
        x, r = _solution(sparse_of(A), np.ravel(np.asarray(b)), damp)
        return (attached(found[0], x), *_norms(method, found[1:], x, r, damp))

    solver.__name__ = solver.__qualname__ = method
    solver.__doc__ = f"Return what scipy.sparse.linalg.{method} finds, with the derivatives of the solution."
    solver.__module__ = "funad.scipy.sparse.linalg"
    return solver


lsqr = _least("lsqr")
lsmr = _least("lsmr")


def _solution(A, b, damp):
    """Return x, least |A x - b|² + damp² |x|², and r = b - A x: [[1, A], [Aᵀ, -damp²]] (r, x) = (b, 0).

    Of more unknowns than equations, without damp, x is that of the least norm, Aᵀ z with A Aᵀ z = b: then
    [[-1, Aᵀ], [A, 0]] (x, z) = (0, b).
    """
    m, n = A.shape
    damped = plain_of(damp) != 0
    if m < n and not damped:
        matrix = block_array([[-_sparse.eye_array(n), A.T], [A, None]], format="csc")
        x = spsolve(matrix, np.concatenate([onp.zeros(n), b]))[:n]
        return x, b - A @ x
    corner = -_sparse.eye_array(n) * damp**2 if damped else None
    matrix = block_array([[_sparse.eye_array(m), A], [A.T, corner]], format="csc")
    both = spsolve(matrix, np.concatenate([b, onp.zeros(n)]))
    return both[m:], both[:m]


def _norms(method, rest, x, r, damp):
    """Return the other results: the norms of the residuals and of x with their derivatives."""
    rest = list(rest)
    small = np.sum(r**2)
    damped = small + damp**2 * np.sum(x**2)
    if method == "lsqr":  # istop, itn, r1norm, r2norm, anorm, acond, arnorm, xnorm, var
        places = {2: np.sqrt(small), 3: np.sqrt(damped), 7: np.linalg.norm(x)}
    else:  # istop, itn, normr, normar, norma, conda, normx
        places = {2: np.sqrt(damped), 6: np.linalg.norm(x)}
    for n, traced in places.items():
        rest[n] = attached(rest[n], traced)
    return rest

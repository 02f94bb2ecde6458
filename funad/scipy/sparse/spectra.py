"""A few eigenvalues and singular values of a sparse matrix, with their vectors.

A pair (w, v) solves A v - w v = 0 with a norm that is given. So the derivatives need, per pair, one system
with the matrix of that equation, bordered by the vectors: regular if w is a simple eigenvalue.
"""

import contextlib

import numpy as onp
from scipy import sparse as _sparse
from scipy.sparse import linalg as _linalg

from ... import numpy as np
from ...errors import NotDifferentiableError
from ...primitives import primitive
from ...values import dtype_of, shape_of
from .arrays import sparse_of, traced_in
from .layouts import layout_of, matrix_of
from .solving import is_plain

__all__ = ["eigen", "eigen_of_pencil", "eigs", "eigsh", "singular", "svds"]


@contextlib.contextmanager
def _of_plain_operator(name, A):
    """Refuse an operator that computes with traced values, on which SciPy's own search has met one."""
    try:
        yield
    except (NotDifferentiableError, ValueError) as error:
        if isinstance(error, NotDifferentiableError) or traced_in(getattr(A, "args", ())):
            raise NotDifferentiableError(
                f"{name} of an operator that computes with traced values, so that its entries are not known; "
                f"give it a sparse matrix or an array"
            ) from None
        raise


def _entries_of(A):
    """Return the entries and the layout of a matrix, of an array with all of its entries."""
    matrix = sparse_of(A).summed()
    return matrix.data, matrix.layout


@primitive(name="scipy.sparse.linalg.eigsh")
def eigen(data, layout, method, k, options):
    """Return eigenvalues and their vectors, as the columns of a matrix, as SciPy finds them."""
    return tuple(getattr(_linalg, method)(matrix_of(data, layout), k, **options))


@primitive(name="scipy.sparse.linalg.eigsh")
def eigen_of_pencil(data, data_of_m, layout, layout_of_m, k, options):
    """Return the same of A v = w M v, for a real symmetric A and M."""
    M = matrix_of(data_of_m, layout_of_m)
    return tuple(_linalg.eigsh(matrix_of(data, layout), k, M, **options))


@primitive(name="scipy.sparse.linalg.svds")
def singular(data, layout, k, options):
    """Return the left singular vectors, the singular values, and the right ones, as SciPy finds them."""
    return tuple(_linalg.svds(matrix_of(data, layout), k, **options))


def _of_eigenvalues(method):
    theirs = getattr(_linalg, method)

    def solver(A, k=6, M=None, sigma=None, which="LM", v0=None, ncv=None, maxiter=None, tol=0,
               return_eigenvectors=True, **options):  # fmt: skip
        others = [sigma, v0, ncv, maxiter, tol, *options.values()]
        if is_plain(A, M, *others):
            with _of_plain_operator(method, A):
                return theirs(A, k, M, sigma, which, v0, ncv, maxiter, tol, return_eigenvectors, **options)
        if traced_in(others):
            raise NotDifferentiableError(
                f"{method} has derivatives in A and M alone: give sigma, v0 and the like stop_gradient"
            )
        data, layout = _entries_of(A)
        given = {"sigma": sigma, "which": which, "v0": v0, "ncv": ncv, "maxiter": maxiter, "tol": tol}
        if M is None:
            w, v = eigen(data, layout, method, k, {**given, **options})
        else:
            of_m, layout_of_m = _entries_of(M)
            is_real = dtype_of(data).kind == "f" and dtype_of(of_m).kind in "fiu"
            if method != "eigsh" or not is_real or options.get("mode", "normal") != "normal":
                raise NotDifferentiableError(
                    f"{method} with M has derivatives as eigsh of real matrices, with mode='normal', alone: "
                    f"write it for the matrix M⁻¹ A"
                )
            w, v = eigen_of_pencil(data, of_m, layout, layout_of_m, k, {**given, **options})
        return (w, v) if return_eigenvectors else w

    solver.__name__ = solver.__qualname__ = method
    solver.__doc__ = f"Return what scipy.sparse.linalg.{method} finds, with its derivatives in the matrix."
    solver.__module__ = "funad.scipy.sparse.linalg"
    return solver


eigsh = _of_eigenvalues("eigsh")
eigs = _of_eigenvalues("eigs")


def svds(A, k=6, ncv=None, tol=0, which="LM", v0=None, maxiter=None, return_singular_vectors=True,
         solver="arpack", rng=None, options=None, **others):  # fmt: skip
    """Return what scipy.sparse.linalg.svds finds, with its derivatives in the matrix."""
    given = {
        "ncv": ncv, "tol": tol, "which": which, "v0": v0, "maxiter": maxiter, "solver": solver, "rng": rng,
        "options": options, **others,
    }  # fmt: skip
    given = {name: x for name, x in given.items() if x is not None}
    if is_plain(A, *given.values()):
        with _of_plain_operator("svds", A):
            return _linalg.svds(A, k, return_singular_vectors=return_singular_vectors, **given)
    if traced_in(list(given.values())):
        raise NotDifferentiableError("svds has derivatives in A alone; give v0 stop_gradient")
    data, layout = _entries_of(A)
    u, s, vt = singular(data, layout, k, given)
    if not return_singular_vectors:
        return s
    if return_singular_vectors not in (True, "u", "vh"):
        raise ValueError("return_singular_vectors must be True, False, 'u' or 'vh'")
    return (
        u if return_singular_vectors != "vh" else None,
        s,
        vt if return_singular_vectors != "u" else None,
    )

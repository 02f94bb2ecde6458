"""Linear systems with a sparse matrix: by a factorisation that is kept, by substitution, by iteration.

The derivatives of x = A⁻¹ b are those of the equation, and need one more solution, with Aᵀ: b̄ = A⁻ᵀ x̄ and
Ā = -b̄ xᵀ at the places of the entries.
"""

import functools
import warnings

import numpy as onp
from scipy import sparse as _sparse
from scipy.sparse import linalg as _linalg

from ... import numpy as np
from ...boxes import Traced, innermost
from ...errors import NotDifferentiableError
from ...primitives import primitive
from ...trace import TRACING
from ...transforms.closures import Watched
from ...transforms.implicit import implicit
from ...values import shape_of
from .arrays import Sparse, is_sparse, sparse_of, traced_in
from .layouts import layout_of, matrix_of

__all__ = [
    "Factorized", "Factors", "factorized", "is_plain", "iterated", "iterative", "solved", "splu", "spsolve",
    "spsolve_triangular", "substituted", "without_transpose",
]  # fmt: skip


# --- by a factorisation


def is_plain(*args):
    """Say whether nothing in the arguments of a function is traced, or a Sparse."""
    return not traced_in(list(args)) and not any(type(x) is Sparse for x in args)


class Factors:
    """The factorisation of one matrix after the other: that of the last one is kept, for the way back."""

    def __init__(self, **options):
        self.options = options
        self.last = None

    def of(self, data, layout):
        """Return the factorisation of a plain matrix."""
        if self.last is None or not onp.array_equal(self.last[0], data):
            matrix = matrix_of(data, layout)
            self.last = onp.array(data), _linalg.splu(_as_csc(matrix), **self.options)
        return self.last[1]


def _as_csc(matrix):
    matrix = _sparse.csc_array(matrix)
    return matrix if matrix.dtype.kind in "fc" else matrix.astype(float)


@primitive(name="scipy.sparse.linalg.spsolve")
def solved(data, b, layout, factors, trans):
    """Return A⁻¹ b, or A⁻ᵀ b for the trans "T"; where A is singular, nan."""
    try:
        found = factors.of(data, layout)
    except RuntimeError as error:
        if "singular" not in str(error):
            raise
        warnings.warn(_linalg.MatrixRankWarning("Matrix is exactly singular"), stacklevel=2)
        return onp.full(onp.shape(b), onp.nan, onp.result_type(data, b, onp.float32))
    dtype = onp.result_type(data, b, onp.float32)
    return _by_factors(found, onp.asarray(b, dtype), trans).astype(dtype)


def _by_factors(found, b, trans):
    """Return the solution for a right-hand side, which may be complex for a real matrix."""
    own = found.L.dtype
    if b.dtype.kind == "c" != own.kind:
        return found.solve(b.real.astype(own), trans) + 1j * found.solve(b.imag.astype(own), trans)
    return found.solve(onp.asarray(b, own), trans)


def _system(A):
    """Return the matrix of a system, square, as a Sparse."""
    matrix = sparse_of(A)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix must be square (has shape {matrix.shape})")
    return matrix


def spsolve(A, b, permc_spec=None, use_umfpack=True):
    """Return A⁻¹ b, as SciPy's spsolve does; of traced values by a factorisation, kept for the way back."""
    if is_plain(A, b):
        return _linalg.spsolve(A, b, permc_spec, use_umfpack)
    matrix = _system(A)
    if is_sparse(b):
        columns = sparse_of(b)
        found = solved(matrix.data, columns.toarray(), matrix.layout, Factors(permc_spec=permc_spec), "N")
        return found if columns.shape[1] == 1 else sparse_of(found).asformat("csc")
    b = np.asarray(b)
    if np.ndim(b) not in (1, 2) or shape_of(b)[0] != matrix.shape[0]:
        raise ValueError(f"matrix - rhs dimension mismatch ({matrix.shape} - {shape_of(b)})")
    found = solved(matrix.data, b, matrix.layout, Factors(permc_spec=permc_spec), "N")
    return np.ravel(found) if shape_of(b)[1:] == (1,) else found


class Factorized:
    """A factorised matrix: SciPy's SuperLU, whose ``solve`` takes traced values, of traced matrices too."""

    def __init__(self, matrix, options):
        self._matrix, self._factors = sparse_of(matrix), Factors(**options)
        self._plain = None if isinstance(self._matrix.data, Traced) else _linalg.splu(matrix, **options)

    def solve(self, rhs, trans="N"):
        """Return the solution of A x = rhs, with trans "T" that of Aᵀ x = rhs, with "H" of Aᴴ x = rhs."""
        if self._plain is not None and innermost((rhs,)) is None:
            return self._plain.solve(rhs, trans)
        if trans not in ("N", "T", "H"):
            raise ValueError("trans must be N, T, or H")
        data, matrix = self._matrix.data, self._matrix
        if trans == "H":
            return np.conj(solved(data, np.conj(rhs), matrix.layout, self._factors, "T"))
        return solved(data, np.asarray(rhs), matrix.layout, self._factors, trans)

    def __getattr__(self, name):
        if self._plain is None:
            raise NotDifferentiableError(
                f"SuperLU.{name} of a matrix with traced entries: of a sparse factorisation only solve has "
                f"derivatives; write funad.scipy.linalg.lu(A.toarray())"
            )
        return getattr(self._plain, name)


def splu(A, permc_spec=None, diag_pivot_thresh=None, relax=None, panel_size=None, options=None):
    """Return the factorisation of a sparse matrix, whose ``solve`` takes traced values."""
    given = {
        "permc_spec": permc_spec, "diag_pivot_thresh": diag_pivot_thresh, "relax": relax,
        "panel_size": panel_size, "options": options or {},
    }  # fmt: skip
    return Factorized(_system(A) if type(A) is Sparse else A, given)


def factorized(A):
    """Return the function b ↦ A⁻¹ b, of one factorisation."""
    return splu(A if type(A) is Sparse else _sparse.csc_array(A)).solve


# --- by substitution


@primitive(name="scipy.sparse.linalg.spsolve_triangular")
def substituted(data, b, layout, lower, unit_diagonal):
    """Return A⁻¹ b of a triangular matrix."""
    matrix = matrix_of(data, layout).tocsr()
    if matrix.nnz <= onp.iinfo(onp.int32).max:  # SciPy 1.14 takes no places of 64 bits
        matrix.indices, matrix.indptr = (x.astype(onp.int32) for x in (matrix.indices, matrix.indptr))
    return _linalg.spsolve_triangular(matrix, b, lower, unit_diagonal=unit_diagonal)


def spsolve_triangular(A, b, lower=True, overwrite_A=False, overwrite_b=False, unit_diagonal=False):
    """Return A⁻¹ b of a sparse triangular matrix."""
    if is_plain(A, b):
        return _linalg.spsolve_triangular(A, b, lower, overwrite_A, overwrite_b, unit_diagonal)
    matrix = _system(A).summed()
    return substituted(matrix.data, np.asarray(b), matrix.layout, bool(lower), bool(unit_diagonal))


# --- by iteration


@primitive(name="scipy.sparse.linalg.iterated")
def iterated(data, b, layout, method, options):
    """Return A⁻¹ b as an iterative method of SciPy's finds it."""
    x, info = getattr(_linalg, method)(matrix_of(data, layout), b, **options)
    if info:
        raise _not_reached(method, info)
    return x


def _not_reached(method, info):
    return NotDifferentiableError(
        f"{method} has not reached its tolerance (info={info}), so that x solves no equation to take the "
        f"derivative of; give it more steps (maxiter), a larger rtol, or a preconditioner M"
    )


def iterative(method):
    """Return an iterative solver, whose derivatives are those of the equation, by the same solver."""
    theirs = getattr(_linalg, method)

    @functools.wraps(theirs)
    def solver(A, b, x0=None, **options):
        of_operator = isinstance(A, _linalg.LinearOperator) and not is_sparse(A)
        if is_plain(A, b, x0, *options.values()) and not (of_operator and TRACING.active):
            return theirs(A, b, x0, **options)
        if traced_in([x0, *options.values()]):
            raise NotDifferentiableError(
                f"{method} starts from x0, and takes options, on which its result depends within its "
                f"tolerance alone; give it stop_gradient of them"
            )
        if of_operator:
            return _of_operator(method, A, b, x0, options)
        if x0 is not None:
            options["x0"] = x0
        data, layout = (A, layout_of(A)) if not is_sparse(A) else _entries_of(A)
        return np.reshape(iterated(data, np.ravel(b), layout, method, options), shape_of(b)), 0

    del solver.__wrapped__
    solver.__module__ = "funad.scipy.sparse.linalg"
    return solver


def _entries_of(A):
    matrix = sparse_of(A)
    return matrix.data, matrix.layout


_SYMMETRIC = ("cg", "minres")
_OF_ONE_CALL = ("x0", "callback", "callback_type", "CU", "outer_v")


def without_transpose(method, options, size):
    """Return the options of a solver for the system with the transpose: its preconditioner is transposed."""
    kept = {name: x for name, x in options.items() if name not in _OF_ONE_CALL}
    if method in _SYMMETRIC:
        return kept
    if "M1" in kept or "M2" in kept:
        kept["M1"], kept["M2"] = kept.get("M2"), kept.get("M1")
    for name in ("M", "M1", "M2"):
        if kept.get(name) is not None:
            kept[name] = _transpose_of(kept[name], size)
    return kept


def _transpose_of(preconditioner, size):
    """Return the transpose of a preconditioner; None if it has none, and the system is solved without."""
    try:
        turned = _linalg.aslinearoperator(preconditioner).T
        turned.matvec(onp.zeros(size))
    except (NotImplementedError, AttributeError):
        return None
    return turned


def _of_operator(method, A, b, x0, options):
    """Return the solution of a system whose matrix is known by products, which may be traced."""
    theirs, operator = getattr(_linalg, method), A
    products = Watched(lambda u: operator.matvec(u))
    rhs = np.ravel(b)
    n = operator.shape[0]
    inner = {"rtol": min(options.get("rtol", 1e-5), 1e-10)}

    def solve(product, v):
        return theirs(_linalg.LinearOperator((n, n), product, product, dtype=v.dtype), v, **inner)[0]

    watched = Watched(lambda: rhs)
    x, info = theirs(_linalg.LinearOperator((n, n), products, dtype=float), watched(), x0, **options)
    if info:
        raise _not_reached(method, info)
    x = implicit(lambda u: operator.matvec(u) - rhs, x, solve=solve)
    return np.reshape(x, shape_of(b)), info

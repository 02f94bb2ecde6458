"""``scipy.linalg`` on traced values."""

import importlib as _importlib

import numpy as _onp
from scipy import linalg as _linalg

from .. import numpy as _np
from ..boxes import Traced as _Traced
from ..calling import as_one_call as _as_one_call
from ..numpy.linalg import eig_told_apart as _eig_told_apart
from ..numpy.linalg import eigh_told_apart as _eigh_told_apart
from ..numpy.linalg import svd_told_apart as _svd_told_apart
from ..numpy.linalg import with_order as _with_order
from ..primitives import primitive as _primitive
from ..values import constant as _constant
from ..writing import content_of as _content_of
from .calls import composite_of as _composite_of
from .calls import of_arrays as _of_arrays
from .calls import refused as _refused
from .namespace import complete as _complete
from .rearranging import rearranged as _rearranged


def _of(name, arrays=1):
    """Return the primitive of a function of scipy.linalg."""
    return _of_arrays(getattr(_linalg, name), f"scipy.linalg.{name}", arrays)


def _written(name):
    """Make the decorated function what a function of scipy.linalg is on traced values."""
    return _composite_of(getattr(_linalg, name), f"scipy.linalg.{name}")


def _part_of(name):
    """Make the decorated function a primitive that messages call by a name of scipy.linalg."""
    return lambda f: _primitive(f, f"scipy.linalg.{name}")


# Equations
solve_whole = _of("solve", 2)
inv = _of("inv")
det = _of("det")
lstsq = _of("lstsq", 2)
pinv = _of("pinv")
pinvh = _of("pinvh")
norm = _of("norm")
solve_triangular = _of("solve_triangular", 2)
solveh_banded = _of("solveh_banded", 2)
solve_circulant = _of("solve_circulant", 2)


def _parts(name, arrays):
    """Make the decorated function a primitive of arrays that messages call by a name of scipy.linalg."""
    return lambda f: _of_arrays(f, f"scipy.linalg.{name}", arrays)


# The same equations, by the factors of the plain a if they are known. It is no name of SciPy.
@_parts("solve", 2)
def solve_by_factors(a, b, lu=None, piv=None, trans=0, check_finite=True):
    factors = _linalg.lu_factor(a, check_finite=check_finite) if lu is None else (lu, piv)
    return _linalg.lu_solve(factors, b, trans=trans, check_finite=check_finite)


@_written("solve")
def solve(
    a, b, lower=False, overwrite_a=False, overwrite_b=False, check_finite=True, assume_a=None,
    transposed=False,
):  # fmt: skip
    # One factorisation for the solution and all of its derivatives.
    factors = None if transposed or assume_a not in _GENERAL else _factors_of(a, b, assume_a, check_finite)
    if factors is not None:
        return solve_by_factors(a, b, *factors, check_finite=check_finite)
    kind = {} if assume_a is None else {"assume_a": assume_a}
    return solve_whole(a, b, lower, check_finite=check_finite, transposed=transposed, **kind)


_GENERAL = (None, "gen", "general")


def _factors_of(a, b, assume_a, check_finite):
    """Return the factors of a plain, regular matrix of which SciPy finds no structure; otherwise None."""
    a, b = (_constant(_content_of(x)) for x in (a, b))
    if not all(type(x) is _onp.ndarray for x in (a, b)) or a.ndim != 2 or b.ndim not in (1, 2):
        return None
    dtype = _onp.result_type(a, b)
    if len(a) < 2 or a.shape[0] != a.shape[1] or len(b) != len(a) or dtype.char not in "fdFD":
        return None
    corner, other = a[0, -1], a[-1, 0]
    if assume_a is None and (not corner or not other or corner in (other, other.conj())):
        return None  # a triangle, a band or a symmetric matrix perhaps
    a = a.astype(dtype, order="F")
    if check_finite and not _onp.all(_onp.isfinite(a)):
        return None
    getrf, gecon = _linalg.get_lapack_funcs(("getrf", "gecon"), (a,))
    norm = _onp.max(_onp.sum(_onp.abs(a), axis=0))
    lu, piv, info = getrf(a, overwrite_a=True)
    if info or not gecon(lu, norm)[0] > 10 * _onp.finfo(dtype).eps:  # SciPy itself raises, or warns
        return None
    return lu, piv


# Of what SciPy takes in pairs, these take the parts one by one: they are no names of SciPy.
@_parts("cho_solve", 2)
def cho_solve_of(c, b, lower=False, check_finite=True):
    return _linalg.cho_solve((c, lower), b, check_finite=check_finite)


@_written("cho_solve")
def cho_solve(c_and_lower, b, overwrite_b=False, check_finite=True):
    c, lower = c_and_lower
    return cho_solve_of(c, b, lower=lower, check_finite=check_finite)


@_parts("lu_solve", 2)
def lu_solve_of(lu, b, piv=None, trans=0, check_finite=True):
    return _linalg.lu_solve((lu, piv), b, trans=trans, check_finite=check_finite)


@_written("lu_solve")
def lu_solve(lu_and_piv, b, trans=0, overwrite_b=False, check_finite=True):
    lu, piv = lu_and_piv
    return lu_solve_of(lu, b, piv=piv, trans=trans, check_finite=check_finite)


def order_of(piv, rows):
    """Return the order of rows after LAPACK's swaps: row k with row piv[k], one after the other."""
    if piv.ndim > 1:
        return _onp.array([order_of(part, rows) for part in piv])
    order = list(range(rows))
    for k, other in enumerate(piv.tolist()):
        order[k], order[other] = order[other], order[k]
    return _onp.array(order, dtype=_onp.intp)


@_parts("solve_toeplitz", 3)
def solve_toeplitz_of(c, r, b, check_finite=True):
    # SciPy 1.14 refuses arrays that cannot be written to.
    c, r, b = (x if x.flags.writeable else x.copy() for x in map(_onp.asarray, (c, r, b)))
    return _linalg.solve_toeplitz((c, r), b, check_finite=check_finite)


@_written("solve_toeplitz")
def solve_toeplitz(c_or_cr, b, check_finite=True):
    c, r = _column_and_row(c_or_cr)
    return solve_toeplitz_of(c, r, b, check_finite=check_finite)


@_parts("matmul_toeplitz", 3)
def matmul_toeplitz_of(c, r, x, check_finite=False, workers=None):
    return _linalg.matmul_toeplitz((c, r), x, check_finite=check_finite, workers=workers)


@_written("matmul_toeplitz")
def matmul_toeplitz(c_or_cr, x, check_finite=False, workers=None):
    c, r = _column_and_row(c_or_cr)
    return matmul_toeplitz_of(c, r, x, check_finite=check_finite, workers=workers)


def _column_and_row(c_or_cr):
    """Return the first column and the first row of a Toeplitz matrix, as SciPy takes them."""
    return c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, _np.conj(c_or_cr))


@_parts("solve_banded", 2)
def solve_banded_of(ab, b, l_and_u=(0, 0), check_finite=True):
    return _linalg.solve_banded(l_and_u, ab, b, check_finite=check_finite)


@_written("solve_banded")
def solve_banded(l_and_u, ab, b, overwrite_ab=False, overwrite_b=False, check_finite=True):
    return solve_banded_of(ab, b, l_and_u=tuple(l_and_u), check_finite=check_finite)


@_parts("cho_solve_banded", 2)
def cho_solve_banded_of(cb, b, lower=False, check_finite=True):
    return _linalg.cho_solve_banded((cb, lower), b, check_finite=check_finite)


@_written("cho_solve_banded")
def cho_solve_banded(cb_and_lower, b, overwrite_b=False, check_finite=True):
    cb, lower = cb_and_lower
    return cho_solve_banded_of(cb, b, lower=lower, check_finite=check_finite)


# Rearrangements
@_written("toeplitz")
def toeplitz(c, r=None):
    return _rearranged(_linalg.toeplitz, c, _np.conj(c) if r is None else r)


@_written("circulant")
def circulant(c):
    return _rearranged(_linalg.circulant, c)


@_written("hankel")
def hankel(c, r=None):
    return _rearranged(_linalg.hankel, c, _np.zeros_like(c) if r is None else r)


@_written("block_diag")
def block_diag(*arrs):
    return _rearranged(_linalg.block_diag, *arrs)


@_written("convolution_matrix")
def convolution_matrix(a, n, mode="full"):
    return _rearranged(lambda a: _linalg.convolution_matrix(a, n, mode), a)


@_written("leslie")
def leslie(f, s):
    return _rearranged(_linalg.leslie, f, s)


@_written("diagsvd")
def diagsvd(s, M, N):
    return _rearranged(lambda s: _linalg.diagsvd(s, M, N), s)


@_written("companion")
def companion(a):
    a = _np.atleast_1d(a)
    _linalg.companion(_constant(a))  # which raises where there is none
    n = a.shape[-1] - 1
    first = -a[..., 1:] / (1.0 * a[..., 0:1])
    others = _np.broadcast_to(_np.eye(n, dtype=first.dtype)[: n - 1], (*a.shape[:-1], n - 1, n))
    return _np.concatenate([first[..., None, :], others], -2)


@_written("fiedler")
def fiedler(a):
    a = _np.atleast_1d(a)
    return _np.abs(a[..., :, None] - a[..., None, :])


@_written("fiedler_companion")
def fiedler_companion(a):
    a = _np.atleast_1d(a)
    plain = _constant(a)
    if a.shape[-1] <= 2 or _np.any(plain[..., 0] == 0):
        if a.shape[-1] != 2:
            return _linalg.fiedler_companion(plain)  # nothing of a, or an error
        return (-(a / a[..., :1])[..., -1:])[..., None]
    a = a / a[..., :1]
    one = _np.ones_like(plain[..., :1])
    return _rearranged(lambda parts: _fiedler_places(parts), _np.concatenate([-a[..., 1:], one], -1))


def _fiedler_places(parts):
    """Return where the coefficients and the ones of a companion matrix of Fiedler's stand."""
    if parts.ndim > 1:
        return _onp.array([_fiedler_places(part) for part in parts])
    *_, one = parts
    # Of the polynomial 1, -2, -3, ... the entries other than 1 are the places of the coefficients.
    found = _linalg.fiedler_companion(_onp.array([1.0, *-(1.0 + _onp.arange(1, len(parts)))]))
    return _onp.where(found == 1, one, _onp.where(found == 0, 0, parts[0] - 2 + found))


@_written("khatri_rao")
def khatri_rao(a, b):
    a, b = _np.asarray(a), _np.asarray(b)
    _linalg.khatri_rao(_constant(a), _constant(b))  # which raises where there is none
    product = a[..., :, None, :] * b[..., None, :, :]
    return _np.reshape(product, (*product.shape[:-3], -1, product.shape[-1]))


# Decompositions
cholesky = _of("cholesky")
cho_factor = _of("cho_factor")
cholesky_banded = _of("cholesky_banded")
lu = _of("lu")
lu_factor = _of("lu_factor")
ldl = _of("ldl")
svdvals = _of("svdvals")
rq = _of("rq")
qr_multiply = _of("qr_multiply", 2)
hessenberg = _of("hessenberg")
schur = _of("schur")
rsf2csf = _of("rsf2csf", 2)
eigvals = _of("eigvals", 2)
eig_banded = _of("eig_banded")
eigvals_banded = _of("eigvals_banded")
eigh_tridiagonal = _of("eigh_tridiagonal", 2)
eigvalsh_tridiagonal = _of("eigvalsh_tridiagonal", 2)
matrix_balance = _of("matrix_balance")
subspace_angles = _of("subspace_angles", 2)
orthogonal_procrustes = _of("orthogonal_procrustes", 2)
polar = _of("polar")
cdf2rdf = _of("cdf2rdf", 2)


@_part_of("qr")
def qr_of(a, mode="full", pivoting=False, check_finite=True):
    found = _linalg.qr(a, mode=mode, pivoting=pivoting, check_finite=check_finite)
    return (*found[0], *found[1:]) if mode == "raw" else found


@_written("qr")
def qr(a, overwrite_a=False, lwork=None, mode="full", pivoting=False, check_finite=True):
    parts = qr_of(a, mode=mode, pivoting=pivoting, check_finite=check_finite)
    return (parts[:2], *parts[2:]) if mode == "raw" else parts


@_part_of("svd")
def svd_apart(a, order, full_matrices=True, check_finite=True, lapack_driver="gesdd"):
    found = _linalg.svd(a, full_matrices, check_finite=check_finite, lapack_driver=lapack_driver)
    return _svd_told_apart(found, order)


@_written("svd")
def svd(a, full_matrices=True, compute_uv=True, overwrite_a=False, check_finite=True, lapack_driver="gesdd"):
    if not compute_uv:
        return svdvals(a, check_finite=check_finite)
    a, order = _with_order(a)
    return svd_apart(a, order, full_matrices, check_finite=check_finite, lapack_driver=lapack_driver)


@_part_of("eigh")
def eigh_of(
    a, b=None, lower=True, eigvals_only=False, type=1, check_finite=True,
    subset_by_index=None, subset_by_value=None, driver=None,
):  # fmt: skip
    return _linalg.eigh(
        a, b, lower=lower, eigvals_only=eigvals_only, type=type, check_finite=check_finite,
        subset_by_index=subset_by_index, subset_by_value=subset_by_value, driver=driver,
    )  # fmt: skip


@_part_of("eigh")
def eigh_apart(a, order, lower=True, check_finite=True, driver=None):
    return _eigh_told_apart(_linalg.eigh(a, lower=lower, check_finite=check_finite, driver=driver), order)


@_written("eigh")
def eigh(
    a, b=None, *, lower=True, eigvals_only=False, overwrite_a=False, overwrite_b=False, type=1,
    check_finite=True, subset_by_index=None, subset_by_value=None, driver=None,
):  # fmt: skip
    if b is None and subset_by_index is None and subset_by_value is None:
        a, order = _with_order(a)
        if not eigvals_only:
            return eigh_apart(a, order, lower=lower, check_finite=check_finite, driver=driver)
        if order > 1:  # by one decomposition for all derivatives, if values coincide
            found = _eigh_told_apart(_linalg.eigh(_constant(a), lower=lower), order)[0]
            if isinstance(found, _Traced):
                return eigh_apart(a, order, lower=lower, check_finite=check_finite, driver=driver)[0]
    return eigh_of(
        a, b, lower=lower, eigvals_only=eigvals_only, type=type, check_finite=check_finite,
        subset_by_index=subset_by_index, subset_by_value=subset_by_value, driver=driver,
    )  # fmt: skip


@_written("eigvalsh")
def eigvalsh(
    a, b=None, *, lower=True, overwrite_a=False, overwrite_b=False, type=1, check_finite=True,
    subset_by_index=None, subset_by_value=None, driver=None,
):  # fmt: skip
    return eigh(
        a, b, lower=lower, eigvals_only=True, type=type, check_finite=check_finite,
        subset_by_index=subset_by_index, subset_by_value=subset_by_value, driver=driver,
    )  # fmt: skip


@_part_of("eig")
def eig_of(a, b=None, left=False, right=True, check_finite=True, homogeneous_eigvals=False):
    return _linalg.eig(a, b, left, right, check_finite=check_finite, homogeneous_eigvals=homogeneous_eigvals)


@_part_of("eig")
def eig_apart(a, order, check_finite=True):
    return _eig_told_apart(a, _linalg.eig(a, check_finite=check_finite), order)


@_written("eig")
def eig(
    a, b=None, left=False, right=True, overwrite_a=False, overwrite_b=False, check_finite=True,
    homogeneous_eigvals=False,
):  # fmt: skip
    if b is None and right and not left and not homogeneous_eigvals:
        a, order = _with_order(a)
        return eig_apart(a, order, check_finite=check_finite)
    return eig_of(
        a, b, left=left, right=right, check_finite=check_finite, homogeneous_eigvals=homogeneous_eigvals
    )


@_as_one_call
def order_of_rows(a):
    """Return the p of the decomposition A = L[p] U."""
    return _linalg.lu(a, check_finite=False, p_indices=True)[0]


@_as_one_call
def balancing(a, permute, scale):
    """Return the T of the balanced matrix T⁻¹ A T."""
    return _linalg.matrix_balance(a, permute, scale)[1]


# Functions of matrices
expm = _of("expm")
expm_frechet = _of("expm_frechet", 2)
expm_cond = _of("expm_cond")
logm = _of("logm")
sqrtm = _of("sqrtm")
fractional_matrix_power = _of("fractional_matrix_power", 2)
funm = _of("funm")
signm = _of("signm")
cosm = _of("cosm")
sinm = _of("sinm")
tanm = _of("tanm")
coshm = _of("coshm")
sinhm = _of("sinhm")
tanhm = _of("tanhm")

# Matrix equations
solve_sylvester = _of("solve_sylvester", 3)
solve_continuous_lyapunov = solve_lyapunov = _of("solve_continuous_lyapunov", 2)
solve_discrete_lyapunov = _of("solve_discrete_lyapunov", 2)
solve_continuous_are = _of("solve_continuous_are", 6)
solve_discrete_are = _of("solve_discrete_are", 6)

_BASIS = "any basis of the space will do; use a projection onto it, or singular values"
_SIGNS = "its factors are defined but for signs, phases and the order of the values; use eig of two matrices"
_UPDATE = "LAPACK turns factors that it is given; use qr of the matrix that they would be the factors of"

# What is refused on traced values, with the reason.
REFUSED = {
    "null_space": _BASIS,
    "orth": _BASIS,
    "cossin": "only unitary matrices have one, and no others are near to them; use svdvals of a block",
    "qz": _SIGNS,
    "ordqz": _SIGNS,
    "qr_delete": _UPDATE,
    "qr_insert": _UPDATE,
    "qr_update": _UPDATE,
}
globals().update(
    {name: _refused(getattr(_linalg, name), f"scipy.linalg.{name}", why) for name, why in REFUSED.items()}
)

# Questions about a matrix
issymmetric = _of("issymmetric")
ishermitian = _of("ishermitian")
bandwidth = _of("bandwidth")

_complete(globals(), _linalg)


# Whoever loads this module is to have its rules: they stand on a floor above, so by name.
_importlib.import_module("funad.scipy.rules.linalg")

"""Linear algebra: solving, decomposing, norms. It is also the namespace funad.numpy.linalg.

This module is loaded when it is asked for (see ``registry.LATE``): with its rules it takes 2 ms.
"""

import importlib as _importlib

import numpy as _np
from numpy.linalg import LinAlgError

from ..boxes import Traced as _Traced
from ..boxes import innermost as _innermost
from ..calling import call as _call
from ..primitives import implements as _implements
from ..primitives import primitive
from ..registry import enter as _enter
from ..spaces import at_rest as _at_rest
from ..values import constant as _constant
from ..writing import content_of as _content_of
from . import elementwise as _elementwise
from . import manipulation as _manipulation
from . import ties as _ties
from .kernels import kernels as _kernels
from .versions import lookup
from .views import may_share as _may_share

__all__ = [
    "solve",
    "inv",
    "pinv",
    "lstsq",
    "tensorsolve",
    "tensorinv",
    "det",
    "slogdet",
    "matrix_rank",
    "cond",
    "norm",
    "vector_norm",
    "matrix_norm",
    "cholesky",
    "qr",
    "svd",
    "svdvals",
    "eig",
    "eigvals",
    "eigh",
    "eigvalsh",
    "matrix_power",
    "multi_dot",
    "matmul",
    "vecdot",
    "outer",
    "cross",
    "tensordot",
    "trace",
    "diagonal",
    "matrix_transpose",
    "LinAlgError",
]

# Equations
_solve = _enter(_np.linalg.solve)


@_implements(_np.linalg.solve)
def solve(a, b):
    if type(a) is _np.ndarray and type(b) is _np.ndarray:
        return _solve.plain(a, b)
    # One factorisation for the solution and all of its derivatives.
    factors = _factors_of(a, b) if _innermost((a, b)) is not None else None
    return _call(_solve, (a, b), {}) if factors is None else solve_by_factors(a, b, *factors)


def _factors_of(a, b):
    """Return the factors of a large plain regular matrix, if SciPy is installed; otherwise None."""
    a, b = (_constant(_content_of(x)) for x in (a, b))
    if not all(type(x) is _np.ndarray for x in (a, b)) or a.ndim != 2 or a.shape[0] != a.shape[1]:
        return None
    if b.ndim not in (1, 2) or len(b) != len(a) or a.dtype != b.dtype or a.dtype.char not in "fdFD":
        return None
    found = _kernels("get_lapack_funcs", ("getrf",), a)
    if found is None:
        return None
    lu, piv, singular = found[0](a)
    return None if singular else (lu, piv)


def _solve_by_factors(a, b, lu=None, piv=None, trans=0):
    if lu is None:
        return _np.linalg.solve(a.T if trans else a, b)
    (getrs,) = _kernels("get_lapack_funcs", ("getrs",), lu)
    return _np.ascontiguousarray(getrs(lu, piv, b, trans)[0])


solve_by_factors = primitive(_solve_by_factors, "numpy.linalg.solve")  # no name of NumPy's
inv = primitive(_np.linalg.inv)
pinv = primitive(_np.linalg.pinv)
lstsq = primitive(_np.linalg.lstsq)
tensorsolve = primitive(_np.linalg.tensorsolve)
tensorinv = primitive(_np.linalg.tensorinv)

# Numbers that describe a matrix
det = primitive(_np.linalg.det)
slogdet = primitive(_np.linalg.slogdet)
matrix_rank = primitive(_np.linalg.matrix_rank)
cond = primitive(_np.linalg.cond)
norm = primitive(_np.linalg.norm)
vector_norm = primitive(_np.linalg.vector_norm)
matrix_norm = primitive(_np.linalg.matrix_norm)

# Decompositions
cholesky = primitive(_np.linalg.cholesky)
_qr = _enter(_np.linalg.qr)


@_implements(_np.linalg.qr)
def qr(a, mode="reduced"):
    # What LAPACK makes of a tall matrix beside the reduced Q follows from its reflections alone.
    if mode in ("raw", "complete") and _innermost((a,)) is not None:
        a = _manipulation.asarray(a)
        tall = a.shape[-2] > a.shape[-1]
        if tall or mode == "raw":
            k = turning(a)
            if _np.any(dependent(_np.linalg.qr(_constant(a), mode="r")[..., :k, :k])):
                raise LinAlgError(DEPENDENT)
            return _reflections(a) if mode == "raw" else _completed(*_reflections(a))
    return _call(_qr, (a,), {"mode": mode})


def with_order(a):
    """Return a as one array, and how many derivatives may be taken of a function of it."""
    if type(a) is _np.ndarray or _innermost((a,)) is None:
        return a, 0
    a = _at_rest(a) if isinstance(a, _Traced) else _manipulation.asarray(a)
    if _ties.is_above(a):  # a function of what another call has told apart, but of no choice in that
        a = _ties.settle(a, 1.0)
    return a, _ties.order_of(a)


_svd = _enter(_np.linalg.svd)


@_implements(_np.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    a, order = with_order(a)
    if order and hermitian and _are_tied(_np.linalg.svd(_constant(a), compute_uv=False, hermitian=True)):
        half = a * (_np.tri(a.shape[-1]) - _np.eye(a.shape[-1]) / 2).astype(a.real.dtype)
        a, hermitian = half + _elementwise.conj(half.mT), False
    if order == 0 or hermitian:
        return _call(_svd, (a, full_matrices, compute_uv, hermitian), {})
    if order == 1 and not compute_uv:
        return _call(_svd, (a, full_matrices, False, False), {})
    found = svd_apart(a, order, full_matrices and compute_uv)
    return found if compute_uv else found[1]


def _are_tied(s, order=1):
    """Say whether singular values coincide, or nearly so, or are 0."""
    near = _ties.clusters(s, _ties.nearness(s, order))
    return bool(_np.any(s <= _ties.rounding(s)) or _np.sum(near) != s.size)


def _svd_apart(a, order, full_matrices=True):
    """Return what svd does; where values coincide or are 0, of a matrix in which they do not."""
    found = _np.linalg.svd(a, full_matrices)
    return type(found)(*svd_told_apart(found, order))


def svd_told_apart(found, order):
    """Return U, s and Vᴴ as they were found, or where values coincide or are 0, those of another matrix."""
    u, s, vh = found
    if not _are_tied(s, order):
        return found
    _ties.check_order(order)
    within = _ties.rounding(s)
    same = _ties.clusters(s, within)
    zero = _np.any(same & (s <= within)[..., None, :], axis=-1)
    near = _ties.clusters(s, _ties.nearness(s, order)) & (zero[..., :, None] == zero[..., None, :])
    k = s.shape[-1]
    # The vectors of zeros are no pairs: each side is turned for itself.
    null = same & zero[..., None, :]
    v = _ties.turned(_np.conj(vh.mT[..., :k]), same)
    u = _np.concatenate([_ties.turned(_ties.turned(u[..., :k], same), null, 1), u[..., k:]], -1)
    v = _np.concatenate([v, _np.conj(vh.mT[..., k:])], -1)
    splitting = _ties.Splitting(order, near, zero, s, _ties.steps(s), TIED.format("svd", "singular"))
    u, v = splitting.chosen(u, null), splitting.chosen(v)
    return u, splitting.apart(s), _elementwise.conj(v).mT


# What the rules refuse where values coincide
TIED = (
    "the vectors that {} returns have no derivative where {} values coincide; use the values alone, "
    "or what does not depend on the choice of such vectors, or move the matrix away from the tie"
)

# What svd is on traced values; no name of NumPy.
svd_apart = primitive(_svd_apart, "numpy.linalg.svd")
_svdvals = _enter(_np.linalg.svdvals)


@_implements(_np.linalg.svdvals)
def svdvals(x, /):
    x, order = with_order(x)
    return svd(x, False)[1] if order > 1 else _call(_svdvals, (x,), {})


_eig = _enter(_np.linalg.eig)


@_implements(_np.linalg.eig)
def eig(a):
    a, order = with_order(a)
    return eig_apart(a, order) if order else _call(_eig, (a,), {})


def _eig_apart(a, order):
    """Return what eig does; where values coincide, of a matrix in which they do not."""
    found = _np.linalg.eig(a)
    return type(found)(*eig_told_apart(a, found, order))


def eig_told_apart(a, found, order):
    """Return w and V as they were found, or where values coincide, those of another matrix."""
    w, v = found
    same, defective = closeness(a, w, v)
    if _np.count_nonzero(same) == w.size and not _np.any(defective):
        return found
    _ties.check_order(order)
    v = _ties.turned(v, same, is_complex=_np.iscomplexobj(a))
    v = v / _np.linalg.norm(v, axis=-2, keepdims=True)
    splitting = _ties.Splitting(
        order, same, None, w, _ties.steps_of_pairs(w, same), TIED.format("eig", "eigen")
    )
    return splitting.apart(w), splitting.chosen(v)


# What eig is on traced values; no name of NumPy.
eig_apart = primitive(_eig_apart, "numpy.linalg.eig")
_eigvals = _enter(_np.linalg.eigvals)


@_implements(_np.linalg.eigvals)
def eigvals(a):
    a, order = with_order(a)
    return eig(a)[0] if order else _call(_eigvals, (a,), {})


# What the rules of eig and roots refuse
DEFECTIVE = (
    "{} has no derivative where the matrix is defective, that is, eigenvalues coincide (to rounding) and "
    "have no vectors of their own: the values then move like a root of the change; for sums and products "
    "of the values use np.trace of a power and np.linalg.det, or move the matrix away from it"
)


def closeness(a, w, v):
    """Return which eigenvalues coincide but for rounding, and which matrices are defective.

    That is where two eigenvalues are too near to tell them apart from their vectors.
    """
    if w.size == 0:
        return w[..., None, :] == w[..., None], _np.zeros(w.shape[:-1], bool)
    conditions, eps = _conditions(v), _np.finfo(v.dtype).eps
    with _np.errstate(invalid="ignore", over="ignore"):  # rounding moves an eigenvalue so far:
        errors = eps * _np.max(_np.abs(a), axis=(-2, -1))[..., None] * conditions
    errors = _np.where(_np.isnan(errors), 0, errors)
    gaps = _np.abs(w[..., :, None] - w[..., None, :])
    within = _np.maximum(_ties.rounding(w), 10 * errors)
    near = gaps <= _np.maximum(within[..., :, None], within[..., None, :])
    while _np.count_nonzero(near) != w.size and _np.any(near != (more := (near.astype(int) @ near) > 0)):
        near = more
    blurred = gaps <= 1e4 * _np.maximum(errors[..., :, None], errors[..., None, :])
    bad = conditions > eps**-0.3
    if not _np.any(bad):
        return near, _np.zeros(w.shape[:-1], bool)
    pairs = blurred & (bad[..., :, None] | bad[..., None, :]) & ~_np.eye(w.shape[-1], dtype=bool)
    return near, _np.any(pairs, axis=(-2, -1))


def _conditions(v):
    """Return the condition of each eigenvalue, from vectors of length 1 in columns."""
    try:
        with _np.errstate(invalid="ignore", over="ignore"):
            return _np.linalg.norm(_np.linalg.inv(v), axis=-1)
    except LinAlgError:
        if v.ndim == 2:
            return _np.full(v.shape[-1], _np.inf)
        found = [_conditions(part) for part in v.reshape(-1, *v.shape[-2:])]
        return _np.reshape(found, v.shape[:-1])


_eigh = _enter(_np.linalg.eigh)


@_implements(_np.linalg.eigh)
def eigh(a, UPLO="L"):
    a, order = with_order(a)
    return eigh_apart(a, order, UPLO) if order else _call(_eigh, (a, UPLO), {})


def _eigh_apart(a, order, UPLO="L"):
    """Return what eigh does; where values coincide, of a matrix in which they do not."""
    found = _np.linalg.eigh(a, UPLO)
    return type(found)(*eigh_told_apart(found, order))


def eigh_told_apart(found, order):
    """Return w and V as they were found, or where values coincide, those of another matrix."""
    w, v = found
    near = _ties.clusters(w, _ties.nearness(w, order))
    if _np.sum(near) == w.size:
        return found
    _ties.check_order(order)
    same = _ties.clusters(w, _ties.rounding(w))
    splitting = _ties.Splitting(order, near, None, w, _ties.steps(w), TIED.format("eigh", "eigen"))
    return splitting.apart(w), splitting.chosen(_ties.turned(v, same))


# What eigh is on traced values; no name of NumPy.
eigh_apart = primitive(_eigh_apart, "numpy.linalg.eigh")
_eigvalsh = _enter(_np.linalg.eigvalsh)


@_implements(_np.linalg.eigvalsh)
def eigvalsh(a, UPLO="L"):
    # The second derivative goes by the vectors, and that of ties by one decomposition for both.
    a, order = with_order(a)
    return eigh(a, UPLO)[0] if order > 1 else _call(_eigvalsh, (a, UPLO), {})


# Products and rearrangements: functions of their own in NumPy, not those of numpy itself
matrix_power = primitive(_np.linalg.matrix_power)
multi_dot = primitive(_np.linalg.multi_dot, containers=(0,))
matmul = primitive(_np.linalg.matmul)
vecdot = primitive(_np.linalg.vecdot)
outer = primitive(_np.linalg.outer)
cross = primitive(_np.linalg.cross)
tensordot = primitive(_np.linalg.tensordot)
trace = primitive(_np.linalg.trace)
diagonal = primitive(_np.linalg.diagonal)
matrix_transpose = primitive(_np.linalg.matrix_transpose)

# Passed through
test = _np.linalg.test

__getattr__, __dir__ = lookup(_np.linalg, globals())


def spectral_weights(s, ord):
    """Return which singular values the norm "nuc", 2 or -2 adds up: 1, shared equally by ties."""
    if s.shape[-1] == 0:
        return s
    top = s[..., :1]
    within = 10 * s.shape[-1] * _np.finfo(s.dtype).eps * top
    used = s > within
    if ord != "nuc":
        used &= _np.abs(s - (top if ord == 2 else s[..., -1:])) <= within
        return used / _np.maximum(used.sum(-1, keepdims=True), 1).astype(s.dtype)
    return used.astype(s.dtype)


def _spectral(a, ord):
    """Return U diag(w) Vᴴ, the gradient of the norm "nuc", 2 or -2 of a matrix."""
    u, s, vh = _np.linalg.svd(a, full_matrices=False)
    return (u * spectral_weights(s, ord)[..., None, :]) @ vh


# What the rules of qr refuse
DEPENDENT = (
    "qr has no derivative where one of the first columns of a matrix is a combination of those before it, to "
    "rounding: the next column of Q may point anywhere; use svd or eigh of aᵀa for such matrices, or move "
    "the matrix away from it"
)


def turning(a):
    """Return how many columns Q depends on: LAPACK leaves the last number of a real column as it is."""
    m, n = a.shape[-2:]
    return n if m > n else m if a.dtype.kind == "c" else max(m - 1, 0)


def dependent(r):
    """Return of which R the diagonal has a number that is no more than the rounding of its column."""
    sizes = _np.max(_np.abs(r), axis=-2, initial=0)  # no norm: its squares overflow and underflow
    within = 10 * r.shape[-1] * _np.finfo(r.dtype).eps * sizes
    return _np.any(_np.abs(_np.diagonal(r, axis1=-2, axis2=-1)) <= within, axis=-1)


# --- Householder's reflections, as LAPACK makes them: what qr returns in the modes raw and complete


def _reflections(a):
    """Return LAPACK's H, transposed as NumPy does it, and τ: R on and above the diagonal, below it v."""
    m, n = a.shape[-2:]
    rest, rows, columns, taus = a, [], [], []
    for _ in range(min(m, n)):
        beta, v, tau = reflection(rest[..., 0])
        dots = _elementwise.conj(v)[..., None, :] @ rest[..., 1:]
        rest = rest[..., 1:] - (_elementwise.conj(tau)[..., None] * v)[..., None] * dots
        rows.append(_manipulation.concatenate([beta[..., None], rest[..., 0, :]], -1))
        columns.append(v[..., 1:])
        taus.append(tau)
        rest = rest[..., 1:, :]
    if not taus:
        return _manipulation.matrix_transpose(a), a[..., 0, :0] if m else a[..., :0].sum(-2)
    wide = [_padded(row, n) for row in rows]  # in the columns before the diagonal stand the v
    upper = _manipulation.stack([*wide, *[0 * wide[0]] * (m - len(rows))], -2)
    lower = _manipulation.stack(
        [_padded(v, m) for v in columns] + [0 * upper[..., 0]] * (n - len(columns)), -1
    )
    return _manipulation.matrix_transpose(upper + lower), _manipulation.stack(taus, -1)


def rescaling(x):
    """Return a power of 2 per matrix that brings x near 1, if its squares might leave the range; or None."""
    if x.size == 0:
        return None
    _, exponents = _np.frexp(_np.max(_np.abs(_constant(x)), axis=(-2, -1), keepdims=True))
    if _np.all(_np.abs(exponents) < _np.finfo(x.dtype).maxexp // 4):
        return None
    top = _np.finfo(x.dtype).maxexp - 2
    return _np.ldexp(_np.ones((), x.dtype).real, -_np.clip(exponents, -top, top))


def _padded(x, size):
    """Return x with zeros before it, up to a size."""
    zeros = _np.zeros((*x.shape[:-1], size - x.shape[-1]), x.dtype)
    return _manipulation.concatenate([zeros, x], -1)


def reflection(x):
    """Return β, v and τ of LAPACK's larfg: (1 - τ* v vᴴ) x = β e₁ with v₀ = 1 and a real β."""
    first, others = x[..., 0], x[..., 1:]
    plain = _constant(x)
    done = ~_np.any(plain[..., 1:], axis=-1) & (_np.imag(plain[..., 0]) == 0)  # τ is 0, as LAPACK has it
    size = _length(x)
    beta = -_elementwise.copysign(size, _elementwise.real(first))
    away = _elementwise.where(done, 1, first - beta)
    tau = _elementwise.where(done, 0, (beta - first) / _elementwise.where(done, 1, beta))
    v = _manipulation.concatenate([_np.ones((*x.shape[:-1], 1), x.dtype), others / away[..., None]], -1)
    return _elementwise.where(done, first, beta + 0 * first), v, tau


def _length(x):
    """Return the length of vectors, also of those whose squares overflow or underflow."""
    factor = rescaling(x[..., None])
    if factor is None:
        return vector_norm(x, axis=-1)
    return vector_norm(x * factor[..., 0], axis=-1) / factor[..., 0, 0]


def _completed(h, taus):
    """Return the Q and the R of the mode complete."""
    lower = _manipulation.matrix_transpose(h)
    m = lower.shape[-2]
    q = _np.broadcast_to(_np.eye(m, dtype=lower.dtype), (*lower.shape[:-2], m, m))
    for k in reversed(range(taus.shape[-1])):
        v = lower[..., k + 1 :, k]
        v = _manipulation.concatenate([_np.ones((*v.shape[:-1], 1), v.dtype), v], -1)[..., None]
        turned = (
            taus[..., k, None, None]
            * v
            * (_elementwise.conj(_manipulation.matrix_transpose(v)) @ q[..., k:, :])
        )
        q = _manipulation.concatenate([q[..., :k, :], q[..., k:, :] - turned], -2)
    return type(_np.linalg.qr(_np.eye(1)))(q, _manipulation.triu(lower))


# A step of the rules of norm and cond, and no name of NumPy: it has a derivative where the
# singular vectors alone have none, because singular values coincide.
spectral = primitive(_spectral, "the gradient of a spectral norm")

_may_share(_np.linalg.diagonal, _np.linalg.matrix_power, _np.linalg.matrix_transpose)

# Whoever loads this late module is to have its rules: they stand on a floor above, so by name.
_importlib.import_module("funad.rules.linalg")

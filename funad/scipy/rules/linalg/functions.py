"""Functions of matrices, and the equations of Sylvester, Lyapunov and Riccati."""

import functools

from .... import numpy as np
from ....calling import as_one_call
from ....defining import defvjp
from ....errors import NotDifferentiableError
from ....numpy.linalg import LinAlgError
from ....rules.linalg.matrices import conj, h, row, t
from ....spaces import unbroadcast
from ....transforms import vjp
from ....values import constant, dtype_of, members_of, shape_of
from ... import linalg
from ...deciding import some
from ...derived import as_written, sharing


def _block(a, e):
    """[[A, E], [0, A]]: a function of it has the change of f(A) along E in its corner."""
    low = np.concatenate([np.zeros(a.shape, dtype_of(a)), a], -1)
    return np.concatenate([np.concatenate([a, e], -1), low], -2)


def _corner(f, A, ybar):
    n = A.shape[-1]
    return f(_block(t(A), ybar))[..., :n, n:]


def _along(f):
    """The rule of a function of matrices: the corner of f([[Aᵀ, Ȳ], [0, Aᵀ]]). Mathias (1996)."""
    return lambda y, ybar, A: _corner(f, A, ybar)


for _f in (linalg.cosm, linalg.sinm, linalg.tanm, linalg.coshm, linalg.sinhm, linalg.tanhm):
    defvjp(_f, _along(_f))


_SINGULAR = (
    "{} has no derivative where the matrix is singular, to rounding: it grows there beyond all bounds; move "
    "the matrix away from it"
)


def _regular(A, name):
    """A, if it is not singular."""
    s = np.linalg.svdvals(constant(A))
    if some(s[..., -1:] <= 10 * s.shape[-1] * np.finfo(s.dtype).eps * s[..., :1]):
        raise LinAlgError(_SINGULAR.format(name))
    return A


def _logm(y, ybar, A):
    """As above."""
    return _corner(linalg.logm, _regular(A, "logm"), ybar)


def _expm(y, ybar, A):
    """The change of exp along Ȳ at Aᵀ. Al-Mohy and Higham (2009)."""
    if not np.size(A):
        return ybar
    if np.ndim(A) > 2:  # of stacks expm alone is compiled
        return _corner(linalg.expm, A, ybar)
    return linalg.expm_frechet(t(A), ybar, compute_expm=False, check_finite=False)


def _frechet(y, A, E, *, method=None, compute_expm=True, check_finite=True):
    n = A.shape[-1]
    whole = linalg.expm(_block(A, E))
    return (whole[..., :n, :n], whole[..., :n, n:]) if compute_expm else whole[..., :n, n:]


def _expm_cond(y, A, *, check_finite=True):
    """|K|₂ |A| / |exp A|, where K is the change of exp along each entry."""
    n = A.shape[-1]
    units = np.reshape(np.eye(n * n, dtype=dtype_of(A)), (n * n, n, n))
    whole = linalg.expm(
        _block(
            np.broadcast_to(A[..., None, :, :], (*A.shape[:-2], n * n, n, n)),
            np.broadcast_to(units, (*A.shape[:-2], n * n, n, n)),
        )
    )
    k = np.reshape(whole[..., :n, n:], (*A.shape[:-2], n * n, n * n))
    sizes = [np.linalg.norm(x, axis=(-2, -1)) for x in (A, whole[..., 0, :n, :n])]
    return np.linalg.norm(k, 2, axis=(-2, -1)) * sizes[0] / sizes[1]


def _sqrtm(y, ybar, A):
    """Ā from Yᵀ Ā + Ā Yᵀ = Ȳ, as Y dY + dY Y = dA."""
    if not np.size(A):
        return ybar
    _regular(A, "sqrtm")
    return linalg.solve_sylvester(t(y), t(y), ybar)


def _signm(y, ybar, A):
    """Ā = Q - Yᵀ Q Yᵀ with Nᵀ Q + Q Nᵀ = Ȳ, N = A Y. Higham (2008), theorem 5.7."""
    n = t(_regular(A, "signm") @ y)
    q = linalg.solve_sylvester(n, n, ybar)
    return q - t(y) @ q @ t(y)


@as_one_call
def _power_wrt_a(y, ybar, A, t_):
    """The corner of a power; whole ones go by products."""
    power = float(constant(t_))
    if power < 0 or power != int(power):
        _regular(A, "fractional_matrix_power")
    abar = _corner(lambda block: linalg.fractional_matrix_power(block, t_), A, ybar)
    return abar if dtype_of(ybar).kind == "c" or dtype_of(A).kind == "c" else np.real(abar)


def _power_wrt_t(y, ybar, A, t_):
    """t̄ = Σ ȳ (Y log A)."""
    double = np.result_type(dtype_of(A), np.float64)  # logm warns in single precision
    return np.sum(ybar * (y @ linalg.logm(np.astype(A, double))))


def _funm(y, A, func):
    """V f(w) V⁻¹."""
    w, v = np.linalg.eig(A)
    found = (v * row(func(w))) @ np.linalg.inv(v)
    return found if dtype_of(y).kind == "c" else np.real(found)


defvjp(linalg.expm, _expm)
defvjp(linalg.logm, _logm)
as_written(linalg.expm_frechet, _frechet, (0, 1))
as_written(linalg.expm_cond, _expm_cond)
defvjp(linalg.sqrtm, _sqrtm)
defvjp(linalg.signm, _signm)
defvjp(linalg.fractional_matrix_power, _power_wrt_a, _power_wrt_t)
as_written(linalg.funm, _funm)


# --- Sylvester, Lyapunov and Riccati

_BAD = (
    "{} returned an X that leaves {:.2g} of its equation, so that it has no derivative: for SciPy solves "
    "another equation {}"
)
_MIXED = (
    "where one of the matrices is complex and a real one has complex eigenvalues; make all of them complex"
)
_BALANCED = "where e is given and the matrices are balanced; use balanced=False"


def _check(name, why, given, residual, *terms):
    """Refuse what is no solution: a bad root has a bad derivative."""
    size = np.max(np.abs(residual), initial=0)
    scale = functools.reduce(np.maximum, (np.max(np.abs(term), initial=0) for term in terms))
    if some(size > 10 * _precision(*given) ** 0.5 * scale):
        largest = float(np.max(members_of(size), initial=0))
        raise NotDifferentiableError(_BAD.format(name, largest, why))


def _precision(*given):
    """Return the precision of the coarsest of several matrices: SciPy may decompose each as it is."""
    return max(np.finfo(x.dtype).eps if x.dtype.kind in "fc" else 0.0 for x in given) or np.finfo(float).eps


def _well_posed(name, sums, *values):
    """Refuse a singular equation: two eigenvalues add up to 0, and SciPy moves one of them by rounding."""
    size = sum(np.max(np.abs(part), initial=0) for part in values)
    if some(np.abs(sums) <= 10 * sums.shape[-1] * np.finfo(sums.dtype).eps * size):
        raise LinAlgError(f"{name} has no derivative where its equation is singular; move the matrices apart")


def _sylvester(y, ybar, a, b, q):
    """Q̄ from Aᵀ Q̄ + Q̄ Bᵀ = X̄. Kao and Hennequin (2020), Automatic differentiation of Sylvester equations."""
    x, *plain = map(constant, (y, a, b, q))
    left, right = plain[0] @ x, x @ plain[1]
    _check("solve_sylvester", _MIXED, plain, left + right - plain[2], left, right, plain[2])
    values, others = map(np.linalg.eigvals, plain[:2])
    _well_posed("solve_sylvester", values[..., :, None] + others[..., None, :], values, others)
    return linalg.solve_sylvester(t(a), t(b), ybar)


def _lyapunov(y, ybar, a, q):
    """Q̄ from Aᵀ Q̄ + Q̄ A* = X̄."""
    x, *plain = map(constant, (y, a, q))
    left, right = plain[0] @ x, x @ h(plain[0])
    _check("solve_continuous_lyapunov", _MIXED, plain, left + right - plain[1], left, right, plain[1])
    values = np.linalg.eigvals(plain[0])
    sums = values[..., :, None] + conj(values)[..., None, :]
    _well_posed("solve_continuous_lyapunov", sums, values)
    return linalg.solve_continuous_lyapunov(t(a), ybar)


def _lyapunov_wrt_a(qbar, y, ybar, a, q):
    """Ā = -(Q̄ Xᵀ + Q̄ᴴ X*) of A X + X Aᴴ = Q."""
    return unbroadcast(-(qbar @ t(y) + h(qbar) @ conj(y)), shape_of(a))


def _discrete_lyapunov(y, ybar, a, q, method=None):
    """Q̄ from Aᵀ Q̄ A* - Q̄ + X̄ = 0."""
    x, *plain = map(constant, (y, a, q))
    product = plain[0] @ x @ h(plain[0])
    _check("solve_discrete_lyapunov", _MIXED, plain, product - x + plain[1], product, x, plain[1])
    values = np.linalg.eigvals(plain[0])
    _well_posed("solve_discrete_lyapunov", values[..., :, None] * conj(values)[..., None, :] - 1, 1.0)
    return linalg.solve_discrete_lyapunov(t(a), ybar, method)


def _discrete_lyapunov_wrt_a(qbar, y, ybar, a, q, method=None):
    """Ā = Q̄ A* Xᵀ + Q̄ᴴ A* X* of A X Aᴴ - X + Q = 0."""
    return unbroadcast((qbar @ conj(a)) @ t(y) + (h(qbar) @ conj(a)) @ conj(y), shape_of(a))


sharing(
    linalg.solve_sylvester,
    _sylvester,
    lambda qbar, y, ybar, a, b, q: unbroadcast(-(qbar @ t(y)), shape_of(a)),
    lambda qbar, y, ybar, a, b, q: unbroadcast(-(t(y) @ qbar), shape_of(b)),
    lambda qbar, y, ybar, a, b, q: unbroadcast(qbar, shape_of(q)),
)
sharing(
    linalg.solve_continuous_lyapunov,
    _lyapunov,
    _lyapunov_wrt_a,
    lambda qbar, y, ybar, a, q: unbroadcast(qbar, shape_of(q)),
)
sharing(
    linalg.solve_discrete_lyapunov,
    _discrete_lyapunov,
    _discrete_lyapunov_wrt_a,
    lambda qbar, y, ybar, a, q, method=None: unbroadcast(qbar, shape_of(q)),
)


def _continuous(x, a, b, q, r, e, s):
    """The residual of the Riccati equation in continuous time, and the closed loop A - B K."""
    x_e = x if e is None else x @ e
    right = h(b) @ x_e if s is None else h(b) @ x_e + h(s)
    gain = np.linalg.solve(r, right)
    x_a = h(x_e) @ a
    return x_a + h(x_a) - h(right) @ gain + q, a - b @ gain


def _discrete(x, a, b, q, r, e, s):
    """The residual of the Riccati equation in discrete time, and the closed loop A - B K."""
    x_a, x_e = x @ a, x if e is None else h(e) @ x @ e
    right = h(b) @ x_a if s is None else h(b) @ x_a + h(s)
    gain = np.linalg.solve(r + h(b) @ x @ b, right)
    return h(a) @ x_a - x_e - h(right) @ gain + q, a - b @ gain


def _riccati(name, residual, adjoint, argnum):
    """The rule of one matrix of a Riccati equation F(X, A, ...) = 0, which defines X implicitly.

    In Z = Eᴴ dX E the change of F is that of Lyapunov's equation with the closed loop E⁻¹(A - B K).
    """

    def rule(y, ybar, a, b, q, r, e=None, s=None, *, balanced=True):
        matrices = [a, b, q, r, e, s]
        rest, loop = residual(y, *matrices)
        given = [constant(x) for x in matrices if x is not None]
        _check(name, _BALANCED, given, constant(rest), constant(q), constant(y))
        zbar = (ybar + h(ybar)) / 2  # X is Hermitian
        if e is not None:
            loop = np.linalg.solve(e, loop)
            zbar = np.linalg.solve(conj(e), t(np.linalg.solve(e, t(zbar))))

        def of_one(x):
            return residual(y, *matrices[:argnum], x, *matrices[argnum + 1 :])[0]

        return vjp(of_one, matrices[argnum])[1](adjoint(conj(loop), zbar))

    return rule


def _define_riccati(name, residual, adjoint):
    defvjp(getattr(linalg, name), *(_riccati(name, residual, adjoint, n) for n in range(6)))


_define_riccati(
    "solve_continuous_are", _continuous, lambda loop, zbar: -linalg.solve_continuous_lyapunov(loop, zbar)
)
_define_riccati("solve_discrete_are", _discrete, linalg.solve_discrete_lyapunov)

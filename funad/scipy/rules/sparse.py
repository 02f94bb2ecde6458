"""The rules of sparse matrices: each is of the entries and of what the matrix meets."""

import numpy as onp
from scipy.sparse import eye_array

from ... import numpy as np
from ...defining import defvjp, linear
from ...trace import Unbatched, batch_rule
from ...values import constant, members_of, shape_of
from ..derived import is_zero
from ..sparse.arrays import Sparse, sparse_of
from ..sparse.building import block_array
from ..sparse.layouts import DENSE, Layout, coordinates, layout_of, product, sampled, transposed
from ..sparse.solving import Factors, iterated, solved, substituted, without_transpose
from ..sparse.spectra import eigen, eigen_of_pencil, singular

__all__ = ["times_transpose"]


def times_transpose(data, ybar, layout):
    """Aᵀ ȳ."""
    data, layout = _turned(data, layout)
    return product(data, ybar, layout)


def _turned(data, layout):
    """Return the entries and the layout of Aᵀ."""
    if layout.format == DENSE:
        return np.transpose(data), Layout(None, None, DENSE, layout.shape[::-1])
    return data, transposed(layout)


linear(
    product,
    lambda y, ybar, data, x, layout: sampled(ybar, x, layout),
    lambda y, ybar, data, x, layout: times_transpose(data, ybar, layout),
)
linear(
    sampled,
    lambda y, ybar, u, v, layout: product(ybar, v, layout),
    lambda y, ybar, u, v, layout: times_transpose(ybar, u, layout),
)


# --- systems


def _minus_sampled(b, x, layout):
    """Ā = -b̄ xᵀ at the entries, from dA x + A dx = 0."""
    return -sampled(b, x, layout)


_TURNED = {"N": "T", "T": "N"}


def _solved_wrt_b(y, ybar, data, b, layout, factors, trans):
    """B̄ = A⁻ᵀ ȳ."""
    return solved(data, ybar, layout, factors, _TURNED[trans])


def _solved_wrt_data(y, ybar, data, b, layout, factors, trans):
    """Ā = -B̄ yᵀ; of A⁻ᵀ b, -y B̄ᵀ."""
    bbar = solved(data, ybar, layout, factors, _TURNED[trans])
    return _minus_sampled(bbar, y, layout) if trans == "N" else _minus_sampled(y, bbar, layout)


defvjp(solved, _solved_wrt_data, _solved_wrt_b)


def _substituted_wrt_b(y, ybar, data, b, layout, lower, unit_diagonal):
    """B̄ = A⁻ᵀ ȳ."""
    return substituted(data, ybar, transposed(layout), not lower, unit_diagonal)


def _substituted_wrt_data(y, ybar, data, b, layout, lower, unit_diagonal):
    """Ā = -B̄ yᵀ on the triangle that is read: without the diagonal if that counts as one."""
    bbar = substituted(data, ybar, transposed(layout), not lower, unit_diagonal)
    found = _minus_sampled(bbar, y, layout)
    if not unit_diagonal:
        return found
    rows, columns = coordinates(layout)
    return np.where(rows == columns, 0.0, found)


defvjp(substituted, _substituted_wrt_data, _substituted_wrt_b)


def _iterated_wrt_b(y, ybar, data, b, layout, method, options):
    """B̄ = A⁻ᵀ ȳ, by the same method."""
    turned, options = _turned(data, layout), without_transpose(method, options, layout.shape[0])
    return iterated(turned[0], ybar, turned[1], method, options)


def _iterated_wrt_data(y, ybar, data, b, layout, method, options):
    """Ā = -B̄ yᵀ at the entries."""
    return _minus_sampled(_iterated_wrt_b(y, ybar, data, b, layout, method, options), y, layout)


defvjp(iterated, _iterated_wrt_data, _iterated_wrt_b)


# --- eigenvalues


def _bordered(blocks):
    return sparse_of(block_array(blocks, format="csc"))


def _simple(matrix, rhs, what):
    """Return the solution of a bordered system, which is regular if the value is simple."""
    factors = Factors()
    if not _is_regular(factors, members_of(matrix.data), matrix.layout):
        raise onp.linalg.LinAlgError(
            f"{what} coincide or nearly do: the vectors of a multiple one are SciPy's choice, and have no "
            f"derivative; use what does not depend on it, such as the values alone"
        )
    return solved(matrix.data, rhs, matrix.layout, factors, "N")


def _is_regular(factors, data, layout):
    """Say whether a matrix is so far from singular that a solution has digits."""
    try:
        pivots = onp.abs(factors.of(data, layout).U.diagonal())
    except RuntimeError:
        return False
    return bool(pivots.min() > 1e-13 * pivots.max())


def _eigen(y, ybar, data, layout, method, k, options):
    """Per pair, K (λ, μ) = (v̄, w̄) with K = [[Aᵀ - w, -c], [-vᵀ, 0]], c the conjugate of v; Ā = -Σ λ vᵀ."""
    (w, v), (wbar, vbar) = y, ybar
    if method == "eigsh" and is_zero(vbar):
        return sampled(np.conj(v) * wbar, v, layout)
    matrix, n = Sparse(data, layout, "array").T, layout.shape[0]
    left = []
    for i in range(shape_of(w)[0]):
        right = v[:, i : i + 1]
        _check_phase(right, vbar[:, i : i + 1])
        border = _bordered(
            [[sparse_of(matrix) - _eye(n) * w[i], -sparse_of(np.conj(right))], [-sparse_of(right).T, None]]
        )
        rhs = np.concatenate([vbar[:, i], wbar[i : i + 1]])
        left.append(_simple(border, rhs, "eigenvalues")[:n])
    return -sampled(np.stack(left, axis=1), v, layout)


def _pencil_part(y, ybar, data, data_of_m, layout, layout_of_m, k, options):
    """Per pair, K (λ, μ) = (v̄, w̄) with K = [[A - w M, -M v], [-(M v)ᵀ, 0]], as vᵀ M v = 1: λ and μ."""
    (w, v), (wbar, vbar) = y, ybar
    if is_zero(vbar):
        return -v * wbar, 0.0 * wbar
    matrix, mass = Sparse(data, layout, "array"), Sparse(data_of_m, layout_of_m, "array")
    left, last = [], []
    for i in range(shape_of(w)[0]):
        image = sparse_of(mass @ v[:, i : i + 1])
        border = _bordered([[sparse_of(matrix) - mass * w[i], -image], [-image.T, None]])
        rhs = np.concatenate([vbar[:, i], wbar[i : i + 1]])
        found = _simple(border, rhs, "eigenvalues")
        left.append(found[:-1])
        last.append(found[-1])
    return np.stack(left, axis=1), np.stack(last)


def _pencil_wrt_a(y, ybar, data, data_of_m, layout, layout_of_m, k, options):
    """Ā = -Σ λ vᵀ."""
    left, _ = _pencil_part(y, ybar, data, data_of_m, layout, layout_of_m, k, options)
    return -sampled(left, y[1], layout)


def _pencil_wrt_m(y, ybar, data, data_of_m, layout, layout_of_m, k, options):
    """M̄ = Σ (w λ + μ v / 2) vᵀ."""
    left, last = _pencil_part(y, ybar, data, data_of_m, layout, layout_of_m, k, options)
    w, v = y
    return sampled(left * w + 0.5 * v * last, v, layout_of_m)


def _check_phase(v, vbar):
    """Refuse what depends on the phase of complex vectors, which is SciPy's choice."""
    slope, size = constant(np.sum(vbar * v)), constant(np.sum(np.abs(vbar) * np.abs(v)))
    if onp.any(onp.abs(onp.imag(slope)) > 1e-6 * size):
        raise onp.linalg.LinAlgError(
            "the result depends on the phases of eigenvectors, which are SciPy's choice and have no "
            "derivative; use what does not depend on them, such as np.abs(v)"
        )


def _eye(n):
    return Sparse(onp.ones(n), layout_of(eye_array(n, format="csr")), "array")


defvjp(eigen, _eigen)
defvjp(eigen_of_pencil, _pencil_wrt_a, _pencil_wrt_m)


def _singular(y, ybar, data, layout, k, options):
    """As for eigenvalues, of the Hermitian [[0, A], [Aᴴ, 0]], whose vectors are (u, v)."""
    (u, s, vh), (ubar, sbar, vhbar) = y, ybar
    v, vbar = np.conj(np.transpose(vh)), np.conj(np.transpose(vhbar))
    if is_zero(ubar) and is_zero(vbar):
        return sampled(np.conj(u) * sbar, v, layout)
    (m, n), matrix, conjugate = (
        layout.shape,
        Sparse(data, layout, "array"),
        Sparse(np.conj(data), layout, "array"),
    )
    of_u, of_v = [], []
    for i in range(shape_of(s)[0]):
        pair, bars = [u[:, i : i + 1], v[:, i : i + 1]], [ubar[:, i : i + 1], vbar[:, i : i + 1]]
        _check_phase(np.concatenate(pair), np.concatenate(bars))
        a, b = map(sparse_of, pair)
        border = _bordered(
            [
                [-s[i] * _eye(m), conjugate, -sparse_of(np.conj(pair[0]))],
                [matrix.T, -s[i] * _eye(n), -sparse_of(np.conj(pair[1]))],
                [-a.T, -b.T, None],
            ]
        )
        rhs = np.concatenate([ubar[:, i], vbar[:, i], sbar[i : i + 1]])
        found = _simple(border, rhs, "singular values")
        of_u.append(found[:m])
        of_v.append(found[m : m + n])
    return -sampled(np.stack(of_u, 1), v, layout) - sampled(np.conj(u), np.conj(np.stack(of_v, 1)), layout)


defvjp(singular, _singular)


# --- on whole stacks


def _columns(trace, x):
    """Return a stack of vectors as the columns of a matrix."""
    if not trace.has(x) or len(shape_of(x)) != 1:
        raise Unbatched("it takes stacks of vectors, beside the same matrix for all")
    return np.transpose(x.stack)


# The length of vectors from which on it is faster to multiply them one by one than to transpose their stack.
_LONG = 1 << 11


@batch_rule(product)
def _products_of_stacks(trace, prim, data, x, layout):
    if trace.has(data):
        raise Unbatched("the entries differ")
    columns = _columns(trace, x)
    if layout.shape[1] >= _LONG:
        return np.stack([product(data, x.stack[n], layout) for n in range(trace.size)])
    return np.transpose(product(data, columns, layout))


@batch_rule(solved)
def _solutions_of_stacks(trace, prim, data, b, layout, factors, trans):
    if trace.has(data):
        raise Unbatched("the entries differ")
    return np.transpose(solved(data, _columns(trace, b), layout, factors, trans))

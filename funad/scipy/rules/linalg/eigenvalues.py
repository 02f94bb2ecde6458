"""Eigenvalues and eigenvectors: subsets, bands, and pairs of matrices."""

from .... import numpy as np
from ....defining import defvjp
from ....errors import NotDifferentiableError
from ....numpy.ties import settle
from ....rules.linalg.decompositions import gaps, of_phases, refuse_again, shared
from ....rules.linalg.eigenvalues import of_eig, of_eig_apart, of_eigh_apart
from ....rules.linalg.matrices import column, conj, fold, h, half, row, t
from ....spaces import unbroadcast
from ....transforms import vjp
from ....values import constant, dtype_of, shape_of
from ... import linalg
from .banded import dense

# --- Hermitian matrices


def _eigh_apart(y, ybar, a, order, lower=True, check_finite=True, driver=None):
    return of_eigh_apart(y, ybar, a, order, "L" if lower else "U")


def _whole(y, ybar, a, b, lower, type):
    """All values and vectors, and cotangents that are 0 for those that were not asked for."""
    values_only = not isinstance(y, (tuple, list))
    (w, v), (wbar, vbar) = ((y, None), (ybar, None)) if values_only else (y, ybar)
    count, n = w.shape[-1], a.shape[-1]
    if values_only or count < n:
        every, vectors = linalg.eigh(a, b, lower=lower, type=type, check_finite=False)
        start = _start(constant(every), constant(w))
        if values_only:
            v = vectors[..., start : start + count]
            vbar = np.zeros(v.shape, v.dtype)
        w = np.concatenate([every[..., :start], w, every[..., start + count :]], -1)
        v = np.concatenate([vectors[..., :start], v, vectors[..., start + count :]], -1)
        wbar, vbar = _padded(wbar, start, n), _padded(vbar, start, n)
    return w, v, wbar, vbar, values_only


def _start(every, w):
    """Where values in a row begin among all."""
    if not w.size:
        return 0
    nearest = np.argmin(np.abs(every - w[..., :1]), -1)
    return min(int(nearest.ravel()[0]), every.shape[-1] - w.shape[-1])


def _padded(x, start, n):
    """x with zeros before and behind it along the last axis."""
    before, behind = (*x.shape[:-1], start), (*x.shape[:-1], n - start - x.shape[-1])
    return np.concatenate([np.zeros(before, dtype_of(x)), x, np.zeros(behind, dtype_of(x))], -1)


def _of_pairs(y, ybar, a, b, lower, type):
    """g_A = V S Vᴴ and g_B = V T Vᴴ of A V = B V W, with Vᴴ B V = 1, for a lower triangle of each.

    With K = Vᴴ g_V and Fᵢⱼ = 1/(wⱼ - wᵢ), S = F∘(K - Kᴴ)/2 + diag w̄ and
    T = -(wᵢ + wⱼ)/2 F∘(K - Kᴴ)/2 - (K + Kᴴ)/4 - diag w̄ w, from dV = V X with
    X = F∘(Vᴴ dA V - Vᴴ dB V W) - diag(Vᴴ dB V)/2.
    """
    w, v, wbar, vbar, values_only = _whole(y, ybar, a, b, lower, type)
    if values_only:
        refuse_again(a, w, ("eigh", "eigen"))
        wbar = shared(wbar, w)
        return (v * row(wbar)) @ h(v), None if b is None else -(v * row(wbar * w)) @ h(v)
    k = h(v) @ conj(vbar)
    anti = (k - h(k)) / 2
    phases = of_phases(k, "eigen", w, vbar)
    turn = gaps(w, ("eigh", "eigen"), (vbar,), anti) * anti
    eye, wbar = np.eye(w.shape[-1], dtype=bool), shared(wbar, w)
    s = np.where(eye, column(wbar), turn) + phases
    mean = (column(w) + row(w)) / 2
    of_b = -np.where(eye, column(wbar * w), turn * mean) - (k + h(k)) / 4 + phases
    return v @ s @ h(v), None if b is None else v @ of_b @ h(v)


def _whole_matrix(a, lower):
    a = half(a, lower)
    return a + h(a)


def _eigh_gradients(y, ybar, a, b, lower, type):
    """ḡ of both matrices: type 2 is that of B A B and B, type 3 that of A and B⁻¹."""
    g_a, g_b = _of_pairs(y, ybar, a, b, lower, type)
    if b is not None and type == 2:
        a, b = _whole_matrix(a, lower), _whole_matrix(b, lower)
        g_b = g_b + g_a @ b @ a + a @ b @ g_a
        g_a = b @ g_a @ b
    elif b is not None and type == 3:
        inverse = linalg.inv(_whole_matrix(b, lower), check_finite=False)
        g_b = -(inverse @ g_b @ inverse)
    return g_a, g_b


def _eigh_wrt_a(
    y, ybar, a, b=None, lower=True, eigvals_only=False, type=1, check_finite=True,
    subset_by_index=None, subset_by_value=None, driver=None,
):  # fmt: skip
    g_a, _ = _eigh_gradients(y, ybar, a, b, lower, type)
    return settle(unbroadcast(fold(conj(g_a), lower), shape_of(a)))


def _eigh_wrt_b(
    y, ybar, a, b=None, lower=True, eigvals_only=False, type=1, check_finite=True,
    subset_by_index=None, subset_by_value=None, driver=None,
):  # fmt: skip
    _, g_b = _eigh_gradients(y, ybar, a, b, lower, type)
    return settle(unbroadcast(fold(conj(g_b), lower), shape_of(b)))


def _of_band(y, ybar, to_dense, *bands):
    """The cotangents of the bands of a Hermitian matrix, of which the lower triangle is made of them."""
    a, vjp_dense = vjp(to_dense, *bands)
    return vjp_dense(_eigh_wrt_a(y, ybar, a))


def _eig_banded(
    y, ybar, a_band, lower=False, eigvals_only=False, *, select="a", select_range=None, max_ev=0,
    check_finite=True,
):  # fmt: skip
    return _of_band(y, ybar, lambda band: dense(band, lower), a_band)


def _tridiagonal(d, e):
    n = max(np.shape(d)[-1], 1)
    zero = np.zeros((*np.shape(e)[:-1], 1), dtype_of(e))
    e = np.concatenate([e, zero], -1)
    shape = (*np.broadcast_shapes(np.shape(d)[:-1], np.shape(e)[:-1]), n)
    return dense(np.stack([np.broadcast_to(d, shape), np.broadcast_to(e, shape)], -2), True)


def _of_tridiagonal(argnum):
    def vectors(
        y, ybar, d, e, eigvals_only=False, select="a", select_range=None, check_finite=True, tol=0.0,
        lapack_driver="auto",
    ):  # fmt: skip
        return _of_band(y, ybar, _tridiagonal, d, e)[argnum]

    def values(
        y, ybar, d, e, select="a", select_range=None, check_finite=True, tol=0.0, lapack_driver="auto"
    ):
        return _of_band(y, ybar, _tridiagonal, d, e)[argnum]

    return vectors, values


defvjp(linalg.eigh_apart, _eigh_apart, masks=True)
defvjp(linalg.eigh_of, _eigh_wrt_a, _eigh_wrt_b, masks=True)
defvjp(linalg.eig_banded, _eig_banded, masks=True)
defvjp(
    linalg.eigvals_banded,
    lambda y, ybar, a_band, lower=False, *, select="a", select_range=None, check_finite=True: _eig_banded(
        y, ybar, a_band, lower
    ),
    masks=True,
)
for _n in range(2):
    _vectors, _values = _of_tridiagonal(_n)
    defvjp(linalg.eigh_tridiagonal, _vectors, argnums=_n, masks=True)
    defvjp(linalg.eigvalsh_tridiagonal, _values, argnums=_n, masks=True)


# --- any matrices

_HOMOGENEOUS = (
    "{} has no derivative with homogeneous_eigvals=True: a pair (α, β) may be multiplied by any number; "
    "use the values α/β, which it returns without that keyword"
)


_LENGTHS = (
    "eig of two matrices has no derivative with left=True and right=False, as SciPy returns vectors there "
    "that are not of length 1; use left=True and right=True"
)


def _eig_apart(y, ybar, a, order, check_finite=True):
    return of_eig_apart(y, ybar, a, order)


def _places(found, w):
    """For each value of w the place of the nearest in found, each place once."""
    distance = np.abs(found[:, None] - w)
    places = np.zeros(w.shape, int)
    for k in range(w.size):
        places[k] = np.argmin(distance[:, k])
        distance[places[k]] = np.inf
    return places


def _in_order(found, w):
    """found, which has vectors in the order of other values than w, in that of w."""
    plain, wanted = constant(found[0]), constant(w)
    flat = [np.reshape(x, (-1, x.shape[-1])) for x in (plain, np.broadcast_to(wanted, plain.shape))]
    places = np.reshape(np.array([_places(*pair) for pair in zip(*flat, strict=True)]), plain.shape)
    return np.take_along_axis(found[1], places[..., None, :], -1)


def _eig_gradients(y, ybar, a, b, left, right):
    """Ā and B̄: of C = B⁻¹ A by the vectors from the right, of B⁻ᴴ Aᴴ by those from the left."""
    parts, bars = (y, ybar) if left or right else ((y,), (ybar,))
    w, wbar = parts[0], bars[0]
    abar, bbar = 0, 0
    if left:
        v, vbar = parts[1], bars[1]
        if not np.allclose(np.linalg.norm(constant(v), axis=-2), 1, rtol=1e-3):
            raise NotDifferentiableError(_LENGTHS)
        c = h(a) if b is None else np.linalg.solve(h(b), h(a))
        cbar = of_eig((conj(w), v), (conj(wbar) if not right else 0 * wbar, vbar), c)
        cbar = cbar if b is None else np.linalg.solve(conj(b), cbar)
        abar, bbar = abar + h(cbar), bbar - h(cbar @ t(c))
    if right or not left:
        c = a if b is None else np.linalg.solve(b, a)
        if right:
            v, vbar = parts[-1], bars[-1]
        else:
            v = _in_order(linalg.eig(a, b, check_finite=False), w)
            vbar = np.zeros(v.shape, v.dtype)
        cbar = of_eig((w, v), (wbar, vbar), c)
        cbar = cbar if b is None else np.linalg.solve(t(b), cbar)
        abar, bbar = abar + cbar, bbar - cbar @ t(c)
    return abar, bbar


def _fitted(xbar, x):
    """x̄ of the matrices that share x, of which only the real part counts if x is real."""
    return unbroadcast(xbar if dtype_of(x).kind == "c" else np.real(xbar), shape_of(x))


def _eig(argnum):
    def vectors(y, ybar, a, b=None, left=False, right=True, *, check_finite=True, homogeneous_eigvals=False):
        if homogeneous_eigvals:
            raise NotDifferentiableError(_HOMOGENEOUS.format("eig"))
        return settle(_fitted(_eig_gradients(y, ybar, a, b, left, right)[argnum], (a, b)[argnum]))

    def values(y, ybar, a, b=None, *, check_finite=True, homogeneous_eigvals=False):
        if homogeneous_eigvals:
            raise NotDifferentiableError(_HOMOGENEOUS.format("eigvals"))
        return settle(_fitted(_eig_gradients(y, ybar, a, b, False, False)[argnum], (a, b)[argnum]))

    return vectors, values


defvjp(linalg.eig_apart, _eig_apart)
for _n in range(2):
    _vectors, _values = _eig(_n)
    defvjp(linalg.eig_of, _vectors, argnums=_n)
    defvjp(linalg.eigvals, _values, argnums=_n)

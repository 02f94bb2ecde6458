"""det and slogdet; right for singular matrices too."""

from ... import numpy as np
from ...defining import defvjp, defzero
from ...numpy import linalg
from ...numpy.linalg import LinAlgError, inv
from ...values import all_of, any_of, constant, is_unknown, members_of
from .matrices import conj, h, scalar, t


def of_det(y, ybar, a):
    """Ā = ȳ·C with the cofactors C = det(A) A⁻ᵀ, where that is safe to say."""
    factor = None if _is_normal(y) else linalg.rescaling(a)
    if factor is not None:  # the determinant leaves the range of numbers before its cofactors do
        near_one = a * factor
        return scalar(ybar) * _cofactors(linalg.det(near_one), near_one) / factor ** (a.shape[-1] - 1)
    try:
        inverse = inv(a)
    except LinAlgError:
        return scalar(ybar) * _cofactors(y, a)
    limit = np.finfo(a.dtype).eps ** -0.4 if type(a) is np.ndarray else _limit(a)
    if not all_of(_size(a) * _size(inverse) <= limit):
        return scalar(ybar) * _cofactors(y, a)
    return scalar(ybar * y) * t(inverse)


def _is_normal(y):
    """Whether no determinant has overflowed or underflowed."""
    size = np.abs(members_of(y))
    return bool(np.all((size >= np.finfo(size.dtype).tiny) & (size < np.inf)))


def _size(a):
    """The Frobenius norm of each matrix, a plain number."""
    a = constant(a)
    return np.linalg.norm(a) if a.ndim == 2 else np.linalg.norm(a, axis=(-2, -1))


def _limit(a):
    """The condition up to which to use A⁻¹: the next derivatives lose its square in digits."""
    return np.finfo(a.dtype).eps ** -0.25


def _cofactors(y, a):
    """The cofactors of matrices, some of which are near to singular."""
    n = a.shape[-1]
    flat = np.reshape(a, (-1, n, n))
    known = np.all(np.isfinite(constant(flat)), axis=(1, 2))[:, None, None]
    s = np.linalg.svdvals(np.where(known, constant(flat), np.eye(n)))  # of nan it does not converge
    near = s[:, -1] * _limit(a) <= s[:, 0]
    others = np.where(near[:, None, None], np.eye(n, dtype=a.dtype), flat)
    c = [scalar(np.reshape(y, -1)) * t(inv(others))]
    c += [np.expand_dims(_cofactors_of_one(flat[k]), 0) for k in np.flatnonzero(near)]
    order = np.where(near, len(near) + np.cumsum(near) - 1, np.arange(len(near)))
    return np.reshape(np.concatenate(c, 0)[order], a.shape)


def _cofactors_of_one(a):
    """The cofactors of any square matrix, by a formula whose own derivatives are right too.

    U and V turn A into M = [[M₁₁, M₁₂], [M₂₁, M₂₂]] with M₁₁ far from singular and
    Q = M₂₂ - M₂₁ M₁₁⁻¹ M₁₂ small; det A = det U det M₁₁ det Q det Vᴴ. Of U and V only
    the values matter, so they are constants; det Q is a polynomial.
    """
    u, s, vh = np.linalg.svd(constant(a))
    r = int(np.sum(s * _limit(a) > s[0]))
    m = h(u) @ a @ h(vh)
    m11, m12, m21, m22 = m[:r, :r], m[:r, r:], m[r:, :r], m[r:, r:]
    inverse = inv(m11)
    left, right = m21 @ inverse, inverse @ m12
    det_q, c22 = _polynomial_det(m22 - left @ m12)
    c11 = det_q * t(inverse) + t(left) @ c22 @ t(right)
    c12, c21 = -(t(left) @ c22), -(c22 @ t(right))
    c = np.concatenate([np.concatenate([c11, c12], -1), np.concatenate([c21, c22], -1)], -2)
    factor = linalg.det(m11) * (np.linalg.det(u) * np.linalg.det(vh))
    return factor * (conj(u) @ c @ conj(vh))


def _polynomial_det(q):
    """det Q and its cofactors without a division by anything of Q (Faddeev and LeVerrier)."""
    k = q.shape[-1]
    power = product = np.zeros((k, k), q.dtype)
    c = 1.0
    for j in range(1, k + 1):
        power = product + c * np.eye(k, dtype=q.dtype)
        product = q @ power
        c = np.trace(product) / -j
    sign = -1.0 if k % 2 else 1.0
    return sign * c, -sign * t(power)


def _slogdet(y, ybar, a):
    """Ā = (l̄ + i Im(s̄ s)) A⁻ᵀ for the sign s and the logarithm l."""
    (sign, log), (sign_bar, log_bar) = y, ybar
    weight = log_bar + 1j * np.imag(sign_bar * sign) if a.dtype.kind == "c" else log_bar
    singular = np.isneginf(constant(log))
    if any_of(singular) and not is_unknown(weight):
        unwanted = scalar(singular & (weight == 0))  # a strong zero, even there
        a = np.where(unwanted, np.eye(a.shape[-1], dtype=a.dtype), a)
    return scalar(weight) * t(inv(a))


defvjp(linalg.det, of_det)
defvjp(linalg.slogdet, _slogdet)
defzero(linalg.matrix_rank)

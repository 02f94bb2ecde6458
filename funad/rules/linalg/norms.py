"""norm and its kin, and cond.

Where a norm is 0 its derivative is 0; entries, sums or singular values that tie
for the largest or the least share it equally.
"""

from ... import numpy as np
from ...boxes import Traced
from ...defining import defvjp
from ...numpy import linalg
from ...numpy.linalg import spectral, spectral_weights
from ...spaces import zeros_like
from ...values import all_of, any_of, constant, option_of
from ..kinks import anywhere, kinked, power_root_of, root_of, unknown_root_of
from ..ranges import rescaled, scale, size_of, squares_are_safe
from .equations import of_inverse
from .matrices import column, conj, h, over, row

_MATRICES = (-2, -1)
_FROBENIUS = (None, "fro", "f")


def of_norm(y, ybar, x, ord=None, axis=None, keepdims=False):
    """ȳ times the derivative of the norm: of all of x, of vectors or of matrices."""
    ord = option_of(ord)
    if not np.size(x):
        return zeros_like(x)
    if ord is None and axis is None and squares_are_safe(y):
        return _over_norm(ybar, y) * conj(x)
    axes = _axes(x, axis)
    if not keepdims:
        y, ybar = np.expand_dims(y, axes), np.expand_dims(ybar, axes)
    if ord in _FROBENIUS or len(axes) == 1:
        return _of_vectors(y, ybar, x, ord, axes)
    y, ybar, x = (np.moveaxis(z, axes, _MATRICES) for z in (y, ybar, x))
    if not squares_are_safe(y):
        x = x * scale(size_of(constant(x)), _MATRICES)
    return np.moveaxis(_of_matrices(ybar, x, ord), _MATRICES, axes)


def _vector_norm(y, ybar, x, *, axis=None, keepdims=False, ord=2):
    """As norm, but with all of x for one vector where axis is None."""
    axes = _axes(x, axis)
    if not keepdims:
        y, ybar = np.expand_dims(y, axes), np.expand_dims(ybar, axes)
    return _of_vectors(y, ybar, x, option_of(ord), axes)


def _matrix_norm(y, ybar, x, *, keepdims=False, ord="fro"):
    """As norm, of the last two axes."""
    return of_norm(y, ybar, x, ord, _MATRICES, keepdims)


def _axes(x, axis):
    return tuple(range(np.ndim(x))) if axis is None else axis if isinstance(axis, tuple) else (axis,)


def _of_vectors(y, ybar, x, ord, axes):
    """x̄ = ȳ (|x|/y)ᵖ⁻¹ conj(x)/|x|; y has the axes of x."""
    if ord == 2 or ord in _FROBENIUS:
        y, x = _in_range(y, x, 2, axes)
        return _over_norm(ybar, y) * conj(x)
    if ord == 0:
        return ybar * 0 * x  # it counts
    if abs(ord) != np.inf and ord != 1:
        y, x = _in_range(y, x, ord, axes)
    size = np.abs(x)
    if abs(ord) == np.inf:
        return ybar * _extreme(size, ord, axes) * _direction(x, size)
    if ord == 1:
        return ybar * _direction(x, size)
    zero = (constant(size) == 0) | (constant(y) == 0)
    part = np.where(zero, 1, size) / np.where(constant(y) == 0, 1, y)
    found = np.where(zero, 0, ybar * part ** (ord - 1)) * _direction(x, size)
    lost = (constant(y) == 0) & np.isnan(constant(ybar))
    return np.where(lost, ybar, found) if any_of(lost) else found


def _over_norm(ybar, y):
    """ȳ/y, and 0 where y is 0, unless ȳ is nan."""
    if all_of(constant(y)):
        return ybar / y
    slope, lost = over(ybar, y), (constant(y) == 0) & np.isnan(constant(ybar))
    return np.where(lost, ybar, slope) if any_of(lost) else slope


def _in_range(y, x, ord, axes):
    """y and x; or where powers of x overflow or underflow, those of x rescaled: x̄ is that of any scale."""
    if squares_are_safe(y, ord):
        return y, x
    (x,) = rescaled((x,), axes)
    return linalg.vector_norm(x, axis=axes, keepdims=True, ord=ord), x


def _of_matrices(ybar, x, ord):
    """x̄ of the norms of the last two axes that are not those of one long vector."""
    if ord in ("nuc", 2, -2):
        return ybar * conj(spectral(x, ord))
    size = np.abs(x)
    inner, outer = (-2, -1) if abs(ord) == 1 else (-1, -2)
    sums = np.sum(constant(size), axis=inner, keepdims=True)
    return ybar * _extreme(sums, ord, outer) * _direction(x, size)


def _direction(x, size):
    """conj(x)/|x|: the derivative of |x|, and 0 at 0."""
    if x.dtype.kind != "c":
        return np.sign(constant(x))
    if not squares_are_safe(size):
        (x,) = rescaled((x,))
        size = np.abs(x)
    return over(conj(x), size)


def _extreme(size, ord, axes):
    """1 where the largest is, or for a negative order the least; ties share it."""
    size = constant(size)
    chosen = size == (np.max if ord > 0 else np.min)(size, axis=axes, keepdims=True)
    return chosen / np.sum(chosen, axis=axes, keepdims=True).astype(size.dtype)


def _spectral(y, ybar, a, ord):
    """The linear map dA ↦ dY of Y = U W Vᴴ with constant W, which is its own transpose.

    With E = Uᴴ dA V it is Uᴴ dY V = α∘(E + Eᴴ)/2 + β∘(E - Eᴴ)/2 where
    αᵢⱼ = (wᵢ - wⱼ)/(sᵢ - sⱼ), βᵢⱼ = (wᵢ + wⱼ)/(sᵢ + sⱼ); and w/s outside of the span of U and V.
    """
    u, s, vh = linalg.svd(a, full_matrices=False)
    w = spectral_weights(constant(s), ord)
    g, u_h, v = conj(ybar), h(u), h(vh)
    e = u_h @ g @ v
    equal = column(w) == row(w)
    alpha = (column(w) - row(w)) / np.where(equal, 1, column(s) - row(s))
    beta = over(column(w) + row(w), column(s) + row(s))
    inner = (alpha * (e + h(e)) + beta * (e - h(e))) / 2
    outside = over(w, s)
    left = (g - u @ (u_h @ g)) @ (v * row(outside))
    right = (column(outside) * u_h) @ (g - (g @ v) @ vh)
    return conj((u @ inner + left) @ vh + u @ right)


def _cond(y, ybar, x, p=None):
    """x̄ of the quotient of two singular values, or of the product of two norms."""
    p = option_of(p)
    ybar = np.real(ybar)  # NumPy 2.0 returns the condition of a complex matrix as a complex number
    if p is None or p in (2, -2):
        top, low = linalg.norm(x, 2, axis=_MATRICES), linalg.norm(x, -2, axis=_MATRICES)
        by_top, by_low = (ybar / low, -ybar * y / low) if p != -2 else (-ybar * y / top, ybar / top)
        return of_norm(top, by_top, x, 2, _MATRICES) + of_norm(low, by_low, x, -2, _MATRICES)
    inverse = linalg.inv(x)
    size, size_inv = linalg.norm(x, p, axis=_MATRICES), linalg.norm(inverse, p, axis=_MATRICES)
    by_inv = of_norm(size_inv, ybar * size, inverse, p, _MATRICES)
    return of_norm(size, ybar * size_inv, x, p, _MATRICES) + of_inverse(inverse, by_inv, x)


defvjp(linalg.norm, of_norm)
defvjp(linalg.vector_norm, _vector_norm)
defvjp(linalg.matrix_norm, _matrix_norm)
defvjp(linalg.spectral, _spectral)
defvjp(linalg.cond, _cond)


# --- where a norm is differentiated twice: see funad.infinitesimals


def norm_again(y, x, ord=None, axis=None, keepdims=False):
    ord = option_of(ord)
    if not np.size(x):
        return y
    axes = tuple(n % x.ndim for n in _axes(x, axis))
    vectors = len(axes) == 1 or ord in _FROBENIUS or (ord in ("nuc", 2, -2) and 1 in _sizes(x, axes))
    if vectors:
        return _vectors_again(y, x, 2 if isinstance(ord, str) or len(axes) > 1 else ord, axes)
    if ord in ("nuc", 2, -2):
        return y
    inner, outer = axes if abs(ord) == 1 else axes[::-1]
    sums = np.sum(np.abs(x), axis=inner, keepdims=True)
    return np.reshape((np.max if ord > 0 else np.min)(sums, axis=outer, keepdims=True), np.shape(y))


def _sizes(x, axes):
    return [np.shape(x)[n] for n in axes]


def _vectors_again(y, x, ord, axes):
    """The norm of vectors, with what stands for its tip and for the corners of its numbers."""
    two = ord is None or ord == 2
    at = constant(y) == 0
    if two and not anywhere(at):
        return y
    at = np.reshape(at, [1 if n in axes else size for n, size in enumerate(np.shape(x))])
    if two:
        return y + np.reshape(root_of(at, x, axes=axes), y.shape)
    size = np.abs(x)
    if abs(ord) == np.inf:
        return np.reshape((np.max if ord > 0 else np.min)(size, axis=axes, keepdims=True), np.shape(y))
    if ord == 1:
        return np.reshape(np.sum(size, axis=axes, keepdims=True), np.shape(y))
    zero = constant(x) == 0
    if ord == 0 or not anywhere(zero):
        return y
    if ord < 0:
        return _least_again(y, x, size, zero, ord, axes)
    powers = np.sum(np.where(at, 1, size) ** ord, axis=axes, keepdims=True)
    root = np.reshape(y, np.shape(at)) + power_root_of(at, x, axes)
    return np.reshape(np.where(at, root, powers ** (1 / ord)), np.shape(y))


def _least_again(y, x, size, zero, ord, axes):
    """The norm of order p < 0 where one number of a vector is 0, of x₀: |x₀| (1 + Σ |x₀/xᵢ|⁻ᵖ)^(1/p).

    Where several are, it opens in each direction in another way.
    """
    count = np.sum(zero, axis=axes, keepdims=True)
    one, several = count == 1, count > 1
    if anywhere(several):
        y = y + np.reshape(unknown_root_of(several, np.where(zero, x, 0), axes), np.shape(y))
    least = np.sum(np.where(zero, size, 0), axis=axes, keepdims=True)
    others = np.where(zero | ~one, 0, (least / np.where(zero, 1, size)) ** -ord)
    found = least * (1 + np.sum(others, axis=axes, keepdims=True)) ** (1 / ord)
    return np.where(np.reshape(one, np.shape(y)), np.reshape(found, np.shape(y)), y)


def _vector_norm_again(y, x, *, axis=None, keepdims=False, ord=2):
    return _vectors_again(y, x, ord, tuple(n % x.ndim for n in _axes(x, axis)))


def _matrix_norm_again(y, x, *, keepdims=False, ord="fro"):
    return norm_again(y, x, ord, _MATRICES, keepdims)


kinked(linalg.norm)(norm_again)
kinked(linalg.vector_norm)(_vector_norm_again)
kinked(linalg.matrix_norm)(_matrix_norm_again)

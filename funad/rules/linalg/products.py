"""Powers and products of matrices, and what only rearranges them."""

from ... import numpy as np
from ...defining import defvjp, linear
from ...numpy import linalg
from ...registry import primitive_of
from ...spaces import unbroadcast
from .matrices import column, conj, row, scalar, t


def _matrix_power(y, ybar, a, n):
    """Ā: the corner of [[Aᵀ, ȳ], [0, Aᵀ]]ⁿ, which is Σ (Aᵀ)ᵏ ȳ (Aᵀ)ⁿ⁻¹⁻ᵏ.

    Higham (2008), Functions of Matrices, theorem 3.6.
    """
    m = a.shape[-1]
    top = np.concatenate([t(a), ybar], -1)
    low = np.concatenate([np.zeros(a.shape, a.dtype), t(a)], -1)
    return linalg.matrix_power(np.concatenate([top, low], -2), n)[..., :m, m:]


def _multi_dot(y, ybar, arrays):
    """x̄ᵢ = (x₁⋯xᵢ₋₁)ᵀ ȳ (xᵢ₊₁⋯xₙ)ᵀ, where a vector at an end is a row or a column."""
    if len(arrays) == 2:  # also of numbers, as dot
        return [_rule(np.dot, n)(y, ybar, *arrays) for n in range(2)]
    first, *middle, last = arrays
    parts = [row(first) if np.ndim(first) == 1 else first, *middle]
    parts.append(column(last) if np.ndim(last) == 1 else last)
    behind = [None]
    for part in parts[:0:-1]:
        behind.append(part if behind[-1] is None else part @ behind[-1])
    before = np.reshape(ybar, (parts[0].shape[0], parts[-1].shape[1]))  # (x₁⋯xᵢ₋₁)ᵀ ȳ
    bars = []
    for part, x, rest in zip(parts, arrays, reversed(behind), strict=True):
        bars.append(np.reshape(before if rest is None else before @ t(rest), np.shape(x)))
        before = t(part) @ before
    return bars


def _last(x, axis):
    return np.moveaxis(x, axis, -1)


def _back(xbar, x, axis):
    """x̄ with the axis of vectors in its place in x, which may have fewer axes than y."""
    return np.moveaxis(unbroadcast(xbar, np.shape(_last(x, axis))), -1, axis)


def _vecdot_wrt_1(y, ybar, x1, x2, *, axis=-1):
    """x̄₁ = conj(ȳ x₂), as conj(x₁) is what is multiplied."""
    return _back(conj(column(ybar) * _last(x2, axis)), x1, axis)


def _vecdot_wrt_2(y, ybar, x1, x2, *, axis=-1):
    """x̄₂ = ȳ conj(x₁)."""
    return _back(column(ybar) * conj(_last(x1, axis)), x2, axis)


def _cross_wrt_1(y, ybar, x1, x2, *, axis=-1):
    """x̄₁ = x₂ × ȳ."""
    return _back(linalg.cross(_last(x2, axis), _last(ybar, axis)), x1, axis)


def _cross_wrt_2(y, ybar, x1, x2, *, axis=-1):
    """x̄₂ = ȳ × x₁."""
    return _back(linalg.cross(_last(ybar, axis), _last(x1, axis)), x2, axis)


def _rule(f, argnum=0):
    """The rule of numpy's own function of that name, which is found when it is needed."""
    return primitive_of(f).rule(argnum)


defvjp(linalg.matrix_power, _matrix_power)
defvjp(linalg.multi_dot, _multi_dot)
linear(linalg.vecdot, _vecdot_wrt_1, _vecdot_wrt_2)
linear(linalg.cross, _cross_wrt_1, _cross_wrt_2)
linear(
    linalg.matmul,
    lambda y, ybar, x1, x2: _rule(np.matmul, 0)(y, ybar, x1, x2),
    lambda y, ybar, x1, x2: _rule(np.matmul, 1)(y, ybar, x1, x2),
)
linear(linalg.outer, lambda y, ybar, x1, x2: ybar @ x2, lambda y, ybar, x1, x2: x1 @ ybar)
linear(
    linalg.tensordot,
    lambda y, ybar, x1, x2, *, axes=2: _rule(np.tensordot, 0)(y, ybar, x1, x2, axes),
    lambda y, ybar, x1, x2, *, axes=2: _rule(np.tensordot, 1)(y, ybar, x1, x2, axes),
)
linear(linalg.matrix_transpose, lambda y, ybar, x: t(ybar))
linear(
    linalg.diagonal,
    lambda y, ybar, x, *, offset=0: _rule(np.diagonal)(y, ybar, x, offset, -2, -1),
    masks=True,
)
linear(
    linalg.trace,
    lambda y, ybar, x, *, offset=0, dtype=None: scalar(ybar) * np.eye(*x.shape[-2:], offset, dtype=x.dtype),
    masks=True,
)

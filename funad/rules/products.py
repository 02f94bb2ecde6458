"""The VJP rules of funad.numpy.products."""

import functools
import math

import numpy as onp

from .. import numpy as np
from ..defining import defzero, linear
from ..numpy.products import MOST_OPERANDS, explicit
from ..spaces import unbroadcast, zeros_like
from ..values import dtype_of, shape_of


def _conj(x):
    return np.conj(x) if dtype_of(x).kind == "c" else x


def _reshape(x, *shape):
    # Of an array its method: 0.3 µs, as against 2 for the function.
    return x.reshape(shape) if type(x) is onp.ndarray else np.reshape(x, shape)


def _column(x):
    """x with one more axis, of length 1, at the end."""
    return _reshape(x, *shape_of(x), 1)


def _row(x):
    """x with one more axis, of length 1, before its last."""
    *batch, n = shape_of(x)
    return _reshape(x, *batch, 1, n)


def _rows(x):
    """x as a matrix: all vectors along its last axis, one per row."""
    *batch, n = shape_of(x)
    return _reshape(x, math.prod(batch), n)


# --- matrices. Of two matrices dot, not matmul: for one row it is faster by up to 3, and it takes a
# repeated number, which the rule of sum returns, to BLAS.


def _matmul_wrt_a(y, ybar, a, b):
    """Ā = ȳ Bᵀ."""
    if a.ndim == b.ndim == 2:
        return np.dot(ybar, b.T)
    if b.ndim == 1:
        return ybar * b if a.ndim == 1 else _column(ybar) * b
    if a.ndim == 1:
        return _reshape(np.matmul(b, _column(ybar)), *b.shape[:-1])
    if b.ndim == 2:
        return _reshape(np.dot(_rows(ybar), b.T), *a.shape)
    return np.matmul(ybar, np.swapaxes(b, -1, -2))


def _matmul_wrt_b(y, ybar, a, b):
    """B̄ = Aᵀ ȳ."""
    if a.ndim == b.ndim == 2:
        return np.dot(a.T, ybar)
    if b.ndim == 1:
        if a.ndim == 2:
            return np.dot(ybar, a)
        return ybar * a if a.ndim == 1 else np.dot(np.ravel(ybar), _rows(a))
    if a.ndim == 1:
        return _column(a) * _row(ybar)
    if b.ndim == 2:
        return np.dot(_rows(a).T, _rows(ybar))
    return np.matmul(np.swapaxes(a, -1, -2), ybar)


linear(np.matmul, _matmul_wrt_a, _matmul_wrt_b)

if hasattr(np, "matvec"):
    linear(
        np.matvec,
        lambda y, ybar, a, b: _column(ybar) * _row(b),
        lambda y, ybar, a, b: np.matvec(np.swapaxes(a, -1, -2), ybar),
    )
    # Its vector is conjugated: ȳ dy = ȳ conj(da) B, whose real part is that of conj(ȳ B) da.
    linear(
        np.vecmat,
        lambda y, ybar, a, b: _conj(np.matvec(b, ybar)),
        lambda y, ybar, a, b: _column(_conj(a)) * _row(ybar),
    )


# --- tensors


def _pairs(a, b, axes):
    """The axes of a and b that are summed, all counted from the front."""
    if isinstance(axes, (int, onp.integer)):
        of_a, of_b = range(-axes, 0), range(axes)
    else:
        of_a, of_b = ([n] if isinstance(n, (int, onp.integer)) else n for n in axes)
    return [n % np.ndim(a) for n in of_a], [n % np.ndim(b) for n in of_b]


def _others(x, axes):
    return [n for n in range(np.ndim(x)) if n not in axes]


def _moved_to(xbar, places):
    """x̄ with its axes moved to these places."""
    return (
        xbar
        if places == sorted(places)
        else np.transpose(xbar, [places.index(n) for n in range(len(places))])
    )


def _tensordot_wrt_a(y, ybar, a, b, axes=2):
    """ȳ has the other axes of a, then those of b; summing over the latter leaves a's."""
    of_a, of_b = _pairs(a, b, axes)
    others_a, others_b = _others(a, of_a), _others(b, of_b)
    xbar = np.tensordot(ybar, b, [list(range(len(others_a), np.ndim(ybar))), others_b])
    return _moved_to(xbar, others_a + [m for _, m in sorted(zip(of_b, of_a, strict=True))])


def _tensordot_wrt_b(y, ybar, a, b, axes=2):
    """ȳ has the other axes of a, then those of b; summing over the former leaves b's."""
    of_a, of_b = _pairs(a, b, axes)
    others_a, others_b = _others(a, of_a), _others(b, of_b)
    xbar = np.tensordot(a, ybar, [others_a, list(range(len(others_a)))])
    return _moved_to(xbar, [n for _, n in sorted(zip(of_a, of_b, strict=True))] + others_b)


linear(np.tensordot, _tensordot_wrt_a, _tensordot_wrt_b)


def _inner_wrt_a(y, ybar, a, b):
    """As tensordot over both last axes."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return ybar * b
    return _column(ybar) * b if np.ndim(b) == 1 else _tensordot_wrt_a(y, ybar, a, b, (-1, -1))


def _inner_wrt_b(y, ybar, a, b):
    """As tensordot over both last axes."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return ybar * a
    return _column(ybar) * a if np.ndim(a) == 1 else _tensordot_wrt_b(y, ybar, a, b, (-1, -1))


def _dot_wrt_a(y, ybar, a, b):
    """Ā = ȳ Bᵀ, for B with the last axis but one summed."""
    rank_a, rank_b = np.ndim(a), np.ndim(b)
    if rank_a == rank_b == 2:
        return np.dot(ybar, b.T)
    if rank_a == 0 or rank_b == 0 or rank_a == rank_b == 1:
        return ybar * b
    if rank_b == 1:
        return _column(ybar) * b
    return _tensordot_wrt_a(y, ybar, a, b, (-1, -2))


def _dot_wrt_b(y, ybar, a, b):
    """B̄ = Aᵀ ȳ, for B with the last axis but one summed."""
    rank_a, rank_b = np.ndim(a), np.ndim(b)
    if rank_a == rank_b == 2:
        return np.dot(a.T, ybar)
    if rank_a == 0 or rank_b == 0 or rank_a == rank_b == 1:
        return ybar * a
    if rank_b == 1:
        return np.dot(np.ravel(ybar), _rows(a))
    return _tensordot_wrt_b(y, ybar, a, b, (-1, -2))


linear(np.inner, _inner_wrt_a, _inner_wrt_b)
linear(np.dot, _dot_wrt_a, _dot_wrt_b)
linear(
    np.outer,
    lambda y, ybar, a, b: np.reshape(np.dot(ybar, np.ravel(b)), shape_of(a)),
    lambda y, ybar, a, b: np.reshape(np.dot(np.ravel(a), ybar), shape_of(b)),
)


def _interleaved(a, b):
    """The shapes of kron's a and b with as many axes each, and 1 at those of the other."""
    rank = max(np.ndim(a), np.ndim(b))
    of_a, of_b = ((1,) * (rank - np.ndim(x)) + shape_of(x) for x in (a, b))
    wide_a = tuple(n for size in of_a for n in (size, 1))
    wide_b = tuple(n for size in of_b for n in (1, size))
    return wide_a, wide_b


def _kron_wrt_a(y, ybar, a, b):
    """Each entry of a, times b, is a block of y."""
    wide_a, wide_b = _interleaved(a, b)
    ybar = np.reshape(ybar, [m * n for m, n in zip(wide_a, wide_b, strict=True)])
    return np.reshape(np.sum(ybar * np.reshape(b, wide_b), axis=tuple(range(1, len(wide_a), 2))), shape_of(a))


def _kron_wrt_b(y, ybar, a, b):
    """Each entry of a, times b, is a block of y."""
    wide_a, wide_b = _interleaved(a, b)
    ybar = np.reshape(ybar, [m * n for m, n in zip(wide_a, wide_b, strict=True)])
    return np.reshape(np.sum(ybar * np.reshape(a, wide_a), axis=tuple(range(0, len(wide_a), 2))), shape_of(b))


linear(np.kron, _kron_wrt_a, _kron_wrt_b)


def _trace(y, ybar, a, offset=0, axis1=0, axis2=1, dtype=None):
    """x̄ = ȳ on the diagonal."""
    if dtype is not None and onp.dtype(dtype).kind not in "fc":
        return zeros_like(a)  # y was asked for in integers
    shape = shape_of(a)
    diagonal = onp.eye(shape[axis1], shape[axis2], offset, dtype=bool)
    xbar = np.where(diagonal, _column(_column(ybar)), 0)
    return np.moveaxis(xbar, (-2, -1), (axis1, axis2))


linear(np.trace, _trace, masks=True)


# --- vectors

# These conjugate their first argument: ȳ dy = ȳ conj(da)·b, whose real part is that of conj(ȳ b)·da.
linear(
    np.vdot,
    lambda y, ybar, a, b: np.reshape(_conj(ybar * b), shape_of(a)),
    lambda y, ybar, a, b: np.reshape(ybar * _conj(a), shape_of(b)),
)


def _back(xbar, x, axis):
    """x̄ that has its vectors along the last axis, in the form of x, which has them along ``axis``."""
    if axis == -1:  # nearly always; to move nothing takes NumPy 3 µs
        return unbroadcast(xbar, shape_of(x))
    *batch, n = onp.moveaxis(onp.empty(shape_of(x), bool), axis, -1).shape
    return np.moveaxis(unbroadcast(xbar, (*batch, n)), -1, axis)


def _at_end(x, axis):
    """What has the vectors of x along its last axis."""
    return x if axis == -1 else np.moveaxis(x, axis, -1)


def _vecdot_wrt_a(y, ybar, a, b, *, axis=-1):
    """ā = conj(ȳ b)."""
    return _back(_conj(_column(ybar) * _at_end(b, axis)), a, axis)


def _vecdot_wrt_b(y, ybar, a, b, *, axis=-1):
    """b̄ = ȳ conj(a)."""
    return _back(_column(ybar) * _conj(_at_end(a, axis)), b, axis)


linear(np.vecdot, _vecdot_wrt_a, _vecdot_wrt_b)


def _in_space(x, axis):
    """Vectors along the last axis, those of the plane with a third component 0."""
    x = _at_end(x, axis)
    *batch, n = shape_of(x)
    return x if n == 3 else np.concatenate([x, onp.zeros((*batch, 1), dtype_of(x))], axis=-1)


def _normal(ybar, a, b, axisa, axisb, axisc):
    """ȳ as vectors along the last axis: of two in the plane, y is the third component alone."""
    if shape_of(a)[axisa] == shape_of(b)[axisb] == 2:
        nothing = onp.zeros((*shape_of(ybar), 2), dtype_of(ybar))
        return np.concatenate([nothing, _column(ybar)], axis=-1)
    return _at_end(ybar, axisc)


def _cross_wrt_a(y, ybar, a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """ā = b × ȳ."""
    if axis is not None:
        axisa = axisb = axisc = axis
    xbar = np.cross(_in_space(b, axisb), _normal(ybar, a, b, axisa, axisb, axisc))
    return _back(xbar[..., : shape_of(a)[axisa]], a, axisa)


def _cross_wrt_b(y, ybar, a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """b̄ = ȳ × a."""
    if axis is not None:
        axisa = axisb = axisc = axis
    xbar = np.cross(_normal(ybar, a, b, axisa, axisb, axisc), _in_space(a, axisa))
    return _back(xbar[..., : shape_of(b)[axisb]], b, axisb)


linear(np.cross, _cross_wrt_a, _cross_wrt_b)


# --- einsum


# From so many products on, NumPy's way through BLAS saves more than the 10 µs that it takes to find:
# 12 µs either way for matrices of 32, and of 200 a tenth of the time.
WORTH_PLANNING = 1 << 15


def _einsum_wrt(argnum):
    """Return the rule of one operand: ȳ takes its place in the product, and its labels that of y's."""

    def rule(y, ybar, subscripts, a, *others, optimize=False):
        operands = [a, *others]
        shapes = [shape_of(x) for x in operands]
        labels, inputs, known = _einsum_back(subscripts, tuple(map(len, shapes)), argnum)
        del operands[argnum - 1]
        if optimize is False:
            optimize = _sums_much(inputs, known, [shape_of(ybar), *shapes[: argnum - 1], *shapes[argnum:]])
        elif not isinstance(optimize, str):
            optimize = True  # a path through the product of y is none through this one
        xbar = np.einsum(f"{','.join(inputs)}->{known}", ybar, *operands, optimize=optimize)
        return xbar if known == labels else _placed(xbar, known, labels, shapes[argnum - 1])

    return rule


@functools.lru_cache
def _einsum_back(subscripts, ranks, argnum):
    """The labels of an operand, those of ȳ and of the other operands, and those of the former among them."""
    inputs, output = explicit(subscripts, ranks)
    labels = inputs[argnum - 1]
    inputs = (output, *inputs[: argnum - 1], *inputs[argnum:])
    return labels, inputs, "".join(n for n in dict.fromkeys(labels) if n in "".join(inputs))


def _sums_much(inputs, known, shapes):
    """Whether a product sums over a label, and takes so many multiplications that planning pays."""
    if math.prod(map(math.prod, shapes)) < WORTH_PLANNING:
        return False
    sizes = {}
    for labels, shape in zip(inputs, shapes, strict=True):
        for label, size in zip(labels, shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    return len(sizes) > len(known) and math.prod(sizes.values()) >= WORTH_PLANNING


def _placed(xbar, known, labels, shape):
    """x̄ repeated along labels that only x had, and on the diagonal of those that x had twice."""
    sizes = dict(zip(known, shape_of(xbar), strict=True))
    first = [labels.index(label) for label in labels]
    xbar = np.reshape(xbar, [sizes.get(label, 1) if first[n] == n else 1 for n, label in enumerate(labels)])
    diagonal = True
    grid = onp.ogrid[tuple(slice(size) for size in shape)]
    for n, m in enumerate(first):
        if m != n:
            diagonal = diagonal & (grid[n] == grid[m])
    return xbar if diagonal is True else np.where(diagonal, xbar, 0)


linear(
    np.einsum,
    *(_einsum_wrt(argnum) for argnum in range(1, MOST_OPERANDS + 1)),
    argnums=tuple(range(1, MOST_OPERANDS + 1)),
    masks=True,
)

# In what order to multiply is found from the shapes alone.
defzero(np.einsum_path)

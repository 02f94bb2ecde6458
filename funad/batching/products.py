"""Products of vectors and matrices."""

import operator

import numpy as onp

from .. import numpy as np
from ..calling import as_array
from ..opaque import Batched
from ..values import shape_of
from .tables import Unbatched, batch_rule, flat, positive, rank_of


@batch_rule(np.matmul, np.linalg.matmul)
def _matmul(trace, prim, a, b):
    if _is_of_rows(a, b):
        return np.matmul(a.stack, b)
    a, b = as_array(a), as_array(b)
    rank_a, rank_b = rank_of(a), rank_of(b)
    if not rank_a or not rank_b:
        raise Unbatched("members are numbers")
    if not trace.has(b) and rank_b <= 2:
        return _times_constant(a.stack, b)
    if not trace.has(a) and rank_a == 2 and rank_b == 1:
        return np.matmul(b.stack, a.T)
    if rank_b == 1:
        return _matmul(trace, prim, a, b[:, None])[..., 0]
    if rank_a == 1:
        return _matmul(trace, prim, a[None], b)[..., 0, :]
    return np.matmul(*trace.aligned((a, b)))


def _times_constant(stack, b):
    """One product for all members."""
    shape = shape_of(stack)
    if len(shape) == 2 or 0 in shape:
        return np.matmul(stack, b)
    return np.reshape(np.matmul(np.reshape(stack, (-1, shape[-1])), b), (*shape[:-1], *shape_of(b)[1:]))


def _is_of_rows(a, b):
    """Whether it is the product of a vector per member with a plain vector or matrix, as on the way back."""
    return type(a) is Batched and a.stack.ndim == 2 and type(b) is onp.ndarray and 0 < b.ndim <= 2


@batch_rule(np.dot)
def _dot(trace, prim, a, b):
    if _is_of_rows(a, b):
        return np.matmul(a.stack, b)
    a, b = as_array(a), as_array(b)
    if rank_of(a) > 2 or rank_of(b) > 2:
        raise Unbatched("more axes than two")
    return _scaled(trace, a, b) if not rank_of(a) or not rank_of(b) else _matmul(trace, prim, a, b)


def _scaled(trace, a, b):
    """Return the product with a number, which counts as an array of its dtype."""
    a, b = (onp.asarray(x) if type(x) in (int, float, complex) else x for x in (a, b))
    return np.multiply(*trace.aligned((a, b)))


@batch_rule(np.outer, np.linalg.outer)
def _outer(trace, prim, a, b):
    return flat(trace.stack(a))[:, :, None] * flat(trace.stack(b))[:, None, :]


@batch_rule(np.vdot)
def _vdot(trace, prim, a, b):
    return np.sum(np.conjugate(flat(trace.stack(a))) * flat(trace.stack(b)), axis=1)


@batch_rule(np.inner)
def _inner(trace, prim, a, b):
    if not rank_of(a) or not rank_of(b):
        return _scaled(trace, a, b)
    if rank_of(a) == rank_of(b) == 1:
        return np.sum(trace.inside(a) * trace.inside(b), axis=-1)
    return _by_letters(trace, a, b, [rank_of(a) - 1], [rank_of(b) - 1])


@batch_rule(
    np.vecdot, np.linalg.vecdot, *(getattr(np, name) for name in ("matvec", "vecmat") if hasattr(np, name))
)
def _of_last_axes(trace, prim, a, b, *, axis=-1):
    """Functions of vectors and matrices along the last axes; the others broadcast."""
    if axis != -1:
        if rank_of(a) != rank_of(b):
            raise Unbatched("an axis of arrays of different ranks")
        axis = positive(axis, rank_of(a)) - 1 - rank_of(a)  # from behind
        return prim.traced(trace.inside(a), trace.inside(b), axis=axis)
    cores = {"vecdot": (1, 1), "matvec": (2, 1), "vecmat": (1, 2)}[prim.f.__name__]
    return prim.traced(*trace.aligned((a, b), cores))


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _by_letters(trace, a, b, axes_a, axes_b):
    """Return the sum of products over pairs of axes, as tensordot."""
    of_batch, *free = _LETTERS
    of_a, of_b = free[: rank_of(a)], free[rank_of(a) : rank_of(a) + rank_of(b)]
    rest = [x for n, x in enumerate(of_a) if n not in axes_a]
    rest += [x for n, x in enumerate(of_b) if n not in axes_b]
    for m, n in zip(axes_a, axes_b, strict=True):
        of_b[n] = of_a[m]
    left, right = (of_batch * trace.has(x) + "".join(of_x) for x, of_x in ((a, of_a), (b, of_b)))
    formula = f"{left},{right}->{of_batch}{''.join(rest)}"
    return np.einsum(formula, trace.inside(a), trace.inside(b), optimize=True)


@batch_rule(np.tensordot, np.linalg.tensordot)
def _tensordot(trace, prim, a, b, axes=2):
    if isinstance(axes, (int, onp.integer)):
        first, second = list(range(rank_of(a) - axes, rank_of(a))), list(range(axes))
    else:
        first, second = ([n] if onp.ndim(n) == 0 else list(n) for n in axes)
    first = [positive(n, rank_of(a)) - 1 for n in first]
    second = [positive(n, rank_of(b)) - 1 for n in second]
    if [shape_of(a)[n] for n in first] != [shape_of(b)[n] for n in second]:
        raise Unbatched("the shapes do not fit")
    return _by_letters(trace, a, b, first, second)


@batch_rule(np.einsum)
def _einsum(trace, prim, formula, *operands, optimize=False):
    if type(formula) is not str:
        raise Unbatched("the formula is no string")
    inputs, arrow, output = formula.replace(" ", "").partition("->")
    if not arrow:
        if "." in inputs:
            raise Unbatched("a formula with an ellipsis and without an arrow")
        output = "".join(sorted(x for x in set(inputs) - {","} if inputs.count(x) == 1))
    letter = next((x for x in _LETTERS if x not in formula), None)
    parts = inputs.split(",")
    if letter is None or len(parts) != len(operands):
        raise Unbatched("the formula does not fit")
    parts = [letter + part if trace.has(x) else part for part, x in zip(parts, operands, strict=True)]
    formula = f"{','.join(parts)}->{letter}{output}"
    return np.einsum(formula, *map(trace.inside, operands), optimize=optimize)


@batch_rule(np.kron)
def _kron(trace, prim, a, b):
    rank = max(rank_of(a), rank_of(b))
    shapes = [(1,) * (rank - rank_of(x)) + shape_of(x) for x in (a, b)]
    apart = [m for n in shapes[0] for m in (n, 1)], [m for n in shapes[1] for m in (1, n)]
    of_a, of_b = (
        np.reshape(trace.inside(x), (trace.size if trace.has(x) else 1, *shape))
        for x, shape in zip((a, b), apart, strict=True)
    )
    return np.reshape(of_a * of_b, (trace.size, *map(operator.mul, *shapes)))


@batch_rule(np.cross, np.linalg.cross)
def _cross(trace, prim, a, b, *rest, **kwargs):
    """Axes of members counted from behind are those of stacks."""
    given = dict(zip(("axisa", "axisb", "axisc", "axis"), rest, strict=False)) | kwargs
    given = {name: axis for name, axis in given.items() if axis is not None}
    if given and (rank_of(a) != rank_of(b) or 2 in (*shape_of(a), *shape_of(b))):
        raise Unbatched("axes of arrays of different ranks, or perhaps of vectors of two numbers")
    axes = {name: positive(axis, rank_of(a)) - 1 - rank_of(a) for name, axis in given.items()}
    return prim.traced(*trace.aligned((a, b)), **axes)

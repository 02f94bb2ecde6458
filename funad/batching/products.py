"""Products of vectors and matrices."""

import math

import numpy as onp

from .. import numpy as np
from ..calling import as_array
from ..traces.batch import spread
from ..values import shape_of
from .tables import Unbatched, batch_rule, positive, rank_of


def matrices(trace, a, b):
    """Return the product of matrices, or stacks of them, of which a member of a or of b may be one vector."""
    rank_a, rank_b = rank_of(a), rank_of(b)
    if not rank_a or not rank_b:
        raise Unbatched("members are numbers")
    if not trace.has(b) and rank_b <= 2:
        return _times_constant(trace, a, b)
    if not trace.has(a) and rank_a == 2 and rank_b == 1:
        return np.matmul(b.stack, np.transpose(a))
    of_a, of_b = (x.stack if trace.has(x) else x for x in (a, b))
    if rank_a == 1:
        of_a, rank_a = of_a[..., None, :], 2
    if rank_b == 1:
        of_b, rank_b = of_b[..., None], 2
    rank = max(rank_a, rank_b)
    of_a = spread(of_a, rank_a, rank) if trace.has(a) else of_a
    of_b = spread(of_b, rank_b, rank) if trace.has(b) else of_b
    y = np.matmul(of_a, of_b)
    if rank_of(b) == 1:
        y = y[..., 0]
    return y[..., 0, :] if rank_of(a) == 1 and rank_of(b) > 1 else y[..., 0] if rank_of(a) == 1 else y


def _times_constant(trace, a, b):
    """One product for all members."""
    stack, shape = a.stack, shape_of(a.stack)
    if len(shape) == 2:
        return np.matmul(stack, b)
    rows = np.reshape(stack, (-1, shape[-1])) if 0 not in shape else stack
    y = np.matmul(rows, b)
    return np.reshape(y, (*shape[:-1], *shape_of(b)[1:])) if 0 not in shape else y


@batch_rule(np.matmul, np.linalg.matmul)
def _matmul(trace, prim, args, kwargs):
    if kwargs:
        raise Unbatched("keywords")
    return matrices(trace, *map(as_array, args))


@batch_rule(np.dot)
def _dot(trace, prim, args, kwargs):
    a, b = map(as_array, args)
    if kwargs or rank_of(a) > 2 or rank_of(b) > 2:
        raise Unbatched("more axes than two")
    if not rank_of(a) or not rank_of(b):
        return scaled(trace, a, b)
    return matrices(trace, a, b)


def scaled(trace, a, b):
    """a·b of members with as many axes as they like."""
    rank = max(rank_of(a), rank_of(b))
    return np.multiply(*(spread(x.stack, rank_of(x), rank) if trace.has(x) else x for x in (a, b)))


@batch_rule(np.outer, np.linalg.outer)
def _outer(trace, prim, args, kwargs):
    if kwargs:
        raise Unbatched("keywords")
    a, b = (_flat(trace, x) for x in args)
    return a[:, :, None] * b[:, None, :]


def _flat(trace, x):
    """Return the stack of x with its members as one axis each."""
    return np.reshape(trace.stack(x), (trace.size, math.prod(shape_of(x))))


@batch_rule(np.inner)
def _inner(trace, prim, args, kwargs):
    a, b = args
    if not rank_of(a) or not rank_of(b):
        return scaled(trace, a, b)
    if rank_of(a) == rank_of(b) == 1:
        return np.sum(scaled_stack(trace, a) * scaled_stack(trace, b), axis=-1)
    return by_letters(trace, a, b, [rank_of(a) - 1], [rank_of(b) - 1])


def scaled_stack(trace, x):
    return x.stack if trace.has(x) else x


@(
    batch_rule(np.vecdot, np.linalg.vecdot, np.matvec, np.vecmat)
    if hasattr(np, "matvec")
    else batch_rule(np.vecdot, np.linalg.vecdot)
)
def _gufunc(trace, prim, args, kwargs):
    """Functions of vectors and matrices along the last axes; the others broadcast."""
    if kwargs:
        raise Unbatched("keywords")
    cores = {"vecdot": (1, 1), "matvec": (2, 1), "vecmat": (1, 2)}[prim.f.__name__]
    loops = [rank_of(x) - core for x, core in zip(args, cores, strict=True)]
    if min(loops) < 0:
        raise Unbatched("too few axes")
    return prim.traced(
        *(
            spread(x.stack, rank_of(x), max(loops) + core) if trace.has(x) else x
            for x, core in zip(args, cores, strict=True)
        )
    )


@batch_rule(np.vdot)
def _vdot(trace, prim, args, kwargs):
    a, b = (_flat(trace, x) for x in args)
    return np.sum(np.conjugate(a) * b, axis=1)


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def by_letters(trace, a, b, axes_a, axes_b):
    """Return the sum of products over pairs of axes, as tensordot."""
    free = iter(_LETTERS)
    of_batch = next(free)
    of_a = [next(free) for _ in range(rank_of(a))]
    of_b = [next(free) for _ in range(rank_of(b))]
    for m, n in zip(axes_a, axes_b, strict=True):
        of_b[n] = of_a[m]
    rest = [x for n, x in enumerate(of_a) if n not in axes_a] + [
        x for n, x in enumerate(of_b) if n not in axes_b
    ]
    left = of_batch * trace.has(a) + "".join(of_a)
    right = of_batch * trace.has(b) + "".join(of_b)
    stacks = (scaled_stack(trace, a), scaled_stack(trace, b))
    return np.einsum(f"{left},{right}->{of_batch}{''.join(rest)}", *stacks, optimize=True)


@batch_rule(np.tensordot, np.linalg.tensordot)
def _tensordot(trace, prim, args, kwargs):
    a, b, *axes = args
    axes = axes[0] if axes else kwargs.get("axes", 2)
    if isinstance(axes, (int, onp.integer)):
        first, second = list(range(rank_of(a) - axes, rank_of(a))), list(range(axes))
    else:
        first, second = ([n] if onp.ndim(n) == 0 else list(n) for n in axes)
    first = [positive(n, rank_of(a)) - 1 for n in first]
    second = [positive(n, rank_of(b)) - 1 for n in second]
    if [shape_of(a)[n] for n in first] != [shape_of(b)[n] for n in second]:
        raise Unbatched("the shapes do not fit")
    return by_letters(trace, a, b, first, second)


@batch_rule(np.einsum)
def _einsum(trace, prim, args, kwargs):
    formula, *operands = args
    if type(formula) is not str or kwargs.keys() - {"optimize"}:
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
    stacks = [scaled_stack(trace, x) for x in operands]
    return np.einsum(f"{','.join(parts)}->{letter}{output}", *stacks, **kwargs)


@batch_rule(np.kron)
def _kron(trace, prim, args, kwargs):
    a, b = args
    rank = max(rank_of(a), rank_of(b))
    if not rank:
        return scaled(trace, a, b)
    shapes = [(*(1,) * (rank - rank_of(x)), *shape_of(x)) for x in args]
    stacks = []
    for k, x in enumerate(args):
        shape = [m for n in shapes[k] for m in ((n, 1) if k == 0 else (1, n))]
        stacks.append(np.reshape(scaled_stack(trace, x), (*([trace.size] * trace.has(x)), *shape)))
    whole = [m * n for m, n in zip(*shapes, strict=True)]
    return np.reshape(stacks[0] * stacks[1], (trace.size, *whole))


@batch_rule(np.cross, np.linalg.cross)
def _cross(trace, prim, args, kwargs):
    a, b = args
    if kwargs or rank_of(a) != rank_of(b):
        raise Unbatched("axes by name")
    return prim.traced(*(scaled_stack(trace, x) for x in args))

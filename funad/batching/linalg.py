"""Linear algebra: NumPy's functions take stacks of matrices by themselves."""

import numpy as onp

from .. import numpy as np
from ..numpy import linalg, ties
from ..traces.batch import spread
from ..values import shape_of
from .tables import Unbatched, alone, batch_rule, positive, rank_of


@batch_rule(
    np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.eigvalsh, np.linalg.eigh,
    np.linalg.eigvals, np.linalg.eig, np.linalg.svdvals, np.linalg.svd, np.linalg.qr, np.linalg.matrix_power,
    np.linalg.cond, np.linalg.matrix_transpose, np.linalg.matrix_norm, np.linalg.trace, np.linalg.diagonal,
    np.linalg.pinv, np.linalg.matrix_rank,
)  # fmt: skip
def _of_matrices(trace, prim, args, kwargs):
    a, *rest = args
    if rank_of(a) < 2 or any(onp.ndim(x) for x in (*rest, *kwargs.values()) if not trace.has(x)):
        raise Unbatched("members are no matrices")
    return prim.traced(alone(trace, a, *rest, *kwargs.values()), *rest, **kwargs)


@batch_rule(np.linalg.solve)
def _solve(trace, prim, args, kwargs):
    """A vector as a matrix of one column."""
    a, b = args
    rank_b = max(rank_of(b), 2)
    of_a, of_b = (x.stack if trace.has(x) else x for x in (a, b))
    of_b = of_b[..., None] if rank_of(b) == 1 else of_b
    rank = max(rank_of(a), rank_b)
    of_a = spread(of_a, rank_of(a), rank) if trace.has(a) else of_a
    of_b = spread(of_b, rank_b, rank) if trace.has(b) else of_b
    if (
        not trace.has(a) and rank_of(a) == rank_b == 2 and 0 not in shape_of(of_b)
    ):  # one factorisation for all right sides
        columns = np.moveaxis(of_b, 0, 1)
        y = np.linalg.solve(a, np.reshape(columns, (shape_of(a)[0], -1)))
        y = np.moveaxis(np.reshape(y, shape_of(columns)), 1, 0)
    else:
        y = np.linalg.solve(of_a, of_b)
    return y[..., 0] if rank_of(b) == 1 else y


@batch_rule(np.linalg.norm)
def _norm(trace, prim, args, kwargs):
    x, *rest = args
    stack = alone(trace, x, *rest, *kwargs.values())
    given = dict(zip(("ord", "axis", "keepdims"), rest, strict=False)) | kwargs
    order, axis, rank = given.pop("ord", None), given.pop("axis", None), rank_of(x)
    if axis is None:
        if order is None and not given.get("keepdims") and 0 not in shape_of(x):
            stack, axis = np.reshape(stack, (trace.size, x.size)), 1
        elif rank in (1, 2):
            axis = tuple(range(1, rank + 1)) if rank == 2 else 1
        else:
            raise Unbatched("members have no axis or more than two")
    else:
        axes = axis if isinstance(axis, tuple) else (axis,)
        axis = tuple(positive(n, rank) for n in axes)
        axis = axis if len(axes) > 1 else axis[0]
    return prim.traced(stack, order, axis=axis, **given)


@batch_rule(np.linalg.vector_norm)
def _vector_norm(trace, prim, args, kwargs):
    (x,) = args
    stack, rank = alone(trace, x, *kwargs.values()), rank_of(x)
    axis = kwargs.get("axis")
    axes = tuple(range(rank)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not axes:
        raise Unbatched("members are numbers")
    return prim.traced(stack, **{**kwargs, "axis": tuple(positive(n, rank) for n in axes)})


@batch_rule(linalg.svd_apart, linalg.eig_apart, linalg.eigh_apart)
def _told_apart(trace, prim, args, kwargs):
    """What funad.numpy.linalg makes decompositions of; these take the order of derivatives, too."""
    y = _of_matrices(trace, prim, args, kwargs)
    if any(map(ties.is_above, y)):
        trace.look(args[0], "values of an example coincide")
    return y

"""Linear algebra: NumPy's functions take stacks of matrices by themselves."""

import numpy as onp

from .. import numpy as np
from ..numpy import linalg, ties
from ..values import shape_of
from .tables import Unbatched, axes_of, batch_rule, flat, rank_of, rule_of_one


@rule_of_one(
    np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.eigvalsh, np.linalg.eigh,
    np.linalg.eigvals, np.linalg.eig, np.linalg.svdvals, np.linalg.svd, np.linalg.qr, np.linalg.matrix_power,
    np.linalg.cond, np.linalg.matrix_transpose, np.linalg.matrix_norm, np.linalg.trace, np.linalg.diagonal,
    np.linalg.pinv, np.linalg.matrix_rank, linalg.spectral,
)  # fmt: skip
def _of_matrices(prim, a, *rest, **kwargs):
    if a.ndim < 2 or any(map(onp.ndim, (*rest, *kwargs.values()))):
        raise Unbatched("members are no matrices")
    return prim.traced(a.stack, *rest, **kwargs)


@rule_of_one(linalg.svd_apart, linalg.eig_apart, linalg.eigh_apart)
def _told_apart(prim, a, *rest, **kwargs):
    """What funad.numpy.linalg makes decompositions of; these take the order of derivatives, too."""
    y = prim.traced(a.stack, *rest, **kwargs)
    if any(map(ties.is_above, y)):
        a.tape.look(a, "values of an example coincide")
    return y


@batch_rule(np.linalg.solve)
def _solve(trace, prim, a, b):
    if rank_of(b) == 1:  # a vector as a matrix of one column
        return _solve(trace, prim, a, b[..., None])[..., 0]
    if trace.has(a) or rank_of(a) > 2 or rank_of(b) > 2 or 0 in shape_of(b.stack):
        return np.linalg.solve(*trace.aligned((a, b)))
    columns = np.moveaxis(b.stack, 0, 1)  # one factorisation for all right sides
    y = np.linalg.solve(a, np.reshape(columns, (len(a), -1)))
    return np.moveaxis(np.reshape(y, shape_of(columns)), 1, 0)


@batch_rule(np.linalg.lstsq)
def _lstsq(trace, prim, a, b, rcond=None):
    """X = A⁺B, which is what LAPACK computes of one matrix."""
    if rank_of(a) != 2 or rank_of(b) not in (1, 2) or 0 in (*shape_of(a), *shape_of(b)) or onp.ndim(rcond):
        raise Unbatched("members are empty, or rcond is batched")
    if rank_of(b) == 1:
        x, residuals, ranks, s = _lstsq(trace, prim, a, b[..., None], rcond)
        return x[..., 0], residuals, ranks, s
    rows, columns = shape_of(a)
    dtype = np.result_type(a, b)
    of_a, of_b = (np.astype(x.stack if trace.has(x) else x[None], dtype, copy=False) for x in (a, b))
    cutoff = onp.finfo(dtype).eps * max(rows, columns) if rcond is None else rcond
    s = np.linalg.svdvals(of_a)
    ranks = np.sum(s > cutoff * s[:, :1], axis=1)
    if not isinstance(ranks, onp.ndarray) or not (ranks == ranks[0]).all():
        raise Unbatched("the ranks of members differ")
    x = np.matmul(np.linalg.pinv(of_a, cutoff), of_b)
    if ranks[0] == columns < rows:
        left = of_b - np.matmul(of_a, x)
        residuals = np.sum(np.real(left * np.conj(left)), axis=1)
    else:
        residuals = onp.zeros((trace.size, 0), s.dtype)
    x, residuals, s = (np.broadcast_to(part, (trace.size, *shape_of(part)[1:])) for part in (x, residuals, s))
    return x, residuals, onp.broadcast_to(ranks.astype(onp.int32), (trace.size,)), s


@rule_of_one(np.linalg.norm)
def _norm(prim, x, ord=None, axis=None, **kwargs):
    stack = x.stack
    if axis is None and ord is None and not kwargs.get("keepdims"):
        stack, axis = flat(stack), 1
    elif axis is None and x.ndim not in (1, 2):
        raise Unbatched("members have no axis or more than two")
    else:
        axis = axes_of(axis, x.ndim)
    return prim.traced(stack, ord, axis=axis, **kwargs)


@rule_of_one(np.linalg.vector_norm)
def _vector_norm(prim, x, *, axis=None, **kwargs):
    axes = axes_of(axis, x.ndim)
    if axes == ():
        raise Unbatched("members are numbers")
    return prim.traced(x.stack, axis=axes, **kwargs)

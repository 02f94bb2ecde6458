"""What functions of matrices are on stacks of them, which vmap makes: SciPy takes stacks by itself."""

import math

import numpy as onp
from scipy import signal

from .... import numpy as np
from ....registry import primitive_of
from ....trace import BATCH_RULES, Unbatched, batch_rule
from ....values import shape_of
from ... import linalg
from .triangles import triangle

_HAS_STACKS = hasattr(signal, "envelope")  # from SciPy 1.16 on


def _rank(x):
    return len(shape_of(x))


def _refuse_others(trace, others):
    if not _HAS_STACKS:
        raise Unbatched("SciPy has stacks from 1.16 on")
    if any(trace.has(x) for x in others):
        raise Unbatched("more than the matrices is batched")


def _of_matrices(*cores):
    """Make the batch rule of a function of arrays, of which each has so many axes."""

    def rule(trace, prim, *args, **kwargs):
        arrays, others = args[: len(cores)], args[len(cores) :]
        _refuse_others(trace, (*others, *kwargs.values()))
        if any(x is None for x in arrays):
            raise Unbatched("an array is left out")
        y = prim.traced(*trace.aligned(arrays, cores), *others, **kwargs)
        single = list(map(_rank, arrays)) == list(cores)
        return tuple(y) if single and isinstance(y, list) else y  # SciPy has a list of stacks, a tuple of one

    return rule


def _of_right_side(*cores):
    """Make the batch rule of a solver, whose last array is a vector or the columns of a matrix."""

    def rule(trace, prim, *args, **kwargs):
        *arrays, b = args[: len(cores) + 1]
        others = args[len(cores) + 1 :]
        _refuse_others(trace, (*others, *kwargs.values()))
        vector = _rank(b) == 1
        alone = list(map(_rank, arrays)) == list(cores) and not any(map(trace.has, arrays))
        if alone and _rank(b) <= 2:  # one factorisation for all right sides
            columns = np.moveaxis(b.stack, 0, -1)
            shape = shape_of(columns)
            y = prim.traced(*arrays, columns.reshape((shape[0], math.prod(shape[1:]))), *others, **kwargs)
            return np.moveaxis(y.reshape((shape_of(y)[0], *shape[1:])), -1, 0)
        if vector:
            b = b[:, None]
        y = prim.traced(*trace.aligned([*arrays, b], [*cores, 2]), *others, **kwargs)
        return y[..., 0] if vector else y

    return rule


def _give(rule, *fs):
    for f in fs:
        prim = primitive_of(f)
        BATCH_RULES[prim.f] = rule
        together = getattr(f, "together", None)
        if together is not None:
            BATCH_RULES[primitive_of(together).f] = _of_list(rule, prim)


def _of_list(rule, prim):
    """Make the batch rule of a primitive of the list of its arrays."""
    return lambda trace, _, arrays, **kwargs: rule(trace, prim, *arrays, **kwargs)


_give(
    _of_matrices(2),
    linalg.inv, linalg.det, linalg.pinv, linalg.pinvh, linalg.cholesky, linalg.svdvals, linalg.polar,
    linalg.expm, linalg.logm, linalg.sqrtm, linalg.signm, linalg.cosm, linalg.sinm, linalg.tanm,
    linalg.coshm, linalg.sinhm, linalg.tanhm, linalg.svd_apart, linalg.eigh_apart,
    linalg.eig_apart, linalg.hessenberg, linalg.rq, linalg.lu_factor, linalg.cholesky_banded,
)  # fmt: skip
_give(
    _of_matrices(2, 2),
    linalg.expm_frechet, linalg.solve_continuous_lyapunov, linalg.solve_discrete_lyapunov,
    linalg.subspace_angles,
)  # fmt: skip
_give(_of_matrices(2, 2, 2), linalg.solve_sylvester)
_give(_of_matrices(1, 1), linalg.eigvalsh_tridiagonal)
_give(
    _of_right_side(2),
    linalg.solve_whole, linalg.solve_by_factors, linalg.solve_triangular, linalg.cho_solve_of,
    linalg.solve_banded_of, linalg.solveh_banded, linalg.cho_solve_banded_of,
)  # fmt: skip
_give(_of_right_side(1, 1), linalg.solve_toeplitz_of, linalg.matmul_toeplitz_of)


@batch_rule(triangle)
def _triangle(trace, prim, left, right, *others):
    """The factors are stacks already."""
    return prim.traced(*trace.aligned([left, right], [2, 2]), *others)


def _eigh(trace, prim, a, b=None, **kwargs):
    """Of one matrix, or of two."""
    arrays = (a,) if b is None else (a, b)
    return _of_matrices(*[2] * len(arrays))(trace, prim, *arrays, **kwargs)


_give(_eigh, linalg.eigh_of)


def _qr(trace, prim, a, **kwargs):
    if kwargs.get("mode") == "raw":
        raise Unbatched("SciPy has no stacks of factors as LAPACK has them")
    return _of_matrices(2)(trace, prim, a, **kwargs)


_give(_qr, linalg.qr_of)


def _cho_factor(trace, prim, a, **kwargs):
    """Which triangle it is, is the same for all; of a stack SciPy says so of each."""
    c, _ = _of_matrices(2)(trace, prim, a, **kwargs)
    return c, kwargs.get("lower", False)


_give(_cho_factor, linalg.cho_factor)

"""Jacobians and Hessians as linear operators: products without the matrix, for SciPy's iterative solvers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as onp

from ...transforms.calls import check_argnums, check_function, kept_copies, own_copy, trace_call
from ...transforms.runs import Run
from ...values import dtype_of, shape_of
from ..sparse.operators import LinearOperator
from .derivatives import call_of

__all__ = ["linear_operator"]


def linear_operator(
    f: Callable[..., Any], *args: Any, argnums: Any = 0, symmetric: bool = False, **kwargs: Any
) -> Any:
    """Return the Jacobian of ``f`` as a scipy.sparse.linalg.LinearOperator, which is never formed.

    ``f`` runs once; each product walks along that run, those with the transpose back.

    Parameters
    ----------
    f : callable
        Returns a float, a float array, or a container of them.
    *args, **kwargs
        Its arguments.
    argnums : int or str, default 0
        Which argument is x.
    symmetric : bool, default False
        Say that the Jacobian is symmetric, as that of a gradient: the Hessian of f is
        ``linear_operator(grad(f), x, symmetric=True)``.

    Returns
    -------
    LinearOperator
        Of shape (numbers in y, numbers in x); of containers in the order of :func:`funad.tree.ravel`.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import grad, linear_operator
    >>> from scipy.sparse.linalg import cg
    >>> f = lambda x: np.sum(x**4) + np.sum(x[1:] * x[:-1])
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> hessian = linear_operator(grad(f), x, symmetric=True)
    >>> step, info = cg(hessian, -grad(f)(x), rtol=1e-10)
    >>> bool(np.allclose(hessian @ step, -grad(f)(x)))
    True
    """
    check_function("linear_operator", f, "linear_operator(f, x)", "linear_operator(f(x), x)")
    call = call_of(f, check_argnums(f, argnums), args, kwargs)
    return _operator(call, symmetric)


def _operator(call, symmetric):
    call.leaves = kept_copies(call.leaves)
    y, tape, _ = trace_call(call, False)
    run = Run(call, y, tape)

    def product(v, forward):
        return own_copy(run.products(v[None], forward)[0])

    def forward(v):
        return product(v, True)

    def backward(u):
        return product(u, False)

    shape = tuple(sum(math.prod(shape_of(x)) for x in ends) for ends in (run.values, call.leaves))
    dtype = onp.result_type(*map(dtype_of, [*run.values, *call.leaves]))
    return LinearOperator(shape, forward, forward if symmetric else backward, dtype=dtype)

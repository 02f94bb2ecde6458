"""Jacobians, Hessians and their products with vectors."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as onp

from .. import tree
from ..errors import ArgumentError, NonScalarOutputError, TangentError
from ..registry import loaded
from ..spaces import is_complex, name_of
from ..traces.reverse import Tape
from ..values import shape_of
from .calls import (
    ArgNums,
    Call,
    P,
    R,
    Transformed,
    check_argnums,
    check_complex,
    check_complex_result,
    check_function,
    check_not_discrete,
    takes,
    trace_call,
)
from .forward import jvp
from .reverse import grad, gradient_for_tangent, gradient_of, value_and_grad, vjp
from .runs import Run

ndarray = onp.ndarray

__all__ = [
    "ggnvp", "hessian", "hessp", "hvp", "jacfwd", "jacobian", "jacrev", "value_and_jacobian",
    "value_grad_and_hvp", "vhp",
]  # fmt: skip


def jacrev(
    f: Callable[P, Any], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[P, Any]:
    """Turn ``f`` into a function that returns its Jacobian, by rows (reverse mode).

    For y = f(x), entry (*i, *k) is ∂y[i]/∂x[k]: one run of ``f``, then a walk back along the tape
    for all numbers in y at once, or for as many as suit the cache. The parameters, the result, of
    shape (*out, *in), and the errors are those of :func:`jacobian`.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import jacrev
    >>> jacrev(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return Transformed(_jacobian, f, check_argnums(f, argnums), has_aux, holomorphic, "rows")


def jacfwd(
    f: Callable[P, Any], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[P, Any]:
    """Turn ``f`` into a function that returns its Jacobian, by columns (forward mode).

    For y = f(x), entry (*i, *k) is ∂y[i]/∂x[k]: one run of ``f``, then a walk forward along the
    tape for all numbers in x at once, or for as many as suit the cache. The parameters, the result,
    of shape (*out, *in), and the errors are those of :func:`jacobian`.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import jacfwd
    >>> jacfwd(lambda x: np.stack([x, x**2, x**3]))(2.0)
    array([ 1.,  4., 12.])
    """
    return Transformed(_jacobian, f, check_argnums(f, argnums), has_aux, holomorphic, "columns")


def jacobian(
    f: Callable[P, Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnum: ArgNums | None = None,
    sparse: Any = False,
) -> Callable[P, Any]:
    """Turn ``f`` into a function that returns its Jacobian, by the cheaper of the two modes.

    For y = f(x), entry (*i, *k) is ∂y[i]/∂x[k]. ``f`` runs once. If x has fewer numbers than
    y, the columns are taken, as :func:`jacfwd` does; else the rows, as :func:`jacrev` does.

    Parameters
    ----------
    f : callable
        Returns a float, a float array of shape (*out), or a container of them.
    argnums : int, str or tuple of them, default 0
        Which argument is x: a float, a float array of shape (*in), or a container of them.
    has_aux : bool, default False
        Say that ``f`` returns (y, aux), of which aux is passed on and not differentiated.
    holomorphic : bool, default False
        Say that ``f`` is a holomorphic function of complex x with complex results.
    argnum : int, str or tuple of them, optional
        Another name of ``argnums``, which autograd has.
    sparse : bool, sparse matrix or Sparsity, default False
        Return a scipy.sparse.csr_array: of the pattern that is given, or for True of the one that is found
        in each call. What :func:`funad.sparsity` returns keeps its colouring for many calls.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns an array of shape (*out, *in); for containers,
        the container of y filled with the container of x filled with such arrays; a tuple over
        ``argnums`` if that is one; beside aux, with ``has_aux``. A sparse matrix has one row per number in
        y and one column per number in x, of containers in the order of :func:`funad.tree.ravel`.

    Raises
    ------
    MissingRuleError
        When called, if ``f`` uses a function that has no derivative rule.
    NonScalarOutputError
        When called, if complex numbers go in or come out whose derivative is no matrix of complex
        numbers, or not in this mode: say ``holomorphic=True`` where ``f`` is.
    ArgumentError, ArgumentTypeError
        If ``argnums`` does not fit the call, or x is not made of numbers.
    SparsityError
        When called, if the pattern that was given lacks an entry that is not zero: one more product, with
        a vector in general position, tells. A pattern that ``sparsity`` has found elsewhere is found again.

    See Also
    --------
    sparsity : the pattern of a sparse Jacobian, found once.
    grad : the same for a scalar output, at the cost of one walk back.
    jvp, vjp : products with the Jacobian, without the Jacobian.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import jacobian
    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    argnums = check_argnums(f, argnums, argnum)
    if sparse is not False:
        if has_aux or holomorphic:
            raise ArgumentError("a sparse Jacobian is that of real numbers, without has_aux and holomorphic")
        found = loaded("scipy.sparsity.derivatives")
        return Transformed(found.jacobian, f, argnums, found.given(sparse))
    return Transformed(_jacobian, f, argnums, has_aux, holomorphic, "cheaper")


def value_and_jacobian(
    f: Callable[P, R], argnums: ArgNums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[P, tuple[R, Any]]:
    """Turn ``f`` into a function that returns its value and its Jacobian, from one run.

    See :func:`jacobian` for the parameters.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns (y, J), or ((y, aux), J) with ``has_aux``; J has the
        shape (*out, *in).

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import value_and_jacobian
    >>> value_and_jacobian(lambda x: 2 * x)(np.array([1.0]))
    (array([2.]), array([[2.]]))
    """
    return Transformed(_value_and_jacobian, f, check_argnums(f, argnums), has_aux, holomorphic, "cheaper")


def _value_and_jacobian(
    f: Any, argnums: ArgNums, has_aux: bool, holomorphic: bool, by: str, args: Any, kwargs: Any
) -> Any:
    call = Call(f, argnums, args, kwargs)
    y, tape, aux = trace_call(call, has_aux)
    value, found = _jacobian_of(call, y, tape, by, holomorphic)
    return ((value, aux), found) if has_aux else (value, found)


def _jacobian_of(call: Call, y: Any, tape: Tape, by: str = "cheaper", holomorphic: bool = False) -> Any:
    """Return the value and the Jacobian of a call that has run on this tape and returned y."""
    run = Run(call, y, tape)
    check_not_discrete(call.f, run.values)
    by = _mode(run, by, holomorphic)
    return run.value, run.assembled(run.columns() if by == "columns" else run.rows())


def _mode(run: Run, by: str, holomorphic: bool) -> str:
    """Return "rows" or "columns": the one asked for, or that is cheaper, or that can be right."""
    name = name_of(run.call.f)
    if holomorphic:
        check_complex(run.call)
        for y in run.values:
            check_complex_result(run.call.f, y)
    elif any(map(is_complex, run.values)) and any(map(is_complex, run.call.leaves)):
        raise NonScalarOutputError(
            f"{name} takes and returns complex numbers, so its Jacobian is one of complex numbers only "
            f"if it is holomorphic: say holomorphic=True, or take np.real and np.imag of its result"
        )
    elif any(map(is_complex, run.values)):
        if by == "rows":
            raise NonScalarOutputError(
                f"{name} returned complex numbers for real ones, of which jacrev sees the real part only; "
                f"use jacfwd or jacobian"
            )
        return "columns"
    elif any(map(is_complex, run.call.leaves)):
        if by == "columns":
            raise NonScalarOutputError(
                f"{name} returned real numbers for complex ones, of which jacfwd sees the real parts "
                f"only; use jacrev or jacobian"
            )
        return "rows"
    if by != "cheaper":
        return by
    numbers_in = sum(math.prod(shape_of(x)) for x in run.call.leaves)
    numbers_out = sum(math.prod(shape_of(y)) for y in run.values)
    return "columns" if numbers_in < numbers_out else "rows"


def _jacobian(
    f: Any, argnums: ArgNums, has_aux: bool, holomorphic: bool, by: str, args: Any, kwargs: Any
) -> Any:
    value, found = _value_and_jacobian(f, argnums, has_aux, holomorphic, by, args, kwargs)
    return (found, value[1]) if has_aux else found


def hessian(
    f: Callable[P, Any], argnums: ArgNums = 0, *, argnum: ArgNums | None = None, sparse: Any = False
) -> Callable[P, Any]:
    """Turn ``f`` into a function that returns its Hessian: forward over reverse.

    For a real y = f(x), entry (*i, *k) is ∂²y/∂x[i]∂x[k], symmetric to rounding. Of several numbers,
    each has its own: it is the Jacobian of the Jacobian then.

    Parameters
    ----------
    f : callable
        Returns a real number, or a real array of shape (*out), or a container of them.
    argnums : int, str or tuple of them, default 0
        Which argument is x: a float, a float array of shape (*in), or a container of them.
    argnum : int, str or tuple of them, optional
        Another name of ``argnums``, which autograd has.
    sparse : bool, sparse matrix or Sparsity, default False
        Return a scipy.sparse.csr_array of one row and one column per number in x: see :func:`jacobian`. The
        pattern, given or found as ``sparsity(grad(f), x)``, is symmetric.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns an array of shape (*in, *in), or (*out, *in, *in) where
        ``f`` returns an array; for containers of results, such a container; for containers, the
        container of x filled with containers of x filled with such arrays: of {"w": w, "b": b}
        the mixed block is ``H["w"]["b"]``, of the shape of w and then that of b. For one matrix of
        all numbers, take the function of the vector that :func:`funad.tree.ravel` makes.

    Raises
    ------
    NonScalarOutputError
        When called, if ``f`` does not return real numbers.
    MissingRuleError
        When called, if ``f`` uses a function that has no derivative rule.

    See Also
    --------
    hvp : products with the Hessian, without the Hessian.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import hessian
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    >>> hessian(lambda x: np.stack([x**2, x**3]))(2.0)
    array([ 2., 12.])

    Of a container as one matrix:

    >>> from funad import tree
    >>> f = lambda p: p["w"] ** 2 * p["b"]
    >>> vector, unravel = tree.ravel({"w": 1.0, "b": 3.0})
    >>> hessian(lambda vector: f(unravel(vector)))(vector)
    array([[6., 2.],
           [2., 0.]])
    """
    check_function("hessian", f)
    argnums = check_argnums(f, argnums, argnum)
    if sparse is not False:
        found = loaded("scipy.sparsity.derivatives")
        return Transformed(found.hessian, f, argnums, found.given(sparse))
    return jacfwd(Transformed(_first_derivative, f, argnums), argnums)


def _first_derivative(f: Any, argnums: ArgNums, args: Any, kwargs: Any) -> Any:
    """The gradient of a function of one number, the Jacobian of any other."""
    call = Call(f, argnums, args, kwargs)
    y, tape, _ = trace_call(call, False)
    if tree.is_leaf(y) and shape_of(y) == ():
        return gradient_of(call, y, tape)[1]
    return _jacobian_of(call, y, tape)[1]


def hvp(f: Callable[..., Any], argnums: ArgNums = 0, *, argnum: ArgNums | None = None) -> Callable[..., Any]:
    """Turn ``f`` into a function that returns products of its Hessian: forward over reverse.

    It costs a small constant times a gradient; the Hessian itself is never formed.

    Parameters
    ----------
    f : callable
        Returns a real number.
    argnums : int, str or tuple of them, default 0
        Which argument is x.
    argnum : int, str or tuple of them, optional
        Another name of ``argnums``, which autograd has.

    Returns
    -------
    callable
        Takes the arguments of ``f`` and then v, of the structure and shapes of x (a tuple over
        ``argnums`` if that is one); returns H v = ∂²f/∂x² v, of the same.

    Raises
    ------
    TangentError
        When called, if v does not have the structure and shapes of x.
    NonScalarOutputError
        When called, if ``f`` does not return one real number.

    See Also
    --------
    linearize : ``linearize(grad(f), x)[1]`` is the function v ↦ H v at this x, for many v: the
        gradient is computed once for all of them. hvp forgets it, and takes less memory.
    hessian : the whole matrix.
    hessp : takes the vector behind x, as SciPy gives it.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import hvp
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    return Transformed(_hvp, f, check_argnums(f, argnums, argnum))


def _hvp(f: Any, argnums: ArgNums, args: Any, kwargs: Any) -> Any:
    with _vector_last("hvp({})", f, args, kwargs):
        return _gradient_along(gradient_for_tangent(f, argnums), f, argnums, args, kwargs)[1]


def hessp(f: Callable[..., Any]) -> Callable[..., Any]:
    """Turn ``f`` into a function that returns products of its Hessian, called as SciPy calls ``hessp``.

    The same numbers as those of :func:`hvp`, at the same price; only the order of the arguments is
    another: the vector stands behind x, and what else ``f`` takes behind the vector.

    Parameters
    ----------
    f : callable
        Takes x and further arguments; returns a real number.

    Returns
    -------
    callable
        Takes x, then p, of the structure and shapes of x, then the further arguments of ``f``; returns
        H p = ∂²f/∂x² p, of the structure and shapes of x.

    Raises
    ------
    TangentError
        When called, if p does not have the structure and shapes of x.
    NonScalarOutputError
        When called, if ``f`` does not return one real number.

    See Also
    --------
    hvp : takes the vector last, behind all arguments of ``f``.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import grad, hessp
    >>> from scipy.optimize import minimize
    >>> f = lambda x, scale: np.sum(np.cosh(scale * x)) + x[0] * x[1]
    >>> hessp(f)(np.array([0.0, 0.0]), np.array([1.0, 0.0]), 2.0)
    array([4., 1.])
    >>> x = np.array([1.0, 2.0])
    >>> found = minimize(f, x, args=(2.0,), jac=grad(f), hessp=hessp(f), method="trust-ncg")
    >>> bool(found.success)
    True
    """
    return Transformed(_hessp, f)


def _hessp(f: Any, args: Any, kwargs: Any) -> Any:
    if len(args) < 2:
        name = name_of(f)
        raise ArgumentError(
            f"hessp({name}) takes x, then the vector p, of the structure and shapes of x, and then what else "
            f"{name} takes: hessp({name})(x, p, *args); it was called with {len(args)} "
            f"argument{'s' if len(args) != 1 else ''}"
        )
    x, p, *more = args
    return _gradient_along(gradient_for_tangent(f, 0), f, 0, (x, *more, p), kwargs)[1]


def _gradient_along(of_gradient: Any, f: Any, argnums: ArgNums, args: Any, kwargs: Any) -> Any:
    """Return the value and the tangent of a function of the gradient, along v, the last argument."""
    if not args:
        raise ArgumentError("the vector v is missing")
    *primals, v = args
    call = Call(f, argnums, tuple(primals), kwargs)
    xs = [primals[place] if isinstance(place, int) else kwargs[place] for place in call.places]

    def at(*xs: Any) -> Any:
        args, kwargs = call.arguments(xs)
        return of_gradient(*args, **kwargs)

    return jvp(at, xs, v if isinstance(argnums, tuple) else (v,))


@contextlib.contextmanager
def _vector_last(written: str, f: Any, args: Any, kwargs: Any) -> Iterator[None]:
    """Say so where a call fails because v is missing, or stands behind x: its last argument is one of f."""
    try:
        yield
    except (TypeError, ArgumentError, TangentError):
        behind = len(args) > 2 and _alike(args[0], args[1]) and not _alike(args[0], args[-1])
        if args and takes(f, args[:-1], kwargs) and not behind:
            raise
        name = name_of(f)
        raise ArgumentError(
            f"a product with a vector takes the arguments of {name} and then v, of the structure and shapes "
            f"of x: {written.format(name)}(x, v), v comes last; it was called with {len(args)} "
            f"argument{'s' if len(args) != 1 else ''}"
        ) from None


def _alike(x: Any, v: Any) -> bool:
    """Say whether v has the structure and the shapes of x."""
    try:
        leaves, structure = tree.flatten(x)
        pairs = zip(leaves, tree.flatten_like(structure, v), strict=True)
        return all(shape_of(leaf) == shape_of(part) for leaf, part in pairs)
    except ArgumentError:
        return False


def vhp(f: Callable[..., Any], argnums: ArgNums = 0) -> Callable[..., Any]:
    """Turn ``f`` into a function that returns products of its Hessian: reverse over reverse.

    The same numbers as those of :func:`hvp`, vᵀ H, for functions whose rules are dear forward. Takes
    and returns what hvp does.

    Raises
    ------
    CotangentError
        When called, if v does not have the structure and shapes of x.
    NonScalarOutputError
        When called, if ``f`` does not return one real number.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import vhp
    >>> vhp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    return Transformed(_vhp, f, check_argnums(f, argnums))


def _vhp(f: Any, argnums: ArgNums, args: Any, kwargs: Any) -> Any:
    with _vector_last("vhp({})", f, args, kwargs):
        _, vjp_f = vjp(grad(f, argnums), *args[:-1], argnums=argnums, **kwargs)
    return vjp_f(args[-1])


def value_grad_and_hvp(f: Callable[..., Any], argnums: ArgNums = 0) -> Callable[..., Any]:
    """Turn ``f`` into a function that returns its value, its gradient and a Hessian product.

    All three come from one run of ``f``. What it takes, and the errors, are those of :func:`hvp`.

    Returns
    -------
    callable
        Takes the arguments of ``f`` and then v, of the structure and shapes of x; returns
        (y, x̄, H v), the latter two of the structure and shapes of x.

    Examples
    --------
    >>> from funad import value_grad_and_hvp
    >>> [float(part) for part in value_grad_and_hvp(lambda x: x**3)(2.0, 1.0)]
    [8.0, 12.0, 12.0]
    """
    return Transformed(_value_grad_and_hvp, f, check_argnums(f, argnums))


def _value_grad_and_hvp(f: Any, argnums: ArgNums, args: Any, kwargs: Any) -> Any:
    with _vector_last("value_grad_and_hvp({})", f, args, kwargs):
        found = _gradient_along(value_and_grad(f, argnums), f, argnums, args, kwargs)
    (value, gradient), (_, product) = found
    return value, gradient, product


def ggnvp(f: Callable[..., Any], loss: Callable[[Any], Any], argnums: ArgNums = 0) -> Callable[..., Any]:
    """Turn ``loss∘f`` into a function that returns products of its Gauss-Newton matrix.

    G = Jᵀ H J with J the Jacobian of ``f`` and H the Hessian of ``loss`` at f(x): positive
    semidefinite where ``loss`` is convex (Schraudolph, 2002, "Fast curvature matrix-vector
    products for second-order gradient descent").

    Parameters
    ----------
    f : callable
        Returns an array or a container: the model.
    loss : callable
        Takes what ``f`` returns; returns a real number.
    argnums : int, str or tuple of them, default 0
        Which argument of ``f`` is x.

    Returns
    -------
    callable
        Takes the arguments of ``f`` and then v, as :func:`hvp` does; returns G v, of the structure
        and shapes of x.

    Raises
    ------
    TangentError
        When called, if v does not have the structure and shapes of x.
    NonScalarOutputError
        When called, if ``loss`` does not return one real number.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import ggnvp
    >>> G = ggnvp(np.sin, lambda y: np.sum(y**2))
    >>> G(np.array([0.0, np.pi / 2]), np.array([1.0, 1.0])).round(12)
    array([2., 0.])
    """
    return Transformed(_ggnvp, f, loss, check_argnums(f, argnums))


def _ggnvp(f: Any, loss: Any, argnums: ArgNums, args: Any, kwargs: Any) -> Any:
    with _vector_last("ggnvp({}, loss)", f, args, kwargs):
        y, vjp_f = vjp(f, *args[:-1], argnums=argnums, **kwargs)
        _, ydot = _gradient_along(f, f, argnums, args, kwargs)
    return vjp_f(hvp(loss)(y, ydot))

"""implicit: the derivatives of what a solver finds, from the equation that it solves.

At the solution of f(x) = 0, where f depends on θ as well, J ẋ + ∂f/∂θ θ̇ = 0 with J = ∂f/∂x (the implicit
function theorem). So the derivatives need f and one linear solve, and nothing of the solver.

With several traces, each has its own step: seen from the n-th of them, x is what the traces around it
have made of it, so J is computed with that x, and f(x) is a residual that is zero, and whose derivative is
∂f/∂θ θ̇. So every order is exact, at one linear solve per trace.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as onp

from .. import numpy as np
from .. import tree
from ..boxes import Traced, innermost
from ..calling import call
from ..errors import ArgumentError, NotDifferentiableError, SingularJacobianError
from ..registry import Primitive
from ..spaces import describe, name_of
from ..traces.reverse import Tape
from ..values import shape_of
from .calls import check_function
from .closures import Watched, attached, plain_of, without
from .copies import PlainCopy
from .forward import jvp, linearize
from .matrices import hessian, jacobian
from .reverse import grad, vjp

__all__ = ["Equation", "check_minimum", "custom_root", "implicit"]

KINDS = ("root", "fixed_point", "minimum")
_NEAR = 1e-2  # how far, relative to the largest number in it, a solution may be from where Newton's steps end
_CLOSE = 1e-3  # the same for solutions near zero
_STEPS = 12
_EPS = float(onp.finfo(float).eps)


def implicit(
    f: Callable[..., Any], x: Any, kind: str = "root", solve: Callable[..., Any] | None = None
) -> Any:
    """Return ``x``, the solution of an equation of ``f``, with the derivatives that the equation gives it.

    The equation is f(x) = 0, or one of two others (``kind``). The solution may come from any solver, as
    compiled as it likes. Whatever ``f`` closes over may be traced, and x is differentiated in all of it:
    ẋ = −(∂f/∂x)⁻¹ ∂f/∂θ θ̇, in both modes and to every order.

    Parameters
    ----------
    f : callable
        Takes x. Returns residuals of the structure and the shapes of x, for ``kind="minimum"`` a real number.
    x : float, array, container of them, or callable
        The solution. A callable is a solver: it is called with f, whose results are plain numbers then,
        and returns the solution.
    kind : {"root", "fixed_point", "minimum"}, default "root"
        Whether f(x) = 0, x = f(x), or x is where f is least (∇f(x) = 0).
    solve : callable, optional
        Takes the function u ↦ A u and a vector b, both plain, and returns u with A u = b, for vectors of
        all numbers in x. It is used for systems with the Jacobian and with its transpose, which are never
        formed then. Left out, the Jacobian is formed and solved with: right for up to about 1,000 numbers.

    Returns
    -------
    float, array or container
        x, of the same structure, shapes and dtypes, to the bit.

    Raises
    ------
    SingularJacobianError
        If ∂f/∂x is singular: the solution is no differentiable function of anything then. It is a
        ``numpy.linalg.LinAlgError``, too.
    NotDifferentiableError
        If x is no solution, as Newton's steps from it show; or ``kind`` is "minimum" and it is not isolated.
    ArgumentError
        If f returns other shapes than those of x.

    See Also
    --------
    custom_root : the same as a decorator of a solver.

    Notes
    -----
    A solver leaves an error of the size of its tolerance. The derivatives are those at the solution that
    a few of Newton's steps find from there, so they are right to rounding all the same.

    Examples
    --------
    The solver may be given, or what it has found:

    >>> import funad.numpy as np
    >>> from funad import grad, implicit
    >>> from scipy.optimize import brentq
    >>> cubic = lambda a: implicit(lambda x: x**3 + a * x - 3.0, lambda f: brentq(f, 0.0, 2.0))
    >>> print(f"{cubic(2.0):.6f} {grad(cubic)(2.0):.6f} {grad(grad(cubic))(2.0):.6f}")
    1.000000 -0.200000 0.032000

    Of a large system the Jacobian is not formed if there is an iterative solver:

    >>> from scipy.sparse.linalg import LinearOperator, gmres
    >>> def solve(matvec, b):
    ...     return gmres(LinearOperator((b.size, b.size), matvec), b, rtol=1e-12)[0]
    >>> def total(b):
    ...     residual = lambda x: x + 0.1 * x**3 - b
    ...     return np.sum(implicit(residual, np.ones(3), solve=solve))
    >>> print(np.round(grad(total)(np.full(3, 1.1)), 6))
    [0.769231 0.769231 0.769231]
    """
    check_function("implicit", f, "implicit(f, x)", "implicit(f(x), x)")
    if kind not in KINDS:
        raise ArgumentError(f"kind is one of {', '.join(map(repr, KINDS))}, not {kind!r}")
    watched = Watched(f)
    x = plain_of(x(watched) if callable(x) else x)
    watched(x)
    if not watched.traces:
        return x
    vector, unravel = _raveled(x)
    equation = Equation(name_of(f), lambda v: f(unravel(v)), kind, solve)
    found = equation.derived(vector, watched.traces)
    return tree.map(attached, x, unravel(found))


def custom_root(
    f: Callable[..., Any], kind: str = "root", has_aux: bool = False, solve: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator of solvers, which gives what they return the derivatives of the equation of ``f``.

    A solver takes (x0, *args) and returns x with f(x, *args) = 0. It is called with plain numbers,
    and may be compiled code. Its result is differentiated in ``args``, and in what ``f`` closes over.

    Parameters
    ----------
    f : callable
        Takes (x, *args) and the keywords of the solver; returns residuals of the structure and shapes of
        x, for ``kind="minimum"`` a real number.
    kind : {"root", "fixed_point", "minimum"}, default "root"
        Whether f(x, *args) = 0, x = f(x, *args), or f(·, *args) is least at x.
    has_aux : bool, default False
        Say that the solver returns (x, aux), of which aux is passed on and not differentiated.
    solve : callable, optional
        An iterative solver of linear systems; see :func:`implicit`.

    Returns
    -------
    callable
        The decorator. Of x0, where the solver starts, x does not depend.

    See Also
    --------
    implicit : the same for one call of a solver, and what may be raised.

    Examples
    --------
    >>> from funad import custom_root, grad
    >>> @custom_root(lambda x, a: x**2 - a)
    ... def heron(x, a):
    ...     for _ in range(20):
    ...         x = (x + a / x) / 2
    ...     return x
    >>> print(f"{heron(1.0, 4.0):.6f} {grad(heron, 1)(1.0, 4.0):.6f}")
    2.000000 0.250000
    """
    check_function("custom_root", f, "custom_root(f)(solver)", "custom_root(f(x))(solver)")

    def decorate(solver: Callable[..., Any]) -> Callable[..., Any]:
        check_function("custom_root(f)", solver, "custom_root(f)(solver)", "custom_root(f)(solver(x0))")

        @functools.wraps(solver)
        def solved(x0: Any, *args: Any, **kwargs: Any) -> Any:
            run = Watched(solver)
            found = run(*tree.map(plain_of, (x0, *args)), **tree.map(plain_of, kwargs))
            x, *aux = found if has_aux else (found,)
            x = implicit(lambda x: f(x, *args, **kwargs), x, kind, solve)
            return (x, *aux) if has_aux else x

        return solved

    return decorate


def _raveled(x: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the numbers in x as one number or vector, and the function back."""
    if tree.is_leaf(x) and onp.ndim(x) < 2:
        floats = x if issubclass(type(x), (float, onp.inexact)) else onp.asarray(x) * 1.0
        return floats, lambda v: v
    vector, unravel = tree.ravel(x)
    return vector, unravel


class Equation:
    """An equation in one number or one vector x: its residuals, and linear systems with its Jacobian.

    Attributes
    ----------
    name : str
        Of what is solved, for messages.
    residual : callable
        x ↦ r, of the shape of x, zero at the solution.
    jacobian : callable
        x ↦ ∂r/∂x.
    inner : list
        Traces further inside than those for which there are derivatives: the residuals are computed with
        their values, and do not belong to them.
    """

    def __init__(
        self,
        name: str,
        f: Callable[..., Any],
        kind: str = "root",
        solve: Callable[..., Any] | None = None,
        elementwise: bool = False,
        inner: Sequence[Any] = (),
    ) -> None:
        self.name, self.f, self.kind, self.solve, self.elementwise = name, f, kind, solve, elementwise
        self.inner = list(inner)
        self.residual = functools.partial(_residual, name, _RESIDUALS[kind](f))
        self.jacobian = hessian(f) if kind == "minimum" else None

    def derived(self, x: Any, traces: list[Any], polish: bool = True) -> Any:
        """Return the plain solution x with its derivatives for each of these traces, outermost first."""
        if not traces or not onp.size(x):
            return x
        known = None
        if polish:
            x, known = self.polished(x, traces)
        for k, trace in enumerate(traces):
            system = known if known is not None and not k else self.system(x, traces[k:] + self.inner)
            r = without(self.residual, traces[k + 1 :] + self.inner)(x)
            if isinstance(r, Traced) and r.tape is trace:
                x = _step(self.name, trace, x, r, system)
        return x

    def system(self, x: Any, traces: list[Any]) -> Any:
        """Return the linear system with the Jacobian at x, as it is outside of these traces."""
        if self.solve is not None:
            return _Products(self, x, traces)
        return _Matrix(without(functools.partial(_matrix_of, self), traces)(x))

    def polished(self, x: Any, traces: list[Any]) -> Any:
        """Return the solution to which Newton's steps lead from x, a plain value, near which x must be.

        With it comes the linear system there.
        """
        copy = PlainCopy(self.f)
        if copy.leaves:
            plain = Equation(self.name, copy.f, self.kind, self.solve, self.elementwise, self.inner)
            with contextlib.suppress(Exception):  # it comes again from f itself
                found = plain._polished(x, traces)
                if copy.holds():
                    return found
        return self._polished(x, traces)

    def _polished(self, x: Any, traces: list[Any]) -> Any:
        """As ``polished``. In between, one system serves as long as the steps shrink fast."""
        residual, start, size = without(self.residual, traces), x, 0.0
        goal = 4 * _EPS if self.solve is None else 1e-9  # an iterative solver takes its time
        system, is_here = self._checked(x, traces), True
        for _ in range(_STEPS):
            before, size = size, _size(step := system.step(residual(x)))
            if not size > goal * _size(x) or (before and size >= before and size <= 1e-9 * _size(x)):
                break
            if not size <= _NEAR * _size(x) + _CLOSE and before:
                break
            x, is_here = x - step, False
            if before and size > 0.1 * before:
                system, is_here = self._checked(x, traces), True
        moved = _size(x - start)
        if not (moved <= _NEAR * _size(x) + _CLOSE and size <= 1e-6 * _size(x) + 1e-9):
            raise NotDifferentiableError(
                f"{self.name} has no solution at what its solver has found, whose derivative would be wrong: "
                f"the residual there is {_size(residual(start)):.2g}, and Newton's steps lead "
                f"{max(moved, size):.2g} away; ask the solver for a smaller tolerance or for more steps"
            )
        x = float(x) if type(start) is float else x
        return x, system if is_here else self._checked(x, traces)

    def _checked(self, x: Any, traces: list[Any]) -> Any:
        """Return the linear system at x, which must be regular."""
        system = self.system(x, traces)
        system.check(self)
        return system


def _size(x: Any) -> float:
    return float(onp.max(onp.abs(x), initial=0.0))


_RESIDUALS: dict[str, Callable[[Any], Any]] = {
    "root": lambda f: f,
    "fixed_point": lambda f: lambda x: _like(f(x), x) - x,
    "minimum": grad,
}


def _like(r: Any, x: Any) -> Any:
    """Return residuals as one number or vector."""
    if type(r) in (list, tuple) and type(x) is not list:
        return np.array(r) if innermost(r) is not None else onp.array(r)
    return r


def _residual(name: str, f: Callable[..., Any], x: Any) -> Any:
    """Return f(x) as a number or an array of the shape of x."""
    r = f(x)
    if not tree.is_leaf(r):
        r = _like(r, x) if all(map(tree.is_leaf, r)) and onp.ndim(plain_of(x)) == 1 else tree.ravel(r)[0]
    shape, wanted = shape_of(r), shape_of(x)
    if shape == wanted:
        return r
    if onp.prod(shape) != onp.prod(wanted):
        raise ArgumentError(
            f"{name} has {int(onp.prod(shape))} residuals, but x is {describe(plain_of(x))}; return as many "
            f"as there are unknown numbers"
        )
    return np.reshape(r, wanted)


def _matrix_of(equation: Equation, x: Any) -> Any:
    """Return the Jacobian at x, of an elementwise function its diagonal."""
    if equation.jacobian is not None:
        return equation.jacobian(x)
    if equation.elementwise:
        return jvp(equation.residual, (x,), (onp.ones(shape_of(x))[()],))[1]
    if onp.iscomplexobj(plain_of(x)):
        return jacobian(equation.residual, holomorphic=True)(x)
    return (jacobian if shape_of(x) else grad)(equation.residual)(x)


class _Matrix:
    """A linear system with a Jacobian that has been formed, or with a diagonal one."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix

    def of(self, b: Any) -> Any:
        """J⁻¹ b."""
        j = self.matrix
        return b / j if len(shape_of(j)) < 2 else np.linalg.solve(j, b)

    step = of

    def transposed(self, b: Any) -> Any:
        """J⁻ᵀ b."""
        j = self.matrix
        return b / j if len(shape_of(j)) < 2 else np.linalg.solve(np.transpose(j), b)

    def check(self, equation: Equation) -> None:
        """Refuse a singular Jacobian, and the Hessian of what is no isolated minimum."""
        j = onp.asarray(self.matrix)
        if not onp.all(onp.isfinite(j)):
            raise NotDifferentiableError(f"the Jacobian of {equation.name} at its solution is not finite")
        if equation.kind == "minimum":
            check_minimum(equation.name, onp.atleast_2d(j))
        elif onp.any(j == 0) if j.ndim < 2 else _is_singular(j):
            raise SingularJacobianError(
                f"the Jacobian of {equation.name} at its solution, of shape {j.shape}, is singular, so the "
                f"linear solve that gives the derivatives of the solution has no result: it is no "
                f"differentiable function of what {equation.name} depends on (a double root, an equation "
                f"that follows from the others, or an unknown that stands in none)"
            )


def _is_singular(j: Any) -> bool:
    """Say whether a matrix is singular to rounding, whatever the units of its rows and columns."""
    for axis in (1, 0):
        largest = onp.max(onp.abs(j), axis=axis, keepdims=True)
        if not onp.all(largest):
            return True
        j = j / largest
    return bool(onp.linalg.cond(j, 1) > 0.1 / _EPS)


def check_minimum(name: str, h: Any) -> None:
    """Refuse a Hessian that is not positive, with its smallest eigenvalue in units of its diagonal."""
    scale = onp.sqrt(onp.abs(onp.diagonal(h)))
    least = 0.0
    if onp.all(scale):
        scaled = (h + h.T) / (2 * scale * scale[:, None])
        least = float(onp.linalg.eigvalsh(scaled)[0])
    if not least > 10 * _EPS * len(h):
        raise NotDifferentiableError(
            f"what has been found is no isolated minimum of {name}: its Hessian there has the eigenvalue "
            f"{least:.2g}, scaled to a diagonal of 1, so the place of the minimum is no differentiable "
            f"function of what {name} depends on; add what makes it unique, a small penalty say"
        )


class _Products:
    """A linear system with a Jacobian that is known by products with it only."""

    def __init__(self, equation: Equation, x: Any, traces: list[Any]) -> None:
        self.equation, self.solve = equation, equation.solve
        self.traces, residual = traces, equation.residual
        self.push = without(lambda: (linearize(residual, x)[1],), traces)()[0]
        self.pull = without(lambda: (vjp(residual, x)[1],), traces)()[0]

    def of(self, b: Any) -> Any:
        return _solved(self.equation, self.push, b, self.traces)

    def step(self, b: Any) -> Any:
        """J⁻¹ b of a plain b, to a few digits where the solver has a way to stop early."""
        rough = getattr(self.solve, "rough", None)
        return self.of(b) if rough is None else rough(Watched(without(self.push, self.traces)), b)

    def transposed(self, b: Any) -> Any:
        return _solved(self.equation, self.pull, b, self.traces)

    def check(self, equation: Equation) -> None:
        """Of a matrix that is not formed, the residuals of the solves tell."""


def _solved(equation: Equation, product: Callable[..., Any], b: Any, inner: Sequence[Any]) -> Any:
    """Return u with A u = b, of products u ↦ A u that may depend on traced values, as b may."""
    watched = Watched(without(product, inner))
    watched.note(b)
    plain = plain_of(b)
    u = onp.asarray(equation.solve(watched, plain), plain.dtype)  # type: ignore[misc]
    left, size = onp.linalg.norm(watched(u) - plain), onp.linalg.norm(plain)
    if not left <= 1e-5 * size:
        raise SingularJacobianError(
            f"the linear solve with the Jacobian of {equation.name} at its solution left a residual of "
            f"{left:.2g} (of {size:.2g}); the Jacobian may be singular, or the solver needs more steps"
        )
    linear = Equation(equation.name, lambda u: product(u) - b, "root", equation.solve, inner=inner)
    return linear.derived(u, watched.traces, polish=False)


def _step(name: str, trace: Any, x: Any, r: Any, system: Any) -> Any:
    """Return x, which solves r = 0, as one step of a trace whose argument is r: ẋ = −J⁻¹ ṙ."""

    def rule(y: Any, ybar: Any, r: Any) -> Any:
        return -system.transposed(ybar)

    def forward(y: Any, rdot: Any, r: Any) -> Any:
        return -system.of(rdot)

    if type(trace) is Tape:
        trace.share()
    prim = Primitive(lambda r: x, f"the solution of {name}", "vjp", {0: rule})
    prim.forward = {0: forward}
    return call(prim, (r,), {})

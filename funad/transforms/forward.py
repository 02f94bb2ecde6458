"""Forward mode: jvp, which carries tangents along, and linearize, which keeps the tape for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as onp
from numpy import float64, ndarray

from .. import tree
from ..boxes import Box, Dual, Traced
from ..errors import ArgumentError, TangentError
from ..numpy.ties import left
from ..overflows import all_finite, mark_overflows
from ..spaces import as_numpy, describe, fit, is_inexact, shed_kinks_of_derivative, zeros_like
from ..traces.forward import Forward, dual
from ..traces.pushforward import push_forward, steps_to
from ..tracing import run
from ..values import any_of, constant, shape_of
from ..writing import settled
from .calls import (
    Call,
    R,
    T,
    check_direction,
    check_function,
    check_output,
    door,
    finish,
    kept_copies,
    leaves_like,
    out_of,
    own_copies,
    own_copy,
    own_result,
    pair,
    trace_call,
)

__all__ = ["jvp", "linearize"]


@overload
def jvp(
    f: Callable[..., R], /, primals: Any, tangents: Any, has_aux: Literal[False] = False, **kwargs: Any
) -> tuple[R, R]: ...
@overload
def jvp(
    f: Callable[..., tuple[R, T]], /, primals: Any, tangents: Any, has_aux: Literal[True], **kwargs: Any
) -> tuple[R, R, T]: ...
@door
def jvp(f: Callable[..., Any], /, primals: Any, tangents: Any, has_aux: bool = False, **kwargs: Any) -> Any:
    """Return the value of ``f`` and its derivative along a direction, in one run of ``f``.

    For y = f(x), the tangent is ẏ = ∂f/∂x·ẋ. Nothing is kept of the run: the memory does not
    grow with the number of operations in ``f``.

    Parameters
    ----------
    f : callable
        Takes and returns floats, float arrays, or containers of them.
    primals : tuple or list
        The arguments of ``f``.
    tangents : tuple or list
        One ẋ per primal, of its structure and shapes.
    has_aux : bool, default False
        Say that ``f`` returns (y, aux), of which aux is passed on and not differentiated.
    **kwargs
        Passed to ``f``.

    Returns
    -------
    y, ydot
        The value and its tangent, of the same structure, shapes and dtypes.
    aux
        With ``has_aux`` only.

    Raises
    ------
    TangentError
        If the tangents do not have the structure and shapes of the primals.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import jvp
    >>> y, ydot = jvp(np.square, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    >>> ydot
    array([ 2., 40.])
    """
    check_function("jvp", f, "jvp(f, (x,), (ẋ,))", "jvp(f(x), (x,), (ẋ,))")
    call = _call(f, primals, kwargs)
    xdots = _fitted(call, tangents)
    trace = Forward()
    try:
        y = run(call, [dual(trace, x, xdot) for x, xdot in zip(call.leaves, xdots, strict=True)])
    finally:
        trace.end()
    aux = None
    if has_aux:
        y, aux = pair(f, y)
        aux = tree.map(lambda leaf: own_result(trace, leaf), aux)
    check_output(f, y)
    leaves, structure = tree.flatten(y)
    given = [*call.leaves, *xdots]
    value_leaves = [_own(out_of(trace, leaf), given) for leaf in leaves]
    value = tree.unflatten(structure, value_leaves)
    ydots = [_tangent(trace, leaf, call.leaves, xdots) for leaf in leaves]
    first = _first_of(f) if has_aux else f
    if trace.doubtful or (any(map(_is_lost, leaves, ydots)) and all_finite(call.leaves)):
        # As NumPy's numbers: with Python's, a power raises an error where it overflows.
        xs, xdots = (
            tree.map(lambda x: as_numpy(x) if type(x) is float else x, z) for z in (primals, tangents)
        )
        again = _call(first, xs, kwargs)
        found = _linearized(again, _fitted(again, xdots))[1](*xdots)
        ydots = [fit(ydot, y) for ydot, y in zip(tree.flatten(found)[0], value_leaves, strict=True)]
    ydot = tree.unflatten(structure, [_own(leaf, given) for leaf in ydots])
    return (value, ydot, aux) if has_aux else (value, ydot)


@door
def linearize(f: Callable[..., R], /, *primals: Any, **kwargs: Any) -> tuple[R, Callable[..., R]]:
    """Run ``f`` once and return its value and the function ẋ ↦ ẏ that walks forward along that run.

    Parameters
    ----------
    f : callable
        Takes and returns floats, float arrays, or containers of them.
    *primals : float, array or container
        Where to differentiate.
    **kwargs
        Passed to ``f``.

    Returns
    -------
    y
        The value of ``f``.
    f_jvp : callable
        Takes one ẋ per primal, of its structure and shapes, as often as you like; returns
        ẏ = ∂f/∂x·ẋ, of the structure and shapes of y.

    Raises
    ------
    TangentError
        By ``f_jvp``, if the tangents do not have the structure and shapes of the primals.

    See Also
    --------
    jvp : one product, without keeping the run.
    hvp : ``linearize(grad(f), x)[1]`` gives many products with the Hessian at one x.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import linearize
    >>> y, f_jvp = linearize(np.square, np.array([1.0, 2.0]))
    >>> f_jvp(np.array([1.0, 0.0]))
    array([2., 0.])
    """
    check_function("linearize", f, "linearize(f, x)", "linearize(f(x), x)")
    return _linearized(_call(f, primals, kwargs))


def _linearized(call: Call, direction: list[Any] | None = None) -> tuple[Any, Callable[..., Any]]:
    """Run a call and return its value and ẋ ↦ ẏ, of one direction ẋ alone if there is one."""
    call.leaves = kept_copies(call.leaves)
    y, tape, _ = trace_call(call, False, direction)
    leaves, structure = tree.flatten(y)
    entries = tape.end()
    mark_overflows(entries, len(call.leaves), leaves)
    ends = [leaf.index for leaf in leaves if type(leaf) is Box and leaf.tape is tape]
    steps = steps_to(entries, len(call.leaves), ends)

    def f_jvp(*tangents: Any) -> Any:
        tape.verify()
        xdots = _fitted(call, tangents)
        slots = push_forward(entries, len(call.leaves), xdots, steps)
        ydots = [
            finish(slots[leaf.index], leaf.primal, xdots, call.leaves)
            if type(leaf) is Box and leaf.tape is tape
            else zeros_like(leaf)
            for leaf in leaves
        ]
        return tree.unflatten(structure, own_copies(ydots))

    value = tree.unflatten(structure, own_copies([out_of(tape, leaf) for leaf in leaves]))
    return value, f_jvp


def _call(f: Callable[..., Any], primals: Any, kwargs: Any) -> Call:
    if not isinstance(primals, (tuple, list)) or not primals:
        raise ArgumentError(
            f"the primals are a tuple of the arguments of f, but are {describe(primals)}; write "
            f"jvp(f, (x,), (ẋ,)) or linearize(f, x)"
        )
    return Call(f, tuple(range(len(primals))), tuple(primals), kwargs)


def _fitted(call: Call, tangents: Any) -> list[Any]:
    """Return the leaves of the tangents, each in the space of its primal."""
    if not isinstance(tangents, (tuple, list)) or len(tangents) != len(call.places):
        raise TangentError(
            f"f was given {len(call.places)} primals, so it takes a tuple of as many tangents, but was given "
            f"{describe(tangents)}"
        )
    xdots: list[Any] = []
    owners: list[int] = []
    for place, tangent in zip(call.places, tangents, strict=True):
        x = call.args[place]
        if type(x) is type(tangent) and (type(x) is float or type(x) is ndarray):
            found = [tangent]
        else:
            structure = tree.flatten(x)[1]
            found = leaves_like(structure, x, tangent, f"primal {place}", "its tangent", TangentError)
        xdots += found
        owners += [place] * len(found)
    for x, xdot, owner in zip(call.leaves, xdots, owners, strict=True):
        if shape_of(x) != shape_of(xdot):
            raise TangentError(
                f"primal {owner} has shape {shape_of(x)}, but its tangent has shape {shape_of(xdot)}"
            )
        check_direction(xdot, x, "ẋ", TangentError)
    return [fit(xdot, x) for x, xdot in zip(call.leaves, xdots, strict=True)]


def _own(y: Any, given: list[Any]) -> Any:
    """Return a result in memory of its own: f may return what it was given, or a view of it."""
    if type(y) is ndarray and y.base is None:
        for x in given:
            if y is x:
                return own_copy(y)
        return y
    return y if type(y) is float64 or type(y) is float else own_copy(y)


def _is_lost(y: Any, ydot: Any) -> bool:
    """Say whether a tangent is 0 where y is infinite: a tape knows whether it has met an overflow."""
    y = constant(y)
    if type(y) is ndarray and y.dtype.kind in "fc" and onp.count_nonzero(onp.isfinite(y)) == y.size:
        return False  # as nearly always
    with onp.errstate(invalid="ignore"):
        return is_inexact(y) and any_of(~onp.isfinite(y) & onp.equal(constant(ydot), 0))


def _first_of(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: f(*args, **kwargs)[0]


def _tangent(trace: Forward, y: Any, xs: list[Any], xdots: list[Any]) -> Any:
    if type(y) is not Dual or y.tape is not trace:
        return zeros_like(y)
    ydot = settled(y.tangent)
    return left(shed_kinks_of_derivative(ydot), y.primal, xdots, xs) if isinstance(ydot, Traced) else ydot

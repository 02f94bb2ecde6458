"""Reverse mode: vjp, grad and their kin, one run of f and one walk back along the tape."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as onp

from .. import tree
from ..boxes import Box, Traced, box_of
from ..duck_arrays import DUCKS, Duck, as_duck, released
from ..errors import ArgumentError, CotangentError, NonScalarOutputError
from ..foreign import holds, is_duck
from ..memory import WORTH_DROPPING
from ..overflows import mark_overflows
from ..refusals import refused_holder
from ..spaces import describe, fit, is_complex, laid_out_copy, name_of, ones_like, shed
from ..traces.pushforward import spare_values
from ..traces.reverse import Tape
from ..tracing import sweep
from ..values import class_of, constant, shape_of
from .calls import (
    ArgNums,
    Call,
    P,
    R,
    T,
    Transformed,
    check_argnums,
    check_complex,
    check_complex_result,
    check_direction,
    check_function,
    check_not_discrete,
    door,
    kept_copies,
    leaves_like,
    out_of,
    own_copies,
    own_copy,
    trace_call,
)

__all__ = ["elementwise_grad", "grad", "stop_gradient", "value_and_grad", "vjp"]

ndarray, float64 = onp.ndarray, onp.float64
_NUMBERS = (float, int, complex, ndarray, onp.generic)


@overload
def vjp(
    f: Callable[..., R],
    /,
    *primals: Any,
    argnums: ArgNums | None = None,
    has_aux: Literal[False] = False,
    **kwargs: Any,
) -> tuple[R, Callable[[Any], Any]]: ...
@overload
def vjp(
    f: Callable[..., tuple[R, T]],
    /,
    *primals: Any,
    argnums: ArgNums | None = None,
    has_aux: Literal[True],
    **kwargs: Any,
) -> tuple[R, Callable[[Any], Any], T]: ...
@door
def vjp(
    f: Callable[..., Any],
    /,
    *primals: Any,
    argnums: ArgNums | None = None,
    has_aux: bool = False,
    **kwargs: Any,
) -> Any:
    """Run ``f`` once and return its value and the function ȳ ↦ x̄ that walks back along that run.

    For y = f(x) and a scalar L of which ȳ = ∂L/∂y, x̄ = ∂L/∂x.

    Parameters
    ----------
    f : callable
        Takes and returns floats, float arrays, or containers of them.
    *primals : float, array or container
        Where to differentiate.
    argnums : int, str or tuple of them, optional
        Which primals are x; by default all of them.
    has_aux : bool, default False
        Say that ``f`` returns (y, aux), of which aux is passed on and not differentiated.
    **kwargs
        Passed to ``f``.

    Returns
    -------
    y
        The value of ``f``.
    vjp_f : callable
        Takes ȳ, of the structure and shapes of y, as often as you like. Returns x̄, of the
        structure, shapes and dtypes of x; a tuple of them for several primals.
    aux
        With ``has_aux`` only.

    Raises
    ------
    CotangentError
        By ``vjp_f``, if ȳ does not have the structure and shapes of y.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import vjp
    >>> y, vjp_f = vjp(np.sin, np.array([0.0, 0.0]))
    >>> vjp_f(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    check_function("vjp", f, "vjp(f, x)", "vjp(f(x), x)")
    if not primals:
        raise ArgumentError("vjp(f, *primals) runs f, so it needs the arguments of f as well")
    if argnums is None:
        argnums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    call = Call(f, check_argnums(f, argnums), primals, kwargs)
    call.leaves = kept_copies(call.leaves)
    y, tape, aux = trace_call(call, has_aux)
    leaves, structure = tree.flatten(y)
    entries = tape.end()
    mark_overflows(entries, len(call.leaves), leaves)

    def vjp_f(ybar: Any, *others: Any) -> Any:
        if others:
            raise CotangentError(
                f"vjp_f takes one ȳ, of the structure of the output, but was given {1 + len(others)} "
                f"arguments; of an output that is a tuple, ȳ is a tuple: vjp_f((ȳ1, ȳ2))"
            )
        ybars = leaves_like(structure, y, ybar, "the output", "ȳ", CotangentError)
        tape.verify()
        seeded = list(entries)
        for leaf, leaf_bar in zip(leaves, ybars, strict=True):
            if shape_of(leaf_bar) != shape_of(leaf):
                raise CotangentError(
                    f"the output has shape {shape_of(leaf)}, but ȳ has shape {shape_of(leaf_bar)}"
                )
            if type(leaf) is Box and leaf.tape is tape:
                check_direction(leaf_bar, leaf.primal, "ȳ", CotangentError)
                before = seeded[leaf.index]
                fitted = fit(leaf_bar, leaf.primal)
                seeded[leaf.index] = fitted if before is None else before + fitted
        kept = [seeded[leaf.index] for leaf in leaves if type(leaf) is Box and leaf.tape is tape]
        xbars = sweep(seeded, call, call.leaves, masked=True)
        return call.results([_unaliased(xbar, kept) for xbar in xbars])

    value = tree.unflatten(structure, own_copies([out_of(tape, leaf) for leaf in leaves]))
    return (value, vjp_f, aux) if has_aux else (value, vjp_f)


def _unaliased(xbar: Any, ybars: list[Any]) -> Any:
    """Return x̄ as an array of its own if it is a ȳ that the caller holds."""
    return own_copy(xbar) if any(xbar is ybar for ybar in ybars) else xbar


def value_and_grad(
    f: Callable[P, R],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnum: ArgNums | None = None,
) -> Callable[P, tuple[R, Any]]:
    """Turn ``f`` into a function that returns the value of ``f`` and its gradient.

    See :func:`grad` for the parameters, and for what may be raised.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns (y, x̄), or ((y, aux), x̄) with ``has_aux``.

    Examples
    --------
    >>> from funad import value_and_grad
    >>> value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """
    return Transformed(_value_and_grad, f, check_argnums(f, argnums, argnum), has_aux, holomorphic)


def grad(
    f: Callable[P, Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnum: ArgNums | None = None,
) -> Callable[P, Any]:
    """Turn ``f`` into a function that returns its gradient.

    For y = f(x), a real number, the gradient is x̄ = ∂y/∂x. For complex x = a + ib it is
    ∂y/∂a − i ∂y/∂b, so that its conjugate is the direction of steepest ascent.

    Parameters
    ----------
    f : callable
        Returns a real number: a float or an array of shape ().
    argnums : int, str or tuple of them, default 0
        Which argument is x, by position or by name. Each is a float, a float or complex array,
        or a container of them (see :mod:`funad.tree`). Integers are taken as float64.
    has_aux : bool, default False
        Say that ``f`` returns (y, aux), of which aux is passed on and not differentiated.
    holomorphic : bool, default False
        Say that ``f`` is a holomorphic function of complex x with a complex result: x̄ is then its
        complex derivative f′(x).
    argnum : int, str or tuple of them, optional
        Another name of ``argnums``, which autograd has.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns x̄, of the structure, shapes and dtypes of x; a
        tuple of them if ``argnums`` is a tuple; (x̄, aux) with ``has_aux``. It has the name,
        the docstring and the signature of ``f``, and pickles when ``f`` does.

    Raises
    ------
    NonScalarOutputError
        When called, if ``f`` does not return one real number.
    MissingRuleError
        When called, if ``f`` uses a function that has no derivative rule.
    ArgumentError, ArgumentTypeError
        If ``argnums`` does not fit the call, or x is not made of numbers.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import grad
    >>> grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    >>> grad(lambda x, y: x * y**2, argnums=("x", "y"))(2.0, 3.0)
    (9.0, 12.0)
    """
    return Transformed(_grad, f, check_argnums(f, argnums, argnum), has_aux, holomorphic)


def _grad(f: Any, argnums: ArgNums, has_aux: bool, holomorphic: bool, args: Any, kwargs: Any) -> Any:
    value, xbar = _value_and_grad(f, argnums, has_aux, holomorphic, args, kwargs)
    return (xbar, value[1]) if has_aux else xbar


def gradient_for_tangent(f: Any, argnums: ArgNums) -> Any:
    """Turn f into a function of dual numbers that returns its gradient, of which only the tangent counts."""
    return lambda *args, **kwargs: _value_and_grad(f, argnums, False, False, args, kwargs, True)[1]


def _value_and_grad(
    f: Any,
    argnums: ArgNums,
    has_aux: bool,
    holomorphic: bool,
    args: Any,
    kwargs: Any,
    for_tangent: bool = False,
) -> Any:
    call = Call(f, argnums, args, kwargs)
    if holomorphic:
        check_complex(call)
    y, tape, aux = trace_call(call, has_aux)
    value, found = gradient_of(call, y, tape, holomorphic, for_tangent)
    return ((value, aux), found) if has_aux else (value, found)


def gradient_of(call: Call, y: Any, tape: Tape, holomorphic: bool = False, for_tangent: bool = False) -> Any:
    """Return the value and the gradient of a call that has run on this tape and returned y."""
    f, entries = call.f, tape.end()
    if type(y) is Box and y.tape is tape:
        value, index = y.primal, y.index
        if type(value) is not float and type(value) is not float64:
            value = own_copy(shed(value))  # an array without axes may be the argument
        _check_scalar(f, value, holomorphic)
        if not (issubclass(type(value), float) and math.isfinite(value)):
            mark_overflows(entries, len(call.leaves), (value,))
        del y
        lazy = DUCKS.used and is_duck(value)  # then all that is computed on the way back is lazy too
        entries[index] = as_duck(onp.ones_like(value)) if lazy else ones_like(value)
        if for_tangent and any(_is_large(constant(x)) for x in call.leaves):
            spare_values(entries, len(call.leaves))
        tape.verify()
        xbars = sweep(entries, call, call.leaves)
    else:
        _check_scalar(f, y, holomorphic)
        value = released(y)
        xbars = [None] * len(call.leaves)
    return value, call.results(xbars)


def _is_large(x: Any) -> bool:
    return issubclass(type(x), ndarray) and x.nbytes > WORTH_DROPPING


def _check_scalar(f: Any, y: Any, holomorphic: bool) -> None:
    """Refuse an output of which there is no gradient."""
    if (type(y) is float or type(y) is float64) and not holomorphic:
        return
    name = name_of(f)
    y = as_duck(y) if is_duck(y) else y
    # By the class itself: a quantity that holds a traced value has that value's attributes.
    if not issubclass(class_of(y) if isinstance(y, Traced) else type(y), _NUMBERS):
        raise NonScalarOutputError(
            f"a gradient is that of a function with a scalar output, but {name} returned "
            f"{describe(y)}; return one number"
            + (", and use has_aux=True to return more beside it" if isinstance(y, tuple) else "")
        )
    check_not_discrete(f, [y])
    if shape_of(y) != ():
        raise NonScalarOutputError(
            f"a gradient is that of a function with a scalar output, but {name} returned shape "
            f"{shape_of(y)}; sum it, or use jacobian for one gradient per output"
        )
    if holomorphic:
        check_complex_result(f, y)
    elif is_complex(y):
        raise NonScalarOutputError(
            f"grad needs a real output, but {name} returned a complex one; take np.real, np.imag "
            f"or np.abs of it, or say holomorphic=True if {name} is a holomorphic function"
        )


def elementwise_grad(
    f: Callable[P, Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnum: ArgNums | None = None,
) -> Callable[P, Any]:
    """Turn a function that works element by element into its derivative, element by element.

    It is the gradient of the sum of the outputs, so y[i] must depend on x[i] alone. See
    :func:`grad` for the parameters.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns dy[i]/dx[i], of the shape and dtype of x.

    Raises
    ------
    NonScalarOutputError
        When called, if ``f`` returns complex numbers and is not said to be holomorphic.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import elementwise_grad
    >>> elementwise_grad(elementwise_grad(np.square))(np.array([1.0, 2.0]))
    array([2., 2.])
    """
    return Transformed(_elementwise_grad, f, check_argnums(f, argnums, argnum), has_aux, holomorphic)


def _elementwise_grad(
    f: Any, argnums: ArgNums, has_aux: bool, holomorphic: bool, args: Any, kwargs: Any
) -> Any:
    call = Call(f, argnums, args, kwargs)
    if holomorphic:
        check_complex(call)
    y, tape, aux = trace_call(call, has_aux)
    leaves, _ = tree.flatten(y)
    entries = tape.end()
    check_not_discrete(f, leaves)
    mark_overflows(entries, len(call.leaves), leaves)
    for leaf in leaves:
        if holomorphic:
            check_complex_result(f, leaf)
        elif is_complex(leaf):
            raise NonScalarOutputError(
                "elementwise_grad needs a real output; take np.real, np.imag or np.abs of it, or say "
                "holomorphic=True if the function is holomorphic"
            )
        if type(leaf) is Box and leaf.tape is tape:
            before = entries[leaf.index]
            ones = ones_like(leaf.primal)
            entries[leaf.index] = ones if before is None else before + ones
    tape.verify()
    found = call.results(sweep(entries, call, call.leaves))
    return (found, aux) if has_aux else found


def stop_gradient(x: R) -> R:
    """Return the plain value of ``x``: nothing that is computed from it has a derivative.

    Parameters
    ----------
    x : float, array or container
        Traced or not.

    Returns
    -------
    float, array or container
        Of the same structure, shapes and dtypes, under no trace. Arrays are copies: what is written
        into them changes nothing else.

    Examples
    --------
    >>> from funad import grad, stop_gradient
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    stopped: R = _stopped(x) if issubclass(type(x), (Traced, ndarray)) else tree.map(_stopped, x)
    return stopped


def plain_copy(x: Any) -> Any:
    """Return the plain value of a leaf under every trace, in memory of its own."""
    if issubclass(type(x), (Traced, ndarray)):
        x = released(constant(x))
        return laid_out_copy(x) if type(x) is ndarray else x.copy() if issubclass(type(x), ndarray) else x
    if holds(x, Traced):
        raise refused_holder(x)
    return x


def _stopped(x: Any) -> Any:
    """Return x under no trace but one that transposes a rule: it stops no derivative of the rule itself."""
    if type(x) is Duck:
        return x.primal
    if not isinstance(x, Traced):
        return plain_copy(x)
    if x.opaque:
        return x.remade(_stopped)
    inner = _stopped(x.primal)
    return box_of(x.tape, inner, x.index) if type(x) is Box and x.tape.transposing else inner

"""What a user adds to a function: its own backward pass, taps, differences."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import numpy as np
from .. import tree
from ..boxes import Box, Traced
from ..containers import step, step_of_one
from ..errors import ArgumentError, CotangentError, EndedTraceError, NotDifferentiableError
from ..guarding import closure_error, wrote
from ..registry import signature_of
from ..snapshots import copied
from ..spaces import describe, is_complex, is_number, name_of
from ..values import dtype_of, shape_of
from .calls import P, R, Transformed, takes
from .reverse import plain_copy, stop_gradient

__all__ = ["custom_vjp", "numerical", "tap", "value"]


def custom_vjp(
    f: Callable[P, R], forward: Callable[..., Any] | None = None, backward: Callable[..., Any] | None = None
) -> Callable[P, R]:
    """Give ``f`` a backward pass of its own, which shares residuals with the forward pass.

    Parameters
    ----------
    f : callable
        What is called on plain values. Arguments and results may be containers.
    forward : callable
        Takes what ``f`` takes; returns (y, residuals).
    backward : callable
        Takes (residuals, ȳ), ȳ of the structure of y; returns the tuple of the cotangents of
        the positional arguments, each of the structure of its argument (``None`` for zero); of
        a single argument, its cotangent alone. For higher derivatives, it and ``forward`` call
        traced functions.

    Returns
    -------
    callable
        The function with that derivative, in both modes. Keywords are constants: traced ones are refused.

    Raises
    ------
    ArgumentError
        If one of the three is no function, or ``backward`` does not take two arguments; when called,
        if ``forward`` returns no pair; on the way back, if ``backward`` does not return one cotangent
        per positional argument, of its structure.
    NotDifferentiableError
        When called, if a keyword is traced, or one of the functions closes over a traced value; and for
        a second derivative, if the residuals have lost their trace.
    CotangentError
        On the way back, if such a cotangent is not of the shape of its argument, or complex for a real one.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import custom_vjp, grad
    >>> def forward(x):
    ...     e = np.exp(x)
    ...     return np.log1p(e), e
    >>> softplus = custom_vjp(lambda x: forward(x)[0], forward, lambda e, ybar: ybar * e / (1 + e))
    >>> float(grad(softplus)(0.0))
    0.5
    """
    if not callable(f) or not callable(forward) or not callable(backward):  # type: ignore[redundant-expr]
        raise ArgumentError(
            "custom_vjp takes three functions at once; write f = custom_vjp(f, forward, backward), with "
            "forward(*args) returning (y, residuals) and backward(residuals, ȳ) returning x̄"
        )
    if not takes(backward, (None, None), {}):
        raise ArgumentError(
            f"the backward function of custom_vjp is called with (residuals, ȳ), but {name_of(backward)} "
            f"takes {signature_of(backward)}; the arguments of f that it needs go into the residuals"
        )
    return Transformed(_custom_vjp, f, forward, backward)


def _custom_vjp(f: Any, forward: Any, backward: Any, args: Any, kwargs: Any) -> Any:
    of_one = len(args) == 1 and not kwargs and type(args[0]) is Box and type(args[0].primal) in _PLAIN
    if not of_one and not any(isinstance(leaf, Traced) for leaf in tree.flatten((args, kwargs))[0]):
        return f(*args, **kwargs)
    name = name_of(f)
    for keyword, x in kwargs.items():
        if any(isinstance(leaf, Traced) for leaf in tree.flatten(x)[0]):
            raise NotDifferentiableError(
                f"{name} was given a traced value as its keyword {keyword!r}, but {name_of(backward)}, its "
                f"backward function, returns the cotangents of positional arguments only; give it by "
                f"position, or give it funad.stop_gradient({keyword}), if its derivative is not wanted"
            )
    checked = functools.partial(_forward_checked, name, forward)
    pull_back = functools.partial(_pulled_back, name, backward, args, of_one)
    if of_one:
        return step_of_one(name, checked, pull_back, args[0])
    return step(name, checked, pull_back, args, kwargs, False)


def _forward_checked(name: str, forward: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the pair (y, residuals) that the forward function has returned; refuse anything else."""
    try:
        found = forward(*args, **kwargs)
    except ValueError as error:
        raise wrote(name_of(forward), error) from error.__cause__
    if not isinstance(found, tuple) or len(found) != 2:
        raise ArgumentError(
            f"{name_of(forward)}, the forward function of {name}, must return the pair (y, residuals), "
            f"but it returned {describe(found)}; write return y, None where nothing needs to be kept"
        )
    return found


def _pulled_back(
    name: str, backward: Any, args: Any, of_one: bool, residuals: Any, ybar: Any, xs: list[Any],
    places: list[int],
) -> Any:  # fmt: skip
    """Return the cotangents of xs that the backward function has returned, each in the space of its x."""
    try:
        found = backward(residuals, ybar)
    except EndedTraceError as error:
        raise closure_error(name_of(backward), error) from None
    if of_one and type(found) is type(xs[0]) in _PLAIN and _alike(found, xs[0]):
        return [found]  # as nearly always
    who = f"{name_of(backward)}, the backward function of {name},"
    flat = _flat_cotangents(who, found, args)
    flat += [None] * (max(places) + 1 - len(flat))
    real = not any(map(is_complex, tree.flatten(ybar)[0]))
    for x, place in zip(xs, places, strict=True):
        _check_cotangent(who, flat[place], x, real)
    return [
        onp.zeros(shape_of(x)) if flat[place] is None else flat[place]
        for x, place in zip(xs, places, strict=True)
    ]


def _flat_cotangents(who: str, found: Any, args: Any) -> list[Any]:
    """Return one cotangent, or None, per leaf of the positional arguments."""
    xbars = (found,) if len(args) == 1 else found
    if not isinstance(xbars, tuple) or len(xbars) != len(args):
        raise ArgumentError(
            f"{who} must return a tuple of {len(args)} cotangents, one per positional argument, but it "
            f"returned {describe(found)}; None stands for zero"
        )
    flat: list[Any] = []
    for n, (arg, xbar) in enumerate(zip(args, xbars, strict=True)):
        structure = tree.flatten(arg)[1]
        try:
            flat += [None] * structure.size if xbar is None else tree.flatten_like(structure, xbar)
        except ArgumentError:
            alone = len(args) == 1 and isinstance(xbar, tuple)
            raise ArgumentError(
                f"{who} returned {tree.flatten(xbar)[1]} for argument {n}, whose structure is {structure}"
                + ("; return the cotangent of a single argument alone, x̄ for (x̄,)" if alone else "")
            ) from None
    return flat


def _alike(xbar: Any, x: Any) -> bool:
    """Say whether two numbers or arrays of one type have one shape and dtype."""
    return type(x) is not onp.ndarray or (xbar.shape == x.shape and xbar.dtype == x.dtype)


# Values of a box that no outer trace looks into.
_PLAIN = frozenset({onp.ndarray, onp.float64, float})


def _check_cotangent(who: str, xbar: Any, x: Any, real: bool) -> None:
    """Refuse what the backward function returned for x, unless it is of its shape and as real."""
    if xbar is None:
        return
    if not is_number(xbar):
        raise CotangentError(f"{who} returned {describe(xbar)}, where the cotangent of {describe(x)} belongs")
    if shape_of(xbar) != shape_of(x):
        raise CotangentError(
            f"{who} returned a cotangent of shape {shape_of(xbar)} for an argument of shape {shape_of(x)}; "
            f"sum it over the axes that were broadcast, so that x̄ has the shape of x"
        )
    if real and is_complex(xbar) and not is_complex(x):
        raise CotangentError(
            f"{who} returned a complex cotangent for a real argument and a real ȳ; return its real part, "
            f"if that is what is meant"
        )


def numerical(f: Callable[P, R], step: float | None = None, order: int = 2) -> Callable[P, R]:
    """Make a black box differentiable by central differences: opt-in, and dear.

    The derivative along the cotangent takes ``order`` evaluations of ``f`` per number in its
    arguments, and is right to about half of the digits for order 2 (two thirds for order 4).
    It can be differentiated again, at the square of the cost and with fewer digits yet.

    Parameters
    ----------
    f : callable
        Takes floats and float arrays by position; returns a float, an array, or a container.
        It is called with plain values only, and may not close over traced ones. The shapes of what
        goes in and comes out are free.
    step : float, optional
        The step, relative to max(1, \\|x\\|); by default the best for float64 and the order.
    order : int, default 2
        2, or 4 for twice the evaluations.

    Returns
    -------
    callable
        The same function, in both modes.

    Raises
    ------
    ArgumentError
        If the order is neither 2 nor 4, or the step not above 0.

    Examples
    --------
    >>> import math
    >>> from funad import grad, numerical
    >>> bool(abs(grad(numerical(math.sin))(0.5) - math.cos(0.5)) < 1e-9)
    True
    """
    if order not in (2, 4) or (step is not None and not step > 0):
        raise ArgumentError("numerical takes order 2 or 4, and a step above 0")
    return Transformed(_numerical, f, step or onp.finfo(float).eps ** (1 / (order + 1)), order)


def _numerical(f: Any, h: float, order: int, args: Any, kwargs: Any) -> Any:
    leaves, structure = tree.flatten(args)
    if not any(isinstance(leaf, Traced) for leaf in leaves):
        return f(*args, **kwargs)
    leaves, kwargs = list(map(_own, leaves)), copied(kwargs)

    def plainly(*args: Any) -> Any:
        return _numerical(f, h, order, tree.map(_own, args), kwargs)

    def backward(_: Any, ybar: Any, xs: list[Any], places: list[int]) -> Any:
        filled = tree.replaced(leaves, places, xs)

        def moved(place: int, index: Any, by: float) -> Any:
            """⟨ȳ, f⟩ with one number moved."""
            x = filled[place]
            x = x + by if index is None else x + by * _unit(x, index)
            at = tree.unflatten(structure, tree.replaced(filled, (place,), (x,)))
            parts = tree.flatten(plainly(*at))[0]
            bars = tree.flatten(ybar)[0]
            return sum(np.sum(bar * part) for bar, part in zip(bars, parts, strict=True))

        def slope(place: int, index: Any, x: Any) -> Any:
            by = h * max(1.0, abs(float(stop_gradient(x))))
            close = (moved(place, index, by) - moved(place, index, -by)) / (2 * by)
            if order == 2:
                return close
            wide = (moved(place, index, 2 * by) - moved(place, index, -2 * by)) / (4 * by)
            return (4 * close - wide) / 3

        xbars = []
        for place, x in zip(places, xs, strict=True):
            shape = shape_of(x)
            if shape == ():
                xbars.append(slope(place, None, x))
                continue
            slopes = [slope(place, index, x[index]) for index in onp.ndindex(*shape)]
            xbars.append(np.reshape(np.stack(slopes), shape) if slopes else onp.zeros(shape))
        return xbars

    def forward(*args: Any) -> Any:
        return f(*tree.map(_own, args), **kwargs), None

    return step(name_of(f), forward, backward, args, {}, True)


def _own(x: Any) -> Any:
    """Return an array into which a black box may write."""
    return x.copy() if issubclass(type(x), onp.ndarray) else x


def _unit(x: Any, index: Any) -> Any:
    unit = onp.zeros(shape_of(x), dtype_of(x))
    unit[index] = 1
    return unit


def tap(x: R, callback: Callable[[Any], Any]) -> R:
    """Return ``x``, and show its cotangent to ``callback`` on the way back.

    Parameters
    ----------
    x : float, array or container
    callback : callable
        Takes x̄, of the structure of x. What it returns takes the place of x̄, unless that is
        ``None``: so it can print, clip, scale or stop a cotangent.

    Returns
    -------
    float, array or container
        x itself, of the same structure, shapes and dtypes.

    Raises
    ------
    ArgumentError
        On the way back, if the callback returned another structure.

    Examples
    --------
    >>> from funad import grad, tap
    >>> grad(lambda x: tap(x * 3.0, lambda ybar: min(ybar, 0.5)) ** 2)(1.0)
    1.5
    """

    def backward(_: Any, ybar: Any, xs: list[Any], places: list[int]) -> Any:
        replaced = callback(ybar)
        kept = ybar if replaced is None else replaced
        leaves = tree.flatten_like(tree.flatten(x)[1], kept)
        return [leaves[place] for place in places]

    tapped: R = step("tap", lambda x: (x, None), backward, (x,), {}, True)
    return tapped


def value(x: R) -> R:
    """Return the plain value of ``x``, through every level of tracing and every container.

    To look at a value inside of a function that is being differentiated; what is computed from
    it has no derivative (where that is what you want, write :func:`stop_gradient`). Takes a float, an
    array or a container, traced or not; returns the same of plain values, of the same shapes. Arrays
    are copies.

    Examples
    --------
    >>> from funad import grad, value
    >>> seen = []
    >>> grad(lambda x: seen.append(value(x)) or x**2)(3.0)
    6.0
    >>> seen
    [3.0]
    """
    plain: R = plain_copy(x) if issubclass(type(x), (Traced, onp.ndarray)) else tree.map(plain_copy, x)
    return plain

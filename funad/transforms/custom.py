"""What a user adds to a function: its own backward pass, recomputation, taps, differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import numpy as np
from .. import tree
from ..boxes import Box, Traced, box_of, innermost
from ..errors import ArgumentError, CotangentError
from ..joint import step, step_of_one
from ..registry import signature_of
from ..spaces import describe, dtype_of, is_complex, is_number, name_of, shape_of
from ..tape import Tape
from .calls import Transformed, takes
from .reverse import stop_gradient, vjp

__all__ = ["checkpoint", "custom_vjp", "numerical", "tap", "value"]


def checkpoint(f: Any) -> Any:
    """Make ``f`` forget its intermediate values: its backward pass runs it again.

    The derivatives are the same. The memory that a gradient takes falls from all the values
    that ``f`` computes to those that go in and come out, for the time of one more run. It may
    be nested: halving a recurrence again and again takes memory in the logarithm of its length.

    Parameters
    ----------
    f : callable
        Pure: it must give the same result when it runs again, and not write into its arguments.

    Returns
    -------
    callable
        The same function: its arguments and results may be containers, of any shapes. An error on the
        way back is that of ``f`` itself, run once more.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import checkpoint, grad
    >>> @checkpoint
    ... def many_steps(x):
    ...     for _ in range(100):
    ...         x = np.sin(x) + 0.5
    ...     return x
    >>> bool(grad(many_steps)(1.0) == grad(many_steps.__wrapped__)(1.0))
    True
    """
    return Transformed(_checkpoint, f)


def _checkpoint(f: Any, args: Any, kwargs: Any) -> Any:
    leaves, structure = tree.flatten((args, kwargs))
    tape = innermost(leaves)
    if type(tape) is not Tape:  # forward mode keeps nothing anyway
        return f(*args, **kwargs)
    if _is_at_kink(f, tape, leaves, structure):  # which is kept on the tape, if it is differentiated again
        return f(*args, **kwargs)

    def forward(*args: Any, **kwargs: Any) -> Any:
        try:
            return f(*args, **kwargs), None
        except ValueError as error:
            raise _wrote(f, error) from error.__cause__

    def backward(_: Any, ybar: Any, xs: list[Any], places: list[int]) -> Any:
        def again(xs: list[Any]) -> Any:
            args, kwargs = tree.unflatten(structure, tree.replaced(leaves, places, xs))
            return f(*args, **kwargs)

        return vjp(again, xs)[1](ybar)

    return step(name_of(f), forward, backward, args, kwargs, True)


def _is_at_kink(f: Any, tape: Tape, leaves: list[Any], structure: Any) -> bool:
    """Say whether f, differentiated again, meets a kink: run on a tape that is forgotten."""
    inner = [isinstance(x, Traced) and x.tape is tape for x in leaves]
    if not any(yes and isinstance(x.value, Traced) for x, yes in zip(leaves, inner, strict=True)):
        return False
    watch = Tape(len(leaves))
    pairs = enumerate(zip(leaves, inner, strict=True), 1)
    boxes = [box_of(watch, x.value, n) if yes else x for n, (x, yes) in pairs]
    args, kwargs = tree.unflatten(structure, boxes)
    try:
        f(*args, **kwargs)
    except Exception:  # it comes again where it is expected
        return False
    finally:
        watch.end()
    return getattr(watch, "infinitesimals", None) is not None


def custom_vjp(f: Any, forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
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
        The function with that derivative, in both modes. Keywords pass through as constants.

    Raises
    ------
    ArgumentError
        If one of the three is no function, or ``backward`` does not take two arguments; when called,
        if ``forward`` returns no pair; on the way back, if ``backward`` does not return one cotangent
        per positional argument, of its structure.
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
    if not callable(forward) or not callable(backward):
        raise ArgumentError("custom_vjp(f, forward, backward) takes three functions")
    if not takes(backward, (None, None), {}):
        raise ArgumentError(
            f"the backward function of custom_vjp is called with (residuals, ȳ), but {name_of(backward)} "
            f"takes {signature_of(backward)}; the arguments of f that it needs go into the residuals"
        )
    return Transformed(_custom_vjp, f, forward, backward)


def _custom_vjp(f: Any, forward: Any, backward: Any, args: Any, kwargs: Any) -> Any:
    of_one = len(args) == 1 and not kwargs and type(args[0]) is Box and type(args[0].value) in _PLAIN
    if not of_one and not any(isinstance(leaf, Traced) for leaf in tree.flatten((args, kwargs))[0]):
        return f(*args, **kwargs)
    name = name_of(f)

    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            found = forward(*args, **kwargs)
        except ValueError as error:
            raise _wrote(forward, error) from error.__cause__
        if not isinstance(found, tuple) or len(found) != 2:
            raise ArgumentError(
                f"{name_of(forward)}, the forward function of {name}, must return the pair (y, residuals), "
                f"but it returned {describe(found)}; write return y, None where nothing needs to be kept"
            )
        return found

    def pull_back(residuals: Any, ybar: Any, xs: list[Any], places: list[int]) -> Any:
        found = backward(residuals, ybar)
        if of_one and type(found) is type(xs[0]) in _PLAIN and _alike(found, xs[0]):
            return [found]  # as nearly always
        xbars = (found,) if len(args) == 1 else found
        who = f"{name_of(backward)}, the backward function of {name},"
        if not isinstance(xbars, tuple) or len(xbars) != len(args):
            raise ArgumentError(
                f"{who} must return a tuple of {len(args)} cotangents, one per positional argument, but it "
                f"returned {describe(found)}; None stands for zero"
            )
        flat: list[Any] = []
        structures = [tree.flatten(arg)[1] for arg in args]
        for n, (structure, xbar) in enumerate(zip(structures, xbars, strict=True)):
            try:
                flat += [None] * structure.size if xbar is None else tree.flatten_like(structure, xbar)
            except ArgumentError:
                raise ArgumentError(
                    f"{who} returned {tree.flatten(xbar)[1]} for argument {n}, whose structure is {structure}"
                ) from None
        flat += [None] * (max(places) + 1 - len(flat))
        real = not any(map(is_complex, tree.flatten(ybar)[0]))
        for x, place in zip(xs, places, strict=True):
            _check_cotangent(who, flat[place], x, real)
        return [
            onp.zeros(shape_of(x)) if flat[place] is None else flat[place]
            for x, place in zip(xs, places, strict=True)
        ]

    if of_one:
        return step_of_one(name, checked, pull_back, args[0])
    return step(name, checked, pull_back, args, kwargs, False)


def _wrote(f: Any, error: ValueError) -> Exception:
    """Return the error of a function that has tried to write into an argument; another as it is."""
    if "read-only" not in str(error):
        return error
    name = name_of(f)
    return ArgumentError(
        f"{name} wrote into an argument, but the way back needs what was there before; start {name} with a "
        f"copy: x = np.copy(x)"
    )


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


def numerical(f: Any, step: float | None = None, order: int = 2) -> Any:
    """Make a black box differentiable by central differences: opt-in, and dear.

    The derivative along the cotangent takes ``order`` evaluations of ``f`` per number in its
    arguments, and is right to about half of the digits for order 2 (two thirds for order 4).
    It can be differentiated again, at the square of the cost and with fewer digits yet.

    Parameters
    ----------
    f : callable
        Takes floats and float arrays by position; returns a float, an array, or a container.
        It is called with plain values only. The shapes of what goes in and comes out are free.
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
    return x.copy() if isinstance(x, onp.ndarray) else x


def _unit(x: Any, index: Any) -> Any:
    unit = onp.zeros(shape_of(x), dtype_of(x))
    unit[index] = 1
    return unit


def tap(x: Any, callback: Callable[[Any], Any]) -> Any:
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

    return step("tap", lambda x: (x, None), backward, (x,), {}, True)


def value(x: Any) -> Any:
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
    return stop_gradient(x)

"""Checks of derivative rules against differences of the primitive itself."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as onp

from .. import numpy as np
from .. import tree
from ..errors import ArgumentError
from ..registry import primitive_of
from ..spaces import describe, name_of
from ..trace import lent
from ..transforms import grad, jvp, vjp
from ..values import constant

__all__ = ["Call", "call", "check_grads", "check_jvp", "check_vjp"]

ndarray = onp.ndarray

# Two central differences, extrapolated (Richardson), have an error of h⁴·f⁗⁗ + ε/h: with
# h = 1e-3 both are near 1e-12 for functions of size 1, far below what is asked for.
_STEP = 1e-3
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Call:
    """The arguments of one call."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)


def call(*args: Any, **kwargs: Any) -> Call:
    """Return the call f(*args, **kwargs), as :func:`check_vjp` takes it."""
    return Call(args, kwargs)


def check_vjp(
    f: Callable[..., Any], at: Call, argnum: int | str = 0, *, order: int = 2, seed: int = 0
) -> None:
    """Assert that the derivative of ``f`` in one argument is right.

    For random directions v and cotangents ȳ, ⟨ȳ, J v⟩ from differences of ``f`` on plain values
    must equal ⟨x̄, v⟩; x̄ must have the shape and dtype of x and be linear in ȳ; the rule must
    write to none of its arguments; and, at ``order`` 2, the same must hold of x̄ as a function
    of x.

    Parameters
    ----------
    f : callable
        A primitive, or any function of floats, arrays, lists of arrays, and constants.
    at : Call
        The arguments: ``call(x, axis=0)``.
    argnum : int or str, default 0
        The argument to check; a name for a keyword.
    order : int, default 2
    seed : int, default 0
        Of the directions.

    Raises
    ------
    AssertionError
        Saying what differs, and by how much.
    ArgumentError
        If ``at`` is no call.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad.testing import call, check_vjp
    >>> check_vjp(np.tanh, call(np.array([0.5, -1.0])))
    """
    rng = onp.random.default_rng(seed)
    name, of_x, x = _of_one_argument("check_vjp", f, at, argnum)
    _check_first(name, of_x, x, rng)
    if order > 1:
        _check_second(name, of_x, x, rng)


def _of_one_argument(
    check: str, f: Callable[..., Any], at: Call, argnum: int | str
) -> tuple[str, Callable[[Any], Any], Any]:
    """Return the name of f, f as a function of one argument, the others fixed, and that argument."""
    if not isinstance(at, Call):
        raise ArgumentError(
            f"{check} takes the arguments of f as a call, but was given {describe(at)}; write "
            f"{check}(f, call(x)) after from funad.testing import call"
        )
    prim = primitive_of(f)
    name = prim.name if prim is not None else name_of(f)
    at = _frozen(at)

    def of_x(x: Any) -> Any:
        if isinstance(argnum, int):
            return lent(f, *at.args[:argnum], x, *at.args[argnum + 1 :], **at.kwargs)
        return lent(f, *at.args, **{**at.kwargs, argnum: x})

    return name, of_x, at.args[argnum] if isinstance(argnum, int) else at.kwargs[argnum]


def _check_first(name: str, of_x: Callable[[Any], Any], x: Any, rng: Any) -> None:
    before = tree.map(onp.array, x)
    y, vjp_f = vjp(of_x, x)
    ybar, direction = _random_like(y, rng), _random_like(x, rng)
    xbar = vjp_f(ybar)
    _check_space(name, xbar, x)
    _check_close(
        f"the derivative of {name}",
        _pair(xbar, direction),
        _difference(lambda h: _pair(ybar, of_x(_moved(x, direction, h)))),
        _scale(ybar, y) + _scale(xbar, direction),
    )
    other = _random_like(y, rng)
    both = vjp_f(tree.map(lambda a, b: 2.0 * a - 3.0 * b, ybar, other))
    alone = tree.map(lambda a, b: 2.0 * a - 3.0 * b, xbar, vjp_f(other))
    _check_close(
        f"linearity in ȳ of the rule of {name}",
        _pair(both, direction), _pair(alone, direction), _scale(alone, direction) + _scale(xbar, direction),
    )  # fmt: skip
    unchanged = all(
        onp.array_equal(a, b, equal_nan=True)
        for a, b in zip(tree.flatten(before)[0], tree.flatten(x)[0], strict=True)
    )
    assert unchanged, f"the rule of {name} has written to its argument"


def _check_second(name: str, of_x: Callable[[Any], Any], x: Any, rng: Any) -> None:
    y = of_x(x)
    ybar, direction, second = _random_like(y, rng), _random_like(x, rng), _random_like(x, rng)

    def along(x: Any) -> Any:
        """⟨x̄(x), v⟩, of which the gradient is taken both ways."""
        return _pair(vjp(of_x, x)[1](ybar), direction)

    xbar = grad(along)(x)
    _check_space(f"the gradient of the rule of {name}", xbar, x)
    _check_close(
        f"the second derivative of {name}",
        _pair(xbar, second),
        _difference(lambda h: along(_moved(x, second, h))),
        _scale(xbar, second) + abs(float(along(x))),
    )


def check_jvp(f: Callable[..., Any], at: Call, argnum: int | str = 0, *, seed: int = 0) -> None:
    """Assert that the forward-mode derivative of ``f`` in one argument is right.

    The tangent ẏ must have the shape and dtype of y, and ⟨ȳ, ẏ⟩ must equal that from differences
    of ``f`` on plain values, and ⟨x̄, ẋ⟩ from reverse mode to rounding. See :func:`check_vjp`.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad.testing import call, check_jvp
    >>> check_jvp(np.tanh, call(np.array([0.5, -1.0])))
    """
    rng = onp.random.default_rng(seed)
    name, of_x, x = _of_one_argument("check_jvp", f, at, argnum)
    direction = _random_like(x, rng)
    y, ydot = jvp(of_x, (x,), (direction,))
    ybar = _random_like(y, rng)
    _check_space(f"the forward rule of {name}", ydot, y)
    scale = _scale(ybar, y) + _scale(ybar, ydot)
    got = _pair(ybar, ydot)
    wanted = _difference(lambda h: _pair(ybar, of_x(_moved(x, direction, h))))
    _check_close(f"the forward derivative of {name}", got, wanted, scale)
    _check_close(f"the forward mode of {name}", got, _pair(vjp(of_x, x)[1](ybar), direction), scale)


def check_grads(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    order: int = 2,
    seed: int = 0,
    *,
    modes: tuple[str, ...] = ("fwd", "rev"),
) -> None:
    """Assert that the derivatives of ``f`` in all of ``args`` are right up to ``order``.

    Each argument is held to :func:`check_vjp` and, for the first order, to :func:`check_jvp`.

    Parameters
    ----------
    f : callable
        Takes floats, arrays or containers of them, and returns the same.
    args : tuple
        Where to check.
    order : int, default 2
    seed : int, default 0
        Of the directions.
    modes : tuple of str, default ("fwd", "rev")
        Forward mode, reverse mode or both; for functions that have a derivative in one only.

    Raises
    ------
    AssertionError
        Saying which argument, what differs, and by how much.
    ArgumentError
        If ``args`` is no tuple, or ``modes`` are others than these.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad.testing import check_grads
    >>> check_grads(lambda a, b: np.sin(a) * b, (0.5, np.array([1.0, 2.0])))
    """
    if not isinstance(args, (tuple, list)):
        raise ArgumentError(
            f"check_grads takes a tuple of the arguments of f, but was given {describe(args)}; write "
            f"check_grads(f, (x,))"
        )
    if not modes or not set(modes) <= {"fwd", "rev"}:
        raise ArgumentError(f'modes must be of "fwd" and "rev", as ("fwd", "rev"), but is {modes!r}')
    rng = onp.random.default_rng(seed)
    for argnum in range(len(args)):
        if "rev" in modes:
            check_vjp(f, Call(tuple(args)), argnum, order=min(order, 2), seed=seed)
        if "fwd" in modes:
            check_jvp(f, Call(tuple(args)), argnum, seed=seed)
    if order > 2 and "rev" in modes:
        directions = tuple(_random_like(x, rng) for x in args)

        def along(*args: Any) -> Any:
            y, vjp_f = vjp(f, *args)
            ybar = tree.map(lambda leaf: onp.ones_like(constant(leaf)), y)
            return _pair(vjp_f(ybar), directions if len(args) > 1 else directions[0])

        check_grads(along, args, order - 1, seed + 1, modes=modes)


def _frozen(at: Call) -> Call:
    """Return the call with read-only copies of its arrays, layouts kept."""

    def freeze(x: Any) -> Any:
        if isinstance(x, ndarray):
            x = x.view()
            x.flags.writeable = False
        return x

    return Call(
        tuple(tree.map(freeze, x) for x in at.args), {k: tree.map(freeze, v) for k, v in at.kwargs.items()}
    )


def _check_space(name: str, xbar: Any, x: Any) -> None:
    for got, wanted in zip(tree.flatten(xbar)[0], tree.flatten(x)[0], strict=True):
        if isinstance(wanted, (ndarray, onp.generic)) and wanted.dtype.kind in "fc":
            same = got.shape == wanted.shape and got.dtype == wanted.dtype
            assert same, f"{name} returned x̄ of {describe(got)} for x of {describe(wanted)}"
        else:
            assert onp.shape(got) == onp.shape(wanted), f"{name} returned x̄ of {describe(got)}"


def _random_like(x: Any, rng: Any) -> Any:
    """Return a tree of normal numbers, in the space of x; zero where x has no derivative."""

    def like(leaf: Any) -> Any:
        shape, dtype = onp.shape(leaf), onp.asarray(leaf).dtype
        if dtype.kind not in "fc":
            return onp.zeros(shape)[()]
        values = rng.normal(size=shape)
        if dtype.kind == "c":
            values = values + 1j * rng.normal(size=shape)
        return onp.asarray(values, dtype)[()]

    return tree.map(like, x)


def _moved(x: Any, direction: Any, h: float) -> Any:
    return tree.map(
        lambda a, v: onp.asarray(a + h * v) if isinstance(a, ndarray) else a + h * v, x, direction
    )


def _pair(xbar: Any, v: Any) -> Any:
    """⟨x̄, v⟩ = Re Σ x̄·v, over all leaves: the change along v that x̄ stands for."""
    total: Any = 0.0
    for a, b in zip(tree.flatten(xbar)[0], tree.flatten(v)[0], strict=True):
        if onp.asarray(constant(a)).dtype.kind in "fc" and onp.asarray(constant(b)).dtype.kind in "fc":
            total = total + np.real(np.sum(a * b))
    return total


def _scale(xbar: Any, v: Any) -> float:
    """Return the size of the terms in ⟨x̄, v⟩, to which rounding is relative."""
    pairs = zip(tree.flatten(xbar)[0], tree.flatten(v)[0], strict=True)
    return float(sum(onp.sum(onp.abs(operator.mul(onp.asarray(a), onp.asarray(b)))) for a, b in pairs))


def _difference(g: Callable[[float], Any], h: float = _STEP) -> float:
    """dg/dh at 0 by two central differences and Richardson's extrapolation."""
    wide = (float(g(2 * h)) - float(g(-2 * h))) / (4 * h)
    close = (float(g(h)) - float(g(-h))) / (2 * h)
    return (4 * close - wide) / 3


def _check_close(what: str, got: Any, wanted: Any, scale: float) -> None:
    got, wanted = float(got), float(wanted)
    error = abs(got - wanted)
    # Not scaled up by rounding in the terms alone: a rule wrong by 1e-5 of itself must be seen.
    allowed = _TOLERANCE * max(abs(got), abs(wanted)) + 1e-9 * scale + 1e-9
    assert error <= allowed, f"{what} is {got:.10g}, but differences give {wanted:.10g} (off by {error:.2g})"

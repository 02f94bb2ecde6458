"""Checks of derivative rules, and hypothesis strategies to draw their arguments from.

For everyone who writes a rule: ``check_vjp(f, call(x), 0)`` holds it against differences of the
primitive itself. A test suite states a :class:`Case` per primitive and draws from it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import numpy as onp
from hypothesis.extra import numpy as hnp

from . import numpy as np
from . import tree
from .boxes import unbox
from .errors import ArgumentError
from .registry import record_of
from .spaces import describe
from .transforms import grad, jvp, vjp

__all__ = [
    "Call",
    "Case",
    "arrays",
    "broadcasting",
    "call",
    "calls",
    "case",
    "check_grads",
    "check_jvp",
    "check_vjp",
    "dtypes",
    "layouts",
    "one",
    "shapes",
]

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


@dataclass(frozen=True)
class Case:
    """Where to draw the calls of a primitive from, which keywords they have, and calls by hand.

    ``order`` is up to which order its derivatives are checked; ``complex`` says whether complex
    arguments make sense.
    """

    draw: st.SearchStrategy[Call]
    keywords: frozenset[str] = frozenset()
    examples: tuple[Call, ...] = ()
    order: int = 2
    complex: bool = True


# --- strategies


def shapes(max_dims: int = 3, min_dims: int = 0, min_side: int = 0, max_side: int = 3) -> Any:
    """Draw shapes, of size 0 and of no dimensions among them."""
    return hnp.array_shapes(
        min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    ) if min_dims else st.just(()) | hnp.array_shapes(
        min_dims=1, max_dims=max_dims, min_side=min_side, max_side=max_side
    )  # fmt: skip


def dtypes() -> Any:
    """Draw the dtypes that have derivatives."""
    return st.sampled_from([onp.float64, onp.float32, onp.complex128, onp.complex64])


def layouts() -> Any:
    """Draw functions that lay an array out otherwise in memory: Fortran order, strides, read-only."""
    return st.sampled_from([_as_is, _fortran, _reversed_strides, _gaps, _read_only])


def _as_is(x: Any) -> Any:
    return x


def _fortran(x: Any) -> Any:
    return onp.asfortranarray(x) if x.ndim else x  # which would give a number one axis


def _reversed_strides(x: Any) -> Any:
    return x if x.ndim == 0 else x[::-1].copy()[::-1]


def _gaps(x: Any) -> Any:
    wide = onp.repeat(x[..., None], 2, axis=-1)
    return wide[..., 0]


def _read_only(x: Any) -> Any:
    x = onp.array(x)
    x.flags.writeable = False
    return x


@st.composite
def arrays(
    draw: Any,
    shape: Any = None,
    low: float = -2.0,
    high: float = 2.0,
    *,
    distinct: bool = False,
    avoid: tuple[float, ...] = (),
    complex: bool = False,
    layout: bool = True,
) -> Any:
    """Draw float arrays with values in [low, high].

    Parameters
    ----------
    shape : tuple of int or strategy, optional
    low, high : float
    distinct : bool, default False
        Keep all values apart, as functions with kinks at ties need.
    avoid : tuple of float
        Points to stay away from by 0.1: kinks, poles.
    complex : bool, default False
        Draw imaginary parts too.
    layout : bool, default True
        Vary the memory layout.
    """
    if shape is None:
        shape = shapes()
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    rng = onp.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = int(onp.prod(shape))
    if distinct:
        steps = (rng.permutation(size) + rng.uniform(0.3, 0.7, size)) / max(size, 1)
        x = low + (high - low) * steps
    else:
        x = rng.uniform(low, high, size)
    for point in avoid:
        near = onp.abs(x - point) < 0.1
        x = onp.where(near, point + onp.where(x >= point, 0.1, -0.1) + (x - point), x)
    if complex:
        x = x + 1j * rng.uniform(low, high, size)
    x = onp.reshape(x, shape)
    return draw(layouts())(x) if layout else x


def calls(*args: Any, **kwargs: Any) -> Any:
    """Draw calls: each argument is a strategy or a constant; each keyword is left out at times."""

    @st.composite
    def drawn(draw: Any) -> Call:
        values = tuple(draw(x) if isinstance(x, st.SearchStrategy) else x for x in args)
        named = {
            name: draw(x) if isinstance(x, st.SearchStrategy) else x
            for name, x in kwargs.items()
            if draw(st.booleans())
        }
        return Call(values, named)

    return drawn()


def case(
    *args: Any, examples: tuple[Call, ...] = (), order: int = 2, complex: bool = True, **kwargs: Any
) -> Case:
    """Return the case of a primitive: arguments and keywords as strategies or constants."""
    return Case(calls(*args, **kwargs), frozenset(kwargs), examples, order, complex)


def one(
    low: float = -2.0, high: float = 2.0, *, avoid: tuple[float, ...] = (), complex: bool = True,
    examples: tuple[Call, ...] = (), order: int = 2,
) -> Case:  # fmt: skip
    """Return the case of a function of one array with values in [low, high]."""
    return case(arrays(None, low, high, avoid=avoid), complex=complex, examples=examples, order=order)


def broadcasting(
    low: float = -2.0, high: float = 2.0, n: int = 2, *, avoid: tuple[float, ...] = (),
    distinct: bool = False, complex: bool = True, examples: tuple[Call, ...] = (), order: int = 2,
) -> Case:  # fmt: skip
    """Return the case of a function of n arrays that broadcast against each other."""

    @st.composite
    def drawn(draw: Any) -> Call:
        group = draw(hnp.mutually_broadcastable_shapes(num_shapes=n, max_dims=3, max_side=3, min_side=0))
        parts = [draw(arrays(shape, low, high, avoid=avoid)) for shape in group.input_shapes]
        if distinct:  # apart from each other by more than a difference step
            parts = [part + 0.013 * k * (high - low) for k, part in enumerate(parts)]
        return Call(tuple(parts))

    return Case(drawn(), frozenset(), examples, order, complex)


# --- checks


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
    record = record_of(f)
    name = record.name if record is not None else getattr(f, "__name__", "f")
    at = _frozen(at)

    def of_x(x: Any) -> Any:
        if isinstance(argnum, int):
            return f(*at.args[:argnum], x, *at.args[argnum + 1 :], **at.kwargs)
        return f(*at.args, **{**at.kwargs, argnum: x})

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
            ybar = tree.map(lambda leaf: onp.ones_like(unbox(leaf)), y)
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
        if onp.asarray(unbox(a)).dtype.kind in "fc" and onp.asarray(unbox(b)).dtype.kind in "fc":
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

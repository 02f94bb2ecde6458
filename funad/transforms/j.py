"""j: the vector-Jacobian product of any function, primitive or not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import tree
from ..errors import ArgumentError, CotangentError
from ..primitives import EVERYTHING
from ..registry import Primitive, primitive_of
from ..spaces import describe, is_number, zeros_like
from ..traces.reverse import WIDTH, Tape
from ..tracing import sweep
from ..values import constant, dtype_of, shape_of
from .calls import (
    ArgNums,
    check_argnums,
    check_direction,
    check_function,
    differentiable,
    finish,
    locate,
)
from .reverse import vjp

__all__ = ["j"]


def j(f: Callable[..., Any], argnum: ArgNums | None = None) -> Callable[..., Any]:
    """Return the vector-Jacobian product of ``f``: j(f)(y, ȳ, *xs) = x̄.

    It is total: for a primitive, funad's or NumPy's own, it is the rule; for every other
    function it is derived by the chain rule, j(g∘f)(y, ȳ, x) = j(f)(f(x), j(g)(y, ȳ, f(x)), x).

    Parameters
    ----------
    f : callable
    argnum : int, str or tuple of them, optional
        Ask for the cotangent of this argument alone, or of these. By default of all that are not
        sizes, axes, indices and the like.

    Returns
    -------
    callable
        Takes y = f(*xs), its cotangent ȳ, the arguments of f, and keywords if f has them.
        Returns x̄ of a function of one argument, else the tuple of all of them.

    Raises
    ------
    MissingRuleError
        When called, if an argument has no rule.
    CotangentError
        When called, if ȳ does not have the structure and shapes of y.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import j
    >>> j(np.divide)(2.0, 1.0, 6.0, 3.0)
    (0.3333333333333333, -0.6666666666666666)
    >>> float(j(lambda x: np.exp(x) ** 2)(1.0, 1.0, 0.0))
    2.0
    """
    prim = primitive_of(f)
    if prim is None:
        check_function("j", f, "j(f)(y, ȳ, x)", "j(f(x))")
    if argnum is not None:
        argnum = check_argnums(f, argnum)
    if prim is None:
        return functools.partial(_derived, f, argnum)
    if prim.kind == "composite" or prim.containers == EVERYTHING:
        return functools.partial(_of_composite, prim.traced, argnum)
    return functools.partial(_of_primitive, prim, argnum)


def _of_primitive(prim: Primitive, argnum: Any, y: Any, ybar: Any, /, *xs: Any, **kwargs: Any) -> Any:
    """Pull ȳ back along a tape of this one call, for which y is not computed again."""
    if not xs:
        raise ArgumentError(f"j({prim.name})(y, ȳ, *xs) takes the arguments of {prim.name} behind ȳ")
    if prim.f is onp.einsum and not isinstance(xs[0], str):  # lists of labels stand between the operands
        return _of_composite(prim.traced, argnum, y, ybar, *xs, **kwargs)
    if kwargs:
        prim.check_keywords(kwargs)
    if argnum is None:
        numbers = _differentiable_positions(prim, xs)
    else:
        many = argnum if isinstance(argnum, tuple) else (argnum,)
        numbers = [n for one in many if isinstance(n := locate(prim.traced, one, xs, {}), int)]
    if prim.kind == "zero":
        found = [zeros_like(xs[n]) for n in numbers]
    else:
        for n in numbers:
            prim.rule(n, xs[n])
        xs = tuple(_ready(prim, n, x) if n in numbers else x for n, x in enumerate(xs))
        call = _OneCall(prim, xs, kwargs, numbers)
        found = call.pull_back(*_ready_cotangent(prim, y, ybar))
    alone = len(found) == 1 if argnum is None else not isinstance(argnum, tuple)
    return found[0] if alone else tuple(found)


def _ready_cotangent(prim: Primitive, y: Any, ybar: Any) -> tuple[Any, Any]:
    """Return y and ȳ as the rules of a primitive take them; refuse ȳ of another shape than y."""
    if isinstance(y, (tuple, list)):
        if not isinstance(ybar, (tuple, list)) or len(ybar) != len(y):
            raise CotangentError(f"{prim.name} has {len(y)} outputs, but ȳ is {describe(ybar)}")
        pairs = [_ready_cotangent(prim, *parts) for parts in zip(y, ybar, strict=True)]
        known = {k: part_bar for k, (_, part_bar) in enumerate(pairs) if part_bar is not None}
        return type(y)(*(part for part, _ in pairs)) if hasattr(y, "_fields") else [
            p for p, _ in pairs
        ], known
    if y is not None and ybar is not None and shape_of(ybar) != shape_of(y):
        raise CotangentError(f"y has shape {shape_of(y)}, but ȳ has shape {shape_of(ybar)}")
    if is_number(y) and ybar is not None:
        check_direction(ybar, y, "ȳ", CotangentError)
    if prim.kind == "elementwise":  # whose rules take Python's numbers as they are
        return y, ybar
    return _with_dtype(y), _with_dtype(ybar)


def _with_dtype(x: Any) -> Any:
    """Return a number of Python's as NumPy's, of which rules ask the shape and the dtype."""
    return onp.asarray(x)[()] if type(x) in (int, float, complex) else x


def _differentiable_positions(prim: Primitive, xs: tuple[Any, ...]) -> list[int]:
    if prim.kind == "zero":
        return list(range(len(xs)))
    return [n for n in range(len(xs)) if n in prim.rules and xs[n] is not None] or [0]


def _ready(prim: Primitive, n: int, x: Any) -> Any:
    """Return an argument of a primitive as floats, integers promoted and lists made arrays."""
    if n in prim.containers:
        return [_ready_leaf(prim, n, part) for part in x]
    return _ready_leaf(prim, n, x)


def _ready_leaf(prim: Primitive, n: int, x: Any) -> Any:
    return differentiable(prim.traced, n, onp.asarray(x) if isinstance(x, (list, tuple)) else x)


class _OneCall:
    """One call of a primitive, as an entry of a tape of its own."""

    def __init__(self, prim: Primitive, xs: tuple[Any, ...], kwargs: Any, numbers: list[int]) -> None:
        self.prim, self.xs, self.kwargs = prim, xs, kwargs
        self.sources: list[tuple[int, Any]] = []
        self.leaves: list[Any] = []
        for n in numbers:
            if n in prim.containers:
                first = len(self.leaves) + 1
                self.leaves += xs[n]
                self.sources.append((n, tuple(range(first, len(self.leaves) + 1))))
            else:
                self.leaves.append(xs[n])
                self.sources.append((n, len(self.leaves)))

    def pull_back(self, y: Any, ybar: Any) -> list[Any]:
        """Return one cotangent, or list of cotangents, per number."""
        entries = Tape(len(self.leaves)).end()
        entries += (self.prim, y, self.xs, self.kwargs, None, tuple(self.sources), ybar)
        assert (len(entries) - len(self.leaves) - 1) % WIDTH == 0
        found = sweep(entries, lambda _: None, self.leaves, masked=True)
        xbars = [finish(xbar, x) for xbar, x in zip(found, self.leaves, strict=True)]
        return [
            [xbars[n - 1] for n in source] if isinstance(source, tuple) else xbars[source - 1]
            for _, source in self.sources
        ]


def _of_composite(f: Callable[..., Any], argnum: Any, y: Any, ybar: Any, /, *xs: Any, **kwargs: Any) -> Any:
    """The chain rule for a function of funad's own, whose sizes, axes and modes are no x."""
    if argnum is None:
        found = tuple(n for n, x in enumerate(xs) if _holds(x, "fc")) or tuple(
            n for n, x in enumerate(xs) if _holds(x, "fciu")
        )
        argnum = found[0] if len(found) == 1 else found or None
    return _derived(f, argnum, y, ybar, *xs, **kwargs)


def _holds(x: Any, kinds: str) -> bool:
    """Say whether an argument is made of numbers of these kinds, at least one."""
    leaves = tree.flatten(x)[0]
    return bool(leaves) and all(is_number(leaf) and dtype_of(constant(leaf)).kind in kinds for leaf in leaves)


def _derived(f: Callable[..., Any], argnum: Any, y: Any, ybar: Any, /, *xs: Any, **kwargs: Any) -> Any:
    """The chain rule: run f on boxes and pull ȳ back along the tape."""
    _, vjp_f = vjp(f, *xs, argnums=argnum, **kwargs)
    return vjp_f(ybar)

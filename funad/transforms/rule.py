"""j: the vector-Jacobian product of any function, primitive or not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as onp

from ..primitives import EVERYTHING
from ..registry import Record, record_of
from ..spaces import zeros_like
from ..tape import WIDTH, Tape
from ..tracing import sweep
from .calls import check_function, differentiable, finish
from .reverse import vjp

__all__ = ["j"]


def j(f: Callable[..., Any], argnum: int | None = None) -> Callable[..., Any]:
    """Return the vector-Jacobian product of ``f``: j(f)(y, ȳ, *xs) = x̄.

    It is total: for a primitive, funad's or NumPy's own, it is the rule; for every other
    function it is derived by the chain rule, j(g∘f)(y, ȳ, x) = j(f)(f(x), j(g)(y, ȳ, f(x)), x).

    Parameters
    ----------
    f : callable
    argnum : int, optional
        Ask for the cotangent of this argument alone.

    Returns
    -------
    callable
        Takes y = f(*xs), its cotangent ȳ, the arguments of f, and keywords if f has them.
        Returns x̄ of a function of one argument, else the tuple of all of them.

    Raises
    ------
    MissingRuleError
        When called, if an argument has no rule.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import j
    >>> j(np.divide)(2.0, 1.0, 6.0, 3.0)
    (0.3333333333333333, -0.6666666666666666)
    >>> float(j(lambda x: np.exp(x) ** 2)(1.0, 1.0, 0.0))
    2.0
    """
    record = record_of(f)
    if record is None:
        check_function("j", f, "j(f)(y, ȳ, x)", "j(f(x))")
    if record is None or record.kind == "composite" or record.containers == EVERYTHING:
        return functools.partial(_derived, f, argnum)
    return functools.partial(_of_primitive, record, argnum)


def _of_primitive(record: Record, argnum: int | None, y: Any, ybar: Any, /, *xs: Any, **kwargs: Any) -> Any:
    """Pull ȳ back along a tape of this one call, for which y is not computed again."""
    if kwargs:
        record.check_keywords(kwargs)
    numbers = [argnum] if argnum is not None else _differentiable_positions(record, xs)
    if record.kind == "zero":
        found = [zeros_like(xs[n]) for n in numbers]
    else:
        for n in numbers:
            record.rule(n, xs[n])
        xs = tuple(_ready(record, n, x) if n in numbers else x for n, x in enumerate(xs))
        call = _OneCall(record, xs, kwargs, numbers)
        found = call.pull_back(y, ybar)
    return found[0] if argnum is not None or len(found) == 1 else tuple(found)


def _differentiable_positions(record: Record, xs: tuple[Any, ...]) -> list[int]:
    if record.kind == "zero":
        return list(range(len(xs)))
    return [n for n in range(len(xs)) if n in record.rules] or [0]


def _ready(record: Record, n: int, x: Any) -> Any:
    """Return an argument of a primitive as floats, integers promoted and lists made arrays."""
    if n in record.containers:
        return [_ready_leaf(record, n, part) for part in x]
    return _ready_leaf(record, n, x)


def _ready_leaf(record: Record, n: int, x: Any) -> Any:
    return differentiable(record.wrapped, n, onp.asarray(x) if isinstance(x, (list, tuple)) else x)


class _OneCall:
    """One call of a primitive, as an entry of a tape of its own."""

    def __init__(self, record: Record, xs: tuple[Any, ...], kwargs: Any, numbers: list[int]) -> None:
        self.record, self.xs, self.kwargs = record, xs, kwargs
        self.sources: list[tuple[int, Any]] = []
        self.leaves: list[Any] = []
        for n in numbers:
            if n in record.containers:
                first = len(self.leaves) + 1
                self.leaves += xs[n]
                self.sources.append((n, tuple(range(first, len(self.leaves) + 1))))
            else:
                self.leaves.append(xs[n])
                self.sources.append((n, len(self.leaves)))

    def pull_back(self, y: Any, ybar: Any) -> list[Any]:
        """Return one cotangent, or list of cotangents, per number."""
        entries = Tape(len(self.leaves)).end()
        if isinstance(y, (tuple, list)):
            ybar = dict(enumerate(ybar))
        entries += (self.record, y, self.xs, self.kwargs, None, tuple(self.sources), ybar)
        assert (len(entries) - len(self.leaves) - 1) % WIDTH == 0
        found = sweep(entries, lambda _: None, self.leaves, masked=True)
        xbars = [finish(xbar, x) for xbar, x in zip(found, self.leaves, strict=True)]
        return [
            [xbars[n - 1] for n in source] if isinstance(source, tuple) else xbars[source - 1]
            for _, source in self.sources
        ]


def _derived(f: Callable[..., Any], argnum: int | None, y: Any, ybar: Any, /, *xs: Any, **kwargs: Any) -> Any:
    """The chain rule: run f on boxes and pull ȳ back along the tape."""
    _, vjp_f = vjp(f, *xs, argnums=argnum, **kwargs)
    return vjp_f(ybar)

"""Functions that close over traced values, as a solver sees them: plain, and one trace at a time.

A solver calls its function with plain numbers. What that function closes over may be traced, by several
transformations at once. ``Watched`` gives the solver plain results, and notes whose traces it has met;
``without`` is the same function as the outer traces see it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as onp

from .. import numpy as np
from .. import tree
from ..boxes import Traced, innermost
from ..trace import TRACING
from ..traces.reverse import Tape
from ..writing import settled
from .copies import MISSED, PlainCopy
from .segments import apart, locked, out_of_traces

__all__ = ["Watched", "attached", "plain_of", "plainly", "without"]

_NUMBERS = frozenset({float, onp.float64, int, bool, complex, type(None)})


def plain_of(x: Any) -> Any:
    """Return a value, or a container of some, under every trace."""
    if type(x) in _NUMBERS:
        return x
    return _plain(x) if tree.is_leaf(x) else tree.map(_plain, x)


_WHY = "SciPy, or a solver, takes plain numbers only"


def _plain(x: Any) -> Any:
    if isinstance(x, Traced):
        x = settled(x)
        while isinstance(x, Traced):
            x = x.tape.look(x, _WHY)
    return x


class Watched:
    """A function as a solver may call it: with plain results, and nothing left on any tape.

    ``traces`` are those that its results have belonged to, from the outermost inwards.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        self.met: dict[float, Any] = {}
        self.tapes = [TRACING.tape] if type(TRACING.tape) is Tape else []
        self.copy: PlainCopy | None = None  # runs in the place of f once the traces of all its values are met
        functools.update_wrapper(self, f, [n for n in functools.WRAPPER_ASSIGNMENTS if hasattr(f, n)], ())

    @property
    def traces(self) -> list[Any]:
        return [self.met[level] for level in sorted(self.met)]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.copy is not None:
            y = self.copy(*args, **kwargs)
            if y is not MISSED:
                return y
            self.copy = None
        known = len(self.met)
        y = self.quietly(*args, **kwargs)
        y = y if type(y) in _NUMBERS else self._bared(y) if tree.is_leaf(y) else tree.map(self._bared, y)
        if len(self.met) > known:
            self._make_copy()
        return y

    def _make_copy(self) -> None:
        copy = PlainCopy(self.f)
        if copy.leaves and all(map(self._takes_derivatives, copy.leaves)):
            self.use(copy.leaves)
            self.copy = copy

    def use(self, leaves: list[Any]) -> None:
        """Take note that f is to be taken to read these traced values, of traces that have been met."""

    def _takes_derivatives(self, x: Any) -> bool:
        """Say whether x belongs to traces that have been met, and that take derivatives."""
        while isinstance(x, Traced):
            if x.tape.level not in self.met or not x.tape.differentiates:
                return False
            x = x.primal
        return True

    def quietly(self, *args: Any, **kwargs: Any) -> Any:
        """Return f of the arguments, traced, with nothing left on the tapes met so far."""
        if not self.tapes:
            return self.f(*args, **kwargs)
        return apart(self.tapes, functools.partial(self.f, *args, **kwargs))[0]

    def note(self, *values: Any) -> None:
        """Note the traces of values that f is to be taken to close over."""
        for x in values:
            if type(x) not in _NUMBERS:
                for leaf in [x] if tree.is_leaf(x) else tree.flatten(x)[0]:
                    self._bared(leaf)

    def _bared(self, x: Any) -> Any:
        if not isinstance(x, Traced):
            return x
        x = settled(x)
        while isinstance(x, Traced):
            trace = x.tape
            if trace.level not in self.met:
                self.met[trace.level] = trace
                if type(trace) is Tape and trace not in self.tapes:
                    self.tapes.append(trace)
            x = trace.look(x, _WHY)
        return x


def without(f: Callable[..., Any], traces: Sequence[Any]) -> Callable[..., Any]:
    """Return f as it is outside of these traces, the innermost ones: nothing of it stays on them."""
    if not traces:
        return f
    tapes = [trace for trace in traces if type(trace) is Tape]

    def outside(*args: Any, **kwargs: Any) -> Any:
        y, _ = locked(tapes, functools.partial(f, *args, **kwargs))
        return tree.map(lambda x: out_of_traces(traces, settled(x)), y)

    return outside


def plainly(f: Callable[..., Any], traces: Sequence[Any]) -> Callable[..., Any]:
    """Return f, all of whose traced values belong to these traces, as a function of plain results."""
    copy, outside = PlainCopy(f), without(f, traces)

    def run(*args: Any) -> Any:
        y = copy(*args)
        return outside(*args) if y is MISSED else y

    return run


def attached(value: Any, traced: Any) -> Any:
    """Return a plain value with the derivatives of a traced one, which is the same but for rounding."""
    if innermost((traced,)) is None:
        return value
    moved = traced - plain_of(traced)
    return value + moved if math.prod(onp.shape(value)) or onp.ndim(value) else np.reshape(value + moved, ())

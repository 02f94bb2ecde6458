"""The interface of an interpreter of primitives: what every trace is to the rest.

A traced value knows its trace, ``x.tape``. A primitive that is called on traced values hands the call, not
yet run, to the innermost of their traces. That trace decides what becomes of it: the reverse trace runs
the function for the traces outside of it and notes the call on its tape, the forward trace pushes a tangent
along, the batch trace runs it on whole stacks, the recorder keeps everything for people to look at.

A new interpreter is a subclass of ``Trace`` and one of ``boxes.Traced`` for its values, in a file of its own.
"""

from __future__ import annotations

import itertools
from _thread import _local as local  # threading.local; the rest of threading takes a while to load
from collections.abc import Callable
from typing import Any

from .registry import Primitive, primitive_of

# What a function is on stacks: (trace, prim, *args, **kwargs) ↦ y, with the members of y along its first
# axis. It stands here so that rules may write into it; the batch trace itself is loaded with vmap.
BATCH_RULES: dict[Callable[..., Any], Callable[..., Any]] = {}
# The functions that ask for shapes and dtypes alone, and those that take indices, in which lists stay lists.
OF_SHAPES: set[Callable[..., Any]] = set()
OF_INDICES: set[Callable[..., Any]] = set()


class _Tracing(local):
    """Whether a function is being traced in this thread: a call of it ends before another task goes on.

    Creation functions ask it, whose arrays can then be filled with traced values. ``tape`` is the tape of
    the innermost trace, if that is one, for checkpoint.
    ``lending`` is set while a function runs on arrays made read-only to find its writes into them: to the
    functions that it differentiates they are arrays to write to, as otherwise. ``sealed`` is the moment at
    which a checkpointed function has begun: what it writes into older arrays would be lost.
    """

    active = False
    lending = False
    sealed = 0
    tape: Any = None


TRACING = _Tracing()


def lent(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function on arrays that are read-only for it alone: arguments, or residuals that are some."""
    before = TRACING.lending
    TRACING.lending = True
    try:
        return f(*args, **kwargs)
    finally:
        TRACING.lending = before


class Unbatched(Exception):
    """Raised by a batch rule that has no way to take this call: it runs once per member, then."""


def batch_rule(*fs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the decorated function what these functions are on stacks: (trace, prim, *args, **kwargs) ↦ y."""

    def decorate(rule: Callable[..., Any]) -> Callable[..., Any]:
        BATCH_RULES.update((primitive_of(f).f, rule) for f in fs)  # type: ignore[union-attr]
        return rule

    return decorate


_levels = itertools.count(1)  # each trace takes the next: nothing to undo when f raises


def next_level() -> int:
    """Return a level above all that have been."""
    return next(_levels)


class Looked(BaseException):
    """Raised by a batch trace that is asked for a concrete value, in which its members may differ.

    It never reaches the user: who has a way to go on member by member catches it, vmap in the end.
    """

    def __init__(self, trace: Any, why: str) -> None:
        super().__init__(why)
        self.trace, self.why = trace, why


class Trace:
    """One run of one interpreter.

    Attributes
    ----------
    level : float
        Inner traces outrank outer ones. Taken from a counter and never used twice.
    ended : bool
        Whether the transformation has returned. Its values are refused from then on.
    differentiates : bool
        Whether derivatives are taken along this trace.
    """

    __slots__ = ()

    level: float
    ended: bool = False
    differentiates: bool = False

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Callable[..., Any]) -> Any:
        """Return the result of a call that has not run yet; values of this trace are among its arguments.

        ``run(self, prim, args, kwargs)`` unwraps those and runs the function for the outer traces. It
        returns y, the unwrapped args and kwargs, and the sources of what was unwrapped: pairs (argument,
        source), where a source is the traced value itself, for a box its index on the tape, and for a list
        a tuple of sources and 0. There are none if y is constant.
        """
        y, args, kwargs, sources = run(self, prim, args, kwargs)
        return self.process(prim, y, args, kwargs, sources) if sources else y

    def process(self, prim: Primitive, y: Any, args: Any, kwargs: Any, sources: Any) -> Any:
        """Return the result of a call that has run as a value of this trace."""
        raise NotImplementedError

    def look(self, x: Any, why: str) -> Any:
        """Return the concrete value of x for a decision on it, or refuse to: ``why`` says who asks."""
        return x.primal

    def guard(self, x: Any, how: str, answer: Any) -> Any:
        """Return the answer to a question about x, an opaque value: ``how`` is "finite", "number", "bool", …

        What follows is right only where the answer is the same.
        """
        return answer

    def keep(self, xs: list[Any]) -> list[Any]:
        """Return values as the trace may keep them: with plain arrays that do not change, if it keeps any."""
        return xs

    def written(self, x: Any, path: Any, index: Any, v: Any) -> Any:
        """Return x with v at an index of the view of x at the end of a path; x is nobody else's memory.

        Or NotImplemented: then it is a call of ASSIGN, which copies x. So it is where values are kept.
        """
        return NotImplemented

    def leave(self, x: Any) -> Any:
        """Return x as it is outside of this trace."""
        return x.primal

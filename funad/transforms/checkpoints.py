"""checkpoint: a step of a tape that keeps what goes in and comes out, and runs its function again.

What the function closes over may be traced as well, and no search would find all of it: in cells, in
defaults, in attributes of objects, in globals. It is found by running the function: while it runs, the
tape records apart, and a slot of the tape from before that a recorded call reads is one more input of
the step. On the way back the tape is opened once more, for the time of the second run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import tree
from ..boxes import Traced, box_of, innermost
from ..errors import ArgumentError
from ..guarding import own, unwritable, wrote
from ..opaque import Batched, batched
from ..registry import Primitive
from ..spaces import is_inexact, name_of, of_library, zeros_like
from ..trace import TRACING, lent
from ..traces.reverse import Apart, Tape, pull_back
from ..values import constant, is_deferred, members_of
from ..writing import moments, settled
from .calls import P, R, Transformed
from .copies import cells_of, fixed
from .reverse import vjp
from .segments import apart, is_on, out_of_traces, place_of, read_from_before, renumbered

__all__ = ["checkpoint"]


def checkpoint(f: Callable[P, R]) -> Callable[P, R]:
    """Make ``f`` forget its intermediate values: its backward pass runs it again.

    The derivatives are the same. The memory that a gradient takes falls from all the values
    that ``f`` computes to those that go in and come out, for the time of one more run. It may
    be nested: halving a recurrence again and again takes memory in the logarithm of its length.
    A program of ``compile`` computes nothing twice, and so keeps what its backward pass reads.

    Parameters
    ----------
    f : callable
        Pure: it must give the same result when it runs again, and not write into its arguments.
        It may close over traced values, such as the parameters of a layer.

    Returns
    -------
    callable
        The same function: its arguments and results may be containers, of any shapes. An error on the
        way back is that of ``f`` itself, run once more.

    Raises
    ------
    ArgumentError
        When called, if ``f`` writes into an argument; on the way back, if it gives another result than
        before.

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

    >>> def loss(w):
    ...     layer = checkpoint(lambda h: np.tanh(w * h))
    ...     return layer(layer(0.5 * w))
    >>> def plain_loss(w):
    ...     return np.tanh(w * np.tanh(w * (0.5 * w)))
    >>> bool(grad(loss)(1.0) == grad(plain_loss)(1.0))
    True
    """
    return Transformed(_checkpoint, f)


def _checkpoint(f: Any, args: Any, kwargs: Any) -> Any:
    leaves, structure = tree.flatten((args, kwargs))
    trace, tape = innermost(leaves), TRACING.tape
    if tape is None or (trace is not None and trace.level > tape.level):
        tape = trace
    # Forward mode keeps nothing anyway; a program that is being recorded would do nothing twice.
    if not isinstance(tape, Tape) or any(map(is_deferred, leaves)):
        return f(*args, **kwargs)
    if _is_at_kink(f, tape, leaves, structure):  # which is kept on the tape, if it is differentiated again
        return f(*args, **kwargs)
    variables = cells_of(f)
    try:
        return _Checkpoint(f, tape.keep(leaves), structure).call(tape)
    except _ClosesOverInner:
        for cell, x in variables:  # to which f may have assigned
            cell.cell_contents = x
        return f(*args, **kwargs)


def _is_at_kink(f: Any, tape: Tape, leaves: list[Any], structure: Any) -> bool:
    """Say whether f, differentiated again, meets a kink: run on a tape that is forgotten."""
    inner = [isinstance(x, Traced) and x.tape is tape for x in leaves]
    if not any(yes and isinstance(x.primal, Traced) for x, yes in zip(leaves, inner, strict=True)):
        return False
    watch = Tape(len(leaves))
    pairs = enumerate(zip(leaves, inner, strict=True), 1)
    boxes = [box_of(watch, x.primal, n) if yes else x for n, (x, yes) in pairs]
    args, kwargs = tree.unflatten(structure, boxes)
    sealed = TRACING.sealed
    try:
        TRACING.sealed = next(moments)
        fixed(f, lists=False)(*args, **kwargs)
    except Exception:  # it comes again where it is expected
        return False
    finally:
        TRACING.sealed = sealed
        watch.end()
    return watch.infinitesimals is not None


class _ClosesOverInner(Exception):
    """f has met a value of a trace further inside than those of its arguments."""


class _Checkpoint:
    """One call of a checkpointed function, recorded on every tape that its arguments belong to."""

    def __init__(self, f: Any, leaves: list[Any], structure: Any) -> None:
        self.f, self.leaves, self.structure = f, leaves, structure
        self.again: Any = None  # f as it closed over its variables then, once it has run
        self.places = [n for n, leaf in enumerate(leaves) if isinstance(leaf, Traced)]
        self.tapes: list[Tape] = []  # from the innermost outwards
        self.places_of: list[list[int]] = []  # of the arguments, on each of them
        self.output: Any = None  # the structure of the result

    def call(self, tape: Tape) -> Any:
        again = fixed(self.f, lists=False)  # on the way back, the variables of a loop have other values
        parts = self._step(tape, [settled(self.leaves[place]) for place in self.places])
        self.again = again
        return tree.unflatten(self.output, parts)

    def _call_f(self, xs: Any) -> list[Any]:
        given = tree.replaced(self.leaves, self.places, xs)
        args, kwargs = tree.unflatten(self.structure, given)
        f = self.f if self.again is None else fixed(self.again, lists=False)  # which it may assign to
        parts, self.output = tree.flatten(f(*args, **kwargs))
        after, structure = tree.flatten((args, kwargs))
        if structure != self.structure or any(x is not y for x, y in zip(after, given, strict=True)):
            raise wrote(name_of(self.f))  # the caller's list would not see it
        return list(map(settled, parts))

    def _result(self, xs: Any) -> Any:
        return tree.unflatten(self.output, self._call_f(xs))

    def _run(self, xs: list[Any]) -> list[Any]:
        """Return the leaves of the result, recorded as one step on each tape that xs belong to."""
        tape = innermost(xs)
        if isinstance(tape, Tape):
            return self._step(tape, xs)
        given = [_twin(x) if isinstance(x, Traced) else unwritable(x) for x in xs]
        boxes = self._boxed(given)
        before = [(type(x), x.index) if isinstance(x, Traced) else None for x in boxes]
        try:
            parts = list(map(own, lent(self._call_f, boxes)))
        except ValueError as error:
            raise wrote(name_of(self.f), error) from error.__cause__
        for x, was in zip(boxes, before, strict=True):
            if was is not None and (type(x) is not was[0] or x.index is not was[1]):
                raise wrote(name_of(self.f))
        return parts

    def _boxed(self, xs: list[Any]) -> list[Any]:
        """Return the arguments as they were on the tapes: what f keeps of them elsewhere is traced, too."""
        for tape, places in zip(reversed(self.tapes), reversed(self.places_of), strict=True):
            xs = [box_of(tape, x, place) if place else x for x, place in zip(xs, places, strict=True)]
        return xs

    def _step(self, tape: Tape, xs: list[Any]) -> list[Any]:
        self.tapes.append(tape)
        inner = tuple(self.tapes[:-1])
        sources = [x.index if isinstance(x, Traced) and x.tape is tape else 0 for x in xs]
        start = Apart().start  # places of their own: f may close over the same values
        places = [start + n if source else 0 for n, source in enumerate(sources)]
        self.places_of.append(places)
        values = [x.primal if source else x for x, source in zip(xs, sources, strict=True)]
        parts, (segment,) = apart([tape], self._run, values)
        closed = read_from_before(segment, parts, tape)
        for place in places:
            closed.pop(place, None)
        parts = [part.primal if is_on(part, tape) else part for part in parts]
        if any(isinstance(part, Traced) and part.tape.level >= tape.level for part in parts):
            raise _ClosesOverInner
        if not closed and not any(sources):
            return parts
        n, closes = len(xs), bool(closed)
        for source, value in closed.items():
            if source not in sources:
                sources.append(source)
                values.append(value)

        if closes:
            tape.share()

        def rule(y: Any, ybar: Any, xs: list[Any]) -> Any:
            if closes:
                return self._pulled(tape, inner, sources, y, ybar, xs, n)
            y_again, pull = vjp(self._result, xs)
            self._check(y, tree.flatten(y_again)[0])
            return pull(tree.unflatten(self.output, ybar))

        prim = Primitive(rule, name_of(self.f), "vjp", {0: rule}, (0,))
        found = tape.process(prim, tuple(parts), (values,), {}, ((0, tuple(sources)),))
        return list(found)

    def _pulled(
        self, tape: Tape, inner: Any, sources: list[int], y: Any, ybar: Any, xs: list[Any], n: int
    ) -> list[Any]:
        """Run f again on its tape, opened once more, and pull ȳ back along what it records."""
        boxes = [
            box_of(tape, x, source) if source else x
            for x, source in zip(xs[:n], sources[:n], strict=True)
        ]  # fmt: skip
        found, (segment, *_) = self._opened([tape, *inner], boxes)
        parts = [out_of_traces(inner, part) for part in found]
        self._check(y, parts)
        slots = {source: k for k, source in enumerate(dict.fromkeys(filter(None, sources)), 1)}
        if any(source not in slots for source in read_from_before(segment, parts, tape)):
            self._refuse()
        entries = renumbered(segment, slots)
        for part, part_bar in zip(parts, ybar, strict=True):
            if is_on(part, tape) and part_bar is not None:
                at = place_of(part.index, slots, segment.start)
                entries[at] = part_bar if entries[at] is None else entries[at] + part_bar
        found = pull_back(entries, len(slots), True)
        xbars = []
        for x, source in zip(xs, sources, strict=True):
            place = slots.pop(source, 0)  # the same value may be several arguments: once is enough
            xbar = found[place - 1] if place else None
            xbars.append(zeros_like(x) if xbar is None else xbar)
        return xbars

    def _opened(self, tapes: list[Tape], boxes: list[Any]) -> tuple[Any, list[Apart]]:
        """Run f on boxes of tapes that are over, or wait: another thread may be doing so."""
        try:
            tapes[0].lock.acquire()
            return apart(tapes, self._call_f, boxes)
        finally:
            with contextlib.suppress(RuntimeError):  # an interrupt has come before it was acquired
                tapes[0].lock.release()

    def _check(self, y: Any, again: list[Any]) -> None:
        """Refuse a function that gives another result when it runs again."""
        for before, part in zip(y, again, strict=True):
            if is_inexact(before) and not of_library(constant(before)):
                a, b = onp.asarray(members_of(before)), onp.asarray(members_of(part))
                if a.shape == b.shape and (a == b).all():
                    continue
                # Both runs do the same, but for rounding where threads of BLAS share the work.
                rounding = float(onp.finfo(a.dtype).eps ** 0.5)
                with onp.errstate(all="ignore"):
                    alike = a.shape == b.shape and onp.allclose(
                        a, b, rtol=rounding, atol=rounding * float(abs(a).max(initial=0.0)), equal_nan=True
                    )
                if not alike:
                    self._refuse()

    def _refuse(self) -> None:
        name = name_of(self.f)
        raise ArgumentError(
            f"{name} gave another result when checkpoint ran it again on the way back: what it reads has "
            f"changed since, as an array, a counter or a generator of random numbers does; pass that to "
            f"{name} as an argument"
        )


def _twin(x: Traced) -> Traced:
    """Return another traced value with the same value, trace and place: f may write into it."""
    if type(x) is Batched:
        return batched(x.tape, x.stack)
    twin = object.__new__(type(x))
    twin.primal, twin.tape, twin.index = x.primal, x.tape, x.index
    return twin

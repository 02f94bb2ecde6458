"""Tracing: run f once on boxes and keep the tape; find the user's line when a rule fails."""

from __future__ import annotations

import contextlib
import operator
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as onp

from . import tree
from .boxes import Box, Dual, Traced, box_of
from .cpython import above, frame_at, is_of_funad, line_in, names_in, steps
from .duck_arrays import as_ducks
from .errors import EndedTraceError, NotDifferentiableError
from .floating import point_at_user, restore
from .foreign import DASK, PANDAS, refuse_gaps, refuse_pickled
from .messages import taught
from .refusals import refused_in_place_of
from .trace import TRACING
from .traces.cotangents import SCALARS
from .traces.reverse import LEFT, WIDTH, Tape, has_ended, has_left, pull_back, refuse_ended
from .writing import settled


def run(f: Callable[[list[Any]], Any], xs: list[Any], tape: Tape | None = None) -> Any:
    """Return f of xs that are traced, or of boxes of xs on a tape, with the slots 1, 2, …"""
    before, outer = TRACING.active, TRACING.tape
    asked = PANDAS.asked
    token = None if before else point_at_user()
    trace = getattr(xs[0], "tape", None) if tape is None and xs else tape
    try:
        TRACING.active, TRACING.tape = True, tape
        y = f(xs if tape is None else [box_of(tape, x, n) for n, x in enumerate(xs, 1)])
        if PANDAS.asked != asked:
            refuse_gaps(y)
        if DASK.refusal is not None:
            refuse_pickled(trace)
        return y if _is_simple(y, trace) else _checked(trace, y)
    except BaseException as error:
        if tape is not None:
            tape.end()
        _teach(error)
        raise
    finally:
        TRACING.active, TRACING.tape = before, outer
        restore(token)


def _is_simple(y: Any, trace: Any) -> bool:
    """Say whether a result is one number or array of this trace, as nearly all are: nothing can be wrong."""
    if (type(y) is not Box and type(y) is not Dual) or y.tape is not trace:
        return False
    value = y.primal
    return type(value) in SCALARS or (type(value) is onp.ndarray and value.dtype.kind in "fc")


def _teach(error: BaseException) -> None:
    """Raise another error in the place of one of others' that comes of a traced value."""
    if isinstance(error, RecursionError):
        _refuse_endless(error)
    teaching = taught(error) or refused_in_place_of(error)
    try:
        if teaching is not None:
            raise teaching.with_traceback(error.__traceback__) from None
    finally:
        del teaching, error  # which refer to this frame


def _refuse_endless(error: RecursionError) -> None:
    """Refuse containers without end, on which functions of funad have called themselves."""
    frames = [step.tb_frame for step in steps(error) if is_of_funad(step.tb_frame)]
    for frame in reversed(frames[-_LAST:]):
        for x in list(names_in(frame).values()):
            if isinstance(x, (list, tuple, dict)):
                tree.refuse_deep(x)


# Frames of functions that call themselves by way of others: one of these has the container.
_LAST = 4


def _checked(trace: Any, y: Any) -> Any:
    """Return a result with what arrays hold that can be written to; refuse one that would seem constant."""
    leaves, structure = tree.flatten(y)
    found = [as_ducks(settled(leaf)) for leaf in leaves]
    for leaf in found:
        _check(trace, leaf)
    return y if all(map(operator.is_, found, leaves)) else tree.unflatten(structure, found)


def _check(trace: Any, y: Any) -> None:
    """Refuse a part of a result that would seem constant where it is not.

    Traced values hide from the trace in arrays of objects, which NumPy makes without asking, and in what
    is no container; those that were kept of another trace belong to none.
    """
    seen = 0
    while isinstance(y, Traced):
        seen += y.tape is trace
        if has_ended(y.tape):
            refuse_ended()
        y = y.inside
    of_objects = issubclass(type(y), onp.ndarray) and y.dtype == object
    if seen > 1 or (of_objects and any(isinstance(part, Traced) for part in y.flat)):
        raise NotDifferentiableError(
            "the result was computed with an array of dtype object that holds traced values (as "
            "numpy.frompyfunc and numpy.empty(n, dtype=object) make them), and whose derivatives would "
            "be lost; write np.stack([...]) or np.array([...]) after import funad.numpy as np"
        )
    if type(y) not in SCALARS and isinstance(y, _COLLECTIONS):
        _check_foreign(trace, y)


_COLLECTIONS = (Mapping, list, tuple, deque)


def _check_foreign(trace: Any, x: Any) -> None:
    """Refuse traced values in a container that is none to funad."""
    for part in tree.flatten(list(x.values() if isinstance(x, Mapping) else x))[0]:
        if isinstance(part, _COLLECTIONS):
            _check_foreign(trace, part)
        elif isinstance(part, Traced) and (part.tape is trace or has_ended(part.tape)):
            kind = type(x).__name__
            raise NotDifferentiableError(
                f"the result has traced values in a {kind}, which is no container to funad, so that their "
                f"derivatives would be lost; return a list, a tuple or a dict, or register the class with "
                f"funad.tree.register({kind}, flatten, unflatten)"
            )


def sweep(
    entries: list[Any], f: Callable[[list[Any]], Any], xs: list[Any], masked: bool = False
) -> list[Any]:
    """Pull back along ``entries``, consuming them; an error names the user's line it came from."""
    try:
        return pull_back(entries, len(xs), masked)
    except Exception as error:
        if isinstance(error, IndexError) and has_left(error):
            raise EndedTraceError(LEFT) from None
        line = find_line(f, xs, len(entries))
        if line:
            error.add_note(f"on the way back through {line}")
        raise


class _Watch(list[Any]):
    """Entries that note the user's line in which the call at ``position`` is recorded.

    Keeping a line per call would cost a fifth of its time; running f again costs nothing
    until a rule has failed.
    """

    def __init__(self, position: int) -> None:
        self.position = position
        self.line = ""

    def __iadd__(self, entry: Any) -> Any:  # type: ignore[misc]
        if len(self) == self.position and len(entry) == WIDTH:
            self.line = user_line(2)
        self.extend(entry)
        return self


def find_line(f: Callable[[list[Any]], Any], xs: list[Any], position: int) -> str:
    """Return the user's line that recorded the entry at ``position``, by running f again."""
    watch = _Watch(position)
    tape = Tape(len(xs), watch)
    with contextlib.suppress(Exception):  # f may be what cannot run twice; the first error matters more
        run(f, xs, tape)
        tape.end()
    return watch.line


def user_line(depth: int) -> str:
    """Return the innermost line outside of funad that is running now, from so many frames up."""
    outside = (frame for frame in above(frame_at(depth)) if not is_of_funad(frame))
    return next((line_in(frame, frame.f_lineno) for frame in outside), "")


def line_of(error: BaseException) -> str:
    """Return the innermost line outside of funad that an exception has come through."""
    outside = [step for step in steps(error) if not is_of_funad(step.tb_frame)]
    return line_in(outside[-1].tb_frame, outside[-1].tb_lineno) if outside else ""

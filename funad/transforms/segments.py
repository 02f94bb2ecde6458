"""Segments: what a function records while it runs once more on tapes that are open, or over.

The tapes record apart, in lists of their own, so that nothing of it stays on them. Slots of a tape from
before that a segment reads are what the function closes over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..boxes import Box, Traced
from ..trace import TRACING
from ..traces.reverse import OUTPUT, WIDTH, Apart, Tape, as_call
from ..writing import moments

__all__ = ["apart", "is_on", "locked", "out_of_traces", "place_of", "read_from_before", "renumbered"]


def is_on(x: Any, tape: Tape) -> bool:
    """Say whether x is a box of this tape."""
    return type(x) is Box and x.tape is tape


def out_of_traces(traces: Any, x: Any) -> Any:
    """Return x as it is outside of these traces."""
    while isinstance(x, Traced) and any(x.tape is trace for trace in traces):
        x = x.primal
    return x


def apart(tapes: list[Tape], run: Callable[..., Any], *args: Any) -> tuple[Any, list[Apart]]:
    """Call a function while tapes, also such as are over, record in lists of their own.

    Return its result, and what each of the tapes has recorded. No context manager: an interrupt
    between its beginning and that of its block would leave the tapes as they must not be left.
    """
    before = [(tape.entries, tape.snapshots) for tape in tapes]
    active, sealed = TRACING.active, TRACING.sealed
    segments = [Apart(tape.entries) for tape in tapes]
    try:
        TRACING.active, TRACING.sealed = True, next(moments)
        for tape, segment in zip(tapes, segments, strict=True):
            tape.entries, tape.snapshots = segment, None
        return run(*args), segments
    finally:
        TRACING.active, TRACING.sealed = active, sealed
        for tape, (entries, snapshots) in zip(tapes, before, strict=True):
            tape.entries, tape.snapshots = entries, snapshots


def locked(tapes: list[Tape], run: Callable[[], Any]) -> tuple[Any, list[Apart]]:
    """Do what ``apart`` does, one thread at a time."""
    locks = [tape.lock for tape in tapes if tape.lock is not None]
    for lock in locks:
        lock.acquire()
    try:
        return apart(tapes, run)
    finally:
        for lock in reversed(locks):
            lock.release()


def _calls(segment: Apart) -> Iterator[tuple[Any, ...]]:
    for start in range(0, list.__len__(segment), WIDTH):
        yield tuple(segment[start : start + WIDTH])


def read_from_before(segment: Apart, parts: list[Any], tape: Tape) -> dict[int, Any]:
    """Return the slots from before the segment that it reads, with the values there."""
    found: dict[int, Any] = {}
    for prim, _, a, b, source_a, source_b, _ in _calls(segment):
        if prim is not OUTPUT:
            args, kwargs, sources = as_call(a, b, source_a, source_b)
            for argnum, source in sources:
                x = args[argnum] if isinstance(argnum, int) else kwargs[argnum]
                _note(found, source, x, segment.start)
    for part in parts:
        if is_on(part, tape):
            _note(found, part.index, part.primal, segment.start)
    return found


def _note(found: dict[int, Any], source: Any, value: Any, start: int) -> None:
    """Note a slot from before a segment, or those of a list of values, with what stands there."""
    if type(source) is tuple:
        for part, inside in zip(source, value, strict=True):
            _note(found, part, inside, start)
    elif 0 < source < start:
        found.setdefault(source, value)


def renumbered(segment: Apart, slots: dict[int, int]) -> list[Any]:
    """Return a segment as the entries of a tape of which ``slots`` are the inputs."""
    entries: list[Any] = [None] * (len(slots) + 1)
    start = segment.start
    for prim, y, a, b, source_a, source_b, _ in _calls(segment):
        if type(source_b) is tuple:
            source_b = tuple((argnum, place_of(source, slots, start)) for argnum, source in source_b)
        elif source_b is not None:
            source_b = place_of(source_b, slots, start)
        entries += (prim, y, a, b, source_a and place_of(source_a, slots, start), source_b, None)
    return entries


def place_of(source: Any, slots: dict[int, int], start: int) -> Any:
    """Return the new number of a source, or those of several."""
    if type(source) is tuple:
        return tuple(place_of(part, slots, start) for part in source)
    return source if not source else slots[source] if source < start else source - start + len(slots) + 1

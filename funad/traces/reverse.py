"""The tape: what ran, as one flat list, and the walk back along it (reverse mode).

The list starts with a cotangent slot per input; then every call takes seven places,

    prim, y, a, b, source of a, source of b, cotangent of y

where a source is the index of a cotangent slot, or 0 for a constant. Slot 0 is no one's, so
that an index is true and "constant" is false. Three more forms share the seven places:

    one argument:   prim, y, a, None, source, None, ȳ
    any other call: prim, y, args, kwargs, None, sources, ȳ      sources: (argnum, source)...
    k-th output:    OUTPUT, None, k, None, None, source, ȳ         source: the slot of the tuple

It is one list rather than an object per call because the garbage collector looks at every
object that can hold others: measured at 100,000 calls, a tuple per call made each 60 % dearer.
It is in topological order by construction, so the walk back is one loop.
"""

from __future__ import annotations

import itertools
from _thread import RLock
from typing import Any, NoReturn

import numpy as onp

from ..boxes import Box, Traced, box_of
from ..cpython import names_in, steps
from ..duck_arrays import DUCKS
from ..errors import EndedTraceError
from ..floating import ERRORS, OF_RULES, restore
from ..indices import Scatter, through_view
from ..memory import WORTH_DROPPING, placeholder
from ..registry import Primitive
from ..snapshots import Snapshots
from ..spaces import is_inexact, zeros_of
from ..trace import Looked, Trace, next_level
from ..values import is_array
from ..writing import ASSIGN, assigned, fresh, put, write
from .cotangents import accumulate, fit_cotangent
from .strong_zeros import has_nan, retry_with_strong_zeros

ndarray, float64, new = onp.ndarray, onp.float64, object.__new__
_FLOAT = onp.dtype(float)
WIDTH = 7
CONSTANT = 0  # the source of what does not depend on an input


class Tape(Trace):
    """One reverse-mode trace: its level, its entries, the number of its inputs and its constants."""

    differentiates = True

    __slots__ = (
        "entries",
        "infinitesimals",
        "inputs",
        "level",
        "lines",
        "lock",
        "snapshots",
        "transposing",
        "xdots",
    )

    def __init__(self, inputs: int, entries: list[Any] | None = None, xdots: list[Any] | None = None) -> None:
        self.level = next_level()
        self.lock: Any = None  # for one thread at a time to record on it once more
        self.transposing = False  # whether it transposes a rule: no derivative is taken along it
        self.inputs = inputs
        self.infinitesimals: Any = None  # made where a kink is met
        self.lines: Any = None  # made where several are
        self.xdots = xdots  # the only tangents that are wanted, if there are such
        self.snapshots: Snapshots | None = None  # made for the first constant that is an array
        self.entries = [] if entries is None else entries
        self.entries += [None] * (inputs + 1)

    def keeping(self) -> Snapshots:
        """Return what keeps the constants of this tape as they are."""
        if self.snapshots is None:
            self.snapshots = Snapshots()
        return self.snapshots

    def keep(self, xs: list[Any]) -> list[Any]:
        """Return values with the plain arrays among them as they are now."""
        return [self.keeping().of_array(x) if type(x) is ndarray else x for x in xs]

    def share(self) -> None:
        """Have one thread at a time record on this tape once more, when it is over."""
        if self.lock is None:
            self.lock = RLock()

    def verify(self) -> None:
        """Refuse the way back if a constant that it reads has been written into."""
        if self.snapshots is not None:
            self.snapshots.verify()

    @property
    def ended(self) -> bool:  # type: ignore[override]
        """Whether the transformation has returned."""
        return type(self.entries) is _Ended

    def process(self, prim: Primitive, y: Any, args: Any, kwargs: Any, sources: Any) -> Any:
        """Note a call and return its result boxed; of a tuple, each part that can have a derivative."""
        entries = self.entries
        several = issubclass(type(y), (tuple, list))
        made = new(Box)
        made.primal = y
        made.tape = self
        drop = prim.keep_only_read_for(sources)
        if drop is not None and args and not several:
            kept, a, b = drop(y, args[0], args[1] if len(args) > 1 else None)
            y, args = kept, (a, b, *args[2:])[: len(args)]
        args, kwargs = self.keeping().of_call(args, kwargs, sources)
        entries += (prim, y, args, kwargs, None, sources, None)
        made.index = len(entries) - 1
        if not several:
            return made
        parts = [self._output(part, k, made.index) for k, part in enumerate(y)]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)

    def written(self, x: Any, path: Any, index: Any, v: Any) -> Any:
        """Write into the value of x, and note it: the way back needs the shapes of x and v alone."""
        (a, source_x), (b, source_v) = self._unwrapped(x), self._unwrapped(v)
        y = write(a, path, index, b)
        pair = [placeholder(a), placeholder(b) if type(b) is ndarray and b.nbytes > WORTH_DROPPING else b]
        entries = self.entries
        entries += (ASSIGN, None, (pair, path, index), {}, None, ((0, (source_x, source_v)),), None)
        return box_of(self, y, len(entries) - 1)

    def _unwrapped(self, x: Any) -> tuple[Any, int]:
        """Return a value without this trace, and its source."""
        return (x.primal, x.index) if isinstance(x, Traced) and x.tape is self else (x, CONSTANT)

    def _output(self, part: Any, k: int, source: int) -> Any:
        """Return the k-th output boxed, or as it is if it can have no derivative."""
        if not is_inexact(part):
            return part
        entries = self.entries
        entries += (OUTPUT, None, k, None, None, source, None)
        return box_of(self, part, len(entries) - 1)

    def end(self) -> list[Any]:
        """Return the entries, and refuse further ones."""
        entries, self.entries = self.entries, _Ended()
        if self.infinitesimals is not None and self.infinitesimals.nearby is not None:
            self.infinitesimals.nearby.pair(entries, self.inputs)
        return entries


class _Ended(list[Any]):
    """Stands where the entries were: a traced value has outlived its trace."""

    def __iadd__(self, entry: Any) -> Any:  # type: ignore[misc]
        refuse_ended()


APART = 1 << 32  # above the places of all tapes
segments = itertools.count()  # how many there have been; after _MANY of them the first places are free again
_MANY = 1 << 30


class Apart(list[Any]):
    """Entries that are recorded apart from those of their tape, at places of which it has none.

    So a value that leaves the function that recorded it, other than as its result, is found out. ``before``
    are the entries of the tape itself.
    """

    __slots__ = ("before", "start")

    def __init__(self, entries: Any = ()) -> None:
        self.before: Any = entries.before if type(entries) is Apart else entries
        # No two have a place in common: one may be made inside another.
        self.start = APART * (1 + next(segments) % _MANY)

    def __len__(self) -> int:
        return self.start + list.__len__(self)


def refuse_ended() -> NoReturn:
    """Refuse to use a traced value that has outlived its trace."""
    raise EndedTraceError(
        "a traced value was used after its transformation had returned; return it from the "
        "function (has_aux=True takes values along) instead of keeping it in a global, an "
        "attribute, a cache or a generator, or keep stop_gradient of it"
    )


LEFT = (
    "a value that was computed inside of a checkpointed function was used outside of it; return it from that "
    "function instead of keeping it in a list, an attribute or a global"
)


def has_left(error: IndexError) -> bool:
    """Say whether an index error comes of the place of a value that was recorded apart (see Apart)."""
    *_, last = steps(error)
    names = names_in(last.tb_frame)
    return any(
        isinstance(names.get(n), int) and names[n] >= APART for n in ("source", "source_a", "source_b")
    )


def has_ended(trace: Any) -> bool:
    """Say whether a trace is over."""
    return bool(getattr(trace, "ended", False))


# The primitive of taking the k-th output of a call that returned several.
OUTPUT = Primitive(lambda y: y, "an output")


def pull_back(entries: list[Any], inputs: int, masked: bool = False) -> list[Any]:
    """Walk back along the tape, consuming it; return the cotangents of the inputs.

    The cotangents of the outputs stand in their slots. A slot that nothing reached is None.
    ``masked`` says that they may have zeros in them that hide infinities and NaNs.

    A zero cotangent is a strong zero: 0·∞ and 0·nan are 0. Neither costs anything to those who
    meet no such thing. 0·∞ and 0/0 come up as exceptions where they happen and are mended there
    (see ``strong_zeros``). A nan that was there before (missing data, the branch that ``where`` has not
    taken) shows in the results: then the way is walked once more, from the first rule on
    that put zeros into a cotangent, looking at every step.
    """
    if DUCKS.used and DUCKS.prepare is not None:
        DUCKS.prepare(entries, inputs)
    start = list(entries) if masked else None
    token = ERRORS.set(OF_RULES)
    try:
        start = backward_pass(entries, inputs, start, False)
        if start is not None and any(has_nan(slot) for slot in entries[1:]):
            entries[:] = start
            backward_pass(entries, inputs, start, True)
    finally:
        restore(token)
    return [slot.dense() if type(slot) is Scatter else slot for slot in entries[1:]]


def backward_pass(
    entries: list[Any], inputs: int, start: list[Any] | None, careful: bool
) -> list[Any] | None:
    """Walk back along the tape, one call after the other.

    Return the entries as they were at the first rule that masks, if there was one.
    """
    owned: set[int] = set()  # slots with an array that nothing else refers to
    for _ in range((len(entries) - inputs - 1) // WIDTH):
        ybar, source_b, source_a, b, a, y, prim = (entries.pop() for _ in range(WIDTH))
        if ybar is None:
            continue
        if type(ybar) is Scatter:
            if prim.views and pull_back_view(entries, prim, ybar, a, b, source_a, source_b, owned):
                continue
            ybar = ybar.dense()
        args, kwargs, sources = (None, {}, ()) if prim is OUTPUT else as_call(a, b, source_a, source_b)
        if start is None and (prim.masks or "where" in kwargs):  # what is left out may be nan
            start = [*entries, prim, y, a, b, source_a, source_b, ybar]
            owned.clear()  # what stands in start must not be added to in place
        if prim is OUTPUT:
            put_output(entries, source_b, a, ybar, owned)
        else:
            pull_back_call(entries, prim, y, ybar, args, kwargs, sources, careful, owned)
    return start


def as_call(a: Any, b: Any, source_a: Any, source_b: Any) -> tuple[Any, Any, Any]:
    """Return an entry of any form as (args, kwargs, sources)."""
    if source_b is None:
        return (a,), {}, ((0, source_a),)
    if source_a is None:
        return a, b, source_b
    of_b = ((1, source_b),) if source_b else ()
    return (a, b), {}, ((0, source_a), *of_b) if source_a else of_b


def slots_of(source_a: Any, source_b: Any) -> list[int]:
    """Return the slots that an entry of any form reads."""
    if type(source_b) is not tuple:
        return [source for source in (source_a, source_b) if source]
    parts = [source if type(source) is tuple else (source,) for _, source in source_b]
    return [source for part in parts for source in part if source]


def pull_back_view(
    entries: list[Any], prim: Primitive, ybar: Scatter, a: Any, b: Any, source_a: Any, source_b: Any,
    owned: set[int],
) -> bool:  # fmt: skip
    """Give x the few elements of the cotangent of a view of x; return False if there is no such way."""
    (x, *args), kwargs, sources = as_call(a, b, source_a, source_b)
    xbar = through_view(ybar, prim, x, args, kwargs)
    if xbar is None:
        return False
    _add(entries, sources[0][1], xbar, owned)
    return True


def put_output(entries: list[Any], source: int, k: int, ybar: Any, owned: set[int]) -> None:
    """Note ȳ as the k-th of the cotangents of a call with several outputs, of which each has one entry."""
    ybars = entries[source]
    if source not in owned:  # a snapshot may have the same dict
        ybars = entries[source] = dict(ybars or {})
        owned.add(source)
    ybars[k] = ybar


def pull_back_call(
    entries: list[Any], prim: Any, y: Any, ybar: Any, args: Any, kwargs: Any, sources: Any,
    careful: bool, owned: set[int],
) -> None:  # fmt: skip
    """Walk back over a call of any form; an argument may be a list of values."""
    if prim is ASSIGN and is_array(ybar):
        _pull_back_assignment(entries, ybar, args, sources, owned)
        return
    if type(ybar) is dict:
        ybar = tuple(ybar[k] if k in ybar else zeros_of(part) for k, part in enumerate(y))
    for argnum, source in sources:
        rule = prim.rules[argnum]
        try:
            xbar = rule(y, ybar, *args, **kwargs)
        except (Exception, Looked) as error:
            xbar = retry_with_strong_zeros(error, prim, rule, argnum, y, ybar, args, kwargs)
        x = args[argnum] if type(argnum) is int else kwargs[argnum]
        if type(source) is int:
            at = careful and (argnum, y, args, kwargs)
            _add(entries, source, fit_cotangent(prim, xbar, ybar, x, at), owned)
        else:
            for part, part_bar, part_source in zip(x, xbar, source, strict=True):
                if part_source:
                    _add(entries, part_source, fit_cotangent(prim, part_bar, ybar, part, False), owned)


def _pull_back_assignment(entries: list[Any], ybar: Any, args: Any, sources: Any, owned: set[int]) -> None:
    """Give v its part of ȳ and x the rest, in the same array if the sweep made it.

    So the way back over n assignments into n elements is linear in n.
    """
    (_, v), path, index = args
    ((_, (source_x, source_v)),) = sources
    if source_v:
        vbar = assigned(ybar, v, path, index)
        if type(vbar) is ndarray and vbar.base is not None:
            vbar = vbar.copy()
        elif type(ybar) is not ndarray:
            vbar = fresh(vbar)
        _add(entries, source_v, fit_cotangent(ASSIGN, vbar, ybar, v, False), owned)
    if source_x:
        own = len(entries) + WIDTH - 1 in owned
        if type(ybar) is ndarray:
            ybar = ybar if own else ybar.copy()
            put(ybar, path, index, 0)
        else:
            ybar = write(ybar if own else fresh(ybar), path, index, 0.0)
        if entries[source_x] is None:
            owned.add(source_x)
            entries[source_x] = ybar
        else:
            _add(entries, source_x, ybar, owned)


def _add(entries: list[Any], source: int, xbar: Any, owned: set[int]) -> None:
    before = entries[source]
    entries[source] = xbar if before is None else accumulate(before, xbar, source, owned)

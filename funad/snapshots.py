"""Constants on a tape: what a rule reads on the way back is what the call has seen.

A program may write into a plain array after it has computed with it. So a tape keeps a copy of a
small array, and of a large one a fingerprint: where that has changed, the way back is refused.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, MutableMapping, MutableSequence
from typing import Any

import numpy as onp

from .errors import OverwrittenError
from .memory import SMALL, TINY
from .spaces import describe

ndarray = onp.ndarray

# Elements of a large array that are looked at where all would take too long.
_SAMPLE = 1009
# Words per row of a fingerprint. A prime, so that rows of a matrix that change places stand in other columns.
_WIDTH = 1021


class Snapshots:
    """The plain arrays that the calls on one tape have taken as constants.

    ``copies`` has, per identity of an array, its last content: a loop that computes with one array
    keeps one copy. ``watched`` has the large arrays with their fingerprints.
    """

    __slots__ = ("copies", "watched")

    def __init__(self) -> None:
        self.copies: dict[int, tuple[bytes, ndarray]] = {}
        self.watched: dict[int, tuple[ndarray, Any]] = {}

    def of_array(self, x: ndarray) -> ndarray:
        """Return a plain array that will be on the way back what x is now, or will be known not to be."""
        if x.nbytes <= TINY or x.dtype.hasobject:
            return x.copy("K")
        if x.nbytes > SMALL:
            return self._of_large(x)
        content = x.tobytes("A")
        known = self.copies.get(id(x))
        if known is not None and known[0] == content:
            kept = known[1]
            if kept.dtype == x.dtype and kept.shape == x.shape:  # another array may have this identity now
                return kept
        kept = ndarray(x.shape, x.dtype, content, 0, None, "F" if x.flags.fnc else "C")
        self.copies[id(x)] = content, kept
        return kept

    def _of_large(self, x: ndarray) -> ndarray:
        if not x.flags.writeable and isinstance(x.base, bytes):
            return x  # type: ignore[unreachable]  # a placeholder
        spread = [stride == 0 and size > 1 for stride, size in zip(x.strides, x.shape, strict=True)]
        if any(spread):  # one element of memory for many
            once = x[tuple(slice(1) if many else slice(None) for many in spread)]
            return onp.broadcast_to(self.of_array(once), x.shape)
        if not x.flags.forc:
            return x.copy("K")
        found = _fingerprint(x)
        if self.watched.setdefault(id(x), (x, found))[1] != found:
            raise OverwrittenError(overwritten(x))
        return x

    def of(self, x: Any) -> Any:
        """Return a constant argument with the arrays and lists in it as they are now."""
        return _rebuilt(self.of_array, x)

    def of_call(self, args: Any, kwargs: Any, sources: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a call with its constants, those without a source, as they are now."""
        traced = dict(sources)
        kept = [x if is_fixed(x) else self._of_argument(x, traced.get(n)) for n, x in enumerate(args)]
        return tuple(kept), {name: self._of_argument(x, traced.get(name)) for name, x in kwargs.items()}

    def _of_argument(self, x: Any, source: Any) -> Any:
        if source is None:
            return self.of(x)
        if type(source) is tuple:  # a list of arrays, some of which may be constants
            return [part if of_part else self.of(part) for part, of_part in zip(x, source, strict=True)]
        return x

    def verify(self) -> None:
        """Refuse the way back if a large array is no longer what it was."""
        for x, before in self.watched.values():
            if _fingerprint(x) != before:
                raise OverwrittenError(overwritten(x))


def overwritten(x: ndarray) -> str:
    """Say that a plain array was written into that the way back has to read."""
    return (
        f"a plain array, {describe(x)}, was written into after a traced value had been computed with "
        f"it, and the derivative needs what stood there; compute with a copy (np.copy(a) * x), or write into "
        f"a new array"
    )


def written_argument(f: str, x: ndarray) -> str:
    """Say that a function has written into the array that it is differentiated in."""
    return (
        f"{f} wrote into its argument, {describe(x)}, by another name (a global, an attribute, a view), of "
        f"which its trace sees nothing; write into the argument itself (x[0] = 5.0), or into a copy of it"
    )


def sampled(x: ndarray) -> bytes:
    """Return what an array has in it; of a large one a thousand elements, the first and the last among them.

    It tells whether a function has written into its argument by another name, at a price that no gradient
    notices: writing there is an error, so that it is enough to find what most such programs do.
    """
    if x.nbytes <= SMALL:
        return x.tobytes()
    if not x.flags.forc:
        along = int(_SAMPLE ** (1 / x.ndim))
        return x[tuple(slice(None, None, max(1, size // along)) for size in x.shape)].tobytes()
    flat = x.reshape(-1, order="A")
    return flat[:: max(1, flat.size // _SAMPLE)].tobytes() + flat[-1:].tobytes()


def _rebuilt(of_array: Callable[[ndarray], Any], x: Any) -> Any:
    """Return x with the arrays in it replaced, and with lists and tuples of its own."""
    kind = type(x)
    if is_fixed(x):
        return x
    if kind is list or kind is tuple:
        return kind([_rebuilt(of_array, part) for part in x])
    if kind is dict:
        return {name: _rebuilt(of_array, part) for name, part in x.items()}
    if issubclass(kind, ndarray):
        return of_array(x)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return kind(*(_rebuilt(of_array, part) for part in x))
    return _rebuilt_object(of_array, x) if issubclass(kind, _CHANGING) else x


# Types of constants in which nothing changes, and of those in which something may.
_FIXED = frozenset({float, int, bool, complex, str, bytes, slice, range, type(None), type, onp.float64})
_CHANGING: Any = (MutableSequence, MutableMapping, memoryview)


def is_fixed(x: Any) -> bool:
    """Say of a constant that nothing changes in it, if that is plain to see."""
    kind = type(x)
    return (
        kind in _FIXED or (kind is tuple and _FIXED.issuperset(map(type, x))) or issubclass(kind, onp.dtype)
    )


def _rebuilt_object(of_array: Callable[[ndarray], Any], x: Any) -> Any:
    """Return a copy of a list or a dict of another class, and of what it has as attributes."""
    if type(x) is memoryview:
        return onp.array(x).data
    made = copy.copy(x)
    attributes = getattr(made, "__dict__", None)
    if type(attributes) is dict:
        rebuilt = {name: _rebuilt(of_array, part) for name, part in attributes.items() if part is not x}
        attributes.update({name: made if part is x else rebuilt[name] for name, part in attributes.items()})
    return made


def copied(x: Any) -> Any:
    """Return x with copies of the arrays and lists in it, which may be changed by the caller."""
    return _rebuilt(onp.copy, x)


def _fingerprint(x: ndarray) -> tuple[bytes, bytes]:
    """Return the sums of the columns of the memory of a contiguous array, taken as rows of words.

    The words are integers, summed modulo 2⁶⁴: rounding hides no change, and NaNs are like any number.
    """
    octets = x.reshape(-1, order="A").view(onp.uint8)
    end = octets.size - octets.size % (8 * _WIDTH)
    words = octets[:end].view(onp.uint64).reshape(-1, _WIDTH)
    return onp.add.reduce(words, 0).tobytes(), octets[end:].tobytes()

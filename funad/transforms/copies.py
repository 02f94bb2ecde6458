"""Functions made once more, with other values in the place of those that they close over.

A copy has the code of the function, and cells of its own. Two are of use where a function runs again and
again:

- ``fixed(f)`` closes over what f closes over now. On the way back, f itself would read what the last round
  of a loop has left in a variable.
- ``PlainCopy(f)`` closes over plain values in the place of traced ones: it runs as fast as without traces.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from operator import is_
from types import CellType, CodeType, FunctionType
from typing import Any

import numpy as onp

from .. import tree
from ..boxes import Box, Dual, Traced
from ..cpython import done_to
from ..registry import primitive_of
from ..trace import TRACING
from ..writing import content_of, settled

__all__ = ["MISSED", "PlainCopy", "cells_of", "fixed"]

_STORE = "STORE_DEREF"
_FUNCTIONS = (FunctionType, functools.partial)
_EMPTY = object()
# Of these, only functions that hand on a function of the user's are copied.
_LIBRARIES = frozenset({"funad", "numpy", "scipy"})
_HANDING_ON = ("funad.scipy.solving", "funad.scipy.integrating", "funad.transforms")


def _copied(f: Any, change: Callable[[Any, Any, Any], Any], shared: bool, made: dict[int, Any]) -> Any:
    """Return f with ``change(f, cell, x)`` in the place of each x that it closes over.

    The functions among them are copied in the same way. ``cell`` is None for the defaults of arguments and
    for what ``functools.partial`` holds. Cells in which nothing changes are those of f if they are
    ``shared``: so f and its copy assign to the same variables.
    """
    if id(f) in made:
        return made[id(f)]
    if type(f) is functools.partial:
        given = [_changed(f, x, change, shared, made) for x in f.args]
        named = {name: _changed(f, x, change, shared, made) for name, x in f.keywords.items()}
        return functools.partial(_copied(f.func, change, shared, made), *given, **named)
    if type(f) is not FunctionType or not _may_be_copied(f):
        return f
    cells, functions = [], []
    for old in f.__closure__ or ():
        new, x = CellType(), _content(old)
        if type(x) in _FUNCTIONS:
            functions.append((new, x))
        elif x is not _EMPTY:
            new.cell_contents = y = change(f, old, x)
            new = old if shared and x is y else new
        cells.append(new)
    found = made[id(f)] = FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, tuple(cells))
    found.__dict__.update(f.__dict__)
    for cell, g in functions:  # now, as one of them may be f itself
        cell.cell_contents = _copied(g, change, shared, made)
    if f.__defaults__:
        found.__defaults__ = tuple(_changed(f, x, change, shared, made) for x in f.__defaults__)
    if f.__kwdefaults__:
        named = {name: _changed(f, x, change, shared, made) for name, x in f.__kwdefaults__.items()}
        found.__kwdefaults__ = named
    return found


def _changed(f: Any, x: Any, change: Any, shared: bool, made: Any) -> Any:
    return _copied(x, change, shared, made) if type(x) in _FUNCTIONS else change(f, None, x)


def _content(cell: CellType) -> Any:
    """Return what stands in a cell, or that nothing does yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return _EMPTY


def _may_be_copied(f: FunctionType) -> bool:
    if not (f.__closure__ or f.__defaults__ or f.__kwdefaults__):
        return False
    home = f.__module__ or ""
    if home.partition(".")[0] in _LIBRARIES:
        return home.startswith(_HANDING_ON)
    return primitive_of(f) is None


def fixed(f: Any, lists: bool = True) -> Any:
    """Return f with what it closes over now, whatever is assigned to those variables later.

    It has copies of lists and dicts, but for ``lists=False``: then it has those of f, and adds to them too.
    """

    def change(f: Any, cell: Any, x: Any) -> Any:
        if type(x) is list or type(x) is dict:
            return copy.copy(x) if lists else x
        return settled(x)

    return _copied(f, change, False, {})


def cells_of(f: Any) -> list[tuple[CellType, Any]]:
    """Return the variables that f closes over, each with what stands in it now."""
    found = [(cell, _content(cell)) for cell in getattr(f, "__closure__", None) or ()]
    return [(cell, x) for cell, x in found if x is not _EMPTY]


_NUMBERS = frozenset({float, onp.float64})
_LEAVES = _NUMBERS | {int, bool, str, type(None), onp.ndarray, Box, Dual}
MISSED = object()  # what a plain copy returns where only the function itself is right


class PlainCopy:
    """A function with plain values in the place of the traced ones that it closes over.

    Attributes
    ----------
    f : callable
        The copy, as it was made: right as long as ``holds()``.
    leaves : list
        Those traced values.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        self.leaves: list[Any] = []
        # (cell, what stands in it, the leaves of that, or None for a value or a tuple of values)
        self._known: list[tuple[Any, Any, list[Any] | None]] = []
        self._values: list[tuple[Any, Any]] = []  # (such a value, what it holds)
        self._made: list[tuple[Any, list[Any]]] = []  # (a plain container, its leaves)
        self.f = _copied(f, self._plain, True, {})

    def _plain(self, f: Any, cell: Any, x: Any) -> Any:
        leaves = _settled_leaves(x)
        if not any(isinstance(leaf, Traced) for leaf in leaves):
            return x
        if cell is not None and _assigns(f.__code__, cell, f):
            return x  # what f returns is traced then
        is_flat = _is_flat(x)
        self._known.append((cell, x, None if is_flat else leaves))
        if is_flat:
            parts = x if type(x) is tuple else (x,)
            self._values += [pair for pair in zip(parts, leaves, strict=True) if isinstance(pair[1], Traced)]
        self.leaves += [leaf for leaf in leaves if isinstance(leaf, Traced)]
        made = tree.map(_read_only, x)
        if not isinstance(x, (Traced, tuple)):
            self._made.append((made, _settled_leaves(made)))
        return made

    def _is_current(self) -> bool:
        """Say whether f still closes over the same values."""
        for value, leaf in self._values:  # no generators: this runs at each call
            if content_of(value) is not leaf:
                return False
        for cell, x, leaves in self._known:
            if cell is not None and _content(cell) is not x:
                return False
            if leaves is not None and not _are_leaves(x, leaves):
                return False
        return True

    def _is_unwritten(self) -> bool:
        """Say whether the copy has written into no container of its own."""
        return all(_are_leaves(*each) for each in self._made)

    def holds(self) -> bool:
        """Say whether the copy is f still, and has not changed what f would have changed."""
        return self._is_current() and self._is_unwritten()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return f of plain arguments, plain; or ``MISSED`` where that is found in no other way than by f."""
        before = TRACING.active, TRACING.tape
        try:
            if not self._is_current():
                return MISSED
            TRACING.active, TRACING.tape = False, None
            y = self.f(*args, **kwargs)
            if self._made and not self._is_unwritten():
                return MISSED
        except Exception:  # it comes again from f itself, if it is f's own
            return MISSED
        finally:
            TRACING.active, TRACING.tape = before
        if type(y) in _NUMBERS or (type(y) is onp.ndarray and y.flags.writeable and y.dtype.kind == "f"):
            return y
        if type(y) is list and _NUMBERS.issuperset(map(type, y)):
            return y
        leaves = tree.flatten(y)[0]
        if any(isinstance(leaf, Traced) for leaf in leaves):
            return MISSED
        return y if all(map(_is_writable, leaves)) else tree.map(onp.copy, y)


def _is_flat(x: Any) -> bool:
    """Say whether x is a value, or a tuple of values."""
    return type(x) in _LEAVES or (type(x) is tuple and all(type(part) in _LEAVES for part in x))


def _are_leaves(x: Any, leaves: list[Any]) -> bool:
    """Say whether these are still the leaves of a container."""
    now = _settled_leaves(x)
    return len(now) == len(leaves) and all(map(is_, now, leaves))


def _settled_leaves(x: Any) -> list[Any]:
    """Return the leaves of a container as they are now."""
    kind = type(x)  # by hand where that is simple: it runs at each call
    if kind is dict or kind is list or kind is tuple:
        found = list(map(settled, x.values() if kind is dict else x))
        if all(type(leaf) in _LEAVES for leaf in found):
            return found
    elif isinstance(x, Traced):
        return [settled(x)]
    return list(map(settled, tree.flatten(x)[0]))


def _read_only(x: Any) -> Any:
    """Return the plain value of a traced one; an array is not to be written to."""
    x = settled(x)
    while isinstance(x, Traced):
        x = x.primal
    if type(x) is onp.ndarray and x.flags.writeable:
        x = x.view()
        x.flags.writeable = False
    return x


def _is_writable(x: Any) -> bool:
    return type(x) is not onp.ndarray or x.flags.writeable


def _assigns(code: CodeType, cell: CellType, f: FunctionType) -> bool:
    """Say whether f assigns to the variable of a cell (``nonlocal``)."""
    names = {name for name, old in zip(code.co_freevars, f.__closure__ or (), strict=True) if old is cell}
    return bool(names & set(done_to(_STORE, code)))

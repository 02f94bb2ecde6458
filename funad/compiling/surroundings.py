"""What a recorded function reads that no argument of its program stands for: it must stay as it is.

Objects and what they hold, however deep; modules and classes of the user's; what functions read that are
reached through these. Each is compared with what it was in every call: a program is left if one is another.
"""

from __future__ import annotations

import ast
import collections
import operator
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as onp

from .. import tree
from ..boxes import Traced
from ..cpython import instructions
from ..registry import primitive_of
from .arguments import copy_of, is_input

__all__ = ["PLAIN", "Surroundings", "Variable", "is_users", "loaded", "operations"]

_OTHERS = frozenset({"numpy", "funad", "scipy", "toolz", *sys.stdlib_module_names}) - {"__main__"}
_INSTALLED = ("site-packages", "dist-packages")
PLAIN = (bool, int, str, bytes, type(None), complex)
_KEYS = (str, int, float, type(None))
_GENERATORS = (onp.random.Generator, onp.random.RandomState)
_RECORDS = (types.SimpleNamespace,)  # classes of Python's own that users keep their objects in
_SEQUENCES = (list, tuple, collections.deque)
# Methods that make an object or show it: f calls them on objects of its own, if at all.
_MAKERS = frozenset({"__init__", "__new__", "__post_init__", "__repr__", "__str__", "__init_subclass__"})
_MOST = 2000  # variables, from which comparing them takes longer than what a program saves


class Variable(NamedTuple):
    """A closed-over variable: its name, what it was, and where it is read: ``holder`` and ``place``."""

    name: str
    value: Any
    holder: Any
    place: str  # source of what is read of the holder: ".cell_contents", "['K']", "[0]"
    how: str  # "input", "equal", "same" or "content"
    was: Any = None  # a copy of it from before f ran, if it must stay as it is

    def now(self) -> Any:
        """Return what stands there now; None if nothing does."""
        try:
            if self.place.startswith("."):
                return getattr(self.holder, self.place[1:])
            return self.holder[ast.literal_eval(self.place[1:-1])]
        except (AttributeError, LookupError, ValueError):
            return None


class Surroundings:
    """Notes variables, random generators and the sizes of containers.

    ``made`` has the functions that are made once more, by id: what they read is noted elsewhere. ``names``
    are those that any code loads: of modules and classes, only these count. ``why`` says what cannot be
    compared.
    """

    def __init__(self, variables: list[Variable], generators: list[Any], made: dict[int, Any]) -> None:
        self.variables, self.generators, self.made = variables, generators, made
        self.sizes: list[tuple[str, Any, int]] = []
        self.names: set[str] = set()
        self.why = ""
        self._seen: dict[int, Any] = {}
        self._spaces: list[tuple[str, Any]] = []  # (name, module or class)
        self._done: set[tuple[int, str]] = set()

    def finish(self) -> None:
        """Look up in modules and classes what any code loads."""
        before = -1
        while before != len(self._done) + len(self.names) + len(self._spaces):
            before = len(self._done) + len(self.names) + len(self._spaces)
            for name, space in list(self._spaces):
                owner = space if isinstance(space, type) else vars(space)
                for key in sorted(self.names.intersection(vars(space))):
                    self._once(f"{name}.{key}", owner, key)
                if isinstance(space, type):
                    for key in [key for key in vars(space) if key.startswith("__") and key not in _MAKERS]:
                        part = vars(space)[key]
                        if isinstance(part, types.FunctionType):
                            self.inside(key, part)

    def _once(self, name: str, owner: Any, key: str) -> None:
        """Note what a class, or the dict of a module, has under a name."""
        if (id(owner), key) not in self._done and not self._is_full():
            self._done.add((id(owner), key))
            holder = vars(owner) if isinstance(owner, type) else owner
            self.member(name, holder[key], holder, f"[{key!r}]")

    def _is_full(self) -> bool:
        if len(self.variables) > _MOST:
            self.why = self.why or (
                f"it reads more than {_MOST} values of objects, which would be compared in every call; give "
                f"the arrays in them as arguments"
            )
        return bool(self.why)

    def member(self, name: str, x: Any, holder: Any, place: str) -> None:
        """Note a value and what is inside of it."""
        if isinstance(x, types.ModuleType) or self._is_full():
            self.inside(name, x)
        elif isinstance(x, _GENERATORS):
            self.generators.append(x)
        elif isinstance(x, (set, frozenset)):
            self.variables.append(Variable(name, x, holder, place, "content", type(x)(x)))
        elif _is_content(x):
            self.variables.append(Variable(name, x, holder, place, "content", copy_of(x)))
        else:
            self.same(name, x, holder, place)

    def same(self, name: str, x: Any, holder: Any, place: str) -> None:
        """Note a value that must be the same object, and what is inside of it."""
        self.variables.append(Variable(name, x, holder, place, "same"))
        self.inside(name, x)

    def inside(self, name: str, x: Any) -> None:
        """Note what an object, a container, a function, a module or a class holds or reads."""
        if id(x) in self._seen or self._is_full() or isinstance(x, Traced):
            return
        self._seen[id(x)] = x
        if isinstance(x, _GENERATORS):
            self.generators.append(x)
        elif isinstance(x, types.MethodType):
            self.inside(name, x.__func__)
            self.inside(name, x.__self__)
        elif isinstance(x, (staticmethod, classmethod)):
            self.inside(name, x.__func__)
        elif isinstance(x, property):
            self.inside(name, x.fget)
        elif isinstance(x, types.FunctionType):
            self._of_function(x)
        elif isinstance(x, (types.ModuleType, type)):
            if _is_space(x):
                self._spaces.append((name, x))
        elif isinstance(x, (dict, *_SEQUENCES)):
            self._of_container(name, x)
        else:
            self._of_object(name, x)

    def replace(self, instead: Callable[[Any], Any]) -> None:
        """Put something else in the place of what containers and objects hold, where it is another thing."""
        seen: set[int] = set()
        for x in self._holders():
            _replaced(x, instead, seen)

    def contents(self) -> list[tuple[Any, Any]]:
        """Return the containers and the attributes of objects, each with a copy of what is in it."""
        return [(x, dict(x) if isinstance(x, dict) else list(x)) for x in _containers(self._holders(), set())]

    def _holders(self) -> list[Any]:
        found = [*self._seen.values(), *(v.value for v in self.variables)]
        return [*found, *(vars(x) for x in found if _has_attributes(x))]

    def _of_function(self, f: types.FunctionType) -> None:
        if id(f) in self.made or not is_users(f) or _is_installed(f.__globals__):
            return
        self.names.update(loaded(f.__code__))
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            try:
                self.member(name, cell.cell_contents, cell, ".cell_contents")
            except ValueError:  # not assigned yet
                continue
        for name in dict.fromkeys(loaded(f.__code__)):
            if name in f.__globals__:
                self._once(name, f.__globals__, name)
        for n, x in enumerate(f.__defaults__ or ()):
            self.member(f"default{n}", x, f.__defaults__, f"[{n}]")
        for name, x in (f.__kwdefaults__ or {}).items():
            self.member(name, x, f.__kwdefaults__, f"[{name!r}]")

    def _of_container(self, name: str, x: Any) -> None:
        self.sizes.append((name, x, len(x)))
        self.variables.append(Variable(name, len(x), x, ".__len__()", "equal", len(x)))
        for key, part in list(x.items()) if isinstance(x, dict) else enumerate(x):
            if isinstance(key, _KEYS):
                self.member(f"{name}[{key!r}]", part, x, f"[{key!r}]")
            else:
                self.why = self.why or f"{name} has a key that is a {type(key).__name__}; give what it holds"
        if isinstance(getattr(x, "__dict__", None), dict):
            self._of_object(name, x)

    def _of_object(self, name: str, x: Any) -> None:
        users = _is_space(type(x)) or isinstance(x, _RECORDS)
        if callable(x) and not users:
            return
        if not users and hasattr(type(x), "__array__") and not isinstance(x, (onp.ndarray, onp.generic)):
            self._of_table(name, x)
            return
        if users:
            for space in type(x).__mro__:
                self.inside(space.__name__, space)
                slots = vars(space).get("__slots__", ())
                for key in (slots,) if isinstance(slots, str) else slots:
                    if hasattr(x, key) and key not in ("__dict__", "__weakref__"):
                        self.member(key, getattr(x, key), x, f".{key}")
        attributes = getattr(x, "__dict__", None)
        if type(attributes) is dict:
            for key, value in list(attributes.items()):
                if users or isinstance(value, _GENERATORS) or _is_content(value):
                    self.member(key, value, attributes, f"[{key!r}]")

    def _of_table(self, name: str, x: Any) -> None:
        """Note the numbers of what NumPy reads as an array, as a table of pandas."""
        values = onp.asarray(x)
        if is_input(values):
            self.variables.append(Variable(name, values, x, ".__array__()", "equal", values.copy()))
        else:
            self.why = self.why or (
                f"{name} is a {type(x).__name__}, which cannot be compared from call to call; give the "
                f"numbers and arrays in it"
            )


def _has_attributes(x: Any) -> bool:
    """Say whether x is an object with attributes of its own: no module, class or function."""
    others = isinstance(x, (types.ModuleType, type, types.FunctionType, types.MethodType, Traced))
    return not others and type(getattr(x, "__dict__", None)) is dict


def _containers(xs: Any, seen: set[int]) -> Iterator[Any]:
    """Iterate over the lists and dicts among these values, and inside of those."""
    for x in xs:
        if issubclass(type(x), (list, dict)) and id(x) not in seen:
            seen.add(id(x))
            yield x
        elif not issubclass(type(x), tuple):
            continue
        yield from _containers(list(x.values()) if isinstance(x, dict) else list(x), seen)


def _parts(x: Any) -> list[Any]:
    """Return which objects a container holds, and under which keys."""
    return [(key, id(part)) for key, part in x.items()] if isinstance(x, dict) else list(map(id, x))


def put_back(contents: list[tuple[Any, Any]]) -> None:
    """Have containers hold again what they held; those that still do are left alone."""
    for x, before in contents:
        if _parts(x) == _parts(before):
            continue
        if isinstance(x, dict):
            dict.clear(x)
            dict.update(x, before)
        else:
            list.__setitem__(x, slice(None), before)


def _replaced(x: Any, instead: Callable[[Any], Any], seen: set[int]) -> Any:
    """Return what is to stand in the place of x: of a list or a dict itself, with other things in it."""
    if issubclass(type(x), (list, dict)) and id(x) not in seen:
        seen.add(id(x))
        for key, part in list(x.items() if isinstance(x, dict) else enumerate(x)):
            found = _replaced(part, instead, seen)
            if found is not part:
                x[key] = found
    elif issubclass(type(x), tuple):
        parts = [_replaced(part, instead, seen) for part in x]
        if any(map(operator.is_not, parts, x)):
            return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    return instead(x)


def _is_content(x: Any) -> bool:
    """Say whether a value is made of numbers, arrays and text, which are compared."""
    if isinstance(x, (list, tuple, dict)) and type(x) not in (list, tuple, dict):
        return False
    leaves = tree.flatten(x)[0]
    return all(is_input(leaf) or isinstance(leaf, PLAIN) for leaf in leaves)


def _is_space(x: Any) -> bool:
    """Say whether a module or a class is the user's."""
    name = x.__name__ if isinstance(x, types.ModuleType) else x.__module__
    if str(name).partition(".")[0] in _OTHERS:
        return False
    home = x if isinstance(x, types.ModuleType) else sys.modules.get(name)
    return not _is_installed(getattr(home, "__dict__", {}))


def _is_installed(names: dict[str, Any]) -> bool:
    """Say whether a module is that of an installed library, whose own names stay as they are."""
    return any(folder in str(names.get("__file__") or "") for folder in _INSTALLED)


def is_users(f: Any) -> bool:
    """Say whether this is a function, neither funad's nor of a library whose code asks for no symbols."""
    if type(f) is not types.FunctionType:
        return False
    home = f.__globals__.get("__name__") or ""
    return home.partition(".")[0] not in _OTHERS and primitive_of(f) is None


def loaded(code: types.CodeType) -> Iterator[str]:
    """Iterate over the names that a code loads, as globals or as attributes, and those inside of it."""
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from loaded(part)


def operations(code: types.CodeType) -> Iterator[tuple[str, Any]]:
    """Iterate over (operation, name) of a code and of those inside of it."""
    yield from instructions(code)
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from operations(part)

"""What a function closes over, as further arguments of its program.

A function is made once more, with the same code, in which closed-over floats and arrays are symbols. So what
it computes of them alone, ``K * K`` of a closed-over K, is a part of the program and sees what K is in each
call. Functions of the same user that it calls are made once more too.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from .. import tree
from .arguments import STATIC, changed, copy_of, is_input
from .surroundings import PLAIN, Surroundings, Variable, is_users, loaded, operations

__all__ = ["Closure", "Variable"]

_STORES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})


class Closure:
    """The variables that a function and those it calls read, and the function made of symbols.

    ``lift`` makes symbols of a value and is called once per variable; ``why`` says why the function cannot be
    made once more, if so; ``generators`` are the random generators that it may draw from.
    """

    def __init__(self, f: Any, lift: Callable[[str, Any], Any]) -> None:
        self.lift = lift
        self.variables: list[Variable] = []
        self.lifted: list[tuple[str, Any, Any]] = []  # (name, container that was made, its structure)
        self.generators: list[Any] = []
        self.why = ""
        self._made: dict[int, Any] = {}
        self._around = Surroundings(self.variables, self.generators, self._made)
        self._globals: dict[int, tuple[Any, dict[str, Any]]] = {}
        self._kept: list[Any] = []
        self.function = self.once_more(f)
        self._around.finish()
        self.why = self.why or self._around.why

    def once_more(self, f: Any) -> Any:
        """Return a callable with symbols in the place of what it closes over."""
        if id(f) in self._made:
            return self._made[id(f)]
        self._kept.append(f)
        if type(f) is types.FunctionType:
            return self._of_function(f) if is_users(f) else f
        if type(f) is types.MethodType:
            made = types.MethodType(self.once_more(f.__func__), f.__self__)
            self._around.inside(type(f.__self__).__name__, f.__self__)
            return made
        if type(f) is functools.partial:
            given = [self._value(f"{_name(f.func)}_{n}", x, f.args, f"[{n}]") for n, x in enumerate(f.args)]
            named = {k: self._value(k, x, f.keywords, f"[{k!r}]") for k, x in f.keywords.items()}
            return functools.partial(self.once_more(f.func), *given, **named)
        if hasattr(f, "_run") and hasattr(f, "__wrapped__"):  # a derivative
            made = object.__new__(type(f))
            made.__dict__.update(f.__dict__)
            self._made[id(f)] = made
            made.__wrapped__ = self.once_more(f.__wrapped__)
            made._options = tuple(self.once_more(x) if callable(x) else x for x in f._options)
            return made
        call = vars(type(f)).get("__call__")
        if is_users(call):
            made = types.MethodType(self.once_more(call), f)
            self._around.inside(_name(f), f)
            return made
        return f

    def _of_function(self, f: types.FunctionType) -> Any:
        code = f.__code__
        self._around.names.update(loaded(code))
        stored = [name for op, name in operations(code) if op in _STORES]
        if stored:
            self.why = self.why or f"{_name(f)} assigns to the global variable {stored[0]}"
        written = {name for op, name in operations(code) if op == "STORE_DEREF"} & set(code.co_freevars)
        if written:
            self.why = self.why or f"{_name(f)} assigns to the variable {min(written)} of another function"
        cells = tuple(types.CellType() for _ in code.co_freevars)
        names = self._globals_of(f)
        made = types.FunctionType(code, names, f.__name__, f.__defaults__, cells)
        made.__kwdefaults__, made.__qualname__, made.__module__ = (
            f.__kwdefaults__,
            f.__qualname__,
            f.__module__,
        )
        made.__dict__.update(f.__dict__)
        self._made[id(f)] = made
        for name, cell, old in zip(code.co_freevars, cells, f.__closure__ or (), strict=True):
            try:
                value = old.cell_contents
            except ValueError:  # not assigned yet
                continue
            cell.cell_contents = self._value(name, value, old, ".cell_contents")
        read = dict.fromkeys(name for op, name in operations(code) if op in ("LOAD_GLOBAL", "LOAD_NAME"))
        for name in read:
            if name in f.__globals__ and name not in self._done(f):
                self._done(f).add(name)
                names[name] = self._value(name, f.__globals__[name], f.__globals__, f"[{name!r}]")
        if f.__defaults__:
            made.__defaults__ = tuple(
                self._value(f"default{n}", x, f.__defaults__, f"[{n}]") for n, x in enumerate(f.__defaults__)
            )
        return made

    def _globals_of(self, f: types.FunctionType) -> dict[str, Any]:
        known = self._globals.get(id(f.__globals__))
        if known is None:
            known = self._globals[id(f.__globals__)] = (set(), dict(f.__globals__))
        return known[1]

    def _done(self, f: types.FunctionType) -> set[str]:
        found: set[str] = self._globals[id(f.__globals__)][0]
        return found

    def _value(self, name: str, x: Any, holder: Any, place: str) -> Any:
        """Return what stands for a closed-over value, and note how the program depends on it."""
        if isinstance(x, types.ModuleType):
            self._around.inside(name, x)
            return x
        if type(x) in (list, tuple, dict) or is_input(x):
            leaves, structure = tree.flatten(x)
            if any(map(is_input, leaves)):
                if not all(is_input(leaf) or isinstance(leaf, STATIC) or callable(leaf) for leaf in leaves):
                    self.why = self.why or f"{name} has other things in it than numbers, arrays and text"
                    return x
                self.variables.append(Variable(name, x, holder, place, "input"))
                for leaf in leaves:
                    self._around.inside(name, leaf)
                made = self.lift(name, x)
                if not tree.is_leaf(made):
                    self.lifted.append((name, made, structure))
                return made
            return self._constant(name, x, holder, place)
        if callable(x) and not _is_model(x):
            made = self.once_more(x)
            self._around.same(name, x, holder, place)
            return made
        return self._constant(name, x, holder, place)

    def _constant(self, name: str, x: Any, holder: Any, place: str) -> Any:
        if isinstance(x, PLAIN) or (type(x) in (list, tuple, dict) and _is_simple(x)):
            self.variables.append(Variable(name, x, holder, place, "equal", copy_of(x)))
        else:
            self._around.member(name, x, holder, place)
        return x

    def changed_copies(self) -> str:
        """Return the name of a closed-over container, of which f has changed a copy, if there is one."""
        return next((name for name, made, was in self.lifted if tree.flatten(made)[1] != was), "")

    def replace(self, instead: Callable[[Any], Any]) -> None:
        """Put something else in the place of what the containers and objects that f knows hold."""
        self._around.replace(instead)

    def contents(self) -> list[tuple[Any, Any]]:
        """Return what the containers and objects that f knows hold, for ``put_back``."""
        return self._around.contents()

    def changed(self) -> str:
        """Return the name of a closed-over variable that f has changed, if there is one."""
        for v in self.variables:
            if v.how in ("equal", "content") and (v.value is not v.was and changed(v.value, v.was)):
                return v.name
            if v.how in ("same", "content") and v.now() is not v.value:
                return v.name
        return next((name for name, x, size in self._around.sizes if len(x) != size), "")


def _is_model(x: Any) -> bool:
    """Say whether a callable is an object of a user's class: f may ask for its attributes, too."""
    return is_users(vars(type(x)).get("__call__")) and not hasattr(x, "_run")


def _name(f: Any) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _is_simple(x: Any) -> bool:
    return all(isinstance(leaf, PLAIN) for leaf in tree.flatten(x)[0])

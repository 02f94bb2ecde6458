"""The arguments of a program: which are inputs, which are static, and the source that tests them."""

from __future__ import annotations

import enum
import types
from typing import Any

import numpy as onp

from .. import tree
from .program import Node

__all__ = ["STATIC", "Prologue", "Unfit", "changed", "copy_of", "is_input", "kind_of_leaf"]

ndarray = onp.ndarray
# What a program may depend on by being equal to what it was recorded with.
STATIC = (
    bool, int, str, bytes, type(None), type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType,
    types.MethodType, onp.ufunc, onp.dtype, enum.Enum, range, type(Ellipsis), frozenset,
)  # fmt: skip


class Unfit(Exception):
    """An argument that no program can depend on: the function runs in eager."""


def is_input(x: Any) -> bool:
    """Say whether a leaf is an input of a program: a float, a complex number, a NumPy number or an array."""
    kind = type(x)
    if kind is ndarray:
        return bool(x.dtype.kind in "fciub")
    return kind is float or kind is complex or (isinstance(x, onp.generic) and x.dtype.kind in "fciub")


def kind_of_leaf(x: Any, static: bool = False) -> Any:
    """Return what two leaves have in common that are the same to a program."""
    kind = type(x)
    if static:
        return kind, _static_key(x)
    if kind is ndarray and x.dtype.kind in "fciub":
        return kind, x.shape, x.dtype
    if is_input(x):
        return kind
    if isinstance(x, STATIC) or callable(x):
        return kind, _hashable(x)
    raise Unfit(
        f"an argument is a {kind.__name__}, which is neither a number nor an array and may change; give the "
        f"numbers and arrays in it, or name it in static"
    )


def _hashable(x: Any) -> Any:
    try:
        hash(x)
    except TypeError:
        raise Unfit(f"an argument is a {type(x).__name__}, which cannot be told from another") from None
    return x


def _static_key(x: Any) -> Any:
    if type(x) is ndarray:
        return x.shape, x.dtype, x.tobytes()
    return _hashable(x)


class Prologue:
    """Writes what a program does first: test the kinds of its arguments, and name their leaves.

    ``nodes`` has the input node of each leaf that is one; ``place`` counts the leaves.
    """

    def __init__(self, emitter: Any, nodes: dict[int, Node], static: frozenset[int] = frozenset()) -> None:
        self.emitter, self.nodes, self.static = emitter, nodes, static
        self.place = 0
        self.statements: list[tuple[bool, str]] = []  # (whether it is a condition to miss, source)

    def miss(self, condition: str) -> None:
        """Say when the arguments are of another kind."""
        self.statements.append((True, condition))

    def argument(self, x: Any, text: str) -> None:
        """Take an argument, a leaf or a container, that is written like this."""
        if tree.is_leaf(x):
            self._leaf(x, text)
            return
        kind, e = type(x), self.emitter
        if kind is dict:
            keys = e.constant(dict.fromkeys(x).keys(), "keys")
            self.miss(f"type({text}) is not dict or {text}.keys() != {keys}")
            parts = [(f"{text}[{e.text(key)}]", part) for key, part in x.items()]
        elif kind is list or kind is tuple:
            self.miss(f"type({text}) is not {kind.__name__} or len({text}) != {len(x)}")
            parts = [(f"{text}[{n}]", part) for n, part in enumerate(x)]
        else:
            leaves, structure = tree.flatten(x)
            given, found = e.fresh("leaves"), e.constant(structure, "structure")
            self.statements.append((False, f"{given} = {e.helper(leaves_of, 'leaves_of')}({text}, {found})"))
            self.miss(f"{given} is None")
            parts = [(f"{given}[{n}]", part) for n, part in enumerate(leaves)]
        for where, part in parts:
            self.argument(part, where)

    def variable(self, x: Any, text: str, how: str, was: Any) -> None:
        """Take a closed-over variable, which is to be equal, the same, or unchanged."""
        e = self.emitter
        if how == "same":
            self.miss(f"{text} is not {e.constant(x, 'f')}")
        elif type(was) in (bool, int, str, type(None)):
            self.miss(_is_other(was, text, e))
        else:
            self.miss(f"{e.helper(changed, 'changed')}({text}, {e.constant(was, 'was')})")

    def _leaf(self, x: Any, text: str) -> None:
        node = self.nodes.get(self.place)
        self.place += 1
        if node is None:
            self.miss(_is_other(x, text, self.emitter))
            return
        name = self.emitter.names[node]
        if name != text:
            self.statements.append((False, f"{name} = {text}"))
        self.miss(_is_other_array(node, name, self.emitter))

    def lines(self) -> list[str]:
        """Return the source."""
        lines: list[str] = []
        for n, (is_condition, text) in enumerate(self.statements):
            if not is_condition:
                lines.append(text)
            elif n and self.statements[n - 1][0]:
                lines[-2] = lines[-2].removesuffix("):")
                lines[-1:] = [f"        or {text}):", lines[-1]]
            else:
                lines += [f"if ({text}):", "    return MISSED"]
        return lines


def copy_of(x: Any) -> Any:
    """Return numbers, or containers of numbers and arrays, as they are now."""
    return tree.map(lambda leaf: leaf.copy() if type(leaf) is ndarray else leaf, x)


def changed(x: Any, was: Any) -> bool:
    """Say whether numbers or arrays, in containers too, are others than they were."""
    if tree.is_leaf(was):
        return _differ(x, was) if type(was) is ndarray else type(x) is not type(was) or x != was
    leaves, structure = tree.flatten(x)
    old, known = tree.flatten(was)
    return structure != known or any(map(changed, leaves, old))


def leaves_of(x: Any, structure: Any) -> Any:
    """Return the leaves of a container, or None if it is of another structure."""
    leaves, found = tree.flatten(x)
    return leaves if found == structure else None


def _is_other(x: Any, text: str, emitter: Any) -> str:
    if x is None or x is True or x is False or x is Ellipsis:
        return f"{text} is not {x!r}"
    if type(x) in (int, str):
        return f"type({text}) is not {type(x).__name__} or {text} != {x!r}"
    if type(x) is ndarray:
        return f"{emitter.helper(_differ, 'differ')}({text}, {emitter.constant(x.copy(), 'static')})"
    kind, value = emitter.constant(type(x), type(x).__name__), emitter.constant(x, "static")
    return f"type({text}) is not {kind} or {text} != {value}"


def _differ(x: Any, y: Any) -> bool:
    return type(x) is not ndarray or x.shape != y.shape or x.dtype != y.dtype or x.tobytes() != y.tobytes()


def _is_other_array(node: Node, name: str, emitter: Any) -> str:
    """Return the test of an input: of its class, and of an array its shape and dtype."""
    if node.type is ndarray:
        array = emitter.helper(ndarray, "ndarray")
        dtype = emitter.constant(node.dtype, node.dtype.name, ("dtype", node.dtype))
        return (
            f"type({name}) is not {array} or {name}.shape != {node.shape!r}"
            f" or {name}.dtype is not {dtype} and {name}.dtype != {dtype}"
        )
    return f"type({name}) is not {emitter.constant(node.type, node.type.__name__)}"

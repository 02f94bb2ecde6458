"""Several programs of one function as one: what they have in common is written once, up to where they part.

Programs of one kind of arguments differ from the question on to which they take different answers. Their
sources begin alike, so the tree is one of lines: at the question there is a branch in the place of a miss.
"""

from __future__ import annotations

import re
from types import BuiltinMethodType
from typing import Any

import numpy as onp

__all__ = ["tree_of"]

ndarray = onp.ndarray
_MISS = "    return MISSED"


def tree_of(
    sources: list[list[str]], constants: list[dict[str, Any]]
) -> tuple[list[str], dict[str, Any]] | None:
    """Return the lines and the constants of a tree of programs; None if they do not begin alike.

    Each source is the lines of a body. Before program k returns, the tree writes down ``ran[0] = k``.
    """
    known: dict[str, Any] = {}
    bodies = []
    for k, (lines, values) in enumerate(zip(sources, constants, strict=True)):
        others = [name for name, x in values.items() if name in known and not _is_same(known[name], x)]
        for name in others:
            lines = [re.sub(rf"\b{re.escape(name)}\b", f"{name}_{k}", line) for line in lines]
        known.update({f"{name}_{k}" if name in others else name: x for name, x in values.items()})
        bodies.append([*lines[:-1], f"ran[0] = {k}", lines[-1]])
    found = _merged(bodies)
    return None if found is None else (found, known)


def _is_same(a: Any, b: Any) -> bool:
    """Say whether a name may stand for either of two constants."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if type(a) is BuiltinMethodType:  # a method of a ufunc is another object each time
        return bool(a == b)
    if type(a) is ndarray:
        return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())
    return bool(isinstance(a, (int, float, str, onp.dtype, onp.generic)) and repr(a) == repr(b))


def _code(line: str) -> str:
    return line.partition("  # ")[0]


def _merged(bodies: list[list[str]]) -> list[str] | None:
    """Return the lines of a tree of bodies."""
    if len(bodies) == 1:
        return bodies[0]
    n = 0
    first = bodies[0]
    while all(len(body) > n and _code(body[n]) == _code(first[n]) for body in bodies):
        n += 1
    if not all(_is_question(body, n) for body in bodies):
        return None
    ways: dict[str, list[list[str]]] = {}
    for body in bodies:
        ways.setdefault(_code(body[n]), []).append(body[n + 2 :])
    conditions = list(ways)
    if len({_asked(condition) for condition in conditions}) != 1:
        return None
    lines = first[:n]
    for condition in conditions[:-1]:
        rest = _merged(ways[condition])
        if rest is None:
            return None
        lines += [_opposite(condition), *(f"    {line}" for line in rest)]
    rest = _merged(ways[conditions[-1]])
    return None if rest is None else [*lines, conditions[-1], _MISS, *rest]


def _is_question(body: list[str], n: int) -> bool:
    return len(body) > n + 1 and body[n].startswith("if ") and body[n + 1] == _MISS


def _asked(condition: str) -> str:
    """Return of which value a condition asks."""
    words = condition.removeprefix("if ").removeprefix("not ").rstrip(":")
    return words.partition(" != ")[0]


def _opposite(condition: str) -> str:
    """Return the condition under which a program goes on that another leaves."""
    words = condition.removeprefix("if ").rstrip(":")
    if words.startswith("not "):
        return f"if {words.removeprefix('not ')}:"
    if words.isidentifier():
        return f"if not {words}:"
    return f"if not ({words}):"

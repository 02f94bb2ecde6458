"""The recorder: a trace that keeps every value of a computation, for people to look at.

It is one more interpreter of primitives, beside the tape and the dual numbers. It is slower than
the tape and lets go of nothing: each call becomes a node that knows its arguments, its value and
the user's line. The pictures of ``funad.graph`` and the search of ``debug_nans`` read the nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as onp

from ..boxes import Dual, Traced
from ..cpython import above, frame_at, is_of_funad, line_in, names_in
from ..fast import TANGENTS
from ..registry import Primitive
from ..spaces import is_inexact, is_of_kink
from ..trace import Trace, next_level
from ..tracing import find_line, run, sweep
from ..writing import snapshot
from . import reverse
from .forward import dual
from .reverse import CONSTANT

_SWEEP = sweep.__code__
_TANGENTS = {f.__code__ for f in TANGENTS}
_RUN = run.__code__


class Node:
    """One value of a computation: an input, or what a call has returned."""

    __slots__ = ("args", "index", "inside", "kwargs", "line", "part", "prim", "sources", "value")

    def __init__(
        self, index: int, value: Any, prim: Primitive | None = None, args: Any = (), kwargs: Any = None,
        sources: Any = (), part: int | None = None,
    ) -> None:  # fmt: skip
        self.index = index  # its place in the order in which things ran
        self.value = value  # as it came, of outer traces perhaps
        self.prim = prim  # None for an input and for one of several results
        self.args, self.kwargs = args, kwargs or {}
        self.sources = sources  # pairs (argument, node), or (argument, nodes and None) for a list of arrays
        self.part = part  # which of the results of its source it is, where those are several
        # The user's line that made the call, and the rule that did, if one did.
        self.line, self.inside = _context() if prim is not None else ("", None)

    def __repr__(self) -> str:
        return f"<node {self.index}>"

    def parents(self) -> Iterator[tuple[Any, Node]]:
        """Iterate over the nodes that it was computed from, as pairs (argument, node)."""
        for argnum, source in self.sources:
            for parent in source if issubclass(type(source), tuple) else (source,):
                if parent is not None:
                    yield argnum, parent


class Recorder(Trace):
    """One trace that keeps everything. Its traced values are dual numbers with a node for ε."""

    __slots__ = ("level", "nodes")

    def __init__(self) -> None:
        self.level = next_level()
        self.nodes: list[Node] = []

    def input(self, x: Any) -> Dual:
        """Return an input as a traced value."""
        return self._add(snapshot(x))

    def process(self, prim: Primitive, y: Any, args: Any, kwargs: Any, sources: Any) -> Any:
        """Note a call and return its result traced, or its several results."""
        found = tuple((argnum, _nodes(source)) for argnum, source in sources)
        made = self._add(y, prim, args, kwargs, found)
        if not issubclass(type(y), (tuple, list)):
            return made
        parts = [
            self._add(part, sources=((None, made.tangent),), part=k) if is_inexact(part) else part
            for k, part in enumerate(y)
        ]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)

    def _add(self, value: Any, *call: Any, **more: Any) -> Dual:
        node = Node(len(self.nodes), value, *call, **more)
        self.nodes.append(node)
        return dual(self, value, node)

    def node_of(self, x: Any) -> Node | None:
        """Return the node of a traced value, under inner traces too, or None for anything else."""
        while isinstance(x, Traced):
            if type(x) is Dual and x.tape is self:
                return x.tangent  # type: ignore[no-any-return]
            x = x.primal
        return None

    def leave(self, x: Any) -> Any:
        """Return x as it is outside of this trace."""
        return x.primal if type(x) is Dual and x.tape is self else x


def _nodes(source: Any) -> Any:
    if type(source) is tuple:
        return tuple(None if part is CONSTANT else part.tangent for part in source)
    return source.tangent


def can_record(x: Any) -> bool:
    """Say whether a leaf is a float, a complex number, an array of them, or traced."""
    return issubclass(type(x), (Traced, float, complex)) or getattr(x, "dtype", onp.dtype(int)).kind in "fc"


def is_finite(x: Any) -> bool:
    """Say whether x has neither infinities nor NaNs, in its tangents and parts neither."""
    while isinstance(x, Traced):
        tangent = x.tangent if type(x) is Dual and not is_of_kink(x) else None
        if not isinstance(tangent, Node) and not is_finite(tangent):
            return False
        x = x.primal
    if issubclass(type(x), (tuple, list)):
        return all(map(is_finite, x))
    return not can_record(x) or bool(onp.all(onp.isfinite(x)))


def _context() -> tuple[str, dict[str, Any] | None]:
    """Return the user's line that runs now, and the rule that does, as it can be told apart.

    Of a rule on the way back these are ``record``, ``argnum``, ``y`` and ``args`` of the call that it
    belongs to, and what finds the line of that call; on the way forward, ``record`` and ``y`` alone.
    """
    line, rule = "", None
    inside: dict[str, Any] | None = None
    for frame in above(frame_at(3)):
        code = frame.f_code
        if not line and not is_of_funad(frame):
            line = line_in(frame, frame.f_lineno)
        if code is _RUN and inside is None:
            inside = {}  # what f does, though it may be run by a rule, as a checkpoint's
        elif code is reverse.backward_pass.__code__ and inside is None:
            inside = _call_of(frame, rule)
        elif code is _SWEEP and inside and "position" in inside:
            inside.update((name, names_in(frame)[name]) for name in ("f", "xs"))
            break
        elif code in _TANGENTS and inside != {} and "y" in names_in(frame):
            inside = {name: names_in(frame)[name] for name in ("prim", "y")}
            if line:
                break
        rule = frame
    return line, inside or None


def _call_of(frame: Any, rule: Any) -> dict[str, Any]:
    """Return what the loop of the way back is at: the call, and the argument that a rule is run for."""
    names = names_in(frame)
    prim, a, b = names["prim"], names["a"], names["b"]
    called = a if names["source_a"] is None else (a,) if names["source_b"] is None else (a, b)
    argnum = names_in(rule).get("argnum") if rule is not None else None
    if argnum is None and rule is not None:
        codes = {n: getattr(f, "__code__", None) for n, f in prim.rules.items()}
        argnum = next((n for n, code in codes.items() if code is rule.f_code), None)
    position = len(names["entries"])
    return {"prim": prim, "argnum": argnum, "y": names["y"], "args": called, "position": position}


def line_of(inside: dict[str, Any]) -> str:
    """Return the user's line that made the call to which a rule on the way back belongs."""
    return find_line(inside["f"], inside["xs"], inside["position"]) if "f" in inside else ""

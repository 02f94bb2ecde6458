"""What is to be shown of a graph, in words: one vertex per value, one edge per use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as onp

from ..spaces import describe, is_inexact
from ..traces.program import Node
from ..values import constant
from ..writing import ASSIGN

__all__ = ["Drawing", "Vertex"]

WIDEST = 36  # characters of a value


@dataclass
class Vertex:
    """One value: what is written into its box.

    ``kind`` is input, operation, output or constant; ``uses`` counts the arguments that it is.
    """

    name: str
    kind: str
    operation: str
    inputs: str = ""
    value: Any = None
    cotangent: Any = None
    uses: int = 0
    outputs: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        if self.kind in ("input", "constant"):
            return self.name
        return f"{self.name} = {self.operation}({self.inputs})"

    def lines(self, cotangents: bool) -> Iterator[tuple[str, str]]:
        """Iterate over what stands in the box, as pairs (role, text)."""
        yield "title", self.title
        if self.kind == "constant":
            return
        if not isinstance(self.value, (tuple, list)) and onp.shape(self.value):
            yield "type", describe(self.value)
        yield "value", short(self.value)
        if cotangents:
            yield "cotangent", f"cotangent {'none' if self.cotangent is None else short(self.cotangent)}"
        if self.uses > 1:
            yield "uses", f"used {self.uses} times"
        if self.outputs:
            yield "outputs", ", ".join(self.outputs)


class Drawing:
    """The vertices and the edges of a graph."""

    def __init__(
        self, name: str, nodes: Sequence[Node], names: dict[int, str], constants: dict[int, str],
        outputs: Sequence[tuple[str, Node | None]], cotangents: Sequence[Any] | None,
    ) -> None:  # fmt: skip
        self.name, self.has_cotangents = name, cotangents is not None
        self.vertices: list[Vertex] = []  # the constants too, before what uses them
        self.edges: list[tuple[int, int]] = []  # from, to: in the order of the arguments
        self._places: dict[int, int] = {}  # of nodes
        self._constants, self._drawn = constants, dict[int, int]()
        count = 0
        for node in nodes:
            cotangent = None if cotangents is None else _known(cotangents[node.index])
            vertex = Vertex("", "input", "input", value=plain_of(node.value), cotangent=cotangent)
            if node.index in names:
                vertex.name = names[node.index]
                place = self._add(vertex)
            else:
                vertex.name, count = f"%{count}", count + 1
                sources = self._describe(vertex, node)
                place = self._add(vertex)
                self.edges += [(source, place) for source in sources]
            self._places[node.index] = place
        for source, _ in self.edges:
            self.vertices[source].uses += 1
        self.results: list[tuple[str, str | None]] = []  # None for a constant
        for path, end in outputs:
            self.results.append((path, None if end is None else self._mark(path, end)))

    def _mark(self, path: str, node: Node) -> str:
        """Mark what is returned, and return its name."""
        vertex = self.vertices[self._places[node.index]]
        vertex.outputs.append(path)
        vertex.kind = "output" if vertex.kind == "operation" else vertex.kind
        return vertex.name

    def _add(self, vertex: Vertex) -> int:
        self.vertices.append(vertex)
        return len(self.vertices) - 1

    def _describe(self, vertex: Vertex, node: Node) -> list[int]:
        """Say what a call is, and return the places of what it was computed from."""
        vertex.kind = "operation"
        if node.prim is None:  # one of several results
            ((_, parent),) = node.sources
            vertex.operation = f"result {node.part}"
            vertex.inputs = self.vertices[self._places[parent.index]].name
            return [self._places[parent.index]]
        vertex.operation = _operation(node.prim.name)
        sources: list[int] = []
        traced = dict(node.sources)
        if vertex.operation == "indexing" and type(node.args[1]) is tuple:
            x, index = node.args
            words = [self._word(part, traced.get(n), sources, "") for n, part in enumerate((x, *index))]
        elif node.prim is ASSIGN:
            pair, path, index = node.args
            words = [self._word(pair, traced.get(0), sources, "arrays"), f"at {_at([*path, index])}"]
        else:
            drawn = "numbers and arrays" if node.prim.kind == "elementwise" else "arrays"
            words = [self._word(x, traced.get(n), sources, drawn) for n, x in enumerate(node.args)]
        words += [f"{k}={self._word(x, traced.get(k), sources, '')}" for k, x in node.kwargs.items()]
        vertex.inputs = ", ".join(words)
        return sources

    def _word(self, x: Any, source: Any, sources: list[int], drawn: str) -> str:
        """Return an argument in a word; add the places of the values in it to ``sources``.

        ``drawn`` says which constants are values with a place of their own.
        """
        if isinstance(source, Node):
            sources.append(self._places[source.index])
            return self.vertices[sources[-1]].name
        if isinstance(source, tuple):
            words = [self._word(part, s, sources, drawn) for part, s in zip(x, source, strict=True)]
            return f"[{', '.join(words)}]"
        x = plain_of(x)
        name = self._constants.get(id(x)) or _constant(x)
        if (onp.ndim(x) and "arrays" in drawn) if isinstance(x, onp.ndarray) else (
            "numbers" in drawn and isinstance(x, (int, float, complex, onp.generic))
        ):  # fmt: skip
            sources.append(self._constant_place(name, x))
        return name

    def _constant_place(self, name: str, x: Any) -> int:
        """Return the place of a constant: of an array the same one each time, of a number a new one."""
        if not onp.ndim(x):
            return self._add(Vertex(name, "constant", "constant", value=x))
        if id(x) not in self._drawn:
            self._drawn[id(x)] = self._add(Vertex(name, "constant", "constant", value=x))
        return self._drawn[id(x)]


def _known(cotangent: Any) -> Any:
    """Return a cotangent as it is shown; that of several results stands with each of them."""
    return None if type(cotangent) is dict else plain_of(cotangent)


def plain_of(x: Any) -> Any:
    """Return x, a tuple or list perhaps, without traced values."""
    return type(x)(map(plain_of, x)) if type(x) in (tuple, list) else constant(x)


def _operation(name: str) -> str:
    """Return ``matmul`` for ``numpy.matmul``, ``linalg.solve`` for ``numpy.linalg.solve``."""
    return name.removeprefix("numpy.") if name.startswith("numpy.") else name.rpartition(".")[2]


def _at(steps: Sequence[Any]) -> str:
    """Return an index of a view as it is written: ``[1:][0, 2]``."""
    parts = [step if type(step) is tuple else (step,) for step in steps]
    return "".join(f"[{', '.join(map(_constant, part))}]" for part in parts)


def _constant(x: Any) -> str:
    """Return a constant in a word: as it is written if that is short, else its type."""
    if isinstance(x, onp.ndarray) and x.ndim:
        return describe(x)
    if isinstance(x, slice):
        ends = ["" if part is None else str(part) for part in (x.start, x.stop, x.step)]
        return ":".join(ends if x.step is not None else ends[:2])
    if isinstance(x, (float, complex, onp.inexact)):
        return _number(onp.asarray(x)[()])
    return clipped("..." if x is Ellipsis else str(x))


def short(x: Any) -> str:
    """Return a value in one line."""
    if isinstance(x, (tuple, list)):
        return counted(sum(map(is_inexact, x)), "result")
    x = onp.asarray(x)
    if not x.ndim:
        return _number(x[()])
    text = onp.array2string(
        x, precision=4, threshold=8, edgeitems=2, separator=", ", max_line_width=10**6,
        formatter={"float_kind": lambda a: _number(a, 4), "complex_kind": lambda a: _number(a, 4)},
    )  # fmt: skip
    return clipped(" ".join(text.split()))


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _number(a: Any, digits: int = 6) -> str:
    """Return a number with so many digits that count: 6.0, 0.841471, 1e-09."""
    if getattr(a, "dtype", None) is not None and a.dtype.kind == "c":
        return f"{_number(float(a.real), digits)}{'+' if a.imag >= 0 or a.imag != a.imag else ''}" + (
            f"{_number(float(a.imag), digits)}j"
        )
    return repr(float(f"{a:.{digits}g}")) if isinstance(a, (float, onp.floating)) else clipped(str(a))


def clipped(text: str) -> str:
    """Return a text that is not too wide."""
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"

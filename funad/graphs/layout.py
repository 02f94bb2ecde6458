"""Where things stand in a picture: layers from top to bottom, few crossings, short edges.

The way of Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
structures", 1981: give every vertex a layer, order the layers by the means of their neighbours,
then find the positions that are as close to the neighbours' as the widths allow.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .drawing import Drawing, Vertex

__all__ = ["Box", "Curve", "Layout"]

# In points, 1/72 of an inch.
SIZE, SMALL, LINE = 10.0, 8.0, 13.5  # of letters, of those of constants, from line to line
WIDTH_OF_LETTER = 0.602  # of DejaVu Sans Mono and other monospaced letters, by their size
PADDING, GAP, FALL, MARGIN = 7.0, 18.0, 34.0, 12.0


@dataclass(eq=False)
class Box:
    """A vertex and where it stands; without a vertex, where an edge goes through a layer."""

    width: float
    height: float
    vertex: Vertex | None = None
    lines: list[tuple[str, str]] = field(default_factory=list)
    layer: int = 0
    place: float = 0.0  # in its layer
    x: float = 0.0  # of the middle
    y: float = 0.0  # of the upper side
    above: list[Link] = field(default_factory=list)
    below: list[Link] = field(default_factory=list)

    @property
    def pull(self) -> float:
        """How much its neighbours want to be near: a chain of operations is to be straight."""
        if self.vertex is None:
            return 2.0
        return 0.15 if self.vertex.kind in ("input", "constant") else 1.0

    @property
    def inset(self) -> float:
        """From the upper side of the box to its first line of text."""
        return 0.0 if self.vertex is not None and self.vertex.kind == "constant" else PADDING / 2


@dataclass(eq=False)
class Link:
    """A piece of an edge, from one layer to the next, and where it enters: from -1 to 1."""

    upper: Box
    lower: Box
    port: float

    @property
    def place(self) -> float:
        return self.lower.place + 0.4 * self.port

    @property
    def offset(self) -> float:
        """From the middle of the lower box to where the edge enters."""
        return self.port * self.lower.width * 0.35


# The points that an edge goes through, from top to bottom.
Curve = list[tuple[float, float]]


class Layout:
    """The boxes and the curves of a picture, and its size, all in points."""

    def __init__(self, drawing: Drawing) -> None:
        self.name = drawing.name
        self.boxes = [_box(vertex, drawing.has_cotangents) for vertex in drawing.vertices]
        _layer(self.boxes, drawing.edges)
        passed: list[Box] = []
        ways = _ways(self.boxes, drawing.edges, passed)
        layers: list[list[Box]] = [[] for _ in range(max((box.layer for box in self.boxes), default=0) + 1)]
        for box in (*self.boxes, *passed):
            layers[box.layer].append(box)
        _order(layers)
        _spread(layers)
        self.width, self.height = _stack(layers)
        drawn: set[int] = set()
        self.curves = [_curve(way, drawn) for way in ways]


def _box(vertex: Vertex, cotangents: bool) -> Box:
    lines = list(vertex.lines(cotangents))
    longest = max(len(text) for _, text in lines)
    if vertex.kind == "constant":
        return Box(longest * SMALL * WIDTH_OF_LETTER + 4, LINE, vertex, [("constant", lines[0][1])])
    return Box(longest * SIZE * WIDTH_OF_LETTER + 2 * PADDING, len(lines) * LINE + PADDING, vertex, lines)


def _layer(boxes: Sequence[Box], edges: Sequence[tuple[int, int]]) -> None:
    """Give every box a layer below all that it comes from, such that the edges are short.

    Of three ways the one with the shortest edges: every box as high as it can stand, but inputs right
    above their use; the same, but also what comes of one value right above its use; or all of them. With
    the first alone, n terms of a sum that all start from x would pass through n² / 2 layers.
    """
    high = [0] * len(boxes)
    sources = [set[int]() for _ in boxes]
    for source, target in edges:  # in topological order
        high[target] = max(high[target], high[source] + 1)
        vertex = boxes[source].vertex
        if vertex is not None and vertex.kind != "constant":
            sources[target].add(source)
    ways = [_sunk(high, edges, [len(found) <= most for found in sources]) for most in (0, 1, len(boxes))]
    shortest = min(range(len(ways)), key=lambda n: _length(ways[n], edges))
    for box, layer in zip(boxes, ways[shortest], strict=True):
        box.layer = layer


def _sunk(high: list[int], edges: Sequence[tuple[int, int]], moves: list[bool]) -> list[int]:
    """Return the layers of boxes when those that move stand right above their first use."""
    layers = list(high)
    uses: dict[int, list[int]] = {}
    for source, target in edges:
        uses.setdefault(source, []).append(target)
    for n in reversed(range(len(layers))):
        if moves[n] and n in uses:
            layers[n] = min(layers[target] for target in uses[n]) - 1
    return layers


def _length(layers: list[int], edges: Sequence[tuple[int, int]]) -> int:
    """Return through how many layers the edges pass; those from one value share their way."""
    ends: dict[int, int] = {}
    for source, target in edges:
        ends[source] = max(ends.get(source, 0), layers[target])
    return sum(end - layers[source] - 1 for source, end in ends.items())


def _ways(boxes: Sequence[Box], edges: Sequence[tuple[int, int]], passed: list[Box]) -> list[list[Link]]:
    """Link the boxes from layer to layer; return the links of each edge, and add to those passed through."""
    number = Counter(target for _, target in edges)
    into: Counter[int] = Counter()
    chains: dict[int, list[Link]] = {}
    ways = []
    for source, target in edges:
        end, chain = boxes[target], chains.setdefault(source, [])
        steps = end.layer - boxes[source].layer - 1
        while len(chain) < steps:  # edges from one value share their way
            last = chain[-1].lower if chain else boxes[source]
            passed.append(Box(4.0, 0.0, layer=last.layer + 1))
            chain.append(_link(last, passed[-1], 0.0))
        into[target] += 1
        last = chain[steps - 1].lower if steps else boxes[source]
        ways.append([*chain[:steps], _link(last, end, 2 * into[target] / (number[target] + 1) - 1)])
    return ways


def _link(upper: Box, lower: Box, port: float) -> Link:
    made = Link(upper, lower, port)
    upper.below.append(made)
    lower.above.append(made)
    return made


def _order(layers: list[list[Box]], sweeps: int = 12) -> None:
    """Order every layer by the mean places of its neighbours, down and up again; keep the best."""
    _number(layers)
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(sweeps):
        for layer in reversed(layers) if sweep % 2 == 0 else layers:
            for box in layer:
                near = [link.place for link in box.below] if sweep % 2 == 0 else (
                    [link.upper.place for link in box.above]
                )  # fmt: skip
                box.place = sum(near) / len(near) if near else box.place
            layer.sort(key=lambda box: box.place)
            _number([layer])
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    for layer, kept in zip(layers, best, strict=True):
        layer[:] = kept
    _number(layers)


def _number(layers: list[list[Box]]) -> None:
    for layer in layers:
        for n, box in enumerate(layer):
            box.place = float(n)


def _crossings(layers: list[list[Box]]) -> int:
    """Return how many pairs of edges between neighbouring layers cross."""
    total = 0
    for layer in layers:
        before: list[float] = []  # sorted
        for box in layer:
            found = [link.place for link in box.below]
            total += sum(len(before) - bisect_right(before, end) for end in found)
            for end in found:
                insort(before, end)
    return total


def _spread(layers: list[list[Box]], rounds: int = 40) -> None:
    """Give every box an x: by turns near to what is above, what is below, and both."""
    for layer in layers:
        _place(layer, [0.0] * len(layer))
    for n in range(rounds):
        both = n % 4 > 1 or n >= rounds - 4
        for layer in layers if n % 2 == 0 else reversed(layers):
            _place(layer, [_wanted(box, both or n % 2 == 0, both or n % 2 == 1) for box in layer])


def _wanted(box: Box, above: bool, below: bool) -> float:
    """Return the x that the neighbours would have a box at."""
    near = [(link.upper.x - link.offset, link.upper.pull) for link in box.above if above or not box.below]
    near += [(link.lower.x + link.offset, link.lower.pull) for link in box.below if below or not box.above]
    total = sum(pull for _, pull in near)
    return sum(x * pull for x, pull in near) / total if near else box.x


def _place(layer: list[Box], wanted: list[float]) -> None:
    """Put boxes, in their order and apart from each other, as near as can be to where they are wanted.

    The least squares under x[n+1] - x[n] ≥ d[n] are a monotone regression of what is wanted, less
    the sums of d: neighbours that overlap move together. Inputs give way to operations.
    """
    offsets = [0.0]
    for left, right in pairwise(layer):
        gap = GAP if left.vertex is not None or right.vertex is not None else GAP / 2
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + gap)
    groups: list[tuple[float, float, int]] = []  # mean, weight and number of those that move together
    for box, want, offset in zip(layer, wanted, offsets, strict=True):
        mean, weight, number = want - offset, box.pull, 1
        while groups and groups[-1][0] > mean:
            other, more, count = groups.pop()
            mean = (mean * weight + other * more) / (weight + more)
            weight, number = weight + more, number + count
        groups.append((mean, weight, number))
    means = [mean for mean, _, number in groups for _ in range(number)]
    for box, mean, offset in zip(layer, means, offsets, strict=True):
        box.x = mean + offset


def _stack(layers: list[list[Box]]) -> tuple[float, float]:
    """Give every box its y, and move all into the positive; return the size."""
    boxes = [box for layer in layers for box in layer]
    left = min((box.x - box.width / 2 for box in boxes), default=0.0) - MARGIN
    top = MARGIN
    for layer in layers:
        height = max((box.height for box in layer), default=0.0)
        for box in layer:
            box.x -= left
            if box.vertex is None:
                box.height = height
            # Inputs stand low, near to what they are used for, and last results high.
            spare = height - box.height
            box.y = top + (spare if not box.above else spare / 2 if box.below else 0.0)
        top += height + FALL
    return max((box.x + box.width / 2 for box in boxes), default=0.0) + MARGIN, top - FALL + MARGIN


def _curve(way: list[Link], drawn: set[int]) -> Curve:
    """Return the points of an edge: out of a box, straight through layers, into a box.

    What it shares with an edge that is drawn already is left out; the links of this one are noted.
    """
    shared = len(way) - 1
    while shared and id(way[shared - 1]) not in drawn:
        shared -= 1
    drawn.update(map(id, way[shared:-1]))
    start = way[shared].upper
    points = [(start.x, start.y + start.height)]
    for link in way[shared:-1]:
        box = link.lower
        points += [(box.x, box.y), (box.x, box.y + box.height)]
    return [*points, (way[-1].lower.x + way[-1].offset, way[-1].lower.y)]

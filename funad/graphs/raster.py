"""A picture as a PNG file, drawn with matplotlib; loaded when it is asked for."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from ..errors import PictureError
from .layout import LINE, SIZE, SMALL, Box, Curve, Layout
from .style import COLOURS, EDGE, FILLS, STROKES

__all__ = ["write_png"]

MOST = 2**16 - 1  # pixels on a side
DOTS, FEWEST = 220, 50  # per inch: as a rule, and at least, to be legible


def write_png(layout: Layout, path: Any) -> None:
    """Draw the picture into a file."""
    width, height = layout.width / 72, layout.height / 72
    dots = min(DOTS, MOST / max(width, height))
    if dots < FEWEST:
        raise PictureError(
            f"this graph is {width:.0f} by {height:.0f} inches, too large for a legible image; write "
            f"svg(path), or take the graph of a part of the function"
        )
    figure = Figure(figsize=(width, height), dpi=dots)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, layout.width)
    axes.set_ylim(layout.height, 0)
    axes.set_axis_off()
    for curve in layout.curves:
        _draw_curve(axes, curve)
    for box in layout.boxes:
        _draw_box(axes, box)
    figure.savefig(path, format="png", dpi=dots)


def _draw_curve(axes: Any, curve: Curve) -> None:
    points, codes = [curve[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(curve):
        middle = (y0 + y1) / 2
        points += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [Path.CURVE4] * 3
    axes.add_patch(PathPatch(Path(points, codes), fill=False, edgecolor=EDGE, linewidth=1))
    x, y = curve[-1]
    axes.add_patch(Polygon([(x, y), (x - 2.5, y - 6), (x + 2.5, y - 6)], color=EDGE, linewidth=0))


def _draw_box(axes: Any, box: Box) -> None:
    assert box.vertex is not None
    kind = box.vertex.kind
    if kind != "constant":
        axes.add_patch(FancyBboxPatch(
            (box.x - box.width / 2, box.y), box.width, box.height, boxstyle="round,pad=0,rounding_size=5",
            facecolor=FILLS[kind], edgecolor=STROKES[kind], linewidth=2.2 if box.vertex.uses > 1 else 1,
        ))  # fmt: skip
    for n, (role, text) in enumerate(box.lines):
        axes.text(
            box.x, box.y + box.inset + LINE * (n + 0.5), text, ha="center", va="center_baseline",
            family="monospace", size=SMALL if kind == "constant" else SIZE, color=COLOURS[role],
            weight="bold" if role == "title" else "normal", parse_math=False,
        )  # fmt: skip

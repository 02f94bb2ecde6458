"""A picture as SVG text, which browsers and notebooks show: nothing else is needed."""

from __future__ import annotations

import html
from itertools import pairwise

from .layout import LINE, SIZE, SMALL, WIDTH_OF_LETTER, Box, Curve, Layout
from .style import COLOURS, EDGE, FILLS, STROKES

__all__ = ["svg_of"]

FAMILY = "DejaVu Sans Mono, Menlo, Consolas, monospace"


def svg_of(layout: Layout) -> str:
    """Return the picture."""
    width, height = f"{layout.width:.1f}", f"{layout.height:.1f}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
        f'viewBox="0 0 {width} {height}" font-family="{FAMILY}">',
        f"<title>{html.escape(layout.name)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    lines += [_curve(curve) for curve in layout.curves]
    lines += [line for box in layout.boxes for line in _box(box)]
    return "\n".join([*lines, "</svg>", ""])


def _curve(curve: Curve) -> str:
    path = f"M{curve[0][0]:.1f},{curve[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(curve):
        middle = (y0 + y1) / 2
        path += f" C{x0:.1f},{middle:.1f} {x1:.1f},{middle:.1f} {x1:.1f},{y1:.1f}"
    x, y = curve[-1]
    head = f"{x:.1f},{y:.1f} {x - 2.5:.1f},{y - 6:.1f} {x + 2.5:.1f},{y - 6:.1f}"
    return f'<path d="{path}" fill="none" stroke="{EDGE}"/><polygon points="{head}" fill="{EDGE}"/>'


def _box(box: Box) -> list[str]:
    assert box.vertex is not None
    kind, lines = box.vertex.kind, []
    size = SMALL if kind == "constant" else SIZE
    if kind != "constant":
        lines.append(
            f'<rect x="{box.x - box.width / 2:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
            f'height="{box.height:.1f}" rx="5" fill="{FILLS[kind]}" stroke="{STROKES[kind]}" '
            f'stroke-width="{2.2 if box.vertex.uses > 1 else 1}"/>'
        )
    for n, (role, text) in enumerate(box.lines):
        y = box.y + box.inset + LINE * n + LINE * 0.74
        style = f'fill="{COLOURS[role]}"' + (' font-weight="bold"' if role == "title" else "")
        length = len(text) * size * WIDTH_OF_LETTER
        lines.append(
            f'<text x="{box.x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="{size}" '
            f'textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs" {style}>{html.escape(text)}</text>'
        )
    return lines

"""A graph in the DOT language, and the program of graphviz that draws it."""

from __future__ import annotations

import html
import shutil
import subprocess

from ..errors import PictureError
from .drawing import Drawing, Vertex
from .style import COLOURS, FILLS, STROKES

__all__ = ["dot_of", "is_there", "run_dot"]


def dot_of(drawing: Drawing) -> str:
    """Return the graph as DOT text: a vertex per value, an edge per use."""
    lines = [
        f"digraph {_quoted(drawing.name)} {{",
        '  node [shape=box, style="rounded,filled", fontname="monospace", fontsize=10, margin="0.1,0.06"];',
        '  edge [color="#777777", arrowsize=0.6];',
    ]
    lines += [
        f"  v{n} [{_attributes(vertex, drawing.has_cotangents)}];"
        for n, vertex in enumerate(drawing.vertices)
    ]
    lines += [f"  v{source} -> v{target};" for source, target in drawing.edges]
    return "\n".join([*lines, "}", ""])


def _attributes(vertex: Vertex, cotangents: bool) -> str:
    if vertex.kind == "constant":
        return (
            f'label={_quoted(vertex.name)}, shape=plaintext, style="", fontsize=8, '
            f'fontcolor="{COLOURS["constant"]}", margin=0, width=0, height=0'
        )
    rows = [
        f'<font color="{COLOURS[role]}">{html.escape(text, quote=False)}</font>'
        for role, text in vertex.lines(cotangents)
    ]
    rows[0] = f"<b>{rows[0]}</b>"
    width = 2.2 if vertex.uses > 1 else 1
    return (
        f'label=<{"<br/>".join(rows)}>, fillcolor="{FILLS[vertex.kind]}", color="{STROKES[vertex.kind]}", '
        f"penwidth={width}"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def is_there() -> bool:
    """Say whether graphviz is installed."""
    return shutil.which("dot") is not None


def run_dot(text: str, form: str) -> bytes:
    """Return what ``dot`` draws, in this format."""
    program = shutil.which("dot")
    if program is None:
        raise PictureError(
            "graphviz is not installed: its program dot was not found (apt-get install graphviz, or brew or "
            "conda install graphviz); engine='funad' draws without it"
        )
    done = subprocess.run([program, f"-T{form}", "-Gdpi=110"], input=text.encode(), capture_output=True)
    if done.returncode:
        raise PictureError(f"dot could not draw this graph: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout

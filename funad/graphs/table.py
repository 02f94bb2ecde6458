"""A graph as a table of text."""

from __future__ import annotations

import numpy as onp

from .drawing import Drawing, Vertex, short

__all__ = ["table_of"]


def table_of(drawing: Drawing) -> str:
    """Return the table: a row per value, columns as wide as what stands in them."""
    head = ["name", "operation", "inputs", "shape", "dtype", "value"]
    rows = [_row(vertex) for vertex in drawing.vertices if vertex.kind != "constant"]
    if drawing.has_cotangents:
        head.append("cotangent")
        for row, vertex in zip(rows, (v for v in drawing.vertices if v.kind != "constant"), strict=True):
            row.append("" if vertex.cotangent is None else short(vertex.cotangent))
    if any(vertex.uses > 1 for vertex in drawing.vertices if vertex.kind != "constant"):
        head.append("used")
        for row, vertex in zip(rows, (v for v in drawing.vertices if v.kind != "constant"), strict=True):
            row.append(f"{vertex.uses} times" if vertex.uses > 1 else "")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
    lines += [f"{path} = {name or 'a constant'}" for path, name in drawing.results]
    return "\n".join(lines)


def _row(vertex: Vertex) -> list[str]:
    several = isinstance(vertex.value, (tuple, list))
    shape = "" if several else str(onp.shape(vertex.value)).replace(" ", "")
    dtype = "" if several else str(onp.asarray(vertex.value).dtype)
    return [vertex.name, vertex.operation, vertex.inputs, shape, dtype, short(vertex.value)]

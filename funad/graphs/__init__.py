"""The recorded computation of a function: as a table, as DOT text and as a picture."""

from .graph import Graph, graph

__all__ = ["Graph", "graph"]

"""graph: run a function once and keep what ran, to look at."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as onp

from .. import tree
from ..errors import ArgumentError, ArgumentTypeError, CotangentError, NonScalarOutputError, PictureError
from ..indices import Scatter
from ..spaces import fit, is_complex, name_of, ones_like
from ..traces.program import Node, Recorder, can_record
from ..traces.reverse import CONSTANT, OUTPUT, WIDTH, Tape, pull_back
from ..tracing import run
from ..transforms.calls import ArgNums, Call, P, Transformed, check_argnums, finish, leaf_names
from ..values import shape_of
from ..writing import snapshot
from .dot import dot_of, is_there, run_dot
from .drawing import Drawing, counted
from .layout import Layout
from .svg import svg_of
from .table import table_of

__all__ = ["Graph", "graph"]

SHOWN = 300  # nodes that a notebook draws without being asked to


def graph(f: Callable[P, Any], argnums: ArgNums | None = None) -> Callable[P, Graph]:
    """Turn ``f`` into a function that returns its computation, recorded, as a :class:`Graph`.

    Printed, it is a table: each operation, what it was computed from, its shape, dtype and value.
    It gives DOT text and pictures, and with ``.backward()`` the cotangents beside the values. A
    value that is used more than once is there once, with the number of its uses.

    Parameters
    ----------
    f : callable
        Takes and returns floats, float arrays, or containers of them.
    argnums : int, str or tuple of them, optional
        Which arguments are inputs, as for :func:`funad.grad`; integers among them are taken as
        float64. By default every float, complex number and array of them in any argument is one,
        and all else is a constant.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns the :class:`Graph`.

    Raises
    ------
    ArgumentTypeError
        When called, if no argument is or has a float.

    Examples
    --------
    >>> from funad import graph
    >>> def neuron(W, x, b):
    ...     return W * x + b
    >>> print(graph(neuron)(2.0, 3.0, 1.0).backward(2.0))
    name  operation  inputs  shape  dtype    value  cotangent
    W     input              ()     float64  2.0    6.0
    x     input              ()     float64  3.0    4.0
    b     input              ()     float64  1.0    2.0
    %0    multiply   W, x    ()     float64  6.0    2.0
    %1    add        %0, b   ()     float64  7.0    2.0
    output = %1
    """
    return Transformed(_graph, f, argnums if argnums is None else check_argnums(f, argnums))


def _graph(f: Any, argnums: ArgNums | None, args: Any, kwargs: Any) -> Graph:
    recorder = Recorder()
    names = leaf_names(f, args, kwargs)
    leaves, structure = tree.flatten((args, kwargs))
    if argnums is None:
        chosen = [can_record(leaf) for leaf in leaves]
    else:
        args, kwargs = _promoted(Call(f, argnums, args, kwargs))
        marked = tree.flatten((args, kwargs))[0]
        chosen = [isinstance(leaf, _Input) for leaf in marked]
        leaves = [leaf.x if isinstance(leaf, _Input) else leaf for leaf in marked]
    if not any(chosen):
        raise ArgumentTypeError(
            f"no argument of {name_of(f)} is a float or a float array, so there is nothing "
            f"to record; write 2.0 for 2, or name the arguments in argnums"
        )
    inputs = [
        recorder.input(leaf) if is_input else leaf for leaf, is_input in zip(leaves, chosen, strict=True)
    ]

    def called(xs: list[Any]) -> Any:
        args, kwargs = tree.unflatten(structure, xs)
        return f(*args, **kwargs)

    y = run(called, list(map(snapshot, inputs)))  # f may write into its arguments
    parts, output = tree.flatten(y)
    of_node = {
        node.index: name for name, x in zip(names, inputs, strict=True) if (node := recorder.node_of(x))
    }
    constants = {
        id(leaf): name
        for name, leaf, is_input in zip(names, leaves, chosen, strict=True)
        if not is_input and isinstance(leaf, onp.ndarray)
    }
    outputs = zip(tree.paths(y, "output"), map(_own_node(recorder), parts), strict=True)
    value = tree.unflatten(output, map(recorder.leave, parts))
    name = name_of(f)
    return Graph(name, value, tuple(recorder.nodes), of_node, constants, tuple(outputs))


class _Input:
    """Marks a leaf that argnums names."""

    def __init__(self, x: Any) -> None:
        self.x = x


def _promoted(call: Call) -> tuple[Any, Any]:
    """Return the arguments of a call with the leaves that are inputs marked."""
    args, kwargs = list(call.args), dict(call.kwargs)
    for place, x in zip(call.places, call.rebuilt([_Input(leaf) for leaf in call.leaves]), strict=True):
        if isinstance(place, int):
            args[place] = x
        else:
            kwargs[place] = x
    return tuple(args), kwargs


def _own_node(recorder: Recorder) -> Callable[[Any], Node | None]:
    """Return the function that gives the node of an output, if it is this trace's."""
    return lambda x: recorder.node_of(x) if getattr(x, "tape", None) is recorder else None


class Graph:
    """What a function has computed, value by value; made by :func:`funad.graph`.

    Attributes
    ----------
    name : str
        Of the function.
    value
        What the function returned.
    nodes : tuple of Node
        In the order in which things ran: the inputs, then what each call returned, with its
        ``value``, its ``sources`` and the user's ``line``.
    cotangents : tuple or None
        One per node, None where nothing came back; None before :meth:`backward`.
    gradients : dict
        The cotangent of each input under its name, after :meth:`backward`.
    """

    __slots__ = ("_constants", "_names", "_outputs", "cotangents", "gradients", "name", "nodes", "value")

    def __init__(
        self, name: str, value: Any, nodes: Sequence[Node], names: dict[int, str],
        constants: dict[int, str], outputs: Sequence[tuple[str, Node | None]],
        cotangents: Sequence[Any] | None = None,
    ) -> None:  # fmt: skip
        self.name, self.value, self.nodes = name, value, tuple(nodes)
        self._names, self._constants, self._outputs = names, constants, outputs
        self.cotangents = cotangents
        self.gradients: dict[str, Any] = {}
        if cotangents is not None:
            self.gradients = {name: _gradient(cotangents[n], nodes[n].value) for n, name in names.items()}

    def __repr__(self) -> str:
        calls = sum(node.prim is not None for node in self.nodes)
        back = "" if self.cotangents is None else ", with cotangents"
        sizes = f"{counted(len(self._names), 'input')}, {counted(calls, 'operation')}"
        return f"<graph of {self.name}: {sizes}{back}>"

    def __str__(self) -> str:
        return table_of(self._drawing())

    def _drawing(self) -> Drawing:
        return Drawing(self.name, self.nodes, self._names, self._constants, self._outputs, self.cotangents)

    # --- the way back

    def backward(self, ybar: Any = None) -> Graph:
        """Return this graph with the cotangent of every value: ȳ pulled back through it.

        Parameters
        ----------
        ybar : optional
            The cotangent of the output, of its structure and shapes; 1 for one real number.

        Raises
        ------
        NonScalarOutputError
            If ``ybar`` is not given, and the output is not one real number.
        CotangentError
            If it does not have the structure and the shapes of the output.

        Examples
        --------
        >>> from funad import graph
        >>> graph(lambda W, x: W * x)(2.0, 3.0).backward().gradients
        {'W': 3.0, 'x': 2.0}
        """
        ybars = self._checked(ybar)
        entries = _Noted(len(self._names))
        slots = self._fill(entries)
        for (_, node), leaf, leaf_bar in zip(self._outputs, tree.flatten(self.value)[0], ybars, strict=True):
            if node is not None:
                slot, fitted = slots[node.index], fit(leaf_bar, leaf)
                entries[slot] = fitted if entries[slot] is None else entries[slot] + fitted
        try:
            found = pull_back(entries, entries.inputs, True)
        except Exception as error:
            failed = next(node for node in self.nodes if slots[node.index] == len(entries) + WIDTH - 1)
            error.add_note(f"on the way back through {failed.line}")
            raise
        noted = dict(zip(self._names, found, strict=True))
        cotangents = [
            noted.get(node.index) if node.index in self._names else entries.noted.get(slots[node.index])
            for node in self.nodes
        ]
        return Graph(
            self.name, self.value, self.nodes, self._names, self._constants, self._outputs, tuple(cotangents)
        )

    def _checked(self, ybar: Any) -> list[Any]:
        """Return the leaves of ȳ."""
        leaves, structure = tree.flatten(self.value)
        if ybar is None:
            if structure.kind is not None or shape_of(self.value) != () or is_complex(self.value):
                raise NonScalarOutputError(
                    f"{self.name} does not return one real number, so backward needs its cotangent: "
                    f"backward(ybar), of the structure and shapes of the output"
                )
            return [ones_like(self.value)]
        try:
            ybars = tree.flatten_like(structure, ybar)
        except ArgumentError:
            raise CotangentError(
                f"the output has the structure {structure}, but ȳ has {tree.flatten(ybar)[1]}"
            ) from None
        for leaf, leaf_bar in zip(leaves, ybars, strict=True):
            if shape_of(leaf_bar) != shape_of(leaf):
                raise CotangentError(
                    f"the output has shape {shape_of(leaf)}, but ȳ has shape {shape_of(leaf_bar)}"
                )
        return ybars

    def _fill(self, entries: list[Any]) -> dict[int, int]:
        """Put the calls on a tape; return the slot of each node."""
        slots = {index: n for n, index in enumerate(self._names, 1)}
        for node in self.nodes:
            if node.index in self._names:
                continue
            if node.part is not None:
                source = slots[node.sources[0][1].index]
                entries += (OUTPUT, None, node.part, None, None, source, None)
            else:
                sources = tuple((argnum, _slots(source, slots)) for argnum, source in node.sources)
                entries += (node.prim, node.value, node.args, node.kwargs, None, sources, None)
            slots[node.index] = len(entries) - 1
        return slots

    # --- to look at

    @property
    def dot(self) -> str:
        """The graph in the DOT language of graphviz."""
        return dot_of(self._drawing())

    def svg(self, path: Any = None, engine: str | None = None) -> str:
        """Return the picture as SVG text, and write it to a file if a path is given.

        Parameters
        ----------
        path : str or path, optional
        engine : {"graphviz", "funad"}, optional
            What lays it out: the program ``dot`` of graphviz, or funad itself, which needs
            nothing else. By default graphviz where it is installed.

        Raises
        ------
        PictureError
            If graphviz is asked for and not there.
        """
        if _engine(engine) == "graphviz":
            text = run_dot(self.dot, "svg").decode()
        else:
            text = svg_of(Layout(self._drawing()))
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def png(self, path: Any, engine: str | None = None) -> None:
        """Write the picture to a PNG file.

        Parameters
        ----------
        path : str or path
        engine : {"graphviz", "funad"}, optional
            See :meth:`svg`; funad itself draws with matplotlib.

        Raises
        ------
        PictureError
            If what draws is not installed, or the graph is too large for an image to be legible.
        """
        if _engine(engine) == "graphviz":
            Path(path).write_bytes(run_dot(self.dot, "png"))
            return
        try:
            raster = importlib.import_module(".raster", __package__)
        except ImportError as error:
            raise PictureError(
                f"a PNG needs graphviz (its program dot) or matplotlib, and neither is there ({error}); "
                f"pip install matplotlib, or write svg(path), which needs nothing"
            ) from None
        raster.write_png(Layout(self._drawing()), path)

    def _repr_svg_(self) -> str | None:
        """What notebooks show; of a graph that would take seconds to lay out, nothing but its repr."""
        return self.svg() if len(self.nodes) <= SHOWN else None


def _gradient(xbar: Any, x: Any) -> Any:
    """Return the cotangent of an input in its space: of a Python float, a Python float."""
    xbar = finish(xbar, x)
    return float(xbar) if type(x) is float and type(xbar) is onp.float64 else xbar


def _slots(source: Any, slots: dict[int, int]) -> Any:
    if isinstance(source, tuple):
        return tuple(CONSTANT if node is None else slots[node.index] for node in source)
    return slots[source.index]


def _engine(engine: str | None) -> str:
    if engine not in (None, "graphviz", "funad"):
        raise ArgumentError(f"engine is 'graphviz' or 'funad', not {engine!r}")
    if engine is None:
        return "graphviz" if is_there() else "funad"
    return engine


class _Noted(list[Any]):
    """Entries of a tape that note the cotangent of every call as the walk back comes to it.

    A careful second walk over the same calls notes better ones.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.noted: dict[int, Any] = {}
        self.inputs = inputs
        Tape(inputs, self)

    def pop(self, *place: Any) -> Any:
        slot = len(self) - 1
        last = super().pop(*place)
        if (slot - self.inputs) % WIDTH == 0:
            # A copy: the walk goes on to write into what it has made itself.
            self.noted[slot] = last.dense() if type(last) is Scatter else copy(last)
        return last

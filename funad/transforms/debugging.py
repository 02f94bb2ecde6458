"""debug_nans: which operation was the first whose value, or whose cotangent, is not finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import numpy as np
from .. import tracing, tree
from ..boxes import Traced, innermost
from ..containers import step
from ..errors import NonFiniteError
from ..registry import primitive_of
from ..spaces import describe, laid_out_copy, name_of
from ..traces.program import Node, Recorder, can_record, is_finite, line_of
from ..values import constant
from ..writing import Array, snapshot
from .calls import P, R, Transformed, leaf_names
from .reverse import vjp

__all__ = ["debug_nans"]


def debug_nans(f: Callable[P, R]) -> Callable[P, R]:
    """Make ``f`` say where its first infinity or NaN came from.

    The function runs as it is. Only if its result is not finite does it run once more, watched,
    and the first operation that made an infinity or a NaN of finite numbers is raised as an error
    that names it, what it was called with, and your line. Of ``debug_nans(grad(f))`` the result
    is a gradient: what is named is then the operation of ``f`` whose value is not finite, or
    the one whose rule gave the first cotangent that is not. In ``grad(debug_nans(f))`` both are
    looked at too, the cotangents on their way back through ``f`` (those of first derivatives: to
    look at second ones, wrap what takes them, ``debug_nans(hessian(f))``).

    It is the results that count: an infinity or a NaN that ``where`` masks, or that a zero
    cotangent meets on the way back, is no fault. Nothing is global and nothing is switched
    on: what is not wrapped runs as ever, and so does every other thread.

    Parameters
    ----------
    f : callable
        Any function, a derivative among them: it should give the same result when it runs again.
        Arguments and results may be containers; what is no float is not looked at.

    Returns
    -------
    callable
        The same function.

    Raises
    ------
    NonFiniteError
        When called, or on the way back through the call; also a ``FloatingPointError``.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import debug_nans, grad
    >>> def loss(x):
    ...     return np.sum(np.sqrt(x))
    >>> debug_nans(grad(loss))(np.array([1.0, 0.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    funad.errors.NonFiniteError: the cotangent of argument 0 of numpy.sqrt is inf in 1 of 2 elements...
    """
    return Transformed(_debug_nans, f)


def _debug_nans(f: Any, args: Any, kwargs: Any) -> Any:
    leaves, structure = tree.flatten((args, kwargs))

    def run(leaves: list[Any]) -> Any:
        args, kwargs = tree.unflatten(structure, leaves)
        return f(*args, **kwargs)

    before = [snapshot(x) if isinstance(x, Traced) else _copied(x) for x in leaves]  # f may write
    y = _watched_on_the_way_back(run, leaves) if getattr(innermost(leaves), "keeps", False) else run(leaves)
    if not _all_finite(y):
        _explain(f, run, before, leaf_names(f, args, kwargs))
    return y


def _copied(x: Any) -> Any:
    return laid_out_copy(x) if type(x) is onp.ndarray else x


def _all_finite(x: Any) -> bool:
    return all(map(is_finite, tree.flatten(x)[0]))


# --- on the way back through a call


def _watched_on_the_way_back(run: Callable[[list[Any]], Any], leaves: list[Any]) -> Any:
    """Run f between two steps that change nothing: one sees ȳ, the other x̄."""
    ybars: list[Any] = []

    def see(_: Any, ybar: Any, xs: list[Any], places: list[int]) -> Any:
        ybars[:] = [ybar]
        bars = tree.flatten(ybar)[0]
        return [bars[place] for place in places]

    def check(_: Any, xbar: Any, xs: list[Any], places: list[int]) -> Any:
        if ybars and not _all_finite(xbar) and _all_finite(ybars):
            _check_again(run, tree.replaced(leaves, places, xs), places, ybars[0])
        return [xbar[place] for place in places]

    xs = step("debug_nans", lambda xs: (xs, None), check, (leaves,), {}, True)
    before = [getattr(x, "index", None) for x in xs]
    y = step("debug_nans", lambda y: (y, None), see, (run(xs),), {}, True)
    for leaf, x, index in zip(leaves, xs, before, strict=True):
        if isinstance(leaf, Traced) and (type(x) is Array or x.index is not index):
            leaf[...] = x  # f has written into the array of its caller
    return y


def _check_again(run: Callable[[list[Any]], Any], leaves: list[Any], places: list[int], ybar: Any) -> None:
    """Pull ȳ back once more on its own, where zeros are strong, and explain what is not finite then."""

    def of_xs(xs: list[Any]) -> Any:
        filled = list(leaves)
        for place, x in zip(places, xs, strict=True):
            filled[place] = x
        return run(filled)

    def back(xs: list[Any]) -> Any:
        return vjp(of_xs, xs)[1](ybar)

    xs = [leaves[place] for place in places]
    # The sweep that has come here lets NumPy raise at a nan, which f must not notice.
    with onp.errstate(all="ignore"):
        if not _all_finite(back(xs)):
            _explain(run, back, xs, None)


# --- the search


def _explain(f: Any, run: Callable[[list[Any]], Any], leaves: list[Any], names: list[str] | None) -> None:
    """Run once more under a recorder and raise an error that names the first node that is not finite."""
    recorder = Recorder()
    try:
        raise NonFiniteError(_explanation(f, run, leaves, names, recorder))
    finally:
        # A node keeps the rule that it was made by, and that a result traced by this very recorder.
        recorder.nodes.clear()


def _explanation(
    f: Any, run: Callable[[list[Any]], Any], leaves: list[Any], names: list[str] | None, recorder: Recorder
) -> str:
    """Run under a recorder and return what is to be said of the first node that is not finite."""
    inputs = [recorder.input(leaf) if can_record(leaf) else leaf for leaf in leaves]
    with onp.errstate(all="ignore"):
        y = tracing.run(run, list(map(snapshot, inputs)))  # f may write into its arguments
    found = [leaf for leaf in tree.flatten(y)[0] if not is_finite(leaf)]
    name = name_of(f)
    if not found:
        return (
            f"{name} returned what is not finite, but when it ran once more, to find out why, all was "
            f"finite; debug_nans needs a function that gives the same result again"
        )
    nodes = [node for node in map(recorder.node_of, found) if node is not None]
    if not nodes:
        return (
            f"{name} returned {_what(found[0])}, which does not come from its float arguments by "
            f"operations that funad sees"
        )
    node = _first_guilty(nodes[0], recorder)
    return _say(node, name, inputs, names, recorder)


def _first_guilty(node: Node, recorder: Recorder) -> Node:
    """Return the node that made, of finite numbers, the infinity or NaN that this one has.

    The derivative of log need not read log(0): but then the value is what went wrong first.
    """
    while True:
        guilty = [parent for argnum, parent in node.parents() if _passes_on(node, argnum, parent)]
        value = recorder.node_of((node.inside or {}).get("y"))
        if not guilty and value is not None and not is_finite(value.value):
            guilty = [value]
        if not guilty:
            return node
        node = min(guilty, key=lambda parent: parent.index)


def _passes_on(node: Node, argnum: Any, parent: Node) -> bool:
    """Say whether a parent has something that is not finite where this node looks at it."""
    value = parent.value
    if node.part is not None:
        return not is_finite(value[node.part])
    if node.prim is primitive_of(np.where) and argnum in (1, 2):
        taken = constant(node.args[0]).astype(bool) if argnum == 1 else ~constant(node.args[0]).astype(bool)
        bad = ~onp.isfinite(onp.broadcast_to(constant(value), onp.shape(constant(node.value))))
        return bool(onp.any(bad & taken)) or (not bad.any() and not is_finite(value))
    return not is_finite(value)


# --- what to say


def _say(node: Node, name: str, inputs: list[Any], names: list[str] | None, recorder: Recorder) -> str:
    while node.part is not None:  # of several results
        ((_, node),) = node.sources
    if node.prim is None:
        places = [n for n, x in enumerate(inputs) if recorder.node_of(x) is node]
        which = "an argument" if names is None else f"argument {names[places[0]]}"
        return f"{which} of {name} is {_what(node.value)} already"
    if node.inside is None:
        return _say_value(node, node.prim.name)
    if "position" in node.inside:
        return _say_cotangent(node, node.inside)
    result = recorder.node_of(node.inside["y"])
    return _say_tangent(node, node.inside["prim"].name, (result or node).line)


def _say_value(node: Node, called: str) -> str:
    if is_finite(constant(node.value)):  # of a dual number, whose tangent it is then
        return _say_tangent(node, called, node.line)
    return f"{called} returned {_what(node.value)}; it was called with {_described(node.args)} at {node.line}"


def _say_cotangent(node: Node, inside: dict[str, Any]) -> str:
    which = "an argument" if inside["argnum"] is None else f"argument {inside['argnum']}"
    return (
        f"the cotangent of {which} of {inside['prim'].name} is {_what(node.value)}, while that of its "
        f"result is finite; it was called with {_described(inside['args'])} at "
        f"{line_of(inside) or node.line}"
    )


def _say_tangent(node: Node, called: str, line: str) -> str:
    return (
        f"the tangent of {called} is {_what(node.value)}, while those of its arguments are finite; it was "
        f"called at {line}"
    )


def _described(args: Any) -> str:
    return ", ".join(describe(x) if is_finite(x) else f"{describe(x)} ({_what(x)})" for x in args)


def _what(value: Any) -> str:
    """Say which infinity or NaN a value has, and in how many of its elements."""
    parts = [part for part in _parts(value) if can_record(part) and not is_finite(part)]
    x = onp.asarray(parts[0] if parts else onp.nan)
    bad = x[~onp.isfinite(x)]
    word = "nan" if onp.isnan(bad).any() else str(bad[0])
    return word if x.ndim == 0 else f"{word} in {bad.size} of {x.size} elements"


def _parts(value: Any) -> list[Any]:
    """Return the plain values in a value: its own, its tangents', those of several results."""
    if isinstance(value, (tuple, list)):
        return [part for x in value for part in _parts(x)]
    parts = []
    while isinstance(value, Traced):
        if hasattr(value, "tangent") and not isinstance(value.tangent, Node):
            parts += _parts(value.tangent)
        value = value.primal
    return [value, *parts]

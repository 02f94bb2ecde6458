"""Nested containers: take their leaves out, put other leaves in.

Lists, tuples, dicts, namedtuples and dataclasses are containers as they are;
other classes become containers by :func:`register`. Everything else is a leaf.
"""

from __future__ import annotations

import builtins
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as onp

from .errors import ArgumentError
from .values import NUMBERS

__all__ = ["flatten", "map", "ravel", "register", "unflatten"]

Children = tuple[Sequence[Any], Any]
_DICTS = (dict, OrderedDict)
# How instances of a class are taken apart, into children and the rest, and put together again.
_registered: dict[type, tuple[Callable[[Any], Children], Callable[[Any, Sequence[Any]], Any]]] = {
    list: (lambda x: (x, None), lambda _, children: children),
    tuple: (lambda x: (x, None), lambda _, children: tuple(children)),
    dict: (lambda x: (list(x.values()), tuple(x)), lambda keys, xs: dict(zip(keys, xs, strict=True))),
    OrderedDict: (
        lambda x: (list(x.values()), tuple(x)),
        lambda keys, xs: OrderedDict(zip(keys, xs, strict=True)),
    ),
}
# Classes whose instances are, as containers, of the kind of another class: plain and traced ones of a kind.
_kinds: dict[type, type] = {}


class Structure:
    """What is left of a tree when its leaves are taken out; compares by shape."""

    __slots__ = ("children", "flat", "kind", "size", "spec")

    def __init__(
        self, kind: type | None, spec: Any, children: tuple[Structure, ...], flat: bool = False
    ) -> None:
        self.kind, self.spec, self.children = kind, spec, children
        # Whether all children are leaves.
        self.flat = flat or (kind is not None and all(child is _LEAF for child in children))
        sizes = len(children) if self.flat else sum([child.size for child in children])
        self.size: int = 1 if kind is None else sizes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and (
            (self.kind, self.spec, self.children) == (other.kind, other.spec, other.children)
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.children))

    def __repr__(self) -> str:
        if self.kind is None:
            return "leaf"
        inner, more = list(builtins.map(str, self.children)), ""
        if self.kind in _DICTS:
            inner = [f"{name!r}: {child}" for name, child in zip(self.spec, inner, strict=True)]
        elif self.kind in _registered and self.spec is not None:
            more = f"; {self.spec!r:.40}"
        return f"{self.kind.__name__}({', '.join(inner)}{more})"


_LEAF: Structure = Structure(None, None, ())


def register(
    cls: type,
    flatten: Callable[[Any], Children],
    unflatten: Callable[[Any, Sequence[Any]], Any],
    kind: type | None = None,
) -> type:
    """Make instances of ``cls`` containers.

    Parameters
    ----------
    cls : type
        The class itself; its subclasses register for themselves.
    flatten : callable
        Takes an instance; returns its children, a sequence, and the rest, which ``==`` compares.
    unflatten : callable
        Takes the rest and a sequence of children; returns an instance.
    kind : type, optional
        Another class, registered already: instances of both, with the same rest, count as trees of one
        structure. So the class of a plain object and that of the same object with traced values may differ.

    Returns
    -------
    type
        ``cls``, so that a partial application serves as a class decorator.

    Raises
    ------
    ArgumentError
        If ``cls`` is a container already, or no class.

    Examples
    --------
    >>> import funad
    >>> class Line:
    ...     def __init__(self, slope, offset):
    ...         self.slope, self.offset = slope, offset
    >>> _ = funad.tree.register(
    ...     Line, lambda line: ((line.slope, line.offset), None), lambda _, pair: Line(*pair)
    ... )
    >>> funad.grad(lambda line, x: line.slope * x + line.offset)(Line(2.0, 1.0), 3.0).slope
    3.0
    """
    functions = callable(flatten) and callable(unflatten)  # type: ignore[redundant-expr]
    if not isinstance(cls, type) or not functions:  # type: ignore[redundant-expr]
        raise ArgumentError("register takes a class and two functions: register(cls, flatten, unflatten)")
    if cls in _registered:
        raise ArgumentError(f"{cls.__name__} is a container already; register each class once")
    _registered[cls] = (flatten, unflatten)
    if kind is not None:
        _kinds[cls] = kind
    return cls


def is_leaf(tree: Any) -> bool:
    """Say whether ``tree`` is no container."""
    return _children(tree) is None


def _children(tree: Any) -> tuple[Sequence[Any], Any] | None:
    """Return the children of a container and what else it holds; None for a leaf."""
    kind = type(tree)
    if kind is float or kind is onp.ndarray:  # by far the most
        return None
    if kind in _registered:
        return _registered[kind][0](tree)
    if issubclass(type(tree), tuple) and hasattr(kind, "_fields"):
        return tree, None
    fields = getattr(kind, "__dataclass_fields__", None)
    if fields is not None:
        names = tuple(name for name, field in fields.items() if field._field_type.name == "_FIELD")
        return [getattr(tree, name) for name in names], names
    return None


def _rebuild(kind: Any, spec: Any, children: list[Any]) -> Any:
    """Make a container of ``kind`` from its children."""
    if kind in _registered:
        return _registered[kind][1](spec, children)
    # Not kind(*children), nor kind(**fields): what a class does of its own may convert, check or leave
    # out, and the leaves put in here may be traced values or cotangents.
    if issubclass(kind, tuple):
        return tuple.__new__(kind, children)
    made = object.__new__(kind)
    for name, child in zip(spec, children, strict=True):
        object.__setattr__(made, name, child)
    return made


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves of ``tree``, in order, and its structure.

    Examples
    --------
    >>> from funad import tree
    >>> leaves, structure = tree.flatten({"w": [1.0, 2.0], "b": 3.0})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> tree.unflatten(structure, [10.0, 20.0, 30.0])
    {'w': [10.0, 20.0], 'b': 30.0}
    """
    leaves: list[Any] = []
    try:
        return leaves, _flatten_into(tree, leaves, None)
    except RecursionError:
        refuse_deep(tree)
        raise


# Levels above which it is the nesting that has filled Python's stack, of 1,000 frames by default.
_DEEP = 100


def refuse_deep(tree: Any) -> None:
    """Refuse a tree that contains itself, or that is nested deeper than functions can call themselves."""
    path = [(tree, _containers(tree))]
    above, known = {id(tree)}, {id(tree): tree}  # which keeps what has that identity
    deepest = 1
    while path:
        container, children = path[-1]
        if not children:
            above.discard(id(container))
            path.pop()
            continue
        child = children.pop()
        if id(child) in above:
            raise ArgumentError(
                f"a {type(child).__name__} contains itself, so that its leaves would be without end; give "
                f"containers that do not contain themselves"
            )
        if id(child) not in known:
            known[id(child)] = child
            above.add(id(child))
            path.append((child, _containers(child)))
            deepest = max(deepest, len(path))
    if deepest > _DEEP:
        raise ArgumentError(
            f"containers are nested {deepest} deep, deeper than functions can call themselves in Python; "
            f"give flatter ones, such as one list of all parts, or raise sys.setrecursionlimit"
        )


def _flatten_into(tree: Any, leaves: list[Any], like: Structure | None) -> Structure:
    """Add the leaves of a tree to a list and return its structure; dicts as they are ordered in ``like``."""
    kind = type(tree)
    if kind is dict or kind is list or kind is tuple:  # of nothing but numbers and arrays, as most
        parts = tree.values() if kind is dict else tree
        if NUMBERS.issuperset(builtins.map(type, parts)):
            spec = tuple(tree) if kind is dict else None
            if like is None or spec == like.spec:
                leaves += parts
                return Structure(kind, spec, (_LEAF,) * len(tree), True)
    found = _children(tree)
    if found is None:
        leaves.append(tree)
        return _LEAF
    children, spec = found
    kind = _kinds.get(kind, kind)
    if like is None or like.kind is not kind:
        return Structure(kind, spec, tuple([_flatten_into(child, leaves, None) for child in children]))
    if kind in _DICTS and set(spec) == set(like.spec):
        children, spec = [tree[key] for key in like.spec], like.spec
    inner = builtins.map(_flatten_into, children, itertools.repeat(leaves), like.children)
    return Structure(kind, spec, tuple(inner))


def _containers(tree: Any) -> list[Any]:
    """Return the children of a container that are containers."""
    children, _ = _children(tree) or ((), None)
    return [child for child in children if not is_leaf(child)]


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Any:
    """Return the tree of this structure with these leaves: the inverse of :func:`flatten`.

    Raises
    ------
    ArgumentError
        If ``structure`` is none, or has another number of leaves.
    """
    if not isinstance(structure, Structure):
        raise ArgumentError(
            f"unflatten takes a structure, the second result of flatten, and the leaves, not "
            f"{type(structure).__name__}"
        )
    leaves = list(leaves)
    if len(leaves) != structure.size:
        raise ArgumentError(f"{structure} has {structure.size} leaves, but {len(leaves)} were given")
    if structure.flat:
        return _rebuild(structure.kind, structure.spec, leaves)
    return _unflatten_from(structure, iter(leaves))


def replaced(leaves: list[Any], places: Iterable[int], xs: Iterable[Any]) -> list[Any]:
    """Return leaves with xs in some of their places."""
    filled = list(leaves)
    for place, x in zip(places, xs, strict=True):
        filled[place] = x
    return filled


def flatten_like(structure: Structure, tree: Any) -> list[Any]:
    """Return the leaves of ``tree``, which must have this structure; dicts match by key."""
    leaves: list[Any] = []
    try:
        same = _flatten_into(tree, leaves, structure) == structure
    except RecursionError:
        refuse_deep(tree)
        raise
    if not same:
        raise ArgumentError(f"the trees differ: {structure} and {flatten(tree)[1]}")
    return leaves


def _unflatten_from(structure: Structure, leaves: Any) -> Any:
    if structure.kind is None:
        return next(leaves)
    if structure.flat:
        return _rebuild(structure.kind, structure.spec, list(itertools.islice(leaves, structure.size)))
    children = [_unflatten_from(child, leaves) for child in structure.children]
    return _rebuild(structure.kind, structure.spec, children)


def map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Apply ``f`` to the leaves of ``tree``, and of further trees of the same structure.

    Raises
    ------
    ArgumentError
        If the structures differ.

    Examples
    --------
    >>> from funad import tree
    >>> tree.map(lambda p, g: p - 0.5 * g, {"w": 1.0, "b": [2.0]}, {"w": 4.0, "b": [2.0]})
    {'w': -1.0, 'b': [1.0]}
    """
    leaves, structure = flatten(tree)
    columns = [leaves]
    for other in rest:
        columns.append(flatten_like(structure, other))
    return unflatten(structure, [f(*row) for row in zip(*columns, strict=True)])


def ravel(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the numbers in the leaves of ``tree`` as one vector, and the function back.

    It lets parameters in containers be handed to whatever takes vectors, such as SciPy's solvers.

    Parameters
    ----------
    tree : container of floats and float arrays
        Traced or not.

    Returns
    -------
    vector : array of shape (n,)
        Of the dtype to which the dtypes of the leaves promote; of integers and booleans, float64.
    unravel : callable
        Takes an array of shape (n,), traced or not; returns a tree of the structure, the shapes
        and, for a plain vector, the dtypes of the leaves of ``tree``. Leaves that are integers become
        floats, as :func:`funad.grad` takes them.

    Raises
    ------
    ArgumentError
        By ``unravel``, if the vector has another shape, or imaginary parts for a real leaf.

    Examples
    --------
    >>> import numpy
    >>> from funad import tree
    >>> vector, unravel = tree.ravel({"w": numpy.array([[1.0, 2.0]]), "b": 3.0})
    >>> vector
    array([1., 2., 3.])
    >>> unravel(10 * vector)["w"]
    array([[10., 20.]])
    """
    leaves, structure = flatten(tree)
    shapes = [onp.shape(leaf) for leaf in leaves]
    ends = onp.cumsum([0] + [math.prod(shape) for shape in shapes])
    vector = onp.concatenate([onp.reshape(leaf, -1) for leaf in leaves]) if leaves else onp.zeros(0)
    if vector.dtype.kind in "biu":
        vector = vector.astype(float)

    def unravel(vector: Any) -> Any:
        if onp.shape(vector) != (ends[-1],):
            raise ArgumentError(f"unravel takes a vector of shape ({ends[-1]},), not {onp.shape(vector)}")
        parts = zip(leaves, shapes, ends[:-1], ends[1:], strict=True)
        filled = [_leaf_like(leaf, vector[start:end], shape) for leaf, shape, start, end in parts]
        return unflatten(structure, filled)

    return vector, unravel


def _leaf_like(leaf: Any, part: Any, shape: tuple[int, ...]) -> Any:
    """Return a part of a vector in the shape of a leaf, and in its dtype unless that is traced."""
    part = onp.reshape(part, shape) if shape else part[0]
    if not issubclass(type(part), (onp.ndarray, onp.generic)):
        return part
    dtype = onp.result_type(leaf)
    if part.dtype.kind == "c" != dtype.kind:
        if onp.any(part.imag):
            raise ArgumentError(
                f"unravel was given a vector with imaginary parts for a leaf of dtype {dtype}, which is "
                f"real; take the real part of the vector, or make that leaf complex before ravel"
            )
        part = part.real
    return part.astype(dtype) if shape and dtype.kind in "fc" else part


def paths(tree: Any, root: str = "") -> list[str]:
    """Return how each leaf is written, in order: ``params['w'][0]``."""
    found = _children(tree)
    if found is None:
        return [root]
    children, spec = found
    kind = type(tree)
    if kind in _DICTS:
        steps = [f"[{key!r}]" for key in spec]
    elif kind in _registered:
        steps = [f"[{n}]" for n in range(len(children))]
    else:
        steps = [f".{name}" for name in (spec or tree._fields)]
    return [path for step, child in zip(steps, children, strict=True) for path in paths(child, root + step)]

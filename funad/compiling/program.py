"""The program: a flat list of calls on plain arrays, and the one constructor that every rewrite goes through.

    Program.inputs   nodes without a function: the arguments, and arrays that the function closes over
    Program.steps    nodes and guards, in the order in which they run
    Program.outputs  what is returned: nodes, or constants

Arguments of a node are nodes, constants (arrays, numbers, None, strings, ...), and tuples, lists, slices and
dicts of them. A node is never changed: a pass builds another program through ``Builder``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as onp

__all__ = [
    "GETITEM", "SOFT", "Builder", "Guard", "Node", "Program", "Remake", "Spec", "ancestors", "dtype_of",
    "key_of", "map_nodes", "nodes_in", "number_of", "parents", "rebuild", "shape_of", "spec_of",
]  # fmt: skip

ndarray = onp.ndarray
GETITEM = operator.getitem


class Spec(NamedTuple):
    """What is known of a value before the program runs.

    ``type`` is the class that the value has where f runs without a compiler (``ndarray``, ``float``,
    ``float64``, ``bool``, ``tuple``, ...); of a tuple or a list, ``parts`` has the specs of its parts.
    """

    type: type
    shape: tuple[int, ...] = ()
    dtype: Any = None
    parts: tuple[Any, ...] = ()


class Node:
    """One value of a program: an input, or what one call returns.

    Nodes are compared by identity: one call is one node (see ``Builder``). They are never changed.

    Attributes
    ----------
    fn : callable or None
        The plain function: a NumPy ufunc (``numpy.add``, whatever the user wrote for it), ``numpy.sum``,
        ``operator.getitem``, funad's own ``indices.scatter`` or a user's function. None for an input.
    args : tuple
        Positional arguments: nodes, constants, and tuples, lists, slices and dicts of them.
    kwargs : dict
        Arguments by name, likewise.
    type : type
        The class of the value in eager: ``numpy.ndarray`` (of any rank, 0 too), ``float``, ``numpy.float64``,
        ``bool``, ``int``, ``tuple``. A call of a ufunc whose type is ``float`` is Python's own operator.
    shape : tuple of int
        () for numbers.
    dtype : numpy.dtype or None
        float64 for a Python float; None for a tuple and for what is no number.
    parts : tuple of Spec
        Of a tuple or list, its parts, which other nodes take by ``operator.getitem``.
    name : str or None
        The user's variable that held the value; "x_bar" for the cotangent of x.
    id : int
        Counts the nodes of one builder: a node has a greater id than those it is computed from.
    """

    __slots__ = ("args", "dtype", "fn", "id", "kwargs", "name", "parts", "shape", "type")

    def __init__(
        self,
        id: int,
        fn: Callable[..., Any] | None,
        args: Any,
        kwargs: Any,
        spec: Spec,
        name: str | None = None,
    ) -> None:
        self.id, self.fn, self.args, self.kwargs, self.name = id, fn, args, kwargs, name
        self.type, self.shape, self.dtype, self.parts = spec

    @property
    def spec(self) -> Spec:
        """The type, shape, dtype and parts."""
        return Spec(self.type, self.shape, self.dtype, self.parts)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize if self.dtype is not None else 0

    @property
    def is_array(self) -> bool:
        """Whether the value is an array, of any rank."""
        return self.type is ndarray

    def __repr__(self) -> str:
        return f"%{self.id}"


# Questions that no way of the user's function depends on: whether eager would correct a result.
SOFT = frozenset({"finite", "number", "small", "within"})


class Guard:
    """A question that Python asked of a value while the program was recorded, and the answer it was given.

    ``how`` is "bool", "int", "index", "float", "kind" (class, shape and dtype), "finite", "number" (no nan),
    "within" (two bounds) or "small" (no larger than this, or eager has to run); ``line`` is the user's line
    that asked. The program is the right one for those arguments alone for which the answer is the same.
    """

    __slots__ = ("expected", "how", "line", "node")

    def __init__(self, node: Node, how: str, expected: Any, line: str = "") -> None:
        self.node, self.how, self.expected, self.line = node, how, expected, line

    def __repr__(self) -> str:
        return f"{self.how}({self.node!r}) == {self.expected!r}"


Step = Node | Guard


class Program:
    """Inputs, steps in order, and outputs."""

    __slots__ = ("inputs", "outputs", "steps")

    def __init__(self, inputs: list[Node], steps: list[Step], outputs: list[Any]) -> None:
        self.inputs, self.steps, self.outputs = inputs, steps, outputs

    @property
    def nodes(self) -> list[Node]:
        """The calls, without the guards."""
        return [step for step in self.steps if type(step) is Node]

    @property
    def guards(self) -> list[Guard]:
        return [step for step in self.steps if type(step) is Guard]

    def uses(self) -> dict[Node, int]:
        """Return how often each value is read, as an output too."""
        found: dict[Node, int] = {}
        for step in self.steps:
            for p in parents(step):
                found[p] = found.get(p, 0) + 1
        for x in self.outputs:
            if type(x) is Node:
                found[x] = found.get(x, 0) + 1
        return found

    def __repr__(self) -> str:
        lines = [f"{n} = input {n.name}" for n in self.inputs]
        for s in self.steps:
            if isinstance(s, Guard):
                lines.append(f"guard {s}")
            else:
                lines.append(f"{s} = {getattr(s.fn, '__name__', s.fn)}{s.args}{s.kwargs or ''}")
        return "\n".join([*lines, f"return {self.outputs}"])


def map_nodes(f: Callable[[Node], Any], x: Any) -> Any:
    """Return an argument with f of the nodes in it."""
    kind = type(x)
    if kind is Node:
        return f(x)
    if kind is tuple:
        return tuple([map_nodes(f, part) for part in x])
    if kind is list:
        return [map_nodes(f, part) for part in x]
    if kind is slice:
        return slice(map_nodes(f, x.start), map_nodes(f, x.stop), map_nodes(f, x.step))
    if kind is dict:
        return {name: map_nodes(f, part) for name, part in x.items()}
    return x


def nodes_in(x: Any) -> Iterator[Node]:
    """Iterate over the nodes in an argument."""
    kind = type(x)
    if kind is Node:
        yield x
    elif kind is tuple or kind is list:
        for part in x:
            yield from nodes_in(part)
    elif kind is dict:
        for part in x.values():
            yield from nodes_in(part)
    elif kind is slice:
        for part in (x.start, x.stop, x.step):
            yield from nodes_in(part)


def parents(step: Step) -> list[Node]:
    """Return the nodes that a step reads, one as often as it reads it."""
    if type(step) is Guard:
        return [step.node]
    found = []
    for x in step.args:  # type: ignore[union-attr]
        if type(x) is Node:
            found.append(x)
        elif type(x) in (tuple, list, slice, dict):
            found += nodes_in(x)
    if step.kwargs:  # type: ignore[union-attr]
        found += nodes_in(step.kwargs)  # type: ignore[union-attr]
    return found


def ancestors(nodes: Iterable[Node], known: Any = ()) -> set[Node]:
    """Return nodes with all that they are computed from, up to those that are known."""
    found: set[Node] = set()
    waiting = list(nodes)
    while waiting:
        n = waiting.pop()
        if n not in found and n not in known:
            found.add(n)
            waiting += parents(n)
    return found


def key_of(x: Any) -> Any:
    """Return what tells arguments apart: arrays by identity, numbers by type and digits."""
    kind = type(x)
    if kind is Node or kind is type(None) or kind is str or kind is type(Ellipsis):
        return x
    if kind is int or kind is bool:
        return kind, x
    if kind is tuple or kind is list:
        return (kind, *map(key_of, x))
    if kind is slice:
        return (slice, key_of(x.start), key_of(x.stop), key_of(x.step))
    if kind is dict:
        return (dict, *((name, key_of(part)) for name, part in sorted(x.items())))
    if isinstance(x, (float, complex, onp.generic)):
        return kind, repr(x)
    try:
        hash(x)
    except TypeError:
        return "id", id(x)
    return kind, x


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a node or a constant."""
    return x.shape if hasattr(x, "shape") else onp.shape(x)


def dtype_of(x: Any) -> Any:
    """Return the dtype of a node or a constant; of a Python number, None: it adapts to arrays."""
    return x.dtype if type(x) is not Node or x.type is not float else None


def number_of(x: Any) -> Any:
    """Return the number that a constant is everywhere, as Python's, or None: a filled array is one too."""
    kind = type(x)
    if kind is float or kind is int:
        return x
    if kind is Node:
        return None
    if isinstance(x, onp.generic):
        return x.item() if x.dtype.kind in "fiu" else None
    if kind is ndarray and x.dtype.kind in "fiu" and x.size and not any(x.strides):
        return x.flat[0].item()
    return None


def spec_of(x: Any) -> Spec:
    """Return the spec of a plain value or a node."""
    kind = type(x)
    if kind is Node:
        return x.spec  # type: ignore[no-any-return]
    if kind is ndarray or isinstance(x, onp.generic):
        return Spec(kind, x.shape, x.dtype)
    if kind in (float, int, bool, complex):
        return Spec(kind, (), onp.dtype(kind))
    if isinstance(x, (tuple, list)):
        return Spec(kind, (), None, tuple(map(spec_of, x)))
    return Spec(kind)


VIEWS = frozenset({onp.reshape, onp.transpose, onp.broadcast_to, GETITEM})


def may_fold(fn: Any, args: Any) -> bool:
    """Say whether a call of constants may be computed once: an array that f has from elsewhere may change."""
    return fn in VIEWS or all(type(x) is not ndarray or not any(x.strides) for x in args)


def folded(fn: Any, args: Any, kwargs: Any) -> Any:
    """Return the value of a call of constants; of arrays filled with one number, another such array."""
    with onp.errstate(all="ignore"):
        arrays = [x for x in args if type(x) is ndarray and x.ndim]
        if isinstance(fn, onp.ufunc) and fn.nout == 1 and not kwargs and arrays:
            shape = onp.broadcast_shapes(*map(shape_of, args))
            y = fn(*(x[(0,) * x.ndim] if type(x) is ndarray and x.size else x for x in args))
            return onp.broadcast_to(y, shape)
        y = fn(*args, **kwargs)
        if type(y) is ndarray and y.size and not any(any(x.strides) for x in arrays):
            first = y.reshape(-1)[:1]
            if y.tobytes() == first.tobytes() * y.size:
                return onp.broadcast_to(first[0], y.shape)  # what made it has given it strides
        return y


def _is_like(hint: Node, args: Any, kwargs: Any) -> bool:
    """Say whether a call is given arguments of the classes, shapes and dtypes of those of a node."""
    if kwargs.keys() != hint.kwargs.keys() or not _are_like(args, hint.args):
        return False
    return _are_like(tuple(kwargs.values()), tuple(hint.kwargs[name] for name in kwargs))


def _are_like(args: Any, others: Any) -> bool:
    """Say whether two lists of arguments are of the same classes, shapes and dtypes."""
    if len(args) != len(others):
        return False
    return all(a is b or _is_like_other(a, b) for a, b in zip(args, others, strict=True))


def _is_like_other(a: Any, b: Any) -> bool:
    kind = type(a)
    if kind is not type(b):
        return _is_array(a) and _is_array(b) and (a.shape, a.dtype) == (b.shape, b.dtype)
    if kind is Node:
        return a.type is b.type and a.shape == b.shape and a.dtype == b.dtype and a.parts == b.parts
    if kind is tuple or kind is list:
        return _are_like(a, b)
    if kind is slice:
        return _are_like((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    return kind is not ndarray and bool(a == b)


def _is_array(x: Any) -> bool:
    return type(x) is ndarray or (type(x) is Node and x.is_array)


class Builder:
    """A program under construction: every node is made here, equal calls once.

    ``rules`` maps functions to rewrites: (builder, *args, **kwargs) ↦ a node or constant that is equal to
    the call, or None to leave it as it is. ``infer`` gives the spec of a call whose values are not at hand.
    """

    def __init__(
        self,
        inputs: Iterable[Node] = (),
        rules: Any = None,
        infer: Callable[..., Spec] | None = None,
    ) -> None:
        self.inputs: list[Node] = list(inputs)
        self.steps: list[Step] = []
        self.known: dict[Any, Node] = {}
        self.kept: list[Any] = []  # what is known by its id must live as long as this
        self.count = max((n.id for n in self.inputs), default=-1) + 1
        self.rules = rules or {}
        self.infer = infer
        self.name: str | None = None  # of the node that is being rewritten: what replaces it inherits it
        self.hint: Node | None = None  # that node: the same call with like arguments has its spec

    def input(self, spec: Spec, name: str) -> Node:
        """Add an input."""
        node = Node(self.count, None, (), {}, spec, name)
        self.count += 1
        self.inputs.append(node)
        return node

    def guard(self, node: Node, how: str, expected: Any, line: str = "") -> None:
        """Add a guard, unless one before it has asked the same."""
        key = ("guard", node, how)
        if key not in self.known:
            self.known[key] = node
            self.steps.append(Guard(node, how, expected, line))

    def attempt(self, f: Callable[[], Any]) -> Any:
        """Return what f returns; where that is None, forget the calls and guards that it has made."""
        before = len(self.steps), len(self.known), len(self.kept)
        y = f()
        if y is None:
            while len(self.known) > before[1]:
                self.known.popitem()
            del self.steps[before[0] :], self.kept[before[2] :]
        return y

    def find(self, fn: Any, *args: Any, **kwargs: Any) -> Node | None:
        """Return the node of a call if there is one."""
        return self.known.get((fn, key_of(args), key_of(kwargs) if kwargs else None))

    def call(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a call: simplified by the rules, or one that is there already, or a new node."""
        rule = self.rules.get(fn)
        if rule is not None:
            y = rule(self, *args, **kwargs)
            if y is not None:
                return y
        return self.raw(fn, args, kwargs)

    def raw(self, fn: Any, args: tuple[Any, ...], kwargs: Any = None, spec: Spec | None = None) -> Any:
        """Return a call as it stands; a call of constants alone is computed."""
        kwargs = kwargs or {}
        key = (fn, key_of(args), key_of(kwargs) if kwargs else None)
        node = self.known.get(key)
        if node is None:
            if spec is None:
                if next(nodes_in((args, kwargs)), None) is None and may_fold(fn, args):
                    return folded(fn, args, kwargs)
                hint = self.hint
                if hint is not None and hint.fn is fn and _is_like(hint, args, kwargs):
                    spec = hint.spec
                else:
                    assert self.infer is not None
                    spec = self.infer(fn, args, kwargs)
            node = Node(self.count, fn, args, kwargs, spec, self.name)
            self.count += 1
            self.steps.append(node)
            self.known[key] = node
            self.kept.append((args, kwargs))
        return node

    def program(self, outputs: list[Any]) -> Program:
        """Return the program that has been built, without what no output and no guard needs."""
        asked = [step.node for step in self.steps if type(step) is Guard]
        needed = ancestors([*(x for x in outputs if type(x) is Node), *asked])
        steps = [step for step in self.steps if type(step) is Guard or step in needed]
        return Program(self.inputs, steps, outputs)


Remake = Callable[["Builder", Node, Callable[[Any], Any]], Any]


def rebuild(program: Program, builder: Builder, remake: Remake | None = None) -> Program:
    """Return a program with every call made once more, by this builder.

    ``remake`` returns what a call becomes, or None for the same call. It is given the builder, the call, and
    what maps nodes to those that they have become.
    """
    new: dict[Node, Any] = {n: n for n in program.inputs}
    at = new.__getitem__

    def become(x: Any) -> Any:
        return new[x] if type(x) is Node else x

    for step in program.steps:
        if type(step) is Guard:
            node = new[step.node]
            if type(node) is Node:
                builder.guard(node, step.how, step.expected, step.line)
        else:
            builder.name, builder.hint = step.name, step  # type: ignore[union-attr, assignment]
            made = remake(builder, step, become) if remake is not None else None  # type: ignore[arg-type]
            if made is None:
                builder.name, builder.hint = step.name, step  # type: ignore[union-attr, assignment]
                args, kwargs = map_nodes(at, step.args), map_nodes(at, step.kwargs)  # type: ignore[union-attr]
                made = builder.call(step.fn, *args, **kwargs)  # type: ignore[union-attr]
            new[step] = made  # type: ignore[index]
    builder.name = builder.hint = None
    outputs = [new[x] if type(x) is Node else x for x in program.outputs]
    return builder.program(outputs)

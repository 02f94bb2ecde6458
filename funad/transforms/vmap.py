"""vmap: a function of one example as a function of a stack of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as onp

from .. import batching as batching  # fills the table of batch rules
from .. import numpy as np
from .. import tree
from ..boxes import Traced
from ..duck_arrays import written
from ..errors import ArgumentError, ArgumentTypeError
from ..foreign import is_duck
from ..opaque import batched
from ..refusals import refused_constant
from ..spaces import describe, is_number, laid_out_copy, name_of, room_for_stack
from ..trace import Looked
from ..traces import batch_fast as batch_fast
from ..traces.batch import BatchTrace
from ..traces.reverse import has_ended, refuse_ended
from ..tracing import line_of, run, user_line
from ..values import shape_of
from ..writing import snapshot
from .calls import P, Transformed, own_copy, owned

__all__ = ["vmap"]

ndarray = onp.ndarray
Axes = Any  # an int, None, or a container of them


class _Leaf(NamedTuple):
    """A leaf of the arguments: its value, the axis that counts the examples or None, its name in messages."""

    x: Any
    axis: int | None
    name: str


def vmap(
    f: Callable[P, Any], in_axes: Axes = 0, out_axes: Axes = 0, axis_size: int | None = None
) -> Callable[P, Any]:
    """Turn a function of one example into a function of a stack of examples.

    ``vmap(f)(xs)`` is ``np.stack([f(x) for x in xs])``, of f's derivatives too, but ``f`` runs once, on all
    examples at a time.

    Parameters
    ----------
    f : callable
        Takes and returns numbers, arrays, or containers of them.
    in_axes : int, None, or container of them, default 0
        The axis of each argument that counts the examples; None for an argument that is the same for all.
        One for all arguments, or a tuple with one per argument; of an argument that is a container, a
        container of the same kind. Arguments given by name are mapped along axis 0.
    out_axes : int, None, or container of them, default 0
        Where that axis is in the results; None for a result that is the same for all examples.
    axis_size : int, optional
        The number of examples; needed only if no argument is mapped.

    Returns
    -------
    callable
        Takes the arguments of ``f`` with one more axis of length n where ``in_axes`` says so; returns what
        ``f`` returns, with one more axis of length n where ``out_axes`` says so.

    Raises
    ------
    ArgumentError
        When called, if the axes do not fit the arguments or differ in length, or if a result that is to be
        the same for all examples is not.

    See Also
    --------
    jacobian : vmap of products with the basis, in one call.

    Notes
    -----
    Where ``f`` decides by a value, as ``if x > 0`` does, the examples may go different ways: then ``f``
    runs once per example, which is slower and as right. A function that has no way to take stacks runs
    once per example by itself. ``vmap.explain(f, in_axes)(*args)`` says what did. So what ``f`` does
    beside returning a value, as printing or drawing random numbers, may happen once or once per
    example; random numbers that are drawn once are the same for all examples: hand them in as an argument.

    What ``f`` writes into its arguments is written into copies.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import grad, vmap
    >>> loss = lambda w, x: np.sum(w * x) ** 2
    >>> w, xs = np.array([1.0, 2.0]), np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> vmap(grad(loss), in_axes=(None, 0))(w, xs)  # one gradient per example
    array([[2., 0.],
           [0., 4.]])
    """
    _check_axes("in_axes", in_axes)
    _check_axes("out_axes", out_axes)
    _check_size(axis_size)
    return Transformed(_vmap, f, in_axes, out_axes, axis_size)


def explain(f: Any, in_axes: Axes = 0, out_axes: Axes = 0, axis_size: int | None = None) -> Any:
    """Turn a function into one that says which parts of ``vmap(f)`` ran once per example, and why.

    The parameters are those of :func:`vmap`.

    Returns
    -------
    callable
        Takes the arguments of ``vmap(f)``; returns text.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import vmap
    >>> print(vmap.explain(np.tanh)(np.ones(3)))
    tanh ran once for all 3 examples
    """
    _check_axes("in_axes", in_axes)
    _check_axes("out_axes", out_axes)
    _check_size(axis_size)
    return Transformed(_explain, f, in_axes, out_axes, axis_size)


vmap.explain = explain  # type: ignore[attr-defined]


def _vmap(f: Any, in_axes: Axes, out_axes: Axes, axis_size: int | None, args: Any, kwargs: Any) -> Any:
    return _mapped(f, in_axes, out_axes, axis_size, args, kwargs)[0]


def _explain(f: Any, in_axes: Axes, out_axes: Axes, axis_size: int | None, args: Any, kwargs: Any) -> str:
    lines: list[str] = []
    _, trace, whole = _mapped(f, in_axes, out_axes, axis_size, args, kwargs, _Noting(lines))
    if whole:
        return f"{name_of(f)} ran once for each of {trace.size} examples: {whole}"
    said = f"{name_of(f)} ran once for all {trace.size} examples"
    counted = {line: lines.count(line) for line in lines}
    return "\n".join(
        [said, *(f"  {line}" + (f" ({n} times)" if n > 1 else "") for line, n in counted.items())]
    )


class _Noting(list[Any]):
    """Takes what ran once per example as pairs (what, why), and keeps it as lines of text."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def append(self, pair: Any) -> None:
        what, why = pair
        at = user_line(3)
        self.lines.append(f"{what} ran once per example: {why}" + (f"; {at}" if at else ""))


def _mapped(
    f: Any, in_axes: Axes, out_axes: Axes, axis_size: int | None, args: Any, kwargs: Any, looped: Any = None
) -> tuple[Any, BatchTrace, str]:
    """Return the results, the trace, and why and where f went over to one run per example, if it did."""
    leaves, structure = _leaves(f, in_axes, args, kwargs)
    size = _size(f, leaves, axis_size)
    stacks = [leaf.x if leaf.axis is None else _front(leaf) for leaf in leaves]
    trace = BatchTrace(size, _Nowhere() if looped is None else looped)
    why = at = ""
    try:
        y = _of_stacks(f, trace, leaves, stacks, structure)
    except Looked as look:
        if look.trace is not trace:
            raise
        why, at = look.why, line_of(look)
    except Exception as error:  # one that members raise, too, is theirs: it comes again
        if not size:
            raise
        why, at = f"it raised {type(error).__name__}: {error}", line_of(error)
    finally:
        trace.ended = True
    if trace.looked:  # by code that has caught what told of it, too
        why = why or "a value was asked for"
    if why:
        y = _one_by_one(f, leaves, stacks, structure, size, why)
    results, output = tree.flatten(y)
    axes = _spread_axes("out_axes", out_axes, y, name_of(f))
    given = [leaf.x for leaf in leaves]
    found = [_result(trace, f, part, axis, given) for part, axis in zip(results, axes, strict=True)]
    return tree.unflatten(output, found), trace, f"{why}; {at}" if at else why


def over_stack(f: Any, stacks: list[Any], likes: list[Any]) -> list[Any]:
    """Return what f returns of the members of stacks, a list of arrays, as a list of stacks.

    It is vmap of a function of arrays for Jacobians: f has no effects, and gives zeros where it gives
    nothing. ``likes`` are members as f is to see them by themselves: a Python float, say.
    """
    if len(stacks[0]) > 1:
        trace = BatchTrace(len(stacks[0]), _Nowhere())
        trace.of_basis = True
        try:
            found = [trace.stack(y) for y in f(*[batched(trace, stack) for stack in stacks])]
            if not trace.looked:
                return found
        except Looked as look:
            if look.trace is not trace:
                raise
        except Exception:  # a member raises it too, and there it is explained
            pass
        finally:
            trace.ended = True
    return over_each(f, stacks, likes)


def over_each(f: Any, stacks: list[Iterable[Any]], likes: list[Any]) -> list[Any]:
    """Return the same of one member after the other."""
    members = [map(float, x) if type(like) is float else x for x, like in zip(stacks, likes, strict=True)]
    return [
        column[0][None] if len(column) == 1 and type(column[0]) is ndarray else np.stack(column)
        for column in zip(*map(f, *members), strict=True)
    ]


class _Nowhere(list[Any]):
    """Takes notes that nobody reads."""

    def append(self, pair: Any) -> None:
        pass


def _of_stacks(f: Any, trace: BatchTrace, leaves: list[_Leaf], stacks: list[Any], structure: Any) -> Any:
    """Run f on batched values."""

    def call(xs: list[Any]) -> Any:
        args, kwargs = tree.unflatten(structure, xs)
        return f(*args, **kwargs)

    xs = [
        x if leaf.axis is None else batched(trace, x)
        for x, leaf in zip(map(snapshot, stacks), leaves, strict=True)
    ]
    return run(call, xs)


def _one_by_one(f: Any, leaves: list[_Leaf], stacks: list[Any], structure: Any, size: int, why: str) -> Any:
    """Run f once per example and stack the results."""
    if not size:
        raise ArgumentError(
            f"{name_of(f)} runs once per example, as {why}, and there is no example to tell the shapes of "
            "its results; give vmap at least one example"
        )
    ys = []
    stacks = list(map(snapshot, stacks))
    for k in range(size):
        xs = [x if leaf.axis is None else _own_member(x[k]) for x, leaf in zip(stacks, leaves, strict=True)]
        args, kwargs = tree.unflatten(structure, xs)
        ys.append(f(*args, **kwargs))
    parts, structures = zip(*map(tree.flatten, ys), strict=True)
    for k, found in enumerate(structures):
        if found != structures[0]:
            raise ArgumentError(
                f"{name_of(f)} returned the structure {structures[0]} for the first example and {found} for "
                f"example {k}; return the same for all"
            )
    return tree.unflatten(structures[0], [_Members(members) for members in zip(*parts, strict=True)])


class _Members:
    """What one result is for each of the examples."""

    def __init__(self, members: tuple[Any, ...]) -> None:
        self.members = members


def _own_member(x: Any) -> Any:
    """Return a member in memory of its own, laid out as it is, and read-only if it is."""
    if type(x) is not ndarray:
        return x
    copy = laid_out_copy(x)
    copy.flags.writeable = x.flags.writeable
    return copy


def _front(leaf: _Leaf) -> Any:
    """Return an argument with the axis of the examples in front."""
    x: Any = leaf.x if isinstance(leaf.x, Traced) else onp.asarray(leaf.x)
    stack = np.moveaxis(x, leaf.axis, 0) if leaf.axis else x
    if type(stack) is not ndarray or stack.ndim < 2 or not stack.size:
        return stack
    first, *others = map(abs, stack.strides)
    if first >= max(others):
        return stack
    # The members of what is computed with it are to be laid out as those of what is computed with a member.
    front = room_for_stack(len(stack), stack[0])
    front[...] = stack
    front.flags.writeable = stack.flags.writeable
    return front


def _result(trace: BatchTrace, f: Any, y: Any, axis: int | None, given: list[Any]) -> Any:
    """Return one result with the axis of the examples where it is wanted."""
    members = y.members if type(y) is _Members else None
    for part in members or (y,):
        if not is_number(part) or _has_own_arithmetic(part):
            found = (
                type(part).__name__ if issubclass(type(part), ndarray) and is_number(part) else describe(part)
            )
            raise ArgumentError(
                f"{name_of(f)} returned {found}, of which no stack can be made; return numbers, "
                "arrays or containers of them from a function that vmap maps"
            )
    if axis is None:
        return _same_for_all(trace, f, y, members)
    if members is not None:
        shapes = sorted({shape_of(part) for part in members})
        if len(shapes) > 1:
            raise ArgumentError(
                f"{name_of(f)} returned arrays of shapes {' and '.join(map(str, shapes[:2]))} for different "
                f"examples, of which no stack can be made"
            )
        stack = np.stack(members)
    elif trace.has(y):
        stack = y.stack
        stack = own_copy(stack) if any(stack is x for x in given) else owned([stack])[0]
    else:
        stack = own_copy(np.broadcast_to(y, (trace.size, *shape_of(y))))
    if not -stack.ndim <= axis < stack.ndim:
        raise ArgumentError(
            f"out_axes {axis} is out of range for a result of {name_of(f)} of shape {shape_of(stack)[1:]}, "
            f"which has {stack.ndim} axes with that of the examples"
        )
    return np.moveaxis(stack, 0, axis) if axis else stack


def _same_for_all(trace: BatchTrace, f: Any, y: Any, members: Any) -> Any:
    """Return a result that is the same for all examples; refuse one that depends on them."""
    if trace.has(y):
        raise ArgumentError(
            f"out_axes is None for a result of {name_of(f)} that depends on the example; give the axis "
            "that is to count the examples"
        )
    if members is None:
        return y
    if all(onp.array_equal(members[0], part, equal_nan=True) for part in members):
        return members[0]
    raise ArgumentError(
        f"out_axes is None for a result of {name_of(f)} that differs from example to example; give the "
        "axis that is to count the examples"
    )


# --- axes


def _check_axes(name: str, axes: Axes) -> None:
    """Refuse axes that are no ints."""
    for leaf in tree.flatten(axes)[0]:
        if leaf is not None and (isinstance(leaf, bool) or not isinstance(leaf, (int, onp.integer))):
            raise ArgumentError(f"{name} is made of ints and None, but has {leaf!r:.40} in it")


def _check_size(size: Any) -> None:
    """Refuse a number of examples that is no number of things."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, (int, onp.integer)) or size < 0):
        raise ArgumentError(f"axis_size is the number of examples, an int of 0 or more, not {size!r:.40}")


def _leaves(f: Any, in_axes: Axes, args: Any, kwargs: Any) -> tuple[list[_Leaf], Any]:
    """Return the leaves of the arguments with their axes, and the structure of (args, kwargs)."""
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if isinstance(in_axes, tuple):
        if len(in_axes) != len(args):
            raise ArgumentError(
                f"in_axes names {len(in_axes)} arguments of {name_of(f)}, but it was called with "
                f"{len(args)} by position; those by name are mapped along axis 0"
            )
        per_argument = in_axes
    else:
        per_argument = (in_axes,) * len(args)
    leaves = []
    given = [
        *zip(range(len(args)), args, per_argument, strict=True),
        *((name, kwargs[name], 0) for name in kwargs),
    ]
    for argument, x, axes in given:
        name, by_name = f"argument {argument!r}", isinstance(argument, str)
        which = f"{name} of {name_of(f)}"
        found = _spread_axes("in_axes", axes, x, which)
        places = [""] if tree.is_leaf(x) else [f", at {path}," for path in tree.paths(x)]
        for leaf, axis, place in zip(tree.flatten(x)[0], found, places, strict=True):
            leaves.append(_Leaf(leaf, _axis_of(leaf, axis, which + place, by_name), which + place))
    return leaves, tree.flatten((list(args), kwargs))[1]


def _spread_axes(what: str, axes: Axes, x: Any, name: str) -> list[int | None]:
    """Return one axis per leaf of x, of axes that are a container like the upper part of x."""
    if axes is None or isinstance(axes, (int, onp.integer)):
        return [None if axes is None else int(axes)] * len(tree.flatten(x)[0])
    children, wanted = _children(x), _children(axes)
    if children is None or wanted is None or type(x) is not type(axes) or children.keys() != wanted.keys():
        lists = isinstance(x, (list, tuple)) and isinstance(axes, (list, tuple)) and len(x) == len(axes)
        if not lists:
            raise ArgumentError(
                f"{what} has a {type(axes).__name__}, {axes!r:.60}, for {name}, which is {_what(x)}; give "
                "one int or None for all of it, or a container of the same structure"
            )
    return list(
        itertools.chain.from_iterable(
            _spread_axes(what, inner, child, name)
            for inner, child in zip(wanted.values(), children.values(), strict=True)  # type: ignore[union-attr]
        )
    )


def _children(x: Any) -> dict[Any, Any] | None:
    """Return the parts of a container by name or place; None of a leaf."""
    if isinstance(x, dict):
        return x
    if isinstance(x, (list, tuple)):
        return dict(enumerate(x))
    return None


def _what(x: Any) -> str:
    return describe(x) if tree.is_leaf(x) or isinstance(x, (list, tuple)) else type(x).__name__


def _axis_of(x: Any, axis: int | None, name: str, by_name: bool) -> int | None:
    """Return the axis of a leaf, counted from the front; refuse one that it has not."""
    if axis is None:
        return None
    if isinstance(x, Traced) and has_ended(x.tape):
        refuse_ended()
    instead = (
        "give it by position and name None for it in in_axes" if by_name else "name None for it in in_axes"
    )
    if _has_own_arithmetic(x):
        raise ArgumentTypeError(
            f"{name} is a {type(x).__name__}, whose arithmetic is its own; give numpy.asarray(x), and a mask "
            f"beside it, or {instead} if it is the same for all examples"
        )
    if is_duck(x):
        raise ArgumentTypeError(
            f"{name} is {written(x)} of which vmap makes no examples; compute with the whole array, "
            f"np.sum(x, axis=1) for np.sum(x) of each row, or {instead}"
        )
    if not is_number(x):
        values = "give its values as an array, numpy.asarray(x), or " if hasattr(x, "__array__") else ""
        raise ArgumentTypeError(f"{name} is {describe(x)}, which has no axis to map along; {values}{instead}")
    shape = shape_of(x)
    if not -len(shape) <= axis < len(shape):
        lists = "; write np.array([...]) for a list of numbers" if ", at [" in name else ""
        raise ArgumentError(
            f"{name} has shape {shape}, which has no axis {axis} to map along; {instead} if it is the same "
            f"for all examples{lists}"
        )
    return int(axis) % len(shape)


def _has_own_arithmetic(x: Any) -> bool:
    """Say whether x is an array with a meaning of its own: masked, or a matrix."""
    return type(x) is not ndarray and issubclass(type(x), ndarray) and refused_constant(x) is not None


def _size(f: Any, leaves: list[_Leaf], axis_size: int | None) -> int:
    """Return the number of examples; refuse arguments that do not agree on it."""
    mapped = [(leaf, leaf.axis) for leaf in leaves if leaf.axis is not None]
    if not mapped:
        if axis_size is None:
            raise ArgumentError(
                f"no argument of {name_of(f)} is mapped, so that nothing says how many examples there are; "
                "name an axis in in_axes, or give axis_size"
            )
        return axis_size
    first, axis = mapped[0]
    size = shape_of(first.x)[axis]
    for leaf, other in mapped:
        if shape_of(leaf.x)[other] != size:
            raise ArgumentError(
                f"the axes to map along differ in length: {first.name} has shape {shape_of(first.x)} and "
                f"axis {axis} of length {size}, but {leaf.name} has shape {shape_of(leaf.x)} and axis "
                f"{other} of length {shape_of(leaf.x)[other]}; name None in in_axes for an argument that is "
                f"the same for all examples"
            )
    if axis_size is not None and axis_size != size:
        raise ArgumentError(
            f"axis_size is {axis_size}, but axis {axis} of {first.name}, of shape {shape_of(first.x)}, has "
            f"length {size}"
        )
    return int(size)

"""An element of a call as a line of a kernel, made of elements of its arguments."""

from __future__ import annotations

from typing import Any

import numpy as onp

from ..indices import scatter
from ..writing import assign
from .loops import is_loop
from .numba_places import Index, combined, fixed, parts_of, text_of, variable
from .numba_words import BOOL, CASTS, INT, JOINS, OPERATORS, WORDS, dtype_for, gathers
from .program import GETITEM, Node, number_of, shape_of

__all__ = ["NotYet", "axis_of_join", "broadcast_index", "computed", "literal", "taken"]


class NotYet(Exception):
    """The elements that a call needs are in no memory and in no line of this loop."""


def broadcast_index(x: Any, index: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return the index into an operand for one into the result."""
    shape = shape_of(x)
    return tuple(
        [fixed(0) if d == 1 else i for d, i in zip(shape, index[len(index) - len(shape) :], strict=True)]
    )


def literal(x: Any) -> Any:
    c = number_of(x)
    if c is None:  # True or False, or a NumPy number of those
        return repr(bool(x))
    return repr(float(c)) if isinstance(c, float) else repr(c)


def computed(w: Any, n: Node, index: tuple[Index, ...]) -> Any:
    """Write the line of an element of a call."""
    fn = n.fn
    reduction = w.reductions.get(n)
    if reduction is not None:
        here = {k: i for k, i in zip(reduction.result, index, strict=True) if k is not None}
        return w.total(list(w.terms(n, reduction, here)), n, reduction.how)
    special = _ELEMENTS.get(fn) if not is_loop(n.args[0]) else None
    if special is not None:
        return str(special(w, n, index))
    if fn not in OPERATORS and fn not in WORDS:  # it has loops of its own
        raise NotYet
    if fn is onp.where or WORDS.get(fn) == "keep":
        return chosen(w, n, index)
    operands = [w.element(a, broadcast_index(a, index)) for a in n.args]
    dtype = dtype_for(n, [w.dtypes.get(v) for v in operands])
    operands = [w.cast(v, dtype) for v in operands]
    if fn in OPERATORS:
        return w.say(f"{operands[0]} {OPERATORS[fn]} {operands[1]}", n.dtype, n.name or "v")
    word = WORDS[fn]
    return w.say(f"{word}({', '.join(operands)})", n.dtype, n.name or "v") if word else operands[0]


def chosen(w: Any, n: Node, index: tuple[Index, ...]) -> Any:
    """Write ``where``, or what is like it: ``_keep`` has the condition last and 0 for the rest."""
    condition, a, b = n.args if n.fn is onp.where else (n.args[1], n.args[0], 0)
    values = [w.element(x, broadcast_index(x, index)) for x in (condition, a, b)]
    if w.dtypes.get(values[0], BOOL) != BOOL:
        values[0] = w.say(f"{values[0]} != 0", BOOL)
    values[1:] = [w.cast(v, n.dtype) if v in w.dtypes else f"{n.dtype.name}({v})" for v in values[1:]]
    return w.say(f"where({', '.join(values)})", n.dtype, n.name or "v")


def converted(w: Any, n: Node, index: tuple[Index, ...]) -> Any:
    """Write a copy in another dtype."""
    return w.cast(w.element(n.args[0], index), n.dtype)


def part_of_join(w: Any, n: Node, index: tuple[Index, ...]) -> Any:
    """Take an element of a concatenation or a stack from the part that it is in."""
    axis, parts = axis_of_join(w, n), n.args[0]
    i = index[axis]
    if i[1]:
        raise NotYet
    k = i[0]
    if n.fn is not onp.concatenate:
        return w.cast(w.element(parts[k], index[:axis] + index[axis + 1 :]), n.dtype)
    for x in parts:
        size = shape_of(x)[axis]
        if k < size:
            return w.cast(w.element(x, (*index[:axis], fixed(k), *index[axis + 1 :])), n.dtype)
        k -= size
    raise AssertionError


def axis_of_join(w: Any, n: Node) -> int:
    axis = n.kwargs.get("axis", n.args[1] if len(n.args) > 1 else 0)
    return int(axis) % n.ndim


def gathered(w: Any, n: Node, index: tuple[Index, ...]) -> Any:
    """Read an element at an index that is computed."""
    base = n.args[0]
    place = w.find(base)
    if place is None:
        raise NotYet
    return w.say(f"{place.buffer}[{text_of(place.at(taken(w, n.args[1], base.shape, index)))}]", n.dtype)


def taken(w: Any, index: Any, shape: tuple[int, ...], at: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return the index into an array of this shape of an element of what an index takes."""
    parts = parts_of(index, len(shape))
    arrays = [p for p in parts if hasattr(p, "dtype")]
    rank = max((len(shape_of(p)) for p in arrays), default=0)
    found, left, mine = [], list(at), None
    for p, d in zip(parts, shape, strict=True):
        if type(p) is slice:
            start, _, step = p.indices(d)
            found.append(combined(fixed(start), left.pop(0), step))
        else:
            if mine is None:
                mine, left = tuple(left[:rank]), left[rank:]
            found.append(variable(wrapped(w, p, d, mine)))
    return tuple(found)


def wrapped(w: Any, p: Any, size: int, at: tuple[Index, ...]) -> Any:
    """Return an index within an axis; negative ones count from its end, others are given up."""
    k = w.element(p, broadcast_index(p, at))
    name = w.say(f"wrapped({k}, {size})", INT, "k")
    line = f"code |= outside({k}, {size})"
    if line not in w.body:
        w.body.append(line)
    return name


def assigned(w: Any, n: Node, index: tuple[Index, ...]) -> Any:
    """Take an element of an array after a write: what was written, or what was there."""
    (x, v), _, where = n.args
    at = _within(where, n.shape, index)
    if at is None:
        return w.element(x, index)
    return w.cast(w.element(v, broadcast_index(v, at)), n.dtype)


def added(w: Any, n: Node, index: tuple[Index, ...]) -> Any:
    """Take an element of zeros with pieces added: the sum of the pieces that are there."""
    _, _, indices, pieces = n.args
    if any(map(gathers, indices)):
        raise NotYet
    at = [_within(i, n.shape, index) for i in indices]
    terms = [
        w.cast(w.element(p, broadcast_index(p, k)), n.dtype)
        for p, k in zip(pieces, at, strict=True)
        if k is not None
    ]
    return w.total(terms, n, "sum") if terms else "0.0"


def _within(index: Any, shape: tuple[int, ...], at: tuple[Index, ...]) -> tuple[Index, ...] | None:
    """Return the index into a part of an array of one into the array; None if it is not in that part."""
    found: list[Index] = []
    left = list(zip(at, shape, strict=True))
    for p in parts_of(index, len(shape)):
        if p is None:
            found.append(fixed(0))
            continue
        i, d = left.pop(0)
        if type(p) is slice:
            start, stop, step = p.indices(d)
            places = range(start, stop, step)
            if places == range(d):
                found.append(i)
                continue
            if i[1]:
                raise NotYet
            if i[0] not in places:
                return None
            found.append(fixed(places.index(i[0])))
        else:
            if i[1]:
                raise NotYet
            if i[0] != p % d:
                return None
    return tuple(found)


_ELEMENTS: dict[Any, Any] = {
    **dict.fromkeys(CASTS, converted), **dict.fromkeys(JOINS, part_of_join), GETITEM: gathered,
    assign: assigned, scatter: added,
}  # fmt: skip

"""Calls that have loops of their own in a kernel: products, rolled loops, and what puts arrays together.

``w`` is the kernel that is being written, a ``KernelText``. All arguments are in memory.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as onp

from ..indices import scatter as scatter_
from ..writing import assign as assign_
from .diagonals import from_diagonals, length
from .loops import Loop
from .loops import shifted as shifted_
from .numba_elements import axis_of_join, taken
from .numba_places import (
    Index,
    Place,
    combined,
    fixed,
    is_view,
    root_of,
    rows,
    text_of,
    through_slices,
    variable,
)
from .numba_words import JOINS, gathers, reduction_of
from .program import GETITEM, Guard, Node, Program, Step, shape_of

__all__ = ["CALLS", "loop"]


def loop(w: Any, n: Node) -> set[Step]:
    """Write a loop that has been rolled: carried values stay in place, rows of others are written."""
    loop: Loop = n.fn  # type: ignore[assignment]
    parts = {g.args[1]: g for g in w.made if g.fn is GETITEM and g.args[0] is n}
    first, scanned, invariants = n.args
    t, inputs, body = w.fresh("time"), iter(loop.body.inputs), loop.body
    carried = list(itertools.islice(inputs, loop.carried))
    for k, c in enumerate(carried):
        w.places[c] = w.space(parts.get(k), c.shape, c.dtype)
    w.copies([(x, w.places[c], c.shape, None) for c, x in zip(carried, first, strict=True)])
    for x, value in zip(itertools.islice(inputs, loop.scanned), scanned, strict=True):
        w.places[x] = row(w, all_rows(w, x, value), t)
    for x, value in zip(inputs, invariants, strict=True):
        w.places[x] = w.find(value)
    stored = []
    for k, y in enumerate(loop.stored, loop.carried):
        if k in parts:
            place = w.space(parts[k], parts[k].shape, parts[k].dtype)
            stored.append((y, row(w, place, t)))
    kept, w.lines = w.lines, []
    turn(w, body, stored, carried)
    lines = [f"    {line}" for line in w.lines]
    w.lines = [*kept, f"for {t} in range({loop.count}):", *lines] if lines else kept
    return {n, *parts.values()}


def row(w: Any, place: Place, t: str) -> Place:
    """Return where the part for one time of an array stands."""
    return Place(place.buffer, combined(place.offset, variable(t), place.strides[0]), place.strides[1:])


def all_rows(w: Any, x: Node, value: Any) -> Place:
    """Return where the values of an input of a loop are, those of all times one after the other."""
    if type(value) is not tuple:
        place = w.find(value)
        assert isinstance(place, Place)
        return place
    place = w.space(None, (len(value), *x.shape), x.dtype)
    parts = [Place(place.buffer, combined(place.offset, fixed(k), place.strides[0]), rows(x.shape))
             for k in range(len(value))]  # fmt: skip
    w.copies([(v, part, x.shape, None) for v, part in zip(value, parts, strict=True)])
    return place  # type: ignore[no-any-return]


def turn(w: Any, body: Program, stored: list[Any], carried: list[Node]) -> None:
    """Write what one time round a loop does."""
    made = {s for s in body.nodes if not is_view(s)}
    w.made |= made
    w.reductions.update({n: r for n in made if (r := reduction_of(n)) is not None})
    for y, place in stored:
        if y in made and y not in w.given:
            w.given[y] = place
    before = w.results
    w.results = [*before, *(x for x in body.outputs if type(x) is Node)]
    w._loops([s for s in body.steps if isinstance(s, Guard) or s in made])
    w.results = before
    for y, place in stored:
        if w.given.get(y) is not place:
            w.copy(y, place, shape_of(y))
    moves = [(c, x) for c, x in zip(carried, body.outputs, strict=False) if x is not c]
    for k, (c, x) in enumerate(moves):
        if type(x) is Node and root_of(x) in carried:  # which may be written before it is read
            place = w.space(None, x.shape, x.dtype)
            w.copy(x, place, x.shape)
            moves[k] = c, place
    w.copies([(x, w.places[c], c.shape, None) for c, x in moves])


def scatter(w: Any, n: Node, place: Place) -> None:
    _, _, indices, pieces = n.args
    w.fill(place, n.size, "0.0" if n.dtype.kind == "f" else "0")
    for index, piece in zip(indices, pieces, strict=True):
        w.copy(piece, place, _taken_shape(n.shape, index), taking(w, index, n.shape), "+=")


def taking(w: Any, index: Any, shape: tuple[int, ...]) -> Any:
    if gathers(index):
        return lambda at: taken(w, index, shape, at)
    return lambda at: through_slices(index, shape, at)


def assign(w: Any, n: Node, place: Place) -> None:
    (x, v), _, index = n.args
    w.copy(x, place, n.shape)
    w.copy(v, place, _taken_shape(n.shape, index), taking(w, index, n.shape))


def join(w: Any, n: Node, place: Place) -> None:
    axis, start = axis_of_join(w, n), 0
    items: list[Any] = []
    for x in n.args[0]:
        shape = shape_of(x)
        if n.fn is not onp.concatenate:
            shape = (*shape[:axis], 1, *shape[axis:])

        def to(index: tuple[Index, ...], start: int = start) -> tuple[Index, ...]:
            return (*index[:axis], combined(fixed(start), index[axis]), *index[axis + 1 :])

        if n.fn is onp.concatenate:
            items.append((x, place, shape, to))
        else:
            strides = place.strides[:axis] + place.strides[axis + 1 :]
            part = Place(place.buffer, combined(place.offset, fixed(start), place.strides[axis]), strides)
            items.append((x, part, shape_of(x), None))
        start += shape[axis]
    w.copies(items)


def shifted(w: Any, n: Node, place: Place) -> None:
    first, stack = n.args
    w.copy(first, Place(place.buffer, place.offset, place.strides[1:]), n.shape[1:])
    rest = w.find(stack)
    moved = Place(place.buffer, combined(place.offset, fixed(place.strides[0])), place.strides)
    w.copy(rest, moved, (n.shape[0] - 1, *n.shape[1:]))


def diagonals(w: Any, n: Node, place: Place) -> None:
    _, _, offsets, vectors = n.args
    w.fill(place, n.size, "0.0")
    width = n.shape[1]
    for k, v in zip(offsets, vectors, strict=True):
        first = k if k >= 0 else -k * width
        diagonal = Place(place.buffer, combined(place.offset, fixed(first)), (width + 1,))
        w.copy(v, diagonal, (length(n.shape, k),))


def product(w: Any, n: Node, place: Place) -> None:
    """Write a product of matrices, or of stacks of them, or of a matrix and a vector."""
    a, b = n.args
    if n.ndim == 1:
        by_vector(w, place, *((b, a, True) if len(a.shape) == 1 else (a, b, False)))
        return
    x, y = matrix(w, a, len(b.shape) == 2), matrix(w, b, False)
    m, size, k = a.shape[-2], b.shape[-1], a.shape[-1]
    if len(b.shape) == 2:
        m = math.prod(a.shape[:-1])
        w.lines.append(_gemm(place.buffer, place.offset, x, y, fixed(0), m, size, k))
        return
    i = variable("i0")
    at = combined(place.offset, i, place.strides[0])
    w.lines += [
        f"for i0 in range({n.shape[0]}):",
        "    " + _gemm(place.buffer, at, x, y, i, m, size, k),
    ]


def by_vector(w: Any, place: Place, x: Any, v: Any, turned: bool) -> None:
    """Write xv, or xᵀv."""
    buffer, offset, _, row, transposed = matrix(w, x, False)
    there = w.find(v)
    if there.strides != (1,):
        w.copy(v, w.space(None, v.shape, v.dtype), v.shape)
        there = w.copied
    w.fill(place, shape_of(x)[1 if turned else 0], "0.0")  # BLAS may multiply what is there by 0
    rows_, columns = shape_of(x)[::-1] if transposed else shape_of(x)
    w.lines.append(
        f"gemv({place.buffer}[{text_of(place.offset)}], {buffer}[{text_of(offset)}], {row}, "
        f"{turned != transposed}, {there.buffer}[{text_of(there.offset)}], {rows_}, {columns})"
    )


def matrix(w: Any, x: Any, flat: bool) -> Any:
    """Return (buffer, offset, stride of the stack, length of a row, transposed) of a matrix for BLAS."""
    place, shape = w.find(x), shape_of(x)
    if flat and len(shape) > 2:  # its first axes are one
        found = _flattened(place, shape)
        if found is None:
            w.copy(x, w.space(None, shape, x.dtype), shape)
            found = _flattened(w.copied, shape)
        place, shape = found, (math.prod(shape[:-1]), shape[-1])
    r, c = place.strides[-2:]
    stack = place.strides[0] if len(shape) == 3 else 0
    if c == 1 and r >= shape[-1]:
        return place.buffer, place.offset, stack, r, False
    if r == 1 and c >= shape[-2]:
        return place.buffer, place.offset, stack, c, True
    w.copy(x, w.space(None, shape_of(x), x.dtype), shape_of(x))
    return w.copied.buffer, fixed(0), math.prod(shape[-2:]) if len(shape) == 3 else 0, shape[-1], False


def _taken_shape(shape: tuple[int, ...], index: Any) -> tuple[int, ...]:
    """Return the shape of what an index takes of an array."""
    stand_in = onp.broadcast_to(onp.zeros((), onp.int8), shape)
    parts = index if type(index) is tuple else (index,)
    given = tuple(onp.zeros(shape_of(p), int) if hasattr(p, "dtype") else p for p in parts)
    return stand_in[given if given else ...].shape


def _flattened(place: Place, shape: tuple[int, ...]) -> Place | None:
    """Return a stack of matrices as one with all rows, or None if that is no matter of strides."""
    for k in range(len(shape) - 2):
        if place.strides[k] != place.strides[k + 1] * shape[k + 1] and shape[k] != 1:
            return None
    return Place(place.buffer, place.offset, place.strides[-2:])


def _gemm(buffer: str, at: Index, x: Any, y: Any, i: Index, m: int, n: int, k: int) -> str:
    def address(part: Any) -> str:
        return f"{part[0]}[{text_of(combined(part[1], i, part[2]))}]"

    sides = ", ".join(f"{address(part)}, {part[3]}, {part[4]}" for part in (x, y))
    return f"gemm({buffer}[{text_of(at)}], {sides}, {m}, {n}, {k})"


CALLS: dict[Any, Any] = {
    **dict.fromkeys(JOINS, join), scatter_: scatter, assign_: assign, from_diagonals: diagonals,
    shifted_: shifted, onp.dot: product, onp.matmul: product,
}  # fmt: skip

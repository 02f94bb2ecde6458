"""One walk along a tape for many cotangents or tangents: what Jacobians are made of.

They are stacked: the first axis counts them. A rule that works element by element takes a stack as it
takes one, by broadcasting; so do the commonest linear functions, by the tables below. Any other
rule is called once per member of the stack. Strong zeros are left to walks with a single cotangent:
a stack that meets what is not a number raises, and the caller walks one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import numpy as np
from ..floating import WHILE_RULES_RUN
from ..indices import ASSIGN, Scatter, Step, follow, lasting, put, repeats
from ..numpy.indexing import getitem, scatter
from ..numpy.manipulation import cast
from ..registry import primitive_of
from ..spaces import fit, unbroadcast, zeros_of
from ..traces.forward import tangent_of
from ..traces.pushforward import Steps, disowned
from ..traces.reverse import OUTPUT, WIDTH, accumulate, as_call
from ..traces.strong_zeros import has_nan
from ..values import dtype_of, shape_of

__all__ = ["pull_back_stack", "push_forward_stack", "stack_size"]

ndarray = onp.ndarray

# How many numbers a stack may have at any one step, so that it stays in the cache (measured: from
# 2**15 to 2**18 there is no difference), and in all steps together.
AT_ONCE = 1 << 17
IN_ALL = 1 << 24


class Unstacked(Exception):
    """Raised where a function of the tables has no way to take this stack: one by one, then."""


def stack_size(entries: list[Any], inputs: int, ends: list[Any], count: int) -> int:
    """Return how many of ``count`` cotangents or tangents to send along a tape at once.

    ``ends`` are its inputs and outputs. In between, a y that is let go of is an argument further on.
    """
    sizes = [math.prod(shape_of(x)) for x in ends]
    for start in range(inputs + 1, len(entries), WIDTH):
        y, a, b, source_a, source_b = entries[start + 1 : start + WIDTH - 1]
        sizes.append(math.prod(getattr(y, "shape", ())))
        if y is None and source_a is not None:
            sizes += [math.prod(getattr(x, "shape", ())) for x, n in ((a, source_a), (b, source_b)) if n]
        elif y is None and type(source_b) is tuple:
            found = (a[n] if type(n) is int else b[n] for n, _ in source_b)
            sizes += [math.prod(getattr(x, "shape", ())) for x in found]
    return min(count, AT_ONCE // max(1, *sizes), IN_ALL // max(1, sum(sizes)))


# --- backward


def pull_back_stack(entries: list[Any], inputs: int, index: int, ybar: Any) -> list[Any]:
    """Walk back along the tape, which stays as it is, from a stack ȳ in the slot ``index``.

    Return a stack of cotangents per input, or None. A nan raises FloatingPointError.
    """
    count = len(ybar)
    slots: list[Any] = [None] * len(entries)
    slots[index] = ybar
    owned: set[int] = set()
    with onp.errstate(**WHILE_RULES_RUN):
        for start in range(index - WIDTH + 1, inputs, -WIDTH):
            ybar = slots[start + WIDTH - 1]
            if ybar is None:
                continue
            slots[start + WIDTH - 1] = None
            prim, y, a, b, source_a, source_b = entries[start : start + WIDTH - 1]
            if prim is OUTPUT:
                if slots[source_b] is None:
                    slots[source_b] = {}
                slots[source_b][a] = ybar
                continue
            if type(ybar) is Scatter:
                ybar = ybar.dense()
            if prim is ASSIGN and _pull_assignment(slots, start + WIDTH - 1, ybar, a, source_b, owned):
                continue
            _pull_call(slots, prim, y, ybar, as_call(a, b, source_a, source_b), count, owned)
        found = [slot.dense() if type(slot) is Scatter else slot for slot in slots[1 : inputs + 1]]
        if any(map(has_nan, found)):
            raise FloatingPointError("a cotangent is not a number")
    return found


def _pull_call(
    slots: list[Any], prim: Any, y: Any, ybar: Any, call: Any, count: int, owned: set[int]
) -> None:
    """Walk back over one call."""
    args, kwargs, sources = call
    for argnum, source in sources:
        x = args[argnum] if type(argnum) is int else kwargs[argnum]
        found = _cotangents(prim, argnum, y, ybar, args, kwargs, count)
        if type(source) is int:
            found, x, source = [found], [x], (source,)
        for xbar, part, place in zip(found, x, source, strict=True):
            if place:
                _add(slots, place, _fit(xbar, part, count), owned)


def _add(slots: list[Any], place: int, xbar: Any, owned: set[int]) -> None:
    before = slots[place]
    slots[place] = xbar if before is None else accumulate(before, xbar, place, owned)


def _pull_assignment(
    slots: list[Any], slot: int, ybar: Any, args: Any, sources: Any, owned: set[int]
) -> bool:
    """Give v its part of a stack ȳ and x the rest, as the walk for one does; return False if it cannot."""
    (_, v), path, index = args
    ((_, (source_x, source_v)),) = sources
    count = len(ybar)
    if type(ybar) is not ndarray:
        return False
    try:
        along, at = tuple(map(_moved, path)), _moved(index)
    except Unstacked:
        return False
    if source_v:
        vbar = follow(ybar, along)[at]
        if repeats(index):
            vbar = vbar * lasting(ybar.shape[1:], ybar.dtype, path, index)
        more = (1,) * (len(shape_of(v)) + 1 - vbar.ndim)  # axes of length 1, which assignment leaves out
        vbar = _fit(vbar.reshape(count, *more, *vbar.shape[1:]), v, count)
        _add(slots, source_v, vbar.copy() if vbar.base is not None else vbar, owned)
    if source_x:
        if slot not in owned:
            ybar = ybar.copy()
        put(ybar, along, at, 0)
        if slots[source_x] is None:
            owned.add(source_x)
        _add(slots, source_x, ybar, owned)
    return True


def _cotangents(prim: Any, argnum: Any, y: Any, ybar: Any, args: Any, kwargs: Any, count: int) -> Any:
    """Return the stack of x̄, or a list of stacks where x is a list."""
    rule = prim.rules[argnum]
    if prim.kind == "elementwise" and "where" not in kwargs:
        xbar = rule(y, ybar, *args, **kwargs)
        if shape_of(xbar) == shape_of(ybar):
            return xbar
        if type(xbar) is float and xbar == 0:
            return onp.zeros(shape_of(ybar))
    transpose = TRANSPOSES.get(prim.f)
    if transpose is not None:
        try:
            return transpose(argnum, y, ybar, count, *args, **kwargs)
        except Unstacked:
            pass
    rows = [rule(y, _member(ybar, n, y), *args, **kwargs) for n in range(count)]
    x = args[argnum] if type(argnum) is int else kwargs[argnum]
    if isinstance(x, (list, tuple)):
        return [_stacked(column, part) for column, part in zip(zip(*rows, strict=True), x, strict=True)]
    return _stacked(rows, x)


def _member(ybar: Any, n: int, y: Any) -> Any:
    """Return the n-th cotangent of a stack; of a call with several outputs, as a tuple."""
    if type(ybar) is dict:
        return tuple(ybar[k][n] if k in ybar else zeros_of(part) for k, part in enumerate(y))
    return ybar[n]


def _stacked(rows: Any, x: Any) -> Any:
    """Return a stack of cotangents or tangents of x."""
    dense = (row.dense() if type(row) is Scatter else row for row in rows)
    return np.stack([fit(row, x) for row in dense])


def _fit(xbar: Any, x: Any, count: int) -> Any:
    """Return a stack in the space of x: as ``fit`` does of one."""
    shape, dtype = (count, *shape_of(x)), dtype_of(x)
    if type(xbar) is Scatter or (xbar.shape == shape and xbar.dtype == dtype):
        return xbar
    if dtype.kind != "c" and xbar.dtype.kind == "c":
        xbar = np.real(xbar)
    if xbar.shape != shape:
        wide = (count, *(1,) * (xbar.ndim - len(shape)), *shape[1:])
        xbar = np.reshape(unbroadcast(xbar, wide), shape)
    return xbar if xbar.dtype == dtype else xbar.astype(dtype)


# --- forward


def push_forward_stack(
    entries: list[Any], inputs: int, tangents: list[Any], count: int, steps: Steps | None = None
) -> list[Any]:
    """Walk forward along the tape; return its slots, with a stack of tangents of every value in them.

    ``steps`` are the calls to take, if not all of them. A nan raises FloatingPointError.
    """
    slots: list[Any] = [None] * len(entries)
    slots[1 : inputs + 1] = tangents
    starts, last = steps or Steps(range(inputs + 1, len(entries), WIDTH))
    owned: set[int] = set()  # slots with an array that nothing else refers to
    with onp.errstate(**WHILE_RULES_RUN):
        for start in starts:
            prim, y, a, b, source_a, source_b = entries[start : start + WIDTH - 1]
            if prim is OUTPUT:
                ydots = slots[source_b]
                slots[start + WIDTH - 1] = None if ydots is None else ydots[a]
                continue
            if prim is ASSIGN and _push_assignment(slots, start, a, source_b, count, start in last, owned):
                continue
            args, kwargs, sources = as_call(a, b, source_a, source_b)
            total: Any = None
            for argnum, source in sources:
                xdot = slots[source] if type(source) is int else [slots[part] for part in source]
                if xdot is None or (type(xdot) is list and all(part is None for part in xdot)):
                    continue
                ydot = _tangents(prim, argnum, xdot, y, args, kwargs, count)
                total = ydot if total is None else _plus(total, ydot)
            if owned:
                total = disowned(owned, slots, sources, total)
            slots[start + WIDTH - 1] = total
    return slots


def _push_assignment(
    slots: list[Any], start: int, args: Any, sources: Any, count: int, last: bool, owned: set[int]
) -> bool:
    """Put a stack v̇ into ẋ, as the walk for one does; return False if it cannot."""
    (x, v), path, index = args
    ((_, (source_x, source_v)),) = sources
    xdot, vdot = slots[source_x] if source_x else None, slots[source_v] if source_v else None
    if hasattr(xdot, "tape") or hasattr(vdot, "tape"):
        return False
    try:
        along, at = tuple(map(_moved, path)), _moved(index)
    except Unstacked:
        return False
    if xdot is None:
        xdot = onp.zeros((count, *shape_of(x)), dtype_of(x))
    elif not last or source_x not in owned:
        xdot = onp.array(xdot)
    if vdot is not None:
        more = follow(xdot, along)[at].ndim - vdot.ndim
        shape = shape_of(v)
        vdot = vdot.reshape(count, *(1,) * more, *shape[max(-more, 0) :])
    put(xdot, along, at, 0 if vdot is None else vdot)
    slots[start + WIDTH - 1] = xdot
    owned.add(start + WIDTH - 1)
    return True


def _plus(total: Any, ydot: Any) -> Any:
    if type(total) is not tuple:
        return total + ydot
    pairs = zip(total, ydot, strict=True)
    return tuple(b if a is None else a if b is None else a + b for a, b in pairs)


def _tangents(prim: Any, argnum: Any, xdot: Any, y: Any, args: Any, kwargs: Any, count: int) -> Any:
    """Return the stack of ẏ, or a tuple of stacks where y is one."""
    if prim.kind == "elementwise" and "where" not in kwargs:
        shape = (count, *shape_of(y))
        if xdot.shape != shape:  # broadcast against another argument
            xdot = np.reshape(xdot, (count, *(1,) * (len(shape) - len(xdot.shape)), *xdot.shape[1:]))
            xdot = np.broadcast_to(xdot, shape)
        ydot = prim.rules[argnum](y, xdot, *args, **kwargs)
        if shape_of(ydot) == shape:
            return _fit(ydot, y, count)
        if type(ydot) is float and ydot == 0:
            return onp.zeros(shape, dtype_of(y))
    if prim.kind == "linear" and prim.f in LINEAR:
        try:
            ydot = LINEAR[prim.f](argnum, y, xdot, count, *args, **kwargs)
            return ydot if y is None else _fit(ydot, y, count)
        except Unstacked:
            pass
    if type(xdot) is list:
        members = [[None if part is None else part[n] for part in xdot] for n in range(count)]
    else:
        members = [xdot[n] for n in range(count)]
    columns = [tangent_of(prim, y, args, kwargs, [(argnum, member)]) for member in members]
    if isinstance(y, (tuple, list)):
        return tuple(
            None if column[0] is None else _stacked(column, part)
            for column, part in zip(zip(*columns, strict=True), y, strict=True)
        )
    return np.stack(columns)


# --- the linear functions that take stacks: forward they are themselves, backward their transposes


def _last(x: Any) -> Any:
    """x with one more axis, of length 1, at the end."""
    return np.reshape(x, (*shape_of(x), 1))


def _ranks(a: Any, b: Any) -> tuple[int, int]:
    ranks = len(shape_of(a)), len(shape_of(b))
    if not (1 <= ranks[0] <= 2 and 1 <= ranks[1] <= 2):
        raise Unstacked
    return ranks


def _pull_product(argnum: int, y: Any, ybar: Any, count: int, a: Any, b: Any) -> Any:
    """Ā = ȳ Bᵀ, B̄ = Aᵀ ȳ."""
    rank_a, rank_b = _ranks(a, b)
    if argnum == 0:
        return np.matmul(ybar, np.transpose(b)) if rank_b == 2 else _last(ybar) * b
    if rank_a == 2:
        return np.matmul(np.transpose(a), ybar) if rank_b == 2 else np.matmul(ybar, a)
    return _last(a) * ybar[:, None, :] if rank_b == 2 else _last(ybar) * a


def _push_product(argnum: int, y: Any, xdot: Any, count: int, a: Any, b: Any) -> Any:
    """ẏ = Ȧ B or A Ḃ."""
    _, rank_b = _ranks(a, b)
    if argnum == 0:
        return np.matmul(xdot, b)
    if rank_b == 1:
        return np.matmul(xdot, np.transpose(a))
    return np.matmul(a, xdot)


def _reduced(a: Any, axis: Any) -> tuple[int, ...]:
    """Return the axes that a reduction takes away, counted from the front."""
    rank = len(shape_of(a))
    if axis is None:
        return tuple(range(rank))
    return tuple(n % rank for n in (axis if type(axis) is tuple else (axis,)))


def _pull_sum(argnum: int, y: Any, ybar: Any, count: int, a: Any, axis: Any = None, **kwargs: Any) -> Any:
    """x̄ = ȳ, repeated."""
    if kwargs.keys() - {"keepdims"}:
        raise Unstacked
    axes, shape = _reduced(a, axis), shape_of(a)
    kept = (1 if n in axes else size for n, size in enumerate(shape))
    return np.broadcast_to(np.reshape(ybar, (count, *kept)), (count, *shape))


def _pull_mean(argnum: int, y: Any, ybar: Any, count: int, a: Any, axis: Any = None, **kwargs: Any) -> Any:
    """x̄ = ȳ/n, repeated."""
    xbar = _pull_sum(argnum, y, ybar, count, a, axis, **kwargs)
    return xbar / math.prod(shape_of(a)[n] for n in _reduced(a, axis))


def _push_sum(argnum: int, y: Any, xdot: Any, count: int, a: Any, axis: Any = None, **kwargs: Any) -> Any:
    if kwargs.keys() - {"keepdims"}:
        raise Unstacked
    return np.sum(xdot, axis=tuple(n + 1 for n in _reduced(a, axis)), **kwargs)


def _push_mean(argnum: int, y: Any, xdot: Any, count: int, a: Any, axis: Any = None, **kwargs: Any) -> Any:
    ydot = _push_sum(argnum, y, xdot, count, a, axis, **kwargs)
    return ydot / math.prod(shape_of(a)[n] for n in _reduced(a, axis))


def _moved(index: Any) -> Any:
    """Return the index that does in every member of a stack what ``index`` does in one."""
    if type(index) is Step:
        raise Unstacked
    parts = index if type(index) is tuple else (index,)
    if any(issubclass(type(part), (ndarray, list)) for part in parts):
        # Arrays, and integers beside them, that are apart put their axes in front of all others.
        places = [
            n for n, part in enumerate(parts) if issubclass(type(part), (ndarray, list, int, onp.integer))
        ]
        if places[-1] - places[0] >= len(places):
            raise Unstacked
    return (slice(None), *parts)


def _wide(x: Any, count: int) -> Any:
    """Return an array of the shape and dtype of a stack of x that holds no memory."""
    return onp.broadcast_to(onp.zeros((), dtype_of(x)), (count, *shape_of(x)))


def _pull_index(argnum: int, y: Any, ybar: Any, count: int, a: Any, index: Any) -> Any:
    return Scatter(_wide(a, count), [(_moved(index), ybar)])


def _push_index(argnum: int, y: Any, xdot: Any, count: int, a: Any, index: Any) -> Any:
    return xdot[_moved(index)]


def _pull_scatter(
    argnum: int, y: Any, ybar: Any, count: int, shape: Any, dtype: Any, indices: Any, pieces: Any
) -> Any:
    return [ybar[_moved(index)] for index in indices]


def _push_scatter(
    argnum: int, y: Any, xdot: Any, count: int, shape: Any, dtype: Any, indices: Any, pieces: Any
) -> Any:
    known = [(_moved(index), part) for index, part in zip(indices, xdot, strict=True) if part is not None]
    return scatter((count, *shape), dtype, [index for index, _ in known], [part for _, part in known])


def _same(argnum: int, y: Any, v: Any, count: int, a: Any, *args: Any, **kwargs: Any) -> Any:
    """v itself, for a copy of the same type."""
    if args or kwargs.keys() - {"order"}:
        raise Unstacked
    return v


def _pull_cast(
    argnum: int, y: Any, ybar: Any, count: int, x: Any, dtype: Any, casting: Any = "unsafe"
) -> Any:
    return ybar  # in the type of x again by the walk


def _push_cast(
    argnum: int, y: Any, xdot: Any, count: int, x: Any, dtype: Any, casting: Any = "unsafe"
) -> Any:
    return cast(xdot, dtype, casting)


def _pull_shape(argnum: int, y: Any, ybar: Any, count: int, a: Any, *args: Any, **kwargs: Any) -> Any:
    """x̄ = ȳ in the shape of x."""
    if kwargs.get("order", "C") != "C" or any(arg == "F" or arg == "A" for arg in args if type(arg) is str):
        raise Unstacked
    return np.reshape(ybar, (count, *shape_of(a)))


def _push_shape(argnum: int, y: Any, xdot: Any, count: int, a: Any, *args: Any, **kwargs: Any) -> Any:
    if y is None:  # let go of, as it is large
        raise Unstacked
    return _pull_shape(argnum, y, xdot, count, y, *args, **kwargs)


def _pull_transpose(argnum: int, y: Any, ybar: Any, count: int, a: Any, axes: Any = None) -> Any:
    axes = _axes(a, axes)
    return np.transpose(ybar, (0, *(1 + axes.index(n) for n in range(len(axes)))))


def _push_transpose(argnum: int, y: Any, xdot: Any, count: int, a: Any, axes: Any = None) -> Any:
    return np.transpose(xdot, (0, *(n + 1 for n in _axes(a, axes))))


def _axes(a: Any, axes: Any) -> list[int]:
    rank = len(shape_of(a))
    return [n % rank for n in axes] if axes is not None else list(range(rank))[::-1]


def _pull_broadcast(
    argnum: int, y: Any, ybar: Any, count: int, array: Any, shape: Any, subok: Any = False
) -> Any:
    return ybar  # summed by the walk


def _push_broadcast(
    argnum: int, y: Any, xdot: Any, count: int, array: Any, shape: Any, subok: Any = False
) -> Any:
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    extra = len(shape) - len(shape_of(array))
    return np.broadcast_to(
        np.reshape(xdot, (count, *(1,) * extra, *shape_of(array))), (count, *shape)
    )  # fmt: skip


def _filled(xdot: Any, arrays: Any, count: int) -> list[Any]:
    """Return the stacks of a list of tangents, zeros for those that are constant."""
    pairs = zip(xdot, arrays, strict=True)
    return [_wide(a, count) if part is None else part for part, a in pairs]


def _joined_axis(axis: Any, kwargs: Any) -> Any:
    if axis is None or kwargs:
        raise Unstacked
    return axis + 1 if axis >= 0 else axis


def _pull_concatenate(
    argnum: int, y: Any, ybar: Any, count: int, arrays: Any, axis: Any = 0, **kwargs: Any
) -> Any:
    axis = _joined_axis(axis, kwargs) % len(shape_of(ybar))
    parts, start = [], 0
    for a in arrays:
        end = start + shape_of(a)[axis - 1]
        parts.append(ybar[(slice(None),) * axis + (slice(start, end),)])
        start = end
    return parts


def _push_concatenate(
    argnum: int, y: Any, xdot: Any, count: int, arrays: Any, axis: Any = 0, **kwargs: Any
) -> Any:
    return np.concatenate(_filled(xdot, arrays, count), axis=_joined_axis(axis, kwargs))


def _pull_stack(argnum: int, y: Any, ybar: Any, count: int, arrays: Any, axis: Any = 0, **kwargs: Any) -> Any:
    axis = _joined_axis(axis, kwargs) % len(shape_of(ybar))
    return [ybar[(slice(None),) * axis + (n,)] for n in range(len(arrays))]


def _push_stack(argnum: int, y: Any, xdot: Any, count: int, arrays: Any, axis: Any = 0, **kwargs: Any) -> Any:
    return np.stack(_filled(xdot, arrays, count), axis=_joined_axis(axis, kwargs))


def _table(*rows: tuple[Any, Any]) -> dict[Any, Callable[..., Any]]:
    found = ((primitive_of(f), stacked) for f, stacked in rows)
    return {prim.f: stacked for prim, stacked in found if prim is not None}


TRANSPOSES = _table(
    (np.matmul, _pull_product),
    (np.dot, _pull_product),
    (np.sum, _pull_sum),
    (np.mean, _pull_mean),
    (getitem, _pull_index),
    (scatter, _pull_scatter),
    (cast, _pull_cast),
    (np.copy, _same),
    (np.asarray, _same),
    (np.reshape, _pull_shape),
    (np.ravel, _pull_shape),
    (np.expand_dims, _pull_shape),
    (np.squeeze, _pull_shape),
    (np.transpose, _pull_transpose),
    (np.broadcast_to, _pull_broadcast),
    (np.concatenate, _pull_concatenate),
    (np.stack, _pull_stack),
)
LINEAR = _table(
    (np.matmul, _push_product),
    (np.dot, _push_product),
    (np.sum, _push_sum),
    (np.mean, _push_mean),
    (getitem, _push_index),
    (scatter, _push_scatter),
    (cast, _push_cast),
    (np.copy, _same),
    (np.asarray, _same),
    (np.reshape, _push_shape),
    (np.ravel, _push_shape),
    (np.expand_dims, _push_shape),
    (np.squeeze, _push_shape),
    (np.transpose, _push_transpose),
    (np.broadcast_to, _push_broadcast),
    (np.concatenate, _push_concatenate),
    (np.stack, _push_stack),
)

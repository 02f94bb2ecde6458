"""Arrays that a traced program writes into: x[i] = v, x += v, and the views that share their memory.

Rules know of values only, so an array that is written to is a cell with a value in it. A write takes the
value out and puts in another, ``assign((x, v), path, index)`` to every trace; so every array that looks into
the same cell has changed. Boxes and dual numbers become such arrays at the first write; creation functions
make them while a function is traced.

A path says where a view is in the array whose memory it shares: indices, and steps of other functions.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as onp

from .boxes import CONSTANTS, TRACED, Box, Dual, Traced, innermost, link, model_of, own_index
from .errors import NotDifferentiableError
from .foreign import as_lists, rebound_to
from .indices import repeats
from .operators import BINARY, give
from .registry import Primitive, enter, primitive_of
from .snapshots import copied
from .spaces import held_copy, laid_out_copy, unbroadcast
from .trace import TRACING, Trace
from .values import class_of, constant, dtype_of, memory_of, shape_of, value_of

ndarray, float64, new = onp.ndarray, onp.float64, object.__new__
_GETITEM = enter(operator.getitem)
_PARTS = (Traced, list, tuple)
_IMMUTABLE = frozenset({Box, Dual})
_VALUES: Any = (Traced, ndarray, onp.generic, float, int, complex)


# --- paths


class Step:
    """How a view was made by a function: of the array, further arguments and keywords, the k-th result."""

    __slots__ = ("args", "k", "kwargs", "prim")

    def __init__(self, prim: Primitive, args: Any, kwargs: Any, k: int | None) -> None:
        self.prim, self.k = prim, k
        self.args, self.kwargs = copied(args), copied(kwargs)


def follow(x: Any, path: Any) -> Any:
    """Return the view of x to which a path leads."""
    for step in path:
        if type(step) is Step:
            x = step.prim.traced(x, *step.args, **step.kwargs)
            if step.k is not None:
                x = x[step.k]
        else:
            x = x[step]
    return x


def _is_part_of_complex(step: Any) -> bool:
    return type(step) is Step and step.prim.f in (onp.real, onp.imag)


def put(x: Any, path: Any, index: Any, v: Any) -> None:
    """Write v into the plain array x, at an index of a view of it."""
    view = follow(x, path) if path else x
    if not path or not view.size or onp.may_share_memory(view, x):
        view[index] = v
        return
    # x is laid out unlike the one that the path was made on
    part = follow(x, filter(_is_part_of_complex, path))
    where = itertools.filterfalse(_is_part_of_complex, path)
    positions = follow(onp.arange(x.size).reshape(x.shape), where)[index]
    part[onp.unravel_index(positions, x.shape)] = v


# --- assignment as a function


def assign(pair: list[Any], path: Any, index: Any) -> Any:
    """Return x of the pair (x, v) with v at an index of that view of x to which a path leads.

    ``funad.numpy.indexing`` makes it traced. It is linear in the pair.
    """
    x, v = pair
    y = onp.array(x)
    put(y, path, index, v)
    return y


ASSIGN = enter(assign, "assignment")


def assigned(ybar: Any, v: Any, path: Any, index: Any) -> Any:
    """Return v̄: ȳ at the index, but of several elements written to one place for the last only."""
    vbar = follow(ybar, path)[index]
    if path and any(type(step) is Step and step.prim.f is onp.imag for step in path):
        vbar = -vbar  # ȳ = ∂L/∂a - i ∂L/∂b
    if repeats(index):
        vbar = vbar * lasting(ybar.shape, ybar.dtype, path, index)
    return unbroadcast(vbar, shape_of(v)) if vbar.shape != shape_of(v) else vbar


def lasting(shape: tuple[int, ...], dtype: Any, path: Any, index: Any) -> Any:
    """Return which of the elements written at an index stay: of several written to one place, the last."""
    written = onp.zeros(shape, complex if dtype.kind == "c" else int)
    size = follow(written, path)[index].shape
    order = onp.arange(math.prod(size)).reshape(size)
    put(written, path, index, order)
    return follow(written, path)[index] == order


# --- arrays that can be written to


moments = itertools.count(1)


class Cell:
    """What arrays that share memory have in common: the value of the one that owns it.

    ``owned`` says that nobody else refers to its memory, which may then be written to in place:
    a copy of the whole per assignment would make filling a matrix quadratic. ``born`` counts cells.
    """

    __slots__ = ("born", "owned", "placeholder", "value", "version")

    def __init__(self, value: Any, owned: bool) -> None:
        self.value = value  # a plain array, a box or a dual number
        self.owned = owned
        self.version = 0
        self.born = next(moments)
        self.placeholder: Any = None  # what stands for the array on the tape


class _Untraced(Trace):
    """Stands for the trace of an array into which nothing traced has been written yet."""

    level = -1


UNTRACED = _Untraced()


class Array(Traced):
    """An array that can be written to: the cell that it looks into, and the way there."""

    __slots__ = ()

    # The slots of traced values under other names.
    cell: Any = Traced.index  # type: ignore[misc]
    path: Any = Traced.parent  # type: ignore[misc]
    seen: Any = Traced.views  # type: ignore[misc]  # version and content of a view

    @property
    def content(self) -> Any:
        """What it holds, for those who know no more of it than that it has a cell."""
        return content(self)

    @property
    def tape(self) -> Any:
        """The trace of what has been written into it."""
        value = self.cell.value
        return value.tape if isinstance(value, Traced) else UNTRACED

    @property
    def primal(self) -> Any:
        """The plain array as it is now: a view that must not be kept."""
        return follow(constant(self.cell.value), self.path)

    inside = primal

    def shown(self) -> Any:
        """Return a plain array laid out as this one, to ask which indices give views."""
        value = self.primal
        return model_of(value) if isinstance(value, Traced) else value

    def __repr__(self) -> str:
        value = self.cell.value
        return f"traced {self.primal!r}" if isinstance(value, Traced) else repr(self.primal)

    def __getitem__(self, index: Any) -> Any:
        inside = self.cell.value
        if not self.path and type(inside) is Box and type(inside.primal[index]) is float64:
            return inside[index]
        plain = self.shown()
        return _part(self, plain[index] if innermost((index,)) is None else None, index, plain)

    def __setitem__(self, index: Any, v: Any) -> None:
        if type(v) is Array and _is_part(v, self, index):
            return  # the end of x[index] += ..., which has written in place
        _set(self, tuple(map(own_index, index)) if type(index) is tuple else own_index(index), v)

    @property
    def is_plain(self) -> bool:  # type: ignore[override]
        """Whether there is no traced value in it."""
        return not isinstance(self.cell.value, Traced)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if innermost((*inputs, *kwargs.values())) is UNTRACED:
            out = kwargs.get("out", self)
            outs = out if isinstance(out, tuple) else (out,)  # those of numba give it as it is
            prim = primitive_of(ufunc)
            if not any(isinstance(x, Traced) for x in outs) or prim is None or prim.traced is ufunc:
                return on_plain(getattr(ufunc, method), inputs, kwargs)  # v += x of a plain v
        return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)

    def without_primitive(self, f: Any, args: Any, kwargs: Any) -> Any:
        if innermost((*args, *kwargs.values())) is UNTRACED:
            return on_plain(f, args, kwargs)
        return super().without_primitive(f, args, kwargs)


def on_plain(f: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a function on arrays with no traced value in them, as the plain arrays that they are."""
    args, named = [settled(x) for x in args], {name: settled(x) for name, x in kwargs.items()}
    out = kwargs.get("out")
    outs = out if isinstance(out, tuple) else (out,)
    if not any(type(x) is Array for x in outs):
        return f(*args, **named)
    copies = tuple(onp.array(x.primal) if type(x) is Array else x for x in outs)
    f(*args, **{**named, "out": copies if isinstance(out, tuple) else copies[0]})
    for x, copy in zip(outs, copies, strict=True):
        if type(x) is Array:
            x[...] = copy
    return outs[0] if len(outs) == 1 else outs


def _is_part(v: Array, x: Array, index: Any) -> bool:
    """Say whether v is x[index], made with this very index."""
    path = v.path
    same = v.cell is x.cell and len(path) == len(x.path) + 1 and path[-1] is index
    return same and all(map(operator.is_, path, x.path))


def array_of(value: Any) -> Array:
    """Return an array that can be written to; the first write is to a copy of the value."""
    made = new(Array)
    made.cell, made.path = Cell(value, False), ()
    return made


def fillable(y: Any) -> Any:
    """Return a plain array of floats as one that can take traced values, while a function is traced."""
    return array_of(y) if TRACING.active and type(y) is ndarray and y.dtype.kind in "fc" else y


def content(array: Array) -> Any:
    """Return what an array holds, as traces know it: plain, a box or a dual number.

    Who has it may keep it, so the next write is to a copy.
    """
    cell = array.cell
    if not array.path:
        cell.owned = False
        return cell.value
    try:
        version, found = array.seen
        if version == cell.version:
            return found
    except AttributeError:
        pass
    # A copy of the part costs no more than what is about to be done with it, and leaves the
    # whole to be written to.
    found = fresh(follow(cell.value, array.path), held_copy)
    array.seen = cell.version, found
    return found


def content_of(x: Any) -> Any:
    """Return what an array holds; anything else as it is."""
    return content(x) if type(x) is Array else x


def settled(x: Any) -> Any:
    """Return what an array holds, also those in lists and tuples; anything else as it is."""
    if type(x) is list or (type(x) is tuple and not hasattr(x, "_fields")):
        return type(x)(map(settled, x))
    return content_of(x)


def linked(y: Any, prim: Primitive, args: Any, kwargs: Any) -> Any:
    """Return the result of a function that may return views, told of what it is a view."""
    x = args[0]
    whole = memory_of(x)
    if type(whole) is not ndarray or not isinstance(x, Traced):
        return y
    if type(y) is list or type(y) is tuple:
        for k, part in enumerate(y):
            _link(part, x, memory_of(part), whole, prim, args, kwargs, k)
    elif isinstance(y, Traced):
        view = memory_of(y)
        if view is whole:
            return x  # as asarray gives back what it was given
        _link(y, x, view, whole, prim, args, kwargs, None)
    return y


def _link(
    y: Any, x: Traced, view: Any, whole: Any, prim: Primitive, args: Any, kwargs: Any, k: int | None
) -> None:
    base = view.base if type(view) is ndarray and isinstance(y, Traced) else None
    while base is not None and base is not whole and base is not whole.base:
        base = getattr(base, "base", None)  # of windows it is no array, and has an array in it
    shares = base is not None or view is whole
    if shares and type(y) is not Array and class_of(x) is class_of(y) is ndarray:  # a number has no memory
        link(y, x, Step(prim, args[1:], kwargs, k))


def view_of(array: Array, prim: Primitive, args: Any, kwargs: Any) -> Any:
    """Call a function that may return views on an array; return those as arrays of the same cell."""
    plain = array.shown()
    y = prim.f(plain, *args, **kwargs)
    if type(y) in (list, tuple):
        parts = [_part(array, part, Step(prim, args, kwargs, k), plain) for k, part in enumerate(y)]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
    if y is plain:
        return array
    return _part(array, y, Step(prim, args, kwargs, None), plain)


def _part(array: Array, y: Any, step: Any, plain: Any) -> Any:
    """Return what a step makes of an array, and y of its plain model: a view, or the copy that it is."""
    if issubclass(type(y), ndarray) and onp.may_share_memory(y, plain):
        made = new(Array)
        made.cell, made.path = array.cell, (*array.path, step)
        return made
    if array.path and getattr(array, "seen", (None,))[0] == array.cell.version:
        x = snapshot(content(array))
    else:  # of a copy, so the cell keeps its memory
        x = follow(snapshot(array.cell.value), array.path)
    return fillable(follow(x, (step,)) if type(step) is Step else _GETITEM.traced(x, step))


def snapshot(x: Any) -> Any:
    """Return a traced value as it is now, as a value of its own; anything else as it is.

    Later writes into x do not reach the snapshot, writes into the snapshot do not reach x, and what
    is made of the snapshot is no view of x.
    """
    x = content_of(x)
    return _twin(x) if isinstance(x, Traced) else x


# --- writing


# A shorter way for some writes, if ``fast`` has been installed: it says whether it has written.
shortcuts: list[Callable[[Array, Any, Any], bool]] = []


def _set(array: Array, index: Any, v: Any) -> None:
    """Put v at an index of an array."""
    cell = array.cell
    if cell.born < TRACING.sealed:
        raise NotDifferentiableError(
            "a checkpointed function wrote into an array that was made outside of it, which would lose the "
            "derivative of what was written; return the value from that function, and write it outside"
        )
    if shortcuts and shortcuts[0](array, index, v):
        return
    v = settled(v)
    if type(v) not in CONSTANTS and type(v) not in TRACED:
        v = v if type(v) in (list, tuple) else as_lists(v)
        v = v if innermost((v,)) is None else enter(onp.array).traced(v)
    value = cell.value if cell.owned else fresh(_writeable(cell.value, "assignment destination"))
    cell.value = write(value, array.path, index, v)
    cell.owned = True
    cell.version += 1


def write(x: Any, path: tuple[Any, ...], index: Any, v: Any) -> Any:
    """Return x with v at an index of a view of x: in the memory of x, where the traces know how."""
    trace = innermost((x, v))
    if trace is None:
        put(x, path, index, v)
        return x
    y = trace.written(x, path, index, v)
    return ASSIGN.traced([x, v], path, index) if y is NotImplemented else y


def _writeable(x: Any, name: str) -> Any:
    """Return what is about to be written to; refuse an array that NumPy would not write to, in its words."""
    plain = memory_of(x)
    if hasattr(plain, "flags") and not plain.flags.writeable and not TRACING.lending:
        raise ValueError(f"{name} is read-only")
    return x


def fresh(x: Any, copy: Callable[[Any], Any] = laid_out_copy) -> Any:
    """Return x with memory of its own, in every trace, and laid out as x is."""
    if type(x) is tuple:  # what a number is at several points
        return tuple(fresh(part, copy) for part in x)
    if type(x) is Array:  # a rule has filled it
        return fresh(content(x), copy)
    if isinstance(x, Traced) and x.opaque:
        return x.remade(lambda held: fresh(held, copy))
    if isinstance(x, Traced):
        made = _twin(x)
        made.primal = fresh(x.primal, copy)
        if type(x) is Dual:
            made.index = fresh(x.index, copy)
            tangent = made.index  # which may be a number, of a primal that is an array without axes
            if isinstance(tangent, Traced) and class_of(tangent) is not ndarray is class_of(made.primal):
                made.index = fresh(enter(onp.broadcast_to).traced(tangent, ()), copy)
        return made
    return copy(x) if issubclass(type(x), ndarray) else x


def _twin(x: Traced) -> Traced:
    """Return another traced value with the same value, trace and place."""
    if x.opaque:
        return x.remade(lambda held: held)  # type: ignore[no-any-return]
    made = new(type(x))
    made.primal, made.tape, made.index = x.primal, x.tape, x.index
    return made


# --- from immutable to mutable


def _thaw(x: Traced) -> None:
    """Make a box or a dual number an array, and with it all that share its memory."""
    if class_of(x) is not ndarray:
        value_of(constant(x), "a number was written to, which may be an array without axes")
        raise TypeError(
            f"{class_of(x).__name__!r} object does not support item assignment: a single number is "
            f"not an array, also while it is traced"
        )
    while hasattr(x, "parent"):
        x = x.parent[0]
    _become(x, Cell(_twin(x), False), ())


def _become(x: Traced, cell: Cell, path: tuple[Any, ...]) -> None:
    views = [view for known in getattr(x, "views", ()) if (view := known()) is not None]
    for name in ("parent", "views"):
        if hasattr(x, name):
            delattr(x, name)
    x.__class__ = Array
    x.cell, x.path = cell, path  # type: ignore[attr-defined]
    for view in views:
        if type(view) is not Array:  # it is one already where it was noted twice, by inner traces too
            _become(view, cell, (*path, view.parent[1]))


def _setitem(self: Any, index: Any, v: Any) -> None:
    _thaw(self)
    self[index] = v


def _rebound(x: Any, y: Any) -> Any:
    """Make y, just computed, the value of x, an array; a number cannot be changed."""
    if type(x) in _IMMUTABLE and type(y) is type(x) and _can_replace(y, x):
        x.primal, x.index = y.primal, y.index
        return x
    if class_of(x) is not ndarray:
        return y
    if not isinstance(y, _VALUES):
        return rebound_to(y)
    dtype, was = dtype_of(y), _writeable(x, "output array").dtype
    if not onp.can_cast(dtype, was, "same_kind"):
        raise TypeError(
            f"an array of dtype {was} cannot hold the result of dtype {dtype} of an operation in "
            f"place; write x = x + ... instead of x += ..."
        )
    if type(x) is not Array:
        _thaw(x)
    _set(x, ..., y)
    return x


def _can_replace(y: Any, x: Any) -> bool:
    """Say whether x, which shares its memory with no other value, may be y, which is laid out as it is."""
    a, b = x.primal, y.primal
    if type(a) is not ndarray:
        a, b = memory_of(a), memory_of(b)
    return (
        type(b) is type(a) is ndarray and b.dtype == a.dtype and b.shape == a.shape and b.strides == a.strides
        and a.flags.writeable and y.tape is x.tape and not hasattr(x, "parent")
        and not (hasattr(x, "views") and any(known() is not None for known in x.views))
    )  # fmt: skip


def reshaped(x: Any, reshape: Primitive, shape: Any) -> None:
    """Give x another shape: x.shape = shape."""
    plain = value_of(constant(x), "its shape was set")
    if not onp.may_share_memory(onp.reshape(plain, shape), plain) and plain.size:
        raise AttributeError("Incompatible shape for in-place modification. Use x = x.reshape(shape)")
    if type(x) is not Array:
        _thaw(x)
    x.path = (*x.path, Step(reshape, (shape,), {}, None))
    if hasattr(x, "seen"):
        del x.seen


def _computed(a: Any, b: Any, f: Primitive, of: Callable[[Any, Any], Any]) -> Any:
    """Return a · b of what the one or both of them hold."""
    other = b if type(a) is Array else a
    a, b = content_of(a), content_of(b)
    if type(other) in CONSTANTS or isinstance(other, _PARTS):
        return fillable(f.traced(a, b))
    return of(a, b)


# Arrays have operators that look into their cells at once.
give(Traced, "__setitem__", _setitem)
give(Traced, "__ifloordiv__", lambda x, v: _rebound(x, x // v))
for _name, _operate, _f in BINARY:
    _prim = enter(_f)
    give(Traced, f"__i{_name}__", lambda x, v, *, of=_operate: _rebound(x, of(x, v)))
    give(Array, f"__{_name}__", lambda a, b, *, f=_prim, of=_operate: _computed(a, b, f, of))
    give(Array, f"__r{_name}__", lambda b, a, *, f=_prim, of=_operate: _computed(a, b, f, of))

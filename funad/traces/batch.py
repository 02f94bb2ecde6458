"""The batch trace: one run of f for all members of a stack, which is what vmap does.

A call with batched arguments runs once on whole stacks if ``BATCH_RULES`` says how, or if it works element by
element; else once per member. A function that is made of others needs nothing. Where a program, a rule or
a function looks at a value, as ``if x > 0`` does, the members may differ: ``look`` raises ``Looked``, and
the innermost that can go on member by member does so: a rule, a composite function, in the end vmap.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import tree
from ..boxes import Box, Dual, Traced, box_of, innermost, model_of
from ..calling import as_array, call
from ..opaque import Batched, batched
from ..registry import Primitive, enter
from ..spaces import laid_out_copy, room_for_stack, zeros_like
from ..trace import BATCH_RULES, OF_INDICES, OF_SHAPES, Looked, Trace, Unbatched, next_level
from ..values import dtype_of, memory_of, shape_of
from ..writing import ASSIGN, Array, follow, settled, snapshot
from .forward import Forward, dual
from .reverse import Tape, pull_back, refuse_ended

ndarray = onp.ndarray


# Functions of a count and a step, NumPy's and SciPy's: declared elementwise, they are so in the step alone.
_OF_COUNTS = frozenset({"fftfreq", "rfftfreq"})
# Functions whose results are views of their argument whatever its layout.
ALWAYS_VIEWS: set[Callable[..., Any]] = {operator.getitem}
# Those whose results are views of arguments that are laid out by rows.
VIEWS_OF_ROWS: set[Callable[..., Any]] = set()
# The types of arguments that may hold batched values, or stand for what they hold now.
OPENED_HERE = frozenset({list, tuple, Array})


class BatchTrace(Trace):
    """One run of a function on all members of a stack.

    ``looped`` notes the calls that ran once per member: pairs (what, why).
    """

    __slots__ = ("apart", "ended", "level", "looked", "looped", "of_basis", "size", "torn")

    def __init__(self, size: int, looped: list[tuple[str, str]]) -> None:
        self.level, self.size = next_level(), size
        self.ended = False
        self.looked = False  # whether someone has looked at a value, and nobody has gone on by member yet
        self.of_basis = False  # whether its members are the vectors of a basis, in products with one matrix
        self.apart = False  # whether a function runs member by member, which is to see no batched value
        self.torn = False  # whether a view of a member was made that is none of its stack, or the reverse
        self.looped = looped

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Callable[..., Any] | None = None) -> Any:
        """Call a primitive on whole stacks, or once per member."""
        f = prim.f
        if self.ended:
            refuse_ended()
        if f in OF_SHAPES:
            return f(*map(self.model, args), **{name: self.model(x) for name, x in kwargs.items()})
        self.refuse_apart()
        if not OPENED_HERE.isdisjoint(map(type, args)):
            args = tuple(self._as_one(prim, n, x) for n, x in enumerate(args))
        rule = BATCH_RULES.get(f)
        if rule is None and works_by_element(prim):
            rule = by_element
        why = "it has no batch rule"
        if rule is not None:
            try:
                y = rule(self, prim, *args, **kwargs)
                if prim.views and f not in ALWAYS_VIEWS and args and self.has(args[0]):
                    self._compare_views(prim, y, args, kwargs)
                return self.boxed(y)
            except Unbatched as error:
                why = str(error) or "its batch rule does not take this call"
            except ArithmeticError:
                raise  # a rule is run again with what NumPy says of that switched off
            except Exception as error:  # what members raise, if they do, is the user's; else it is noted
                why = f"its batch rule raised {type(error).__name__}: {error}"
        return self.by_member(prim.traced, args, kwargs, prim.name, why)

    def _as_one(self, prim: Primitive, n: int, x: Any) -> Any:
        """Return an argument with nested lists of batched values as one array, but where lists are wanted."""
        x = settled(x)
        if type(x) in (list, tuple) and n not in prim.containers and innermost((x,)) is self:
            return x if prim.f in OF_INDICES or prim.foreign else as_array(x)
        return x

    def _compare_views(self, prim: Primitive, y: Any, args: Any, kwargs: Any) -> None:
        """Note whether a stack is a view of another where their members are no views, or the reverse."""
        stack = memory_of(args[0])
        if prim.f in VIEWS_OF_ROWS and stack.flags.c_contiguous:
            return  # so are its members
        if type(stack) is ndarray and args[0].ndim and 0 not in stack.shape:
            member = stack[(0,) * (stack.ndim - args[0].ndim)]
            of_member = prim.f(member, *args[1:], **kwargs)
            self.torn = self.torn or _share([y], [stack]) != _share([of_member], [member])

    def look(self, x: Any, why: str) -> Any:
        """Refuse to give one concrete value."""
        if self.ended:
            refuse_ended()
        self.looked = True
        raise Looked(self, why)

    def refuse_apart(self) -> None:
        """Refuse to go on with batched values in a function that runs member by member.

        It has its own member of its arguments, but of what it closes over it has all of them.
        """
        if self.apart:
            self.look(None, "a function that runs once per example closes over values of all")

    def after(self, look: Looked, f: Callable[..., Any], args: Any, kwargs: Any, name: str = "") -> Any:
        """Call f, which has looked at a value, once per member."""
        if self.apart:
            raise look  # what it looked at, it closes over
        return self.by_member(f, args, kwargs, name, look.why)

    def rule_on_stacks(self, prim: Primitive, argnum: Any, ybar: Any, args: Any, kwargs: Any) -> Any:
        """Return x̄ of a call whose rule has looked at a value: that of the call on stacks, which may look.

        None if there is no such way, and the rule is to run once per member.
        """
        tape = Tape(1)
        ys = self._traced_stacks(prim, argnum, lambda x: box_of(tape, x, 1), ybar, args, kwargs)
        entries, found = tape.end(), False
        if ys is None:
            return None
        for y, part_bar in zip(ys, ybar if type(ybar) is tuple else (ybar,), strict=True):
            if part_bar is not None and self.has(y) and type(y.stack) is Box and y.stack.tape is tape:
                entries[y.stack.index] = self.stack(part_bar)
                found = True
        xbar = pull_back(entries, 1, True)[0] if found else None
        if xbar is None:
            return None
        self.looked = False
        return batched(self, xbar)

    def tangent_of_stacks(self, prim: Primitive, argnum: Any, xdot: Any, args: Any, kwargs: Any) -> Any:
        """Return ẏ of such a call in forward mode; None if there is no such way."""
        forward = Forward()
        ys = self._traced_stacks(
            prim, argnum, lambda x: dual(forward, x, self.stack(xdot)), xdot, args, kwargs
        )
        if ys is None:
            return None
        moving = [self.has(y) and type(y.stack) is Dual and y.stack.tape is forward for y in ys]
        if not any(moving):
            return None
        self.looked = False
        ydots = [
            batched(self, y.stack.tangent) if moves else None for y, moves in zip(ys, moving, strict=True)
        ]
        return ydots[0] if len(ydots) == 1 else tuple(ydots)

    def _traced_stacks(
        self, prim: Primitive, argnum: Any, trace: Callable[[Any], Any], moved: Any, args: Any, kwargs: Any
    ) -> Any:
        """Return the results of a call on stacks, of which one is traced once more; None without a way.

        Its rule has looked, once, and it is a call of values of this trace alone, ``moved`` (ȳ or ẋ) too.
        """
        x = args[argnum] if type(argnum) is int and argnum < len(args) else None
        if self.apart or prim.f not in BATCH_RULES or x is None or isinstance(x, (list, tuple)):
            return None
        leaves, _ = tree.flatten((moved, *args))  # the cotangents of several results are a tuple
        if any(isinstance(leaf, Traced) and not self.has(leaf) for leaf in leaves):
            return None
        args = (*args[:argnum], batched(self, trace(self.stack(x))), *args[argnum + 1 :])
        try:
            y = self.boxed(BATCH_RULES[prim.f](self, prim, *args, **kwargs))
        except (Exception, Looked):
            return None
        return y if isinstance(y, (tuple, list)) else (y,)

    # --- stacks

    def has(self, x: Any) -> bool:
        """Say whether x is a batched value of this trace."""
        return type(x) is Batched and x.tape is self

    def stack(self, x: Any) -> Any:
        """Return the members of x along a first axis: of what is the same for all, repeated."""
        x = as_array(x)
        if self.has(x):
            return x.stack
        return enter(onp.broadcast_to).traced(x, (self.size, *shape_of(x)))

    def aligned(self, xs: Any, cores: Any = None) -> list[Any]:
        """Return values for a function that broadcasts: stacks, whose members get axes of length 1 in front.

        ``cores`` has the numbers of last axes that do not broadcast.
        """
        ranks = [len(shape_of(x)) for x in xs]
        if cores is not None:
            ranks = [rank - core for rank, core in zip(ranks, cores, strict=True)]
            if min(ranks) < 0:
                raise Unbatched("members have too few axes")
        wanted = max(ranks)
        return [
            spread(x.stack, rank, wanted) if self.has(x) else x for x, rank in zip(xs, ranks, strict=True)
        ]

    def boxed(self, y: Any) -> Any:
        """Return stacks, or tuples of them, as batched values."""
        if type(y) is ndarray:
            return batched(self, y)
        if issubclass(type(y), (tuple, list)):
            parts = map(self.boxed, y)
            return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
        if type(y) in (bool, int, str, type(None)):  # beside the arrays: which triangle was read, say
            return y
        return batched(self, y)

    def model(self, x: Any) -> Any:
        """Return an array without memory like a batched value; others as they are."""
        if self.has(x):
            return model_of(x)
        if type(x) in (list, tuple):
            return type(x)(map(self.model, x))
        return x

    def members(self, x: Any) -> Any:
        """Return a tuple of what x is for each member, of batched values in containers too."""
        if not tree.is_leaf(x):
            leaves, structure = tree.flatten(x)
            parts = zip(*map(self.members, leaves), strict=True) if leaves else [()] * self.size
            return tuple(tree.unflatten(structure, list(part)) for part in parts)
        return split(x, self) if self.holds(x) else (x,) * self.size

    def holds(self, x: Any) -> bool:
        """Say whether a leaf is a batched value of this trace, or of an inner trace with one in it."""
        while isinstance(x, Traced):
            if x.tape is self:
                return True
            x = x.inside
        return False

    def by_member(
        self, f: Callable[..., Any], args: Any, kwargs: Any, name: str = "a function", why: str = ""
    ) -> Any:
        """Call f once per member and stack the results."""
        self.refuse_apart()
        if kwargs.get("out") is not None:
            self.look(None, f"{name} was given out, which members would write into one by one")
        if not self.size:
            self.look(None, f"{name} runs once per member, and there is none")
        self.looked = False
        self.looped.append((name, why))
        members = self.members((tuple(args), kwargs))
        self.apart = True
        try:
            ys = [f(*args, **kwargs) for args, kwargs in members]
            ys = [y.dense() if hasattr(y, "dense") else y for y in ys]  # the cotangent of an element, say
        finally:
            self.apart = False
        leaves, structures = zip(*map(tree.flatten, ys), strict=True)
        self.torn = self.torn or _share(leaves[0], tree.flatten(members[0])[0])
        if any(self.holds(x) for parts in leaves for x in parts):
            self.look(None, f"{name} returned a value that it closes over, which differs among the examples")
        if any(structure != structures[0] for structure in structures):
            self.look(None, f"{name} returned containers of different structure")
        return tree.unflatten(
            structures[0], [self._joined(parts, name) for parts in zip(*leaves, strict=True)]
        )

    def _joined(self, parts: tuple[Any, ...], name: str) -> Any:
        """Return the parts of all members batched; what is no array, if it is the same for all."""
        first = parts[0]
        if isinstance(first, (Traced, ndarray, onp.generic, float, int, complex)):
            if len({shape_of(part) for part in parts}) > 1:
                self.look(None, f"{name} returned arrays of different shapes")
            return join(parts, self)
        if first is None:
            self.look(None, f"{name} returned None, as functions do that write into an argument")
        if all(part is first or part == first for part in parts):
            return first
        return self.look(None, f"{name} returned other things than arrays, and not always the same")

    def written(self, x: Any, path: Any, index: Any, v: Any) -> Any:
        """Put v at an index of a view of x, whose memory is nobody else's; return x."""
        self.refuse_apart()
        if self.torn:
            self.look(x, "an array was written to, and a view of some array is not known as one")
        stack = x.stack if self.has(x) else repeated(x, self.size) if type(x) is ndarray else None
        if type(stack) is ndarray and not isinstance(self.inside(v), Traced):
            view = follow(batched(self, stack), path)
            moved = moved_index(self, index)
            if moved is not None and self.has(view) and onp.may_share_memory(view.stack, stack):
                rank = view.stack[moved].ndim - 1 if is_basic(index) else self.rank_at(view.shape, index)
                view.stack[moved] = self.fitted(v, rank)
                return batched(self, stack)
        return ASSIGN.traced([x, v], path, index)

    def added(self, x: Any, index: Any, v: Any) -> bool:
        """Add v to x, whose memory is nobody else's, at an index; return False if that is no simple call."""
        stack, of_v = x.stack, v.stack if self.has(v) and x.tape is self else None
        if type(stack) is not ndarray or type(of_v) is not ndarray or not is_basic(index):
            return False
        view = stack[in_every_member(index)]
        if view.shape != of_v.shape or not onp.can_cast(of_v.dtype, view.dtype, "same_kind"):
            return False
        with contextlib.suppress(FloatingPointError):  # ∞ - ∞ is nan, as it is said when all has been added
            view += of_v
        return True

    def inside(self, x: Any) -> Any:
        """Return the stack of a batched value of this trace; others as they are."""
        return x.stack if self.has(x) else x

    def plain_index(self, index: Any) -> Any:
        """Return an index with zeros in the place of traced integers, for its shape."""
        if hasattr(index, "tape"):
            return onp.zeros(index.shape, index.dtype)
        return tuple(map(self.plain_index, index)) if type(index) is tuple else index

    def rank_at(self, shape: tuple[int, ...], index: Any) -> int:
        """Return the number of axes of what stands at an index of members of a shape."""
        return onp.ndim(onp.empty(shape, onp.int8)[self.plain_index(index)])

    def fitted(self, v: Any, rank: int) -> Any:
        """Return v to be written into members of this rank: with axes of length 1 in front, or without."""
        if not self.has(v):
            return v
        if v.ndim > rank and all(n == 1 for n in v.shape[: v.ndim - rank]):
            return v.stack.reshape((self.size, *v.shape[v.ndim - rank :]))
        return spread(v.stack, v.ndim, rank)


def _share(ys: Any, xs: Any) -> bool:
    """Say whether an array among ys, or in lists of them, may have memory in common with one among xs."""
    plain = [x for x in map(memory_of, xs) if type(x) is ndarray]
    parts = [part for y in ys for part in (y if issubclass(type(y), (list, tuple)) else (y,))]
    return any(
        type(y) is ndarray and onp.may_share_memory(y, x) for y in map(memory_of, parts) for x in plain
    )


def repeated(x: Any, size: int) -> Any:
    """Return a stack of copies of a plain array, each laid out as it is."""
    stack = room_for_stack(size, x)
    stack[...] = x
    return stack


def _stacked_as_they_are(parts: Any) -> Any:
    """Return plain members as one stack, each laid out as the first."""
    first = parts[0]
    if type(first) is not ndarray or first.flags.c_contiguous:
        return onp.stack(parts)
    return onp.stack(parts, out=room_for_stack(len(parts), first, onp.result_type(*parts)))


def split(x: Any, trace: BatchTrace) -> Any:
    """Return the members of a batched value as a tuple; inner traces see it as one linear call."""
    if trace.has(x):  # a function may write into its arguments
        stack = x.stack
        return tuple(laid_out_copy(stack) if type(stack) is ndarray else snapshot(stack))
    if not trace.holds(x):  # as the tangent of what is the same for all may be
        return (x,) * trace.size
    return call(_SPLIT, (x, trace), {})


def join(parts: Any, trace: BatchTrace) -> Any:
    """Return members as one batched value; inner traces see it as one linear call."""
    innermost_of_parts = innermost(parts)
    if innermost_of_parts is None:
        return batched(trace, _stacked_as_they_are(parts))
    if innermost_of_parts.level < trace.level:
        return batched(trace, enter(onp.stack).traced(list(parts)))
    return call(_JOIN, (list(parts), trace), {})


def _joined_cotangents(y: Any, ybar: Any, x: Any, trace: BatchTrace) -> Any:
    """The rule of split: zeros where nothing has reached a member."""
    return join([zeros_like(part) if bar is None else bar for part, bar in zip(y, ybar, strict=True)], trace)


def _members_of_cotangent(y: Any, ybar: Any, parts: Any, trace: BatchTrace) -> Any:
    """The rule of join."""
    return list(trace.members(ybar))


_SPLIT = Primitive(split, "the members of a batch", "linear", {0: _joined_cotangents})
_JOIN = Primitive(join, "a batch of members", "linear", {0: _members_of_cotangent}, (0,))


def spread(stack: Any, rank: int, wanted: int) -> Any:
    """Return a stack of members of a rank as one of members of a higher rank, by axes of length 1."""
    if rank >= wanted:
        return stack
    shape = stack.shape
    return stack.reshape((shape[0], *(1,) * (wanted - rank), *shape[1:]))


def works_by_element(prim: Primitive) -> bool:
    """Say whether a function without a batch rule works element by element, with broadcasting."""
    if isinstance(prim.f, onp.ufunc):
        return prim.f.signature is None and prim.kind is not None
    return prim.kind == "elementwise" and getattr(prim.f, "__name__", "") not in _OF_COUNTS


def by_element(trace: BatchTrace, prim: Primitive, *args: Any, **kwargs: Any) -> Any:
    """The batch rule of what works element by element, with broadcasting."""
    if innermost(kwargs.values()) is trace:
        raise Unbatched("a keyword is batched")
    if any(map(onp.ndim, kwargs.values())):
        raise Unbatched("a keyword is an array")
    y = prim.traced(*trace.aligned(args), **kwargs)
    if not isinstance(prim.f, onp.ufunc) and shape_of(y)[1:] != onp.broadcast_shapes(*map(shape_of, args)):
        raise Unbatched("its result does not have the shape to which its arguments broadcast")
    return y


_BASIC = frozenset({int, slice, type(None)})


def is_basic(index: Any) -> bool:
    """Say whether an index is made of integers and slices alone, if that is quick to see."""
    return type(index) in _BASIC or (type(index) is tuple and _BASIC.issuperset(map(type, index)))


def in_every_member(index: Any) -> Any:
    """Return the index of a stack that is this one in every member."""
    return (slice(None), *index) if type(index) is tuple else (slice(None), index)


def moved_index(trace: BatchTrace, index: Any) -> Any:
    """Return the index of a stack that does in every member what ``index`` does in one; None without one."""
    if is_basic(index):
        return in_every_member(index)
    parts = index if type(index) is tuple else (index,)
    arrays = [n for n, x in enumerate(parts) if issubclass(type(x), (ndarray, list, Traced))]
    places = [n for n, x in enumerate(parts) if n in arrays or issubclass(type(x), _NUMBERS)]
    if not any(map(trace.has, parts)):
        if arrays and places[-1] - places[0] >= len(places):
            return None  # arrays that are apart put their axes in front of all others
        return in_every_member(parts)
    # Members choose for themselves: an array of member numbers beside the batched ones.
    if places != list(range(len(arrays))) or any(dtype_of(parts[n]).kind == "b" for n in arrays):
        return None
    if any(trace.has(x) and isinstance(x.stack, Traced) for x in parts):
        return None
    rank = max(len(shape_of(parts[n])) for n in arrays)
    members = onp.arange(trace.size).reshape(-1, *(1,) * rank)
    return (members, *(spread(x.stack, x.ndim, rank) if trace.has(x) else x for x in parts))


_NUMBERS = (int, onp.integer, onp.bool_)

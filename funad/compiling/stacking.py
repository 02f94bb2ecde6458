"""What an unrolled loop does at every step, and no step needs of another, is done for all steps at once.

Like calls, none of which depends on another, are one call on the stack of their arguments. A long sum of like
products, as the cotangent of a weight is, is one product of stacks: Σ xₜᵀdₜ = XᵀD. No call moves over a
question that the user's function asks of a value: behind it, another program may be the right one.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as onp

from .program import GETITEM, SOFT, Builder, Guard, Node, Program, Spec, key_of, map_nodes, parents, spec_of
from .rewriting import RULES, rewritten
from .rewriting.patterns import is_call, is_float
from .shapes import ELEMENTWISE, SPECS, infer

__all__ = ["stack_like_calls", "stack_of", "sums_of_steps"]

ndarray = onp.ndarray
ADD, MUL = onp.add, onp.multiply
FEWEST = 6  # calls for which it pays
SMALL = 1 << 14  # bytes of a result from which the overhead of a call does not count


def stack_of(xs: Any) -> Any:
    """Return arrays or numbers of one shape as one array, along a first axis."""
    first = xs[0]
    if not getattr(first, "shape", ()):
        return onp.array(xs)
    return onp.concatenate(xs).reshape((len(xs), *first.shape))


def _spec_of_stack(fn: Any, xs: Any) -> Spec:
    first = spec_of(xs[0])
    return Spec(ndarray, (len(xs), *first.shape), first.dtype)


SPECS[stack_of] = _spec_of_stack


def _new_builder(program: Program) -> Builder:
    return Builder(program.inputs, RULES, infer)


def _stacked(b: Builder, xs: list[Any]) -> Any:
    """Return the stack of nodes; of the parts of an array in order, that array."""
    first = xs[0]
    if is_call(first, GETITEM) and type(first.args[1]) is int and first.args[0].is_array:
        base = first.args[0]
        if base.shape[0] == len(xs) and all(
            is_call(x, GETITEM) and x.args[0] is base and x.args[1] == n and type(x.args[1]) is int
            for n, x in enumerate(xs)
        ):
            return base
    if (
        all(is_call(x, onp.reshape) and len(x.args) == 2 for x in xs)
        and len({x.args[0].shape for x in xs}) == 1
    ):
        inner = _stacked(b, [x.args[0] for x in xs])
        return b.call(onp.reshape, inner, (len(xs), *first.shape))
    return b.raw(stack_of, (list(xs),))


# --- sums


def sums_of_steps(program: Program) -> Program:
    """Return a program in which long sums of like products are products of stacks."""
    inner = _inner_sums(program)

    def remake(b: Builder, n: Node, new: Any) -> Any:
        if n in inner:  # which the whole sum alone reads
            return n
        if n.fn is ADD and any(p in inner for p in n.args if type(p) is Node):
            return _total(b, n, _terms(n, inner), new)
        return None

    return rewritten(program, remake)


def _again(b: Builder, n: Node, new: dict[Any, Any]) -> Any:
    return b.call(n.fn, *map_nodes(new.__getitem__, n.args), **map_nodes(new.__getitem__, n.kwargs))


def _inner_sums(program: Program) -> set[Any]:
    """Return the sums that only a further sum of the same shape reads."""
    uses = program.uses()
    found: set[Any] = set()
    for n in program.nodes:
        if n.fn is ADD and n.is_array and n.shape and is_float(n):
            found.update(
                p
                for p in n.args
                if is_call(p, ADD) and uses[p] == 1 and (p.shape, p.dtype) == (n.shape, n.dtype)
            )
    roots = (n for n in program.nodes if n.fn is ADD and n not in found)
    return found & {p for n in roots if _has_like_terms(n, _terms(n, found)) for p in _sums_in(n, found)}


def _has_like_terms(n: Node, terms: list[Any]) -> bool:
    """Say whether there are enough terms of one kind."""
    kinds = Counter(_kind_of_term(x, n) for x in terms) if len(terms) >= FEWEST else {}
    return any(count >= FEWEST for kind, count in kinds.items() if kind is not None)


def _sums_in(n: Node, inner: set[Any]) -> list[Node]:
    found, waiting = [], [p for p in n.args if type(p) is Node and p in inner]
    while waiting:
        p = waiting.pop()
        found.append(p)
        waiting += [q for q in p.args if type(q) is Node and q in inner]
    return found


def _terms(n: Node, inner: set[Any]) -> list[Any]:
    """Return what a sum of sums is the sum of."""
    terms, waiting = [], list(n.args)
    while waiting:
        x = waiting.pop()
        if type(x) is Node and x in inner:
            waiting += x.args
        else:
            terms.append(x)
    return terms


def _total(b: Builder, n: Node, terms: list[Any], new: Any) -> Any:
    """Return the sum of these terms: those of one kind at a time."""
    kinds: dict[Any, list[Any]] = {}
    for x in terms:
        kinds.setdefault(_kind_of_term(x, n), []).append(x)

    parts: list[Any] = []
    for kind, members in kinds.items():
        members.sort(key=lambda x: x.id if type(x) is Node else -1)
        if kind is None or len(members) < FEWEST:
            parts += map(new, members)
        else:
            operands = [
                list(map(new, column))
                for column in zip(*(_operands(x, kind[0]) for x in members), strict=True)
            ]
            parts.append(_SUMS[kind[0]](b, n, [_stacked(b, column) for column in operands]))
    y = parts[0]
    for x in parts[1:]:
        y = b.call(ADD, y, x)
    return y


def _kind_of_term(x: Any, n: Node) -> Any:
    """Return of which kind a term is, and the shapes of its operands; None for what is added as it is."""
    if type(x) is not Node or (x.shape, x.dtype) != (n.shape, n.dtype) or not x.is_array:
        return None
    if is_call(x, MUL) and all(is_float(a) for a in x.args):
        a, c = x.args
        if (
            is_call(a, onp.reshape)
            and a.ndim == 2
            and a.shape[1] == 1
            and c.ndim == 1
            and a.args[0].ndim == 1
        ):
            return "outer", a.shape, c.shape
        if a.shape == c.shape == n.shape:
            return ("times",)
    if is_call(x, onp.dot) and x.ndim == 2 and all(type(a) is Node and a.ndim == 2 for a in x.args):
        if is_call(x.args[0], onp.transpose) and len(x.args[0].args) == 1:
            return "gemm", x.args[0].shape, x.args[1].shape
        return ("plain",) if x.nbytes <= SMALL else None
    return ("plain",) if x.nbytes <= SMALL else None


def _operands(x: Node, kind: str) -> tuple[Any, ...]:
    if kind in ("outer", "gemm"):
        return x.args[0].args[0], x.args[1]
    return x.args if kind == "times" else (x,)


def _outer(b: Builder, n: Node, xs: list[Any]) -> Any:
    return b.call(onp.dot, b.call(onp.transpose, xs[0]), xs[1])


def _gemm(b: Builder, n: Node, xs: list[Any]) -> Any:
    first, second = (b.call(onp.reshape, x, (x.shape[0] * x.shape[1], x.shape[2])) for x in xs)
    return b.call(onp.dot, b.call(onp.transpose, first), second)


def _times(b: Builder, n: Node, xs: list[Any]) -> Any:
    letters = "abcdefgh"[: n.ndim]
    return b.raw(onp.einsum, (f"t{letters},t{letters}->{letters}", *xs))


def _plain(b: Builder, n: Node, xs: list[Any]) -> Any:
    return b.call(onp.sum, xs[0], axis=0)


_SUMS: dict[str, Callable[..., Any]] = {"outer": _outer, "gemm": _gemm, "times": _times, "plain": _plain}


# --- like calls


def stack_like_calls(program: Program) -> Program:
    """Return a program in which like calls that do not depend on each other are one call on stacks."""
    groups = _independent(program, _like(program))
    if not groups:
        return program
    group_of = {n: k for k, members in enumerate(groups) for n in members}
    b, new = _new_builder(program), {n: n for n in program.inputs}
    for steps in _in_order(program, groups, group_of):
        first = steps[0]
        if type(first) is Guard:
            node = new[first.node]
            if type(node) is Node:
                b.guard(node, first.how, first.expected, first.line)
        elif len(steps) == 1:
            b.name, b.hint = first.name, first
            new[first] = _again(b, first, new)
        else:
            b.name = b.hint = None
            whole = _at_once(b, steps, new)
            for k, n in enumerate(steps):
                b.name = n.name
                new[n] = b.raw(GETITEM, (whole, k))
    b.name = b.hint = None
    return b.program([new[x] if type(x) is Node else x for x in program.outputs])


def _like(program: Program) -> list[list[Node]]:
    """Return lists of like calls, of those whose overhead counts."""
    uses = program.uses()
    classes: dict[Any, list[Node]] = {}
    asked = 0
    for n in program.steps:
        if type(n) is Guard:
            asked += n.how not in SOFT
            continue
        if n.nbytes > SMALL or not n.is_array or not n.shape or not is_float(n):  # type: ignore[union-attr]
            continue
        kind = _kind_of_call(n, uses)  # type: ignore[arg-type]
        if kind is not None:
            classes.setdefault((asked, n.fn, n.shape, n.dtype, kind), []).append(n)  # type: ignore[union-attr, arg-type]
    return [members for members in classes.values() if len(members) >= FEWEST]


def _kind_of_call(n: Node, uses: dict[Any, int]) -> Any:
    """Return what calls have in common that can run on a stack; None if these cannot."""
    if n.kwargs:
        return None
    if n.fn in ELEMENTWISE:
        return tuple((a.shape, a.dtype, a.type) if type(a) is Node else key_of(a) for a in n.args)
    if n.fn is onp.dot and all(type(a) is Node for a in n.args):
        shared = max((0, 1), key=lambda k: uses[n.args[k]])
        a, other = n.args[shared], n.args[1 - shared]
        return shared, a, other.shape
    if n.fn is onp.reshape:
        return n.args[0].shape if type(n.args[0]) is Node and n.args[0].shape else None
    return None


def _independent(program: Program, classes: list[list[Node]]) -> list[list[Node]]:
    """Return those lists none of whose calls depends on another, if each is taken for one call.

    A list of which some do is tried in parts: those whose operands come from the same functions.
    """
    readers: dict[Any, list[Node]] = {}
    for n in program.nodes:
        for p in parents(n):
            readers.setdefault(p, []).append(n)
    group_of: dict[Node, list[Node]] = {}
    found = []
    waiting = [(members, True) for members in reversed(classes)]
    while waiting:
        members, whole = waiting.pop()
        if not _depend(members, readers, group_of):
            found.append(members)
            group_of.update(dict.fromkeys(members, members))
        elif whole:
            parts: dict[Any, list[Node]] = {}
            for n in members:
                parts.setdefault(tuple(map(_origin, n.args)), []).append(n)
            waiting += [(part, False) for part in parts.values() if len(part) >= FEWEST]
    return found


def _origin(x: Any) -> Any:
    """Return what operands that are computed alike have in common."""
    while is_call(x, GETITEM) and type(x.args[0]) is Node:
        x = x.args[0]
    return x.fn or x if type(x) is Node else key_of(x)


def _depend(members: list[Node], readers: dict[Any, list[Node]], group_of: dict[Node, list[Node]]) -> bool:
    """Say whether one of these calls is computed from another."""
    chosen, seen = set(members), set()
    last = max(n.id for n in members)  # what comes later leads to none of them, but as part of another list
    waiting = [r for n in members for r in readers.get(n, ())]
    while waiting:
        n = waiting.pop()
        if n in chosen:
            return True
        if n not in seen and (n.id < last or n in group_of):
            for same in group_of.get(n, (n,)):
                seen.add(same)
                waiting += readers.get(same, ())
    return False


def _in_order(program: Program, groups: list[list[Node]], group_of: dict[Node, int]) -> Any:
    """Iterate over the steps, a group as one, each after those that it reads and as early as it was."""
    place = {id(step): k for k, step in enumerate(program.steps)}
    units: dict[Any, list[Any]] = {}
    unit_of: dict[int, Any] = {}
    barrier: Any = None  # the last question of the user's, before which everything was that came before it
    recent: list[Any] = []  # what came after it
    waits: dict[Any, set[Any]] = {}
    for step in program.steps:
        unit = ("group", group_of[step]) if type(step) is Node and step in group_of else ("one", id(step))
        if unit not in units:
            units[unit] = []
            recent.append(unit)
        units[unit].append(step)
        unit_of[id(step)] = unit
        before = waits.setdefault(unit, set())
        before.update(unit_of[id(p)] for p in parents(step) if id(p) in unit_of)
        if barrier is not None:
            before.add(barrier)
        if type(step) is Guard and step.how not in SOFT:
            waits[unit].update(u for u in recent if u != unit)
            barrier, recent = unit, []
    followers: dict[Any, list[Any]] = {}
    for unit, before in waits.items():
        before.discard(unit)
        for u in before:
            followers.setdefault(u, []).append(unit)
    ready = [(place[id(units[u][0])], u) for u, before in waits.items() if not before]
    heapq.heapify(ready)
    while ready:
        _, unit = heapq.heappop(ready)
        yield units[unit]
        for u in followers.get(unit, ()):
            waits[u].discard(unit)
            if not waits[u]:
                heapq.heappush(ready, (place[id(units[u][0])], u))


def _at_once(b: Builder, members: list[Node], new: dict[Any, Any]) -> Any:
    """Return the stack of the results of like calls, by one call."""
    first, count = members[0], len(members)
    if first.fn in ELEMENTWISE:
        return b.call(first.fn, *(_column(b, members, k, new) for k in range(len(first.args))))
    if first.fn is onp.reshape:
        x = _stacked(b, [new[n.args[0]] for n in members])
        return b.call(onp.reshape, x, (count, *first.shape))
    x, y = first.args
    if all(n.args[1] is y for n in members):
        stack = _stacked(b, [new[n.args[0]] for n in members])
        if x.ndim == 1:
            return b.call(onp.dot, stack, new[y])
        flat = b.call(onp.reshape, stack, (count * x.shape[0], x.shape[1]))
        return b.call(onp.reshape, b.call(onp.dot, flat, new[y]), (count, *first.shape))
    stack = _stacked(b, [new[n.args[1]] for n in members])
    if x.ndim == 2 and y.ndim == 1:
        return b.call(onp.dot, stack, b.call(onp.transpose, new[x]))
    return b.call(onp.matmul, new[x], stack)


def _column(b: Builder, members: list[Node], k: int, new: dict[Any, Any]) -> Any:
    """Return the k-th arguments of like calls: one for all, or their stack."""
    first = members[0]
    a = first.args[k]
    if type(a) is not Node:
        return a
    column = [n.args[k] for n in members]
    if all(x is a for x in column):
        return new[a]
    x = _stacked(b, [new[c] for c in column])
    gap = first.ndim - a.ndim
    return b.call(onp.reshape, x, (len(members), *(1,) * gap, *a.shape)) if gap else x

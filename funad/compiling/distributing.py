"""The loops that are left of a body when all is done at once that can be.

A call waits for its operands, at this step and at steps before. Calls that wait for each other in a circle
stay in a loop together; a circle of additions alone is a sum; every other call is done for all steps at once.
"""

from __future__ import annotations

from typing import Any

import numpy as onp

from .batched import Stack, at_once
from .bodies import Body, Unfit
from .loops import Loop
from .program import GETITEM, SOFT, Builder, Guard, Node, Program, map_nodes, parents
from .rewriting.patterns import is_float
from .shapes import infer

__all__ = ["distribute"]

ADD, SUB = onp.add, onp.subtract
_PRODUCTS = frozenset({onp.multiply, onp.dot, onp.matmul})
_MOST = 1 << 16  # bytes of a result of one step, from which the overhead of a call does not count
_COMPARISONS = frozenset({onp.equal, onp.not_equal, onp.less, onp.less_equal, onp.greater, onp.greater_equal})
_ARRAYS = frozenset({onp.ndarray, onp.float64, onp.float32})
_STORED = frozenset({onp.ndarray, float, onp.float64, onp.float32})


def distribute(body: Body) -> None:
    """Write a body into the new program: what it does for all steps at once, and its loops."""
    _Distribution(body).run()


class _Distribution:
    def __init__(self, body: Body) -> None:
        self.body, self.b = body, body.b
        self.needed = self._needed()
        self.steps = [s for s in body.steps if type(s) is Guard or s in self.needed]
        self.nodes = [s for s in self.steps if type(s) is Node]
        self.guards = [s for s in self.steps if type(s) is Guard]
        self.together = any(g.how not in SOFT for g in self.guards)  # whether all is one loop
        self.stuck: set[Node] = set()  # calls that turned out not to have one for all steps
        self.varying = self._varying()
        self._hoist()
        self.readers: dict[Node, set[Node]] = {}
        for n in self.nodes:
            for p in parents(n):
                self.readers.setdefault(p, set()).add(n)
        self.carried = [c for c in body.first if c in self.needed]
        for c in self.carried:
            source = body.previous(c)
            if type(source) is Node:
                self.readers.setdefault(source, set()).add(c)

    def before(self, x: Node) -> list[Any]:
        """Return what a value of the body waits for, of what changes from step to step."""
        found = [self.body.previous(x)] if x in self.body.first else parents(x)
        return [p for p in found if p in self.varying]

    def _needed(self) -> set[Node]:
        body = self.body
        found: set[Node] = set()
        waiting = [*body.wanted, *(s.node for s in body.steps if type(s) is Guard)]
        while waiting:
            x = waiting.pop()
            if type(x) is Node and x not in found:
                found.add(x)
                waiting += [body.previous(x)] if x in body.first else parents(x)
        return found

    def _varying(self) -> set[Any]:
        found: set[Any] = set(self.body.first)
        found |= {x for x, value in self.body.given.items() if type(value) in (Stack, tuple)}
        for n in self.nodes:
            if any(p in found for p in parents(n)):
                found.add(n)
        return found

    def _hoist(self) -> None:
        """Compute what is the same at every step, once."""
        given = self.body.given
        for n in self.nodes:
            if n not in self.varying:
                self.b.name, self.b.hint = n.name, n
                given[n] = self.b.call(
                    n.fn, *map_nodes(self._fixed, n.args), **map_nodes(self._fixed, n.kwargs)
                )
        self.b.name = self.b.hint = None

    def _fixed(self, x: Node) -> Any:
        return self.body.given[x]

    # --- the order

    def _parts(self) -> list[list[Any]]:
        """Return the circles of calls, and the other calls, each after those that it waits for."""
        parts = _components([x for x in (*self.carried, *self.nodes) if x in self.varying], self.before)
        if any(len(part) > 1 and all(x in self.body.first for x in part) for part in parts):
            raise Unfit  # values that change places, and nothing else
        return parts

    def run(self) -> None:
        parts = self._parts()
        done = {x for x in self.body.given if x in self.varying}
        in_loop = [len(part) > 1 or part[0] in self.before(part[0]) for part in parts]
        sums = [self._terms(part) if cyclic else None for part, cyclic in zip(parts, in_loop, strict=True)]
        self.products = {t for terms in sums if terms for _, t in terms if t.fn in _PRODUCTS}
        waiting = list(range(len(parts)))
        if self.together:
            self._loop([x for part in parts for x in part])
            waiting = []
        while waiting:
            late: list[int] = []
            for k in waiting:
                ready = all(p in done for x in parts[k] for p in self.before(x) if p not in parts[k])
                if ready and self._at_once(parts[k], sums[k], in_loop[k]):
                    done.update(parts[k])
                else:
                    late.append(k)
            loop: list[Any] = []
            inside: set[Any] = set()
            for k in late:
                if sums[k] is not None or not (in_loop[k] or self._stays(parts[k][0])):
                    continue
                if all(p in done or p in inside or p in parts[k] for x in parts[k] for p in self.before(x)):
                    loop += parts[k]
                    inside.update(parts[k])
            if loop:
                self._loop(loop)
                done |= inside
            waiting = [k for k in late if parts[k][0] not in inside]
            assert loop or len(late) < len(parts)
        for g in self.guards if not self.together else ():
            self._ask(g)

    def _ask(self, g: Guard) -> None:
        """Ask of all steps at once what a guard asks of one."""
        rows = self.body.rows(g.node)
        node = rows.rows if type(rows) is Stack else rows
        for x in node if type(node) is tuple else (node,):
            if type(x) is Node:
                self.b.guard(x, g.how, g.expected, g.line)

    # --- all steps at once

    def _at_once(self, part: list[Any], terms: Any, in_loop: bool) -> bool:
        """Do what can be done for all steps; say whether it could be."""
        body, x = self.body, part[0]
        if terms is not None:
            self._sum(part, terms)
            return True
        if in_loop:
            return False
        if x in body.first:
            body.rows(x)
            return True
        if not self._suits(x):
            return False
        self.b.name = x.name
        try:
            args, kwargs = (map_nodes(self._whole, a) for a in (x.args, x.kwargs))
            found = at_once(self.b, body.count, x, args, kwargs)
        except Unfit:
            found = None
        self.b.name = None
        if found is None:
            self.stuck.add(x)
            return False
        body.stacks[x] = found
        return True

    def _stays(self, x: Node) -> bool:
        """Say whether a call that is in no circle has to be done step by step."""
        return x not in self.body.first and (x in self.stuck or not self._suits(x))

    def _whole(self, x: Node) -> Any:
        rows = self.body.rows(x)
        return Stack(self.body.as_stack(rows)) if type(rows) in (Stack, tuple) else rows

    def _suits(self, x: Node) -> bool:
        """Say whether a call is of floats, and so small that it is its overhead that counts."""
        if not (is_float(x) or x.fn in _COMPARISONS) or x.type not in _ARRAYS:
            return False
        if any(p.type is float and x.dtype.char != "d" for p in parents(x)):
            return False  # a number of Python's adapts to single precision, an array of them does not
        return x.nbytes <= _MOST or x in self.products or x.fn in (onp.dot, onp.matmul)

    def _terms(self, part: list[Any]) -> Any:
        """Return (sign, term) of what a circle of additions adds up; None if it is no such circle."""
        inside, terms = set(part), []
        carried = [x for x in part if x in self.body.first]
        if self.together or len(carried) != 1:
            return None
        source = self.body.previous(carried[0])
        for x in part:
            readers = self.readers.get(x, set())
            if (
                len(readers) != 1
                or not readers <= inside
                or x in self.body.whole
                or (x in self.body.wanted and x is not source)
            ):
                return None
            if x is carried[0]:
                continue
            if x.fn not in (ADD, SUB) or x.kwargs or not is_float(x) or x.type is float:
                return None
            own = [k for k, a in enumerate(x.args) if type(a) is Node and a in inside]
            term = x.args[1 - own[0]]
            if len(own) != 1 or (x.fn is SUB and own != [0]) or term not in self.varying:
                return None
            if (term.shape, term.dtype) != (x.shape, x.dtype) or term.type is float:
                return None
            terms.append((x.fn, term))
        return terms

    def _sum(self, part: list[Any], terms: Any) -> None:
        body = self.body
        carried = next(x for x in part if x in body.first)
        source = body.previous(carried)
        total = body.first[carried]
        self.b.name = source.name
        for fn, term in terms:
            total = self.b.call(fn, total, self.b.call(onp.sum, self._whole(term).rows, axis=0))
        self.b.name = None
        body.last[source] = total

    # --- one loop

    def _loop(self, part: list[Any]) -> None:
        """Write a loop that computes these values of the body."""
        body, inside = self.body, set(part)
        steps = [s for s in self.steps if (s in inside if type(s) is Node else self.together)]
        carried = [c for c in self.carried if c in inside]
        inner = Builder((), None, infer)
        new: dict[Any, Any] = {c: inner.input(c.spec, c.name or "x") for c in carried}
        scanned, fixed = self._outside(steps, carried, inside)
        new.update({x: inner.input(x.spec, x.name or "x") for x in scanned})
        new.update({x: body.given[x] for x in fixed})
        invariants: dict[Node, Node] = {}
        for x in fixed:
            value = body.given[x]
            if type(value) is Node:
                if value not in invariants:
                    invariants[value] = inner.input(value.spec, value.name or "x")
                new[x] = invariants[value]
        _copy(steps, inner, new)
        kept = [s for s in steps if isinstance(s, Node) and self._is_kept(s, inside)]
        views = {s: s.args[0] for s in kept if self._is_view(s, inside)}
        kept = [
            s
            for s in steps
            if isinstance(s, Node) and (s in views.values() or (s in kept and s not in views))
        ]
        following = [body.previous(c) for c in carried]
        outputs = [new[x] if type(x) is Node else x for x in (*following, *kept)]
        loop = Loop(Program(inner.inputs, inner.steps, outputs), body.count, len(carried), len(scanned))
        rows = [body.rows(x) for x in scanned]
        given = (
            tuple(body.first[c] for c in carried),
            tuple(r.rows if type(r) is Stack else r for r in rows),
            tuple(invariants),
        )
        made = self.b.raw(loop, given, None, loop.spec)
        for k, x in enumerate(following):
            if type(x) is Node:
                body.last[x] = self.b.raw(GETITEM, (made, k), None, loop.spec.parts[k])
        for k, x in enumerate(kept, len(carried)):
            self.b.name = x.name
            body.stacks[x] = self.b.raw(GETITEM, (made, k), None, loop.spec.parts[k])
        for x, whole in views.items():
            args = Stack(body.stacks[whole]), x.args[1]
            body.stacks[x] = at_once(self.b, body.count, x, args, {})
        self.b.name = None

    def _outside(self, steps: list[Any], carried: list[Any], inside: set[Any]) -> tuple[list[Any], list[Any]]:
        """Return what a loop reads from outside: what changes from step to step, and what does not."""
        read = [p for s in steps for p in parents(s)]
        read += [x for c in carried if type(x := self.body.previous(c)) is Node]
        read = [x for x in dict.fromkeys(read) if x not in inside]
        return [x for x in read if x in self.varying], [x for x in read if x not in self.varying]

    def _is_view(self, x: Node, inside: set[Any]) -> bool:
        """Say whether a value that is wanted later is part of another that can be kept in its place."""
        if (
            x.fn is not GETITEM
            or type(x.args[0]) is not Node
            or x.args[0].fn is None
            or x.args[0] not in inside
        ):
            return False
        whole, parts = x.args[0], x.args[1] if type(x.args[1]) is tuple else (x.args[1],)
        return whole.is_array and is_float(whole) and all(type(part) in (int, slice) for part in parts)

    def _is_kept(self, x: Node, inside: set[Any]) -> bool:
        """Say whether the values of all steps are wanted later."""
        follows = [c for c in self.carried if self.body.previous(c) is x and c in inside]
        late = any(r not in inside for value in (x, *follows) for r in self.readers.get(value, ()))
        asked = not self.together and any(g.node is x for g in self.guards)
        if not (late or asked or x in self.body.whole or (x in self.body.wanted and not follows)):
            return False
        if x.type not in _STORED or x.dtype.kind not in "fcbiu":
            raise Unfit
        return True


def _copy(steps: list[Any], inner: Builder, new: dict[Any, Any]) -> None:
    """Write steps as they stand into the body of a loop."""
    for s in steps:
        if isinstance(s, Guard):
            if type(new[s.node]) is Node:
                inner.guard(new[s.node], s.how, s.expected, s.line)
            continue
        inner.name = s.name
        args, kwargs = (map_nodes(new.__getitem__, a) for a in (s.args, s.kwargs))
        new[s] = inner.raw(s.fn, args, kwargs, s.spec)


def _components(xs: list[Any], before: Any) -> list[list[Any]]:
    """Return the circles of a graph, and what is in none, each after those that it waits for (Tarjan)."""
    place = {x: k for k, x in enumerate(xs)}
    number: dict[Any, int] = {}
    low: dict[Any, int] = {}
    path: list[Any] = []
    on_path: set[Any] = set()
    found: list[list[Any]] = []

    def enter(x: Any) -> None:
        number[x] = low[x] = len(number)
        path.append(x)
        on_path.add(x)
        waiting.append((x, iter([p for p in before(x) if p in place])))

    for root in xs:
        waiting: list[Any] = []
        if root not in number:
            enter(root)
        while waiting:
            x, rest = waiting[-1]
            for p in rest:
                if p not in number:
                    enter(p)
                    break
                if p in on_path:
                    low[x] = min(low[x], number[p])
            else:
                waiting.pop()
                if waiting:
                    low[waiting[-1][0]] = min(low[waiting[-1][0]], low[x])
                if low[x] == number[x]:
                    circle = path[path.index(x) :]
                    del path[-len(circle) :]
                    on_path.difference_update(circle)
                    found.append(sorted(circle, key=place.__getitem__))
    return found

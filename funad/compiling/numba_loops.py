"""A run of calls as the text of one kernel: loops over flat memory, with the sums at their ends.

The last axes of an array with few elements are written out, over the others there are loops: (n,), (n, 1)
and (n, 3) have a loop over n in common. All calls whose elements can be had in a loop go into it, and what
no other loop reads is never stored. Each line is simple Python, of which ``numba_machine`` makes code:

    v3 = x[i0 + 1]              read
    v4 = v3 * v3                compute
    y[i0] = v4                  store
    s[0] += v4                  add up, in any order
    code |= missed(v4 != v4)    give up: 1 an invalid operation, 2 another program, 4 for NumPy
    gemm(...)                   a product by BLAS
"""

from __future__ import annotations

import functools
import itertools
import keyword
import math
from typing import Any

import numpy as onp

from ..indices import assign, scatter
from .diagonals import from_diagonals, length
from .loops import Loop, is_loop, shifted
from .numba_places import (
    LIKE_RESHAPE, Index, Place, combined, fixed, index_of_base, is_view, parts_of, root_of, rows, text_of, variable, view_of,
)  # fmt: skip
from .numba_words import (
    BOOL, CASTS, FLOAT, INT, JOINS, OPERATORS, WORDS, Reduction, dtype_for, gathers, is_product, reduction_of,
)  # fmt: skip
from .program import GETITEM, Guard, Node, Program, Step, number_of, parents, shape_of

__all__ = ["KernelText", "TooLong"]

ndarray = onp.ndarray
# Elements of last axes that are written out: few, or more where there are many rows of them.
UNROLL, UNROLL_OF_MANY, MANY = 4, 16, 1000
LONGEST = 4000  # lines of a kernel: LLVM takes more than a minute for ten times as many


class NotYet(Exception):
    """The elements that a call needs are in no memory and in no line of this loop."""


class TooLong(Exception):
    """A kernel would have more lines than can be compiled in a few seconds."""


def _split(shape: tuple[int, ...]) -> int:
    """Return how many axes of a shape have loops."""
    for k in range(min(1, len(shape)), len(shape)):
        size = math.prod(shape[k:])
        if size <= UNROLL or (size <= UNROLL_OF_MANY and math.prod(shape[:k]) >= MANY):
            return k
    return len(shape)


def _domain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sizes of the loops over an array."""
    return tuple(d for d in shape[: _split(shape)] if d != 1)


def _starts(shape: tuple[int, ...]) -> list[tuple[Index, ...]]:
    """Return the indices of the elements that are written out in one turn of the loops."""
    k, count = _split(shape), itertools.count()
    first = tuple([fixed(0) if d == 1 else variable(f"i{next(count)}") for d in shape[:k]])
    return [first + tuple(map(fixed, rest)) for rest in itertools.product(*map(range, shape[k:]))]


def _broadcast(x: Any, index: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return the index into an operand for one into the result."""
    shape = shape_of(x)
    return tuple(
        [fixed(0) if d == 1 else i for d, i in zip(shape, index[len(index) - len(shape) :], strict=True)]
    )


class KernelText:
    """Writes a kernel; ``text`` is it, ``arguments`` are the values that it takes, ``results`` its outputs.

    Of the results, arrays are written into arrays that the caller gives, numbers into one for each dtype.
    """

    def __init__(self, steps: list[Step], needed: list[Node]) -> None:
        self.places: dict[Any, Any] = {}  # of nodes, and of constants by their id
        self.dtypes: dict[str, Any] = {}  # of buffers and of values
        self.arguments: list[Any] = []
        self.parameters: list[str] = []
        self.made = {s for s in steps if type(s) is Node and not is_view(s)}
        self.reductions = {n: r for n in self.made if (r := reduction_of(n)) is not None}
        self.results, self.given = needed, {}
        self.lines: list[str] = []
        self.spaces: list[str] = []
        self.body: list[str] = []
        self.memo: dict[Any, str] = {}
        self.group: dict[Node, Any] = {}
        self.counts: dict[str, int] = {}
        self.depth = 0
        self.used: set[str] = set()
        self._outputs()
        self._loops([s for s in steps if type(s) is Guard or s in self.made])
        for n in needed:
            self._deliver(n)
        header = [f"def kernel({', '.join(self.parameters + self.outputs)}):", *self.spaces, *self.lines]
        self.text = "\n    ".join([*header, "return code | invalid()"]) + "\n"

    # --- names and places

    def fresh(self, base: str) -> str:
        """Return a name that is not in use."""
        base = base if base.isidentifier() and not keyword.iskeyword(base) and base not in _TAKEN else "v"
        k = self.counts.get(base, 0)
        while (name := f"{base}{k or ''}" if base != "v" else f"v{k}") in self.used or k == 0 and base == "i":
            k += 1
        self.counts[base] = k + 1
        self.used.add(name)
        return name

    def _outputs(self) -> None:
        """Take names for the arrays that the caller gives."""
        self.outputs: list[str] = []
        numbers: dict[Any, list[Node]] = {}
        for n in self.results:
            if n.is_array:
                name = self.fresh(n.name or "y")
                self.outputs.append(name)
                self.dtypes[name] = n.dtype
                self.given[n] = Place(name, fixed(0), rows(n.shape))
            else:
                numbers.setdefault(n.dtype, []).append(n)
        self.numbers = numbers
        for dtype, nodes in numbers.items():
            name = self.fresh("numbers" if dtype == FLOAT else f"numbers_{dtype.name}_")
            self.outputs.append(name)
            self.dtypes[name] = dtype
            self.given.update({n: Place(name, fixed(k), ()) for k, n in enumerate(nodes)})

    def argument(self, x: Any) -> Any:
        """Return the place of a value that comes from outside; of a number, its name."""
        key = x if type(x) is Node else id(x)
        if key not in self.places:
            name = self.fresh((x.name if type(x) is Node else None) or "x")
            self.arguments.append(x)
            self.parameters.append(name)
            self.dtypes[name] = x.dtype
            is_array = x.is_array if type(x) is Node else type(x) is ndarray
            self.places[key] = Place(name, fixed(0), rows(x.shape)) if is_array else name
        return self.places[key]

    def space(self, n: Any, shape: tuple[int, ...], dtype: Any) -> Place:
        """Return memory for a value: where the caller wants it, or within the kernel."""
        place = self.given.get(n)
        if place is None:
            name = self.fresh((n.name if type(n) is Node else None) or "t")
            self.dtypes[name] = dtype
            self.spaces.append(f"{name} = empty({math.prod(shape)}, {dtype.name})")
            place = Place(name, fixed(0), rows(shape))
        if n is not None:
            self.places[n] = place
        return place

    def find(self, x: Any) -> Any:
        """Return where a value is, if it is in memory."""
        if type(x) is not Node:
            return self.argument(x)
        place = self.places.get(x)
        if place is not None or x in self.made:
            return place
        if not is_view(x):
            return self.argument(x)
        base = self.find(x.args[0])
        if base is None:
            return None
        place = view_of(x, base)
        if place is None:  # a reshape that has to copy
            self.copy(x.args[0], self.space(None, x.args[0].shape, x.dtype), x.args[0].shape)
            place = view_of(x, self.copied)
        self.places[x] = place
        return place

    # --- elements

    def say(self, text: str, dtype: Any, base: str = "v") -> str:
        """Write a line for a value, unless there is one; return its name."""
        name = self.memo.get(text)
        if name is None:
            name = self.memo[text] = self.fresh(base)
            self.dtypes[name] = dtype
            self.body.append(f"{name} = {text}")
        return name

    def cast(self, value: str, dtype: Any) -> str:
        """Return a value as one of a dtype; literals adapt by themselves."""
        known = self.dtypes.get(value)
        if known is None or known == dtype:
            return value
        return self.say(f"{dtype.name}({value})", dtype)

    def element(self, x: Any, index: tuple[Index, ...]) -> str:
        """Return the name of an element: read, or computed from elements."""
        if type(x) is Place:
            return self.say(f"{x.buffer}[{text_of(x.at(index))}]", self.dtypes[x.buffer])
        if type(x) is not Node and type(x) is not ndarray or number_of(x) is not None:
            return _literal(x)
        place = self.find(x)
        if place is not None:
            if type(place) is str:
                return place
            return self.say(f"{place.buffer}[{text_of(place.at(index))}]", x.dtype)
        if is_view(x):
            base = index_of_base(x, index)
            if base is None or (base != index and not _in_order(base)):
                raise NotYet
            return self.element(x.args[0], base)
        if x not in self.group:
            raise NotYet
        key = x, index
        if key not in self.memo:
            self.memo[key] = self.computed(x, index)
        return self.memo[key]

    def computed(self, n: Node, index: tuple[Index, ...]) -> str:
        """Write the line of an element of a call."""
        fn = n.fn
        reduction = self.reductions.get(n)
        if reduction is not None:
            here = {k: i for k, i in zip(reduction.result, index, strict=True) if k is not None}
            return self.total(list(self.terms(n, reduction, here)), n, reduction.how)
        special = _ELEMENTS.get(fn) if not is_loop(n.args[0]) else None
        if special is not None:
            return str(special(self, n, index))
        if fn in _CALLS or type(fn) is Loop or is_loop(n.args[0]):  # nothing but loops of its own
            raise NotYet
        if fn is onp.where or WORDS.get(fn) == "keep":
            return self.chosen(n, index)
        operands = [self.element(a, _broadcast(a, index)) for a in n.args]
        dtype = dtype_for(n, [self.dtypes.get(v) for v in operands])
        operands = [self.cast(v, dtype) for v in operands]
        if fn in OPERATORS:
            return self.say(f"{operands[0]} {OPERATORS[fn]} {operands[1]}", n.dtype, n.name or "v")
        word = WORDS[fn]
        return self.say(f"{word}({', '.join(operands)})", n.dtype, n.name or "v") if word else operands[0]

    def chosen(self, n: Node, index: tuple[Index, ...]) -> str:
        """Write ``where``, or what is like it: ``_keep`` has the condition last and 0 for the rest."""
        condition, a, b = n.args if n.fn is onp.where else (n.args[1], n.args[0], 0)
        values = [self.element(x, _broadcast(x, index)) for x in (condition, a, b)]
        if self.dtypes.get(values[0], BOOL) != BOOL:
            values[0] = self.say(f"{values[0]} != 0", BOOL)
        values[1:] = [self.cast(v, n.dtype) if v in self.dtypes else f"{n.dtype.name}({v})" for v in values[1:]]
        return self.say(f"where({', '.join(values)})", n.dtype, n.name or "v")

    def converted(self, n: Node, index: tuple[Index, ...]) -> str:
        """Write a copy in another dtype."""
        return self.cast(self.element(n.args[0], index), n.dtype)

    def part_of_join(self, n: Node, index: tuple[Index, ...]) -> str:
        """Take an element of a concatenation or a stack from the part that it is in."""
        axis, parts = self.axis_of_join(n), n.args[0]
        i = index[axis]
        if i[1]:
            raise NotYet
        k = i[0]
        if n.fn is not onp.concatenate:
            return self.cast(self.element(parts[k], index[:axis] + index[axis + 1 :]), n.dtype)
        for x in parts:
            size = shape_of(x)[axis]
            if k < size:
                return self.cast(self.element(x, (*index[:axis], fixed(k), *index[axis + 1 :])), n.dtype)
            k -= size
        raise AssertionError

    def axis_of_join(self, n: Node) -> int:
        axis = n.kwargs.get("axis", n.args[1] if len(n.args) > 1 else 0)
        return int(axis) % n.ndim

    def gathered(self, n: Node, index: tuple[Index, ...]) -> str:
        """Read an element at an index that is computed."""
        base = n.args[0]
        place = self.find(base)
        if place is None:
            raise NotYet
        return self.say(f"{place.buffer}[{text_of(place.at(self.taken(n.args[1], base.shape, index)))}]", n.dtype)

    def taken(self, index: Any, shape: tuple[int, ...], at: tuple[Index, ...]) -> tuple[Index, ...]:
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
                found.append(variable(self.wrapped(p, d, mine)))
        return tuple(found)

    def wrapped(self, p: Any, size: int, at: tuple[Index, ...]) -> str:
        """Return an index within an axis; negative ones count from its end, others are given up."""
        k = self.element(p, _broadcast(p, at))
        name = self.say(f"wrapped({k}, {size})", INT, "k")
        line = f"code |= outside({k}, {size})"
        if line not in self.body:
            self.body.append(line)
        return name

    def assigned(self, n: Node, index: tuple[Index, ...]) -> str:
        """Take an element of an array after a write: what was written, or what was there."""
        (x, v), _, where = n.args
        at = _within(where, n.shape, index)
        if at is None:
            return self.element(x, index)
        return self.cast(self.element(v, _broadcast(v, at)), n.dtype)

    def added(self, n: Node, index: tuple[Index, ...]) -> str:
        """Take an element of zeros with pieces added: the sum of the pieces that are there."""
        _, _, indices, pieces = n.args
        if any(map(gathers, indices)):
            raise NotYet
        at = [_within(i, n.shape, index) for i in indices]
        terms = [
            self.cast(self.element(p, _broadcast(p, k)), n.dtype)
            for p, k in zip(pieces, at, strict=True)
            if k is not None
        ]
        return self.total(terms, n, "sum") if terms else "0.0"

    def total(self, terms: list[str], n: Node, how: str) -> str:
        """Write the sum, or the largest, ... of values."""
        sign = {"sum": "+", "all": "&", "any": "|"}.get(how)
        return functools.reduce(
            lambda a, b: self.say(
                f"{a} {sign} {b}" if sign else f"{'maximum' if how == 'max' else 'minimum'}({a}, {b})", n.dtype
            ),
            terms,
        )

    def terms(self, n: Node, reduction: Reduction, here: dict[int, Index]) -> Any:
        """Iterate over the products that are to be summed, for those letters whose index is known."""
        free = [k for k in range(len(reduction.space)) if k not in here]
        for ks in itertools.product(*(range(reduction.space[k]) for k in free)):
            at = {**here, **{k: fixed(c) for k, c in zip(free, ks, strict=True)}}
            values = [
                self.cast(
                    self.element(
                        x,
                        tuple(fixed(0) if d == 1 else at[k] for k, d in zip(letters, shape_of(x), strict=True)),
                    ),
                    n.dtype,
                )
                for x, letters in reduction.operands
            ]
            yield functools.reduce(lambda a, b: self.say(f"{a} * {b}", n.dtype), values)

    # --- loops

    def _loops(self, pending: list[Step]) -> None:
        while pending:
            took: Any = None
            for domain in dict.fromkeys(map(self.domain_of, pending)):
                took = self.cluster(domain, pending)
                if took:
                    break
            if not took:
                took = next(filter(None, map(self.call, pending)), None)
            assert took, f"no order for {pending[0]}"
            pending = [s for s in pending if s not in took]
            if len(self.lines) > LONGEST:
                raise TooLong

    def domain_of(self, s: Step) -> tuple[int, ...]:
        """Return the sizes of the loops that a call or a guard belongs into."""
        if type(s) is Guard:
            return _domain(s.node.shape)
        reduction = self.reductions.get(s)  # type: ignore[arg-type]
        return _domain(reduction.space if reduction is not None else s.shape)  # type: ignore[union-attr]

    def cluster(self, domain: tuple[int, ...], pending: list[Step]) -> set[Step]:
        """Write all pending calls of one domain whose elements can be had as one loop."""
        self.body, self.memo, self.group = [], {}, {}
        sums: dict[Node, Any] = {}
        guards: set[Step] = set()
        for s in pending:
            if self.domain_of(s) != domain or (type(s) is Node and is_product(s) and s not in self.reductions):
                continue
            before = len(self.body), len(self.memo)
            try:
                if type(s) is Guard:
                    self.ask(s)
                    guards.add(s)
                elif s in self.reductions and _sums_over_loops(self.reductions[s]):
                    sums[s] = self.partial_sums(s, self.reductions[s])
                else:
                    self.group[s] = []
                    self.group[s] = [(i, self.element(s, i)) for i in _starts(s.shape)]
            except NotYet:
                self.group.pop(s, None)  # type: ignore[arg-type]
                del self.body[before[0] :]
                while len(self.memo) > before[1]:
                    self.memo.popitem()
            if len(self.body) > LONGEST:
                raise TooLong
        took = {*self.group, *sums, *guards}
        if took:
            self._store(took, pending, sums)
            self.nest(domain)
        return took

    def _store(self, took: set[Step], pending: list[Step], sums: dict[Node, Any]) -> None:
        """Write what others read to memory."""
        needed = {root_of(p) for s in pending if s not in took for p in parents(s)}
        needed.update(map(root_of, self.results))
        for n in [n for n in self.group if n in needed]:
            found = self.group[n]
            place = self.space(n, n.shape, n.dtype)
            for i, v in found:
                self.put(place, i, v)
        for n, found in sums.items():
            place = self.space(n, n.shape, n.dtype)
            how = self.reductions[n].how
            self.fill(place, math.prod(n.shape), _START[how] if n.dtype != INT else "0")
            for i, v in found:
                at = f"{place.buffer}[{text_of(place.at(i))}]"
                if how in ("max", "min"):
                    self.body.append(f"{at} = {how}imum({at}, {v})")
                else:
                    self.body.append(f"{at} {'+' if how == 'sum' else '&' if how == 'all' else '|'}= {v}")

    def partial_sums(self, n: Node, reduction: Reduction) -> list[Any]:
        """Return what one turn of the loops adds to each element of a sum."""
        found: dict[Any, list[str]] = {}
        for start in _starts(reduction.space):
            at = tuple(fixed(0) if k is None else start[k] for k in reduction.result)
            found.setdefault(at, []).extend(self.terms(n, reduction, dict(enumerate(start))))
        return [(at, self.total(terms, n, reduction.how)) for at, terms in found.items()]

    def ask(self, g: Guard) -> None:
        """Write a question that Python asked."""
        if g.how == "kind":
            return
        for i in _starts(g.node.shape):
            v = self.element(g.node, i)
            if g.how == "finite":
                test = f"not_(isfinite({v}))"
            elif g.how == "number":
                test = f"isnan({v})"
            elif g.how == "within":
                test = f"not_within({v}, {float(g.expected[0])!r}, {float(g.expected[1])!r})"
            elif g.how == "bool" and self.dtypes.get(v) == BOOL:
                test = f"not_({v})" if g.expected else v
            elif g.how == "bool":
                test = f"{v} == 0" if g.expected else f"{v} != 0"
            else:
                test = f"int64({v}) != {int(g.expected)}"
            self.body.append(f"code |= missed({test})")

    def put(self, place: Place, index: tuple[Index, ...], v: str, sign: str = "=") -> None:
        dtype = self.dtypes[place.buffer]
        v = self.cast(v, dtype)
        self.body.append(f"{place.buffer}[{text_of(place.at(index))}] {sign} {v}")

    def fill(self, place: Place, size: int, v: str) -> None:
        """Fill an array with a number."""
        if size == 1:
            self.lines.append(f"{place.buffer}[{text_of(place.offset)}] = {v}")
        else:
            at = text_of(combined(variable("j"), place.offset))
            self.lines += [f"for j in range({size}):", f"    {place.buffer}[{at}] = {v}"]

    def nest(self, domain: tuple[int, ...]) -> None:
        """Put loops around the lines that have been written."""
        indent = "    " * len(domain)
        self.lines += [f"{'    ' * k}for i{k} in range({d}):" for k, d in enumerate(domain)]
        self.lines += [indent + line for line in _without_dead_lines(self.body)]

    def copy(self, x: Any, place: Place, shape: tuple[int, ...], to: Any = None, sign: str = "=") -> None:
        """Write all elements of x, which is in memory, to a place, in loops of their own."""
        kept = self.body, self.memo, self.group
        self.body, self.memo, self.group = [], {}, {}
        index = tuple(fixed(0) if d == 1 else variable(f"i{k}") for k, d in enumerate(shape))
        v = self.element(x, index if type(x) is Place else _broadcast(x, index))
        target = to(index) if to is not None else index
        self.put(place, target, v, sign)
        self.lines += [f"{'    ' * k}for i{k} in range({d}):" for k, d in enumerate(shape)]
        self.lines += ["    " * len(shape) + line for line in self.body]
        self.body, self.memo, self.group = kept
        self.copied = place

    def _deliver(self, n: Node) -> None:
        """See to it that a result is where the caller wants it."""
        place = self.find(n)
        if place is None or place.buffer != self.given[n].buffer:
            self.body, self.memo, self.group = [], {}, {}
            self.copy(n, self.given[n], n.shape)

    # --- calls with loops of their own

    def call(self, s: Step) -> set[Step] | None:
        """Write a call whose arguments are all in memory."""
        if type(s) is not Node or s not in self.made or any(self.find(p) is None for p in parents(s)):
            return None
        if type(s.fn) is Loop:
            return self.loop(s)
        write = _CALLS.get(s.fn)
        if write is None:
            return None
        write(self, s, self.space(s, s.shape, s.dtype))
        return {s}

    def loop(self, n: Node) -> set[Step]:
        """Write a loop that has been rolled: carried values stay in place, rows of others are written."""
        loop: Loop = n.fn  # type: ignore[assignment]
        parts = {g.args[1]: g for g in self.made if g.fn is GETITEM and g.args[0] is n}
        first, scanned, invariants = n.args
        t, inputs, body = self.fresh("time"), iter(loop.body.inputs), loop.body
        carried = list(itertools.islice(inputs, loop.carried))
        for k, (c, x) in enumerate(zip(carried, first, strict=True)):
            self.places[c] = self.space(parts.get(k), c.shape, c.dtype)
            self.copy(x, self.places[c], c.shape)
        for x, value in zip(itertools.islice(inputs, loop.scanned), scanned, strict=True):
            self.places[x] = self.row(self.all_rows(x, value), t)
        for x, value in zip(inputs, invariants, strict=True):
            self.places[x] = self.find(value)
        stored = []
        for k, y in enumerate(loop.stored, loop.carried):
            if k in parts:
                place = self.space(parts[k], parts[k].shape, parts[k].dtype)
                stored.append((y, self.row(place, t)))
        kept, self.lines = self.lines, []
        self._body(body, stored, carried)
        self.lines = [*kept, f"for {t} in range({loop.count}):", *(f"    {line}" for line in self.lines)]
        return {n, *parts.values()}

    def row(self, place: Place, t: str) -> Place:
        """Return where the part for one time of an array stands."""
        return Place(place.buffer, combined(place.offset, variable(t), place.strides[0]), place.strides[1:])

    def all_rows(self, x: Node, value: Any) -> Place:
        """Return where the values of an input of a loop are, those of all times one after the other."""
        if type(value) is not tuple:
            place = self.find(value)
            assert type(place) is Place
            return place
        place = self.space(None, (len(value), *x.shape), x.dtype)
        for k, part in enumerate(value):
            self.copy(part, Place(place.buffer, combined(place.offset, fixed(k), place.strides[0]), rows(x.shape)), x.shape)
        return place

    def _body(self, body: Program, stored: list[Any], carried: list[Node]) -> None:
        """Write what one time round a loop does."""
        made = {s for s in body.nodes if not is_view(s)}
        self.made |= made
        self.reductions.update({n: r for n in made if (r := reduction_of(n)) is not None})
        for y, place in stored:
            if y in made and y not in self.given:
                self.given[y] = place
        before = self.results
        self.results = [*before, *(x for x in body.outputs if type(x) is Node)]
        self._loops([s for s in body.steps if type(s) is Guard or s in made])
        self.results = before
        for y, place in stored:
            if self.given.get(y) is not place:
                self.copy(y, place, shape_of(y))
        moves = [(c, x) for c, x in zip(carried, body.outputs, strict=False) if x is not c]
        for k, (c, x) in enumerate(moves):
            if type(x) is Node and root_of(x) in carried:  # which may be written before it is read
                place = self.space(None, x.shape, x.dtype)
                self.copy(x, place, x.shape)
                moves[k] = c, place
        for c, x in moves:
            self.copy(x, self.places[c], c.shape)

    def scatter(self, n: Node, place: Place) -> None:
        _, _, indices, pieces = n.args
        self.fill(place, n.size, "0.0" if n.dtype.kind == "f" else "0")
        for index, piece in zip(indices, pieces, strict=True):
            self.copy(piece, place, _taken_shape(n.shape, index), self._taking(index, n.shape), "+=")

    def _taking(self, index: Any, shape: tuple[int, ...]) -> Any:
        if gathers(index):
            return lambda at: self.taken(index, shape, at)
        return lambda at: _through(index, shape, at)

    def assign(self, n: Node, place: Place) -> None:
        (x, v), _, index = n.args
        self.copy(x, place, n.shape)
        self.copy(v, place, _taken_shape(n.shape, index), self._taking(index, n.shape))

    def join(self, n: Node, place: Place) -> None:
        axis, start = self.axis_of_join(n), 0
        for x in n.args[0]:
            shape = shape_of(x)
            if n.fn is not onp.concatenate:
                shape = (*shape[:axis], 1, *shape[axis:])

            def to(index: tuple[Index, ...], start: int = start) -> tuple[Index, ...]:
                return (*index[:axis], combined(fixed(start), index[axis]), *index[axis + 1 :])

            if n.fn is onp.concatenate:
                self.copy(x, place, shape, to)
            else:
                strides = place.strides[:axis] + place.strides[axis + 1 :]
                part = Place(place.buffer, combined(place.offset, fixed(start), place.strides[axis]), strides)
                self.copy(x, part, shape_of(x))
            start += shape[axis]

    def shifted(self, n: Node, place: Place) -> None:
        first, stack = n.args
        self.copy(first, Place(place.buffer, place.offset, place.strides[1:]), n.shape[1:])
        rest = self.find(stack)
        moved = Place(place.buffer, combined(place.offset, fixed(place.strides[0])), place.strides)
        self.copy(rest, moved, (n.shape[0] - 1, *n.shape[1:]))

    def diagonals(self, n: Node, place: Place) -> None:
        _, _, offsets, vectors = n.args
        self.fill(place, n.size, "0.0")
        width = n.shape[1]
        for k, v in zip(offsets, vectors, strict=True):
            first = k if k >= 0 else -k * width
            diagonal = Place(place.buffer, combined(place.offset, fixed(first)), (width + 1,))
            self.copy(v, diagonal, (length(n.shape, k),))

    def product(self, n: Node, place: Place) -> None:
        """Write a product of matrices, or of stacks of them."""
        a, b = n.args
        x, y = self.matrix(a, len(b.shape) == 2), self.matrix(b, False)
        m, size, k = a.shape[-2], b.shape[-1], a.shape[-1]
        if len(b.shape) == 2:
            m = math.prod(a.shape[:-1])
            self.lines.append(_gemm(place.buffer, place.offset, x, y, fixed(0), m, size, k))
            return
        i = variable("i0")
        at = combined(place.offset, i, place.strides[0])
        self.lines += [f"for i0 in range({n.shape[0]}):", "    " + _gemm(place.buffer, at, x, y, i, m, size, k)]

    def matrix(self, x: Any, flat: bool) -> Any:
        """Return (buffer, offset, stride of the stack, length of a row, transposed) of a matrix for BLAS."""
        place, shape = self.find(x), shape_of(x)
        if flat and len(shape) > 2:  # its first axes are one
            found = _flattened(place, shape)
            if found is None:
                self.copy(x, self.space(None, shape, x.dtype), shape)
                found = _flattened(self.copied, shape)
            place, shape = found, (math.prod(shape[:-1]), shape[-1])
        r, c = place.strides[-2:]
        stack = place.strides[0] if len(shape) == 3 else 0
        if c == 1 and r >= shape[-1]:
            return place.buffer, place.offset, stack, r, False
        if r == 1 and c >= shape[-2]:
            return place.buffer, place.offset, stack, c, True
        self.copy(x, self.space(None, shape_of(x), x.dtype), shape_of(x))
        return self.copied.buffer, fixed(0), math.prod(shape[-2:]) if len(shape) == 3 else 0, shape[-1], False


_TAKEN = frozenset(
    {"code", "kernel", "empty", "gemm", "i", "j", "missed", "invalid", "outside", "wrapped", "isfinite", "isnan",
     "not_within", "inf", "nan", "float64", "float32", "int64", "bool", "where", "not_",
     *(f"i{k}" for k in range(10)), *WORDS.values()}
)  # fmt: skip
_START = {"sum": "0.0", "max": "-inf", "min": "inf", "all": "True", "any": "False"}
_ELEMENTS: dict[Any, Any] = {
    **dict.fromkeys(CASTS, KernelText.converted), **dict.fromkeys(JOINS, KernelText.part_of_join),
    GETITEM: KernelText.gathered, assign: KernelText.assigned, scatter: KernelText.added,
}  # fmt: skip
_CALLS: dict[Any, Any] = {
    **dict.fromkeys(JOINS, KernelText.join), scatter: KernelText.scatter, assign: KernelText.assign,
    from_diagonals: KernelText.diagonals, shifted: KernelText.shifted, onp.dot: KernelText.product, onp.matmul: KernelText.product,
}  # fmt: skip


def _literal(x: Any) -> str:
    c = number_of(x)
    if c is None:  # True or False, or a NumPy number of those
        return repr(bool(x))
    return repr(float(c)) if isinstance(c, float) else repr(c)


def _in_order(index: tuple[Index, ...]) -> bool:
    """Say whether an index runs over memory in the order of the loops."""
    names = [name for i in index for name, _ in i[1] if name.startswith("i")]
    return names == sorted(names)


def _sums_over_loops(r: Reduction) -> bool:
    """Say whether a reduction ends with its loops; else all that it sums is written out."""
    k = _split(r.space)
    looped = [j for j in range(k) if r.space[j] != 1]
    return [j for j in r.result if j is not None and j in looped] != looped


def _taken_shape(shape: tuple[int, ...], index: Any) -> tuple[int, ...]:
    """Return the shape of what an index takes of an array."""
    stand_in = onp.broadcast_to(onp.zeros((), onp.int8), shape)
    parts = index if type(index) is tuple else (index,)
    given = tuple(onp.zeros(shape_of(p), int) if hasattr(p, "dtype") else p for p in parts)
    return stand_in[given if given else ...].shape


def _through(index: Any, shape: tuple[int, ...], at: tuple[Index, ...]) -> tuple[Index, ...]:
    """Return the index into an array of one into the part that an index takes."""
    left, found = list(at), []
    for p in parts_of(index, len(shape)):
        if p is None:
            left.pop(0)
            continue
        d = shape[len(found)]
        if type(p) is slice:
            start, _, step = p.indices(d)
            found.append(combined(fixed(start), left.pop(0), step))
        else:
            found.append(fixed(p % d))
    return tuple(found)


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


def _without_dead_lines(lines: list[str]) -> list[str]:
    """Return lines without those of values that no line reads."""
    read: set[str] = set()
    kept = []
    for line in reversed(lines):
        name, sign, rest = line.partition(" = ")
        if sign and name.isidentifier() and name not in read:
            continue
        read.update(_names_in(rest if sign and name.isidentifier() else line))
        kept.append(line)
    return kept[::-1]


def _names_in(text: str) -> list[str]:
    return [w for w in "".join(c if c.isalnum() or c == "_" else " " for c in text).split() if not w[0].isdigit()]

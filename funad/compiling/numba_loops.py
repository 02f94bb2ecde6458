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

from .loops import Loop
from .numba_calls import CALLS, loop
from .numba_elements import NotYet, broadcast_index, computed, literal
from .numba_places import (
    Index,
    Place,
    combined,
    fixed,
    index_of_base,
    is_view,
    root_of,
    rows,
    text_of,
    variable,
    view_of,
)
from .numba_words import BOOL, FLOAT, INT, WORDS, Reduction, reduction_of
from .program import Guard, Node, Step, number_of, parents, shape_of

__all__ = ["KernelText", "TooLong"]

ndarray = onp.ndarray
# Elements of last axes that are written out: few, or more where there are many rows of them.
UNROLL, UNROLL_OF_MANY, MANY = 4, 16, 1000
AT_ONCE = 16  # arrays that are copied in one loop
LONGEST = 4000  # lines of a kernel: LLVM takes more than a minute for ten times as many


class TooLong(Exception):
    """A kernel would have more lines than can be compiled in a few seconds."""


@functools.cache
def _split(shape: tuple[int, ...]) -> int:
    """Return how many axes of a shape have loops."""
    for k in range(min(1, len(shape)), len(shape)):
        size = math.prod(shape[k:])
        if size <= UNROLL or (size <= UNROLL_OF_MANY and math.prod(shape[:k]) >= MANY):
            return k
    return len(shape)


@functools.cache
def _domain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sizes of the loops over an array."""
    return tuple(d for d in shape[: _split(shape)] if d != 1)


def _starts(shape: tuple[int, ...]) -> list[tuple[Index, ...]]:
    """Return the indices of the elements that are written out in one turn of the loops."""
    k, count = _split(shape), itertools.count()
    first = tuple([fixed(0) if d == 1 else variable(f"i{next(count)}") for d in shape[:k]])
    return [first + tuple(map(fixed, rest)) for rest in itertools.product(*map(range, shape[k:]))]


class KernelText:
    """Writes a kernel; ``text`` is it, ``arguments`` are the values that it takes, ``results`` its outputs.

    Of the results, arrays are written into arrays that the caller gives, numbers into one for each dtype.
    """

    def __init__(self, steps: list[Step], needed: list[Node]) -> None:
        self.places: dict[Any, Any] = {}  # of nodes, and of constants by their id
        self.dtypes: dict[str, Any] = {}  # of buffers and of values
        self.arguments: list[Any] = []
        self.parameters: list[str] = []
        self.made = {s for s in steps if isinstance(s, Node) and not is_view(s)}
        self.reductions = {n: r for n in self.made if (r := reduction_of(n)) is not None}
        self.results = needed
        self.given: dict[Node, Place] = {}
        self.lines: list[str] = []
        self.spaces: list[str] = []
        self.body: list[str] = []
        self.memo: dict[Any, str] = {}
        self.group: dict[Node, Any] = {}
        self.counts: dict[str, int] = {}
        self.depth = 0
        self.used: set[str] = set()
        self._outputs()
        self._loops([s for s in steps if isinstance(s, Guard) or s in self.made])
        for n in needed:
            self._deliver(n)
        header = [f"def kernel({', '.join(self.parameters + self.outputs)}):", *self.spaces, *self.lines]
        self.text = "\n    ".join([*header, "return code | invalid()"]) + "\n"

    # --- names and places

    def fresh(self, base: str) -> str:
        """Return a name that is not in use."""
        base = base if base.isidentifier() and not keyword.iskeyword(base) and base not in _TAKEN else "v"
        k = self.counts.get(base, 0)
        while (name := f"{base}{k or ''}" if base != "v" else f"v{k}") in self.used or (
            k == 0 and base == "i"
        ):
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
        if not isinstance(x, Node):
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
        if (not isinstance(x, Node) and type(x) is not ndarray) or number_of(x) is not None:
            return str(literal(x))
        place = self.find(x)
        if place is not None:
            if isinstance(place, str):
                return place
            return self.say(f"{place.buffer}[{text_of(place.at(index))}]", x.dtype)
        assert isinstance(x, Node)
        if is_view(x):
            base = index_of_base(x, index)
            if base is None or (base != index and not _in_order(base)):
                raise NotYet
            return self.element(x.args[0], base)
        if x not in self.group:
            raise NotYet
        key = x, index
        if key not in self.memo:
            self.memo[key] = computed(self, x, index)
        return self.memo[key]

    def total(self, terms: list[str], n: Node, how: str) -> str:
        """Write the sum, or the largest, ... of values."""
        sign = {"sum": "+", "all": "&", "any": "|"}.get(how)
        return functools.reduce(
            lambda a, b: self.say(
                f"{a} {sign} {b}" if sign else f"{'maximum' if how == 'max' else 'minimum'}({a}, {b})",
                n.dtype,
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
                        tuple(
                            fixed(0) if d == 1 else at[k] for k, d in zip(letters, shape_of(x), strict=True)
                        ),
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
        if isinstance(s, Guard):
            return _domain(s.node.shape)
        reduction = self.reductions.get(s)
        return _domain(reduction.space if reduction is not None else s.shape)

    def cluster(self, domain: tuple[int, ...], pending: list[Step]) -> set[Step]:
        """Write all pending calls of one domain whose elements can be had as one loop."""
        self.body, self.memo, self.group = [], {}, {}
        sums: dict[Node, Any] = {}
        guards: set[Step] = set()
        for s in pending:
            if self.domain_of(s) != domain or (
                isinstance(s, Node) and s.fn in _PRODUCTS and s not in self.reductions
            ):
                continue
            before = len(self.body), len(self.memo)
            try:
                if isinstance(s, Guard):
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
        indent, lines = "    " * len(domain), _without_dead_lines(self.body)
        if lines:  # a question about kinds alone asks nothing here
            self.lines += [f"{'    ' * k}for i{k} in range({d}):" for k, d in enumerate(domain)]
            self.lines += [indent + line for line in lines]

    def copy(self, x: Any, place: Place, shape: tuple[int, ...], to: Any = None, sign: str = "=") -> None:
        """Write all elements of x, which is in memory, to a place, in loops of their own."""
        self.copies([(x, place, shape, to)], sign)
        self.copied = place

    def copies(self, items: list[Any], sign: str = "=") -> None:
        """Copy arrays to places apart from each other, those of one shape in the same loops."""
        for shape in dict.fromkeys(item[2] for item in items):
            mine = [item for item in items if item[2] == shape]
            for k in range(0, len(mine), AT_ONCE):
                self._copy_alike(mine[k : k + AT_ONCE], shape, sign)

    def _copy_alike(self, items: list[Any], shape: tuple[int, ...], sign: str) -> None:
        kept = self.body, self.memo, self.group
        self.body, self.memo, self.group = [], {}, {}
        index = tuple(fixed(0) if d == 1 else variable(f"i{k}") for k, d in enumerate(shape))
        for x, place, _, to in items:
            v = self.element(x, index if type(x) is Place else broadcast_index(x, index))
            self.put(place, to(index) if to is not None else index, v, sign)
        self.lines += [f"{'    ' * k}for i{k} in range({d}):" for k, d in enumerate(shape)]
        self.lines += ["    " * len(shape) + line for line in self.body]
        self.body, self.memo, self.group = kept

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
            return loop(self, s)
        write = CALLS.get(s.fn)
        if write is None:
            return None
        write(self, s, self.space(s, s.shape, s.dtype))
        return {s}


_TAKEN = frozenset(
    {"code", "kernel", "empty", "gemm", "gemv", "i", "j", "missed", "invalid", "outside", "wrapped",
     "isfinite", "isnan", "not_within", "inf", "nan", "float64", "float32", "int64", "bool", "where", "not_",
     *(f"i{k}" for k in range(10)), *WORDS.values()}
)  # fmt: skip
_PRODUCTS = frozenset({onp.dot, onp.matmul})
_START = {"sum": "0.0", "max": "-inf", "min": "inf", "all": "True", "any": "False"}


def _in_order(index: tuple[Index, ...]) -> bool:
    """Say whether an index runs over memory in the order of the loops."""
    names = [name for i in index for name, _ in i[1] if name.startswith("i")]
    return names == sorted(names)


def _sums_over_loops(r: Reduction) -> bool:
    """Say whether a reduction ends with its loops; else all that it sums is written out."""
    k = _split(r.space)
    looped = [j for j in range(k) if r.space[j] != 1]
    return [j for j in r.result if j is not None and j in looped] != looped


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
    return [
        w for w in "".join(c if c.isalnum() or c == "_" else " " for c in text).split() if not w[0].isdigit()
    ]

"""A program in parts: kernels of machine code, and between them the calls that have none, by NumPy.

A call that has a kernel goes into the first one that can have it: calls of NumPy cut a program into levels,
and all of one level are one kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as onp

from .emitting import Emitter
from .memory import Memory
from .numba_loops import KernelText, TooLong
from .numba_places import is_view, root_of
from .numba_words import FLOAT, guard_has_kernel, has_kernel
from .program import Guard, Node, Program, Spec, Step, parents, spec_of

__all__ = ["FEWEST", "Kernel", "KernelEmitter", "with_kernels"]

ndarray = onp.ndarray
LONGEST = 1500  # calls of a program of which kernels are made
FEWEST = 3  # calls for which a kernel pays
_RAISING: frozenset[Any] = frozenset({onp.divide, onp.power})  # of Python's numbers, where NumPy warns


class Kernel(KernelText):
    """One kernel: its text, and the kinds of what it takes (``takes``) and of what it fills (``fills``)."""

    def __init__(self, steps: list[Step], needed: list[Node]) -> None:
        super().__init__(steps, needed)
        self.takes = [spec_of(x) for x in self.arguments]
        arrays = [n for n in needed if n.is_array]
        self.fills = [n.spec for n in arrays]
        self.fills += [Spec(ndarray, (len(nodes),), dtype) for dtype, nodes in self.numbers.items()]
        named = zip(self.parameters + self.outputs, self.takes + self.fills, strict=True)
        self.shapes = {name: spec.shape for name, spec in named if spec.type is ndarray}
        nodes = [s for s in steps if isinstance(s, Node)]
        self.raises = any(n.type is float and n.fn in _RAISING for n in nodes)
        self.count = len(nodes)


class _Levels:
    """In which kernel each step goes: level k has one kernel, and then NumPy's calls."""

    def __init__(self, program: Program) -> None:
        self.level: dict[Node, int] = dict.fromkeys(program.inputs, 0)
        self.by_numpy: set[Step] = set()
        self.loose: dict[Node, Node] = {n: n for n in program.inputs}  # of views, what no kernel makes
        for step in program.steps:
            self._place(step)
        without = self._too_small(program)
        self.by_numpy |= {s for s in program.steps if self.level_of(s) in without}

    def _place(self, step: Step) -> None:
        if isinstance(step, Guard):
            if not guard_has_kernel(step) or (step.how == "kind" and step.node in self.by_numpy):
                self.by_numpy.add(step)
        elif is_view(step) and step.args[0] in self.loose:
            self.loose[step] = self.loose[step.args[0]]
            self.level[step] = self.level[step.args[0]]
            self.by_numpy.add(step)
        elif has_kernel(step):
            self.level[step] = max((self._after(p) for p in parents(step)), default=0)
        else:
            self.level[step] = max((self.level[p] for p in parents(step)), default=0)
            self.by_numpy.add(step)
            self.loose[step] = step

    def _after(self, n: Node) -> int:
        """Return the first level whose kernel can read a value."""
        return self.level[n] + (self.loose.get(n, n) in self.by_numpy)

    def level_of(self, s: Step) -> int:
        """Return the level of a step; a question is asked where its value is."""
        if isinstance(s, Node):
            return self.level[s]
        return self.level[s.node] if s in self.by_numpy else self._after(s.node)

    def _too_small(self, program: Program) -> set[int]:
        counts: dict[int, int] = {}
        for s in program.steps:
            if s not in self.by_numpy:
                k = self.level_of(s)
                counts[k] = counts.get(k, 0) + (isinstance(s, Node) and not is_view(s))
        return {k for k, n in counts.items() if n < FEWEST}


def with_kernels(program: Program) -> Program | None:
    """Return a program of kernels and calls of NumPy; None if nothing in it is worth a kernel."""
    if len(program.steps) > LONGEST:
        raise TooLong
    # The kinds of what has a kernel are known.
    steps = [
        s for s in program.steps
        if isinstance(s, Node) or s.how != "kind" or not (is_view(s.node) or has_kernel(s.node))
    ]  # fmt: skip
    program = Program(program.inputs, steps, program.outputs)
    levels = _Levels(program)
    inside: dict[int, list[Step]] = {}
    outside: dict[int, list[Step]] = {}
    needed, read = _needed(program, levels)
    for s in program.steps:
        if s not in levels.by_numpy:
            inside.setdefault(levels.level_of(s), []).append(s)
        elif s not in levels.loose or s in read or levels.loose[s] is s:
            outside.setdefault(levels.level_of(s), []).append(s)
    steps = []
    for k in range(max([*inside, *outside], default=0) + 1):
        mine = inside.get(k, [])
        if mine:
            kernel = Kernel(mine, [s for s in mine if s in needed])
            function: Any = kernel
            spec = Spec(tuple, (), None, tuple(kernel.fills))
            steps.append(Node(-1 - k, function, tuple(kernel.arguments), {}, spec))
        steps += outside.get(k, [])
    return Program(program.inputs, steps, program.outputs) if inside else None


def _needed(program: Program, levels: _Levels) -> tuple[set[Node], set[Node]]:
    """Return the nodes of kernels that something else reads, and the nodes that NumPy's calls read."""
    found: set[Node] = set()
    read = {x for x in program.outputs if type(x) is Node}
    for s in reversed(program.steps):
        if s not in levels.by_numpy:
            mine = levels.level_of(s)
            roots = (root_of(p) for p in parents(s))
            found.update(p for p in roots if p not in levels.by_numpy and levels.level_of(p) != mine)
        elif s not in levels.loose or levels.loose[s] is s or s in read:
            read.update(parents(s))
    found |= {p for p in read if p not in levels.by_numpy}
    return {p for p in found if p.fn is not None}, read


def _is_kernel(n: Node) -> bool:
    fn: Any = n.fn
    return type(fn) is Kernel


class KernelEmitter(Emitter):
    """Writes a program with kernels: each is one call, given the arrays that it fills."""

    def __init__(self, program: Program) -> None:
        super().__init__(program, blocks=False)
        self.in_math = False
        self.kernels: list[Kernel] = []
        self.code = ""
        self.filled: set[Node] = set()
        self.read = {
            p for s in program.steps if isinstance(s, Guard) or not _is_kernel(s) for p in parents(s)
        }

    def run(self) -> None:
        """Write a line for each call and each guard."""
        self.memory = Memory(Program(self.program.inputs, [], []))
        for step in self.program.steps:
            if isinstance(step, Guard):
                self.guard(step)
            elif _is_kernel(step):
                self.kernel(step, step.fn)
            else:
                self.statement(step)

    def owns(self, n: Node) -> bool:
        return n in self.filled or super().owns(n)

    def kernel(self, n: Node, kernel: Any) -> None:
        """Write the call of a kernel."""
        self.kernels.append(kernel)
        outputs = []
        empty = self.function(onp.empty)
        for node in kernel.results:
            if node.is_array:
                name = self.names[node] = self.fresh(node.name or "y")
                self.filled.add(node)
                shape = repr(node.shape if len(node.shape) != 1 else node.shape[0])
                self.lines.append(f"{name} = {empty}({shape}{self._dtype(node.dtype)})")
                outputs.append(name)
        numbers = []
        for dtype, nodes in kernel.numbers.items():
            name = self.fresh("numbers")
            self.lines.append(f"{name} = {empty}({len(nodes)}{self._dtype(dtype)})")
            outputs.append(name)
            numbers.append((name, dtype, nodes))
        function = self.fresh("kernel")
        self.constants[function] = kernel
        kernel.text = kernel.text.replace("def kernel(", f"def {function}(", 1)
        self.code = self.code or self.fresh("code")
        given = ", ".join([*map(self.given, n.args), *outputs])
        self.lines.append(f"{self.code} = {function}({given})  # {kernel.count} calls")
        self.lines += [f"if {self.code}:", f"    return left({self.code}) or {self.in_numpy}"]
        for name, dtype, nodes in numbers:
            self.numbers(name, dtype, nodes)

    def given(self, x: Any) -> str:
        """Return an argument of a kernel, by rows."""
        text = self.text(x)
        made_here = type(x) is Node and x.fn is not None and not super().owns(x)
        if x.shape and (made_here or (type(x) is ndarray and not x.flags.c_contiguous)):
            return f"{self.function(onp.ascontiguousarray)}({text})"
        return text

    def _dtype(self, dtype: Any) -> str:
        return "" if dtype == FLOAT else f", {self.dtype(dtype)}"

    def numbers(self, name: str, dtype: Any, nodes: list[Node]) -> None:
        """Take numbers out of the array that a kernel has filled."""
        for n in nodes:
            self.names[n] = self.fresh(n.name or "t")
        names = [self.names[n] for n in nodes]
        if len(names) == 1:
            self.lines.append(f"{names[0]} = {name}.item()")
        else:
            self.lines.append(f"{', '.join(names)} = {name}.tolist()")
        for n in nodes:
            if n.type not in (float, bool, int) and (n in self.read or dtype != FLOAT):
                kind = self.constant(n.type, f"as_{n.type.__name__}", ("class", n.type))
                self.lines.append(f"{self.names[n]} = {kind}({self.names[n]})")

"""Runs of elementwise calls on huge arrays, a part at a time: what is computed stays in the cache."""

from __future__ import annotations

from typing import Any

import numpy as onp

from .memory import ELEMENTS, VIEWS
from .program import SOFT, Guard, Node, Program, nodes_in, parents, shape_of

__all__ = ["runs", "views_first", "write_block"]

HUGE = 1 << 21  # bytes from which an array does not stay in the cache
BLOCK = 8192  # elements at a time


def views_first(program: Program) -> Program:
    """Return a program in which views do not stand between calls that may be a run.

    Each follows what it is a view of, or the last question of the user's.
    """
    places: dict[Any, tuple[int, int]] = {}
    stretch, keys = 0, []
    for k, step in enumerate(program.steps):
        stretch += type(step) is Guard and step.how not in SOFT
        place = (stretch, k)
        if type(step) is Node and step.fn in VIEWS and step.nbytes >= HUGE and not _has_nodes(step.args[1:]):
            place = max((stretch, -1), places.get(step.args[0], (0, -1)))
        places[step] = place
        keys.append((*place, k))
        stretch += type(step) is Guard and step.how not in SOFT
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return Program(program.inputs, [program.steps[k] for k in order], program.outputs)


def _has_nodes(x: Any) -> bool:
    return next(nodes_in(x), None) is not None


def runs(program: Program) -> dict[int, int]:
    """Return {first step: step after the last} of runs of at least three such calls of one shape."""
    found, k, steps = {}, 0, program.steps
    while k < len(steps):
        if not _fits(steps[k], None):
            k += 1
            continue
        end = k
        while end < len(steps) and _fits(steps[end], steps[k].shape):  # type: ignore[union-attr]
            end += 1
        while type(steps[end - 1]) is Guard:
            end -= 1
        if end - k >= 3:
            found[k] = end
        k = end
    return found


def _fits(n: Any, shape: Any) -> bool:
    if type(n) is Guard:  # one that can be asked of every part
        return shape is not None and n.how in ("finite", "number") and n.node.shape == shape
    if type(n) is not Node or n.fn not in ELEMENTS or n.kwargs or not n.is_array:
        return False
    if n.nbytes < HUGE or n.dtype.kind != "f" or n.shape[0] == 1 or (shape is not None and n.shape != shape):
        return False
    return all(_operand_fits(x, n) for x in n.args)


def _operand_fits(x: Any, n: Node) -> bool:
    """Say whether an operand is a value that can be cut, or the same for all parts."""
    return type(x) is Node or not _is_cut(x, n)


def _is_cut(x: Any, n: Node) -> bool:
    """Say whether each part of a result needs but a part of this operand."""
    shape = shape_of(x)
    return len(shape) == n.ndim and shape[0] == n.shape[0]


def write_block(e: Any, steps: list[Any], after: set[Node]) -> None:
    """Write a loop over parts; ``after`` are the nodes that are needed when it is done."""
    items = [step for step in steps if type(step) is Node]
    guards = {step.node: step for step in steps if type(step) is Guard}
    shape, size = items[0].shape, items[0].size
    rows = shape[0]
    step = max(1, BLOCK * rows // size)
    inside = set(items)
    outside = {p for n in items for p in parents(n) if p not in inside and _is_cut(p, n)}
    last = {p: k for k, n in enumerate(items) for p in parents(n)}
    for n in items:
        if n not in after:
            continue
        into = e.memory_of(n)
        if into in e.names and into not in inside:
            e.names[n] = e.names[into]
            continue
        name = e.names[n] = e.fresh(n.name or "t")
        e.in_place_of[e.memory.into.get(n, n)] = n
        e.lines.append(f"{name} = {e.function(onp.empty)}({shape!r}, {e.dtype(n.dtype)})")
    loop: list[str] = []
    kept, part = dict(e.names), _parts(e, items, after, outside)
    loop += dict.fromkeys(f"{text} = {e.names[n]}[lo:hi]" for n, text in part.items())
    free: dict[Any, list[str]] = {}
    scratch: dict[Node, str] = {}
    e.names.update({n: text for n, text in part.items() if n not in inside})
    for k, n in enumerate(items):
        target = part.get(n) or _dying(n, k, last, scratch) or _pop(free, n.dtype)
        if target is None:
            whole = e.fresh("part")
            target = f"{whole}_"
            e._used.add(target)
            e.lines.append(f"{whole} = {e.function(onp.empty)}({(step, *shape[1:])!r}, {e.dtype(n.dtype)})")
            loop.append(f"{target} = {whole}[:hi - lo]")
        loop.append(e.with_comment(e.elements_into(n, target), n))
        e.names[n] = target
        if n in guards:
            test = e.finite(n, target) if guards[n].how == "finite" else f"not {e.has_nan(n, target)}"
            loop += [f"if not {test}:".replace("not not ", ""), "    return MISSED"]
        if n not in part:
            scratch[n] = target
        for p in [p for p in scratch if last.get(p, -1) == k and p is not n]:
            free.setdefault(p.dtype, []).append(scratch.pop(p))
    e.names.clear()
    e.names.update(kept)
    e.lines += [f"for lo in range(0, {rows}, {step}):", f"    hi = min(lo + {step}, {rows})"]
    e.lines += [f"    {line}" for line in loop]


def _parts(e: Any, items: list[Node], after: set[Node], outside: set[Node]) -> dict[Node, str]:
    """Return the names of the parts of what comes in and of what goes out."""
    found = {}
    for n in (*sorted(outside, key=lambda n: n.id), *(n for n in items if n in after)):
        text = found[n] = f"{e.names[n]}_"
        e._used.add(text)
    return found


def _dying(n: Node, k: int, last: dict[Node, int], scratch: dict[Node, str]) -> str | None:
    for p in parents(n):
        if p in scratch and last.get(p) == k and p.dtype == n.dtype:
            return scratch.pop(p)
    return None


def _pop(free: dict[Any, list[str]], dtype: Any) -> str | None:
    return free[dtype].pop() if free.get(dtype) else None

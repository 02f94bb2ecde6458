"""Runs of elementwise calls on huge arrays, a part at a time: what is computed stays in the cache."""

from __future__ import annotations

from typing import Any

import numpy as onp

from .memory import ELEMENTS
from .program import Guard, Node, Program, number_of, parents, shape_of

__all__ = ["runs", "write_block"]

HUGE = 1 << 18  # bytes from which an array does not stay in the cache beside others
BLOCK = 8192  # elements at a time


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
    if n.nbytes < HUGE or n.dtype.kind != "f" or (shape is not None and n.shape != shape):
        return False
    return all(_operand_fits(x, n) for x in n.args)


def _operand_fits(x: Any, n: Node) -> bool:
    """Say whether an operand can be cut along the first axis, or is the same for all parts."""
    if number_of(x) is not None:
        return True
    shape = shape_of(x)
    if type(x) is not Node:
        return shape == () or (n.ndim == 2 and shape == n.shape[1:])
    return shape in (n.shape, ()) or (n.ndim == 2 and shape in (n.shape[1:], (1, *n.shape[1:])))


def write_block(e: Any, steps: list[Any], after: set[Node]) -> None:
    """Write a loop over parts; ``after`` are the nodes that are needed when it is done."""
    items = [step for step in steps if type(step) is Node]
    guards = {step.node: step for step in steps if type(step) is Guard}
    shape, size = items[0].shape, items[0].size
    rows = shape[0]
    step = max(1, BLOCK * rows // size)
    inside = set(items)
    outside = {p for n in items for p in parents(n) if p not in inside and p.shape == shape}
    last = {p: k for k, n in enumerate(items) for p in parents(n)}
    for n in items:
        if n not in after:
            continue
        into = e.memory.into.get(n)
        if into in e.names and into not in e.cut and into not in inside:
            e.names[n] = e.names[into]
            continue
        name = e.names[n] = e.fresh(n.name or "t")
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
        loop.append(e.with_comment(f"{e.function(n.fn)}({', '.join(e.operands(n))}, {target})", n))
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

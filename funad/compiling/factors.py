"""Products in a loop: what no step waits for is multiplied first.

(c·y)·z = c·(y·z): where c is carried from step to step and y and z are not, y·z is there for all steps before
the loop begins, and the loop has one product in the place of two. In the steps of an unrolled loop, c is the
factor that is computed last, and the products y·z of all steps are one call on stacks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp

from .program import Builder, Node, Program, parents, shape_of
from .rewriting import rewritten
from .rewriting.patterns import is_call, is_float
from .stacking import FEWEST, SMALL

__all__ = ["early_factors_first", "early_factors_of_steps"]

MUL, DIV = onp.multiply, onp.divide
MOST = 8  # factors that are moved


# The late factor of a product, and the others with how each comes in, the last one first.
_Split = tuple[Any, list[tuple[Any, Any]]]


def early_factors_first(program: Program, late: set[Node]) -> Program:
    """Return a body with early factors multiplied first; ``late`` are the inputs that are carried."""
    late = set(late)
    for n in program.nodes:
        if any(p in late for p in parents(n)):
            late.add(n)

    def late_one(x: Node) -> int | None:
        places = [k for k, a in enumerate(x.args) if type(a) is Node and a in late]
        return places[0] if len(places) == 1 else None

    return _remade(
        program, {n: splits[-1] for n in program.nodes if n in late and (splits := _splits(n, late_one))}
    )


def early_factors_of_steps(program: Program) -> Program:
    """Return a program with early factors multiplied first where many products of one kind have them."""
    depth: dict[Any, int] = dict.fromkeys(program.inputs, 0)
    uses = program.uses()
    for n in program.nodes:
        depth[n] = 1 + max((depth[p] for p in parents(n)), default=0)

    def last_one(x: Node) -> int:
        return max(range(2), key=lambda k: depth.get(x.args[k], -1) if type(x.args[k]) is Node else -1)

    kinds: dict[Any, dict[Node, _Split]] = {}
    for n in program.nodes:
        if n.is_array and n.shape and n.nbytes <= SMALL:
            for late, early in reversed(_splits(n, last_one, uses)):
                if all(depth.get(x, 0) < depth[late] for _, x in early if type(x) is Node):
                    kinds.setdefault((n.shape, n.dtype, len(early)), {})[n] = late, early
                    break
    return _remade(program, {n: s for like in kinds.values() if len(like) >= FEWEST for n, s in like.items()})


def _remade(program: Program, found: dict[Node, _Split]) -> Program:
    def remake(b: Builder, n: Node, new: Any) -> Any:
        if n not in found:
            return None
        late, early = found[n]
        return b.call(MUL, new(late), _product(b, [(fn, new(x)) for fn, x in reversed(early)]))

    return rewritten(program, remake) if found else program


def _splits(n: Node, late: Callable[[Node], int | None], uses: Any = None) -> list[_Split]:
    """Return a product as one late factor and two others, or three, ...: as many as there are.

    ``late`` says which operand is the late one. A product within that something else reads, by ``uses``, is
    not taken apart.
    """
    found: list[_Split] = []
    early: list[tuple[Any, Any]] = []
    x: Any = n
    while (is_call(x, MUL) or is_call(x, DIV)) and is_float(x) and x.shape == n.shape and x.dtype == n.dtype:
        place = late(x) if len(early) < MOST else None
        if place is None or (x.fn is DIV and place == 1) or not _fits(x.args[1 - place], n):
            break
        if uses is not None and x is not n and uses[x] > 1:
            break
        early.append((x.fn, x.args[1 - place]))
        x = x.args[place]
        if len(early) > 1 and type(x) is Node and x.shape == n.shape:
            found.append((x, list(early)))
    return found


def _fits(x: Any, n: Node) -> bool:
    """Say whether a factor leaves the class of a product what it is."""
    return type(x) is float or (type(x) is Node and x.dtype == n.dtype and len(shape_of(x)) <= n.ndim)


def _product(b: Builder, factors: list[tuple[Any, Any]]) -> Any:
    above = [x for fn, x in factors if fn is MUL]
    below = [x for fn, x in factors if fn is DIV]
    y = above[0] if above else 1.0
    for x in above[1:]:
        y = b.call(MUL, y, x)
    for x in below:
        y = b.call(DIV, y, x)
    return y

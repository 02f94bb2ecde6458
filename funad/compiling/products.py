"""Sums of products that are there anyway: the sum of the product, not another pass over its factors."""

from __future__ import annotations

from typing import Any

import numpy as onp

from .program import Builder, Node, Program
from .rewriting import rewritten

__all__ = ["sum_products_in_use"]

MUL = onp.multiply


def sum_products_in_use(program: Program) -> Program:
    """Return a program in which Σ x·y is the sum of x·y where the program has x·y."""
    products: dict[Any, Node] = {}
    for n in program.nodes:
        if n.fn is MUL and all(type(x) is Node for x in n.args):
            products[n.args], products[n.args[::-1]] = n, n
    found = {n: made for n in program.nodes if (made := _sum_of(n, products)) is not None}
    if not found:
        return program

    def remake(b: Builder, n: Node, new: Any) -> Any:
        if n not in found or type(new(found[n][0])) is not Node:
            return None
        product, axes = found[n]
        return b.raw(onp.sum, (new(product),), {"axis": axes}, n.spec)

    return rewritten(program, remake)


def _sum_of(n: Node, products: dict[Any, Node]) -> Any:
    """Return (product, axes) if a call of einsum is the sum of a product that comes before it."""
    if n.fn is not onp.einsum or n.kwargs or len(n.args) != 3 or any(type(x) is not Node for x in n.args[1:]):
        return None
    product = products.get(n.args[1:])
    names, _, left = n.args[0].partition("->")
    first, second = names.split(",")
    if product is None or product.id > n.id or first != second or product.shape != n.args[1].shape:
        return None
    axes = tuple(k for k, c in enumerate(first) if c not in left)
    kept = "".join(c for c in first if c in left)
    return (product, axes[0] if len(axes) == 1 else axes) if kept == left and left and axes else None

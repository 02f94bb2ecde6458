"""Which calls can be part of a kernel of machine code, and the words that they are there."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as onp

from ..indices import scatter
from ..numpy import elementwise, slopes
from ..writing import assign
from .diagonals import from_diagonals
from .loops import Loop, is_loop, shifted
from .numba_places import has_static_index, is_view
from .program import GETITEM, Guard, Node, Step, nodes_in, parents
from .stacking import stack_of

__all__ = [
    "CASTS", "DTYPES", "JOINS", "OPERATORS", "WORDS", "Reduction", "dtype_for", "guard_has_kernel",
    "has_kernel", "is_product", "reduction_of",
]  # fmt: skip

ndarray = onp.ndarray
FLOAT, SINGLE, BOOL, INT = map(onp.dtype, (float, onp.float32, bool, onp.int64))
DTYPES = frozenset({FLOAT, SINGLE, BOOL, INT})
# Binary calls that are operators.
OPERATORS: dict[Any, str] = {
    onp.add: "+", onp.subtract: "-", onp.multiply: "*", onp.divide: "/",
    onp.less: "<", onp.less_equal: "<=", onp.greater: ">", onp.greater_equal: ">=", onp.equal: "==",
    onp.not_equal: "!=", onp.bitwise_and: "&", onp.bitwise_or: "|", onp.bitwise_xor: "^",
    onp.logical_and: "&", onp.logical_or: "|", onp.logical_xor: "^",
}  # fmt: skip
COMPARISONS: frozenset[Any] = frozenset(
    {onp.less, onp.less_equal, onp.greater, onp.greater_equal, onp.equal, onp.not_equal}
)
# Calls that are words: of floats, and of integers too.
OF_FLOATS: dict[Any, str] = {
    onp.exp: "exp", onp.tanh: "tanh", onp.sin: "sin", onp.cos: "cos", onp.log: "log", onp.sqrt: "sqrt",
    onp.log1p: "log1p", onp.expm1: "expm1", onp.tan: "tan", onp.arcsin: "asin", onp.arccos: "acos",
    onp.arctan: "atan", onp.sinh: "sinh", onp.cosh: "cosh", onp.arcsinh: "asinh", onp.arccosh: "acosh",
    onp.arctanh: "atanh", onp.log2: "log2", onp.log10: "log10", onp.exp2: "exp2", onp.cbrt: "cbrt",
    onp.floor: "floor", onp.ceil: "ceil", onp.trunc: "trunc", onp.reciprocal: "reciprocal",
    onp.isnan: "isnan", onp.isinf: "isinf", onp.isfinite: "isfinite", onp.arctan2: "atan2",
    onp.hypot: "hypot", onp.power: "pow", onp.copysign: "copysign", onp.logaddexp: "logaddexp",
    slopes.one_minus_square: "one_minus_square", slopes.one_plus: "one_plus", slopes.fermi: "fermi",
    slopes.complement: "complement", slopes.cosine_of: "cosine_of",
}  # fmt: skip
OF_NUMBERS: dict[Any, str] = {
    onp.negative: "negative", onp.absolute: "absolute", onp.fabs: "absolute", onp.square: "square",
    onp.sign: "sign", onp.maximum: "maximum", onp.minimum: "minimum", onp.positive: "",
}  # fmt: skip
OF_BOOLS: dict[Any, str] = {onp.logical_not: "not_", onp.invert: "not_"}
WORDS: dict[Any, str] = {
    **OF_FLOATS, **OF_NUMBERS, **OF_BOOLS, onp.where: "where", elementwise._keep: "keep",
}  # fmt: skip
CASTS: frozenset[Any] = frozenset({onp.asarray, onp.copy, onp.astype, onp.array})
JOINS: frozenset[Any] = frozenset({onp.concatenate, onp.stack, stack_of})
_REDUCED: dict[Any, str] = {
    onp.sum: "sum", onp.max: "max", onp.min: "min", onp.amax: "max", onp.amin: "min", onp.all: "all",
    onp.any: "any", onp.count_nonzero: "sum",
}  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Multiplications up to which loops are as fast as BLAS, of two matrices and of a matrix and a vector.
FEW, FEW_OF_VECTOR = 4096, 2048


class Reduction(NamedTuple):
    """A sum of products, or the largest, smallest, ... of elements, over some letters.

    ``space`` are the sizes of all letters, by number; ``operands`` arrays with the letters of their axes;
    ``result`` the letters of the axes of the result, None for axes of one.
    """

    space: tuple[int, ...]
    operands: list[tuple[Any, list[int]]]
    result: list[int | None]
    how: str


def dtype_for(n: Node, operands: list[Any]) -> Any:
    """Return the dtype in which an elementwise call computes; of Python numbers, None stands for theirs."""
    if n.fn in COMPARISONS or n.dtype == BOOL:
        known = [d for d in operands if d is not None]
        return onp.result_type(*known) if known else FLOAT
    return n.dtype


def _plain_array(x: Any) -> bool:
    return type(x) is ndarray and x.dtype in DTYPES and x.size > 0


def _fits(x: Any) -> bool:
    """Say whether a value can be computed with."""
    if type(x) is Node:
        return x.dtype is not None and x.dtype in DTYPES and x.size > 0 and not x.parts
    if type(x) in (int, float, bool):
        return True
    return _plain_array(x) or (isinstance(x, onp.generic) and x.dtype in DTYPES)


def has_kernel(n: Node) -> bool:
    """Say whether a call can be part of a kernel."""
    if type(n.fn) is Loop:
        return _loop_has_kernel(n)
    if n.fn is GETITEM and is_loop(n.args[0]):
        return has_kernel(n.args[0])
    if not _fits(n) or (n.type is int and n.fn not in _REDUCED):
        return False
    if n.fn is GETITEM or is_view(n):
        return is_view(n) or (_fits(n.args[0]) and type(n.args[0]) is Node and gathers(n.args[1]))
    test = _TESTS.get(n.fn)
    return test is not None and test(n)


def _loop_has_kernel(n: Node) -> bool:
    loop: Loop = n.fn  # type: ignore[assignment]
    first, scanned, invariants = n.args
    rows = [x for value in scanned for x in (value if type(value) is tuple else (value,))]
    return (
        all(map(_fits, (*first, *rows, *invariants, *loop.body.inputs, *loop.body.outputs)))
        and all(has_kernel(s) if isinstance(s, Node) else guard_has_kernel(s) for s in loop.body.steps)
    )  # fmt: skip


def _elementwise(n: Node) -> bool:
    if n.kwargs or not all(map(_fits, n.args)):
        return False
    dtypes = [x.dtype for x in n.args if hasattr(x, "dtype")]
    if n.fn in OF_FLOATS or n.fn is onp.divide:
        computed = FLOAT if n.dtype == BOOL else n.dtype
        return computed in (FLOAT, SINGLE)
    if n.fn in COMPARISONS:
        return bool(dtypes) and onp.result_type(*dtypes) in DTYPES
    if n.fn in OF_BOOLS or OPERATORS.get(n.fn) in ("&", "|", "^"):
        return all(d == BOOL for d in dtypes) and len(dtypes) == len(n.args) and n.dtype == BOOL
    return n.dtype != BOOL or n.fn is onp.where


def _reduces(n: Node) -> bool:
    return reduction_of(n) is not None


def _is_joined(n: Node) -> bool:
    allowed = {"axis"} if n.fn is not stack_of else set()
    axis = n.kwargs.get("axis", n.args[1] if len(n.args) > 1 else 0)
    return set(n.kwargs) <= allowed and type(axis) is int and type(n.args[0]) in (list, tuple) and all(
        map(_fits, n.args[0])
    )  # fmt: skip


def _is_cast(n: Node) -> bool:
    x = n.args[0]
    kinds = (*n.args[1:], *n.kwargs.values())
    return type(x) is Node and _fits(x) and set(n.kwargs) <= {"dtype"} and len(kinds) <= 1 and not (
        n.fn is onp.array and not x.is_array
    ) and not (x.dtype.kind in "f" and n.dtype.kind in "ib")  # fmt: skip


def gathers(index: Any) -> bool:
    """Say whether an index takes elements one by one, by arrays of integers side by side."""
    parts = index if type(index) is tuple else (index,)
    arrays = [k for k, p in enumerate(parts) if hasattr(p, "dtype")]
    if not arrays or any(p is None or p is Ellipsis for p in parts):
        return False
    if not all(_fits(parts[k]) and parts[k].dtype == INT for k in arrays):
        return False
    if any(type(p) is int for p in parts) or arrays != list(range(arrays[0], arrays[-1] + 1)):
        return False
    return has_static_index(tuple(p for p in parts if not hasattr(p, "dtype")))


def _is_index(index: Any) -> bool:
    return has_static_index(index) or gathers(index)


def _scatters(n: Node) -> bool:
    _, _, index, pieces = n.args
    return type(index) is not Node and type(pieces) is not Node and all(map(_is_index, index)) and all(
        map(_fits, pieces)
    )  # fmt: skip


def _assigns(n: Node) -> bool:
    pair, path, index = n.args
    return all(map(_fits, pair)) and path == () and has_static_index(index) and type(pair[0]) is Node


def is_product(n: Node) -> bool:
    """Say whether a call is a product of matrices, which BLAS does."""
    if n.fn not in (onp.dot, onp.matmul) or n.kwargs:
        return False
    a, b = n.args
    if not (_fits(a) and _fits(b) and hasattr(a, "shape") and hasattr(b, "shape")) or n.dtype.kind != "f":
        return False
    if a.dtype != n.dtype or b.dtype != n.dtype or len(b.shape) < 2 or len(a.shape) < 2:
        return False
    if n.fn is onp.dot:
        return len(b.shape) == 2
    return len(b.shape) == 2 or (len(a.shape) == len(b.shape) == 3 and a.shape[0] == b.shape[0])


def _multiplies(n: Node) -> bool:
    return not n.kwargs and (reduction_of(n) is not None or is_product(n) or is_product_by_vector(n))


def _shifts(n: Node) -> bool:
    return _fits(n.args[0]) and type(n.args[1]) is Node and _fits(n.args[1])


def _is_diagonal(n: Node) -> bool:
    return all(map(_fits, n.args[3]))


_TESTS: dict[Any, Any] = {
    **dict.fromkeys((*OPERATORS, *WORDS), _elementwise), **dict.fromkeys(_REDUCED, _reduces),
    **dict.fromkeys(CASTS, _is_cast), **dict.fromkeys(JOINS, _is_joined), scatter: _scatters,
    assign: _assigns, from_diagonals: _is_diagonal, onp.dot: _multiplies, onp.matmul: _multiplies,
    shifted: _shifts, onp.einsum: _reduces, onp.vdot: _reduces,
}  # fmt: skip


def guard_has_kernel(g: Guard) -> bool:
    """Say whether a question can be asked inside of a kernel."""
    if g.how in ("finite", "number", "within"):
        return bool(g.node.dtype.kind == "f")
    return g.how in ("bool", "kind") or (g.how in ("int", "index") and g.node.dtype.kind in "ib")


# --- reductions


def reduction_of(n: Node) -> Reduction | None:
    """Return a call as a reduction, or None if it is none, or one that BLAS does better."""
    found = None
    if n.fn in _REDUCED:
        found = _of_axes(n)
    elif n.fn is onp.vdot and not n.kwargs:
        found = _of_vdot(n)
    elif n.fn in (onp.dot, onp.matmul) and not n.kwargs:
        found = _of_dot(n)
    elif n.fn is onp.einsum and type(n.args[0]) is str:
        found = _of_einsum(n)
    if found is None or not all(_fits(x) and hasattr(x, "shape") for x, _ in found.operands):
        return None
    return found._replace(operands=[_without_transpose(x, letters) for x, letters in found.operands])


def _of_axes(n: Node) -> Reduction | None:
    x, how = n.args[0], _REDUCED[n.fn]
    axis = n.args[1] if len(n.args) > 1 else n.kwargs.get("axis")
    rest = {k: v for k, v in n.kwargs.items() if k not in ("axis", "keepdims", "dtype")}
    if type(x) is not Node or not x.is_array or rest or len(n.args) > 2:
        return None
    if (how in ("max", "min") and x.dtype.kind != "f") or (how in ("all", "any") and x.dtype != BOOL):
        return None
    if how == "sum" and n.dtype.kind == "i" and x.dtype.kind == "f":
        return None
    every = list(range(x.ndim))
    gone = every if axis is None else [k % x.ndim for k in (axis if type(axis) is tuple else (axis,))]
    keep = bool(n.kwargs.get("keepdims"))
    result = [None if k in gone else k for k in every if keep or k not in gone]
    return Reduction(x.shape, [(x, every)], result, how)


def _of_vdot(n: Node) -> Reduction | None:
    a, b = n.args
    if not (_fits(a) and _fits(b) and hasattr(a, "shape") and hasattr(b, "shape") and a.shape == b.shape):
        return None
    every = list(range(len(a.shape)))
    return Reduction(a.shape, [(a, every), (b, every)], [], "sum")


def _of_dot(n: Node) -> Reduction | None:
    a, b = n.args
    if not (_fits(a) and _fits(b) and hasattr(a, "shape") and hasattr(b, "shape")):
        return None
    x, y = LETTERS[: len(a.shape)], LETTERS[len(a.shape) : len(a.shape) + len(b.shape)]
    if not x or not y:
        return None
    if len(y) == 1:
        y = x[-1]
    elif len(x) == 1 or len(y) == 2:
        y = y[:-2] + x[-1] + y[-1]
    elif n.fn is onp.matmul and len(x) == len(y) == 3 and a.shape[0] == b.shape[0]:
        y = x[0] + x[-1] + y[-1]
    else:
        return None
    result = "".join(dict.fromkeys(c for c in x + y if c != x[-1]))
    if len(x) == 1 and len(y) > 2:
        return None
    if is_product_by_vector(n) and max(math.prod(a.shape), math.prod(b.shape)) > FEW_OF_VECTOR:
        return None
    if is_product(n) and _work(n) > FEW and a.shape[-2] > 1 and b.shape[-1] > 1 and a.shape[-1] > 1:
        return None
    return _of_letters([(a, x), (b, y)], result)


def _work(n: Node) -> int:
    return int(n.size * n.args[0].shape[-1])


def _of_einsum(n: Node) -> Reduction | None:
    text = n.args[0].replace(" ", "")
    if n.kwargs or "->" not in text or "." in text:
        return None
    given, result = text.split("->")
    names = given.split(",")
    if len(names) > 3 or any(len(set(part)) != len(part) for part in names) or n.dtype.kind != "f":
        return None
    return _of_letters(list(zip(n.args[1:], names, strict=True)), result)


def _of_letters(operands: list[tuple[Any, str]], result: str) -> Reduction:
    """Return a sum of products, its letters in the order in which loops should run over them."""
    names = "".join(dict.fromkeys("".join(letters for _, letters in operands)))
    last = [_memory_order(x, letters)[-1:] for x, letters in operands] + [result[-1:]]
    inner = max(names, key=lambda c: (sum(c == d for d in last), names.index(c)), default="")
    order = names.replace(inner, "") + inner
    sizes = {c: d for x, letters in operands for c, d in zip(letters, x.shape, strict=True)}
    number = {c: k for k, c in enumerate(order)}
    return Reduction(
        tuple(sizes[c] for c in order),
        [(x, [number[c] for c in letters]) for x, letters in operands],
        [number[c] for c in result],
        "sum",
    )


def _memory_order(x: Any, letters: str) -> str:
    """Return the letters of an operand as its elements lie in memory."""
    return letters[::-1] if _is_transposed(x) else letters


def is_product_by_vector(n: Node) -> bool:
    """Say whether a call is a product of a matrix and a vector."""
    a, b = n.args
    if n.ndim != 1 or n.dtype.kind != "f" or a.dtype != n.dtype or b.dtype != n.dtype:
        return False
    return {len(a.shape), len(b.shape)} == {1, 2}


def _is_transposed(x: Any) -> bool:
    """Say whether a value is a matrix or a stack of axes read the other way round."""
    if type(x) is not Node or not is_view(x) or not x.args[0].is_array:
        return False
    whole_turn = x.fn is onp.transpose and len(x.args) == 1 and not x.kwargs
    return whole_turn or (x.fn is onp.matrix_transpose and x.ndim == 2)


def _without_transpose(x: Any, letters: list[int]) -> tuple[Any, list[int]]:
    return (x.args[0], letters[::-1]) if _is_transposed(x) else (x, letters)


def reads(step: Step) -> list[Node]:
    """Return the nodes that a step reads, those of indices too."""
    return list(nodes_in(step.args)) if isinstance(step, Node) else parents(step)

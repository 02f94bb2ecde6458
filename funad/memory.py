"""What is kept until the way back: what a rule reads of a call, and placeholders for what no rule reads.

The one table of sizes stands here, too.
"""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as onp

Rule = Callable[..., Any]
Drop = Callable[[Any, Any, Any], tuple[Any, Any, Any]]
ndarray = onp.ndarray

# --- sizes at which another way is the faster one

# Bytes above which an array that no rule reads becomes a placeholder, which costs 350 ns to make.
WORTH_DROPPING = 1 << 14
# Bytes up to which every call keeps a copy of a constant: to look for the last one would take as long.
TINY = 1 << 11
# Bytes up to which a constant is copied at all: above, the system hands out fresh memory page by page, which
# took seven times as long as the multiplication of 800 kB. Larger constants get a fingerprint.
SMALL = 1 << 16
# Elements per piece of a cotangent, below which it goes through a view as one array: moving a piece takes
# 15 µs, as long as filling an array of this size.
ELEMENTS_PER_PIECE = 1 << 13
# Up to this length a sum along one axis is a product with ones: BLAS takes a third of NumPy's time.
LONGEST_SUM_BY_BLAS = 4096


# A block of this many bytes, freed once, is the largest that makes glibc learn: see below.
FREED_ONCE = (1 << 25) - (1 << 13)


def keep_freed_memory() -> None:
    """Have glibc keep the memory of freed arrays for the next ones, instead of giving it back at each call.

    It raises the sizes above which it asks the system for memory and gives it back (128 kB at first) to those
    of the blocks that it sees freed: to 32 MB for blocks of their own, to 64 MB at the end of the heap. Fresh
    memory comes in pages of 4 kB, each of which takes as long as writing to it. Nothing is touched here, so
    that it costs some microseconds; sizes set in the environment (MALLOC_TRIM_THRESHOLD_) stay as they are,
    and other systems' allocators do not mind.
    """
    onp.empty(FREED_ONCE, onp.uint8)


# --- placeholders

_NOTHING = bytes(32)  # as long as the longest number, a complex long double


def placeholder(x: Any) -> Any:
    """Return an array of the shape and dtype of x that holds no memory.

    It stands in for a large array of which a rule asks the shape and the dtype alone.
    """
    return ndarray(x.shape, x.dtype, _NOTHING, 0, (0,) * x.ndim)


def is_placeholder(x: Any) -> bool:
    """Say whether an array is such a stand-in."""
    return type(x) is ndarray and isinstance(getattr(x, "base", None), bytes) and not any(x.strides)


LARGE = placeholder(onp.broadcast_to(0.0, WORTH_DROPPING))


# --- what the code of a rule reads


def unguarded(rule: Any) -> Any:
    """Return a rule as it was written."""
    return getattr(rule, "unguarded", rule)


def keywords_of(rule: Rule) -> tuple[str, ...]:
    """Return the names that a rule takes after y and ȳ."""
    code: Any = getattr(rule := unguarded(rule), "__code__", None)
    if code is None:  # a partial, a curried function, an object
        taken = list(inspect.signature(rule).parameters.values())[2:]
        return tuple(p.name for p in taken if p.kind is not p.VAR_KEYWORD)
    names: tuple[str, ...] = code.co_varnames
    return names[2 : code.co_argcount + code.co_kwonlyargcount]


def takes_any_keyword(rule: Rule) -> bool:
    """Say whether a rule takes keywords of any name."""
    code: Any = getattr(rule := unguarded(rule), "__code__", None)
    if code is not None:
        return bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(rule).parameters.values())


def count_by_name(rule: Rule) -> int:
    """Return how many arguments a rule takes by position and by name, after y and ȳ."""
    code: Any = getattr(rule := unguarded(rule), "__code__", None)
    return sys.maxsize if code is None else int(code.co_argcount) - 2


def count_by_position(rule: Rule) -> int:
    """Return how many arguments a rule takes by position after y and ȳ."""
    code: Any = getattr(rule := unguarded(rule), "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARARGS:
        return sys.maxsize
    return int(code.co_argcount) - 2


def keep_only_read_by(prim: Any, argnums: Sequence[int | str]) -> Drop:
    """Return what lets go of the large arrays that none of these rules reads."""
    rules = [unguarded(prim.rules[n]) for n in argnums]
    if not all(hasattr(rule, "__code__") for rule in rules):
        return _keep_all
    read = [_names_read(rule) for rule in rules]
    first = [keywords_of(rule)[:2] for rule in rules]

    def unread(n: int) -> bool:
        if prim.kind == "linear" and argnums == [n]:
            return True  # its rule asks the shape and the dtype alone
        if prim.kind == "linear" and n not in argnums:
            return False  # forward mode calls the function itself, with this argument
        return not any(len(names) > n and names[n] in seen for names, seen in zip(first, read, strict=True))

    no_y = prim.kind == "linear" or not any(
        rule.__code__.co_varnames[0] in seen for rule, seen in zip(rules, read, strict=True)
    )
    no_a, no_b = unread(0), unread(1)
    if not (no_y or no_a or no_b):
        return _keep_all

    def drop(y: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
        if no_y:
            # Forward mode along a tape asks the result of an elementwise function for its shape.
            y = None if prim.kind == "linear" else _let_go(y)
        return y, _let_go(a) if no_a else a, _let_go(b) if no_b else b

    return drop


def _keep_all(y: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    return y, a, b


def _let_go(x: Any) -> Any:
    """Return a stand-in for a large array, or for those in a list; others as they are."""
    if type(x) is list:
        return [_let_go(part) for part in x]
    return placeholder(x) if type(x) is onp.ndarray and x.nbytes > WORTH_DROPPING else x


def _names_read(rule: Rule) -> set[str]:
    """Return the names of the variables that the code of a rule reads."""
    names: set[str] = set()  # what an inner function reads, too: it is loaded to make that function
    for instruction in dis.get_instructions(rule):
        if "LOAD" in instruction.opname:
            found = instruction.argval  # of fused instructions a pair, from Python 3.13 on
            names.update(found if isinstance(found, tuple) else (str(found),))
    return names

"""What is kept until the way back: what a rule reads of a call, and placeholders for what no rule reads.

The one table of sizes stands here, too.
"""

from __future__ import annotations

import ctypes
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as onp

from .cpython import instructions

Rule = Callable[..., Any]
Drop = Callable[[Any, Any, Any], tuple[Any, Any, Any]]
ndarray = onp.ndarray

# --- sizes at which another way is the faster one

# Bytes above which an array that no rule reads becomes a placeholder, which costs 350 ns to make.
WORTH_DROPPING = 1 << 14
# Bytes up to which every call keeps a copy of a constant: to look for the last one would take as long.
TINY = 1 << 11
# Bytes up to which a constant is copied at all. Larger constants get a fingerprint, which holds no memory
# and takes twice the time of a copy, now and once more on the way back.
SMALL = 1 << 18
# Elements per piece of a cotangent, below which it goes through a view as one array: moving a piece takes
# 15 µs, as long as filling an array of this size.
ELEMENTS_PER_PIECE = 1 << 13
# Up to this length a sum along one axis is a product with ones: BLAS takes a third of NumPy's time.
LONGEST_SUM_BY_BLAS = 4096


# What glibc is told to keep of freed memory, in bytes: freed blocks up to the first size, the most that it
# takes, and at the end of the heap up to the second in all.
KEPT_BLOCK = 1 << 25
KEPT_FREE = 1 << 28


def keep_freed_memory() -> None:
    """Have glibc keep the memory of freed arrays for the next ones, instead of giving it back at each call.

    Fresh memory comes in pages of 4 kB, each of which takes as long as writing to it: half of the time of a
    gradient of large arrays. Sizes set in the environment (MALLOC_TRIM_THRESHOLD_) stay as they are, and
    other systems' allocators are left alone.
    """
    if not sys.platform.startswith("linux") or any(name.startswith("MALLOC_") for name in os.environ):
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(_M_MMAP_THRESHOLD, KEPT_BLOCK)
        libc.mallopt(_M_TRIM_THRESHOLD, KEPT_FREE)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


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
    spares = prim.spares
    if not (no_y or no_a or no_b or spares):
        return _keep_all

    def drop(y: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
        spared = spares(a, b) if spares else ""
        if no_y or "y" in spared:
            # Forward mode along a tape asks the result of an elementwise function for its shape.
            y = None if prim.kind == "linear" else _let_go(y)
        return y, _let_go(a) if no_a else a, _let_go(b) if no_b or "b" in spared else b

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
    names: set[str] = set(rule.__code__.co_cellvars)
    for operation, found in instructions(rule.__code__):
        if "LOAD" in operation:  # of fused instructions a pair, from Python 3.13 on
            names.update(found if isinstance(found, tuple) else (str(found),))
    return names

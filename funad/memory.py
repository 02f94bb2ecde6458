"""What is kept until the way back: what a rule reads of a call, and placeholders for what no rule reads.

The one table of sizes stands here, too.
"""

from __future__ import annotations

import ctypes
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, NamedTuple

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


# --- what a rule takes, and what it reads


class Taken(NamedTuple):
    """What a rule takes after y and ȳ."""

    by_position: tuple[str, ...]
    by_name: tuple[str, ...]  # alone
    any_number: bool
    any_name: bool


def unguarded(rule: Any) -> Any:
    """Return a rule as it was written."""
    return getattr(rule, "unguarded", rule)


def taken_by(rule: Rule) -> Taken:
    """Return what a rule takes after y and ȳ. Its code says it sooner than its signature."""
    rule = unguarded(rule)
    if type(rule) is FunctionType:
        code = rule.__code__
        count, names, flags = code.co_argcount, code.co_varnames, code.co_flags
        by_name = names[count : count + code.co_kwonlyargcount]
        any_number, any_name = flags & inspect.CO_VARARGS, flags & inspect.CO_VARKEYWORDS
        return Taken(names[2:count], by_name, bool(any_number), bool(any_name))
    parameters = inspect.signature(rule).parameters.values()

    def named(*kinds: Any) -> tuple[str, ...]:
        return tuple(p.name for p in parameters if p.kind in kinds)

    by_position = named(_Kind.POSITIONAL_ONLY, _Kind.POSITIONAL_OR_KEYWORD)
    many = named(_Kind.VAR_POSITIONAL), named(_Kind.VAR_KEYWORD)
    return Taken(by_position[2:], named(_Kind.KEYWORD_ONLY), *map(bool, many))


_Kind = inspect.Parameter


def keep_only_read_by(prim: Any, argnums: Sequence[int | str]) -> Drop:
    """Return what lets go of the large arrays that none of these rules reads."""
    linear, spares = prim.kind == "linear", prim.spares
    read = set().union(*(_places_read(unguarded(prim.rules[n])) for n in argnums if n in prim.rules))

    def unread(n: int) -> bool:
        if not linear:
            return n + 2 not in read
        # A rule asks its own argument for shape and dtype alone, and forward mode calls f with the others.
        return argnums == [n] or (n in argnums and n + 2 not in read)

    no_y, no_a, no_b = linear or 0 not in read, unread(0), unread(1)
    if not (no_y or no_a or no_b or spares):
        return lambda y, a, b: (y, a, b)

    def drop(y: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
        spared = spares(a, b) if spares else ""
        if no_y or "y" in spared:
            # Forward mode along a tape asks the result of an elementwise function for its shape.
            y = None if linear else _let_go(y)
        return y, _let_go(a) if no_a else a, _let_go(b) if no_b or "b" in spared else b

    return drop


def _let_go(x: Any) -> Any:
    """Return a stand-in for a large array, or for those in a list; others as they are."""
    if type(x) is list:
        return [_let_go(part) for part in x]
    return placeholder(x) if type(x) is ndarray and x.nbytes > WORTH_DROPPING else x


def _places_read(rule: Any) -> set[int]:
    """Return which of y, ȳ, a and b a rule reads, by its code: all of them where that does not say it."""
    if type(rule) is not FunctionType or rule.__code__.co_flags & inspect.CO_VARARGS:
        return {0, 1, 2, 3}
    read: set[str] = set()  # what an inner function reads, too: it is loaded to make that function
    for operation, found in instructions(rule.__code__):
        if "LOAD" in operation:  # of fused instructions a pair, from Python 3.13 on
            read.update(found if isinstance(found, tuple) else (str(found),))
    names = rule.__code__.co_varnames[: rule.__code__.co_argcount]
    return {n for n, name in enumerate(names) if name in read or not read.isdisjoint(_BY_NAME)}


_BY_NAME = ("eval", "exec", "locals", "vars")  # functions that read variables by their names

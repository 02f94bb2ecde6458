"""What is not traced among the arguments of a call: plain values, iterators, objects of other libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp

from .boxes import CONSTANTS, Traced
from .cpython import raise_if
from .duck_arrays import as_duck
from .foreign import as_lists, bare, is_duck, is_foreign, number_of, of_protocol, same
from .refusals import refused_bare, refused_constant, refused_opaque
from .registry import Primitive
from .values import constant

ndarray = onp.ndarray
# The types of second arguments and of keywords in which no box can hide.
PLAIN = frozenset({ndarray, float, int, bool, type(None)})
PARTS = PLAIN | CONSTANTS | {slice, str, type(Ellipsis), type}  # and those of indices; classes are dtypes
COMMON = PARTS | {list, tuple}  # of what is no sequence of another class, for sure


def is_iterator(x: Any) -> bool:
    """Say whether x is a generator, a ``map``, the values of a dict or the like: no list."""
    kind = type(x)
    return (hasattr(kind, "__next__") and not hasattr(kind, "__array__")) or kind is _VALUES


_VALUES: type = type(dict[str, Any]().values())


def of_lists(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive with lists in the place of iterators."""
    return prim.traced(*map(_listed, args), **{name: _listed(x) for name, x in kwargs.items()})


def _listed(x: Any) -> Any:
    return list(x) if is_iterator(x) else x


def is_plain(x: Any) -> bool:
    """Say of an argument, an index or a keyword that no traced value hides in it, if that is plain to see."""
    return type(x) in PARTS or (type(x) is tuple and all(map(is_plain, x))) or issubclass(type(x), onp.dtype)


class ForeignConstant(Exception):
    """An object of another library is among the arguments of a call: it decides what becomes of that."""

    def __init__(self, x: Any) -> None:
        self.x = x


def constant_operand(prim: Primitive, x: Any) -> Any:
    """Return what is not traced as rules take it; a function of the user's gets whatever it was given."""
    if is_plain(x) or type(x) is list or isinstance(x, Traced):
        return x
    if is_duck(x):
        return as_duck(x)
    if prim.foreign:
        return x
    if is_foreign(x) or (type(x) is tuple and any(map(is_foreign, x))):
        raise ForeignConstant(x)
    raise_if(refused_constant(x))
    if issubclass(type(x), ndarray) and type(x) is not ndarray:
        return x.view(ndarray)  # a memory map, say: of its arithmetic nothing is its own
    if isinstance(prim.f, onp.ufunc):
        x = number_of(x)
        if not isinstance(x, OPERANDS):
            x = onp.asarray(x)
            if x.dtype == object:
                raise refused_opaque(x[()], prim.name)
    return x


OPERANDS = (ndarray, onp.generic, int, float, complex, str, bytes, type(None))


def beside_others(
    f: Callable[..., Any], kind: str | None, traced: Callable[..., Any], x: Any, args: Any, kwargs: Any
) -> Any:
    """Return f of traced values and of x, an object of another library, or refuse it.

    ``traced`` is f on traced values. If x has a say in what NumPy's functions do, it is asked. Else it counts
    as the plain array that it gives, if f on plain values takes it so too: it must return that very result,
    as a plain array or number.
    """
    if as_lists(x, True) is not x:  # what it holds is traced
        return traced(*as_lists(args, True), **{name: as_lists(part, True) for name, part in kwargs.items()})
    if kind != "zero":
        raise_if(refused_constant(x) if isinstance(f, onp.ufunc) else None)
        y = of_protocol(f, x, args, kwargs)
        if y is not NotImplemented:
            return y
    plain = f(*_unboxed(args), **{name: _unboxed(part) for name, part in kwargs.items()})
    if kind == "zero":
        return plain
    y = traced(*bare(args), **{name: bare(part) for name, part in kwargs.items()})
    if not same(_unboxed(y), plain):
        raise refused_bare(x)
    return y


def _unboxed(x: Any) -> Any:
    """Return a plain value, also of those in lists and tuples."""
    if issubclass(type(x), (list, tuple)):
        parts = map(_unboxed, x)
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    return constant(x)

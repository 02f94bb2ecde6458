"""primitive: unwrap the boxes, run the function, record the call, wrap the result again."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as onp

from . import tree
from .arrays import content_of, linked
from .boxes import Box, Traced, innermost, unbox
from .calling import (
    OTHERS,
    PARTS,
    PLAIN,
    beside_others,
    call,
    record_one,
    record_two,
    record_with_keywords,
)
from .errors import ArgumentError
from .foreign import is_foreign
from .registry import Record, adopt, enter, record_of
from .spaces import describe, module_of, zeros_of

__all__ = ["primitive"]

ndarray = onp.ndarray
_OURS = ("numpy", "funad.", "_operator", "builtins")
KNOWN = PARTS | OTHERS | {Box, tuple}  # the types of arguments that are no objects of other libraries
EVERYTHING = (-1,)  # the containers of a primitive of which any argument may be one


def primitive(
    f: Callable[..., Any] | None = None, name: str | None = None, containers: tuple[int, ...] | bool = ()
) -> Callable[..., Any]:
    """Wrap the function ``f`` so that traces see a call of it as one step.

    On plain values the wrapper is ``f``. On traced values it records the call, and the
    derivative comes from the rules that :func:`defvjp`, :func:`elementwise`, :func:`linear` or
    :func:`defzero` give it.

    Parameters
    ----------
    f : callable
        Takes and returns floats and float arrays, or sequences of them. It must be pure, and
        must not write to its arguments. Left out, as in ``@primitive(containers=True)``, what
        comes back is a decorator.
    name : str, optional
        What messages call it; by default its module and name.
    containers : tuple of int or True, optional
        The positions of arguments that are lists of arrays, as the first of ``concatenate``;
        their rule returns a list of cotangents. True says that any argument and the result may
        be containers of any kind (see :mod:`funad.tree`): a rule takes y and ȳ as f returns y,
        and returns x̄ of the structure of x.

    Returns
    -------
    callable
        The primitive, with the name, the docstring and the signature of ``f``.

    Raises
    ------
    DuplicateRuleError
        If ``f`` has been wrapped already.
    ArgumentError
        If ``f`` is no function.

    Examples
    --------
    >>> import funad
    >>> @funad.primitive
    ... def cube(x):
    ...     return x**3
    >>> funad.defvjp(cube, lambda y, ybar, x: ybar * 3 * x**2)
    >>> funad.grad(cube)(2.0)
    12.0
    """
    if f is None:
        return functools.partial(primitive, name=name, containers=containers)
    if not callable(f):
        raise ArgumentError(f"primitive wraps a function, but was given {describe(f)}")
    record = enter(f, name)
    record.foreign = not module_of(f).startswith(_OURS)
    record.containers = containers if isinstance(containers, tuple) else EVERYTHING if containers else ()
    make = {1: _of_one, 2: _of_two}.get(f.nin, of_any) if isinstance(f, onp.ufunc) else of_any
    if isinstance(f, onp.ufunc) and (f.nout > 1 or (f.signature is not None and f is not onp.matmul)):
        make = of_any  # vecdot and the like take further keywords
    if f is onp.matmul:
        make = _of_matmul
    if isinstance(f, onp.ufunc) and make is of_any:
        make = _of_any_ufunc
    wrapped = (_of_containers if record.containers == EVERYTHING else make)(record, f)
    functools.update_wrapper(wrapped, f, [n for n in functools.WRAPPER_ASSIGNMENTS if hasattr(f, n)])
    move(wrapped, f)
    if isinstance(f, onp.ufunc):
        _look_like_a_ufunc(wrapped, f)
    adopt(record, wrapped)
    return wrapped


def _look_like_a_ufunc(wrapped: Callable[..., Any], f: onp.ufunc) -> None:
    """Give the wrapper of a ufunc the attributes and the methods of ufuncs."""
    attributes = wrapped.__dict__
    for name in ("nin", "nout", "nargs", "ntypes", "types", "identity", "signature", "resolve_dtypes"):
        attributes[name] = getattr(f, name)
    for name, method in _METHODS.items():
        attributes[name] = types.MethodType(method, f)


def _method(name: str) -> Callable[..., Any]:
    """Return a method of ufuncs that takes traced values: ``funad.numpy.folds`` has it."""
    plain = getattr(onp.ufunc, name)

    @functools.wraps(plain)
    def method(f: onp.ufunc, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and type(args[0]) is ndarray and all(type(x) in PLAIN for x in kwargs.values()):
            return plain(f, *args, **kwargs)
        return record_of(plain).wrapped(f, *args, **kwargs)  # type: ignore[union-attr]

    return method


# Bound to each ufunc: a function of its own for each of 500 methods takes 1 ms of the import.
_METHODS = {name: _method(name) for name in ("reduce", "accumulate", "outer", "reduceat", "at")}


def with_keywords(record: Record, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a ufunc with keywords: ``funad.numpy.ufuncs`` knows what they mean on traced values."""
    return record_of(onp.ufunc.__call__).wrapped(record.f, *args, **kwargs)  # type: ignore[union-attr]


def move(wrapped: Callable[..., Any], f: Callable[..., Any]) -> None:
    """Say where the wrapper of a NumPy function is found: pickle looks for it there."""
    module = module_of(f)
    if module.partition(".")[0] == "numpy":
        wrapped.__module__, wrapped.__qualname__ = f"funad.{module}", wrapped.__name__


def by_hand(
    f: Callable[..., Any], kind: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the decorated function the wrapper of ``f``: one that does more than to record a call.

    ``kind`` is that of the record, if no rule says it.
    """
    record = enter(f)
    record.kind = kind

    def decorate(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        functools.update_wrapper(wrapped, f)
        move(wrapped, f)
        adopt(record, wrapped)
        return wrapped

    return decorate


def composite(
    f: Callable[..., Any], plain: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the decorated function what the function ``f`` is on traced values.

    It is written with primitives, so it needs no rule: its derivatives are theirs. ``plain`` is what
    it is on plain values, by default ``f`` itself.
    """
    on_plain = f if plain is None else plain

    def decorate(g: Callable[..., Any]) -> Callable[..., Any]:
        @by_hand(f, "composite")
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if len(args) == 1 and not kwargs and type(args[0]) is ndarray:
                return on_plain(*args)
            if innermost((*args, *kwargs.values())) is None:
                return on_plain(*args, **kwargs)
            for x in (*args, *kwargs.values()):
                if type(x) not in KNOWN and is_foreign(x):
                    return beside_others(on_plain, None, g, x, args, kwargs)
            return g(*args, **kwargs)

        return wrapped

    return decorate


# The wrappers of ufuncs name the keywords of ufuncs one by one, None for "not given": Python calls
# a function without * and ** 60 ns faster, and that is a third of all that the wrapper costs.
def _given(**keywords: Any) -> dict[str, Any]:
    """Return the keywords that were given."""
    return {name: x for name, x in keywords.items() if x is not None}


def _of_one(record: Record, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a ufunc of one argument."""
    return _bound(_one, record, f)


def _bound(template: Any, record: Record, f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copy of a template below in which the globals ``record`` and ``f`` are these.

    A closure would do the same 10 ns slower.
    """
    names = {name: globals()[name] for name in template.__code__.co_names if name in globals()}
    names.update(record=record, f=f)
    return types.FunctionType(template.__code__, names, template.__name__, template.__defaults__)


# What the templates see under these names is put there by _bound.
record: Record
f: Callable[..., Any]


def _one(
    a: Any, /, out: Any = None, where: Any = None, dtype: Any = None,
    casting: Any = None, order: Any = None, subok: Any = None, signature: Any = None,
) -> Any:  # fmt: skip
    if (
        out is not None or where is not None or dtype is not None or casting is not None
        or order is not None or subok is not None or signature is not None
    ):  # fmt: skip
        return with_keywords(record, (a,), _given(
            out=out, where=where, dtype=dtype,
            casting=casting, order=order, subok=subok, signature=signature,
        ))  # fmt: skip
    if type(a) is ndarray:
        return f(a)
    if type(a) is Box:
        return record_one(record, a)
    return call(record, (a,), {}) if type(a) in OTHERS else f(a)


def _of_two(record: Record, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a ufunc of two arguments."""
    return _bound(_two, record, f)


def _two(
    a: Any, b: Any, /, out: Any = None, where: Any = None, dtype: Any = None,
    casting: Any = None, order: Any = None, subok: Any = None, signature: Any = None,
) -> Any:  # fmt: skip
    if (
        out is not None or where is not None or dtype is not None or casting is not None
        or order is not None or subok is not None or signature is not None
    ):  # fmt: skip
        return with_keywords(record, (a, b), _given(
            out=out, where=where, dtype=dtype,
            casting=casting, order=order, subok=subok, signature=signature,
        ))  # fmt: skip
    kind_a, kind_b = type(a), type(b)
    if kind_a is not Box and kind_b is not Box:
        if kind_a in OTHERS or kind_b in OTHERS:
            return call(record, (a, b), {})
        return f(a, b)
    return record_two(record, a, b)


def _of_matmul(record: Record, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap matmul: a ufunc of two arguments that takes ``axes`` too."""
    return _bound(_matmul, record, f)


def _matmul(
    a: Any, b: Any, /, out: Any = None, where: Any = None, dtype: Any = None, casting: Any = None,
    order: Any = None, subok: Any = None, signature: Any = None, axes: Any = None,
) -> Any:  # fmt: skip
    if (
        out is not None or where is not None or dtype is not None or casting is not None
        or order is not None or subok is not None or signature is not None or axes is not None
    ):  # fmt: skip
        return with_keywords(record, (a, b), _given(
            out=out, where=where, dtype=dtype, casting=casting,
            order=order, subok=subok, signature=signature, axes=axes,
        ))  # fmt: skip
    kind_a, kind_b = type(a), type(b)
    if kind_a is not Box and kind_b is not Box:
        if kind_a in OTHERS or kind_b in OTHERS:
            return call(record, (a, b), {})
        return f(a, b)
    return record_two(record, a, b)


def of_any(record: Record, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function of any signature."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            if len(args) == 1:
                (a,) = args
                if type(a) is Box:
                    y = record_one(record, a) if record.quick is None else record_with_keywords(record, a, {})
                    return linked(y, record, args, kwargs) if record.views else y
                if type(a) is ndarray:
                    return f(a)
            elif len(args) == 2:
                a, b = args
                if type(a) is Box:
                    if type(b) is Box or type(b) in PLAIN:
                        y = record_two(record, a, b)
                        return linked(y, record, args, kwargs) if record.views else y
                elif type(a) is ndarray and type(b) in PLAIN:
                    return f(a, b)
        elif len(args) == 1 and type(args[0]) is Box:
            for name, x in kwargs.items():
                if type(x) not in PLAIN and name != "axis":
                    break
            else:
                y = record_with_keywords(record, args[0], kwargs)
                return linked(y, record, args, kwargs) if record.views else y
        return call(record, args, kwargs)

    return wrapped


def _of_any_ufunc(record: Record, f: Any) -> Callable[..., Any]:
    """Wrap a ufunc of several results, or of vectors."""
    of_inputs, inputs = of_any(record, f), f.nin

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) > inputs:  # those behind the inputs are what out names
            return with_keywords(record, args, kwargs)
        return of_inputs(*args)

    return wrapped


def _of_containers(record: Record, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function whose arguments and results are containers of any kind."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree.flatten((args, kwargs))
        leaves = list(map(content_of, leaves))
        places = [n for n, leaf in enumerate(leaves) if isinstance(leaf, Traced)]
        return _call_whole(record, leaves, structure, places) if places else f(*args, **kwargs)

    return wrapped


def _call_whole(record: Record, leaves: list[Any], structure: Any, places: list[int]) -> Any:
    """Call a primitive of containers as one of the list of its traced leaves."""
    outputs: list[Any] = []  # the structure of y, once it is known

    def filled(xs: list[Any]) -> Any:
        return tree.unflatten(structure, tree.replaced(leaves, places, xs))

    def run(xs: list[Any]) -> Any:
        if innermost(xs) is not None:
            return call(made, (xs,), {})
        args, kwargs = filled(xs)
        parts, found = tree.flatten(record.f(*args, **kwargs))
        outputs[:] = [found]
        return tuple(parts)

    def rule(y: Any, ybar: Any, xs: list[Any]) -> Any:
        args, kwargs = filled(xs)
        y, ybar = tree.unflatten(outputs[0], y), tree.unflatten(outputs[0], ybar)
        flat = [zeros_of(leaf) for leaf in leaves]
        for argnum, inner, start in traced:
            xbar = record.rules[argnum](y, ybar, *args, **kwargs)
            flat[start : start + inner.size] = tree.flatten_like(inner, xbar)
        return [zeros_of(leaves[place]) if flat[place] is None else flat[place] for place in places]

    args, kwargs = tree.unflatten(structure, leaves)
    if record.kind == "zero":
        return record.f(*tree.map(unbox, args), **tree.map(unbox, kwargs))
    traced = list(_traced_arguments(args, kwargs, set(places)))
    for argnum, _, _ in traced:
        record.rule(argnum)
    record.check_positions(args)
    record.check_keywords(kwargs)
    made = Record(run, record.name)
    made.wrapped, made.kind, made.containers, made.rules = run, "vjp", (0,), {0: rule}
    parts = call(made, ([leaves[place] for place in places],), {})
    return tree.unflatten(outputs[0], parts)


def _traced_arguments(args: Any, kwargs: Any, places: set[int]) -> Iterator[tuple[Any, Any, int]]:
    """Iterate over the arguments with traced leaves: (argument, structure, where its leaves start)."""
    start = 0
    for argnum, x in (*enumerate(args), *kwargs.items()):
        inner = tree.flatten(x)[1]
        if not places.isdisjoint(range(start, start + inner.size)):
            yield argnum, inner, start
        start += inner.size

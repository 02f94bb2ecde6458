"""primitive: unwrap the boxes, run the function, record the call, wrap the result again."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar, overload

import numpy as onp

from . import tree
from .boxes import TRACED, Traced, innermost
from .calling import call, call_plain
from .duck_arrays import as_ducks
from .errors import ArgumentError
from .floating import plainly
from .foreign import as_lists, is_duck, is_foreign
from .guarding import guarded, refuse_container, refuse_traced
from .operands import COMMON, PARTS, PLAIN, beside_others, of_lists
from .operators import OPERATORS
from .registry import Primitive, adopt, adopt_user, enter, enter_anew, once, primitive_anew, primitive_of
from .spaces import describe, module_of, name_of, zeros_of
from .trace import Looked
from .values import NUMBERS, constant, shape_of
from .writing import content_of

ndarray = onp.ndarray
P = ParamSpec("P")
R = TypeVar("R")
_OURS = ("numpy", "funad.", "_operator", "builtins")
EVERYTHING = (-1,)  # the containers of a primitive of which any argument may be one


@overload
def primitive(
    f: Callable[P, R], name: str | None = None, containers: tuple[int, ...] | bool = ()
) -> Callable[P, R]: ...
@overload
def primitive(
    f: None = None, name: str | None = None, containers: tuple[int, ...] | bool = ()
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def primitive(
    f: Callable[..., Any] | None = None, name: str | None = None, containers: tuple[int, ...] | bool = ()
) -> Any:
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
    ArgumentError
        If ``f`` is no function. When called, if ``f`` writes into an argument, or if containers that it
        takes or returns hold traced values and are not declared.
    NotDifferentiableError
        When called, if ``f`` closes over a traced value, which is to be an argument.

    Notes
    -----
    A function may be wrapped again, by another library for instance: the second wrapper has the rules of
    the first until it is given its own. Of a function that funad has rules for, such as NumPy's, what
    comes back is funad's own. The wrapper alone keeps its rules alive, and is freed as any function is.

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
    known = primitive_of(f)
    if known is not None and known.traced is not known.f and (known.traced is f or _is_ours(known)):
        return known.traced
    foreign = not module_of(f).startswith(_OURS) or (isinstance(f, onp.ufunc) and not module_of(f))
    prim = primitive_anew(f, name) if foreign else enter(f, name)
    prim.containers = containers if isinstance(containers, tuple) else EVERYTHING if containers else ()
    wrapped = _wrapper(prim, f)
    if foreign:
        adopt_user(prim, f, wrapped)
    else:
        move(wrapped, f)
        adopt(prim, wrapped)
    return wrapped


def _is_ours(prim: Primitive) -> bool:
    """Say whether nobody else may give rules: to SciPy's functions, which many libraries wrap, each may."""
    return not prim.foreign and not prim.name.startswith("scipy.")


def primitive_of_scipy(f: Callable[..., Any], name: str, containers: tuple[int, ...] = ()) -> Any:
    """Wrap a function of SciPy's, which its users find as ``funad.`` + ``name``; funad has its rules."""
    known = primitive_of(f)
    if known is not None and not known.foreign and known.traced is not known.f:
        return known.traced
    prim = enter_anew(f, name)
    prim.containers = containers
    wrapped = _wrapper(prim, f)
    place(wrapped, name)
    adopt(prim, wrapped)
    return wrapped


def _wrapper(prim: Primitive, f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the wrapper of f in the form that fits it, with the names, the docstring and so on of f."""
    if prim.containers and not prim.foreign:
        prim.iterators = of_lists
    if prim.foreign and not isinstance(f, onp.ufunc):
        prim.f = prim.run = prim.plain = guarded(prim, f)
    if isinstance(f, onp.ufunc):
        if f in OPERATORS:
            prim.operator = _operator_of(prim, OPERATORS[f])
        wrapped = of_ufunc(prim, f)
    elif prim.containers == EVERYTHING:
        wrapped = _of_containers(prim, f)
    else:
        wrapped = of_user(prim, f) if prim.foreign else of_any(prim, f)
    functools.update_wrapper(wrapped, f, [n for n in functools.WRAPPER_ASSIGNMENTS if hasattr(f, n)])
    if isinstance(f, onp.ufunc):
        _look_like_a_ufunc(wrapped, f)
    return wrapped


def _look_like_a_ufunc(wrapped: Callable[..., Any], f: onp.ufunc) -> None:
    """Give the wrapper of a ufunc the attributes and the methods of ufuncs."""
    wrapped.__qualname__ = f.__name__
    attributes = wrapped.__dict__
    for name in ("nin", "nout", "nargs", "ntypes", "types", "identity", "signature", "resolve_dtypes"):
        attributes[name] = getattr(f, name)
    for name, method in _METHODS.items():
        attributes[name] = types.MethodType(method, f)


def _method(name: str) -> Callable[..., Any]:
    """Return a method of ufuncs that takes traced values: ``funad.numpy.folds`` has it."""
    plain = getattr(onp.ufunc, name)
    on_plain = plainly(plain)

    @functools.wraps(plain)
    def method(f: onp.ufunc, *args: Any, **kwargs: Any) -> Any:
        known = not kwargs or PLAIN.issuperset(map(type, kwargs.values()))
        if known and len(args) == 1 and type(args[0]) is ndarray:
            return on_plain(f, *args, **kwargs)
        return primitive_of(plain).traced(f, *args, **kwargs)  # type: ignore[union-attr]

    return method


# Bound to each ufunc: a function of its own for each of 500 methods takes 1 ms of the import.
_METHODS = {name: _method(name) for name in ("reduce", "accumulate", "outer", "reduceat", "at")}


def with_keywords(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a ufunc with keywords: ``funad.numpy.ufuncs`` knows what they mean on traced values."""
    return primitive_of(onp.ufunc.__call__).traced(prim.f, *args, **kwargs)  # type: ignore[union-attr]


def place(wrapped: Callable[..., Any], name: str) -> None:
    """Say where a wrapper is found, as ``funad.`` + ``name``: pickle looks for it there."""
    wrapped.__module__, _, wrapped.__qualname__ = f"funad.{name}".rpartition(".")


def move(wrapped: Callable[..., Any], f: Callable[..., Any]) -> None:
    """Say where the wrapper of a function of NumPy's is found."""
    module = module_of(f)
    if module.partition(".")[0] == "numpy":
        place(wrapped, f"{module}.{wrapped.__name__}")


def implements(
    f: Callable[..., Any], kind: str | None = None, name: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the decorated function the wrapper of ``f``: one that does more than to record a call.

    ``kind`` is that of the primitive, if no rule says it. ``name`` is where users find a function of SciPy's,
    as ``funad.`` + ``name``.
    """
    prim = enter(f) if name is None else enter_anew(f, name)
    prim.kind = kind

    def decorate(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        functools.update_wrapper(wrapped, f)
        if name is None:
            move(wrapped, f)
        else:
            place(wrapped, name)
        adopt(prim, wrapped)
        return wrapped

    return decorate


def composite(
    f: Callable[..., Any],
    plain: Callable[..., Any] | None = None,
    iterators: bool = False,
    name: str | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the decorated function what the function ``f`` is on traced values.

    It is written with primitives, so it needs no rule: its derivatives are theirs. ``plain`` is what
    it is on plain values, by default ``f`` itself. ``iterators`` says that it takes them for lists.
    """
    adopted = implements(f, "composite", name)
    prim = enter(f)
    prim.iterators = of_lists if iterators else None
    on_plain = prim.plain = prim.plain if plain is None else plainly(plain)

    def decorate(g: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if len(args) == 1 and not kwargs and type(args[0]) is ndarray:
                return on_plain(*args)
            if innermost((*args, *kwargs.values())) is None:
                return call_plain(prim, args, kwargs)
            x = _other_among(args, kwargs)
            if x is not None and is_foreign(x) and not is_duck(x):
                return beside_others(on_plain, None, g, x, args, kwargs)
            if x is not None:
                opened = as_ducks if is_duck(x) else as_lists
                return wrapped(*map(opened, args), **{name: opened(part) for name, part in kwargs.items()})
            try:
                return g(*args, **kwargs)
            except Looked as look:
                return look.trace.after(look, wrapped, args, kwargs, f"{module_of(f)}.{name_of(f)}")

        return adopted(wrapped)

    return decorate


def _other_among(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the first argument that is an object of another library, or a sequence but no list; or None."""
    for x in (*args, *kwargs.values()):
        if type(x) not in COMMON and type(x) not in TRACED and (is_foreign(x) or as_lists(x) is not x):
            return x
    return None


def _operator_of(prim: Primitive, operate: Callable[..., Any]) -> Callable[..., Any]:
    """Return what an operator of Python's is on traced values."""
    as_operator = once(lambda prim: prim.copied(traced=operate, run=operate))
    return lambda *args: call(as_operator(prim), args, {})


# --- how a function is wrapped, by its kind; ``fast`` puts functions in their place that take less time


def of_any(prim: Primitive, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function of any signature."""
    return lambda *args, **kwargs: call(prim, args, kwargs)


def of_ufunc(prim: Primitive, f: Any) -> Callable[..., Any]:
    """Wrap a ufunc: what its keywords mean on traced values is known elsewhere."""
    of_inputs, inputs = of_any(prim, f), f.nin

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) > inputs:  # those behind the inputs are what out names
            return with_keywords(prim, args, kwargs)
        return of_inputs(*args)

    return wrapped


def of_user(prim: Primitive, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a user's function: its containers are looked into, and plain values go to it as they are."""
    recorded = of_any(prim, f)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        kinds = _containers_of_traced(prim, args, kwargs)
        if kinds is None:
            y = f(*args, **kwargs)
            if type(y) not in NUMBERS:
                refuse_traced(prim.name, y)
            return y
        if kinds and prim.kind != "zero":
            refuse_container(prim, "was given", kinds)
        return recorded(*args, **kwargs)

    return wrapped


def _containers_of_traced(prim: Primitive, args: Any, kwargs: Any) -> str | None:
    """Return the kind of an argument in which traced values are that are no array of one; None without any.

    Lists and tuples of numbers are taken for arrays, and those that are declared are looked into.
    """
    found, kinds = False, ""
    for argnum, x in (*enumerate(args), *kwargs.items()) if kwargs else enumerate(args):
        if type(x) in PARTS:
            continue
        if isinstance(x, Traced):
            found = True
        elif not tree.is_leaf(x) and any(isinstance(leaf, Traced) for leaf in tree.flatten(x)[0]):
            found = True
            if type(x) not in (list, tuple) or not _is_array(x):
                kinds = kinds or ("" if argnum in prim.containers else type(x).__name__)
    return kinds if found else None


def _is_array(x: Any) -> bool:
    """Say whether nested lists and tuples have nothing but numbers in them, or arrays of one shape."""
    nested = [part for part in x if type(part) in (list, tuple)]
    if nested:
        return len(nested) == len(x) and all(map(_is_array, nested))
    return all(map(tree.is_leaf, x)) and len({shape_of(part) for part in x}) <= 1


def _of_containers(prim: Primitive, f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function whose arguments and results are containers of any kind."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree.flatten((args, kwargs))
        leaves = list(map(content_of, leaves))
        places = [n for n, leaf in enumerate(leaves) if isinstance(leaf, Traced)]
        if not places:
            return f(*args, **kwargs)
        if prim.kind != "zero":
            return _call_whole(prim, innermost(leaves).keep(leaves), structure, places)
        args, kwargs = tree.unflatten(structure, map(constant, leaves))
        return prim.f(*args, **kwargs)

    return wrapped


def _call_whole(prim: Primitive, leaves: list[Any], structure: Any, places: list[int]) -> Any:
    """Call a primitive of containers as one of the list of its traced leaves."""
    args, kwargs = tree.unflatten(structure, leaves)
    traced = list(_traced_arguments(args, kwargs, set(places)))
    for argnum, _, _ in traced:
        prim.rule(argnum)
    prim.check_positions(args)
    prim.check_keywords(kwargs)
    outputs: list[Any] = []  # the structure of y, once it is known

    def filled(xs: list[Any]) -> Any:
        return tree.unflatten(structure, tree.replaced(leaves, places, xs))

    def run(xs: list[Any]) -> Any:
        if innermost(xs) is not None:
            return call(made, (xs,), {})
        args, kwargs = filled(xs)
        parts, output = tree.flatten(prim.f(*args, **kwargs))
        outputs[:] = [output]
        return tuple(parts)

    def rule(y: Any, ybar: Any, xs: list[Any]) -> Any:
        args, kwargs = filled(xs)
        y, ybar = tree.unflatten(outputs[0], y), tree.unflatten(outputs[0], ybar)
        xbars = list(map(zeros_of, leaves))
        for argnum, inner, start in traced:
            xbar = prim.rules[argnum](y, ybar, *args, **kwargs)
            xbars[start : start + inner.size] = tree.flatten_like(inner, xbar)
        return [zeros_of(leaves[n]) if xbars[n] is None else xbars[n] for n in places]

    def forward(y: Any, xdots: Any, xs: list[Any]) -> Any:
        args, kwargs = filled(xs)
        y = tree.unflatten(outputs[0], y)
        flat = tree.replaced(list(map(zeros_of, leaves)), places, xdots)
        total: list[Any] = [None] * outputs[0].size
        for argnum, inner, start in traced:
            xdot = tree.unflatten(inner, flat[start : start + inner.size])
            ydot = tree.flatten_like(outputs[0], prim.forward[argnum](y, xdot, *args, **kwargs))
            total = [b if a is None else a if b is None else a + b for a, b in zip(total, ydot, strict=True)]
        return tuple(total)

    made = Primitive(run, prim.name, "vjp", {0: rule}, (0,))
    made.foreign = True
    if all(argnum in prim.forward for argnum, _, _ in traced):
        made.forward = {0: forward}
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

"""A call of a primitive: find the innermost trace, unwrap its boxes, run, record, box the result."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as onp

from .boxes import CONSTANTS, TRACED, Box, Dual, Traced, innermost
from .errors import NotDifferentiableError
from .foreign import as_lists
from .kinked import may_be_nested, with_kinks
from .opaque import Batched
from .operands import (
    COMMON,
    PLAIN,
    ForeignConstant,
    beside_others,
    constant_operand,
    is_iterator,
)
from .registry import Primitive, primitive_of, signature_of
from .traces.reverse import CONSTANT
from .values import is_unknown
from .writing import UNTRACED, Array, content, content_of, fillable, linked, settled, snapshot, view_of

# What a primitive is where such a keyword is given a traced value: made of other primitives.
FORMS: dict[tuple[Callable[..., Any], str], Callable[..., Any]] = {}
_FLOAT = onp.dtype(float)
_OPEN = CONSTANTS | {Box, Dual, Batched}  # the types of arguments that no call has to look into


# A shorter way for some calls, if ``fast`` has been installed: it returns NotImplemented for the others.
shortcuts: list[Callable[..., Any]] = []


def as_one_call(f: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function of the rules so that a program that is recorded has a call of it, not its calls.

    For what asks for values on its way, or has kernels for plain arrays. Where one of its arguments is to be
    differentiated, its calls are seen as ever.
    """

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        trace = innermost((*args, *kwargs.values()))
        note = getattr(trace, "opaque", None)
        return f(*args, **kwargs) if note is None else note(f, args, kwargs)

    return wrapped


def call(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive in any form: hand the call to the innermost trace of its arguments, if it has one."""
    trace = innermost((*args, *kwargs.values()) if kwargs else args)
    if trace is None:
        return call_plain(prim, args, kwargs)
    if prim.kinks is not None:
        y = _call_with_kinks(trace, prim, args, kwargs)
        if y is not NotImplemented:
            return y
    y = shortcuts[0](trace, prim, args, kwargs) if shortcuts else NotImplemented
    if y is not NotImplemented:
        return y
    if not prim.views or not args:
        return _call(trace, prim, args, kwargs)
    if type(args[0]) is Array:
        return view_of(args[0], prim, args[1:], kwargs)
    return linked(_call(trace, prim, args, kwargs), prim, args, kwargs)


def call_plain(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive on plain values: its function; on lists, if other sequences hold traced values."""
    if prim.iterators is not None:
        xs = (*args, *kwargs.values()) if kwargs else args
        if not COMMON.issuperset(map(type, xs)) and any(map(is_iterator, xs)):
            return prim.iterators(prim, args, kwargs)
    try:
        return prim.plain(*args, **kwargs)
    except (NotDifferentiableError, ValueError):  # NumPy's, where __array__ returns a traced value
        opened, named = as_lists(args, True), {name: as_lists(x, True) for name, x in kwargs.items()}
        if prim.foreign or innermost((*opened, *named.values())) is None:
            raise
    return prim.traced(*opened, **named)


def _call_with_kinks(trace: Any, prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive with kinks where it may be at one; return NotImplemented where it cannot."""
    held = _held(prim, args, kwargs, trace)
    if held is not None:
        return prim.traced(*held[0], **held[1])
    kwargs = handled(prim, kwargs) if kwargs else kwargs
    if prim.is_steep is not None and not kwargs and prim.is_steep(*args):
        return prim.steep(prim.as_anywhere, args)  # type: ignore[misc]
    if not may_be_nested(args):
        return NotImplemented
    return with_kinks(prim, call(prim.smooth, args, kwargs), args, kwargs)


def _held(
    prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any], trace: Any
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Return a call of a primitive with kinks as those are to see it; None if it is so already.

    Arrays that are written to give way to what they hold, lists of traced values to the arrays that they
    stand for, and what is given by name is given by position.
    """
    if trace is UNTRACED or (not kwargs and _OPEN.issuperset(map(type, args))):
        return None
    named = {name: _opened(x) for name, x in kwargs.items()}
    opened: tuple[Any, ...] = tuple(map(_opened, args))
    by_name = [name for name, x in named.items() if innermost((x,)) is not None]
    if by_name and not any((prim.f, name) in FORMS for name in by_name):
        opened, named = _by_position(prim, opened, named)
    same = len(opened) == len(args) and all(map(operator.is_, opened, args))
    return None if same and all(x is kwargs[name] for name, x in named.items()) else (opened, named)


def _opened(x: Any) -> Any:
    """Return what an array holds, and a sequence of traced values as an array; anything else as it is."""
    x = as_lists(x, True)
    return as_array(x) if type(x) in (list, tuple, Array) and innermost((x,)) is not None else x


def _call(tape: Any, prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive on arguments of which this is the innermost trace."""
    if tape is UNTRACED:
        return fillable(prim.f(*map(settled, args), **{name: settled(x) for name, x in kwargs.items()}))
    if not kwargs and Array in map(type, args):  # what they hold may take the fast path
        return prim.traced(*map(content_of, args))
    if innermost(kwargs.values()) is not None:
        for name, x in kwargs.items():
            if (prim.f, name) in FORMS and _is_argument(x):
                return FORMS[prim.f, name](*args, **kwargs)
        if kwargs.get("out") is not None and prim.kind != "zero":  # named as it was given
            prim.check_keywords(kwargs)
        args, kwargs = _by_position(prim, args, kwargs)
    return tape.call(prim, args, kwargs, _run)


def _run(
    tape: Any, prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any, Any, Any]:
    """Run a call for the traces outside of this one: see ``Trace.call``."""
    sources: list[tuple[Any, Any]] = []

    def unwrapped(argnum: int | str, x: Any) -> Any:
        value, source = _unwrap(prim, argnum, x, tape)
        if source is not CONSTANT:
            sources.append((argnum, source))
        return value

    try:
        values = [unwrapped(n, x) for n, x in enumerate(args)]
        named = {name: unwrapped(name, x) for name, x in kwargs.items()}
    except ForeignConstant as found:
        return beside_others(prim.f, prim.kind, prim.traced, found.x, args, kwargs), None, None, ()
    if prim.kind != "zero":
        prim.check_positions(args)
        if kwargs.get("out") is not None:  # before it is written to
            prim.check_keywords(kwargs)
    # A user's function is called as a trace calls it, with what it may not do refused.
    plainly = prim.foreign and innermost((*values, *named.values())) is None
    y = content_of((prim.f if plainly else prim.traced)(*values, **named))
    # Integers and booleans (``dtype=int``) are locally constant.
    if prim.kind == "zero" or getattr(y, "dtype", _FLOAT).kind in "biu":
        return y, None, None, ()
    for argnum, _ in sources:
        prim.rule(argnum, values[argnum] if isinstance(argnum, int) else named[argnum])
    if kwargs:
        named = handled(prim, named)
    return y, tuple(values), named, tuple(sources)


def handled(prim: Primitive, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords for the rules, without defaults that are spelled out; refuse unknown ones."""
    if prim.keywords.issuperset(kwargs):
        return kwargs
    kept = {name: x for name, x in kwargs.items() if name in prim.keywords or not _is_default(name, x)}
    prim.check_keywords(kept)
    return kept


def _is_default(name: str, x: Any) -> bool:
    """Say whether a keyword of ufuncs and reductions is given its default."""
    return x is {"order": None, "out": None, "where": True, "overwrite_input": False}.get(name, ...)


def _unwrap(prim: Primitive, argnum: int | str, x: Any, tape: Any) -> tuple[Any, Any]:
    """Return an argument without the boxes of this tape, and its source: 0 for a constant."""
    x = _as_operand(prim, argnum, x)
    if type(x) in (list, tuple) and argnum in prim.containers and _has_unknown(x):
        parts = [_unwrap(prim, "", as_array(part), tape) for part in x]
        sources = tuple(source for _, source in parts)
        inner = any(source is not CONSTANT for source in sources)
        return [value for value, _ in parts], sources if inner else CONSTANT
    if isinstance(x, Traced):
        return (x.primal, x.index if type(x) is Box else x) if x.tape is tape else (snapshot(x), CONSTANT)
    return x if type(x) in PLAIN else constant_operand(prim, x), CONSTANT


def _as_operand(prim: Primitive, argnum: int | str, x: Any) -> Any:
    """Return what an array holds that is written to, and a sequence that stands for an array as that array.

    A list of batched values alone may be an index, and stays a list.
    """
    kind = type(x)
    if kind not in COMMON and kind not in TRACED and not prim.foreign:
        x = as_lists(x) if not issubclass(kind, tuple) or innermost(x) is not None else x
        kind = type(x)
    if kind is Array:
        return content(x)
    if (kind is not list and kind is not tuple) or argnum in prim.containers:
        return x
    return as_array(x) if argnum in prim.rules or _has_unknown(x) else x


def _has_unknown(x: Any) -> bool:
    """Say whether a value of a trace that differentiates is in nested lists."""
    return any(map(_has_unknown, x)) if type(x) in (list, tuple) else is_unknown(x)


def as_array(x: Any) -> Any:
    """Return nested lists, with boxes in them or not, as one array."""
    if type(x) in (list, tuple):
        x = primitive_of(onp.array).traced(x)  # type: ignore[union-attr]
    return content_of(x)


def _is_argument(x: Any) -> bool:
    """Say whether what was given by name is traced, other than by a batch alone, as a mask may be."""
    return innermost((x,)) is not None and (not isinstance(x, Traced) or is_unknown(x))


def _by_position(
    prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give by position the traced arguments that were given by name, as far as they have one."""
    signature = signature_of(prim.f)
    if signature is None:
        return args, kwargs
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    places = {name: n for n, name in enumerate(bound.arguments)}
    given = [name for name, x in kwargs.items() if _is_argument(x) and name in places]
    last = max((places[name] + 1 for name in given if places[name] < len(bound.args)), default=0)
    if not len(args) < last <= prim.positions:
        return args, kwargs
    args = bound.args[:last]
    names = list(signature.parameters)[:last]
    return args, {name: x for name, x in kwargs.items() if name not in names}

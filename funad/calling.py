"""A call of a primitive: find the innermost trace, unwrap its boxes, run, record, box the result."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as onp

from .boxes import CONSTANTS, TRACED, Box, Traced, innermost
from .duck_arrays import DUCKS, as_duck, under_traces, written
from .errors import NotDifferentiableError
from .floating import pointing, warning
from .foreign import bare, is_duck, is_foreign, is_sequence, number_of, of_protocol, plain_sequence, same
from .refusals import refused_bare, refused_constant, refused_opaque
from .registry import Primitive, primitive_of, signature_of
from .trace import Looked
from .traces.reverse import CONSTANT
from .values import class_of, constant, is_unknown
from .writing import UNTRACED, Array, content, content_of, fillable, linked, settled, snapshot, view_of

ndarray, float64, new = onp.ndarray, onp.float64, object.__new__

# What a primitive is where such a keyword is given a traced value: made of other primitives.
FORMS: dict[tuple[Callable[..., Any], str], Callable[..., Any]] = {}
# What has to be opened before one sees of which traces a call is.
HOLDERS = frozenset({list, tuple, Array})
# The types of second arguments and of keywords in which no box can hide.
PLAIN = frozenset({ndarray, float, int, bool, type(None)})
NUMBERS = frozenset({ndarray, float64, float})
PARTS = PLAIN | CONSTANTS | {slice, str, type(Ellipsis)}  # and those of indices
COMMON = PARTS | {list, tuple}  # of what is no sequence of another class, for sure
_FLOAT = onp.dtype(float)


# A shorter way for some calls, if ``fast`` has been installed: it returns NotImplemented for the others.
shortcuts: list[Callable[..., Any]] = []
# What primitives with kinks are of dual numbers that have neighbours, or None: ``nearby`` puts it here.
NEARBY: list[Callable[..., Any]] = []
# Functions, beside the ufuncs, that NumPy has compiled whole: their floating-point warnings have no frame in
# NumPy to point at.
_COMPILED = (onp.dot, onp.vdot, onp.inner)


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
    """Call a primitive in any form: find the innermost trace, unwrap its boxes, record."""
    trace = innermost((*args, *kwargs.values()) if kwargs else args)
    if trace is None:
        if prim.iterators is not None and not is_one_list(args, kwargs) and has_iterator(args, kwargs):
            return prim.iterators(prim, args, kwargs)
        return (prim.f if prim.foreign else _plainly(prim.f))(*args, **kwargs)
    if prim.kinks is not None:
        held = _held(prim, args, kwargs, trace)
        if held is not None:
            return prim.traced(*held[0], **held[1])
        if prim.is_steep is not None and not kwargs and prim.is_steep(*args):
            return prim.steep(prim.as_anywhere, args)  # type: ignore[misc]
        if _may_be_nested(args):
            y = NEARBY[0](prim, args, kwargs) if NEARBY else None
            return with_kinks(prim, call(prim.smooth, args, kwargs), args, kwargs) if y is None else y
    y = shortcuts[0](trace, prim, args, kwargs) if shortcuts else NotImplemented
    return _call_any(trace, prim, args, kwargs) if y is NotImplemented else y


def _call_any(trace: Any, prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a primitive in any form, without a shorter way."""
    if prim.views and args:
        if type(args[0]) is Array:
            return view_of(args[0], prim, args[1:], kwargs)
        return linked(_call(trace, prim, args, kwargs), prim, args, kwargs)
    return _call(trace, prim, args, kwargs)


def plainly(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return f as it is called on plain values: with NumPy's warnings at the user's line."""
    return pointing(f) if is_compiled(f) else warning(f)


def is_compiled(f: Callable[..., Any]) -> bool:
    """Say whether floating-point warnings of this function of NumPy's have no frame in NumPy to point at."""
    owner = getattr(f, "__objclass__", None)  # of a method of ufuncs
    return isinstance(f, onp.ufunc) or owner is onp.ufunc or any(f is one for one in _COMPILED)


_plainly = functools.lru_cache(maxsize=4096)(plainly)  # of NumPy's functions, which can be keys


def _held(
    prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any], trace: Any
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Return a call of a primitive with kinks as those are to see it; None if it is so already.

    Arrays that are written to give way to what they hold, lists of traced values to the arrays that they
    stand for, and what is given by name is given by position.
    """
    if trace is UNTRACED or (not kwargs and HOLDERS.isdisjoint(map(type, args))):
        return None
    named = {name: _opened(x) for name, x in kwargs.items()}
    opened: tuple[Any, ...] = tuple(map(_opened, args))
    by_name = [name for name, x in named.items() if innermost((x,)) is not None]
    if by_name and not any((prim.f, name) in FORMS for name in by_name):
        opened, named = _by_position(prim, opened, named)
    same = len(opened) == len(args) and all(map(operator.is_, opened, args))
    return None if same and all(x is kwargs[name] for name, x in named.items()) else (opened, named)


def _opened(x: Any) -> Any:
    """Return what an array holds, and a list of traced values as an array; anything else as it is."""
    return as_array(x) if type(x) in HOLDERS and innermost((x,)) is not None else x


def _may_be_nested(args: tuple[Any, ...]) -> bool:
    """Say whether there may be traced values of two traces among the arguments."""
    trace = None
    for x in args:
        if isinstance(x, Traced):
            if isinstance(x.inside, Traced) or (trace is not None and x.tape is not trace):
                return True
            trace = x.tape
    return False


def with_kinks(prim: Primitive, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result of a primitive with kinks, with what they add if it is differentiated twice."""
    if not isinstance(y, Traced) or not _differentiates(y.tape):
        return y
    args = tuple(map(content_of, args))
    for x in args:
        if isinstance(x, Traced) and is_differentiated(x.inside if x.tape is y.tape else x):
            if DUCKS.used and under_traces(x) is not None:
                return y if prim.kind == "elementwise" else _refuse_kinks(prim, x)
            try:
                found = prim.kinks(y, *args, **kwargs)  # type: ignore[misc]
            except Looked as look:
                found = look.trace.after(look, prim.kinks, (y, *args), kwargs, f"the kinks of {prim.name}")
            is_number = issubclass(class_of(y), onp.generic) and class_of(found) is ndarray
            return found[()] if is_number else found
    return y


def is_steep_at_zero(x: Any, b: Any = 0.5) -> bool:
    """Say whether a root of x, or the power b of it, may have an infinite slope where x is differentiated."""
    if type(b) is int or isinstance(b, Traced) or (type(b) is float and (b <= 0 or b.is_integer())):
        return False
    x = _differentiated(x)
    if type(x) is ndarray:
        # 0.4 µs for an array of ten, where min takes 2; of a large one, min takes a third of the time.
        if x.size > 100 and x.dtype.kind == "f" and onp.minimum.reduce(x, axis=None) > 0:
            return False
        return bool(onp.count_nonzero(x) != x.size) and x.dtype.kind == "f"
    return issubclass(type(x), (float, onp.floating)) and not x


def is_steep_at_end(x: Any) -> bool:
    """Say whether x is 1 or -1 somewhere, where arccos has an infinite slope, and is differentiated."""
    x = _differentiated(x)
    if type(x) is ndarray:
        return x.dtype.kind == "f" and bool(onp.count_nonzero(onp.abs(x) == 1))
    return issubclass(type(x), (float, onp.floating)) and abs(x) == 1


def _differentiated(x: Any) -> Any:
    """Return the number that is traced, if all who trace it differentiate it; otherwise None."""
    found = False
    while isinstance(x, Traced):
        found = found or _differentiates(x.tape)
        if x.opaque or not (_differentiates(x.tape) or getattr(x.tape, "nearby", False)):
            return None
        x = x.inside
    return x if found else None


def _refuse_kinks(prim: Primitive, x: Any) -> NoReturn:
    """Refuse the second derivative of a function of arrays with kinks: nobody has seen that x is at none."""
    raise NotDifferentiableError(
        f"the second derivative of {prim.name} of {written(under_traces(x).primal)} which is no array of "
        f"NumPy's: it depends on where the kinks of {prim.name} are; write what is smooth without it, "
        f"np.sum(x * x) for np.linalg.norm(x)**2, or take first derivatives"
    )


def _differentiates(trace: Any) -> bool:
    """Say whether a trace is one of a transformation that takes derivatives."""
    return bool(trace.differentiates)


def is_differentiated(x: Any) -> bool:
    """Say whether x is traced by a transformation that takes derivatives."""
    while isinstance(x, Traced):
        if _differentiates(x.tape):
            return True
        x = x.inside
    return False


def has_iterator(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Say whether an argument of a function that takes lists is an iterator."""
    return any(map(is_iterator, (*args, *kwargs.values())))


def is_one_list(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Say whether a list is all that a function is given, as nearly always."""
    return len(args) == 1 and not kwargs and type(args[0]) in (list, tuple)


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
    return type(x) in PARTS or (type(x) is tuple and all(map(is_plain, x)))


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
    try:
        values = [_unwrapped(prim, n, x, tape, sources) for n, x in enumerate(args)]
        named = {name: _unwrapped(prim, name, x, tape, sources) for name, x in kwargs.items()}
    except _ForeignConstant as found:
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


def _unwrapped(prim: Primitive, argnum: int | str, x: Any, tape: Any, sources: list[tuple[Any, Any]]) -> Any:
    """Return an argument without the boxes of this tape; note its source, if it has one there."""
    value, source = _unwrap(prim, argnum, x, tape)
    if source is not CONSTANT:
        sources.append((argnum, source))
    return value


def handled(prim: Primitive, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords for the rules, without defaults that are spelled out; refuse unknown ones."""
    if prim.keywords.issuperset(kwargs):
        return kwargs
    kept = {name: x for name, x in kwargs.items() if name in prim.keywords or not _says_nothing(name, x)}
    prim.check_keywords(kept)
    return kept


def _says_nothing(name: str, x: Any) -> bool:
    """Say whether a keyword of ufuncs and reductions is given its default."""
    return name in DEFAULTS and x is DEFAULTS[name]


DEFAULTS = {"out": None, "where": True, "overwrite_input": False}


def _unwrap(prim: Primitive, argnum: int | str, x: Any, tape: Any) -> tuple[Any, Any]:
    """Return an argument without the boxes of this tape, and its source: 0 for a constant."""
    kind = type(x)
    if kind not in COMMON and kind not in TRACED and not prim.foreign and is_sequence(x):
        x = plain_sequence(x)
        kind = type(x)
    if kind is Array:
        x = content(x)
    elif kind is list or kind is tuple:
        traced = _has_unknown(x)  # batched values alone, as in an index, are constants
        if traced and argnum in prim.containers:
            parts = [_unwrap(prim, "", as_array(part), tape) for part in x]
            sources = tuple(source for _, source in parts)
            inner = any(source is not CONSTANT for source in sources)
            return [value for value, _ in parts], sources if inner else CONSTANT
        if traced or (argnum in prim.rules and argnum not in prim.containers):
            x = as_array(x)
            kind = type(x)
    if isinstance(x, Traced):
        return (x.primal, x.index if type(x) is Box else x) if x.tape is tape else (snapshot(x), CONSTANT)
    return x if kind in PLAIN else _constant(prim, x), CONSTANT


def _has_unknown(x: Any) -> bool:
    """Say whether a value of a trace that differentiates is in nested lists."""
    return any(map(_has_unknown, x)) if type(x) in (list, tuple) else is_unknown(x)


class _ForeignConstant(Exception):
    """An object of another library is among the arguments of a call: it decides what becomes of that."""

    def __init__(self, x: Any) -> None:
        self.x = x


def _constant(prim: Primitive, x: Any) -> Any:
    """Return what is not traced as rules take it; a function of the user's gets whatever it was given."""
    if is_plain(x) or type(x) is list or isinstance(x, Traced):
        return x
    if is_duck(x):
        return as_duck(x)
    if prim.foreign:
        return x
    if is_foreign(x) or (type(x) is tuple and any(map(is_foreign, x))):
        raise _ForeignConstant(x)
    error = refused_constant(x)
    if error is not None:
        try:
            raise error
        finally:
            del error  # which refers to this frame
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
    if kind != "zero":
        error = refused_constant(x) if isinstance(f, onp.ufunc) else None
        if error is not None:
            try:
                raise error
            finally:
                del error  # which refers to this frame
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
    if last <= len(args):
        return args, kwargs
    args = bound.args[:last]
    names = list(signature.parameters)[:last]
    return args, {name: x for name, x in kwargs.items() if name not in names}

"""How arrays of other libraries are computed with: by NumPy's protocols, and of dask's what those leave open.

Of a lazy array nobody knows the numbers, and rules ask for them. So a rule that works element by element
runs later, block by block, as a task on plain arrays: there it is what it is without dask. Of an array in one
chunk any rule and any function can run so. Other rules build the lazy graph of their formula.
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as onp

from . import batching as batching  # fills the tables of functions of elements
from . import tree
from .boxes import Box, Traced, box_of
from .calling import call
from .duck_arrays import DUCKS, Unread, in_chunks_of, is_lazy, under_traces, written
from .floating import restore, run_rules
from .foreign import is_duck
from .indices import ASSIGN, repeats, scatter
from .memory import is_placeholder
from .numpy.elementwise import complement, cosine_of, fermi, keep, one_minus_square, one_plus
from .numpy.manipulation import cast
from .numpy.padding import pad_zeros
from .numpy.reductions import difference
from .numpy.ufuncs import masked
from .refusals import refused_index
from .registry import Primitive, place_of_primitive, primitive_at, primitive_of
from .spaces import fit, is_inexact, of_library, zeros_like
from .traces.batch import BY_ELEMENT, NOT_BY_ELEMENT
from .traces.reverse import OUTPUT, TRACING, WIDTH, Tape, as_call, pull_back
from .traces.strong_zeros import LATER, retry_with_strong_zeros, strong_zero
from .values import shape_of

ndarray = onp.ndarray
_MASKED = primitive_of(masked).f  # type: ignore[union-attr]


def _dask() -> Any:
    """Return dask.array, which is loaded if there is an array of it."""
    return sys.modules["dask.array"]


# --- tasks: what runs later, on plain arrays


class Task:
    """A function of plain arrays that dask calls when it has them.

    ``by_element`` says that it works on any block of arrays that broadcast against each other.
    """

    by_element: bool
    name: str
    of_shape: int | None = None  # which of the arguments has the shape and dtype of what it returns

    @property
    def __name__(self) -> str:
        return self.name.rpartition(".")[2]

    def key(self) -> Any:
        """Return what tells this task from others."""
        raise NotImplementedError

    def __call__(self, *xs: Any) -> Any:
        raise NotImplementedError

    def __dask_tokenize__(self) -> Any:
        return (type(self).__name__, self.key())

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash((type(self), self.key()))


class _OfPrimitive(Task):
    """A task that needs a primitive, also in another process."""

    def __init__(self, prim: Primitive, argnum: Any, kwargs: dict[str, Any]) -> None:
        self.prim, self.argnum, self.kwargs = prim, argnum, kwargs
        self.name = prim.name
        self.by_element = works_by_element(prim)

    def key(self) -> Any:
        return (self.name, id(self.prim.f), self.argnum, _frozen(self.kwargs))

    def __dask_tokenize__(self) -> Any:
        prim = self.prim
        own = (prim.f, *prim.rules.values()) if prim.foreign else place_of_primitive(prim)
        return (type(self).__name__, self.name, self.argnum, sorted(self.kwargs.items()), own)

    def __reduce__(self) -> Any:
        prim = self.prim
        own = (prim.f, prim.name, prim.kind, dict(prim.rules)) if prim.foreign else place_of_primitive(prim)
        return _again, (type(self), own, self.argnum, self.kwargs)


def _frozen(x: Any) -> Any:
    """Return a value that can be a key."""
    if isinstance(x, dict):
        return tuple((name, _frozen(x[name])) for name in sorted(x))
    if isinstance(x, (list, tuple)):
        return tuple(map(_frozen, x))
    return (x.shape, x.dtype.str, x.tobytes()) if type(x) is ndarray else x


@functools.lru_cache(maxsize=1024)
def _of_user(name: str, f: Any, kind: str, rules: tuple[Any, ...]) -> Primitive:
    """Return a user's primitive in the process that runs a task."""
    made = Primitive(f, name)
    made.kind, made.foreign = kind, True
    made.add(kind, dict(rules), False)
    return made


def _again(kind: Any, own: Any, argnum: Any, kwargs: Any) -> Any:
    """Return a task in the process that runs it."""
    if len(own) == 2:
        return kind(primitive_at(*own), argnum, kwargs)
    f, name, rule_kind, rules = own
    return kind(_of_user(name, f, rule_kind, tuple(rules.items())), argnum, kwargs)


def works_by_element(prim: Primitive) -> bool:
    """Say whether a function works element by element, with broadcasting."""
    f = prim.f
    if isinstance(f, Task):
        return f.by_element
    if isinstance(f, onp.ufunc):
        return f.signature is None and f.nout == 1
    by_element = prim.kind == "elementwise" or f in BY_ELEMENT
    return by_element and f not in NOT_BY_ELEMENT


class Value(_OfPrimitive):
    """The value of a function."""

    def __call__(self, *xs: Any) -> Any:
        with onp.errstate(all="ignore"):
            return self.prim.f(*xs, **self.kwargs)


class Rule(_OfPrimitive):
    """The rule of one argument of a function: (y, ȳ, *xs) ↦ x̄, with 0·∞ = 0 and all that rules are."""

    @property
    def of_shape(self) -> int:  # type: ignore[override]
        return 2 + int(self.argnum)

    def __call__(self, y: Any, ybar: Any, *xs: Any) -> Any:
        prim, rule = self.prim, self.prim.rules[self.argnum]
        leaves = tree.flatten((y, ybar, xs))[0]
        if any(isinstance(x, Traced) for x in leaves):
            return rule(y, ybar, *xs, **self.kwargs)
        token = run_rules()
        try:
            xbar = rule(y, ybar, *xs, **self.kwargs)
        except Exception as error:
            xbar = retry_with_strong_zeros(error, prim, rule, self.argnum, y, ybar, xs, self.kwargs)
        finally:
            restore(token)
        xbar = xbar.dense() if hasattr(xbar, "dense") else xbar
        if not self.by_element:
            return onp.asarray(fit(xbar, xs[self.argnum]))
        shape = onp.broadcast_shapes(*map(onp.shape, (y, ybar, *xs)))
        return onp.broadcast_to(strong_zero(xbar, ybar), shape)


class Pulled(Task):
    """The derivative of a task with respect to one of its arguments: (ȳ, *xs) ↦ x̄, and so to any order."""

    def __init__(self, task: Task, argnum: int) -> None:
        self.task, self.argnum, self.of_shape = task, argnum, 1 + argnum
        self.by_element = task.by_element
        self.name = task.name

    def key(self) -> Any:
        return (type(self.task), self.task.key(), self.argnum)

    def __dask_tokenize__(self) -> Any:
        return ("Pulled", self.task.__dask_tokenize__(), self.argnum)

    def __call__(self, ybar: Any, *xs: Any) -> Any:
        if self.by_element:  # each element for itself, in whatever block it is
            shape = onp.broadcast_shapes(*map(shape_of, (ybar, *xs)))
            xs = tuple(x if x is None else onp.broadcast_to(x, shape) for x in xs)
        xbar = _pull_back(self.task, xs, self.argnum, ybar)
        if isinstance(xbar, Traced):
            return xbar
        at = _kinks(self.task, xs)
        return xbar if at is None else onp.where(at, onp.nan, xbar)


def _pull_back(f: Callable[..., Any], xs: tuple[Any, ...], argnum: int, ybar: Any) -> Any:
    """Return x̄ of one of the arguments of y = f(*xs).

    All of them are traced: a rule may take y or x for the same thing, and its derivative is that of both.
    """
    tape, before = Tape(len(xs)), TRACING.active
    try:
        TRACING.active = True
        y = f(*(box_of(tape, x, n) if is_inexact(x) else x for n, x in enumerate(xs, 1)))
    finally:
        TRACING.active = before
        entries = tape.end()
    x = xs[argnum]
    if type(y) is not Box or y.tape is not tape:
        return zeros_like(x)
    entries[y.index] = fit(ybar, y.primal)
    xbar = pull_back(entries, len(xs), True)[argnum]
    return zeros_like(x) if xbar is None else fit(xbar, x)


def _kinks(task: Task, xs: tuple[Any, ...]) -> Any:
    """Return where a rule is at a kink of its function: the second derivative of what is made of it is open.

    ``infinitesimals`` would tell it, of a whole program; here there is one rule.
    """
    if type(task) is not Rule:
        return None
    f, args = task.prim.f, xs[2:]
    if f in (onp.absolute, onp.fabs):
        return args[0] == 0
    if f in (onp.maximum, onp.minimum, onp.fmax, onp.fmin):
        return args[0] == args[1]
    if f is onp.hypot:
        return (args[0] == 0) & (args[1] == 0)
    return None


_READ: dict[str, Any] = {
    "keep_only_read": None, "keep_only_read_0": None, "keep_only_read_1": None, "reads": (True, True),
    "positions": sys.maxsize, "keywords": frozenset(),
}  # fmt: skip


@functools.lru_cache(maxsize=4096)
def _primitive_of_task(task: Task, count: int) -> Primitive:
    """Return a task of so many arguments as a primitive, whose rules are tasks again."""
    made = Primitive(task, task.name)
    made.traced = lambda *args: call(made, args, {})
    made.kind = "elementwise" if task.by_element else "vjp"
    made.rules = {n: lambda y, ybar, *xs, n=n: run_later(Pulled(task, n), (ybar, *xs)) for n in range(count)}
    made.rule_0, made.rule_1 = made.rules.get(0), made.rules.get(1)
    made.read = dict(_READ)
    return made


def run_later(task: Task, xs: tuple[Any, ...]) -> Any:
    """Call a task on values, traced perhaps: dask will run it."""
    return call(_primitive_of_task(task, len(xs)), xs, {})


# --- rules on the way back


def _rule_on_ducks(prim: Primitive, argnum: Any, y: Any, ybar: Any, *args: Any, **kwargs: Any) -> Any:
    """Return x̄ of a call with arrays of other libraries: now as a formula, or later as a task."""
    rule = prim.rules[argnum]
    if isinstance(prim.f, Task):
        return rule(y, ybar, *args)
    xs = (y, ybar, *args)
    lazy = _lazy_parts(xs)
    if lazy and under_traces(tuple(kwargs.values())) is None:
        if works_by_element(prim):
            return run_later(Rule(prim, argnum, kwargs), xs)
        of_one = type(argnum) is int and type(args[argnum]) not in (list, tuple)
        if of_one and _can_wait(xs, kwargs, lazy):
            return run_later(Rule(prim, argnum, kwargs), xs)
    xbar = rule(y, ybar, *args, **kwargs)
    if lazy:
        return in_chunks_of(xbar, args[argnum]) if type(argnum) is int else xbar
    if prim.kind != "elementwise":
        return xbar
    return strong_zero(xbar, ybar)


def _can_wait(xs: Any, kwargs: Any, lazy: list[Any]) -> bool:
    """Say whether a call can run as one task: on arrays in one chunk each, which are no parts of lists."""
    if not lazy or any(x.npartitions != 1 for x in lazy) or under_traces(tuple(kwargs.values())) is not None:
        return False
    several = (x for x in xs if issubclass(type(x), (list, tuple)))
    parts = [part for x in several for part in tree.flatten(x)[0]]
    return not any(isinstance(part, Traced) and not of_library(part) for part in parts)


class Call(_OfPrimitive):
    """A call of a function that is made of primitives, as one task; its derivatives are theirs."""

    def __call__(self, *xs: Any) -> Any:
        if any(isinstance(x, Traced) for x in xs):
            return self.prim.traced(*xs, **self.kwargs)
        with onp.errstate(all="ignore"):
            return self.prim.f(*xs, **self.kwargs)


def _again_later(look: Any, f: Any, args: Any, kwargs: Any) -> Any:
    """Call a function that has looked at a number as one task, if it can be; else refuse it."""
    prim = primitive_of(f)
    if prim is None or prim.kind != "composite" or not _can_wait(args, kwargs, _lazy_parts(args)):
        raise look
    task = Call(prim, None, kwargs)
    task.by_element = False
    return run_later(task, tuple(args))


def _lazy_parts(xs: Any) -> list[Any]:
    """Return the lazy arrays under the traces of values, those in lists and tuples too."""
    found = (under_traces(x) for x in tree.flatten(list(xs))[0])
    return [x.primal for x in found if x is not None and is_lazy(x.primal)]


@functools.lru_cache(maxsize=4096)
def _on_ducks(prim: Primitive) -> Primitive:
    """Return a primitive whose rules are for arrays of other libraries."""
    made = Primitive(prim.f, prim.name)
    for name in set(prim.__slots__) - {"__weakref__"}:
        setattr(made, name, getattr(prim, name))
    made.rules = {n: functools.partial(_rule_on_ducks, prim, n) for n in prim.rules}
    made.rule_0, made.rule_1 = made.rules.get(0), made.rules.get(1)
    made.masks = False  # tasks look at all numbers themselves
    return made


def _prepare(entries: list[Any], inputs: int) -> None:
    """Let the calls on a tape with arrays of other libraries have the rules for those."""
    for start in range(inputs + 1, len(entries), WIDTH):
        prim, y, a, b, source_a, source_b = entries[start : start + WIDTH - 1]
        if prim is OUTPUT:
            continue
        args, kwargs, _ = as_call(a, b, source_a, source_b)
        if under_traces((y, *args)) is not None or under_traces(tuple(kwargs.values())) is not None:
            entries[start] = _on_ducks(prim)


def _later(prim: Primitive, rule: Any, y: Any, ybar: Any, args: Any, kwargs: Any) -> Any:
    """Return ȳ·∂f, or in forward mode ẋ·∂f, with all that strong zeros are."""
    argnum = next(n for n, known in prim.rules.items() if known is rule)
    return _rule_on_ducks(prim, argnum, y, ybar, *args, **kwargs)


# --- calls of dask


def _refuse(prim: Primitive, args: Any, kwargs: Any, why: str = "") -> NoReturn:
    lazy = [x for x in tree.flatten((args, kwargs))[0] if is_duck(x)]
    x = lazy[0]
    if is_lazy(x):
        instead = (
            f"{why or 'dask has no function for it'}. Of an array in one chunk any function runs as one "
            f"task: x.rechunk(-1) if it fits into memory; otherwise write it with functions that dask has"
        )
    else:
        instead = f"{why or 'the library has no function for it'}; write it with functions that it has"
    raise Unread(f"{prim.name} of {written(x)} beside a traced value: {instead}")


def _call_dask(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function on dask arrays, without a look at any of their numbers."""
    f = prim.f
    lazy = [x for x in tree.flatten((args, kwargs))[0] if is_duck(x)]
    if f is _MASKED:
        _refuse(prim, args, kwargs, "dask writes into no out=; write np.where(where, f(x), out)")
    form = _FORMS.get(f)
    args = tuple(_operand(x, lazy) for x in args)
    if form is None and works_by_element(prim) and not any(is_duck(x) for x in kwargs.values()):
        if isinstance(f, onp.ufunc):
            return _dask().core.elemwise(f, *args, **kwargs) if not kwargs else f(*args, **kwargs)
        task = f if isinstance(f, Task) else Value(prim, None, kwargs)
        return _dask().core.elemwise(task, *args)
    if f in _OF_SHAPES:
        return f(*map(_model, args), **kwargs)
    in_one = all(x.npartitions == 1 for x in lazy)
    of_dask = _of_dask(f) if form is None else form
    if of_dask is None or (in_one and prim.kind == "vjp"):
        return _as_task(prim, args, kwargs, lazy)
    try:
        y = of_dask(*args, **kwargs)
        return _as_task(prim, args, kwargs, lazy) if y is NotImplemented else y
    except Unread:
        raise
    except _OF_DASK as error:
        if in_one:
            return _as_task(prim, args, kwargs, lazy)
        _refuse(prim, args, kwargs, f"dask says: {error}".split("\n")[0].rstrip("."))


# What dask raises where it cannot do what NumPy does.
_OF_DASK = (NotImplementedError, ValueError, TypeError, AttributeError, LookupError, AssertionError)


def _operand(x: Any, lazy: list[Any]) -> Any:
    """Return one number in many places, which a rule of NumPy's has made, as a dask array of no memory."""
    if type(x) in (list, tuple):
        return type(x)(_operand(part, lazy) for part in x)
    if type(x) is ndarray and x.size > 1 and not any(x.strides):
        if is_placeholder(x):
            return x
        chunks = next((a.chunks for a in lazy if a.shape == x.shape), "auto")
        return _dask().full(x.shape, x[(0,) * x.ndim], chunks=chunks, dtype=x.dtype)
    return x


def _model(x: Any) -> Any:
    """Return an array without memory of the shape and dtype of another."""
    return onp.broadcast_to(onp.zeros((), x.dtype), x.shape) if is_duck(x) else x


_OF_SHAPES = frozenset(
    {onp.shape, onp.ndim, onp.size, onp.iscomplexobj, onp.isrealobj, onp.result_type, onp.common_type,
     onp.can_cast, onp.min_scalar_type, onp.isscalar}
)  # fmt: skip
# Functions of dask's that are another one than NumPy's: approximations, other results, other forms, or of
# a size that depends on the numbers.
_OTHER = frozenset(
    {"quantile", "percentile", "nanquantile", "nanpercentile", "lstsq", "qr", "svd", "unique", "bincount",
     "nonzero", "flatnonzero", "argwhere", "searchsorted", "allclose", "repeat", "histogram", "shape", "ndim"}
)  # fmt: skip


def _of_dask(f: Any) -> Any:
    """Return dask's function of the name of one of NumPy's; None if it has none that is the same."""
    if isinstance(f, onp.ufunc):
        return f
    place: Any = _dask()
    for part in (getattr(f, "__module__", None) or "").split(".")[1:]:
        place = getattr(place, part, None)
    name = getattr(f, "__name__", "")
    found = getattr(place, _ALIASES.get(name, name), None)
    return None if found is f or name in _OTHER or not callable(found) else found


_ALIASES = {"amax": "max", "amin": "min", "copy": "asarray"}


def _sample(x: Any, seed: int) -> Any:
    """Return plain numbers of the shape and dtype of an array, to see what a function makes of them."""
    if not is_duck(x):
        return x
    if x.dtype.kind not in "fc":
        return onp.full(x.shape, seed, x.dtype)
    numbers = onp.random.default_rng(seed).uniform(0.2, 0.8, x.shape)
    if x.ndim > 1 and x.shape[-1] == x.shape[-2]:
        numbers = numbers + x.shape[-1] * onp.eye(x.shape[-1])
    if seed:
        numbers = onp.where(numbers > 0.5, 0.9, 0.0) + numbers * (x.ndim > 1)
    return onp.asarray(numbers, x.dtype)


class _Whole:
    """One call of a task: it checks that the result is of the shape that was expected."""

    def __init__(self, task: Any, structure: Any, shapes: Any) -> None:
        self.task, self.structure, self.shapes = task, structure, shapes

    def __dask_tokenize__(self) -> Any:
        return ("whole", self.task.__dask_tokenize__(), str(self.structure), self.shapes)

    def __call__(self, leaves: list[Any]) -> Any:
        y = self.task(*tree.unflatten(self.structure, list(leaves)))
        parts = tree.flatten(y)[0]
        shapes = [onp.shape(part) for part in parts]
        if shapes != list(self.shapes):
            raise ValueError(
                f"{self.task.name} returned shapes {shapes}, where {list(self.shapes)} were expected"
            )
        return list(map(onp.asarray, parts))


def _as_task(prim: Primitive, args: Any, kwargs: Any, lazy: list[Any]) -> Any:
    """Call a function of arrays in one chunk each as one task; refuse it on others."""
    if any(x.npartitions != 1 for x in lazy) or any(is_duck(x) for x in tree.flatten(kwargs)[0]):
        _refuse(prim, args, kwargs)
    task = prim.f if isinstance(prim.f, Task) else Value(prim, None, kwargs)
    leaves, structure = tree.flatten(tuple(args))
    like = args[task.of_shape] if task.of_shape is not None else None
    if like is not None and hasattr(like, "shape"):
        return _delayed(task, structure, leaves, None, [(like.shape, like.dtype)])
    wanted = []
    for seed in (0, 1):
        try:
            with onp.errstate(all="ignore"):
                y = task(*tree.unflatten(structure, [_sample(x, seed) for x in leaves]))
        except Exception as error:
            _refuse(prim, args, kwargs, f"what it returns is not known before it runs ({error})")
        wanted.append((y, [(onp.shape(part), onp.asarray(part).dtype) for part in tree.flatten(y)[0]]))
    (y, of_parts), (_, others) = wanted
    if of_parts != others:
        _refuse(prim, args, kwargs, "the size of what it returns depends on numbers that are not known yet")
    return _delayed(task, structure, leaves, y, of_parts)


def _delayed(task: Any, structure: Any, leaves: Any, y: Any, of_parts: Any) -> Any:
    """Return the results of a task, of known shapes and dtypes, as dask arrays, in the form of y."""
    dask = sys.modules["dask"]
    whole = _Whole(task, structure, tuple(shape for shape, _ in of_parts))
    made = dask.delayed(whole, pure=True)(leaves)
    ys = [_dask().from_delayed(made[n], shape, dtype) for n, (shape, dtype) in enumerate(of_parts)]
    return ys[0] if y is None else tree.unflatten(tree.flatten(y)[1], ys)


# --- what NumPy has no name for, and what dask has in another form


def _scatter(shape: Any, dtype: Any, indices: Any, pieces: Any) -> Any:
    """Return zeros with each piece added at its index."""
    total: Any = 0
    for index, piece in zip(indices, pieces, strict=True):
        total = total + _put_into_zeros(tuple(shape), dtype, index, piece)
    return total


def _put_into_zeros(shape: tuple[int, ...], dtype: Any, index: Any, piece: Any) -> Any:
    da = _dask()
    parts = index if type(index) is tuple else (index,)
    if any(is_duck(part) for part in parts) or repeats(tuple(part for part in parts if not is_duck(part))):
        return _add_rows(shape, dtype, parts, piece)
    zeros = onp.broadcast_to(onp.zeros((), onp.int8), shape)[index]
    piece = da.broadcast_to(piece, zeros.shape)
    # Axes that the index has made are none of x.
    piece = piece.reshape(
        onp.broadcast_to(onp.zeros((), onp.int8), shape)[tuple(p for p in parts if p is not None)].shape
    )
    dense = da.zeros(shape, dtype=dtype)
    dense[tuple(part for part in parts if part is not None)] = piece
    return dense


def _add_rows(shape: tuple[int, ...], dtype: Any, parts: tuple[Any, ...], piece: Any) -> Any:
    """Return zeros with rows added at places along the first axis, chunk of rows by chunk of rows."""
    da, dask = _dask(), sys.modules["dask"]
    (places,) = parts if len(parts) == 1 else (None,)
    if places is None or onp.ndim(places) != 1:
        raise Unread(
            "x[index] of an array beside dask arrays, with an index of more than one array of places or of "
            "more than one axis; take along one axis, np.take(x, places, axis=0), after import funad.numpy "
            "as np"
        )
    piece = da.asarray(piece)
    piece = piece.rechunk(dict.fromkeys(range(1, piece.ndim), -1))
    places = places if is_duck(places) else da.from_array(onp.asarray(places), chunks=(piece.chunks[0],))
    places = places.rechunk((piece.chunks[0],))
    add = dask.delayed(_added_rows, pure=True)
    blocks = zip(places.to_delayed().ravel(), piece.to_delayed().ravel(), strict=True)
    sums = [da.from_delayed(add(shape, dtype, *block), shape, dtype)[None] for block in blocks]
    return da.concatenate(sums).sum(axis=0)


def _added_rows(shape: tuple[int, ...], dtype: Any, places: Any, rows: Any) -> Any:
    return scatter(shape, dtype, [places], [rows])


def _getitem(x: Any, index: Any) -> Any:
    if not is_duck(x):
        raise refused_index(index)
    return x[index]


def _take(a: Any, indices: Any, axis: Any = None, *, mode: str = "raise") -> Any:
    """Take rows of an array in memory at places that are known later; or the reverse, which dask has."""
    da = _dask()
    if not is_duck(indices):
        return da.take(a, indices, axis=axis) if mode == "raise" and axis is not None else NotImplemented
    if axis != 0 or mode != "raise" or (is_duck(a) and a.npartitions > 1):
        return NotImplemented
    a = a if is_duck(a) else da.from_array(onp.asarray(a), chunks=-1)
    rest = tuple(range(indices.ndim, indices.ndim + a.ndim - 1))
    places = tuple(range(indices.ndim))
    out = (*places, *rest)
    return da.blockwise(
        _taken, out, a, (indices.ndim + a.ndim, *rest), indices, places,
        dtype=a.dtype, concatenate=True,
    )  # fmt: skip


def _taken(a: Any, indices: Any) -> Any:
    return onp.take(a, indices, axis=0)


def _assign(pair: Any, path: Any, index: Any) -> Any:
    """Return x of (x, v) with v at an index."""
    x, v = pair
    if path:
        raise Unread(
            "a write into a view of an array beside dask arrays; write into the array itself, x[i, j] = v"
        )
    da = _dask()
    y = x.copy() if is_duck(x) else da.from_array(onp.array(x))
    if y.dtype != v.dtype if hasattr(v, "dtype") else False:
        v = v.astype(y.dtype)
    y[index] = v
    return y


def _array(
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: Any = "K",
    subok: Any = False,
    ndmin: int = 0,
    **kwargs: Any,
) -> Any:
    """Return nested lists of arrays as one."""
    if kwargs or ndmin:
        return NotImplemented
    y = _dask().stack([_array(part) for part in object]) if type(object) in (list, tuple) else object
    y = y if is_duck(y) else _dask().asarray(y)
    return y if dtype is None else y.astype(dtype)


def _as_it_is(x: Any, dtype: Any = None, *_: Any, **__: Any) -> Any:
    return x if dtype is None else x.astype(dtype)


def _copy(a: Any, order: Any = "K", subok: bool = False) -> Any:
    return a


def _difference(a: Any, n: int = 1, axis: int = -1) -> Any:
    return _dask().diff(a, n, axis)


def _pad_zeros(array: Any, pad_width: Any) -> Any:
    return _dask().pad(array, pad_width, mode="constant")


def _matrix_transpose(x: Any) -> Any:
    return _dask().swapaxes(x, -1, -2)


def _inner(a: Any, b: Any) -> Any:
    if not onp.ndim(a) or not onp.ndim(b):
        return a * b
    return _dask().tensordot(a, b, axes=(-1 % onp.ndim(a), -1 % onp.ndim(b)))


def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return _dask().broadcast_to(array, (shape,) if isinstance(shape, (int, onp.integer)) else tuple(shape))


def _reshape(
    a: Any, /, shape: Any = None, order: Any = "C", *, newshape: Any = None, copy: Any = None
) -> Any:
    if order != "C":
        return NotImplemented
    shape = newshape if shape is None else shape
    shape = (shape,) if isinstance(shape, (int, onp.integer)) else tuple(map(int, shape))
    return _dask().reshape(a, shape)


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _reduced(
    name: str, a: Any, axis: Any, out: Any, keepdims: Any, where: Any, fill: Any, **kwargs: Any
) -> Any:
    """Call a reduction of dask's, with ``fill`` in the places that ``where`` leaves out."""
    if out is not None or (where is not True and fill is None):
        return NotImplemented
    da = _dask()
    a = a if where is True else da.where(where, a, fill)
    return getattr(da, name)(a, axis=_axes(axis), keepdims=bool(keepdims), **kwargs)


def _joined(y: Any, initial: Any, join: Callable[[Any, Any], Any]) -> Any:
    """Return a reduction that starts from ``initial``, if one was given."""
    return y if y is NotImplemented or initial is None else join(y, initial)


def _extreme(name: str, choose: Any) -> Callable[..., Any]:
    """Return max or min of dask arrays with NumPy's keywords."""

    def form(
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        return _joined(_reduced(name, a, axis, out, keepdims, where, initial), initial, choose)

    return form


def _sum_of(name: str, neutral: int, join: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return sum or prod of dask arrays with NumPy's keywords."""

    def form(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        a = _dask().asarray(a)
        fill = onp.asarray(neutral, a.dtype)[()]
        return _joined(_reduced(name, a, axis, out, keepdims, where, fill, dtype=dtype), initial, join)

    return form


def _masked(name: str, neutral: bool) -> Callable[..., Any]:
    """Return any or all of dask arrays with NumPy's keywords."""

    def form(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
        return _reduced(name, a, axis, out, keepdims, where, neutral)

    return form


def _mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    if where is True or out is not None:
        return _reduced("mean", a, axis, out, keepdims, True, None, dtype=dtype)
    total = _FORMS[onp.sum](a, axis, dtype, keepdims=keepdims, where=where)
    return total / _reduced("sum", _dask().broadcast_to(where, a.shape), axis, None, keepdims, True, None)


def _vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Return the norm of vectors: sums and extremes, which dask has."""
    da = _dask()
    size = da.absolute(x)
    how = {"axis": _axes(axis), "keepdims": bool(keepdims)}
    if ord in (onp.inf, -onp.inf):
        return (da.max if ord > 0 else da.min)(size, **how)
    if ord == 0:
        return da.sum((x != 0).astype(size.dtype), **how)
    if ord == 1:
        return da.sum(size, **how)
    return da.sqrt(da.sum(size * size, **how)) if ord == 2 else da.sum(size**ord, **how) ** (1 / ord)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the norm of vectors and that of all elements; those of matrices as one task."""
    if ord is None or (ord == "fro" and (x.ndim == 2 or type(axis) is tuple)):
        return _vector_norm(x, axis=axis, keepdims=keepdims)
    if not isinstance(ord, str) and (x.ndim == 1 or isinstance(axis, (int, onp.integer))):
        return _vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    return NotImplemented


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """Return a × b of vectors in space."""
    da = _dask()
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = da.moveaxis(da.asarray(a), axisa, -1), da.moveaxis(da.asarray(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        return NotImplemented
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return da.moveaxis(da.stack(parts, axis=-1), -1, axisc)


def _named_otherwise(name: str, *ignored: str) -> Callable[..., Any]:
    """Return dask's function of another name, or one that lacks keywords that change nothing."""

    def form(*args: Any, **kwargs: Any) -> Any:
        kwargs = {key: x for key, x in kwargs.items() if key not in ignored}
        return getattr(_dask(), name)(*args, **kwargs)

    return form


def _transform(name: str) -> Callable[..., Any]:
    """Return a Fourier transform along axes that are brought into one chunk each."""

    def form(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
        a = _dask().asarray(a)
        if (
            norm is not None
            or out is not None
            or (isinstance(n, (list, tuple)) and not all(k > 0 for k in n))
        ):
            return NotImplemented
        if name.endswith(("2", "n")):
            axes = ((-2, -1) if name.endswith("2") else None) if axis == -1 else axis
            a = a.rechunk({k % a.ndim: -1 for k in (range(a.ndim) if axes is None else axes)})
            return getattr(_dask().fft, name)(a, n, axes)
        return getattr(_dask().fft, name)(a.rechunk({axis % a.ndim: -1}), n, axis)

    return form


def _transform_along(name: str) -> Callable[..., Any]:
    form = _transform(name)
    return lambda a, s=None, axes=-1, norm=None, out=None: form(a, s, axes, norm, out)


def _flattened(name: str) -> Callable[..., Any]:
    """Return a cumulative function of dask's, which wants an axis."""

    def form(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        a = _dask().asarray(a)
        a, axis = (a.reshape(-1), 0) if axis is None else (a, axis)
        return getattr(_dask(), name)(a, axis=axis, dtype=dtype) if out is None else NotImplemented

    return form


def _core_in_one(f: Any, cores: tuple[int, ...]) -> Callable[..., Any]:
    """Return a ufunc of vectors and matrices, whose axes are brought into one chunk each."""

    def form(*args: Any, **kwargs: Any) -> Any:
        arrays = [_dask().asarray(x) for x in args]
        ready = [
            x.rechunk({n % x.ndim: -1 for n in range(-k, 0)}) for x, k in zip(arrays, cores, strict=True)
        ]
        return f(*ready, **kwargs)

    return form


def _vecdot(a: Any, b: Any, /, *, axis: int = -1) -> Any:
    da = _dask()
    a, b = (da.moveaxis(da.asarray(x), axis, -1) for x in (a, b))
    return (da.conj(a) * b).sum(axis=-1)


_FORMS: dict[Any, Callable[..., Any]] = {
    scatter: _scatter,
    ASSIGN.f: _assign,
    operator.getitem: _getitem,
    primitive_of(cast).f: lambda x, dtype, casting="unsafe": x.astype(dtype),  # type: ignore[union-attr]
    primitive_of(pad_zeros).f: _pad_zeros,  # type: ignore[union-attr]
    primitive_of(difference).f: _difference,  # type: ignore[union-attr]
    onp.take: _take,
    onp.array: _array,
    onp.copy: _copy,
    onp.inner: _inner,
    onp.sum: _sum_of("sum", 0, operator.add),
    onp.prod: _sum_of("prod", 1, operator.mul),
    onp.any: _masked("any", False),
    onp.all: _masked("all", True),
    onp.mean: _mean,
    onp.cross: _cross,
    onp.linalg.cross: lambda x1, x2, /, *, axis=-1: _cross(x1, x2, axis=axis),
    onp.linalg.norm: _norm,
    onp.linalg.vector_norm: _vector_norm,
    onp.linalg.matmul: _named_otherwise("matmul"),
    onp.linalg.outer: _named_otherwise("outer"),
    onp.linalg.tensordot: _named_otherwise("tensordot"),
    onp.linalg.diagonal: lambda x, /, *, offset=0: _dask().diagonal(x, offset, -2, -1),
    onp.linalg.trace: lambda x, /, *, offset=0, dtype=None: _dask().sum(
        _dask().diagonal(x, offset, -2, -1), axis=-1, dtype=dtype
    ),
    onp.linalg.vecdot: lambda x1, x2, /, *, axis=-1: _vecdot(x1, x2, axis=axis),
    onp.stack: _named_otherwise("stack", "casting"),
    onp.concatenate: _named_otherwise("concatenate", "casting", "dtype"),
    onp.nancumsum: _flattened("nancumsum"),
    onp.nancumprod: _flattened("nancumprod"),
    onp.matvec: _core_in_one(onp.matvec, (2, 1)),
    onp.vecmat: _core_in_one(onp.vecmat, (1, 2)),
    **{
        getattr(onp.fft, name): _transform(name) for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
    },
    **{
        getattr(onp.fft, name): _transform_along(name)
        for name in ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
    },
    **dict.fromkeys((onp.max, onp.amax), _extreme("max", onp.maximum)),
    **dict.fromkeys((onp.min, onp.amin), _extreme("min", onp.minimum)),
    onp.reshape: _reshape,
    onp.broadcast_to: _broadcast_to,
    onp.vecdot: _vecdot,
    onp.matrix_transpose: _matrix_transpose,
    onp.linalg.matrix_transpose: _matrix_transpose,
    **dict.fromkeys(
        (onp.asarray, onp.asanyarray, onp.ascontiguousarray, onp.asfortranarray, onp.require), _as_it_is
    ),
}


# --- calls of other libraries


def _call_library(prim: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call NumPy's function, which hands over to the library by its protocols."""
    f = prim.f
    ducks = [x for x in tree.flatten((args, kwargs))[0] if is_duck(x)]
    form = _OF_ANY.get(f)
    if f in _OF_SHAPES:
        return f(*map(_model, args), **kwargs)
    f = f if form is None else form
    if form is None and not isinstance(f, (onp.ufunc, type(onp.sum))) and f is not operator.getitem:
        _refuse(prim, args, kwargs)
    try:
        return f(*args, **kwargs)
    except TypeError as error:
        try:  # as CuPy's do, they may refuse arrays of NumPy's beside them
            return f(*(_beside(x, ducks[0]) for x in args), **kwargs)
        except TypeError:
            _refuse(prim, args, kwargs, f"{error}".split("\n")[0])


def _beside(x: Any, duck: Any) -> Any:
    """Return a plain array as one of a library."""
    if type(x) in (list, tuple):
        return type(x)(_beside(part, duck) for part in x)
    return onp.asarray(x, like=duck) if issubclass(type(x), (ndarray, onp.generic)) else x


def _scatter_there(shape: Any, dtype: Any, indices: Any, pieces: Any) -> Any:
    """Return zeros of a library with each piece added at its index."""
    dense = onp.zeros_like(next(filter(is_duck, pieces)), dtype=dtype, shape=tuple(shape))
    for index, piece in zip(indices, pieces, strict=True):
        if repeats(index):
            raise TypeError("it adds to places that may be named twice")
        dense[index] = dense[index] + piece
    return dense


# Slopes, by formulas of a library's own functions; NumPy's arrays have more digits at the ends.
_OF_ANY: dict[Any, Callable[..., Any]] = {
    primitive_of(keep).f: lambda x, condition: onp.where(condition, x, 0.0),  # type: ignore[union-attr]
    primitive_of(fermi).f: lambda x: 1 / (1 + onp.exp(x)),  # type: ignore[union-attr]
    primitive_of(one_plus).f: lambda y, x: onp.exp(x),  # type: ignore[union-attr]
    primitive_of(one_minus_square).f: lambda y, x: 1 / onp.cosh(x) ** 2,  # type: ignore[union-attr]
    primitive_of(complement).f: lambda x: (1 - x) * (1 + x),  # type: ignore[union-attr]
    primitive_of(cosine_of).f: lambda a, b: a / onp.where(a == 0, 1.0, onp.hypot(a, b)),  # type: ignore[union-attr]
    scatter: _scatter_there,
    primitive_of(cast).f: lambda x, dtype, casting="unsafe": x.astype(dtype),  # type: ignore[union-attr]
    **dict.fromkeys((onp.asarray, onp.asanyarray, onp.copy), lambda x, *_, **__: x),
}


DUCKS.libraries["dask"] = _call_dask
DUCKS.others = _call_library
DUCKS.prepare = _prepare
DUCKS.again = _again_later
LATER[:] = [_later]

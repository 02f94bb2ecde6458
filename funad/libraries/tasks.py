"""Tasks: what a lazy library runs later, on plain arrays. The derivatives of a task are tasks again.

Of a lazy array nobody knows the numbers, and rules ask for them. So a rule that works element by element
runs later, block by block: there it is what it is without dask. Of an array in one chunk any rule and any
function can run so.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as onp

from .. import batching as batching  # fills the tables of functions of elements
from .. import tree
from ..boxes import Box, Traced, box_of
from ..calling import call
from ..floating import ERRORS, OF_RULES, restore
from ..registry import Primitive, place_of_primitive, primitive_at
from ..spaces import fit, is_inexact, zeros_like
from ..trace import BATCH_RULES, TRACING
from ..traces.batch import by_element
from ..traces.reverse import Tape, pull_back
from ..traces.strong_zeros import retry_with_strong_zeros, strong_zero
from ..values import shape_of

ndarray = onp.ndarray


class Task:
    """A function of plain arrays that dask calls when it has them.

    ``by_element`` says that it works on any block of arrays that broadcast against each other.
    """

    by_element: bool
    name: str
    key: Any  # () ↦ what tells this task from others
    __call__: Any
    __dask_tokenize__: Any
    of_shape: int | None = None  # which of the arguments has the shape and dtype of what it returns

    @property
    def __name__(self) -> str:
        return self.name.rpartition(".")[2]

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
    made = Primitive(f, name, kind, dict(rules))
    made.foreign = True
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
    return (prim.kind == "elementwise" and f not in BATCH_RULES) or BATCH_RULES.get(f) is by_element


class Value(_OfPrimitive):
    """The value of a function; its derivatives are those of the primitives that it is made of."""

    def __call__(self, *xs: Any) -> Any:
        if any(isinstance(x, Traced) for x in xs):
            return self.prim.traced(*xs, **self.kwargs)
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
        token = ERRORS.set(OF_RULES)
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
    rules: Any = {n: lambda y, ybar, *xs, n=n: run_later(Pulled(task, n), (ybar, *xs)) for n in range(count)}
    made = Primitive(task, task.name, "elementwise" if task.by_element else "vjp", rules)
    made.traced = lambda *args: call(made, args, {})
    made.__dict__.update(_READ)
    return made


def run_later(task: Task, xs: tuple[Any, ...]) -> Any:
    """Call a task on values, traced perhaps: dask will run it."""
    return call(_primitive_of_task(task, len(xs)), xs, {})

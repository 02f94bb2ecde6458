"""Values that stand for more than one: for the members of a batch, or for what a program is given later."""

from __future__ import annotations

import functools
import math
import operator
from _thread import _local as local  # threading.local; the rest of threading takes a while to load
from collections.abc import Callable
from typing import Any

import numpy as onp

from . import tree
from .boxes import Traced
from .foreign import asked_by_sparse, unknown_to_sparse
from .operators import PLAIN, give
from .registry import enter
from .values import class_of, constant, dtype_of, members_of, shape_of, value_of

ndarray, new = onp.ndarray, object.__new__


class _Active(local):
    """The functions of NumPy's that are being called on opaque values in this thread."""

    def __init__(self) -> None:
        self.calls: set[Any] = set()


_ACTIVE = _Active()


class Opaque(Traced):
    """A value that stands for more than one: ``constant`` leaves it traced, and ``bool`` asks its trace.

    The operators without a derivative are calls of primitives, whose results its trace sees.
    """

    __slots__ = ()

    opaque = True
    inside: Any = Traced.__dict__["primal"]  # the same slot under the name by which no number is read

    @property
    def primal(self) -> Any:
        """The one concrete value: to be had of the trace alone."""
        return self.tape.look(self, "its value was asked for")

    @property
    def shape(self) -> tuple[int, ...]:
        return shape_of(self.inside)

    @property
    def dtype(self) -> Any:
        return dtype_of(self.inside)

    @property
    def nbytes(self) -> int:
        return self.size * int(self.dtype.itemsize)

    @property
    def kind(self) -> Any:
        """The class of the value."""
        return class_of(self.inside)

    def remade(self, f: Callable[[Any], Any]) -> Any:
        """Return a value of the same trace that holds f of what this one holds."""
        made = new(type(self))
        made.inside, made.tape, made.index = f(self.inside), self.tape, self.index
        return made

    def constant(self) -> Any:
        """Return it without the traces that differentiate in what it holds."""
        held = constant(self.inside)
        return self if held is self.inside else self.remade(lambda _: held)

    def members(self) -> Any:
        """Return all that it stands for, for a question to all at once; itself, if it is not there yet."""
        return self.constant()

    def plain_for(self, name: str) -> Any:
        """Return the concrete value, for a method that asks for it, or refuse to."""
        return value_of(self, f"{name} was asked of it")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return (
            unknown_to_sparse()
            if asked_by_sparse(1, "multiply")
            else onp.array(self.plain_for("array()"), dtype)
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        general = super().__array_ufunc__
        if method == "__call__" and not kwargs:
            return general(ufunc, method, *inputs)
        call = functools.partial(general, ufunc, method, *inputs, **kwargs)
        return self._once(call, getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, f: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if f is onp.atleast_2d and asked_by_sparse(1, "multiply"):
            return unknown_to_sparse().reshape(1, 1)
        call = functools.partial(super().__array_function__, f, types, args, kwargs)
        return self._once(call, f, args, kwargs)

    def _once(self, call: Callable[[], Any], f: Any, args: Any, kwargs: Any) -> Any:
        """Let NumPy's function f be what it is on traced values.

        Where that asks f itself, of constants, for NumPy's own result, the trace is asked for their numbers.
        """
        key = self.tape.level, f.__name__, getattr(f, "__self__", None)
        if key in _ACTIVE.calls:
            why = "NumPy's own function was asked for its value"
            args, kwargs = tree.map(
                lambda x: value_of(x, why) if isinstance(x, Opaque) else x, (args, kwargs)
            )
            return f(*args, **kwargs)
        _ACTIVE.calls.add(key)
        try:
            return call()
        finally:
            _ACTIVE.calls.discard(key)

    def __str__(self) -> str:
        return repr(self) if self.tape.ended else str(self.primal)

    def __format__(self, spec: str) -> str:
        return repr(self) if self.tape.ended else format(self.primal, spec)


class Batched(Opaque):
    """What stands for every member of a stack: vmap's traced value.

    Its shape is that of one member. ``stack`` holds all of them, along its first axis.
    """

    __slots__ = ()

    stack: Any = Opaque.inside

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.stack.shape[1:]
        return shape

    @property
    def kind(self) -> Any:
        """The class of one member."""
        return ndarray if self.ndim else self.dtype.type

    def members(self) -> Any:
        """Return the members as one array."""
        return members_of(self.stack)

    def __repr__(self) -> str:
        return f"Batched({self.dtype}{list(self.shape)}, {len(self.stack)} members)"

    def without_primitive(self, f: Any, args: Any, kwargs: Any) -> Any:
        return self.tape.by_member(f, args, kwargs, f.__name__, "it has no batch rule")


def batched(trace: Any, stack: Any) -> Batched:
    """Return a stack as the value of a batch trace."""
    made = new(Batched)
    made.stack, made.tape, made.index = stack, trace, None
    return made


# What Python and NumPy ask of a concrete value.
_ASKED: dict[str, Callable[..., Any]] = {
    "bool": bool,
    "float": float,
    "int": int,
    "complex": complex,
    "index": operator.index,
    "hash": hash,
    "contains": operator.contains,
    "reduce_ex": lambda x, protocol: x.__reduce_ex__(protocol),
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "round": round,
    "delitem": operator.delitem,
    "dlpack_device": lambda x: x.__dlpack_device__(),
}


for _name, _f in PLAIN:
    give(Opaque, f"__{_name}__", lambda a, b, *, f=_f: enter(f).traced(a, b))
    give(Opaque, f"__r{_name}__", lambda a, b, *, f=_f: enter(f).traced(b, a))
give(Opaque, "__invert__", lambda x: enter(onp.invert).traced(x))
for _name, _ask in _ASKED.items():
    give(Opaque, f"__{_name}__", lambda x, *args, n=_name, f=_ask: f(x.plain_for(f"{n}()"), *args))

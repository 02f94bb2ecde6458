"""Arrays of other libraries under traces: what answers NumPy's protocols as arrays do, dask's above all.

NumPy calls them duck arrays: they have an ``__array_function__``, an ``__array_ufunc__``, a shape and a
dtype. Beside a traced value such an array becomes a ``Duck``, a traced value of the trace ``DUCKS``, which is
outside of every other. So rules and functions see no plain array, and each of their calls comes to
``DuckTrace.call``, the one place from which the library is called: it has the function, or the call is
refused by name.

The numbers of a lazy array, such as dask's, nobody knows while the program runs. Who asks for them is
refused; rules that ask whether any number is special get the careful answer (see ``Unknown``).
"""

from __future__ import annotations

from _thread import _local as local  # threading.local; the rest of threading takes a while to load
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as onp
from numpy.lib.mixins import NDArrayOperatorsMixin

from . import tree
from .boxes import Traced
from .errors import ArgumentTypeError, NotDifferentiableError
from .foreign import is_duck
from .opaque import Opaque
from .refusals import library_of, public_name
from .registry import Primitive, loaded, primitive_of
from .spaces import AS_TRACED, zeros_like
from .trace import OF_SHAPES, Looked, Trace
from .values import dtype_of, shape_of

ndarray, new = onp.ndarray, object.__new__


def is_lazy(x: Any) -> bool:
    """Say whether an array of another library is a plan, of which no number is known."""
    graph = getattr(x, "__dask_graph__", None)
    return callable(graph) and graph() is not None


def written(x: Any) -> str:
    """Return what messages call an array of another library: its class, dtype and shape, and its own name."""
    name = getattr(x, "name", None)
    own = f" {name!r}" if isinstance(name, str) else ""
    return f"{public_name(x)}{own}, {x.dtype}[{', '.join(map(str, x.shape))}],"


def is_open(numbers: Any) -> bool:
    """Say whether the numbers under all traces are no plain ones: ``Unknown``, or another library's."""
    return type(numbers) is Unknown or is_duck(numbers)


class Unknown(NDArrayOperatorsMixin):
    """The numbers of a lazy array, of which rules ask whether any is special.

    Any of them may be (``any`` is True), and not all are ordinary (``all`` is False): so rules take the
    careful way. Every other question is refused.
    """

    __slots__ = ("array", "dtype", "shape")

    def __init__(self, array: Any, dtype: Any, shape: tuple[int, ...]) -> None:
        self.array, self.dtype, self.shape = array, dtype, shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def any(self, *_: Any, **__: Any) -> bool:
        return True

    def all(self, *_: Any, **__: Any) -> bool:
        return False

    def __array_ufunc__(self, ufunc: Any, method: str, *xs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs or ufunc.nout > 1 or ufunc.signature is not None:
            refuse_value(self.array, f"numpy.{ufunc.__name__}")
        shape = onp.broadcast_shapes(*map(shape_of, xs))
        with onp.errstate(all="ignore"):
            one = ufunc(*(x if onp.isscalar(x) else onp.ones((), dtype_of(x))[()] for x in xs))
        return Unknown(self.array, one.dtype, shape)

    def __array_function__(self, f: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if f is onp.any or f is onp.all:
            return f is onp.any
        return refuse_value(self.array, f"numpy.{f.__name__}")

    def __bool__(self) -> bool:
        return refuse_value(self.array, "bool()")

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        refuse_value(self.array, "numpy.asarray")

    def __getitem__(self, index: Any) -> NoReturn:
        refuse_value(self.array, "one element")


class Unread(NotDifferentiableError, Looked):
    """The refusal of what cannot be had of arrays of another library without a look at their numbers.

    Who has a way to do without catches it, as all that a trace says of a look.
    """

    def __init__(self, message: str) -> None:
        NotDifferentiableError.__init__(self, message)
        self.trace, self.why = DUCKS, message


def refuse_value(x: Any, what: str) -> NoReturn:
    """Refuse to give the numbers of a lazy array."""
    raise Unread(
        f"{what} asks for the value of {written(x)} which is lazy: to have it now, all data that it is made "
        f"of would be read. Write np.where(condition, a, b), after import funad.numpy as np, for a choice by "
        f"value; or compute what the choice depends on before, outside of the differentiated function: "
        f"dask.compute(x)"
    )


def refuse_call(prim: Primitive, args: Any, kwargs: Any, why: str = "") -> NoReturn:
    """Refuse a call by name: ``why``, and what to write instead."""
    x = next(x for x in tree.flatten((args, kwargs))[0] if is_duck(x))
    if is_lazy(x):
        instead = (
            f"{why or 'dask has no function for it'}. Of an array in one chunk any function runs as one "
            f"task: x.rechunk(-1) if it fits into memory; otherwise write it with functions that dask has"
        )
    else:
        instead = f"{why or 'the library has no function for it'}; write it with functions that it has"
    raise Unread(f"{prim.name} of {written(x)} beside a traced value: {instead}")


class DuckTrace(Trace):
    """The trace of arrays of other libraries: it calls the library.

    ``libraries`` has, by the name of a library, how it is called: (prim, args, kwargs) ↦ y, of raw
    arrays; others are called by NumPy's protocols alone. ``used`` says whether there has been such an array.
    ``prepare`` has what is done to the entries of a tape before the way back, if there has.
    """

    __slots__ = ("again", "libraries", "others", "prepare", "used")

    level = -0.5  # outside of dual numbers made by hand, inside of arrays that hold nothing traced

    def __init__(self) -> None:
        self.used = False
        self.libraries: dict[str, Callable[..., Any]] = {}
        self.others: Callable[..., Any] | None = None
        # How a function that has looked at a number is called all the same: (look, f, args, kwargs) ↦ y.
        self.again: Callable[..., Any] | None = None
        self.prepare: Callable[[list[Any], int], None] | None = None

    def call(self, prim: Primitive, args: Any, kwargs: Any, run: Callable[..., Any] | None = None) -> Any:
        """Call the library's own function, in the place of NumPy's."""
        args, kwargs = tree.map(lambda x: released(x.content if hasattr(x, "cell") else x), (args, kwargs))
        ducks = [x for x in tree.flatten((args, kwargs))[0] if is_duck(x)]
        kinds = {library_of(x): x for x in ducks}
        if len(kinds) > 1:
            names = " and ".join(written(x).rstrip(",") for x in kinds.values())
            raise ArgumentTypeError(
                f"{prim.name} was given arrays of more than one library: {names}; make all of them arrays of "
                f"one, dask.array.from_array(x) for dask"
            )
        library = next(iter(kinds), "")
        if prim.f in OF_SHAPES and prim.f not in _OF_MEMORY:
            args, kwargs = tree.map(_model, (args, kwargs))
            return prim.f(*args, **kwargs)
        how = self.libraries.get(library, self.others)
        assert how is not None
        return as_ducks(how(prim, args, kwargs))

    def look(self, x: Any, why: str) -> NoReturn:
        """Refuse to give a concrete value."""
        refuse_value(x.primal, why)

    def after(self, look: Any, f: Callable[..., Any], args: Any, kwargs: Any, name: str = "") -> Any:
        """Call a function that has looked at a number: later, if that can be."""
        assert self.again is not None
        return self.again(look, f, args, kwargs)


DUCKS = DuckTrace()

# Functions that ask for a shape and dtype alone, and return an array.
_OF_MEMORY = (onp.zeros_like, onp.ones_like, onp.empty_like)


def _model(x: Any) -> Any:
    """Return an array without memory of the shape and dtype of another."""
    return onp.broadcast_to(onp.zeros((), x.dtype), x.shape) if is_duck(x) else x


class _Asking(local):
    """The functions of NumPy's that are being asked in this thread, by themselves perhaps."""

    functions: frozenset[Any] = frozenset()


_ASKING = _Asking()


class Duck(Opaque):
    """An array of another library. Boxes around it are what is differentiated."""

    __slots__ = ()

    tape: Any = DUCKS
    primal: Any = Opaque.inside  # which is at hand

    @property
    def kind(self) -> Any:
        """The class that a plain array of its shape, or its element, has."""
        return ndarray if self.primal.shape else self.primal.dtype.type

    def members(self) -> Any:
        """Return what answers questions to all of its numbers."""
        array = self.primal
        return Unknown(array, array.dtype, array.shape) if is_lazy(array) else array

    def remade(self, f: Any) -> Any:
        """Return it: nobody writes into what it holds."""
        return self

    def plain_for(self, name: str) -> Any:
        """Return the array; refuse a lazy one, which has no value yet."""
        if is_lazy(self.primal):
            refuse_value(self.primal, name)
        return self.primal

    def __repr__(self) -> str:
        return repr(self.primal)

    def zeros(self) -> Any:
        """Return zeros in its chunks, or on its device."""
        return as_duck(onp.zeros_like(self.primal))

    def __array_function__(self, f: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if f in _ASKING.functions:  # what f is on traced values asks f itself for its values
            return self.tape.call(primitive_of(f), args, kwargs)
        before = _ASKING.functions
        _ASKING.functions = before | {f}
        try:
            return super().__array_function__(f, types, args, kwargs)
        finally:
            _ASKING.functions = before

    # What dask's own functions ask of an array.

    def to_dask_array(self) -> Any:
        return self.primal

    def __dask_tokenize__(self) -> Any:
        return ("funad.Duck", self.primal.__dask_tokenize__())

    def __reduce_ex__(self, protocol: Any) -> Any:
        return as_duck, (self.primal,)


def as_duck(x: Any) -> Any:
    """Return an array of another library as a traced value; refuse one that no rule could work with."""
    if x.dtype == object:
        raise ArgumentTypeError(
            f"{written(x)} is an array of objects, which have no derivative; convert it, x.astype(float)"
        )
    if is_lazy(x):
        x = _checked(x)
    if not DUCKS.used:
        loaded("libraries")
        DUCKS.used = True
    made = new(Duck)
    made.primal = x
    return made


def _checked(x: Any) -> Any:
    """Return a lazy array as it is now, whatever is assigned to it later; refuse one of unknown shape."""
    if any(size != size for size in x.shape):
        raise ArgumentTypeError(
            f"{written(x)} has chunks of unknown size (as after a selection by a mask or from a dataframe), "
            f"of which no derivative can be arranged; write x.compute_chunk_sizes(), which runs what x "
            f"depends on, or x.to_dask_array(lengths=True) of a dataframe"
        )
    return type(x)(x.dask, x.name, x.chunks, meta=x._meta) if hasattr(x, "chunks") else x


AS_TRACED[:] = [lambda x: as_duck(x) if is_duck(x) else onp.asarray(x)[()]]


def as_ducks(y: Any) -> Any:
    """Return what a library returned, arrays in tuples and lists too, as traced values."""
    if issubclass(type(y), (tuple, list)):
        return tree.map(as_ducks, y)
    return as_duck(y) if is_duck(y) else y


def released(x: Any) -> Any:
    """Return the array of another library that a traced value stands for; anything else as it is."""
    return x.primal if type(x) is Duck else x


def like_given(xbar: Any, x: Any) -> Any:
    """Return a cotangent of a lazy array x as one: in the chunks of x."""
    has_chunks = type(x) is Duck and hasattr(x.primal, "chunks")
    return in_chunks_of(zeros_like(x), x) if xbar is None and has_chunks else in_chunks_of(xbar, x)


def in_chunks_of(xbar: Any, x: Any) -> Any:
    """Return a plain cotangent of a lazy array as a lazy array: one number in many places takes no memory."""
    if type(x) is not Duck or not hasattr(x.primal, "chunks"):
        return xbar
    if issubclass(type(xbar), (ndarray, onp.generic, float, int)) and onp.ndim(x):
        one = xbar if not onp.ndim(xbar) or not xbar.size or any(xbar.strides) else xbar.flat[0]
        xbar = zeros_like(x) + one
    if type(xbar) is Duck and xbar.shape == x.shape and xbar.primal.chunks != x.primal.chunks:
        return as_duck(xbar.primal.rechunk(x.primal.chunks))
    return xbar


def under_traces(x: Any) -> Any:
    """Return the duck array under every trace, or None; of lists and tuples the first."""
    if issubclass(type(x), (list, tuple)):
        return next((found for part in x if (found := under_traces(part)) is not None), None)
    while isinstance(x, Traced):
        if type(x) is Duck:
            return x
        x = x.inside
    return None

"""Traced values: they know their trace and behave like the array that they hold.

A Box belongs to a tape (reverse mode), a Dual carries its tangent along (forward mode). Their operators are
added by ``operators``, the methods and attributes of arrays by ``numpy.methods``, assignment by ``writing``.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, NoReturn
from weakref import ref

import numpy as onp

from .cpython import above, frame_at, raise_if, writes_text
from .errors import MissingRuleError, NotDifferentiableError
from .foreign import (
    as_lists,
    asked_by_sparse,
    bare,
    holds_a_gap,
    is_sequence,
    note_pickled,
    unknown_to_sparse,
)
from .memory import placeholder
from .messages import as_index, not_dispatched, refusal, refused_in_place, without_rule
from .refusals import refused_by_asker, refused_by_dask, refused_gap
from .registry import enter, primitive_of
from .spaces import of_library
from .trace import Trace
from .values import class_of, constant, is_opaque, memory_of, shape_of, value_of

ndarray, float64, new = onp.ndarray, onp.float64, object.__new__

# The types of constants that an operator takes without a further look.
CONSTANTS = frozenset(
    {float, int, bool, complex, ndarray}
    | {getattr(onp, name) for name in ("float64", "float32", "int64", "int32", "bool_", "complex128")}
)

_GETITEM = enter(operator.getitem, "indexing")

# The classes of traced values, of every interpreter. Each adds itself.
TRACED: set[type] = set()


_become = object.__dict__["__class__"].__set__  # x.__class__ = kind, of any object


class _NoMethodError(TypeError, AttributeError):
    """What is said of a method that arrays have and numbers have not; ``hasattr`` says so too."""


class Traced:
    """A value and the trace that it belongs to.

    All kinds of traced values have the same slots, so that one can become another: a box or a dual number
    that is assigned to becomes an array that can be (see ``writing``). ``parent`` and ``views`` are set where
    values share memory.
    """

    __slots__ = ("__weakref__", "index", "parent", "primal", "tape", "views")

    primal: Any  # the value, without this trace
    remade: Any  # of opaque values: f ↦ a value of the same trace that holds f of what this one holds
    tape: Any
    index: Any
    inside: Any  # what it holds of outer traces: the value, or of a batched value the stack of all members
    parent: tuple[Traced, Any]  # what this is a view of, and how it was made
    views: list[ref[Traced]]  # those whose parent this is
    __setitem__: ClassVar[Callable[[Any, Any, Any], None]]  # see ``writing``

    opaque = False  # whether it stands for more than one value: see ``values``
    is_plain = False  # whether nothing traced is in it: of an array that may be written to

    def __init_subclass__(cls) -> None:
        TRACED.add(cls)

    # --- what it says of itself

    @property
    def __class__(self) -> Any:
        """The class of arrays, float or complex, as the concrete value has it: isinstance asks for it.

        ``isinstance(x, numpy.ndarray)`` and ``isinstance(x[0], float)`` say of a traced x what they would
        say of the plain one. Of NumPy's own classes of numbers it is no instance: who asks for those
        (xarray does) would make a plain array of it. funad itself tells traced values by their types.
        To dask an instance of arrays is a chunk for it to compute with: it is none.
        """
        if "dask" in sys.modules and frame_at(1).f_globals.get("__name__", "").startswith("dask."):
            return type(self)
        kind = class_of(self)
        if "scipy.sparse" in sys.modules and asked_by_sparse(1):
            return type(self)
        if "pandas" in sys.modules and holds_a_gap(self, 1):
            raise refused_gap()
        for known in (ndarray, float, complex):
            if issubclass(kind, known):
                return known
        return type(self)

    @__class__.setter
    def __class__(self, kind: type) -> None:
        _become(self, kind)

    def __repr__(self) -> str:
        value = constant(self)
        return f"traced {value if issubclass(type(value), onp.generic) else repr(value)}"

    def __format__(self, spec: str) -> str:
        return format(self.primal, spec) if spec else repr(self)

    def __bool__(self) -> bool:
        return bool(value_of(self, "bool() was asked of it"))

    @property
    def __len__(self) -> Callable[[], int]:
        """Found of arrays alone: programs ask for it to tell them from numbers."""
        kind, shape = class_of(self), self.shape
        if not hasattr(kind, "__len__"):
            name = f"numpy.{kind.__name__}" if issubclass(kind, onp.generic) else kind.__name__
            raise _NoMethodError(f"object of type {name!r} has no len()")
        if not shape:
            raise TypeError("len() of unsized object")
        return lambda: shape[0]

    def __hash__(self) -> int:
        # By value, f(3.0) in a cache would be the result for a traced 3.0, and its derivative zero.
        raise NotDifferentiableError(
            f"a traced value, {short(self)}, cannot be a key of a dict, a set or a cache "
            f"(functools.lru_cache): what is kept there under an equal number does not depend on it, and its "
            f"derivative would be lost; collect traced values in a list, look up value(x) from funad in a "
            f"table of plain numbers, and differentiate what stands behind a cache (f.__wrapped__ of "
            f"functools.lru_cache)"
        )

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            return iter(self.primal)  # an error, in its words
        return (self[n] for n in range(self.shape[0]))

    def __contains__(self, item: Any) -> bool:
        return constant(item) in value_of(self, "in was asked of it")

    @property
    def shape(self) -> tuple[int, ...]:
        return getattr(self.primal, "shape", ())  # Python's numbers have none

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> Any:
        value = self.primal
        dtype = getattr(value, "dtype", None)  # asked once: of nested boxes, twice at each level is endless
        return onp.dtype(type(value)) if dtype is None else dtype

    # --- what would lose the derivative

    def __float__(self) -> float:
        if self.is_plain or writes_text(frame_at(1)):  # "%.2f" % x
            return float(self.primal)
        refuse_concrete(self, "float()", "a plain Python float", "keep it as it is: it works as a float does")

    def __int__(self) -> int:
        if self.is_plain or writes_text(frame_at(1)):  # "%d" % x
            return int(self.primal)
        refuse_concrete(self, "int()", "a plain Python int", "write np.trunc(x)")

    def __complex__(self) -> complex:
        if self.is_plain:
            return complex(self.primal)
        refuse_concrete(
            self, "complex()", "a plain Python complex", "write x + 0j (a + 1j * b for complex(a, b))"
        )

    def __index__(self) -> NoReturn:
        refuse_concrete(self, "use as an index", "an integer", "write int(stop_gradient(x))")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.is_plain:
            return onp.array(self.primal, dtype)
        if asked_by_sparse(1, "multiply"):
            return unknown_to_sparse()
        refuse_concrete(
            self, "numpy.asarray", "a plain array", "use the function of that name in funad.numpy"
        )

    def __dask_tokenize__(self) -> NoReturn:
        raise refused_by_dask()

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.is_plain:
            return self.primal.__reduce_ex__(protocol)
        if "dask" in sys.modules:
            note_pickled(self)
        raise NotDifferentiableError(
            f"a traced value, {short(self)}, cannot be pickled, and so not be sent to another process, to a "
            f"file or to a cache: its trace would stay behind; differentiate inside of the process that "
            f"computes, or give it stop_gradient(x) where the derivative is not wanted"
        )

    def __getitem__(self, index: Any) -> Any:
        for part in map(own_index, index if type(index) is tuple else (index,)):
            if isinstance(part, Traced) and not part.opaque:
                refuse = part.__array__ if part.ndim else part.__index__
                refuse()
        return _GETITEM.traced(self, index)

    __array_priority__ = 1000.0
    __pandas_priority__ = 10000  # so that a Series leaves the operators to traced values

    # --- NumPy's own protocols: plain numpy functions find their primitives

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        prim = primitive_of(ufunc)
        if "out" in kwargs and method == "__call__" and (prim is None or prim.kind != "zero"):
            raise_if(refused_in_place(short(self), any(isinstance(x, Traced) for x in kwargs["out"])))
        if prim is not None and prim.traced is not ufunc:
            if method == "__call__":
                y = prim.traced(*inputs, **kwargs)
                if ufunc in _EQUALITIES:  # plain == traced
                    tell_equal(y, ufunc is onp.not_equal, *inputs[:2])
                return y
            of_method = primitive_of(getattr(onp.ufunc, method))  # from funad.numpy.folds
            return of_method.traced(ufunc, *inputs, **kwargs)  # type: ignore[union-attr]
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        raise MissingRuleError(without_rule(name, short(self)))

    def __array_function__(self, f: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if f is onp.atleast_2d and asked_by_sparse(1, "multiply"):
            return unknown_to_sparse().reshape(1, 1)
        prim = primitive_of(f)
        if prim is None or prim.traced is f:
            return self.without_primitive(f, args, kwargs)
        if innermost((*args, *kwargs.values())) is None:  # it is in a sequence that is no list
            args, kwargs = as_lists(args), {key: as_lists(x) for key, x in kwargs.items()}
        return prim.traced(*args, **kwargs)

    def without_primitive(self, f: Any, args: Any, kwargs: Any) -> Any:
        """Return what a function of NumPy's that funad does not know is of traced values."""
        name = f"{getattr(f, '__module__', 'numpy')}.{f.__name__}"
        raise MissingRuleError(not_dispatched(name, short(self)))


Traced.inside = Traced.__dict__["primal"]


class Box(Traced):
    """A value on a tape, and the index of its cotangent slot there."""

    __slots__ = ()


def box_of(tape: Any, value: Any, index: int) -> Box:
    """Return a box of an input of a tape."""
    box = new(Box)
    box.primal, box.tape, box.index = value, tape, index
    return box


def link(view: Traced, parent: Traced, step: Any) -> None:
    """Note that a traced value shares its memory with the one that it was made of."""
    view.parent = parent, step
    views = getattr(parent, "views", None)
    if views is None:
        parent.views = views = []
    views.append(ref(view))
    if not len(views) & 63:
        tidy(views)


def tidy(views: list[ref[Traced]]) -> None:
    """Drop the views that are gone, at every power of two: in all, each is looked at twice."""
    count = len(views)
    if not count & (count - 1):
        views[:] = [known for known in views if known() is not None]
        if 2 * len(views) > count:
            views += [_GONE] * (count - len(views))  # so that the next power of two is the next


_GONE = ref(Traced())


# The types of indices, or of parts of them, that need no further look. They give views of arrays.
VIEWING = frozenset({int, slice, type(None), type(Ellipsis), onp.int64})


def own_index(index: Any) -> Any:
    """Return a part of an index as it is now: the caller may change it before the way back."""
    if type(index) in VIEWING:
        return index
    if hasattr(index, "cell"):  # an array that is written to
        index = index.content
    if issubclass(type(index), ndarray):
        return index.copy()
    if is_opaque(index):
        return bare(index)
    if isinstance(index, list) or is_sequence(index):
        index = onp.array(index)
        return index if index.size else index.astype(onp.intp)
    return bare(index)


class _ByHand(Trace):
    """The trace of dual numbers that a user makes: outside of every transformation."""

    level = 0
    differentiates = True
    lines: Any = None
    process: Callable[..., Any]
    run: Callable[..., Any]


class Dual(Traced):
    """The dual number a + bε with ε² = 0: a value and its tangent, which functions carry along.

    For a function f, f(Dual(x, ẋ)) = Dual(f(x), f′(x)·ẋ).

    Parameters
    ----------
    primal : float, array
    tangent : float, array
        Broadcast to the shape of the primal.

    Notes
    -----
    Dual numbers made by hand carry no tag that tells one ε from another: a function that makes dual
    numbers of its own while it is called with dual numbers takes both for one, and its derivative is
    wrong (perturbation confusion). To nest derivatives, nest :func:`funad.jvp` or :func:`funad.grad`, which
    tell their perturbations apart, also from dual numbers made by hand around them.

    Examples
    --------
    >>> import funad.numpy as np
    >>> from funad import Dual
    >>> f = lambda x, y: 2 * x + x * y**3 + np.sin(x)
    >>> print(f"{f(Dual(3.0, 1.0), Dual(5.0, 0.0)):.2f}")
    381.14 + 126.01ε
    """

    __slots__ = ()

    tangent = Traced.index  # type: ignore[misc]  # the same slot under its own name

    def __init__(self, primal: Any, tangent: Any) -> None:
        self.primal = _inexact(primal)
        self.tape = BY_HAND
        tangent = _inexact(tangent)
        shape = shape_of(self.primal)
        self.tangent = onp.broadcast_to(tangent, shape) if shape_of(tangent) != shape else tangent

    def __repr__(self) -> str:
        return f"{self.primal} + {self.tangent}ε" if _is_value(self.tangent) else super().__repr__()

    def __format__(self, spec: str) -> str:
        if not _is_value(self.tangent):  # a node of a graph, say
            return super().__format__(spec)
        return f"{_format(self.primal, spec)} + {_format(self.tangent, spec)}ε"


BY_HAND = _ByHand()


def _inexact(x: Any) -> Any:
    """Return integers and lists as floats."""
    if issubclass(type(x), (Traced, float, complex)):
        return x
    x = onp.asarray(x)
    return (x if x.dtype.kind in "fc" else x.astype(float))[()]


def _is_value(tangent: Any) -> bool:
    return issubclass(type(tangent), (Traced, float, complex, onp.generic, ndarray))


def _format(x: Any, spec: str) -> str:
    if not issubclass(type(x), ndarray) or not spec:
        return format(x, spec)
    return onp.array2string(x, formatter={"float_kind": lambda value: format(value, spec)})


def short(box: Traced) -> str:
    """Return what messages say of the value of a box."""
    value = constant(box)
    if of_library(value):
        return f"a {class_of(box).__name__} of shape {value.shape} of another library"
    if isinstance(value, Traced):
        return f"a {type(value).__name__.lower()} {class_of(value).__name__} of shape {value.shape}"
    return f"{type(value).__name__} of shape {value.shape}" if box.ndim else repr(value)


def refuse_concrete(box: Traced, what: str, gives: str, instead: str) -> NoReturn:
    raise refused_by_asker() or refusal(short(box), what, gives, instead, as_index(box.ndim))


def innermost(xs: Iterable[Any]) -> Any:
    """Return the innermost trace of the boxes among xs, lists and tuples included, or None."""
    best = None
    for x in xs:
        kind = type(x)
        if kind is Box:
            found = x.tape
        elif kind is list or kind is tuple:
            found = innermost(x)
        else:
            found = x.tape if kind in TRACED else None
        if found is not None and (best is None or found.level > best.level):
            best = found
    return best


def model_of(x: Any) -> Any:
    """Return a plain array of the shape, dtype and layout of x, of which no number is read."""
    held = memory_of(x)
    if not is_opaque(x):
        return held
    if not x.ndim:
        return x.dtype.type(0)
    if type(held) is not ndarray or not held.size:
        return placeholder(x)
    # The members of a batch are laid out alike.
    return held[(0,) * (held.ndim - x.ndim)]


# A name in the globals of code that is told where traced values that it compares are equal to others:
# (where, a, b, frame) ↦ None. ``funad.scipy.hosting`` has a use for it.
GUARD = "__found_equal__"
_EQUALITIES = (onp.equal, onp.not_equal)


def tell_equal(y: Any, negated: bool, a: Any, b: Any) -> None:
    """Tell the code that compares a and b of the result, if it asks to be told."""
    # NumPy's protocol may have led here.
    frame = next(each for each in above(frame_at(2)) if each.f_globals.get("__package__") != "funad")
    guard = frame.f_globals.get(GUARD)
    if guard is not None:
        guard(onp.logical_not(y) if negated else y, a, b, frame)

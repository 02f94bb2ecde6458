"""Traced values: they know their trace and behave like the array that they hold.

A Box belongs to a tape (reverse mode). Its operators are written here, not as calls of
primitives, because every traced operation takes this path. The methods and attributes of
arrays are added by ``funad.numpy.methods``.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn
from weakref import ref

import numpy as onp

from .bytecode import formats_text
from .errors import MissingRuleError, NotDifferentiableError
from .foreign import bare, declines, gives_way, hand_over, is_answer, is_sequence, number_of
from .messages import as_index, not_dispatched, refusal, refused_in_place, without_rule
from .refusals import refused_by_asker, refused_by_dask
from .registry import Primitive, enter, primitive_of
from .spaces import of_library, placeholder, shape_of
from .trace import Trace

__all__ = ["Box", "Dual", "Traced"]

ndarray, float64, new = onp.ndarray, onp.float64, object.__new__

# The types of constants that an operator takes without a further look.
CONSTANTS = frozenset(
    {float, int, bool, complex, ndarray}
    | {getattr(onp, name) for name in ("float64", "float32", "int64", "int32", "bool_", "complex128")}
)

_GETITEM = enter(operator.getitem, "indexing")

# The classes of traced values, of every interpreter. Each adds itself.
TRACED: set[type] = set()
# The types of arguments that a call has to look into: lists and tuples may hold traced values.
OPENED: set[type] = {list, tuple}


_become = object.__dict__["__class__"].__set__  # x.__class__ = kind, of any object


class Traced:
    """A value and the trace that it belongs to.

    All kinds of traced values have the same slots, so that one can become another: a box or a dual
    number that is assigned to becomes an array that can be (see ``arrays``). ``parent`` and
    ``views`` are set where values share memory, and are what tells it then.
    """

    __slots__ = ("__weakref__", "index", "parent", "primal", "tape", "views")

    primal: Any  # the value, without this trace
    tape: Any
    index: Any
    inside: Any  # what it holds of outer traces: the value, or of a batched value the stack of all members
    parent: tuple[Traced, Any]  # what this is a view of, and how it was made
    views: list[ref[Traced]]  # those whose parent this is

    stacked = False  # whether it stands for the members of a stack, and has no one value

    def __init_subclass__(cls) -> None:
        TRACED.add(cls)
        OPENED.add(cls)

    # --- what it says of itself

    @property
    def __class__(self) -> Any:
        """The class of arrays, float or complex, as the concrete value has it: isinstance asks for it.

        ``isinstance(x, numpy.ndarray)`` and ``isinstance(x[0], float)`` say of a traced x what they would
        say of the plain one. Of NumPy's own classes of numbers it is no instance: who asks for those
        (xarray does) would make a plain array of it. funad itself tells traced values by their types.
        To dask an instance of arrays is a chunk for it to compute with: it is none.
        """
        if "dask" in sys.modules and sys._getframe(1).f_globals.get("__name__", "").startswith("dask."):
            return type(self)
        kind = kind_of(self)
        for known in (ndarray, float, complex):
            if issubclass(kind, known):
                return known
        return type(self)

    @__class__.setter
    def __class__(self, kind: type) -> None:
        _become(self, kind)

    def bare(self) -> Any:
        """Return the plain value under every trace."""
        return unbox(self)

    def __repr__(self) -> str:
        value = unbox(self)
        return f"traced {value if issubclass(type(value), onp.generic) else repr(value)}"

    def __format__(self, spec: str) -> str:
        return format(self.primal, spec) if spec else repr(self)

    def __bool__(self) -> bool:
        return bool(self.primal)

    def __len__(self) -> int:
        return len(self.primal)

    def __hash__(self) -> int:
        # By value, f(3.0) in a cache would be the result for a traced 3.0, and its derivative zero.
        raise NotDifferentiableError(
            f"a traced value, {short(self)}, cannot be a key of a dict, a set or a cache "
            f"(functools.lru_cache): what is kept there under an equal number does not depend on it, and its "
            f"derivative would be lost; look up value(x) from funad in a table of plain numbers, and "
            f"differentiate what stands behind a cache (f.__wrapped__ of functools.lru_cache)"
        )

    def __iter__(self) -> Iterator[Any]:
        return (self[n] for n in range(len(self.primal)))

    def __contains__(self, item: Any) -> bool:
        return unbox(item) in unbox(self)

    @property
    def shape(self) -> tuple[int, ...]:
        value = self.primal
        return value.shape if hasattr(value, "shape") else ()  # Python's numbers have none

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> Any:
        value = self.primal
        return value.dtype if hasattr(value, "dtype") else onp.dtype(type(value))

    # --- what would lose the derivative

    def __float__(self) -> float:
        if formats_text(sys._getframe(1)):  # "%.2f" % x
            return float(self.primal)
        _refuse(self, "float()", "a plain Python float", "keep it as it is: it works as a float does")

    def __int__(self) -> int:
        if formats_text(sys._getframe(1)):  # "%d" % x
            return int(self.primal)
        _refuse(self, "int()", "a plain Python int", "write np.trunc(x)")

    def __complex__(self) -> NoReturn:
        _refuse(self, "complex()", "a plain Python complex", "write x + 0j")

    def __index__(self) -> NoReturn:
        _refuse(self, "use as an index", "an integer", "write int(stop_gradient(x))")

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        _refuse(self, "numpy.asarray", "a plain array", "use the function of that name in funad.numpy")

    def __dask_tokenize__(self) -> NoReturn:
        raise refused_by_dask()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise NotDifferentiableError(
            f"a traced value, {short(self)}, cannot be pickled, and so not be sent to another process, to a "
            f"file or to a cache: its trace would stay behind; differentiate inside of the process that "
            f"computes, or give it stop_gradient(x) where the derivative is not wanted"
        )

    def __getitem__(self, index: Any) -> Any:
        return _GETITEM.traced(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise AssertionError("funad.writing defines what assignment does")

    __array_priority__ = 1000.0
    __pandas_priority__ = 10000  # so that a Series leaves the operators to traced values

    # --- NumPy's own protocols: plain numpy functions find their primitives

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        prim = primitive_of(ufunc)
        if "out" in kwargs and method == "__call__" and (prim is None or prim.kind != "zero"):
            in_place = refused_in_place(short(self), any(isinstance(x, Traced) for x in kwargs["out"]))
            if in_place is not None:
                try:
                    raise in_place
                finally:
                    del in_place  # which refers to this frame
        if prim is not None and prim.traced is not ufunc:
            if method == "__call__":
                y = prim.traced(*inputs, **kwargs)
                if ufunc in _EQUALITIES:  # plain == traced
                    _tell(y, ufunc is onp.not_equal, *inputs[:2])
                return y
            of_method = primitive_of(getattr(onp.ufunc, method))  # from funad.numpy.folds
            return of_method.traced(ufunc, *inputs, **kwargs)  # type: ignore[union-attr]
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        raise MissingRuleError(without_rule(name, short(self)))

    def __array_function__(self, f: Any, types: Any, args: Any, kwargs: Any) -> Any:
        prim = primitive_of(f)
        if prim is None or prim.traced is f:
            name = f"{getattr(f, '__module__', 'numpy')}.{f.__name__}"
            raise MissingRuleError(not_dispatched(name, short(self)))
        return prim.traced(*args, **kwargs)


Traced.inside = Traced.__dict__["primal"]


class Batched(Traced):
    """What stands for every member of a stack: vmap's traced value.

    Its shape is that of one member. ``stack`` holds all of them, along its first axis.
    """

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        general = Traced.__array_ufunc__
        if method == "__call__" and not kwargs:
            return general(self, ufunc, method, *inputs)
        return self._once((ufunc, method), general, ufunc, method, *inputs, **kwargs)

    def __array_function__(self, f: Any, types: Any, args: Any, kwargs: Any) -> Any:
        prim = primitive_of(f)
        if prim is None or prim.traced is f:  # of no traced value a function, but of their members
            return self.tape.by_member(f, args, kwargs, f.__name__, "it has no batch rule")
        return self._once(f, Traced.__array_function__, f, types, args, kwargs)

    def _once(self, what: Any, general: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Let NumPy's function be what it is on traced values.

        Where that asks NumPy's function for its plain value, it has no one value to give.
        """
        active = self.tape.active
        if what in active:
            self.tape.look(self, "NumPy's own function was asked for its value")
        active.add(what)
        try:
            return general(self, *args, **kwargs)
        finally:
            active.discard(what)

    stack: Any = Traced.index  # type: ignore[misc]  # the same slot under its own name
    inside: Any = Traced.index  # type: ignore[misc]

    stacked = True

    @property
    def primal(self) -> Any:
        """The one concrete value, which it has not."""
        return self.tape.look(self, "its value was asked for")

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.stack.shape[1:]
        return shape

    @property
    def size(self) -> int:
        return math.prod(self.stack.shape[1:])

    @property
    def dtype(self) -> Any:
        return self.stack.dtype

    @property
    def nbytes(self) -> int:
        return self.size * int(self.dtype.itemsize)

    def __repr__(self) -> str:
        return f"Batched({self.dtype}{list(self.shape)}, {len(self.stack)} members)"

    def __str__(self) -> str:
        return repr(self) if self.tape.ended else str(self.primal)

    def __format__(self, spec: str) -> str:
        return repr(self) if self.tape.ended else format(self.primal, spec)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[n] for n in range(len(self)))

    def bare(self) -> Any:
        """Return what it stands for without the traces around and in the stack."""
        stack = unbox(self.stack)
        return self if stack is self.stack else batched(self.tape, stack)


def batched(trace: Any, stack: Any) -> Batched:
    """Return a stack as the value of a batch trace."""
    made = new(Batched)
    made.stack, made.tape = stack, trace
    return made


def _asking(name: str) -> Callable[..., Any]:
    """Return a method that asks a batched value for what only a concrete one can tell."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.tape.look(self, f"{name} was asked of it")

    return method


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


def own_index(index: Any) -> Any:
    """Return a part of an index as it is now: the caller may change it before the way back."""
    if issubclass(type(index), ndarray):
        return index.copy()
    if isinstance(index, list) or is_sequence(index):
        index = onp.array(index)
        return index if index.size else index.astype(onp.intp)
    return bare(index)


class _ByHand(Trace):
    """The trace of dual numbers that a user makes: outside of every transformation."""

    level = 0
    differentiates = True
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
        return f"{self.primal} + {self.tangent}ε"

    def __format__(self, spec: str) -> str:
        return f"{_format(self.primal, spec)} + {_format(self.tangent, spec)}ε"


BY_HAND = _ByHand()


def _inexact(x: Any) -> Any:
    """Return integers and lists as floats."""
    if issubclass(type(x), (Traced, float, complex)):
        return x
    x = onp.asarray(x)
    return (x if x.dtype.kind in "fc" else x.astype(float))[()]


def _format(x: Any, spec: str) -> str:
    if not issubclass(type(x), ndarray) or not spec:
        return format(x, spec)
    return onp.array2string(x, formatter={"float_kind": lambda value: format(value, spec)})


def short(box: Traced) -> str:
    """Return what messages say of the value of a box."""
    value = unbox(box)
    if of_library(value):
        return f"a {kind_of(box).__name__} of shape {value.shape} of another library"
    if isinstance(value, Traced):
        return f"a batched {kind_of(value).__name__} of shape {value.shape}"
    return f"{type(value).__name__} of shape {value.shape}" if box.ndim else repr(value)


def _refuse(box: Traced, what: str, gives: str, instead: str) -> NoReturn:
    raise refused_by_asker() or refusal(short(box), what, gives, instead, as_index(box.ndim, box.dtype.kind))


def unbox(x: Any) -> Any:
    """Return the plain value under every trace; of a batched value, the plain members still batched."""
    while isinstance(x, Traced):
        if x.stacked:
            return x.bare()
        x = x.primal
    return x


def kind_of(x: Any) -> type:
    """Return the class of the plain value under every trace: ndarray, float64, float."""
    while isinstance(x, Traced):
        if x.stacked:
            return ndarray if x.ndim else x.dtype.type
        x = x.primal
    return type(x)


def is_batched(x: Any) -> bool:
    """Say whether a traced value is batched, under inner traces or not."""
    while isinstance(x, Traced):
        if x.stacked:
            return True
        x = x.primal
    return False


def numbers_of(x: Any) -> Any:
    """Return the plain numbers under every trace, of all members of a batch.

    For questions that one yes decides, as "is any of them zero?", where yes means the more careful way.
    """
    while isinstance(x, Traced):
        x = x.inside
    return x


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
            found = x.tape if isinstance(x, Traced) else None
        if found is not None and (best is None or found.level > best.level):
            best = found
    return best


def look_at_member(x: Any) -> Any:
    """Ask a batched value, under inner traces perhaps, for one concrete value: its members may differ."""
    while not x.stacked:
        x = x.primal
    x.tape.look(x, "an example is at a kink")


def model_of(x: Any) -> Any:
    """Return a plain array of the shape, dtype and layout of x, of which no number is read."""
    x = unbox(x)
    if not isinstance(x, Traced):
        return x
    if not x.ndim:
        return x.dtype.type(0)
    members = numbers_of(x)
    if type(members) is not ndarray or not members.size:
        return placeholder(x)
    return members[(0,) * (members.ndim - x.ndim)]  # they are laid out alike


def beside(prim: Primitive, operate: Callable[[Any, Any], Any], self: Traced, other: Any) -> Any:
    """Return self · other, of which the other is of no common type; or give way to it, as NumPy does."""
    if not isinstance(other, Traced) and type(other) is not list and type(other) is not tuple:
        other = number_of(other)
        if type(other) not in CONSTANTS and gives_way(unbox(self), other, operate.__name__):
            return hand_over(self, other, operate.__name__)
    return prim.operator(self, other)


def beside_reflected(prim: Primitive, operate: Callable[[Any, Any], Any], self: Traced, other: Any) -> Any:
    """Return other · self, where Python has asked the other in vain, if it has such an operator."""
    if not isinstance(other, Traced) and type(other) is not list and type(other) is not tuple:
        other = number_of(other)
        if declines(other, operate.__name__):
            return NotImplemented
    return prim.operator(other, self)


def plainly(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return an operator whose result has no derivative: it works on the plain values.

    What a class of another library makes of them may keep them, and so it is given the traced value.
    """

    def operator_on_values(self: Any, other: Any) -> Any:
        y = operate(unbox(self), unbox(other))
        if isinstance(y, Traced):  # of batched values, batched too
            return y
        return y if type(y) in CONSTANTS or is_answer(y, other) else NotImplemented

    return operator_on_values


# Modules that search by comparisons alone: what they return has no trace of the values that they compare.
_SEARCHING = frozenset({"scipy.optimize._optimize", "scipy.optimize._linesearch", "scipy.optimize._dcsrch"})


def _ordered(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a comparison, which a search for an extreme is refused: it would go on by the answer."""
    compare = plainly(operate)

    def operator_of_order(self: Any, other: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__") in _SEARCHING:
            _refuse(self, "a comparison", "a plain bool", "search with value(x), from funad")
        return compare(self, other)

    return operator_of_order


# A name in the globals of code that is told where traced values that it compares are equal to others:
# (where, a, b, frame) ↦ None. ``funad.scipy.hosting`` has a use for it.
GUARD = "__found_equal__"
_EQUALITIES = (onp.equal, onp.not_equal)


def _watched(operate: Callable[[Any, Any], Any], negated: bool) -> Callable[[Any, Any], Any]:
    """Return == or !=, of which the code that writes it may ask to be told."""
    compare = plainly(operate)

    def operator_watched(self: Any, other: Any) -> Any:
        y = compare(self, other)
        _tell(y, negated, self, other)
        return y

    return operator_watched


def _tell(y: Any, negated: bool, a: Any, b: Any) -> None:
    """Tell the code that compares a and b of the result, if it asks to be told."""
    frame: Any = sys._getframe(2)
    while frame.f_globals.get("__package__") == "funad":  # NumPy's protocol has led here
        frame = frame.f_back
    guard = frame.f_globals.get(GUARD)
    if guard is not None:
        guard(onp.logical_not(y) if negated else y, a, b, frame)


UNARY: tuple[tuple[str, Any, Any], ...] = (
    ("neg", operator.neg, onp.negative),
    ("pos", operator.pos, onp.positive),
    ("abs", operator.abs, onp.absolute),
)
BINARY: tuple[tuple[str, Any, Any], ...] = (
    ("add", operator.add, onp.add),
    ("sub", operator.sub, onp.subtract),
    ("mul", operator.mul, onp.multiply),
    ("truediv", operator.truediv, onp.divide),
    ("mod", operator.mod, onp.remainder),
    ("pow", operator.pow, onp.power),
    ("matmul", operator.matmul, onp.matmul),
)


def _divmod(self: Any, other: Any) -> Any:
    if type(other) not in CONSTANTS and not isinstance(other, Traced):
        other = number_of(other)
        if gives_way(unbox(self), other, "divmod"):
            return hand_over(self, other, "divmod")
    return self // other, self % other


_DIVMOD: dict[str, Callable[[Any, Any], Any]] = {
    "rfloordiv": plainly(lambda a, b: b // a),
    "divmod": _divmod,
    "rdivmod": lambda self, other: (other // self, other % self),
}


# The operators whose results have no derivative.
PLAIN: tuple[tuple[str, Any], ...] = (
    ("eq", onp.equal),
    ("ne", onp.not_equal),
    ("lt", onp.less),
    ("le", onp.less_equal),
    ("gt", onp.greater),
    ("ge", onp.greater_equal),
    ("floordiv", onp.floor_divide),
    ("and", onp.bitwise_and),
    ("or", onp.bitwise_or),
    ("xor", onp.bitwise_xor),
    ("lshift", onp.left_shift),
    ("rshift", onp.right_shift),
)


def give(kind: type, name: str, method: Callable[..., Any]) -> None:
    """Make a function the method of that name, by which Python calls it when its arguments do not fit."""
    method.__name__, method.__qualname__ = name, f"{kind.__name__}.{name}"
    setattr(kind, name, method)


def _install() -> None:
    """Give traced values their operators."""
    for name, _, f in UNARY:
        prim = enter(f)
        give(Traced, f"__{name}__", lambda self, *, prim=prim: prim.operator(self))
    for name, operate, f in BINARY:
        prim = enter(f)
        give(Traced, f"__{name}__", lambda *xs, args=(prim, operate): beside(*args, *xs))
        give(Traced, f"__r{name}__", lambda *xs, args=(prim, operate): beside_reflected(*args, *xs))
    give(Traced, "__floordiv__", plainly(operator.floordiv))
    for name in ("lt", "le", "gt", "ge"):
        setattr(Traced, f"__{name}__", _ordered(getattr(operator, name)))
    Traced.__eq__ = _watched(operator.eq, negated=False)  # type: ignore[method-assign]
    Traced.__ne__ = _watched(operator.ne, negated=True)  # type: ignore[method-assign]
    for name, f in _DIVMOD.items():
        setattr(Traced, f"__{name}__", f)
    for name, f in PLAIN:  # of batched values, whose results are batched
        give(Batched, f"__{name}__", lambda a, b, f=f: enter(f).traced(a, b))
        give(Batched, f"__r{name}__", lambda a, b, f=f: enter(f).traced(b, a))
    give(Batched, "__invert__", lambda a: enter(onp.invert).traced(a))
    for name in ("bool", "float", "int", "complex", "index", "array", "hash", "contains",
                 "reduce_ex", "floor", "ceil", "trunc", "round", "delitem", "dlpack_device"):  # fmt: skip
        setattr(Batched, f"__{name}__", _asking(f"{name}()"))


_install()

# The operator of each ufunc that has one: of Python's numbers it makes Python's.
OPERATORS: dict[Any, Callable[..., Any]] = {f: operate for _, operate, f in (*UNARY, *BINARY)}

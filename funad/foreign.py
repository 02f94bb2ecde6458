"""Objects of other libraries beside traced values: who computes x * other, and what is refused.

The operators of traced values give way as the operators of floats and arrays do. An object gets the
operator, and with it the traced value, where NumPy would leave it the operator: it says
``__array_ufunc__ = None``, it has a higher ``__array_priority__``, or it has a reflected operator and is
nothing of which NumPy could make an array of numbers. An object with an ``__array_ufunc__`` or an
``__array_function__`` of its own is asked by that protocol. An object that cannot hold a traced value and
means more than its bare values (labels, missing values, units) is refused by name.
"""

from __future__ import annotations

import itertools
import operator
from _thread import _local as local
from collections.abc import Callable
from typing import Any

import numpy as onp

from . import tree
from .cpython import above, frame_at, names_in, raise_if
from .errors import NotDifferentiableError
from .messages import comes_of_traced
from .refusals import (
    is_array_like,
    public_name,
    refused_bare,
    refused_by_dask,
    refused_constant,
    refused_declined,
    refused_gap,
    refused_index,
    refused_objects,
)
from .values import dtype_of, members_of, shape_of

ndarray = onp.ndarray
_PYTHON = frozenset({float, int, bool, complex})
_NONE = object()  # stands for a missing attribute, where None has a meaning
_LOWEST = -1e6  # the priority of NumPy's scalars


# --- operators


def gives_way(x: Any, other: Any, name: str) -> bool:
    """Say whether ``x.__name__(other)`` of a plain x leaves the operator to the other; refuse some others."""
    raise_if(refused_constant(other))
    if issubclass(type(other), (ndarray, onp.generic)):
        return False
    reflected = _has_own(type(other), f"__r{name}__")
    if type(x) in _PYTHON:
        return reflected
    protocol = getattr(type(other), "__array_ufunc__", _NONE)
    if protocol is not _NONE:
        return protocol is None
    if getattr(type(other), "__array_priority__", _LOWEST) > (
        0.0 if issubclass(type(x), ndarray) else _LOWEST
    ):
        return True
    if not reflected or not _is_opaque(other):
        return False
    if onp.ndim(x):
        raise refused_objects(other)
    return True


def hand_over(x: Any, other: Any, name: str) -> Any:
    """Return x · other as the other has it, whose the operator is; refuse in its name if it declines."""
    operate = getattr(type(other), f"__r{name}__", None)
    if operate is None:
        return NotImplemented
    try:
        y = operate(other, x)
    except TypeError as error:
        if not is_array_like(other) or not comes_of_traced(error):
            raise
        raise refused_bare(other) from error
    if y is NotImplemented:
        raise refused_declined(other, f"__r{name}__")
    return y


def rebound_to(y: Any) -> Any:
    """Return y, which ``x += other`` of an array x has become, where NumPy gives way in place as well."""
    protocol = getattr(type(y), "__array_ufunc__", _NONE)
    if protocol is None:
        raise TypeError(f"operand {type(y).__name__!r} does not support ufuncs (__array_ufunc__=None)")
    if protocol is not _NONE:
        raise NotDifferentiableError(
            f"an operation in place would write a {public_name(y)} into an array x that is traced; write "
            f"x = x + a instead of x += a, or take the values of the {type(y).__name__} a"
        )
    return y


def declines(other: Any, name: str) -> bool:
    """Say whether ``other · x`` is nothing that NumPy would compute; refuse what it would, but not rightly.

    Python asks the right operand where the left one has no such operator or has declined the traced value.
    """
    raise_if(refused_constant(other))
    if issubclass(type(other), (ndarray, onp.generic)) or is_sequence(other):
        return False
    protocol = getattr(type(other), "__array_ufunc__", None)
    if protocol is None and _has_own(type(other), f"__{name}__"):
        raise refused_declined(other, f"__{name}__")
    return protocol is None and hasattr(type(other), "__array_ufunc__")


def _has_own(kind: type, name: str) -> bool:
    """Say whether a class has a method that is none of Python's own numbers and sequences."""
    owner = next((base for base in kind.__mro__ if name in base.__dict__), object)
    return owner.__module__ != "builtins"


def _is_opaque(x: Any) -> bool:
    """Say whether NumPy makes no array of an object but one of objects."""
    if issubclass(type(x), (int, float, complex, str, bytes)) or is_array_like(x) or is_sequence(x):
        return False
    return onp.asarray(x).dtype == object


def is_answer(y: Any, other: Any) -> bool:
    """Say whether y, an operator of plain values and of the other, is sure not to hold the plain values.

    Comparisons of numbers, arrays and of what works as arrays do have no derivative; those of other classes
    may make what they like, such as a constraint to be asked later.
    """
    if issubclass(type(y), (ndarray, onp.generic, int, float, complex)):
        return True
    return is_array_like(other) or getattr(type(other), "__array_ufunc__", None) is not None


def number_of(x: Any) -> Any:
    """Return a fraction as the float for which floats take it; anything else as it is."""
    return float(x) if type(x).__module__ == "fractions" else x


# The functions in which SciPy asks whether it can make an array of what stands beside a sparse matrix.
_DISPATCHING = frozenset({"_matmul_dispatch", "_divide", "_multiply_2d_with_broadcasting", "multiply"})


# The functions by which SciPy asks: numpy.isscalar asks an abstract class.
_ASKING = ("isscalar", "__instancecheck__", "atleast_2d")


def asked_by_sparse(depth: int, name: str = "") -> bool:
    """Say whether SciPy's code of sparse matrices asks, in a frame so far up: what stands beside one is.

    A sparse matrix takes for its own whatever says that it is an array, and gives way to other objects. It
    has no protocol to ask; so to that code, and to no other, a traced value says that it is none.
    """
    frame = next(each for each in above(frame_at(depth + 1)) if each.f_code.co_name not in _ASKING)
    called = [each.f_code.co_name for each in itertools.takewhile(_is_sparse_code, above(frame))]
    if not called or not name:
        return bool(called)
    # To a user who has called the method itself, NotImplemented would be no answer.
    return called[0] in _DISPATCHING and called[-1] != name


def _is_sparse_code(frame: Any) -> bool:
    return str(frame.f_globals.get("__name__")).startswith("scipy.sparse._")


class _Asked(local):
    """Counts how often pandas has asked what a traced value is, in this thread."""

    asked = 0


PANDAS = _Asked()


class _Pickled(local):
    """The refusal of the last function that dask has pickled with a traced value in it, and that one's trace.

    Dask goes on where it cannot pickle a function, and runs it when the trace is over.
    """

    refusal: Any = None


DASK = _Pickled()


def note_pickled(x: Any) -> None:
    """Note a traced value that dask is about to pickle, as it does to name a call of a function."""
    if any(frame.f_globals.get("__name__") == "dask.tokenize" for frame in above(frame_at(2))):
        DASK.refusal = x.tape, refused_by_dask()


def refuse_pickled(trace: Any) -> None:
    """Refuse what a function has returned in which dask has pickled a value of this trace."""
    of_trace, error = DASK.refusal
    if of_trace is trace:
        DASK.refusal = None
        raise error


def refuse_gaps(y: Any) -> None:
    """Refuse a result of nan in a function in which pandas has held traced values.

    Where labels or a difference leave a gap, pandas has a float nan, and passes it over; a traced value
    beside it makes a traced nan of it, which pandas does not pass over.
    """
    if any(map(_is_traced_nan, tree.flatten(y)[0])):
        raise refused_gap()


def holds_a_gap(x: Any, depth: int) -> bool:
    """Say whether pandas asks, in a frame so far up, of what it is about to hold, and a traced nan is there.

    To pandas a nan is a missing value where it is a float; of a traced value it asks nothing else.
    """
    frame = frame_at(depth + 1)
    if not str(frame.f_globals.get("__name__")).startswith("pandas."):
        return False
    PANDAS.asked += 1
    if shape_of(x):
        return False  # of an array that is traced pandas asks what it has to know
    found = (x, *names_in(frame).values())
    return any(map(_is_traced_nan, found)) or any(any(map(_is_traced_nan, _elements(x))) for x in found)


def _is_traced_nan(x: Any) -> bool:
    return hasattr(type(x), "tape") and dtype_of(x).kind in "fc" and bool(onp.isnan(members_of(x)).any())


def _elements(x: Any) -> Any:
    return x.flat if type(x) is onp.ndarray and x.dtype == object else x if type(x) in (list, tuple) else ()


def unknown_to_sparse() -> ndarray:
    """Return what NumPy makes of an object that is no array: a sparse matrix gives way to it."""
    return onp.array(None, dtype=object)


# --- constants of functions


def is_foreign(x: Any) -> bool:
    """Say whether an object is array-like, or has a say in what NumPy's functions do with it."""
    if issubclass(type(x), (ndarray, onp.generic, type, str)) or hasattr(type(x), "tape"):
        return False
    return any(hasattr(type(x), name) for name in ("__array__", *_PROTOCOLS))


def is_duck(x: Any) -> bool:
    """Say whether an object is an array of another library that answers NumPy's protocols, as dask's.

    What has units holds traced values itself, and its own arithmetic with them.
    """
    kind = type(x)
    if kind is ndarray or kind is float or kind is onp.float64:
        return False
    if not hasattr(kind, "__array_function__") or issubclass(kind, ndarray) or hasattr(kind, "tape"):
        return False
    if getattr(kind, "__array_ufunc__", None) is None or hasattr(kind, "units"):
        return False
    return hasattr(x, "dtype") and hasattr(x, "shape")


def bare(x: Any) -> Any:
    """Return the plain array of an array-like object, also of those in lists; anything else as it is."""
    if type(x) is list or type(x) is tuple:
        return type(x)(map(bare, x))
    if is_duck(x):
        raise refused_index(x)
    return onp.asarray(x) if is_array_like(x) else x


def is_sequence(x: Any) -> bool:
    """Say whether x is a sequence that NumPy takes for an array: no list or tuple, no text, no array."""
    kind = type(x)
    if kind is list or issubclass(kind, _NO_SEQUENCES):
        return False
    if hasattr(kind, "tape") or is_foreign(x):
        return False
    own = hasattr(kind, "__len__") and hasattr(kind, "__getitem__") and not hasattr(kind, "keys")
    return (own and not callable(x)) or any(hasattr(kind, name) for name in _BUFFERS)


_NO_SEQUENCES = (tuple, str, bytes, ndarray, onp.generic, onp.dtype, type)
_PROTOCOLS = ("__array_ufunc__", "__array_function__")
_BUFFERS = ("__array_interface__", "__array_struct__")


def plain_sequence(x: Any) -> Any:
    """Return a sequence as a list of its own, or as an array where its memory says the dtype.

    The rules know lists and arrays, and what the program writes into the sequence later does not count.
    """
    if not any(hasattr(type(x), name) for name in _BUFFERS):
        try:
            memoryview(x)
        except TypeError:
            return [plain_sequence(part) if is_sequence(part) else part for part in x]
    return onp.array(x)


def as_lists(x: Any, asked: bool = False) -> Any:
    """Return what NumPy takes for an array as lists or an array, also in lists; anything else as it is.

    Objects with an ``__array__`` are opened only if NumPy has asked them: ``asked``.
    """
    if asked and is_array_like(x) and not any(hasattr(type(x), name) for name in _PROTOCOLS):
        held = type(x).__array__(x)
        return held if hasattr(type(held), "tape") else x
    if not isinstance(x, (list, tuple)):
        return as_lists(plain_sequence(x), asked) if is_sequence(x) else x
    parts = [as_lists(part, asked) for part in x]
    same = type(x) in (list, tuple) and all(map(operator.is_, parts, x))
    return x if same else tuple(parts) if type(x) is tuple else parts


def of_protocol(f: Callable[..., Any], x: Any, args: Any, kwargs: Any) -> Any:
    """Return f(*args, **kwargs) as x, one of the arguments, has it; NotImplemented if it has no say."""
    is_ufunc = isinstance(f, onp.ufunc)
    has_protocol = is_ufunc or isinstance(f, type(onp.sum))
    method = getattr(type(x), _PROTOCOLS[not is_ufunc], None) if has_protocol else None
    if method is None or hasattr(type(x), "__pandas_priority__"):
        return NotImplemented
    try:
        if is_ufunc:
            return method(x, f, "__call__", *args, **kwargs)
        return method(x, f, (type(x),), args, kwargs)
    except TypeError as error:
        if not comes_of_traced(error):
            raise
        raise refused_bare(x) from error


def same(y: Any, wanted: Any) -> bool:
    """Say whether a result is what the plain function has returned, and that plain arrays and numbers."""
    if isinstance(wanted, (tuple, list)):
        return len(y) == len(wanted) and all(map(same, y, wanted))
    if type(wanted) is not ndarray and not issubclass(type(wanted), (onp.generic, int, float, complex)):
        return type(y) is type(wanted) and wanted is None
    wanted = onp.asarray(wanted)
    if onp.shape(y) != wanted.shape or wanted.dtype.kind not in "fc":
        return bool(onp.array_equal(y, wanted))
    # Rules may round otherwise; labels and missing values make a difference that is no rounding.
    tolerance = float(onp.finfo(wanted.dtype).eps ** 0.5)
    scale = onp.max(onp.abs(wanted), where=onp.isfinite(wanted), initial=0.0)
    return onp.allclose(y, wanted, tolerance, tolerance * scale, equal_nan=True)


def holds(x: Any, kind: type, depth: int = 3) -> bool:
    """Say whether an object of another library has something of a kind among its attributes."""
    if depth == 0 or issubclass(type(x), (ndarray, onp.generic, type)):
        return False
    if not isinstance(x, (list, tuple, dict)):
        state = object.__getstate__(x)  # its attributes, or a pair of those and of its slots
        x = [part for held in (state if type(state) is tuple else (state,)) for part in (held or {}).values()]
    parts = x.values() if isinstance(x, dict) else x
    return any(isinstance(part, kind) or holds(part, kind, depth - 1) for part in parts)

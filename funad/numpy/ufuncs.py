"""What ufuncs do beside plain calls: their keywords, and reduce, accumulate, outer, reduceat, at.

A plain ``numpy.add.reduce(x)`` and ``funad.numpy.add.reduce(x)`` both come here if x is traced.
"""

import dis as _dis
import functools as _functools
import sys as _sys

import numpy as _np

from ..arrays import fillable as _fillable
from ..arrays import settled as _settled
from ..boxes import Traced as _Traced
from ..boxes import unbox as _unbox
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..errors import UnsupportedKeywordError as _UnsupportedKeywordError
from ..primitives import _as_array
from ..primitives import call as _call
from ..primitives import composite as _composite
from ..primitives import primitive as _primitive
from ..registry import record_of as _record_of
from ..spaces import dtype_of as _dtype_of
from ..spaces import is_inexact as _is_inexact
from ..spaces import shape_of as _shape_of
from .elementwise import where as _where
from .indexing import take as _take
from .manipulation import asarray as _asarray
from .manipulation import broadcast_to as _broadcast_to
from .manipulation import cast as _cast
from .manipulation import concatenate as _concatenate
from .manipulation import moveaxis as _moveaxis
from .manipulation import reshape as _reshape
from .manipulation import stack as _stack
from .reductions import cumprod as _cumprod
from .reductions import cumsum as _cumsum
from .reductions import in_front as _in_front
from .reductions import max as _max
from .reductions import min as _min
from .reductions import nanmax as _nanmax
from .reductions import nanmin as _nanmin
from .reductions import prod as _prod
from .reductions import sum as _sum

__all__ = []

_ufunc = _np.ufunc
_ABSENT = _np._NoValue

# (a ∘ b) ∘ c = a ∘ (b ∘ c): these are folded by halves, in log₂ n steps instead of n.
_ASSOCIATIVE = {
    _np.maximum, _np.minimum, _np.fmax, _np.fmin, _np.logaddexp, _np.logaddexp2, _np.hypot,
}  # fmt: skip


def _form(method):
    """Make the decorated function what a method of ufuncs is on traced values."""

    def decorate(g):
        @_composite(method)
        @_functools.wraps(g)
        def form(f, /, *args, **kwargs):
            y = g(f, *args, **kwargs)
            return _fillable(y) if kwargs.get("out") is None else y  # of arrays without traced values yet

        return form

    return decorate


# --- a call with keywords


@_form(_ufunc.__call__)
def _with_keywords(
    f, /, *args, out=None, where=True, casting="same_kind", order="K", subok=True, dtype=None,
    signature=None, **axes,
):  # fmt: skip
    """Return f(*args), in the type, and with the memory order, asked for."""
    record = _record_of(f)
    args, out = _arguments(f, args, out)
    if record.kind == "zero":
        kwargs = {"where": _unbox(where), "casting": casting, "order": order, "subok": subok, **axes}
        kwargs |= {"dtype": dtype} if signature is None else {"signature": signature}
        y = f(*map(_unbox, args), out=None if out is None else tuple(map(_plain, out)), **kwargs)
        return y if out is None else _returned(f, y, out)
    for argnum, x in enumerate(args):
        if isinstance(x, _Traced):
            record.rule(argnum, _unbox(x))
    args = _in_dtype(f, args, dtype, signature, casting, out)
    if not subok:
        args = [_np.asarray(x) if isinstance(x, _np.ndarray) else x for x in args]
    if where is not True or out is not None:
        y = _into(f, args, _unbox(where), out, casting)
    elif axes:
        y = _along_axes(record, args, **axes)
    else:
        y = record.wrapped(*args)
    if order == "K":
        return y
    if order == "A":
        order = "F" if all(_np.isfortran(_np.asarray(_unbox(x))) for x in args) else "C"
    return tuple(_asarray(part, order=order) for part in y) if f.nout > 1 else _asarray(y, order=order)


def _arguments(f, args, out):
    """Return the inputs, lists as arrays, and the arrays for the outputs: None if there are none."""
    outs = args[f.nin :]
    if outs and out is not None:
        raise TypeError(f"{f.__name__} was given out by position and by name")
    if len(args) < f.nin or len(outs) > f.nout:
        raise TypeError(
            f"{f.__name__} takes from {f.nin} to {f.nargs} arguments by position, not {len(args)}"
        )
    if not outs:
        outs = out if isinstance(out, tuple) else (out,)
    out = None if all(x is None for x in outs) else outs
    return [_as_array(x) for x in args[: f.nin]], out


def _in_dtype(f, args, dtype, signature, casting, out):
    """Return the arguments in the types in which f is computed; NumPy refuses what it would."""
    if dtype is None and signature is None and casting == "same_kind":
        return args
    asked = {} if signature is None else {"signature": signature}
    if signature is None and dtype is not None:
        asked = {"signature": (None,) * f.nin + (_np.dtype(dtype),) * f.nout}
    given = [_weak_dtype(x) for x in args]
    wanted = [None if x is None else _dtype_of(x) for x in out or (None,) * f.nout]
    dtypes = f.resolve_dtypes((*given, *wanted), casting=casting, **asked)
    return [_in(x, dtype) for x, dtype in zip(args, dtypes, strict=False)]


def _weak_dtype(x):
    """Return the dtype of an argument; of a Python number its type, which gives way to others."""
    x = _unbox(x)
    return type(x) if type(x) in (int, float, complex) else _dtype_of(x)


def _in(x, dtype):
    """Return x in a dtype."""
    return x if _dtype_of(x) == dtype else _cast(x, dtype)


# --- where= and out=


def _into(f, args, where, out, casting):
    """Return f(*args) where the mask holds and the elements of ``out`` elsewhere."""
    name = f.__name__
    if out is None:
        raise _UnsupportedKeywordError(
            f"{name}(..., where=mask) on a traced value leaves the elements outside of the mask "
            f"uninitialised; say what they are: np.where(mask, np.{name}(...), 0), or give them as "
            f"out=np.zeros(...)"
        )
    plain = any(x is not None and not isinstance(x, _Traced) for x in out)
    if plain and where is True:
        _refuse_plain(name)
    if plain and _is_dropped():
        raise _UnsupportedKeywordError(
            f"{name}(..., where=mask, out=x) on a traced value returns its result, and does not write it "
            f"into a plain array, where its derivative would be lost; but nothing takes the result: write "
            f"x = np.{name}(..., where=mask, out=x), or make x with funad.numpy.zeros"
        )
    if where is True:
        y = _record_of(f).wrapped(*args)
        return _returned(f, y, out, casting)
    if f.nout == 1 and f.nin <= 2 and _record_of(f).kind == "elementwise":
        where = where if isinstance(where, bool) else _np.asarray(where)
        return _returned(f, masked(f, casting, where, _settled(out[0]), *args), out)
    # What NumPy refuses, it refuses here; where it computes nothing, it does not warn.
    copies = tuple(map(_plain, out))
    kept = f(*map(_unbox, args), where=where, out=copies, casting=casting)
    with _np.errstate(all="ignore"):
        y = _record_of(f).wrapped(*args)
    parts = tuple(
        _in(_where(where, part, _settled(other)), x.dtype) if _is_inexact(x) else x
        for part, other, x in zip(
            y if f.nout > 1 else (y,), out, kept if f.nout > 1 else (kept,), strict=True
        )
    )
    return _returned(f, parts if f.nout > 1 else parts[0], out)


def _plain(x):
    """Return an array for NumPy to write into: of a traced one a copy of its values."""
    return _np.array(_unbox(x)) if isinstance(x, _Traced) else x


def _returned(f, y, out, casting="same_kind"):
    """Return the results, those for traced arrays written into them.

    The one place where results and ``out=`` meet. A plain array has been written to by NumPy, with
    results that have no derivative; or else it is only read, and what comes back is another.
    """
    parts = tuple(
        part if not isinstance(x, _Traced) else _written(f.__name__, x, part, casting)
        for x, part in zip(out, y if f.nout > 1 else (y,), strict=True)
    )
    return parts if f.nout > 1 else parts[0]


def _written(name, x, y, casting="same_kind"):
    """Return the traced array x with y written into it."""
    if not _np.can_cast(_dtype_of(y), x.dtype, casting):
        raise TypeError(
            f"Cannot cast the result of {name} from {_dtype_of(y)!r} to {x.dtype!r} by the rule {casting!r}"
        )
    if _np.broadcast_shapes(_shape_of(y), x.shape) != x.shape:
        raise ValueError(
            f"{name} has a result of shape {_shape_of(y)}, which does not fit into out= of shape {x.shape}"
        )
    x[...] = y
    return x


def _refuse_plain(name):
    """Refuse to write a traced result into a plain array."""
    raise _UnsupportedKeywordError(
        f"{name}(..., out=x) on a traced value would write its result into a plain array, which holds plain "
        f"numbers only: make x with zeros or empty of funad.numpy, or use what the function returns, x = "
        f"np.{name}(...), also for an operator in place: x = x + y for x += y"
    )


def _is_dropped():
    """Say whether the user's line is a statement by itself, and so does not take the result."""
    frame = _sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "funad.").startswith("funad."):
        frame = frame.f_back
    if frame is None:
        return False
    code, at = frame.f_code.co_code, frame.f_lasti + 2
    while at < len(code) and code[at] == 0:  # room for the interpreter's own notes
        at += 2
    return at < len(code) and code[at] == _dis.opmap["POP_TOP"]


def _masked(f, casting, where, out, *args):
    y = _np.array(out)
    return f(*args, out=y, where=where, casting=casting)


masked = _primitive(_masked, "a ufunc with where=")


# --- the axes of matmul, vecdot, matvec and vecmat


def _along_axes(record, args, axes=None, axis=None, keepdims=False, **unknown):
    """Return f with its vectors and matrices along other axes than the last."""
    f = record.f
    given = {"axes": axes, "axis": axis, "keepdims": keepdims, **unknown}
    given = {name: x for name, x in given.items() if x is not None and x is not False}
    if not given:
        return record.wrapped(*args)
    if set(given) <= record.keywords:
        return _call(record, tuple(args), given)
    core = 0 if f.signature is None else _core_dims(f, args)
    if set(given) != {"axes"} or len(axes) not in ((f.nargs,) if core else (f.nin, f.nargs)):
        plain = f(*map(_unbox, args), **given)  # what NumPy refuses, it refuses here
    if axes is None:
        axes = [axis if axis is not None else -1] * len(args)
    places = [(x,) if isinstance(x, (int, _np.integer)) else tuple(x) for x in axes]
    moved = [_moveaxis(x, at, range(-len(at), 0)) for x, at in zip(args, places, strict=False)]
    y = record.wrapped(*moved)
    if keepdims:
        return _reshape(y, plain.shape)
    return _moveaxis(y, range(-core, 0), places[f.nin]) if core else y


def _core_dims(f, args):
    """Return how many axes of the result are of its vector or matrix."""
    if f is not _np.matmul:
        _, _, of_y = f.signature.partition("->")
        return 0 if of_y == "()" else of_y.count(",") + 1
    return sum(len(_shape_of(x)) > 1 for x in args)


# --- reduce


@_form(_ufunc.reduce)
def _reduce(
    f, /, array, axis=0, dtype=None, out=None, keepdims=False, initial=_ABSENT, where=True
):  # fmt: skip
    """Return f(f(f(a₀, a₁), a₂), ...) along one or several axes."""
    array, out = _ready(f, "reduce", array, out)
    if out is not None:
        return _written(
            f"{f.__name__}.reduce", out, _reduce(f, array, axis, dtype, None, keepdims, initial, where)
        )
    initial = initial if initial is _ABSENT else _settled(initial)
    kwargs = {} if initial is _ABSENT else {"initial": initial}
    if where is not True:
        kwargs["where"] = _unbox(where)
    if _record_of(f).kind == "zero":
        kwargs = {name: _unbox(x) for name, x in kwargs.items()}
        return f.reduce(_unbox(array), axis, dtype, None, keepdims, **kwargs)
    if keepdims:
        kwargs["keepdims"] = True
    if f is _np.add or f is _np.multiply:
        if dtype is not None:
            kwargs["dtype"] = dtype
        return (_sum if f is _np.add else _prod)(array, axis=axis, **kwargs)
    if dtype is not None:
        array = _in(array, _np.dtype(dtype))
    if f in _EXTREMES:
        return _EXTREMES[f](array, axis=axis, **kwargs)
    return _fold(f, array, axis, keepdims, initial, kwargs.get("where", True))


def _of_numbers(f, g):
    """Return the extreme that passes over nans; g, which does the same, warns of nans alone."""

    def extreme(array, axis=0, keepdims=False, initial=_ABSENT, where=True):
        nothing = _np.isnan(_unbox(array)).all(axis=axis)
        if initial is _ABSENT and where is True and not _np.any(nothing) and _np.size(nothing):
            return g(array, axis=axis, keepdims=keepdims)
        return _fold(f, array, axis, keepdims, initial, where)

    return extreme


_EXTREMES = {
    _np.maximum: _max,
    _np.minimum: _min,
    _np.fmax: _of_numbers(_np.fmax, _nanmax),
    _np.fmin: _of_numbers(_np.fmin, _nanmin),
}


def _ready(f, method, array, out):
    """Return the array to be reduced, and that for the result, if it is a traced one; refuse others."""
    record = _record_of(f)
    if record.kind is None and isinstance(array, _Traced):
        record.rule(0, _unbox(array))
    out = out[0] if isinstance(out, tuple) else out
    if out is not None and not isinstance(out, _Traced):
        _refuse_plain(f"{f.__name__}.{method}")
    return _as_array(array), out


def _fold(f, array, axis, keepdims, initial, where):
    """Return the reduction as as many calls of f as there are elements along the axes, or log₂ of it."""
    start = {} if initial is _ABSENT else {"initial": _unbox(initial)}
    masked = {} if where is True else {"where": where}
    plain = f.reduce(_unbox(array), axis, None, None, keepdims, **start, **masked)  # NumPy's own errors
    shape = _shape_of(array)
    x = _in_front(array, axis)
    mask = True if where is True else _in_front(_np.broadcast_to(where, shape), axis)
    given = initial is not _ABSENT and initial is not None
    if mask is not True and not given:
        initial, given = f.identity, True
    if f in _ASSOCIATIVE and (mask is True or f.identity is not None):
        if mask is not True:
            x = _where(mask, x, f.identity)
        y = _by_halves(f, x) if len(x) else initial if given else plain
        y = _call_binary(f, y, initial) if given and len(x) else y
    elif given:
        y = _one_by_one(f, x, mask, initial)
    else:
        y = _one_by_one(f, x[1:], True, x[0]) if len(x) else plain
    y = _reshape(y, _np.shape(plain)) if len(x) else _broadcast_to(y, _np.shape(plain))
    return _in(y, plain.dtype)


def _call_binary(f, a, b):
    return _record_of(f).wrapped(a, b)


def _by_halves(f, x):
    """Return the fold of an associative and commutative f: the one half with the other."""
    f = _record_of(f).wrapped
    left = []
    while len(x) > 1:
        half = len(x) // 2
        if len(x) % 2:
            left.append(x[-1])
        x = f(x[:half], x[half : 2 * half])
    y = x[0]
    for part in left:
        y = f(y, part)
    return y


def _one_by_one(f, x, mask, y):
    """Return the fold from y on, in order."""
    f = _record_of(f).wrapped
    for n in range(len(x)):
        y = f(y, x[n]) if mask is True else _where(mask[n], f(y, x[n]), y)
    return y


# --- accumulate


@_form(_ufunc.accumulate)
def _accumulate(f, /, array, axis=0, dtype=None, out=None):
    """Return what reduce returns of the first element, of the first two, ... along an axis."""
    array, out = _ready(f, "accumulate", array, out)
    if out is not None:
        return _written(f"{f.__name__}.accumulate", out, _accumulate(f, array, axis, dtype))
    plain = f.accumulate(_unbox(array), axis, dtype)
    if not _is_inexact(plain):
        return plain
    if f is _np.add or f is _np.multiply:
        return (_cumsum if f is _np.add else _cumprod)(array, axis=axis, dtype=dtype)
    if dtype is not None:
        array = _in(array, plain.dtype)
    x = _moveaxis(array, axis, 0)
    if len(x):
        x = (_doubling if f in _ASSOCIATIVE else _running)(_record_of(f).wrapped, x)
    return _in(_moveaxis(x, 0, axis), plain.dtype)


def _doubling(f, x):
    """Return the running fold of an associative f: of two, of four, of eight elements, ..."""
    step = 1
    while step < len(x):
        x = _concatenate([x[:step], f(x[:-step], x[step:])], axis=0)
        step *= 2
    return x


def _running(f, x):
    """Return the running fold, in order."""
    parts = [x[0]]
    for n in range(1, len(x)):
        parts.append(f(parts[-1], x[n]))
    return _stack(parts, axis=0)


# --- outer


@_form(_ufunc.outer)
def _outer(f, /, A, B, **kwargs):
    """Return f of every pair of an element of A and one of B."""
    if f.nin != 2 or f.signature is not None:
        return f.outer(_unbox(A), _unbox(B), **kwargs)  # which NumPy refuses
    A, B = _as_array(A), _as_array(B)
    A = _reshape(A, _shape_of(A) + (1,) * len(_shape_of(B)))
    return _record_of(f).wrapped(A, B, **kwargs)


# --- reduceat


@_form(_ufunc.reduceat)
def _reduceat(f, /, array, indices, axis=0, dtype=None, out=None):
    """Return the reductions of the parts that start at the indices; see :meth:`numpy.ufunc.reduceat`."""
    array, out = _ready(f, "reduceat", array, out)
    if out is not None:
        return _written(f"{f.__name__}.reduceat", out, _reduceat(f, array, indices, axis, dtype))
    plain = f.reduceat(_unbox(array), indices, axis, dtype)
    if not _is_inexact(plain) or not len(indices):
        return plain
    if dtype is not None:
        array = _in(array, plain.dtype)
    x = _moveaxis(array, axis, 0)
    starts = _np.asarray(indices)
    ends = _np.maximum(_np.append(starts[1:], len(x)), starts + 1)
    if f is _np.add:
        members = _np.concatenate([_np.arange(*pair) for pair in zip(starts, ends, strict=True)])
        whole = len(members) == len(x) and starts[0] == 0 and (_np.diff(starts) > 0).all()
        first = _np.append(0, _np.cumsum(ends - starts)[:-1])
        y = segment_sum(x if whole else _take(x, members, 0), first)
    else:
        parts = [x[start:end] for start, end in zip(starts, ends, strict=True)]
        y = _stack([part[0] if len(part) == 1 else _reduce(f, part) for part in parts], axis=0)
    return _in(_moveaxis(y, 0, axis), plain.dtype)


def _segment_sum(a, starts):
    """The sums of the parts of a that start at increasing places, the first of them 0."""
    return _np.add.reduceat(a, starts, axis=0)


segment_sum = _primitive(_segment_sum, "numpy.add.reduceat")


# --- at


@_form(_ufunc.at)
def _at(f, /, a, indices, b=None):
    """Write f(a[i], b) into a traced array at every index i, once for each time that it is named."""
    if not isinstance(a, _Traced):
        raise _NotDifferentiableError(
            f"{f.__name__}.at would write traced values into a plain array, which holds plain numbers only; "
            f"make it with zeros, empty or array of funad.numpy inside the function that is differentiated"
        )
    given = () if b is None else (_as_array(b),)
    f.at(_np.array(_unbox(a)), indices, *map(_unbox, given))  # what NumPy refuses, it refuses here
    places = _np.arange(a.size).reshape(a.shape)[indices]
    others = [_reshape(_broadcast_to(x, places.shape), (-1,)) for x in given]
    places = places.reshape(-1)
    while places.size:
        # Each place once; those that are named again wait for the next round.
        _, first = _np.unique(places, return_index=True)
        at = _np.unravel_index(places[first], a.shape)
        a[at] = _record_of(f).wrapped(a[at], *(x[first] for x in others))
        later = _np.delete(_np.arange(places.size), first)
        places, others = places[later], [x[later] for x in others]

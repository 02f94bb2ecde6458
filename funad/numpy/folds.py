"""The methods of ufuncs on traced values: reduce, accumulate, outer, reduceat and at.

A plain ``numpy.add.reduce(x)`` and ``funad.numpy.add.reduce(x)`` both come here if x is traced.
"""

import numpy as _np

from ..boxes import Traced as _Traced
from ..boxes import innermost as _innermost
from ..boxes import model_of as _model_of
from ..calling import as_array as _as_array
from ..duck_arrays import refuse_value as _refuse_value
from ..duck_arrays import under_traces as _under_traces
from ..errors import NotDifferentiableError as _NotDifferentiableError
from ..primitives import primitive as _primitive
from ..registry import primitive_of as _primitive_of
from ..spaces import is_inexact as _is_inexact
from ..values import constant as _constant
from ..values import dtype_of as _dtype_of
from ..values import is_deferred as _is_deferred
from ..values import shape_of as _shape_of
from ..writing import UNTRACED as _UNTRACED
from ..writing import settled as _settled
from .elementwise import where as _where
from .indexing import scatter as _scatter
from .indexing import take as _take
from .manipulation import broadcast_to as _broadcast_to
from .manipulation import cast as _cast
from .manipulation import concatenate as _concatenate
from .manipulation import copy as _copy
from .manipulation import laid_out_as as _laid_out_as
from .manipulation import moveaxis as _moveaxis
from .manipulation import reshape as _reshape
from .reductions import cumprod as _cumprod
from .reductions import cumsum as _cumsum
from .reductions import in_front as _in_front
from .reductions import max as _max
from .reductions import min as _min
from .reductions import nanmax as _nanmax
from .reductions import nanmin as _nanmin
from .reductions import prod as _prod
from .reductions import sum as _sum
from .ufuncs import form, in_dtype, refuse_plain, written

__all__ = []

_ufunc = _np.ufunc
_ABSENT = _np._NoValue

# (a ∘ b) ∘ c = a ∘ (b ∘ c): these are folded by halves, in log₂ n steps instead of n.
_ASSOCIATIVE = {
    _np.maximum, _np.minimum, _np.fmax, _np.fmin, _np.logaddexp, _np.logaddexp2, _np.hypot,
}  # fmt: skip


# --- reduce


@form(_ufunc.reduce)
def _reduce(
    f, /, array, axis=0, dtype=None, out=None, keepdims=False, initial=_ABSENT, where=True
):  # fmt: skip
    """Return f(f(f(a₀, a₁), a₂), ...) along one or several axes."""
    array, out = _ready(f, "reduce", array, out)
    if out is not None:
        return written(
            f"{f.__name__}.reduce", out, _reduce(f, array, axis, dtype, None, keepdims, initial, where)
        )
    initial = initial if initial is _ABSENT else _settled(initial)
    kwargs = {} if initial is _ABSENT else {"initial": initial}
    if where is not True:
        kwargs["where"] = _constant(where)
    if _primitive_of(f).kind == "zero":
        kwargs = {name: _constant(x) for name, x in kwargs.items()}
        return _constantly(_ufunc.reduce, f, array, axis, dtype, None, keepdims, **kwargs)
    if keepdims:
        kwargs["keepdims"] = True
    if f is _np.add or f is _np.multiply:
        if dtype is not None:
            kwargs["dtype"] = dtype
        return (_sum if f is _np.add else _prod)(array, axis=axis, **kwargs)
    if dtype is not None:
        array = in_dtype(array, _np.dtype(dtype))
    if f in _EXTREMES:
        return _EXTREMES[f](array, axis=axis, **kwargs)
    return _fold(f, array, axis, keepdims, initial, kwargs.get("where", True))


def _of_numbers(f, g):
    """Return the extreme that passes over nans; g, which does the same, warns of nans alone."""

    def extreme(array, axis=0, keepdims=False, initial=_ABSENT, where=True):
        nothing = _np.isnan(_constant(array)).all(axis=axis)
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
    prim = _primitive_of(f)
    if prim.kind is None and isinstance(array, _Traced):
        prim.rule(0, _constant(array))
    duck = _under_traces(array)
    if duck is not None and (prim.kind == "zero" or not _is_inexact(duck)):
        _refuse_value(duck.primal, f"{f.__name__}.{method}()")
    out = out[0] if isinstance(out, tuple) else out
    if out is not None and not isinstance(out, _Traced):
        refuse_plain(f"{f.__name__}.{method}")
    return _as_array(array), out


def _model(x):
    """Return the plain value; where a program is recorded, and of an array of another library, any such."""
    duck = _under_traces(x)
    if duck is not None:
        return _np.broadcast_to(_np.zeros((), duck.dtype), duck.shape)
    x = _constant(x)
    return _model_of(x) if _is_deferred(x) else x


def _constantly(method, f, array, *args, **kwargs):
    """Return the result where it has no derivative; where a program is recorded, a call of the method."""
    array = _constant(array)
    if _is_deferred(array):
        return array.tape.opaque(method, (f, array, *args), kwargs)
    return method(f, array, *args, **kwargs)


def _fold(f, array, axis, keepdims, initial, where):
    """Return the reduction as as many calls of f as there are elements along the axes, or log₂ of it."""
    start = {} if initial is _ABSENT else {"initial": _constant(initial)}
    masked = {} if where is True else {"where": where}
    plain = f.reduce(_model(array), axis, None, None, keepdims, **start, **masked)  # NumPy's own errors
    shape = _shape_of(array)
    x = _in_front(array, axis)
    mask = True if where is True else _in_front(_np.broadcast_to(where, shape), axis)
    given = initial is not _ABSENT and initial is not None
    if mask is not True and not given:
        initial, given = f.identity, True
    if f in _ASSOCIATIVE and (mask is True or f.identity is not None):
        if mask is not True:
            x = _where(mask, x, f.identity)
        if len(x) == 1 and not given and f.identity is not None:
            initial, given = f.identity, True  # hypot(0, x) is |x|
        y = _by_halves(f, x) if len(x) else initial if given else plain
        y = _call_binary(f, y, initial) if given and len(x) else y
    elif not len(x):
        y = initial if given else plain
    else:
        y = _in_order(f, x, mask, (initial,) if given else ())[-1]
    y = _reshape(y, _np.shape(plain)) if len(x) else _broadcast_to(y, _np.shape(plain))
    return _own(in_dtype(y, plain.dtype), array)


def _call_binary(f, a, b):
    return _primitive_of(f).traced(a, b)


def _by_halves(f, x):
    """Return the fold of an associative and commutative f: the one half with the other."""
    f = _primitive_of(f).traced
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


def _in_order(f, x, mask, initial=()):
    """Return the fold of the first element, of the first two, ...; ``initial`` may stand before them."""
    if initial:
        first = _cast(initial[0], _np.result_type(_dtype_of(initial[0]), _dtype_of(x)))
        x = _concatenate([_broadcast_to(first, (1, *_shape_of(x)[1:])), x], axis=0)
        mask = mask if mask is True else _np.concatenate([_np.ones_like(mask[:1]), mask])
    return running(f, x) if mask is True else running(f, x, mask)


# --- folds in order, and the recurrence that their derivatives follow

# NumPy's own loops for these may take several elements at once, before they have been computed.
_ONE_BY_ONE = {_np.arctan2, _np.power, _np.float_power}
# A row of fewer numbers than this is dearer as an array than as numbers of Python's.
_NARROW = 24


def _running(f, x, where=True):
    """Return f(y₀, x₁), f(y₁, x₂), ... along the first axis, with y₀ = x₀; where a mask is false, no step."""
    if where is True and f not in _ONE_BY_ONE:
        return f.accumulate(x, axis=0)
    y = _np.array(x)
    for n in range(1, len(x)):
        if where is not True:
            y[n] = y[n - 1]
        f(y[n - 1], x[n, ...], out=y[n, ...], where=where if where is True else where[n])
    return y


def _recurrence(a, b):
    """Return r₀ = b₀, rₙ = aₙ₋₁·rₙ₋₁ + bₙ along the first axis: zero times anything is zero."""
    r = _np.array(b, _np.result_type(a, b))
    if not len(a) or not r[0].size:
        return r
    if r[0].size < _NARROW:
        columns = a.reshape(len(a), -1).T.tolist(), r.reshape(len(r), -1).T.tolist()
        return _np.array([*map(_recurrence_of_numbers, *columns)], r.dtype).T.reshape(r.shape)
    finite = _np.isfinite(a).all()
    with _np.errstate(all="ignore"):
        for n, factor in enumerate(a):
            r[n + 1] += factor * r[n] if finite else _np.where(r[n] == 0, 0, factor * r[n])
    return r


def _recurrence_of_numbers(a, b):
    value, *b = b
    values = [value]
    append = values.append
    for factor, more in zip(a, b, strict=True):
        value = factor * value + more if value else more
        append(value)
    return values


running = _primitive(_running, "a ufunc in order")
recurrence = _primitive(_recurrence, "a linear recurrence")


# --- accumulate


@form(_ufunc.accumulate)
def _accumulate(f, /, array, axis=0, dtype=None, out=None):
    """Return what reduce returns of the first element, of the first two, ... along an axis."""
    array, out = _ready(f, "accumulate", array, out)
    if out is not None:
        return written(f"{f.__name__}.accumulate", out, _accumulate(f, array, axis, dtype))
    plain = f.accumulate(_model(array), axis, dtype)
    if not _is_inexact(plain):
        return _constantly(_ufunc.accumulate, f, array, axis, dtype)
    axis = 0 if axis is None else axis  # NumPy has taken it, so that there is one axis at most
    if f is _np.add or f is _np.multiply:
        return (_cumsum if f is _np.add else _cumprod)(array, axis=axis, dtype=dtype)
    if dtype is not None:
        array = in_dtype(array, plain.dtype)
    x = _moveaxis(array, axis, 0)
    if len(x):
        x = _doubling(_primitive_of(f).traced, x) if f in _ASSOCIATIVE else _in_order(f, x, True)
    return _laid_out_as(_own(in_dtype(_moveaxis(x, 0, axis), plain.dtype), array), plain)


def _own(y, array):
    """Return a result in memory of its own: of one element, it is a view of what was folded."""
    return _copy(y, "C") if _np.may_share_memory(_model(y), _model(array)) else y


def _doubling(f, x):
    """Return the running fold of an associative f: of two, of four, of eight elements, ..."""
    step = 1
    while step < len(x):
        x = _concatenate([x[:step], f(x[:-step], x[step:])], axis=0)
        step *= 2
    return x


# --- outer


@form(_ufunc.outer)
def _outer(f, /, A, B, **kwargs):
    """Return f of every pair of an element of A and one of B."""
    if f.nin != 2 or f.signature is not None:
        return f.outer(_constant(A), _constant(B), **kwargs)  # which NumPy refuses
    A, B = (_np.asarray(x) if type(x) in (int, float, complex) else _as_array(x) for x in (A, B))
    A = _reshape(A, _shape_of(A) + (1,) * len(_shape_of(B)))
    return _primitive_of(f).traced(A, B, **kwargs)


# --- reduceat


@form(_ufunc.reduceat)
def _reduceat(f, /, array, indices, axis=0, dtype=None, out=None):
    """Return the reductions of the parts that start at the indices; see :meth:`numpy.ufunc.reduceat`."""
    array, out = _ready(f, "reduceat", array, out)
    if out is not None:
        return written(f"{f.__name__}.reduceat", out, _reduceat(f, array, indices, axis, dtype))
    plain = f.reduceat(_model(array), indices, axis, dtype)
    if not _is_inexact(plain):
        return _constantly(_ufunc.reduceat, f, array, indices, axis, dtype)
    if not len(indices):
        return plain
    if dtype is not None:
        array = in_dtype(array, plain.dtype)
    x = _moveaxis(array, axis, 0)
    starts = _np.asarray(indices)
    ends = _np.maximum(_np.append(starts[1:], len(x)), starts + 1)
    if f is _np.add:
        lengths = ends - starts
        first = _np.append(0, _np.cumsum(lengths)[:-1])
        whole = starts[0] == 0 and (_np.diff(starts) > 0).all()
        members = None if whole else _np.repeat(starts - first, lengths) + _np.arange(lengths.sum())
        y = segment_sum(x if whole else _take(x, members, 0), first)
    else:
        y = _by_length(f, x, starts, ends - starts)
    return _laid_out_as(_own(in_dtype(_moveaxis(y, 0, axis), plain.dtype), array), plain)


def _by_length(f, x, starts, lengths):
    """Return the reductions of the parts: one traced reduction for all parts of one length."""
    groups = list(_alike(lengths))
    members = [starts[parts][:, None] + _np.arange(lengths[parts[0]]) for parts in groups]
    flat = _np.concatenate([part.reshape(-1) for part in members])
    if not _np.array_equal(flat, _np.arange(len(x))):
        x = _take(x, flat, 0)
    found, end = [], 0
    for part in members:
        start, end = end, end + part.size
        whole = _reshape(x[start:end], (*part.shape, *_shape_of(x)[1:]))
        found.append(_reduce(f, whole, axis=1) if part.shape[1] > 1 else whole[:, 0])
    y = found[0] if len(found) == 1 else _concatenate(found, axis=0)
    order = _np.concatenate(groups)
    return y if _np.array_equal(order, _np.arange(len(order))) else _take(y, _np.argsort(order), 0)


def _alike(numbers):
    """Iterate over the positions of equal numbers, for each number that there is."""
    order = _np.argsort(numbers, kind="stable")
    return _np.split(order, _np.flatnonzero(_np.diff(numbers[order])) + 1)


def _segment_sum(a, starts):
    """The sums of the parts of a that start at increasing places, the first of them 0."""
    return _np.add.reduceat(a, starts, axis=0)


segment_sum = _primitive(_segment_sum, "numpy.add.reduceat")


# --- at


@form(_ufunc.at)
def _at(f, /, a, indices, b=None):
    """Write f(a[i], b) into a traced array at every index i, once for each time that it is named."""
    if not isinstance(a, _Traced):
        if _innermost((indices, b)) is _UNTRACED:
            return f.at(a, _settled(indices), _settled(b))
        raise _NotDifferentiableError(
            f"{f.__name__}.at would write traced values into a plain array, which holds plain numbers only; "
            f"make it with zeros, empty or array of funad.numpy inside the function that is differentiated"
        )
    given = () if b is None else (_as_array(b),)
    f.at(_np.array(_constant(a)), indices, *map(_constant, given))  # what NumPy refuses, it refuses here
    places = _np.arange(a.size).reshape(a.shape)[indices]
    others = [_reshape(_broadcast_to(x, places.shape), (-1,)) for x in given]
    places, named = _np.unique(places.reshape(-1), return_inverse=True)
    if not places.size:
        return
    at = _np.unravel_index(places, a.shape)
    if f is _np.add or f is _np.subtract:
        a[at] = _primitive_of(f).traced(a[at], _scatter(places.shape, a.dtype, [named], others))
        return
    # What is written to each place, one after the other; and how often each place is named.
    order, times = _np.argsort(named, kind="stable"), _np.bincount(named)
    first = _np.append(0, _np.cumsum(times)[:-1])
    if given and _is_inexact(given[0]):
        _fold_at(f, a, at, _take(others[0], order, 0), first, times)
        return
    for turn in range(times.max()):
        still = times > turn
        now = tuple(index[still] for index in at)
        a[now] = _primitive_of(f).traced(a[now], *(x[order[first[still] + turn]] for x in others))


def _fold_at(f, a, at, x, first, times):
    """Write the folds of elements of a and of what follows: one traced reduction for each number of times."""
    for group in _alike(times):
        count = times[group[0]]
        now = tuple(index[group] for index in at)
        if count == 1:
            a[now] = _primitive_of(f).traced(a[now], x[first[group]])
            continue
        parts = _take(x, first[group] + _np.arange(count)[:, None], 0)
        a[now] = _reduce(f, _concatenate([_reshape(a[now], (1, -1)), parts], axis=0))

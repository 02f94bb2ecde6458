"""The keywords of ufuncs on traced values: dtype and its like, where= and out=, axes=.

A plain ``numpy.exp(x, dtype=...)`` and ``funad.numpy.exp(x, dtype=...)`` both come here if x is traced.
"""

import dis as _dis
import functools as _functools
import sys as _sys

import numpy as _np

from ..boxes import Traced as _Traced
from ..boxes import innermost as _innermost
from ..calling import as_array as _as_array
from ..calling import call as _call
from ..cpython import above as _above
from ..cpython import frame_at as _frame_at
from ..cpython import takes_no_result as _takes_no_result
from ..errors import UnsupportedKeywordError as _UnsupportedKeywordError
from ..primitives import composite as _composite
from ..primitives import primitive as _primitive
from ..registry import primitive_of as _primitive_of
from ..spaces import is_inexact as _is_inexact
from ..values import constant as _constant
from ..values import dtype_of as _dtype_of
from ..values import shape_of as _shape_of
from ..writing import UNTRACED as _UNTRACED
from ..writing import fillable as _fillable
from ..writing import settled as _settled
from .elementwise import where as _where
from .manipulation import asarray as _asarray
from .manipulation import cast as _cast
from .manipulation import moveaxis as _moveaxis
from .manipulation import reshape as _reshape

__all__ = []

_ufunc = _np.ufunc


def form(method):
    """Make the decorated function what a method of ufuncs is on traced values."""

    def decorate(g):
        @_composite(method)
        @_functools.wraps(g)
        def form(f, /, *args, **kwargs):
            out = kwargs.get("out")
            if out is not None and _innermost((*args, *kwargs.values())) is _UNTRACED and not _traced(out):
                return method(f, *map(_settled, args), **{name: _settled(x) for name, x in kwargs.items()})
            y = g(f, *args, **kwargs)
            return _fillable(y) if out is None else y  # of arrays without traced values yet

        return form

    return decorate


def _traced(out):
    return any(isinstance(x, _Traced) for x in (out if isinstance(out, tuple) else (out,)))


# --- a call with keywords


@form(_ufunc.__call__)
def _with_keywords(
    f, /, *args, out=None, where=True, casting="same_kind", order="K", subok=True, dtype=None,
    signature=None, **axes,
):  # fmt: skip
    """Return f(*args), in the type, and with the memory order, asked for."""
    prim = _primitive_of(f)
    args, out = _arguments(f, args, out)
    if where is not True and prim.name.startswith("scipy."):
        _refuse_where(f.__name__)
    if axes and f.signature is None:
        f(*map(_constant, args), **axes)  # which NumPy refuses
    if prim.kind == "zero":
        kwargs = {"where": _constant(where), "casting": casting, "order": order, "subok": subok, **axes}
        kwargs |= {"dtype": dtype} if signature is None else {"signature": signature}
        y = f(*map(_constant, args), out=None if out is None else tuple(map(_plain, out)), **kwargs)
        return y if out is None else _returned(f, y, out)
    for argnum, x in enumerate(args):
        if isinstance(x, _Traced):
            prim.rule(argnum, _constant(x))
    args = _in_types(f, args, dtype, signature, casting, out)
    if not subok:
        args = [_np.asarray(x) if issubclass(type(x), _np.ndarray) else x for x in args]
    if where is not True or out is not None:
        return _into(f, args, _constant(where), out, casting, axes)
    y = _along_axes(prim, args, **axes) if axes else prim.traced(*args)
    if order == "K":
        return y
    if order == "A":
        order = "F" if all(_np.isfortran(_np.asarray(_constant(x))) for x in args) else "C"
    parts = tuple(
        _asarray(part, order=order) if _np.ndim(_constant(part)) else part
        for part in (y if f.nout > 1 else (y,))
    )
    return parts if f.nout > 1 else parts[0]


def _refuse_where(name):
    """Refuse where= of a ufunc of SciPy's, which SciPy 1.17 computes wrongly: it writes beyond its memory."""
    raise _UnsupportedKeywordError(
        f"{name}(..., where=mask) takes no traced value, as SciPy writes beyond the mask; write "
        f"np.where(mask, {name}(np.where(mask, x, 1.0)), 0.0), with a number in the place of 1.0 at which "
        f"{name} is finite"
    )


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
    out = None if all(x is None for x in outs) else (*outs, *(None,) * (f.nout - len(outs)))
    return [_as_array(x) for x in args[: f.nin]], out


def _in_types(f, args, dtype, signature, casting, out):
    """Return the arguments in the types in which f is computed; NumPy refuses what it would."""
    if dtype is None and signature is None and casting == "same_kind":
        return args
    asked = {} if signature is None else {"signature": signature}
    if signature is None and dtype is not None:
        asked = {"signature": (None,) * f.nin + (_np.dtype(dtype),) * f.nout}
    given = [_weak_dtype(x) for x in args]
    wanted = [None if x is None else _dtype_of(x) for x in out or (None,) * f.nout]
    dtypes = f.resolve_dtypes((*given, *wanted), casting=casting, **asked)
    return [in_dtype(x, dtype) for x, dtype in zip(args, dtypes, strict=False)]


def _weak_dtype(x):
    """Return the dtype of an argument; of a Python number its type, which gives way to others."""
    x = _constant(x)
    return type(x) if type(x) in (int, float, complex) else _dtype_of(x)


def in_dtype(x, dtype):
    """Return x in a dtype."""
    return x if _dtype_of(x) == dtype else _cast(x, dtype)


# --- where= and out=


def _into(f, args, where, out, casting, axes):
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
        refuse_plain(name)
    if plain and _is_dropped():
        raise _UnsupportedKeywordError(
            f"{name}(..., where=mask, out=y) on a traced value returns its result, and does not write it "
            f"into a plain array, where its derivative would be lost; but nothing takes the result: write "
            f"y = np.{name}(..., where=mask, out=y), or make y with funad.numpy.zeros"
        )
    if where is True:
        return _returned(f, _along_axes(_primitive_of(f), args, **axes), out, casting)
    if f.nout == 1 and f.nin <= 2 and _primitive_of(f).kind == "elementwise":
        where = where if isinstance(where, bool) else _np.asarray(where)
        return _returned(f, masked(f, casting, where, _settled(out[0]), *args), out)
    # What NumPy refuses, it refuses here; where it computes nothing, it does not warn.
    copies = tuple(map(_plain, out))
    kept = f(*map(_constant, args), where=where, out=copies, casting=casting)
    with _np.errstate(all="ignore"):
        y = _primitive_of(f).traced(*args)
    parts = tuple(
        in_dtype(_where(where, part, _settled(other)), x.dtype) if _is_inexact(x) else x
        for part, other, x in zip(
            y if f.nout > 1 else (y,), out, kept if f.nout > 1 else (kept,), strict=True
        )
    )
    return _returned(f, parts if f.nout > 1 else parts[0], out)


def _plain(x):
    """Return an array for NumPy to write into: of a traced one a copy of its values."""
    return _np.array(_constant(x)) if isinstance(x, _Traced) else x


def _returned(f, y, out, casting="same_kind"):
    """Return the results, those for traced arrays written into them.

    The one place where results and ``out=`` meet. A plain array has been written to by NumPy, with
    results that have no derivative; or else it is only read, and what comes back is another.
    """
    parts = tuple(
        part if not isinstance(x, _Traced) else written(f.__name__, x, part, casting)
        for x, part in zip(out, y if f.nout > 1 else (y,), strict=True)
    )
    return parts if f.nout > 1 else parts[0]


def written(name, x, y, casting="same_kind"):
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


def refuse_plain(name):
    """Refuse to write a traced result into a plain array."""
    raise _UnsupportedKeywordError(
        f"{name}(..., out=y) on a traced value would write its result into a plain array y, which holds "
        f"plain numbers only: make y with zeros or empty of funad.numpy, or use what the function returns, "
        f"y = np.{name}(...), also for an operator in place: y = y + x for y += x"
    )


def _is_dropped():
    """Say whether the user's line is a statement by itself, and so does not take the result."""
    for frame in _above(_frame_at(1)):
        if not frame.f_globals.get("__name__", "funad.").startswith("funad."):
            return _takes_no_result(frame)
    return False


def _masked(f, casting, where, out, *args):
    y = _np.array(out)
    return f(*args, out=y, where=where, casting=casting)


masked = _primitive(_masked, "a ufunc with where=")


# --- the axes of matmul, vecdot, matvec and vecmat


def _along_axes(prim, args, axes=None, axis=None, keepdims=False, **unknown):
    """Return f with its vectors and matrices along other axes than the last."""
    f = prim.f
    given = {"axes": axes, "axis": axis, "keepdims": keepdims, **unknown}
    given = {name: x for name, x in given.items() if x is not None and x is not False}
    if not given:
        return prim.traced(*args)
    if prim.keywords.issuperset(given):
        return _call(prim, tuple(args), given)
    core = 0 if f.signature is None else _core_dims(f, args)
    if set(given) != {"axes"} or len(axes) not in ((f.nargs,) if core else (f.nin, f.nargs)):
        plain = f(*map(_constant, args), **given)  # what NumPy refuses, it refuses here
    if axes is None:
        axes = [axis if axis is not None else -1] * len(args)
    places = [(x,) if isinstance(x, (int, _np.integer)) else tuple(x) for x in axes]
    moved = [_moveaxis(x, at, range(-len(at), 0)) for x, at in zip(args, places, strict=False)]
    y = prim.traced(*moved)
    if keepdims:
        return _reshape(y, plain.shape)
    return _moveaxis(y, range(-core, 0), places[f.nin]) if core else y


def _core_dims(f, args):
    """Return how many axes of the result are of its vector or matrix."""
    if f is not _np.matmul:
        _, _, of_y = f.signature.partition("->")
        return 0 if of_y == "()" else of_y.count(",") + 1
    return sum(len(_shape_of(x)) > 1 for x in args)

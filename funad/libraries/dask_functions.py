"""What NumPy has no name for, and what dask has in another form than NumPy: for dask arrays."""

import operator
import sys

import numpy as onp

from ..duck_arrays import Unread
from ..foreign import is_duck
from ..indices import repeats, scatter
from ..numpy.creation import assemble
from ..numpy.manipulation import cast
from ..numpy.padding import pad_zeros
from ..numpy.reductions import difference
from ..refusals import refused_index
from ..registry import primitive_of
from ..writing import ASSIGN


class _DaskArray:
    """The module dask.array, which is loaded if there is an array of it."""

    def __getattr__(self, name):
        return getattr(sys.modules["dask.array"], name)


da = _DaskArray()


def _scatter(shape, dtype, indices, pieces):
    """Return zeros with each piece added at its index."""
    return sum(_put_into_zeros(tuple(shape), dtype, *each) for each in zip(indices, pieces, strict=True))


def _put_into_zeros(shape, dtype, index, piece):
    parts = index if type(index) is tuple else (index,)
    if any(map(is_duck, parts)) or repeats(parts):
        return _add_rows(shape, dtype, parts, piece)
    model = onp.broadcast_to(onp.zeros((), onp.int8), shape)
    piece = da.broadcast_to(piece, model[index].shape)
    parts = tuple(part for part in parts if part is not None)  # axes that the index has made are none of x
    dense = da.zeros(shape, dtype=dtype)
    dense[parts] = piece.reshape(model[parts].shape)
    return dense


def _add_rows(shape, dtype, parts, piece):
    """Return zeros with rows added at places along the first axis, chunk of rows by chunk of rows."""
    if len(parts) > 1:
        raise Unread(
            "x[index] of an array beside dask arrays, with an index of more than one array of places; take "
            "along one axis, np.take(x, places, axis=0), after import funad.numpy as np"
        )
    piece, places = da.asarray(piece), da.asarray(parts[0])
    if places.ndim != 1:
        piece, places = piece.reshape(places.size, *piece.shape[places.ndim :]), places.ravel()
    piece = piece.rechunk(dict.fromkeys(range(1, piece.ndim), -1))
    places = places.rechunk((piece.chunks[0],))
    add = sys.modules["dask"].delayed(_added_rows, pure=True)
    chunks = (x.to_delayed(optimize_graph=False).ravel() for x in (places, piece))
    blocks = zip(*chunks, strict=True)
    sums = [da.from_delayed(add(shape, dtype, *block), shape, dtype)[None] for block in blocks]
    return da.concatenate(sums).sum(axis=0)


def _added_rows(shape, dtype, places, rows):
    return scatter(shape, dtype, [places], [rows])


def _getitem(x, index):
    if not is_duck(x):
        raise refused_index(index)
    return x[index]


def _in_one(x):
    """Return a plain array as a dask array in one chunk."""
    return x if is_duck(x) else da.from_array(onp.asarray(x), chunks=-1)


def _take(a, indices, axis=None, *, mode="raise"):
    """Take rows of an array in memory at places that are known later; or the reverse, which dask has."""
    if mode != "raise":
        return NotImplemented
    if axis is None:
        a, axis = da.ravel(a) if is_duck(a) else onp.ravel(a), 0
    if not is_duck(indices):
        axis, shape = axis % a.ndim, onp.shape(indices)
        y = da.take(a, indices if len(shape) == 1 else onp.ravel(indices), axis=axis)  # one axis of places
        return y if len(shape) == 1 else y.reshape(a.shape[:axis] + shape + a.shape[axis + 1 :])
    a = _in_one(a)
    if axis != 0 or a.npartitions > 1:
        return NotImplemented
    places, rest = (tuple(range(indices.ndim)), tuple(range(indices.ndim, indices.ndim + a.ndim - 1)))
    return da.blockwise(
        onp.take, places + rest, a, (-1, *rest), indices, places, axis=0, dtype=a.dtype, concatenate=True
    )


def _assign(pair, path, index):
    """Return x of (x, v) with v at an index."""
    x, v = pair
    if path:
        raise Unread(
            "a write into a view of an array beside dask arrays; write into the array itself, x[i, j] = v"
        )
    y = x.copy() if is_duck(x) else da.from_array(onp.array(x))
    y[index] = v.astype(y.dtype) if hasattr(v, "astype") else v
    return y


def _array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0, like=None):
    """Return nested lists of arrays as one."""
    if like is not None or ndmin:
        return NotImplemented
    y = da.stack(list(map(_array, object))) if type(object) in (list, tuple) else da.asarray(object)
    return y if dtype is None else y.astype(dtype)


def _as_it_is(x, dtype=None, *_, **__):
    return x if dtype is None else x.astype(dtype)


def _matrix_transpose(x):
    return da.swapaxes(x, -1, -2)


def _inner(a, b):
    if not onp.ndim(a) or not onp.ndim(b):
        return a * b
    return da.tensordot(a, b, axes=(-1 % onp.ndim(a), -1 % onp.ndim(b)))


def _several(n):
    """Return a shape as a tuple."""
    return (n,) if isinstance(n, (int, onp.integer)) else tuple(map(int, n))


def _reshape(a, /, shape=None, order="C", *, newshape=None, copy=None):
    return da.reshape(a, _several(newshape if shape is None else shape)) if order == "C" else NotImplemented


def _axes(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def _reduced(name, a, axis, out, keepdims, where, fill, initial=None, join=None, **kwargs):
    """Call a reduction of dask's from ``initial`` on, with ``fill`` where ``where`` leaves something out."""
    if out is not None or (where is not True and fill is None):
        return NotImplemented
    a = a if where is True else da.where(where, a, fill)
    y = getattr(da, name)(a, axis=_axes(axis), keepdims=bool(keepdims), **kwargs)
    return y if initial is None else join(y, initial)


def _extreme(name, join):
    """Return max or min of dask arrays with NumPy's keywords."""
    return lambda a, axis=None, out=None, keepdims=False, initial=None, where=True: _reduced(
        name, a, axis, out, keepdims, where, initial, initial, join
    )


def _sum_of(name, neutral, join):
    """Return sum or prod of dask arrays with NumPy's keywords."""

    def form(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
        a = da.asarray(a)
        fill = onp.asarray(neutral, a.dtype)[()]
        return _reduced(name, a, axis, out, keepdims, where, fill, initial, join, dtype=dtype)

    return form


def _some(name, neutral):
    """Return any or all of dask arrays with NumPy's keywords."""
    return lambda a, axis=None, out=None, keepdims=False, *, where=True: _reduced(
        name, a, axis, out, keepdims, where, neutral
    )


def _mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    if where is True or out is not None:
        return _reduced("mean", a, axis, out, keepdims, True, None, dtype=dtype)
    total = FORMS[onp.sum](a, axis, dtype, keepdims=keepdims, where=where)
    return total / _reduced("sum", da.broadcast_to(where, a.shape), axis, None, keepdims, True, None)


def _vector_norm(x, *, axis=None, keepdims=False, ord=2):
    """Return the norm of vectors: sums and extremes, which dask has."""
    size = da.absolute(x)
    how = {"axis": _axes(axis), "keepdims": bool(keepdims)}
    if ord in (onp.inf, -onp.inf):
        return (da.max if ord > 0 else da.min)(size, **how)
    if ord == 0:
        return da.sum((x != 0).astype(size.dtype), **how)
    if ord == 1:
        return da.sum(size, **how)
    return da.sqrt(da.sum(size * size, **how)) if ord == 2 else da.sum(size**ord, **how) ** (1 / ord)


def _norm(x, ord=None, axis=None, keepdims=False):
    if ord is None:
        return _vector_norm(x, axis=axis, keepdims=keepdims)
    return da.linalg.norm(x, ord, axis, keepdims)


def _cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """Return a × b of vectors in space."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = da.moveaxis(da.asarray(a), axisa, -1), da.moveaxis(da.asarray(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        return NotImplemented
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return da.moveaxis(da.stack(parts, axis=-1), -1, axisc)


def _without(name, *ignored):
    """Return dask's function of a name, which lacks keywords that change nothing."""
    return lambda *args, **kwargs: getattr(da, name)(
        *args, **{key: x for key, x in kwargs.items() if key not in ignored}
    )


def _transform(name):
    """Return a Fourier transform along one axis, which is brought into one chunk."""

    def form(a, n=None, axis=-1, norm=None, out=None):
        if norm is not None or out is not None:
            return NotImplemented
        a = da.asarray(a)
        return getattr(da.fft, name)(a.rechunk({axis % a.ndim: -1}), n, axis)

    return form


def _transform_along(name):
    """Return a Fourier transform along several axes, which are brought into one chunk each."""

    def form(a, s=None, axes=None, norm=None, out=None):
        if norm is not None or out is not None or any(k < 1 for k in (() if s is None else s)):
            return NotImplemented
        a = da.asarray(a)
        axes = (-2, -1) if axes is None and name.endswith("2") else axes
        a = a.rechunk({k % a.ndim: -1 for k in (range(a.ndim) if axes is None else axes)})
        return getattr(da.fft, name)(a, s, axes)

    return form


def _flattened(name):
    """Return a cumulative function of dask's, which wants an axis."""

    def form(a, axis=None, dtype=None, out=None):
        a = da.asarray(a)
        a, axis = (a.reshape(-1), 0) if axis is None else (a, axis)
        return getattr(da, name)(a, axis=axis, dtype=dtype) if out is None else NotImplemented

    return form


def _core_in_one(f, cores):
    """Return a ufunc of vectors and matrices, whose axes are brought into one chunk each."""

    def form(*args, **kwargs):
        arrays = zip(map(da.asarray, args), cores, strict=True)
        return f(*(x.rechunk({n % x.ndim: -1 for n in range(-k, 0)}) for x, k in arrays), **kwargs)

    return form


def _vecdot(a, b, /, *, axis=-1):
    a, b = (da.moveaxis(da.asarray(x), axis, -1) for x in (a, b))
    return (da.conj(a) * b).sum(axis=-1)


def _solve(a, b):
    """Solve systems with one matrix, chunk by chunk of columns; those of a matrix in chunks are dask's."""
    if onp.ndim(a) != 2 or onp.ndim(b) > 2:
        return NotImplemented
    a, b = _in_one(a), _in_one(b)
    if a.npartitions > 1:
        return da.linalg.solve(a, b)
    dtype, of_b = onp.result_type(a.dtype, b.dtype, onp.float32), "jk"[: b.ndim]
    return da.blockwise(
        onp.linalg.solve, "i" + of_b[1:], a, "ij", b.rechunk({0: -1}), of_b, dtype=dtype, concatenate=True
    )


def _weights(a, axis):
    """Return exp(a - m) with the maxima m along axes, and m."""
    a = da.asarray(a)
    m = a.max(axis=_axes(axis), keepdims=True)
    m = da.where(da.isfinite(m), m, 0.0)
    return da.exp(a - m), m


def _logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    if return_sign or b is not None:
        return NotImplemented
    weights, m = _weights(a, axis)
    y = da.log(weights.sum(axis=_axes(axis), keepdims=True)) + m
    return y if keepdims else da.squeeze(y, tuple(range(y.ndim)) if axis is None else _axes(axis))


def _softmax(x, axis=None):
    weights, _ = _weights(x, axis)
    return weights / weights.sum(axis=_axes(axis), keepdims=True)


# Those of SciPy's functions, which is loaded where they are called: by name.
FORMS_OF_SCIPY = {
    "scipy.special.logsumexp": _logsumexp,
    "scipy.special.softmax": _softmax,
    "scipy.special.log_softmax": lambda x, axis=None: x - _logsumexp(x, axis, keepdims=True),
}


def _assembled(parts, shape):
    """Return parts of one shape, one after the other in an array of a shape."""
    return da.stack(list(map(da.asarray, parts))).reshape(shape)


def _pairs(width):
    """Return widths as pairs of Python's integers, which dask asks for."""
    return tuple(tuple(map(int, pair)) for pair in width)


FORMS = {
    onp.linalg.solve: _solve,
    scatter: _scatter,
    ASSIGN.f: _assign,
    operator.getitem: _getitem,
    primitive_of(cast).f: lambda x, dtype, casting="unsafe": x.astype(dtype),
    primitive_of(pad_zeros).f: lambda array, width: da.pad(array, _pairs(width), mode="constant"),
    primitive_of(difference).f: lambda a, n=1, axis=-1: da.diff(a, n, axis),
    onp.take: _take,
    onp.array: _array,
    primitive_of(assemble).f: _assembled,
    onp.copy: lambda a, order="K", subok=False: a,
    onp.inner: _inner,
    onp.sum: _sum_of("sum", 0, operator.add),
    onp.prod: _sum_of("prod", 1, operator.mul),
    onp.any: _some("any", False),
    onp.all: _some("all", True),
    onp.mean: _mean,
    onp.cross: _cross,
    onp.linalg.cross: lambda x1, x2, /, *, axis=-1: _cross(x1, x2, axis=axis),
    onp.linalg.norm: _norm,
    onp.linalg.vector_norm: _vector_norm,
    onp.linalg.matmul: _without("matmul"),
    onp.linalg.outer: _without("outer"),
    onp.linalg.tensordot: _without("tensordot"),
    onp.linalg.diagonal: lambda x, /, *, offset=0: da.diagonal(x, offset, -2, -1),
    onp.linalg.trace: lambda x, /, *, offset=0, dtype=None: da.diagonal(x, offset, -2, -1).sum(-1, dtype),
    onp.stack: _without("stack", "casting"),
    onp.concatenate: _without("concatenate", "casting", "dtype"),
    onp.nancumsum: _flattened("nancumsum"),
    onp.nancumprod: _flattened("nancumprod"),
    **{
        getattr(onp, name): _core_in_one(getattr(onp, name), cores)
        for name, cores in (("matvec", (2, 1)), ("vecmat", (1, 2)))
        if hasattr(onp, name)  # from NumPy 2.2 on
    },
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
    onp.broadcast_to: lambda array, shape, subok=False: da.broadcast_to(array, _several(shape)),
    **dict.fromkeys((onp.vecdot, onp.linalg.vecdot), _vecdot),
    **dict.fromkeys((onp.matrix_transpose, onp.linalg.matrix_transpose), _matrix_transpose),
    **dict.fromkeys(
        (onp.asarray, onp.asanyarray, onp.ascontiguousarray, onp.asfortranarray, onp.require), _as_it_is
    ),
}

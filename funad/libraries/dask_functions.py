"""What NumPy has no name for, and what dask has in another form than NumPy: for dask arrays."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as onp

from ..duck_arrays import Unread
from ..foreign import is_duck
from ..indices import ASSIGN, repeats, scatter
from ..numpy.manipulation import cast
from ..numpy.padding import pad_zeros
from ..numpy.reductions import difference
from ..refusals import refused_index
from ..registry import primitive_of


def dask_array() -> Any:
    """Return dask.array, which is loaded if there is an array of it."""
    return sys.modules["dask.array"]


def _scatter(shape: Any, dtype: Any, indices: Any, pieces: Any) -> Any:
    """Return zeros with each piece added at its index."""
    total: Any = 0
    for index, piece in zip(indices, pieces, strict=True):
        total = total + _put_into_zeros(tuple(shape), dtype, index, piece)
    return total


def _put_into_zeros(shape: tuple[int, ...], dtype: Any, index: Any, piece: Any) -> Any:
    da = dask_array()
    parts = index if type(index) is tuple else (index,)
    if any(is_duck(part) for part in parts) or repeats(tuple(part for part in parts if not is_duck(part))):
        return _add_rows(shape, dtype, parts, piece)
    zeros = onp.broadcast_to(onp.zeros((), onp.int8), shape)[index]
    piece = da.broadcast_to(piece, zeros.shape)
    # Axes that the index has made are none of x.
    piece = piece.reshape(
        onp.broadcast_to(onp.zeros((), onp.int8), shape)[tuple(p for p in parts if p is not None)].shape
    )
    dense = da.zeros(shape, dtype=dtype)
    dense[tuple(part for part in parts if part is not None)] = piece
    return dense


def _add_rows(shape: tuple[int, ...], dtype: Any, parts: tuple[Any, ...], piece: Any) -> Any:
    """Return zeros with rows added at places along the first axis, chunk of rows by chunk of rows."""
    da, dask = dask_array(), sys.modules["dask"]
    (places,) = parts if len(parts) == 1 else (None,)
    if places is None or onp.ndim(places) != 1:
        raise Unread(
            "x[index] of an array beside dask arrays, with an index of more than one array of places or of "
            "more than one axis; take along one axis, np.take(x, places, axis=0), after import funad.numpy "
            "as np"
        )
    piece = da.asarray(piece)
    piece = piece.rechunk(dict.fromkeys(range(1, piece.ndim), -1))
    places = places if is_duck(places) else da.from_array(onp.asarray(places), chunks=(piece.chunks[0],))
    places = places.rechunk((piece.chunks[0],))
    add = dask.delayed(_added_rows, pure=True)
    blocks = zip(places.to_delayed().ravel(), piece.to_delayed().ravel(), strict=True)
    sums = [da.from_delayed(add(shape, dtype, *block), shape, dtype)[None] for block in blocks]
    return da.concatenate(sums).sum(axis=0)


def _added_rows(shape: tuple[int, ...], dtype: Any, places: Any, rows: Any) -> Any:
    return scatter(shape, dtype, [places], [rows])


def _getitem(x: Any, index: Any) -> Any:
    if not is_duck(x):
        raise refused_index(index)
    return x[index]


def _take(a: Any, indices: Any, axis: Any = None, *, mode: str = "raise") -> Any:
    """Take rows of an array in memory at places that are known later; or the reverse, which dask has."""
    da = dask_array()
    if not is_duck(indices):
        return da.take(a, indices, axis=axis) if mode == "raise" and axis is not None else NotImplemented
    if axis != 0 or mode != "raise" or (is_duck(a) and a.npartitions > 1):
        return NotImplemented
    a = a if is_duck(a) else da.from_array(onp.asarray(a), chunks=-1)
    rest = tuple(range(indices.ndim, indices.ndim + a.ndim - 1))
    places = tuple(range(indices.ndim))
    out = (*places, *rest)
    return da.blockwise(
        _taken, out, a, (indices.ndim + a.ndim, *rest), indices, places,
        dtype=a.dtype, concatenate=True,
    )  # fmt: skip


def _taken(a: Any, indices: Any) -> Any:
    return onp.take(a, indices, axis=0)


def _assign(pair: Any, path: Any, index: Any) -> Any:
    """Return x of (x, v) with v at an index."""
    x, v = pair
    if path:
        raise Unread(
            "a write into a view of an array beside dask arrays; write into the array itself, x[i, j] = v"
        )
    da = dask_array()
    y = x.copy() if is_duck(x) else da.from_array(onp.array(x))
    if y.dtype != v.dtype if hasattr(v, "dtype") else False:
        v = v.astype(y.dtype)
    y[index] = v
    return y


def _array(
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: Any = "K",
    subok: Any = False,
    ndmin: int = 0,
    **kwargs: Any,
) -> Any:
    """Return nested lists of arrays as one."""
    if kwargs or ndmin:
        return NotImplemented
    y = dask_array().stack([_array(part) for part in object]) if type(object) in (list, tuple) else object
    y = y if is_duck(y) else dask_array().asarray(y)
    return y if dtype is None else y.astype(dtype)


def _as_it_is(x: Any, dtype: Any = None, *_: Any, **__: Any) -> Any:
    return x if dtype is None else x.astype(dtype)


def _copy(a: Any, order: Any = "K", subok: bool = False) -> Any:
    return a


def _difference(a: Any, n: int = 1, axis: int = -1) -> Any:
    return dask_array().diff(a, n, axis)


def _pad_zeros(array: Any, pad_width: Any) -> Any:
    return dask_array().pad(array, pad_width, mode="constant")


def _matrix_transpose(x: Any) -> Any:
    return dask_array().swapaxes(x, -1, -2)


def _inner(a: Any, b: Any) -> Any:
    if not onp.ndim(a) or not onp.ndim(b):
        return a * b
    return dask_array().tensordot(a, b, axes=(-1 % onp.ndim(a), -1 % onp.ndim(b)))


def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return dask_array().broadcast_to(
        array, (shape,) if isinstance(shape, (int, onp.integer)) else tuple(shape)
    )


def _reshape(
    a: Any, /, shape: Any = None, order: Any = "C", *, newshape: Any = None, copy: Any = None
) -> Any:
    if order != "C":
        return NotImplemented
    shape = newshape if shape is None else shape
    shape = (shape,) if isinstance(shape, (int, onp.integer)) else tuple(map(int, shape))
    return dask_array().reshape(a, shape)


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _reduced(
    name: str, a: Any, axis: Any, out: Any, keepdims: Any, where: Any, fill: Any, **kwargs: Any
) -> Any:
    """Call a reduction of dask's, with ``fill`` in the places that ``where`` leaves out."""
    if out is not None or (where is not True and fill is None):
        return NotImplemented
    da = dask_array()
    a = a if where is True else da.where(where, a, fill)
    return getattr(da, name)(a, axis=_axes(axis), keepdims=bool(keepdims), **kwargs)


def _joined(y: Any, initial: Any, join: Callable[[Any, Any], Any]) -> Any:
    """Return a reduction that starts from ``initial``, if one was given."""
    return y if y is NotImplemented or initial is None else join(y, initial)


def _extreme(name: str, choose: Any) -> Callable[..., Any]:
    """Return max or min of dask arrays with NumPy's keywords."""

    def form(
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        return _joined(_reduced(name, a, axis, out, keepdims, where, initial), initial, choose)

    return form


def _sum_of(name: str, neutral: int, join: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return sum or prod of dask arrays with NumPy's keywords."""

    def form(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        a = dask_array().asarray(a)
        fill = onp.asarray(neutral, a.dtype)[()]
        return _joined(_reduced(name, a, axis, out, keepdims, where, fill, dtype=dtype), initial, join)

    return form


def _masked(name: str, neutral: bool) -> Callable[..., Any]:
    """Return any or all of dask arrays with NumPy's keywords."""

    def form(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
        return _reduced(name, a, axis, out, keepdims, where, neutral)

    return form


def _mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    if where is True or out is not None:
        return _reduced("mean", a, axis, out, keepdims, True, None, dtype=dtype)
    total = FORMS[onp.sum](a, axis, dtype, keepdims=keepdims, where=where)
    return total / _reduced(
        "sum", dask_array().broadcast_to(where, a.shape), axis, None, keepdims, True, None
    )


def _vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Return the norm of vectors: sums and extremes, which dask has."""
    da = dask_array()
    size = da.absolute(x)
    how = {"axis": _axes(axis), "keepdims": bool(keepdims)}
    if ord in (onp.inf, -onp.inf):
        return (da.max if ord > 0 else da.min)(size, **how)
    if ord == 0:
        return da.sum((x != 0).astype(size.dtype), **how)
    if ord == 1:
        return da.sum(size, **how)
    return da.sqrt(da.sum(size * size, **how)) if ord == 2 else da.sum(size**ord, **how) ** (1 / ord)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the norm of vectors and that of all elements; those of matrices as one task."""
    if ord is None or (ord == "fro" and (x.ndim == 2 or type(axis) is tuple)):
        return _vector_norm(x, axis=axis, keepdims=keepdims)
    if not isinstance(ord, str) and (x.ndim == 1 or isinstance(axis, (int, onp.integer))):
        return _vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    return NotImplemented


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """Return a × b of vectors in space."""
    da = dask_array()
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = da.moveaxis(da.asarray(a), axisa, -1), da.moveaxis(da.asarray(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        return NotImplemented
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return da.moveaxis(da.stack(parts, axis=-1), -1, axisc)


def _named_otherwise(name: str, *ignored: str) -> Callable[..., Any]:
    """Return dask's function of another name, or one that lacks keywords that change nothing."""

    def form(*args: Any, **kwargs: Any) -> Any:
        kwargs = {key: x for key, x in kwargs.items() if key not in ignored}
        return getattr(dask_array(), name)(*args, **kwargs)

    return form


def _transform(name: str) -> Callable[..., Any]:
    """Return a Fourier transform along axes that are brought into one chunk each."""

    def form(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
        a = dask_array().asarray(a)
        if (
            norm is not None
            or out is not None
            or (isinstance(n, (list, tuple)) and not all(k > 0 for k in n))
        ):
            return NotImplemented
        if name.endswith(("2", "n")):
            axes = ((-2, -1) if name.endswith("2") else None) if axis == -1 else axis
            a = a.rechunk({k % a.ndim: -1 for k in (range(a.ndim) if axes is None else axes)})
            return getattr(dask_array().fft, name)(a, n, axes)
        return getattr(dask_array().fft, name)(a.rechunk({axis % a.ndim: -1}), n, axis)

    return form


def _transform_along(name: str) -> Callable[..., Any]:
    form = _transform(name)
    return lambda a, s=None, axes=-1, norm=None, out=None: form(a, s, axes, norm, out)


def _flattened(name: str) -> Callable[..., Any]:
    """Return a cumulative function of dask's, which wants an axis."""

    def form(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        a = dask_array().asarray(a)
        a, axis = (a.reshape(-1), 0) if axis is None else (a, axis)
        return getattr(dask_array(), name)(a, axis=axis, dtype=dtype) if out is None else NotImplemented

    return form


def _core_in_one(f: Any, cores: tuple[int, ...]) -> Callable[..., Any]:
    """Return a ufunc of vectors and matrices, whose axes are brought into one chunk each."""

    def form(*args: Any, **kwargs: Any) -> Any:
        arrays = [dask_array().asarray(x) for x in args]
        ready = [
            x.rechunk({n % x.ndim: -1 for n in range(-k, 0)}) for x, k in zip(arrays, cores, strict=True)
        ]
        return f(*ready, **kwargs)

    return form


def _vecdot(a: Any, b: Any, /, *, axis: int = -1) -> Any:
    da = dask_array()
    a, b = (da.moveaxis(da.asarray(x), axis, -1) for x in (a, b))
    return (da.conj(a) * b).sum(axis=-1)


def _solve(a: Any, b: Any) -> Any:
    """Solve systems with one matrix, chunk by chunk of columns; those of a matrix in chunks are dask's."""
    da = dask_array()
    if onp.ndim(a) != 2 or onp.ndim(b) > 2:
        return NotImplemented
    a = a if is_duck(a) else da.from_array(onp.asarray(a), chunks=-1)
    b = b if is_duck(b) else da.from_array(onp.asarray(b), chunks=-1)
    if a.npartitions > 1:
        return da.linalg.solve(a, b)
    dtype = onp.result_type(a.dtype, b.dtype, onp.float32)
    of_b = "jk"[: b.ndim]
    return da.blockwise(
        onp.linalg.solve, "i" + of_b[1:], a, "ij", b.rechunk({0: -1}), of_b, dtype=dtype, concatenate=True
    )


def _weights(a: Any, axis: Any) -> tuple[Any, Any]:
    """Return exp(a - m) with the maxima m along axes, and m."""
    da = dask_array()
    a = da.asarray(a)
    m = a.max(axis=_axes(axis), keepdims=True)
    m = da.where(da.isfinite(m), m, 0.0)
    return da.exp(a - m), m


def _logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    if return_sign or b is not None:
        return NotImplemented
    da = dask_array()
    weights, m = _weights(a, axis)
    y = da.log(weights.sum(axis=_axes(axis), keepdims=True)) + m
    return y if keepdims else da.squeeze(y, tuple(range(y.ndim)) if axis is None else _axes(axis))


def _softmax(x: Any, axis: Any = None) -> Any:
    weights, _ = _weights(x, axis)
    return weights / weights.sum(axis=_axes(axis), keepdims=True)


def _log_softmax(x: Any, axis: Any = None) -> Any:
    return x - _logsumexp(x, axis, keepdims=True)


# Those of SciPy's functions, which is loaded where they are called: by name.
FORMS_OF_SCIPY: dict[str, Callable[..., Any]] = {
    "scipy.special.logsumexp": _logsumexp,
    "scipy.special.softmax": _softmax,
    "scipy.special.log_softmax": _log_softmax,
}

FORMS: dict[Any, Callable[..., Any]] = {
    onp.linalg.solve: _solve,
    scatter: _scatter,
    ASSIGN.f: _assign,
    operator.getitem: _getitem,
    primitive_of(cast).f: lambda x, dtype, casting="unsafe": x.astype(dtype),  # type: ignore[union-attr]
    primitive_of(pad_zeros).f: _pad_zeros,  # type: ignore[union-attr]
    primitive_of(difference).f: _difference,  # type: ignore[union-attr]
    onp.take: _take,
    onp.array: _array,
    onp.copy: _copy,
    onp.inner: _inner,
    onp.sum: _sum_of("sum", 0, operator.add),
    onp.prod: _sum_of("prod", 1, operator.mul),
    onp.any: _masked("any", False),
    onp.all: _masked("all", True),
    onp.mean: _mean,
    onp.cross: _cross,
    onp.linalg.cross: lambda x1, x2, /, *, axis=-1: _cross(x1, x2, axis=axis),
    onp.linalg.norm: _norm,
    onp.linalg.vector_norm: _vector_norm,
    onp.linalg.matmul: _named_otherwise("matmul"),
    onp.linalg.outer: _named_otherwise("outer"),
    onp.linalg.tensordot: _named_otherwise("tensordot"),
    onp.linalg.diagonal: lambda x, /, *, offset=0: dask_array().diagonal(x, offset, -2, -1),
    onp.linalg.trace: lambda x, /, *, offset=0, dtype=None: dask_array().sum(
        dask_array().diagonal(x, offset, -2, -1), axis=-1, dtype=dtype
    ),
    onp.linalg.vecdot: lambda x1, x2, /, *, axis=-1: _vecdot(x1, x2, axis=axis),
    onp.stack: _named_otherwise("stack", "casting"),
    onp.concatenate: _named_otherwise("concatenate", "casting", "dtype"),
    onp.nancumsum: _flattened("nancumsum"),
    onp.nancumprod: _flattened("nancumprod"),
    onp.matvec: _core_in_one(onp.matvec, (2, 1)),
    onp.vecmat: _core_in_one(onp.vecmat, (1, 2)),
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
    onp.broadcast_to: _broadcast_to,
    onp.vecdot: _vecdot,
    onp.matrix_transpose: _matrix_transpose,
    onp.linalg.matrix_transpose: _matrix_transpose,
    **dict.fromkeys(
        (onp.asarray, onp.asanyarray, onp.ascontiguousarray, onp.asfortranarray, onp.require), _as_it_is
    ),
}

"""Zeros, ones and fitting of cotangents: the vector spaces that arrays live in.

Plain NumPy is called here on purpose: on traced values its own protocols lead to the primitives.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as onp

from .memory import LONGEST_SUM_BY_BLAS
from .values import class_of, constant, dtype_of, shape_of

ndarray, float64 = onp.ndarray, onp.float64
ADD: Any = onp.add.reduce  # the method of the ufunc: that of arrays goes through Python
_INT = onp.dtype(int)
_FLOAT = onp.dtype(float)
_ONE = float64(1.0)

# A sum along one axis of a matrix is its product with ones, for which BLAS takes a third of NumPy's time.
_ONES: dict[Any, Any] = {
    kind: onp.ones((LONGEST_SUM_BY_BLAS, 1), kind) for kind in (onp.dtype("d"), onp.dtype("f"))
}


def of_library(x: Any) -> bool:
    """Say whether x, under no further trace, is an array of another library: see ``duck_arrays``."""
    return hasattr(x, "tape") and hasattr(x, "to_dask_array")


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Say whether arrays of a shape broadcast to another shape."""
    n = len(to) - len(shape)
    return n >= 0 and all(have in (1, want) for have, want in zip(shape, to[n:], strict=True))


def at_rest(x: Any) -> Any:
    """Return x, or if it is an array that can be written to (see ``arrays``), what it holds now."""
    return x.content if hasattr(x, "cell") else x


def is_complex(x: Any) -> bool:
    """Say whether x is of a complex dtype."""
    return bool(dtype_of(x).kind == "c")


def is_inexact(x: Any) -> bool:
    """Say whether x, an output of a function, can have a derivative: floats and complex numbers."""
    return type(x) is float or type(x) is complex or getattr(x, "dtype", _INT).kind in "fc"


def is_number(x: Any) -> bool:
    """Say whether x is a number or an array of numbers, traced or not."""
    if hasattr(x, "tape") and not hasattr(type(x), "tape"):  # a Delayed and a Mock have any attribute
        return False
    x = constant(x)
    return issubclass(type(x), (float, int, complex)) or (
        (issubclass(type(x), (ndarray, onp.generic)) or hasattr(x, "tape")) and x.dtype.kind in "fcbiu"
    )


def as_numpy(x: Any) -> Any:
    """Return a Python float, traced or not, as NumPy's, which divides by zero as arrays do."""
    if type(x) is float:
        return onp.float64(x)
    return onp.positive(x) if hasattr(x, "tape") and type(constant(x)) is float else x


def named(f: Any) -> Any:
    """Return what gives a function its name: of a partial its function, of an object its class."""
    while not hasattr(f, "__name__") and hasattr(f, "func"):
        f = f.func
    return f if hasattr(f, "__name__") else type(f)


def name_of(f: Any) -> str:
    """Return what messages call a function."""
    return str(named(f).__name__)


def module_of(f: Any) -> str:
    """Return the name of the module of a function; "" if none is known."""
    module = getattr(f, "__module__", None)
    if module or not isinstance(f, onp.ufunc):
        return module or ""
    known = (onp, sys.modules.get("scipy.special"))  # ufuncs do not say where they are from
    return next((m.__name__ for m in known if m and getattr(m, f.__name__, None) is f), "")


def describe(x: Any) -> str:
    """Write the type of a value in one word: ``float``, ``float64[3, 4]``."""
    if issubclass(type(x), (list, tuple)):
        return f"{type(x).__name__} of {len(x)}"
    kind = type(constant(x)) if hasattr(type(x), "tape") else type(x)
    if not issubclass(kind, (ndarray, onp.generic)) and not hasattr(kind, "opaque"):
        return kind.__name__
    return f"{x.dtype}[{', '.join(str(size) for size in x.shape)}]"


def zeros_like(x: Any) -> Any:
    """Return the zero of the space of x: a plain number or array, whatever x is."""
    x = constant(x)
    if class_of(x) is float:
        return 0.0
    if of_library(x):  # an array of another library: zeros in chunks as its own
        return x.zeros()
    zeros = onp.zeros(shape_of(x), dtype_of(x))
    return zeros if issubclass(type(x), ndarray) or zeros.ndim else zeros[()]


def zeros_of(part: Any) -> Any:
    """Return the zero cotangent of one of several outputs; None for what can have none."""
    return zeros_like(part) if issubclass(type(part), (float, complex)) or hasattr(part, "dtype") else None


def ones_like(x: Any) -> Any:
    """Return ones of the shape and dtype of x: a plain number or array."""
    if type(x) is float64:
        return _ONE
    x = constant(x)
    if class_of(x) is float:
        return 1.0
    ones = onp.ones(shape_of(x), dtype_of(x))
    return ones if ones.ndim else ones[()]


def is_of_kink(x: Any) -> bool:
    """Say whether x carries an infinitesimal of a kink: see ``infinitesimals``."""
    return hasattr(x, "tape") and hasattr(x.tape, "settle")


def shed_kinks_of_derivative(xbar: Any) -> Any:
    """Return a tangent or a cotangent without the infinitesimals of kinks."""
    while is_of_kink(xbar):
        xbar = xbar.tape.leave(xbar)
    return xbar


def is_fleeting(x: Any) -> bool:
    """Say whether x carries an infinitesimal that is to be gone before a transformation returns."""
    return hasattr(x, "tape") and getattr(x.tape, "fleeting", False)


def shed(x: Any) -> Any:
    """Return x without such infinitesimals: where they are 0."""
    while is_of_kink(x):
        x = x.primal
    while is_fleeting(x):
        x = x.primal
    return x


def zero_beside(x: Any) -> Any:
    """Return the zero of the space of x, as a number with infinitesimals if x is one."""
    if not is_fleeting(x):
        return zeros_like(x)
    zero = object.__new__(type(x))
    zero.primal, zero.tangent, zero.tape = zeros_like(x), zeros_like(x), x.tape
    return zero


def fit(xbar: Any, x: Any) -> Any:
    """Return x̄ in the space of x: broadcasting undone, dtype restored, real for a real x."""
    if type(xbar) is ndarray and type(x) is ndarray and xbar.dtype is x.dtype:
        return xbar if xbar.shape == x.shape else unbroadcast(xbar, x.shape)
    if type(x) is float or type(x) is float64:
        if type(xbar) is type(x) or type(xbar) is float64:
            return xbar
        if type(xbar) is ndarray and xbar.dtype is _FLOAT and xbar.shape:
            return unbroadcast(xbar, ())
    return xbar if hasattr(x, "tape") and _fits(xbar, x) else _made_to_fit(xbar, x)


def _made_to_fit(xbar: Any, x: Any) -> Any:
    """Return x̄ in the space of x, whatever both are."""
    shape, dtype = shape_of(x), dtype_of(x)
    xbar = _without_infinitesimals(_as_array(at_rest(xbar)), x)
    if dtype.kind != "c" and xbar.dtype.kind == "c":
        xbar = xbar.real
    if xbar.shape != shape:
        # the sum of an array of objects may be one of Python's numbers
        xbar = unbroadcast(xbar.astype(dtype) if xbar.dtype.kind == "O" else xbar, shape)
    return xbar if xbar.dtype == dtype else xbar.astype(dtype)


def _as_array(xbar: Any) -> Any:
    """Return a cotangent as a number or an array, of NumPy's or traced."""
    if issubclass(type(xbar), (ndarray, onp.generic)) or hasattr(xbar, "tape"):
        return xbar
    return AS_TRACED[0](xbar) if hasattr(type(xbar), "__array_function__") else onp.asarray(xbar)[()]


# How an array of another library becomes a traced value: ``duck_arrays`` puts it here.
AS_TRACED: list[Callable[[Any], Any]] = []


def _without_infinitesimals(xbar: Any, x: Any) -> Any:
    """Return a cotangent without the infinitesimals that x does not have, and that do not last."""
    if is_of_kink(xbar):
        xbar = xbar.tape.settle(xbar)
    lost = is_fleeting(xbar) and not is_fleeting(x) and not xbar.tape.lasts(xbar)
    return shed(xbar) if lost else xbar


def _fits(xbar: Any, x: Any) -> bool:
    """Say whether x̄ is in the space of a traced x, if that is plain to see."""
    a, b = xbar, x.inside
    if hasattr(xbar, "tape"):
        if type(xbar) is not type(x) or xbar.tape is not x.tape:
            return False
        a = xbar.inside
    elif x.opaque:  # x̄ is the same for all members, and x is the stack of them
        return type(xbar) is float and x.kind is float
    if type(a) is ndarray:
        return type(b) is ndarray and a.dtype is b.dtype and a.shape == b.shape
    return (type(a) is float or type(a) is float64) and (type(b) is float or type(b) is float64)


def unbroadcast(xbar: Any, shape: tuple[int, ...]) -> Any:
    """Sum x̄ over the axes that broadcasting added or stretched to get it from ``shape``."""
    if xbar.shape == shape:
        return xbar
    extra = xbar.ndim - len(shape)
    if type(xbar) is ndarray:  # the commonest two, as of a bias and of a sum with keepdims
        if extra == 1 and xbar.shape[1:] == shape:
            return _sum_along(xbar, 0)
        if extra == 0 and len(shape) == 2 and shape == (xbar.shape[0], 1):
            ones: Any = _ONES.get(xbar.dtype)
            short = ones is not None and xbar.shape[1] <= LONGEST_SUM_BY_BLAS and xbar.flags.forc
            return xbar.dot(ones[: xbar.shape[1]]) if short else ADD(xbar, 1, None, None, True)
    if extra < 0 or any(1 == have != want for have, want in zip(xbar.shape[extra:], shape, strict=True)):
        xbar = onp.broadcast_to(xbar, onp.broadcast_shapes(xbar.shape, shape))
        return unbroadcast(xbar, shape)
    xbar = _sum_over_stretched(xbar, shape, extra)
    return xbar if xbar.shape == shape else xbar.reshape(shape)


def _sum_over_stretched(x: Any, shape: tuple[int, ...], leading: int) -> Any:
    """Sum over so many leading axes, and over those of which a shape has one element."""
    stretched = [n for n, size in enumerate(shape, leading) if size == 1 != x.shape[n]]
    axes = (*range(leading), *stretched)
    if type(x) is not ndarray:
        return x.sum(axis=axes) if axes else x
    if len(axes) == 1:
        return _sum_along(x, axes[0])
    if len(axes) == leading and x.flags.c_contiguous:
        return _sum_along(x.reshape(math.prod(x.shape[:leading]), *x.shape[leading:]), 0)
    return ADD(x, axis=axes)


def _sum_along(x: Any, axis: int) -> Any:
    """Sum a plain array along one axis: by a product with ones where BLAS is faster."""
    ones = _ONES.get(x.dtype)
    if ones is None or not x.flags.forc:
        return ADD(x, axis)
    n = x.shape[axis]
    if n > LONGEST_SUM_BY_BLAS:
        return onp.ones(n, x.dtype).dot(x) if x.ndim == 2 and axis == 0 else ADD(x, axis)
    if x.ndim < 3:
        return x.dot(ones[:n, 0]) if axis else ones[:n, 0].dot(x)
    if x.ndim > 3 or x.shape[2] >= 64 or not x.flags.c_contiguous or not x.size:
        return ADD(x, axis)
    if axis == 1:
        return onp.matmul(ones[:n].T, x)[:, 0]
    if axis == 0:
        return ones[:n, 0].dot(x.reshape(n, -1)).reshape(x.shape[1:])
    return x.reshape(-1, n).dot(ones[:n, 0]).reshape(x.shape[:2])


def laid_out_copy(x: Any) -> Any:
    """Return a copy of a plain array whose elements lie in memory as those of x do.

    NumPy's ravel, reshape and orders "A" and "K" ask for the layout: what is a view of x is a view of the
    copy too, and what is a copy of x is one of the copy.
    """
    if x.flags.forc:
        return onp.array(x)
    y = room_for_stack(1, x)[0]
    y[...] = x
    return y


def room_for_stack(count: int, x: Any, dtype: Any = None) -> Any:
    """Return a stack of so many arrays like x, not yet filled, whose elements lie in memory as those of x."""
    dtype = x.dtype if dtype is None else onp.dtype(dtype)
    strides, size = _strides_with_gaps(x)
    strides = [stride // x.itemsize * dtype.itemsize for stride in strides]
    size = max(size // x.itemsize, 1) * dtype.itemsize
    start = -sum((n - 1) * stride for n, stride in zip(x.shape, strides, strict=True) if stride < 0)
    memory = onp.empty(count * size // dtype.itemsize, dtype)
    return ndarray((count, *x.shape), dtype, memory, start, (size, *strides))


def is_read_only(x: Any) -> bool:
    """Say whether a plain array cannot be written to; of those that warn of it, without a warning."""
    return bool(x.__array_interface__["data"][1])


def held_copy(x: Any) -> Any:
    """Return a copy of a plain array that is only read: as laid_out_copy, and a number repeated stays one."""
    if x.flags.forc or all(stride or n == 1 for n, stride in zip(x.shape, x.strides, strict=True)):
        return laid_out_copy(x)
    once = x[tuple(slice(n if stride else 1) for n, stride in zip(x.shape, x.strides, strict=True))]
    return onp.broadcast_to(laid_out_copy(once), x.shape)


def _strides_with_gaps(x: Any) -> tuple[list[int], int]:
    """Return strides in which axes follow each other without a gap where they do in x, and the bytes taken.

    A gap in x, however wide, becomes one element. Axes of stride 0 get memory of their own.
    """
    strides = [x.itemsize] * x.ndim
    end_in_x = end = x.itemsize  # of the axes so far, the inner ones first
    for axis in sorted(range(x.ndim), key=lambda axis: (abs(x.strides[axis]), -axis)):
        n, stride = x.shape[axis], x.strides[axis]
        if n > 1:
            step = end if abs(stride) == end_in_x else end + x.itemsize
            strides[axis] = -step if stride < 0 else step
            end_in_x, end = n * abs(stride), n * step
    return strides, end

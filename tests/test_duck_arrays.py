"""Arrays of other libraries than dask: sparse ones, those of a device, and quantities with units."""

import importlib

import numpy
import pytest
from numpy.lib.mixins import NDArrayOperatorsMixin

import funad.numpy as np
from funad import grad, jvp, tree, value_and_grad
from funad.errors import ArgumentTypeError, NotDifferentiableError

X = numpy.random.default_rng(0).normal(size=(6, 3))
W = numpy.array([0.3, -0.7, 0.2])


class Device(NDArrayOperatorsMixin):
    """An array as strict as those of a GPU: it takes no plain array beside it, and gives none by itself."""

    def __init__(self, data):
        self.data = numpy.asarray(data)

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    dtype = property(lambda self: self.data.dtype)
    T = property(lambda self: Device(self.data.T))

    def astype(self, dtype):
        return Device(self.data.astype(dtype))

    def __len__(self):
        return len(self.data)

    def __bool__(self):
        return bool(self.data)

    def __getitem__(self, index):
        return Device(self.data[index])

    def __setitem__(self, index, x):
        self.data[index] = x.data

    def __array__(self, dtype=None, copy=None):
        raise TypeError("implicit conversion to a NumPy array is not allowed")

    def __array_ufunc__(self, ufunc, method, *xs, **kwargs):
        return _on_device(getattr(ufunc, method), xs, kwargs)

    def __array_function__(self, f, types, args, kwargs):
        if f is numpy.asarray:  # with like=
            return Device(numpy.asarray(*args))
        if f.__name__ in ("fliplr",):
            return NotImplemented
        return _on_device(f, args, kwargs)


_OTHERS = (int, float, complex, str, slice, tuple, list, type(None), type(Ellipsis),
           numpy.ndarray, numpy.generic, numpy.dtype, type)  # fmt: skip


def _on_device(f, args, kwargs):
    if any(type(x) is not Device and not issubclass(type(x), _OTHERS) for x in (*args, *kwargs.values())):
        return NotImplemented  # somebody else knows

    def data(x):
        if isinstance(x, (list, tuple)):
            return type(x)(map(data, x))
        if type(x) is numpy.ndarray and x.ndim:
            raise TypeError(f"unsupported type {type(x)}")
        return x.data if isinstance(x, Device) else x

    y = f(*map(data, args), **{name: data(x) for name, x in kwargs.items()})
    if isinstance(y, (tuple, list)):
        return type(y)(map(Device, y))
    return Device(y) if isinstance(y, (numpy.ndarray, numpy.generic)) else y


def kinds():
    """The array classes of this machine: (move there, move back)."""
    found = [pytest.param(Device, lambda x: x.data, id="Device")]
    if importlib.util.find_spec("cupy") is not None:
        cupy = importlib.import_module("cupy")
        found.append(pytest.param(cupy.asarray, cupy.asnumpy, id="cupy"))
    return found


LOSSES = {
    "logistic": lambda w, x: np.mean(np.logaddexp(0, x @ w)),
    "squares": lambda w, x: np.sum((x @ w - 1.0) ** 2),
    "network": lambda w, x: np.sum(np.tanh(x * w).sum(axis=1)),
    "exponentials": lambda w, x: np.log(np.sum(np.exp(x @ w))),
    "choice": lambda w, x: np.sum(np.where(x @ w > 0, x @ w, 0.5 * (x @ w) ** 2)),
    "columns": lambda w, x: np.sum(x[:, 0] * w[0]) + np.sum(np.abs(x @ w) ** 1.5),
    "parts that overlap": lambda w, x: np.sum(w[:2] ** 2 * w[1:]) + np.sum(x[1:] * x[:-1] ** 2),
    "distances from zero": lambda w, x: np.sum(np.hypot(w * 0, x * 0 + w) + np.hypot(x * 0, w * 0)),
    "a root that is not taken": lambda w, x: np.sum(np.where(w > 0, np.sqrt(np.maximum(w, 0.0)), w) + x[0]),
    "angles": lambda w, x: np.sum(np.arctan2(w, x) + np.arcsin(np.tanh(w)) + np.arctanh(0.5 * np.sin(x * w))),
    "exponentials below one": lambda w, x: np.sum(np.expm1(x * w) + np.log1p(np.exp(w))),
}


@pytest.mark.parametrize(("there", "back"), kinds())
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_arrays_of_a_device_stay_there(loss, there, back):
    wanted = value_and_grad(loss)(W, X)
    for found in (value_and_grad(loss)(there(W), there(X)), value_and_grad(lambda w: loss(w, there(X)))(W)):
        assert type(found[1]) is type(there(W))
        for a, b in zip(tree.flatten(found)[0], tree.flatten(wanted)[0], strict=True):
            numpy.testing.assert_allclose(back(a), b, rtol=1e-12)
    numpy.testing.assert_allclose(back(grad(loss, 1)(there(W), there(X))), grad(loss, 1)(W, X), rtol=1e-12)
    numpy.testing.assert_allclose(
        back(jvp(lambda w: loss(w, there(X)), (there(W),), (there(W),))[1]),
        jvp(lambda w: loss(w, X), (W,), (W,))[1], rtol=1e-12,
    )  # fmt: skip


def test_places_that_may_be_named_twice_are_refused_there():
    with pytest.raises(NotDifferentiableError, match="places that may be named twice"):
        grad(lambda w: np.sum(w[[0, 0, 1]] ** 2))(Device(W))


def test_what_a_library_has_not_is_refused_by_name():
    with pytest.raises(NotDifferentiableError, match=r"numpy.fliplr of .*\.Device, float64\[6, 3\]"):
        grad(lambda x: np.sum(np.fliplr(x) ** 2))(Device(X))


def test_arrays_of_two_libraries_in_one_operation_are_refused():
    da = pytest.importorskip("dask.array")
    with pytest.raises(
        ArgumentTypeError, match=r"more than one library: .*Device.* and dask.Array '\S+', float64\[6, 3\]"
    ):
        grad(lambda w: np.sum((Device(X) * w) * da.from_array(X, chunks=3)))(W)


# --- sparse


SPARSE = {
    "product": lambda w, s: np.sum(np.matmul(s, w) ** 2),
    "elements": lambda w, s: np.sum(np.multiply(s, w)),
    "right operand": lambda w, s: np.sum(np.sum(w * s, axis=0) ** 2),
    "logistic": lambda w, s: np.mean(np.logaddexp(0, np.dot(s, w))),
}


@pytest.mark.parametrize("loss", SPARSE.values(), ids=SPARSE)
def test_sparse_arrays(loss):
    sparse = pytest.importorskip("sparse")
    s = numpy.where(X > 0.3, X, 0.0)
    found = value_and_grad(loss)(W, sparse.COO.from_numpy(s))
    for a, b in zip(found, value_and_grad(loss)(W, s), strict=True):
        a = a.todense() if hasattr(a, "todense") else a
        numpy.testing.assert_allclose(a, b, rtol=1e-12)
    with pytest.raises(NotDifferentiableError, match=r"@ w was given a traced value.*np.matmul\(a, b\)"):
        grad(lambda w: np.sum(sparse.COO.from_numpy(s) @ w))(W)


# --- quantities, which hold traced values themselves


def test_quantities_keep_their_units():
    pint = pytest.importorskip("pint")
    unit = pint.UnitRegistry()
    q = numpy.array([1.0, 2.0, 3.0]) * unit.metre
    for f in (
        lambda w: np.sum(q * w).to("cm").magnitude,
        lambda w: np.sum(w * q).to("cm").magnitude,
        lambda w: (q @ w).to("cm").magnitude,
    ):
        numpy.testing.assert_allclose(grad(f)(W), [100.0, 200.0, 300.0])
    with pytest.raises(pint.DimensionalityError):
        grad(lambda w: np.sum(q * w + 1 * unit.second).magnitude)(W)
    with pytest.raises(Exception, match="scalar output|Quantity"):
        grad(lambda w: np.sum(q * w))(W)

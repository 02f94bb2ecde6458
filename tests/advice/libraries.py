"""What is advised beside objects of other libraries: pandas, xarray, dask, sparse, classes of the user's."""

import numbers

import dask
import dask.array as da
import numpy
import pandas
import scipy.sparse
import sparse
import xarray
from dask.delayed import delayed

import funad
import funad.numpy as np
from funad import grad, hessian, jvp, stop_gradient, value, value_and_grad, vmap

from ..test_duck_arrays import Device
from . import Call, Program, X

dask.config.set(scheduler="sync")
RNG = numpy.random.default_rng(0)
DATA = RNG.normal(size=(12, 3))
LAZY = da.from_array(DATA, chunks=(4, 3))
UNKNOWN = LAZY[LAZY[:, 0] > 0]
KNOWN = DATA[DATA[:, 0] > 0]
OBJECTS = da.from_array(numpy.array([1, 2, 3], object), chunks=3)
SERIES = pandas.Series([1.0, 2.0, 4.0], index=list("abc"))
OTHER = pandas.Series([3.0, 5.0, 1.0], index=list("cab"))
FRAME = pandas.DataFrame(DATA)
LABELLED = xarray.DataArray([1.0, 2.0, 4.0], dims="n")
PLACES = da.from_array(numpy.array([0, 2, 1, 2]), chunks=2)
COO = sparse.COO.from_numpy(DATA)
SPARSE = scipy.sparse.csr_array(numpy.diag([1.0, 2.0, 3.0]) + numpy.eye(3, k=1))


class Amount:
    """A number of the user's, which multiplies numbers of its own kind and plain ones."""

    def __init__(self, x):
        self.x = x

    def __mul__(self, other):
        return (
            Amount(self.x * other) if type(other) in (float, numpy.float64, numpy.ndarray) else NotImplemented
        )

    __rmul__ = __mul__
    __array_ufunc__ = None


class Open(Amount):
    def __mul__(self, other):
        return Open(self.x * other)

    __rmul__ = __mul__


class Rational(numbers.Number):
    def __init__(self, x):
        self.x = x

    def __mul__(self, other):
        return Rational(self.x * other) if type(other) is float else NotImplemented

    __rmul__ = __mul__
    __array_ufunc__ = None

    def __float__(self):
        return self.x

    __hash__ = None


class Seen:
    """A number of the user's that NumPy puts into arrays of objects."""

    def __init__(self, x):
        self.x = x

    def __mul__(self, other):
        return self.x * other

    __rmul__ = __mul__


class Whole(Seen):
    __array_ufunc__ = None


class Doubling(numpy.ndarray):
    def __mul__(self, other):
        return 2.0 * numpy.asarray(self) * other


class Vec:
    """Holds an array, and is no container to funad."""

    def __init__(self, data):
        self.data = data

    def __mul__(self, other):
        return Vec(self.data * other)

    __rmul__ = __mul__


class RegisteredVec(Vec):
    pass


funad.tree.register(RegisteredVec, lambda v: ([v.data], None), lambda _, parts: RegisteredVec(*parts))


def into(v, y):
    v[0] = y
    return v


def lazily(f):
    """Return the derivative of a function of dask arrays, computed."""
    found = grad(f)(X)
    return found.compute() if hasattr(found, "compute") else found


def augmented(x):
    y = x * 1.0
    y += SERIES
    return y


ROWS = {
    "a missing value in a Series": Program(
        lambda x: pandas.Series(list(np.where(numpy.array([True, False, True]), x**2, numpy.nan))).sum(),
        lambda x: np.nansum(np.where(numpy.array([True, False, True]), x**2, numpy.nan)),
    ),
    "a DataArray of a list": Program(
        lambda x: xarray.DataArray([x[0] ** 2, x[1]], dims="t").sum().data,
        lambda x: xarray.DataArray(np.stack([x[0] ** 2, x[1]]), dims="t").sum().data,
    ),
    "a Series": Program(
        lambda x: np.sum(x * SERIES.groupby([0, 0, 1]).transform("sum")),
        lambda x: np.sum(x * SERIES.groupby([0, 0, 1]).transform("sum").to_numpy()),
    ),
    "two Series": Program(
        lambda x: numpy.asarray(x * SERIES * OTHER),
        lambda x: x * SERIES.to_numpy() * OTHER.reindex(SERIES.index).to_numpy(),
    ),
    "std of a Series": Program(
        lambda x: (x[0] * SERIES).std(), lambda x: np.std(x[0] * SERIES.to_numpy(), ddof=1)
    ),
    "selected by a mask": Program(
        lambda x: (x[0] * SERIES)[SERIES > 1.0].to_numpy(), lambda x: x[0] * SERIES[SERIES > 1.0].to_numpy()
    ),
    "a frame of x": Program(
        lambda x: pandas.DataFrame({"x": x})["x"].to_numpy() ** 2,
        lambda x: (pandas.DataFrame({"x": value(x)}), x**2)[1],
    ),
    "a DataArray that holds x": Program(
        lambda x: numpy.asarray(LABELLED * x) ** 2,
        lambda x: (LABELLED * x).data ** 2,
    ),
    "a DataArray that holds x, as a constant": Program(
        lambda x: numpy.asarray(LABELLED * x) * x,
        lambda x: stop_gradient((LABELLED * x).data) * x,
        plain=lambda x: numpy.asarray(LABELLED) * X * x,
    ),
    "a DataArray as the result": Call(
        lambda: jvp(lambda x: LABELLED * x, (X,), (X,)),
        lambda: jvp(lambda x: (LABELLED * x).data, (X,), (X,))[1],
        gives=numpy.asarray(LABELLED) * X,
    ),
    "in place": Program(augmented, lambda x: x * 1.0 + SERIES.to_numpy()),
    "in place of a DataArray": Program(
        lambda x: numpy.asarray((lambda y: y.__iadd__(LABELLED))(x * 1.0)),
        lambda x: x * 1.0 + LABELLED.data,
        lambda x: (x * 1.0 + LABELLED).data,
        plain=lambda x: x + LABELLED.data,
    ),
    "a matrix": Program(
        lambda x: numpy.asarray(numpy.matrix(DATA[:3]) * x[:, None]),
        lambda x: np.array(numpy.matrix(DATA[:3])) @ x[:, None],
    ),
    "a masked array": Program(
        lambda x: (numpy.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0]) * x).filled(0.0),
        lambda x: np.where([False, True, False], 0, numpy.array([1.0, 2.0, 3.0]) * x),
    ),
    "an array with an arithmetic of its own": Call(
        lambda: grad(lambda x: np.sum(x * numpy.array([1.0, 2.0, 3.0]).view(Doubling)))(X),
        lambda: grad(lambda x: np.sum(x * numpy.asarray(numpy.array([1.0, 2.0, 3.0]).view(Doubling))))(X),
        gives=[1.0, 2.0, 3.0],
    ),
    "a class that takes plain numbers": Program(lambda x: (Amount(2.0) * x).x, lambda x: (Open(2.0) * x).x),
    "a number of a class of its own": Program(
        lambda x: (Rational(2.0) * x[0]).x if type(x[0]) is not numpy.float64 else 2.0 * x[0],
        lambda x: float(Rational(2.0)) * x[0],
        plain=lambda x: 2.0 * x[0],
    ),
    "a ufunc of an object": Program(
        lambda x: numpy.multiply(x[0], Seen(2.0)), lambda x: x[0] * Seen(2.0), plain=lambda x: 2.0 * x[0]
    ),
    "an array times an object": Program(
        lambda x: x * Seen(2.0),
        lambda x: np.stack([t * Seen(2.0) for t in x]),
        lambda x: x * Whole(2.0),
        plain=lambda x: 2.0 * x,
    ),
    "the value of an object that holds x": Call(
        lambda: grad(lambda x: (value(Vec(x)), np.sum(x**2))[1])(X),
        lambda: grad(lambda x: (value(Vec(x).data), np.sum(x**2))[1])(X),
        lambda: grad(lambda x: (value(RegisteredVec(x)), np.sum(x**2))[1])(X),
        gives=2 * X,
    ),
    "vmap of a Series": Call(
        lambda: vmap(lambda x: x * 2.0)(SERIES),
        lambda: vmap(lambda x: x * 2.0)(numpy.asarray(SERIES)),
        gives=[2.0, 4.0, 8.0],
    ),
    "a sparse matrix": Program(
        lambda x: SPARSE.multiply(x).toarray(), lambda x: (scipy.sparse.csr_array(SPARSE) * x).toarray()
    ),
    # --- dask
    "chunks of unknown size": Call(
        lambda: lazily(lambda w: np.sum((UNKNOWN @ w) ** 2)),
        lambda: lazily(lambda w: np.sum((LAZY[LAZY[:, 0] > 0].compute_chunk_sizes() @ w) ** 2)),
        gives=2 * KNOWN.T @ (KNOWN @ X),
    ),
    "objects": Call(
        lambda: lazily(lambda w: np.sum(OBJECTS * w)),
        lambda: lazily(lambda w: np.sum(OBJECTS.astype(float) * w)),
        gives=[1.0, 2.0, 3.0],
    ),
    "a choice by value": Call(
        lambda: lazily(lambda w: np.sum(w) if np.sum(LAZY @ w) > 0 else 0.0 * w[0]),
        lambda: lazily(lambda w: np.where(np.sum(LAZY @ w) > 0, np.sum(w), 0.0 * w[0])),
        lambda: (lambda positive: lazily(lambda w: np.sum(w) if positive else 0.0 * w[0]))(
            dask.compute(np.sum(LAZY @ X) > 0)[0]
        ),
        gives=numpy.ones(3) * (numpy.sum(DATA @ X) > 0),
    ),
    "an index": Call(
        lambda: lazily(lambda w: np.sum(w[PLACES] ** 2)),
        lambda: lazily(lambda w: np.sum(np.take(w, PLACES, axis=0) ** 2)),
        gives=2 * X * [1.0, 1.0, 2.0],
    ),
    "a mask": Call(
        lambda: lazily(lambda w: np.sum(w[LAZY[0] > 0] ** 2)),
        lambda: lazily(lambda w: np.sum(np.where(LAZY[0] > 0, w, 0) ** 2)),
        gives=2 * X * (DATA[0] > 0),
    ),
    "a second derivative at what may be a kink": Call(
        lambda: hessian(lambda w: np.linalg.norm(LAZY @ w) ** 2)(X),
        lambda: hessian(lambda w: np.sum((LAZY @ w) * (LAZY @ w)))(X).compute(),
        gives=2 * DATA.T @ DATA,
    ),
    "a first derivative at what may be a kink": Call(
        lambda: hessian(lambda w: np.linalg.norm(LAZY @ w) ** 2)(X),
        lambda: lazily(lambda w: np.linalg.norm(LAZY @ w) ** 2),
        gives=2 * DATA.T @ DATA @ X,
    ),
    "vmap over a lazy array": Call(
        lambda: vmap(lambda row: np.sum(row**2))(LAZY),
        lambda: np.sum(LAZY**2, axis=1).compute(),
        gives=numpy.sum(DATA**2, axis=1),
    ),
    "map_blocks": Call(
        lambda: lazily(lambda w: np.sum(da.map_blocks(lambda b, w: b @ w, LAZY, w, drop_axis=1) ** 2)),
        lambda: lazily(lambda w: np.sum((LAZY @ w) ** 2)),
        lambda: sum(
            value_and_grad(lambda w, b: np.sum((b @ w) ** 2))(X, LAZY.blocks[n].compute())[1]
            for n in range(3)
        ),
        gives=2 * DATA.T @ DATA @ X,
    ),
    "a function of dask's": Call(
        lambda: lazily(lambda w: np.sum(da.where(LAZY > 0, w, 0.0))),
        lambda: lazily(lambda w: np.sum(np.where(LAZY > 0, w, 0.0))),
        gives=numpy.sum(DATA > 0, 0),
    ),
    "a method of dask's": Call(
        lambda: lazily(lambda w: np.sum((LAZY @ w).rechunk(-1) ** 2)),
        lambda: lazily(lambda w: np.sum((LAZY.rechunk(-1) @ w) ** 2)),
        lambda: grad(lambda w: np.sum((LAZY @ w) ** 2))(X).rechunk(-1).compute(),
        lambda: value_and_grad(lambda w: np.sum((LAZY @ w) ** 2))(X)[1].compute(),
        gives=2 * DATA.T @ DATA @ X,
    ),
    "delayed": Call(
        lambda: lazily(lambda w: delayed(np.sum)(w**2)),
        lambda: lazily(lambda w: np.sum(w**2)),
        lambda: delayed(value_and_grad(lambda w: np.sum(w**2)))(X)[1].compute(),
        gives=2 * X,
    ),
    "out= of dask's": Call(
        lambda: lazily(lambda w: np.sum(np.square(LAZY * w, out=np.zeros((12, 3)), where=DATA > 0))),
        lambda: lazily(lambda w: np.sum(np.where(DATA > 0, np.square(LAZY * w), np.zeros((12, 3))))),
        gives=numpy.sum(numpy.where(DATA > 0, 2 * X * DATA**2, 0), 0),
    ),
    "rows and columns": Call(
        lambda: lazily(lambda w: np.sum(np.outer(w, w)[np.array([0, 1]), np.array([1, 0])] * LAZY[0, :2])),
        lambda: lazily(
            lambda w: np.sum(np.take(np.outer(w, w).ravel(), np.array([1, 3]), axis=0) * LAZY[0, :2])
        ),
        gives=numpy.array([X[1], X[0], 0.0]) * numpy.sum(DATA[0, :2]),
    ),
    "two libraries": Call(
        lambda: grad(lambda w: np.sum((Device(DATA) * w) * LAZY))(X),
        lambda: lazily(lambda w: np.sum(da.from_array(Device(DATA).data, chunks=(4, 3)) * w * LAZY)),
        gives=numpy.sum(DATA**2, 0),
    ),
    "a product of a library's": Call(
        lambda: grad(lambda w: np.sum((COO @ w) ** 2))(X),
        lambda: grad(lambda w: np.sum(np.matmul(COO, w) ** 2))(X),
        gives=2 * DATA.T @ DATA @ X,
    ),
    "an operator of a library's": Call(
        lambda: grad(lambda w: np.sum((COO * w) ** 2))(X),
        lambda: grad(lambda w: np.sum(np.multiply(COO, w) ** 2))(X).todense(),
        gives=2 * numpy.sum(DATA**2, 0) * X,
    ),
    "a function that a library has not": Call(
        lambda: grad(lambda x: np.sum(np.fliplr(x) ** 2))(Device(DATA)),
        lambda: grad(lambda x: np.sum(x[:, ::-1] ** 2))(Device(DATA)).data,
        gives=2 * DATA,
    ),
    "a write into a view": Call(
        lambda: lazily(lambda w: (lambda y: (into(y[1], LAZY[0, 0] * w[0]), np.sum(y))[1])(np.outer(w, w))),
        lambda: lazily(
            lambda w: (lambda y: (y.__setitem__((1, 0), LAZY[0, 0] * w[0]), np.sum(y))[1])(np.outer(w, w))
        ),
        gives=2 * numpy.sum(X) - numpy.array([X[1] - DATA[0, 0], X[0], 0.0]),
    ),
    "a function that dask has not": Call(
        lambda: lazily(lambda w: np.sum(np.sort(LAZY @ w)[:3])),
        lambda: lazily(lambda w: np.sum(np.sort(LAZY.rechunk(-1) @ w)[:3])),
        gives=DATA[numpy.argsort(DATA @ X)[:3]].sum(0),
    ),
}

"""What funad/messages.py advises for functions of other packages."""

import cmath
import concurrent.futures
import datetime
import functools
import math
import random
import statistics
import struct
import threading

import numpy
import scipy.sparse
import scipy.stats

import funad
import funad.numpy as np
from funad import grad, stop_gradient, value

from . import Call, Program, X

stats_of_one_size = scipy.stats.norm(0.3, 1.2)
MASK = numpy.array([False, True, False])


def draw(x, np_random):
    return np_random.default_rng(1).normal(x[0], x[1], 3)


def in_a_thread(f):
    """Return f(x), computed by a thread of its own, with its error."""
    found = []

    def run(x):
        try:
            found.append(f(x))
        except Exception as error:
            found.append(error)

    def g(x):
        thread = threading.Thread(target=run, args=(x,))
        thread.start()
        thread.join()
        y = found.pop()
        if isinstance(y, Exception):
            raise y
        return y

    return g


def filled(x, v):
    v[0], v[1] = x[0] ** 2, x[1] * x[2]
    return v


def filled_in_a_line(x):
    v = numpy.zeros(3)
    v[0] = x[0] * x[1]
    return v


def filled_by_the_namespace(x):
    v = np.zeros(3)
    v[0] = x[0] * x[1]
    return v


def filled_with_whole_numbers(x, dtype=int):
    v = np.zeros(3, dtype=dtype)
    v[0] = x[0] ** 2
    return v


def in_a_pool(x):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return next(pool.map(float, x)) ** 2


def added(x):
    v = numpy.ones(3)
    v += x**2
    return v


def added_anew(x):
    v = numpy.ones(3)
    v = v + x**2
    return v


def added_by_the_namespace(x):
    v = np.ones(3)
    v += x**2
    return v


def added_to_a_part(x):
    v = numpy.ones(3)
    v[1:] += x[1:] ** 2
    return v


def added_to_a_part_by_the_namespace(x):
    v = np.ones(3)
    v[1:] += x[1:] ** 2
    return v


def copied_to(x, v, where):
    where.copyto(v, x**2)
    return v


def enumerated(x):
    return [t**2 * i[0] for i, t in numpy.ndenumerate(x)]


ufunc_without_rule = numpy.frompyfunc(lambda t: t * t, 1, 1)
first_wrapped = funad.primitive(lambda x: ufunc_without_rule(x).astype(float))
funad.elementwise(first_wrapped, lambda y, ybar, x: ybar * 2 * x)


def packed(x):
    return struct.unpack("3d", struct.pack("3d", *x))[0] * x


ROWS = {
    "math.isclose": Program(
        lambda x: x * (2.0 if math.isclose(x[0], 0.7) else 1.0),
        lambda x: x * (2.0 if math.isclose(value(x[0]), value(0.7)) else 1.0),
        plain=lambda x: 2.0 * x,
    ),
    "math.pow": Program(lambda x: math.pow(x[0], x[1]), lambda x: x[0] ** x[1]),
    "numpy.matrix": Program(
        lambda x: numpy.asarray(numpy.matrix([[x[0], x[1]], [x[1], x[2]]]) * numpy.matrix([[x[0]], [1.0]])),
        lambda x: np.array([[x[0], x[1]], [x[1], x[2]]]) @ np.array([[x[0]], [1.0]]),
    ),
    "numpy.asmatrix": Program(
        lambda x: numpy.asarray(numpy.asmatrix(x) * numpy.asmatrix(x).T),
        lambda x: np.array(x)[None] @ np.array(x)[None].T,
    ),
    "numpy.bmat": Program(
        lambda x: numpy.asarray(numpy.bmat([[x[:2], x[1:]]])) ** 2,
        lambda x: np.block([[x[None, :2], x[None, 1:]]]) ** 2,
    ),
    "numpy.ndenumerate": Program(
        lambda x: np.stack(enumerated(x)),
        lambda x: np.stack([x[index] ** 2 * index[0] for index in np.ndindex(x.shape)]),
        plain=lambda x: x**2 * numpy.arange(3),
    ),
    "numpy.broadcast": Program(
        lambda x: numpy.array([a * b for a, b in numpy.broadcast(x[:, None], x)]),
        lambda x: np.multiply(*np.broadcast_arrays(x[:, None], x)).ravel(),
    ),
    "numpy.poly1d": Program(
        lambda x: (numpy.poly1d(x) / numpy.poly1d([1.0]))[0](1.5),
        lambda x: sum(c * 1.5**n for n, c in enumerate(x[::-1])),
    ),
    "numpy.c_": Program(lambda x: numpy.c_[x, x**2], lambda x: np.column_stack([x, x**2])),
    "numpy.mgrid": Program(
        lambda x: numpy.mgrid[x[0] : 3 * x[0] : x[0], 0:2][0],
        lambda x: np.meshgrid(x[0] * np.array([1.0, 2.0]), np.arange(2.0), indexing="ij")[0],
        plain=lambda x: x[0] * numpy.array([[1.0, 1.0], [2.0, 2.0]]),
    ),
    "numpy.testing": Call(
        lambda: grad(lambda x: (numpy.testing.assert_array_max_ulp(x, X), np.sum(x**3))[1])(X),
        lambda: grad(lambda x: (numpy.testing.assert_array_max_ulp(value(x), X), np.sum(x**3))[1])(X),
        gives=3 * X**2,
    ),
    "random.choices": Program(
        lambda x: random.choices([1.0, 3.0], weights=[x[0], x[1]])[0],
        lambda x: (x[0] + 3.0 * x[1]) / (x[0] + x[1]),
        plain=lambda x: (x[0] + 3.0 * x[1]) / (x[0] + x[1]),
    ),
    "numpy.random": Program(
        lambda x: draw(x, numpy.random),
        lambda x: x[0] + x[1] * numpy.random.default_rng(1).normal(size=3),
    ),
    "as_strided": Program(
        lambda x: numpy.lib.stride_tricks.as_strided(x, (2, 2), (8, 8)) ** 2,
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2) ** 2,
        lambda x: x[numpy.array([[0, 1], [1, 2]])] ** 2,
    ),
    "vectorize": Program(lambda x: numpy.vectorize(lambda t: t**3)(x), lambda x: np.stack([t**3 for t in x])),
    "statistics.harmonic_mean": Program(
        lambda x: statistics.harmonic_mean(x), lambda x: 1 / np.mean(1 / np.array(x))
    ),
    "statistics.fmean with weights": Program(
        lambda x: statistics.fmean(x, weights=x), lambda x: np.average(np.array(x), weights=np.array(x))
    ),
    "statistics.correlation": Program(
        lambda x: statistics.correlation(x, x**3), lambda x: np.corrcoef(np.array(x), np.array(x**3))[0, 1]
    ),
    "statistics.covariance": Program(
        lambda x: statistics.covariance(x, x**3), lambda x: np.cov(np.array(x), np.array(x**3))[0, 1]
    ),
    "statistics.linear_regression": Program(
        lambda x: numpy.array(statistics.linear_regression(x, x**3)),
        lambda x: np.polyfit(np.array(x), np.array(x**3), 1),
    ),
    "statistics.NormalDist": Program(
        lambda x: statistics.NormalDist(x[0], x[1]).pdf(0.3),
        lambda x: funad.scipy.stats.norm(x[0], x[1]).pdf(0.3),
    ),
    "an object that holds a traced value": Program(
        lambda x: np.sum(numpy.poly1d([1.0, 2.0]) * x[0]),
        lambda x: np.sum((numpy.poly1d([1.0, 2.0]) * x[0]).coeffs),
    ),
    "statistics.pstdev": Program(lambda x: statistics.pstdev(x), lambda x: np.std(np.array(x))),
    "statistics.pvariance": Program(lambda x: statistics.pvariance(x), lambda x: np.var(np.array(x))),
    "statistics.variance": Program(lambda x: statistics.variance(x), lambda x: np.var(np.array(x), ddof=1)),
    "a write": Program(filled_in_a_line, filled_by_the_namespace),
    "a write into an array of outside": Program(
        lambda x: filled(x, numpy.zeros(3)),
        lambda x: filled(x, np.zeros(3)),
        lambda x: filled(x, np.empty(3) * 0.0),
        lambda x: filled(x, np.full(3, 0.0)),
        lambda x: filled(x, np.array([0.0, 0.0, 0.0])),
        lambda x: filled(x, np.zeros_like(x)),
    ),
    "a write into an array of whole numbers": Program(
        filled_with_whole_numbers,
        lambda x: filled_with_whole_numbers(x, dtype=float),
        plain=lambda x: numpy.array([x[0] ** 2, 0.0, 0.0]),
    ),
    "float in a pool of threads": Program(in_a_pool, lambda x: x[0] ** 2),
    "reduce": Program(lambda x: functools.reduce(math.hypot, x), lambda x: np.linalg.norm(np.array(list(x)))),
    "a draw of a distribution": Program(
        lambda x: funad.scipy.stats.gamma.rvs(x[0], size=3, random_state=1),
        lambda x: x[0] + x[1] * numpy.random.default_rng(1).normal(size=3),
        plain=lambda x: x[0] + x[1] * numpy.random.default_rng(1).normal(size=3),
    ),
    "an operation in place": Program(added, added_anew, added_by_the_namespace),
    "an operation in place of a part": Program(added_to_a_part, added_to_a_part_by_the_namespace),
    "copyto": Program(
        lambda x: copied_to(x, numpy.zeros(3), numpy),
        lambda x: copied_to(x, np.zeros(3), numpy),
        lambda x: copied_to(x, np.empty(3), np),
        lambda x: copied_to(x, np.copy(numpy.zeros(3)), np),
        lambda x: copied_to(x, np.zeros_like(x), numpy),
    ),
    "full": Program(lambda x: numpy.full(3, x[0] ** 2), lambda x: np.full(3, x[0] ** 2)),
    "full_like": Program(
        lambda x: numpy.full_like(numpy.ones(3), x[0] ** 2),
        lambda x: np.full_like(numpy.ones(3), x[0] ** 2),
        lambda x: numpy.full_like(numpy.ones(3), stop_gradient(x[0] ** 2)) * 0.0 + np.full_like(X, x[0] ** 2),
    ),
    "a write in a thread": Program(
        in_a_thread(lambda x: filled(x, np.zeros(3))),
        in_a_thread(lambda x: filled(x, np.zeros_like(x))),
        lambda x: (lambda v: in_a_thread(lambda x: filled(x, v))(x))(np.zeros(3)),
    ),
    "a list of traced values times an array": Program(
        lambda x: [x[0], x[1]] * numpy.array([1.0, 2.0]),
        lambda x: np.array([x[0], x[1]]) * numpy.array([1.0, 2.0]),
    ),
    "a ufunc without a rule": Program(
        lambda x: ufunc_without_rule(x),
        lambda x: first_wrapped(x),
        lambda x: np.stack([t * t for t in x]),
        plain=lambda x: x * x,
    ),
    "a function that NumPy dispatches": Call(
        lambda: grad(lambda x: np.sum(numpy.packbits(x)) * x[0])(X),
        lambda: grad(lambda x: np.sum(numpy.packbits(stop_gradient(x).astype(bool))) * x[0])(X),
        lambda: grad(lambda x: np.sum(np.floor(x) > -1) * 0 * x[0] + 224 * x[0])(X),
        gives=[224.0, 0.0, 0.0],
    ),
    "savez": Call(
        lambda: grad(lambda x: (numpy.savetxt("/dev/null", x), np.sum(x**3))[1])(X),
        lambda: grad(lambda x: (numpy.savetxt("/dev/null", value(x)), np.sum(x**3))[1])(X),
        gives=3 * X**2,
    ),
    "a frozen distribution": Program(
        lambda x: stats_of_one_size.logpdf(x), lambda x: funad.scipy.stats.norm(0.3, 1.2).logpdf(x)
    ),
    "float32 of x": Program(lambda x: numpy.float64(x) ** 2, lambda x: np.astype(x, numpy.float64) ** 2),
    "pow": Program(lambda x: pow(x[2], 3, 5), lambda x: x[2] ** 3 % 5, plain=lambda x: x[2] ** 3 % 5.0),
    "ctypes": Program(
        lambda x: packed(x),
        lambda x: stop_gradient(x[0]) * x,
        plain=lambda x: 0.7 * x,
    ),
    "a window": Program(
        lambda x: numpy.bartlett(x[0] * 4.0) * x[0],
        lambda x: numpy.bartlett(int(stop_gradient(x[0] * 4.0))) * x[0],
        plain=lambda x: numpy.bartlett(2) * x[0],
    ),
    "a function of numpy.polynomial": Program(
        lambda x: numpy.polynomial.polynomial.polyint([x[0], x[1] ** 2]),
        lambda x: np.polynomial.polynomial.polyint([x[0], x[1] ** 2]),
    ),
    "a function of lists": Program(
        lambda x: numpy.linalg.norm([x[0], x[1]]), lambda x: np.linalg.norm([x[0], x[1]])
    ),
    "arange": Program(
        lambda x: numpy.arange(0, 2.5, x[0]),
        lambda x: np.arange(0, 2.5, x[0]),
        plain=lambda x: x[0] * numpy.arange(4),
    ),
    "a number for nan": Program(
        lambda x: numpy.nan_to_num(numpy.array([1.0, numpy.nan]), nan=x[0] ** 2),
        lambda x: (lambda a: np.where(np.isnan(a), x[0] ** 2, a))(numpy.array([1.0, numpy.nan])),
        plain=lambda x: numpy.array([1.0, x[0] ** 2]),
    ),
    "a scale of a derivative": Program(
        lambda x: numpy.polynomial.polynomial.polyder([1.0, 2.0, 3.0], 1, x[0]),
        lambda x: np.polynomial.polynomial.polyder([1.0, 2.0, 3.0], 1, x[0]),
    ),
    "numpy.asarray by another name": Program(
        lambda x: [numpy.asarray][0](x) ** 2, lambda x: [np.asarray][0](x) ** 2
    ),
    "compiled code": Program(
        lambda x: len(memoryview(x)) * x,
        lambda x: len(memoryview(stop_gradient(x))) * x,
        plain=lambda x: 3 * x,
    ),
    "compiled code that is differentiated itself": Call(
        lambda: grad(datetime.timedelta)(0.5),
        lambda: grad(lambda x: datetime.timedelta(stop_gradient(x)).days + x)(0.5),
        gives=1.0,
    ),
    "cmath": Program(
        lambda x: abs(cmath.exp(x[0] + 1j * x[1])),
        lambda x: abs(np.exp(x[0] + 1j * x[1] + 0j)),
    ),
}

"""What the messages advise is run: it has the true derivatives, to second order, in every mode.

Each row is a program that is refused, what the message says, and the program written as it says. The value is
compared with what the refused program gives for plain numbers, its derivatives with differences of that.
"""

import ctypes
import ctypes.util
import functools
import io
import json
import logging
import math
import random
import re
import statistics
import sys

import matplotlib as mpl
import numpy
import pandas
import pytest
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.sparse
import scipy.sparse.linalg
import scipy.spatial
import scipy.special
import scipy.stats

import funad
import funad.numpy as np
import funad.scipy
import funad.scipy.special
from funad import advice, grad, hessian, jvp, messages, stop_gradient, value
from funad.errors import FunadError, NotDifferentiableError
from funad.scipy.rules.linalg import eigenvalues

from .advice import (
    Call,
    Program,
    X,
    core,
    has_the_derivatives_of,
    is_said_in,
    libraries,
    message_of,
    numpy_,
    scipy_,
    sentences,
    sparse,
    transforms,
)
from .advice import (
    messages as of_messages,
)
from .scipy_names import PROBES, REFUSED

mpl.use("Agg")
import matplotlib.pyplot as plt

FUNCTIONS = {"sine": math.sin}
A = numpy.array([[2.0, 0.3, 0.1], [0.3, 1.7, 0.2], [0.1, 0.2, 1.4]])
SPARSE = scipy.sparse.csr_array(A * (A > 0.15))
TRIPLES = SPARSE.tocoo()
MASK = numpy.array([False, True, False])


def matrix(x):
    """A symmetric positive definite matrix that depends on x, by whichever NumPy."""
    return A + np.outer(x, x) / 10


def newton_to_a_minimum_of_a_number(f, t, x):
    for _ in range(2):
        t = t - grad(f)(t, x) / hessian(f)(t, x)
    return t


def cubic(t, x):
    return t**3 + t * x[0] ** 2 - x[1] * x[2]


def coupled(t, x):
    return np.array([t[0] ** 3 + 2 * t[0] + t[1] - x[0] * x[1], t[1] ** 3 + 3 * t[1] + t[0] * x[2] / 2 - 2.0])


def bowl(t, x):
    return np.sum(np.cosh(t - x[:2] ** 2)) + 0.1 * (t[0] * t[1] * x[2]) ** 2


def bowl_of_one(t, x):
    return np.cosh(t - x[0] * x[1]) + 0.1 * (t * x[2]) ** 2


T = numpy.array([0.0, 1.0, 2.0, 3.0, 4.0])


def residuals(t, x):
    return t[0] * np.exp(-t[1] * T / 5) - np.cos(x[0] * T / 9) * x[1] - x[2]


def data(x):
    return np.cos(x[0] * T / 9) * x[1] + x[2]


TIGHT = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}


SIGMA = numpy.array([1.0, 0.5, 2.0, 1.0, 0.7])


def held_by_a_bound(x):
    """The minimum of bowl for t[1] ≤ 1, which holds it."""
    found = scipy.optimize.minimize(
        lambda t: bowl(t, x), [0.5, 0.5], jac=lambda t: grad(bowl)(t, value(x)), tol=1e-13,
        bounds=[(None, None), (None, 1.0)],
    ).x  # fmt: skip
    free = lambda t: grad(lambda t: bowl(np.array([t, 1.0]), x))(t)
    t = scipy.optimize.brentq(free, -9.0, 9.0, xtol=1e-14)  # to the last digit
    assert numpy.allclose(found, [t, 1.0], atol=1e-5)
    return numpy.array([t, 1.0])


def newton_beside_a_bound(x):
    t = held_by_a_bound(stop_gradient(x))[0]
    return np.array([newton_to_a_minimum_of_a_number(lambda t, x: bowl(np.array([t, 1.0]), x), t, x), 1.0])


OPERATOR = scipy.sparse.linalg.aslinearoperator(A)
operator_product = funad.primitive(lambda x: OPERATOR @ x)
operator_back = funad.primitive(lambda y: OPERATOR.T @ y)
funad.linear(operator_product, lambda y, ybar, x: operator_back(ybar))
funad.linear(operator_back, lambda x, xbar, y: operator_product(xbar))


def of_family(kind, module, start):
    """The rows of a class of numpy.polynomial."""
    family, functions = getattr(numpy.polynomial, kind), getattr(np.polynomial, module)
    evaluate = getattr(functions, f"{start}val")
    plain = getattr(getattr(numpy.polynomial, module), f"{start}val")
    mapped = lambda t: -1.0 + (t - 0.5) * 2.0 / 2.5
    return {
        f"{kind} of coefficients": (
            lambda x: family(x**2)(0.3),
            f"{kind} met … write np.polynomial.{module}.{start}val(t, coefficients)",
            lambda x: evaluate(0.3, x**2),
        ),
        f"{kind} of a mapped domain": (
            lambda x: family(x**2, domain=[0.5, 3.0], window=[-1.0, 1.0])(x),
            "window[0] + (t - domain[0]) * (window[1] - window[0]) / (domain[1] - domain[0]) for t",
            lambda x: evaluate(mapped(x), x**2),
        ),
        f"{kind}.fit": (
            lambda x: family.fit([0.0, 1.0, 3.0], x**2, 1)(2.0),
            f"{kind}.fit met … write coefficients = np.polynomial.{module}.{start}fit(x, y, degree)",
            lambda x: evaluate(2.0, getattr(functions, f"{start}fit")([0.0, 1.0, 3.0], x**2, 1)),
        ),
        f"{start}val": (
            lambda x: plain(0.3, x**2),
            f"write np.polynomial.{module}.{start}val(0.3, x**2) after import funad.numpy as np",
            lambda x: evaluate(0.3, x**2),
        ),
        f"{kind}.fromroots": (
            lambda x: family.fromroots(x)(0.3),
            f"{kind}.fromroots met … write coefficients = np.polynomial.{module}.{start}fromroots(roots)",
            lambda x: evaluate(0.3, getattr(functions, f"{start}fromroots")(x)),
        ),
    }


def wrapped(f, slope):
    """The general advice: a primitive of the user's own with its rule."""
    g = funad.primitive(lambda x: f(x))
    funad.defvjp(g, lambda y, ybar, x: ybar * slope(x))
    return g


compiled_sin = ctypes.CDLL(ctypes.util.find_library("m")).sin
compiled_sin.argtypes, compiled_sin.restype = [ctypes.c_double], ctypes.c_double

# name: (what is refused, what is said, what is written in its place)
ROWS = {
    "a function of C's, wrapped": (
        lambda x: compiled_sin(x[0]),
        "compiled_sin met … funad.primitive(compiled_sin)",
        lambda x: wrapped(compiled_sin, np.cos)(x[0]),
    ),
    "a LinearOperator": (
        lambda x: (OPERATOR @ x) ** 2,
        "MatrixLinearOperator met … ; wrap the product and its transpose: product = funad.primitive(",
        lambda x: operator_product(x) ** 2,
    ),
    "spsolve": (
        lambda x: scipy.sparse.linalg.spsolve(scipy.sparse.csc_array(A), x**2),
        "scipy.sparse.linalg.spsolve met … write funad.scipy.sparse.linalg.spsolve(",
        lambda x: funad.scipy.sparse.linalg.spsolve(scipy.sparse.csc_array(A), x**2),
    ),
    **of_family("Polynomial", "polynomial", "poly"),
    **of_family("Chebyshev", "chebyshev", "cheb"),
    **of_family("Legendre", "legendre", "leg"),
    **of_family("Hermite", "hermite", "herm"),
    **of_family("HermiteE", "hermite_e", "herme"),
    **of_family("Laguerre", "laguerre", "lag"),
    "an array of positions": (
        lambda x: T[x.astype(int)] * x**2 if type(x) is numpy.ndarray else T[x] * x**2,
        "write stop_gradient(x).astype(int)",
        lambda x: T[stop_gradient(x).astype(int)] * x**2,
    ),
    "linear_sum_assignment": (
        lambda x: np.outer(x, np.sin(x))[scipy.optimize.linear_sum_assignment(np.outer(x, np.sin(x)))],
        "rows, columns = linear_sum_assignment(stop_gradient(cost)) and go on with cost[rows, columns]",
        lambda x: np.outer(x, np.sin(x))[
            scipy.optimize.linear_sum_assignment(stop_gradient(np.outer(x, np.sin(x))))
        ],
    ),
    "interp1d": (
        lambda x: scipy.interpolate.interp1d(x, x**2)([0.9, 1.6]),
        "write funad.scipy.interpolate.interp1d(",
        lambda x: funad.scipy.interpolate.interp1d(x, x**2)([0.9, 1.6]),
    ),
    "a spline": (
        lambda x: scipy.interpolate.CubicSpline(T, T**3)(x[0]),
        "scipy.interpolate.CubicSpline met … make it with funad.scipy.interpolate in the place of scipy.",
        lambda x: funad.scipy.interpolate.CubicSpline(T, T**3)(x[0]),
    ),
    "sparse.multiply": (
        lambda x: SPARSE.multiply(x).toarray() ** 2,
        "scipy.sparse.csr_array.multiply met … write scipy.sparse.csr_array(A) * x",
        lambda x: (scipy.sparse.csr_array(SPARSE) * x).toarray() ** 2,
    ),
    "coo.dot": (
        lambda x: TRIPLES.dot(x) ** 2,
        "scipy.sparse.coo_array.dot met … write A @ x",
        lambda x: (TRIPLES @ x) ** 2,
    ),
    "sparse of x": (
        lambda x: scipy.sparse.csr_array(np.diag(x)).sum(axis=0),
        "scipy.sparse.csr_array met … write funad.scipy.sparse.csr_array(",
        lambda x: funad.scipy.sparse.csr_array(np.diag(x)).sum(axis=0),
    ),
    "cdist": (
        lambda x: scipy.spatial.distance.cdist(A * x, A),
        "write funad.scipy.spatial.distance.cdist(A * x, A)",
        lambda x: funad.scipy.spatial.distance.cdist(A * x, A),
    ),
    "math.sin": (lambda x: math.sin(x[0]), "write np.sin(x[0]) after", lambda x: np.sin(x[0])),
    "math.log": (
        lambda x: math.log(x[0], x[1]),
        "write np.log(x), or np.log(x) / np.log(base) for math.log(x, base), after",
        lambda x: np.log(x[0]) / np.log(x[1]),
    ),
    "math.hypot": (
        lambda x: math.hypot(x[0], x[1], x[2]),
        "write np.linalg.norm(np.array([a, b]))",
        lambda x: np.linalg.norm(np.array([x[0], x[1], x[2]])),
    ),
    "math.dist": (
        lambda x: math.dist(x[:2], x[1:]),
        "write np.linalg.norm(np.array(a) - np.array(b))",
        lambda x: np.linalg.norm(np.array(x[:2]) - np.array(x[1:])),
    ),
    "math.pow": (
        lambda x: math.pow(x[0], x[1]),
        "math.pow met … write a**b",
        lambda x: x[0] ** x[1],
    ),
    "math.fsum": (lambda x: math.fsum(x), "write np.sum(np.array(x))", lambda x: np.sum(np.array(x))),
    "math.remainder": (
        lambda x: math.remainder(x[2], x[1]),
        "write a - b * np.round(a / b) after",
        lambda x: x[2] - x[1] * np.round(x[2] / x[1]),
    ),
    "math.erf": (
        lambda x: math.erf(x[0]),
        "write funad.scipy.special.erf(x) after import funad.scipy.special",
        lambda x: funad.scipy.special.erf(x[0]),
    ),
    "math.erfc": (
        lambda x: math.erfc(x[0]),
        "write funad.scipy.special.erfc(x) after import funad.scipy.special",
        lambda x: funad.scipy.special.erfc(x[0]),
    ),
    "math.gamma": (
        lambda x: math.gamma(x[0]),
        "write funad.scipy.special.gamma(x) after import funad.scipy.special",
        lambda x: funad.scipy.special.gamma(x[0]),
    ),
    "math.lgamma": (
        lambda x: math.lgamma(x[0]),
        "write funad.scipy.special.gammaln(x) after import funad.scipy.special",
        lambda x: funad.scipy.special.gammaln(x[0]),
    ),
    "random.lognormvariate": (
        lambda x: random.Random(3).lognormvariate(x[0], x[1]),
        "draw with plain parameters and transform what was drawn: mean + sd * random.gauss(0.0, 1.0)",
        lambda x: np.exp(x[0] + x[1] * random.Random(3).normalvariate(0.0, 1.0)),
    ),
    "functions in a dict": (
        lambda x: FUNCTIONS["sine"](x[0]),
        "math.sin met … write np.sin(x[0]) after",
        lambda x: np.sin(x[0]),
    ),
    "a key": (
        lambda x: max([x[0], x[1]], key=math.exp),
        "math.exp met … write np.exp(...) after",
        lambda x: max([x[0], x[1]], key=np.exp),
    ),
    "statistics.mean": (
        lambda x: statistics.mean(x * x),
        "np.mean(np.array(x))",
        lambda x: np.mean(np.array(x * x)),
    ),
    "statistics.stdev": (
        lambda x: statistics.stdev(x),
        "statistics.stdev met … np.std(np.array(x), ddof=1)",
        lambda x: np.std(np.array(x), ddof=1),
    ),
    "statistics.geometric_mean": (
        lambda x: statistics.geometric_mean(x),
        "write np.exp(np.mean(np.log(np.array(x))))",
        lambda x: np.exp(np.mean(np.log(np.array(x)))),
    ),
    "fromiter": (
        lambda x: numpy.fromiter((t * t for t in x), float),
        "numpy.fromiter met … write np.array(list(iterable))",
        lambda x: np.array(list(map(np.square, x))),
    ),
    "funad.numpy's fromiter": (
        lambda x: np.fromiter((t * t for t in x), float),
        "write np.array(list(values)) instead",
        lambda x: np.array(list(map(np.square, x))),
    ),
    "dtype=object": (
        lambda x: (
            numpy.array([x[0] * x[1], x[2], 1.0], dtype=object).astype(float)
            if type(x) is numpy.ndarray
            else numpy.array([x[0] * x[1], x[2], 1.0], dtype=object)
        ),
        "write np.array([x[0] * x[1], x[2], 1.0]) after",
        lambda x: np.array([x[0] * x[1], x[2], 1.0]),
    ),
    "arange": (
        lambda x: numpy.arange(x[0], x[0] + 2.2, x[1])[:2],
        "numpy.arange met … np.arange(",
        lambda x: x[0] + x[1] * np.arange(2),
    ),
    "frompyfunc": (
        lambda x: numpy.frompyfunc(lambda t: t**3, 1, 1)(x).astype(float),
        "numpy.frompyfunc was called … write np.stack([f(t) for t in x])",
        lambda x: np.stack([t**3 for t in x]),
    ),
    "a masked array": (
        lambda x: numpy.ma.array(x**2, mask=MASK).filled(0.0),
        "write np.where(mask, 0, x)",
        lambda x: np.where(MASK, 0, x**2),
    ),
    "r_": (
        lambda x: numpy.r_[x**2, x],
        "write np.concatenate([...]) or np.stack([...])",
        lambda x: np.concatenate([x**2, x]),
    ),
    "nditer": (
        lambda x: numpy.array([float(t) ** 2 for t in numpy.nditer(x)]),
        "write for t in np.ravel(x)",
        lambda x: np.array([t**2 for t in np.ravel(x)]),
    ),
    "an index": (
        lambda x: x[int(x[1])] ** 2 if type(x) is numpy.ndarray else x[x[1]],
        "use as an index of a traced value … write int(stop_gradient(x))",
        lambda x: x[int(stop_gradient(x[1]))] ** 2,
    ),
    "float": (lambda x: float(x[0]) ** 2, "keep it as it is", lambda x: x[0] ** 2),
    "complex": (
        lambda x: abs(complex(x[0]) * (1 + x[1])),
        "write x + 0j",
        lambda x: abs((x[0] + 0j) * (1 + x[1])),
    ),
    "complex of two numbers": (
        lambda x: abs(complex(x[0], x[2]) * (1 + x[1])),
        "a + 1j * b for complex(a, b)",
        lambda x: abs((x[0] + 1j * x[2]) * (1 + x[1])),
    ),
    "int": (lambda x: int(x[2]) * x[0] ** 2, "write np.trunc(x)", lambda x: np.trunc(x[2]) * x[0] ** 2),
    "stop_gradient": (
        lambda x: x[1] ** 2 + int(x[2]),
        "stop_gradient(x)",
        lambda x: x[1] ** 2 + int(stop_gradient(x[2])),
    ),
}


# What funad.scipy has under the same name: programs of a namespace sp. The plain values of some are from a
# solver of more digits.
IN_SCIPY = {
    "optimize.brentq": lambda sp, x: sp.optimize.brentq(lambda t: cubic(t, x), 0.0, 9.0, xtol=1e-14),
    "optimize.fsolve": lambda sp, x: sp.optimize.fsolve(lambda t: coupled(t, x), [1.0, 1.0], xtol=1e-13),
    "optimize.minimize": lambda sp, x: (
        held_by_a_bound(x)
        if type(x) is numpy.ndarray
        else sp.optimize.minimize(
            lambda t: bowl(t, x), [0.5, 0.5], bounds=[(None, None), (None, 1.0)], tol=1e-12
        ).x
    ),
    "optimize.minimize_scalar": lambda sp, x: (
        scipy.optimize.brentq(lambda t: grad(bowl_of_one)(t, value(x)), -9.0, 9.0, xtol=1e-14)
        if type(x) is numpy.ndarray
        else sp.optimize.minimize_scalar(lambda t: bowl_of_one(t, x)).x
    ),
    "optimize.curve_fit": lambda sp, x: sp.optimize.curve_fit(
        lambda t, a, b: a * np.exp(-b * t / 5), T, data(x), [1.0, 0.1], SIGMA, **TIGHT
    )[0],
    "optimize.least_squares": lambda sp, x: (
        sp.optimize.least_squares(lambda t: residuals(t, x), [1.0, 0.1], **TIGHT).x
    ),
    "optimize.rosen": lambda sp, x: sp.optimize.rosen(x),
    "integrate.quad": lambda sp, x: sp.integrate.quad(
        lambda t: np.exp(-t * x[2]), x[0], numpy.inf, epsabs=1e-13
    )[0],
    "integrate.solve_ivp": lambda sp, x: sp.integrate.solve_ivp(
        lambda t, y: np.array([-x[0] * y[0] + y[1] ** 2, -x[1] * y[1]]),
        (0.0, 1.0),
        [1.0, 0.5],
        rtol=1e-11,
        atol=1e-12,
    ).y[:, -1],
    "integrate.trapezoid": lambda sp, x: sp.integrate.trapezoid(x**2, x),
    "fft.fft": lambda sp, x: np.abs(sp.fft.fft(x)) ** 2,
    "fft.dct": lambda sp, x: sp.fft.dct(x) ** 2,
    "linalg.cho_factor": lambda sp, x: np.triu(sp.linalg.cho_factor(matrix(x))[0]).T,
    "linalg.cho_solve": lambda sp, x: sp.linalg.cho_solve((numpy.linalg.cholesky(A), True), x**2),
    "linalg.cholesky": lambda sp, x: sp.linalg.cholesky(matrix(x)),
    "linalg.lu_solve": lambda sp, x: sp.linalg.lu_solve(scipy.linalg.lu_factor(A), x**2),
    "linalg.solve_triangular": lambda sp, x: sp.linalg.solve_triangular(matrix(x), x),
    "linalg.qr": lambda sp, x: np.abs(sp.linalg.qr(matrix(x)[:, :2], mode="economic")[1]),
    "linalg.det": lambda sp, x: sp.linalg.det(matrix(x)),
    "ndimage.gaussian_filter1d": lambda sp, x: sp.ndimage.gaussian_filter1d(x**2, 1.0),
    "signal.lfilter": lambda sp, x: sp.signal.lfilter([1.0, 0.3], [1.0, 0.2], x**2),
    "special.logsumexp": lambda sp, x: sp.special.logsumexp(x),
    "special.softmax": lambda sp, x: sp.special.softmax(x),
    "special.log_softmax": lambda sp, x: sp.special.log_softmax(x),
    "stats.norm.logpdf": lambda sp, x: sp.stats.norm.logpdf(x[0], x[1], x[2]),
    "stats.gamma.cdf": lambda sp, x: sp.stats.gamma.cdf(x[0], x[1], scale=x[2]),
    "stats.multivariate_normal.pdf": lambda sp, x: sp.stats.multivariate_normal.pdf(x, None, A),
    "stats.norm(loc=0.3).sf": lambda sp, x: sp.stats.norm(loc=0.3).sf(x),
    "stats.skew": lambda sp, x: sp.stats.skew(x),
    "stats.gaussian_kde": lambda sp, x: sp.stats.gaussian_kde(x)(1.0),
}


def said(f):
    with pytest.raises(FunadError) as caught:
        grad(lambda x: np.sum(f(x)))(X)
    return str(caught.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ROWS)
def test_advice_that_is_followed_has_the_true_derivatives_to_second_order(name):
    refused, words, written = ROWS[name]
    message = said(refused)
    assert re.search(".*".join(map(re.escape, words.split(" … "))), message), message
    has_the_derivatives_of(refused, written)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", IN_SCIPY)
def test_the_function_of_that_name_in_funad_scipy_has_the_true_derivatives(name):
    program = IN_SCIPY[name]
    message = said(lambda x: program(scipy, x))
    module = name.partition(".")[0]
    assert f"write funad.scipy.{name}(" in message, message
    assert f"after import funad.scipy.{module}" in message
    has_the_derivatives_of(lambda x: program(scipy, x), lambda x: program(funad.scipy, x))


class Holder:
    """An object of the user's that holds one of SciPy's."""

    def __init__(self, module):
        self.spline = module.interpolate.CubicSpline(T, T**3)


# name: (what makes an object in a module of SciPy's or of funad's, how it is used, how the source names it)
OBJECTS = {
    "called": (lambda sp: sp.interpolate.CubicSpline(T, T**3), lambda made, x: made(x), "made"),
    "a function's": (lambda sp: sp.interpolate.make_interp_spline(T, T**3), lambda made, x: made(x), "made"),
    "of two axes": (
        lambda sp: sp.interpolate.RegularGridInterpolator((T, T), numpy.outer(T, T**2), "cubic"),
        lambda made, x: made(x[:2])[0],
        "made",
    ),
    "of another class": (
        lambda sp: sp.interpolate.UnivariateSpline(T, T**3, s=0), lambda made, x: made(x), "made"
    ),
    "a derivative": (
        lambda sp: sp.interpolate.CubicSpline(T, T**3), lambda made, x: made.derivative()(x), "it"
    ),
    "a method": (lambda sp: sp.stats.gaussian_kde(T), lambda made, x: made.logpdf(x), "made"),
    "a frozen distribution": (lambda sp: sp.stats.norm(0.3, 1.2), lambda made, x: made.logpdf(x), "made"),
    "an attribute": (Holder, lambda made, x: made.spline(x), "made.spline"),
    "a result": (
        lambda sp: sp,
        lambda made, x: made.interpolate.CubicSpline(T, T**3)(x),
        "it",
    ),
    "a result of a class": (
        lambda sp: sp.spatial.transform.Rotation,
        lambda made, x: made.from_rotvec([1.0, 0.0, 0.0]).apply(x),
        "made.from_rotvec([1.0, 0.0, 0.0])",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("make", "use", "name"), OBJECTS.values(), ids=OBJECTS)
def test_an_object_of_scipys_is_to_be_made_by_funad(make, use, name):
    made = make(scipy)
    with pytest.raises(NotDifferentiableError) as caught:
        grad(lambda x: np.sum(use(made, x)))(X)
    message = str(caught.value)
    assert re.search(
        rf"; make {re.escape(name)} with funad\.(\S+) in the place of \1 after import funad\.\1,", message
    ), message
    has_the_derivatives_of(lambda x: use(made, x), lambda x: use(make(funad.scipy), x))


def test_an_object_of_scipys_that_is_differentiated_itself_is_to_be_made_by_funad():
    spline = scipy.interpolate.CubicSpline(T, T**3)
    for f in (spline, spline.derivative(), scipy.stats.gaussian_kde(T).logpdf):
        with pytest.raises(NotDifferentiableError, match=r"; make it with funad\.scipy\."):
            funad.elementwise_grad(f)(X)


def test_an_error_of_plain_values_is_not_laid_to_the_trace():
    for f in (lambda x: x & 1, lambda x: x[0] ^ 2, lambda x: x << 1):
        with pytest.raises(TypeError) as plain:
            f(X)
        with pytest.raises(TypeError) as traced:
            grad(lambda x: np.sum(f(x)))(X)
        assert type(traced.value) is type(plain.value) and str(traced.value) == str(plain.value)


def test_a_method_of_a_distribution_that_is_differentiated_itself_has_its_whole_name():
    for f in (scipy.stats.norm.logpdf, scipy.stats.gamma(2.0).cdf):
        with pytest.raises(FunadError) as caught:
            grad(f)(0.5)
        assert re.match(r"scipy\.stats\.(norm\.logpdf|rv_continuous_frozen\.cdf) met", str(caught.value))
        assert re.search(r"write funad\.scipy\.stats\.norm\.logpdf\(|make it with funad", str(caught.value))


# --- what only looks at values

log = logging.getLogger("test_advice")
LOOKS = {
    "json": (lambda x: json.dumps({"x": x[0]}), lambda x: json.dumps({"x": value(x[0])})),
    "json of an array": (lambda x: json.dumps(x), lambda x: json.dumps(value(x).tolist())),
    "a plot": (lambda x: plt.plot(x), lambda x: plt.plot(value(x))),
    "a method of a plot": (lambda x: plt.gca().hist(x), lambda x: plt.gca().hist(value(x))),
    "a frame": (lambda x: pandas.DataFrame({"x": x}), lambda x: pandas.DataFrame({"x": value(x)})),
    "numpy.savetxt": (
        lambda x: numpy.savetxt(io.StringIO(), x),
        lambda x: numpy.savetxt(io.StringIO(), value(x)),
    ),
}


@pytest.mark.parametrize("name", LOOKS)
def test_what_looks_at_values_is_told_of_value(name):
    refused, written = LOOKS[name]
    errors = []
    try:
        grad(lambda x: (refused(x), np.sum(x**3))[1])(X)
    except FunadError as error:
        errors.append(str(error))
    assert errors
    assert "value(x), from funad" in errors[0]
    assert "primitive" not in errors[0]
    errors.clear()
    f = lambda x: (written(x), np.sum(x**3))[1]
    assert grad(f)(X) == pytest.approx(3 * X**2)
    assert hessian(f)(X) == pytest.approx(numpy.diag(6 * X))
    assert not errors
    plt.close("all")


def sys_error():
    return str(sys.exc_info()[1])


# --- where the text of the program is not at hand

TYPED = {
    "math.sin(x[0])": "math.sin met … write np.sin(x[0]) after",
    "scipy.special.softmax(x)": "scipy.special.softmax met … write funad.scipy.special.softmax(x) after",
    "sum(map(math.exp, x))": "math.exp met",
    "math.hypot(1.0 if True else 2.0, x[0])": "math.hypot met … np.linalg.norm(",
    "scipy.optimize.brentq(math.sin, 3.0, x[0] + 3)": "scipy.optimize.brentq met … write "
    "funad.scipy.optimize.brentq(",
    "onp.arange(3.0)[x[0]:]": "use as an index … in onp.arange(3.0)[x[0]:]",
    "json.dumps(x[0])": "value(x), from funad",
    "float(x[0])": "float() of a traced value … keep it as it is",
    "put(onp.zeros(3), x)": "v[0] = ... puts a traced value … make that array with zeros, empty",
    "add(onp.zeros(3), x)": "v += 2 * x would write … write v = v + 2 * x",
}


@pytest.mark.parametrize("text", TYPED)
def test_a_program_without_its_text_is_told_the_same(text):
    program = f"""
def put(v, x):
    v[0] = x[0]
    return v

def add(v, x):
    v += 2 * x
    return v

def f(x):
    return np.sum({text})
"""
    names = {"math": math, "scipy": scipy, "np": np, "onp": numpy, "json": json}
    exec(compile(program, "<stdin>", "exec"), names)
    for differentiate in (grad, lambda f: lambda x: jvp(f, (x,), (x,))):
        with pytest.raises(FunadError) as caught:
            differentiate(names["f"])(X)
        message = str(caught.value)
        assert re.search(".*".join(map(re.escape, TYPED[text].split(" … "))), message), message


class Raising:
    """An object that raises whatever it is asked for."""

    def __getattr__(self, name):
        raise RuntimeError(f"no {name}")

    def __call__(self, x):
        return float(x)


def test_an_object_that_raises_at_every_attribute_hides_no_refusal():
    model = functools.partial(math.sin)
    raising = Raising()
    called = scipy.optimize.brentq
    for f in (
        lambda x: raising(x[0]),
        lambda x: called(raising, x[0], 3.0),
        lambda x: model(x[0]),
        lambda x: [math.sin, raising][0](x[0]),
    ):
        assert "traced value" in said(f)


def test_every_text_of_the_table_names_what_is_there():
    words = " ".join(advice.INSTEAD.values())
    for name in set(re.findall(r"\bnp\.((?:linalg\.|fft\.)?[a-z_0-9]+)", words)) - {"linalg", "fft"}:
        found = np
        for step in name.split("."):
            found = getattr(found, step)
        assert found is not None


SEARCHES = {
    "golden": lambda a: scipy.optimize.golden(lambda t: (t - a) ** 2, brack=(0.0, 1.0, 5.0)),
    "brent": lambda a: scipy.optimize.brent(lambda t: (t - a) ** 2),
    "bracket": lambda a: scipy.optimize.bracket(lambda t: (t - a) ** 2)[0],
    "fminbound": lambda a: scipy.optimize.fminbound(lambda t: (t - a) ** 2, 0, 5),
    "fmin_powell": lambda a: scipy.optimize.fmin_powell(lambda t: np.sum((t - a) ** 2), [0.0], disp=0)[0],
    "minimize_scalar": lambda a: scipy.optimize.minimize_scalar(lambda t: (t - a) ** 2).x,
    "line_search": lambda a: scipy.optimize.line_search(
        lambda t: np.sum((t - a) ** 2), lambda t: 2 * (t - a), numpy.zeros(1), numpy.ones(1)
    )[0],
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_by_comparisons_of_traced_values_is_refused(name):
    f = SEARCHES[name]
    for derivative in (grad(f), lambda a: jvp(f, (a,), (1.0,))):
        with pytest.raises(NotDifferentiableError, match=rf"scipy\.optimize\.{name} met .*a comparison"):
            derivative(2.0)


def test_a_root_by_steps_of_newton_keeps_its_derivative():
    assert grad(lambda a: scipy.optimize.newton(lambda t: t**2 - a, 1.0))(2.0) == pytest.approx(0.125**0.5)


def is_advised(name):
    module, _, method, theirs, ours = messages._in_scipy(name)
    return messages._is_differentiated(module, method, theirs, ours)


def test_every_name_of_scipy_that_is_probed_is_advised_and_none_that_is_refused():
    probed = {probe.name for probe in PROBES if probe.name.split(".")[1] in funad.scipy.MODULES}
    assert len(probed) > 900
    probed -= {name for name in probed if name.startswith("scipy.sparse.c")}  # methods of matrices
    lacking = {name for name in probed if not is_advised(name)}
    assert lacking == set()
    assert {name for name in REFUSED if is_advised(name)} == set()


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda c: scipy.optimize.linprog(c).fun, "its solution is a corner"),
        (lambda c: scipy.spatial.distance.hamming(c, -c), "it counts entries that are equal"),
        (lambda c: scipy.linalg.null_space(c[None]), "use a projection onto it"),
    ],
)
def test_what_funad_refuses_too_is_said_with_the_reason(f, why):
    with pytest.raises(NotDifferentiableError, match=rf"has no derivative in funad, as .*{why}"):
        grad(lambda c: np.sum(f(c)))(numpy.ones(2))


# --- every sentence of advice in the source

TABLES = {
    "core": core.ROWS,
    "libraries": libraries.ROWS,
    "messages": of_messages.ROWS,
    "numpy": numpy_.ROWS,
    "scipy": scipy_.ROWS,
    "sparse": sparse.ROWS,
    "transforms": transforms.ROWS,
}
WRITTEN = [
    pytest.param(row, id=f"{table}-{name}") for table, rows in TABLES.items() for name, row in rows.items()
]

# What looks like advice and is none.
NO_ADVICE = {
    "Warning: divide by zero",  # what NumPy says
    "Scalar operands are not allowed, use '*' instead",
    "return (y[0] == y).all(keepdims=True)",
    "return code | invalid()",
    "select needs a list of conditions and one choice for each of them",
    "use as an index",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", WRITTEN)
def test_a_program_that_is_written_as_it_is_told_has_the_true_derivatives(row):
    assert message_of(row)
    row.follow()


@pytest.mark.filterwarnings("ignore")
def test_every_sentence_of_advice_is_run():
    """A new one needs a row in tests/advice: a program that is refused, and how it is written instead."""
    rows = [row for rows in TABLES.values() for row in rows.values()]
    rows += [Program(refused, written) for refused, _, written in ROWS.values()]
    rows += [Program(functools.partial(program, scipy), None) for program in IN_SCIPY.values()]
    rows += [Call(functools.partial(looking, refused), gives=None) for refused, _ in LOOKS.values()]
    said = [message_of(row) for row in rows]
    of_older = {eigenvalues._LENGTHS} if scipy_.OF_OLDER.keys() - scipy_.ROWS.keys() else set()
    left = {text for text in sentences() if not any(is_said_in(text, message) for message in said)}
    assert left - NO_ADVICE - of_older == set()


def looking(refused):
    grad(lambda x: (refused(x), np.sum(x**3))[1])(X)

"""What the functions of funad.numpy, methods of arrays and their rules advise."""

import numpy

import funad
import funad.numpy as np
from funad import grad, stop_gradient, vjp

from . import Call, Program, X

PERMUTED = numpy.array([2, 0, 1])  # what the generators below do
SEED = 3


def rng():
    return numpy.random.default_rng(SEED)


def traced_rng():
    return np.random.default_rng(SEED)


def with_view(x):
    y = np.lib.stride_tricks.sliding_window_view(x * 1.0, 2, writeable=True)
    y[0, 0] = x[1]
    return y * 1.0


def written_itself(x):
    z = x * 1.0
    y = np.lib.stride_tricks.sliding_window_view(z, 2)
    z[0] = x[1]
    return y * 1.0


def plainly_written(x):
    z = x * 1.0
    z[0] = x[1]
    return numpy.lib.stride_tricks.sliding_window_view(z, 2)


def into(f, make):
    """Return a program in which f writes its result into an array."""

    def program(x):
        v = make(3)
        f(x**2, out=v)
        return v

    return program


def masked_into(make, f=numpy.square):
    def program(x):
        v = make(3)
        f(x, where=x > 1.0, out=v)
        return v

    return program


def added_at(make):
    def program(x):
        v = make(3)
        np.add.at(v, [0, 0, 2], x**2)
        return v

    return program


def shuffled(x):
    y = x**2
    traced_rng().shuffle(y)
    return y


def padded(x):
    def put(vector, width, axis, kwargs):
        vector[: width[0]] = 2.0
        vector[len(vector) - width[1] :] = 2.0

    return np.pad(x**2, 1, mode=put)


MATRIX = numpy.array([[2.0, 0.3, 0.1], [0.3, 1.7, 0.2], [0.1, 0.2, 1.4]])
TIED = numpy.eye(3)


def vectors(x):
    """The matrix of eigenvectors of the identity, for which x may stand."""
    return np.linalg.eigh(TIED * x[0] / X[0] * 1.0)


def lower(t):
    """What of a matrix of ties does not depend on the choice of the vectors: the sum of v vᵀ."""
    return t[1] @ t[1].T


DEFECTIVE = numpy.array([[2.0, 1.0], [0.0, 2.0]])
FLAT = numpy.array(
    [[1.0, 2.0, 1.0], [2.0, 4.0, 0.0], [3.0, 6.0, 1.0]]
)  # the second column is twice the first
DOUBLE = numpy.array([1.0, -2.0, 1.0])
COV = numpy.eye(2)
E1 = numpy.array([[0.0, 1.0], [0.5, 0.3]])


def along(f, a, direction):
    """Return the derivative of the sum of f(a + t·direction) at t = 0."""
    return grad(lambda t: np.sum(f(a + t * direction)))(0.0)


D3 = numpy.array([[0.1, 0.7, 0.3], [0.4, -0.2, 0.5], [0.6, 0.1, 0.2]])
F_ORDER = numpy.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2)
COMPLEX = numpy.array([[2.0, 0.3 + 0.4j], [0.3 - 0.4j, 1.0]])
WIDE = numpy.array([[1.0, 0.3, 0.2, 0.1], [0.2, 2.0, 0.4, 0.3]])
DWIDE = numpy.array([[0.3, 0.1, 0.7, 0.2], [0.2, 0.5, 0.4, 0.1]])


def of_full_matrices(a):
    return np.linalg.svd(a)[2][-1] ** 3


def projector(a):
    v = np.linalg.svd(a)[2][2:]
    return (v.T @ v) ** 3


def plain_slope(f, a, direction, step=1e-6):
    return numpy.sum(f(a + step * direction) - f(a - step * direction)) / (2 * step)


def plain_projector(a):
    v = numpy.linalg.svd(a)[2][2:]
    return (v.T @ v) ** 3


rows_of_memory = Program(
    lambda x: x.tobytes() and x**2,
    lambda x: stop_gradient(x).tobytes() and x**2,
)

ROWS = {
    "creation: strings beside traced values": Call(
        lambda: grad(lambda x: np.sum(np.array([x[0], "a"])))(X),
        lambda: grad(lambda x: [x[0], "a"][0])(X),
        gives=[1.0, 0.0, 0.0],
    ),
    "kaiser": Program(
        lambda x: np.kaiser(x[0] * 5, 2.0) * x[0],
        lambda x: np.kaiser(int(stop_gradient(x[0] * 5)), 2.0) * x[0],
        plain=lambda x: numpy.kaiser(3, 2.0) * x[0],
    ),
    "hanning": Program(
        lambda x: np.hanning(x[0] * 5) * x[0],
        lambda x: np.hanning(int(stop_gradient(x[0] * 5))) * x[0],
        plain=lambda x: numpy.hanning(3) * x[0],
    ),
    "shuffle": Program(
        shuffled,
        lambda x: traced_rng().permutation(x**2),
        plain=lambda x: rng().permutation(x**2),
    ),
    "gamma": Program(
        lambda x: traced_rng().gamma(x[0], 1.0, 3) * x[1],
        lambda x: traced_rng().gamma(stop_gradient(x[0]), 1.0, 3) * x[1],
        plain=lambda x: rng().gamma(X[0], 1.0, 3) * x[1],
    ),
    "gamma, transformed": Program(
        lambda x: traced_rng().chisquare(x[0], 3) * x[1],
        lambda x: x[0] + x[1] * traced_rng().normal(size=3),
        plain=lambda x: x[0] + x[1] * rng().normal(size=3),
    ),
    "multivariate_normal of a tie": Call(
        lambda: grad(lambda x: np.sum(traced_rng().multivariate_normal([0.0, 0.0], COV * x[0], 3)))(X),
        lambda: grad(
            lambda x: np.sum(traced_rng().multivariate_normal([0.0, 0.0], COV * x[0], 3, method="cholesky"))
        )(X),
        lambda: grad(
            lambda x: np.sum(
                numpy.zeros(2) + traced_rng().normal(size=(3, 2)) @ np.linalg.cholesky(COV * x[0]).T
            )
        )(X),
        gives=[rng().normal(size=(3, 2)).sum() * 0.5 / X[0] ** 0.5, 0.0, 0.0],
    ),
    "choice with probabilities": Program(
        lambda x: traced_rng().choice(x, 2, p=x / np.sum(x)),
        lambda x: traced_rng().choice(x, 2, p=stop_gradient(x / np.sum(x))),
        plain=lambda x: rng().choice(x, 2, p=X / numpy.sum(X)),
    ),
    "choice, its expectation": Program(
        lambda x: traced_rng().choice(3, 2, p=x / np.sum(x)),
        lambda x: np.sum(np.arange(3) * (x / np.sum(x))),
        plain=lambda x: numpy.sum(numpy.arange(3) * (x / numpy.sum(x))),
    ),
    "permutation of a number": Program(
        lambda x: traced_rng().permutation(x[2]) * x[0],
        lambda x: traced_rng().permutation(int(stop_gradient(x[2]))) * x[0],
        lambda x: traced_rng().permutation(np.arange(2)) * x[0],
        plain=lambda x: rng().permutation(2) * x[0],
    ),
    "permuted": Program(
        lambda x: traced_rng().permuted(x**2, out=numpy.zeros(3)),
        lambda x: traced_rng().permuted(x**2),
        plain=lambda x: rng().permuted(x**2),
    ),
    "a traced seed": Program(
        lambda x: np.random.default_rng(x[0]).normal(size=2) * x,
        lambda x: np.random.default_rng(SEED).normal() * x,
        plain=lambda x: rng().normal() * x,
    ),
    "nan_to_num": Program(
        lambda x: np.nan_to_num(x**2, copy=False), lambda x: np.nan_to_num(x**2), plain=lambda x: x**2
    ),
    "add.at": Program(
        added_at(numpy.zeros),
        added_at(np.zeros),
        added_at(lambda n: np.empty(n) * 0.0),
        added_at(lambda n: np.array([0.0] * n)),
        plain=lambda x: numpy.array([x[0] ** 2 + x[1] ** 2, 0.0, x[2] ** 2]),
    ),
    "r_ of a matrix": Program(
        lambda x: np.r_["r", x, x**2], lambda x: np.r_["0,2", x, x**2], plain=lambda x: numpy.stack([x, x**2])
    ),
    "as_strided": Program(
        lambda x: np.lib.stride_tricks.as_strided(x, (2, 2), (8, 8)) ** 2,
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2) ** 2,
        lambda x: x[numpy.array([[0, 1], [1, 2]])] ** 2,
    ),
    "eigenvectors of a tie": Call(
        lambda: along(lambda a: np.linalg.eigh(a)[1] ** 3, TIED, D3),
        lambda: along(lambda a: np.linalg.eigh(a)[1] ** 3, TIED + numpy.diag([0.0, 1e-3, 2e-3]), 0 * D3),
        lambda: along(lambda a: lower(np.linalg.eigh(a)), TIED, D3),
        gives=0.0,
    ),
    "eigenvalues of a tie": Call(
        lambda: along(lambda a: np.linalg.svd(a)[0] ** 3, TIED, D3),
        lambda: along(lambda a: np.linalg.svd(a, compute_uv=False), TIED, D3 + D3.T),
        gives=2 * numpy.trace(D3),
    ),
    "a defective matrix": Call(
        lambda: along(lambda a: np.real(np.linalg.eigvals(a)), DEFECTIVE, E1),
        lambda: along(lambda a: np.trace(a), DEFECTIVE, E1),
        gives=0.3,
    ),
    "a defective matrix, its determinant": Call(
        lambda: along(lambda a: np.real(np.linalg.eigvals(a)), DEFECTIVE, E1),
        lambda: along(lambda a: np.linalg.det(a), DEFECTIVE, E1),
        lambda: along(
            lambda a: np.prod(np.real(np.linalg.eigvals(a))), DEFECTIVE + numpy.array([[0, 0], [1e-9, 0]]), E1
        ),
        gives=plain_slope(numpy.linalg.det, DEFECTIVE, E1),
    ),
    "qr of dependent columns": Call(
        lambda: along(lambda a: np.linalg.qr(a)[0], FLAT, D3),
        lambda: along(lambda a: np.linalg.svd(a)[1], FLAT, D3) * 0.0,
        lambda: along(lambda a: np.linalg.eigh(a.T @ a)[0], FLAT, D3) * 0.0,
        lambda: along(lambda a: np.linalg.qr(a + 0.1 * np.eye(3))[0], FLAT, D3) * 0.0,
        gives=0.0,
    ),
    "a multiple root": Call(
        lambda: along(lambda p: np.real(np.roots(p)), DOUBLE, [0.0, 0.2, 0.5]),
        lambda: along(lambda p: -p[1] / p[0], DOUBLE, numpy.array([0.0, 0.2, 0.5])),
        gives=-0.2,
    ),
    "a multiple root, the product": Call(
        lambda: along(lambda p: np.real(np.roots(p)), DOUBLE, [0.0, 0.2, 0.5]),
        lambda: along(lambda p: (-1) ** 2 * p[2] / p[0], DOUBLE, numpy.array([0.0, 0.2, 0.5])),
        gives=0.5,
    ),
    "poly1d": Program(
        lambda x: np.polymul(x, numpy.poly1d([1.0, 2.0])),
        lambda x: np.polymul(x, numpy.asarray(numpy.poly1d([1.0, 2.0]))),
        plain=lambda x: numpy.polymul(x, [1.0, 2.0]),
    ),
    "order K": Program(
        lambda x: np.ravel((F_ORDER * x[0])[:, :, ::2], order="K"),
        lambda x: np.ravel((F_ORDER * x[0])[:, :, ::2], order="C"),
        lambda x: np.ravel((F_ORDER * x[0])[:, :, ::2].T, order="F"),
        plain=lambda x: numpy.ravel((F_ORDER * x[0])[:, :, ::2], order="C"),
    ),
    "bytes": rows_of_memory,
    "bytes by an attribute": Program(
        lambda x: len(x.data) * x, lambda x: len(stop_gradient(x).data) * x, plain=lambda x: 3 * x
    ),
    "view in another dtype": Call(
        lambda: grad(lambda x: np.sum(x.view(numpy.float32)))(X),
        lambda: grad(lambda x: np.sum(np.astype(x, numpy.float32)))(X),
        lambda: grad(lambda x: np.sum(x) + 0 * np.sum(stop_gradient(x).view(numpy.int64)))(X),
        gives=[1.0, 1.0, 1.0],
    ),
    "resize": Program(lambda x: x.resize(2) or x, lambda x: np.resize(x, 2) ** 2, plain=lambda x: x[:2] ** 2),
    "setflags": Program(
        lambda x: x.setflags(write=False) or x**2, lambda x: x.copy() ** 2, plain=lambda x: x**2
    ),
    "as_integer_ratio": Program(
        lambda x: (lambda n, d: n / d)(*x[0].as_integer_ratio()), lambda x: x[0] * 1.0
    ),
    "pad": Program(
        padded,
        lambda x: np.concatenate([[2.0], x**2, [2.0]]),
        lambda x: np.pad(x**2, 1, mode="constant", constant_values=2.0),
    ),
    "a series at a series": Program(
        lambda x: np.polynomial.polynomial.polyval(numpy.polynomial.Polynomial([1.0, 2.0]), x),
        lambda x: np.polynomial.polynomial.polyadd(
            np.polynomial.polynomial.polyadd([x[0]], np.polynomial.polynomial.polymul([1.0, 2.0], [x[1]])),
            np.polynomial.polynomial.polymul(
                np.polynomial.polynomial.polymul([1.0, 2.0], [1.0, 2.0]), [x[2]]
            ),
        ),
        plain=lambda x: numpy.polynomial.polynomial.polyval(numpy.polynomial.Polynomial([1.0, 2.0]), x).coef,
    ),
    "a class of series": Program(
        lambda x: np.polynomial.Chebyshev(x)(0.3), lambda x: np.polynomial.chebyshev.chebval(0.3, x)
    ),
    "out of a reduction": Program(
        lambda x: np.sum(x**2, initial=x[0], out=numpy.zeros(())), lambda x: np.sum(x**2, initial=x[0])
    ),
    "fweights": Program(
        lambda x: np.cov(x, fweights=x * 0 + 2.0),
        lambda x: np.cov(x, fweights=stop_gradient(x * 0 + 2.0).astype(int)),
        plain=lambda x: numpy.cov(x, fweights=[2, 2, 2]),
    ),
    "aweights": Program(
        lambda x: np.cov(x, fweights=x),
        lambda x: np.cov(x, aweights=x),
        plain=lambda x: numpy.cov(x, aweights=x),
    ),
    "out= of a plain array": Program(
        into(numpy.sin, numpy.zeros),
        into(numpy.sin, np.zeros),
        into(numpy.sin, np.empty),
        lambda x: np.sin(x**2),
    ),
    "an operator in place": Program(
        lambda x: (lambda v: numpy.add(v, x**2, out=v))(numpy.ones(3)), lambda x: numpy.ones(3) + x**2
    ),
    "where= of a ufunc": Program(
        lambda x: np.square(x, where=x > 1.0),
        lambda x: np.where(x > 1.0, np.square(x), 0),
        lambda x: np.square(x, where=x > 1.0, out=np.zeros(3)),
        plain=lambda x: numpy.where(x > 1.0, x**2, 0.0),
    ),
    "where= and out= of a ufunc": Program(
        masked_into(numpy.zeros),
        masked_into(np.zeros),
        lambda x: (lambda v: np.square(x, where=x > 1.0, out=v))(numpy.zeros(3)),
    ),
    "writeable windows": Program(with_view, written_itself, plain=plainly_written),
    "phases of eigenvectors": Call(
        lambda: vjp(lambda a: np.real(np.linalg.eigh(a)[1]), COMPLEX)[1](numpy.ones((2, 2))),
        lambda: vjp(lambda a: np.abs(np.linalg.eigh(a)[1]) ** 2, COMPLEX)[1](numpy.ones((2, 2))),
        lambda: vjp(lambda a: (lambda v: np.real(v @ np.conj(v.T)))(np.linalg.eigh(a)[1]), COMPLEX)[1](
            numpy.ones((2, 2))
        ),
        gives=numpy.zeros((2, 2)),
    ),
    "full matrices": Call(
        lambda: along(of_full_matrices, WIDE, DWIDE),
        lambda: along(projector, WIDE, DWIDE),
        gives=plain_slope(plain_projector, WIDE, DWIDE),
    ),
    "full matrices, left out": Call(
        lambda: along(of_full_matrices, WIDE, DWIDE),
        lambda: along(lambda a: np.linalg.svd(a, full_matrices=False)[2] ** 2, WIDE, DWIDE),
        gives=plain_slope(lambda a: numpy.linalg.svd(a, full_matrices=False)[2] ** 2, WIDE, DWIDE),
    ),
    "the rule of qr": Call(
        lambda: funad.j(np.linalg.qr)(np.linalg.qr(MATRIX, mode="raw"), (D3, X), MATRIX, mode="raw"),
        lambda: vjp(lambda a: np.linalg.qr(a, mode="raw"), MATRIX)[1]((D3, X)),
        gives=None,
    ),
    "pinv at its bound": Call(
        lambda: along(
            lambda a: np.linalg.pinv(a, rcond=0.5 + 2e-15), numpy.diag([2.0, 1.0 + 1e-14, 1.0]), D3
        ),
        lambda: along(lambda a: np.linalg.pinv(a, rcond=0.1), numpy.diag([2.0, 1.0, 1.0]), D3),
        gives=plain_slope(numpy.linalg.pinv, numpy.diag([2.0, 1.0, 1.0]), D3),
    ),
}

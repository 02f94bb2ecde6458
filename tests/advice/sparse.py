"""What sparse matrices and sparse derivatives advise."""

import importlib
import io
import operator

import numpy
import scipy.sparse
import scipy.sparse.linalg

import funad
import funad.numpy as np
import funad.scipy.linalg
from funad import grad, hessian, jacobian, stop_gradient, value
from funad.scipy import sparse
from funad.scipy.sparse import linalg

from . import Call, Program, X

N = 6
S = scipy.sparse.csr_array(
    numpy.diag(numpy.arange(2.0, 8.0)) + 0.5 * numpy.eye(N, k=1) + 0.3 * numpy.eye(N, k=-1)
)
B = numpy.arange(1.0, N + 1)
DENSE = numpy.diag(X + 1.0) + 0.2
FAR = scipy.sparse.diags_array(numpy.linspace(1.0, 1e6, 50), format="csr")
V0 = numpy.arange(1.0, N + 1)
LONG = numpy.arange(20.0)
DIAGONAL = numpy.array([1.0, 2.0, 2.0, 5.0, 7.0, 8.0])
ALONG = numpy.array([0.3, 0.5, -0.2, 0.7, 0.1, 0.4])


def matrix(x):
    """A csr array of three columns with traced entries, and as an array."""
    return sparse.csr_array(DENSE * x)


def dense(x):
    return DENSE * x


def tridiagonal(x):
    return x**2 + np.concatenate([x[1:], x[:1] * 0])


def _with_an_entry(x):
    a = scipy.sparse.lil_array((3, 3))
    a[0, 1], a[1, 2] = x[0] ** 2, x[1]
    return a @ numpy.ones(3)


WHOLE = numpy.eye(3) + numpy.eye(3, k=1)


def of_matrix(refused, *written, plain):
    return Program(lambda x: refused(matrix(x)), *written, plain=plain)


def complex_matrix(x):
    return sparse.csr_array(
        np.diag(x * (1.0 + 0j)) + numpy.diag([0.3j, 0.2j], 1) - numpy.diag([0.3j, 0.2j], -1)
    )


def complex_dense(x):
    return np.diag(x * (1.0 + 0j)) + numpy.diag([0.3j, 0.2j], 1) - numpy.diag([0.3j, 0.2j], -1)


def large(d):
    return sparse.diags_array(d, format="csr") + scipy.sparse.csr_array(
        0.1 * numpy.eye(N, k=1) + 0.1 * numpy.eye(N, k=-1)
    )


def large_plain(d):
    return numpy.diag(d) + 0.1 * numpy.eye(N, k=1) + 0.1 * numpy.eye(N, k=-1)


def along(f):
    return grad(lambda t: np.real(np.sum(f(DIAGONAL + t * ALONG))))(0.0)


def slope(f, step=1e-4):
    at = lambda k: numpy.sum(numpy.real(f(DIAGONAL + k * step * ALONG)))
    return lambda: (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


least = lambda d: numpy.sort(numpy.linalg.eigvalsh(large_plain(d)))[-2:]
SOLVED = slope(lambda d: numpy.linalg.solve(large_plain(d), B))


TURNED = scipy.sparse.csr_array(
    0.7 * numpy.eye(N, k=1) - 0.7 * numpy.eye(N, k=-1) + 3.0 * (numpy.eye(N, k=5) - numpy.eye(N, k=-5))
)


def preconditioner(a):
    return scipy.sparse.linalg.LinearOperator(
        (N, N), scipy.sparse.linalg.spilu(scipy.sparse.csc_array(value(a))).solve
    )


def convolutions(x):
    """The matrix whose product with y is the convolution of x and y."""
    return numpy.stack([numpy.convolve(x, unit) for unit in numpy.eye(x.size)], axis=1)


class Diagonal(scipy.sparse.linalg.LinearOperator):
    """A matrix of which its product with vectors is known."""

    def __init__(self, d):
        super().__init__(float, (N, N))
        self.d = d

    def _matvec(self, x):
        return self.d * x


def most(entries, run):
    """Run with a bound of so many entries for a pattern, and as if x had many numbers."""
    module = importlib.import_module("funad.scipy.sparsity.patterns")
    before = module._MOST, module._NARROW
    module._MOST, module._NARROW = entries, 0
    try:
        return run()
    finally:
        module._MOST, module._NARROW = before


ROWS = {
    "tocoo": of_matrix(
        lambda m: sparse.find(m)[2], lambda x: matrix(x).tocoo().data, plain=lambda x: dense(x)[dense(x) != 0]
    ),
    "save_npz": Call(
        lambda: grad(lambda x: (sparse.save_npz(io.BytesIO(), matrix(x)), np.sum(x))[1])(X),
        lambda: grad(lambda x: (sparse.save_npz(io.BytesIO(), value(matrix(x))), np.sum(x))[1])(X),
        gives=[1, 1, 1],
    ),
    "permute_dims": of_matrix(
        lambda m: sparse.permute_dims(m, (1, 0)) @ X,
        lambda x: matrix(x).T @ X,
        plain=lambda x: dense(x).T @ X,
    ),
    "len": of_matrix(
        lambda m: len(m) * X,
        lambda x: matrix(x).nnz * x,
        lambda x: matrix(x).shape[0] * 3.0 * x,
        plain=lambda x: 9 * x,
    ),
    "asarray": of_matrix(numpy.asarray, lambda x: matrix(x).toarray(), plain=dense),
    "a system by SciPy's own function": of_matrix(
        lambda m: scipy.sparse.linalg.spsolve(m.tocsc(), B[:3]),
        lambda x: linalg.spsolve(matrix(x).tocsc(), B[:3]),
        plain=lambda x: np.linalg.solve(dense(x), B[:3]),
    ),
    "a norm by SciPy's own function": of_matrix(
        lambda m: scipy.sparse.linalg.norm(m),
        lambda x: linalg.norm(matrix(x)),
        plain=lambda x: np.sqrt(np.sum(dense(x) ** 2)),
    ),
    "multiply by a traced matrix": of_matrix(
        lambda m: scipy.sparse.csr_array(DENSE).multiply(m).toarray(),
        lambda x: (scipy.sparse.csr_array(DENSE) * matrix(x)).toarray(),
        plain=lambda x: DENSE * dense(x),
    ),
    "an unknown method": of_matrix(
        lambda m: m.maximum(m).toarray(),
        lambda x: np.maximum(matrix(x).toarray(), 0.5),
        plain=lambda x: numpy.maximum(dense(x), 0.5),
    ),
    "an unknown method, as a constant": of_matrix(
        lambda m: m.maximum(m).sum() * m.sum(),
        lambda x: (
            sparse.csr_array(DENSE * stop_gradient(x))
            .maximum(sparse.csr_array(DENSE * stop_gradient(x)))
            .sum()
            * matrix(x).sum()
        ),
        plain=lambda x: numpy.sum(DENSE * X) * numpy.sum(dense(x)),
    ),
    "a write": of_matrix(
        lambda m: operator.setitem(m, (0, 0), 1.0) or m.toarray(),
        lambda x: sparse.coo_array((x, ([0, 1, 2], [1, 2, 0])), shape=(3, 3)).toarray(),
        plain=lambda x: scipy.sparse.coo_array((x, ([0, 1, 2], [1, 2, 0])), shape=(3, 3)).toarray(),
    ),
    "a number by a matrix": of_matrix(
        lambda m: 2.0 / m, lambda x: 2.0 / matrix(x).toarray(), plain=lambda x: 2.0 / dense(x)
    ),
    "a matrix by a matrix": of_matrix(
        lambda m: m / m,
        lambda x: matrix(x).toarray() / matrix(x * 0 + 2).toarray(),
        plain=lambda x: dense(x) / (DENSE * 2),
    ),
    "a power": of_matrix(
        lambda m: m**-1.0, lambda x: matrix(x).toarray() ** -1.0, plain=lambda x: dense(x) ** -1.0
    ),
    "bsr": Program(
        lambda x: sparse.bsr_array(DENSE * x).toarray(),
        lambda x: sparse.csr_array(DENSE * x).toarray(),
        plain=dense,
    ),
    "diagonals": Program(
        lambda x: sparse.dia_array(np.diag(x)).toarray(),
        lambda x: sparse.diags_array(x).toarray(),
        plain=numpy.diag,
    ),
    "asformat": of_matrix(lambda m: m.asformat("dia"), lambda x: matrix(x).tocsr().toarray(), plain=dense),
    "todia": of_matrix(lambda m: m.todia(), lambda x: matrix(x).tocsr().toarray(), plain=dense),
    "out of toarray": of_matrix(
        lambda m: m.toarray(out=numpy.zeros((3, 3))), lambda x: matrix(x).toarray(), plain=dense
    ),
    "out of sum": of_matrix(
        lambda m: m.sum(out=X), lambda x: matrix(x).sum(), plain=lambda x: numpy.sum(dense(x))
    ),
    "extremes": of_matrix(
        lambda m: m.max(axis=0).toarray(),
        lambda x: np.max(matrix(x).toarray(), 0),
        plain=lambda x: numpy.max(dense(x), 0),
    ),
    "a stack of matrices": Call(
        lambda: jacobian(lambda x: matrix(x))(X),
        lambda: jacobian(lambda x: matrix(x).data)(X),
        gives=numpy.concatenate([numpy.diag(row) for row in DENSE]),
    ),
    "a number beside @": of_matrix(
        lambda m: (m @ 2.0).toarray(), lambda x: (matrix(x) * 2.0).toarray(), plain=lambda x: dense(x) * 2
    ),
    "norm of an array": Call(
        lambda: grad(lambda x: linalg.norm(x))(X),
        lambda: grad(lambda x: np.linalg.norm(x))(X),
        gives=X / numpy.linalg.norm(X),
    ),
    # --- linalg
    "expm_multiply of an operator": Call(
        lambda: along(lambda d: linalg.expm_multiply(scipy.sparse.linalg.aslinearoperator(S), d, traceA=1.0)),
        lambda: along(lambda d: linalg.expm_multiply(S * 0.1, d)),
        lambda: along(lambda d: linalg.expm_multiply(S.toarray() * 0.1, d)),
        gives=slope(lambda d: scipy.sparse.linalg.expm_multiply(S * 0.1, d)),
    ),
    "start and stop": Call(
        lambda: grad(lambda t: np.sum(linalg.expm_multiply(S * 0.1, B, 0.0, t, 2)))(1.0),
        lambda: grad(lambda t: np.sum(linalg.expm_multiply(S * 0.1 * t, B)))(1.0),
        gives=lambda: numpy.sum(S * 0.1 @ scipy.sparse.linalg.expm_multiply(S * 0.1, B)),
    ),
    "options of lsqr": Call(
        lambda: along(lambda d: linalg.lsqr(large(d), B, x0=d)[0]),
        lambda: along(lambda d: linalg.lsqr(large(d), B, x0=stop_gradient(d), atol=1e-13, btol=1e-13)[0]),
        gives=SOLVED,
    ),
    "lsqr of an operator": Call(
        lambda: along(lambda d: linalg.lsqr(scipy.sparse.linalg.aslinearoperator(S), d)[0]),
        lambda: along(lambda d: linalg.lsqr(S, d, atol=1e-13, btol=1e-13)[0]),
        lambda: along(lambda d: linalg.lsqr(S.toarray(), d, atol=1e-13, btol=1e-13)[0]),
        gives=slope(lambda d: numpy.linalg.solve(S.toarray(), d)),
    ),
    "an entry of a plain sparse matrix": Program(
        _with_an_entry,
        lambda x: (
            sparse.csr_array((np.array([x[0] ** 2, x[1]]), ([0, 1], [1, 2])), shape=(3, 3)) @ numpy.ones(3)
        ),
        plain=lambda x: numpy.array([x[0] ** 2, x[1], 0.0]),
    ),
    "spilu": Call(
        lambda: along(lambda d: linalg.spilu(sparse.csc_array(large(d))).solve(B)),
        lambda: along(
            lambda d: linalg.gmres(large(d), B, M=preconditioner(large(stop_gradient(d))), rtol=1e-13)[0]
        ),
        gives=SOLVED,
    ),
    "lobpcg": Call(
        lambda: along(lambda d: linalg.lobpcg(large(d), numpy.eye(N)[:, :2])[0]),
        lambda: along(lambda d: linalg.eigsh(large(d), 2, v0=V0)[0]),
        gives=slope(least),
    ),
    "onenormest": Call(
        lambda: along(lambda d: linalg.onenormest(large(d))),
        lambda: along(lambda d: linalg.norm(large(d), 1)),
        gives=slope(lambda d: numpy.linalg.norm(large_plain(d), 1)),
    ),
    "funm_multiply_krylov": Call(
        lambda: along(lambda d: linalg.funm_multiply_krylov(np.exp, large(d), B)),
        lambda: along(lambda d: linalg.expm_multiply(large(d), B)),
        lambda: along(lambda d: funad.scipy.linalg.funm(large(d).toarray(), np.exp) @ B),
        gives=slope(lambda d: scipy.sparse.linalg.expm_multiply(scipy.sparse.csr_array(large_plain(d)), B)),
    )
    if hasattr(scipy.sparse.linalg, "funm_multiply_krylov")
    else Program(lambda x: float(x[0]), lambda x: x[0]),
    "no convergence": Call(
        lambda: grad(lambda b: np.sum(linalg.cg(FAR, b, maxiter=2)[0]))(numpy.ones(50)),
        lambda: grad(lambda b: np.sum(linalg.cg(FAR, b, maxiter=9000, rtol=1e-12)[0]))(numpy.ones(50)),
        lambda: grad(
            lambda b: np.sum(linalg.cg(FAR, b, maxiter=2, M=scipy.sparse.diags_array(1 / FAR.diagonal()))[0])
        )(numpy.ones(50)),
        gives=1 / FAR.diagonal(),
    ),
    "no convergence, with a larger rtol": Call(
        lambda: grad(lambda b: np.sum(linalg.cg(S, b, maxiter=3, rtol=1e-12)[0]))(B),
        lambda: grad(lambda b: np.sum(linalg.cg(S, b, maxiter=300, rtol=1e-5)[0]))(B) * 0,
        gives=0.0,
    ),
    "factors": Call(
        lambda: along(lambda d: linalg.splu(sparse.csc_array(large(d))).L.toarray()),
        lambda: along(lambda d: funad.scipy.linalg.lu(large(d).toarray())[2]),
        gives=slope(lambda d: scipy.linalg.lu(large_plain(d))[2]),
    ),
    "options of cg": Call(
        lambda: along(lambda d: linalg.cg(large(d), B, d)[0]),
        lambda: along(lambda d: linalg.cg(large(d), B, stop_gradient(d), rtol=1e-13)[0]),
        gives=SOLVED,
    ),
    "eigsh of an operator": Call(
        lambda: along(
            lambda d: linalg.eigsh(scipy.sparse.linalg.aslinearoperator(S + S.T), 2, tol=0.0 * d[0])[0]
        ),
        lambda: along(lambda d: linalg.eigsh(large(d), 2, v0=V0)[0]),
        lambda: along(lambda d: linalg.eigsh(large(d).toarray(), 2, v0=V0)[0]),
        gives=slope(least),
    ),
    "svds with v0": Call(
        lambda: along(lambda d: linalg.svds(large(d), 2, v0=d)[1]),
        lambda: along(lambda d: linalg.svds(large(d), 2, v0=stop_gradient(d))[1]),
        gives=slope(lambda d: numpy.linalg.svd(large_plain(d))[1][:2]),
    ),
    "eigs with M": Call(
        lambda: along(
            lambda d: np.real(linalg.eigs(large(d), 2, scipy.sparse.diags_array(B, format="csr"), v0=V0)[0])
        ),
        lambda: along(
            lambda d: linalg.eigsh(large(d), 2, scipy.sparse.diags_array(B, format="csr"), v0=V0)[0]
        ),
        lambda: along(
            lambda d: np.real(
                linalg.eigs(scipy.sparse.diags_array(1 / B, format="csr") @ large(d), 2, v0=V0)[0]
            )
        ),
        gives=slope(lambda d: numpy.sort(scipy.linalg.eigh(large_plain(d), numpy.diag(B))[0])[-2:]),
    ),
    "eigsh with sigma": Call(
        lambda: along(lambda d: linalg.eigsh(large(d), 2, sigma=d[0], v0=V0)[0]),
        lambda: along(lambda d: linalg.eigsh(large(d), 2, sigma=stop_gradient(d[0] + 6.5), v0=V0)[0]),
        gives=slope(least),
    ),
    "phases of vectors of a Hermitian matrix": Program(
        lambda x: np.real(linalg.eigsh(complex_matrix(x), 1, v0=X + 0j)[1][0]),
        lambda x: np.abs(linalg.eigsh(complex_matrix(x), 1, v0=X + 0j)[1][0]),
        plain=lambda x: numpy.abs(numpy.linalg.eigh(complex_dense(x))[1][0, -1:]),
    ),
    "vectors of a multiple eigenvalue": Call(
        lambda: along(lambda d: linalg.eigsh(sparse.diags_array(d, format="csr"), 5, v0=V0)[1]),
        lambda: along(lambda d: linalg.eigsh(sparse.diags_array(d, format="csr"), 5, v0=V0)[0]),
        gives=lambda: numpy.sum(ALONG[1:]),
    ),
    "phases of vectors": Call(
        lambda: along(lambda d: np.real(linalg.eigs(large(d) + TURNED, 2, v0=V0)[1])),
        lambda: along(lambda d: np.abs(linalg.eigs(large(d) + TURNED, 2, v0=V0)[1])),
        gives=slope(
            lambda d: numpy.abs(
                scipy.sparse.linalg.eigs(scipy.sparse.csr_array(large_plain(d) + TURNED.toarray()), 2, v0=V0)[
                    1
                ]
            )
        ),
    ),
    # --- sparse derivatives
    "two arguments": Call(
        lambda: jacobian(lambda x, y: x * y, (0, 1), sparse=True)(X, X),
        lambda: jacobian(lambda p: p[0] * p[1], sparse=True)((X, X)).toarray()[:, :3],
        lambda: jacobian(lambda x, y: x * y, 0, sparse=True)(X, X).toarray(),
        gives=numpy.diag(X),
    ),
    "complex numbers": Call(
        lambda: jacobian(lambda z: z**2, sparse=True)(X + 1j),
        lambda: jacobian(lambda p: p[0] ** 2 - p[1] ** 2, sparse=True)((X, numpy.ones(3))).toarray()[:, :3],
        gives=numpy.diag(2 * X),
    ),
    "an entry that the pattern has not": Call(
        lambda: jacobian(tridiagonal, sparse=numpy.eye(3))(X),
        lambda: jacobian(tridiagonal, sparse=WHOLE)(X).toarray(),
        lambda: jacobian(tridiagonal, sparse=True)(X).toarray(),
        gives=numpy.diag(2 * X) + numpy.eye(3, k=1),
    ),
    "a pattern that is not symmetric": Call(
        lambda: hessian(lambda x: np.sum(x[1:] * x[:-1]), sparse=numpy.eye(3) + numpy.eye(3, k=1))(X),
        lambda: hessian(lambda x: np.sum(x[1:] * x[:-1]), sparse=WHOLE + WHOLE.T)(X).toarray(),
        gives=numpy.eye(3, k=1) + numpy.eye(3, k=-1),
    ),
    "a dense pattern": Call(
        lambda: most(400, lambda: jacobian(lambda x: np.cumsum(x)[:, None] * np.ones(4), sparse=True)(LONG)),
        lambda: most(400, lambda: jacobian(np.cumsum, sparse=numpy.tri(20))(LONG)).toarray(),
        gives=numpy.tri(20),
    ),
    "a result that depends on nearly everything": Call(
        lambda: most(50, lambda: jacobian(lambda x: np.convolve(x, x), sparse=True)(LONG)),
        lambda: jacobian(lambda x: np.convolve(x, x), sparse=convolutions(LONG) != 0)(LONG).toarray(),
        gives=2 * convolutions(LONG),
    ),
    "the eigenvalues of an operator": Call(
        lambda: along(lambda d: linalg.eigsh(Diagonal(d), 2)[0]),
        lambda: along(lambda d: linalg.eigsh(sparse.diags_array(d), 2)[0]),
        lambda: along(lambda d: linalg.eigsh(np.diag(d), 2)[0]),
        gives=slope(lambda d: numpy.sort(d)[-2:]),
    ),
    "the singular values of an operator times a traced number": Call(
        lambda: grad(lambda a: linalg.svds(scipy.sparse.linalg.aslinearoperator(S) * a, 2)[1][0])(2.0),
        lambda: grad(lambda a: linalg.svds(S * a, 2)[1][0])(2.0),
        gives=numpy.linalg.svd(S.toarray())[1][1],
    ),
    "a dense pattern on the way": Call(
        lambda: most(8, lambda: jacobian(lambda x: np.linalg.inv(np.diag(x))[0], sparse=True)(X)),
        lambda: jacobian(lambda x: np.linalg.inv(np.diag(x))[0], sparse=numpy.eye(3))(X).toarray(),
        gives=numpy.diag([-1 / X[0] ** 2, 0.0, 0.0]),
    ),
}

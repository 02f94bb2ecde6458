"""Calls of scipy.sparse and of scipy.sparse.linalg: in the entries of a matrix, and in what it meets."""

import numpy as onp
from scipy.sparse.linalg import aslinearoperator

import funad.numpy as np

from . import probe

_rng = onp.random.default_rng(12)
# A 5×4 pattern and a 4×4 one, in csr; entries away from each other, so that extremes are unique.
ROWS, COLUMNS = onp.array([0, 0, 1, 2, 2, 3, 4, 4]), onp.array([0, 2, 1, 0, 3, 2, 1, 3])
TALL = onp.array([0.7, -0.4, 1.1, 0.5, -0.9, 0.3, 1.3, -0.6])
IND, PTR = onp.array([0, 1, 0, 1, 3, 2, 1, 3]), onp.array([0, 2, 5, 6, 8])
SQUARE = onp.array([4.0, 0.3, -0.2, 5.0, 0.6, 3.0, 0.4, 6.0])
DUPLICATED = onp.array([0, 0, 0, 1]), onp.array([1, 1, 2, 0])
X, Y, B = _rng.normal(size=4), _rng.normal(size=5), _rng.normal(size=(4, 3))
DENSE = _rng.normal(size=(5, 4))
MAIN, OFF = onp.array([4.0, 5.0, 6.0, 7.5]), onp.array([0.5, -0.4, 0.3])
TIGHT = {"rtol": 1e-13}


def _tall(sp, d):
    return sp.sparse.coo_array((d, (ROWS, COLUMNS)), shape=(5, 4)).tocsr()


def _square(sp, d):
    return sp.sparse.csr_array((d, IND, PTR), shape=(4, 4))


def _symmetric(sp, main, off):
    """A symmetric matrix, for methods that read one half of it or both."""
    return sp.sparse.diags_array([off, main, off], offsets=[-1, 0, 1], format="csr")


def _hermitian(sp, main, off):
    return sp.sparse.diags_array([np.conj(off), main + 0j, off], offsets=[-1, 0, 1], format="csr")


def _to_array(y):
    return y.toarray()


def _of_array(name, f, *args, **options):
    return probe(f"scipy.sparse.{name}", f, *args, how="traced", **options)


def _of_linalg(name, f, *args, how="implicit", **options):
    return probe(f"scipy.sparse.linalg.{name}", f, *args, how=how, **options)


def _by_iteration(name, symmetric=False, **options):
    """The probe of an iterative solver, whose result is that of the equation to its tolerance."""
    options = {**TIGHT, **options}
    if symmetric:
        return _of_linalg(
            name,
            lambda sp, m, o, b: getattr(sp.sparse.linalg, name)(_symmetric(sp, m, o), b, **options)[0],
            MAIN, OFF, X,
        )  # fmt: skip
    return _of_linalg(
        name, lambda sp, d, b: getattr(sp.sparse.linalg, name)(_square(sp, d), b, **options)[0], SQUARE, X
    )


PROBES = [
    _of_array("csr_array.__matmul__", lambda sp, d, x: _tall(sp, d) @ x, TALL, X),
    _of_array("csr_array.__matmul__", lambda sp, d, b: _square(sp, d) @ b, SQUARE, B),
    _of_array("csr_array.__matmul__", lambda sp, d, y: y @ _tall(sp, d), TALL, Y),
    _of_array(
        "csr_array.__matmul__", lambda sp, d, e: _to_array(_tall(sp, d) @ _square(sp, e)), TALL, SQUARE
    ),
    _of_array("csr_array.transpose", lambda sp, d, y: _tall(sp, d).T @ y, TALL, Y),
    _of_array("csr_array.__getitem__", lambda sp, d: _to_array(_tall(sp, d)[1:, [0, 3]]), TALL),
    _of_array("csr_array.__getitem__", lambda sp, d: _tall(sp, d)[2, 3], TALL),
    _of_array(
        "csr_array.__add__", lambda sp, d, e: _to_array(_square(sp, d) + _square(sp, e).T), SQUARE, SQUARE
    ),
    _of_array("csr_array.__sub__", lambda sp, d, e: e - _tall(sp, d), TALL, DENSE),
    _of_array("csr_array.__truediv__", lambda sp, d, s: _to_array(_tall(sp, d) / s), TALL, 1.7),
    _of_array("csr_array.diagonal", lambda sp, d: _square(sp, d).diagonal(), SQUARE),
    _of_array("csr_array.trace", lambda sp, d: _square(sp, d).trace(), SQUARE),
    _of_array("csr_array.__mul__", lambda sp, d, e: _to_array(_tall(sp, d) * e), TALL, DENSE),
    _of_array(
        "csr_array.__mul__", lambda sp, d, e: _to_array(_square(sp, d) * _square(sp, e).T), SQUARE, SQUARE
    ),
    _of_array("csr_array.__mul__", lambda sp, d, x: _to_array(_tall(sp, d) * x), TALL, X),
    # Of a plain matrix, multiply does not see a traced argument (it is refused): the operator * does.
    _of_array("csr_array.multiply", lambda sp, d: _to_array(_tall(sp, d).multiply(DENSE)), TALL),
    _of_array(
        "csr_array.multiply", lambda sp, d: _to_array(_square(sp, d).multiply(_square(sp, d).T)), SQUARE
    ),
    _of_array("csr_array.power", lambda sp, d: _to_array(_tall(sp, d).power(2)), TALL),
    _of_array("csr_array.sum", lambda sp, d: _tall(sp, d).sum(axis=0), TALL),
    # SciPy adds rows in another order.
    _of_array("csr_array.sum", lambda sp, d: _tall(sp, d).sum(axis=1), TALL, exact=False),
    _of_array("csr_array.sum", lambda sp, d: _tall(sp, d).sum(), TALL, exact=False),
    _of_array("csr_array.mean", lambda sp, d: _tall(sp, d).mean(axis=0), TALL, exact=False),
    _of_array("csr_array.max", lambda sp, d: _tall(sp, d).max(), TALL),
    _of_array("csr_array.sin", lambda sp, d: _to_array(_tall(sp, d).sin()), TALL),
    _of_array("csr_array.toarray", lambda sp, d: _tall(sp, d).toarray(), TALL),
    _of_array("csr_array.todense", lambda sp, d: _tall(sp, d).todense(), TALL),
    _of_array("csr_array.reshape", lambda sp, d: _to_array(_tall(sp, d).reshape((2, 10))), TALL),
    _of_array("csc_array.tocoo", lambda sp, d: sp.sparse.csc_array((d, IND, PTR)).tocoo().toarray(), SQUARE),
    _of_array("csr_matrix.__mul__", lambda sp, d, x: sp.sparse.csr_matrix((d, IND, PTR)) * x, SQUARE, X),
    _of_array(
        "coo_array.sum_duplicates",
        lambda sp, d: sp.sparse.coo_array((d, DUPLICATED), shape=(2, 4)).toarray(),
        TALL[:4],
    ),
    _of_array("coo_array.tocsr", lambda sp, d: sp.sparse.csr_array(sp.sparse.coo_array(d)).toarray(), DENSE),
    # Matrices made of others
    _of_array(
        "vstack", lambda sp, d, e: _to_array(sp.sparse.vstack([_tall(sp, d), _square(sp, e)])), TALL, SQUARE
    ),
    _of_array(
        "hstack",
        lambda sp, d, e: _to_array(sp.sparse.hstack([_square(sp, d), _square(sp, e)])),
        SQUARE,
        SQUARE,
    ),
    _of_array(
        "block_array",
        lambda sp, d, e: _to_array(
            sp.sparse.block_array([[_square(sp, d), None], [_tall(sp, e), _tall(sp, e)]])
        ),
        SQUARE,
        TALL,
    ),
    _of_array(
        "bmat",
        lambda sp, d: _to_array(sp.sparse.bmat([[_square(sp, d), None], [None, _tall(sp, d)]])),
        SQUARE,
    ),
    _of_array("block_diag", lambda sp, d, e: _to_array(sp.sparse.block_diag([_tall(sp, d), e])), TALL, B),
    _of_array("kron", lambda sp, d, e: _to_array(sp.sparse.kron(_tall(sp, d), _square(sp, e))), TALL, SQUARE),
    _of_array(
        "kronsum",
        lambda sp, d, e: _to_array(sp.sparse.kronsum(_square(sp, d), _square(sp, e))),
        SQUARE,
        SQUARE,
    ),
    _of_array("tril", lambda sp, d: _to_array(sp.sparse.tril(_square(sp, d), -1)), SQUARE),
    _of_array("triu", lambda sp, d: _to_array(sp.sparse.triu(_tall(sp, d), format="csr")), TALL),
    _of_array("diags_array", lambda sp, m, o: _symmetric(sp, m, o).toarray(), MAIN, OFF),
    _of_array("diags", lambda sp, m, s: sp.sparse.diags([m, s], [0, 2], shape=(4, 4)).toarray(), MAIN, 0.7),
    _of_array(
        "spdiags", lambda sp, b: sp.sparse.spdiags(b, [0, -1, 2, 1], 4, 4).toarray(), onp.ones((4, 4)) * X
    ),
    _of_array("swapaxes", lambda sp, d: _to_array(sp.sparse.swapaxes(_tall(sp, d), 0, 1)), TALL),
    # Systems. A factorisation is kept for the way back; SciPy's spsolve, which keeps none, rounds otherwise.
    _of_linalg(
        "spsolve", lambda sp, d, b: sp.sparse.linalg.spsolve(_square(sp, d), b), SQUARE, X, exact=False
    ),
    _of_linalg(
        "spsolve", lambda sp, d, b: sp.sparse.linalg.spsolve(_square(sp, d), b), SQUARE, B, exact=False
    ),
    _of_linalg(
        "splu", lambda sp, d, b: sp.sparse.linalg.splu(_square(sp, d).tocsc()).solve(b, "T"), SQUARE, B
    ),
    _of_linalg(
        "factorized", lambda sp, d, b: sp.sparse.linalg.factorized(_square(sp, d).tocsc())(b), SQUARE, X
    ),
    _of_linalg(
        "spsolve_triangular",
        lambda sp, d, b: sp.sparse.linalg.spsolve_triangular(sp.sparse.tril(_square(sp, d), format="csr"), b),
        SQUARE,
        B,
        since=(1, 17),  # before, SciPy takes no places of 64 bits
    ),
    _of_linalg(
        "spsolve_triangular",
        lambda sp, d, b: sp.sparse.linalg.spsolve_triangular(
            sp.sparse.triu(_square(sp, d), format="csr"), b, lower=False, unit_diagonal=True
        ),
        SQUARE,
        X,
        since=(1, 17),
    ),
    _by_iteration("cg", symmetric=True),
    _by_iteration("minres", symmetric=True),
    *map(_by_iteration, ("bicg", "bicgstab", "cgs", "gcrotmk", "gmres", "lgmres", "qmr", "tfqmr")),
    _by_iteration(
        "qmr", M1=aslinearoperator(onp.triu(onp.full((4, 4), 0.5))), M2=aslinearoperator(onp.eye(4))
    ),
    _by_iteration("gmres", M=onp.diag([0.25, 0.2, 0.3, 0.15]) + onp.triu(onp.full((4, 4), 0.01))),
    *(
        _of_linalg(
            name,
            lambda sp, d, b, name=name: getattr(sp.sparse.linalg, name)(
                _tall(sp, d), b, atol=1e-14, btol=1e-14
            )[0],
            TALL,
            Y,
        )
        for name in ("lsqr", "lsmr")
    ),
    _of_linalg(
        "lsqr",
        lambda sp, d, b, s: sp.sparse.linalg.lsqr(_tall(sp, d).T, b, s, 1e-14, 1e-14)[0],
        TALL,
        X,
        0.4,
    ),
    _of_linalg(
        "lsmr", lambda sp, d, b: sp.sparse.linalg.lsmr(_tall(sp, d).T, b, atol=1e-14, btol=1e-14)[0], TALL, X
    ),
    # Spectra. The signs of vectors are SciPy's choice.
    _of_linalg("eigsh", lambda sp, m, o: sp.sparse.linalg.eigsh(_symmetric(sp, m, o), 2, v0=X)[0], MAIN, OFF),
    _of_linalg(
        "eigsh", lambda sp, m, o: sp.sparse.linalg.eigsh(_symmetric(sp, m, o), 2, v0=X)[1] ** 2, MAIN, OFF
    ),
    _of_linalg(
        "eigsh",
        lambda sp, m, o: sp.sparse.linalg.eigsh(
            _symmetric(sp, m, o), 2, sigma=0.0, v0=X, return_eigenvectors=False
        ),
        MAIN,
        OFF,
        exact=False,  # SciPy computes them otherwise where it needs no vectors
    ),
    _of_linalg(
        "eigsh",
        lambda sp, m, o: sp.sparse.linalg.eigsh(
            _symmetric(sp, m, o), 2, _symmetric(sp, 1.0 + 0.1 * o[0] + 0.02 * m, 0.1 * o), v0=X
        )[0],
        MAIN,
        OFF,
    ),
    _of_linalg(
        "eigsh",
        lambda sp, m, o: (
            sp.sparse.linalg.eigsh(_symmetric(sp, m, o), 2, _symmetric(sp, 1.0 + 0.02 * m, 0.1 * o), v0=X)[1]
            ** 2
        ),
        MAIN,
        OFF,
    ),
    _of_linalg("eigs", lambda sp, d: np.real(sp.sparse.linalg.eigs(_square(sp, d), 2, v0=X)[0]), SQUARE),
    _of_linalg("eigs", lambda sp, d: np.abs(sp.sparse.linalg.eigs(_square(sp, d), 2, v0=X)[1]) ** 2, SQUARE),
    _of_linalg("svds", lambda sp, d: sp.sparse.linalg.svds(_tall(sp, d), 2, v0=X)[1], TALL),
    _of_linalg(
        "svds",
        lambda sp, d: (lambda u, s, vt: (u * s) @ vt)(*sp.sparse.linalg.svds(_tall(sp, d), 2, v0=X)),
        TALL,
    ),
    # Of complex matrices all but the phases is defined.
    _of_linalg(
        "eigsh", lambda sp, m, o: sp.sparse.linalg.eigsh(_hermitian(sp, m, o), 2, v0=X)[0], MAIN, OFF + 0.2j
    ),
    _of_linalg(
        "eigsh",
        lambda sp, m, o: np.abs(sp.sparse.linalg.eigsh(_hermitian(sp, m, o), 2, v0=X)[1]) ** 2,
        MAIN,
        OFF + 0.2j,
    ),
    _of_linalg("svds", lambda sp, d: sp.sparse.linalg.svds(_tall(sp, d), 2, v0=X)[1], TALL + 0.3j),
    _of_linalg(
        "svds",
        lambda sp, d: (lambda u, s, vt: (u * s) @ vt)(*sp.sparse.linalg.svds(_tall(sp, d), 2, v0=X)),
        TALL * (1.0 + onp.arange(8) * 0.1j),
    ),
    # Functions
    _of_linalg(
        "expm",
        lambda sp, d: _to_array(sp.sparse.linalg.expm(_square(sp, d / 4).tocsc())),
        SQUARE,
        how="traced",
    ),
    _of_linalg(
        "expm_multiply",
        lambda sp, d, b: sp.sparse.linalg.expm_multiply(_square(sp, d), b),
        SQUARE,
        B,
        how="series",
    ),
    _of_linalg(
        "expm_multiply",
        lambda sp, d, b: sp.sparse.linalg.expm_multiply(_square(sp, d / 4), b, 0.0, 1.5, 4, True),
        SQUARE,
        X,
        how="series",
    ),
    _of_linalg("inv", lambda sp, d: _to_array(sp.sparse.linalg.inv(_square(sp, d).tocsc())), SQUARE),
    _of_linalg(
        "matrix_power",
        lambda sp, d: _to_array(sp.sparse.linalg.matrix_power(_square(sp, d), 3)),
        SQUARE,
        how="traced",
        exact=False,
    ),
    *(
        _of_linalg(
            "norm",
            lambda sp, d, o=o, axis=axis: sp.sparse.linalg.norm(_tall(sp, d), o, axis),
            TALL,
            how="traced",
            exact=False,
            # SciPy itself fails there before.
            since={2: (1, 17), 1: (1, 15), onp.inf: (1, 15)}.get(o, (1, 14)),
        )
        for o, axis in ((None, None), (1, None), (onp.inf, None), (2, None), (None, 1))
    ),
    _of_linalg(
        "aslinearoperator",
        lambda sp, d, x: sp.sparse.linalg.aslinearoperator(_square(sp, d)) @ x,
        SQUARE,
        X,
        how="traced",
    ),
    _of_linalg(
        "LinearOperator",
        lambda sp, d, b: sp.sparse.linalg.gmres(
            sp.sparse.linalg.LinearOperator((4, 4), lambda u: d[:4] * u + d[4] * np.roll(u, 1)), b, **TIGHT
        )[0],
        SQUARE,
        X,
    ),
]
REFUSED = {
    "scipy.sparse.get_index_dtype": "places are plain integers",
    "scipy.sparse.find": "it leaves out entries whose value is zero",
    "scipy.sparse.save_npz": "a file keeps plain numbers",
    "scipy.sparse.expand_dims": "matrices with traced entries have two axes",
    "scipy.sparse.permute_dims": "write A.T",
    "scipy.sparse.linalg.spilu": "of an incomplete factorisation, a preconditioner, no solution depends",
    "scipy.sparse.linalg.lobpcg": "write eigsh",
    "scipy.sparse.linalg.onenormest": "it is an estimate",
    "scipy.sparse.linalg.funm_multiply_krylov": "write expm_multiply, or funm of the array",
}

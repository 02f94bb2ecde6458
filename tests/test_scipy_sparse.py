"""scipy.sparse on traced values: what its cases and probes do not say."""

import operator
import pickle
import re
import types

import numpy as onp
import pytest
import scipy.sparse
import scipy.sparse.linalg

import funad
import funad.numpy as np
from funad import grad, hessian, jvp, vjp, vmap
from funad.errors import ArgumentError, NotDifferentiableError, OverwrittenError
from funad.scipy import sparse
from funad.scipy.sparse import layouts, linalg
from funad.scipy.sparse.arrays import Sparse
from funad.testing import call, check_jvp, check_vjp

rng = onp.random.default_rng(3)
FORMATS = ("csr", "csc", "coo")
PLAIN = (*FORMATS, "bsr", "dia", "dok", "lil")
A = scipy.sparse.csr_array(onp.array([[4.0, 0.0, 0.3], [0.0, 5.0, 0.2], [0.1, 0.0, 3.0], [0.0, 0.7, 0.0]]))
S = scipy.sparse.csr_array(onp.array([[4.0, 0.3, 0.0], [0.3, 5.0, 0.2], [0.0, 0.2, 3.0]]))
X, Y = rng.normal(size=3), rng.normal(size=4)


def _array(y):
    return y.toarray() if sparse.issparse(y) else y


# --- a plain matrix beside a traced value


@pytest.mark.parametrize("format", PLAIN)
@pytest.mark.parametrize("form", ["array", "matrix"])
def test_a_plain_matrix_times_a_traced_vector_just_works(format, form):
    matrix = getattr(scipy.sparse, f"{format}_{form}")(A)
    times = operator.mul if form == "matrix" else operator.matmul
    if format != "coo":  # whose dot is refused
        check_vjp(matrix.dot, call(X))
    for f in (lambda x: times(matrix, x), lambda x: times(x, matrix.T), lambda x: matrix @ x):
        onp.testing.assert_allclose(vjp(f, X)[0], f(X), rtol=1e-14)
        check_vjp(f, call(X))
        check_jvp(f, call(X))
    check_vjp(lambda x: matrix @ x, call(rng.normal(size=(3, 2))))
    check_vjp(lambda y: times(y, matrix), call(rng.normal(size=(2, 4))))


@pytest.mark.parametrize("f", [
    lambda x: S + x[:, None] * x, lambda x: x[:, None] * x + S, lambda x: S - x[:, None] * x,
    lambda x: x[:, None] * x - S, lambda x: S * x, lambda x: x * S, lambda x: S * x[0], lambda x: x[1] * S,
    lambda x: S / x[2], lambda x: S / x, lambda x: S * x[:, None], lambda x: -(S * x), lambda x: S @ (S * x),
    lambda x: (S * x) @ S, lambda x: S * (S * x), lambda x: S + S * x, lambda x: S - S * x,
    lambda x: (S * x) - S,
    lambda x: S.multiply(onp.ones(3)) * x,
])  # fmt: skip
def test_a_plain_matrix_beside_a_traced_value(f):
    plain, traced = f(X), vjp(lambda x: _array(f(x)), X)[0]
    onp.testing.assert_allclose(_array(plain), traced, rtol=1e-14)
    check_vjp(lambda x: _array(f(x)), call(X))
    check_jvp(lambda x: _array(f(x)), call(X))


def test_what_is_traced_twice():
    f = lambda x: np.sum((A @ x) ** 3) + np.sum((x @ S) ** 2)
    wanted = hessian(lambda x: np.sum((A.toarray() @ x) ** 3) + np.sum((x @ S.toarray()) ** 2))(X)
    onp.testing.assert_allclose(hessian(f)(X), wanted, rtol=1e-12)
    onp.testing.assert_allclose(funad.hvp(f)(X, X), wanted @ X, rtol=1e-12)
    onp.testing.assert_allclose(vmap(grad(f))(onp.stack([X, 2 * X]))[1], grad(f)(2 * X), rtol=1e-12)


def test_plain_matrices_stay_scipys_own():
    assert type(sparse.csr_array(A)) is scipy.sparse.csr_array
    assert type(sparse.vstack([A, A])) is scipy.sparse.csr_array
    assert type(sparse.eye_array(3)) is scipy.sparse.dia_array
    assert isinstance(A, sparse.csr_array)
    assert not isinstance(A, sparse.csc_array)
    assert issubclass(sparse.csr_array, sparse.csr_array)
    assert pickle.loads(pickle.dumps(sparse.csr_array(A))).nnz == A.nnz


def test_a_traced_matrix_is_what_it_says():
    def f(d):
        m = sparse.csr_array((d, A.indices, A.indptr), shape=A.shape)
        assert isinstance(m, sparse.csr_array)
        assert not isinstance(m, (sparse.csc_array, sparse.csr_matrix))
        assert sparse.issparse(m)
        assert (m.shape, m.format, m.ndim, m.nnz, m.dtype) == ((4, 3), "csr", 2, A.nnz, float)
        assert "csr_array of shape (4, 3)" in repr(m)
        assert isinstance(m.tocsc(), sparse.csc_array)
        assert m.T.format == "csc"
        assert m.tocoo().row.tolist() == A.tocoo().row.tolist()
        with pytest.raises(AttributeError, match="row"):
            _ = m.row
        with pytest.raises(AttributeError, match="nonsense"):
            _ = m.nonsense
        return np.sum(m @ X)

    grad(f)(A.data)


@pytest.mark.parametrize("format", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
def test_a_traced_matrix_tells_its_format_as_scipys_does(format):
    question = f"isspmatrix_{format}"

    def f(d):
        for make in ("csr_matrix", "csc_matrix", "coo_matrix", "csr_array"):
            traced, plain = (getattr(sparse, make)(x) for x in (d, A.toarray()))
            assert getattr(sparse, question)(traced) == getattr(scipy.sparse, question)(plain)
            assert getattr(sparse, question)(plain) == getattr(scipy.sparse, question)(plain)
        return np.sum(d)

    grad(f)(A.toarray())
    assert not getattr(sparse, question)(X)


@pytest.mark.parametrize("f", [
    lambda m: m.maximum(m), lambda m: m.setdiag(1.0), lambda m: m.todia(), lambda m: m.max(axis=0),
    lambda m: m ** -1.0, lambda m: m / m, lambda m: 1.0 / m, lambda m: onp.asarray(m),
    lambda m: S.multiply(m), lambda m: operator.setitem(m, (0, 0), 1.0), lambda m: sparse.bsr_array(m),
    lambda m: m.sum(out=X),
    lambda m: sparse.find(m), lambda m: linalg.spilu(m), lambda m: linalg.splu(m).L,
    lambda m: linalg.norm(m, 0),
])  # fmt: skip
def test_what_a_traced_matrix_cannot_do_is_refused_by_name(f):
    with pytest.raises((NotDifferentiableError, NotImplementedError, TypeError)) as caught:
        grad(lambda d: np.sum(_array(f(sparse.csr_array((d, S.indices, S.indptr))))))(S.data)
    assert isinstance(caught.value, NotDifferentiableError)


def test_every_entry_of_a_traced_array_is_kept_though_it_is_zero():
    dense = onp.diag(X)
    xbar = grad(lambda d: np.sum((sparse.csr_array(d) @ X) ** 2))(dense)
    onp.testing.assert_allclose(xbar, grad(lambda d: np.sum((d @ X) ** 2))(dense), rtol=1e-14)


# --- a matrix as the argument


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("form", ["array", "matrix"])
def test_the_gradient_in_a_matrix_is_one_of_its_pattern(format, form):
    kind = getattr(scipy.sparse, f"{format}_{form}")
    matrix = kind(A)
    xbar = grad(lambda m: np.sum((m @ X) ** 2))(matrix)
    assert type(xbar) is kind
    wanted = grad(lambda d: np.sum((d @ X) ** 2))(A.toarray()) * (A.toarray() != 0)
    onp.testing.assert_allclose(xbar.toarray(), wanted, rtol=1e-13)
    y, back = vjp(lambda m: 2.0 * m, matrix)
    assert type(y) is kind
    onp.testing.assert_array_equal(back(matrix).toarray(), 2 * A.toarray())
    assert type(jvp(lambda m: m * m if form == "array" else m.multiply(m), (matrix,), (matrix,))[1]).__name__[
        3:
    ] == (f"_{form}")
    xbar.data[:] = 0.0
    xbar.sum_duplicates()
    assert matrix.nnz == A.nnz


def test_matrices_in_containers():
    p = {"A": A, "b": Y}
    found = grad(lambda p: np.sum((p["A"] @ X + p["b"]) ** 2))(p)
    onp.testing.assert_allclose(found["A"].toarray()[0, 2], 2 * (A @ X + Y)[0] * X[2], rtol=1e-13)


@pytest.mark.parametrize("f", [
    lambda d: funad.jacobian(lambda d: sparse.csr_array((d, S.indices, S.indptr)))(d),
    lambda d: vmap(lambda d: sparse.csr_array((d, S.indices, S.indptr)))(onp.stack([d, d])),
])  # fmt: skip
def test_several_matrices_are_no_matrix(f):
    with pytest.raises(ArgumentError, match=r"no sparse matrix whose entries are .*A\.data"):
        f(S.data)


def test_duplicates_count_together():
    rows, columns = onp.array([0, 0, 1, 0]), onp.array([1, 1, 2, 0])
    check_vjp(lambda d: sparse.coo_array((d, (rows, columns)), shape=(2, 3)).tocsr().data, call(Y))
    check_vjp(lambda d: sparse.csr_array((d, (rows, columns)), shape=(2, 3)).max(), call(Y))
    check_vjp(lambda d: sparse.coo_array((d, (rows, columns)), shape=(2, 3)) @ X, call(Y))
    check_vjp(
        lambda d: sparse.csr_array((1.0 * d, [1, 1, 2, 0], [0, 3, 4]), shape=(2, 3)).power(2).toarray(),
        call(Y),
    )


# --- what is linear, and its transpose


def random_matrix(shape, density, format):
    """As scipy.sparse.random_array, whose keywords depend on the version of SciPy."""
    return scipy.sparse.coo_array(rng.uniform(size=shape) * (rng.uniform(size=shape) < density)).asformat(
        format
    )


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 5), (4, 0), (0, 4)])
@pytest.mark.parametrize("format", FORMATS)
def test_products_and_their_way_back_are_transposes(shape, format):
    matrix = random_matrix(shape, 0.6, format)
    x, y = rng.normal(size=shape[1]), rng.normal(size=shape[0])
    _, back = vjp(lambda d, x: sparse.coo_array((d, matrix.tocoo().coords), shape=shape).asformat(format) @ x,
                  matrix.tocoo().data, x, argnums=(0, 1))  # fmt: skip
    dbar, xbar = back(y)
    onp.testing.assert_allclose(matrix.toarray() @ x @ y, xbar @ x, atol=1e-14)
    onp.testing.assert_allclose(matrix.toarray() @ x @ y, dbar @ matrix.tocoo().data, atol=1e-14)
    onp.testing.assert_allclose(jvp(lambda x: matrix @ x, (x,), (x,))[1], matrix.toarray() @ x, atol=1e-14)


def test_solutions_and_their_way_back_are_transposes():
    lu = linalg.splu(S.tocsc())
    for trans in "NTH":
        _, back = vjp(lambda b, t=trans: lu.solve(b, t), X)
        v = rng.normal(size=3)
        onp.testing.assert_allclose(lu.solve(v, trans) @ X, back(X) @ v, rtol=1e-12)


def test_a_factorisation_made_outside_serves_inside():
    lu, solve = linalg.splu(S.tocsc()), linalg.factorized(S.tocsc())
    assert lu.shape == (3, 3)
    onp.testing.assert_array_equal(lu.solve(X), scipy.sparse.linalg.splu(S.tocsc()).solve(X))
    for f in (lu.solve, solve):
        check_vjp(f, call(X))
        check_jvp(f, call(X))


def test_one_factorisation_serves_both_ways(monkeypatch):
    made, splu = [], scipy.sparse.linalg.splu
    monkeypatch.setattr(
        scipy.sparse.linalg, "splu", lambda *args, **kwargs: made.append(1) or splu(*args, **kwargs)
    )
    grad(lambda d: np.sum(linalg.spsolve(sparse.csr_array((d, S.indices, S.indptr)), X) ** 2))(S.data)
    assert len(made) == 1


@pytest.mark.parametrize("b", [X, onp.stack([X, X**2], axis=1)])
def test_a_complex_system(b):
    d = S.data + 0.3j
    f = lambda d, b: linalg.spsolve(sparse.csr_array((d, S.indices, S.indptr)), b)
    onp.testing.assert_allclose(vjp(lambda d: f(d, b), d)[0], scipy.sparse.linalg.spsolve(
        scipy.sparse.csr_array((d, S.indices, S.indptr)), b), rtol=1e-12)  # fmt: skip
    for argnum in (0, 1):
        check_vjp(f, call(d, b + 0.5j), argnum)
    check_vjp(lambda b: linalg.spsolve(S, b), call(b + 0.5j))


def test_a_singular_matrix_says_so():
    singular = scipy.sparse.csr_array(onp.array([[1.0, 2.0], [2.0, 4.0]]))
    with pytest.warns(scipy.sparse.linalg.MatrixRankWarning):
        y, _ = vjp(lambda b: linalg.spsolve(singular, b), onp.ones(2))
    assert onp.isnan(y).all()


def test_iterations_without_convergence_are_refused():
    far = scipy.sparse.diags_array(onp.linspace(1.0, 1e6, 50), format="csr")
    with pytest.raises(NotDifferentiableError, match="cg has not reached its tolerance"):
        grad(lambda b: np.sum(linalg.cg(far, b, maxiter=2)[0]))(onp.ones(50))


def test_vectors_of_a_multiple_eigenvalue_are_refused():
    double = scipy.sparse.diags_array([1.0, 2.0, 2.0, 5.0], format="csr")
    f = lambda d: linalg.eigsh(
        scipy.sparse.eye_array(4, format="csr") * d, 2, which="SA", v0=onp.arange(1.0, 5.0)
    )
    y, back = vjp(f, double.diagonal())
    with pytest.raises(onp.linalg.LinAlgError, match="coincide"):
        vjp(lambda d: linalg.eigsh(sparse.diags_array(d, format="csr"), 3, v0=onp.arange(1.0, 5.0)),
            double.diagonal())[1]((onp.zeros(3), rng.normal(size=(4, 3))))  # fmt: skip
    assert back((onp.ones(2), onp.zeros((4, 2)))).shape == (4,)


def test_an_operator_that_closes_over_traced_values():
    def f(p):
        operate = linalg.LinearOperator((3, 3), lambda u: p * u + 0.1 * S @ u, dtype=float)
        return np.sum(linalg.gmres(operate, X, rtol=1e-12)[0] ** 2)

    p = onp.array([2.0, 3.0, 4.0])
    wanted = grad(lambda p: np.sum(np.linalg.solve(np.diag(p) + 0.1 * S.toarray(), X) ** 2))(p)
    onp.testing.assert_allclose(grad(f)(p), wanted, rtol=1e-8)


def test_a_constant_matrix_that_is_written_into_is_found_out():
    matrix = random_matrix((300, 300), 0.5, "csr")
    _, back = vjp(lambda x: matrix @ x, onp.ones(300))
    matrix.data[:] = 0.0
    with pytest.raises(OverwrittenError):
        back(onp.ones(300))


@pytest.mark.parametrize(("f", "counted", "most"), [
    (lambda d, x: sparse.csr_array((d, S.indices, S.indptr)) @ x, "csc_matvec", 1),
    (lambda d, x: linalg.cg(sparse.csr_array((d, S.indices, S.indptr)), x, rtol=1e-12)[0], "cg", 2),
    (lambda d, x: linalg.gmres(sparse.csr_array((d, S.indices, S.indptr)), x, rtol=1e-12)[0], "gmres", 2),
])  # fmt: skip
def test_the_way_back_costs_no_more_than_three_calls(f, counted, most, monkeypatch):
    # In both arguments: beside these, it samples the entries once.
    _, back = vjp(f, S.data, X, argnums=(0, 1))
    calls, module = [], scipy.sparse.linalg
    if counted == "csc_matvec":
        module = types.SimpleNamespace(**vars(layouts._tools))
        monkeypatch.setattr(layouts, "_tools", module)
    theirs = getattr(module, counted)
    monkeypatch.setattr(module, counted, lambda *args, **kwargs: calls.append(1) or theirs(*args, **kwargs))
    back(X)
    assert 1 <= len(calls) <= most


def test_sparse_is_a_module_of_funad_scipy():
    assert "sparse" in dir(funad.scipy)
    assert funad.scipy.sparse.linalg.spsolve is linalg.spsolve
    assert Sparse.__array_ufunc__ is None


def test_stacks_of_vectors_take_one_product_and_one_solution():
    xs, lu = rng.normal(size=(4, 3)), linalg.splu(S.tocsc())
    for f in (lambda x: A @ x, lambda x: x @ S, lu.solve, lambda x: linalg.spsolve(S, x)):
        found = vmap(f)(xs)
        onp.testing.assert_allclose(found, onp.stack([f(x) for x in xs]), rtol=1e-13)
        assert vmap.explain(f)(xs).endswith("ran once for all 4 examples")
        of_gradient = vmap(grad(lambda x, f=f: np.sum(f(x) ** 2)))(xs)
        onp.testing.assert_allclose(of_gradient[2], grad(lambda x, f=f: np.sum(f(x) ** 2))(xs[2]), rtol=1e-13)
    looped = vmap(lambda d: sparse.csr_array((d, S.indices, S.indptr)) @ X)(onp.stack([S.data, 2 * S.data]))
    onp.testing.assert_allclose(looped, [S @ X, 2 * S @ X], rtol=1e-13)


B = np.ones(3)


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda A: scipy.sparse.linalg.spsolve(A, B), "funad.scipy.sparse.linalg.spsolve(A, B)"),
        (lambda A: scipy.sparse.linalg.cg(A, B), "funad.scipy.sparse.linalg.cg(A, B)"),
        (lambda A: scipy.sparse.linalg.eigsh(A, 1), "funad.scipy.sparse.linalg.eigsh(A, 1)"),
        (lambda A: scipy.sparse.linalg.norm(A), "funad.scipy.sparse.linalg.norm(A)"),
        (lambda A: scipy.sparse.hstack([A, A]), "funad.scipy.sparse.hstack([A, A])"),
        (lambda A: scipy.sparse.kron(A, A), "funad.scipy.sparse.kron(A, A)"),
        (onp.asarray, "A.toarray()"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings(
    "ignore:(?s).*sparse array instead of sparse matrix:DeprecationWarning"
)  # SciPy 1.18
def test_a_function_of_scipys_own_is_refused_with_the_name_of_funads(f, said):
    plain = scipy.sparse.diags_array([2.0, 3.0, 4.0]).tocsc()
    with pytest.raises(NotDifferentiableError, match=re.escape(f"write {said}")):
        grad(lambda c: f(c * plain))(2.0)

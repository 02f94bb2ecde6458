"""Sparse Jacobians and Hessians: the pattern holds every entry, and these are those of the dense ones."""

import doctest

import numpy as onp
import pytest
import scipy.sparse
from scipy.sparse.linalg import LinearOperator, cg

import funad
import funad.numpy as np
from funad import grad, hessian, jacobian, linear_operator, sparsity, tree
from funad.errors import ArgumentError, ArgumentTypeError, NonScalarOutputError, SparsityError
from funad.scipy import ndimage, signal
from funad.scipy.sparsity import colouring, derivatives, patterns
from funad.scipy.sparsity.dependencies import Dependencies
from funad.tracing import run

from .drawing import RULES, argument_of, called_with, on_calls

rng = onp.random.default_rng(4)
X = rng.uniform(0.5, 1.5, 12)
TRIANGLE = scipy.sparse.csr_array(onp.triu(onp.ones((12, 12)), 9))
A = scipy.sparse.random_array((5, 12), density=0.2, rng=rng, format="csr")
DENSE = onp.where(rng.uniform(size=(5, 12)) < 0.7, 0.0, 1.5)


def tridiagonal(x):
    y = 2.0 * x + x**3
    return np.concatenate([y[:1] - x[1:2], y[1:-1] - x[:-2] * x[2:], y[-1:] - x[-2:-1]])


def five_points(u):
    n = round(u.size**0.5)
    u = np.reshape(u, (n, n))
    z = np.pad(u, 1)
    return np.ravel(4.0 * u + u**3 - z[:-2, 1:-1] - z[2:, 1:-1] - z[1:-1, :-2] - z[1:-1, 2:])


def written(x):
    y = np.zeros(12)
    for i in range(11):
        y[i] = x[i] * x[i + 1]
    y[3:6] += x[:3]
    return y


FUNCTIONS = {
    "tridiagonal": tridiagonal,
    "five points": lambda x: five_points(x[:9]),
    "sums along axes": lambda x: np.sum(np.reshape(x, (3, 4)) ** 2, axis=1),
    "means, kept": lambda x: np.reshape(x, (3, 4)) - np.mean(np.reshape(x, (3, 4)), axis=0, keepdims=True),
    "norms": lambda x: np.linalg.norm(np.reshape(x, (6, 2)), axis=1),
    "greatest": lambda x: np.max(np.reshape(x, (3, 4)), axis=-1),
    "sums so far": lambda x: np.cumsum(np.reshape(x, (3, 4)) ** 2, axis=1),
    "differences": lambda x: np.diff(x**2, n=2),
    "differences of rows": lambda x: np.diff(np.reshape(x, (4, 3)) ** 2, axis=0),
    "a plain matrix": lambda x: DENSE @ np.sin(x),
    "a sparse matrix": lambda x: (A @ np.sin(x)) * x[:5],
    "a sparse matrix, columns": lambda x: A.T @ np.reshape(x[:10] ** 2, (5, 2)),
    "entries of a sparse matrix": lambda x: (
        funad.scipy.sparse.diags_array([x[:5], x[5:9]], offsets=[0, 1]) @ np.ones(5)
    ),
    "rows times columns": lambda x: np.reshape(x[:6], (2, 3)) @ np.reshape(x[6:], (3, 2)),
    "einsum": lambda x: np.einsum("ij,j->ij", np.reshape(x[:6], (2, 3)), x[6:9]),
    "stacks of matrices": lambda x: np.reshape(x[:8], (2, 2, 2)) @ np.ones((2, 2, 1)),
    "outer": lambda x: np.outer(x[:3], x[3:5]),
    "tensordot": lambda x: np.tensordot(np.reshape(x, (3, 4)), np.ones((4, 2)) * [[0.0, 1.0]], 1),
    "convolve": lambda x: np.convolve(x, [1.0, -2.0, 1.0], "same"),
    "where": lambda x: np.where(x > 1.0, x[::-1], x**2),
    "sorted": lambda x: np.sort(np.reshape(x, (4, 3)), axis=1),
    "an index twice": lambda x: x[[0, 0, 3]] * x[[1, 2, 3]],
    "several results": lambda x: {"a": x[:2] ** 2, "b": (x[3] * x[4], np.sum(x))},
    "a number": lambda x: np.prod(x[:3]),
    "constant": lambda x: np.ones(3),
    "written": written,
    "solve": lambda x: np.linalg.solve(np.diag(x[:3]) + 1.0, x[3:6]),
    "split": lambda x: np.split(x**2, 3)[1] * x[:4],
    "stacks of systems": lambda x: np.linalg.solve(
        np.reshape(x[:8] ** 2, (2, 2, 2)) + np.eye(2), np.reshape(x[8:], (2, 2, 1))
    ),
    "cross products": lambda x: np.cross(np.reshape(x[:6], (2, 3)), np.reshape(x[6:], (2, 3))),
    "transforms of lines": lambda x: np.abs(np.fft.rfft(np.reshape(x, (4, 3)), axis=0)),
    "filtered lines": lambda x: signal.lfilter([1.0, 0.5], [1.0, -0.3], np.reshape(x**2, (3, 4)), axis=0),
    "an image": lambda x: ndimage.laplace(np.reshape(x, (3, 4))) * ndimage.maximum_filter1d(x[:4], 3),
    "convolved in the plane": lambda x: signal.convolve2d(np.reshape(x, (3, 4)), DENSE[:2, :2], "same"),
    "a kernel": lambda x: signal.correlate(np.reshape(x[:8], (2, 4)), np.reshape(x[8:], (2, 2)), "full"),
    "counted": lambda x: np.bincount([0, 2, 2, 1], weights=x[:4] ** 2),
}


@pytest.fixture(params=["words", "labels"])
def narrow(request, monkeypatch):
    """Patterns of so few columns are words; without any, they are labels and matrices."""
    if request.param == "labels":
        monkeypatch.setattr(patterns, "_NARROW", 0)


def _dense(f, x):
    """The Jacobian, dense, with one row per number of the result."""
    return jacobian(lambda x: tree.ravel(f(x))[0])(x)


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_sparse_jacobian_is_the_dense_one(f, narrow):
    wanted = _dense(f, X)
    found = jacobian(f, sparse=True)(X)
    assert type(found) is scipy.sparse.csr_array
    assert found.has_canonical_format
    onp.testing.assert_allclose(found.toarray(), wanted, rtol=1e-13, atol=1e-13)
    pattern = sparsity(f, X)
    assert not onp.any(wanted[~pattern.toarray()])
    onp.testing.assert_array_equal(jacobian(f, sparse=pattern)(X).toarray(), found.toarray())


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_sparse_hessian_is_the_dense_one(f, narrow):
    def loss(x):
        return sum(np.sum(np.sin(part) * part) for part in tree.flatten(f(x))[0])

    wanted = hessian(loss)(X)
    found = hessian(loss, sparse=True)(X)
    onp.testing.assert_allclose(found.toarray(), wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("f", "entries"),
    [
        (tridiagonal, 34),
        (lambda x: np.reshape(x, (3, 4)) * np.reshape(x[::-1], (3, 4)), 24),
        (lambda x: A @ x, A.nnz),
        (lambda x: DENSE @ x, onp.count_nonzero(DENSE)),
        (lambda x: x[[3, 1]], 2),
        (lambda x: np.tile(x[:3], 2), 6),
        (lambda x: np.sum(np.reshape(x, (3, 4)), axis=0), 12),
        (lambda x: np.floor(x) * x, 12),
        (lambda x: funad.stop_gradient(x) * x[0], 12),
        (grad(lambda x: np.sum(x**2)), 12),
        (grad(lambda x: np.sum(x[1:] * x[:-1])), 22),
        (grad(lambda x: np.sum(3.0 * x)), 0),
        (lambda x: np.diff(x), 22),
        (lambda x: np.convolve(x, [1.0, 2.0], "valid"), 22),
        (lambda x: np.convolve(x, [1.0, 0.0, 2.0], "same"), 22),
        (lambda x: np.correlate([1.0, 0.0, 2.0], x, "same"), 22),
        (lambda x: np.correlate(x[:4], x[4:], "full"), 64),
        (lambda x: np.sum(x[onp.arange(12)[:, None] // [1, 2, 3]], axis=1), 32),
        (lambda x: np.linalg.inv(np.reshape(x, (3, 2, 2))), 48),
        (lambda x: np.linalg.eigh(np.reshape(x, (3, 2, 2)))[1], 48),
        (lambda x: np.cross(np.reshape(x, (4, 3)), [1.0, 2.0, 3.0]), 36),
        (lambda x: np.nan_to_num(x, nan=1.0), 12),
        (lambda x: ndimage.correlate1d(x, [1.0, 2.0, 3.0]), 34),
        (lambda x: ndimage.uniform_filter(np.reshape(x, (3, 4)), 3), 70),
        (lambda x: signal.convolve2d(np.reshape(x, (3, 4)), [[0, 1, 0], [1, 2, 1], [0, 1, 0]], "same"), 46),
        (lambda x: sum(np.roll(x, n) for n in range(12)), 144),  # more than a few labels
        (lambda x: np.concatenate([[x[0]], [1.0], x[3:] * x[:-3]]), 19),
    ],
)
def test_a_pattern_has_no_more_entries_than_the_program_says(f, entries, narrow):
    assert sparsity(f, X).nnz == entries


# --- every function of the registry


@pytest.mark.parametrize(("f", "argnum"), RULES)
@pytest.mark.parametrize("few", [256, 0])
@pytest.mark.filterwarnings("ignore")
@on_calls(1)
def test_no_function_hides_a_dependency(f, argnum, few, at):
    if any(onp.iscomplexobj(leaf) for leaf in tree.flatten((at.args, at.kwargs))[0]):
        return
    x = argument_of(at, argnum)

    def of_x(x):
        y = called_with(f, at, argnum, x)
        return [1.0 * part for part in tree.flatten(y)[0] if onp.result_type(part).kind == "f"]

    vector, unravel = tree.ravel(x)
    if vector.size > 40:
        return
    trace = Dependencies(vector.size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patterns, "_NARROW", few)
        ys = run(lambda xs: of_x(unravel(xs[0])), [trace.input(vector.astype(float), 0)])
        found = [trace.pattern_of(y).matrix.toarray() for y in ys]
    there = onp.concatenate([onp.zeros((0, vector.size), bool), *found])
    wanted = jacobian(lambda v: np.concatenate([onp.zeros(0), *map(np.ravel, of_x(unravel(v)))]))(
        vector.astype(float)
    )
    wanted = onp.abs(onp.nan_to_num(wanted))
    assert not onp.any(wanted[~there] > 1e-14 * onp.max(wanted, initial=0.0))  # Fourier transforms round


# --- colours


def _is_direct(pattern, colours):
    """Say whether columns of one colour have no row in common."""
    rows = onp.repeat(onp.arange(pattern.shape[0]), onp.diff(pattern.indptr))
    pairs = onp.stack([rows, colours[pattern.indices]])
    return len(onp.unique(pairs, axis=1).T) == pattern.nnz


PATTERNS = [
    scipy.sparse.random_array((30, 40), density=d, rng=rng, format="csr") for d in (0.0, 0.05, 0.2, 1.0)
]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("compiled", [True, False])
def test_columns_of_one_colour_have_no_row_in_common(pattern, compiled, monkeypatch):
    if not compiled:
        monkeypatch.setattr(colouring, "_group_columns", None)
    colours = colouring.column_colours(pattern)
    assert _is_direct(pattern, colours)
    assert colours.max(initial=-1) + 1 >= onp.diff(pattern.indptr).max()


@pytest.mark.parametrize("pattern", [*(m[:, :30] for m in PATTERNS), TRIANGLE])
def test_every_entry_of_a_symmetric_matrix_shows(pattern):
    matrix = scipy.sparse.csr_array(pattern + pattern.T + scipy.sparse.eye_array(pattern.shape[0]))
    colours = colouring.symmetric_colours(matrix)
    products = matrix @ onp.eye(colours.max() + 1)[colours]
    there = scipy.sparse.csr_array(
        (colouring.shown(matrix, colours), matrix.indices, matrix.indptr), shape=matrix.shape
    ).toarray()
    assert onp.all(there | there.T | (matrix.toarray() == 0))
    dense = matrix.toarray()
    onp.testing.assert_array_equal(products[:, colours][there], dense[there])


def test_colours_of_known_patterns():
    assert sparsity(tridiagonal, onp.linspace(0, 1, 20_000)).colours() == 3
    assert sparsity(lambda x: np.roll(x, 1) * x + np.roll(x, -1), onp.ones(20_000)).colours() == 4  # a ring
    assert sparsity(five_points, onp.linspace(0, 1, 10_000)).colours() == 6
    assert sparsity(lambda x: x[0] * x, X).colours() == 2  # an arrow, by its rows or columns in turn


def _arrow(x):
    return np.sum(np.tanh(x[0] * x[1:]) ** 2) + np.sum(x**4)


def test_an_arrow_takes_two_products_as_a_symmetric_matrix():
    pattern = sparsity(grad(_arrow), X)
    assert (pattern.colours(), pattern.colours(symmetric=True)) == (12, 2)
    onp.testing.assert_allclose(hessian(_arrow, sparse=pattern)(X).toarray(), hessian(_arrow)(X), atol=1e-12)


def test_a_pattern_that_is_found_again_is_coloured_once(monkeypatch):
    coloured = []
    monkeypatch.setattr(
        derivatives, "column_colours", lambda m: coloured.append(1) or colouring.column_colours(m)
    )
    run = jacobian(branching, sparse=True)
    for x in (HIGH, HIGH + 0.1, LOW, LOW + 0.1):
        onp.testing.assert_allclose(run(x).toarray(), jacobian(branching)(x), rtol=1e-14)
    once = len(coloured)
    assert once
    run(LOW)
    assert len(coloured) == once
    run(HIGH)
    assert len(coloured) > once


# --- a pattern that does not hold


def branching(x):
    return x[1:] * x[:-1] if x[0] > 1.0 else x[1:] * x[0]


LOW, HIGH = onp.concatenate([[0.7], X[1:]]), onp.concatenate([[1.3], X[1:]])


def test_a_pattern_found_elsewhere_is_found_again_where_it_does_not_hold():
    pattern = sparsity(branching, HIGH)
    for x in (HIGH, LOW):
        found = jacobian(branching, sparse=pattern)(x)
        onp.testing.assert_allclose(found.toarray(), jacobian(branching)(x), rtol=1e-14)
    loss = lambda x: np.sum(branching(x) ** 2)
    pattern = sparsity(grad(loss), HIGH)
    found = hessian(loss, sparse=pattern)(LOW)
    onp.testing.assert_allclose(found.toarray(), hessian(loss)(LOW), rtol=1e-12)


@pytest.mark.parametrize("of_matrix", [jacobian, hessian])
def test_a_compiled_matrix_is_the_same_where_its_pattern_holds_and_where_not(of_matrix):
    f = branching if of_matrix is jacobian else lambda x: np.sum(branching(x) ** 2)
    pattern = sparsity(f if of_matrix is jacobian else grad(f), HIGH)
    fast = funad.compile(of_matrix(f, sparse=pattern))
    for x in (HIGH, HIGH * 1.1, HIGH, LOW, HIGH * 0.9 + 0.2, LOW * 1.1):
        found, wanted = fast(x), of_matrix(f, sparse=pattern)(x)
        assert type(found) is type(wanted) is scipy.sparse.csr_array
        onp.testing.assert_allclose(found.toarray(), wanted.toarray(), rtol=1e-13)
    assert max(program.calls for program in fast.programs) >= 2


def test_a_large_stencil_of_index_arrays_compiles():
    """Its program adds constant seeds to parts of arrays in place."""
    n = 20_000
    x, before, behind = onp.linspace(0.0, 1.0, n), onp.arange(n).clip(1) - 1, onp.arange(n).clip(0, n - 2) + 1
    f = lambda x: x[before] - 2.0 * x + x[behind] + np.tanh(x)
    run = jacobian(f, sparse=sparsity(f, x))
    fast = funad.compile(run)
    for _ in range(3):
        found = fast(x)
    assert fast.programs
    onp.testing.assert_allclose(found.data, run(x).data, rtol=1e-14)


@pytest.mark.parametrize(
    "given", [onp.eye(11, 12), scipy.sparse.eye_array(11, 12), onp.ones((11, 12)) - onp.eye(11, 12)]
)
def test_a_pattern_that_is_given_and_lacks_an_entry_is_refused(given):
    with pytest.raises(
        SparsityError, match=r"branching has an entry in (row|column) \d+ that the pattern has not"
    ):
        jacobian(branching, sparse=given)(HIGH)


@pytest.mark.parametrize("seed", range(20))
def test_any_missing_entry_is_found_out(seed):
    whole = onp.asarray(jacobian(tridiagonal)(X) != 0)
    places = onp.argwhere(whole)
    whole[tuple(places[onp.random.default_rng(seed).integers(len(places))])] = False
    with pytest.raises(SparsityError):
        jacobian(tridiagonal, sparse=whole)(X)


@pytest.mark.parametrize("size", [1e-14, 1e-8, 1e8, 1e14])
@pytest.mark.parametrize("of_matrix", [jacobian, hessian])
def test_a_missing_entry_is_found_beside_entries_of_any_size(of_matrix, size):
    f = lambda x: np.concatenate([size * x[:4] ** 3, x[4:] * x[3] if x[0] > 1.0 else x[4:] ** 2])
    if of_matrix is hessian:
        f = lambda x, parts=f: np.sum(parts(x))
    pattern = sparsity(f if of_matrix is jacobian else grad(f), LOW)
    for x in (LOW, HIGH):
        found = of_matrix(f, sparse=pattern)(x).toarray()
        onp.testing.assert_allclose(found, of_matrix(f)(x), rtol=1e-12, atol=1e-12 * min(size, 1.0))


def test_infinite_derivatives_hide_no_missing_entry():
    f = lambda x: np.concatenate([np.sqrt(x[:1]), x[1:] * x[3] if x[1] > 1.0 else x[1:] ** 2])
    low, high = onp.array([0.0, 0.5, 2.0, 3.0]), onp.array([0.0, 1.5, 2.0, 3.0])
    with onp.errstate(divide="ignore", invalid="ignore"):
        pattern = sparsity(f, low)
        for x in (low, high):
            found = jacobian(f, sparse=pattern)(x).toarray()
            onp.testing.assert_array_equal(found[:, 1:], jacobian(f)(x)[:, 1:])
            assert found[0, 0] == onp.inf


def test_a_pattern_may_have_more_entries():
    onp.testing.assert_array_equal(
        jacobian(tridiagonal, sparse=onp.ones((12, 12)))(X).toarray(), jacobian(tridiagonal)(X)
    )


def test_terms_that_cancel_are_no_missing_entries():
    f = lambda x: (1e8 * x + x[::-1]) - 1e8 * x + 1e-9 * x**2
    onp.testing.assert_allclose(jacobian(f, sparse=True)(X).toarray(), _dense(f, X), atol=1e-7)


# --- arguments


def test_containers_are_one_vector_in_order():
    p = {"w": rng.normal(size=(2, 2)), "b": 0.3}
    f = lambda p, s: {"y": p["w"] * s, "z": p["b"] ** 2}
    found = jacobian(f, sparse=True)(p, 2.0).toarray()
    assert found.tolist() == onp.diag([2.0, 2.0, 2.0, 2.0, 0.6]).tolist()
    assert jacobian(f, 1, sparse=True)(p, 2.0).shape == (5, 1)
    loss = lambda p: np.sum(p["w"] ** 2) * p["b"]
    vector, unravel = tree.ravel(p)
    onp.testing.assert_allclose(
        hessian(loss, sparse=True)(p).toarray(), hessian(lambda v: loss(unravel(v)))(vector), atol=1e-14
    )


def test_single_precision_is_kept():
    x = X.astype(onp.float32)
    assert jacobian(tridiagonal, sparse=True)(x).dtype == onp.float32
    assert hessian(_arrow, sparse=True)(x).dtype == onp.float32


def test_a_sparse_jacobian_can_be_differentiated():
    v = rng.normal(size=12)
    pattern = sparsity(tridiagonal, X)
    for sparse in (pattern, True):
        of_matrix = grad(lambda x, s=sparse: np.sum((jacobian(tridiagonal, sparse=s)(x) @ v) ** 2))(X)
        of_array = grad(lambda x: np.sum((jacobian(tridiagonal)(x) @ v) ** 2))(X)
        onp.testing.assert_allclose(of_matrix, of_array, rtol=1e-12)


def test_size_zero():
    assert jacobian(lambda x: x * 2.0, sparse=True)(onp.zeros(0)).shape == (0, 0)
    assert jacobian(lambda x: x[:0], sparse=True)(X).shape == (0, 12)


def test_what_is_no_sparse_derivative_is_refused():
    with pytest.raises(ArgumentTypeError, match="real numbers.*complex"):
        jacobian(lambda x: x, sparse=True)(X + 1j)
    with pytest.raises(NonScalarOutputError, match="returned complex"):
        jacobian(lambda x: x * 1j, sparse=True)(X)
    with pytest.raises(ArgumentError, match="one argument"):
        jacobian(lambda x, y: x, (0, 1), sparse=True)(X, X)
    with pytest.raises(ArgumentError, match="has_aux"):
        jacobian(lambda x: (x, x), has_aux=True, sparse=True)
    with pytest.raises(ArgumentError, match="7 columns, but x has 12"):
        jacobian(tridiagonal, sparse=onp.ones((12, 7)))(X)
    with pytest.raises(ArgumentError, match="3 rows, but tridiagonal returned 12"):
        jacobian(tridiagonal, sparse=onp.ones((3, 12)))(X)
    with pytest.raises(ArgumentError, match="symmetric"):
        hessian(_arrow, sparse=onp.triu(onp.ones((12, 12))))(X)
    with pytest.raises(ArgumentError, match="sparse is True, a pattern"):
        jacobian(tridiagonal, sparse="yes")(X)


@pytest.mark.parametrize("f", [sparsity, linear_operator])
def test_the_examples_in_docstrings_hold(f):
    (test,) = doctest.DocTestFinder().find(f, f.__name__, globs={})
    assert test.examples
    said = []
    assert not doctest.DocTestRunner().run(test, out=said.append).failed, "".join(said)


# --- linear operators


def test_a_jacobian_as_a_linear_operator():
    operator, wanted = linear_operator(tridiagonal, X), jacobian(tridiagonal)(X)
    assert isinstance(operator, LinearOperator)
    assert operator.shape == (12, 12)
    v, many = rng.normal(size=12), rng.normal(size=(12, 3))
    onp.testing.assert_allclose(operator @ v, wanted @ v, rtol=1e-12)
    onp.testing.assert_allclose(operator.T @ v, wanted.T @ v, rtol=1e-12)
    onp.testing.assert_allclose(operator.rmatvec(v), wanted.T @ v, rtol=1e-12)
    onp.testing.assert_allclose(operator @ many, wanted @ many, rtol=1e-12)
    onp.testing.assert_allclose((2 * operator + operator) @ v, 3 * wanted @ v, rtol=1e-12)


def test_a_hessian_as_a_linear_operator():
    operator, wanted = linear_operator(grad(_arrow), X, symmetric=True), hessian(_arrow)(X)
    step, info = cg(operator, X, rtol=1e-12)
    assert info == 0
    onp.testing.assert_allclose(wanted @ step, X, rtol=1e-8)
    onp.testing.assert_allclose(operator.T @ X, wanted @ X, rtol=1e-12)


def test_an_operator_of_containers():
    p = {"w": X[:4].reshape(2, 2), "b": 0.5}
    f = lambda p, s: [np.sum(p["w"], axis=0) * s, p["b"] ** 2]
    operator = linear_operator(f, p, 3.0)
    wanted = jacobian(f, sparse=True)(p, 3.0)
    onp.testing.assert_allclose(operator @ X[:5], wanted @ X[:5])
    onp.testing.assert_allclose(operator.T @ X[:3], wanted.T @ X[:3])

"""Strong zeros hide what only zeros have met, and nothing else: a nan that has a right to be stays."""

import numpy
import pytest

from funad import elementwise, grad, hvp, jacfwd, jacrev, jvp, linearize, primitive, vjp
from funad import numpy as np

NAN, INF = numpy.nan, numpy.inf


def test_a_zero_cotangent_hides_an_infinity_of_pythons_numbers():
    assert grad(lambda x: (x * INF) * 0.0)(2.0) == 0.0
    assert grad(lambda x: (x * NAN) * 0.0)(2.0) == 0.0


def test_infinities_of_both_signs_add_up_to_nan():
    assert numpy.isnan(grad(lambda x: np.sqrt(x) - np.sqrt(x))(numpy.float64(0.0)))
    assert numpy.isnan(grad(lambda x: np.sqrt(x) - np.sqrt(x))(0.0))
    assert numpy.isnan(grad(lambda x: np.sum(np.sqrt(x) - np.sqrt(x)))(numpy.zeros(2))).all()
    for factor in (numpy.array([[INF], [-INF]]), numpy.array([[INF, 1.0], [-INF, 1.0]])):
        x = numpy.ones((1, factor.shape[1]))
        xbar = vjp(lambda x, factor=factor: x * factor, x)[1](numpy.ones_like(factor))
        assert numpy.isnan(xbar[0, 0])


@pytest.mark.parametrize("f", [np.prod, np.cumprod, np.var, np.sort, lambda x: np.sum(x * x)])
def test_a_tangent_of_zeros_stays_one_where_the_value_is_no_number(f):
    x, nothing = numpy.array([2.0, NAN, 3.0]), numpy.zeros(3)
    assert (jvp(f, (x,), (nothing,))[1] == 0).all()
    assert (linearize(f, x)[1](nothing) == 0).all()


@pytest.mark.parametrize("x", [NAN, numpy.float64(NAN), numpy.array([NAN, 1.0])])
def test_a_zero_tangent_meets_a_nan_alone(x):
    nothing = 0.0 * numpy.ones_like(x)[()]
    for f in (np.sin, np.exp, lambda x: x * x, lambda x: 3.0 * x * NAN, lambda x: x / x, lambda x: x**2.5):
        assert numpy.all(jvp(f, (x,), (nothing,))[1] == 0)
    ones = numpy.ones_like(x)[()]
    for f in (lambda a, b: a * b, lambda a, b: a / b, lambda a, b: b - a * b):
        assert numpy.all(jvp(f, (ones, x), (nothing, nothing))[1] == 0)


def test_the_initial_value_of_a_sum_has_no_tangent():
    x = numpy.ones(3)
    for f in (lambda x: np.sum(x, initial=5.0), lambda x: np.nansum(x, initial=5.0)):
        assert jvp(f, (x,), (x,))[1] == linearize(f, x)[1](x) == 3.0
        assert jacfwd(f)(x).tolist() == [1, 1, 1]
    assert jvp(lambda x: np.prod(x, initial=5.0), (x,), (x,))[1] == 15.0


def test_a_nan_that_meets_no_zero_stays():
    x, factor = numpy.ones(2), numpy.array([NAN, 1.0])
    found = grad(lambda x: np.sum(np.where([True, False], x * factor, 0.0)))(x)
    assert numpy.isnan(found[0])
    assert found[1] == 0
    found = grad(lambda x: np.sum(np.where([False, True], x * factor, 0.0)))(x)
    assert found.tolist() == [0, 1]
    matrix = numpy.array([[NAN, 1.0], [2.0, 3.0]])
    found = grad(lambda x: np.sum(np.where([True, False], matrix @ x, 0.0)))(x)
    assert numpy.isnan(found[0])
    assert found[1] == 1
    assert grad(lambda x: np.sum(np.where([False, True], matrix @ x, 0.0)))(x).tolist() == [2, 3]


@primitive
def corner(x):
    return 0.0 * numpy.abs(x)


elementwise(corner, lambda y, ybar, x: ybar * NAN)


def test_an_infinite_cotangent_of_a_slope_that_is_no_number_is_none():
    assert numpy.isnan(grad(lambda x: np.sum(np.sqrt(corner(x))))(numpy.ones(2))).all()
    assert grad(lambda x: np.sum(np.sqrt(x * x)))(numpy.zeros(2)).tolist() == [0, 0]
    assert numpy.isnan(jvp(lambda x: corner(x), (numpy.ones(2),), (numpy.full(2, INF),))[1]).all()


HALF = numpy.array([NAN, 1.0])


def _written(y, write):
    write(y)
    return y


HIDING = {
    "an index": lambda y: y[1],
    "a slice": lambda y: np.sum(y[1:]),
    "an array of positions": lambda y: np.sum(y[[1, 1]]) / 2,
    "a mask": lambda y: np.sum(y[numpy.array([False, True])]),
    "take": lambda y: np.take(y, 1),
    "take along an axis": lambda y: np.sum(np.take_along_axis(y, numpy.array([1]), 0)),
    "compress": lambda y: np.sum(np.compress([False, True], y)),
    "choose": lambda y: np.sum(np.choose(numpy.array([0, 1]), [numpy.zeros(2), y])),
    "delete": lambda y: np.sum(np.delete(y, 0)),
    "split": lambda y: np.sum(np.split(y, 2)[1]),
    "unpacking": lambda y: [*y][1],
    "an assignment": lambda y: np.sum(_written(y, lambda y: y.__setitem__(0, 0.0))),
    "an assignment to a view": lambda y: np.sum(_written(y, lambda y: y[:1].__setitem__(0, 0.0))),
    "a triangle": lambda y: np.sum(np.triu(np.stack([y, y]), 1)),
    "a lower triangle": lambda y: np.sum(np.tril(np.stack([y, y], 1), -1)),
    "a diagonal": lambda y: np.sum(np.diagonal(np.stack([numpy.ones(2), y]))),
    "a diagonal that is taken out": lambda y: np.sum(np.diag(np.stack([numpy.ones(2), y]))),
    "a trace": lambda y: np.trace(np.stack([numpy.ones(2), y])),
    "a diagonal by its labels": lambda y: np.einsum("ii", np.stack([numpy.ones(2), y])),
    "a mean of numbers": np.nanmean,
    "flat": lambda y: y.flat[1],
    "a cotangent": lambda y: y,
}


@pytest.mark.parametrize("name", HIDING)
def test_what_is_left_out_hides_a_nan(name):
    x = numpy.ones(2)

    def f(x):
        return HIDING[name](x * HALF)

    ybar = numpy.array([0.0, 1.0]) if name == "a cotangent" else 1.0
    assert vjp(f, x)[1](ybar).tolist() == [0, 1]
    if name != "a cotangent":
        assert grad(f)(x).tolist() == [0, 1]
        assert jacrev(lambda x: np.stack([f(x), x[0]]))(x).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x[0] * np.inf - x[0] * np.inf, [np.nan, 0, 0]),
        (lambda x: np.sum(x[:2] * np.inf) - np.sum(x[1:] * np.inf), [np.inf, np.nan, -np.inf]),
        (lambda x: np.sum(x[[0, 0, 1]] * np.array([np.inf, -np.inf, 1.0])), [np.nan, 1, 0]),
    ],
    ids=["an element", "slices", "an element twice"],
)
def test_infinities_of_both_signs_that_meet_in_an_element_are_nan(f, expected):
    with numpy.errstate(invalid="ignore"):
        xbar = grad(f)(numpy.array([1.0, 2.0, 3.0]))
    assert numpy.array_equal(xbar, expected, equal_nan=True)


# --- rules of whole rows, of which one is not looked at

ROWS = numpy.array([[1.0, 2.0, 4.0], [numpy.nan, 3.0, 1.0], [2.0, 0.5, 1.5]])
OF_ROWS = {
    "prod": lambda x: np.prod(x, axis=1),
    "std": lambda x: np.std(x, axis=1),
    "var": lambda x: np.var(x, axis=1, ddof=1),
    "norm": lambda x: np.linalg.norm(x, axis=1),
    "norm of order 3": lambda x: np.linalg.norm(x, 3, axis=1),
    "last of cumprod": lambda x: np.cumprod(x, axis=1)[:, 2],
    "quantile": lambda x: np.quantile(x, 0.3, axis=1),
    "det": lambda x: np.linalg.det(x[:, :2, None] * x[:, None, :2] + np.eye(2)),
    "inv": lambda x: np.linalg.inv(x[:, :2, None] * x[:, None, :2] + np.eye(2))[:, 0, 0],
    "solve": lambda x: np.linalg.solve(x[:, :2, None] * x[:, None, :2] + np.eye(2), np.ones((2, 1)))[:, 0, 0],
}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("f", OF_ROWS.values(), ids=OF_ROWS)
def test_a_row_with_nan_that_is_not_taken_has_the_derivative_zero(f):
    def taken(x):
        y = f(x)
        return np.sum(np.where(np.isfinite(y), y**2, 0.0))

    without = ROWS[[0, 2]]
    for found, wanted in (
        (grad(taken)(ROWS), grad(taken)(without)),
        (vjp(f, ROWS)[1](numpy.array([3.0, 0.0, 2.0])), vjp(f, without)[1](numpy.array([3.0, 2.0]))),
        (jacfwd(taken)(ROWS), jacfwd(taken)(without)),
        (hvp(taken)(ROWS, numpy.ones((3, 3))), hvp(taken)(without, numpy.ones((2, 3)))),
    ):
        numpy.testing.assert_allclose(found[[0, 2]], wanted, rtol=1e-12)
        numpy.testing.assert_array_equal(found[1], numpy.zeros(3))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("f", OF_ROWS.values(), ids=OF_ROWS)
def test_a_row_with_nan_that_is_taken_keeps_its_nans(f):
    found = vjp(f, ROWS)[1](numpy.array([3.0, 1.0, 0.0]))
    assert numpy.isfinite(found[0]).all()
    assert numpy.isnan(found[1]).any()
    numpy.testing.assert_array_equal(found[2], numpy.zeros(3))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_tangent_beside_what_has_no_variance_has_its_shape():
    x = numpy.ones((2, 3))
    value, tangent = jvp(np.corrcoef, (x,), (x + numpy.eye(2, 3),))
    assert numpy.isnan(value).all()
    assert tangent.shape == (2, 2)


@pytest.mark.parametrize("infinity", [INF, -INF])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x @ x, axis=0) ** 3,
        lambda x: np.dot(x, x)[0] ** 2,
        lambda x: np.inner(x, x)[0] ** 2,
        lambda x: np.einsum("ij,jk->k", x, x) ** 2,
        lambda x: np.tensordot(x, x, 1)[1] ** 3,
    ],
)
def test_infinities_of_a_cotangent_are_no_error(f, infinity):
    x = numpy.array([[infinity, 1.0], [2.0, 3.0]])
    with numpy.errstate(all="ignore"):
        by_rows, by_columns = jacrev(f)(x), jacfwd(f)(x)
    finite = numpy.isfinite(by_rows) & numpy.isfinite(by_columns)
    assert not finite.all()
    numpy.testing.assert_array_equal(by_rows[finite], by_columns[finite])


@pytest.mark.parametrize("count", [2, 6])  # few rows are walked back one by one, many as a stack
@pytest.mark.parametrize("f", [np.sign, lambda x: np.sign(x) * x, lambda x: np.abs(x) / (1 + x)])
def test_a_nan_is_kept_where_it_is_asked_for_however_many_rows_there_are(f, count):
    x = numpy.ones(count)
    x[0] = numpy.nan
    found = jacrev(f)(x)
    assert numpy.isnan(found[0, 0])
    assert not numpy.any(numpy.isnan(found[1:])) and not numpy.any(numpy.isnan(found[0, 1:]))
    row = numpy.zeros(count)
    row[0] = 1.0
    numpy.testing.assert_array_equal(vjp(f, x)[1](row), found[0])

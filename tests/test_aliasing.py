"""Whose memory is whose: nothing that is given or returned changes, or is changed, behind anyone's back."""

import numpy
import pytest

from funad import defvjp, elementwise, grad, jacfwd, jacrev, jvp, linearize, primitive, value_and_grad, vjp
from funad import numpy as np
from funad.traces.reverse import WIDTH

X = numpy.array([2.0, 3.0, 5.0])
C, D = numpy.array([1.0, 2.0, 4.0]), numpy.array([8.0, 16.0, 32.0])


# --- the walk back starts again from a snapshot where a nan has come up


@pytest.mark.parametrize(
    "hidden",
    [
        lambda y: np.sum(np.where(np.isnan(y), 0.0, y * y * y)),
        lambda y: np.sum(y * y * y, where=[True, False, True]),
        lambda y: np.nansum(y * y * y),
        lambda y: np.sum((y * y * y)[numpy.array([0, 2])]),
    ],
)
@pytest.mark.parametrize("uses", [1, 2, 3])
def test_a_walk_that_starts_again_counts_nothing_twice(hidden, uses):
    def f(x):
        y = x * 2.0
        total = hidden(y)
        for _ in range(uses):
            total = total + np.sum(y * C)
        return total

    x = numpy.array([2.0, numpy.nan, 5.0])
    wanted = 2 * uses * C + numpy.array([6 * 16.0, 0.0, 6 * 100.0])
    assert grad(f)(x).tolist() == wanted.tolist()
    assert jacrev(lambda x: f(x)[None])(x).tolist() == [wanted.tolist()]
    assert vjp(f, x)[1](1.0).tolist() == wanted.tolist()


def test_a_walk_that_starts_again_counts_no_write_twice():
    def f(x):
        y = np.zeros(3)
        y[0], y[1] = x[0] * x[0], x[1]
        total = np.sum(np.where(np.isnan(y), 0.0, y * y))
        y[2] = x[2]
        return total + np.sum(y * C) + np.sum(y * D)

    x = numpy.array([2.0, numpy.nan, 5.0])
    assert grad(f)(x).tolist() == [2 * 4 * 4 + 9 * 4, 18, 36]


# --- what is returned


def _doubled(x):
    return 2 * x


PAIRS = [
    lambda a, b: np.sum((a + b) * C),
    lambda a, b: np.sum((a + b)[None] * C),
    lambda a, b: np.sum((np.reshape(a, (3, 1)) + np.reshape(b, (3, 1))) * C[:, None]),
    lambda a, b: np.sum((np.ravel(np.reshape(a, (1, 3))) + b) * C),
    lambda a, b: np.sum(np.concatenate([a, b]) * numpy.arange(6.0)),
    lambda a, b: np.sum(np.stack([a, b]) ** 2),
    lambda a, b: np.sum((a[::-1] + b) * C),
]


@pytest.mark.parametrize("f", PAIRS)
def test_two_gradients_share_no_memory_and_may_be_written_to(f):
    for found in (
        grad(f, (0, 1))(X, X + 1),
        vjp(f, X, X + 1)[1](1.0),
        value_and_grad(f, (0, 1))(X, X + 1)[1],
    ):
        first, second = found
        assert not numpy.shares_memory(first, second)
        kept = second.copy()
        first[...] = -1
        assert second.tolist() == kept.tolist()
        second[...] = -1


@pytest.mark.parametrize(
    "f",
    [
        np.sum,
        lambda x: np.sum(np.broadcast_to(x, (2, 3))),
        lambda x: np.sum(np.concatenate([x, numpy.ones(1000)]) ** 2),
        lambda x: np.sum(np.concatenate([numpy.ones(1000), x]) * numpy.arange(1003.0)),
    ],
)
def test_a_gradient_may_be_written_to_and_keeps_no_more_memory_than_its_own(f):
    xbar = grad(f)(X)
    assert xbar.flags.writeable
    assert xbar.base is None or xbar.base.nbytes == xbar.nbytes
    kept = grad(f)(X).tolist()
    xbar[...] = -1
    assert grad(f)(X).tolist() == kept


SLOPE = numpy.array([1.0, 2.0, 3.0])
SLOPE.flags.writeable = False


@primitive
def sloped(x):
    return numpy.sum(SLOPE * x)


defvjp(sloped, lambda y, ybar, x: SLOPE)


def test_a_constant_that_a_rule_returns_is_not_handed_out():
    xbar = grad(sloped)(X)
    assert xbar is not SLOPE
    xbar[...] = -1
    assert grad(sloped)(X).tolist() == [1, 2, 3]


@pytest.mark.parametrize("f", [np.exp, np.sqrt, np.tanh, lambda x: x, lambda x: x * 1.0, lambda x: x[1:]])
def test_a_value_may_be_written_to_before_the_walk_back_or_forward(f):
    for transform in (vjp, linearize):
        y, product = transform(f, X)
        v = numpy.ones_like(y if transform is vjp else X)
        wanted = product(v).tolist()
        y[...] = -7
        assert product(v).tolist() == wanted
        assert X.tolist() == [2, 3, 5]


@pytest.mark.parametrize("f", [lambda x: x * x, np.exp, lambda x: np.sum(x**3), lambda x: x[::-1] * x])
def test_arguments_may_be_written_to_before_the_walk_back_or_forward(f):
    for transform in (vjp, linearize):
        x = X.copy()
        y, product = transform(f, x)
        v = numpy.ones_like(y if transform is vjp else x)
        wanted = numpy.array(product(v)).tolist()
        x[...] = -7
        assert numpy.array(product(v)).tolist() == wanted


@pytest.mark.parametrize(
    "f", [lambda x: x, lambda x: x + 0.0, lambda x: np.reshape(x, (3, 1)), lambda x: x[::-1]]
)
def test_a_product_is_not_the_vector_that_was_given(f):
    v = numpy.ones(3)
    for found in (vjp(f, X)[1](numpy.ones_like(f(X))), linearize(f, X)[1](v)):
        found[...] = -1
    ybar = numpy.ones_like(f(X))
    pull = vjp(f, X)[1]
    pull(ybar)[...] = -1
    assert (ybar == 1).all()
    assert (v == 1).all()


# --- what is given


def _viewed(y, v, *args):
    return v[...]


@primitive
def plus(a, b):
    return a + b


elementwise(plus, _viewed, _viewed)


@pytest.mark.parametrize(
    "f",
    [lambda a, b: a + b, lambda a, b: a + a * b, lambda a, b: a - b + a, plus, lambda a, b: plus(a, b) + a],
)
def test_tangents_and_cotangents_that_were_given_stay_what_they_are(f):
    adot, bdot, ybar = numpy.ones(3), numpy.full(3, 2.0), numpy.full(3, 4.0)
    ydot = jvp(f, (X, X + 1), (adot, bdot))[1]
    numpy.testing.assert_allclose(ydot, linearize(f, X, X + 1)[1](adot, bdot))
    vjp(f, X, X + 1)[1](ybar)
    for given, value in ((adot, 1), (bdot, 2), (ybar, 4)):
        assert given.tolist() == [value] * 3


# --- what the program changes afterwards


def test_a_view_that_was_used_and_then_written_to_counts_as_it_was():
    def f(x):
        y = np.zeros(3)
        y[0], y[1] = x[0], x[1]
        part = y[:2]
        total = np.sum(part * part * x[:2])
        y[0], y[1] = 5 * x[1], 7.0
        return total + y[0]

    assert grad(f)(X).tolist() == [12, 32, 0]


def test_an_addition_in_place_shows_in_a_view_that_is_still_there():
    def f(x):
        y = x * 1.0
        part = y[1:]
        y += x
        return np.sum(part * part)

    assert grad(f)(X).tolist() == [0, 24, 40]


def test_an_index_that_is_changed_after_the_read_counts_as_it_was():
    def f(x):
        places = numpy.array([0, 1])
        y, z = x[places], np.reshape(x, (1, 3))[0, places]
        places[:] = 2
        return np.sum(y * [1.0, 10.0]) + np.sum(z * [100.0, 1000.0])

    assert grad(f)(X).tolist() == [101, 1010, 0]


def test_a_number_of_an_outer_trace_is_written_as_such():
    def slope(a):
        def f(x):
            y = np.zeros(2)
            y[0] = x * 1.0
            y[1] = a
            return np.sum(y * y) * x

        return grad(f)(2.0)

    assert grad(slope)(3.0) == 6.0
    assert jvp(slope, (3.0,), (1.0,))[1] == 6.0
    assert jacfwd(slope)(3.0) == 6.0


def test_two_seeds_of_one_cotangent_are_added():
    @primitive(containers=True)
    def total(xs):
        return xs[0] + xs[1]

    defvjp(total, lambda y, ybar, xs: [ybar, ybar])
    f = lambda a, b: total([a, b])
    assert jvp(f, (2.0, 3.0), (5.0, 7.0))[1] == 12.0
    assert linearize(f, 2.0, 3.0)[1](5.0, 7.0) == 12.0
    assert vjp(lambda a: (a, a, 2.0 * a), 3.0)[1]((1.0, 10.0, 100.0)) == 211.0


def test_a_tape_is_read_as_often_as_one_likes():
    y, pull = vjp(lambda x: np.sum(np.where(x > 2.5, x * x, 0.0)), X)
    assert pull(1.0).tolist() == pull(1.0).tolist() == [0, 6, 10]
    assert WIDTH == 7

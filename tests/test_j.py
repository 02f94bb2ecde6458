"""j is total: a rule for a primitive, the chain rule for everything else."""

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given

import funad.numpy as np
from funad import j, primitive
from funad.errors import ArgumentTypeError, MissingRuleError, UnsupportedKeywordError

x, ybar = onp.array([0.3, 1.2, 2.0]), onp.array([1.0, -2.0, 0.5])
a, b = onp.array([1.0, 2.0, 3.0]), onp.array([2.0, 0.5, -1.0])


def test_j_of_exp_is_ybar_times_y():
    y = onp.exp(x)
    assert onp.array_equal(j(np.exp)(y, ybar, x), y * ybar)


def test_j_of_exp_uses_the_y_it_is_given():
    assert j(np.exp)(10.0, 3.0, 0.0) == 30.0


def test_j_of_add_gives_ybar_twice():
    abar, bbar = j(np.add)(a + b, ybar, a, b)
    assert onp.array_equal(abar, ybar) and onp.array_equal(bbar, ybar)


def test_j_of_divide():
    abar, bbar = j(np.divide)(a / b, ybar, a, b)
    assert onp.allclose(abar, ybar / b, rtol=1e-15) and onp.allclose(bbar, -ybar * a / b**2, rtol=1e-15)


def test_j_of_log():
    assert onp.array_equal(j(np.log)(onp.log(x), ybar, x), ybar / x)


def test_j_of_matmul_of_matrix_and_vector():
    matrix, beta = onp.arange(6.0).reshape(2, 3), onp.array([1.0, -1.0, 2.0])
    ybar = onp.array([0.5, 3.0])
    abar, bbar = j(np.matmul)(matrix @ beta, ybar, matrix, beta)
    assert onp.array_equal(abar, onp.outer(ybar, beta)) and onp.array_equal(bbar, matrix.T @ ybar)


def test_j_of_one_argument_alone():
    assert onp.array_equal(j(np.exp, 0)(onp.exp(x), ybar, x), onp.exp(x) * ybar)
    assert onp.array_equal(j(np.multiply, 1)(a * b, ybar, a, b), ybar * a)


@pytest.mark.parametrize("f", [onp.exp, onp.sin, onp.log, onp.tanh, onp.sum])
def test_j_of_numpys_own_function_is_that_of_the_wrapped_one(f):
    wrapped = getattr(np, f.__name__)
    y = f(x)
    seed = onp.ones_like(y)
    assert onp.array_equal(j(f)(y, seed, x), j(wrapped)(y, seed, x))


def test_j_takes_keywords_of_the_primitive():
    matrix = onp.arange(6.0).reshape(2, 3)
    xbar = j(np.sum)(matrix.sum(axis=0), onp.array([1.0, 2.0, 3.0]), matrix, axis=0)
    assert onp.array_equal(xbar, [[1, 2, 3], [1, 2, 3]])


def test_j_takes_integers_as_floats():
    assert j(np.divide)(2, 1, 6, 3) == (1 / 3, -2 / 3)


def test_j_sums_over_broadcast_axes():
    abar, bbar = j(np.multiply)(onp.ones((3, 2)), onp.ones((3, 2)), 2.0, onp.ones((3, 2)))
    assert abar == 6.0 and onp.array_equal(bbar, onp.full((3, 2), 2.0))


def test_j_of_a_locally_constant_primitive_is_zero():
    assert onp.array_equal(j(np.floor)(onp.floor(x), ybar, x), onp.zeros(3))


def test_j_of_a_call_of_a_container():
    parts = j(np.concatenate)(onp.concatenate([a, b]), onp.arange(6.0), [a, b])
    assert [part.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5]]


def test_j_of_a_function_derived_by_the_chain_rule_takes_every_argument():
    abar, bbar = j(lambda a, b: np.sum(a * b**2))(0.0, 1.0, a, b)
    assert onp.allclose(abar, b**2) and onp.allclose(bbar, 2 * a * b)


SMOOTH = [
    np.sin,
    np.tanh,
    np.cos,
    np.arctan,
    lambda x: x * x / 2,
    lambda x: 1 / (2 + np.sin(x)),
    lambda x: np.exp(-x * x),
]


@given(
    st.lists(st.sampled_from(SMOOTH), min_size=1, max_size=3),
    st.lists(st.sampled_from(SMOOTH), min_size=1, max_size=3),
    st.floats(-1, 1),
    st.floats(-2, 2),
)
def test_chain_rule_of_random_compositions(inner, outer, x, ybar):
    def f(x):
        for step in inner:
            x = step(x)
        return x

    def g(x):
        for step in outer:
            x = step(x)
        return x

    y = g(f(x))
    composed = j(lambda x: g(f(x)))(y, ybar, x)
    chained = j(f)(f(x), j(g)(y, ybar, f(x)), x)
    assert float(composed) == pytest.approx(float(chained), rel=1e-12, abs=1e-300)
    h = 1e-5
    numeric = ybar * (g(f(x + h)) - g(f(x - h))) / (2 * h)
    assert float(composed) == pytest.approx(float(numeric), rel=1e-6, abs=1e-6)


def test_j_refuses_a_primitive_without_a_rule():
    @primitive
    def mystery(x):
        return 2 * x

    with pytest.raises(
        MissingRuleError, match=r"mystery, called with float, has no derivative rule for argument 0"
    ):
        j(mystery)(2.0, 1.0, 1.0)


def test_j_refuses_an_unknown_keyword():
    with pytest.raises(UnsupportedKeywordError, match="out"):
        j(np.sum)(6.0, 1.0, a, out=onp.zeros(()))


def test_j_refuses_what_is_no_number():
    with pytest.raises(ArgumentTypeError, match="str"):
        j(np.exp)(1.0, 1.0, "x")

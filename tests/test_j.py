"""j is total: a rule for a primitive, the chain rule for everything else."""

import operator

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given

import funad.numpy as np
from funad import j, primitive, tree
from funad.errors import (
    ArgumentError,
    ArgumentTypeError,
    CotangentError,
    MissingRuleError,
    UnsupportedKeywordError,
)

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


SIZED = {
    "split": (onp.split, (x, [1, 2]), lambda x: np.split(x, [1, 2])),
    "diff": (onp.diff, (x, 1), lambda x: np.diff(x, 1)),
    "pad": (onp.pad, (x, 1, "reflect"), lambda x: np.pad(x, 1, "reflect")),
    "delete": (onp.delete, (x, 1), lambda x: np.delete(x, 1)),
    "resize": (onp.resize, (x, (2, 2)), lambda x: np.resize(x, (2, 2))),
    "array": (onp.array, (x,), lambda x: np.array(x)),
    "trapezoid": (onp.trapezoid, (x, None, 0.5), lambda x: np.trapezoid(x, None, 0.5)),
    "einsum": (onp.einsum, (x, [0], x, [0]), lambda x: np.einsum("i,i->", x, x)),
    "select": (onp.select, ([x > 1], [x]), lambda x: np.select([x > 1], [x])),
    "apply_along_axis": (
        onp.apply_along_axis, (np.sum, 0, x), lambda x: np.apply_along_axis(np.sum, 0, x),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SIZED)
def test_j_of_numpys_functions_with_sizes_axes_and_modes(name):
    f, xs, g = SIZED[name]
    y = f(*xs)
    ybar = tree.map(onp.ones_like, y)
    found, wanted = j(f)(y, ybar, *xs), j(g)(y, ybar, x)
    if isinstance(found, tuple):  # of both operands, or of the spacing too
        found = found[0] + found[1] if name == "einsum" else found[0]
    found = found[0] if isinstance(found, list) else found
    assert onp.allclose(found, wanted, rtol=1e-15)


def test_j_leaves_out_an_argument_that_is_none():
    y, ybar = onp.clip(x, None, 1.0), onp.ones(3)
    xbar, bar_of_bound = j(np.clip)(y, ybar, x, None, 1.0)
    assert xbar.tolist() == [1, 0, 0] and bar_of_bound == 2.0


@pytest.mark.parametrize("f", [np.linalg.norm, np.sum, np.max, np.std, np.prod, np.linalg.det, np.trace])
def test_j_takes_numbers_of_pythons_for_y_and_ybar(f):
    matrix = onp.array([[2.0, 1.0], [0.5, 3.0]])
    y = f(matrix)
    assert onp.allclose(j(f)(float(y), 2.0, matrix), j(f)(y, onp.float64(2.0), matrix), rtol=1e-15)


def test_j_takes_numbers_of_pythons_for_several_outputs():
    assert j(onp.divmod)((2.0, 0.5), (1.0, 3.0), 2.5, 1.0) == (3.0, -6.0)
    assert j(onp.frexp)((0.625, 2), (1.0, None), 2.5) == 0.25
    with pytest.raises(CotangentError, match="divmod has 2 outputs, but ȳ is float"):
        j(onp.divmod)((2.0, 0.5), 1.0, 2.5, 1.0)


@pytest.mark.parametrize("f", [np.multiply, operator.mul])
def test_j_finds_its_arguments_as_grad_does(f):
    assert j(f, -1)(6.0, 1.0, 2.0, 3.0) == 2.0
    assert j(f, (1, 0))(6.0, 1.0, 2.0, 3.0) == (2.0, 3.0)
    with pytest.raises(ArgumentError, match="argnums=2, but .* was called with 2 positional"):
        j(f, 2)(6.0, 1.0, 2.0, 3.0)
    with pytest.raises(ArgumentError, match=r"int, a name or a tuple of them, not 1\.5"):
        j(f, 1.5)
    with pytest.raises(ArgumentError, match="arguments of"):
        j(f)(6.0, 1.0)
    with pytest.raises(ArgumentError, match="j takes a function, but was given float"):
        j(6.0)


@pytest.mark.parametrize("f", [np.exp, np.sum, lambda x: np.exp(x)])
def test_j_refuses_a_cotangent_of_another_shape(f):
    with pytest.raises(CotangentError, match=r"shape \(\d?,?\), but ȳ has shape \(2, 3\)"):
        j(f)(f(x), onp.ones((2, 3)), x)


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

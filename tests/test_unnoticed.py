"""What was broken on purpose without any other test noticing: each property here tells one such change."""

import numpy as onp
import pytest

import funad.numpy as np
from funad import grad, jvp, value_and_grad, vjp

X = onp.array([1.0, 2.0, 3.0])


def test_a_view_that_was_read_sees_a_number_that_is_written_afterwards():
    def f(x):
        array = np.zeros(3)
        array[0] = x[0]
        view = array[1:]
        before = np.sum(view)  # reads the view while it is all zeros
        array[1] = 3 * x[1]
        array[2] = x[2]
        return before + np.sum(view**2)

    value, gradient = value_and_grad(f)(X)
    assert value == 45.0
    onp.testing.assert_array_equal(gradient, [0.0, 36.0, 6.0])


def test_a_view_that_was_read_sees_an_array_that_is_written_afterwards():
    def f(x):
        array = np.zeros(3)
        array[:] = x
        view = array[::-1]
        before = np.sum(view * onp.arange(3))
        array[:2] = 2 * x[1:]
        return before + np.sum(view**2)

    value, gradient = value_and_grad(f)(X)
    assert value == 4.0 + 16 + 36 + 9
    onp.testing.assert_array_equal(gradient, [2.0, 16.0 + 1, 24.0 + 6])


MASKS = {
    "where": lambda x, y: np.where(X > 1, x, y),
    "fmax": lambda x, y: np.fmax(x, 0 * y),
    "a ufunc with where": lambda x, y: np.multiply(x, y, where=X > 1, out=np.zeros(3)),
    "a sum with where": lambda x, y: np.sum(x * y, where=X > 1),
    "nan_to_num": lambda x, y: np.nan_to_num(x * y),
}


@pytest.mark.parametrize("masked", MASKS.values(), ids=MASKS)
def test_a_way_back_that_is_walked_again_adds_nothing_twice(masked):
    """What had been added in place when a rule first masked is there once, in the second walk too."""

    def f(x, bad):
        parts = x * 1.0
        total = 0.0
        for n in range(4):  # four cotangents meet in one slot, before and after the mask
            total = total + np.sum(parts * (n + 1.0))
            if n == 1:
                total = total + np.sum(masked(parts, parts))
        return total + np.sum(np.where(X > 5, parts * bad, 0.0))

    wanted = grad(lambda x: f(x, 1.0))(X)
    found = grad(lambda x: f(x, onp.array([onp.nan, onp.inf, 1.0])))(X)
    onp.testing.assert_allclose(found, wanted)
    step = 1e-6
    slopes = [(f(X + step * e, 1.0) - f(X - step * e, 1.0)) / (2 * step) for e in onp.eye(3)]
    onp.testing.assert_allclose(wanted, slopes, rtol=1e-6)


@pytest.mark.parametrize(
    "f", [np.prod, np.cumprod, np.sort, np.max, np.median, np.std], ids=lambda f: f.__name__
)
def test_a_tangent_of_zero_is_a_strong_zero_beside_nan(f):
    x = onp.array([2.0, onp.nan])
    assert not onp.any(jvp(f, (x,), (onp.zeros(2),))[1])
    assert not onp.any(vjp(f, x)[1](onp.zeros_like(f(x)))), "as in reverse mode"


def test_no_two_gradients_are_one_array():
    for gradient in (
        grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(X, X),
        vjp(lambda a, b: a + b, X, X)[1](onp.ones(3)),
        list(grad(lambda p: np.sum(p["a"] + p["b"]))({"a": X, "b": X}).values()),
    ):
        first, second = gradient
        first += 1
        onp.testing.assert_array_equal(second, onp.ones(3))


def test_a_cotangent_that_is_handed_in_is_not_handed_out():
    ybar = onp.ones(3)
    (xbar,) = [vjp(lambda x: x, X)[1](ybar)]
    xbar += 1
    onp.testing.assert_array_equal(ybar, onp.ones(3))


def test_vjp_uses_the_argument_as_it_was():
    for f in (
        lambda x: np.sum(x**3),
        lambda x: np.sum(np.exp(x) * x),
        lambda x: np.sum(np.reshape(x, 3) * x * x),
    ):
        x = X.copy()
        _, vjp_f = vjp(f, x)
        x[:] = 100.0
        onp.testing.assert_allclose(vjp_f(1.0), grad(f)(X))


@pytest.mark.parametrize("size", [3, 999, 1001, 5000])
@pytest.mark.parametrize("b", [4, 4.0, 3.5, 2.5, -1.5])
def test_powers_at_zeros_and_extremes_are_the_same_in_arrays_of_all_sizes(size, b):
    a = onp.linspace(0.5, 2.0, size)
    a[0] = 0.0 if b > 0 else 1.0
    a[1] = 1e-200 if b == 2.5 else 1e-90
    a[2] = 1e90
    with onp.errstate(all="ignore"):
        found = grad(lambda a: np.sum(a**b))(a)
        wanted = b * a ** (b - 1)
    onp.testing.assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.parametrize("of_b", [lambda b: np.inf**b, lambda b: np.power(onp.array([onp.inf, 2.0]), b)])
def test_a_power_that_is_zero_has_a_slope_of_zero_in_the_exponent(of_b):
    for b in (-1.0, -2.5):
        found = grad(lambda b: np.sum(of_b(b)))(b)
        wanted = (onp.sum(of_b(b + 1e-6)) - onp.sum(of_b(b - 1e-6))) / 2e-6
        assert found == pytest.approx(wanted, rel=1e-6)
        tangent = jvp(lambda b: np.sum(of_b(b)), (b,), (1.0,))[1]
        assert tangent == pytest.approx(wanted, rel=1e-6)
    z = grad(lambda b: np.real(np.power(0j + onp.array([0.0, 2.0]), b)).sum())(2.0)
    assert z == pytest.approx(4 * onp.log(2))

"""The checker itself: rules that are a little wrong must be found."""

import numpy as onp
import pytest

import funad.numpy as np
from funad import defjvp, defvjp, elementwise, primitive
from funad.errors import ArgumentError
from funad.testing import call, check_grads, check_jvp, check_vjp

x = onp.array([0.4, -1.3, 0.9])
matrix = onp.arange(6.0).reshape(2, 3) / 3


def registered(f, *rules, define=defvjp):
    """Return f as a primitive with these rules."""
    f = primitive(f)
    define(f, *rules)
    return f


@pytest.mark.parametrize("factor", [1 + 1e-5, 1 - 1e-5, 1.1, 0.0, -1.0])
def test_a_rule_off_by_a_factor_is_found(factor):
    def tanh(x):
        return onp.tanh(x)

    wrong = registered(tanh, lambda y, ybar, x: factor * ybar * (1 - y * y))
    with pytest.raises(AssertionError, match="the derivative of"):
        check_vjp(wrong, call(x), order=1)


def test_the_right_rule_passes():
    def tanh(x):
        return onp.tanh(x)

    check_vjp(registered(tanh, lambda y, ybar, x: ybar * (1 - y * y)), call(x))


def test_one_wrong_argument_of_two_is_found():
    def product(a, b):
        return a * b

    wrong = registered(product, lambda y, ybar, a, b: ybar * b, lambda y, ybar, a, b: ybar * a * (1 + 1e-5))
    check_vjp(wrong, call(x, x + 1), 0)
    with pytest.raises(AssertionError):
        check_vjp(wrong, call(x, x + 1), 1)


def test_a_wrong_keyword_is_found():
    def scaled(x, factor=1.0):
        return x * factor

    wrong = registered(scaled, lambda y, ybar, x, factor=1.0: ybar)
    check_vjp(wrong, call(x))
    with pytest.raises(AssertionError):
        check_vjp(wrong, call(x, factor=1.00001))


def test_a_rule_that_is_right_at_first_order_only_is_found():
    def square(x):
        return x * x

    wrong = registered(square, lambda y, ybar, x: ybar * 2 * onp.asarray(getattr(x, "primal", x)))
    check_vjp(wrong, call(x), order=1)
    with pytest.raises(AssertionError, match="second derivative"):
        check_vjp(wrong, call(x), order=2)


def test_a_rule_that_is_not_linear_in_the_cotangent_is_found():
    def same(x):
        return x * 1.0

    wrong = registered(same, lambda y, ybar, x: ybar + 1e-5)
    with pytest.raises(AssertionError):
        check_vjp(wrong, call(x), order=1)


def test_a_rule_of_the_wrong_dtype_or_shape_is_found():
    def total(x):
        return onp.sum(x)

    wrong = registered(total, lambda y, ybar, x: ybar * onp.ones((5, 3)))
    with pytest.raises((AssertionError, ValueError)):
        check_vjp(wrong, call(x), order=1)


def test_a_rule_that_writes_to_its_argument_is_found():
    def twice(x):
        return 2 * x

    def writes(y, ybar, x):
        x[0] = 7.0
        return 2 * ybar

    with pytest.raises((AssertionError, ValueError), match="wrote|written|read-only"):
        check_vjp(registered(twice, writes), call(x.copy()), order=1)


def test_an_elementwise_rule_without_its_conjugate_is_found():
    def modulus(x):
        return onp.abs(x)

    z = x + 1j * x[::-1]
    right = registered(modulus, lambda y, ybar, x: ybar * np.conj(x) / y, define=elementwise)
    check_vjp(right, call(z))

    def modulus(x):
        return onp.abs(x)

    wrong = registered(modulus, lambda y, ybar, x: ybar * x / y, define=elementwise)
    with pytest.raises(AssertionError):
        check_vjp(wrong, call(z))


def test_check_grads_finds_a_wrong_forward_rule():
    def cubed(x):
        return x**3

    wrong = registered(cubed, lambda y, ybar, x: 3 * ybar * x**2)
    defjvp(wrong, lambda y, xdot, x: 3.0001 * xdot * x**2)
    check_vjp(wrong, call(x))
    with pytest.raises(AssertionError, match="the forward derivative of"):
        check_grads(wrong, (x,))
    check_grads(wrong, (x,), modes=["rev"])
    with pytest.raises(ArgumentError, match='modes must be of "fwd" and "rev"'):
        check_grads(wrong, (x,), modes="forward")


@pytest.mark.parametrize("check", [check_vjp, check_jvp])
def test_arguments_that_are_no_call_are_asked_for(check):
    said = rf"but was given float64\[3\]; write {check.__name__}\(f, call\(x\)\)"
    with pytest.raises(ArgumentError, match=said):
        check(np.sin, x)


@pytest.mark.parametrize(("at", "found"), [(1.0, "float"), (x, r"float64\[3\]")])
def test_arguments_that_are_no_tuple_are_asked_for(at, found):
    with pytest.raises(ArgumentError, match=rf"was given {found}; write check_grads\(f, \(x,\)\)"):
        check_grads(np.sin, at)


def test_check_grads_takes_functions_containers_and_higher_orders():
    check_grads(lambda p, b: np.sin(p["a"]) * b[0] + p["a"] ** 2, ({"a": x}, [2.0]), order=4)
    with pytest.raises(AssertionError):
        check_grads(lambda a: np.sum(np.floor(a * 1e6) * a), (x,))

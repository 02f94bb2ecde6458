"""Rules of forward mode: they are used, they are right in both modes, and they are checked."""

import ctypes
import ctypes.util

import numpy as onp
import pytest

import funad.numpy as np
from funad import (
    defjvp,
    defvjp,
    defzero,
    elementwise,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    primitive,
    rules,
)
from funad.errors import DuplicateRuleError, MissingRuleError, UnsupportedKeywordError
from funad.testing import call, check_grads, check_jvp, check_vjp

x = onp.array([0.3, -0.7, 1.1])


def scaled_product():
    @primitive
    def product(a, b, *, scale=1.0):
        return onp.sin(a) * b * scale

    defjvp(
        product,
        lambda y, adot, a, b, *, scale=1.0: adot * np.cos(a) * b * scale,
        lambda y, bdot, a, b, *, scale=1.0: np.sin(a) * bdot * scale,
    )
    return product


def test_one_rule_serves_both_modes():
    product = scaled_product()
    for argnum in (0, 1):
        for at in (call(x, x + 1), call(x, 0.7), call(0.7, x, scale=2.0)):
            check_jvp(product, at, argnum)
            check_vjp(product, at, argnum)
    single = x.astype(onp.float32)
    assert grad(lambda v: np.sum(product(v, v)))(single).dtype == onp.float32
    assert jvp(product, (single, single), (single, single))[1].dtype == onp.float32
    assert set(rules()) >= {(product, 0), (product, 1)}


def test_every_order_and_mixture():
    product = scaled_product()
    f = lambda v: np.sum(product(v, v**2, scale=3.0))
    plain = lambda v: np.sum(np.sin(v) * v**2 * 3.0)
    for transform in (
        grad,
        jacfwd,
        jacrev,
        hessian,
        lambda f: lambda v: hvp(f)(v, x),
        lambda f: jacrev(jacfwd(f)),
    ):
        onp.testing.assert_allclose(transform(f)(x), transform(plain)(x), rtol=1e-12)
    onp.testing.assert_allclose(linearize(f, x)[1](x), jvp(plain, (x,), (x,))[1])
    check_grads(product, (0.3, 0.7), order=3)


def test_the_rule_is_what_forward_mode_calls():
    calls = []

    @primitive
    def f(x):
        return x**2

    defvjp(f, lambda y, ybar, x: calls.append("back") or ybar * 2 * x)
    defjvp(f, lambda y, xdot, x: calls.append("forward") or xdot * 2 * x)
    assert jvp(f, (3.0,), (1.0,)) == (9.0, 6.0) and grad(f)(3.0) == 6.0
    assert calls == ["forward", "back"]


def test_a_rule_of_reverse_mode_by_hand_takes_the_place_of_the_derived_one():
    @primitive
    def f(x):
        return x**2

    defjvp(f, lambda y, xdot, x: xdot * 2 * x)
    assert grad(f)(3.0) == 6.0
    defvjp(f, lambda y, ybar, x: ybar * 200 * x)
    assert grad(f)(3.0) == 600.0 and jvp(f, (3.0,), (1.0,))[1] == 6.0
    with pytest.raises(DuplicateRuleError, match="argument 0 already"):
        defvjp(f, lambda y, ybar, x: ybar)
    with pytest.raises(DuplicateRuleError, match="forward rule for argument 0 already"):
        defjvp(f, lambda y, xdot, x: xdot)


def test_several_results_and_lists_of_arrays():
    @primitive
    def both(x):
        return onp.sin(x), 3, onp.cos(x)

    defjvp(both, lambda y, xdot, x: (xdot * both(x)[2], None, -xdot * both(x)[0]))
    f = lambda v: both(v)[0] * both(v)[2] ** 2
    check_jvp(f, call(x))
    check_vjp(f, call(x))
    assert both(1.0)[1] == 3

    def total(xs, w):
        return xs[0] * w + xs[1]

    total = primitive(total, containers=(0,))
    defjvp(total, lambda y, dots, xs, w: dots[0] * w + dots[1], lambda y, wdot, xs, w: xs[0] * wdot)
    g = lambda a, b: total([a, x], b) * total([b, a], a)
    for argnum in (0, 1):
        check_jvp(g, call(x, x + 1), argnum)
        check_vjp(g, call(x, x + 1), argnum)


def test_a_keyword_that_a_rule_does_not_name_is_refused():
    @primitive
    def f(x, power=2, extra=None):
        return x**power

    defjvp(f, lambda y, xdot, x, power=2: xdot * power * x ** (power - 1))
    assert grad(f)(3.0, power=3) == 27.0
    for run in (lambda: grad(f)(3.0, extra=1), lambda: jvp(lambda v: f(v, extra=1), (3.0,), (1.0,))):
        with pytest.raises(UnsupportedKeywordError, match="'extra'"):
            run()


def test_what_has_no_rule_is_refused():
    @primitive
    def f(a, b):
        return a * b

    defjvp(f, lambda y, adot, a, b: adot * b)
    assert jvp(lambda a: f(a, 2.0), (3.0,), (1.0,))[1] == 2.0
    with pytest.raises(MissingRuleError, match="argument 1"):
        jvp(f, (3.0, 2.0), (1.0, 1.0))
    with pytest.raises(MissingRuleError, match=r"funad\.primitive first"):
        defjvp(lambda x: x, lambda y, xdot, x: xdot)


def test_functions_that_need_none_refuse_it():
    @primitive
    def f(x):
        return x

    @primitive
    def g(x):
        return x

    elementwise(f, lambda y, ybar, x: ybar)
    defzero(g)
    for h in (f, g):
        with pytest.raises(DuplicateRuleError, match="serve both modes"):
            defjvp(h, lambda y, xdot, x: xdot)


def test_a_wrong_rule_is_found_out():
    @primitive
    def f(x):
        return onp.sin(x)

    defjvp(f, lambda y, xdot, x: 1.0001 * xdot * np.cos(x))
    for check in (check_jvp, check_vjp):
        with pytest.raises(AssertionError, match="derivative of"):
            check(f, call(x))


def test_a_compiled_function_and_a_method():
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    libm.lgamma.restype, libm.lgamma.argtypes = ctypes.c_double, [ctypes.c_double]
    libm.tgamma.restype, libm.tgamma.argtypes = ctypes.c_double, [ctypes.c_double]

    class Special:
        sign = -1.0

        @primitive
        def beta(self, a, b, *, scale=1.0):
            return self.sign * scale * libm.tgamma(a) * libm.tgamma(b) / libm.tgamma(a + b)

    def digamma(v, h=1e-4):
        d = lambda h: (libm.lgamma(v + h) - libm.lgamma(v - h)) / (2 * h)
        return (4 * d(h) - d(2 * h)) / 3

    defjvp(
        Special.beta,
        lambda y, adot, self, a, b, *, scale=1.0: adot * y * (digamma(a) - digamma(a + b)),
        lambda y, bdot, self, a, b, *, scale=1.0: bdot * y * (digamma(b) - digamma(a + b)),
        argnums=(1, 2),
    )
    beta = Special().beta
    check_jvp(beta, call(1.5, 2.5, scale=2.0), 0)
    check_vjp(beta, call(1.5, 2.5), 1, order=1)
    slopes = grad(beta, (0, 1))(1.5, 2.5)
    tangent = jvp(beta, (1.5, 2.5), (2.0, -1.0))[1]
    assert tangent == pytest.approx(2 * slopes[0] - slopes[1], rel=1e-12)

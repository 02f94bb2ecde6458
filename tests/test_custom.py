"""Checkpoints, backward passes of the user's own, differences of black boxes, taps."""

import ctypes
import ctypes.util
import math

import numpy as onp
import pytest

import funad.numpy as np
from funad import (
    checkpoint,
    custom_vjp,
    defvjp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    numerical,
    primitive,
    stop_gradient,
    tap,
    value,
    vjp,
)
from funad.errors import ArgumentError
from funad.testing import call, check_jvp, check_vjp

from .memory import peak_memory

x = onp.array([0.3, -0.7, 1.1])


# --- checkpoint


def layers(v, n=5):
    for _ in range(n):
        v = np.sin(v) * 1.1 + v[::-1] * 0.2
    return v


def test_checkpoints_change_no_derivative():
    f = lambda v: np.sum(layers(v) ** 2)
    g = lambda v: np.sum(checkpoint(layers)(v) ** 2)
    for transform in (
        grad,
        jacfwd,
        lambda f: lambda v: hvp(f)(v, x),
        lambda f: grad(lambda v: np.sum(grad(f)(v) ** 2)),
    ):
        onp.testing.assert_allclose(transform(g)(x), transform(f)(x), rtol=1e-12)
    assert jvp(g, (x,), (x,))[1] == pytest.approx(jvp(f, (x,), (x,))[1])
    assert checkpoint(layers)(x).tolist() == layers(x).tolist()


def test_checkpoints_of_containers_keywords_and_closures():
    @checkpoint
    def f(p, *, k, name):
        return {"y": p["a"] * k * outer[0], "name": name}

    def g(a, b):
        outer[:] = [2.0]
        return f({"a": a}, k=b, name="n")["y"]

    outer = [2.0]
    assert grad(g, (0, 1))(3.0, 5.0) == (10.0, 6.0)


def test_nested_checkpoints():
    def halves(v, n):
        if n == 1:
            return np.sin(v)
        half = checkpoint(halves)
        return half(half(v, n // 2), n - n // 2)

    def plain(v):
        for _ in range(13):
            v = np.sin(v)
        return v

    assert grad(lambda v: halves(v, 13))(0.8) == pytest.approx(grad(plain)(0.8), rel=1e-13)


def test_a_checkpoint_runs_its_function_twice():
    runs = []

    @checkpoint
    def f(v):
        runs.append(1)
        return np.sin(v)

    grad(f)(1.0)
    assert len(runs) == 2


@pytest.mark.parametrize("transform", [grad, hessian, lambda f: lambda x: jvp(grad(f), (x,), (x,))])
def test_a_checkpoint_refuses_to_write_into_an_argument(transform):
    @checkpoint
    def f(v):
        v **= 2
        return np.sum(v * v)

    @checkpoint
    def with_a_copy(v):
        v = np.copy(v)
        v **= 2
        return np.sum(v * v)

    x = onp.array([1.0, 2.0, 3.0])
    with pytest.raises(
        ArgumentError, match="f wrote into an argument, but the way back needs what was there"
    ):
        transform(f)(x)
    assert x.tolist() == [1, 2, 3]
    assert grad(with_a_copy)(x).tolist() == [4, 32, 108]


def test_a_forward_function_refuses_to_write_into_an_argument():
    def forward(v):
        kept = v.copy()
        v *= 2
        return np.sum(v * v), kept

    def of_two(v, w):
        v *= 2
        return np.sum(v * w), (v, w)

    alone = custom_vjp(lambda v: np.sum(4 * v * v), forward, lambda kept, ybar: 8 * kept * ybar)
    pair = custom_vjp(
        lambda v, w: np.sum(2 * v * w), of_two, lambda kept, ybar: (ybar * kept[1], ybar * kept[0])
    )
    v = onp.array([1.0, 2.0, 3.0])
    for f in (alone, lambda v: alone(np.exp(v)), lambda v: pair(v, v)):
        with pytest.raises(ArgumentError, match="wrote into an argument, but .*; start .* with a copy"):
            grad(f)(v)
    assert v.tolist() == [1, 2, 3]


def test_a_forward_function_may_return_its_argument():
    same = custom_vjp(lambda v: v, lambda v: (v, None), lambda _, ybar: 3 * ybar)
    v = onp.array([1.0, 2.0])
    y, vjp_f = vjp(same, v)
    y += 1.0
    assert vjp_f(onp.ones(2)).tolist() == [3, 3] and v.tolist() == [1, 2]


def test_a_checkpoint_returns_arrays_that_can_be_written_to():
    y, vjp_f, aux = vjp(lambda v: (v * 2.0, checkpoint(lambda v: v)(v)), onp.ones(3), has_aux=True)
    y += 1.0
    aux += 1.0
    assert vjp_f(onp.ones(3)).tolist() == [2, 2, 2]


def test_memory_of_a_recurrence_falls_to_about_its_square_root():
    big = onp.ones(20_000)

    def steps(v, n):
        for _ in range(n):
            v = np.tanh(v * 1.01)
        return v

    def in_segments(v):
        for _ in range(32):
            v = checkpoint(steps)(v, 32)
        return np.sum(v)

    linear = peak_memory(lambda: grad(lambda v: np.sum(steps(v, 1024)))(big))
    root = peak_memory(lambda: grad(in_segments)(big))
    # 1,024 states of 160 kB, against 32 kept and 32 computed again at a time.
    assert linear > 1000 * big.nbytes
    assert root < 110 * big.nbytes


# --- rules with residuals


def forward(v, w):
    e = np.exp(v["a"])
    return {"y": e * w, "z": w}, (e, w)


def backward(residuals, ybar):
    e, w = residuals
    return {"a": ybar["y"] * e * w}, ybar["y"] * e + ybar["z"]


def test_a_backward_pass_with_residuals():
    f = custom_vjp(lambda v, w: forward(v, w)[0], forward, backward)
    plain = lambda v, w: forward(v, w)[0]
    total = lambda f: lambda a, w: np.sum(f({"a": a}, w)["y"] * 2 + f({"a": a}, w)["z"])
    for argnum in (0, 1):
        onp.testing.assert_allclose(grad(total(f), argnum)(x, x + 1), grad(total(plain), argnum)(x, x + 1))
        second = lambda g: grad(lambda *xs: np.sum(grad(g, argnum)(*xs) ** 2), argnum)
        onp.testing.assert_allclose(second(total(f))(x, x + 1), second(total(plain))(x, x + 1))
    assert jvp(total(f), (x, x), (x, x))[1] == pytest.approx(jvp(total(plain), (x, x), (x, x))[1])
    assert f({"a": 0.0}, 2.0) == {"y": 2.0, "z": 2.0}


def test_a_backward_pass_may_lie():
    clipped = custom_vjp(lambda v: v, lambda v: (v, None), lambda _, ybar: np.clip(ybar, -1, 1))
    assert grad(lambda v: 10 * clipped(v))(1.0) == 1.0


def test_a_backward_pass_of_the_wrong_length_is_refused():
    f = custom_vjp(lambda a, b: a * b, lambda a, b: (a * b, None), lambda _, ybar: ybar)
    with pytest.raises(ArgumentError, match="tuple of 2 cotangents"):
        grad(f)(1.0, 2.0)


def test_none_is_a_zero_cotangent():
    f = custom_vjp(lambda a, b: a * b, lambda a, b: (a * b, b), lambda b, ybar: (ybar * b, None))
    assert grad(f, (0, 1))(2.0, 3.0) == (3.0, 0.0)


# --- primitives of the user's own


def test_a_method_as_a_primitive():
    class Spring:
        def __init__(self, stiffness):
            self.stiffness = stiffness

        @primitive
        def energy(self, x, *, factor=1.0):
            return factor * self.stiffness * x**2 / 2

    defvjp(
        Spring.energy,
        lambda y, ybar, self, x, *, factor=1.0: ybar * factor * self.stiffness * x,
        argnums=(1,),
    )
    spring = Spring(4.0)
    assert grad(spring.energy)(3.0) == 12.0 and grad(spring.energy)(3.0, factor=2.0) == 24.0
    assert grad(grad(spring.energy))(3.0) == 4.0


def test_a_primitive_with_several_outputs():
    @primitive
    def both(x):
        return onp.sin(x), onp.cos(x)

    defvjp(both, lambda y, ybar, x: ybar[0] * both(x)[1] - ybar[1] * both(x)[0])
    f = lambda x: both(x)[0] * both(x)[1] ** 2
    wanted = lambda x: np.sin(x) * np.cos(x) ** 2
    assert grad(f)(0.7) == pytest.approx(grad(wanted)(0.7))
    assert grad(grad(f))(0.7) == pytest.approx(grad(grad(wanted))(0.7))
    assert jvp(both, (0.7,), (1.0,))[1] == pytest.approx((onp.cos(0.7), -onp.sin(0.7)))
    check_vjp(both, call(x))
    check_jvp(both, call(x))


def test_a_compiled_function_as_a_primitive():
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    libm.erf.restype, libm.erf.argtypes = ctypes.c_double, [ctypes.c_double]

    @primitive
    def erf(x):
        return libm.erf(x)

    defvjp(erf, lambda y, ybar, x: ybar * 2 / math.sqrt(math.pi) * np.exp(-(x**2)))
    check_vjp(erf, call(0.3))


# --- black boxes


def test_a_black_box_is_differentiated_numerically():
    f = numerical(lambda v, s: {"y": onp.sin(onp.asarray(v)) * s, "n": math.exp(s)})
    total = lambda v, s: np.sum(f(v, s)["y"] ** 2) + f(v, s)["n"]
    plain = lambda v, s: np.sum((np.sin(v) * s) ** 2) + np.exp(s)
    for argnum in (0, 1):
        onp.testing.assert_allclose(grad(total, argnum)(x, 0.7), grad(plain, argnum)(x, 0.7), rtol=1e-7)
        onp.testing.assert_allclose(jacfwd(total, argnum)(x, 0.7), grad(plain, argnum)(x, 0.7), rtol=1e-7)
    assert f(x, 0.7)["n"] == math.exp(0.7)


def test_the_order_and_the_step_of_numerical():
    errors = [
        abs(grad(numerical(math.sin, step, order))(0.7) - math.cos(0.7))
        for step, order in ((1e-2, 2), (1e-2, 4), (None, 2), (None, 4))
    ]
    assert errors[0] > 1e-6 > errors[1] > errors[3] and errors[2] < 1e-9 and errors[3] < 1e-11
    with pytest.raises(ArgumentError):
        numerical(math.sin, order=3)
    with pytest.raises(ArgumentError):
        numerical(math.sin, step=-1.0)


def test_a_black_box_may_write_into_its_arguments():
    def f(v, w):
        v *= w
        w *= 2.0
        return v.sum() * w[0]

    x, w = onp.array([1.0, 2.0]), onp.array([3.0, 4.0])
    slopes = grad(numerical(f), (0, 1))(x, w)
    assert x.tolist() == [1, 2] and w.tolist() == [3, 4]
    onp.testing.assert_allclose(slopes[0], [18, 24], rtol=1e-7)
    onp.testing.assert_allclose(slopes[1], [28, 12], rtol=1e-7)


def test_numerical_can_be_differentiated_again():
    f = numerical(lambda v: math.sin(v), 1e-3, 4)
    assert grad(grad(f))(0.7) == pytest.approx(-math.sin(0.7), abs=1e-6)


# --- taps and values


def test_taps_see_and_replace_cotangents():
    seen = []
    assert grad(lambda v: tap(v * 3, seen.append) ** 2)(1.0) == 18.0 and seen == [6.0]
    assert grad(lambda v: tap(v * 3, lambda ybar: ybar / 2) ** 2)(1.0) == 9.0
    gradient = grad(lambda p: tap(p, lambda bar: {"a": bar["a"] * 0, "b": bar["b"]})["a"] * p["b"])
    assert gradient({"a": 2.0, "b": 3.0}) == {"a": 0.0, "b": 2.0}
    assert tap(3.0, print) == 3.0


def test_value_and_stop_gradient_through_levels_and_containers():
    seen = []

    def f(v):
        return grad(lambda w: seen.append(value({"w": [w], "v": v})) or w * v)(2.0)

    assert grad(f)(3.0) == 1.0
    assert seen == [{"w": [2.0], "v": 3.0}]
    assert jacrev(lambda v: stop_gradient((v,))[0] * v)(x).diagonal().tolist() == x.tolist()


@pytest.mark.parametrize("at", [1.5, onp.float64(1.5), x, x.astype("f4"), x + 2j, onp.ones((300, 30))])
def test_a_backward_pass_of_ones_own_takes_numbers_and_arrays(at):
    f = custom_vjp(lambda x: x * x, lambda x: (x * x, x), lambda x, ybar: 2 * x * ybar)
    of = lambda g: lambda x: np.real(np.sum(g(x) * 3))
    found = grad(of(f))(at)
    onp.testing.assert_allclose(found, grad(of(lambda x: x * x))(at), rtol=1e-6)
    assert getattr(found, "dtype", float) == getattr(at, "dtype", float)
    assert type(found) is type(grad(of(lambda x: x * x))(at))


def test_a_backward_pass_of_ones_own_may_return_containers_filled_arrays_and_whole_numbers():
    def pair(x):
        out = np.zeros(3)
        out[1] = x[0] ** 2
        return out

    f = custom_vjp(pair, lambda x: (pair(x), x), lambda x, ybar: onp.array([2 * x[0] * ybar[1], 0.0, 0.0]))
    onp.testing.assert_allclose(grad(lambda v: np.sum(f(v) * v))(x), grad(lambda v: np.sum(pair(v) * v))(x))
    seen = []
    forward = lambda v: (seen.append(1), ((v, v * 2), None))[1]
    two = custom_vjp(lambda v: (v, v * 2), forward, lambda r, ybar: ybar[0] + 2 * ybar[1])
    onp.testing.assert_allclose(grad(lambda v: np.sum(two(v)[0] * two(v)[1]))(x), 4 * x)
    assert len(seen) == 2  # once per call
    whole = custom_vjp(lambda v: onp.round(v), lambda v: (onp.round(v).astype(int), None), lambda r, y: None)
    onp.testing.assert_array_equal(grad(lambda v: np.sum(v * whole(v)))(x), [0, -1, 1])

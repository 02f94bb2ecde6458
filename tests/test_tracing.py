"""Tapes and levels: nesting, exceptions, long loops, threads, leaks."""

import gc
import math
import os
import sys
import threading
import weakref

import numpy as onp
import pytest

import funad.numpy as np
from funad import elementwise, grad, primitive, value_and_grad, vjp
from funad.boxes import Box
from funad.errors import EndedTraceError
from funad.traces.reverse import Tape

from .support import trace


@pytest.mark.parametrize("order", range(1, 7))
def test_nested_gradients_to_any_order(order):
    f = np.sin
    for _ in range(order):
        f = grad(f)
    wanted = [onp.sin, onp.cos, lambda x: -onp.sin(x), lambda x: -onp.cos(x)][order % 4]
    assert f(0.7) == pytest.approx(wanted(0.7), rel=1e-13)


# The classic cases: Siskind and Pearlmutter (2005), "Perturbation confusion and referential
# transparency"; Manzyuk et al. (2019), "Perturbation confusion in forward automatic differentiation
# of higher-order functions".


def test_inner_gradient_does_not_see_the_outer_perturbation():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0


def test_inner_gradient_of_a_product_with_the_outer_variable():
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0


def test_inner_gradient_at_the_outer_variable():
    assert grad(lambda x: grad(lambda y: x * y**2)(x))(3.0) == 12.0


def test_three_levels_of_closures():
    f = lambda x: grad(lambda y: grad(lambda z: x * y * z * z)(y))(x)
    # ∂/∂z xyz² at z = y: 2xy²; ∂/∂y at y = x: 4xy = 4x²; ∂/∂x: 8x
    assert grad(f)(1.5) == 12.0


def test_a_shift_operator_of_higher_order_is_not_confused():
    shift = lambda offset: lambda f: lambda x: f(x + offset)
    derivative_of_shift = grad(lambda offset: shift(offset)(lambda x: grad(lambda y: y**3)(x))(2.0))
    assert derivative_of_shift(0.0) == 12.0


def test_curried_functions_of_two_levels():
    f = lambda x: lambda y: x**2 * y**3
    assert grad(lambda x: grad(f(x))(2.0))(3.0) == 72.0


def test_inner_gradient_of_what_only_depends_on_the_outer():
    assert grad(lambda x: grad(lambda y: x**2)(1.0) + x)(3.0) == 1.0


def test_vjp_inside_of_grad_and_grad_through_a_cotangent():
    assert grad(lambda x: vjp(lambda y: y**2, x)[1](x))(3.0) == 12.0
    assert grad(lambda v: vjp(lambda y: y**2, 3.0)[1](v))(5.0) == 6.0


def test_value_and_grad_inside_of_grad():
    def f(x):
        value, slope = value_and_grad(lambda y: y**3)(x)
        return value * slope

    assert grad(f)(2.0) == pytest.approx(15 * 2.0**4)


def test_mixed_levels_in_arrays():
    def f(x):
        inner = grad(lambda y: np.sum(np.sin(x * y) * y))(np.ones(3))
        return np.sum(inner * x)

    x, h = onp.array([0.1, 0.5, -0.3]), 1e-6
    numeric = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in onp.eye(3)]
    assert onp.allclose(grad(f)(x), numeric, rtol=1e-7)


def test_each_trace_takes_a_higher_level():
    first, second = Tape(0), Tape(0)
    assert second.level > first.level


def test_an_exception_leaves_nothing_behind():
    kept = []

    def fails(x):
        kept.append(x)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        grad(fails)(1.0)
    with pytest.raises(EndedTraceError):
        kept[0] * 2
    assert grad(lambda x: grad(lambda y: y * x)(2.0) * x)(3.0) == 6.0


def test_a_box_that_outlives_its_trace_is_refused():
    kept = []
    grad(lambda x: kept.append(x) or x**2)(3.0)
    with pytest.raises(EndedTraceError, match="has_aux"):
        np.sin(kept[0])
    with pytest.raises(EndedTraceError):
        grad(lambda x: x * kept[0])(1.0)


def test_a_loop_of_a_million_operations_differentiates():
    def f(x):
        for _ in range(500_000):
            x = x * 0.999999 + 1e-7
        return x

    assert grad(f)(1.0) == pytest.approx(0.999999**500_000, rel=1e-9)


def test_depth_is_not_limited_by_recursion():
    limit = sys.getrecursionlimit()

    def f(x):
        for _ in range(10 * limit):
            x = np.sin(x)
        return x

    assert math.isfinite(grad(f)(1.0))


def test_indexing_in_a_loop_makes_one_buffer():
    x = onp.linspace(0, 1, 3000)

    def f(x):
        total = 0.0
        for n in range(len(x)):
            total = total + x[n] * x[n]
        return total

    assert onp.allclose(grad(f)(x), 2 * x)


def test_indexing_in_a_loop_to_second_order():
    x = onp.linspace(0, 1, 20)

    def f(x):
        total = 0.0
        for n in range(len(x)):
            total = total + x[n] ** 3
        return total

    assert onp.allclose(grad(lambda x: np.sum(grad(f)(x)))(x), 6 * x)


def test_gradients_in_many_threads_equal_those_in_one():
    def f(x, k):
        for _ in range(50):
            x = np.sin(x) * k + grad(lambda y: np.sum(y * x))(1.0)
        return np.sum(x)

    inputs = [(onp.linspace(0, 1, 4) + n, 0.1 * n) for n in range(24)]
    wanted = [grad(f)(*args) for args in inputs]
    found = [None] * len(inputs)

    def work(first):
        for n in range(first, len(inputs), 8):
            found[n] = grad(f)(*inputs[n])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert all(onp.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


class Tracked(onp.ndarray):
    """An array that can be watched by weak references."""


def test_the_tape_of_a_gradient_is_freed_without_the_garbage_collector():
    kept = []

    def f(x):
        y = np.sin(x)
        kept.append(weakref.ref(y.tape))
        return y * y

    class WatchedTape(Tape):
        __slots__ = ("__weakref__",)

    import funad.transforms.calls

    original, funad.transforms.calls.Tape = funad.transforms.calls.Tape, WatchedTape
    gc.disable()
    try:
        grad(f)(1.0)
        assert kept[0]() is None
    finally:
        gc.enable()
        funad.transforms.calls.Tape = original


@pytest.mark.skipif(os.environ.get("FUNAD_FAST") == "0", reason="it is about time and memory")
def test_the_number_of_objects_that_the_collector_sees_does_not_grow_with_the_tape():
    def f(n):
        def run(boxes):
            x = boxes[0]
            for _ in range(n):
                x = x * 0.5 + 1.0
            seen.append(len(gc.get_objects()))
            return x

        return run

    seen = []
    gc.collect()
    for n in (10, 10_000):
        trace(f(n), [1.0])
    assert seen[1] - seen[0] < 100


def test_large_arrays_that_no_rule_reads_are_let_go():
    x = onp.ones(100_000)

    def f(boxes):
        y = boxes[0] * 1.0
        held = weakref.ref(y.primal)
        z = np.sum(y + 1.0)
        del y
        return held, z

    (held, _), tape = trace(f, [x])
    # The product keeps its output for no one, the sum and the addition ask for shapes only.
    assert held() is None and len(tape.entries) > 0


def test_what_rules_read_is_kept():
    x = onp.linspace(0, 1, 100_000)
    assert onp.allclose(grad(lambda x: np.sum(np.tanh(x * 2) * np.exp(x)))(x)[:3], _reference(x)[:3])


def _in_a_loop(y, ybar, a, b):
    total = 0.0
    for part in (ybar,):
        total = total + b * part
    return total


# Each reads b in another way; Python compiles these to other instructions, and fuses some of them.
READING = {
    "a product": lambda y, ybar, a, b: ybar * b,
    "a comprehension": lambda y, ybar, a, b: sum([b * part for part in [ybar]]),
    "a generator": lambda y, ybar, a, b: sum(b * part for part in [ybar]),
    "a name given on the way": lambda y, ybar, a, b: (part := ybar) * 0 + b * part,
    "a function inside": lambda y, ybar, a, b: (lambda part: b * part)(ybar),
    "a default of one": lambda y, ybar, a, b: (lambda part, b=b: b * part)(ybar),
    "a condition": lambda y, ybar, a, b: b * ybar if a is not None else ybar,
    "locals": lambda y, ybar, a, b: locals()["b"] * ybar,
    "unpacked": lambda y, ybar, a, b: np.multiply(*(b, ybar)),
    "a loop": _in_a_loop,
}


@pytest.mark.parametrize("how", READING)
def test_what_a_rule_reads_is_kept_however_it_reads_it(how):
    @primitive
    def product(a, b):
        return a * b

    elementwise(product, READING[how], lambda y, ybar, a, b: a * ybar)
    a, b = onp.linspace(0, 1, 10_000), onp.linspace(1, 2, 10_000)
    assert onp.array_equal(grad(lambda a: np.sum(product(a, b)))(a), b)
    assert onp.array_equal(grad(lambda a, b: np.sum(product(a, b)), argnums=(0, 1))(a, b)[0], b)


def _reference(x):
    return 2 * (1 - onp.tanh(2 * x) ** 2) * onp.exp(x) + onp.tanh(2 * x) * onp.exp(x)


def test_boxes_know_their_trace_and_place():
    (box, y), tape = trace(lambda boxes: (boxes[0], boxes[0] * 2), [3.0])
    assert type(box) is Box and box.tape is tape and box.index == 1 and y.primal == 6.0


def test_infinite_cotangents_of_both_signs_add_up_to_nan():
    for zero in (0.0, onp.float64(0.0), onp.zeros(3), onp.zeros((1, 3))):
        with onp.errstate(divide="ignore", invalid="ignore"):
            found = grad(lambda x: np.sum(np.log(x) - np.log(x)))(zero)
            thrice = grad(lambda x: np.sum(np.log(x) - np.log(x) + np.log(x)))(zero)
            summed = grad(lambda x: np.sum(np.log(x + onp.zeros((2, 3))) * onp.array([[1.0], [-1.0]])))(zero)
        assert onp.isnan(found).all() and onp.isnan(thrice).all() and onp.isnan(summed).all()


def test_missing_data_behind_a_mask_do_not_reach_the_parameters():
    data = onp.array([[1.0, 2.0], [onp.nan, 3.0], [4.0, onp.inf], [2.0, 1.0]])
    theta, kept = onp.array([0.5, -1.0]), [0, 3]
    whole = onp.isfinite(data).all(axis=1)

    def loss(theta, product):
        with onp.errstate(invalid="ignore"):
            return np.sum(np.where(whole, product(data, theta) ** 2, 0.0))

    for product in (
        np.matmul,
        np.dot,
        lambda a, b: np.einsum("ij,j->i", a, b),
        lambda a, b: np.sum(a * b, axis=1),
        lambda a, b: (a @ b[:, None])[:, 0],
        lambda a, b: np.inner(b, a),
    ):
        gradient = grad(loss)(theta, product)
        onp.testing.assert_allclose(gradient, 2 * data[kept].T @ (data[kept] @ theta))
    # What is not masked has a right to be nan.
    with onp.errstate(invalid="ignore"):
        exposed = grad(lambda theta: np.sum(np.where([True, True, False, True], data @ theta, 0)))(theta)
    assert onp.isnan(exposed[0]) and exposed[1] == 6.0

"""checkpoint of functions that close over traced values, in every mode and at every level."""

import functools
import itertools
from types import SimpleNamespace

import numpy as onp
import pytest

import funad.numpy as np
from funad import (
    checkpoint,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    tree,
    value_and_grad,
    vhp,
    vjp,
)
from funad.errors import ArgumentError, EndedTraceError
from funad.traces import reverse

from .memory import peak_memory

x = onp.array([0.3, -0.7, 1.1])
P = {"w": x, "b": 0.5}
ALONG = {"w": onp.array([1.0, 0.5, -2.0]), "b": 0.7}


class Layer:
    def __init__(self, w):
        self.w = w

    def __call__(self, h):
        return np.tanh(self.w * h)

    def both(self, h):
        return {"y": np.cos(self.w * h), "n": 3, "s": np.sum(self.w) * h}


def in_a_cell(p, wrap):
    return np.sum(wrap(lambda h: np.tanh(p["w"] * h + p["b"]))(2 * p["w"]))


def in_a_default(p, wrap):
    return np.sum(wrap(lambda h, w=p["w"]: np.tanh(w * h))(2 * p["w"]))


def in_a_partial(p, wrap):
    return np.sum(wrap(functools.partial(lambda w, h: np.tanh(w * h), p["w"]))(p["b"]))


def in_an_object(p, wrap):
    return np.sum(wrap(Layer(p["w"]))(2 * p["w"]))


def in_self(p, wrap):
    found = wrap(Layer(p["w"]).both)(2 * p["w"])
    return np.sum(found["y"] * found["s"]) * found["n"]


GLOBAL = SimpleNamespace()


def in_a_global(p, wrap):
    GLOBAL.w = p["w"]
    return np.sum(wrap(lambda h: GLOBAL.w * h**2 + np.sum(GLOBAL.w))(p["b"] * 1.5))


def with_plain_arguments(p, wrap):
    h = onp.array([1.0, 2.0, 3.0])
    for _ in range(3):
        h = wrap(lambda h: np.tanh(p["w"] * h + p["b"]) + h)(h)
    return np.sum(h**2)


def nested(p, wrap):
    def outer(h):
        return wrap(lambda h: np.sin(p["w"] * h))(h) * p["b"] + wrap(lambda t: t * p["w"])(h)

    return np.sum(wrap(outer)(p["w"] * 2) ** 2)


def the_argument_itself(p, wrap):
    return np.sum(wrap(lambda t, u: t * u * p["w"])(p["w"], p["w"]))


def returned_as_it_is(p, wrap):
    return np.sum(wrap(lambda t: (p["w"], t, t * p["w"]))(p["w"])[0] ** 2 * wrap(lambda t: p["w"])(p["b"]))


def around_an_inner_gradient(p, wrap):
    inner = lambda t: grad(lambda u: np.sum(np.sin(u * p["w"]) ** 2))(t)
    return np.sum(wrap(inner)(p["w"] * 2) ** 2)


def inside_of_an_inner_gradient(p, wrap):
    return np.sum(grad(lambda u: np.sum(wrap(lambda t: np.sin(t * p["w"]) ** 2)(u)))(x) ** 2)


def of_an_inner_trace(p, wrap):
    return np.sum(grad(lambda u: np.sum(wrap(lambda t: np.sin(t * u) ** 2)(p["w"])))(x) ** 2)


def of_two_traces(p, wrap):
    return np.sum(
        grad(lambda u: np.sum(wrap(lambda t: np.sin(t * u * p["w"]) ** 2)(u * p["b"])))(p["w"]) ** 2
    )


def inside_of_an_inner_tangent(p, wrap):
    f = lambda u: wrap(lambda t: np.sin(t * u * p["w"]) ** 2)(u * p["b"])
    return np.sum(jvp(f, (p["w"],), (x,))[1] ** 2)


def in_an_array_that_is_filled(p, wrap):
    a = np.zeros(3)
    a[0] = p["b"]
    a[1:] = p["w"][:2] ** 2
    return np.sum(wrap(lambda h: h * a + a[0])(p["w"]))


def filled_inside(p, wrap):
    def f(h):
        a = np.zeros(3)
        a[:] = h
        a[1] *= p["b"]
        a[0] = p["w"][2]
        return a

    return np.sum(wrap(f)(p["w"]) ** 3)


def with_keywords_and_containers(p, wrap):
    f = lambda d, *, k: {"y": d["h"] * p["w"] * k, "name": "s"}
    return np.sum(wrap(f)({"h": p["w"], "c": 1}, k=p["b"])["y"] ** 2)


def of_large_arrays(p, wrap):
    B = onp.arange(600.0).reshape(200, 3) * 0.01
    return np.sum(np.tanh(wrap(lambda t: (B * t) @ p["w"])(p["w"])))


def of_linear_algebra(p, wrap):
    A = np.eye(3) * 3 + np.outer(p["w"], p["w"])
    return np.sum(wrap(lambda b: np.linalg.solve(A, b))(p["w"]) ** 2) * p["b"]


LOSSES = [
    in_a_cell, in_a_default, in_a_partial, in_an_object, in_self, in_a_global, with_plain_arguments, nested,
    the_argument_itself, returned_as_it_is, around_an_inner_gradient, inside_of_an_inner_gradient,
    of_an_inner_trace, of_two_traces, inside_of_an_inner_tangent, in_an_array_that_is_filled, filled_inside,
    with_keywords_and_containers, of_large_arrays, of_linear_algebra,
]  # fmt: skip
MODES = {
    "grad": lambda f: grad(f)(P),
    "value_and_grad": lambda f: value_and_grad(f)(P),
    "vjp": lambda f: vjp(f, P)[1](1.5),
    "jvp": lambda f: jvp(f, (P,), (ALONG,)),
    "jacfwd": lambda f: jacfwd(f)(P),
    "linearize": lambda f: linearize(f, P)[1](ALONG),
    "hessian": lambda f: hessian(f)(P),
    "hvp": lambda f: hvp(f)(P, ALONG),
    "vhp": lambda f: vhp(f)(P, ALONG),
    "jacrev of grad": lambda f: jacrev(grad(f))(P),
    "linearize of grad": lambda f: linearize(grad(f), P)[1](ALONG),
    "grad of jvp": lambda f: grad(lambda p: jvp(f, (p,), (ALONG,))[1])(P),
    "grad of hvp": lambda f: grad(lambda p: np.sum(hvp(f)(p, ALONG)["w"] ** 2))(P),
}


@pytest.mark.parametrize("transform", MODES.values(), ids=MODES)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_what_a_checkpoint_closes_over_has_its_derivative(loss, transform):
    found = transform(lambda p: loss(p, checkpoint))
    wanted = transform(lambda p: loss(p, lambda f: f))
    for a, b in zip(tree.flatten(found)[0], tree.flatten(wanted)[0], strict=True):
        onp.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("at", [x.astype("f4"), x + 1j * x[::-1]])
def test_closures_of_other_dtypes(at):
    loss = lambda w, wrap: np.real(np.sum(np.sin(wrap(lambda t: t * w)(w * 0.2))))
    found, wanted = (grad(lambda w, wrap=wrap: loss(w, wrap))(at) for wrap in (checkpoint, lambda f: f))
    assert found.dtype == at.dtype
    onp.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_a_checkpoint_that_closes_over_its_parameters_saves_memory():
    big = onp.full(20_000, 1.01)

    def steps(v, w, n):
        for _ in range(n):
            v = np.tanh(v * w)
        return v

    def in_segments(w):
        v = onp.ones(20_000)
        for _ in range(32):
            v = checkpoint(lambda v: steps(v, w, 32))(v)
        return np.sum(v)

    # 1,024 states of 160 kB, against 32 kept and 32 times two computed again at a time.
    assert peak_memory(lambda: grad(in_segments)(big)) < 120 * big.nbytes


def test_such_a_checkpoint_runs_its_function_twice():
    runs = []
    grad(lambda w: checkpoint(lambda v: runs.append(1) or np.sin(v * w))(w))(1.0)
    assert len(runs) == 2


def in_a_loop(x, wrap):
    for k in range(3):
        x = wrap(lambda v: np.sin(v) * k + v)(x)
    return x


def in_a_loop_with_a_traced_variable(x, wrap):
    y = x
    for k in (1.0, 2.0, 3.0):
        w = np.sin(k * x)
        y = wrap(lambda v: np.tanh(w * v) * k)(y)
    return y


def with_a_counter(x, wrap):
    count = 0

    def step(v):
        nonlocal count
        count += 1
        return np.cos(v) * count

    for _ in range(3):
        x = wrap(step)(x)
    return x * count


@pytest.mark.parametrize("program", [in_a_loop, in_a_loop_with_a_traced_variable, with_a_counter])
@pytest.mark.parametrize("mode", [grad, hessian, lambda f: lambda x: jvp(grad(f), (x,), (1.0,))[1]])
def test_what_a_function_closes_over_is_what_it_was(program, mode):
    found = mode(lambda x: program(x, checkpoint))(0.5)
    assert found == pytest.approx(mode(lambda x: program(x, lambda f: f))(0.5), rel=1e-12)


@pytest.mark.parametrize("closes", [True, False])
def test_a_function_that_gives_another_result_when_it_runs_again_is_refused(closes):
    def loss(w):
        buffer, y = onp.ones(3), 0.0
        f = checkpoint(lambda t: t * buffer * (w if closes else 1.0))
        for k in range(3):
            buffer[:] = k + 1
            y = y + np.sum(f(w)) ** 2
        return y

    with pytest.raises(ArgumentError, match="<lambda> gave another result when checkpoint ran it again"):
        grad(loss)(x)

    def followed(w):  # what the message says to do
        y, f = 0.0, checkpoint(lambda t, buffer: t * buffer * (w if closes else 1.0))
        for k in range(3):
            y = y + np.sum(f(w, onp.full(3, k + 1.0))) ** 2
        return y

    def plain(w):
        return sum(np.sum(w * (k + 1.0) * (w if closes else 1.0)) ** 2 for k in range(3))

    onp.testing.assert_allclose(grad(followed)(x), grad(plain)(x))
    onp.testing.assert_allclose(hessian(followed)(x), hessian(plain)(x))


def test_random_numbers_inside_are_refused():
    rng = onp.random.default_rng(0)
    with pytest.raises(ArgumentError, match="a generator of random numbers"):
        grad(lambda w: np.sum(checkpoint(lambda t: t * rng.random(3))(w)))(x)


def test_results_with_nan_are_the_same_results():
    f = checkpoint(lambda t: np.where(t > 0, t, np.nan))
    assert grad(lambda v: np.nansum(f(v) * v))(onp.array([2.0, -1.0])).tolist() == [4.0, 0.0]


@pytest.mark.parametrize("transform", [grad, jacfwd, hessian])
def test_a_value_that_leaves_by_a_side_door_is_refused(transform):
    def loss(w):
        kept = []
        y = checkpoint(lambda t: kept.append(t * w) or np.sum(t * w))(w)
        return y + np.sum(kept[0] ** 2)

    with pytest.raises(EndedTraceError, match="return it from"):
        transform(loss)(x)


def test_a_function_that_fails_leaves_the_trace_as_it_was():
    def loss(w):
        def f(t):
            w * t
            raise KeyError("no")

        with pytest.raises(KeyError):
            checkpoint(f)(w)
        return np.sum(w**2)

    assert grad(loss)(x).tolist() == (2 * x).tolist()


def test_a_checkpoint_inside_of_one_closes_over_what_that_has_computed():
    def loss(x, checkpoint=checkpoint):
        def outer():
            h = np.sin(x)
            k = h * 3
            return checkpoint(lambda a: a * h * k)(2 * x)

        return checkpoint(outer)()

    def plain(x):
        return loss(x, lambda f: f)

    assert grad(loss)(0.7) == pytest.approx(grad(plain)(0.7), rel=1e-14)
    assert grad(grad(loss))(0.7) == pytest.approx(grad(grad(plain))(0.7), rel=1e-14)


@pytest.mark.parametrize("transform", [grad, jacrev, hessian])
def test_what_is_made_of_arguments_alone_and_leaves_by_a_side_door_is_refused(transform):
    def loss(w):
        kept = []
        y = checkpoint(lambda t: kept.append(np.sin(t)) or np.sum(t * t))(w)
        return y + np.sum(kept[0] ** 2)

    with pytest.raises(EndedTraceError, match="return it from"):
        transform(loss)(x)


@pytest.mark.parametrize("write", [lambda p: p.append(1.0), lambda p: p.__setitem__(0, p[0] * 2), list.clear])
def test_a_function_that_changes_a_list_it_is_given_is_refused(write):
    def f(p):
        y = p[0] * p[1]
        write(p)
        return y

    x = onp.array([1.0, 2.0])
    for transform in (grad, value_and_grad):
        with pytest.raises(ArgumentError, match="f wrote into an argument"):
            transform(lambda p: np.sum(checkpoint(f)(p)) + np.sum(p[0]))([x, x])


def test_a_root_at_zero_has_the_derivative_that_it_has_outside():
    x = onp.array([0.0, 1.0, 4.0])
    for f in (lambda x: np.sum(np.sqrt(x)), lambda x: np.sum(np.sqrt(x) * x), lambda x: np.sum(x**0.25)):
        onp.testing.assert_array_equal(grad(checkpoint(f))(x), grad(f)(x))


def test_there_may_be_any_number_of_checkpoints(monkeypatch):
    monkeypatch.setattr(reverse, "segments", itertools.count((1 << 62) - 2))  # after years of training
    f = checkpoint(lambda x: np.sin(checkpoint(np.exp)(x)))
    for _ in range(5):
        onp.testing.assert_allclose(grad(grad(f))(0.3), grad(grad(lambda x: np.sin(np.exp(x))))(0.3))

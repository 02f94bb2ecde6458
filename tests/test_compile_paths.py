"""Programs that part at questions run as one tree, and each call takes the path that eager takes."""

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given, settings

import funad.numpy as np
from funad import compile, grad, jacobian, value_and_grad
from funad.transforms import compiled
from funad.transforms.recordings import Paths

from .compiled import agree


@pytest.fixture(autouse=True)
def raising(monkeypatch):
    monkeypatch.setattr(compiled, "RAISES", True)


def newton(a):
    y = 1.0 + 0.0 * a
    while abs(y * y - a) > 1e-9 * a:
        y = 0.5 * (y + a / y)
    if y > 2:
        y = y * 3
    return y


def test_paths_of_a_loop_run_as_one():
    fast, plain = compile(grad(newton)), grad(newton)
    xs = [1.5, 3.0, 7.0, 30.0]
    for _ in range(4):
        for x in xs:
            agree(fast(x), plain(x))
    assert type(fast._last) is Paths
    calls = [p.calls for p in fast.programs]
    for x in xs:
        agree(fast(x), plain(x))
        assert any(p.source == fast.source for p in fast.programs)
    assert [p.calls for p in fast.programs] == [n + 1 for n in calls]
    agree(fast(1e4), plain(1e4))  # a new path
    for x in (*xs, 1e4, *xs):
        agree(fast(x), plain(x))


def test_loops_that_ask_for_the_largest_element_are_paths_of_one_program():
    def f(x, s):
        y = np.zeros(3)
        while True:
            new = y + s * (x - np.tanh(y))
            if np.max(np.abs(new - y)) < 1e-3:
                return np.sum(new**2)
            y = new

    fast, plain, x = compile(grad(f), limit=4), grad(f), onp.array([0.1, 0.3, -0.2])
    steps = [0.9, 0.8, 0.7, 0.5, 0.4, 0.3]
    for _ in range(4):
        for s in steps:
            agree(fast(x, s), plain(x, s))
    assert type(fast._last) is Paths and len(fast.programs) == 4
    calls = [p.calls for p in fast.programs]
    for s in steps:
        agree(fast(x, s), plain(x, s))
    assert [p.calls for p in fast.programs] == [n + 1 for n in calls]


def test_the_line_that_branches_is_named_where_there_are_too_many_paths():
    fast = compile(grad(newton), limit=3)
    for a in (1.5, 3.0, 7.0, 30.0, 1e3, 1e5):
        agree(fast(a), grad(newton)(a))
    assert len(fast.programs) == 3
    line = newton.__code__.co_firstlineno + 2
    assert f"line {line}, in newton" in fast.explain().splitlines()[-1]


def branches(x, choose):
    total = 0.0
    for k in range(3):
        if choose == "bool":
            x = np.sin(x) if x[k] > 0 else x * x
        elif choose == "int":
            x = x[int(np.argmax(x)) :] if len(x) > 2 else np.cos(x)
        else:
            n = int(np.sum(x > 0))
            x = x * (n + 1.0)
        total = total + np.sum(x)
    return total


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(st.integers(0, 40), min_size=4, max_size=12), st.sampled_from(["bool", "count"]))
def test_random_paths_agree_with_eager(seeds, choose):
    def f(x):
        return branches(x, choose)

    fast, plain = compile(value_and_grad(f)), value_and_grad(f)
    points = [onp.random.default_rng(seed).standard_normal(4) for seed in seeds]
    for _ in range(3):
        for x in points:
            agree(fast(x), plain(x))


def test_programs_with_constants_of_their_own_keep_them():
    def f(x):
        table = onp.array([1.0, 2.0, 3.0]) if x[0] > 0 else onp.array([5.0, 6.0, 7.0])
        return np.sum(np.sin(x) * table)

    fast, plain = compile(grad(f)), grad(f)
    for _ in range(4):
        for sign in (1.0, -1.0):
            x = sign * onp.array([0.5, 0.2, 0.1])
            agree(fast(x), plain(x))
    assert type(fast._last) is Paths


@pytest.mark.filterwarnings("ignore")
def test_an_invalid_operation_on_a_path_is_left_to_eager():
    def f(x):
        return np.sqrt(x) if x > -1 else x * x

    fast, plain = compile(grad(f)), grad(f)
    for x in (1.0, -2.0, 1.0, -2.0, 4.0, -0.5, 0.0, onp.nan, -3.0, 1.0):
        agree(fast(x), plain(x))


@pytest.mark.parametrize(
    "ufunc", [np.add, np.multiply, np.maximum, np.logaddexp, np.hypot, np.subtract, np.fmin]
)
@pytest.mark.parametrize("derivative", [lambda f: f, grad, lambda f: jacobian(grad(f))])
@pytest.mark.parametrize(
    "fold",
    [
        lambda f, x: f.reduce(x),
        lambda f, x: np.sum(f.accumulate(x) ** 2),
        lambda f, x: np.sum(f.reduceat(x, [0, 2]) ** 2),
        lambda f, x: np.sum(f.outer(x, x) ** 2),
    ],
)
def test_methods_of_ufuncs_are_programs(ufunc, fold, derivative):
    f = derivative(lambda x: fold(ufunc, x))
    fast = compile(f, check=False)
    for x in (onp.array([0.5, 1.5, 0.25, 2.0]), onp.array([3.0, 0.125, 1.0, 0.5])):
        onp.testing.assert_allclose(fast(x), f(x), rtol=1e-12, atol=1e-14)
    assert fast.programs or "kink" in fast.explain()


@pytest.mark.parametrize("ufunc", [onp.bitwise_or, onp.logical_and, onp.maximum, onp.subtract])
@pytest.mark.parametrize("method", ["reduce", "accumulate", "reduceat"])
def test_methods_of_ufuncs_of_integers_are_asked_again(ufunc, method):
    def f(n):
        return getattr(ufunc, method)(n, *([[0, 2]] if method == "reduceat" else []))

    fast = compile(f, check=False)
    for n in (onp.array([1, 2, 0, 4]), onp.array([6, 1, 3, 5])):
        onp.testing.assert_array_equal(fast(n), f(n))
    assert fast.programs or "kink" in fast.explain()


def test_masks_that_span_a_grid_are_asked_again():
    A = onp.arange(16.0).reshape(4, 4)
    mask = onp.array([True, False, True, True])
    fast = compile(lambda A: A[onp.ix_(mask, A[1] > 4)], check=False)
    for x in (A, A + 1, A.T):
        onp.testing.assert_array_equal(fast(x), x[onp.ix_(mask, x[1] > 4)])
    assert fast.programs, fast.explain()

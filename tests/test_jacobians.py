"""Jacobians and Hessians are vmap of products with a basis: the same numbers as one product for each."""

import math

import numpy as onp
import pytest
from numpy.testing import assert_allclose

import funad.numpy as np
from funad import (
    elementwise,
    grad,
    hessian,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    primitive,
    tree,
    vjp,
    vmap,
)

from .drawing import RULES, of_one, on_calls
from .memory import peak_memory

COUNT = 3


# --- products with vectors, of every case of the registry


def _drawn(like, seed):
    """COUNT values in the space of each leaf, along a first axis; what is discrete stays what it is."""
    rng = onp.random.default_rng(seed)

    def drawn(x):
        values = rng.normal(size=(COUNT, *onp.shape(x)))
        kind = onp.asarray(x).dtype
        return (values + 1j * rng.normal(size=values.shape) if kind.kind == "c" else values).astype(kind)

    return tree.map(lambda x: drawn(x) if onp.asarray(x).dtype.kind in "fc" else onp.stack([x] * COUNT), like)


def _member(stacks, n):
    return tree.map(lambda x: x[n], stacks)


def _one_by_one(product, vs):
    """The products of all vectors; None where one is refused, or is not finite."""
    try:
        found = [product(_member(vs, n)) for n in range(COUNT)]
    except Exception:
        return None
    finite = all(onp.isfinite(x).all() for x in tree.flatten(found)[0])
    return tree.map(lambda *parts: onp.stack(parts), *found) if finite else None


def _assert_same(found, wanted):
    for a, b in zip(tree.flatten(found)[0], tree.flatten(wanted)[0], strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        # The same operations, in another order: matrices are multiplied several at a time.
        tolerance = 1e-4 if b.dtype.char in "fF" else 1e-9
        assert_allclose(a, b, rtol=tolerance, atol=tolerance * onp.max(onp.abs(b), initial=1))


@pytest.mark.parametrize(("f", "argnum"), RULES)
@pytest.mark.filterwarnings("ignore")
@on_calls(1)
def test_products_with_many_vectors_are_those_with_each(f, argnum, at):
    of_x, x = of_one(f, at, argnum)
    y, pull = vjp(of_x, x)
    _, push = linearize(of_x, x)
    for product, like in ((pull, y), (push, x)):
        vectors = _drawn(like, 1)
        wanted = _one_by_one(product, vectors)
        if wanted is not None:
            _assert_same(vmap(product)(vectors), wanted)


# --- how often rules are called, and what it takes

calls = []


@primitive
def doubled(x):
    return 2 * x


def _doubled(y, ybar, x):
    calls.append(np.shape(ybar))
    return 2 * ybar


elementwise(doubled, _doubled)


@pytest.mark.parametrize("jacobian_of", [jacrev, jacfwd])
def test_an_elementwise_rule_is_called_once_per_jacobian(jacobian_of):
    calls.clear()
    found = jacobian_of(lambda x: doubled(x) ** 2)(onp.arange(5.0))
    assert calls == [(5,)]  # as a member sees it
    assert_allclose(found, onp.diag(8 * onp.arange(5.0)))


@pytest.mark.parametrize("jacobian_of", [jacrev, jacfwd])
def test_large_jacobians_are_taken_in_a_few_parts(jacobian_of):
    calls.clear()
    found = jacobian_of(lambda x: doubled(x) ** 2)(onp.arange(600.0))
    assert 1 < len(calls) < 10
    assert_allclose(found, onp.diag(8 * onp.arange(600.0)))


@pytest.mark.parametrize(("f", "jacobian_of"), [(lambda x: np.sum(-x), jacfwd), (lambda x: -x[:2], jacrev)])
def test_no_basis_is_made_larger_than_it_need_be(f, jacobian_of):
    wide = onp.ones(10_000)  # 10,000 tangents of 10,000 numbers would be 800 MB
    slope = jacobian_of(f)
    wanted = onp.full(10_000, -1.0) if jacobian_of is jacfwd else -onp.eye(2, 10_000)
    assert_allclose(slope(wide), wanted)
    assert peak_memory(lambda: slope(wide)) < 8_000_000


@pytest.mark.parametrize("jacobian_of", [jacrev, jacfwd])
def test_each_block_can_be_written_to_and_is_no_view_of_another(jacobian_of):
    x = onp.ones(3)
    blocks = tree.flatten(jacobian_of(lambda a, b: (a + b, np.sum(a), b), argnums=(0, 1))(x, x))[0]
    assert len(blocks) == 6
    for n, block in enumerate(blocks):
        before = [other.copy() for other in blocks]
        block[...] = 7.0
        assert all(m == n or (a == b).all() for m, (a, b) in enumerate(zip(blocks, before, strict=True)))


@pytest.mark.parametrize("jacobian_of", [jacrev, jacfwd, jacobian])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0), (2, 3)])
@pytest.mark.parametrize("out", [(), (1,), (0,), (2, 2)])
def test_shapes_and_dtypes(jacobian_of, shape, out):
    weights = onp.cos(onp.arange(math.prod(out + shape))).reshape(out + shape).astype(onp.float32)
    x = onp.ones(shape, onp.float32)
    f = lambda x: np.sum((weights * x).reshape(*out, math.prod(shape)), axis=-1)
    found = jacobian_of(f)(x)
    assert found.dtype == onp.float32
    assert_allclose(found, weights)


def test_python_numbers_stay_pythons_where_one_number_is_asked_for():
    seen = []

    def f(x):
        seen.append(type(1.0 * x + 0.0))
        return {"a": x**2, "b": (np.stack([x, 2 * x]), 3.0)}

    found = jacobian(f)(2.0)
    assert found["a"] == 4.0 and found["b"][1] == 0.0
    assert found["b"][0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("jacobian_of", [jacrev, jacfwd])
def test_zeros_are_strong_in_stacks_too(jacobian_of):
    x = onp.array([0.0, 1.0, onp.nan, 4.0])
    found = jacobian_of(lambda x: np.where(x > 0, np.sqrt(x), x))(x)
    assert_allclose(found[[0, 1, 3]], onp.diag([1.0, 0.5, 1.0, 0.25])[[0, 1, 3]])


TWO = onp.array([[1.0, 2.0], [-3.0, 0.5]])


@pytest.mark.parametrize("jacobian_of", [jacrev, jacfwd])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[[0, 0, 2]] * x[1],
        lambda x: np.outer(x, x)[[0, 2], :, None][:, [1, 1]],
        lambda x: np.outer(x, x)[[0, 2], [1, 1]] * np.outer(x, x)[2, [0, 1]],
        # As many rows as there are positions: axes in another order would not show in the shapes.
        lambda x: TWO @ np.reshape(np.outer(x, x), (3, 1, 3))[[0, 1], :, [2, 0]][:, 0],
        lambda x: TWO @ np.reshape(np.outer(x, x), (3, 1, 3))[[0, 1], :, 2][:, 0],
        lambda x: np.stack([x[::-1], np.zeros(3), x * x], axis=-1),
        lambda x: np.concatenate([x, np.ones(2), x[1:]]) ** 2,
        lambda x: np.mean(np.outer(x, x), axis=(0,), keepdims=True),
        lambda x: np.transpose(np.reshape(np.outer(x, x), (1, 3, 3)), (2, 0, 1)),
        lambda x: np.squeeze(np.broadcast_to(x, (2, 1, 3)) * x),
        lambda x: x @ np.outer(x, x) @ onp.arange(6.0).reshape(3, 2),
        lambda x: np.linalg.solve(np.eye(3) + np.outer(x, x), x),
        lambda x: np.sort(x) * np.max(x),
        lambda x: {"a": np.sum(x), "b": (x[0], np.split(x * x, 3))},
    ],
)
def test_jacobians_agree_with_products_in_both_modes(jacobian_of, f):
    x, v = onp.array([0.7, -0.2, 1.3]), onp.array([0.5, 1.0, -2.0])
    columns = jacobian_of(f)(x)
    _, wanted = jvp(f, (x,), (v,))
    _compare(columns, wanted, v)


def _compare(found, wanted, v):
    if isinstance(wanted, dict):
        wanted, found = list(wanted.values()), list(found.values())
    if isinstance(wanted, (list, tuple)):
        for part, want in zip(found, wanted, strict=True):
            _compare(part, want, v)
    else:
        assert_allclose(found @ v, wanted, rtol=1e-12, atol=1e-12)


def test_a_jacobian_can_be_differentiated():
    x = onp.array([0.7, -0.2, 1.3])
    f = lambda x: np.tanh(np.outer(x, x) @ x)
    second = jacobian(jacobian(f))(x)
    for n in range(3):
        assert_allclose(second[n], hessian(lambda x, n=n: f(x)[n])(x), rtol=1e-10, atol=1e-12)
    slope = grad(lambda x: np.sum(jacrev(f)(x) ** 2))(x)
    assert_allclose(slope, grad(lambda x: np.sum(jacfwd(f)(x) ** 2))(x), rtol=1e-10)


def test_an_error_in_a_rule_is_explained_as_in_a_single_walk():
    @primitive
    def broken(x):
        return x * 2

    def rule(y, ybar, x):
        raise KeyError("broken")

    elementwise(broken, rule)
    with pytest.raises(KeyError, match="broken") as found:
        jacrev(lambda x: broken(x))(onp.ones(3))
    assert any("VJP rule" in note for note in found.value.__notes__)


def test_float32_and_complex_jacobians():
    x = onp.array([0.5, 2.0], onp.float32)
    assert jacrev(np.sin)(x).dtype == jacfwd(np.sin)(x).dtype == onp.float32
    z = onp.array([1 + 2j, 3 - 1j])
    assert_allclose(jacrev(lambda z: z**2, holomorphic=True)(z), onp.diag(2 * z))
    assert_allclose(jacfwd(lambda z: z**2, holomorphic=True)(z), onp.diag(2 * z))
    found = vjp(lambda z: np.abs(z), z)[1](onp.array([0.0, 1.0]))
    assert_allclose(jacrev(np.abs)(z)[1], found)


# --- assignments


def _fills(x):
    y = np.zeros((3, 4))
    y[0] = x[:4]
    y[:, 1] = x[2] * x[:3]
    y[[0, 2], [1, 3]] = x[4:6] ** 2
    y[[1, 1, 1], 2] = x[:3]
    y[2, ...] *= 2
    y[1:][:, ::2] = np.outer(x[:2], x[:2])
    y[y > 1] = x[0]
    return y


def _recurs(x):
    y = np.array(x)
    for n in range(1, 6):
        y[n] = np.sum(y[max(0, n - 3) : n]) * y[0]
    return y


def _reads_what_was(x):
    y = np.zeros(6) + 0 * x
    part = y[1:4]
    y[2] = x[0] * x[1]
    before = part * 2
    y[1:4] = np.ones((1, 3)) * x[1]
    kept = y + 0
    y[...] = x * x
    y.flat[3] = x[2]
    y.reshape(2, 3)[0] = x[3] * x[:3]
    y.T[-1] = x[5]
    return np.concatenate([part, before, kept, y])


def _writes_parts(x):
    y = np.zeros(3, complex)
    y.real[0] = x[0]
    y.imag[1] = x[1] * x[0]
    y[2] = x[2] * (1 + 2j)
    return np.concatenate([np.real(y * y), np.imag(y)])


def _without_axes(x):
    y = np.zeros(())
    y[()] = x[0]
    y += x[1] * x[0]
    z = np.zeros((2, 2))
    z[0] = y
    z[:, [1, 0]] = x[3] * np.ones((1, 1))
    z[np.array([True, False])] = x[2]
    return z


def _heats(u):
    u = np.array(np.copy(u))
    for _ in range(3):
        u[1:-1] += 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    u[[0, -1]], u[2:][::2] = u[[1, 1]] ** 2, u[1]
    return u


SIX = onp.array([0.7, -0.2, 1.3, 0.4, -1.1, 0.9])


@pytest.mark.parametrize("f", [_fills, _recurs, _reads_what_was, _writes_parts, _without_axes, _heats])
def test_jacobians_of_assignments_agree_with_differences_in_all_modes(f):
    step = 1e-5  # the error is of the order of its square
    wanted = onp.stack([(f(SIX + step * e) - f(SIX - step * e)) / (2 * step) for e in onp.eye(6)], axis=-1)
    for jacobian_of in (jacrev, jacfwd):
        assert_allclose(jacobian_of(f)(SIX), wanted, rtol=1e-7, atol=1e-8)
    push = linearize(f, SIX)[1]
    assert_allclose(onp.stack([push(e) for e in onp.eye(6)], axis=-1), wanted, rtol=1e-7, atol=1e-8)
    second = jacfwd(jacfwd(f))(SIX)
    for outer, inner in ((jacrev, jacrev), (jacfwd, jacrev), (jacrev, jacfwd)):
        assert_allclose(outer(inner(f))(SIX), second, rtol=1e-10, atol=1e-12)

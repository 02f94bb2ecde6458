"""Stacks of cotangents and tangents: the same numbers as one walk for each."""

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given
from numpy.testing import assert_allclose

import funad.numpy as np
from funad import elementwise, grad, hessian, jacfwd, jacobian, jacrev, jvp, linearize, primitive, vjp
from funad.indices import ASSIGN
from funad.registry import primitive_of
from funad.traces.pushforward import push_forward, steps_to
from funad.traces.reverse import WIDTH, pull_back
from funad.traces.strong_zeros import has_nan
from funad.transforms import stacks
from funad.transforms.calls import Call, trace_call
from funad.transforms.matrices import _Run

from .cases import CASES
from .memory import peak_memory
from .test_rules import RULES, _present

# Of the other rules, which are called once per member, a few stand for all.
STACKED = [
    rule
    for rule in RULES
    if primitive_of(rule.values[0]).kind == "elementwise"
    or primitive_of(rule.values[0]).f in {*stacks.TRANSPOSES, *stacks.LINEAR}
    or rule.values[0] in (np.max, np.cumsum, np.linalg.solve, np.linalg.eigh, np.split, np.array)
]
COUNT = 3


def _stack(x, seed):
    """A stack of anything in the space of x."""
    rng = onp.random.default_rng(seed)
    shape, dtype = (COUNT, *onp.shape(x)), onp.asarray(x).dtype
    values = rng.normal(size=shape)
    return (values + 1j * rng.normal(size=shape) if dtype.kind == "c" else values).astype(dtype)


def _run(f, at, argnum):
    """The run of f in one of its arguments."""

    def of_x(x):
        args, kwargs = list(at.args), dict(at.kwargs)
        (args if isinstance(argnum, int) else kwargs)[argnum] = x
        return f(*args, **kwargs)

    x = at.args[argnum] if isinstance(argnum, int) else at.kwargs[argnum]
    return _run_of(of_x, x)


def _run_of(f, x):
    call = Call(f, 0, (x,), {})
    y, tape, _ = trace_call(call, False)
    return _Run(call, y, tape)


def _tolerance(x):
    # The same operations, in another order: matrices are multiplied several at a time.
    return {"rtol": 1e-4, "atol": 1e-4} if onp.asarray(x).dtype.char in "fF" else {"rtol": 1e-9, "atol": 1e-9}


@pytest.mark.parametrize(("f", "argnum"), STACKED)
@given(data=st.data())
def test_a_stack_of_cotangents_is_pulled_back_as_each_of_them_is(f, argnum, data):
    at = data.draw(CASES[f].draw)
    if not _present(at, argnum):
        return
    run = _run(f, at, argnum)
    inputs = len(run.call.leaves)
    for leaf, value, inside in zip(run.leaves, run.values, run.inside, strict=True):
        if not inside:
            continue
        ybars = _stack(value, 1)
        try:
            found = stacks.pull_back_stack(run.entries, inputs, leaf.index, ybars)
        except ArithmeticError:  # not finite: single walks know more about that
            continue
        for n in range(COUNT):
            seeded = list(run.entries)
            seeded[leaf.index] = ybars[n]
            for x, got, want in zip(run.call.leaves, found, pull_back(seeded, inputs, True), strict=True):
                assert (got is None) == (want is None)
                if got is not None:
                    assert got.dtype == onp.asarray(x).dtype
                    assert_allclose(got[n], want, **_tolerance(x))


@pytest.mark.parametrize(("f", "argnum"), STACKED)
@given(data=st.data())
def test_a_stack_of_tangents_is_pushed_forward_as_each_of_them_is(f, argnum, data):
    at = data.draw(CASES[f].draw)
    if not _present(at, argnum):
        return
    run = _run(f, at, argnum)
    inputs = len(run.call.leaves)
    xdots = [_stack(x, n) for n, x in enumerate(run.call.leaves)]
    try:
        found = stacks.push_forward_stack(run.entries, inputs, xdots, COUNT)
    except ArithmeticError:
        return
    for n in range(COUNT):
        wanted = push_forward(run.entries, inputs, [xdot[n] for xdot in xdots])
        for leaf, value, inside in zip(run.leaves, run.values, run.inside, strict=True):
            if inside and not has_nan(found[leaf.index]):
                assert_allclose(found[leaf.index][n], wanted[leaf.index], **_tolerance(value))


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
    assert calls == [(5, 5)]
    assert_allclose(found, onp.diag(8 * onp.arange(5.0)))


@pytest.mark.parametrize("jacobian_of", [jacrev, jacfwd])
def test_large_jacobians_are_taken_in_several_stacks(jacobian_of, monkeypatch):
    monkeypatch.setattr(stacks, "AT_ONCE", 20)
    calls.clear()
    found = jacobian_of(lambda x: doubled(x) ** 2)(onp.arange(5.0))
    assert calls == [(4, 5), (5,)]
    assert_allclose(found, onp.diag(8 * onp.arange(5.0)))


def test_stacks_take_no_more_memory_than_they_may():
    wide = onp.ones(3_000)  # 3,000 tangents of 3,000 numbers would be 72 MB
    slope = jacfwd(lambda x: np.sum(-x))
    assert_allclose(slope(wide), onp.full(3_000, -1.0))
    assert peak_memory(lambda: slope(wide)) < 8 * 8 * stacks.AT_ONCE


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


def test_a_stack_is_written_to_at_once(monkeypatch):
    def refuse(*_):
        raise AssertionError("row by row")

    monkeypatch.setattr(stacks, "_member", refuse)
    monkeypatch.setattr(stacks, "tangent_of", refuse)
    run = _run_of(_heats, SIX)
    stacks.pull_back_stack(run.entries, 1, run.leaves[0].index, _stack(SIX, 0))
    stacks.push_forward_stack(run.entries, 1, [_stack(SIX, 0)], COUNT)


def _filled(x):
    y = np.zeros(20)
    for n in range(20):
        y[n] = x[n] * y[n - 1]
    return y


@pytest.mark.parametrize("count", [1, COUNT])
def test_assignments_one_after_the_other_share_one_tangent(count):
    x = onp.linspace(0.5, 1.5, 20)
    run = _run_of(_filled, x)
    steps = steps_to(run.entries, 1, [run.leaves[0].index])
    if count == 1:
        slots = push_forward(run.entries, 1, [x], steps)
    else:
        slots = stacks.push_forward_stack(run.entries, 1, [_stack(x, 0)], COUNT, steps)
    written = [start + WIDTH - 1 for start in steps.starts if run.entries[start] is ASSIGN]
    assert len(written) == 20
    assert all(slots[slot] is slots[written[0]] for slot in written)

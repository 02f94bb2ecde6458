"""Long programs are rolled into loops: with the values that they have unrolled, and in short sources."""

import importlib.util

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given, settings

import funad.numpy as np
from funad import compile, grad, hessian, jacobian, jvp, value_and_grad
from funad.compiling import periods, rolling
from funad.compiling.loops import is_loop
from funad.compiling.optimizing import PASSES
from funad.compiling.program import GETITEM
from funad.transforms import compiled
from funad.transforms.recordings import Recording

from .compiled import agree, hold_to_eager, others


@pytest.fixture(autouse=True)
def rolling_early(monkeypatch):
    monkeypatch.setattr(compiled, "RAISES", True)
    monkeypatch.setattr(rolling, "LONG", 40)


def N(*shape):
    return onp.random.default_rng(sum(shape) + 1).standard_normal(shape)


def loops_of(fast):
    return [n.fn for p in fast.programs for n in p.program.nodes if is_loop(n)]


def held(f, *args, ulps=256):
    """Hold compile(f) to f, on these arguments and on others, and return it."""
    fast = compile(f)
    for k in (0, 0, 1, 2, 3):
        x = others(args, k)
        agree(fast(*x), f(*x), ulps=ulps)
    assert len(fast.programs) == 1, fast.explain()
    return fast


def rk4(A, b, y, times=30, h=0.1):
    def slope(v):
        return np.tanh(A @ v + b)

    for _ in range(times):
        k1 = slope(y)
        k2 = slope(y + 0.5 * h * k1)
        k3 = slope(y + 0.5 * h * k2)
        k4 = slope(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.sum(y**2)


def recurrent(W, U, b, xs, total=0.0):
    h = np.zeros(len(b), b.dtype)
    for x in xs:
        h = np.tanh(W @ h + U @ x + b)
        total = total + np.sum(np.log1p(h**2))
    return total


def batched(W, U, xs):
    h = np.zeros((3, 4))
    for t in range(len(xs)):
        gates = h @ W + xs[t] @ U
        h = np.tanh(gates[:, :4]) / (1 + np.exp(-gates[:, 4:]))
    return np.sum(h)


def layers(W, x):
    for t in range(len(W)):
        x = np.tanh(W[t] @ x) + x
    return np.sum(x**2)


def in_turn(A, B, x):
    for _ in range(12):
        x = np.sin(A @ x)
        x = np.sin(B @ x)
    return np.sum(x)


def driven(w, x):
    for k in range(20):
        x = x + 0.1 * np.sin(w * x + 0.3 * k)
    return np.sum(x)


def second_order(x, y):
    for _ in range(20):
        x, y = 1.8 * x - 0.9 * y, x + 0.01 * np.cos(y)
    return np.sum(x * y)


def of_numbers(x):
    y = x
    for _ in range(30):
        y = np.sin(y) * x + 1.0 / (1.0 + y * y)
    return y


def of_columns(x):
    total = 0.0
    for k in range(x.shape[1]):
        total = total + np.sum(np.exp(x[:, k]) * x[0, k])
    return total


def neighbours(x):
    y = np.zeros(4)
    for k in range(20):
        y = y * 0.5 + np.sin(x[k : k + 4])
    return np.sum(y**2)


def backwards(x, y):
    for k in range(len(x) - 1, -1, -1):
        y = np.tanh(y * x[k] + 1.0)
    return np.sum(y)


def kept(x):
    found, y = [], x
    for _ in range(15):
        y = np.sin(y) + 0.1 * x
        found.append(y)
    return np.sum(np.stack(found) ** 2) + np.sum(found[3] * found[-1])


def fibonacci(x):
    a, b = x, np.cos(x)
    for _ in range(20):
        a, b = b, np.sin(a) + 0.5 * b
    return np.sum(a * b)


def masked(x):
    y = x
    for _ in range(15):
        y = np.where(y > 0, np.sin(y), 0.1 * y) + 0.3 * x
    return np.sum(y**2)


def solved(A, x):
    for _ in range(30):
        x = np.linalg.solve(A, np.sin(x)) + 0.1
    return np.sum(x)


A4 = N(4, 4) / 4 + 2 * onp.eye(4)
LOOPS = {
    "rk4": (rk4, (N(4, 4), N(4), N(4)), True),
    "recurrent": (recurrent, (N(4, 4), N(4, 3), N(4), N(20, 3)), True),
    "batched": (batched, (N(4, 8), N(2, 8), N(16, 3, 2)), True),
    "layers": (layers, (N(20, 4, 4) / 4, N(4)), True),
    "in turn": (in_turn, (N(4, 4), N(4, 4).T, N(4)), True),
    "driven": (driven, (N(3), N(3)), True),
    "second order": (second_order, (N(3), N(3)), True),
    "numbers": (of_numbers, (0.7,), True),
    "columns": (of_columns, (N(3, 20),), False),
    "neighbours": (neighbours, (N(23),), True),
    "backwards": (backwards, (N(24), N(3)), True),
    "kept": (kept, (N(4),), True),
    "fibonacci": (fibonacci, (N(3),), True),
    "masked": (masked, (N(6),), True),
    "solved": (solved, (A4, N(4)), True),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_has_the_values_of_its_steps(name):
    f, args, loops = LOOPS[name]
    for derive in (value_and_grad(f), grad(f, argnums=len(args) - 1)):
        fast = held(derive, *args)
        assert bool(loops_of(fast)) == loops
        assert len(fast.source.splitlines()) < 260


@pytest.mark.parametrize("name", LOOPS)
def test_single_precision_stays_single(name):
    f, args, _ = LOOPS[name]
    single = [onp.asarray(x, onp.float32)[()] for x in args]
    held(value_and_grad(f), *single, ulps=4096)


@pytest.mark.parametrize("derive", [hessian, jacobian, lambda f: lambda x: jvp(f, (x,), (x,))])
@pytest.mark.parametrize("name", ["numbers", "kept", "fibonacci", "masked"])
def test_other_derivatives_of_a_loop(name, derive):
    f, args, _ = LOOPS[name]
    held(derive(f), *args, ulps=4096)


def test_every_second_step_that_differs_is_a_loop_of_two():
    def f(x, w):
        for k in range(24):
            x = np.sin(w * x) if k % 2 else np.tanh(w * x) + x
        return np.sum(x)

    fast = held(value_and_grad(f), N(3), N(3))
    assert {loop.count for loop in loops_of(fast)} <= {10, 11, 12}


@pytest.mark.parametrize("odd", [0, 1, 7, 15, 22, 23])
@pytest.mark.parametrize("how", ["call", "operand", "constant", "shape"])
def test_a_step_that_differs_stays_what_it_is(odd, how):
    def f(x, w, v):
        total = 0.0
        for k in range(24):
            u = v if how == "operand" and k == odd else w
            c = 0.7 if how == "constant" and k == odd else 0.5
            x = np.sin(u * x) * c + 0.1 * x
            if how == "call" and k == odd:
                x = np.cos(x)
            if how == "shape" and k == odd:
                x = np.concatenate([x, x])[: len(w)]
            total = total + np.sum(x**2)
        return total

    held(value_and_grad(f), N(3), N(3), N(3) + 1)


def test_a_growing_body_is_no_loop():
    def f(x):
        for _ in range(12):
            x = np.concatenate([np.sin(x), x[:1]])
        return np.sum(x)

    assert not loops_of(held(grad(f), N(2)))


def test_a_question_inside_of_a_loop_is_asked_at_every_step():
    def f(x, a):
        for _ in range(20):
            x = np.sin(x) * 0.9 if np.sum(x) > a else np.cos(x) + x
        return np.sum(x)

    fast = compile(value_and_grad(f))
    x = onp.full(3, 2.0)
    for a in (-10.0, -10.0, -10.0, 20.0, 0.3, -10.0, 5.0, 1.0, 0.3, 20.0, -10.0):
        agree(fast(x, a), value_and_grad(f)(x, a), ulps=256)
    first = next(p for p in fast.programs if any(is_loop(n) for n in p.program.nodes))
    assert any("bool" in said for said in first.guards)


@pytest.mark.filterwarnings("ignore")
def test_an_invalid_step_is_left_to_eager():
    def f(x):
        for _ in range(40):
            x = np.sqrt(x) * 1.5 - 0.2
        return np.sum(x)

    fast = held(grad(f), onp.array([1.0, 2.0]))
    assert loops_of(fast)
    for bad in ([0.01, 2.0], [onp.nan, 1.0], [onp.inf, 1.0], [0.0, 1.0]):
        agree(fast(onp.array(bad)), grad(f)(onp.array(bad)))


STEPS = [
    "a, b = np.sin(a) * w, b + a",
    "a = np.tanh(W @ a + b)",
    "b = 0.9 * b + 0.1 * np.cos(xs[{k}])",
    "total = total + np.sum(a * b)",
    "total = total - np.sum(xs[{k}] ** 2)",
    "a, b = b, 0.5 * a",
    "b = b / (1.0 + a * a)",
    "a = np.where(a > b, a, 0.2 * b)",
    "a = np.concatenate([b[1:], a[:1]])",
    "a = a + 0.01 * {k}",
    "a = a.reshape(2, 2).T.reshape(4)",
    "total = total * 0.9 + a[1]",
    "b = b + np.max(a) * w",
    "a = a * np.exp(-b) / (2.0 + b * b)",
    "b = np.sort(b)[::-1] * 1.0",
    "a = W @ np.tanh(W.T @ a)",
    "a = np.concatenate([np.sin(a[:2]), np.sin(a[2:])])",
    "a = a.copy(); b = np.abs(b) + 0.1",
    "b = xs[{k}][::-1] + b",
    "b = b + W[:, {k} % 4]",
    "a = np.clip(a, -2.0, 2.0)",
    "if np.sum(b) > -1e9: b = b * 1.01",
    "total = total + float({k}) * np.mean(a)",
]
START = "def f(a, b, w, W, xs):\n    total = np.sum(a * 0.0)\n"


@settings(max_examples=4 * settings().max_examples)
@given(data=st.data())
def test_random_loops_have_the_values_of_their_steps(data):
    """A body of random statements, of which one time round may leave some out."""
    body = data.draw(st.lists(st.sampled_from(STEPS), min_size=2, max_size=5))
    times = data.draw(st.integers(8, 14))
    odd = data.draw(st.one_of(st.none(), st.integers(0, times - 1)))
    lines = []
    for k in range(times):
        lines += [f"    {line.format(k=k)}\n" for line in (body[1:] if k == odd else body)]
    space = {"np": np}
    exec(START + "".join(lines) + "    return total + np.sum(a + b)\n", space)
    args = N(4), N(4) + 0.5, N(4), N(4, 4) / 2, N(times, 4)
    held(value_and_grad(space["f"], argnums=(0, 2, 3, 4)), *args, ulps=1 << 14)


@pytest.mark.parametrize(
    "body",
    [
        ["b = xs[{k}][::-1] + b", "total = total + float({k}) * np.mean(a)", "a = a.copy()"],
        ["a = np.concatenate([b[1:], a[:1]])", "a = np.clip(a, -2.0, 2.0)", "b = b + np.max(a) * w"],
        ["b = np.sort(b)[::-1]", "if np.sum(b) > -1e9: b = b * 1.01", "b = b + W[:, {k} % 4]"],
        ["a = W @ np.tanh(W.T @ a)", "a = a + 0.01 * {k}"],
        ["a, b = b, a", "total = total + np.sum(a * xs[{k}])"],
    ],
)
def test_what_a_step_hands_on_may_be_anything(body):
    lines = [f"    {line.format(k=k)}\n" for k in range(13) for line in body]
    space = {"np": np}
    exec(START + "".join(lines) + "    return total + np.sum(a + b)\n", space)
    args = N(4), N(4) + 0.5, N(4), N(4, 4) / 2, N(13, 4)
    held(value_and_grad(space["f"], argnums=(0, 1, 2, 3, 4)), *args, ulps=1 << 14)


@settings(max_examples=4 * settings().max_examples)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
    st.lists(st.integers(0, 5), max_size=20),
    st.integers(6, 30),
)
def test_periods_are_found_wherever_they_are(period, before, count):
    classes = onp.array([*before, *period * count, *before[::-1]])
    found = periods._repeats(classes)
    if len(period) * count < periods.LEAST_STEPS:
        return
    covered = onp.zeros(len(classes), bool)
    for run in found:
        part = classes[run.start : run.stop]
        assert (part[run.period :] == part[: -run.period]).all()
        covered[run.start : run.stop] = True
    assert covered[len(before) : len(before) + len(period) * (count - 1)].all()


# --- the passes that pay most in loops


def gates(x, w):
    g = x * w
    return np.sum(np.tanh(g[:3]) * np.exp(-g[3:6] * 0.5) + np.exp(-g[6:9] * 0.5) - np.tanh(g[9:]) ** 2)


def gates_of_rows(x, w):
    g = x @ w
    return np.sum(1 / (1 + np.exp(-g[:, :2])) * np.tanh(g[:, 4:]) + 1 / (1 + np.exp(-g[:, 2:4])))


def parts_together(x, w):
    parts = [np.sin(w * x), np.sin(w * (x + 1)), np.sin(x), np.sin(w)]
    return np.sum(np.concatenate(parts) ** 3)


def sum_of_a_product(x, w):
    y = np.cumsum(x * w, axis=0)
    return np.sum(np.exp(y) * np.sum(y, axis=0)) + np.sum(y * x)


def steps_written_out(x, w):
    y = w
    for _ in range(8):
        y = np.tanh(np.sin(y) * x + 0.5) - y
    return np.sum(y)


def growth_written_out(x, w):
    y = w
    for _ in range(8):
        y = y + 0.1 * np.cos(y / w) * x
    return np.sum(y)


PASSED = {
    "early": [(steps_written_out, (N(5), N(5))), (growth_written_out, (N(5), 1 + N(5) ** 2))],
    "slices": [(gates, (N(12), N(12))), (gates_of_rows, (N(3, 4), N(4, 6)))],
    "concatenations": [(parts_together, (N(3), N(3)))],
    "products": [(sum_of_a_product, (N(3, 4), N(3, 4)))],
}


def _computed(made):
    """How many calls compute: no views."""
    return sum(n.fn not in (GETITEM, onp.reshape) for n in made.program.nodes)


@pytest.mark.parametrize("name", PASSED)
def test_a_pass_keeps_the_values_and_saves_calls(name):
    saved = []
    for f, args in PASSED[name]:
        for derive in (f, value_and_grad(f, argnums=(0, 1))):
            recording = Recording(derive, args, {})
            made = recording.compiled()
            plain = recording.compiled([p for p in PASSES if p != name])
            for k in range(3):
                x = others(args, k)
                agree(made.run(*x), derive(*x), classes=False)
                agree(plain.run(*x), derive(*x), classes=False)
            saved.append(_computed(plain) - _computed(made))
    assert name == "products" or max(saved) > 0


def test_a_steep_tanh_among_flat_ones_keeps_its_digits():
    x, w = N(5), N(5)
    fast = held(grad(steps_written_out), x, w)
    for scale in (1.0, 20.0, 40.0):
        agree(fast(scale * x, w), grad(steps_written_out)(scale * x, w))


def test_early_factors_are_multiplied_first():
    def f(c, xs):
        for x in xs:
            c = np.sin(c * np.exp(x) * x / (1 + x * x)) + c
        return np.sum(c)

    fast = held(value_and_grad(f), N(3), N(20, 3))
    for loop in loops_of(fast):
        assert sum(n.fn in (onp.multiply, onp.divide) for n in loop.body.nodes) <= 1


@settings(max_examples=2 * settings().max_examples)
@given(data=st.data())
def test_random_slices_and_concatenations(data):
    """Chains on random slices of an array, put together again."""
    size = 12
    cuts = sorted(data.draw(st.sets(st.integers(1, size - 1), min_size=1, max_size=5)))
    spans = list(zip([0, *cuts], [*cuts, size], strict=True))
    chains = [
        data.draw(st.lists(st.sampled_from(["sin", "negative", "tanh", "twice"]), max_size=3)) for _ in spans
    ]
    order = data.draw(st.permutations(range(len(spans))))

    def f(x):
        y, parts = x * x, []
        for k in order:
            part = y[slice(*spans[k])]
            for name in chains[k]:
                part = part * 2 if name == "twice" else getattr(np, name)(part)
            parts.append(part)
        return np.sum(np.concatenate(parts) * x**3)

    held(value_and_grad(f), N(size))


def test_a_factor_serves_systems_with_its_matrix_where_that_is_symmetric():
    def f(A, y):
        return np.sum(y * np.linalg.solve(A, y)) + np.sum(np.log(np.diag(np.linalg.cholesky(A))))

    x, y = N(130, 130), N(130)
    A = x @ x.T + 130 * onp.eye(130)
    fast, plain = compile(value_and_grad(f, argnums=(0, 1))), value_and_grad(f, argnums=(0, 1))
    for k in range(4):
        agree(fast(A + k, y), plain(A + k, y), ulps=1 << 14)
    upper = A + onp.triu(x, 1)  # of which cholesky reads the lower triangle alone
    agree(fast(upper, y), plain(upper, y), ulps=1 << 14)
    agree(fast(upper.T.copy().T, y), plain(upper, y), ulps=1 << 14)
    assert len(fast.programs) == 1
    if importlib.util.find_spec("scipy"):
        assert "solve_with_factor" in fast.source


@pytest.mark.filterwarnings("ignore")
def test_infinite_gradients_without_a_tangent_are_left_to_eager():
    A = N(4, 3)

    def f(W, x):
        return np.sum(np.exp(x @ W) ** 2)

    def product(W, x, v):
        return jvp(grad(f), (W, x), (v, 0 * x))

    x, v = N(2, 4), N(4, 3)
    fast = compile(product)
    for k in range(3):
        agree(fast(A + k, x, v), product(A + k, x, v), ulps=1 << 12)
    assert fast.programs
    assert " any(" not in fast.source
    for W, u in ((A * 1e155, v), (A * 400, v), (A * 400, v * [0.0, 1.0, 1.0]), (A, v * onp.inf)):
        agree(fast(W, x, u), product(W, x, u), ulps=1 << 12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bad", [onp.nan, onp.inf, 0.0])
@pytest.mark.parametrize("name", [name for name in LOOPS if name != "numbers"])
def test_special_values_in_a_loop_are_those_of_eager(name, bad):
    f, args, _ = LOOPS[name]
    plain = value_and_grad(f, argnums=tuple(range(len(args))))
    fast = compile(plain)
    for _ in range(3):
        fast(*args)
    for k in range(len(args)):
        x = [onp.array(a) for a in args]
        x[k].flat[-1] = bad
        try:
            wanted = plain(*x)
        except onp.linalg.LinAlgError:
            with pytest.raises(onp.linalg.LinAlgError):
                fast(*x)
        else:
            agree(fast(*x), wanted, ulps=1 << 12)


# --- numbers


def swinging(p):
    q, v = p[0], p[1]
    for _ in range(9):
        v = v - 0.1 * np.sin(q) * p[2]
        q = q + 0.1 * v
    return q * q + v * np.hypot(q, v)


def newton_steps(p):
    x = np.ones(2)
    for _ in range(4):
        f = np.stack([x[0] ** 2 + x[1] - p[0], x[1] ** 2 - x[0] - p[1]])
        slope = np.stack([np.stack([2 * x[0], 1.0 + 0 * x[0]]), np.stack([-1.0 + 0 * x[0], 2 * x[1]])])
        x = x - np.linalg.solve(slope, f)
    return np.sum(x * x)


def filtered(p, y):
    (q, h), m, v, loss = np.exp(p), 0.0, 10.0, 0.0
    for k in range(len(y)):
        v = v + q
        f, e = v + h, y[k] - m
        loss = loss + np.log(f) + e * e / f
        m, v = m + e * v / f, v * h / f
    return loss


def picked(x, y):
    """Numbers beside arrays, and comparisons of numbers."""
    a, b = x[0] * y[1], x[1] / y[0]
    return np.sum(np.where(a > b, x * a, y * b)) + np.maximum(a, b) * (a - b) + np.sum(x) ** 2 * a


NUMBERS = {
    "swinging": (swinging, (N(3),)),
    "newton": (newton_steps, (onp.array([1.5, 0.2]),)),
    "filter": (filtered, (0.1 * N(2), N(20))),
    "long filter": (filtered, (0.1 * N(2), N(160))),
    "picked": (picked, (N(3), 2 + N(3) ** 2)),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_elements_of_arrays_are_numbers(name):
    f, args = NUMBERS[name]
    for derive in (f, grad(f), jacobian(grad(f))):
        fast = compile(derive)
        for k in range(4):
            x = others(args, k)
            agree(fast(*x), derive(*x))
        assert fast.programs
        assert "item(" in fast.source or "tolist()" in fast.source
        for bad in (0.0, -0.0, onp.nan, onp.inf, -onp.inf, 1e200, -1e308, 1e-320):
            for n in range(len(args)):
                x = [a.copy() for a in args]
                x[n][0] = bad
                with onp.errstate(all="ignore"):
                    hold_to_eager(fast, derive, x)

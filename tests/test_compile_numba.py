"""Programs in machine code: compile(f, backend="numba") agrees with eager, and says what has none."""

import importlib
import math
import threading

import hypothesis.strategies as st
import mpmath
import numpy as onp
import pytest
from hypothesis import given, settings

import funad.numpy as np
from funad import compile, errors, grad, hessian, value_and_grad
from funad.compiling import numba_parts
from funad.transforms import compiled, kernels

from .cases import CASES
from .compiled import PROGRAMS, agree, hold_to_eager, others, process, runge_kutta
from .drawing import RULES, present
from .random_programs import Writer, in_namespace, program_of
from .test_compile import derivative
from .test_compile_everything import pulled_back

DEEP = settings().max_examples > 100
# A kernel takes a fifth of a second to compile: one of a hundred rules, all of them for a night.
SAMPLE = [rule for k, rule in enumerate(RULES) if DEEP or k % 100 == 7]
QUICK = ("rosenbrock", "network", "mixture", "filled", "hessian", "product")
RNG = onp.random.default_rng(5)


@pytest.fixture(autouse=True)
def raising(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("FUNAD_CACHE_DIR", "")
    monkeypatch.setattr(compiled, "RAISES", True)
    monkeypatch.setattr(numba_parts, "FEWEST", 1)


def in_kernels(f, *args, **options):
    """Return f compiled, once its kernels are made."""
    fast = compile(f, backend="numba", **options)
    fast(*args)
    fast(*args)
    return fast.wait()


def kernel_of(fast):
    """Return the text of the one kernel of a compiled function."""
    (program,) = fast.programs
    (kernel,) = program.kernels
    return kernel.text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("f", "argnum"), SAMPLE)
def test_a_rule_in_machine_code_agrees_with_eager(f, argnum):
    at = next((at for at in CASES[f].examples if present(at, argnum)), None)
    if at is None:
        return
    plain = pulled_back(f, argnum)
    fast = compile(plain, backend="numba")
    for k in (0, 0, 0, 0, 1, 2):
        hold_to_eager(fast, plain, others((at.args, at.kwargs), k))
        fast.wait()


@pytest.mark.parametrize("name", PROGRAMS if DEEP else QUICK)
def test_a_program_in_machine_code_agrees_with_eager(name):
    kind, f, args = PROGRAMS[name]
    plain = derivative(kind, f)
    fast = in_kernels(plain, *args)
    for k in (0, 0, 1, 2):
        x = others(args, k)
        agree(fast(*x), plain(*x))
    (program,) = fast.programs
    assert program.kernels
    assert program.calls >= 5


@settings(max_examples=max(2, settings().max_examples // 20))
@given(data=st.data())
def test_random_programs_in_machine_code_agree_with_eager(data):
    seed = data.draw(st.integers(0, 9999))
    x = onp.random.default_rng(seed).uniform(-1.4, 1.4, data.draw(st.sampled_from([(3,), (2, 3), (2, 2, 2)])))
    text = Writer(lambda n: data.draw(st.integers(0, n - 1)), x).write(data.draw(st.integers(1, 6)))
    program = program_of(in_namespace(text))
    plain = value_and_grad(lambda x: program(np, x))
    fast = compile(plain, backend="numba")
    for k in (0, 0, 0, 1, 2):
        moved = others(x, k)
        try:
            wanted = plain(moved.copy())
        except Exception as error:
            with pytest.raises(type(error)):
                fast(moved.copy())
            continue
        agree(fast(moved.copy()), wanted, ulps=1 << 16, classes=False)
        fast.wait()


def test_a_rolled_loop_is_a_loop_of_the_kernel():
    x, A = RNG.standard_normal(4), RNG.standard_normal((4, 4)) / 2
    plain = grad(lambda x: runge_kutta(x, A, 300))
    fast = in_kernels(plain, x)
    assert "for time in range(" in kernel_of(fast)
    for k in (0, 1, 2):
        agree(fast(others(x, k)), plain(others(x, k)), ulps=1 << 10)


def test_factorisations_stay_with_numpy_between_kernels():
    _, f, args = PROGRAMS["process"]
    assert f is process
    fast = in_kernels(grad(f), *args)
    agree(fast(*args), grad(f)(*args))
    assert len(fast.programs[0].kernels) > 1
    assert "cholesky_lo(" in fast.source and "def kernel(" in fast.source


# --- types


@pytest.mark.parametrize("dtype", [onp.float32, onp.float64])
def test_floats_keep_their_dtype(dtype):
    def f(x, c):
        return np.sum(np.tanh(x * c) ** 2 + np.maximum(x, 0) / (1 + np.exp(-x))) * 0.5

    x, c = RNG.standard_normal((7, 3)).astype(dtype), RNG.standard_normal(3).astype(dtype)
    fast = in_kernels(value_and_grad(f), x, c)
    agree(fast(x, c), value_and_grad(f)(x, c))
    assert kernel_of(fast)


def test_booleans_integers_and_indices():
    def f(x, k, mask):
        picked = x[k]
        return np.sum(np.where(mask, x, -x) ** 3) + np.sum(picked * picked[::-1]) + np.sum((k > 2) * x[:4])

    x, k, mask = RNG.standard_normal(6), onp.array([0, 5, -1, 0]), onp.arange(6) % 2 == 0
    fast = in_kernels(value_and_grad(f), x, k, mask)
    for place in (k, onp.array([1, 1, 1, -6]), onp.array([4, 3, 2, 1])):
        agree(fast(x, place, mask), value_and_grad(f)(x, place, mask))
    assert "wrapped(" in kernel_of(fast)
    with pytest.raises(IndexError):
        fast(x, onp.array([0, 1, 2, 6]), mask)
    with pytest.raises(IndexError):
        fast(x, onp.array([0, 1, 2, -7]), mask)


def test_rows_that_are_picked_twice_are_added_up():
    def f(table, k):
        return np.sum(np.sin(table[k]) * np.arange(3.0))

    table, k = RNG.standard_normal((5, 3)), onp.array([4, 0, 4, 4, -1])
    fast = in_kernels(grad(f), table, k)
    agree(fast(table, k), grad(f)(table, k))
    assert kernel_of(fast)


@pytest.mark.parametrize("dtype", [onp.float32, onp.float64])
def test_products_by_blas_and_by_loops(dtype):
    def f(A, B, S, v):
        tall = np.concatenate([A, A]) @ B.T  # (100, 70)
        pieces = [A @ v, A.T @ v[:50], v[:50] @ A, (A[:, ::2] @ v[::2]), A[:5].T @ v[:5], A[::-1] @ v]
        stacked = np.tanh(S) @ np.swapaxes(S, 1, 2)
        return sum(np.sum(np.sin(p)) for p in pieces) + np.sum(np.cos(tall)) + np.sum(stacked @ S) + v @ v

    A, B, S, v = (RNG.standard_normal(n).astype(dtype) for n in ((50, 60), (70, 60), (3, 20, 30), 60))
    plain = value_and_grad(f, (0, 1, 2, 3))
    fast = in_kernels(plain, A, B, S, v)
    for k in (0, 1):
        agree(fast(*others((A, B, S, v), k)), plain(*others((A, B, S, v), k)), ulps=512)
    assert "gemm(" in kernel_of(fast) and "gemv(" in kernel_of(fast)


@pytest.mark.parametrize(
    "make",
    [lambda x: onp.asfortranarray(x), lambda x: onp.repeat(x, 2, axis=0)[::2], lambda x: x[::-1, ::-1]],
)
def test_arrays_may_lie_in_memory_as_they_like(make):
    plain = grad(lambda x: np.sum(np.sin(x) * np.exp(x)))
    x = RNG.standard_normal((5, 4))
    fast = in_kernels(plain, x)
    given = make(x)
    agree(fast(given), plain(given))
    given.flags.writeable = False
    agree(fast(given), plain(given))
    x.flags.writeable = False
    agree(fast(x), plain(x))


def test_results_are_the_callers_own():
    fast = in_kernels(value_and_grad(lambda x: np.sum(np.exp(x))), onp.ones(3))
    first, second = fast(onp.ones(3))[1], fast(onp.zeros(3))[1]
    assert first.flags.writeable and not onp.shares_memory(first, second)
    agree(first, onp.exp(onp.ones(3)))


def test_sizes_around_those_of_vectors():
    def f(x):
        return np.sum(np.log(1 + x * x) / (2 + np.cos(x)) + np.sqrt(x * x) / (x * x))

    for size in (1, 3, 4, 7, 12, 13, 15, 16, 17, 31):
        for dtype in (float, onp.float32):
            x = RNG.standard_normal(size).astype(dtype)
            fast = in_kernels(grad(f), x)
            agree(fast(x), grad(f)(x))
            assert "invalid" not in fast.explain()


# --- what goes another way


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("f", "bad"),
    [
        (lambda x: np.sum(x / np.sum(x)), onp.zeros(3)),
        (lambda x: np.sum(np.sqrt(x)), onp.array([1.0, -1.0, 4.0])),
        (lambda x: np.sum(np.log(x)), onp.array([1.0, -1.0, 4.0])),
        (lambda x: np.sum(np.sin(x)), onp.array([1.0, onp.inf, 4.0])),
        (lambda x: np.sum(x - x[::-1]), onp.array([onp.inf, 1.0, onp.inf])),
        (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), onp.array([0.0, 1.0, 4.0])),
        (lambda x: np.sqrt(np.sum(x * x)), onp.zeros(3)),
        (lambda x: np.prod(x), onp.array([0.0, 2.0, 3.0])),
        (lambda x: np.sum(np.maximum(x, 1.0)), onp.array([1.0, 2.0, 0.5])),
        (lambda x: np.sum(np.exp(x) * np.exp(-x)), onp.array([1e3, 2.0, 0.5])),
        (lambda x: np.sum((x * onp.inf > 1) * x), onp.array([0.0, 2.0, 0.5])),
        (lambda x: np.sum(x * 2), onp.array([onp.nan, 2.0, 0.5])),
        (lambda x: (x @ x[::-1]) * 1.0, onp.array([onp.inf, 2.0, 0.0])),
    ],
)
def test_what_is_invalid_is_as_in_eager(f, bad):
    plain = value_and_grad(f)
    fast = in_kernels(plain, onp.array([1.0, 2.0, 4.0]))
    for _ in range(2):
        agree(fast(bad), plain(bad))
    good = onp.array([3.0, 1.0, 2.0])
    agree(fast(good), plain(good))


def test_a_flag_that_was_set_before_is_no_invalid_operation():
    fast = in_kernels(grad(lambda x: np.sum(np.exp(x) * x)), onp.ones(4))
    fast(onp.ones(4))
    served = fast.programs[0].calls
    with onp.errstate(invalid="ignore"):
        onp.sqrt(onp.array([-1.0]))
        agree(fast(onp.ones(4)), onp.full(4, 2 * math.e))
    assert fast.programs[0].calls == served + 1


def test_branches_are_programs_of_their_own():
    def f(x):
        y = x * 0.5
        if y > 1:
            return np.exp(y) * y
        return y * y * y

    fast = compile(grad(f), backend="numba")
    for x in (1.0, 1.0, 4.0, 4.0):
        fast(x)
    fast.wait()
    for x in (1.0, 4.0, 1.5, 5.0, 1.0, 4.0, -2.0):
        agree(fast(x), grad(f)(x))
    assert [len(p.kernels) for p in fast.programs] == [1, 1]


def test_a_division_of_numbers_by_zero_raises_as_in_eager():
    f = grad(lambda x: 1.0 / x + x)
    fast = in_kernels(f, 2.0)
    agree(fast(4.0), f(4.0))
    with pytest.raises(ZeroDivisionError):
        f(0.0)
    with pytest.raises(ZeroDivisionError):
        fast(0.0)


def test_huge_angles_are_as_in_eager():
    f = grad(lambda x: np.sum(np.sin(x)))
    fast = in_kernels(f, onp.ones(3))
    x = onp.array([1e22, 1.0, -3e8])
    agree(fast(x), f(x), ulps=4)


def test_sums_over_much_are_accurate():
    def f(x):
        return np.sum(x * x + 0.1)

    x = RNG.uniform(0, 1, 300_000)
    fast = in_kernels(value_and_grad(f), x)
    exact = math.fsum((x * x + 0.1).tolist())
    assert abs(fast(x)[0] - exact) <= 64 * onp.finfo(float).eps * exact


# --- the making of kernels


def test_numpy_source_runs_until_the_kernel_is_made(monkeypatch):
    gate = threading.Event()
    make = kernels.Making._make
    monkeypatch.setattr(kernels.Making, "_make", lambda self: gate.wait(60) and make(self))
    plain = grad(lambda x: np.sum(np.sin(x) * x))
    fast = compile(plain, backend="numba")
    for k in range(5):
        agree(fast(onp.ones(3) * k), plain(onp.ones(3) * k))
    assert "kernel" not in fast.source
    gate.set()
    fast.wait()
    agree(fast(onp.ones(3)), plain(onp.ones(3)))
    assert "def kernel(" in fast.source
    assert "1 kernels" in fast.explain()


def test_a_kernel_is_compared_with_eager_before_it_serves(monkeypatch):
    monkeypatch.setattr(compiled, "RAISES", False)
    plain = grad(lambda x: np.sum(np.sin(x) * x))
    fast = compile(plain, backend="numba")
    x = onp.linspace(0.0, 1.0, 5)
    fast(x)
    fast(x)
    (making,) = fast._making
    making.thread.join()
    right = making.functions[0]
    making.functions[0] = lambda x, y: right(x, y) or y.__imul__(2)[:0].size
    agree(fast(x), plain(x))
    agree(fast(x), plain(x))
    assert "another result" in fast.explain()


def test_a_failure_of_the_compiler_leaves_numpy_source(monkeypatch):
    monkeypatch.setattr(compiled, "RAISES", False)

    def fail(plan):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(kernels.Making, "text", staticmethod(fail))
    plain = grad(lambda x: np.sum(np.sin(x) * x))
    fast = in_kernels(plain, onp.ones(3))
    agree(fast(onp.ones(3)), plain(onp.ones(3)))
    assert fast.programs and "on purpose" in fast.explain()


def test_a_long_program_stays_with_numpy(monkeypatch):
    monkeypatch.setattr(numba_parts, "LONGEST", 10)
    kind, f, args = PROGRAMS["network"]
    fast = in_kernels(derivative(kind, f), *args)
    agree(fast(*args), derivative(kind, f)(*args))
    assert "too long for a kernel" in fast.explain()


def test_kernels_are_kept_on_disk(monkeypatch, tmp_path):
    monkeypatch.setenv("FUNAD_CACHE_DIR", str(tmp_path / "kernels"))
    plain = grad(lambda x: np.sum(np.sin(x) * (x @ x)))
    x = onp.linspace(0.0, 1.0, 5)
    agree(in_kernels(plain, x)(x), plain(x))
    (path,) = (tmp_path / "kernels").glob("kernel_*.py")
    (index,) = (tmp_path / "kernels").glob("__pycache__/*.nbi")
    walk = importlib.import_module("funad.compiling.numba_machine").Walk
    monkeypatch.setattr(walk, "run", None)  # nothing is compiled any more
    fast = in_kernels(plain, x)
    agree(fast(x), plain(x))
    assert kernel_of(fast)


@pytest.mark.parametrize("where", ["", "/dev/null/kernels"])
def test_where_nothing_can_be_written_kernels_are_made_all_the_same(monkeypatch, where):
    monkeypatch.setenv("FUNAD_CACHE_DIR", where)
    plain = grad(lambda x: np.sum(np.cos(x) * x))
    fast = in_kernels(plain, onp.ones(3))
    agree(fast(onp.ones(3)), plain(onp.ones(3)))
    assert kernel_of(fast)


def test_without_numba_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(kernels.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.ArgumentError, match=r"pip install 'funad\[numba\]'"):
        compile(np.sin, backend="numba")


def test_threads_share_a_kernel():
    plain = hessian(lambda x: np.sum(np.exp(x[1:] * x[:-1])))
    x = RNG.standard_normal(6)
    fast = in_kernels(plain, x)
    wrong = []

    def work(k):
        for _ in range(20):
            try:
                agree(fast(others(x, k)), plain(others(x, k)))
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


# --- the functions of kernels

mpmath.mp.prec = 200


def _log(low, high, n=300):
    return onp.exp(RNG.uniform(math.log(low), math.log(high), n))


def _both(x):
    return onp.concatenate([x, -x])


ANGLES = onp.concatenate(
    [RNG.uniform(-10, 10, 900), RNG.uniform(-1.5e6, 1.5e6, 900), _both(_log(5e-324, 1)),
     RNG.integers(1, 10**6, 600) * (math.pi / 2), [0.0, -0.0]]
)  # fmt: skip
SMALL = _both(_log(5e-324, 1))
POINTS = {
    "exp": onp.concatenate([RNG.uniform(-746, 710, 900), RNG.uniform(-1, 1, 900), SMALL,
                            [0.0, 709.78, -708.4, -745.13, 1e308, -1e308, onp.inf, -onp.inf]]),
    "tanh": onp.concatenate([RNG.uniform(-20, 20, 600), RNG.uniform(-1, 1, 1200), SMALL,
                             [0.0, -0.0, 1e300, -1e300, onp.inf, -onp.inf]]),
    "log": onp.concatenate([_log(5e-324, 1.7e308, 900), RNG.uniform(0.5, 2, 900), 1 + SMALL / 100,
                            [5e-324, 1.0, onp.inf]]),
    "log1p": onp.concatenate([_log(1e-300, 1e300), RNG.uniform(-1 + 1e-12, 2, 900), SMALL / 2, [0.0, -0.0]]),
    "sin": ANGLES,
    "cos": ANGLES,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", POINTS)
def test_functions_of_kernels_are_exact_to_their_last_digits(name):
    x = POINTS[name]
    fast = in_kernels(getattr(np, name), x, check=False)
    y = fast(x)
    assert kernel_of(fast) and fast.programs[0].calls > 1 and "eager" not in fast.explain()
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        exact = getattr(mpmath, name)(mpmath.mpf(a))
        nearest = float(exact)
        if math.isinf(nearest) or math.isinf(a):
            assert b == nearest, (a, b)
        else:
            error = abs(mpmath.mpf(b) - exact) / math.ulp(nearest)
            assert error <= 2.5, (a, b, float(error))
        if a == 0 and b == 0:
            assert math.copysign(1, b) == math.copysign(1, a)


def test_writes_into_slices_in_a_loop_have_a_kernel():
    """Questions about the kinds of what is written stand alone in loops, of which nothing is left."""

    def relaxed(x):
        u = np.zeros((6, 6))
        u[0] = x[0]
        for _ in range(120):
            u[1:-1:2, 1:-1] = 0.5 * (u[0:-2:2, 1:-1] + u[2::2, 1:-1])
            u[2:-1:2, 1:-1] = 0.5 * (u[1:-2:2, 1:-1] + u[3::2, 1:-1])
        return np.sum(u * u * x[1])

    fast = in_kernels(value_and_grad(relaxed), RNG.standard_normal(2))
    assert "2 kernels" in fast.explain()
    for x in RNG.standard_normal((3, 2)):
        agree(fast(x), value_and_grad(relaxed)(x), ulps=64)


def test_nothing_is_written_to_stderr(capfd):
    """LLVM tells of loops that it was told to vectorise and could not."""
    for size in (8, 12):
        x = RNG.standard_normal(size)
        fast = in_kernels(grad(lambda x: np.sum(np.cumsum(np.hypot(x, 2.0) / x) * np.arctan2(x, 3.0))), x)
        agree(fast(x), fast.__wrapped__(x))
    assert capfd.readouterr().err == ""

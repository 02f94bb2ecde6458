"""Isolation: nothing leaks from one computation into the next, whatever runs, stops or is sent where."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import gc
import inspect
import multiprocessing
import pickle
import signal
import sys
import threading
import types
import warnings

import joblib
import numpy as onp
import pytest
from joblib.externals import loky

import funad.numpy as np
from funad import (
    checkpoint,
    curried,
    custom_vjp,
    defvjp,
    elementwise,
    elementwise_grad,
    ggnvp,
    grad,
    hessian,
    hessp,
    hvp,
    j,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linear,
    linearize,
    primitive,
    value_and_grad,
    value_and_jacobian,
    value_grad_and_hvp,
    vhp,
    vjp,
)
from funad.errors import EndedTraceError, NotDifferentiableError
from funad.trace import TRACING

X = onp.array([1.5, 2.5, 0.3])
V = onp.array([0.2, -1.0, 0.7])

# --- programs, at the top of the module so that they pickle


def loss(x):
    return np.sum(np.sin(x) * x**2)


def filling(x):
    out = np.zeros((3, 3))
    for n in range(3):
        out[n] = x * n
        out[n, n] += x[0] ** 2
    row = out[1]
    row[:] = row * x
    return np.sum(out * out)


def norms(x):
    return np.linalg.norm(np.outer(x, x) + np.eye(3)) + np.max(np.cumsum(x)) + np.linalg.det(np.diag(x))


def vector(x):
    return np.exp(0.1 * x) * x[::-1]


def squares(y):
    return np.sum(y**2)


def softplus(x):
    return np.log1p(np.exp(x))


def softplus_forward(x):
    e = np.exp(x)
    return np.log1p(e), e


def softplus_backward(e, ybar):
    return ybar * e / (1 + e)


@primitive
def cube(x):
    return x**3


defvjp(cube, lambda y, ybar, x: ybar * 3 * x**2)
own_softplus = custom_vjp(softplus, softplus_forward, softplus_backward)


@checkpoint
def remembered(x):
    return loss(x) + filling(x)


def of_own_functions(x):
    return np.sum(cube(x) + own_softplus(x)) + remembered(x)


# What is run in threads, in processes and ten thousand times: functions and what they are called with.
RUNS = {
    "grad": (grad(loss), X),
    "grad of what is filled": (grad(filling), X),
    "grad of own functions": (grad(of_own_functions), X),
    "grad of norms": (grad(norms), X),
    "grad of a partial": (grad(functools.partial(np.multiply, 3.0)), 2.0),
    "value_and_grad": (value_and_grad(norms), X),
    "elementwise_grad": (elementwise_grad(softplus), X),
    "jacobian": (jacobian(vector), X),
    "jacobian of custom_vjp": (jacobian(own_softplus), X),
    "jacrev": (jacrev(vector), X),
    "jacfwd": (jacfwd(vector), X),
    "value_and_jacobian": (value_and_jacobian(vector), X),
    "hessian": (hessian(filling), X),
    "hessp": (hessp(norms), X, V),
    "hvp": (hvp(norms), X, V),
    "vhp": (vhp(loss), X, V),
    "value_grad_and_hvp": (value_grad_and_hvp(filling), X, V),
    "ggnvp": (ggnvp(vector, squares), X, V),
    "jvp": (functools.partial(jvp, filling), (X,), (V,)),
    "j": (j(loss), loss(X), 1.0, X),
    "j of a primitive": (j(np.sin), np.sin(X), V, X),
    "checkpoint": (grad(checkpoint(loss)), X),
    "curried": (curried.grad(loss), X),
    "a bound method": (grad(loss).__call__, X),
}


def call(f, *args):
    return f(*args)


def assert_same(found, wanted):
    """Hold two results equal, bit for bit."""
    if isinstance(wanted, tuple):
        assert len(found) == len(wanted)
        for part, other in zip(found, wanted, strict=True):
            assert_same(part, other)
        return
    assert type(found) is type(wanted)
    assert onp.asarray(found).tobytes() == onp.asarray(wanted).tobytes()


SLOPE = grad(filling)(X)


def assert_clean():
    """Hold that nothing is being traced, as arrays and derivatives show."""
    assert not TRACING.active
    assert type(np.zeros(3)) is onp.ndarray
    assert_same(grad(filling)(X), SLOPE)


# --- what stops in the middle


class Interrupt:
    """Raise KeyboardInterrupt where Python looks for signals for the n-th time: in calls, after C's."""

    def __init__(self, at):
        self.left = at

    def __call__(self, frame, event, arg):
        if event == "c_return" or (event == "call" and not frame.f_code.co_flags & inspect.CO_GENERATOR):
            self.left -= 1  # a generator may be closing, which passes no error on
            if self.left == 0:
                raise KeyboardInterrupt


def interrupted(run, at):
    """Say whether there was an n-th place for an interrupt, and interrupt there."""
    settings = onp.geterr()
    try:
        sys.setprofile(Interrupt(at))
        run()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
        onp.seterr(**settings)  # numpy.errstate itself can be interrupted before it has a token
    return False


@pytest.mark.parametrize(
    "name", ["grad of what is filled", "grad of own functions", "hvp", "jvp", "jacobian of custom_vjp"]
)
def test_an_interrupt_at_any_place_leaves_nothing_behind(name):
    f, *args = RUNS[name]
    wanted = f(*args)
    at = 1
    while interrupted(lambda: f(*args), at):
        assert not TRACING.active
        if at % 50 == 1:
            assert_clean()
            assert_same(f(*args), wanted)
        at += 1
    assert at > 100
    assert_clean()


@pytest.fixture
def ctrl_c():
    """Make Ctrl-C raise here too, where a shell that runs the tests in its background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_in_a_function_in_a_rule_and_in_a_backward_pass():
    def press(*args):
        signal.raise_signal(signal.SIGINT)

    def slow(x):
        out = np.zeros(3)
        out[0] = x[0]
        press()
        return np.sum(out)

    pressing = custom_vjp(loss, lambda x: (loss(x), None), press)
    for run in (
        grad(slow),
        jacfwd(slow),
        hessian(slow),
        grad(pressing),
        hessian(pressing),
        grad(checkpoint(slow)),
    ):
        with pytest.raises(KeyboardInterrupt):
            run(X)
        assert_clean()


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, SystemExit, GeneratorExit, MemoryError])
def test_an_error_in_an_inner_trace_leaves_the_outer_one_as_it_is(error):
    def stops(x):
        out = np.zeros(2)
        out[0] = x[0]
        raise error

    def outer(x):
        out = np.zeros(3)
        out[0] = x[0]
        for run in (grad(stops), hessian(stops), lambda x: jvp(stops, (x,), (V,)), lambda x: vjp(stops, x)):
            with pytest.raises(error):
                run(x)
        out[1:] = x[1:] * np.zeros(2) + x[:2] ** 2  # creation still makes what can be filled
        more = np.zeros(1)
        more[0] = out[2]
        return np.sum(out) + more[0]

    onp.testing.assert_allclose(grad(outer)(X), [1 + 2 * X[0], 4 * X[1], 0])
    assert_clean()


def test_creation_that_fails_under_tracing_leaves_nothing_behind():
    for create in (
        lambda: np.zeros(-1),
        lambda: np.zeros("x"),
        lambda: np.full((2,), X),
        lambda: np.array(["x", X[0]]) * 1.0,
    ):
        with pytest.raises((TypeError, ValueError)):
            grad(lambda x: np.sum(x) + np.sum(create()))(X)
        assert_clean()


def test_recursion_too_deep_leaves_nothing_behind():
    def endless(x):
        return endless(x * 2.0)

    with pytest.raises(RecursionError):
        grad(endless)(1.0)
    with pytest.raises(RecursionError):
        grad(lambda x: nested(x))(1.0)
    assert_clean()


def nested(x):
    return grad(nested)(x)


def test_recursive_functions_and_transformations():
    def power(x, n):
        return 1.0 if n == 0 else x * power(x, n - 1)

    def derivative(f, n):
        return f if n == 0 else derivative(grad(f), n - 1)

    assert derivative(lambda x: power(x, 6), 4)(2.0) == 360 * 4


# --- generators and tasks


def test_generators_may_run_inside_and_across_gradients():
    def parts(x):
        for n in range(3):
            out = np.zeros(2)
            out[0] = x[n] ** 2
            yield np.sum(out)

    def gradients():
        for n in range(3):
            yield grad(filling)(X * n)

    assert_same(grad(lambda x: sum(parts(x)))(X), 2 * X)
    for n, (a, b) in enumerate(zip(gradients(), gradients(), strict=True)):
        assert_same(a, grad(filling)(X * n))
        assert_same(a, b)
    assert_clean()


def test_a_generator_that_outlives_its_trace_says_so():
    kept = []

    def f(x):
        kept.append(x[n] * 2.0 for n in range(3))
        return next(kept[0])

    assert_same(grad(f)(X), onp.array([2.0, 0.0, 0.0]))
    with pytest.raises(EndedTraceError):
        next(kept[0])
    assert_clean()


def test_tasks_keep_to_themselves():
    async def work(n):
        f, *args = RUNS[list(RUNS)[n % len(RUNS)]]
        before = f(*args)
        await asyncio.sleep(0)
        inside = await asyncio.to_thread(call, f, *args)
        await asyncio.sleep(0)
        assert_same(inside, before)
        assert_same(f(*args), before)
        assert_clean()

    async def many():
        await asyncio.gather(*(work(n) for n in range(2 * len(RUNS))))

    asyncio.run(many())
    assert_clean()


def test_a_function_may_run_an_event_loop():
    async def part(x, n):
        out = np.zeros(2)
        await asyncio.sleep(0)
        out[1] = x[n] ** 2
        return np.sum(out)

    async def all_parts(x):
        return await asyncio.gather(*(part(x, n) for n in range(3)))

    assert_same(grad(lambda x: sum(asyncio.run(all_parts(x))))(X), 2 * X)
    assert_clean()


def test_a_task_that_a_traced_function_starts_is_not_traced_after_it():
    kinds = []

    async def later():
        kinds.append(type(np.zeros(2)))

    async def main():
        loop, tasks = asyncio.get_running_loop(), []

        def f(x):
            tasks.append(loop.create_task(later()))  # with a copy of the context
            return x * x

        assert grad(f)(3.0) == 6.0
        assert jvp(f, (3.0,), (1.0,)) == (9.0, 6.0)
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert kinds == [onp.ndarray, onp.ndarray]


# --- threads and processes


@pytest.fixture
def impatient():
    """Make Python change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_eight_threads_of_mixed_transformations_agree_with_one_bit_for_bit(impatient):
    names = list(RUNS)
    wanted = {name: call(*RUNS[name]) for name in names}
    start, wrong = threading.Barrier(8), []

    def work(n):
        start.wait()
        try:
            for k in range(4 * len(names)):
                name = names[(k * (2 * n + 1) + n) % len(names)]
                assert_same(call(*RUNS[name]), wanted[name])
                assert not TRACING.active
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert_clean()


def test_executors_agree_with_one_thread():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda run: call(*run), list(RUNS.values()) * 3))
    for part, run in zip(found, list(RUNS.values()) * 3, strict=True):
        assert_same(part, call(*run))


def test_threads_inside_of_a_function_record_on_its_tape(impatient):
    def f(x):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return sum(pool.map(lambda n: np.sum(np.sin(x * n) * x) + n * loss(x), range(40)))

    def alone(x):
        return sum(np.sum(np.sin(x * n) * x) + n * loss(x) for n in range(40))

    for _ in range(5):
        onp.testing.assert_allclose(grad(f)(X), grad(alone)(X), rtol=1e-12)


def test_an_array_of_another_thread_refuses_what_it_cannot_hold():
    def f(x):
        def fill():
            out = np.zeros(2)  # a thread does not know that its starter is traced
            out[0] = x[0]
            return np.sum(out)

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(fill).result()

    with pytest.raises(NotDifferentiableError, match=r"a thread of its own has made.*zeros_like\(x\)"):
        grad(f)(X)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:  # a gradient in a thread is as any other
        assert pool.submit(grad(lambda x: _filled(np, x)), X).result().tolist() == [
            1.0,
            *[0.0] * (X.size - 1),
        ]
        with pytest.raises(
            NotDifferentiableError, match="into a plain NumPy array, which.*zeros, empty, full"
        ):
            pool.submit(grad(lambda x: _filled(onp, x)), X).result()
    assert_clean()


def _filled(np, x):
    out = np.zeros(2)
    out[0] = x[0]
    return out[0]


@pytest.mark.parametrize("name", RUNS)
def test_derivatives_pickle(name):
    f, *args = pickle.loads(pickle.dumps(RUNS[name]))
    assert_same(f(*args), call(*RUNS[name]))


PUBLIC = [
    pytest.param(f, id=f"{module.__name__}.{name}")
    for module in (np, np.linalg, np.fft)
    for name in sorted(set(module.__all__))
    if isinstance(f := getattr(module, name), (types.FunctionType, types.BuiltinFunctionType, onp.ufunc))
]


@pytest.mark.parametrize("f", PUBLIC)
def test_every_function_of_the_namespace_pickles_as_itself(f):
    assert pickle.loads(pickle.dumps(f)) is f


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_take_derivatives(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system does not {method}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, which others left
        pool = multiprocessing.get_context(method).Pool(1)
    with pool:
        found = pool.starmap(call, RUNS.values())
    for part, run in zip(found, RUNS.values(), strict=True):
        assert_same(part, call(*run))


@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
def test_joblib_takes_derivatives(backend):
    try:
        found = joblib.Parallel(n_jobs=2, backend=backend)(
            joblib.delayed(call)(*run) for run in RUNS.values()
        )
    finally:
        if backend == "loky":
            loky.get_reusable_executor().shutdown(wait=True)
    for part, run in zip(found, RUNS.values(), strict=True):
        assert_same(part, call(*run))


# --- memory


def refused(f, *args):
    with contextlib.suppress(ValueError):
        f(*args)


MORE = {
    "vjp": (lambda x: vjp(loss, x)[1](1.0), X),
    "vjp of what is filled": (lambda x: vjp(filling, x)[1](1.0), X),
    "linearize": (lambda x: linearize(filling, x)[1](V), X),
    "grad of grad": (grad(lambda x: np.sum(grad(filling)(x))), X),
    "views": (grad(lambda x: np.sum(x.reshape(3, 1).T[0][1:] * np.ravel(x)[:2])), X),
    "an error": (lambda x: refused(grad(lambda x: x @ np.zeros(2)), x), X),
}


@pytest.mark.parametrize("name", [*RUNS, *MORE])
def test_nothing_is_left_to_the_garbage_collector(name):
    f, *args = {**RUNS, **MORE}[name]
    f(*args)
    gc.collect()
    gc.freeze()  # what is there already takes the collector half a second
    gc.disable()
    try:
        for _ in range(20):
            f(*args)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_memory_returns_to_its_start_after_ten_thousand_gradients():
    runs = [RUNS["grad"], RUNS["grad of what is filled"], RUNS["jvp"], RUNS["checkpoint"]]

    def many(count):
        for _ in range(count):
            for run in runs:
                call(*run)

    def taken():
        assert gc.collect() == 0  # finds nothing, but empties Python's own lists of free objects
        return sys.getallocatedblocks()

    many(50)  # whatever is kept from the first time on
    gc.collect()
    gc.freeze()  # what is there already takes the collector half a second
    gc.disable()
    try:
        many(50)
        before = taken()
        many(2500)
        # Less than one object for each of one kind; NumPy and Python keep some free ones.
        assert taken() - before < 1500
    finally:
        gc.enable()


def test_rules_see_the_context_variables_that_f_has_set():
    factor = contextvars.ContextVar("factor", default=1.0)

    @primitive
    def scaled(x):
        return x * factor.get()

    @primitive
    def both(a, b):
        return a * b * factor.get()

    elementwise(scaled, lambda y, ybar, x: ybar * factor.get())
    linear(both, lambda y, ybar, a, b: ybar * b * factor.get(), lambda y, ybar, a, b: ybar * a * factor.get())

    def f(x):
        factor.set(5.0)
        return scaled(x) + both(x, x)

    run = lambda g: contextvars.copy_context().run(g)
    x, ones = onp.ones(2), onp.ones(2)
    assert run(lambda: grad(f)(1.0)) == run(lambda: jvp(f, (1.0,), (1.0,))[1]) == 15
    assert run(lambda: jvp(f, (x,), (ones,))[1]).tolist() == [15, 15]
    assert run(lambda: linearize(f, x)[1](ones)).tolist() == [15, 15]
    assert run(lambda: jvp(grad(lambda x: f(x) * x), (1.0,), (1.0,))[1]) == 40

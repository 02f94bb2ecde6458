"""funad.compile: a program is right, or f runs as it is."""

import functools
import pickle
import threading

import numpy as onp
import pytest

import funad
import funad.numpy as np
from funad import checkpoint, compile, curried, grad, hessian, jacobian, jvp, value_and_grad
from funad.errors import ArgumentError
from funad.traces import symbolic
from funad.transforms import compiled

from .compiled import PROGRAMS, agree, others

X = onp.array([0.3, -1.2, 2.0])


@pytest.fixture(autouse=True)
def raising(monkeypatch):
    monkeypatch.setattr(compiled, "RAISES", True)


def held(f, *args, programs=1):
    """Hold compile(f) to f on these arguments and on others, and return it; it must have run programs."""
    fast = compile(f)
    for _ in range(3):
        agree(fast(*args), f(*args))
    for k in range(1, 4):
        x = others(args, k)
        agree(fast(*x), f(*x))
    assert len(fast.programs) == programs, fast.explain()
    assert sum(p.calls for p in fast.programs) >= 4
    return fast


def derivative(kind, f):
    return f if kind is None else getattr(funad, kind)(f)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_people_differentiate_runs_as_a_program(name):
    kind, f, args = PROGRAMS[name]
    held(derivative(kind, f), *args)


@pytest.mark.parametrize("name", PROGRAMS)
def test_single_precision_stays_single(name):
    kind, f, args = PROGRAMS[name]
    single = funad.tree.map(lambda x: x.astype(onp.float32) if isinstance(x, onp.ndarray) else x, args)
    fast, plain = compile(derivative(kind, f)), derivative(kind, f)
    for k in range(3):
        x = others(single, k)
        agree(fast(*x), plain(*x), ulps=1000)  # of sums of squares of differences
    assert fast.programs


# --- the interface


def test_it_is_a_decorator_with_options_and_without():
    @compile
    def f(x):
        return x * 2

    @compile(limit=3)
    def g(x):
        return x * 3

    agree((f(X), g(X)), (X * 2, X * 3))
    assert f.__name__ == "f"
    agree(curried.compile(limit=2)(lambda x: x * 2)(X), X * 2)


class Model:
    def __init__(self, w):
        self.w = w

    @compile
    def predict(self, x):
        return np.sum(self.w * x)


def test_a_method_sees_its_object_and_says_why_it_is_not_compiled():
    model = Model(X)
    assert model.predict(X) == onp.sum(X * X)
    model.w = 2 * X
    assert model.predict(X) == 2 * onp.sum(X * X)
    assert "is a Model" in Model.predict.explain()


def square(x):
    return np.sum(x**2)


SQUARE = compile(grad(square))


def test_it_pickles_as_f_does():
    SQUARE(X)
    found = pickle.loads(pickle.dumps(SQUARE))
    agree(found(X), 2 * X)


def test_called_on_traced_values_it_is_f():
    fast = compile(square)
    fast(X)
    agree(grad(fast)(X), 2 * X)
    agree(jvp(fast, (X,), (X,))[1], 2 * onp.sum(X * X))
    agree(hessian(lambda x: fast(x) * x[0])(X), hessian(lambda x: square(x) * x[0])(X))


def test_arguments_by_name_defaults_and_containers():
    def f(params, *, scale=2.0, power=2):
        return scale * np.sum(params["w"] ** power) + params["b"][0]

    fast, plain = compile(value_and_grad(f)), value_and_grad(f)
    params = {"w": X, "b": (1.5, [X])}
    for k in range(3):
        p = others(params, k)
        agree(fast(p), plain(p))
        agree(fast(p, scale=3.0), plain(p, scale=3.0))
        agree(fast(p, scale=3.0, power=3), plain(p, scale=3.0, power=3))
    assert len(fast.programs) == 3


def test_other_shapes_dtypes_and_static_values_have_programs_of_their_own():
    fast = compile(lambda x, how: x.sum() if how == "sum" else x.max())
    for x in (X, X[:2], X.astype(onp.float32), onp.arange(3), onp.float64(2.0), X.reshape(3, 1)):
        for how in ("sum", "max"):
            for _ in range(2):
                agree(fast(x, how), x.sum() if how == "sum" else x.max())
    assert len(fast.programs) == 12


def test_a_static_number_is_compared_by_value():
    fast = compile(lambda x, n: x if n > 1.5 else x * n, static="n")
    for n in (1.0, 2.0, 1.0, 2.0):
        agree(fast(X, n), X if n > 1.5 else X * n)
    assert len(fast.programs) == 2
    assert not any(p.guards for p in fast.programs)


def test_results_are_the_callers_own():
    fast = compile(lambda x: (x, x, x[1:], np.zeros(2), 3, None, "text"))
    first = fast(X), fast(X), fast(X)
    for result in first:
        agree(result, (X, X, X[1:], onp.zeros(2), 3, None, "text"))
        for part in result[:4]:
            part[...] = 7.0
    assert X[0] == 0.3
    agree(fast(X), (X, X, X[1:], onp.zeros(2), 3, None, "text"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"limit": 0}, "limit is how many programs"),
        ({"limit": True}, "limit is how many programs"),
        ({"static": 1.5}, "static is a name or a position"),
        ({"static": (None,)}, "static is a name or a position"),
        ({"backend": "fortran"}, "backend is one of"),
    ],
)
def test_bad_options_are_refused(options, said):
    with pytest.raises(ArgumentError, match=said):
        compile(square, **options)


def test_what_is_no_function_is_refused():
    with pytest.raises(ArgumentError, match="compile takes a function"):
        compile(3.0)


def test_it_can_be_read():
    fast = held(grad(lambda w, X, y: np.mean((X @ w - y) ** 2)), X, onp.ones((4, 3)), onp.arange(4.0))
    lines = fast.source.splitlines()
    assert lines[0] == "def program(w, X, y):"
    assert sum(".dot(" in line for line in lines) == 2
    shown = fast.source._repr_html_()
    assert shown.startswith("<pre>")
    assert "<span" in shown
    assert "program" in shown
    assert "served" in fast.explain()
    names = {}
    exec(builtin_compile(fast.source, "<text>", "exec"), names)
    assert callable(names["program"])


builtin_compile = __builtins__["compile"] if isinstance(__builtins__, dict) else __builtins__.compile


def test_the_source_has_the_users_names():
    def f(x):
        height = np.sin(x)
        width = height * x
        return np.sum(np.exp(width))

    fast = compile(value_and_grad(f))
    fast(X)
    assert "height = sin(x)" in fast.source
    assert "width = " in fast.source
    assert "width_bar" in fast.source or "height_bar" in fast.source


# --- values that f asks for


def newton(a):
    y = a
    while abs(y * y - a) > 1e-9 * a:
        y = 0.5 * (y + a / y)
    return np.log(y) if y > 2.0 else y


def test_where_f_branches_there_is_a_program_for_each_way():
    fast, plain = compile(value_and_grad(newton), limit=6), value_and_grad(newton)
    points = [2.0, 3.0, 9.0, 100.0, 2.5, 81.0, 1e4, 7.0, 0.3, 1e6, 1e-3, 1e9]
    for k, a in enumerate(points * 3):
        agree(fast(a), plain(a), classes=k > 11)
    assert len(fast.programs) == 6
    assert "as many as limit allows" in fast.explain()
    assert "in newton" in fast.explain()


def test_a_branch_on_an_array_is_asked_again():
    def f(x):
        return np.sum(x) if np.max(x) > 1 and x[0] < 5 else np.sum(x * x)

    fast = compile(grad(f))
    for x in (X, X / 10, X + 9, X, X / 10):
        agree(fast(x), grad(f)(x))
    assert len(fast.programs) == 3


def test_integers_that_python_asks_for_are_guards():
    def f(x, n):
        return np.sum(x[: int(n)]) + x[np.argmax(x)] + sum(x[k] for k in range(n))

    fast = compile(grad(f))
    for n in (onp.int64(2), onp.int64(3), onp.int64(2)):
        for x in (X, X[::-1].copy()):
            agree(fast(x, n), grad(f)(x, n))


def test_shapes_that_depend_on_values_are_asked_again():
    fast, plain = (
        g(value_and_grad(lambda x: np.sum(x[x > 0]) / x[x > 0].size)) for g in (compile, lambda g: g)
    )
    for x in (X, X - 1, X + 9, X):
        agree(fast(x), plain(x))
    assert len(fast.programs) == 3


SHAPED_BY_AN_INTEGER = {
    "sum": lambda x, k: np.sum(x, axis=k),
    "sum by position": lambda x, k: np.sum(x, k),
    "sum over a tuple": lambda x, k: np.sum(x, axis=(k,)),
    "mean": lambda x, k: np.mean(x, axis=k),
    "a method": lambda x, k: x.max(axis=k),
    "take": lambda x, k: np.take(x, 1, axis=k),
    "reshape": lambda x, k: np.reshape(x, (k + 2, -1)),
    "expand_dims": lambda x, k: np.expand_dims(x, k),
    "concatenate": lambda x, k: np.concatenate([x, x], axis=k),
    "broadcast_to": lambda x, k: np.broadcast_to(x[0], (k + 2, 3)),
    "ones": lambda x, k: np.ones((k + 1, 3)),
    "tile": lambda x, k: np.tile(x, (k + 1, 1)),
    "array_split": lambda x, k: np.array_split(x, k + 1)[0],
    "diag": lambda x, k: np.diag(x, k),
    "diff": lambda x, k: np.diff(x, k + 1),
}


@pytest.mark.parametrize("name", SHAPED_BY_AN_INTEGER)
def test_integers_that_shapes_depend_on_are_guards(name):
    def f(x, k):
        y = SHAPED_BY_AN_INTEGER[name](x, k)
        return y * y.shape[0] + y.size, x * y.shape[0]

    fast, x = compile(f), onp.random.default_rng(0).standard_normal((2, 3))
    for k in (1, 1, 1, 0, 0, 0, 1):
        agree(fast(x, onp.int64(k)), f(x, onp.int64(k)))
    assert len(fast.programs) == 2


@pytest.mark.parametrize("product", [np.dot, np.vdot, np.inner])
@pytest.mark.parametrize("x", [2.0, onp.array(2.0), onp.array([2.0, 3.0])])
def test_products_of_numbers_run_as_programs(product, x):
    def plain(x, y):
        return jvp(product, (x, y), (y, x))

    fast = compile(plain)
    for k in range(3):
        agree(fast(x + k, 3.0 * x), plain(x + k, 3.0 * x))
    assert fast.programs


def test_python_numbers_taken_out_of_arrays_leave_f_as_it_is():
    fast = compile(lambda x: x * float(np.sum(x)))
    for k in range(4):
        agree(fast(X * k), X * k * float(onp.sum(X * k)))
    assert "float() was asked" in fast.explain()
    assert not fast.programs


# --- what a program must not forget


def test_closed_over_arrays_and_numbers_are_read_in_each_call():
    K, scale, name = onp.array([1.0, 2.0, 3.0]), 2.0, "sin"

    def f(x):
        return np.sum(getattr(np, name)(x * K * K)) * scale

    fast = held(grad(f), X)
    K[:] = 5.0
    agree(fast(X), grad(f)(X))
    scale = 3.0
    agree(fast(X), grad(f)(X))
    K = onp.arange(3.0)
    agree(fast(X), grad(f)(X))
    assert len(fast.programs) == 1
    name = "cos"
    agree(fast(X), grad(f)(X))
    agree(fast(X), grad(f)(X))
    assert len(fast.programs) == 2


TABLE = {"w": onp.ones(3), "n": 2}


def helper(x):
    return np.sum(TABLE["w"] ** 2 * x ** TABLE["n"])


def test_globals_of_functions_that_are_called_are_read_in_each_call(monkeypatch):
    fast = held(grad(lambda x: helper(x) + 1.0), X)
    monkeypatch.setitem(TABLE, "w", onp.arange(3.0))
    agree(fast(X), grad(helper)(X))
    monkeypatch.setitem(TABLE, "n", 3)
    agree(fast(X), grad(helper)(X))
    monkeypatch.setitem(globals(), "helper", square)
    agree(fast(X), 2 * X)


def test_defaults_and_objects_are_read_in_each_call():
    class Config:
        pass

    config = Config()
    config.rate, config.w = 0.5, onp.ones(3)
    default = onp.ones(3)

    def f(x, c=default):
        return np.sum(c * x**2 * config.w) * config.rate

    fast = held(grad(f), X)
    config.rate = 0.25
    agree(fast(X), grad(f)(X))
    config.w[1] = 7.0
    agree(fast(X), grad(f)(X))
    default[2] = 4.0
    agree(fast(X), grad(f)(X))


def test_random_numbers_are_drawn_in_each_call():
    generator = onp.random.default_rng(3)
    for draw in (lambda: onp.random.standard_normal(3), lambda: generator.standard_normal(3)):
        fast = compile(lambda x, draw=draw: x + draw())
        assert len({tuple(fast(X)) for _ in range(5)}) == 5
        assert "draws random numbers" in fast.explain()
    onp.random.seed(5)
    fast = compile(lambda x: x + onp.random.standard_normal(3))
    found = [fast(X) for _ in range(3)]
    onp.random.seed(5)
    agree(found, [X + onp.random.standard_normal(3) for _ in range(3)])


def test_a_generator_made_inside_from_a_seed_is_a_constant():
    held(grad(lambda x: np.sum(x * onp.random.default_rng(1).standard_normal(3))), X)


COUNT = 0


def test_side_effects_happen_in_each_call():
    seen = []

    def counted(x):
        global COUNT
        COUNT += 1
        return x * COUNT

    def local(x):
        nonlocal total
        total = total + 1
        return x * total

    def noted(x):
        seen.append(1)
        return x * len(seen)

    total = 0
    for f in (counted, local, noted):
        fast = compile(f)
        assert [fast(1.0) for _ in range(4)] == [1.0, 2.0, 3.0, 4.0]


def test_what_changes_from_call_to_call_is_found_by_the_second():
    numbers = iter(range(100))
    fast = compile(lambda x: x + next(numbers))
    compiled.RAISES = False
    found = [fast(1.0) for _ in range(4)]
    assert found == sorted(set(found))
    assert "gave another result than its program" in fast.explain()


@pytest.mark.parametrize("size", [3, 10_000])
def test_an_array_that_is_written_again_after_use_is_what_it_was(size):
    def f(x):
        weights, places, total = onp.zeros(size), [0, 1], 0.0
        for n in range(3):
            weights[:] = n + 1
            places[1] = n
            total = total + np.sum(x * weights) ** 2 + np.sum(x[places] ** 3)
        return total

    x = onp.linspace(0.1, 1.0, size)
    for of_f in (f, grad(f))[: 2 if size == 3 else 1]:  # of large arrays, the gradient refuses it
        fast = compile(of_f, check=False)
        for _ in range(3):
            agree(fast(x), of_f(x))
        assert "a plain array is written into after a call with it" in fast.explain()


def test_writes_into_arguments_and_closed_over_arrays_happen():
    buffer = onp.zeros(3)

    def writes(x):
        x[0] = 7.0
        return x * 2

    def fills(x):
        buffer[:] = x
        return buffer * 2

    for f in (writes, fills):
        fast = compile(f)
        for _ in range(3):
            x = X.copy()
            agree(fast(x), f(X.copy()))
            assert x[0] == (7.0 if f is writes else 0.3)
        assert not fast.programs


def test_a_checkpointed_step_is_part_of_the_program():
    W, x = onp.eye(4) / 2 + 0.1, onp.arange(12.0).reshape(3, 4) / 7

    def loss(w, x):
        step = checkpoint(lambda h: np.tanh(h @ w))
        return np.sum(step(step(checkpoint(np.sin)(x))) ** 2)

    for derive in (grad(loss), grad(loss, argnums=(0, 1)), jacobian(grad(loss))):
        fast = compile(derive)
        for scale in (1.0, 1.5, 2.0):
            agree(fast(W * scale, x), derive(W * scale, x))
        assert fast.programs[0].calls == 2, fast.explain()


def test_two_threads_may_call_it():
    fast, found = compile(grad(lambda x: np.sum(np.sin(x) ** 2))), {}

    def work(k):
        found[k] = [fast(X * (k + n)) for n in range(30)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, results in found.items():
        for n, result in enumerate(results):
            agree(result, grad(lambda x: np.sum(np.sin(x) ** 2))(X * (k + n)))


# --- conventions, infinities and errors

INF, NAN = onp.inf, onp.nan
KINKS = {
    "where of sqrt": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), x)), [1.0, 4.0], [0.0, 4.0]),
    "sqrt of a square": (lambda x: np.sum(np.sqrt(x**2)), [1.0, 4.0], [0.0, 4.0]),
    "norm": (lambda x: np.linalg.norm(x), [1.0, 4.0], [0.0, 0.0]),
    "prod": (lambda x: np.prod(x), [1.0, 4.0], [0.0, 4.0]),
    "square": (lambda x: np.sum(x**2), [1.0, 4.0], [0.0, 4.0]),
    "zero times a root": (lambda x: np.sum(0.0 * x**0.5), [1.0, 4.0], [0.0, 4.0]),
    "abs": (lambda x: np.sum(np.abs(x)), [1.0, 4.0], [0.0, -4.0]),
    "max": (lambda x: np.max(x), [1.0, 4.0], [4.0, 4.0]),
    "maximum": (lambda x: np.sum(np.maximum(x, 2.0)), [1.0, 4.0], [2.0, 2.0]),
    "hypot": (lambda x: np.hypot(x[0], x[1]), [1.0, 4.0], [0.0, 0.0]),
    "where of log": (lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), [1.0, 4.0], [0.0, -4.0]),
    "nansum": (lambda x: np.nansum(x * x), [1.0, 4.0], [NAN, 4.0]),
    "logaddexp": (lambda x: np.sum(np.logaddexp(x, 0.0)), [1.0, 4.0], [-INF, INF]),
    "logsumexp": (lambda x: np.max(x) + np.log(np.sum(np.exp(x - np.max(x)))), [1.0, 4.0], [800.0, -800.0]),
    "quotient by a norm": (lambda x: np.sum(x / np.sqrt(np.sum(x**2))), [1.0, 4.0], [0.0, 0.0]),
    "std": (lambda x: np.std(x), [1.0, 4.0], [2.0, 2.0]),
    "clip": (lambda x: np.sum(np.clip(x, 0.0, 1.0)), [0.5, 0.6], [0.0, 1.0]),
    "cumprod": (lambda x: np.sum(np.cumprod(x)), [1.0, 4.0], [0.0, 4.0]),
    "log": (lambda x: np.sum(np.log(x)), [1.0, 4.0], [INF, 4.0]),
    "log of a large product": (lambda x: np.sum(np.log(x * 1e200)), [1.0, 4.0], [1e200, 4.0]),
    "tanh in its tail": (lambda x: np.sum(np.tanh(x)), [0.1, 0.2], [20.0, -25.0]),
    "quotient": (lambda x: np.sum(x[0] / x[1] * x[1]), [1.0, 4.0], [1.0, 0.0]),
    "exp": (lambda x: np.sum(np.exp(x)), [1.0, 4.0], [1000.0, -1000.0]),
    "nan": (lambda x: np.sum(x * x), [1.0, 4.0], [NAN, 4.0]),
    "masked nan": (lambda x: np.sum(np.where(np.isnan(x), 0.0, x * x)), [1.0, 4.0], [NAN, 4.0]),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("derive", [grad, hessian])
@pytest.mark.parametrize("name", KINKS)
def test_conventions_hold_where_a_program_was_recorded_elsewhere(name, derive):
    f, here, there = KINKS[name]
    plain, fast = derive(f), compile(derive(f))
    here, there = onp.array(here), onp.array(there)
    for x in (here, here * 1.1, there, here, there, here * 0.9):
        try:
            wanted = plain(x)
        except Exception as error:
            with pytest.raises(type(error)):
                fast(x)
            continue
        agree(fast(x), wanted)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KINKS)
def test_conventions_hold_where_a_program_is_recorded_there(name):
    f, here, there = KINKS[name]
    fast = compile(value_and_grad(f))
    for x in (there, there, here, there, here):
        agree(fast(onp.array(x)), value_and_grad(f)(onp.array(x)))


def test_errors_are_those_of_f_in_the_users_line():
    def f(x, y):
        return np.sum(x @ y)

    fast = compile(grad(f))
    agree(fast(X, X), X)
    for _ in range(2):
        with pytest.raises(ValueError, match="matmul"):
            fast(X, onp.ones(4))
    with pytest.raises(TypeError):
        fast(X)
    fast = compile(lambda x: 1.0 / x)
    assert fast(2.0) == fast(2.0) == 0.5
    with pytest.raises(ZeroDivisionError):
        fast(0.0)


def test_a_failure_of_the_compiler_leaves_f_as_it_is(monkeypatch):
    monkeypatch.setattr(compiled, "RAISES", False)
    monkeypatch.setattr(compiled.Recording, "compiled", lambda self: 1 / 0)
    fast = compile(grad(square))
    for _ in range(3):
        agree(fast(X), 2 * X)
    assert "ZeroDivisionError" in fast.explain()


def test_a_loop_without_end_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(symbolic, "LONGEST", 50)

    def f(x):
        for _ in range(60):
            x = np.sin(x)
        return x

    fast = compile(grad(f))
    for _ in range(3):
        assert fast(0.5) == grad(f)(0.5)
    assert "more than 50 calls" in fast.explain()


ROWS, COLUMNS, MASK = onp.array([0, 2, 1, 1]), onp.array([1, 0, 1, 1]), onp.array([True, False, True])
OF_INDICES = {
    "one array": lambda x: x[ROWS] * x[-ROWS - 1],
    "arrays apart": lambda x: np.reshape(x, (3, 4, 2))[ROWS, :, COLUMNS],
    "arrays together": lambda x: np.reshape(x, (3, 4, 2))[ROWS, ROWS, COLUMNS],
    "behind a slice": lambda x: np.reshape(x, (3, 4, 2))[:, ROWS],
    "a mask": lambda x: np.reshape(x, (3, 4, 2))[MASK],
    "an array without axes": lambda x: np.reshape(x, (3, 4, 2))[onp.array(2), :, COLUMNS],
}


@pytest.mark.parametrize("kind", ["jacfwd", "jacrev", "hessian"])
@pytest.mark.parametrize("f", OF_INDICES.values(), ids=OF_INDICES)
def test_stacks_of_derivatives_take_index_arrays_that_a_program_closes_over(f, kind):
    held(derivative(kind, lambda x: np.sum(f(x) ** 2) if kind == "hessian" else f(x) ** 2), onp.arange(24.0))


def _shadowing(type, isfinite, float):
    ndarray = np.sin(isfinite)
    range = np.where(~np.isfinite(ndarray), 0.0, ndarray)
    return np.sum(range * type) * float


@pytest.mark.parametrize("f", [_shadowing, grad(_shadowing, argnums=(0, 1, 2))])
def test_names_of_the_user_are_not_taken_for_those_of_the_source(f):
    fast, x = compile(f), onp.arange(1.0, 4.0)
    for k in range(4):
        agree(fast(x, x + k, 2.0), f(x, x + k, 2.0))
    assert "in eager" not in fast.explain() and fast.programs[0].calls == 3


def test_functions_of_one_name_are_told_apart():
    def f(x, k):
        return np.where(~np.isfinite(k), 0.0, k) * np.interp(k, onp.arange(4.0), x)

    fast, x = compile(value_and_grad(f)), onp.arange(1.0, 5.0) ** 2
    for k in (1.3, 1.3, 1.4, 1.2):
        agree(fast(x, k), value_and_grad(f)(x, k))
    assert len(fast.programs) == 1 and fast.programs[0].calls == 3


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: np.sum(x[:n]) * np.sum(x),
        lambda x, n: x[:n].shape[0] * np.sum(x),
        lambda x, n: np.sum(x[1:n]) * x[n:].size,
        lambda x, n: np.sum(x[n : n + 2] ** 2),
        lambda x, n: np.sum(np.reshape(x, (2, -1))[0, n:] ** 2),
        lambda x, n: np.sum(x[::n]),
    ],
)
def test_bounds_of_slices_may_be_values(f):
    fast, x = compile(f), onp.arange(8.0)
    for n in (1, 1, 2, 1, 3, 2):
        agree(fast(x, onp.int64(n)), f(x, onp.int64(n)))
    assert "in eager" not in fast.explain()


@pytest.mark.parametrize("order", [(3.0, 2.5), (2.0, 1.0), (onp.inf, -onp.inf), (2, 1)])
@pytest.mark.parametrize(
    "f",
    [
        lambda x, p: np.linalg.norm(x[0], p),
        lambda x, p: np.sum(np.linalg.norm(x, ord=p, axis=1)),
        lambda x, p: np.linalg.vector_norm(x, ord=p),
        lambda x, p: np.linalg.cond(x, p) if p not in (2.5, 3.0) else np.sum(x),
    ],
)
def test_the_order_of_a_norm_may_be_an_argument(f, order):
    fast, x = compile(grad(f)), onp.array([[1.0, 2.5, -0.5], [0.3, -1.0, 2.0], [1.0, 0.0, 1.5]])
    for p in (order[0], order[0], order[1], order[1], order[0]):
        agree(fast(x, p), grad(f)(x, p), ulps=256)
    assert "in eager" not in fast.explain()


def test_a_cached_function_keeps_no_value_of_a_recording():
    @functools.lru_cache
    def cached(n):
        return 2.0 * n

    def f(x, n):
        return np.sum(x) * cached(n)

    fast, x = compile(f), onp.arange(3.0)
    for n in (3.0, 3.0, 4.0):
        assert fast(x, n) == f(x, n) == 6.0 * n
    assert "hash() was asked of it" in fast.explain()


@pytest.mark.parametrize("x", [onp.arange(3), onp.int64(3), onp.array(3), onp.int32([1, 2])])
@pytest.mark.parametrize("transform", [grad, value_and_grad, hessian, jacobian])
def test_integers_are_differentiated_as_floats(transform, x):
    plain = transform(lambda x: np.sum(np.tanh(x) ** 2))
    fast = compile(plain)
    for k in (0, 0, 0, 1):
        agree(fast(x + k), plain(x + k))
    assert "in eager" not in fast.explain()


def test_gradients_of_members_that_are_integers_are_those_of_floats():
    x, f = onp.arange(6).reshape(2, 3), lambda x: np.sum(np.tanh(x))
    agree(funad.vmap(grad(f))(x), funad.vmap(grad(f))(x.astype(float)))


def test_a_power_that_is_complex_is_left_to_eager():
    fast = compile(lambda a, b: a**b)
    for a, b in ((2.0, 3.0), (2.0, 3.0), (2.0, 0.5), (-2.0, 3.0), (-2.0, 0.5), (0.0, 0.0), (4.0, -0.5)):
        found = fast(a, b)
        assert type(found) is type(a**b) and abs(found - a**b) <= 1e-15 * abs(found)

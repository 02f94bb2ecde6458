"""NumPy's floating-point warnings are given where plain NumPy gives them: each at the user's line."""

import contextlib
import itertools
import os
import subprocess
import sys
import threading
import warnings
from contextvars import ContextVar

import numpy as onp
import pytest

import funad
import funad.numpy as np
from funad import compile, grad, hessian, jvp, linearize, vmap
from funad.floating import ERRORS, PLAIN_STATE

X = onp.array([0.0, -1.0, 1.0])
BIG = onp.array([1e308, 1e308])
INF = onp.array([onp.inf, 1.0])


@pytest.fixture(autouse=True)
def state_of_numpys():
    """Set what NumPy does of errors at first: other tests, and libraries, may have set it otherwise."""
    with contextlib.ExitStack() as stack:
        if isinstance(ERRORS, ContextVar):
            stack.callback(ERRORS.reset, ERRORS.set(PLAIN_STATE[1]))
        yield


# Each is run with NumPy's namespace and with funad's.
PLAIN = {
    "one argument": lambda m: m.log(X),
    "a number": lambda m: m.log(-1.0),
    "a number of NumPy's": lambda m: m.sqrt(onp.float64(-1)),
    "a list": lambda m: m.exp([1000.0]),
    "two arguments": lambda m: m.divide(X, 0 * X),
    "a number beside an array": lambda m: m.multiply(BIG, 10.0),
    "where and out": lambda m: m.log(X, where=X > -5, out=m.zeros(3)),
    "a dtype": lambda m: m.multiply(BIG, BIG, dtype=float),
    "two results": lambda m: m.divmod(1.0, 0.0),
    "reduce": lambda m: m.add.reduce(BIG),
    "reduce of a list": lambda m: m.multiply.reduce([1e308, 1e308]),
    "accumulate": lambda m: m.multiply.accumulate(BIG),
    "outer": lambda m: m.multiply.outer(BIG, BIG),
    "dot": lambda m: m.dot(INF, onp.array([0.0, 1.0])),
    "dot of lists": lambda m: m.dot([onp.inf, 1.0], [0.0, 1.0]),
    "vdot": lambda m: m.inner(INF, onp.array([0.0, 1.0])),
    "matmul": lambda m: m.matmul(INF, onp.array([0.0, 1.0])),
    "an array that is made": lambda m: 1 / m.asarray(X),
    "inside NumPy": lambda m: m.linalg.norm(onp.array([1e200])),
}


def seen(f, *args):
    """The warnings of f called twice: from one line, of which Python shows the first."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        f(*args)
        f(*args)
    return [(w.category, str(w.message), w.filename, w.lineno) for w in found]


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_call_warns_where_numpy_does(name):
    wanted = seen(PLAIN[name], onp)
    if not wanted:
        pytest.skip("this NumPy says nothing of it")
    assert seen(PLAIN[name], np) == wanted


def test_a_warning_of_the_next_line_is_not_swallowed():
    def f(m):
        m.log(X)
        m.log(X)
        m.log(-X)

    lines = [line for *_, line in seen(f, np)]
    assert len(set(lines)) == 3
    assert lines == [line for *_, line in seen(f, onp)]


@pytest.mark.parametrize(
    "transform",
    [grad, hessian, vmap, lambda f: lambda x: jvp(f, (x,), (x,))],
    ids=["grad", "hessian", "vmap", "jvp"],
)
def test_a_traced_call_warns_where_numpy_does(transform):
    f = lambda m, x: m.sum(m.log(x) + m.divide(1.0, x) + m.multiply(x, 1e308) * 10)
    wanted = {w for w in seen(f, onp, X) if w[2] == __file__}
    assert len(wanted) > 2
    assert wanted <= set(seen(transform(lambda x: f(np, x)), X))


# What NumPy says in Python of slices and fits, at the line that has called it.
EMPTY, NANS, ONE = onp.ones((2, 0)), onp.full((2, 3), onp.nan), onp.ones(1)
OF_PYTHON = {
    "mean": (lambda m, x: m.mean(x, axis=1), EMPTY),
    "var": (lambda m, x: m.var(x, axis=1), EMPTY),
    "std": (lambda m, x: m.std(x, ddof=1), ONE),
    "nanmean": (lambda m, x: m.nanmean(x), NANS),
    "nanmean along an axis": (lambda m, x: m.nanmean(x, axis=1), NANS),
    "nanvar": (lambda m, x: m.nanvar(x, axis=1), NANS),
    "nanstd": (lambda m, x: m.nanstd(x, axis=1), NANS),
    "nanmax": (lambda m, x: m.nanmax(x, axis=1), NANS),
    "nanmin": (lambda m, x: m.nanmin(x), NANS),
    "nanmedian": (lambda m, x: m.nanmedian(x, axis=1), NANS),
    "nanpercentile": (lambda m, x: m.nanpercentile(x, 30, axis=1), NANS),
    "nanquantile": (lambda m, x: m.nanquantile(x, 0.3, axis=1), NANS),
    "cov": (lambda m, x: m.cov(x), ONE),
    "polyfit": (lambda m, x: m.polyfit(x, x, 4), X),
}
TRANSFORMS = {
    "grad": grad,
    "hessian": hessian,
    "jvp": lambda f: lambda x: jvp(f, (x,), (x,)),
    "linearize": lambda f: lambda x: linearize(f, x)[1](x),
    "vmap": lambda f: lambda x: vmap(f)(onp.stack([x, x])),
    "compile": lambda f: compile(grad(f)),
}


@pytest.mark.parametrize("name", OF_PYTHON)
def test_what_numpy_says_in_python_is_said_where_numpy_says_it(name):
    f, x = OF_PYTHON[name]
    wanted = seen(f, onp, x)
    assert wanted
    assert seen(f, np, x) == wanted


# vmap and compile make fits of their own.
TRACED = [
    case
    for case in itertools.product(OF_PYTHON, TRANSFORMS)
    if case not in (("polyfit", "vmap"), ("polyfit", "compile"))
]


@pytest.mark.parametrize(("name", "transform"), TRACED, ids=map("-".join, TRACED))
def test_so_it_is_of_a_traced_call(name, transform):
    transform, (f, x) = TRANSFORMS[transform], OF_PYTHON[name]
    wanted = {w for w in seen(f, onp, x) if w[2] == __file__}
    found = set(seen(transform(lambda x: np.sum(f(np, x))), x))
    assert wanted <= found
    assert not any(os.path.dirname(funad.__file__) in file for *_, file, _ in found)


def _all_warn():
    onp.seterr(all="ignore")
    return onp.errstate(divide="warn", over="warn", invalid="warn")


WAYS = {
    "warnings in a program that ignores them": _all_warn,
    "a function for one kind": lambda: onp.errstate(under="call", call=lambda kind, flag: None),
    "a log for one kind": lambda: onp.errstate(under="log", call=sys.stderr),
    "raising for one kind": lambda: onp.errstate(under="raise"),
    "a print for one kind": lambda: onp.errstate(under="print"),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_call_warns_there_in_any_state_of_numpys(name, way):
    with way():
        wanted = seen(PLAIN[name], onp)
        assert seen(PLAIN[name], np) == wanted
    if not wanted:
        pytest.skip("this NumPy says nothing of it")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_a_traced_call_warns_there_in_any_state_of_numpys(transform, way):
    f = lambda m, x: m.sum(m.log(x) + m.divide(1.0, x))
    with way():
        wanted = {w for w in seen(f, onp, X) if w[2] == __file__}
        found = set(seen(transform(lambda x: f(np, x)), X))
    assert len(wanted) > 1
    assert wanted <= found or transform is TRANSFORMS["compile"]
    assert not any(os.path.dirname(funad.__file__) in file for *_, file, _ in found)


def test_a_users_function_and_log_hear_what_they_hear_from_numpy():
    words = []

    class Log:
        def write(self, message):
            words.append(message)

    with onp.errstate(divide="call", invalid="warn", call=lambda kind, flag: words.append(kind)):
        assert [text for _, text, *_ in seen(lambda x: grad(lambda x: np.sum(np.log(x)))(x), X)] == [
            "invalid value encountered in log"
        ]
    with onp.errstate(divide="log", invalid="ignore", call=Log()):
        grad(lambda x: np.sum(np.log(x)))(X)
    assert words == ["divide by zero"] * 2 + ["Warning: divide by zero encountered in log\n"]


def test_the_users_own_ways_with_errors_stay():
    with onp.errstate(all="ignore"):
        assert not seen(np.log, X)
    with onp.errstate(divide="raise"), pytest.raises(FloatingPointError):
        np.log(0.0)
    calls = []
    with onp.errstate(divide="call", invalid="call", call=lambda *words: calls.append(words)):
        np.log(X)
    assert len(calls) == 2
    assert onp.geterr()["divide"] == "warn"
    assert onp.geterrcall() is None


def test_a_warning_that_is_an_error_is_raised():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="divide by zero"):
            np.log(0.0)


def test_an_element_that_calls_the_same_function_is_computed():
    class Number:
        def log(self):
            return np.log(2.0)

    assert np.log(onp.array([Number(), Number()], dtype=object)).tolist() == [onp.log(2.0)] * 2


def test_threads_call_the_same_function_at_once():
    found, x = [], onp.full(100_000, 2.0)
    threads = [
        threading.Thread(target=lambda: found.extend(np.exp(x)[0] for _ in range(20))) for _ in range(4)
    ]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert found == [onp.exp(2.0)] * 80


def test_where_another_is_in_the_context_the_value_is_the_same():
    _, default, run, _ = PLAIN_STATE
    if not isinstance(ERRORS, ContextVar):
        pytest.skip("this NumPy has its state of errors elsewhere")

    def inside():
        with contextlib.suppress(RuntimeError):
            run(int)  # refused: the context is entered
            pytest.fail("the context can be entered twice")
        token = ERRORS.set(default)  # as the other thread sees it
        try:
            return np.exp(onp.ones(2)), np.multiply(2.0, onp.ones(2)), np.dot(onp.ones(2), onp.ones(2))
        finally:
            ERRORS.reset(token)

    one, two, three = run(inside)
    assert one[0] == onp.e
    assert two[0] == three == 2.0


ELSEWHERE = """
import numpy._core.umath as umath
del umath._extobj_contextvar, umath._make_extobj
import warnings
import numpy as onp
import funad
import funad.numpy as np
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as found:
    y, pull = funad.vjp(lambda x: np.log(x), onp.zeros(2))
    np.log(onp.zeros(2))
assert [each.filename for each in found] == ["<string>"] * 2, found
assert funad.grad(lambda x: np.where(x > 0, np.sqrt(x), x) * 0.0)(0.0) == 0.0
assert funad.jvp(lambda x: np.sum(x * x), (onp.ones(2),), (onp.ones(2),))[1] == 4.0
assert onp.geterr()["divide"] == "warn"
"""


def test_a_numpy_that_keeps_its_state_of_errors_elsewhere_is_asked_by_errstate():
    subprocess.run([sys.executable, "-c", ELSEWHERE], check=True)

"""vmap(f)(xs) is np.stack([f(x) for x in xs]), in both modes and to second order, whatever f does."""

import functools
import math

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given, settings

import funad
import funad.numpy as np
from funad import grad, hessian, jacobian, jvp, tree, value_and_grad, vjp, vmap
from funad.errors import ArgumentError, ArgumentTypeError, EndedTraceError
from funad.spaces import is_number, laid_out_copy
from funad.transforms.vmap import _mapped

from . import random_writes
from .drawing import RULES, on_calls, present
from .random_programs import Writer, program_of

SHAPES = st.sampled_from([(3,), (2, 3), (3, 3), (4,), (1,), (2, 2, 2)])
WRITTEN = st.sampled_from([(4,), (2, 4), (2, 2, 2), (3, 4)])
SEED = onp.random.default_rng(0)
X = SEED.normal(size=(4, 3))
M = SEED.normal(size=(4, 3, 3))
W = SEED.normal(size=(3, 5))


def stacked(ys):
    return tree.map(lambda *parts: onp.stack(parts), *ys)


def assert_same(got, wanted, rtol=1e-9):
    got, structure = tree.flatten(got)
    wanted, expected = tree.flatten(wanted)
    assert structure == expected
    for a, b in zip(map(onp.asarray, got), map(onp.asarray, wanted), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        if b.dtype.kind in "fc":
            # Sums of stacks and of members are added in another order.
            size = onp.max(onp.abs(onp.where(onp.isfinite(b), b, 0)), initial=1)
            onp.testing.assert_allclose(a, b, rtol=rtol, atol=1e-10 * size)
        else:
            onp.testing.assert_array_equal(a, b)


# --- every case of the registry, batched over one argument and over all


def _weighted(y):
    """A number that every number in a result has its own part in."""
    total = 0.0
    for leaf in tree.flatten(y)[0]:
        if is_number(leaf) and leaf.dtype.kind in "fc" if hasattr(leaf, "dtype") else type(leaf) is float:
            weights = onp.cos(onp.arange(1.0, 1 + math.prod(np.shape(leaf)))).reshape(np.shape(leaf))
            total = total + np.sum(np.real(leaf) * weights)
            if np.iscomplexobj(leaf):
                total = total + np.sum(np.imag(leaf) * weights[::-1])
    return total


def _programs(f):
    def number(*xs):
        return _weighted(f(*xs))

    def along(*xs):
        xdots = tree.map(lambda x: onp.sin(1.0 + onp.arange(math.prod(np.shape(x)))).reshape(np.shape(x)), xs)
        return jvp(number, xs, xdots)[1]

    def second(*xs):
        return grad(lambda *xs: sum(np.sum(np.real(x) ** 2) for x in tree.flatten(grad(number)(*xs))[0]))(*xs)

    return {"value": f, "vjp": grad(number), "jvp": along, "second order": second}


def _checked(f, at, argnums):
    """Compare vmap over these arguments with the loop, of the value and of the derivatives."""

    def of_xs(*xs):
        args, kwargs = list(at.args), dict(at.kwargs)
        for n, x in zip(argnums, xs, strict=True):
            (args if isinstance(n, int) else kwargs)[n] = x
        return f(*args, **kwargs)

    xs = [at.args[n] if isinstance(n, int) else at.kwargs[n] for n in argnums]
    # Members that differ, and stay in the domain of f.
    members = [[tree.map(lambda x, k=k: onp.asarray(x) * (1 - 0.013 * k), x) for x in xs] for k in range(3)]
    stacks = [tree.map(lambda *parts: onp.stack(parts), *parts) for parts in zip(*members, strict=True)]
    for program in _programs(of_xs).values():
        try:
            wanted = stacked([program(*member) for member in members])
        except Exception:  # f refuses this, or its results make no stack
            continue
        notes = []
        got, _, _ = _mapped(program, 0, 0, None, stacks, {}, notes)
        assert_same(got, wanted, rtol=1e-7)
        assert not [why for _, why in notes if "rule raised" in why and "UFuncTypeError" not in why]


@pytest.mark.parametrize(("f", "argnum"), RULES)
@pytest.mark.filterwarnings("ignore")
@on_calls(3)
def test_every_function_takes_stacks_as_it_takes_their_members(f, argnum, at):
    _checked(f, at, (argnum,))


PAIRS = [rule for rule in RULES if rule.values[1] != 0]


@pytest.mark.parametrize(("f", "argnum"), PAIRS)
@pytest.mark.filterwarnings("ignore")
@on_calls(1)
def test_every_function_takes_two_stacks_at_once(f, argnum, at):
    if present(at, 0):
        _checked(f, at, (0, argnum))


# --- programs


def filled(x):
    y = np.zeros(3)
    y[0] = x[0]
    y[1:] = x[1:] * 2
    return y


def written(x):
    x = x * 1.0
    x[0] = x[1] * 2
    x += np.sum(x)
    return x


def halved(x):
    while np.sum(x**2) > 0.1:
        x = x / 1.5
    return x


def products(x):
    y = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            y[i, j] = x[i] * x[j]
    return np.trace(y @ y)


def viewed(x):
    y = x * 1.0
    part = y[1:]
    part[0] = x[0] ** 2
    y.reshape(3, 1)[2, 0] = x[1]
    return y * part[0]


def logistic(x):
    return np.log(1 + np.exp(-x @ onp.ones(3)))


def split_and_written(x):
    part = np.split(x, 3)[0]
    part[0] = 7.0
    return x


def trimmed_and_written(x):
    part = np.trim_zeros(x[0])
    part[0] = 7.0
    return x


def raveled_and_written(x):
    y = np.empty_like(x)
    y[...] = np.sin(x)
    y.ravel()[0] = 5.0
    return y


def filled_twice(x):
    y = np.zeros(3)
    y[1:] = np.sum(x)
    z = np.asarray(y, order="C")
    z[0] = x[0]
    return y


doubled = funad.custom_vjp(lambda x: x**2, lambda x: (x**2, x), lambda x, ybar: 2 * ybar * x)
cut_off = funad.custom_vjp(
    lambda x: x**2, lambda x: (x**2, x), lambda x, ybar: 2 * ybar * x if x[0] > 0 else ybar * 0.0
)


NATIVE = {
    "operators": (lambda x: 2 * x + 1 - x / 3 + (x**2 > 0.1), X),
    "a constant vector": (lambda x: x + onp.arange(3.0), X),
    "methods": (lambda x: x.sum() + x.mean() + x.max(), X),
    "a product with a matrix": (lambda x: x @ W, X),
    "products of two": (lambda m: m @ m[0] + m.T @ m, M),
    "iteration": (lambda x: sum(t * t for t in x), X),
    "a containers of results": (lambda x: {"a": [x, x**2], "b": (1.0, x[0])}, X),
    "where": (lambda x: np.where(x > 0, x, 0.0), X),
    "argsort": (lambda x: x[np.argsort(x)], X),
    "the largest": (lambda x: x[np.argmax(x)] ** 2, X),
    "joined": (lambda x: np.concatenate([x, np.hstack([x, 1.0]), np.stack([x, x])[1]]), X),
    "einsum": (lambda m: np.einsum("ij,jk,k->i", m, m, m[0]), M),
    "plain numpy": (lambda x: onp.sum(onp.exp(x) * onp.cumsum(x)), X),
    "zeros like": (lambda x: np.zeros_like(x) + x, X),
    "filled": (filled, X),
    "filled twice": (hessian(lambda x: np.sum(filled(x) ** 3)), X),
    "written": (written, X),
    "written and differentiated": (grad(lambda x: np.sum(written(x) ** 2)), X),
    "views": (grad(lambda x: np.sum(viewed(x) ** 2)), X),
    "element by element": (grad(products), X),
    "value and gradient": (value_and_grad(lambda x: np.sum(x**3)), X),
    "forward mode": (lambda x: jvp(lambda x: np.sum(np.sin(x) * x), (x,), (x,))[1], X),
    "Jacobian": (jacobian(lambda x: np.tanh(x @ W)), X),
    "Hessian": (hessian(lambda x: np.sum(np.tanh(x @ W) ** 2)), X),
    "Hessian of a norm": (hessian(lambda x: np.linalg.norm(x) ** 3), X),
    "Hessian of a maximum": (hessian(lambda x: np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x)), X),
    "linear algebra": (grad(lambda m: np.sum(np.linalg.solve(m, m[0]) ** 2) + np.linalg.det(m)), M),
    "eigenvalues": (grad(lambda m: np.sum(np.linalg.eigvalsh(m + m.T) ** 3)), M),
    "nested": (lambda m: vmap(lambda r: np.tanh(r) @ r)(m), M),
    "nested, of two": (lambda m: vmap(lambda a, b: a @ b, in_axes=(0, None))(m, m), M),
    "differentiated and nested": (grad(lambda m: np.sum(vmap(lambda r: np.tanh(r) @ r)(m))), M),
    "an array of numbers": (jacobian(lambda x: np.array([[x[0] * np.cos(x[1]), 1.0], [x[2], 2]])), X),
    "an array of arrays": (lambda x: np.array([x, onp.ones(3), [x[0], 1, x[1]]]), X),
    "a part that is written to": (lambda x: split_and_written(x * 1.0), M),
    "a gradient through such a part": (grad(lambda x: np.sum(split_and_written(x * x) ** 2)), M),
    "a turned view": (lambda m: (lambda x, y: (y.__setitem__(0, 7.0), x)[1])(m, np.rot90(m, 2)), M),
    "a diagonal": (lambda x: np.diag(x) + np.diag(x[1:], -1) @ np.diag(x[:2], 1), X),
    "tiles": (lambda m: (np.tile(m, 2), np.tile(m[0], (2, 3)), np.tile(m[0, 0], 2)), M),
    "an array like one in Fortran order": (lambda m: raveled_and_written(m.T), M),
    "another name of a filled array": (lambda x: filled_twice(x), X),
    "elements by number": (lambda m: m.flat[1] * m.flat[-2:] + m.item(4), M),
    "rows chosen in an inner vmap": (
        grad(lambda x: np.sum(vmap(lambda i: x[i] * x[0])(onp.arange(3)) ** 2)),
        X,
    ),
    "forward mode of a custom rule": (lambda x: jvp(doubled, (x,), (x**2,))[1], X),
    "third derivative": (grad(lambda x: np.sum(hessian(logistic)(x))), X),
}
LOOPED = {
    "a branch": (lambda x: x[0] if x[0] > 0 else -x[1], X),
    "a branch of a gradient": (grad(lambda x: x[0] ** 2 if x[0] > 0 else -x[1]), X),
    "a loop until": (halved, X),
    "a Python number": (lambda x: math.sin(x[0]), X),
    "a choice by mask": (lambda x: np.sum(x[x > 0]), X),
    "an array of Python's": (lambda x: x * [1.0, 2.0, 3.0][int(x[0] > 0)], X),
    "a swallowed look": (lambda x: _swallowed(x), X),
    "a branch of a custom rule": (grad(lambda x: np.sum(cut_off(x) * x)), X),
    "a function that closes over": (lambda x: np.piecewise(x, [x < 0], [lambda t: t * x[0], np.sin]), X),
    "a function that returns what it closes over": (
        lambda x: (lambda b: np.piecewise(x, [x < 0], [lambda _: b, np.sin]))(x[0]),
        X,
    ),
    "a view that is made once per example": (lambda x: trimmed_and_written(x * 1.0), M),
    "a gradient through such a view": (grad(lambda x: np.sum(trimmed_and_written(x * x) ** 2)), M),
    "text": (lambda x: x * len(f"{x[0]:.3f}"), X),
    "a name made of a value": (lambda x: x * {True: 2.0, False: 3.0}[str(x[0] > 0) == "True"], X),
}


def _swallowed(x):
    try:
        return x if x[0] > 0 else 2 * x
    except:  # noqa: E722 - what a program may do
        return 3 * x


@pytest.mark.parametrize("name", NATIVE)
def test_a_program_runs_once_for_all_examples(name):
    f, xs = NATIVE[name]
    assert_same(vmap(f)(xs.copy()), stacked([f(x.copy()) for x in xs]))
    said = vmap.explain(f)(xs.copy())
    assert "for each of" not in said, said
    assert "it has no batch rule" not in said, said


# Programs in which no call runs once per example, nor do the rules that their gradients and Hessians call.
TOGETHER = {
    "interpolation": lambda x: np.interp(x, onp.linspace(-3, 3, 7), onp.arange(7.0) ** 2),
    "a line": lambda x: np.linspace(x[0], x[1:], 4),
    "a grid": lambda x: np.meshgrid(x[:2], x)[0] * x[:, None],
    "convolution": lambda x: np.convolve(x, x[:2], "same") + np.convolve(onp.ones(3), x, "valid"),
    "correlation": lambda x: np.correlate(x, x[:2], "full"),
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x, 2) ** 2,
    "powers": lambda x: np.vander(x) @ x,
    "a quarter turn": lambda x: np.rot90(np.outer(x, x))[0],
    "the trapezoidal rule": lambda x: np.trapezoid(x**2, x),
    "a choice": lambda x: np.select([x > 1, x > 0], [x, x**2], 3 * x),
    "places": lambda x: x * np.searchsorted(onp.arange(3.0), x),
    "deviation": lambda x: np.std(x) + np.var(x),
    "a product": lambda x: np.prod(x) * np.cumprod(x),
    "a norm": lambda x: np.linalg.norm(x) ** 3,
    "condition": lambda x: np.linalg.cond(np.outer(x, x) + onp.diag([1.0, 2.0, 3.0])),
    "cross products": lambda x: np.cross(x, onp.arange(3.0), axis=-1),
    "checkpoint": lambda x: funad.checkpoint(lambda t: np.sin(t) * t[0])(x),
}
# Those of which the Hessian looks at values.
FIRST_ORDER = {
    "median": np.median,
    "quantiles": lambda x: np.quantile(x, [0.2, 0.7]),
    "least squares": lambda x: np.linalg.lstsq(np.stack([x, onp.ones(3)], 1), x**2)[0],
    "pseudoinverse": lambda x: np.linalg.pinv(np.stack([x, x**2], 1)),
    "sorting": np.sort,
}


@pytest.mark.parametrize("name", [*TOGETHER, *FIRST_ORDER])
def test_no_call_and_no_rule_runs_once_per_example(name):
    f = (TOGETHER | FIRST_ORDER)[name]
    number = lambda x: np.sum(np.sin(f(x)))
    programs = [f, grad(number), lambda x: jvp(number, (x,), (np.cos(x),))[1]]
    for program in programs + [hessian(number)] * (name in TOGETHER):
        assert_same(vmap(program)(X), stacked([program(x) for x in X]), rtol=1e-7)
        said = vmap.explain(program)(X)
        assert "\n" not in said and "once for all 4 examples" in said, said


@pytest.mark.parametrize("name", [
    "inv", "det", "cholesky", "cho_factor", "expm", "logm", "eigh", "svdvals", "qr", "solve",
    "solve_triangular", "cho_solve", "solve_sylvester", "logpdf",
])  # fmt: skip
def test_functions_of_scipys_take_all_examples_at_once(name):
    linalg = pytest.importorskip("funad.scipy.linalg")
    signal, stats = pytest.importorskip("scipy.signal"), pytest.importorskip("funad.scipy.stats")
    if not hasattr(signal, "envelope"):
        pytest.skip("SciPy has stacks from 1.16 on")
    definite = lambda x: np.outer(x, x) + onp.diag([2.0, 3.0, 5.0])
    f = {
        "qr": lambda x: linalg.qr(definite(x))[1],
        "eigh": lambda x: linalg.eigh(definite(x), eigvals_only=True),
        "cho_factor": lambda x: np.triu(linalg.cho_factor(definite(x))[0]),
        "solve": lambda x: linalg.solve(definite(x), x),
        "solve_triangular": lambda x: linalg.solve_triangular(definite(x), x, lower=True),
        "cho_solve": lambda x: linalg.cho_solve((np.linalg.cholesky(definite(x)), True), x),
        "solve_sylvester": lambda x: linalg.solve_sylvester(definite(x), definite(x), definite(x)),
        "logpdf": lambda x: stats.multivariate_normal.logpdf(x, 2 * x, definite(x)),
    }.get(name, lambda x: getattr(linalg, name)(definite(x)))
    number = lambda x: np.sum(np.sin(f(x)))
    for program in (f, grad(number), lambda x: jvp(number, (x,), (np.cos(x),))[1]):
        assert_same(vmap(program)(X), stacked([program(x) for x in X]), rtol=1e-7)
        said = vmap.explain(program)(X)
        assert "\n" not in said and "once for all 4 examples" in said, said


@pytest.mark.parametrize("name", LOOPED)
def test_a_program_that_looks_at_values_runs_once_per_example(name):
    f, xs = LOOPED[name]
    assert_same(vmap(f)(xs.copy()), stacked([f(x.copy()) for x in xs]))
    assert "once for each of 4 examples" in vmap.explain(f)(xs.copy())


def test_explain_names_the_line_where_a_program_looks_at_a_value():
    def f(x):
        y = np.sin(x)
        return y if x > 0 else -y

    line = f.__code__.co_firstlineno + 2
    for g in (f, grad(f)):
        said = vmap.explain(g)(X[:, 0])
        assert said.endswith(f'bool() was asked of it; File "{__file__}", line {line}, in f')


@pytest.mark.parametrize("name", [name for name in (*NATIVE, *LOOPED) if name != "a Python number"])
def test_vmap_can_be_differentiated(name):
    f, xs = (NATIVE | LOOPED)[name]

    def total(f_of):
        return lambda xs: _weighted(f_of(xs))

    def loop(xs):
        ys = [f(x) for x in xs]
        return tree.map(lambda *parts: np.stack(parts), *ys)

    assert_same(grad(total(vmap(f)))(xs), grad(total(loop))(xs))
    v = onp.cos(xs)
    assert_same(jvp(total(vmap(f)), (xs,), (v,))[1], jvp(total(loop), (xs,), (v,))[1])


def test_a_function_without_a_way_to_take_stacks_is_named_with_the_line():
    def f(x):
        return np.interp(0.3, np.sort(x), x)

    said = vmap.explain(f)(X)
    assert said.startswith("f ran once for all 4 examples")
    assert "numpy.interp ran once per example" in said and "test_vmap.py" in said


def test_a_branch_is_named():
    assert "bool() was asked of it" in vmap.explain(lambda x: x if x[0] > 0 else -x)(X)


@settings(max_examples=2 * settings().max_examples)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")
def test_random_programs_take_stacks_as_they_take_their_members(data):
    xs = onp.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(3, *data.draw(SHAPES)))
    writer = Writer(lambda n: data.draw(st.integers(0, n - 1)), xs[0])
    f = functools.partial(program_of(writer.write(data.draw(st.integers(1, 5)))), np)
    for program in (f, grad(f)):
        try:
            wanted = stacked([program(x * 1.0) for x in xs])
        except Exception:  # it refuses one of the examples, or divides by zero
            continue
        assert_same(vmap(lambda x, program=program: program(x * 1.0))(xs), wanted, rtol=1e-6)


@settings(max_examples=2 * settings().max_examples)
@given(data=st.data())
def test_random_programs_of_views_and_writes_take_stacks(data):
    base = onp.random.default_rng(data.draw(st.integers(0, 99))).uniform(-1.2, 1.2, data.draw(WRITTEN))
    writer = random_writes.Writer(lambda n: data.draw(st.integers(0, n - 1)), base.copy)
    program = random_writes.program_of(writer.write(data.draw(st.integers(2, 6)), inner=2))
    f = functools.partial(program, np)
    xs = onp.stack([base, 0.97 * base, 0.94 * base])
    for program in (f, grad(f)):
        try:
            wanted = stacked([program(x.copy()) for x in xs])
        except Exception:  # it refuses one of the examples
            continue
        assert_same(vmap(program)(xs), wanted, rtol=1e-6)


# --- axes


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
def test_the_axis_of_an_argument(axis):
    xs = SEED.normal(size=(2, 3, 4))
    f = grad(lambda x: np.sum(np.sin(x) * x[0, 0]))
    assert_same(vmap(f, in_axes=axis)(xs), stacked([f(x) for x in onp.moveaxis(xs, axis, 0)]))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("layout", ["rows", "columns", "with gaps", "backwards"])
def test_what_is_a_view_of_a_member_is_one_of_what_stands_for_it(axis, layout):
    xs = SEED.normal(size=(2, 3, 8))
    xs = {
        "rows": xs,
        "columns": onp.asfortranarray(xs),
        "with gaps": xs[:, :, ::2],
        "backwards": onp.flip(xs),
    }[layout]

    def f(x):
        y = np.sin(x)
        x.ravel()[0] = 5.0
        y.ravel()[0] = 7.0
        z = x[[0, 1]]
        z.reshape(-1)[-1] = 9.0
        return x, y, y.T.reshape(-1), z

    members = [laid_out_copy(x) for x in onp.moveaxis(xs, axis, 0)]
    assert_same(vmap(f, in_axes=axis)(xs), stacked([f(x) for x in members]))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_the_axis_of_a_result(axis):
    f = lambda x: np.outer(x, x)
    assert_same(vmap(f, out_axes=axis)(X), onp.moveaxis(stacked(map(f, X)), 0, axis))


def test_arguments_that_are_the_same_for_all():
    f = lambda w, x, *, b: w @ x + b
    got = vmap(f, in_axes=(None, 1))(W.T, X.T, b=onp.arange(4.0))
    assert_same(got, stacked([f(W.T, x, b=float(k)) for k, x in enumerate(X)]))


def test_axes_as_a_tree():
    params = {"w": X, "b": (onp.arange(4.0), 2.0)}
    f = lambda p, x: {"y": p["w"] @ x + p["b"][0] * p["b"][1], "p": p["b"][1]}
    axes = ({"w": 0, "b": (0, None)}, None)
    got = vmap(f, in_axes=axes, out_axes={"y": 0, "p": None})(params, onp.ones(3))
    assert_same(got["y"], stacked([X[k] @ onp.ones(3) + 2.0 * k for k in range(4)]))
    assert got["p"] == 2.0


def test_axis_size_without_a_mapped_argument():
    assert vmap(lambda x: x * 2, in_axes=None, axis_size=3)(1.5).tolist() == [3.0, 3.0, 3.0]


def test_an_empty_axis_gives_an_empty_stack():
    assert vmap(lambda x: np.outer(x, x) @ W)(X[:0]).shape == (0, 3, 5)
    assert vmap(grad(lambda x: np.sum(np.tanh(x @ W))))(X[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    "b", [[2.0, 0.5], (2.0, 0.5), [[2.0, 0.5], [1.0, 3.0]], [3.0], [2.0, onp.array(0.5)]]
)
@pytest.mark.parametrize("xs", [X[:2, 0], X[:2, :2], X[:2, :1]])
@pytest.mark.parametrize("f", [np.multiply, np.hypot, np.arctan2, np.maximum, np.heaviside, np.logaddexp])
def test_the_axes_of_a_list_beside_a_stack_are_its_own(f, xs, b):
    for of in (lambda x: f(x, b), lambda x: f(b, x)):
        assert_same(vmap(of)(xs), stacked([of(x) for x in xs]))
        loss = lambda x, of=of: np.sum(of(x) * np.ones(np.shape(b)))
        assert_same(vmap(grad(loss))(xs), stacked([grad(loss)(x) for x in xs]))


@funad.primitive
def bump(x, width, *, height=1.0):
    return height * onp.exp(-((x / width) ** 2))


funad.elementwise(
    bump,
    lambda y, ybar, x, width, height=1.0: ybar * y * -2 * x / width**2,
    lambda y, ybar, x, width, height=1.0: ybar * y * 2 * x**2 / width**3,
)


@pytest.mark.parametrize("w", [onp.array([1.0, 2.0]), onp.array([[1.0], [2.0]]), [1.0, 2.0], 2.0])
@pytest.mark.parametrize("xs", [X[:2, 0], X[:2, :2], X[:2, :1]])
def test_arrays_as_keywords_of_elementwise_functions(xs, w):
    w = onp.asarray(w)
    for f in (
        lambda x: bump(x, width=w),
        lambda x: bump(x, 1.5, height=w),
        lambda x: bump(width=w, x=x, height=2.0),
    ):
        for of in (f, grad(lambda x, f=f: np.sum(f(x))), jacobian(f)):
            assert_same(vmap(of)(xs), stacked([of(x) for x in xs]))


WIDENING = {
    "dot with a number": lambda x: np.dot(x, 2.0),
    "inner with a number": lambda x: np.inner(3, x),
    "outer with a number": lambda x: np.subtract.outer(x, 2.0),
    "vander": lambda x: np.vander(x),
    "lstsq": lambda x: np.linalg.lstsq(np.outer(x, [1.0, 0.0]) + np.vander(x, 2), onp.ones(3)),
    "lstsq of single precision": lambda x: np.linalg.lstsq(x[:, None], x),
    "lstsq of a wide right side": lambda x: np.linalg.lstsq(x[:, None], onp.ones(3)),
    "polyfit": lambda x: np.polyfit(x, x, 1),
    "compared": lambda x: np.where(x > 0, x, 2.0),
}


@pytest.mark.parametrize("f", WIDENING.values(), ids=WIDENING)
def test_single_precision_widens_where_numpys_does(f):
    xs = X[:2].astype(onp.float32)
    wanted = [f(x) for x in xs]
    got = vmap(f)(xs)
    for a, b, c in zip(*(tree.flatten(y)[0] for y in (got, *wanted)), strict=True):
        assert a.dtype == onp.asarray(b).dtype
        onp.testing.assert_allclose(a, onp.stack([b, c]), rtol=1e-4, atol=1e-5)
    y = vjp(lambda x: f(x), xs[0])[0]
    assert [part.dtype for part in tree.flatten(y)[0]] == [part.dtype for part in tree.flatten(wanted[0])[0]]


def test_one_example():
    assert_same(vmap(grad(products))(X[:1]), stacked([grad(products)(X[0])]))


@pytest.mark.parametrize("layout", ["F", "negative", "read-only"])
def test_layouts(layout):
    xs = {"F": onp.asfortranarray(M), "negative": M[::-1, :, ::-1], "read-only": M.copy()}[layout]
    xs.flags.writeable = layout != "read-only"
    f = lambda m: np.ravel(m.T) * m[0, 0]
    assert_same(vmap(f)(xs), stacked([f(m) for m in xs]))


@pytest.mark.parametrize("dtype", [onp.float32, onp.complex64, onp.complex128])
def test_dtypes(dtype):
    xs = X.astype(dtype)
    f = lambda x: np.sum(np.abs(x) ** 2) * x
    assert_same(vmap(f)(xs), stacked([f(x) for x in xs]), rtol=1e-5)
    loss = lambda x: np.sum(np.abs(np.sin(x)) ** 2)
    got = vmap(grad(loss))(xs)
    assert got.dtype == dtype
    assert_same(got, stacked([grad(loss)(x) for x in xs]), rtol=1e-4)


def test_integers_and_booleans():
    f = lambda n, x: x * n + (n > 1)
    assert_same(vmap(f)(onp.arange(4), X), stacked([f(n, x) for n, x in zip(onp.arange(4), X, strict=True)]))


def test_results_have_memory_of_their_own():
    xs = X.copy()
    y, z = vmap(lambda x: (x, x))(xs)
    y[0] = 7
    assert z[0, 0] == xs[0, 0] == X[0, 0]


def test_what_f_writes_is_written_into_copies():
    def f(x):
        x[0] = 7.0
        return np.sum(x)

    def added(x):
        np.add.at(x, [0, 0], 0.5)
        return x

    xs = X.copy()
    vmap(f)(xs)
    vmap(lambda x: f(x) if x[1] > 0 else f(x) * 2)(xs)
    assert_same(vmap(added)(xs), X + onp.array([1.0, 0.0, 0.0]))
    assert (xs == X).all()


def test_what_f_writes_once_per_example_is_not_seen_outside():
    def f(x):
        x[0] = x[1] if x[1] > 0 else 0.0
        return np.sum(x)

    assert_same(
        grad(lambda xs: np.sum(vmap(f)(xs)) + np.sum(xs**3))(X),
        3 * X**2 + grad(lambda xs: np.sum(np.stack([f(x * 1.0) for x in xs])))(X),
    )


def test_what_is_read_only_cannot_be_written_to():
    def f(x):
        x[0] = 1.0
        return x

    xs = X.copy()
    xs.flags.writeable = False
    for g in (f, lambda x: f(x) if x[1] > 0 else x):
        with pytest.raises(ValueError, match="read-only"):
            vmap(g)(xs)


def test_random_numbers_that_are_handed_in_are_each_examples_own():
    draws = onp.random.default_rng(0).normal(size=(4, 3))
    assert_same(vmap(lambda x, e: x + e)(X, draws), X + draws)


def test_it_is_a_decorator_and_a_method_and_pickles():
    class Model:
        @vmap
        def __call__(self, x):
            return x

        loss = vmap(lambda self, x: x * 2, in_axes=(None, 0))

    assert_same(Model().loss(X), 2 * X)
    assert vmap(products).__name__ == "products"


# --- what does not fit


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: vmap(lambda x, y: x)(X, X[:2]), ArgumentError, "argument 0 of <lambda> has shape (4, 3)"),
        (lambda: vmap(lambda x: x, in_axes=2)(X), ArgumentError, "has shape (4, 3), which has no axis 2"),
        (lambda: vmap(lambda x, y: x)(X, 1.0), ArgumentError, "name None for it in in_axes"),
        (lambda: vmap(lambda x: x[0])([1.0, 2.0]), ArgumentError, "write np.array([...])"),
        (lambda: vmap(lambda x, y: x, in_axes=(0,))(X, X), ArgumentError, "in_axes names 1 arguments"),
        (lambda: vmap(lambda x, s: x)(X, "a"), ArgumentTypeError, "argument 1 of <lambda> is str"),
        (lambda: vmap(lambda x: x, in_axes=0.5), ArgumentError, "in_axes is made of ints and None"),
        (lambda: vmap(lambda x: x, out_axes=3)(X), ArgumentError, "out_axes 3 is out of range"),
        (lambda: vmap(lambda x: x, out_axes=None)(X), ArgumentError, "depends on the example"),
        (lambda: vmap(lambda x: "text")(X), ArgumentError, "returned str, of which no stack can be made"),
        (lambda: vmap(lambda x: None)(X), ArgumentError, "returned NoneType"),
        (lambda: vmap(lambda x: x, in_axes=None)(X), ArgumentError, "give axis_size"),
        (lambda: vmap(lambda x: x, axis_size=3)(X), ArgumentError, "axis_size is 3, but axis 0"),
        (lambda: vmap(lambda x: x if x[0] > 0 else -x)(X[:0]), ArgumentError, "at least one example"),
        (lambda: vmap(lambda x: x[x > 0])(X), ArgumentError, "of which no stack can be made"),
        (lambda: vmap(lambda p: p, in_axes=({"a": 0},))((X,)), ArgumentError, "in_axes has a dict"),
        (lambda: vmap(lambda x, b: x)(X, b=1.0), ArgumentError, "give it by position and name None for it"),
        (lambda: vmap(lambda x: x)(onp.ma.masked_array(X, X > 0)), ArgumentTypeError, "is a MaskedArray"),
        (lambda: vmap(lambda x: onp.ma.masked_array([x[0] > 0]))(X), ArgumentError, "returned MaskedArray"),
        (lambda: vmap(lambda x: x, axis_size=-1), ArgumentError, "an int of 0 or more, not -1"),
        (lambda: vmap(X), ArgumentError, "vmap takes a function"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_errors_of_members_are_those_of_the_loop():
    with pytest.raises(ValueError, match="cannot reshape array of size 3 into shape"):
        vmap(lambda x: np.reshape(x, (2, 2)))(X)


def test_what_is_refused_of_stacks_runs_once_per_example():
    def f(x):
        y = np.zeros(3)
        np.cumsum(x, out=y)  # of plain arrays, as NumPy does it
        return y

    assert_same(vmap(f)(X), stacked(map(f, X)))
    assert "it raised UnsupportedKeywordError" in vmap.explain(f)(X)


def test_a_value_that_outlives_its_trace_is_refused():
    kept = []
    vmap(lambda x: (kept.append(x), x)[1])(X)
    for use in (lambda x: x + 1, bool, lambda x: float(x[0]), onp.asarray):
        with pytest.raises(EndedTraceError):
            use(kept[0])
    assert "4 members" in str(kept[0]) == f"{kept[0]}"


def test_a_primitive_of_the_users_takes_stacks_if_it_works_by_element_and_members_if_not():
    @funad.primitive
    def cube(x):
        return x**3

    funad.elementwise(cube, lambda y, ybar, x: 3 * ybar * x**2)

    @funad.primitive
    def turned(x):
        return x[::-1].copy()

    funad.defvjp(turned, lambda y, ybar, x: turned(ybar))
    f = grad(lambda x: np.sum(turned(cube(x)) * x))
    assert_same(vmap(f)(X), stacked([f(x) for x in X]))
    assert "turned ran once per example" in vmap.explain(f)(X)


def test_checkpoint_and_custom_rules_inside():
    twice = funad.custom_vjp(lambda x: 2 * x, lambda x: (2 * x, x), lambda x, ybar: 2 * ybar)
    inner = funad.checkpoint(lambda x: np.sum(np.sin(x) * twice(x)))
    f = grad(inner)
    assert_same(vmap(f)(X), stacked([f(x) for x in X]))


@pytest.mark.parametrize("shape", [(), (3,), (1,), (2, 3), (2, 1, 3)])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, -1)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_of_stacks(name, axis, shape):
    special = pytest.importorskip("funad.scipy.special")
    assert_same_as_loop(lambda x: getattr(special, name)(x, axis), SEED.normal(size=(4, *shape)))


@pytest.mark.parametrize("shape", [(), (3,), (1,), (2, 3), (2, 1, 3)])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, -1)])
@pytest.mark.parametrize("weights", ["none", "number", "row", "one for all", "one for each"])
def test_logsumexp_of_stacks(weights, axis, shape):
    special = pytest.importorskip("funad.scipy.special")
    b = {"number": -1.5, "row": SEED.normal(size=3), "one for all": SEED.normal(size=shape)}.get(weights)
    for keepdims in (False, True):
        f = functools.partial(special.logsumexp, axis=axis, keepdims=keepdims)
        a = SEED.normal(size=(4, *shape))
        if weights == "one for each":
            assert_same_as_loop(
                lambda ab, f=f: f(ab[0], b=ab[1], return_sign=True)[0], (a, SEED.normal(size=a.shape))
            )
        else:
            assert_same_as_loop(lambda a, f=f: f(a, b=b, return_sign=b is not None), a)


def assert_same_as_loop(f, xs):
    """Compare f, its gradient and its second derivatives with those of each example; so are refusals."""

    def total(x):
        y = f(x)
        return np.sum(np.sin(y[0] if isinstance(y, tuple) else y))

    for g in (f, grad(total), grad(lambda x: sum(np.sum(part) for part in tree.flatten(grad(total)(x))[0]))):
        try:
            wanted = stacked([g(tree.map(lambda x, n=n: x[n], xs)) for n in range(4)])
        except ValueError as error:  # the axis is out of range
            with pytest.raises(type(error)):
                vmap(g)(xs)
        else:
            assert_same(vmap(g)(xs), wanted)

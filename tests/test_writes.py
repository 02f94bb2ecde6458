"""Views and writes inside and outside of inner transformations, in every memory layout: as NumPy has it."""

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given, settings

import funad.numpy as fnp
from funad import (
    checkpoint,
    custom_vjp,
    debug_nans,
    grad,
    graph,
    hvp,
    jacobian,
    jvp,
    linearize,
    stop_gradient,
    value_and_grad,
    vjp,
)
from funad.errors import FunadError, NonFiniteError

from .random_writes import LAYOUTS, Writer, program_of, total

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # from NumPy 2.5 on

STEP = 1e-4
SHAPES = [(3,), (4,), (2, 3), (3, 2), (2, 2), (3, 3), (2, 2, 2), (2, 3, 2), ()]
REFUSED = ("plain NumPy array", "keyword 'out'", "out=")  # true of the program as it is written


def along(f, lay_out, x, v, step):
    """The slope of f along v by central differences, on arrays of one layout."""
    at = lambda t: f(lay_out(onp.array(x + t * v)))
    return (at(step) - at(-step)) / (2 * step)


def holds(program, lay_out, x, spaces=(fnp,)):
    """Hold a program to NumPy's value and differences in both modes, and hvp to those of the gradient."""
    plain = lambda x: program(onp, x)
    v = onp.cos(onp.arange(1.0, x.size + 1)).reshape(x.shape)
    value = plain(lay_out(x))
    coarse, fine = (along(plain, lay_out, x, v, step) for step in (STEP, STEP / 2))
    smooth = abs(fine - coarse) < 1e-4 * (1 + abs(fine)) and abs(fine) < 1e5
    for space in spaces:
        f = lambda x, space=space: program(space, x)
        y, slope = value_and_grad(f)(lay_out(x))
        onp.testing.assert_allclose(y, value, rtol=1e-9, atol=1e-9)
        found = onp.sum(slope * v)
        if smooth:
            onp.testing.assert_allclose(found, (4 * fine - coarse) / 3, rtol=1e-4, atol=1e-4)
        y, ydot = jvp(f, (lay_out(x),), (v,))
        onp.testing.assert_allclose(y, value, rtol=1e-9, atol=1e-9)
        onp.testing.assert_allclose(ydot, found, rtol=1e-8, atol=1e-8 * (1 + abs(found)))
        of_slope = lambda x, f=f: onp.sum(grad(f)(x) * v)
        second = [along(of_slope, lay_out, x, v, step) for step in (STEP, STEP / 2)]
        if abs(second[1] - second[0]) < 1e-4 * (1 + abs(second[1])):
            onp.testing.assert_allclose(
                onp.sum(hvp(f)(lay_out(x), v) * v), second[1], rtol=1e-3, atol=1e-3 * (1 + abs(second[1]))
            )


@settings(max_examples=6 * settings().max_examples)
@given(data=st.data())
def test_random_programs_of_views_and_writes_have_values_and_derivatives_of_numpy(data):
    rng = onp.random.default_rng(data.draw(st.integers(0, 99)))
    x = onp.array(rng.uniform(-1.2, 1.2, data.draw(st.sampled_from(SHAPES))))
    lay_out = LAYOUTS[data.draw(st.sampled_from(list(LAYOUTS)))]
    writer = Writer(lambda n: data.draw(st.integers(0, n - 1)), lambda: lay_out(x))
    text = writer.write(data.draw(st.integers(2, 7)), inner=data.draw(st.sampled_from([0, 2, 4])))
    try:
        holds(program_of(text), lay_out, x)
    except FunadError as error:
        if not any(words in str(error) for words in REFUSED):
            raise


X = onp.array([0.3, -0.8, 1.1, 0.6])
M = onp.array([[0.4, -0.7, 0.9], [1.2, 0.5, -0.3]])
AS_IT_IS = onp.copy


# --- arrays that an inner transformation is given

VIEWS = {
    "reshape": lambda np, t: t.reshape(-1),
    "ravel": lambda np, t: np.ravel(t),
    "T": lambda np, t: t.T,
    "swapaxes": lambda np, t: np.swapaxes(t, 0, -1),
    "expand_dims": lambda np, t: np.expand_dims(t, 0)[0],
    "a row": lambda np, t: t[:1],
    "split": lambda np, t: np.split(t, 2)[0],
    "flip": lambda np, t: np.flip(t),
    "unpacking": lambda np, t: next(iter(t.reshape(-1, 1))),
    "asarray": lambda np, t: np.asarray(t),
    "view": lambda np, t: t.view(),
    "real": lambda np, t: t.real,
    "broadcast_arrays": lambda np, t: np.broadcast_arrays(t, t)[0],
    "einsum": lambda np, t: np.einsum("...->...", t),
}
INNER = {
    "grad": lambda g, t: grad(g)(t).sum(),
    "value_and_grad": lambda g, t: value_and_grad(g)(t)[0],
    "vjp": lambda g, t: vjp(g, t)[0] * vjp(g, t)[1](1.0).sum(),
    "jvp": lambda g, t: fnp.prod(fnp.stack(jvp(g, (t,), (t * 0.5,)))),
    "linearize": lambda g, t: linearize(g, t)[1](t),
    "jacobian": lambda g, t: jacobian(g)(t).sum(),
    "hvp": lambda g, t: hvp(g)(t, t).sum(),
    "checkpoint": lambda g, t: checkpoint(lambda t: g(fnp.copy(t)))(t),
    "grad of checkpoint": lambda g, t: grad(checkpoint(lambda t: g(t * 1.0)))(t).sum(),
    "checkpoint of grad": lambda g, t: checkpoint(lambda t: grad(g)(t).sum())(t),
    "custom_vjp of grad": lambda g, t: custom_vjp(
        lambda t: grad(g)(t).sum(),
        lambda t: (grad(g)(t).sum(), t),
        lambda t, ybar: hvp(g)(t, t * 0 + 1) * ybar,
    )(t),
}  # fmt: skip


PAIRS = [
    (view, transformation)
    for view in VIEWS
    for transformation in INNER
    if view in ("reshape", "split") or transformation in ("grad", "jvp")
]


@pytest.mark.parametrize("before", ["written", "not written"])
@pytest.mark.parametrize(("view", "transformation"), PAIRS)
def test_a_view_inside_of_an_inner_transformation_is_written_through(view, transformation, before):
    def program(np, x):
        if before == "written":
            x[1] = x[2] * 1.3

        def g(t):
            VIEWS[view](fnp, t)[0] = 0.7
            return fnp.sum(fnp.sin(t) * t * t)

        return INNER[transformation](g, x) + np.sum(x * x)

    holds(program, AS_IT_IS, X)


def test_an_outer_array_kept_as_a_constant_of_an_inner_pullback_may_be_written_afterwards():
    def program(np, x):
        _, pull = vjp(lambda t: fnp.sum(t * x * x), stop_gradient(x))
        y = np.sum(x)
        x[:] = 7.0
        return np.sum(pull(1.0)) * y

    value, slope = value_and_grad(lambda x: program(fnp, x))(X)
    assert value == pytest.approx(onp.sum(X * X) * onp.sum(X))
    onp.testing.assert_allclose(slope, 2 * X * onp.sum(X) + onp.sum(X * X))


@pytest.mark.parametrize("make", [fnp.ones, fnp.zeros, lambda n: fnp.full(n, 1.0)])
def test_an_array_made_while_tracing_may_be_written_after_an_inner_run(make):
    def f(x):
        v = make(3)
        start = stop_gradient(v)[0]
        _, pull = vjp(lambda t: fnp.sum(t * t), v)
        _, push = linearize(lambda t: fnp.sum(t * t), v)
        v[0] = 100.0
        return (fnp.sum(pull(1.0)) + push(onp.ones(3)) - 12 * start + 1) * x

    assert grad(f)(1.0) == 1.0


def test_an_array_made_while_tracing_is_written_inside_of_an_inner_transformation():
    def inner(t):
        t[:] = t * 2
        t[0] += t[1]
        return fnp.sum(t * t)

    for of_x in (
        lambda x: fnp.sum(grad(inner)(fnp.ones(3))) * x,
        lambda x: jvp(inner, (fnp.ones(3),), (fnp.ones(3),))[1] * x,
        lambda x: fnp.sum(hvp(inner)(fnp.ones(3), fnp.ones(3))) * x,
    ):
        assert grad(of_x)(1.0) == of_x(1.0)


# --- what a transformation returns is the caller's own

RESULTS = {
    "two gradients": lambda x, v: grad(lambda a, b: total(a + b), argnums=(0, 1))(x, x),
    "vjp of the identity": lambda x, v: (lambda y, pull: (y, pull(y)))(*vjp(lambda t: t, x)),
    "vjp of a view": lambda x, v: (lambda y, pull: (y, pull(y)))(*vjp(lambda t: t[::-1], x)),
    "jvp of the identity": lambda x, v: jvp(lambda t: t, (x,), (v,)),
    "jvp of a view": lambda x, v: jvp(lambda t: t[::-1], (x,), (v,)),
    "aux": lambda x, v: (value_and_grad(lambda t: (total(t), t), has_aux=True)(x)[0][1], v),
    "linearize": lambda x, v: (lambda y, push: (y, push(v)))(*linearize(lambda t: t, x)),
    "a gradient that is a constant": lambda x, v: (grad(lambda t: fnp.sum(t * x))(v), v),
}


@pytest.mark.parametrize("name", RESULTS)
def test_writing_into_a_result_changes_no_argument_and_no_other_result(name):
    def program(np, x):
        v = np.sin(x)
        first, second = RESULTS[name](x, v)
        first[0] = 5.0
        first *= x
        return np.sum(first * first) + np.sum(np.sin(second) * x) + np.sum(v * x)

    holds(program, AS_IT_IS, X)


def test_writing_into_a_result_leaves_the_residuals_of_a_pullback_alone():
    def program(np, x):
        y, pull = vjp(lambda t: fnp.exp(t), x)
        y[0] = 5.0
        (_, pull_2, aux) = vjp(lambda t: (fnp.sum(fnp.exp(t)), fnp.exp(t)), x, has_aux=True)
        aux *= 3.0
        return np.sum(pull(y) * x) + np.sum(pull_2(1.0) * aux)

    def program_of_copies(np, x):
        e = np.exp(x)
        return np.sum(np.concatenate([np.array([5.0]), e[1:]]) * e * x) + np.sum(e * e * 3.0)

    assert program(onp, X) == pytest.approx(program_of_copies(onp, X))
    holds(program, AS_IT_IS, X)


def test_the_gradient_of_an_array_without_axes_is_one_in_every_trace():
    def program(np, x):
        g = grad(lambda t: fnp.sin(t) * t)(x)
        g[...] = g * x
        g += 1.0
        return np.sum(g * g)

    holds(program, AS_IT_IS, onp.array(0.7))


# --- operators in place


class Subclass(onp.ndarray):
    """As numpy.memmap is one: with the arithmetic of its parent."""


def memory_map(tmp_path, x):
    m = onp.memmap(tmp_path / "x", float, "w+", shape=x.shape)
    m[...] = x
    return m


WRITES = {
    "an operator": "y = x\ny += 1.0",
    "another array": "y = x\ny *= np.sin(x)",
    "an element": "y = x\ny[0] = y[1] * 2.0",
    "a view": "y = x[1:]\ny *= 3.0",
    "a transposed view": "y = x.T\ny[0] = 0.5",
    "a result with one": "y = x * m\nz = y[1:]\nz *= x[0]\nx = x * np.sum(y)",
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("kind", ["subclass", "memmap"])
def test_arrays_of_subclasses_are_written_to_as_others_are(kind, write, tmp_path):
    of_kind = lambda x: x.copy().view(Subclass) if kind == "subclass" else memory_map(tmp_path, x)

    def run(np, x, m):
        names = {"np": np, "x": x, "m": m}
        exec(WRITES[write], names)
        return np.sum(names["x"] ** 2)

    m = of_kind(X)
    expected = value_and_grad(lambda x: run(fnp, x, onp.array(m)))(X.copy())
    assert expected[0] == pytest.approx(run(onp, X.copy(), onp.array(m)))
    for f in (lambda x: run(fnp, x, m), lambda x: run(onp, x, m)):
        y, slope = value_and_grad(f)(of_kind(X))
        assert y == pytest.approx(expected[0])
        onp.testing.assert_allclose(slope, expected[1])
        v = onp.cos(X).view(Subclass)
        assert jvp(f, (of_kind(X),), (v,))[1] == pytest.approx(onp.sum(expected[1] * v))


@pytest.mark.parametrize(
    "text",
    [
        "x *= 2.0\ny = x\ny += x",
        "y = x\ny -= 1.0\ny **= 2",
        "y = x[...]\ny *= 3.0",
        "y = np.multiply(x, x, out=x)\ny += 1.0",
        "y = np.squeeze(x[None])\ny /= 3.0",
        "x.flat[0] = x * 2.0\ny = x",
        "x[()] = x * x\ny = x",
        "x.fill(x * 0.5)\ny = x",
        "y = np.broadcast_arrays(x, x)[0]\ny[...] = y * 2.0",
        "y = np.resize(x, ())\ny[...] = y * 2.0",
        "y = x.tolist()\ny += 1.0",
    ],
)
def test_an_array_without_axes_stays_an_array(text):
    def program(np, x):
        names = {"np": np, "x": x}
        exec(text, names)
        return np.sum(names["x"] * 1.0 + np.sin(names["y"]))

    holds(program, AS_IT_IS, onp.array(0.7))


def test_a_number_is_changed_by_no_operator_in_place():
    def program(np, x):
        y = np.sum(x)
        z = y
        z += 1.0
        return y * z

    holds(program, AS_IT_IS, X)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("in_place", ["x += w", "x *= w", "x *= x.T.copy().T", "x[...] = x * w", "x /= 2.0"])
def test_an_operator_in_place_leaves_the_memory_order_as_it_was(in_place, layout):
    def program(np, x):
        z = x * 1.0
        for name in ("x", "z"):
            names = {"np": np, "x": {"x": x, "z": z}[name], "w": onp.full((2, 3), 1.5)}
            exec(in_place, names)
        r, s = x.ravel(), z.ravel("A")
        r[1] = 5.0
        s[1] = 4.0
        return np.sum(x * x) + np.sum(z * z * onp.arange(6.0).reshape(2, 3))

    holds(program, LAYOUTS[layout], M, (fnp, onp))


def test_a_number_written_into_an_array_shows_in_a_view_that_was_read_before():
    def program(np, x):
        y = np.zeros(4)
        y[0] = x[1] * 2.0
        tail = y[1:]
        before = np.sum(tail * 3.0)
        y[1] = x[0] * 3.0
        y[2] = 4.0
        return np.sum(tail * tail) + before

    holds(program, AS_IT_IS, X)


# --- what is read-only to NumPy

READ_ONLY = {
    "an element": lambda np, x: x.__setitem__(0, 1.0),
    "a view": lambda np, x: x[1:].__setitem__(0, 1.0),
    "an operator": lambda np, x: x.__iadd__(1.0),
    "an operator on a view": lambda np, x: x[1:].__imul__(x[1:]),
    "fill": lambda np, x: x.fill(0.0),
    "sort": lambda np, x: x.sort(),
    "copyto": lambda np, x: np.copyto(x, 1.0),
    "out": lambda np, x: np.sin(x, out=x),
    "flat": lambda np, x: x.flat.__setitem__(0, 1.0),
}
VIEWS_READ_ONLY = {
    "broadcast_to": lambda np, x: np.broadcast_to(x, (2, 4)),
    "diagonal": lambda np, x: np.diagonal(x.reshape(2, 2)),
    "windows": lambda np, x: np.lib.stride_tricks.sliding_window_view(x, 2),
}


@pytest.mark.parametrize("write", READ_ONLY)
@pytest.mark.parametrize("layout", ["by rows", "backwards", "with gaps"])
@pytest.mark.parametrize(
    "run",
    [
        lambda f, x: grad(f)(x),
        lambda f, x: vjp(f, x),
        lambda f, x: jvp(f, (x,), (x,)),
        lambda f, x: hvp(f)(x, x),
        lambda f, x: linearize(f, x),
    ],
)
def test_a_read_only_argument_is_one_to_the_function_too(run, layout, write):
    x = LAYOUTS[layout](X)
    x.flags.writeable = False

    def f(x):
        READ_ONLY[write](fnp, x)
        return fnp.sum(x)

    with pytest.raises(ValueError, match="read-only"):
        READ_ONLY[write](onp, x)
    with pytest.raises(ValueError, match="read-only"):
        run(f, x)


@pytest.mark.parametrize("view", VIEWS_READ_ONLY)
@pytest.mark.parametrize("before", ["written", "not written"])
def test_views_that_numpy_makes_read_only_are(view, before):
    def program(np, x):
        if before == "written":
            x[0] = x[1] * 2.0
        part = VIEWS_READ_ONLY[view](np, x)
        for write in (lambda: part.__setitem__(0, 1.0), lambda: part.__iadd__(1.0)):
            with pytest.raises(ValueError, match="read-only"):
                write()
        return np.sum(part * part) + np.sum(x * x)

    holds(program, AS_IT_IS, X)


def test_a_repeated_number_of_a_read_only_argument_lies_where_it_lay():
    x = onp.broadcast_to(onp.array([[[0.3, 0.4, 0.5]]]), (2, 1, 3))
    f = lambda x: fnp.sum(fnp.ravel(x, order="A") * onp.arange(6.0))
    expected = onp.arange(6.0).reshape(2, 1, 3)
    for found in (grad(f)(x), vjp(f, x)[1](1.0), grad(checkpoint(f))(x), jacobian(f)(x)):
        assert found.tolist() == expected.tolist()


def test_an_array_that_a_tape_holds_may_be_written_to_by_an_inner_function():
    large = onp.ones(20_000)  # so large that the outer trace keeps no copy of it

    def inner(t):
        t[0] = 3.0
        t *= 2.0
        return fnp.sum(t * t)

    y, slope = value_and_grad(lambda x: fnp.sum(large * x) * grad(inner)(large).sum())(2.0)
    assert (y, slope) == (2.0 * 20_000 * 8 * 19_999, 20_000 * 8 * 19_999)
    assert large.flags.writeable and onp.all(large == 1.0)


# --- single attributes and functions


def test_a_view_is_another_array_object():
    def program(np, x):
        v = x.view()
        v.shape = (3, 2)
        v[0, 1] = 5.0
        return np.sum(x[0] ** 2) + np.sum(v[0] * x[0, 0])

    holds(program, AS_IT_IS, M, (fnp, onp))


def test_iterating_over_the_elements_reads_each_when_its_turn_comes():
    def program(np, x):
        y = 0.0
        for n, t in enumerate(x.flat):
            y = y * 0.5 + t
            if n + 1 < x.size:
                x.flat[n + 1] = t * t
        return y

    holds(program, AS_IT_IS, M, (fnp, onp))


@pytest.mark.parametrize("text", ["x.reshape(3, 2, copy=True)", "x.reshape((-1,), copy=True)",
                                  "x.reshape(-1, order='F', copy=True)", "x.reshape(2, 3, copy=None)",
                                  "x.reshape(x.shape, copy=False)"])  # fmt: skip
def test_reshape_copies_where_it_is_told_to(text):
    def program(np, x):
        y = eval(text, {"x": x})
        y[0] = 5.0
        return np.sum(x * x) + np.sum(y)

    holds(program, AS_IT_IS, M)


@pytest.mark.parametrize(
    "text",
    [
        "np.cumprod(np.sum(x), axis=0)", "np.cumsum(np.sum(x), axis=0)", "np.trim_zeros(np.sum(x))",
        "np.apply_over_axes(np.sum, np.sum(x), [0])", "np.divide.accumulate(x, axis=None)",
        "np.add.accumulate(x, axis=None)", "np.maximum.accumulate(x, axis=None)", "np.polymul([], x)",
        "np.polymul(x, [])", "np.pad(np.sum(x), 1)", "np.full_like(np.sum(x), x[0])",
        "np.average(x, returned=True)[1] * x", "np.average(x, returned=True)[0]",
    ],
)  # fmt: skip
def test_numbers_and_nothing_are_taken_where_numpy_takes_them(text):
    holds(lambda np, x: np.sum(eval(text, {"np": np, "x": x}) * 1.0), AS_IT_IS, X)


def test_the_running_product_of_one_zero_along_its_axis():
    f = lambda x: fnp.sum(fnp.cumprod(fnp.sum(x), axis=0) ** 2 + fnp.cumprod(fnp.sum(x), axis=0))
    assert grad(f)(onp.zeros(2)).tolist() == [1.0, 1.0]
    assert hvp(f)(onp.zeros(2), onp.ones(2)).tolist() == [4.0, 4.0]


# --- graph and debug_nans of functions that write


def writing(x):
    x[0] = 2.0
    x *= x
    return fnp.sum(x * x)


def test_the_graph_of_a_function_that_writes_into_its_argument():
    drawn = graph(writing)(onp.ones(3))
    assert all("assign" in text for text in (str(drawn), drawn.dot, drawn.svg()))
    assert drawn.value == 18.0
    assert drawn.backward().gradients["x"].tolist() == [0.0, 4.0, 4.0]


def test_debug_nans_names_the_write_that_brought_the_nan():
    def f(x):
        x[0] = fnp.nan
        return fnp.sum(x * x)

    x = onp.ones(3)
    with pytest.raises(NonFiniteError, match="assignment") as error:
        debug_nans(f)(x)
    assert "already" not in str(error.value)


def test_debug_nans_passes_writes_on_to_the_array_of_the_caller():
    def inner(x):
        x[0] = 3.0 * x[1]
        x *= 2.0
        return x.sum()

    holds(lambda np, x: debug_nans(inner)(x) + np.sum(x * x), AS_IT_IS, X)

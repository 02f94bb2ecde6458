"""Assignment, in-place operators and views: traced programs that write do what NumPy's do."""

import copy
import gc

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given

import funad.numpy as fnp
from funad import (
    checkpoint,
    defvjp,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    primitive,
    value_and_grad,
)
from funad.errors import EndedTraceError, NotDifferentiableError

X = onp.array([1.5, 2.5, 0.3])
STEP = onp.finfo(float).eps ** (1 / 3)  # of central differences


def differences(f, x):
    """The gradient of f by central differences; f may write to its argument."""
    return onp.array(
        [(f(x + STEP * e) - f(x - STEP * e)) / (2 * STEP) for e in onp.eye(x.size).reshape(-1, *x.shape)]
    ).reshape(x.shape)


def holds(program, x):
    """Hold value and derivatives of program(np, x) in every mode against NumPy's own and differences."""
    plain = lambda x: program(onp, x.copy())
    traced = lambda x: program(fnp, x)
    value, slope = value_and_grad(traced)(x)
    onp.testing.assert_allclose(value, plain(x), rtol=1e-12)
    onp.testing.assert_allclose(slope, differences(plain, x), rtol=1e-6, atol=1e-7)
    direction = onp.cos(onp.arange(x.size, dtype=float)).reshape(x.shape)
    y, ydot = jvp(traced, (x,), (direction,))
    onp.testing.assert_allclose(y, value)
    onp.testing.assert_allclose(ydot, onp.sum(slope * direction), rtol=1e-9, atol=1e-10)
    onp.testing.assert_allclose(linearize(traced, x)[1](direction), ydot, rtol=1e-9, atol=1e-10)
    second = hvp(traced)(x, direction)
    other = (grad(traced)(x + STEP * direction) - grad(traced)(x - STEP * direction)) / (2 * STEP)
    onp.testing.assert_allclose(second, other, rtol=1e-5, atol=1e-6)
    nested = grad(lambda x: fnp.sum(grad(traced)(x) * direction))(x)
    onp.testing.assert_allclose(nested, second, rtol=1e-8, atol=1e-8)


def fill_by_element(np, x):
    out = np.zeros(4)
    for i in range(3):
        out[i] = x[i] ** 2 * (i + 1)
    return np.sum(out**3)


def overwrite(np, x):
    y = np.sin(x)
    y[0] = y[1] * y[2]
    y[1] = 3.0
    return np.sum(y * y)


def a_view_writes_through(np, x):
    out = np.zeros((3, 2))
    row = out[1]
    row[:] = x[:2]
    row[1] *= x[2]
    return np.sum(out * out)


def a_write_shows_in_a_view_taken_before(np, x):
    y = np.exp(x)
    tail = y[1:]
    y[1] = x[0] * 3
    return np.sum(tail * tail * x[0])


def views_of_views(np, x):
    m = np.reshape(np.concatenate([x, x * 2]), (2, 3))
    column = m.T[1]
    part = column[::-1]
    part[0] = x[0] ** 2
    m[0] += column[0]
    return np.sum(m**2) + np.sum(part * column)


def overlapping(np, x):
    y = np.concatenate([x, x**2])
    y[1:] = y[:-1] * 2.0
    y[:-2] = y[2:]
    return np.sum(y**2)


def a_shift_onto_itself(np, x):
    y = x * 1.0
    y[1:] = y[:-1]
    return np.sum(y * x)


def masks(np, x):
    y = x**2
    y[y > 2.0] = x[0]
    y[y < 1.0] *= 3.0
    return np.sum(y * x)


def masked_arrays_of_values(np, x):
    y = np.zeros(5)
    y[onp.array([True, False, True, False, True])] = x
    return np.sum(y**2 * onp.arange(5.0))


def repeated_indices_the_last_wins(np, x):
    y = np.ones(3)
    y[[0, 0, 2]] = x
    return np.sum(y**2)


def repeated_indices_in_place(np, x):
    y = x**2
    y[[0, 0, 2]] += x
    return np.sum(y**2)


def rows_and_columns(np, x):
    m = np.ones((3, 3))
    m[:, 1] = x
    m[2, :] += x[::-1]
    m[[0, 2], [0, 1]] = x[1:]
    m[..., 0] -= 1.5 * x
    return np.sum(m @ m)


def broadcasting(np, x):
    m = np.zeros((2, 3))
    m[:] = x
    m[:, 0] = x[1] * 2
    m[1] = x[0]
    return np.sum(m**3)


def aliases_feel_in_place_operators(np, x):
    y = np.cos(x)
    z = y
    y += x
    y *= x[0]
    z -= 1.0
    z /= 2.0
    z **= 2
    return np.sum(y * z)


def the_argument_itself(np, x):
    x[0] = x[1] ** 2
    x[1:] *= 2.0
    return np.sum(x**2)


def a_matrix_in_place(np, x):
    m = np.outer(x, x)
    m @= onp.array([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [3.0, 0.0, 1.0]])
    m[:, 0] /= x
    return np.sum(m**2)


def a_recurrence(np, x):
    u = np.zeros(8)
    u[0] = x[0]
    for i in range(1, 8):
        u[i] = u[i - 1] * x[1] + np.sin(u[i // 2])
    return u[-1] + u[3]


def the_heat_equation(np, x):
    u = np.zeros(7)
    u[2:5] = x
    for _ in range(5):
        u[1:-1] = u[1:-1] + 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


def the_heat_equation_in_place(np, x):
    u = np.zeros(7)
    u[2:5] = x
    for _ in range(5):
        u[1:-1] += 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u[0] = u[-1]
    return np.sum(u**2)


def a_cholesky_by_hand(np, x):
    a = np.outer(x, x) + onp.diag([3.0, 4.0, 5.0])
    low = np.zeros((3, 3))
    for i in range(3):
        for j in range(i + 1):
            s = a[i, j] - np.sum(low[i, :j] * low[j, :j])
            low[i, j] = np.sqrt(s) if i == j else s / low[j, j]
    return np.sum(low**3)


def a_rotation(np, x):
    r = np.array([[1.0, 0.0], [0.0, 1.0]])
    r[0, 0] = r[1, 1] = np.cos(x[0])
    r[0, 1] = -np.sin(x[0])
    r[1, 0] = np.sin(x[0])
    return np.sum((r @ x[1:]) * onp.array([1.0, 3.0]))


def gaussian_elimination(np, x):
    a = np.eye(3) * 4.0
    a[0] += x
    a[2, 1] = x[0] * x[2]
    b = x.copy()
    for k in range(3):
        for i in range(k + 1, 3):
            factor = a[i, k] / a[k, k]
            a[i, k:] -= factor * a[k, k:]
            b[i] -= factor * b[k]
    y = np.zeros_like(b)
    for i in range(2, -1, -1):
        y[i] = (b[i] - a[i, i + 1 :] @ y[i + 1 :]) / a[i, i]
    return np.sum(y**2)


def methods_that_write(np, x):
    y = np.concatenate([x, x**2])
    y.sort()
    y[:2].fill(x[1])
    y.put([3, 4], x[0])
    y.flat[-1] = x[2] * 5
    return np.sum(y**2 * onp.arange(1.0, 7.0))


def functions_that_write(np, x):
    m = np.zeros((3, 3))
    np.fill_diagonal(m, x)
    np.put(m, [1, 5], x[:2])
    np.copyto(m[2, :2], x[1:])
    np.place(m, onp.eye(3)[::-1] > 0, x * 2)
    np.putmask(m, onp.tri(3) > 0, m**2 + 1)
    np.put_along_axis(m, onp.array([[2], [1], [0]]), x[:, None] ** 2, axis=1)
    return np.sum(m * m)


def transposes_and_diagonals(np, x):
    m = np.zeros((3, 2))
    t = m.T
    t[0] = x
    m.swapaxes(0, 1)[1, 1] = x[0]
    np.ravel(m)[-1] = x[2] ** 2
    np.moveaxis(m, 0, 1)[0, 0] *= 2
    return np.sum(t**3)


def what_was_read_before_stays(np, x):
    y = x * 2.0
    before = y * 1.0
    first = y[0]
    product = y * x
    y[:] = 0.0
    y[0] = x[2]
    return np.sum(before**2) + first + np.sum(product) + np.sum(y)


def a_copy_is_its_own(np, x):
    y = x * 2.0
    z = y.copy()
    w = np.array(y)
    y[0] = 0.0
    z[1] = x[0]
    w += 1.0
    return np.sum(y * z * w)


def numbers_are_not_arrays(np, x):
    s = x[0]
    t = s
    s += x[1]
    s *= 2.0
    return s * t


def parts_of_a_split(np, x):
    y = np.concatenate([x, x])
    first, second = np.split(y, 2)
    first[1] = x[0] ** 2
    second += first
    return np.sum(y**2)


def a_scatter_of_lists(np, x):
    y = np.empty(4)
    y[:] = [x[0], x[1] * x[2], 2.0, x[2]]
    y[1:3] = (x[0], x[2])
    return np.sum(y**2)


def constants_into_traced(np, x):
    y = x * x
    y[1] = 7.0
    y[[0]] = onp.array([2.0])
    return np.sum(y * x)


def a_loop_over_rows(np, x):
    m = np.zeros((3, 3))
    for i, row in enumerate(m):
        row[i:] = x[i]
    return np.sum(m @ x)


def copyto_with_a_mask_and_axes_in_front(np, x):
    y = np.zeros(3)
    np.copyto(y, x.reshape(1, 1, 3), where=onp.array([True, False, True]))
    m = np.ones((2, 3))
    np.copyto(m, (x * x)[None, None], where=onp.array([[True, False, True], [False, True, True]]))
    np.copyto(m[0], np.sum(x)[None, None], where=onp.array([False, True, False]))
    return np.sum(y**2) + np.sum(m * m * x)


def numbers_broadcast_to_arrays(np, x):
    a, b = np.broadcast_arrays(np.sum(x), 2.0)
    a[...] = a * x[0]
    b += x[1] * a
    return a * b + np.sum(np.broadcast_arrays(x, 1.0)[1] * x)


PROGRAMS = [
    value
    for value in list(globals().values())
    if getattr(value, "__code__", None) and value.__code__.co_varnames[:2] == ("np", "x")
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_a_program_that_writes_has_the_values_and_derivatives_of_numpy(program):
    holds(program, X)


def test_the_users_arguments_stay_as_they_are():
    x = X.copy()
    for transformed in (
        grad(lambda x: the_argument_itself(fnp, x)),
        hessian(lambda x: the_argument_itself(fnp, x)),
    ):
        transformed(x)
    jvp(lambda x: the_argument_itself(fnp, x), (x,), (x,))
    onp.testing.assert_array_equal(x, X)


# --- random programs


@st.composite
def programs(draw):
    """Draw a program: the statements of a function of x of shape (4,), and its text."""
    names = ["x", "a", "b"]
    lines = ["a = np.zeros((3, 4))", "b = np.sin(x)"]
    shapes = {"x": (4,), "a": (3, 4), "b": (4,)}
    basic = {
        (4,): ["1:", ":-1", "::2", "::-1", "...", "1:3"],
        (3, 4): ["1", "-1", ":, 1", "1:", ":, ::2", "..., 0", "::-1", "0, 1:"],
    }
    written = {
        (4,): ["0", "-1", "1:3", "::2", "[0, 2]", "[1, 1, 3]", "x > 1.0", ":"],
        (3, 4): ["0", "1, 2", ":, 1", "[0, 2]", "a > 0.5", "1:, ::2", "[0, 1], [1, 1]"],
    }
    values = ["x[0] * 2", "np.sum(b)", "1.5", "x[1] * x[2]", "np.max(a) + 1", "b[-1] ** 2"]
    for n in range(draw(st.integers(2, 6))):
        kind = draw(st.sampled_from(["view", "assign", "augment", "compute", "whole"]))
        name = draw(st.sampled_from(names))
        shape = shapes[name]
        if kind == "view" and shape in basic:
            lines.append(f"v{n} = {name}[{draw(st.sampled_from(basic[shape]))}]")
            names.append(f"v{n}")
            shapes[f"v{n}"] = None
        elif kind in ("assign", "augment") and shape in written:
            sign = "=" if kind == "assign" else draw(st.sampled_from(["+=", "*=", "-="]))
            index = draw(st.sampled_from(written[shape])).replace("a >", f"{name} >")
            index = index.replace("x >", f"{name} >")
            lines.append(f"{name}[{index}] {sign} {draw(st.sampled_from(values))}")
        elif kind == "whole" or shape is None:
            lines.append(f"{name} {draw(st.sampled_from(['+=', '*=']))} {draw(st.sampled_from(values))}")
        else:
            lines.append(f"c{n} = {name} * {draw(st.sampled_from(values))}")
            names.append(f"c{n}")
            shapes[f"c{n}"] = shape
    total = " + ".join(f"np.sum(np.cos({name}))" for name in names)
    return "def program(np, x):\n    " + "\n    ".join([*lines, f"return {total}"])


@given(text=programs())
def test_random_programs_that_write_have_the_derivatives_of_numpy(text):
    space = {}
    exec(text, space)  # the text is the test's own
    program = space["program"]
    x = onp.array([1.1, 0.4, 1.7, 0.8])
    value, slope = value_and_grad(lambda x: program(fnp, x))(x)
    plain = lambda x: program(onp, x.copy())
    onp.testing.assert_allclose(value, plain(x), rtol=1e-10)
    wanted = differences(plain, x)
    finer = onp.array([(plain(x + 1e-4 * e) - plain(x - 1e-4 * e)) / 2e-4 for e in onp.eye(4)])
    smooth = onp.allclose(wanted, finer, rtol=1e-3, atol=1e-3 * (1 + abs(wanted).max()))
    if smooth:  # values that grow fast have no differences to compare with
        onp.testing.assert_allclose(slope, wanted, rtol=1e-4, atol=1e-5 * (1 + abs(wanted).max()))
    for d in onp.eye(4):
        ydot = jvp(lambda x: program(fnp, x), (x,), (d,))[1]
        onp.testing.assert_allclose(ydot, onp.sum(slope * d), rtol=1e-7, atol=1e-8 * (1 + abs(slope).max()))


# --- dtypes and shapes


def test_the_dtype_of_the_array_is_kept():
    def f(x):
        out = fnp.zeros(2, dtype="f4")
        out[0] = x
        out += x
        assert out.dtype == onp.float32
        return fnp.sum(out * out)

    slope = grad(f)(1.5)
    assert isinstance(slope, float)
    onp.testing.assert_allclose(slope, 2 * 3.0 * 2 + 2 * 1.5, rtol=1e-6)


def test_complex_values_go_into_complex_arrays():
    def f(x):
        out = fnp.zeros(2, dtype=complex)
        out[0] = x + 1j * x**2
        out[1] = 1j * x
        out.real += 2.0
        out.imag[0] = x**3
        return fnp.sum(fnp.abs(out) ** 2)

    plain = lambda x: abs(x + 2 + 1j * x**3) ** 2 + abs(2 + 1j * x) ** 2
    onp.testing.assert_allclose(grad(f)(1.3), (plain(1.3 + STEP) - plain(1.3 - STEP)) / (2 * STEP), rtol=1e-7)


@pytest.mark.parametrize("make", [fnp.copy, fnp.array, fnp.zeros_like, fnp.full_like])
def test_copies_of_plain_arrays_can_be_filled_while_tracing(make):
    def f(x):
        out = make(X, 0.0) if make is fnp.full_like else make(X)
        out[1:] = x[1:] * 2
        return fnp.sum(out**2)

    onp.testing.assert_array_equal(grad(f)(X), [0.0, *(8 * X[1:])])
    assert type(fnp.copy(X)) is onp.ndarray


def test_arrays_without_axes_can_be_written_to_in_every_mode():
    def f(x):
        point = fnp.array(x)
        point[...] = x * 3
        point += x
        return point * x

    assert grad(f)(2.0) == 16.0
    assert jvp(f, (2.0,), (1.0,))[1] == 16.0
    assert jvp(grad(f), (2.0,), (1.0,))[1] == 8.0
    assert grad(lambda x: jvp(f, (x,), (1.0,))[1])(2.0) == 8.0


def test_an_operator_in_place_does_not_change_a_dtype():
    def f(x):
        x *= 1j
        return fnp.sum(x)

    with pytest.raises(TypeError, match="cannot hold the result of dtype complex128"):
        grad(f)(X)


def test_what_numpy_refuses_is_refused_with_its_words():
    def too_long(x):
        out = fnp.zeros(2)
        out[:] = x
        return fnp.sum(out)

    def out_of_bounds(x):
        out = fnp.zeros(2)
        out[5] = x[0]
        return fnp.sum(out)

    def read_only(x):
        fnp.broadcast_to(x, (2, 3))[0] = 1.0
        return fnp.sum(x)

    with pytest.raises(ValueError, match="could not broadcast input array"):
        grad(too_long)(X)
    with pytest.raises(IndexError, match="out of bounds"):
        grad(out_of_bounds)(X)
    with pytest.raises(ValueError, match="read-only"):
        grad(read_only)(X)
    with pytest.raises(TypeError, match="does not support item assignment"):
        grad(lambda x: x.__setitem__(0, 1.0))(1.0)


def test_copyto_refuses_axes_in_front_that_numpy_refuses():
    for copyto in (onp.copyto, fnp.copyto):
        with pytest.raises(ValueError, match="broadcast"):
            grad(lambda x: copyto(x * 1.0, onp.ones((2, 3)) * x, where=X > 1))(X)


def test_empty_arrays_and_no_axes():
    def f(x):
        none = fnp.zeros((0, 3))
        none[:] = x
        point = fnp.zeros(())
        point[()] = x[0] * 2
        point[...] += x[1]
        return fnp.sum(none) + point * 1.0

    onp.testing.assert_array_equal(grad(f)(X), [2.0, 1.0, 0.0])


# --- what the arrays are


def test_arrays_without_traced_values_are_as_plain_as_any():
    def f(x):
        out = fnp.zeros(3)
        out[1] = 4.0
        assert float(out[1]) == 4.0
        assert isinstance(out[1], onp.float64)
        assert onp.asarray(out).tolist() == [0.0, 4.0, 0.0]
        assert onp.asarray(out[1:]).tolist() == [4.0, 0.0]
        assert not isinstance(fnp.sum(out), fnp.ndarray)
        assert (out == 4.0).tolist() == [False, True, False]
        assert out.shape == (3,)
        assert len(out) == 3
        assert repr(out) == "array([0., 4., 0.])"
        return fnp.sum(out * x)

    onp.testing.assert_array_equal(grad(f)(X), [0.0, 4.0, 0.0])


def test_outside_of_a_trace_creation_gives_plain_arrays():
    for make in (fnp.zeros, fnp.ones, fnp.empty):
        assert type(make(3)) is onp.ndarray
    assert type(fnp.zeros_like(X)) is onp.ndarray
    assert type(fnp.array([1.0])) is onp.ndarray
    with pytest.raises(RuntimeError):
        grad(lambda x: (_ for _ in ()).throw(RuntimeError))(1.0)
    assert type(fnp.zeros(3)) is onp.ndarray


def test_arrays_of_integers_stay_plain_while_tracing():
    def f(x):
        counts = fnp.zeros(3, dtype=int)
        assert type(counts) is onp.ndarray
        counts[0] += 1
        return x[counts[0]]

    onp.testing.assert_array_equal(grad(f)(X), [0.0, 1.0, 0.0])


def test_a_filled_array_may_be_returned_and_differentiated_to_any_order():
    def f(x):
        out = fnp.zeros((2, 2))
        out[0, 1] = x**3
        out[1] = x
        return {"m": out, "v": [out[0]]}

    found = jacobian(f)(2.0)
    onp.testing.assert_array_equal(found["m"], [[0.0, 12.0], [1.0, 1.0]])
    onp.testing.assert_array_equal(found["v"][0], [0.0, 12.0])
    deep = lambda x: f(x)["m"][0, 1]
    assert grad(grad(grad(deep)))(2.0) == 6.0


def test_assignment_works_through_checkpoints_and_elementwise_grad():
    def f(x):
        y = fnp.sin(x)
        y[0] = x[0] ** 2
        return y

    onp.testing.assert_allclose(
        grad(lambda x: fnp.sum(checkpoint(f)(x) ** 2))(X), grad(lambda x: fnp.sum(f(x) ** 2))(X)
    )
    onp.testing.assert_allclose(elementwise_grad(f)(X), [3.0, *onp.cos(X[1:])])


def test_a_rule_may_fill_its_cotangent_at_every_order():
    @primitive
    def square(x):
        return x**2

    def rule(y, ybar, x):
        xbar = fnp.zeros(3)
        for i in range(3):
            xbar[i] = 2 * ybar[i] * x[i]
        return xbar

    defvjp(square, rule)
    assert [float(d) for d in grad(lambda x: fnp.sum(square(x) * x))(X)] == list(3 * X**2)
    onp.testing.assert_allclose(hessian(lambda x: fnp.sum(square(x) * x))(X), onp.diag(6 * X))
    nested = grad(lambda x: fnp.sum(grad(lambda x: fnp.sum(square(x) * x))(x)))
    onp.testing.assert_allclose(nested(X), 6 * X)
    onp.testing.assert_allclose(jvp(square, (X,), (X,))[1], 2 * X**2)


def test_an_inner_trace_may_fill_what_holds_values_of_an_outer_one():
    def f(x):
        out = fnp.zeros(2)
        out[0] = x

        def inner(y):
            part = out * 1.0
            part[1] = y * x
            return fnp.sum(part**2)

        return grad(inner)(3.0)  # 2 y x²

    assert grad(f)(2.0) == 24.0


def test_an_array_that_outlives_its_trace_says_so():
    kept = []

    def f(x):
        out = fnp.zeros(2)
        out[0] = x
        kept.append(out)
        return x

    grad(f)(1.0)
    with pytest.raises(EndedTraceError):
        kept[0] * 2.0
    with pytest.raises(EndedTraceError):
        kept[0][1] = 3.0 * kept[0][0]


def test_deep_copies_of_traced_values_are_new_arrays_on_the_same_trace():
    def f(x):
        y = copy.deepcopy(x)
        z = copy.copy(y)
        y[0] = 1.0
        return fnp.sum(y * z * x)

    def plain(x):
        y = x.copy()
        z = y.copy()
        y[0] = 1.0
        return onp.sum(y * z * x)

    onp.testing.assert_allclose(grad(f)(X), differences(plain, X), rtol=1e-8)


@pytest.mark.parametrize(
    "write",
    [
        lambda plain, x: plain.__setitem__(0, x[0]),
        lambda plain, x: plain.__setitem__(slice(None), x),
        lambda plain, x: onp.copyto(plain, x),
        lambda plain, x: fnp.copyto(plain, x),
        lambda plain, x: fnp.put(plain, [0], x[0]),
    ],
)
def test_a_plain_array_refuses_a_traced_value_and_names_what_to_make_it_with(write):
    plain = onp.zeros(3)
    with pytest.raises(NotDifferentiableError, match="zeros.* of funad.numpy|zeros_like"):
        grad(lambda x: (write(plain, x), fnp.sum(x))[1])(X)
    onp.testing.assert_array_equal(plain, 0.0)


def test_zeros_like_a_dual_number_by_hand_can_be_filled():
    from funad import Dual

    x = Dual(X, onp.array([1.0, 0.0, 0.0]))
    out = fnp.zeros_like(x)
    out[0] = x[0] ** 2
    total = fnp.sum(out * x)
    onp.testing.assert_allclose(total.tangent, 3 * 1.5**2)


# --- what it costs


def test_filling_by_element_copies_nothing_that_grows(monkeypatch):
    import funad.traces.reverse as tape
    import funad.writing as arrays

    copied = []
    fresh = arrays.fresh
    monkeypatch.setattr(arrays, "fresh", lambda x: copied.append(onp.size(x)) or fresh(x))
    put = tape.put
    seen = set()
    monkeypatch.setattr(tape, "put", lambda x, *rest: (seen.add(x.ctypes.data), put(x, *rest)))

    def f(x):
        out = fnp.zeros((20, 20))
        for i in range(20):
            for j in range(20):
                out[i, j] = x * (i + j)
        return fnp.sum(out * out)

    grad(f)(1.5)
    assert len(copied) <= 1  # when the sum reads the whole, at the end
    assert len(seen) <= 2  # on the way back one array is zeroed in place, element by element


def test_arrays_leave_no_cycles():
    def f(x):
        y = fnp.sin(x)
        row = y[1:]
        y[0] = 2.0
        row += x[0]
        return fnp.sum(y * y)

    gc.collect()
    gc.freeze()  # what is there already takes the collector half a second
    gc.disable()
    try:
        grad(f)(X)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_plain_array_takes_what_holds_nothing_traced():
    def f(x, into=None):
        c = onp.zeros(3)
        c += fnp.ones(3)
        c[1:] *= fnp.array([2.0, 3.0])
        onp.add(c, fnp.ones(3), out=c)
        assert type(c) is onp.ndarray
        if into is not None:
            into[0] = x[0]
            c -= into
        return fnp.sum(x * c)

    assert grad(f)(onp.ones(3)).tolist() == [2, 3, 4]
    with pytest.raises(NotDifferentiableError, match="write c = c - into"):
        grad(lambda x: f(x, fnp.ones(3)))(onp.ones(3))

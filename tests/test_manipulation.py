"""What arrays of traced values are, what writes into arrays, and what depends on their memory."""

import functools

import numpy as onp
import pytest

import funad.numpy as np
from funad import grad, hessian, j, jvp, vjp
from funad.errors import (
    NotDifferentiableError,
    UnsupportedKeywordError,
)
from funad.traces.reverse import WIDTH

from .support import trace

weights = onp.array([[1.0, 2.0], [3.0, 4.0]])


# --- array([...])


def test_array_takes_lists_of_traced_and_plain_numbers():
    assert grad(lambda x: np.sum(np.array([[x, 2.0], [3 * x, x * x]]) * weights))(2.0) == 1 + 9 + 16


def test_array_takes_rows_that_are_lists_and_rows_that_are_arrays():
    def f(x):
        return np.sum(np.array([[x, 1.0], onp.ones(2), x * onp.ones(2)]) * onp.arange(6.0).reshape(3, 2))

    assert grad(f)(2.0) == 0 + 4 + 5


def test_array_of_many_numbers_is_one_entry_on_the_tape():
    _, tape = trace(lambda boxes: np.array([boxes[0]] * 50), [2.0])
    assert len(tape.end()) == 2 + WIDTH


def test_array_of_plain_things_is_numpys():
    assert type(np.array([1, 2])) is onp.ndarray and np.array([1, 2]).dtype == int
    assert np.array("ab").dtype.kind == "U" and np.array([1, 2], dtype="f4", ndmin=2).shape == (1, 2)


def test_array_refuses_lists_of_several_lengths():
    with pytest.raises(ValueError, match=r"shapes \(1,\), \(2,\)"):
        grad(lambda x: np.sum(np.array([[x, x], [x]])))(1.0)


@pytest.mark.parametrize("other", [None, "a", {}])
def test_array_refuses_traced_values_beside_what_is_no_number(other):
    with pytest.raises((NotDifferentiableError, TypeError)):
        grad(lambda x: np.sum(np.array([x, other])))(1.0)


def test_functions_take_lists_of_traced_values():
    assert grad(lambda x: np.sum([x, x * x]))(3.0) == 7.0
    assert grad(lambda x: np.sum(np.transpose([[x, 1.0], [x * x, 2.0]]) * weights))(3.0) == 1 + 12


@pytest.mark.parametrize(
    "f",
    [
        lambda np, x: np.where([x[0], x[2]], [x[0], x[1]], [x[3], x[1]]),
        lambda np, x: x[np.where([x[0], x[2]])],
        lambda np, x: np.split([x[0], x[1], x[2] * x[3], x[3]], [2])[1],
        lambda np, x: np.array_split([x[0], x[1], x[2], x[3]], 3)[0],
        lambda np, x: np.vsplit([[x[0], x[1]], [x[2], x[3]]], [1])[1],
        lambda np, x: np.full_like([x[0], x[1]], x[3]),
        lambda np, x: np.zeros_like([x[0], x[1]]) + x[3],
        lambda np, x: np.einsum(",".join(["i"] * 10) + "->", *[[x[0], x[1]]] * 10),
    ],
)
def test_lists_of_traced_values_are_taken_wherever_arrays_are(f):
    x = onp.array([0.5, -1.5, 0.0, 2.0])
    y, back = vjp(lambda x: f(np, x), x)
    onp.testing.assert_allclose(y, f(onp, x))
    ybar = onp.cos(onp.arange(onp.size(y)).reshape(onp.shape(y)))
    direction, h = onp.array([1.0, 2.0, 0.0, 3.0]), 1e-6  # x[2] is a condition
    change = (f(onp, x + h * direction) - f(onp, x - h * direction)) / (2 * h)
    onp.testing.assert_allclose(back(ybar) @ direction, onp.sum(ybar * change), rtol=1e-7)


@pytest.mark.parametrize(
    "cast",
    [
        lambda x: x.astype(int),
        lambda x: x.astype("int32"),
        lambda x: np.astype(x, bool),
        lambda x: np.array(x, dtype=int),
        lambda x: np.array([x, x], "i4"),
        lambda x: np.asarray(x, "int8"),
        lambda x: np.concatenate([x, x], dtype=int, casting="unsafe"),
    ],
)
def test_what_is_cast_to_integers_is_a_plain_value(cast):
    seen = []

    def f(x):
        seen.append(cast(x))
        return np.sum(x * np.sum(seen[0]))

    x = onp.array([1.25, -2.5])
    assert onp.array_equal(grad(f)(x), onp.full(2, cast(x).sum()))
    assert type(seen[0]) is onp.ndarray


def test_astype_of_a_number():
    y, ydot = jvp(lambda x: np.sum(x).astype(onp.float32), (onp.ones(3),), (onp.ones(3),))
    assert (y.dtype, ydot) == (onp.float32, 3.0)
    assert grad(lambda x: x.astype(onp.float32, copy=False, casting="same_kind"))(2.0) == 1.0


def test_parts_of_a_joined_array_keep_their_types():
    single, double = onp.ones(2, onp.float32), onp.ones(3)
    abar, bbar = grad(lambda a, b: np.sum(np.concatenate([a, b]) ** 2), argnums=(0, 1))(single, double)
    assert (abar.dtype, bbar.dtype) == (onp.float32, onp.float64)


# --- what depends on the memory of an array


@pytest.mark.parametrize("layout", [onp.ascontiguousarray, onp.asfortranarray])
@pytest.mark.parametrize("order", ["A", "K"])
def test_orders_that_depend_on_the_memory_are_those_of_the_value(layout, order):
    x = layout(onp.arange(6.0).reshape(2, 3))
    ybar = onp.arange(6.0)
    wanted = ybar.reshape((2, 3), order="F" if layout is onp.asfortranarray else "C")
    for ravel in (np.ravel, onp.ravel):
        assert onp.array_equal(grad(lambda x, ravel=ravel: np.sum(ravel(x, order) * ybar))(x), wanted)
    assert onp.array_equal(j(np.ravel)(x.ravel(order), ybar, x, order), wanted)
    if order == "A":
        assert onp.array_equal(grad(lambda x: np.sum(x.reshape(-1, order=order) * ybar))(x), wanted)
    y, ydot = jvp(lambda x: np.ravel(x, order), (x,), (onp.ascontiguousarray(x),))
    assert onp.array_equal(y, ydot)


def test_an_order_of_memory_that_is_neither_rows_nor_columns_is_refused():
    with pytest.raises(UnsupportedKeywordError, match="order='K'"):
        grad(lambda x: np.sum(np.ravel(x, "K")))(onp.ones((2, 4))[:, ::2])


def test_an_index_may_change_after_its_use():
    def f(x):
        rows, both = onp.array([0, 1]), [0, 1]
        y = x[rows, 0] + x[rows][:, 0] + x[both, 0]
        rows[:], both[:] = 1, [1, 1]
        return np.sum(y * onp.array([1.0, 2.0]))

    assert onp.array_equal(grad(f)(onp.ones((2, 2))), [[3, 0], [6, 0]])


def test_an_empty_list_is_an_index():
    assert onp.array_equal(grad(lambda x: np.sum(x[[]]) + x[0])(onp.ones(2)), [1, 0])


# --- refused


IN_PLACE = {
    "copyto": lambda f, a, x: f(a, x),
    "fill_diagonal": lambda f, a, x: f(onp.outer(a, a), x),
    "place": lambda f, a, x: f(a, [True, False], x),
    "put": lambda f, a, x: f(a, [0], x),
    "put_along_axis": lambda f, a, x: f(a, onp.array([0]), x[:1], 0),
    "putmask": lambda f, a, x: f(a, [True, False], x),
}


@pytest.mark.parametrize("namespace", [np, onp])
@pytest.mark.parametrize("name", IN_PLACE)
def test_what_writes_traced_values_into_a_plain_array_is_refused_and_names_what_to_use(name, namespace):
    plain = onp.ones(2)
    with pytest.raises(NotDifferentiableError, match=rf"{name} would write.*zeros|plain array.*zeros"):
        grad(lambda x: (IN_PLACE[name](getattr(namespace, name), plain, x), np.sum(x))[1])(onp.ones(2))
    assert onp.array_equal(plain, onp.ones(2))


def test_what_writes_into_an_array_works_on_plain_arrays():
    x = onp.zeros(2)
    np.put(x, [1], 3.0)
    assert onp.array_equal(x, [0, 3])


def test_pad_refuses_a_function_and_names_what_to_use():
    with pytest.raises(
        UnsupportedKeywordError, match=r"has no derivative with mode=<function.*np\.concatenate"
    ):
        grad(lambda x: np.sum(np.pad(x, 1, lambda *args: None)))(onp.ones(3))


def test_pad_with_nothing_in_particular_has_the_derivative_of_what_it_surrounds():
    y, ydot = jvp(lambda x: np.pad(x, (1, 2), "empty"), (onp.ones(2),), (onp.array([3.0, 4.0]),))
    assert y.shape == (5,) and onp.array_equal(y[1:3], [1, 1]) and onp.array_equal(ydot[1:3], [3, 4])
    assert onp.array_equal(grad(lambda x: np.sum(np.pad(x, 1, "empty")[1:-1] ** 2))(onp.ones(2)), [2, 2])
    with pytest.raises(ValueError, match="unsupported keyword"):
        grad(lambda x: np.sum(np.pad(x, 1, "empty", constant_values=1)))(onp.ones(2))


@pytest.mark.parametrize("mode", ["constant", "edge", "mean"])
def test_pad_refuses_what_its_mode_does_not_take(mode):
    with pytest.raises(ValueError, match="unsupported keyword"):
        grad(lambda x: np.sum(np.pad(x, 1, mode, reflect_type="odd")))(onp.ones(3))


def test_a_traced_value_is_no_section():
    assert grad(lambda n: np.sum(np.split(onp.ones(4), n)[0]))(2.0) == 0.0


# --- a zero cotangent is a strong zero


def test_what_is_cut_away_leaks_nothing():
    x = onp.array([1.0, 0.0, 4.0])

    def f(x):
        return np.sum(np.take(1 / x, [0, 2])) + np.sum(np.delete(np.sqrt(x), 1)) + np.log(x)[0]

    with onp.errstate(divide="ignore"):
        assert onp.allclose(grad(f)(x), [-1 + 0.5 + 1, 0, -1 / 16 + 0.25])
        assert not onp.any(onp.isnan(grad(lambda x: np.sum(grad(f)(x)))(x)))


JOINS = {
    "stack": np.stack, "stack along": lambda parts: np.stack(parts, axis=1),
    "by name": lambda parts: np.stack(arrays=parts), "concatenate": np.concatenate, "concat": np.concat,
    "hstack": np.hstack, "vstack": np.vstack, "dstack": np.dstack, "column_stack": np.column_stack,
    "block": np.block, "array": np.array, "asarray": np.asarray,
    "choose": lambda parts: np.choose(onp.array([0, 2]), parts),
    "select": lambda parts: np.select((c for c in (onp.array([True, False]),) * 3), parts),
    "multi_dot": lambda parts: np.linalg.multi_dot(np.outer(part, part) for part in parts),
}  # fmt: skip
LAZY = {
    "generator": lambda v: (v * k for k in range(1, 4)),
    "map": lambda v: map(functools.partial(np.multiply, v), range(1, 4)),
    "values": lambda v: {k: v * k for k in range(1, 4)}.values(),
    "iterator": lambda v: iter([v, v * 2, v * 3]),
}


@pytest.mark.parametrize("lazy", LAZY.values(), ids=LAZY)
@pytest.mark.parametrize("join", JOINS.values(), ids=JOINS)
def test_lists_of_arrays_may_be_generators(join, lazy):
    x = onp.array([0.5, 2.0])
    of = lambda parts: lambda v: np.sum(np.sin(join(parts(v))))
    listed = lambda v: list(lazy(v))
    onp.testing.assert_array_equal(join(lazy(x)), join(listed(x)))
    onp.testing.assert_array_equal(grad(of(lazy))(x), grad(of(listed))(x))
    onp.testing.assert_array_equal(jvp(of(lazy), (x,), (x,))[1], jvp(of(listed), (x,), (x,))[1])
    onp.testing.assert_array_equal(hessian(of(lazy))(x), hessian(of(listed))(x))


def test_the_sum_of_a_generator_is_pythons():
    x = onp.array([0.5, 2.0])
    for lazy in LAZY.values():
        assert np.sum(lazy(x)).tolist() == np.sum(lazy(x), axis=0).tolist() == [3.0, 12.0]
        assert grad(lambda v, lazy=lazy: np.sum(np.sum(lazy(v)) ** 2))(x).tolist() == [36.0, 144.0]
    assert np.sum(k for k in range(4)) == 6


def test_an_empty_generator_is_an_empty_list():
    for join in (np.stack, np.concatenate, np.vstack):
        with pytest.raises(ValueError, match="need at least one array"):
            join(v for v in ())


# --- one integer array as an index


@pytest.mark.parametrize("dtype", [onp.int8, onp.uint8, onp.int16, onp.int64, onp.uint64])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_an_index_names_twice_adds_up_for_every_integer_dtype(dtype, axis):
    rng = onp.random.default_rng(1)
    shape = [3, 4, 5]
    shape[axis] = 300
    named = [[0, 127], [99, 0]] if onp.dtype(dtype).kind == "u" else [[-1, 127], [99, -1]]
    index = (*(slice(None),) * axis, onp.array(named, dtype))
    index = index if axis else index[0]
    x = rng.standard_normal(shape)
    c = rng.standard_normal(x[index].shape)
    wanted = onp.zeros(shape)
    for place in onp.ndindex(2, 2):
        to, of = [slice(None)] * 3, [slice(None)] * 4
        to[axis], of[axis : axis + 2] = named[place[0]][place[1]], place
        wanted[tuple(to)] += c[tuple(of)]
    onp.testing.assert_allclose(grad(lambda x: np.sum(c * x[index]))(x), wanted, rtol=1e-15)


def test_an_index_after_slices_of_parts_adds_up():
    x, index = onp.zeros((4, 5)), (slice(1, 3), onp.array([0, 2, 0]))
    wanted = onp.zeros((4, 5))
    wanted[1:3, 0], wanted[1:3, 2] = 2.0, 1.0
    assert onp.array_equal(grad(lambda x: np.sum(x[index]))(x), wanted)

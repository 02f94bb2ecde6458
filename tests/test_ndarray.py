"""A traced array is an array: isinstance, attributes, methods, and what other libraries make of it."""

import functools
import inspect
import operator

import numpy
import pandas
import pytest
import xarray

import funad.numpy as np
from funad import grad, jvp, stop_gradient
from funad.boxes import Traced
from funad.errors import ArgumentTypeError, FunadError, NonScalarOutputError, NotDifferentiableError

X = numpy.array([[0.5, 1.5, 0.3], [2.5, 0.7, 1.1]])


def inside(look, x=X):
    """What ``look`` sees of a traced x, a box and a dual number and an array that was assigned to."""
    seen = []

    def written(x):
        y = x * 1.0
        y[...] = x
        seen.append(look(y))
        return np.sum(x)

    grad(lambda x: (seen.append(look(x)), np.sum(x))[1])(x)
    jvp(lambda x: (seen.append(look(x)), np.sum(x))[1], (x,), (x,))
    if numpy.ndim(x):
        grad(written)(x)
    return seen


# --- what it is


def test_traced_arrays_are_instances_of_the_class_of_arrays():
    assert all(inside(lambda x: isinstance(x, np.ndarray)))
    assert isinstance(X, np.ndarray)
    assert isinstance(X.view(numpy.recarray), np.ndarray)
    assert not any(inside(lambda x: isinstance(x[0, 0], np.ndarray)))  # as of NumPy's own numbers
    assert not isinstance(numpy.float64(1.0), np.ndarray)
    assert not isinstance([1.0], np.ndarray)


def test_a_view_in_the_same_dtype_is_a_view():
    def f(x):
        y = x * 1.0
        y.view(float)[0] = 0.0
        return np.sum(x.view(x.dtype) ** 2) + np.sum(y)

    numpy.testing.assert_array_equal(grad(f)(X), 2 * X + numpy.array([[0.0], [1.0]]))


def test_the_class_of_arrays_serves_as_numpys_does():
    assert issubclass(numpy.ndarray, np.ndarray)
    assert issubclass(numpy.matrix, np.ndarray)
    assert not issubclass(list, np.ndarray)
    assert type(np.ndarray((2, 3))) is numpy.ndarray
    assert np.ndarray.sum is numpy.ndarray.sum
    assert np.ndarray.__name__ == "ndarray"
    assert (np.ndarray | None).__args__[0] is np.ndarray
    assert np.ndarray[tuple[int], np.dtype[np.float64]].__origin__ is numpy.ndarray

    class Named(np.ndarray):
        pass

    assert issubclass(Named, numpy.ndarray)
    assert isinstance(X.view(Named), np.ndarray)
    assert isinstance(X.view(Named), Named)

    @functools.singledispatch
    def kind(x):
        return "other"

    @kind.register(numpy.ndarray)
    def _(x):
        return "array"

    assert kind(X) == "array"


def test_dtype_and_shape_answer_as_arrays_do():
    assert (
        inside(lambda x: (x.dtype, x.shape, x.ndim, x.size, x.itemsize, x.nbytes, len(x)))
        == [(X.dtype, X.shape, 2, 6, 8, 48, 2)] * 3
    )
    assert all(inside(lambda x: np.issubdtype(x.dtype, np.floating)))
    assert inside(lambda x: x.flags.c_contiguous) == [True] * 3
    assert inside(lambda x: x.strides) == [X.strides] * 3
    assert inside(lambda x: x.device) == ["cpu"] * 3
    assert inside(lambda x: x.to_device("cpu") is x) == [True] * 3


def test_text_shows_the_value():
    assert inside(lambda x: f"{x:.3f}", 1.5) == ["1.500", "1.500 + 1.500ε"]
    assert all("1.5" in text for text in inside(str) + inside(repr) + inside(lambda x: f"{x}"))


def test_unpacking_iterating_and_asking():
    assert inside(lambda x: [len(row) for row in x]) == [[3, 3]] * 3
    assert inside(lambda x: 2.5 in x) == [True] * 3
    assert inside(lambda x: 9.0 in x) == [False] * 3

    def f(x):
        (a, b, c), second = x
        first, *rest = second
        return a * b + c * first + sum(rest)

    numpy.testing.assert_allclose(grad(f)(X), [[1.5, 0.5, 2.5], [0.3, 1.0, 1.0]])


def test_control_flow_on_values_simply_works():
    def newton(a):
        x, steps = a, 0
        while abs(x * x - a) > 1e-12 and steps < 50:
            x, steps = (x + a / x) / 2, steps + 1
        return x if x > 0 else -x

    numpy.testing.assert_allclose(grad(newton)(2.0), 0.5 / numpy.sqrt(2.0))


def test_equality_is_that_of_the_value_and_a_hash_there_is_none():
    assert [issubclass(raised, TypeError) for raised in inside(lambda x: _raised(hash, x), 1.5)] == [True] * 2
    assert inside(lambda x: x == 1.5, 1.5) == [True] * 2
    for raised in inside(lambda x: _raised(hash, x)):
        assert issubclass(raised, TypeError)
    assert inside(lambda x: (x == X).all()) == [True] * 3


def _raised(f, *args):
    try:
        f(*args)
    except Exception as error:
        return type(error)
    return None


def test_bits_are_refused_as_numpy_refuses_them_of_floats():
    for operate in (operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift):
        assert inside(lambda x, f=operate: _raised(f, x, 1)) == [TypeError] * 3
        assert inside(lambda x, f=operate: _raised(f, 1, x)) == [TypeError] * 3
    assert inside(lambda x: _raised(operator.invert, x)) == [TypeError] * 3
    assert inside(lambda x: ((x > 1) & (x < 2)).sum()) == [2] * 3


# --- the whole surface

# Attributes of numpy.ndarray that a traced value must not have, and why.
_ABSENT = {
    "__array_finalize__": "for subclasses of numpy.ndarray",
    "__array_interface__": "NumPy would read the memory past every trace",
    "__array_struct__": "NumPy would read the memory past every trace",
    "__array_wrap__": "NumPy would wrap results of compiled functions",
    "__buffer__": "NumPy would read the memory past every trace",
    "__class_getitem__": "of the class",
    "_set_dtype": "no public name",
    "_set_shape": "no public name",
    "__setstate__": "a trace cannot be pickled",
}


@pytest.mark.parametrize("name", dir(numpy.ndarray))
def test_every_attribute_of_arrays_is_there(name):
    if name in _ABSENT:
        assert not hasattr(Traced, name)
    else:
        assert hasattr(Traced, name)


# Calls of those that take arguments. Methods that are missing here are called without any.
CALLS = {
    "argpartition": (1,),
    "astype": (float,),
    "choose": ([1.0],),
    "clip": (0.4, 1.2),
    "compress": ([True, False],),
    "dot": (numpy.ones((3, 2)),),
    "fill": (1.0,),
    "item": (0, 1),
    "partition": (1,),
    "put": ([0], 2.0),
    "repeat": (2,),
    "reshape": (3, 2),
    "searchsorted": (0.1,),
    "swapaxes": (0, 1),
    "take": ([0, 1],),
}
BYTES = {"byteswap", "ctypes", "data", "dump", "dumps", "getfield", "setfield", "tobytes", "tofile", "resize"}
LISTS = {"tolist", "nonzero", "flat", "flags", "base", "device", "to_device", "setflags", "dtype"}
GONE = {"itemset", "newbyteorder", "ptp", "tostring"}  # NumPy 2.0 shows them still, to refuse them
PUBLIC = [
    name for name in dir(numpy.ndarray) if not name.startswith("_") and name not in BYTES | LISTS | GONE
]


@pytest.mark.parametrize("name", PUBLIC)
def test_methods_and_attributes_give_what_numpys_give(name):
    x = X[0] if name == "searchsorted" else X

    def of(x):
        value = getattr(x, name)
        found = value(*CALLS.get(name, ())) if callable(value) else value
        return x if found is None else found

    if name == "choose":
        plain, seen = None, inside(lambda x: _raised(of, x))
        assert seen == [_raised(of, X)] * 3  # floats choose nothing
        return
    plain = of(x.copy())
    for found in inside(lambda x: stop_gradient(of(x)), x.copy()):
        numpy.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize("name", sorted(BYTES))
def test_what_gives_bytes_is_refused_by_name(name):
    def ask(x):
        with pytest.raises(
            NotDifferentiableError, match=rf"^ndarray.{name} of a traced value.*stop_gradient"
        ):
            operator.methodcaller(name)(x)
        return True

    assert all(inside(ask))


def test_the_methods_take_the_parameters_of_numpys():
    for name in PUBLIC:
        value = getattr(Traced, name)
        assert not callable(value) or inspect.signature(value, follow_wrapped=False)


def test_item_and_tolist_keep_the_derivative():
    numpy.testing.assert_array_equal(
        grad(lambda x: x.item(1, 2) * x.item(0) + sum(map(sum, x.tolist())))(X),
        [[1.0 + 1.1, 1.0, 1.0], [1.0, 1.0, 1.5]],
    )


def test_flat_reads_writes_and_counts():
    def f(x):
        y = x * 1.0
        y.flat[1] = x[0, 0] * 3
        y.flat[4:] = 2.0
        y[0].flat = x[1]
        return sum(y.flat) + y.flat[0] * len(y.flat)

    numpy.testing.assert_array_equal(grad(f)(X), [[0.0, 0.0, 0.0], [8.0, 1.0, 1.0]])


def test_a_new_shape_in_place():
    def f(x):
        y = x * 1.0
        z = y
        y.shape = (3, 2)
        assert z.shape == (3, 2)
        y[0, 1] = 5.0
        return np.sum(z[:, 1] ** 2)

    wanted = numpy.zeros((2, 3))
    wanted.reshape(-1)[[3, 5]] = 2 * X.reshape(-1)[[3, 5]]
    numpy.testing.assert_array_equal(grad(f)(X), wanted)
    with pytest.raises(AttributeError, match="reshape"):
        grad(lambda x: setattr(x.T, "shape", (6,)))(X)
    with pytest.raises(ValueError, match="cannot reshape"):
        grad(lambda x: setattr(x, "shape", (5,)))(X)


def test_parts_of_complex_numbers_can_be_set():
    def f(x):
        z = x + 0j
        z.imag = x**2
        z.real = 1.0
        return np.sum(np.abs(z) ** 2)

    numpy.testing.assert_allclose(grad(f)(X), 4 * X**3)


def test_round_and_python_s_own_functions():
    assert inside(lambda x: round(x, 1), 1.26) == [1.3, 1.3]
    assert inside(lambda x: float(stop_gradient(max(x[0]))))[0] == 1.5
    numpy.testing.assert_array_equal(
        grad(lambda x: sum(x[0]) + max(x[1]) * abs(x[0, 0]))(X), [[3.5, 1.0, 1.0], [0.5, 0.0, 0.0]]
    )


def test_round_without_digits_is_a_whole_number_as_python_has_it():
    steps = lambda x: sum([x] * round(x)) * [1.0, 2.0, 3.0, 4.0][round(x)]
    assert inside(lambda x: type(round(x)) is int, 2.6) == [True] * 2
    assert grad(steps)(2.6) == 12.0 and grad(grad(steps))(2.6) == 0.0
    assert grad(lambda x: round(x[1]) * x[1])(numpy.array([0.5, 2.6]))[1] == 3.0
    with pytest.raises(TypeError, match="__round__"):  # as NumPy has it
        grad(lambda x: np.sum(x * round(x)))(X)


def test_the_array_api_finds_the_namespace():
    def f(x):
        xp = x.__array_namespace__()
        assert xp is np
        return xp.sum(xp.permute_dims(x, (1, 0)) ** 2)

    numpy.testing.assert_array_equal(grad(f)(X), 2 * X)
    assert inside(lambda x: x.__array_namespace__(api_version="2022.12") is np) == [True] * 3
    with pytest.raises(ValueError, match="1999"):
        grad(lambda x: x.__array_namespace__(api_version="1999.1"))(X)


# --- arrays of other libraries


def test_arrays_of_other_libraries_are_refused_as_arguments_by_name():
    for x in (pandas.Series([1.0, 2.0]), pandas.DataFrame(X), xarray.DataArray([1.0])):
        with pytest.raises(ArgumentTypeError, match=rf"{type(x).__name__} \(give its values as an array"):
            grad(np.sum)(x)
    with pytest.raises(NonScalarOutputError, match="returned DataArray"):
        grad(lambda x: np.sum(xarray.DataArray(X) * x))(X)
    numpy.testing.assert_array_equal(grad(lambda x: np.sum(x * xarray.DataArray(X)).data)(X), X)


def test_an_object_array_cannot_hide_a_traced_value():
    for hide in (lambda x: numpy.array([x, x], dtype=object), lambda x: numpy.array([x[0, 0], None])):
        with pytest.raises(FunadError):
            grad(lambda x: (hide(x), np.sum(x))[1])(X)

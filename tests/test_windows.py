"""Windows that slide over a traced array: where they are found, and the memory that they share."""

import pickle

import numpy
import numpy.lib.stride_tricks
import pytest

import funad.numpy as np
from funad import grad, hessian, jvp
from funad.errors import NotDifferentiableError, UnsupportedKeywordError
from funad.numpy.lib.stride_tricks import sliding_window_view

X = numpy.array([1.0, 2.0, 3.0, 4.0, 5.0])
WAYS = [sliding_window_view, numpy.lib.stride_tricks.sliding_window_view]


@pytest.mark.parametrize("windows", WAYS)
def test_a_running_maximum_has_its_derivatives_in_every_mode(windows):
    f = lambda x: np.sum(np.max(windows(x, 2), -1) ** 2 * numpy.arange(4.0))
    numpy.testing.assert_array_equal(grad(f)(X), [0.0, 0.0, 6.0, 16.0, 30.0])
    assert jvp(f, (X,), (X,))[1] == grad(f)(X) @ X
    numpy.testing.assert_array_equal(hessian(f)(X), numpy.diag([0.0, 0.0, 2.0, 4.0, 6.0]))


@pytest.mark.parametrize("windows", WAYS)
def test_windows_show_what_is_written_into_their_array_later(windows):
    def f(x):
        seen = windows(x, 3)
        x[1] = x[0] * 5
        return np.sum(seen**3)

    numpy.testing.assert_array_equal(grad(f)(X), [3.0 + 2 * 3 * 5 * 25, 0.0, 81.0, 96.0, 75.0])


@pytest.mark.parametrize("windows", WAYS)
@pytest.mark.parametrize("make", [lambda x: x, lambda x: np.zeros(5), lambda x: x.reshape(5, 1)[:, 0]])
def test_nothing_is_written_into_windows(windows, make):
    def f(x):
        windows(make(x), 3)[0] = x[0]

    with pytest.raises(ValueError, match="read-only"):
        grad(f)(X)
    with pytest.raises(UnsupportedKeywordError, match="write into x itself"):
        grad(lambda x: windows(make(x * 1.0) * x, 3, writeable=True))(X)


def test_lists_of_traced_values_have_windows():
    f = lambda x: np.sum(sliding_window_view([x[0], 2.0, x[1] * x[2]], 2) ** 2)
    numpy.testing.assert_array_equal(grad(f)(X), [2.0, 36.0, 24.0, 0.0, 0.0])


def test_the_module_is_that_of_numpy_with_windows_of_traced_arrays():
    assert np.lib.stride_tricks.sliding_window_view is sliding_window_view
    assert pickle.loads(pickle.dumps(sliding_window_view)) is sliding_window_view
    assert np.lib.NumpyVersion is numpy.lib.NumpyVersion and "scimath" in dir(np.lib)
    numpy.testing.assert_array_equal(np.lib.stride_tricks.as_strided(X, (2, 2), (8, 8)), [[1, 2], [2, 3]])
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = np.lib.no_such_name


@pytest.mark.parametrize("module", [np.lib.stride_tricks, numpy.lib.stride_tricks])
def test_as_strided_is_refused_and_windows_are_named(module):
    with pytest.raises(NotDifferentiableError, match=r"(?s)as_strided .*sliding_window_view\(x, w"):
        grad(lambda x: np.sum(module.as_strided(x, (2, 2), (8, 8))))(X)

"""Sets in an order of their own: each element goes back to where it stood first."""

import inspect

import numpy as onp
import pytest

import funad.numpy as np
from funad import vjp

UNSORTED = {"unique_values": lambda np, x: np.unique_values(x)}
if "sorted" in inspect.signature(onp.unique).parameters:  # since NumPy 2.3
    UNSORTED["unique"] = lambda np, x: np.unique(x, sorted=False)
    UNSORTED["unique with nans apart"] = lambda np, x: np.unique(x, sorted=False, equal_nan=False)

real = onp.array([[3.0, -1.0, 2.0], [2.0, 3.0, 0.5]])


@pytest.mark.parametrize("f", UNSORTED.values(), ids=UNSORTED)
@pytest.mark.parametrize("x", [real, real.astype("f4"), real + 1j * (real > 1), real[:0]])
def test_each_element_of_an_unsorted_set_goes_back_to_where_it_stood_first(f, x):
    y, vjp_y = vjp(lambda x: f(np, x), x)
    onp.testing.assert_array_equal(y, f(onp, x), strict=True)
    for n, value in enumerate(y):
        first = onp.zeros(x.size)
        first[onp.flatnonzero(x.ravel() == value)[0]] = 1
        xbar = vjp_y(onp.eye(len(y), dtype=x.dtype)[n])
        onp.testing.assert_array_equal(xbar, first.reshape(x.shape))
        assert xbar.dtype == x.dtype


@pytest.mark.parametrize("name", ["unique_all", "unique_counts", "unique_inverse"])
def test_what_returns_several_things_names_them_as_numpy_does(name):
    got, _ = vjp(getattr(np, name), real)
    wanted = getattr(onp, name)(real)
    assert type(got) is type(wanted)
    for part, part_wanted in zip(got, wanted, strict=True):
        onp.testing.assert_array_equal(part, part_wanted, strict=True)

"""What r_, c_, mgrid and ogrid make of traced values: what NumPy's make of plain ones."""

import numpy as onp
import pytest

import funad.numpy as np
from funad import grad, vjp
from funad.errors import NotDifferentiableError
from funad.testing import call, check_jvp, check_vjp

x = onp.array([0.5, -1.5, 2.0])
table = onp.arange(6.0).reshape(2, 3)
ends = onp.array([0.3, 2.6, 0.4])  # start, stop and step

# Each takes the namespace and x.
JOINED = {
    "numbers and arrays": (lambda np, x: np.r_[x, 0, x, 2.5], x),
    "one": (lambda np, x: np.r_[x], x),
    "one number": (lambda np, x: np.r_[x[0], 1], x),
    "a range beside": (lambda np, x: np.r_[x, 0:3, -1:1:3j], x),
    "a range of traced ends": (lambda np, x: np.r_[x[0] : x[1] : x[2], 1.0], ends),
    "a range of a traced stop": (lambda np, x: np.r_[: x[1]], ends),
    "so many points": (lambda np, x: np.r_[x[0] : x[1] : 4j, 1], ends),
    "lists": (lambda np, x: np.r_[[1, 2], x], x),
    "matrices": (lambda np, x: np.r_[x, [[1.0, 2.0, 3.0]]], table),
    "an axis": (lambda np, x: np.r_["1", x, x * 2], table),
    "an axis, counted from the back": (lambda np, x: np.r_["-1", x, x * 2], table),
    "an axis and dimensions": (lambda np, x: np.r_["0,2", x, [4, 5, 6]], x),
    "an axis and dimensions of numbers": (lambda np, x: np.r_["1,3", x[0], 2.0], x),
    "an axis, dimensions and a place": (lambda np, x: np.r_["0,2,0", x, 1.0], x),
    "a place, counted from the back": (lambda np, x: np.r_["1,3,-2", x, [1.0, 2.0, 3.0]], x),
    "a range with dimensions": (lambda np, x: np.r_["0,2,0", x[0] : x[1] : 3j, 1.0], ends),
    "complex numbers": (lambda np, x: np.r_[x, 1j], x),
    "columns": (lambda np, x: np.c_[x, [1, 2, 3], x**2], x),
    "columns of matrices": (lambda np, x: np.c_[x, [[1.0], [2.0]]], table),
    "a column of numbers": (lambda np, x: np.c_[x[0], 0:1, 2.0], x),
}
GRIDS = {
    "a step": (lambda np, x: np.mgrid[x[0] : x[1] : x[2]], ends),
    "points": (lambda np, x: np.mgrid[x[0] : x[1] : 5j], ends),
    "one point": (lambda np, x: np.mgrid[x[0] : x[1] : 1j], ends),
    "a traced end": (lambda np, x: np.mgrid[0 : x[1]], ends),
    "two axes": (lambda np, x: np.mgrid[x[0] : x[1] : x[2], 0:3], ends),
    "two axes of points": (lambda np, x: np.mgrid[x[0] : x[1] : 3j, 1 : x[1] : 2j], ends),
    "three axes": (lambda np, x: np.mgrid[0:2, x[0] : x[1], 0:1:1j], ends),
    "an open grid of one axis": (lambda np, x: np.ogrid[x[0] : x[1] : x[2]], ends),
    "an open grid": (lambda np, x: np.ogrid[x[0] : x[1] : x[2], 0:3], ends),
    "an open grid of points": (lambda np, x: np.ogrid[x[0] : x[1] : 3j, 0 : x[1] : 2j, 0:2], ends),
}
ROWS = {**JOINED, **GRIDS}


@pytest.mark.parametrize(("f", "at"), ROWS.values(), ids=ROWS)
def test_brackets_are_numpys_and_their_derivatives_agree_with_differences(f, at):
    for dtype in (float, "f4"):
        y, vjp_y = vjp(lambda x: f(np, x), at.astype(dtype))
        wanted = f(onp, at.astype(dtype))
        several = isinstance(wanted, tuple)
        for part, part_wanted in zip(*((y, wanted) if several else ([y], [wanted])), strict=True):
            onp.testing.assert_allclose(part, part_wanted, rtol=1e-6 if dtype == "f4" else 1e-15)
            assert onp.shape(part) == part_wanted.shape and onp.asarray(part).dtype == part_wanted.dtype
        ybar = tuple(map(onp.ones_like, y)) if several else onp.ones_like(y)
        assert vjp_y(ybar).dtype == dtype
    check_vjp(lambda x: f(np, x), call(at))
    check_jvp(lambda x: f(np, x), call(at))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_brackets_of_plain_things_are_numpys():
    A, B = onp.ones((1, 2)), onp.zeros((1, 2))
    assert type(np.r_["A, B"]) is onp.matrix and np.r_["A; B"].shape == (2, 2)
    assert type(np.r_["r", 1, 2]) is onp.matrix and A.shape == B.shape
    onp.testing.assert_array_equal(np.r_[0:3, 5], onp.r_[0:3, 5])
    onp.testing.assert_array_equal(np.mgrid[0:2, 0:3:2j], onp.mgrid[0:2, 0:3:2j])
    assert type(np.ogrid[0:2, 0:3]) is type(onp.ogrid[0:2, 0:3])
    assert len(np.r_) == len(onp.r_) and repr(np.c_)


@pytest.mark.parametrize("directive", ["r", "c"])
def test_a_matrix_of_traced_values_is_refused_and_names_what_to_use(directive):
    with pytest.raises(NotDifferentiableError, match=r"matrix.*r_\['0,2', \.\.\.\]"):
        grad(lambda x: np.sum(np.r_[directive, x]))(x)


def test_a_directive_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no directive 'z'"):
        vjp(lambda x: np.r_["z", x], x)
    with pytest.raises(ValueError, match="stands first"):
        vjp(lambda x: np.r_[x, "0,2"], x)


def test_arange_takes_its_start_by_name_and_no_more_than_numpys():
    assert grad(lambda x: np.sum(np.arange(start=x, stop=3.0)))(0.5) == 3.0
    with pytest.raises(TypeError, match="arange of traced values takes"):
        vjp(lambda x: np.arange(x, like=onp.ones(1)), 2.0)
    with pytest.raises(TypeError, match="arange of traced values takes"):
        vjp(lambda x: np.arange(x, 2, 1, float, None), 2.0)

"""Cotangents in the space of their arguments: what broadcasting has repeated is summed."""

import itertools

import numpy
import pytest

from funad.memory import LONGEST_SUM_BY_BLAS as MANY
from funad.spaces import unbroadcast

RNG = numpy.random.default_rng(0)
# Around the length from which on a sum takes another way, and none at all.
COUNTS = [0, 1, 3, MANY, MANY + 1]
SPACES = [
    *[((n,), ()) for n in COUNTS],
    *[((n, 3), (3,)) for n in COUNTS],
    *[((3, n), (3, 1)) for n in COUNTS],
    *[((3, n), (n,)) for n in COUNTS],
    *[((n, 2), (1, 2)) for n in COUNTS],
    *[((2, n, 3), (3,)) for n in COUNTS],
    *[((2, n, 3), (n, 3)) for n in COUNTS],
    ((2, 3), ()), ((4, 2, 3), ()), ((4, 2, 3), (2, 1)), ((4, 2, 3), (4, 1, 3)), ((4, 2, 3), (1, 1, 1)),
    ((0, 0), (0,)), ((2, 0), (0,)), ((0, 3), (1, 3)), ((3, 0), (3, 1)), ((3, 0), ()),
]  # fmt: skip
LAYOUTS = {
    "C": lambda x: x,
    "Fortran": numpy.asfortranarray,
    "reversed": lambda x: x[(slice(None, None, -1),) * x.ndim],
    "gaps": lambda x: numpy.repeat(x, 2, axis=0)[::2],
    "read-only": lambda x: numpy.broadcast_to(x, x.shape),
    "repeated": lambda x: numpy.broadcast_to(x[:1], x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "g"])
@pytest.mark.parametrize(("shape", "space"), SPACES, ids=str)
def test_a_cotangent_is_summed_over_what_broadcasting_repeated(shape, space, dtype, layout):
    if layout == "repeated" and not shape[0]:
        return
    # Whole numbers, and few: each sum is exact, in whatever order.
    xbar = LAYOUTS[layout](RNG.integers(-2, 3, shape).astype(dtype))
    stretched = [n for n in range(-len(space), 0) if space[n] == 1]
    axes = (*range(len(shape) - len(space)), *(n + len(shape) for n in stretched))
    wanted = numpy.sum(xbar, axis=axes, dtype="c16" if xbar.dtype.kind == "c" else "f8").reshape(space)
    found = unbroadcast(xbar, space)
    assert found.dtype == xbar.dtype
    numpy.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("shape", "space"), [((2, 3), (3,)), ((3, 2), (3, 1)), ((2,), ()), ((2, 2, 3), (3,))], ids=str
)
def test_infinities_and_nans_stay_what_they_are_in_a_sum(shape, space):
    # Each result is the sum of a 1 and of what stands in one place.
    for value, place in itertools.product([numpy.inf, -numpy.inf, numpy.nan], [0, -1]):
        xbar = numpy.ones(shape)
        xbar.reshape(-1)[place] = value
        found = numpy.reshape(unbroadcast(xbar, space), -1)
        assert numpy.isfinite(found).sum() == found.size - 1
        assert numpy.array_equal(found[place], value, equal_nan=True)


def test_a_sum_of_many_small_numbers_is_as_exact_as_those_of_numpy():
    rows = RNG.uniform(0.5, 1.5, (20 * MANY, 3)).astype("f4")
    for xbar, space in ((rows, (3,)), (rows.T, (3, 1)), (rows[:, 0], ()), (rows[:MANY].T.copy(), (3, 1))):
        exact = xbar.astype("f8").sum(axis=-1 if space == (3, 1) else 0).reshape(space)
        numpy.testing.assert_allclose(unbroadcast(xbar, space), exact, rtol=3e-5)

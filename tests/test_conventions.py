"""The derivatives at points where mathematics leaves a choice are those of the table."""

import itertools
import warnings

import numpy as onp
import pytest

from funad import jacfwd, jacrev
from funad.errors import FunadError
from funad.numpy.linalg import LinAlgError

from .conventions import COMMAND, PAGE, REFUSED, SECTIONS, page

MODES = {"reverse": jacrev, "forward": jacfwd}
ROWS = [
    pytest.param(row, id=f"{row.code} at {row.x}".replace(" ", ""))
    for _, rows in SECTIONS.values()
    for row in rows
]
PAIRS = [
    pytest.param(a, b, id=f"{m}-over-{n}") for (m, a), (n, b) in itertools.product(MODES.items(), repeat=2)
]


def hold(derivative, x, wanted):
    """Assert what a derivative is, or that it is refused by name."""
    x = onp.array(x) if isinstance(x, list) else x
    with warnings.catch_warnings(), onp.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's own, on the way there
        if isinstance(wanted, str):
            assert wanted == REFUSED
            with pytest.raises((FunadError, LinAlgError), match="coincide|combination|defective|multiple"):
                derivative(x)
            return
        found = derivative(x)
    assert wanted is None or onp.any(onp.isnan(wanted)) or not onp.any(onp.isnan(found))
    if wanted is not None:
        wanted = (
            onp.reshape(wanted, onp.shape(found)) if onp.ndim(wanted) else onp.full(onp.shape(found), wanted)
        )
        onp.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_the_first_derivative_is_that_of_the_table(row, mode):
    hold(mode(row.f), row.x, row.forward if mode is jacfwd and row.forward is not None else row.first)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_the_second_derivative_is_that_of_the_table(row, outer, inner):
    hold(outer(inner(row.f)), row.x, row.second)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_single_precision_has_the_same_conventions(row, mode):
    if isinstance(row.first, str) or (mode is jacfwd and row.forward is not None):
        return
    x = onp.asarray(row.x, "f4")
    with warnings.catch_warnings(), onp.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        found = mode(row.f)(x)
    wanted = onp.broadcast_to(row.first, x.shape) if onp.size(row.first) else x
    if mode is jacrev:  # in forward mode a derivative has the precision of the result
        assert found.dtype == onp.float32
    onp.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_the_page_of_conventions_is_that_of_the_table():
    assert PAGE.read_text(encoding="utf-8") == page(), f"write it again with: {COMMAND}"

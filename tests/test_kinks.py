"""Points at which differences have no answer: the conventions, as tables beside the cases."""

import numpy as onp
import pytest

from funad import grad
from funad import numpy as np

from .cases import FIELDS

KINKS = [pytest.param(*row, id=name) for field in FIELDS for name, row in getattr(field, "KINKS", {}).items()]


@pytest.mark.parametrize(("f", "at", "argnum", "wanted"), KINKS)
def test_the_derivative_at_a_kink_is_the_stated_one(f, at, argnum, wanted):
    def total(x):
        args = (*at.args[:argnum], x, *at.args[argnum + 1 :])
        return np.sum(np.real(f(*args, **at.kwargs)))

    xbar = grad(total)(at.args[argnum])
    assert onp.shape(xbar) == onp.shape(at.args[argnum])
    onp.testing.assert_allclose(xbar, wanted, rtol=1e-12, atol=1e-14)


# √x at 0 has an infinite slope, so the second derivative of its square is not known there.
KNOWN = [kink for kink in KINKS if kink.id != "sqrt-squared"]


@pytest.mark.parametrize(("f", "at", "argnum", "wanted"), KNOWN)
def test_the_second_derivative_at_a_kink_is_no_nan(f, at, argnum, wanted):
    def total(x):
        args = (*at.args[:argnum], x, *at.args[argnum + 1 :])
        return np.sum(np.real(f(*args, **at.kwargs)))

    second = grad(lambda x: np.sum(np.real(grad(total)(x))))(at.args[argnum])
    assert not onp.any(onp.isnan(second) & ~onp.isnan(wanted))

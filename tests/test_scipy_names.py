"""Every supported name of SciPy: its value to the bit, and derivatives against differences of SciPy."""

import importlib

import numpy as onp
import pytest
import scipy

import funad.scipy
from funad.testing import call, check_jvp, check_vjp
from funad.tree import flatten

from .scipy_names import PROBES

IDS = [pytest.param(probe, id=f"{probe.name}-{k}") for k, probe in enumerate(PROBES)]


def _plain(probe):
    importlib.import_module(".".join(probe.name.split(".")[:2]))
    return probe.f(scipy, *probe.args)


def _same(got, wanted, probe):
    got, wanted = flatten(got)[0], flatten(wanted)[0]
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        if hasattr(b, "dtype"):
            assert onp.asarray(a).dtype == b.dtype
        if probe.exact:
            onp.testing.assert_array_equal(a, b)
        else:
            onp.testing.assert_allclose(a, b, rtol=probe.rtol)


@pytest.mark.parametrize("probe", IDS)
def test_the_value_is_that_of_scipy(probe):
    wanted = _plain(probe)
    _same(probe.f(funad.scipy, *probe.args), wanted, probe)
    traced, _ = funad.vjp(lambda *args: probe.f(funad.scipy, *args), *probe.args)
    _same(traced, wanted, probe)


@pytest.mark.parametrize("probe", [param for param in IDS if param.values[0].order])
def test_the_derivatives_agree_with_differences(probe):
    def f(*args):
        return probe.f(funad.scipy, *args)

    for argnum in range(len(probe.args)):
        check_vjp(f, call(*probe.args), argnum, order=probe.order)
        check_jvp(f, call(*probe.args), argnum)

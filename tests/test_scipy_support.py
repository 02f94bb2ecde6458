"""The page of what of SciPy is supported is up to date and complete."""

import importlib

import pytest

from funad.scipy import MODULES

from . import scipy_support as support
from .scipy_names import PROBES, REFUSED

NEWEST = (1, 17)  # the version by which all of these names have come


def test_the_page_is_up_to_date():
    written = support.PAGE.read_text(encoding="utf-8")
    if f"Of SciPy {support.VERSION}," not in written:
        pytest.skip(f"the page is that of another SciPy than {support.VERSION}")
    assert written == support.page(), f"write it again with: {support.COMMAND}"


@pytest.mark.parametrize("module", support.PLACES)
def test_every_public_name_has_one_place(module):
    # A distribution of which one method is held to another order than the others has two rows.
    places = sorted({public for public, *_ in support.rows(module)})
    for names in (*support.refused(module).values(), *support.others(module).values()):
        places += sorted({name.partition(".")[0] for name in names})
    there = sorted(place for place in places if support.has(module, place))
    assert there == sorted(set(importlib.import_module(f"funad.scipy.{module}").__all__))


def test_names_that_scipy_does_not_have_are_those_of_later_versions():
    missing = {
        f"{module}.{public}"
        for module in support.PLACES
        for public, *_ in support.rows(module)
        if not support.has(module, public)
    }
    assert not missing or tuple(map(int, support.VERSION.split("."))) < NEWEST


def test_nothing_is_both_differentiable_and_refused():
    assert {probe.name for probe in PROBES} & set(REFUSED) == set()
    assert {name.split(".")[1] for name in REFUSED} | {p.name.split(".")[1] for p in PROBES} <= set(MODULES)

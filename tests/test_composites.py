"""Functions that are made of primitives: what NumPy's are, and differentiable for that."""

import numpy as onp
import pytest

import funad
from funad import registry
from funad.testing import check_jvp, check_vjp
from funad.tree import flatten

from .drawing import COMPOSITES, of_one, on_calls, present

HAND = [
    pytest.param(f, at, id=f"{f.__name__}-{k}")
    for f, case in COMPOSITES.items()
    for k, at in enumerate(case.examples)
]


def floats(at):
    """Return the places of the arguments that are made of floats."""
    return [place for place in [*range(len(at.args)), *at.kwargs] if present(at, place)]


def _check(f, at):
    plain = registry.primitive_of(f).f(*at.args, **at.kwargs)
    for place in floats(at):
        y, _ = funad.vjp(*of_one(f, at, place))
        assert type(y) is type(plain) or not isinstance(plain, (list, tuple))
        for got, wanted in zip(flatten(y)[0], flatten(plain)[0], strict=True):
            assert onp.shape(got) == onp.shape(wanted)
            assert onp.asarray(got).dtype == onp.asarray(wanted).dtype
            onp.testing.assert_allclose(got, wanted, rtol=1e-14, atol=1e-15)
        check_vjp(f, at, place)
        check_jvp(f, at, place)


@pytest.mark.parametrize("f", [pytest.param(f, id=f.__name__) for f in COMPOSITES])
@on_calls(12)
def test_composite_is_numpys_function_and_its_derivative_agrees_with_differences(f, at):
    _check(f, at)


@pytest.mark.parametrize(("f", "at"), HAND)
def test_composite_at_the_points_given_by_hand(f, at):
    _check(f, at)


def test_every_composite_has_a_case():
    refused = {"copyto", "fill_diagonal", "fromiter", "place", "put", "put_along_axis", "putmask"}
    refused |= {"bartlett", "blackman", "hamming", "hanning"}
    made = [r.f for r in registry._primitives.values() if r.kind == "composite"]
    of_numpy = {f.__name__ for f in made if getattr(onp, f.__name__, None) is f}
    assert of_numpy - refused == {f.__name__ for f in COMPOSITES}

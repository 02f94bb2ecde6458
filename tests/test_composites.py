"""Functions that are made of primitives: what NumPy's are, and differentiable for that."""

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given

import funad
from funad import registry
from funad.testing import Call, check_jvp, check_vjp
from funad.tree import flatten
from funad.tree import map as tree_map

from .cases import FIELDS

COMPOSITES = {f: case for field in FIELDS for f, case in getattr(field, "COMPOSITES", {}).items()}
DRAWN = [pytest.param(f, case, id=f.__name__) for f, case in COMPOSITES.items()]
HAND = [
    pytest.param(f, at, id=f"{f.__name__}-{k}")
    for f, case in COMPOSITES.items()
    for k, at in enumerate(case.examples)
]


def _floats(at):
    """Return the places of the arguments that are made of floats."""
    places = [*enumerate(at.args), *at.kwargs.items()]
    return [place for place, x in places if not isinstance(x, str) and _inexact(x)]


def _inexact(x):
    kinds = {onp.asarray(leaf).dtype.kind for leaf in flatten(x)[0]}
    return bool(kinds) and kinds <= set("fc")


def _at(at, place):
    return at.args[place] if isinstance(place, int) else at.kwargs[place]


def _of_one(f, at, place):
    """Return f as a function of one of its arguments."""

    def of_x(x):
        args, kwargs = list(at.args), dict(at.kwargs)
        (args if isinstance(place, int) else kwargs)[place] = x
        return f(*args, **kwargs)

    return of_x


def _check(f, at):
    plain = registry.primitive_of(f).f(*at.args, **at.kwargs)
    for place in _floats(at):
        y, _ = funad.vjp(_of_one(f, at, place), _at(at, place))
        assert type(y) is type(plain) or not isinstance(plain, (list, tuple))
        for got, wanted in zip(flatten(y)[0], flatten(plain)[0], strict=True):
            assert onp.shape(got) == onp.shape(wanted)
            assert onp.asarray(got).dtype == onp.asarray(wanted).dtype
            onp.testing.assert_allclose(got, wanted, rtol=1e-14, atol=1e-15)
        check_vjp(f, at, place)
        check_jvp(f, at, place)


@pytest.mark.parametrize(("f", "case"), DRAWN)
@given(data=st.data())
def test_composite_is_numpys_function_and_its_derivative_agrees_with_differences(f, case, data):
    _check(f, data.draw(case.draw))


@pytest.mark.parametrize(("f", "case"), DRAWN)
@given(data=st.data())
def test_composite_keeps_single_precision(f, case, data):
    at = data.draw(case.draw)
    single = Call(tree_map(_single, at.args), tree_map(_single, at.kwargs))
    plain = registry.primitive_of(f).f(*single.args, **single.kwargs)
    for place in _floats(single):
        y, vjp_f = funad.vjp(_of_one(f, single, place), _at(single, place))
        xbar = vjp_f(tree_map(onp.ones_like, y))
        pairs = [*zip(flatten(y)[0], flatten(plain)[0], strict=True)]
        pairs += zip(flatten(xbar)[0], flatten(_at(single, place))[0], strict=True)
        for got, wanted in pairs:
            assert onp.asarray(got).dtype == onp.asarray(wanted).dtype or isinstance(wanted, int)


def _single(x):
    dtype = {"d": onp.float32, "D": onp.complex64}.get(getattr(getattr(x, "dtype", None), "char", ""))
    return x if dtype is None else x.astype(dtype)


@pytest.mark.parametrize(("f", "at"), HAND)
def test_composite_at_the_points_given_by_hand(f, at):
    _check(f, at)


def test_every_composite_has_a_case():
    refused = {"copyto", "fill_diagonal", "fromiter", "place", "put", "put_along_axis", "putmask"}
    refused |= {"bartlett", "blackman", "hamming", "hanning"}
    made = [r.f for r in registry._primitives.values() if r.kind == "composite"]
    of_numpy = {f.__name__ for f in made if getattr(onp, f.__name__, None) is f}
    assert of_numpy - refused == {f.__name__ for f in COMPOSITES}

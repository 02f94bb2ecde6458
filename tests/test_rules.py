"""Every rule in the registry, held to the same properties."""

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given

import funad
from funad.registry import record_of
from funad.testing import check_vjp
from funad.tree import flatten, map as tree_map

from .cases import CASES

RULES = [pytest.param(f, n, id=f"{record_of(f).name}-{n}") for f, n in funad.rules()]
HAND = [
    pytest.param(f, n, at, id=f"{record_of(f).name}-{n}-{k}")
    for f, n in funad.rules()
    for k, at in enumerate(CASES[f].examples if f in CASES else ())
]


def _present(at, argnum):
    """Say whether the call has this argument, as floats."""
    if isinstance(argnum, int):
        x = at.args[argnum] if argnum < len(at.args) else None
    else:
        x = at.kwargs.get(argnum)
    leaves = flatten(x)[0]
    return bool(leaves) and all(onp.asarray(leaf).dtype.kind in "fc" for leaf in leaves)


@pytest.mark.parametrize(("f", "argnum"), RULES)
@given(data=st.data())
def test_rule_agrees_with_differences_to_second_order(f, argnum, data):
    at = data.draw(CASES[f].draw)
    if _present(at, argnum):
        check_vjp(f, at, argnum, order=CASES[f].order)


@pytest.mark.parametrize(("f", "argnum", "at"), HAND)
def test_rule_agrees_with_differences_at_the_points_given_by_hand(f, argnum, at):
    if _present(at, argnum):
        check_vjp(f, at, argnum, order=CASES[f].order)


def test_every_rule_has_a_case_and_every_case_a_rule():
    with_rules = {f for f, _ in funad.rules()}
    assert {f.__name__ for f in with_rules - set(CASES)} == set()
    assert {f.__name__ for f in set(CASES) - with_rules} == set()

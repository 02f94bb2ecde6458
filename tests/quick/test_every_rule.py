"""Every rule at two points: both modes and second order. tests/test_rules.py holds it to more."""

import functools

import pytest

import funad
from funad.registry import primitive_of
from funad.testing import check_jvp, check_vjp

from ..cases import CASES
from ..support import argument_of, drawn, is_inexact

RULES = [pytest.param(f, n, id=f"{primitive_of(f).name}-{n}") for f, n in funad.rules() if f in CASES]


@functools.cache
def calls(f):
    """Return the first calls that the case of a primitive draws, and those given by hand."""
    return (*drawn(CASES[f], lambda found: True), *CASES[f].examples)


@pytest.mark.parametrize(("f", "argnum"), RULES)
def test_rule_agrees_with_differences(f, argnum):
    for call in [call for call in calls(f) if is_inexact(argument_of(call, argnum))][:2]:
        check_vjp(f, call, argnum, order=CASES[f].order)
        check_jvp(f, call, argnum)

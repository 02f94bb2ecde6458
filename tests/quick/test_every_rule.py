"""Every rule at two points: both modes and second order. tests/test_rules.py holds it to more."""

import pytest

from funad.testing import check_jvp, check_vjp

from ..cases import CASES
from ..drawing import RULES, on_calls


@pytest.mark.parametrize(("f", "argnum"), RULES)
@on_calls(2)
def test_rule_agrees_with_differences(f, argnum, at):
    check_vjp(f, at, argnum, order=CASES[f].order)
    check_jvp(f, at, argnum)

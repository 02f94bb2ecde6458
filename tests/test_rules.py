"""Every rule in the registry, held to the same properties."""

import inspect

import numpy as onp
import pytest

from funad.registry import primitive_of
from funad.testing import check_jvp, check_vjp

from .cases import CASES, FIELDS
from .drawing import RULES, check_duality, on_calls, present

HAND = [
    pytest.param(*rule.values, at, id=f"{rule.id}-{k}")
    for rule in RULES
    for k, at in enumerate(CASES[rule.values[0]].examples if rule.values[0] in CASES else ())
]


@pytest.mark.parametrize(("f", "argnum"), RULES)
@on_calls(12, slice(0, None, 2))
def test_rule_agrees_with_differences_to_second_order(f, argnum, at):
    check_vjp(f, at, argnum, order=CASES[f].order)


@pytest.mark.parametrize(("f", "argnum"), RULES)
@on_calls(12, slice(1, None, 2))
def test_forward_mode_agrees_with_differences_and_is_the_transpose_of_reverse_mode(f, argnum, at):
    check_jvp(f, at, argnum)
    check_duality(f, at, argnum)


@pytest.mark.parametrize(("f", "argnum", "at"), HAND)
def test_rule_agrees_with_differences_at_the_points_given_by_hand(f, argnum, at):
    if present(at, argnum):
        check_vjp(f, at, argnum, order=CASES[f].order)


def test_every_rule_has_a_case_and_every_case_a_rule():
    with_rules = {rule.values[0] for rule in RULES}
    assert {f.__name__ for f in with_rules - set(CASES)} == set()
    assert {f.__name__ for f in set(CASES) - with_rules} == set()


def test_no_primitive_has_cases_in_two_fields():
    assert len(CASES) == sum(len(field.CASES) for field in FIELDS)


@pytest.mark.parametrize(("f", "argnum"), RULES)
def test_every_keyword_that_a_rule_names_is_drawn_by_its_case(f, argnum):
    parameters = list(inspect.signature(primitive_of(f).rules[argnum]).parameters.values())[2:]
    named = {p.name for p in parameters if p.default is not p.empty or p.kind is p.KEYWORD_ONLY}
    assert named - CASES[f].keywords == set()


@pytest.mark.parametrize(("f", "argnum"), RULES)
def test_the_signature_of_a_rule_is_that_of_its_primitive(f, argnum):
    prim = primitive_of(f)
    first, second, *parameters = inspect.signature(prim.rules[argnum]).parameters.values()
    assert (first.name, second.name) == ("y", "ybar")
    assert not any(p.kind is p.VAR_KEYWORD for p in parameters), "a rule that swallows keywords"
    plain = prim.f
    if isinstance(plain, onp.ufunc):
        assert len([p for p in parameters if p.default is p.empty]) == plain.nin
        return
    try:
        own = inspect.signature(plain).parameters
    except ValueError:  # written in C, without a signature to compare with
        return
    if any(p.kind is p.VAR_POSITIONAL for p in own.values()):
        return
    # A parameter called y, as that of where, is y_ in a rule: y is the output there.
    names = [p.name.rstrip("_") if p.name != "y_" else "y" for p in parameters]
    positional = [p.name for p in own.values() if p.kind is not p.KEYWORD_ONLY]
    # What stands behind ``out``, which no rule takes, a rule can take by name alone.
    given = [name for name, p in zip(names, parameters, strict=True) if p.kind is not p.KEYWORD_ONLY]
    given = [name for name in given if name in positional]
    assert given == positional[: len(given)]
    assert set(names) <= set(own), "a rule that names what its primitive does not have"
    for p, name in zip(parameters, names, strict=True):
        simple = own[name].default in (None, True, False) or isinstance(own[name].default, (int, float, str))
        if own[name].default is not p.empty and simple:
            assert p.default == own[name].default, f"{name} has another default in NumPy"

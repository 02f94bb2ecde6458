"""Every rule in the registry, held to the same properties."""

import functools
import inspect

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given

import funad
from funad.registry import primitive_of
from funad.testing import Call, check_jvp, check_vjp
from funad.tree import flatten
from funad.tree import map as tree_map

from .cases import CASES, FIELDS
from .support import argument_of, called_with

# Rules that other tests register on functions of their own are no part of the library; those of
# scipy.special, of which there are 600, are held by test_special and test_scipy_names.
RULES = [
    pytest.param(f, n, id=f"{primitive_of(f).name}-{n}")
    for f, n in funad.rules()
    if f in CASES or not primitive_of(f).name.startswith(("tests.", "scipy.special."))
]
HAND = [
    pytest.param(*rule.values, at, id=f"{rule.id}-{k}")
    for rule in RULES
    for k, at in enumerate(CASES[rule.values[0]].examples if rule.values[0] in CASES else ())
]


def _present(at, argnum):
    """Say whether the call has this argument, as floats."""
    leaves = flatten(argument_of(at, argnum))[0]
    return bool(leaves) and all(onp.asarray(leaf).dtype.kind in "fc" for leaf in leaves)


@pytest.mark.parametrize(("f", "argnum"), RULES)
@given(data=st.data())
def test_rule_agrees_with_differences_to_second_order(f, argnum, data):
    at = data.draw(CASES[f].draw)
    if _present(at, argnum):
        check_vjp(f, at, argnum, order=CASES[f].order)


@pytest.mark.parametrize(("f", "argnum"), RULES)
@given(data=st.data())
def test_forward_mode_agrees_with_differences_and_with_reverse_mode(f, argnum, data):
    at = data.draw(CASES[f].draw)
    if _present(at, argnum):
        check_jvp(f, at, argnum)


@pytest.mark.parametrize(("f", "argnum", "at"), HAND)
def test_rule_agrees_with_differences_at_the_points_given_by_hand(f, argnum, at):
    if _present(at, argnum):
        check_vjp(f, at, argnum, order=CASES[f].order)


# SciPy holds logarithms of matrices in single precision to the rounding of double precision.
@pytest.mark.filterwarnings("ignore:logm result may be inaccurate")
@pytest.mark.parametrize(("f", "argnum"), RULES)
@given(data=st.data())
def test_rule_keeps_single_precision(f, argnum, data):
    at = data.draw(CASES[f].draw)
    if not _present(at, argnum):
        return
    single = Call(tree_map(_single, at.args), tree_map(_single, at.kwargs))
    plain = f(*single.args, **single.kwargs)

    x = argument_of(single, argnum)
    y, vjp_f = funad.vjp(functools.partial(called_with, f, single, argnum), x)
    xbar = vjp_f(tree_map(lambda leaf: onp.ones(onp.shape(leaf), onp.asarray(leaf).dtype), y))
    for got, wanted in zip(flatten(y)[0], flatten(plain)[0], strict=True):
        assert onp.asarray(got).dtype == onp.asarray(wanted).dtype
    for got, wanted in zip(flatten(xbar)[0], flatten(x)[0], strict=True):
        assert onp.asarray(got).dtype == onp.asarray(wanted).dtype


def _single(x):
    dtype = {"d": onp.float32, "D": onp.complex64}.get(getattr(getattr(x, "dtype", None), "char", ""))
    return x if dtype is None else x.astype(dtype)


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

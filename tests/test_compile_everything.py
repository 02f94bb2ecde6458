"""Every rule of the registry, and random programs, run through compile and agree with eager.

On the recorded arguments and on others: what a program has baked in of the first, the others find.
"""

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given, settings

import funad.numpy as fnp
from funad import compile, grad, tree, value_and_grad
from funad.compiling.program import nodes_in
from funad.transforms import compiled

from . import eager
from .compiled import PROGRAMS, agree, hold_to_eager, others, pulled_back
from .drawing import RULES, on_calls
from .random_programs import Writer, in_namespace, program_of
from .test_compile import derivative

pytestmark = pytest.mark.filterwarnings("ignore")

PAGE = eager.PAGE.read_text(encoding="utf-8")
DEEP = settings().max_examples > 100
# One of three rules in each run of the suite, all of them for a night.
SAMPLE = [rule for k, rule in enumerate(RULES) if DEEP or k % 3 == 0]


@pytest.fixture(autouse=True)
def raising(monkeypatch):
    monkeypatch.setattr(compiled, "RAISES", True)


@pytest.mark.parametrize(("f", "argnum"), SAMPLE)
@on_calls(1)
def test_a_rule_compiled_agrees_with_eager(f, argnum, at):
    plain = pulled_back(f, argnum)
    fast = compile(plain)
    for k in (0, 0, 0, 1, 2):
        hold_to_eager(fast, plain, others((at.args, at.kwargs), k))


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, id=rule.id) for rule in SAMPLE if eager.is_public(eager.name_of(rule))]
)
def test_a_rule_runs_as_a_program_or_is_in_the_list_of_the_page(rule):
    found = eager.reasons(rule)
    assert not found or eager.name_of(rule) in eager.listed(PAGE), (
        f"{found}; write the list again with: {eager.COMMAND}"
    )


@pytest.mark.parametrize("name", sorted(eager.listed(PAGE)))
def test_what_the_page_lists_runs_as_it_is(name):
    found = {why for rule in RULES if eager.name_of(rule) == name for why in eager.reasons(rule)}
    assert found and all(why in PAGE for why in found), f"write the list again with: {eager.COMMAND}"


@settings(max_examples=3 * settings().max_examples)
@given(data=st.data())
def test_random_programs_compiled_agree_with_eager(data):
    seed = data.draw(st.integers(0, 9999))
    x = onp.random.default_rng(seed).uniform(
        -1.4, 1.4, data.draw(st.sampled_from([(3,), (2, 3), (3, 3), (2, 2, 2)]))
    )
    text = Writer(lambda n: data.draw(st.integers(0, n - 1)), x).write(data.draw(st.integers(1, 8)))
    program = program_of(in_namespace(text))
    plain = value_and_grad(lambda x: program(fnp, x))
    fast = compile(plain)
    for k in (0, 0, 0, 1, 2, 3):
        moved = others(x, k) if k < 3 else onp.random.default_rng(seed + 1).uniform(-1.4, 1.4, x.shape)
        try:
            wanted = plain(moved.copy())
        except Exception as error:
            with pytest.raises(type(error)):
                fast(moved.copy())
            continue
        agree(fast(moved.copy()), wanted, ulps=1 << 16, classes=False)


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_constant_of_a_program_depends_on_the_recorded_arguments(name):
    kind, f, args = PROGRAMS[name]
    found = []
    for k in (0, 1):
        fast = compile(derivative(kind, f))
        fast(*others(args, k))
        (program,) = fast.programs
        found.append(program.program)
    for a, b in zip(*(program.nodes for program in found), strict=True):
        assert a.fn is b.fn
        for x, y in zip(_constants(a), _constants(b), strict=True):
            assert type(x) is type(y)
            assert onp.array_equal(x, y) if isinstance(x, onp.ndarray) else x == y


def _constants(node):
    return [x for x in tree.flatten((node.args, node.kwargs))[0] if not list(nodes_in(x)) and not callable(x)]


def test_a_program_of_integers_booleans_and_indices():
    def f(x, index, mask):
        return fnp.sum(x[index] * 2) + fnp.sum(fnp.where(mask, x, -x)) + x[fnp.argsort(x)[0]] ** 2

    fast, rng = compile(grad(f)), onp.random.default_rng(0)
    for _ in range(5):
        x, index = rng.standard_normal(6), rng.integers(0, 6, 4)
        mask = rng.standard_normal(6) > 0
        agree(fast(x, index, mask), grad(f)(x, index, mask))
    assert len(fast.programs) == 1

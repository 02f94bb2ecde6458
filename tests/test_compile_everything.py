"""Every rule of the registry, and random programs, run through compile and agree with eager.

On the recorded arguments and on others: what a program has baked in of the first, the others find.
"""

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given, settings

import funad.numpy as fnp
from funad import compile, grad, tree, value_and_grad, vjp
from funad.compiling.program import nodes_in
from funad.transforms import compiled

from .compiled import PROGRAMS, agree, hold_to_eager, others
from .drawing import CASES, RULES, on_calls, present
from .random_programs import Writer, in_namespace, program_of
from .test_compile import derivative

pytestmark = pytest.mark.filterwarnings("ignore")

DEEP = settings().max_examples > 100
# One of three rules in each run of the suite, all of them for a night.
SAMPLE = [rule for k, rule in enumerate(RULES) if DEEP or k % 3 == 0]


@pytest.fixture(autouse=True)
def raising(monkeypatch):
    monkeypatch.setattr(compiled, "RAISES", True)


def pulled_back(f, argnum):
    """Return the function (args, kwargs) ↦ (y, x̄) of a rule."""

    def program(args, kwargs):
        def of_x(x):
            given, named = list(args), dict(kwargs)
            (given if isinstance(argnum, int) else named)[argnum] = x
            return f(*given, **named)

        y, pull_back = vjp(of_x, args[argnum] if isinstance(argnum, int) else kwargs[argnum])
        return y, pull_back(tree.map(_cotangent, y))

    return program


def _cotangent(y):
    dtype = getattr(y, "dtype", onp.dtype(type(y)))
    wave = onp.cos(onp.arange(1.0, onp.size(y) + 1)).reshape(onp.shape(y))
    return wave.astype(dtype)[()] if dtype.kind in "fc" else y * 0


@pytest.mark.parametrize(("f", "argnum"), SAMPLE)
@on_calls(1)
def test_a_rule_compiled_agrees_with_eager(f, argnum, at):
    plain = pulled_back(f, argnum)
    fast = compile(plain)
    for k in (0, 0, 0, 1, 2):
        hold_to_eager(fast, plain, others((at.args, at.kwargs), k))


def test_most_rules_run_as_programs():
    programs, eager = 0, []
    for rule in RULES[::8]:
        f, argnum = rule.values
        at = next(iter(CASES[f].examples), None)
        if at is None or not present(at, argnum):
            continue
        fast = compile(pulled_back(f, argnum), check=False)
        try:
            fast(at.args, at.kwargs)
        except Exception:
            continue
        programs += bool(fast.programs)
        eager += [] if fast.programs else [rule.id]
    assert programs > 6 * len(eager), eager


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

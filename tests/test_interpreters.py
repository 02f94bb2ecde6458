"""A new interpreter of primitives is one class: this one counts, and runs over every case of the registry."""

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given, settings

import funad.numpy as np
from funad import grad, jvp, tree
from funad.boxes import TRACED, Traced
from funad.spaces import is_inexact
from funad.trace import Trace, next_level
from funad.tracing import run

from .test_rules import CASES, RULES, _present


class Counted(Traced):
    """A value that notes how many numbers were computed on the way to it."""

    __slots__ = ()


class Counter(Trace):
    """Counts the numbers that calls have returned."""

    __slots__ = ("level", "numbers")

    def __init__(self):
        self.level, self.numbers = next_level(), 0

    def input(self, value):
        made = object.__new__(Counted)
        made.primal, made.tape, made.index = value, self, None
        return made

    def process(self, prim, y, args, kwargs, sources):
        if isinstance(y, (tuple, list)):
            parts = [self.process(prim, part, args, kwargs, sources) for part in y]
            return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
        self.numbers += onp.size(y)
        return self.input(y) if is_inexact(y) else y

    def leave(self, x):
        return x.primal if type(x) is Counted and x.tape is self else x


def counted(f, x):
    """Return f(x) and how many numbers were computed for it."""
    counter = Counter()
    leaves, structure = tree.flatten(x)
    y = run(lambda xs: f(tree.unflatten(structure, xs)), list(map(counter.input, leaves)))
    return tree.map(counter.leave, y), counter.numbers


def test_it_counts():
    assert counted(lambda x: np.sum(np.sin(x) * x), onp.ones(5)) == (5 * onp.sin(1.0), 11)
    assert {Counted} < TRACED


def test_it_counts_derivatives_inside_and_outside():
    x = onp.arange(3.0)
    f = lambda x: np.sum(x**3)
    assert counted(grad(f), x)[0].tolist() == (3 * x**2).tolist()
    assert grad(lambda x: counted(f, x)[0])(x).tolist() == (3 * x**2).tolist()
    assert jvp(lambda x: counted(f, x)[0], (x,), (x,))[1] == (3 * x**3).sum()
    assert counted(grad(f), x)[1] > 9


@pytest.mark.parametrize(("f", "argnum"), RULES)
@settings(max_examples=1)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")
def test_every_function_runs_under_it(f, argnum, data):
    at = data.draw(CASES[f].draw)
    if not _present(at, argnum):
        return

    def of_x(x):
        args, kwargs = list(at.args), dict(at.kwargs)
        (args if isinstance(argnum, int) else kwargs)[argnum] = x
        return f(*args, **kwargs)

    x = at.args[argnum] if isinstance(argnum, int) else at.kwargs[argnum]
    y, numbers = counted(of_x, x)
    wanted = of_x(x)
    for got, plain in zip(tree.flatten(y)[0], tree.flatten(wanted)[0], strict=True):
        onp.testing.assert_allclose(got, plain, rtol=1e-12, atol=1e-12)
    assert numbers >= 0

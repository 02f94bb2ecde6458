"""New interpreters of primitives, one class each, that run over every case of the registry.

The first counts. The second keeps values to itself: it notes who looks at one, or refuses, and what was
computed without a look must hold for other numbers too.
"""

import numpy as onp
import pytest

import funad.numpy as np
from funad import grad, jvp, tree, vjp
from funad.boxes import TRACED, Traced
from funad.opaque import Opaque
from funad.spaces import is_inexact
from funad.trace import OF_SHAPES, Trace, next_level
from funad.tracing import run
from funad.values import constant, value_of
from funad.writing import settled

from .drawing import RULES, of_one, on_calls


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
@pytest.mark.filterwarnings("ignore")
@on_calls(1)
def test_every_function_runs_under_it(f, argnum, at):
    of_x, x = of_one(f, at, argnum)
    y, numbers = counted(of_x, x)
    wanted = of_x(x)
    for got, plain in zip(tree.flatten(y)[0], tree.flatten(wanted)[0], strict=True):
        onp.testing.assert_allclose(got, plain, rtol=1e-12, atol=1e-12)
    assert numbers >= 0


class Sealed(Opaque):
    """A value that nobody sees without a look: ``index`` is its place among the values of its trace."""

    __slots__ = ()


class Refused(Exception):
    """Raised where a look is refused."""


class Sealing(Trace):
    """Notes every call, to run it again on other numbers, and every look at a value."""

    __slots__ = ("calls", "level", "looks", "refuses")

    def __init__(self, refuses=False):
        self.level, self.refuses = next_level(), refuses
        self.calls, self.looks = [], []

    def seal(self, value, made_by=None):
        if not isinstance(value, (onp.ndarray, onp.generic, float, complex, bool)):
            return value
        made = object.__new__(Sealed)
        made.inside, made.tape, made.index = value, self, len(self.calls)
        self.calls.append(made_by)
        return made

    def call(self, prim, args, kwargs, run=None):
        args, kwargs = settled(args), {name: settled(x) for name, x in kwargs.items()}
        held, named = unsealed(args), {name: unsealed(x) for name, x in kwargs.items()}
        if prim.f in OF_SHAPES:
            return prim.f(*held, **named)
        y = prim.traced(*held, **named)
        if not isinstance(y, (tuple, list)):
            return self.seal(y, (prim.traced, args, kwargs))
        whole = len(self.calls)
        self.calls.append((prim.traced, args, kwargs))
        parts = [self.seal(part, (take, (Place(whole), k), {})) for k, part in enumerate(y)]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)

    def look(self, x, why):
        if self.refuses:
            raise Refused(why)
        self.looks.append(why)
        return x.inside

    def guard(self, x, how, answer):
        if not answer:  # "all is finite" holds for the other numbers too
            self.looks.append(how)
        return answer

    def after(self, look, f, args, kwargs, name=""):
        raise look

    def again(self, xs, y):
        """Return y for other inputs, by running the calls again."""
        values = list(xs)
        for f, args, kwargs in self.calls[len(xs) :]:
            args, kwargs = (tree_of(values, part) for part in (args, kwargs))
            values.append(f(*args, **kwargs))
        return tree_of(values, y)


class Place:
    """The place of a value that is no traced one: of a result of several parts."""

    def __init__(self, index):
        self.index = index


def take(y, k):
    return y[k]


def over(x, f):
    """Return an argument with f of the parts of nested containers in it."""
    if type(x) in (tuple, list):
        return type(x)(over(part, f) for part in x)
    if type(x) is dict:
        return {name: over(part, f) for name, part in x.items()}
    if type(x) is slice:
        return slice(*(over(part, f) for part in (x.start, x.stop, x.step)))
    return f(settled(x))


def unsealed(x):
    return over(x, lambda part: part.inside if type(part) is Sealed else part)


def tree_of(values, x):
    return over(x, lambda part: values[part.index] if type(part) in (Sealed, Place) else part)


def sealed(f, x, refuses=False):
    """Return f(x) as a sealed value, and the trace."""
    trace = Sealing(refuses)
    leaves, structure = tree.flatten(x)
    return run(lambda xs: f(tree.unflatten(structure, xs)), list(map(trace.seal, leaves))), trace


def test_it_notes_looks_and_sees_what_is_compared():
    y, trace = sealed(lambda x: np.where(x > 1, x, 0) * 2, onp.arange(3.0))
    assert trace.looks == []
    assert trace.again([onp.array([3.0, 2.0, 1.0])], y).tolist() == [6.0, 4.0, 0.0]
    _, trace = sealed(lambda x: x if x > 1 else -x, 3.0)
    assert trace.looks == ["bool() was asked of it"]


LOOKS = [bool, float, int, complex, onp.asarray, lambda x: 1.0 in x, lambda x: [0][x]]


@pytest.mark.parametrize("look", [*LOOKS, lambda x: value_of(x, "a test asked for it")])
def test_it_refuses_looks_under_other_traces_too(look):
    with pytest.raises(Refused):
        sealed(lambda x: look(x), 1.0, refuses=True)
    with pytest.raises((Refused, TypeError)):
        sealed(grad(lambda x: look(constant(x)) * x), 1.0, refuses=True)


@pytest.mark.parametrize(("f", "argnum"), RULES)
@pytest.mark.filterwarnings("ignore")
@on_calls(1)
def test_no_derivative_depends_on_a_value_in_secret(f, argnum, at):
    of_x, x = of_one(f, at, argnum)

    def derivative(x):
        y, pull = vjp(of_x, x)
        return y, pull(tree.map(lambda part: part * 0.5 + 0.25 if is_inexact(part) else part, y))

    found, trace = sealed(derivative, x)
    assert_alike(unsealed(found), derivative(x))
    leaves, structure = tree.flatten(x)
    others = [leaf * (1 + 2.0**-12) for leaf in leaves]
    if not trace.looks:
        assert_alike(trace.again(others, found), derivative(tree.unflatten(structure, others)))


def assert_alike(got, wanted):
    for a, b in zip(tree.flatten(got)[0], tree.flatten(wanted)[0], strict=True):
        if is_inexact(b):
            onp.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * (1 + onp.max(onp.abs(b), initial=0)))

"""A program sees what changes in the objects, modules, classes and containers that its function reads."""

import collections
import functools
import sys
import types

import numpy as onp
import pytest

import funad
import funad.numpy as np
from funad import compile, grad

from .compiled import agree

K = 2.0
activation = np.sin


def times_k(x):
    return x * K


class Layer:
    scale = 1.0

    def __init__(self, w, of=None):
        self.w, self.of, self.act = w, of, np.sin

    def helper(self, x):
        return times_k(x)

    @property
    def k(self):
        return K

    @staticmethod
    def scaled(x):
        return x * K

    def __mul__(self, x):
        return x * K

    def __call__(self, x):
        return np.sum(self.act(x * self.w))

    def by_helper(self, x):
        return np.sum(self.helper(x) * self.scale)

    def by_property(self, x):
        return np.sum(x * self.k)

    def by_static(self, x):
        return np.sum(self.scaled(x))

    def by_operator(self, x):
        return np.sum(self * x)


class Net:
    def __init__(self, layers):
        self.layers = layers

    def __call__(self, x):
        return sum(layer(x) for layer in self.layers)


class Slotted:
    __slots__ = ("w",)

    def __call__(self, x):
        return np.sum(x * self.w)


class Tagged(dict):
    pass


class Table:
    """As a table of another library: NumPy reads it."""

    def __init__(self, values):
        self._hidden = Layer(values)

    def __array__(self, dtype=None, copy=None):
        return onp.array(self._hidden.w, dtype)


Pair = collections.namedtuple("Pair", "a b")
Table.__module__ = "numpy.tables"  # no class of the user's: its attributes are its own affair


def made_module():
    module = types.ModuleType("a_module_of_the_users")
    exec(
        "import funad.numpy as np\nK = 2.0\nA = np.ones(3)\ndef f(x): return np.sum(x * K * A)", vars(module)
    )
    return module


def _set(x, name, value):
    return functools.partial(setattr, x, name, value)


def _put(x, key, value):
    return functools.partial(x.__setitem__, key, value)


def _of_objects():
    here = sys.modules[__name__]
    layer, net = Layer(2.0), Net([Layer(1.0), Layer(onp.ones(3))])
    yield "w of a callable", layer, _set(layer, "w", 3.0)
    yield "act of a callable", layer, _set(layer, "act", np.cos)
    yield "w by a lambda", lambda x: layer(x), _set(layer, "w", 4.0)
    yield "w by a method", lambda x: layer.by_helper(x) * layer.w, _set(layer, "w", 5.0)
    yield "global of a helper", layer.by_helper, _set(here, "K", 7.0)
    yield "global of a property", layer.by_property, _set(here, "K", 7.0)
    yield "global of a static method", layer.by_static, _set(here, "K", 7.0)
    yield "global of an operator", layer.by_operator, _set(here, "K", 7.0)
    yield "attribute of a class", layer.by_helper, _set(Layer, "scale", 4.0)
    yield "class itself", lambda x: np.sum(x * Layer.scale), _set(Layer, "scale", 3.0)
    yield "object made inside", lambda x: Layer(2.0).by_static(x), _set(here, "K", 7.0)
    deep = Layer(1.0, Layer(2.0, Layer(3.0)))
    yield "object of an object", lambda x: np.sum(x * deep.of.of.w), _set(deep.of.of, "w", 9.0)
    yield "another object", lambda x: np.sum(x * deep.of.w), _set(deep, "of", Layer(8.0))
    yield "a layer", net, _set(net.layers[0], "w", 9.0)
    yield "array of a layer", net, _put(net.layers[1].w, 0, 9.0)
    yield "another layer", net, _put(net.layers, 0, Layer(4.0))
    yield "one layer more", net, functools.partial(net.layers.append, Layer(4.0))
    slotted = Slotted()
    slotted.w = 2.0
    yield "slot", lambda x: np.sum(x * slotted.w), _set(slotted, "w", 3.0)
    yield "slot of a callable", slotted, _set(slotted, "w", 5.0)
    space = types.SimpleNamespace(of=types.SimpleNamespace(w=1.0))
    yield "namespace", lambda x: np.sum(x * space.of.w), _set(space.of, "w", 2.0)
    table = Table(onp.ones(3))
    yield "table", lambda x: np.sum(x * onp.asarray(table)), _put(table._hidden.w, 0, 5.0)


def _of_containers():
    here = sys.modules[__name__]
    yield "global function", lambda x: np.sum(activation(x)), _set(here, "activation", np.cos)
    fs = [np.sin]
    yield "list of functions", lambda x: np.sum(fs[0](x)), _put(fs, 0, np.cos)
    of_users = [times_k]
    yield "list of the user's functions", lambda x: np.sum(of_users[0](x)), _set(here, "K", 7.0)
    named = {"f": (2.0, times_k)}
    yield "function beside a number", lambda x: np.sum(named["f"][1](x)), _set(here, "K", 7.0)
    module = made_module()
    yield "function of a module", lambda x: module.f(x), _set(module, "K", 5.0)
    yield "number of a module", lambda x: np.sum(x * module.K), _set(module, "K", 6.0)
    yield "array of a module", lambda x: np.sum(x * module.A), _put(module.A, 0, 50.0)
    pair = Pair(onp.ones(3), np.sin)
    yield "namedtuple", lambda x: np.sum(pair.b(x) * pair.a), _put(pair.a, 0, 7.0)
    for x in (collections.OrderedDict(w=2.0), collections.defaultdict(float, w=2.0), Tagged(w=2.0)):
        yield type(x).__name__, lambda y, x=x: np.sum(y * x["w"]), _put(x, "w", 7.0)
    queue, numbers = collections.deque([2.0, 1.0]), {1.0, 2.0}
    yield "deque", lambda x: np.sum(x * queue[0]), _put(queue, 0, 7.0)
    yield "set", lambda x: np.sum(x * sum(numbers)), functools.partial(numbers.add, 9.0)


@pytest.mark.parametrize("make", [_of_objects, _of_containers])
def test_what_changes_in_what_a_function_reads_counts_in_the_next_call(make, monkeypatch):
    rng = onp.random.default_rng(0)
    for name, f, change in make():
        fast, plain = compile(grad(f)), grad(f)
        for _ in range(3):
            x = rng.standard_normal(3)
            agree(fast(x), plain(x))
        assert fast.programs, (name, fast.explain())
        with monkeypatch.context() as m:
            m.setattr(sys.modules[__name__], "K", K)  # and what is set is put back
            m.setattr(sys.modules[__name__], "activation", activation)
            m.setattr(Layer, "scale", Layer.scale)
            was = fast(x)
            change()
            for _ in range(3):
                agree(fast(x), plain(x))
            assert not onp.array_equal(fast(x), was), name


def test_a_method_of_an_object_that_can_be_called_is_compiled():
    layer = Layer(2.0)
    fast = compile(grad(lambda x: layer(x) + layer.by_helper(x)))
    for x in (onp.ones(3), onp.arange(3.0), onp.zeros(3)):
        fast(x)
    assert len(fast.programs) == 1


def test_more_objects_than_can_be_compared_run_as_they_are():
    layers = [Layer(float(n)) for n in range(1000)]
    fast = compile(lambda x: sum(layer.w * x for layer in layers))
    assert [float(fast(x)) for x in (1.0, 2.0, 1.0)] == [499500.0, 999000.0, 499500.0]
    assert "more than 2000 values" in fast.explain()


# --- what a recording leaves where it is kept


class Keeper:
    def __init__(self):
        self.parts, self.named, self.last = [], {}, None

    def keep(self, x):
        self.parts.append((x * 2, [x + 1]))
        self.named["of x"] = np.sin(x)
        self.last = x * 3
        return np.sum(x**2)


def test_what_a_function_keeps_is_what_it_keeps_in_eager():
    plain, kept, lists = Keeper(), Keeper(), ([], [])
    fast = compile(lambda x: (lists[0].append(x * 2), kept.keep(x))[1])
    slow = lambda x: (lists[1].append(x * 2), plain.keep(x))[1]
    for value in (1.0, 2.0, 3.0):
        x = value * onp.ones(2)
        agree(fast(x), slow(x))
        for found, wanted in zip((lists[0], vars(kept)), (lists[1], vars(plain)), strict=True):
            found, wanted = funad.tree.flatten(found), funad.tree.flatten(wanted)
            assert found[1] == wanted[1]
            assert list(map(type, found[0])) == list(map(type, wanted[0]))
            onp.testing.assert_array_equal(found[0], wanted[0])
    assert "3 calls ran in eager" in fast.explain()

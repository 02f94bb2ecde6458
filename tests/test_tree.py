"""Containers: flatten, unflatten, map, register."""

import collections
import dataclasses

import hypothesis.strategies as st
import numpy as onp
import pytest
import scipy.optimize
from hypothesis import given

import funad
import funad.numpy as np
from funad import grad, tree, value_and_grad
from funad.errors import ArgumentError

Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Data:
    a: object
    b: object = 0.0


leaves = st.floats(-1, 1)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.builds(Pair, inner, inner)
        | st.builds(Data, inner, inner)
    ),
    max_leaves=8,
)


@given(trees)
def test_unflatten_is_the_inverse_of_flatten(x):
    found, structure = tree.flatten(x)
    assert tree.unflatten(structure, found) == x
    assert structure == tree.flatten(tree.map(lambda leaf: leaf + 1, x))[1]
    assert hash(structure) == hash(tree.flatten(x)[1])


@given(trees)
def test_there_is_a_path_for_every_leaf(x):
    for path, leaf in zip(tree.paths(x, "x"), tree.flatten(x)[0], strict=True):
        assert eval(path, {"x": x}) == leaf


@given(trees)
def test_mapping_the_identity_changes_nothing(x):
    assert tree.map(lambda leaf: leaf, x) == x


def test_dicts_keep_their_order():
    assert tree.flatten({"z": 1.0, "a": 2.0})[0] == [1.0, 2.0]
    assert list(tree.map(lambda leaf: leaf, {"z": 1.0, "a": 2.0})) == ["z", "a"]


def test_map_over_several_trees_asks_for_one_structure():
    assert tree.map(lambda a, b: a * b, [1.0, (2.0,)], [3.0, (4.0,)]) == [3.0, (8.0,)]
    with pytest.raises(ArgumentError, match="differ"):
        tree.map(lambda a, b: a, [1.0], (1.0,))


def test_dicts_of_another_order_are_another_structure_with_a_clear_message():
    with pytest.raises(ArgumentError, match="differ"):
        tree.map(lambda a, b: a, {"a": 1.0, "b": 2.0}, {"a": 1.0, "c": 2.0})


def test_dicts_are_mapped_by_key_whatever_their_order():
    assert tree.map(lambda a, b: a - b, {"a": 1.0, "b": 2.0}, {"b": 1.0, "a": 5.0}) == {"a": -4.0, "b": 1.0}


def test_unflatten_counts_its_leaves():
    _, structure = tree.flatten([1.0, 2.0])
    with pytest.raises(ArgumentError, match="2 leaves, but 1"):
        tree.unflatten(structure, [1.0])


class Ring:
    def __init__(self, items):
        self.items = items


def test_registered_classes_are_containers():
    tree.register(Ring, lambda ring: (ring.items, None), lambda _, items: Ring(list(items)))
    assert grad(lambda ring: ring.items[0] * ring.items[1])(Ring([2.0, 3.0])).items == [3.0, 2.0]
    with pytest.raises(ArgumentError, match="already"):
        tree.register(Ring, lambda ring: (ring.items, None), lambda _, items: Ring(items))
    with pytest.raises(ArgumentError, match="already"):
        tree.register(dict, lambda d: (d, None), lambda _, d: d)


def test_parameters_in_containers_are_fitted_as_a_vector():
    x = onp.linspace(-1, 1, 20)
    start, unravel = tree.ravel({"slope": 0.0, "offset": [onp.zeros(2)]})

    def loss(vector):
        p = unravel(vector)
        return np.sum((p["slope"] * x + p["offset"][0][0] * p["offset"][0][1] - 3 * x - 2) ** 2)

    found = unravel(scipy.optimize.minimize(value_and_grad(loss), start + 1, jac=True).x)
    assert found["slope"] == pytest.approx(3.0, abs=1e-5)
    assert onp.prod(found["offset"][0]) == pytest.approx(2.0, abs=1e-5)


def test_ravel_of_traced_leaves_differentiates():
    def f(p):
        vector, unravel = tree.ravel(p)
        return np.sum(vector**2) * unravel(vector)["a"]

    gradient = grad(f)({"a": 2.0, "b": onp.array([1.0, 3.0], onp.float32)})
    assert gradient["a"] == 14 + 2 * 2 * 2 and gradient["b"].tolist() == [4.0, 12.0]
    assert gradient["b"].dtype == onp.float32


def test_unravel_restores_dtypes_and_checks_the_length():
    vector, unravel = tree.ravel([onp.ones(2, onp.float32), 1.0])
    assert unravel(vector)[0].dtype == onp.float32 and tree.ravel([])[0].shape == (0,)
    with pytest.raises(ArgumentError, match=r"shape \(3,\), not \(2,\)"):
        unravel(vector[:2])


class Doubled(collections.namedtuple("Doubled", "a b")):
    def __new__(cls, a):
        return super().__new__(cls, float(a), 2.0 * a)


def test_a_namedtuple_with_a_constructor_of_its_own_is_filled_without_it():
    assert grad(lambda pair: pair.a * pair.b)(Doubled(3)) == (6.0, 3.0)
    assert type(grad(lambda pair: pair.a)(Doubled(3))) is Doubled


def test_structures_that_differ_in_the_rest_show_it():
    class Layer:
        def __init__(self, w, name):
            self.w, self.name = w, name

    tree.register(Layer, lambda layer: ((layer.w,), layer.name), lambda name, ws: Layer(*ws, name))
    with pytest.raises(ArgumentError, match=r"Layer\(leaf; 'first'\) and Layer\(leaf; 'second'\)"):
        tree.map(lambda a, b: a, Layer(1.0, "first"), Layer(1.0, "second"))


def test_register_and_unflatten_check_what_they_are_given():
    for wrong in ((3, list, list), (Pair, None, list), (Pair, list, None)):
        with pytest.raises(ArgumentError, match="register takes a class and two functions"):
            tree.register(*wrong)
    with pytest.raises(ArgumentError, match="unflatten takes a structure, .* not list"):
        tree.unflatten([1.0], [1.0])


def _nested(depth):
    tree = [1.0]
    for _ in range(depth):
        tree = [tree, 2.0]
    return tree


def _of_itself():
    a = [1.0]
    a.append(a)
    return a


@pytest.mark.parametrize(
    "run",
    [
        lambda a: funad.grad(lambda p: p[0])(a),
        lambda a: funad.jvp(lambda p: p[0], (a,), (a,)),
        lambda a: funad.vjp(lambda x: a, 1.0),
        funad.tree.flatten,
        funad.value,
    ],
)
def test_a_container_that_contains_itself_or_is_too_deep_is_refused_by_that_name(run):
    with pytest.raises(ArgumentError, match="a list contains itself"):
        run(_of_itself())
    with pytest.raises(ArgumentError, match="containers are nested 3001 deep"):
        run(_nested(3000))


class _Named(list):
    """A list with attributes."""


def _with_itself():
    named = _Named([1.0])
    named.me = named
    return named


@funad.primitive
def _beside(x, other):
    return 2.0 * x


funad.elementwise(_beside, lambda y, ybar, x, other: 2.0 * ybar)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x * _of_itself()),
        lambda x: np.sum(np.stack([x, _of_itself()])),
        lambda x: np.sum(np.concatenate([[x], _of_itself()])),
        lambda x: np.sum(np.array([x, _of_itself()])),
        lambda x: _beside(x, _of_itself()),
        lambda x: np.where(_of_itself(), x, 0.0),
    ],
)
def test_a_constant_that_contains_itself_is_refused_by_that_name(f):
    for run in (funad.grad(f), lambda x: funad.jvp(f, (x,), (1.0,))):
        with pytest.raises(ArgumentError, match="a list contains itself"):
            run(3.0)


def test_a_constant_that_has_itself_as_an_attribute_is_no_matter():
    assert funad.grad(lambda x: _beside(x, _with_itself()))(3.0) == 2.0


def test_a_function_of_the_users_that_calls_itself_is_no_matter_of_constants():
    def endless(x):
        return endless(np.sum([x, 1.0]))

    with pytest.raises(RecursionError):
        funad.grad(endless)(1.0)


def test_a_dict_that_contains_itself_is_refused_and_lists_that_share_a_list_are_not():
    d = {"x": 1.0}
    d["me"] = d
    with pytest.raises(ArgumentError, match="a dict contains itself"):
        funad.grad(lambda d: d["x"])(d)
    shared = [1.0]
    assert funad.grad(lambda p: p[0][0] * p[1][0])([shared, shared]) == [[1.0], [1.0]]


def test_deep_lists_that_share_their_parts_are_refused_at_once():
    tree = [1.0]
    for _ in range(3000):
        tree = [tree, tree]
    with pytest.raises(ArgumentError, match="nested 3001 deep"):
        funad.tree.flatten(tree)


def test_a_recursion_of_the_users_is_no_matter_of_containers():
    class Endless:
        pass

    def parts(endless):
        return parts(endless)

    funad.tree.register(Endless, parts, lambda _, parts: Endless())
    with pytest.raises(RecursionError):
        funad.tree.flatten([Endless()])

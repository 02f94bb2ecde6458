"""Inputs of unusual form: numbers for arrays, lists of axes, folds of one, keywords of methods."""

import collections
import copy
import functools
import gc
import math
import pickle
import weakref

import numpy as onp
import pytest
import scipy.sparse
import scipy.special

import funad.numpy as np
from funad import debug_nans, defvjp, grad, graph, hessian, jvp, primitive, tree, vjp, vmap
from funad.errors import ArgumentError, FunadError, MissingRuleError, NotDifferentiableError
from funad.graphs.layout import Layout
from funad.values import constant

STEP = 1e-6  # near the cube root of the rounding, the best step of a central difference


def _along_all(f, x):
    units = onp.eye(onp.size(x)).reshape(onp.size(x), *onp.shape(x))
    return onp.array([jvp(f, (x,), (e[()],))[1] for e in units]).reshape(onp.shape(x))


def differences(f, x):
    """The gradient of f by central differences."""
    units = STEP * onp.eye(onp.size(x)).reshape(onp.size(x), *onp.shape(x))
    return onp.array([(f(x + e) - f(x - e)) / (2 * STEP) for e in units]).reshape(onp.shape(x))


def agrees(f, x, **tolerance):
    """Hold the gradient of ⟨w, f(x)⟩ against differences, in both modes, and its own derivative."""
    y = onp.asarray(f(x))
    w = onp.cos(1.0 + onp.arange(y.size)).reshape(y.shape)
    loss = lambda x: np.sum(f(x) * w)
    wanted = differences(loss, x)
    found = vjp(f, x)[0]
    onp.testing.assert_allclose(found, y)
    assert onp.shape(found) == y.shape
    onp.testing.assert_allclose(grad(loss)(x), wanted, atol=1e-7, **tolerance)
    onp.testing.assert_allclose(_along_all(loss, x), wanted, atol=1e-7, **tolerance)
    second = lambda x: np.sum(grad(loss)(x) * onp.sin(1.0 + onp.arange(onp.size(x))).reshape(onp.shape(x)))
    wanted = differences(second, x)
    onp.testing.assert_allclose(grad(second)(x), wanted, atol=1e-6, **tolerance)
    onp.testing.assert_allclose(_along_all(second, x), wanted, atol=1e-6, **tolerance)


# --- traced values in sequences that are no lists

Pair = collections.namedtuple("Pair", "left right")


class Held:
    """An object of which NumPy asks an array: it has a traced one."""

    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None, copy=None):
        return self.x


SEQUENCES = [
    lambda x: Pair(*x),
    collections.deque,
    lambda x: collections.UserList([*x]),
    lambda x: x.flat,
    lambda x: Held(x),
    lambda x: [*x],
]
OF_SEQUENCES = [
    lambda np, x, s: np.array(s(x)) ** 2,
    lambda np, x, s: np.asarray(s(x)) ** 2,
    lambda np, x, s: np.sin(s(x)),
    lambda np, x, s: np.multiply(s(x), s(x[::-1])),
    lambda np, x, s: np.hypot(x, s(x**2)),
    lambda np, x, s: np.power(s(x), s(x)),
    lambda np, x, s: x ** s(x) + x * s(x),
    lambda np, x, s: np.dot(s(x), s(x)),
    lambda np, x, s: np.mean(s(x)) * np.var(s(x)),
    lambda np, x, s: np.max(s(x)) ** 2,
    lambda np, x, s: np.linalg.norm(s(x)),
    lambda np, x, s: np.where([True, False], s(x**2), s(x**3)),
    lambda np, x, s: np.concatenate([s(x), s(x**2)]),
    lambda np, x, s: np.stack([x, s(x**2)]),
    lambda np, x, s: np.einsum("i,j", s(x), s(x)),
    lambda np, x, s: np.polyval(s(x), 2.0) ** 2,
    lambda np, x, s: np.interp(0.3, [0.0, 1.0], s(x**2)),
    lambda np, x, s: np.add.accumulate(s(x)) ** 2,
]


@pytest.mark.parametrize("f", OF_SEQUENCES)
@pytest.mark.parametrize("sequence", SEQUENCES)
def test_traced_values_in_any_sequence_are_an_array(f, sequence):
    x = onp.array([0.5, 1.5])
    in_lists = lambda x: f(np, x, list)
    agrees(in_lists, x)
    onp.testing.assert_allclose(in_lists(x), f(onp, x, list))
    loss = lambda x: np.sum(f(np, x, sequence) ** 2)
    wanted = lambda x: np.sum(in_lists(x) ** 2)
    for derivative in (grad, hessian, lambda f: vmap(grad(f))):
        points = onp.stack([x, x[::-1]]) if derivative not in (grad, hessian) else x
        onp.testing.assert_array_equal(derivative(loss)(points), derivative(wanted)(points))


WRITES_OF_SEQUENCES = [
    lambda np, y, s: np.copyto(y, s),
    lambda np, y, s: np.copyto(y, s, where=[True, False]),
    lambda np, y, s: np.put(y, [1, 0], s),
    lambda np, y, s: np.putmask(y, [True, False], s),
    lambda np, y, s: np.place(y, [False, True], s),
    lambda np, y, s: y.__setitem__(slice(None), s),
    lambda np, y, s: y.put([1, 0], s),
]


@pytest.mark.parametrize("write", WRITES_OF_SEQUENCES)
@pytest.mark.parametrize("of", [collections.deque, lambda parts: Pair(*parts), list])
@pytest.mark.parametrize("traced", ["both", "the array", "the sequence"])
def test_sequences_are_written_as_numpy_writes_them(write, of, traced):
    def f(x, np=np):
        y = np.zeros(2)
        if traced != "the sequence":
            y[:] = x**3
        write(np, y, of([2.0, 5.0] if traced == "the array" else x**2))
        return y * onp.array([1.0, 3.0])

    x = onp.array([0.5, 1.5])
    onp.testing.assert_allclose(f(x), f(x, onp))
    agrees(f, x)


@pytest.mark.parametrize("f", [np.multiply, np.matmul, np.power, np.hypot, np.dot])
def test_a_range_is_an_array(f):
    agrees(lambda x: f(x, range(1, 4)) + f(range(1, 4), x), onp.array([0.5, 1.5, 1.1]))


@pytest.mark.parametrize(
    "f", [np.matmul, np.linalg.matmul, np.linalg.solve, lambda a, b: np.linalg.lstsq(a, b)[0]]
)
@pytest.mark.parametrize(
    "of", [list, tuple, lambda rows: list(map(list, rows)), lambda rows: tuple(map(tuple, rows))]
)
def test_matrices_may_be_nested_lists_and_tuples(f, of):
    a = of([(2.0, 0.5), (0.25, 1.0)])
    agrees(lambda x: f(a, np.outer(x, [1.0, 2.0])) + f(np.outer(x, x) + onp.eye(2), a), onp.array([0.5, 1.5]))


@pytest.mark.parametrize("narrow", [onp.float32, onp.float16])
def test_a_power_of_narrow_numbers_has_the_digits_of_the_wide_ones(narrow):
    a, b = onp.array([0.3, 1.7, 2.9]).astype(narrow), onp.array([0.7, 1.3, -2.1])
    wide = a.astype(float)
    for f in (np.power, np.float_power):
        found = hessian(lambda b, f=f: np.sum(f(a, b)))(b)
        onp.testing.assert_allclose(found, onp.diag(wide**b * onp.log(wide) ** 2), rtol=1e-14)
        found = hessian(lambda b, f=f: np.sum(f(b, a)))(wide + 0.1)
        onp.testing.assert_allclose(
            found, onp.diag(wide * (wide - 1) * (wide + 0.1) ** (wide - 2)), rtol=1e-13
        )


@pytest.mark.parametrize("of", [collections.deque, collections.UserList, tuple])
def test_traced_arrays_in_any_sequence_are_a_list_of_arrays(of):
    for join in (np.stack, np.concatenate, onp.stack, onp.vstack, np.array, np.hstack):
        agrees(lambda x, join=join: join(of([x, x**2, Pair(1.0, x[0])])) ** 3, onp.array([0.5, 1.5]))
    agrees(lambda x: np.array([Pair(*x), Pair(x[0], 2.0)]) ** 2, onp.array([0.5, 1.5]))


@pytest.mark.parametrize("b", [[2.0, 0.5], (0.5, 0.5), [1, 3]])
def test_a_list_of_exponents_to_second_order(b):
    agrees(lambda x: x**b, onp.array([0.5, 1.5]))
    agrees(lambda x: np.power(x, b), onp.array([0.5, 1.5]))


def test_a_deque_on_the_left_is_an_array_as_to_numpy():
    agrees(lambda x: collections.deque([2.0, 3.0]) * x**2 + collections.deque(x) * x, onp.array([0.5, 1.5]))


SPELLED_OUT = [
    lambda x: np.median(x, axis=0, out=None, overwrite_input=False),
    lambda x: np.nanmedian(x, overwrite_input=False),
    lambda x: np.quantile(x, 0.3, axis=0, out=None, overwrite_input=False),
    lambda x: np.nanpercentile(x, 30.0, out=None),
    lambda x: np.max(x, axis=0, out=None, where=True),
    lambda x: np.nanmin(x, axis=1, out=None),
    lambda x: np.std(x, axis=0, dtype=None, out=None, ddof=1, where=True),
    lambda x: np.nanstd(x, 0, out=None),
    lambda x: np.ptp(x, axis=0, out=None),
    lambda x: np.sort(x, axis=0, kind=None, order=None),
    lambda x: np.partition(x, 1, order=None),
    lambda x: np.abs(x, out=None, where=True),
    lambda x: np.compress([True, False, True], x, axis=0, out=None),
    lambda x: x.compress([True, False, True], 0, None),
]


@pytest.mark.parametrize("f", SPELLED_OUT)
def test_defaults_that_are_spelled_out_mean_nothing_to_any_order(f):
    agrees(lambda x: f(x) ** 2, onp.array([[0.5, -1.5], [0.2, 2.5], [-0.7, 1.0]]))


def test_a_traced_degree_of_freedom_is_refused_by_its_name():
    with pytest.raises(MissingRuleError, match="numpy.std, called with float, has .* keyword 'ddof'"):
        grad(lambda x: np.std([1.0, 2.0, 4.0], ddof=x))(1.0)


def test_digits_as_text_are_refused():
    with pytest.raises(NotDifferentiableError, match=r"hex\(\) of a traced value"):
        grad(lambda x: float.fromhex(x.hex()))(0.5)


def test_a_user_s_function_gets_the_sequence_that_it_was_given():
    seen = []

    @primitive
    def f(x, options):
        seen.append(type(options))
        return x * options[0]

    defvjp(f, lambda y, ybar, x, options: ybar * options[0], argnums=(0,))
    assert grad(lambda x: f(x, collections.deque([3.0])))(2.0) == 3.0
    assert set(seen) == {collections.deque}


# --- folds of few elements

FOLDED = [
    onp.add, onp.multiply, onp.subtract, onp.divide, onp.hypot, onp.logaddexp, onp.logaddexp2, onp.maximum,
    onp.minimum, onp.fmax, onp.fmin, onp.arctan2, onp.copysign, onp.remainder, onp.fmod,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("ufunc", FOLDED, ids=lambda f: f.__name__)
@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("method", ["reduce", "accumulate"])
def test_a_fold_of_few_elements_is_numpys(ufunc, n, method):
    x = onp.array([-0.3, -0.7, 0.45])[:n]
    try:
        getattr(ufunc, method)(x)
    except ValueError as error:  # of nothing, where there is no identity
        with pytest.raises(type(error)):
            vjp(lambda x: getattr(ufunc, method)(x), x)
        return
    found, vjp_f = vjp(lambda x: getattr(ufunc, method)(x), x)
    if method == "reduce" and n > 1:  # NumPy 2.4 has arctan2.reduce wrong on processors with AVX-512
        fold = functools.partial(functools.reduce, ufunc)
    else:
        fold = getattr(ufunc, method)
    onp.testing.assert_allclose(found, fold(x), rtol=1e-14)  # halves are added up in another order
    wanted = differences(lambda x: onp.sum(fold(x)), x)
    onp.testing.assert_allclose(vjp_f(onp.ones_like(found)[()]), wanted, atol=1e-8)


@pytest.mark.parametrize("keywords", [{}, {"keepdims": True}, {"where": onp.array([True])}])
def test_hypot_of_one_element_is_its_absolute_value(keywords):
    f = lambda x: np.sum(np.hypot.reduce(x, **keywords))
    assert vjp(f, onp.array([-0.3]))[0] == 0.3
    assert grad(f)(onp.array([-0.3])).tolist() == [-1.0]
    assert hessian(lambda x: f(x) ** 2)(onp.array([-0.3])).tolist() == [[2.0]]


# --- numbers and lists in the place of arrays


@pytest.mark.parametrize("into", [0.7, onp.array(0.7), [0.7, 0.8], [], onp.float64(0.5), 3.0])
def test_insert_takes_numbers_and_lists(into):
    agrees(lambda x: np.insert(into, 0, x), 0.5)
    agrees(lambda x: np.insert(into, [0], [2 * x]), 0.5)
    agrees(lambda x: np.insert(x, 1, into), 0.5)
    assert vjp(lambda x: np.insert(onp.ones(2, "f4"), 0, x), 0.5)[0].dtype == onp.float32


A = onp.array([[0.3, 1.2, 0.7], [2.5, -0.4, 0.9]])
FORMS = {
    "average over a list of axes": lambda x: np.average(x, [0, 1]),
    "average over no axes": lambda x: np.average(x, onp.zeros(0, int)),
    "median over a list of axes": lambda x: np.median(x, [0, 1]),
    "nanmedian over an array of axes": lambda x: np.nanmedian(x, onp.array([0, 1])),
    "quantile over a list of axes": lambda x: np.quantile(x, 0.3, axis=[0, 1]),
    "transpose by a number": lambda x: np.transpose(x[0], 0),
    "nancumprod of a number": lambda x: np.nancumprod(x[0, 0], 0),
    "cumprod of a number": lambda x: np.cumprod(x[0, 0], 0),
    "trim_zeros of a number": lambda x: np.trim_zeros(x[0, 0]),
    "multi_dot of numbers": lambda x: np.linalg.multi_dot([x[0, 0], x[0, 1]]),
    "multi_dot of two vectors": lambda x: np.linalg.multi_dot([x[0], x[1]]),
    "select by an array": lambda x: np.select(onp.array([True, False]), x[:, 0]),
    "polymul with nothing": lambda x: np.polymul([], x[0]) + x[0, 0],
    "norm of no columns": lambda x: np.linalg.norm(x[:, :0], 1) + x[0, 0],
    "frexp, out by position": lambda x: np.frexp(x, np.zeros((2, 3)))[0],
    "modf, out by position": lambda x: np.modf(x, np.zeros((2, 3)))[0],
    "divmod, out by position": lambda x: np.divmod(x, 0.65, np.zeros((2, 3)), np.zeros((2, 3)))[1],
}


@pytest.mark.parametrize("f", FORMS.values(), ids=FORMS)
def test_a_form_that_numpy_takes_has_its_derivative(f):
    agrees(f, A)


@pytest.mark.parametrize("y", [0.7, None, "text"])
def test_trapezoid_of_what_has_no_axes_is_refused_as_numpy_refuses_it(y):
    with pytest.raises(Exception) as plain:  # noqa: PT011
        onp.trapezoid(y, A)
    with pytest.raises(plain.type):
        grad(lambda x: np.sum(np.trapezoid(y, x)))(A)


# --- statistics around a given mean, quantiles of several orders


@pytest.mark.parametrize("f", [np.var, np.std, np.nanvar, np.nanstd])
@pytest.mark.parametrize("keywords", [{}, {"ddof": 1}, {"correction": 0.5}, {"keepdims": True}])
@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_a_traced_mean_has_its_derivative(f, keywords, axis):
    mean = lambda x: np.nanmean(x, axis=axis, keepdims=True) * 1.1
    x = A.copy()
    agrees(lambda x: f(x, axis=axis, mean=mean(x), **keywords), x)
    agrees(lambda m: f(x, axis=axis, mean=m, **keywords), mean(x))


@pytest.mark.parametrize("f", [np.nanvar, np.nanstd])
def test_a_traced_mean_beside_missing_numbers(f):
    x = A.copy()
    x[0, 1] = onp.nan
    agrees(lambda m: f(x, axis=1, mean=m), onp.array([[0.4], [0.9]]))


B = onp.random.default_rng(0).normal(size=(2, 3, 4))


@pytest.mark.parametrize("f", [np.quantile, np.nanquantile, np.percentile, np.nanpercentile])
@pytest.mark.parametrize("axis", [(0, 1), (), (0,), 0, None, (0, 2), (0, 1, 2), -1, [0, 1]])
@pytest.mark.parametrize("keepdims", [False, True])
def test_a_quantile_with_axes_of_q_over_any_axes(f, axis, keepdims):
    scale = 100 if "percent" in f.__name__ else 1
    for q in ([[0.11], [0.93]], [[0.31]], [[0.12, 0.43], [0.77, 0.94]], [0.13, 0.55], 0.3):
        q = scale * onp.asarray(q)
        y = f(B, q, axis=axis, keepdims=keepdims)
        w = onp.cos(1.0 + onp.arange(y.size)).reshape(y.shape)
        loss = lambda x, q: np.sum(f(x, q, axis=axis, keepdims=keepdims) * w)
        wanted = differences(lambda x: loss(x, q), B)
        onp.testing.assert_allclose(grad(loss)(B, q), wanted, atol=1e-8)
        wanted = differences(lambda q: loss(B, q), q)
        onp.testing.assert_allclose(grad(loss, 1)(B, q), wanted, atol=1e-6)
        onp.testing.assert_allclose(jvp(lambda x: loss(x, q), (B,), (B,))[1], loss(B, q))


def test_a_missing_quantile_hides_nothing_from_the_gradient_of_q():
    x = B[0].copy()
    x[1, 2] = onp.nan
    f = lambda q: np.nansum(np.quantile(x, q, axis=1))
    assert grad(f)(0.3) == pytest.approx(differences(f, 0.3)[()])


# --- methods

CALLS = {
    "astype": [("f4",), (float, "C", "unsafe", True, False), {"dtype": "f4"}, {"dtype": float, "order": "F"},
               {"dtype": complex, "copy": False}],
    "clip": [(0.0, 0.5), {"min": 0.1}, {"max": 0.5}, (None, 0.4), {"min": 0.1, "max": 0.4}],
    "compress": [([True],), ([True], 0), {"condition": [True], "axis": 0, "out": None}],
    "cumsum": [(), (0,), {"axis": 0, "dtype": "f4"}],
    "diagonal": [(), (1,), {"offset": 0, "axis1": 1, "axis2": 0}],
    "dot": [(2.0,), {"b": 2.0, "out": None}],
    "flatten": [(), ("F",), {"order": "A"}],
    "item": [(), (0,), ((0,),), ((0, 1),), (-1,), (1, 1), ((0, 0),)],
    "max": [(), (0,), {"axis": 0, "keepdims": True}, {"initial": 3.0}],
    "mean": [(), (0,), {"axis": (0,), "keepdims": True}, {"where": True}, {"dtype": "f4"}],
    "partition": [(0,), {"kth": 0}, (0, 0), (0, 0, "introselect", None), {"kth": 0, "order": None}],
    "prod": [(), (0,), {"initial": 2.0, "where": True}],
    "put": [(0, 1.5), ([0], [1.5]), {"indices": 0, "values": 2.0}, (0, 1.0, "clip"),
            {"indices": [0], "values": [1.0], "mode": "wrap"}],
    "repeat": [(2,), (2, 0), {"repeats": [2], "axis": None}],
    "round": [(), (1,), {"decimals": 1}],
    "sort": [(), (0,), (-1, "stable", None), {"axis": 0, "kind": "stable"}, {"stable": True}],
    "squeeze": [(), (0,), {"axis": 0}, ((),)],
    "std": [{"ddof": 0.5}, {"mean": 0.1}, (0,)],
    "take": [(0,), ([0],), {"indices": 0, "axis": 0}, {"indices": [0], "mode": "wrap"}],
    "trace": [(), {"offset": 1}, (0, 1, 0), {"dtype": "f4"}],
    "transpose": [(), (None,), (0,), ((0,),), (1, 0), ([1, 0],)],
    "var": [{"ddof": 0.5}, {"mean": 0.1, "axis": 0}],
    "is_integer": [()], "fromhex": [("0x1p0",)], "__floor__": [()], "__ceil__": [()],
    "__trunc__": [()], "__round__": [(), (1,)], "__pow__": [(2,)], "__divmod__": [(2.0,)],
}  # fmt: skip
VALUES = {
    "float": 0.7, "float64": onp.float64(0.7), "float32": onp.float32(0.7), "a vector": onp.array([0.3, 0.5]),
    "one": onp.array([0.6]), "a matrix": onp.array([[0.3, 0.5], [1.2, -0.4]]), "nothing": onp.zeros(0),
}  # fmt: skip


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore:divide by zero|invalid value|Degrees of freedom|Mean of empty")
def test_a_method_takes_what_numpys_takes_and_returns_the_same(name, value):
    for call in CALLS[name]:
        args, kwargs = ((), call) if isinstance(call, dict) else (call, {})
        plain = copy.deepcopy(value)
        if name == "put" and not isinstance(plain, onp.ndarray):
            continue  # of its numbers NumPy writes into a copy that nobody sees
        if not hasattr(plain, name):
            seen = []
            grad(lambda x: (seen.append(hasattr(x, name)), np.sum(x))[1])(value)
            assert seen == [False] or name in dir(onp.ndarray) or name.startswith("__")
            continue
        try:
            wanted = getattr(plain, name)(*copy.deepcopy(args), **kwargs)
        except Exception as error:
            with pytest.raises((type(error), FunadError)):
                vjp(lambda x: getattr(x * 1.0, name)(*args, **kwargs), value)
            continue
        seen = []

        def f(x):
            x = x * onp.float32(1.0) if x.dtype == onp.float32 else x * 1.0  # of its own, to be written to
            seen.extend([getattr(x, name)(*copy.deepcopy(args), **kwargs), x])
            return np.sum(x)

        vjp(f, value)
        jvp(f, (value,), (value,))
        for found, after in (seen[:2], seen[2:]):
            onp.testing.assert_array_equal(tree.map(constant, found), wanted)
            onp.testing.assert_array_equal(constant(after), plain)


def test_the_ratio_of_a_traced_number_is_refused_since_its_quotient_would_be_a_constant():
    with pytest.raises(NotDifferentiableError, match=r"as_integer_ratio\(\).*lose its derivative"):
        grad(lambda x: x * 1.0 if x.as_integer_ratio()[0] else x)(0.75)
    assert grad(lambda x: x * (math.floor(x) + math.ceil(x) + math.trunc(x)))(2.5) == 7.0


@pytest.mark.parametrize("f", [lambda x: pow(x, 2, 3), lambda x: pow(2, x, 3), lambda x: pow(x + 1, 2, x)])
@pytest.mark.parametrize("differentiate", [grad, lambda f: lambda x: jvp(f, (x,), (1.0,))])
def test_a_modulus_is_refused_as_python_refuses_it_of_floats(f, differentiate):
    with pytest.raises(TypeError, match=r"pow\(\) takes a third argument.*write x\*\*n % modulus") as caught:
        differentiate(f)(2.3)
    assert isinstance(caught.value, NotDifferentiableError)
    assert grad(lambda x: x**2 % 3)(2.3) == pytest.approx(4.6)  # what the message says
    assert hessian(lambda x: x**2 % 3)(2.3) == 2.0


# --- arrays of the function's own, with nothing traced in them

OWN = {
    "copyto": lambda plain, own: np.copyto(plain, own),
    "put": lambda plain, own: np.put(plain, [0, 2], own),
    "place": lambda plain, own: np.place(plain, [True, False, True], own),
    "putmask": lambda plain, own: np.putmask(plain, [True, False, True], own),
    "put_along_axis": lambda plain, own: np.put_along_axis(plain, onp.array([1]), own[:1], 0),
    "fill_diagonal": lambda plain, own: np.fill_diagonal(plain.reshape(3, 1), own),
    "add.at": lambda plain, own: np.add.at(plain, [0, 0], own[:2]),
    "numpy's add.at": lambda plain, own: onp.add.at(plain, [0, 0], own[:2]),
    "into a part": lambda plain, own: plain.__setitem__(slice(1, 3), own[:2]),
    "in place": lambda plain, own: plain.__iadd__(own),
    "a ufunc of SciPy's": lambda plain, own: plain.__iadd__(scipy.special.expit(own)),
    "a ufunc of SciPy's into a plain array": lambda plain, own: scipy.special.expit(own, out=plain),
    "pickle": lambda plain, own: plain.__iadd__(pickle.loads(pickle.dumps(own))),
    "numpy.save": lambda plain, own: onp.save("/dev/null", own),
    "interp": lambda plain, own: plain.__iadd__(onp.interp(own, [0.0, 2.0], [0.0, 1.0])),
}


@pytest.mark.parametrize("use", OWN.values(), ids=OWN)
def test_an_array_without_traced_values_is_a_plain_one(use):
    wanted, seen = onp.arange(3.0), []
    use(wanted, onp.ones(3) * 1.5)

    def f(x):
        plain = onp.arange(3.0)
        use(plain, np.ones(3) * 1.5)
        seen.append(plain)
        return x

    assert grad(f)(1.0) == jvp(f, (1.0,), (1.0,))[1] == 1.0
    for plain in seen:
        onp.testing.assert_array_equal(plain, wanted)


def test_a_function_of_others_writes_into_an_array_without_traced_values():
    def f(x):
        own = np.zeros(2)
        scipy.special.expit(onp.zeros(2), out=own)
        own[0] = own[0] * x
        return np.sum(own * own)

    assert grad(f)(3.0) == pytest.approx(1.5)


# --- vectors of parameters


def test_integers_are_raveled_as_floats_and_stay_floats():
    vector, unravel = tree.ravel({"a": onp.array([1, 2]), "b": 3, "c": True, "d": onp.array(4)})
    assert vector.dtype == float
    back = unravel(vector + 0.5)
    assert back["a"].tolist() == [1.5, 2.5]
    assert (back["b"], back["c"], back["d"]) == (3.5, 1.5, 4.5)
    loss = lambda p: np.sum(p["a"] ** 2) * p["b"]
    _, unravel = tree.ravel(params := {"a": onp.array([1, 2]), "b": 3})
    assert grad(lambda v: loss(unravel(v)))(tree.ravel(params)[0]).tolist() == [6.0, 12.0, 5.0]


def test_a_real_leaf_beside_a_complex_one_takes_no_imaginary_part():
    vector, unravel = tree.ravel({"z": onp.array([1 + 2j]), "x": onp.array([3.0]), "n": onp.array([1, 2])})
    back = unravel(vector)
    assert back["x"].dtype == float
    assert back["n"].tolist() == [1.0, 2.0]
    with pytest.raises(ArgumentError, match=r"imaginary parts for a leaf of dtype float64.*real part"):
        unravel(vector * 1j)
    assert unravel((vector * 1j).real)["x"].tolist() == [0.0]  # what the message says


# --- what an error leaves behind


@primitive
def wrongly_ruled(x):
    return 2 * x


defvjp(wrongly_ruled, lambda y, ybar, x: ybar @ onp.ones((7, 7)))


def _stored(x):
    v = onp.zeros(3)
    v[0] = x[0]
    return v


def _added(x):
    v = onp.zeros(3)
    v += x
    return v


RAISING = {
    "debug_nans of a gradient": debug_nans(grad(lambda x: np.sum(np.log(x - 1)))),
    "a gradient of debug_nans": grad(debug_nans(lambda x: np.sum(np.sqrt(x - 1)))),
    "nditer": grad(lambda x: np.nditer(x)),
    "an error of the function's own": grad(lambda x: 1 / 0),
    "float": grad(lambda x: float(x[0])),
    "math.sin": grad(lambda x: math.sin(x[0])),
    "a ufunc without rule": grad(lambda x: scipy.special.kn(x, 2.0)),
    "a class with an arithmetic of its own": grad(lambda x: scipy.sparse.csr_array(onp.eye(3)).multiply(x)),
    "pickle": grad(lambda x: pickle.dumps(x)),
    "a stored value": grad(_stored),
    "in place": grad(_added),
    "fill": grad(lambda x: onp.zeros(3).fill(x[0])),
    "copyto": grad(lambda x: onp.copyto(onp.zeros(3), x)),
    "a rule that raises": grad(lambda x: np.sum(wrongly_ruled(x))),
    "a rule that raises, forward": lambda x: jvp(wrongly_ruled, (x,), (x,)),
    "a vector": grad(lambda x: x**2),
    "a size": grad(lambda x: np.zeros(x[0])),
    "a graph": lambda x: graph(lambda x: math.sin(x[0]))(x),
    "a Hessian": hessian(lambda x: math.sin(x[0])),
    "hash": grad(lambda x: {x[0]: 1}),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("run", RAISING.values(), ids=RAISING)
def test_an_error_leaves_no_cycle_of_references(run):
    watched = type("Watched", (onp.ndarray,), {})

    def alive():
        x = onp.ones(3).view(watched)
        known = weakref.ref(x)
        try:
            run(x)
        except Exception:
            pass
        else:
            raise AssertionError("it is to raise")
        del x
        return known() is not None

    alive()  # what is loaded the first time
    gc.collect()
    gc.freeze()  # what is there already takes the collector half a second
    gc.disable()
    try:
        assert not alive()
    finally:
        gc.enable()


# --- pictures of wide graphs


def test_a_picture_grows_with_the_graph_and_no_faster():
    def points(n):
        recorded = graph(lambda x: sum(np.sin(x * k) for k in range(n)))(1.0)
        return sum(map(len, Layout(recorded._drawing()).curves))

    few, many = points(20), points(80)
    assert many < 5 * few  # of n² it would be 16 times

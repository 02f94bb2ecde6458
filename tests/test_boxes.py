"""Boxes behave like the arrays they hold: operators, methods, attributes, NumPy's protocols."""

import ast
import functools
import numbers
import operator
from pathlib import Path

import numpy as onp
import pytest

import funad
import funad.numpy as np
from funad import grad, hessian, jvp, value
from funad.boxes import Box
from funad.errors import NotDifferentiableError
from funad.testing import check_grads

x = onp.array([[0.7, 1.3, 2.1], [1.9, 0.4, 1.1]])
z = onp.array([1.5, 0.6, 0.9])
UNARY = [operator.neg, operator.pos, abs, round, lambda a: a.__round__(1)]
BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod,
    operator.floordiv, lambda a, b: divmod(a, b)[1],
]  # fmt: skip


@pytest.mark.parametrize("operate", [operator.neg, operator.pos, abs])
@pytest.mark.parametrize("a", [1.3, -0.7, x])
def test_operators_of_one_operand(operate, a):
    check_grads(lambda a: operate(a) * a, (a,))


@pytest.mark.parametrize("operate", BINARY)
@pytest.mark.parametrize(
    ("a", "b"),
    [(x, z), (z, x), (2.3, x), (x, 1.7), (2.3, 1.7), (onp.float64(2.3), onp.float32(1.5)), (x, x + 0.3)],
)
def test_operators_of_two_operands(operate, a, b):
    if not (isinstance(b, onp.float32)):
        check_grads(lambda a, b: operate(a, b) * a * b, (a, b))
    for f, at in ((lambda a: np.sum(operate(a, b)), a), (lambda b: np.sum(operate(a, b)), b)):
        assert grad(f)(at).dtype == onp.asarray(at).dtype if isinstance(at, onp.ndarray) else True
    wanted = operate(a, b)
    traced = []
    grad(lambda a: np.sum(traced.append(operate(a, b)) or 0.0) if False else _keep(traced, operate(a, b)))(a)
    found = traced[0]
    onp.testing.assert_array_equal(found.primal if isinstance(found, Box) else found, wanted)


def _keep(kept, y):
    kept.append(y)
    return 0.0


@pytest.mark.parametrize("a", [x, onp.eye(2)])
def test_matmul_from_both_sides(a):
    b = onp.linspace(-1, 1, 6).reshape(a.shape[-1], -1)
    check_grads(lambda a, b: a @ b, (a, b))
    check_grads(lambda b: a @ b, (b,))
    check_grads(lambda a: a @ b, (a,))
    check_grads(lambda c: b.T @ c, (b,))


@pytest.mark.parametrize(
    "other", [2, 2.5, True, onp.float64(3), onp.float32(2), onp.int64(2), onp.arange(3), [1, 2, 3]]
)
def test_constants_of_every_kind_on_both_sides(other):
    for operate in (operator.add, operator.mul, operator.sub):
        found = grad(lambda a: np.sum(operate(a, other) + operate(other, a)))(z)
        h = 1e-6
        value = lambda a, operate=operate: onp.sum(operate(a, other) + operate(other, a))
        numeric = [(value(z + h * e) - value(z - h * e)) / (2 * h) for e in onp.eye(3)]
        assert onp.allclose(found, numeric, atol=1e-7)


def test_complex_constants():
    assert grad(lambda a: np.real((a * 2j) * 1j))(1.5) == -2.0
    assert grad(lambda a: np.imag(1j * a + a * (1 + 3j)))(1.5) == 4.0


def test_in_place_operators_change_what_other_names_stand_for():
    def f(a):
        b = a
        b += 1.0
        c = b * 1.0
        b *= c
        return np.sum(a * c)  # (a + 1)² (a + 1)

    assert onp.allclose(grad(f)(z), 3 * (z + 1) ** 2)


def test_comparisons_give_plain_values():
    seen = []
    f = lambda a: seen.extend([a > 1, a == a, a <= 0.5, 1 < a, a != 2]) or np.sum(a)
    grad(f)(z)
    assert all(isinstance(s, onp.ndarray) and s.dtype == bool for s in seen)
    assert (seen[0] == (z > 1)).all() and (seen[3] == (z > 1)).all()


def test_control_flow_on_values():
    def f(a):
        while a < 100:
            a = a * a if a > 3 else a + 2.0
        return a

    assert grad(f)(1.5) == 2 * 3.5 * 2 * 3.5**2


METHODS = {
    "sum": lambda a: a.sum(axis=0),
    "mean": lambda a: a.mean(1, keepdims=True),
    "prod": lambda a: a.prod(),
    "var": lambda a: a.var(axis=0, ddof=1),
    "std": lambda a: a.std(),
    "max": lambda a: a.max(axis=1),
    "min": lambda a: a.min(),
    "cumsum": lambda a: a.cumsum(axis=1),
    "clip": lambda a: a.clip(0.5, 1.5),
    "reshape": lambda a: a.reshape(3, 2) * a.reshape((3, -1)) + a.reshape(-1, 2),
    "ravel": lambda a: a.ravel() * a.flatten("F"),
    "transpose": lambda a: a.transpose() * a.T + a.transpose(1, 0) * a.transpose((1, 0)),
    "swapaxes": lambda a: a.swapaxes(0, 1),
    "mT": lambda a: a.mT,
    "squeeze": lambda a: a[None].squeeze(0),
    "repeat": lambda a: a.repeat(2, axis=1),
    "take": lambda a: a.take([0, 2, 2], axis=1),
    "trace": lambda a: a.trace(),
    "diagonal": lambda a: a.diagonal(),
    "dot": lambda a: a.dot(a.T),
    "astype": lambda a: a.astype(complex).real,
    "conj": lambda a: (a * 1j).conj().imag,
    "copy": lambda a: a.copy(),
    "item": lambda a: a.item(1) * a[0, 2].item() * a.item((1, 1)),
    "round": lambda a: a.round(1) * a,
    "tolist": lambda a: a.tolist()[0][1] * a[1, 2],
    "flat": lambda a: sum(part * part for part in a.flat),
    "iteration": lambda a: sum(row[0] * row[1] for row in a),
    "compress": lambda a: a.compress([True, False, True], axis=1),
    "argmax": lambda a: a[a.argmax(axis=0), onp.arange(3)],
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_have_the_values_and_the_derivatives_of_numpys(name):
    f = METHODS[name]
    check_grads(lambda a: f(a * 1.0) * 2.0, (x,))
    kept = []
    grad(lambda a: _keep(kept, f(a)))(x)
    with onp.errstate(all="ignore"):
        assert onp.array_equal(getattr(kept[0], "value", kept[0]), f(x))


def test_attributes_are_those_of_the_value():
    seen = []
    f = lambda a: seen.append((a.shape, a.ndim, a.size, a.dtype, len(a), a.nbytes, a.itemsize)) or np.sum(a)
    grad(f)(x)
    assert seen == [((2, 3), 2, 6, x.dtype, 2, 48, 8)]
    grad(lambda a: seen.append((a.shape, a.ndim, a.size, a.dtype)) or a)(1.5)
    assert seen[1] == ((), 0, 1, onp.dtype(float))


def test_numbers_can_be_formatted_and_looked_for():
    assert grad(lambda a: a if f"{a:.1f}" == "2.0" else 0.0)(2.0) == 1.0
    assert 3.0 in [3.0] and grad(lambda a: a[0] if 0.6 in a else 0.0)(z).tolist() == [1, 0, 0]


@pytest.mark.parametrize("differentiate", [grad, lambda f: lambda a: jvp(f, (a,), (1.0,))[1]])
def test_a_traced_value_is_no_key_of_a_cache_or_a_table(differentiate):
    cubes = {}
    remember = functools.lru_cache(lambda a: a**3)
    remember(2.0)  # by value this would be found, and its derivative be zero

    def cube(a):
        if a not in cubes:
            cubes[a] = a**3
        return cubes[a]

    cube(2.0)
    for f in (remember, cube, lambda a: {a: a}[a], lambda a: len({a, 1.0}) * a):
        with pytest.raises(NotDifferentiableError, match=r"2\.0, cannot be a key .*value\(x\).*__wrapped__"):
            differentiate(f)(2.0)
    assert differentiate(remember.__wrapped__)(2.0) == 12.0
    assert differentiate(lambda a: {2.0: 5.0}[value(a)] * a)(2.0) == 5.0


def test_plain_numpy_functions_find_their_primitives():
    check_grads(
        lambda a: onp.sin(a) + onp.sum(a) + onp.concatenate([a, a])[:3] + onp.where(a > 1, a, 0), (z,)
    )
    check_grads(lambda a: z * a + onp.ones(3) / a - onp.float64(2) * a + (x @ a)[0], (z,))
    check_grads(lambda a: onp.linalg.solve(onp.eye(3) + onp.outer(a, a), z), (z,))


KINDS = (
    onp.ndarray,
    float,
    complex,
    int,
    numbers.Number,
    numbers.Real,
    str,
    tuple,
)


@pytest.mark.parametrize(
    "at",
    [1.5, onp.float64(1.5), onp.complex128(1.5 + 2j), onp.ones(3), onp.ones((2, 2), "f4")],
)
def test_isinstance_says_of_a_traced_value_what_it_says_of_the_concrete_one(at):
    seen = []

    def f(v):
        seen.append(([isinstance(v, kind) for kind in KINDS], isinstance(v, (int, onp.ndarray))))
        return np.sum(np.real(v * v))

    for transform in (
        grad,
        lambda f: jvp(f, (at,), (at,)),
        lambda f: lambda v: grad(lambda w: f(w) + 0.0)(v),
    ):
        found = transform(f)
        if callable(found):
            found(at)
    wanted = ([isinstance(at, kind) for kind in KINDS], isinstance(at, (int, onp.ndarray)))
    assert seen and all(said == wanted for said in seen)


def test_isinstance_of_nested_written_and_filled_values():
    def f(v):
        filled = np.zeros(2)
        filled[0] = v[0]
        v[1] = 3.0 * v[0]
        inner = grad(lambda w: (w if isinstance(w, onp.ndarray) else 0.0)[0] * v[1] * filled[0])(v)
        for a in (v, filled, inner, v[:1]):
            assert isinstance(a, onp.ndarray) and isinstance(a[0], float)
        return inner[0]

    x = onp.array([2.0, 5.0])
    assert grad(f)(x).tolist() == [12.0, 0.0]  # ∂/∂x (3x · x)
    assert hessian(f)(x).tolist() == [[6.0, 0.0], [0.0, 0.0]]


def test_single_dispatch_takes_traced_values_for_concrete_ones():
    @functools.singledispatch
    def kind(v):
        return 0.0

    kind.register(onp.ndarray)(lambda v: np.sum(v**2))
    kind.register(float)(lambda v: v**3)
    assert grad(kind)(onp.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    assert grad(kind)(2.0) == 12.0


def test_funad_itself_tells_traced_values_by_their_types():
    # isinstance(x, float) of a traced x is true outside: inside it would take it for a plain number.
    numbers_of = {"ndarray", "generic", "float", "complex", "float64", "floating", "inexact"}
    root = Path(funad.__file__).parent
    for path in (*root.glob("*.py"), *(root / "transforms").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
                names = {getattr(n, "id", getattr(n, "attr", "")) for n in ast.walk(node.args[1])}
                assert not names & numbers_of, f"{path.name}, line {node.lineno}: issubclass(type(x), ...)"


@pytest.mark.parametrize("x", [1.5, np.float64(1.5), np.array(1.5)], ids=["float", "float64", "array"])
def test_a_traced_number_has_no_elements_in_the_words_of_the_plain_one(x):
    with pytest.raises(TypeError) as plain:
        tuple(x)
    with pytest.raises(TypeError) as traced:
        grad(lambda x: sum(x))(x)
    assert str(traced.value) == str(plain.value)

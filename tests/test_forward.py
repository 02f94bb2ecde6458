"""Forward mode, dual numbers, Jacobians, Hessians: each against the others and differences."""

import math
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import hypothesis.strategies as st
import numpy as onp
import pytest
import scipy.optimize
from hypothesis import given

import funad.numpy as np
from funad import (
    Dual,
    defjvp,
    defvjp,
    elementwise,
    ggnvp,
    grad,
    hessian,
    hessp,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linear,
    linearize,
    primitive,
    value_and_jacobian,
    value_grad_and_hvp,
    vhp,
    vjp,
    vmap,
)
from funad.errors import (
    ArgumentError,
    CotangentError,
    MissingRuleError,
    NonScalarOutputError,
    TangentError,
)
from funad.indices import add_at

from .memory import peak_memory

x = onp.array([0.3, -0.7, 1.1])
A = onp.array([[1.0, 2.0, -1.0], [0.5, -0.3, 0.8]])

STEPS = [
    lambda v: np.sin(v),
    lambda v: v * v,
    lambda v: v * 0.5 + 1.0,
    lambda v: np.tanh(v) / (2 + np.cos(v)),
    lambda v: np.exp(-v * v),
    lambda v: v[::-1] * v,
    lambda v: np.cumsum(v) / 3,
    lambda v: v - np.mean(v),
    lambda v: np.concatenate([v[1:], v[:1]]) * v,
    lambda v: np.reshape(A @ v, (2, 1))[[0, 1, 1], 0],
    lambda v: np.where(v > 0, v, np.sin(v)),
    lambda v: v / np.sqrt(1 + np.sum(v * v)),
    lambda v: np.linalg.solve(np.eye(3) * 3 + np.outer(v, v), v),
]
programs = st.lists(st.sampled_from(STEPS), min_size=1, max_size=4)


def program(steps):
    def f(v):
        for step in steps:
            v = step(v)
        return v

    return f


def differences(f, x, h=1e-5):
    columns = []
    for n in range(x.size):
        e = onp.zeros(x.size)
        e[n] = h
        e = e.reshape(x.shape)
        columns.append((f(x + e) - f(x - e)) / (2 * h))
    return onp.stack(columns, axis=-1).reshape(onp.shape(f(x)) + x.shape)


@given(programs)
def test_jacobians_of_random_programs_agree_by_rows_columns_and_differences(steps):
    f = program(steps)
    rows, columns = jacrev(f)(x), jacfwd(f)(x)
    assert rows.shape == columns.shape == (3, 3)
    onp.testing.assert_allclose(rows, columns, rtol=1e-11, atol=1e-12)
    onp.testing.assert_allclose(rows, differences(f, x), rtol=1e-6, atol=1e-7)


@given(programs)
def test_jvp_and_vjp_are_dual(steps):
    f, v, ybar = program(steps), onp.array([1.0, -2.0, 0.5]), onp.array([0.2, 1.0, -1.0])
    y, ydot = jvp(f, (x,), (v,))
    wanted, vjp_f = vjp(f, x)
    again, f_jvp = linearize(f, x)
    assert onp.allclose(y, wanted) and onp.allclose(y, again)
    assert ybar @ ydot == pytest.approx(vjp_f(ybar) @ v, rel=1e-11, abs=1e-12)
    onp.testing.assert_allclose(f_jvp(v), ydot, rtol=1e-12, atol=1e-13)


@given(programs)
def test_hessian_products_agree_in_every_order_of_modes(steps):
    f = lambda v: np.sum(program(steps)(v) * onp.array([1.0, 2.0, -1.0]))
    v = onp.array([1.0, -2.0, 0.5])
    H = hessian(f)(x)
    onp.testing.assert_allclose(H, H.T, rtol=1e-9, atol=1e-10)
    onp.testing.assert_allclose(H, jacrev(grad(f))(x), rtol=1e-9, atol=1e-10)
    onp.testing.assert_allclose(hvp(f)(x, v), H @ v, rtol=1e-9, atol=1e-10)
    onp.testing.assert_allclose(vhp(f)(x, v), H @ v, rtol=1e-9, atol=1e-10)
    onp.testing.assert_allclose(
        grad(lambda x: jvp(f, (x,), (v,))[1])(x), H @ v, rtol=1e-9, atol=1e-10
    )  # reverse over forward
    onp.testing.assert_allclose(
        jvp(lambda x: jvp(f, (x,), (v,))[1], (x,), (v,))[1], v @ H @ v, rtol=1e-9, atol=1e-10
    )  # forward over forward
    onp.testing.assert_allclose(H, differences(grad(f), x), rtol=1e-5, atol=1e-6)


@given(programs)
def test_third_order_in_mixed_modes(steps):
    f = lambda v: np.sum(program(steps)(v))
    v = onp.array([0.5, 1.0, -0.3])
    along = lambda x: v @ hvp(f)(x, v)
    a = grad(along)(x)
    b = jacfwd(lambda x: jvp(lambda x: jvp(f, (x,), (v,))[1], (x,), (v,))[1])(x)
    c = grad(lambda x: np.sum(grad(lambda x: np.sum(grad(f)(x) * v))(x) * v))(x)
    onp.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
    onp.testing.assert_allclose(a, c, rtol=1e-8, atol=1e-8)


# --- perturbation confusion, with the modes mixed

derivatives = {
    "reverse": grad,
    "forward": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "linearized": lambda f: lambda x: linearize(f, x)[1](1.0),
    "by hand": lambda f: lambda x: vjp(f, x)[1](1.0),
}


@pytest.mark.parametrize("outer", derivatives)
@pytest.mark.parametrize("inner", derivatives)
def test_perturbations_are_not_confused(outer, inner):
    D, d = derivatives[outer], derivatives[inner]
    assert D(lambda x: x * d(lambda y: x + y)(1.0))(1.0) == 1.0
    assert D(lambda x: x * d(lambda y: x * y)(2.0))(3.0) == 6.0
    assert D(lambda x: d(lambda y: x * y**2)(x))(3.0) == 12.0


@pytest.mark.parametrize("first", derivatives)
@pytest.mark.parametrize("second", derivatives)
@pytest.mark.parametrize("third", derivatives)
def test_perturbations_are_not_confused_to_depth_three(first, second, third):
    a, b, c = derivatives[first], derivatives[second], derivatives[third]
    assert a(lambda x: b(lambda y: c(lambda z: x * y * z * z)(y))(x))(1.5) == 12.0
    assert a(b(c(np.sin)))(0.4) == pytest.approx(-onp.cos(0.4))


# --- dual numbers by hand


def test_the_example_of_dual_numbers():
    f = lambda x, y: 2 * x + x * y**3 + np.sin(x)
    assert f"{f(Dual(3.0, 1.0), Dual(5.0, 0.0)):.2f}" == "381.14 + 126.01ε"
    assert f"{f(Dual(3.0, 0.0), Dual(5.0, 1.0)):.1f}" == "381.1 + 225.0ε"


def test_duals_are_printed_as_a_plus_b_epsilon():
    assert str(Dual(2.0, 0.5)) == "2.0 + 0.5ε" and repr(Dual(2, 1) * 2) == "4.0 + 2.0ε"
    assert f"{Dual(onp.array([1.0, 2.0]), 1.0):.1f}" == "[1.0 2.0] + [1.0 1.0]ε"


def test_duals_of_arrays_in_functions_of_every_kind():
    xs = onp.linspace(0.1, 1, 4)
    d = Dual(xs, 1)
    for f, derivative in (
        (lambda d: onp.sin(d) * 2, 2 * onp.cos(xs)),
        (lambda d: d**2 / (1 + d), (2 * xs * (1 + xs) - xs**2) / (1 + xs) ** 2),
        (lambda d: abs(-d), onp.ones(4)),
        (lambda d: np.cumsum(d), onp.arange(1.0, 5)),
        (lambda d: d[::-1] @ d, 2 * xs.sum()),
        (lambda d: onp.concatenate([d, d])[2:6], onp.ones(4)),
        (lambda d: np.linalg.norm(d), xs.sum() / onp.linalg.norm(xs)),
        (lambda d: (xs * d).sum(), xs.sum()),
    ):
        assert onp.allclose(f(d).tangent, derivative)
    assert onp.array_equal(onp.sin(d).primal, onp.sin(xs))
    assert (d > 0.5).tolist() == (xs > 0.5).tolist() and d.shape == (4,) and len(d) == 4


def test_duals_inside_of_other_transformations():
    f = lambda x: (np.sin(Dual(x, 1.0)) * 2.0).tangent
    assert grad(f)(0.7) == pytest.approx(-2 * onp.sin(0.7))
    assert grad(lambda x: x**3)(Dual(2.0, 1.0)).tangent == 12.0


# --- jvp and linearize


def test_jvp_of_containers_and_several_primals():
    f = lambda p, b: {"y": p["a"] * b[0], "z": (b[0] ** 2, 1.0)}
    y, ydot = jvp(f, ({"a": 2.0}, [3.0]), ({"a": 1.0}, [10.0]))
    assert y == {"y": 6.0, "z": (9.0, 1.0)} and ydot == {"y": 23.0, "z": (60.0, 0.0)}
    y, f_jvp = linearize(f, {"a": 2.0}, [3.0])
    assert f_jvp({"a": 1.0}, [10.0]) == ydot and y["y"] == 6.0


def test_jvp_with_aux_and_keywords():
    y, ydot, aux = jvp(lambda x, k: (k * x, {"x": x}), (3.0,), (1.0,), has_aux=True, k=5.0)
    assert (y, ydot, aux) == (15.0, 5.0, {"x": 3.0})


def test_tangents_must_fit_their_primals():
    with pytest.raises(TangentError, match=r"shape \(3,\).*\(2,\)"):
        jvp(np.sin, (x,), (x[:2],))
    with pytest.raises(TangentError, match="structure"):
        jvp(lambda p: p["a"], ({"a": 1.0},), ([1.0],))
    with pytest.raises(TangentError, match="2 primals"):
        jvp(np.multiply, (1.0, 2.0), (1.0,))
    with pytest.raises(ArgumentError, match="tuple"):
        jvp(np.sin, 1.0, 1.0)


def test_a_missing_rule_is_reported_in_forward_mode_too():
    def no_rule(x):
        return x

    with pytest.raises(MissingRuleError, match="no_rule"):
        jvp(primitive(no_rule), (1.0,), (1.0,))


def test_tangents_keep_the_dtype_of_the_value():
    y, ydot = jvp(lambda v: np.sin(v) * 2 + v, (x.astype("f"),), (x,))
    assert y.dtype == ydot.dtype == onp.float32


def test_numbers_of_python_stay_what_they_are():
    f = lambda x: (2.0 - x * x + 1) / x**2 % 5
    y, ydot = jvp(f, (3.0,), (1.0,))
    assert type(y) is type(ydot) is float and y == f(3.0)
    assert ydot == pytest.approx(grad(f)(3.0))


def test_roots_of_negative_numbers_of_python_are_complex_in_both_modes():
    root = lambda x: x**0.5
    square = lambda x: np.abs((x * 1.0) ** 0.5) ** 2
    along = lambda f: lambda x: jvp(f, (x,), (1.0,))[1]
    y, slope = jvp(root, (-0.3,), (1.0,))
    assert y == root(-0.3) == vjp(root, -0.3)[0]
    assert slope == pytest.approx(vjp(lambda z: z**0.5, -0.3 + 0j)[1](1.0 + 0j))
    assert linearize(root, -0.3)[1](1.0) == slope
    assert grad(square)(-0.3) == pytest.approx(-1) == along(square)(-0.3)
    for second in (grad(grad(square)), along(along(square)), grad(along(square)), along(grad(square))):
        assert second(-0.3) == pytest.approx(0)


def test_sums_of_infinite_tangents_are_quiet():
    x = onp.array([1e-310, 1.0])  # 1/x is beyond all numbers
    f = lambda x: np.sin(x) / x
    for columns in (jvp(f, (x,), (onp.ones(2),))[1], linearize(f, x)[1](onp.ones(2)), jacfwd(f)(x)[1]):
        assert columns[1] == pytest.approx(math.cos(1) - math.sin(1))


def test_numbers_of_python_have_the_infinities_of_numpy():
    with onp.errstate(all="ignore"):
        assert jvp(lambda x: 1 / x, (0.0,), (1.0,)) == (onp.inf, -onp.inf)
        assert jvp(lambda x: x**400, (1e3,), (0.0,)) == (onp.inf, 0.0)


@pytest.mark.parametrize("zero", [0.0, onp.float64(0), onp.zeros(3)])
def test_a_tangent_says_nothing_of_infinities(zero):
    """Warnings are errors here: what is infinite or mended in ẏ alone is none of the user's concern."""
    one = zero + 1.0
    assert onp.all(jvp(np.sqrt, (zero,), (one,))[1] == onp.inf)
    assert onp.all(jvp(lambda x: np.sqrt(x) ** 2, (zero,), (one,))[1] == 1)
    assert onp.all(jvp(lambda x: np.sqrt(x) * one, (zero,), (zero,))[1] == 0)
    assert onp.all(jvp(lambda x: x * 1e300 * 1e10, (zero,), (one,))[1] == onp.inf)


@pytest.mark.parametrize("transform", [jacfwd, jacrev, hessian])
def test_matrices_say_nothing_of_large_numbers(transform):
    f = lambda v: np.sum(v**4 * 1e200) if transform is hessian else v**2 * 1e200
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        assert onp.all(onp.diag(transform(f)(onp.ones(3))) > 1e200)
    assert not found


def test_errors_of_the_value_are_told_as_the_caller_wants_them():
    with onp.errstate(divide="raise"), pytest.raises(FloatingPointError):
        jvp(lambda x: 1 / x, (onp.zeros(2),), (onp.ones(2),))
    with pytest.warns(RuntimeWarning, match="divide"):
        jvp(lambda x: 1 / x, (onp.zeros(2),), (onp.ones(2),))


def test_a_trace_may_be_shared_by_threads():
    def f(v):
        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(lambda n: np.sum(np.sin(v * n) ** 2 / (1 + v * v)), range(200)))

    big = onp.linspace(0.1, 1, 3000)
    alone = lambda v: sum(np.sum(np.sin(v * n) ** 2 / (1 + v * v)) for n in range(200))
    assert onp.allclose(jvp(f, (big,), (big,))[1], jvp(alone, (big,), (big,))[1])


@pytest.mark.parametrize("dtype", ["f", "F", "D"])
def test_dual_numbers_keep_their_dtype_in_every_operator(dtype):
    v = onp.array([0.3, 0.7, 1.1], dtype)
    f = lambda v: (abs(-v) + 2.0 - v * v) / (1 + v) ** 2 @ v[::-1]
    y, ydot = jvp(f, (v,), (v,))
    assert y.dtype == ydot.dtype == f(v).dtype and onp.allclose(y, f(v))
    h = 1e-5 if dtype == "D" else 1e-2
    slope = (f(v * (1 + h)) - f(v * (1 - h))) / (2 * h)
    assert onp.allclose(ydot, slope, rtol=1e-3)


@pytest.mark.parametrize("f", [np.max, np.min, np.nanmax, np.nanmin])
@pytest.mark.parametrize("kwargs", [{}, {"axis": 1}, {"axis": (0, 1), "keepdims": True}, {"initial": 2.0}])
def test_the_tangent_of_an_extreme_is_shared_by_ties(f, kwargs):
    a = onp.array([[1.0, 2.0, 2.0], [0.5, 0.5, 2.0]])
    adot = onp.arange(6.0).reshape(2, 3)
    y, ydot = jvp(lambda a: f(a, **kwargs), (a,), (adot,))
    _, pull = vjp(lambda a: f(a, **kwargs), a)
    assert ydot.shape == y.shape
    for index in onp.ndindex(y.shape):
        ybar = onp.zeros(y.shape)
        ybar[index] = 1.0
        assert ydot[index] == pytest.approx(onp.sum(pull(ybar[()]) * adot))
    infinite = onp.where(a == f(a), 1.0, onp.inf)
    assert onp.isfinite(jvp(lambda a: f(a), (a,), (infinite,))[1])


def test_lists_of_dual_numbers_and_plain_arrays():
    joined = lambda v: np.concatenate([v[:2], A[0], v * v])
    stacked = lambda v: np.stack([v, A[0], A[1]], axis=1)
    for f in (joined, stacked):
        y, ydot = jvp(f, (x,), (x,))
        assert onp.allclose(y, f(x)) and onp.allclose(ydot, jacrev(f)(x) @ x)
    assert jvp(lambda v: np.concatenate([v, v], dtype="f"), (x,), (x,))[1].dtype == onp.float32
    assert not jvp(lambda v: np.concatenate([v, v], dtype=int, casting="unsafe"), (x,), (x,))[1].any()
    with pytest.raises(ValueError, match="dimension"):
        jvp(lambda v: np.concatenate([v, A]), (x,), (x,))


def test_outputs_that_depend_on_nothing_have_zero_tangents():
    assert jvp(lambda x: (1.0, np.floor(x), x), (2.5,), (1.0,))[1] == (0.0, 0.0, 1.0)


def test_zero_tangents_are_strong():
    f = lambda v: np.sum(np.where(v > 0, np.sqrt(v), 0.0))
    v = onp.array([0.0, 4.0])
    assert jvp(f, (v,), (onp.array([0.0, 1.0]),))[1] == 0.25
    with onp.errstate(divide="ignore"):
        assert jvp(np.log, (0.0,), (0.0,))[1] == 0.0


# --- Jacobians and Hessians


@pytest.mark.filterwarnings("ignore:divide by zero")  # NumPy's own
@pytest.mark.parametrize("f", [np.log, lambda v: np.log(v * 2.0), lambda v: 1.0 / np.log(v), np.cbrt])
def test_pythons_zero_divides_as_numpys_in_every_order_of_modes(f):
    along = lambda f: lambda v: jvp(f, (v,), (1.0,))[1]
    tangent = lambda f: lambda v: linearize(f, v)[1](1.0)
    masked = lambda v: np.where(v > 0, f(v), v)
    for first in (grad, along, tangent):
        for second in (grad, along, tangent):
            assert first(masked)(0.0) == 1
            assert second(first(masked))(0.0) == 0
            # Of the branch not taken, the infinite slope of a root is known to second order.
            third = [transform(second(first(masked)))(0.0) for transform in (grad, along)]
            assert all(found == 0 or (f is np.cbrt and onp.isnan(found)) for found in third)


def test_shapes_of_jacobians_are_outputs_then_inputs():
    f = lambda a: np.reshape(np.sin(a), (3, 2))[:, None] * onp.ones((3, 4, 2))
    for transform in (jacrev, jacfwd, jacobian):
        J = transform(f)(A)
        assert J.shape == (3, 4, 2, 2, 3)
    assert jacobian(np.sum)(A).shape == (2, 3) and jacobian(lambda s: s * A)(2.0).shape == (2, 3)
    assert jacobian(np.sin)(0.5) == onp.cos(0.5)
    assert jacobian(lambda v: v)(onp.zeros(0)).shape == (0, 0)


def test_jacobians_over_containers():
    f = lambda p: {"s": p["a"] + np.sum(p["b"]), "v": p["a"] * p["b"]}
    p = {"a": 2.0, "b": onp.array([1.0, 3.0])}
    for transform in (jacrev, jacfwd):
        J = transform(f)(p)
        assert J["s"]["a"] == 1.0 and J["s"]["b"].tolist() == [1, 1]
        assert J["v"]["a"].tolist() == [1, 3] and J["v"]["b"].tolist() == [[2, 0], [0, 2]]
    J = jacobian(lambda a, b: a * b, (0, 1))(onp.array([1.0, 2.0]), 3.0)
    assert J[0].tolist() == [[3, 0], [0, 3]] and J[1].tolist() == [1, 2]


def test_a_jacobian_runs_its_function_once():
    for transform in (jacrev, jacfwd, jacobian, value_and_jacobian):
        runs = []
        transform(lambda v: runs.append(1) or np.sin(v))(x)
        assert len(runs) == 1


def test_jacobian_with_aux():
    J, aux = jacobian(lambda v: (v * 2, "aux"), has_aux=True)(x)
    assert aux == "aux" and onp.array_equal(J, 2 * onp.eye(3))
    (y, aux), J = value_and_jacobian(lambda v: (v * 2, "aux"), has_aux=True)(x)
    assert onp.array_equal(y, 2 * x)


def test_constant_outputs_have_zero_jacobians():
    J = jacobian(lambda v: (onp.ones(2), v[0]))(x)
    assert J[0].shape == (2, 3) and not J[0].any()
    assert jacfwd(lambda v: onp.ones(2))(x).shape == (2, 3)


def test_hessian_over_containers_and_argnums():
    f = lambda p, s: s * p["a"] ** 2 * p["b"]
    H = hessian(f)({"a": 2.0, "b": 3.0}, 10.0)
    assert H == {"a": {"a": 60.0, "b": 40.0}, "b": {"a": 40.0, "b": 0.0}}
    assert hessian(f, 1)({"a": 2.0, "b": 3.0}, 10.0) == 0.0
    assert hvp(f)({"a": 2.0, "b": 3.0}, 10.0, {"a": 1.0, "b": 1.0}) == {"a": 100.0, "b": 40.0}
    assert hvp(lambda a, b: a * b, (0, 1))(2.0, 3.0, (1.0, 10.0)) == (10.0, 1.0)


def test_value_gradient_and_hvp_together():
    value, gradient, product = value_grad_and_hvp(lambda v: np.sum(v**3))(x, onp.ones(3))
    assert value == pytest.approx((x**3).sum())
    assert onp.allclose(gradient, 3 * x**2) and onp.allclose(product, 6 * x)


def test_a_product_computes_no_gradient_of_large_inputs():
    @primitive
    def doubled(v):
        return 2 * v

    seen = []
    linear(doubled, lambda y, ybar, v: seen.append(type(ybar)) or 2 * ybar)
    v = onp.linspace(0.0, 1.0, 3000)
    f = lambda v: np.sum(doubled(v) ** 3)
    assert onp.allclose(hvp(f)(v, v), 48 * v * v) and seen == [onp.ndarray]
    del seen[:]
    _, gradient, product = value_grad_and_hvp(f)(v, v)
    assert onp.allclose(gradient, 24 * v * v) and onp.allclose(product, 48 * v * v)
    assert onp.allclose(hvp(lambda v: np.sum(doubled(v) * A[0, 0]))(v, v), 0)


def test_what_no_output_depends_on_is_not_walked_through():
    @primitive
    def doubled(v):
        return 2 * v

    calls = []
    elementwise(doubled, lambda y, ybar, v: calls.append(1) or 2 * ybar)
    f = lambda v: (np.sum(v**3), np.sum(doubled(v)))[0] + np.sum(doubled(v * v))
    _, f_jvp = linearize(grad(f), x)
    del calls[:]
    assert onp.allclose(f_jvp(x), 6 * x * x + 4 * x) and not calls
    f = lambda v: [doubled(v[0]), v[1:], np.stack([doubled(v[0]), v[1]])]
    wanted = [[2, 0, 0], [[0, 1, 0], [0, 0, 1]], [[2, 0, 0], [0, 1, 0]]]
    assert [part.tolist() for part in jacfwd(f)(x)] == wanted


def test_products_of_large_inputs_in_every_order_of_modes():
    W, V = onp.random.default_rng(0).normal(0, 0.1, (2, 50, 60))
    a = onp.linspace(-1.0, 1.0, 60)
    f = lambda p: np.sum(np.sin(p["W"] @ a + p["W"][:, 0]) * (a[:50] @ p["W"] @ a)) + np.sum(p["W"].T ** 2)
    p, v = {"W": W}, {"W": V}
    wanted = vhp(f)(p, v)["W"]
    assert onp.allclose(hvp(f)(p, v)["W"], wanted)
    assert onp.allclose(linearize(grad(f), p)[1](v)["W"], wanted)
    along = lambda product: lambda s: np.sum(product(f)({"W": W * s}, v)["W"] * V)
    third = grad(along(vhp))(0.7)
    assert grad(along(hvp))(0.7) == pytest.approx(third)
    assert jvp(along(hvp), (0.7,), (1.0,))[1] == pytest.approx(third)


def test_the_product_of_scipys_optimizers_takes_the_vector_behind_x():
    f = lambda x, c, power: np.sum(np.exp(c) * x**power) + np.sum(np.cos(x * c)) + 1e-3 * np.sum(x) ** 4
    at, c, v = x, onp.array([0.5, 0.0, 1.0]), onp.array([1.0, -1.0, 2.0])
    gradient = grad(lambda x: f(x, c, 2))
    wanted = (gradient(at + 1e-5 * v) - gradient(at - 1e-5 * v)) / 2e-5
    onp.testing.assert_allclose(hessp(f)(at, v, c, 2), wanted, rtol=1e-7)
    onp.testing.assert_allclose(hessp(f)(at, v, c, power=2), hvp(f)(at, c, 2, v), rtol=1e-14)
    third = grad(lambda s: np.sum(hessp(f)(at * s, v, c, 2) * v))(1.0)
    assert third == pytest.approx(grad(lambda s: np.sum(vhp(f)(at * s, c, 2, v) * v))(1.0))
    for method in ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"):
        found = scipy.optimize.minimize(f, at, args=(c, 2), jac=grad(f), hessp=hessp(f), method=method)
        assert onp.allclose(grad(f)(found.x, c, 2), 0, atol=1e-4)
    with pytest.raises(ArgumentError, match=r"hessp\(<lambda>\)\(x, p, \*args\); .* 1 argument$"):
        hessp(f)(at)
    with pytest.raises(TangentError):
        hessp(f)(at, onp.ones(2), c, 2)
    with pytest.raises(NonScalarOutputError):
        hessp(np.sin)(at, at)


@pytest.mark.parametrize("product", [hvp, vhp, value_grad_and_hvp])
def test_products_say_what_they_lack(product):
    f = lambda v: np.sum(v**3)
    with pytest.raises(ArgumentError, match="v comes last"):
        product(f)(x)
    with pytest.raises((TangentError, CotangentError)):
        product(f)(x, onp.ones(2))
    with pytest.raises(NonScalarOutputError):
        product(np.sin)(x, x)


def test_a_black_box_of_ones_own_in_every_order_of_modes():
    @primitive
    def squared(a, b):
        assert type(a) is type(b) is onp.ndarray  # as a compiled function would
        return a * b

    defvjp(squared, lambda y, ybar, a, b: ybar * b, lambda y, ybar, a, b: ybar * a)
    f = lambda v: np.sum(squared(v, v) * v)
    for H in (hessian(f), jacrev(grad(f)), jacfwd(jacfwd(f)), jacrev(jacfwd(f))):
        assert onp.allclose(H(x), onp.diag(6 * x))
    assert onp.allclose(hvp(f)(x, x), 6 * x * x) and onp.allclose(vhp(f)(x, x), 6 * x * x)


def test_gauss_newton_product():
    f, loss = (lambda v: np.sin(A @ v)), (lambda y: np.sum(y**4) + y[0] * y[1])
    v = onp.array([1.0, -1.0, 2.0])
    J, H = jacobian(f)(x), hessian(loss)(f(x))
    assert onp.allclose(ggnvp(f, loss)(x, v), J.T @ H @ J @ v)


def test_linear_memory_is_not_needed_forward():
    def f(v, n):
        for _ in range(n):
            v = np.sin(v) * 1.01
        return v

    big = onp.ones(20_000)
    peaks = [peak_memory(lambda n=n: jvp(f, (big,), (big,), n=n)) for n in (5, 200)]
    assert peaks[1] < 1.5 * peaks[0]


def test_transformations_in_many_threads():
    f = lambda v: np.sum(np.sin(v) ** 3)
    wanted = [hessian(f)(x * n) for n in range(16)]
    found = [None] * 16

    def work(first):
        for n in range(first, 16, 8):
            found[n] = hessian(f)(x * n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert all(onp.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_scipys_solvers_take_jacobian_and_hvp():
    rosenbrock = lambda v: np.sum(100 * (v[1:] - v[:-1] ** 2) ** 2 + (1 - v[:-1]) ** 2)
    result = scipy.optimize.minimize(
        rosenbrock, onp.zeros(4), jac=grad(rosenbrock), hessp=hvp(rosenbrock), method="trust-ncg"
    )
    assert onp.allclose(result.x, 1, atol=1e-5)
    residual = lambda v: np.stack([10 * (v[1] - v[0] ** 2), 1 - v[0]])
    assert onp.allclose(scipy.optimize.least_squares(residual, onp.zeros(2), jac=jacobian(residual)).x, 1)
    assert onp.allclose(scipy.optimize.root(residual, onp.zeros(2), jac=jacobian(residual)).x, 1)


def test_many_gradients_in_threads_are_those_of_one():
    xs = [x * (1 + n / 64) for n in range(64)]
    gradient = grad(lambda v: np.sum(np.tanh(np.outer(v, v) @ v) * np.where(v > 0, v, v**2)))
    wanted = [gradient(v) for v in xs]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(gradient, xs))
    assert all(onp.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


@given(programs)
def test_hessians_are_symmetric_to_rounding(steps):
    f = program(steps)
    H = hessian(lambda v: np.sum(np.sin(f(v))))(x)
    assert onp.allclose(H, H.T, rtol=1e-10, atol=1e-10 * (1 + onp.abs(H).max()))


@pytest.mark.parametrize(("size", "by"), [(2, "columns"), (6, "rows")])
def test_jacobian_takes_the_cheaper_mode(size, by):
    @primitive
    def halved(v):
        return v / 2

    asked = []
    defvjp(halved, lambda y, ybar, v: asked.append("rows") or ybar / 2)
    defjvp(halved, lambda y, vdot, v: asked.append("columns") or vdot / 2)
    M = onp.ones((4, size))
    assert onp.array_equal(jacobian(lambda v: M @ halved(v))(onp.ones(size)), M / 2)
    assert set(asked) == {by}


def test_a_function_and_its_derivative_from_one_evaluation():
    xs = onp.linspace(-2.0, 2.0, 9)
    found = onp.exp(-(Dual(xs, 1) ** 2)) * onp.cos(Dual(xs, 1))
    assert onp.allclose(found.primal, onp.exp(-(xs**2)) * onp.cos(xs))
    assert onp.allclose(found.tangent, -onp.exp(-(xs**2)) * (2 * xs * onp.cos(xs) + onp.sin(xs)))


def test_products_with_the_hessian_take_a_small_multiple_of_a_gradients_memory():
    def f(v):
        for _ in range(20):
            v = np.sin(v) * 1.01
        return np.sum(v)

    big = onp.linspace(0.0, 1.0, 20_000)
    once, twice = (peak_memory(run) for run in (lambda: grad(f)(big), lambda: hvp(f)(big, big)))
    assert twice < 6 * once  # each value has a tangent, on the way there and on the way back


def test_products_let_go_of_tangents_that_no_later_step_reads():
    def chain(x):
        for _ in range(100):
            x = np.sin(x) * 1.1 + np.roll(x, 1)
        return x

    big = onp.linspace(0.0, 1.0, 20_000)
    _, push = linearize(chain, big)
    assert peak_memory(lambda: push(big)) < 8 * big.nbytes
    wide, run = big[:400], jacfwd(lambda x: chain(np.sum(x) * wide))
    few = onp.ones(50)  # all of whose tangents, of 400 steps, would be 64 MB
    assert peak_memory(lambda: run(few)) < 100 * few.size * wide.nbytes


def test_linearize_of_the_gradient_runs_f_once_for_many_products():
    runs = []
    f = lambda v: runs.append(1) or np.sum(np.sin(v) ** 3)
    _, product = linearize(grad(f), x)
    found = onp.stack([product(v) for v in onp.eye(3)])
    assert len(runs) == 1 and onp.allclose(found, hessian(f)(x))


def test_third_order_over_containers_in_mixed_modes():
    f = lambda p: np.sum(np.exp(p["a"] * p["b"]) * p["b"])
    p = {"a": 0.5, "b": x}
    slope = lambda a: grad(f)({"a": a, "b": x})["a"]
    wanted = onp.sum(x**4 * onp.exp(0.5 * x))
    assert jacfwd(jacfwd(slope))(0.5) == pytest.approx(wanted)
    assert grad(grad(slope))(0.5) == pytest.approx(wanted)
    assert jvp(grad(slope), (0.5,), (1.0,))[1] == pytest.approx(wanted)
    assert hessian(lambda a: jvp(lambda a: f({"a": a, "b": x}), (a,), (1.0,))[1])(0.5) == pytest.approx(
        wanted
    )
    assert jacobian(hessian(f))(p)["a"]["a"]["a"] == pytest.approx(wanted)


def test_dual_numbers_in_a_tape_are_computed_with_once():
    calls = []

    @primitive
    def times(a, b):
        calls.append(1)
        return a * b

    elementwise(times, lambda y, ybar, a, b: ybar * b, lambda y, ybar, a, b: ybar * a)
    hvp(lambda v: np.sum(times(v, v)))(x, x)
    assert calls == [1]


@pytest.mark.parametrize("odd", [onp.inf, -onp.inf, onp.nan])
@pytest.mark.parametrize(
    ("f", "wanted"),
    [
        (lambda a, x: a @ x, lambda a: a),
        (lambda a, x: x @ a, lambda a: a.T),
        (lambda a, x: np.dot(a, x), lambda a: a),
        (lambda a, x: np.inner(x, a), lambda a: a),
        (lambda a, x: np.tensordot(x, a, 1), lambda a: a.T),
        (lambda a, x: np.einsum("ij,j->i", a, x), lambda a: a),
        (lambda a, x: np.matmul(a, x[:, None])[:, 0], lambda a: a),
        (
            lambda a, x: np.outer(x, a[0]),
            lambda a: onp.where(onp.eye(2, dtype=bool)[:, None], a[0][:, None], 0),
        ),
    ],
)
def test_a_zero_tangent_stays_zero_in_a_product_with_what_is_not_finite(f, wanted, odd):
    a, v = onp.array([[odd, 1.0], [2.0, 3.0]]), onp.array([1.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for way in (jacfwd, jacrev, jacobian):
            onp.testing.assert_array_equal(way(partial(f, a))(v), wanted(a))


@pytest.mark.parametrize(
    "index", [slice(0, 2), 0, onp.array([1, 0]), onp.array([0, 0, 1]), onp.array([True, True])]
)
def test_infinities_of_both_signs_in_one_element_are_nan(index):
    """Cotangents of a few elements are added in place, where NumPy raises before or after it has added."""
    total = onp.array([onp.inf, 1.0])
    with onp.errstate(invalid="raise"):
        add_at(total, [(index, -onp.inf), (slice(1, 2), 2.0)])
    assert onp.isnan(total[0])
    assert total[1] in (3.0, -onp.inf)


def test_derivatives_of_products_that_are_infinite_are_returned():
    x = onp.array([0.5, -0.3, onp.inf, 0.7, -2.0])
    for direction in (onp.ones(5), onp.array([1.0, -1.0, 0.0, 1.0, -1.0])):
        for f in (grad(np.prod), np.cumprod):
            with onp.errstate(invalid="ignore"):
                y, ydot = jvp(f, (x,), (direction,))
                wanted = vmap(lambda v, f=f: jvp(f, (x,), (v,))[1])(onp.stack([direction]))[0]
            assert ydot.shape == y.shape == (5,)
            finite = onp.isfinite(ydot) & onp.isfinite(wanted)
            onp.testing.assert_allclose(ydot[finite], wanted[finite], rtol=1e-14)
            onp.testing.assert_array_equal(onp.isfinite(ydot), onp.isfinite(wanted))

"""What was broken on purpose without any other test noticing: each property here tells one such change."""

import itertools
import operator
import warnings

import mpmath
import numpy as onp
import pytest

import funad.numpy as np
from funad import compile as compiled
from funad import defvjp, grad, hessian, hvp, jacfwd, jacrev, jvp, primitive, value_and_grad, vjp, vmap
from funad.errors import UnsupportedKeywordError

X = onp.array([1.0, 2.0, 3.0])


def slopes_of(f, x=X, step=1e-5):
    """The gradient of f by central differences, each of an array of its own."""
    units = step * onp.eye(x.size)
    return onp.array([(f(x + e) - f(x - e)) / (2 * step) for e in units])


def test_a_view_that_was_read_sees_a_number_that_is_written_afterwards():
    def f(x):
        array = np.zeros(3)
        array[0] = x[0]
        view = array[1:]
        before = np.sum(view)  # reads the view while it is all zeros
        array[1] = 3 * x[1]
        array[2] = x[2]
        return before + np.sum(view**2)

    value, gradient = value_and_grad(f)(X)
    assert value == 45.0
    onp.testing.assert_array_equal(gradient, [0.0, 36.0, 6.0])


def test_a_view_that_was_read_sees_an_array_that_is_written_afterwards():
    def f(x):
        array = np.zeros(3)
        array[:] = x
        view = array[::-1]
        before = np.sum(view * onp.arange(3))
        array[:2] = 2 * x[1:]
        return before + np.sum(view**2)

    value, gradient = value_and_grad(f)(X)
    assert value == 4.0 + 16 + 36 + 9
    onp.testing.assert_array_equal(gradient, [2.0, 16.0 + 1, 24.0 + 6])


def test_an_empty_part_of_a_view_that_was_read_may_be_written_to():
    def f(x):
        x[0] = 2 * x[1]
        view = x[1:]
        before = np.sum(view**2)
        empty = view[5:]
        empty -= 0.7
        view[0] = 3 * x[2]
        return before + np.sum(x**2) + np.sum(view**3)

    value, gradient = value_and_grad(f)(X)
    assert value == f(X.copy())
    onp.testing.assert_allclose(gradient, slopes_of(f), rtol=1e-7, atol=1e-8)


def test_a_view_that_was_read_has_the_shape_that_it_is_given_afterwards():
    def f(x):
        x[0] = 2 * x[1]
        view = x[:]
        before = np.sum(view**2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # from NumPy 2.5 on
            view.shape = (3, 1)
        return before + np.sum((view * onp.arange(1.0, 4.0)) ** 3)

    value, gradient = value_and_grad(f)(X)
    assert value == f(X.copy())
    onp.testing.assert_allclose(gradient, slopes_of(f), rtol=1e-7, atol=1e-8)


def test_a_copy_of_an_array_that_is_still_plain_can_be_filled():
    def f(x):
        array = np.zeros((2, 2))
        parts = array.T.ravel(), np.ravel(array[:, :1]), array.flatten(), array.reshape(-1, order="F")
        for n, part in enumerate(parts):
            part[n % 2] = x[n % 3] ** 2
        return sum(np.sum(part**2) for part in parts) + np.sum(array)

    onp.testing.assert_allclose(grad(f)(X), slopes_of(f), rtol=1e-7)


def test_an_operator_in_place_leaves_the_memory_order_of_an_argument():
    weights = onp.arange(1.0, 5.0)
    f = lambda x: np.sum(np.ravel(operator.iadd(x, onp.ones((2, 2))), order="K") * weights)
    x = onp.asfortranarray(onp.arange(4.0).reshape(2, 2))
    onp.testing.assert_array_equal(grad(f)(x), weights.reshape(2, 2).T)
    assert jvp(f, (x,), (x,))[1] == onp.sum(weights.reshape(2, 2).T * x)


def test_an_addition_in_place_shows_in_views_and_in_what_they_are_views_of():
    def of_view(x):
        y = x * 1.0
        view = y[1:]
        view += x[1:]
        return np.sum(y**2)

    def of_whole(x):
        y = x * 1.0
        view = y[1:]
        y += x
        return np.sum(view**2)

    for f in (of_view, of_whole):
        onp.testing.assert_allclose(grad(f)(X), slopes_of(f), rtol=1e-7)
        assert jvp(f, (X,), (X,))[1] == pytest.approx(slopes_of(f) @ X)


def test_a_ufunc_that_funad_does_not_know_writes_into_an_array_that_is_still_plain():
    twice = pytest.importorskip("numba").vectorize(["float64(float64)"])(lambda x: 2 * x)

    def f(x):
        array = np.zeros(3)
        twice(X, out=array)
        array[0] = x[0]
        return np.sum(array**3 * x)

    def plain(x):
        return onp.sum(onp.array([x[0], 4.0, 6.0]) ** 3 * x)

    assert vjp(f, X)[0] == plain(X)
    onp.testing.assert_allclose(grad(f)(X), slopes_of(plain), rtol=1e-7)


def test_an_operator_in_place_keeps_the_order_of_bytes():
    def f(x):
        y = x.astype(">f8")
        y += x
        return y

    assert f(X).dtype == vjp(f, X)[0].dtype == jvp(f, (X,), (X,))[0].dtype == ">f8"


def test_an_outer_array_that_an_inner_function_adds_to_in_place_has_both_derivatives():
    def through_writes(x):
        z = x * 1.0

        def inner(t):
            z.__iadd__(t)
            return np.sum(z**2 * t)

        return sum(jvp(inner, (X,), (X,)))

    plain = lambda x: sum(jvp(lambda t: np.sum((x + t) ** 2 * t), (X,), (X,)))
    onp.testing.assert_allclose(grad(through_writes)(X), slopes_of(plain), rtol=1e-7)
    assert jvp(through_writes, (X,), (X,))[1] == pytest.approx(slopes_of(plain) @ X, rel=1e-7)


def test_what_chooses_among_traced_arrays_is_on_the_way_back_what_it_was():
    def f(x):
        which = onp.array([0, 1, 0])
        y = np.choose(which, [x, x**2])
        which[:] = 1
        return np.sum(y**2)

    onp.testing.assert_allclose(grad(f)(X), slopes_of(f), rtol=1e-7)


# Arrays without axes, whose tangents and cotangents are numbers.
WITHOUT_AXES = {
    "array": lambda x: np.array(np.sum(x**2)),
    "zeros": lambda x: np.zeros(()) + 0.0 * x[0] + x[2],
    "where": lambda x: np.where(x[0] > 0.2, np.sum(x), 1.0),
    "squeeze": lambda x: np.squeeze(x[:1]),
    "reshape": lambda x: np.max(x, keepdims=True).reshape(()),
}


@pytest.mark.parametrize("made", WITHOUT_AXES.values(), ids=WITHOUT_AXES)
def test_an_array_without_axes_is_written_to_in_nested_modes(made):
    def f(x):
        y = np.asarray(made(x * 1.0))
        y[...] = y * x[1]
        y *= x[2]
        view = y[None]
        view += x[0] ** 2
        return np.sum(y * y)

    wanted = onp.array([slopes_of(lambda x, n=n: slopes_of(f, x, 1e-3)[n], X, 1e-3) for n in range(3)])
    for outer, inner in itertools.product((jacfwd, jacrev), repeat=2):
        onp.testing.assert_allclose(outer(inner(f))(X), wanted, rtol=1e-4, atol=1e-4)
    products = vmap(lambda v: jvp(jacfwd(f), (X,), (v,))[1])(onp.eye(3))
    onp.testing.assert_allclose(products, wanted, rtol=1e-4, atol=1e-4)


def _by_mask(t):
    t.view()[t > 0.2] *= t


def _by_shape(t):
    t.shape = (-1,)
    np.sin(t, out=t)


WRITES = {
    "all": lambda t: t.__setitem__(..., t * 2),
    "squeezed": lambda t: t.squeeze().__setitem__(..., t**2),
    "flat": lambda t: t.ravel().__setitem__(0, np.sin(t)),
    "by a mask": _by_mask,
    "by its shape": _by_shape,
}


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # from NumPy 2.5 on
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_array_without_axes_is_written_to_beside_a_tangent_that_is_a_traced_number(write):
    def f(t):
        write(t)
        return np.sum(t**3)

    step = 1e-4
    below, at, above = (f(onp.array(0.5 + n * step)) for n in (-1, 0, 1))
    slope, curvature = (above - below) / (2 * step), (above - 2 * at + below) / step**2
    x, scaled = onp.array(0.5), lambda y: jvp(f, (y,), (np.sum(y) * 0.3,))[1]  # 0.3 y f'(y)
    wanted = pytest.approx(0.3 * (slope + 0.5 * curvature), rel=1e-5)
    assert grad(scaled)(x) == wanted
    assert jvp(scaled, (x,), (onp.array(1.0),))[1] == wanted


@pytest.mark.parametrize(
    "keyword", [lambda x, b: np.sum(x**2, where=b), lambda x, b: np.max(x, where=b, initial=0)]
)
def test_an_array_given_as_a_keyword_is_on_the_way_back_what_it_was(keyword):
    def f(x):
        chosen = onp.array([True, False, True])
        y = keyword(x, chosen)
        chosen[:] = False
        return y

    onp.testing.assert_allclose(grad(f)(X), slopes_of(f), rtol=1e-7, atol=1e-9)


PRODUCTS = {
    "tensordot": lambda x, a: np.tensordot(x, a, 1),
    "dot": np.dot,
    "inner": lambda x, a: np.inner(a, x),
    "einsum": lambda x, a: np.einsum("i,i->", x, a),
    "multiply": lambda x, a: np.sum(np.multiply(x, a)),
    "vecdot": lambda x, a: np.vecdot(a, x),
    "matmul": lambda x, a: (x[None] @ a)[0],
}


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # from NumPy 2.5 on
@pytest.mark.parametrize("view", [lambda y: y.T, lambda y: y[:, ::2], lambda y: y[::-1]])
def test_a_shape_that_needs_a_copy_is_refused_as_numpy_refuses_it(view):
    def f(x):
        y = view(np.outer(x, x) if x is not X else onp.outer(x, x))
        y.shape = (-1,)
        return np.sum(y)

    for derivative in (f, grad(f), jacfwd(f)):
        with pytest.raises(AttributeError, match="ncompatible shape for in-place modification"):
            derivative(X)


@pytest.mark.parametrize("bad", [onp.inf, onp.nan])
@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_a_tangent_of_zero_is_a_strong_zero_beside_a_factor_that_is_no_number(product, bad):
    a = onp.array([bad, 1.0, 2.0])
    with onp.errstate(invalid="ignore"):
        assert jvp(lambda x: product(x, a), (X,), (onp.array([0.0, 1.0, 1.0]),))[1] == 3.0


@pytest.mark.parametrize(
    "f",
    [lambda x: x + 1j * X, lambda x: 1j - x, lambda x: np.subtract(x, 1j), lambda x: np.where(X > 1, x, 1j)],
)
def test_a_tangent_of_a_complex_result_is_complex(f):
    y, ydot = jvp(f, (X,), (X,))
    assert y.dtype == ydot.dtype == complex
    step = 1e-6
    onp.testing.assert_allclose(ydot, (f(X + step * X) - f(X - step * X)) / (2 * step), rtol=1e-8)


@pytest.mark.parametrize("f", [np.sum, np.cumsum, np.prod, np.mean])
def test_more_arguments_by_position_than_a_rule_knows_are_refused_in_both_modes(f):
    called = lambda x: np.sum(f(x, 0, None, None))
    for derivative in (grad(called), lambda x: jvp(called, (x,), (x,)), jacfwd(called), hessian(called)):
        with pytest.raises(UnsupportedKeywordError, match="by position"):
            derivative(X)


def test_a_traced_value_may_be_given_as_a_keyword():
    for f in (
        lambda x: np.max(x * 0.1, initial=x[0]),
        lambda x: np.std(x, mean=np.mean(x**2, keepdims=True)),
        lambda x: np.sum(x**2, initial=x[1] ** 3),
    ):
        onp.testing.assert_allclose(grad(f)(X), slopes_of(f), rtol=1e-7, atol=1e-9)
        assert jvp(f, (X,), (X,))[1] == pytest.approx(slopes_of(f) @ X, rel=1e-7)


MASKS = {
    "where": lambda x, y: np.where(X > 1, x, y),
    "fmax": lambda x, y: np.fmax(x, 0 * y),
    "a ufunc with where": lambda x, y: np.multiply(x, y, where=X > 1, out=np.zeros(3)),
    "a sum with where": lambda x, y: np.sum(x * y, where=X > 1),
    "nan_to_num": lambda x, y: np.nan_to_num(x * y),
}


@pytest.mark.parametrize("masked", MASKS.values(), ids=MASKS)
def test_a_way_back_that_is_walked_again_adds_nothing_twice(masked):
    """What had been added in place when a rule first masked is there once, in the second walk too."""

    def f(x, bad):
        parts = x * 1.0
        total = 0.0
        for n in range(4):  # four cotangents meet in one slot, before and after the mask
            total = total + np.sum(parts * (n + 1.0))
            if n == 1:
                total = total + np.sum(masked(parts, parts))
        return total + np.sum(np.where(X > 5, parts * bad, 0.0))

    wanted = grad(lambda x: f(x, 1.0))(X)
    found = grad(lambda x: f(x, onp.array([onp.nan, onp.inf, 1.0])))(X)
    onp.testing.assert_allclose(found, wanted)
    step = 1e-6
    slopes = [(f(X + step * e, 1.0) - f(X - step * e, 1.0)) / (2 * step) for e in onp.eye(3)]
    onp.testing.assert_allclose(wanted, slopes, rtol=1e-6)


@pytest.mark.parametrize(
    "f", [np.prod, np.cumprod, np.sort, np.max, np.median, np.std], ids=lambda f: f.__name__
)
def test_a_tangent_of_zero_is_a_strong_zero_beside_nan(f):
    x = onp.array([2.0, onp.nan])
    assert not onp.any(jvp(f, (x,), (onp.zeros(2),))[1])
    assert not onp.any(vjp(f, x)[1](onp.zeros_like(f(x)))), "as in reverse mode"


def test_no_two_gradients_are_one_array():
    for gradient in (
        grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(X, X),
        vjp(lambda a, b: a + b, X, X)[1](onp.ones(3)),
        list(grad(lambda p: np.sum(p["a"] + p["b"]))({"a": X, "b": X}).values()),
    ):
        first, second = gradient
        first += 1
        onp.testing.assert_array_equal(second, onp.ones(3))


def test_a_cotangent_that_is_handed_in_is_not_handed_out():
    ybar = onp.ones(3)
    (xbar,) = [vjp(lambda x: x, X)[1](ybar)]
    xbar += 1
    onp.testing.assert_array_equal(ybar, onp.ones(3))


def test_vjp_uses_the_argument_as_it_was():
    for f in (
        lambda x: np.sum(x**3),
        lambda x: np.sum(np.exp(x) * x),
        lambda x: np.sum(np.reshape(x, 3) * x * x),
    ):
        x = X.copy()
        _, vjp_f = vjp(f, x)
        x[:] = 100.0
        onp.testing.assert_allclose(vjp_f(1.0), grad(f)(X))


@pytest.mark.parametrize("size", [3, 999, 1001, 5000])
@pytest.mark.parametrize("b", [4, 4.0, 3.5, 2.5, -1.5])
def test_powers_at_zeros_and_extremes_are_the_same_in_arrays_of_all_sizes(size, b):
    a = onp.linspace(0.5, 2.0, size)
    a[0] = 0.0 if b > 0 else 1.0
    a[1] = 1e-200 if b == 2.5 else 1e-90
    a[2] = 1e90
    with onp.errstate(all="ignore"):
        found = grad(lambda a: np.sum(a**b))(a)
        wanted = b * a ** (b - 1)
    onp.testing.assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.parametrize("of_b", [lambda b: np.inf**b, lambda b: np.power(onp.array([onp.inf, 2.0]), b)])
def test_a_power_that_is_zero_has_a_slope_of_zero_in_the_exponent(of_b):
    for b in (-1.0, -2.5):
        found = grad(lambda b: np.sum(of_b(b)))(b)
        wanted = (onp.sum(of_b(b + 1e-6)) - onp.sum(of_b(b - 1e-6))) / 2e-6
        assert found == pytest.approx(wanted, rel=1e-6)
        tangent = jvp(lambda b: np.sum(of_b(b)), (b,), (1.0,))[1]
        assert tangent == pytest.approx(wanted, rel=1e-6)
    z = grad(lambda b: np.real(np.power(0j + onp.array([0.0, 2.0]), b)).sum())(2.0)
    assert z == pytest.approx(4 * onp.log(2))
    f = lambda b: np.real(np.power(onp.array([complex(onp.inf, 0), 2.0]), b)).sum()
    with onp.errstate(invalid="ignore", over="ignore"):
        assert grad(f)(-2.5) == pytest.approx(2**-2.5 * onp.log(2))


@pytest.mark.parametrize("size", [3, 1001])
@pytest.mark.parametrize("b", [4, 3.5])
def test_a_power_that_overflows_has_its_slope_in_arrays_of_all_sizes(size, b):
    a = onp.full(size, 1e100)
    with onp.errstate(over="ignore"):
        found = vjp(lambda a: a**b, a)[1](onp.full(size, 1e-200))
    onp.testing.assert_allclose(found, onp.full(size, b * 1e100 ** (b - 1) * 1e-200), rtol=1e-12)


def test_a_power_of_zero_has_the_slope_zero_in_its_base_whatever_that_is():
    a, b = onp.array([onp.nan, 0.0, 3.0]), onp.array([0.0, 0.0, 2.0])
    assert grad(lambda a: np.sum(a**b))(a).tolist() == [0, 0, 6]
    assert jvp(lambda a: a**b, (a,), (onp.ones(3),))[1].tolist() == [0, 0, 6]


@pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("f", [np.var, np.std])
def test_a_spread_without_freedom_that_is_not_asked_for_has_the_derivative_zero(f):
    x = onp.array([[1.0], [2.0]])
    found = vjp(lambda x: f(x, axis=1, ddof=1), x)[1](onp.array([0.0, 1.0]))
    assert found[0] == 0 and onp.isnan(found[1])


X_FAR = [[0.0, 1e-300, 1e200, 1e200], [1e-200, 1e-200, 1e300, 0.0], [1e-200, 1e-200, 1e-100, 1e300, 1e200]]


@pytest.mark.parametrize("x", X_FAR)
@pytest.mark.parametrize(
    "f", [np.prod, lambda x: np.nanprod(x), lambda x: np.prod(x.reshape(1, -1), axis=1)[0]]
)
def test_a_product_has_its_derivatives_where_parts_of_it_leave_the_floats(f, x):
    wanted = [float(mpmath.fprod(x[:n] + x[n + 1 :])) for n in range(len(x))]
    with onp.errstate(over="ignore", under="ignore"):
        found = grad(f)(onp.array(x))
    onp.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize(
    "f", [lambda z: np.prod(z, dtype=float), lambda z: np.sum(np.cumprod(z, dtype=float))]
)
def test_a_product_asked_for_in_reals_has_no_imaginary_parts(f):
    z, zdot = onp.array([1 + 2j, 3 - 1j, 2 + 2j]), onp.array([1 - 1j, 0.5 + 2j, -1 + 3j])
    slope = (f(z + 1e-6 * zdot) - f(z - 1e-6 * zdot)) / 2e-6
    assert onp.real(onp.sum(vjp(f, z)[1](1.0) * zdot)) == pytest.approx(slope, rel=1e-8)
    assert jvp(f, (z,), (zdot,))[1] == pytest.approx(slope, rel=1e-8)


@pytest.mark.parametrize("order", [None, 2, 1.5, 3, 4])
def test_a_cotangent_that_is_no_number_stays_none_at_the_tip_of_a_norm(order):
    x = onp.zeros((2, 3))
    found = vjp(lambda x: np.linalg.norm(x, order, axis=1), x)[1](onp.array([onp.nan, 1.0]))
    assert onp.isnan(found[0]).all() and (found[1] == 0).all()


def test_a_root_at_a_zero_that_does_not_move_leaves_its_derivatives_known():
    f = lambda x: np.sum(np.sqrt(x) ** 4)
    with onp.errstate(divide="ignore", invalid="ignore"):
        assert hvp(f)(onp.array([1.0, 0.0]), onp.array([1.0, 0.0])).tolist() == [2, 0]


@pytest.mark.parametrize("offset", [-2, -1, 0, 1, 2, 3])
def test_the_cotangent_of_a_diagonal_stands_on_it(offset):
    a = onp.arange(12.0).reshape(3, 4)
    weights = onp.arange(1.0, 1 + onp.diagonal(a, offset).size)
    wanted = onp.zeros((3, 4))
    for n, weight in enumerate(weights):
        wanted[n + max(-offset, 0), n + max(offset, 0)] = weight
    for diagonal in (np.diagonal, np.diag):
        onp.testing.assert_array_equal(grad(lambda a: np.sum(diagonal(a, offset) * weights))(a), wanted)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_hessian_has_the_axes_of_a_result_of_one_number(shape):
    found = hessian(lambda x: np.reshape(np.sum(x**3), shape))(X)
    onp.testing.assert_array_equal(found, onp.diag(6 * X).reshape(*shape, 3, 3))


def test_what_is_written_into_imaginary_parts_has_its_derivative():
    def f(t):
        z = np.zeros(2) * (t + 1j)
        z.imag[0] = 3 * t
        return np.imag(z[0]) ** 2

    assert grad(f)(2.0) == 36 and jvp(f, (2.0,), (1.0,))[1] == 36 and hessian(f)(2.0) == 18


@pytest.mark.parametrize("values", [lambda a: np.linalg.svd(a, compute_uv=False), np.linalg.svdvals])
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_singular_value_of_zero_has_the_derivative_zero(values, rank):
    u, v = onp.linalg.qr(onp.array([[3.0, 1, 2], [1, 2, 1], [2, 1, 5]]))
    s = onp.array([3.0, 2.0, 0.0]) * (onp.arange(3) < rank)
    v = onp.linalg.qr(v)[0]
    found = grad(lambda a: np.sum(values(a)))((u * s) @ v)
    onp.testing.assert_allclose(found, (u * (s > 0)) @ v, atol=1e-12)


def test_a_number_that_was_read_from_a_batch_stays_what_it_was():
    def f(x):
        y = x * 1.0
        y[0] = 5 * x[1]
        before = y[0]
        y[0] = 7.0
        return before * y[1]

    xs = onp.arange(6.0).reshape(2, 3)
    onp.testing.assert_array_equal(vmap(f)(xs), [f(x) for x in xs])
    onp.testing.assert_array_equal(vmap(grad(f))(xs), [grad(f)(x) for x in xs])


def test_results_of_a_batch_and_jacobians_are_arrays_of_their_own():
    x = onp.ones(3)
    same, twice = vmap(lambda x: (x, x * 1.0))(x)
    assert not onp.shares_memory(same, x) and not onp.shares_memory(same, twice)
    for jacobians in (
        jacfwd(lambda x: (x + 0.0, x - 0.0, x))(x),
        jacrev(lambda p: p[0] + p[1])((x, x)),
    ):
        for n, first in enumerate(jacobians):
            assert first.flags.writeable
            assert not any(onp.shares_memory(first, second) for second in jacobians[:n])


@pytest.mark.parametrize("shift", [2, -1, 4])
def test_members_of_a_batch_are_rolled_as_a_whole_without_an_axis(shift):
    xs = onp.arange(24.0).reshape(2, 3, 4)
    found = vmap(lambda x: np.roll(x, shift))(xs)
    onp.testing.assert_array_equal(found, [onp.roll(x, shift) for x in xs])


def test_a_compiled_quotient_times_its_divisor_is_no_number_at_zero():
    f = lambda x: np.sum((2.0 / x) * x * X)
    g = compiled(f)
    with onp.errstate(divide="ignore", invalid="ignore"):
        assert [float(g(X)) for _ in range(3)] == [12.0] * 3
        assert onp.isnan(g(onp.array([0.0, 1.0, 2.0])))


METHODS = [
    "linear", "lower", "higher", "nearest", "midpoint", "inverted_cdf", "averaged_inverted_cdf",
    "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased",
    "normal_unbiased",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_a_quantile_is_shared_by_the_elements_that_are_equal(method):
    x = onp.array([2.0, 1.0, 3.0, 2.0, 0.5, 2.0, 3.0])
    for q in onp.linspace(0.0, 1.0, 41):
        y, gradient = value_and_grad(lambda x, q=q: np.quantile(x, q, method=method))(x)
        assert gradient[0] == gradient[3] == gradient[5] and gradient[2] == gradient[6]
        assert onp.sum(gradient) == pytest.approx(1.0) and gradient @ x == pytest.approx(y)
        assert (gradient >= 0).all()


ROWS = onp.array([[0.7, onp.nan, 2.1, 0.4], [1.0, 2.0, 4.0, 3.0], [onp.nan] * 4])


@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
@pytest.mark.parametrize("q", [0.3, [0.2, 0.9]])
@pytest.mark.parametrize(("f", "known"), [(np.quantile, [1]), (np.nanquantile, [0, 1])])
def test_a_row_whose_quantile_is_not_known_has_no_derivative_but_zero(f, known, q):
    rows = onp.isin(onp.arange(3), known)
    quantile = lambda x: f(x, q, axis=1)
    of_each = lambda x: onp.isnan(x).reshape(-1, 3).all(axis=0)
    assert (jvp(quantile, (ROWS,), (onp.zeros((3, 4)),))[1] == 0).all()
    assert (of_each(jvp(quantile, (ROWS,), (onp.ones((3, 4)),))[1]) == ~rows).all()
    y, vjp_f = vjp(quantile, ROWS)
    assert (vjp_f(onp.zeros_like(y)) == 0).all()
    xbar = vjp_f(onp.ones_like(y))
    assert (onp.isnan(xbar).any(axis=1) == ~rows).all()
    onp.testing.assert_allclose(onp.sum(xbar[rows], axis=1), onp.size(q))


@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
@pytest.mark.parametrize(("f", "known"), [(np.quantile, [1]), (np.nanquantile, [0, 1])])
def test_a_quantile_that_is_not_known_goes_with_no_part_but_one_that_is_not_asked_for(f, known):
    y, vjp_f = vjp(lambda q: f(ROWS, q, axis=1), 0.3)
    asked = onp.isin(onp.arange(3), known) * 1.0
    step = 1e-6
    slope = (f(ROWS[known], 0.3 + step, axis=1) - f(ROWS[known], 0.3 - step, axis=1)) / (2 * step)
    assert vjp_f(asked) == pytest.approx(onp.sum(slope), rel=1e-6)
    assert onp.isnan(vjp_f(onp.ones(3)))


@pytest.mark.parametrize("f", [np.nanquantile, lambda x, q, axis: np.nanpercentile(x, 100 * q, axis)])
def test_tangents_of_missing_elements_do_not_count(f):
    x, xdot = ROWS[:2], onp.where(onp.isnan(ROWS[:2]), onp.nan, 1.0)
    onp.testing.assert_allclose(jvp(lambda x: f(x, 0.3, 1), (x,), (xdot,))[1], [1.0, 1.0])


def test_the_edges_of_bins_around_one_number_move_with_it():
    f = lambda a: np.histogram_bin_edges(a * onp.ones(3), 4)
    y, ydot = jvp(f, (2.0,), (1.0,))
    onp.testing.assert_array_equal(y, onp.histogram_bin_edges([2.0], 4))
    onp.testing.assert_array_equal(ydot, onp.ones(5))


def test_a_covariance_with_weights_of_both_kinds_has_its_derivatives():
    weights = onp.array([0.5, 1.0, 2.0])
    of_x = lambda x: np.sum(np.cov(np.stack([x, x**2]), fweights=[1, 2, 3], aweights=weights))
    of_weights = lambda w: np.sum(np.cov(onp.stack([X, X**2]), fweights=[1, 2, 3], aweights=w))
    onp.testing.assert_allclose(grad(of_x)(X), slopes_of(of_x), rtol=1e-6)
    onp.testing.assert_allclose(grad(of_weights)(weights), slopes_of(of_weights, weights), rtol=1e-6)
    assert (
        of_x(X)
        == vjp(of_x, X)[0]
        == pytest.approx(onp.sum(onp.cov(onp.stack([X, X**2]), fweights=[1, 2, 3], aweights=weights)))
    )


def test_a_correlation_that_rounding_has_put_beyond_one_keeps_its_curvature():
    rng = onp.random.default_rng(2)
    x, v = rng.standard_normal(7), onp.cos(onp.arange(7.0))
    c = onp.cov(onp.stack([x, 3 * x]))
    assert c[0, 1] / onp.sqrt(c[0, 0]) / onp.sqrt(c[1, 1]) > 1
    f = lambda t: np.corrcoef(x + t * v, 3 * x)[0, 1]
    wanted = (f(1e-3) - 2 * f(0.0) + f(-1e-3)) / 1e-6
    assert wanted < -0.1 and hessian(f)(0.0) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("kind", [float, onp.float64, onp.float32, onp.longdouble])
def test_a_zero_derivative_in_a_number_is_a_number(kind):
    x = kind(2.0)
    for zero in (
        grad(lambda x: 1.0)(x),
        grad(lambda x, y: x * 1.0, argnums=1)(x, x),
        jvp(lambda x: onp.float32(3.0), (x,), (x,))[1],
        jvp(lambda x: np.floor(x), (x,), (x,))[1],
        vjp(lambda x: np.sign(x), x)[1](1.0),
    ):
        assert zero == 0 and isinstance(zero, (float, onp.generic)), type(zero)
    assert type(grad(lambda x: 1.0)(x)) is type(grad(lambda x: 1.0 * x)(x))


INNER = {
    "a function": lambda y, ybar, x: (lambda: ybar * np.cos(x))(),
    "a comprehension": lambda y, ybar, x: np.stack([row * np.cos(x[n]) for n, row in enumerate(ybar)]),
    "a function in a comprehension": lambda y, ybar, x: np.stack(
        [(lambda n=n: ybar[n] * np.cos(x[n]))() for n in (0, 1)]
    ),
    "a generator": lambda y, ybar, x: sum(ybar * np.cos(x) for _ in range(1)),
}


@pytest.mark.parametrize("rule", INNER.values(), ids=INNER)
def test_a_large_array_that_an_inner_function_of_a_rule_reads_is_kept(rule):
    sine = primitive(lambda x: onp.sin(x))
    defvjp(sine, rule)
    x = onp.linspace(0.0, 1.0, 10_000).reshape(2, -1)
    onp.testing.assert_allclose(grad(lambda x: np.sum(sine(x * 1.0)))(x), onp.cos(x), rtol=1e-12)

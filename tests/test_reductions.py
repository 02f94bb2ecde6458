"""Reductions in the forms that cases do not draw: traced starting values, zeros, what would be written to."""

import itertools

import numpy
import pytest

import funad
from funad import elementwise_grad, grad, hessian, jacfwd, jacrev, jvp
from funad import numpy as np
from funad.errors import NotDifferentiableError, UnsupportedKeywordError
from funad.testing import call, check_jvp, check_vjp

# No two of the elements are near each other.
A = (numpy.random.default_rng(0).permutation(24).reshape(4, 3, 2) + 9.5) / 16
NANS = numpy.where(A < 0.9, numpy.nan, A)

# --- a traced value to start from

FROM_INITIAL = ["sum", "prod", "max", "amax", "min", "amin", "nansum", "nanprod", "nanmax", "nanmin"]
AXES = [None, -1, (0, 2), ()]


def check(f, *args, **kwargs):
    """Check both modes, and the second order, in ``initial`` and in it together with the array."""
    at = call(*args, **kwargs)
    for checks in (check_vjp, check_jvp):
        checks(f, at, "initial")
    a, initial = args[0], kwargs.pop("initial")
    check_vjp(lambda s: f(s * a, *args[1:], initial=s * initial, **kwargs), call(1.0))
    check_jvp(lambda s: f(s * a, *args[1:], initial=s * initial, **kwargs), call(1.0))


@pytest.mark.parametrize("initial", [0.2, 1.15])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", FROM_INITIAL)
def test_a_reduction_starts_from_a_traced_value(name, axis, initial):
    f = getattr(np, name)
    check(f, A, axis=axis, initial=initial)
    check(f, A, axis=axis, initial=initial, keepdims=True)
    check(f, A, axis=axis, initial=initial, where=numpy.less(A[0], 1.2))
    check(f, numpy.zeros((2, 0, 3)), axis=1, initial=initial)
    check(f, 0.7, initial=initial)
    if name in ("sum", "prod", "nansum", "nanprod"):
        check(f, A, axis=axis, initial=initial, dtype=complex)
        check(f, A * (1 + 1j), axis=axis, initial=initial + 0.3j)
    if name.startswith("nan"):
        check(f, NANS, axis=axis, initial=initial)


@pytest.mark.parametrize("name", FROM_INITIAL)
def test_a_traced_start_leaves_the_dtype_as_it_is(name):
    f, single = getattr(np, name), A.astype("f4")
    for initial in (0.5, numpy.float64(0.5), numpy.float32(0.5)):
        y, vjp_f = funad.vjp(lambda s: f(single, axis=0, initial=s), initial)
        wanted = getattr(numpy, name)(single, axis=0, initial=initial)
        assert y.dtype == wanted.dtype == numpy.float32
        numpy.testing.assert_allclose(y, wanted, rtol=1e-6)
        assert numpy.asarray(vjp_f(y)).dtype == numpy.asarray(initial).dtype


def test_a_traced_start_shares_in_ties():
    x = numpy.array([2.0, 2.0, 1.0])
    assert grad(lambda s: np.max(x, initial=s))(2.0) == pytest.approx(1 / 3)
    assert grad(lambda s: np.min(x, initial=s))(1.0) == 0.5
    assert grad(lambda s: np.max(x * s, initial=s))(1.0) == 2.0


def test_a_traced_start_is_found_everywhere():
    x = A[0, 0]
    assert grad(lambda s: np.sum([s, 2.0], initial=s))(1.0) == 2.0
    assert grad(lambda v: v.sum(initial=v[0]))(x).tolist() == [2, 1]
    assert grad(lambda v: numpy.max(v, initial=v[0] + 9))(x).tolist() == [1, 0]
    assert grad(lambda s: np.sum(x, dtype=int, initial=s) * s)(3.0) == 4.0


def test_what_numpy_refuses_of_a_start_is_refused():
    with pytest.raises((TypeError, ValueError)):
        grad(lambda v: np.sum(np.sum(A, axis=0, initial=v)))(numpy.ones(2))
    with pytest.raises(UnsupportedKeywordError, match=r"numpy\.sum .*'out'"):
        grad(lambda s: np.sum(A, initial=s, out=numpy.zeros(())))(1.0)
    with pytest.raises((NotDifferentiableError, ValueError)):  # NumPy does not ask about ``initial``
        grad(lambda s: numpy.sum(A, initial=s))(1.0)


# --- what would be written to


@pytest.mark.parametrize("name", ["median", "nanmedian"])
def test_an_argument_that_may_be_overwritten_is_not(name):
    f, x = getattr(np, name), numpy.array([3.0, 1.0, 2.0])
    for at in ({"overwrite_input": True}, {"overwrite_input": True, "axis": 0}):
        with pytest.raises(UnsupportedKeywordError, match="overwrite_input"):
            grad(lambda x, at=at: f(x, **at))(x)
    assert x.tolist() == [3, 1, 2]
    assert grad(lambda x: f(x, overwrite_input=False))(x).tolist() == [0, 0, 1]


# --- products with zeros among their factors, to third order

WEIGHTS = numpy.array([0.5, -1.0, 2.0, 0.7, 1.3])
LAST = numpy.array([0, 0, 0, 0, 1.0])
ONES = numpy.ones(5)
RUNNING = {
    "cumprod": lambda x: np.cumprod(x),
    "cumprod along an axis": lambda x: np.cumprod(np.stack([ONES, x]), axis=-1)[1],
    "cumprod of all": lambda x: np.cumprod(np.reshape(np.append(x, 2.0), (2, 3)))[:5],
    "nancumprod": lambda x: np.nancumprod(x),
    "multiply.accumulate": lambda x: np.multiply.accumulate(x),
}
if hasattr(np, "cumulative_prod"):
    RUNNING["cumulative_prod"] = lambda x: np.cumulative_prod(x)
    RUNNING["with the initial 1"] = lambda x: np.cumulative_prod(x, include_initial=True)[1:]
WHOLE = {
    "prod": lambda x: np.prod(x),
    "prod along an axis": lambda x: np.prod(np.stack([x, ONES], axis=1), axis=0)[0],
    "prod along two axes": lambda x: np.prod(np.reshape(np.append(x, 1.0), (2, 3)), axis=(0, 1)),
    "prod where": lambda x: np.prod(np.append(x, 0.0), where=numpy.arange(6) < 5),
    "prod with initial": lambda x: np.prod(x, initial=1.0),
    "prod with keepdims": lambda x: np.prod(x, keepdims=True)[0],
    "nanprod": lambda x: np.nanprod(np.append(x, numpy.nan)),
    "multiply.reduce": lambda x: np.multiply.reduce(x),
}
PRODUCTS = {
    **{name: (lambda x, f=f: np.sum(WEIGHTS * f(x)), WEIGHTS) for name, f in RUNNING.items()},
    **{name: (f, LAST) for name, f in WHOLE.items()},
}


def derivative(x, weights, *directions):
    """∂/∂xᵢ ∂/∂xⱼ ... of Σ wₙ x₀⋯xₙ: products of the other factors, multiplied out."""
    if len(set(directions)) < len(directions):
        return 0.0
    return sum(
        w * numpy.prod([x[k] for k in range(n + 1) if k not in directions])
        for n, w in enumerate(weights)
        if all(k <= n for k in directions)
    )


def table(x, weights, order):
    entries = [derivative(x, weights, *at) for at in itertools.product(range(5), repeat=order)]
    return numpy.reshape(entries, (5,) * order)


@pytest.mark.parametrize("zeros", [(), (0,), (2,), (4,), (1, 3), (0, 2, 4), (0, 1, 2, 3, 4)], ids=str)
@pytest.mark.parametrize(("f", "weights"), PRODUCTS.values(), ids=PRODUCTS)
def test_products_with_zeros_have_every_derivative(f, weights, zeros):
    x = numpy.array([1.5, -0.5, 2.0, 0.25, -3.0])
    x[list(zeros)] = 0.0
    close = {"rtol": 1e-12, "atol": 1e-13}
    for first in (grad, jacfwd):
        numpy.testing.assert_allclose(first(f)(x), table(x, weights, 1), **close)
        for second in (jacrev, jacfwd):
            numpy.testing.assert_allclose(second(first(f))(x), table(x, weights, 2), **close)
    if len(zeros) in (2, 3):  # where it differs from the second, and not yet zero
        third = jacfwd(jacrev(grad(f)))(x)
        numpy.testing.assert_allclose(third, table(x, weights, 3), **close)


@pytest.mark.parametrize("small", [1e-17, -1e-9, 1e-200])
@pytest.mark.parametrize(("f", "weights"), PRODUCTS.values(), ids=PRODUCTS)
def test_products_with_a_tiny_factor_lose_no_digits(f, weights, small):
    x = numpy.array([1.5, -0.5, small, 0.25, -3.0])
    for first in (grad, jacfwd):
        numpy.testing.assert_allclose(first(f)(x), table(x, weights, 1), rtol=1e-12)
        for second in (jacrev, jacfwd):
            numpy.testing.assert_allclose(second(first(f))(x), table(x, weights, 2), rtol=1e-12, atol=1e-13)


def test_running_products_with_zeros_of_complex_numbers():
    z = numpy.array([1 + 1j, 0, 2j, 0])
    wanted = [numpy.prod(numpy.delete(z, n)) for n in range(4)]
    numpy.testing.assert_allclose(funad.vjp(np.prod, z)[1](1.0 + 0j), wanted)
    check_vjp(np.cumprod, call(z))
    check_jvp(np.cumprod, call(z))


def test_every_second_derivative_of_a_row_of_zeros_is_no_nan():
    second = elementwise_grad(elementwise_grad(lambda x: np.cumprod(x, axis=1)))(numpy.zeros((2, 3)))
    assert numpy.isfinite(second).all()


# --- a trace has shorter ways to the same numbers

QUICK = ["sum", "prod", "mean", "max", "amax", "min", "amin"]
LAYOUTS = {
    "C": A, "Fortran": numpy.asfortranarray(A), "reversed": A[::-1, :, ::-1],
    "broadcast": numpy.broadcast_to(A[0], (5, 3, 2)), "vector": A[:, 0, 0], "number": A[0, 0, 0],
    "0-d": numpy.array(0.5), "empty": A[:0], "no columns": A[:, :, :0], "nans": NANS,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "c16", ">f8"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", QUICK)
def test_a_trace_reduces_as_numpy_does_to_the_last_bit(name, layout, dtype):
    f, plain, a = getattr(np, name), getattr(numpy, name), LAYOUTS[layout].astype(dtype)
    for axis, keepdims in itertools.product([None, 0, -1, 7, (0, 2), (-1, 0), ()], [False, True]):
        for kwargs in ({"axis": axis, "keepdims": keepdims}, {"axis": axis}, {"keepdims": keepdims}, {}):
            try:
                wanted = plain(a, **kwargs)
            except ValueError as error:  # no such axis; nothing to choose from
                with pytest.raises(type(error)):
                    funad.vjp(lambda x, kwargs=kwargs: f(x, **kwargs), a)
                continue
            y = funad.vjp(lambda x, kwargs=kwargs: f(x, **kwargs), a)[0]
            assert numpy.result_type(y) == numpy.result_type(wanted)
            numpy.testing.assert_array_equal(y, wanted, strict=True)


@pytest.mark.parametrize("f", [np.max, np.min, np.nanmax, np.nanmin])
def test_an_initial_value_takes_its_part_of_a_tie(f):
    x = numpy.array([1.0, 1.0])
    assert grad(lambda x: f(x, initial=1.0))(x).tolist() == pytest.approx([1 / 3, 1 / 3])
    assert jvp(lambda x: f(x, initial=1.0), (x,), (numpy.array([3.0, 6.0]),))[1] == pytest.approx(3.0)
    far = 5.0 if f in (np.max, np.nanmax) else -5.0
    assert grad(lambda x: f(x, initial=far))(x).tolist() == [0, 0]
    assert grad(lambda x: f(x, initial=-far))(x).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("f", [np.max, np.min])
def test_a_nan_in_one_row_leaves_the_ties_of_another(f):
    x = numpy.array([[numpy.nan, 1.0], [3.0, 3.0]])
    assert grad(lambda x: np.sum(f(x, axis=1)[1:]))(x)[1].tolist() == [0.5, 0.5]
    assert jvp(lambda x: f(x, axis=1), (x,), (numpy.array([[0.0, 0.0], [1.0, 3.0]]),))[1][1] == 2.0


@pytest.mark.parametrize("x", [[3e-200, 7e-121], [3e200, 7e199], [1e-14, 2.0, 3.0]])
@pytest.mark.parametrize("f", [np.prod, lambda x: np.cumprod(x)[-1], lambda x: np.nanprod(x)])
def test_a_product_far_from_one_keeps_the_digits_of_its_derivatives(f, x):
    x = numpy.array(x)
    others = [numpy.delete(x, n) for n in range(len(x))]
    with numpy.errstate(over="ignore"):
        numpy.testing.assert_allclose(grad(f)(x), [numpy.prod(rest) for rest in others], rtol=1e-13)
        second = funad.hessian(f)(x)
    wanted = [
        [0.0 if n == m else numpy.prod(numpy.delete(x, [n, m])) for n in range(len(x))] for m in range(len(x))
    ]
    numpy.testing.assert_allclose(second, wanted, rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    "f", [lambda x: np.sum(x, 0, int), lambda x: np.sum(x, dtype=int), lambda x: np.cumsum(x, 0, int)[-1]]
)
def test_integers_that_were_asked_for_are_plain(f):
    def read(x):
        assert f(x) == 3
        return x[range(9)[f(x)]] ** 2  # as an index it has to be an integer

    x = numpy.array([0.0, 1.0, 2.0, 0.0])
    assert grad(lambda x: read(x + numpy.zeros(4)))(x).tolist() == [0, 0, 0, 0]
    x = numpy.array([-6.0, 1.0, 2.0, 6.0])
    assert grad(read)(x).tolist() == [0, 0, 0, 12]
    assert jvp(read, (x,), (numpy.ones(4),))[1] == 12
    assert jacfwd(jacfwd(read))(x)[3, 3] == 2


# --- nans that are left out


_WITH_NANS = numpy.array([[1.0, numpy.nan, 3.0], [2.0, 5.0, numpy.nan]])


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize(
    "f",
    [
        np.nansum, np.nanmean, np.nanprod, np.nanmax, np.nanmin, np.nanmedian, np.nanvar, np.nanstd,
        np.nancumsum, np.nancumprod, lambda x, axis: np.nanquantile(x, 0.4, axis=axis),
        lambda x, axis: np.nanpercentile(x, [40.0, 70.0], axis=axis),
    ],
)  # fmt: skip
def test_a_nan_that_is_left_out_counts_for_nothing_whatever_its_tangent_is(f, axis):
    g = lambda x: np.sum(np.sin(f(_WITH_NANS * x, axis=axis)))
    slope = (g(0.5 + 1e-6) - g(0.5 - 1e-6)) / 2e-6
    curvature = (g(0.5 + 1e-4) - 2 * g(0.5) + g(0.5 - 1e-4)) / 1e-8
    along = lambda x: jvp(g, (x,), (1.0,))[1]
    assert numpy.isclose(grad(g)(0.5), slope) and numpy.isclose(along(0.5), slope)
    over_reverse = jvp(grad(g), (0.5,), (1.0,))[1]
    over_forward = jvp(along, (0.5,), (1.0,))[1]
    for second in (hessian(g)(0.5), over_reverse, grad(along)(0.5), over_forward):
        assert numpy.isclose(second, curvature, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("f", [np.var, np.std])
def test_what_where_leaves_out_counts_for_nothing_whatever_its_tangent_is(f):
    g = lambda x: f(_WITH_NANS * x, where=~numpy.isnan(_WITH_NANS))
    assert numpy.isclose(jvp(g, (0.5,), (1.0,))[1], grad(g)(0.5))

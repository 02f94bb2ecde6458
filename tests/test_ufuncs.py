"""Ufuncs beside plain calls: their keywords and their methods, through both namespaces."""

import functools
import warnings

import hypothesis.strategies as st
import numpy
import pytest
from hypothesis import given, settings

import funad
from funad import grad, jvp
from funad import numpy as np
from funad.boxes import Traced
from funad.errors import MissingRuleError, NotDifferentiableError, UnsupportedKeywordError
from funad.registry import primitive_of
from funad.testing import Call, check_jvp, check_vjp

from .cases import CASES
from .support import trace

NAMESPACES = pytest.mark.parametrize("xp", [numpy, np], ids=["numpy", "funad.numpy"])

RNG = numpy.random.default_rng(0)
# No two of the elements are near each other.
X = (RNG.permutation(7) + 3.5) / 5
XX = (RNG.permutation(14).reshape(2, 7) + 7.5) / 10
A = (RNG.permutation(24).reshape(4, 3, 2) + 9.5) / 16
B = numpy.array([[0.62, 1.23], [1.76, 0.84]])  # nor near those of X
MASK = numpy.array([True, False, True, True, False, True, False])


def every_ufunc():
    """Every ufunc of NumPy, each once, with its primitive."""
    found = {getattr(numpy, name) for name in dir(numpy) if isinstance(getattr(numpy, name), numpy.ufunc)}
    return sorted(found, key=lambda f: f.__name__)


UFUNCS = every_ufunc()
WITH_RULES = [f for f in UFUNCS if primitive_of(f).rules and f.signature is None]
ZERO = [f for f in UFUNCS if primitive_of(f).kind == "zero"]


def named(f):
    return f.__name__


def of_xp(xp, f):
    """A ufunc in a namespace, where it may have another name."""
    return f if xp is numpy else primitive_of(f).traced


def is_inexact(x):
    return numpy.asarray(x).dtype.kind in "fc"


def fresh(out):
    """An array to write to, where the checks give one that is read-only."""
    return out if isinstance(out, Traced) else numpy.array(out)


def check(f, *args, **kwargs):
    """Check the values and, in every argument made of floats, both modes and the second order."""
    at = Call(args, kwargs)
    plain = f(*args, **kwargs)
    for argnum, x in enumerate(args):
        if not is_inexact(x) or not is_inexact(plain):
            continue
        y, _ = funad.vjp(lambda x, n=argnum: f(*args[:n], x, *args[n + 1 :], **kwargs), x)
        assert numpy.shape(y) == numpy.shape(plain)
        assert numpy.asarray(y).dtype == numpy.asarray(plain).dtype
        numpy.testing.assert_allclose(y, plain, rtol=1e-13)
        check_vjp(f, at, argnum)
        check_jvp(f, at, argnum)


def check_like(f, plain, *args):
    """Check f against plain, and its derivatives as ever."""
    for argnum, x in enumerate(args):
        y, _ = funad.vjp(lambda x, n=argnum: f(*args[:n], x, *args[n + 1 :]), x)
        numpy.testing.assert_allclose(y, plain(*args), rtol=1e-14)
        check_vjp(f, Call(args), argnum)
        check_jvp(f, Call(args), argnum)


# --- every ufunc is known


@pytest.mark.parametrize("f", UFUNCS, ids=named)
def test_every_ufunc_has_rules_or_is_constant(f):
    assert primitive_of(f).kind in ("elementwise", "linear", "vjp", "zero")


@pytest.mark.parametrize("f", UFUNCS, ids=named)
def test_a_wrapper_has_the_attributes_of_the_ufunc(f):
    wrapped = primitive_of(f).traced
    for name in ("nin", "nout", "nargs", "ntypes", "types", "identity", "signature"):
        assert getattr(wrapped, name) == getattr(f, name)
    for name in ("reduce", "accumulate", "outer", "reduceat", "at"):
        assert getattr(wrapped, name).__doc__ == getattr(f, name).__doc__
    assert wrapped.resolve_dtypes is not None


# --- where= and out=


@pytest.mark.parametrize("f", WITH_RULES, ids=named)
@settings(max_examples=4)
@given(data=st.data())
def test_where_takes_the_elements_outside_of_the_mask_from_out(f, data):
    args = data.draw(CASES[primitive_of(f).traced].draw).args
    xp = data.draw(st.sampled_from([numpy, np]))
    plain = f(*args)
    parts = plain if f.nout > 1 else (plain,)
    rng = numpy.random.default_rng(1)
    where = rng.random(numpy.shape(parts[0])) > 0.4
    outs = [numpy.asarray(rng.uniform(0.5, 2.0, numpy.shape(y)), numpy.asarray(y).dtype) for y in parts]

    def masked(*args):
        y = of_xp(xp, f)(*args[: f.nin], where=where, out=tuple(map(fresh, args[f.nin :])))
        return y[0] if f.nout > 1 else y

    wanted = f(*args, where=where, out=tuple(out.copy() for out in outs))
    wanted = wanted[0] if f.nout > 1 else wanted
    for argnum, x in enumerate((*args, *outs)):
        of_out = argnum == f.nin and numpy.ndim(x) > 0  # a traced number is no array to write to
        if is_inexact(x) and (argnum in primitive_of(f).rules or of_out):
            at = Call((*args, *outs))

            def of_x(x, n=argnum):
                return masked(*at.args[:n], x, *at.args[n + 1 :])

            if argnum == f.nin:
                numpy.testing.assert_array_equal(funad.vjp(of_x, x)[0], wanted)
            check_vjp(masked, at, argnum)
            check_jvp(masked, at, argnum)


@NAMESPACES
def test_where_broadcasts_into_a_larger_out(xp):
    row = numpy.array([[True], [False]])
    check(lambda x, out: xp.exp(x, where=row, out=fresh(out)), X, XX)
    check(lambda x, out: xp.multiply(x, 2.0, where=[True, False], out=fresh(out)), 1.5, numpy.zeros(2))
    with pytest.raises(ValueError, match="non-broadcastable output"):
        grad(lambda x: np.sum(xp.exp(x, where=row, out=numpy.zeros(7))))(X)


@NAMESPACES
def test_what_the_mask_leaves_out_is_not_computed(xp):
    x = numpy.array([0.0, 2.0, -1.0])

    def f(x):
        return np.sum(xp.log(x, where=x > 0, out=numpy.zeros(3)) ** 2)

    def quotient(x):
        return np.sum(xp.divide(1.0, x, out=xp.zeros(3), where=x > 0))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numpy.testing.assert_allclose(grad(f)(x), [0, numpy.log(2), 0], rtol=1e-15)
        numpy.testing.assert_allclose(
            funad.hessian(f)(x), numpy.diag([0, 0.5 - numpy.log(2) / 2, 0]), rtol=1e-15
        )
        assert jvp(f, (x,), (numpy.ones(3),))[1] == pytest.approx(numpy.log(2))
        assert grad(quotient)(x).tolist() == [0, -0.25, 0]


@NAMESPACES
def test_the_result_has_the_dtype_of_out(xp):
    x, out = X.astype("f4"), numpy.zeros(7, "f4")
    y, vjp_f = funad.vjp(lambda x: xp.exp(x, where=MASK, out=out), x)
    assert y.dtype == vjp_f(y)[...].dtype == numpy.float32
    y, vjp_f = funad.vjp(lambda x: xp.exp(x, where=MASK, out=out), X)
    assert (y.dtype, vjp_f(y).dtype) == (numpy.float32, numpy.float64)
    y, _ = funad.vjp(lambda x: xp.exp(x * 1j, where=MASK, out=numpy.zeros(7, "c8")), X)
    assert y.dtype == numpy.complex64
    with pytest.raises(TypeError, match="Cannot cast"):
        grad(lambda x: np.sum(xp.exp(x, where=MASK, out=numpy.zeros(7, int))))(X)


@NAMESPACES
def test_outs_of_a_function_with_two_outputs(xp):
    x = numpy.array([-1.5, 2.25, 0.3])
    mask = numpy.array([True, False, True])

    def f(x):
        fraction, whole = xp.modf(x, where=mask, out=(numpy.zeros(3), numpy.ones(3)))
        assert whole.tolist() == [-1, 1, 0]
        return np.sum(fraction**2)

    numpy.testing.assert_allclose(grad(f)(x), [-1.0, 0, 0.6])


REFUSED_OUTS = {
    "plain": (lambda xp, x: xp.exp(x, out=numpy.zeros(7)), r"exp\(.*a plain array.*y = np\.exp"),
    "by position": (lambda xp, x: xp.exp(x, numpy.zeros(7)), r"exp\(.*a plain array.*y = np\.exp"),
    "two": (lambda xp, x: xp.modf(x, out=(numpy.zeros(7), None))[0], r"modf\(.*a plain array"),
    "where alone": (lambda xp, x: xp.exp(x, where=MASK), r"exp\(.*uninitialised.*np\.where\(mask"),
    "reduce": (lambda xp, x: xp.add.reduce(x, out=numpy.zeros(())), r"add\.reduce\(.*plain array"),
    "accumulate": (lambda xp, x: xp.add.accumulate(x, out=numpy.zeros(7)), r"add\.accumulate\("),
    "reduceat": (lambda xp, x: xp.add.reduceat(x, [0], out=numpy.zeros(1)), r"add\.reduceat\("),
    "outer": (lambda xp, x: xp.add.outer(x, 1.0, out=numpy.zeros(7)), r"add\(.*plain array"),
}


@NAMESPACES
@pytest.mark.parametrize(("f", "message"), REFUSED_OUTS.values(), ids=REFUSED_OUTS)
def test_out_is_refused_with_what_to_write(xp, f, message):
    with pytest.raises(UnsupportedKeywordError, match=message):
        grad(lambda x: np.sum(f(xp, x)))(X)
    with pytest.raises(UnsupportedKeywordError, match=message):
        jvp(lambda x: np.sum(f(xp, x)), (X,), (X,))


def test_an_operator_in_place_on_a_plain_array_is_refused_with_what_to_write():
    def f(x):
        total = numpy.zeros(7)
        total += x
        return np.sum(total)

    with pytest.raises(
        NotDifferentiableError, match=r"^total \+= x would write .*write total = total \+ x, or"
    ):
        grad(f)(X)


@NAMESPACES
def test_a_masked_result_that_nothing_takes_is_refused(xp):
    def f(x):
        out = numpy.zeros(7)
        xp.exp(x, where=MASK, out=out)
        return np.sum(out * x)

    with pytest.raises(UnsupportedKeywordError, match=r"nothing takes the result: write y = np\.exp"):
        grad(f)(X)


@NAMESPACES
def test_the_array_given_as_out_is_read_and_not_written(xp):
    out = numpy.full(7, 5.0)
    grad(lambda x: np.sum(xp.exp(x, where=MASK, out=out)))(X)
    assert (out == 5.0).all()


@NAMESPACES
def test_keywords_that_say_nothing_change_nothing(xp):
    for kwargs in ({"out": None}, {"out": (None,)}, {"where": True}, {"dtype": None}, {"order": "K"}):
        assert grad(lambda x, kwargs=kwargs: np.sum(xp.sin(x, **kwargs)))(X).tolist() == numpy.cos(X).tolist()


@NAMESPACES
@pytest.mark.parametrize("f", ZERO, ids=named)
def test_functions_without_a_derivative_take_every_keyword(xp, f):
    if not any(types.startswith("d" * f.nin) for types in f.types):
        return
    args = (X, X[::-1])[: f.nin]
    wanted = f(*args)
    where = MASK

    def g(x):
        out = numpy.zeros(7, wanted.dtype)
        y = of_xp(xp, f)(x, *args[1:], where=where, out=out)
        assert y is out
        numpy.testing.assert_array_equal(out, numpy.where(where, wanted, 0))
        return np.sum(x)

    assert grad(g)(X).tolist() == [1] * 7


# --- dtype, signature, casting, order, subok

TYPED = {
    "exp": ("exp", (X,)),
    "sqrt": ("sqrt", (X,)),
    "add": ("add", (X, X[::-1].copy())),
    "power": ("power", (X, 2.5)),
    "arctan2": ("arctan2", (X, 0.5)),
    "of a float": ("sin", (0.5,)),
}


@NAMESPACES
@pytest.mark.parametrize(("name", "args"), TYPED.values(), ids=TYPED)
@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_dtype_is_that_of_the_result(xp, name, args, dtype):
    f = getattr(xp, name)
    if name == "arctan2" and dtype == "c16":
        with pytest.raises(TypeError, match="arctan2"):
            grad(lambda x: np.sum(np.real(f(x, *args[1:], dtype=dtype))))(args[0])
        return
    y, vjp_f = funad.vjp(lambda x: f(x, *args[1:], dtype=dtype), args[0])
    assert y.dtype == dtype
    numpy.testing.assert_array_equal(y, getattr(numpy, name)(*args, dtype=dtype))
    xbar = vjp_f(numpy.ones_like(y))
    assert numpy.asarray(xbar).dtype == numpy.float64
    wanted = funad.vjp(lambda x: getattr(np, name)(x, *args[1:]), args[0])[1](numpy.ones_like(y).real)
    numpy.testing.assert_allclose(xbar, wanted, rtol=1e-6 if dtype == "f4" else 1e-14)


@NAMESPACES
def test_dtype_is_the_type_in_which_a_function_is_computed(xp):
    x = numpy.array([-4.0, 9.0])
    check(lambda x: xp.sqrt(x, dtype=complex), x)
    check(lambda x: xp.power(x, 0.5, dtype=complex), x)
    check(lambda x: xp.log(x, signature="D->D"), x)
    single = numpy.float32([1.0, 2.0])
    y, vjp_f = funad.vjp(lambda x: xp.multiply(x, x, signature="dd->d"), single)
    assert (y.dtype, vjp_f(y).dtype) == (numpy.float64, numpy.float32)


@NAMESPACES
def test_types_that_numpy_refuses_are_refused_by_numpy(xp):
    for f in (
        lambda x: xp.exp(x, dtype=int),
        lambda x: xp.add(x, 1j, dtype=float),
        lambda x: xp.add(x, numpy.ones(7, "f4"), casting="no"),
        lambda x: xp.exp(x, order="Z"),
    ):
        with pytest.raises((TypeError, ValueError), match="[Cc]ast|order|No loop"):
            grad(lambda x, f=f: np.sum(f(x)))(X)


@NAMESPACES
def test_a_result_in_integers_is_constant(xp):
    assert grad(lambda x: np.sum(xp.add(x, 1, dtype=int, casting="unsafe") * x))(X[:2]).tolist() == [
        int(value) + 1 for value in X[:2]
    ]


@NAMESPACES
def test_order_and_subok_leave_the_derivative_as_it_is(xp):
    for kwargs in ({"order": "F"}, {"order": "C"}, {"order": "A"}, {"subok": False}):
        check(lambda x, kwargs=kwargs: xp.square(x, **kwargs), A)
    funad.vjp(lambda x: _is_fortran(xp.square(x, order="F")), A)


def _is_fortran(y):
    assert y.primal.flags.f_contiguous
    return y


# --- reduce

AXES = [0, -1, 1, None, (0, 2), (-1, 0), ()]
ORDERED = ["subtract", "divide", "power", "float_power", "arctan2", "copysign", "remainder", "fmod"]
REORDERABLE = ["add", "multiply", "maximum", "minimum", "fmax", "fmin", "logaddexp", "logaddexp2", "hypot"]


@NAMESPACES
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", REORDERABLE)
def test_reduce_along_any_axes(xp, name, axis):
    f = getattr(xp, name)
    check(lambda x: f.reduce(x, axis), A)
    check(lambda x: f.reduce(x, axis=axis, keepdims=True), A)
    check(lambda s: f.reduce(s * A, axis=axis, initial=s), 0.75)
    where = numpy.ones(A.shape, bool)
    where[[0, 1, 3], [0, 2, 1], [0, 1, 0]] = False
    start = {"initial": 0.3} if name in ("maximum", "minimum", "fmax", "fmin") else {}
    if axis != ():  # for which NumPy itself warns of infinities
        check(lambda x: f.reduce(x, axis, where=where, **start), A)


@NAMESPACES
@pytest.mark.parametrize("axis", [0, -1, 1])
@pytest.mark.parametrize("name", ORDERED)
def test_reduce_in_order_along_one_axis(xp, name, axis):
    f = getattr(xp, name)
    x = A if name not in ("power", "float_power", "remainder", "fmod") else 1.0 + A[:2, :2] / 10
    if name in ("remainder", "fmod"):
        x = numpy.array([[[7.7, 9.1], [5.2, 6.3]], [[3.1, 2.2], [1.4, 1.7]]])
        x = numpy.moveaxis(x, 0, axis) if axis == 0 else numpy.sort(x, axis=axis)[..., ::-1].copy()
    check(lambda x: f.reduce(x, axis), x)
    check(lambda x: f.reduce(x, axis=axis, keepdims=True), x)
    if name in ("subtract", "divide"):
        where = numpy.array([[True], [False], [True]])
        check(lambda s: f.reduce(s * x, axis=axis, initial=s, where=where), 1.25)


@NAMESPACES
@pytest.mark.parametrize("name", ["arctan2", "power"])
def test_reduce_is_the_fold_in_order_where_numpys_own_is_not(xp, name):
    # NumPy's loops for these take several elements at once, and mix up the order of longer arrays.
    f = getattr(xp, name)
    y, vjp_f = funad.vjp(lambda x: f.reduce(x), X)
    fold, vjp_fold = funad.vjp(lambda x: functools.reduce(f, x), X)
    assert y == pytest.approx(fold)
    numpy.testing.assert_allclose(vjp_f(1.0), vjp_fold(1.0), rtol=1e-14)


@NAMESPACES
def test_reduce_takes_numpys_positions_and_its_default_axis(xp):
    check(lambda x: xp.add.reduce(x), A)
    check(lambda x: xp.add.reduce(x, 1, None, None, True), A)
    check(lambda x: xp.hypot.reduce(x, 1, None, None, True, 0.5), A)
    check(lambda x: xp.subtract.reduce(x), X)


@NAMESPACES
@pytest.mark.parametrize("name", [*REORDERABLE, "subtract"])
def test_reduce_of_a_number_of_one_element_and_of_none(xp, name):
    f = getattr(xp, name)
    check(lambda x: f.reduce(x), numpy.array([1.5]))
    if name != "subtract":
        check(lambda x: f.reduce(x, axis=None), numpy.array(1.5))
    for shape, axis in (((0, 3), 1), ((0, 3), 0), ((2, 0), 0)):
        empty = numpy.zeros(shape)
        try:
            plain = getattr(numpy, name).reduce(empty, axis=axis)
        except ValueError:
            with pytest.raises(ValueError, match="zero-size"):
                grad(lambda x, axis=axis: np.sum(f.reduce(x, axis=axis)))(empty)
            continue
        y, vjp_f = funad.vjp(lambda x, axis=axis: f.reduce(x, axis=axis), empty)
        numpy.testing.assert_array_equal(y, plain)
        assert vjp_f(numpy.ones_like(plain)).shape == shape
        check(lambda s, axis=axis: f.reduce(s * empty, axis=axis, initial=s), 0.5)


@NAMESPACES
@pytest.mark.parametrize("name", [*REORDERABLE, "subtract", "divide"])
def test_reduce_keeps_single_precision_and_honours_dtype(xp, name):
    f, single = getattr(xp, name), A.astype("f4")
    y, vjp_f = funad.vjp(lambda x: f.reduce(x, axis=1), single)
    assert y.dtype == vjp_f(y).dtype == numpy.float32
    y, vjp_f = funad.vjp(lambda x: f.reduce(x, axis=1, dtype=float), single)
    assert (y.dtype, vjp_f(y).dtype) == (numpy.float64, numpy.float32)
    y, vjp_f = funad.vjp(lambda x: f.reduce(x, axis=1, dtype="f4"), A)
    assert (y.dtype, vjp_f(y).dtype) == (numpy.float32, numpy.float64)
    y, vjp_f = funad.vjp(lambda x: f.reduce(x, axis=1, initial=x[0, 0, 0]), single)
    assert y.dtype == vjp_f(y).dtype == numpy.float32


@NAMESPACES
def test_reduce_of_complex_numbers(xp):
    z = A[:, :, 0] + 1j * A[:, :, 1]
    for name in ("add", "multiply", "subtract", "divide"):
        check(lambda z, name=name: getattr(xp, name).reduce(z, axis=1), z)
        check(lambda z, name=name: getattr(xp, name).accumulate(z, axis=1), z)
        check(lambda z, name=name: getattr(xp, name).outer(z, z[0]), z)


@NAMESPACES
def test_reduce_where_there_are_ties_nans_and_infinities(xp):
    nan, inf = numpy.nan, numpy.inf
    assert grad(lambda x: xp.maximum.reduce(x))(numpy.ones(4)).tolist() == [0.25] * 4
    assert grad(lambda x: xp.fmax.reduce(x))(numpy.array([1.0, nan, 1.0])).tolist() == [0.5, 0, 0.5]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert numpy.isnan(funad.vjp(lambda x: xp.fmin.reduce(x), numpy.full(3, nan))[0])
    assert grad(lambda x: xp.logaddexp.reduce(x))(numpy.full(4, -inf)).tolist() == [0.25] * 4
    assert grad(lambda x: xp.logaddexp.reduce(x))(numpy.array([1.0, -inf, 900.0])).tolist() == [0, 0, 1]
    assert grad(lambda x: xp.hypot.reduce(x))(numpy.zeros(3)).tolist() == [0, 0, 0]


@NAMESPACES
def test_reduce_in_order_takes_one_axis(xp):
    with pytest.raises(ValueError, match="not reorderable"):
        grad(lambda x: np.sum(xp.subtract.reduce(x, axis=None)))(A)


@NAMESPACES
def test_reduce_of_a_function_without_a_derivative_is_plain(xp):
    def f(x):
        assert xp.logical_and.reduce(x > 0) in (True, numpy.True_)
        assert xp.logical_or.reduce(x, axis=0, keepdims=True).tolist() == [True]
        return np.sum(x)

    assert grad(f)(X).tolist() == [1] * 7


# --- accumulate


@NAMESPACES
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("name", [*REORDERABLE, "subtract", "divide", "copysign"])
def test_accumulate_along_an_axis(xp, name, axis):
    f = getattr(xp, name)
    check(lambda x: f.accumulate(x, axis), A)
    single = A.astype("f4")
    y, vjp_f = funad.vjp(lambda x: f.accumulate(x, axis=axis), single)
    assert y.dtype == vjp_f(y).dtype == numpy.float32
    y, _ = funad.vjp(lambda x: f.accumulate(x, axis=axis, dtype=float), single)
    assert y.dtype == numpy.float64
    y, vjp_f = funad.vjp(lambda x: f.accumulate(x), numpy.zeros((0, 2)))
    assert y.shape == vjp_f(y).shape == (0, 2)


@NAMESPACES
def test_a_running_maximum_shares_among_ties(xp):
    x = numpy.array([1.0, 3.0, 3.0, 2.0])
    xbar = grad(lambda x: np.sum(xp.maximum.accumulate(x)))(x)
    assert xbar[0] == 1
    assert xbar[1] + xbar[2] == 3
    assert (xbar[1:3] > 0).all()


# --- outer


@NAMESPACES
@pytest.mark.parametrize("name", [*REORDERABLE, *ORDERED[:6], "heaviside"])
def test_outer_of_every_pair(xp, name):
    f = getattr(xp, name)
    check(lambda a, b: f.outer(a, b), X[:3], B)
    check(lambda a, b: f.outer(a, b), 0.7, X[:3])
    check(lambda a, b: f.outer(a, b), numpy.zeros((0, 2)), X[:3])


@NAMESPACES
def test_outer_takes_the_keywords_of_a_call(xp):
    check(lambda a, b: xp.multiply.outer(a, b, dtype=complex), X, X)
    out = numpy.zeros((7, 2))
    check(lambda a: xp.add.outer(a, [1.0, 2.0], where=[True, False], out=out), X)
    y, _ = funad.vjp(lambda a: xp.divmod.outer(a, [0.7, 0.3])[1], X)
    numpy.testing.assert_array_equal(y, numpy.divmod.outer(X, [0.7, 0.3])[1])
    with pytest.raises(ValueError, match="outer"):
        grad(lambda x: xp.exp.outer(x, x))(X)


# --- reduceat

INDICES = [[0, 2, 5], [0], [1, 4], [0, 4, 1, 5, 2, 6], [3, 3, 3], [6, 0]]


@NAMESPACES
@pytest.mark.parametrize("indices", INDICES, ids=str)
@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "subtract", "logaddexp"])
def test_reduceat_of_the_parts_between_indices(xp, name, indices):
    f = getattr(xp, name)
    check(lambda x: f.reduceat(x, indices), X)
    check(lambda x: f.reduceat(x, indices, axis=-1), XX)
    y, vjp_f = funad.vjp(lambda x: f.reduceat(x, indices), X.astype("f4"))
    assert y.dtype == vjp_f(y).dtype == numpy.float32
    y, _ = funad.vjp(lambda x: f.reduceat(x, indices, 0, float), X.astype("f4"))
    assert y.dtype == numpy.float64


@NAMESPACES
def test_reduceat_at_no_place_and_outside(xp):
    y, vjp_f = funad.vjp(lambda x: xp.add.reduceat(x, numpy.array([], int)), X)
    assert y.shape == (0,)
    assert vjp_f(y).tolist() == [0] * 7
    with pytest.raises(IndexError):
        grad(lambda x: np.sum(xp.add.reduceat(x, [0, 7])))(X)


# --- at

PLACES = [0, 2, 2, 6, 2]


@NAMESPACES
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "maximum", "power", "hypot"])
def test_at_writes_once_for_each_time_that_a_place_is_named(xp, name):
    b = numpy.append(B, 1.05)

    def f(x, b):
        x = np.array(x)
        getattr(xp, name).at(x, PLACES, b)
        return x

    def plain(x, b):
        x = x.copy()
        getattr(numpy, name).at(x, PLACES, b)
        return x

    check_like(f, plain, X, b)


@NAMESPACES
def test_at_of_slices_masks_tuples_and_one_argument(xp):
    x = A / 4
    wide = numpy.arange(3.0)[:, None] * numpy.ones(2)
    check_like(lambda x: _at_of_all(xp, x, wide), lambda x: _at_of_all(numpy, x, wide), x)
    with pytest.raises((IndexError, ValueError)):
        grad(lambda x: xp.add.at(x, [7], 1.0))(X)
    with pytest.raises(
        NotDifferentiableError, match=r"add\.at .*plain array.*zeros, empty or array of funad"
    ):
        grad(lambda x: xp.add.at(numpy.zeros(7), [0], x[0]))(X)


def _at_of_all(xp, x, wide):
    x = np.array(x)
    xp.add.at(x, (slice(None), [1, 1, 0]), wide * x[0, 0, 0])
    xp.multiply.at(x, numpy.arange(24).reshape(4, 3, 2) % 3 == 0, 2.0)
    xp.negative.at(x, ([0, 3, 0], 2))
    xp.floor.at(x, (1, 1, 1))
    return x


def _operations(f, n):
    """Return how many calls a tape notes of f for an array of n numbers."""
    _, tape = trace(lambda xs: f(xs[0]), [1 + numpy.arange(n) / n**2])
    return len(tape.end())


def _at_one_place(name):
    def f(x):
        y = np.ones(3) + 0 * x[0]
        getattr(np, name).at(y, numpy.ones(len(x), int), x)
        return y

    return f


LONG = {
    **{f"{name}.at": _at_one_place(name) for name in ("add", "subtract", "multiply", "divide", "maximum")},
    "maximum.reduceat": lambda x: np.maximum.reduceat(x, numpy.arange(0, len(x), len(x) // 10)),
    "multiply.reduceat": lambda x: np.multiply.reduceat(x, numpy.arange(0, len(x), 10)),
    "divide.accumulate": lambda x: np.divide.accumulate(x),
    "subtract.reduce": lambda x: np.subtract.reduce(x),
    "power.reduce": lambda x: np.power.reduce(x),
}


@pytest.mark.parametrize("name", LONG)
def test_methods_of_ufuncs_note_as_few_operations_for_many_elements_as_for_few(name):
    assert _operations(LONG[name], 4000) == _operations(LONG[name], 40)


def test_parts_of_many_lengths_take_one_reduction_per_length():
    x, starts = 1 + numpy.arange(60) / 60, numpy.cumsum([0, 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5])
    for name in ("maximum", "multiply", "divide", "logaddexp", "hypot"):
        check(lambda x, name=name: getattr(np, name).reduceat(x, starts), x)


def test_at_of_the_same_element_shares_among_all_ties():
    def f(b):
        a = np.ones(2) + 0 * b[0]
        np.maximum.at(a, [1, 1, 1], b)
        return a[1]

    assert grad(f)(numpy.ones(3)).tolist() == [0.25] * 3


@pytest.mark.parametrize("name", ["add", "multiply", "divide", "arctan2"])
def test_at_of_complex_and_single_numbers_and_of_rows(name):
    f = getattr(numpy, name)
    if name != "arctan2":
        z, b = A[:, :, 0] + 1j * A[:, :, 1], numpy.array([0.5 + 1j, 2.0, 1j, 1.5])

        def of(xp, z, b):
            z = xp.array(z)
            f.at(z, (1, [2, 0, 2, 2]), b)
            return z

        check_like(lambda z, b: of(np, z, b), lambda z, b: of(numpy, z, b), z, b)

    def rows(xp, x, b):
        x = xp.array(x)
        f.at(x, [1, 0, 1], b)
        return x

    check_like(lambda x, b: rows(np, x, b), lambda x, b: rows(numpy, x, b), A[:, :, 0], A[:3, 0, 1:])
    y, vjp_f = funad.vjp(lambda x, b: rows(np, x, b), A[:, :, 0].astype("f4"), A[:3, 0, 1:])
    assert y.dtype == numpy.float32
    assert [xbar.dtype for xbar in vjp_f(y)] == [numpy.float32, numpy.float64]


def test_at_leaves_the_argument_of_the_user_as_it_is():
    x = X.copy()

    def f(x):
        np.add.at(x, [0, 0], x[1])
        return np.sum(x**2)

    grad(f)(x)
    assert x.tolist() == X.tolist()


# --- out= a traced array, which is written to


@NAMESPACES
def test_a_traced_array_given_as_out_is_written_to_and_returned(xp):
    def f(x, y):
        buffer, other = np.zeros(7), np.empty_like(x)
        assert xp.multiply(x, y, out=buffer) is buffer
        xp.exp(x, other)
        xp.add(buffer, other, out=buffer)
        xp.log(y, where=MASK, out=buffer)
        xp.floor(y * 3, out=other)
        return buffer * x + other * y

    def plain(x, y):
        return numpy.where(MASK, numpy.log(y), x * y + numpy.exp(x)) * x + numpy.floor(y * 3) * y

    check_like(f, plain, X, X[::-1].copy())


@NAMESPACES
def test_the_quotient_where_the_divisor_is_not_zero(xp):
    a, b = numpy.array([1.0, 2.0, 3.0]), numpy.array([0.0, 0.5, 2.0])

    def f(a, b):
        y = np.zeros_like(a)
        xp.divide(a, b, out=y, where=b != 0)
        return y

    assert grad(lambda a: np.sum(f(a, b)))(a).tolist() == [0, 2, 0.5]
    assert grad(lambda b: np.sum(f(a, b)))(b).tolist() == [0, -8, -0.75]
    assert grad(lambda b: np.sum(xp.divide(a, b, out=xp.zeros_like(b), where=b != 0)))(b).tolist() == [
        0,
        -8,
        -0.75,
    ]


@NAMESPACES
def test_the_methods_write_into_a_traced_out(xp):
    def f(x):
        rows, running, parts, pairs, whole = (
            np.zeros(7),
            np.zeros(7),
            np.zeros(2),
            np.zeros((7, 2)),
            np.zeros(7),
        )
        assert xp.add.reduce(np.outer(x, x), axis=0, out=rows) is rows
        xp.multiply.accumulate(x, out=running)
        xp.add.reduceat(x, [0, 3], out=parts)
        xp.multiply.outer(x, [1.0, 2.0], out=pairs)
        xp.modf(x * 3, out=(whole, None))
        return np.concatenate([rows, running, parts, np.ravel(pairs), whole])

    def plain(x):
        parts = numpy.add.reduce(numpy.outer(x, x), axis=0), numpy.cumprod(x), numpy.add.reduceat(x, [0, 3])
        return numpy.concatenate(
            [*parts, numpy.ravel(numpy.multiply.outer(x, [1.0, 2.0])), numpy.modf(x * 3)[0]]
        )

    check_like(f, plain, X)


@NAMESPACES
def test_a_traced_out_of_another_shape_or_type_is_refused(xp):
    for out in (lambda: np.zeros(6), lambda: np.zeros(7, "c16").real[:1]):
        with pytest.raises(ValueError, match="broadcast|does not fit"):
            grad(lambda x, out=out: np.sum(xp.exp(x, out=out())))(X)
    with pytest.raises(TypeError, match="Cannot cast"):
        grad(lambda x: np.sum(xp.exp(x * 1j, out=np.zeros(7)).real))(X)


@NAMESPACES
def test_arrays_into_which_nothing_traced_has_been_written_yet(xp):
    def f(x):
        buffer = np.zeros(7)
        y = xp.exp(buffer, dtype=float)
        y[2] = x[0]
        z = xp.add.outer(buffer, buffer)
        z[0, 0] = x[1]
        xp.add(X, X, out=buffer)
        buffer[1] = x[2]
        plain = numpy.ones(7)
        assert xp.exp(np.zeros(7), out=plain) is plain
        assert xp.add.reduce(np.ones((2, 7)), axis=0, out=plain).tolist() == [2] * 7
        return np.sum(y) + np.sum(z) + np.sum(buffer) + xp.add.reduce(buffer, initial=x[3])

    assert grad(f)(X).tolist() == [1, 1, 2, 1, 0, 0, 0]


# --- axes of matrices and vectors

M, N, V = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 4, 3)), RNG.normal(size=(2, 4))
PRODUCTS = {
    "matmul": lambda xp: (lambda a, b: xp.matmul(a, b, axes=[(1, 2), (1, 2), (0, 1)]), M, N),
    "matmul, moved": lambda xp: (lambda a, b: xp.matmul(a, b, axes=[(2, 1), (2, 1), (-1, -2)]), M, N),
    "matmul, of a vector": lambda xp: (lambda a, b: xp.matmul(a, b, axes=[(0,), (0, 1), (0,)]), V[0], N[0]),
    "matmul, of vectors": lambda xp: (lambda a, b: xp.matmul(a, b, axes=[0, 0, ()]), V[0], V[1]),
    "matmul, dtype": lambda xp: (lambda a, b: xp.matmul(a, b, dtype=complex), M, N),
    "vecdot, axis": lambda xp: (lambda a, b: xp.vecdot(a, b, axis=0), V, V[::-1].copy()),
    "vecdot, axes": lambda xp: (lambda a, b: xp.vecdot(a, b, axes=[0, 1, ()]), V.T.copy(), V[:1]),
    "vecdot, without": lambda xp: (lambda a, b: xp.vecdot(a, b, axes=[0, 1]), V.T.copy(), V[:1]),
    "vecdot, keepdims": lambda xp: (lambda a, b: xp.vecdot(a, b, keepdims=True), V, V[0]),
    "vecdot, both": lambda xp: (lambda a, b: xp.vecdot(a, b, axis=0, keepdims=True), M, M[:, :1]),
    "vecdot, complex": lambda xp: (lambda a, b: xp.vecdot(a, b, axes=[0, 0]), V * (1 + 1j), V + 0.5j),
}
if hasattr(numpy, "matvec"):
    PRODUCTS |= {
        "matvec": lambda xp: (lambda a, b: xp.matvec(a, b, axes=[(0, 1), 0, 0]), N[0], V[0, :3]),
        "matvec, turned": lambda xp: (lambda a, b: xp.matvec(a, b, axes=[(2, 1), 1, 1]), M, M[:, :, 0]),
        "vecmat": lambda xp: (lambda a, b: xp.vecmat(a, b, axes=[0, (0, 1), 0]), V[0] + 1j, N[0]),
    }


@NAMESPACES
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_along_other_axes(xp, name):
    f, a, b = PRODUCTS[name](xp)
    check(f, a, b)
    numpy.testing.assert_allclose(f(a, b), PRODUCTS[name](numpy)[0](a, b), rtol=1e-15)


@NAMESPACES
def test_products_along_other_axes_are_written_into_out(xp):
    axes = [(1, 2), (1, 2), (0, 1)]

    def f(a, b):
        y = np.zeros((3, 3, 2))
        assert xp.matmul(a, b, axes=axes, out=y, order="F") is y
        return y

    check_like(f, lambda a, b: numpy.matmul(a, b, axes=axes), M, N)
    with pytest.raises(TypeError, match="axes"):
        grad(lambda a: np.sum(xp.modf(a, axes=[0, 0, 0])[0]))(M)


@NAMESPACES
def test_axes_that_numpy_refuses_are_refused_by_numpy(xp):
    for f in (
        lambda a: xp.matmul(a, N, axes=[(0, 1)]),
        lambda a: xp.vecdot(a, M, axis=7),
        lambda a: xp.vecdot(a, M, axis=0, axes=[0, 0, ()]),
    ):
        with pytest.raises((TypeError, ValueError), match="axis|axes"):
            grad(lambda a, f=f: np.sum(f(a)))(M)


# --- functions of one's own


def test_a_ufunc_without_a_rule_is_refused_in_every_form():
    f = numpy.frompyfunc(lambda a, b: a + b, 2, 1)
    for call in (lambda x: f(x, 1.0), lambda x: f.reduce(x), lambda x: f.outer(x, x)):
        with pytest.raises(MissingRuleError):
            grad(lambda x, call=call: np.sum(call(x)))(X)

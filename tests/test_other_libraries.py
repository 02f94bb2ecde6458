"""Objects of other libraries beside traced values: their own meaning, or a refusal by name."""

import datetime
import operator
import re
from decimal import Decimal
from fractions import Fraction

import numpy
import pandas
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st

import funad
import funad.numpy as np
from funad import Dual, grad, hessian, jacfwd, jacobian, jvp, primitive, stop_gradient, value, value_and_grad
from funad.errors import FunadError, NonScalarOutputError, NotDifferentiableError

X = numpy.array([0.6, 1.7, 3.2])


def filled(x):
    """An array that has been written to."""
    y = np.zeros_like(x)
    y[...] = x
    return y


def slope(f, x, v):
    """The derivative of f along v by differences of f itself."""
    h = 1e-3
    near, far = ((f(x + step * v) - f(x - step * v)) / (2 * step) for step in (h, 2 * h))
    return (4 * near - far) / 3


def check_derivatives(f, x):
    """Hold the value and the derivatives of a scalar function to the plain program, in every mode."""
    v = numpy.ones_like(x) if numpy.ndim(x) else 1.0
    wanted, first = f(x), slope(f, x, v)
    along = lambda g: lambda x: jvp(g, (x,), (v,))[1]
    back = lambda g: lambda x: np.sum(grad(g)(x) * v)
    found, gradient = value_and_grad(f)(x)
    assert found == pytest.approx(wanted, rel=1e-14, nan_ok=True)
    assert type(gradient) is type(x) or isinstance(gradient, float)
    assert numpy.sum(gradient * v) == pytest.approx(first, rel=1e-7, abs=1e-9)
    assert along(f)(x) == pytest.approx(first, rel=1e-7, abs=1e-9)
    second = slope(back(f), x, v)
    for outer, inner in ((back, back), (along, back), (back, along), (along, along)):
        assert outer(inner(f))(x) == pytest.approx(second, rel=1e-6, abs=1e-8)


# --- classes with operators of their own


class Vec:
    """A pair of numbers that is scaled by the number on its left."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vec(self.x + other.x, self.y + other.y)

    def __radd__(self, k):
        return type(self)(k + self.x, k * self.y)

    def __rsub__(self, k):
        return type(self)(k - self.x, k * self.y)

    def __mul__(self, k):
        return type(self)(self.x * k, self.y * k)

    def __rmul__(self, k):
        return type(self)(k * self.x, 2 * k)

    def __rtruediv__(self, k):
        return type(self)(k / self.x, k)

    def __rpow__(self, k):
        return type(self)(k**self.x, k)

    def __rmod__(self, k):
        return type(self)(5 * k, self.y)

    def __rfloordiv__(self, k):
        return type(self)(k * k, self.y)

    def __rdivmod__(self, k):
        return type(self)(3 * k, self.y)

    def __rmatmul__(self, k):
        return type(self)(k * self.y, self.x)

    def __gt__(self, k):
        return type(self)(k * k * 7, k)

    def __ge__(self, k):
        return type(self)(k * 8, k)

    def __eq__(self, k):
        return type(self)(k * 9, k)

    def __rand__(self, k):
        return type(self)(k * k, k)

    __hash__ = None


class WithPriority(Vec):
    __array_priority__ = 10


class WithoutUfuncs(Vec):
    __array_ufunc__ = None


OPERATIONS = {
    "+": lambda x, v: x + v,
    "-": lambda x, v: x - v,
    "*": lambda x, v: x * v,
    "/": lambda x, v: x / v,
    "**": lambda x, v: x**v,
    "%": lambda x, v: x % v,
    "//": lambda x, v: x // v,
    "@": lambda x, v: x @ v,
    "divmod": divmod,
    "<": lambda x, v: x < v,
    "<=": lambda x, v: x <= v,
    "==": lambda x, v: x == v,
    "&": lambda x, v: x & v,
    "v *": lambda x, v: v * x,
}


@pytest.mark.parametrize("operate", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operator_of_a_number_is_that_of_the_class_on_its_right(operate):
    for v in (Vec(3.0, 4.0), WithPriority(3.0, 4.0), WithoutUfuncs(3.0, 4.0)):
        check_derivatives(lambda x, v=v: operate(x, v).x, 0.7)
        check_derivatives(lambda x, v=v: operate(np.sin(x), v).x, 0.7)  # one of NumPy's numbers
        check_derivatives(lambda x, v=v: operate(x[1], v).x, X)


@pytest.mark.parametrize("operate", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("kind", [WithPriority, WithoutUfuncs])
def test_an_operator_of_an_array_is_that_of_a_class_that_asks_for_it(operate, kind):
    check_derivatives(lambda x: np.sum(operate(x, kind(3.0, 4.0)).x), X)
    check_derivatives(lambda x: np.sum(operate(filled(x), kind(3.0, 4.0)).x), X)


def test_a_class_that_does_not_ask_for_the_operator_of_an_array_is_refused_with_what_to_write():
    said = re.escape("write [t * a for t in x], or give the class Vec the line __array_ufunc__ = None")
    for f in (lambda x: x * Vec(3.0, 4.0), lambda x: filled(x) - Vec(3.0, 4.0)):
        assert numpy.asarray(f(X)).dtype == object
        with pytest.raises(NotDifferentiableError, match=said):
            grad(f)(X)
        with pytest.raises(NotDifferentiableError, match=said):
            jvp(f, (X,), (X,))
    check_derivatives(lambda x: sum((t * Vec(3.0, 4.0)).x ** 2 for t in x), X)
    check_derivatives(lambda x: np.sum((x * WithoutUfuncs(3.0, 4.0)).x ** 2), X)


class Negative(Vec):
    __array_priority__ = -5  # above that of NumPy's numbers, below that of its arrays


def test_a_priority_below_that_of_arrays_is_above_that_of_numbers():
    assert type(numpy.float64(2.0) * Negative(3.0, 4.0)) is Negative
    check_derivatives(lambda x: (np.sin(x) * Negative(3.0, 4.0)).x, 0.7)
    with pytest.raises(NotDifferentiableError, match="array of objects"):
        grad(lambda x: np.sum(x * Negative(3.0, 4.0)).x)(X)


@pytest.mark.parametrize("x", [2.0, X])
def test_an_operation_in_place_gives_way_as_that_of_numpy_does(x):
    def f(x, v):
        x = x * 1.0
        x += v
        return np.sum(x.x * x.x)

    check_derivatives(lambda x: f(x, WithPriority(3.0, 4.0)), x)
    if numpy.ndim(x):  # NumPy does not give way in place to those without ufuncs
        for g in (f, lambda x, v: f(filled(x), v)):
            with pytest.raises(TypeError, match=r"operand 'WithoutUfuncs' does not support ufuncs"):
                g(x, WithoutUfuncs(3.0, 4.0))
            with pytest.raises(TypeError, match=r"operand 'WithoutUfuncs' does not support ufuncs"):
                grad(lambda x, g=g: g(x, WithoutUfuncs(3.0, 4.0)))(x)


class Scaled(float):
    def __rmul__(self, k):
        return k * float(self) * 10


class Triple(tuple):
    def __rmul__(self, k):
        return Triple(k * part for part in self)


def test_subclasses_of_pythons_numbers_and_tuples_have_their_own_operators():
    check_derivatives(lambda x: x**2 * Scaled(3.0), 2.0)
    check_derivatives(lambda x: sum(x**2 * Triple((1.0, 2.0, 3.0))), 2.0)
    # NumPy's numbers and arrays take them for what they are made of.
    check_derivatives(lambda x: np.sin(x) * Scaled(3.0), 2.0)
    check_derivatives(lambda x: np.sum(x**2 * Scaled(3.0)), X)
    check_derivatives(lambda x: np.sum(x**2 * Triple((1.0, 2.0, 3.0))), X)


def test_a_fraction_is_the_float_that_floats_take_it_for():
    third = Fraction(1, 3)
    for x in (2.0, X):
        check_derivatives(lambda x: np.sum(x * third + third / x - third + x**third), x)
        check_derivatives(lambda x: np.sum(np.multiply(x, third) * filled(x * third)), x)
    check_derivatives(lambda x: x**2 if x < third else x**3, 0.3)


class Strict(Vec):
    def __mul__(self, k):
        return Vec(self.x * k, self.y * k) if isinstance(k, (int, numpy.ndarray)) else NotImplemented

    __rmul__ = __mul__


@pytest.mark.parametrize("f", [lambda x: (x * Strict(1.0, 2.0)).x, lambda x: (Strict(1.0, 2.0) * x).x])
def test_a_class_that_declines_a_traced_value_is_named(f):
    for x in (2.0, 2):
        with pytest.raises(
            NotDifferentiableError, match=r"\.Strict\.__r?mul__ does not take the traced value"
        ):
            grad(f)(x)
        with pytest.raises(NotDifferentiableError, match="let it take whatever is no Strict"):
            jvp(f, (x,), (1.0,))


def test_a_number_that_declines_is_to_be_a_float():
    for f in (lambda x: x * Decimal("1.5"), lambda x: Decimal("1.5") * x):
        with pytest.raises(NotDifferentiableError, match=r"write float\(a\) for the Decimal a"):
            grad(f)(2.0)
    check_derivatives(lambda x: x**2 * float(Decimal("1.5")), 2.0)


def test_a_ufunc_of_an_opaque_object_is_refused_for_its_operator():
    with pytest.raises(NotDifferentiableError, match=r"numpy.multiply was given a .*Vec.*write an operator"):
        grad(lambda x: np.multiply(x, Vec(1.0, 2.0)).x)(2.0)
    with pytest.raises(TypeError, match="does not support ufuncs"):
        grad(lambda x: np.multiply(x, WithoutUfuncs(1.0, 2.0)).x)(2.0)


@pytest.mark.parametrize("f", [lambda x: x * None, lambda x: None + x, lambda x: x - "text"])
def test_what_plain_numbers_refuse_is_refused_in_the_same_words(f):
    with pytest.raises(TypeError) as plain:
        f(2.0)
    with pytest.raises(TypeError) as caught:
        grad(f)(2.0)
    assert (type(caught.value), str(caught.value)) == (type(plain.value), str(plain.value))


def test_dual_numbers_made_by_hand_give_way_too():
    y = (Dual(2.0, 1.0) * Vec(3.0, 4.0)).x
    assert (y.primal, y.tangent) == (6.0, 3.0)
    with pytest.raises(NotDifferentiableError, match=r"a\.to_numpy\(\) for the Series a"):
        Dual(2.0, 1.0) * pandas.Series([1.0])


# --- classes that take part in NumPy's protocols


class Metres:
    """A quantity, as of a library of units: ufuncs and functions of NumPy keep the unit."""

    def __init__(self, n):
        self.n = n

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return Metres(getattr(ufunc, method)(*map(number, inputs), **kwargs))

    def __array_function__(self, f, types, args, kwargs):
        return Metres(f(*map(number, args), **kwargs))

    def __rmul__(self, k):
        return Metres(k * self.n)


def number(x):
    return [number(part) for part in x] if isinstance(x, list) else x.n if isinstance(x, Metres) else x


Q = numpy.array([1.5, -2.0, 0.75])
ASKED = {
    "*": lambda x: (x * Metres(Q)).n,
    "-": lambda x: (x - Metres(Q)).n ** 2,
    "of an array that was written to": lambda x: (filled(x) + Metres(Q)).n ** 2,
    "a ufunc": lambda x: np.hypot(Metres(Q), x).n,
    "NumPy's own ufunc": lambda x: numpy.hypot(x, Metres(Q)).n,
    "of what it holds": lambda x: np.exp(x * Metres(Q)).n,
    "dot": lambda x: np.dot(x, Metres(Q)).n ** 2,
    "NumPy's own dot": lambda x: numpy.dot(Metres(Q), x).n ** 2,
    "in a list": lambda x: np.concatenate([x**2, Metres(Q)]).n,
    "where": lambda x: np.where(Q > 0, x**2, Metres(Q)).n,
    "einsum": lambda x: np.einsum("i,i->", x**2, Metres(Q)).n,
    "a function that takes the whole": lambda x: np.linalg.norm(Metres(x * Q)).n,
}


@pytest.mark.parametrize("f", ASKED.values(), ids=ASKED)
def test_an_object_with_a_protocol_of_its_own_is_asked(f):
    check_derivatives(lambda x: np.sum(f(x)), X)


def test_an_object_with_a_protocol_of_its_own_is_not_written_into_an_array():
    def f(x):
        x = x * 1.0
        x += xarray.DataArray(Q)
        return np.sum(x)

    with pytest.raises(NotDifferentiableError, match=r"write x = x \+ a instead of x \+= a"):
        grad(f)(X)
    check_derivatives(lambda x: (x + xarray.DataArray(Q)).std().data, X)


class Samples:
    """What NumPy can make an array of, and nothing more."""

    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None, copy=None):
        return numpy.asarray(self.x, dtype)


class Reflecting(Samples):
    def __rmul__(self, k):
        return k * self.x * 3


def test_an_object_that_is_an_array_to_numpy_is_its_values():
    for f in (
        lambda x: np.sum(x**2 * Samples(Q)),
        lambda x: np.sum(Samples(Q) - filled(x) ** 2),
        lambda x: np.sum(np.multiply(x, Samples(Q)) ** 2),
        lambda x: np.dot(x**2, Samples(Q)),
        lambda x: np.sum(x**2 * Reflecting(Q)),  # an array keeps the operator, as in NumPy
        lambda x: np.sum(np.concatenate([x**2, Samples(Q)])),
        lambda x: np.average(x**2, weights=Samples(Q)),
    ):
        check_derivatives(f, X)
    check_derivatives(lambda x: np.sum(x**2 * Reflecting(Q)), 2.0)  # and a float leaves it the operator


class Fussy(Reflecting):
    __array_priority__ = 10

    def __rmul__(self, k):
        raise TypeError("metres only, please")


@pytest.mark.parametrize("x", [2.0, X])
def test_what_an_object_says_of_its_own_is_left_as_it_is(x):
    with pytest.raises(TypeError, match="metres only, please") as caught:
        grad(lambda x: np.sum(x * Fussy(Q)))(x)
    assert not isinstance(caught.value, FunadError)


INDICES = {
    "Series": pandas.Series([0, 0, 2], index=[2, 1, 0]),
    "Index": pandas.Index([0, 0, 2]),
    "DataArray": xarray.DataArray([0, 0, 2]),
    "Samples": Samples([0, 0, 2]),
    "mask": pandas.Series([True, False, True]),
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_an_index_of_another_library_is_the_plain_one(index):
    for f in (
        lambda x: np.sum(x[index] ** 2),
        lambda x: np.sum(filled(x)[index] ** 2),
        lambda x: np.sum(np.stack([x, x**2])[:, index] ** 2),
        lambda x: np.sum(np.stack([x, x**2]).T[index, 1] ** 2),
        lambda x: np.sum(filled(np.stack([x, x**2]))[:, index] ** 2),
    ):
        check_derivatives(f, X)


@pytest.mark.parametrize("name", ["Series", "Index", "DataArray", "Samples"])
def test_a_write_at_an_index_of_another_library_is_at_the_plain_one(name):
    def f(x):
        y = x * 1.0
        y[INDICES[name]] = [x[1], x[2], x[0] ** 2]
        return np.sum(y**2 * Q)

    check_derivatives(f, X)


# --- pandas: labels and missing values

A = pandas.Series([1.0, 2.0, 3.0], index=["a", "b", "c"])
B = pandas.Series([10.0, 20.0, 30.0], index=["c", "b", "a"])
GAPS = pandas.Series([1.0, numpy.nan, 3.0])
DESCENDING = pandas.Series([1.0, 2.0, 3.0], index=[2, 1, 0])
FRAME = pandas.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 4.0, 6.0]})

LABELLED = {
    "alignment": lambda w: (w * A * B).sum(),
    "alignment from the right": lambda w: (A * w * B).sum(),
    "ddof": lambda w: (w * A).std(),
    "mean over nan": lambda w: (w * GAPS).mean(),
    "max over nan": lambda w: (GAPS * w).max(),
    "label": lambda w: (w * DESCENDING)[0],
    "iloc": lambda w: (w * A).iloc[0],
    "loc": lambda w: (w * A).loc["a":"b"].sum(),
    "groupby": lambda w: (w * A).groupby([0, 0, 1]).sum().iloc[0],
    "RangeIndex": lambda w: (w * pandas.Series([1.0, 2.0, 3.0])).sum(),
    "+": lambda w: (w + A).sum(),
    "-": lambda w: (A - w).sum(),
    "/": lambda w: (w / A).sum(),
    "**": lambda w: (A**w).sum(),
    "%": lambda w: (w % A).sum(),
    "divmod": lambda w: divmod(w, A)[1].sum(),
    "mul": lambda w: A.mul(w).sum(),
    "clip": lambda w: A.clip(upper=w).sum(),
    "a frame": lambda w: (w * FRAME).std().sum(),
    "a frame from the left": lambda w: (FRAME * w)["a"].sum(),
    "a column": lambda w: (FRAME["a"] * w).sum(),
    "apply": lambda w: FRAME.apply(lambda column: column * w).sum().sum(),
    "an index": lambda w: (w * pandas.Index([1.0, 2.0])).to_series().sum(),
    "a masked array": lambda w: (w * pandas.array([1.0, None], dtype="Float64")).sum(),
    "a ufunc": lambda w: np.multiply(w, A).sum(),
    "NumPy's own ufunc": lambda w: numpy.hypot(w, GAPS).sum(),
    "a ufunc of two": lambda w: np.maximum(A, w).std(),
    "a method of a ufunc": lambda w: np.sum(np.add.reduce(w * A)),
    "a function that calls the method": lambda w: np.clip(A, 0.0, w).sum(),
    "a sum": lambda w: np.sum(A * w),
    "in place": lambda w: in_place(w * 1.0, A).sum(),
}
LABELLED_ARRAYS = {
    "@": lambda w: w @ A,
    "@ from the left": lambda w: A @ w,
    "dot": lambda w: A.dot(w),
    "a frame @": lambda w: (FRAME.T @ w).sum(),
    "@ a frame": lambda w: (w @ FRAME).sum(),
    "dot of a frame": lambda w: (FRAME.T.dot(w)).sum(),
    "matmul": lambda w: np.matmul(w, FRAME).sum(),
    "mul along rows": lambda w: FRAME.mul(w, axis=0).sum().sum(),
    "norm": lambda w: np.linalg.norm(w - A),
    "in place": lambda w: np.sum(in_place(w * 1.0, A)),
    "of an array that was written to": lambda w: (filled(w) * A).std(),
    "std": lambda w: np.std(w * GAPS),
}


def in_place(x, other):
    x += other
    return x


@pytest.mark.parametrize(
    ("f", "x"),
    [pytest.param(f, 2.0, id=f"number {name}") for name, f in LABELLED.items()]
    + [pytest.param(f, X, id=f"array {name}") for name, f in LABELLED.items() if name != "clip"]
    + [pytest.param(f, X, id=name) for name, f in LABELLED_ARRAYS.items()],
)
def test_an_operation_that_pandas_would_have_with_its_labels_is_refused_by_name(f, x):
    said = r"pandas\.(Series|DataFrame|Index|FloatingArray).* write a\.to_numpy\(\) for the \w+ a"
    for run in (grad, lambda f: lambda x: jvp(f, (x,), (x,)), lambda f: grad(grad(f))):
        with pytest.raises(NotDifferentiableError, match=said):
            run(f)(x)


def test_what_pandas_puts_into_the_gaps_keeps_its_derivative():
    for f in (lambda w: A.where(A > 1, w**2).sum(), lambda w: GAPS.fillna(w**2).sum()):
        check_derivatives(f, 2.0)
    numpy.testing.assert_array_equal(grad(lambda w: A.where(A.min() < A, w).sum())(X), 1.0 * (A.min() == A))


@pytest.mark.parametrize(
    "f",
    [
        lambda s: s.sum(), lambda s: s.mean(), lambda s: s.std(), lambda s: s.var(), lambda s: s.max(),
        lambda s: s.median(), lambda s: s.iloc[1], lambda s: s["b"], lambda s: s.cumsum().iloc[2],
        lambda s: np.sum(s.values**2), lambda s: s.shift(1).sum(), lambda s: s.fillna(0.0).sum(),
        lambda s: s.sort_values().iloc[0], lambda s: A.clip(upper=s.values).sum(),
    ],
)  # fmt: skip
def test_a_series_made_of_a_traced_array_keeps_its_derivative(f):
    check_derivatives(lambda x: f(pandas.Series(x, index=A.index)), X)


GAPPED = {
    "min": lambda x: pandas.Series([x[0], x[1] * numpy.nan, x[2]]).min(),
    "max": lambda x: pandas.Series([x[0] * numpy.nan, x[1], x[2]]).max(),
    "sum": lambda x: pandas.Series([x[0], x[1] * numpy.nan, x[2]]).sum(),
    "mean": lambda x: pandas.Series([x[0], x[1] * numpy.nan, x[2]]).mean(),
    "count": lambda x: pandas.Series([x[0], x[1] * numpy.nan, x[2]]).count() * x[0],
    "isna": lambda x: pandas.Series([x[0], x[1] * numpy.nan]).isna().sum() * x[0],
    "dropna": lambda x: pandas.Series([x[0] * numpy.nan, x[1]]).dropna().iloc[0],
    "fillna": lambda x: pandas.Series([x[0] * numpy.nan, x[1]]).fillna(2.0).sum(),
    "cumsum": lambda x: pandas.Series([x[0] * numpy.nan, x[1]]).cumsum().iloc[1],
    "a gap of floats": lambda x: pandas.Series([numpy.nan, x[0], x[1] * numpy.nan]).sum(),
    "alignment": lambda x: (pandas.Series(list(x)) + pandas.Series(list(x), index=[1, 2, 3])).sum(),
    "alignment with numbers": lambda x: (pandas.Series(list(x)) * DESCENDING.iloc[:2]).sum(),
    "a frame": lambda x: pandas.DataFrame({"a": [x[0], x[1] * numpy.nan]}).sum().sum(),
    "a cell": lambda x: with_cell(pandas.Series([1.0, 2.0], dtype=object), x[0] * numpy.nan).sum(),
}


def with_cell(series, x):
    series[0] = x
    return series


@pytest.mark.parametrize("f", GAPPED.values(), ids=GAPPED)
def test_a_traced_nan_that_pandas_would_not_pass_over_is_refused_by_name(f):
    assert not numpy.isnan(f(X))  # pandas passes over the float
    for run in (grad, lambda f: lambda x: jvp(f, (x,), (x,)), lambda f: jacfwd(grad(f))):
        with pytest.raises(NotDifferentiableError, match=r"pandas.* traced nan.*np\.nansum"):
            run(f)(X)


def test_a_series_of_traced_numbers_without_gaps_keeps_its_derivative():
    check_derivatives(lambda x: pandas.Series(list(x**2)).diff().sum(), X)
    check_derivatives(lambda x: (pandas.Series(list(x**2)) - pandas.Series(list(x)).shift(1)).sum(), X)
    check_derivatives(lambda x: (pandas.Series(list(x**2)) + pandas.Series(list(x))).sum(), X)
    check_derivatives(lambda x: np.sum(x) + len(pandas.Series([numpy.nan, x[0]]).dropna()) * x[0], X)
    check_derivatives(lambda x: np.nansum(x * GAPS.to_numpy()), X)
    assert numpy.isnan(grad(lambda x: np.sum(x * GAPS.to_numpy()))(X)).sum() == 1


def test_the_advice_for_pandas_gives_the_derivative_of_the_plain_program():
    check = lambda plain, written: (
        check_derivatives(written, 2.0),
        numpy.testing.assert_allclose(written(2.0), plain(2.0)),
    )
    check(LABELLED["alignment"], lambda w: np.sum(w * A.to_numpy() * B.reindex(A.index).to_numpy()))
    check(LABELLED["ddof"], lambda w: np.std(w * A.to_numpy(), ddof=1))
    check(LABELLED["mean over nan"], lambda w: np.nanmean(w * GAPS.to_numpy()))
    check(LABELLED["max over nan"], lambda w: np.nanmax(w * GAPS.to_numpy()))
    check(LABELLED["label"], lambda w: w * DESCENDING[0])
    check(lambda w: (w * A)[A > 1].sum(), lambda w: np.sum(w * A[A > 1].to_numpy()))
    check_derivatives(lambda w: np.sum((FRAME.to_numpy() @ w) ** 2), numpy.array([1.0, 2.0]))


def test_a_comparison_with_a_series_is_the_plain_one_with_its_labels():
    seen = []
    assert grad(lambda w: (seen.extend([w < A, w <= A, w == A, w // A]), w)[1])(2.0) == 1.0
    for found, plain in zip(seen, [2.0 < A, A >= 2.0, 2.0 == A, 2.0 // A], strict=True):  # noqa: SIM300
        pandas.testing.assert_series_equal(found, plain)


BARE = {
    "dot": lambda x: np.dot(x**2, A),
    "dot from the left": lambda x: np.sum(np.dot(FRAME.T, x**2)),
    "NumPy's own dot": lambda x: np.sum(numpy.dot(x**2, FRAME)),
    "where": lambda x: np.sum(np.where(A > 1, x**2, 0.0)),
    "values for where": lambda x: np.std(np.where(X > 1, x, A)),
    "concatenate": lambda x: np.std(np.concatenate([x, A])),
    "stack": lambda x: np.std(np.stack([x, A])),
    "array": lambda x: np.std(np.array([x, A])),
    "interp": lambda x: np.interp(1.5, A, x**2),
    "outer": lambda x: np.std(np.outer(x, A)),
    "einsum": lambda x: np.einsum("i,i->", x**2, A),
    "average": lambda x: np.average(x**2, weights=A),
    "take": lambda x: np.std(np.take(x, DESCENDING.astype(int) - 1)),
    "insert": lambda x: np.std(np.insert(x, 0, A)),
    "cov": lambda x: np.sum(np.cov(x, A)),
    "lstsq": lambda x: np.sum(np.linalg.lstsq(FRAME, x**2)[0]),
    "labels of a plain series": lambda x: np.sum(x**2) * A["b"],
    "items": lambda x: sum(x[0] ** 2 * v for _, v in A.items()),
    "written": lambda x: np.sum(written(x, A) ** 2),
    "of one": lambda x: sum(A.apply(lambda v: v * x[0] ** 2)),
}


def written(x, values):
    y = np.zeros(2 * len(x))
    y[:3] = values
    y[3:] = x
    return y


@pytest.mark.parametrize("f", BARE.values(), ids=BARE)
def test_a_function_that_makes_a_plain_array_of_a_series_takes_its_values(f):
    check_derivatives(f, X)


def test_what_pandas_cannot_hold_is_said():
    for f in (pandas.DataFrame, lambda x: pandas.DataFrame({"a": x})):
        with pytest.raises(NotDifferentiableError, match=r"pandas.*value\(x\), from funad, to look at it"):
            grad(lambda x, f=f: (f(x), np.sum(x))[1])(X)
    seen = []
    assert grad(lambda x: (seen.append(pandas.Series(value(x), index=A.index)), x @ x)[1])(X).tolist() == [
        *(2 * X)
    ]
    assert seen[0]["b"] == X[1]


def test_a_primitive_of_the_user_is_given_the_series_itself():
    @primitive
    def weighted(series, x):
        return (series * x).loc["b"]

    funad.defvjp(weighted, None, lambda y, ybar, series, x: ybar * series.loc["b"])
    assert weighted(A, 5.0) == 10.0
    assert value_and_grad(lambda x: weighted(A, x))(5.0) == (10.0, 2.0)
    assert jvp(lambda x: weighted(A, x), (5.0,), (1.0,)) == (10.0, 2.0)


def test_a_rule_may_return_what_numpy_makes_an_array_of():
    scaled = primitive(lambda series, x: (series * x).to_numpy())
    funad.elementwise(scaled, None, lambda y, ybar, series, x: ybar * series)
    numpy.testing.assert_array_equal(grad(lambda x: np.sum(scaled(A, x) * Q))(X), A.to_numpy() * Q)
    assert grad(lambda x: np.sum(scaled(A, x)))(2.0) == 6.0


# --- xarray: dimensions and coordinates; a DataArray holds traced values


def test_a_data_array_of_a_list_is_refused_with_what_makes_it_of_an_array():
    for kind in (xarray.DataArray, lambda x, dims: xarray.Variable(dims, x)):
        with pytest.raises(NotDifferentiableError, match=r"xarray\.\w+ .*np\.stack\(\[\.\.\.\]\)"):
            grad(lambda x, kind=kind: kind([x[0], x[1]], dims="t").sum().data)(X)
        check_derivatives(lambda x, kind=kind: kind(np.stack([x[0] ** 2, x[1]]), dims="t").sum().data, X)


T_X = xarray.DataArray(numpy.arange(9.0).reshape(3, 3), dims=("t", "x"))
X_T = xarray.DataArray(numpy.arange(9.0).reshape(3, 3) + 1, dims=("x", "t"))
TIMES = xarray.DataArray([1.0, numpy.nan, 3.0], dims="t", coords={"t": [10, 20, 30]})
SET = xarray.Dataset({"u": T_X, "v": X_T})

NAMED = {
    "dimensions": lambda w: ((w * T_X) * X_T).sum(),
    "dimensions from the right": lambda w: ((T_X * w) * X_T).sum(),
    "mean over nan": lambda w: (w**2 * TIMES).mean(),
    "std over nan": lambda w: (w**2 * TIMES).std(),
    "max over nan": lambda w: (w**2 * TIMES).max(),
    "median": lambda w: (w**2 * TIMES).median(),
    "sum of a dimension": lambda w: (w**2 * T_X).sum("t").std(),
    "+": lambda w: ((w**2 + T_X) ** 2).mean("x").max(),
    "-": lambda w: ((w - TIMES) ** 2).sum(),
    "/": lambda w: (w / TIMES).sum(),
    "**": lambda w: (w**TIMES).sum(),
    "from the right **": lambda w: (TIMES**w).sum(),
    "%": lambda w: ((w % (TIMES + 1)) ** 2).sum(),
    "sel": lambda w: (w**2 * TIMES).sel(t=30),
    "isel": lambda w: (w**2 * T_X).isel(t=1).sum(),
    "where": lambda w: (w**2 * T_X).where(T_X > 2).mean(),
    "fillna": lambda w: (w * TIMES).fillna(w**2).sum(),
    "dropna": lambda w: (w * TIMES).dropna("t").prod(),
    "groupby": lambda w: (w**2 * TIMES).groupby("t").sum().sum(),
    "rolling": lambda w: (w**2 * T_X).rolling(t=2).mean().sum(),
    "cumsum": lambda w: (w**2 * TIMES).cumsum("t").sum(),
    "dot": lambda w: (w**2 * T_X).dot(X_T),
    "concat": lambda w: xarray.concat([w * T_X, T_X], "t").std(),
    "reindex": lambda w: (w**2 * TIMES).reindex(t=[10, 11, 30]).sum(),
    "a ufunc": lambda w: np.exp(np.multiply(w, T_X) / 9).sum(),
    "NumPy's own ufunc": lambda w: numpy.hypot(w, TIMES).sum(),
    "a sum": lambda w: np.sum(w**2 * T_X),
    "a set": lambda w: ((w**2 * SET)["u"] * SET["v"]).sum(),
    "a variable": lambda w: (w**2 * T_X.variable).std(),
    "a comparison": lambda w: w**2 * (w < T_X).sum(),
}


@pytest.mark.parametrize("f", NAMED.values(), ids=NAMED)
def test_a_data_array_keeps_its_names_beside_a_traced_value(f):
    check_derivatives(lambda w: np.asarray(f(w).data), 2.3)


def test_an_array_beside_a_data_array_has_its_names_too():
    for f in (
        lambda x: ((x * T_X) * X_T).sum().data,
        lambda x: (T_X - x**2).std("t").sum().data,
        lambda x: (filled(x) ** 2 * TIMES).mean().data,
        lambda x: (xarray.DataArray(x, dims="t") * T_X).sum("t").std().data,
    ):
        check_derivatives(f, X)
    numpy.testing.assert_allclose(
        jacobian(lambda x: (x**2 * TIMES.fillna(2.0)).data)(X), numpy.diag([2, 4, 6] * X)
    )
    numpy.testing.assert_allclose(
        hessian(lambda x: (x**3 * T_X[1]).sum().data)(X), numpy.diag([18, 24, 30] * X)
    )


HOLDING = {
    "values": (lambda w: (w * T_X).values.sum(), r"write a\.data for the \w+ a"),
    "float": (lambda w: float((w * T_X).sum()), r"write a\.data for the \w+ a"),
    "to_numpy": (lambda w: (w * T_X).to_numpy().sum(), r"write a\.data for the \w+ a"),
    "an array of it": (lambda w: np.sum(np.array(w * T_X)), r"write a\.data for the \w+ a"),
    "a list with it": (lambda w: np.sum(np.concatenate([[w], w * T_X[0]])), r"write a\.data for the \w+ a"),
    "stop_gradient": (
        lambda w: stop_gradient(w * T_X).sum().data,
        r"take that .* a\.data for the DataArray a",
    ),
    "value": (lambda w: value([w * T_X])[0].sum().data, r"take that .* a\.data for the DataArray a"),
}


@pytest.mark.parametrize(("f", "said"), HOLDING.values(), ids=HOLDING)
def test_what_a_data_array_holds_does_not_lose_its_derivative(f, said):
    for run in (grad, lambda f: lambda w: jvp(f, (w,), (1.0,))):
        with pytest.raises(NotDifferentiableError, match=said):
            run(f)(2.0)


def test_the_advice_for_what_a_data_array_holds_is_right():
    check_derivatives(lambda w: (w**2 * T_X).data.sum(), 2.0)
    check_derivatives(lambda w: np.sum(np.concatenate([[w], (w**2 * T_X[0]).data])), 2.0)
    assert grad(lambda w: w * stop_gradient((w * T_X).data).sum())(2.0) == 72.0
    for run in (grad, lambda f: lambda w: jvp(f, (w,), (1.0,))):
        with pytest.raises(NonScalarOutputError, match=r"returned DataArray.*return what it holds, y\.data"):
            run(lambda w: (w * T_X).sum())(2.0)


def test_the_plain_value_of_an_object_that_holds_a_traced_one_is_not_taken_for_it():
    f = lambda x: stop_gradient([x * Vec(3.0, 4.0), None])[0].x * x
    with pytest.raises(NotDifferentiableError, match=r"Vec holds a traced value.*tree\.register\(Vec"):
        grad(f)(2.0)
    # Others may stand there: they have none.
    assert grad(lambda x: stop_gradient([Vec(3.0, 4.0), None, "text", x])[3] * x)(2.0) == 2.0
    funad.tree.register(Pair, lambda v: ((v.x, v.y), None), lambda _, parts: Pair(*parts))
    assert grad(lambda x: stop_gradient(x * Pair(3.0, 4.0)).x * x)(2.0) == 6.0


class Pair(Vec):
    pass


# --- numpy.polynomial, durations


P = numpy.polynomial.Polynomial([1.0, 2.0, 3.0])


@pytest.mark.parametrize("f", [lambda x: (x * P)(2.0), lambda x: (P - x)(2.0), lambda x: (P * x)(2.0)])
def test_a_polynomial_that_cannot_hold_a_traced_value_is_refused_with_what_to_write(f):
    with pytest.raises(
        NotDifferentiableError, match=r"Polynomial.*write np\.polynomial\.polynomial\.polyval\("
    ):
        grad(f)(2.0)
    with pytest.raises(FunadError, match="Polynomial"):
        jvp(f, (2.0,), (1.0,))


def test_the_advice_for_a_polynomial_is_right():
    check_derivatives(lambda x: x**2 * np.polynomial.polynomial.polyval(2.0, P.coef), 3.0)
    check_derivatives(lambda x: np.polynomial.polynomial.polyval(2.0, x**2 * P.coef), 3.0)
    assert np.polynomial.polynomial.polyval(2.0, P.coef) == P(2.0)


DAY = numpy.timedelta64(1, "D")
DAYS = numpy.array([1, 3], "m8[D]")


@pytest.mark.parametrize(
    "f",
    [
        lambda r: np.sum(r * DAYS / DAY),
        lambda r: np.sum(DAYS * r / DAY),
        lambda r: np.sum(r * DAYS / DAYS),
        lambda r: np.sum(DAYS / r / DAYS),
        lambda r: np.sum((r * DAYS).astype(float)),
        lambda r: r * DAY / DAY,
        lambda r: DAY * r / DAY,
        lambda r: r * datetime.timedelta(days=2) / datetime.timedelta(days=1),
        lambda r: np.sum(np.array([r, r]) * DAYS / DAY),
    ],
)
def test_a_multiple_of_a_duration_is_refused_with_what_to_write(f):
    f(2.0)  # which is no mistake without derivatives
    with pytest.raises(NotDifferentiableError, match="timedelta.*rounds? a multiple.*stop_gradient"):
        grad(f)(2.0)


def test_the_advice_for_durations_is_right():
    assert 2.5 * DAY == 2 * DAY  # rounded
    check_derivatives(lambda r: np.sum(r**2 * (DAYS / DAY)), 2.5)
    check_derivatives(lambda r: r**2 * datetime.timedelta(days=2).total_seconds(), 2.5)
    assert grad(lambda r: r * np.sum(stop_gradient(r) * DAYS / DAY))(2.5) == numpy.sum(2.5 * DAYS / DAY)
    check_derivatives(lambda r: np.sum(np.where(DAYS > DAY, r**2, r)), 2.0)


# --- any program of a class with operators


@given(st.lists(st.sampled_from(["+", "-", "*", "/"]), min_size=1, max_size=5), st.floats(0.5, 2.0))
def test_a_chain_of_operators_of_an_own_class_has_the_derivative_of_its_numbers(names, x):
    def f(x):
        y = x
        for name in names:
            y = OPERATIONS[name](y, WithPriority(1.5, 2.0)).x
        return y

    wanted = slope(f, x, 1.0)
    assert grad(f)(x) == pytest.approx(wanted, rel=1e-6)
    assert jvp(f, (x,), (1.0,))[1] == pytest.approx(wanted, rel=1e-6)


# --- objects with ways of their own


class RaisesAtAttributes:
    """An object that raises what it likes where an attribute is asked for, and computes with numbers."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __mul__(self, other):
        return other * 2.0

    def __rmul__(self, other):
        return other * 3.0

    def __radd__(self, other):
        return other + 2.0


@pytest.mark.parametrize(
    ("f", "slope"), [(lambda x, a: x * a, 3.0), (lambda x, a: a * x, 2.0), (lambda x, a: x + a, 1.0)]
)
def test_an_object_that_raises_at_every_attribute_is_given_the_operator(f, slope):
    a = RaisesAtAttributes()
    assert grad(lambda x: f(x, a) ** 2)(0.5) == 2 * f(0.5, a) * slope
    assert jvp(lambda x: f(x, a), (0.5,), (1.0,)) == (f(0.5, a), slope)


@pytest.mark.parametrize("labelled", [pandas.Series([1.0, 2.0]), pandas.DataFrame([[1.0, 2.0]])])
@pytest.mark.parametrize("operate", [operator.iadd, operator.isub, operator.imul, operator.itruediv])
@pytest.mark.parametrize("part", [lambda x: x, lambda x: x[0]])
def test_an_operation_in_place_of_pandas_is_refused_by_the_name_of_its_class(labelled, operate, part):
    f = lambda x: np.sum(operate(labelled.copy(), part(x)))
    kind = type(labelled).__name__
    for run in (grad(f), lambda x: jvp(f, (x,), (x,))):
        with pytest.raises(
            NotDifferentiableError, match=rf"pandas\.{kind} beside .* a\.to_numpy\(\) for the"
        ):
            run(numpy.array([0.3, 0.7]))
    assert grad(lambda x: np.sum(operate(labelled.to_numpy() * 1.0 + 0 * x, x)))(numpy.ones(2)).shape == (2,)

"""The six families of numpy.polynomial: values are NumPy's, derivatives agree with differences."""

import pickle

import numpy as onp
import pytest

import funad.numpy as np
from funad import grad, vjp
from funad.errors import MissingRuleError, NotDifferentiableError
from funad.registry import primitive_of
from funad.testing import call, check_jvp, check_vjp
from funad.tree import flatten
from funad.tree import map as tree_map

from .cases.polynomials import FAMILIES

a, b = onp.array([1.5, -0.5, 2.0, 0.25]), onp.array([0.7, 1.2])
z = onp.array([0.5 + 1.0j, -1.0, 0.25j])
table = onp.array([[1.0, 0.5], [-0.25, 2.0], [0.3, 0.6]])
x, y = onp.array([-0.9, -0.35, 0.1, 0.4, 0.8]), onp.array([0.5, 1.5, -0.2, 0.7, 1.1])
cube = onp.arange(1.0, 9.0).reshape(2, 2, 2) / 5
zero = onp.zeros(1)

# Of each function of a family, by its name without the prefix: calls whose float arguments are checked.
CALLS = {
    "val": [call(x, a), call(0.5, z), call(x, table), call(b, table, False)],
    "line": [call(0.5, 2.0), call(0.5, 0.0), call(1, 0.5)],
    "add": [call(a, b), call(b, a), call(z, a), call([1.0, 2.0], a), call(a, 2.0)],
    "sub": [call(a, b), call(b, a), call(a, z)],
    "mulx": [call(a), call(z), call([1, 2])],
    "mul": [call(a, b), call(b, a), call(z, a), call(a, [2]), call([1, 2, 3], b), call(a, a)],
    "div": [call(a, b), call(b, a), call(a, [2.0]), call(z, b), call(a, a[:3])],
    "pow": [call(b, 0), call(b, 1), call(b, 3), call(z, 2), call(b, 2, maxpower=3)],
    "der": [call(a), call(a, 2), call(a, 5), call(a, 0), call(table, 1, 2.0, 1), call(z, m=2, scl=0.5)],
    "int": [
        call(a), call(a, 2, [0.5, 1.0], 0.25, 1.5), call(table, 1, axis=1), call(a, 0), call(a, 1, 2.0),
        call(z, m=3, k=[0.5j], lbnd=0.5), call(table, 2, k=[1.0, onp.array([1.0, 2.0])], scl=-1.0),
    ],
    "fromroots": [call(b), call(z), call(onp.zeros(0)), call([1.0])],
    "fit": [
        call(x, y, 2), call(x, y, [0, 2]), call(x, y, 1, full=True), call(x, y, 2, w=y + 1.0),
        call(x, onp.stack([x, y], 1), [2, 1], w=y + 1.0),
        call(x, y + 1j * x, 2, None), call(x, y, 2, rcond=1e-12),
    ],
    "val2d": [call(x, y, table), call(0.5, 0.25, table), call(x, y, cube)],
    "val3d": [call(x, y, x * y, cube)],
    "valnd": [call((x, y, x * y), cube), call(onp.array([x, y]), table)],
    "grid2d": [call(x, b, table), call(0.5, b, table)],
    "grid3d": [call(x, b, b, cube)],
    "vander2d": [call(x, y, [2, 1]), call(0.5, 0.25, [1, 2])],
    "vander3d": [call(x, y, x * y, [2, 1, 0])],
    "companion": [call(a), call(b), call(z)],
    "trim": [call(a, 0.3), call(a, 3.0), call(z)],
    "weight": [call(x / 2)],
    "2poly": [call(a), call(z), call(b)],
}  # fmt: skip
ROWS = [
    pytest.param(prefix, name, at, id=f"{prefix}{name}-{k}")
    for prefix in FAMILIES
    for name, ats in CALLS.items()
    for k, at in enumerate(ats)
    if not (prefix == "poly" and name in ("2poly", "weight"))
    if name != "valnd" or hasattr(FAMILIES[prefix][1], f"{prefix}valnd")  # NumPy 2.5
]
ROWS += [
    pytest.param(prefix, f"poly2{prefix}", at, id=f"poly2{prefix}-{k}")
    for prefix in FAMILIES
    if prefix != "poly"
    for k, at in enumerate(CALLS["2poly"])
]
ROWS += [
    pytest.param("poly", "polyvalfromroots", at, id=f"polyvalfromroots-{k}")
    for k, at in enumerate([call(x, b), call(0.5, z), call(x, table), call(x[:2], table, False)])
]


def functions(prefix, name):
    name = name if name.startswith("poly") else prefix + name
    return (getattr(module, name) for module in FAMILIES[prefix])


def places(at):
    """The arguments that are made of floats."""
    every = [*enumerate(at.args), *at.kwargs.items()]
    return [place for place, x in every if kinds(x) and kinds(x) <= set("fc") and place != "rcond"]


def kinds(x):
    return {onp.asarray(leaf).dtype.kind for leaf in flatten(x)[0]}


def of_one(f, at, place):
    def of_x(x):
        args, kwargs = list(at.args), dict(at.kwargs)
        (args if isinstance(place, int) else kwargs)[place] = x
        return f(*args, **kwargs)

    return of_x, at.args[place] if isinstance(place, int) else at.kwargs[place]


@pytest.mark.parametrize(("prefix", "name", "at"), ROWS)
def test_a_function_is_numpys_and_its_derivative_agrees_with_differences(prefix, name, at):
    ours, plain = functions(prefix, name)
    wanted = plain(*at.args, **at.kwargs)
    for place in places(at):
        of_x, x = of_one(ours, at, place)
        got, _ = vjp(of_x, x)
        assert type(got) is type(wanted) or isinstance(wanted, (onp.ndarray, float))
        for part, part_wanted in zip(flatten(got)[0], flatten(wanted)[0], strict=True):
            assert onp.shape(part) == onp.shape(part_wanted)
            assert onp.asarray(part).dtype == onp.asarray(part_wanted).dtype
            onp.testing.assert_allclose(part, part_wanted, rtol=1e-12, atol=1e-12)
        if not (name == "line" and place == 1 and x == 0.0) and not (name == "trim" and len(got) == 1):
            check_vjp(of_x, call(x))
            check_jvp(of_x, call(x))


@pytest.mark.parametrize(("prefix", "name", "at"), [row for row in ROWS if row.id.endswith("-0")])
def test_a_function_keeps_single_precision(prefix, name, at):
    ours, plain = functions(prefix, name)
    single = call(*tree_map(lower, at.args), **tree_map(lower, at.kwargs))
    wanted = plain(*single.args, **single.kwargs)
    for place in places(single):
        of_x, x = of_one(ours, single, place)
        got, vjp_got = vjp(of_x, x)
        xbar = vjp_got(tree_map(onp.ones_like, got))
        for part, part_wanted in zip(flatten(got)[0], flatten(wanted)[0], strict=True):
            assert onp.asarray(part).dtype == onp.asarray(part_wanted).dtype
        assert onp.asarray(xbar).dtype == onp.asarray(x).dtype


def lower(x):
    return x.astype("f4" if x.dtype.kind == "f" else "c8") if isinstance(x, onp.ndarray) else x


@pytest.mark.parametrize(("prefix", "name", "at"), ROWS)
def test_on_plain_values_a_function_is_numpys_own(prefix, name, at):
    ours, plain = functions(prefix, name)
    assert primitive_of(ours).f is plain
    for part, wanted in zip(
        flatten(ours(*at.args, **at.kwargs))[0], flatten(plain(*at.args, **at.kwargs))[0], strict=True
    ):
        onp.testing.assert_array_equal(part, wanted)


# --- NumPy cuts off zeros at the end of a series; what is left has its derivatives still


@pytest.mark.parametrize("prefix", FAMILIES)
def test_a_zero_at_the_end_of_a_series_has_a_derivative(prefix):
    add, _ = functions(prefix, "add")
    mul, _ = functions(prefix, "mul")
    longer, shorter = onp.array([1.0, 2.0]), onp.array([3.0, 0.0])
    assert onp.array_equal(grad(lambda c: np.sum(add(c, longer)))(shorter), [1, 1])
    # What c₁ stands for, times the longer one, as far as the product has room for it
    onp.testing.assert_allclose(
        grad(lambda c: np.sum(mul(c, longer)))(shorter), [3, onp.sum(mul([0, 1], longer)[:2])]
    )


def test_leading_zeros_are_cut_off_a_product_as_numpy_does():
    p = onp.array([0.0, 1.0])
    y, vjp_y = vjp(lambda p: np.polymul(p, [0.0, 2.0, 1.0]), p)
    assert onp.array_equal(y, [2, 1])
    assert onp.array_equal(vjp_y(onp.ones(2)), [1, 3])


@pytest.mark.parametrize("prefix", FAMILIES)
def test_an_integral_of_nothing_has_a_derivative(prefix):
    integral, _ = functions(prefix, "int")
    value, _ = functions(prefix, "val")
    slope = grad(lambda c: np.sum(integral(c, lbnd=0.5)))(zero)
    ones = integral([1.0], lbnd=0.5)
    onp.testing.assert_allclose(slope, ones[:1], rtol=1e-14)


def test_the_derivative_of_a_root_is_that_of_the_quadratic_formula():
    for roots in (lambda p: np.roots(p)[0], lambda p: np.polynomial.polynomial.polyroots(p[::-1])[1]):
        onp.testing.assert_allclose(grad(roots)(onp.array([1.0, -3.0, 2.0])), [-4, -2, -1])


# --- points of Chebyshev, domains


def test_an_interpolation_takes_traced_values_in_arguments_and_in_closures():
    for f in (
        lambda w: np.polynomial.chebyshev.chebinterpolate(lambda x: np.exp(w * x), 4),
        lambda w: np.polynomial.chebyshev.chebinterpolate(lambda x, w: np.exp(w * x), 4, (w,)),
    ):
        onp.testing.assert_allclose(
            vjp(f, 0.7)[0],
            onp.polynomial.chebyshev.chebinterpolate(lambda x: onp.exp(0.7 * x), 4),
            atol=1e-15,
        )
        check_vjp(f, call(0.7))
        check_jvp(f, call(0.7))


UTILS = {
    "as_series": [call([onp.array([1.0, 3.0]), onp.array([1.0])])],
    "trimseq": [call(onp.array([1.0, 2.0, 0.0, 3.0]))],
    "getdomain": [call(a), call(z)],
    "mapparms": [call([-1.0, 2.0], onp.array([0.5, 3.0]))],
    "mapdomain": [call(x, [-1.0, 2.0], [0.5, 3.0]), call(0.5, b, [0.5, 3.0])],
}


@pytest.mark.parametrize(
    ("name", "at"), [pytest.param(name, at, id=name) for name, ats in UTILS.items() for at in ats]
)
def test_what_series_share_has_derivatives(name, at):
    f, plain = getattr(np.polynomial.polyutils, name), getattr(onp.polynomial.polyutils, name)
    for place in places(at):
        of_x, x = of_one(f, at, place)
        for part, wanted in zip(flatten(vjp(of_x, x)[0])[0], flatten(plain(*at.args))[0], strict=True):
            onp.testing.assert_allclose(part, wanted)
        check_vjp(of_x, call(x))
        check_jvp(of_x, call(x))


# --- what is refused, and what is NumPy's


@pytest.mark.parametrize("prefix", FAMILIES)
def test_every_public_name_of_a_module_is_there(prefix):
    ours, plain = FAMILIES[prefix]
    assert ours.__all__ == list(plain.__all__) and ours.__name__ == f"funad.{plain.__name__}"
    for name in plain.__all__:
        value, of_numpy = getattr(ours, name), getattr(plain, name)
        prim = primitive_of(value)
        if isinstance(of_numpy, type):
            assert issubclass(value, of_numpy)
        else:
            assert value is of_numpy if prim is None else prim.f is of_numpy
        if prim is not None:
            assert pickle.loads(pickle.dumps(value)) is value
    without = [name for name in plain.__all__ if (r := primitive_of(getattr(ours, name))) and r.kind is None]
    assert set(without) <= {f"{prefix}gauss", "chebpts1", "chebpts2"}, "which take whole numbers"
    for name in without:
        # NumPy's own refusal of what is no whole number comes first
        with pytest.raises((MissingRuleError, TypeError)):
            grad(lambda n: np.sum(getattr(ours, name)(n)[0]))(2.0)


CLASSES = ["Polynomial", "Chebyshev", "Legendre", "Hermite", "HermiteE", "Laguerre"]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_of_series_refuses_traced_values_and_names_what_to_use(name):
    kind, plain = getattr(np.polynomial, name), getattr(onp.polynomial, name)
    for make in (
        lambda c: kind(c),
        lambda c: kind([c[0], 1.0]),
        lambda c: kind(coef=c),
        lambda c: kind([1.0], domain=c),
        lambda c: kind.fit(x, c, 1),
        lambda c: kind.fromroots(c),
    ):
        with pytest.raises(NotDifferentiableError, match=rf"{name} was given a traced value.*val\(x, c\)"):
            vjp(make, b)
    series = kind([1.0, 2.0])
    assert type(series) is plain and isinstance(series, kind)
    assert series == plain([1.0, 2.0]) and series + plain([1.0]) == plain([2.0, 2.0])
    assert type(kind.fit(x, y, 1)) is plain and kind.basis(2) == plain.basis(2)
    assert not isinstance(2.0, kind) and pickle.loads(pickle.dumps(series)) == series


@pytest.mark.parametrize("f", [np.polyadd, np.polysub, np.polymul, np.polydiv, np.polyval])
def test_a_poly1d_beside_a_traced_value_is_refused(f):
    with pytest.raises(NotDifferentiableError, match=r"numpy\.poly1d beside .* write numpy\.asarray"):
        vjp(lambda p: f(p, onp.poly1d([1.0, 2.0])), b)
    first = lambda y: y[0] if f is np.polydiv else y
    y, _ = vjp(lambda p: first(f(p, onp.asarray(onp.poly1d([1.0, 2.0])))), b)  # as the message says
    onp.testing.assert_array_equal(y, first(f(b, onp.array([1.0, 2.0]))))


@pytest.mark.parametrize("prefix", FAMILIES)
def test_values_at_a_series_are_refused_beside_a_traced_value(prefix):
    value, _ = functions(prefix, "val")
    series = onp.polynomial.Polynomial([1.0, 2.0])
    with pytest.raises(NotDifferentiableError, match=rf"{prefix}val of a traced value at a Polynomial"):
        vjp(lambda c: value(series, c), b)


def test_a_poly1d_of_traced_values_works_by_the_functions_that_it_calls():
    for f in (
        lambda np, c: np.poly1d(c)(0.5),
        lambda np, c: (np.poly1d(c) * np.poly1d([1.0, 2.0]) + 1.0)(0.5),
        lambda np, c: np.poly1d(c).deriv()(0.5) - np.poly1d(c).integ(k=[2.0])(0.5),
        lambda np, c: (np.poly1d(c) ** 2).coeffs,
        lambda np, c: np.sort(np.real(np.poly1d(c[:3]).r)),
    ):
        c = onp.array([1.0, -3.0, 2.0, 0.25])
        onp.testing.assert_allclose(vjp(lambda c: f(np, c), c)[0], f(onp, c), rtol=1e-14)
        check_vjp(lambda c: f(np, c), call(c))
        check_jvp(lambda c: f(np, c), call(c))

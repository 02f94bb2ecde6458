"""Functions that call a function, on traced values in arguments and in closures."""

import pickle

import numpy as onp
import pytest

import funad.numpy as np
from funad import grad, vjp
from funad.errors import NotDifferentiableError
from funad.testing import call, check_jvp, check_vjp

x = onp.array([0.5, -1.0, 2.0])
table = onp.arange(6.0).reshape(2, 3) / 3 + 0.5


def agree(f, plain, *args):
    """f has the values of NumPy's, and its derivatives in all arguments agree with differences."""
    for n, a in enumerate(args):
        y, _ = vjp(lambda a: f(*args[:n], a, *args[n + 1 :]), a)
        wanted = plain(*args)
        pairs = zip(y, wanted, strict=True) if isinstance(wanted, tuple) else [(y, wanted)]
        for part, part_wanted in pairs:
            onp.testing.assert_allclose(part, part_wanted, rtol=1e-14)
            assert onp.shape(part) == onp.shape(part_wanted)
            assert onp.asarray(part).dtype == onp.asarray(part_wanted).dtype
        check_vjp(f, call(*args), n)
        check_jvp(f, call(*args), n)


def product(a, b):
    return a * b if a > 0 else a - b


def both(a, b=2.0):
    return a * b, np.sin(a)


def weighed(a, w, scale=1.0):
    return np.sum(a * w) * scale


def outer(a, b):
    return np.outer(a, b) ** 2


VECTORIZED = {
    "one result": (product, {}, (x, table)),
    "a number beside an array": (product, {}, (x, 0.5)),
    "numbers alone": (product, {}, (1.5, 0.5)),
    "several results": (both, {}, (x, table[:, :1])),
    "results of a given type": (both, {"otypes": [complex, float]}, (x, 0.5)),
    "results of a type by letter": (product, {"otypes": "D"}, (x, 0.5)),
    "with a cache": (product, {"cache": True}, (x, table)),
    "an argument as it is": (weighed, {"excluded": {1}}, (table, x)),
    "an argument as it is, by name": (weighed, {"excluded": {1, "w"}}, (table, x)),
    "a signature": (weighed, {"signature": "(n),(n)->()"}, (table, x)),
    "a signature of new dimensions": (outer, {"signature": "(n),(m)->(n, m)"}, (table, onp.ones((4, 1, 2)))),
    "a signature of two results": (lambda a: (a[0], a[::-1] ** 2), {"signature": "(n)->(),(n)"}, (table,)),
    "a signature with numbers": (lambda a, w: a * w, {"signature": "(),(n)->(n)"}, (x, table[0])),
    "a signature and a type": (weighed, {"signature": "(n),(n)->()", "otypes": [complex]}, (table, x)),
    "a signature and no loop": (weighed, {"signature": "(n),(n)->()"}, (x, x)),
}


@pytest.mark.parametrize(("f", "options", "args"), VECTORIZED.values(), ids=VECTORIZED)
def test_vectorize_is_numpys_and_its_derivative_agrees_with_differences(f, options, args):
    agree(np.vectorize(f, **options), onp.vectorize(f, **options), *args)


def test_vectorize_takes_keywords():
    ours, plain = np.vectorize(weighed, excluded={"w"}), onp.vectorize(weighed, excluded={"w"})
    agree(lambda a, s: ours(a, w=x, scale=s), lambda a, s: plain(a, w=x, scale=s), table, table[:, :1])


def test_vectorize_takes_what_a_closure_holds():
    for options in ({}, {"otypes": [float]}, {"signature": "()->()"}):
        slope = grad(lambda w, options=options: np.sum(np.vectorize(lambda a: a * w, **options)(x)))(3.0)
        assert slope == 1.5


def test_vectorize_keeps_single_precision():
    single = x.astype("f4")
    y, vjp_y = vjp(np.vectorize(lambda a: a * 2.0), single)
    assert y.dtype == onp.vectorize(lambda a: a * 2.0)(single).dtype
    assert vjp_y(onp.ones(3, y.dtype)).dtype == onp.float32


def test_vectorize_is_a_decorator_with_and_without_options():
    @np.vectorize
    def square(a):
        "A square."
        return a * a

    @np.vectorize(otypes=[float])
    def cube(a):
        return a**3

    onp.testing.assert_allclose(grad(lambda x: np.sum(square(x)))(x), 2 * x)
    onp.testing.assert_allclose(grad(lambda x: np.sum(cube(x)))(x), 3 * x**2)
    assert square.__doc__ == "A square." and isinstance(square, onp.vectorize)
    assert pickle.loads(pickle.dumps(np.vectorize(product)))(1.0, 2.0) == 2.0


def test_vectorize_of_no_elements():
    nothing = onp.zeros((0, 3))
    assert grad(lambda x: np.sum(np.vectorize(product, otypes="d")(x, 1.0)))(nothing).shape == (0, 3)
    with pytest.raises(ValueError, match="otypes"):
        vjp(np.vectorize(lambda a: a), nothing)
    with pytest.raises(ValueError, match="new dimensions"):
        vjp(np.vectorize(outer, signature="(n),(n)->(n,m)", otypes="d"), nothing, nothing)


@pytest.mark.parametrize(
    ("signature", "args", "message"),
    [
        ("(n),(n)->()", (x, x[:2]), "'n' of a signature is 3 and 2"),
        ("(n),(n)->()", (x,), "takes 2 arguments, not 1"),
        ("(n,m),(n)->()", (x, x), "does not have the dimensions"),
        ("(n),(n)->(n)", (x, x), r"result of shape \(\)"),
        ("(n),(n)->(),()", (x, x), "2 results, but the function returned 1"),
    ],
)
def test_vectorize_refuses_what_its_signature_does_not_say(signature, args, message):
    with pytest.raises((ValueError, TypeError), match=message):
        vjp(np.vectorize(weighed, signature=signature), *args)


def test_functions_along_axes_take_what_a_closure_holds():
    def along(w):
        return np.sum(np.apply_along_axis(lambda line: line * w, 1, table))

    def over(w):
        return np.sum(np.apply_over_axes(lambda a, axis: np.sum(a, axis) * w, table, [0]))

    onp.testing.assert_allclose([grad(along)(3.0), grad(over)(3.0)], [table.sum()] * 2)


def test_functions_along_axes_take_their_arguments_by_name():
    slope = grad(lambda x: np.sum(np.apply_along_axis(func1d=np.cumsum, axis=0, arr=x)))(x)
    assert onp.array_equal(slope, [3, 2, 1])
    slope = grad(lambda x: np.sum(np.apply_over_axes(func=np.max, a=x, axes=0)))(x)
    assert onp.array_equal(slope, [0, 0, 1])


def test_what_numpy_refuses_is_refused():
    with pytest.raises(ValueError, match="0"):
        vjp(lambda x: np.apply_along_axis(np.sum, 0, x), onp.zeros((2, 0)))
    with pytest.raises(ValueError, match="apply_over_axes needs a function"):
        vjp(lambda x: np.apply_over_axes(lambda a, axis: np.sum(a), x, [0]), table)
    with pytest.raises(NotDifferentiableError, match=r"float\(\)"):
        vjp(np.vectorize(float), x)


def test_fromfunction_takes_what_a_closure_and_what_keywords_hold():
    for f in (
        lambda w: np.fromfunction(lambda i, j: (i + 2 * j) * w, (2, 3)),
        lambda w: np.fromfunction(lambda i, j, w: (i + 2 * j) * w, (2, 3), w=w),
    ):
        onp.testing.assert_allclose(grad(lambda w, f=f: np.sum(f(w)))(0.5), 15)


@pytest.mark.parametrize(
    "f", [lambda x: np.fromiter(x, float), lambda x: np.fromiter((a * 2 for a in x), float, 3)]
)
def test_fromiter_refuses_traced_values_and_names_what_to_use(f):
    with pytest.raises(NotDifferentiableError, match=r"fromiter .*np\.array"):
        vjp(f, x)
    assert np.fromiter([1, 2], float).tolist() == [1.0, 2.0]


def test_piecewise_takes_what_a_closure_holds():
    for f in (
        lambda w: np.piecewise(x, [x > 0, x < -0.5], [lambda x: w * x, w, 3.0]),
        lambda w: np.piecewise(x, [x > 0], [lambda x, w: w * x, 0.0], w),
        lambda w: np.piecewise(x, [x > 0], [lambda x, w: w * x, 0.0], w=w),
    ):
        check_vjp(f, call(2.0))
        check_jvp(f, call(2.0))
        assert onp.array_equal(vjp(f, 2.0)[0][[0, 2]], 2 * x[[0, 2]])

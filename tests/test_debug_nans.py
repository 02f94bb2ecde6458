"""debug_nans names the first operation whose value or derivative is not finite, and only then."""

import re

import numpy as onp
import pytest

import funad
import funad.numpy as np
from funad import (
    checkpoint,
    debug_nans,
    defvjp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    primitive,
    value_and_grad,
    vjp,
)
from funad.errors import FunadError, NonFiniteError

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
x = onp.array([1.0, 0.0, 4.0])


def line_with(mark):
    """Return how an error names the one line of this file that has this mark."""
    with open(__file__, encoding="utf-8") as source:
        (number,) = [n for n, text in enumerate(source, 1) if text.rstrip().endswith(f"# {mark}")]
    return f'test_debug_nans.py", line {number}, in '


def said(f, *args, **kwargs):
    """Return the message of the error that f raises."""
    with pytest.raises(NonFiniteError) as caught:
        f(*args, **kwargs)
    return str(caught.value)


def roots(x):
    y = np.sqrt(x)  # the root
    z = y * 2.0
    return np.sum(z)


def logs(x):
    shifted = x - 1.0
    return np.sum(np.log(shifted)) * 3.0  # the logarithm


def test_the_first_value_that_is_not_finite_is_named():
    message = said(debug_nans(logs), x)
    assert message.startswith("numpy.log returned nan in 2 of 3 elements; it was called with float64[3] at ")
    assert line_with("the logarithm") + "logs" in message


@pytest.mark.parametrize("derivative", [grad, value_and_grad, jacfwd, jacrev])
def test_a_value_is_named_before_its_derivative(derivative):
    message = said(debug_nans(derivative(logs)), x)
    assert message.startswith("numpy.log returned nan in 2 of 3 elements")
    assert line_with("the logarithm") + "logs" in message


def test_a_value_is_named_before_its_second_derivative():
    for second in (hessian, lambda f: grad(lambda x: np.sum(grad(f)(x)))):
        assert said(debug_nans(second(logs)), x).startswith("numpy.log returned nan in 2 of 3")


@pytest.mark.parametrize(
    "run",
    [
        debug_nans(grad(roots)),
        grad(debug_nans(roots)),
        debug_nans(grad(debug_nans(roots))),
        grad(lambda x: debug_nans(roots)(x) * 2.0),
        debug_nans(lambda x: vjp(roots, x)[1](1.0)),
        debug_nans(jacrev(lambda x: np.sqrt(x))),
        jacrev(debug_nans(roots)),
        debug_nans(grad(checkpoint(roots))),
    ],
)
def test_the_first_cotangent_that_is_not_finite_is_named(run):
    message = said(run, x)
    assert message.startswith("the cotangent of argument 0 of numpy.sqrt is inf in 1 of 3 elements, while")
    assert "called with float64[3] at" in message


def test_the_line_of_a_cotangent_is_that_of_the_call_on_the_way_forward():
    for run in (debug_nans(grad(roots)), grad(debug_nans(roots))):
        assert line_with("the root") + "roots" in said(run, x)


@pytest.mark.parametrize(
    "run",
    [
        debug_nans(lambda x: jvp(roots, (x,), (x + 1,))),
        lambda x: jvp(debug_nans(roots), (x,), (x + 1,)),
        debug_nans(jacfwd(roots)),
    ],
)
def test_the_first_tangent_that_is_not_finite_is_named(run):
    message = said(run, x)
    assert message.startswith("the tangent of numpy.sqrt is inf in 1 of 3 elements")
    assert line_with("the root") + "roots" in message


def test_second_derivatives_are_looked_at():
    f = lambda x: np.sum(x**1.5)
    assert onp.isfinite(grad(debug_nans(f))(x)).all()
    assert "numpy.power" in said(debug_nans(hessian(f)), x)
    assert "numpy.power" in said(lambda x: hvp(debug_nans(f))(x, x + 1), x)


# --- no false alarms


def masked(x):
    return np.sum(np.where(x > 0, np.sqrt(x) + np.log(x), x))


def test_what_where_masks_is_no_fault():
    wanted = grad(masked)(x)
    assert onp.isfinite(wanted).all()
    assert debug_nans(grad(masked))(x).tolist() == grad(debug_nans(masked))(x).tolist() == wanted.tolist()
    root = debug_nans(np.sqrt)
    assert grad(lambda x: np.sum(np.where(x > 0, root(x), 1.0)))(x).tolist() == [0.5, 0.0, 0.25]
    assert jvp(debug_nans(masked), (x,), (x,))[1] == pytest.approx(jvp(masked, (x,), (x,))[1])


def test_what_where_masks_is_not_blamed_for_another_fault():
    def f(x):
        return np.sum(np.where(x > 0, np.log(x), 1.0)) * np.sqrt(np.sum(x) - 5.0) / (x[1] * 1.0)

    assert said(debug_nans(f), x).startswith("numpy.divide returned nan")
    f = lambda x: np.sum(np.where(x > 0, np.log(x), np.sqrt(x - 5.0)))
    assert said(debug_nans(f), x).startswith("numpy.sqrt returned nan")


def test_a_zero_cotangent_is_a_strong_zero():
    f = lambda x: debug_nans(np.sqrt)(x) * 0.0 + x
    assert grad(f)(0.0) == 1.0


def test_a_cotangent_that_comes_in_not_finite_is_not_the_functions_fault():
    assert grad(lambda x: np.sqrt(debug_nans(lambda x: 3 * x)(x)))(0.0) == onp.inf


def test_finite_results_pass_through_and_the_function_runs_once():
    runs = []

    def f(p, *, scale, name):
        runs.append(name)
        return {"y": np.exp(p["a"]) * scale, "name": name, "n": 3, "none": None}

    found = debug_nans(f)({"a": x}, scale=2.0, name="n")
    assert found["y"].tolist() == (np.exp(x) * 2.0).tolist() and found["name"] == "n" and found["n"] == 3
    total = lambda f: lambda p: np.sum(f(p, scale=2.0, name="n")["y"])
    assert grad(total(debug_nans(f)))({"a": x})["a"].tolist() == grad(total(f))({"a": x})["a"].tolist()
    assert len(runs) == 3


def test_derivatives_pass_through_unchanged():
    f = lambda x: np.sum(np.sin(x) * x**2)
    for transform in (grad, jacrev, jacfwd, hessian, lambda f: lambda x: hvp(f)(x, x)):
        wanted = transform(f)(x)
        onp.testing.assert_array_equal(transform(debug_nans(f))(x), wanted)
        onp.testing.assert_array_equal(debug_nans(transform(f))(x), wanted)


# --- what is said of other faults


def test_an_argument_that_is_not_finite_is_named_with_its_place():
    f = lambda p, *rest, k: p["w"][0] * p["b"] + rest[0] + k
    assert said(debug_nans(f), {"w": [1.0], "b": onp.nan}, 1.0, k=1.0) == (
        "argument p['b'] of <lambda> is nan already"
    )
    assert "argument rest[0] of" in said(debug_nans(f), {"w": [1.0], "b": 1.0}, -onp.inf, k=1.0)
    assert "argument k of" in said(debug_nans(f), {"w": [1.0], "b": 1.0}, 1.0, k=onp.nan)


def test_a_constant_that_is_not_finite_is_shown_among_the_arguments():
    weights = onp.array([1.0, onp.nan, onp.inf])
    assert "float64[3], float64[3] (nan in 2 of 3 elements)" in said(debug_nans(lambda x: x * weights), x)


def test_what_does_not_come_from_the_arguments_is_said_so():
    assert "does not come from" in said(debug_nans(lambda x: onp.inf), 1.0)
    assert "does not come from" in said(debug_nans(lambda n: onp.log(n)), 0)


def test_a_function_that_differs_from_run_to_run_is_told():
    results = iter([onp.nan, 1.0])
    assert "the same result again" in said(debug_nans(lambda x: x * next(results)), 1.0)


def test_a_rule_of_the_users_own_is_named():
    @primitive
    def shaky(a, b):
        return a + b

    defvjp(shaky, lambda y, ybar, a, b: ybar, lambda y, ybar, a, b: ybar / (a - a))
    message = said(debug_nans(grad(lambda a, b: 2.0 * shaky(a, b), argnums=(0, 1))), 1.0, 2.0)
    assert re.match(r"the cotangent of argument 1 of \S*shaky is inf", message)


def test_several_results_and_lists_of_arrays():
    f = lambda x: np.linalg.slogdet(np.outer(x, x) * 0.0)[1] + 1.0
    assert said(debug_nans(f), x).startswith(
        "numpy.linalg.slogdet returned -inf; it was called with float64[3, 3]"
    )
    g = lambda x: np.sum(np.concatenate([x, np.log(x)]))
    assert said(debug_nans(g), x).startswith("numpy.log returned -inf in 1 of 3")


def test_programs_that_write_into_arrays():
    def f(x):
        y = np.zeros(3)
        for n in range(3):
            y[n] = np.log(x[n])  # written
        y *= 2.0
        return np.sum(np.where(y < -10, 0.0, y) / y[0])

    at = onp.array([2.0, 0.5, 3.0])
    onp.testing.assert_array_equal(debug_nans(grad(f))(at), grad(f)(at))
    onp.testing.assert_array_equal(grad(debug_nans(f))(at), grad(f)(at))
    bad = onp.array([2.0, -0.5, 3.0])
    for run in (debug_nans(f), debug_nans(grad(f)), grad(debug_nans(f))):
        message = said(run, bad)
        assert message.startswith("numpy.log returned nan; it was called with float64[]")
        assert line_with("written") in message


def test_complex_numbers_and_float32():
    assert "numpy.log returned" in said(debug_nans(lambda z: np.log(z)), 0j)
    assert "float32[3]" in said(debug_nans(grad(roots)), x.astype(onp.float32))


def test_the_error_is_one_of_the_family_and_of_floating_points():
    with pytest.raises(FloatingPointError) as caught:
        debug_nans(grad(roots))(x)
    assert isinstance(caught.value, FunadError)


def test_it_decorates_methods_too():
    class Model:
        scale = 0.0

        @debug_nans
        def loss(self, x):
            return x / self.scale

    assert "numpy.divide returned inf in 3 of 3" in said(Model().loss, x + 1.0)


def test_nothing_is_switched_on_elsewhere():
    said(debug_nans(grad(roots)), x)
    assert grad(roots)(x)[1] == onp.inf
    assert funad.debug_nans(roots).__name__ == "roots"

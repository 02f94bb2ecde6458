"""What a user's own rules and calls may get wrong, and what is said of it: never a silent number."""

import re
from types import FunctionType

import numpy as onp
import pytest

import funad.numpy as np
from funad import (
    custom_vjp,
    defjvp,
    defvjp,
    elementwise,
    elementwise_grad,
    ggnvp,
    grad,
    graph,
    hessian,
    hvp,
    j,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linear,
    linearize,
    primitive,
    tree,
    value_grad_and_hvp,
    vhp,
    vjp,
)
from funad.errors import ArgumentError, CotangentError, MissingRuleError, NonScalarOutputError, TangentError

x = onp.array([1.0, 2.0, 3.0])


def double(x):
    return 2 * x


def forward(x):
    return 2 * x, None


def with_backward(backward):
    return custom_vjp(double, forward, backward)


# --- custom_vjp


@pytest.mark.parametrize(
    ("found", "at", "said"),
    [
        (x, 1.0, r"backward, the backward function of double, .*shape \(3,\) for an argument of shape \(\)"),
        (2.0, x, r"shape \(\) for an argument of shape \(3,\); sum it over the axes"),
        (x[None], x, r"shape \(1, 3\) for an argument of shape \(3,\)"),
        (2.0 + 1j, 1.0, "complex cotangent for a real argument and a real ȳ; return its real part"),
        ("text", 1.0, "returned str, where the cotangent of float belongs"),
    ],
)
def test_a_cotangent_that_does_not_fit_is_refused_in_both_modes(found, at, said):
    def backward(residuals, ybar):
        return found

    c = with_backward(backward)
    with pytest.raises(CotangentError, match=said):
        grad(lambda x: np.sum(c(x)))(at)
    with pytest.raises(CotangentError, match=said):
        jvp(c, (at,), (at,))


def test_a_complex_cotangent_of_a_complex_output_is_projected_on_the_real_argument():
    c = custom_vjp(lambda x: x * 2j, lambda x: (x * 2j, None), lambda _, ybar: ybar * 2j)
    plain = lambda x: np.abs(x * 2j + 1.0)
    ours = lambda x: np.abs(c(x) + 1.0)
    assert grad(ours)(0.7) == pytest.approx(grad(plain)(0.7))


@pytest.mark.parametrize(
    ("returned", "found"),
    [(lambda x: 2 * x, "float"), (lambda x: (2 * x, 1, 2), "tuple of 3"), (lambda x: None, "NoneType")],
)
def test_a_forward_function_that_returns_no_pair_is_named(returned, found):
    def forward(x):
        return returned(x)

    c = custom_vjp(double, forward, lambda r, ybar: ybar)
    with pytest.raises(
        ArgumentError, match=rf"forward.*of double, must return the pair.*but it returned {found}"
    ):
        grad(c)(1.0)


def test_of_two_structures_that_differ_it_is_said_which_is_the_backward_functions():
    def backward(residuals, ybar):
        return [ybar]

    c = custom_vjp(lambda p: p["w"] * 2, lambda p: (p["w"] * 2, None), backward)
    said = (
        r"backward, the backward function of .*returned list\(leaf\) for argument 0, whose structure is dict"
    )
    with pytest.raises(ArgumentError, match=said):
        grad(c)({"w": 1.0})


def test_too_few_cotangents_are_counted():
    c = custom_vjp(lambda a, b: a * b, lambda a, b: (a * b, None), lambda r, ybar: ybar)
    with pytest.raises(ArgumentError, match="must return a tuple of 2 cotangents.*but it returned float"):
        grad(c)(1.0, 2.0)


def test_a_backward_function_of_other_arguments_is_refused_at_the_door():
    def backward(residuals, ybar, x):
        return ybar

    with pytest.raises(ArgumentError, match=r"\(residuals, ȳ\), but backward takes \(residuals, ybar, x\)"):
        with_backward(backward)
    assert grad(with_backward(lambda residuals, ybar, more=0: 2 * ybar))(1.0) == 2.0
    assert grad(with_backward(lambda *both: 2 * both[1]))(1.0) == 2.0


# --- defvjp


@primitive
def summed(x):
    return 2.0 * x


@primitive
def turned(x):
    return 2.0 * x


@primitive
def spread(x, n):
    return onp.full(n, x)


@primitive
def scaled(a, b):
    return a * b


defvjp(summed, lambda y, ybar, x: np.sum(2 * ybar))
defvjp(turned, lambda y, ybar, x: 2j * ybar)
defvjp(spread, lambda y, ybar, x, n: ybar)
elementwise(scaled, lambda y, ybar, a, b: ybar * b, lambda y, ybar, a, b: ybar * a)


@pytest.mark.parametrize(
    ("f", "at", "said"),
    [
        (
            summed,
            x,
            r"summed returned a cotangent of shape \(\) for an argument of shape \(3,\); return x̄ of",
        ),
        (
            lambda x: spread(x, 3),
            1.0,
            r"spread returned a cotangent of shape \(3,\) for an argument of shape",
        ),
        (turned, x, "turned returned a complex cotangent for a real argument and a real ȳ"),
        (turned, 1.0, "turned returned a complex cotangent for a real argument and a real ȳ"),
    ],
)
def test_a_rule_whose_cotangent_does_not_fit_is_refused_in_both_modes(f, at, said):
    with pytest.raises(CotangentError, match=said) as caught:
        grad(lambda x: np.sum(f(x)))(at)
    assert "test_messages.py" in caught.value.__notes__[-1]
    with pytest.raises(CotangentError, match=said):
        jvp(f, (at,), (at,))


@pytest.mark.parametrize("define", [defvjp, elementwise])
@pytest.mark.parametrize("at", [2.0, x])
@pytest.mark.parametrize(
    ("found", "said"),
    [(None, "None"), (len, "builtin_function"), ("a", "str"), ((1.0, 2.0, 3.0), "tuple")],
)
def test_a_rule_that_returns_no_number_is_named(define, at, found, said):
    @primitive
    def odd(x):
        return 2 * x

    define(odd, lambda y, ybar, x: found)
    with pytest.raises(CotangentError, match=rf"of .*odd returned {said}.*; return x̄ as a number") as caught:
        grad(lambda x: np.sum(odd(x)))(at)
    assert "test_messages.py" in caught.value.__notes__[-1]
    with pytest.raises(
        (CotangentError, TangentError),
        match=rf"rule.* returned {said}.*the (cotangent|tangent|derivative) of",
    ):
        jvp(odd, (at,), (at,))


@pytest.mark.parametrize("define", [defvjp, elementwise, linear, defjvp])
@pytest.mark.parametrize(
    ("f", "rule", "said"),
    [
        (
            lambda x: 2 * x,
            lambda ans, x: lambda g: 2 * g,
            r"takes \(ans, x\), but .*; write lambda y, (ybar|xdot), x: \.\.\. \(one function, where",
        ),
        (
            lambda a, b: a * b,
            lambda ans, a, b: lambda g: g * b,
            r"where autograd has lambda ans, a, b: lambda g",
        ),
    ],
)
def test_a_rule_in_the_form_of_autograd_is_refused_at_the_door(define, f, rule, said):
    p = primitive(FunctionType(f.__code__, {}))  # a new one each time
    with pytest.raises(ArgumentError, match=said):
        define(p, rule)
    with pytest.raises(MissingRuleError):  # nothing of it has stayed
        grad(p)(*[1.0] * f.__code__.co_argcount)


def test_an_elementwise_rule_leaves_the_undoing_of_broadcasts_to_the_sweep():
    assert grad(lambda b: np.sum(scaled(x, b)))(2.0) == 6.0
    assert grad(lambda a: np.sum(scaled(a, x)))(onp.ones((1, 1))).shape == (1, 1)


# --- calls that are not meant so


@pytest.mark.parametrize(
    ("called", "said"),
    [
        (
            lambda: grad(np.sum(x)),
            r"grad takes .* was given float64\[\]; write grad\(f\)\(x\), not",
        ),
        (
            lambda: hessian(2.0),
            r"hessian takes .* given float; write hessian\(f\)\(x\), not",
        ),
        (lambda: graph(2.0), r"graph takes .*; write graph\(f\)\(x\), not graph\(f\(x\)\)"),
        (lambda: vjp(2.0, x), r"vjp takes .*; write vjp\(f, x\), not vjp\(f\(x\), x\)"),
        (lambda: jvp(2.0, (x,), (x,)), r"jvp takes .*; write jvp\(f, \(x,\), \(ẋ,\)\), not"),
        (lambda: linearize(2.0, x), r"linearize takes .*; write linearize\(f, x\), not"),
        (lambda: j(2.0), r"j takes .*; write j\(f\)\(y, ȳ, x\), not"),
        (
            lambda: grad(np.sum, x),
            r"argnums is .*, not array.*; what f is called with comes in a",
        ),
        (lambda: grad(np.sum)(), r"was called with 0 positional arguments; the first one is argnums=0"),
        (lambda: grad(np.sum, 1)(x), r"was called with 1 positional argument; the first one is argnums=0"),
        (
            lambda: grad(lambda x: x * x, has_aux=True)(2.0),
            r"a pair \(y, aux\), but .* returned float",
        ),
    ],
)
def test_a_call_of_another_form_is_told_how_it_is_written(called, said):
    with pytest.raises(ArgumentError, match=said):
        called()


# --- products with vectors


def cubes(x):
    return np.sum(x**3)


PRODUCTS = {
    "hvp(cubes)": hvp(cubes),
    "vhp(cubes)": vhp(cubes),
    "value_grad_and_hvp(cubes)": value_grad_and_hvp(cubes),
    "ggnvp(cubes, loss)": ggnvp(cubes, lambda y: y**2),
}


@pytest.mark.parametrize("written", PRODUCTS)
def test_a_missing_vector_is_asked_for(written):
    product = PRODUCTS[written]
    said = rf"and then v.* of x: {re.escape(written)}\(x, v\), v comes last.*1 argument$"
    with pytest.raises(ArgumentError, match=said):
        product(x)
    with pytest.raises(ArgumentError, match="0 arguments"):
        product()


def test_a_missing_vector_behind_two_arguments_is_asked_for():
    def weighed(x, weights):
        return np.sum(weights * x**3)

    with pytest.raises(ArgumentError, match=r"hvp\(weighed\)\(x, v\), v comes last; .*2 arguments"):
        hvp(weighed)(x, x)
    with pytest.raises(TypeError, match="did not contain a loop"):  # an error in f stays what it is
        hvp(lambda x: x + "text")(x, x)


@pytest.mark.parametrize("product", [hvp, value_grad_and_hvp])
@pytest.mark.parametrize("x", [onp.ones(3), {"w": onp.ones(3)}])
def test_a_vector_behind_x_is_told_to_come_last(product, x):
    def fit(x, data):
        return np.sum((data @ (x["w"] if isinstance(x, dict) else x)) ** 2)

    data = onp.ones((2, 3))
    with pytest.raises(ArgumentError, match="and then v.*v comes last; .*3 arguments"):
        product(fit)(x, x, data)
    assert product(fit)(x, data, x) is not None


def test_a_list_in_the_place_of_an_array_is_refused_by_what_was_expected():
    with pytest.raises(
        TangentError, match=r"float64\[3\], but its tangent is a list of 3; write numpy.array"
    ):
        hvp(cubes)(x, [1.0, 0.0, 0.0])
    with pytest.raises(TangentError, match=r"primal 0 is one float64\[3\], but its tangent is a tuple of 3"):
        jvp(cubes, (x,), ((1.0, 0.0, 0.0),))
    with pytest.raises(CotangentError, match=r"float64\[3\], but ȳ is a list of 3; write numpy.array"):
        vjp(np.sin, x)[1]([1.0, 0.0, 0.0])


def test_a_second_cotangent_is_refused():
    with pytest.raises(CotangentError, match=r"one ȳ.*given 2 arguments.*vjp_f\(\(ȳ1, ȳ2\)\)"):
        vjp(cubes, x)[1](1.0, 2.0)


def test_containers_that_differ_are_shown_side_by_side():
    params = {"w": x, "b": 1.0}
    y, vjp_f = vjp(lambda p: {"y": p["w"] * p["b"]}, params)
    with pytest.raises(CotangentError, match=r"dict\('y': leaf\), but ȳ has dict\('z': leaf\)"):
        vjp_f({"z": y["y"]})
    with pytest.raises(
        TangentError, match=r"dict\('w': leaf, 'b': leaf\), but its tangent has dict\('w': leaf\)"
    ):
        jvp(lambda p: p["w"] * p["b"], (params,), ({"w": x},))
    with pytest.raises(TangentError, match=r"primal 0 has shape \(3,\), but its tangent has shape \(2,\)"):
        jvp(lambda p: p["w"] * p["b"], (params,), ({"w": x[:2], "b": 1.0},))
    with pytest.raises(ArgumentError, match="the trees differ"):
        tree.map(lambda a, b: a, params, {"w": x})


# --- results that have no derivative

TRANSFORMS = {
    "grad": grad,
    "elementwise_grad": elementwise_grad,
    "jacobian": jacobian,
    "jacrev": jacrev,
    "jacfwd": jacfwd,
    "vjp": lambda f: lambda x: vjp(f, x),
    "jvp": lambda f: lambda x: jvp(f, (x,), (x,)),
    "linearize": lambda f: lambda x: linearize(f, x),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
@pytest.mark.parametrize(
    ("result", "said"),
    [
        (lambda x: None, r"loss returned NoneType \(does it end without a return statement\?\)"),
        (lambda x: "text", "loss returned str"),
        (lambda x: (part for part in x), "loss returned generator"),
    ],
)
def test_a_result_that_is_no_number_is_refused_by_every_transformation(transform, result, said):
    def loss(x):
        return result(x)

    with pytest.raises(NonScalarOutputError, match=said):
        transform(loss)(x)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (x * 1j, r"is complex128\[3\], but it belongs to float64\[3\], which is real"),
        (onp.array(["a", "b", "c"]), "is made of numbers, but "),
    ],
)
def test_a_direction_that_does_not_belong_to_a_real_array_is_refused(wrong, said):
    for pull in (
        vjp(double, x)[1],
        lambda ybar: vjp(lambda x: (x, 2 * x), x)[1]((x, ybar)),
        lambda v: j(np.exp)(x, v, x),
    ):
        with pytest.raises(CotangentError, match=f"ȳ {said}"):
            pull(wrong)
    for push in (
        lambda v: jvp(double, (x,), (v,)),
        linearize(double, x)[1],
        lambda v: hvp(lambda x: x @ x)(x, v),
    ):
        with pytest.raises(TangentError, match=f"ẋ {said}"):
            push(wrong)
    with pytest.raises(CotangentError, match="ȳ is made of numbers, but NoneType was given for float"):
        vjp(double, 2.0)[1](None)
    assert vjp(double, x + 0j)[1](x * 1j).tolist() == (2j * x).tolist()

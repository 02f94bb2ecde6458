"""Primitives whose arguments and results are containers of any kind."""

import dataclasses
import math
from collections import namedtuple

import numpy as onp
import pytest

import funad.numpy as np
from funad import (
    checkpoint,
    defjvp,
    defvjp,
    defzero,
    grad,
    graph,
    hessian,
    j,
    jacrev,
    jvp,
    linearize,
    primitive,
)
from funad.errors import ArgumentError, MissingRuleError, UnsupportedKeywordError
from funad.testing import call, check_jvp, check_vjp

x = onp.array([0.3, -0.7, 1.1])
of_containers = primitive(containers=True)
Line = namedtuple("Line", "slope offset")


@dataclasses.dataclass
class Result:
    total: object
    name: str
    steps: int


def model():
    """A black box of a dict, a namedtuple and a keyword, that returns a dataclass in a list."""

    @of_containers
    def f(p, line, *, scale=1.0):
        w = onp.asarray(p["w"], float)  # no traced value gets here
        return [Result(scale * (line.slope * w + line.offset * p["more"][0]) ** 2, p["name"], 3), w.sum()]

    def inner(p, line):
        return line.slope * p["w"] + line.offset * p["more"][0]

    def wrt_p(y, ybar, p, line, *, scale=1.0):
        slope = ybar[0].total * 2 * scale * inner(p, line)
        wbar = slope * line.slope + ybar[1] * np.ones(np.shape(p["w"]))
        return {"w": wbar, "more": [np.sum(slope * line.offset), None], "name": None}

    def wrt_line(y, ybar, p, line, *, scale=1.0):
        slope = ybar[0].total * 2 * scale * inner(p, line)
        return Line(np.sum(slope * p["w"]), np.sum(slope * p["more"][0]))

    defvjp(f, wrt_p, wrt_line)
    return f


def total(f):
    def of(w, m, slope, offset):
        result, s = f({"w": w, "more": [m, 7], "name": "n"}, Line(slope, offset), scale=2.0)
        assert result.name == "n" and result.steps == 3
        return np.sum(result.total * x) + s**2

    return of


AT = (x, 0.5, 2.0, -1.5)


@pytest.mark.parametrize("argnum", range(4))
def test_the_derivatives_are_right_in_both_modes_and_to_second_order(argnum):
    f = total(model())
    check_vjp(f, call(*AT), argnum)
    check_jvp(f, call(*AT), argnum)


def test_every_transformation_takes_them():
    f = model()
    of = lambda w: total(f)(w, *AT[1:])
    plain = lambda w: np.sum(2.0 * (2.0 * w - 1.5 * 0.5) ** 2 * x) + np.sum(w) ** 2
    assert of(x) == pytest.approx(plain(x))
    for transform in (grad, hessian, jacrev, lambda f: grad(checkpoint(f))):
        onp.testing.assert_allclose(transform(of)(x), transform(plain)(x), rtol=1e-12)
    assert linearize(of, x)[1](x) == pytest.approx(jvp(plain, (x,), (x,))[1])
    onp.testing.assert_allclose(graph(of)(x).backward().gradients["w"], grad(plain)(x))


def test_plain_values_go_to_the_function_as_they_are():
    f, p = model(), {"w": x, "more": [0.5, 7], "name": "n"}
    result, s = f(p, Line(2.0, -1.5))
    assert type(result.total) is onp.ndarray and s == x.sum()


def test_j_of_such_a_primitive():
    @primitive(containers=True)
    def product(p):
        return {"y": math.prod(p["xs"])}

    defvjp(product, lambda y, ybar, p: {"xs": [ybar["y"] * y["y"] / v for v in p["xs"]]})
    xbar = j(product)({"y": 6.0}, {"y": 1.0}, {"xs": [2.0, 3.0]})
    assert xbar == {"xs": [3.0, 2.0]}


def test_rules_of_forward_mode():
    @of_containers
    def polar(p):
        return {"r": math.hypot(p["a"], p["b"]), "phi": math.atan2(p["b"], p["a"])}

    defjvp(
        polar,
        lambda y, dot, p: {
            "r": (p["a"] * dot["a"] + p["b"] * dot["b"]) / y["r"],
            "phi": (p["a"] * dot["b"] - p["b"] * dot["a"]) / y["r"] ** 2,
        },
    )
    f = lambda a, b: polar({"a": a, "b": b})["r"] * polar({"a": a, "b": b})["phi"]
    for argnum in (0, 1):
        check_jvp(f, call(0.5, 1.5), argnum)
        check_vjp(f, call(0.5, 1.5), argnum)


def test_what_has_no_rule_is_refused_by_name():
    f = model()
    bare = of_containers(lambda p: p["a"])
    with pytest.raises(MissingRuleError, match="argument 0"):
        grad(lambda a: bare({"a": a}))(1.0)
    with pytest.raises(UnsupportedKeywordError, match="'other'"):
        grad(lambda w: f({"w": w, "more": [1.0, 7], "name": ""}, Line(1.0, 1.0), other=1)[1])(x)
    crooked = of_containers(lambda p: p["a"] * 1.0)
    defvjp(crooked, lambda y, ybar, p: [ybar])
    with pytest.raises(ArgumentError, match="trees differ"):
        grad(lambda a: crooked({"a": a}))(1.0)


def test_a_function_without_a_derivative():
    rounded = of_containers(lambda p: {"n": round(p["a"])})
    defzero(rounded)
    assert grad(lambda a: rounded({"a": a})["n"] * a)(2.6) == 3.0

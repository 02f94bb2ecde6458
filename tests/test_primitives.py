"""Primitives of a user's own: what they may take and return, how often they are made, and when they go."""

import contextlib
import dataclasses
import functools
import gc
import weakref
from types import SimpleNamespace

import numpy as onp
import pytest
import scipy.special

import funad
import funad.numpy as np
from funad import (
    custom_vjp,
    defjvp,
    defvjp,
    defzero,
    elementwise,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linear,
    numerical,
    primitive,
    stop_gradient,
    value,
    vjp,
)
from funad.errors import (
    ArgumentError,
    CotangentError,
    DuplicateRuleError,
    FunadError,
    NotDifferentiableError,
    TangentError,
    UnsupportedKeywordError,
)

x = onp.array([0.3, -0.7, 1.1])
EVERY = [grad, hessian, lambda f: lambda v: jvp(f, (v,), (v,))[1], lambda f: lambda v: grad(grad(f))(v)]


def made(f, *rules, define=defvjp, **options):
    p = primitive(f, **options)
    define(p, *rules)
    return p


# --- closures


def closing(v):
    return made(lambda t: t * v, lambda y, ybar, t: ybar)(v)


def closing_of_plain(v):
    return made(lambda t: t * v, lambda y, ybar, t: ybar)(2.0)


def closing_in_an_object(v):
    return made(lambda o, t: o.w * t, None, lambda y, ybar, o, t: ybar)(SimpleNamespace(w=v), 2.0)


def closing_of_containers(v):
    return made(lambda d: d["t"] * v, lambda y, ybar, d: {"t": ybar}, containers=True)({"t": v})


def closing_custom(v):
    return custom_vjp(lambda t: t * v, lambda t: (t * v, t), lambda t, ybar: ybar * t)(v)


def closing_custom_of_two(v):
    f = custom_vjp(lambda t, u: t * u * v, lambda t, u: (t * u * v, t), lambda t, ybar: (ybar * t, ybar))
    return f(v, v)


def closing_backward(v):
    return custom_vjp(lambda t: t, lambda t: (t, None), lambda _, ybar: ybar * v)(v)


def closing_residual(v):
    return custom_vjp(lambda t: t, lambda t: (t, v), lambda r, ybar: ybar * r)(v)


def closing_numerical(v):
    return numerical(lambda t: t * v)(v)


@pytest.mark.parametrize(
    "f",
    [
        closing, closing_of_plain, closing_in_an_object, closing_of_containers, closing_custom,
        closing_custom_of_two, closing_backward, closing_residual, closing_numerical,
    ],
)  # fmt: skip
def test_a_closure_over_a_traced_value_is_refused_by_its_reason(f):
    with pytest.raises(NotDifferentiableError, match="closes over a traced value.*pass that value to it"):
        grad(f)(3.0)


@pytest.mark.parametrize("f", [closing, closing_of_containers, closing_custom, closing_numerical])
@pytest.mark.parametrize("transform", EVERY)
def test_closures_are_refused_in_every_mode(f, transform):
    with pytest.raises(NotDifferentiableError, match="closes over a traced value"):
        transform(f)(3.0)


@pytest.mark.parametrize("transform", EVERY)
def test_what_was_closed_over_may_be_passed_as_an_argument(transform):
    p = made(lambda t, v: t * v, lambda y, ybar, t, v: ybar * v, lambda y, ybar, t, v: ybar * t)
    c = custom_vjp(
        lambda t, v: t * v, lambda t, v: (t * v, (t, v)), lambda r, ybar: (ybar * r[1], ybar * r[0])
    )
    for f in (p, c):
        assert transform(lambda v, f=f: f(v, v) * v)(3.0) == pytest.approx(transform(lambda v: v**3)(3.0))
    n = numerical(lambda t, v: t * v, 1e-2, 4)
    assert transform(lambda v: n(v, v) * v)(3.0) == pytest.approx(transform(lambda v: v**3)(3.0), abs=1e-6)


@pytest.mark.parametrize("transform", [grad, lambda f: lambda a: jvp(f, (a,), (1.0,))[1]])
def test_rules_may_close_over_a_value_of_an_outer_trace(transform):
    def f(a):
        square = custom_vjp(lambda t: t * t * a, lambda t: (t * t * a, t * a), lambda r, ybar: 2 * ybar * r)
        return grad(square)(3.0)

    assert transform(f)(2.0) == 6.0


# --- containers


@dataclasses.dataclass
class Pair:
    a: object
    b: object = 1.0


GIVEN = {
    "dict": ({"a": 2.0}, lambda c: c["a"] * 3.0, lambda ybar, c: {"a": 3 * ybar}),
    "nested list": (
        [[2.0], (1.0, [2.0])], lambda c: c[0][0] * 3.0, lambda ybar, c: [[3 * ybar], (None, [None])],
    ),
    "ragged list": ([2.0, x], lambda c: c[0] * 3.0, lambda ybar, c: [3 * ybar, None]),
    "Pair": (Pair(2.0), lambda c: c.a * 3.0, lambda ybar, c: Pair(3 * ybar, None)),
    "dict in a list": ([{"a": 2.0}], lambda c: c[0]["a"] * 3.0, lambda ybar, c: [{"a": 3 * ybar}]),
}  # fmt: skip


@pytest.mark.parametrize(("container", "f", "rule"), GIVEN.values(), ids=GIVEN)
def test_containers_of_traced_values_are_declared_or_refused(container, f, rule):
    bare = made(f, lambda y, ybar, c: rule(ybar, c))
    with pytest.raises(ArgumentError, match="containers=True"):
        grad(bare)(container)
    with pytest.raises(ArgumentError, match="containers=True"):
        jvp(bare, (container,), (container,))
    declared = made(f, lambda y, ybar, c: rule(ybar, c), containers=True)  # what the message says
    assert funad.tree.flatten(grad(declared)(container))[0][0] == 3.0
    assert funad.tree.flatten(hessian(lambda c: declared(c) ** 2)(container))[0][0] == 18.0


def test_a_keyword_may_hold_a_container_only_if_that_is_declared():
    f = lambda t, opts=None: t * opts["k"]
    bare = made(f, lambda y, ybar, t, opts=None: ybar * opts["k"])
    assert grad(lambda t: bare(t, opts={"k": 3.0}))(2.0) == 3.0
    with pytest.raises(ArgumentError, match="in a dict"):
        grad(lambda k: bare(2.0, opts={"k": k}))(3.0)


def test_lists_of_numbers_are_arrays():
    p = made(lambda c: c[0] * c[1], lambda y, ybar, c: np.stack([ybar * c[1], ybar * c[0]]))
    assert grad(lambda v: p([v, 2 * v]))(3.0) == 12.0
    assert hessian(lambda v: p([v, 2 * v]))(3.0) == 4.0


@pytest.mark.parametrize(
    "f",
    [
        lambda v: ((2 * v,), v), lambda v: [[2 * v]], lambda v: ({"a": 2 * v}, v), lambda v: {"a": v}, Pair,
    ],
)  # fmt: skip
@pytest.mark.parametrize("define", [defvjp, elementwise, linear])
def test_nested_results_are_refused(f, define):
    p = made(f, lambda y, ybar, v: ybar, define=define)
    for run in (lambda: grad(lambda v: p(v)[0])(3.0), lambda: vjp(p, 3.0), lambda: jvp(p, (3.0,), (1.0,))):
        with pytest.raises(ArgumentError, match="returned numbers in a .*containers=True"):
            run()


def test_what_else_is_returned_beside_numbers_stays_as_it_is():
    p = made(lambda v: (2 * v, {"steps": 3}), lambda y, ybar, v: 2 * ybar[0])
    assert p(1.0) == (2.0, {"steps": 3})
    assert grad(lambda v: p(v)[0] * p(v)[1]["steps"])(1.0) == 6.0


def test_forward_rules_of_containers_are_used():
    def three(define_reverse):
        p = primitive(lambda v, w: {"y": v["a"] * 3.0 + w, "n": 2}, containers=True)
        if define_reverse:
            wrong = lambda y, ybar, v, w: {"a": 70.0 * ybar["y"]}
            defvjp(p, wrong, lambda y, ybar, v, w: 70.0 * ybar["y"])
        defjvp(
            p,
            lambda y, vdot, v, w: {"y": vdot["a"] * 3.0, "n": None},
            lambda y, wdot, v, w: {"y": wdot, "n": None},
        )
        return p

    for p in (three(False), three(True)):
        assert jvp(lambda a: p({"a": a}, a)["y"], (1.0,), (1.0,)) == (4.0, 4.0)
        assert jvp(lambda a: p({"a": a}, 2.0)["y"], (1.0,), (1.0,)) == (5.0, 3.0)
    assert grad(lambda a: three(False)({"a": a}, a)["y"])(1.0) == 4.0


# --- writing


@pytest.mark.parametrize("transform", [grad, jacfwd, jacrev])
@pytest.mark.parametrize("options", [{}, {"containers": True}])
def test_a_primitive_that_writes_into_its_argument_is_refused(transform, options):
    def first_nine(v):
        v[0] = 9.0
        return v * v

    def with_a_copy(v):
        v = onp.copy(v)
        v[0] = 9.0
        return v * v

    rule = lambda y, ybar, v: 2 * v * ybar * onp.array([0.0, 1.0])
    p = made(first_nine, rule, **options)
    v = onp.array([1.0, 2.0])
    with pytest.raises(ArgumentError, match="first_nine wrote into an argument.*np.copy"):
        transform(lambda v: np.sum(p(v)) + np.sum(v))(v)
    with pytest.raises(ArgumentError, match="wrote into an argument"):
        transform(lambda v: np.sum(p(v * 1.0)))(v)
    assert v.tolist() == [1, 2]
    q = made(with_a_copy, rule, **options)
    assert transform(lambda v: np.sum(q(v)) + np.sum(v))(v).tolist() == [1, 5]


def test_compiled_code_that_wants_arrays_to_write_into_gets_copies():
    def picky(v):
        if not v.flags.writeable:
            raise ValueError("buffer source array is read-only")
        return v * 2

    p = made(picky, lambda y, ybar, v: 2 * ybar)
    assert grad(lambda v: np.sum(p(v)))(x).tolist() == [2, 2, 2]

    def writing(v):
        picky(v)[:] = 0.0
        v[0] = 1.0
        return v

    with pytest.raises(ArgumentError, match="wrote into an argument"):
        grad(lambda v: np.sum(made(writing, lambda y, ybar, v: ybar)(v)))(x)


def test_a_primitive_may_return_its_argument_or_a_part_of_it():
    same = made(lambda v: v, lambda y, ybar, v: ybar)
    turned = made(lambda v: v[::-1], lambda y, ybar, v: ybar[::-1])
    for p in (same, turned):
        y, vjp_f = vjp(p, x)
        y += 1.0
        assert sorted(vjp_f(x).tolist()) == sorted(x.tolist())
    assert x.tolist() == [0.3, -0.7, 1.1]


# --- what rules return


def wrong_shape(define, at, bad):
    names = {defjvp: lambda y, xdot, v: bad(xdot)}
    return made(lambda v: 2 * v, names.get(define, lambda y, ybar, v: bad(ybar)), define=define)


@pytest.mark.parametrize("define", [defvjp, elementwise, linear, defjvp])
@pytest.mark.parametrize(
    "bad",
    [
        lambda v: v[:2], lambda v: v[:1], np.sum, lambda v: [v], lambda v: {"a": v}, lambda v: None,
        lambda v: v * 1j,
    ],
)  # fmt: skip
@pytest.mark.parametrize("transform", [grad, lambda f: lambda v: jvp(f, (v,), (v,)), hessian])
def test_a_rule_that_returns_no_derivative_of_its_argument_is_refused(define, bad, transform):
    p = wrong_shape(define, x, bad)
    if define is linear and transform is not grad:  # forward mode of a linear function is that function
        with contextlib.suppress(FunadError):
            transform(lambda v: np.sum(p(v)))(x)
        return
    with pytest.raises((CotangentError, TangentError), match="rule of .*<lambda>"):
        transform(lambda v: np.sum(p(v)))(x)


@pytest.mark.parametrize("define", [elementwise, linear, defjvp])
def test_the_shape_of_a_wrong_derivative_is_named(define):
    p = wrong_shape(define, x, lambda v: v[:2])
    with pytest.raises((CotangentError, TangentError), match=r"shape \(2,\) for an? \w+ of shape \(3,\)"):
        (grad if define is not defjvp else jacfwd)(lambda v: np.sum(p(v)))(x)


def test_a_rule_of_zero_may_be_a_number():
    p = made(
        lambda a, b: a * 2, lambda y, ybar, a, b: 2 * ybar, lambda y, ybar, a, b: 0.0, define=elementwise
    )
    f = lambda a, b: np.sum(p(a, b))
    assert grad(f, (0, 1))(x, x)[1].tolist() == [0, 0, 0]
    assert jvp(f, (x, x), (x, x))[1] == pytest.approx(2 * x.sum())


def test_elementwise_rules_still_undo_broadcasts():
    p = made(
        lambda a, b: a * b, lambda y, ybar, a, b: ybar * b, lambda y, ybar, a, b: ybar * a, define=elementwise
    )
    f = lambda g: lambda a, b: np.sum(np.sin(g(a, b)))
    b = onp.arange(6.0).reshape(2, 3)
    for a in (x, 2.0, x[:1]):
        for argnums in (0, 1):
            found, wanted = (grad(f(g), argnums)(a, b) for g in (p, np.multiply))
            onp.testing.assert_allclose(found, wanted)
            found, wanted = (jacfwd(f(g), argnums)(a, b) for g in (p, np.multiply))
            onp.testing.assert_allclose(found, wanted)


def test_the_number_of_tangents_is_that_of_the_results():
    p = made(lambda v: (v, 2 * v), lambda y, xdot, v: (xdot,), define=defjvp)
    for run in (lambda: jvp(p, (1.0,), (1.0,)), lambda: grad(lambda v: p(v)[0])(1.0)):
        with pytest.raises(TangentError, match="tuple of 2"):
            run()


# --- rules that hide ȳ or ẋ


def sines():
    slope = made(lambda v: onp.cos(v), lambda y, ybar, v: stop_gradient(ybar) * -onp.sin(stop_gradient(v)))
    return slope, made(lambda v: onp.sin(v), lambda y, ybar, v: ybar * slope(v))


@pytest.mark.parametrize("at", [0.5, x])
def test_a_rule_that_ends_the_chain_does_so_in_every_mode(at):
    slope, sine = sines()
    of = lambda f: lambda v: np.sum(f(v) * v)
    onp.testing.assert_allclose(jvp(of(slope), (at,), (at,))[1], jvp(of(np.cos), (at,), (at,))[1])
    onp.testing.assert_allclose(jacfwd(of(slope))(at), grad(of(np.cos))(at))
    onp.testing.assert_allclose(hessian(of(sine))(at), hessian(of(np.sin))(at))
    onp.testing.assert_allclose(grad(of(sine))(at), grad(of(np.sin))(at))


@pytest.mark.parametrize("by", [elementwise, defvjp])
def test_what_ends_the_chain_is_a_constant_to_third_order(by):
    # d/dx of stop(-sin x) is 0: the third derivative of sine by this rule, in all modes.
    slope = made(lambda v: onp.cos(v), lambda y, ybar, v: stop_gradient(ybar * -np.sin(v)), define=by)
    for third in (
        lambda f: grad(grad(f)), lambda f: hessian(f), lambda f: lambda v: jvp(grad(f), (v,), (1.0,))[1],
    ):  # fmt: skip
        assert third(slope)(0.5) == 0.0


@pytest.mark.parametrize(
    "hidden",
    [
        lambda ybar: value(ybar), lambda ybar: value(ybar) + ybar, lambda ybar: np.clip(ybar, -1, 1),
        lambda ybar: np.where(np.abs(ybar) > 1.0, 1.0, ybar), lambda ybar: np.sign(ybar),
        lambda ybar: float(ybar) if np.ndim(ybar) == 0 else onp.asarray(ybar), lambda ybar: ybar + 1.0,
    ],
)  # fmt: skip
@pytest.mark.parametrize("at", [0.5, x])
@pytest.mark.parametrize("kind", ["defvjp", "custom_vjp", "containers", "defjvp"])
def test_a_rule_that_hides_its_cotangent_is_refused_where_it_is_transposed(hidden, at, kind):
    if kind == "custom_vjp":
        p = custom_vjp(lambda v: v * 2.0, lambda v: (v * 2.0, None), lambda _, ybar: hidden(ybar) * 2.0)
    else:
        options = {"containers": True} if kind == "containers" else {}
        define = defjvp if kind == "defjvp" else defvjp
        p = made(lambda v: v * 2.0, lambda y, bar, v: hidden(bar) * 2.0, define=define, **options)
    run = (lambda: vjp(p, at)[1](at)) if kind == "defjvp" else (lambda: jvp(p, (at,), (at,)))
    with pytest.raises(NotDifferentiableError):
        run()


def test_the_refusal_says_what_to_write_and_that_is_right():
    p = made(lambda v: v * v, lambda y, ybar, v: value(ybar) * 2 * v)
    with pytest.raises(
        NotDifferentiableError, match=r"VJP rule.*use ybar|use ȳ itself.*stop_gradient.*defjvp"
    ):
        jvp(p, (3.0,), (1.0,))
    itself = made(lambda v: v * v, lambda y, ybar, v: ybar * 2 * v)
    stopped = made(lambda v: v * v, lambda y, ybar, v: stop_gradient(ybar) * 2 * v)
    defjvp(p, lambda y, xdot, v: xdot * 2 * v)
    for q in (itself, stopped, p):
        assert jvp(q, (3.0,), (1.0,)) == (9.0, 6.0)
    assert hessian(itself)(3.0) == 2.0 and jvp(grad(itself), (3.0,), (1.0,))[1] == 2.0


@pytest.mark.parametrize("define", [defvjp, linear, elementwise])
def test_a_rule_that_is_zero_is_no_rule_that_hides(define):
    p = made(lambda v: v * 0.0, lambda y, ybar, v: np.zeros(np.shape(v)), define=define)
    assert jvp(lambda v: np.sum(p(v)), (x,), (x,))[1] == 0.0
    q = made(lambda a, b: a, lambda y, ybar, a, b: ybar, lambda y, ybar, a, b: np.zeros(3))
    assert jvp(lambda v: np.sum(q(v, v)), (x,), (x,))[1] == pytest.approx(x.sum())


@pytest.mark.parametrize(
    "at", [x.astype("f4"), x + 1j, onp.ones((0, 2)), onp.float64(2.0), onp.full(3, 1e-200)]
)
def test_linear_rules_pass_in_every_space(at):
    p = made(lambda v: v * 2.0, lambda y, ybar, v: ybar * 2.0)
    y, ydot = jvp(p, (at,), (at,))
    onp.testing.assert_array_equal(ydot, at * 2.0)
    assert ydot.dtype == at.dtype


# --- made again


def test_a_primitive_may_be_made_again():
    p = made(_double, lambda y, ybar, v: 2 * ybar)
    q = primitive(_double)
    assert grad(q)(1.0) == 2.0 and primitive(p) is p
    defvjp(q, lambda y, ybar, v: 20 * ybar)  # of another library
    assert (grad(p)(1.0), grad(q)(1.0)) == (2.0, 20.0)
    r = primitive(_double, name="twice")
    elementwise(r, lambda y, ybar, v: 200 * ybar)
    assert (grad(p)(1.0), grad(q)(1.0), grad(r)(1.0), jvp(r, (1.0,), (1.0,))[1]) == (2.0, 20.0, 200.0, 200.0)


def _double(v):
    return 2 * v


def test_two_libraries_may_wrap_one_ufunc():
    a = primitive(scipy.special.expit)
    elementwise(a, lambda y, ybar, v: ybar * y * (1 - y))
    b = primitive(scipy.special.expit)
    assert grad(b)(0.0) == 0.25
    elementwise(b, lambda y, ybar, v: ybar * np.exp(-v) / (1 + np.exp(-v)) ** 2)
    for f in (a, b, scipy.special.expit):
        assert grad(f)(0.0) == 0.25 and hessian(lambda v, f=f: f(v) ** 2)(0.0) == pytest.approx(0.125)
    psi, digamma = primitive(scipy.special.psi), primitive(scipy.special.digamma)
    for p in (psi, digamma):
        elementwise(p, lambda y, ybar, v: ybar * scipy.special.polygamma(1, v))
        assert grad(p)(1.0) == pytest.approx(onp.pi**2 / 6)


@pytest.mark.parametrize("f", [onp.sin, onp.linalg.inv, onp.fft.fft, onp.sum])
def test_of_numpys_functions_there_are_primitives_already(f):
    p = primitive(f)
    assert p is primitive(f) and p.__module__.startswith("funad.numpy")
    with pytest.raises(DuplicateRuleError, match="already"):
        defvjp(p, lambda y, ybar, v: ybar)


CELL = """
from funad import {define}
{define}(p, lambda y, bar, v: {slope} * bar)
"""


@pytest.mark.parametrize("define", [defvjp, elementwise, linear, defjvp])
@pytest.mark.parametrize("file", ["<string>", None])
def test_a_cell_that_runs_again_replaces_its_rule(define, file):
    p = primitive(lambda v: 2 * v)
    names = {"p": p, "__name__": "notebook"}
    for k, slope in enumerate((2, 2, 5)):
        code = CELL.format(define=define.__name__, slope=slope)
        exec(compile(code, file or f"<cell {k}>", "exec"), names)
        assert grad(p)(1.0) == slope


def test_a_rule_by_name_is_replaced_by_one_of_the_same_name():
    p = primitive(lambda v: 2 * v)

    def rule(y, ybar, v):
        return ybar

    defvjp(p, rule)
    defvjp(p, rule)

    def rule(y, ybar, v):
        return 2 * ybar

    defvjp(p, rule)
    assert grad(p)(1.0) == 2.0

    def another(y, ybar, v):
        return 3 * ybar

    for other in (another, functools.partial(another), lambda y, ybar, v: 3 * ybar):
        with pytest.raises(
            DuplicateRuleError, match=r"has a rule for argument 0 already: rule of .*, line \d+"
        ):
            defvjp(p, other)
    q = primitive(p.__wrapped__)  # what the message says
    defvjp(q, another)
    assert (grad(p)(1.0), grad(q)(1.0)) == (2.0, 3.0)


def test_declaring_zero_twice_is_once():
    p = primitive(lambda v: round(v))
    defzero(p)
    defzero(p)
    assert grad(lambda v: v * p(v))(1.6) == 2.0
    with pytest.raises(DuplicateRuleError):
        defvjp(p, lambda y, ybar, v: ybar)


def test_callable_objects_partials_and_methods_can_be_primitives():
    class Scale:
        __hash__ = None

        def __init__(self, k):
            self.k = k

        def __call__(self, v):
            return self.k * v

        def method(self, v):
            return self.k * v

    for f in (Scale(2.0), functools.partial(Scale(2.0)), Scale(2.0).method):
        p = made(f, lambda y, ybar, v: 2 * ybar)
        assert grad(p)(1.0) == jvp(p, (1.0,), (1.0,))[1] == 2.0


def test_decorators_may_stand_above_and_below():
    def logged(f):
        @functools.wraps(f)
        def run(*args):
            return f(*args)

        return run

    @logged
    @primitive
    @logged
    def double(v):
        return 2 * v

    defvjp(double.__wrapped__, lambda y, ybar, v: 2 * ybar)
    assert grad(double)(1.0) == 2.0
    assert funad.j(double)(2.0, 1.0, 1.0) == 2.0
    with pytest.raises(funad.errors.MissingRuleError, match="is no primitive"):
        defvjp(double, lambda y, ybar, v: ybar)


# --- freed


@pytest.mark.parametrize("define", [defvjp, elementwise, linear, defjvp])
def test_a_primitive_is_freed_with_all_that_it_closes_over(define):
    def once():
        data = onp.ones(100).view(type("Mine", (onp.ndarray,), {}))
        p = primitive(lambda v: v * data[0])
        define(p, lambda y, bar, v: bar * data[0])
        assert grad(p)(1.0) == 1.0 and hessian(p)(1.0) == 0.0
        big = onp.ones(10_000)
        hessian(lambda v: np.sum(p(v * big) ** 2))(1.0)
        return weakref.ref(data)

    alive = [once() for _ in range(3)]
    gc.collect()
    assert not any(known() is not None for known in alive)


def test_a_primitive_lives_as_long_as_its_wrapper():
    p = made(lambda v: 2 * v, lambda y, ybar, v: 2 * ybar)
    gc.collect()
    assert grad(p)(1.0) == 2.0 and (p, 0) in list(funad.rules())


# --- keywords


def test_a_rule_with_any_keywords_says_that_it_handles_them():
    def scaled(v, scale=1.0, shift=0.0):
        return scale * v + shift

    p = made(scaled, lambda y, ybar, v, **kw: ybar * kw.get("scale", 1.0))
    assert grad(lambda v: p(v, scale=2.0, shift=1.0))(3.0) == 2.0
    assert jvp(lambda v: p(v, scale=2.0), (3.0,), (1.0,))[1] == 2.0
    q = made(scaled, lambda y, xdot, v, **kw: xdot * kw.get("scale", 1.0), define=defjvp)
    assert grad(lambda v: q(v, scale=2.0))(3.0) == jvp(lambda v: q(v, scale=2.0), (3.0,), (1.0,))[1] == 2.0
    r = made(scaled, lambda y, ybar, v, scale=1.0: ybar * scale)
    with pytest.raises(UnsupportedKeywordError, match="'shift'"):
        grad(lambda v: r(v, shift=1.0))(3.0)


def test_one_rule_with_any_keywords_does_not_speak_for_the_others():
    p = primitive(lambda a, b, k=1.0: a * b * k)
    defvjp(p, lambda y, ybar, a, b, **kw: ybar * b * kw.get("k", 1.0), lambda y, ybar, a, b: ybar * a)
    with pytest.raises(UnsupportedKeywordError, match="'k'"):
        grad(lambda a: p(a, 2.0, k=3.0))(1.0)


def test_a_traced_keyword_of_custom_vjp_is_refused():
    f = custom_vjp(lambda a, k=1.0: a * k, lambda a, k=1.0: (a * k, (a, k)), lambda r, ybar: ybar * r[1])
    assert grad(lambda a: f(a, k=3.0))(2.0) == 3.0
    for transform in (grad, lambda f: lambda v: jvp(f, (v,), (1.0,))):
        for call in (lambda k: f(2.0, k=k), lambda k: f(k, k=k), lambda k: f(2.0, k={"deep": [k]})):
            with pytest.raises(NotDifferentiableError, match="keyword 'k'.*by position.*stop_gradient"):
                transform(call)(3.0)
    assert grad(lambda k: f(k, k=stop_gradient(k)))(3.0) == 3.0  # what the message says
    g = custom_vjp(
        f.__wrapped__, lambda a, k=1.0: (a * k, (a, k)), lambda r, ybar: (ybar * r[1], ybar * r[0])
    )
    assert grad(lambda k: g(k, k))(3.0) == 6.0 and hessian(lambda k: g(k, k))(3.0) == 2.0


# --- residuals


def bisected(a):
    lo, hi = 0.0, 10.0
    for _ in range(60):
        middle = (lo + hi) / 2
        lo, hi = (middle, hi) if middle**2 < a else (lo, middle)
    return (lo + hi) / 2


def twice(v):
    return v, v


ROOTS = {
    "the result": custom_vjp(bisected, lambda a: twice(bisected(a)), lambda y, ybar: ybar / (2 * y)),
    "the argument": custom_vjp(bisected, lambda a: (bisected(a), a), lambda a, ybar: ybar / (2 * np.sqrt(a))),
    "both": custom_vjp(
        bisected, lambda a: (lambda y: (y, {"y": y, "a": a, "n": 60}))(bisected(a)),
        lambda r, ybar: ybar * r["y"] / (2 * r["a"]),
    ),
}  # fmt: skip
THROUGH = {
    "grad of grad": lambda f: lambda a: grad(grad(f))(a),
    "hessian": hessian,
    "jvp of grad": lambda f: lambda a: jvp(grad(f), (a,), (1.0,))[1],
    "grad of jvp": lambda f: lambda a: grad(lambda a: jvp(f, (a,), (1.0,))[1])(a),
    "jvp of jvp": lambda f: lambda a: jvp(lambda a: jvp(f, (a,), (1.0,))[1], (a,), (1.0,))[1],
}


@pytest.mark.parametrize("f", ROOTS.values(), ids=ROOTS)
@pytest.mark.parametrize("second", THROUGH.values(), ids=THROUGH)
def test_a_residual_that_is_the_result_keeps_the_second_derivative(f, second):
    assert second(f)(2.0) == pytest.approx(-0.25 / 2**1.5, rel=1e-9)
    assert second(lambda a: f(a) ** 2)(2.0) == pytest.approx(0.0, abs=1e-9)
    assert second(second(f))(2.0) == pytest.approx(-15 / 16 / 2**3.5, rel=1e-9)


def test_residuals_that_are_results_of_arrays_and_containers():
    roots = lambda a: onp.array([bisected(v) for v in value(a)])
    f = custom_vjp(
        lambda a: {"y": roots(a)}, lambda a: (lambda y: ({"y": y}, (y, a)))(roots(a)),
        lambda r, ybar: ybar["y"] / (2 * r[0]),
    )  # fmt: skip
    a = onp.array([2.0, 3.0])
    found = hessian(lambda a: np.sum(f(a)["y"] * a))(a)
    onp.testing.assert_allclose(found, hessian(lambda a: np.sum(np.sqrt(a) * a))(a), atol=1e-12)
    onp.testing.assert_allclose(jacrev(grad(lambda a: np.sum(f(a)["y"] * a)))(a), found, atol=1e-12)


def test_a_residual_that_has_lost_its_trace_is_refused_at_second_order():
    f = custom_vjp(bisected, lambda a: (bisected(a), 2 * bisected(a)), lambda r, ybar: ybar / r)
    assert grad(f)(2.0) == pytest.approx(0.5 / 2**0.5)
    for second in THROUGH.values():
        with pytest.raises(
            NotDifferentiableError, match="forward function of bisected.*call bisected itself"
        ):
            second(f)(2.0)

    def forward(a):  # what the message says
        y = g(a)
        return y, 2 * y

    g = custom_vjp(bisected, forward, lambda r, ybar: ybar / r)
    for second in THROUGH.values():
        assert second(g)(2.0) == pytest.approx(-0.25 / 2**1.5, rel=1e-9)


def test_a_straight_through_estimator_is_one_to_second_order():
    through = custom_vjp(np.round, lambda v: (np.round(v), None), lambda _, ybar: ybar)
    assert grad(lambda v: through(v) ** 2)(1.3) == 2.0
    for second in THROUGH.values():
        assert second(lambda v: through(v) ** 2)(1.3) == 2.0


# --- rules that write into what they are given


def _writing(name):
    """Return a primitive x ↦ x² whose rule writes into an argument before it returns 2x·ȳ."""

    def f(x):
        return x * x

    def rule(y, ybar, x):
        given = {"y": y, "ybar": ybar, "x": x}
        xbar = 2 * x * ybar
        given[name][...] = 0.0
        return xbar

    return primitive(f), rule


@pytest.mark.parametrize("name", ["y", "ybar", "x"])
@pytest.mark.parametrize("define", [defvjp, elementwise])
def test_a_rule_that_writes_into_an_argument_is_refused(name, define):
    p, rule = _writing(name)
    define(p, rule)
    x = onp.array([1.0, 2.0])
    with pytest.raises(ArgumentError, match="the rule of .*f wrote into an argument.*np.copy"):
        grad(lambda x: np.sum(p(x) * x))(x)
    assert x.tolist() == [1, 2]
    y, back = vjp(p, x)
    with pytest.raises(ArgumentError, match="wrote into an argument"):
        back(onp.array([1.0, 3.0]))
    assert y.tolist() == [1, 4]


def test_a_rule_may_write_into_copies_and_return_what_it_was_given():
    p, _ = _writing("x")

    def rule(y, ybar, x):
        x = np.copy(x)
        x *= 2
        return x * ybar

    defvjp(p, rule)
    x = onp.array([1.0, 2.0])
    assert grad(lambda x: np.sum(p(x)))(x).tolist() == [2, 4]
    q = primitive(lambda x: x + 1)
    defvjp(q, lambda y, ybar, x: ybar)
    found = grad(lambda x: np.sum(q(x) * x))(x)
    found += 1.0  # it is the caller's own
    assert found.tolist() == [4, 6]
    t = primitive(lambda x: x[::-1] + 0)
    linear(t, lambda y, ybar, x: ybar[::-1])
    found = grad(lambda x: np.sum(t(x) * onp.array([1.0, 2.0])))(x)
    found += 1.0
    assert found.tolist() == [3, 2]


@pytest.mark.parametrize("mode", [grad, funad.jacobian, lambda f: lambda x: jvp(f, (x,), (1.0,))[1]])
@pytest.mark.parametrize("kind", [bool, int])
def test_integers_and_booleans_of_a_users_function_are_plain(mode, kind):
    @primitive
    def rounded(x):
        return onp.asarray(x > 1).astype(kind)

    defvjp(rounded, lambda y, ybar, x: ybar * 0)
    seen = []
    f = lambda x: (seen.append(rounded(x)), onp.array([3.0, 5.0])[int(rounded(x))] * x**2)[1]
    assert mode(f)(2.0) == 20
    assert type(seen[0]) is onp.ndarray


def _decorated(rule):
    @functools.wraps(rule)
    def wrapped(*args):
        return rule(*args)

    return wrapped


class _OfProduct:
    def of_a(self, y, ybar, a, b):
        return ybar * b

    def of_b(self, y, ybar, a, b):
        return ybar * a


@pytest.mark.parametrize(
    "rules",
    [
        (lambda y, ybar, a, b: ybar * b, lambda y, ybar, a, b: ybar * a),
        (lambda y, ybar, *xs: ybar * xs[1], lambda y, ybar, *xs: ybar * xs[0]),
        (lambda y, ybar, a, *xs: ybar * xs[0], lambda y, ybar, a, *xs: ybar * a),
        (lambda *args: args[1] * args[3], lambda *args: args[1] * args[2]),
        (_decorated(lambda y, ybar, a, b: ybar * b), _decorated(lambda y, ybar, a, b: ybar * a)),
        (_OfProduct().of_a, _OfProduct().of_b),
        (
            functools.partial(lambda n, y, ybar, a, b: ybar * b, 1),
            functools.partial(lambda n, y, ybar, a, b: ybar * a, 1),
        ),
        (lambda y, ybar, a, b: ybar * eval("b"), lambda y, ybar, a, b: ybar * locals()["a"]),
    ],
    ids=["named", "any number", "some named", "no name", "decorated", "methods", "partials", "by name"],
)
@pytest.mark.parametrize("define", [elementwise, defvjp])
def test_what_a_rule_reads_of_large_arrays_is_kept_however_it_names_its_arguments(define, rules):
    @primitive
    def product(a, b):
        return a * b

    define(product, *rules)
    a, b = onp.full(5000, 2.0), onp.full(5000, 3.0)
    onp.testing.assert_array_equal(grad(lambda a: np.sum(product(a, b)))(a), b)
    onp.testing.assert_array_equal(grad(lambda b: np.sum(product(a, b)))(b), a)
    abar, bbar = grad(lambda a, b: np.sum(product(a, b)), argnums=(0, 1))(a, b)
    onp.testing.assert_array_equal(abar, b)
    onp.testing.assert_array_equal(bbar, a)

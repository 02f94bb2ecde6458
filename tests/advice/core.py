"""What boxes, traces, rules, primitives and writes advise."""

import collections
import datetime
import functools
import pickle
import types

import numpy

import funad.numpy as np
from funad import (
    checkpoint,
    custom_vjp,
    defjvp,
    defvjp,
    elementwise,
    grad,
    jvp,
    linear,
    primitive,
    stop_gradient,
    tree,
    value,
)

from . import Call, Program, X, by_hessian, by_jvp

TABLE = {0.7: 2.0, 1.3: 3.0}


@functools.lru_cache
def cached(t):
    return t**2


def squared(x):
    return numpy.square(x)


def with_rule(f, *rules, define=defvjp):
    """Return a primitive of f with these rules."""
    p = primitive(lambda x: f(x))
    p.__name__ = "p"
    for rule in rules:
        define(p, rule)
    return p


def both(f, vjp_rule, jvp_rule):
    p = primitive(lambda x: f(x))
    defvjp(p, vjp_rule)
    defjvp(p, jvp_rule)
    return p


def of_two(define, *rules):
    p = primitive(lambda a, b: a * b)
    define(p, *rules)
    return p


def pair(x):
    return x * 2, x**2


kept = []


def keeping(x):
    kept.append(x**2)
    return np.sum(x)


def used_afterwards():
    kept.clear()
    grad(keeping)(X)
    return kept[0] + 1.0


def used_with_aux():
    return grad(lambda x: (np.sum(x), x**2), has_aux=True)(X)[1]


def used_without():
    kept.clear()
    grad(lambda x: (kept.append(stop_gradient(x**2)), np.sum(x))[1])(X)
    return kept[0]


def left_in_a_list(x):
    inside = []
    y = checkpoint(lambda t: (inside.append(np.sin(x)), t**2)[1])(x)
    return y * inside[0]


def left_as_a_result(x):
    y, s = checkpoint(lambda x: (x**2, np.sin(x)))(x)
    return y * s


def write_outside(x):
    v = np.zeros(3)

    def inside(x):
        v[0] = x[0] ** 2
        return x**3

    y = checkpoint(inside)(x)
    return y * v[0]


def write_what_is_returned(x):
    v = np.zeros(3)
    y, v[0] = checkpoint(lambda x: (x**3, x[0] ** 2))(x)
    return y * v[0]


counter = [0.0]


def counting(x):
    counter[0] += 1.0
    return x**2 * counter[0]


def given_the_count(x):
    counter[0] = 1.0
    return checkpoint(lambda x, n: x**2 * n)(x, counter[0])


large = numpy.ones(200_000)


def overwritten(x):
    a = large.copy()
    y = a * x[0] ** 2
    a[:] = 5.0
    return np.mean(y)


def overwritten_copy(x):
    a = large.copy()
    y = np.copy(a) * x[0] ** 2
    a[:] = 5.0
    return np.mean(y)


def another_array(x):
    a = large.copy()
    y = a * x[0] ** 2
    a = numpy.full_like(a, 5.0)
    return np.mean(y)


@primitive
def in_place(x):
    x[0] = 5.0
    return x**2


@primitive
def on_a_copy(x):
    x = numpy.copy(x)
    x[0] = 5.0
    return x**2


for f in (in_place, on_a_copy):
    defvjp(f, lambda y, ybar, x: np.where(np.arange(3) == 0, 0.0, ybar * 2 * x))


def closed_over(x):
    f = custom_vjp(lambda t: t * x[1], lambda t: (t * x[1], t), lambda r, ybar: ybar * 1.3)
    return f(x[0] ** 2)


def given_as_an_argument(x):
    f = custom_vjp(
        lambda t, u: t * u, lambda t, u: (t * u, (t, u)), lambda r, ybar: (ybar * r[1], ybar * r[0])
    )
    return f(x[0] ** 2, x[1])


@primitive
def of_a_dict(p):
    return p["a"] ** 2 * 3.0


def of_a_dict_declared(p):
    return p["a"] ** 2 * 3.0


declared = primitive(of_a_dict_declared, containers=True)
defvjp(declared, lambda y, ybar, p: {"a": ybar * 6.0 * p["a"]})


def lossy(x):
    return np.where(value(x) > 0, value(x) ** 2, 0.0), 2.0 * value(x)


lost = custom_vjp(lambda x: x**2, lossy, lambda r, ybar: r * ybar)
keeping_x = custom_vjp(lambda x: x**2, lambda x: (value(x) ** 2, x), lambda x, ybar: 2 * x * ybar)
by_its_own_result = custom_vjp(
    lambda x: np.exp(x), lambda x: 2 * (by_its_own_result(x),), lambda y, ybar: y * ybar
)
by_its_own_result_lost = custom_vjp(
    lambda x: np.exp(x), lambda x: (numpy.exp(value(x)), 1.0 * numpy.exp(value(x))), lambda y, ybar: y * ybar
)


def objects(x):
    v = numpy.empty(3, dtype=object)
    for n in range(3):
        v[n] = x[n] ** 2
    return v


class Registered(collections.UserList):
    pass


tree.register(Registered, lambda h: (list(h), None), lambda _, parts: Registered(parts))

hidden = with_rule(squared, lambda y, ybar, x: 2 * value(ybar) * x)
open_ = with_rule(squared, lambda y, ybar, x: 2 * ybar * x)
ended = with_rule(squared, lambda y, ybar, x: 2 * stop_gradient(ybar) * x)
with_both = both(squared, lambda y, ybar, x: 2 * value(ybar) * x, lambda y, xdot, x: 2 * xdot * x)
sums_of_broadcasts = of_two(
    defvjp,
    lambda y, ybar, a, b: np.sum(ybar * b, 0) if np.ndim(b) > np.ndim(a) else ybar * b,
    lambda y, ybar, a, b: ybar * a,
)
not_summed = of_two(defvjp, lambda y, ybar, a, b: ybar * b, lambda y, ybar, a, b: ybar * a)
summed = of_two(elementwise, lambda y, ybar, a, b: ybar * b, lambda y, ybar, a, b: ybar * a)
B = numpy.arange(6.0).reshape(2, 3) + 1

# --- rules that return what they may not, and the rules that they should have been

by_two_results = lambda *results: both_results(lambda y, xdot, x: results)


def both_results(rule):
    p = primitive(pair)
    defvjp(p, lambda y, ybar, x: 2 * ybar[0] + 2 * x * ybar[1])
    defjvp(p, rule)
    return p


def tangents(p):
    y, ydot = jvp(p, (X,), (X,))
    return numpy.stack([numpy.zeros(3) if part is None else part for part in ydot])


def pushed(p):
    return jvp(p, (X,), (X,))[1]


def doubled_by(rule):
    p = primitive(lambda x: 2 * x)
    defjvp(p, rule)
    return p


def pulled(p):
    return grad(lambda x: np.sum(p(x)))(X)


ADD_ONE = primitive(lambda x: x + 1)


ROWS = {
    "a key": Program(lambda x: TABLE[x[0]] * x, lambda x: TABLE[value(x[0])] * x, plain=lambda x: 2.0 * x),
    "a set": Program(lambda x: sum({x[0], x[1] ** 2}), lambda x: sum([x[0], x[1] ** 2])),
    "a cache": Program(lambda x: cached(x[0]), lambda x: cached.__wrapped__(x[0])),
    "int": Program(lambda x: int(x[2]) * x[0] ** 2, lambda x: np.trunc(x[2]) * x[0] ** 2),
    "pickled": Program(
        lambda x: pickle.loads(pickle.dumps(x[0] * 1.0)) * x,
        lambda x: pickle.loads(pickle.dumps(stop_gradient(x[0]) * 1.0)) * x,
        plain=lambda x: 0.7 * x,
    ),
    "differentiated in the process": Call(
        lambda: grad(lambda x: pickle.loads(pickle.dumps(np.sum(x**2))))(X),
        lambda: pickle.loads(pickle.dumps(grad(pickle.loads(pickle.dumps(np.sum)))))(X),
        gives=numpy.ones(3),
    ),
    "written into an argument": Program(
        lambda x: in_place(x), on_a_copy, plain=lambda x: numpy.array([25.0, x[1] ** 2, x[2] ** 2])
    ),
    "closed over": Program(closed_over, given_as_an_argument),
    "a dict": Program(
        lambda x: of_a_dict({"a": x}), lambda x: declared({"a": x}), plain=lambda x: x**2 * 3.0
    ),
    "a forward function that loses the trace": Program(
        lambda x: lost(x), keeping_x, by=by_hessian, plain=lambda x: x**2
    ),
    "a forward function that loses the trace of what it keeps": Program(
        lambda x: by_its_own_result_lost(x), lambda x: by_its_own_result(x), by=by_hessian, plain=numpy.exp
    ),
    "an array of objects": Program(
        objects,
        lambda x: np.stack([x[n] ** 2 for n in range(3)]),
        lambda x: np.array([x[n] ** 2 for n in range(3)]),
        plain=lambda x: x**2,
        by=by_jvp,
    ),
    "no container": Call(
        lambda: jvp(lambda x: types.MappingProxyType({"a": x[0]}), (X,), (X,)),
        lambda: jvp(lambda x: [x[0]], (X,), (X,))[1][0],
        lambda: jvp(lambda x: (x[0],), (X,), (X,))[1][0],
        lambda: jvp(lambda x: {"a": x[0]}, (X,), (X,))[1]["a"],
        lambda: jvp(lambda x: Registered([x[0]]), (X,), (X,))[1][0],
        gives=X[0],
    ),
    "used afterwards": Call(used_afterwards, used_with_aux, used_without, gives=X**2),
    "left a checkpoint": Program(left_in_a_list, left_as_a_result),
    "written outside of a checkpoint": Program(
        write_outside, write_what_is_returned, plain=lambda x: x**3 * x[0] ** 2
    ),
    "another result": Program(lambda x: checkpoint(counting)(x), given_the_count, plain=lambda x: x**2),
    "overwritten": Program(overwritten, overwritten_copy, another_array, plain=lambda x: x[0] ** 2),
    "a dtype that cannot hold the result": Program(
        lambda x: (lambda y: exec("y += 1j * x", {"y": y, "x": x}) or y)(x * 1.0),
        lambda x: x * 1.0 + 1j * x,
        plain=lambda x: x * 1.0 + 1j * x,
    ),
    "hidden from its trace": Program(lambda x: hidden(x), open_, with_both, by=by_jvp, plain=lambda x: x**2),
    "a chain that is ended": Call(
        lambda: jvp(hidden, (X,), (X,)), lambda: grad(lambda x: np.sum(ended(x)))(X), gives=2 * X
    ),
    "the fourth derivative at a kink": Call(
        lambda: jvp(grad(grad(grad(lambda t: np.abs(t) ** 4))), (0.0,), (1.0,)),
        lambda: jvp(grad(grad(grad(lambda t: (t * t) ** 2))), (0.0,), (1.0,))[1],
        gives=24.0,
    ),
    "a rule without a return": Call(
        lambda: pulled(with_rule(squared, lambda y, ybar, x: None)),
        lambda: pulled(with_rule(squared, lambda y, ybar, x: 2 * ybar * x)),
        gives=2 * X,
    ),
    "a rule of another shape": Call(
        lambda: grad(lambda a: np.sum(not_summed(a, B)))(X),
        lambda: grad(lambda a: np.sum(sums_of_broadcasts(a, B)))(X),
        lambda: grad(lambda a: np.sum(summed(a, B)))(X),
        gives=numpy.sum(B, 0),
    ),
    "a linear rule of another shape": Call(
        lambda: pulled(with_rule(lambda x: 2 * x, lambda y, ybar, x: numpy.ones((2, 2)), define=linear)),
        lambda: pulled(with_rule(lambda x: 2 * x, lambda y, ybar, x: 2 * ybar, define=linear)),
        gives=[2.0, 2.0, 2.0],
    ),
    "a complex cotangent": Call(
        lambda: pulled(with_rule(squared, lambda y, ybar, x: 2 * ybar * x * (1 + 1j))),
        lambda: pulled(with_rule(squared, lambda y, ybar, x: np.real(2 * ybar * x * (1 + 1j)))),
        gives=2 * X,
    ),
    "a complex elementwise cotangent": Call(
        lambda: pulled(with_rule(squared, lambda y, ybar, x: 2 * ybar * x * (1 + 1j), define=elementwise)),
        lambda: pulled(
            with_rule(squared, lambda y, ybar, x: np.real(2 * ybar * x * (1 + 1j)), define=elementwise)
        ),
        gives=2 * X,
    ),
    "tangents of two results": Call(
        lambda: tangents(by_two_results(X)),
        lambda: tangents(both_results(lambda y, xdot, x: (2 * xdot, None))),
        gives=numpy.stack([2 * X, 0 * X]),
    ),
    "a tangent without a return": Call(
        lambda: pushed(doubled_by(lambda y, xdot, x: None)),
        lambda: pushed(doubled_by(lambda y, xdot, x: 2 * xdot)),
        gives=2 * X,
    ),
    "a tangent of another shape": Call(
        lambda: pushed(doubled_by(lambda y, xdot, x: xdot[:2])),
        lambda: pushed(doubled_by(lambda y, xdot, x: 2 * xdot)),
        gives=2 * X,
    ),
    "a complex tangent": Call(
        lambda: pushed(doubled_by(lambda y, xdot, x: 2j * xdot)),
        lambda: pushed(doubled_by(lambda y, xdot, x: np.real(2j * xdot))),
        gives=0 * X,
    ),
    "a rule of no primitive": Call(
        lambda: defvjp(squared, lambda y, ybar, x: 2 * ybar * x),
        lambda: pulled(with_rule(squared, lambda y, ybar, x: 2 * ybar * x)),
        gives=2 * X,
    ),
    "a rule of autograd's form": Call(
        lambda: with_rule(squared, lambda ans, x: lambda g: 2 * g * x),
        lambda: pulled(with_rule(squared, lambda y, ybar, x: 2 * ybar * x)),
        gives=2 * X,
    ),
    "a keyword that no rule handles": Program(
        lambda x: numpy.cumsum(x**2, out=numpy.zeros(3)), lambda x: numpy.cumsum(x**2)
    ),
    "arguments by position": Program(
        lambda x: declared_positions(x, 2.0, 3.0),
        lambda x: declared_positions(x, 2.0, more=3.0),
        plain=lambda x: x * 6.0,
    ),
    "a second rule": Call(
        lambda: (with_second(), with_second_rule())[1],
        lambda: pulled(with_rule(squared, lambda y, ybar, x: 2 * ybar * x)),
        gives=2 * X,
    ),
    "no rule for an argument": Program(
        lambda x: of_one_rule(x, x**2),
        lambda x: of_one_rule(x, stop_gradient(x**2)),
        plain=lambda x: x * X**2,
    ),
    "no rule at all": Program(
        lambda x: ADD_ONE(x) * x,
        lambda x: (x + 1) * x,
        lambda x: with_rule(lambda x: x + 1, lambda y, ybar, x: ybar)(x) * x,
    ),
    "no rule, as a constant": Program(
        lambda x: ADD_ONE(x) * x, lambda x: ADD_ONE(stop_gradient(x)) * x, plain=lambda x: (X + 1) * x
    ),
    "a duration": Program(
        lambda x: numpy.timedelta64(36, "h") * x,
        lambda x: numpy.timedelta64(36, "h") / numpy.timedelta64(1, "D") * x,
        plain=lambda x: 1.5 * x,
    ),
    "a duration of Python's": Program(
        lambda x: datetime.timedelta(seconds=3) * x[0],
        lambda x: datetime.timedelta(seconds=3).total_seconds() * x[0],
        plain=lambda x: 3.0 * x[0],
    ),
}


@primitive
def declared_positions(x, scale, more=1.0):
    return x * scale * more


elementwise(declared_positions, lambda y, ybar, x, scale, *, more=1.0: ybar * scale * more)

of_one_rule = primitive(lambda a, b: a * b)
defvjp(of_one_rule, lambda y, ybar, a, b: ybar * b, argnums=0)
second = primitive(lambda x: 2 * x)


def with_second():
    if not second_has_rule:
        second_has_rule.append(defvjp(second, lambda y, ybar, x: 2 * ybar))


def with_second_rule():
    def another(y, ybar, x):
        return ybar + ybar

    defvjp(second, another)


second_has_rule = []

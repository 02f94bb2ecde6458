"""The optimizers go where those of PyTorch and optax go, over any container, and change nothing given."""

import json
import math
import pickle
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path

import numpy as onp
import pytest

import funad.numpy as np
from funad import grad, jvp, optimizers, tree
from funad.errors import ArgumentError, ArgumentTypeError
from funad.optimizers import (
    adagrad,
    adam,
    adamw,
    clip_by_norm,
    clip_by_value,
    constant,
    cosine_decay,
    exponential_decay,
    global_norm,
    momentum,
    nesterov,
    piecewise,
    rmsprop,
    sgd,
    warmup,
)

from .data.trajectories import START, STEPS, X, Y

ALL = {
    "sgd": sgd(0.1),
    "momentum": momentum(0.05, 0.8),
    "nesterov": nesterov(0.05, 0.8),
    "adagrad": adagrad(0.1),
    "rmsprop": rmsprop(0.02, 0.9),
    "adam": adam(0.03, 0.8, 0.99),
    "adamw": adamw(0.03, weight_decay=0.1),
}
SCHEDULES = {
    "exponential_decay": exponential_decay(0.1, 0.9),
    "staircase": exponential_decay(0.1, 0.5, every=4, staircase=True),
    "cosine_decay": cosine_decay(0.1, 40, 0.01),
    "piecewise": piecewise(0.1, {7: 0.025, 2: 0.05}),
    "warmup": warmup(0.1, 4),
}
CLIPPED = {
    "clip_by_value": lambda slope: clip_by_value(slope, 0.3),
    "clip_by_norm": lambda slope: clip_by_norm(slope, 0.5),
}
EITHER = pytest.mark.parametrize("optimizer", ALL.values(), ids=ALL)


def walk(optimizer, slope, params, steps, clip=lambda slope: slope):
    """Return the parameters after each of some steps, from a first one on."""
    state, points = optimizer.init(params), []
    for _ in range(steps):
        params, state = optimizer.update(clip(slope(params)), state, params)
        points.append(params)
    return points


# --- against the figures of others


def layer(params):
    W, b = params
    return np.sum((np.tanh(W @ X + b[:, None]) - Y) ** 2)


def recorded():
    for name in ("torch", "optax"):
        found = json.loads((Path(__file__).parent / "data" / f"{name}.json").read_text())
        for key, points in found["points"].items():
            yield pytest.param(name, key, points, id=f"{name}-{key}")


OURS = {
    **{name: (optimizer, lambda slope: slope) for name, optimizer in ALL.items()},
    **{name: (sgd(rate), lambda slope: slope) for name, rate in SCHEDULES.items()},
    **{name: (sgd(0.1), clip) for name, clip in CLIPPED.items()},
    "adagrad_without_eps": (adagrad(0.1, eps=0.0), lambda slope: slope),
}


@pytest.mark.parametrize(("library", "name", "wanted"), list(recorded()))
def test_the_steps_are_those_of(library, name, wanted):
    optimizer, clip = OURS[name]
    start = (START[:6].reshape(2, 3), START[6:])
    points = walk(optimizer, grad(layer), start, max(STEPS), clip)
    got = [tree.ravel(points[step - 1])[0] for step in STEPS]
    # optax computes these rates in float32
    rounded = library == "optax" and name in ("exponential_decay", "staircase", "warmup")
    onp.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6 if rounded else 1e-13)


def test_both_libraries_are_compared_with_in_all_that_they_have():
    seen = {}
    for row in recorded():
        seen.setdefault(row.values[0], set()).add(row.values[1])
    assert set(OURS) - seen["torch"] == {"adagrad_without_eps", "clip_by_norm"}
    assert set(OURS) - seen["optax"] == {"adagrad"}


# --- parameters of all kinds


@dataclass
class Line:
    slope: float
    offset: float


Pair = namedtuple("Pair", "left right")
CONTAINERS = [
    1.5,
    onp.array([1.5, -2.0]),
    [1.5, [onp.array([[0.5]])], ()],
    {"w": (1.5, onp.array(2.0)), "b": Pair(onp.zeros((0, 3)), -1.0)},
    Line(1.5, -0.5),
]


@EITHER
@pytest.mark.parametrize("params", CONTAINERS, ids=lambda params: type(params).__name__)
def test_parameters_may_be_any_container_and_each_number_goes_its_own_way(optimizer, params):
    def square(params):
        return sum(np.sum((leaf - 0.25) ** 2) for leaf in tree.flatten(params)[0])

    moved = walk(optimizer, grad(square), params, 5)[-1]
    leaves, structure = tree.flatten(params)
    found, same = tree.flatten(moved)
    assert same == structure
    for new, old in zip(found, leaves, strict=True):
        assert onp.shape(new) == onp.shape(old)
        assert (type(new) is float) == (type(old) is float)
        numbers = [walk(optimizer, grad(square), float(x), 5)[-1] for x in onp.ravel(old)]
        onp.testing.assert_allclose(onp.ravel(new), numbers, rtol=1e-15)


@EITHER
def test_every_dtype_stays(optimizer):
    params = {
        "double": onp.array([1.0, -2.0]),
        "single": onp.array([1.0, -2.0], onp.float32),
        "half": onp.array([1.0, -2.0], onp.float16),
        "number": onp.float32(3.0),
        "complex": onp.array([1.0 + 2.0j], onp.complex64),
    }
    slope = tree.map(lambda p: p / 4, params)
    new, state = optimizer.update(slope, optimizer.init(params), params)
    new, state = optimizer.update(slope, state, new)
    for found in (new, *state.moments[:1]):
        kinds = {name: leaf.dtype.name for name, leaf in found.items()}
        wanted = {name: leaf.dtype.name for name, leaf in params.items()}
        if found is not new and optimizer in (ALL["adagrad"], ALL["rmsprop"]):
            wanted["complex"] = "float32"  # a sum of |g|²
        assert kinds == wanted


@pytest.mark.parametrize(
    "rate", [onp.float64(0.5), lambda step: onp.float64(0.5), lambda step: onp.array(0.5)]
)
def test_a_rate_of_double_precision_leaves_single_precision_alone(rate):
    init, update = momentum(rate)
    params = onp.ones(3, onp.float32)
    assert update(params, init(params), params)[0].dtype == onp.float32


@EITHER
def test_the_loss_of_complex_parameters_falls_to_its_minimum(optimizer):
    goal = onp.array([1.0 - 2.0j, -0.5 + 0.1j])

    def distance(z):
        return np.sum(np.abs(z - goal) ** 2)

    points = walk(optimizer, grad(distance), onp.zeros(2, complex), 400)
    decayed = 0.1 if optimizer is ALL["adamw"] else 0.05
    assert distance(points[-1]) < decayed


@EITHER
def test_turning_complex_parameters_turns_their_way(optimizer):
    turn = onp.exp(0.7j)

    def loss(z):
        return np.sum(np.abs(z - 2.0) ** 2)

    plain = walk(optimizer, grad(loss), onp.array([1.0j]), 5)[-1]
    turned = walk(optimizer, grad(lambda z: loss(z / turn)), onp.array([1.0j]) * turn, 5)[-1]
    onp.testing.assert_allclose(turned, plain * turn, rtol=1e-13)


@EITHER
def test_no_parameters_are_no_trouble(optimizer):
    assert optimizer.update({}, optimizer.init({}), {})[0] == {}


# --- purity


@EITHER
def test_nothing_that_is_given_is_changed(optimizer):
    params = {"w": onp.array([1.0, -2.0]), "b": onp.array(0.5)}
    slope = {"w": onp.array([0.1, 0.3]), "b": onp.array(-1.0)}
    _, state = optimizer.update(slope, optimizer.init(params), params)
    given = (slope, state, params)
    before = pickle.dumps(given)
    for leaf in tree.flatten(given)[0]:
        if isinstance(leaf, onp.ndarray):
            leaf.flags.writeable = False  # a write would raise
    first = optimizer.update(*given)
    again = optimizer.update(*given)
    assert pickle.dumps(given) == before
    assert pickle.dumps(first) == pickle.dumps(again)


@EITHER
def test_what_comes_back_shares_no_memory_with_what_was_given(optimizer):
    params = onp.array([1.0, -2.0])
    slope = onp.array([0.1, 0.3])
    start = optimizer.init(params)
    new, state = optimizer.update(slope, start, params)
    for leaf in (new, *state.moments):
        assert not any(onp.shares_memory(leaf, old) for old in (params, slope, *start.moments))


@EITHER
def test_a_saved_state_goes_on_where_it_stood(optimizer):
    def slope(x):
        return 2 * x

    whole = walk(optimizer, slope, onp.array([1.0, -2.0]), 6)[-1]
    params, state = onp.array([1.0, -2.0]), optimizer.init(onp.array([1.0, -2.0]))
    for _ in range(3):
        params, state = optimizer.update(slope(params), state, params)
    optimizer, params, state = pickle.loads(pickle.dumps((optimizer, params, state)))
    assert state.step == 3
    for _ in range(3):
        params, state = optimizer.update(slope(params), state, params)
    onp.testing.assert_array_equal(params, whole)


# --- derivatives of whole trainings


MAKERS = {"sgd": sgd, "momentum": momentum, "nesterov": nesterov, "adagrad": adagrad}
MAKERS |= {"rmsprop": rmsprop, "adam": adam, "adamw": adamw}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("clip", [lambda slope: slope, lambda slope: clip_by_norm(slope, 0.5)])
def test_a_training_can_be_differentiated_by_its_rate_and_its_start(make, clip):
    def after(rate, start):
        points = walk(make(rate), grad(lambda x: np.sum(x**4 - x)), start, 3, clip)
        return np.sum(points[-1] ** 2)

    rate, start, h = 0.05, onp.array([1.0, -1.5]), 1e-5
    direction = onp.array([0.3, -1.0])
    by_rate, by_start = grad(after, argnums=(0, 1))(rate, start)
    wanted = (after(rate + h, start) - after(rate - h, start)) / (2 * h)
    assert by_rate == pytest.approx(wanted, rel=1e-6)  # h² and rounding over h
    wanted = (after(rate, start + h * direction) - after(rate, start - h * direction)) / (2 * h)
    assert by_start @ direction == pytest.approx(wanted, rel=1e-6)
    _, tangent = jvp(after, (rate, start), (0.0, direction))
    assert tangent == pytest.approx(wanted, rel=1e-6)


# --- schedules


def test_schedules_have_the_values_of_their_formulas():
    assert [constant(0.3)(step) for step in (0, 10**6)] == [0.3, 0.3]
    assert exponential_decay(1.0, 0.25, every=2)(1) == 0.5
    assert [exponential_decay(1.0, 0.25, 2, staircase=True)(t) for t in range(5)] == [
        1,
        1,
        0.25,
        0.25,
        0.0625,
    ]
    assert cosine_decay(1.0, 4, 0.5)(1) == pytest.approx(0.5 + 0.25 * (1 + math.sqrt(0.5)), rel=1e-15)
    assert [cosine_decay(1.0, 4, 0.5)(step) for step in (0, 4, 5, 1000)] == [1.0, 0.5, 0.5, 0.5]
    assert [piecewise(3.0, {5: 1.0, 2: 2.0})(step) for step in (0, 1, 2, 4, 5, 9)] == [3, 3, 2, 2, 1, 1]
    assert piecewise(3.0, {})(7) == 3.0
    assert [piecewise(3.0, {0: 1.0})(step) for step in (0, 1)] == [1.0, 1.0]


def test_warming_up_goes_before_a_schedule():
    schedule = warmup(exponential_decay(8.0, 0.5), 2)
    assert [schedule(step) for step in range(4)] == [4.0, 4.0, 2.0, 1.0]
    assert warmup(0.5, 1)(0) == 0.5


def test_a_schedule_is_asked_for_every_step_from_zero_on():
    asked = []
    walk(sgd(lambda step: asked.append(step) or 0.1), lambda x: x, 1.0, 4)
    assert asked == [0, 1, 2, 3]


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_schedules_pickle(schedule):
    again = pickle.loads(pickle.dumps(schedule))
    assert [again(step) for step in range(9)] == [schedule(step) for step in range(9)]


# --- clipping


def test_a_gradient_within_the_limit_is_itself():
    slope = {"w": onp.array([3.0, 0.0]), "b": 4.0}
    assert clip_by_norm(slope, 5.0) is slope
    assert clip_by_norm({}, 1.0) == {}
    assert clip_by_norm(onp.zeros(3), 1.0).tolist() == [0.0, 0.0, 0.0]
    assert global_norm([onp.zeros((0, 2)), 0.0]) == 0.0


def test_clipping_keeps_dtypes_and_python_floats():
    slope = {"w": onp.array([3.0, 40.0], onp.float32), "b": -8.0, "z": onp.array([1 + 1j], onp.complex64)}
    short = clip_by_norm(slope, 1.0)
    assert short["w"].dtype == onp.float32
    assert short["z"].dtype == onp.complex64
    assert type(short["b"]) is float
    assert global_norm(short) == pytest.approx(1.0, rel=1e-6)  # float32
    assert clip_by_value(slope["w"], 5.0).dtype == onp.float32
    assert clip_by_value(-8.0, 5.0) == -5.0


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_squares_beyond_the_floats_do_not_spoil_a_norm(size):
    assert global_norm({"a": onp.array([3.0 * size]), "b": 4.0 * size}) == pytest.approx(
        5.0 * size, rel=1e-15
    )
    assert global_norm(onp.full(4, 3e38, onp.float32)) == pytest.approx(6e38, rel=1e-6)  # float32


@pytest.mark.parametrize("bad", [onp.nan, onp.inf])
@pytest.mark.parametrize("first", [True, False])
def test_what_is_no_number_is_not_hidden_by_clipping(bad, first):
    slope = {"a": bad, "b": 1.0} if first else {"a": 1.0, "b": bad}
    with onp.errstate(invalid="ignore"):
        short = clip_by_norm(slope, 1.0)
    assert onp.isnan(short["a" if first else "b"])
    assert onp.isnan(clip_by_value(onp.array([onp.nan, 2.0]), 1.0)).tolist() == [True, False]
    assert clip_by_value(onp.inf, 1.0) == 1.0


# --- what is refused


REFUSED = [
    (lambda: sgd(-0.1), ArgumentError, "a learning rate must be a number from 0 on, but is -0.1"),
    (lambda: sgd(math.nan), ArgumentError, "a learning rate must be a number from 0 on, but is nan"),
    (lambda: sgd("fast"), ArgumentError, "a learning rate must be a number from 0 on, but is 'fast'"),
    (lambda: sgd(onp.ones(2)), ArgumentError, "a learning rate must be a number from 0 on, but is array"),
    (lambda: adam(0.1, first=None), ArgumentError, "first must be a number from 0 to below 1, but is None"),
    (lambda: momentum(0.1, 1.0), ArgumentError, "decay must be a number from 0 to below 1, but is 1.0"),
    (lambda: nesterov(0.1, -0.5), ArgumentError, "decay must be a number from 0 to below 1, but is -0.5"),
    (lambda: adagrad(0.1, eps=-1), ArgumentError, "eps must be a number from 0 on, but is -1"),
    (lambda: rmsprop(0.1, decay=1), ArgumentError, "decay must be a number from 0 to below 1, but is 1"),
    (lambda: rmsprop(eps=math.nan), ArgumentError, "eps must be a number from 0 on, but is nan"),
    (lambda: adam(0.1, first=1.0), ArgumentError, "first must be a number from 0 to below 1"),
    (lambda: adam(0.1, second=2.0), ArgumentError, "second must be a number from 0 to below 1"),
    (lambda: adamw(weight_decay=-1), ArgumentError, "weight_decay must be a number from 0 on, but is -1"),
    (lambda: exponential_decay(0.1, 0.0), ArgumentError, "decay must be a finite number above 0, but is 0.0"),
    (lambda: exponential_decay(0.1, 0.5, 0), ArgumentError, "every must be 1 or more, but is 0"),
    (lambda: cosine_decay(0.1, 0), ArgumentError, "steps must be 1 or more, but is 0"),
    (lambda: cosine_decay(0.1, 5, -1.0), ArgumentError, "end must be a number from 0 on, but is -1.0"),
    (lambda: piecewise(0.1, {3: -1.0}), ArgumentError, "a learning rate must be a number from 0 on"),
    (lambda: piecewise(0.1, {-3: 1.0}), ArgumentError, "a step at which the rate changes must be 0 or more"),
    (lambda: warmup(0.1, 0), ArgumentError, "steps must be 1 or more, but is 0"),
    (lambda: clip_by_norm(1.0, 0.0), ArgumentError, "limit must be a number above 0, but is 0.0"),
    (lambda: clip_by_value(1.0, -1.0), ArgumentError, "limit must be a number above 0, but is -1.0"),
    (
        lambda: clip_by_value(1j, 1.0),
        ArgumentTypeError,
        r"complex ones \(complex\) have not; use clip_by_norm",
    ),
    (
        lambda: sgd(0.1).init({"w": [1.0, onp.arange(3)]}),
        ArgumentTypeError,
        r"an optimizer moves floats, but params\['w'\]\[1\] is int64\[3\]; make it a float",
    ),
    (
        lambda: sgd(0.1).update({"w": onp.ones((3, 1))}, sgd(0.1).init(0.0), {"w": onp.ones(3)}),
        ArgumentError,
        r"the gradient for params\['w'\] is float64\[3, 1\], but params\['w'\] is float64\[3\]",
    ),
    (
        lambda: sgd(0.1).update(1j, sgd(0.1).init(1.0), 1.0),
        ArgumentError,
        "the gradient for params is complex, but params is float",
    ),
    (
        lambda: momentum(0.1).update(onp.ones(2), momentum(0.1).init(onp.ones(3)), onp.ones(2)),
        ArgumentError,
        r"the state for params is float64\[3\], but params is float64\[2\]",
    ),
    (lambda: sgd(0.1).update([1.0], sgd(0.1).init(1.0), 1.0), ArgumentError, "the trees differ"),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_every_public_name_is_documented_with_an_example():
    for name in optimizers.__all__:
        text = getattr(optimizers, name).__doc__
        assert ">>>" in text or name in ("Optimizer", "State"), name

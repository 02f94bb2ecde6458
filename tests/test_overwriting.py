"""Constants that a program writes into after it has computed with them: what stood there counts."""

import array
import collections
import tracemalloc
from collections.abc import MutableSequence

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import given, settings

import funad
import funad.numpy as np
from funad import (
    custom_vjp,
    defvjp,
    grad,
    hessian,
    jacobian,
    jvp,
    linearize,
    primitive,
    snapshots,
    stop_gradient,
    value,
    vjp,
)
from funad.errors import NotDifferentiableError, OverwrittenError
from funad.tree import flatten
from funad.tree import map as tree_map

from .drawing import COMPOSITES, RULES, case_of, present

CALLS = [rule.values for rule in RULES] + [(f, 0) for f in COMPOSITES]
NAMES = [rule.id for rule in RULES] + [f"{f.__name__}-0" for f in COMPOSITES]


def mutable(x):
    """Return a copy that can be written into: arrays, and lists where the call had tuples of integers."""
    if isinstance(x, onp.ndarray):
        return onp.array(x)
    if hasattr(x, "_fields"):
        return type(x)(*map(mutable, x))
    if isinstance(x, (list, tuple)):
        return [mutable(part) for part in x] if isinstance(x, list) else tuple(map(mutable, x))
    return x


def spoil(x):
    """Write other values into every array and list of a constant."""
    if isinstance(x, onp.ndarray) and x.size:
        if x.dtype.kind == "b":
            x[...] = ~x
        elif x.dtype.kind in "iu":
            x[...] = 0 if onp.any(x) else 1
        elif x.dtype.kind in "fc":
            x[...] = onp.nan
    elif isinstance(x, (list, tuple)):
        for part in x:
            spoil(part)
        if isinstance(x, list):
            x.clear()


def pulled_back(f, at, argnum, spoiled):
    """Return x̄ of a call, whose constants are overwritten before the way back or are not."""
    args, kwargs = mutable(at.args), {name: mutable(x) for name, x in at.kwargs.items()}

    def of_x(x):
        given_args, given_kwargs = list(args), dict(kwargs)
        (given_args if isinstance(argnum, int) else given_kwargs)[argnum] = x
        y = f(*given_args, **given_kwargs)
        if spoiled:
            for n, constant in (*enumerate(args), *kwargs.items()):
                if n != argnum:
                    spoil(constant)
        return y

    y, vjp_f = funad.vjp(of_x, args[argnum] if isinstance(argnum, int) else kwargs[argnum])
    return vjp_f(tree_map(seed, y))


def seed(leaf):
    """Return a cotangent without symmetries."""
    return onp.cos(onp.arange(onp.size(leaf), dtype=float)).reshape(onp.shape(leaf))


def same(found, wanted):
    pairs = zip(flatten(found)[0], flatten(wanted)[0], strict=True)
    # To rounding: BLAS adds up in an order that depends on where an array lies in memory.
    return all(onp.allclose(a, b, rtol=1e-13, atol=1e-300, equal_nan=True) for a, b in pairs)


@pytest.mark.parametrize(("f", "argnum"), CALLS, ids=NAMES)
@settings(max_examples=4)
@given(data=st.data())
def test_a_constant_is_on_the_way_back_what_it_was_or_the_write_is_found(f, argnum, data):
    at = data.draw(case_of(f).draw)
    if not present(at, argnum):
        return
    wanted = pulled_back(f, at, argnum, False)
    assert same(pulled_back(f, at, argnum, True), wanted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "TINY", 0)
        assert same(pulled_back(f, at, argnum, True), wanted)
        patch.setattr(snapshots, "SMALL", 0)  # every array counts as a large one
        try:
            found = pulled_back(f, at, argnum, True)
        except OverwrittenError:
            return
        assert same(found, wanted)


LARGE = 200_000


@pytest.fixture
def large():
    return onp.linspace(0.5, 1.5, LARGE)


def thawed(b):
    b.flags.writeable = True
    b *= 3.0


WRITES = {
    "all": lambda b, view: b.fill(3.0),
    "one": lambda b, view: b.__setitem__(7, 3.0),
    "the first": lambda b, view: b.__setitem__(0, 3.0),
    "the last": lambda b, view: b.__setitem__(-1, 3.0),
    "in place": lambda b, view: b.__imul__(-1.0),
    "out": lambda b, view: onp.exp(b, out=b),
    "sorted": lambda b, view: b[::-1].sort(),
    "two changed places": lambda b, view: b.__setitem__([0, 9], b[[9, 0]]),
    "by a new view": lambda b, view: b[5:7].fill(3.0),
    "by an old view": lambda b, view: view.__setitem__(7, 3.0),
    "at": lambda b, view: onp.add.at(b, [3], 1.0),
    "in memory": lambda b, view: memoryview(b).__setitem__(17, 3.0),
    "thawed": lambda b, view: thawed(b),
}


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_into_a_large_constant_is_found(write, frozen, large):
    view = large[:]

    def f(x):
        y = np.sum(x * large) ** 2
        large.flags.writeable = True
        write(large, view)
        return y

    vjp_of, jvp_of = lambda x: vjp(f, x)[1](1.0), lambda x: linearize(f, x)[1](x)
    for derivative in (grad(f), vjp_of, jvp_of, jacobian(f), hessian(f)):
        large.flags.writeable = True
        large[:] = onp.linspace(0.5, 1.5, LARGE)
        large.flags.writeable = not frozen
        with pytest.raises(OverwrittenError, match=r"float64\[200000\].*np\.copy"):
            derivative(onp.ones(LARGE))


def test_a_large_constant_of_a_loop_is_compared_at_every_use(large):
    def f(x):
        y = 0.0
        for sign in (1.0, -1.0, 1.0):
            large[:] = sign
            y = y + np.sum(x * large) ** 2
        return y

    with pytest.raises(OverwrittenError):
        grad(f)(onp.ones(LARGE))


def test_a_write_between_vjp_and_the_way_back_is_found(large):
    y, vjp_f = vjp(lambda x: np.sum(x * large), onp.ones(LARGE))
    assert onp.array_equal(vjp_f(1.0), large)
    large[3] = 0.0
    with pytest.raises(OverwrittenError):
        vjp_f(1.0)


def test_a_write_behind_a_large_constant_that_repeats_numbers_is_found(large):
    def f(x):
        y = np.sum(x * onp.broadcast_to(large, (2, LARGE)))
        large[5] = 3.0
        return y

    with pytest.raises(OverwrittenError):
        grad(f)(onp.ones((2, LARGE)))


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("size", [12, 400])
@pytest.mark.parametrize(
    "change", [lambda b: setattr(b, "shape", (4, -1)), lambda b: setattr(b, "dtype", onp.int64)]
)
def test_a_constant_of_the_same_bytes_is_read_in_its_own_form(size, change):
    def f(x):
        b = onp.linspace(1.0, 2.0, size)
        y = np.sum((x * b) ** 2)
        change(b)
        return y + np.sum((np.reshape(x, b.shape) * b * 1e-18) ** 2)

    x = onp.linspace(0.5, 1.5, size)
    b = onp.linspace(1.0, 2.0, size)
    wanted = 2 * x * b**2
    change(b)
    wanted = wanted + 2 * x * (b.reshape(size) * 1e-18) ** 2
    onp.testing.assert_allclose(grad(f)(x), wanted, rtol=1e-12)


def test_large_constants_stay_as_they_are(large):
    def f(x):
        return np.sum(x * large[: LARGE // 2]) + np.sum(large) * x[0]

    grad(f)(onp.ones(LARGE // 2))
    assert large.flags.writeable


@funad.primitive
def weighted(x, w):
    return onp.sum(x * w)


funad.defvjp(weighted, lambda y, ybar, x, w: ybar * w)


@funad.primitive(containers=True)
def weighted_by_dict(x, params):
    return onp.sum(x * params["w"])


funad.defvjp(weighted_by_dict, lambda y, ybar, x, params: ybar * params["w"])


@funad.primitive
def weighted_by_constants(x, params):
    return onp.sum(x * params["w"])


funad.defvjp(weighted_by_constants, lambda y, ybar, x, params: ybar * params["w"])


@funad.primitive(containers=(0,))
def product_of(pair):
    return onp.sum(pair[0] * pair[1])


funad.defvjp(product_of, lambda y, ybar, pair: [ybar * pair[1], ybar * pair[0]])

weighted_by_rule = funad.custom_vjp(
    lambda x, w: np.sum(x * w),
    lambda x, w: (np.sum(x * w), {"w": w}),
    lambda kept, ybar: (ybar * kept["w"], None),
)
STEPS = {
    "primitive": weighted,
    "primitive of containers": lambda x, w: weighted_by_dict(x, {"w": w}),
    "primitive of a dict of constants": lambda x, w: weighted_by_constants(x, {"w": w}),
    "primitive of a list with a constant": lambda x, w: product_of([x, w]),
    "custom_vjp": weighted_by_rule,
    "checkpoint": funad.checkpoint(lambda x, w: np.sum(x * w)),
    "numerical": funad.numerical(lambda x, w: float(onp.sum(x * w))),
    "inner gradient": lambda x, w: np.sum(x * grad(lambda x: np.sum(x * w))(x)),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("size", [3, 500, LARGE])
def test_a_step_of_any_kind_has_its_constants_as_they_were_or_the_write_is_found(step, size):
    if size > 3 and step is STEPS["numerical"]:
        return
    w = onp.linspace(0.5, 1.5, size)

    def f(x):
        y = step(x, w)
        w[:] = 7.0
        return y

    try:
        found = grad(f)(onp.ones(size))
    except OverwrittenError:
        assert size == LARGE
    else:
        onp.testing.assert_allclose(found, onp.linspace(0.5, 1.5, size), rtol=1e-8)


def test_a_residual_of_one_number_is_kept_as_it_was():
    buffer = onp.ones(3)
    rule = funad.custom_vjp(
        lambda x: np.sum(x * buffer), lambda x: (np.sum(x * buffer), buffer), lambda kept, ybar: ybar * kept
    )

    def f(x):
        y = rule(x)
        buffer[:] = 5.0
        return y

    assert grad(f)(onp.ones(3)).tolist() == [1.0, 1.0, 1.0]


def test_a_loop_that_computes_with_one_matrix_keeps_one_copy():
    matrix = onp.full((40, 40), 0.01)

    def f(x):
        for _ in range(1000):
            x = matrix @ x
        return np.sum(x)

    x = onp.ones(40)
    grad(f)(x)
    tracemalloc.start()
    grad(f)(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * matrix.nbytes


@pytest.mark.parametrize("function", [stop_gradient, value])
@pytest.mark.parametrize("written", [False, True], ids=["as it came", "written element by element"])
def test_what_is_handed_out_without_its_trace_is_a_copy(function, written):
    def f(x):
        z = np.zeros(2)
        for n in range(2):
            z[n] = x[n]
        z = z if written else x
        s = function(z)
        y = np.sum(s * x)
        if written:
            z[0] = 100.0 * x[1]
        s[:] = 100.0
        return y

    x = onp.array([0.3, 0.65])
    assert grad(f)(x).tolist() == [0.3, 0.65]
    assert f(x) == onp.sum(x * x) and x.tolist() == [0.3, 0.65]


def test_what_f_returns_as_aux_is_a_copy():
    y, vjp_f, aux = vjp(lambda x: (np.sum(np.exp(x)), np.exp(x)), onp.zeros(2), has_aux=True)
    aux[:] = 5.0
    assert vjp_f(1.0).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("write", [lambda z, a: z.__setitem__(slice(None), a**2), lambda z, a: z.__iadd__(a)])
def test_a_checkpointed_function_may_write_into_arrays_of_its_own_alone(write):
    def outside(x):
        z = np.zeros(2)
        funad.checkpoint(lambda a: write(z, a))(x)
        return np.sum(z)

    def inside(x):
        z = np.zeros(2)
        z[:] = x

        def f(a):
            w = np.zeros(2)
            write(w, a)
            return np.sum(w * z)

        return funad.checkpoint(f)(x)

    x = onp.array([1.0, 2.0])
    for derivative in (grad(outside), hessian(outside)):
        with pytest.raises(NotDifferentiableError, match="made outside of it"):
            derivative(x)
    onp.testing.assert_allclose(grad(inside)(x), x * (3 * x if write(np.zeros(2), x) is None else 2))


# --- what functions of the user's return


def with_buffer(result):
    """Return a primitive exp that returns what ``result`` makes of an array that every call writes into."""
    buffer = onp.empty(2)
    f = primitive(lambda x: result(onp.exp(x, out=buffer)))
    return f, buffer


X2 = onp.array([0.3, 0.7])
SLOPE2 = onp.exp(X2) + 2 * onp.exp(2 * X2)


@pytest.mark.parametrize("result", [lambda y: y, lambda y: y[:], lambda y: y.reshape(1, 2)[0]])
def test_a_primitive_may_go_on_to_use_the_array_that_it_has_returned(result):
    exp, _ = with_buffer(result)
    defvjp(exp, lambda y, ybar, x: ybar * y)
    assert onp.allclose(grad(lambda x: np.sum(exp(x)) + np.sum(exp(2 * x)))(X2), SLOPE2)
    assert onp.allclose(grad(lambda x: np.sum(exp(x) * exp(2 * x)))(X2), 3 * onp.exp(3 * X2))
    assert onp.allclose(
        jvp(lambda x: np.sum(exp(x) * exp(2 * x)), (X2,), (X2,))[1], onp.sum(3 * X2 * onp.exp(3 * X2))
    )


def test_a_primitive_may_go_on_to_use_an_array_in_the_tuple_that_it_has_returned():
    exp, _ = with_buffer(lambda y: (y, 1.0))
    defvjp(exp, lambda y, ybar, x: ybar[0] * y[0])
    assert onp.allclose(grad(lambda x: np.sum(exp(x)[0]) + np.sum(exp(2 * x)[0]))(X2), SLOPE2)


@pytest.mark.parametrize("residual", ["the result", "a copy"])
def test_the_forward_function_of_custom_vjp_may_go_on_to_use_the_array_that_it_has_returned(residual):
    buffer = onp.empty(2)

    def forward(x):
        onp.exp(x, out=buffer)
        return buffer, buffer if residual == "the result" else buffer.copy()

    exp = custom_vjp(onp.exp, forward, lambda y, ybar: ybar * y)
    assert onp.allclose(grad(lambda x: np.sum(exp(x)) + np.sum(exp(2 * x)))(X2), SLOPE2)
    assert onp.allclose(grad(lambda x: np.sum(exp(x) * exp(2 * x)))(X2), 3 * onp.exp(3 * X2))


@pytest.mark.parametrize("start", [lambda x: np.zeros(2), lambda x: np.zeros(2) + x, lambda x: x * 1.0])
@pytest.mark.parametrize("f", [lambda x: x[:1], lambda x: x])
def test_a_write_into_the_part_of_an_argument_that_a_primitive_has_returned_is_refused(start, f):
    view = primitive(f)
    defvjp(view, lambda y, ybar, x: np.concatenate([ybar, np.zeros(len(x) - len(ybar))]))

    def written(x):
        z = start(x)
        view(z)[0] = 5.0
        return np.sum(z * x)

    with pytest.raises(ValueError, match="read-only"):
        grad(written)(X2)
    assert onp.array_equal(grad(lambda x: np.sum(view(x) ** 2))(X2)[:1], 2 * X2[:1])


# --- sequences that are no lists


class Shelf(MutableSequence):
    """A sequence of a class of the user's, which keeps a list."""

    def __init__(self, parts):
        self.parts = list(parts)

    def __getitem__(self, n):
        return self.parts[n]

    def __setitem__(self, n, part):
        self.parts[n] = part

    def __delitem__(self, n):
        del self.parts[n]

    def __len__(self):
        return len(self.parts)

    def insert(self, n, part):
        self.parts.insert(n, part)


SEQUENCES = [
    collections.UserList,
    collections.deque,
    lambda parts: array.array("l", parts),
    lambda parts: memoryview(array.array("l", parts)),
    type("Subclass", (list,), {}),
    Shelf,
]
CALLS_ON_SEQUENCES = [
    lambda x, s: np.take(x, s) * onp.array([1.0, 5.0]),
    lambda x, s: x[s] * onp.array([1.0, 5.0]),
    lambda x, s: x * s,
    lambda x, s: np.multiply(x, s),
    lambda x, s: np.dot(x, s),
    lambda x, s: np.dot(s, x),
    lambda x, s: np.vdot(x, s),
    lambda x, s: np.matmul(x, s),
    lambda x, s: np.where(s, x, 2 * x),
    lambda x, s: np.concatenate([x, s]) ** 2,
    lambda x, s: np.average(x, weights=s),
]


@pytest.mark.parametrize("kind", SEQUENCES)
@pytest.mark.parametrize("f", CALLS_ON_SEQUENCES)
def test_what_a_program_writes_into_a_sequence_after_a_call_does_not_count(kind, f):
    def of(sequence, x):
        s = sequence([0, 1])
        y = np.sum(f(x, s)) ** 2
        s[0] = 1
        return y

    x = onp.array([2.0, 3.0])
    try:
        of(kind, x)
    except (TypeError, IndexError):
        return  # NumPy does not take it either
    wanted = grad(lambda x: np.sum(f(x, [0, 1])) ** 2)(x)
    assert onp.array_equal(grad(lambda x: of(kind, x))(x), wanted)
    assert onp.isclose(jvp(lambda x: of(kind, x), (x,), (x,))[1], wanted @ x)
    assert onp.allclose(hessian(lambda x: of(kind, x))(x), hessian(lambda x: of(list, x))(x))


@pytest.mark.parametrize("kind", SEQUENCES)
def test_a_primitive_is_given_a_sequence_as_it_is_and_its_rule_as_it_was(kind):
    seen = []

    def f(x, s):
        seen.append(type(s))
        return x * onp.array(s)

    product = primitive(f)
    defvjp(product, lambda y, ybar, x, s: ybar * onp.array(s), None)

    def of(x):
        s = kind([0, 1])
        y = np.sum(product(x, s)) ** 2
        s[0] = 1
        return y

    x = onp.array([2.0, 3.0])
    assert onp.array_equal(grad(of)(x), [0.0, 6.0])
    assert seen == [type(kind([0, 1]))]


def test_an_array_module_array_keeps_its_dtype_beside_a_traced_array():
    x = onp.ones(2, onp.float32)
    y, back = vjp(lambda x: np.multiply(x, array.array("f", [1.0, 2.0])), x)
    assert y.dtype == onp.float32 and onp.array_equal(back(onp.ones(2, onp.float32)), [1.0, 2.0])


# --- the differentiated argument, written into by another name


class _Model:
    def __init__(self, size):
        self.w = onp.ones(size)

    def after(self, w):
        y = np.sum(w**2)
        self.w += 1.0
        return y

    def before(self, w):
        self.w[0] = 5.0
        return np.sum(w**2)

    def last(self, w):
        y = np.sum(w**2)
        self.w[-1] = 5.0
        return y


WAYS = {
    "grad": lambda f, w: grad(f)(w),
    "value_and_grad": lambda f, w: funad.value_and_grad(f)(w),
    "vjp": lambda f, w: vjp(f, w),
    "jvp": lambda f, w: jvp(f, (w,), (onp.ones_like(w),)),
    "linearize": lambda f, w: funad.linearize(f, w),
    "jacobian": lambda f, w: funad.jacobian(f)(w),
    "hvp": lambda f, w: funad.hvp(f)(w, onp.ones_like(w)),
    "of two": lambda f, w: grad(lambda w, b: f(w) + b, argnums=(0, 1))(w, 1.0),
    "of a dict": lambda f, w: grad(lambda p: f(p["w"]))({"w": w}),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", ["after", "before", "last"])
@pytest.mark.parametrize("size", [3, (2, 3), 2000, 20_000])
@pytest.mark.parametrize("seen", [lambda w: w, lambda w: w[:], lambda w: w.T], ids=["it", "view", "turned"])
def test_a_write_into_the_argument_by_another_name_is_refused(way, name, size, seen):
    model = _Model(size)
    with pytest.raises(OverwrittenError, match="wrote into its argument.*by another name"):
        way(getattr(model, name), seen(model.w))


def test_writes_into_the_argument_itself_and_between_calls_are_no_fault():
    w = onp.array([1.0, 2.0])

    def f(x):
        x[0] = 3.0
        return np.sum(x**2)

    gradient = grad(f)
    assert gradient(w).tolist() == [0, 4] and w.tolist() == [1, 2]
    w += 1.0
    assert gradient(w).tolist() == [0, 6]
    _, vjp_f = vjp(lambda x: np.sum(x**2), w)
    w[:] = 9.0
    assert vjp_f(1.0).tolist() == [4, 6]


@pytest.mark.parametrize("kind", [bool, float])
def test_a_mask_made_like_a_traced_array_may_be_written_to_once_it_was_an_index(kind):
    def f(x):
        mask, y = np.ones_like(x, dtype=kind), np.zeros_like(x)
        where = mask if kind is bool else mask > 0
        y[where] = 2.0 * x[where]
        where[where.copy()] = x[where] > 0.15
        y[where] = y[where] ** 2
        where[:] = False
        return np.sum(y)

    x = onp.array([0.1, 0.2, 0.3])
    assert grad(f)(x) == pytest.approx(onp.array([2.0, 1.6, 2.4]))
    assert jvp(f, (x,), (onp.ones(3),))[1] == pytest.approx(6.0)

"""Random NumPy programs have the derivatives of NumPy, and so has every program that once had not."""

import functools
import itertools
import re

import hypothesis.strategies as st
import numpy as onp
import pytest
from hypothesis import assume, given, settings

import funad.numpy as fnp
from funad import containers, fast, grad, hvp, jacfwd, jacrev, jvp, memory, value_and_grad
from funad.errors import ArgumentError, NotDifferentiableError
from funad.traces import pushforward
from funad.traces import reverse as tape
from funad.transforms import reverse

from .random_programs import Writer, in_namespace, program_of, write_twins

pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # from NumPy 2.5 on

STEP = 1e-4
SHAPES = [(3,), (2, 3), (3, 3), (4,), (2, 2), (6,), (1,), (2, 2, 2)]


def differences(f, x, step):
    """The gradient of f by central differences."""
    around = onp.eye(x.size).reshape(-1, *x.shape) * step
    return onp.array([(f(x + e) - f(x - e)) / (2 * step) for e in around]).reshape(x.shape)


def expected(text, x):
    """Return value and gradient as NumPy has them; None for the gradient where there is a kink."""
    program = program_of(text)
    f = lambda x: program(onp, x.copy())
    coarse, fine = differences(f, x, STEP), differences(f, x, STEP / 2)
    smooth = onp.allclose(coarse, fine, rtol=1e-4, atol=1e-5) and onp.max(onp.abs(fine)) < 1e5
    return f(x), (4 * fine - coarse) / 3 if smooth else None


def agree(found, wanted):
    scale = 1 + onp.max(onp.abs(wanted), initial=0)
    assert onp.shape(found) == onp.shape(wanted)
    onp.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-4 * scale)


def holds(f, x, value, slope):
    """Hold value, reverse mode, forward mode and second order of f; x stays as it is."""
    before, v = x.copy(), onp.cos(onp.arange(1.0, x.size + 1)).reshape(x.shape)
    y, found = value_and_grad(f)(x)
    onp.testing.assert_allclose(y, value, rtol=1e-9, atol=1e-9)
    agree(found, slope)
    assert type(found) is onp.ndarray and found.dtype == x.dtype
    y, ydot = jvp(f, (x,), (v,))
    onp.testing.assert_allclose(y, value, rtol=1e-9, atol=1e-9)
    agree(ydot, onp.sum(slope * v))
    along = lambda step: (grad(f)(x + step * v) - grad(f)(x - step * v)) / (2 * step)
    coarse, fine = along(STEP), along(STEP / 2)
    product = hvp(f)(x, v)
    if onp.allclose(coarse, fine, rtol=1e-4, atol=1e-4):
        agree(product, fine)
    assert x.tobytes() == before.tobytes()


def held(text, x):
    """Hold a program through the namespace and in plain NumPy, where that lets traced values through."""
    value, slope = expected(text, x)
    assume(slope is not None)
    try:
        holds(lambda x: program_of(in_namespace(text))(fnp, x), x, value, slope)
    except onp.linalg.LinAlgError:  # a matrix whose decomposition has no derivative
        assume(False)
    except (ArgumentError, NotDifferentiableError) as error:
        # A checkpoint closes over what is written to afterwards; one kink is inside of another.
        if not re.search("gave another result|one kink inside of another", str(error)):
            raise
        assume(False)
    try:
        holds(lambda x: program_of(text)(onp, x), x, value, slope)
    except NotDifferentiableError as error:
        if "plain array" not in str(error):  # np.array([...]), which NumPy does not pass on
            raise


@settings(max_examples=12 * settings().max_examples)
@given(data=st.data())
def test_random_programs_have_the_derivatives_of_numpy(data):
    shape = data.draw(st.sampled_from(SHAPES))
    x = onp.random.default_rng(data.draw(st.integers(0, 99))).uniform(-1.4, 1.4, shape)
    writer = Writer(lambda n: data.draw(st.integers(0, n - 1)), x)
    held(writer.write(data.draw(st.integers(1, 8))), x)


@settings(max_examples=4 * settings().max_examples)
@given(data=st.data())
def test_random_smooth_functions_of_kinks_have_the_derivatives_of_their_twins(data):
    x = onp.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, -0.5]), min_size=2, max_size=3)))
    program, twin = write_twins(lambda n: data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, 4)))
    f, plain = (functools.partial(program_of(text), fnp) for text in (program, twin))
    with onp.errstate(all="ignore"):
        wanted = jacrev(grad(plain))(x)
        for outer, inner in itertools.product((jacrev, jacfwd), repeat=2):
            agree(outer(inner(f))(x), wanted)


@settings(max_examples=2 * settings().max_examples)
@given(data=st.data())
def test_random_functions_of_kinks_have_the_same_derivatives_of_jvp_as_of_grad(data):
    x = onp.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, -0.5]), min_size=2, max_size=3)))
    program, _ = write_twins(lambda n: data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, 4)))
    f = functools.partial(program_of(program), fnp)
    by_columns = lambda x: fnp.stack([jvp(f, (x,), (e,))[1] for e in onp.eye(x.size)])
    with onp.errstate(all="ignore"):
        for outer in (jacrev, jacfwd):
            agree(outer(by_columns)(x), outer(grad(f))(x))


# --- the smallest programs in which something was wrong once

VECTOR, MATRIX = onp.array([0.3, -0.8, 1.1, 0.6]), onp.array([[0.4, -0.7, 0.9], [1.2, 0.5, -0.3]])
SQUARE = MATRIX[:, :2].copy()
FAULTS = {
    "einsum of one operand gives a view": (MATRIX, "y = np.einsum('ij->ji', x)\ny[0] *= 2.0\ny = x"),
    "einsum of a written array too": (
        MATRIX,
        "x[0] = 0.5\ny = np.einsum('ij->ji', x)\ny[0] *= x[1, 1]\ny = x",
    ),
    "flatten gives a copy": (MATRIX, "y = x.flatten()\ny[0] = 2.0\ny = x"),
    "item gives a number": (VECTOR, "y = x[:1].item()\ny += 1.0\ny = x * y"),
    "a view of a view in two traces": (VECTOR, "y = x * 2.0\ny.reshape(-1)[0] = x.sum()"),
    "asarray in two traces": (VECTOR, "y = np.asarray(x) * np.ascontiguousarray(x) * np.asanyarray(x)"),
    "a boolean as an index gives a copy": (VECTOR, "y = x[x[0] > 0]\ny **= 2\ny = x"),
    "a boolean in an index gives a copy": (MATRIX, "y = x[True, 0]\ny **= 2\ny = x"),
    "a new axis of a number is no view": (VECTOR, "y = x.sum()\nz = y[np.newaxis]\nz[0] = x[0]\ny = y * z"),
    "an array without axes": (VECTOR, "y = np.where(x[0] > 0.2, x[0], 1.0)\ny[...] = y * x[1]"),
    "put into an array without axes": (VECTOR, "y = np.where(x[0] > 0.2, x[0], 1.0)\ny.put([0], x.sum())"),
    "a tangent that a rule has filled": (SQUARE, "y = np.linalg.matrix_power(x, 2)\ny[0] = 0.7"),
    "full of a traced value": (VECTOR, "y = np.full(3, x.sum())\ny[0] = x[1]\ny[::-1][1:] *= x[2]"),
    "meshgrid gives copies": (VECTOR, "y = np.meshgrid(x, x)[0]\ny[0] = 0.5 * x[1]"),
    "repeat of an array without axes": (SQUARE, "y = np.repeat(np.linalg.det(x), 2, axis=0)"),
    "fill_diagonal with a list": (SQUARE, "y = x * 1.0\nnp.fill_diagonal(y, [x.sum(), 0.2])"),
    "copyto from a list": (SQUARE, "y = x * 1.0\nnp.copyto(y, [x.sum(), 0.2])"),
    "put_along_axis with a list": (
        SQUARE,
        "y = x * 1.0\nnp.put_along_axis(y, np.array([[0], [1]]), [[x.sum()], [0.2]], 1)",
    ),
    "put of nothing": (VECTOR, "y = x * 1.0\nnp.put(y, [0, 1], x[5:])"),
    "put of nothing anywhere": (VECTOR, "y = x * 1.0\nnp.put(y, [0, 9], x[5:])"),
    "putmask of nothing": (VECTOR, "y = x * 1.0\nnp.putmask(y, y > 0, x[5:])"),
    "fill_diagonal of nothing": (SQUARE, "y = x[5:]\nnp.fill_diagonal(y, np.sin(x))\ny = x"),
    "flat of nothing": (VECTOR, "y = x[5:]\ny.flat = x\ny = x"),
    "the shape of nothing": (VECTOR, "y = x[5:] * 1.0\ny.shape = (-1, 2)\ny = x"),
    "the first power is the matrix itself": (SQUARE, "y = np.linalg.matrix_power(x, 1)\ny[0] = 0.5\ny = x"),
    "real_if_close gives a view": (VECTOR, "y = np.real_if_close(x)\ny[0] = 0.5\ny = x"),
    "conj of real numbers gives the array itself": (VECTOR, "y = x.conj()\ny[0] = 0.5\ny = x"),
    "astype without a copy": (VECTOR, "y = x.astype(float, copy=False)\ny[0] = 0.5\ny = x"),
    "block of one array gives a copy": (SQUARE, "y = np.block(x)\ny[0] = 0.5\ny = x"),
    "atleast_2d of a written array gives a view": (VECTOR, "x[0] = x[1]\ny = np.atleast_2d(x)\nx %= 0.7"),
    "broadcast_arrays of a written array": (
        SQUARE,
        "x[:] = x[::-1] * 2.0\ny = np.broadcast_arrays(x, x)[0]\nx[0] = 0.5\ny = np.linalg.det(x) * y",
    ),
    "an empty part of a written array": (VECTOR, "y = np.zeros_like(x)\ny += x\ny[5:] -= 0.7"),
    "ravel of every second element of a written array gives a copy": (
        VECTOR,
        "y = x[::2]\nnp.copyto(y, y * 2.0, where=y > 0)\ny.ravel()[[1, -1]] = y[[1, -1]] * 0.5",
    ),
    "meshgrid gives copies by rows": (
        VECTOR,
        "y = np.meshgrid(x[::2], x[::2])[0]\ny.reshape(-1)[0] = x.sum()",
    ),
    "a tangent laid out otherwise": (SQUARE, "y = np.linspace(x, 1.0, 3)\ny.reshape(-1)[0] = x.sum()"),
    "copy of a number": (SQUARE, "y = np.trace(x).copy()\nz = y\nz += 1.0"),
    "copy by rows": (MATRIX, "y = x.T.copy()\ny.shape = (-1,)\ny[1] *= 3.0"),
    "fill_diagonal with nothing": (SQUARE, "y = x * 1.0\nnp.fill_diagonal(y, x[5:])"),
    "interp beyond its points gives a number": (
        VECTOR,
        "y = np.interp(9.0, np.arange(4.0), x)\nz = y\nz += 1.0",
    ),
    "interp of one point gives a number": (VECTOR, "y = np.interp(0.3, x[:1], x[1:2])\nz = y\nz *= 3.0"),
    "the shape of the real part": (SQUARE, "y = x.real\ny.shape = (-1,)\ny = x.sum(axis=-1)"),
}  # fmt: skip
# NumPy does not pass these on.
IN_NAMESPACE_ONLY = ("asarray in two traces", "full of a traced value")


@pytest.mark.parametrize("name", FAULTS)
def test_what_was_wrong_once(name):
    x, text = FAULTS[name]
    text += "\nloss = np.sum(np.sin(x) * 1.3) + np.sum(y * y)"
    value, slope = expected(text, x)
    assert slope is not None
    holds(lambda x: program_of(text)(fnp, x), x, value, slope)
    if name not in IN_NAMESPACE_ONLY:
        holds(lambda x: program_of(text)(onp, x), x, value, slope)


@pytest.mark.parametrize("seed", range(40))
def test_small_arrays_have_the_same_derivatives_by_the_ways_of_large_ones(seed, monkeypatch):
    for module in (containers, fast, memory, pushforward, reverse, tape):
        monkeypatch.setattr(module, "WORTH_DROPPING", -1)
    rng = onp.random.default_rng(seed)
    x = rng.uniform(-1.4, 1.4, SHAPES[seed % len(SHAPES)])
    text = Writer(lambda n: int(rng.integers(n)), x).write(6)
    value, slope = expected(text, x)
    if slope is not None:
        holds(lambda x: program_of(in_namespace(text))(fnp, x), x, value, slope)

"""Reads and writes through views: what is touched costs, not the array that it is a part of."""

import os

import numpy
import pytest

from funad import grad, hvp, indices, jacrev, jvp, writing
from funad import numpy as np
from funad.indices import Scatter, place_of
from funad.testing import Call, check_vjp
from funad.traces import cotangents, forward, pushforward, reverse

from .support import trace

SHAPE = (24, 30)
X = numpy.random.default_rng(0).normal(size=720)
WINDOW = numpy.lib.stride_tricks.sliding_window_view


@pytest.fixture(autouse=True)
def _small_arrays(monkeypatch):
    """Treat the arrays of these tests as large ones."""
    monkeypatch.setattr(indices, "ELEMENTS_PER_PIECE", 100)


def _two(x):
    return x.reshape(SHAPE)


def _three(x):
    return x.reshape(4, 6, 30)


READS = {
    "slice": lambda x, k: x[1:][k],
    "slice from behind": lambda x, k: x[5:-3:3][-k - 1],
    "negative step": lambda x, k: x[::-2][k],
    "slice of a slice": lambda x, k: x[3:][::2][1:][k],
    "new axes": lambda x, k: x[None, :, None][0, k, 0] + x[None, 2:][..., k : k + 1][0, 0],
    "reshape": lambda x, k: x.reshape(1, -1)[0, k] * _two(x)[k, 2 * k],
    "reshape by columns": lambda x, k: x.reshape(SHAPE, order="F")[k, k + 1],
    "ravel": lambda x, k: _two(x).ravel()[k] ** 2,
    "ravel by columns": lambda x, k: _two(x).ravel(order="F")[k + 1] ** 2,
    "ravel as it lies": lambda x, k: _two(x).T.ravel(order="A")[k] * _two(x).T.ravel(order="K")[k + 5],
    "transpose": lambda x, k: _two(x).T[k, 2 * k],
    "row of a transpose": lambda x, k: np.sum(_two(x).T[k] ** 3 * numpy.arange(24)),
    "part of a row of a transpose": lambda x, k: np.sum(_two(x).T[k, 9:2:-2] ** 3),
    "block": lambda x, k: np.sum(_three(x).transpose(2, 0, 1)[k, 2:4, ::-1] ** 3 * numpy.arange(6)),
    "turned block": lambda x, k: np.sum(_three(x).transpose(2, 1, 0)[k, 2:4] ** 3 * numpy.arange(4)),
    "swapaxes": lambda x, k: np.swapaxes(_three(x), 0, 2)[k, 1, 3] ** 2,
    "moveaxis": lambda x, k: np.moveaxis(_three(x), 0, 2)[1, k, 2] ** 2,
    "flip and rot90": lambda x, k: np.flip(x)[k] * np.rot90(_two(x))[k, 3],
    "diagonal": lambda x, k: np.diagonal(_two(x))[k] ** 2 * np.diagonal(_two(x), 2)[[k, 3]][0],
    "broadcast": lambda x, k: np.broadcast_to(x, (3, 720))[2, k] * np.sum(np.broadcast_to(x, (3, 720))[:, k]),
    "windows": lambda x, k: np.sum(WINDOW(x, 3)[k] ** 2 * numpy.arange(3)),
    "split": lambda x, k: np.split(x, 2)[1][k] ** 2,
    "squeeze and expand_dims": lambda x, k: np.squeeze(x[None])[k] * np.expand_dims(x, 0)[0, k + 1],
    "asarray and real": lambda x, k: np.asarray(x)[k] * x.real[k + 1] + x.imag[k],
    "parts of complex numbers": lambda x, k: (x * (1 + 2j))[1:].real[k] * (x * (1 + 2j)).imag[2:][k],
    "without zeros at the ends": lambda x, k: np.trim_zeros(x)[k] ** 2,
    "array of positions": lambda x, k: np.sum(x[1:][[k, k, 3]] ** 2 * numpy.arange(3)),
    "flat": lambda x, k: x.flat[k] * _two(x).flat[-k - 2] * _two(x).flat[numpy.int8(k)],
    "part of flat": lambda x, k: np.sum(_two(x).flat[k : k + 9 : 2] ** 2) + np.sum(x.flat[[k, -k, 3]] ** 2),
    "item": lambda x, k: x.item(k) * _two(x).item(7 * k) * _two(x).item(k, -2) * _two(x).item((1, k)),
}  # fmt: skip


def _total(read):
    return lambda x: sum((k + 1) * read(x, k) ** 2 for k in range(4))


@pytest.mark.parametrize("name", READS)
def test_a_read_through_a_view_has_its_derivatives(name):
    f, v = _total(READS[name]), numpy.random.default_rng(1).normal(size=720)
    step = 1e-5  # the error of a central difference is of the order of its square
    slope = (f(X + step * v) - f(X - step * v)) / (2 * step)
    numpy.testing.assert_allclose(grad(f)(X) @ v, slope, rtol=1e-6, atol=1e-7)
    numpy.testing.assert_allclose(jvp(f, (X,), (v,))[1], slope, rtol=1e-6, atol=1e-7)
    curved = (grad(f)(X + step * v) - grad(f)(X - step * v)) / (2 * step)
    numpy.testing.assert_allclose(hvp(f)(X, v), curved, rtol=1e-5, atol=1e-6)
    for second in (
        grad(lambda x: np.sum(grad(f)(x) * v)),
        grad(lambda x: jvp(f, (x,), (v,))[1]),
    ):
        numpy.testing.assert_allclose(second(X), curved, rtol=1e-5, atol=1e-6)
    rows = jacrev(lambda x: np.stack([f(x), x[3] * x[1:][4]]))(X)
    numpy.testing.assert_allclose(rows[0], grad(f)(X), rtol=1e-9, atol=1e-12)


FEW = [
    "slice", "slice from behind", "negative step", "slice of a slice", "new axes", "reshape", "ravel",
    "reshape by columns", "transpose", "row of a transpose", "part of a row of a transpose",
    "array of positions",
    "swapaxes", "moveaxis", "flip and rot90", "diagonal", "squeeze and expand_dims", "flat", "part of flat",
    "item",
]  # fmt: skip


@pytest.mark.skipif(os.environ.get("FUNAD_FAST") == "0", reason="it is about time and memory")
@pytest.mark.parametrize("name", FEW)
def test_a_read_through_a_view_makes_no_array_of_the_size_of_the_whole(name, monkeypatch):
    made = []
    dense = Scatter.dense

    def noting(self):
        made.append(self.like.shape)
        return dense(self)

    monkeypatch.setattr(Scatter, "dense", noting)
    grad(_total(READS[name]))(X)
    whole = [shape for shape in made if numpy.prod(shape) > 100]
    assert whole in ([], [X.shape])  # the gradient, if it was not made at once


@pytest.mark.parametrize("read", [lambda x: x.flat[3], lambda x: x.item(3), lambda x: x.item(3, 4)])
def test_an_element_of_flat_is_one_step(read):
    x = numpy.ones((20, 30))
    if read(x) is not None:
        _, tape = trace(lambda xs: read(xs[0]), [x])
        assert len(tape.end()) == 2 + 7  # slots of the input, and one call


@pytest.mark.parametrize("index", [7, -8, [0, 9], numpy.array([3, -8]), "x"])
def test_flat_refuses_what_that_of_numpy_refuses(index):
    with pytest.raises((IndexError, ValueError)):
        numpy.ones((2, 3)).flat[index]
    with pytest.raises((IndexError, ValueError)):
        grad(lambda x: x.flat[index])(numpy.ones((2, 3)))


@pytest.mark.parametrize("index", [..., numpy.array([True, False, True, False, True, True]), [], 2])
def test_flat_takes_every_index_that_that_of_numpy_takes(index):
    x = numpy.arange(6.0).reshape(2, 3) + 1
    check_vjp(lambda x: np.sum(x.flat[index] ** 2), Call((x,)), 0)
    assert grad(lambda x: np.sum(x.flat[index]))(x).sum() == numpy.size(x.flat[index])


def test_a_place_is_found_for_slices_alone():
    whole = numpy.empty((4, 5, 6), numpy.int8)
    for index in ((1, 2, 3, ...), (slice(1, 3), 2, slice(4, None, -2)), (..., 0), (0,), (None, 2, None, 1)):
        place = place_of(whole[index], whole)
        marked = numpy.zeros(whole.shape, bool)
        marked[index] = True
        found = numpy.zeros(whole.shape, bool)
        found[place] = True
        assert (found == marked).all()
    assert place_of(whole.T, whole) is None
    assert place_of(whole.reshape(-1)[::7], whole) is None
    assert place_of(numpy.diagonal(whole), whole) is None
    assert place_of(numpy.broadcast_to(whole, (2, 4, 5, 6)), whole) is None
    assert place_of(whole[:0], whole) is None
    assert place_of(whole.copy(), whole) is None


# --- writes


def _in_views(x):
    y = x * 1.0
    part, total = y[1:], 0.0
    for k in range(4):
        part[k] = part[k + 1] * x[k]
        total = total + y[2:][k] ** 2 * k
        y.T[k] = part[k] ** 2 + _two(y)[1, k]
        y.flat[k + 9] = y.flat[k] * x[3]
        np.put(y, -k - 1, x[k])
    return total + np.sum(y**2)


def _recurrence(x):
    y = np.zeros(720)
    for k in range(1, 40):
        y[k] = np.sin(y[k - 1]) * 0.5 + x[k]
        y[k : k + 2] += 0.1 * y[k]
    return np.sum(y**2)


@pytest.mark.parametrize("f", [_in_views, _recurrence])
def test_writes_through_views_have_their_derivatives_to_second_order(f):
    v = numpy.random.default_rng(1).normal(size=720)
    step = 1e-6
    slope = (f(X + step * v) - f(X - step * v)) / (2 * step)
    numpy.testing.assert_allclose(grad(f)(X) @ v, slope, rtol=1e-6)
    numpy.testing.assert_allclose(jvp(f, (X,), (v,))[1], slope, rtol=1e-6)
    curved = (grad(f)(X + step * v) - grad(f)(X - step * v)) / (2 * step)
    for second in (
        lambda x: hvp(f)(x, v),
        grad(lambda x: np.sum(grad(f)(x) * v)),
        grad(lambda x: jvp(f, (x,), (v,))[1]),
    ):
        numpy.testing.assert_allclose(second(X), curved, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "second", [lambda f, x: hvp(f)(x, x), lambda f, x: grad(lambda x: np.sum(grad(f)(x)))(x)]
)
def test_the_second_derivative_of_assignments_copies_the_array_as_often_for_many_as_for_few(
    second, monkeypatch
):
    copied = []
    fresh = writing.fresh

    def noting(x):
        copied.append(numpy.shape(x) == (720,))
        return fresh(x)

    def filled(x, count):
        y = np.zeros(720)
        for k in range(1, count):
            y[k] = y[k - 1] * x[k]
        return np.sum(y**2)

    for module in (cotangents, forward, pushforward, reverse):
        monkeypatch.setattr(module, "fresh", noting)
    counts = []
    for count in (3, 30):
        copied.clear()
        second(lambda x, count=count: filled(x, count), X)
        counts.append(sum(copied))
    assert counts[0] == counts[1] <= 2


def test_axes_of_a_number_have_second_derivatives():
    f = lambda x: np.sum((x**2)[None] * x[None]) * np.sum(x[None, None] ** 2) + x**3
    for x in (numpy.float64(0.5), numpy.array(0.5)):
        assert hvp(f)(x, numpy.ones_like(x)) == pytest.approx(20 * 0.5**3 + 6 * 0.5)
        assert grad(grad(f))(x) == pytest.approx(20 * 0.5**3 + 6 * 0.5)


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x[None][0, 1:2],
        lambda x: x[:, None, :][2:5, :, 3],
        lambda x: np.expand_dims(x, 1)[2:4, :, 3:5],
        lambda x: np.reshape(x, (150, 1, 150))[2:4],
        lambda x: np.reshape(x, (22500, 1))[5:9],
        lambda x: x.T[3:5, None],
    ],
)
def test_a_part_of_a_view_with_axes_of_length_one_has_its_place_in_the_whole(read):
    x = numpy.arange(22500.0).reshape(150, 150)
    found = grad(lambda x: np.sum(read(x) ** 2) / 2)(x)
    wanted = numpy.zeros(22500)
    wanted[read(x).astype(int).ravel()] = read(x).ravel()
    numpy.testing.assert_array_equal(found, wanted.reshape(150, 150))

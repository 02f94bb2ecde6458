"""A smooth function of kinks has its own derivatives at the kink, to third order, in every mode.

Each is held to a twin that is written without the kink.
"""

import itertools
import warnings

import numpy as onp
import pytest

import funad.numpy as np
from funad import (
    Dual,
    checkpoint,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    value_and_grad,
    value_grad_and_hvp,
    vjp,
    vmap,
)
from funad.errors import NotDifferentiableError

norm = np.linalg.norm
ZERO, ONES, TIED = onp.zeros(2), onp.ones(2), onp.full(3, 3.0)
A = onp.array([[2.0, 0.5], [0.5, 3.0]])


def matern52(r):
    return (1 + 5**0.5 * r + 5 / 3 * r * r) * np.exp(-(5**0.5) * r)


def squared(f):
    return lambda x: np.sum(f(x) ** 2)


def distances(x):
    points = np.stack([x, 0.3 * x, 0 * x])
    return points[:, None, :] - points[None, :, :]


def of_squares(x):
    return np.sum(x * x)


# name: (with kinks, without, where)
TWINS = {
    "abs": (squared(np.abs), of_squares, ZERO),
    "abs as an operator": (squared(abs), of_squares, onp.array([1.0, 0.0])),
    "abs of a flat number": (lambda x: np.sum(np.abs(x**2)), of_squares, ZERO),
    "fabs": (lambda x: np.sum(np.cos(np.fabs(x))), lambda x: np.sum(np.cos(x)), ZERO),
    "cosh of abs": (lambda x: np.sum(np.cosh(np.abs(x))), lambda x: np.sum(np.cosh(x)), ZERO),
    "abs of two speeds": (lambda x: np.sum(np.abs(x) * np.abs(-3 * x)), lambda x: 3 * np.sum(x * x), ZERO),
    "complex abs": (lambda x: np.abs(x[0] + 1j * x[1]) ** 2, of_squares, ZERO),
    "copysign": (squared(lambda x: np.copysign(x, -1.0)), of_squares, ZERO),
    "copysign beside abs": (
        lambda x: np.sum(np.copysign(x, onp.array([-1.0, 1.0])) * np.abs(x)),
        lambda x: x[1] ** 2 - x[0] ** 2,
        ZERO,
    ),
    "norm": (lambda x: norm(x) ** 2, of_squares, ZERO),
    "norm beside another": (lambda x: norm(x) * norm(2 * x), lambda x: 2 * np.sum(x * x), ZERO),
    "norm beside a root": (lambda x: norm(x) * np.sqrt(np.sum(x * x)), of_squares, ZERO),
    "norm along an axis": (
        lambda x: np.sum(np.cos(norm(np.stack([x, x + 1]), axis=1))),
        lambda x: np.cos(np.sqrt(np.sum((x + 1) ** 2))) + 1 - np.sum(x * x) / 2,
        ZERO,
    ),
    "norm of a matrix": (lambda x: norm(x.reshape(2, 1), "fro", keepdims=True)[0, 0] ** 2, of_squares, ZERO),
    "nuclear norm of a row": (lambda x: norm(x.reshape(1, 2), "nuc") ** 2, of_squares, ZERO),
    "spectral norm of a column": (
        lambda x: np.linalg.matrix_norm(x.reshape(2, 1), ord=2) ** 2, of_squares, ZERO,
    ),
    "norms of one number": (
        lambda x: norm(x[:1], 1) ** 2 + norm(x[1:], np.inf) ** 2 + np.linalg.vector_norm(x[:1], ord=3) ** 2,
        lambda x: np.sum(x * x) + x[0] ** 2,
        ZERO,
    ),
    "norm of complex numbers": (lambda x: norm(x * (1 + 2j)) ** 2, lambda x: 5 * np.sum(x * x), ZERO),
    "Gaussian kernel": (lambda x: np.exp(-norm(x) ** 2 / 2), lambda x: np.exp(-np.sum(x * x) / 2), ZERO),
    "kernel of pairs": (
        lambda x: np.sum(np.exp(-(norm(distances(x), axis=-1) ** 2))),
        lambda x: np.sum(np.exp(-np.sum(distances(x) ** 2, axis=-1))),
        ZERO,
    ),
    "Matern 5/2": (lambda x: matern52(norm(x)), lambda x: 1 - 5 / 6 * np.sum(x * x), ZERO),
    "Matern 5/2 of a root": (
        lambda x: matern52(np.sqrt(np.sum(x * x))), lambda x: 1 - 5 / 6 * np.sum(x * x), ZERO,
    ),
    "root as a power": (lambda x: np.cos((x @ x) ** 0.5), lambda x: -np.sum(x * x) / 2, ZERO),
    "Mahalanobis distance": (lambda x: np.exp(-np.sqrt(x @ A @ x) ** 2), lambda x: np.exp(-x @ A @ x), ZERO),
    "root of a bounded square": (
        lambda x: np.cosh(np.sqrt(np.maximum(3 * np.sum(x * x) - 2 * np.sum(x * x), 0))),
        lambda x: np.sum(x * x) / 2,
        ZERO,
    ),
    "hypot": (lambda x: np.cos(np.hypot(x[0], x[1])), lambda x: -np.sum(x * x) / 2, ZERO),
    "hypot of a corner": (lambda x: np.hypot(np.abs(x[0]), x[1]) ** 2, of_squares, ZERO),
    "corner of a norm": (lambda x: np.maximum(2 * norm(x), 0) ** 2, lambda x: 4 * np.sum(x * x), ZERO),
    "sinc of norm": (lambda x: np.sinc(norm(x)), lambda x: -(onp.pi**2) / 6 * np.sum(x * x), ZERO),
    "great circle": (
        lambda x: np.arccos(np.cos(x[0]) * np.cos(x[1])) ** 2,
        of_squares,
        ZERO,
    ),
    "arcsin at its end": (lambda x: np.sum((np.arcsin(np.cos(x)) - onp.pi / 2) ** 2), of_squares, ZERO),
    "arccosh at its end": (squared(lambda x: np.arccosh(np.cosh(x))), of_squares, ZERO),
    "maximum": (squared(lambda x: np.maximum(x, -x)), of_squares, ZERO),
    "maximum of a flat number": (lambda x: np.sum(np.maximum(x**2, 0)), of_squares, ZERO),
    "maximum and minimum": (
        lambda x: np.sum(np.maximum(x, 0) ** 2 + np.minimum(x, 0) ** 2),
        of_squares,
        onp.array([0.0, 2.0]),
    ),
    "maximum of large numbers": (
        lambda x: np.maximum(x[0], x[1]) * np.minimum(x[0], x[1]),
        lambda x: x[0] * x[1],
        onp.full(2, 1e12),
    ),
    "fmax and fmin": (lambda x: np.fmax(x[0], x[1]) * np.fmin(x[0], x[1]), lambda x: x[0] * x[1], ONES),
    "clip": (lambda x: np.sum(np.clip(x, -1, 1) ** 2 + np.clip(x, 1, 2) ** 2), lambda x: np.sum(x * x), ONES),
    "max and min": (lambda x: np.max(x) ** 2 + np.min(x, initial=9.0) ** 2, of_squares, ONES),
    "max, median and min": (
        lambda x: np.max(x) ** 2 + np.median(x) ** 2 + np.min(x) ** 2, of_squares, TIED,
    ),
    "extremes along an axis": (
        lambda x: np.sum(np.nanmax(x.reshape(1, 2), axis=1) * np.nanmin(x.reshape(1, 2), axis=1)),
        lambda x: x[0] * x[1],
        ONES,
    ),
    "quantiles": (lambda x: np.sum(np.quantile(x, [0.0, 0.5, 1.0]) ** 2), of_squares, TIED),
    "sort": (squared(np.sort), of_squares, TIED),
    "ptp": (lambda x: np.ptp(x) ** 2, lambda x: (x[0] - x[1]) ** 2, ONES),
    "reduce and accumulate": (
        lambda x: np.maximum.reduce(x) * np.minimum.accumulate(x)[-1], lambda x: x[0] * x[1], ONES,
    ),
    "std": (lambda x: np.std(x) ** 2, np.var, ONES),
    "std whose mean is rounded": (lambda x: np.std(x) ** 2, np.var, onp.full(3, 0.1)),
    "std along an axis": (
        lambda x: np.sum(np.std(np.stack([x, x * x]), axis=1, ddof=1) ** 2),
        lambda x: np.sum(np.var(np.stack([x, x * x]), axis=1, ddof=1)),
        ONES,
    ),
    "nanstd": (lambda x: np.nanstd(x) ** 2, np.var, ONES),
    "root of var": (lambda x: np.sqrt(np.var(x)) ** 2, np.var, ONES),
    "ufunc with where": (
        lambda x: np.sum(np.abs(x, where=onp.array([True, False]), out=np.zeros(2)) ** 2),
        lambda x: x[0] ** 2,
        ZERO,
    ),
    "Huber": (lambda x: np.sum(np.where(np.abs(x) < 1, np.abs(x) ** 2, np.abs(x))), of_squares, ZERO),
    "maximum of three of one stack": (
        lambda x: np.sum(np.max(np.stack([x, 0.5 * x, -x]), axis=0) ** 2), of_squares, ZERO,
    ),
    "extremes of three slopes": (
        lambda x: np.sum(np.max(np.stack([3 * x, x, x]), axis=0) * np.minimum(x, 3 * x)),
        lambda x: 3 * x @ x,
        ZERO,
    ),
    "maximum of a norm and others": (
        lambda x: np.sum(np.max(np.stack([x, np.hypot(2 * x, x), -x]), axis=0) ** 2),
        lambda x: 5 * x @ x,
        ZERO,
    ),
    "roots and corners of several sizes": (
        lambda x: np.sum(np.sqrt((2 * x) ** 2) * np.abs(x) + np.hypot(x, x) * np.sqrt((3 * x) ** 2)),
        lambda x: (2 + 18**0.5) * x @ x,
        ZERO,
    ),
    "jump": (squared(lambda x: x * np.sign(x)), of_squares, ZERO),
    "jump beside a corner": (
        lambda x: np.sum(np.sign(x) * np.abs(x) * x + np.abs(x) * np.sign(x) * x), lambda x: 2 * x @ x, ZERO,
    ),
    "steps of both sides": (
        lambda x: np.sum((x * np.heaviside(x, 0.5)) ** 2 + (x * np.heaviside(-x, 0.5)) ** 2),
        of_squares,
        ZERO,
    ),
    "soft threshold": (
        lambda x: np.sum((np.sign(x) * np.maximum(np.abs(x) - 0.1, 0) - 1) ** 2 + x * x),
        lambda x: np.sum(x * x + np.where(x > 1, (x - 1.1) ** 2, 1)),
        onp.array([0.0, 2.0]),
    ),
    "maximum of an absolute value": (
        lambda x: np.sum(np.maximum(np.abs(x), x) ** 2 + np.maximum(0.5 * x, np.maximum(x, -x)) ** 2),
        lambda x: 2 * x @ x,
        ZERO,
    ),
    "bounds that are corners": (lambda x: np.sum(np.clip(x, -np.abs(x), np.abs(x)) ** 2), of_squares, ZERO),
    "maximum of a maximum": (
        lambda x: np.sum(
            np.maximum(np.maximum(x, 0), 0) ** 2 + np.minimum(np.minimum(x, 0), 0) ** 2
        ),
        of_squares,
        ZERO,
    ),
    "corner of corners": (
        lambda x: np.sum(np.abs(np.abs(x) - x) ** 2 + np.abs(np.abs(x) + x) ** 2), lambda x: 4 * x @ x, ZERO,
    ),
    "the safe logsumexp": (
        lambda x: np.max(x) + np.log(np.sum(np.exp(x - np.max(x)))),
        lambda x: np.log(np.sum(np.exp(x))),
        ONES,
    ),
}  # fmt: skip


def _rows(derivative, x):
    return onp.array([derivative(v) for v in onp.eye(x.size)])


MODES = {
    "forward over reverse": lambda f: jacfwd(grad(f)),
    "reverse over reverse": lambda f: jacrev(grad(f)),
    "forward over forward": lambda f: jacfwd(jacfwd(f)),
    "reverse over forward": lambda f: jacrev(jacfwd(f)),
    "hvp": lambda f: lambda x: _rows(lambda v: hvp(f)(x, v), x),
    "grad of vjp": lambda f: lambda x: _rows(lambda v: grad(lambda x: vjp(f, x)[1](1.0) @ v)(x), x),
    "linearize of grad": lambda f: lambda x: _rows(linearize(grad(f), x)[1], x),
}
OF_JVP = {
    "grad of jvp": lambda f: lambda x: _rows(lambda v: grad(lambda x: jvp(f, (x,), (v,))[1])(x), x),
    "jacfwd of jvp": lambda f: lambda x: _rows(lambda v: jacfwd(lambda x: jvp(f, (x,), (v,))[1])(x), x),
}


def hold(derivative, x, wanted):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of infinite slopes on the way
        found = derivative(x)
    assert type(found) is onp.ndarray
    onp.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("mode", (MODES | OF_JVP).values(), ids=MODES | OF_JVP)
def test_the_second_derivative_is_that_of_the_twin(name, mode):
    f, twin, x = TWINS[name]
    hold(mode(f), x, jacrev(grad(twin))(x))


@pytest.mark.parametrize("name", TWINS)
def test_the_twins_have_the_same_gradient_from_differences(name):
    f, _, x = TWINS[name]
    if x[0] > 1e9:
        return  # differences of such squares are rounding
    step = 1e-4
    around = [(jacrev(grad(TWINS[name][1]))(x) @ e, e) for e in onp.eye(x.size) + 0.1]
    for wanted, e in around:  # the gradient itself, on both sides of the kink
        slope = (grad(f)(x + step * e) - grad(f)(x - step * e)) / (2 * step)
        onp.testing.assert_allclose(slope, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["abs", "norm", "Matern 5/2 of a root", "maximum", "std", "max and min"])
def test_single_precision_has_them_too(name):
    f, twin, x = TWINS[name]
    found = hessian(f)(x.astype("f4"))
    assert found.dtype == onp.float32
    onp.testing.assert_allclose(found, jacrev(grad(twin))(x), rtol=1e-5, atol=1e-5)


# --- however the array is given


def written(x):
    """x as an array that the program has filled."""
    made = np.zeros(np.shape(x), np.asarray(x).dtype)
    made[:] = x
    return made


GIVEN = {"as written": written, "as a view of what is written": lambda x: written(written(x)[::-1])[::-1]}


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("mode", ["forward over reverse", "reverse over reverse", "reverse over forward"])
def test_the_second_derivative_of_an_array_that_is_written_to_is_that_of_the_twin(name, given, mode):
    f, twin, x = TWINS[name]
    hold(MODES[mode](lambda x: f(given(x))), x, jacrev(grad(twin))(x))


OF_TWO_NUMBERS = {
    "norm along an axis": (lambda x: norm(x, axis=-1) ** 2, of_squares),
    "norm of an order": (lambda x: norm(x, ord=2) ** 2, of_squares),
    "norm by name": (lambda x: norm(x=x, axis=0) ** 2, of_squares),
    "std along an axis": (lambda x: np.std(x, axis=0) ** 2, np.var),
    "std by name": (lambda x: np.std(a=x) ** 2, np.var),
    "ptp along an axis": (lambda x: np.ptp(x, axis=0) ** 2, lambda x: 4 * np.var(x)),
    "extremes along an axis": (lambda x: np.max(x, axis=0) ** 2 + np.min(x, axis=0) ** 2, of_squares),
    "extremes by name": (lambda x: np.max(a=x) ** 2 + np.min(a=x) ** 2, of_squares),
    "quantiles by name": (
        lambda x: np.sum(np.quantile(a=x, q=[0, 0.5, 1]) ** 2), lambda x: of_squares(x) + np.mean(x) ** 2,
    ),
}  # fmt: skip
AS = {
    "a traced value": lambda x: x,
    "an array that is written to": written,
    "a list": lambda x: [x[0], x[1]],
    "a tuple of what is written": lambda x: tuple(written(x)),
}


@pytest.mark.parametrize("name", OF_TWO_NUMBERS)
@pytest.mark.parametrize("given", AS.values(), ids=AS)
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_keywords_and_lists_have_the_second_derivative(name, given, mode):
    f, twin = OF_TWO_NUMBERS[name]
    hold(mode(lambda x: f(given(x))), ZERO, jacrev(grad(twin))(ZERO))


def test_an_operand_that_is_a_list_has_the_second_derivative():
    found = hessian(lambda x: np.sum(np.maximum([x[0], x[1]], [-x[0], -x[1]]) ** 2))(ZERO)
    onp.testing.assert_allclose(found, 2 * onp.eye(2))


def test_both_operands_that_are_written_to_have_the_second_derivative():
    def f(x):
        w = written(x)
        return np.sum(np.maximum(w, -w) ** 2) + np.sum(np.hypot(w, w) ** 2)

    onp.testing.assert_allclose(hessian(f)(ZERO), 6 * onp.eye(2))


# --- roots of quartics, which may be quadratics

OF_QUARTICS = {
    "root of a square of squares": lambda x: np.sqrt((x @ x) ** 2),
    "norm of an outer product": lambda x: norm(np.outer(x, x)),
    "root of a fourth power": lambda x: np.sum(np.sqrt(x**4)),
    "half a fourth power": lambda x: np.sum((x**4) ** 0.5),
    "root of the square of a cosine": lambda x: np.sum(np.sqrt((1 - np.cos(x)) ** 2)),
    "hypot of two quadratics": lambda x: np.hypot(x[0] ** 2 - x[1] ** 2, 2 * x[0] * x[1]),
    "complex abs of a square": lambda x: np.abs((x[0] + 1j * x[1]) ** 2),
    "cube root of a sixth power": lambda x: np.sum(np.cbrt(x**6)),
    "fourth root of an eighth power": lambda x: np.sum((x**8) ** 0.25),
    "std of two quadratics": lambda x: np.std(np.stack([x @ x, -(x @ x)])),
}


@pytest.mark.parametrize("name", OF_QUARTICS)
@pytest.mark.parametrize("mode", (MODES | OF_JVP).values(), ids=MODES | OF_JVP)
def test_the_second_derivative_of_a_root_of_a_quartic_is_nan(name, mode):
    with onp.errstate(all="ignore"):
        assert onp.isnan(onp.diag(mode(OF_QUARTICS[name])(ZERO))).all()


# --- ties of three values, of which the sizes on both sides differ, and roots of what opens

UNEVEN = {
    "maximum of three": lambda x: np.maximum(np.maximum(x, 0), -x) ** 2,
    "maximum of three slopes": lambda x: np.maximum(np.maximum(x, 0.5 * x), -x) ** 2,
    "maximum of four": lambda x: np.maximum(np.maximum(np.maximum(x, -x), 2 * x), -2 * x) ** 2,
    "sixth power of a cube root": lambda x: np.cbrt(x * x) ** 3,
    "third power of a power": lambda x: ((x * x) ** (1 / 3)) ** 3,
    "fourth power of a root of a corner": lambda x: np.sqrt(np.abs(x)) ** 4,
    "fourth power of half a corner": lambda x: (np.abs(x) ** 0.5) ** 4,
    "square of a norm of order three": lambda x: norm(np.concatenate([x, 2 * x]), 3) ** 2,
    "product of norms of two orders": lambda x: norm(np.concatenate([x, x]), 3) * norm(x),
    "root of a power that is not whole": lambda x: np.sqrt(x**1.5),
    "cube root of a power that is not whole": lambda x: np.cbrt(x**2.5),
    "power of a power that is not whole": lambda x: (x**2.5) ** 0.75,
    "corner of a root": lambda x: np.abs(np.sqrt(x)) + np.maximum(np.sqrt(x), -np.sqrt(x)),
    "norm of a root": lambda x: norm(np.stack([np.sqrt(x), x])),
    "norm of order three beside an infinite slope": lambda x: (
        norm(np.concatenate([x, 2 * x]), 3) * np.sqrt(x[0])
    ),
    "corner of a power that is not whole": lambda x: np.abs(x**1.5),
    "norm of powers that are not whole": lambda x: norm(np.stack([x, x]) ** 1.5),
    "norm of order three of such powers": lambda x: norm(np.concatenate([x, 2 * x]) ** 1.5, 3),
    "maximum of such powers": lambda x: np.max(np.concatenate([x, 2 * x]) ** 1.5),
    "root of a norm of cubes": lambda x: np.sqrt(norm(np.concatenate([x, x]) ** 3, 3)),
    "arccos of a fourth power": lambda x: np.arccos(1 - x**4),
    "arccosh of a corner": lambda x: np.arccosh(1 + np.abs(x)),
    "corner of a square with a jump": lambda x: np.abs(x * np.abs(x)) + x**1.5,
    "cube root of what is flat": lambda x: np.cbrt(x - np.sin(x)),
    "norm beside an infinite slope": lambda x: norm(np.stack([x, 2 * x])) * np.sqrt(x),
    "corner beside an infinite slope": lambda x: np.abs(x) * x**0.25,
    "power of a corner and an infinite slope": lambda x: (np.sqrt(x * x) + np.cbrt(x)) ** 3,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", UNEVEN)
@pytest.mark.parametrize("mode", (MODES | OF_JVP).values(), ids=MODES | OF_JVP)
def test_the_second_derivative_is_nan_where_no_infinitesimal_tells_it(name, mode):
    with onp.errstate(all="ignore"):
        found = mode(lambda x: np.sum(UNEVEN[name](x)))(ZERO[:1])
    assert not onp.isfinite(found).any()


# Without a second derivative, in sums and products of kinks that move apart.
OF_LINES = {
    "product of two corners": lambda x: np.abs(x[0]) * np.abs(x[1]),
    "square of a sum of corners": lambda x: norm(x, 1) ** 2,
    "square of the spread of corners": lambda x: np.std(np.abs(x)) ** 2,
    "variance of corners": lambda x: np.var(np.abs(x)),
    "square of the range of corners": lambda x: np.ptp(np.abs(x)) ** 2,
    "norm beside a corner": lambda x: norm(x) * np.abs(x[0]),
    "two norms": lambda x: norm(x) * norm(x * onp.array([1.0, 3.0])),
    "hypot beside a norm": lambda x: np.hypot(x[0], 2 * x[1]) * norm(x),
    "root beside a norm": lambda x: np.sqrt(x[0] ** 2 + 2 * x[1] ** 2) * norm(x),
    "three corners": lambda x: np.maximum(x[0], -x[0]) * np.maximum(x[1], -x[1]),
}


@pytest.mark.parametrize("name", OF_LINES)
@pytest.mark.parametrize("mode", (MODES | OF_JVP).values(), ids=MODES | OF_JVP)
def test_a_second_derivative_that_depends_on_the_line_is_nan(name, mode):
    found = mode(OF_LINES[name])(ZERO)
    assert onp.isnan(onp.diag(found)).all()


def test_kinks_that_move_apart_and_do_not_meet_have_second_derivatives():
    x = onp.array([[0.0, 0.0], [1.0, 2.0], [3.0, -1.0]])
    kernel = lambda a, b: np.sum(
        np.exp(-(norm(a[:, None] - b[None, :], axis=-1) ** 2)) * onp.arange(9).reshape(3, 3)
    )
    twin = lambda a, b: np.sum(
        np.exp(-np.sum((a[:, None] - b[None, :]) ** 2, axis=-1)) * onp.arange(9).reshape(3, 3)
    )
    for outer in (jacrev, jacfwd):
        found, wanted = (outer(lambda a: grad(lambda b: f(a, b))(x))(x) for f in (kernel, twin))
        onp.testing.assert_allclose(found, wanted, atol=1e-12)


OF_WHAT_RESTS = {
    "norm of zeros": lambda x: norm(0 * x) + x @ x,
    "norm of what is cut off": lambda x: norm(np.maximum(x - 1, 0)) + x @ x,
    "norm of cubes": lambda x: norm(x**3) + x @ x,
    "root of zeros": lambda x: np.sqrt(np.sum(0 * x)) + x @ x,
    "root of what is cut off": lambda x: np.sqrt(np.sum(np.maximum(x - 1, 0) ** 2)) + x @ x,
    "root of sixth powers": lambda x: np.sum(np.sqrt(x**6)) + x @ x,
    "std of one number": lambda x: np.std(x[:1]) + x @ x,
    "extremes of quadratics": lambda x: np.max(np.stack([x @ x, -(x @ x)])),
}


@pytest.mark.parametrize("name", OF_WHAT_RESTS)
@pytest.mark.parametrize("mode", (MODES | OF_JVP).values(), ids=MODES | OF_JVP)
def test_a_root_of_what_rests_or_is_flatter_adds_nothing(name, mode):
    hold(mode(OF_WHAT_RESTS[name]), ZERO, 2 * onp.eye(2))


# --- higher orders

OF_A_NUMBER = {
    "x abs(x)**2": (lambda x: x * np.abs(x) ** 2, (0, 6)),
    "exp(x) maximum(x, -x)**2": (lambda x: np.exp(x) * np.maximum(x, -x) ** 2, (2, 6)),
    "exp(x) norm**2": (lambda x: np.exp(x) * norm(np.stack([x, 2 * x])) ** 2, (10, 30)),
    "exp(x) std**2": (lambda x: np.exp(x) * np.std(np.stack([x, -x])) ** 2, (2, 6)),
    "exp(x) cosh(sqrt(x * x))": (lambda x: np.exp(x) * np.cosh(np.sqrt(x * x)), (2, 4)),
}
ONE = {"reverse": grad, "forward": lambda f: lambda x: jvp(f, (x,), (1.0,))[1]}


@pytest.mark.parametrize("name", OF_A_NUMBER)
@pytest.mark.parametrize("modes", list(itertools.product(ONE, repeat=3)), ids="-".join)
def test_the_third_derivative_is_right(name, modes):
    f, (second, third) = OF_A_NUMBER[name]
    for mode in modes[:2]:
        f = ONE[mode](f)
    assert float(f(0.0)) == pytest.approx(second, abs=1e-9)
    assert float(ONE[modes[2]](f)(0.0)) == pytest.approx(third, abs=1e-9)


@pytest.mark.parametrize("modes", list(itertools.product(ONE, repeat=3)), ids="-".join)
def test_another_derivative_beside_it_changes_no_third_derivative(modes):
    def twice(x):
        return ONE[modes[0]](np.abs)(x) * 0 + ONE[modes[0]](lambda x: x * np.abs(x) ** 2)(x)

    assert float(ONE[modes[2]](ONE[modes[1]](twice))(0.0)) == pytest.approx(6)


@pytest.mark.parametrize("name", OF_A_NUMBER)
def test_the_fourth_derivative_is_refused(name):
    f = OF_A_NUMBER[name][0]
    with pytest.raises(NotDifferentiableError, match="fourth derivative"):
        grad(grad(grad(grad(f))))(0.0)


def test_the_advice_has_the_fourth_derivative():
    x = onp.zeros(2)
    once = lambda f: lambda x: np.sum(grad(f)(x))
    f = once(once(lambda x: np.exp(-np.sum(x * x) / 2)))
    onp.testing.assert_allclose(hessian(f)(x), [[4.0, 2.0], [2.0, 4.0]])
    assert grad(grad(grad(grad(lambda x: np.exp(-(x * x) / 2)))))(0.0) == pytest.approx(3.0)


# --- what is not smooth keeps the slope of its corner, as if it were constant

CORNERS = {
    "a penalty": (lambda x: np.sum(np.abs(x)) + norm(x) + np.sum(x * x), ZERO, 2 * onp.eye(2)),
    "a hinge": (lambda x: np.sum(np.maximum(1 - x, 0)), ONES, onp.zeros((2, 2))),
    "a maximum of three": (np.max, TIED, onp.zeros((3, 3))),
    "a spread": (np.std, ONES, onp.zeros((2, 2))),
    "a root": (lambda x: np.sqrt(np.sum(x**2)), ZERO, onp.zeros((2, 2))),
}


@pytest.mark.parametrize("name", CORNERS)
@pytest.mark.parametrize("mode", (MODES | OF_JVP).values(), ids=list(MODES | OF_JVP))
def test_a_corner_adds_nothing(name, mode):
    f, x, wanted = CORNERS[name]
    hold(mode(f), x, wanted)


@pytest.mark.parametrize("mode", (MODES | OF_JVP).values(), ids=list(MODES | OF_JVP))
def test_a_network_with_ties_in_every_layer_has_finite_second_derivatives(mode):
    weights = onp.array([[0.5, -1.0, 2.0], [1.0, 0.3, -0.7]])

    def network(x):
        return np.sum(np.maximum(np.maximum(x @ weights, 0) @ weights.T, 0) ** 2)

    assert onp.isfinite(mode(network)(ZERO)).all()


@pytest.mark.parametrize("mode", (MODES | OF_JVP).values(), ids=list(MODES | OF_JVP))
def test_an_infinite_second_derivative_is_infinite(mode):
    inf = onp.inf
    hold(mode(lambda x: np.sum(np.abs(x) ** 1.5)), ZERO, [[inf, 0], [0, inf]])
    hold(mode(lambda x: norm(x, 1.5)), onp.array([0.0, 1.0]), [[inf, 0], [0, 0]])


# --- mixed derivatives, and other ways there


def kernel(x, y):
    return np.exp(-(norm(x - y) ** 2) / 2)


@pytest.mark.parametrize("outer", [jacobian, jacrev, jacfwd])
@pytest.mark.parametrize("inner", [grad, jacrev, jacfwd])
def test_the_mixed_derivative_of_a_kernel_at_one_point(outer, inner):
    found = outer(lambda x: inner(lambda y: kernel(x, y))(ZERO))(ZERO)
    onp.testing.assert_allclose(found, onp.eye(2), atol=1e-12)


@pytest.mark.parametrize("outer", [grad, jacfwd])
def test_the_mixed_derivative_of_two_that_tie(outer):
    product = lambda a, b: np.maximum(a, b) * np.minimum(a, b)
    assert outer(lambda b: grad(lambda a: product(a, b))(1.0))(1.0) == 1.0


def test_first_derivatives_and_values_keep_their_conventions_under_other_transformations():
    x = onp.zeros(2)
    onp.testing.assert_array_equal(grad(lambda x: value_and_grad(norm)(x)[0])(x), x)
    onp.testing.assert_array_equal(
        grad(lambda x: grad(lambda x: (np.sum(x), norm(x)), has_aux=True)(x)[1])(x), x
    )
    f = lambda x: np.abs(np.maximum(x, 0)) + np.sqrt(x * x) ** 2
    assert value_and_grad(lambda x: grad(f)(x))(0.0)[0] == grad(f)(0.0)


def test_other_transformations_have_them():
    f, v = TWINS["Gaussian kernel"][0], onp.array([1.0, 2.0])
    onp.testing.assert_allclose(value_grad_and_hvp(f)(ZERO, v)[2], -v)
    onp.testing.assert_allclose(hessian(checkpoint(f))(ZERO), -onp.eye(2))
    onp.testing.assert_allclose(hessian(lambda x: checkpoint(norm)(x) ** 2)(ZERO), 2 * onp.eye(2))
    onp.testing.assert_allclose(jacrev(lambda x: jvp(vjp(f, x)[1], (1.0,), (1.0,))[1])(ZERO), -onp.eye(2))
    assert elementwise_grad(elementwise_grad(lambda x: np.abs(x) ** 2))(ZERO).tolist() == [2, 2]
    assert grad(lambda x: np.abs(x) ** 2)(Dual(0.0, 1.0)).tangent == 2


def test_a_penalty_on_a_gradient_has_them():
    penalty = lambda x: np.sum(grad(lambda x: norm(x) ** 2)(x) ** 2)
    onp.testing.assert_allclose(hessian(penalty)(ZERO), 8 * onp.eye(2))


def test_large_arrays_have_them_too():
    x = onp.zeros(5000)
    x[::2] = 1.0
    f = lambda y: np.sum(np.maximum(y, x) ** 2 + np.minimum(y, x) ** 2)
    onp.testing.assert_allclose(hvp(f)(x, x + 1), 2 * (x + 1))


def test_a_tie_of_a_kink_on_one_side_has_them_in_reverse_mode():
    f = squared(lambda x: np.clip(x, -x, x))
    onp.testing.assert_allclose(hessian(f)(ZERO), 2 * onp.eye(2))
    onp.testing.assert_allclose(jacrev(grad(f))(ZERO), 2 * onp.eye(2))


# --- A root of zero, whose slope is infinite, raised again

FIRST = {
    "sqrt(x)**2": (lambda x: np.sqrt(x) ** 2, 1.0),
    "sqrt(x) * sqrt(x)": (lambda x: np.sqrt(x) * np.sqrt(x), 1.0),
    "sqrt(2x) * sqrt(3x)": (lambda x: np.sqrt(2 * x) * np.sqrt(3 * x), 6**0.5),
    "cbrt(x)**3": (lambda x: np.cbrt(x) ** 3, 1.0),
    "cbrt(-x)**3": (lambda x: np.cbrt(-x) ** 3, -1.0),
    "cos(sqrt(x))": (lambda x: np.cos(np.sqrt(x)), -0.5),
    "sinc(sqrt(x))": (lambda x: np.sinc(np.sqrt(x)), -(onp.pi**2) / 6),
    "sqrt(sqrt(x))**4": (lambda x: np.sqrt(np.sqrt(x)) ** 4, 1.0),
    "x**0.25 * x**0.75": (lambda x: x**0.25 * x**0.75, 1.0),
    "(x**1.5)**(2/3)": (lambda x: (x**1.5) ** (2 / 3), 1.0),
    "norm of roots, squared": (lambda x: norm(np.stack([np.sqrt(x), np.sqrt(x)])) ** 2, 2.0),
    "hypot of roots, squared": (lambda x: np.hypot(np.sqrt(x), np.sqrt(x)) ** 2, 2.0),
    "abs(sqrt(x))**2": (lambda x: np.abs(np.sqrt(x)) ** 2, 1.0),
    "arccos(1 - x)**2": (lambda x: np.arccos(1 - x) ** 2, 2.0),
    "arccos(x - 1)": (lambda x: (np.arccos(x - 1) - onp.pi) ** 2, 2.0),
    "arcsin(1 - x)**2": (lambda x: (onp.pi / 2 - np.arcsin(1 - x)) ** 2, 2.0),
    "arcsin(x - 1)": (lambda x: 1 - np.cos(onp.pi / 2 + np.arcsin(x - 1)), 1.0),
    "arccosh(1 + x)**2": (lambda x: np.arccosh(1 + x) ** 2, 2.0),
    "cbrt(x)**1.5": (lambda x: np.cbrt(x) ** 1.5, onp.inf),
    "abs(cbrt(x)) * cbrt(x)": (lambda x: np.abs(np.cbrt(x)) * np.cbrt(x), onp.inf),
    "cbrt(x)**2": (lambda x: np.cbrt(x) ** 2, 0.0),
    "sqrt(x**3)": (lambda x: np.sqrt(x**3), 0.0),
    "sqrt(x**2)": (lambda x: np.sqrt(x**2), 0.0),
    "a root of what is cut off": (lambda x: np.maximum(x - 1, 0) ** 0.25, 0.0),
    "sqrt(x) * cbrt(x)": (lambda x: np.sqrt(x) * np.cbrt(x), onp.inf),
    "sqrt(x)": (np.sqrt, onp.inf),
    "sqrt(x)**4": (lambda x: np.sqrt(x) ** 4, 0.0),
    "x * sqrt(x)": (lambda x: x * np.sqrt(x), 0.0),
    "cbrt(x)**6": (lambda x: np.cbrt(x) ** 6, 0.0),
    "0 * sqrt(x)": (lambda x: 0 * np.sqrt(x), 0.0),
    "the branch that is not taken": (lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0),
    "a floor": (lambda x: np.floor(np.sqrt(x)) * np.sqrt(x + 1), 0.0),
}
OF_FIRST_ORDER = {
    "grad": lambda f: grad(f)(0.0),
    "jvp": lambda f: jvp(f, (0.0,), (1.0,))[1],
    "vjp": lambda f: vjp(f, 0.0)[1](1.0),
    "linearize": lambda f: linearize(f, 0.0)[1](1.0),
    "single precision": lambda f: grad(f)(onp.float32(0.0)),
    "an array beside another number": lambda f: grad(lambda x: np.sum(f(x[0]) * x[1]))(onp.array([0.0, 1.0]))[
        0
    ],
    "a sum": lambda f: jacfwd(lambda x: np.sum(f(x)))(onp.array([0.0]))[0],
    "vmap": lambda f: vmap(grad(f))(onp.array([0.0, 1.0]))[0],
}


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("derivative", OF_FIRST_ORDER.values(), ids=OF_FIRST_ORDER)
@pytest.mark.parametrize("name", FIRST)
def test_a_first_derivative_that_depends_on_a_root_of_zero_is_the_limit(name, derivative):
    f, wanted = FIRST[name]
    single = derivative is OF_FIRST_ORDER["single precision"]
    assert float(derivative(f)) == pytest.approx(wanted, abs=1e-3 if single and "arc" in name else 1e-6)


FLAT_ROOTS = {
    "cbrt(x**3)": lambda x: np.cbrt(x**3),
    "cbrt(x * x * x)": lambda x: np.cbrt(x * x * x),
    "cbrt(x - sin(x))": lambda x: np.cbrt(x - np.sin(x)),
    "cbrt(arccosh(1 + x**3))": lambda x: np.cbrt(np.arccosh(1 + x**3)),
    "(x**3)**0.25": lambda x: (x**3) ** 0.25,
    "(x * sqrt(x))**0.5": lambda x: (x * np.sqrt(x)) ** 0.5,
    "sqrt(x * abs(x))": lambda x: np.sqrt(x * np.abs(x)),
    "cbrt(x * abs(x))**1.5": lambda x: np.cbrt(x * np.abs(x)) ** 1.5,
    "arccos(1 - x * abs(x))": lambda x: np.arccos(1 - x * np.abs(x)),
    "arccos(1 - x * sqrt(x))": lambda x: np.arccos(1 - x * np.sqrt(x)),
}


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("derivative", OF_FIRST_ORDER.values(), ids=OF_FIRST_ORDER)
@pytest.mark.parametrize("name", FLAT_ROOTS)
def test_the_derivative_of_a_root_of_what_is_flat_is_no_number(name, derivative):
    """It is 1, √2, 6^(-1/3) or ∞: the infinite slope of the root meets the slope 0 of what is in it."""
    assert not onp.isfinite(derivative(FLAT_ROOTS[name]))


def test_a_flat_root_is_not_known_where_it_is_and_nowhere_else():
    def f(x):
        y = np.zeros(4)
        y[:] = x**3
        return np.sum(np.cbrt(y) * np.array([1.0, 1.0, 0.0, 1.0]))

    x = onp.array([0.0, 2.0, 0.0, -1.0])
    with onp.errstate(all="ignore"):
        for found in (grad(f)(x), jacrev(f)(x)):
            onp.testing.assert_allclose(found, [onp.nan, 1, 0, 1], rtol=1e-12)
        assert onp.isnan(jvp(f, (x,), (onp.ones(4),))[1])


def test_what_two_roots_of_different_numbers_tend_to_is_no_derivative():
    with onp.errstate(all="ignore"):
        found = grad(lambda x: np.sqrt(x[0]) * np.sqrt(x[1]))(ZERO)
        assert onp.isnan(found).all()
        assert onp.isnan(grad(lambda x: (1 + np.sqrt(x)) * np.exp(-np.sqrt(x)))(0.0))  # or -½: no digits


def test_the_value_beside_such_a_derivative_is_plain():
    value, slope = value_and_grad(lambda x: np.cos(np.sqrt(x)) + 0 * np.sum(np.sqrt(x)))(0.0)
    assert type(value) is type(slope) is onp.float64
    assert (value, slope) == (1.0, -0.5)


def test_a_second_derivative_that_depends_on_roots_is_right_or_nan_in_mixed_modes():
    for f in (lambda x: x**0.5 * x**0.5 * x, lambda x: np.sqrt(x) * np.sqrt(x) * x):
        for second in SECOND.values():
            with onp.errstate(all="ignore"):
                found = float(second(f)(0.0))
            assert onp.isnan(found) or found == pytest.approx(2.0)


STEEP = {
    "sqrt(x)**4": (lambda x: np.sqrt(x) ** 4, 2.0),
    "x * sqrt(x) * sqrt(x)": (lambda x: x * np.sqrt(x) * np.sqrt(x), 2.0),
    "sqrt(x)**6": (lambda x: np.sqrt(x) ** 6, 0.0),
    "cbrt(x)**6": (lambda x: np.cbrt(x) ** 6, 2.0),
    "cbrt(x)**3": (lambda x: np.cbrt(x) ** 3, 0.0),
    "cos(sqrt(x))": (lambda x: np.cos(np.sqrt(x)), 1 / 12),
    "cos(sqrt(x)) beside zero": (lambda x: np.cos(np.sqrt(x)) + 0 * x, 1 / 12),
    "sinh(sqrt(x))**2": (lambda x: np.sinh(np.sqrt(x)) ** 2, 2 / 3),
    "sqrt of a sum of squares": (lambda x: np.sqrt(x * x) ** 2, 2.0),
    "power 1.5, squared": (lambda x: (x**1.5) ** 2, 0.0),
    "fourth power of arccos": (lambda x: np.arccos(1 - x) ** 4, 8.0),
}
SECOND = {
    "reverse over reverse": lambda f: grad(grad(f)),
    "forward over reverse": lambda f: lambda x: jvp(grad(f), (x,), (1.0,))[1],
    "reverse over forward": lambda f: grad(lambda x: jvp(f, (x,), (1.0,))[1]),
    "forward over forward": lambda f: lambda x: jvp(lambda x: jvp(f, (x,), (1.0,))[1], (x,), (1.0,))[1],
}


@pytest.mark.parametrize("second", SECOND.values(), ids=SECOND)
@pytest.mark.parametrize(("f", "wanted"), STEEP.values(), ids=STEEP)
def test_a_root_of_zero_that_is_raised_again_is_right_or_nan(f, wanted, second):
    found = float(second(f)(0.0))
    assert onp.isnan(found) or found == pytest.approx(wanted)


@pytest.mark.filterwarnings("ignore:divide by zero")  # as NumPy's own norm warns there
@pytest.mark.parametrize("second", SECOND.values(), ids=SECOND)
@pytest.mark.parametrize("order", [-1, -2, -3, -2.5])
def test_a_norm_of_negative_order_squared_is_smooth_where_one_number_is_zero(order, second):
    """Beside 0 it is |x| (1 + |x|⁻ᵖ)^(1/p), the square of which is x² and smaller terms."""
    found = second(lambda x: np.linalg.norm(np.stack([x, 1 + 0 * x]), order) ** 2)(0.0)
    assert float(found) == pytest.approx(2.0)
    rows = second(lambda x: np.sum(np.linalg.norm(np.array([[x, 1.0], [1.0, 3.0]]), order, axis=1) ** 2))(0.0)
    assert float(rows) == pytest.approx(2.0)


def test_an_array_that_a_kink_is_written_into_keeps_the_derivatives_of_its_other_numbers():
    def f(x):
        z = np.empty(2)
        z[0] = x**2
        z[1] = np.abs(0.0 * x)
        return np.sum((z - z[0]) ** 2)  # x⁴

    for second in (
        grad(grad(f)),
        hessian(f),
        lambda x: jvp(lambda x: jvp(f, (x,), (1.0,))[1], (x,), (1.0,))[1],
    ):
        assert second(0.7) == pytest.approx(12 * 0.7**2)


@pytest.mark.parametrize("f", [np.sqrt, np.cbrt, np.arcsin, lambda x: np.sqrt(x) ** 2])
def test_dual_numbers_made_by_hand_have_no_numbers_nearby(f):
    with onp.errstate(all="ignore"):
        assert type(f(Dual(float(f is np.arcsin), 1.0)).tangent) in (float, onp.float64)


# --- masks

CHOSEN = onp.array([True, False, True, True])
AT_TIES = onp.array([2.0, 2.0, 2.0, 1.0])  # one of them with an element that is left out
# name: (a function of x and keywords, where, its other keywords)
MASKED = {
    "max": (lambda x, **how: np.max(x, **how) ** 2, AT_TIES, {"initial": -9.0}),
    "min": (lambda x, **how: np.min(x, **how) ** 2 * x[0], onp.array([2.0, 2.0, 2.0, 5.0]), {"initial": 9.0}),
    "max and min": (lambda x, **how: np.max(x, **how) * np.min(x, **how), AT_TIES, {"initial": 2.0}),
    "nanmax": (lambda x, **how: np.nanmax(x, **how) * np.nanmin(x, **how), AT_TIES, {"initial": 2.0}),
    "std": (lambda x, **how: np.std(x, **how) ** 2, onp.array([2.0, 5.0, 2.0, 2.0]), {}),
    "nanstd": (lambda x, **how: np.nanstd(x, **how) ** 2, onp.array([2.0, 5.0, 2.0, 2.0]), {}),
}


@pytest.mark.parametrize(("f", "x", "how"), MASKED.values(), ids=MASKED)
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_what_a_mask_leaves_out_is_as_if_it_were_not_there(f, x, how, mode):
    found = mode(lambda x: f(x, where=CHOSEN, **how))(x)
    onp.testing.assert_allclose(found, mode(lambda x: f(x[CHOSEN], **how))(x), atol=1e-12)


@pytest.mark.parametrize("f", [np.max, np.min, np.nanmax, np.nanmin])
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_an_initial_value_is_one_element_more(f, mode):
    x = onp.array([2.0, 2.0])
    found = mode(lambda x: f(x, initial=2.0) ** 2 * x[0])(x)
    wanted = mode(lambda x: f(np.concatenate([x, onp.array([2.0])])) ** 2 * x[0])(x)
    onp.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_two_infinities_that_are_equal_make_no_kink(mode):
    f = lambda x: np.minimum(np.maximum(x[0], onp.inf), 3.0) * x[1] ** 2
    onp.testing.assert_array_equal(mode(f)(onp.array([onp.inf, 1.0])), [[0, 0], [0, 6]])


def test_a_root_of_what_is_flat_is_known_along_directions_in_which_it_rests():
    f = lambda x: np.cbrt(x**3)
    with onp.errstate(all="ignore"):
        assert jvp(f, (onp.array([0.0, 2.0]),), (onp.array([0.0, 1.0]),))[1].tolist() == [0, pytest.approx(1)]
        assert onp.isnan(jvp(f, (onp.array([0.0, 2.0]),), (onp.array([1.0, 1.0]),))[1][0])
        for shape in (2, (1, 2)):
            x, v = onp.array([1.0, 0.0]).reshape(shape), onp.array([1.0, 0.0]).reshape(shape)
            assert onp.ravel(hvp(lambda x: np.sum(np.sqrt(x) ** 4))(x, v)).tolist() == [2, 0]


@pytest.mark.parametrize(("power", "wanted"), [(1, onp.inf), (2, 1.0)])
def test_the_spread_of_roots_has_the_limit_or_none(power, wanted):
    f = lambda x: np.std(np.stack([np.sqrt(x), -np.sqrt(x)])) ** power
    with onp.errstate(all="ignore"):
        assert grad(f)(0.0) == pytest.approx(wanted)
        for found in (jvp(f, (0.0,), (1.0,))[1], linearize(f, 0.0)[1](1.0)):
            assert onp.isnan(found) or found == pytest.approx(wanted)

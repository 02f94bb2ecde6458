"""Plain NumPy on traced values: what funad.numpy differentiates, numpy does too, or it is refused by name."""

import re

import numpy
import pytest

import funad.numpy as np
from funad import Dual, grad, jvp, stop_gradient, vjp
from funad.errors import FunadError, MissingRuleError, NotDifferentiableError
from funad.registry import primitive_of
from funad.tree import flatten
from funad.tree import map as tree_map
from funad.writing import Array

from .cases import CASES
from .drawing import COMPOSITES, argument_of, of_one, on_calls
from .test_composites import floats

X = numpy.array([0.5, 1.5, 2.5])

# --- every function of the registry, as NumPy spells it

# What NumPy does not dispatch, and where only some arguments are left out, which: by a call.
UNDISPATCHED = {
    "numpy.array": lambda x: numpy.array([x[0], 1.0]),
    "numpy.asarray": lambda x: numpy.asarray(x),
    "numpy.asanyarray": lambda x: numpy.asanyarray(x),
    "numpy.asarray_chkfinite": lambda x: numpy.asarray_chkfinite(x),
    "numpy.ascontiguousarray": lambda x: numpy.ascontiguousarray(x),
    "numpy.asfortranarray": lambda x: numpy.asfortranarray(x),
    "numpy.require": lambda x: numpy.require(x),
    "numpy.apply_along_axis": lambda x: numpy.apply_along_axis(lambda part: part * x[0], 0, X),
    "numpy.arange": lambda x: numpy.arange(x[2]),
    "numpy.polyint": lambda x: numpy.polyint(X, k=x[0]),
    "numpy.sum": lambda x: numpy.sum(X, initial=x[0]),
    "numpy.prod": lambda x: numpy.prod(X, initial=x[0]),
    "numpy.max": lambda x: numpy.max(X, initial=x[0]),
    "numpy.min": lambda x: numpy.min(X, initial=x[0]),
    "numpy.amax": lambda x: numpy.amax(X, initial=x[0]),
    "numpy.amin": lambda x: numpy.amin(X, initial=x[0]),
    "numpy.nansum": lambda x: numpy.nansum(X, initial=x[0]),
    "numpy.nanprod": lambda x: numpy.nanprod(X, initial=x[0]),
    "numpy.nanmax": lambda x: numpy.nanmax(X, initial=x[0]),
    "numpy.nanmin": lambda x: numpy.nanmin(X, initial=x[0]),
    "numpy.nanvar": lambda x: numpy.nanvar(X, mean=x[:1]),
    "numpy.nanstd": lambda x: numpy.nanstd(X, mean=x[:1]),
    "numpy.full": lambda x: numpy.full(3, x[0]),
    "numpy.full_like": lambda x: numpy.full_like(X, x[0]),
    "numpy.interp": lambda x: numpy.interp(1.2, X, X, left=x[0], period=x[1]),
    "numpy.kaiser": lambda x: numpy.kaiser(4, x[0]),
    "numpy.piecewise": lambda x: numpy.piecewise(X, [X > 1], [lambda part: part * x[0], 0.0]),
    "numpy.select": lambda x: numpy.select([X > 1], [X], x[0]),
    "numpy.unwrap": lambda x: numpy.unwrap(X * 9, period=x[0]),
    "numpy.pad": lambda x: numpy.pad(X, 1, constant_values=x[0]),
}

# Functions with a number that they compare with others, as the programs of users may: inf, 1, 2.
_NORMS = {f"numpy.linalg.{name}" for name in ("cond", "norm", "matrix_norm", "vector_norm")}
COMPARED = {"numpy.polyfit", *_NORMS}


def _of_numpy(f):
    """Return NumPy's function of which f is the traced one, or None if it is funad's own."""
    plain = primitive_of(f).f
    modules = (numpy, numpy.linalg, numpy.fft)
    return plain if any(getattr(m, plain.__name__, None) is plain for m in modules) else None


FUNCTIONS = [
    pytest.param(f, case, id=primitive_of(f).name)
    for f, case in {**CASES, **COMPOSITES}.items()
    if _of_numpy(f) is not None
]


def filled(x):
    """Return the same values in an array that has been written to."""
    if numpy.ndim(stop_gradient(x)) == 0:
        return x
    y = np.copy(x)
    y[...] = x
    assert type(y) is Array
    return y


def same(ours, plain):
    """Assert that the leaves are the same to rounding, of one dtype."""
    for a, b in zip(flatten(ours)[0], flatten(plain)[0], strict=True):
        numpy.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-15)
        assert numpy.asarray(a).dtype == numpy.asarray(b).dtype


def check(f, at):
    """Hold numpy.f against funad.numpy.f in every argument."""
    for place in floats(at):
        x = argument_of(at, place)
        if isinstance(x, (list, tuple)) and place not in primitive_of(f).containers:
            continue  # NumPy does not look into lists: see below
        ours, plain = of_one(f, at, place)[0], of_one(_of_numpy(f), at, place)[0]
        try:
            jvp(ours, (x,), (x,)), vjp(ours, x)
        except FunadError:  # not differentiable in this argument
            if primitive_of(f).name not in COMPARED:
                with pytest.raises(FunadError):
                    jvp(plain, (x,), (x,)), vjp(plain, x)
            continue
        try:
            vjp(plain, x)
        except MissingRuleError:  # a number that rules take for a constant, on its way inside
            assert primitive_of(f).name in COMPARED
        except NotDifferentiableError as error:
            check_refused(primitive_of(f).name, str(error))
        else:
            check_same(ours, plain, x)


def check_refused(name, message):
    """Assert that a refusal is of a known function, by its name, and says what to write."""
    assert name in UNDISPATCHED
    assert message.startswith(f"{name} met a traced value, ")
    assert f"; write {name.replace('numpy.', 'np.', 1)}(" in message
    assert "import funad.numpy as np" in message


def check_same(ours, plain, x):
    """Compare values and derivatives: dual numbers, boxes, and arrays that have been written to."""
    rng = numpy.random.default_rng(0)
    xdot = tree_map(lambda leaf: rng.normal(size=numpy.shape(leaf)).astype(numpy.asarray(leaf).dtype)[()], x)
    same(jvp(ours, (x,), (xdot,)), jvp(plain, (x,), (xdot,)))
    by_hand = tree_map(Dual, x, xdot)
    for a, b in zip(flatten(ours(by_hand))[0], flatten(plain(by_hand))[0], strict=True):
        same(stop_gradient(a), stop_gradient(b))
        zeros = numpy.zeros(numpy.shape(stop_gradient(a)))
        numpy.testing.assert_allclose(getattr(a, "tangent", zeros), getattr(b, "tangent", zeros), rtol=1e-14)
    for make in (lambda x: x, lambda x: tree_map(filled, x)):
        y, of_ours = vjp(lambda x, make=make: ours(make(x)), x)
        y_plain, of_plain = vjp(lambda x, make=make: plain(make(x)), x)
        same(y, y_plain)
        ybar = tree_map(lambda leaf: numpy.ones(numpy.shape(leaf), numpy.asarray(leaf).dtype)[()], y)
        same(of_ours(ybar), of_plain(ybar))


@pytest.mark.parametrize(("f", "case"), FUNCTIONS)
@on_calls(12)
def test_numpys_own_function_has_the_value_and_the_derivatives_of_the_traced_one(f, case, at):
    check(f, at)


@pytest.mark.parametrize(
    ("f", "at"),
    [
        pytest.param(row.values[0], at, id=f"{row.id}-{k}")
        for row in FUNCTIONS
        for k, at in enumerate(row.values[1].examples)
    ],
)
def test_numpys_own_function_is_the_traced_one_at_the_points_given_by_hand(f, at):
    check(f, at)


@pytest.mark.parametrize(("name", "f"), UNDISPATCHED.items(), ids=UNDISPATCHED)
def test_what_numpy_does_not_dispatch_is_refused_by_name(name, f):
    for transform in (grad, lambda f: lambda x: jvp(f, (x,), (x,)), lambda f: grad(lambda x: f(filled(x)))):
        with pytest.raises(NotDifferentiableError) as caught:
            transform(lambda x: np.sum(f(x)))(X)
        check_refused(name, str(caught.value))
    # Of a dual number by hand there is no end of a transformation, where NumPy's error is put right.
    with pytest.raises((NotDifferentiableError, ValueError)) as caught:
        f(Dual(X, X))
    check_refused(name, str(caught.value.__cause__ or caught.value))


# --- lists of traced values, and what else NumPy makes arrays of

CONTAINERS = {
    "concatenate": lambda np, x: np.concatenate([x, X, x * 2]),
    "concatenate of a tuple": lambda np, x: np.concatenate((x, X)),
    "stack": lambda np, x: np.stack([x, X, x**2]),
    "stack of numbers": lambda np, x: np.stack([x[0], x[1] * x[2]]),
    "hstack": lambda np, x: np.hstack([x, x[0]]),
    "vstack": lambda np, x: np.vstack([x, X]),
    "dstack": lambda np, x: np.dstack([x, X]),
    "column_stack": lambda np, x: np.column_stack((x, X)),
    "block": lambda np, x: np.block([[x, x], [X, x**2]]),
    "block of numbers": lambda np, x: np.block([[x[0], 1.0], [2.0, x[1]]]),
    "append": lambda np, x: np.append(X, x[0]),
    "add a list of one": lambda np, x: np.add(x, [x[0]]),
    "multiply a list": lambda np, x: [1.0, 2.0, 3.0] * x + x * [x[1], 1.0, x[0]],
    "matmul of lists": lambda np, x: [[1.0, 2.0, 3.0]] @ x + x @ [3.0, 2.0, 1.0],
    "where": lambda np, x: np.where(x > 1, x, [1.0, 2.0, 3.0]),
    "select": lambda np, x: np.select([X > 1, X > 2], [x, x**2]),
    "choose": lambda np, x: np.choose([0, 1, 0], [x, X]),
    "einsum": lambda np, x: np.einsum("i,j->ij", x, [1.0, 2.0]),
    "multi_dot": lambda np, x: np.linalg.multi_dot([x, np.outer(X, x), x]),
    "meshgrid": lambda np, x: np.meshgrid(x, X)[0] ** 2,
    "broadcast_arrays": lambda np, x: np.broadcast_arrays(x, numpy.ones((2, 3)))[0] ** 2,
    "a mask": lambda np, x: numpy.ones(2) * x[X > 1],
    "sum": lambda np, x: sum([x, X, x**2]),
    "where=": lambda np, x: np.sum(x**2, where=X > 1) + np.mean(x, where=X < 2),
    "fft": lambda np, x: np.abs(np.fft.rfft(x)) + np.real(np.fft.ifft(x))[:2],
    "linalg": lambda np, x: np.linalg.solve(np.outer(x, x) + numpy.eye(3), x) * np.linalg.norm(x),
    "eigh": lambda np, x: np.linalg.eigh(np.outer(x, x) + np.diag(X)).eigenvalues,
    "histogram": lambda np, x: np.histogram(X, weights=x, bins=2)[0] ** 2,
}


@pytest.mark.parametrize("f", CONTAINERS.values(), ids=CONTAINERS)
def test_containers_of_traced_values_are_taken_as_the_namespace_takes_them(f):
    ours, plain = (lambda x: f(np, x)), (lambda x: f(numpy, x))
    check_same(ours, plain, X)
    same(ours(X), plain(X))


# Calls that NumPy answers with a plain array or a plain number, and what is to be read in the error.
REFUSED = {
    "a list of objects": (lambda x: numpy.array([x], dtype=object), "numpy.array met … write np.array([x]"),
    "None beside": (lambda x: numpy.array([x[0], None]), "numpy.array met … write np.array"),
    "sin of a list": (lambda x: numpy.sin([x, x]), "numpy.sin met … write np.sin([x, x]) after import"),
    "add of a list": (lambda x: numpy.add([x], 1), "numpy.add met … write np.add([x], 1)"),
    "dot of lists": (lambda x: numpy.dot([x[0]], [1.0]), "numpy.dot met … write np.dot([x[0]]"),
    "sum of a list": (lambda x: numpy.sum([x[0], x[1]]), "numpy.sum met … write np.sum("),
    "einsum of lists": (lambda x: numpy.einsum("i,i", [x[0]], [1.0]), "write np.einsum("),
    "where of a list": (lambda x: numpy.where(X > 1, [x[0]], 0), "write np.where("),
    "norm of a list": (lambda x: numpy.linalg.norm([x[0], 1.0]), "write np.linalg.norm("),
    "fft of a list": (lambda x: numpy.fft.fft([x[0], 1.0]), "write np.fft.fft("),
    "array + list": (lambda x: X * [x[0], 1.0, 2.0], "in X * [x[0] … write np.array([...]) for the list"),
    "array.dot": (lambda x: X.dot(x), "numpy.ndarray.dot met … write np.dot(X, x)"),
    "array.clip": (lambda x: X.clip(x[0], 2.0), "write np.clip(X, x[0], 2.0)"),
    "sum from x": (lambda x: numpy.sum(X, initial=x[0]), "numpy.sum met … write np.sum(X, initial=x[0])"),
    "array[x]": (lambda x: X[x], "use as an index of a traced value … stop_gradient(x).astype(int)"),
    "float64": (lambda x: numpy.float64(x[0]), "numpy.float64 met … write np.astype(x, numpy.float64)"),
    "arange": (lambda x: numpy.arange(x[0]), "numpy.arange met … write np.arange(x[0])"),
    "fromiter": (lambda x: numpy.fromiter(iter(x), float), "numpy.fromiter met … "),
    "vectorize": (lambda x: numpy.vectorize(lambda t: t * t)(x), "numpy.vectorize met … np.stack([f(t)"),
    "vectorize a closure": (
        lambda x: numpy.vectorize(lambda t: t * x[0], otypes=[float])(X), "numpy.vectorize met … np.stack"
    ),
    "frompyfunc": (lambda x: numpy.frompyfunc(lambda t: t * t, 1, 1)(x), "frompyfunc … np.stack([f(t)"),
    "nditer": (lambda x: list(numpy.nditer(x)), "numpy.nditer met … for t in np.ravel(x)"),
    "ndenumerate": (lambda x: list(numpy.ndenumerate(x)), "numpy.ndenumerate met … np.ndindex"),
    "broadcast": (lambda x: numpy.broadcast(x, X), "numpy.broadcast met … np.broadcast_arrays"),
    "random": (lambda x: numpy.random.normal(x), "numpy.random … met … mean + sd * rng.normal"),
    "a generator": (lambda x: numpy.random.default_rng(0).normal(x), "mean + sd * rng.normal(size=n)"),
    "Polynomial": (lambda x: numpy.polynomial.Polynomial([x[0]]), "numpy.polynomial … met … polyval(t"),
    "poly1d": (lambda x: numpy.poly1d([x[0]]), "numpy.poly1d met … sum(c * t**n"),
    "matrix": (lambda x: numpy.matrix(x), "numpy.matrix met … write np.array(...) of arrays, and @"),
    "a matrix beside": (lambda x: numpy.matrix([X]) * x[:, None], "numpy.matrix met … and @"),
    "ma.array": (lambda x: numpy.ma.array(x), "numpy.ma … met … np.where(mask, 0, x)"),
    "a masked array beside": (
        lambda x: x * numpy.ma.array(X, mask=[0, 1, 0]), "numpy.ma … has an arithmetic of its own … np.where"
    ),
    "r_": (lambda x: numpy.r_[x, 1.0], "numpy.r_ met … np.concatenate"),
    "c_": (lambda x: numpy.c_[x, X], "numpy.c_ met … np.column_stack"),
    "mgrid": (lambda x: numpy.mgrid[0 : x[2]], "numpy.mgrid met … np.meshgrid"),
}  # fmt: skip


@pytest.mark.parametrize(("f", "said"), REFUSED.values(), ids=REFUSED)
@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_what_numpy_makes_a_plain_array_of_is_refused_with_what_to_write(f, said):
    wanted = ".*".join(map(re.escape, said.split(" … ")))
    for g in (f, lambda x: f(filled(x))):
        with pytest.raises(FunadError, match=wanted):
            grad(lambda x: np.sum(g(x)))(X)
        with pytest.raises(FunadError, match=wanted):
            jvp(g, (X,), (X,))


def test_a_traced_number_is_a_scalar_to_numpy_as_the_number_is():
    assert grad(lambda x: x * (2.0 if numpy.isscalar(x) else 3.0))(1.0) == 2.0
    assert grad(lambda x: np.sum(x * (2.0 if numpy.isscalar(x) else 3.0)))(X).tolist() == [3.0] * len(X)


@pytest.mark.parametrize("transform", [grad, lambda f: lambda x: jvp(f, (x,), (x,))])
def test_an_array_of_objects_cannot_hide_a_traced_value_on_its_way(transform):
    def hidden(x):
        return numpy.frompyfunc(lambda t: t * x[0], 1, 1)(X)

    for f in (lambda x: np.sum(hidden(x) + x), lambda x: np.sum(np.concatenate([hidden(x), x]))):
        with pytest.raises(NotDifferentiableError, match="array of dtype object that holds traced values"):
            transform(f)(X)


# --- programs that were written for NumPy alone


def standardized(a, axis=0):
    """As libraries do: it calls NumPy on what it is given, and asks it for its shape and dtype."""
    if not numpy.issubdtype(a.dtype, numpy.floating):
        raise TypeError("floats, please")
    centred = a - numpy.mean(a, axis=axis, keepdims=True)
    spread = numpy.sqrt(numpy.sum(centred * numpy.conj(centred), axis=axis, keepdims=True) / a.shape[axis])
    return numpy.divide(centred, numpy.maximum(spread, numpy.finfo(a.dtype).tiny))


def softmax(scores):
    shifted = numpy.exp(scores - numpy.max(scores, axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def rotation(angle):
    c, s = numpy.cos(angle), numpy.sin(angle)
    return numpy.stack([numpy.stack([c, -s]), numpy.stack([s, c])])


def newton(f, x, steps=20):
    for _ in range(steps):
        slope = (f(x + 1e-6) - f(x - 1e-6)) / 2e-6
        x = x - f(x) / slope
        if abs(f(x)) < 1e-14:
            break
    return x


def kernel(a, b, width):
    squares = numpy.sum(a**2, -1)[:, None] + numpy.sum(b**2, -1)[None] - 2 * numpy.dot(a, b.T)
    return numpy.exp(-squares / (2 * width**2))


def smoothed(signal, window):
    padded = numpy.pad(signal, len(window) // 2, mode="edge")
    return numpy.convolve(padded, window / numpy.sum(window), mode="valid")


def log_likelihood(theta, data):
    mean, log_sd = theta[0], theta[1]
    z = (data - mean) / numpy.exp(log_sd)
    return numpy.sum(-0.5 * z**2 - log_sd - 0.5 * numpy.log(2 * numpy.pi))


DATA = numpy.random.default_rng(3).normal(size=(5, 3))
PROGRAMS = {
    "standardized": (lambda a: numpy.sum(standardized(a) ** 3), DATA),
    "softmax": (lambda a: numpy.sum(softmax(a)[:, 0] ** 2), DATA),
    "rotation": (lambda t: numpy.trace(rotation(t[0]) @ rotation(t[1]) @ rotation(t[2])), X),
    "newton": (lambda a: newton(lambda t: t * t - a[0] * a[1], a[2]), X),
    "kernel": (lambda a: numpy.linalg.slogdet(kernel(a, a, 1.0) + numpy.eye(5))[1], DATA),
    "smoothed": (lambda s: numpy.sum(smoothed(s, X) ** 2), DATA[:, 0]),
    "log_likelihood": (lambda theta: log_likelihood(theta, DATA), X),
}


@pytest.mark.parametrize(("f", "x"), PROGRAMS.values(), ids=PROGRAMS)
def test_programs_of_others_differentiate_as_they_stand(f, x):
    def moved(n, h):
        step = numpy.zeros(x.size)
        step[n] = h
        return f(x + step.reshape(x.shape))

    h = 1e-5  # differences in place of the wanted: their error is h² and 1e-16/h
    wanted = numpy.reshape([(moved(n, h) - moved(n, -h)) / (2 * h) for n in range(x.size)], x.shape)
    numpy.testing.assert_allclose(grad(f)(x), wanted, rtol=1e-6, atol=1e-7)
    numpy.testing.assert_allclose(grad(lambda x: f(filled(x)))(x), grad(f)(x), rtol=1e-13)
    ydot = jvp(f, (x,), (numpy.ones_like(x),))[1]
    numpy.testing.assert_allclose(ydot, numpy.sum(wanted), rtol=1e-6, atol=1e-6)


# --- the array API: names of the standard, found through the array itself

STANDARD = {
    "astype": lambda xp, x: xp.astype(x, xp.float64),
    "matrix_transpose": lambda xp, x: xp.matrix_transpose(x),
    "concat": lambda xp, x: xp.concat([x, x**2]),
    "stack": lambda xp, x: xp.stack([x, x]),
    "permute_dims": lambda xp, x: xp.permute_dims(x, (1, 0)),
    "vecdot": lambda xp, x: xp.vecdot(x, x**2),
    "linalg.vector_norm": lambda xp, x: xp.linalg.vector_norm(x, axis=0),
    "linalg.matrix_norm": lambda xp, x: xp.linalg.matrix_norm(x),
    "linalg.vecdot": lambda xp, x: xp.linalg.vecdot(x, x),
    "linalg.svdvals": lambda xp, x: xp.linalg.svdvals(x),
    "linalg.matrix_transpose": lambda xp, x: xp.linalg.matrix_transpose(x) @ x,
    "linalg.outer": lambda xp, x: xp.linalg.outer(x[0], x[1]),
    "linalg.trace": lambda xp, x: xp.linalg.trace(x),
    "linalg.diagonal": lambda xp, x: xp.linalg.diagonal(x),
    "linalg.cross": lambda xp, x: xp.linalg.cross(x[:3], x[1:4]),
    "linalg.tensordot": lambda xp, x: xp.linalg.tensordot(x, x, axes=2),
    "cumulative_sum": lambda xp, x: xp.cumulative_sum(x, axis=0),
    "cumulative_prod": lambda xp, x: xp.cumulative_prod(x, axis=1),
    "pow": lambda xp, x: xp.pow(xp.abs(x), 1.5),
    "acosh": lambda xp, x: xp.acosh(1.5 + x**2),
    "atan2": lambda xp, x: xp.atan2(x, 1.0 + x**2),
    "clip": lambda xp, x: xp.clip(x, -0.5, 0.5),
    "expand_dims": lambda xp, x: xp.expand_dims(x, axis=1),
    "squeeze": lambda xp, x: xp.squeeze(x[:1], axis=0),
    "flip": lambda xp, x: xp.flip(x, axis=0),
    "roll": lambda xp, x: xp.roll(x, 1, axis=0),
    "tile": lambda xp, x: xp.tile(x, (2, 1)),
    "take": lambda xp, x: xp.take(x, xp.asarray([0, 2]), axis=0),
    "take_along_axis": lambda xp, x: xp.take_along_axis(x, xp.argsort(x, axis=0), axis=0),
    "unique_values": lambda xp, x: xp.unique_values(x) ** 2,
    "unstack": lambda xp, x: sum(xp.unstack(x, axis=0)),
    "sort": lambda xp, x: xp.sort(x, axis=-1),
    "where": lambda xp, x: xp.where(x > 0, x, xp.zeros_like(x)),
    "maximum": lambda xp, x: xp.maximum(x, xp.asarray(0.1)),
    "mean": lambda xp, x: xp.mean(x, axis=0, keepdims=True),
    "std": lambda xp, x: xp.std(x, axis=0, correction=1),
    "var": lambda xp, x: xp.var(x, correction=1),
    "full": lambda xp, x: xp.full((2, 2), x[0, 0]),
    "moveaxis": lambda xp, x: xp.moveaxis(x, 0, 1),
    "broadcast_to": lambda xp, x: xp.broadcast_to(x, (2, 5, 3)),
    "hypot": lambda xp, x: xp.hypot(x, x + 1.0),
    "fft.rfft": lambda xp, x: xp.abs(xp.fft.rfft(x)),
    "asarray": lambda xp, x: xp.asarray(x, dtype=xp.float64),
    "x.mT": lambda xp, x: x.mT @ x,
}


for _name in ("cumulative_sum", "cumulative_prod", "unstack"):
    if not hasattr(numpy, _name):  # NumPy 2.0
        del STANDARD[_name]


@pytest.mark.parametrize("f", STANDARD.values(), ids=STANDARD)
def test_the_names_of_the_array_api_are_found_on_traced_arrays(f):
    def named(x):
        return f(x.__array_namespace__(), x)

    same(named(DATA), f(numpy, DATA))
    y, of_y = vjp(named, DATA)
    same(y, f(numpy, DATA))
    ybar = numpy.random.default_rng(1).normal(size=numpy.shape(y))
    ydot = jvp(named, (DATA,), (DATA,))[1]
    numpy.testing.assert_allclose(numpy.sum(of_y(ybar) * DATA), numpy.sum(ybar * ydot), rtol=1e-10)
    h = 1e-5
    slope = (f(numpy, DATA * (1 + h)) - f(numpy, DATA * (1 - h))) / (2 * h)
    numpy.testing.assert_allclose(ydot, slope, rtol=1e-6, atol=1e-8)


def test_constants_and_types_of_the_standard_are_there():
    seen = []
    grad(lambda x: seen.append(x.__array_namespace__()) or x[0])(X)
    assert seen == [np]
    for name in ("pi", "e", "inf", "nan", "newaxis", "float32", "float64", "complex64", "int64", "bool"):
        assert getattr(seen[0], name) is getattr(numpy, name)
    assert seen[0].isdtype(X.dtype, "real floating")
    assert seen[0].__array_api_version__ == numpy.__array_api_version__


def test_arrays_of_objects_beside_traced_numbers():
    numbers = numpy.array([1.5, 2.5], dtype=object)
    assert grad(lambda x: numpy.sum(numbers + x))(0.5) == 2
    assert grad(lambda x: numpy.sum(x[0] * numbers))(numpy.ones(1)).tolist() == [4]

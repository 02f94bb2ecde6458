"""What transformations, containers, compiled programs, graphs and optimizers advise."""

import functools
import importlib
import itertools
import os
import sys
import types

import matplotlib as mpl
import numpy
import pandas

import funad
import funad.numpy as np
import funad.testing as checks
from funad import (
    compile,
    custom_vjp,
    defjvp,
    elementwise_grad,
    grad,
    graph,
    hvp,
    implicit,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    optimizers,
    primitive,
    stop_gradient,
    tree,
    vmap,
)
from funad.errors import PictureError

from . import Call, X

mpl.use("Agg")
Z = X + 1j
LABELLED = pandas.DataFrame({"a": [2.0, 3.0], "b": ["two", "three"]})
NUMBERS = LABELLED["a"].to_numpy()
BY_PAIR = {(0, 1): types.SimpleNamespace(w=2.0)}
LAYERS = [types.SimpleNamespace(w=1.0) for _ in range(1000)]
BATCH = numpy.stack([X, 2 * X])


def loss(x):
    return np.sum(x**2)


def times(x, n):
    return np.sum(x**2) * n


def several(first, *rest):
    return np.sum(first**2) + sum(np.sum(part**3) for part in rest)


def named(**parts):
    return sum(np.sum(part**2) for part in parts.values())


def in_the_same_places(f):
    @functools.wraps(f)
    def g(y, n=1):
        return f(y, n)

    return g


one_tangent = primitive(lambda x: (2 * x, 3 * x))
defjvp(one_tangent, lambda y, xdot, x: (2 * xdot,))


def explained(f, *args):
    """Raise what compile says of a function that it runs as it is."""
    compiled = compile(f)
    for _ in range(3):
        compiled(*args)
    raise PictureError(compiled.explain())


def runs_as_a_program(f, *args):
    compiled = compile(f)
    found = [compiled(*args) for _ in range(3)]
    assert "in eager" not in compiled.explain(), compiled.explain()
    return found[-1]


def without(package, importer, use):
    """Do something as where a package is not installed: a module of funad is imported anew."""
    names = [name for name in sys.modules if name.partition(".")[0] == package or name == importer]
    there = {name: sys.modules.pop(name) for name in names}
    sys.modules[package] = None
    try:
        use()
    finally:
        sys.modules.pop(importer, None)
        del sys.modules[package]
        sys.modules.update(there)


def largest(dots, draw):
    """Draw where an image has no more than so many dots on a side."""
    raster = importlib.import_module("funad.graphs.raster")
    most, raster.MOST = raster.MOST, dots * raster.FEWEST
    try:
        draw()
    finally:
        raster.MOST = most


def chain(n):
    def f(x):
        for _ in range(n):
            x = np.sin(x)
        return x

    return f


class Point:
    def __init__(self, x):
        self.x = x


class Registered(Point):
    pass


tree.register(Registered, lambda p: ([p.x], None), lambda _, parts: Registered(*parts))


class Method:
    def f(self, x):
        return np.sum(x**2)


def aliased():
    held = X.copy()

    def f(x):
        held[0] = 5.0
        return np.sum(x**2)

    grad(f)(held)


def into_the_argument(x):
    x[0] = 5.0
    return np.sum(x**2)


def into_a_copy(x):
    x = np.copy(x)
    x[0] = 5.0
    return np.sum(x**2)


def forward(x):
    return np.sum(x**2), x


class Model:
    def __init__(self, w):
        self.w = w

    def __call__(self, x):
        return np.sum(self.w * x)


class RegisteredModel(Model):
    pass


tree.register(RegisteredModel, lambda m: ([m.w], None), lambda _, parts: RegisteredModel(*parts))
squares = custom_vjp(loss, forward, lambda x, ybar: 2 * ybar * x)
no_pair = custom_vjp(loss, lambda x: np.sum(x**2), lambda x, ybar: 2 * ybar * x)
nothing_kept = custom_vjp(np.sum, lambda x: (np.sum(x), None), lambda _, ybar: ybar * numpy.ones(3))
not_summed = custom_vjp(lambda x: x * BATCH, lambda x: (x * BATCH, None), lambda _, ybar: ybar * BATCH)
summed = custom_vjp(lambda x: x * BATCH, lambda x: (x * BATCH, None), lambda _, ybar: np.sum(ybar * BATCH, 0))
complex_bar = custom_vjp(loss, forward, lambda x, ybar: 2j * ybar * x)
real_bar = custom_vjp(loss, forward, lambda x, ybar: np.real(2j * ybar * x))
scaled = custom_vjp(
    lambda x, k=1.0: k * np.sum(x**2), lambda x, k=1.0: (k * np.sum(x**2), x), lambda x, ybar: 2 * ybar * x
)
by_position = custom_vjp(
    lambda x, k: k * np.sum(x**2),
    lambda x, k: (k * np.sum(x**2), (x, k)),
    lambda r, ybar: (2 * ybar * r[1] * r[0], ybar * np.sum(r[0] ** 2)),
)


def two_results(*tangents):
    p = primitive(lambda x: (2 * x, 3 * x))
    defjvp(p, lambda y, xdot, x: tuple(t * xdot if t else None for t in tangents))
    return p


def minimum(a, penalty):
    return implicit(
        lambda t: (t[0] + t[1] - a) ** 2 + penalty * (t[0] - t[1]) ** 2,
        numpy.array([1.0, 1.0]),
        kind="minimum",
    )


def far(a):
    return implicit(lambda t: t**2 - a, 1.0)


def near(a):
    return implicit(lambda t: t**2 - a, 2.0**0.5)


def many(a):
    return np.sum(implicit(lambda t: np.concatenate([t - a, t]), X))


def as_many(a):
    return np.sum(implicit(lambda t: t - a, X))


endless = []
endless.append(endless)
deep = 1.0
for _ in range(5000):
    deep = [deep]
REAL, UNRAVEL = tree.ravel({"a": X})
_, COMPLEX_UNRAVEL = tree.ravel({"a": X + 0j})
COUNT = itertools.count()


def why(f, *args):
    """Return why compile runs a function as it is, as an error."""
    f(*args)
    f(*args)
    f(*args)
    reasons = str(f.report()) if hasattr(f, "report") else str(f)
    raise PictureError(reasons)


def drawing(x):
    return np.sum(x * numpy.random.standard_normal(3))


def of_a_draw(x, u):
    return np.sum(x * u)


def from_a_seed(x):
    return np.sum(x * np.random.default_rng(1).standard_normal(3))


def vmapped(f, *args, **options):
    return vmap(f, **options)(*args)


def branching(x):
    return (x[0],) if funad.value(x[0]) > 0.8 else [x[0]]


ROWS = {
    "nothing to differentiate": Call(
        lambda: grad(times)("3", 2.0), lambda: grad(times, argnums="n")(3, 2.0), gives=9.0
    ),
    "what is no number in a container": Call(
        lambda: grad(lambda p: np.sum(p["x"] ** 2))({"x": X, "name": "me"}),
        lambda: grad(lambda p: np.sum(p["x"] ** 2))({"x": X})["x"],
        gives=2 * X,
    ),
    "a class of the user's": Call(
        lambda: grad(lambda p: np.sum(p.x**2))(Point(X)),
        lambda: grad(lambda p: np.sum(p.x**2))(Registered(X)).x,
        gives=2 * X,
    ),
    "a method": Call(
        lambda: grad(Method.f)(Method(), X), lambda: grad(Method.f, argnums=1)(Method(), X), gives=2 * X
    ),
    "grad of a value": Call(lambda: grad(loss(X)), lambda: grad(loss)(X), gives=2 * X),
    "a name that is not shown": Call(
        lambda: grad(min, argnums="x")(X),
        lambda: grad(min)(X),
        gives=[1.0, 0.0, 0.0],
    ),
    "any number of arguments": Call(
        lambda: grad(several, argnums="rest")(X, X), lambda: grad(several, argnums=1)(X, X), gives=3 * X**2
    ),
    "any names": Call(
        lambda: grad(named, argnums="parts")(a=X), lambda: grad(named, argnums="a")(a=X), gives=2 * X
    ),
    "a wrapped function": Call(
        lambda: grad(in_the_same_places(times), argnums="x")(X, 2.0),
        lambda: grad(in_the_same_places(times), argnums=0)(X, 2.0),
        gives=4 * X,
    ),
    "two names of argnums": Call(
        lambda: grad(times, argnums=1, argnum=0), lambda: grad(times, argnums=0)(X, 1.0), gives=2 * X
    ),
    "argnums from the last": Call(
        lambda: grad(times, argnums=-1)(X, n=2.0),
        lambda: grad(times, argnums="n")(X, n=2.0),
        gives=numpy.sum(X**2),
    ),
    "holomorphic of a real number": Call(
        lambda: grad(lambda z: z**3, holomorphic=True)(2.0),
        lambda: grad(lambda z: z**3, holomorphic=True)(2.0 + 0j),
        gives=12.0,
    ),
    "holomorphic with a real result": Call(
        lambda: grad(lambda z: np.real(z) ** 2, holomorphic=True)(2.0 + 1j),
        lambda: grad(lambda z: np.real(z) ** 2)(2.0 + 1j),
        gives=4.0,
    ),
    "a complex direction": Call(
        lambda: jvp(loss, (X,), (X + 1j,)),
        lambda: jvp(loss, (X,), (numpy.real(X + 1j),))[1] + 1j * jvp(loss, (X,), (numpy.imag(X + 1j),))[1],
        gives=numpy.sum(2 * X * (X + 1j)),
    ),
    "a list for an array": Call(
        lambda: hvp(loss)(X, [1.0, 0.0, 0.0]),
        lambda: hvp(loss)(X, numpy.array([1.0, 0.0, 0.0])),
        gives=[2, 0, 0],
    ),
    "a result of text": Call(
        lambda: grad(lambda x: "text")(X), lambda: grad(lambda x: np.sum(x) * 2)(X), gives=[2, 2, 2]
    ),
    "a result of integers": Call(
        lambda: grad(lambda x: np.argmax(x))(X),
        lambda: grad(lambda x: 1.0 * np.argmax(x))(X),
        gives=[0, 0, 0],
    ),
    "a vector": Call(
        lambda: grad(lambda x: x**2)(X),
        lambda: grad(lambda x: np.sum(x**2))(X),
        lambda: np.sum(jacobian(lambda x: x**2)(X), 0),
        gives=2 * X,
    ),
    "a tuple": Call(
        lambda: grad(lambda x: (loss(x), x))(X),
        lambda: grad(lambda x: loss(x))(X),
        lambda: grad(lambda x: (loss(x), x), has_aux=True)(X)[0],
        gives=2 * X,
    ),
    "a complex result": Call(
        lambda: grad(lambda x: np.sum(x) * (1 + 2j))(X),
        lambda: grad(lambda x: np.real(np.sum(x) * (1 + 2j)))(X),
        lambda: grad(lambda x: np.imag(np.sum(x) * (1 + 2j)))(X) / 2,
        lambda: grad(lambda x: np.abs(np.sum(x) * (1 + 2j)))(X) / 5**0.5,
        lambda: grad(lambda z: np.sum(z) * (1 + 2j), holomorphic=True)(X + 0j) / (1 + 2j),
        gives=[1, 1, 1],
    ),
    "a complex result of elementwise_grad": Call(
        lambda: elementwise_grad(lambda x: x * (1 + 2j))(X),
        lambda: elementwise_grad(lambda x: np.real(x * (1 + 2j)))(X),
        lambda: elementwise_grad(lambda x: np.abs(x * (1 + 2j)))(X) / 5**0.5,
        lambda: elementwise_grad(lambda z: z * (1 + 2j), holomorphic=True)(X + 0j) / (1 + 2j),
        gives=[1, 1, 1],
    ),
    "a complex Jacobian": Call(
        lambda: jacobian(lambda z: z**2)(Z),
        lambda: jacobian(lambda z: z**2, holomorphic=True)(Z),
        lambda: jacrev(lambda z: np.real(z**2))(Z) + 0 * jacrev(lambda z: np.imag(z**2))(Z),
        gives=numpy.diag(2 * Z),
    ),
    "jacrev of complex numbers": Call(
        lambda: jacrev(lambda x: x * (1 + 2j))(X),
        lambda: jacfwd(lambda x: x * (1 + 2j))(X),
        lambda: jacobian(lambda x: x * (1 + 2j))(X),
        gives=numpy.eye(3) * (1 + 2j),
    ),
    "jacfwd to real numbers": Call(
        lambda: jacfwd(lambda z: np.abs(z) ** 2)(Z),
        lambda: jacrev(lambda z: np.abs(z) ** 2)(Z),
        lambda: jacobian(lambda z: np.abs(z) ** 2)(Z),
        gives=numpy.diag(2 * numpy.conj(Z)),
    ),
    "written by another name": Call(
        aliased,
        lambda: grad(into_the_argument)(X.copy()),
        lambda: grad(into_a_copy)(X),
        gives=[0, 2 * X[1], 2 * X[2]],
    ),
    "no pair": Call(
        lambda: grad(no_pair)(X), lambda: grad(squares)(X), lambda: 2 * X * grad(nothing_kept)(X), gives=2 * X
    ),
    "a cotangent that was broadcast": Call(
        lambda: grad(lambda x: np.sum(not_summed(x)))(X),
        lambda: grad(lambda x: np.sum(summed(x)))(X),
        gives=3 * X,
    ),
    "a complex cotangent": Call(lambda: grad(complex_bar)(X), lambda: grad(real_bar)(X), gives=0 * X),
    "a traced keyword": Call(
        lambda: grad(lambda k: scaled(X, k=k))(2.0),
        lambda: grad(lambda k: by_position(X, k))(2.0),
        lambda: grad(lambda k: k * scaled(X, k=stop_gradient(k)))(2.0) / 2.0,
        gives=numpy.sum(X**2),
    ),
    "tangents of several results": Call(
        lambda: jvp(two_results(2.0), (X,), (X,)),
        lambda: jvp(two_results(2.0, 3.0), (X,), (X,))[1][0],
        lambda: jvp(two_results(2.0, None), (X,), (X,))[1][0],
        gives=2 * X,
    ),
    "tangents of several results, on the way back": Call(
        lambda: grad(lambda x: np.sum(one_tangent(x)[0]))(X),
        lambda: grad(lambda x: np.sum(two_results(2.0, 3.0)(x)[0]))(X),
        lambda: grad(lambda x: np.sum(two_results(2.0, None)(x)[0]))(X),
        gives=[2, 2, 2],
    ),
    "the cotangent of a single argument": Call(
        lambda: grad(custom_vjp(loss, forward, lambda x, ybar: (2 * ybar * x,)))(X),
        lambda: grad(custom_vjp(loss, forward, lambda x, ybar: 2 * ybar * x))(X),
        gives=2 * X,
    ),
    "all three functions at once": Call(
        lambda: custom_vjp(loss),
        lambda: grad(custom_vjp(loss, forward, lambda x, ybar: 2 * ybar * x))(X),
        gives=2 * X,
    ),
    "a model that can be called": Call(
        lambda: grad(lambda model: model(X))(Model(X)),
        lambda: grad(lambda model: model(X))(RegisteredModel(X)).w,
        gives=X,
    ),
    "tangents of all primals": Call(
        lambda: jvp(lambda a, b: np.sum(a * b), (X, X), (X,)),
        lambda: jvp(lambda a, b: np.sum(a * b), (X, X), (X, X))[1],
        gives=2 * numpy.sum(X**2),
    ),
    "primals as a tuple": Call(
        lambda: jvp(loss, X, X), lambda: jvp(loss, (X,), (X,))[1], gives=2 * numpy.sum(X**2)
    ),
    "as many residuals": Call(lambda: grad(many)(X), lambda: grad(as_many)(X), gives=[1, 1, 1]),
    "no minimum": Call(
        lambda: jacobian(lambda a: minimum(a, 0.0))(2.0),
        lambda: jacobian(lambda a: minimum(a, 1e-3))(2.0),
        gives=[0.5, 0.5],
    ),
    "no solution": Call(lambda: grad(far)(2.0), lambda: grad(near)(2.0), gives=0.5 / 2**0.5),
    "register": Call(
        lambda: tree.register(Point(1.0), 1, 2),
        lambda: grad(lambda p: np.sum(p.x**2))(Registered(X)).x,
        gives=2 * X,
    ),
    "registered twice": Call(
        lambda: tree.register(Registered, lambda p: ([p.x], None), lambda _, parts: Registered(*parts)),
        lambda: grad(lambda p: np.sum(p.x**2))(Registered(X)).x,
        gives=2 * X,
    ),
    "endless": Call(lambda: grad(lambda p: p[0])(endless), lambda: grad(lambda p: p[0])([2.0])[0], gives=1.0),
    "too deep": Call(lambda: tree.flatten(deep), lambda: tree.flatten([1.0, 2.0])[0], gives=[1.0, 2.0]),
    "imaginary parts for a real leaf": Call(
        lambda: UNRAVEL(X + 1j),
        lambda: UNRAVEL(numpy.real(X + 1j))["a"],
        lambda: numpy.real(COMPLEX_UNRAVEL(X + 1j)["a"]),
        gives=X,
    ),
    "nothing to draw": Call(
        lambda: graph(lambda n: n * 2.0)(2),
        lambda: graph(lambda n: n * 2.0)(2.0).backward(1.0),
        gives=None,
    ),
    "clip_by_value": Call(
        lambda: optimizers.clip_by_value({"a": X + 1j}, 1.0),
        lambda: numpy.linalg.norm(optimizers.clip_by_norm({"a": X + 1j}, 1.0)["a"]),
        gives=1.0,
    ),
    "the arguments of update": Call(
        lambda: optimizers.sgd(0.1).update(X, X, optimizers.sgd(0.1).init(X)),
        lambda: optimizers.sgd(0.1).update(2 * X, optimizers.sgd(0.1).init(X), X)[0],
        gives=0.8 * X,
    ),
    "what vmap shares": Call(
        lambda: vmap(lambda w, x: w @ x)(X, numpy.outer([1.0, 2.0], X)),
        lambda: vmap(lambda w, x: w @ x, in_axes=(None, 0))(X, numpy.outer([1.0, 2.0], X)),
        gives=[X @ X, 2 * X @ X],
    ),
    "an optimizer of integers": Call(
        lambda: optimizers.sgd(0.1)[1](2, optimizers.sgd(0.1)[0](3), 3),
        lambda: optimizers.sgd(0.1)[1](2.0, optimizers.sgd(0.1)[0](3.0), 3.0)[0],
        gives=2.8,
    ),
    "out_axes None of a stack": Call(
        lambda: vmapped(lambda x: np.sum(x), BATCH, out_axes=None),
        lambda: vmapped(lambda x: np.sum(x), BATCH, out_axes=0),
        gives=numpy.sum(BATCH, 1),
    ),
    "out_axes None, one by one": Call(
        lambda: vmapped(lambda x: float(funad.value(x[0])), BATCH, out_axes=None),
        lambda: vmapped(lambda x: float(funad.value(x[0])), BATCH, out_axes=0),
        gives=BATCH[:, 0],
    ),
    "no examples": Call(
        lambda: vmapped(lambda x: float(funad.value(x[0])), BATCH[:0]),
        lambda: vmapped(lambda x: float(funad.value(x[0])), BATCH),
        gives=BATCH[:, 0],
    ),
    "a masked array": Call(
        lambda: vmapped(np.sum, numpy.ma.masked_array(BATCH)),
        lambda: vmapped(np.sum, numpy.asarray(numpy.ma.masked_array(BATCH))),
        lambda: vmapped(
            lambda x, m: np.sum(np.where(m, 0, x)), numpy.asarray(BATCH), numpy.zeros((2, 3), bool)
        ),
        gives=numpy.sum(BATCH, 1),
    ),
    "text": Call(
        lambda: vmapped(lambda x, how: np.sum(x), BATCH, "sum"),
        lambda: vmapped(lambda x, how: np.sum(x), BATCH, "sum", in_axes=(0, None)),
        gives=numpy.sum(BATCH, 1),
    ),
    "text by name": Call(
        lambda: vmap(lambda x, how: np.sum(x))(BATCH, how="sum"),
        lambda: vmap(lambda x, how: np.sum(x), in_axes=(0, None))(BATCH, "sum"),
        gives=numpy.sum(BATCH, 1),
    ),
    "a list of numbers": Call(
        lambda: vmap(lambda x: x[0] * 2.0)([1.0, 2.0]),
        lambda: vmap(lambda x: x * 2.0)(np.array([1.0, 2.0])),
        gives=[2.0, 4.0],
    ),
    "a number": Call(
        lambda: vmap(lambda x, s: s * np.sum(x))(BATCH, 2.0),
        lambda: vmap(lambda x, s: s * np.sum(x), in_axes=(0, None))(BATCH, 2.0),
        gives=2 * numpy.sum(BATCH, 1),
    ),
    "another structure": Call(
        lambda: vmap(branching)(BATCH), lambda: vmap(lambda x: (x[0],))(BATCH)[0], gives=BATCH[:, 0]
    ),
    "no stack": Call(
        lambda: vmap(lambda x: "text")(BATCH),
        lambda: vmap(lambda x: {"a": np.sum(x)})(BATCH)["a"],
        gives=numpy.sum(BATCH, 1),
    ),
    "axes of another structure": Call(
        lambda: vmap(lambda p: np.sum(p["a"]), in_axes=([0],))({"a": BATCH}),
        lambda: vmap(lambda p: np.sum(p["a"]), in_axes=(0,))({"a": BATCH}),
        lambda: vmap(lambda p: np.sum(p["a"]), in_axes=({"a": 0},))({"a": BATCH}),
        gives=numpy.sum(BATCH, 1),
    ),
    "nothing mapped": Call(
        lambda: vmap(np.sum, in_axes=None)(X),
        lambda: vmap(np.sum, in_axes=0)(BATCH),
        lambda: vmap(np.sum, in_axes=None, axis_size=2)(X) * [1.0, 2.0],
        gives=numpy.sum(BATCH, 1),
    ),
    "check_vjp": Call(
        lambda: checks.check_vjp(np.sin, 0.3),
        lambda: checks.check_vjp(np.sin, checks.call(0.3)) or 1.0,
        gives=1.0,
    ),
    "check_grads": Call(
        lambda: checks.check_grads(np.sin, 0.3), lambda: checks.check_grads(np.sin, (0.3,)) or 1.0, gives=1.0
    ),
    "random numbers": Call(
        lambda: explained(drawing, X),
        lambda: runs_as_a_program(of_a_draw, X, numpy.ones(3)),
        lambda: runs_as_a_program(lambda x: np.sum(x) + 0 * from_a_seed(x), X),
        gives=numpy.sum(X),
    ),
    "what changes from call to call": Call(
        lambda: explained(lambda x: np.sum(x) + next(COUNT), X),
        lambda: runs_as_a_program(lambda x, n: np.sum(x) + n, X, 1.0),
        gives=numpy.sum(X) + 1,
    ),
    "an argument that may change": Call(
        lambda: explained(lambda x, p: np.sum(x) * p.x, X, Point(2.0)),
        lambda: runs_as_a_program(lambda x, p: np.sum(x) * p, X, 2.0),
        lambda: compile(lambda x, p: np.sum(x) * p.x, static="p")(X, Point(2.0)),
        gives=2 * numpy.sum(X),
    ),
    "a table that it closes over": Call(
        lambda: explained(lambda x: np.sum(x) * LABELLED["a"].to_numpy()[0], X),
        lambda: runs_as_a_program(lambda x: np.sum(x) * NUMBERS[0], X),
        gives=2 * numpy.sum(X),
    ),
    "a key that may change": Call(
        lambda: explained(lambda x: np.sum(x) * BY_PAIR[0, 1].w, X),
        lambda: runs_as_a_program(lambda x: np.sum(x) * NUMBERS[0], X),
        gives=2 * numpy.sum(X),
    ),
    "more objects than can be compared": Call(
        lambda: explained(lambda x: sum(layer.w * np.sum(x) for layer in LAYERS), X),
        lambda: runs_as_a_program(lambda x, w: np.sum(w) * np.sum(x), X, numpy.ones(1000)),
        gives=1000 * numpy.sum(X),
    ),
    "a picture without what draws it": Call(
        lambda: without("matplotlib", "funad.graphs.raster", lambda: graph(loss)(X).png(os.devnull)),
        lambda: graph(loss)(X).svg(os.devnull),
        gives=None,
    ),
    "a picture that is too large": Call(
        lambda: largest(20.0, lambda: graph(chain(30))(X).png(os.devnull, engine="funad")),
        lambda: largest(20.0, lambda: graph(chain(30))(X).svg(os.devnull, engine="funad")),
        lambda: largest(20.0, lambda: graph(chain(1))(X).png(os.devnull, engine="funad")),
        gives=None,
    ),
    "funad.scipy without SciPy": Call(
        lambda: without("scipy", "funad.scipy", lambda: importlib.import_module("funad.scipy")),
        lambda: importlib.import_module("funad.scipy") and None,
        gives=None,
    ),
    "numba without numba": Call(
        lambda: without("numba", "", lambda: compile(loss, backend="numba")),
        lambda: compile(loss)(X),
        gives=numpy.sum(X**2),
    ),
    "strategies without hypothesis": Call(
        lambda: without("hypothesis", "funad.testing.strategies", lambda: checks.arrays),
        lambda: checks.arrays and None,
        gives=None,
    ),
}

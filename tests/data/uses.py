"""Right and wrong uses: type checkers must complain of the lines marked wrong, and of no others."""

from functools import partial
from typing import Any

import numpy

import funad
import funad.numpy as np
from funad import (
    checkpoint,
    compile,
    curried,
    debug_nans,
    grad,
    graph,
    hessian,
    jacobian,
    jvp,
    linear_operator,
    primitive,
    sparsity,
    value_and_grad,
    vjp,
    vmap,
)
from funad.scipy import special, stats

Array = numpy.ndarray[Any, numpy.dtype[numpy.float64]]


def loss(w: Array, x: Array, *, scale: float = 1.0) -> float:
    return float(np.sum(w * x)) * scale


w, x = np.ones(3), np.linspace(0.0, 1.0, 3)

# What is made of a function keeps its signature.
slope = grad(loss)(w, x, scale=2.0)
y, slope = value_and_grad(loss)(w, x)
half: float = y / 2
grad(loss)(w)  # wrong: x is missing
grad(loss)(w, x, scal=2.0)  # wrong: no such keyword
grad(3.0)  # wrong: not a function
value_and_grad(loss)(w, x, scale="large")  # wrong: a string for a float
grad(argnums=1)  # wrong: that is funad.curried.grad
text: str = value_and_grad(loss)(w, x)[0]  # wrong: the value is a float

# Functions keep their results where a transformation returns them.
y, pull_back = vjp(loss, w, x)
pull_back(1.0)
y, tangent = jvp(loss, (w, x), (w, x))
half = tangent / 2


@primitive
def cube(a: float) -> float:
    return a**3


half = cube(2.0)
cube("2")  # wrong: a string for a float

hessian(loss)(w)  # wrong: x is missing
jacobian(loss)(w, x)
vmap(loss)(w, x, scal=2.0)  # wrong: no such keyword

# The namespaces have NumPy's and SciPy's own names and signatures.
total = np.sum(np.stack([w, x]), axis=0)
np.linalg.solve(np.eye(3), w)
np.random.default_rng(0).normal(size=3)
np.fft.rfft(x)
np.no_such_function(x)  # wrong: no such name
np.linalg.no_such_function(x)  # wrong: no such name
np.zeros(3, order="X")  # wrong: no such order
special.gammaln(x)
stats.norm.logpdf(x)
special.no_such_function(x)  # wrong: no such name
print(funad.no_such_name)  # wrong: no such name
funad.graph(loss)(w, x)
funad.optimizers.adam(0.1)
funad.tree.map(lambda leaf: leaf, {"w": w})


# Methods, partial functions and lambdas keep theirs, under every option.
class Model:
    def cost(self, w: Array, power: int = 2) -> float:
        return float(np.sum(w**power))

    @value_and_grad
    def both(self, w: Array) -> float:
        return self.cost(w)


grad(Model().cost)(w, power=3)
grad(Model().cost)("w")  # wrong: a string for an array
half = Model().both(w)[0]
Model().both(w, x)  # wrong: one argument too many
grad(partial(loss, scale=2.0))(w, x)
grad(partial(loss, w))(x, scale=2.0)
value_and_grad(lambda t: t**2)(1.0)
grad(loss, argnums=("w", "x"))(w)  # wrong: x is missing
vmap(grad(loss), in_axes=(None, 0))(w, x, scal=2.0)  # wrong: no such keyword


def with_aux(w: Array) -> tuple[float, dict[str, int]]:
    return float(np.sum(w)), {"rows": len(w)}


(y, aux), slope = value_and_grad(with_aux, has_aux=True)(w)
rows: int = aux["rows"]


# Decorators, with options and without.
@compile
def square(t: float) -> float:
    return t**2


@compile(static="power", backend="numba")
def raised(t: float, power: int = 2) -> float:
    return float(t**power)


@checkpoint
@debug_nans
def kept(t: float) -> float:
    return t


@curried.grad(argnums=1)
def of_b(a: float, b: float) -> float:
    return a * b


half = square(2.0) + raised(2.0, power=3) + kept(1.0)
print(square.source, raised.explain(), square.no_such_name)  # wrong: no such name
square("2")  # wrong: a string for a float
raised(2.0, pow=3)  # wrong: no such keyword
compile(value_and_grad(loss))(w, x, scal=2.0)  # wrong: no such keyword
kept("1")  # wrong: a string for a float
of_b(1.0)  # wrong: b is missing
curried.vmap(loss, in_axes=(None, 0))(w, x, scal=2.0)  # wrong: no such keyword
curried.no_such_name(loss)  # wrong: no such name
graph(loss)(w, x).backward()
graph(loss)(w, x).no_such_name()  # wrong: no such name
jacobian(loss, sparse=sparsity(loss, w, x))(w, x)
linear_operator(loss, w, x)

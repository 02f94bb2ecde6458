"""Right and wrong uses: type checkers must complain of the lines marked wrong, and of no others."""

from typing import Any

import numpy

import funad
import funad.numpy as np
from funad import grad, hessian, jacobian, jvp, primitive, value_and_grad, vjp, vmap
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

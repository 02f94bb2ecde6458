"""The transformations once more, curried with toolz, for ``pipe`` and for decorators with options.

>>> from toolz import pipe
>>> from funad.curried import grad
>>> pipe(lambda x, y: x * y**2, grad(argnums=1))(2.0, 3.0)
12.0
"""

from typing import Any

from toolz import curry

from . import transforms

__all__ = [
    "checkpoint",
    "compile",
    "custom_root",
    "custom_vjp",
    "debug_nans",
    "elementwise_grad",
    "ggnvp",
    "grad",
    "hessian",
    "hessp",
    "hvp",
    "implicit",
    "j",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "numerical",
    "value_and_grad",
    "value_and_jacobian",
    "value_grad_and_hvp",
    "vhp",
    "vjp",
    "vmap",
]


class _Waiting(curry):  # type: ignore[misc]
    """A curried function of f and any number of primals, which waits for the first of them."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        given = (*self.args, *args)
        if len(given) < 2:
            return super().__call__(*args, **kwargs)
        # Not by way of curry, to which a TypeError that f raises says that arguments are missing.
        return self.func(*given, **{**self.keywords, **kwargs})


def _vjp(f: Any, primal: Any, /, *primals: Any, **options: Any) -> Any:
    """:func:`funad.vjp`, which waits for a first primal."""
    return transforms.vjp(f, primal, *primals, **options)


def _linearize(f: Any, primal: Any, /, *primals: Any, **options: Any) -> Any:
    """:func:`funad.linearize`, which waits for a first primal."""
    return transforms.linearize(f, primal, *primals, **options)


checkpoint = curry(transforms.checkpoint)
compile = curry(transforms.compile)
custom_root = curry(transforms.custom_root)
custom_vjp = curry(transforms.custom_vjp)
debug_nans = curry(transforms.debug_nans)
elementwise_grad = curry(transforms.elementwise_grad)
ggnvp = curry(transforms.ggnvp)
grad = curry(transforms.grad)
hessian = curry(transforms.hessian)
hessp = curry(transforms.hessp)
hvp = curry(transforms.hvp)
implicit = curry(transforms.load("implicit"))
j = curry(transforms.load("j"))
jacfwd = curry(transforms.jacfwd)
jacobian = curry(transforms.jacobian)
jacrev = curry(transforms.jacrev)
jvp = curry(transforms.jvp)
linearize = _Waiting(_linearize)
numerical = curry(transforms.numerical)
value_and_grad = curry(transforms.value_and_grad)
value_and_jacobian = curry(transforms.value_and_jacobian)
value_grad_and_hvp = curry(transforms.value_grad_and_hvp)
vhp = curry(transforms.vhp)
vjp = _Waiting(_vjp)
vmap = curry(transforms.load("vmap"))

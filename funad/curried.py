"""The transformations once more, curried with toolz, for ``pipe`` and for decorators with options.

>>> from toolz import pipe
>>> from funad.curried import grad
>>> pipe(lambda x, y: x * y**2, grad(argnums=1))(2.0, 3.0)
12.0
"""

from typing import Any

from toolz import curry

from . import transforms

__all__ = ["elementwise_grad", "grad", "value_and_grad", "vjp"]

elementwise_grad = curry(transforms.elementwise_grad)
grad = curry(transforms.grad)
value_and_grad = curry(transforms.value_and_grad)


def _vjp(f: Any, primal: Any, *primals: Any, **options: Any) -> Any:
    """:func:`funad.vjp`, which waits for a first primal."""
    return transforms.vjp(f, primal, *primals, **options)


vjp = curry(_vjp)

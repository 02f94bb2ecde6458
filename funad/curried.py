"""The transformations once more, curried with toolz, for ``pipe`` and for decorators with options.

>>> from toolz import pipe
>>> from funad.curried import grad
>>> pipe(lambda x, y: x * y**2, grad(argnums=1))(2.0, 3.0)
12.0
"""

from typing import TYPE_CHECKING, Any

from toolz import curry

from . import transforms

# stop_gradient, value and tap are no transformations: they take values.
__all__ = [name for name in transforms.__all__ if name not in ("stop_gradient", "tap", "value")]


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


_WAITING = {"vjp": _Waiting(_vjp), "linearize": _Waiting(_linearize)}
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, overload

    from .transforms.calls import P

    class _OfFunctions(Protocol):
        """A transformation after which f takes what it has taken."""

        @overload
        def __call__(self, f: Callable[P, Any], /, *args: Any, **options: Any) -> Callable[P, Any]: ...
        @overload
        def __call__(self, /, **options: Any) -> Callable[[Callable[P, Any]], Callable[P, Any]]: ...

    checkpoint: _OfFunctions
    compile: _OfFunctions
    custom_vjp: _OfFunctions
    debug_nans: _OfFunctions
    elementwise_grad: _OfFunctions
    grad: _OfFunctions
    hessian: _OfFunctions
    jacfwd: _OfFunctions
    jacobian: _OfFunctions
    jacrev: _OfFunctions
    numerical: _OfFunctions
    value_and_grad: _OfFunctions
    value_and_jacobian: _OfFunctions
    vmap: _OfFunctions
    custom_root: Any
    ggnvp: Any
    hessp: Any
    hvp: Any
    implicit: Any
    j: Any
    jvp: Any
    linearize: Any
    value_grad_and_hvp: Any
    vhp: Any
    vjp: Any

globals().update({name: _WAITING.get(name) or curry(getattr(transforms, name)) for name in __all__})

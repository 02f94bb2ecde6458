"""Rules that are found by differentiating: of the same function, written with traced functions."""

import inspect

from ..registry import defvjp
from ..spaces import is_inexact
from ..transforms import vjp

__all__ = ["as_written"]


class Written:
    """The rule of one argument of a primitive: that of ``g``, which gives what the primitive gives.

    g takes the result y and then the arguments. It may ask of y what is a choice, such as the sign of a
    vector, as a constant. Of a result of several parts it returns those that are arrays of floats.
    """

    def __init__(self, g, argnum):
        self.g, self.argnum = g, argnum
        y, *others = inspect.signature(g).parameters.values()
        self.__signature__ = inspect.Signature([y, y.replace(name="ybar"), *others])
        self.__name__ = g.__name__

    def __call__(self, y, ybar, *args, **kwargs):
        n = self.argnum
        _, vjp_g = vjp(lambda x: self.g(y, *args[:n], x, *args[n + 1 :], **kwargs), args[n])
        if isinstance(y, (tuple, list)):
            ybar = tuple(part for of_y, part in zip(y, ybar, strict=True) if is_inexact(of_y))
        return vjp_g(ybar)


def as_written(f, g, argnums=(0,), masks=False):
    """Give the primitive ``f``, whose values are SciPy's, the derivatives of ``g``: see Written."""
    defvjp(f, *(Written(g, n) for n in argnums), argnums=tuple(argnums), masks=masks)

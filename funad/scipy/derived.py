"""Rules that are found by differentiating: of the same function, written with traced functions."""

import inspect

import numpy as onp

from ..boxes import Traced
from ..defining import defvjp
from ..errors import NotDifferentiableError
from ..spaces import is_inexact
from ..transforms import vjp
from ..values import constant
from .calls import of_list
from .deciding import some

__all__ = ["Written", "as_written", "is_zero", "sharing", "written_of"]


class Written:
    """The rule of one argument of a primitive: that of ``g``, which gives what the primitive gives.

    g takes the result y and then the arguments. It may ask of y what is a choice, such as the sign of a
    vector, as a constant. Of a result of several parts it returns those that are arrays of floats.

    ``back``, if it is given, is a quicker rule for the same, which returns None where it does not hold.
    """

    def __init__(self, g, argnum, back=None):
        self.g, self.argnum, self.back = g, argnum, back
        y, *others = inspect.signature(g).parameters.values()
        self.__signature__ = inspect.Signature([y, y.replace(name="ybar"), *others])
        self.__name__ = g.__name__

    def __call__(self, y, ybar, *args, **kwargs):
        xbar = self.back and self.back(y, ybar, *args, **kwargs)
        return self.by_walking(y, ybar, *args, **kwargs) if xbar is None else xbar

    def by_walking(self, y, ybar, *args, **kwargs):
        """Return x̄ from a walk back along g."""
        n = self.argnum
        found, vjp_g = vjp(lambda x: self.g(y, *args[:n], x, *args[n + 1 :], **kwargs), args[n])
        if isinstance(y, (tuple, list)):
            ybar = tuple(part for of_y, part in zip(y, ybar, strict=True) if is_inexact(of_y))
            y = [part for part in y if is_inexact(part)]
        else:
            y, found = [y], [found]
        if not all(map(_agree, y, found)):
            raise NotDifferentiableError(_OTHER)
        return vjp_g(ybar)


_OTHER = (
    "SciPy's result is another one here than that of the formula which the derivative is taken of, so that "
    "there is none; see whether the value is what you expect"
)


def _agree(y, found):
    """Say whether SciPy's result is that of the formula, to half of the digits."""
    y, found = constant(y), constant(found)
    with onp.errstate(invalid="ignore"):
        error, size = onp.abs(y - found), onp.abs(y)
    size = onp.where(onp.isfinite(size), size, 0)
    within = 100 * onp.finfo(onp.result_type(y)).eps ** 0.5 * onp.max(size, initial=0)
    return not some(error > within)  # a nan is none to compare with


class Sharing:
    """The rule of one argument of a primitive, of which a part is what the rules of the others start from."""

    def __init__(self, part, rule):
        self.part, self.rule = part, rule
        self.__signature__ = inspect.signature(part)
        self.__name__ = rule.__name__

    def __call__(self, y, ybar, *args, **kwargs):
        return self.rule(self.part(y, ybar, *args, **kwargs), y, ybar, *args, **kwargs)


class Together:
    """The rule of the list of all arguments: the part that they share is computed once."""

    def __init__(self, part, rules):
        self.part, self.rules = part, rules
        y, ybar, *others = inspect.signature(part).parameters.values()
        options = [p.replace(kind=p.KEYWORD_ONLY) for p in others[len(rules) :]]
        self.__signature__ = inspect.Signature([y, ybar, others[0].replace(name="xs"), *options])
        self.__name__ = part.__name__

    def __call__(self, y, ybar, xs, **kwargs):
        part = self.part(y, ybar, *xs, **kwargs)
        return [rule(part, y, ybar, *xs, **kwargs) for rule in self.rules]


def sharing(f, part, *rules, masks=False):
    """Give the primitive ``f`` of arrays rules that start from the same: (part, y, ȳ, *xs) ↦ x̄.

    ``part`` takes y, ȳ and the arguments, as a rule does.
    """
    defvjp(f, *(Sharing(part, rule) for rule in rules), masks=masks)
    f.together = of_list(f, len(rules))
    defvjp(f.together, Together(part, rules), masks=masks)


def written_of(f):
    """Return the function whose derivatives a primitive has been given, or None."""
    return next((rule.g for rule in f.rules.values() if isinstance(rule, Written)), None)


def is_zero(ybar):
    """Say whether a cotangent is known to be zero, as that of a result that nobody uses is."""
    return not isinstance(ybar, Traced) and not onp.any(ybar)


def as_written(f, g, argnums=(0,), masks=False):
    """Give the primitive ``f``, whose values are SciPy's, the derivatives of ``g``: see Written."""
    defvjp(f, *(Written(g, n) for n in argnums), argnums=tuple(argnums), masks=masks)

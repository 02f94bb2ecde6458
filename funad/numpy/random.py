"""Drawing random numbers: NumPy's own functions, on NumPy's own state, with derivatives where there are any.

A draw whose form is a smooth function of its parameters, such as loc + scale·u, takes traced
parameters: the numbers are those that plain ones give, the derivative is that at fixed u. What has no
such form is refused by name, before anything is drawn.
"""

import functools as _functools

import numpy.random as _random

from ..boxes import innermost as _innermost
from ..errors import MissingRuleError as _MissingRuleError
from ..primitives import composite as _composite
from ..registry import adopt as _adopt
from ..registry import enter as _enter
from .draws import FORMS, REFUSED
from .draws import traced as _traced
from .versions import lookup

# Sources of bits, the state of NumPy's own, and draws whose parameters are sizes: NumPy's own
from numpy.random import (  # isort: skip
    MT19937, PCG64, PCG64DXSM, SFC64, BitGenerator, Philox, SeedSequence,
    bytes, get_bit_generator, get_state, rand, randint, randn, random,
    random_integers, random_sample, ranf, sample, seed, set_bit_generator, set_state,
    standard_cauchy, standard_exponential, standard_normal, test,
)  # fmt: skip

__all__ = list(_random.__all__)


# --- generators

_DRAWS = {*FORMS, *REFUSED, "choice", "multivariate_normal", "permutation", "permuted", "shuffle"}


def _with_draws(kind):
    """Give a class of generators draws that take traced values."""
    for base in kind.__bases__:
        for name in sorted(_DRAWS & set(dir(base))):
            setattr(kind, name, _method(getattr(base, name)))
    kind.__module__ = "funad.numpy.random"
    return kind


def _method(f):
    traced = _traced(f)

    @_functools.wraps(f)
    def method(self, *args, **kwargs):
        if _innermost((*args, *kwargs.values())) is None:
            return f(self, *args, **kwargs)
        return traced(self, *args, **kwargs)

    return method


@_with_draws
class Generator(_random.Generator):
    """NumPy's generator, on the same stream, whose draws take traced parameters too."""

    def __reduce__(self):
        return type(self), (self.bit_generator,)


@_with_draws
class RandomState(_random.RandomState):
    """NumPy's older generator, on the same stream, whose draws take traced parameters too."""

    def __reduce__(self):
        return type(self), (self._bit_generator,), self.get_state(legacy=False)


@_functools.wraps(_random.default_rng)
def default_rng(*args, **kwargs):
    if _innermost((*args, *kwargs.values())) is not None:
        raise _MissingRuleError(
            "numpy.random.default_rng was given a traced value, but what is drawn has no derivative in the "
            "seed; give it an integer"
        )
    rng = _random.default_rng(*args, **kwargs)
    return rng if isinstance(rng, Generator) else Generator(rng.bit_generator)


_adopt(_enter(_random.default_rng), default_rng)
_enter(_random.default_rng).kind = "composite"


# --- draws from NumPy's own state


def _draw(f):
    """Return the draw f of the module, which takes traced values too."""
    traced = _traced(f)

    @_composite(f)
    def draw(*args, **kwargs):
        return traced(_random, *args, **kwargs)

    return draw


# A function of their parameters
exponential = _draw(_random.exponential)
gumbel = _draw(_random.gumbel)
laplace = _draw(_random.laplace)
logistic = _draw(_random.logistic)
lognormal = _draw(_random.lognormal)
multivariate_normal = _draw(_random.multivariate_normal)
normal = _draw(_random.normal)
pareto = _draw(_random.pareto)
power = _draw(_random.power)
rayleigh = _draw(_random.rayleigh)
triangular = _draw(_random.triangular)
uniform = _draw(_random.uniform)
weibull = _draw(_random.weibull)

# Elements of an array
choice = _draw(_random.choice)
permutation = _draw(_random.permutation)

# Refused
beta = _draw(_random.beta)
binomial = _draw(_random.binomial)
chisquare = _draw(_random.chisquare)
dirichlet = _draw(_random.dirichlet)
f = _draw(_random.f)
gamma = _draw(_random.gamma)
geometric = _draw(_random.geometric)
hypergeometric = _draw(_random.hypergeometric)
logseries = _draw(_random.logseries)
multinomial = _draw(_random.multinomial)
negative_binomial = _draw(_random.negative_binomial)
noncentral_chisquare = _draw(_random.noncentral_chisquare)
noncentral_f = _draw(_random.noncentral_f)
poisson = _draw(_random.poisson)
shuffle = _draw(_random.shuffle)
standard_gamma = _draw(_random.standard_gamma)
standard_t = _draw(_random.standard_t)
vonmises = _draw(_random.vonmises)
wald = _draw(_random.wald)
zipf = _draw(_random.zipf)

__getattr__, __dir__ = lookup(_random, globals())

"""Drawing random numbers: NumPy's own functions, on NumPy's own state.

A draw has no derivative in its parameters, so one that is given a traced value is refused by
name. Draw with plain parameters and transform the result: ``loc + scale * normal(size=n)``.
"""

import numpy.random as _random

from ..errors import MissingRuleError
from ..primitives import composite
from .versions import lookup

# Generators, their state, and draws whose parameters are sizes or integers: NumPy's own
from numpy.random import (  # isort: skip
    MT19937, PCG64, PCG64DXSM, SFC64, BitGenerator, Generator, Philox, RandomState, SeedSequence,
    bytes, default_rng, get_bit_generator, get_state, rand, randint, randn, random,
    random_integers, random_sample, ranf, sample, seed, set_bit_generator, set_state,
    standard_cauchy, standard_exponential, standard_normal, test,
)  # fmt: skip

__all__ = list(_random.__all__)


def _draw(f):
    """Return a draw that refuses traced parameters, before it has drawn."""

    @composite(f)
    def refuse(*args, **kwargs):
        raise MissingRuleError(
            f"numpy.random.{f.__name__} was given a traced value, but a draw has no derivative in its "
            f"parameters; draw with plain ones and transform the result (mean + sd * normal(size=n)), "
            f"or give it stop_gradient(x)"
        )

    return refuse


# Draws with parameters
beta = _draw(_random.beta)
binomial = _draw(_random.binomial)
chisquare = _draw(_random.chisquare)
dirichlet = _draw(_random.dirichlet)
exponential = _draw(_random.exponential)
f = _draw(_random.f)
gamma = _draw(_random.gamma)
geometric = _draw(_random.geometric)
gumbel = _draw(_random.gumbel)
hypergeometric = _draw(_random.hypergeometric)
laplace = _draw(_random.laplace)
logistic = _draw(_random.logistic)
lognormal = _draw(_random.lognormal)
logseries = _draw(_random.logseries)
multinomial = _draw(_random.multinomial)
multivariate_normal = _draw(_random.multivariate_normal)
negative_binomial = _draw(_random.negative_binomial)
noncentral_chisquare = _draw(_random.noncentral_chisquare)
noncentral_f = _draw(_random.noncentral_f)
normal = _draw(_random.normal)
pareto = _draw(_random.pareto)
poisson = _draw(_random.poisson)
power = _draw(_random.power)
rayleigh = _draw(_random.rayleigh)
standard_gamma = _draw(_random.standard_gamma)
standard_t = _draw(_random.standard_t)
triangular = _draw(_random.triangular)
uniform = _draw(_random.uniform)
vonmises = _draw(_random.vonmises)
wald = _draw(_random.wald)
weibull = _draw(_random.weibull)
zipf = _draw(_random.zipf)

# Draws from the elements of an array
choice = _draw(_random.choice)
permutation = _draw(_random.permutation)
shuffle = _draw(_random.shuffle)

__getattr__, __dir__ = lookup(_random, globals())

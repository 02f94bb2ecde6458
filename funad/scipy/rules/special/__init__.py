"""The VJP rules of ``scipy.special``, one file per family; importing them fills the registry.

Formulas are those of the Digital Library of Mathematical Functions (DLMF), by the number of the
equation. An argument without a rule, such as the order n of ``kn``, is one that SciPy rounds to an
integer: a traced value there is refused.
"""

from . import (
    bessel,
    distributions,
    elementary,
    elliptic,
    erf,
    functions,
    gamma,
    hypergeometric,
    integrals,
    polynomials,
    spheroidal,
    sums,
)

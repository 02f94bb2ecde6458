"""The VJP rules of funad.numpy.polynomials."""

from .. import numpy as np
from ..defining import defvjp, linear
from ..numpy.polynomials import check_simple, product
from ..values import constant

linear(
    product,
    lambda y, ybar, a, b: product(ybar, np.flip(b))[len(b) - 1 : len(b) - 1 + len(a)],
    lambda y, ybar, a, b: product(ybar, np.flip(a))[len(a) - 1 : len(a) - 1 + len(b)],
)


def _roots(y, ybar, p):
    """p̄ₖ = -Σ r̄ᵢ rᵢⁿ⁻ᵏ/p′(rᵢ), from p(r) = 0; of a multiple root the derivative is infinite."""
    slopes = np.polyval(np.polyder(p), y)
    check_simple(constant(y), constant(slopes), np.polyval(np.abs(constant(p)), np.abs(constant(y))))
    return -(ybar / slopes) @ np.vander(y, np.size(p))


defvjp(np.roots, _roots)

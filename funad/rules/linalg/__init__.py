"""The VJP rules of funad.numpy.linalg, one file per family.

The pairing is dL = Re Σ x̄·dx, without a conjugate. Where a formula is written with the
gradients of the literature, dL = Re Σ conj(g)·dx, these are g = conj(x̄).
"""

from . import decompositions, determinants, eigenvalues, equations, norms, products

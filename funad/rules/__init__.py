"""The VJP rules, one file per field; importing them fills the registry.

That of fft comes with funad.numpy.fft, which is loaded late.
"""

from . import (
    creation,
    curves,
    elementwise,
    indexing,
    linalg,
    manipulation,
    numeric,
    polynomials,
    products,
    quantiles,
    reductions,
    sorting,
    statistics,
    ufuncs,
    windows,
)

"""The VJP rules, one file per field; importing them fills the registry.

Those of fft, linalg and windows come with funad.numpy's files of these names, which are loaded late.
"""

from . import (
    creation,
    curves,
    elementwise,
    indexing,
    kinks,
    manipulation,
    numeric,
    polynomials,
    products,
    quantiles,
    reductions,
    sorting,
    statistics,
    ufuncs,
)

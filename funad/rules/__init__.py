"""The VJP rules, one file per field; importing them fills the registry."""

from . import (
    creation,
    curves,
    elementwise,
    fft,
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

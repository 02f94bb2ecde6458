"""The VJP rules, one file per field; importing them fills the registry."""

from . import (
    creation,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    numeric,
    products,
    reductions,
    sorting,
    ufuncs,
)

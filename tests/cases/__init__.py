"""Where to draw the arguments of every primitive from: one file per field, merged here."""

from . import (
    calls,
    creation,
    curves,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    polynomials,
    products,
    quantiles,
    reductions,
    sets,
    sorting,
    statistics,
    stats,
    ufuncs,
    windows,
)

FIELDS = (
    calls,
    creation,
    curves,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    polynomials,
    products,
    quantiles,
    reductions,
    sets,
    sorting,
    statistics,
    stats,
    ufuncs,
    windows,
)
CASES = {f: case for field in FIELDS for f, case in field.CASES.items()}

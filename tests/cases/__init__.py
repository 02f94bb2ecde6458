"""Where to draw the arguments of every primitive from: one file per field, merged here."""

from . import (
    creation,
    curves,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    products,
    quantiles,
    reductions,
    sorting,
    statistics,
    ufuncs,
)

FIELDS = (
    creation,
    curves,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    products,
    quantiles,
    reductions,
    sorting,
    statistics,
    ufuncs,
)
CASES = {f: case for field in FIELDS for f, case in field.CASES.items()}

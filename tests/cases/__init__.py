"""Where to draw the arguments of every primitive from: one file per field, merged here."""

from . import (
    calls,
    creation,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    polynomials,
    products,
    reductions,
    sets,
    sorting,
)

FIELDS = (
    calls,
    creation,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    polynomials,
    products,
    reductions,
    sets,
    sorting,
)
CASES = {f: case for field in FIELDS for f, case in field.CASES.items()}

"""Where to draw the arguments of every primitive from: one file per field, merged here."""

from . import (
    creation,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    products,
    reductions,
    sorting,
    ufuncs,
)

FIELDS = (creation, elementwise, fft, indexing, linalg, manipulation, products, reductions, sorting, ufuncs)
CASES = {f: case for field in FIELDS for f, case in field.CASES.items()}

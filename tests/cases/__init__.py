"""Where to draw the arguments of every primitive from: one file per field; SciPy's where it is."""

from importlib import import_module
from importlib.util import find_spec

NUMPY = (
    "calls",
    "creation",
    "curves",
    "elementwise",
    "fft",
    "indexing",
    "linalg",
    "manipulation",
    "polynomials",
    "products",
    "quantiles",
    "reductions",
    "sets",
    "sorting",
    "statistics",
    "ufuncs",
    "windows",
)
SCIPY = (
    "scipy_compiled",
    "scipy_fft",
    "scipy_linalg",
    "scipy_ndimage",
    "scipy_signal",
    "scipy_sparse",
    "scipy_spatial",
    "stats",
)
FIELDS = tuple(
    import_module(f"{__name__}.{name}") for name in (*NUMPY, *(SCIPY if find_spec("scipy") else ()))
)
CASES = {f: case for field in FIELDS for f, case in field.CASES.items()}

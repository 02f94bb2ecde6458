"""SciPy's modules on traced values: ``from funad.scipy import special``.

Each has every public name of SciPy's module of that name: differentiable, passed on as it is, or
refused by name on a traced value. SciPy is loaded with the first of them that is asked for.
"""

import importlib as _importlib
import importlib.util as _util

MODULES = [
    "cluster", "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "spatial",
    "special", "stats",
]  # fmt: skip
SUBMODULES = ["cluster.hierarchy", "cluster.vq", "spatial.distance", "spatial.transform"]
__all__ = [*MODULES, "serve"]

if _util.find_spec("scipy") is None:
    raise ModuleNotFoundError(
        "funad.scipy needs SciPy; install it with: pip install funad[scipy]", name="scipy"
    )


def __getattr__(name):
    if name in MODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    if name == "serve":
        return _importlib.import_module(f"{__name__}.serving").serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)

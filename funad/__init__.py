"""funad: derivatives of NumPy programs.

>>> import funad.numpy as np
>>> from funad import grad
>>> grad(lambda x: np.sum(np.sin(x) * x))(np.array([0.0, 1.0]))
array([0.        , 1.38177329])
"""

import importlib as _importlib
from typing import TYPE_CHECKING
from typing import Any as _Any

from . import fast as _fast  # before the primitives are made
from . import numpy, rules, transforms, tree
from .boxes import Dual
from .defining import defvjp, defzero, elementwise, linear
from .numpy import methods as _methods
from .primitives import primitive
from .registry import rules  # type: ignore[no-redef] # noqa: F811

if TYPE_CHECKING:
    from . import curried, errors, optimizers, scipy, testing
    from .graphs.graph import graph
    from .scipy.sparsity.derivatives import sparsity
    from .scipy.sparsity.operators import linear_operator
    from .transforms import *  # noqa: F403
    from .transforms import defjvp

__version__ = "0.1.0"

# Without "numpy": from funad import * must not put funad.numpy in the place of the user's own numpy.
__all__ = [
    "Dual",
    "curried",
    "defjvp",
    "defvjp",
    "defzero",
    "elementwise",
    "errors",
    "graph",
    "linear",
    "linear_operator",
    "optimizers",
    "primitive",
    "rules",
    "sparsity",
    "testing",
    "tree",
]
__all__ += transforms.__all__


# What needs SciPy, and where it stands.
_OF_SCIPY = {"sparsity": ".scipy.sparsity.derivatives", "linear_operator": ".scipy.sparsity.operators"}


def _of_scipy(name: str) -> _Any:
    """Return a function that needs SciPy; where that is missing, one that says so when it is called."""
    try:
        return getattr(_importlib.import_module(_OF_SCIPY[name], __name__), name)
    except ModuleNotFoundError as error:
        said = str(error)

    def missing(*args: _Any, **kwargs: _Any) -> _Any:
        raise ModuleNotFoundError(said, name="scipy")

    return missing


def _find(name: str) -> _Any:
    # Loaded when first asked for: toolz and hypothesis would double the time of "import funad", and
    # the transformations that not everyone needs take a tenth of it.
    if name == "graph":
        return _importlib.import_module(".graphs", __name__).graph
    if name in ("curried", "errors", "optimizers", "scipy", "testing"):
        return _importlib.import_module(f".{name}", __name__)
    if name in _OF_SCIPY:
        return _of_scipy(name)
    if name in __all__:
        found = globals()[name] = getattr(transforms, name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if not TYPE_CHECKING:  # a name that does not exist is an error to them
    __getattr__ = _find


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})

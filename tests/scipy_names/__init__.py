"""Calls of SciPy's functions, one file per module of SciPy, for test_scipy_names and the page of support.

A probe is a program written with a namespace ``sp``: run with ``scipy`` it is what the user has, run with
``funad.scipy`` it must give the same value and its derivatives.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import scipy

VERSION = tuple(map(int, scipy.__version__.split(".")[:2]))
HOW = ("closed form", "series", "differences", "traced", "implicit", "hosted")


@dataclass(frozen=True)
class Probe:
    """One call of a public name of SciPy.

    Attributes
    ----------
    name : str
        As in ``scipy.linalg.solve``; of a distribution ``scipy.stats.norm.logpdf``.
    f : callable
        (sp, *args) ↦ y, a program that calls it as ``sp.linalg.solve(...)``.
    args : tuple
        Where it is differentiated, in all of them: floats, float arrays, containers of them.
    how : str
        One of ``HOW``, for the page of support.
    exact : bool
        Whether the value must be SciPy's to the bit; False only with a reason, in a comment.
    order : int
        Up to which the derivatives are held against differences; 0, with a reason in a comment, where other
        tests hold them.
    rtol : float
        Of the value, where it is not exact.
    since : tuple of int
        The version of SciPy from which on its own code takes traced values; before, the call is refused.
    """

    name: str
    f: Callable[..., Any]
    args: tuple[Any, ...]
    how: str
    exact: bool = True
    order: int = 2
    rtol: float = 1e-13
    since: tuple[int, int] = (1, 14)


def probe(name, f, *args, how="closed form", **options):
    """Return a probe."""
    assert how in HOW
    return Probe(name, f, args, how, **options)


def _is_known(found):
    """Say whether the SciPy that is installed has the name: versions differ."""
    _, module, name, *_ = found.name.split(".")
    found = importlib.import_module(f"scipy.{module}")
    return hasattr(found, name) or importlib.util.find_spec(f"{found.__name__}.{name}") is not None


# Public names that are refused on traced values, with the reason that the page of support gives.
REFUSED: dict[str, str] = {}
PROBES: list[Probe] = []

for _module in pkgutil.iter_modules(__path__):
    _found = importlib.import_module(f"{__name__}.{_module.name}")
    PROBES += filter(_is_known, _found.PROBES)
    REFUSED.update(_found.REFUSED)

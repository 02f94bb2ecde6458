"""What the options of optimizers, schedules and clipping must be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import ArgumentError

__all__ = ["check"]

_HOLDS: dict[str, Callable[[Any], bool]] = {
    "0 or more": lambda v: v >= 0,
    "1 or more": lambda v: v >= 1,
    "a finite number above 0": lambda v: 0 < v < math.inf,
    "a number above 0": lambda v: v > 0,
    "a number from 0 on": lambda v: 0 <= v < math.inf,
    "a number from 0 to below 1": lambda v: 0 <= v < 1,
}


def check(name: str, value: Any, must: str) -> None:
    """Refuse an option by name unless it is what it must be: no text and no array of several either."""
    try:
        good = bool(_HOLDS[must](value))
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ArgumentError(f"{name} must be {must}, but is {value!r}")

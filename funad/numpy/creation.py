"""Making arrays: array([...]) of traced values, full, and those that pass through."""

import numpy as _np

from ..primitives import primitive

__all__ = []

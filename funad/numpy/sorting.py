"""Sorting, searching and sets."""

import numpy as _np

from ..primitives import primitive

__all__ = []

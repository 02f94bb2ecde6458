"""The class of arrays: NumPy's own, of which traced arrays say that they are instances."""

from numpy import ndarray

__all__ = ["ndarray"]

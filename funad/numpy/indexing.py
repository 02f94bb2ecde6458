"""Taking elements out by position, and putting them back."""

import operator as _operator

from .. import tape as _tape
from ..primitives import primitive

__all__ = []

getitem = primitive(_operator.getitem, "indexing")
scatter = primitive(_tape.scatter, containers=(3,))

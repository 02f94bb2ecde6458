"""The VJP rules of funad.numpy.indexing."""

from ..registry import linear

from ..numpy.indexing import getitem, scatter
from ..tape import Scatter

linear(getitem, lambda y, ybar, a, b: Scatter(a, [(b, ybar)]), masks=True)
linear(
    scatter,
    lambda y, ybar, shape, dtype, indices, pieces: [ybar[index] for index in indices],
    argnums=(3,),
)

"""What editors and type checkers see: the names of ``scipy.cluster``."""

from . import hierarchy as hierarchy
from . import vq as vq

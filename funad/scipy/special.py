"""``scipy.special`` on traced values."""

from scipy import special as _special

from .namespace import complete as _complete

_complete(globals(), _special)

"""``scipy.integrate`` on traced values."""

from scipy import integrate as _integrate

from .namespace import complete as _complete

_complete(globals(), _integrate)

"""Names that only another NumPy has than the one these files know, and those that are loaded late."""

import _thread

from ..primitives import primitive as _primitive
from ..registry import primitive_of as _primitive_of

__all__ = []

_lock = _thread.allocate_lock()  # as threading has it, which takes a while to load


def lookup(theirs, ours):
    """Return the ``__getattr__`` and the ``__dir__`` of a traced module, given as its globals.

    A function that the module does not list becomes a primitive without a rule, so that a traced
    value is refused by its name. Anything else is passed through.
    """

    def find(name):
        try:
            value = getattr(theirs, name)
        except AttributeError as error:  # NumPy may say what to write instead
            message = str(error).replace(f"module {theirs.__name__!r}", f"module {ours['__name__']!r}")
            raise AttributeError(message, name=name) from None
        if name.startswith("_") or isinstance(value, type) or not callable(value):
            return value
        with _lock:
            known = _primitive_of(value)
            return ours.setdefault(name, _primitive(value) if known is None else known.traced)

    return find, lambda: sorted(name for name in dir(theirs) if not name.startswith("_"))

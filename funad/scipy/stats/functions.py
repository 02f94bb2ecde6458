"""Functions of SciPy that are its own on plain values, and hosted on traced ones."""

from ...primitives import composite
from ...registry import enter_anew, record_of
from ..hosting import call, host

__all__ = ["hosted"]


def hosted(f, name, module="scipy.stats"):
    """Return the function that users find as ``funad.`` + module + name."""
    known = record_of(f)
    if known is not None and known.wrapped is not f and known.wrapped is not known.f:
        return known.wrapped  # one of NumPy's or of scipy.special's
    enter_anew(f, f"{module}.{name}")

    def on_traced(*args, **kwargs):
        return call(f"{module}.{name}", getattr(host(module), name), args, kwargs)

    wrapped = composite(f)(on_traced)
    wrapped.__module__, wrapped.__qualname__ = f"funad.{module}", name
    return wrapped

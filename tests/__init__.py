"""The tests of funad: what one draws alone is what it draws among all others."""

from hypothesis.internal.conjecture import providers

# Otherwise numbers that stand in the modules that are loaded are drawn, too, and kept in the checkout.
if hasattr(providers, "_get_local_constants"):
    providers._get_local_constants = lambda: providers._local_constants

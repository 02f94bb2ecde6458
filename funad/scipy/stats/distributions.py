"""SciPy's distributions, and frozen ones, on traced values.

A distribution of funad stands before SciPy's own. A method that is given nothing traced is SciPy's; given
traced values it is SciPy's code, hosted.
"""

import functools

from scipy import stats
from scipy.stats._multivariate import multi_rv_generic

from ...boxes import innermost
from ..calls import meets_traced
from ..hosting import call, host

__all__ = ["Distribution", "Frozen", "distribution", "is_distribution"]


def is_distribution(x):
    """Say whether x is one of SciPy's distributions."""
    return isinstance(x, (stats.rv_continuous, stats.rv_discrete, multi_rv_generic))


def _is_hosted(x):
    """Say whether x is a Covariance of funad's: it may hold traced values, and is no object of SciPy's."""
    return type(x).__module__ == stats.Covariance.__module__ and not isinstance(x, stats.Covariance)


def _are_for_hosted(args, kwargs):
    return meets_traced(args, kwargs) or any(map(_is_hosted, (*args, *kwargs.values())))


def distribution(theirs, name):
    """Return what stands before a distribution of SciPy's, which is found by that name in scipy.stats."""
    return Distribution(theirs, name)


class Distribution:
    """A distribution: SciPy's own on plain values, differentiable on traced ones."""

    def __init__(self, theirs, name):
        self._theirs = theirs
        self._name = name
        self._freeze = functools.partial(type(theirs).__call__, theirs)  # also while SciPy is served
        self.__doc__ = theirs.__doc__
        self.__module__ = "funad.scipy.stats"

    @property
    def __class__(self):
        """The class of SciPy's distribution: isinstance asks for it."""
        return type(self._theirs)

    def __repr__(self):
        return f"<funad.scipy.stats.{self._name}>"

    def __reduce__(self):
        return self._name  # pickle looks for it in __module__

    def __call__(self, *args, **kwargs):
        return Frozen(self, args, kwargs)

    freeze = __call__

    def __getattr__(self, name):
        of_class = getattr(type(self._theirs), name, None)
        if name.startswith("_") or not callable(of_class):
            return getattr(self._theirs, name)
        # SciPy's own, also while funad.scipy.serve has others in the places of its methods.
        method = self._method(of_class.__get__(self._theirs), name)
        setattr(self, name, method)
        return method

    def _hosted(self):
        return getattr(host("scipy.stats"), self._name)

    def _method(self, plain, name):
        @functools.wraps(plain)
        def method(*args, **kwargs):
            if not _are_for_hosted(args, kwargs):
                return plain(*args, **kwargs)
            return call(f"scipy.stats.{self._name}.{name}", getattr(self._hosted(), name), args, kwargs)

        method.__module__ = f"funad.scipy.stats.{self._name}"  # messages do not say to write what is written
        return method


class Frozen:
    """A distribution with its parameters, plain or traced."""

    def __init__(self, dist, args, kwds):
        given = (*args, *kwds.values())
        if innermost(given) is None and not any(map(_is_hosted, given)):
            self._theirs = dist._freeze(*args, **kwds)  # which refuses what does not fit
        self.dist, self.args, self.kwds = dist, args, kwds

    @property
    def __class__(self):
        """The class of SciPy's frozen distribution, where the parameters are plain."""
        theirs = self.__dict__.get("_theirs")
        return type(self) if theirs is None else type(theirs)

    def __repr__(self):
        return f"<frozen {self.dist!r}>"

    def __reduce__(self):
        return Frozen, (self.dist, self.args, self.kwds)

    @functools.cached_property
    def _hosted(self):
        return self.dist._hosted()(*self.args, **self.kwds)

    def __getattr__(self, name):
        if name.startswith("__") or name == "_theirs":
            raise AttributeError(name)
        theirs = self.__dict__.get("_theirs")
        found = getattr(self._hosted if theirs is None else theirs, name)
        if name.startswith("_") or not callable(found):
            return found
        return self._method(name)

    def _method(self, name):
        def method(*args, **kwargs):
            theirs = self.__dict__.get("_theirs")
            if theirs is not None and not _are_for_hosted(args, kwargs):
                return getattr(theirs, name)(*args, **kwargs)
            known = f"scipy.stats.{self.dist._name}.{name}"
            return call(known, getattr(self._hosted, name), args, kwargs)

        return method

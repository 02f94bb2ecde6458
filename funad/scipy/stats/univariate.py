"""The short way through SciPy's methods of distributions, for points inside of the support.

SciPy's methods sort the points: invalid parameters, outside of the support, at its ends, inside. Where all
are inside, what is left of ``logpdf`` is ``_logpdf((x - loc) / scale) - log(scale)``, and so on: SciPy's own
formula, at the cost of the formula. It is taken for distributions whose formulas work element by element
(``ELEMENTWISE``); the numbers are those of the long way.
"""

import functools

import numpy as onp

from ... import numpy as np
from ...boxes import Traced, innermost
from ...values import constant
from ..deciding import every, some
from ..rules.stats import student_log_density
from .values import change

__all__ = ["ELEMENTWISE", "shorten", "shorten_formulas"]

ELEMENTWISE = {
    "_continuous_distns": (
        "beta", "cauchy", "chi2", "expon", "gamma", "gumbel_l", "gumbel_r", "halfnorm", "invgamma", "laplace",
        "logistic", "lognorm", "norm", "pareto", "rayleigh", "t", "uniform", "weibull_max", "weibull_min",
    ),
    "_discrete_distns": ("bernoulli", "binom", "geom", "poisson"),
}  # fmt: skip


def _standard(x, loc, scale):
    """Return (x - loc) / scale as SciPy computes it: in double precision."""
    if getattr(x, "dtype", None) != onp.float64 or type(loc) not in _EXACT or type(scale) not in _EXACT:
        x = (np.asarray(x) - np.asarray(loc)) / np.asarray(scale)
        return x if x.dtype == onp.float64 else np.astype(x, onp.promote_types(x.dtype, onp.float64))
    if loc is not ZERO:
        x = x - loc
    return x if scale is ONE else x / scale


class _Exact:
    """The types of parameters that make no single precision of a double: Python's, and traced doubles."""

    def __contains__(self, kind):
        return kind in (int, float, onp.float64) or issubclass(kind, Traced)


_EXACT = _Exact()
ZERO, ONE = 0, 1  # loc and scale where they are not given: Python has one object of each


def _every(x):
    """Say whether all are true, of every member of a batch."""
    if type(x) is onp.ndarray:
        return x.all()
    return every(x) if isinstance(x, Traced) else x


def _valid(self, shapes, plain, scale=ONE):
    """Say whether all parameters are valid, by their plain values; SciPy's own test sees the traced ones."""
    if scale is not ONE and not _every(_plain(scale) > 0):
        return False
    if self._argcheck.__func__.__qualname__ == "rv_generic._argcheck":  # all are to be positive
        return all(_every(x > 0) for x in plain)
    return _every(self._argcheck(*shapes))  # a traced whole number is refused there


def _inside(self, z, shapes):
    low, high = self._get_support(*shapes)
    z = constant(z)
    return _every(low < z) and _every(z < high)


def _of_points(finish):
    """Return how a method of x is shortened: ``finish(self, formula(z), scale)`` is what it returns."""

    def shortened(long):
        name = f"_{long.__name__}"

        @functools.wraps(long)
        def method(self, x, *args, **kwargs):
            if self.name in _SHORT:
                shapes, loc, scale = self._parse_args(*args, **kwargs)
                plain = tuple(map(_plain, shapes))
                z = _standard(x, loc, scale)
                if _valid(self, shapes, plain, scale) and _inside(self, z, plain):
                    return finish(getattr(self, name)(z, *map(_inexact, shapes)), scale)
            return _nowhere(long(self, x, *args, **kwargs), (x, *args, *kwargs.values()))

        return method

    return shortened


def _of_probabilities(long):
    name = f"_{long.__name__}"

    @functools.wraps(long)
    def method(self, q, *args, **kwargs):
        if self.name in _SHORT:
            shapes, loc, scale = self._parse_args(*args, **kwargs)
            q = _inexact(q)
            plain = tuple(map(_plain, shapes))
            if _valid(self, shapes, plain, scale) and _every(constant(q) > 0) and _every(constant(q) < 1):
                return getattr(self, name)(q, *map(_inexact, shapes)) * scale + loc
        return _nowhere(long(self, q, *args, **kwargs), (q, *args, *kwargs.values()))

    return method


def _of_counts(long):
    """Return a method of a discrete distribution, shortened for plain integers inside of the support."""
    name = f"_{long.__name__}"

    @functools.wraps(long)
    def method(self, k, *args, **kwargs):
        if self.name in _SHORT and constant(k) is k:  # a batch of plain counts is its own plain value
            shapes, loc, _ = self._parse_args(*args, **kwargs)
            plain = tuple(map(_plain, shapes))
            if not isinstance(loc, Traced) and _valid(self, shapes, plain):
                n = (k if isinstance(k, Traced) else onp.asarray(k)) - onp.asarray(loc)
                low, high = self._get_support(*plain)
                if _every((low <= n) & (n <= high if "pmf" in name else n < high) & (onp.floor(n) == n)):
                    y = getattr(self, name)(n, *map(_inexact, shapes))
                    if "log" in name or _every((constant(y) >= 0) & (constant(y) <= 1)):
                        return y
        return _nowhere(long(self, k, *args, **kwargs), (k, *args, *kwargs.values()))

    return method


def _nowhere(y, args):
    """Return y with nan for its derivatives where it is nan: SciPy fills those in as constants."""
    invalid = onp.isnan(constant(y))
    traced = [np.asarray(x) for x in args if innermost((x,)) is not None]
    return np.where(invalid, onp.nan * sum(traced), y) if traced and some(invalid) else y


def _plain(x):
    x = constant(x)
    return onp.asarray(x) if type(x) in (list, tuple) else x


def _inexact(x):
    """Return numbers and lists as SciPy's methods hand them on: as NumPy's."""
    if type(x) is float:
        return onp.float64(x)
    return x if isinstance(x, Traced) or type(x) is onp.ndarray else np.asarray(x)[()]


_DENSITY = _of_points(lambda y, scale: y if scale is ONE else y / scale)
_LOG_DENSITY = _of_points(lambda y, scale: y if scale is ONE else y - np.log(scale))
_TAIL = _of_points(lambda y, scale: y)
_SHORT = frozenset(name for names in ELEMENTWISE.values() for name in names)


def shorten(module):
    """Shorten the methods of hosted distributions."""
    continuous, discrete = module.rv_continuous, module.rv_discrete
    change(continuous, "pdf", _DENSITY)
    change(continuous, "logpdf", _LOG_DENSITY)
    for name in ("cdf", "logcdf", "sf", "logsf"):
        change(continuous, name, _TAIL)
    for name in ("ppf", "isf"):
        change(continuous, name, _of_probabilities)
    for name in ("pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"):
        change(discrete, name, _of_counts)


# --- formulas that SciPy takes in two cases, of which one is of isolated values


def _t_logpdf(long):
    def _logpdf(self, x, df):
        if some(onp.isinf(constant(df))):
            return long(self, x, df)
        return student_log_density(x, df)

    return _logpdf


def _t_pdf(long):
    def _pdf(self, x, df):
        return long(self, x, df) if some(onp.isinf(constant(df))) else np.exp(self._logpdf(x, df))

    return _pdf


def _lognorm_logpdf(long):
    def _logpdf(self, x, s):
        if not every(constant(x)):
            return long(self, x, s)
        return -(np.log(x) ** 2) / (2 * s**2) - np.log(s * x * np.sqrt(2 * np.pi))

    return _logpdf


def shorten_formulas(module):
    """Give hosted distributions the formula without the case of isolated values, where there are none."""
    change(module.t_gen, "_logpdf", _t_logpdf)
    change(module.t_gen, "_pdf", _t_pdf)
    change(module.lognorm_gen, "_logpdf", _lognorm_logpdf)

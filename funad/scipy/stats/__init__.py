"""``scipy.stats`` on traced values: distributions and functions of samples.

On plain values each name is SciPy's own. On traced ones it is SciPy's own code, hosted (see
``funad.scipy.hosting``): by a short way for distributions whose formulas work element by element
(``univariate``), with other functions where SciPy's are compiled or search (``substitutes``).
"""

from scipy import stats as _stats

from ..calls import composite_of as _composite_of
from ..calls import refused as _refused
from ..hosting import call as _call
from ..hosting import host as _host
from ..namespace import public_names as _public_names
from . import substitutes as _substitutes
from .distributions import distribution as _distribution
from .distributions import is_distribution as _is_distribution

__all__ = _public_names(_stats)

# Classes that compute with what they are given, and functions of such classes: hosted always.
_CLASSES = {
    "Binomial", "Covariance", "Logistic", "Mixture", "Normal", "Uniform", "abs", "exp", "gaussian_kde", "log",
    "make_distribution", "order_statistic", "rv_continuous", "rv_discrete", "rv_histogram", "truncate",
}  # fmt: skip
_SEARCHED = "what it returns is searched for, with no equation that holds it"
_TABLED = "what it returns is looked up in a table, or comes of compiled code that has no rule"
_COUNTED = "it takes whole numbers"
_OBJECT = "what it returns is an object of plain numbers"
_REFUSED = {
    name: why
    for why, names in {
        _SEARCHED: "barnard_exact boschloo_exact fit goodness_of_fit multiscale_graphcorr ppcc_max",
        _TABLED: """anderson_ksamp binned_statistic binned_statistic_2d binned_statistic_dd dunnett ks_1samp
        kstest logrank shapiro siegelslopes tukey_hsd wasserstein_distance_nd weightedtau""",
        _COUNTED: "fisher_exact quantile_test",
        _OBJECT: "bayes_mvs boxcox_normplot ecdf mvsdist power sobol_indices yeojohnson_normplot",
    }.items()
    for name in names.split()
}


def _named(name):
    """Return what stands under a name of SciPy's."""
    found = getattr(_stats, name)
    if _is_distribution(found):
        return _distribution(found, name)
    if name in _REFUSED:
        return _refused(found, f"scipy.stats.{name}", _REFUSED[name])
    return found if isinstance(found, type) else _hosted(found, f"scipy.stats.{name}")


def _hosted(f, full):
    """Return a function of samples: SciPy's own on plain values, and hosted on traced ones."""
    name = full.rpartition(".")[2]
    on_traced = lambda *args, **kwargs: _call(full, getattr(_host("scipy.stats"), name), args, kwargs)
    return _composite_of(f, full)(on_traced)


globals().update({name: _named(name) for name in __all__ if name not in _CLASSES})


def __getattr__(name):
    if name in _CLASSES and hasattr(_stats, name):  # hosting takes half a second
        globals()[name] = found = getattr(_host("scipy.stats"), name)
        return found
    return getattr(_stats, name)


def __dir__():
    return sorted(__all__)

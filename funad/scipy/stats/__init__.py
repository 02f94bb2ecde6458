"""``scipy.stats`` on traced values: distributions and functions of samples.

On plain values each name is SciPy's own. On traced ones it is SciPy's own code, hosted (see
``funad.scipy.hosting``): by a short way for distributions whose formulas work element by element
(``univariate``), with other functions where SciPy's are compiled or search (``substitutes``).
"""

from scipy import stats as _stats

from ..hosting import host as _host
from ..namespace import counterpart as _counterpart
from ..namespace import public_names as _public_names
from . import substitutes as _substitutes
from .distributions import distribution as _distribution
from .distributions import is_distribution as _is_distribution
from .functions import hosted as _hosted

__all__ = _public_names(_stats)

# Classes that compute with what they are given, and functions of such classes: hosted always.
_CLASSES = {
    "Binomial", "Covariance", "Logistic", "Mixture", "Normal", "Uniform", "abs", "exp", "gaussian_kde", "log",
    "make_distribution", "order_statistic", "rv_continuous", "rv_discrete", "rv_histogram", "truncate",
}  # fmt: skip
# Functions whose result is searched for, drawn, counted or looked up in tables: refused on traced values.
_REFUSED = {
    "anderson_ksamp", "barnard_exact", "bayes_mvs", "binned_statistic", "binned_statistic_2d",
    "binned_statistic_dd", "boschloo_exact", "boxcox_normplot", "dunnett", "ecdf", "fisher_exact", "fit",
    "goodness_of_fit", "ks_1samp", "kstest", "logrank", "multiscale_graphcorr", "mvsdist", "power",
    "ppcc_max", "quantile_test", "shapiro", "siegelslopes", "sobol_indices", "tukey_hsd",
    "wasserstein_distance_nd", "weightedtau", "yeojohnson_normplot",
}  # fmt: skip


def _named(name):
    """Return what stands under a name of SciPy's."""
    found = getattr(_stats, name)
    if _is_distribution(found):
        return _distribution(found, name)
    if name in _REFUSED or isinstance(found, type):
        return _counterpart(found, f"scipy.stats.{name}")
    return _hosted(found, name)


globals().update({name: _named(name) for name in __all__ if name not in _CLASSES})


def __getattr__(name):
    if name in _CLASSES and hasattr(_stats, name):  # hosting takes half a second
        globals()[name] = found = getattr(_host("scipy.stats"), name)
        return found
    return getattr(_stats, name)


def __dir__():
    return sorted({*globals(), *__all__})

"""``scipy.stats`` on traced values: distributions and functions of samples.

On plain values each name is SciPy's own. On traced ones, the dozen most used distributions are written
out (``univariate``, ``multivariate``), and all else is SciPy's own code, hosted (see ``funad.scipy.hosting``).
"""

from scipy import stats as _stats

from ..hosting import host as _host
from ..namespace import public_names as _public_names
from . import substitutes as _substitutes
from .distributions import distribution as _distribution
from .distributions import is_distribution as _is_distribution
from .functions import hosted as _hosted

__all__ = _public_names(_stats)

# The classes that compute with what they are given: the hosted copies take traced values.
_CLASSES = {
    "Binomial", "Covariance", "Logistic", "Mixture", "Normal", "Uniform", "gaussian_kde", "rv_continuous",
    "rv_discrete", "rv_histogram",
}  # fmt: skip


def _counterpart(name):
    """Return what stands under a name of SciPy's."""
    found = getattr(_stats, name)
    if _is_distribution(found):
        return _distribution(found, name)
    if not isinstance(found, type) and callable(found):
        return _hosted(found, name)
    return found


globals().update({name: _counterpart(name) for name in __all__ if name not in _CLASSES})


def __getattr__(name):
    if name in _CLASSES and hasattr(_stats, name):  # hosting takes half a second
        globals()[name] = found = getattr(_host("scipy.stats"), name)
        return found
    return getattr(_stats, name)


def __dir__():
    return sorted({*globals(), *__all__})

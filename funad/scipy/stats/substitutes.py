"""What is changed in hosted ``scipy.stats``: what asks for plain numbers, being compiled or searching.

Each gives SciPy's value, from SciPy's own function, and its derivatives.
"""

import functools

from scipy import stats

from ..hosting import substitute
from ..rules.stats import i0e_of_positive, von_mises_cdf
from .continuous import (
    by_quadrature,
    exponential_of,
    gen_hyperbolic,
    gen_inverse_gauss,
    not_nearly_normal,
    quantiles,
    skewed,
)
from .multivariate import (
    concentration,
    integrated,
    probabilities,
    psd,
    short_density,
    short_log_density,
    with_covariances,
    with_triangles,
)
from .samples import expectile, fillable_distribution, kernels, log_kernels, most_likely
from .univariate import shorten, shorten_formulas
from .values import change

__all__ = []


@substitute("scipy.special")
def _of_special(module):
    change(module, "i0e", lambda _: i0e_of_positive)


@substitute("scipy.stats._stats")
def _of_compiled(module):
    theirs = stats._stats
    for name, how in {
        "von_mises_cdf": lambda _: von_mises_cdf,
        "gaussian_kernel_estimate": lambda _: kernels(theirs.gaussian_kernel_estimate),
        "gaussian_kernel_estimate_log": lambda _: log_kernels(theirs.gaussian_kernel_estimate_log),
        "geninvgauss_logpdf": gen_inverse_gauss,
        "genhyperbolic_logpdf": gen_hyperbolic,
    }.items():
        change(module, name, how)


@substitute("scipy.stats._distn_infrastructure")
def _of_infrastructure(module):
    change(module.rv_continuous, "_ppf", lambda _: quantiles)
    shorten(module)


@substitute("scipy.stats._continuous_distns")
def _of_continuous(module):
    change(module.pearson3_gen, "_preprocess", not_nearly_normal)
    change(module.skewnorm_gen, "_logpdf", skewed)
    change(module.skewnorm_gen, "_pdf", exponential_of("_logpdf"))
    change(module.genhyperbolic_gen, "_pdf", exponential_of("_logpdf"))
    change(module.genhyperbolic_gen, "_cdf", by_quadrature)
    change(module.genhyperbolic_gen, "_sf", lambda f: by_quadrature(f, upper=True))
    change(module.geninvgauss_gen, "_cdf", by_quadrature)
    shorten_formulas(module)


@substitute("scipy.stats._stats_py")
def _of_samples(module):
    change(module, "expectile", lambda _: expectile(stats.expectile))
    change(module, "_validate_distribution", fillable_distribution)


@substitute("scipy.stats._morestats")
def _of_transformations(module):
    change(module, "boxcox_normmax", lambda f: most_likely(f, module.boxcox_llf, "pearsonr"))
    change(module, "yeojohnson_normmax", lambda f: most_likely(f, module.yeojohnson_llf))


@substitute("scipy.stats._distribution_infrastructure")
def _of_new_distributions(module):
    change(module, "make_distribution", _of_ours)


def _of_ours(f):
    """Take a distribution of funad for its hosted counterpart."""

    @functools.wraps(f)
    def make_distribution(dist):
        ours = getattr(dist, "_hosted", None)
        return f(dist if ours is None else ours())

    return make_distribution


@substitute("scipy.stats._multivariate")
def _of_vectors(module):
    change(module, "_PSD", psd)
    change(module, "get_blas_funcs", with_triangles)
    change(module, "_qauto", integrated)
    change(module.multivariate_normal_gen, "_process_parameters", with_covariances(module))
    change(module.multivariate_normal_gen, "logpdf", short_log_density)
    change(module.multivariate_normal_gen, "pdf", short_density)
    change(module.multinomial_gen, "_process_parameters", probabilities)
    change(module.vonmises_fisher_gen, "_process_parameters", concentration)

"""Calls of scipy.stats: distributions with their parameters, and functions of samples."""

import numpy as onp
from scipy import stats

import funad.scipy.stats

from . import VERSION, probe

# Distributions with shapes that are no isolated values; loc and scale are traced besides.
CONTINUOUS = {
    "arcsine": (), "beta": (2.3, 0.6), "burr": (10.5, 4.3), "burr12": (10.1, 4.2), "cauchy": (),
    "chi": (7.8,), "chi2": (5.5,), "expon": (), "exponnorm": (1.5,), "f": (29.0, 18.0), "fisk": (3.1,),
    "gamma": (1.99,), "genextreme": (-0.1,), "gennorm": (1.3,), "genpareto": (0.1,), "gompertz": (0.95,),
    "gumbel_l": (), "gumbel_r": (), "halfcauchy": (), "halfnorm": (), "hypsecant": (), "invgamma": (4.1,),
    "invgauss": (0.15,), "johnsonsu": (2.6, 2.2), "kappa4": (0.1, 0.2), "laplace": (), "levy": (),
    "loggamma": (0.41,), "logistic": (), "lognorm": (0.95,), "loguniform": (0.3, 1.25), "maxwell": (),
    "moyal": (), "nakagami": (4.97,), "ncf": (27.0, 26.0, 0.42), "nct": (14.0, 0.24), "ncx2": (21.0, 1.06),
    "norm": (), "norminvgauss": (1.25, 0.5), "pareto": (2.6,), "powerlaw": (1.66,), "rayleigh": (),
    "rice": (0.77,), "semicircular": (), "skewnorm": (4.0,), "t": (2.7,), "triang": (0.16,),
    "truncnorm": (-1.1, 2.7), "tukeylambda": (0.6,), "uniform": (), "vonmises": (3.99,),
    "weibull_max": (2.9,), "weibull_min": (1.79,), "wrapcauchy": (0.031,),
}  # fmt: skip
EXPONENT = -2.0 if VERSION >= (1, 17) else 2.0  # negative ones are new
# Others of them, by fewer methods.
FURTHER = {
    "alpha": (3.57,), "anglit": (), "argus": (1.0,), "betaprime": (5.0, 6.0), "bradford": (0.2989,),
    "cosine": (), "crystalball": (2.0, 3.0), "dgamma": (1.102,), "dpareto_lognorm": (3.0, 1.2, 1.5, 2.0),
    "dweibull": (2.069,), "exponpow": (2.697,), "exponweib": (2.892, 1.951), "fatiguelife": (1.3,),
    "foldcauchy": (4.716,), "foldnorm": (1.952,), "genexpon": (9.133, 16.23, 3.282),
    "gengamma": (4.416, -3.119), "genhalflogistic": (0.7727,), "genlogistic": (0.4119,), "gibrat": (),
    "halfgennorm": (0.6748,), "halflogistic": (), "invweibull": (10.58,), "jf_skew_t": (8.0, 4.0),
    "johnsonsb": (4.317, 3.184), "kappa3": (1.0,), "kstwobign": (), "landau": (),
    "laplace_asymmetric": (2.0,), "levy_l": (), "loglaplace": (3.251,), "lomax": (1.877,),
    "mielke": (10.4, 4.6), "pearson3": (-2.0,), "powerlognorm": (2.141, 0.4464), "powernorm": (4.445,),
    "rdist": (1.6,), "recipinvgauss": (0.63,), "reciprocal": (0.3, 1.25), "rel_breitwigner": (3.0,),
    "skewcauchy": (0.5,), "trapezoid": (0.2, 0.8), "truncexpon": (4.691,), "truncpareto": (EXPONENT, 5.0),
    "truncweibull_min": (2.5, 0.25, 1.75), "vonmises_line": (3.994,), "wald": (),
}  # fmt: skip
# Whole numbers among their parameters are constants.
DISCRETE = {
    "bernoulli": (0.3,), "betabinom": (5, 2.3, 0.63), "betanbinom": (5, 9.3, 1.2), "binom": (5, 0.4),
    "boltzmann": (1.4, 19), "dlaplace": (0.8,), "geom": (0.4,), "logser": (0.6,), "nbinom": (3.4, 0.4),
    "planck": (0.51,), "poisson": (1.6,), "skellam": (15.0, 8.0), "yulesimon": (11.0,), "zipf": (6.6,),
    "zipfian": (0.75, 15),
}  # fmt: skip
SHORT = {
    "beta", "bernoulli", "binom", "chi2", "expon", "gamma", "lognorm", "norm", "poisson", "t", "uniform",
    "weibull_min",
}  # fmt: skip
PROBABILITIES = onp.array([0.31, 0.64])
LOC, SCALE = 0.1, 1.3


def _of_points(name, method, shapes, **options):
    def f(sp, at):
        return getattr(getattr(sp.stats, name), method)(*at)

    x = PROBABILITIES
    if method not in ("ppf", "isf"):
        x = LOC + SCALE * getattr(stats, name).ppf(PROBABILITIES, *shapes)
    return probe(f"scipy.stats.{name}.{method}", f, (x, *shapes, LOC, SCALE), how=_how(name), **options)


def _of_counts(name, method, shapes):
    traced = [n for n, x in enumerate(shapes) if isinstance(x, float)]
    k = onp.array([0, 1]) if name == "bernoulli" else onp.array([1, 3])
    if name == "bernoulli" and method in ("logcdf", "logsf"):
        k = onp.array([0, 0])

    def f(sp, at):
        args = list(shapes)
        for n, x in zip(traced, at, strict=True):
            args[n] = x
        return getattr(getattr(sp.stats, name), method)(k, *args)

    at = tuple(shapes[n] for n in traced)
    return probe(f"scipy.stats.{name}.{method}", f, at, how=_how(name))


def _how(name):
    return "traced" if name in SHORT else "hosted"


# Of SciPy 1.14, it has errors of 1e-6.
ROUGH = ("nct", "isf") if VERSION < (1, 15) else None
PROBES = [
    *(
        _of_points(name, method, shapes, order=1 if (name, method) == ROUGH else 2)
        for name, shapes in CONTINUOUS.items()
        for method in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")
    ),
    *(
        _of_points(name, method, shapes)
        for name, shapes in FURTHER.items()
        if hasattr(stats, name)  # dpareto_lognorm came with SciPy 1.15
        for method in ("logpdf", "cdf", "ppf")
    ),
    _of_points("genhyperbolic", "pdf", (0.5, 1.5, -0.5)),
    _of_points("genhyperbolic", "logpdf", (0.5, 1.5, -0.5)),
    _of_points("geninvgauss", "logpdf", (2.3, 1.5)),
    _of_points("geninvgauss", "cdf", (2.3, 1.5), order=1),  # a second one takes 10 s: integrals of integrals
    *(
        _of_counts(name, method, shapes)
        for name, shapes in DISCRETE.items()
        for method in ("pmf", "logpmf", "cdf", "logcdf", "sf")
    ),
]

# --- functions of samples

_rng = onp.random.default_rng(0)
X = _rng.gamma(3.0, 1.0, 12)
Y = 0.5 * X + 0.3 * _rng.normal(size=12)
Z = _rng.gamma(2.0, 1.0, 9) + 0.1
W = _rng.uniform(0.5, 1.5, 12)
P = onp.array([0.2, 0.13, 0.4, 0.6])
ANGLES = _rng.uniform(0.5, 2.0, 12)


def _sample(name, *args, f=None, **options):
    """A probe of a function of samples; f takes the function, and then args."""

    def call(sp, *args):
        y = (f or (lambda g, *xs: g(*xs)))(getattr(sp.stats, name), *args)
        return tuple(y) if isinstance(y, tuple) else y

    return probe(f"scipy.stats.{name}", call, *args, how="hosted", **options)


PROBES += [
    _sample("bartlett", X, Z, f=lambda g, x, z: g(x, z)[:]),
    _sample("boxcox", X, f=lambda g, x: g(x, 0.4)),
    _sample("boxcox_llf", 0.4, X),
    _sample("chisquare", X, f=lambda g, x: g(x)[:]),
    _sample("circmean", ANGLES),
    _sample("circstd", ANGLES),
    _sample("circvar", ANGLES),
    _sample("combine_pvalues", P, f=lambda g, p: g(p)[:]),
    _sample("combine_pvalues", P, f=lambda g, p: g(p, "stouffer", [1.0, 2.0, 3.0, 4.0])[:]),
    _sample("describe", X, f=lambda g, x: tuple(g(x))[2:]),
    _sample("differential_entropy", X),
    _sample("energy_distance", X, Z),
    _sample("entropy", X),
    _sample("entropy", X, W),
    _sample("expectile", X, f=lambda g, x: g(x, 0.7)),
    _sample("f_oneway", X, Z, f=lambda g, x, z: g(x, z)[:], since=(1, 17)),
    _sample("gaussian_kde", X, onp.array([1.0, 2.0]), f=lambda g, x, at: g(x)(at)),
    _sample("gaussian_kde", X, onp.array([1.0, 2.0]), f=lambda g, x, at: g(x).logpdf(at)),
    _sample("gmean", X),
    _sample("gstd", X),
    _sample("gzscore", X),
    _sample("hmean", X),
    _sample("iqr", X),
    _sample("jarque_bera", X, f=lambda g, x: g(x)[:]),
    _sample("kstat", X, f=lambda g, x: g(x, 3)),
    _sample("kstatvar", X, f=lambda g, x: g(x, 2)),
    _sample("kurtosis", X),
    _sample("levene", X, Z, f=lambda g, x, z: g(x, z)[:]),
    _sample("linregress", X, Y, f=lambda g, x, y: tuple(g(x, y))),
    _sample("lmoment", X),
    _sample("median_abs_deviation", X),
    _sample("mode", X, f=lambda g, x: g(x)[0]),
    _sample("moment", X, f=lambda g, x: g(x, 3)),
    _sample("pearsonr", X, Y, f=lambda g, x, y: tuple(g(x, y))),
    _sample("pmean", X, f=lambda g, x: g(x, 1.5)),
    _sample("quantile", X, onp.array([0.21, 0.73])),
    _sample("estimated_cdf", X, onp.array([1.43, 4.6])),
    _sample("scoreatpercentile", X, f=lambda g, x: g(x, 30.0)),
    _sample("sem", X),
    _sample("sigmaclip", X, f=lambda g, x: g(x, 1.5, 1.5)[0]),
    _sample("skew", X),
    _sample("theilslopes", Y[:5], X[:5], f=lambda g, y, x: tuple(g(y, x))),
    _sample("tmax", X, f=lambda g, x: g(x, 4.0)),
    _sample("tmean", X, f=lambda g, x: g(x, (1.0, 4.0))),
    _sample("tmin", X, f=lambda g, x: g(x, 1.0)),
    _sample("trim_mean", X, f=lambda g, x: g(x, 0.1)),
    _sample("trimboth", X, f=lambda g, x: g(x, 0.1)),
    _sample("tsem", X, f=lambda g, x: g(x, (1.0, 5.0))),
    _sample("tstd", X, f=lambda g, x: g(x, (1.0, 5.0))),
    _sample("ttest_1samp", X, f=lambda g, x: g(x, 2.0)[:]),
    _sample("ttest_ind", X, Z, f=lambda g, x, z: g(x, z)[:]),
    _sample("ttest_ind", X, Z, f=lambda g, x, z: g(x, z, equal_var=False)[:]),
    _sample("ttest_rel", X, Y, f=lambda g, x, y: g(x, y)[:]),
    _sample("tvar", X, f=lambda g, x: g(x, (1.0, 5.0))),
    _sample("variation", X),
    _sample("wasserstein_distance", X, Z),
    _sample("wasserstein_distance", X, Z, W, f=lambda g, x, z, w: g(x, z, w)),
    _sample("yeojohnson", Y, f=lambda g, y: g(y, 0.4)),
    _sample("yeojohnson_llf", 0.4, Y),
    _sample("zmap", X, Z),
    _sample("zscore", X),
]

# --- distributions of vectors and matrices

V = onp.array([0.3, -0.2, 0.8])
COV = onp.array([[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 1.5]])
DIRECTION = onp.array([0.0, 0.6, 0.8])
SIMPLEX = onp.array([0.2, 0.3, 0.5])
ALPHA = onp.array([1.0, 2.0, 1.5])


def _symmetric(a):
    """SciPy reads one triangle of a symmetric matrix; its derivatives are those of the symmetric matrix."""
    return (a + a.T) / 2


def _vector(name, method, f, *args, **options):
    def call(sp, *args):
        return f(getattr(getattr(sp.stats, name), method), *args)

    return probe(f"scipy.stats.{name}.{method}", call, *args, how="hosted", **options)


PROBES += [
    *(
        _vector("dirichlet", method, lambda g, a: g(SIMPLEX, a), ALPHA)
        for method in ("logpdf", "pdf")
    ),
    *(
        _vector("dirichlet_multinomial", method, lambda g, a: g(onp.array([2, 1, 3]), a, 6), ALPHA)
        for method in ("logpmf", "pmf")
    ),
    *(
        _vector(name, method, lambda g, x, s: g(_symmetric(x), 5.0, _symmetric(s)), COV, COV + onp.eye(3))
        for name in ("invwishart", "wishart")
        for method in ("logpdf", "pdf")
    ),
    *(
        _vector(
            "matrix_normal", method, lambda g, x, m, u, v: g(x, m, _symmetric(u), _symmetric(v)),
            _rng.normal(size=(2, 3)), _rng.normal(size=(2, 3)), COV[:2, :2], COV,
        )
        for method in ("logpdf", "pdf")
    ),
    *(
        _vector("multinomial", method, lambda g, p: g([2, 1, 3], 6, p / p.sum()), SIMPLEX)
        for method in ("logpmf", "pmf")
    ),
    # Of more than two dimensions SciPy's value is that of random points.
    _vector(
        "multivariate_normal", "cdf", lambda g, x, m, s: g(x, m, _symmetric(s)), V[:2], V[1:], COV[:2, :2],
        since=(1, 16),
    ),
    _vector("multivariate_normal", "entropy", lambda g, s: g(V, _symmetric(s)), COV),
    *(
        _vector("multivariate_normal", method, lambda g, x, m, s: g(x, m, _symmetric(s)), V, V[::-1], COV)
        for method in ("logpdf", "pdf")
    ),
    *(
        _vector(
            "multivariate_t", method, lambda g, x, m, s, df: g(x, m, _symmetric(s), df), V, V[::-1], COV, 3.5
        )
        for method in ("logpdf", "pdf")
    ),
    _vector("vonmises_fisher", "logpdf", lambda g, k: g(DIRECTION, V / onp.linalg.norm(V), k), 2.0),
]  # fmt: skip

# --- further functions, and those that see no more than the order of a sample: their derivative is zero

COUNTS = onp.array([[3.0, 5.0], [6.0, 2.0]])
MANY = onp.concatenate([ANGLES, ANGLES[:8] ** 2])
METHOD = {"method": "interpolate"} if VERSION >= (1, 17) else {}
ORDER = {
    "ansari": 2, "brunnermunzel": 2, "bws_test": 2, "chatterjeexi": 1, "cramervonmises_2samp": 2,
    "cumfreq": 1, "fligner": 2, "friedmanchisquare": 3, "kendalltau": 1, "kruskal": 2, "ks_2samp": 2,
    "mannwhitneyu": 2,
    "median_test": 2, "mood": 2, "rankdata": 1, "ranksums": 2, "relfreq": 1, "somersd": 1, "spearmanr": 1,
    "spearmanrho": 1, "tiecorrect": 1, "wilcoxon": 1,
}  # fmt: skip


def _first(y):
    return y if isinstance(y, onp.ndarray | float) else y.statistic if hasattr(y, "statistic") else y[0]


def _of_order(name, samples):
    others = {"friedmanchisquare": (X**2, W), "spearmanr": (Y,), "kendalltau": (Y,), "somersd": (Y,)}.get(
        name
    )
    if others is None:
        others = (Y,) if name in ("chatterjeexi", "spearmanrho", "wilcoxon") else (Z,) * (samples - 1)

    def f(g, x):
        return _first(g(x, *others)) + 0.0 * x[0]

    return _sample(name, X, f=f, since=(1, 17) if name == "mannwhitneyu" else (1, 14))


PROBES += [
    *(_of_order(name, samples) for name, samples in ORDER.items()),
    _sample("alexandergovern", X, Z, f=lambda g, x, z: g(x, z).statistic),
    _sample("anderson", X, f=lambda g, x: g(x, **METHOD).statistic),
    _sample("binomtest", 0.4, f=lambda g, p: g(3, 7, p).pvalue + 0.0 * p),
    _sample(
        "bootstrap", X, f=lambda g, x: g((x,), onp.mean, n_resamples=9, rng=1).standard_error, since=(1, 17)
    ),
    _sample("boxcox_normmax", X, f=lambda g, x: g(x, method="mle"), order=0),  # see test_scipy_stats
    _sample("chi2_contingency", COUNTS, f=lambda g, n: g(n)[:2]),
    _sample("cramervonmises", X, f=lambda g, x: g(x, "norm", args=(3.0, 1.0)).statistic),
    _sample("directional_stats", _rng.normal(size=(5, 3)), f=lambda g, x: g(x).mean_direction),
    _sample("epps_singleton_2samp", X, Z, f=lambda g, x, z: g(x, z)[:]),
    _sample("false_discovery_control", P),
    _sample("kurtosistest", MANY, f=lambda g, x: g(x)[:]),
    _sample("normaltest", MANY, f=lambda g, x: g(x)[:]),
    _sample("monte_carlo_test", X, f=lambda g, x: g(x, _draw, onp.mean, n_resamples=9).statistic),
    _sample("obrientransform", X, Y),
    _sample("page_trend_test", _rng.normal(size=(4, 3)), f=lambda g, x: g(x).statistic + 0.0 * x[0, 0]),
    _sample("percentileofscore", X, f=lambda g, x: g(x, 2.0) + 0.0 * x[0]),
    _sample("permutation_test", X, Z, f=lambda g, x, z: g((x, z), _difference, n_resamples=9).statistic),
    _sample("pointbiserialr", Y, f=lambda g, y: g(onp.arange(12) % 2, y)[0]),
    _sample("poisson_means_test", 2.0, f=lambda g, n: g(3, n, 4, 2.0)[0]),
    _sample("power_divergence", X, f=lambda g, x: g(x, lambda_="log-likelihood")[:]),
    _sample("ppcc_plot", X, f=lambda g, x: g(x, 0, 1, N=3)[1]),
    _sample("probplot", X, f=lambda g, x: g(x)[1]),
    _sample("skewtest", ANGLES, f=lambda g, x: g(x)[:]),
    _sample("trim1", X, f=lambda g, x: g(x, 0.1)),
    _sample("ttest_ind_from_stats", 1.0, 1.5, f=lambda g, m, s: g(m, s, 5, 2.0, 1.0, 6)[:]),
    _sample("yeojohnson_normmax", X, order=0),
]


def _draw(size):
    return onp.random.default_rng(0).normal(size=size)


def _difference(a, b):
    return a.mean() - b.mean()


# funad.scipy.stats says why.
REFUSED = {f"scipy.stats.{name}": why for name, why in funad.scipy.stats._REFUSED.items()}

"""Distribution functions by mpmath: by series of positive terms, from the side on which nothing cancels."""

from mpmath import mp, mpf
from scipy.special import logit, tklmbda

from . import inverse, of
from .elementary import MIDDLE, log_beta, log_ndtr, owens_t

SHARE, TAILS = (1e-3, 0.99), (1e-10, 0.999)
COUNTS, TRIALS = [0, 1, 3], [4, 9, 30]


def lower(a, x):
    """P(a, x)."""
    return mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * mp.hyp1f1(1, a + 1, x)


def upper(a, x):
    return mp.gammainc(a, x, mp.inf, regularized=True)


def betainc(a, b, x, rest=None):
    """I_x(a, b) by the series of positive terms, or from the other side; ``rest`` is 1 - x."""
    rest = 1 - x if rest is None else rest
    if x > (a + 1) / (a + b + 2):
        return 1 - _betainc(b, a, rest, x)
    return _betainc(a, b, x, rest)


def _betainc(a, b, x, rest):
    front = mp.exp(a * mp.log(x) + b * mp.log(rest) - log_beta(a, b)) / a
    return front * mp.hyp2f1(a + b, 1, a + 1, x)


def betaincc(a, b, x, rest=None):
    return betainc(b, a, 1 - x if rest is None else rest, x)


def stdtr(df, t):
    tail = betainc(df / 2, mpf(1) / 2, df / (df + t * t), t * t / (df + t * t)) / 2
    return tail if t < 0 else 1 - tail


def _of_f(f):
    def of_x(dfn, dfd, x):
        total = dfd + dfn * x
        return f(dfn / 2, dfd / 2, dfn * x / total, dfd / total)

    return of_x


fdtr, fdtrc = _of_f(betainc), _of_f(betaincc)


def binomial(k, n, p):
    return betaincc(k + 1, n - k, p)


def negative_binomial(k, n, p):
    return betainc(n, k + 1, p)


def poisson(k, m):
    return upper(k + 1, m)


def chdtr(v, x):
    return lower(v / 2, x / 2)


def chdtrc(v, x):
    return upper(v / 2, x / 2)


def gdtr(a, b, x):
    return lower(b, a * x)


# --- non-central: mixtures with the weights of Poisson's distribution


def mixture(nc, of_k):
    """Σ e^{-nc/2}(nc/2)ᵏ/k!·of_k(k), of positive terms."""
    half, total, k = nc / 2, mpf(0), 0
    weight = mp.exp(-half)
    while True:
        more = weight * of_k(k)
        total += more
        if k > half and weight < total * mpf(10) ** (-mp.dps - 3):
            return total
        k += 1
        weight *= half / k


def chndtr(x, df, nc):
    return mixture(nc, lambda k: lower(df / 2 + k, x / 2))


def chndtrc(x, df, nc):
    return mixture(nc, lambda k: upper(df / 2 + k, x / 2))


def gamma_density(a, x):
    return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))


def beta_density(a, b, x, rest=None):
    rest = 1 - x if rest is None else rest
    return mp.exp((a - 1) * mp.log(x) + (b - 1) * mp.log(rest) - log_beta(a, b))


def ncx2_pdf(x, df, nc):
    return mixture(nc, lambda k: gamma_density(df / 2 + k, x / 2) / 2)


def nct(df, nc, t):
    """The series of Lenth, Cumulative distribution function of the non-central t distribution, 1989."""
    if t < 0:
        return 1 - nct(df, -nc, -t)
    y, rest, half = t * t / (df + t * t), df / (df + t * t), nc * nc / 2
    total, k, weight, odd = mpf(0), 0, mp.exp(-half), nc / mp.sqrt(2) * mp.exp(-half) / mp.gamma(mpf(3) / 2)
    while True:
        total += weight * betainc(k + mpf(1) / 2, df / 2, y, rest) + odd * betainc(
            k + mpf(1), df / 2, y, rest
        )
        if k > half and abs(odd) + weight < mpf(10) ** (-mp.dps - 3):
            return mp.ncdf(-nc) + total / 2
        k += 1
        weight *= half / k
        odd *= half / (k + mpf(1) / 2)


def nct_above(t, df, nc):
    return nct(df, -nc, -t)


def nct_pdf(t, df, nc):
    """df/t·(F_{df + 2}(t·√(1 + 2/df)) - F_df(t))."""
    return df / t * (nct(df + 2, nc, t * mp.sqrt(1 + 2 / df)) - nct(df, nc, t))


def _of_w(x, dfn, dfd):
    total = dfd + dfn * x
    return dfn * x / total, dfd / total


def ncf(dfn, dfd, nc, x):
    return mixture(nc, lambda k: betainc(dfn / 2 + k, dfd / 2, *_of_w(x, dfn, dfd)))


def ncf_above(x, dfn, dfd, nc):
    return mixture(nc, lambda k: betaincc(dfn / 2 + k, dfd / 2, *_of_w(x, dfn, dfd)))


def ncf_pdf(x, dfn, dfd, nc):
    w, rest = _of_w(x, dfn, dfd)
    factor = dfn * dfd / (dfd + dfn * x) ** 2
    return factor * mixture(nc, lambda k: beta_density(dfn / 2 + k, dfd / 2, w, rest))


# --- moments


def _nct_moments(df, nc):
    """The first raw moments of the non-central t distribution."""
    front = mp.sqrt(df / 2) * mp.gamma((df - 1) / 2) / mp.gamma(df / 2)
    m1 = nc * front
    m2 = (1 + nc**2) * df / (df - 2)
    m3 = (nc**3 + 3 * nc) * df ** (mpf(3) / 2) / 2 ** (mpf(3) / 2) * mp.gamma((df - 3) / 2) / mp.gamma(df / 2)
    m4 = df**2 / ((df - 2) * (df - 4)) * (nc**4 + 6 * nc**2 + 3)
    return m1, m2, m3, m4


def _ncf_moments(dfn, dfd, nc):
    """The same of the non-central F distribution."""
    r = dfd / dfn
    m1 = r * (dfn + nc) / (dfd - 2)
    m2 = r**2 * (nc**2 + (dfn + 2) * (dfn + 2 * nc)) / ((dfd - 2) * (dfd - 4))
    m3 = (
        r**3
        * (nc**3 + 3 * (dfn + 4) * nc**2 + (dfn + 2) * (dfn + 4) * (dfn + 3 * nc))
        / ((dfd - 2) * (dfd - 4) * (dfd - 6))
    )
    m4 = (
        r**4
        * (
            nc**4
            + 4 * (dfn + 6) * nc**3
            + 6 * (dfn + 4) * (dfn + 6) * nc**2
            + (dfn + 2) * (dfn + 4) * (dfn + 6) * (dfn + 4 * nc)
        )
        / ((dfd - 2) * (dfd - 4) * (dfd - 6) * (dfd - 8))
    )
    return m1, m2, m3, m4


def _mean(m1, m2, m3, m4):
    return m1


def _variance(m1, m2, m3, m4):
    return m2 - m1**2


def _skewness(m1, m2, m3, m4):
    return (m3 - 3 * m1 * m2 + 2 * m1**3) / _variance(m1, m2, m3, m4) ** (mpf(3) / 2)


def _kurtosis_excess(m1, m2, m3, m4):
    return (m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4) / _variance(m1, m2, m3, m4) ** 2 - 3


def _moments():
    found = {}
    for what in (_mean, _variance, _skewness, _kurtosis_excess):
        found[f"_nct{what.__name__}"] = of(
            lambda df, nc, what=what: what(*_nct_moments(df, nc)), (4.5, 50.0), (-3.0, 4.0)
        )
        found[f"_ncf{what.__name__}"] = of(
            lambda *args, what=what: what(*_ncf_moments(*args)), (0.5, 20.0), (9.0, 50.0), (0.1, 9.0)
        )
    found["_nbinom_mean"] = of(lambda n, p: n * (1 - p) / p, MIDDLE, SHARE)
    found["_nbinom_variance"] = of(lambda n, p: n * (1 - p) / p**2, MIDDLE, SHARE)
    found["_nbinom_skewness"] = of(lambda n, p: (2 - p) / mp.sqrt(n * (1 - p)), MIDDLE, SHARE)
    found["_nbinom_kurtosis_excess"] = of(lambda n, p: 6 / n + p * p / (n * (1 - p)), MIDDLE, SHARE)
    return found


# --- others


def kolmogorov(x):
    """The sum of exp(-2k²x²), and for small x that of Jacobi's theta function."""
    if x < mpf(1) / 4:
        return 1 - kolmogorov_below(x)
    return 2 * sum((-1) ** (k - 1) * mp.exp(-2 * k * k * x * x) for k in range(1, 60))


def kolmogorov_below(x):
    if x > 2:
        return 1 - kolmogorov(x)
    return (
        mp.sqrt(2 * mp.pi)
        / x
        * sum(mp.exp(-((2 * k - 1) ** 2) * mp.pi**2 / (8 * x * x)) for k in range(1, 30))
    )


def kolmogorov_slope(x):
    with mp.workdps(3 * mp.dps):
        h = x * mpf(10) ** (-mp.dps // 3)
        f = (lambda x: -kolmogorov_below(x)) if x < 1 else kolmogorov
        return (f(x + h) - f(x - h)) / (2 * h)


def smirnov(n, x):
    """P(D⁺ > x) (Birnbaum and Tingey, One-sided confidence contours for distribution functions, 1951)."""
    count = int(mp.floor(n * (1 - x)))
    return x * sum(
        mp.binomial(n, k) * (1 - x - mpf(k) / n) ** (n - k) * (x + mpf(k) / n) ** (k - 1)
        for k in range(count + 1)
    )


def smirnov_slope(n, x):
    with mp.workdps(3 * mp.dps):
        h = x * mpf(10) ** (-mp.dps // 3)
        return (smirnov(n, x + h) - smirnov(n, x - h)) / (2 * h)


def tukey(x, k):
    """The root p of (pᵏ - (1 - p)ᵏ)/k = x, beside SciPy's, by the logit of p."""

    def quantile(t):
        p, rest = 1 / (1 + mp.exp(-t)), 1 / (1 + mp.exp(t))
        return (p**k - rest**k) / k - x

    start = logit(tklmbda(float(x), float(k)))
    return 1 / (1 + mp.exp(-mp.findroot(quantile, mpf(float(start)))))


def skewnorm(x, loc, scale, a):
    z = (x - loc) / scale
    return mp.ncdf(z) - 2 * owens_t(z, a)


def cauchy(x, loc, scale):
    return mpf(1) / 2 + mp.atan((x - loc) / scale) / mp.pi


def inverse_gaussian(x, mean, shape):
    root = mp.sqrt(shape / x)
    return mp.ncdf(root * (x / mean - 1)) + mp.exp(2 * shape / mean) * mp.ncdf(-root * (x / mean + 1))


def _landau(power, front):
    """∫ exp(-t·log t - λt)·sin(πt)·tᵖ dt, p = 0 of the density and -1 of the tail above, for λ of z."""

    def f(x, loc, scale):
        z = (x - loc) / scale - 2 / mp.pi * mp.log(scale)
        height = mp.pi / 2 * z + mp.log(mp.pi / 2)

        def integrand(t):
            return mp.exp(-t * mp.log(t) - height * t) * mp.sinpi(t) * t**power

        return front(scale) * mp.quad(integrand, [0, 1, 2, 4, 8, 16, 32, 64])

    return f


landau_pdf = _landau(0, lambda scale: 1 / (2 * scale))
landau_sf = _landau(-1, lambda scale: 1 / mp.pi)


def complement(f):
    return lambda *args: 1 - f(*args)


GAMMA = {
    "gammainc": of(lower, (1e-2, 1e3), (1e-2, 2e3)),
    "gammaincc": of(upper, (1e-2, 1e3), (1e-2, 6e2)),
    "_igam_fac": of(lambda a, x: x**a * mp.exp(-x) / mp.gamma(a), (1e-2, 1e3), (1e-2, 6e2)),
    "gammaincinv": inverse(lower, 1, (0.1, 100.0), TAILS),
    "gammainccinv": inverse(upper, 1, (0.1, 100.0), TAILS),
    "chdtr": of(chdtr, (0.1, 200.0), (0.1, 300.0)),
    "chdtrc": of(chdtrc, (0.1, 200.0), (0.1, 1e3)),
    "chdtri": inverse(chdtrc, 1, (0.3, 50.0), TAILS),
    "chdtriv": inverse(chdtr, 0, SHARE, (0.3, 50.0)),
    "gdtr": of(gdtr, (0.05, 3.0), MIDDLE, MIDDLE),
    "gdtrc": of(lambda a, b, x: upper(b, a * x), (0.1, 3.0), MIDDLE, MIDDLE),
    "gdtrix": inverse(gdtr, 2, MIDDLE, (0.2, 20.0), SHARE),
    "gdtria": inverse(gdtr, 0, SHARE, (0.2, 20.0), MIDDLE),
    "gdtrib": inverse(gdtr, 1, (0.1, 3.0), SHARE, (0.5, 20.0)),
    "pdtr": of(poisson, [0, 1, 3, 20], (0.05, 300.0)),
    "pdtrc": of(lambda k, m: lower(k + 1, m), [0, 1, 3, 20], (0.05, 60.0)),
    "pdtri": inverse(poisson, 1, [0, 1, 3, 20], TAILS),
    "pdtrik": inverse(poisson, 0, (0.4, 0.99), (1.0, 60.0)),
}

BETA = {
    "betainc": of(betainc, (1e-2, 100.0), (0.05, 50.0), (1e-3, 0.99)),
    "betaincc": of(betaincc, (1e-2, 100.0), (0.05, 50.0), (1e-3, 0.99)),
    "betainc:near 0": of(betainc, (1e-2, 30.0), (0.05, 1e3), (1e-12, 1e-3)),
    "betaincinv": inverse(betainc, 2, (0.2, 30.0), (0.2, 30.0), (1e-6, 0.999)),
    "betainccinv": inverse(betaincc, 2, (0.2, 30.0), (1.0, 30.0), (0.05, 0.999)),
    "btdtria": inverse(betainc, 0, SHARE, (0.2, 30.0), (0.05, 0.95)),
    "btdtrib": inverse(betainc, 1, (0.2, 30.0), SHARE, (0.05, 0.95)),
    "_beta_pdf": of(lambda x, a, b: beta_density(a, b, x), (1e-3, 0.99), (1e-2, 100.0), (0.05, 50.0)),
    "_beta_ppf": inverse(lambda x, a, b: betainc(a, b, x), 0, (1e-6, 0.999), (0.2, 30.0), (0.2, 30.0)),
    "fdtr": of(fdtr, (0.3, 50.0), (0.3, 50.0), (0.01, 20.0)),
    "fdtrc": of(fdtrc, (0.3, 50.0), (0.3, 50.0), (0.01, 1e3)),
    "fdtri": inverse(fdtr, 2, (0.5, 30.0), (0.5, 30.0), SHARE),
    "fdtridfd": inverse(fdtr, 1, (1.0, 9.0), (0.51, 0.54), (1.05, 1.3)),
    "stdtr": of(stdtr, (0.5, 1e4), (-20.0, 6.0)),
    "stdtrit": inverse(stdtr, 1, (0.7, 50.0), (1e-6, 0.999)),
    "stdtridf": inverse(stdtr, 0, (0.8, 0.9), (1.4, 1.6)),
    "bdtr": of(binomial, COUNTS, TRIALS, SHARE),
    "bdtrc": of(lambda k, n, p: betainc(k + 1, n - k, p), COUNTS, TRIALS, SHARE),
    "bdtri": inverse(binomial, 2, COUNTS, TRIALS, SHARE),
    "bdtrik": inverse(binomial, 0, (0.3, 0.95), (6.0, 20.0), (0.3, 0.6)),
    "bdtrin": inverse(binomial, 1, (2.0, 9.0), (0.05, 0.9), (0.2, 0.6)),
    "nbdtr": of(negative_binomial, COUNTS, [1, 9, 30], SHARE),
    "nbdtrc": of(lambda k, n, p: betaincc(n, k + 1, p), COUNTS, [1, 9, 30], SHARE),
    "nbdtri": inverse(negative_binomial, 2, COUNTS, [1, 9, 30], SHARE),
    "nbdtrik": inverse(negative_binomial, 0, (0.5, 0.95), (2.0, 9.0), (0.2, 0.5)),
    "nbdtrin": inverse(negative_binomial, 1, (1.0, 9.0), (0.05, 0.6), (0.3, 0.6)),
    "_binom_pmf": of(lambda k, n, p: mp.binomial(n, k) * p**k * (1 - p) ** (n - k), COUNTS, TRIALS, SHARE),
    "_binom_cdf": of(binomial, COUNTS, TRIALS, SHARE),
    "_binom_sf": of(lambda k, n, p: betainc(k + 1, n - k, p), COUNTS, TRIALS, SHARE),
    "_nbinom_pmf": of(lambda k, n, p: mp.binomial(n + k - 1, k) * p**n * (1 - p) ** k, COUNTS, MIDDLE, SHARE),
    "_nbinom_cdf": of(negative_binomial, COUNTS, MIDDLE, SHARE),
    "_nbinom_sf": of(lambda k, n, p: betaincc(n, k + 1, p), COUNTS, MIDDLE, SHARE),
}

NONCENTRAL = {
    "chndtr": of(chndtr, (0.1, 30.0), (0.5, 20.0), (0.1, 20.0), digits=36),
    "_ncx2_sf": of(chndtrc, (0.1, 60.0), (0.5, 20.0), (0.1, 20.0), digits=36),
    "_ncx2_pdf": of(ncx2_pdf, (0.1, 60.0), (0.5, 20.0), (0.1, 20.0), digits=36),
    "_ncx2_isf": inverse(chndtrc, 0, SHARE, (0.5, 20.0), (0.1, 20.0), digits=30),
    "chndtrix": inverse(chndtr, 0, SHARE, (0.5, 20.0), (0.1, 20.0), digits=30),
    "chndtridf": inverse(chndtr, 1, (1.0, 3.0), (0.3, 0.5), (0.5, 1.0), digits=30),
    "chndtrinc": inverse(chndtr, 2, (4.0, 6.0), (2.0, 3.0), (0.2, 0.6), digits=30),
    "ncfdtr": of(ncf, (1.0, 20.0), (1.0, 20.0), (0.1, 5.0), (0.1, 5.0), digits=36),
    "_ncf_sf": of(ncf_above, (0.1, 30.0), (1.0, 20.0), (1.0, 20.0), (0.1, 5.0), digits=36),
    "_ncf_pdf": of(ncf_pdf, (0.1, 30.0), (1.0, 20.0), (1.0, 20.0), (0.1, 5.0), digits=36),
    "_ncf_isf": inverse(ncf_above, 0, SHARE, (1.0, 20.0), (1.0, 20.0), (0.1, 5.0), digits=30),
    "ncfdtri": inverse(ncf, 3, (1.0, 20.0), (1.0, 20.0), (0.1, 5.0), SHARE, digits=30),
    "ncfdtridfd": inverse(ncf, 1, (3.0, 4.0), (0.4, 0.42), (0.5, 0.6), (1.0, 1.05), digits=30),
    "ncfdtrinc": inverse(ncf, 2, (3.0, 4.0), (2.0, 5.0), (0.2, 0.3), (1.0, 1.5), digits=30),
    "nctdtr": of(nct, (1.0, 20.0), (-1.5, 2.0), (-3.0, 4.0), digits=36),
    "_nct_sf": of(nct_above, (-3.0, 4.0), (1.0, 20.0), (-1.5, 2.0), digits=36),
    "_nct_pdf": of(nct_pdf, (-3.0, 4.0), (1.0, 20.0), (-1.5, 2.0), digits=45),
    "_nct_isf": inverse(nct_above, 0, SHARE, (1.0, 20.0), (-1.5, 2.0), digits=30),
    "nctdtrit": inverse(nct, 2, (1.0, 20.0), (-1.5, 2.0), SHARE, digits=30),
    "nctdtridf": inverse(nct, 0, (0.75, 0.8), (0.2, 0.5), (1.4, 1.6), digits=30),
    "nctdtrinc": inverse(nct, 1, (2.0, 5.0), (0.3, 0.7), (-2.0, 2.0), digits=30),
}

OTHERS = {
    "erfinv": inverse(mp.erf, 0, (-0.9999, 0.9999)),
    "erfcinv": inverse(mp.erfc, 0, (1e-30, 1.9)),
    "ndtri": inverse(mp.ncdf, 0, (1e-300, 0.999)),
    "ndtri_exp": inverse(log_ndtr, 0, (-4e4, -1e-3)),
    "nrdtrimn": inverse(lambda m, sd, x: mp.ncdf((x - m) / sd), 0, SHARE, MIDDLE, (-9.0, 9.0)),
    "nrdtrisd": inverse(lambda m, sd, x: mp.ncdf((x - m) / sd), 1, (-9.0, -1.0), (0.51, 0.99), MIDDLE),
    "kolmogorov": of(kolmogorov, (0.05, 12.0)),
    "_kolmogc": of(kolmogorov_below, (0.05, 4.0)),
    "_kolmogp": of(kolmogorov_slope, (0.05, 12.0)),
    "kolmogi": inverse(kolmogorov, 0, (1e-30, 0.99)),
    "_kolmogci": inverse(kolmogorov_below, 0, (1e-30, 0.99)),
    "smirnov": of(smirnov, [1, 3, 7, 30], (0.011, 0.93)),
    "_smirnovc": of(complement(smirnov), [1, 3, 7, 30], (0.011, 0.93)),
    "_smirnovp": of(smirnov_slope, [3, 4, 7, 30], (0.011, 0.93)),
    "smirnovi": inverse(smirnov, 1, [1, 3, 7, 30], SHARE),
    "_smirnovci": inverse(complement(smirnov), 1, [1, 3, 7, 30], SHARE),
    "tklmbda": of(tukey, (-1.5, 1.5), (0.01, 0.6)),
    "tklmbda:negative": of(tukey, (-9.0, 9.0), (-0.9, -0.01)),
    "_cauchy_ppf": inverse(cauchy, 0, TAILS, (-9.0, 9.0), MIDDLE),
    "_cauchy_isf": inverse(complement(cauchy), 0, TAILS, (-9.0, 9.0), MIDDLE),
    "_cosine_cdf": of(lambda x: (mp.pi + x + mp.sin(x)) / (2 * mp.pi), (-3.1, 3.1)),
    "_cosine_invcdf": inverse(lambda x: (mp.pi + x + mp.sin(x)) / (2 * mp.pi), 0, SHARE),
    "_invgauss_ppf": inverse(inverse_gaussian, 0, SHARE, (0.1, 20.0), (0.1, 20.0)),
    "_invgauss_isf": inverse(complement(inverse_gaussian), 0, SHARE, (0.1, 20.0), (0.1, 20.0)),
    "_skewnorm_cdf": of(skewnorm, (-2.0, 3.0), (-0.5, 0.5), (0.5, 3.0), (-3.0, 3.0), digits=36),
    "_skewnorm_ppf": inverse(skewnorm, 0, (0.01, 0.99), (-0.5, 0.5), (0.5, 3.0), (-3.0, 3.0), digits=30),
    "_skewnorm_isf": inverse(
        complement(skewnorm), 0, (0.01, 0.99), (-0.5, 0.5), (0.5, 3.0), (-3.0, 3.0), digits=30
    ),
    "_landau_pdf": of(landau_pdf, (-2.0, 9.0), (-1.0, 1.0), (0.9, 3.0), digits=30),
    "_landau_cdf": of(complement(landau_sf), (-2.0, 9.0), (-1.0, 1.0), (0.9, 3.0), digits=30),
    "_landau_sf": of(landau_sf, (-2.0, 9.0), (-1.0, 1.0), (0.9, 3.0), digits=30),
    "_landau_ppf": inverse(complement(landau_sf), 0, (0.05, 0.99), (-1.0, 1.0), (0.9, 3.0), digits=30),
    "_landau_isf": inverse(landau_sf, 0, (0.01, 0.95), (-1.0, 1.0), (0.9, 3.0), digits=30),
}

TABLE = GAMMA | BETA | NONCENTRAL | _moments() | OTHERS

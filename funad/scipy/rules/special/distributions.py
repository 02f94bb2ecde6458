"""Distribution functions, their inverses, and what ``scipy.stats`` computes with.

In the variable the slope is a density. Of a parameter it is a difference of the logarithm of the smaller
tail, and that of an inverse follows from the slopes of the function. An argument that SciPy rounds to a
whole number has no rule.
"""

import contextlib
import math

import numpy as onp

from .... import numpy as np
from ....defining import defzero
from ....values import constant
from ... import special as s
from ...deciding import every, some
from ...differences import inverse, log_slope, near, of_shape, slope, tail_slope
from ..slopes import by_slopes, known, or_nan, quotient
from .elementary import boxcox_wrt_power
from .erf import normal_density

# --- slopes of parameters


def shape(f, rest, argnum, step=of_shape):
    """The slope of a parameter of a distribution function f, of which ``rest`` is 1 - f."""
    return lambda y, *args: or_nan(y, tail_slope(f, rest, y, args, argnum, step(args[argnum])))


def positive(f, argnum, step=of_shape):
    """The slope of an argument of a function f > 0."""
    return lambda y, *args: log_slope(f, y, args, argnum, step(args[argnum]))


# --- densities


def gamma_density(a, x):
    """xᵃ⁻¹e⁻ˣ/Γ(a) (DLMF 8.8.13); at 0 as a power, which has derivatives there, and 0 outside."""
    inside = (x > 0) & (x < math.inf)
    if every(inside):
        return s._igam_fac(a, x) / x
    inner = np.where(inside, x, 1.0)
    zero = constant(x) == 0
    at_zero = np.where(zero, x, 0.0) ** np.where(zero, a - 1.0, 1.0) * np.exp(-x) * s.rgamma(a)
    outside = np.where(constant(x) != constant(x), math.nan, 0.0)
    return np.where(inside, s._igam_fac(a, inner) / inner, np.where(zero, at_zero, outside))


def beta_density(a, b, x):
    """xᵃ⁻¹(1 - x)ᵇ⁻¹/B(a, b) (DLMF 8.17.1); at 0 and 1 as a power, which has derivatives there.

    So it is for the least x, where SciPy raises an exception if the density overflows.
    """
    edge = (x < 1e-100) & (x >= 0) | (x == 1)
    if not some(edge):
        return s._beta_pdf(x, a, b)
    inner, outer = np.where(edge, 0.5, x), np.where(edge, x, 0.5)
    power = outer ** (a - 1.0) * (1.0 - outer) ** (b - 1.0) / s.beta(a, b)
    return np.where(edge, power, s._beta_pdf(inner, a, b))


def _beta_density_of(a, b, x, rest):
    """The same where 1 - x, the rest, is known to more digits than x has."""
    right = constant(x) > 0.5
    return np.where(right, beta_density(b, a, rest), beta_density(a, b, x))


by_slopes("_igam_fac", lambda y, a, x: y * (np.log(x) - s.psi(a)), lambda y, a, x: y * (a / x - 1.0))
by_slopes(
    "_beta_pdf",
    lambda y, x, a, b: y * ((a - 1.0) / x - (b - 1.0) / (1.0 - x)),
    lambda y, x, a, b: y * (np.log(x) - s.psi(a) + s.psi(a + b)),
    lambda y, x, a, b: y * (s.log1p(-x) - s.psi(b) + s.psi(a + b)),
)

# --- the gamma distribution and its kin

GAMMA = (shape(s.gammainc, s.gammaincc, 0), lambda y, a, x: or_nan(y, gamma_density(a, x)))
GAMMA_ABOVE = (shape(s.gammaincc, s.gammainc, 0), lambda y, a, x: or_nan(y, -gamma_density(a, x)))
by_slopes("gammainc", *GAMMA)
by_slopes("gammaincc", *GAMMA_ABOVE)
by_slopes("gammaincinv", *inverse(GAMMA, 1))
by_slopes("gammainccinv", *inverse(GAMMA_ABOVE, 1))


def _chi2(slopes):
    """The slopes of F(v, x) = G(v/2, x/2), for x ≥ 0."""
    of_a, of_x = slopes
    return (
        lambda y, v, x: 0.5 * of_a(y, 0.5 * v, 0.5 * x),
        lambda y, v, x: 0.5 * of_x(y, 0.5 * v, 0.5 * x),
    )


by_slopes("chdtr", *_chi2(GAMMA))
by_slopes("chdtrc", *_chi2(GAMMA_ABOVE))
by_slopes("chdtri", *inverse(_chi2(GAMMA_ABOVE), 1))
by_slopes("chdtriv", *inverse(_chi2(GAMMA), 0, s.chdtr))


def _gdtr(slopes):
    """The slopes of F(a, b, x) = G(b, ax)."""
    of_b, of_x = slopes
    return (
        lambda y, a, b, x: x * of_x(y, b, a * x),
        lambda y, a, b, x: of_b(y, b, a * x),
        lambda y, a, b, x: a * of_x(y, b, a * x),
    )


by_slopes("gdtr", *_gdtr(GAMMA))
by_slopes("gdtrc", *_gdtr(GAMMA_ABOVE))
for _name, _place in (("gdtria", 0), ("gdtrib", 1), ("gdtrix", 2)):
    by_slopes(_name, *inverse(_gdtr(GAMMA), _place, s.gdtr))

# Poisson's: 1 - G(k + 1, m). In the inverse for k it is taken for any real k.
POISSON = (
    lambda y, k, m: GAMMA_ABOVE[0](y, k + 1.0, m),
    lambda y, k, m: -gamma_density(k + 1.0, m),
)
by_slopes("pdtr", None, lambda y, k, m: or_nan(y, -gamma_density(np.floor(k) + 1.0, m)))
by_slopes("pdtrc", None, lambda y, k, m: or_nan(y, gamma_density(np.floor(k) + 1.0, m)))
by_slopes("pdtri", *inverse((None, POISSON[1]), 1))
by_slopes("pdtrik", *inverse(POISSON, 0, lambda k, m: s.gammaincc(k + 1.0, m)))

# --- the beta distribution and its kin

BETA = (
    shape(s.betainc, s.betaincc, 0),
    shape(s.betainc, s.betaincc, 1),
    lambda y, a, b, x: or_nan(y, beta_density(a, b, x)),
)
BETA_ABOVE = (
    shape(s.betaincc, s.betainc, 0),
    shape(s.betaincc, s.betainc, 1),
    lambda y, a, b, x: or_nan(y, -beta_density(a, b, x)),
)
by_slopes("betainc", *BETA)
by_slopes("betaincc", *BETA_ABOVE)
by_slopes("betaincinv", *inverse(BETA, 2))
by_slopes("betainccinv", *inverse(BETA_ABOVE, 2))
by_slopes("btdtria", *inverse(BETA, 0))
by_slopes("btdtrib", *inverse(BETA, 1))
_ppf = inverse(BETA, 2)
by_slopes("_beta_ppf", lambda y, p, a, b: _ppf[2](y, a, b, p), *(
    lambda y, p, a, b, n=n: _ppf[n](y, a, b, p) for n in range(2)
))  # fmt: skip


def _f_density(dfn, dfd, x):
    """The density of F: that of Beta(dfn/2, dfd/2) at w = dfn·x/(dfd + dfn·x), times ∂w/∂x."""
    total = dfd + dfn * x
    return _beta_density_of(0.5 * dfn, 0.5 * dfd, dfn * x / total, dfd / total) * (dfn * dfd / total**2)


F = (shape(s.fdtr, s.fdtrc, 0), shape(s.fdtr, s.fdtrc, 1), lambda y, *args: or_nan(y, _f_density(*args)))
F_ABOVE = (
    shape(s.fdtrc, s.fdtr, 0),
    shape(s.fdtrc, s.fdtr, 1),
    lambda y, *args: or_nan(y, -_f_density(*args)),
)
by_slopes("fdtr", *F)
by_slopes("fdtrc", *F_ABOVE)
by_slopes("fdtri", *inverse(F, 2))
by_slopes("fdtridfd", *inverse(F, 1, s.fdtr))


def student_density(df, t):
    """The density of t, in which u = ½(1 - |t|/√(df + t²)) is of Beta(df/2, df/2) and keeps its digits."""
    normal = constant(df) == math.inf
    if some(normal):
        return np.where(normal, normal_density(t), student_density(np.where(normal, 1.0, df), t))
    large = constant(df) > 1e4
    if every(large):
        return _density_of_large_df(df, t)
    if some(large):
        return np.where(large, _density_of_large_df(df, t), student_density(np.where(large, 1e4, df), t))
    t = np.where(t < 0, -t, t)
    square = df + t * t
    root = np.sqrt(square)
    density = beta_density(0.5 * df, 0.5 * df, 0.5 * df / (root * (root + t)))
    return density * (0.5 * df / (square * root))


def _density_of_large_df(df, t):
    """The density by the logarithm of its power, with Γ(z + ½)/Γ(z)√z, z = df/2, by DLMF 5.11.13."""
    z = 2.0 / df
    front = 1.0 + z * (-1.0 / 8.0 + z * (1.0 / 128.0 + z * (5.0 / 1024.0 - z * 21.0 / 32768.0)))
    return front / math.sqrt(2 * math.pi) * np.exp(-0.5 * (df + 1.0) * s.log1p(t * t / df))


def _student_wrt_df(y, df, t):
    """Of infinite df, which is the normal distribution, 0."""
    normal = constant(df) == math.inf
    found = _of_df(y, np.where(normal, 1.0, df), t) if some(normal) else _of_df(y, df, t)
    return np.where(normal, 0.0, found) if some(normal) else found


def _two_tails(df, t):
    return 2.0 * s.stdtr(df, -np.abs(t))


def _between_tails(df, t):
    """P(|T| < t): of a small t it has digits that a difference of the tails from ½ has not."""
    square = t * t
    return s.betainc(0.5, 0.5 * df, square / (df + square))


def _of_df(y, df, t):
    """∓½ of the slope of both tails; where df is large beside t⁴, by powers of 1/df."""
    normal = constant(df) > onp.maximum(1e3, 300.0 * constant(t) ** 4)
    if every(normal):
        return _of_large_df(df, t)
    of_tails = _of_two_tails(_two_tails(df, t), df, t)
    found = np.where(t < 0, 0.5, -0.5) * of_tails
    return np.where(normal, _of_large_df(df, t), found) if some(normal) else found


def _of_large_df(df, t):
    """Φ(t) - F = φ(t)·Σ gₖ/dfᵏ (Fisher, Expansion of Student's integral in powers of n⁻¹, 1925), derived."""
    q, z = t * t, 1.0 / df
    first = (q + 1.0) / 4.0
    second = (((3.0 * q - 7.0) * q - 5.0) * q - 3.0) / 96.0
    third = (((((q - 11.0) * q + 14.0) * q + 6.0) * q - 3.0) * q - 15.0) / 384.0
    return normal_density(t) * t * z * z * (first + z * (2.0 * second + 3.0 * z * third))


_of_two_tails = shape(_two_tails, _between_tails, 0, lambda df: 0.015 * onp.abs(constant(df)))
STUDENT = (
    lambda y, df, t: _student_wrt_df(y, df, t),
    lambda y, df, t: or_nan(y, student_density(df, t)),
)
by_slopes("stdtr", *STUDENT)
by_slopes("stdtrit", *inverse(STUDENT, 1))
by_slopes("stdtridf", *inverse(STUDENT, 0, s.stdtr))

# The binomial: 1 - I_p(k + 1, n - k), and the negative binomial, I_p(n, k + 1).


def _binomial_density(k, n, p):
    """-∂F/∂p, which is 0 for k ≥ n, where F is 1."""
    k = np.floor(k)
    whole = k >= n
    return np.where(whole, 0.0, beta_density(np.where(whole, 1.0, k + 1.0), np.where(whole, 1.0, n - k), p))


def _binomial(k, n, p):
    return s.betainc(n - k, k + 1.0, 1.0 - p)


def _negative_binomial(k, n, p):
    return s.betainc(n, k + 1.0, p)


BINOMIAL = (
    lambda y, k, n, p: BETA[1](y, n - k, k + 1.0, 1.0 - p) - BETA[0](y, n - k, k + 1.0, 1.0 - p),
    lambda y, k, n, p: BETA[0](y, n - k, k + 1.0, 1.0 - p),
    lambda y, k, n, p: -beta_density(k + 1.0, n - k, p),
)
NEGATIVE_BINOMIAL = (
    lambda y, k, n, p: BETA[1](y, n, k + 1.0, p),
    lambda y, k, n, p: BETA[0](y, n, k + 1.0, p),
    lambda y, k, n, p: beta_density(n, k + 1.0, p),
)
by_slopes("bdtr", None, None, lambda y, k, n, p: or_nan(y, -_binomial_density(k, n, p)))
by_slopes("bdtrc", None, None, lambda y, k, n, p: or_nan(y, _binomial_density(k, n, p)))
by_slopes("bdtri", *inverse((None, None, lambda y, k, n, p: -_binomial_density(k, n, p)), 2))
by_slopes("bdtrik", *inverse(BINOMIAL, 0, _binomial))
by_slopes("bdtrin", *inverse(BINOMIAL, 1, _binomial))
by_slopes("nbdtr", None, None, lambda y, k, n, p: or_nan(y, beta_density(n, k + 1.0, p)))
by_slopes("nbdtrc", None, None, lambda y, k, n, p: or_nan(y, -beta_density(n, k + 1.0, p)))
by_slopes("nbdtri", *inverse((None, None, NEGATIVE_BINOMIAL[2]), 2))
by_slopes("nbdtrik", *inverse(NEGATIVE_BINOMIAL, 0, _negative_binomial))
by_slopes("nbdtrin", *inverse(NEGATIVE_BINOMIAL, 1, _negative_binomial))

# --- non-central distributions


def _swapped(f, order):
    """f with its arguments in another order: those of F(…, x) from those of f(x, …)."""
    return lambda *args: f(*(args[n] for n in order))


if known("_ncx2_sf") is not None:
    # ∂F/∂nc = -f(x; df + 2, nc), as ∂f/∂nc = ½(f(x; df + 2) - f(x; df)) (Cohen, Noncentral chi-square: some
    # observations on recurrence, 1988).
    NCX2 = (
        lambda y, x, df, nc: s._ncx2_pdf(x, df, nc),
        shape(s.chndtr, s._ncx2_sf, 1),
        lambda y, x, df, nc: -s._ncx2_pdf(x, df + 2.0, nc),
    )
    NCX2_ABOVE = (
        lambda y, x, df, nc: -s._ncx2_pdf(x, df, nc),
        shape(s._ncx2_sf, s.chndtr, 1),
        lambda y, x, df, nc: s._ncx2_pdf(x, df + 2.0, nc),
    )
    by_slopes("chndtr", *NCX2)
    by_slopes("_ncx2_sf", *NCX2_ABOVE)
    for _name, _place in (("chndtrix", 0), ("chndtridf", 1), ("chndtrinc", 2)):
        by_slopes(_name, *inverse(NCX2, _place, s.chndtr))
    by_slopes("_ncx2_isf", *inverse(NCX2_ABOVE, 0))
    by_slopes("_ncx2_cdf", *NCX2)  # SciPy 1.14 has these besides
    by_slopes("_ncx2_ppf", *inverse(NCX2, 0, s.chndtr))
    by_slopes(
        "_ncx2_pdf",
        lambda y, x, df, nc: y * ((0.5 * df - 1.0) / x - 0.5) + 0.5 * nc / x * s._ncx2_pdf(x, df + 2.0, nc),
        positive(s._ncx2_pdf, 1),
        lambda y, x, df, nc: 0.5 * (s._ncx2_pdf(x, df + 2.0, nc) - y),
    )

if known("_nct_sf") is not None:
    _above, _below = _swapped(s._nct_sf, (2, 0, 1)), _swapped(s.nctdtr, (1, 2, 0))

    def _nct_density(df, nc, t, above=_above):
        """The density of SciPy 1.15; before, and far out, where that is wrong, from the smaller tail."""
        far = onp.abs(constant(t)) > 1e3
        if not some(far) and known("_nct_pdf") is not None:
            return s._nct_pdf(t, df, nc)
        args = (df, nc, t)
        step = onp.where(far, 0.01 * onp.abs(constant(t)), near(t))
        slope_of_tail = tail_slope(s.nctdtr, above, s.nctdtr(*args), args, 2, step)
        if known("_nct_pdf") is None:
            return slope_of_tail
        return np.where(far, slope_of_tail, s._nct_pdf(np.where(far, 0.0, t), df, nc))

    NCT = (
        shape(s.nctdtr, _above, 0),
        shape(s.nctdtr, _above, 1, near),
        lambda y, df, nc, t: _nct_density(df, nc, t),
    )
    by_slopes("nctdtr", *NCT)
    for _name, _place in (("nctdtridf", 0), ("nctdtrinc", 1), ("nctdtrit", 2)):
        by_slopes(_name, *inverse(NCT, _place, s.nctdtr))
    NCT_ABOVE = (
        lambda y, t, df, nc: -_nct_density(df, nc, t),
        shape(s._nct_sf, _below, 1),
        shape(s._nct_sf, _below, 2, near),
    )
    by_slopes("_nct_sf", *NCT_ABOVE)
    by_slopes("_nct_isf", *inverse(NCT_ABOVE, 0))
    NCT_BELOW = (
        lambda y, t, df, nc: _nct_density(df, nc, t),
        shape(_below, s._nct_sf, 1),
        shape(_below, s._nct_sf, 2, near),
    )
    by_slopes("_nct_cdf", *NCT_BELOW)  # as those of ncx2
    by_slopes("_nct_ppf", *inverse(NCT_BELOW, 0))
    if known("_nct_pdf") is not None:
        _pdf_slopes = tuple(positive(s._nct_pdf, n, step) for n, step in enumerate((near, of_shape, near)))
        by_slopes("_nct_pdf", *_pdf_slopes)

if known("_ncf_sf") is not None:
    _above = _swapped(s._ncf_sf, (3, 0, 1, 2))

    def _ncf_wrt_nc(y, dfn, dfd, nc, x):
        """½(F(dfn + 2) - F) at one w = dfn·x/(dfd + dfn·x), a Poisson mixture; of the smaller tail."""
        args = (dfn + 2.0, dfd, nc, x * dfn / (dfn + 2.0))
        lower = constant(y) < 0.5
        below = 0.5 * (s.ncfdtr(*args) - y)
        if every(lower):
            return below
        above = 0.5 * (s._ncf_sf(x, dfn, dfd, nc) - s._ncf_sf(args[3], *args[:3]))
        return np.where(lower, below, above)

    def _ncf_density(dfn, dfd, nc, x, above=_above):
        """The density, and if it overflows somewhere, the slope of the smaller tail."""
        with contextlib.suppress(OverflowError):
            return s._ncf_pdf(x, dfn, dfd, nc)
        args = (dfn, dfd, nc, x)
        return tail_slope(s.ncfdtr, above, s.ncfdtr(*args), args, 3, of_shape(x))

    NCF = (
        shape(s.ncfdtr, _above, 0),
        shape(s.ncfdtr, _above, 1),
        _ncf_wrt_nc,
        lambda y, dfn, dfd, nc, x: _ncf_density(dfn, dfd, nc, x),
    )
    by_slopes("ncfdtr", *NCF)
    for _name, _place in (("ncfdtridfd", 1), ("ncfdtrinc", 2), ("ncfdtri", 3)):
        by_slopes(_name, *inverse(NCF, _place, s.ncfdtr))
    _below = _swapped(s.ncfdtr, (1, 2, 3, 0))
    NCF_ABOVE = (
        lambda y, x, dfn, dfd, nc: -_ncf_density(dfn, dfd, nc, x),
        shape(s._ncf_sf, _below, 1),
        shape(s._ncf_sf, _below, 2),
        lambda y, x, dfn, dfd, nc: -_ncf_wrt_nc(1.0 - y, dfn, dfd, nc, x),
    )
    by_slopes("_ncf_sf", *NCF_ABOVE)
    by_slopes("_ncf_isf", *inverse(NCF_ABOVE, 0))
    NCF_BELOW = (
        lambda y, x, dfn, dfd, nc: _ncf_density(dfn, dfd, nc, x),
        shape(_below, s._ncf_sf, 1),
        shape(_below, s._ncf_sf, 2),
        lambda y, x, dfn, dfd, nc: _ncf_wrt_nc(y, dfn, dfd, nc, x),
    )
    by_slopes("_ncf_cdf", *NCF_BELOW)
    by_slopes("_ncf_ppf", *inverse(NCF_BELOW, 0))
    by_slopes(
        "_ncf_pdf",
        *(positive(s._ncf_pdf, n) for n in range(3)),
        lambda y, x, dfn, dfd, nc: (
            0.5 * (s._ncf_pdf(x * dfn / (dfn + 2.0), dfn + 2.0, dfd, nc) * dfn / (dfn + 2.0) - y)
        ),
    )


# --- moments of them: smooth functions, up to where they cease to exist


def _above(bound):
    """The step for degrees of freedom, of which the moment exists above the bound."""
    return lambda df: 0.01 * onp.abs(constant(df) - bound)


def _of_centre(nc):
    return 0.04 * onp.maximum(1.0, onp.abs(constant(nc)))


def _of_positive_centre(nc):
    nc = constant(nc)
    return onp.clip(0.22 * nc, 0.002, 0.01 * onp.maximum(1.0, nc))


def _moment(name, *steps):
    f = known(name)
    if f is not None:
        of = (lambda y, *args, n=n, h=h: slope(f, args, n, h(args[n])) for n, h in enumerate(steps))
        by_slopes(name, *of)


for _order, _what in enumerate(("mean", "variance", "skewness", "kurtosis_excess"), 1):
    _moment(f"_nct_{_what}", _above(_order), _of_centre)
    _moment(f"_ncf_{_what}", of_shape, _above(2 * _order), _of_positive_centre)
by_slopes("_nbinom_mean", lambda y, n, p: y / n, lambda y, n, p: -n / (p * p))
by_slopes("_nbinom_variance", lambda y, n, p: y / n, lambda y, n, p: -n * (2.0 - p) / p**3)
by_slopes(
    "_nbinom_skewness",
    lambda y, n, p: -0.5 * y / n,
    lambda y, n, p: p / (2.0 * (1.0 - p) * np.sqrt(n * (1.0 - p))),
)
by_slopes(
    "_nbinom_kurtosis_excess",
    lambda y, n, p: -y / n,
    lambda y, n, p: p * (2.0 - p) / (n * (1.0 - p) ** 2),
)

# --- the normal distribution's parameters: x = mean + sd·z, z = Φ⁻¹(p)

by_slopes(
    "nrdtrimn",
    lambda y, p, sd, x: -sd / normal_density(s.ndtri(p)),
    lambda y, p, sd, x: -s.ndtri(p) + 0.0 * y,
    lambda y, p, sd, x: 1.0 + 0.0 * y,
)
by_slopes(
    "nrdtrisd",
    lambda y, mean, p, x: -1.0 / s.ndtri(p) + 0.0 * y,
    lambda y, mean, p, x: -y / (s.ndtri(p) * normal_density(s.ndtri(p))),
    lambda y, mean, p, x: 1.0 / s.ndtri(p) + 0.0 * y,
)

# --- Kolmogorov's and Smirnov's distributions, of which SciPy has the densities


def _kolmogorov_sums(x, of_theta, of_series):
    """A sum over both forms of the distribution: Jacobi's theta function below 1, exp(-2k²x²) above."""
    below = constant(x) < 1.0
    if every(below):
        return of_theta(x)
    if not some(below):
        return of_series(x)
    return np.where(below, of_theta(np.where(below, x, 0.5)), of_series(np.where(below, 1.0, x)))


def _theta(term):
    """√(2π)·Σ term(x, c)·exp(-c/(2x²)) of c = (2k - 1)²π²/4."""
    cs = [(2 * k - 1) ** 2 * math.pi**2 / 4 for k in range(1, 5)]
    return lambda x: math.sqrt(2 * math.pi) * sum(term(x, c) * np.exp(-0.5 * c / (x * x)) for c in cs)


def _alternating(term):
    """8·Σ (-1)ᵏ⁻¹·term(x, k²)·exp(-2k²x²)."""
    return lambda x: (
        8.0 * sum((-1) ** (k - 1) * term(x, k * k) * np.exp(-2.0 * k * k * x * x) for k in range(1, 6))
    )


def kolmogorov_density(x):
    """The density of Kolmogorov's distribution, 8x·Σ (-1)ᵏ⁻¹k²·exp(-2k²x²) for x > 0."""
    inside = (constant(x) > 0) & (constant(x) < math.inf)
    if not every(inside):
        return np.where(inside, kolmogorov_density(np.where(inside, x, 1.0)), 0.0)
    return _kolmogorov_sums(
        x,
        _theta(lambda x, c: c / x**4 - 1.0 / (x * x)),
        _alternating(lambda x, square: square * x),
    )


def _kolmogorov_density_slope(x):
    """Its derivative, term by term."""
    inside = (constant(x) > 0) & (constant(x) < math.inf)
    if not every(inside):
        return np.where(inside, _kolmogorov_density_slope(np.where(inside, x, 1.0)), 0.0)
    return _kolmogorov_sums(
        x,
        _theta(lambda x, c: (2.0 - 5.0 * c / (x * x) + (c / (x * x)) ** 2) / x**3),
        _alternating(lambda x, square: square * (1.0 - 4.0 * square * x * x)),
    )


by_slopes("kolmogorov", lambda y, x: or_nan(y, -kolmogorov_density(x)))
by_slopes("_kolmogc", lambda y, x: or_nan(y, kolmogorov_density(x)))
by_slopes("_kolmogp", lambda y, x: or_nan(y, -_kolmogorov_density_slope(x)))
by_slopes("kolmogi", lambda y, p: -1.0 / kolmogorov_density(y))
by_slopes("_kolmogci", lambda y, p: 1.0 / kolmogorov_density(y))


def _smirnov_step(n, x):
    """A step within one of the n pieces of which the density is made."""
    return onp.minimum(
        0.01 * onp.minimum(constant(x), 1.0 - constant(x)), 0.002 / onp.maximum(constant(n), 1)
    )


by_slopes("smirnov", None, lambda y, n, x: s._smirnovp(n, x))
by_slopes("_smirnovc", None, lambda y, n, x: -s._smirnovp(n, x))
by_slopes("_smirnovp", None, lambda y, n, x: slope(s._smirnovp, (n, x), 1, _smirnov_step(n, x)))
by_slopes("smirnovi", None, lambda y, n, p: 1.0 / s._smirnovp(n, y))
by_slopes("_smirnovci", None, lambda y, n, p: -1.0 / s._smirnovp(n, y))

# --- Tukey's lambda: x = (Fᵏ - (1 - F)ᵏ)/k, so that both slopes are known from F and 1 - F


def _tukey_density(k, x):
    below, above = s.tklmbda(x, k), s.tklmbda(-x, k)
    inside = (below > 0) & (above > 0)
    below, above = (np.where(inside, part, 0.5) for part in (below, above))
    return np.where(inside, 1.0 / (below ** (k - 1.0) + above ** (k - 1.0)), 0.0)


def _tukey_wrt_shape(y, x, k):
    below, above = s.tklmbda(x, k), s.tklmbda(-x, k)
    inside = (below > 0) & (above > 0)
    logs = (np.log(np.where(inside, part, 0.5)) for part in (below, above))
    of_below, of_above = (boxcox_wrt_power(log, k) for log in logs)
    return -_tukey_density(k, x) * (of_below - of_above)


by_slopes("tklmbda", lambda y, x, k: or_nan(y, _tukey_density(k, x)), _tukey_wrt_shape)

# --- private functions of scipy.stats

by_slopes(
    "_binom_pmf",
    None,
    None,
    lambda y, k, n, p: y * (quotient(k, p) - quotient(n - k, 1.0 - p)),
)
by_slopes("_binom_cdf", None, None, lambda y, k, n, p: or_nan(y, -_binomial_density(k, n, p)))
by_slopes("_binom_sf", None, None, lambda y, k, n, p: or_nan(y, _binomial_density(k, n, p)))
by_slopes(
    "_nbinom_pmf",
    None,
    lambda y, k, n, p: y * (s.psi(k + n) - s.psi(n) + np.log(p)),
    lambda y, k, n, p: y * (n / p - quotient(k, 1.0 - p)),
)
by_slopes("_nbinom_cdf", None, *(
    lambda y, k, n, p, of=of: or_nan(y, of(y, np.floor(k), n, p)) for of in NEGATIVE_BINOMIAL[1:]
))  # fmt: skip
by_slopes("_nbinom_sf", None, *(
    lambda y, k, n, p, of=of: or_nan(y, -of(1.0 - y, np.floor(k), n, p)) for of in NEGATIVE_BINOMIAL[1:]
))  # fmt: skip
for _name in ("_binom_ppf", "_binom_isf", "_nbinom_ppf", "_nbinom_isf"):  # whole numbers
    if known(_name) is not None:
        defzero(known(_name))

for _name in ("_cauchy_ppf", "_cauchy_isf"):
    _sign = 1.0 if _name.endswith("ppf") else -1.0
    by_slopes(
        _name,
        lambda y, p, loc, scale, sign=_sign: sign * math.pi / scale * (scale * scale + (y - loc) ** 2),
        lambda y, p, loc, scale: 1.0 + 0.0 * y,
        lambda y, p, loc, scale: (y - loc) / scale,
    )
by_slopes("_cosine_cdf", lambda y, x: np.where(np.abs(x) < math.pi, (1.0 + np.cos(x)) / (2 * math.pi), 0.0))
by_slopes("_cosine_invcdf", lambda y, p: 2 * math.pi / (1.0 + np.cos(y)))


def _inverse_gaussian(sign):
    """The slopes of F (or -F) in x, the mean μ and the shape λ; F(cx; cμ, cλ) = F gives the last.

    ∂F/∂μ = -2λ/μ²·exp(2λ/μ)·Φ(-√(λ/x)(x/μ + 1)) (Tweedie, Statistical properties of inverse Gaussian
    distributions, 1957, has F).
    """

    def of_x(y, x, mean, shape):
        exponent = -0.5 * shape * (x - mean) ** 2 / (mean**2 * x)
        return sign * np.sqrt(shape / (2 * math.pi * x**3)) * np.exp(exponent)

    def of_mean(y, x, mean, shape):
        tail = s.log_ndtr(-np.sqrt(shape / x) * (x / mean + 1.0))
        return sign * -2.0 * shape / mean**2 * np.exp(2.0 * shape / mean + tail)

    def of_shape_parameter(y, x, mean, shape):
        return -(x * of_x(y, x, mean, shape) + mean * of_mean(y, x, mean, shape)) / shape

    return of_x, of_mean, of_shape_parameter


by_slopes("_invgauss_ppf", *inverse(_inverse_gaussian(1.0), 0))
by_slopes("_invgauss_isf", *inverse(_inverse_gaussian(-1.0), 0))


def _skew_normal(sign):
    """The slopes of F(x; location, scale, a) = Φ(z) - 2T(z, a), T being Owen's."""

    def of_x(y, x, loc, scale, a):
        z = (x - loc) / scale
        return sign * 2.0 / scale * normal_density(z) * s.ndtr(a * z)

    def of_a(y, x, loc, scale, a):
        z = (x - loc) / scale
        return -sign * np.exp(-0.5 * z * z * (1.0 + a * a)) / (math.pi * (1.0 + a * a))

    return (
        of_x,
        lambda y, *args: -of_x(y, *args),
        lambda y, x, loc, scale, a: -(x - loc) / scale * of_x(y, x, loc, scale, a),
        of_a,
    )


by_slopes("_skewnorm_cdf", *_skew_normal(1.0))
by_slopes("_skewnorm_ppf", *inverse(_skew_normal(1.0), 0))
by_slopes("_skewnorm_isf", *inverse(_skew_normal(-1.0), 0))


def _landau(sign):
    """The slopes of F (or -F) in x and the location; the scale by differences of the smaller tail."""
    f, rest = (s._landau_cdf, s._landau_sf) if sign > 0 else (s._landau_sf, s._landau_cdf)
    return (
        lambda y, x, loc, scale: sign * s._landau_pdf(x, loc, scale),
        lambda y, x, loc, scale: -sign * s._landau_pdf(x, loc, scale),
        shape(f, rest, 2),
    )


if known("_landau_pdf") is not None:
    by_slopes("_landau_cdf", *_landau(1.0))
    by_slopes("_landau_sf", *_landau(-1.0))
    by_slopes("_landau_ppf", *inverse(_landau(1.0), 0))
    by_slopes("_landau_isf", *inverse(_landau(-1.0), 0))

    def _landau_step(loc, scale):
        return 0.02 * onp.abs(constant(scale)) + 0.0 * onp.asarray(constant(loc))

    by_slopes(
        "_landau_pdf",
        lambda y, x, loc, scale: log_slope(s._landau_pdf, y, (x, loc, scale), 0, _landau_step(x, scale)),
        lambda y, x, loc, scale: log_slope(s._landau_pdf, y, (x, loc, scale), 1, _landau_step(loc, scale)),
        positive(s._landau_pdf, 2),
    )

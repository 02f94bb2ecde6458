"""The functions of scipy.special as mpmath has them, and where to hold their derivatives against it.

Each line is the function and a range per argument, of which twenty numbers are taken, evenly in the
logarithm where both ends are of one sign. Whole numbers are a list. Nothing is taken from a rule.
"""

import functools

import numpy as onp
from mpmath import mp, mpf

COUNT = 20
TINY, FAR, MIDDLE = (1e-8, 30.0), (1e-2, 1e3), (0.05, 20.0)


def log_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def lower(a, x):
    """P(a, x), of which mpmath's own has no digits far below 1."""
    return x**a * mp.exp(-x) / mp.gamma(a + 1) * mp.hyp1f1(1, a + 1, x)


def upper(a, x):
    return mp.gammainc(a, x, mp.inf, regularized=True)


def betainc(a, b, x):
    """I_x(a, b) by the series of positive terms, or from the other side."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _betainc(b, a, 1 - x)
    return _betainc(a, b, x)


def _betainc(a, b, x):
    return x**a * (1 - x) ** b / a * mp.exp(-log_beta(a, b)) * mp.hyp2f1(a + b, 1, a + 1, x)


def betaincc(a, b, x):
    return betainc(b, a, 1 - x)


def stdtr(df, t):
    tail = betainc(df / 2, mpf(1) / 2, df / (df + t * t)) / 2
    return tail if t < 0 else 1 - tail


def fdtr(dfn, dfd, x):
    return betainc(dfn / 2, dfd / 2, dfn * x / (dfd + dfn * x))


def fdtrc(dfn, dfd, x):
    return betainc(dfd / 2, dfn / 2, dfd / (dfd + dfn * x))


def wofz(z):
    return mp.exp(-z * z) * mp.erfc(-1j * z)


def voigt(x, sigma, gamma):
    return mp.re(wofz((x + 1j * gamma) / (sigma * mp.sqrt(2)))) / (sigma * mp.sqrt(2 * mp.pi))


def owens_t(h, a):
    return mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi)


def kolmogorov(x):
    return 2 * sum((-1) ** (k - 1) * mp.exp(-2 * k * k * x * x) for k in range(1, 100))


def chndtr(x, df, nc):
    """A Poisson mixture of chi-squares."""
    weights = (mp.exp(-nc / 2) * (nc / 2) ** k / mp.factorial(k) for k in range(70))
    return sum(weight * lower(df / 2 + k, x / 2) for k, weight in enumerate(weights))


def nct(df, nc, t):
    """The series of Lenth, Cumulative distribution function of the non-central t distribution, 1989."""
    if t < 0:
        return 1 - nct(df, -nc, -t)
    y, half = t * t / (df + t * t), nc * nc / 2
    total = mp.ncdf(-nc)
    for j in range(40):
        even = half**j / mp.factorial(j) * betainc(j + mpf(1) / 2, df / 2, y)
        odd = nc / mp.sqrt(2) * half**j / mp.gamma(j + mpf(3) / 2) * betainc(j + mpf(1), df / 2, y)
        total += mp.exp(-half) / 2 * (even + odd)
    return total


def ncf(dfn, dfd, nc, x):
    w = dfn * x / (dfd + dfn * x)
    weights = ((k, mp.exp(-nc / 2) * (nc / 2) ** k / mp.factorial(k)) for k in range(40))
    return sum(weight * betainc(dfn / 2 + k, dfd / 2, w) for k, weight in weights)


def tklmbda(x, k):
    def quantile(p):
        return (p**k - (1 - p) ** k) / k - x

    return mp.findroot(quantile, 1 / (1 + mp.exp(-x)))


def skewnorm(x, loc, scale, a):
    z = (x - loc) / scale
    return mp.ncdf(z) - 2 * owens_t(z, a)


def huber(delta, r):
    return r * r / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)


def boxcox(x, k):
    return (x**k - 1) / k


CLOSED = {
    # gamma
    "gamma": (mp.gamma, (1e-6, 150.0)),
    "gammaln": (lambda x: mp.re(mp.loggamma(x)), (1e-6, 1e15)),
    "loggamma": (mp.loggamma, (1e-6, 1e15)),
    "rgamma": (mp.rgamma, (-6.25, 160.0)),
    "psi": (mp.psi0 if hasattr(mp, "psi0") else lambda x: mp.psi(0, x), (-20.3, 1e3)),
    "poch": (mp.rf, (0.05, 40.0), (0.05, 30.0)),
    "beta": (mp.beta, FAR, (1e-2, 50.0)),
    "betaln": (log_beta, (1e-3, 1e4), (1e-2, 1e3)),
    "binom": (mp.binomial, (1.3, 60.0), (0.1, 40.0)),
    # erf
    "erf": (mp.erf, (-5.0, 5.0)),
    "erfc": (mp.erfc, (-5.0, 20.0)),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), (-5.0, 1e4)),
    "erfi": (mp.erfi, (-5.0, 5.0)),
    "dawsn": (lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), (0.01, 300.0)),
    "ndtr": (mp.ncdf, (-30.0, 8.1)),
    "log_ndtr": (lambda x: mp.log(mp.ncdf(x)), (-40.0, 8.0)),
    "owens_t": (owens_t, (0.05, 4.0), (0.05, 4.0)),
    "voigt_profile": (voigt, (0.01, 1e3), (0.1, 5.0), (0.05, 10.0)),
    # elementary
    "cbrt": (mp.cbrt, FAR),
    "exp2": (lambda x: 2**x, (-30.0, 30.0)),
    "exp10": (lambda x: mpf(10) ** x, (-30.0, 30.0)),
    "expm1": (mp.expm1, (-40.0, 40.0)),
    "log1p": (mp.log1p, (1e-12, 1e6)),
    "cosm1": (lambda x: mp.cos(x) - 1, (1e-9, 30.0)),
    "sindg": (lambda x: mp.sin(x * mp.pi / 180), (1.0, 800.0)),
    "cosdg": (lambda x: mp.cos(x * mp.pi / 180), (1.0, 800.0)),
    "tandg": (lambda x: mp.tan(x * mp.pi / 180), (1.0, 800.0)),
    "cotdg": (lambda x: mp.cot(x * mp.pi / 180), (1.0, 800.0)),
    "powm1": (lambda a, b: a**b - 1, MIDDLE, (-5.0, 5.0)),
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), (-300.0, 40.0)),
    "logit": (lambda p: mp.log(p / (1 - p)), (1e-12, 0.999)),
    "log_expit": (lambda x: -mp.log1p(mp.exp(-x)), (-300.0, 300.0)),
    "xlogy": (lambda a, b: a * mp.log(b), MIDDLE, FAR),
    "xlog1py": (lambda a, b: a * mp.log1p(b), MIDDLE, (1e-9, 1e3)),
    "entr": (lambda x: -x * mp.log(x), TINY),
    "rel_entr": (lambda a, b: a * mp.log(a / b), FAR, FAR),
    "kl_div": (lambda a, b: a * mp.log(a / b) - a + b, FAR, (2e-2, 9e2)),
    "huber": (huber, (0.5, 2.0), (-5.1, 5.2)),
    "pseudo_huber": (lambda d, r: d * d * (mp.sqrt(1 + (r / d) ** 2) - 1), MIDDLE, (1e-4, 1e4)),
    "boxcox": (boxcox, FAR, (1e-9, 5.0)),
    "boxcox1p": (lambda x, k: boxcox(1 + x, k), FAR, (1e-9, 5.0)),
    "inv_boxcox": (lambda x, k: (k * x + 1) ** (1 / k), MIDDLE, (1e-9, 5.0)),
    "inv_boxcox1p": (lambda x, k: (k * x + 1) ** (1 / k) - 1, MIDDLE, (1e-9, 5.0)),
    "exprel": (lambda x: mp.expm1(x) / x, (1e-9, 300.0)),
    # integrals
    "exp1": (mp.e1, (1e-6, 300.0)),
    "expi": (mp.ei, (1e-6, 300.0)),
    "expn": (lambda n, x: mp.expint(n, x), [0, 1, 2, 3, 7], (1e-3, 100.0)),
    "spence": (lambda z: mp.polylog(2, 1 - z), (1e-6, 1e3)),
    "wrightomega": (lambda x: mp.lambertw(mp.exp(x)), (-30.0, 100.0)),
    # bessel
    **{
        f"{kind}{n}": (functools.partial(f, n), (1e-3, 60.0))
        for kind, f in (("j", mp.besselj), ("y", mp.bessely), ("i", mp.besseli), ("k", mp.besselk))
        for n in (0, 1)
    },
    **{
        f"{kind}{n}e": (lambda x, f=f, n=n, sign=sign: f(n, x) * mp.exp(sign * x), (1e-3, 600.0))
        for kind, f, sign in (("i", mp.besseli, -1), ("k", mp.besselk, 1))
        for n in (0, 1)
    },
    "ber": (lambda x: mp.ber(0, x), (1e-2, 15.0)),
    "bei": (lambda x: mp.bei(0, x), (1e-2, 15.0)),
    "ker": (lambda x: mp.ker(0, x), (1e-2, 15.0)),
    "kei": (lambda x: mp.kei(0, x), (1e-2, 15.0)),
    # elliptic
    "ellipk": (mp.ellipk, (-50.0, 0.999)),
    "ellipkm1": (lambda p: mp.ellipk(1 - p), (1e-9, 10.0)),
    "ellipe": (mp.ellipe, (-50.0, 0.999)),
    "ellipkinc": (mp.ellipf, (0.05, 12.0), (1e-9, 0.95)),
    "ellipeinc": (mp.ellipe, (0.05, 12.0), (1e-9, 0.95)),
    "elliprf": (mp.elliprf, FAR, FAR, MIDDLE),
    "elliprc": (mp.elliprc, FAR, MIDDLE),
    "elliprd": (mp.elliprd, MIDDLE, FAR, MIDDLE),
    "elliprg": (mp.elliprg, MIDDLE, MIDDLE, FAR),
    "elliprj": (mp.elliprj, MIDDLE, MIDDLE, FAR, MIDDLE),
    "agm": (mp.agm, FAR, MIDDLE),
}

# The variable, in closed form; the order by differences.
ORDERS = {
    "jv": (mp.besselj, (0.1, 20.0), (0.3, 30.0)),
    "yv": (mp.bessely, (0.1, 20.0), (0.3, 30.0)),
    "iv": (mp.besseli, (0.1, 20.0), (0.05, 100.0)),
    "kv": (mp.besselk, (0.1, 20.0), (0.05, 100.0)),
    "ive": (lambda v, x: mp.besseli(v, x) * mp.exp(-x), (0.1, 20.0), (0.05, 300.0)),
    "kve": (lambda v, x: mp.besselk(v, x) * mp.exp(x), (0.1, 20.0), (0.05, 300.0)),
    "struve": (mp.struveh, (0.1, 6.0), (0.1, 15.0)),
    "modstruve": (mp.struvel, (0.1, 6.0), (0.1, 15.0)),
    "pbdv": (mp.pcfd, (0.1, 5.0), (0.1, 5.0)),
    "zetac": (lambda x: mp.zeta(x) - 1, (1.05, 30.0)),
    "_zeta": (mp.zeta, (1.05, 30.0), (0.05, 50.0)),
    "hyp1f1": (mp.hyp1f1, (0.2, 5.0), (0.3, 6.0), (-4.0, 8.0)),
    "hyp2f1": (mp.hyp2f1, (0.2, 3.0), (0.3, 4.0), (0.4, 5.0), (-0.9, 0.8)),
    "hyp0f1": (lambda v, z: mp.hyp0f1(v, z), (0.2, 8.0), (-5.0, 10.0)),
    "hyperu": (mp.hyperu, (0.2, 3.0), (0.3, 1.7), (0.5, 10.0)),
    "eval_legendre": (mp.legendre, (0.2, 9.0), (-0.95, 0.95)),
    "eval_chebyt": (mp.chebyt, (0.2, 9.0), (-0.95, 0.95)),
    "eval_chebyu": (mp.chebyu, (0.2, 9.0), (-0.95, 0.95)),
    "eval_laguerre": (lambda n, x: mp.laguerre(n, 0, x), (0.2, 9.0), (0.1, 10.0)),
    "eval_genlaguerre": (mp.laguerre, (0.2, 9.0), (0.1, 4.0), (0.1, 10.0)),
    "eval_gegenbauer": (mp.gegenbauer, (0.2, 9.0), (0.1, 4.0), (-0.95, 0.95)),
    "eval_jacobi": (mp.jacobi, (0.2, 9.0), (0.1, 4.0), (0.2, 3.0), (-0.95, 0.95)),
    "eval_hermite": (mp.hermite, [0, 1, 2, 5, 12], (-5.0, 5.0)),
    "tklmbda": (tklmbda, (-1.5, 1.5), (0.01, 0.6)),
    "wright_bessel": (
        lambda a, b, x: mp.nsum(lambda k: x**k / mp.factorial(k) * mp.rgamma(a * k + b), [0, mp.inf]),
        (0.1, 3.0),
        (0.3, 4.0),
        (0.01, 10.0),
    ),
}

ORDERS |= {
    "pbvv": (lambda v, x: mp.pcfv(-v - mpf(1) / 2, x), (0.1, 4.0), (0.1, 5.0)),
    "pbwa": (mp.pcfw, (-2.05, 2.0), (0.1, 3.0)),
    "eval_hermitenorm": (
        lambda n, x: mp.hermite(n, x / mp.sqrt(2)) / mp.sqrt(2) ** n,
        [0, 1, 2, 5, 12],
        (-5.0, 5.0),
    ),
    "eval_sh_legendre": (lambda n, x: mp.legendre(n, 2 * x - 1), (0.2, 9.0), (0.05, 0.95)),
    "eval_sh_chebyt": (lambda n, x: mp.chebyt(n, 2 * x - 1), (0.2, 9.0), (0.05, 0.95)),
    "eval_sh_chebyu": (lambda n, x: mp.chebyu(n, 2 * x - 1), (0.2, 9.0), (0.05, 0.95)),
    "eval_chebyc": (lambda n, x: 2 * mp.chebyt(n, x / 2), (0.2, 9.0), (-1.9, 1.9)),
    "eval_chebys": (lambda n, x: mp.chebyu(n, x / 2), (0.2, 9.0), (-1.9, 1.9)),
    "lpmv": (lambda m, v, x: mp.legenp(v, m, x, type=2), [0, 1, 2, 3], (3.2, 9.0), (-0.9, 0.9)),
    "kn": (mp.besselk, [0, 1, 3], (0.1, 20.0)),
    "yn": (mp.bessely, [0, 1, 3], (0.1, 20.0)),
    "besselpoly": (
        lambda a, lmb, nu: mp.quad(lambda x: x**lmb * mp.besselj(nu, 2 * a * x), [0, 1]),
        (0.2, 4.0),
        (0.3, 3.0),
        (0.2, 2.0),
    ),
}

# Functions of several results: one line per result.
SEVERAL = {
    "sici": ((mp.si, mp.ci), (0.01, 60.0)),
    "shichi": ((mp.shi, mp.chi), (0.01, 30.0)),
    "fresnel": ((mp.fresnels, mp.fresnelc), (0.01, 5.0)),
    "airy": (
        (
            mp.airyai,
            lambda x: mp.airyai(x, derivative=1),
            mp.airybi,
            lambda x: mp.airybi(x, derivative=1),
        ),
        (-8.0, 6.1),
    ),
    "ellipj": (
        (
            lambda u, m: mp.ellipfun("sn", u, m=m),
            lambda u, m: mp.ellipfun("cn", u, m=m),
            lambda u, m: mp.ellipfun("dn", u, m=m),
        ),
        (0.1, 9.0),
        (1e-9, 0.95),
    ),
    "modfresnelp": (
        (lambda x: mp.sqrt(mp.pi / 8) * (1 - 2 * mp.fresnelc(x * mp.sqrt(2 / mp.pi))),),
        (0.05, 4.0),
    ),
    "itj0y0": ((lambda x: mp.quad(lambda t: mp.besselj(0, t), [0, x]),), (0.1, 9.0)),
    "it2j0y0": ((lambda x: mp.quad(lambda t: (1 - mp.besselj(0, t)) / t, [0, x]),), (0.01, 9.0)),
    "it2i0k0": ((lambda x: mp.quad(lambda t: (mp.besseli(0, t) - 1) / t, [0, x]),), (0.01, 9.0)),
}

DISTRIBUTIONS = {
    "gammainc": (lower, (1e-2, 1e3), (1e-2, 20.0)),
    "gammaincc": (upper, (1e-2, 1e3), (1e-2, 5e2)),
    "betainc": (betainc, (1e-2, 100.0), (0.05, 50.0), (1e-3, 0.99)),
    "betaincc": (betaincc, (1e-2, 100.0), (0.05, 50.0), (1e-3, 0.99)),
    "chdtr": (lambda v, x: lower(v / 2, x / 2), (0.1, 200.0), (0.1, 300.0)),
    "chdtrc": (lambda v, x: upper(v / 2, x / 2), (0.1, 200.0), (0.1, 300.0)),
    "gdtr": (lambda a, b, x: lower(b, a * x), (0.05, 3.0), MIDDLE, MIDDLE),
    "gdtrc": (lambda a, b, x: upper(b, a * x), (0.1, 3.0), MIDDLE, MIDDLE),
    "fdtr": (fdtr, (0.3, 50.0), (0.3, 50.0), (0.01, 20.0)),
    "fdtrc": (fdtrc, (0.3, 50.0), (0.3, 50.0), (0.01, 20.0)),
    "stdtr": (stdtr, (0.5, 100.0), (-20.0, 6.0)),
    "pdtr": (lambda k, m: upper(k + 1, m), [0, 1, 3, 20], (0.05, 60.0)),
    "pdtrc": (lambda k, m: lower(k + 1, m), [0, 1, 3, 20], (0.05, 60.0)),
    "bdtr": (lambda k, n, p: betaincc(k + 1, n - k, p), [0, 1, 3], [4, 9, 30], (1e-3, 0.99)),
    "bdtrc": (lambda k, n, p: betainc(k + 1, n - k, p), [0, 1, 3], [4, 9, 30], (1e-3, 0.99)),
    "nbdtr": (lambda k, n, p: betainc(n, k + 1, p), [0, 1, 3], [1, 9, 30], (1e-3, 0.99)),
    "nbdtrc": (lambda k, n, p: betaincc(n, k + 1, p), [0, 1, 3], [1, 9, 30], (1e-3, 0.99)),
    "chndtr": (chndtr, (0.1, 30.0), (0.5, 20.0), (0.1, 20.0)),
    "_ncx2_sf": (lambda *args: 1 - chndtr(*args), (0.1, 30.0), (0.5, 20.0), (0.1, 20.0)),
    "ncfdtr": (ncf, (1.0, 20.0), (1.0, 20.0), (0.1, 5.0), (0.1, 5.0)),
    "nctdtr": (nct, (1.0, 20.0), (-1.5, 2.0), (-3.0, 4.0)),
    "kolmogorov": (kolmogorov, (0.3, 3.0)),
    "_skewnorm_cdf": (skewnorm, (-2.0, 3.0), (-0.5, 0.5), (0.5, 3.0), (-3.0, 3.0)),
}

# The inverse, the function it inverts, and which of its arguments the inverse gives.
INVERSES = {
    "gammaincinv": (lower, 1, (0.1, 100.0), (1e-10, 0.999)),
    "gammainccinv": (upper, 1, (0.1, 100.0), (1e-10, 0.999)),
    "betaincinv": (betainc, 2, (0.2, 30.0), (0.2, 30.0), (1e-6, 0.999)),
    "betainccinv": (betaincc, 2, (0.2, 30.0), (1.0, 30.0), (0.05, 0.999)),
    "chdtri": (lambda v, x: upper(v / 2, x / 2), 1, (0.3, 50.0), (1e-6, 0.99)),
    "stdtrit": (stdtr, 1, (0.7, 50.0), (1e-6, 0.999)),
    "fdtri": (fdtr, 2, (0.5, 30.0), (0.5, 30.0), (1e-3, 0.99)),
    "gdtrix": (lambda a, b, x: lower(b, a * x), 2, MIDDLE, (0.2, 20.0), (1e-3, 0.99)),
    "erfinv": (mp.erf, 0, (-0.9999, 0.9999)),
    "erfcinv": (mp.erfc, 0, (1e-30, 1.9)),
    "ndtri": (mp.ncdf, 0, (1e-30, 0.999)),
    "ndtri_exp": (lambda x: mp.log(mp.ncdf(x)), 0, (-400.0, -1e-3)),
    "kolmogi": (kolmogorov, 0, (1e-6, 0.99)),
    "_skewnorm_ppf": (skewnorm, 0, (0.01, 0.99), (-0.5, 0.5), (0.5, 3.0), (-3.0, 3.0)),
}


# Of these mpmath takes too long for more than four points.
SLOW = {
    "k0",
    "k1",
    "k0e",
    "k1e",
    "nctdtr",
    "_ncx2_sf",
    "chndtr",
    "ncfdtr",
    "wright_bessel",
    "owens_t",
    "elliprj",
    "y1",
    "kolmogi",
    "kei",
}
SLOW |= {
    "_skewnorm_cdf",
    "_skewnorm_ppf",
    "besselpoly",
    "lpmv",
    "it2j0y0",
    "it2i0k0",
    "itj0y0",
    "kn",
    "pbvv",
    "pbwa",
}


def points(name, ranges):
    """Return tuples of arguments as columns: each range is gone through in an order of its own."""
    columns = []
    for k, domain in enumerate(ranges):
        if isinstance(domain, list):
            column = onp.resize(domain, COUNT)
        else:
            low, high = domain
            column = onp.geomspace(low, high, COUNT) if low > 0 else onp.linspace(low, high, COUNT)
            column = column[(onp.arange(COUNT) * (1, 7, 3, 11)[k]) % COUNT]
        columns.append(column[2::5] if name in SLOW else column)
    return columns


def slope(f, args, n):
    """∂f/∂xₙ to some 25 digits, by mpmath's own differences."""
    with mp.workdps(36):
        xs = [mpf(float(x)) for x in args]
        return mp.diff(lambda x: f(*xs[:n], x, *xs[n + 1 :]), xs[n], h=mpf(10) ** -12 * abs(xs[n]))


def slope_of_inverse(f, place, y, args, n):
    """The slope of the inverse of f, from the root that mpmath finds near y."""
    with mp.workdps(36):
        xs = [mpf(float(x)) for x in args]
        p = xs[place]

        def miss(x):
            return f(*xs[:place], x, *xs[place + 1 :]) - p

        root = mpf(float(y))
        for _ in range(3):
            root = root - miss(root) / mp.diff(miss, root, h=mpf(10) ** -12 * abs(root))
        at = [*xs[:place], root, *xs[place + 1 :]]
        steepness = mp.diff(miss, root, h=mpf(10) ** -12 * abs(root))
        if n == place:
            return 1 / steepness
        return (
            -mp.diff(lambda x: f(*at[:n], x, *at[n + 1 :]), at[n], h=mpf(10) ** -12 * abs(at[n])) / steepness
        )

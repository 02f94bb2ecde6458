"""Gamma, error, elementary, elliptic and integral functions by mpmath."""

from mpmath import mp, mpf

from . import of

TINY, FAR, MIDDLE = (1e-8, 30.0), (1e-2, 1e3), (0.05, 20.0)


def part(name, k):
    """Return the call of one of several results."""
    return lambda s, *args: getattr(s, name)(*args)[k].real


def real(name):
    return lambda s, *args: getattr(s, name)(*args).real


def imag(name):
    return lambda s, *args: getattr(s, name)(*args).imag


def log_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def log_gamma(x):
    return mp.re(mp.loggamma(x))


def multigammaln(a):
    return mp.log(mp.pi) * mpf(3) / 2 + sum(mp.loggamma(a - mpf(j) / 2) for j in range(3))


GAMMA = {
    "gamma": of(mp.gamma, (1e-6, 170.0)),
    "gamma:left": of(mp.gamma, (-9.3, -0.02)),
    "gammaln": of(log_gamma, (1e-6, 1e15)),
    "gammaln:left": of(log_gamma, (-30.3, -0.02)),
    "loggamma": of(mp.loggamma, (1e-6, 1e15)),
    "rgamma": of(mp.rgamma, (1e-6, 170.0)),
    "rgamma:left": of(mp.rgamma, (-9.3, -1e-3)),
    "psi": of(lambda x: mp.psi(0, x), (1e-6, 1e12)),
    "psi:left": of(lambda x: mp.psi(0, x), (-20.3, -1e-3)),
    "poch": of(mp.rf, (0.05, 40.0), (0.05, 30.0)),
    "beta": of(mp.beta, FAR, (1e-2, 50.0)),
    "betaln": of(log_beta, (1e-3, 1e6), (1e-2, 1e3)),
    "binom": of(mp.binomial, (1.3, 60.0), (0.1, 40.0)),
    "factorial": of(lambda x: mp.gamma(x + 1), (1e-3, 160.0)),
    "_factorial": of(lambda x: mp.gamma(x + 1), (1e-3, 160.0)),
    "_lgam1p": of(lambda x: log_gamma(x + 1), (-0.9, 5.0)),
    "_sinpi": of(mp.sinpi, (-9.1, 9.2)),
    "_cospi": of(mp.cospi, (-9.1, 9.2)),
    "zetac": of(lambda x: mp.zeta(x) - 1, (1.001, 60.0), digits=60),
    "zetac:left": of(lambda x: mp.zeta(x) - 1, (-9.3, 0.9)),
    "_zeta": of(mp.zeta, (1.05, 30.0), (0.05, 50.0)),
    "_riemann_zeta": of(mp.zeta, (1.001, 60.0), digits=60),
    "_riemann_zeta:left": of(mp.zeta, (-9.3, 0.9)),
    "zeta": of(mp.zeta, (1.05, 30.0), (0.05, 50.0)),
    "_gen_harmonic": of(lambda n, a: sum(mpf(k) ** -a for k in range(1, n + 1)), [1, 2, 7, 60], (-3.0, 9.0)),
    "_normalized_gen_harmonic": of(
        lambda j, k, n, a: (
            sum(mpf(i) ** -a for i in range(j, k + 1)) / sum(mpf(i) ** -a for i in range(1, n + 1))
        ),
        [1, 2],
        [3, 5],
        [7, 9, 60],
        (0.2, 6.0),
    ),
    "polygamma": of(mp.psi, [0, 1, 2, 5], (0.01, 1e3)),
    "multigammaln": of(multigammaln, (1.01, 1e3), call=lambda s, a: s.multigammaln(a, 3)),
    "comb": of(mp.binomial, (20.3, 60.0), (0.1, 19.0)),
    "comb:repetition": of(
        lambda n, k: mp.binomial(n + k - 1, k),
        (1.1, 30.0),
        (0.1, 19.0),
        call=lambda s, n, k: s.comb(n, k, repetition=True),
    ),
    "perm": of(lambda n, k: mp.rf(n - k + 1, k), (20.3, 60.0), (0.1, 19.0)),
}


def wofz(z):
    return mp.exp(-z * z) * mp.erfc(-1j * z)


def voigt(x, sigma, gamma):
    return mp.re(wofz((x + 1j * gamma) / (sigma * mp.sqrt(2)))) / (sigma * mp.sqrt(2 * mp.pi))


def owens_t(h, a):
    return mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi)


def log_ndtr(x):
    return mp.log(mp.ncdf(x)) if x < 0 else mp.log1p(-mp.ncdf(-x))


ERF = {
    "erf": of(mp.erf, (-6.0, 6.0)),
    "erfc": of(mp.erfc, (-6.0, 25.0)),
    "erfcx": of(lambda x: mp.exp(x * x) * mp.erfc(x), (-20.0, 1e4)),
    "erfi": of(mp.erfi, (-20.0, 20.0)),
    "dawsn": of(lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), (-300.0, 300.0)),
    "wofz:real": of(lambda x: mp.re(wofz(x)), (-20.0, 20.0), call=real("wofz")),
    "wofz:imag": of(lambda x: mp.im(wofz(x)), (-20.0, 20.0), call=imag("wofz")),
    "ndtr": of(mp.ncdf, (-37.0, 8.1)),
    "log_ndtr": of(log_ndtr, (-40.0, 37.0)),
    "log_ndtr:far": of(log_ndtr, (-1e4, -40.0)),
    "owens_t": of(owens_t, (-4.0, 5.0), (0.05, 4.0), digits=36),
    "voigt_profile": of(voigt, (0.01, 1e3), (0.1, 5.0), (0.05, 10.0)),
    "voigt_profile:narrow": of(voigt, (-30.0, 30.0), (1e-3, 0.1), (1e-3, 10.0)),
}


def huber(delta, r):
    return r * r / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)


def boxcox(x, k):
    return mp.expm1(k * mp.log(x)) / k


def log_sum(*xs):
    return mp.log(sum(mp.exp(x) for x in xs))


def _row(name, k=None):
    """The call of a function of three numbers as an array; of its k-th result."""

    def call(s, *xs):
        y = getattr(s, name)(s.np.stack(xs, axis=-1), axis=-1)
        return y if k is None else y[..., k]

    return call


def _weighed(s, a, b, p, q):
    return s.logsumexp(s.np.stack([a, b], axis=-1), axis=-1, b=s.np.stack([p, q], axis=-1))


WIDE = (-30.0, 25.0)
ELEMENTARY = {
    "cbrt": of(lambda x: mp.sign(x) * mp.cbrt(abs(x)), (-1e3, 1e3)),
    "exp2": of(lambda x: 2**x, (-300.0, 300.0)),
    "exp10": of(lambda x: mpf(10) ** x, (-300.0, 300.0)),
    "expm1": of(mp.expm1, (-40.0, 700.0)),
    "log1p": of(mp.log1p, (1e-12, 1e6)),
    "log1p:left": of(mp.log1p, (-0.9999, -1e-9)),
    "cosm1": of(lambda x: -2 * mp.sin(x / 2) ** 2, (-30.0, 30.0)),
    "cosm1:small": of(lambda x: -2 * mp.sin(x / 2) ** 2, (1e-9, 1.0), digits=60),
    **{
        f"{name}dg": of(lambda x, f=f: f(x * mp.pi / 180), (-800.0, 800.0))
        for name, f in (("sin", mp.sin), ("cos", mp.cos), ("tan", mp.tan), ("cot", mp.cot))
    },
    "radian": of(
        lambda d, m, s: (d + m / 60 + s / 3600) * mp.pi / 180, (1.0, 400.0), (0.1, 60.0), (0.1, 60.0)
    ),
    "powm1": of(lambda a, b: a**b - 1, MIDDLE, (-5.0, 5.0)),
    "_log1pmx": of(lambda x: mp.log1p(x) - x, (-0.99, 1e3), digits=60),
    "_log1mexp": of(lambda x: mp.log1p(-mp.exp(x)) if x < -1 else mp.log(-mp.expm1(x)), (-600.0, -1e-9)),
    "expit": of(lambda x: 1 / (1 + mp.exp(-x)), (-700.0, 700.0)),
    "logit": of(lambda p: mp.log(p / (1 - p)), (1e-150, 0.999999)),
    "log_expit": of(lambda x: -mp.log1p(mp.exp(-x)), (-700.0, 700.0)),
    "xlogy": of(lambda a, b: a * mp.log(b), (-20.0, 20.0), FAR),
    "xlog1py": of(lambda a, b: a * mp.log1p(b), (-20.0, 20.0), (1e-9, 1e3)),
    "entr": of(lambda x: -x * mp.log(x), TINY),
    "rel_entr": of(lambda a, b: a * mp.log(a / b), FAR, FAR),
    "kl_div": of(lambda a, b: a * mp.log(a / b) - a + b, FAR, (2e-2, 9e2)),
    "huber": of(huber, (0.5, 2.0), (-5.1, 5.2)),
    "pseudo_huber": of(lambda d, r: d * d * (mp.sqrt(1 + (r / d) ** 2) - 1), MIDDLE, (-1e4, 1e4)),
    "boxcox": of(boxcox, FAR, (-5.0, 5.0)),
    "boxcox:near 0": of(boxcox, FAR, (-1e-3, 1e-9), digits=60),
    "boxcox1p": of(lambda x, k: mp.expm1(k * mp.log1p(x)) / k, FAR, (-5.0, 5.0)),
    "boxcox1p:near 0": of(lambda x, k: mp.expm1(k * mp.log1p(x)) / k, FAR, (-1e-3, 1e-9), digits=60),
    "inv_boxcox": of(lambda x, k: mp.exp(mp.log1p(k * x) / k), MIDDLE, (1e-9, 5.0), digits=60),
    "inv_boxcox:left": of(lambda x, k: mp.exp(mp.log1p(k * x) / k), MIDDLE, (-0.04, -1e-9), digits=60),
    "inv_boxcox1p": of(lambda x, k: mp.expm1(mp.log1p(k * x) / k), MIDDLE, (1e-9, 5.0), digits=60),
    "exprel": of(lambda x: mp.expm1(x) / x, (-700.0, 700.0)),
    "exprel:small": of(lambda x: mp.expm1(x) / x, (-1.0, 1.0), digits=60),
    "diric": of(
        lambda x, n: mp.sin(n * x / 2) / (n * mp.sin(x / 2)),
        (-3.1, 9.0),
        [1, 2, 3, 8],
    ),
    "sinc": of(lambda x: mp.sincpi(x), (-9.0, 9.3)),
    "softplus": of(lambda x: mp.log1p(mp.exp(x)), (-700.0, 700.0)),
    "logsumexp": of(log_sum, WIDE, WIDE, WIDE, call=_row("logsumexp")),
    "logsumexp:b": of(
        lambda a, b, p, q: mp.log(p * mp.exp(a) + q * mp.exp(b)), WIDE, WIDE, MIDDLE, MIDDLE, call=_weighed
    ),
    "softmax": of(lambda *xs: mp.exp(xs[1] - log_sum(*xs)), WIDE, WIDE, WIDE, call=_row("softmax", 1)),
    "log_softmax": of(lambda *xs: xs[1] - log_sum(*xs), WIDE, WIDE, WIDE, call=_row("log_softmax", 1)),
}


def _series(term, x):
    """Σ of terms of an even series in x, with the digits that it loses."""
    with mp.workdps(mp.dps + int(abs(x)) + 5):
        total, k = mpf(0), 0
        while True:
            more = term(k)
            total += more
            if k > abs(x) and abs(more) < abs(total) * mpf(10) ** -mp.dps:
                return +total
            k += 1


def _struve_integral(x, sign, power):
    """∫ t^{power - 1}·H₀(t) dt from 0, and of L₀."""

    def term(k):
        return (
            mpf(sign) ** k
            * (x / 2) ** (2 * k + 1)
            * x**power
            / ((2 * k + 1 + power) * mp.gamma(k + mpf(3) / 2) ** 2)
        )

    return _series(term, x)


def _below(integrand):
    return lambda x: mp.quad(integrand, [0, x / 2, x])


def _bessel_integral(x, sign):
    """∫₀ˣ J₀ or I₀, by their series."""
    return _series(lambda k: mpf(sign) ** k * x * (x * x / 4) ** k / mp.factorial(k) ** 2 / (2 * k + 1), x)


def _bessel_over_t(x, sign):
    """∫₀ˣ (1 - J₀)/t or (I₀ - 1)/t."""
    return _series(
        lambda k: mpf(sign) ** k * (x * x / 4) ** (k + 1) / mp.factorial(k + 1) ** 2 / (2 * k + 2), x
    )


def _log_term(x, sign):
    """Σ (±1)ᵏ(x²/4)ᵏ/k!²·(H_k + 1/(2k + 1))/(2k + 1), of the integrals of Y₀ and K₀."""

    def term(k):
        harmonic = mp.harmonic(k)
        return (
            mpf(sign) ** k
            * x
            * (x * x / 4) ** k
            / mp.factorial(k) ** 2
            * (harmonic + 1 / mpf(2 * k + 1))
            / (2 * k + 1)
        )

    return _series(term, x)


def _integral_of_k0(x):
    """K₀ = -(log(x/2) + γ)·I₀ + Σ H_k(x²/4)ᵏ/k!² (DLMF 10.31.2), integrated term by term."""
    with mp.workdps(2 * mp.dps + int(2 * x)):
        return _log_term(x, 1) - (mp.log(x / 2) + mp.euler) * _bessel_integral(x, 1)


def _integral_of_y0(x):
    """Y₀ = 2/π·((log(x/2) + γ)·J₀ - Σ H_k(-x²/4)ᵏ/k!²) (DLMF 10.8.2)."""
    with mp.workdps(2 * mp.dps):
        return 2 / mp.pi * ((mp.log(x / 2) + mp.euler) * _bessel_integral(x, -1) - _log_term(x, -1))


def _over_t(x, sign):
    """L²/2 + Σ (±1)ᵏ(x/2)²ᵏ/k!²·(L/(2k) - 1/(4k²) - H_k/(2k)), L = log(x/2) + γ: DLMF 10.31.2 over t."""
    with mp.workdps(2 * mp.dps + int(2 * x)):
        log = mp.log(x / 2) + mp.euler

        def term(j):
            k = j + 1
            front = mpf(sign) ** k * (x * x / 4) ** k / mp.factorial(k) ** 2 / (2 * k)
            return front * (log - mpf(1) / (2 * k) - mp.harmonic(k))

        return log**2 / 2 + _series(term, x)


def _k0_over_t(x):
    """∫ₓ^∞ K₀/t."""
    return mp.pi**2 / 24 + _over_t(x, 1)


def _y0_over_t(x):
    """∫ₓ^∞ Y₀/t."""
    return mp.pi / 6 - 2 / mp.pi * _over_t(x, -1)


def _modified_fresnel(sign, k):
    """F± = ∫ₓ^∞ exp(±it²) dt and K± = exp(∓i(x² + π/4))·F±/√π."""

    def f(x):
        unit = mp.mpc(0, sign)
        y = mp.sqrt(mp.pi) / 2 * mp.exp(unit * mp.pi / 4) * mp.erfc(mp.exp(-unit * mp.pi / 4) * x)
        return y if k == 0 else mp.exp(-unit * (x * x + mp.pi / 4)) * y / mp.sqrt(mp.pi)

    return f


def _of_modified(name, sign):
    return {
        f"{name}:{k}{which}": of(
            lambda x, k=k, take=take: take(_modified_fresnel(sign, k)(x)),
            (0.05, 20.0),
            call=lambda s, x, k=k, which=which: getattr(getattr(s, name)(x)[k], which),
        )
        for k in (0, 1)
        for which, take in (("real", mp.re), ("imag", mp.im))
    }


INTEGRALS = {
    "exp1": of(mp.e1, (1e-6, 700.0)),
    "expi": of(mp.ei, (-600.0, 600.0)),
    "expn": of(mp.expint, [0, 1, 2, 3, 7, 60], (1e-3, 150.0), digits=150),
    "_scaled_exp1": of(lambda x: x * mp.exp(x) * mp.e1(x), (1e-6, 1e4)),
    "spence": of(lambda z: mp.polylog(2, 1 - z), (1e-6, 1e3)),
    "wrightomega": of(lambda x: mp.lambertw(mp.exp(x)), (-300.0, 300.0)),
    "lambertw": of(mp.lambertw, (1e-6, 1e9), call=real("lambertw")),
    "lambertw:left": of(mp.lambertw, (-0.36787, -1e-6), call=real("lambertw")),
    "lambertw:-1": of(
        lambda x: mp.lambertw(x, -1), (-0.36787, -1e-30), call=lambda s, x: s.lambertw(x, -1).real
    ),
    "_lambertw": of(lambda x, k, tol: mp.lambertw(x, k), (0.01, 1e9), [0], [1e-8], call=real("_lambertw")),
    "sici:0": of(mp.si, (-60.0, 60.0), call=part("sici", 0)),
    "sici:1": of(mp.ci, (0.01, 60.0), call=part("sici", 1)),
    "shichi:0": of(mp.shi, (-300.0, 300.0), call=part("shichi", 0)),
    "shichi:1": of(mp.chi, (0.01, 300.0), call=part("shichi", 1)),
    "fresnel:0": of(mp.fresnels, (-9.0, 9.0), call=part("fresnel", 0)),
    "fresnel:1": of(mp.fresnelc, (-9.0, 9.0), call=part("fresnel", 1)),
    **_of_modified("modfresnelp", 1),
    **_of_modified("modfresnelm", -1),
    "itj0y0:0": of(lambda x: _bessel_integral(x, -1), (0.01, 30.0), call=part("itj0y0", 0)),
    "itj0y0:1": of(_integral_of_y0, (0.01, 30.0), call=part("itj0y0", 1)),
    "iti0k0:0": of(lambda x: _bessel_integral(x, 1), (0.01, 30.0), call=part("iti0k0", 0)),
    "iti0k0:1": of(_integral_of_k0, (0.01, 30.0), call=part("iti0k0", 1)),
    "it2j0y0:0": of(lambda x: _bessel_over_t(x, -1), (0.01, 30.0), call=part("it2j0y0", 0)),
    "it2j0y0:1": of(_y0_over_t, (0.01, 30.0), call=part("it2j0y0", 1)),
    "it2i0k0:0": of(lambda x: _bessel_over_t(x, 1), (0.01, 30.0), call=part("it2i0k0", 0)),
    "it2i0k0:1": of(_k0_over_t, (0.01, 30.0), call=part("it2i0k0", 1)),
    **{
        f"itairy:{k}": of(
            lambda x, f=f, sign=sign: sign * f(sign * x, derivative=-1),
            (0.05, 9.0),
            call=part("itairy", k),
        )
        for k, (f, sign) in enumerate(((mp.airyai, 1), (mp.airybi, 1), (mp.airyai, -1), (mp.airybi, -1)))
    },
    "itstruve0": of(lambda x: _struve_integral(x, -1, 1), (0.01, 30.0)),
    "itmodstruve0": of(lambda x: _struve_integral(x, 1, 1), (0.01, 30.0)),
    "it2struve0": of(lambda x: mp.pi / 2 - _struve_integral(x, -1, 0), (0.01, 30.0)),
}


def _amplitude(u, m):
    """φ with F(φ, m) = u."""
    guess = mp.asin(mp.ellipfun("sn", u, m=m))
    k = mp.floor(u / (2 * mp.ellipk(m)) + mpf(1) / 2)
    return k * mp.pi + (guess if int(k) % 2 == 0 else -guess)


ELLIPTIC = {
    "ellipk": of(mp.ellipk, (1e-9, 0.99999)),
    "ellipk:left": of(mp.ellipk, (-1e6, -1e-9)),
    "ellipkm1": of(lambda p: mp.pi / (2 * mp.agm(1, mp.sqrt(p))), (1e-100, 10.0)),
    "ellipe": of(mp.ellipe, (1e-9, 0.99999)),
    "ellipe:left": of(mp.ellipe, (-1e6, -1e-9)),
    "ellipkinc": of(mp.ellipf, (-12.0, 12.0), (1e-9, 0.95)),
    "ellipkinc:left": of(mp.ellipf, (0.05, 12.0), (-1e4, -1e-6)),
    "ellipeinc": of(mp.ellipe, (-12.0, 12.0), (1e-9, 0.95)),
    "ellipeinc:left": of(mp.ellipe, (0.05, 12.0), (-1e4, -1e-6)),
    **{
        f"ellipj:{name}": of(
            lambda u, m, name=name: mp.ellipfun(name, u, m=m),
            (-9.0, 9.0),
            (1e-9, 0.95),
            call=part("ellipj", k),
        )
        for k, name in enumerate(("sn", "cn", "dn"))
    },
    "ellipj:ph": of(_amplitude, (-9.0, 9.0), (1e-9, 0.95), call=part("ellipj", 3)),
    "elliprf": of(mp.elliprf, FAR, FAR, MIDDLE, digits=40),
    "elliprc": of(mp.elliprc, FAR, MIDDLE),
    "elliprd": of(mp.elliprd, MIDDLE, FAR, MIDDLE, digits=40),
    "elliprg": of(mp.elliprg, MIDDLE, MIDDLE, FAR, digits=40),
    "elliprj": of(mp.elliprj, MIDDLE, MIDDLE, FAR, MIDDLE, digits=36),
    "agm": of(mp.agm, FAR, MIDDLE),
}

TABLE = GAMMA | ERF | ELEMENTARY | INTEGRALS | ELLIPTIC

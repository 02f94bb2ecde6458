"""Bessel, Airy, Kelvin, Struve, parabolic cylinder, hypergeometric and Wright functions by mpmath."""

import functools

from mpmath import mp, mpf

from . import of
from .elementary import imag, part, real

ORDER, X, FAR = (0.1, 20.0), (0.3, 30.0), (0.05, 300.0)
NEGATIVE = (-2.7, -0.1)


def scaled(f, sign):
    """f(…, x)·exp(±|x|)."""
    return lambda *args: f(*args) * mp.exp(sign * abs(args[-1]))


def i_ratio(v, x):
    return mp.besseli(v, x) / mp.besseli(v - 1, x)


def first_derivative(f):
    """∂f/∂x of f(v, x), of which half of the digits are enough."""

    def of_x(v, x):
        with mp.workdps(2 * mp.dps):
            h = x * mpf(10) ** (-mp.dps // 3)
            return (f(v, x + h) - f(v, x - h)) / (2 * h)

    return of_x


def derivative(f, order, sign, other=-1):
    """The derivatives of J and its kin, by their recurrence: 2f′ = f(v - 1) ∓ f(v + 1)."""
    if order == 0:
        return f
    lower = derivative(f, order - 1, sign, other)
    return lambda v, x: sign * (lower(v - 1, x) + other * lower(v + 1, x)) / 2


SPHERICAL = {
    "jn": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besselj(n + mpf(1) / 2, x),
    "yn": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.bessely(n + mpf(1) / 2, x),
    "in": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besseli(n + mpf(1) / 2, x),
    "kn": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besselk(n + mpf(1) / 2, x),
}


def _spherical():
    orders, found = [0, 1, 2, 5], {}
    for kind, f in SPHERICAL.items():
        slope = first_derivative(f)
        found[f"spherical_{kind}"] = found[f"_spherical_{kind}"] = of(f, orders, (0.05, 50.0))
        found[f"_spherical_{kind}_d"] = of(slope, orders, (0.05, 50.0), digits=60)
        found[f"spherical_{kind}:d"] = of(
            slope,
            orders,
            (0.05, 50.0),
            digits=60,
            call=lambda s, n, x, kind=kind: getattr(s, f"spherical_{kind}")(n, x, derivative=True),
        )
    return found


WHOLE = {
    f"{kind}{n}": of(functools.partial(f, n), domain)
    for kind, f, domain in (
        ("j", mp.besselj, (-60.0, 60.0)),
        ("y", mp.bessely, (1e-3, 60.0)),
        ("i", mp.besseli, (-600.0, 600.0)),
        ("k", mp.besselk, (1e-3, 600.0)),
    )
    for n in (0, 1)
} | {
    f"{kind}{n}e": of(scaled(functools.partial(f, n), sign), domain)
    for kind, f, sign, domain in (
        ("i", mp.besseli, -1, (-1e4, 1e4)),
        ("k", mp.besselk, 1, (1e-3, 1e4)),
    )
    for n in (0, 1)
}


def _complex(name, f):
    return {
        # Of large orders, the real part is beyond the digits of the whole.
        f"{name}:real": of(lambda v, x: mp.re(f(v, x)), (0.1, 3.0), (1.0, 30.0), call=real(name)),
        f"{name}:imag": of(lambda v, x: mp.im(f(v, x)), ORDER, X, call=imag(name)),
    }


def turned(f, sign):
    return lambda v, x: f(v, x) * mp.expj(sign * x)


def _lmbda(x):
    """Jahnke and Emden's Λ_v = Γ(v + 1)·J_v(x)/(x/2)ᵛ of v = 5/2."""
    v = mpf(5) / 2
    return mp.gamma(v + 1) * (2 / x) ** v * mp.besselj(v, x)


def _lmbda_slope(x):
    return first_derivative(lambda _, x: _lmbda(x))(0, x)


ORDERS = {
    "jv": of(mp.besselj, ORDER, X),
    "jv:left": of(mp.besselj, NEGATIVE, X),
    "yv": of(mp.bessely, ORDER, X),
    "yv:left": of(mp.bessely, NEGATIVE, X),
    "iv": of(mp.besseli, ORDER, FAR),
    "iv:left": of(mp.besseli, NEGATIVE, FAR),
    "kv": of(mp.besselk, ORDER, FAR),
    "kv:left": of(mp.besselk, NEGATIVE, FAR),
    "jve": of(mp.besselj, ORDER, X),
    "yve": of(mp.bessely, ORDER, X),
    "ive": of(scaled(mp.besseli, -1), ORDER, (0.05, 3e3)),
    "kve": of(scaled(mp.besselk, 1), ORDER, (0.05, 3e3)),
    **_complex("hankel1", mp.hankel1),
    **_complex("hankel2", mp.hankel2),
    **_complex("hankel1e", turned(mp.hankel1, -1)),
    **_complex("hankel2e", turned(mp.hankel2, 1)),
    "_iv_ratio": of(i_ratio, (0.7, 30.0), FAR),
    "_iv_ratio_c": of(lambda v, x: 1 - i_ratio(v, x), (0.7, 30.0), FAR, digits=60),
    "kn": of(mp.besselk, [0, 1, 3, 12], (0.1, 300.0)),
    "yn": of(mp.bessely, [0, 1, 3, 12], (0.1, 60.0)),
    "jvp": of(derivative(mp.besselj, 1, 1), ORDER, X),
    "jvp:2": of(derivative(mp.besselj, 2, 1), ORDER, X, call=lambda s, v, x: s.jvp(v, x, 2)),
    "yvp": of(derivative(mp.bessely, 1, 1), ORDER, X),
    "ivp": of(derivative(mp.besseli, 1, 1, 1), (1.1, 20.0), FAR),
    "kvp": of(derivative(mp.besselk, 1, -1, 1), ORDER, FAR),
    "h1vp": of(
        lambda v, x: mp.re(derivative(mp.hankel1, 1, 1)(v, x)), (0.1, 3.0), (1.0, 30.0), call=real("h1vp")
    ),
    "h2vp": of(lambda v, x: mp.im(derivative(mp.hankel2, 1, 1)(v, x)), ORDER, X, call=imag("h2vp")),
    "struve": of(mp.struveh, (0.1, 6.0), (0.1, 40.0)),
    "modstruve": of(mp.struvel, (0.1, 6.0), (0.1, 40.0)),
    **{
        f"pbdv:{k}": of(f, (-4.3, 5.0), (-5.0, 5.0), call=part("pbdv", k), digits=digits)
        for k, f, digits in ((0, mp.pcfd, 45), (1, first_derivative(mp.pcfd), 30))
    },
    **{
        f"pbvv:{k}": of(f, (-4.3, 4.0), (0.1, 5.0), call=part("pbvv", k), digits=digits)
        for k, f, digits in (
            (0, lambda v, x: mp.pcfv(-v - mpf(1) / 2, x), 45),
            (1, first_derivative(lambda v, x: mp.pcfv(-v - mpf(1) / 2, x)), 30),
        )
    },
    **{
        f"pbwa:{k}": of(lambda a, x, f=f: mp.re(f(a, x)), (-4.05, 4.0), (-3.0, 3.0), call=part("pbwa", k))
        for k, f in ((0, mp.pcfw), (1, first_derivative(mp.pcfw)))
    },
    "besselpoly": of(
        lambda a, lmb, nu: mp.quad(lambda x: x**lmb * mp.besselj(nu, 2 * a * x), [0, 1]),
        (0.2, 4.0),
        (0.3, 3.0),
        (0.2, 2.0),
        digits=30,
    ),
    "lmbda:0": of(_lmbda, (0.1, 20.0), call=lambda s, x: s.lmbda(2.5, x)[0][-1], scalar=True),
    "lmbda:1": of(
        _lmbda_slope,
        (0.1, 20.0),
        call=lambda s, x: s.lmbda(2.5, x)[1][-1],
        scalar=True,
        digits=30,
    ),
}


def kelvin(kind, k):
    """ber + i·bei = J₀(x·e^{3πi/4}) and ker + i·kei = K₀(x·e^{iπ/4}), and their derivatives."""

    def f(x):
        turn = mp.expjpi(mpf(3) / 4 if kind == "b" else mpf(1) / 4)
        bessel = mp.besselj if kind == "b" else mp.besselk
        return bessel(0, x * turn) if k == 0 else -turn * bessel(1, x * turn)

    return f


KELVIN = {
    f"{kind}e{letter}{'p' * k}": of(lambda x, f=f, take=take: take(f(x)), domain)
    for kind, domain in (("b", (-15.0, 60.0)), ("k", (0.01, 60.0)))
    for k in (0, 1)
    for f in (kelvin(kind, k),)
    for letter, take in (("r", mp.re), ("i", mp.im))
} | {
    f"kelvin:{which}{place}": of(
        lambda x, f=f, take=take: take(f(x)),
        (0.05, 30.0),
        call=lambda s, x, place=place, which=which: getattr(s.kelvin(x)[place], which),
    )
    for place, (kind, k) in enumerate((("b", 0), ("k", 0), ("b", 1), ("k", 1)))
    for f in (kelvin(kind, k),)
    for which, take in (("real", mp.re), ("imag", mp.im))
}

AIRY = (
    {
        f"airy:{k}": of(lambda x, f=f, d=d: f(x, derivative=d), (-20.0, 20.0), call=part("airy", k))
        for k, (f, d) in enumerate(((mp.airyai, 0), (mp.airyai, 1), (mp.airybi, 0), (mp.airybi, 1)))
    }
    | {
        f"airye:{k}": of(
            lambda x, f=f, d=d, sign=sign: f(x, derivative=d) * mp.exp(sign * 2 * x ** (mpf(3) / 2) / 3),
            (0.05, 200.0),
            call=part("airye", k),
        )
        for k, (f, d, sign) in enumerate(
            ((mp.airyai, 0, 1), (mp.airyai, 1, 1), (mp.airybi, 0, -1), (mp.airybi, 1, -1))
        )
    }
    | {
        f"airye:{k} left": of(
            lambda x, d=d: mp.airybi(x, derivative=d), (-20.0, -0.05), call=part("airye", k)
        )
        for k, d in ((2, 0), (3, 1))
    }
)


def wright(a, b, x):
    """Σ xᵏ/(k!·Γ(ak + b))."""
    total, k = mpf(0), 0
    while True:
        more = x**k / mp.factorial(k) * mp.rgamma(a * k + b)
        total += more
        if k > 5 and abs(more) < abs(total) * mpf(10) ** (-mp.dps - 3):
            return total
        k += 1


HYPERGEOMETRIC = {
    "hyp1f1": of(mp.hyp1f1, (0.2, 5.0), (0.3, 6.0), (-4.0, 8.0)),
    "hyp1f1:far": of(mp.hyp1f1, (0.2, 5.0), (0.3, 6.0), (-60.0, 60.0)),
    "hyp1f1:left": of(mp.hyp1f1, (-3.6, -0.2), (0.3, 6.0), (-4.0, 8.0)),
    "hyp2f1": of(mp.hyp2f1, (0.2, 3.0), (0.3, 4.0), (0.4, 5.0), (-0.9, 0.8)),
    "hyp2f1:far": of(mp.hyp2f1, (0.2, 3.0), (0.3, 4.0), (4.4, 9.0), (-30.0, -0.9)),
    "hyp0f1": of(mp.hyp0f1, (0.2, 8.0), (-5.0, 10.0)),
    "hyp0f1:far": of(mp.hyp0f1, (0.2, 8.0), (-300.0, 1e3)),
    "hyperu": of(mp.hyperu, (0.2, 3.0), (1.1, 3.7), (0.5, 30.0)),
    "hyperu:b below 1": of(mp.hyperu, (0.2, 3.0), (0.3, 0.9), (0.5, 10.0)),
    "wright_bessel": of(wright, (0.1, 3.0), (0.3, 4.0), (0.01, 10.0)),
    "log_wright_bessel": of(lambda *args: mp.log(wright(*args)), (0.1, 3.0), (0.3, 4.0), (0.01, 100.0)),
}

TABLE = WHOLE | ORDERS | _spherical() | KELVIN | AIRY | HYPERGEOMETRIC

"""Orthogonal polynomials, Legendre and Lamé functions, and the roots and weights of quadrature, by mpmath."""

from mpmath import mp, mpf

from . import of
from .elementary import imag, real

DEGREE, INSIDE = (0.2, 9.0), (-0.95, 0.95)
SHARE = (0.01, 0.99)


def shifted(f):
    return lambda n, x: f(n, 2 * x - 1)


def sh_jacobi(n, p, q, x):
    return mp.jacobi(n, p - q, q - 1, 2 * x - 1) / mp.binomial(2 * n + p - 1, n)


def whole(name):
    """The call with a degree that is a whole number."""
    return lambda s, n, x: getattr(s, name)(s.np.asarray(n).astype(int), x)


POLYNOMIALS = {
    "eval_legendre": of(mp.legendre, DEGREE, INSIDE),
    "eval_chebyt": of(mp.chebyt, DEGREE, INSIDE),
    "eval_chebyu": of(mp.chebyu, DEGREE, INSIDE),
    "eval_chebyc": of(lambda n, x: 2 * mp.chebyt(n, x / 2), DEGREE, (-1.9, 1.9)),
    "eval_chebys": of(lambda n, x: mp.chebyu(n, x / 2), DEGREE, (-1.9, 1.9)),
    "eval_sh_legendre": of(shifted(mp.legendre), DEGREE, SHARE),
    "eval_sh_chebyt": of(shifted(mp.chebyt), DEGREE, SHARE),
    "eval_sh_chebyu": of(shifted(mp.chebyu), DEGREE, SHARE),
    "eval_laguerre": of(lambda n, x: mp.laguerre(n, 0, x), DEGREE, (-10.0, 10.0)),
    "eval_genlaguerre": of(mp.laguerre, DEGREE, (0.1, 4.0), (-10.0, 10.0)),
    "eval_gegenbauer": of(mp.gegenbauer, DEGREE, (0.1, 4.0), INSIDE),
    "eval_jacobi": of(mp.jacobi, DEGREE, (0.1, 4.0), (0.2, 3.0), INSIDE),
    "eval_sh_jacobi": of(sh_jacobi, DEGREE, (3.0, 5.0), (0.2, 1.9), SHARE),
    "eval_hermite": of(mp.hermite, [0, 1, 2, 5, 12], (-9.0, 9.0)),
    "eval_hermitenorm": of(
        lambda n, x: mp.hermite(n, x / mp.sqrt(2)) / mp.sqrt(2) ** n, [0, 1, 2, 5, 12], (-9.0, 9.0)
    ),
    "assoc_laguerre": of(lambda x, n, k: mp.laguerre(n, k, x), (-10.0, 10.0), DEGREE, (0.1, 4.0)),
    **{
        f"{name}:whole": of(f, [0, 1, 2, 7], domain, call=whole(name))
        for name, f, domain in (
            ("eval_legendre", mp.legendre, (-3.0, 3.0)),
            ("eval_chebyt", mp.chebyt, (-3.0, 3.0)),
            ("eval_chebyu", mp.chebyu, (-3.0, 3.0)),
            ("eval_laguerre", lambda n, x: mp.laguerre(n, 0, x), (-20.0, 20.0)),
        )
    },
    "lpmv": of(lambda m, v, x: mp.legenp(v, m, x, type=2), [0, 1, 2, 3], (3.2, 9.0), (-0.9, 0.9)),
}


def legendre_q(m, n, z):
    """Ferrers's function of the second kind, and beyond 1 the real one of Hobson."""
    if abs(z) < 1:
        return mp.re(mp.legenq(n, m, z, type=2))
    return mp.re(mp.legenq(n, m, z, type=3))


def normed(f):
    """The factor with which ∫ f² is 1."""
    return lambda n, m, x: f(n, m, x) * mp.sqrt((n + mpf(1) / 2) * mp.factorial(n - m) / mp.factorial(n + m))


def ferrers(n, m, x):
    return mp.legenp(n, m, x, type=2)


def _first(name):
    """The call of a function that returns its derivatives too, of which the first row is the value."""
    return lambda s, *args: getattr(s, name)(*args)[0]


LEGENDRE = {
    "legendre_p": of(mp.legendre, [0, 1, 3, 8], (-0.99, 0.99), call=_first("legendre_p")),
    "legendre_p:beyond": of(mp.legendre, [0, 1, 3, 8], (1.01, 30.0), call=_first("legendre_p")),
    "legendre_p_all": of(lambda x: mp.legendre(5, x), INSIDE, call=lambda s, x: s.legendre_p_all(6, x)[0, 5]),
    "assoc_legendre_p": of(ferrers, [2, 3, 7], [0, 1, 2], INSIDE, call=_first("assoc_legendre_p")),
    "assoc_legendre_p:norm": of(
        normed(ferrers),
        [2, 3, 7],
        [0, 1, 2],
        INSIDE,
        call=lambda s, n, m, x: s.assoc_legendre_p(n, m, x, norm=True)[0],
    ),
    "assoc_legendre_p:beyond": of(
        lambda n, m, x: mp.re(mp.legenp(n, m, x, type=3)),
        [2, 3, 7],
        [0, 1, 2],
        (1.01, 30.0),
        call=lambda s, n, m, x: s.assoc_legendre_p(n, m, x, branch_cut=3)[0],
    ),
    "assoc_legendre_p_all": of(
        lambda x: ferrers(5, 2, x), INSIDE, call=lambda s, x: s.assoc_legendre_p_all(6, 3, x)[0, 5, 2]
    ),
    "sph_legendre_p": of(
        lambda n, m, x: mp.re(mp.spherharm(n, m, x, 0)),
        [2, 3, 7],
        [0, 1, 2],
        (0.01, 3.1),
        call=_first("sph_legendre_p"),
    ),
    "sph_legendre_p_all": of(
        lambda x: mp.re(mp.spherharm(5, 2, x, 0)),
        (0.01, 3.1),
        call=lambda s, x: s.sph_legendre_p_all(6, 3, x)[0, 5, 2],
    ),
    "sph_harm_y": of(
        lambda n, m, theta, phi: mp.re(mp.spherharm(n, m, theta, phi)),
        [2, 3, 7],
        [0, 1, -2],
        (0.01, 3.1),
        (-3.0, 3.0),
        call=real("sph_harm_y"),
    ),
    "sph_harm_y:imag": of(
        lambda n, m, theta, phi: mp.im(mp.spherharm(n, m, theta, phi)),
        [2, 3, 7],
        [1, -2],
        (0.01, 3.1),
        (-3.0, 3.0),
        call=imag("sph_harm_y"),
    ),
    "sph_harm_y_all": of(
        lambda theta, phi: mp.re(mp.spherharm(5, -2, theta, phi)),
        (0.01, 3.1),
        (-3.0, 3.0),
        call=lambda s, theta, phi: s.sph_harm_y_all(6, 3, theta, phi)[5, -2].real,
    ),
    "lqn": of(lambda z: legendre_q(0, 4, z), (-0.95, 0.95), call=lambda s, z: s.lqn(6, z)[0][4], scalar=True),
    "lqn:beyond": of(
        lambda z: legendre_q(0, 4, z), (1.05, 9.0), call=lambda s, z: s.lqn(6, z)[0][4], scalar=True
    ),
    "lqmn": of(
        lambda z: legendre_q(2, 4, z), (-0.95, 0.95), call=lambda s, z: s.lqmn(3, 6, z)[0][2, 4], scalar=True
    ),
    "riccati_jn": of(
        lambda x: mp.sqrt(mp.pi * x / 2) * mp.besselj(3 + mpf(1) / 2, x),
        (0.1, 30.0),
        call=lambda s, x: s.riccati_jn(4, x)[0][3],
        scalar=True,
    ),
    "riccati_yn": of(
        lambda x: mp.sqrt(mp.pi * x / 2) * mp.bessely(3 + mpf(1) / 2, x),
        (0.1, 30.0),
        call=lambda s, x: s.riccati_yn(4, x)[0][3],
        scalar=True,
    ),
    "pbdv_seq": of(
        lambda x: mp.pcfd(mpf(3) / 2, x), (-5.0, 5.0), call=lambda s, x: s.pbdv_seq(2.5, x)[0][1], scalar=True
    ),
    "pbvv_seq": of(
        lambda x: mp.pcfv(-2, x), (0.1, 5.0), call=lambda s, x: s.pbvv_seq(2.5, x)[0][1], scalar=True
    ),
    "pbdn_seq": of(
        lambda x: mp.pcfd(2, x), (-5.0, 5.0), call=lambda s, x: s.pbdn_seq(3, x)[0][2].real, scalar=True
    ),
}


# --- nodes and weights of quadrature: the second root of a polynomial of degree 4


def _jacobi_weight(n, alpha, beta, x):
    """DLMF 18.16 and 3.5.25(iii), of the Jacobi polynomial of degree n."""
    front = mp.gamma(n + alpha + 1) * mp.gamma(n + beta + 1) / mp.gamma(n + alpha + beta + 1)
    slope = (n + alpha + beta + 1) / 2 * mp.jacobi(n - 1, alpha + 1, beta + 1, x)
    return front / mp.factorial(n) * 2 ** (alpha + beta + 1) / ((1 - x * x) * slope**2)


def _root(f, low, high):
    """The root of f that is second from below, by bisection of changes of its sign."""
    steps = 200
    xs = [low + (high - low) * mpf(k) / steps for k in range(1, steps)]
    signs = [f(x) > 0 for x in xs]
    second = [k for k in range(1, len(xs)) if signs[k] != signs[k - 1]][1]
    return mp.findroot(f, (xs[second - 1], xs[second]), solver="anderson")


def jacobi_root(alpha, beta):
    return _root(lambda x: mp.jacobi(4, alpha, beta, x), -1, 1)


def jacobi_weight(alpha, beta):
    return _jacobi_weight(4, alpha, beta, jacobi_root(alpha, beta))


def laguerre_root(alpha):
    return _root(lambda x: mp.laguerre(4, alpha, x), 0, 30)


def laguerre_weight(alpha):
    x = laguerre_root(alpha)
    return mp.gamma(5 + alpha) * x / (mp.factorial(4) * 25 * mp.laguerre(5, alpha, x) ** 2)


def gegenbauer_weight(alpha):
    return jacobi_weight(alpha - mpf(1) / 2, alpha - mpf(1) / 2)


def _nodes(name, k):
    return lambda s, *args: getattr(s, name)(4, *args)[k][1]


def _roots(name, root, weight, *domains):
    return {
        name: of(root, *domains, call=_nodes(name, 0), scalar=True, digits=36),
        f"{name}:weight": of(weight, *domains, call=_nodes(name, 1), scalar=True, digits=36),
    }


ROOTS = {
    **_roots("roots_jacobi", jacobi_root, jacobi_weight, (0.1, 9.0), (0.2, 5.0)),
    **_roots("roots_genlaguerre", laguerre_root, laguerre_weight, (0.1, 9.0)),
    **_roots(
        "roots_gegenbauer",
        lambda a: jacobi_root(a - mpf(1) / 2, a - mpf(1) / 2),
        gegenbauer_weight,
        (0.2, 9.0),
    ),
    **_roots(
        "roots_sh_jacobi",
        lambda p, q: (1 + jacobi_root(p - q, q - 1)) / 2,
        lambda p, q: jacobi_weight(p - q, q - 1) / 2**p,
        (2.1, 9.0),
        (0.2, 1.9),
    ),
}


# --- Lamé functions of degree 2 and 3 (Dassios, Ellipsoidal harmonics, 2012)


def lame(p):
    """E₂ᵖ(s), and below the least semi-axis with the signs of SciPy."""

    def f(h2, k2, s):
        root = mp.sqrt((h2 + k2) ** 2 - 3 * h2 * k2)
        if p in (1, 2):
            return s * s - (h2 + k2 + (root if p == 1 else -root)) / 3
        return {
            3: s * mp.sqrt(abs(s * s - h2)),
            4: s * mp.sqrt(abs(s * s - k2)),
            5: mp.sqrt(abs((s * s - h2) * (s * s - k2))),
        }[p]

    return f


def lame_second(p):
    """F = (2n + 1)·E(s)·∫ₛ^∞ dt/(E²·√(t² - h²)·√(t² - k²)), in u = 1/t."""

    def f(h2, k2, s):
        e = lame(p)

        def integrand(u):
            return 1 / (e(h2, k2, 1 / u) ** 2 * mp.sqrt((1 - h2 * u * u) * (1 - k2 * u * u)))

        return 5 * e(h2, k2, s) * mp.quad(integrand, [0, 1 / s])

    return f


def lame_norm(p):
    """γ = 8·∫ₕᵏ∫₀ʰ (x² - y²)·E²(x)E²(y)/√… dy dx, as products of single integrals."""

    def f(h2, k2):
        e, h = lame(p), mp.sqrt(h2)

        def inner(power):  # y = h·sin θ
            def integrand(theta):
                y = h * mp.sin(theta)
                return y**power * e(h2, k2, y) ** 2 / mp.sqrt(k2 - y * y)

            return mp.quad(integrand, [0, mp.pi / 2])

        def outer(power):  # x² = h² + (k² - h²)·sin² θ
            def integrand(theta):
                x = mp.sqrt(h2 + (k2 - h2) * mp.sin(theta) ** 2)
                return x**power * e(h2, k2, x) ** 2 / x

            return mp.quad(integrand, [0, mp.pi / 2])

        return 8 * (outer(2) * inner(0) - outer(0) * inner(2))

    return f


LAME = {
    **{
        f"ellip_harm:{p}": of(
            lame(p),
            (1.0, 5.0),
            (6.0, 8.0),
            (3.1, 20.0),
            call=lambda s, h2, k2, x, p=p: s.ellip_harm(h2, k2, 2, p, x),
        )
        for p in range(1, 6)
    },
    **{
        f"ellip_harm_2:{p}": of(
            lame_second(p),
            (1.0, 5.0),
            (6.0, 8.0),
            (4.0, 20.0),
            call=lambda s, h2, k2, x, p=p: s.ellip_harm_2(h2, k2, 2, p, x),
            digits=30,
        )
        for p in (1, 3)
    },
    **{
        f"ellip_normal:{p}": of(
            lame_norm(p),
            (1.0, 5.0),
            (6.0, 8.0),
            call=lambda s, h2, k2, p=p: s.ellip_normal(h2, k2, 2, p),
            digits=30,
        )
        for p in (1, 3)
    },
}

TABLE = POLYNOMIALS | LEGENDRE | ROOTS | LAME

"""scipy.special: high orders, complex numbers, ends of domains, types, and what is refused.

test_scipy_accuracy has the digits of first and second derivatives. That derivatives agree with differences of
SciPy's functions, to second order and in both modes, is held by test_scipy_names for public names, and here
for the private ufuncs that scipy.stats calls.
"""

import inspect
import math
import subprocess
import sys

import numpy as onp
import pytest
import scipy.special
from mpmath import mp
from scipy.special import _ufuncs

import funad
import funad.numpy as np
import funad.scipy.special as s
from funad import elementwise_grad, grad, hessian, jacobian, jvp, vjp
from funad.errors import MissingRuleError, NotDifferentiableError, UnsupportedKeywordError
from funad.registry import primitive_of
from funad.scipy.differences import log_slope, near, slope
from funad.testing import call, check_jvp, check_vjp

from .cases import CASES
from .cases.special import DOMAINS, EIGENVALUES, draw, is_fixed
from .references import distributions as definitions
from .references.elementary import wofz
from .scipy_names import PROBES, REFUSED, VERSION
from .scipy_names.special import ROUGH

inf, nan, pi = math.inf, math.nan, math.pi
UFUNCS = sorted(name for name in (*DOMAINS, *EIGENVALUES) if hasattr(_ufuncs, name))
RULES = [
    pytest.param(name, n, id=f"{name}-{n}")
    for name in UFUNCS
    for n in primitive_of(getattr(_ufuncs, name)).rules
    if not is_fixed(name, n)
]


def total(y):
    """The sum of a result, or of all of several."""
    return sum(np.sum(np.real(part)) for part in y) if isinstance(y, tuple) else np.sum(np.real(y))


def gradient(f, args, n):
    """The gradient of the sum of f in one argument, without the warnings of poles."""
    with onp.errstate(all="ignore"):
        return grad(lambda x: total(f(*args[:n], x, *args[n + 1 :])))(args[n])


# --- against mpmath: what test_scipy_accuracy does not hold, high orders, mixed derivatives, complex numbers


def test_mixed_derivatives_in_parameters_are_those_of_mpmath():
    for f, at, plain in (
        (s.gammainc, (3.2, 2.1), definitions.lower),
        (s.gammaincc, (3.2, 30.0), definitions.upper),
        (s.betainc, (0.7, 3.0, 0.2), definitions.betainc),
        (s.jv, (1.3, 2.2), mp.besselj),
        (s.kv, (1.3, 2.2), mp.besselk),
    ):
        with mp.workdps(60):
            xs = [mp.mpf(x) for x in at]
            mixed = mp.diff(
                lambda x, xs=xs, plain=plain: mp.diff(
                    lambda a: plain(a, *xs[1:-1], x), xs[0], h=mp.mpf(10) ** -15
                ),
                xs[-1],
                h=mp.mpf(10) ** -15,
            )
        with onp.errstate(all="ignore"):
            found = hessian(lambda x, f=f: f(*x))(onp.array(at))
        assert abs(found[0, -1] - mixed) <= 1e-8 * abs(mixed)
        assert abs(found[-1, 0] - mixed) <= 1e-8 * abs(mixed)


LEGENDRE = {
    "legendre_p": (lambda x: s.legendre_p(4, x), lambda x: mp.legendre(4, x), 0.3),
    "at its end": (lambda x: s.legendre_p(4, x), lambda x: mp.legendre(4, x), 1.0),
    "legendre_p_all": (lambda x: s.legendre_p_all(4, x)[:, 3], lambda x: mp.legendre(3, x), 0.3),
    # The associated ones by their formulas: mpmath's own, of any real degree, take it half a minute.
    "assoc_legendre_p": (
        lambda x: s.assoc_legendre_p(4, 1, x), lambda x: -mp.sqrt(1 - x * x) * (35 * x**3 - 15 * x) / 2, 0.3
    ),
    "outside": (
        lambda x: s.assoc_legendre_p(4, 2, x, branch_cut=3), lambda x: (x**2 - 1) * (105 * x**2 - 15) / 2, 1.3
    ),
    "assoc_legendre_p_all": (
        lambda x: s.assoc_legendre_p_all(4, 2, x)[:, 4, 2], lambda x: (1 - x**2) * (105 * x**2 - 15) / 2, 0.3
    ),
    "sph_legendre_p": (lambda x: s.sph_legendre_p(4, 1, x), lambda x: mp.re(mp.spherharm(4, 1, x, 0)), 0.3),
    "sph_legendre_p_all": (
        lambda x: s.sph_legendre_p_all(4, 2, x)[:, 3, 2], lambda x: mp.re(mp.spherharm(3, 2, x, 0)), 0.3
    ),
    "rows": (
        lambda x: s.legendre_p(6, x, diff_n=2)[2:], lambda x: mp.diff(lambda t: mp.legendre(6, t), x, 2), 0.3
    ),
}  # fmt: skip
OF_HIGH_ORDER = {
    "ber": (s.ber, lambda x: mp.ber(0, x), 0.0),
    "bei": (s.bei, lambda x: mp.bei(0, x), 0.0),
    **{
        name: (lambda x, f=f: np.sum(f(x)), g, at)
        for name, (f, g, at) in LEGENDRE.items()
        if hasattr(s, "legendre_p")  # SciPy 1.15
    },
}


@pytest.mark.parametrize("name", OF_HIGH_ORDER)
def test_derivatives_up_to_the_fifth_are_those_of_mpmath(name):
    f, g, at = OF_HIGH_ORDER[name]
    for order in range(1, 6):
        f = grad(f)
        with mp.workdps(40):
            wanted = float(mp.diff(g, mp.mpf(at), order))
        assert f(at) == pytest.approx(wanted, rel=1e-9, abs=1e-8), order


@pytest.mark.parametrize("v", [0.0, 0.05, 0.3, 1.0, 1.2])
def test_mixed_derivatives_of_bessel_functions_of_small_order(v):
    for f, g in ((s.iv, mp.besseli), (s.ive, lambda v, x: mp.besseli(v, x) * mp.exp(-x)), (s.jv, mp.besselj)):
        for x in (0.1, 5.0):
            with mp.workdps(40):
                wanted = float(mp.diff(g, (mp.mpf(v), mp.mpf(x)), (1, 1)))
            of_x_first = grad(lambda v, f=f, x=x: grad(lambda x: f(v, x))(x))(v)
            of_v_first = grad(lambda x, f=f: grad(lambda v: f(v, x))(v))(x)
            assert (of_x_first, of_v_first) == pytest.approx((wanted, wanted), rel=1e-9)


Z = onp.array([0.7 + 0.4j, -0.6 + 0.9j, 2.5 - 1.3j, -1.7 - 0.6j, 0.2 - 3.1j, 6.0 + 2.0j])
HOLOMORPHIC = {
    "gamma": mp.gamma, "loggamma": mp.loggamma, "rgamma": mp.rgamma, "psi": lambda z: mp.psi(0, z),
    "erf": mp.erf,
    "erfc": mp.erfc, "erfi": mp.erfi, "erfcx": lambda z: mp.exp(z * z) * mp.erfc(z), "wofz": wofz,
    "dawsn": lambda z: mp.sqrt(mp.pi) / 2 * mp.exp(-z * z) * mp.erfi(z), "exp1": mp.e1, "expi": mp.ei,
    "ndtr": lambda z: mp.erfc(-z / mp.sqrt(2)) / 2,
    "log_ndtr": lambda z: mp.log(mp.erfc(-z / mp.sqrt(2)) / 2),
    "expm1": mp.expm1, "log1p": lambda z: mp.log(1 + z), "spence": lambda z: mp.polylog(2, 1 - z),
    "wrightomega": lambda z: mp.lambertw(mp.exp(z)), "lambertw": mp.lambertw, "zeta": mp.zeta,
    "jv": mp.besselj, "yv": mp.bessely, "iv": mp.besseli, "kv": mp.besselk, "hankel1": mp.hankel1,
    "hankel2": mp.hankel2, "hankel1e": lambda v, z: mp.hankel1(v, z) * mp.exp(-1j * z),
    "hankel2e": lambda v, z: mp.hankel2(v, z) * mp.exp(1j * z), "kve": lambda v,
    z: mp.besselk(v, z) * mp.exp(z),
    "hyp0f1": mp.hyp0f1, "eval_legendre": mp.legendre, "eval_chebyt": mp.chebyt,
}  # fmt: skip


if VERSION < (1, 15):
    del HOLOMORPHIC["zeta"]  # of real numbers only


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_a_derivative_of_a_complex_number_is_that_of_mpmath(name):
    plain, ours = HOLOMORPHIC[name], getattr(s, name)
    order = () if getattr(ours, "nin", 1) == 1 else (1.3,)
    found = grad(lambda z: np.sum(ours(*order, z)), holomorphic=True)(Z)
    for z, got in zip(Z, found, strict=True):
        with mp.workdps(40):
            wanted = complex(mp.diff(lambda t: plain(*order, t), mp.mpc(z), h=mp.mpf(10) ** -12))
        assert abs(got - wanted) <= 1e-10 * abs(wanted)


@pytest.mark.parametrize(
    ("name", "before"),
    [
        *((name, (1.3,)) for name in ("jve", "yve", "ive")),
        *((name, ()) for name in ("airy", "airye", "sici", "shichi")),
    ],
)
def test_what_is_not_holomorphic_has_both_of_its_slopes(name, before):
    for argnum in range(len(before) + 1):
        check_vjp(getattr(s, name), call(*before, Z[:4]), argnum)
        check_jvp(getattr(s, name), call(*before, Z[:4]), argnum)


def test_functions_of_several_complex_numbers():
    args = [onp.array([1.2 + 0.3j, 0.5 - 0.8j]), 2.0 + 0.1j, 0.7, 1.9 - 0.4j]
    for f in (s.elliprc, s.elliprf, s.elliprd, s.elliprg, s.elliprj):
        for argnum in range(f.nin):
            check_vjp(f, call(*args[: f.nin]), argnum)
    w = Z[::-1].copy()
    for f, at, argnum in (
        (s.xlogy, call(Z, w), 0), (s.xlogy, call(Z, w), 1), (s.xlog1py, call(Z, w), 1),
        (s.hyp1f1, call(0.7, 1.3, Z), 2),
        (s.hyp2f1, call(0.7, 1.3, 0.4, Z / 8), 3), (s.hyp2f1, call(0.7, 1.3, 0.4, Z / 8), 1),
        (s.spherical_jn, call(2, Z), 1), (s.spherical_kn, call(2, Z, derivative=True), 1),
        (s.lambertw, call(Z, -1), 0),
        (s.logsumexp, call(Z), 0), (s.logsumexp, call(Z, b=w), 0),
        (s.logsumexp, call(Z, return_sign=True), 0),
    ):  # fmt: skip
        check_vjp(f, at, argnum)


# --- ends of domains and other special points

POINTS = [
    # (name, arguments, slopes; None where the argument is a whole number)
    ("rgamma", (0.0,), (1.0,)), ("rgamma", (-1.0,), (-1.0,)), ("rgamma", (-2.0,), (2.0,)),
    ("rgamma", (-3.0,), (-6.0,)),
    ("gamma", (-1.0,), (nan,)), ("gammaln", (0.0,), (-inf,)), ("loggamma", (-0.5,), (nan,)),
    ("psi", (nan,), (nan,)),
    ("beta", (nan, 1.0), (nan, nan)), ("binom", (3.0, 5.0), (-0.05, 0.05)),
    ("poch", (-1.0, 3.0), (-1.0, 0.0)),
    ("factorial", (-1.5,), (0.0,)), ("factorial", (0.0,), (-0.5772156649015329,)),
    ("log_ndtr", (-40.0,), (40.02496884720726,)), ("log_ndtr", (-1e3,), (1000.000999998,)),
    ("log_ndtr", (inf,), (0.0,)),
    ("ndtri", (0.0,), (inf,)), ("ndtri", (1.0,), (inf,)), ("ndtri", (-1.0,), (nan,)),
    ("erfinv", (1.0,), (inf,)),
    ("erfinv", (2.0,), (nan,)), ("dawsn", (0.0,), (1.0,)),
    ("owens_t", (1.0, inf), (-0.12098536225957168, 0.0)),
    ("voigt_profile", (1.0, 0.0, 1.0), (-1 / (2 * pi), 0.0, 0.0)),
    ("xlogy", (0.0, 0.0), (-inf, 0.0)), ("xlogy", (1.0, 0.0), (-inf, inf)),
    ("xlogy", (2.0, -1.0), (nan, nan)),
    ("xlogy", (0.0, 1.0), (0.0, 0.0)), ("xlog1py", (0.0, -1.0), (-inf, 0.0)), ("entr", (0.0,), (inf,)),
    ("entr", (-1.0,), (nan,)), ("rel_entr", (0.0, 1.0), (-inf, 0.0)), ("rel_entr", (1.0, 0.0), (inf, nan)),
    ("kl_div", (0.0, 1.0), (-inf, 1.0)), ("kl_div", (1.0, -1.0), (nan, nan)),
    ("logit", (0.0,), (inf,)), ("logit", (-1.0,), (nan,)), ("expit", (-745.0,), (5e-324,)),
    ("expit", (800.0,), (0.0,)),
    ("boxcox", (1.5, 0.0), (2 / 3, math.log(1.5) ** 2 / 2)),
    ("boxcox", (2.0, 1e-12), (0.5, math.log(2) ** 2 / 2)),
    ("boxcox", (0.0, 0.5), (inf, 4.0)), ("boxcox1p", (1.5, 0.0), (0.4, math.log(2.5) ** 2 / 2)),
    ("inv_boxcox", (1.5, 0.0), (math.exp(1.5), -math.exp(1.5) * 1.125)),
    ("inv_boxcox", (-2.0, 0.5), (0.0, nan)),
    ("huber", (1.0, 1.0), (0.0, 1.0)), ("huber", (-1.0, 1.0), (nan, nan)),
    ("pseudo_huber", (1.0, 0.0), (0.0, 0.0)),
    ("exprel", (0.0,), (0.5,)), ("spence", (1.0,), (-1.0,)), ("spence", (0.0,), (-inf,)),
    ("expn", (0, 1.0), (None, -2 / math.e)),
    ("exp1", (-1.0,), (nan,)), ("lambertw", (0.0,), (1.0,)), ("wrightomega", (-inf,), (0.0,)),
    ("j1", (0.0,), (0.5,)), ("i1", (0.0,), (0.5,)), ("i0e", (0.0,), (-1.0,)), ("i1e", (0.0,), (0.5,)),
    ("j0", (0.0,), (0.0,)),
    ("k0", (0.0,), (-inf,)), ("jv", (1.0, 0.0), (0.0, 0.5)), ("jv", (0.5, 0.0), (0.0, inf)),
    ("struve", (0.0, 0.0), (0.0, 2 / pi)),
    ("berp", (0.0,), (0.0,)), ("beip", (0.0,), (0.5,)), ("spherical_jn", (1, 0.0), (None, 1 / 3)),
    ("ellipk", (0.0,), (pi / 8,)), ("ellipe", (0.0,), (-pi / 8,)), ("ellipk", (1.0,), (inf,)),
    ("ellipkinc", (0.5, 0.0), (1.0, (0.5 - math.sin(1.0) / 2) / 4)), ("ellipkinc", (0.0, 0.5), (1.0, 0.0)),
    ("ellipkinc", (3 * pi / 2, 0.5), (math.sqrt(2), 2.5416392543819373)),
    ("elliprc", (1.0, 1.0), (-1 / 6, -1 / 3)),
    ("elliprf", (1.0, 1.0, 1.0), (-1 / 6,) * 3), ("elliprg", (1.0, 1.0, 1.0), (1 / 6,) * 3),
    ("elliprd", (1.0, 1.0, 1.0), (-0.3, -0.3, -0.9)), ("elliprj", (1.0,) * 4, (-0.3, -0.3, -0.3, -0.6)),
    ("agm", (1.0, 1.0), (0.5, 0.5)), ("agm", (-2.0, -1.0), (0.4257908959543788, 0.6052092391381491)),
    ("eval_legendre", (0, 1.0), (None, 0.0)), ("eval_legendre", (3, 1.0), (None, 6.0)),
    ("eval_legendre", (2, -1.0), (None, -3.0)),
    ("eval_chebyu", (3, 1.0), (None, 20.0)), ("eval_chebyt", (4, -1.0), (None, -16.0)),
    ("lpmv", (0, 3.0, 1.0), (None, 0.0, 6.0)), ("lpmv", (2, 3, -1.0), (None, None, -30.0)),
    ("lpmv", (3, 3, 1.0), (None, None, nan)),
    ("gammainc", (1.0, 0.0), (0.0, 1.0)), ("gammainc", (0.5, 0.0), (0.0, inf)),
    ("gammainc", (2.0, 0.0), (0.0, 0.0)),
    ("gammainc", (2.0, inf), (0.0, 0.0)), ("gammainc", (0.0, 1.0), (nan, 0.0)),
    ("gammainc", (2.0, -1.0), (nan, nan)),
    ("gammaincinv", (2.0, 0.0), (0.0, inf)), ("gammaincinv", (1.0, 0.0), (0.0, 1.0)),
    ("gammaincinv", (2.0, 1.0), (nan, inf)),
    ("betainc", (1.0, 1.0, 0.0), (0.0, 0.0, 1.0)), ("betainc", (0.5, 2.0, 0.0), (0.0, 0.0, inf)),
    ("betainc", (1.0, 1.0, 1.0), (0.0, 0.0, 1.0)), ("betaincinv", (2.0, 2.0, 0.0), (0.0, 0.0, inf)),
    ("chdtr", (3.0, -1.0), (nan, nan)), ("fdtr", (2.0, 3.0, 0.0), (0.0, 0.0, 1.0)),
    ("fdtr", (2.0, 3.0, -1.0), (nan,) * 3),
    ("stdtr", (inf, 1.0), (0.0, math.exp(-0.5) / math.sqrt(2 * pi))),
    ("stdtr", (3.0, 0.0), (0.0, 0.36755259694786135)),
    ("pdtr", (2, 0.0), (None, 0.0)), ("pdtr", (0, 0.0), (None, -1.0)),
    ("bdtr", (3, 3, 0.5), (None, None, 0.0)),
    ("bdtr", (2, 3, 1.0), (None, None, -3.0)), ("nbdtr", (0, 1, 0.0), (None, None, 1.0)),
    ("chndtr", (2.0, 3.0, 0.0), (0.2075537487102974, -0.18734500127465564, -0.1383691658068649)),
    ("tklmbda", (5.0, 0.5), (0.0, 0.0)), ("tklmbda", (0.3, 0.0), (0.24445831169074586, 0.05165564816798961)),
    ("kolmogorov", (0.0,), (0.0,)), ("kolmogorov", (-1.0,), (0.0,)), ("kolmogi", (0.0,), (-inf,)),
    ("smirnov", (3, 0.0), (None, -1.0)), ("powm1", (0.0, 2.0), (0.0, 0.0)),
    ("zeta", (2.0, 1.0), (-0.9375482543158437, -2.404113806319188)),
]  # fmt: skip


if VERSION < (1, 15):
    POINTS.remove(("factorial", (-1.5,), (0.0,)))  # a whole number


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "args", "wanted"), POINTS, ids=[f"{name}{args}" for name, args, _ in POINTS]
)
def test_a_slope_at_a_special_point(name, args, wanted):
    for argnum, value in enumerate(wanted):
        if value is not None:
            onp.testing.assert_allclose(
                gradient(getattr(s, name), args, argnum), value, rtol=2e-10, atol=1e-15
            )
            xdot, of_x = 1.0, lambda x, n=argnum: getattr(s, name)(*args[:n], x, *args[n + 1 :])
            with onp.errstate(all="ignore"):
                found = onp.real(jvp(of_x, (args[argnum],), (xdot,))[1])
            onp.testing.assert_allclose(found, value, rtol=2e-10, atol=1e-15)


CURVATURES = [
    (s.j1, 0.0, 0.0), (s.j0, 0.0, -0.5), (s.i0, 0.0, 0.5), (lambda x: s.spherical_jn(0, x), 0.0, -1 / 3),
    (lambda x: s.spherical_in(2, x), 0.0, 2 / 15),
    (lambda x: s.spherical_jn(1, x, derivative=True), 0.0, -0.2),
 (lambda x: s.gammainc(1.0, x), 0.0, -1.0),
    (lambda x: s.betainc(1.0, 2.0, x), 0.0, -2.0), (lambda x: s.betainc(2.0, 1.0, x), 1.0, 2.0),
    (s.ellipk, 0.0, 9 * pi / 64),
    (lambda x: s.stdtr(3.0, x), 0.0, 0.0), (s.expit, 0.0, 0.0), (s.exprel, 0.0, 1 / 3), (s.spence, 1.0, 0.5),
    (lambda k: s.boxcox(2.0, k), 0.0, math.log(2) ** 3 / 3), (lambda x: s.eval_legendre(3, x), 1.0, 15.0),
]  # fmt: skip


@pytest.mark.parametrize(("f", "at", "wanted"), CURVATURES, ids=range(len(CURVATURES)))
def test_a_curvature_at_a_special_point(f, at, wanted):
    with onp.errstate(all="ignore"):
        for found in (grad(grad(f))(at), jvp(grad(f), (at,), (1.0,))[1]):
            onp.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_a_mixed_derivative_where_a_factor_is_zero():
    for f in (s.xlogy, lambda a, b: s.xlog1py(a, b - 1.0)):
        assert grad(lambda b, f=f: grad(lambda a: f(a, b))(0.0))(2.0) == 0.5
        assert grad(lambda a, f=f: grad(lambda b: f(a, b))(2.0))(0.0) == 0.5
    assert grad(lambda b: grad(lambda a: s.powm1(a, b))(2.0))(0.0) == 0.5


def test_the_voigt_profile_is_a_gaussian_or_a_lorentzian_at_its_ends():
    for x in (0.5, 12.0, 30.0):  # far out, where w(z) is its asymptotic series
        wanted = -x * math.exp(-x * x / 2) / math.sqrt(2 * pi)
        assert grad(lambda x: s.voigt_profile(x, 1.0, 0.0))(x) == pytest.approx(wanted, rel=1e-13)
    # ∂²V/∂σ² is ∂²V/∂x² of the same profile.
    by_sigma = grad(grad(lambda sigma: s.voigt_profile(1.0, sigma, 0.5)))(0.0)
    assert by_sigma == pytest.approx(grad(grad(lambda x: s.voigt_profile(x, 0.0, 0.5)))(1.0), rel=1e-13)


def test_a_result_that_is_not_defined_leaves_the_others_alone():
    assert grad(lambda x: s.itj0y0(x)[0])(-2.0) == pytest.approx(scipy.special.j0(2.0), rel=1e-14)
    assert grad(lambda x: s.airye(x)[2])(-2.0) == pytest.approx(scipy.special.airy(-2.0)[3], rel=1e-13)
    assert math.isnan(grad(lambda x: s.itj0y0(x)[1])(-2.0))
    assert math.isnan(jvp(lambda x: s.itj0y0(x)[1], (-2.0,), (1.0,))[1])


@pytest.mark.skipif(VERSION < (1, 15), reason="its search ends elsewhere")
def test_an_inverse_that_is_no_root_has_no_slope():
    """SciPy's search for nc ends where F is 5e-6 apart from p, which is less than that."""
    assert math.isnan(gradient(s.pdtrik, (0.02, 3.0), 1))  # k = 0, with F(0) = exp(-3)
    args = (3.33, 5.827e-06, 0.3975)
    assert math.isnan(gradient(s.nctdtrinc, args, 1))
    assert abs(scipy.special.nctdtr(3.33, scipy.special.nctdtrinc(*args), 0.3975) - args[1]) > 1e-4 * args[1]


def test_points_of_both_kinds_stand_side_by_side():
    """Branches are taken element by element: none lets its infinities into others."""
    x = onp.array([0.0, 0.3, 1.0])
    for f in (
        lambda x: s.betainc(1.0, 1.0, x),
        lambda x: s.gammainc(1.0, x),
        s.kolmogorov,
        s.exprel,
        s.ellipe,
    ):
        with onp.errstate(all="ignore"):
            found, single = elementwise_grad(f)(x), [grad(f)(float(point)) for point in x]
        onp.testing.assert_allclose(found, single, rtol=1e-13)


# --- differences


def test_differences_that_do_not_agree_are_nan():
    jump = onp.vectorize(lambda x: x + (x > 1.0), otypes=[float])
    assert math.isnan(slope(jump, (1.05,), 0, 0.02))
    assert slope(jump, (2.0,), 0, 0.02) == pytest.approx(1.0, rel=1e-12)
    onp.testing.assert_allclose(slope(jump, (onp.array([0.5, 1.0]),), 0, 0.02), [1.0, nan], rtol=1e-12)
    noise = onp.vectorize(lambda x: x + 1e-4 * math.sin(1.2345e8 * x), otypes=[float])
    assert math.isnan(slope(noise, (2.0,), 0, 1e-4))


def test_a_value_that_vanishes_alone_has_no_slope():
    assert log_slope(lambda x: np.exp(x), 2.0, (0.3,), 0, 0.01) == pytest.approx(2.0, rel=1e-12)
    assert log_slope(lambda x: 0.0 * x, 0.0, (onp.float64(0.3),), 0, 0.01) == 0
    assert math.isnan(log_slope(lambda x: np.where(x == 0.3, 0.0, 1.0), 0.0, (0.3,), 0, 0.01))


def test_differences_have_derivatives():
    found = hessian(lambda x: slope(lambda a, b: np.exp(a * b), (x[0], x[1]), 0, near(x[0])))(
        onp.array([0.4, 0.7])
    )
    wanted = hessian(lambda x: x[1] * np.exp(x[0] * x[1]))(onp.array([0.4, 0.7]))
    onp.testing.assert_allclose(found, wanted, rtol=1e-8)


# --- types, shapes and modes of every rule


def test_every_rule_has_a_case_or_a_probe():
    probed = {probe.name for probe in PROBES}
    for f, _ in funad.rules():
        prim = primitive_of(f)
        if prim.name.startswith("scipy.special."):
            known = isinstance(prim.f, onp.ufunc) and prim.f.__name__ in {*DOMAINS, *EIGENVALUES}
            assert known or prim.name in probed or f in CASES, prim.name


def test_every_function_has_a_probe_or_a_reason():
    """But for what has no float argument, or makes objects of other kinds."""
    probed = {probe.name for probe in PROBES}
    known = {name: primitive_of(getattr(s, name)) for name in s.__all__ if callable(getattr(s, name))}
    names = {name: {f"scipy.special.{name}", getattr(prim, "name", None)} for name, prim in known.items()}
    aliases = {name for name in known if names[name] & probed}
    steps = {name for name, prim in known.items() if prim is None or prim.kind == "zero"}
    refused = {name.rpartition(".")[2] for name in REFUSED}
    unset = {"pro_rad2_cv"} if VERSION < (1, 15) else set()  # its results are memory that has not been set
    assert {*known} - aliases - steps - refused - unset == set()


@pytest.mark.parametrize(("name", "argnum"), RULES)
def test_the_signature_of_a_rule_names_its_arguments(name, argnum):
    f = getattr(_ufuncs, name)
    first, second, *parameters = inspect.signature(primitive_of(f).rules[argnum]).parameters.values()
    assert (first.name, second.name) == ("y", "ybar") and len(parameters) == f.nin
    assert all(p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty for p in parameters)


PRIVATE = [rule for rule in RULES if rule.values[0].startswith("_")]


@pytest.mark.parametrize(("name", "argnum"), PRIVATE)
def test_the_rule_of_a_private_ufunc_agrees_with_differences(name, argnum):
    if VERSION < (1, 15) and name.startswith(("_ncf_", "_nct_")):
        pytest.skip("these values have errors of 1e-6, which differences show")
    args = draw(name, ((2, 1), (3,)))
    check_vjp(getattr(s, name), call(*args), argnum)
    check_jvp(getattr(s, name), call(*args), argnum)


@pytest.mark.parametrize(("name", "argnum"), RULES)
def test_a_rule_keeps_single_precision_and_shapes(name, argnum):
    f, args = getattr(s, name), draw(name, ((2, 1), (3,)))
    if not any(set(types.partition("->")[0]) <= set("flq") for types in f.types):
        pytest.skip("SciPy has it in double precision only")
    if VERSION < (1, 15) and name == "pro_rad2":
        pytest.skip("of memory that has not been set")
    single = tuple(x.astype("f") if getattr(x, "dtype", None) == onp.float64 else x for x in args)
    xbar, wanted = gradient(f, single, argnum), gradient(f, tuple(map(double, single)), argnum)
    assert xbar.dtype == onp.float32 and xbar.shape == args[argnum].shape
    ydot = jvp(lambda x: f(*single[:argnum], x, *single[argnum + 1 :]), (single[argnum],), (single[argnum],))[
        1
    ]
    plain = f(*single)
    finite = all(map(onp.all, map(onp.isfinite, plain if f.nout > 1 else (plain,))))
    if finite and name not in ROUGH:  # modfresnelp is nan in SciPy's single precision
        onp.testing.assert_allclose(xbar, wanted, rtol=2e-3, atol=2e-3 * onp.max(onp.abs(wanted)))
    for part, y in zip(*((ydot, plain) if f.nout > 1 else ((ydot,), (plain,))), strict=True):
        assert part.dtype == y.dtype and part.shape == y.shape


def double(x):
    return x.astype(float) if getattr(x, "dtype", None) == onp.float32 else x


@pytest.mark.parametrize(("name", "argnum"), RULES)
def test_a_rule_takes_numbers_and_empty_arrays(name, argnum):
    f, args = getattr(s, name), draw(name, ((),))
    xbar = gradient(f, args, argnum)
    assert isinstance(xbar, float) and (math.isfinite(xbar) or name in ROUGH)
    arrays = tuple(onp.asarray(x)[None] for x in args)
    onp.testing.assert_allclose(gradient(f, arrays, argnum), [xbar], rtol=1e-9)
    empty = tuple(x[:0] for x in arrays)
    assert gradient(f, empty, argnum).shape == (0,)


def test_rules_hold_within_closures_and_nested_transformations():
    def f(a):
        return grad(lambda x: s.gammainc(a, x) * s.gammaln(a * x))(1.3)

    h = 1e-4
    assert grad(f)(2.0) == pytest.approx((f(2.0 + h) - f(2.0 - h)) / (2 * h), rel=1e-7)
    assert jvp(f, (2.0,), (1.0,))[1] == pytest.approx(grad(f)(2.0), rel=1e-9)


# --- SciPy's own functions on traced values


@pytest.mark.parametrize(
    "name", ["gammaln", "expit", "erf", "gammainc", "betainc", "jv", "ndtri", "xlogy", "airy"]
)
def test_plain_ufuncs_of_scipy_are_differentiated(name):
    args = draw(name, ((2, 1), (3,)))
    n = len(args) - 1
    theirs, ours = (gradient(getattr(module, name), args, n) for module in (scipy.special, s))
    onp.testing.assert_array_equal(theirs, ours)


def test_a_plain_ufunc_needs_no_import_of_funad_scipy():
    code = (
        "import sys, scipy.special, funad\n"
        "assert 'funad.scipy' not in sys.modules\n"
        "print(funad.grad(lambda x: scipy.special.gammaln(x))(2.0))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(run.stdout) == pytest.approx(float(scipy.special.psi(2.0)))


# --- sums of exponentials

A = onp.array([[0.3, -1.2, 2.0], [0.1, 0.5, -0.4]])


def test_logsumexp_of_large_and_of_infinite_numbers():
    onp.testing.assert_allclose(
        grad(s.logsumexp)(onp.array([1e4, 1e4 - 1.0])), scipy.special.softmax([1.0, 0.0])
    )
    with onp.errstate(all="ignore"):
        onp.testing.assert_array_equal(grad(s.logsumexp)(onp.array([-inf, 1.0])), [0.0, 1.0])
        onp.testing.assert_array_equal(grad(s.logsumexp)(onp.array([-inf, -inf])), [0.5, 0.5])
        onp.testing.assert_array_equal(grad(s.logsumexp)(onp.array([inf, 1.0, inf])), [0.5, 0.0, 0.5])
        onp.testing.assert_array_equal(grad(s.logsumexp)(onp.array([nan, 1.0])), [nan, nan])
        # What has no weight counts for nothing.
        found = grad(lambda a: s.logsumexp(a, b=onp.array([0.0, 1.0])))(onp.array([inf, 2.0]))
        onp.testing.assert_array_equal(found, [0.0, 1.0])
    assert grad(lambda a: np.sum(s.logsumexp(a, axis=1)))(A[:, :0]).shape == (2, 0)


def test_logsumexp_is_differentiated_in_its_weights():
    b = onp.array([1.0, -2.0, 0.5])
    found = jacobian(lambda b: s.logsumexp(A, axis=1, b=b, return_sign=True)[0])(b)
    wanted = onp.exp(A) / onp.sum(b * onp.exp(A), axis=1, keepdims=True)
    onp.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_softmax_keeps_its_digits_in_the_tails():
    x = onp.array([0.0, -800.0, -30.0])
    found = jacobian(lambda x: s.log_softmax(x))(x)
    share = scipy.special.softmax(x)
    wanted = onp.where(onp.eye(3), 1.0 - share, -share)
    wanted[0, 0] = share[1] + share[2]  # 1 - share[0], to all digits
    onp.testing.assert_allclose(found, wanted, atol=1e-300)
    assert jacobian(s.softmax)(x)[0, 0] == pytest.approx(wanted[0, 0], rel=1e-14)
    row = jacobian(s.softmax)(x)[2]
    onp.testing.assert_allclose(row[0], -math.exp(-30.0), rtol=1e-12)


# --- what is refused

REFUSALS = [
    (lambda x: s.kn(x, 1.0), MissingRuleError, "scipy.special.kn.*argument 0"),
    (lambda x: s.expn(x, 1.0), MissingRuleError, "scipy.special.expn.*argument 0"),
    (lambda x: s.yn(x, 0.5), MissingRuleError, "scipy.special.yn.*argument 0"),
    (lambda x: s.lpmv(x, 2.0, 0.3), MissingRuleError, "scipy.special.lpmv.*argument 0"),
    (lambda x: s.mathieu_a(x, 0.3), MissingRuleError, "scipy.special.mathieu_a"),
    (lambda x: s.lmbda(x, 0.3), MissingRuleError, "scipy.special.lmbda"),
    (lambda x: s.polygamma(x, 0.3), NotDifferentiableError, "polygamma was called with a traced n"),
    (lambda x: s.multigammaln(5.0, x), NotDifferentiableError, "multigammaln was called with a traced d"),
    (lambda x: s.comb(x, 2, exact=True), NotDifferentiableError, "leave exact out"),
    (lambda x: s.perm(x, 2, exact=True), NotDifferentiableError, "leave exact out"),
    (lambda x: s.zeta(x, out=onp.zeros(())), NotDifferentiableError, "takes no out"),
    (lambda x: np.real(s.sph_harm_y(2, 1, x, 0.3, diff_n=1)[0]), NotDifferentiableError, "leave diff_n out"),
    (lambda x: np.real(s.pbdn_seq(2, x + 0.1j)[0][1]), NotDifferentiableError, "for real z only"),
    (lambda x: s.logsumexp(x, mask=True), (UnsupportedKeywordError, TypeError), "mask"),
]


if VERSION < (1, 15):
    REFUSALS = [found for found in REFUSALS if "diff_n" not in found[2]]


@pytest.mark.parametrize(("f", "error", "message"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_has_no_derivative_is_refused_by_name(f, error, message):
    with pytest.raises(error, match=message):
        grad(f)(2.0)


@pytest.mark.parametrize(
    "f", [lambda x: s.multigammaln(x, 3), lambda x: s.jvp(1.0, x, -1), lambda x: s.diric(x, n=3.0, m=1)]
)
def test_what_scipy_refuses_is_refused_with_its_words(f):
    with pytest.raises((ValueError, TypeError)) as theirs:
        f(0.5)
    with pytest.raises((ValueError, TypeError)) as ours:
        grad(f)(0.5)
    assert str(theirs.value) == str(ours.value)


def test_steps_have_no_slope():
    assert grad(lambda x: x * s.gammasgn(x))(-0.5) == scipy.special.gammasgn(-0.5)
    assert grad(lambda p: p + _ppf(p))(0.4) == 1.0


def _ppf(p):
    return s._binom_ppf(p, 5.0, 0.3) if hasattr(s, "_binom_ppf") else 0.0


def test_values_of_scipy_that_are_rough_have_the_slopes_of_the_true_function():
    """What the probes do not difference, because SciPy's values have too few digits."""
    x = 1.7
    found = [grad(lambda x, k=k: s.itairy(x)[k])(x) for k in range(4)]
    wanted = [
        scipy.special.airy(x)[0],
        scipy.special.airy(x)[2],
        scipy.special.airy(-x)[0],
        scipy.special.airy(-x)[2],
    ]
    onp.testing.assert_allclose(found, wanted, rtol=1e-14)
    dfn, nc, f = 3.3, 0.55, 1.02
    p = scipy.special.ncfdtr(dfn, 2.0, nc, f)
    h = 1e-4
    by_dfd = (scipy.special.ncfdtr(dfn, 2.0 + h, nc, f) - scipy.special.ncfdtr(dfn, 2.0 - h, nc, f)) / (2 * h)
    assert grad(lambda p: s.ncfdtridfd(dfn, p, nc, f))(p) == pytest.approx(1 / by_dfd, rel=1e-4)
    by_nc = (scipy.special.ncfdtr(dfn, 2.0, nc + h, f) - scipy.special.ncfdtr(dfn, 2.0, nc - h, f)) / (2 * h)
    assert grad(lambda p: s.ncfdtrinc(dfn, 2.0, p, f))(p) == pytest.approx(1 / by_nc, rel=1e-4)
    for name in ("obl_rad2", "pro_rad2"):
        w, bend = getattr(scipy.special, name)(1, 3, 5.0, 1.7)
        assert vjp(lambda x, name=name: getattr(s, name)(1, 3, 5.0, x)[0], 1.7)[1](1.0) == bend


@pytest.mark.parametrize("f", [s.gammaln, scipy.special.gammaln])
def test_a_mask_is_refused(f):  # SciPy 1.17 writes into other memory
    mask, x = onp.array([True, False, True]), onp.array([0.5, 1.5, 2.5])
    with pytest.raises(UnsupportedKeywordError, match=r"np.where\(mask, gammaln\(np.where"):
        grad(lambda x: np.sum(f(x, where=mask, out=onp.zeros(3))))(x)
    slope = grad(lambda x: np.sum(np.where(mask, f(np.where(mask, x, 1.0)), 0.0)))(x)
    onp.testing.assert_allclose(slope, mask * scipy.special.psi(x))


@pytest.mark.parametrize(
    ("name", "x"), [("pro_ang1", 0.4), ("obl_ang1", 0.4), ("pro_rad1", 1.7), ("obl_rad1", 0.8)]
)
def test_spheroidal_functions_beside_their_eigenvalue(name, x):
    """Of another eigenvalue than that of c, w solves no equation; its second derivatives are SciPy's."""
    c = 1.3
    at = onp.array([c, getattr(scipy.special, f"{name[:3]}_cv")(1, 2, c), x])
    steps = 1e-2 * onp.eye(3)

    def of(module, part):
        return lambda v: getattr(module, f"{name}_cv")(1, 2, *v)[part]

    for part in (0, 1):
        f = of(scipy.special, part)
        wanted = [
            [(f(at + a + b) - f(at + a - b) - f(at - a + b) + f(at - a - b)) / 4e-4 for a in steps]
            for b in steps
        ]
        found = hessian(of(s, part))(at)
        onp.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-3 * onp.abs(wanted).max())

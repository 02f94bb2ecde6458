"""Distributions and functions of scipy.stats: their forms, ends and draws, and serving plain SciPy."""

import pickle
import threading

import numpy as onp
import pytest
import scipy.fft
import scipy.linalg
import scipy.optimize
import scipy.special
import scipy.stats
from mpmath import mp
from scipy.stats import norm as plain_norm
from scipy.stats import skew as plain_skew

import funad
import funad.numpy as np
import funad.scipy
from funad import grad
from funad.errors import FunadError, MissingRuleError, NotDifferentiableError
from funad.scipy import stats
from funad.scipy.namespace import public_names
from funad.scipy.stats.univariate import ELEMENTWISE
from funad.testing import call, check_jvp, check_vjp

from .scipy_names import PROBES, REFUSED, VERSION
from .scipy_names.stats import CONTINUOUS, DISCRETE

INF, NAN = onp.inf, onp.nan
# Outside, at the ends, far out, nan, and inside of most supports.
POINTS = onp.array([-INF, -3.0, -1.0, -0.0, 0.0, 1e-300, 0.3, 1.0, 1.5, 40.0, 1e300, INF, NAN])
PROBABILITIES = onp.array([-0.5, 1e-300, 0.3, 0.5, 1.0 - 1e-16, 1.5, NAN])


def parameters(name):
    return {**CONTINUOUS, **DISCRETE, "halfnorm": (), "rayleigh": ()}[name]


# --- the short way is the long one


@pytest.mark.parametrize("name", ELEMENTWISE["_continuous_distns"])
@pytest.mark.filterwarnings("ignore")
def test_a_traced_value_is_scipys_everywhere_and_has_no_derivative_where_that_is_constant(name):
    theirs, ours, shapes = getattr(scipy.stats, name), getattr(stats, name), parameters(name)
    for loc, scale in ((0, 1), (0.2, 1.3), (0.2, -1.0)):
        low, high = (loc + max(scale, 1) * end for end in theirs.support(*shapes))
        for method in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"):
            points = PROBABILITIES if method in ("ppf", "isf") else POINTS
            for x in (points, points[onp.isfinite(points)][3:5], onp.float64(0.3), onp.zeros((0, 2))):
                with onp.errstate(all="ignore"):
                    wanted = getattr(theirs, method)(x, *shapes, loc, scale)
                    y, slope = funad.jvp(
                        lambda x, method=method: getattr(ours, method)(x, *shapes, loc, scale),
                        (x,), (onp.ones_like(x),),
                    )  # fmt: skip
                onp.testing.assert_array_equal(y, wanted)
                assert onp.asarray(y).dtype == wanted.dtype
                outside = (x < low) | (x > high) if points is POINTS else (x < 0) | (x > 1)
                assert not onp.any((onp.asarray(slope) != 0) & ~onp.isnan(slope) & outside)


@pytest.mark.parametrize("name", ELEMENTWISE["_discrete_distns"])
@pytest.mark.filterwarnings("ignore")
def test_a_traced_value_of_a_discrete_distribution_is_scipys_everywhere(name):
    theirs, ours, shapes = getattr(scipy.stats, name), getattr(stats, name), parameters(name)
    for k in (onp.arange(-2, 12), onp.array([0.5, 1.0, NAN]), 1, [0, 1], onp.zeros((0,), int)):
        for loc in (0, 1):
            for method in ("pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"):
                with onp.errstate(all="ignore"):
                    wanted = getattr(theirs, method)(k, *shapes, loc)
                    y, _ = funad.vjp(
                        lambda p, k=k, loc=loc, method=method: getattr(ours, method)(
                            k, *shapes[:-1], p, loc
                        ),
                        shapes[-1],
                    )  # fmt: skip
                onp.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize(
    ("method", "x"), [("logpdf", [0.3, 1]), ("cdf", onp.arange(3)), ("sf", 1), ("ppf", [0.3, 0.5])]
)
def test_lists_integers_and_keywords_are_taken_as_scipy_takes_them(method, x):
    y, pull = funad.vjp(lambda s: getattr(stats.norm, method)(x, loc=[0, 1, 2][: onp.size(x)], scale=s), 1.3)
    onp.testing.assert_array_equal(
        y, getattr(scipy.stats.norm, method)(x, loc=[0, 1, 2][: onp.size(x)], scale=1.3)
    )
    assert isinstance(pull(onp.ones_like(y)), float)
    with pytest.raises(TypeError, match="multiple values for argument 'loc'"):
        funad.grad(lambda s: stats.norm.pdf(0.3, 0.0, s, loc=1.0))(1.0)


def test_parameters_broadcast_and_a_gradient_has_the_shape_and_the_dtype_of_its_argument():
    x = onp.linspace(0.2, 2.0, 6).reshape(2, 3)
    a, scale = onp.array([1.5, 2.0, 2.5]), onp.array([[0.7], [1.3]])
    for method in ("logpdf", "cdf", "logsf"):
        f = getattr(stats.gamma, method)
        for argnum in range(3):
            at = call(x, a, scale)
            check_vjp(lambda x, a, scale, f=f: f(x, a, scale=scale), at, argnum)
            check_jvp(lambda x, a, scale, f=f: f(x, a, scale=scale), at, argnum)
    single = x.astype(onp.float32)
    y, pull = funad.vjp(lambda x: stats.t.logpdf(x, 3.0), single)
    assert y.dtype == onp.float64
    assert pull(y).dtype == onp.float32
    onp.testing.assert_array_equal(y, scipy.stats.t.logpdf(single, 3.0))
    fortran = onp.asfortranarray(x)
    fortran.flags.writeable = False
    onp.testing.assert_array_equal(
        funad.grad(lambda x: np.sum(stats.norm.logcdf(x)))(fortran),
        funad.grad(lambda x: np.sum(stats.norm.logcdf(x)))(x),
    )


@pytest.mark.parametrize("name", ["norm", "gamma", "poisson", "skewnorm", "f", "binom"])
def test_invalid_parameters_and_points_give_nan_with_nan_for_derivatives(name):
    shapes = {"gamma": (2.0,), "poisson": (2.0,), "skewnorm": (1.5,), "f": (3.0, 4.0), "binom": (5, 0.3)}
    dist, args = getattr(stats, name), list(shapes.get(name, ()))
    discrete = name in ("poisson", "binom")
    methods = ("pmf", "logpmf", "cdf", "sf") if discrete else ("pdf", "logpdf", "cdf", "logsf", "ppf")
    for method in methods:
        if args and name != "skewnorm":  # whose shape is any number
            y, pull = funad.vjp(lambda a, m=method: getattr(dist, m)(onp.array([1, 2]), *args[:-1], a), -1.5)
            assert onp.all(onp.isnan(y))
            assert onp.isnan(pull(onp.ones(2)))
        if not discrete:
            assert onp.isnan(funad.grad(lambda s, m=method: getattr(dist, m)(0.3, *args, 0.0, s))(-1.0))
            slope = funad.grad(lambda x, m=method: np.nansum(getattr(dist, m)(x, *args)))(
                onp.array([0.3, NAN])
            )
            assert onp.isfinite(slope[0])


def test_tails_keep_their_digits():
    # φ(x)/Φ(x) at −40 is 40 + 1/40 − 2/40³ + … (DLMF 7.12.1), and the slope of log x is 1/x at any x.
    assert funad.grad(stats.norm.logcdf)(-40.0) == pytest.approx(40.0249688, rel=1e-8)
    assert funad.grad(stats.norm.logsf)(40.0) == pytest.approx(-40.0249688, rel=1e-8)
    assert funad.grad(lambda x: stats.weibull_min.logsf(x, 1.5))(100.0) == pytest.approx(-15.0)
    assert funad.grad(lambda x: stats.expon.logsf(x))(1e5) == -1.0
    assert funad.grad(lambda x: stats.gamma.logpdf(x, 2.5))(1e-200) == pytest.approx(1.5e200)


@pytest.mark.parametrize("kappa", [1e-3, 3.0, 40.0])
@pytest.mark.parametrize("x", [-3.0, 0.1])
def test_the_slope_of_von_mises_in_its_concentration_is_that_of_its_integral(kappa, x):
    def probability(k):
        integral = mp.quad(lambda t: mp.exp(k * mp.cos(t)), [-mp.pi, -0.5, 0, 0.5, x])
        return integral / (2 * mp.pi * mp.besseli(0, k))

    wanted = mp.diff(probability, kappa, h=1e-6)
    got = funad.grad(lambda k: stats.vonmises.cdf(x, k))(kappa)
    assert got == pytest.approx(float(wanted), rel=1e-9, abs=1e-14)  # of the size of the largest slope
    if kappa < 1:
        # SciPy's density has exp(-κ)I₀(κ), whose derivative at 0 is that from the right: cos x / 2π.
        at_zero = funad.grad(lambda k: stats.vonmises.pdf(x, k))(0.0)
        assert at_zero == pytest.approx(onp.cos(x) / (2 * onp.pi), rel=1e-12)


@pytest.mark.parametrize("a", [0.0, 0.3, 2.0, 30.0])
def test_the_slope_of_zipfs_distribution_is_that_of_its_sums(a):
    def f(a, j, k, n):
        return mp.fsum(i**-a for i in range(j, k + 1)) / mp.fsum(i**-a for i in range(1, n + 1))

    for method, j, k in (("pmf", 3, 3), ("cdf", 1, 3), ("sf", 4, 9)):
        wanted = mp.diff(lambda a, j=j, k=k: f(a, j, k, 9), mp.mpf(a) if a else mp.mpf("1e-30"))
        got = funad.grad(lambda a, m=method: getattr(stats.zipfian, m)(3, a, 9))(a)
        assert got == pytest.approx(float(wanted), rel=1e-10)


# --- frozen distributions, classes, draws


def test_frozen_distributions_take_traced_values_and_parameters():
    frozen = stats.gamma(2.0, scale=1.5)
    assert isinstance(frozen, type(scipy.stats.gamma(2.0)))
    assert frozen.ppf(0.3) == scipy.stats.gamma(2.0, scale=1.5).ppf(0.3)
    assert funad.grad(frozen.logpdf)(0.7) == funad.grad(lambda x: stats.gamma.logpdf(x, 2.0, scale=1.5))(0.7)
    check_vjp(lambda a: stats.gamma(a, scale=1.5).logcdf(0.7), call(2.0))
    check_vjp(lambda m: stats.multivariate_normal(m, onp.eye(2) + 0.5).logpdf([0.3, 0.2]), call(onp.ones(2)))
    with pytest.raises(TypeError):
        stats.gamma(1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("what", "f"),
    {
        "mean": lambda a, s: stats.gamma(a, scale=s).mean(),
        "var": lambda a, s: stats.beta.var(a, s),
        "std": lambda a, s: stats.lognorm.std(a, 0.1, s),
        "stats": lambda a, s: np.stack(stats.weibull_min.stats(a, scale=s, moments="mvsk")),
        "entropy": lambda a, s: stats.t.entropy(a, scale=s),
        "median": lambda a, s: stats.chi2.median(a, scale=s),
        "interval": lambda a, s: np.stack(stats.norm.interval(0.9, a, s)),
        "moment": lambda a, s: stats.gamma.moment(3, a, scale=s),
        "poisson": lambda a, s: np.stack(stats.poisson.stats(a * s, moments="mvsk")),
        "a new one": lambda a, s: stats.Normal(mu=a, sigma=s).logcdf(0.3),
        "one made of an old one": lambda a, s: stats.make_distribution(stats.gamma)(a=a).logpdf(s),
        "truncated": lambda a, s: stats.truncate(stats.Normal(mu=a, sigma=s), lb=0.0).logpdf(0.7),
    }.items(),
)
def test_moments_and_the_like_of_traced_parameters(what, f):
    if VERSION < (1, 15) and {"Normal", "make_distribution"} & set(f.__code__.co_names):
        pytest.skip("SciPy has it from 1.15 on")
    check_vjp(f, call(1.7, 0.9), 0)
    check_vjp(f, call(1.7, 0.9), 1)


def test_distributions_are_pickled_by_name_and_look_as_scipys():
    assert pickle.loads(pickle.dumps(stats.norm)) is stats.norm
    frozen = pickle.loads(pickle.dumps(stats.gamma(2.0)))
    assert frozen.pdf(0.3) == scipy.stats.gamma(2.0).pdf(0.3)
    assert isinstance(stats.norm, scipy.stats.rv_continuous)
    assert stats.norm.__doc__ == scipy.stats.norm.__doc__
    assert stats.gamma.shapes == "a"
    assert stats.FitError is scipy.stats.FitError


def test_a_distribution_of_the_users_own_is_differentiated_through_its_density():
    class Tent(stats.rv_continuous):
        def _pdf(self, x, c):
            return np.exp(-np.abs(x) / c) / (2 * c)

        def _cdf(self, x, c):
            return np.where(x < 0, np.exp(np.minimum(x, 0) / c) / 2, 1 - np.exp(-np.maximum(x, 0) / c) / 2)

    tent = Tent(name="tent")
    assert tent.pdf(0.3, 1.2) == pytest.approx(scipy.stats.laplace.pdf(0.3, scale=1.2))
    check_vjp(lambda c: tent.logpdf(onp.array([0.3, -0.4]), c), call(1.2))
    check_vjp(lambda c: tent.ppf(onp.array([0.3, 0.6]), c), call(1.2))  # by Newton steps on the cdf


@pytest.mark.parametrize(
    "seed", [lambda: 3, lambda: onp.random.default_rng(3), lambda: onp.random.RandomState(3)]
)
def test_draws_are_scipys_and_differentiable_at_fixed_random_numbers(seed):
    def normal(sp, m, s):
        return sp.norm(m, s).rvs(5, random_state=seed())

    def weibull(sp, c, s):
        return sp.weibull_min.rvs(c, scale=s, size=5, random_state=seed())

    for f in (normal, weibull):
        y, _ = funad.vjp(lambda a, s, f=f: f(stats, a, s), 1.7, 0.9)
        onp.testing.assert_array_equal(y, f(scipy.stats, 1.7, 0.9))
        for argnum in (0, 1):
            check_vjp(lambda a, s, f=f: f(stats, a, s), call(1.7, 0.9), argnum)


@pytest.mark.parametrize(
    ("name", "fixed"),
    [("norm", {}), ("gamma", {"floc": 0}), ("lognorm", {"floc": 0}), ("gumbel_r", {}), ("laplace", {})],
)
def test_fits_have_the_derivatives_of_the_equations_that_they_solve(name, fixed):
    x = onp.random.default_rng(0).gamma(3.0, 1.0, 11)
    fit = lambda dist, x: np.stack([np.asarray(p) * 1.0 for p in dist.fit(x, **fixed)])
    v, h = onp.cos(onp.arange(11.0)), 1e-2
    _, got = funad.jvp(lambda x: fit(getattr(stats, name), x), (x,), (v,))
    plain = lambda x: fit(getattr(scipy.stats, name), x)
    wanted = (
        (8 * (plain(x + h * v) - plain(x - h * v)) - plain(x + 2 * h * v) + plain(x - 2 * h * v)) / 12 / h
    )
    onp.testing.assert_allclose(got, wanted, rtol=1e-2, atol=1e-3)  # SciPy's searches end at 1e-4


def test_a_fit_that_has_not_found_its_solution_is_refused():
    x = onp.random.default_rng(0).gamma(3.0, 1.0, 15)
    with pytest.raises(FunadError, match="no solution at what its solver has found"):
        funad.grad(lambda x: stats.t.fit(x)[0])(x)


def test_draws_without_such_a_form_are_refused():
    with pytest.raises(MissingRuleError, match="standard_gamma was given a traced value"):
        funad.grad(lambda a: stats.gamma.rvs(a, random_state=1))(2.0)


# --- functions of samples, vectors


@pytest.mark.parametrize("name", ["boxcox", "yeojohnson"])
def test_the_lambda_of_the_largest_likelihood_has_derivatives(name):
    x = onp.random.default_rng(0).gamma(3.0, 1.0, 9)
    theirs = getattr(scipy.stats, f"{name}_llf")

    def largest(x):
        """The λ where the slope of the likelihood, by differences, is zero: better than SciPy's 1e-8."""

        def slope(t, h=1e-3):
            return (
                8 * (theirs(t + h, x) - theirs(t - h, x)) - theirs(t + 2 * h, x) + theirs(t - 2 * h, x)
            ) / h

        start = getattr(scipy.stats, name)(x)[1]
        return scipy.optimize.brentq(slope, start - 0.1, start + 0.1, xtol=1e-14)

    units = 1e-3 * onp.eye(9)
    wanted = [(largest(x + e) - largest(x - e)) / 2e-3 for e in units]
    onp.testing.assert_allclose(
        funad.grad(lambda x: getattr(stats, name)(x)[1])(x), wanted, rtol=1e-4, atol=1e-5
    )
    y, _ = funad.vjp(lambda x: getattr(stats, name)(x), x)
    onp.testing.assert_array_equal(y[0], getattr(scipy.stats, name)(x)[0])


@pytest.mark.skipif(VERSION < (1, 16), reason="SciPy has no seed for it")
def test_the_normal_distribution_function_of_three_dimensions_has_the_slopes_of_its_integral():
    cov = onp.array([[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 1.5]])
    b = onp.array([0.3, -0.2, 0.8])

    def f(b, cov):
        seed = {"rng": onp.random.default_rng(1)}
        return stats.multivariate_normal.cdf(b, cov=(cov + cov.T) / 2, **seed)

    # SciPy's value is that of random points, the same ones here and there: right to 1e-5.
    for argnum, x in enumerate((b, cov)):
        got = funad.grad(f, argnum)(b, cov)
        h = 1e-2
        args = [b, cov]
        wanted = onp.zeros(x.shape)
        for index in onp.ndindex(*x.shape):
            e = onp.zeros(x.shape)
            e[index] = h
            sides = [f(*args[:argnum], x + side * e, *args[argnum + 1 :]) for side in (1, -1)]
            wanted[index] = (sides[0] - sides[1]) / (2 * h)
        onp.testing.assert_allclose(got, wanted, atol=2e-4)
    with pytest.raises(NotDifferentiableError, match="lower_limit"):
        funad.grad(lambda b: stats.multivariate_normal.cdf(b, cov=cov, lower_limit=-onp.ones(3)))(b)
    singular = onp.ones((3, 3))
    with pytest.raises(NotDifferentiableError, match="singular"):
        funad.grad(lambda c: stats.multivariate_normal.logpdf(b, cov=c, allow_singular=True))(singular)


def test_every_public_name_is_probed_or_refused_with_a_reason_or_is_no_function():
    probed = {probe.name.split(".")[2] for probe in PROBES if probe.name.startswith("scipy.stats.")}
    refused = {name.split(".")[2] for name in REFUSED if name.startswith("scipy.stats.")}
    assert not probed & refused
    left = set(public_names(scipy.stats)) - probed - refused
    distributions = {name for name in left if hasattr(getattr(stats, name), "_theirs")}  # see test_hosting
    functions = {name for name in left - distributions if not isinstance(getattr(stats, name), type)}
    assert functions <= {
        "abs",
        "exp",
        "find_repeats",  # of SciPy 1.14, as rvs_ratio_uniforms: counts, and draws by a search
        "log",
        "make_distribution",
        "order_statistic",
        "rvs_ratio_uniforms",
        "truncate",
    }  # of new ones


@pytest.mark.parametrize("name", [name for name in REFUSED if name.startswith("scipy.stats.")])
def test_what_is_refused_is_refused_by_name(name):
    f = getattr(stats, name.rpartition(".")[2])
    x = onp.array([1.0, 2.5, 0.7, 3.1, 2.2])
    with pytest.raises(FunadError, match=name.replace(".", r"\.")):
        funad.grad(lambda x: f(x))(x)


# --- plain SciPy


def test_served_plain_calls_take_traced_values_and_then_all_is_as_before():
    x = onp.array([0.3, 1.7, 0.9])
    names = (scipy.stats, scipy.special, scipy.stats.norm, type(scipy.stats.norm), scipy.stats.gaussian_kde)
    before = [dict(vars(owner)) for owner in names]
    with funad.scipy.serve():
        onp.testing.assert_allclose(funad.grad(lambda x: np.sum(plain_norm.logpdf(x)))(x), -x)
        assert onp.all(funad.grad(plain_skew)(x) == funad.grad(stats.skew)(x))
        assert onp.all(funad.grad(lambda x: scipy.stats.skew(x))(x) == funad.grad(stats.skew)(x))
        assert funad.grad(lambda x: scipy.special.logsumexp(onp.zeros(2) + x))(0.5) == pytest.approx(1.0)
        assert funad.grad(lambda m: plain_norm(m, 1.0).logpdf(0.5))(0.2) == pytest.approx(0.3)
        assert funad.grad(lambda x: plain_norm(0.2, 1.0).logpdf(x))(0.5) == pytest.approx(-0.3)
        assert onp.any(funad.grad(lambda x: scipy.stats.gaussian_kde(x)(1.0)[0])(x))
        assert onp.any(funad.grad(lambda x: np.sum(scipy.fft.dct(x) ** 2))(x))
        assert onp.any(funad.grad(lambda x: scipy.linalg.det(np.outer(x, x) + onp.eye(3)))(x))
        assert plain_norm(0.2).cdf(0.3) == scipy.stats.norm.cdf(0.3, 0.2)
        assert funad.grad(lambda a: scipy.optimize.brentq(lambda t: t**3 - a, 0.0, 9.0))(
            8.0
        ) == pytest.approx(1 / 12)
        assert scipy.stats.gaussian_kde(x)(1.0) == stats.gaussian_kde(x)(1.0)
    after = [dict(vars(owner)) for owner in names]
    assert all(
        a.keys() == b.keys() and all(a[k] is b[k] for k in a) for a, b in zip(before, after, strict=True)
    )
    assert plain_skew is scipy.stats.skew
    assert scipy.stats.gaussian_kde(x)(1.0) == stats.gaussian_kde(x)(1.0)
    with pytest.raises(FunadError, match=r"write funad\.scipy\.stats\.skew"):
        funad.grad(lambda x: plain_skew(x))(x)


def test_serving_ends_with_the_last_who_is_served():
    inside, leave = threading.Event(), threading.Event()

    def other():
        with funad.scipy.serve():
            inside.set()
            leave.wait(10.0)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(60.0)
    with pytest.raises(ZeroDivisionError), funad.scipy.serve():
        raise ZeroDivisionError
    assert funad.grad(lambda x: plain_norm.logpdf(x))(1.0) == -1.0
    leave.set()
    thread.join()
    with pytest.raises(FunadError):
        funad.grad(lambda x: plain_norm.logpdf(x))(1.0)


@pytest.mark.filterwarnings("ignore:The shape parameter of the erlang")  # beside a whole number
@pytest.mark.parametrize(("method", "x"), [("logpdf", 8.0), ("sf", 8.0), ("ppf", 0.4)])
def test_erlang_at_a_whole_shape(method, x):
    check_vjp(lambda at: getattr(stats.erlang, method)(*at, 0.0, 1.3), call(onp.array([x, 10.0])))


# --- stacks of examples


def log_density(name):
    """Return log p of a point and its float parameters, their values, and 4 points inside of the support."""
    dist, shapes = getattr(stats, name), parameters(name)
    if name in ELEMENTWISE["_discrete_distns"]:
        *counts, p = shapes
        return (lambda q, k: dist.logpmf(k, *counts, *q)), onp.array([p]), onp.ones(4)
    theta = onp.array([*shapes, 0.1, 1.2])
    return (lambda q, x: dist.logpdf(x, *q)), theta, dist.ppf([0.2, 0.4, 0.45, 0.7], *theta)


@pytest.mark.parametrize("name", [name for names in ELEMENTWISE.values() for name in names])
def test_distributions_take_all_examples_at_once(name):
    f, theta, points = log_density(name)
    stack = theta * onp.linspace(0.99, 1.01, 4)[:, None]
    for q, x, axes in ((stack, points, (0, 0)), (theta, points, (None, 0)), (stack, points[1], (0, None))):
        for g in (f, funad.grad(f), funad.hessian(f)):
            loop = [g(q[n] if axes[0] == 0 else q, x[n] if axes[1] == 0 else x) for n in range(4)]
            onp.testing.assert_allclose(funad.vmap(g, axes)(q, x), loop, rtol=1e-11, atol=1e-13)
            # Of which SciPy chooses the formula by the value of the point.
            apart = name == "cauchy" and VERSION >= (1, 16)
            if name != "cauchy" or VERSION != (1, 15):  # which does so for some
                assert ("once for all" in str(funad.vmap.explain(g, axes)(q, x))) is not apart
    outer = funad.grad(lambda q: np.sum(funad.vmap(f, (None, 0))(q, points)))(theta)
    onp.testing.assert_allclose(outer, sum(funad.grad(f)(theta, x) for x in points), rtol=1e-11, atol=1e-13)


@pytest.mark.filterwarnings("ignore:invalid value")  # SciPy's own, at infinite counts
@pytest.mark.parametrize("other", [-1.0, 0.0, INF, NAN])
@pytest.mark.parametrize("name", ["gamma", "beta", "lognorm", "uniform", "poisson"])
def test_one_example_outside_of_the_support_does_not_change_the_others(name, other):
    x = onp.array([0.5, other, 2.0])
    dist = getattr(stats, name)
    method = dist.pmf if name == "poisson" else dist.cdf
    f = lambda a, x: method(x, a) if dist.numargs < 2 else method(x, a, 2.5)
    for g in (f, funad.grad(f)):
        loop = [g(1.5, z) for z in x]
        onp.testing.assert_allclose(funad.vmap(g, (None, 0))(1.5, x), loop, rtol=1e-12)


def test_one_example_with_an_invalid_parameter_does_not_change_the_others():
    scales = onp.array([1.0, -1.0, 2.0])
    for f in (lambda s: stats.norm.logpdf(0.3, 0.0, s), funad.grad(lambda s: stats.norm.logpdf(0.3, 0.0, s))):
        onp.testing.assert_allclose(funad.vmap(f)(scales), [f(s) for s in scales])


def test_one_example_with_infinitely_many_degrees_of_freedom_does_not_change_the_others():
    f = lambda x, df: stats.t.logpdf(x, df)
    df = onp.array([3.0, onp.inf, 5.0])
    onp.testing.assert_allclose(funad.vmap(f, (None, 0))(0.7, df), [f(0.7, d) for d in df], rtol=1e-12)


LOWER = onp.array([[1.0, 0.0], [0.3, 0.8]])


@pytest.mark.parametrize("make", [
    lambda m, d: m.Covariance.from_diagonal(d),
    lambda m, d: m.Covariance.from_cholesky(LOWER * d),
    lambda m, d: m.Covariance.from_precision(LOWER @ LOWER.T * d[0]),
    lambda m, d: m.Covariance.from_eigendecomposition((d, onp.eye(2))),
])  # fmt: skip
def test_normal_vectors_of_a_covariance_object(make):
    """Traced or plain, of SciPy's own or of funad's, as an argument or frozen."""
    d, x, mean = onp.array([0.9, 0.7]), onp.array([0.3, 0.4]), onp.zeros(2)
    ways = [
        lambda m, of, d, x: m.multivariate_normal(mean, make(of, d)).logpdf(x),
        lambda m, of, d, x: m.multivariate_normal.logpdf(x, mean, cov=make(of, d)),
        lambda m, of, d, x: m.multivariate_normal(cov=make(of, d)).entropy() + 0.0 * x[0],
    ]
    theirs = scipy.stats
    for f in ways:
        plain = f(theirs, theirs, d, x)
        assert f(stats, theirs, d, x) == f(stats, stats, d, x) == pytest.approx(plain, rel=1e-14)
        of_d = [(f(theirs, theirs, d + h, x) - f(theirs, theirs, d - h, x)) / 2e-6 for h in 1e-6 * onp.eye(2)]
        of_x = [(f(theirs, theirs, d, x + h) - f(theirs, theirs, d, x - h)) / 2e-6 for h in 1e-6 * onp.eye(2)]
        onp.testing.assert_allclose(grad(lambda d, f=f: f(stats, stats, d, x))(d), of_d, atol=1e-8)
        for of in (stats, theirs):
            onp.testing.assert_allclose(grad(lambda x, f=f, of=of: f(stats, of, d, x))(x), of_x, atol=1e-8)

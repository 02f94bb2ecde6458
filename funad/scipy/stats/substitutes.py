"""What stands in the place of functions of hosted ``scipy.stats`` that ask for plain numbers.

Compiled code, and solvers: each gives SciPy's value, from SciPy's own function, and its derivatives.
"""

import functools
import math

import numpy as onp
from scipy import stats

from ... import numpy as np
from ...arrays import fillable
from ...boxes import innermost, unbox
from ...errors import NotDifferentiableError
from ...transforms import grad
from .. import linalg, special
from ..hosting import substitute, untraced
from ..rules.stats import i0e_of_positive, normal_cdf, von_mises_cdf
from .univariate import change, shorten, shorten_formulas

__all__ = []


def plain(x):
    """Return the plain value of what may be traced, as outside of any trace."""
    return onp.asarray(unbox(x))[()]


def with_value(y, x):
    """Return x, traced, with the value y: the same number, rounded on another way."""
    from_here = plain(x)
    with onp.errstate(invalid="ignore"):
        return y + np.where(onp.isfinite(from_here), x - from_here, 0.0)


def like(f, formula):
    """Return f, compiled code, with the derivatives of a formula for the same."""

    def wrapped(*args):
        if innermost(args) is None:
            return f(*args)
        with untraced():
            y = f(*map(plain, args))
        return with_value(y, formula(*args))

    return wrapped


# --- quantiles without a closed form: F(x, θ) = q


def _quantiles(self, q, *args):
    """Return SciPy's quantiles; their derivatives by two Newton steps on F(x, θ) - q, which do not move x.

    k steps give 2ᵏ - 1 orders: the first three.
    """
    with untraced():
        x = self._ppfvec(plain(q), *map(plain, args))
    if innermost((q, *args)) is None:
        return x
    start = x
    residual = plain(self._cdf(start, *args)) - plain(q)  # what the solver has left
    for _ in range(2):
        slope = self._pdf(x, *args)
        x = x - (self._cdf(x, *args) - q - residual) / slope
    return with_value(start, x)


# --- kernel density estimates


def _squares(points, at, root):
    """Return the squared distances of points from each place, where root rootᵀ is the kernel's covariance."""
    points, at = (linalg.solve_triangular(root, x.T, lower=True).T for x in (points, at))
    return np.sum((points[:, None] - at) ** 2, axis=-1)


def _log_height(root):
    """Return the logarithm of a kernel's largest value."""
    return -np.sum(np.log(np.diag(root))) - len(root) * math.log(2 * math.pi) / 2


def _estimate(points, weights, at, root):
    return np.matmul(np.exp(-_squares(points, at, root).T / 2 + _log_height(root)), weights)


def _log_estimate(points, weights, at, root):
    terms = np.log(weights)[:, 0, None] - _squares(points, at, root) / 2 + _log_height(root)
    return np.logaddexp.reduce(terms, axis=0)[:, None]


class _Kernels:
    """A compiled function with one form per type: ``f[spec]``."""

    def __init__(self, f, formula):
        self.f, self.formula = f, formula

    def __getitem__(self, spec):
        f = self.f[spec]

        def estimate(points, weights, at, root, dtype):
            on_plain = functools.partial(_fourth_of, f, dtype)
            return like(on_plain, self.formula)(points, weights, at, root)

        return estimate


def _fourth_of(f, dtype, *args):
    return f(*(onp.ascontiguousarray(x, dtype) for x in args), dtype)


# --- distributions with formulas for isolated values


def _not_nearly_normal(f):
    """Refuse skews that SciPy takes for 0: there is no derivative then."""

    def process(self, x, skew):
        if innermost((skew,)) is not None and onp.any(onp.abs(plain(skew)) < 1.6e-5):
            raise NotDifferentiableError(
                "scipy.stats.pearson3 is the normal distribution where |skew| < 1.6e-5, and the derivative "
                "in skew is lost there; move the value by a little, or give it stop_gradient(skew) where the "
                "derivative is not wanted"
            )
        return f(self, x, skew)

    return process


def _skewed(f):
    """log 2 φ(x) Φ(ax), of which SciPy has another form at a = 0."""

    def _logpdf(self, x, a):
        with untraced():
            y = f(self, plain(x), plain(a))
        return with_value(y, math.log(2) - x**2 / 2 - math.log(2 * math.pi) / 2 + special.log_ndtr(a * x))

    return _logpdf


def _exponential_of(name):
    """Return the density as the exponential of its logarithm, with SciPy's value."""

    def how(f):
        def _pdf(self, x, a):
            with untraced():
                y = f(self, plain(x), plain(a))
            return with_value(y, np.exp(getattr(self, name)(x, a)))

        return _pdf

    return how


# --- functions of samples


def _expectile(f):
    """The expectile t is the mean of a with weights α above t and 1 - α below."""

    def expectile(a, alpha=0.5, *, weights=None):
        with untraced():
            t = f(plain(a), plain(alpha), weights=None if weights is None else plain(weights))
        below = np.less_equal(plain(a), t)
        asymmetric = np.where(below, 1 - alpha, alpha)
        mean = np.average(a, weights=asymmetric if weights is None else asymmetric * weights)
        return with_value(t, mean)

    return expectile


def _most_likely(f, log_likelihood, method=None):
    """The λ of the largest likelihood, with derivatives by two Newton steps on its slope."""

    def normmax(x, *args, **kwargs):
        if innermost((x,)) is None:
            return f(x, *args, **kwargs)
        if method is not None and kwargs.get("method", args[1] if len(args) > 1 else method) != "mle":
            raise NotDifferentiableError(
                f"scipy.stats.{f.__name__} has derivatives with method='mle' only; give it that, or "
                f"stop_gradient(x) where the derivative is not wanted"
            )
        with untraced():
            start = f(plain(x), *args, **kwargs)

        def of(t):
            return log_likelihood(t, x)

        t, residual = start, plain(grad(of)(start))  # what the search has left
        for _ in range(2):
            t = t - (grad(of)(t) - residual) / grad(grad(of))(t)
        return with_value(start, t)

    return functools.update_wrapper(normmax, f)


def _fillable_distribution(f):
    """Return arrays whose methods take traced values, for plain values and weights too."""

    def validated(values, weights):
        return tuple(None if x is None else fillable(onp.array(x) if type(x) is onp.ndarray else x)
                     for x in f(values, weights))  # fmt: skip

    return validated


# --- multivariate distributions


def _psd(kind):
    """Return the class of positive definite matrices: U with UUᵀ = M⁻¹ is as smooth as M is.

    U = L⁻ᵀQ, where LLᵀ = M, with the constant orthogonal Q that gives SciPy's U.
    """

    class _PSD(kind):
        def __init__(self, M, *args, **kwargs):
            if innermost((M,)) is None:
                kind.__init__(self, M, *args, **kwargs)
                return
            with untraced():
                theirs = kind(plain(M), *args, **kwargs)
            if theirs.rank < len(theirs._M):
                raise NotDifferentiableError(
                    "scipy.stats met a traced covariance that is singular, on whose support there is no "
                    "derivative; give stop_gradient(cov), or add a small multiple of the identity"
                )
            self.__dict__.update(vars(theirs), _M=np.asarray(M), _pinv=None)
            root = np.linalg.cholesky(M)
            turn = onp.linalg.cholesky(plain(M)).T @ theirs.U
            self.U = with_value(theirs.U, linalg.solve_triangular(root, turn, trans=1, lower=True))
            self.log_pdet = with_value(theirs.log_pdet, 2 * np.sum(np.log(np.diag(root))))

    return _PSD


def _probabilities(f):
    """The last probability is what the others leave: SciPy computes it where the rounding is seen."""

    def process(self, n, p):
        if innermost((p,)) is None:
            return f(self, n, p)
        with untraced():
            n, adjusted, bad = f(self, n, plain(p))
        rest = 1.0 - np.sum(p[..., :-1], axis=-1, keepdims=True)
        return n, with_value(adjusted, np.concatenate((p[..., :-1], rest), axis=-1)), bad

    return process


def _concentration(f):
    def process(self, mu, kappa):
        with untraced():
            dim, _, _ = f(self, plain(mu), float(plain(kappa)) if np.ndim(kappa) == 0 else kappa)
        return dim, np.asarray(mu), kappa

    return process


def _integrated(f):
    """P(low ≤ x ≤ high) of a multivariate normal x, which SciPy integrates with random points."""

    def automatic(integrate, covar, low, high, rng, **options):
        if innermost((covar, low, high)) is None:
            return f(integrate, covar, low, high, rng, **options)
        if not onp.all(onp.isneginf(plain(low))):
            raise NotDifferentiableError(
                "scipy.stats.multivariate_normal.cdf has no derivative where lower_limit is given; write it "
                "as the sum of those without, over the corners"
            )
        with untraced():
            y, error = f(integrate, plain(covar), plain(low), plain(high), rng, **options)[:2]
        if len(covar) == 1:
            return with_value(y, special.ndtr(high / np.sqrt(covar[..., 0]))[0]), error
        return with_value(y, normal_cdf(high, covar)), error

    return automatic


def _of_ours(f):
    """Take a distribution of funad for its hosted counterpart."""

    @functools.wraps(f)
    def make_distribution(dist):
        ours = getattr(dist, "_hosted", None)
        return f(dist if ours is None else ours())

    return make_distribution


def _with_triangles(f):
    """Find BLAS's solution of triangular systems for traced values too."""

    def get_blas_funcs(names, arrays=()):
        if names != "trsm":
            return f(names, arrays)

        def trsm(alpha, a, b, side=0, lower=0):
            if innermost((a, b)) is None or side:
                return f(names, arrays)(alpha, a, b, side=side, lower=lower)
            return alpha * linalg.solve_triangular(a, b, lower=bool(lower), check_finite=False)

        return trsm

    return get_blas_funcs


# --- what is changed


@substitute("scipy.special")
def _of_special(module):
    module.i0e = i0e_of_positive


@substitute("scipy.stats._stats")
def _of_compiled(module):
    module.von_mises_cdf = von_mises_cdf
    module.gaussian_kernel_estimate = _Kernels(stats._stats.gaussian_kernel_estimate, _estimate)
    module.gaussian_kernel_estimate_log = _Kernels(stats._stats.gaussian_kernel_estimate_log, _log_estimate)


@substitute("scipy.stats._distn_infrastructure")
def _of_infrastructure(module):
    module.rv_continuous._ppf = _quantiles
    shorten(module)


@substitute("scipy.stats._continuous_distns")
def _of_continuous(module):
    change(module.pearson3_gen, "_preprocess", _not_nearly_normal)
    change(module.skewnorm_gen, "_logpdf", _skewed)
    change(module.skewnorm_gen, "_pdf", _exponential_of("_logpdf"))
    shorten_formulas(module)


@substitute("scipy.stats._stats_py")
def _of_samples(module):
    module.expectile = _expectile(stats.expectile)
    module._validate_distribution = _fillable_distribution(module._validate_distribution)


@substitute("scipy.stats._morestats")
def _of_transformations(module):
    module.boxcox_normmax = _most_likely(module.boxcox_normmax, module.boxcox_llf, "pearsonr")
    module.yeojohnson_normmax = _most_likely(module.yeojohnson_normmax, module.yeojohnson_llf)


@substitute("scipy.stats._distribution_infrastructure")
def _of_new_distributions(module):
    module.make_distribution = _of_ours(module.make_distribution)


@substitute("scipy.stats._multivariate")
def _of_vectors(module):
    module._PSD = _psd(module._PSD)
    module.get_blas_funcs = _with_triangles(module.get_blas_funcs)
    module._qauto = _integrated(module._qauto)
    change(module.multinomial_gen, "_process_parameters", _probabilities)
    change(module.vonmises_fisher_gen, "_process_parameters", _concentration)

"""Distributions of vectors and matrices: decompositions whose derivatives are smooth, and integrals."""

import numpy as onp
from scipy import stats

from ... import numpy as np
from ...boxes import innermost
from ...errors import NotDifferentiableError
from .. import linalg, special
from ..hosting import untraced
from ..rules.stats import normal_cdf, normal_log_density
from .values import plain, with_value

__all__ = [
    "concentration", "integrated", "probabilities", "psd", "short_density", "short_log_density",
    "with_covariances", "with_triangles",
]  # fmt: skip


def psd(kind):
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


def probabilities(f):
    """The last probability is what the others leave: SciPy computes it where the rounding is seen."""

    def process(self, n, p):
        if innermost((p,)) is None:
            return f(self, n, p)
        with untraced():
            n, adjusted, bad = f(self, n, plain(p))
        rest = 1.0 - np.sum(p[..., :-1], axis=-1, keepdims=True)
        return n, with_value(adjusted, np.concatenate((p[..., :-1], rest), axis=-1)), bad

    return process


def concentration(f):
    def process(self, mu, kappa):
        with untraced():
            dim, _, _ = f(self, plain(mu), float(plain(kappa)) if np.ndim(kappa) == 0 else kappa)
        return dim, np.asarray(mu), kappa

    return process


def with_covariances(module):
    """Return how ``multivariate_normal`` takes a Covariance of SciPy's own: as one of the hosted class."""
    theirs = module._covariance

    def change(f):
        def process(self, mean, cov, allow_singular=True):
            if isinstance(cov, stats.Covariance):
                made = object.__new__(getattr(theirs, type(cov).__name__))
                vars(made).update(vars(cov))
                cov = made
            return f(self, mean, cov, allow_singular)

        return process

    return change


def short_log_density(f):
    """Return the logarithm of a normal density, in one step where x, mean and cov are of the usual shapes."""

    def logpdf(self, x, mean=None, cov=1, allow_singular=False):
        if allow_singular is False and _are_usual(x, mean, cov):
            return normal_log_density(x if mean is None else x - mean, cov)
        return f(self, x, mean, cov, allow_singular)

    return logpdf


def short_density(f):
    """Return the exponential of that."""

    def pdf(self, x, mean=None, cov=1, allow_singular=False):
        if allow_singular is False and _are_usual(x, mean, cov):
            return np.exp(normal_log_density(x if mean is None else x - mean, cov))
        return f(self, x, mean, cov, allow_singular)

    return pdf


def _are_usual(x, mean, cov):
    """Say whether x are vectors, and mean and cov a vector and a matrix of their length, all doubles."""
    shape = getattr(cov, "shape", ())
    given = (x, cov) if mean is None else (x, cov, mean)
    return (
        all(getattr(a, "dtype", None) == onp.float64 for a in given)
        and len(shape) == 2
        and 1 < shape[0] == shape[1] == (x.shape or (0,))[-1]
        and (mean is None or mean.shape == shape[:1])
    )


def integrated(f):
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


def with_triangles(f):
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

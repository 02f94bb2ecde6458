"""Functions of samples that search for what they return, or are compiled."""

import functools
import math

import numpy as onp

from ... import numpy as np
from ...boxes import innermost
from ...errors import NotDifferentiableError
from ...transforms import grad
from ...writing import fillable
from .. import linalg
from ..hosting import untraced
from .values import like, plain, with_value

__all__ = ["expectile", "fillable_distribution", "kernels", "log_kernels", "most_likely"]


def expectile(f):
    """The expectile t is the mean of a with weights α above t and 1 - α below."""

    def expectile(a, alpha=0.5, *, weights=None):
        with untraced():
            t = f(plain(a), plain(alpha), weights=None if weights is None else plain(weights))
        below = np.less_equal(plain(a), t)
        asymmetric = np.where(below, 1 - alpha, alpha)
        mean = np.average(a, weights=asymmetric if weights is None else asymmetric * weights)
        return with_value(t, mean)

    return expectile


def most_likely(f, log_likelihood, method=None):
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


def fillable_distribution(f):
    """Return arrays whose methods take traced values, for plain values and weights too."""

    def validated(values, weights):
        return tuple(None if x is None else fillable(onp.array(x) if type(x) is onp.ndarray else x)
                     for x in f(values, weights))  # fmt: skip

    return validated


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


def kernels(f):
    """Return SciPy's sum of kernels, given its compiled function, with derivatives."""
    return _Kernels(f, _estimate)


def log_kernels(f):
    """Return the logarithm of the sum of kernels likewise."""
    return _Kernels(f, _log_estimate)

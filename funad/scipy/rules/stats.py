"""Rules of what scipy.stats has compiled, and of formulas that lose digits in their derivatives."""

import math

import numpy as onp
from scipy import special as scipy_special
from scipy import stats

from ... import numpy as np
from ...calling import as_one_call
from ...defining import defvjp, elementwise
from ...primitives import primitive
from ...trace import Unbatched, batch_rule
from ...values import constant, shape_of
from .. import linalg, special
from .special.elementary import log1p_excess

__all__ = [
    "i0e_of_positive", "normal_cdf", "normal_log_density", "normalized_gen_harmonic", "student_log_density",
    "von_mises_cdf",
]  # fmt: skip


# Concentrations are positive: at 0 the derivative is the one from there, not that of the even function.
i0e_of_positive = primitive(lambda x: special.i0e(x), "scipy.stats.i0e_of_positive")
elementwise(i0e_of_positive, lambda y, ybar, x: ybar * (special.i1e(x) - y))


def _student_log_density(x, df):
    """As SciPy computes it."""
    weight = onp.log(onp.asarray(scipy_special.poch(0.5 * df, 0.5))) - 0.5 * (onp.log(df) + onp.log(onp.pi))
    return weight - (df + 1) / 2 * onp.log1p(x * x / df)


def _weight_slope(df):
    """½(ψ(½df + ½) - ψ(½df) - 1/df); for large df, where it is 1/(4df²), by DLMF 5.11.2."""
    large = constant(df) > 100.0
    near, u = np.where(large, 1.0, df), 1.0 / np.where(large, df, 100.0) ** 2
    direct = 0.5 * (special.psi(0.5 * near + 0.5) - special.psi(0.5 * near) - 1.0 / near)
    series = u * (0.25 + u * (-0.125 + u * (0.25 - u * (17 / 16))))
    return np.where(large, series, direct)


def _student_wrt_df(x, df):
    """The slope of the weight, and ½(q/(1 + q) - log(1 + q)) + q/(2df(1 + q)), q = x²/df."""
    q = x * x / df
    return _weight_slope(df) + 0.25 * q * q * log1p_excess(q) + 0.5 * q / (df * (1.0 + q))


student_log_density = primitive(_student_log_density, "scipy.stats.t.logpdf")
elementwise(
    student_log_density,
    lambda y, ybar, x, df: ybar * (-(df + 1.0) * x / (df + x * x)),
    lambda y, ybar, x, df: ybar * _student_wrt_df(x, df),
)


@as_one_call
def _slope_in_kappa(kappa, x):
    """∂F/∂κ of von Mises' distribution: its Fourier series, F = ½ + x/2π + Σ Iⱼ(κ)/I₀(κ) sin(jx)/πj.

    (Iⱼ/I₀)' = (Iⱼ₋₁ + Iⱼ₊₁)/2I₀ - Iⱼ I₁/I₀², from DLMF 10.29.1. Terms fall as exp(-j²/2κ).
    """
    known = onp.abs(onp.asarray(constant(kappa)))
    count = int(12 + 9 * onp.sqrt(onp.max(known, initial=0.0, where=onp.isfinite(known))))
    j = onp.arange(1.0, count + 1)
    kappa, x = np.expand_dims(kappa, -1), np.expand_dims(x, -1)
    scale = special.ive(0.0, kappa)
    ratio = special.ive(j, kappa) / scale
    around = (special.ive(j - 1, kappa) + special.ive(j + 1, kappa)) / (2 * scale)
    slope = around - ratio * special.ive(1.0, kappa) / scale
    return np.sum(slope * np.sin(j * x) / (onp.pi * j), axis=-1)


von_mises_cdf = primitive(lambda kappa, x: stats._stats.von_mises_cdf(kappa, x), "scipy.stats.vonmises.cdf")
elementwise(
    von_mises_cdf,
    lambda y, ybar, kappa, x: ybar * _slope_in_kappa(kappa, x),
    lambda y, ybar, kappa, x: (
        ybar * np.exp(kappa * (np.cos(x) - 1)) / (2 * onp.pi * i0e_of_positive(np.abs(kappa)))
    ),
)


# --- Zipf's distribution on 1 … n


@as_one_call
def _mean_log(j, k, a):
    """Return the mean of log i over i = j … k with the weights i⁻ᵃ."""
    i = onp.arange(1.0, max(onp.max(k, initial=0), 1) + 1)
    j, k = onp.expand_dims(j, -1), onp.expand_dims(k, -1)
    inside = (i >= j) & (i <= k)
    weights = np.exp(np.where(inside, -np.expand_dims(a, -1) * onp.log(i / onp.maximum(j, 1)), -onp.inf))
    return np.sum(weights * onp.log(i), -1) / (np.sum(weights, -1) + ~inside.any(-1))


normalized_gen_harmonic = getattr(special, "_normalized_gen_harmonic", None)  # of SciPy 1.17
if normalized_gen_harmonic is not None:
    elementwise(
        normalized_gen_harmonic,
        lambda y, ybar, j, k, n, a: ybar * y * (_mean_log(onp.ones_like(n), n, a) - _mean_log(j, k, a)),
        argnums=3,
    )


# --- the density of a normal vector of mean 0, of which SciPy reads the lower triangle of the covariance


def _log_density(x, cov):
    return stats.multivariate_normal.logpdf(x, cov=cov)


def _inverse(cov):
    low = np.tril(cov)
    return linalg.inv(low + low.T - np.diag(np.diag(cov)), check_finite=False)


def _density_of_x(y, ybar, x, cov):
    return np.reshape(-ybar, (*x.shape[:-1], 1)) * (x @ _inverse(cov))


def _density_of_cov(y, ybar, x, cov):
    """½ Σ ȳ (Σ⁻¹x xᵀΣ⁻¹ - Σ⁻¹), the part above the diagonal folded onto the one below."""
    inverse = _inverse(cov)
    weights, z = np.reshape(ybar, (-1, 1)), np.reshape(x, (-1, cov.shape[0])) @ inverse
    slope = z.T @ (weights * z) - np.sum(weights) * inverse
    return np.tril(slope) - np.diag(np.diag(slope)) / 2


normal_log_density = primitive(_log_density, "scipy.stats.multivariate_normal.logpdf")
defvjp(normal_log_density, _density_of_x, _density_of_cov)


@batch_rule(normal_log_density)
def _log_density_of_stacks(trace, prim, x, cov):
    """Of one covariance SciPy takes many vectors; of many, by the factors L Lᵀ of each."""
    if not shape_of(x) or len(shape_of(cov)) != 2:
        raise Unbatched("members are numbers")
    if not trace.has(cov):
        return prim.traced(x.stack, cov)
    low = np.tril(cov.stack)
    factor = np.linalg.cholesky(low + np.swapaxes(np.tril(low, -1), -1, -2))
    x = x.stack if trace.has(x) else np.broadcast_to(x, (trace.size, *shape_of(x)))
    rows = np.reshape(x, (trace.size, -1, shape_of(x)[-1]))
    z = np.linalg.solve(factor, np.swapaxes(rows, -1, -2))
    size = np.sum(np.log(np.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)
    y = -0.5 * (np.sum(z * z, axis=-2) + shape_of(x)[-1] * math.log(2 * math.pi)) - size[:, None]
    return np.reshape(y, shape_of(x)[:-1])


# --- the multivariate normal distribution function Φ(b; Σ) = P(x ≤ b), x of mean 0


def _value(b, cov):
    dist = stats.multivariate_normal(cov=(cov + cov.T) / 2, seed=onp.random.default_rng(0))
    return dist.cdf(b)


def _below(b, cov, known):
    """Return P(the other xₖ ≤ bₖ) where the xᵢ of ``known`` are bᵢ: normal, by the Schur complement."""
    rest = [k for k in range(len(b)) if k not in known]
    if not rest:
        return 1.0
    across = cov[np.ix_(rest, known)]
    weights = np.linalg.solve(cov[np.ix_(known, known)], across.T).T
    left = cov[np.ix_(rest, rest)] - weights @ across.T
    at = b[onp.array(rest)] - weights @ b[onp.array(known)]
    if len(rest) == 1:
        return special.ndtr(at[0] / np.sqrt(left[0, 0]))
    return normal_cdf(at, (left + left.T) / 2)


def _slopes(b, cov):
    """∂Φ/∂bᵢ = φ(bᵢ) P(the others ≤ b | xᵢ = bᵢ)."""
    return [
        np.exp(-(b[i] ** 2) / (2 * cov[i, i])) / np.sqrt(2 * onp.pi * cov[i, i]) * _below(b, cov, [i])
        for i in range(len(b))
    ]


def _of_b(y, ybar, b, cov):
    return ybar * np.stack(_slopes(b, cov))


def _of_cov(y, ybar, b, cov):
    """∂Φ/∂σᵢⱼ = φ(bᵢ, bⱼ) P(the others ≤ b | xᵢ = bᵢ, xⱼ = bⱼ) (Plackett 1954).

    That in σᵢᵢ follows from Φ(tb; tΣt) = Φ(b; Σ) for a diagonal t:
    bᵢ ∂Φ/∂bᵢ + Σⱼ σᵢⱼ ∂Φ/∂σᵢⱼ + 2 σᵢᵢ ∂Φ/∂σᵢᵢ = 0, j ≠ i.
    """
    n, slopes = len(b), _slopes(b, cov)
    pairs = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i):
            part = cov[np.ix_([i, j], [i, j])]
            at = b[onp.array([i, j])]
            height = np.exp(-np.dot(at, np.linalg.solve(part, at)) / 2)
            height = height / (2 * onp.pi * np.sqrt(np.linalg.det(part)))
            pairs[i][j] = pairs[j][i] = height * _below(b, cov, [i, j])
    for i in range(n):
        others = sum(cov[i, j] * pairs[i][j] for j in range(n) if j != i)
        pairs[i][i] = -(b[i] * slopes[i] + others) / cov[i, i]
    return ybar * np.stack([np.stack(row) for row in pairs]) / 2


normal_cdf = primitive(_value, "scipy.stats.multivariate_normal.cdf")
defvjp(normal_cdf, _of_b, _of_cov)

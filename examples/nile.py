"""The Nile's flow, 1871 to 1970: a Kalman filter's likelihood, and its smoother as a gradient in the data."""

import numpy as onp
from options import common, report, start
from picture import save, subplots
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

import funad.numpy as np
from funad import grad, hessian, value_and_grad

# 10⁸ m³ a year at Aswan (Cobb 1978; Durbin and Koopman, Time Series Analysis by State Space Methods, 2001).
FLOW = onp.array([
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958,
    1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020,
    1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796,
    1040, 759, 781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874,
    848, 890, 744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718,
    714, 740,
], float)  # fmt: skip
YEARS, PUBLISHED = onp.arange(1871, 1971), (15099.0, 1469.1)  # Durbin and Koopman, section 2.10.3


def log_likelihood(logs, flow):
    """Return log p(flow after the first year): a level that wanders, seen through noise.

    ``logs`` are the logarithms of the variances of the noise and of a year's step of the level.
    """
    noise, step = np.exp(logs[0]), np.exp(logs[1])
    level, variance, total = flow[0], noise, 0.0  # the first year says where the level is, and no more
    for y in flow[1:]:
        variance = variance + step
        spread, surprise = variance + noise, y - level
        total = total - 0.5 * (np.log(2 * np.pi * spread) + surprise**2 / spread)
        level, variance = level + variance / spread * surprise, variance * noise / spread
    return total


def fit(flow):
    """Return the logarithms of the variances of the greatest likelihood, and their standard errors."""
    cost = value_and_grad(lambda logs: -log_likelihood(logs, flow))
    best = minimize(cost, onp.log([1e4, 1e3]), jac=True, method="BFGS", options={"gtol": 1e-6}).x
    return best, onp.sqrt(onp.diag(onp.linalg.inv(-hessian(log_likelihood)(best, flow))))


def smooth(logs, flow):
    """Return the level of each year, knowing all years, and its standard deviation.

    The noise to be expected is -σ²·∂log p/∂flow, its variance σ² + σ⁴·∂²log p/∂flow² (σ² the noise's own).
    """
    noise = onp.exp(logs[0])
    level = flow + noise * grad(log_likelihood, 1)(logs, flow)
    return level, onp.sqrt(noise + noise**2 * onp.diag(hessian(log_likelihood, 1)(logs, flow)))


def closed_form(logs, flow):
    """Return log p and the smoothed level from matrices of all years at once, in plain NumPy and SciPy."""
    noise, step = onp.exp(logs)
    n = len(flow)
    walk = step * onp.minimum.outer(onp.arange(n), onp.arange(n))  # of the level since the first year
    A = onp.eye(n)[1:] - onp.eye(n)[0]  # differences from the first year, whose level is free
    covariance = A @ (walk + noise * onp.eye(n)) @ A.T
    level = flow - noise * A.T @ onp.linalg.solve(covariance, A @ flow)
    return multivariate_normal(onp.zeros(n - 1), covariance).logpdf(A @ flow), level


def draw(level, sd, best, errors, path):
    """Draw the flow with its level, and the likelihood over the two variances."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5.5), width_ratios=(1.5, 1))
    left.plot(YEARS, FLOW, ".-", color="0.6", linewidth=0.8, label="flow of a year")
    left.plot(YEARS, level, label="level, knowing all years")
    left.fill_between(YEARS, level - 2 * sd, level + 2 * sd, alpha=0.25, label="± 2 standard deviations")
    left.axvline(1899, color="C3", linestyle=":", label="the dam at Aswan is begun")
    left.set(xlabel="year", ylabel="flow (10⁸ m³ a year)", title="The Nile at Aswan")
    left.legend()
    sides = [b + onp.linspace(-3, 3, 41) * e for b, e in zip(best, errors, strict=True)]
    drop = onp.array([[log_likelihood((a, b), FLOW) for a in sides[0]] for b in sides[1]])
    bands = right.contourf(*onp.exp(sides), drop - drop.max(), levels=[-8, -6, -4, -3, -2, -1, -0.5, 0])
    figure.colorbar(bands, ax=right, label="log-likelihood below the greatest")
    right.plot(*onp.exp(best), "r*", markersize=12, label="fit")
    right.set(xlabel="variance of a year's noise", ylabel="variance of a year's step", yscale="log")
    right.locator_params(axis="x", nbins=5)
    right.set_title("What the flows say of the two variances")
    right.legend()
    return save(figure, path)


def main(arguments=None):
    """Fit the variances, hold all against matrices, draw, and return the figures reached."""
    options, (best, errors) = common(__doc__, "nile").parse_args(arguments), fit(FLOW)
    (level, sd), (value, exact) = smooth(best, FLOW), closed_form(best, FLOW)
    apart = onp.abs(onp.exp(best) / PUBLISHED - 1)
    return report(
        draw(level, sd, best, errors, options.out),
        {
            "relative distance from the published variances": (onp.max(apart), "<=", 1e-3),
            "error of log p": (abs(log_likelihood(best, FLOW) - value), "<=", 1e-9),
            "error of the smoothed level (10⁸ m³)": (onp.max(onp.abs(level - exact)), "<=", 1e-8),
        },
    )


if __name__ == "__main__":
    start(main)

"""Gaussian-process regression: how far each of ten measurements matters, by the marginal likelihood."""

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from tqdm.auto import tqdm

import funad.numpy as np
from funad import tree, value_and_grad
from funad.scipy import linalg

NAMES = (
    "age", "sex", "body mass", "blood pressure", "cholesterol", "LDL", "HDL", "cholesterol / HDL",
    "triglycerides", "glucose",
)  # fmt: skip


def kernel(params, a, b):
    """Return the covariances (m, n) of the function's values at a (m, features) and at b (n, features)."""
    a, b = a / np.exp(params["length"]), b / np.exp(params["length"])
    squares = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1) - 2 * a @ b.T
    return np.exp(2 * params["height"] - squares / 2)


def factor(params, x, y):
    """Return L and α of the observed y: L·Lᵀ = K + noise²·I, and α = (L·Lᵀ)⁻¹·y, of one factorization."""
    K = kernel(params, x, x) + np.exp(2 * params["noise"]) * np.eye(len(x))
    L, lower = linalg.cho_factor(K, lower=True)
    return L, linalg.cho_solve((L, lower), y)


def evidence(params, x, y):
    """Return log p(y), all functions averaged over: the marginal likelihood."""
    L, alpha = factor(params, x, y)
    return -y @ alpha / 2 - np.sum(np.log(np.diag(L))) - len(y) / 2 * np.log(2 * np.pi)


def predict(params, x, y, new):
    """Return the mean and the standard deviation of the function at the new places."""
    L, alpha = factor(params, x, y)
    k = kernel(params, new, x)
    return k @ alpha, np.sqrt(
        np.exp(2 * params["height"]) - np.sum(linalg.solve_triangular(L, k.T, lower=True) ** 2, axis=0)
    )


def fit(params, x, y):
    """Return the parameters of the greatest evidence near these, and that evidence."""
    start, unravel = tree.ravel(params)
    cost_and_slope = value_and_grad(lambda vector: -evidence(unravel(vector), x, y))
    bounds = [(-7, 7)] * len(start)  # of logarithms; where a feature does not matter, nothing else ends it
    with tqdm(unit=" steps") as bar:
        found = minimize(cost_and_slope, start, jac=True, bounds=bounds, callback=lambda _: bar.update())
    return unravel(found.x), -found.fun


def draw(params, x, y, path):
    """Draw the curve over the body mass index for an average patient, and the relevance of each feature."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5.5), width_ratios=(1.3, 1))
    new = onp.zeros((200, x.shape[1]))
    new[:, 2] = onp.linspace(x[:, 2].min(), x[:, 2].max(), 200)
    mean, sd = predict(params, x, y, new)
    left.scatter(x[:, 2], y, s=12, color="0.55", label="patients")
    left.plot(new[:, 2], mean, label="mean, all else being average")
    left.fill_between(
        new[:, 2], mean - 2 * sd, mean + 2 * sd, alpha=0.25, label="± 2 standard deviations of the curve"
    )
    left.set(xlabel="body mass index (standardised)", ylabel="progress of the disease (standardised)")
    left.set_title("What the process has learned of the body mass index")
    left.set_ylim(top=3.5)
    left.legend(loc="upper left")
    relevance = onp.exp(-params["length"])
    order = onp.argsort(relevance)
    right.barh([NAMES[k] for k in order], relevance[order])
    right.set(xlabel="1 / length scale", title="How far each measurement matters")
    return save(figure, path)


def main(arguments=None):
    """Fit the process to some patients, predict the others, draw, and return the figures reached."""
    made = common(__doc__, "gaussian_process")
    made.add_argument("--patients", type=whole, default=300, metavar="N", help="of 442, to learn from")
    options = made.parse_args(arguments)
    data = load_diabetes()
    x, y = scale(data.data), scale(data.target)
    if options.patients >= len(x):
        made.error(f"argument --patients: must be below {len(x)}, those there are, to predict the others")
    train, test = onp.split(onp.random.default_rng(options.seed).permutation(len(x)), [options.patients])
    start = {"length": onp.full(x.shape[1], onp.log(3.0)), "height": 0.0, "noise": 0.0}
    params, found = fit(start, x[train], y[train])
    mean, _ = predict(params, x[train], y[train], x[test])
    unexplained = float(onp.mean((y[test] - mean) ** 2) / onp.var(y[test]))
    draw(params, x[train], y[train], options.out)
    return report(
        options.out,
        {
            "log marginal likelihood": (found, ">=", -340),
            "part of the variance explained": (1 - unexplained, ">=", 0.4),
        },
    )


if __name__ == "__main__":
    start(main)

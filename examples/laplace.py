"""A classifier that knows how little it knows: Laplace's approximation, from the Hessian at the best fit."""

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from scipy.optimize import minimize
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

import funad.numpy as np
from funad import hessian, tree, value_and_grad

PRIOR = 2.0  # the standard deviation of each parameter, before there are data


def logits(params, x):
    """Return log p(virginica) - log p(versicolor) for x of shape (flowers, 2)."""
    return x @ params["weights"] + params["bias"]


def cost(params, x, y):
    """Return -log p(y, params) of a logistic regression; y is 1 or -1."""
    vector, _ = tree.ravel(params)
    prior = np.sum((vector / PRIOR) ** 2) / 2 + len(vector) * np.log(PRIOR * np.sqrt(2 * np.pi))
    return prior + np.sum(np.logaddexp(0, -y * logits(params, x)))


def laplace(cost, start):
    """Return the least of a cost -log p, the Hessian there, and log ∫p as if p were Gaussian."""
    best = minimize(value_and_grad(cost), start, jac=True, options={"gtol": 1e-8}).x
    H = hessian(cost)(best)
    _, log_volume = np.linalg.slogdet(H / (2 * np.pi))
    return best, H, -cost(best) - log_volume / 2


def predict(params, spread, x):
    """Return p(virginica), the parameters averaged over by MacKay's formula.

    ``spread`` is the standard deviation of the logits.
    """
    return 1 / (1 + np.exp(-logits(params, x) / np.sqrt(1 + np.pi / 8 * spread**2)))


def spread(H, x):
    """Return the standard deviation of the logits, of shape (flowers,)."""
    slope = onp.column_stack([x, onp.ones(len(x))])
    return onp.sqrt(onp.sum(slope * onp.linalg.solve(H, slope.T).T, axis=1))


def by_brute_force(x, y, new):
    """Return log p(y) and p(virginica) at new places, by sums over a grid of a million parameters."""
    line = onp.linspace(-4.5 * PRIOR, 4.5 * PRIOR, 101)
    grid = onp.stack(onp.meshgrid(line, line, line), axis=-1).reshape(-1, 3).T
    prior = -onp.sum((grid / PRIOR) ** 2, axis=0) / 2 - 3 * onp.log(PRIOR * onp.sqrt(2 * onp.pi))
    z = onp.column_stack([x, onp.ones(len(x))]) * y[:, None]
    log_p = prior - sum(onp.logaddexp(0, -(a @ grid)) for a in z)
    p = onp.exp(log_p - log_p.max())
    total = p.sum()
    average = [p @ (1 / (1 + onp.exp(-(a @ grid[:2] + grid[2])))) / total for a in new]
    return log_p.max() + onp.log(total * (line[1] - line[0]) ** 3), onp.array(average)


def draw(params, H, x, y, path):
    """Draw the probabilities of the best fit alone, and with what is not known of it."""
    figure, axes = subplots(1, 2, figsize=(13, 5.8), sharey=True)
    line = onp.linspace(-4, 4, 160)
    places = onp.stack(onp.meshgrid(line, line), axis=-1).reshape(-1, 2)
    titles = ("Best fit alone", "With the uncertainty of the fit")
    for each, title, wide in zip(axes, titles, (0, spread(H, places)), strict=True):
        p = predict(params, wide, places).reshape(160, 160)
        image = each.contourf(line, line, p, levels=onp.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.8)
        each.contour(line, line, p, levels=[0.05, 0.5, 0.95], colors="black", linestyles=["--", "-", "--"])
        each.scatter(*x[y < 0].T, marker="o", color="white", edgecolor="black", s=50, label="versicolor")
        each.scatter(*x[y > 0].T, marker="s", color="white", edgecolor="black", s=50, label="virginica")
        each.set(xlabel="petal length (standardised)", title=f"{title}: p = 5 %, 50 %, 95 %")
    axes[0].set(ylabel="petal width (standardised)")
    axes[0].legend()
    figure.colorbar(image, ax=axes, label="p(virginica)")
    return save(figure, path)


def main(arguments=None):
    """Approximate the posterior, hold it against brute force, draw, and return the figures reached."""
    made = common(__doc__, "laplace")
    made.add_argument(
        "--flowers", type=whole, default=40, metavar="N", help="flowers to learn from, 1 to 100"
    )
    options = made.parse_args(arguments)
    if options.flowers > 100:
        made.error(f"argument --flowers: must be 100 or less, but is {options.flowers}")
    data = load_iris()
    rng = onp.random.default_rng(options.seed)
    some = 50 + rng.permutation(100)[: options.flowers]
    x = scale(data.data[50:, 2:])[some - 50]
    y = onp.where(data.target[some] == 2, 1.0, -1.0)
    start, unravel = tree.ravel({"weights": onp.zeros(2), "bias": 0.0})
    best, H, evidence = laplace(lambda vector: cost(unravel(vector), x, y), start)
    draw(unravel(best), H, x, y, options.out)
    new = rng.uniform(-4, 4, (50, 2))
    exact_evidence, exact = by_brute_force(x, y, new)
    alone, averaged = (predict(unravel(best), wide * spread(H, new), new) for wide in (0, 1))
    error, error_alone = (abs(p - exact).mean() for p in (averaged, alone))
    print(f"log p(y): {evidence:.3f} by Laplace, {exact_evidence:.3f} by brute force")
    return report(
        options.out,
        {
            "error of log p(y)": (abs(evidence - exact_evidence), "<=", 0.2),
            "mean error of a probability": (error, "<=", 0.03),
            "relative to that of the best fit alone": (error / error_alone, "<=", 0.7),
        },
    )


if __name__ == "__main__":
    start(main)

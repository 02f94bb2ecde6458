"""A mixture of three Gaussians, fitted to 150 irises by climbing the gradient of its likelihood."""

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from scipy.optimize import minimize
from sklearn.datasets import load_iris
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import scale
from tqdm.auto import tqdm

import funad.numpy as np
from funad import tree, value_and_grad


def init(rng, x, components):
    """Return equal weights, round components, and means at random points of x."""
    features = x.shape[1]
    return {
        "logits": onp.zeros(components),
        "mean": x[rng.choice(len(x), components, replace=False)],
        "root": onp.tile(onp.eye(features), (components, 1, 1)),
    }


def log_joint(params, x):
    """Return log p(x, component) of shape (points, components).

    A component has the precision R·Rᵀ, R lower triangular: any real numbers will do for it.
    """
    weights = params["logits"] - np.log(np.sum(np.exp(params["logits"])))
    R = np.tril(params["root"])
    z = (x[None] - params["mean"][:, None]) @ R  # (components, points, features)
    scale = np.sum(np.log(np.abs(np.diagonal(R, axis1=1, axis2=2))), axis=1)
    return weights + scale - np.sum(z**2, axis=2).T / 2 - x.shape[1] / 2 * np.log(2 * np.pi)


def log_likelihood(params, x):
    """Return the mean of log p(x)."""
    joint = log_joint(params, x)
    top = np.max(joint, axis=1, keepdims=True)
    return np.mean(top[:, 0] + np.log(np.sum(np.exp(joint - top), axis=1)))


def climb(params, x):
    """Return the parameters at the top of the likelihood above these, and the likelihoods on the way."""
    start, unravel = tree.ravel(params)
    rows = []
    # Up to 15, no component gets narrower than what the flowers were measured to; a needle around
    # a few equal points has any likelihood.
    found = minimize(
        value_and_grad(lambda vector: -log_likelihood(unravel(vector), x)),
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-15, 15)] * len(start),
        options={"maxiter": 500},
        callback=lambda intermediate_result: rows.append(-intermediate_result.fun),
    )
    return unravel(found.x), [*rows, -found.fun]


def draw(params, data, climbs, path):
    """Draw the components over the petals, and the climbs from all starts."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5.5))
    centre, width = data.data.mean(axis=0), data.data.std(axis=0)
    for species, name in enumerate(data.target_names):
        left.scatter(*data.data[data.target == species, 2:].T, s=16, label=name)
    turn = onp.linspace(0, 2 * onp.pi, 100)
    for mean, root in zip(params["mean"], onp.tril(params["root"]), strict=True):
        covariance = onp.linalg.inv(root @ root.T)[2:, 2:]  # of the petals, the sepals averaged over
        circle = onp.stack([onp.cos(turn), onp.sin(turn)])
        for size in (1, 2):
            ring = mean[2:] + size * (onp.linalg.cholesky(covariance) @ circle).T
            left.plot(*(centre[2:] + width[2:] * ring).T, color="black", linewidth=2 / size)
    left.set(xlabel="petal length (cm)", ylabel="petal width (cm)")
    left.set_title("Three components (1 and 2 standard deviations), species unseen")
    left.legend()
    for rows in sorted(climbs, key=max):
        line = right.plot(range(1, len(rows) + 1), rows, color="0.7")
    line[0].set(color="C0", linewidth=2)
    right.set(xscale="log", ylim=(-5, None))
    right.set(xlabel="steps of L-BFGS", ylabel="mean of log p(x)")
    right.set_title(f"{len(climbs)} random starts, several tops; the best one in blue")
    right.grid(alpha=0.3)
    return save(figure, path)


def main(arguments=None):
    """Climb from some random starts, draw the best top, and return the figures reached."""
    made = common(__doc__, "mixture")
    made.add_argument("--starts", type=whole, default=12, metavar="N", help="random starts to climb from")
    options = made.parse_args(arguments)
    rng, data = onp.random.default_rng(options.seed), load_iris()
    x = scale(data.data)
    climbs = [climb(init(rng, x, 3), x) for _ in tqdm(range(options.starts), unit=" starts")]
    params, rows = max(climbs, key=lambda climb: climb[1][-1])
    draw(params, data, [rows for _, rows in climbs], options.out)
    agreement = adjusted_rand_score(data.target, onp.argmax(log_joint(params, x), axis=1))
    return report(
        options.out,
        {
            "mean of log p(x)": (rows[-1], ">=", -1.937),
            "agreement with the species (adjusted Rand index)": (agreement, ">=", 0.9),
        },
    )


if __name__ == "__main__":
    start(main)

"""Bayesian linear regression by Hamiltonian Monte Carlo: sampling with the gradient of log p."""

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from tqdm.auto import tqdm

import funad.numpy as np
from funad import tree, value_and_grad

NOISE, PRIOR = 0.7, 1.0  # standard deviations, of an observation and of a parameter
NAMES = (
    "age", "sex", "body mass", "blood pressure", "cholesterol", "LDL", "HDL", "cholesterol / HDL",
    "triglycerides", "glucose",
)  # fmt: skip


def log_posterior(params, x, y):
    """Return log p(params | x, y), but for a constant."""
    off = (y - x @ params["weights"] - params["bias"]) / NOISE
    return -(np.sum(off**2) + (np.sum(params["weights"] ** 2) + params["bias"] ** 2) / PRIOR**2) / 2


def leapfrog(energy_and_slope, q, p, slope, step, steps):
    """Roll from q with the momentum p down and up the energy; return the ends, and the way there."""
    way = [q]
    p = p - step / 2 * slope
    for k in range(steps):
        q = q + step * p
        energy, slope = energy_and_slope(q)
        p = p - (step if k < steps - 1 else step / 2) * slope
        way.append(q)
    return q, p, energy, slope, way


def sample(energy_and_slope, q, samples, step, steps, rng):
    """Return samples of exp(-energy) of shape (samples, parameters), the part accepted, and the last way."""
    energy, slope = energy_and_slope(q)
    rows, accepted = [], 0
    for _ in tqdm(range(samples), unit=" samples"):
        p = rng.standard_normal(len(q))
        length = rng.integers(1, steps + 1)  # at random, or the way may close to a circle
        q_new, p_new, energy_new, slope_new, way = leapfrog(energy_and_slope, q, p, slope, step, length)
        loss = energy_new + p_new @ p_new / 2 - energy - p @ p / 2  # 0, but for the finite steps
        if onp.log(rng.random()) < -loss:
            q, energy, slope, accepted = q_new, energy_new, slope_new, accepted + 1
        rows.append(q)
    return onp.array(rows), accepted / samples, onp.array(way)


def closed_form(x, y):
    """Return the mean and the covariance of the posterior, which is Gaussian."""
    x = onp.column_stack([x, onp.ones(len(x))])
    covariance = onp.linalg.inv(x.T @ x / NOISE**2 + onp.eye(x.shape[1]) / PRIOR**2)
    return covariance @ x.T @ y / NOISE**2, covariance


def draw(rows, way, mean, covariance, path):
    """Draw the samples of two weights that depend on each other, and mean and deviation of all of them."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5.5))
    pair = [NAMES.index("cholesterol"), NAMES.index("LDL")]
    left.scatter(*rows[:, pair].T, s=5, color="0.6", label="samples")
    turn = onp.linspace(0, 2 * onp.pi, 100)
    ring = onp.linalg.cholesky(covariance[onp.ix_(pair, pair)]) @ [onp.cos(turn), onp.sin(turn)]
    for size in (1, 2):
        label = "closed form, 1 and 2 standard deviations" if size == 1 else None
        left.plot(*(mean[pair, None] + size * ring), color="black", linewidth=2 / size, label=label)
    left.plot(*way[:, pair].T, ".-", color="C3", label="way to the last sample")
    left.set(xlabel=f"weight of {NAMES[pair[0]]}", ylabel=f"weight of {NAMES[pair[1]]}")
    left.set_title("Samples of two weights that depend on each other")
    left.legend()
    places, names = onp.arange(len(mean)), [*NAMES, "bias"]
    sd = onp.sqrt(onp.diag(covariance))
    right.errorbar(mean, places + 0.15, xerr=2 * sd, fmt="s", color="black", capsize=3, label="closed form")
    right.errorbar(rows.mean(0), places - 0.15, xerr=2 * rows.std(0), fmt="o", capsize=3, label="samples")
    right.set_yticks(places, names)
    right.axvline(0, color="0.8", zorder=0)
    right.set(xlabel="weight", title="Posterior means ± 2 standard deviations")
    right.legend()
    return save(figure, path)


def main(arguments=None):
    """Sample the weights, compare with the closed form, draw, and return the figures reached."""
    made = common(__doc__, "hmc")
    made.add_argument("--samples", type=whole, default=2500, metavar="N", help="samples of the posterior")
    options = made.parse_args(arguments)
    data = load_diabetes()
    x, y = scale(data.data), scale(data.target)
    start, unravel = tree.ravel({"weights": onp.zeros(len(NAMES)), "bias": 0.0})
    energy_and_slope = value_and_grad(lambda vector: -log_posterior(unravel(vector), x, y))
    rng = onp.random.default_rng(options.seed)
    rows, accepted, way = sample(energy_and_slope, start, options.samples, 0.025, 40, rng)
    rows = rows[len(rows) // 10 :]  # the first ones are on their way from the start
    mean, covariance = closed_form(x, y)
    sd = onp.sqrt(onp.diag(covariance))
    off = abs(rows.mean(0) - mean) / sd
    draw(rows, way, mean, covariance, options.out)
    return report(
        options.out,
        {
            "part of the proposals accepted": (accepted, ">=", 0.6),
            "largest error of a mean (standard deviations)": (off.max(), "<=", 0.15),
            "largest relative error of a standard deviation": (abs(rows.std(0) / sd - 1).max(), "<=", 0.1),
        },
    )


if __name__ == "__main__":
    start(main)

"""The natural gradient, downhill in the geometry of distributions: its metric is a Hessian of theirs."""

import numpy as onp
from options import common, report, start, whole
from picture import save, subplots
from sklearn.datasets import load_wine
from tqdm.auto import tqdm

import funad.numpy as np
from funad import grad, hessian

# Two ways to write down the same Gaussian: parameters of shape (2,) to mean and standard deviation.
WAYS = {"σ": lambda q: (q[0], q[1]), "log σ": lambda q: (q[0], np.exp(q[1]))}
STYLES = (
    {"color": "C0"}, {"color": "C1", "linestyle": "--"},
    {"color": "C2", "linewidth": 6, "alpha": 0.4}, {"color": "black", "linestyle": ":"},
)  # fmt: skip


def cost(q, way, x):
    """Return the mean of -log p(x)."""
    mean, sd = way(q)
    return np.mean((x - mean) ** 2) / (2 * sd**2) + np.log(sd) + np.log(2 * np.pi) / 2


def divergence(p, q, way):
    """Return KL(p ‖ q), how far the Gaussian q is from the Gaussian p."""
    (mean_p, sd_p), (mean_q, sd_q) = way(p), way(q)
    return np.log(sd_q / sd_p) + (sd_p**2 + (mean_p - mean_q) ** 2) / (2 * sd_q**2) - 1 / 2


def metric(q, way):
    """Return Fisher's information of shape (2, 2): the Hessian of KL(p ‖ q) in q, at q = p."""
    return hessian(divergence, argnums=1)(q, q, way)


def descend(q, way, x, rate, steps, natural):
    """Return the parameters after each step down the gradient, or down the natural one."""
    rows = [q]
    for _ in range(steps):
        slope = grad(cost)(q, way, x)
        q = q - rate * (onp.linalg.solve(metric(q, way), slope) if natural else slope)
        rows.append(q)
    return rows


def draw(paths, x, path):
    """Draw the ways down over the cost, and the cost over the steps."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 5.5))
    means, sds = onp.meshgrid(onp.linspace(9.5, 14.5, 200), onp.linspace(0.4, 4.2, 200))
    best = cost((x.mean(), x.std()), WAYS["σ"], x)
    costs = ((means - x.mean()) ** 2 + x.var()) / (2 * sds**2) + onp.log(sds) + onp.log(2 * onp.pi) / 2
    left.contour(means, sds, costs, levels=onp.geomspace(best + 0.02, 8, 14), colors="0.8", linewidths=1)
    for k, ((kind, name), rows) in enumerate(paths.items()):
        style = {"label": f"{kind} in (mean, {name})", **STYLES[k]}
        places = onp.array([WAYS[name](q) for q in rows])
        left.plot(*places.T, **style)
        right.plot([cost(q, WAYS[name], x) - best for q in rows], **style)
    left.plot(x.mean(), x.std(), "*", color="black", markersize=14, label="sample mean and deviation")
    left.set(xlabel="mean (% alcohol)", ylabel="standard deviation σ (% alcohol)")
    left.set_title("The natural gradient's way does not depend on how σ is written")
    right.set(xlabel="steps", ylabel="cost above its least", yscale="log", ylim=(1e-12, None))
    right.set_title("How fast they come down")
    right.grid(alpha=0.3)
    left.legend()
    right.legend(loc="lower left")
    return save(figure, path)


def main(arguments=None):
    """Fit a Gaussian to 178 wines in four ways, draw, and return the figures reached."""
    made = common(__doc__, "natural_gradient")
    made.add_argument("--steps", type=whole, default=300, metavar="N", help="steps of each way down")
    options = made.parse_args(arguments)
    x = load_wine().data[:, 0]
    mean, sd = onp.random.default_rng(options.seed).uniform((9.9, 3.5), (10.1, 4.0))
    starts = {"σ": onp.array([mean, sd]), "log σ": onp.array([mean, onp.log(sd)])}
    paths = {
        (kind, name): descend(starts[name], way, x, 0.05, options.steps, kind == "natural gradient")
        for kind in ("gradient", "natural gradient")
        for name, way in tqdm(WAYS.items(), desc=kind)
    }
    draw(paths, x, options.out)
    ends = onp.array([WAYS[name](rows[-1]) for (kind, name), rows in paths.items() if kind != "gradient"])
    natural = [onp.array([WAYS[name](q) for q in paths["natural gradient", name]]) for name in WAYS]
    off = onp.abs(ends - [x.mean(), x.std()])
    fisher = onp.abs(metric(starts["σ"], WAYS["σ"]) - onp.diag([1, 2]) / sd**2).max()
    return report(
        options.out,
        {
            "distance from the sample's mean and deviation": (off.max(), "<=", 1e-5),
            "distance between the two natural ways": (onp.abs(natural[0] - natural[1]).max(), "<=", 0.1),
            "error of Fisher's information": (fisher, "<=", 1e-14),
        },
    )


if __name__ == "__main__":
    start(main)

"""Tell the three arms of a spiral apart: a 2-100-3 network and the regions that it finds."""

import numpy as onp
from options import common, positive, report, start, whole
from picture import save, subplots
from tqdm.auto import tqdm

import funad.numpy as np
from funad import optimizers, value_and_grad

COLORS = ("tab:blue", "tab:orange", "tab:green")


def spiral(rng, number, noise=0.2):
    """Return points of shape (3 * number, 2), so many on each arm, and which arm each is on."""
    arms = onp.repeat(onp.arange(3), number)
    radius = onp.tile(onp.linspace(0.0, 1.0, number), 3)
    angle = 4 * (arms + radius) + noise * rng.standard_normal(3 * number)
    return radius[:, None] * onp.stack([onp.sin(angle), onp.cos(angle)], axis=1), arms


def init(rng, hidden):
    """Return random weights and biases of a 2-hidden-3 network."""
    return {
        "hidden": (rng.standard_normal((2, hidden)), rng.standard_normal(hidden) / 2),
        "output": (rng.standard_normal((hidden, 3)) / hidden**0.5, np.zeros(3)),
    }


def predict(params, x):
    """Return log p(arm) of shape (points, 3) for x of shape (points, 2)."""
    (V, a), (W, b) = params["hidden"], params["output"]
    z = np.maximum(x @ V + a, 0) @ W + b
    z = z - np.max(z, axis=1, keepdims=True)  # changes no probability, and exp cannot overflow
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


def loss(params, x, arms):
    """Return the mean of -log p(the right arm)."""
    return -np.mean(predict(params, x)[np.arange(len(x)), arms])


def accuracy(params, x, arms):
    """Return the part of the points whose most probable arm is the right one."""
    return float(onp.mean(onp.argmax(predict(params, x), axis=1) == arms))


def main(arguments=None):
    """Train on one spiral, test on another, and draw; return the accuracies."""
    made = common(__doc__, "spiral", epochs=600)
    made.add_argument("--hidden", type=whole, default=100, metavar="N", help="units of the hidden layer")
    made.add_argument("--rate", type=positive, default=0.03, metavar="R", help="Adam's learning rate")
    options = made.parse_args(arguments)
    rng = onp.random.default_rng(options.seed)
    training, test = spiral(rng, 100), spiral(rng, 100)
    params, slope, losses = init(rng, options.hidden), value_and_grad(loss), []
    start, update = optimizers.adam(options.rate)
    state = start(params)
    for _ in tqdm(range(options.epochs), unit=" epochs"):
        value, gradient = slope(params, *training)
        params, state = update(gradient, state, params)
        losses.append(value)
    draw(params, training, losses, options.out)
    reached = {"training": accuracy(params, *training), "test": accuracy(params, *test)}
    return report(options.out, {f"{name} accuracy": (part, ">=", 0.95) for name, part in reached.items()})


def draw(params, training, losses, path):
    """Draw the regions and the points, and the loss beside them."""
    figure, (left, right) = subplots(1, 2, figsize=(13, 6), width_ratios=(1.1, 1))
    side = onp.linspace(-1.25, 1.25, 301)
    grid = onp.stack(onp.meshgrid(side, side), axis=-1)
    arms = onp.argmax(predict(params, grid.reshape(-1, 2)), axis=1).reshape(grid.shape[:2])
    left.contourf(side, side, arms, levels=(-0.5, 0.5, 1.5, 2.5), colors=COLORS, alpha=0.3)
    for arm, color in enumerate(COLORS):
        points = training[0][training[1] == arm]
        left.scatter(*points.T, s=16, color=color, edgecolor="white", linewidth=0.4, label=f"arm {arm + 1}")
    left.set(title="The points and the regions that the network finds", xlabel="x₁", ylabel="x₂")
    left.set_aspect("equal")
    left.legend(loc="upper right")
    right.plot(range(1, len(losses) + 1), losses)
    right.set(title="Training loss", xlabel="epoch", ylabel="mean of -log p(the right arm)", yscale="log")
    right.grid(alpha=0.3, which="both")
    save(figure, path)


if __name__ == "__main__":
    start(main)

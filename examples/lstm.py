"""Continue sin(x) and sin(x)·cos(x) from five points: an LSTM, whose weights are shared by all steps."""

import numpy as onp
from numpy.lib.stride_tricks import sliding_window_view
from options import common, report, start
from picture import save, subplots
from tqdm.auto import tqdm

import funad.numpy as np
from funad import value_and_grad
from funad.optimizers import adam, cosine_decay

STEPS = 5  # the points that the network sees; it predicts the next one
SPACE, HIDDEN, RATE = 0.2, 16, 0.005  # between two points; size of the memory; of a step, at first
CURVES = {"sin(x)": np.sin, "sin(x)·cos(x)": lambda x: np.sin(x) * np.cos(x)}


def init(rng):
    """Return the weights of x, those of h and the biases of the four gates, and those of the output."""
    of_x, of_h = rng.standard_normal((1, 4 * HIDDEN)), rng.standard_normal((HIDDEN, 4 * HIDDEN))
    of_output = rng.standard_normal((HIDDEN, 1))
    return {
        "gates": (of_x, of_h / HIDDEN**0.5, onp.zeros(4 * HIDDEN)),
        "output": (of_output / HIDDEN**0.5, onp.zeros(1)),
    }


def sigmoid(z):
    """Return 1/(1 + exp(-z)), of which no part can overflow when it is written like this."""
    return (np.tanh(z / 2) + 1) / 2


def cell(gates, c, h, x):
    """Return the next memory c and output h, (n, HIDDEN) each, after reading x of shape (n, 1)."""
    W, U, b = gates
    write, forget, show, new = np.split(x @ W + h @ U + b, 4, axis=1)
    c = sigmoid(forget) * c + sigmoid(write) * np.tanh(new)
    return c, sigmoid(show) * np.tanh(c)


def predict(params, points):
    """Return the points that follow, (n,), on points of shape (n, STEPS)."""
    W, b = params["output"]
    c = h = onp.zeros((len(points), HIDDEN))
    for n in range(STEPS):
        c, h = cell(params["gates"], c, h, points[:, n : n + 1])
    return (h @ W + b)[:, 0]


def loss(params, points, following):
    """Return the mean of the squared errors."""
    return np.mean((predict(params, points) - following) ** 2)


loss_and_slope = value_and_grad(loss)


def generate(params, first, number):
    """Return the first STEPS points and this number of further ones, each predicted from those before."""
    points = list(first)
    for _ in range(number):
        points.append(predict(params, onp.array([points[-STEPS:]]))[0])
    return onp.array(points)


def train(params, curve, epochs, bar):
    """Return the parameters after training on 200 points of a curve, and the loss of each epoch."""
    points = sliding_window_view(curve(SPACE * onp.arange(200)), STEPS + 1)
    init_state, update = adam(cosine_decay(RATE, epochs))
    state, losses = init_state(params), []
    for _ in range(epochs):
        value, slope = loss_and_slope(params, points[:, :-1], points[:, -1])
        params, state = update(slope, state, params)
        losses.append(value)
        bar.update()
    return params, losses


def draw(row, name, x, truth, points, losses, error):
    """Draw what was generated on the truth, and how the loss fell."""
    left, right = row
    left.plot(x, truth, color="0.7", linewidth=4, label="truth")
    left.plot(x[STEPS:], points[STEPS:], ".", color="C3", label=f"{len(x) - STEPS} points generated")
    left.plot(x[:STEPS], points[:STEPS], "o", color="C0", label=f"{STEPS} points given")
    left.set(xlabel="x", ylabel=name, title=f"{name}, beyond the training points: error {error:.1e} (rms)")
    left.set_ylim(-1.15 * max(abs(truth)), 1.6 * max(abs(truth)))  # room for the legend
    left.legend(loc="upper center", ncols=3)
    right.semilogy(range(1, len(losses) + 1), losses)
    right.set(xlabel="epoch", ylabel="mean squared error", title="Training loss, of one point ahead")
    right.grid(alpha=0.3)


def main(arguments=None):
    """Train one network per curve, let each go on by itself, and return how far off they are."""
    options = common(__doc__, "lstm", epochs=1500).parse_args(arguments)
    rng, figures = onp.random.default_rng(options.seed), {}
    figure, axes = subplots(2, 2, figsize=(13, 7), width_ratios=(2, 1))
    with tqdm(total=len(CURVES) * options.epochs, unit=" epochs") as bar:
        for row, (name, curve) in zip(axes, CURVES.items(), strict=True):
            params, losses = train(init(rng), curve, options.epochs, bar)
            x = SPACE * onp.arange(200, 305)  # beyond what it was trained on
            points = generate(params, curve(x[:STEPS]), 100)
            error = onp.sqrt(onp.mean((points - curve(x))[STEPS:] ** 2))
            draw(row, name, x, curve(x), points, losses, error)
            figures[f"rms error of {name}"] = (error, "<=", 0.01)
    save(figure, options.out)
    return report(options.out, figures)


if __name__ == "__main__":
    start(main)

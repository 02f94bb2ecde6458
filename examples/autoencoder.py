"""Squeeze digits through 16 numbers and back: an auto-encoder, by one image per step and then by batches."""

import argparse
from itertools import pairwise
from pathlib import Path

import digits
import mnist
import numpy as onp
from options import common, natural, report, start
from picture import blank, mosaic, save, subplots
from tqdm.auto import tqdm

import funad.numpy as np
from funad import grad
from funad.optimizers import cosine_decay, momentum, sgd

BATCH = 32
SHOWN = 18  # images of each kind, beside what became of them


def init(rng, sizes):
    """Return one tuple of weights and biases, W₁, b₁, W₂, b₂, …, for layers of these sizes."""
    layers = [
        (rng.standard_normal((m, n), np.float32) / m**0.5, np.zeros(n, np.float32))
        for m, n in pairwise(sizes)
    ]
    return sum(layers, ())


def reconstruct(params, x):
    """Return images as they come back, from 0 to 1, of the shape of x, (n, pixels)."""
    for W, b in zip(params[:-2:2], params[1:-2:2], strict=True):
        x = np.tanh(x @ W + b)
    W, b = params[-2:]
    return (np.tanh((x @ W + b) / 2) + 1) / 2


def loss(params, x):
    """Return the squared distance between an image and what came back, in the mean over images."""
    return np.sum((reconstruct(params, x) - x) ** 2) / len(x)


slopes = grad(loss)  # by all of the parameters in one call; x is data, and costs nothing


def error(params, x):
    """Return the mean squared error of a pixel."""
    return float(loss(params, x)) / x.shape[1]


def train(params, training, test, optimizer, epochs, batch, rng, bar):
    """Return the parameters after some epochs, and the errors after each: in training and in test."""
    (init_state, update), errors = optimizer, []
    state = init_state(params)
    for _ in range(epochs):
        for some in onp.split(rng.permutation(len(training)), range(batch, len(training), batch)):
            params, state = update(slopes(params, training[some]), state, params)
            bar.update(len(some))
        errors.append((error(params, training), error(params, test)))
    return params, errors


def principal(training, test, size):
    """Return the error of the best linear way through this many numbers, fitted to the training images."""
    mean = training.mean(axis=0)
    _, directions = onp.linalg.eigh(onp.cov(training.T))
    kept = (test - mean) @ directions[:, -size:]
    return float(onp.mean((kept @ directions[:, -size:].T + mean - test) ** 2))


def draw_pairs(axes, params, images, shape, rng, title):
    """Draw random images, each with what came back on its right."""
    x = images[rng.integers(len(images), size=SHOWN)]
    pairs = onp.concatenate([x.reshape(-1, *shape), reconstruct(params, x).reshape(-1, *shape)], axis=2)
    axes.imshow(mosaic(pairs, shape[0] // 4, columns=3)[0], cmap="gray_r", vmin=0, vmax=1)
    axes.set_title(title)
    blank(axes)


def draw_errors(axes, errors, single, baseline, size):
    """Draw the errors over the epochs."""
    of_training, of_test = zip(*errors, strict=True)
    at = range(1, len(errors) + 1)
    axes.semilogy(at, of_training, label="training images")
    axes.semilogy(at, of_test, label="test images")
    axes.axhline(baseline, color="C3", linestyle=":", label=f"{size} principal components, test")
    axes.axvspan(0.5, single + 0.5, color="0.9", label="one image per step")
    axes.set(xlabel="epoch", ylabel="mean squared error of a pixel", title="Reconstruction error")
    axes.grid(alpha=0.3, which="both")
    axes.legend()


def load(folder):
    """Return images to train and to test on, from 0 to 1, their shape and the sizes of the network."""
    if folder is None:
        (training, _), (test, _) = digits.load()
        return (training + 1) / 2, (test + 1) / 2, (8, 8), (64, 32, 16, 64)
    (training, _), (test, _), shape = mnist.load(folder)
    return training, test, shape, (training.shape[1], 300, 100, training.shape[1])


def main(arguments=None):
    """Train in both ways, draw images and what came back, and return the error."""
    made = common(__doc__, "autoencoder", epochs=40)
    made.add_argument(
        "--single", type=natural, default=4, metavar="N", help="epochs of one image per step, before"
    )
    about = f"instead of the small digits, {mnist.NEEDED}"
    made.add_argument("--data", type=Path, default=argparse.SUPPRESS, metavar="DIR", help=about)
    options = made.parse_args(arguments)
    try:
        training, test, shape, sizes = load(vars(options).get("data"))
    except (ValueError, OSError) as problem:
        made.error(str(problem))
    rng, errors = onp.random.default_rng(options.seed), []
    params = init(rng, sizes)
    falling = cosine_decay(0.1, options.epochs * -(-len(training) // BATCH))
    total = (options.single + options.epochs) * len(training)
    with tqdm(total=total, unit=" images", unit_scale=True) as bar:
        for optimizer, epochs, batch in (
            (sgd(0.02), options.single, 1),
            (momentum(falling), options.epochs, BATCH),
        ):
            params, more = train(params, training, test, optimizer, epochs, batch, rng, bar)
            errors += more
    baseline = principal(training, test, sizes[-2])
    figure, axes = subplots(1, 3, figsize=(13, 5))
    draw_errors(axes[0], errors, options.single, baseline, sizes[-2])
    draw_pairs(axes[1], params, training, shape, rng, "Training images, and what came back")
    draw_pairs(axes[2], params, test, shape, rng, "Test images, and what came back")
    save(figure, options.out)
    return report(
        options.out,
        {
            "test error of a pixel": (errors[-1][1], "<=", 0.011),
            f"gain over {sizes[-2]} principal components": (baseline - errors[-1][1], ">=", 0.001),
        },
    )


if __name__ == "__main__":
    start(main)

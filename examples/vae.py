"""Draw digits by a variational auto-encoder: two numbers say what a digit looks like."""

import math
from statistics import NormalDist

import numpy as onp
from options import common, report, start
from picture import blank, mosaic, save, subplots
from sklearn.datasets import load_digits
from tqdm.auto import tqdm

import funad.numpy as np
from funad import value_and_grad
from funad.optimizers import adam, cosine_decay

HIDDEN, BATCH, RATE = 200, 50, 0.003  # units; images per step, and its size at first
STEPS = 36  # per epoch: once through all digits, nine times through 200


def init(rng):
    """Return an encoder, 64-200-4, a decoder, 2-200-64, and the noise of a pixel that it assumes."""

    def layer(m, n):
        return rng.standard_normal((m, n), np.float32) / m**0.5, np.zeros(n, np.float32)

    return {
        "encoder": [layer(64, HIDDEN), layer(HIDDEN, 4)],
        "decoder": [layer(2, HIDDEN), layer(HIDDEN, 64)],
        "log of noise": np.float32(0.0),
    }


def network(layers, x):
    """Return the output of a network with one hidden layer."""
    (V, a), (W, b) = layers
    return np.tanh(x @ V + a) @ W + b


def decode(params, z):
    """Return images of shape (n, 64), from 0 to 1, for z of shape (n, 2)."""
    return (np.tanh(network(params["decoder"], z) / 2) + 1) / 2


def log_normal(error, log_sigma):
    """Return log N(error | 0, σ²), of all pixels of all images together."""
    constant = math.log(2 * math.pi) / 2
    return -np.sum((error * np.exp(-log_sigma)) ** 2) / 2 - error.size * (log_sigma + constant)


def elbo(params, images, noise):
    """Return the mean lower bound of log p(image), in nats, for images of shape (n, 64).

    The encoder gives a Gaussian N(μ, σ²) for z; z = μ + σ·noise makes a sample of it that can be
    differentiated by μ and σ. The bound is log p(image | z) less what z costs, KL(N(μ, σ²) ‖ N(0, 1)).
    """
    mu, log_sigma = np.split(network(params["encoder"], 2 * images - 1), 2, axis=1)
    z = mu + np.exp(log_sigma) * noise
    fits = log_normal(images - decode(params, z), params["log of noise"])
    costs = np.sum((mu**2 + np.exp(2 * log_sigma) - 1) / 2 - log_sigma)
    return (fits - costs) / len(images)


loss_and_slope = value_and_grad(lambda params, images, noise: -elbo(params, images, noise))


def bound(params, images, rng):
    """Return the bound with one sample of z per image."""
    return float(elbo(params, images, rng.standard_normal((len(images), 2), np.float32)))


def train(images, others, epochs, rng, bar):
    """Return trained parameters and, for each epoch, the bound of images and of others."""
    init_state, update = adam(cosine_decay(RATE, epochs * STEPS))
    params, rows = init(rng), []
    state = init_state(params)
    for _ in range(epochs):
        for _ in range(STEPS):
            some = images[rng.integers(len(images), size=BATCH)]
            _, slope = loss_and_slope(params, some, rng.standard_normal((BATCH, 2), np.float32))
            params, state = update(slope, state, params)
            bar.update()
        rows.append((bound(params, images, rng), bound(params, others, rng) if len(others) else math.nan))
    return params, onp.array(rows)


def draw_samples(axes, params, title, side=14):
    """Draw the images that z decodes to: as many z on either side of each, so the most are near 0."""
    quantiles = [NormalDist().inv_cdf((n + 0.5) / side) for n in range(side)]
    z = onp.array([(right, up) for up in reversed(quantiles) for right in quantiles], np.float32)
    axes.imshow(mosaic(decode(params, z).reshape(-1, 8, 8), 1)[0], cmap="gray_r", vmin=0, vmax=1)
    axes.set_title(title)
    blank(axes)


def main(arguments=None):
    """Train on 200 digits and on all, draw what was learnt, and return the bounds."""
    options = common(__doc__, "vae", epochs=80).parse_args(arguments)
    rng = onp.random.default_rng(options.seed)
    images = rng.permutation(load_digits().data.astype(np.float32) / 16)
    error = images - images.mean(axis=0)  # of a model in which pixels know nothing of each other
    alone, reached = float(log_normal(error, onp.log(error.std()))) / len(images), []
    figure, (curve, *sheets) = subplots(1, 3, figsize=(13, 4.8))
    with tqdm(total=2 * options.epochs * STEPS, unit=" steps") as bar:
        for number, color, axes in zip((200, len(images)), ("C1", "C0"), sheets, strict=True):
            params, rows = train(images[:number], images[number:], options.epochs, rng, bar)
            curve.plot(range(1, len(rows) + 1), rows[:, 0], color=color, label=f"{number:,} digits")
            draw_samples(axes, params, f"Decoded from a grid of z, {number:,} digits seen")
            if number < len(images):
                label = f"the {len(images) - number:,} others"
                curve.plot(range(1, len(rows) + 1), rows[:, 1], "--", color=color, label=label)
            reached.append(rows[-1, 0])
    curve.axhline(alone, color="0.5", linestyle=":", label="independent pixels")
    curve.set(
        xlabel=f"epoch, of {STEPS} steps", ylabel="lower bound of log p(image)", title="ELBO, nats per image"
    )
    curve.legend()
    curve.grid(alpha=0.3)
    save(figure, options.out)
    return report(
        options.out,
        {
            "ELBO of 200 digits": (reached[0], ">=", 15),
            "ELBO of all digits": (reached[1], ">=", 10),
            "gain over independent pixels": (reached[1] - alone, ">=", 15),
        },
    )


if __name__ == "__main__":
    start(main)

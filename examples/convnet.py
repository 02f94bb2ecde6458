"""Read handwritten digits by convolution: windows and pooling by strides, products by einsum."""

import numpy as onp
from digits import load
from options import common, report, start
from picture import blank, draw_weights, save, subplots
from tqdm.auto import tqdm

import funad.numpy as np
from funad import value_and_grad
from funad.optimizers import adam, cosine_decay

SIZE, FEATURES = 3, 16  # of a window; of the first layer
BATCH, RATE = 32, 0.003  # images per step, and its size at first
SHOWN = 9  # of the images that it reads wrongly


def windows(x):
    """Return what each pixel of x has around it: (n, height, width, channels) gets SIZE² times as much."""
    _, height, width, _ = x.shape
    x = np.pad(x, ((0, 0), (SIZE // 2, SIZE // 2), (SIZE // 2, SIZE // 2), (0, 0)))
    moved = [x[:, i : i + height, j : j + width] for i in range(SIZE) for j in range(SIZE)]
    return np.stack(moved, axis=3)


def convolve(x, W, b):
    """Return the products of all windows of x with W of shape (SIZE², channels, features)."""
    return np.einsum("nhwkc,kcf->nhwf", windows(x), W, optimize=True) + b


def pool(x):
    """Return the largest of each two by two neighbours."""
    x = np.maximum(x[:, ::2], x[:, 1::2])
    return np.maximum(x[:, :, ::2], x[:, :, 1::2])


def init(rng):
    """Return random weights and zero biases of two convolutions and of the layer on top."""

    def layer(*shape):
        scale = (2 / onp.prod(shape[:-1])) ** 0.5  # keeps the size of what goes through (He et al., 2015)
        return np.float32(scale) * rng.standard_normal(shape, np.float32), np.zeros(shape[-1], np.float32)

    return {
        "first": layer(SIZE**2, 1, FEATURES),
        "second": layer(SIZE**2, FEATURES, 2 * FEATURES),
        "output": layer(2 * 2 * 2 * FEATURES, 10),
    }


def predict(params, x):
    """Return log p(digit) of shape (images, 10) for x of shape (images, 8, 8, 1)."""
    for name in ("first", "second"):
        x = pool(np.maximum(convolve(x, *params[name]), 0))
    W, b = params["output"]
    z = x.reshape(len(x), -1) @ W + b
    z = z - np.max(z, axis=1, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


def loss(params, x, digits):
    """Return the mean of -log p(the right digit)."""
    return -np.mean(predict(params, x)[np.arange(len(x)), digits])


loss_and_slope = value_and_grad(loss)


def train(params, images, digits, epochs, rng):
    """Return the trained parameters and the mean loss of each epoch."""
    starts = range(BATCH, len(images), BATCH)
    init_state, update = adam(cosine_decay(RATE, epochs * (len(starts) + 1)))
    state, losses = init_state(params), []
    for _ in tqdm(range(epochs), unit=" epochs"):
        total = 0.0
        for some in onp.split(rng.permutation(len(images)), starts):
            value, slope = loss_and_slope(params, images[some], digits[some])
            params, state = update(slope, state, params)
            total += float(value) * len(some) / len(images)
        losses.append(total)
    return params, losses


def draw(params, losses, images, digits, guesses, path):
    """Save the first layer's windows, the loss, and the test images that were read wrongly."""
    figure, (left, middle, right) = subplots(1, 3, figsize=(13, 4.5))
    draw_weights(left, params["first"][0][:, 0].T.reshape(-1, SIZE, SIZE), named=False)
    left.set_title(f"Windows of the first layer, {SIZE} by {SIZE}")
    middle.semilogy(range(1, len(losses) + 1), losses, marker="o", markersize=3)
    middle.set(xlabel="epoch", ylabel="mean of -log p(the right digit)", title="Training loss")
    middle.grid(alpha=0.3, which="both")
    wrong = onp.flatnonzero(guesses != digits)
    few = "" if len(wrong) <= SHOWN else f",\n{SHOWN} of them here"
    right.set_title(f"{len(wrong)} of {len(digits)} test images read wrongly{few}")
    blank(right)
    for n, image in enumerate(wrong[:SHOWN]):
        inset = right.inset_axes((n % 3 / 3, 0.7 - n // 3 / 3, 0.3, 0.22))
        inset.imshow(images[image, ..., 0], cmap="gray_r")
        inset.set_title(f"{digits[image]} read as {guesses[image]}", fontsize="medium")
        inset.set_axis_off()
    return save(figure, path)


def main(arguments=None):
    """Train, draw, and return the test accuracy."""
    options = common(__doc__, "convnet", epochs=25).parse_args(arguments)
    rng = onp.random.default_rng(options.seed)
    (images, digits), (unseen, answers) = load()
    images, unseen = images.reshape(-1, 8, 8, 1), unseen.reshape(-1, 8, 8, 1)
    params, losses = train(init(rng), images, digits, options.epochs, rng)
    guesses = np.argmax(predict(params, unseen), axis=1)
    draw(params, losses, unseen, answers, guesses, options.out)
    return report(options.out, {"test accuracy": (onp.mean(guesses == answers), ">=", 0.98)})


if __name__ == "__main__":
    start(main)

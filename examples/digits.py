"""Read handwritten digits, 1,797 real images: one layer against two, their gradients by funad."""

from itertools import pairwise

import numpy as onp
from options import parser, report, start
from picture import draw
from tqdm.auto import tqdm

import funad.numpy as np
from funad import tree, value_and_grad


def init(rng, sizes):
    """Return random weights W and zero biases b per layer, for layers of these sizes."""
    names = ("hidden", "output") if len(sizes) == 3 else ("output",)
    return {
        name: (rng.standard_normal((m, n), np.float32) / m**0.5, np.zeros(n, np.float32))
        for name, (m, n) in zip(names, pairwise(sizes), strict=True)
    }


def predict(params, x):
    """Return log p(digit) of shape (images, 10) for x of shape (images, pixels)."""
    *hidden, (W, b) = params.values()
    for V, a in hidden:
        x = np.maximum(x @ V + a, 0)
    z = x @ W + b
    z = z - np.max(z, axis=1, keepdims=True)  # changes no probability, and exp cannot overflow
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


def loss(params, x, digits):
    """Return the mean of -log p(the right digit)."""
    return -np.mean(predict(params, x)[np.arange(len(x)), digits])


def accuracy(params, x, digits):
    """Return the part of the images whose most probable digit is the right one."""
    return float(np.mean(np.argmax(predict(params, x), axis=1) == digits))


loss_and_slope = value_and_grad(loss)


def step(params, x, digits, rate):
    """Return the loss here, and the parameters one step down its slope."""
    value, slope = loss_and_slope(params, x, digits)
    return float(value), tree.map(lambda p, dp: p - rate * dp, params, slope)


def train(params, training, test, epochs, batch, rate, rng):
    """Return the trained parameters, and per epoch the loss, the train and the test accuracy."""
    images, digits = training
    rows = []
    with tqdm(total=epochs * len(images), unit=" images", unit_scale=True) as bar:
        for epoch in range(1, epochs + 1):
            order, total = rng.permutation(len(images)), 0.0
            for some in onp.split(order, range(batch, len(images), batch)):
                value, params = step(params, images[some], digits[some], rate)
                total += value * len(some) / len(images)
                bar.update(len(some))
            if not onp.isfinite(total):
                raise SystemExit(f"the loss became {total} in epoch {epoch}; try a --rate below {rate}")
            rows.append((total, accuracy(params, *training), accuracy(params, *test)))
            bar.write("epoch {:3d}   loss {:.4f}   train {:.4f}   test {:.4f}".format(epoch, *rows[-1]))
    return params, rows


def run(options, training, test, shape, wanted):
    """Train classifiers of images of this shape, tell how good they are and draw what they have learned."""
    pixels, trained = shape[0] * shape[1], {}
    print(f"{len(training[0]):,} images to train on, {len(test[0]):,} to test on, {pixels} pixels each")
    for layers in sorted(set(options.layers)):
        sizes = (pixels, options.hidden, 10) if layers == 2 else (pixels, 10)
        name = "-".join(map(str, sizes))
        print(f"the {name} network:")
        rng = onp.random.default_rng(options.seed)
        start = init(rng, sizes)
        trained[name] = train(start, training, test, options.epochs, options.batch, options.rate, rng)
    reached = {
        f"test accuracy of the {name} network": (rows[-1][2], ">=", wanted[len(params)])
        for name, (params, rows) in trained.items()
    }
    return report(draw(trained, shape, options.out), reached)


def load():
    """Return images and digits, 1,437 to train on and 360 to test on, always the same ones."""
    from sklearn.datasets import load_digits  # here, as mnist.py does without it

    images, digits = load_digits(return_X_y=True)
    images = (images / 8 - 1).astype(np.float32)
    test, training = onp.split(onp.random.default_rng(0).permutation(len(images)), [360])
    return (images[training], digits[training]), (images[test], digits[test])


def main(arguments=None):
    """Train on the digits of scikit-learn; return the accuracy reached."""
    options = parser(__doc__, "digits", epochs=60, rate=0.3).parse_args(arguments)
    return run(options, *load(), shape=(8, 8), wanted={1: 0.93, 2: 0.97})


if __name__ == "__main__":
    start(main)

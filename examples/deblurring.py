"""Sharpen a blurred photograph: the gradient of a total-variation cost through the FFT."""

import numpy as onp
from options import common, report, start, whole
from picture import blank, save, subplots
from scipy.optimize import minimize
from sklearn.datasets import load_sample_image
from tqdm.auto import tqdm

import funad.numpy as np
from funad import value_and_grad

SIDE, WIDTH, NOISE = 160, 1.5, 0.004  # pixels of the image and of the blur; of a brightness between 0 and 1
ROUGH, SOFT, EDGE = 1e-4, 1e-3, 0.01  # prices of slopes; below EDGE the first of them is that of a square
DOWN, ACROSS = onp.fft.fftfreq(SIDE)[:, None], onp.fft.rfftfreq(SIDE)
BLUR = onp.exp(-2 * (onp.pi * WIDTH) ** 2 * (DOWN**2 + ACROSS**2))  # a Gaussian one, of each frequency


def photograph():
    """Return a part of a photograph of a flower: brightnesses of shape (SIDE, SIDE)."""
    image = load_sample_image("flower.jpg")[60 : 60 + 2 * SIDE, 180 : 180 + 2 * SIDE, 0] / 255
    return image.reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3))


def blurred(image):
    """Return the image as the lens shows it."""
    return np.fft.irfft2(BLUR * np.fft.rfft2(image), image.shape)


def roughness(image):
    """Return the sum of the lengths of all slopes: of a few sharp edges no more than of soft ones."""
    down, across = np.roll(image, -1, 0) - image, np.roll(image, -1, 1) - image
    return np.sum(np.sqrt(down**2 + across**2 + EDGE**2))


def squares(image):
    """Return half of the sum of the squares of all slopes."""
    return 0.5 * sum(np.sum((np.roll(image, -1, axis) - image) ** 2) for axis in (0, 1))


def sharpen(seen, price, penalty, iterations):
    """Return the image whose blurred form is near what is seen, at a price for its penalty."""

    def cost(pixels):
        image = pixels.reshape(SIDE, SIDE)
        return 0.5 * np.sum((blurred(image) - seen) ** 2) + price * penalty(image)

    with tqdm(total=iterations, unit=" iterations") as bar:
        limits = {"maxiter": iterations, "ftol": 0, "gtol": 1e-9}
        way = {"method": "L-BFGS-B", "options": limits, "callback": lambda _: bar.update()}
        return minimize(value_and_grad(cost), seen.ravel(), jac=True, **way).x.reshape(SIDE, SIDE)


def wiener(seen, price):
    """Return the image of the least cost with the penalty ``squares``: a closed form in frequencies."""
    slopes = 4 * onp.sin(onp.pi * DOWN) ** 2 + 4 * onp.sin(onp.pi * ACROSS) ** 2
    return onp.fft.irfft2(BLUR * onp.fft.rfft2(seen) / (BLUR**2 + price * slopes), seen.shape)


def decibels(image, truth):
    """Return the peak signal-to-noise ratio."""
    return -10 * onp.log10(onp.mean((image - truth) ** 2))


def draw(images, truth, path):
    """Draw the images side by side, and how near the photograph each is."""
    figure, axes = subplots(1, len(images), figsize=(16, 4.3))
    for ax, (name, image) in zip(axes, images.items(), strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set_title(name if image is truth else f"{name}: {decibels(image, truth):.1f} dB")
        blank(ax)
    return save(figure, path)


def main(arguments=None):
    """Blur a photograph, sharpen it in two ways, draw, and return the figures reached."""
    made = common(__doc__, "deblurring")
    made.add_argument("--iterations", type=whole, default=200, metavar="N", help="of L-BFGS, at most")
    options, truth = made.parse_args(arguments), photograph()
    seen = blurred(truth) + NOISE * onp.random.default_rng(options.seed).standard_normal(truth.shape)
    sharp, soft = (
        sharpen(seen, price, f, options.iterations) for price, f in ((ROUGH, roughness), (SOFT, squares))
    )
    images = {
        "Blurred, with noise": seen,
        "Squared slopes": soft,
        "Lengths of slopes": sharp,
        "Photograph": truth,
    }
    gains = [decibels(image, truth) - decibels(seen, truth) for image in (soft, sharp)]
    return report(
        draw(images, truth, options.out),
        {
            "gain by the lengths of slopes (dB)": (gains[1], ">=", 5),
            "gain over squared slopes (dB)": (gains[1] - gains[0], ">=", 1.5),
            "distance of squared slopes from the closed form": (
                onp.abs(soft - wiener(seen, SOFT)).max(),
                "<=",
                1e-6,
            ),
        },
    )


if __name__ == "__main__":
    start(main)

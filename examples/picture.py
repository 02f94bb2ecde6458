"""What the examples draw with: figures and files, and what a classifier of images has learned."""

import matplotlib

matplotlib.use("Agg")  # draws into files, on machines without a screen too

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

SHOWN = 100  # units: more of them would be too small to see


def subplots(rows=1, columns=1, **options):
    """Return a figure and its axes, as pyplot's ``subplots`` does: sharp, with room at the edges."""
    figure, axes = plt.subplots(rows, columns, layout="constrained", dpi=120, **options)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # inches
    return figure, axes


def save(figure, path):
    """Save a figure, be done with it, and return the path."""
    figure.savefig(path)
    plt.close(figure)
    return path


def draw(trained, shape, path):
    """Save the weights of each network's first layer, as images of this shape, and the losses; return path.

    ``trained`` maps the name of a network to its parameters and to its rows, one per epoch.
    """
    columns = len(trained) + 1
    figure, axes = subplots(1, columns, figsize=(6.5 * columns, 6.5))
    for left, (params, _) in zip(axes, trained.values(), strict=False):
        W, _ = next(iter(params.values()))
        draw_weights(left, W.T.reshape(-1, *shape), named=len(params) == 1)
    draw_loss(axes[-1], {name: rows for name, (_, rows) in trained.items()})
    return save(figure, path)


def draw_weights(axes, units, named):
    """Draw units of shape (n, height, width) on one scale, symmetric about zero."""
    shown = units[:SHOWN]
    gap = shown.shape[1] // (4 if named else 8) or 1
    sheet, corners = mosaic(shown, gap)
    most = np.abs(shown).max()
    image = axes.imshow(sheet, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    axes.figure.colorbar(image, ax=axes, location="bottom", shrink=0.6, pad=0.02, label="weight of a pixel")
    blank(axes)
    if named:
        axes.set_title("Learned weights of the ten digits")
        for digit, (top, left) in enumerate(corners):
            axes.text(left - 0.5, top - 0.6, str(digit), va="bottom")
    else:
        some = "" if len(shown) == len(units) else f"{len(shown)} of "
        axes.set_title(f"Learned weights of {some}the {len(units)} hidden units")


def blank(axes):
    """Leave nothing of axes but the image in them, its title as high as those beside it."""
    axes.set_axis_off()
    axes.set_anchor("N")


def mosaic(units, gap, columns=None):
    """Return the units side by side in one array, NaN around them, and their top left corners.

    They stand in a square, unless ``columns`` says otherwise.
    """
    number, height, width = units.shape
    columns = columns or int(np.ceil(number**0.5))
    sheet = np.full((-(-number // columns) * (height + gap) + gap, columns * (width + gap) + gap), np.nan)
    corners = [
        (gap + n // columns * (height + gap), gap + n % columns * (width + gap)) for n in range(number)
    ]
    for unit, (top, left) in zip(units, corners, strict=True):
        sheet[top : top + height, left : left + width] = unit
    return sheet, corners


def draw_loss(axes, runs):
    """Draw the training losses of networks over the epochs."""
    for name, rows in runs.items():
        losses, _, accuracies = zip(*rows, strict=True)
        label = f"{name}, test accuracy {accuracies[-1]:.1%}"
        axes.plot(range(1, len(losses) + 1), losses, marker="o", markersize=3, label=label)
    axes.set(title="Training loss", xlabel="epoch", ylabel="mean of -log p(the right digit)", yscale="log")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    axes.set_xlim(0, len(losses) + 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
